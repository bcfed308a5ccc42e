/** Says a sentence to those who do not see it, in the page's one polite live region, at most once a second. */

const PAUSE_MS = 1000;
let waiting = "";
let timer = 0;

/** @param {string} sentence  replaces one that has not been said yet */
export function announce(sentence) {
  waiting = sentence;
  timer ||= setTimeout(say, PAUSE_MS);
}

function say() {
  timer = 0;
  const region = document.querySelector("[data-announcer]");
  if (region) region.textContent = waiting;
}
