"""Which fields are hidden, as configured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MaskRule:
    """One [[masking]] of the configuration: globs on the stream's key, globs on field names."""

    streams: str
    fields: tuple[str, ...]
