"""`manage.py create_user NAME --role R`: a person with a role, and a one-time link to sign in with."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import Group, User
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from dashboard.accounts.permissions import ROLES
from dashboard.accounts.sign_in import one_time_link, revoke_links
from dashboard.config.active import configured
from dashboard.config.urls import origin_in
from dashboard.management import database


class Command(BaseCommand):
    help = (
        "Create a user, or change their role, and print a sign-in link that works once, for ten minutes. A link "
        "printed before stops working; a disabled user is enabled again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--role", required=True, help="viewer, operator or admin")
        parser.add_argument(
            "--base-url", default=configured().base_url, help=f"where the site is ({configured().base_url})"
        )

    def handle(self, *args: Any, name: str, role: str, base_url: str, **options: Any) -> None:
        if role not in ROLES:
            raise CommandError(f"--role is {role!r}; allowed: {', '.join(ROLES)}.")
        where = _checked(base_url)
        database.prepare()
        user, made = User.objects.get_or_create(username=name)
        if made:
            user.set_unusable_password()
        user.is_active = True
        user.save()
        user.groups.set([Group.objects.get(name=role)])
        revoke_links(user)
        self.stdout.write(one_time_link(user, where))
        self.stdout.flush()
        self.stderr.write(f"Open it in a browser within ten minutes: it signs {name} ({role}) in, once.")


def _checked(base_url: str) -> str:
    """Raises CommandError, before anybody is made."""
    try:
        return origin_in("--base-url", base_url)
    except ImproperlyConfigured as error:
        raise CommandError(str(error)) from error
