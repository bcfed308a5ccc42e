"""Numbers in filters and payloads, by their value."""

from __future__ import annotations

import re
from decimal import Decimal

# Few digits: a payload must not make us count with a million of them.
_NUMBER = re.compile(rb"\s*([+-]?[0-9]{1,40}(?:\.[0-9]{1,40})?(?:[eE][+-]?[0-9]{1,3})?)\s*")


def number(value: bytes) -> Decimal | None:
    """None for what is no number, or one of too many digits."""
    match = _NUMBER.fullmatch(value)
    return Decimal(match[1].decode()) if match else None
