"""The acting part of /api/v1."""
