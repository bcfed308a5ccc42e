"""Two names that differ must not look the same for a character that nobody sees."""

from __future__ import annotations

import pytest

from dashboard.streams.names import plain
from dashboard.streams.payloads.show import show

UNSEEN = "\ufe0f\ufe00\u034f\u3164\u115f\u1160\uffa0\u2800\U000e0100\U000e01ef\u17b4\u180b\u180f\n\t"


@pytest.mark.parametrize("char", UNSEEN, ids=ascii)
def test_what_is_not_seen_is_marked_in_a_name(char: str) -> None:
    assert plain(f"or{char}ders".encode()).startswith("or\\")


def test_letters_with_accents_stay_as_they_are() -> None:
    assert plain("Bücher:e\u0301té:注文:हिन्दी".encode()) == "Bücher:e\u0301té:注文:हिन्दी"


def test_payloads_keep_the_variants_of_their_characters() -> None:
    assert show("⚠\ufe0f".encode()).text == "⚠\ufe0f"
