"""Findings with a beginning and an end, as rows of our database: what stands is compared in memory, and only changes
are written, never on the event loop."""
