"""The API describes itself: for machines as OpenAPI, for people as a page without a script."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from dashboard.api import docs
from tests.dashboard.api.conftest import Seeded, with_token
from tests.dashboard.api.test_access import STREAM_ROUTES

STREAM = "/api/v1/servers/{server}/streams/{stream}"


@pytest.fixture
def schema(seeded: Seeded, viewer: Client) -> dict[str, Any]:
    found: dict[str, Any] = viewer.get("/api/v1/openapi.json").json()
    return found


def test_every_read_is_described(schema: dict[str, Any]) -> None:
    reads = {path for path, methods in schema["paths"].items() if "get" in methods}
    assert reads >= {
        "/api/v1/servers",
        "/api/v1/servers/{server}/streams",
        STREAM,
        f"{STREAM}/entries",
        f"{STREAM}/entries/{{entry}}",
        f"{STREAM}/groups",
        f"{STREAM}/groups/{{group}}",
        f"{STREAM}/groups/{{group}}/consumers",
        f"{STREAM}/groups/{{group}}/pending",
        "/api/v1/findings",
    }
    assert schema["info"]["title"] == "Streamgauge"
    assert len(reads) > len(STREAM_ROUTES)


def test_parameters_are_described(schema: dict[str, Any]) -> None:
    given = {each["name"]: each for each in schema["paths"][f"{STREAM}/entries"]["get"]["parameters"]}
    assert {name for name, each in given.items() if each["in"] == "query"} == {
        "start",
        "end",
        "order",
        "limit",
        "cursor",
        "where",
    }
    assert given["stream"]["schema"]["type"] == "string"


def test_every_parameter_and_field_says_what_it_means(schema: dict[str, Any]) -> None:
    found = [
        (f"{operation.method} {operation.path}", field)
        for section in docs.operations(schema).values()
        for operation in section
        for field in (*operation.parameters, *operation.answer, *_of_variants(operation))
    ]
    assert len(found) > 250, "else this proves nothing"
    assert [f"{where}: {field.name}" for where, field in found if not field.description] == []


def _of_variants(operation: docs.Operation) -> list[docs.Field]:
    return [field for variant in operation.variants for field in variant.parameters]


def test_no_shape_is_left_without_words(schema: dict[str, Any]) -> None:
    """Those of the schema itself: for programs that are made from it."""
    shapes = schema["components"]["schemas"]
    fields = [(name, field, each) for name, shape in shapes.items() for field, each in shape["properties"].items()]
    assert [f"{name}.{field}" for name, field, each in fields if not each.get("description")] == []


def test_every_answer_but_the_good_one_is_a_problem(schema: dict[str, Any]) -> None:
    fields = schema["components"]["schemas"]["Problem"]["properties"]
    assert list(fields) == ["type", "title", "status", "detail"]
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for path, methods in schema["paths"].items():
        for operation in methods.values():
            answers = {int(status): each for status, each in operation["responses"].items()}
            assert {400, 401, 403, 422, 500} <= set(answers)
            assert (404 in answers) >= ("{" in path)
            assert {status for status in answers if status < 400} in ({200}, {201}, {202})
            assert all(each["content"] == content for status, each in answers.items() if status >= 400)
            assert all(each["description"] for each in answers.values())
    read = schema["paths"][f"{STREAM}/entries"]["get"]["responses"]
    assert set(read) == {"200", "400", "401", "403", "404", "409", "422", "500", "503"}
    run = schema["paths"]["/api/v1/plans/{plan}/run"]["post"]["responses"]
    assert set(run) == {"202", "400", "401", "403", "404", "409", "410", "413", "422", "429", "500", "503"}


def test_what_may_be_null_is_described_so(schema: dict[str, Any]) -> None:
    shapes = schema["components"]["schemas"]
    for shape, field in (
        ("FindingItem", "consumer"),
        ("FindingItem", "group"),
        ("FindingItem", "stream"),
        ("PendingItem", "consumer"),
        ("DeliveryItem", "consumer"),
        ("StreamDetail", "max_deleted_id"),
    ):
        assert {"type": "null"} in shapes[shape]["properties"][field]["anyOf"], f"{shape}.{field}"
    assert {"type": "null"} not in shapes["StreamItem"]["properties"]["name"]["anyOf"]


def test_numbers_beyond_what_json_parsers_keep_are_described_as_strings(schema: dict[str, Any]) -> None:
    kinds = docs.operations(schema)["streams"][1].answer
    assert {field.name: field.kind for field in kinds}["entries_added"] == "integer or string or null"


def test_what_lists_hold_is_told_too(schema: dict[str, Any]) -> None:
    entries, plans = docs.operations(schema)["entries"], docs.operations(schema)["actions"]
    assert {"items[].id", "next", "scanned"} <= {field.name for field in entries[0].answer}
    assert {"groups[].state"} <= {field.name for field in entries[1].answer}
    assert {"warnings", "warnings[].message"} <= {field.name for field in plans[0].answer}
    assert {"confirm", "reason", "duty"} <= {field.name for field in plans[1].parameters}


def test_each_action_has_its_parameters(schema: dict[str, Any], viewer: Client) -> None:
    plans = docs.operations(schema)["actions"][0]
    assert {"server", "stream", "action"} <= {field.name for field in plans.parameters if field.required}
    claim = next(each for each in plans.variants if each.value == "claim")
    fields = {field.name: field for field in claim.parameters}
    assert (fields["params.to"].required, fields["params.bump"].kind) == (True, "boolean")
    assert {"params.ids", "params.filter.start"} <= set(fields)
    page = viewer.get("/api/v1/docs").content.decode()
    assert "<code>action</code> is <code>stream_delete</code>" in page
    assert "<code>params.filter.min_idle_ms</code>" in page


def test_code_is_told_from_words() -> None:
    assert docs.text("see `next` or `a b`.") == (
        (False, "see "), (True, "next"), (False, " or "), (True, "a b"), (False, "."),
    )  # fmt: skip
    assert docs.text("one ` alone") == ((False, "one ` alone"),)


def test_the_page_lists_the_operations_and_obeys_the_policy(seeded: Seeded, viewer: Client) -> None:
    answer = viewer.get("/api/v1/docs")
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "script-src 'self'" in answer["Content-Security-Policy"]
    assert f"GET {STREAM}/entries" in page
    assert reverse("api:openapi") in page
    assert "min_deliveries" in page
    assert "<code>next</code> of the previous page" in page
    assert "All servers." in page
    assert "`" not in page
    assert "swagger" not in page.lower()
    assert "style=" not in page
    assert page.count("<script") == page.count("<script src=")


def test_the_page_is_for_those_who_may_see_something(seeded: Seeded, anonymous: Client, stranger: Client) -> None:
    assert anonymous.get("/api/v1/docs").headers["Location"].startswith(reverse("login"))
    assert stranger.get("/api/v1/docs").status_code == 403


def test_the_menu_leads_there(seeded: Seeded, viewer: Client, stranger: Client) -> None:
    link = f'href="{reverse("api:docs")}"'
    assert link in viewer.get("/").content.decode()
    assert link not in stranger.get("/").content.decode()


@pytest.mark.parametrize("path", ["/api/v1/docs", "/api/v1/openapi.json"])
def test_a_token_reads_it_too(seeded: Seeded, path: str) -> None:
    assert with_token().get(path).status_code == 200
    wrong = Client(headers={"Authorization": "Bearer nobody"}).get(path)
    assert (wrong.status_code, wrong["Content-Type"]) == (401, "application/problem+json")


def test_the_page_for_a_token_tells_nothing_of_a_person(seeded: Seeded) -> None:
    page = with_token().get("/api/v1/docs").content.decode()
    assert "sign-out" not in page
    assert "data-ws" not in page
