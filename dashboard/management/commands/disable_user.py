"""`manage.py disable_user NAME`: a person gets in no more, and is out at once."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from dashboard.management import people


class Command(BaseCommand):
    help = (
        "Disable a user and sign them out everywhere. create_user enables them again. API tokens belong to nobody: "
        "revoke those that the person knows with revoke_token."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")

    def handle(self, *args: Any, name: str, **options: Any) -> None:
        user = people.person(name)
        user.is_active = False
        user.save(update_fields=["is_active"])
        ended = people.end_sessions(user)
        self.stderr.write(f"{name} is disabled. Sessions ended: {ended}.")
