"""`manage.py create_token`: an API token, printed once, alone on stdout."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from dashboard.accounts.permissions import ROLES
from dashboard.accounts.secrets import digest, new_secret
from dashboard.management import database, tokens
from dashboard.models import ApiToken
from dashboard.streams import links
from dashboard.streams.errors import UnknownServer

MOST_DAYS = 3650


class Command(BaseCommand):
    help = "Create an API token and print it once. --list shows all tokens, --revoke NAME revokes one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--name", help="what the token is for")
        parser.add_argument("--role", help="viewer, operator or admin")
        parser.add_argument("--server", default="*", help="only on this server")
        parser.add_argument("--keys", action="append", help="only keys that match, like 'orders:*'; repeatable")
        parser.add_argument(
            "--expires", type=int, metavar="DAYS", help="works for this many days; default: until revoked"
        )
        parser.add_argument("--list", action="store_true", help="list the tokens")
        parser.add_argument("--revoke", metavar="NAME", help="revoke a token")

    def handle(self, *args: Any, **given: Any) -> None:
        database.prepare()
        if given["list"]:
            for line in tokens.lines():
                self.stdout.write(line)
        elif given["revoke"]:
            tokens.revoke(given["revoke"])
            self.stderr.write(f"{given['revoke']} is revoked.")
        else:
            expires = _expires(given["expires"])
            self._create(given["name"], given["role"], given["server"], given["keys"] or ["*"], expires)

    def _create(
        self, name: str | None, role: str | None, server: str, keys: list[str], expires: datetime | None
    ) -> None:
        if not name or len(name) > 64:
            raise CommandError("--name is missing; say what the token is for, in at most 64 characters.")
        if role not in ROLES:
            raise CommandError(f"--role is {role!r}; allowed: {', '.join(ROLES)}.")
        if server != "*":
            _known(server)
        if ApiToken.objects.filter(name=name).exists():
            raise CommandError(f"A token named {name!r} already exists.")
        secret = new_secret()
        ApiToken.objects.create(name=name, role=role, server=server, keys=keys, digest=digest(secret), expires=expires)
        self.stdout.write(secret)


def _expires(days: int | None) -> datetime | None:
    if days is None:
        return None
    if not 1 <= days <= MOST_DAYS:
        raise CommandError(f"--expires is {days}; allowed: days from 1 to {MOST_DAYS}.")
    return timezone.now() + timedelta(days=days)


def _known(server: str) -> None:
    try:
        links.get(server)
    except UnknownServer as error:
        raise CommandError(error.message) from error
