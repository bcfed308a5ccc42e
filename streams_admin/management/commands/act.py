"""`manage.py act ACTION`: plan, look, run and audit, as the pages do, for scripts and for when the site is down."""

from __future__ import annotations

import getpass
import json
import os
import shlex
import socket
import sys
import time
from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.db import Error

from dashboard.accounts.access import Forbidden
from dashboard.accounts.directory import principal_for_user
from dashboard.accounts.principals import Principal
from dashboard.display.format import age, number
from dashboard.streams import links
from dashboard.streams.errors import StreamError
from dashboard.streams.names import to_path
from streams_admin import plans
from streams_admin.actions import gate
from streams_admin.actions.registry import ALL
from streams_admin.audit.log import Caller
from streams_admin.errors import ActionError
from streams_admin.models import Operation, Plan
from streams_admin.operations import start
from streams_admin.operations.outcomes import outcome_of
from streams_admin.params.kinds import NAMES

HELP = """Run one action on a stream: print the plan, ask, run it, print the results. Exits with 1 unless all was done.

  act claim --server default --stream orders:new --as anna --param group=workers --param filter.consumer=worker-2 \\
      --param to=worker-1 --yes --reason "worker-2 is gone"

Parameters are those of the API. Names are taken byte for byte as the shell passes them; ids are separated by commas;
other values are parsed as JSON if possible (5, true, [["field", "value"]]), otherwise taken as strings."""
LOOK_EVERY = 0.2
NAMED_MOST = 20
"""IDs that are named of those a plan will not touch."""


class Command(BaseCommand):
    help = "Plan and run one action on a stream."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.description = HELP
        parser.add_argument("action", help=", ".join(ALL))
        parser.add_argument("--server", default="default", help="the configured name (default: default)")
        parser.add_argument("--stream", required=True, help="the key of the stream")
        parser.add_argument(
            "--as", dest="who", required=True, metavar="USER", help="the user who acts, with their permissions"
        )
        parser.add_argument("--param", action="append", default=[], metavar="NAME=VALUE", help="repeatable")
        parser.add_argument("--reason", default="", help="recorded in the audit log")
        parser.add_argument(
            "--duty",
            type=_percent,
            default=0,
            metavar="PERCENT",
            help="percent of the time that a large operation may spend in commands, 1 to 100 (default: OPERATION_DUTY)",
        )
        parser.add_argument("--yes", action="store_true", help="run without asking")
        parser.add_argument("--confirm", metavar="TEXT", help="the typed confirmation of an irreversible action")
        parser.add_argument("--dry-run", action="store_true", help="only show the plan")

    def handle(self, *args: Any, **given: Any) -> None:
        caller = Caller(_principal(given["who"]), "command", claimed=f"{_login()} on {socket.gethostname()}")
        with refusals_as_errors():
            plan = self._plan(caller, given)
        self._show(plan)
        if given["dry_run"]:
            return
        confirm = self._agree(plan, given)
        with refusals_as_errors():
            operation = start.begin(caller, plan, confirm=confirm, reason=given["reason"][:2000], duty=given["duty"])
        with left_to_others(operation):
            self._follow(operation)
        self._report(operation)

    def _plan(self, caller: Caller, given: dict[str, Any]) -> Plan:
        server, key = links.get(given["server"]), os.fsencode(given["stream"])
        params = params_of(given["param"])
        return plans.prepare(caller, server, key, given["action"], params)

    def _show(self, plan: Plan) -> None:
        preview = plan.preview
        self.stdout.write(f"{preview['title']}\n{preview['sentence']}\n")
        for note in preview["notes"]:
            mark = {"stuck": "!!", "late": "! "}.get(note["severity"], "  ")
            self.stdout.write(f"{mark} {note['title']}. {note['text']}".rstrip())
        for kind, ids in _untouched(plan):
            self.stdout.write(f"   {kind}: {ids}")
        for change in preview["changes"]:
            said = age if change["unit"] == "ms" else number
            after = "" if change["note"] else "not counted"
            after = after if change["after"] is None else said(change["after"])
            self.stdout.write(f"   {change['label']}: {said(change['now'])} -> {after} {change['note']}".rstrip())
        for line in preview["redis_cli"]:
            self.stdout.write(f"   > {line}")

    def _agree(self, plan: Plan, given: dict[str, Any]) -> str:
        """The text that was typed, or ""."""
        wanted, at_terminal = plan.preview["confirm"], sys.stdin.isatty()
        if wanted:
            return self._typed(wanted, given["confirm"], at_terminal)
        if not given["yes"] and not at_terminal:
            raise CommandError("Nothing was done. Add --yes to run without asking.")
        if not given["yes"] and input("Run it? [y/N] ").strip().lower() not in ("y", "yes"):
            raise CommandError("Nothing was done.")
        return ""

    def _typed(self, wanted: str, confirm: str | None, at_terminal: bool) -> str:
        if confirm is None and not at_terminal:
            raise CommandError(f"Nothing was done. This cannot be undone: add --confirm {shlex.quote(wanted)}.")
        return input(f"This cannot be undone. Type {wanted} to confirm: ") if confirm is None else confirm

    def _follow(self, operation: Operation) -> None:
        """Until it is over, whoever runs it: this process, or the site. Ctrl-C cancels it between two batches."""
        while not operation.over and operation.state != "paused":
            try:
                if not start.work_once():
                    time.sleep(LOOK_EVERY)
            except KeyboardInterrupt:
                self.stderr.write("Cancelling…")
                start.request_state(operation, "cancel")
            operation.refresh_from_db()
            if sys.stderr.isatty():
                self.stderr.write(f"\r{number(operation.done)} of {number(operation.total)} ", ending="")

    def _report(self, operation: Operation) -> None:
        counts = ", ".join(f"{number(count)} {kind.replace('_', ' ')}" for kind, count in operation.results.items())
        found = outcome_of(operation)
        self.stdout.write(f"{found.text.lower()}: {counts or 'nothing'}")
        for label, before, after in operation.figures:
            self.stdout.write(f"   {label}: {number(before)} -> {number(after)}")
        self.stdout.write(f"   operation {operation.pk}")
        if found.word != "done":
            raise CommandError(operation.error or "Not everything was done.")


def _login() -> str:
    """Of the operating system; in a container it may have no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def _principal(name: str) -> Principal:
    user = User.objects.filter(username=name).first()
    if user is None:
        raise CommandError(f"There is no user {name!r}. --as is the user who acts, with their permissions on the site.")
    return principal_for_user(user)


def _untouched(plan: Plan) -> Iterator[tuple[str, str]]:
    """Why some of the named entries will not be touched, and which."""
    ids = [str(id_) for id_ in gate.resolve(plan.action).absent(gate.seen_of(plan))]
    more = f" and {number(len(ids) - NAMED_MOST)} more" if len(ids) > NAMED_MOST else ""
    for kind in ("not_pending", "not_found"):
        if ids and plan.preview["counts"].get(kind):
            yield kind.replace("_", " "), ", ".join(ids[:NAMED_MOST]) + more


def _percent(text: str) -> int:
    """As in the API: 1 to 100, or 0 for what the settings say. Raises ArgumentTypeError."""
    if text.isascii() and text.isdigit() and int(text[:4]) <= 100:
        return int(text)
    raise ArgumentTypeError(f"{text[:40]!r} is not a whole number from 0 to 100")


@contextmanager
def refusals_as_errors() -> Iterator[None]:
    """What is refused ends the command with its sentence."""
    try:
        yield
    except (ActionError, Forbidden, StreamError) as error:
        raise CommandError(error.message) from error


@contextmanager
def left_to_others(operation: Operation) -> Iterator[None]:
    """While our database is out of order, nobody goes on with it and nobody knows how far it got."""
    try:
        yield
    except Error as error:
        raise CommandError(
            f"Streamgauge's database does not answer ({error}). Once it does, operation {operation.pk} goes on where "
            "the site or another act runs."
        ) from error


def params_of(words: list[str]) -> dict[str, Any]:
    """`name=value` as actions take them. Raises CommandError."""
    found: dict[str, Any] = {}
    for word in words:
        name, sign, text = word.partition("=")
        if not sign:
            raise CommandError(f"--param is {word!r}; allowed: NAME=VALUE.")
        outer, dot, inner = name.partition(".")
        where = found.setdefault(outer, {}) if dot else found
        if not isinstance(where, dict):
            raise CommandError(f"--param {name} conflicts with the {outer} before it.")
        where[inner or outer] = _value(inner or outer, text)
    return found


def _value(name: str, text: str) -> Any:
    if name in NAMES:
        return to_path(os.fsencode(text)) if text else ""
    if name == "ids":
        return [part.strip() for part in text.split(",")]
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, bool | int | list | dict) else text
