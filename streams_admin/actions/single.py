"""What actions of one command share: one piece of work, one result, and names that can be typed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from dashboard.accounts.permissions import Permission
from dashboard.display.format import age, plural
from dashboard.streams.errors import Gone, ServerRefused, StreamError
from dashboard.streams.names import plain, to_path
from dashboard.streams.queries import GroupQuery
from dashboard.streams.snapshots import ConsumerFacts, GroupOverview
from streams_admin.actions.base import Action, ActionContext, Batch, Done, Note, Seen
from streams_admin.actions.reads.entries import stream_facts
from streams_admin.errors import BadParameters, Changed
from streams_admin.params.which import name

ALIVE_MS = 60_000
"""A consumer that read within that time is alive."""


class Single(Action):
    """An action that is one command on a group or a stream. Its results count that command: 1 done."""

    permission = Permission.GROUPS
    about = "group"

    def batch(self, ctx: ActionContext, seen: Seen, cursor: Any) -> Batch:
        return Batch([{"step": self.slug}], None, last=True)

    def act(self, ctx: ActionContext, seen: Seen, work: list[Any]) -> Done:
        self.do(ctx, seen)
        return Done(counts=Counter(done=1))

    def do(self, ctx: ActionContext, seen: Seen) -> None:
        """Send it. Raises StreamError when nothing was done, OutcomeUnknown when nobody knows."""
        raise NotImplementedError

    def reconcile(self, ctx: ActionContext, seen: Seen, work: list[Any]) -> Done:
        return Done(counts=Counter({self.outcome(ctx, seen): 1}))

    def outcome(self, ctx: ActionContext, seen: Seen) -> str:
        """After a lost reply, found by reading: "done", "failed" (nothing happened) or "unknown"."""
        raise NotImplementedError

    def figures(self, ctx: ActionContext) -> list[list[Any]]:
        overview = find_group(ctx)
        if overview is None:
            return [["groups", facts.groups if (facts := stream_facts(ctx, ctx.key)) else 0]]
        return figures_of(overview)


def figures_of(overview: GroupOverview) -> list[list[Any]]:
    group = overview.group
    return [
        ["groups", overview.stream.groups],
        ["consumers", group.consumers],
        ["pending", group.pending],
        ["not delivered yet", group.lag.value],
    ]


def find_group(ctx: ActionContext, path: str = "") -> GroupOverview | None:
    """The group of the parameters (or that of `path`) as it is now; None when it or the stream is not there.

    Raises BadParameters where an address of a form names none.
    """
    group = name("group", path or named(ctx.params, "group", "which one"))
    try:
        return ctx.server.run(GroupQuery(ctx.key, group, ctx.server.capabilities()))
    except Gone:
        return None


def the_group(ctx: ActionContext) -> GroupOverview:
    """As `find_group`; raises Changed when it is not there."""
    overview = find_group(ctx)
    if overview is None:
        raise Changed(f"There is no group {plain(name('group', ctx.params['group']))} on {plain(ctx.key)}.")
    return overview


def named(raw: Mapping[str, Any], what: str, why: str) -> str:
    """A name among raw parameters, checked, as a path name. Raises BadParameters with `why` it is needed."""
    if raw.get(what) in (None, ""):
        raise BadParameters(f"{what} is missing: {why}.")
    return to_path(name(what, raw[what]))


def typed(raw: bytes) -> str:
    """What must be typed to confirm: the name as it is shown, or its path name where that cannot be typed as it is."""
    shown = plain(raw)
    return shown if shown and shown == shown.strip() and shown.encode() == raw else to_path(raw)


def refusal(words: str) -> StreamError:
    """What stood in the way between the last look and the command."""
    return ServerRefused(f"{words} Nothing was done.", "CHANGED")


def alive(consumers: Iterable[ConsumerFacts]) -> list[ConsumerFacts]:
    """Those that read lately, the latest first."""
    return sorted((c for c in consumers if c.idle_ms < ALIVE_MS), key=lambda c: c.idle_ms)


def alive_note(consumers: Iterable[ConsumerFacts], text: str, where: str = "") -> list[Note]:
    found = alive(consumers)
    if not found:
        return []
    who = plain(found[0].name) if len(found) == 1 else plural(len(found), "consumer")
    verb = "is" if len(found) == 1 else "are"
    return [Note("stuck", f"{who} {verb} reading{where}", f"The last one read {age(found[0].idle_ms)} ago. {text}")]
