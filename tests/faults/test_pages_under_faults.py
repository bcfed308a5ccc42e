"""A watched server that is down, mute, slow or loading: every page and API read answers in time and says so."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
import redis
from django.test import Client

from dashboard.fleet.samplers import fleet
from dashboard.streams import links
from dashboard.streams.links import ServerConfig
from tests.dashboard.streams.impostor import impostor
from tests.faults.chaos import Chaos
from tests.faults.conftest import forget_the_trouble, hang_up, look
from tests.faults.reads import BY_ID, EVERY, FROM_THE_FLEET, KEY, READ_NOW, REMEMBERED, ask, statuses

pytestmark = [pytest.mark.faults, pytest.mark.django_db]

SOME = ("stream", "filtered group", "form", "entry", "search by ID", "api stream", "api pending")
"""Enough where each has to wait: those with most round trips, and one of each kind."""


def refuse(proxy: Chaos) -> None:
    proxy.refuse()


def cut(proxy: Chaos) -> None:
    proxy.mood = "cuts"


def close(proxy: Chaos) -> None:
    proxy.mood = "closes"


def hang(proxy: Chaos) -> None:
    proxy.mood = "hangs"


TROUBLES = [
    (refuse, "nothing is listening", EVERY),
    (cut, "closed the connection", EVERY),
    (close, "closed the connection", EVERY),
    (hang, "did not answer in time", SOME),
]
Trouble = Callable[[Chaos], None]


def expected(name: str, *, known: bool) -> int:
    """200 for what is known, 503 for what would have to be read."""
    return 200 if name in FROM_THE_FLEET or name in BY_ID or (known and name in REMEMBERED) else 503


def test_without_trouble_everything_is_there(known: None, operator: Client) -> None:
    found = statuses(operator, EVERY)
    assert found == {name: 302 if name in BY_ID else 200 for name in EVERY}


@pytest.mark.parametrize(("trouble", "words", "names"), TROUBLES)
def test_a_server_that_went_away(
    trouble: Trouble, words: str, names: tuple[str, ...], proxy: Chaos, known: None, operator: Client
) -> None:
    trouble(proxy)
    for name in names:
        forget_the_trouble()
        answer = ask(operator, EVERY[name])
        assert (name, answer.status) == (name, expected(name, known=True))
        assert words in answer.text or name in FROM_THE_FLEET


@pytest.mark.parametrize(("trouble", "words", "names"), TROUBLES)
def test_a_server_that_was_never_there(
    trouble: Trouble, words: str, names: tuple[str, ...], proxy: Chaos, operator: Client
) -> None:
    trouble(proxy)
    for name in names:
        forget_the_trouble()
        answer = ask(operator, EVERY[name])
        assert (name, answer.status) == (name, expected(name, known=False))
        assert words in answer.text or name in FROM_THE_FLEET or name in BY_ID


@pytest.mark.parametrize("name", ["attention", "streams", "api servers", "api streams", "api findings"])
def test_lists_of_a_server_that_went_away_say_so(name: str, proxy: Chaos, known: None, operator: Client) -> None:
    proxy.refuse()
    assert look()
    assert "nothing is listening" in ask(operator, EVERY[name]).text


def long_ago(seconds: float) -> None:
    """The last good look was that long ago."""
    mine = fleet().sampler(links.get("default"))
    assert mine.snapshot.at is not None
    mine.snapshot = replace(mine.snapshot, at=time.time() - seconds)


@pytest.mark.parametrize("name", ["attention", "streams", *REMEMBERED])
def test_what_is_shown_of_a_server_that_went_away_has_its_age(
    name: str, proxy: Chaos, known: None, operator: Client
) -> None:
    proxy.refuse()
    assert look()
    long_ago(754)
    answer = ask(operator, EVERY[name])
    assert answer.status == 200
    assert "12 min ago" in answer.text
    assert "orders:new" in answer.text or name in ("attention", "group", "filtered group")


def test_all_ages_of_a_group_go_on_while_its_server_is_away(proxy: Chaos, known: None, operator: Client) -> None:
    """Its oldest pending entry, whose ID is no clock's, and its consumers: idle since the group was last looked at."""
    proxy.refuse()
    assert look()
    long_ago(754)
    page = operator.get(REMEMBERED["group"]).content.decode().partition("</main>")[0]
    ages = re.findall(r"<time[^>]*>([^<]*)<", page)
    assert len(ages) in (3, 4), "before Redis 7.2 nobody knows for how long a consumer was inactive"
    assert [age for age in ages if not age.startswith("12 min")] == []


@pytest.mark.parametrize("name", ["streams", "group", "api streams"])
def test_who_asks_after_somebody_has_waited_does_not_wait(
    name: str, proxy: Chaos, known: None, operator: Client
) -> None:
    proxy.mood = "hangs"
    ask(operator, EVERY["entry"])
    began = time.monotonic()
    assert ask(operator, EVERY[name]).status == 200
    assert time.monotonic() - began < links.READ_TIMEOUT


# slow ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SOME)
def test_a_slow_server_is_waited_for(name: str, proxy: Chaos, known: None, operator: Client) -> None:
    """Each reply comes half a second late, those to a new connection's introduction too."""
    hang_up()
    proxy.delay = 0.5
    assert ask(operator, EVERY[name]).status == (302 if name in BY_ID else 200)


def test_a_page_stops_asking_when_its_time_is_over(proxy: Chaos, operator: Client) -> None:
    """Nothing is known, not even what the server can do: more round trips than there is time for."""
    proxy.delay = 0.55
    answer = ask(operator, EVERY["stream"])
    assert answer.status == 503
    assert "is too slow" in answer.text


def test_many_mute_servers_cost_no_more_time_than_one(proxy: Chaos, known: None, operator: Client) -> None:
    configs = [ServerConfig(f"mute-{n}", proxy.url) for n in range(6)]
    links.configure(configs)
    for config in configs:
        fleet().sample(links.get(config.name))
    proxy.mood = "hangs"
    answer = ask(operator, EVERY["search by ID"])
    assert answer.status == 200
    assert answer.text.count("could not be searched completely") == len(configs)


def test_a_server_that_is_known_to_be_away_is_named_once(proxy: Chaos, known: None, operator: Client) -> None:
    proxy.refuse()
    assert look()
    assert ask(operator, EVERY["search by ID"]).text.count("could not be searched completely") == 1
    assert ask(operator, EVERY["search"]).text.count("could not be searched completely") == 1


def test_who_looks_for_nothing_yet_hears_of_no_trouble(proxy: Chaos, known: None, operator: Client) -> None:
    proxy.refuse()
    assert look()
    answer = ask(operator, "/search/")
    assert "What are you looking for?" in answer.text
    assert "could not be searched completely" not in answer.text


# gone for a while ----------------------------------------------------------------------------------------------------


def test_the_next_request_after_it_came_back_is_fresh(
    proxy: Chaos, known: None, operator: Client, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links.deadlines, "COOLDOWN", 0.0)
    proxy.refuse()
    assert "cannot be read" in ask(operator, EVERY["stream"]).text
    redis_client.xadd(KEY, {"n": "newest"})
    proxy.listen()
    answer = ask(operator, EVERY["stream"])
    assert "cannot be read" not in answer.text
    assert "newest" in answer.text
    assert set(statuses(operator, {**REMEMBERED, **READ_NOW}).values()) == {200}


def test_it_is_asked_again_after_a_second(proxy: Chaos, known: None, operator: Client) -> None:
    """A server that went away and came back at once is left alone for COOLDOWN, and no longer."""
    proxy.refuse()
    assert ask(operator, EVERY["entry"]).status == 503
    proxy.listen()
    time.sleep(links.COOLDOWN)
    assert ask(operator, EVERY["entry"]).status == 200


def test_a_server_that_restarts_and_loads_its_data(
    proxy: Chaos, known: None, operator: Client, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links.deadlines, "COOLDOWN", 0.0)
    with impostor(lambda _: b"-LOADING Redis is loading the dataset in memory\r\n") as loading:
        proxy.refuse()
        proxy.upstream = loading.url
        proxy.listen()
        for name, path in EVERY.items():
            answer = ask(operator, path)
            assert (name, answer.status) == (name, expected(name, known=True))
            assert "is loading its data" in answer.text or name in FROM_THE_FLEET
        assert "is loading its data" in look()
        proxy.refuse()
    proxy.upstream = redis_url
    proxy.listen()
    assert not look()
    assert "cannot be read" not in ask(operator, EVERY["streams"]).text
    assert ask(operator, EVERY["entry"]).status == 200
