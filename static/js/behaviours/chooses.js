/**
 * Chooses: a box beside a radio button that chooses it as soon as something stands in the box. `data-chooses` is the name of the
 * buttons; the one meant has the name of the box as its value. Without script the server understands it by itself.
 *
 * @example
 * <label><input type="radio" name="to" value="at"> an ID or a time</label> <input name="at" data-chooses="to">
 */

/** @param {Event} event */
function choose({ target }) {
  const name = target.dataset?.chooses;
  const button = name && target.value && target.form?.querySelector(`[name="${name}"][value="${target.name}"]`);
  if (button) button.checked = true;
}

export function bind() {
  document.addEventListener("input", choose);
  // What was typed before this ran, or what the browser put back; a button that is chosen already was meant.
  for (const target of document.querySelectorAll("[data-chooses]")) {
    if (!target.form?.querySelector(`[name="${target.dataset.chooses}"]:checked`)) choose({ target });
  }
}
