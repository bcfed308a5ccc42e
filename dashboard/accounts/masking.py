"""Which fields of a stream policy hides from everybody."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from dashboard.config.active import configured


@dataclass(frozen=True, slots=True)
class Mask:
    """Which fields of one stream policy hides. Asked wherever bytes become a value to show, filter or send."""

    fields: tuple[str, ...] = ()

    def hides(self, field: bytes) -> bool:
        """Also the whole of `card` when a part of it (`card.number`, `card.*`) is to be hidden: closed on doubt."""
        return any(
            fnmatchcase(field, pattern) or pattern.startswith(field + b".")
            for pattern in (text.encode() for text in self.fields)
        )


def mask(key: bytes) -> Mask:
    """The mask of a stream: all rules that match its key."""
    rules = configured().mask_rules
    return Mask(tuple(f for rule in rules if fnmatchcase(key, rule.streams.encode()) for f in rule.fields))
