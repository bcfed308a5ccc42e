"""Several streams of a server as one list, merged by time."""
