"""What the browser gets: vendored files are what they claim to be, and a strict content policy can hold."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from collections import Counter
from itertools import accumulate
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from dashboard.assets.storage import SHEETS

ROOT = Path(__file__).resolve().parent.parent
VENDOR = ROOT / "static" / "vendor"
OWN = sorted(path for path in (ROOT / "static").rglob("*") if path.is_file() and VENDOR not in path.parents)
SCRIPTS = [path for path in OWN if path.suffix == ".js"]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
MANIFEST = json.loads((VENDOR / "MANIFEST.json").read_text())
INLINE = re.compile(r"<style|\sstyle=|\son[a-z]+=|javascript:|<script(?![^>]*\ssrc=)", re.IGNORECASE)
MARKUP = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function")
OUTSIDE = re.compile(r"""(?:src|href|url\(|@import|from)[\s=("']+(?:https?:)?//""")


@pytest.fixture(scope="module")
def vendor() -> ModuleType:
    spec = importlib.util.spec_from_file_location("scripts_vendor", ROOT / "scripts" / "vendor.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def folder(package: dict[str, Any]) -> Path:
    return VENDOR / f"{package['name']}-{package['version']}"


@pytest.mark.parametrize("package", MANIFEST, ids=lambda package: package["name"])
def test_vendored_files_are_the_ones_that_were_fetched(package: dict[str, Any], vendor: ModuleType) -> None:
    present = {path.name: vendor.integrity(path.read_bytes()) for path in folder(package).iterdir()}
    assert present == package["files"]
    assert "LICENSE" in present


def test_nothing_is_vendored_beside_the_manifest() -> None:
    named = {folder(package).name for package in MANIFEST}
    assert {path.name for path in VENDOR.iterdir()} == {"MANIFEST.json", *named}


def test_no_vendored_file_points_to_a_source_map_that_is_not_there() -> None:
    assert [path.name for path in VENDOR.rglob("*.*s") if b"sourceMappingURL" in path.read_bytes()] == []


def test_source_map_comments_are_taken_out(vendor: ModuleType) -> None:
    assert vendor.without_source_map(b"a()\n//# sourceMappingURL=a.js.map\n") == b"a()\n"


def test_no_line_of_a_template_is_longer_than_one_can_read() -> None:
    lines = [(path.name, line) for path in TEMPLATES for line in path.read_text().splitlines()]
    assert [(name, line) for name, line in lines if len(line) > 160] == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_templates_need_no_inline_script_or_style(path: Path) -> None:
    assert INLINE.findall(path.read_text()) == []


@pytest.mark.parametrize("path", [*TEMPLATES, *OWN], ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_loaded_from_elsewhere(path: Path) -> None:
    assert OUTSIDE.findall(path.read_text()) == []


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_scripts_write_text_and_never_markup(path: Path) -> None:
    assert MARKUP.findall(path.read_text()) == []


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_of_scripts_lead_somewhere(path: Path) -> None:
    named = re.findall(r"""^import .*?["'](.+?)["'];$""", path.read_text(), re.MULTILINE)
    assert [name for name in named if not (path.parent / name).resolve().is_file()] == []


def test_every_behaviour_is_bound() -> None:
    main = (ROOT / "static/js/main.js").read_text()
    behaviours = sorted((ROOT / "static/js/behaviours").glob("*.js"))
    assert behaviours
    assert [path.name for path in behaviours if f"./behaviours/{path.name}" not in main] == []


def test_every_symbol_that_is_used_is_in_the_sprite() -> None:
    sprite = (ROOT / "templates/streamgauge/parts/_sprite.html").read_text()
    known = set(re.findall(r'<symbol id="(i-\w+)"', sprite))
    used = {name for path in TEMPLATES for name in re.findall(r'<use href="#(i-\w+)"', path.read_text())}
    assert used <= known


def test_every_colour_that_is_named_exists() -> None:
    sheets = {name: (ROOT / "static" / name).read_text() for name in SHEETS}
    defined = set(re.findall(r"(--[\w-]+):", "".join(sheets.values())))
    assert set(re.findall(r"var\((--[\w-]+)", "".join(sheets.values()))) <= defined


def test_every_sheet_is_delivered_once_and_the_narrow_one_last() -> None:
    present = {str(path.relative_to(ROOT / "static")) for path in OWN if path.suffix == ".css"}
    assert sorted(SHEETS) == sorted(present)
    assert (*SHEETS[:2], SHEETS[-1]) == ("css/tokens.css", "css/base.css", "css/narrow.css")


@pytest.mark.parametrize("name", SHEETS[2:])
def test_a_component_is_one_layer_so_that_order_alone_decides(name: str) -> None:
    text = re.sub(r"/\*.*?\*/", "", (ROOT / "static" / name).read_text(), flags=re.DOTALL).strip()
    assert re.match(r"@layer components \{\n", text)
    depths = list(accumulate((char == "{") - (char == "}") for char in text))
    assert depths.index(0, len("@layer components {")) == len(text) - 1


def test_no_folder_of_sheets_or_behaviours_has_more_than_twelve_files() -> None:
    counts = Counter(path.parent for path in OWN)
    assert [(str(folder), count) for folder, count in counts.items() if count > 12] == []
