"""The API as programs meet it: through the served site, by its own description."""
