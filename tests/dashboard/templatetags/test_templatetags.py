"""The parts as a page gets them: hostile names and payloads come out as text, figures come out in words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.forms import AuthenticationForm
from django.template import engines
from django.template.loader import render_to_string
from django.utils import timezone, translation

from dashboard.display.format import NOTHING
from dashboard.display.gauge import Holder, gauge
from dashboard.menus import Item
from dashboard.streams.payloads.show import MASKED, show
from dashboard.streams.snapshots import Figure

NOW = 1763604718412
HOSTILE = b"<script>alert(1)</script>\x00\xff\xe2\x80\xae'\""


LIBRARIES = "{% load streamgauge streamgauge_names streamgauge_figures streamgauge_payloads streamgauge_parts %}"


def part(which: str, /, **context: Any) -> str:
    """The part as a page draws it: its tag with these arguments."""
    return rendered("{% " + " ".join([which, *(f"{name}={name}" for name in context)]) + " %}", **context)


def rendered(source: str, **context: Any) -> str:
    return engines["django"].from_string(LIBRARIES + source).render(context)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{{ at|since:now }}", "2 h 14 min"),
        ("{{ none|since:now }}", NOTHING),
        ("{{ 3201|number }}", "3,201"),
        ("{{ 4200000|short_number }}", "4.2 M"),
        ("{{ 1204|size }}", "1.2 kB"),
        ("{{ 3.1|rate }}", "3.1/s"),
        ('{{ 1|plural:"entry,entries" }}', "1 entry"),
        ('{{ 5|plural:"stream" }}', "5 streams"),
        ("{{ 1|percent:4 }}", "25%"),
        ("{{ now|machine_time }}", "2025-11-20T02:11:58.412+00:00"),
        ("{{ key|pathname }}", "a~2Fb"),
        ("{{ key|plain }}", "a/b"),
    ],
)
def test_filters(source: str, said: str) -> None:
    assert rendered(source, at=NOW - 8_040_000, now=NOW, none=None, key=b"a/b") == said


def test_exact_times_follow_the_readers_zone() -> None:
    with timezone.override("Europe/Berlin"):
        assert rendered("{{ now|exact }} {{ now|clock }}", now=NOW) == (
            "Thu 20 Nov 2025 03:11:58.412 Berlin\nThu 20 Nov 2025 02:11:58.412 UTC 03:11:58 Berlin"
        )


@pytest.mark.parametrize("href", ["", "/s/default/x/"])
def test_a_hostile_name_is_text_and_marks(href: str) -> None:
    html = part("name", name=HOSTILE, href=href)
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    for mark in (r"\x00", r"\xff", r"\u202e"):
        assert f'<span class="byte">{mark}</span>' in html
    assert "\u202e" not in html


def test_a_long_name_keeps_its_tail() -> None:
    assert "<i>tenant:8f14e45f-ceea-467f-a8a4-2f1c:w</i><i>ebhooks2</i>" in part(
        "name", name=b"tenant:8f14e45f-ceea-467f-a8a4-2f1c:webhooks2", href=""
    )


def test_the_empty_name_can_be_seen() -> None:
    assert "empty name" in part("name", name=b"", href="/x/")


def test_an_unknown_figure_has_its_reason_and_no_number() -> None:
    html = part("figure", figure=Figure(None, "The position was set by hand."))
    assert "status-unknown" in html
    assert "The position was set by hand." in html
    assert ">0<" not in html


@pytest.mark.parametrize(
    ("figure", "context", "said"),
    [
        (Figure(1204), {}, "1,204"),
        (Figure(0), {}, '<span class="zero">0</span>'),
        (Figure(1204), {"least": True}, "at least 1,204"),
        (Figure(4_200_000, approximate=True), {"short": True}, "about 4.2 M"),
    ],
)
def test_a_known_figure(figure: Figure, context: dict[str, bool], said: str) -> None:
    assert part("figure", figure=figure, **context).strip() == said


def test_an_age_has_its_exact_time_for_eyes_keys_and_machines() -> None:
    html = part("age", at=NOW - 8_040_000, now=NOW, ago=True)
    assert "2 h 14 min ago<span role=" in html
    assert 'tabindex="0"' in html
    assert f'data-at="{NOW - 8_040_000}"' in html
    assert "19 Nov 2025 23:57:58.412 UTC" in html


def test_an_age_in_a_table_is_no_tab_stop() -> None:
    html = part("age", at=NOW - 2000, now=NOW, quiet=True)
    assert "tabindex" not in html
    assert ">2 s</time>" in html


def test_payloads_of_every_kind() -> None:
    fields = [
        (b"plain", show(b"<b>&\x07")),
        (b"json", show(json.dumps({"a": [1, 2.50, {"b\u202e": None}], "e": {}}).encode())),
        (b"bytes", show(b"\x89PNG\xff\x00")),
        (b"empty", show(b"")),
        (b"card", MASKED),
        (b"", show(b"no name")),
    ]
    html = part("fields", fields=fields)
    assert "<b>&amp;" not in html
    assert '&lt;b&gt;&amp;<span class="byte">\\x07</span>' in html
    assert '<span class="lit">2.5</span>' in html
    assert 'b<span class="byte">\\u202e</span>' in html
    assert "object, empty" in html
    assert '<span class="byte">base64</span>' in html
    assert "masked" in html
    assert "empty name" in html


def test_a_document_of_a_thousand_brackets_is_drawn_as_far_as_it_can_be_read() -> None:
    html = part("fields", fields=[(b"deep", show(b"[" * 400 + b"]" * 400))])
    assert html.count("<details") == 12
    assert "not drawn" in html


def test_a_preview_is_one_line_and_short() -> None:
    html = part("preview", fields=[(b"k%d" % index, show(b"x" * 5000)) for index in range(100)], body="present")
    assert len(html) < 2000
    assert html.count("<b>") == 8


def test_what_is_cut_ends_in_an_ellipsis_and_what_is_whole_does_not() -> None:
    assert part("cell", shown=show(b"x" * 300, limit=200)).strip() == "x" * 200 + "…"
    assert part("cell", shown=show(b"x" * 200, limit=200)).strip() == "x" * 200
    assert "b\n> " + "x" * 120 + "…<" in part("preview", fields=[(b"k", show(b"x" * 300))])
    assert "b\n> " + "x" * 120 + "…<" in part("preview", fields=[(b"k", show(b"x" * 300, limit=120))])
    assert "…" not in part("preview", fields=[(b"k", show(b"x" * 120))])


@pytest.mark.parametrize(("body", "said"), [("gone", "Deleted while pending"), ("unread", "hidden")])
def test_a_preview_says_why_there_is_none(body: str, said: str) -> None:
    assert said in part("preview", fields=None, body=body)


def test_dangerous_actions_stand_apart() -> None:
    items = [
        Item("Delete…", "/d/", danger=True),
        Item("Claim…", "/c/"),
        Item("Destroy…", "/x/", danger=True),
    ]
    html = part("menu", items=items)
    assert html.count("<hr>") == 1
    assert html.index("/c/") < html.index("<hr>") < html.index("/d/")
    assert html.index("/d/") < html.index("/x/")


def test_a_menu_of_nothing_is_not_there() -> None:
    assert part("menu", items=[]).strip() == ""


def test_the_gauge_is_drawn_with_its_sentence() -> None:
    holders = [Holder("<b>worker", 3, NOW - 9000, NOW - 8000, silent=True)]
    picture = gauge(now_ms=NOW, first_ms=NOW - 60_000, delivered_ms=NOW - 1000, holders=holders, lag=Figure(0))
    html = part("gauge", gauge=picture)
    assert 'class="held"' in html
    assert "<b>worker" not in html
    assert "read to the end" in html
    assert part("gauge", gauge=None).strip() == ""


def test_positions_are_attributes_in_every_language() -> None:
    with translation.override("de"):
        assert 'width="33.33%"' in part("share", part=1, whole=3)


@pytest.mark.parametrize("code", ["400", "403", "403_csrf", "404", "500"])
def test_error_pages_need_nothing_but_themselves(code: str) -> None:
    html = render_to_string(f"{code}.html")
    assert html.count("<h1>") == 1
    assert "Sign out" not in html


def test_a_404_says_what_was_looked_for() -> None:
    html = render_to_string("404.html", {"exception": "No stream <orders> on default."})
    assert "No stream &lt;orders&gt; on default." in html


def test_sign_in_says_what_is_wrong() -> None:
    form = AuthenticationForm(None, data={"username": "", "password": "secret"})
    html = render_to_string("streamgauge/account/login.html", {"form": form, "next": "/s/<x>/"})
    assert "This field is required." in html
    assert 'value="/s/&lt;x&gt;/"' in html
    assert "secret" not in html
