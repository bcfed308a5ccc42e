"""How much of values is shown and decoded."""

from __future__ import annotations

SHOW_BYTES = 4096
"""How much of one value a page shows."""
DECODE_BYTES = 2**20
"""The largest value that is decoded, and the largest result of unpacking one."""
PREVIEW_BYTES = 8192
PREVIEW_TIMES = 4
"""What a short form unpacks at most, in bytes or in times of the value: a page has hundreds of them."""
HEADER_BYTES = 64
"""How far into a value a JSON document may begin behind a binary header."""
