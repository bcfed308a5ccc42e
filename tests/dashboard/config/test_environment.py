"""The environment and the TOML file: what is right is read, what is wrong is said in one sentence."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from dashboard.config import environment as env
from dashboard.config.database import database
from dashboard.config.masking import MaskRule
from dashboard.config.options import Options, read
from dashboard.config.secret_key import secret_key
from dashboard.config.urls import redis_url

ROOT = Path(__file__).resolve().parents[3]
Value = Callable[[], object]


@pytest.fixture
def toml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Writes the file that STREAMGAUGE_CONFIG names."""

    def write(text: str) -> Path:
        path = tmp_path / "streamgauge.toml"
        path.write_text(text)
        monkeypatch.setenv("STREAMGAUGE_CONFIG", str(path))
        return path

    return write


def given() -> Options:
    """Our settings as the environment has them."""
    return read(env.options())


def sentence(read: Value) -> str:
    """The message of the refusal: one line, one sentence."""
    with pytest.raises(ImproperlyConfigured) as refused:
        read()
    message = str(refused.value)
    assert "\n" not in message
    assert message.endswith(".")
    return message


WRONG: list[tuple[str, str, Value, str, str]] = [
    ("DEBUG", "maybe", lambda: env.flag("DEBUG"), "'maybe'", "true, false"),
    ("LATE_AFTER", "soon", given, "'soon'", "a whole number from 1 to 1000000000"),
    ("LATE_AFTER", "0", given, "'0'", "from 1"),
    ("LATE_AFTER", "-1", given, "'-1'", "from 1"),
    ("LATE_AFTER", "1.5", given, "'1.5'", "a whole number"),
    ("LATE_AFTER", "٣", given, "'٣'", "a whole number"),
    ("PORT", "70000", lambda: env.integer("PORT", 8000, max_value=65535), "'70000'", "to 65535"),
    ("TIME_ZONE", "Mars/Olympus", lambda: env.zone("TIME_ZONE", "UTC"), "'Mars/Olympus'", "an IANA name"),
    ("TIME_ZONE", "../x", lambda: env.zone("TIME_ZONE", "UTC"), "'../x'", "an IANA name"),
    ("BASE_URL", "ops.example.com", lambda: env.origin("BASE_URL", ""), "'ops.example.com'", "scheme and host"),
    ("BASE_URL", "https://a.example/x", lambda: env.origin("BASE_URL", ""), "'https://a.example/x'", "scheme and host"),
    ("BASE_URL", "ftp://a.example", lambda: env.origin("BASE_URL", ""), "'ftp://a.example'", "scheme and host"),
    ("LOG_FORMAT", "xml", lambda: env.choice("LOG_FORMAT", ["text", "json"], "text"), "'xml'", "text, json"),
    ("SECRET_KEY_FILE", "/no/such", lambda: env.secret("SECRET_KEY"), "'/no/such'", "cannot be read"),
    ("DATA_DIR", "/dev/null/x", lambda: env.folder("DATA_DIR", "data"), "'/dev/null/x'", "no folder can be created"),
    ("DATABASE_URL", "mysql://u:p@h/n", lambda: database(Path()), "not for PostgreSQL", "postgres://"),
    ("REDIS_ENVIRONMENT", "prod", given, "'prod'", "production, staging, development"),
    ("REDIS_READ_ONLY", "perhaps", given, "'perhaps'", "true, false"),
    ("REDIS_ADMIN_URL", "http://h", given, "'http'", "redis://, rediss:// and unix://"),
]


@pytest.mark.parametrize(("name", "found", "read", "said", "allowed"), WRONG, ids=[f"{w[0]}={w[1]}" for w in WRONG])
def test_a_wrong_value_is_named_with_what_was_found_and_what_is_allowed(
    name: str, found: str, read: Value, said: str, allowed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SECRET_KEY", raising=False)
    monkeypatch.setenv("REDIS_URL", "redis://h")
    monkeypatch.setenv(name, found)
    message = sentence(read)
    assert message.startswith(name)
    assert said in message
    assert allowed in message


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("h:6379", "starts with 'h'"),
        ("http://h", "starts with 'http'; allowed: redis://, rediss:// and unix://"),
        ("redis:h", "starts with 'redis'"),
        ("redis://", "has no host"),
        ("redis://:secret@h:port", "is not a valid URL"),
        ("redis://:secret@h:99999", "is not a valid URL"),
        ("redis://[::1", "is not a valid URL"),
        ("redis://:secret@h/one", "has the database 'one'; allowed: a number"),
        ("unix:///run/redis.sock?db=one", "has the database 'one'; allowed: a number"),
        ("redis://:secret@h/0?protocol=3", "has the option 'protocol'; allowed: db, ssl_ca_certs"),
        ("redis://:secret@h?socket_timeout=60", "has the option 'socket_timeout'"),
        ("redis+sentinel://h:1/name/0", "Sentinel is not supported yet"),
        ("redis+cluster://h:1", "Cluster is not supported yet"),
    ],
)
def test_a_wrong_url_is_refused_and_its_secret_not_repeated(url: str, said: str) -> None:
    message = sentence(lambda: redis_url("REDIS_URL", url))
    assert message.startswith("REDIS_URL")
    assert said in message
    assert "secret" not in message


@pytest.mark.parametrize(
    ("url", "read"),
    [
        ("redis://h", "redis://h"),
        ("redis://u:p@h:1/2?ssl_ca_certs=/x", "redis://u:p@h:1/2?ssl_ca_certs=/x"),
        ("rediss://[::1]:6380/0", "rediss://[::1]:6380/0"),
        ("valkey://h:1", "redis://h:1"),
        ("valkeys://h:1", "rediss://h:1"),
        ("unix:///run/redis.sock?db=1", "unix:///run/redis.sock?db=1"),
    ],
)
def test_a_right_url_is_read(url: str, read: str) -> None:
    assert redis_url("REDIS_URL", url) == read


def test_unset_and_empty_are_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    for value in (None, ""):
        monkeypatch.delenv("PORT", raising=False) if value is None else monkeypatch.setenv("PORT", value)
        assert (env.text("PORT", "a"), env.integer("PORT", 8000), env.flag("PORT", True)) == ("a", 8000, True)
        assert (env.choice("PORT", ["a"], "a"), env.words("PORT", ["a"]), env.secret("PORT")) == ("a", ["a"], "")


@pytest.mark.parametrize(("found", "read"), [("true", True), ("ON", True), ("1", True), ("no", False), ("0", False)])
def test_flags(found: str, read: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEBUG", found)
    assert env.flag("DEBUG", default=not read) is read


def test_lists_have_commas_between(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_HOSTS", " a.example.com, ,b ")
    assert env.words("ALLOWED_HOSTS") == ["a.example.com", "b"]


def test_a_secret_comes_from_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "url").write_text("redis://:p%40ss@h:1\n")
    monkeypatch.setenv("REDIS_URL_FILE", str(tmp_path / "url"))
    assert given().watched[0].url == "redis://:p%40ss@h:1"
    monkeypatch.setenv("REDIS_URL", "redis://other")
    assert sentence(given) == "REDIS_URL and REDIS_URL_FILE are both set; set one of them."


def test_the_session_key_is_made_once_and_readable_by_us_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SECRET_KEY", raising=False)
    made = secret_key(tmp_path, may_be_made=True)
    assert len(made) >= 50
    assert secret_key(tmp_path, may_be_made=True) == made
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600


def test_a_session_key_is_asked_for_where_processes_share_a_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SECRET_KEY", raising=False)
    assert sentence(lambda: secret_key(tmp_path, may_be_made=False)).startswith("SECRET_KEY is not set")
    assert not list(tmp_path.iterdir())
    monkeypatch.setenv("SECRET_KEY", "short-and-secret")
    message = sentence(lambda: secret_key(tmp_path, may_be_made=True))
    assert "at least 32 characters" in message
    assert "short-and-secret" not in message


def test_sqlite_takes_its_lock_first_and_postgresql_comes_by_url(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sqlite = database(tmp_path)
    assert sqlite["NAME"] == str(tmp_path / "streamgauge.sqlite3")
    assert sqlite["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    monkeypatch.setenv("DATABASE_URL", "postgres://ada:p%40ss@db:5433/gauge")
    found = database(tmp_path)
    assert found["ENGINE"] == "django.db.backends.postgresql"
    assert (found["USER"], found["PASSWORD"], found["HOST"], found["PORT"]) == ("ada", "p@ss", "db", 5433)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("sqlite:///gauge.sqlite3", "gauge.sqlite3"),
        ("sqlite:///data/gauge.sqlite3", "data/gauge.sqlite3"),
        ("sqlite:////var/lib/gauge.sqlite3", "/var/lib/gauge.sqlite3"),
    ],
)
def test_sqlite_may_lie_elsewhere(url: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    assert database(tmp_path) == {**database_of_the_folder(tmp_path, monkeypatch), "NAME": name}


def database_of_the_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    monkeypatch.delenv("DATABASE_URL")
    return database(folder)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite://gauge.sqlite3"])
def test_sqlite_is_a_file(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    assert sentence(lambda: database(tmp_path)).startswith("DATABASE_URL names no file; allowed: sqlite:///")


def test_a_folder_of_ours_is_for_us_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "made"))
    assert stat.S_IMODE(env.folder("DATA_DIR", "data").stat().st_mode) == 0o700


def test_without_anything_nothing_is_watched() -> None:
    assert (given().watched, given().mask_rules) == ((), ())


def test_one_server_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {
        "REDIS_URL": "redis://reader@h",
        "REDIS_ADMIN_URL": "redis://writer@h",
        "REDIS_TITLE": "Orders",
        "REDIS_ENVIRONMENT": "staging",
        "REDIS_READ_ONLY": "yes",
        "REDIS_KEYS": "orders:*, user:*",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    (server,) = given().watched
    assert (server.name, server.url, server.admin_url) == ("default", "redis://reader@h", "redis://writer@h")
    assert (server.title, server.environment, server.read_only) == ("Orders", "staging", True)
    assert server.keys == ("orders:*", "user:*")
    assert "reader" not in repr(server)


def test_servers_and_masking_from_the_file(
    toml: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "password").write_text("p@ss/word\n")
    monkeypatch.setenv("OPERATOR", "s:cret")
    toml(
        f"""
        [servers.orders-eu]
        url = "rediss://viewer@redis-eu:6380/0"
        password_file = "{tmp_path}/password"
        admin_url = "rediss://operator:${{OPERATOR}}@redis-eu:6380/0"
        title = "Orders, Europe"
        environment = "production"
        read_only = true
        keys = ["orders:*"]
        [servers.plain]
        url = "redis://h"
        [[masking]]
        streams = "user:*"
        fields = ["email", "card.*"]
        """
    )
    orders, plain = given().watched
    assert orders.url == "rediss://viewer:p%40ss%2Fword@redis-eu:6380/0"
    assert orders.admin_url == "rediss://operator:s%3Acret@redis-eu:6380/0"
    assert (orders.title, orders.environment, orders.read_only) == ("Orders, Europe", "production", True)
    assert orders.keys == ("orders:*",)
    assert (plain.title, plain.environment, plain.admin_url, plain.keys) == ("plain", "development", "", ())
    assert given().mask_rules == (MaskRule("user:*", ("email", "card.*")),)


SERVER = '[servers.a]\nurl = "redis://h"\n'
WRONG_FILES = [
    ("servers = ", "which is not TOML"),
    ("[serves.a]", "has 'serves'; allowed: masking, servers"),
    ("servers = 3", "servers is 3; allowed: a table"),
    ("[servers]\na = 3", "servers.a is 3; allowed: a table"),
    ('[servers."A b"]\nurl = "redis://h"', "'A b' is not valid in URLs; allowed: a-z, 0-9, - and _"),
    ("[servers.a]", "servers.a has no url"),
    ("[servers.a]\nurl = 3", "servers.a: url is 3; allowed: a string"),
    ('[servers.a]\nurl = "http://h"', "servers.a: url starts with 'http'; allowed: redis://"),
    ('[servers.a]\nurl = "redis://:${NOT_SET}@h"', "servers.a uses ${NOT_SET}, which is not set"),
    (SERVER + "port = 1", "servers.a has 'port'; allowed: admin_password_file, admin_url, dead_letters"),
    (SERVER + 'environment = "prod"', "environment is 'prod'; allowed: production, staging, development"),
    (SERVER + 'read_only = "yes"', "read_only is 'yes'; allowed: true, false"),
    (SERVER + 'keys = "a*"', "keys is 'a*'; allowed: a list of strings"),
    (SERVER + "keys = [1]", "keys is [1]; allowed: a list of strings"),
    (SERVER + 'password_file = "/no/such"', "password_file names '/no/such', which cannot be read"),
    ("masking = 3", "masking is not a list of tables"),
    ("masking = [3]", "masking is 3; allowed: a table"),
    ("[[masking]]\nfield = []", "masking has 'field'; allowed: fields, streams"),
    ("[[masking]]", "masking has no fields"),
]


@pytest.mark.parametrize(("text", "said"), WRONG_FILES, ids=[said for _, said in WRONG_FILES])
def test_a_wrong_file_is_named_with_the_line_to_mend(text: str, said: str, toml: Callable[[str], Path]) -> None:
    path = toml(text)
    message = sentence(given)
    assert str(path) in message
    assert said in message


def test_a_file_that_is_not_there_or_no_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, content in (("missing", None), ("binary", b"\xff\xfe")):
        path = tmp_path / name
        if content:
            path.write_bytes(content)
        monkeypatch.setenv("STREAMGAUGE_CONFIG", str(path))
        assert sentence(given).startswith(f"STREAMGAUGE_CONFIG names '{path}', which cannot be read")


def test_a_url_and_a_file_are_too_much(toml: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    toml(SERVER)
    monkeypatch.setenv("REDIS_URL", "redis://h")
    assert sentence(given) == "REDIS_URL and STREAMGAUGE_CONFIG are both set; set one of them."


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"LATE_AFTER": "600", "STUCK_AFTER": "60"},
            "STUCK_AFTER is 60; allowed: at least LATE_AFTER (600).",
        ),
        ({"POISON_DELIVERIES": "1"}, "POISON_DELIVERIES is '1'; allowed: a whole number from 2 to 1000000000."),
        ({"LOG_LEVEL": "loud"}, "LOG_LEVEL is 'loud'; allowed: DEBUG, INFO, WARNING, ERROR."),
        ({"REDIS_URL": "h:1"}, "REDIS_URL starts with 'h'; allowed: redis://, rediss:// and unix://."),
        (
            {"DATABASE_URL": "postgres://h/n"},
            "SECRET_KEY is not set; DATABASE_URL requires it, the same for every process.",
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_the_command_line_says_it_in_one_line(changed: dict[str, str], said: str, tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path), **changed}
    ended = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == f"Streamgauge cannot start: {said}\n"


def test_dead_letters_go_where_a_pattern_says(toml: Callable[[str], Path]) -> None:
    toml(
        '[servers.a]\nurl = "redis://h"\n[servers.a.dead_letters]\n"orders:*" = "orders:dead"\n"*" = "{stream}:dead"\n'
    )
    (server,) = given().watched
    assert server.dead_letters_of(b"orders:new") == b"orders:dead"
    assert server.dead_letters_of(b"user:1\xff") == b"user:1\xff:dead"


def test_without_a_rule_dead_letters_stand_beside_their_stream(toml: Callable[[str], Path]) -> None:
    toml('[servers.a]\nurl = "redis://h"\n')
    (server,) = given().watched
    assert server.dead_letters_of(b"orders:new") == b"orders:new:dlq"


@pytest.mark.parametrize("to", ["1", '""', '"{stream}"'])
def test_a_dead_letter_stream_is_another_stream(toml: Callable[[str], Path], to: str) -> None:
    toml(f'[servers.a]\nurl = "redis://h"\n[servers.a.dead_letters]\n"*" = {to}\n')
    assert "dead_letters" in sentence(given)
