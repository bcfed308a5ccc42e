"""Replay: exactly one copy of each, as it once was, up to where the stream ended when it was planned."""

from __future__ import annotations

import time
from typing import Any
from unittest.mock import patch

import pytest
import redis
from django.test import Client

from dashboard.accounts.access import Forbidden
from dashboard.accounts.permissions import Grant
from dashboard.accounts.principals import Principal
from dashboard.config.masking import MaskRule
from dashboard.streams import links
from dashboard.streams.errors import OutcomeUnknown
from dashboard.streams.links import Server, Writer
from dashboard.streams.names import to_path
from streams_admin.audit.log import Caller
from streams_admin.errors import BadParameters, Changed
from streams_admin.models import AuditEntry, Operation, Plan
from streams_admin.operations import start
from tests.conftest import Configure
from tests.dashboard.streams.seeding import GROUP, KEY, fill, group
from tests.people import id_of
from tests.streams_admin.acting import (
    ADMIN,
    OPERATOR,
    act,
    before_sending,
    entries,
    every_trip,
    lost_replies,
    never_sent,
    of_group,
    planned,
    run,
    without_scripts,
)
from tests.streams_admin.dying import Killed, dies_while, finish

pytestmark = pytest.mark.django_db
DLQ = KEY + b":dlq"
TO = to_path(KEY)
BODY = [(b"na\xffme", b"\x00\r\nva\xfelue"), (b"twice", b"1"), (b"twice", b"2"), (b"", b"")]
ORIGIN = [(b"origin_stream", KEY), (b"origin_id", b"1-0"), (b"deliveries", b"9")]


def add(client: redis.Redis, key: bytes, id_: str, fields: list[tuple[bytes, bytes]]) -> None:
    client.execute_command("XADD", key, id_, *[word for pair in fields for word in pair])


@pytest.fixture
def dead(server: Server, redis_client: redis.Redis) -> redis.Redis:
    """KEY is empty and read by GROUP; DLQ has BODY and two more, each from KEY, put there by a worker."""
    group(redis_client, read=0)
    add(redis_client, DLQ, "1-0", [*BODY, *ORIGIN])
    add(redis_client, DLQ, "2-0", [(b"n", b"2"), *ORIGIN])
    add(redis_client, DLQ, "3-0", [(b"n", b"3"), (b"reason", b"its own"), *ORIGIN])
    return redis_client


@pytest.fixture(params=["scripts", "multi"])
def either(request: pytest.FixtureRequest, dead: redis.Redis, redis_url: str) -> redis.Redis:
    """As `dead`, on a server that allows scripts and on one whose access list does not."""
    if request.param == "multi":
        without_scripts(dead, redis_url)
    return dead


def arrived(client: redis.Redis, key: bytes = KEY) -> list[list[tuple[bytes, bytes]]]:
    return [fields for _, fields in entries(client, key)]


CLEAN = [BODY, [(b"n", b"2")], [(b"n", b"3"), (b"reason", b"its own")]]


def test_at_their_origin_they_arrive_as_they_once_were(either: redis.Redis) -> None:
    assert act("replay", {"filter": {}, "to": TO}, key=DLQ, caller=OPERATOR).results == {"done": 3}
    assert arrived(either) == CLEAN
    assert either.xlen(DLQ) == 3


def test_elsewhere_they_keep_where_they_came_from(either: redis.Redis) -> None:
    act("replay", {"ids": ["2-0"], "to": to_path(b"else")}, key=DLQ)
    assert arrived(either, b"else") == [[(b"n", b"2"), *ORIGIN]]


def test_what_dead_letter_put_aside_comes_back_the_same(server: Server, redis_client: redis.Redis) -> None:
    add(redis_client, KEY, "1-0", BODY)
    group(redis_client, read=1)
    act("dead_letter", of_group())
    act("replay", {"filter": {}, "to": TO}, key=DLQ)
    assert arrived(redis_client) == [BODY, BODY]


def test_an_entry_that_looks_like_provenance_only_is_left_as_it_is(either: redis.Redis) -> None:
    either.delete(DLQ)
    add(either, DLQ, "1-0", ORIGIN)
    act("replay", {"filter": {}, "to": TO}, key=DLQ)
    assert arrived(either) == [ORIGIN]


def test_only_the_last_block_is_left_out(either: redis.Redis) -> None:
    either.delete(DLQ)
    other = [(b"origin_stream", b"other"), (b"origin_id", b"5-5")]
    add(either, DLQ, "1-0", [(b"n", b"1"), *ORIGIN, *other])
    add(either, DLQ, "2-0", [(b"n", b"1"), *other, *ORIGIN])
    act("replay", {"filter": {}, "to": TO}, key=DLQ)
    assert arrived(either) == [[(b"n", b"1"), *ORIGIN, *other], [(b"n", b"1"), *other]]


def test_what_is_added_after_the_plan_is_not_chased(dead: redis.Redis) -> None:
    plan = planned("replay", {"filter": {}, "to": TO}, key=DLQ)
    add(dead, DLQ, "4-0", [(b"n", b"4")])
    assert run(plan).results == {"done": 3}
    assert arrived(dead) == CLEAN


def test_a_range_and_a_limit(dead: redis.Redis) -> None:
    act("replay", {"filter": {"start": "2-0", "limit": 1}, "to": TO}, key=DLQ)
    assert arrived(dead) == [CLEAN[1]]


def test_what_is_not_there_is_said(dead: redis.Redis) -> None:
    plan = planned("replay", {"ids": ["1-0", "2-0", "9-0"], "to": TO}, key=DLQ)
    dead.xdel(DLQ, "1-0")
    assert run(plan).results == {"done": 1, "not_found": 2}


def test_into_itself_is_refused(dead: redis.Redis) -> None:
    with pytest.raises(BadParameters, match="itself"):
        planned("replay", {"filter": {}, "to": to_path(DLQ)}, key=DLQ)


def test_who_may_not_write_to_the_target_is_denied_and_written_down(dead: redis.Redis) -> None:
    narrow = Caller(Principal("olga", id_of("olga"), (Grant("operator", keys=("*:dlq",)),)), "page")
    with pytest.raises(Forbidden):
        planned("replay", {"filter": {}, "to": TO}, key=DLQ, caller=narrow)
    assert AuditEntry.objects.get().outcome == "denied"


def test_a_single_entry_can_be_edited(dead: redis.Redis) -> None:
    fields = [["n", "zwei"], [{"base64": "/w=="}, {"base64": "AA=="}], ["n", ""]]
    operation = act("replay", {"ids": ["2-0"], "to": TO, "fields": fields}, key=DLQ)
    assert operation.results == {"done": 1}
    assert arrived(dead) == [[(b"n", b"zwei"), (b"\xff", b"\x00"), (b"n", b"")]]


def test_the_audit_log_keeps_no_payload(dead: redis.Redis) -> None:
    act("replay", {"ids": ["2-0"], "to": TO, "fields": [["card", "4111"]]}, key=DLQ)
    for line in AuditEntry.objects.all():
        assert line.params["fields"] == [["card", "4 bytes"]]


def test_several_entries_cannot_be_edited(dead: redis.Redis) -> None:
    for which in ({"ids": ["1-0", "2-0"]}, {"filter": {}}):
        with pytest.raises(BadParameters, match="only a single entry"):
            planned("replay", {**which, "to": TO, "fields": [["a", "b"]]}, key=DLQ)


def test_a_rate_is_kept(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 25)
    began = time.monotonic()
    assert act("replay", {"filter": {}, "to": to_path(b"slow"), "per_second": 20}).results == {"done": 25}
    assert time.monotonic() - began >= 1.2
    assert redis_client.xlen(b"slow") == 25


def test_waiting_for_a_rate_is_no_time_in_commands(
    server: Server, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It counted for the duty, which then rested three times as long as that."""
    fill(redis_client, 12)
    slept: list[float] = []
    real, clock = time.monotonic, [0.0]

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock[0] += seconds

    monkeypatch.setattr(time, "sleep", sleep)
    monkeypatch.setattr(time, "monotonic", lambda: real() + clock[0])
    plan = planned("replay", {"filter": {}, "to": to_path(b"slow"), "per_second": 2})
    assert run(plan, duty=25).results == {"done": 12}
    assert [pause for pause in slept if pause == 1.0] == [1.0] * 6
    assert sum(slept) < 9, "three times as long would be 24"


def test_a_plan_shows_no_more_than_a_limit(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 10)
    preview = planned("replay", {"filter": {"limit": 2}, "to": to_path(b"copy")}).preview
    assert [row["id"] for row in preview["sample"]] == ["1-0", "2-0"]


def test_a_rate_is_kept_behind_the_request(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 3)
    operation = start.begin(ADMIN, planned("replay", {"filter": {}, "to": to_path(b"slow"), "per_second": 2}))
    assert (operation.state, operation.done) == ("queued", 0), "a request does not wait"


def test_many_go_step_by_step_in_their_order(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 1_050)
    assert act("replay", {"filter": {}, "to": to_path(b"copy")}).results == {"done": 1_050}
    assert arrived(redis_client, b"copy") == arrived(redis_client)


def test_an_entry_of_very_many_fields_is_copied_too(dead: redis.Redis) -> None:
    dead.execute_command("XADD", DLQ, "9-0", *[str(n) for n in range(12_000)])
    assert act("replay", {"filter": {}, "to": TO}, key=DLQ).results == {"done": 4}
    assert len(arrived(dead)[3]) == 6_000


def copying(command: tuple[Any, ...]) -> bool:
    return command[0] == "EXEC" or (command[0] == "EVAL" and "local bodies" in str(command[1]))


def test_a_lost_reply_is_found_out_by_reading(dead: redis.Redis) -> None:
    with lost_replies(copying):
        assert act("replay", {"filter": {}, "to": TO}, key=DLQ).results == {"done": 3}
    assert arrived(dead) == CLEAN


def test_a_lost_reply_of_an_edited_entry_is_found_out(dead: redis.Redis) -> None:
    params = {"ids": ["2-0"], "to": TO, "fields": [["a", "b"]]}
    with lost_replies(lambda command: command[0] == "XADD"):
        assert act("replay", params, key=DLQ).results == {"done": 1}
    assert arrived(dead) == [[(b"a", b"b")]]


def test_copies_among_what_others_add_are_found(dead: redis.Redis) -> None:
    """A producer adds the like before and after; a run that is not complete is not ours."""
    add(dead, KEY, "*", BODY)

    def lose(command: tuple[Any, ...]) -> bool:
        if copying(command):
            add(dead, KEY, "*", CLEAN[1])
        return copying(command)

    with lost_replies(lose):
        assert act("replay", {"filter": {}, "to": TO}, key=DLQ).results == {"done": 3}
    assert len(arrived(dead)) == 5


def processed(client: redis.Redis) -> None:
    """A worker has acknowledged and deleted all that stood in the target."""
    for id_, _ in entries(client):
        client.xdel(KEY, id_)


def test_copies_that_were_trimmed_or_deleted_at_once_are_done(dead: redis.Redis) -> None:
    """The last ID of the target is theirs: they were added, whatever became of them."""
    for gone in (lambda: dead.xtrim(KEY, maxlen=0, approximate=False), lambda: processed(dead)):
        with lost_replies(lambda command, gone=gone: copying(command) and gone() is not False):
            assert act("replay", {"filter": {}, "to": TO}, key=DLQ).results == {"done": 3}
        assert entries(dead) == []


@pytest.mark.parametrize("was_sent", [True, False])
def test_where_others_added_and_copies_may_have_been_deleted_nobody_knows(dead: redis.Redis, was_sent: bool) -> None:
    """Sent and processed at once, or never sent: the target looks the same."""

    def lose(command: tuple[Any, ...]) -> bool:
        if copying(command):
            processed(dead)
            add(dead, KEY, "9999999999999-0", BODY)
            add(dead, KEY, "9999999999999-1", BODY)
            dead.xdel(KEY, "9999999999999-0")
        return copying(command)

    intercepted = lost_replies(lose) if was_sent else never_sent(lose)
    with intercepted:
        assert act("replay", {"filter": {}, "to": TO}, key=DLQ).results == {"unknown": 3}
    assert len(entries(dead)) == 1, "nothing was sent again"


def test_what_never_arrived_is_sent_again_and_stands_there_once(either: redis.Redis) -> None:
    with never_sent(copying):
        assert act("replay", {"filter": {}, "to": TO}, key=DLQ).results == {"done": 3}
    assert arrived(either) == CLEAN


def test_a_batch_that_a_paused_runner_sends_late_is_refused(either: redis.Redis) -> None:
    """The same bytes again, after the copies were made and processed: the IDs are below the last one of the target."""
    sent: list[Any] = []
    with every_trip(lambda commands: sent.append(commands) if any(map(copying, commands)) else None):
        act("replay", {"filter": {}, "to": TO}, key=DLQ)
    processed(either)
    for commands in sent:
        links.get("default").writer.each(commands)
    assert entries(either) == []


def test_when_others_go_past_the_ids_the_batch_gets_new_ones(either: redis.Redis) -> None:
    ahead = f"{int(time.time() * 1000) + 60_000}-0"
    with before_sending(copying, lambda: add(either, KEY, ahead, BODY)):
        assert act("replay", {"filter": {}, "to": TO}, key=DLQ).results == {"done": 3}
    assert arrived(either) == [BODY, *CLEAN]


def test_a_target_that_takes_nothing_more_loses_nothing(either: redis.Redis) -> None:
    add(either, KEY, "18446744073709551615-18446744073709551615", BODY)
    assert act("replay", {"filter": {}, "to": TO}, key=DLQ).state == "failed"
    assert len(entries(either)) == 1


@pytest.mark.parametrize("around", ["before", "after"])
def test_a_process_that_dies_leaves_one_copy_of_each(either: redis.Redis, around: str) -> None:
    plan = planned("replay", {"filter": {}, "to": TO}, key=DLQ)
    with dies_while(copying, around), pytest.raises(Killed):
        start.begin(ADMIN, plan)
    finish()
    operation = Operation.objects.get()
    assert operation.results == {"done": 3}
    assert arrived(either) == CLEAN


@pytest.mark.parametrize("stays", [True, False], ids=["still there", "trimmed at once"])
def test_what_arrives_late_while_it_is_sent_again_is_there_once(either: redis.Redis, stays: bool) -> None:
    """The first request is held up somewhere, and gets there just before the second."""
    told, held = Writer._trip, list[Any]()

    def each(writer: Writer, connection: Any, commands: Any) -> Any:
        if not any(map(copying, commands)):
            return told(writer, connection, commands)
        if not held:
            held.extend(commands)
            raise OutcomeUnknown("The reply was lost: the command may or may not have run.")
        for late in held:
            either.execute_command(*late)
        held[:] = [("PING",)]
        if not stays:
            either.xtrim(KEY, maxlen=0, approximate=False)
        return told(writer, connection, commands)

    with patch.object(Writer, "_trip", each):
        operation = run(planned("replay", {"filter": {}, "to": TO}, key=DLQ))
    assert (arrived(either), operation.results) == (CLEAN if stays else [], {"done": 3})


def test_a_server_out_of_memory_copies_nothing(either: redis.Redis) -> None:
    plan = planned("replay", {"filter": {}, "to": TO}, key=DLQ)
    try:
        either.config_set("maxmemory", "1")
        assert run(plan).state == "failed"
    finally:
        either.config_set("maxmemory", "0")
    assert arrived(either) == []


def test_the_plan_says_which_groups_get_them(dead: redis.Redis) -> None:
    dead.xgroup_create(KEY, "others", id="0")
    notes = planned("replay", {"filter": {}, "to": TO}, key=DLQ).preview["notes"]
    assert notes[0]["severity"] == "late"
    assert notes[0]["title"].startswith("2 groups will get them: ")
    assert "others" in notes[0]["title"]


def test_an_empty_stream_has_nothing_to_replay(dead: redis.Redis) -> None:
    with pytest.raises(Changed):
        planned("replay", {"filter": {}, "to": to_path(DLQ)})


def page(client: Client, query: str = "") -> Any:
    return client.get(f"/s/default/{to_path(DLQ)}/do/replay/{query}").context["form"]


def test_the_form_knows_the_origin_and_offers_to_edit_one_entry(dead: redis.Redis, operator: Client) -> None:
    assert page(operator).origin == KEY
    form = page(operator, "?id=3-0")
    assert form.initial["fields_text"] == "n: 3\nreason: its own"
    posted = operator.post(
        f"/s/default/{to_path(DLQ)}/do/replay/?id=3-0", {"fields_text": "n: 3\r\nreason: its own", "per_second": ""}
    )
    assert posted.status_code == 302
    assert Plan.objects.get().params == {"ids": ["3-0"], "to": TO}


def test_edited_fields_of_the_form_are_replayed(dead: redis.Redis, operator: Client) -> None:
    operator.post(f"/s/default/{to_path(DLQ)}/do/replay/?id=3-0", {"fields_text": '{"n": 3, "n": [1, {"a": null}]}'})
    assert Plan.objects.get().params["fields"] == [["n", "3"], ["n", '[1, {"a": null}]']]


def test_masked_payloads_are_not_offered_to_edit(dead: redis.Redis, operator: Client, configure: Configure) -> None:
    configure(mask_rules=[MaskRule("or*", ("n",))])
    assert "fields_text" not in page(operator, "?id=3-0").fields
    assert "fields_text" in page(operator, "?id=1-0").fields


def test_the_group_of_the_target_gets_them(dead: redis.Redis) -> None:
    act("replay", {"filter": {}, "to": TO}, key=DLQ)
    assert len(dead.xreadgroup(GROUP, b"w", {KEY: ">"})[0][1]) == 3
