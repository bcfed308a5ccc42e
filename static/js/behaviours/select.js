/**
 * Select: ticks on rows, page by page or all that match, and the bar that shows while anything is ticked. The ticks are plain
 * checkboxes of the bar's form, so it works without script; the bar shows by CSS (`:has(:checked)`). Ticks survive a refresh of
 * the table as long as their row is there. Shift-click ticks a range.
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

/** Values that are ticked; a row that leaves the page leaves it too. @type {Set<string>} */
let ticked = new Set();
/** The row of the last click, where a range starts. @type {HTMLInputElement | null} */
let anchor = null;

/** Ticks again what a refresh has replaced, then draws. */
function restore() {
  for (const row of rows()) row.checked ||= ticked.has(row.value);
  read();
}

/** Takes over what is ticked on the page. */
function read() {
  ticked = new Set(rows().filter((row) => row.checked).map((row) => row.value));
  draw();
}

function draw() {
  const page = document.querySelector("[data-select-page]");
  const total = rows().length;
  if (page) {
    page.checked = total > 0 && ticked.size === total;
    page.indeterminate = ticked.size > 0 && ticked.size < total;
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
  if (!all()?.checked) return ticked.size.toLocaleString("en-US");
  const matching = all().dataset.selectAll;
  return matching ? Number(matching).toLocaleString("en-US") : "All that match";
}

/** @param {boolean} on */
function tickPage(on) {
  for (const row of rows()) row.checked = on;
  if (!on && all()) all().checked = false;
  read();
}

/** @param {HTMLInputElement} row @param {boolean} range */
function tickRow(row, range) {
  const list = rows();
  const [from, to] = [list.indexOf(range ? anchor : row), list.indexOf(row)].sort((a, b) => a - b);
  for (const between of from < 0 ? [] : list.slice(from, to + 1)) between.checked = row.checked;
  anchor = row;
  read();
}

export function bind() {
  document.addEventListener("click", (event) => {
    if (event.target.matches("[data-select-row]")) tickRow(event.target, event.shiftKey);
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-select-page]")) tickPage(event.target.checked);
    else if (event.target.matches("[data-select-all], [data-select-row]")) read();
  });
  document.addEventListener("reset", (event) => {
    if (event.target.matches("[data-select-bar]")) setTimeout(tickPage, 0, false);
  });
  document.addEventListener("streamgauge:filtered", restore);
  document.addEventListener("streamgauge:refreshed", restore);
  if (document.querySelector("[data-select-bar]")) read();
}
