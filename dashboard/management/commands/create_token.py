"""`manage.py create_token`: an API token, printed once, alone on stdout."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from dashboard.accounts.permissions import ROLES
from dashboard.accounts.secrets import digest, new_secret
from dashboard.management import database
from dashboard.models import ApiToken
from dashboard.streams import links
from dashboard.streams.errors import UnknownServer


class Command(BaseCommand):
    help = "Create an API token and print it once. --list shows all tokens, --revoke NAME revokes one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--name", help="what the token is for")
        parser.add_argument("--role", help="viewer, operator or admin")
        parser.add_argument("--server", default="*", help="only on this server")
        parser.add_argument("--keys", action="append", help="only keys that match, like 'orders:*'; repeatable")
        parser.add_argument("--list", action="store_true", help="list the tokens")
        parser.add_argument("--revoke", metavar="NAME", help="revoke a token")

    def handle(self, *args: Any, **given: Any) -> None:
        database.prepare()
        if given["list"]:
            self._list()
        elif given["revoke"]:
            self._revoke(given["revoke"])
        else:
            self._create(given["name"], given["role"], given["server"], given["keys"] or ["*"])

    def _list(self) -> None:
        for token in ApiToken.objects.order_by("name"):
            state = "revoked" if token.revoked else f"last used {token.last_used or 'never'}"
            self.stdout.write(f"{token.name}\t{token.role}\t{token.server}\t{' '.join(token.keys)}\t{state}")

    def _revoke(self, name: str) -> None:
        if not ApiToken.objects.filter(name=name, revoked=None).update(revoked=timezone.now()):
            raise CommandError(f"There is no active token named {name!r}.")
        self.stderr.write(f"{name} is revoked.")

    def _create(self, name: str | None, role: str | None, server: str, keys: list[str]) -> None:
        if not name or len(name) > 64:
            raise CommandError("--name is missing; say what the token is for, in at most 64 characters.")
        if role not in ROLES:
            raise CommandError(f"--role is {role!r}; allowed: {', '.join(ROLES)}.")
        if server != "*":
            _known(server)
        if ApiToken.objects.filter(name=name).exists():
            raise CommandError(f"A token named {name!r} already exists.")
        secret = new_secret()
        ApiToken.objects.create(name=name, role=role, server=server, keys=keys, digest=digest(secret))
        self.stdout.write(secret)


def _known(server: str) -> None:
    try:
        links.get(server)
    except UnknownServer as error:
        raise CommandError(error.message) from error
