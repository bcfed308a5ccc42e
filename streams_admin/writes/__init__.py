"""The only mutating commands on a watched Redis. One small function each; nothing is ever sent twice.

Each raises StreamError: Unreachable when nothing was sent, OutcomeUnknown when the reply was lost, and what the server
refused as it said it.
"""

from __future__ import annotations

from streams_admin.writes.copies import REFUSED, SCRIPTED_AT_ONCE, TOO_LARGE, dead_letter, dead_letter_words, replay
from streams_admin.writes.entries import (
    PASSED,
    add,
    add_words,
    delete,
    delete_words,
    trim,
    trim_safely,
    trim_until,
    trim_words,
)
from streams_admin.writes.groups import (
    consumer_create,
    consumer_create_words,
    consumer_delete,
    consumer_delete_words,
    group_create,
    group_create_words,
    group_destroy_words,
    group_set_words,
    on_group_as_seen,
    stream_delete,
    stream_delete_words,
)
from streams_admin.writes.leases import Lease, LeaseBatch
from streams_admin.writes.pending import Marks, ack, ack_words, claim, claim_words, claims, nack, nack_words, release
from streams_admin.writes.scripting import runs_scripts

__all__ = [
    "PASSED",
    "REFUSED",
    "SCRIPTED_AT_ONCE",
    "TOO_LARGE",
    "Lease",
    "LeaseBatch",
    "Marks",
    "ack",
    "ack_words",
    "add",
    "add_words",
    "claim",
    "claim_words",
    "claims",
    "consumer_create",
    "consumer_create_words",
    "consumer_delete",
    "consumer_delete_words",
    "dead_letter",
    "dead_letter_words",
    "delete",
    "delete_words",
    "group_create",
    "group_create_words",
    "group_destroy_words",
    "group_set_words",
    "nack",
    "nack_words",
    "on_group_as_seen",
    "release",
    "replay",
    "runs_scripts",
    "stream_delete",
    "stream_delete_words",
    "trim",
    "trim_safely",
    "trim_until",
    "trim_words",
]
