"""Guessing passwords is braked, however the name is spelt."""

from __future__ import annotations

import pytest
from django.test import Client

from dashboard import signin
from tests.people import person

SPELLINGS = ["anna", " anna", "anna\t", "ANNA", "\uff41nna", "an\uff4ea", "\u1d43nna", "\U0001d41anna", "\u00a0anna"]


def guess(client: Client, name: str) -> int:
    return client.post("/sign-in/", {"username": name, "password": "guessed"}).status_code


def test_every_spelling_that_means_the_same_name_counts(anonymous: Client) -> None:
    user = person("anna", "admin")
    user.set_password("not-to-be-guessed")
    user.save()
    for at in range(signin.FAILURES):
        assert guess(anonymous, SPELLINGS[at % len(SPELLINGS)]) == 200
    assert [guess(anonymous, name) for name in SPELLINGS] == [429] * len(SPELLINGS)
    assert guess(anonymous, "someone else") == 200


@pytest.mark.parametrize("name", ["\uff41nna", " anna "])
def test_these_spellings_do_mean_the_same_name(anonymous: Client, name: str) -> None:
    user = person("anna", "admin")
    user.set_password("not-to-be-guessed")
    user.save()
    assert anonymous.post("/sign-in/", {"username": name, "password": "not-to-be-guessed"}).status_code == 302
