/**
 * What must be known before the first paint: the reader's choice of light or dark, and that scripts run at all. A classic script
 * in the head, because a module runs too late and a wrong colour flashes. `behaviours/theme.js` writes the choice.
 */
(() => {
  const root = document.documentElement;
  root.dataset.script = "";
  try {
    const theme = localStorage.getItem("streamgauge.theme");
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  } catch {
    // Storage can be forbidden: then the system decides.
  }
})();
