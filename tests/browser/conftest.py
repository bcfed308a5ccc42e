"""A real browser on a real site. Every page that is opened must stay free of errors in its console."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from tests.browser.site import Site


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    with Site() as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def admin_state(site: Site, browser: Browser) -> dict[str, object]:
    """Signed in once, by a link."""
    page = browser.new_page()
    page.goto(site.sign_in_link("anna", "admin"))
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{site.address}/")
    state = dict(page.context.storage_state())
    page.close()
    return state


@pytest.fixture
def page(site: Site, browser: Browser, admin_state: dict[str, object]) -> Iterator[Page]:
    """A page of an admin on a site with an empty server; the address of the site is its base."""
    site.empty()
    context = browser.new_context(
        base_url=site.address,
        storage_state=admin_state,  # type: ignore[arg-type]
        viewport={"width": 1280, "height": 800},
    )
    opened = context.new_page()
    opened.set_default_timeout(15_000)
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("console", lambda message: _note(message, wrong))
    yield opened
    context.close()
    assert wrong == []


def _note(message: ConsoleMessage, wrong: list[str]) -> None:
    """A socket that breaks because the test restarts the site is no error of the page, nor is a server that is away,
    nor a slip of the pen that is refused."""
    expected = (
        *("WebSocket connection", "ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE"),
        *("the server responded with a status of 503", "the server responded with a status of 400"),
    )
    if message.type == "error" and not any(words in message.text for words in expected):
        wrong.append(message.text)
