"""Parameters of the verbs on whole streams."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from streams_admin.errors import BadParameters
from streams_admin.params.base import Params
from streams_admin.params.kinds import LowestId, Switch, Whole


class TrimParams(Params):
    """Remove the oldest entries of a stream."""

    one_of: ClassVar[tuple[str, ...]] = ("maxlen", "minid", "older_than_ms")

    maxlen: Annotated[int, Whole(0)] | None = Field(default=None, description="so many entries stay")
    minid: LowestId | None = Field(default=None, description="what is below this ID goes")
    older_than_ms: Annotated[int, Whole(1)] | None = Field(default=None, description="what is older than that goes")
    approximate: Switch = Field(default=True, description="remove whole nodes only (~), which is cheap")
    safe: Switch = Field(default=False, description="keep what any group has pending or has not read")

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if sum(each is not None for each in (self.maxlen, self.minid, self.older_than_ms)) != 1:
            raise BadParameters("Give one of maxlen, minid and older_than_ms.")
        return self


class StreamDeleteParams(Params):
    """Delete a stream. Nothing can be chosen."""
