"""The key that signs sessions and plans."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from dashboard.config.environment import file_content, secret


def secret_key(kept_in: Path, *, may_be_made: bool) -> str:
    """SECRET_KEY; without one, and with an embedded database, a random one that is kept beside it."""
    found = secret("SECRET_KEY")
    if found and len(found) < 32:
        raise ImproperlyConfigured("SECRET_KEY is too short; allowed: a random text of at least 32 characters.")
    if found:
        return found
    if not may_be_made:
        raise ImproperlyConfigured("SECRET_KEY is not set; DATABASE_URL requires it, the same for every process.")
    return _kept_key(kept_in / "secret_key")


def _kept_key(path: Path) -> str:
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(50))
    except FileExistsError:
        pass
    except OSError as error:
        problem = f"SECRET_KEY is not set and cannot be stored in {str(path)!r} ({error.strerror})."
        raise ImproperlyConfigured(problem) from error
    return file_content("SECRET_KEY", str(path))
