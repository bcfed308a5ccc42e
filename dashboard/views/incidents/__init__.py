"""Pages about incidents: what was cleared, and muting."""
