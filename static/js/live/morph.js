/** Turns an element into its newer self and keeps what is the reader's: focus, scroll, ticks, typed text, open details. */

/** The live state of a control by the attribute that says how it began. */
const BEGAN = { checked: "defaultChecked", selected: "defaultSelected", value: "defaultValue" };

/** @param {Element} old  stays in the page @param {Element} fresh  is used up */
export function morph(old, fresh) {
  if (!window.Idiomorph) return replace(old, fresh);
  window.Idiomorph.morph(old, fresh, { callbacks: { beforeAttributeUpdated: (name, element) => !isReaders(name, element) } });
}

/** What somebody has opened, ticked, chosen or typed. @param {string} name @param {Element} element */
function isReaders(name, element) {
  if (name === "open") return element.matches("details");
  return name in BEGAN && BEGAN[name] in element && element[name] !== element[BEGAN[name]];
}

function replace(old, fresh) {
  for (const { name, value } of fresh.attributes) old.setAttribute(name, value);
  old.replaceChildren(...fresh.childNodes);
}
