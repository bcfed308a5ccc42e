"""Bundles hold each module once, after what it imports, and say the same as the modules by themselves."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dashboard.assets import bundle
from dashboard.assets.storage import ENTRIES

STATIC = Path(__file__).resolve().parent.parent.parent.parent / "static"
FILES = {
    "a.js": 'import { one as first, two } from "./lib/b.js";\nfirst(two);\n',
    "lib/b.js": 'import { two } from "../c.js";\nexport function one() {}\nexport const two = 2;\n',
    "c.js": "export async function two() {}\n",
}


def test_a_bundle_has_each_module_after_what_it_imports() -> None:
    assert bundle.modules(["a.js", "c.js"], FILES.__getitem__) == (
        "const m0 = (() => {\nasync function two() {}\nreturn { two };\n})();\n"
        "const m1 = (() => {\nconst { two } = m0;\nfunction one() {}\nconst two = 2;\nreturn { one, two };\n})();\n"
        "const m2 = (() => {\nconst { one: first, two } = m1;\nfirst(two);\nreturn {  };\n})();\n"
    )


def test_a_circle_is_refused() -> None:
    files = {"a.js": 'import { b } from "./b.js";\n', "b.js": 'import { a } from "./a.js";\n'}
    with pytest.raises(ValueError, match=r"a\.js imports itself by way of b\.js"):
        bundle.modules(["a.js"], files.__getitem__)


def test_our_scripts_use_nothing_that_a_bundle_does_not_understand() -> None:
    text = bundle.modules(ENTRIES, lambda name: (STATIC / name).read_text())
    assert re.findall(r"^\s*(?:import|export)\b.*", text, re.MULTILINE) == []
    wrapped = text.count(" = (() => {\n")
    assert wrapped == len(list((STATIC / "js").rglob("*.js"))) - 1, "all but before-paint.js, which is no module"
