"""The only mutating commands on a watched Redis. One small function each; nothing is ever sent twice.

Each raises StreamError: Unreachable when nothing was sent, OutcomeUnknown when the reply was lost, and what the server
refused as it said it.
"""

from __future__ import annotations

from streams_admin.writes.connections import end_connection
from streams_admin.writes.copies import REFUSED, SCRIPTED_AT_ONCE, dead_letter, dead_letter_argv, replay
from streams_admin.writes.entries import (
    PASSED,
    add,
    add_argv,
    delete,
    delete_argv,
    trim,
    trim_argv,
    trim_safely,
    trim_until,
)
from streams_admin.writes.groups import (
    consumer_create,
    consumer_create_argv,
    consumer_delete,
    consumer_delete_argv,
    group_create,
    group_create_argv,
    group_destroy_argv,
    group_set_argv,
    on_group_as_seen,
    stream_delete,
    stream_delete_argv,
)
from streams_admin.writes.leases import Lease, LeaseBatch
from streams_admin.writes.pending import Marks, ack, ack_argv, claim, claim_argv, claims, nack, nack_argv, release
from streams_admin.writes.scripting import runs_scripts

__all__ = [
    "PASSED",
    "REFUSED",
    "SCRIPTED_AT_ONCE",
    "Lease",
    "LeaseBatch",
    "Marks",
    "ack",
    "ack_argv",
    "add",
    "add_argv",
    "claim",
    "claim_argv",
    "claims",
    "consumer_create",
    "consumer_create_argv",
    "consumer_delete",
    "consumer_delete_argv",
    "dead_letter",
    "dead_letter_argv",
    "delete",
    "delete_argv",
    "end_connection",
    "group_create",
    "group_create_argv",
    "group_destroy_argv",
    "group_set_argv",
    "nack",
    "nack_argv",
    "on_group_as_seen",
    "release",
    "replay",
    "runs_scripts",
    "stream_delete",
    "stream_delete_argv",
    "trim",
    "trim_argv",
    "trim_safely",
    "trim_until",
]
