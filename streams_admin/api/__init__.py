"""The hands' part of /api/v1."""
