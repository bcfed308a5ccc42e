"""What each tutorial page tells its reader to look at is there, while its system runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from streams_admin.demo.scenarios.crew import Crew
from streams_admin.demo.scenarios.options import Options
from tests.browser.site import Site, wait_until

pytestmark = pytest.mark.browser
Play = Callable[..., Crew]


@pytest.fixture
def play(site: Site, page: Page) -> Iterator[Play]:
    """Starts a system; all that were started end with the test."""
    crews: list[Crew] = []

    def start(name: str, **options: Any) -> Crew:
        crews.append(Crew(name, Options(seed=7, **options), site.server.url))
        crews[-1].start()
        return crews[-1]

    yield start
    for crew in crews:
        crew.stop()


def go_through_streams(page: Page, stream: str) -> None:
    """As a reader does: Streams, then the stream."""
    page.goto("/s/default/")
    link = page.get_by_role("link", name=stream, exact=True)
    expect(link).to_be_visible(timeout=20_000)
    link.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(stream)


def open_group(page: Page, group: str) -> None:
    page.get_by_role("navigation", name="Stream").get_by_role("link", name="Groups").click()
    page.get_by_role("link", name=group, exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(group)


def fact(page: Page, label: str) -> str:
    return page.locator("dl.facts div", has=page.locator("dt", has_text=label)).first.inner_text()


def test_sensors(site: Site, page: Page, play: Play) -> None:
    play("sensors", rate=20)
    wait_until(lambda: site.client.xlen("sensor_readings") > 20, 30, "readings are there")
    go_through_streams(page, "sensor_readings")
    expect(page.locator("[data-live-badge]")).to_have_text("live")
    page.mouse.move(5, 5)
    first = page.locator(".table-entries .id").first
    newest = first.inner_text()
    expect(first).not_to_have_text(newest, timeout=5_000)

    page.locator("[data-row-open]").nth(2).click()
    for field in ("sensorId", "temperature", "humidity", "location"):
        expect(page.locator("tr.detail")).to_contain_text(field)
    open_group(page, "analytics_group")
    expect(page.get_by_label("Consumers, most pending first")).to_contain_text("consumer-1")
    assert "Lag" in fact(page, "Lag")
    assert "-" in fact(page, "Position")


def test_iot(site: Site, page: Page, play: Play) -> None:
    crew = play("iot", work_time=2.0)
    wait_until(lambda: site.client.xlen("iot_data_stream") > 20, 30, "readings are there")
    go_through_streams(page, "iot_data_stream")
    open_group(page, "data_processors")
    consumers = page.get_by_label("Consumers, most pending first")
    for name in ("processor-1", "processor-2"):
        expect(consumers).to_contain_text(name)
    expect(page.locator("#pending tbody tr").first).to_be_visible(timeout=10_000)

    crew.kill("processor-2")

    def left() -> int:
        rows = site.client.xinfo_consumers("iot_data_stream", "data_processors")
        return next(int(row["pending"]) for row in rows if row["name"] == "processor-2")

    wait_until(lambda: left() == 0, 25, "processor-1 has taken over by XAUTOCLAIM")
    row = consumers.locator("tr", has_text="processor-2")
    expect(row.locator("td").nth(4)).to_have_text("0", timeout=10_000)


def test_orders(site: Site, page: Page, play: Play) -> None:
    """The claim by hand is `test_first_slice.py`; here is what the page says about poison."""
    play("orders", rate=10, poison_rate=0.4, give_up_after=7, work_time=0.2)
    page.goto("/")
    finding = page.locator("#findings tr", has_text="Poison").first
    expect(finding).to_be_visible(timeout=60_000)
    expect(finding).to_contain_text("order_processors")
    expect(finding.get_by_role("link", name="Dead-letter…")).to_be_visible()
    wait_until(lambda: site.client.xlen("orders:new:dlq") > 0, 40, "workers have put poison aside")
    go_through_streams(page, "orders:new:dlq")
    page.locator("[data-row-open]").first.click()
    for field in ("origin_stream", "origin_id", "many"):
        expect(page.locator("tr.detail")).to_contain_text(field)


def test_notifications(site: Site, page: Page, play: Play) -> None:
    play("notifications", rate=10)
    wait_until(lambda: site.client.exists("user:notifications") == 1, 30, "notifications are there")
    go_through_streams(page, "user:notifications")
    page.get_by_role("navigation", name="Stream").get_by_role("link", name="Groups").click()
    groups = page.get_by_label("Groups", exact=True)
    for name in ("email_notifier_group", "sms_notifier_group", "push_notifier_group"):
        expect(groups).to_contain_text(name)
    page.get_by_role("link", name="Entries", exact=True).click()
    page.locator(".table-entries .id").nth(20).click()
    whereabouts = page.get_by_label("State of this entry per group")
    expect(whereabouts.locator("tbody tr")).to_have_count(3)
    expect(whereabouts).to_contain_text("Settled")


def test_carts(site: Site, page: Page, play: Play) -> None:
    play("carts", users=5, rate=20)
    wait_until(lambda: len(list(site.client.scan_iter("cart:events:*"))) == 5, 30, "five logs are there")
    page.goto("/s/default/?search=cart:events:")
    expect(page.locator("#streams tbody tr")).to_have_count(5, timeout=20_000)
    page.locator("#streams tbody a.name").first.click()
    open_group(page, "cart_projectors")
    expect(page.get_by_label("Consumers, most pending first")).to_contain_text("projector-")
    expect(page.locator("dl.facts")).to_contain_text("Lag")
