"""Operations: in the background, stopped and steered, killed and taken over, and two of them on the same entries."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import redis
from django.db import connections
from django.urls import reverse

from dashboard.accounts.permissions import Grant
from dashboard.accounts.principals import Principal
from dashboard.streams import links
from dashboard.streams.links import Server, Writer
from dashboard.streams.names import to_path
from streams_admin.actions.pending.claim import Claim
from streams_admin.actions.registry import ALL
from streams_admin.audit.log import Caller
from streams_admin.errors import Changed
from streams_admin.models import AuditEntry, Operation, Plan
from streams_admin.operations import loop, pacing, pieces, results, start, state
from streams_admin.stored import ids_in
from tests.dashboard.streams.seeding import GROUP, KEY, WORKER, fill, group, neglect
from tests.people import id_of, person, signed_in
from tests.streams_admin.acting import ADMIN, OPERATOR, act, before_sending, of_group, pending, planned, run
from tests.streams_admin.dying import Killed, dies_at, finish, orphan, run_until_killed
from tests.streams_admin.recipes import HELPER, IDLE_MS, collect
from tests.streams_admin.threads import together

pytestmark = pytest.mark.django_db

RECIPES = collect()
TO_HELPER = {"to": to_path(HELPER)}
THIRD = b"third"


@pytest.fixture
def few(server: Server, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> redis.Redis:
    """Eight entries pending with WORKER, idle for long, delivered once. Three make a batch, and nobody waits."""
    for module in ("actions.pending.look", "operations.loop", "operations.pieces", "operations.start"):
        monkeypatch.setattr(f"streams_admin.{module}.BATCH", 3)
    monkeypatch.setattr(loop, "GENTLE", 3)
    monkeypatch.setattr(pieces, "LOOK_AFTER", (0, 0))
    fill(redis_client, 8)
    group(redis_client, read=8)
    for number in range(1, 9):
        neglect(redis_client, f"{number}-0", idle_ms=IDLE_MS)
    return redis_client


def owners(client: redis.Redis) -> Counter[bytes]:
    return Counter(who for who, _, _ in pending(client).values())


def outcomes() -> list[str]:
    return list(AuditEntry.objects.order_by("pk").values_list("outcome", flat=True))


# In the background --------------------------------------------------------------------------------------------------


def test_what_fits_into_one_batch_runs_at_once(few: redis.Redis) -> None:
    operation = start.begin(ADMIN, planned("claim", of_group("1-0", "2-0", **TO_HELPER)))
    assert (operation.state, operation.done) == ("done", 2)
    assert start.work_once() is False


def test_the_rest_of_a_large_one_runs_in_the_background(many: redis.Redis) -> None:
    operation = start.begin(ADMIN, planned("claim", of_group(**TO_HELPER)))
    assert (operation.state, operation.done, operation.total) == ("queued", 500, 1200)
    assert owners(many) == {HELPER: 500, WORKER: 700}
    assert start.work_once()
    assert owners(many) == {HELPER: 1000, WORKER: 200}
    finish()
    operation.refresh_from_db()
    assert (operation.state, operation.results, operation.done) == ("done", {"done": 1200}, 1200)
    assert len(operation.entries) == state.KEPT
    assert operation.entries[0] == ["1-0", "done"]
    assert owners(many) == {HELPER: 1200}
    assert outcomes() == ["started", "done"]


def test_figures_are_read_before_and_after(many: redis.Redis) -> None:
    operation = act("ack", of_group())
    assert dict(operation.before)["pending"] == 1200
    assert dict(operation.after)["pending"] == 0


def test_what_arrives_meanwhile_is_left_alone(many: redis.Redis) -> None:
    operation = start.begin(ADMIN, planned("ack", of_group()))
    many.xadd(KEY, {"n": "new"}, id="2000-0")
    many.xreadgroup(GROUP, THIRD, {KEY: ">"})
    finish()
    operation.refresh_from_db()
    assert operation.results == {"done": 1200}
    assert set(pending(many)) == {b"2000-0"}


# Steered ------------------------------------------------------------------------------------------------------------


def test_paused_it_waits_until_it_is_resumed(many: redis.Redis) -> None:
    operation = start.begin(ADMIN, planned("ack", of_group()))
    start.request_state(operation, "pause")
    assert start.work_once()
    operation.refresh_from_db()
    assert (operation.state, len(pending(many))) == ("paused", 700)
    assert start.work_once() is False
    start.request_state(operation, "resume")
    finish()
    operation.refresh_from_db()
    assert (operation.state, operation.done, len(pending(many))) == ("done", 1200, 0)


def test_resumed_before_it_paused_it_goes_on(many: redis.Redis) -> None:
    operation = start.begin(ADMIN, planned("ack", of_group()))
    for what in ("pause", "resume"):
        start.request_state(operation, what)
    finish()
    operation.refresh_from_db()
    assert (operation.state, operation.results, len(pending(many))) == ("done", {"done": 1200}, 0)


@pytest.mark.parametrize("after", ["resume", "cancel"])
def test_what_is_requested_while_it_is_about_to_pause_holds(
    many: redis.Redis, monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    """The runner has read that it is to pause, and not saved it."""
    operation = start.begin(ADMIN, planned("ack", of_group()))
    start.request_state(operation, "pause")
    save, left = state.save, [True]

    def saved(*args: Any, **changes: Any) -> None:
        if changes.get("state") == "paused" and left:
            left.clear()
            start.request_state(operation, after)
        save(*args, **changes)

    monkeypatch.setattr(state, "save", saved)
    finish()
    operation.refresh_from_db()
    expected = {"resume": ("done", {"done": 1200}), "cancel": ("cancelled", {"done": 500})}[after]
    assert ((operation.state, operation.results), left) == (expected, [])


@pytest.mark.parametrize("paused", [False, True])
@pytest.mark.parametrize("after", ["pause", "resume"])
def test_a_cancelled_one_stays_cancelled(many: redis.Redis, paused: bool, after: str) -> None:
    operation = start.begin(ADMIN, planned("ack", of_group()))
    if paused:
        start.request_state(operation, "pause")
        start.work_once()
    for what in ("cancel", after):
        start.request_state(operation, what)
    finish()
    operation.refresh_from_db()
    assert (operation.state, operation.results) == ("cancelled", {"done": 500})


def test_resumed_in_the_middle_of_a_turn_nothing_is_done_twice_or_left_out(few: redis.Redis) -> None:
    operation = start.begin(ADMIN, planned("claim", of_group(bump=True, **TO_HELPER)), duty=100)

    def twice() -> None:
        start.request_state(operation, "pause")
        start.request_state(operation, "resume")

    with before_sending(lambda command: True, twice):
        assert start.work_once(60.0)
    operation.refresh_from_db()
    assert (operation.state, operation.results) == ("done", {"done": 8})
    assert {count for _, _, count in pending(few).values()} == {2}


@pytest.mark.parametrize("paused", [False, True])
def test_cancelled_it_ends_with_what_was_done(many: redis.Redis, paused: bool) -> None:
    operation = start.begin(ADMIN, planned("ack", of_group()))
    if paused:
        start.request_state(operation, "pause")
        start.work_once()
        operation.refresh_from_db()
    start.request_state(operation, "cancel")
    finish()
    operation.refresh_from_db()
    assert (operation.state, operation.results) == ("cancelled", {"done": 500})
    assert len(pending(many)) == 700
    assert outcomes() == ["started", "partly_done"]


@pytest.mark.parametrize("what", ["pause", "cancel"])
def test_a_wish_is_obeyed_though_the_next_batch_was_read_ahead(few: redis.Redis, what: str) -> None:
    operation = start.begin(ADMIN, planned("ack", of_group()), duty=100)
    with before_sending(lambda command: command[0] == "EVAL", lambda: start.request_state(operation, what)):
        assert start.work_once(60.0)
    operation.refresh_from_db()
    assert (operation.state, operation.results) == ({"pause": "paused", "cancel": "cancelled"}[what], {"done": 6})
    assert (operation.inflight, len(pending(few))) == (None, 2)
    assert [id_ for id_, _ in operation.entries] == [f"{n}-0" for n in range(1, 7)]


def test_who_reads_ahead_and_was_taken_over_writes_nothing_more(few: redis.Redis) -> None:
    start.begin(ADMIN, planned("claim", of_group(bump=True, **TO_HELPER)), duty=100)
    with before_sending(lambda command: True, finish):
        assert start.work_once(60.0)
    operation = Operation.objects.get()
    assert (operation.state, operation.results) == ("done", {"done": 8})
    assert {count for _, _, count in pending(few).values()} == {2}
    assert outcomes() == ["started", "done"]


def test_what_changes_after_it_was_read_ahead_is_left_alone(few: redis.Redis) -> None:
    """7-0 and 8-0 are read while 4-0 to 6-0 are acknowledged."""
    operation = start.begin(ADMIN, planned("ack", of_group()), duty=100)
    taken = iter([lambda: None, lambda: few.xclaim(KEY, GROUP, THIRD, 0, [b"7-0"])])
    told = Writer._trip

    def each(writer: Writer, connection: Any, commands: Any) -> Any:
        next(taken)()
        return told(writer, connection, commands)

    with patch.object(Writer, "_trip", each):
        assert start.work_once(60.0)
    operation.refresh_from_db()
    assert operation.results == {"done": 7, "owner_changed": 1}
    assert pending(few).keys() == {b"7-0"}


def test_what_is_over_stays_as_it_is(few: redis.Redis) -> None:
    operation = act("ack", of_group("1-0"))
    for wish in ("pause", "cancel", "resume"):
        start.request_state(operation, wish)
        assert start.work_once() is False
        operation.refresh_from_db()
        assert (operation.state, operation.requested_state) == ("done", "")


# Killed -------------------------------------------------------------------------------------------------------------


def steps() -> range:
    """One more than there are: the last one kills nobody."""
    return range(1, 31)


PACES = pytest.mark.parametrize(("duty", "turn"), [(25, 0.0), (100, 60.0)], ids=["gentle", "hurried"])
"""Resting after each batch, and reading ahead: then a batch is saved while the one before it is done."""


@PACES
@pytest.mark.parametrize("named", [False, True], ids=["filter", "ids"])
def test_killed_at_any_step_everything_is_done_once(few: redis.Redis, named: bool, duty: int, turn: float) -> None:
    ids = [f"{n}-0" for n in range(1, 9)] if named else []
    survived = 0
    for step in steps():
        for number in range(1, 9):
            neglect(few, f"{number}-0", idle_ms=IDLE_MS)
        plan = planned("claim", of_group(*ids, bump=True, **TO_HELPER))
        operation = _run_killed(plan, step, duty, turn)
        survived += operation is None
        finish()
        operation = Operation.objects.get(plan=plan)
        assert (operation.state, operation.results, step) == ("done", {"done": 8}, step)
        assert {(who, count) for who, _, count in pending(few).values()} == {(HELPER, 2)}, "counted once"
        assert AuditEntry.objects.filter(operation=operation.pk).count() == 2
    assert 0 < survived < len(steps())


def _run_killed(plan: Plan, step: int, duty: int = 0, turn: float = 0.0) -> Operation | None:
    """The operation that is left behind; None when nobody was killed."""
    with dies_at(step):
        try:
            start.begin(ADMIN, plan, duty=duty)
            while start.work_once(turn):
                pass
        except Killed:
            return Operation.objects.get(plan=plan)
    return None


@PACES
@pytest.mark.parametrize("slug", sorted(ALL))
def test_every_action_survives_being_killed_at_any_step(
    slug: str, duty: int, turn: float, server: Server, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (loop, pieces):
        for batch in ("BATCH", "GENTLE"):
            monkeypatch.setattr(module, batch, 2)
    monkeypatch.setattr(start, "BATCH", 1)
    monkeypatch.setattr(pieces, "LOOK_AFTER", (0, 0))
    for step in steps():
        redis_client.flushall()
        RECIPES[slug].seed(redis_client)
        plan = planned(slug, RECIPES[slug].params, key=RECIPES[slug].key)
        with dies_at(step):
            try:
                run(plan, duty=duty, turn=turn)
            except Killed:
                pass
            else:
                break
        finish()
        operation = Operation.objects.get(plan=plan)
        assert (operation.state, operation.error, step) == ("done", "", step)
        assert set(operation.results) <= {"done", "unknown"}
        RECIPES[slug].check(redis_client)
    assert step > 4


def test_a_process_that_is_really_killed_leaves_what_another_finishes(
    real_database: Path, many: redis.Redis, redis_url: str
) -> None:
    plan = planned("claim", of_group(bump=True, **TO_HELPER))
    run_until_killed(plan, real_database, redis_url, writes=2)
    operation = Operation.objects.get()
    assert (operation.state, operation.done, len(ids_in(operation.inflight["work"]))) == ("running", 500, 500)
    assert owners(many) == {HELPER: 500 + pacing.FIRST, WORKER: 700 - pacing.FIRST}, (
        "of the second batch the first piece"
    )
    assert start.work_once() is False, "its runner was seen a moment ago"
    finish()
    operation.refresh_from_db()
    assert (operation.state, operation.results) == ("done", {"done": 1200})
    assert {(who, count) for who, _, count in pending(many).values()} == {(HELPER, 2)}
    assert outcomes() == ["started", "done"]


def test_cancelled_after_a_crash_it_still_tells_what_was_done(few: redis.Redis) -> None:
    plan = planned("ack", of_group())
    operation = _run_killed(plan, 6)
    assert operation is not None
    assert operation.inflight is not None
    start.request_state(operation, "cancel")
    finish()
    operation.refresh_from_db()
    assert (operation.state, operation.results) == ("cancelled", {"done": 3})
    assert len(pending(few)) == 5


def test_who_was_taken_over_writes_nothing_more(few: redis.Redis) -> None:
    """A process that hung just before a write, while another one went on."""
    plan = planned("claim", of_group("1-0", "2-0", bump=True, **TO_HELPER))
    with before_sending(lambda command: True, finish):
        operation = start.begin(ADMIN, plan)
    assert (operation.state, operation.results) == ("done", {"done": 2})
    assert {count for id_, (_, _, count) in pending(few).items() if id_ in (b"1-0", b"2-0")} == {2}
    assert outcomes() == ["started", "done"]


def test_two_processes_never_take_the_same_operation(real_database: Path, many: redis.Redis) -> None:
    start.begin(ADMIN, planned("claim", of_group(bump=True, **TO_HELPER)))

    def work() -> None:
        while start.work_once():
            pass
        connections.close_all()

    together(work, 4)
    while start.work_once():
        pass
    operation = Operation.objects.get()
    assert (operation.state, operation.results) == ("done", {"done": 1200})
    assert {count for _, _, count in pending(many).values()} == {2}


# Failing ------------------------------------------------------------------------------------------------------------


def test_an_error_of_ours_ends_it_and_tells_nothing(
    many: redis.Redis, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    operation = start.begin(ADMIN, planned("claim", of_group(**TO_HELPER)))

    def broken(*_: object) -> None:
        raise RuntimeError("the password is hunter2")

    monkeypatch.setattr(Claim, "act", broken)
    finish()
    operation.refresh_from_db()
    assert (operation.state, operation.error) == ("failed", "Internal error: RuntimeError.")
    assert operation.results == {"done": 500, "unknown": 500}
    assert outcomes() == ["started", "unknown"]
    assert "hunter2" in caplog.text


def test_a_server_that_is_configured_no_more_ends_it(many: redis.Redis) -> None:
    operation = start.begin(ADMIN, planned("ack", of_group()))
    links.configure([])
    finish()
    operation.refresh_from_db()
    assert (operation.state, operation.results) == ("failed", {"done": 500})
    assert "default" in operation.error
    assert outcomes() == ["started", "partly_done"]


def test_a_group_that_vanishes_ends_it_with_what_was_done(many: redis.Redis) -> None:
    operation = start.begin(ADMIN, planned("ack", of_group()))
    many.xgroup_destroy(KEY, GROUP)
    finish()
    operation.refresh_from_db()
    assert (operation.state, operation.results) == ("failed", {"done": 500})
    assert outcomes() == ["started", "partly_done"]


# Two operators ------------------------------------------------------------------------------------------------------


def to(consumer: bytes) -> dict[str, Any]:
    return {"to": to_path(consumer)}


@pytest.mark.parametrize("ids", [(), ("1-0", "2-0")], ids=["filter", "ids"])
def test_who_comes_second_reads_why_nothing_was_done(few: redis.Redis, ids: tuple[str, ...]) -> None:
    second = planned("claim", of_group(*ids, **to(THIRD)), caller=OPERATOR)
    first = run(planned("claim", of_group(*ids, **TO_HELPER)))
    with pytest.raises(Changed, match="claimed in the meantime"):
        run(second, caller=OPERATOR)
    assert owners(few)[HELPER] == first.results["done"]
    assert owners(few)[THIRD] == 0
    assert outcomes() == ["started", "done", "refused"]


def test_each_entry_that_another_got_is_reported(few: redis.Redis) -> None:
    second = planned("claim", of_group("1-0", "2-0", "3-0", **to(THIRD)), caller=OPERATOR)
    act("claim", of_group("2-0", **TO_HELPER))
    act("ack", of_group("3-0"))
    operation = run(second, caller=OPERATOR)
    assert operation.entries == [["1-0", "done"], ["2-0", "owner_changed"], ["3-0", "already_acknowledged"]]
    assert outcomes()[-1] == "partly_done"


def test_two_large_ones_share_the_entries_and_account_for_all(many: redis.Redis) -> None:
    plans_ = [planned("claim", of_group(**to(c))) for c in (HELPER, THIRD)]
    both = [start.begin(ADMIN, plan) for plan in plans_]
    finish()
    results = [Counter(Operation.objects.get(pk=operation.pk).results) for operation in both]
    assert sum(r["done"] for r in results) == 1200
    assert Counter({THIRD: results[1]["done"], HELPER: results[0]["done"]}) == owners(many)
    assert all(r["done"] + r["owner_changed"] == 1200 for r in results)


def test_who_comes_second_to_a_long_list_reads_of_each_entry_why(many: redis.Redis) -> None:
    second = start.begin(ADMIN, planned("claim", of_group(**to(THIRD))))
    many.xack(KEY, GROUP, *(f"{n}-0" for n in range(501, 601)))
    many.xclaim(KEY, GROUP, HELPER, 0, [f"{n}-0" for n in range(601, 1201)], justid=True)
    finish()
    second.refresh_from_db()
    assert second.results == {"done": 500, "owner_changed": 600, "already_acknowledged": 100}
    told = [json.loads(line) for line in b"".join(results.read(second)).splitlines()]
    assert {row["id"] for row in told if row.get("result") == "owner_changed"} == {f"{n}-0" for n in range(601, 1201)}


def test_its_page_says_who_else_was_there(few: redis.Redis) -> None:
    second = planned("ack", of_group("1-0", "2-0"))
    first = act("claim", of_group("1-0", **TO_HELPER))
    before = act("claim", of_group("7-0", **TO_HELPER), key=KEY)
    Operation.objects.filter(pk=before.pk).update(ended=second.created - timedelta(seconds=1))
    operation = run(second)
    assert operation.results == {"done": 1, "owner_changed": 1}
    anna = signed_in(person("anna", "admin"))
    page = anna.get(reverse("operation", args=[operation.pk])).text
    assert reverse("operation", args=[first.pk]) in page
    assert reverse("operation", args=[before.pk]) not in page
    assert "Meanwhile on the same stream" not in anna.get(reverse("operation", args=[first.pk])).text


def test_one_that_did_nothing_does_not_say_done(few: redis.Redis) -> None:
    plan = planned("ack", of_group())
    few.xack(KEY, GROUP, *(f"{n}-0" for n in range(1, 8)))
    few.xclaim(KEY, GROUP, HELPER, 0, ["8-0"], justid=True)
    with patch.object(ALL["ack"], "changed", return_value=""):
        operation = run(plan)
    assert "done" not in operation.results
    page = signed_in(person("anna", "admin")).get(reverse("operation", args=[operation.pk])).text
    assert "Nothing done" in page


def test_of_a_list_that_a_filter_narrows_what_is_not_there_any_more_is_counted(many: redis.Redis) -> None:
    second = start.begin(ADMIN, planned("ack", of_group(filter={"consumer": to_path(WORKER)})))
    many.xclaim(KEY, GROUP, HELPER, 0, [f"{n}-0" for n in range(601, 1201)], justid=True)
    finish()
    second.refresh_from_db()
    assert second.results == {"done": 600, "not_found": 600}


def test_at_the_same_moment_each_entry_gets_one_owner(real_database: Path, many: redis.Redis) -> None:
    ids = [f"{n}-0" for n in range(1, 301)]
    for id_ in ids:
        neglect(many, id_, idle_ms=IDLE_MS)
    waiting = [planned("claim", of_group(*ids, bump=True, **to(c))) for c in (HELPER, THIRD)]

    def begin() -> None:
        try:
            start.begin(ADMIN, waiting.pop())
        except Changed:
            pass
        finally:
            connections.close_all()

    together(begin, 2)
    done = sum(operation.results.get("done", 0) for operation in Operation.objects.all())
    touched = {id_: count for id_, (_, _, count) in pending(many).items() if id_.decode() in ids}
    assert done == 300
    assert set(touched.values()) == {2}, "each was counted by one of them only"


# Keys ---------------------------------------------------------------------------------------------------------------


def test_keys_of_two_people_have_nothing_in_common(few: redis.Redis) -> None:
    """However long their names are, and wherever a colon stands."""
    people = [
        replace(ADMIN, principal=Principal(name, id_of(name), (Grant("admin"),)))
        for name in ("a" * 150, "a" * 150 + ":k")
    ]
    made = [
        start.begin(caller, planned("ack", of_group(f"{n}-0"), caller=caller), key=key)
        for n, (caller, key) in enumerate([(people[0], "k:k"), (people[1], "k"), (people[0], "j")], 1)
    ]
    assert len({operation.pk for operation in made}) == 3


def test_the_reason_is_kept_as_it_was_given(few: redis.Redis) -> None:
    operation = act("ack", of_group("1-0"), reason="<b>crashed\0</b>\n…")
    assert operation.reason == "<b>crashed</b>\n…"
    assert {entry.reason for entry in AuditEntry.objects.all()} == {operation.reason}


def test_the_role_of_the_moment_stands_in_the_log(few: redis.Redis) -> None:
    caller = Caller(Principal("token ci", "token:1", (Grant("operator"),)), "api", "10.0.0.1", "192.0.2.7", "operator")
    operation = start.begin(caller, planned("ack", of_group(), caller=caller))
    finish()
    for line in AuditEntry.objects.filter(operation=operation.pk):
        assert (line.who, line.who_kind, line.role, line.via) == ("token ci", "token", "operator", "api")
        assert (line.peer, line.claimed) == ("10.0.0.1", "192.0.2.7")


def test_a_running_one_of_a_process_that_lives_is_not_taken(few: redis.Redis) -> None:
    operation = start.begin(ADMIN, planned("ack", of_group()))
    Operation.objects.filter(pk=operation.pk).update(state="running", runner="elsewhere:1")
    assert start.work_once() is False
    orphan()
    assert start.work_once()
