"""One function says how an operation ended: page, list, API and audit log agree; what is unknown is checked again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.test import Client

from dashboard.streams import links
from dashboard.streams.links import ServerConfig
from dashboard.streams.names import to_path
from streams_admin.models import AuditEntry, Operation
from streams_admin.operations import loop, pieces, results, start
from streams_admin.operations.outcomes import Outcome, outcome_of
from streams_admin.stored import ids_in
from tests.dashboard.streams.seeding import GROUP, KEY, WORKER, fill, group, neglect
from tests.html_page import Page
from tests.people import person, signed_in
from tests.streams_admin.acting import ADMIN, of_group, pending, planned, run
from tests.streams_admin.dying import finish
from tests.streams_admin.proxy import Proxy, proxied
from tests.streams_admin.recipes import HELPER, IDLE_MS

pytestmark = pytest.mark.django_db
COUNT = 8
CLAIM = of_group(to=to_path(HELPER), bump=True)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("actions.pending.look", "operations.loop", "operations.pieces", "operations.start"):
        monkeypatch.setattr(f"streams_admin.{module}.BATCH", 3)
    monkeypatch.setattr(loop, "GENTLE", 3)
    monkeypatch.setattr(pieces, "LOOK_AFTER", (0,))


@pytest.fixture
def proxy(redis_client: redis.Redis, redis_url: str) -> Iterator[Proxy]:
    """Eight entries pending with WORKER, three to a batch; a proxy in front of the writer."""
    fill(redis_client, COUNT)
    group(redis_client, read=COUNT)
    for number in range(1, COUNT + 1):
        neglect(redis_client, f"{number}-0", idle_ms=IDLE_MS)
    with proxied(redis_url) as between:
        links.configure([ServerConfig("default", redis_url, admin_url=between.url)])
        yield between
    links.configure([])


@pytest.fixture
def frozen(proxy: Proxy, redis_client: redis.Redis) -> Operation:
    """A claim during whose second batch the server froze, for longer than anybody looks, and thawed again."""
    proxy.lose(b"XCLAIM", 2, "reply", lambda: redis_client.execute_command("CLIENT", "PAUSE", 1_800, "ALL"))
    return run(planned("claim", CLAIM))


def said_of(operation: Operation) -> dict[str, Any]:
    """What each place says of it."""
    anna = signed_in(person("anna", "admin"))
    api = anna.get(f"/api/v1/operations/{operation.pk}").json()
    log = anna.get("/api/v1/audit", {"operation": str(operation.pk)}).json()["items"]
    return {
        "page": status(anna, f"/operations/{operation.pk}/"),
        "list": status(anna, "/operations/"),
        "audit page": status(anna, "/audit/"),
        "api": (api["outcome"], {kind: n for kind, n in api["results"].items() if n}),
        "audit api": (log[0]["outcome"], log[0]["counts"]),
    }


def status(client: Client, url: str) -> str:
    """The first word of a state on a page."""
    return Page(client.get(url).content.decode()).states[0]


def test_a_server_frozen_in_mid_claim_is_unknown_everywhere(frozen: Operation) -> None:
    assert (frozen.state, frozen.results) == ("done", {"done": 5, "unknown": 3})
    said, counts = "Partly done, 3 unknown", {"done": 5, "unknown": 3}
    assert said_of(frozen) == {
        "page": said,
        "list": said,
        "audit page": said,
        "api": ("unknown", counts),
        "audit api": ("unknown", counts),
    }


def test_the_page_shows_which_entries_were_not_done(frozen: Operation) -> None:
    page = signed_in(person("anna", "admin")).get(f"/operations/{frozen.pk}/").content.decode()
    table = page.partition('aria-label="Entries that were not done"')[2].partition("</table>")[0]
    assert [n for n in range(1, COUNT + 1) if f"{n}-0</a>" in table] == [4, 5, 6]
    assert "unknown" in table


def test_check_again_settles_what_can_be_known(frozen: Operation, redis_client: redis.Redis) -> None:
    """4-0 was claimed and acknowledged since; 5-0 and 6-0 are with the new owner."""
    anna, url = signed_in(person("anna", "admin")), f"/operations/{frozen.pk}/"
    assert "Check again" in anna.get(url).content.decode()
    redis_client.xack(KEY, GROUP, "4-0")
    before = pending(redis_client)
    assert anna.post(url + "check/")["Location"] == url
    frozen.refresh_from_db()
    assert frozen.results == {"done": 7, "already_acknowledged": 1}
    assert dict(frozen.entries)["4-0"] == "already_acknowledged"
    assert {who for who, _, _ in before.values()} == {who for who, _, _ in pending(redis_client).values()} == {HELPER}
    found = said_of(frozen)
    assert (found["page"], found["list"], found["audit page"]) == ("Partly done", "Partly done", "Partly done")
    assert found["api"] == found["audit api"] == ("partly_done", {"done": 7, "already_acknowledged": 1})
    assert "Check again" not in anna.get(url).content.decode()
    lines = list(AuditEntry.objects.filter(operation=frozen.pk).order_by("pk").values_list("outcome", "detail"))
    assert lines == [("started", ""), ("unknown", ""), ("partly_done", "Checked again by anna.")]


def test_what_was_done_after_all_makes_it_done(frozen: Operation) -> None:
    signed_in(person("anna", "admin")).post(f"/operations/{frozen.pk}/check/")
    frozen.refresh_from_db()
    assert (frozen.results, frozen.unsettled, outcome_of(frozen).word) == ({"done": COUNT}, [], "done")
    file = b"".join(results.read(frozen)).decode()
    assert ('"unknown"' in file, '"named": 8' in file) == (False, True)


def test_a_viewer_may_not_check(frozen: Operation) -> None:
    vera = signed_in(person("vera", "viewer"))
    assert vera.post(f"/operations/{frozen.pk}/check/").status_code == 403
    frozen.refresh_from_db()
    assert frozen.results["unknown"] == 3


def test_what_cannot_be_read_stays_unknown(frozen: Operation, redis_url: str) -> None:
    links.configure([ServerConfig("default", "unix:///tmp/there-is-nobody.sock")])
    answer = signed_in(person("anna", "admin")).post(f"/operations/{frozen.pk}/check/")
    assert answer.status_code == 503
    frozen.refresh_from_db()
    assert (frozen.results, ids_in(frozen.unsettled)) == ({"done": 5, "unknown": 3}, ["4-0", "5-0", "6-0"])


# While it runs -------------------------------------------------------------------------------------------------------


def test_the_audit_page_has_a_row_while_it_runs_and_its_time_is_its_start(proxy: Proxy) -> None:
    operation = start.begin(ADMIN, planned("claim", CLAIM))
    assert operation.state == "queued"
    assert said_of(operation) == {
        "page": "Queued",
        "list": "Queued",
        "audit page": "Queued",
        "api": ("started", {"done": 3}),
        "audit api": ("started", {}),
    }
    began = AuditEntry.objects.get()
    AuditEntry.objects.filter(pk=began.pk).update(at=began.at.replace(hour=3, minute=4, second=5))
    finish()
    page = signed_in(person("anna", "admin")).get("/audit/").content.decode()
    assert page.count("03:04:05") == 1
    assert page.count("Claim 8 entries") == 1


def operation_with(state: str, **counts: int) -> Operation:
    return Operation(state=state, results=counts, done=sum(counts.values()))


@pytest.mark.parametrize(
    ("state", "counts", "word", "text"),
    [
        ("queued", {}, "started", "Queued"),
        ("running", {"done": 3}, "started", "Running"),
        ("paused", {"unknown": 3}, "started", "Paused"),
        ("done", {"done": 3}, "done", "Done"),
        ("done", {"done": 3, "failed": 1}, "partly_done", "Partly done"),
        ("done", {"done": 3, "owner_changed": 1}, "partly_done", "Partly done"),
        ("done", {"done": 3, "unknown": 1200}, "unknown", "Partly done, 1,200 unknown"),
        ("failed", {"done": 3, "unknown": 1}, "unknown", "Partly done, 1 unknown"),
        ("failed", {"unknown": 1}, "unknown", "Unknown"),
        ("done", {"owner_changed": 1}, "refused", "Nothing done"),
        ("done", {"failed": 1}, "failed", "Failed"),
        ("done", {}, "refused", "Nothing done"),
        ("failed", {}, "failed", "Failed"),
        ("failed", {"done": 3}, "partly_done", "Failed, partly done"),
        ("cancelled", {"done": 3}, "partly_done", "Cancelled, partly done"),
        ("cancelled", {}, "cancelled", "Cancelled"),
    ],
)
def test_the_word_and_what_a_page_makes_of_it(state: str, counts: dict[str, int], word: str, text: str) -> None:
    found = outcome_of(operation_with(state, **counts))
    assert (found.word, found.text) == (word, text)


@pytest.mark.parametrize("word", ["denied", "refused", "failed"])
def test_an_attempt_that_began_no_operation(word: str) -> None:
    found = Outcome(word)
    assert (found.text, found.severity) == (word.capitalize(), "stuck")


def test_workers_have_not_changed(frozen: Operation, redis_client: redis.Redis) -> None:
    assert WORKER not in {who for who, _, _ in pending(redis_client).values()}
