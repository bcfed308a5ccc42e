"""`manage.py list_tokens`: every API token, a line each."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from dashboard.management import database, tokens


class Command(BaseCommand):
    help = "List the API tokens: name, role, server, keys, and when each was last used and expires."

    def handle(self, *args: Any, **options: Any) -> None:
        database.prepare()
        for line in tokens.lines():
            self.stdout.write(line)
