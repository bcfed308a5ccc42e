"""`python -m tests.benchmarks`: one JSON object per line; ends everything it started."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator

from streams_admin.demo import embedded
from tests.benchmarks import live, start
from tests.benchmarks.place import Place, place
from tests.scenarios.bench import CARTS, measured

ENTRIES = 200_000
"""Pending entries that each action works through. The full measure is `--entries 1000000`."""
ROUNDS = 15
SECONDS = 8.0


def main() -> int:
    given = _arguments()
    began = time.monotonic()
    with place() as here:
        for line in _lines(here, given):
            print(json.dumps(line), flush=True)
    print(json.dumps({"bench": "all", "seconds": round(time.monotonic() - began, 1)}))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.benchmarks", description=__doc__)
    parser.add_argument("--entries", type=int, default=ENTRIES, help=f"pending entries per action ({ENTRIES:,})")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"of each page and read ({ROUNDS})")
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"of each live load ({SECONDS:.0f})")
    parser.add_argument("--only", choices=("pages", "reads", "actions", "carts", "start", "live"), help="one part")
    return parser.parse_args()


def _lines(here: Place, given: argparse.Namespace) -> Iterator[dict[str, object]]:
    from tests.benchmarks import actions, looks  # these need Django, which is ready only inside of a place

    if given.only in (None, "pages"):
        yield from looks.pages(here, given.rounds)
    if given.only in (None, "reads"):
        yield from looks.reads(here, given.rounds)
    if given.only in (None, "actions"):
        yield from actions.measured(here, given.entries)
    if given.only in (None, "carts"):
        yield _carts()
    if given.only in (None, "start"):
        yield from start.lines(given.rounds)
    if given.only in (None, "live"):
        yield from live.lines(given.seconds)


def _carts() -> dict[str, object]:
    """The example system of the carts: a new projector rebuilds all of them."""
    with embedded.start() as server:
        return dict(measured(server.url, CARTS))


if __name__ == "__main__":
    sys.exit(main())
