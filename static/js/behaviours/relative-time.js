/**
 * Relative time: ages grow while a page is open, by the clock of the server and by the rule of `dashboard/display/format.py`. All of them
 * are told anew at the same moment, so that no two on a page contradict each other. `data-now-ms` stands on the page, and on what
 * is about another clock: the nearest one counts.
 *
 * @example
 * <main data-now-ms="1763604718412">
 *   <time data-at="1763604710412" data-ago>8 s ago</time>
 * </main>
 */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const AHEAD = MINUTE;

/** When each clock was read: {stamp, seen}. A refreshed page has a new stamp. @type {WeakMap<Element, object>} */
const clocks = new WeakMap();

/**
 * "0.2 s", "4 min 12 s", "2 h 14 min", "3 d 2 h": rounded down, like `format.age`.
 * @param {number} ms
 * @returns {string}
 */
export function age(ms) {
  const past = Math.max(0, Math.trunc(ms));
  if (past < MINUTE) {
    const tenths = past >= 100 && past < SECOND;
    return tenths ? `0.${Math.trunc(past / 100)} s` : `${Math.trunc(past / SECOND)} s`;
  }
  if (past < HOUR) return two(past, MINUTE, "min", SECOND, "s", 2, 10);
  if (past < DAY) return two(past, HOUR, "h", MINUTE, "min", 2, 24);
  return two(past, DAY, "d", HOUR, "h", 1, 10);
}

/**
 * "8 s", "8 s ago", or "3 d ahead" of a moment that is well after now: like `format.since`.
 * @param {number} ms since the moment
 * @param {boolean} ago
 * @returns {string}
 */
export function since(ms, ago) {
  return ms <= -AHEAD ? `${age(-ms)} ahead` : age(ms) + (ago ? " ago" : "");
}

function two(ms, unit, word, part, partWord, width, until) {
  const whole = Math.trunc(ms / unit);
  const rest = ms % unit;
  if (whole >= until || rest < part) return `${whole.toLocaleString("en-US")} ${word}`;
  return `${whole} ${word} ${String(Math.trunc(rest / part)).padStart(width, "0")} ${partWord}`;
}

/** The server's time as this element knows it. @param {Element} element */
function serverNow(element) {
  const region = element.closest("[data-now-ms]");
  if (!region) return Date.now();
  const stamp = Number(region.dataset.nowMs);
  if (clocks.get(region)?.stamp !== stamp) clocks.set(region, { stamp, seen: performance.now() });
  return stamp + performance.now() - clocks.get(region).seen;
}

/** Changes only what has changed, so that a selection in the text survives. @param {HTMLElement | SVGElement} time */
function show(time) {
  const text = time.firstChild;
  if (!text || text.nodeType !== Node.TEXT_NODE) return;
  const next = since(serverNow(time) - Number(time.dataset.at), "ago" in time.dataset);
  if (text.data !== next) text.data = next;
}

/** Every age on the page, as of now. */
export function tick() {
  if (!document.hidden) document.querySelectorAll("[data-at]").forEach(show);
}

export function bind() {
  document.querySelectorAll("[data-now-ms]").forEach(serverNow);
  setInterval(tick, SECOND);
  document.addEventListener("visibilitychange", tick);
  document.addEventListener("streamgauge:refreshed", tick);
}
