"""Pages about a server itself."""
