"""Verbs on pending entries of a group, and what they share."""
