/**
 * Gap: a row of the table of entries for what is not shown between two others. Where it is known which entries those are, it has a
 * link to them; a click puts them in its place, a page at a time, read from the stream as it is now.
 *
 * @example
 * <tr class="gap"><td colspan="5"><span>12 skipped: they arrived faster than they can be shown. <a data-gap href="…">Show them</a></span></td></tr>
 */
import { announce } from "../announce.js";
import { pageAt } from "./regions.js";

const LAST_SEQ = 2n ** 64n - 1n;

/**
 * What is left out of a stream, from `start` to `end` inclusive, both IDs.
 * @typedef {{start: string, end: string, skipped: number, atLeast: boolean, source: object}} Gap
 */

/** @type {WeakMap<HTMLTableRowElement, Gap>} */
const gaps = new WeakMap();

/** The gap of a row, or what would be one if the row itself were left out; undefined where that is not known. @returns {Gap | undefined} */
const left = (row, source) =>
  gaps.get(row) ?? (row.id ? { start: idOf(row), end: idOf(row), skipped: 1, atLeast: false, source } : undefined);

const idOf = (row) => row.id.slice("e-".length);

/** Between two IDs of a stream, without them. @returns {Gap} */
export function between(before, after, skipped, atLeast, source) {
  return { start: next(before), end: previous(after), skipped, atLeast, source };
}

/** One row for two that are left out, the newer first. @param {HTMLTableElement} table @param {object} source  the only one, or undefined */
export function merged(table, newer, older, source) {
  const [a, b] = source ? [left(newer, source), left(older, source)] : [];
  if (!a || !b) return note(table, "Older entries are not shown.");
  const gap = { start: b.start, end: a.end, skipped: a.skipped + b.skipped, atLeast: a.atLeast || b.atLeast, source };
  return offer(table, gap, `${count(gap)} not shown.`);
}

/** A row that says so and offers the gap. @param {HTMLTableElement} table @param {Gap} gap @param {string} text */
export function offer(table, gap, text, link = "Show them") {
  const row = note(table, text);
  const anchor = document.createElement("a");
  anchor.href = address(table, gap);
  anchor.dataset.gap = "";
  anchor.textContent = link;
  row.cells[0].firstChild.append(" ", anchor);
  gaps.set(row, gap);
  return row;
}

/** A row that only says something. @param {HTMLTableElement} table @param {string} text */
export function note(table, text) {
  const row = document.createElement("tr");
  const cell = document.createElement("td");
  const place = document.createElement("span");
  row.className = "gap";
  cell.colSpan = table.tHead.rows[0].cells.length;
  place.textContent = text;
  cell.append(place);
  row.append(cell);
  return row;
}

/** @param {Gap} gap */
export function count({ skipped, atLeast }) {
  return `${atLeast ? "At least " : ""}${skipped.toLocaleString("en-US")}`;
}

/**
 * Puts the newest entries of a gap in its place, and a row for what is left of it.
 * @param {HTMLTableElement} table @param {HTMLTableRowElement} row  of the gap
 * @param {(row: HTMLTableRowElement, source: object) => HTMLTableRowElement | null} ready  makes a row one of this table; null: it has it already
 */
export async function show(table, row, ready) {
  const [gap, link] = [gaps.get(row), row.querySelector("a")];
  if (row.hasAttribute("aria-busy")) return;
  row.setAttribute("aria-busy", "true");
  const found = await read(link.href);
  row.removeAttribute("aria-busy");
  if (!found) link.textContent = "Not read. Try again";
  else if (row.isConnected) replace(table, row, gap, found, ready);
}

/** @returns {Promise<HTMLTableElement | null>} */
async function read(href) {
  try {
    const { answer, page } = await pageAt(href, undefined, "rows");
    return answer.ok ? page.querySelector("table[data-rows]") : null;
  } catch {
    return null;
  }
}

function replace(table, row, gap, found, ready) {
  const fresh = [...found.tBodies[0].rows].map((one) => document.adoptNode(one));
  const rows = fresh.map((one) => ready(one, gap.source)).filter(Boolean);
  const less = { ...gap, end: found.dataset.rest, skipped: Math.max(0, gap.skipped - fresh.length) };
  const isFocused = row.querySelector(":focus-visible") !== null;
  row.replaceWith(...rows, ...rest(table, less));
  if (isFocused) rows[0]?.querySelector("a")?.focus();
  announce(`${fresh.length} entries shown.`);
}

/** What is left of a gap when a page of it is shown: the way to the others, or why there are none. @param {Gap} gap */
function rest(table, gap) {
  if (gap.end) return [offer(table, gap, gap.skipped ? `${count(gap)} more skipped.` : "There may be more.")];
  if (!gap.skipped) return [];
  const why = table.dataset.where ? "do not match, or are no longer in the stream" : "are no longer in the stream";
  return [note(table, `${count(gap)} of the skipped entries ${why}.`)];
}

function address(table, { start, end, source }) {
  const { where, columns } = table.dataset;
  const query = new URLSearchParams({ start, end, ...(where ? { where } : {}) });
  for (const name of columns ? columns.split(",") : []) query.append("column", name);
  return `${source.path}?${query}`;
}

const parts = (id) => id.split("-").map(BigInt);

function next(id) {
  const [ms, seq] = parts(id);
  return seq === LAST_SEQ ? `${ms + 1n}-0` : `${ms}-${seq + 1n}`;
}

function previous(id) {
  const [ms, seq] = parts(id);
  return seq === 0n ? `${ms - 1n}-${LAST_SEQ}` : `${ms}-${seq - 1n}`;
}
