"""Several style sheets or modules as one file, so that a first page takes few requests.

Modules are wrapped in functions, in the order of their imports. What is understood is what our scripts use, and a test
holds them to it: `import { a, b as c } from "./x.js";` in one line, and `export` before a function, class or const.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable

Read = Callable[[str], str]
"""The text of a static file by its name ("js/main.js")."""

IMPORT = re.compile(r"""^import \{ (?P<names>[^}]+) \} from "(?P<path>[^"]+)";\n""", re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const) (?P<name>\w+))", re.MULTILINE)


def sheets(names: Iterable[str], read: Read) -> str:
    """Style sheets in their order."""
    return "\n".join(read(name) for name in names)


def modules(entries: Iterable[str], read: Read) -> str:
    """One module that runs what the entries and their imports do, each once and imports first."""
    numbers: dict[str, int] = {}
    return "".join(_module(name, read, numbers, ()) for name in entries)


def _module(name: str, read: Read, numbers: dict[str, int], above: tuple[str, ...]) -> str:
    """The module after those that it imports; "" when it is there already. Raises ValueError on a circle."""
    if name in above:
        raise ValueError(f"{name} imports itself by way of {above[-1]}")
    if name in numbers:
        return ""
    source = read(name)
    imported = [_resolve(name, found["path"]) for found in IMPORT.finditer(source)]
    before = "".join(_module(other, read, numbers, (*above, name)) for other in imported)
    numbers[name] = len(numbers)
    return before + _wrapped(name, source, numbers)


def _resolve(name: str, path: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), path))


def _wrapped(name: str, source: str, numbers: dict[str, int]) -> str:
    def binding(found: re.Match[str]) -> str:
        return f"const {{ {found['names'].replace(' as ', ': ')} }} = m{numbers[_resolve(name, found['path'])]};\n"

    exported = ", ".join(found["name"] for found in EXPORT.finditer(source))
    body = EXPORT.sub("", IMPORT.sub(binding, source))
    return f"const m{numbers[name]} = (() => {{\n{body}return {{ {exported} }};\n}})();\n"
