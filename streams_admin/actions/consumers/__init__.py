"""Verbs on consumers of a group."""
