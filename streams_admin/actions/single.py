"""What actions of one command share: one piece of work, one result, and names that can be typed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from dashboard.accounts.permissions import Permission
from dashboard.display.format import age, plural
from dashboard.streams.errors import Gone, ServerRefused, StreamError
from dashboard.streams.names import plain, to_path
from dashboard.streams.snapshots import ConsumerFacts, GroupOverview
from streams_admin.actions.base import Action, Seen
from streams_admin.actions.context import ActionContext, Model, Scope
from streams_admin.actions.preview import Note
from streams_admin.actions.reads.entries import stream_facts
from streams_admin.actions.reads.pending import group_overview
from streams_admin.actions.work import Batch, Done, Step
from streams_admin.errors import Changed
from streams_admin.params.pending import OfGroup

Group = TypeVar("Group", bound=OfGroup)
ALIVE_MS = 60_000
"""A consumer that read within that time is alive."""


class Single(Action[Model, Seen, Step, None]):
    """An action that is one command on a group or a stream. Its results count that command: 1 done."""

    work_model = Step
    cursor_model = type(None)
    permission = Permission.GROUPS
    about = "group"

    def batch(self, ctx: ActionContext[Model], seen: Seen, cursor: None) -> Batch[Step, None]:
        return Batch([Step()], None, last=True)

    def act(self, ctx: ActionContext[Model], seen: Seen, work: Sequence[Step]) -> Done:
        self.do(ctx, seen)
        return Done(counts=Counter(done=1))

    def do(self, ctx: ActionContext[Model], seen: Seen) -> None:
        """Send it. Raises StreamError when nothing was done, OutcomeUnknown when nobody knows."""
        raise NotImplementedError

    def reconcile(self, ctx: ActionContext[Model], seen: Seen, work: Sequence[Step]) -> Done:
        return Done(counts=Counter({self.outcome(ctx, seen): 1}))

    def outcome(self, ctx: ActionContext[Model], seen: Seen) -> str:
        """After a lost reply, found by reading: "done", "failed" (nothing happened) or "unknown"."""
        raise NotImplementedError


class OnGroup(Single[Group, Seen]):
    """One command on a group, or on a consumer of it."""

    def figures(self, ctx: ActionContext[Group]) -> list[list[Any]]:
        return figures_of(ctx, find_group(ctx, ctx.params.group))


def figures_of(scope: Scope, overview: GroupOverview | None) -> list[list[Any]]:
    """Of a group; where it is not there, of the stream."""
    if overview is None:
        return [["groups", facts.groups if (facts := stream_facts(scope, scope.key)) else 0]]
    group = overview.group
    return [
        ["groups", overview.stream.groups],
        ["consumers", group.consumers],
        ["pending", group.pending],
        ["not delivered yet", group.lag.value],
    ]


def find_group(scope: Scope, group: bytes) -> GroupOverview | None:
    """A group as it is now; None when it or the stream is not there."""
    try:
        return group_overview(scope, group)
    except Gone:
        return None


def the_group(scope: Scope, group: bytes) -> GroupOverview:
    """As `find_group`; raises Changed when it is not there."""
    overview = find_group(scope, group)
    if overview is None:
        raise Changed(f"There is no group {plain(group)} on {plain(scope.key)}.")
    return overview


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
