"""Bytes of a payload as something a person can look at."""
