"""A client that openapi-python-client makes of the description does the main job, and reads what goes wrong."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import FIRST_MS, Site

PACKAGE = "streamgauge_client_of_tests"


@pytest.fixture(scope="module")
def generated(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of the client's package, importable."""
    folder = tmp_path_factory.mktemp("generated")
    (folder / "openapi.json").write_bytes(site.description())
    (folder / "config.yaml").write_text(
        "post_hooks: []\ncontent_type_overrides: {application/jsonl: text/html, text/csv: text/html}\n"
    )
    words = ["generate", "--path", "openapi.json", "--output-path", PACKAGE, "--meta", "none"]
    command = [sys.executable, "-m", "openapi_python_client", *words, "--config", "config.yaml", "--fail-on-warning"]
    made = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
    sys.path.insert(0, str(folder))
    yield folder / PACKAGE
    sys.path.remove(str(folder))


@pytest.fixture
def operator(site: Site, generated: Path) -> Iterator[Any]:
    with module("client").AuthenticatedClient(base_url=site.url, token=site.tokens["operator"]) as client:
        yield client


def module(name: str) -> Any:
    return importlib.import_module(f"{PACKAGE}.{name}")


def models() -> Any:
    return module("models")


def test_it_claims_what_a_dead_worker_holds(operator: Any) -> None:
    pending = module("api.groups.pending").sync("default", "orders", "workers", client=operator, consumer="worker-1")
    assert [item.id for item in pending.items] == [f"{FIRST_MS + n}-0" for n in range(3)]
    params = models().ClaimParams(group="workers", filter_=models().Filter(consumer="worker-1"), to="worker-2")
    order = models().ClaimPlanRequest(server="default", stream="orders", action="claim", params=params)
    plan = module("api.actions.make_plan").sync(client=operator, body=order)
    assert (plan.total, plan.confirm) == (3, None)
    begun = module("api.actions.run").sync(plan.plan, client=operator, body=models().Go(reason="worker-1 is gone"))
    operation = module("api.actions.operation").sync(begun.operation, client=operator)
    assert (operation.state.value, operation.results["done"]) == ("done", 3)
    after = module("api.groups.pending").sync("default", "orders", "workers", client=operator)
    assert {item.consumer for item in after.items} == {"worker-2"}


def test_it_reads_the_problem_of_what_is_not_there(operator: Any) -> None:
    answer = module("api.streams.stream").sync_detailed("default", "nothing", client=operator)
    assert answer.status_code == 404
    assert isinstance(answer.parsed, models().Problem)
    assert (answer.parsed.status, answer.parsed.title) == (404, "Not found")
    assert "nothing" in answer.parsed.detail


def test_it_reads_why_an_action_is_denied(operator: Any) -> None:
    order = models().StreamDeletePlanRequest(server="default", stream="orders", action="stream_delete")
    problem = module("api.actions.make_plan").sync(client=operator, body=order)
    assert (problem.status, problem.title) == (403, "Permission denied")
