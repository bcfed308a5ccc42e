"""Trim: remove the oldest entries of a stream, to a length, below an ID, or older than an age."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

from django import forms

from dashboard.accounts.permissions import Permission
from dashboard.display.format import age, number, plural
from dashboard.streams.errors import Gone
from dashboard.streams.id_units import id_times
from dashboard.streams.ids import MAX, MIN, StreamId
from dashboard.streams.names import plain
from dashboard.streams.queries import PAGE_MAX, EntryRange, FactsQuery, fitting
from dashboard.streams.snapshots import Entry, StreamFacts, StreamOverview
from streams_admin import redis_cli_text, writes
from streams_admin.actions.base import Action
from streams_admin.actions.context import ActionContext, Scope
from streams_admin.actions.preview import Change, Note, Preview
from streams_admin.actions.reads.affected import ranged
from streams_admin.actions.reads.bounds import boundary_of, count, holds_back
from streams_admin.actions.reads.entries import stream_facts, stream_overview
from streams_admin.actions.reads.losses import (
    PENDING_TEXT,
    heaviest_first,
    looked_into,
    loss_notes,
    shown,
    too_deep,
    within,
)
from streams_admin.actions.reads.needs import Need, first_needed, lowest_need, safe_notes
from streams_admin.actions.reads.pending import CLOCK
from streams_admin.actions.reads.positions import Count
from streams_admin.actions.reads.snapshots import Loss
from streams_admin.actions.single import typed
from streams_admin.actions.streams.nodes import EXACT, Foreseen, foresee, length_change, preview_of_nothing
from streams_admin.actions.streams.trim_form import TrimForm
from streams_admin.actions.work import Batch, Done, Unnamed
from streams_admin.errors import Changed
from streams_admin.params.address import Address
from streams_admin.params.base import Raw
from streams_admin.params.kinds import EntryId, PathName
from streams_admin.params.streams import TrimParams

CHUNK = 10_000
"""Entries that one command removes at most, however cheap they are."""
NODES = 2
"""Nodes of usual size that one command may remove at least: of less it might take none."""
NOTHING_WENT = "Nothing was removed: approximate (~) takes whole nodes only. Exact removes single entries."


Context = ActionContext[TrimParams]


@dataclass(frozen=True, slots=True)
class TrimSeen:
    """The first entry of the stream and its groups; `minid`: the first ID that stays, None where it lies too deep.

    `going`: how many entries go; `most`: never more than that, of a trim to a length. `removed`: how many were removed
    before, None where the server does not count that.
    """

    first: EntryId | None
    groups: tuple[PathName, ...]
    minid: EntryId | None
    going: int
    most: int | None
    removed: int | None = None

    @classmethod
    def of(cls, ctx: Context, overview: StreamOverview, boundary: StreamId | None, going: int) -> TrimSeen:
        facts, keep = overview.facts, ctx.params.maxlen
        most = None if keep is None else max(0, facts.length - keep)
        return cls(facts.first_id, _names(overview), boundary, going, most, _removed(facts))


class TrimCursor(NamedTuple):
    """How many entries have gone, and whether whole nodes are through: the rest of one is left."""

    gone: int = 0
    exact: bool = False


@dataclass(frozen=True, slots=True)
class TrimWork(Unnamed):
    """A step at `at`, of a stream with so many entries, of so many that were ever added; at most `limit` may go."""

    at: TrimCursor
    length: int
    added: int | None
    limit: int = CHUNK


class Trim(Action[TrimParams, TrimSeen, TrimWork, TrimCursor]):
    seen_model = TrimSeen
    work_model = TrimWork
    cursor_model = TrimCursor
    model = TrimParams
    slug = "trim"
    label = "Trim…"
    permission = Permission.TRIM
    irreversible = True
    checks_later = False
    paced = CHUNK

    def look(self, ctx: Context) -> tuple[Preview, TrimSeen]:
        overview = stream_overview(ctx)
        below, boundary = boundary_of(ctx, overview)
        need = lowest_need(ctx) if ctx.params.safe else None
        holds = holds_back(ctx, overview, need.id, boundary) if need else False
        if need and holds is not False:
            below = boundary = need.id
        going = count(ctx, overview, below)
        if not going.value:
            raise Changed(_nothing(need if holds is not False else None))
        seen = TrimSeen.of(ctx, overview, boundary, going.value)
        nodes = foresee(overview.facts, going, CHUNK) if ctx.params.approximate else None
        if nodes and nodes.nothing:
            return preview_of_nothing(ctx, overview.facts, nodes), seen
        if ctx.params.safe:
            notes = [*safe_notes(need, holds), *_apart_note(ctx)]
            return _preview(ctx, overview, below, going, nodes, [], notes, holds), seen
        lost = _losses(ctx, overview, boundary, overview.facts.length - going.value)
        notes = loss_notes(lost, len(overview.groups) + overview.groups_cut, pending_text=PENDING_TEXT["keep"])
        return _preview(ctx, overview, below, going, nodes, lost, notes), seen

    def changed(self, ctx: Context, seen: TrimSeen) -> str:
        try:
            overview = stream_overview(ctx)
        except Gone:
            return "The stream no longer exists."
        if overview.facts.first_id != seen.first:
            return "The stream was trimmed, or its first entry deleted, in the meantime."
        if _names(overview) != seen.groups:
            return "A group was created or destroyed in the meantime."
        return ""

    def batch(self, ctx: Context, seen: TrimSeen, cursor: TrimCursor | None) -> Batch[TrimWork, TrimCursor]:
        at = cursor or TrimCursor()
        facts = ctx.server.run(FactsQuery(ctx.key))
        return Batch([TrimWork(at, facts.length, facts.entries_added, _limit(facts, ctx.most))], at)

    def act(self, ctx: Context, seen: TrimSeen, work: Sequence[TrimWork]) -> Done:
        """One command of at most `limit` entries, whole nodes first; an exact trim ends with the rest of one node."""
        state, limit = work[0].at, work[0].limit
        exact = state.exact
        if ctx.params.safe:
            return _act_safely(ctx, seen, state, limit)
        gone = _trim(ctx, seen, state, limit)
        nodes_done = exact or gone == 0
        ready = exact or (nodes_done and ctx.params.approximate)
        onward = TrimCursor(state.gone + gone, exact or nodes_done)
        return Done(
            counts=Counter(done=gone), cursor=onward, last=ready, why=_why_nothing(ctx, onward) if ready else ""
        )

    def reconcile(self, ctx: Context, seen: TrimSeen, work: Sequence[TrimWork]) -> Done:
        """What is missing from the length went. It goes on from there: beyond the bound nothing is removed."""
        before, state, facts = work[0], work[0].at, ctx.server.run(FactsQuery(ctx.key))
        if facts.entries_added is None and not seen.minid:  # before 7.0: what came meanwhile hides what went
            return Done(counts=Counter(unknown=seen.going - state.gone), last=True)
        came = (facts.entries_added or 0) - (before.added or 0)
        gone = max(0, before.length + came - facts.length)
        onward = TrimCursor(state.gone + gone, state.exact)
        return Done(counts=Counter(done=gone), cursor=onward)

    def unsure(self, seen: TrimSeen, work: Sequence[TrimWork], found: Done) -> Done:
        """What did not go by then may still go, and would be counted by nobody: it ends here."""
        left = seen.going - work[0].at.gone - found.counts["done"]
        if found.cursor is None or left <= 0:
            return found
        return replace(found, counts=found.counts + Counter(unknown=left), last=True)

    def affected(self, ctx: Context, seen: TrimSeen) -> Iterator[Sequence[Entry]]:
        """Up to the bound; an approximate trim leaves some of the last ones."""
        end = seen.minid.prev() if seen.minid else MAX
        return ranged(ctx, MIN, end, seen.most)

    def figures(self, ctx: Context) -> list[list[Any]]:
        facts = ctx.server.run(FactsQuery(ctx.key))
        return [["entries", facts.length], ["groups", facts.groups]]

    def form(self, ctx: ActionContext[Address], data: Any = None) -> forms.Form:
        facts = stream_facts(ctx, ctx.key)
        return TrimForm(data, id_times(facts) if facts else None, lambda: ctx.server.run(CLOCK))

    def from_form(self, ctx: ActionContext[Address], form: forms.Form) -> Raw:
        return dict(form.cleaned_data["bound"])


def _names(overview: StreamOverview) -> tuple[bytes, ...]:
    return tuple(sorted(group.name for group in overview.groups))


def _removed(facts: StreamFacts) -> int | None:
    """How many entries the stream had once, and has no more; None where that is not counted (before 7.0)."""
    return None if facts.entries_added is None else facts.entries_added - facts.length


def _limit(facts: StreamFacts, most: int) -> int:
    """Entries that the next command may remove."""
    per_node = -(-facts.length // facts.nodes) if facts.nodes else CHUNK
    return min(CHUNK, max(most, NODES * per_node))


def _in_whole_nodes(trim: Callable[[int], int], limit: int, most: int) -> int:
    """Entries that went by `trim` of at most `limit`: where it takes none, a node may be larger, so of `most`."""
    return trim(min(limit, most)) or (trim(most) if limit < most else 0)


def _trim(ctx: Context, seen: TrimSeen, state: TrimCursor, limit: int) -> int:
    """Entries that went."""
    if state.exact:
        return _trim_once(ctx, seen, state, CHUNK)
    return _in_whole_nodes(partial(_trim_once, ctx, seen, state), limit, CHUNK)


def _trim_once(ctx: Context, seen: TrimSeen, state: TrimCursor, limit: int) -> int:
    """As `_trim`. By a length, a command that comes late or twice must not take what came since."""
    approximate = not state.exact
    if seen.minid is None and seen.removed is not None:
        until = seen.removed + seen.going
        gone = writes.trim_until(ctx.server, ctx.key, until, approximate=approximate, limit=limit)
        if gone is not None:
            return gone
    return writes.trim(ctx.server, ctx.key, _bound(ctx, seen, state.gone), approximate=approximate, limit=limit)


def _bound(ctx: Context, seen: TrimSeen, gone: int) -> int | StreamId:
    """The bound as a command takes it: the first ID that stays, so that only what was shown goes.

    Where that lies too deep to be read it is the length, raised by what came since.
    """
    if seen.minid:
        return seen.minid
    length = ctx.server.run(FactsQuery(ctx.key)).length
    return int(max(ctx.params.maxlen or 0, length - (seen.going - gone)))


def _act_safely(ctx: Context, seen: TrimSeen, state: TrimCursor, limit: int) -> Done:
    """As `act`, below what any group needs at this moment, and never more entries than a length leaves over."""
    left = None if seen.most is None else seen.most - state.gone
    if left is not None and left <= 0:
        return Done(last=True)
    bound = seen.minid if seen.minid else MAX
    exact = state.exact
    if exact and left is not None:
        bound = min(bound, _behind(ctx, left))
    until = None if seen.most is None or seen.removed is None else seen.removed + seen.most
    most = CHUNK if left is None else min(CHUNK, left)
    trim = partial(_trim_safely, ctx, bound, exact, until)
    gone = trim(most) if exact else _in_whole_nodes(trim, limit, most)
    last = gone == 0 and (exact or ctx.params.approximate)
    onward = TrimCursor(state.gone + gone, exact or (gone == 0 and not ctx.params.approximate))
    why = _why_nothing(ctx, onward) if last else ""
    return Done(counts=Counter(done=gone), cursor=onward, last=last, why=why)


def _why_nothing(ctx: Context, state: TrimCursor) -> str:
    """Why a trim that is through has removed nothing, "" when it has."""
    return NOTHING_WENT if ctx.params.approximate and not state.gone else ""


def _trim_safely(ctx: Context, bound: StreamId, exact: bool, until: int | None, limit: int) -> int:
    """Entries that went. Where scripts are refused the groups are looked at right before."""
    gone = writes.trim_safely(ctx.server, ctx.key, bound, approximate=not exact, limit=limit, removed=until)
    if gone is not None:
        return gone
    bound, acked = min(bound, first_needed(ctx)), _asks_itself(ctx, exact)
    return writes.trim(ctx.server, ctx.key, bound, approximate=not exact, limit=limit, acked=acked)


def _behind(ctx: Scope, count: int) -> StreamId:
    """The ID behind the first `count` entries, or behind as many of them as fit into a page."""
    facts = ctx.server.run(FactsQuery(ctx.key))
    page = ctx.server.run(EntryRange(ctx.key, limit=min(count, fitting(PAGE_MAX, facts.entry_bytes))))
    return page.items[-1].id.next() if page.items else MIN


def _asks_itself(ctx: Scope, exact: bool) -> bool:
    """Whether the server looks at every group in the same step (ACKED). Together with ~ several 8.x remove nothing."""
    return exact and ctx.server.capabilities().has("xdelex")


def _apart_note(ctx: Context) -> list[Note]:
    """What is not certain where no script can look and trim in one step."""
    if writes.runs_scripts(ctx.server):
        return []
    text = "A group that is moved back just between the two may lose entries: that this cannot happen needs EVAL."
    return [Note("late", "Groups are checked right before each command, not in the same step", text)]


def _nothing(need: Need | None) -> str:
    """Why nothing would be removed."""
    if need:
        return f"Nothing can be removed safely: {plain(need.group)} still needs the oldest entries. {need.why}"
    return "Nothing to remove: the stream is already within that limit."


def _losses(ctx: Scope, overview: StreamOverview, boundary: StreamId | None, left: int) -> list[Loss]:
    """What each group would lose, the most first."""
    groups = looked_into(overview.groups)
    if boundary is None:
        lost = [too_deep(group, left) for group in groups]
    else:
        lost = [within(ctx, group, MIN, boundary.prev()) for group in groups]
    return heaviest_first(lost)


def _how_far(params: TrimParams, below: StreamId | None, holds: bool | None) -> str:
    if holds:
        return f", those below {below}"
    if params.maxlen is not None:
        return f", the newest {number(params.maxlen)} stay"
    if params.older_than_ms is not None:
        return f", those older than {age(params.older_than_ms)}"
    return f", those below {below}"


def _lines(ctx: Context, below: StreamId | None, holds: bool | None) -> list[str]:
    """The one command that does the same; none where it would have to look at the groups in between."""
    if holds is None:
        return [f"# in steps: below {below}, and no more than a length of {ctx.params.maxlen} leaves over"]
    bound = ctx.params.maxlen or 0 if below is None else below
    return [redis_cli_text.line(*writes.trim_argv(ctx.key, bound, approximate=ctx.params.approximate))]


def _preview(
    ctx: Context,
    overview: StreamOverview,
    below: StreamId | None,
    going: Count,
    nodes: Foreseen | None,
    losses: list[Loss],
    notes: list[Note],
    holds: bool | None = False,
) -> Preview:
    length = overview.facts.length
    about = "at least " if going.least else "up to " if ctx.params.approximate else ""
    what = f"{about}{plural(going.value, 'entry', 'entries')}"
    far = _how_far(ctx.params, below, holds)
    return Preview(
        title=f"Trim {what}",
        sentence=f"Removes the oldest entries of {plain(ctx.key)}{far}. This cannot be undone.",
        button=f"Remove {what}",
        total=going.value,
        least=going.least,
        counts={"entries": going.value, **{f"pending in {plain(loss.group)}": loss.pending for loss in shown(losses)}},
        notes=[*notes, nodes.note() if nodes else EXACT],
        changes=[
            length_change(length, going, nodes),
            *(Change(f"{plain(loss.group)}: unread lost", 0, loss.unread) for loss in losses if loss.unread),
        ],
        redis_cli=_lines(ctx, below, holds),
        confirm=typed(ctx.key),
    )
