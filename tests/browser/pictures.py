"""Takes the pictures of README and docs from the running demo: `python -m tests.browser.pictures`."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from streams_admin.demo import embedded
from streams_admin.demo.scenarios import catalogue
from streams_admin.demo.showcase import Showcase

FOLDER = Path(__file__).resolve().parent.parent.parent / "docs" / "pictures"
STUCK = {"LATE_AFTER": "4", "STUCK_AFTER": "8", "SAMPLE_EVERY": "1"}
GROUP = "/s/default/orders:new/g/order_processors/"


def main() -> None:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    environment = {**os.environ, **STUCK}
    FOLDER.mkdir(exist_ok=True)
    with Showcase(embedded.free_port(), catalogue.SCENARIOS, environment) as show, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 720}, base_url=show.address)
        page.goto(show.sign_in_link())
        page.get_by_role("button", name="Sign in").click()
        walk(page)
        teach(page)
        browser.close()


def walk(page: Page) -> None:
    """The way of README, a picture at each stop."""
    expect(page.locator("#findings tr")).to_contain_text(["", "worker-2 has been silent"], timeout=60_000)
    shoot(page, "attention", height=340)
    page.goto("/s/default/orders:new/")
    page.wait_for_timeout(3000)
    shoot(page, "stream", height=560)
    page.goto(GROUP + "?consumer=worker-2")
    page.locator("[data-select-row]").first.check()
    page.locator("[data-select-all]").check()
    shoot(page, "group", height=720)
    page.locator("#bar").get_by_role("button", name="Claim…").click()
    page.get_by_role("button", name="Review plan").click()
    shoot(page, "plan", height=720)
    page.get_by_label("Reason").fill("worker-2 crashed")
    page.get_by_role("button", name="Claim", exact=False).click()
    shoot(page, "operation", height=520)
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Nothing needs attention", timeout=60_000)
    page.emulate_media(color_scheme="dark")
    page.goto(GROUP)
    shoot(page, "group-dark", height=480)


def teach(page: Page) -> None:
    """A picture for each page of the tutorial."""
    page.emulate_media(color_scheme="light")
    page.goto("/s/default/sensor_readings/")
    page.locator("[data-row-open]").nth(2).click()
    shoot(page, "sensors", height=560)
    page.goto("/s/default/iot_data_stream/g/data_processors/")
    shoot(page, "iot", height=560)
    page.goto("/s/default/user:notifications/")
    page.locator(".table-entries .id").nth(1).click()
    shoot(page, "notifications", height=420)
    page.goto("/s/default/?search=cart:events:")
    shoot(page, "carts", height=480)
    page.goto("/s/default/")
    shoot(page, "streams", height=420)


def shoot(page: Page, name: str, *, height: int) -> None:
    page.wait_for_timeout(400)
    page.screenshot(path=FOLDER / f"{name}.png", clip={"x": 0, "y": 0, "width": 1280, "height": height})


if __name__ == "__main__":
    main()
