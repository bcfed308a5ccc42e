"""Cuts a batch of entries into frames by what they weigh on the wire, and an entry to what one frame holds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from dashboard.display.format import iso
from dashboard.display.rows import NO_PAYLOADS, Sight, values_json
from dashboard.live.news import Batch
from dashboard.live.parts import Encoded, Part
from dashboard.streams.snapshots import Entry, Fields

Frame = dict[str, Any]

FRAME_BYTES = 48 * 2**10
"""What one frame may weigh on the wire. It is sent as it is: nothing behind us may add to it."""
ENVELOPE_BYTES = 2048
"""What a frame of entries has around them: the ID of the watch and the IDs of the chain."""
PART_BYTES = FRAME_BYTES - ENVELOPE_BYTES
"""What one entry may weigh, encoded."""
VALUE_LIMITS = (PART_BYTES, 4096, 512, 64, 8)
"""Bytes that are kept of each name and value, tried in turn until the entry fits."""
FIELD_WEIGHT = 8
"""Bytes of an empty field: ["",""] with what separates it from the next."""


def dump(frame: Any) -> str:
    return json.dumps(frame, ensure_ascii=False, separators=(",", ":"))


def frames(id_: str, news: Batch, parts: Sequence[Part], stream: str = "") -> Iterator[Encoded]:
    """The frames of a batch: each at most FRAME_BYTES, and `prev_id` of each is `last_id` of the one before.

    `stream`: what says which one they are of, in the frame and in each item; "" where a watch has only one.

    What was left out before the batch is counted in the first one. `skipped_at_least` stands where not all of it could
    be counted.
    """
    label = f'"stream":{dump(stream)},' if stream else ""
    groups = list(_groups(parts, len(label)))
    prev, skipped, uncounted = news.prev, news.skipped, news.uncounted
    for number, group in enumerate(groups, 1):
        last = news.last if number == len(groups) else group[-1].id
        head: Frame = {"type": "entries", "id": id_, **({"stream": stream} if stream else {})}
        head |= {"prev_id": str(prev), "last_id": str(last), "skipped": skipped}
        if uncounted:
            head["skipped_at_least"] = True
        text = f"{dump(head)[:-1]},{_lists(group, label)}}}"
        yield Encoded(id_, stream, text, len(text.encode()), str(last), len(group), skipped)
        prev, skipped, uncounted = last, 0, False


def part(entry: Entry, seen: Sight) -> Part:
    """An entry with its fields, masked, and cut where they are large; without them where they may not be read."""
    if not seen.may_read:
        return Part(entry.id, dump({**_brief(entry, seen), "fields": None, "fields_reason": NO_PAYLOADS}))
    return Part(entry.id, _fitted(entry, seen))


def drawn(entry: Entry, html: str, seen: Sight) -> Part:
    """An entry with its row. The row has what is to be seen: beside it stand the ID, the time and the size."""
    return Part(entry.id, dump(_brief(entry, seen)), dump(html))


def _groups(parts: Sequence[Part], more: int) -> Iterator[list[Part]]:
    """`more`: bytes that each of them gets beside its own."""
    group: list[Part] = []
    weight = 0
    for each in parts:
        if group and weight + each.size + more > PART_BYTES:
            yield group
            group, weight = [], 0
        group.append(each)
        weight += each.size + more
    if group:
        yield group


def _lists(group: Sequence[Part], label: str) -> str:
    items = ",".join(f"{{{label}{each.item[1:]}" if label else each.item for each in group)
    rows = [each.html for each in group if each.html is not None]
    return f'"items":[{items}]' + (f',"html":[{",".join(rows)}]' if rows else "")


def _brief(entry: Entry, seen: Sight) -> Frame:
    return {"id": str(entry.id), "time": iso(entry.id.time()), "size": seen.size(entry.fields)}


def _fitted(entry: Entry, seen: Sight) -> str:
    """The longest form that fits: names and values as they are, or cut; at the least some of the fields."""
    head = dump(_brief(entry, seen))[:-1]
    room = PART_BYTES - len(head) - 64
    for limit in VALUE_LIMITS:
        if limit == VALUE_LIMITS[-1] or _may_fit(entry.fields, seen, limit, room):
            pairs = _pairs(entry.fields, seen, limit, room)
            if len(pairs) == len(entry.fields):
                return f'{head},"fields":[{",".join(pairs)}]}}'
    return f'{head},"fields":[{",".join(pairs)}],"fields_left_out":{len(entry.fields) - len(pairs)}}}'


def _may_fit(fields: Fields, seen: Sight, limit: int, room: int) -> bool:
    """Whether they weigh no more than `room` bytes when every character takes one: no encoding makes less of them."""
    if len(fields) * FIELD_WEIGHT > room:
        return False
    hides = seen.mask.hides
    weights = (min(len(name), limit) + (0 if hides(name) else min(len(value), limit)) for name, value in fields)
    return sum(weights) + len(fields) * FIELD_WEIGHT <= room


def _pairs(fields: Fields, seen: Sight, limit: int, room: int) -> list[str]:
    """The first fields as JSON, each name and value cut to `limit` bytes, as many as fit into `room` bytes."""
    pairs: list[str] = []
    for pair in values_json(fields[: room // FIELD_WEIGHT], seen, limit=limit) or ():
        text = dump(pair)
        room -= len(text.encode()) + 1
        if room < 0:
            break
        pairs.append(text)
    return pairs
