"""Where WebSockets are blocked on the way, the page goes on with server-sent events by itself, and says so."""

from __future__ import annotations

import socket
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.site import Site, wait_until

pytestmark = pytest.mark.browser
REFUSED = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
BADGE = "[data-live-badge]"
COPY = (
    "INSERT INTO django_session (session_key, session_data, expire_date) "
    "SELECT ?, session_data, expire_date FROM django_session WHERE session_key = ?"
)


class Proxy:
    """Before a site: passes everything on but what asks for a WebSocket. `cut` ends what is open."""

    def __init__(self, upstream: int) -> None:
        self.upstream, self.refused = upstream, 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listening.close()
        self.cut()

    def cut(self) -> None:
        while self._open:
            each = self._open.pop()
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                each.close()

    def _accept(self) -> None:
        while True:
            try:
                browser, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(browser,), daemon=True).start()

    def _serve(self, browser: socket.socket) -> None:
        head = browser.recv(65_536)
        if b"upgrade: websocket" in head.lower():
            self.refused += 1
            browser.sendall(REFUSED)
            browser.close()
            return
        site = socket.create_connection(("127.0.0.1", self.upstream))
        self._open += [browser, site]
        site.sendall(head)
        threading.Thread(target=_pass, args=(site, browser), daemon=True).start()
        _pass(browser, site)


def _pass(source: socket.socket, target: socket.socket) -> None:
    try:
        while piece := source.recv(65_536):
            target.sendall(piece)
        target.shutdown(socket.SHUT_RDWR)
    except OSError:
        target.close()


@contextmanager
def blocking(site: Site) -> Iterator[Proxy]:
    proxy = Proxy(site.port)
    try:
        yield proxy
    finally:
        proxy.close()


@pytest.fixture
def proxy(site: Site) -> Iterator[Proxy]:
    site.empty()
    with blocking(site) as found:
        yield found


@pytest.fixture
def page(proxy: Proxy, browser: Browser, admin_state: dict[str, object]) -> Iterator[Page]:
    """A page of an admin behind the proxy: the cookie is that of the host, whatever the port."""
    context = browser.new_context(
        base_url=f"http://127.0.0.1:{proxy.port}",
        storage_state=admin_state,  # type: ignore[arg-type]
        viewport={"width": 1280, "height": 800},
    )
    opened = context.new_page()
    opened.set_default_timeout(15_000)
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    yield opened
    context.close()
    assert wrong == []


def shown(page: Page) -> list[str]:
    rows = page.locator("tbody[data-live-rows] > tr[id]")
    return [str(id_)[2:] for id_ in rows.evaluate_all("rows => rows.map((row) => row.id)")][::-1]


def test_new_entries_come_without_a_socket_and_go_on_after_a_cut(site: Site, page: Page, proxy: Proxy) -> None:
    ids = [str(site.client.xadd("blocked", {"n": "first"}))]
    page.goto("/s/default/blocked/")
    page.mouse.move(5, 5)
    expect(page.locator(BADGE)).to_have_text("live over HTTP")
    expect(page.locator(BADGE)).to_have_attribute(
        "title", "WebSockets are blocked between this browser and the site. News comes as server-sent events instead."
    )
    assert proxy.refused == 1
    ids += [str(site.client.xadd("blocked", {"n": n})) for n in range(20)]
    wait_until(lambda: shown(page) == ids, 10, "all rows are there")
    proxy.cut()
    ids += [str(site.client.xadd("blocked", {"n": n})) for n in range(20)]
    wait_until(lambda: shown(page) == ids, 15, "what came while it was cut is there too")
    expect(page.locator(BADGE)).to_have_text("live over HTTP")


def test_another_filter_is_followed(site: Site, page: Page) -> None:
    ids = [str(site.client.xadd("blocked:filter", {"kind": kind})) for kind in ("odd", "even")]
    page.goto("/s/default/blocked:filter/")
    page.mouse.move(5, 5)
    expect(page.locator(BADGE)).to_have_text("live over HTTP")
    page.locator("input[name=where]").fill("kind = even")
    wait_until(lambda: shown(page) == ids[1:], 10, "the other list is there")
    ids += [str(site.client.xadd("blocked:filter", {"kind": kind})) for kind in ("odd", "even")]
    wait_until(lambda: shown(page) == ids[1::2], 10, "only what matches is there")


def test_whose_session_ends_is_not_live_any_more(site: Site, page: Page, proxy: Proxy) -> None:
    """Within five seconds. The session is a copy: that of the other tests lives on."""
    [cookie] = [each for each in page.context.cookies() if each["name"] == "sessionid"]
    copy = "a-copy-of-a-session"
    execute(site, COPY, copy, str(cookie["value"]))
    page.context.add_cookies([{"name": "sessionid", "value": copy, "url": f"http://127.0.0.1:{proxy.port}"}])
    site.client.xadd("blocked:out", {"n": 1})
    page.goto("/s/default/blocked:out/")
    expect(page.locator(BADGE)).to_have_text("live over HTTP")
    execute(site, "DELETE FROM django_session WHERE session_key = ?", copy)
    expect(page.locator(BADGE)).to_have_text("not live", timeout=5_000)


def execute(site: Site, statement: str, *values: str) -> None:
    """On the site's own database, as another process does it."""
    with closing(sqlite3.connect(Path(site.folder) / "streamgauge.sqlite3", timeout=10)) as database, database:
        assert database.execute(statement, values).rowcount == 1
