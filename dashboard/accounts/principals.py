"""Who reads or acts: a value, without the database."""

from __future__ import annotations

from dataclasses import dataclass

from dashboard.accounts.permissions import ROLES, Grant


@dataclass(frozen=True, slots=True)
class Principal:
    """A signed-in user or an API token. Without grants nothing is allowed.

    `id` says who it is: `user:<pk>` or `token:<pk>`, never given to anybody else; "" for who is not known. `name` is
    for people to read: it may be given to somebody else later, so nothing is decided by it.
    """

    name: str
    id: str = ""
    grants: tuple[Grant, ...] = ()

    @property
    def kind(self) -> str:
        """`user`, `token` or `anonymous`."""
        return kind_of(self.id)

    @property
    def role(self) -> str:
        """The highest role of any grant, for display and audit; never a basis for a decision."""
        return next((role for role in reversed(ROLES) if any(g.role == role for g in self.grants)), "none")


def kind_of(id_: str) -> str:
    """`user`, `token` or `anonymous`: what a principal's id begins with."""
    return id_.partition(":")[0] or "anonymous"


ANONYMOUS = Principal("anonymous")
