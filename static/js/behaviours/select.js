/**
 * Select: ticks on rows, page by page or all that match, and the bar that shows while anything is ticked. The ticks are plain
 * checkboxes of the bar's form, so it works without script; the bar shows by CSS (`:has(:checked)`). Ticks survive a refresh of
 * the table as long as their row is there. Shift-click ticks a range. While all that match are ticked, every row shows it; to untick
 * one ends that, and to untick "all" leads back to the rows that were ticked before. Another filter matches others, and ends it too.
 *
 * @example
 * <th class="tick"><input class="scripted" type="checkbox" data-select-page aria-label="Select this page"></th>
 * <td class="tick"><input type="checkbox" data-select-row form="bar" name="id" value="1-0" aria-label="Select 1-0"></td>
 * <form class="actions" id="bar" data-select-bar>
 *   <b data-select-count>Selected</b>
 *   <label><input type="checkbox" name="all" value="1" data-select-all="3201"> All 3,201 that match</label>
 *   <button class="btn btn-plain scripted" type="reset">Clear</button>
 * </form>
 */
import { announce } from "../announce.js";

const rows = () => [...document.querySelectorAll("[data-select-row]")];
const all = () => document.querySelector("[data-select-all]");

/** Whether all that match are ticked; the box may be replaced by a refresh. */
let every = false;
/** Values that are ticked one by one; a row that leaves the page leaves it too. @type {Set<string>} */
let ticked = new Set();
/** The row of the last click, where a range starts. @type {HTMLInputElement | null} */
let anchor = null;

/** Ticks again what a refresh has replaced, then draws. */
function restore() {
  if (all()) all().checked = every;
  for (const row of rows()) row.checked ||= every || ticked.has(row.value);
  read();
}

/** Takes over what is ticked on the page. */
function read() {
  if (!every) ticked = new Set(rows().filter((row) => row.checked).map((row) => row.value));
  draw();
}

function draw() {
  const page = document.querySelector("[data-select-page]");
  const total = rows().length;
  if (page) {
    page.checked = total > 0 && (every || ticked.size === total);
    page.indeterminate = !page.checked && ticked.size > 0;
  }
  const counter = document.querySelector("[data-select-count]");
  const text = `${count()} selected`;
  if (counter && counter.textContent !== text) {
    counter.textContent = text;
    announce(text);
  }
}

/** What an action will be about. Without a number in `data-select-all`, nobody has counted. */
function count() {
  if (!every) return ticked.size.toLocaleString("en-US");
  const matching = all().dataset.selectAll;
  return matching ? Number(matching).toLocaleString("en-US") : "All that match";
}

/** @param {boolean} on */
function tickPage(on) {
  for (const row of rows()) row.checked = on;
  if (!on) endAll();
  read();
}

/** All that match, or what was ticked one by one. */
function tickAll() {
  for (const row of rows()) row.checked = every || ticked.has(row.value);
  read();
}

function endAll() {
  every = false;
  if (all()) all().checked = false;
}

/** The bar that shows must not stand on the row that made it show. @param {HTMLInputElement} row */
function uncover(row) {
  const bar = document.querySelector("[data-select-bar]")?.getBoundingClientRect();
  const { bottom } = row.closest("tr").getBoundingClientRect();
  if (bar?.height && bottom > bar.top) scrollBy({ top: bottom - bar.top, behavior: "instant" });
}

/** @param {HTMLInputElement} row @param {boolean} range */
function tickRow(row, range) {
  const list = rows();
  const [from, to] = [list.indexOf(range ? anchor : row), list.indexOf(row)].sort((a, b) => a - b);
  for (const between of from < 0 ? [] : list.slice(from, to + 1)) between.checked = row.checked;
  anchor = row;
  if (!row.checked) endAll();
  read();
  if (row.checked) uncover(row);
}

export function bind() {
  document.addEventListener("click", (event) => {
    if (event.target.matches("[data-select-row]")) tickRow(event.target, event.shiftKey);
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-select-page]")) tickPage(event.target.checked);
    if (event.target.matches("[data-select-row]")) read();
    if (!event.target.matches("[data-select-all]")) return;
    every = event.target.checked;
    tickAll();
  });
  document.addEventListener("reset", (event) => {
    if (event.target.matches("[data-select-bar]")) setTimeout(tickPage, 0, false);
  });
  document.addEventListener("streamgauge:filtered", () => {
    endAll();
    tickAll();
  });
  document.addEventListener("streamgauge:refreshed", restore);
  if (!document.querySelector("[data-select-bar]")) return;
  every = all()?.checked ?? false; // a browser keeps ticks when a page is loaded again
  if (every) tickAll();
  else read();
}
