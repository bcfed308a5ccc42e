"""Who is at the other end of a socket, checked again and again: a person who signs out or loses a role is cut off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from typing import Any

from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.utils.crypto import constant_time_compare

from dashboard.accounts.directory import principal_for_token, principal_for_user
from dashboard.accounts.principals import ANONYMOUS, Principal


@dataclass(frozen=True, slots=True)
class Credentials:
    """A session's key or a token; neither is nobody."""

    session: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)

    async def principal(self) -> Principal:
        """As the database knows it now. Without credentials there is no query."""
        load: Callable[[], Principal | None]
        if self.token is not None:
            load = partial(principal_for_token, self.token)
        elif self.session:
            load = partial(_of_session, self.session)
        else:
            return ANONYMOUS
        return await database_sync_to_async(load)() or ANONYMOUS


def _of_session(key: str) -> Principal | None:
    """Reads the session and leaves it as it is: `channels.auth` would flush or renew it behind the browser's back."""
    data = import_module(settings.SESSION_ENGINE).SessionStore(key).load()
    if data.get(BACKEND_SESSION_KEY) not in settings.AUTHENTICATION_BACKENDS:
        return None
    user = get_user_model()._default_manager.filter(pk=data.get(SESSION_KEY)).first()
    return principal_for_user(user) if user is not None and _is_of(data, user) else None


def _is_of(data: dict[str, Any], user: Any) -> bool:
    """A session ends with the password it began with. Old SECRET_KEYs count while they are configured."""
    known = data.get(HASH_SESSION_KEY, "")
    hashes = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    return any(constant_time_compare(known, hash_) for hash_ in hashes)
