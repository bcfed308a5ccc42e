/**
 * Regions: what the server says has changed is asked for again, by the address of the page, and every region becomes its newer
 * self. One renderer draws the page and its refresh, and access is asked every time. With `data-part` the page is drawn without
 * what comes by another way.
 *
 * While rows of a region are ticked, or the pointer is over its rows that can be, they keep their places: each is brought up to
 * date, one that is gone is marked, and new ones wait.
 *
 * @example
 * <main data-watch="fleet"> … <div data-live="findings">…</div> … </main>
 */
import { morph } from "./morph.js";
import { watch } from "./socket.js";
import { isFresh, isStale } from "./stale.js";

const EVERY_MS = 2000;
const WITHIN_MS = 10_000;
/** Until a page that could not be read is asked for again by itself. */
const AGAIN_MS = 5000;

let last = -EVERY_MS;
let timer = 0;
let loading = false;
/** Whether something has changed since what is on its way was asked for. */
let again = false;
let missed = false;
let waiting = false;

/** Soon, and not more often than every two seconds. */
export function refresh() {
  if (document.hidden) {
    missed = true;
    return;
  }
  if (loading) again = true;
  else timer ||= setTimeout(load, Math.max(0, last + EVERY_MS - performance.now()));
}

/**
 * Rejects with a TimeoutError when the site takes too long, and with an AbortError when the caller gives up.
 * @param {string} url @param {AbortSignal} [signal]  gives up @param {string} [part]  of the page, where that is enough
 * @returns {Promise<{answer: Response, page: Document}>}
 */
export async function pageAt(url, signal, part) {
  const signals = [AbortSignal.timeout(WITHIN_MS), ...(signal ? [signal] : [])];
  const headers = { Accept: "text/html", ...(part ? { "Streamgauge-Part": part } : {}) };
  const answer = await fetch(url, { headers, signal: AbortSignal.any(signals) });
  return { answer, page: new DOMParser().parseFromString(await answer.text(), "text/html") };
}

/** An answer to another address than the page's, because a filter has changed it meanwhile, is of no use. */
async function load() {
  const address = location.href;
  loading = true;
  try {
    const { answer, page } = await pageAt(address, undefined, document.querySelector("main").dataset.part);
    if (address !== location.href) return;
    if (!answer.ok) failed(page);
    else if (!answer.redirected) show(page);
  } catch {
    // The badge says that we are cut off; the next news tries again.
  } finally {
    last = performance.now();
    timer = 0;
    loading = false;
    if (again) refresh();
    again = false;
  }
}

/** @param {Document} problem  the page that came instead */
function failed(problem) {
  isStale(problem);
  setTimeout(refresh, AGAIN_MS);
}

/** The row that must not move on the screen: under the pointer, with the focus, or ticked. */
function held() {
  const ticked = [...document.querySelectorAll("tr:has([data-select-row]:checked)")];
  const seen = ticked.find((row) => row.getBoundingClientRect().bottom > 0);
  return document.querySelector("main tbody tr:hover") ?? document.activeElement.closest("main tbody tr") ?? seen;
}

/** Everything that is live becomes what the page says, at once. @param {Document} page  is used up */
export function show(page) {
  const row = held();
  const before = row?.getBoundingClientRect().top;
  isFresh();
  takeClock(page);
  refreshRegions(page);
  if (row?.isConnected) scrollBy({ top: row.getBoundingClientRect().top - before, behavior: "instant" });
  document.title = page.title;
  document.dispatchEvent(new CustomEvent("streamgauge:refreshed"));
}

/** What the server's clock said when it made the page. @param {Document} page */
function takeClock(page) {
  const { nowMs } = page.querySelector("main").dataset;
  if (nowMs) document.querySelector("main").dataset.nowMs = nowMs;
}

/** @param {Document} page */
function refreshRegions(page) {
  for (const region of document.querySelectorAll("[data-live]")) {
    const fresh = page.querySelector(`[data-live="${CSS.escape(region.dataset.live)}"]`);
    if (!fresh || isTypedIn(region) || region.parentElement.closest("[data-live]")) continue;
    if (isHandled(region)) inPlace(region, fresh);
    else morph(region, fresh);
  }
}

function isTypedIn(region) {
  const focus = document.activeElement;
  return region.contains(focus) && focus.matches("input:not([type=checkbox]), textarea, select");
}

function isHandled(region) {
  return region.querySelector("[data-select-row]:checked, tbody:hover [data-select-row]") !== null;
}

/** What waits is shown once nobody has a hand on the table any more. */
function release() {
  if (!waiting || [...document.querySelectorAll("[data-live]")].some(isHandled)) return;
  waiting = false;
  refresh();
}

function inPlace(region, fresh) {
  waiting = true;
  for (const row of region.querySelectorAll("tr[id]")) {
    const next = fresh.querySelector(`tr[id="${CSS.escape(row.id)}"]`);
    row.classList.toggle("muted", !next);
    row.toggleAttribute("data-gone", !next);
    if (next) morph(row, next);
  }
}

/** @param {HTMLElement} page  the element with data-watch */
export function bind(page) {
  const { watch: topic, server, stream, group, operation } = page.dataset;
  let again = topic !== "fleet"; // what happened since the page was made was not told; the fleet says something soon anyway
  watch(
    { topic, server, stream, group, operation },
    {
      changed: refresh,
      // Whatever happened while the socket was closed was not told.
      watching: () => (again ? refresh() : (again = true)),
    },
  );
  if (topic === "group") watch({ topic: "fleet" }, { changed: refresh }); // what is made of its figures changes while they do not
  for (const event of ["change", "reset", "pointerout"]) document.addEventListener(event, () => setTimeout(release, 0));
  document.addEventListener("visibilitychange", () => {
    if (document.hidden || !missed) return;
    missed = false;
    refresh();
  });
}
