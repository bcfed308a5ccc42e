"""What came of each entry of a large operation: a JSON Lines file in DATA_DIR/operations, beside the counts in its row.

A batch is appended after it is saved: a process that is killed in between leaves it out, and one that is killed in the
middle of a line leaves half of it. An ID that is listed again counts as it was listed last. The row is what is certain:
`not_named` says how many results it counts that no line has. Where several machines share a database, the file lies on
the one that ran the batch.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from asgiref.sync import sync_to_async

from dashboard.config.active import configured
from streams_admin.models import Operation

log = logging.getLogger(__name__)

CHUNK = 2_000
"""Lines that are sent at once."""
BITS = 2**26
"""Marks for IDs that were met, 8 MiB: of a million different ones about one in 130 finds its mark set."""
SWEEP_EVERY = 3600.0
HEAD, TAIL = b'{"id": "', b'"}\n'


def path_of(operation: UUID) -> Path:
    return configured().data_dir / "operations" / f"{operation}.jsonl"


def keep(operation: Operation, named: Mapping[str, str]) -> None:
    """Append results of a batch that was saved: the IDs of each as one text. A disk that refuses is logged: the
    operation and its counts go on."""
    path = path_of(operation.pk)
    try:
        if named and not (_kept_in_row(operation, named) and operation.over and not path.exists()):
            _append(path, b"".join(_lines_of(result, ids) for result, ids in named.items()))
    except OSError as error:
        log.warning("results of operation %s could not be stored: %s", operation.pk, error)


def _kept_in_row(operation: Operation, named: Mapping[str, str]) -> bool:
    return sum(ids.count(" ") + 1 for ids in named.values()) <= len(operation.entries)


def _append(path: Path, lines: bytes) -> None:
    """Behind whole lines: what a process left unfinished is ended first."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    with open(path, "ab+", opener=_for_us_alone) as file:
        file.write(lines if _ends_whole(file) else b"\n" + lines)


def _for_us_alone(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _ends_whole(file: BinaryIO) -> bool:
    if not file.tell():
        return True
    file.seek(-1, 2)
    return file.read(1) == b"\n"


def _lines_of(result: str, ids: str) -> bytes:
    """A line per ID. Nothing has to be escaped: an ID is numbers, a result a word."""
    between = f'", "result": "{result}"}}\n{{"id": "'
    return f'{{"id": "{ids.replace(" ", between)}", "result": "{result}"}}\n'.encode()


def read(operation: Operation) -> Iterator[bytes]:
    """The results in chunks of lines, each ID once, then a line that says how many are named and how many are not."""
    path, named = path_of(operation.pk), 0
    found = _last_ones(path) if path.exists() else (_lines_of(result, id_) for id_, result in operation.entries)
    chunk: list[bytes] = []
    for line in found:
        chunk.append(line)
        named += 1
        if len(chunk) == CHUNK:
            yield b"".join(chunk)
            chunk = []
    end = {"state": operation.state, "named": named, "not_named": max(0, operation.done - named)}
    yield b"".join([*chunk, json.dumps(end).encode(), b"\n"])


def _last_ones(path: Path) -> Iterator[bytes]:
    """Whole lines; of those with the same ID only the last. In flat memory, by reading the file twice."""
    again = _met_again(path)
    for at, line in enumerate(_lines(path)):
        if again.get(_id(line), at) == at:
            yield line


def _met_again(path: Path) -> dict[bytes, int]:
    """The last line of each ID that has several, and of a few that only look like another one."""
    marks, found = bytearray(BITS // 8), {}
    for at, line in enumerate(_lines(path)):
        byte, bit = divmod(zlib.crc32(_id(line)) % BITS, 8)
        if marks[byte] & 1 << bit:
            found[_id(line)] = at
        marks[byte] |= 1 << bit
    return found


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        for line in file:
            if line.startswith(HEAD) and line.endswith(TAIL) and line.count(b'"') == 8:
                yield line


def _id(line: bytes) -> bytes:
    return line[len(HEAD) : line.index(b'"', len(HEAD))]


def expire() -> int:
    """Delete files that nobody has appended to for OPERATION_RESULTS_DAYS; how many."""
    before, count = time.time() - configured().operation_results_days * 86_400, 0
    for path in path_of(UUID(int=0)).parent.glob("*.jsonl"):
        with suppress(FileNotFoundError):  # another process was faster
            if path.stat().st_mtime < before:
                path.unlink()
                count += 1
    return count


async def sweep() -> None:
    """Background work: `expire` at the start and every hour, until cancelled."""
    while True:
        await sync_to_async(expire, thread_sensitive=False)()
        await asyncio.sleep(SWEEP_EVERY)
