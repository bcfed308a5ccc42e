"""Static files are prepared without a step of the user: named by content, compressed, whole."""

from __future__ import annotations

import gzip
import json
import os
import time
from pathlib import Path

import brotli
import pytest

from dashboard.assets import prepare
from dashboard.assets.stamp import stamp
from dashboard.assets.storage import BUNDLES


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("assets") / "static-1"
    prepare.collect(made)
    return made


def test_every_bundle_has_its_content_in_its_name_and_both_encodings(folder: Path) -> None:
    paths = json.loads((folder / "staticfiles.json").read_text())["paths"]
    for name in BUNDLES:
        assert paths[name] != name
        content = (folder / paths[name]).read_bytes()
        assert gzip.decompress((folder / f"{paths[name]}.gz").read_bytes()) == content
        assert brotli.decompress((folder / f"{paths[name]}.br").read_bytes()) == content


def test_what_is_in_a_bundle_is_not_there_twice(folder: Path) -> None:
    paths = json.loads((folder / "staticfiles.json").read_text())["paths"]
    assert "mark.svg" in paths
    assert "js/before-paint.js" in paths
    assert [name for name in paths if name.startswith(("css/", "js/behaviours/", "js/live/"))] == []


def test_a_stamp_changes_with_the_content_or_the_name_of_any_file(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text("a")
    first = stamp([tmp_path])
    (tmp_path / "a.css").touch()
    assert stamp([tmp_path]) == first
    (tmp_path / "a.css").write_text("b")
    second = stamp([tmp_path])
    (tmp_path / "a.css").rename(tmp_path / "b.css")
    assert len({first, second, stamp([tmp_path])}) == 3


def test_a_folder_of_another_state_stays_for_a_day(tmp_path: Path) -> None:
    for name, age in (("static-old", 2 * 86_400), ("static-new", 60)):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    prepare._forget_others(tmp_path / "static-now")
    assert [path.name for path in tmp_path.iterdir()] == ["static-new"]


def test_a_folder_that_cannot_be_written_is_no_end(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert isinstance(prepare.fill(tmp_path / "file" / "static-1"), OSError)


def test_of_two_who_prepare_the_same_one_wins(tmp_path: Path) -> None:
    root = tmp_path / "static-1"
    assert prepare.fill(root) is None
    assert isinstance(prepare.fill(root), OSError)
    assert [path.name for path in tmp_path.iterdir()] == ["static-1"]
    assert (root / "staticfiles.json").exists()
