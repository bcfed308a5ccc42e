"""What an action is: it says what it would do, and does it batch by batch. Authorising, auditing and recording are not
its business: `plans` and `operations` do that for all, and a subclass cannot skip it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from django import forms

from dashboard.accounts.permissions import Permission
from dashboard.streams.ids import StreamId
from dashboard.streams.queries import Query
from dashboard.streams.snapshots import Entry, PendingEntry
from streams_admin.actions.context import ActionContext, Model, Scope
from streams_admin.actions.preview import Preview
from streams_admin.actions.work import Batch, Cursor, Done, Item, ids_of
from streams_admin.params.address import Address
from streams_admin.params.base import Raw

Seen = TypeVar("Seen")
"""The state a plan was made on: a frozen dataclass of each verb."""


class Action(ABC, Generic[Model, Seen, Item, Cursor]):
    """One verb on parameters of its own. Subclasses are stateless; their instances are in `registry.ALL`."""

    model: type[Model]
    """Of its parameters."""
    seen_model: type[Seen]
    """Of what a plan of it has seen."""
    work_model: type[Item]
    """Of a piece of its work."""
    cursor_model: type[Cursor]
    """Of where it goes on."""
    slug: ClassVar[str]
    label: ClassVar[str]
    """Of the button that opens the plan, with its "…"."""
    permission: ClassVar[Permission]
    irreversible: ClassVar[bool] = False
    about: ClassVar[str] = "stream"
    """What its pages speak of: "pending" entries of a group, "entries", a "group", or a "stream"."""
    literal: ClassVar[bool] = False
    """Whether the `redis_cli` lines of its plans are what is sent; else a script does what they amount to."""
    back: ClassVar[str] = "group"
    """Where its pages lead back to: the "group" when its parameters name one (else the stream), "stream", "server"."""

    pieces: ClassVar[bool] = False
    """Whether a batch may be done piece by piece: each entry for itself."""

    at_once: ClassVar[int | None] = None
    """The most entries that `act` does in one step: more would be several, of which a part may be done."""
    paced: ClassVar[int | None] = None
    """The most entries of a batch that is one command: how many it has follows from what the ones before took."""

    apart: ClassVar[str] = ""
    """What may come between check and action where the server denies scripts; "" where nothing may, or none is run."""

    idempotent: ClassVar[bool] = False
    """Whether the same work, sent twice, is done once at most."""
    late_safe: ClassVar[bool] = False
    """Whether a command that arrives after another one has done the same changes nothing, however late it is."""
    needs_memory: ClassVar[bool] = False
    """Whether a server that is out of memory refuses it (XADD, XGROUP CREATE and CREATECONSUMER)."""
    checks_later: ClassVar[bool] = True
    """Whether `reconcile` still tells what came of the work long after: not where others do the same to a stream."""

    def complete(self, scope: Scope, params: Model) -> Model:
        """The parameters with what the configuration says now: a plan does what it has shown."""
        return params

    def authorise(self, ctx: ActionContext[Model]) -> None:
        """What has to be allowed beside `permission` on the stream: other streams it writes to. Raises Forbidden."""
        return

    @abstractmethod
    def look(self, ctx: ActionContext[Model]) -> tuple[Preview, Seen]:
        """Read the present state, bounded, and say what would be done. Raises ActionError or StreamError."""

    @abstractmethod
    def changed(self, ctx: ActionContext[Model], seen: Seen) -> str:
        """Why the plan no longer holds, "" while it does."""

    @abstractmethod
    def batch(self, ctx: ActionContext[Model], seen: Seen, cursor: Cursor | None) -> Batch[Item, Cursor]:
        """Read what to do next from `cursor` on (None at the beginning). Changes nothing."""

    def reading(
        self, ctx: ActionContext[Model], seen: Seen, cursor: Cursor | None
    ) -> Query[Batch[Item, Cursor]] | None:
        """What `batch` reads, where one round trip is enough: it may then be read ahead. None: it may not."""
        return None

    @abstractmethod
    def act(self, ctx: ActionContext[Model], seen: Seen, work: Sequence[Item]) -> Done:
        """Do it. Raises StreamError when nothing of it was done, OutcomeUnknown when nobody knows."""

    def reconcile(self, ctx: ActionContext[Model], seen: Seen, work: Sequence[Item]) -> Done:
        """What came of work whose outcome was lost, found by reading. Changes nothing.

        "failed" says that it was certainly not done: after a crash that part is done again.
        """
        return Done(counts=Counter(unknown=len(ids_of(work)) or len(work)))

    def unsure(self, seen: Seen, work: Sequence[Item], found: Done) -> Done:
        """What `reconcile` has found, where the command may still arrive: what was not done by then is unknown."""
        return found.unsure()

    def affected(self, ctx: ActionContext[Model], seen: Seen) -> Iterator[Sequence[Entry | PendingEntry]] | None:
        """The entries that go, or whose holders are forgotten, page by page as they are now; None: there are none."""
        return None

    @abstractmethod
    def figures(self, ctx: ActionContext[Model]) -> list[list[Any]]:
        """Figures read before and after: [label, number] pairs."""

    def aged(self, work: Sequence[Item], ms: int) -> Sequence[Item]:
        """Work as it is when nobody has touched it for `ms` since it was read."""
        return work

    def absent(self, seen: Seen) -> Sequence[StreamId]:
        """Entries that were named and are not meant, because they were not there."""
        return ()

    def form(self, ctx: ActionContext[Address], data: Any = None) -> forms.Form:
        """What a person can choose on the page."""
        return forms.Form(data)

    def from_form(self, ctx: ActionContext[Address], form: forms.Form) -> Raw:
        """Parameters, unchecked, from the page's address and a valid form."""
        return {**self.addressed(ctx.params), **form.cleaned_data}

    def addressed(self, address: Address) -> dict[str, object]:
        """What the page's address says, as far as the action takes it."""
        return {name: getattr(address, name) for name in Address.model_fields if name in self.model.model_fields}


@dataclass(frozen=True, slots=True)
class NothingSeen:
    """Of a verb whose plans depend on nothing that they would have to keep."""


AnyAction = Action[Any, Any, Any, Any]
"""A verb whose parameters are not looked into: what the registry holds."""
