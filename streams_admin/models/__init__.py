"""What actions leave in the site's own database: plans, operations, and the audit log."""

from streams_admin.models.audit import AuditEntry
from streams_admin.models.operations import OTHERS, Operation
from streams_admin.models.plans import Plan

__all__ = ["OTHERS", "AuditEntry", "Operation", "Plan"]
