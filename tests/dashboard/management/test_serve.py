"""`manage.py serve` as a process: it answers, ends in order, and says in one sentence why it cannot start."""

from __future__ import annotations

import json
import re
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

from tests.serving import ROOT, START_WITHIN, Serve, ended, get, wait_until_it_answers


def test_it_answers_with_an_empty_folder_and_ends_in_order(serve: Serve, port: int) -> None:
    process = serve()
    wait_until_it_answers(process, port)
    assert (get(port, "/healthz").status, get(port, "/readyz").read()) == (200, b"ready\n")
    home = get(port, "/")
    assert (home.status, home.headers["Location"]) == (302, "/sign-in/?next=/")
    assert get(port, "/sign-in/").status == 200
    code, output = ended(process, signal.SIGTERM)
    assert code == 0
    assert f"http://127.0.0.1:{port}/" in output
    assert "Traceback" not in output
    assert "ERROR" not in output


def test_ctrl_c_ends_it_in_order_too(serve: Serve, port: int) -> None:
    process = serve()
    wait_until_it_answers(process, port)
    code, output = ended(process, signal.SIGINT)
    assert (code, "Traceback" in output) == (0, False)


def test_a_connection_that_is_only_open_does_not_hold_it(serve: Serve, port: int) -> None:
    process = serve()
    wait_until_it_answers(process, port)
    with socket.create_connection(("127.0.0.1", port), timeout=5) as idle:
        idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert idle.recv(16).startswith(b"HTTP/1.1 200")
        assert ended(process, signal.SIGTERM)[0] == 0


def test_it_starts_though_the_watched_server_is_down(serve: Serve, port: int, tmp_path: Path) -> None:
    process = serve(REDIS_URL=f"unix://{tmp_path}/nobody.sock")
    wait_until_it_answers(process, port)
    assert get(port, "/readyz").status == 200
    assert ended(process, signal.SIGTERM)[0] == 0


def test_its_folder_is_kept_for_itself(serve: Serve, port: int, tmp_path: Path) -> None:
    process = serve()
    wait_until_it_answers(process, port)
    assert ended(process, signal.SIGTERM)[0] == 0
    key = tmp_path / "data" / "secret_key"
    assert len(key.read_text()) >= 50
    assert key.stat().st_mode & 0o077 == 0
    assert (tmp_path / "data" / "streamgauge.sqlite3").exists()


def test_what_it_keeps_is_readable_by_us_alone(serve: Serve, port: int, tmp_path: Path) -> None:
    process = serve()
    wait_until_it_answers(process, port)
    assert get(port, "/sign-in/").status == 200
    folder = tmp_path / "data"
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.iterdir())}
    assert (modes.pop("data"), modes.pop("cache")) == (0o700, 0o700)
    assert {"secret_key", "streamgauge.sqlite3", "streamgauge.sqlite3-wal"} <= modes.keys()
    assert set(modes.values()) == {0o600}


def test_it_says_whether_redis_answers_and_what_is_next(serve: Serve, port: int) -> None:
    process = serve(REDIS_TITLE="Orders")
    lines = [process.stdout.readline() for _ in range(3)] if process.stdout else []
    assert lines[0] == f"Streamgauge listens on http://127.0.0.1:{port}/\n"
    assert re.fullmatch(r"Orders: (Redis|Valkey) [\d.]+ answers\.\n", lines[1])
    assert lines[2] == "Nobody can sign in yet: run streamgauge create_user NAME --role admin in another terminal.\n"


def test_it_says_when_redis_does_not_answer(serve: Serve, port: int, tmp_path: Path) -> None:
    process = serve(REDIS_URL=f"unix://{tmp_path}/nobody.sock")
    lines = [process.stdout.readline() for _ in range(2)] if process.stdout else []
    assert lines[1].startswith("default does not answer yet: ")


def test_it_says_when_nothing_is_watched(serve: Serve) -> None:
    process = serve(REDIS_URL="")
    lines = [process.stdout.readline() for _ in range(2)] if process.stdout else []
    assert lines[1] == "No Redis is watched: set REDIS_URL, or STREAMGAUGE_CONFIG for several.\n"


def test_a_port_in_use_gives_one_sentence(serve: Serve, port: int) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        output, _ = serve().communicate(timeout=START_WITHIN)
    assert output == (
        f"CommandError: Cannot listen on 127.0.0.1:{port}: Address already in use. Choose another with --port.\n"
    )


def test_a_wrong_value_gives_one_sentence(serve: Serve) -> None:
    process = serve(LATE_AFTER="soon")
    output, _ = process.communicate(timeout=START_WITHIN)
    assert process.returncode == 2
    assert output == ("Streamgauge cannot start: LATE_AFTER is 'soon'; allowed: a whole number from 1 to 1000000000.\n")


def test_the_probe_of_the_container_image_finds_the_site(serve: Serve, port: int) -> None:
    """HEALTHCHECK of the Dockerfile, run against a site that only allows its public name."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", "")
    found = re.search(r"^HEALTHCHECK .*CMD (\[.*\])$", text, re.MULTILINE)
    assert found
    probe = [sys.executable, *json.loads(found[1])[1:]]
    environment = {"ALLOWED_HOSTS": "streams.example.com,localhost", "PORT": str(port)}
    assert subprocess.run(probe, env=environment, capture_output=True, timeout=10, check=False).returncode == 1
    process = serve(**environment)
    wait_until_it_answers(process, port)
    assert subprocess.run(probe, env=environment, capture_output=True, timeout=10, check=False).returncode == 0
    assert ended(process, signal.SIGTERM)[0] == 0
