"""Watched servers and masks as a file or a host project describes them: tables, by the keys documented for the file."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal
from urllib.parse import quote

from django.core.exceptions import ImproperlyConfigured
from pydantic import BaseModel, ConfigDict, Field, Strict, field_validator

from dashboard.config.environment import file_content
from dashboard.config.masking import MaskRule
from dashboard.config.sentences import checked
from dashboard.config.urls import redis_url
from dashboard.streams.config import ServerConfig

Environment = Literal["production", "staging", "development"]
Texts = Annotated[tuple[str, ...], Strict(False)]
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class ServerTable(BaseModel):
    """One server. In the URLs `${NAME}` stands for an environment variable."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    url: str = Field(repr=False)
    password_file: str = ""
    admin_url: str = Field("", repr=False)
    admin_password_file: str = ""
    title: str = ""
    environment: Environment = "development"
    read_only: bool = False
    keys: Texts = ()
    dead_letters: dict[str, str] = {}

    @field_validator("dead_letters")
    @classmethod
    def _another_stream(cls, rules: dict[str, str]) -> dict[str, str]:
        for pattern, stream in rules.items():
            if stream in ("", "{stream}"):
                raise ValueError(f"dead_letters.{pattern!r} is {stream!r}; allowed: a name like {{stream}}:dlq.")
        return rules


class MaskTable(BaseModel):
    """One [[masking]]: patterns on keys and on field names."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    streams: str = "*"
    fields: Texts = ()


def server_configs(where: str, tables: object) -> tuple[ServerConfig, ...]:
    """From tables by name. `where` names what holds them. Raises ImproperlyConfigured."""
    found = _table(where, tables, "servers")
    return tuple(_server(where, name, _table(where, table, f"servers.{name}")) for name, table in found.items())


def _server(where: str, name: str, given: Mapping[str, Any]) -> ServerConfig:
    if not NAME.fullmatch(name):
        raise ImproperlyConfigured(
            f"{where}: the server name {name!r} is not valid in URLs; allowed: a-z, 0-9, - and _."
        )
    where = f"{where}: servers.{name}"
    table = checked(ServerTable, given, where)
    return ServerConfig(
        name=name,
        url=_url(where, table, "url", "password_file"),
        admin_url=_url(where, table, "admin_url", "admin_password_file") if "admin_url" in given else "",
        title=table.title or name,
        environment=table.environment,
        read_only=table.read_only,
        keys=table.keys,
        dead_letters=tuple(table.dead_letters.items()),
    )


def _url(where: str, table: ServerTable, key: str, file_key: str) -> str:
    """The URL that `key` holds, with the password of the file that `file_key` names."""
    url = _VARIABLE.sub(lambda match: _expanded(where, match[1]), getattr(table, key))
    file = getattr(table, file_key)
    return redis_url(f"{where}: {key}", url, file_content(f"{where}: {file_key}", file) if file else "")


def _expanded(where: str, variable: str) -> str:
    if variable not in os.environ:
        raise ImproperlyConfigured(f"{where} uses ${{{variable}}}, which is not set.")
    return quote(os.environ[variable], safe="")


def mask_rules(where: str, tables: object) -> tuple[MaskRule, ...]:
    """From a list of tables, or of rules made before. `where` names what holds it. Raises ImproperlyConfigured."""
    if not isinstance(tables, list | tuple):
        raise ImproperlyConfigured(
            f"{where}: masking is not a list of tables; allowed: [[masking]] with streams and fields."
        )
    return tuple(each if isinstance(each, MaskRule) else _mask_rule(where, each) for each in tables)


def _mask_rule(where: str, given: object) -> MaskRule:
    table = checked(MaskTable, _table(where, given, "masking"), f"{where}: masking")
    if not table.fields:
        raise ImproperlyConfigured(f"{where}: masking has no fields; allowed: a list of field names or patterns.")
    return MaskRule(table.streams, table.fields)


def _table(where: str, value: object, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ImproperlyConfigured(f"{where}: {name} is {value!r}; allowed: a table.")
    return value
