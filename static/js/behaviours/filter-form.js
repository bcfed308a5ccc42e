/**
 * Filter form: asks again when a control changes, and while somebody types after a pause; empty controls stay out of the
 * address. With an ID in `data-filter` only that part of the page is replaced. Without script its button does the work.
 *
 * @example
 * <form data-filter="pending">… <button class="btn unscripted">Filter</button></form>
 * <section id="pending">…</section>
 */

const PAUSE_MS = 400;
/** @type {WeakMap<HTMLFormElement, number>} */
const timers = new WeakMap();

/** The address the form leads to. @param {HTMLFormElement} form @returns {string} */
function address(form) {
  const url = new URL(form.getAttribute("action") ?? "", location.href);
  const set = [...new FormData(form)].filter(([, value]) => value !== "");
  return `${url.pathname}?${new URLSearchParams(set)}`;
}

/** @param {HTMLFormElement} form */
function go(form) {
  clearTimeout(timers.get(form));
  const target = form.dataset.filter && document.getElementById(form.dataset.filter);
  if (target && window.htmx) replace(target, address(form));
  else location.assign(address(form));
}

/** The newest question wins. @param {HTMLElement} target @param {string} url */
function replace(target, url) {
  window.htmx.trigger(target, "htmx:abort");
  window.htmx.ajax("GET", url, { source: target, target, select: `#${target.id}`, swap: "outerMorph", push: "true" });
}

/** @param {HTMLFormElement} form */
function soon(form) {
  clearTimeout(timers.get(form));
  timers.set(form, setTimeout(go, PAUSE_MS, form));
}

/** @param {HTMLElement} control */
const typed = (control) => control.matches("input:not([type=checkbox], [type=radio])");

/** @param {Event} event @returns {HTMLFormElement | null} */
const formOf = (event) => event.target.form?.closest("[data-filter]") ?? null;

export function bind() {
  document.addEventListener("change", (event) => {
    const form = formOf(event);
    if (form && event.target.name && !typed(event.target)) go(form);
  });
  document.addEventListener("input", (event) => {
    const form = formOf(event);
    if (form && event.target.name && typed(event.target)) soon(form);
  });
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form[data-filter]")) return;
    event.preventDefault();
    go(event.target);
  });
  // An answer that is an error is a page of its own: it is shown as such and not pressed into a part of this one.
  document.addEventListener("htmx:response:error", (event) => {
    const { request } = event.detail.ctx;
    if (request.method === "GET") location.assign(request.action);
  });
}
