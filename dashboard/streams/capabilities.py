"""What this server can do: commands by asking for them, quirks by kind and version where nothing can be asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.streams.errors import StreamError
from dashboard.streams.replies import Reply, info
from dashboard.streams.snapshots import Role, ServerFacts, ServerInfo, Topology

PROBED = ("xdelex", "xnack", "eval")

NEEDS = {
    "xdelex": "needs Redis 8.2 or Valkey 9.2",
    "xnack": "needs Redis 8.8",
    "eval": "needs scripting",
}


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Probed once per connection profile."""

    info: ServerInfo
    commands: frozenset[str]

    def has(self, command: str) -> bool:
        """Whether the server knows this command (lower case; one of PROBED)."""
        return command in self.commands

    def missing(self, command: str) -> str:
        """Why a feature is not offered: "needs Redis 8.2 …; this is Redis 7.0.15". Empty when it is there."""
        if self.has(command):
            return ""
        return f"{NEEDS[command]}; this is {self.info.flavour} {self.info.version_text}"

    @property
    def before_7(self) -> bool:
        """Redis up to 6.2."""
        return self.info.flavour == "Redis" and self.info.version < (7, 0)

    @property
    def lag_overcounts(self) -> bool:
        """Trimmed unread entries stay in `lag` for good: Redis 7.0 to 7.4.4, Valkey before 8.1, Dragonfly."""
        fixed = {"Redis": (7, 4, 5), "Valkey": (8, 1)}.get(self.info.flavour)
        return fixed is None or self.info.version < fixed

    @property
    def memory_samples(self) -> tuple[str | int, ...]:
        """Valkey 8.1 and later extrapolate from five consumers and may be off by 300 times; 1,000 is bounded too."""
        return ("SAMPLES", 1000) if self.info.flavour == "Valkey" and self.info.version >= (8, 1) else ()


SECTIONS = ("server", "replication", "cluster")
PROBE = [
    *[("INFO", section) for section in SECTIONS],
    *[("COMMAND", "INFO", name) for name in PROBED],
]


@dataclass(frozen=True, slots=True)
class Probe:
    """What a server says of itself."""

    capabilities: Capabilities
    facts: ServerFacts


def parse_probe(replies: Sequence[Reply]) -> Probe:
    """Replies to PROBE. Forbidden INFO or COMMAND means: nothing beyond the oldest supported server."""
    sections, commands = replies[: len(SECTIONS)], replies[len(SECTIONS) :]
    known = frozenset(name for name, reply in zip(PROBED, commands, strict=True) if _known(reply))
    fields = {name: value for reply in sections for name, value in info(reply).items()}
    return Probe(Capabilities(_info(fields), known), _facts(fields, sections))


ROLES: dict[str, Role] = {"master": "primary", "slave": "replica", "replica": "replica"}
_TOPOLOGIES: dict[str, Topology] = {"0": "standalone", "1": "cluster"}
_NOT_SAID = "The server does not report it."


def parse_role(reply: Reply) -> tuple[Role, str]:
    """Reply to ROLE: the role, and why it is unknown."""
    if isinstance(reply, StreamError):
        return "unknown", reply.message
    first = reply[0] if isinstance(reply, list) and reply else b""
    word = first.decode("utf-8", "replace") if isinstance(first, bytes) else ""
    return ROLES.get(word, "unknown"), "" if word in ROLES else _NOT_SAID


def _facts(fields: dict[str, str], sections: Sequence[Reply]) -> ServerFacts:
    refused = [reply.message if isinstance(reply, StreamError) else _NOT_SAID for reply in sections]
    topology = _TOPOLOGIES.get(fields.get("cluster_enabled", ""), "unknown")
    role = ROLES.get(fields.get("role", ""), "unknown")
    return ServerFacts(
        topology, role, refused[2] if topology == "unknown" else "", refused[1] if role == "unknown" else ""
    )


def _known(reply: Reply) -> bool:
    return isinstance(reply, list) and bool(reply) and bool(reply[0])


def _info(fields: dict[str, str]) -> ServerInfo:
    flavour, version = _flavour(fields)
    return ServerInfo(flavour, _version(version), fields.get("run_id", ""), fields.get("role", ""))


def _flavour(fields: dict[str, str]) -> tuple[str, str]:
    """Valkey freezes redis_version at 7.2.4 and Dragonfly claims 7.4.0: their own fields come first."""
    if "valkey_version" in fields:
        return "Valkey", fields["valkey_version"]
    if "dragonfly_version" in fields:
        return "Dragonfly", fields["dragonfly_version"].rsplit("-v", 1)[-1].lstrip("v")
    return "Redis", fields.get("redis_version", "")


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdigit())
