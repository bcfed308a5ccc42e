"""The demo: an embedded server, the example systems, and the check that it all works."""
