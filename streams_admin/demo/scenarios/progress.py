"""How a system is doing, in one line for the terminal."""

from __future__ import annotations

from redis import Redis


def of_stream(client: Redis, stream: str) -> str:
    """Like “1,204 entries, the newest 1732…-0; order_processors: 3 pending, 0 undelivered”."""
    if not client.exists(stream):
        return "nothing yet"
    said = [f"{client.xlen(stream):,} entries"]
    said += [_group(row) for row in client.xinfo_groups(stream)]
    return "; ".join(said)


def _group(row: dict[str, object]) -> str:
    name = row["name"]
    lag = row.get("lag")
    text = name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
    return f"{text}: {row['pending']} pending" + ("" if lag is None else f", {lag} undelivered")
