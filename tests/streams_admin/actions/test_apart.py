"""Where the server denies scripts, a plan says which promise it cannot give, and has it confirmed."""

from __future__ import annotations

import pytest
import redis

from dashboard.streams.links import Server
from streams_admin.actions.apart import TITLE
from streams_admin.actions.registry import ALL
from streams_admin.errors import NotConfirmed
from streams_admin.models import Operation
from streams_admin.operations import start
from tests.streams_admin.acting import ADMIN, planned, run, without_scripts
from tests.streams_admin.recipes import collect

pytestmark = pytest.mark.django_db

RECIPES = collect()
TWO_STEPS = sorted(slug for slug, action in ALL.items() if action.apart)


def test_these_check_first_and_act_then() -> None:
    wanted = ["ack", "consumer_delete", "dead_letter", "ghosts", "group_destroy", "group_set_position", "stream_delete"]
    assert wanted == TWO_STEPS


@pytest.mark.parametrize("slug", TWO_STEPS)
def test_without_scripts_it_has_to_be_confirmed(
    slug: str, server: Server, redis_client: redis.Redis, redis_url: str
) -> None:
    recipe = RECIPES[slug]
    recipe.seed(redis_client)
    without_scripts(redis_client, redis_url)
    plan = planned(slug, recipe.params, key=recipe.key)
    notes = {note["title"]: note["text"] for note in plan.preview["notes"]}
    assert notes[TITLE] == ALL[slug].apart
    with pytest.raises(NotConfirmed):
        start.begin(ADMIN, plan)
    assert not Operation.objects.exists()
    assert run(plan).state == "done"
    recipe.check(redis_client)


@pytest.mark.parametrize("slug", sorted(ALL))
def test_with_scripts_no_plan_says_so(slug: str, server: Server, redis_client: redis.Redis) -> None:
    recipe = RECIPES[slug]
    recipe.seed(redis_client)
    plan = planned(slug, recipe.params, key=recipe.key)
    assert TITLE not in [note["title"] for note in plan.preview["notes"]]
    assert bool(plan.preview["confirm"]) == ALL[slug].irreversible
