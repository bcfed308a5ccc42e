"""One process of a system: `python -m streams_admin.demo.scenarios.process NAME ROLE OPTIONS`, the URL in REDIS_URL."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys

from streams_admin.demo.scenarios import catalogue
from streams_admin.demo.scenarios.options import Options
from streams_admin.demo.scenarios.workers.client import connect, stopping


async def play(name: str, role: str, options: Options, url: str) -> None:
    """Play one role until told to stop."""
    redis = connect(url)
    try:
        async with stopping() as stop:
            await catalogue.get(name).run(role, redis, options, stop)
    finally:
        await redis.aclose()


def main() -> None:
    name, role, given = sys.argv[1:]
    options = Options(**json.loads(given))
    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    logging.getLogger("scenario").setLevel(logging.DEBUG if options.verbose else logging.INFO)
    asyncio.run(play(name, role, options, os.environ["REDIS_URL"]))


if __name__ == "__main__":
    main()
