"""Where the server denies scripts, a plan says which promise it cannot give, and has it confirmed."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from dashboard.streams import links
from dashboard.streams.links import Server, ServerConfig
from dashboard.streams.names import to_path
from streams_admin.actions.apart import TITLE
from streams_admin.actions.registry import ALL
from streams_admin.errors import NotConfirmed
from streams_admin.models import Operation
from streams_admin.operations import start
from tests.dashboard.streams.seeding import GROUP
from tests.streams_admin.acting import ADMIN, every_trip, planned, run, without_scripts
from tests.streams_admin.actions.test_contract import world
from tests.streams_admin.recipes import HELPER, collect

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


@pytest.mark.parametrize("slug", [*TWO_STEPS, "release"])
def test_a_script_that_is_refused_is_not_followed_by_a_weaker_way(
    slug: str, server: Server, redis_client: redis.Redis, redis_url: str
) -> None:
    """The server runs scripts, and refuses what this one does: a look and a plain command are for servers without."""
    recipe = RECIPES[slug]
    recipe.seed(redis_client)
    rights = ("reset", "on", ">secret", "~*", "&*", "+@all", "-xack", "-xclaim", "-xnack", "-xgroup", "-unlink")
    redis_client.execute_command("ACL", "SETUSER", "half", *(r for r in rights if r != "-xnack" or has_xnack(server)))
    scheme, _, rest = redis_url.partition("://")
    links.configure([ServerConfig("default", redis_url, admin_url=f"{scheme}://half:secret@{rest}")])
    params = recipe.params if slug != "consumer_delete" else {"group": to_path(GROUP), "consumer": to_path(HELPER)}
    plan, before, sent = planned(slug, params, key=recipe.key), world(redis_client), list[Any]()
    with every_trip(sent.extend):
        operation = run(plan)
    assert (operation.state, operation.results.get("done", 0)) == ("failed", 0)
    assert "ACL" in operation.error
    assert {command[0] for command in sent} == {"EVAL"}
    assert world(redis_client) == before


def has_xnack(server: Server) -> bool:
    return server.capabilities().has("xnack")
