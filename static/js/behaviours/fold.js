/**
 * Fold: a part of the page that stays as its reader left it, in this browser.
 *
 * @example
 * <details class="fold" data-fold="charts" open><summary>Charts</summary>…</details>
 */
import { remember, remembered } from "../kept.js";

/** @param {HTMLDetailsElement} details */
function restore(details) {
  const kept = remembered(`fold.${details.dataset.fold}`);
  if (kept) details.open = kept === "open";
}

export function bind() {
  document.querySelectorAll("details[data-fold]").forEach(restore);
  // A toggle event does not bubble, so it is caught on its way down.
  document.addEventListener(
    "toggle",
    (event) => {
      const details = event.target;
      if (details.matches?.("details[data-fold]")) {
        remember(`fold.${details.dataset.fold}`, details.open ? "open" : "shut");
      }
    },
    true,
  );
}
