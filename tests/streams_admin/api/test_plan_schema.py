"""How the API describes the body of `POST /plans`: one shape for each action, as strict as what parses it."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pytest
import redis

from dashboard.api.site import api
from dashboard.display.rows import value_json
from dashboard.streams.links import Server
from streams_admin.actions.registry import ALL
from streams_admin.params.base import Params, Spelling, parse, serialise
from tests.dashboard.api.conftest import with_token
from tests.streams_admin.recipes import Recipe, collect

pytestmark = pytest.mark.django_db
RECIPES = collect()


@pytest.fixture(params=sorted(ALL))
def slug(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(api.get_openapi_schema()))
    return found


def body_of(description: dict[str, Any]) -> dict[str, Any]:
    content = description["paths"]["/api/v1/plans"]["post"]["requestBody"]["content"]
    found: dict[str, Any] = content["application/json"]["schema"]
    return found


def shape(description: dict[str, Any], ref: str) -> dict[str, Any]:
    found: dict[str, Any] = description["components"]["schemas"][ref.rpartition("/")[2]]
    return found


def fits(description: dict[str, Any], order: dict[str, Any]) -> bool:
    schema = {**body_of(description), "components": description["components"]}
    return jsonschema_rs.is_valid(schema, order)


def order_of(slug: str, recipe: Recipe) -> dict[str, Any]:
    """What the recipe does, as a script sends it."""
    model: type[Params] = ALL[slug].model
    params = serialise(parse(model, recipe.params), Spelling.VALUES)
    return {"server": "default", "stream": value_json(recipe.key), "action": slug, "params": params}


def test_there_is_a_shape_for_each_action_and_no_other(description: dict[str, Any]) -> None:
    body = body_of(description)
    mapping = body["discriminator"]["mapping"]
    assert body["discriminator"]["propertyName"] == "action"
    assert set(mapping) == set(ALL)
    assert {each["$ref"] for each in body["oneOf"]} == set(mapping.values())
    for slug, ref in mapping.items():
        found = shape(description, ref)
        assert (found["additionalProperties"], found["properties"]["action"]["const"]) == (False, slug)


def test_every_parameter_of_an_action_is_described(slug: str, description: dict[str, Any]) -> None:
    variant = shape(description, body_of(description)["discriminator"]["mapping"][slug])
    params = variant["properties"]["params"]
    found = shape(description, params.get("$ref") or params["allOf"][0]["$ref"])
    assert found["additionalProperties"] is False
    assert set(found["properties"]) == {each.alias or name for name, each in ALL[slug].model.model_fields.items()}
    assert [name for name, each in found["properties"].items() if not each.get("description")] == []


def test_what_it_allows_is_planned(
    slug: str, description: dict[str, Any], server: Server, redis_client: redis.Redis
) -> None:
    RECIPES[slug].seed(redis_client)
    order = order_of(slug, RECIPES[slug])
    assert fits(description, order)
    answer = with_token(role="admin").post("/api/v1/plans", order, content_type="application/json")
    assert answer.status_code == 201, answer.content


def test_what_no_action_takes_is_not_allowed(slug: str, description: dict[str, Any]) -> None:
    order = order_of(slug, RECIPES[slug])
    other = "ack" if slug == "trim" else "trim"
    for wrong in (
        {**order, "more": 1},
        {**order, "action": "explode"},
        {**order, "action": other},
        {**order, "params": {**order["params"], "more": 1}},
        {key: value for key, value in order.items() if key != "action"},
    ):
        assert not fits(description, wrong)


@pytest.mark.parametrize(
    ("slug", "params"),
    [
        ("ack", {"group": "g"}),
        ("ack", {"group": "g", "ids": ["1-0"], "filter": {}}),
        ("ack", {"group": "g", "ids": []}),
        ("ack", {"group": "", "filter": {}}),
        ("ack", {"group": "g", "ids": ["yesterday"]}),
        ("ack", {"group": "g", "ids": ["1-18446744073709551616"]}),
        ("ack", {"group": "g", "filter": {"limit": 0}}),
        ("ack", {"filter": {}}),
        ("claim", {"group": "g", "filter": {}}),
        ("trim", {"maxlen": 1, "minid": "1-0"}),
        ("trim", {"maxlen": -1}),
        ("trim", {"maxlen": "1"}),
        ("trim", {}),
        ("add", {"fields": []}),
        ("add", {"fields": [["name"]]}),
        ("add", {"fields": [["name", 5]]}),
        ("add", {"fields": [["a", "b"]], "id": "soon"}),
        ("group_set_position", {"group": "g"}),
    ],
)
def test_nonsense_is_neither_described_nor_planned(
    slug: str, params: dict[str, Any], description: dict[str, Any], server: Server
) -> None:
    order = {"server": "default", "stream": "s", "action": slug, "params": params}
    assert not fits(description, order)
    answer = with_token(role="admin").post("/api/v1/plans", order, content_type="application/json")
    assert answer.status_code == 400, answer.content


@pytest.mark.parametrize(
    ("slug", "params"),
    [
        ("ack", {"group": {"base64": "Zw=="}, "ids": ["0001-00", "18446744073709551615-18446744073709551615"]}),
        ("ack", {"group": "g", "ids": None, "filter": {"consumer": None, "min_idle_ms": None, "start": None}}),
        ("add", {"fields": [["a", ""], ["a", {"base64": "/w=="}]], "id": None, "mkstream": True}),
        ("add", {"fields": [["a", "b"]], "id": "5-*"}),
        ("trim", {"minid": "5", "maxlen": None}),
        ("ghosts", {"group": "g"}),
        ("stream_delete", {}),
    ],
)
def test_what_a_script_may_leave_out_is_described_so(
    slug: str, params: dict[str, Any], description: dict[str, Any]
) -> None:
    order = {"server": "default", "stream": "s", "action": slug, "params": params}
    assert fits(description, order)
    parse(ALL[slug].model, params, Spelling.VALUES)
