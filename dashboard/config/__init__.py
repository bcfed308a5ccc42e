"""The environment and the TOML file as typed values. Nothing else reads either; no Redis and no HTTP here.

environment, secret_key, database   what `dashboard.settings` is filled from; light: every command pays for them
options, servers, toml_file         our own settings, one pydantic model; read when they are first needed
active                              the options in force: `configured()`, from `settings.STREAMGAUGE`
"""
