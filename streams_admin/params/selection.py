"""Which entries an action is about: named by ID, or all that match a filter."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from dashboard.streams.ids import MAX, MIN, StreamId
from streams_admin.errors import BadParameters
from streams_admin.params.base import Params
from streams_admin.params.kinds import EntryId, Ids, Name, Whole

IDS = "the entries, by ID; `filter` instead when there are many"
FILTER = "the entries that match, instead of `ids`; {} is all of them"


def _is_low(id_: StreamId) -> bool:
    return id_ == MIN


def _is_high(id_: StreamId) -> bool:
    return id_ == MAX


Least = Annotated[int, Whole(0), Field(exclude_if=lambda least: not least)]


class Filter(Params):
    """All of them conditions, all optional."""

    consumer: Name | None = Field(default=None, description="only what this consumer holds")
    min_idle_ms: Least = Field(default=0, description="only what is idle for at least so long")
    min_deliveries: Least = Field(default=0, description="only what was delivered at least so often")
    limit: Annotated[int, Whole(1)] | None = Field(
        default=None, description="no more entries than that, the oldest first"
    )
    start: EntryId = Field(
        default=MIN, exclude_if=_is_low, description="from this ID on", json_schema_extra={"default": str(MIN)}
    )
    end: EntryId = Field(
        default=MAX,
        exclude_if=_is_high,
        description="up to this ID, itself included",
        json_schema_extra={"default": str(MAX)},
    )


ALL = Filter()


class Selection(Params):
    """Entries by `ids`, or by `filter`."""

    one_of: ClassVar[tuple[str, ...]] = ("ids", "filter")

    ids: Ids | None = Field(default=None, description=IDS)
    filter: Filter | None = Field(default=None, description=FILTER)

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.ids is None) == (self.filter is None):
            raise BadParameters("Give either ids or filter to select the entries.")
        return self

    @property
    def named(self) -> tuple[StreamId, ...]:
        """The IDs; none where a filter says which entries are meant."""
        return self.ids or ()

    @property
    def matching(self) -> Filter:
        """The conditions; none where the entries are named."""
        return self.filter or ALL
