"""Parameters of the verbs on groups and their consumers."""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import Field, model_validator

from streams_admin.errors import BadParameters
from streams_admin.params.kinds import Name, Position, Switch
from streams_admin.params.pending import OfGroup


class GroupCreateParams(OfGroup):
    """Create a group."""

    group: Name = Field(description="the name of the new group")
    position: Position = Field(description="0 (the start), $ (the end), an ID or a time")
    mkstream: Switch = Field(default=False, description="create the stream when it does not exist")


class GroupSetPositionParams(OfGroup):
    """Set a group's position, or that of another group."""

    one_of: ClassVar[tuple[str, ...]] = ("position", "like")

    group: Name = Field(description="the group to move")
    position: Position | None = Field(default=None, description="0 (the start), $ (the end), an ID or a time")
    like: Name | None = Field(default=None, description="where this group is, instead of `position`")

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.position is None) == (self.like is None):
            raise BadParameters("Give either position (0, $, an ID, a time) or like (a group).")
        return self


class GroupDestroyParams(OfGroup):
    """Destroy a group."""

    group: Name = Field(description="the group to destroy")


class ConsumerCreateParams(OfGroup):
    """Create a consumer."""

    group: Name = Field(description="the group of the new consumer")
    consumer: Name = Field(description="the name of the new consumer")


class ConsumerDeleteParams(OfGroup):
    """Delete a consumer; what it holds goes to another one before."""

    group: Name = Field(description="the group of the consumer")
    consumer: Name = Field(description="the consumer to delete")
    to: Name | None = Field(default=None, description="the consumer that gets what it holds; needed when it holds any")

    @model_validator(mode="after")
    def _another(self) -> Self:
        if self.to == self.consumer:
            raise BadParameters("to is the consumer itself: name another one to take its entries.")
        return self
