"""The verbs. `ALL` is the registry that pages, API, command line, menus and tests go through."""

from __future__ import annotations

from streams_admin.actions.ack import Ack
from streams_admin.actions.add import Add
from streams_admin.actions.base import Action
from streams_admin.actions.claim import Claim
from streams_admin.actions.consumers import ConsumerCreate, ConsumerDelete
from streams_admin.actions.dead_letter import DeadLetter
from streams_admin.actions.delete import Delete
from streams_admin.actions.ghosts import Ghosts
from streams_admin.actions.group_destroy import GroupDestroy
from streams_admin.actions.groups import GroupCreate
from streams_admin.actions.release import Release
from streams_admin.actions.replay import Replay
from streams_admin.actions.set_position import GroupSetPosition
from streams_admin.actions.stream_delete import StreamDelete
from streams_admin.actions.trim import Trim

ALL: dict[str, Action] = {
    action.slug: action
    for action in (
        Claim(),
        Ack(),
        Release(),
        DeadLetter(),
        Replay(),
        Add(),
        Ghosts(),
        Delete(),
        Trim(),
        GroupCreate(),
        GroupSetPosition(),
        GroupDestroy(),
        ConsumerCreate(),
        ConsumerDelete(),
        StreamDelete(),
    )
}
