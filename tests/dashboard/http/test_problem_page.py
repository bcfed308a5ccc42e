"""A parameter that cannot be read: the page says which, and leads back to where everything else was kept."""

from __future__ import annotations

import pytest
import redis
from django.test import Client
from django.utils.html import escape

from dashboard.streams.links import Server
from tests.html_page import Page

pytestmark = pytest.mark.django_db
STREAM = "/s/default/a~2Fb/"


@pytest.fixture(autouse=True)
def stream(server: Server, redis_client: redis.Redis) -> None:
    redis_client.xadd("a/b", {"status": "new"})
    redis_client.xgroup_create("a/b", "workers", "0")


@pytest.mark.parametrize(
    ("wrong", "back", "named"),
    [
        (f"{STREAM}?where=nonsense&column=status", f"{STREAM}?column=status", "the stream a/b"),
        (f"{STREAM}?at=soon&where=status+%3D+new", f"{STREAM}?where=status+%3D+new", "the stream a/b"),
        (f"{STREAM}?at=soon", STREAM, "the stream a/b"),
        (
            f"{STREAM}g/workers/?min_idle=x&min_deliveries=2",
            f"{STREAM}g/workers/?min_deliveries=2",
            "the group workers",
        ),
        (f"{STREAM}e/1-1/?as=jpeg", f"{STREAM}e/1-1/", "the entry 1-1"),
        ("/s/default/?limit=many&search=a", "/s/default/?search=a", "the streams of default"),
        ("/?kind=what&severity=stuck", "/?severity=stuck", "the page"),
    ],
)
def test_it_leads_back_without_what_is_wrong(viewer: Client, wrong: str, back: str, named: str) -> None:
    answer = viewer.get(wrong)
    assert answer.status_code == 400
    page = Page(answer.content.decode())
    assert page.faults == []
    assert back in page.links
    assert f"Back to {named}" in page.text
    assert viewer.get(back).status_code == (404 if "/e/" in back else 200)


def test_the_sentence_names_its_parameter_for_the_form_that_asked(viewer: Client) -> None:
    html = viewer.get(f"{STREAM}?where=quantity").content.decode()
    assert '<p data-problem="where">where: &#x27;quantity&#x27; is not a valid condition' in html
    for example in ("status = failed", "status != paid", "note ~ part", "quantity > 4", "<, >=, <="):
        assert escape(example) in html


def test_what_is_not_in_the_address_has_no_way_back(viewer: Client) -> None:
    answer = viewer.get("/s/default/nothing/")
    assert answer.status_code == 404
    assert "data-problem" not in answer.content.decode()
    assert "Back to the" not in answer.content.decode()
