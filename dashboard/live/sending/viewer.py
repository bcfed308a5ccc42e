"""What one socket watches, and how that reaches it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from dashboard.live import encoding
from dashboard.live.framing import Frame
from dashboard.live.news import Batch, News
from dashboard.live.parts import Encoded
from dashboard.live.sending.delivery import Delivery
from dashboard.live.sending.outlet import Outlet
from dashboard.live.subscription import Key, Watch

Work = Coroutine[Any, Any, None]


class Viewer:
    """The socket as delivery sees it. `begin` starts work of the socket, whose end by an error ends the socket."""

    def __init__(
        self, delivery: Delivery, outlet: Outlet, begin: Callable[[Work], None], cut_off: Callable[[], Work]
    ) -> None:
        self.watches: dict[Key, Watch] = {}
        self._delivery, self._outlet, self._begin, self._cut_off = delivery, outlet, begin, cut_off
        self._is_cut_off = False

    def wake(self) -> None:
        """There may be something to send."""
        self._delivery.wake(self)

    def resumed(self) -> None:
        """The outlet is free again."""
        self._confirm()
        self.wake()

    def acknowledge(self, frame: Frame) -> None:
        """Take in a client's ack."""
        id_, stream = str(frame.get("id")), str(frame.get("stream", ""))
        if watch := self.watches.get((id_, stream)) or self.watches.get((id_, "")):
            waited = not watch.flow.open()
            watch.flow.acknowledged(str(frame.get("last_id")))
            if waited:
                self.wake()

    def flush(self) -> int:
        """Send what is new, as far as it may be on its way; how many frames that were."""
        try:
            return sum(self._flush(watch) for watch in tuple(self.watches.values()))
        except Exception as error:  # nothing may end the one task that serves all
            self._begin(_raise(error))
            return 0

    def check(self) -> None:
        """Cut off a viewer who takes nothing any more."""
        blocked = not self._outlet.free
        stuck = self._outlet.stuck or any(watch.flow.stuck(blocked=blocked) for watch in self.watches.values())
        if stuck and not self._is_cut_off:
            self._is_cut_off = True
            self._begin(self._cut_off())

    def _has(self, watch: Watch) -> bool:
        """It may have ended meanwhile, and another with the same id have begun."""
        return self.watches.get(watch.key) is watch

    def _flush(self, watch: Watch) -> int:
        frames = 0
        while self._has(watch) and self._outlet.free and not watch.busy:
            if not watch.may_take():
                self._delivery.later(self)
                break
            if (news := watch.take()) is None:
                break
            frames += self._send(watch, news)
        return frames

    def _send(self, watch: Watch, news: News) -> int:
        if not isinstance(news, Batch):
            self._outlet.send(encoding.simple(watch.id, news, watch.stream))
            return 1
        if watch.draws(news):
            watch.busy = True
            self._begin(self._send_drawn(watch, news))
            return 0
        return self._send_frames(watch, watch.frames(news))

    async def _send_drawn(self, watch: Watch, news: Batch) -> None:
        """Rows that are there for this viewer alone: what it missed before."""
        try:
            self._send_frames(watch, await watch.drawn(news))
        finally:
            watch.busy = False
            self.wake()

    def _send_frames(self, watch: Watch, frames: Sequence[Encoded]) -> int:
        for frame in frames if self._has(watch) else ():
            self._outlet.send_frame(frame)
            self._delivery.counters.sent(frame)
            watch.flow.sent(frame.last_id, frame.size)
        self._confirm()
        return len(frames)

    def _confirm(self) -> None:
        """Where nobody can acknowledge, what has left has arrived."""
        if self._outlet.confirms and self._outlet.free:
            for watch in self.watches.values():
                watch.flow.arrived()


async def _raise(error: Exception) -> None:
    raise error
