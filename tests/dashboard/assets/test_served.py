"""What `serve` sends of the style sheets and scripts: prepared ones for a year, or the plain files where it cannot."""

from __future__ import annotations

import re
import signal
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

from dashboard.assets.storage import SHEETS
from tests.serving import Serve, ended, get, wait_until_it_answers

ADDRESS = re.compile(r'(?:href|src)="([^"]*/static/[^"]+)"')
YEAR = "max-age=31536000, public, immutable"


def addresses(port: int, path: str) -> list[str]:
    return ADDRESS.findall(get(port, path).read().decode())


def fetched(port: int, path: str) -> HTTPResponse:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", path, headers={"Host": "localhost", "Accept-Encoding": "gzip, br", "Connection": "close"})
    return connection.getresponse()


def test_below_a_prefix_all_are_found_compressed_and_kept_for_a_year(serve: Serve, port: int) -> None:
    wait_until_it_answers(serve(FORCE_SCRIPT_NAME="/streams"), port)
    found = addresses(port, "/streams/sign-in/")
    assert [path for path in found if not path.startswith("/streams/static/")] == []
    assert [path.split("/")[-2] for path in found].count("bundles") == 2
    for path in found:
        answer = fetched(port, path)
        assert (answer.status, answer.headers["Cache-Control"]) == (200, YEAR), path
        assert answer.headers["Content-Encoding"] in ("br", "gzip"), path
    bundles = [path for path in found if "/bundles/" in path]
    assert {fetched(port, path).headers["Content-Encoding"] for path in bundles} == {"br"}


def test_where_nothing_can_be_written_the_plain_files_are_sent(serve: Serve, port: int, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o700)
    (tmp_path / "data" / "cache").write_text("no folder")
    process = serve()
    wait_until_it_answers(process, port)
    found = addresses(port, "/sign-in/")
    assert [path for path in found if path.endswith(".css")] == [f"/static/{name}" for name in SHEETS]
    assert "/static/js/main.js" in found
    for path in found:
        answer = fetched(port, path)
        assert (answer.status, answer.headers["Cache-Control"]) == (200, "max-age=0, public"), path
    assert "Static files are served uncompressed" in ended(process, signal.SIGTERM)[1]
