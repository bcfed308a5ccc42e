"""What is kept of what a socket is sent, and of the answers it does not read: a bounded part."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from dashboard.live.sending.outlet import UNREAD_BYTES, DirectOutlet
from dashboard.management import live_protocol
from dashboard.management.live_protocol import PINGS, TOO_FAST, WAITING, LiveProtocol

FRAME = b'{"type":"nonsense"}'


class Unconnected(LiveProtocol):
    """Notes what it would send."""

    def __init__(self) -> None:
        self.state = self.STATE_OPEN
        self.client_addr = ["127.0.0.1", 1]
        self.application_queue: asyncio.Queue[object] = asyncio.Queue()
        self.closed: list[int] = []
        self.answers: list[bytes] = []
        self.pongs: list[bytes] = []
        self.is_dropped = False

    def sendClose(self, code: int) -> None:
        self.closed.append(code)

    def sendMessage(self, payload: bytes, isBinary: bool) -> None:
        self.answers.append(payload)

    def sendPong(self, payload: bytes) -> None:
        self.pongs.append(payload)

    def dropConnection(self, abort: bool) -> None:
        self.is_dropped = abort

    def registerProducer(self, producer: object, streaming: bool) -> None:
        """There is no transport."""

    def unregisterProducer(self) -> None:
        """Nor was there one."""


@pytest.fixture
def socket() -> Unconnected:
    return Unconnected()


def test_so_many_frames_wait_and_no_more(socket: Unconnected) -> None:
    """Whoever sends faster than frames can even be refused is closed, before signing in too."""
    for _ in range(WAITING):
        socket.onMessage(FRAME, False)
    assert (socket.application_queue.qsize(), socket.closed) == (WAITING, [])
    socket.onMessage(FRAME, False)
    assert (socket.application_queue.qsize(), socket.closed) == (WAITING, [TOO_FAST])


def test_acknowledgements_do_not_wait(socket: Unconnected) -> None:
    socket.on_ack = lambda _: True
    for _ in range(WAITING + 1):
        socket.onMessage(b'{"type":"ack","id":"t","last_id":"1-0"}', False)
    assert (socket.application_queue.qsize(), socket.closed) == (0, [])


def test_pings_are_answered_while_answers_are_read(socket: Unconnected) -> None:
    socket.onPing(b"0")
    outlet = DirectOutlet(socket, lambda: None, lambda _: False)
    socket.onPing(b"1")
    outlet.pauseProducing()
    socket.onPing(b"2")
    outlet.resumeProducing()
    socket.onPing(b"3")
    assert socket.pongs == [b"0", b"1", b"3"]


def test_who_pings_all_the_time_is_cut_off(socket: Unconnected, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1.0]
    monkeypatch.setattr(live_protocol, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    for _ in range(3):
        for _ in range(PINGS):
            socket.onPing(b"")
        clock[0] += 1
    assert (len(socket.pongs), socket.closed, socket.is_dropped) == (3 * PINGS, [], False)
    for _ in range(PINGS + 1):
        socket.onPing(b"")
    assert (len(socket.pongs), socket.closed, socket.is_dropped) == (4 * PINGS, [TOO_FAST], True)


def test_who_sends_on_and_reads_no_answers_is_cut_off(socket: Unconnected) -> None:
    outlet = DirectOutlet(socket, lambda: None, lambda _: False)
    answer = {"type": "error", "message": "x" * 1000}
    for _ in range(100):
        outlet.send(answer)
    assert (len(socket.answers), socket.is_dropped) == (100, False), "they leave as they come"
    outlet.pauseProducing()
    for _ in range(60):
        outlet.send(answer)
    assert (len(socket.answers), socket.is_dropped) == (160, False)
    for _ in range(60):
        outlet.send(answer)
    assert len(socket.answers) * 1000 < 100_000 + UNREAD_BYTES
    assert socket.is_dropped
