"""The people of the tests: who may see, who may act, who may manage, and who may nothing."""

from __future__ import annotations

from zlib import crc32

import pytest
from django.apps import AppConfig
from django.contrib.auth.models import Group, User
from django.db.models.signals import post_migrate
from django.dispatch import receiver
from django.test import Client

ROLES = ("viewer", "operator", "admin")


@receiver(post_migrate)
def roles_again(app_config: AppConfig, **_: object) -> None:
    """A test of real transactions ends with an empty database; the roles, which a migration made, come back here."""
    for role in ROLES if app_config.label == "streamgauge" else ():
        Group.objects.get_or_create(name=role)


def number_of(name: str) -> int:
    """The primary key of `person(name)`."""
    return 1000 + crc32(name.encode()) % 1_000_000


def id_of(name: str) -> str:
    """The id of `person(name)` as a principal."""
    return f"user:{number_of(name)}"


def person(name: str, role: str | None) -> User:
    """A user of that name; a stranger has no role."""
    user, _ = User.objects.get_or_create(username=name, defaults={"pk": number_of(name)})
    if role:
        user.groups.add(Group.objects.get_or_create(name=role)[0])
    return user


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def anonymous(db: None) -> Client:
    return Client()


@pytest.fixture
def stranger(db: None) -> Client:
    """Signed in, and without any role."""
    return signed_in(person("sam", None))


@pytest.fixture
def viewer(db: None) -> Client:
    return signed_in(person("vera", "viewer"))


@pytest.fixture
def operator(db: None) -> Client:
    return signed_in(person("olga", "operator"))


@pytest.fixture
def admin(db: None) -> Client:
    return signed_in(person("anna", "admin"))
