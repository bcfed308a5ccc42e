"""`manage.py verify_audit`: whether the audit log is as it was written."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from dashboard.display.format import plural
from streams_admin.audit import log
from streams_admin.models import AuditEntry


class Command(BaseCommand):
    help = (
        "Check the chain of the audit log: prints each line that does not fit and exits 1, or the last hash. "
        "Keep that hash elsewhere: lines cut off at the end leave a chain that holds, with another end."
    )

    def handle(self, *args: Any, **given: Any) -> None:
        broken = 0
        for number, why in log.broken():
            self.stdout.write(f"line {number}: {why}")
            broken += 1
        if broken:
            raise CommandError(
                f"The audit log does not hold: {plural(broken, 'line')} of {AuditEntry.objects.count():,}."
            )
        self.stdout.write(
            f"{plural(AuditEntry.objects.count(), 'line')}, unchanged. The last hash is {log.last_hash()}."
        )
