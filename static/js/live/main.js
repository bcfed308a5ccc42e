/** Live news for the pages that ask for it by `data-watch`: on the page itself, and on its table of entries. */
import { bind as bindBadge } from "./badge.js";
import { bind as bindEntries } from "./entries.js";
import { bind as bindRegions } from "./regions.js";

const page = document.querySelector("main[data-watch]");

bindBadge();
if (page) bindRegions(page);
bindEntries();
