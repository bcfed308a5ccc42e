"""What a search finds, whatever bytes a name is of."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.fleet.reading import matches

ORDER = "ÄRGER:Bestellung".encode()


@pytest.mark.parametrize("search", ["", "ÄRGER", "ärger", "ÄRGER*", "ärger:?estellung", "?rger:*", "BESTELLUNG"])
def test_letters_of_any_alphabet_are_found_large_or_small(search: str) -> None:
    assert matches(ORDER, search)


@pytest.mark.parametrize("search", ["arger", "ärger?", "*ärger", "ärger bestellung"])
def test_what_is_spelt_otherwise_is_not_found(search: str) -> None:
    assert not matches(ORDER, search)


def test_a_bracket_of_a_pattern_is_only_itself() -> None:
    assert matches(b"cart[1]:new", "cart[1]:*")
    assert not matches(b"cart1:new", "cart[1]:*")


def test_every_part_of_a_name_finds_it_as_it_is_spelt() -> None:
    """A small sigma looks otherwise at the end of a word."""
    assert matches("ΟΔΟΣΑ".encode(), "ΟΔΟΣ")


@pytest.mark.parametrize("search", ["w", "& <B>", "w? & *", "w*"])
def test_a_name_that_is_no_text_is_found_by_what_is(search: str) -> None:
    assert matches(b"w\xff & <b>", search)


LETTERS = st.text(st.characters(codec="utf-8", exclude_characters="*?"), max_size=4) | st.text("aAbB-:", max_size=4)


@given(LETTERS, LETTERS)
def test_plain_names_are_found_as_all_others_are(name: str, search: str) -> None:
    """Most names are ASCII, and are looked at without decoding them."""
    assert matches(name.encode(), search) == (search.casefold() in name.casefold())
