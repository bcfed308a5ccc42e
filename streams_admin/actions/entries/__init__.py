"""Verbs on entries of a stream."""
