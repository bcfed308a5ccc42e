"""`manage.py verify_audit`: whether the audit log is as it was written."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from dashboard.display.format import plural
from streams_admin.audit import log
from streams_admin.models import AuditEntry


class Command(BaseCommand):
    help = (
        "Verify the audit log: print each record that does not match and exit with 1, otherwise print the last hash. "
        "Keep that hash and the number of records elsewhere and pass them next time: it is the only way to notice "
        "records cut off at the end, or a log that was replaced."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--expect", metavar="HASH", default="", help="the last hash of an earlier check")
        parser.add_argument("--count", metavar="N", type=int, help="how many records there were then")

    def handle(self, *args: Any, expect: str, count: int | None, **options: Any) -> None:
        broken = 0
        for number, why in log.broken():
            self.stdout.write(f"record {number}: {why}")
            broken += 1
        if broken:
            raise CommandError(
                f"The audit log was changed: {plural(broken, 'record')} of {AuditEntry.objects.count():,}."
            )
        if why := log.missing(expect.strip().lower(), count):
            raise CommandError(f"The audit log is not the one checked before. {why}")
        self.stdout.write(
            f"{plural(AuditEntry.objects.count(), 'record')}, unchanged. The last hash is {log.last_hash()}."
        )
