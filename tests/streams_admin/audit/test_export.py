"""The audit log as a file: complete, only what is open to the principal, and harmless in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.http import StreamingHttpResponse
from django.test import AsyncClient, Client
from django.urls import reverse

from dashboard.accounts.permissions import Grant
from dashboard.accounts.principals import Principal
from dashboard.models import AccessGrant
from dashboard.streams import links
from dashboard.streams.links import ServerConfig
from dashboard.streams.names import to_path
from streams_admin.audit import log
from streams_admin.audit.log import Caller, Line
from streams_admin.models import AuditEntry
from streams_admin.views import exports
from tests.dashboard.streams.seeding import KEY
from tests.people import id_of, person

pytestmark = pytest.mark.django_db(transaction=True)
ANNA = Caller(Principal("anna", id_of("anna"), (Grant("admin"),)), "page", "127.0.0.1")
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"]


@pytest.fixture(autouse=True)
def configured() -> Any:
    links.configure([ServerConfig("default", "redis://127.0.0.1:1/0")])
    yield
    links.configure([])


def note(stream: bytes = b"orders:new", reason: str = "", **more: Any) -> None:
    log.write(ANNA, Line("default", to_path(stream), "claim", "Claim", {"group": "~FF"}, reason=reason, **more))


anote = sync_to_async(note)


async def read(name: str, who: str = "anna", role: str | None = "admin", query: str = "") -> str:
    """The file as it travels through the asynchronous server: never as a whole."""
    client = AsyncClient()
    await client.aforce_login(await sync_to_async(person)(who, role))
    answer = await client.get(f"{reverse(name)}?{query}")
    assert answer.status_code == 200
    assert isinstance(answer, StreamingHttpResponse)
    assert answer.is_async
    parts = [part async for part in answer]
    return b"".join(parts).decode()


async def test_every_line_is_in_it_the_oldest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "CHUNK", 2)
    for number in range(5):
        await anote(reason=f"reason {number}")
    found = [json.loads(line) for line in (await read("audit_jsonl")).splitlines()]
    assert [line["reason"] for line in found] == [f"reason {number}" for number in range(5)]
    assert [line["hash"] async for line in AuditEntry.objects.order_by("pk").values("hash")] == [
        line["hash"] for line in found
    ]
    assert found[0]["params"] == {"group": {"base64": "/w=="}}


async def test_csv_holds_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    await anote(KEY, reason='a "reason", in\ntwo lines')
    rows = list(csv.DictReader(io.StringIO(await read("audit_csv"), newline="")))
    assert len(rows) == 1
    assert rows[0]["reason"] == 'a "reason", in\ntwo lines'
    assert rows[0]["stream"] == "or\\xffders:{a b}/\\x00\\x0d\\x0a*"
    assert json.loads(rows[0]["params"]) == {"group": {"base64": "/w=="}}
    line = json.loads(await read("audit_jsonl"))
    assert rows[0].keys() == line.keys() - {"stream_path"}


async def test_no_separator_of_any_country_splits_a_cell() -> None:
    await anote(KEY, reason="a;b\tc")
    head, *lines = (await read("audit_csv")).splitlines()
    assert [cell[0] + cell[-1] for cell in head.split(",")] == ['""'] * len(exports.COLUMNS)
    assert '"a;b\tc"' in lines[0]


@pytest.mark.parametrize("formula", FORMULAS)
async def test_no_cell_is_computed(formula: str) -> None:
    await anote(formula.encode(), reason=formula, detail=formula)
    row = next(csv.reader(io.StringIO((await read("audit_csv")).split("\r\n", 1)[1], newline="")))
    assert f"'{formula}" in row
    assert [cell for cell in row if cell.startswith(exports.FORMULA)] == []


async def test_it_is_filtered_as_the_page() -> None:
    for outcome in ("started", "done", "denied"):
        await anote(outcome=outcome)
    found = (await read("audit_jsonl", query="outcome=denied&who=anna")).splitlines()
    assert [json.loads(line)["outcome"] for line in found] == ["denied"]
    assert await read("audit_jsonl", query="who=nobody") == ""


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("stream=orders:new", 2),
        ("stream=orders", 0),
        ("via=api", 1),
        ("via=command", 0),
        ("start=2026-01-01 00:00&end=2026-01-01 12:00", 1),
        ("start=2026-01-01 13:00", 1),
        ("start=2100-01-01", 0),
        ("end=2025-12-31T23:59:59Z", 0),
        ("end=18446744073709551615-0", 2),
        ("start=18446744073709551615", 0),
        ("stream=orders:new&via=page&end=2026-01-01T12:00:00Z", 1),
        ("stream=a/b", 1),
        ("stream=a~2Fb", 1),
    ],
)
def test_the_filters_are_those_of_the_page(admin: Client, query: str, count: int) -> None:
    log.write(ANNA, Line("default", "orders:new", "claim", "Claim 1 entry"))
    AuditEntry.objects.update(at=datetime(2026, 1, 1, 12, tzinfo=UTC), outcome="done")
    log.write(replace(ANNA, via="api"), Line("default", "orders:new", "claim", "Claim 1 entry", outcome="done"))
    if "stream=a" in query:
        note(b"a/b", outcome="done")
        note(b"a", outcome="done")
    page = admin.get(f"/audit/?{query}").content.decode()
    assert (page.count("<tr>"), "No matching records" in page) == ((count + 1, False) if count else (0, True))
    found = b"".join(admin.get(f"/audit/export.jsonl?{query}")).splitlines()
    assert len(found) == count


@pytest.mark.parametrize("path", ["/audit/", "/audit/export.jsonl", "/audit/export.csv"])
def test_what_is_no_time_is_said(admin: Client, path: str) -> None:
    answer = admin.get(path, {"start": "soon"})
    assert (answer.status_code, "neither an ID nor a time" in answer.content.decode()) == (400, True)


async def test_only_lines_about_granted_streams_are_in_it() -> None:
    await anote(b"orders:new")
    await anote(b"secret:pay")
    nora = await sync_to_async(person)("nora", None)
    await AccessGrant.objects.acreate(user=nora, role="operator", keys=["orders:*"])
    for name in ("audit_jsonl", "audit_csv"):
        found = await read(name, "nora", None)
        assert "orders:new" in found
        assert "secret" not in found


def test_it_is_a_file_and_the_page_leads_to_it(admin: Client) -> None:
    note()
    page = admin.get("/audit/?outcome=done&who=a%26b").content.decode()
    for ending in ("jsonl", "csv"):
        assert f'href="/audit/export.{ending}?who=a%26b&amp;outcome=done"' in page
        answer = admin.head(f"/audit/export.{ending}")
        assert answer["Content-Disposition"].startswith('attachment; filename="audit-')
        assert answer["Content-Disposition"].endswith(f'.{ending}"')
        assert answer["X-Content-Type-Options"] == "nosniff"


def test_who_may_not_see_the_log_gets_no_file(viewer: Client, anonymous: Client) -> None:
    for ending in ("jsonl", "csv"):
        assert viewer.get(f"/audit/export.{ending}").status_code == 403
        assert anonymous.get(f"/audit/export.{ending}").status_code == 302
