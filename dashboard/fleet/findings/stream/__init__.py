"""Rules about a stream: whether entries still come, whether it is trimmed, and what its IDs say."""
