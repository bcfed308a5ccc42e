"""The file that STREAMGAUGE_CONFIG names: several servers, and what is masked."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass

from django.core.exceptions import ImproperlyConfigured

from dashboard.config.environment import file_content
from dashboard.config.masking import MaskRule
from dashboard.config.servers import mask_rules, server_configs
from dashboard.streams.config import ServerConfig


@dataclass(frozen=True, slots=True)
class ConfigFile:
    servers: tuple[ServerConfig, ...] = ()
    masking: tuple[MaskRule, ...] = ()


def read(path: str) -> ConfigFile:
    """Raises ImproperlyConfigured with the place in the file that is wrong."""
    try:
        document = tomllib.loads(file_content("STREAMGAUGE_CONFIG", path))
    except tomllib.TOMLDecodeError as error:
        raise ImproperlyConfigured(f"STREAMGAUGE_CONFIG names {path!r}, which is not TOML: {error}.") from error
    for key in document:
        if key not in ("masking", "servers"):
            raise ImproperlyConfigured(f"{path} has {key!r}; allowed: masking, servers.")
    return ConfigFile(server_configs(path, document.get("servers", {})), mask_rules(path, document.get("masking", [])))
