/**
 * Entries: new rows come drawn by the server and are put on top. While the table is in use they wait, counted in a pill: it is
 * paused, scrolled down, a row is open or ticked, text in it is selected, the pointer is over it, or the focus is in it. When a filter has put another
 * list in its place, that one is followed, or none where it is not live. A table may show several streams (`sources.js`).
 *
 * @example
 * <div class="pill-place"><button data-live-pill hidden></button></div>
 * <table data-watch="entries" data-server="eu" data-stream="orders" data-after="1-0" data-columns="status,total" data-where="">
 *   <tbody data-live-rows>…
 */
import { isPlain } from "../behaviours/row-open.js";
import { tick } from "../behaviours/relative-time.js";
import { held } from "./badge.js";
import { between, count, merged, note, offer, show } from "./gap.js";
import { Rate } from "./rate.js";
import { refresh } from "./regions.js";
import { watch } from "./socket.js";
import { arrival, merge, place, sourcesOf } from "./sources.js";

const ROWS = 200;
/** As many as somebody asked to see may stay, up to this. */
const ROWS_MOST = 1000;
/** Between two times that rows are put on top: so long the list stands still and can be read. */
const STILL_MS = 800;
const REASONS = {
  trimmed: "were trimmed before they could be shown",
  failover: "were lost in a failover",
};

/** The part of the table that is live. */
class Entries {
  /** @param {HTMLTableElement} table */
  constructor(table) {
    this.table = table;
    this.body = table.querySelector("[data-live-rows]");
    this.sources = sourcesOf(table);
    this.isMerged = table.dataset.afters !== undefined;
    this.pill = document.querySelector("[data-live-pill]");
    /** Rows that wait, newest first. @type {HTMLTableRowElement[]} */
    this.waiting = [];
    this.paused = false;
    this.seen = this.skipped = this.fresh = 0;
    this.rate = new Rate();
    this.moved = -STILL_MS;
    this.later = 0;
  }

  get isHeld() {
    if (this.paused || this.isScrolledPast || this.body.matches(":hover, :focus-within")) return true;
    return this.isSelected || this.body.querySelector(":scope > tr.open, :scope > tr :checked") !== null;
  }

  /** Whether some of its text is. */
  get isSelected() {
    const selection = getSelection();
    return !selection.isCollapsed && this.body.contains(selection.anchorNode);
  }

  /** Whether its newest row is out of sight above. */
  get isScrolledPast() {
    return scrollY > 0 && this.body.getBoundingClientRect().top < 0;
  }

  /** @param {object} frame  entries, oldest first, each with its row @param {Source} source */
  take(frame, source) {
    if (!this.isMerged && !this.table.dataset.columns && !this.body.querySelector("tr[id]")) return location.reload();
    const rows = frame.html.flatMap(rowsOf).map((row) => source.own(row)).filter((row) => !this.has(row.id));
    this.skipped += frame.skipped;
    this.seen += rows.length;
    this.fresh += rows.length;
    this.rate.add(rows.length, frame.skipped);
    source.say("");
    if (frame.skipped || frame.skipped_at_least) this.put(this.skippedRow(frame, source), rows[0]);
    rows.forEach((row) => this.put(row, row));
    this.settle();
    if (!this.isMerged) refresh(); // the figures of the stream move on with its rows
  }

  /** Whether the row stands in the table, or waits. @param {string} id */
  has(id) {
    return document.getElementById(id) !== null || this.waiting.some((row) => row.id === id);
  }

  /** @param {object} frame  a reset */
  break(frame, source) {
    this.put(note(this.table, source.prefix + resetText(frame)));
    this.settle();
  }

  /** @param {HTMLTableRowElement} row @param {HTMLTableRowElement} [entry]  whose place in time it takes; left out: that of now */
  put(row, entry) {
    if (this.isMerged) place(this.waiting, row, entry ? arrival(entry) : Date.now());
    else this.waiting.unshift(row);
    if (this.waiting.length <= ROWS) return;
    const [newer, older] = this.waiting.splice(-2);
    this.waiting.push(merged(this.table, newer, older, this.isMerged ? undefined : this.sources[0]));
  }

  /** @param {object} frame  of entries, before the first of which others were left out */
  skippedRow({ prev_id: before, items, skipped, skipped_at_least: atLeast }, source) {
    const gap = between(before, items[0].id, skipped, Boolean(atLeast), source);
    const some = skipped ? count(gap) : "Some may have been";
    return offer(this.table, gap, `${source.prefix}${some} skipped: they arrived faster than they can be shown.`);
  }

  /** Puts what a gap leaves out in its place. @param {HTMLAnchorElement} link */
  showGap(link) {
    show(this.table, link.closest("tr"), (row, source) => [source.own(row)].find(({ id }) => !this.has(id)) ?? null);
  }

  /** Shows what waits, now or in a moment, or how much it is. */
  settle() {
    const hold = this.isHeld;
    if (!hold) this.soon();
    this.pill.hidden = !hold || !this.fresh;
    this.pill.textContent = `${number(this.fresh)} new`;
    held(hold ? this.fresh : null);
    say("[data-live-seen]", `${number(this.seen)} new`);
    say("[data-live-skipped]", this.skipped ? `· ${number(this.skipped)} skipped` : "");
    this.tell();
  }

  tell() {
    say("[data-live-rate]", this.rate.text);
  }

  soon() {
    const rest = this.moved + STILL_MS - performance.now();
    if (rest <= 0) return this.release();
    this.later ||= setTimeout(() => {
      this.later = 0; // a timer may fire a little early: then there is a next one
      this.settle();
    }, rest);
  }

  /** The list is laid out anew, so that its rows are not pushed about one by one. */
  release() {
    clearTimeout(this.later);
    this.later = 0;
    const rows = this.waiting;
    this.waiting = [];
    this.fresh = 0;
    if (!rows.length) return;
    this.moved = performance.now();
    const most = Math.max(ROWS, Math.min(this.body.children.length, ROWS_MOST));
    const all = this.isMerged ? merge(rows, [...this.body.children]) : [...rows, ...this.body.children];
    this.body.replaceChildren(...all.slice(0, most));
    lastEntry(rows.find((row) => row.id));
    if (this.body.querySelector("tr[id]")) this.table.closest("#entries")?.querySelector(":scope > .state")?.remove();
  }

  /** A click on the pill shows what waits, even while the pointer is there. */
  show() {
    if (this.isScrolledPast) this.table.scrollIntoView({ block: "start", behavior: "instant" });
    this.release();
    this.settle();
  }

  pause() {
    const button = document.querySelector("[data-live-pause]");
    this.paused = !this.paused;
    button.setAttribute("aria-pressed", String(this.paused));
    button.textContent = this.paused ? "Resume" : "Pause";
    this.settle();
  }
}

/**
 * What the page says of its last entry is not older than its first row, though an answer was made before that came.
 * @param {HTMLTableRowElement | null | undefined} row
 */
function lastEntry(row) {
  const [said, newest] = [document.querySelector("[data-live-last] time"), row?.querySelector("time")];
  if (said && newest && Number(newest.dataset.at) > Number(said.dataset.at)) said.dataset.at = newest.dataset.at;
  tick();
}

/** Nodes of a row that the server has drawn. A row can only be parsed inside a table. */
function rowsOf(html) {
  const page = new DOMParser().parseFromString(`<table><tbody>${html}</tbody></table>`, "text/html");
  return [...page.querySelectorAll("tr")].map((row) => document.adoptNode(row));
}

function resetText({ reason, lost }) {
  if (reason === "recreated") return "The stream was deleted and recreated here.";
  if (reason === "deleted") return "The stream was deleted here.";
  return `${lost === null ? "Entries" : number(lost)} ${REASONS[reason] ?? "are missing here"}.`;
}

const number = (value) => value.toLocaleString("en-US");

function say(selector, text) {
  const place = document.querySelector(selector);
  if (place && place.textContent !== text) place.textContent = text;
}

/** The table that is followed, null while the page shows none that is live. @type {Entries | null} */
let entries = null;
let end = () => {};

/** Follows the table that stands on the page now, from where it ends. What was followed before is another list. */
function follow() {
  end();
  held(null);
  const table = document.querySelector("table[data-watch='entries']");
  const paused = entries?.paused ?? false;
  entries = table && new Entries(table);
  end = table ? begin(entries) : () => {};
  if (table && paused) entries.pause();
}

/** @param {Entries} shown @returns {() => void} ends it */
function begin(shown) {
  const stop = new AbortController();
  const ends = shown.sources.map((source) =>
    watch(question(shown.table.dataset, source), {
      entries: (frame) => shown.take(frame, source),
      reset: (frame) => shown.break(frame, source),
      error: (frame) => source.say(frame.message),
    }),
  );
  shown.body.addEventListener("pointerleave", () => shown.settle(), stop);
  shown.body.addEventListener("focusout", () => setTimeout(() => shown === entries && shown.settle()), stop);
  return () => {
    stop.abort();
    clearTimeout(shown.later);
    ends.forEach((end) => end());
  };
}

function question({ server, where, columns }, { stream, after }) {
  const names = columns ? columns.split(",") : [];
  return { topic: "entries", server, stream, after: after || "$", as: "html", columns: names, ...(where ? { where } : {}) };
}

export function bind() {
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-live-pill]")) entries?.show();
    if (event.target.closest("[data-live-pause]")) entries?.pause();
    if (event.target.closest("a[data-gap]") && isPlain(event)) {
      event.preventDefault();
      entries?.showGap(event.target.closest("a[data-gap]"));
    }
  });
  document.addEventListener("scroll", () => entries?.waiting.length && !entries.isHeld && entries.settle(), { passive: true });
  document.addEventListener("streamgauge:filtered", follow);
  document.addEventListener("streamgauge:refreshed", () => lastEntry(entries?.body.querySelector("tr[id]")));
  document.addEventListener("streamgauge:row-closed", () => entries?.settle());
  setInterval(() => !document.hidden && entries?.tell(), 1000);
  follow();
}
