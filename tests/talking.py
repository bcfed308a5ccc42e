"""A plugin for `make servers`: leaves out the tests that no server takes part in, which are the same on every one."""

from __future__ import annotations

import pytest

STARTS = ("embedded", "cluster_of_one")
"""What a module imports whose tests start servers of their own."""


def talks(item: pytest.Function) -> bool:
    """Whether a server of the matrix takes part in a test: the one of its process, or one that its module starts."""
    return "embedded_server" in item.fixturenames or any(name in vars(item.module) for name in STARTS)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left_out = [item for item in items if isinstance(item, pytest.Function) and not talks(item)]
    config.hook.pytest_deselected(items=left_out)
    kept = set(items).difference(left_out)
    items[:] = [item for item in items if item in kept]
