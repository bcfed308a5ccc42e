"""Every action of the registry is asked the same questions. An action without a recipe (recipes.py) fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import redis
from django.db import connections

from dashboard.accounts.access import Forbidden
from dashboard.accounts.permissions import Grant
from dashboard.accounts.principals import Principal
from dashboard.streams import links
from dashboard.streams.links import Server, ServerConfig
from dashboard.streams.names import to_path
from streams_admin import plans
from streams_admin.actions import gate
from streams_admin.actions.registry import ALL
from streams_admin.audit import log
from streams_admin.audit.log import Caller
from streams_admin.errors import ActionError, BadParameters, Conflict
from streams_admin.models import AuditEntry, Operation, Plan
from streams_admin.operations import start
from streams_admin.params.base import Spelling, serialise
from tests.dashboard.streams.seeding import KEY
from tests.people import id_of
from tests.streams_admin.acting import ADMIN, OPERATOR, lost_replies, planned, run
from tests.streams_admin.recipes import Recipe, collect
from tests.streams_admin.threads import together

pytestmark = pytest.mark.django_db

RECIPES = collect()
OPERATORS = {"ack", "ghosts", "claim", "release", "dead_letter", "replay", "add"}
"""What an operator may do (docs/configuration.md; who may acknowledge may clean up). Everything else is the admin's."""
VIEWER = Caller(Principal("vera", id_of("vera"), (Grant("viewer"),)), "page")
STRANGER = Caller(Principal("sam", id_of("sam")), "page")
ELSEWHERE = Caller(Principal("eve", "token:1", (Grant("admin", keys=("nothing:*",)),)), "api")
OTHER_SERVER = Caller(Principal("ole", "token:1", (Grant("admin", server="other"),)), "api")
SCRIPT = replace(ADMIN, via="api")


@pytest.fixture(params=sorted(ALL))
def slug(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def recipe(slug: str, server: Server, redis_client: redis.Redis) -> Recipe:
    assert slug in RECIPES, (
        f"The action {slug!r} has no recipe: say in tests/streams_admin/recipes_<theme>.py, with @register({slug!r}), "
        "in which world it can be done, by which parameters, and what must be true afterwards."
    )
    RECIPES[slug].seed(redis_client)
    return RECIPES[slug]


def plan_of(slug: str, recipe: Recipe, caller: Caller = ADMIN) -> Plan:
    return planned(slug, recipe.params, key=recipe.key, caller=caller)


def world(client: redis.Redis) -> dict[bytes, Any]:
    """All that an action could change: every stream, its groups, who holds what; ages are left out."""
    return {key: _stream(client, key) for key in sorted(client.keys())}


def _stream(client: redis.Redis, key: bytes) -> Any:
    groups = {g["name"]: g["last-delivered-id"] for g in client.xinfo_groups(key)}
    held = {name: client.xpending_range(key, name, "-", "+", 1000) for name in groups}
    return (
        client.xrange(key),
        client.xinfo_stream(key)["last-generated-id"],
        groups,
        {name: sorted(c["name"] for c in client.xinfo_consumers(key, name)) for name in groups},
        {name: [(r["message_id"], r["consumer"], r["times_delivered"]) for r in rows] for name, rows in held.items()},
    )


def lines(slug: str) -> list[tuple[str, str]]:
    """(who, outcome) of the audit lines about the action, in order; the chain holds."""
    assert list(log.broken()) == []
    return list(AuditEntry.objects.filter(action=slug).order_by("pk").values_list("who", "outcome"))


def test_every_recipe_is_for_an_action() -> None:
    assert set(RECIPES) <= set(ALL)


def test_it_does_what_the_plan_says(slug: str, recipe: Recipe, redis_client: redis.Redis) -> None:
    before = world(redis_client)
    plan = plan_of(slug, recipe)
    assert world(redis_client) == before, "planning changes nothing"
    assert (plan.preview["total"], plan.preview["least"]) == (recipe.total, False)
    operation = run(plan, reason="they are stuck")
    assert (operation.state, operation.error) == ("done", "")
    recipe.check(redis_client)
    done = operation.results["done"]
    assert operation.results == {"done": done}
    assert recipe.total in (done, None), "the preview equals the result"
    assert operation.done == done
    assert operation.inflight is None


def test_what_was_done_is_in_the_audit_log(slug: str, recipe: Recipe, redis_client: redis.Redis) -> None:
    operation = run(plan_of(slug, recipe), reason="they are stuck")
    began, ended = AuditEntry.objects.order_by("pk")
    assert (began.outcome, ended.outcome) == ("started", "done")
    assert began.span == ended.span == operation.span
    assert (ended.who, ended.role, ended.via, ended.server) == ("anna", "admin", "page", "default")
    assert (ended.stream, ended.action, ended.reason) == (to_path(recipe.key), slug, "they are stuck")
    assert (ended.counts, ended.operation, ended.plan) == (operation.results, operation.pk, operation.plan.pk)
    assert began.params == ended.params == serialise(gate.params_of(operation.plan), Spelling.AUDIT)


def test_the_preview_can_be_read(slug: str, recipe: Recipe) -> None:
    preview = plan_of(slug, recipe).preview
    assert preview["title"]
    assert preview["sentence"]
    assert preview["button"]
    assert preview["redis_cli"]
    assert all(line.isprintable() for line in preview["redis_cli"])
    assert {note["severity"] for note in preview["notes"]} <= {"", "ok", "late", "stuck"}
    assert bool(preview["confirm"]) == ALL[slug].irreversible


@pytest.mark.parametrize(
    "caller", [STRANGER, VIEWER, OPERATOR, ELSEWHERE, OTHER_SERVER], ids=lambda c: c.principal.name
)
def test_who_may_not_is_denied_and_written_down(
    caller: Caller, slug: str, recipe: Recipe, redis_client: redis.Redis
) -> None:
    before = world(redis_client)
    if caller is OPERATOR and slug in OPERATORS:
        assert plan_of(slug, recipe, caller)
        return
    with pytest.raises(Forbidden):
        plan_of(slug, recipe, caller)
    assert world(redis_client) == before
    assert lines(slug) == [(caller.principal.name, "denied")]
    assert not Plan.objects.exists()


def test_who_may_no_longer_is_denied_when_it_is_run(slug: str, recipe: Recipe, redis_client: redis.Redis) -> None:
    plan, before = plan_of(slug, recipe), world(redis_client)
    demoted = replace(ADMIN, principal=replace(ADMIN.principal, grants=(Grant("viewer"),)))
    with pytest.raises(Forbidden):
        run(plan, caller=demoted)
    assert world(redis_client) == before
    assert lines(slug) == [("anna", "denied")]


def test_a_read_only_server_is_left_alone(slug: str, recipe: Recipe, redis_client: redis.Redis, redis_url: str) -> None:
    plan, before = plan_of(slug, recipe), world(redis_client)
    links.configure([ServerConfig("default", redis_url, read_only=True)])
    for attempt in (lambda: plan_of(slug, recipe), lambda: run(plan)):
        with pytest.raises(ActionError, match="read-only") as refused:
            attempt()
        assert refused.value.status == 409
    assert world(redis_client) == before
    assert lines(slug) == [("anna", "refused")] * 2


def test_nonsense_is_a_400(slug: str, recipe: Recipe, redis_client: redis.Redis) -> None:
    before = world(redis_client)
    assert recipe.nonsense
    for params in recipe.nonsense:
        with pytest.raises(BadParameters) as refused:
            planned(slug, params, key=recipe.key, caller=SCRIPT)
        assert refused.value.status == 400
        assert refused.value.message.endswith(".")
    assert world(redis_client) == before
    assert not Plan.objects.exists()


def test_a_parameter_it_does_not_know_is_a_400(slug: str, recipe: Recipe) -> None:
    with pytest.raises(BadParameters, match="min_idel_ms"):
        planned(slug, {**recipe.params, "min_idel_ms": 5}, key=recipe.key, caller=SCRIPT)
    assert planned(slug, recipe.params, key=recipe.key, caller=SCRIPT)


@pytest.fixture
def replica(redis_client: redis.Redis) -> Iterator[redis.Redis]:
    """Call `replicaof` to make the server one that refuses writes; it is a primary again at the end."""
    yield redis_client
    redis_client.execute_command("REPLICAOF", "NO", "ONE")


def test_a_server_that_refuses_is_a_failure(slug: str, recipe: Recipe, replica: redis.Redis) -> None:
    plan, before = plan_of(slug, recipe), world(replica)
    replica.execute_command("REPLICAOF", "127.0.0.1", "1")
    operation = run(plan)
    assert (operation.state, operation.results.get("done", 0)) == ("failed", 0)
    assert operation.error == "The server is a read-only replica."
    assert lines(slug) == [("anna", "started"), ("anna", "failed")]
    assert world(replica) == before


def test_a_user_of_the_server_without_rights_is_a_failure(
    slug: str, recipe: Recipe, redis_client: redis.Redis, redis_url: str
) -> None:
    plan, before = plan_of(slug, recipe), world(redis_client)
    redis_client.execute_command("ACL", "SETUSER", "looker", "on", ">secret", "~*", "+@all", "-@write", "-@scripting")
    scheme, _, rest = redis_url.partition("://")
    links.configure([ServerConfig("default", redis_url, admin_url=f"{scheme}://looker:secret@{rest}")])
    operation = run(plan)
    assert (operation.state, operation.results.get("done", 0)) == ("failed", 0)
    assert "ACL" in operation.error
    assert lines(slug) == [("anna", "started"), ("anna", "failed")]
    assert world(redis_client) == before


def test_a_plan_foresees_that_a_full_server_refuses_it(slug: str, recipe: Recipe, redis_client: redis.Redis) -> None:
    redis_client.config_set("maxmemory", "1")
    try:
        plan = plan_of(slug, recipe)
        operation = run(plan)
    finally:
        redis_client.config_set("maxmemory", "0")
    foreseen = [note["title"] for note in plan.preview["notes"] if "out of memory" in note["title"]]
    refused = operation.error == "The server is out of memory and refuses writes that need more."
    assert foreseen == (["The server is out of memory and will refuse this"] if refused else [])
    assert refused == (operation.state == "failed")


def test_without_memory_it_is_done_or_it_fails(slug: str, recipe: Recipe, redis_client: redis.Redis) -> None:
    plan, before = plan_of(slug, recipe), world(redis_client)
    redis_client.config_set("maxmemory", "1")
    try:
        operation = run(plan)
    finally:
        redis_client.config_set("maxmemory", "0")
    if operation.state == "done":
        recipe.check(redis_client)
        assert lines(slug) == [("anna", "started"), ("anna", "done")]
    else:
        assert operation.error == "The server is out of memory and refuses writes that need more."
        begun = bool(operation.results.get("done"))  # 6.2 claims without memory, but removes no consumer
        assert lines(slug) == [("anna", "started"), ("anna", "partly_done" if begun else "failed")]
        assert begun or world(redis_client) == before


def test_a_lost_reply_is_found_out_or_unknown_and_never_repeated(
    slug: str, recipe: Recipe, redis_client: redis.Redis
) -> None:
    plan = plan_of(slug, recipe)
    with lost_replies(lambda command: True):
        operation = run(plan)
    recipe.check(redis_client)
    outcome = "unknown" if operation.results.get("unknown") else "done"
    assert lines(slug) == [("anna", "started"), ("anna", outcome)]
    assert set(operation.results) <= {"done", "unknown"}


def test_without_its_audit_line_nothing_is_done(
    slug: str, recipe: Recipe, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, before = plan_of(slug, recipe), world(redis_client)

    def full(*_: object, **__: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(AuditEntry.objects, "create", full)
    with pytest.raises(OSError, match="no space"):
        run(plan)
    assert world(redis_client) == before
    assert not Operation.objects.exists()
    plan.refresh_from_db()
    assert plan.used is None


def test_a_plan_runs_once(slug: str, recipe: Recipe, redis_client: redis.Redis) -> None:
    plan = plan_of(slug, recipe)
    first = run(plan)
    after = world(redis_client)
    again = run(plan, reason="again")
    assert (again.pk, again.reason) == (first.pk, "")
    assert world(redis_client) == after
    assert len(lines(slug)) == 2


def test_the_same_key_fifty_times_at_once_is_one_operation(
    real_database: Path, slug: str, recipe: Recipe, redis_client: redis.Redis
) -> None:
    plan = plan_of(slug, recipe)
    begun: list[Any] = []

    def ctx() -> None:
        try:
            mine = plans.find(plans.token(plan), ADMIN.principal)
            begun.append(start.begin(ADMIN, mine, confirm=plan.preview["confirm"], key="once").pk)
        except Exception as error:
            begun.append(error)
        finally:
            connections.close_all()

    together(ctx, 50)
    assert begun == [Operation.objects.get().pk] * 50
    recipe.check(redis_client)
    assert lines(slug) == [("anna", "started"), ("anna", "done")]


def test_the_key_of_another_plan_is_refused(slug: str, recipe: Recipe, redis_client: redis.Redis) -> None:
    first, second = plan_of(slug, recipe), plan_of(slug, recipe)
    confirm = first.preview["confirm"]
    start.begin(ADMIN, first, confirm=confirm, key="once")
    after = world(redis_client)
    with pytest.raises(Conflict, match="used for another plan"):
        start.begin(ADMIN, second, confirm=confirm, key="once")
    assert world(redis_client) == after
    assert Operation.objects.count() == 1


def test_the_world_that_is_looked_at_here_shows_a_change(server: Server, redis_client: redis.Redis) -> None:
    RECIPES["ack"].seed(redis_client)
    before = world(redis_client)
    redis_client.xadd(KEY, {"n": 7})
    assert world(redis_client) != before
