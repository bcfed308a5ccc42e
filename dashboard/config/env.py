"""Typed readers of the environment and of the TOML file. The only place, with settings.py, that looks at either.

A wrong value stops the start with one sentence that names the variable, what was found and what is allowed.
"""

from __future__ import annotations

import os
import re
import secrets
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, quote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import environ

from dashboard.config.masking import MaskRule
from dashboard.streams.links import ServerConfig

SCHEMES = ("redis", "rediss", "unix", "valkey", "valkeys")
URL_OPTIONS = (
    "db",
    "ssl_ca_certs",
    "ssl_ca_path",
    "ssl_certfile",
    "ssl_keyfile",
    "ssl_cert_reqs",
    "ssl_check_hostname",
)
"""What may follow `?`: where and to whom, never how (protocol, timeouts, decoding), which is ours."""
ENVIRONMENTS = ("production", "staging", "development")
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_SERVER_KEYS = {
    "url", "admin_url", "title", "environment", "read_only", "keys", "dead_letters", "password_file",
    "admin_password_file",
}  # fmt: skip


class WrongValue(Exception):
    """A variable or a line of the configuration cannot be used; the message is one sentence for the person."""


def text(name: str, default: str = "") -> str:
    """The variable's value, or `default` when it is unset or empty."""
    return os.environ.get(name) or default


def flag(name: str, default: bool = False) -> bool:
    found = text(name).lower()
    if found in ("1", "true", "yes", "on"):
        return True
    if found in ("0", "false", "no", "off"):
        return False
    if not found:
        return default
    raise WrongValue(f"{name} is {found!r}; allowed are true and false.")


def whole(name: str, default: int, *, least: int = 1, most: int = 10**9) -> int:
    found = text(name)
    if not found:
        return default
    if not found.isascii() or not found.isdigit() or not least <= int(found) <= most:
        raise WrongValue(f"{name} is {found!r}; allowed is a whole number from {least} to {most}.")
    return int(found)


def choice(name: str, allowed: Sequence[str], default: str) -> str:
    found = text(name, default)
    if found not in allowed:
        raise WrongValue(f"{name} is {found!r}; allowed are {', '.join(allowed)}.")
    return found


def zone(name: str, default: str) -> str:
    """A time zone by its IANA name."""
    found = text(name, default)
    try:
        ZoneInfo(found)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise WrongValue(f"{name} is {found!r}; allowed is an IANA name like Europe/Berlin.") from error
    return found


def words(name: str, default: Sequence[str] = ()) -> list[str]:
    """A list with commas between."""
    return [word.strip() for word in text(name).split(",") if word.strip()] or list(default)


def origin(name: str, default: str) -> str:
    """Where a site is: scheme, host and port."""
    return origin_in(name, text(name, default))


def origin_in(what: str, found: str) -> str:
    """`found` without a slash at the end. Raises WrongValue for what is not scheme, host and port alone."""
    parts = _split(what, found, "https://streams.example.com")
    extra = parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc
    if parts.scheme not in ("http", "https") or not parts.hostname or extra:
        raise WrongValue(f"{what} is {found[:80]!r}; allowed is scheme and host, like https://streams.example.com.")
    return f"{parts.scheme}://{parts.netloc}"


def secret(name: str) -> str:
    """The variable, or the content of the file that NAME_FILE names; "" when neither is set."""
    path = text(f"{name}_FILE")
    if path and text(name):
        raise WrongValue(f"{name} and {name}_FILE are both set; set one of them.")
    return _file_content(f"{name}_FILE", path) if path else text(name)


def _file_content(name: str, path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise WrongValue(f"{name} names {path!r}, which cannot be read ({type(error).__name__}).") from error


def folder(name: str, default: str) -> Path:
    """A folder of ours, made when it is not there."""
    path = Path(text(name, default)).expanduser().resolve()
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WrongValue(f"{name} is {str(path)!r}, where no folder can be made ({error.strerror}).") from error
    return path


def secret_key(kept_in: Path, *, may_be_made: bool) -> str:
    """SECRET_KEY; without one, and with an embedded database, a random one that is kept beside it."""
    found = secret("SECRET_KEY")
    if found and len(found) < 32:
        raise WrongValue("SECRET_KEY is too short; allowed is a random text of at least 32 characters.")
    if found:
        return found
    if not may_be_made:
        raise WrongValue("SECRET_KEY is not set; with DATABASE_URL it must be, the same for every process.")
    return _kept_key(kept_in / "secret_key")


def _kept_key(path: Path) -> str:
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(50))
    except FileExistsError:
        pass
    except OSError as error:
        raise WrongValue(f"SECRET_KEY is not set, and none can be kept in {str(path)!r} ({error.strerror}).") from error
    return _file_content("SECRET_KEY", str(path))


def database(data_dir: Path) -> dict[str, Any]:
    """DATABASE_URL (PostgreSQL), else SQLite in the data folder.

    SQLite: WAL, and IMMEDIATE transactions: with Django's default most concurrent writers fail as "locked".
    """
    url = secret("DATABASE_URL")
    if not url:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(data_dir / "streamgauge.sqlite3"),
            "CONN_MAX_AGE": None,  # closing the last connection writes the whole log back: each batch would wait
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 5,
                "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;",
            },
        }
    if _split("DATABASE_URL", url, "postgres://user:password@host:port/name").scheme not in ("postgres", "postgresql"):
        raise WrongValue("DATABASE_URL is not for PostgreSQL; allowed is postgres://user:password@host:port/name.")
    return {**environ.Env.db_url_config(url), "CONN_HEALTH_CHECKS": True}


def servers_and_masking() -> tuple[tuple[ServerConfig, ...], tuple[MaskRule, ...]]:
    """From STREAMGAUGE_CONFIG, or the one server of REDIS_URL, or none."""
    path = text("STREAMGAUGE_CONFIG")
    if path and text("REDIS_URL"):
        raise WrongValue("REDIS_URL and STREAMGAUGE_CONFIG are both set; set one of them.")
    if path:
        return _from_toml(path)
    url = secret("REDIS_URL")
    if not url:
        return (), ()
    admin_url = secret("REDIS_ADMIN_URL")
    config = ServerConfig(
        name="default",
        url=redis_url("REDIS_URL", url),
        admin_url=redis_url("REDIS_ADMIN_URL", admin_url) if admin_url else "",
        title=text("REDIS_TITLE", "default"),
        environment=choice("REDIS_ENVIRONMENT", ENVIRONMENTS, "development"),
        read_only=flag("REDIS_READ_ONLY"),
        keys=tuple(words("REDIS_KEYS")),
    )
    return (config,), ()


def redis_url(name: str, url: str, password: str = "") -> str:
    """The URL for redis-py, with `password` put in. A refusal never repeats the URL: it holds secrets."""
    scheme = url.split(":", 1)[0]
    if scheme.startswith(("redis+sentinel", "rediss+sentinel")):
        raise WrongValue(f"{name} is a Sentinel URL; Sentinel is not supported yet, name the primary with redis://.")
    if scheme.startswith(("redis+cluster", "rediss+cluster")):
        raise WrongValue(f"{name} is a Cluster URL; Cluster is not supported yet, name a standalone server.")
    if scheme not in SCHEMES or "://" not in url:
        raise WrongValue(f"{name} begins with {scheme[:20]!r}; allowed are redis://, rediss:// and unix://.")
    parts = _split(name, url)
    if scheme != "unix" and not parts.hostname:
        raise WrongValue(f"{name} names no host; allowed is redis://user:password@host:port/db.")
    _refuse_unknown_parts(name, scheme, parts)
    scheme = {"valkey": "redis", "valkeys": "rediss"}.get(scheme, scheme)
    query = f"?{parts.query}" if parts.query else ""
    return f"{scheme}://{_with_password(parts.netloc, password)}{parts.path}{query}"


def _refuse_unknown_parts(name: str, scheme: str, parts: SplitResult) -> None:
    """redis-py takes database 0 for one it cannot read, and lets options of the URL go before ours."""
    database = parts.path.strip("/")
    if scheme != "unix" and database and not (database.isascii() and database.isdigit()):
        raise WrongValue(f"{name} names the database {database[:20]!r}; allowed is a number.")
    for option, value in parse_qsl(parts.query, keep_blank_values=True):
        if option not in URL_OPTIONS:
            raise WrongValue(f"{name} has the option {option[:30]!r}; allowed are {', '.join(URL_OPTIONS)}.")
        if option == "db" and not (value.isascii() and value.isdigit()):
            raise WrongValue(f"{name} names the database {value[:20]!r}; allowed is a number.")


def _split(name: str, url: str, form: str = "redis://user:password@host:port/db") -> SplitResult:
    """Raises WrongValue without a word of the URL: a "/" in a password makes a port of what is before it."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - asking for it is what checks it
    except ValueError:
        raise WrongValue(f"{name} cannot be read as a URL; allowed is {form}.") from None
    return parts


def _with_password(netloc: str, password: str) -> str:
    if not password:
        return netloc
    userinfo, _, host = netloc.rpartition("@")
    return f"{userinfo.split(':', 1)[0]}:{quote(password, safe='')}@{host}"


def _from_toml(path: str) -> tuple[tuple[ServerConfig, ...], tuple[MaskRule, ...]]:
    try:
        document = tomllib.loads(_file_content("STREAMGAUGE_CONFIG", path))
    except tomllib.TOMLDecodeError as error:
        raise WrongValue(f"STREAMGAUGE_CONFIG names {path!r}, which is not TOML: {error}.") from error
    _known(path, document, {"servers", "masking"})
    servers = _table(path, document.get("servers", {}), "servers")
    rules = document.get("masking", [])
    if not isinstance(rules, list):
        raise WrongValue(f"{path}: masking is no list of tables; allowed is [[masking]] with streams and fields.")
    return (
        tuple(_server(path, name, _table(path, table, f"servers.{name}")) for name, table in servers.items()),
        tuple(_mask_rule(path, _table(path, rule, "masking")) for rule in rules),
    )


def _server(path: str, name: str, table: dict[str, Any]) -> ServerConfig:
    where = f"{path}: servers.{name}"
    if not NAME.fullmatch(name):
        raise WrongValue(f"{path}: the server name {name!r} cannot stand in an address; allowed are a-z, 0-9, - and _.")
    _known(where, table, _SERVER_KEYS)
    if "url" not in table:
        raise WrongValue(f"{where} has no url.")
    environment = _string(where, table, "environment", "development")
    if environment not in ENVIRONMENTS:
        raise WrongValue(f"{where}: environment is {environment!r}; allowed are {', '.join(ENVIRONMENTS)}.")
    read_only = table.get("read_only", False)
    if not isinstance(read_only, bool):
        raise WrongValue(f"{where}: read_only is {read_only!r}; allowed are true and false.")
    return ServerConfig(
        name=name,
        url=_toml_url(where, table, "url", "password_file"),
        admin_url=_toml_url(where, table, "admin_url", "admin_password_file") if "admin_url" in table else "",
        title=_string(where, table, "title", name),
        environment=environment,
        read_only=read_only,
        keys=_strings(where, table, "keys"),
        dead_letters=_dead_letters(where, table.get("dead_letters", {})),
    )


def _dead_letters(where: str, table: Any) -> tuple[tuple[str, str], ...]:
    rules = _table(where, table, "dead_letters")
    for pattern, to in rules.items():
        if not isinstance(to, str) or not to or to == "{stream}":
            raise WrongValue(f"{where}: dead_letters.{pattern!r} is {to!r}; allowed is a name like {{stream}}:dlq.")
    return tuple(rules.items())


def _toml_url(where: str, table: dict[str, Any], key: str, file_key: str) -> str:
    url = _VARIABLE.sub(lambda match: _expanded(where, match[1]), _string(where, table, key, ""))
    file = _string(where, table, file_key, "")
    return redis_url(f"{where}: {key}", url, _file_content(f"{where}: {file_key}", file) if file else "")


def _expanded(where: str, variable: str) -> str:
    if variable not in os.environ:
        raise WrongValue(f"{where} uses ${{{variable}}}, which is not set.")
    return quote(os.environ[variable], safe="")


def _mask_rule(path: str, table: dict[str, Any]) -> MaskRule:
    where = f"{path}: masking"
    _known(where, table, {"streams", "fields"})
    fields = _strings(where, table, "fields")
    if not fields:
        raise WrongValue(f"{where} has no fields; allowed is a list of field names or patterns.")
    return MaskRule(_string(where, table, "streams", "*"), fields)


def _known(where: str, table: Mapping[str, Any], allowed: set[str]) -> None:
    for key in table:
        if key not in allowed:
            raise WrongValue(f"{where} has {key!r}; allowed are {', '.join(sorted(allowed))}.")


def _table(where: str, value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise WrongValue(f"{where}: {name} is {value!r}; allowed is a table.")
    return value


def _string(where: str, table: Mapping[str, Any], key: str, default: str) -> str:
    value = table.get(key, default)
    if not isinstance(value, str):
        raise WrongValue(f"{where}: {key} is {value!r}; allowed is a text.")
    return value


def _strings(where: str, table: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise WrongValue(f"{where}: {key} is {value!r}; allowed is a list of texts.")
    return tuple(value)
