"""The people of the site, for commands."""

from __future__ import annotations

from importlib import import_module

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import User
from django.core.management.base import CommandError
from django.utils import timezone

from dashboard.accounts.sign_in import revoke_links
from dashboard.management import database


def person(name: str) -> User:
    """The user of that name. Raises CommandError."""
    database.prepare()
    try:
        return User.objects.get(username=name)
    except User.DoesNotExist:
        raise CommandError(f"There is no user named {name!r}.") from None


def end_sessions(user: User) -> int:
    """Sign `user` out everywhere, and revoke open sign-in links. How many sessions ended.

    Open pages are cut off when their socket checks again. Raises CommandError when sessions are not in the database.
    """
    revoke_links(user)
    store = import_module(settings.SESSION_ENGINE).SessionStore
    if not hasattr(store, "get_model_class"):
        raise CommandError(f"{settings.SESSION_ENGINE} keeps sessions outside the database: end them there.")
    rows = store.get_model_class().objects.filter(expire_date__gt=timezone.now())
    keys = [row.session_key for row in rows.iterator() if row.get_decoded().get(SESSION_KEY) == str(user.pk)]
    for key in keys:
        store(key).delete()
    return len(keys)
