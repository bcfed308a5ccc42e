"""What a tutorial page shows of the commands that its system sends: the lines, and the table at its end."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

INLINE = re.compile(r"`([^`\n]+)`")
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
TABLE = re.compile(r"^## All commands\n+(?P<rows>(?:\|.*\n)+)", re.MULTILINE)
COMMAND = re.compile(r"[A-Z]{3,}")
PLACE = re.compile(r"<[^>`]*>")
"""What stands for something in words: `<last ID applied>`."""
CLAIM = re.compile(r" CLAIM [0-9]+(?= )")
"""What a worker that takes over adds to its reads, from Redis 8.4 on."""
ANY, ANY_WORD = "…", "‹›"
Words = Sequence[str]


def listed(page: str) -> dict[str, set[str]]:
    """The names in each row of the table that the system itself sends; those of an `or` are one of several."""
    (table,) = TABLE.finditer(page)
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in table["rows"].splitlines()[2:]]
    return {
        command: {word.split()[0] for word in INLINE.findall(command) if COMMAND.match(word)}
        for command, sender, *_ in rows
        if not sender.startswith("you")
    }


def unsent(page: str, sent: Iterable[Words]) -> list[str]:
    """Rows of the table of which some command was not among `sent`."""
    names = {words[0].upper() for words in sent}
    return [row for row, wanted in listed(page).items() if not (wanted & names if " or " in row else wanted <= names)]


def lines(page: str, key: str) -> list[str]:
    """The commands with all their words that a page shows about a key, but for those of a person."""
    text = [line for kind, block in FENCED.findall(page) if not kind for line in block.splitlines()]
    code = [*text, *INLINE.findall(FENCED.sub("", page))]
    shown = dict.fromkeys(PLACE.sub(ANY_WORD, line) for line in code if re.match(rf"X[A-Z]+ .*{re.escape(key)}", line))
    return [line for line in shown if not line.startswith("XCLAIM")]


def is_among(line: str, sent: Iterable[Words]) -> bool:
    """Whether such a command was sent: with that COUNT and MAXLEN; other numbers and values of fields may differ."""
    shown = _without_values(_words(line.split(" ")))
    parts = [_pattern(word, before) for before, word in zip(["", *shown], shown, strict=False)]
    pattern = re.compile(" ".join(parts).replace(f" {ANY}", ".*"))
    texts = (" ".join(_words(words)) for words in sent if words[0].upper() == shown[0])
    return any(pattern.fullmatch(text) or pattern.fullmatch(CLAIM.sub("", text)) for text in texts)


def _words(words: Words) -> list[str]:
    """With the options COUNT and BLOCK in one order: clients differ in that."""
    found = list(words)
    if "BLOCK" in found and "COUNT" in found and found.index("BLOCK") < (count := found.index("COUNT")):
        block = found.index("BLOCK")
        found[block : block + 2], found[count : count + 2] = found[count : count + 2], found[block : block + 2]
    return found


def _without_values(words: list[str]) -> list[str]:
    """XADD: every second word behind the ID is a value."""
    if words[0] != "XADD" or "*" not in words:
        return words
    first = words.index("*") + 1
    return [*words[:first], *(ANY_WORD if n % 2 else word for n, word in enumerate(words[first:]))]


def _pattern(word: str, before: str) -> str:
    if word == ANY:
        return ANY
    exact = re.escape(word).replace(ANY_WORD, r"\S+")
    return exact if before in ("COUNT", "MAXLEN", "~") else re.sub(r"[0-9]+", "[0-9]+", exact)
