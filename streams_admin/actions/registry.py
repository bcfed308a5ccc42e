"""The verbs. `ALL` is the registry that pages, API, command line, menus and tests go through.

Verbs are the modules imported below; `base` says what one is. The other modules help them:

* pending entries of a group: `pending` (what these verbs share), `looking` (finding them), `untouched` (what is still
  as the plan saw it), `matching` (long lists), `retried`, `pending_words` (what their plans say)
* entries of a stream: `entries` (what delete and replay share), `reading` (pages, and named ones), `affected` (what
  goes, as a file), `targets` (the stream that gets copies)
* what a removal costs: `bounds` (how far a trim goes), `losses` (what groups lose), `needs` (what they still need)
* groups and streams in one command: `single`; where groups stand: `positions`
* forms of their own: `claim_form`, `position_form`; the lines for redis-cli: `lines`

A new one is a subclass of Action (PendingAction, EntriesAction, Single) with what is abstract there, `reconcile` for
lost replies, and `affected` when entries go. It gets its place in ALL and, for its button, in `offers.py`. Tests then
ask for a recipe (`tests/streams_admin/recipes_*.py`) and a section of `docs/actions.md`.
"""

from __future__ import annotations

from streams_admin.actions.base import AnyAction
from streams_admin.actions.consumers.create import ConsumerCreate
from streams_admin.actions.consumers.delete import ConsumerDelete
from streams_admin.actions.entries.add import Add
from streams_admin.actions.entries.delete import Delete
from streams_admin.actions.entries.replay import Replay
from streams_admin.actions.groups.create import GroupCreate
from streams_admin.actions.groups.destroy import GroupDestroy
from streams_admin.actions.groups.set_position import GroupSetPosition
from streams_admin.actions.pending.ack import Ack
from streams_admin.actions.pending.claim import Claim
from streams_admin.actions.pending.dead_letter import DeadLetter
from streams_admin.actions.pending.ghosts import Ghosts
from streams_admin.actions.pending.release import Release
from streams_admin.actions.streams.delete import StreamDelete
from streams_admin.actions.streams.trim import Trim

ALL: dict[str, AnyAction] = {
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
