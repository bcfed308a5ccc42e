/**
 * Row open: the details of an entry open below its row, in place; nothing above them moves. The address says which row was opened
 * last, where the row is one of its own. Without script the link leads to the same page with the row open.
 *
 * @example
 * <tr id="e-1-0"><td><a href="?open=1-0#e-1-0" data-row-open="1-0" aria-expanded="false">▸</a> …</td></tr>
 * <tr class="detail"><td colspan="5"><nav class="seg"><a href="?open=1-0&as=hex#e-1-0">Hex</a></nav> …</td></tr>
 */
import { pageAt } from "../live/regions.js";

/** Not one that opens another tab or saves. @param {MouseEvent} event */
export const isPlain = (event) => event.button === 0 && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);

/** @param {HTMLAnchorElement} link */
function toggle(link) {
  const row = link.closest("tr");
  if (row.classList.contains("open")) close(row, link);
  else open(row, link, link.href);
}

function close(row, link) {
  details(row)?.remove();
  mark(row, link, false);
  if (isHere(link.href)) remember({ open: null, as: null });
  document.dispatchEvent(new CustomEvent("streamgauge:row-closed"));
}

/** @param {HTMLTableRowElement} row @param {HTMLAnchorElement} link @param {string} href  the page with the row open */
async function open(row, link, href) {
  const id = link.dataset.rowOpen;
  mark(row, link, true); // from now on nothing moves the row
  try {
    const { answer, page } = await pageAt(alone(href, id));
    const fresh = answer.ok && page.getElementById(`e-${id}`)?.nextElementSibling;
    if (!fresh?.matches(".detail")) return location.assign(href);
    show(row, document.adoptNode(fresh));
    if (isHere(href)) remember({ open: id, as: new URL(href).searchParams.get("as") });
  } catch {
    if (!details(row)) mark(row, link, false);
  }
}

/** @param {HTMLTableRowElement} row @param {HTMLTableRowElement} fresh */
function show(row, fresh) {
  if (!row.classList.contains("open")) return; // closed meanwhile
  fresh.cells[0].colSpan = row.cells.length;
  const { href } = row.querySelector("[data-row-open]");
  for (const link of fresh.querySelectorAll(".seg a")) link.href = isHere(href) ? here(link.href) : as(href, link.href);
  details(row)?.remove();
  row.after(fresh);
}

const details = (row) => (row.nextElementSibling?.matches(".detail") ? row.nextElementSibling : null);

function mark(row, link, isOpen) {
  row.classList.toggle("open", isOpen);
  link.setAttribute("aria-expanded", String(isOpen));
  link.textContent = isOpen ? "▾" : "▸";
}

/** The page with this entry alone: whatever the table shows, it is there. */
function alone(href, id) {
  const url = new URL(href);
  url.searchParams.delete("at");
  for (const name of ["start", "end", "open"]) url.searchParams.set(name, id);
  url.hash = "";
  return url.href;
}

/** Whether it leads to this page: a page that shows several streams has rows of other pages. */
const isHere = (href) => new URL(href).pathname === location.pathname;

/** The page of a row with the form that a link asks for. */
function as(href, form) {
  const url = new URL(href);
  set(url, "as", new URL(form).searchParams.get("as"));
  return url.href;
}

/** A link of that page as one of this page. */
function here(href) {
  const [url, base] = [new URL(href), new URL(location.href)];
  for (const name of ["open", "as"]) set(base, name, url.searchParams.get(name));
  base.hash = url.hash;
  return base.href;
}

function remember(values) {
  const url = new URL(location.href);
  for (const [name, value] of Object.entries(values)) set(url, name, value);
  url.hash = "";
  history.replaceState(history.state, "", url);
  document.dispatchEvent(new CustomEvent("streamgauge:addressed"));
}

function set(url, name, value) {
  if (value) url.searchParams.set(name, value);
  else url.searchParams.delete(name);
}

export function bind() {
  document.addEventListener("click", (event) => {
    if (!isPlain(event)) return;
    const link = event.target.closest("a[data-row-open], tr.detail .seg a");
    if (!link) return;
    event.preventDefault();
    if (link.dataset.rowOpen) return toggle(link);
    const row = link.closest("tr").previousElementSibling;
    open(row, row.querySelector("[data-row-open]"), link.href);
  });
}
