"""What the description says, the served program does: schemathesis with all its checks, as each role.

The admin's run has the boundary cases too, without those of plans: they are most of them. `FUZZ_EXAMPLES` sets how many
random requests each operation gets, and adds what is left out; `make fuzz` takes 50.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clients.conftest import Site
from tests.serving import ROOT

EXAMPLES = {"viewer": 5, "operator": 5, "admin": 10}
PHASES = {"viewer": "fuzzing", "operator": "fuzzing", "admin": "examples,coverage,fuzzing"}
CONFIG = """
[parameters]
server = "default"
stream = "orders"
group = "workers"

[warnings]
enabled = false
"""
"""So that requests reach what is there instead of ending at names that nobody has."""
QUICK = """
[[operations]]
include-path = "/api/v1/plans"
phases.coverage.enabled = false
"""
SHOWN = 6000


@pytest.mark.parametrize("role", EXAMPLES)
def test_the_site_does_what_its_description_says(site: Site, role: str, tmp_path: Path) -> None:
    wanted = os.environ.get("FUZZ_EXAMPLES")
    (tmp_path / "schemathesis.toml").write_text(CONFIG if wanted else CONFIG + QUICK)
    examples = wanted or EXAMPLES[role]
    words = ["--max-examples", str(examples), "--phases", PHASES[role], "--checks", "all", "--no-shrink", "--seed", "1"]
    header = f"Authorization: Bearer {site.tokens[role]}"
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{site.url}/api/v1/openapi.json", "-H", header, *words]
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "tests.clients.filter_format", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, done.stdout[-SHOWN:] + done.stderr[-SHOWN:]
    assert "Tested: " in done.stdout
