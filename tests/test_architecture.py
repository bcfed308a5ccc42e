"""The laws of the architecture, as checks over the source of both packages.

Each law is a function from a source to the lines that break it. It is shown a breach first, so that it cannot fall
asleep, and then the repository.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FLOORS = 7
"""Of `streams_admin/actions/`, at most: the longest chain of modules that import each other."""
LOOSE = 12
"""Modules beside each other in one folder, at most; where there are more, a subject is missing."""
LAYERS = ("live", "fleet", "views", "api")
LAYER_DOORS = {"fleet": "dashboard.fleet.store", "live": "dashboard.live.hub"}
BUILDERS = ("dashboard/apps.py", "dashboard/asgi.py", "dashboard/routing.py")
"""Where the fleet is made and live connections are routed to."""
DOORS = (
    "dashboard.accounts",
    "dashboard.api.shapes",
    "dashboard.background",
    "dashboard.config.active",
    "dashboard.display",
    "dashboard.http",
    "dashboard.live.hub",
    "dashboard.menus",
    "dashboard.ports",
    "dashboard.streams",
)
# fmt: off
WRITES = frozenset({
    "XADD", "XACK", "XACKDEL", "XNACK", "XCLAIM", "XAUTOCLAIM", "XDEL", "XDELEX", "XTRIM", "XGROUP", "XSETID",
    "XCFGSET", "XREADGROUP", "DEL", "UNLINK", "SET", "SETEX", "GETDEL", "EXPIRE", "PEXPIRE", "PERSIST", "RENAME",
    "RESTORE", "COPY", "MIGRATE", "FLUSHALL", "FLUSHDB", "EVAL", "EVALSHA", "FCALL", "SCRIPT", "FUNCTION", "PUBLISH",
    "LPUSH", "RPUSH", "HSET", "SADD", "ZADD", "INCR", "BGSAVE", "SHUTDOWN",
})
# fmt: on
TYPED_WRITES = re.compile(
    r"x(add|ack|ackdel|nack|claim|autoclaim|del|delex|trim|group_\w+|setid|readgroup)|flush(all|db)"
)


@dataclass(frozen=True)
class Source:
    """A Python file of the repository. `name` is its module, `place` its path from the root."""

    place: str
    text: str

    @classmethod
    def of(cls, path: Path) -> Source:
        return cls(path.relative_to(ROOT).as_posix(), path.read_text())

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.place)

    @property
    def package(self) -> str:
        """Dotted name of the folder, which relative imports start from."""
        return self.place.rpartition("/")[0].replace("/", ".")

    @property
    def module(self) -> str:
        return self.place.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    def within(self, *places: str) -> bool:
        """Whether it is one of these files, or lies in one of these folders (with a slash at the end)."""
        return any(self.place.startswith(p) if p.endswith("/") else self.place == p for p in places)

    def imports(self) -> Iterator[tuple[int, str]]:
        """Line and dotted name of everything imported at any depth, by `import_module` too."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield from ((node.lineno, f"{self._origin(node)}.{alias.name}") for alias in node.names)
            elif isinstance(node, ast.Call) and _called(node) in ("import_module", "__import__", "import_string"):
                yield from ((node.lineno, str(a.value)) for a in node.args if isinstance(a, ast.Constant))

    def _origin(self, node: ast.ImportFrom) -> str:
        parts = self.package.split(".")
        above = parts[: len(parts) - node.level + 1] if node.level else []
        return ".".join([*above, *([node.module] if node.module else [])])


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _inside(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def writer_in_the_reader(source: Source) -> list[int]:
    """Law 1: `dashboard` never imports `streams_admin`."""
    if not source.within("dashboard/"):
        return []
    return [line for line, module in source.imports() if _inside(module, "streams_admin")]


def side_doors(source: Source) -> list[int]:
    """Law 2: `streams_admin` comes in through the declared doors."""
    if not source.within("streams_admin/"):
        return []
    return [line for line, module in source.imports() if _inside(module, "dashboard") and not _inside(module, *DOORS)]


def redis_clients(source: Source) -> list[int]:
    """Law 3: only `links` imports redis-py. The scenarios and their command play customers' services."""
    if source.within("dashboard/streams/links/", *SCENARIOS):
        return []
    return [line for line, module in source.imports() if _inside(module, "redis", "valkey", "coredis")]


def writes(source: Source) -> list[int]:
    """Law 4: mutating commands are named, and the client for writes is taken in hand, only in `writes`."""
    if source.within("streams_admin/writes/", *SCENARIOS):
        return []
    return [node.lineno for node in ast.walk(source.tree) if _is_write(node, source)]


def _is_write(node: ast.AST, source: Source) -> bool:
    if isinstance(node, ast.Constant):
        word = node.value.decode("latin-1") if isinstance(node.value, bytes) else node.value
        return isinstance(word, str) and word in WRITES
    if isinstance(node, ast.Attribute) and node.attr == "writer" and ast.unparse(node) != "csv.writer":
        return not source.within("dashboard/streams/links/")
    return isinstance(node, ast.Call) and bool(TYPED_WRITES.fullmatch(_called(node)))


def django_in_streams(source: Source) -> list[int]:
    """Law 5a: `dashboard/streams/` knows no Django and nothing of the rest of the site."""
    if not source.within("dashboard/streams/"):
        return []
    return [
        line
        for line, module in source.imports()
        if _inside(module, "django", "channels", "ninja")
        or (_inside(module, "dashboard") and not _inside(module, "dashboard.streams"))
    ]


def sideways(source: Source) -> list[int]:
    """Law 5b: `live`, `fleet`, `views` and `api` do not import each other; pages and API may read the fleet."""
    own = next((layer for layer in LAYERS if source.within(f"dashboard/{layer}/")), None)
    if own is None:
        return []
    readable = {own, "fleet"} if own in ("views", "api") else {own}
    closed = [f"dashboard.{layer}" for layer in LAYERS if layer not in readable]
    return [line for line, module in source.imports() if _inside(module, *closed)]


def back_doors(source: Source) -> list[int]:
    """Law 5c: `fleet` and `live` have one door each; only what builds them goes behind it."""
    if not source.within("dashboard/") or source.within(*BUILDERS):
        return []
    behind = [layer for layer in LAYER_DOORS if not source.within(f"dashboard/{layer}/")]
    return [
        line
        for line, module in source.imports()
        for layer in behind
        if _inside(module, f"dashboard.{layer}") and not _inside(module, LAYER_DOORS[layer])
    ]


def environment(source: Source) -> list[int]:
    """Law 6: the environment is read in `config/`.

    Entry points may name the settings module; what starts child processes may pass the environment on.
    """
    if source.within("dashboard/config/", *STARTERS):
        return []
    entry = source.within("manage.py", "dashboard/cli.py", "dashboard/asgi.py")
    allowed = {id(node) for call in ast.walk(source.tree) if entry and _names_settings(call) for node in ast.walk(call)}
    reads = [node for node in ast.walk(source.tree) if _reads_environment(node) and id(node) not in allowed]
    return sorted({node.lineno for node in reads if hasattr(node, "lineno")})


def _names_settings(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and ast.unparse(node.func) == "os.environ.setdefault"
        and isinstance(node.args[0], ast.Constant)
        and node.args[0].value == "DJANGO_SETTINGS_MODULE"
    )


def _reads_environment(node: ast.AST) -> bool:
    names = {"environ", "environb", "getenv", "getenvb"}
    if isinstance(node, ast.Attribute):
        return node.attr in names and isinstance(node.value, ast.Name) and node.value.id == "os"
    return isinstance(node, ast.ImportFrom) and node.module == "os" and any(alias.name in names for alias in node.names)


def trusted_markup(source: Source) -> list[int]:
    """No string is declared to be HTML: `format_html` and templates escape."""
    names = {"mark_safe", "SafeString", "SafeText", "safestring"}
    return [n.lineno for n in ast.walk(source.tree) if isinstance(n, ast.Call) and _called(n) in names]


def lazy_imports(source: Source) -> list[int]:
    """Law 7: what a module needs stands at its top. An import inside a function hides a circle."""
    if source.within(*LAZY):
        return []
    functions = [n for n in ast.walk(source.tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    inner = [n for function in functions for n in ast.walk(function) if isinstance(n, ast.Import | ast.ImportFrom)]
    return sorted({node.lineno for node in inner})


def circles(sources: Sequence[Source]) -> list[list[str]]:
    """Law 7: modules that import each other, directly or around a corner; each circle in alphabetical order."""
    modules = {source.module: source for source in sources}
    graph = {name: {_module(n, modules) for _, n in s.imports()} - {"", name} for name, s in modules.items()}
    reached = {name: _reachable(name, graph) for name in graph}
    found = {tuple(sorted(m for m in ends if name in reached[m])) for name, ends in reached.items() if name in ends}
    return [list(circle) for circle in sorted(found)]


def _module(name: str, modules: Container[str]) -> str:
    """The module that a dotted name is, or is defined in; "" for one of another package."""
    while name and name not in modules:
        name = name.rpartition(".")[0]
    return name


def _reachable(start: str, graph: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    ahead = [start]
    while ahead:
        new = graph[ahead.pop()] - found
        found |= new
        ahead.extend(new)
    return found


def floors(sources: Sequence[Source], folder: str) -> dict[str, int]:
    """Floors of the modules in a folder: 1 for what imports none of the others, else one above the highest it imports.

    Raises CycleError where they import each other in a circle.
    """
    modules = {source.module: source for source in sources if source.within(folder)}
    graph = {name: {_module(n, modules) for _, n in s.imports()} - {"", name} for name, s in modules.items()}
    found: dict[str, int] = {}
    for name in TopologicalSorter(graph).static_order():
        found[name] = 1 + max((found[below] for below in graph[name]), default=0)
    return found


def crowded(places: Iterable[str]) -> dict[str, int]:
    """Folders with more than LOOSE modules beside `__init__`, and how many there are."""
    modules = (place for place in places if place.endswith(".py") and not place.endswith("/__init__.py"))
    return {folder: n for folder, n in Counter(place.rpartition("/")[0] for place in modules).items() if n > LOOSE}


LAZY = {
    "dashboard/apps.py": "ready(): where incidents are recorded needs the models, and they are not there before",
    "streams_admin/apps.py": "ready(): what it registers needs the models, and they are not there before",
    "streams_admin/demo/embedded.py": "packages of the demo that may be missing; the first one found is enough",
    "streams_admin/demo/check.py": "a package of the demo that may be missing; only the check needs it",
}
"""Modules that may import inside a function, each with its reason."""
ACTIONS = "streams_admin/actions/"
SCENARIOS = ("streams_admin/demo/scenarios/", "streams_admin/management/commands/scenario.py")
STARTERS = ("streams_admin/demo/", "streams_admin/management/commands/")
SOURCES = [
    Source.of(path)
    for folder in ("dashboard", "streams_admin")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if path.stat().st_size
] + [Source.of(ROOT / "manage.py")]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
LAWS = (
    writer_in_the_reader,
    side_doors,
    redis_clients,
    writes,
    django_in_streams,
    sideways,
    back_doors,
    environment,
    trusted_markup,
    lazy_imports,
)
BREACHES = {
    writer_in_the_reader: [
        ("dashboard/menus.py", "from streams_admin import writes"),
        ("dashboard/apps.py", "def ready():\n    import streams_admin.apps"),
        ("dashboard/apps.py", "import_module('streams_admin.menu')"),
        ("dashboard/views/group.py", "from ...streams_admin.actions.pending import ack"),
    ],
    side_doors: [
        ("streams_admin/api/routes.py", "from dashboard.fleet.sampler import current"),
        ("streams_admin/views/plans.py", "from dashboard import models"),
        ("streams_admin/operations/start.py", "import dashboard.live.reader.tail"),
    ],
    redis_clients: [
        ("dashboard/http/probes.py", "from redis.asyncio import Redis"),
        ("streams_admin/writes/pending.py", "def f():\n    import redis"),
    ],
    writes: [
        ("streams_admin/actions/pending/ack.py", "run('XACK', key)"),
        ("dashboard/streams/queries/entries.py", "build = [(b'XREADGROUP', key)]"),
        ("dashboard/views/entry.py", "server.writer.call(name, key)"),
        ("streams_admin/api/routes.py", "client.xgroup_create(key, group)"),
        ("dashboard/streams/links/server.py", "pipe.flushall()"),
    ],
    django_in_streams: [
        ("dashboard/streams/ids.py", "from django.utils import timezone"),
        ("dashboard/streams/lag.py", "from ..accounts.access import may"),
        ("dashboard/streams/lag.py", "from dashboard.display import format"),
    ],
    sideways: [
        ("dashboard/live/hub.py", "from dashboard.fleet.sampler import current"),
        ("dashboard/views/stream.py", "from dashboard.live import hub"),
        ("dashboard/api/streams.py", "from dashboard.views.stream import page"),
        ("dashboard/fleet/sampler.py", "from ..api import metrics"),
    ],
    back_doors: [
        ("dashboard/views/attention.py", "from dashboard.fleet.reading import findings_for"),
        ("dashboard/http/context_processors.py", "from dashboard.fleet import samplers"),
        ("dashboard/api/findings.py", "from ..fleet.findings.model import RANK"),
        ("dashboard/live/hub.py", "from dashboard.fleet.sampler import Sampler"),
        ("dashboard/views/stream.py", "from dashboard.live.reader.tail import Tail"),
    ],
    environment: [
        ("dashboard/streams/links/server.py", "import os\nurl = os.environ['REDIS_URL']"),
        ("streams_admin/plans.py", "from os import getenv"),
        ("dashboard/settings.py", "import os\nDEBUG = bool(os.environ.get('DEBUG'))"),
        ("dashboard/asgi.py", "os.environ.setdefault('DEBUG', '1')"),
        ("manage.py", "os.environ['DJANGO_SETTINGS_MODULE']"),
    ],
    trusted_markup: [
        ("dashboard/templatetags/streamgauge.py", "mark_safe(text)"),
        ("dashboard/display/rows.py", "SafeString(x)"),
    ],
    lazy_imports: [
        ("dashboard/accounts/access.py", "def f():\n    from dashboard.accounts import directory"),
        ("streams_admin/plans.py", "class A:\n    async def f(self):\n        if self:\n            import json"),
    ],
}
PERMITTED = [
    (writer_in_the_reader, "dashboard/settings.py", "INSTALLED_APPS = ['streams_admin']"),
    (
        side_doors,
        "streams_admin/actions/pending/ack.py",
        "from dashboard.streams.ids import StreamId\nfrom dashboard import menus",
    ),
    (writes, "streams_admin/writes/pending.py", "server.writer.call(b'XACK', key)"),
    (writes, "dashboard/streams/queries/entries.py", "build = [('XPENDING', key), ('XINFO', 'STREAM', key)]"),
    (sideways, "dashboard/views/attention.py", "from dashboard.fleet.store import findings_for"),
    (back_doors, "dashboard/views/attention.py", "from dashboard.fleet.store import findings_for"),
    (back_doors, "dashboard/fleet/store.py", "from dashboard.fleet.reading import findings_for"),
    (environment, "dashboard/config/environment.py", "import os\nfound = os.environ.get('DEBUG')"),
    (environment, "dashboard/asgi.py", "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'dashboard.settings')"),
]
CIRCLES = [
    {"dashboard/a.py": "from dashboard import b", "dashboard/b.py": "import dashboard.a"},
    {
        "dashboard/a.py": "from dashboard.b import f",
        "dashboard/b.py": "def f():\n    from .c import g",
        "dashboard/c.py": "from . import a",
    },
    {"dashboard/a/__init__.py": "from dashboard.b import f", "dashboard/b.py": "from dashboard.a import g"},
]
NO_CIRCLE = {
    "dashboard/a/__init__.py": "from dashboard.a.b import f",
    "dashboard/a/b.py": "from dashboard.a.c import f",
    "dashboard/a/c.py": "import json",
}
Law = Callable[[Source], list[int]]


def _named(value: object) -> str | None:
    return value.__name__ if callable(value) else None


@pytest.mark.parametrize("law", LAWS, ids=_named)
def test_the_law_is_kept(law: Law) -> None:
    assert [f"{source.place}:{line}" for source in SOURCES for line in law(source)] == []


@pytest.mark.parametrize(
    ("law", "place", "text"), [(law, *breach) for law, found in BREACHES.items() for breach in found], ids=_named
)
def test_the_law_sees_a_breach(law: Law, place: str, text: str) -> None:
    assert law(Source(place, text)) != []


@pytest.mark.parametrize(("law", "place", "text"), PERMITTED, ids=_named)
def test_the_law_lets_pass_what_is_allowed(law: Law, place: str, text: str) -> None:
    assert law(Source(place, text)) == []


def test_no_module_imports_itself_around_a_corner() -> None:
    assert circles(SOURCES) == []


@pytest.mark.parametrize("planted", CIRCLES)
def test_a_circle_is_seen(planted: dict[str, str]) -> None:
    names = sorted(Source(place, "").module for place in planted)
    assert circles([*SOURCES, *(Source(place, text) for place, text in planted.items())]) == [names]


def test_a_package_that_shows_what_its_modules_hold_is_no_circle() -> None:
    assert circles([Source(place, text) for place, text in NO_CIRCLE.items()]) == []


def test_actions_stand_on_few_floors() -> None:
    found = floors(SOURCES, ACTIONS)
    assert {name: floor for name, floor in found.items() if floor > FLOORS} == {}
    assert found["streams_admin.actions.gate"] > found["streams_admin.actions.registry"] > 1


def test_a_floor_too_many_is_seen() -> None:
    """Each planted module imports the one below, in a way of its own: the eighth is too high."""
    ways = ("from streams_admin.actions import m{0}", "from .m{0} import f", "import streams_admin.actions.m{0}")
    lines = {n: ways[n % len(ways)].format(n - 1) if n > 1 else "import json" for n in range(1, FLOORS + 2)}
    found = floors([Source(f"{ACTIONS}m{n}.py", line) for n, line in lines.items()], ACTIONS)
    assert found == {f"streams_admin.actions.m{n}": n for n in range(1, FLOORS + 2)}
    assert max(found.values()) > FLOORS


def test_no_folder_is_crowded() -> None:
    assert crowded(source.place for source in SOURCES) == {}


def test_a_crowded_folder_is_seen() -> None:
    """The thirteenth module is one too many; what lies in a folder below, or is `__init__`, does not count."""
    full = [f"dashboard/display/m{n}.py" for n in range(LOOSE)]
    others = ["dashboard/display/__init__.py", "dashboard/display/charts/line.py", "dashboard/display/readme.txt"]
    assert crowded([*full, *others]) == {}
    assert crowded([*full, *others, "dashboard/display/one_more.py"]) == {"dashboard/display": LOOSE + 1}


def test_every_module_that_may_import_late_does() -> None:
    """Else it stands on the list for nothing."""
    assert [
        place for place in LAZY if not (ROOT / place).exists() or "    from " not in (ROOT / place).read_text()
    ] == []


def test_every_law_is_shown_a_breach() -> None:
    assert set(BREACHES) == set(LAWS)


def test_without_the_hands_the_site_starts_as_a_pure_viewer(tmp_path: Path) -> None:
    """Law 1 in one process: everything the URLs lead to is imported, and nothing of `streams_admin` comes along."""
    program = (
        "import django, sys; django.setup()\n"
        "from django.core.management import call_command; call_command('check')\n"
        "from django.urls import get_resolver; get_resolver().url_patterns\n"
        "import dashboard.asgi\n"
        "print([name for name in sys.modules if name.partition('.')[0] == 'streams_admin'])"
    )
    environment = {
        "DJANGO_SETTINGS_MODULE": "dashboard.settings",
        "STREAMGAUGE_VIEWER_ONLY": "1",
        "DATA_DIR": str(tmp_path),
        "PYTHONPATH": str(ROOT),
    }
    ended = subprocess.run(
        [sys.executable, "-c", program], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines()[-1] == "[]"


UNESCAPED = re.compile(r"\|\s*safe\b|\|\s*safeseq\b|autoescape\s+off")


def test_templates_escape_everything() -> None:
    """That they hold no inline script, handler or style, and scripts no `innerHTML`, is in test_static.py."""
    assert [str(path) for path in TEMPLATES if UNESCAPED.search(path.read_text())] == []


def test_templates_stand_in_folders_that_no_host_has() -> None:
    """Only what Django asks for by name lies at the top: the last resort where a host has no page of its own."""
    folders = {path.relative_to(ROOT / "templates").parts[0] for path in TEMPLATES}
    wanted_by_django = {"400.html", "403.html", "403_csrf.html", "404.html", "500.html"}
    assert folders == {"streamgauge", "streamgauge_admin", *wanted_by_django}


def test_no_page_of_the_viewer_names_an_action() -> None:
    """Buttons come from `menus`: a page leads to nothing of `streams_admin` by its name."""
    pages = [path for path in TEMPLATES if path.is_relative_to(ROOT / "templates/streamgauge")]
    assert pages
    assert [str(path) for path in pages if "streams_admin" in path.read_text()] == []
