"""Who acts or reads: a value, without the database."""

from __future__ import annotations

from dataclasses import dataclass

from dashboard.accounts.permissions import ROLES, Grant


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who asks: a signed-in user or an API token. Without grants nothing is allowed."""

    name: str
    kind: str = "anonymous"
    grants: tuple[Grant, ...] = ()

    @property
    def role(self) -> str:
        """The highest role of any grant, for display and audit; never a basis for a decision."""
        return next((role for role in reversed(ROLES) if any(g.role == role for g in self.grants)), "none")


ANONYMOUS = Principal("anonymous")
