"""Path names: every name of bytes has exactly one, and every other spelling is refused."""

from __future__ import annotations

import re

import pytest
from django.http import HttpResponse
from django.test import override_settings
from django.urls import NoReverseMatch, Resolver404, path, resolve, reverse
from hypothesis import example, given
from hypothesis import strategies as st

from dashboard.http import converters  # noqa: F401 - registers <name:> and <sid:>
from dashboard.streams.ids import MAX, StreamId
from dashboard.streams.names import PATTERN, BadName, display, from_path, plain, to_path


def view(request: object, stream: bytes, entry: StreamId | None = None) -> HttpResponse:
    return HttpResponse()


urlpatterns = [
    path("s/<name:stream>/", view, name="stream"),
    path("s/<name:stream>/e/<sid:entry>/", view, name="entry"),
]
SPELT = {
    b"orders:eu": "orders:eu",
    b"a/b": "a~2Fb",
    b"~": "~7E",
    b"": "~",
    b".": "~2E",
    b"..": "~2E.",
    b"..a": "..a",
    b"a b+c%20": "a~20b~2Bc~2520",
    "køb".encode(): "k~C3~B8b",
    b"\x00\xff\n": "~00~FF~0A",
}
REFUSED = [
    *("~2f", "~41", "~2E~2E", "~2Ea", ".", "..", "", "a/b", "a b", "a%2Fb", "~2", "a~", "~~", "~7E~", "~GG"),
    *("kø", "a\n", "\x00", "~ A1", "~+1F", "~2F\n", "a?b", "~\uff12\uff26"),
]


@pytest.mark.parametrize(("name", "spelt"), SPELT.items())
def test_names_are_spelt_as_the_contract_says(name: bytes, spelt: str) -> None:
    assert to_path(name) == spelt
    assert from_path(spelt) == name


@given(st.binary())
@example(b"." * 5)
@example(b"~2F")
@example(bytes(range(256)))
def test_any_name_comes_back_from_its_path(name: bytes) -> None:
    spelt = to_path(name)
    assert from_path(spelt) == name
    assert re.fullmatch(r"[A-Za-z0-9_.:~-]+", spelt)
    assert spelt.strip(".")


@given(st.text(alphabet="~.aA2EeF7/-: %\n", max_size=8) | st.text())
@example("~\u0662\u0664")
def test_every_name_has_one_spelling(spelt: str) -> None:
    """Whatever is accepted is what `to_path` gives; all else is BadName and no other error."""
    try:
        name = from_path(spelt)
    except BadName:
        return
    assert to_path(name) == spelt


@pytest.mark.parametrize("spelt", REFUSED)
def test_other_spellings_are_refused(spelt: str) -> None:
    with pytest.raises(BadName):
        from_path(spelt)


@given(st.binary())
@example(b"")
@example(b"..")
@example(b".")
@example(b"a.~")
def test_path_names_are_described(name: bytes) -> None:
    assert re.fullmatch(PATTERN, to_path(name))


@given(st.from_regex(PATTERN, fullmatch=True))
def test_every_path_name_that_is_described_is_one(spelt: str) -> None:
    assert to_path(from_path(spelt)) == spelt


def test_a_name_for_a_page_keeps_text_and_marks_what_must_not_be_printed() -> None:
    assert display(b"a\xffb") == (("text", "a"), ("byte", "\\xff"), ("text", "b"))
    assert display("x\u202ey".encode()) == (("text", "x"), ("byte", "\\u202e"), ("text", "y"))
    assert display(b"") == ()


@given(st.binary(max_size=64))
def test_a_plain_name_is_one_printable_line(name: bytes) -> None:
    """For titles, sentences and log lines: nothing in it can start a line of its own."""
    assert plain(name).isprintable()


@override_settings(ROOT_URLCONF=__name__)
@pytest.mark.parametrize("name", SPELT)
def test_a_name_goes_into_a_url_and_comes_back(name: bytes) -> None:
    url = reverse("entry", args=[name, StreamId(7, 1)])
    assert resolve(url).kwargs == {"stream": name, "entry": StreamId(7, 1)}


@override_settings(ROOT_URLCONF=__name__)
@pytest.mark.parametrize(
    "url", ["/s/~2f/", "/s/../", "/s//", "/s/a%2Fb/", "/s/a/e/7/", "/s/a/e/7-1-1/", "/s/a/e/18446744073709551616-0/"]
)
def test_a_bad_spelling_leads_nowhere(url: str) -> None:
    with pytest.raises(Resolver404):
        resolve(url)


@override_settings(ROOT_URLCONF=__name__)
def test_the_largest_id_fits_into_a_url() -> None:
    assert resolve(reverse("entry", args=[b"s", MAX])).kwargs["entry"] == MAX


@override_settings(ROOT_URLCONF=__name__)
def test_a_url_without_a_stream_cannot_be_made() -> None:
    with pytest.raises(NoReverseMatch):
        reverse("stream")
