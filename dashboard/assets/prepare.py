"""Prepares the static files once per state: bundled, named by content, compressed with gzip and Brotli."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.files.base import ContentFile
from django.core.files.storage import Storage, storages

from dashboard.assets import bundle
from dashboard.assets.storage import ALL_SCRIPTS, ENTRIES, SCRIPTS, SHEETS, STYLES, Assets

log = logging.getLogger("streamgauge.assets")

KEPT_SECONDS = 86_400
"""How long the folder of another state stays: an older process may still serve from it."""


def prepare() -> None:
    """Fills STATIC_ROOT, when it is ours and nobody has. Where that cannot be, files are served as they lie."""
    assets = storages["staticfiles"]
    if settings.DEBUG or not isinstance(assets, Assets):
        return
    root = Path(assets.location)
    hindrance = None if assets.is_prepared else fill(root)
    assets.refresh()
    if hindrance and not assets.is_prepared:
        log.warning("Static files are served uncompressed: %s cannot be written (%s).", root, hindrance.strerror)


def fill(root: Path) -> OSError | None:
    """By a folder beside it, so that nobody finds it half done, and of two who do it one wins."""
    partial = root.with_name(f"{root.name}.{os.getpid()}")
    try:
        root.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        collect(partial)
        _forget_others(root)
        partial.rename(root)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        return error
    return None


def collect(folder: Path) -> None:
    """The bundles, and every static file that is in none, into `folder`."""
    sources = {name: source for finder in get_finders() for name, source in finder.list([])}
    bundled: set[str] = set()
    contents = {name: text.encode() for name, text in _bundles(sources, bundled).items()}
    contents |= {name: _read(source, name) for name, source in sources.items() if name not in bundled}
    storage = Assets(location=folder)
    for name, content in contents.items():
        storage.save(name, ContentFile(content))
    for _, _, outcome in storage.post_process({name: (storage, name) for name in contents}):
        if isinstance(outcome, Exception):
            raise outcome


def _read(source: Storage, name: str) -> bytes:
    with source.open(name) as file:
        return bytes(file.read())


def _bundles(sources: Mapping[str, Storage], bundled: set[str]) -> dict[str, str]:
    """The bundles by their names; `bundled` gets the names of the files in them."""

    def read(name: str) -> str:
        bundled.add(name)
        return _read(sources[name], name).decode()

    return {
        STYLES: bundle.sheets(SHEETS, read),
        SCRIPTS: bundle.modules(ENTRIES[:1], read),
        ALL_SCRIPTS: bundle.modules(ENTRIES, read),
    }


def _forget_others(root: Path) -> None:
    """Folders of other states that nobody has begun with for a day."""
    for other in root.parent.glob("static-*"):
        if time.time() - other.stat().st_mtime > KEPT_SECONDS:
            shutil.rmtree(other, ignore_errors=True)
