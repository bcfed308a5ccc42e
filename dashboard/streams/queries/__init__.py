"""Every read of a watched server, without I/O: `build()` says what to ask, `parse()` makes a value of the replies.

All commands of one query travel in one pipeline. A query that needs a second look returns the next query from `then()`.
Each command here is bounded: by COUNT, or by what it describes (one stream, its groups, one group's consumers). Entries
are fetched in steps, so that their weight is bounded too.
"""

from __future__ import annotations

from dashboard.streams.queries.base import (
    DETAIL_MAX,
    GROUPS_MAX,
    LOOK_MAX,
    PAGE_MAX,
    Both,
    Command,
    Query,
    Together,
    fitting,
    page,
)
from dashboard.streams.queries.entries import EntryQuery, EntryRange, TailRead
from dashboard.streams.queries.groups import Bodies, GroupQuery, PendingQuery
from dashboard.streams.queries.identity import Identity, IdentityQuery, mark_of
from dashboard.streams.queries.streams import (
    FactsQuery,
    GroupsDetail,
    MemoryQuery,
    ScanStreams,
    StreamQuery,
    group_facts,
)

__all__ = [
    "DETAIL_MAX",
    "GROUPS_MAX",
    "LOOK_MAX",
    "PAGE_MAX",
    "Bodies",
    "Both",
    "Command",
    "EntryQuery",
    "EntryRange",
    "FactsQuery",
    "GroupQuery",
    "GroupsDetail",
    "Identity",
    "IdentityQuery",
    "MemoryQuery",
    "PendingQuery",
    "Query",
    "ScanStreams",
    "StreamQuery",
    "TailRead",
    "Together",
    "fitting",
    "group_facts",
    "mark_of",
    "page",
]
