"""What delete and replay share: entries of a stream, named by ID or as a range, whoever has them pending or not."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from django import forms
from django.utils import timezone

from dashboard.streams.errors import BadId
from dashboard.streams.id_units import why_no_time
from dashboard.streams.ids import MIN, StreamId, is_time, parse_position
from dashboard.streams.names import EMPTY
from dashboard.streams.queries import EntryRange, FactsQuery, fitting, mark_of
from dashboard.streams.snapshots import Entry, StreamOverview
from streams_admin.actions.base import Action
from streams_admin.actions.context import BATCH, ActionContext, Scope
from streams_admin.actions.preview import Preview
from streams_admin.actions.reads import positions
from streams_admin.actions.reads.entries import pages, read, stream_facts, stream_overview
from streams_admin.actions.reads.snapshots import EntriesSeen, Found, Loss
from streams_admin.actions.work import Batch, EntryWork, Item, Place
from streams_admin.errors import Changed
from streams_admin.params.address import Address
from streams_admin.params.base import serialise
from streams_admin.params.entries import EntriesParams
from streams_admin.params.selection import ALL, Filter

Entries = TypeVar("Entries", bound=EntriesParams)
COUNT_UP_TO = 5_000
"""Entries a plan reads to count a range, on at most positions.PAGES pages; more are "at least"."""
SAMPLE = 5


EntriesBatch = Batch[EntryWork, Place]


class EntriesAction(Action[Entries, EntriesSeen, Item, Place]):
    """An action on entries of a stream."""

    seen_model = EntriesSeen
    cursor_model = Place
    about = "entries"
    back = "stream"

    def look(self, ctx: ActionContext[Entries]) -> tuple[Preview, EntriesSeen]:
        found = find(ctx)
        if not found.total:
            raise Changed("No such entry: it was never added, or has been trimmed or deleted.")
        preview, lost = self.preview(ctx, found)
        return preview, _seen(found, ctx.params.matching, lost)

    @abstractmethod
    def preview(self, ctx: ActionContext[Entries], found: Found) -> tuple[Preview, Sequence[Loss]]:
        """What would be done, in words and counts; and what groups lose by it."""

    def changed(self, ctx: ActionContext[Entries], seen: EntriesSeen) -> str:
        facts = stream_facts(ctx, ctx.key)
        if facts is None:
            return "The stream no longer exists."
        if facts.last_generated_id < seen.end:
            return "The stream was deleted and recreated."
        there = read(ctx, seen.ids)
        if not facts.length or (there and not any(there.values())):
            return "None of the entries exist any more."
        return _other_content(there, seen) or self.still(ctx, seen)

    def still(self, ctx: ActionContext[Entries], seen: EntriesSeen) -> str:
        """As `changed`, for what a subclass depends on."""
        return ""

    def step(self, ctx: ActionContext[Entries]) -> int:
        """Entries per batch."""
        return ctx.most

    def next_entries(self, ctx: ActionContext[Entries], seen: EntriesSeen, cursor: Place | None) -> EntriesBatch:
        """Those that a batch is about."""
        most, place = self.step(ctx), cursor or Place(0, seen.start)
        return _named(seen, place.taken, most) if seen.ids else _range(ctx, seen, place, most)

    def absent(self, seen: EntriesSeen) -> Sequence[StreamId]:
        return seen.absent

    def figures(self, ctx: ActionContext[Entries]) -> list[list[Any]]:
        facts = stream_facts(ctx, ctx.key)
        return [["entries", facts.length if facts else 0]]


def find(ctx: ActionContext[Entries]) -> Found:
    """The entries meant, counted up to COUNT_UP_TO."""
    ids_named, chosen, overview = ctx.params.named, ctx.params.matching, stream_overview(ctx)
    if ids_named:
        return _find_named(ctx, ids_named, overview)
    end = min(chosen.end, overview.facts.last_id or MIN)
    ids, least = _count(ctx, chosen, end)
    through = len(ids) == chosen.limit
    reach = ids[-1] if ids and chosen.limit and (through or least) else end
    end = reach if through else end
    whole = chosen == Filter(limit=chosen.limit)
    total = min(overview.facts.length, chosen.limit or overview.facts.length) if whole else len(ids)
    return Found(overview, ids, (), chosen.start, end, reach, total, least and not whole, named=False)


def _find_named(ctx: Scope, wanted: Sequence[StreamId], overview: StreamOverview) -> Found:
    there = read(ctx, wanted)
    ids = tuple(i for i in wanted if there[i])
    absent = tuple(i for i in wanted if not there[i])
    end = max(ids, default=MIN)
    marks = {id_: mark_of(entry.fields) for id_, entry in there.items() if entry}
    return Found(overview, ids, absent, wanted[0], end, end, len(ids), False, named=True, marks=marks)


def again(ctx: Scope, seen: EntriesSeen) -> Found:
    """What a plan has seen, in the stream as it is now. Not counted anew."""
    overview, end = stream_overview(ctx), seen.end
    return Found(overview, seen.ids, (), seen.start, end, seen.reach, len(seen.ids), False, named=bool(seen.ids))


def _count(ctx: Scope, chosen: Filter, end: StreamId) -> tuple[tuple[StreamId, ...], bool]:
    """IDs of the range up to COUNT_UP_TO, and whether there may be more. A whole stream is not walked to be counted."""
    most = SAMPLE if chosen == ALL else min(COUNT_UP_TO, chosen.limit or COUNT_UP_TO)
    ids: list[StreamId] = []
    for page in islice(pages(ctx, ctx.key, chosen.start, end, most=most, size=BATCH), positions.PAGES):
        ids.extend(entry.id for entry in page.items)
        if page.next is None:
            return tuple(ids), False
    return tuple(ids), chosen.limit is None or len(ids) < chosen.limit


def _seen(found: Found, chosen: Filter, lost: Sequence[Loss]) -> EntriesSeen:
    losses = tuple(loss.seen for loss in lost if loss.weight)
    if found.named:
        marks = tuple(found.marks[id_] for id_ in found.ids)
        return EntriesSeen(found.ids[0], found.end, found.reach, found.ids, found.absent, losses=losses, marks=marks)
    return EntriesSeen(found.start, found.end, found.reach, limit=chosen.limit, losses=losses)


def _other_content(there: Mapping[StreamId, Entry | None], seen: EntriesSeen) -> str:
    """Which of the named entries has other content than the plan saw: an ID may be given out again."""
    for id_, mark in zip(seen.ids, seen.marks, strict=False):
        entry = there[id_]
        if entry and mark_of(entry.fields) != mark:
            return f"{id_} is another entry now: the stream was deleted and recreated."
    return ""


def _named(seen: EntriesSeen, taken: int, most: int) -> EntriesBatch:
    part = seen.ids[taken : taken + most]
    settled = [(str(id_), "not_found") for id_ in seen.absent] if taken == 0 else []
    end = taken + len(part)
    return Batch([EntryWork(str(id_)) for id_ in part], Place(end), settled, last=end >= len(seen.ids))


def _range(ctx: Scope, seen: EntriesSeen, place: Place, most: int) -> EntriesBatch:
    """The next entries of the range. It ends where the stream ended when the plan was made."""
    start, taken = place.at or seen.start, place.taken
    room = most if seen.limit is None else min(most, seen.limit - taken)
    facts = ctx.server.run(FactsQuery(ctx.key))
    limit = fitting(room, facts.entry_bytes)
    page = ctx.server.run(EntryRange(ctx.key, start, seen.end, limit=limit))
    taken += len(page.items)
    last = page.next is None or taken == seen.limit
    return Batch([EntryWork(str(e.id)) for e in page.items], Place(taken, page.next or start), last=last)


def sample(found: Found) -> list[dict[str, Any]]:
    """The first few entries and the last that was met, as a plan keeps them."""
    chosen = [*found.ids[: SAMPLE - 1], *found.ids[SAMPLE - 1 :][-1:]]
    return [{"id": str(i), "consumer": EMPTY, "idle_ms": -1, "deliveries": 0, "body": "present"} for i in chosen]


class EntriesForm(forms.Form):
    """From where to where, unless the entries were named by the page's address."""

    start = forms.CharField(
        label="From",
        required=False,
        max_length=64,
        help_text="An ID, a time (14:05) or an age (-2h). Empty: from the start.",
    )
    end = forms.CharField(
        label="To", required=False, max_length=64, help_text="As above. Empty: up to the current last entry."
    )

    def __init__(self, data: Any, ctx: ActionContext[Address]) -> None:
        chosen = ctx.params.filter
        super().__init__(data, initial=serialise(chosen) if chosen else {})
        self._ctx = ctx
        if ctx.params.ids:
            del self.fields["start"], self.fields["end"]

    def clean_start(self) -> str:
        return self._position("start", upper=False)

    def clean_end(self) -> str:
        return self._position("end", upper=True)

    def _position(self, field: str, *, upper: bool) -> str:
        text = self.cleaned_data[field]
        try:
            found = parse_position(text, now=timezone.localtime(), upper=upper) if text else ""
        except BadId as error:
            raise forms.ValidationError(str(error)) from error
        facts = stream_facts(self._ctx, self._ctx.key) if text and is_time(text) else None
        if facts and isinstance(found, StreamId) and (why := why_no_time(facts, found)):
            raise forms.ValidationError(why)
        return str(found)

    def selection(self, ctx: ActionContext[Address]) -> dict[str, object]:
        """Raw parameters that say which entries."""
        if ctx.params.ids:
            return {"ids": ctx.params.ids}
        return {"filter": {name: self.cleaned_data[name] for name in ("start", "end") if self.cleaned_data.get(name)}}
