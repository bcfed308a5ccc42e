"""The result of every entry of a large operation as a file: all of them, each once, whichever process wrote it."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
import tracemalloc
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import redis
from django.test import Client
from django.urls import reverse

from dashboard.accounts.permissions import Grant
from dashboard.accounts.principals import Principal
from dashboard.streams import links
from dashboard.streams.names import to_path
from streams_admin.actions.pending.claim import Claim
from streams_admin.audit.log import Caller
from streams_admin.models import Operation, Plan
from streams_admin.operations import results, start
from tests.conftest import Configure
from tests.people import id_of, person, signed_in
from tests.streams_admin.acting import ADMIN, act, of_group, planned
from tests.streams_admin.dying import Killed, dies_at, finish
from tests.streams_admin.recipes import HELPER

pytestmark = pytest.mark.django_db
TO_HELPER = {"to": to_path(HELPER)}


@pytest.fixture(autouse=True)
def folder(configure: Configure, tmp_path: Path) -> Path:
    configure(data_dir=tmp_path)
    return tmp_path / "operations"


def told(operation: Operation) -> tuple[list[tuple[str, str]], dict[str, Any]]:
    """Results by ID, and the last line."""
    operation.refresh_from_db()
    *lines, last = [json.loads(line) for line in b"".join(results.read(operation)).splitlines()]
    return [(line["id"], line["result"]) for line in lines], last


def written(*lines: str, **row: Any) -> Operation:
    """An operation with a file of these lines."""
    operation = Operation(pk=uuid4(), state="done", **row)
    path = results.path_of(operation.pk)
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(lines))
    return operation


def line(id_: str, result: str = "done") -> str:
    return f'{{"id": "{id_}", "result": "{result}"}}\n'


def read(operation: Operation) -> list[str]:
    return b"".join(results.read(operation)).decode().splitlines(keepends=True)


# Written -------------------------------------------------------------------------------------------------------------


def test_a_large_one_names_every_entry(many: redis.Redis, folder: Path) -> None:
    operation = act("claim", of_group(**TO_HELPER))
    found, last = told(operation)
    assert sorted(found) == sorted((f"{n}-0", "done") for n in range(1, 1201))
    assert last == {"state": "done", "named": 1200, "not_named": 0}
    assert os.listdir(folder) == [f"{operation.pk}.jsonl"]
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_small_one_is_told_from_its_row_and_has_no_file(many: redis.Redis, folder: Path) -> None:
    operation = act("ack", of_group("1-0", "2-0", "5000-0"))
    assert told(operation) == (
        [("1-0", "done"), ("2-0", "done"), ("5000-0", "not_found")],
        {"state": "done", "named": 3, "not_named": 0},
    )
    assert not folder.exists()


def test_it_grows_batch_by_batch_and_says_how_far_it_is(many: redis.Redis) -> None:
    operation = start.begin(ADMIN, planned("ack", of_group()))
    assert told(operation)[1] == {"state": "queued", "named": 500, "not_named": 0}
    start.request_state(operation, "cancel")
    finish()
    assert told(operation)[1] == {"state": "cancelled", "named": 500, "not_named": 0}


def test_results_of_every_kind_are_in_it(many: redis.Redis) -> None:
    plan = planned("claim", of_group(*(f"{n}-0" for n in range(1, 901)), **TO_HELPER))
    act("ack", of_group(*(f"{n}-0" for n in range(101, 111))))
    act("claim", of_group("7-0", to=to_path(b"third")))
    operation = start.begin(ADMIN, plan)
    finish()
    found, last = told(operation)
    counts = Counter(result for _, result in found)
    assert counts == {"done": 889, "already_acknowledged": 10, "owner_changed": 1}
    assert counts == operation.results
    assert last["not_named"] == 0
    assert dict(found)["7-0"] == "owner_changed"


def test_what_has_no_name_is_counted(many: redis.Redis) -> None:
    operation = act("trim", {"maxlen": 100, "approximate": False})
    assert told(operation) == ([], {"state": "done", "named": 0, "not_named": 1100})


def test_an_error_of_ours_leaves_the_entries_it_was_at_unknown(
    many: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    operation = start.begin(ADMIN, planned("claim", of_group(**TO_HELPER)))
    monkeypatch.setattr(Claim, "act", lambda *_: 1 / 0)
    finish()
    found, last = told(operation)
    assert Counter(result for _, result in found) == operation.results == {"done": 500, "unknown": 500}
    assert (last["state"], last["not_named"]) == ("failed", 0)


def test_a_disk_that_refuses_does_not_stop_it(
    many: redis.Redis, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder.write_text("a file where the folder should be")
    with caplog.at_level(logging.WARNING):
        operation = act("ack", of_group())
    assert (operation.state, operation.results) == ("done", {"done": 1200})
    assert "could not be stored" in caplog.text


# Killed --------------------------------------------------------------------------------------------------------------


def test_killed_at_any_step_it_names_each_entry_at_most_once(many: redis.Redis) -> None:
    """Between save and append a batch is left out; the last line says so."""
    left_out = set()
    for step in range(1, 16):
        plan = planned("claim", of_group(bump=True, **TO_HELPER))
        with dies_at(step):
            try:
                start.begin(ADMIN, plan)
                while start.work_once():
                    pass
            except Killed:
                pass
        finish()
        found, last = told(Operation.objects.get(plan=plan))
        assert len(set(found)) == len(found) == last["named"]
        assert last["named"] + last["not_named"] == 1200
        left_out.add(last["not_named"])
    assert left_out <= {0, 200, 500}
    assert 500 in left_out


def test_half_a_line_is_ended_and_not_told(folder: Path) -> None:
    operation = written(line("1-0"), line("2-0")[:17], done=3)
    results.keep(operation, {"done": "3-0", "failed": "4-0"})
    assert read(operation)[:-1] == [line("1-0"), line("3-0"), line("4-0", "failed")]
    torn = written(line("1-0"), '{"id": "2-0", "result": "do', done=2)
    assert read(torn) == [line("1-0"), '{"state": "done", "named": 1, "not_named": 1}\n']


def test_what_was_told_twice_is_told_as_it_was_last() -> None:
    lines = [*(line(f"{n}-0") for n in range(10)), line("3-0", "unknown"), line("5-0", "failed"), line("3-0", "done")]
    *found, last = read(written(*lines, done=10))
    assert found == [line(f"{n}-0") for n in (0, 1, 2, 4, 6, 7, 8, 9)] + [line("5-0", "failed"), line("3-0")]
    assert json.loads(last)["named"] == 10


def test_ids_that_only_look_alike_are_both_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "BITS", 8)
    lines = [line(f"{n}-0") for n in range(100)]
    assert read(written(*lines, line("42-0", "failed"), done=100))[:-1] == [
        *lines[:42],
        *lines[43:],
        line("42-0", "failed"),
    ]


def test_memory_stays_flat() -> None:
    operation = written(*(line(f"{1_763_596_680_000 + n}-0") for n in range(200_000)), done=200_000)
    tracemalloc.start()
    size, chunks = _weigh(results.read(operation))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size > 8_000_000
    assert chunks >= 100
    assert peak < 8 * 2**20 + 2_000_000, "the marks, and a chunk"


def _weigh(chunks: Iterable[bytes]) -> tuple[int, int]:
    sizes = [len(chunk) for chunk in chunks]
    return sum(sizes), len(sizes)


# Kept, and no longer -------------------------------------------------------------------------------------------------


def test_files_go_after_some_days(configure: Configure, folder: Path) -> None:
    configure(operation_results_days=2)
    assert results.expire() == 0, "there is no folder yet"
    old, new = written(line("1-0")), written(line("1-0"))
    os.utime(results.path_of(old.pk), (time.time() - 3 * 86_400,) * 2)
    assert results.expire() == 1
    assert os.listdir(folder) == [f"{new.pk}.jsonl"]


async def test_the_background_looks_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = asyncio.Event()
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(results, "expire", lambda: loop.call_soon_threadsafe(looked.set))
    task = asyncio.create_task(results.sweep())
    await asyncio.wait_for(looked.wait(), 5)
    task.cancel()


def test_without_its_file_the_row_is_told(many: redis.Redis) -> None:
    operation = act("ack", of_group())
    results.path_of(operation.pk).unlink()
    found, last = told(operation)
    assert (len(found), last) == (1000, {"state": "done", "named": 1000, "not_named": 200})


# Who gets it ---------------------------------------------------------------------------------------------------------


def address(operation: Operation) -> str:
    return reverse("operation_results", args=[operation.pk])


def test_the_page_of_the_operation_leads_to_it(many: redis.Redis, admin: Client) -> None:
    operation = act("ack", of_group())
    assert f'href="{address(operation)}"' in admin.get(reverse("operation", args=[operation.pk])).content.decode()
    answer = admin.get(address(operation))
    assert len(b"".join(answer).splitlines()) == 1201
    assert answer["Content-Disposition"] == f'attachment; filename="results-{operation.pk}.jsonl"'
    assert admin.get(reverse("operation_results", args=[uuid4()])).status_code == 404


def test_only_who_may_see_the_operation_gets_it(many: redis.Redis, viewer: Client, operator: Client) -> None:
    olga = Caller(Principal("olga", id_of("olga"), (Grant("operator"),)), "page")
    plan = planned("ack", of_group("1-0"), caller=olga)
    operation = start.begin(olga, plan)
    assert (viewer.get(address(operation)).status_code, operator.get(address(operation)).status_code) == (403, 200)
    Plan.objects.update(who_id=id_of("vera"))
    assert viewer.get(address(operation)).status_code == 200, "one's own"
    assert Client().get(address(operation)).status_code == 302


def test_it_is_told_when_the_server_is_configured_no_more(many: redis.Redis) -> None:
    operation = act("ack", of_group("1-0"))
    anna = signed_in(person("anna", "admin"))
    links.configure([])
    assert anna.get(address(operation)).status_code == 200
