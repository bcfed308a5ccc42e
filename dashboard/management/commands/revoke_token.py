"""`manage.py revoke_token NAME`: an API token stops working."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from dashboard.management import database, tokens


class Command(BaseCommand):
    help = "Revoke an API token. It stops working at once; its live sockets are closed within half a minute."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")

    def handle(self, *args: Any, name: str, **options: Any) -> None:
        database.prepare()
        tokens.revoke(name)
        self.stderr.write(f"{name} is revoked.")
