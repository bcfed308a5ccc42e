/**
 * Regions: what the server says has changed is asked for again, by the address of the page, and every region becomes its newer
 * self. One renderer draws the page and its refresh, and access is asked every time.
 *
 * While rows of a region are ticked, or the pointer is over its rows that can be, they keep their places: each is brought up to
 * date, one that is gone is marked, and new ones wait.
 *
 * @example
 * <main data-watch="fleet"> … <div data-live="findings">…</div> … </main>
 */
import { morph } from "./morph.js";
import { watch } from "./socket.js";

const EVERY_MS = 2000;
const WITHIN_MS = 10_000;

let last = -EVERY_MS;
let timer = 0;
let missed = false;

/** Soon, and not more often than every two seconds. */
export function refresh() {
  if (document.hidden) {
    missed = true;
    return;
  }
  timer ||= setTimeout(load, Math.max(0, last + EVERY_MS - performance.now()));
}

async function load() {
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, signal: AbortSignal.timeout(WITHIN_MS) });
    if (answer.ok && !answer.redirected) show(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch {
    // The badge says that we are cut off; the next news tries again.
  } finally {
    last = performance.now();
    timer = 0;
  }
}

/** @param {Document} page */
function show(page) {
  for (const region of document.querySelectorAll("[data-live]")) {
    const fresh = page.querySelector(`[data-live="${CSS.escape(region.dataset.live)}"]`);
    if (!fresh || isTypedIn(region) || region.parentElement.closest("[data-live]")) continue;
    if (isHandled(region)) inPlace(region, fresh);
    else morph(region, fresh);
  }
  document.title = page.title;
  document.dispatchEvent(new CustomEvent("streamgauge:refreshed"));
}

function isTypedIn(region) {
  const focus = document.activeElement;
  return region.contains(focus) && focus.matches("input:not([type=checkbox]), textarea, select");
}

function isHandled(region) {
  return region.querySelector("[data-select-row]:checked, tbody:hover [data-select-row]") !== null;
}

function inPlace(region, fresh) {
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
  let again = false;
  watch(
    { topic, server, stream, group, operation },
    {
      changed: refresh,
      // Whatever happened while the socket was closed was not told.
      watching: () => (again ? refresh() : (again = true)),
    },
  );
  document.addEventListener("visibilitychange", () => {
    if (document.hidden || !missed) return;
    missed = false;
    refresh();
  });
}
