/**
 * Search on: a filter that looked into as many entries as a page may goes on from there, a request after the other, and puts what
 * it finds below the rows. It stops after a page of matches, after SCAN entries, at the beginning of the stream, or when it is
 * cancelled, says how far it came, and can go on from there.
 *
 * @example
 * <p data-search data-rest="1-0" data-scanned="2000" data-matches="0" data-length="2100000">
 *   <span data-search-said>Scanned 2,000 entries from here, 0 match.</span>
 *   <button class="btn scripted" type="button" data-search-on>Search on</button>
 * </p>
 */
import { announce } from "../announce.js";
import { pageAt } from "../live/regions.js";

const SCAN = 100_000;
const MATCHES = 50;

/** The search that is under way. @type {AbortController | null} */
let running = null;

const number = (value) => value.toLocaleString("en-US");
/** A figure of the search so far. @param {HTMLElement} place @param {"scanned" | "matches" | "length"} name */
const figure = (place, name) => Number(place.dataset[name]);

/** @param {HTMLElement} place  with data-search */
async function search(place) {
  const table = document.querySelector("#entries table");
  running = new AbortController();
  const { signal } = running;
  press(place, "Cancel");
  const why = await goOn(place, table, signal);
  running = null;
  if (!place.isConnected) return;
  press(place, place.dataset.rest ? "Search on" : "");
  tell(place, why);
  announce(place.querySelector("[data-search-said]").textContent);
}

/** @returns {Promise<string>} why it is over, "" when there is nothing to say */
async function goOn(place, table, signal) {
  const [scanned, matches] = [figure(place, "scanned") + SCAN, figure(place, "matches") + MATCHES];
  while (place.dataset.rest && figure(place, "scanned") < scanned && figure(place, "matches") < matches) {
    try {
      await step(place, table, signal);
    } catch (error) {
      return error.name === "AbortError" ? "Cancelled." : "The site does not answer.";
    }
    if (!place.isConnected) return "";
    tell(place, "");
  }
  return "";
}

/** The next page of it. */
async function step(place, table, signal) {
  const url = address(place, table);
  const { answer, page } = await pageAt(url, signal, "rows");
  const found = page.querySelector("table[data-rows]");
  if (!answer.ok || !found) throw new Error("no rows came");
  const rows = [...found.tBodies[0].rows];
  if (rows.length && !table.dataset.columns) await leave(url); // the page has no columns to put them in
  table.tBodies[0].append(...rows.map((row) => document.adoptNode(row)));
  place.dataset.rest = found.dataset.rest;
  place.dataset.scanned = figure(place, "scanned") + Number(found.dataset.scanned);
  place.dataset.matches = figure(place, "matches") + rows.filter((row) => row.id).length;
}

/** To the page of what was found. Nothing goes on here after that. */
function leave(url) {
  location.assign(url);
  return new Promise(() => {});
}

function address(place, table) {
  const url = new URL(location.href);
  for (const name of ["at", "open", "as", "column"]) url.searchParams.delete(name);
  for (const name of (table.dataset.columns || "").split(",").filter(Boolean)) url.searchParams.append("column", name);
  url.searchParams.set("end", place.dataset.rest);
  url.hash = "";
  return url.href;
}

function tell(place, why) {
  const [scanned, matches] = [figure(place, "scanned"), figure(place, "matches")];
  const of = place.dataset.rest ? ` of ${number(Math.max(figure(place, "length"), scanned))}` : "";
  const end = place.dataset.rest ? "" : " There are no older entries.";
  place.querySelector("[data-search-said]").textContent = `Scanned ${number(scanned)}${of} entries, ${number(matches)} match.${end} ${why}`.trim();
}

function press(place, text) {
  const button = place.querySelector("[data-search-on]");
  button.textContent = text;
  button.hidden = !text;
}

export function bind() {
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-search-on]")) return;
    if (running) running.abort();
    else search(event.target.closest("[data-search]"));
  });
  document.addEventListener("streamgauge:filtered", () => running?.abort());
}
