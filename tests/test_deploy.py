"""`manage.py check --deploy` with the settings of a real installation, and our own checks one by one."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_django import Settings

from dashboard import checks
from dashboard.config.environment import LOOPBACK
from tests.conftest import Configure

ROOT = Path(__file__).resolve().parent.parent
FOREIGN = ["streams.example.com"]


def check_deploy(tmp_path: Path, **changed: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, with nothing of the surrounding environment but PATH."""
    environment = {
        "PATH": os.environ["PATH"],
        "SECRET_KEY": secrets.token_urlsafe(50),
        "ALLOWED_HOSTS": FOREIGN[0],
        "REDIS_URL": "rediss://reader:secret@redis.example.com:6379/0",
        "REDIS_ADMIN_URL": "rediss://writer:secret@redis.example.com:6379/0",
        "REDIS_ENVIRONMENT": "production",
        "BEHIND_PROXY": "true",
        "DATA_DIR": str(tmp_path),
        **changed,
    }
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("changed", "silenced"), [({}, 2), ({"HSTS_INCLUDE_SUBDOMAINS": "true", "HSTS_PRELOAD": "true"}, 0)]
)
def test_production_settings_are_clean(changed: dict[str, str], silenced: int, tmp_path: Path) -> None:
    """What Django says about HSTS for other names of the domain is silenced: that is for its owner to decide."""
    ended = check_deploy(tmp_path, **changed)
    assert ended.stderr == ""
    assert ended.stdout == f"System check identified no issues ({silenced} silenced).\n"
    assert ended.returncode == 0


@pytest.mark.parametrize(
    ("changed", "seen"),
    [
        ({"HTTPS": "false"}, "SECURE_SSL_REDIRECT"),
        ({"DEBUG": "true"}, "DEBUG"),
        ({"SECRET_KEY": "a" * 40}, "SECRET_KEY"),
    ],
)
def test_a_door_left_open_fails_it(changed: dict[str, str], seen: str, tmp_path: Path) -> None:
    ended = check_deploy(tmp_path, **changed)
    assert ended.returncode == 1
    assert seen in ended.stderr


def test_debug_for_others_is_warned_about(settings: Settings) -> None:
    settings.DEBUG, settings.ALLOWED_HOSTS = True, FOREIGN
    assert [(found.id, FOREIGN[0] in found.msg) for found in checks.debug_is_for_ourselves(None)] == [
        ("streamgauge.W001", True)
    ]


@pytest.mark.parametrize(("debug", "hosts"), [(True, list(LOOPBACK)), (False, FOREIGN)])
def test_debug_for_ourselves_is_fine(debug: bool, hosts: list[str], settings: Settings) -> None:
    settings.DEBUG, settings.ALLOWED_HOSTS = debug, hosts
    assert checks.debug_is_for_ourselves(None) == []


@pytest.mark.parametrize("hosts", [FOREIGN, ["*"], [*LOOPBACK, ".example.com"]])
def test_others_without_https_are_warned_about(hosts: list[str], settings: Settings, configure: Configure) -> None:
    configure(https=False)
    settings.ALLOWED_HOSTS = hosts
    assert [found.id for found in checks.others_come_by_https(None)] == ["streamgauge.W002"]


@pytest.mark.parametrize(("https", "hosts"), [(False, list(LOOPBACK)), (True, FOREIGN)])
def test_https_or_nobody_else_is_fine(https: bool, hosts: list[str], settings: Settings, configure: Configure) -> None:
    configure(https=https)
    settings.ALLOWED_HOSTS = hosts
    assert checks.others_come_by_https(None) == []


@pytest.mark.parametrize(
    ("embedded", "kept", "found"),
    [
        (False, "k" * 50, ["streamgauge.E001"]),
        (False, "another" * 8, []),
        (False, None, []),
        (True, "k" * 50, []),
    ],
)
def test_the_generated_key_is_for_the_embedded_database(
    embedded: bool,
    kept: str | None,
    found: list[str],
    settings: Settings,
    configure: Configure,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    engine = "sqlite3" if embedded else "postgresql"
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", f"django.db.backends.{engine}")
    settings.SECRET_KEY = "k" * 50
    configure(data_dir=tmp_path)
    if kept:
        (tmp_path / "secret_key").write_text(f"{kept}\n")
    assert [message.id for message in checks.the_key_is_shared_on_purpose(None)] == found


def test_without_a_readable_key_there_is_none(configure: Configure, tmp_path: Path) -> None:
    configure(data_dir=tmp_path)
    assert checks.kept_key() is None
