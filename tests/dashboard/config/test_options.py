"""Our own settings in one dictionary, as a host project writes it: every key has a default, a wrong one is named."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from dashboard.config import environment
from dashboard.config.active import configured
from dashboard.config.masking import MaskRule
from dashboard.config.options import read


def test_a_host_project_may_set_nothing() -> None:
    found = read({})
    assert (found.watched, found.mask_rules) == ((), ())
    assert (found.late_after, found.stuck_after, found.gone_after, found.poison_deliveries) == (60, 300, 3600, 5)
    assert (found.https, found.behind_proxy, found.base_url) == (False, False, "http://127.0.0.1:8000")


def test_a_host_project_may_set_the_server_alone() -> None:
    (server,) = read({"REDIS_URL": "redis://h"}).watched
    assert (server.name, server.url, server.title) == ("default", "redis://h", "default")


@pytest.mark.parametrize("stuck", ["600", 600])
def test_a_value_is_text_or_what_it_stands_for(stuck: object) -> None:
    found = read({"STUCK_AFTER": stuck, "REDIS_KEYS": ["a*", "b*"], "HTTPS": "yes"})
    assert (found.stuck_after, found.redis_keys, found.https) == (600, ("a*", "b*"), True)


def test_servers_and_masks_may_stand_in_the_dictionary() -> None:
    found = read({
        "SERVERS": {"eu": {"url": "redis://h", "title": "Europe", "keys": ["a*"]}},
        "MASKING": [{"streams": "user:*", "fields": ["email"]}],
    })  # fmt: skip
    assert [(server.name, server.title, server.keys) for server in found.watched] == [("eu", "Europe", ("a*",))]
    assert found.mask_rules == (MaskRule("user:*", ("email",)),)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"STUK_AFTER": 3}, "STREAMGAUGE has 'STUK_AFTER'; allowed: BASE_URL, BEHIND_PROXY, "),
        ({"STUCK_AFTER": 0}, "STUCK_AFTER is 0; allowed: a whole number from 1 to 1000000000."),
        ({"STUCK_AFTER": None}, "STUCK_AFTER is None; allowed: a whole number from 1 to 1000000000."),
        ({"STUCK_AFTER": 30}, "STUCK_AFTER is 30; allowed: at least LATE_AFTER (60)."),
        ({"HTTPS": "maybe"}, "HTTPS is 'maybe'; allowed: true, false."),
        ({"REDIS_KEYS": 3}, "REDIS_KEYS is 3; allowed: a list of strings."),
        ({"DATA_DIR": 3}, "DATA_DIR is 3; allowed: a path."),
        ({"REDIS_URL": ["redis://:secret@h"]}, "REDIS_URL is a list; allowed: a string."),
        (
            {"REDIS_URL": "http://:secret@h"},
            "REDIS_URL starts with 'http'; allowed: redis://, rediss:// and unix://.",
        ),
        ({"BASE_URL": "ops"}, "BASE_URL is 'ops'; allowed: scheme and host, like https://streams.example.com."),
        ({"SERVERS": ["redis://h"]}, "STREAMGAUGE: servers is ['redis://h']; allowed: a table."),
        ({"SERVERS": {"a": {}}}, "STREAMGAUGE: servers.a has no url."),
        (
            {"REDIS_URL": "redis://h", "SERVERS": {"a": {"url": "redis://i"}}},
            "REDIS_URL and SERVERS are both set; set one of them.",
        ),
    ],
)
def test_a_wrong_key_or_value_is_said_in_one_sentence(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ImproperlyConfigured) as refused:
        read(given)
    assert str(refused.value).startswith(said)
    assert "secret" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_the_setting_is_read_anew_when_it_changes() -> None:
    assert configured().stuck_after == 300
    with override_settings(STREAMGAUGE={"STUCK_AFTER": "900"}):
        assert configured().stuck_after == 900
    assert configured().stuck_after == 300


def test_urls_do_not_show_in_a_dump_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://:s3cr3t@h")
    found = environment.options()
    assert "s3cr3t" not in repr(found)
    assert "s3cr3t" not in repr(read(found))
    assert read(found).watched[0].url == "redis://:s3cr3t@h"


HEAVY = ("redis", "django.http", "channels", "ninja", "pydantic")


def test_the_settings_load_nothing_heavy() -> None:
    """Each command pays for what they import; what needs more is loaded when Django starts."""
    program = f"import dashboard.settings, sys; print([name for name in {HEAVY} if name in sys.modules])"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout == "[]\n"


def test_what_checks_the_settings_needs_no_redis_and_no_http() -> None:
    heavy = ("redis", "django.http", "channels", "ninja")
    program = (
        "import dashboard.config.active, dashboard.config.options, sys;"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout == "[]\n"
