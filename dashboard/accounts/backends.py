"""Name and password, with the brake on guessing: every door that asks Django's `authenticate()` has it."""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from dashboard.accounts import throttling
from dashboard.accounts.addresses import client_address
from dashboard.accounts.throttling import MustWait

WAIT = "streamgauge_must_wait"


class ThrottledBackend(ModelBackend):
    """Django's own, but after too many failures of an address a password is not looked at for a while.

    Raises PermissionDenied then, which ends `authenticate()` without a user; `must_wait` says for how long.
    """

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> Any:
        name = kwargs.get(get_user_model().USERNAME_FIELD) if username is None else username
        if name is None or password is None:
            return None
        counted = _attempt(request, str(name))
        user = super().authenticate(request, username, password, **kwargs)
        if user is not None:
            throttling.succeeded(counted)
        return user

    async def aauthenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> Any:
        return await sync_to_async(self.authenticate)(request, username, password, **kwargs)


def must_wait(request: HttpRequest) -> MustWait | None:
    """Why the password that came with this request was not looked at; None when it was."""
    return getattr(request, WAIT, None)


def _attempt(request: HttpRequest | None, name: str) -> throttling.Counted:
    """Without a request, as in a script, there is no address: all of these count as one."""
    try:
        return throttling.attempt(client_address(request) if request else "", name)
    except MustWait as wait:
        if request is not None:
            setattr(request, WAIT, wait)
        raise PermissionDenied(str(wait)) from wait
