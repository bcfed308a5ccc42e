"""What the audit log says of each run: its last line, with when it began and how it stands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, QuerySet

from streams_admin.models import AuditEntry, Operation
from streams_admin.operations.outcomes import Outcome, outcome_of_line


@dataclass(frozen=True, slots=True)
class Span:
    """A run or an attempt: its last line so far, when it began, and its outcome; one that runs is `started`."""

    line: AuditEntry
    began: datetime
    outcome: Outcome


def last_lines(rows: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
    """Of each span only the last line: of one that runs, that it was started."""
    later = AuditEntry.objects.filter(span=OuterRef("span"), pk__gt=OuterRef("pk"))
    return rows.exclude(Exists(later))


def spans(lines: Iterable[AuditEntry]) -> Sequence[Span]:
    """Of some last lines, in two more looks at the database."""
    found = list(lines)
    first = AuditEntry.objects.filter(span__in=[line.span for line in found]).order_by("-pk")
    began = dict(first.values_list("span", "at"))
    operations = Operation.objects.in_bulk([line.operation for line in found if line.operation])
    return [Span(line, began[line.span], _outcome(line, operations)) for line in found]


def _outcome(line: AuditEntry, operations: dict[object, Operation]) -> Outcome:
    return outcome_of_line(line, operations.get(line.operation))
