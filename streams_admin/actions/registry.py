"""The verbs. `ALL` is the registry that pages, API, command line, menus and tests go through.

Verbs are the modules imported below; `base` says what one is, `context`, `preview` and `work` what it takes and gives.
The other modules help them:

* `pending/`: `base` (what verbs on pending entries share), `look` (finding them), `unchanged` (what is still as it was
  seen), `retried`, `words` (what their plans say), `claim_form`
* `entries/base` (what delete and replay share); `groups/others` (what other groups lose), `groups/position_form`
* `reads/`: `entries` and `pending` (pages, and named ones), `matching` (long pending lists), `snapshots` (what a plan
  saw), `affected` (what goes, as a file), `targets` (the stream that gets copies), `reservations` (IDs chosen before),
  `positions` (where groups are), `ages` (whether IDs are times), and what a removal costs: `bounds` (how far a trim
  goes), `losses` (what groups lose), `needs` (what they still need)
* `single`: groups and streams in one command; `lines`: the lines for redis-cli

Imports go down: reads know no verb, and no verb knows another one (`ConsumerDelete` is given the claim it begins with).

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

_CLAIM = Claim()
ALL: dict[str, AnyAction] = {
    action.slug: action
    for action in (
        _CLAIM,
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
        ConsumerDelete(_CLAIM),
        StreamDelete(),
    )
}
