"""The writer: every write to a watched Redis, and the memory of it."""
