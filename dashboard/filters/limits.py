"""How much a filter may be, and how far it looks into an entry."""

from __future__ import annotations

MAX_LENGTH = 1000
"""Characters of a filter."""
MAX_TERMS = 50
"""Conditions in it."""
MAX_DEPTH = 20
"""Levels of parentheses and `not`."""
JSON_BYTES = 32 * 2**10
"""The largest value that is read as JSON. In a larger one nothing is looked for: such a condition never matches."""
VALUES = 10_000
"""Values of one entry that are compared, over all conditions. One that would need more of them never matches."""
