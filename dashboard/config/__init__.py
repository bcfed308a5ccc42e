"""The environment and the TOML file as typed values. Nothing else reads either; no Redis and no HTTP here."""
