"""What is wrong with a setting is said without the secret in it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

MANAGE = Path(__file__).resolve().parent.parent.parent / "manage.py"
URLS = ["postgres://u:s3cr3t/x@host/db", "postgres://u:s3cr3t@host:s3cr3t/db", "postgres://u:s3cr3t@[::1/db"]


@pytest.mark.parametrize(
    ("name", "value"),
    [*(("DATABASE_URL", url) for url in URLS), *(("REDIS_URL", url.replace("postgres", "redis")) for url in URLS)],
)
def test_a_url_that_cannot_be_read_is_not_told(name: str, value: str, tmp_path: Path) -> None:
    environment = {**os.environ, name: value, "DATA_DIR": str(tmp_path), "SECRET_KEY": "s" * 50}
    done = subprocess.run(
        [sys.executable, str(MANAGE), "check"], env=environment, capture_output=True, text=True, check=False
    )
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert name in said
    assert "s3cr3t" not in said
