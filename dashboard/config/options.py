"""Our own settings: what a key of `settings.STREAMGAUGE` may hold, as text from the environment or as a value."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, InstanceOf, field_validator, model_validator

from dashboard.config import toml_file
from dashboard.config.masking import MaskRule
from dashboard.config.sentences import checked
from dashboard.config.servers import Environment, Texts, mask_rules, server_configs
from dashboard.config.urls import origin_in, redis_url
from dashboard.streams.config import ServerConfig

LONGEST = 10**9
"""Seconds, and counts."""


def _words(value: object) -> object:
    """Text has commas between."""
    return [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else value


class Options(BaseModel):
    """Durations are seconds. Each key is the field's name in capitals and has a default."""

    model_config = ConfigDict(alias_generator=str.upper, extra="forbid", frozen=True)

    redis_url: str = Field("", repr=False)
    redis_admin_url: str = Field("", repr=False)
    redis_title: str = "default"
    redis_environment: Environment = "development"
    redis_read_only: bool = False
    redis_keys: Annotated[Texts, BeforeValidator(_words)] = ()
    streamgauge_config: str = ""
    servers: tuple[InstanceOf[ServerConfig], ...] = ()
    """Of a host project, as tables by name like those of the file; with REDIS_URL or the file it is refused."""
    masking: tuple[InstanceOf[MaskRule], ...] = ()
    """Of a host project; rules of the file come on top."""

    late_after: int = Field(60, ge=1, le=LONGEST)
    stuck_after: int = Field(300, ge=1, le=LONGEST)
    gone_after: int = Field(3600, ge=1, le=LONGEST)
    poison_deliveries: int = Field(5, ge=2, le=LONGEST)
    sample_every: int = Field(5, ge=1, le=LONGEST)
    operation_duty: int = Field(50, ge=1, le=100)
    operation_results_days: int = Field(30, ge=1, le=10_000)

    metrics_token: str = Field("", repr=False)
    """What a scraper of /metrics sends; without one, /metrics is for this machine and for admins."""
    metrics_streams: int = Field(1000, ge=0, le=1_000_000)
    """Streams of each server that have numbers of their own there, and as many groups."""

    header_within: int = Field(15, ge=1, le=300)
    """For the header of a request to come in, from its first byte."""
    idle_connections: int = Field(256, ge=8, le=100_000)
    """Connections of one process that wait for a request, or for the rest of one."""

    data_dir: Path = Path("data")
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=1, le=65_535)
    base_url: str = "http://127.0.0.1:8000"
    """Where people reach the site, for links that are printed."""
    https: bool = False
    behind_proxy: bool = False
    """A proxy in front sets (not appends) X-Forwarded-Proto and X-Real-IP."""

    @field_validator("servers", mode="before")
    @classmethod
    def _servers(cls, tables: object) -> tuple[ServerConfig, ...]:
        return server_configs("STREAMGAUGE", tables)

    @field_validator("masking", mode="before")
    @classmethod
    def _masking(cls, tables: object) -> tuple[MaskRule, ...]:
        return mask_rules("STREAMGAUGE", tables)

    @field_validator("base_url")
    @classmethod
    def _origin(cls, found: str) -> str:
        return origin_in("BASE_URL", found)

    @model_validator(mode="after")
    def _agree(self) -> Options:
        sources = {"REDIS_URL": self.redis_url, "STREAMGAUGE_CONFIG": self.streamgauge_config, "SERVERS": self.servers}
        several = [name for name, value in sources.items() if value]
        if len(several) > 1:
            raise ValueError(f"{' and '.join(several)} are both set; set one of them.")
        if self.stuck_after < self.late_after:
            raise ValueError(f"STUCK_AFTER is {self.stuck_after}; allowed: at least LATE_AFTER ({self.late_after}).")
        return self

    @cached_property
    def watched(self) -> tuple[ServerConfig, ...]:
        """The servers that are looked at, from whichever source is set."""
        return (self._default_server(),) if self.redis_url else self.servers or self._file.servers

    @cached_property
    def mask_rules(self) -> tuple[MaskRule, ...]:
        return (*self.masking, *self._file.masking)

    @cached_property
    def _file(self) -> toml_file.ConfigFile:
        return toml_file.read(self.streamgauge_config) if self.streamgauge_config else toml_file.ConfigFile()

    def _default_server(self) -> ServerConfig:
        return ServerConfig(
            name="default",
            url=redis_url("REDIS_URL", self.redis_url),
            admin_url=redis_url("REDIS_ADMIN_URL", self.redis_admin_url) if self.redis_admin_url else "",
            title=self.redis_title,
            environment=self.redis_environment,
            read_only=self.redis_read_only,
            keys=self.redis_keys,
        )


def read(given: Mapping[str, Any]) -> Options:
    """The keys of `settings.STREAMGAUGE`, checked. Raises ImproperlyConfigured with one sentence."""
    found = checked(Options, given, "")
    _ = found.watched, found.mask_rules  # read now, so that what is wrong with them stops the start
    return found
