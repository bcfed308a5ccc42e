"""The only exceptions that leave this folder. Every message is one sentence that may be shown to a person."""

from __future__ import annotations


class StreamError(Exception):
    """Something about a watched server, stream or group that the caller must handle or show."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Unreachable(StreamError):
    """The server did not answer in time, refused the connection, or is still loading. Nothing was changed."""


class PrimaryChanged(Unreachable):
    """Another node took over, or the server took another role, while it was read. Read again; nothing was changed."""


class NotAStream(StreamError):
    """The key holds another type."""


class Gone(StreamError):
    """The stream, group or entry does not exist (any more). ``what`` of these it is, "" when that is not known.

    ``no_group``: the server answered NOGROUP, and has counted that.
    """

    def __init__(self, message: str, what: str = "", *, no_group: bool = False) -> None:
        super().__init__(message)
        self.what = what
        self.no_group = no_group


class NotAllowed(StreamError):
    """The server's ACL does not let this client run a command or touch a key."""


class UnknownCommand(NotAllowed):
    """The server does not know a command that every supported one has: it was renamed or removed there."""


class ServerRefused(StreamError):
    """The server understood and said no.

    ``code`` is the first word of its error (OOM, READONLY, MISCONF, BUSYGROUP, ...), ``ERR`` when it gave none.
    """

    def __init__(self, message: str, code: str = "ERR") -> None:
        super().__init__(message)
        self.code = code


class OutcomeUnknown(StreamError):
    """A write was sent and its reply never came: it may or may not have run. It is not repeated."""


class BadId(ValueError):
    """Text that is not a stream ID or a position in time."""


class UnknownServer(StreamError):
    """No server of that name is configured, as far as who asks may know."""

    def __init__(self, name: str) -> None:
        super().__init__(f"No server named “{name[:60]}” is configured.")
