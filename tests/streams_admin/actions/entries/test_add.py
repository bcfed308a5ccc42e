"""Add: exactly these fields, once; nothing is trimmed by somebody who may not trim, or beyond what was shown."""

from __future__ import annotations

import json
from typing import Any

import pytest
import redis
from django.test import Client

from dashboard.accounts.access import Forbidden
from dashboard.streams import links
from dashboard.streams.errors import OutcomeUnknown
from dashboard.streams.ids import MAX
from dashboard.streams.links import Server, Writer
from dashboard.streams.names import to_path
from streams_admin.actions import gate
from streams_admin.actions.registry import ALL
from streams_admin.errors import BadParameters, Changed, Conflict
from streams_admin.models import AuditEntry, Plan
from streams_admin.params.fields import fields_in, fields_out, from_text, to_text
from tests.benchmarks.turns import counting
from tests.dashboard.streams.seeding import KEY, fill, group
from tests.streams_admin.acting import (
    OPERATOR,
    act,
    counts_reads,
    entries,
    every_trip,
    lost_replies,
    never_sent,
    planned,
    run,
)

pytestmark = pytest.mark.django_db
FIELDS: list[list[Any]] = [["n", "ä"], ["n", ""], [{"base64": "/w=="}, {"base64": "AA0K"}], ["", "x"]]
BYTES = [(b"n", "ä".encode()), (b"n", b""), (b"\xff", b"\x00\r\n"), (b"", b"x")]


@pytest.fixture
def stream(server: Server, redis_client: redis.Redis) -> redis.Redis:
    """1-0 to 6-0."""
    fill(redis_client, 6)
    return redis_client


def test_fields_arrive_in_their_order_with_repeats_and_bytes(stream: redis.Redis) -> None:
    operation = act("add", {"fields": FIELDS}, caller=OPERATOR)
    id_, fields = entries(stream)[-1]
    assert (operation.results, operation.entries) == ({"done": 1}, [[id_.decode(), "done"]])
    assert fields == BYTES


def test_an_id_of_ones_own(stream: redis.Redis) -> None:
    act("add", {"fields": FIELDS, "id": "7-3"})
    assert entries(stream)[-1][0] == b"7-3"


@pytest.mark.parametrize("id_", ["6-0", "1-1", "0-1"])
def test_an_id_that_is_not_above_the_last_is_refused(stream: redis.Redis, id_: str) -> None:
    with pytest.raises(Conflict, match="greater than 6-0"):
        planned("add", {"fields": FIELDS, "id": id_})


def test_an_id_that_was_passed_meanwhile_is_refused(stream: redis.Redis) -> None:
    plan = planned("add", {"fields": FIELDS, "id": "7-0"})
    fill_one(stream, "8-0")
    with pytest.raises(Changed, match="greater than 8-0"):
        run(plan)
    assert stream.xlen(KEY) == 7


def fill_one(client: redis.Redis, id_: str) -> None:
    client.xadd(KEY, {"other": "1"}, id=id_)


DAY_MS = 86_400_000


def told(key: bytes = KEY, **params: Any) -> tuple[str, list[str]]:
    """Which ID the plan says, and its warnings about IDs."""
    preview = planned("add", {"fields": FIELDS, **params}, key=key).preview
    notes = [note["title"] for note in preview["notes"] if "ID" in note["title"]]
    return preview["sentence"].partition(", with ")[2].partition(". ")[0], notes


def test_the_plan_says_which_id_it_gets(server: Server, stream: redis.Redis) -> None:
    assert told() == ("the server's time as its ID", [])
    assert told(id="7-3") == ("the ID 7-3", [])
    if counts_reads(server):
        assert told(id="6-*") == ("the ID 6-1", [])
        assert told(id="7-*") == ("the ID 7-0", [])


def test_the_plan_says_that_the_last_id_is_ahead_of_the_clock(server: Server, redis_client: redis.Redis) -> None:
    ahead = (int(redis_client.time()[0]) * 1000) + 30 * DAY_MS + 60_000
    redis_client.xadd(KEY, {"n": "1"}, id=f"{ahead}-0")
    says, notes = told()
    assert says == f"an ID just above the last one, {ahead}-0"
    assert notes == [f"The last ID, {ahead}-0, is 30 d ahead of the server's clock"]
    id_, result = act("add", {"fields": FIELDS}).entries[0]
    assert (result, id_.partition("-")[0]) == ("done", str(ahead))


def test_the_plan_says_that_ids_beyond_the_clock_are_no_times(server: Server, redis_client: redis.Redis) -> None:
    redis_client.xadd(KEY, {"n": "1"}, id="1763596680000000-0")
    says, notes = told()
    assert says == "an ID just above the last one, 1763596680000000-0"
    assert notes == ["IDs of this stream are not times: the last one is 1763596680000000-0"]


def notes_of(**params: Any) -> list[tuple[str, str]]:
    """Severity and title of the warnings about numbering."""
    notes = planned("add", {"fields": FIELDS, **params}).preview["notes"]
    return [(note["severity"], note["title"]) for note in notes if "number" in note["title"] or "ID" in note["title"]]


@pytest.mark.parametrize("last", ["6-0", "1763596680-0"], ids=["counted", "seconds"])
def test_the_plan_says_that_the_clocks_ids_shut_out_whoever_numbers_otherwise(
    server: Server, redis_client: redis.Redis, last: str
) -> None:
    redis_client.xadd(KEY, {"n": "1"}, id=last)
    (note,) = notes_of()
    assert note[0] == "stuck"
    assert note[1].endswith(f"are not numbered by the server's clock: the last one is {last}")
    assert notes_of(id=f"{int(last[:-2]) + 1}-0") == []


def test_an_id_that_is_no_time_is_warned_of_among_times(server: Server, redis_client: redis.Redis) -> None:
    redis_client.xadd(KEY, {"n": "1"})
    title = "The ID is higher than every time, and the other IDs of this stream are times"
    assert notes_of(id="1763596680000000-0") == [("stuck", title)]
    redis_client.xadd(KEY, {"n": "1"}, id="1763596680000000-0")
    assert notes_of(id="1763596681000000-0") == [], "so are the others"


def test_nothing_can_be_added_behind_the_highest_id(server: Server, redis_client: redis.Redis) -> None:
    redis_client.xadd(KEY, {"n": "1"}, id=str(MAX))
    for params in ({}, {"id": "*"}, *([{"id": f"{MAX.ms}-*"}] if counts_reads(server) else [])):
        with pytest.raises(Conflict, match="has reached the highest possible ID"):
            planned("add", {"fields": FIELDS, **params})


def test_the_number_may_be_left_to_the_server(server: Server, stream: redis.Redis) -> None:
    if not counts_reads(server):  # the same age: Redis 7.0
        with pytest.raises(BadParameters, match="needs Redis 7"):
            planned("add", {"fields": FIELDS, "id": "6-*"})
        return
    act("add", {"fields": FIELDS, "id": "6-*"})
    assert entries(stream)[-1][0] == b"6-1"
    with pytest.raises(Conflict, match="greater than"):
        planned("add", {"fields": FIELDS, "id": "5-*"})


def test_a_stream_is_created_only_when_that_is_said(server: Server, redis_client: redis.Redis) -> None:
    with pytest.raises(Conflict, match="does not exist"):
        planned("add", {"fields": FIELDS}, key=b"new")
    assert act("add", {"fields": FIELDS, "mkstream": True}, key=b"new").results == {"done": 1}
    assert redis_client.xlen(b"new") == 1


def test_a_stream_that_vanished_is_not_created_again(stream: redis.Redis) -> None:
    plan = planned("add", {"fields": FIELDS})
    stream.delete(KEY)
    with pytest.raises(Changed):
        run(plan)
    assert not stream.exists(KEY)


def test_a_bound_takes_no_more_than_was_shown(stream: redis.Redis) -> None:
    plan = planned("add", {"fields": FIELDS, "maxlen": 5, "approximate": False})
    assert plan.preview["counts"] == {"entries": 1, "removed": 2}
    assert plan.preview["confirm"]
    fill_one(stream, "7-0")
    run(plan)
    assert [id_ for id_, _ in entries(stream)][:-1] == [b"3-0", b"4-0", b"5-0", b"6-0", b"7-0"]


def test_a_bound_by_id(stream: redis.Redis) -> None:
    plan = planned("add", {"fields": FIELDS, "minid": "4-0", "approximate": False})
    assert plan.preview["counts"]["removed"] == 3
    run(plan)
    assert entries(stream)[0][0] == b"4-0"


def test_an_operator_may_bound_only_where_nothing_goes(stream: redis.Redis) -> None:
    for bound in ({"maxlen": 6}, {"minid": "2-0"}):
        with pytest.raises(Forbidden):
            planned("add", {"fields": FIELDS, **bound}, caller=OPERATOR)
    assert [line.outcome for line in AuditEntry.objects.all()] == ["denied", "denied"]
    for bound in ({"maxlen": 7}, {"minid": "1-0"}):
        assert planned("add", {"fields": FIELDS, **bound}, caller=OPERATOR).preview["confirm"] == ""


def test_who_adds_without_a_bound_is_not_looked_into(stream: redis.Redis) -> None:
    """It is asked every two seconds while it runs, whether they may."""
    plan = planned("add", {"fields": FIELDS}, caller=OPERATOR)
    with counting() as sent:
        ALL["add"].authorise(gate.context_of(plan, OPERATOR.principal))
    assert sent.commands == 0


def test_neither_audit_log_keeps_what_was_added(stream: redis.Redis) -> None:
    act("add", {"fields": [["card", "4111 1111"]]})
    assert AuditEntry.objects.exists()
    for line in AuditEntry.objects.all():
        assert line.params["fields"] == [["card", "9 bytes"]]


def test_a_lost_reply_is_found_out_by_its_fields(stream: redis.Redis) -> None:
    with lost_replies(lambda command: command[0] == "XADD"):
        operation = act("add", {"fields": FIELDS})
    assert operation.results == {"done": 1}
    assert operation.entries[0][0].encode() == entries(stream)[-1][0]
    assert stream.xlen(KEY) == 7


def test_a_lost_reply_with_an_id_is_found_out_by_it(stream: redis.Redis) -> None:
    with lost_replies(lambda command: command[0] == "XADD"):
        assert act("add", {"fields": FIELDS, "id": "7-3"}).entries == [["7-3", "done"]]


def test_what_never_arrived_is_sent_again(stream: redis.Redis) -> None:
    with never_sent(lambda command: command[0] == "XADD"):
        assert act("add", {"fields": FIELDS}).results == {"done": 1}
    assert stream.xlen(KEY) == 7


def test_the_same_bytes_sent_twice_add_one_entry(stream: redis.Redis) -> None:
    """A reply that is lost, or a runner that was stopped and goes on: the ID was taken by the first one."""
    sent: list[Any] = []
    with every_trip(sent.append):
        act("add", {"fields": FIELDS})
    stream.xdel(KEY, entries(stream)[-1][0])
    for commands in sent:
        links.get("default").writer.each(commands)
    assert stream.xlen(KEY) == 6


def test_whether_it_arrived_is_unknown_while_no_answer_comes(
    stream: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may still be on its way: a packet that is late is as good as one that is not."""

    def lost(writer: Writer, connection: Any, commands: Any, *_: Any) -> Any:
        raise OutcomeUnknown("gone")

    monkeypatch.setattr(Writer, "_replies", lost)
    assert act("add", {"fields": FIELDS}).results == {"unknown": 1}
    assert stream.xlen(KEY) == 6


def test_an_id_ahead_of_the_clock_is_warned_of(stream: redis.Redis) -> None:
    notes = planned("add", {"fields": FIELDS, "id": "9999999999999-0"}).preview["notes"]
    assert (notes[0]["severity"], "ahead of the server's clock" in notes[0]["title"]) == ("stuck", True)


def test_the_plan_says_who_gets_it(stream: redis.Redis) -> None:
    group(stream, read=0)
    titles = [note["title"] for note in planned("add", {"fields": FIELDS}).preview["notes"]]
    assert titles[-1].startswith("1 group will get it: bill")


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("a: 1\n\nb:x: y\r\na:  2 ", [["a", "1"], ["b", "x: y"], ["a", "2"]]),
        ('{"a": "x", "n": 1.50, "a": null, "o": {"p": [true, {}]}}', None),
        ('[["a", "1"], ["a", {"base64": "/w=="}]]', [["a", "1"], ["a", {"base64": "/w=="}]]),
    ],
)
def test_text_becomes_fields(text: str, pairs: list[Any] | None) -> None:
    wanted = pairs or [["a", "x"], ["n", "1.5"], ["a", "null"], ["o", '{"p": [true, {}]}']]
    assert fields_out(from_text(text)) == wanted


@pytest.mark.parametrize("text", ["no colon", "{", "[1", "[" * 100_000])
def test_text_that_is_no_fields_is_refused(text: str) -> None:
    with pytest.raises(BadParameters):
        fields_in(from_text(text))


@pytest.mark.parametrize(
    "fields",
    [
        ((b"a", b"1"), (b"a", b"2")),
        ((b"a", b"line\nbreak"),),
        ((b"a:b", b"c"),),
        ((b" a", b"c "),),
        ((b"{", b"}"),),
        ((b"\xff", b"\x00"),),
        ((b"", b""),),
    ],
)
def test_what_is_offered_to_edit_is_the_same_when_it_comes_back(fields: Any) -> None:
    assert fields_in(from_text(to_text(fields))) == fields


def test_the_form_takes_json(stream: redis.Redis, operator: Client) -> None:
    url = f"/s/default/{to_path(KEY)}/do/add/"
    assert operator.get(url).status_code == 200
    posted = operator.post(url, {"fields": json.dumps({"order": 17, "who": "ann"}), "id": "", "maxlen": ""})
    assert posted.status_code == 302
    assert Plan.objects.get().params["fields"] == [["order", "17"], ["who", "ann"]]
    assert operator.get(posted["Location"]).status_code == 200
    assert "name: value" in operator.post(url, {"fields": "nonsense"}).content.decode()
