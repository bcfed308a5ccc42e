"""What a server that denies scripts cannot promise: there check and action are two steps.

The plan says what may come in between, and has to be confirmed by typing.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from dashboard.streams.errors import StreamError
from streams_admin import writes
from streams_admin.actions.base import AnyAction
from streams_admin.actions.context import Scope
from streams_admin.actions.preview import Note, Preview
from streams_admin.actions.single import typed

TITLE = "The server denies scripts (EVAL): check and action are two steps"


def with_promises(scope: Scope, action: AnyAction, preview: Preview) -> Preview:
    """The preview with what is not certain here, and what has to be typed then."""
    if not action.apart or _one_step(scope):
        return preview
    note = Note("late", TITLE, action.apart)
    return replace(preview, notes=[note, *preview.notes], confirm=preview.confirm or typed(scope.key))


def _one_step(scope: Scope) -> bool:
    """Whether scripts run, as far as the server says: one that does not answer is asked again when it is run."""
    with suppress(StreamError):
        return writes.runs_scripts(scope.server)
    return True
