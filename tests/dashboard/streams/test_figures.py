"""Sums and maxima of numbers that are not all known: a bound or unknown, never a plain number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.streams.figures import Figure, Rate, largest, total, total_rate

UNKNOWN = Figure(None, "lost count")
SOME = Figure(7, "looked at a part", at_least=True)


@pytest.mark.parametrize(
    ("parts", "summed", "most"),
    [
        ([], Figure(0), Figure(0)),
        ([Figure(3), Figure(4)], Figure(7), Figure(4)),
        ([UNKNOWN], UNKNOWN, UNKNOWN),
        ([Figure(0), UNKNOWN], UNKNOWN, UNKNOWN),
        ([Figure(3), UNKNOWN], Figure(3, "lost count", at_least=True), Figure(3, "lost count", at_least=True)),
        ([Figure(9), SOME], Figure(16, SOME.reason, at_least=True), Figure(9, SOME.reason, at_least=True)),
        ([Figure(9, approximate=True), Figure(2)], Figure(11, approximate=True), Figure(9, approximate=True)),
        ([Figure(9), Figure(2, approximate=True)], Figure(11, approximate=True), Figure(9)),
    ],
)
def test_what_is_not_known_stays_so(parts: list[Figure], summed: Figure, most: Figure) -> None:
    assert total(parts) == summed
    assert largest(parts) == most


figures = st.one_of(
    st.builds(Figure, st.integers(0, 10**6)),
    st.builds(Figure, st.integers(0, 10**6), st.just("part"), at_least=st.just(True)),
    st.just(UNKNOWN),
)


@given(st.lists(figures))
def test_nothing_unsure_is_swallowed(parts: list[Figure]) -> None:
    for found in (total(parts), largest(parts)):
        assert found.exact == all(part.exact for part in parts)
        assert found.exact or found.reason


@pytest.mark.parametrize(
    ("rates", "summed"),
    [
        ([], Rate(None)),
        ([None], Rate(None)),
        ([1.5, 2.0], Rate(3.5)),
        ([1.5, None], Rate(1.5, at_least=True)),
    ],
)
def test_a_rate_that_is_not_known_makes_the_sum_a_bound(rates: list[float | None], summed: Rate) -> None:
    assert total_rate(rates) == summed
