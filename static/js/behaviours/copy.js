/**
 * Copy: a button that copies its text, and says for two seconds that it did. Hidden without script.
 *
 * @example
 * <button class="scripted" type="button" data-copy="1763604718412-0" aria-label="Copy the ID">…</button>
 */
import { announce } from "../announce.js";

const SHOWN_MS = 2000;

/** @param {HTMLElement} button */
async function copy(button) {
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    say(button, "Copied");
  } catch {
    say(button, "Copy failed");
  }
}

/** @param {HTMLElement} button @param {string} word */
function say(button, word) {
  button.dataset.said = word;
  announce(word);
  setTimeout(() => delete button.dataset.said, SHOWN_MS);
}

export function bind() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) copy(button);
  });
}
