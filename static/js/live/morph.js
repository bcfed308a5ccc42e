/** Turns an element into its newer self and keeps what is the reader's: focus, scroll, ticks, open details. */

let morphNode = null;
window.htmx?.registerExtension?.("streamgauge", { init: (internal) => (morphNode = internal.morph) });

/** @param {Element} old  stays in the page @param {Element} fresh  is used up */
export function morph(old, fresh) {
  if (!morphNode) return replace(old, fresh);
  const fragment = document.createDocumentFragment();
  fragment.append(document.adoptNode(fresh));
  morphNode(old, fragment, false);
}

function replace(old, fresh) {
  for (const { name, value } of fresh.attributes) old.setAttribute(name, value);
  old.replaceChildren(...fresh.childNodes);
}
