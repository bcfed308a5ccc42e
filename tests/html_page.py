"""A page as a browser takes it apart, and what must never be in one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff]"
)
"""Control characters but for line feed and tab, and what turns, hides or breaks text."""
LINKS = ("href", "src", "action", "formaction", "xlink:href", "poster", "data")
OURS = re.compile(r"/(?!/)|\?|#|$")
"""How every address on our pages begins: a path of ours, a query, a fragment."""
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
"""Elements that have no end tag."""


@dataclass(eq=False)
class Element:
    """An element of a page. `text` is what a person reads in it, with single spaces: no script, template or tooltip."""

    tag: str
    attrs: dict[str, str] = field(default_factory=dict)
    children: list[Element | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return " ".join("".join(self._texts()).split())

    def _texts(self) -> Iterator[str]:
        unread = self.tag in ("script", "template") or self.attrs.get("role") == "tooltip"
        for child in () if unread else self.children:
            yield from [child] if isinstance(child, str) else child._texts()

    @property
    def said(self) -> str:
        """Its text, and what appears where the pointer rests on a part of it."""
        tips = [child for each in self.all() if each.attrs.get("role") == "tooltip" for child in each.children]
        titles = [each.attrs["title"] for each in self.all() if "title" in each.attrs]
        return " ".join([self.text, *titles, *(tip if isinstance(tip, str) else tip.text for tip in tips)])

    def all(self, *tags: str) -> list[Element]:
        """The elements in it with one of these tags, in the page's order; no tags: all. None of templates."""
        return [each for each in self._inside() if not tags or each.tag in tags]

    def _inside(self) -> Iterator[Element]:
        for child in self.children if self.tag != "template" else ():
            if isinstance(child, Element):
                yield child
                yield from child._inside()

    @property
    def looks(self) -> set[str]:
        """Its classes. For the helpers of `Page`: tests ask those for what a person sees."""
        return set(self.attrs.get("class", "").split())


@dataclass(frozen=True)
class Note:
    """A box that tells something: `severity` is its colour, "" for none."""

    severity: str
    title: str
    text: str


@dataclass
class Page(HTMLParser):
    """Tags, addresses and all text of a page; `faults` is what no page may have.

    Only what stands in an input, or is sent on by a script, is as it was typed: it has to be, and turns no other text.
    """

    source: str
    faults: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    text: str = ""

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._inside = ""
        self.root = Element("")
        self._open = [self.root]
        self.feed(self.source)
        self.close()
        if not self.source.lstrip().startswith("<!doctype html>"):
            self.faults.append("no doctype")

    def __hash__(self) -> int:
        return id(self)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        self._inside = tag
        self._grow(Element(tag, given))
        self.faults += [f"<{tag} {name}>" for name in given if name.startswith("on") or name in ("style", "srcdoc")]
        self.faults += [f"{name}={given[name]!r}" for name in LINKS if name in given and not OURS.match(given[name])]
        seen = {
            name: value for name, value in given.items() if name != "data-where" and (tag, name) != ("input", "value")
        }
        self.faults += [f"<{tag} {name}={value!r}>" for name, value in seen.items() if UNSEEN.search(value)]
        if tag in ("style", "iframe", "object", "embed", "base") or (tag == "script" and not given.get("src")):
            self.faults.append(f"<{tag}>")
        self.links += [given[name] for name in LINKS if name in given]

    def _grow(self, element: Element) -> None:
        self._open[-1].children.append(element)
        if element.tag not in VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""
        while any(each.tag == tag for each in self._open[1:]) and self._open.pop().tag != tag:
            pass

    def handle_data(self, data: str) -> None:
        self.text += data
        self._open[-1].children.append(data)
        if found := UNSEEN.search(data):
            self.faults.append(f"the character {found[0]!r} in {data[:40]!r}")
        if self._inside == "script" and data.strip():
            self.faults.append(f"a script: {data[:40]!r}")

    # what a person sees ---------------------------------------------------------------------------------------------

    @property
    def headings(self) -> list[str]:
        return [each.text for each in self.root.all("h1", "h2", "h3", "h4")]

    @property
    def badges(self) -> list[str]:
        """What stands in frames beside a server's name: its environment, Read-only, Replica."""
        return [each.text for each in self.root.all() if "env" in each.looks]

    @property
    def states(self) -> list[str]:
        """The states in the page's main part: an icon and its word, or that something is going on."""
        return [
            each.text for part in self.root.all("main") for each in part.all("span") if each.looks & {"status", "live"}
        ]

    @property
    def notes(self) -> list[Note]:
        boxes = [each for each in self.root.all() if "note" in each.looks]
        return [Note(_severity(box), "".join(each.text for each in box.all("b")[:1]), box.text) for box in boxes]

    @property
    def dimmed(self) -> list[Element]:
        """What is drawn as old: known from an earlier look."""
        return [each for each in self.root.all() if "stale" in each.looks]

    @property
    def buttons(self) -> list[str]:
        return [each.text for each in self.root.all("button")]

    @property
    def to_confirm(self) -> str:
        """What is to be typed before something is done that cannot be undone."""
        labels = [each for each in self.root.all("label") if each.text.startswith("Type ")]
        (typed,) = [code.text for label in labels for code in label.all("code")]
        return typed

    @property
    def targets(self) -> list[tuple[str, str]]:
        """The links, as their words and where they lead."""
        return [(each.text, each.attrs["href"]) for each in self.root.all("a") if "href" in each.attrs]

    def target(self, words: str) -> str:
        """Where the one link with these words leads."""
        (found,) = {href for text, href in self.targets if text == words}
        return found

    def beside(self, heading: str) -> str:
        """What stands in the line of a heading, without the heading."""
        lines = [each.text for each in self.root.all() if heading in [child.text for child in _headings(each)]]
        return lines[-1].removeprefix(heading).strip()

    @property
    def facts(self) -> list[tuple[str, Element]]:
        """Figures with their names, as they stand in lists of both."""
        names, values = self.root.all("dt"), self.root.all("dd")
        return [(name.text, value) for name, value in zip(names, values, strict=True)]

    def fact(self, name: str) -> Element:
        (found,) = [value for known, value in self.facts if known == name]
        return found

    @property
    def tables(self) -> list[str]:
        return [each.attrs.get("aria-label", "") for each in self.root.all("table")]

    def rows(self, label: str) -> list[dict[str, Element]]:
        """The rows of the table that is called so, as cells by column header."""
        (table,) = [each for each in self.root.all("table") if each.attrs.get("aria-label") == label]
        head, *rows = [row.all("th", "td") for row in table.all("tr")]
        return [dict(zip([cell.text for cell in head], row, strict=True)) for row in rows]

    @property
    def options(self) -> list[tuple[str, str]]:
        """What drop-down boxes offer: the values and the words."""
        return [_option(each) for each in self.root.all("option")]

    @property
    def chosen(self) -> list[tuple[str, str]]:
        return [_option(each) for each in self.root.all("option") if "selected" in each.attrs]


def _option(option: Element) -> tuple[str, str]:
    return option.attrs.get("value", option.text), option.text


def _headings(element: Element) -> list[Element]:
    """The headings right in it."""
    return [child for child in element.children if isinstance(child, Element) and re.fullmatch("h[1-4]", child.tag)]


def _severity(box: Element) -> str:
    return "".join(name.removeprefix("note-") for name in box.looks if name.startswith("note-"))
