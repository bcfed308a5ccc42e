"""`manage.py create_user`: a person with a role, and a link to where the site really is, alone on stdout."""

from __future__ import annotations

import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client

ROOT = Path(__file__).resolve().parents[3]
HERE = "http://127.0.0.1:8000"
NAMED = "streams.example.com"


def printed(*arguments: str) -> str:
    out = StringIO()
    call_command("create_user", *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.django_db
def test_it_prints_the_link_and_nothing_else() -> None:
    link = printed("ana", "--role", "operator", "--base-url", f"https://{NAMED}/")
    assert link.count("\n") == 1
    assert link.startswith(f"https://{NAMED}/sign-in/")
    assert [group.name for group in User.objects.get(username="ana").groups.all()] == ["operator"]
    assert Client().get(link.strip().removeprefix(f"https://{NAMED}")).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("where", [NAMED, f"https://{NAMED}/below", ""])
def test_where_nothing_can_be_makes_nobody(where: str) -> None:
    with pytest.raises(CommandError, match=r"--base-url is .*; allowed: scheme and host"):
        printed("ana", "--role", "operator", "--base-url", where)
    assert not User.objects.filter(username="ana").exists()


@pytest.mark.parametrize(
    "command", [["create_user", "ana", "--role", "viewer"], ["create_token", "--name", "ci", "--role", "viewer"]]
)
def test_nothing_has_to_be_served_before(command: list[str], tmp_path: Path) -> None:
    """With the embedded database: who comes first makes it."""
    environment = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path)}
    asked = [sys.executable, "manage.py", *command]
    assert subprocess.check_output(asked, cwd=ROOT, env=environment, text=True).count("\n") == 1


@pytest.mark.parametrize(
    ("environment", "where"),
    [
        ({}, HERE),
        ({"PORT": "8001"}, "http://127.0.0.1:8001"),
        ({"ALLOWED_HOSTS": f"{NAMED},127.0.0.1"}, f"https://{NAMED}"),
        ({"ALLOWED_HOSTS": NAMED, "HTTPS": "false"}, HERE),
        ({"ALLOWED_HOSTS": f"{NAMED},other.example.com"}, HERE),
        ({"ALLOWED_HOSTS": ".example.com"}, HERE),
        ({"ALLOWED_HOSTS": "*"}, HERE),
        ({"BASE_URL": "https://ops.example.com:8443/", "ALLOWED_HOSTS": NAMED}, "https://ops.example.com:8443"),
    ],
    ids=lambda value: " ".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else "",
)
def test_without_the_option_it_is_where_the_site_is_configured_to_be(
    environment: dict[str, str], where: str, tmp_path: Path
) -> None:
    asked = [sys.executable, "-c", "from dashboard import settings; print(settings.STREAMGAUGE['BASE_URL'])"]
    environment = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path), **environment}
    assert subprocess.check_output(asked, cwd=ROOT, env=environment, text=True) == f"{where}\n"
