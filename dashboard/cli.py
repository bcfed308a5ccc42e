"""`manage.py` and the console script `streamgauge`: the same commands."""

from __future__ import annotations

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line


def main() -> None:
    """Run a command. A wrong value in the environment ends with one sentence and exit code 2."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as problem:
        print(f"Streamgauge cannot start: {problem}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
