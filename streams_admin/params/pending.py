"""Parameters of the verbs on pending entries of a group."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, model_validator

from streams_admin.errors import BadParameters
from streams_admin.params.base import Params
from streams_admin.params.kinds import Flag, Name, Switch, Whole
from streams_admin.params.selection import Filter, Selection

RETRIED = "also entries that are delivered again before the plan is run"
TWICE = (("idle_ms", "time_ms"), ("idle_ms", "keep_idle"), ("time_ms", "keep_idle"), ("retrycount", "bump"))
"""Options that would contradict each other."""


class OfGroup(Params):
    """Something about one group."""

    group: Name = Field(description="which one is meant")


class PendingParams(Selection, OfGroup):
    """Pending entries of one group."""

    group: Name = Field(description="the group of the pending entries")

    @property
    def again(self) -> bool:
        """Whether an entry that was delivered again since the plan is meant too."""
        return False


class RetriedParams(PendingParams):
    """As these, whether workers retry them or not."""

    retried: Flag = Field(default=False, description=RETRIED)

    @property
    def again(self) -> bool:
        return self.retried


class AckParams(RetriedParams):
    """Acknowledge pending entries."""


class GhostsParams(PendingParams):
    """Acknowledge pending entries whose body is gone; without `ids` or `filter` among the whole pending list."""

    one_of: ClassVar[tuple[str, ...]] = ()

    @model_validator(mode="before")
    @classmethod
    def _all_of_them(cls, raw: Any) -> Any:
        return raw if not isinstance(raw, dict) or {"ids", "filter"} & raw.keys() else {**raw, "filter": {}}


class ReleaseParams(PendingParams):
    """Make pending entries claimable at once."""


class ClaimParams(PendingParams):
    """Give pending entries to another consumer."""

    to: Name = Field(description="the new owner of the entries")
    min_idle_ms: Annotated[int, Whole(0)] | None = Field(
        default=None, description="only what is idle for at least so long"
    )
    idle_ms: Annotated[int, Whole(0, 10**12)] | None = Field(default=None, description="idle time afterwards (IDLE)")
    time_ms: Annotated[int, Whole(0)] | None = Field(
        default=None, description="last delivered then, ms since 1970 (TIME)"
    )
    retrycount: Annotated[int, Whole(0)] | None = Field(
        default=None, description="delivery count afterwards (RETRYCOUNT)"
    )
    bump: Flag = Field(default=False, description="raise the delivery count by one")
    keep_idle: Flag = Field(default=False, description="leave the idle time as it is; otherwise it starts at 0")
    force: Flag = Field(default=False, description="also named entries that are not pending (FORCE); needs `ids`")

    @model_validator(mode="after")
    def _fit(self) -> Self:
        if self.force and self.ids is None:
            raise BadParameters("force needs ids: it also takes entries that are not pending, so they must be named.")
        for first, second in TWICE:
            if all(getattr(self, each) not in (None, False) for each in (first, second)):
                raise BadParameters(f"Give either {first} or {second}, not both.")
        return self

    @property
    def matching(self) -> Filter:
        """Of the filter's least idle time and that of the claim, the larger one counts."""
        chosen = super().matching
        least_ms = max(chosen.min_idle_ms, self.min_idle_ms or 0)
        return chosen if least_ms == chosen.min_idle_ms else chosen.model_copy(update={"min_idle_ms": least_ms})

    @property
    def marked(self) -> bool:
        """Whether an entry that the consumer holds already is changed too."""
        return self.bump or any(each is not None for each in (self.idle_ms, self.time_ms, self.retrycount))


class DeadLetterParams(RetriedParams):
    """Move pending entries to another stream."""

    to: Name | None = Field(default=None, description="the stream that gets them; left out, the configured one")
    delete: Switch = Field(default=False, description="delete them from the stream too, for every group")
