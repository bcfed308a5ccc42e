/**
 * Sources: the streams whose entries a table shows. Mostly that is one. Several are merged by time: each row says which stream it is
 * of, and goes where its time belongs among the others; an entry whose ID is no time goes where it arrives.
 *
 * @example
 * <li data-source="0" data-stream="orders" data-path="/s/eu/orders/"><a class="name">orders</a> <small data-source-said></small></li>
 * <table data-watch="entries" data-server="eu" data-afters="1-0,2-0" data-columns="" data-where="">
 */

/** The columns before the one that says the stream. */
const BEFORE = 2;

/** The only stream of a table. */
class Single {
  path = location.pathname;
  prefix = "";

  /** @param {DOMStringMap} data  of the table */
  constructor({ stream, after }) {
    Object.assign(this, { stream, after });
  }

  /** Links that open a row keep the filter and the columns of this page. @param {HTMLTableRowElement} row */
  own(row) {
    for (const link of row.querySelectorAll("a[data-row-open]")) {
      const url = new URL(location.href);
      url.searchParams.set("open", link.dataset.rowOpen);
      url.hash = row.id;
      link.href = url;
    }
    return row;
  }

  say() {
    // The page is about this stream: it says by itself what is wrong.
  }
}

/** One of several streams. */
class Merged {
  /** @param {HTMLElement} chip  with data-source @param {string} after */
  constructor(chip, after) {
    const { source, stream, path } = chip.dataset;
    Object.assign(this, { chip, number: source, stream, path, after, prefix: `${chip.querySelector(".name").title}: ` });
  }

  /** @param {HTMLTableRowElement} row */
  own(row) {
    const id = row.id.slice("e-".length);
    for (const link of row.querySelectorAll("a[data-row-open]")) link.href = `${this.path}?end=${id}&open=${id}#${row.id}`;
    row.id += `~${this.number}`;
    const cell = row.insertCell(BEFORE);
    cell.className = "source";
    cell.append(this.chip.querySelector(".name").cloneNode(true));
    return row;
  }

  /** What is wrong with the stream, beside its name; "" takes it back. @param {string} text */
  say(text) {
    const place = this.chip.querySelector("[data-source-said]");
    if (place.textContent !== text) place.textContent = text;
  }
}

/** @param {HTMLTableElement} table @returns {(Single | Merged)[]} */
export function sourcesOf(table) {
  const { afters } = table.dataset;
  if (afters === undefined) return [new Single(table.dataset)];
  const chips = afters.split(",").map((after, number) => [document.querySelector(`[data-source="${number}"]`), after]);
  return chips.filter(([chip]) => chip).map(([chip, after]) => new Merged(chip, after));
}

/** When each row that has arrived belongs: of an entry its time, of a gap that of the entry after it. @type {WeakMap<Element, number>} */
const times = new WeakMap();

/** @param {Element} row @returns {number | null} null: below what it stands under, like the details of a row */
function timeOf(row) {
  if (!times.has(row) && row.id) times.set(row, Number(row.querySelector("time")?.dataset.at ?? 0));
  return times.get(row) ?? null;
}

/** @param {HTMLTableRowElement} row  of an entry that has just arrived @returns {number} */
export function arrival(row) {
  return Number(row.querySelector("time")?.dataset.at ?? Date.now());
}

/** Puts a row where its time belongs, above those of the same time. @param {Element[]} rows  newest first @param {Element} row @param {number} time */
export function place(rows, row, time) {
  times.set(row, time);
  const at = rows.findIndex((other) => timeOf(other) !== null && timeOf(other) <= time);
  rows.splice(at < 0 ? rows.length : at, 0, row);
}

/** Two lists, newest first, as one. @param {Element[]} fresh @param {Element[]} shown @returns {Element[]} */
export function merge(fresh, shown) {
  const result = [];
  let at = 0;
  for (const row of fresh) {
    while (at < shown.length && !isAbove(row, shown[at])) result.push(shown[at++]);
    result.push(row);
  }
  return [...result, ...shown.slice(at)];
}

function isAbove(row, other) {
  return timeOf(other) !== null && timeOf(other) <= (timeOf(row) ?? Infinity);
}
