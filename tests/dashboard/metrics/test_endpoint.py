"""/metrics: who may read it, and that every number is documented."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings

from dashboard.live import hub
from dashboard.live.metrics import COUNTED
from tests.conftest import Configure

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[3]
ELSEWHERE = {"REMOTE_ADDR": "192.0.2.7"}
DOCUMENTED = re.findall(r"^\| `(\w+)(?:\{[\w,]+\})?` \| (\w+) \| .+ \|$", (ROOT / "docs/metrics.md").read_text(), re.M)


def names(text: str) -> list[tuple[str, str]]:
    """Every metric with its type. The text says `name_total` for a counter."""
    return re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE)


def test_this_machine_reads_every_documented_number_and_no_other() -> None:
    answer = Client().get("/metrics", headers={"Host": "10.0.0.7:8000"})
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain; version=")
    assert answer["Cache-Control"] == "no-store"
    assert sorted(names(answer.content.decode())) == sorted(DOCUMENTED)
    assert len(DOCUMENTED) > len(COUNTED)


@pytest.mark.parametrize(
    "header", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "Via", "X-Forwarded-Proto", "X-Forwarded-Host"]
)
def test_who_comes_through_a_proxy_is_not_this_machine(header: str) -> None:
    answer = Client().get("/metrics", headers={header: "127.0.0.1"})
    assert answer.status_code == 302
    assert answer["Location"].startswith("/sign-in/")


def test_a_proxy_that_is_known_says_who_it_is(configure: Configure) -> None:
    configure(behind_proxy=True)
    assert Client().get("/metrics", headers={"X-Real-IP": "127.0.0.1"}).status_code == 200
    assert Client().get("/metrics", headers={"X-Real-IP": "192.0.2.7"}).status_code == 302
    assert Client().get("/metrics", headers={"X-Real-IP": "nobody"}).status_code == 302


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Forwarded-Proto", "Via"])
def test_a_known_proxy_that_does_not_say_who_it_is_is_not_this_machine(configure: Configure, header: str) -> None:
    """Many send X-Forwarded-For and no X-Real-IP: then the peer is the proxy, whoever asks."""
    configure(behind_proxy=True)
    assert Client().get("/metrics", headers={header: "127.0.0.1"}).status_code == 302
    assert Client().get("/metrics").status_code == 200, "asked directly"


@pytest.mark.parametrize(
    ("host", "status"),
    [("[::1]:8000", 200), ("localhost:8000", 200), ("evil.example", 400), ("evil.example:8000", 400), ("a b", 400)],
)
def test_a_name_that_was_made_to_point_here_is_not_answered(
    host: str, status: int, settings: Settings, configure: Configure
) -> None:
    """A page that rebinds its name would read it by a browser on this machine. A scraper with the token may use any."""
    settings.ALLOWED_HOSTS = ["localhost"]
    assert Client().get("/metrics", headers={"Host": host}).status_code == status
    configure(metrics_token="secret")
    answer = Client().get("/metrics", headers={"Host": host, "Authorization": "Bearer secret"})
    assert answer.status_code == 200


def test_from_elsewhere_only_an_admin_reads_it(admin: Client, operator: Client) -> None:
    assert Client().get("/metrics", **ELSEWHERE).status_code == 302
    assert operator.get("/metrics", **ELSEWHERE).status_code == 403
    assert b"streamgauge_live_viewers" in admin.get("/metrics", **ELSEWHERE).content


@pytest.mark.parametrize("sent", ["", "Bearer", "Bearer wrong", "Basic secret", "secret"])
def test_with_a_token_nothing_else_counts(sent: str, admin: Client, configure: Configure) -> None:
    configure(metrics_token="secret")
    answer = admin.get("/metrics", headers={"Authorization": sent})
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")
    assert b"streamgauge" not in answer.content
    for right in ("Bearer secret", "bearer  secret "):
        found = Client().get("/metrics", headers={"Authorization": right}, **ELSEWHERE)
        assert (found.status_code, b"streamgauge_live_viewers" in found.content) == (200, True)


def test_it_is_only_read() -> None:
    assert Client().post("/metrics").status_code in (302, 403, 405)
    assert Client().head("/metrics").status_code == 200


def test_a_process_without_viewers_has_none() -> None:
    found = {metric.name: metric for metric in hub.metrics()}
    assert found["streamgauge_live_rest_seconds"].samples == []
    assert found["streamgauge_live_watches"].samples == []
