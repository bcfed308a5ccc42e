"""A page as a browser takes it apart, and what must never be in one."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff]"
)
"""Control characters but for line feed and tab, and what turns, hides or breaks text."""
LINKS = ("href", "src", "action", "formaction", "xlink:href", "poster", "data")
OURS = re.compile(r"/(?!/)|\?|#|$")
"""How every address on our pages begins: a path of ours, a query, a fragment."""


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
        self.faults += [f"<{tag} {name}>" for name in given if name.startswith("on") or name in ("style", "srcdoc")]
        self.faults += [f"{name}={given[name]!r}" for name in LINKS if name in given and not OURS.match(given[name])]
        seen = {
            name: value for name, value in given.items() if name != "data-where" and (tag, name) != ("input", "value")
        }
        self.faults += [f"<{tag} {name}={value!r}>" for name, value in seen.items() if UNSEEN.search(value)]
        if tag in ("style", "iframe", "object", "embed", "base") or (tag == "script" and not given.get("src")):
            self.faults.append(f"<{tag}>")
        self.links += [given[name] for name in LINKS if name in given]

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        self.text += data
        if found := UNSEEN.search(data):
            self.faults.append(f"the character {found[0]!r} in {data[:40]!r}")
        if self._inside == "script" and data.strip():
            self.faults.append(f"a script: {data[:40]!r}")
