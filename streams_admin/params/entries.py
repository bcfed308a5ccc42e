"""Parameters of the verbs on entries of a stream."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, PlainSerializer, PlainValidator, model_validator
from pydantic import WithJsonSchema as Schema

from dashboard.streams.errors import BadId
from dashboard.streams.id_patterns import ENTRY_ID, U64
from dashboard.streams.ids import MIN, StreamId
from streams_admin.errors import BadParameters
from streams_admin.params.base import Params
from streams_admin.params.kinds import FieldPairs, LowestId, Name, Switch, Whole
from streams_admin.params.selection import Filter, Selection
from streams_admin.params.sentences import about

References = Literal["keep", "delete", "acked"]


def _new_id(given: object) -> str | None:
    """An ID, or the milliseconds of one with its number left to the server ("5-*"); None: all of it is."""
    text = str(given)
    if text in ("", "*"):
        return None
    try:
        id_ = StreamId.parse(text[:-1] + "0" if text.endswith("-*") else text)
    except BadId as error:
        raise about(f": {error}") from error
    if id_ == MIN and not text.endswith("-*"):
        raise about("is 0-0; the smallest valid one is 0-1.")
    return text if text.endswith("-*") else str(id_)


_NEW_ID = {"type": "string", "pattern": f"^(?!0+-0+$)((({U64})-)?[*]|{ENTRY_ID})?$"}
NewId = Annotated[
    str | None,
    PlainValidator(_new_id),
    PlainSerializer(lambda id_: id_),
    Schema({**_NEW_ID, "examples": ["*", "1763596680412-*", "1763596680412-0"]}),
]


class AddParams(Params):
    """Add one entry at the end of a stream."""

    pairs: FieldPairs = Field(alias="fields", description="at least one [name, value] pair")
    id: NewId = Field(default=None, description="its ID, or like 5-*; left out, the server's clock")
    mkstream: Switch = Field(default=False, description="create the stream when it does not exist")
    approximate: Switch | None = Field(default=None, description="trim whole nodes only (~), with `maxlen` or `minid`")
    maxlen: Annotated[int, Whole(1)] | None = Field(default=None, description="trim to so many entries, the oldest go")
    minid: LowestId | None = Field(default=None, description="trim what is below this ID")

    @model_validator(mode="after")
    def _one_bound(self) -> Self:
        if self.maxlen is not None and self.minid is not None:
            raise BadParameters("Give maxlen or minid, not both.")
        if self.approximate is not None and not self.bounded:
            raise BadParameters("approximate needs maxlen or minid.")
        return self

    @property
    def bounded(self) -> bool:
        """Whether it trims the stream too."""
        return self.maxlen is not None or self.minid is not None

    @property
    def loose(self) -> bool:
        """Whether a trim removes whole nodes only, which is usual."""
        return self.bounded and self.approximate is not False


class EntriesParams(Selection):
    """Entries of a stream, whoever has them pending or not."""

    @model_validator(mode="after")
    def _no_consumer(self) -> Self:
        chosen = self.matching
        if chosen != Filter(start=chosen.start, end=chosen.end, limit=chosen.limit):
            raise BadParameters("filter takes start, end and limit here: entries of a stream have no consumer.")
        return self


class DeleteParams(EntriesParams):
    """Delete entries."""

    references: References = Field(default="keep", description="what becomes of them where they are pending")


class ReplayParams(EntriesParams):
    """Copy entries to another stream of the server."""

    to: Name = Field(description="the stream for the copies")
    edited: FieldPairs | None = Field(
        default=None, alias="fields", description="send these fields instead; needs one ID"
    )
    per_second: Annotated[int, Whole(1, 100_000)] | None = Field(default=None, description="no more copies a second")

    @model_validator(mode="after")
    def _one_entry(self) -> Self:
        if self.edited is not None and len(self.named) != 1:
            raise BadParameters("fields needs ids with one entry: only a single entry can be edited.")
        return self
