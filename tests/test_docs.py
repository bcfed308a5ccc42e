"""The documentation names what there is: every variable, permission, action and command, and only files that exist."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from django.core.management.base import BaseCommand

from dashboard.accounts.permissions import ROLES, Permission
from dashboard.config import environment
from dashboard.config.options import Options
from dashboard.config.servers import ServerTable
from dashboard.fleet.findings.words import WORDS
from streams_admin.actions.registry import ALL
from streams_admin.actions.work import RESULTS
from streams_admin.api.shapes import AuditItem
from streams_admin.management.commands.act import Command as Act
from streams_admin.models import Operation

ROOT = Path(__file__).resolve().parent.parent
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text()
CONFIG = sorted((ROOT / "dashboard" / "config").glob("*.py"))
ENV = ast.parse((ROOT / "dashboard" / "config" / "environment.py").read_text())
READERS = {f.name for f in ENV.body if isinstance(f, ast.FunctionDef) and f.args.args and f.args.args[0].arg == "name"}
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)|<img[^>]*\bsrc=\"([^\"]+)\"")
FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)


def variables(path: Path) -> Iterator[str]:
    """What the readers of the environment (functions of environment.py that take a `name` first) are asked for."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and _called(node) in READERS and node.args:
            name = node.args[0]
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                yield name.value


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def rows(markdown: str) -> dict[str, list[str]]:
    """Rows of all tables, cells after the first, by the code word in the first."""
    found = re.findall(r"^\| `([^`]+)` \|(.*)\|$", markdown, re.MULTILINE)
    return {name: [cell.strip() for cell in rest.split("|")] for name, rest in found}


def headings(path: Path) -> set[str]:
    """The anchors GitHub makes of a page's headings."""
    lines = re.findall(r"^#+ (.+)$", FENCE.sub("", path.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in lines}


def links(path: Path) -> list[str]:
    """What a page links to inside the repository."""
    found = (one or other for one, other in LINK.findall(FENCE.sub("", path.read_text())))
    return [target for target in found if not re.match(r"[a-z]+:", target)]


READ = sorted(
    {
        *environment.OPTIONS,
        *environment.SECRET_OPTIONS,
        *(name for path in (ROOT / "dashboard" / "settings.py", *CONFIG) for name in variables(path)),
    }
)


def test_the_variables_are_found() -> None:
    assert {"REDIS_URL", "SECRET_KEY", "DATABASE_URL", "LATE_AFTER", "DATA_DIR", "LOG_FORMAT"} <= set(READ)


@pytest.mark.parametrize("name", READ)
def test_every_variable_is_documented_with_default_values_and_meaning(name: str) -> None:
    cells = rows(CONFIGURATION)[name]
    assert len(cells) == 3
    assert all(cells)


def test_no_variable_is_documented_that_nobody_reads() -> None:
    documented = {name for name in rows(CONFIGURATION) if name.isupper()}
    assert documented == set(READ)


def test_every_option_of_ours_is_a_variable_or_one_of_a_host_project() -> None:
    names = {field.alias for field in Options.model_fields.values()}
    assert names - set(READ) == {"SERVERS", "MASKING"}
    assert {*environment.OPTIONS, *environment.SECRET_OPTIONS} < names


def test_every_secret_says_that_it_can_come_from_a_file() -> None:
    text = "".join(path.read_text() for path in CONFIG)
    secrets = {*environment.SECRET_OPTIONS, *re.findall(r"\bsecret\(\"(\w+)\"\)", text)}
    assert secrets == {name for name, cells in rows(CONFIGURATION).items() if "**file**" in cells[-1]}


@pytest.mark.parametrize("permission", list(Permission))
def test_every_permission_is_documented_for_every_role(permission: Permission) -> None:
    cells = rows(CONFIGURATION)[permission.value]
    assert [cell == "yes" for cell in cells[:3]] == [permission in ROLES[r] for r in ("viewer", "operator", "admin")]
    assert cells[3]


def test_every_key_of_the_toml_file_is_documented() -> None:
    assert rows(CONFIGURATION).keys() >= ServerTable.model_fields.keys()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_linked_file_and_heading_exists(page: Path) -> None:
    for target in links(page):
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        assert path.exists(), f"{page.name} links to {target}"
        assert not anchor or anchor in headings(path), f"{page.name} links to {target}"


def test_a_broken_link_would_be_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A *page*, here\n[one](missing.md#x) ![two](two.png) [three](https://example.com)\n")
    assert links(page) == ["missing.md#x", "two.png"]
    assert headings(page) == {"a-page-here"}


# Actions and commands ------------------------------------------------------------------------------------------------

ACTIONS = (ROOT / "docs" / "actions.md").read_text()
SECTIONS = dict(re.findall(r"^### `(\w+)`\n(.*?)(?=^##)", ACTIONS, re.DOTALL | re.MULTILINE))
ASPECTS = ["parameters", "Redis", "safeguards", "undo", "results"]


def test_every_action_has_its_section_and_no_other_has_one() -> None:
    assert SECTIONS.keys() == ALL.keys()


@pytest.mark.parametrize("slug", ALL)
def test_every_action_says_what_it_takes_does_guards_and_gives_back(slug: str) -> None:
    summary, _, table = SECTIONS[slug].strip().partition("\n\n")
    cells = dict(re.findall(r"^\| ([^|]+) \| (.+) \|$", table, re.MULTILINE))
    assert list(cells) == ASPECTS
    assert summary[0].isupper()
    assert summary.endswith(".")
    named = set(re.findall(r"`(\w+)`", cells["results"]))
    assert {"done"} <= named <= set(RESULTS) | ALL.keys()
    assert ALL[slug].irreversible == ("not possible. The" in cells["undo"])


def test_every_result_is_documented() -> None:
    assert list(rows(ACTIONS.partition("\n## Results\n")[2].partition("\n## ")[0])) == list(RESULTS)


@pytest.mark.parametrize("state", [*Operation.STATES, *get_args(AuditItem.model_fields["outcome"].annotation)])
def test_every_state_and_outcome_is_documented(state: str) -> None:
    assert f"`{state}`" in ACTIONS


COMMANDS = [path.stem for path in ROOT.glob("*/management/commands/[a-z]*.py")]


def test_the_commands_are_found() -> None:
    assert {"serve", "act", "verify_audit"} <= set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_documented(command: str) -> None:
    assert rows(CONFIGURATION.partition("\n## Commands\n")[2])[command][0]


def test_every_option_of_act_is_documented() -> None:
    parser = Act().create_parser("manage.py", "act")
    options = {word for action in parser._actions for word in action.option_strings}
    ours = options - {word for action in BaseCommand().create_parser("", "")._actions for word in action.option_strings}
    assert ours == {name for name in rows(ACTIONS) if name.startswith("--")} != set()


# How it works --------------------------------------------------------------------------------------------------------

HOW = (ROOT / "docs" / "how-it-works.md").read_text()
NAMED = sorted(set(re.findall(r"`((?:dashboard|streams_admin|templates|static|tests)/[\w./-]+)`", HOW)))
NOT_OURS = {"migrations", "management", "templatetags", "models"}
"""Folders that Django names."""


def rooms() -> list[str]:
    """The folders of the two packages."""
    found = [path for package in ("dashboard", "streams_admin") for path in (ROOT / package).rglob("__init__.py")]
    parts = [path.parent.relative_to(ROOT).parts for path in found]
    return sorted("/".join(part) for part in parts if len(part) > 1 and not NOT_OURS & {*part})


@pytest.mark.parametrize("name", NAMED)
def test_every_file_that_how_it_works_names_is_there(name: str) -> None:
    assert (ROOT / name).exists()


@pytest.mark.parametrize("room", rooms())
def test_every_room_has_its_sentence(room: str) -> None:
    """Its path, or its own name in the sentence of the room it is in; those of the demo are the tutorial's subject."""
    above, _, name = room.rpartition("/")
    inside = f"`{above}/`" in HOW and f"`{name}/`" in HOW
    assert f"`{room}/`" in HOW or inside or room.startswith("streams_admin/demo/")


def test_the_rooms_and_files_are_found() -> None:
    assert {"dashboard/fleet/findings", "streams_admin/actions/pending", "dashboard/live/reader"} <= set(rooms())
    assert {"streams_admin/writes/pending.py", "dashboard/streams/lag.py"} <= set(NAMED)


def test_every_kind_of_finding_stands_beside_its_word() -> None:
    table = (
        (ROOT / "docs" / "how-it-works.md").read_text().partition("| word | kind in the API |")[2].partition("\n\n")[0]
    )
    rows = {kind: words for words, kind in re.findall(r"^\| ([^|]+) \| `(\w+)` \|", table, re.MULTILINE)}
    assert rows.keys() == WORDS.keys()
    assert [kind for kind, word in WORDS.items() if word.lower() not in rows[kind].lower()] == []
