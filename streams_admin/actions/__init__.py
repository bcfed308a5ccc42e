"""The verbs. See base.py for what one is and registry.py for all of them."""
