"""Ports to listen on."""

from __future__ import annotations

import socket
from argparse import ArgumentTypeError

MOST = 65_535


def port(text: str) -> int:
    """For an option. Raises ArgumentTypeError."""
    if text.isascii() and text.isdigit() and 1 <= int(text) <= MOST:
        return int(text)
    raise ArgumentTypeError(f"{text!r} is not a port; allowed: a whole number from 1 to {MOST}")


def hindrance(host: str, port: int) -> OSError | None:
    """What keeps us from listening there now; None when nothing does."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error
    return None
