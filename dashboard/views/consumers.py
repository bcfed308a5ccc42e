"""The consumers of a group: a page of those that are searched for, and all of them as holders of entries."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from dashboard import menus
from dashboard.accounts.principals import Principal
from dashboard.display.format import number
from dashboard.display.gauge import Holder
from dashboard.fleet.store import Judge, matches
from dashboard.menus import Item, Target
from dashboard.streams.ids import MIN
from dashboard.streams.names import plain
from dashboard.streams.snapshots import ConsumerFacts, GroupOverview

PAGE = 100
"""Consumers on a page of their table."""
FIRST = 10
"""Consumers in the table before it is unfolded, so that the pending entries are not pushed away."""
ICONS = {"working": "ok", "waiting": "idle", "silent": "stuck", "gone": "gone"}


@dataclass(frozen=True, slots=True)
class ConsumerRow:
    """A consumer with its state in words."""

    facts: ConsumerFacts
    state: str
    why: str
    severity: str
    icon: str
    step: Item | None
    address: str
    """Of what it holds."""
    word: str
    """What its state is called."""

    @property
    def tone(self) -> str:
        """Of the bar beside what it holds."""
        return "stuck" if self.state == "silent" else ""


@dataclass(frozen=True, slots=True)
class ConsumerPage:
    """`rows` of the `found` consumers whose names match the search, of `total` in all; `skip` were before them."""

    rows: tuple[ConsumerRow, ...]
    found: int
    total: int
    skip: int
    is_folded: bool

    @property
    def end(self) -> int:
        return self.skip + len(self.rows)

    @property
    def folded(self) -> int:
        """How many more there are while only the first few are shown."""
        return self.found - self.end if self.is_folded else 0

    @property
    def part(self) -> str:
        """ "101 to 200 of 500, most pending first"."""
        return f"{number(self.skip + 1)} to {number(self.end)} of {number(self.found)}, most pending first"

    @property
    def searchable(self) -> bool:
        return self.total > FIRST


@dataclass(frozen=True, slots=True)
class Consumers:
    """What rows of them need: who looks, the group, what judges them, and the address of what one holds."""

    principal: Principal
    group: Target
    judge: Judge
    address: Callable[[bytes], str]

    def page(self, consumers: Sequence[ConsumerFacts], search: str, skip: int | None) -> ConsumerPage:
        """`skip`: how many are before the page, None: only the first few are shown."""
        found = [facts for facts in consumers if matches(facts.name, search)]
        first = skip is None and not search
        some = found[:FIRST] if first else found[skip or 0 : (skip or 0) + PAGE]
        return ConsumerPage(tuple(map(self._row, some)), len(found), len(consumers), skip or 0, first)

    def _row(self, facts: ConsumerFacts) -> ConsumerRow:
        state, severity, why = self.judge.state(facts)
        items = menus.items_for(self.principal, replace(self.group, consumer=facts.name, kind=state))
        step = next((item for item in items if item.primary), None)
        icon = ICONS[state] if severity != "unknown" or state == "gone" else "unknown"
        return ConsumerRow(
            facts, state, why, severity, icon, step, self.address(facts.name), self._word(state, severity)
        )

    def _word(self, state: str, severity: str) -> str:
        """Who does not read what others get is not waiting for something to do; on a replica nobody can tell."""
        passed_by = (state, severity) == ("waiting", "unknown") and not self.judge.on_replica
        return "not reading" if passed_by else state


def holders(overview: GroupOverview, judge: Judge) -> Iterator[Holder]:
    """Who holds what from when to when. Of a consumer none of whose entries were looked at, the whole list's span.

    The list was looked at a moment ago: what is older than its first entry now is not pending any more.
    """
    span = [id_ for id_ in (overview.pending.min_id, overview.pending.max_id) if id_ and id_.time()]
    least = overview.pending.min_id or MIN
    for facts in overview.consumers:
        ids = [entry.id for entry in judge.held(facts.name) if entry.id >= least and entry.id.time()] or span
        if facts.pending and ids:
            silent = judge.state(facts)[0] == "silent"
            yield Holder(plain(facts.name), facts.pending, min(ids).ms, max(ids).ms, silent)
