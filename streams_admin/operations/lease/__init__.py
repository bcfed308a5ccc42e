"""Who runs an operation: this process, or the one that has its lease."""
