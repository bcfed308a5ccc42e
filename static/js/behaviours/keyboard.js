/**
 * Keyboard: `/` search, `g h` home, `g s` streams, `j` `k` rows, `x` tick, `Enter` open, `?` help. Keys are left alone while
 * somebody types. The row is the one that has the focus, so Enter is the browser's own.
 *
 * @example
 * <a href="/" data-key="g h">Attention</a>
 * <input type="search" data-key="/">
 * <section id="keys" popover data-key="?">…</section>
 */

const PAIR_MS = 1000;
const ROWS = "main tbody tr:not(.gap, .detail)";
const TYPES = "textarea, select, [contenteditable], input:not([type=checkbox], [type=radio], [type=button], [type=submit])";

let before = "";
let timer = 0;

/** The rows a reader can go to: the visible ones that lead somewhere. */
const rows = () => [...document.querySelectorAll(ROWS)].filter((row) => row.offsetParent && stop(row));

/** Where the focus stands in a row. @param {Element} row @returns {HTMLElement | null} */
const stop = (row) => row.querySelector("a[href]") ?? row.querySelector("input, button, summary");

/** @param {number} step */
function move(step) {
  const list = rows();
  const at = list.indexOf(document.activeElement.closest("tr"));
  const next = at < 0 ? 0 : Math.min(list.length - 1, Math.max(0, at + step));
  if (!list[next]) return;
  stop(list[next]).focus({ focusVisible: true });
  list[next].scrollIntoView({ block: "nearest" });
}

function tick() {
  document.activeElement.closest("tr")?.querySelector("[data-select-row]")?.click();
}

/** Goes to, types in or opens what the key stands on. @param {string} key @returns {boolean} whether there is such a thing */
function follow(key) {
  const element = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
  if (!element) return false;
  if (element.popover) element.togglePopover();
  else if (element.matches("a")) element.click();
  else element.select();
  return true;
}

/** @type {Record<string, () => void>} */
const ROW_KEYS = { j: () => move(1), k: () => move(-1), x: tick };

/** @param {string} key @returns {boolean} whether the key meant something */
function press(key) {
  const pair = `${before} ${key}`;
  before = key;
  clearTimeout(timer);
  timer = setTimeout(() => (before = ""), PAIR_MS);
  if (follow(pair) || follow(key)) return true;
  ROW_KEYS[key]?.();
  return key in ROW_KEYS;
}

export function bind() {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target.matches(TYPES)) return;
    if (press(event.key)) event.preventDefault();
  });
}
