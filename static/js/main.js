/**
 * Everything a page may do in the browser beside live news (`live/`). Each behaviour listens on the document for elements with
 * its `data-` attribute, so that what arrives later works without being bound again.
 */
import { bind as bindChooses } from "./behaviours/chooses.js";
import { bind as bindCopy } from "./behaviours/copy.js";
import { bind as bindFilterForm } from "./behaviours/filter-form.js";
import { bind as bindFold } from "./behaviours/fold.js";
import { bind as bindKeyboard } from "./behaviours/keyboard.js";
import { bind as bindMenu } from "./behaviours/menu.js";
import { bind as bindRelativeTime } from "./behaviours/relative-time.js";
import { bind as bindRowOpen } from "./behaviours/row-open.js";
import { bind as bindSearchOn } from "./behaviours/search-on.js";
import { bind as bindSelect } from "./behaviours/select.js";
import { bind as bindTheme } from "./behaviours/theme.js";

for (const bind of [
  bindChooses,
  bindCopy,
  bindFilterForm,
  bindFold,
  bindKeyboard,
  bindMenu,
  bindRelativeTime,
  bindRowOpen,
  bindSearchOn,
  bindSelect,
  bindTheme,
]) {
  bind();
}
