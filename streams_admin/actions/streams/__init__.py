"""Verbs on whole streams."""
