"""Rules about entries that were delivered and not acknowledged."""
