/**
 * The badge in the masthead: whether what is shown is live, in a word, and whether WebSockets are blocked on the way. It is not when the page itself says that its server does not
 * answer, however well the socket does: then it tells how old what is shown is, as the page does.
 *
 * @example
 * <span class="live live-off" data-live-badge>not live</span>
 */
import { age } from "../behaviours/relative-time.js";
import { onState } from "./socket.js";

const LOOKS = { live: "live", held: "live live-held", reconnecting: "live live-stale", off: "live live-off" };
const WORDS = { live: "live", off: "not live" };
const FALLBACK = "live over HTTP";
const BLOCKED = "WebSockets are blocked between this browser and the site. News comes as server-sent events instead.";

let state = "off";
let since = 0;
let count = null;
let isFallback = false;

/** @param {number | null} entries  how many wait while the table is held; null: it is not */
export function held(entries) {
  count = entries;
  draw();
}

/** @returns {[keyof LOOKS, string]} */
function now() {
  const stale = document.querySelector("main [data-stale]");
  if (stale) return ["reconnecting", `reconnecting${old(stale.querySelector("[data-read] time")?.firstChild?.data.replace(" ago", ""))}`];
  if (state === "reconnecting") return [state, `reconnecting${old(age(performance.now() - since))}`];
  if (state === "live" && count !== null) return ["held", `held, ${count.toLocaleString("en-US")} new`];
  return [state, state === "live" && isFallback ? FALLBACK : WORDS[state]];
}

function old(text) {
  return text ? `, ${text} old` : "";
}

function draw() {
  const badge = document.querySelector("[data-live-badge]");
  if (!badge) return;
  const [look, text] = now();
  // A page that follows nothing is neither live nor dead: the badge keeps its place and is not seen.
  badge.className = `${LOOKS[look]}${document.querySelector("[data-watch]") ? "" : " live-none"}`;
  badge.title = state === "live" && isFallback ? BLOCKED : "";
  if (badge.textContent !== text) badge.textContent = text;
}

export function bind() {
  onState((...next) => {
    [state, since, isFallback] = next;
    draw();
  });
  document.addEventListener("streamgauge:refreshed", draw);
  setInterval(() => !document.hidden && draw(), 1000);
}
