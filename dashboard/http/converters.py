"""Path converters `<name:stream>`, `<sid:entry>`, `<rest:...>`, registered by the import. A bad spelling is a 404."""

from __future__ import annotations

from django.urls import register_converter
from django.urls.converters import StringConverter

from dashboard.streams.errors import BadId
from dashboard.streams.ids import StreamId
from dashboard.streams.names import from_path, to_path

TOO_LONG, PATH_MOST = "~too-long", 5_000
"""Where a name leads that is longer as a path name: an address has 16 KiB, and may hold three names."""
RESERVED = {b"about": "~61bout", b"tail": "~74ail"}
"""Streams of these names, and how they stand in addresses: there `about` and `tail` are pages of the server."""
_OF_PATH = {path: name for name, path in RESERVED.items()}


def to_address(name: bytes) -> str:
    """The path name as an address holds it, in its path or its query; TOO_LONG for one that it has no room for."""
    path = to_path(name) if len(name) <= PATH_MOST else TOO_LONG
    return path if len(path) <= PATH_MOST else TOO_LONG


def has_address(name: bytes) -> bool:
    """Whether an address has room for it."""
    return to_address(name) != TOO_LONG


class NameConverter:
    """`<name:stream>`: bytes in the view, a path name in the URL."""

    regex = r"[A-Za-z0-9_.:~-]+"

    def to_python(self, value: str) -> bytes:
        return _OF_PATH.get(value) or from_path(value)

    def to_url(self, value: bytes) -> str:
        if value in RESERVED:
            return RESERVED[value]
        return to_address(value)


class IdConverter:
    """`<sid:entry>`: a StreamId in the view."""

    regex = r"[0-9]{1,20}-[0-9]{1,20}"

    def to_python(self, value: str) -> StreamId:
        try:
            return StreamId.parse(value)
        except BadId as error:
            raise ValueError(str(error)) from error

    def to_url(self, value: StreamId) -> str:
        return str(value)


class RestConverter(StringConverter):
    """`<rest:...>`: whatever is left of an address, line breaks too."""

    regex = r"[\s\S]+"


register_converter(RestConverter, "rest")
register_converter(NameConverter, "name")
register_converter(IdConverter, "sid")
