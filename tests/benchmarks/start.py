"""What every command pays before it begins: reading the settings, beside Django's own settings alone."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from statistics import median

BARE = "import django.conf"
OURS = "import dashboard.settings"


def lines(rounds: int) -> Iterator[dict[str, object]]:
    """In turns, in processes of their own; `seconds` are medians."""
    took = [(_seconds(BARE), _seconds(OURS)) for _ in range(rounds)]
    bare, ours = (median(each) for each in zip(*took, strict=True))
    yield {
        "bench": "start: settings",
        "ratio": round(ours / bare, 2),
        "seconds": round(ours, 3),
        "bare_seconds": round(bare, 3),
        "over_bare_seconds": round(ours - bare, 3),
    }


def _seconds(program: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True)
    return time.perf_counter() - began
