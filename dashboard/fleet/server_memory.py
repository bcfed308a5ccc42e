"""What earlier rounds know of a server itself: which errors it has answered lately, and since when a finding stands."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import replace

from dashboard.fleet.findings.model import Finding, Limits, Recorded, ServerSeen, nothing_recorded
from dashboard.fleet.findings.registry import judge_server
from dashboard.streams.queries.server import ServerFigures


class ServerMemory:
    """Fed the figures of one round after the other; each comes back judged."""

    def __init__(self, limits: Limits, recorded: Recorded = nothing_recorded) -> None:
        self.limits = limits
        self._recorded = recorded
        self._errors: Mapping[str, int] | None = None
        self._own_no_group = 0
        self._recent: deque[tuple[int, Counter[str]]] = deque()
        self._since: dict[str, int] = {}

    def take(self, figures: ServerFigures, now_ms: int, own_no_group: int = 0) -> tuple[Finding, ...]:
        """Findings about the server. What it answered before we watched, or to ourselves, is not counted.

        `own_no_group`: NOGROUP answers that we have got so far.
        """
        if self._errors is not None:
            ours = Counter(NOGROUP=own_no_group - self._own_no_group)
            new = Counter(figures.errors) - Counter(self._errors) - ours
            if new:
                self._recent.append((now_ms, new))
        self._errors, self._own_no_group = figures.errors, own_no_group
        while self._recent and now_ms - self._recent[0][0] >= self.limits.stuck_ms:
            self._recent.popleft()
        recent: Counter[str] = sum((count for _, count in self._recent), Counter())
        return tuple(self._dated(judge_server(ServerSeen(figures, recent, self.limits)), now_ms))

    def _dated(self, findings: list[Finding], now_ms: int) -> list[Finding]:
        self._since = {f.kind: self._began(f, now_ms) for f in findings}
        return [replace(f, since_ms=self._since[f.kind], oldest_ms=now_ms - self._since[f.kind]) for f in findings]

    def _began(self, finding: Finding, now_ms: int) -> int:
        recorded = self._recorded(finding.identity)
        return self._since.get(finding.kind, now_ms) if recorded is None else recorded
