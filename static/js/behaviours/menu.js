/**
 * Menu: one open at a time, closed by Escape and by a click elsewhere. Without script it is a plain <details>.
 *
 * @example
 * <details class="menu" data-menu><summary>Actions</summary><ul>…</ul></details>
 */

/** @param {Element | null} except */
function closeAll(except) {
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    if (menu !== except) menu.open = false;
  }
}

export function bind() {
  document.addEventListener("click", (event) => closeAll(event.target.closest("details[data-menu]")));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const menu = document.querySelector("details[data-menu][open]");
    closeAll(null);
    menu?.querySelector("summary")?.focus();
  });
}
