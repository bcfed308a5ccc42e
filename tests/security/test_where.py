"""A filter comes from outside: no text may keep the process busy."""

from __future__ import annotations

import contextlib
import time

import pytest

from dashboard import filters
from dashboard.filters.nodes import Condition, Field
from dashboard.http.params import BadParameter


@pytest.mark.parametrize("text", [" " * 4096 + "x", "a" + " " * 4094 + "x", "a=" + " " * 4093 + "x", "a!" * 2048])
def test_a_filter_of_the_longest_text_is_read_at_once(text: str) -> None:
    began = time.process_time()
    with contextlib.suppress(BadParameter):
        filters.parse(text)
    assert time.process_time() - began < 0.05


def test_a_field_of_blanks_is_none() -> None:
    with pytest.raises(BadParameter):
        filters.parse("   = failed")


def test_blanks_around_field_and_value_do_not_count() -> None:
    assert filters.parse("  status  !=  not yet  ") == filters.Filter(Condition(Field(b"status"), "!=", b"not yet"))
