"""What the tutorial states in its sentences, held against the code: numbers, options, filters, scripts, modules."""

from __future__ import annotations

import importlib
import inspect
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.asyncio import Redis

from dashboard import filters
from dashboard.accounts.masking import Mask
from dashboard.fleet.findings.model import Limits
from dashboard.fleet.findings.words import WORDS, label
from dashboard.streams.ids import StreamId
from dashboard.streams.snapshots import Entry
from streams_admin.demo.scenarios import carts, catalogue, iot, notifications, orders, sensors
from streams_admin.demo.scenarios.options import Options
from streams_admin.demo.scenarios.workers.worker import Habits
from streams_admin.demo.showcase import JUDGE
from streams_admin.management.commands.demo import _chosen

PAGES = Path(__file__).resolve().parents[2] / "docs" / "tutorial"
TEXTS = {page.stem: page.read_text() for page in sorted(PAGES.glob("*.md"))}
MODULES = {module.NAME: module for module in (orders, sensors, iot, notifications)}


def habits(name: str, worker: str, **options: Any) -> Habits:
    found: Habits = MODULES[name].worker(worker, Redis(), Options(**options)).habits  # type: ignore[attr-defined]
    return found


def workers(name: str, **options: Any) -> list[str]:
    return [role for role in catalogue.get(name).roles(Options(**options)) if role not in ("producer", "reader")]


# numbers -------------------------------------------------------------------------------------------------------------

LIMITS = Limits()
NUMBERS: list[tuple[str, str, object, object]] = [
    ("index", "nobody has touched for a minute is *late* (amber)", LIMITS.late_ms, 60_000),
    ("index", "after five minutes *stuck* (red)", LIMITS.stuck_ms, 300_000),
    ("index", "The demo uses 8 s and 20 s", (JUDGE["LATE_AFTER"], JUDGE["STUCK_AFTER"]), ("8", "20")),
    ("index", "goes to the dead-letter stream (5)", Options().give_up_after, 5),
    ("sensors", "One producer adds a reading per second", sensors.RATE, 1),
    ("sensors", "The two consumers of the group", len(workers("sensors")), 2),
    ("sensors", "consumers, every 1.5 s", habits("sensors", "consumer-1").look_back_every, 1.5),
    ("sensors", "with at least three readings in progress", habits("sensors", "consumer-2").crash_holding, 3),
    ("iot", "Ten readings per second", iot.RATE, 10),
    ("iot", "Two workers of the group", len(workers("iot")), 2),
    ("iot", "process ten at a time", habits("iot", "processor-1").together, 10),
    ("iot", "not been touched for five seconds", habits("iot", "processor-1").reclaim_after, 5),
    ("iot", "dies with twelve readings in progress", habits("iot", "processor-2").crash_holding, 12),
    ("iot", "After an hour (`GONE_AFTER`)", LIMITS.gone_ms, 3_600_000),
    ("iot", "`MAXLEN ~ 5000` drops the oldest readings", iot.MAXLEN, 5000),
    ("iot", "away for more than about 500 s", iot.MAXLEN / iot.RATE, 500),
    ("orders", "Three workers of the group", len(workers("orders")), 3),
    ("orders", "with twelve orders in progress", habits("orders", "worker-2").crash_holding, 12),
    ("orders", "By default nobody takes over", habits("orders", "worker-1").reclaim_after, None),
    ("orders", "reads its own pending list every 1.5 s", habits("orders", "worker-1").look_back_every, 1.5),
    ("orders", "after ten seconds of idle time", habits("orders", "worker-1", reclaim=True).reclaim_after, 10),
    ("orders", "deliveries (5 by default)", habits("orders", "worker-1").give_up_after, 5),
    ("orders", "from five on the first page says *Poison*", LIMITS.poison, 5),
    ("orders", "`XADD … MAXLEN ~ 10000`", orders.MAXLEN, 10_000),
    ("notifications", "inside a group two workers **share** them", len(workers("notifications")), 6),
    ("notifications", "`XADD … MAXLEN ~ 10000`", notifications.MAXLEN, 10_000),
    ("notifications", "dies with four entries in progress", habits("notifications", "email-2").crash_holding, 4),
    ("notifications", "(30 s without the option)", habits("notifications", "email-1").reclaim_after, 30),
    ("carts", "fifty here", carts.USERS, 50),
    ("carts", "its heartbeat expires after 5 s", carts.SILENT_FOR, 5),
]  # fmt: skip


@pytest.mark.parametrize(("page", "words", "found", "said"), NUMBERS, ids=[words for _, words, *_ in NUMBERS])
def test_a_number_of_a_page_is_that_of_the_code(page: str, words: str, found: object, said: object) -> None:
    assert words in " ".join(TEXTS[page].split())
    assert found == said


def test_what_the_pages_say_of_redis_py_is_so() -> None:
    assert "redis-py 8 gives up after 5 s by default" in TEXTS["sensors"]
    assert inspect.signature(redis.Redis).parameters["socket_timeout"].default == 5


# options -------------------------------------------------------------------------------------------------------------

ENTRIES: dict[str, tuple[Callable[[random.Random, Options], dict[str, str]], str]] = {
    "sensors": (sensors.reading, "sensorId"),
    "iot": (iot.reading, "device_id"),
    "orders": (orders.order, "userId"),
    "notifications": (notifications.notification, "userId"),
}


@pytest.mark.parametrize("name", list(ENTRIES))
def test_seed_and_users_do_what_their_lines_say(name: str) -> None:
    make, who = ENTRIES[name]

    def series(seed: int) -> list[dict[str, str]]:
        rng = random.Random(seed)
        made = [make(rng, Options(users=3)) for _ in range(60)]
        return [{field: value for field, value in entry.items() if field != "timestamp"} for entry in made]

    assert series(1) == series(1)
    assert series(1) != series(2)
    assert len({entry[who] for entry in series(1)}) == 3
    assert set(make(random.Random(), Options())) <= set(re.findall(r"`(\w+)`", TEXTS[name])), "all fields are named"


def test_the_events_of_carts_are_the_same_with_a_seed_and_have_the_fields_of_the_page() -> None:
    def events(seed: int) -> list[dict[str, str]]:
        rng = random.Random(seed)
        return [{**carts.event(rng, Options()), "timestamp": ""} for _ in range(60)]

    assert events(1) == events(1)
    assert events(1) != events(2)
    assert {tuple(event) for event in events(1)} == {
        ("eventType", "timestamp", "itemId", "quantity"),
        ("eventType", "timestamp"),
    }
    assert {"eventType", "timestamp", "itemId", "quantity"} <= set(re.findall(r"`(\w+)`", TEXTS["carts"]))


def test_workers_and_rate_do_what_their_lines_say() -> None:
    for name in catalogue.SCENARIOS:
        groups = 3 if name == "notifications" else 1
        assert len(workers(name, workers=4)) == 4 * groups
        assert "producer" in catalogue.get(name).roles(Options())
        assert "producer" not in catalogue.get(name).roles(Options(rate=0))


def test_the_demo_takes_one_system_several_or_all() -> None:
    assert _chosen("all") == list(catalogue.SCENARIOS)
    assert _chosen("sensors,iot") == ["sensors", "iot"]
    makefile = (PAGES.parents[1] / "Makefile").read_text()
    assert "$(if $(SCENARIO),--scenario $(SCENARIO))" in makefile


# what else stands there ----------------------------------------------------------------------------------------------

ROOMS = ("kitchen", "cellar")


def test_the_filters_of_the_page_keep_what_it_says() -> None:
    def kept(text: str) -> list[str]:
        found = filters.parse(text)
        return [room for room in (*ROOMS, "broken") if found.keeps(of(room), Mask())]

    def of(room: str) -> Entry:
        degrees = {"kitchen": b"27.5", "cellar": b"12"}.get(room, b"n/a")
        return Entry(StreamId(1, 0), ((b"location", room.encode()), (b"temperature", degrees)))

    page = " ".join(TEXTS["sensors"].split())
    assert "a value that is not a number never matches" in page
    for text, rooms in (
        ("location = kitchen", ["kitchen"]),
        ("location != kitchen", ["cellar", "broken"]),
        ("location ~ kit", ["kitchen"]),
        ("temperature > 25", ["kitchen"]),
    ):
        assert f"`{text}`" in page
        assert kept(text) == rooms
    assert [kept(f"temperature {sign} 27.5") for sign in ("<", ">=", "<=")] == [["cellar"], ["kitchen"], [*ROOMS]]


LUA = re.compile(r"^```lua\n(.*?)^```$", re.DOTALL | re.MULTILINE)
CALL = re.compile(r"redis\.call\('(\w+)'")


@pytest.mark.parametrize(("name", "script"), [("orders", orders.APPLY), ("notifications", notifications.SETTLE)])
def test_a_script_of_a_page_makes_the_calls_of_the_system(name: str, script: str) -> None:
    (shown,) = LUA.findall(TEXTS[name])
    assert CALL.findall(shown) == CALL.findall(script)


def test_the_modules_to_copy_are_there_with_what_the_pages_name() -> None:
    rows = [row for row in TEXTS["index"].splitlines() if ".py`" in row and row.startswith("|")]
    named = [name for row in rows for name in re.findall(r"`([\w/]+)\.py`", row.split("|")[1])]
    assert {"workers/client", "workers/worker", "store/leases"} <= set(named)
    for name in named:
        importlib.import_module("streams_admin.demo.scenarios." + name.replace("/", "."))
    of_readers = importlib.import_module("streams_admin.demo.scenarios.workers.readers")
    for function in ("latest", "since", "follow"):
        assert re.search(rf"^\|.*\| `{function}` \|$", TEXTS["sensors"], re.MULTILINE)
        assert callable(getattr(of_readers, function))


def test_findings_are_called_on_pages_as_the_tutorial_calls_them() -> None:
    said = {word for text in TEXTS.values() for word in re.findall(r"says\s+\*([^*]+)\*", text)}
    assert said == {"Late", "Poison", "Falling behind", "Nobody reading"}
    assert said - {"Late"} <= set(WORDS.values())
    assert (label("stuck", "late"), label("stuck", "stuck")) == ("Late", "Stuck"), "one word for each colour"
