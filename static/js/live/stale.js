/**
 * A page that cannot be read again says why, and how old it is: what it shows stays, greyed, until an answer comes.
 *
 * @example
 * <template id="stale-note"><div class="note note-stuck" data-stale><b>…</b><p><span>…</span> … <time>…</time></p></div></template>
 */

let read = Date.now();

/** What is shown is what the server says now. */
export function isFresh() {
  read = Date.now();
  document.querySelector("main > [data-stale]")?.remove();
}

/** @param {Document} problem  the page that came instead */
export function isStale(problem) {
  const note = document.querySelector("main > [data-stale]") ?? added();
  note.querySelector("div > b").textContent = problem.querySelector("main h1")?.textContent ?? "This page is out of date";
  note.querySelector("span").textContent = problem.querySelector("main .title + p")?.textContent ?? "";
}

function added() {
  const note = document.getElementById("stale-note").content.firstElementChild.cloneNode(true);
  note.dataset.nowMs = Date.now();
  note.querySelector("time").dataset.at = read;
  document.querySelector("main").prepend(note);
  return note;
}
