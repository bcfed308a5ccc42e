"""`python -m tests.benchmarks`: one JSON object per line; ends everything it started."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator

from streams_admin.demo import embedded
from tests.benchmarks import fleet, live, start
from tests.benchmarks.place import Place, place
from tests.scenarios.bench import CARTS, measured

ENTRIES = 200_000
"""Pending entries that each action works through. The full measure is `--entries 1000000`."""
ROUNDS = 15
SECONDS = 8.0
PARTS = ("pages", "reads", "actions", "carts", "start", "live", "fleet")


def main() -> int:
    given = _arguments()
    began = time.monotonic()
    for line in _all(given):
        print(json.dumps(line), flush=True)
    print(json.dumps({"bench": "all", "seconds": round(time.monotonic() - began, 1)}))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.benchmarks", description=__doc__)
    parser.add_argument("--entries", type=int, default=ENTRIES, help=f"pending entries per action ({ENTRIES:,})")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"of each page and read ({ROUNDS})")
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"of each live load ({SECONDS:.0f})")
    parser.add_argument("--only", choices=PARTS, help="one part")
    parser.add_argument("--streams", type=int, nargs="+", default=fleet.STREAMS, help="sizes of the fleet")
    parser.add_argument("--memory-rounds", type=int, default=fleet.MEMORY_ROUNDS, help="0: no measure of its memory")
    return parser.parse_args()


def _all(given: argparse.Namespace) -> Iterator[dict[str, object]]:
    """The fleet has servers of its own, and would be in the way of the others."""
    if given.only != "fleet":
        with place() as here:
            yield from _lines(here, given)
    if given.only in (None, "fleet"):
        yield from fleet.lines(given.streams, given.memory_rounds)


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
