"""Bounded reads of the present state that the verbs plan by."""
