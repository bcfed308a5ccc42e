/**
 * The badge in the masthead: whether what is shown is live, in a word.
 *
 * @example
 * <span class="live live-off" data-live-badge>not live</span>
 */
import { onState } from "./socket.js";

const LOOKS = { live: "live", held: "live live-held", reconnecting: "live live-stale", off: "live live-off" };
const WORDS = { live: "live", reconnecting: "reconnecting", off: "not live" };

let state = "off";
let count = null;

/** @param {number | null} entries  how many wait while the table is held; null: it is not */
export function held(entries) {
  count = entries;
  draw();
}

function draw() {
  const badge = document.querySelector("[data-live-badge]");
  if (!badge) return;
  badge.hidden = !document.querySelector("[data-watch]"); // a page that follows nothing is neither live nor dead
  const isHeld = state === "live" && count !== null;
  const text = isHeld ? `held, ${count.toLocaleString("en-US")} new` : WORDS[state];
  badge.className = LOOKS[isHeld ? "held" : state];
  if (badge.textContent !== text) badge.textContent = text;
}

export function bind() {
  onState((next) => {
    state = next;
    draw();
  });
  draw();
}
