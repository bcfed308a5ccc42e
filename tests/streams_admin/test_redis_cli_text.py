"""Lines for redis-cli: both its own parser and a shell take every word as it is."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest
import redis

from streams_admin.redis_cli_text import CUT, line

TYPED = [
    "h:$(touch${IFS}canary)",
    "`touch canary`",
    "$HOME",
    "a b",
    "it's",
    "it's $(touch canary)",
    'say "no"',
    "back\\slash",
    "ends with \\",
    "\\$",
    "*",
    "~",
    "{a,b}",
    "a;touch canary",
    "a&&touch canary",
    "a>canary",
    "a|b",
    "#a",
    "!!",
    "a!b $(touch canary)",
    "=ls",
    "",
    "größe",
]
"""Words of characters that people type."""
BYTES = [b"\xff", b"\x00", b"a\nb", b"\xff$(touch canary)", "a\u202eb".encode(), "e\u0301".encode()]
BYTES += [b"it's $(touch canary)!b", b"back\\slash!b", b"\xff!b"]
"""Words with what cannot be typed or not be seen, or needs both kinds of quotes: a shell passes their spelling on,
redis-cli reads it."""


@pytest.mark.parametrize("word", TYPED)
def test_a_shell_takes_it_literally(word: str, tmp_path: Path) -> None:
    said = subprocess.run(
        ["bash", "-c", f"printf '<%s>' {line('XLEN', word)}"], cwd=tmp_path, capture_output=True, check=True
    )
    assert (said.stdout.decode(), said.stderr, list(tmp_path.iterdir())) == (f"<XLEN><{word}>", b"", [])


@pytest.mark.parametrize("word", [*TYPED, *BYTES])
def test_a_shell_reads_it_as_one_command_and_expands_nothing(word: str | bytes, tmp_path: Path) -> None:
    typed = line("XLEN", word)
    assert subprocess.run(["bash", "-n", "-c", typed], capture_output=True, check=True).stderr == b""
    subprocess.run(["bash", "-c", f"true {typed}"], cwd=tmp_path, check=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("word", [*TYPED, *BYTES])
def test_an_interactive_shell_puts_no_earlier_command_in_its_place(word: str | bytes) -> None:
    """History expansion, which only such a shell does: it would print the line anew, or say "event not found"."""
    typed = f"set -o history -H\ntrue {line('XLEN', word)}\n"
    said = subprocess.run(["bash", "--norc"], input=typed.encode(), capture_output=True, check=True)
    assert (said.stdout, said.stderr) == (b"", b"")


@pytest.mark.parametrize("word", [*TYPED, *BYTES])
def test_the_parser_of_redis_takes_it_literally(word: str | bytes, redis_client: redis.Redis) -> None:
    """A server reads an inline command by the same rules as redis-cli reads a line (`sdssplitargs`)."""
    raw = word.encode() if isinstance(word, str) else word
    connection = redis_client.connection_pool.make_connection()
    connection.connect()
    try:
        connection.send_packed_command([f"ECHO {line(word)}\r\n".encode()])
        assert connection.read_response() == raw
    finally:
        connection.disconnect()


def test_words_of_the_safe_alphabet_stay_as_they_are() -> None:
    assert line("XADD", b"orders:new", "1-0", 5) == "XADD orders:new 1-0 5"


def test_a_long_line_is_cut_between_words() -> None:
    cut = line("XADD", *["it is 5"] * 50, max_length=100)
    assert len(cut) <= 100
    assert shlex.split(cut)[1:] == [*["it is 5"] * (len(shlex.split(cut)) - 2), CUT]
    assert line("XADD", "a", max_length=6) == "XADD a"
