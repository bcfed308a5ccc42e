"""The verbs. `ALL` is the registry that pages, API, command line, menus and tests go through."""

from __future__ import annotations

from streams_admin.actions.ack import Ack
from streams_admin.actions.base import Action
from streams_admin.actions.claim import Claim
from streams_admin.actions.release import Release
from streams_admin.actions.trim import Trim

ALL: dict[str, Action] = {action.slug: action for action in (Claim(), Ack(), Release(), Trim())}
