"""`manage.py` and the console script `streamgauge`: the same commands."""

from __future__ import annotations

import os
import re
import sys

from django import get_version
from django.core.exceptions import ImproperlyConfigured
from django.core.management import ManagementUtility, get_commands, load_command_class

from dashboard import __version__

OURS = ("dashboard", "streams_admin")
"""The apps whose commands `help` lists."""


class CommandLine(ManagementUtility):
    """Django's, whose help lists our commands, each with a sentence. All of Django's run as ever."""

    def execute(self) -> None:
        """`--version` is ours; Django's is in the same line."""
        if self.argv[1:] in (["--version"], ["version"]):
            sys.stdout.write(f"Streamgauge {__version__} (Django {get_version()})\n")
        else:
            super().execute()

    def main_help_text(self, commands_only: bool = False) -> str:
        """`commands_only`: the names of all, for completion. Raises what was wrong with the settings."""
        if self.settings_exception is not None:
            raise self.settings_exception
        if commands_only:
            return super().main_help_text(commands_only=True)
        ours = sorted(name for name, app in get_commands().items() if app in OURS)
        width = max(map(len, ours)) + 2
        return "\n".join(
            [
                f"Usage: {self.prog_name} COMMAND [options]",
                "",
                *(f"  {name:<{width}}{_summary(name)}" for name in ours),
                "",
                f"{self.prog_name} help COMMAND describes one.",
                "Django's commands (migrate, check, changepassword and others) run too.",
            ]
        )


def _summary(name: str) -> str:
    """The first sentence of a command's help, without what stands behind a colon."""
    text = str(load_command_class(get_commands()[name], name).help)
    return re.split(r"[.:] ", text)[0].rstrip(".") + "."


def main() -> None:
    """Run a command. A wrong value in the environment ends with one sentence and exit code 2."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    try:
        CommandLine(sys.argv).execute()
    except ImproperlyConfigured as problem:
        print(f"Streamgauge cannot start: {problem}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
