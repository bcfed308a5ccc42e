/**
 * Copy: a button that copies its text, or an entry as the API gives it, and says for two seconds that it did. Hidden without script.
 *
 * @example
 * <button class="scripted" type="button" data-copy="1763604718412-0" aria-label="Copy the ID">…</button>
 * <button class="scripted" type="button" data-copy-entry="/api/v1/servers/…/entries/1763604718412-0">Copy JSON</button>
 */
import { announce } from "../announce.js";

const SHOWN_MS = 2000;
const WITHIN_MS = 5000;

/** @param {HTMLElement} button */
async function copy(button) {
  try {
    await navigator.clipboard.writeText(button.dataset.copy ?? (await entryAt(button.dataset.copyEntry)));
    say(button, "Copied");
  } catch {
    say(button, "Copy failed");
  }
}

/** The entry alone, without what its groups have done with it. @param {string} url @returns {Promise<string>} */
async function entryAt(url) {
  const answer = await fetch(url, { signal: AbortSignal.timeout(WITHIN_MS) });
  if (!answer.ok) throw new Error(answer.statusText);
  const { id, time, fields } = await answer.json();
  return JSON.stringify({ id, time, fields }, null, 2);
}

/** @param {HTMLElement} button @param {string} word */
function say(button, word) {
  button.dataset.said = word;
  announce(word);
  setTimeout(() => delete button.dataset.said, SHOWN_MS);
}

export function bind() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy], [data-copy-entry]");
    if (button) copy(button);
  });
}
