"""What the address of an action's page says before its form is filled in."""

from __future__ import annotations

from pydantic import Field

from streams_admin.errors import BadParameters
from streams_admin.params.base import Params
from streams_admin.params.kinds import Ids, Name
from streams_admin.params.pending import OfGroup
from streams_admin.params.selection import FILTER, IDS, Filter


class Address(Params):
    """The group and the entries meant, as far as they are known."""

    group: Name | None = Field(default=None, description="the group")
    ids: Ids | None = Field(default=None, description=IDS)
    filter: Filter | None = Field(default=None, description=FILTER)

    @property
    def of_group(self) -> OfGroup:
        """Raises BadParameters when it names none."""
        if self.group is None:
            raise BadParameters("group is missing: which one is meant.")
        return OfGroup(group=self.group)
