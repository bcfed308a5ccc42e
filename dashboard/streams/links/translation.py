"""redis-py's exceptions as ours, in sentences that are safe to show."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterable
from threading import Lock

import redis

from dashboard.streams.errors import (
    Gone,
    NotAllowed,
    NotAStream,
    PrimaryChanged,
    ServerRefused,
    StreamError,
    UnknownCommand,
    Unreachable,
)

_MET_BY_A_SCRIPT = re.compile(r"(?:Error running script \(call to f_[0-9a-f]{40}\): )?(?:@user_script: ?[0-9]+: )+-?")
"""What Redis 6.2 puts before the error of a command in a script: less where the script caught it, more where not."""
_SCRIPT_NOT_ALLOWED = "The user executing the script can't "
_UNKNOWN_COMMAND = re.compile(r"unknown command [`']?([^\s`',]{1,40})", re.IGNORECASE)
ID_PASSED = "ID_PASSED"
"""The code of XADD's refusal of an ID that is not above the last one; Redis gives it none."""


def translate(error: Exception) -> StreamError:
    """redis-py's exceptions as ours. The first word of an error is its code; the words after it differ per version."""
    if isinstance(error, StreamError):
        return error
    if isinstance(error, redis.ConnectionError) and isinstance(error.__cause__, redis.RedisError):
        return translate(error.__cause__)  # asyncio wraps what the server says to a new connection
    if isinstance(error, redis.TimeoutError | TimeoutError):
        return Unreachable("The server did not answer in time.")
    if isinstance(error, redis.exceptions.BusyLoadingError):
        return Unreachable("The server is loading its data and does not answer yet.")
    if isinstance(error, redis.exceptions.AuthenticationError):
        return Unreachable("The server rejected the configured user or password.")
    if isinstance(error, redis.exceptions.MaxConnectionsError):
        return Unreachable("All connections to the server are busy.")
    if isinstance(error, redis.ConnectionError | OSError):
        return Unreachable(_connection_words(error))
    if isinstance(error, redis.exceptions.NoPermissionError):
        return _not_allowed()
    return _refused(error)


def _not_allowed() -> NotAllowed:
    return NotAllowed("The server's access list (ACL) does not allow this user to do that.")


def _connection_words(error: Exception) -> str:
    text = str(error)
    for sign, words in _CONNECTION_SIGNS.items():
        if sign in text:
            return words
    return "The connection to the server failed."


_NOBODY = "Connection refused: nothing is listening at the server's address."
_CONNECTION_SIGNS = {
    "refused": _NOBODY,
    # asyncio says "Connect call failed" for any reason; only the number tells which
    f"Error {errno.ECONNREFUSED} ": _NOBODY,
    f"Errno {errno.ECONNREFUSED}]": _NOBODY,
    "No such file": "The server's socket does not exist: it is not running.",
    "Name or service not known": "The server's host name cannot be resolved.",
    "Temporary failure in name resolution": "The server's host name cannot be resolved.",
    "nodename nor servname": "The server's host name cannot be resolved.",
    "CERTIFICATE": "The server's TLS certificate is not trusted.",
    "closed by server": "The server closed the connection.",
    "reset by peer": "The server closed the connection.",
    "Timeout": "The server did not answer in time.",
    "timed out": "The server did not answer in time.",
    "No connection available": "All connections to the server are busy.",
}


def _code(error: Exception) -> str:
    """The first word of an error; of one that a script met (Redis 6.2) that of the command's."""
    before = _MET_BY_A_SCRIPT.match(str(error))
    given = None if before else getattr(error, "status_code", None)
    code = str(given or str(error)[before.end() if before else 0 :].split(" ", 1)[0])
    return code if code.isupper() and code.isalpha() else "ERR"


def _refused(error: Exception) -> StreamError:
    code = _code(error)
    if code == "WRONGTYPE":
        return NotAStream("The key is not a stream.")
    if code == "NOGROUP":
        return Gone("The stream or the group does not exist.", no_group=True)
    if code == "ERR" and ("no such key" in str(error) or "requires the key to exist" in str(error)):
        return Gone("The stream does not exist.", "stream")
    if code == "UNBLOCKED":
        return PrimaryChanged("The server ended the read: it has become a replica, or its primary changed.")
    if code == "ERR" and _SCRIPT_NOT_ALLOWED in str(error):
        return _not_allowed()
    if code in _UNREADY:
        return Unreachable(_UNREADY[code])
    if code == "ERR" and (unknown := _UNKNOWN_COMMAND.search(str(error))):
        return UnknownCommand(f"The server does not know {_plain(unknown[1])}: the command was renamed or removed.")
    if code == "ERR" and "equal or smaller" in str(error):
        return ServerRefused("The stream has gone past this ID.", ID_PASSED)
    return ServerRefused(_REFUSALS.get(code, f"The server returned an error: {_plain(error)}"), code)


_UNREADY = {
    "MASTERDOWN": "The server is a replica that lost its primary and does not serve stale data.",
    "CLUSTERDOWN": "The cluster is down.",
    "BUSY": "The server is busy with a script.",
}
_REFUSALS = {
    "READONLY": "The server is a read-only replica.",
    "OOM": "The server is out of memory and refuses writes that need more.",
    "MISCONF": "The server cannot save its data to disk and refuses writes.",
    "NOREPLICAS": "The server has too few replicas and refuses writes.",
    "MOVED": "The server is part of a cluster, which is not supported yet.",
}


def _plain(error: object) -> str:
    """A server's own words: printable and short."""
    return "".join(c if c.isprintable() else "?" for c in str(error))[:200]


class Tally:
    """Errors that our own commands met, of one server in this process: the server counts them for everybody.

    A page of a group that is gone asks for it, and so does a plan: that says nothing of the server's other clients.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self.no_group = 0
        """NOGROUP answers so far."""

    def note(self, replies: Iterable[object]) -> None:
        """Count those among these replies."""
        met = sum(isinstance(reply, Gone) and reply.no_group for reply in replies)
        if met:
            with self._lock:
                self.no_group += met
