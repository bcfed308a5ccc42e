"""Addresses of static files: by content where they were prepared, as they lie in the packages elsewhere."""

from __future__ import annotations

from pathlib import Path

from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.storage import CompressedManifestStaticFilesStorage

SHEETS = (
    "css/tokens.css",
    "css/base.css",
    "css/frame/masthead.css",
    "css/frame/page.css",
    "css/words/status.css",
    "css/words/names.css",
    "css/frame/controls.css",
    "css/frame/fold.css",
    "css/frame/menu.css",
    "css/figures/facts.css",
    "css/figures/table.css",
    "css/words/live.css",
    "css/figures/sparks.css",
    "css/figures/gauge.css",
    "css/frame/tabs.css",
    "css/figures/values.css",
    "css/words/note.css",
    "css/figures/delta.css",
    "css/frame/actions.css",
    "css/frame/dialog.css",
    "css/words/state.css",
    "css/narrow.css",
)
"""In the order of the cascade: of two rules that say the same as precisely, the later one holds."""
ENTRIES = ("js/main.js", "js/live/main.js")
"""What every page runs, and what pages of people who are signed in run too."""
STYLES, SCRIPTS, ALL_SCRIPTS = "bundles/styles.css", "bundles/main.js", "bundles/live.js"
BUNDLES = (STYLES, SCRIPTS, ALL_SCRIPTS)


class Assets(CompressedManifestStaticFilesStorage):
    """Without prepared files (tests, a host project's own server) a name is its own address."""

    support_js_module_import_aggregation = True

    def stored_name(self, name: str) -> str:
        return str(self.hashed_files.get(self.hash_key(self.clean_name(name)), name))

    def read_manifest(self) -> str | None:
        """None where it cannot be read, for whatever reason."""
        try:
            return super().read_manifest()  # type: ignore[no-any-return]
        except OSError:
            return None

    def refresh(self) -> None:
        """Looks again at what is prepared."""
        self.hashed_files, self.manifest_hash = self.load_manifest()

    @property
    def is_prepared(self) -> bool:
        return bool(self.hashed_files)


class StaticFiles(WhiteNoiseMiddleware):
    """A name that holds the content may be kept for a year and is never asked for again."""

    FOREVER = 365 * 24 * 3600

    def add_files(self, root: str, prefix: str | None = None) -> None:
        """A folder that nobody has prepared yet is no mistake."""
        if Path(root).is_dir():
            super().add_files(root, prefix)
