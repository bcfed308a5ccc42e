"""Pages of the hands: plans, operations, the audit log, and files to take along."""
