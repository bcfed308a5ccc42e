"""What `make servers` runs on every server: each test that a server takes part in."""

from __future__ import annotations

from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from tests.dashboard.streams import test_ids as without_servers
from tests.dashboard.streams import test_lag as with_ours
from tests.streams_admin import test_cluster_node as with_its_own
from tests.talking import pytest_collection_modifyitems, talks


def item(module: ModuleType, *fixtures: str) -> Any:
    return SimpleNamespace(module=module, fixturenames=list(fixtures))


def test_a_server_takes_part_by_a_fixture_or_by_what_a_module_starts() -> None:
    assert talks(item(with_ours, "server", "redis_client", "redis_url", "embedded_server"))
    assert talks(item(with_its_own))
    assert not talks(item(with_ours))
    assert not talks(item(without_servers, "tmp_path"))


def test_the_rest_is_deselected_and_the_order_kept(request: pytest.FixtureRequest) -> None:
    """Of the tests of this very file none talks to a server."""
    left_out: list[pytest.Item] = []
    config: Any = SimpleNamespace(hook=SimpleNamespace(pytest_deselected=lambda items: left_out.extend(items)))
    found = [each for each in request.session.items if each.path.name in ("test_talking.py", "test_lag.py")]
    talking = [each for each in found if "embedded_server" in getattr(each, "fixturenames", ())]
    items = list(found)
    pytest_collection_modifyitems(config, items)
    assert items == talking
    assert left_out == [each for each in found if each not in talking]
    assert request.node in left_out
