"""Pages for acting: plans, operations, the audit log, and files to take along."""
