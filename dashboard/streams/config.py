"""A server as it is configured."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """One server as configured. The URLs hold secrets and stay out of the repr."""

    name: str
    url: str = field(repr=False)
    admin_url: str = field(default="", repr=False)
    title: str = ""
    environment: str = "development"
    read_only: bool = False
    keys: tuple[str, ...] = ()
    dead_letters: tuple[tuple[str, str], ...] = ()
    """Globs on keys, and the stream that takes their dead letters; {stream} in it stands for the key itself."""

    def dead_letters_of(self, key: bytes) -> bytes:
        """The dead-letter stream of a stream: that of the first pattern that fits, else the key with :dlq."""
        found = next((to for pattern, to in self.dead_letters if fnmatchcase(key, pattern.encode())), "{stream}:dlq")
        return found.encode().replace(b"{stream}", key)

    def looks_at(self, key: bytes) -> bool:
        """Whether a key is looked at at all (`keys`: glob patterns; none means everything)."""
        return not self.keys or any(fnmatchcase(key, pattern.encode()) for pattern in self.keys)
