"""From XADD to the viewer, through `serve`: milliseconds, what was skipped, processor and memory, beside a bare XREAD.

IDs say when their entry was added, to the microsecond: milliseconds, then what is left of them as the sequence number.
"""

from __future__ import annotations

import bisect
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis

from dashboard.streams.names import to_path
from streams_admin.demo import embedded

ROOT = Path(__file__).resolve().parents[2]
KEY = b"bench:live"
BODY = b"x" * 120
EACH_TOKEN = 4
"""Viewers with the same token: a thousand viewers are not one person."""
SAMPLED = 40
"""Viewers of which every entry is judged; of all others what is skipped is counted."""
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Load:
    """So many viewers, entries per second, and seconds of them. `form`: json or html."""

    viewers: int
    rate: float
    seconds: float
    form: str = "json"


@dataclass
class Bare:
    """A redis-py client that does nothing but XREAD BLOCK: when each entry reached it."""

    url: str
    waits: list[float] = field(default_factory=list)
    ended: bool = False

    def run(self) -> None:
        with redis.Redis.from_url(self.url, protocol=2, socket_timeout=10) as client:
            at = b"$"
            while not self.ended:
                for _, entries in client.xread({KEY: at}, block=200, count=500) or ():
                    now = time.time()
                    self.waits += [now - _added(id_.decode()) for id_, _ in entries]
                    at = entries[-1][0]


@contextmanager
def served(url: str) -> Iterator[tuple[int, subprocess.Popen[bytes], list[str]]]:
    """The site as a process of its own: its port, the process and API tokens."""
    with tempfile.TemporaryDirectory(prefix="streamgauge-bench-live-") as folder:
        port = embedded.free_port()
        plain = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
        given = {"DATA_DIR": folder, "REDIS_URL": url, "LOG_LEVEL": "ERROR", "SAMPLE_EVERY": "5"}
        command = [sys.executable, "manage.py"]
        process = subprocess.Popen(
            [*command, "serve", "--port", str(port), "--until-stdin-ends"],
            cwd=ROOT,
            env={**plain, **given},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        process.stdout.readline()
        made = subprocess.run(
            [*command, "shell", "-v0", "-c", _TOKENS],
            cwd=ROOT,
            env={**plain, **given},
            capture_output=True,
            text=True,
            check=True,
        )
        try:
            yield port, process, json.loads(made.stdout.splitlines()[-1])
        finally:
            process.communicate(timeout=30)


_TOKENS = """
import json
from dashboard.accounts.secrets import digest, new_secret
from dashboard.models import ApiToken
secrets = [new_secret() for _ in range(250)]
ApiToken.objects.bulk_create(
    ApiToken(name=f"bench-{n}", role="viewer", server="*", keys=["*"], digest=digest(secret))
    for n, secret in enumerate(secrets)
)
print(json.dumps(secrets))
"""


def measured(load: Load) -> dict[str, object]:
    """One load, on a server and a site of its own."""
    with ExitStack() as stack:
        server = stack.enter_context(embedded.start())
        client = stack.enter_context(redis.Redis.from_url(server.url, protocol=2))
        client.xadd(KEY, {"t": "0"}, id=_id())
        port, site, tokens = stack.enter_context(served(server.url))
        memory = _memory(site.pid)
        viewers = _viewers(port, tokens, load)
        assert viewers.stdout is not None
        assert viewers.stdout.readline().strip() == "ready"
        watching = _memory(site.pid)
        bare = Bare(server.url)
        reading = threading.Thread(target=bare.run)
        reading.start()
        time.sleep(1)
        began, used = time.monotonic(), _cpu(site.pid)
        ids = _produce(client, load)
        took, used = time.monotonic() - began, _cpu(site.pid) - used
        time.sleep(2)
        bare.ended = True
        reading.join()
        out, _ = viewers.communicate("end\n", timeout=60)
        found = _judged(ids, json.loads(out))
        return {
            "bench": "live",
            "viewers": load.viewers,
            "form": load.form,
            "entries_per_second": load.rate,
            **found,
            "bare_p50_ms": _percentile(bare.waits, 50),
            "bare_p99_ms": _percentile(bare.waits, 99),
            "site_cpu_percent": round(100 * used / took),
            "kib_a_viewer": round((watching - memory) / load.viewers / 1024, 1),
            "kib_more_after": round((_memory(site.pid) - watching) / load.viewers / 1024, 1),
        }


def lines(seconds: float) -> Iterator[dict[str, object]]:
    """The loads of which there are marks."""
    for load in (
        Load(1, 4, seconds),
        Load(1, 25, seconds),
        Load(200, 500, seconds),
        Load(1000, 500, seconds),
        Load(200, 100, seconds, "html"),
    ):
        yield measured(load)


def _viewers(port: int, tokens: list[str], load: Load) -> subprocess.Popen[str]:
    some = tokens[: max(1, load.viewers // EACH_TOKEN)]
    words = [str(port), ",".join(some), to_path(KEY), str(load.viewers), load.form]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.viewers", *words],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _produce(client: redis.Redis, load: Load) -> list[str]:
    """One entry after the other in an even flow; their IDs."""
    ids, begin = [], time.monotonic()
    for n in range(int(load.rate * load.seconds)):
        if (rest := begin + n / load.rate - time.monotonic()) > 0:
            time.sleep(rest)
        ids.append(_id())
        client.xadd(KEY, {"t": n, "body": BODY}, id=ids[-1], maxlen=100_000, approximate=True)
    return ids


def _judged(ids: list[str], seen: dict[str, Any]) -> dict[str, object]:
    """Every entry came once or was counted, by the chain of IDs; how long they took. Late: not there after all."""
    place = {id_: n for n, id_ in enumerate(ids, 1)}
    order = [(int(ms), int(seq)) for ms, seq in (id_.split("-") for id_ in ids)]
    waits: list[float] = []
    skipped = frames = late = 0
    for number, viewer in enumerate(seen["frames"]):
        reached = 0
        for at, prev, last, left_out in viewer:
            ms, seq = prev.split("-")
            before = place.get(prev, bisect.bisect_left(order, (int(ms), int(seq))))
            assert before == reached, f"a gap: {reached} to {before}"
            reached = place[last]
            skipped += left_out
            if number < SAMPLED:
                waits += [at - _added(id_) for id_ in ids[before + left_out : reached]]
        late += len(ids) - reached
        frames += len(viewer)
    return {
        "p50_ms": _percentile(waits, 50),
        "p99_ms": _percentile(waits, 99),
        "skipped_percent": round(100 * skipped / (len(ids) * len(seen["frames"])), 2),
        "late_percent": round(100 * late / (len(ids) * len(seen["frames"])), 2),
        "frames": frames,
        "mib": round(seen["bytes"] / 2**20, 1),
        "client_cpu_s": round(seen["cpu"], 1),
    }


def _id() -> str:
    """Of an entry that is added now."""
    now = time.time_ns()
    return f"{now // 1_000_000}-{now % 1_000_000}"


def _added(id_: str) -> float:
    """Seconds since the epoch."""
    ms, seq = id_.split("-")
    return int(ms) / 1000 + int(seq) / 1e9


def _percentile(waits: list[float], percent: int) -> float | None:
    """In milliseconds."""
    found = sorted(waits)
    return round(1000 * found[min(len(found) - 1, len(found) * percent // 100)], 1) if found else None


def _memory(pid: int) -> int:
    """Bytes that a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _cpu(pid: int) -> float:
    """Seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS
