"""Dead-letter: exactly one copy, with where it came from, and nothing that changed meanwhile is taken."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
import redis
from django.test import Client

from dashboard.accounts.access import Forbidden
from dashboard.accounts.permissions import Grant
from dashboard.accounts.principals import Principal
from dashboard.config.masking import MaskRule
from dashboard.streams.errors import OutcomeUnknown
from dashboard.streams.links import Server, Writer
from dashboard.streams.names import to_path
from streams_admin import plans
from streams_admin.audit.log import Caller
from streams_admin.errors import BadParameters, Changed, NotConfirmed
from streams_admin.models import AuditEntry, Operation, Plan
from streams_admin.operations import start
from tests.conftest import Configure
from tests.dashboard.streams.seeding import GROUP, KEY, WORKER, fill, group, neglect
from tests.people import id_of
from tests.streams_admin.acting import (
    ADMIN,
    OPERATOR,
    act,
    before_sending,
    counts_reads,
    entries,
    lost_replies,
    of_group,
    pending,
    planned,
    run,
    without_scripts,
)
from tests.streams_admin.dying import Killed, dies_while, finish

pytestmark = pytest.mark.django_db
DLQ = KEY + b":dlq"
BODY = [(b"na\xffme", b"\x00\r\nva\xfelue"), (b"twice", b"1"), (b"twice", b"2"), (b"", b"")]


@pytest.fixture
def stuck(server: Server, redis_client: redis.Redis) -> redis.Redis:
    """Six entries, four of them pending with WORKER for ten minutes, delivered seven times; 2-0 is BODY."""
    redis_client.xadd(KEY, {"n": "1"}, id="1-0")
    redis_client.execute_command("XADD", KEY, "2-0", *[word for pair in BODY for word in pair])
    for number in range(3, 7):
        redis_client.xadd(KEY, {"n": str(number)}, id=f"{number}-0")
    group(redis_client, read=4)
    for number in range(1, 5):
        neglect(redis_client, f"{number}-0", idle_ms=600_000, deliveries=7)
    return redis_client


@pytest.fixture(params=["scripts", "multi"])
def either(request: pytest.FixtureRequest, stuck: redis.Redis, redis_url: str) -> redis.Redis:
    """As `stuck`, on a server that allows scripts and on one whose access list does not."""
    if request.param == "multi":
        without_scripts(stuck, redis_url)
    return stuck


def origins(client: redis.Redis, key: bytes = DLQ) -> list[bytes]:
    return [dict(fields)[b"origin_id"] for _, fields in entries(client, key)]


def moving(command: tuple[Any, ...]) -> bool:
    """The command that makes copies."""
    return command[0] == "EXEC" or (command[0] == "EVAL" and b"XADD" in str(command[1]).encode())


def test_the_copy_has_the_body_and_where_it_came_from(either: redis.Redis) -> None:
    operation = act("dead_letter", of_group("2-0"), caller=OPERATOR, reason="bröken")
    ((_, fields),) = entries(either, DLQ)
    assert operation.results == {"done": 1}
    assert fields[:4] == BODY
    told = dict(fields[4:])
    at = datetime.fromisoformat(told.pop(b"moved_at").decode())
    assert abs((datetime.now(UTC) - at).total_seconds()) < 60
    assert told == {
        b"origin_stream": KEY,
        b"origin_id": b"2-0",
        b"origin_group": GROUP,
        b"origin_consumer": WORKER,
        b"deliveries": b"7",
        b"moved_by": b"olga",
        b"reason": "bröken".encode(),
        b"operation": str(operation.pk).encode(),
    }


def test_they_leave_the_pending_list_and_stay_in_the_stream(either: redis.Redis) -> None:
    assert act("dead_letter", of_group()).results == {"done": 4}
    assert origins(either) == [b"1-0", b"2-0", b"3-0", b"4-0"]
    assert (pending(either), either.xlen(KEY)) == ({}, 6)


def test_delete_takes_them_out_of_the_stream_too(either: redis.Redis) -> None:
    plan = planned("dead_letter", of_group("1-0", "3-0", delete=True))
    assert run(plan).results == {"done": 2}
    assert [id_ for id_, _ in entries(either)] == [b"2-0", b"4-0", b"5-0", b"6-0"]
    assert origins(either) == [b"1-0", b"3-0"]


def test_another_target_may_be_named(stuck: redis.Redis) -> None:
    act("dead_letter", of_group("1-0", to=to_path(b"grave\xff yard")))
    assert origins(stuck, b"grave\xff yard") == [b"1-0"]


def test_a_ghost_is_reported_and_stays_pending(either: redis.Redis) -> None:
    either.xdel(KEY, "1-0")
    assert act("dead_letter", of_group("1-0", "2-0")).results == {"body_gone": 1, "done": 1}
    assert (sorted(pending(either)), origins(either)) == ([b"1-0", b"3-0", b"4-0"], [b"2-0"])


def test_what_was_taken_over_between_look_and_act_is_not_moved(either: redis.Redis) -> None:
    def taken_over() -> None:
        either.xclaim(KEY, GROUP, b"thief", 0, ["1-0"])

    with before_sending(lambda command: command[0] == "EVAL", taken_over):
        results = act("dead_letter", of_group("1-0", "2-0")).results
    assert results == {"owner_changed": 1, "done": 1}
    assert (pending(either)[b"1-0"][0], origins(either)) == (b"thief", [b"2-0"])


def test_what_was_delivered_again_to_the_same_consumer_is_not_moved(either: redis.Redis) -> None:
    with before_sending(lambda c: c[0] == "EVAL", lambda: either.xreadgroup(GROUP, WORKER, {KEY: "0"}, count=1)):
        results = act("dead_letter", of_group("1-0", "2-0")).results
    assert results == {"owner_changed": 1, "done": 1}
    assert origins(either) == [b"2-0"]


def test_without_scripts_a_worker_that_finishes_at_the_last_moment_wins(stuck: redis.Redis, redis_url: str) -> None:
    without_scripts(stuck, redis_url)
    with before_sending(lambda c: c[0] == "EXEC", lambda: stuck.xack(KEY, GROUP, "1-0")):
        assert act("dead_letter", of_group("1-0")).results == {"already_acknowledged": 1}
    assert entries(stuck, DLQ) == []


def test_a_lost_reply_is_found_out_by_reading(stuck: redis.Redis) -> None:
    with lost_replies(lambda command: command[0] == "EVAL"):
        assert act("dead_letter", of_group()).results == {"done": 4}
    assert (origins(stuck), pending(stuck)) == ([b"1-0", b"2-0", b"3-0", b"4-0"], {})


def test_a_lost_reply_to_multi_is_found_out_and_the_rest_not_begun(stuck: redis.Redis, redis_url: str) -> None:
    without_scripts(stuck, redis_url)
    with lost_replies(lambda command: command[0] == "EXEC"):
        assert act("dead_letter", of_group()).results == {"done": 1, "failed": 3}
    assert (origins(stuck), sorted(pending(stuck))) == ([b"1-0"], [b"2-0", b"3-0", b"4-0"])


LAST = "18446744073709551615-18446744073709551615"


@pytest.mark.parametrize("delete", [False, True])
def test_a_target_that_has_no_ids_left_keeps_the_originals(either: redis.Redis, delete: bool) -> None:
    """In a MULTI the acknowledgement would be carried out though the copy fails."""
    either.execute_command("XADD", DLQ, LAST, "a", "b")
    operation = act("dead_letter", of_group(delete=delete))
    assert (operation.state, operation.results.get("done")) == ("failed", None)
    assert (len(pending(either)), len(entries(either)), len(entries(either, DLQ))) == (4, 6, 1)


@pytest.mark.parametrize("delete", [False, True])
def test_a_target_that_becomes_another_type_keeps_the_originals(either: redis.Redis, delete: bool) -> None:
    """Between the last look and the step itself."""
    plan = planned("dead_letter", of_group(delete=delete))
    with before_sending(moving, lambda: either.set(DLQ, "text")):
        operation = run(plan)
    assert (operation.state, operation.results.get("done")) == ("failed", None)
    assert (len(pending(either)), len(entries(either))) == (4, 6)


def test_a_target_that_others_add_to_meanwhile_gets_the_copies_all_the_same(either: redis.Redis) -> None:
    with before_sending(moving, lambda: either.xadd(DLQ, {"of": "a worker"})):
        assert act("dead_letter", of_group()).results == {"done": 4}
    assert (len(entries(either, DLQ)), pending(either)) == (5, {})


def test_a_lost_reply_does_not_claim_what_a_worker_acknowledged(server: Server, stuck: redis.Redis) -> None:
    """The script found 1-0 gone; that its reply is lost does not make it ours.

    Before 7.0 nobody counts what came to the target: a copy of it may have been there and be deleted again.
    """
    gone = "already_acknowledged" if counts_reads(server) else "unknown"
    with before_sending(moving, lambda: stuck.xack(KEY, GROUP, "1-0")), lost_replies(moving):
        assert act("dead_letter", of_group("1-0", "2-0")).results == {gone: 1, "done": 1}
    assert origins(stuck) == [b"2-0"]


def test_what_was_moved_and_is_delivered_again_was_moved(stuck: redis.Redis) -> None:
    """A group that is set back gives its worker the entries once more, as if they had never left it."""
    for id_ in ("1-0", "2-0"):
        neglect(stuck, id_, idle_ms=0, deliveries=1)

    def lost_and_set_back(command: tuple[Any, ...]) -> bool:
        if moving(command):
            stuck.xgroup_setid(KEY, GROUP, "0")
            stuck.xreadgroup(GROUP, WORKER, {KEY: ">"})
        return moving(command)

    with lost_replies(lost_and_set_back):
        assert act("dead_letter", of_group("1-0", "2-0")).results == {"done": 2}
    assert origins(stuck) == [b"1-0", b"2-0"]


def test_when_the_copy_is_gone_as_well_nobody_knows(stuck: redis.Redis) -> None:
    stuck.xadd(DLQ, {"a": "b"})

    def lost_and_trimmed(command: tuple[Any, ...]) -> bool:
        return moving(command) and stuck.xtrim(DLQ, maxlen=0, approximate=False) > 0

    with lost_replies(lost_and_trimmed):
        assert act("dead_letter", of_group("1-0")).results == {"unknown": 1}


@pytest.mark.parametrize("before", [0, 1], ids=["new target", "with others"])
def test_what_was_moved_and_read_at_once_is_not_called_acknowledged_by_others(
    stuck: redis.Redis, no_pauses: None, before: int
) -> None:
    """Workers of the target finish the copies, XACK and XDEL, before anybody looks."""
    for _ in range(before):
        stuck.xadd(DLQ, {"of": "others"})
    with dies_while(moving, "after"), pytest.raises(Killed):
        start.begin(ADMIN, planned("dead_letter", of_group("1-0", "2-0")))
    stuck.xdel(DLQ, *[id_ for id_, _ in entries(stuck, DLQ)][before:])
    finish()
    operation = Operation.objects.get()
    assert (operation.results, operation.state) == ({"unknown": 2}, "done")
    assert AuditEntry.objects.latest("pk").outcome == "unknown"


def test_what_was_moved_and_delivered_again_is_not_called_another_s(stuck: redis.Redis, no_pauses: None) -> None:
    """The group is set back, and another consumer gets the originals before anybody looks."""
    with dies_while(moving, "after"), pytest.raises(Killed):
        start.begin(ADMIN, planned("dead_letter", of_group("1-0", "2-0")))
    stuck.xgroup_setid(KEY, GROUP, "0")
    stuck.xreadgroup(GROUP, b"another", {KEY: ">"}, count=2)
    finish()
    assert Operation.objects.get().results == {"done": 2}
    assert AuditEntry.objects.latest("pk").outcome == "done"
    assert sorted(origins(stuck)) == [b"1-0", b"2-0"]


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)


@pytest.mark.parametrize("around", ["before", "after"])
def test_a_process_that_dies_leaves_one_copy_of_each(either: redis.Redis, around: str, no_pauses: None) -> None:
    plan = planned("dead_letter", of_group())
    with dies_while(moving, around), pytest.raises(Killed):
        start.begin(ADMIN, plan, confirm=plan.preview["confirm"])
    assert Operation.objects.get().inflight is not None
    finish()
    operation = Operation.objects.get()
    assert operation.results == {"done": 4}
    assert (sorted(origins(either)), pending(either)) == ([b"1-0", b"2-0", b"3-0", b"4-0"], {})


def test_a_lost_reply_before_anything_arrived_moves_nothing(
    stuck: redis.Redis, monkeypatch: pytest.MonkeyPatch, no_pauses: None
) -> None:
    def lost(writer: Writer, connection: Any, commands: Any) -> Any:
        raise OutcomeUnknown("gone")

    monkeypatch.setattr(Writer, "_trip", lost)
    assert act("dead_letter", of_group()).results == {"failed": 4}
    assert (entries(stuck, DLQ), len(pending(stuck))) == ([], 4)


def test_an_entry_of_very_many_fields_is_moved_too(stuck: redis.Redis) -> None:
    """More than a script can hand on in one call."""
    words = [str(n) for n in range(12_000)]
    stuck.execute_command("XADD", KEY, "9-0", *words)
    stuck.xreadgroup(GROUP, WORKER, {KEY: ">"})
    assert act("dead_letter", of_group("1-0", "9-0")).results == {"done": 2}
    by_origin = {dict(fields)[b"origin_id"]: fields for _, fields in entries(stuck, DLQ)}
    assert len(by_origin[b"9-0"]) == 6_009


def test_many_go_batch_by_batch(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 1_234)
    group(redis_client, read=1_234)
    time.sleep(0.2)
    assert act("dead_letter", of_group()).results == {"done": 1_234}
    assert origins(redis_client) == [f"{n}-0".encode() for n in range(1, 1_235)]


def test_a_server_out_of_memory_loses_nothing(either: redis.Redis) -> None:
    plan = planned("dead_letter", of_group())
    try:
        either.config_set("maxmemory", "1")
        operation = run(plan)
    finally:
        either.config_set("maxmemory", "0")
    assert operation.state == "failed"
    assert (entries(either, DLQ), len(pending(either))) == ([], 4)


def test_a_user_who_may_not_acknowledge_makes_no_copy(stuck: redis.Redis, redis_url: str) -> None:
    for rights in (["-xack"], ["-xack", "-@scripting"]):
        without_scripts(stuck, redis_url)
        stuck.execute_command("ACL", "SETUSER", "plain", "+@all", *rights)
        assert act("dead_letter", of_group("1-0")).state == "failed"
        assert (entries(stuck, DLQ), len(pending(stuck))) == ([], 4)


def test_who_may_not_write_to_the_target_is_denied_and_written_down(stuck: redis.Redis) -> None:
    narrow = Caller(Principal("olga", id_of("olga"), (Grant("operator", keys=("or*orders*[*]",)),)), "page")
    with pytest.raises(Forbidden):
        planned("dead_letter", of_group("1-0"), caller=narrow)
    assert AuditEntry.objects.get().outcome == "denied"


def test_who_may_not_any_more_is_denied_when_it_is_run(stuck: redis.Redis) -> None:
    plan = planned("dead_letter", of_group("1-0"))
    narrow = Caller(Principal("anna", id_of("anna"), (Grant("admin", keys=("or*orders*[*]",)),)), "page")
    with pytest.raises(Forbidden):
        start.begin(narrow, plan)
    assert entries(stuck, DLQ) == []


def test_what_is_masked_is_not_copied_to_where_it_is_not(stuck: redis.Redis, configure: Configure) -> None:
    configure(mask_rules=[MaskRule("*[*]", ("card",))])
    with pytest.raises(BadParameters, match="does not mask card"):
        planned("dead_letter", of_group("1-0"))
    configure(mask_rules=[MaskRule("or*", ("card",))])
    assert act("dead_letter", of_group("1-0")).results == {"done": 1}


def test_the_stream_itself_is_no_target(stuck: redis.Redis) -> None:
    with pytest.raises(BadParameters, match="itself"):
        planned("dead_letter", of_group("1-0", to=to_path(KEY)))


# Deleting from the stream, which takes from other groups --------------------------------------------------------------


@pytest.fixture
def shared(stuck: redis.Redis) -> redis.Redis:
    """As `stuck`, with a group `behind` that has read nothing and one `busy` that has 1-0 to 3-0 pending."""
    stuck.xgroup_create(KEY, "behind", id="0")
    stuck.xgroup_create(KEY, "busy", id="0")
    stuck.xreadgroup("busy", "w", {KEY: ">"}, count=3)
    return stuck


def titles(params: dict[str, Any]) -> list[str]:
    return [note["title"] for note in planned("dead_letter", params).preview["notes"]]


def test_who_may_not_delete_may_not_do_it_by_dead_lettering(shared: redis.Redis) -> None:
    with pytest.raises(Forbidden):
        planned("dead_letter", of_group("1-0", delete=True), caller=OPERATOR)
    assert AuditEntry.objects.get().outcome == "denied"
    plan = planned("dead_letter", of_group("1-0", delete=True))
    Plan.objects.filter(pk=plan.pk).update(who_id=OPERATOR.principal.id)
    with pytest.raises(Forbidden):
        start.begin(OPERATOR, plan, confirm=plan.preview["confirm"])
    assert shared.xlen(KEY) == 6


@pytest.mark.parametrize("which", [of_group(), {"group": to_path(GROUP), "filter": {"min_deliveries": 7}}])
def test_the_plan_counts_what_each_other_group_loses(shared: redis.Redis, which: dict[str, Any]) -> None:
    preview = planned("dead_letter", {**which, "delete": True}).preview
    assert [note["title"] for note in preview["notes"]][:3] == [
        "behind has not read 4 of them",
        "3 of them pending in busy",
        "busy has not read 1 of them",
    ]
    assert (preview["counts"]["pending in busy"], preview["counts"]["unread by behind"]) == (3, 4)


def test_it_has_to_be_typed_where_others_lose_something(shared: redis.Redis) -> None:
    plan = planned("dead_letter", of_group("1-0", delete=True))
    with pytest.raises(NotConfirmed):
        start.begin(ADMIN, plan)
    assert shared.xlen(KEY) == 6
    assert run(plan).results == {"done": 1}
    assert planned("dead_letter", of_group("2-0")).preview["confirm"] == ""


def test_others_that_are_through_with_them_lose_nothing(shared: redis.Redis) -> None:
    shared.xreadgroup("behind", "w", {KEY: ">"}, noack=True)
    shared.xack(KEY, "busy", "1-0")
    preview = planned("dead_letter", of_group("1-0", delete=True)).preview
    assert (preview["confirm"], "stuck" in [note["severity"] for note in preview["notes"]]) == ("", False)
    assert "No other group loses anything" in [note["title"] for note in preview["notes"]]


def test_without_other_groups_there_is_nothing_to_say(stuck: redis.Redis) -> None:
    assert not [title for title in titles(of_group("1-0", delete=True)) if "loses" in title]


def test_what_was_not_looked_at_is_not_taken_for_nothing(shared: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a list longer than a plan looks at, the rest may be what others need."""
    monkeypatch.setattr("streams_admin.actions.pending.look.COUNT_UP_TO", 2)
    monkeypatch.setattr("streams_admin.actions.pending.look.BATCH", 2)
    shared.xack(KEY, "busy", "1-0", "2-0")
    preview = planned("dead_letter", of_group(delete=True)).preview
    assert (preview["total"], bool(preview["confirm"])) == (4, True)
    found = [note["title"] for note in preview["notes"]]
    assert "behind has not read at least 2 of them" in found
    assert "What busy would lose is unknown" in found


@pytest.mark.parametrize("slug", ["dead_letter", "delete"])
def test_many_named_entries_are_looked_up_in_the_page_of_the_list(
    shared: redis.Redis, monkeypatch: pytest.MonkeyPatch, slug: str
) -> None:
    """Only the first of them were looked up, and pending ones behind those counted as none."""
    monkeypatch.setattr("streams_admin.actions.reads.losses.IDS", 1)
    shared.xack(KEY, "busy", "1-0", "2-0")
    params = of_group("1-0", "3-0", delete=True) if slug == "dead_letter" else {"ids": ["1-0", "3-0"]}
    assert planned(slug, params).preview["counts"]["pending in busy"] == 1


@pytest.mark.parametrize("most", [1_000, 1])
def test_when_another_group_comes_to_need_them_meanwhile_nothing_is_done(
    shared: redis.Redis, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """Of entries that the plan names, and of a list that it does not."""
    monkeypatch.setattr("streams_admin.actions.pending.unchanged.IDS_MOST", most)
    plan = planned("dead_letter", of_group(delete=True))
    shared.xreadgroup("busy", "w", {KEY: ">"}, count=1)
    with pytest.raises(Changed, match="busy would lose more"):
        run(plan)
    plan = planned("dead_letter", of_group(delete=True))
    assert run(plan).results == {"done": 4}


@pytest.mark.parametrize("most", [1_000, 1])
def test_they_can_be_kept_as_a_file_first(
    shared: redis.Redis, admin: Client, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr("streams_admin.actions.pending.unchanged.IDS_MOST", most)
    for limit in (1, 2, 3):
        which = {"group": to_path(GROUP), "filter": {"min_deliveries": 7, "limit": limit}}
        url = f"/plans/{plans.token(planned('dead_letter', {**which, 'delete': True}))}/"
        assert "Download the entries first" in admin.get(url).content.decode()
        *found, last = [json.loads(line) for line in b"".join(admin.get(url + "entries.jsonl")).splitlines()]
        assert ([line["id"] for line in found], last["complete"]) == ([f"{n}-0" for n in range(1, limit + 1)], True)
    stays = f"/plans/{plans.token(planned('dead_letter', of_group()))}/"
    assert "Download the entries first" not in admin.get(stays).content.decode()


def test_only_who_may_delete_is_offered_to(shared: redis.Redis, admin: Client, operator: Client) -> None:
    url = f"/s/default/{to_path(KEY)}/do/dead_letter/?group={to_path(GROUP)}&id=1-0"
    assert 'name="delete"' in admin.get(url).content.decode()
    assert 'name="delete"' not in operator.get(url).content.decode()
    assert operator.post(url, {"to": "", "delete": "on"}).status_code == 302
    assert Plan.objects.get().params["delete"] is False
