"""Log lines: one event is one line, whatever a key or a user name contains."""

from __future__ import annotations

import json
import logging
import re

from dashboard.streams.payloads.pieces import escape, is_plain

LONGEST = 200
"""Characters that are kept of a message about a request that was refused."""


def _however_spelt(text: str) -> str:
    """A pattern of a part of an address: each character as it is, or escaped, once or again and again."""
    return "".join(f"(?:{re.escape(char)}|%(?:25)*{ord(char):02x})" for char in text)


SIGN_IN_LINK = re.compile(f"({_however_spelt('sign-in/')})[\\w%-]+", re.IGNORECASE)


def one_line(text: str) -> str:
    """Text with everything escaped that could break or forge a line."""
    return "".join(c if is_plain(c) and c not in "\n\t" else escape(c) for c in text)


def redacted(text: str) -> str:
    """Text without the secrets of sign-in links: whoever reads a log could use one that nobody has used yet."""
    return SIGN_IN_LINK.sub(r"\1…", text)


class FromOutside(logging.Filter):
    """What somebody outside did wrong (a foreign Host, a form too large) is one short line: nobody may fill the log.

    Django logs it as an error of ours, with a traceback, and as long as the header that was sent.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        refused = record.name == "django.request" and getattr(record, "status_code", 500) < 500
        if refused or record.name.startswith("django.security"):
            record.msg, record.args = record.getMessage()[:LONGEST], ()
            record.exc_info = record.exc_text = None
            record.levelno, record.levelname = logging.WARNING, "WARNING"
        return True


class TextFormatter(logging.Formatter):
    """`2026-11-20T03:12:00 INFO streamgauge: …`, tracebacks on the same line, escaped."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S%z")

    def format(self, record: logging.LogRecord) -> str:
        return one_line(redacted(super().format(record)))


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, exception."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname,
            "logger": record.name,
            "message": redacted(record.getMessage()),
        }
        if record.exc_info:
            line["exception"] = redacted(self.formatException(record.exc_info))
        return json.dumps(line)


def formatter(kind: str) -> logging.Formatter:
    return JsonFormatter() if kind == "json" else TextFormatter()
