"""`manage.py end_sessions NAME`: a person is signed out everywhere and may sign in again."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from dashboard.management import people


class Command(BaseCommand):
    help = "Sign a user out everywhere and revoke their open sign-in link. Open pages end within half a minute."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")

    def handle(self, *args: Any, name: str, **options: Any) -> None:
        ended = people.end_sessions(people.person(name))
        self.stderr.write(f"{name} is signed out. Sessions ended: {ended}.")
