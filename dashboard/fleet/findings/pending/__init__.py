"""Rules about entries delivered and not acknowledged."""
