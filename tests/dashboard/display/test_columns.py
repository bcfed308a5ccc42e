"""Columns of the entries table get their width once, by what is in them."""

from __future__ import annotations

from dashboard.accounts.masking import Mask
from dashboard.display.columns import id_width, widths
from dashboard.display.rows import EntryRow, Sight, entry_row
from dashboard.streams.ids import StreamId
from dashboard.streams.snapshots import Entry

OPEN = Sight(Mask(), may_read=True)
NAMES = (b"a", b"b", b"c")


def rows(*values: tuple[str, ...]) -> list[EntryRow]:
    entries = (Entry(StreamId(1, n), tuple(zip(NAMES, map(str.encode, v), strict=False))) for n, v in enumerate(values))
    return [entry_row(entry, OPEN, NAMES) for entry in entries]


def test_short_columns_are_narrow_and_the_long_one_takes_the_rest() -> None:
    assert widths(rows(("paid", "ORD-2025-088412", "{" * 100)), NAMES) == ("w-3", "w-4", "")


def test_where_nothing_is_long_all_share_alike() -> None:
    assert widths(rows(("paid", "12", "eu"), ("new", "7", "us")), NAMES) == ("", "", "")


def test_a_name_needs_room_too() -> None:
    assert widths([], (b"x", b"a name of nineteen c", b"")) == ("w-3", "", "w-3")


def test_one_long_value_of_many_makes_no_column_wide() -> None:
    values = [("1", "x" * 40, "z")] * 19 + [("1" * 60, "x" * 40, "z")]
    assert widths(rows(*values), NAMES) == ("w-3", "", "w-3")


def test_more_columns_than_fit_have_a_width_each() -> None:
    names = tuple(b"%d" % n for n in range(6))
    wide = Entry(StreamId(1, 1), tuple((name, b"v" * 40) for name in names[1:]))
    assert widths([entry_row(wide, OPEN, names)], names) == ("w-3", *["w-6"] * 5)


def test_ids_of_the_usual_length_have_the_usual_width() -> None:
    assert id_width(["1763604718412-99999", "1-0"]) == ""
    assert id_width(["1763604718412-0", "18446744073709551615-18446744073709551615"]) == "w-6"
    assert id_width([]) == ""
