"""What an action is: it says what it would do, and does it batch by batch. Authorising, auditing and recording are not
its business: `plans` and `operations` do that for all, and a subclass cannot skip it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

from django import forms

from dashboard.accounts.permissions import Permission
from dashboard.accounts.principals import Principal
from dashboard.streams.ids import StreamId
from dashboard.streams.links import Server
from dashboard.streams.queries import Query
from dashboard.streams.snapshots import Entry, PendingEntry
from streams_admin.params.address import Address
from streams_admin.params.base import Params, Raw

Model = TypeVar("Model", bound=Params)
Model_co = TypeVar("Model_co", bound=Params, covariant=True)
Seen = TypeVar("Seen")
"""The state a plan was made on: a frozen dataclass of each verb."""
BATCH = 500
"""Entries per batch, and the most that run within a request."""
RESULTS = (
    "done",
    "already_acknowledged",
    "owner_changed",
    "body_gone",
    "not_found",
    "still_referenced",
    "failed",
    "unknown",
)


@dataclass(frozen=True, slots=True)
class Scope:
    """Who acts on which stream of which server.

    While it runs, `operation` is its number, `reason` what was given for it, and `most` entries make a batch.
    """

    principal: Principal
    server: Server
    key: bytes
    operation: str = field(default="", kw_only=True)
    reason: str = field(default="", kw_only=True)
    most: int = field(default=BATCH, kw_only=True)


@dataclass(frozen=True, slots=True)
class ActionContext(Scope, Generic[Model_co]):
    """An action on a stream: where, by whom, and its parameters."""

    params: Model_co


@dataclass(frozen=True, slots=True)
class Note:
    """A warning or a fact beside a plan, the weightiest first. `instead`: the action that would be better then."""

    severity: str
    title: str
    text: str = ""
    instead: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """A figure before and after. `after` None: not known before it is done. `unit`: "" or "ms"."""

    label: str
    now: int | None
    after: int | None
    note: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Preview:
    """What would be done, in words and counts. No payloads: it is kept with the plan.

    `total`: entries, None when they cannot be counted; `least`: there are at least that many. `sample`: IDs to show.
    `confirm`: what must be typed, "" for nothing. `lasting`: takes longer than a request may, however few there are.
    """

    title: str
    sentence: str
    button: str
    total: int | None
    least: bool = False
    counts: dict[str, int | None] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    sample: list[dict[str, Any]] = field(default_factory=list)
    redis_cli: list[str] = field(default_factory=list)
    confirm: str = ""
    lasting: bool = False

    def to_json(self, *first: Note) -> dict[str, Any]:
        """As it is kept and shown: the notes that come `first` in any case, then the weightiest."""
        weight = ("stuck", "late", "unknown", "")
        notes = [*first, *sorted(self.notes, key=lambda note: weight.index(note.severity))]
        return {**asdict(self), "notes": [asdict(note) for note in notes]}


@dataclass(frozen=True, slots=True)
class Batch:
    """The next piece of work: `work` is saved before it is done, `cursor` after.

    A piece about entries is a list that begins with their IDs as one text, a space between; others are dicts.
    `settled`: results without doing. `passed`: such results of entries that cannot be named.
    """

    work: list[Any]
    cursor: Any
    settled: list[tuple[str, str]] = field(default_factory=list)
    last: bool = False
    passed: Counter[str] = field(default_factory=Counter)


def ids_of(work: Iterable[Any]) -> list[str]:
    """The entries that a batch names."""
    return [id_ for item in work if isinstance(item, list) for id_ in item[0].split()]


def part_of(work: Iterable[Any], ids: Container[str]) -> list[Any]:
    """The work on these of its entries."""
    parts = [[" ".join(i for i in item[0].split() if i in ids), *item[1:]] for item in work if isinstance(item, list)]
    return [part for part in parts if part[0]]


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a batch: `named` the IDs of each result as one text, a space between; `counts` how many in all.

    An action that knows only afterwards where to go on says so by `cursor`, and by `last` that it is at the end.
    `waited`: seconds of it that it left the server alone on purpose. `again`: nothing was done, and the batch has to
    be read anew. `why`: a sentence on why an action that is at its end has done nothing.
    """

    named: dict[str, str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    cursor: Any = None
    last: bool = False
    waited: float = 0.0
    again: bool = False
    why: str = ""

    @classmethod
    def of(cls, entries: Iterable[tuple[str, str]]) -> Done:
        """From pairs of ID and result."""
        found: dict[str, list[str]] = {}
        for id_, result in entries:
            found.setdefault(result, []).append(id_)
        counts = Counter({result: len(ids) for result, ids in found.items()})
        return cls({result: " ".join(ids) for result, ids in found.items()}, counts)

    @classmethod
    def together(cls, *found: Done) -> Done:
        """What came of all of them."""
        named: dict[str, str] = {}
        for result, ids in (pair for done in found for pair in done.named.items()):
            named[result] = f"{named[result]} {ids}" if result in named else ids
        return cls(named, sum((done.counts for done in found), Counter()))

    @classmethod
    def uniform(cls, result: str, work: Iterable[Any]) -> Done:
        """The same result for all entries of the work."""
        text = " ".join(item[0] for item in work)
        return cls({result: text}, Counter({result: text.count(" ") + 1}))


class Action(ABC, Generic[Model, Seen]):
    """One verb on parameters of its own. Subclasses are stateless; their instances are in `registry.ALL`."""

    model: type[Model]
    """Of its parameters."""
    seen_model: type[Seen]
    """Of what a plan of it has seen."""
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

    idempotent: ClassVar[bool] = False
    """Whether the same work, sent twice, is done once at most."""
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
    def batch(self, ctx: ActionContext[Model], seen: Seen, cursor: Any) -> Batch:
        """Read what to do next from `cursor` on (None at the beginning). Changes nothing."""

    def reading(self, ctx: ActionContext[Model], seen: Seen, cursor: Any) -> Query[Batch] | None:
        """What `batch` reads, where one round trip is enough: it may then be read ahead. None: it may not."""
        return None

    @abstractmethod
    def act(self, ctx: ActionContext[Model], seen: Seen, work: list[Any]) -> Done:
        """Do it. Raises StreamError when nothing of it was done, OutcomeUnknown when nobody knows."""

    def reconcile(self, ctx: ActionContext[Model], seen: Seen, work: list[Any]) -> Done:
        """What came of work whose outcome was lost, found by reading. Changes nothing.

        "failed" says that it was certainly not done: after a crash that part is done again.
        """
        return Done(counts=Counter(unknown=len(ids_of(work)) or len(work)))

    def affected(self, ctx: ActionContext[Model], seen: Seen) -> Iterator[Sequence[Entry | PendingEntry]] | None:
        """The entries that go, or whose holders are forgotten, page by page as they are now; None: there are none."""
        return None

    @abstractmethod
    def figures(self, ctx: ActionContext[Model]) -> list[list[Any]]:
        """Figures read before and after: [label, number] pairs."""

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


AnyAction = Action[Any, Any]
"""A verb whose parameters are not looked into: what the registry holds."""
AnyContext = ActionContext[Any]
"""The context of such a verb."""
