"""How many files the process may open: as many as it accepts connections, or it says so."""

from __future__ import annotations

import resource

import pytest

from dashboard.management.descriptors import enough_for

NEEDED = 2000 + 256 + 500


@pytest.fixture
def limit(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What `ulimit -Sn` and `ulimit -Hn` say, in place of this process's."""
    limits = [1024, 524_288]

    def set_to(_: int, wanted: tuple[int, int]) -> None:
        limits[:] = wanted

    monkeypatch.setattr(resource, "getrlimit", lambda _: tuple(limits))
    monkeypatch.setattr(resource, "setrlimit", set_to)
    return limits


def test_it_is_raised_to_what_the_connections_need(limit: list[int]) -> None:
    """1,024 is what most systems begin with, and 2,000 live sockets are promised."""
    assert enough_for(256) == ""
    assert limit == [NEEDED, 524_288]


@pytest.mark.parametrize("soft", [NEEDED, 20_000, resource.RLIM_INFINITY])
def test_what_is_enough_stays(limit: list[int], soft: int) -> None:
    limit[0] = soft
    assert enough_for(256) == ""
    assert limit == [soft, 524_288]


def test_where_fewer_are_allowed_it_says_so(limit: list[int]) -> None:
    limit[1] = 2048
    assert enough_for(256) == (
        "This process may open 2,048 files (ulimit -n); for all the connections it accepts set 2,756."
    )
    assert limit == [2048, 2048]
