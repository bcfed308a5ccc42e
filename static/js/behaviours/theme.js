/**
 * Theme: a button steps through system, light, dark. The choice is kept in this browser.
 *
 * @example
 * <button class="scripted" type="button" data-theme-button aria-label="Theme: as the system">
 *   <svg><use href="#i-auto"/></svg> <span data-theme-word>Theme</span>
 * </button>
 */
import { remember } from "../kept.js";

const STEPS = { system: "light", light: "dark", dark: "system" };
const LABELS = { system: "as the system", light: "light", dark: "dark" };
const ICONS = { system: "#i-auto", light: "#i-sun", dark: "#i-moon" };

/** @returns {"system" | "light" | "dark"} */
const current = () => document.documentElement.dataset.theme ?? "system";

/** @param {"system" | "light" | "dark"} theme */
function choose(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  remember("theme", theme);
}

/** @param {HTMLElement} button */
function label(button) {
  const words = `Theme: ${LABELS[current()]}`;
  const word = button.querySelector("[data-theme-word]");
  if (word) word.textContent = words;
  else button.setAttribute("aria-label", words);
  button.querySelector("use")?.setAttribute("href", ICONS[current()]);
}

export function bind() {
  document.querySelectorAll("[data-theme-button]").forEach(label);
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-theme-button]");
    if (!button) return;
    choose(STEPS[current()]);
    document.querySelectorAll("[data-theme-button]").forEach(label);
  });
}
