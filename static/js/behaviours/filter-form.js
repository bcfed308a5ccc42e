/**
 * Filter form: asks again when a control changes, and while somebody types after a pause; empty controls stay out of the
 * address. With an ID in `data-filter` only that part of the page is replaced, and what is marked `data-filter-part` in the form
 * itself. What cannot be read is said beside the form, which stays, with the wrong part of it marked. Without script its button
 * does the work.
 *
 * @example
 * <form data-filter="pending">… <span data-filter-part="clear"></span> <button class="btn unscripted">Filter</button></form>
 * <section id="pending">…</section>
 */
import { announce } from "../announce.js";
import { morph } from "../live/morph.js";
import { pageAt, show } from "../live/regions.js";

const PAUSE_MS = 400;
const UNHEARD = "The site does not answer. This is still the previous result.";
/** @type {WeakMap<HTMLFormElement, number>} */
const timers = new WeakMap();
let asking = new AbortController();
/** The address that the controls on the page are those of. */
let shown = location.pathname + location.search;

/** The address the form leads to. @param {HTMLFormElement} form @returns {string} */
function address(form) {
  const url = new URL(form.getAttribute("action") ?? "", location.href);
  const set = [...new FormData(form)].filter(([, value]) => value !== "");
  return `${url.pathname}?${new URLSearchParams(set)}`;
}

/** @param {HTMLFormElement} form */
function go(form) {
  clearTimeout(timers.get(form));
  if (document.getElementById(form.dataset.filter)) ask(form, address(form));
  else location.assign(address(form));
}

/** The newest question wins. @param {HTMLFormElement} form @param {string} url */
async function ask(form, url) {
  asking.abort();
  asking = new AbortController();
  try {
    const { answer, page } = await pageAt(url, asking.signal);
    take(form, url, answer, page);
  } catch (error) {
    if (error.name !== "AbortError") complain(form, "", UNHEARD);
  }
}

/** Any other answer, an error or the page to sign in, is a page of its own. @param {Response} answer @param {Document} page */
function take(form, url, answer, page) {
  const problem = page.querySelector("[data-problem]");
  if (answer.ok && page.getElementById(form.dataset.filter)) draw(form, url, page);
  else if (problem?.dataset.problem) complain(form, problem.dataset.problem, problem.textContent, marked(page, problem.dataset.problem, url));
  else location.assign(url);
}

/** @param {HTMLFormElement} form @param {string} url @param {Document} page */
function draw(form, url, page) {
  const { filter } = form.dataset;
  if (url !== location.pathname + location.search) history.pushState(null, "", url);
  shown = location.pathname + location.search;
  complain(form, "", "");
  for (const part of form.querySelectorAll("[data-filter-part]")) {
    const fresh = page.querySelector(`[data-filter="${filter}"] [data-filter-part="${part.dataset.filterPart}"]`);
    if (fresh) morph(part, fresh);
  }
  morph(document.getElementById(filter), page.getElementById(filter));
  show(page);
  document.dispatchEvent(new CustomEvent("streamgauge:filtered"));
}

/** What was typed with the wrong part marked, where the site says which that is. @param {Document} page @param {string} name @param {string} url */
function marked(page, name, url) {
  const place = page.querySelector("[data-problem-at]");
  if (!place) return "";
  const [start, end] = place.dataset.problemAt.split(",").map(Number);
  const typed = [...new URL(url, location.href).searchParams.get(name).trim()];
  const [code, mark] = [document.createElement("code"), document.createElement("mark")];
  mark.textContent = typed.slice(start, end).join("") || "…";
  code.append(typed.slice(0, start).join(""), mark, typed.slice(end).join(""));
  return code;
}

/** Says beside the form why it is not answered, and marks the control; "" takes that back. @param {string | Node} where  in what was typed */
function complain(form, name, sentence, where = "") {
  const place = placeOf(form);
  place.replaceChildren(sentence, ...(where ? [" ", where] : []));
  if (sentence) announce(sentence);
  for (const control of form.elements) {
    const isWrong = name !== "" && control.name === name;
    mark(control, "aria-invalid", isWrong && "true");
    mark(control, "aria-describedby", isWrong && place.id);
  }
}

function mark(control, attribute, value) {
  if (value) control.setAttribute(attribute, value);
  else control.removeAttribute(attribute);
}

/** @param {HTMLFormElement} form */
function placeOf(form) {
  const known = form.querySelector("[data-filter-wrong]");
  if (known) return known;
  const place = document.createElement("p");
  place.className = "wrong";
  place.id = `${form.dataset.filter}-wrong`;
  place.dataset.filterWrong = "";
  form.append(place);
  return place;
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
  document.addEventListener("streamgauge:addressed", () => (shown = location.pathname + location.search));
  // Back and forward lead to pages with other controls: they are asked for in whole. A fragment is none of that.
  addEventListener("popstate", () => shown !== location.pathname + location.search && location.reload());
}
