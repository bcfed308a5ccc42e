"""A filter that cannot be read: the sentence says what is wrong, and the characters where."""

from __future__ import annotations

import pytest

from dashboard.filters import MAX_LENGTH, InvalidFilter, parse
from dashboard.filters.limits import MAX_DEPTH, MAX_TERMS


@pytest.mark.parametrize(
    ("text", "wrong", "said"),
    [
        ("a = 1 and b", "b", "where, character 11: 'b' is not a valid condition; write a field and a value"),
        ("status failed and b = 1", "status failed", "where: 'status failed' is not a valid condition"),
        ("a = 1 and", "", "where, character 10: A condition is missing"),
        ("a = 1 or or b = 2", "or b = 2", "'or b = 2' is not"),
        ("(a = 1", "(", "This parenthesis is never closed."),
        ("a = 1 and (b = 2 or c = 3", "(", "never closed"),
        ("a = 1) and b = 2", ")", "closes nothing"),
        ('a = "x', '"', "This quote is never closed."),
        (r'a = "\q"', r'"\q"', "is no escape"),
        (r'a."\xff" = 1', r'a."\xff"', "A key of JSON is text"),
        ('a = "x" y = 1', "y = 1", "Expected and, or, or the end"),
        ("has a b", "b", "Expected and, or, or the end"),
        ("a = f(x)", "(", "A value with parentheses is put in quotes."),
        ("a = 1 and b > many", "b > many", "compares numbers, like quantity > 4."),
        ("id = 17", "17", 'A field of that name is "id" in quotes.'),
        ("id contains 17", "17", 'A field of that name is "id" in quotes.'),
        ("time = 14:05", "14:05", "time >= 14:05, time < -2h"),
        ("time > soon", "soon", 'A field of that name is "time" in quotes.'),
        ("time > 5-1", "5-1", "time is when an entry was added"),
        ("a = 1 and time > 99999-01-01", "99999-01-01", "time is when an entry was added"),
    ],
)
def test_an_error_points_at_its_place(text: str, wrong: str, said: str) -> None:
    with pytest.raises(InvalidFilter) as caught:
        parse(text)
    error = caught.value
    assert said in str(error)
    assert error.place
    start, end = error.place
    assert text[start:end] == wrong
    assert start == (len(text) if wrong == "" else text.rindex(wrong))


def test_what_is_too_much_is_refused() -> None:
    assert parse(" or ".join(["a = 1"] * MAX_TERMS))
    with pytest.raises(InvalidFilter, match=f"at most {MAX_TERMS} conditions"):
        parse(" or ".join(["a = 1"] * (MAX_TERMS + 1)))
    assert parse("(" * MAX_DEPTH + "a = 1" + ")" * MAX_DEPTH)
    for level in ("(", "not "):
        with pytest.raises(InvalidFilter, match=f"At most {MAX_DEPTH} levels"):
            parse(level * (MAX_DEPTH + 1) + "a = 1")
    assert parse("a = " + "x" * (MAX_LENGTH - 4))
    with pytest.raises(InvalidFilter, match=f"at most {MAX_LENGTH} characters, this one has {MAX_LENGTH + 1}"):
        parse("a = " + "x" * (MAX_LENGTH - 3))
