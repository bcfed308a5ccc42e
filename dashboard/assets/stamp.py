"""Which state of the static files a folder of prepared ones belongs to."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path


def stamp(folders: Iterable[Path]) -> str:
    """12 hex digits that change with any file's name or content: some packagers give all files the same time."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            content = path.read_bytes()
            digest.update(f"{path.relative_to(folder)}\0{len(content)}\n".encode() + content)
    return digest.hexdigest()[:12]
