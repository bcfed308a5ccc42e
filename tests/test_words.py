"""Pages, messages and documents speak plain English: phrases that read as translated, and quaint words, stand nowhere.

Python is searched in its strings, without docstrings: names and comments of the code are another matter.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SEEN = (
    "Looked for on the stream",
    "To what needs attention",
    "Nothing was done yet",
    "What is planned and run",
    "none is running",
    "About all pending entries",
    "Who gets the entries",
    "Count it as a delivery",
    "Else the delivery count",
    "Else it starts again",
    "More of XCLAIM",
    "Look at the plan",
    "look again",
    "What Redis will be told",
    "What it amounts to",
    "will not be told",
    "and as it was seen is touched",
    "Stands in the audit log",
    "May take",
    "to go on",
    "for good.",
    "Whoever adds to",
    "creates it anew",
    "Plan again",
    "consumers are registered",
    "No body",
    "of them are silent (of",
    "consumers are there",
    "new since you came",
    "Only what no group needs any more",
    "Else only whole nodes",
    "chained by hash",
    "any way<",
    "No line matches",
    "Accounts are given out",
    "is no condition",
    "allowed is a text",
    "Why is not told here",
)
"""As they once stood on pages."""
QUAINT = (
    "meanwhile",
    "anew",
    "for ever",
    "be told",
    "is told",
    "somebody",
    "lately",
    "wants typed",
    "asks for as",
    "the eyes",
    "the hands",
    "patience",
    "amounts to",
    "befits",
    "thereof",
    "hold it back",
    "stands at",
    "in hand",
    "put aside",
    "puts aside",
    "did not say",
    "does not say",
)
"""Words of a translation. Whole words, in any case."""
EXEMPT = {"streams_admin/demo/scenarios"}
"""Systems that play the customers' own services; what they print is theirs."""


def pages() -> Iterator[tuple[str, int, str]]:
    """File, line and text of everything that people read."""
    for path in [*(ROOT / "templates").rglob("*.html"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")]:
        text = re.sub(r"\{#.*?#\}", "", path.read_text(), flags=re.DOTALL)
        yield from ((str(path.relative_to(ROOT)), at, line) for at, line in enumerate(text.splitlines(), 1))
    for path in (ROOT / "static" / "js").rglob("*.js"):
        for at, line in enumerate(path.read_text().splitlines(), 1):
            yield from ((str(path.relative_to(ROOT)), at, text) for text in re.findall(r"[\"`]([^\"`]+)[\"`]", line))
    for package in ("dashboard", "streams_admin"):
        for path in sorted((ROOT / package).rglob("*.py")):
            name = str(path.relative_to(ROOT))
            if not any(name.startswith(exempt) for exempt in EXEMPT):
                yield from ((name, at, text) for at, text in strings(path.read_text()))


def strings(source: str) -> Iterator[tuple[int, str]]:
    """The string constants of a module, parts of f-strings included; no docstring, and no script for a server, and
    no single word, which may be a name."""
    tree = ast.parse(source)
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield from [(node.lineno, node.value)] if " " in node.value and "redis.call" not in node.value else []


PAGES = tuple(pages())


def found(phrase: str, *, whole: bool) -> list[str]:
    edge = r"\b" if whole else ""
    pattern = re.compile(edge + re.escape(phrase) + edge, re.IGNORECASE if whole else 0)
    return [f"{name}:{line}: {text.strip()[:120]}" for name, line, text in PAGES if pattern.search(text)]


@pytest.mark.parametrize("phrase", SEEN)
def test_no_page_says_what_was_said_before(phrase: str) -> None:
    assert found(phrase, whole=False) == []


@pytest.mark.parametrize("word", QUAINT)
def test_no_page_speaks_like_a_translation(word: str) -> None:
    assert found(word, whole=True) == []


def test_all_places_are_searched() -> None:
    """Something of each kind, where it stands on a page."""
    assert any(place.startswith("templates/") for place in found("Review plan", whole=False))
    assert any(place.startswith("docs/") for place in found("Review plan", whole=False))
    assert any(place.startswith("static/js/") for place in found("The site does not answer", whole=False))
    assert any(place.startswith("dashboard/") for place in found("has been silent for", whole=False))
    assert any(place.startswith("streams_admin/") for place in found("Advanced XCLAIM options", whole=False))
    assert [text for _, text in strings('"""Doc."""\nf"one {2} three"')] == ["one ", " three"]
