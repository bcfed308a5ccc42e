"""`make servers`: the tests that talk to a server, on every server of the matrix, one after the other."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.servers import MATRIX, Wanted, version

SUITE = [
    "tests/dashboard/streams",
    "tests/dashboard/live",
    "tests/dashboard/fleet",
    "tests/dashboard/api",
    "tests/streams_admin",
    "tests/scenarios",
    "tests/faults",
    "tests/test_acl.py",
    "tests/test_hostile.py",
    "tests/security",
]

OPTIONS = ["-q", "-n", "2", "--dist", "loadfile", "--no-loadscope-reorder", "-m", "not big", "-p", "tests.talking"]
SHARES = {"RACING_EXAMPLES": "50", "MODEL_EXAMPLES": "20"}
"""How much each server does of the long searches, which `make test` does whole on one."""


def main() -> int:
    """0 when every wanted server was there and green."""
    results = {wanted: _run(wanted) for wanted in MATRIX}
    print("\n=== servers")
    for wanted, outcome in results.items():
        print(f"{wanted.label:12} {outcome}")
    return 0 if all(outcome.startswith("green") for outcome in results.values()) else 1


def _run(wanted: Wanted) -> str:
    binary = wanted.find()
    if binary is None:
        return f"missing: {wanted.source} cannot be had on this machine"
    print(f"\n=== {wanted.label}: {version(binary)}", flush=True)
    command = [sys.executable, "-m", "pytest", *OPTIONS, *SUITE]
    environment = {**os.environ, **SHARES, "TEST_SERVER": str(binary)}
    last = ""
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            last = line.strip("= \n") or last
    return f"{'green' if process.returncode == 0 else 'failed'}: {last}"


if __name__ == "__main__":
    sys.exit(main())
