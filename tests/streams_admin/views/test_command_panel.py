"""The commands on a plan's page: three IDs and the rule, and what can be copied behind a fold."""

from __future__ import annotations

from typing import Any

import pytest
import redis
from django.test import Client

from dashboard.streams.links import Server
from dashboard.streams.names import to_path
from streams_admin import plans
from streams_admin.views.command_panel import panel
from tests.dashboard.streams.seeding import GROUP, fill, group
from tests.html_page import Page
from tests.streams_admin.acting import of_group, planned

pytestmark = pytest.mark.django_db
IDS = [f"{n}-0" for n in range(1, 151)]


@pytest.fixture
def held(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 150)
    group(redis_client, read=150)


def shown(slug: str, params: dict[str, Any]) -> tuple[list[str], list[str]]:
    plan = planned(slug, params)
    found = panel(plan.preview, plan.params)
    return found.short, found.named


@pytest.mark.usefixtures("held")
def test_three_ids_stand_for_many_with_the_rule() -> None:
    short, named = shown("ack", {"group": to_path(GROUP), "filter": {"min_deliveries": 1}})
    assert [line.split()[-4:] for line in short[:-1]] == [["1-0", "2-0", "3-0", "…"]]
    assert short[-1] == "# 150 IDs in all: delivered at least 1 time"
    assert set(IDS[:100]) <= set(" ".join(named).split())


@pytest.mark.usefixtures("held")
def test_the_rule_says_whose_entries_or_that_they_were_selected() -> None:
    assert (
        shown("ack", {"group": to_path(GROUP), "filter": {}})[0][-1] == "# 150 IDs in all: everything that is pending"
    )
    assert shown("ack", of_group(*IDS[:20]))[0][-1] == "# 20 IDs in all: those that were selected"


@pytest.mark.usefixtures("held")
def test_a_few_ids_are_all_there_and_nothing_is_folded() -> None:
    short, named = shown("ack", of_group(*IDS[:3]))
    assert [line.split()[-3:] for line in short] == [IDS[:3]]
    assert named == []


@pytest.mark.usefixtures("held")
def test_the_page_folds_the_long_form(admin: Client) -> None:
    plan = planned("ack", of_group(*IDS[:20]))
    page = Page(admin.get(f"/plans/{plans.token(plan)}/").content.decode())
    first, second = [each.text for each in page.root.all("pre")]
    assert "4-0" not in first.split()
    assert "20-0" in second.split()
