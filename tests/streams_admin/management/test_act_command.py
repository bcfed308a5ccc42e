"""`manage.py act` and `verify_audit`: the same plans, permissions and audit lines as on the pages."""

from __future__ import annotations

import io
import os
import re
import sys
from typing import Any

import pytest
import redis
from django.core.management import call_command
from django.core.management.base import CommandError

from dashboard.streams.links import Server
from dashboard.streams.names import to_path
from streams_admin.management.commands import act as command
from streams_admin.models import AuditEntry, Operation, Plan
from streams_admin.operations import start
from tests.conftest import Configure
from tests.dashboard.streams.seeding import GROUP, KEY, WORKER, fill, group
from tests.people import person
from tests.streams_admin.acting import pending

pytestmark = pytest.mark.django_db(transaction=True)
ARGUMENTS = [f"group={os.fsdecode(GROUP)}", f"filter.consumer={os.fsdecode(WORKER)}", "to=heir"]


@pytest.fixture(autouse=True)
def people(db: None) -> None:
    for role in ("viewer", "operator", "admin"):
        person(role, role)


@pytest.fixture
def held(server: Server, redis_client: redis.Redis) -> redis.Redis:
    fill(redis_client, 5)
    group(redis_client, read=3)
    return redis_client


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a person at a terminal answers."""
    answers: list[str] = []
    keyboard = io.StringIO()
    keyboard.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stdin", keyboard)
    monkeypatch.setattr("builtins.input", lambda question: answers.pop(0))
    return answers


def act(slug: str, *params: str, who: str = "operator", stream: bytes = KEY, **given: Any) -> str:
    out = io.StringIO()
    call_command("act", slug, stream=os.fsdecode(stream), who=who, param=list(params), stdout=out, **given)
    return out.getvalue()


def test_it_plans_runs_and_tells(held: redis.Redis) -> None:
    said = act("claim", *ARGUMENTS, yes=True, reason="gone")
    assert said.startswith("Claim 3 entries for heir\n")
    assert "   > XCLAIM " in said
    assert "done: 3 done" in said
    assert {who for who, _, _ in pending(held).values()} == {b"heir"}
    line = AuditEntry.objects.latest("pk")
    assert (line.who, line.role, line.via, line.reason, line.outcome) == (
        "operator",
        "operator",
        "command",
        "gone",
        "done",
    )
    assert " on " in line.claimed


def test_without_a_terminal_it_wants_yes(held: redis.Redis) -> None:
    with pytest.raises(CommandError, match="Add --yes"):
        act("claim", *ARGUMENTS)
    assert {who for who, _, _ in pending(held).values()} == {WORKER}


def test_a_time_is_shown_as_one(held: redis.Redis) -> None:
    shown = act("release", *ARGUMENTS[:2], dry_run=True)
    assert re.search(r"shortest idle time: [0-9.]+ s -> (1 d|released)$", shown.replace("  ", " "), re.MULTILINE)


def test_a_dry_run_shows_the_plan(held: redis.Redis) -> None:
    assert "Claim 3 entries" in act("claim", *ARGUMENTS, dry_run=True, yes=True)
    assert {who for who, _, _ in pending(held).values()} == {WORKER}


def test_named_entries_that_will_not_be_touched_are_told(held: redis.Redis) -> None:
    said = act("claim", ARGUMENTS[0], "to=heir", "ids=3-0,77-0,78-0", dry_run=True)
    assert "   not pending: 77-0, 78-0\n" in said
    assert "   not found: 77-0\n" in act("delete", "ids=1-0,77-0", who="admin", dry_run=True)
    many = ",".join(f"{number}-0" for number in range(101, 126))
    assert "120-0 and 5 more\n" in act("ack", ARGUMENTS[0], f"ids=1-0,{many}", dry_run=True)
    assert "not pending" not in act("claim", *ARGUMENTS, dry_run=True)


def test_how_much_of_the_time_it_may_take_is_given(held: redis.Redis, configure: Configure) -> None:
    configure(operation_duty=30)
    words = ["act", "ack", f"--stream={os.fsdecode(KEY)}", "--as=operator", "--yes", f"--param={ARGUMENTS[0]}"]
    for number, (given, kept) in enumerate(((["--duty", "80"], 80), ([], 30), (["--duty=0"], 30)), 1):
        call_command(*words, f"--param=ids={number}-0", *given, stdout=io.StringIO())
        assert Operation.objects.latest("created").duty_cycle == kept


@pytest.mark.parametrize("duty", ["101", "-1", "x", "10000", "1.5", "٣"])
def test_more_than_all_of_the_time_is_refused(held: redis.Redis, duty: str) -> None:
    words = [f"--stream={os.fsdecode(KEY)}", "--as=operator", "--yes", f"--duty={duty}"]
    with pytest.raises(CommandError, match="from 0 to 100"):
        call_command("act", "ack", *words)
    assert not Plan.objects.exists()


@pytest.mark.parametrize(("answer", "owner"), [("y", b"heir"), ("", WORKER), ("no", WORKER)])
def test_at_a_terminal_it_asks(held: redis.Redis, terminal: list[str], answer: str, owner: bytes) -> None:
    terminal.append(answer)
    if owner == WORKER:
        with pytest.raises(CommandError, match="Nothing was done"):
            act("claim", *ARGUMENTS)
    else:
        act("claim", *ARGUMENTS)
    assert {who for who, _, _ in pending(held).values()} == {owner}


@pytest.mark.parametrize("given", [{"yes": True}, {"confirm": "or"}, {"confirm": ""}])
def test_what_cannot_be_undone_is_typed(held: redis.Redis, given: dict[str, Any]) -> None:
    with pytest.raises(CommandError, match=r"cannot be undone"):
        act("stream_delete", who="admin", **given)
    assert held.exists(KEY)
    assert "done: 1 done" in act("stream_delete", who="admin", confirm=to_path(KEY))
    assert not held.exists(KEY)


def test_it_can_be_typed_at_a_terminal(held: redis.Redis, terminal: list[str]) -> None:
    terminal.extend(["no", to_path(KEY)])
    with pytest.raises(CommandError, match="cannot be undone"):
        act("stream_delete", who="admin")
    act("stream_delete", who="admin")
    assert not held.exists(KEY)


def test_the_principal_has_no_more_rights_than_on_the_site(held: redis.Redis) -> None:
    with pytest.raises(CommandError, match="permission"):
        act("claim", *ARGUMENTS, who="viewer", yes=True)
    with pytest.raises(CommandError, match="permission"):
        act("group_destroy", ARGUMENTS[0], yes=True)
    assert set(AuditEntry.objects.values_list("who", "via", "outcome")) == {
        ("viewer", "command", "denied"),
        ("operator", "command", "denied"),
    }
    with pytest.raises(CommandError, match="no user"):
        act("claim", *ARGUMENTS, who="nobody", yes=True)


@pytest.mark.parametrize(
    ("slug", "params", "given", "message"),
    [
        ("shred", [], {}, "action is 'shred'; allowed:"),
        ("claim", ["group"], {}, "allowed: NAME=VALUE"),
        ("claim", ["filter=1", "filter.consumer=a"], {}, "conflicts with"),
        ("claim", [ARGUMENTS[0], "to=heir", "filter={}", "min_idel_ms=5"], {}, "min_idel_ms"),
        ("claim", [ARGUMENTS[0], "ids=1-0,x", "to=heir"], {}, "ids"),
        ("claim", ARGUMENTS, {"server": "elsewhere"}, "elsewhere"),
        ("claim", ARGUMENTS, {"stream": b"nothing"}, "does not exist"),
    ],
)
def test_nonsense_ends_with_a_sentence(
    held: redis.Redis, slug: str, params: list[str], given: dict[str, Any], message: str
) -> None:
    with pytest.raises(CommandError, match=message):
        act(slug, *params, yes=True, **given)
    assert not Plan.objects.exists()


def test_values_are_what_the_api_would_be_given() -> None:
    words = ["group=1", "to=a/b", "filter.consumer=\udcff", "filter.min_idle_ms=5", "ids=1-0, 2-0", "mkstream=true"]
    more = ["position=1-0", "like=", 'fields=[["n", "1"]]', "minid=1e5", "id=null"]
    assert command.params_of([*words, *more]) == {
        "group": "1",
        "to": "a~2Fb",
        "filter": {"consumer": "~FF", "min_idle_ms": 5},
        "ids": ["1-0", "2-0"],
        "mkstream": True,
        "position": "1-0",
        "like": "",
        "fields": [["n", "1"]],
        "minid": "1e5",
        "id": "null",
    }


def test_a_big_one_is_followed_to_its_end(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 1300)
    group(redis_client, read=1300)
    assert "done: 1,300 done" in act("claim", *ARGUMENTS, yes=True)
    assert {who for who, _, _ in pending(redis_client).values()} == {b"heir"}


def test_ctrl_c_cancels_between_two_batches(
    server: Server, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(redis_client, 1300)
    group(redis_client, read=1300)
    work, pressed = start.work_once, iter([True])

    def interrupted() -> bool:
        if next(pressed, False):
            raise KeyboardInterrupt
        return work()

    monkeypatch.setattr(start, "work_once", interrupted)
    with pytest.raises(CommandError, match="Not everything"):
        act("claim", *ARGUMENTS, yes=True)
    owners = [who for who, _, _ in pending(redis_client).values()]
    assert (owners.count(b"heir"), owners.count(WORKER)) == (500, 800)


def test_what_is_done_in_part_is_an_error(held: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script must not go on as if all had been done."""
    begin = start.begin

    def meanwhile(*args: Any, **given: Any) -> Any:
        held.xack(KEY, GROUP, "1-0")
        return begin(*args, **given)

    monkeypatch.setattr(start, "begin", meanwhile)
    ids = ["ids=1-0,2-0", *(word for word in ARGUMENTS if "filter" not in word)]
    with pytest.raises(CommandError, match="Not everything"):
        act("claim", *ids, yes=True)


def verify() -> str:
    out = io.StringIO()
    call_command("verify_audit", stdout=out)
    return out.getvalue()


def test_the_chain_holds(held: redis.Redis) -> None:
    assert verify() == f"0 records, unchanged. The last hash is {'0' * 64}.\n"
    act("claim", *ARGUMENTS, yes=True)
    assert verify() == f"2 records, unchanged. The last hash is {AuditEntry.objects.latest('pk').hash}.\n"


@pytest.mark.parametrize("change", [{"who": "nobody"}, {"counts": {"done": 1}}, {"reason": "because"}, None])
def test_a_line_that_was_changed_or_taken_out_is_found(held: redis.Redis, change: dict[str, Any] | None) -> None:
    act("claim", *ARGUMENTS, yes=True)
    act("ack", ARGUMENTS[0], "filter={}", yes=True)
    second = AuditEntry.objects.order_by("pk")[1]
    if change is None:
        AuditEntry.objects.filter(pk=second.pk).delete()
    else:
        AuditEntry.objects.filter(pk=second.pk).update(**change)
    with pytest.raises(CommandError, match="was changed: 1 record of"):
        verify()
