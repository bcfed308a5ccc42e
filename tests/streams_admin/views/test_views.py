"""The pages for acting: choose, look at the plan, run it, read what came of it. With names of any bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from html import unescape
from typing import Any
from unittest.mock import patch

import pytest
import redis
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dashboard.config.masking import MaskRule
from dashboard.models import AccessGrant
from dashboard.streams import links as servers
from dashboard.streams.links import Server, ServerConfig
from dashboard.streams.names import to_path
from streams_admin.audit import log
from streams_admin.audit.log import Line
from streams_admin.models import AuditEntry, Operation, Plan
from streams_admin.operations import start
from tests.conftest import Configure
from tests.dashboard.streams.seeding import GROUP, KEY, WORKER, fill, group, neglect
from tests.html_page import Page
from tests.people import person, signed_in
from tests.streams_admin.acting import ADMIN, pending
from tests.streams_admin.dying import finish
from tests.streams_admin.recipes import HELPER, IDLE_MS

pytestmark = pytest.mark.django_db

HOSTILE = b"<script>alert(1)</script>\"'&\x00\xff\r\n"
MARKUP = "<script>alert(1)"


@pytest.fixture
def client_(server: Server, redis_client: redis.Redis) -> redis.Redis:
    fill(redis_client, 6)
    redis_client.xadd(KEY, {HOSTILE: HOSTILE, "card": "<i>4111"}, id="7-0")
    group(redis_client, read=7)
    for consumer in (HELPER, HOSTILE):
        redis_client.execute_command("XGROUP", "CREATECONSUMER", KEY, GROUP, consumer)
    for number in range(1, 8):
        neglect(redis_client, f"{number}-0", idle_ms=IDLE_MS)
    return redis_client


def form_of(slug: str, *, key: bytes = KEY, **query: Any) -> str:
    return reverse("do", args=["default", key, slug], query=query)


def text(answer: HttpResponse) -> str:
    """A page that is safe to show: no markup of others in it, and no name that could break a line or a header."""
    page = answer.content.decode()
    assert MARKUP not in page
    assert "\x00" not in page
    assert "script-src 'self'" in answer["Content-Security-Policy"]
    return page


def plan_url(someone: Client, url: str, **chosen: Any) -> str:
    """The address of the plan that a form makes."""
    answer = someone.post(url, chosen)
    assert answer.status_code == 302, answer.content.decode()
    return str(answer["Location"])


@contextmanager
def travelled(**by: float) -> Iterator[None]:
    """Plans are looked at later than they were made."""
    now = timezone.now() + timedelta(**by)
    with patch("streams_admin.plans.timezone.now", lambda: now):
        yield


CLAIM = {"group": to_path(GROUP), "all": "1"}


# From the form to the result ----------------------------------------------------------------------------------------


def test_claim_from_the_form_to_the_result(client_: redis.Redis, operator: Client) -> None:
    url = form_of("claim", **CLAIM, consumer=to_path(WORKER))
    form = text(operator.get(url))
    assert f'value="{to_path(HELPER)}"' in form
    assert f'value="{to_path(WORKER)}"' not in form, "the one that is taken from is not offered"
    where = plan_url(operator, url, to=to_path(HELPER))
    page = text(operator.get(where))
    assert "Claim 7 entries" in page
    assert "Nothing has happened yet." in page
    assert len(pending(client_)) == 7
    assert {who for who, _, _ in pending(client_).values()} == {WORKER}
    ran = operator.post(where, {"reason": "the worker crashed"})
    operation = Operation.objects.get()
    assert (ran.status_code, ran["Location"]) == (302, reverse("operation", args=[operation.pk]))
    result = text(operator.get(ran["Location"]))
    assert "the worker crashed" in result
    assert "Done" in result
    assert {who for who, _, _ in pending(client_).values()} == {HELPER}
    assert operator.get(where)["Location"] == ran["Location"], "the plan leads to what came of it"
    assert operator.post(where)["Location"] == ran["Location"]
    assert Operation.objects.count() == 1


def test_only_what_was_ticked(client_: redis.Redis, operator: Client) -> None:
    url = form_of("ack", group=to_path(GROUP)) + "&id=1-0&id=3-0"
    assert "The 2 selected entries" in text(operator.get(url))
    operator.post(plan_url(operator, url))
    assert sorted(pending(client_)) == [b"2-0", b"4-0", b"5-0", b"6-0", b"7-0"]


def test_what_cannot_be_undone_asks_for_its_name(client_: redis.Redis, admin: Client) -> None:
    where = plan_url(admin, form_of("trim"), keep="2", exact="on")
    page = text(admin.get(where))
    (wanted,) = [
        code.text for label in Page(page).root.all("label") if "Type" in label.text for code in label.all("code")
    ]
    wrong = admin.post(where, {"confirm": "yes", "reason": "too long"})
    assert wrong.status_code == 400
    assert "too long" in text(wrong), "what was written is not lost"
    assert client_.xlen(KEY) == 7
    assert admin.post(where, {"confirm": wanted}).status_code == 302
    assert client_.xlen(KEY) == 2


@pytest.mark.parametrize(
    ("slug", "chosen"), [("claim", {}), ("trim", {}), ("trim", {"keep": "2", "days": "3"}), ("trim", {"keep": "-1"})]
)
def test_a_form_that_is_filled_in_wrongly_comes_back(
    client_: redis.Redis, admin: Client, slug: str, chosen: dict[str, str]
) -> None:
    answer = admin.post(form_of(slug, **CLAIM), chosen)
    assert answer.status_code == 400
    assert 'role="alert"' in text(answer)
    assert not Plan.objects.exists()


def test_a_refused_plan_says_why_and_that_nothing_was_done(client_: redis.Redis, operator: Client) -> None:
    where = plan_url(operator, form_of("ack", **CLAIM))
    client_.xack(KEY, GROUP, *pending(client_))
    answer = operator.post(where)
    assert answer.status_code == 409
    page = text(answer)
    assert "Nothing is pending in the group any more." in page
    assert page.lower().count("nothing was") == 2, "in the title of the window, and in that of the page"


def test_after_a_refusal_it_is_planned_again_with_the_same_parameters(client_: redis.Redis, operator: Client) -> None:
    url = form_of("claim", **CLAIM, consumer=to_path(WORKER))
    where = plan_url(operator, url, to=to_path(HELPER), bump="on")
    client_.xclaim(KEY, GROUP, b"other", 0, list(pending(client_)), justid=True)
    refused = operator.post(where)
    assert refused.status_code == 409
    page = text(refused)
    assert reverse("group", args=["default", KEY, GROUP]) in page
    again = re.findall(r'<form method="post" action="([^"]+again/)"', page)[0]
    assert "they were acknowledged or claimed in the meantime" in text(operator.post(again)), "worker has nothing left"
    client_.xclaim(KEY, GROUP, WORKER, 0, [b"1-0"], justid=True)
    anew = operator.post(again)
    assert anew.status_code == 302
    assert (anew["Location"] != where, operator.get(again).status_code) == (True, 405)
    first, second = Plan.objects.order_by("created")
    assert (second.params, second.preview["total"]) == (first.params, 1)
    operator.post(anew["Location"])
    assert pending(client_)[b"1-0"][0] == HELPER


def test_a_plan_that_is_too_old_can_be_looked_at_again(client_: redis.Redis, admin: Client) -> None:
    where = plan_url(admin, form_of("trim"), keep="2", exact="on")
    assert f'formaction="{where}again/"' in text(admin.get(where))
    with travelled(minutes=3):
        answer = admin.get(where)
        assert (answer.status_code, f'action="{where}again/"' in text(answer)) == (410, True)
        assert reverse("stream", args=["default", KEY]) in text(answer)
        assert "Remove 5 entries" in text(admin.get(admin.post(f"{where}again/")["Location"]))


def test_another_gets_no_plan_by_looking_again(client_: redis.Redis, operator: Client, admin: Client) -> None:
    where = plan_url(operator, form_of("ack", **CLAIM))
    answer = admin.post(f"{where}again/")
    assert answer.status_code == 404
    assert "Look again" not in text(answer)
    assert Plan.objects.count() == 1


def test_what_cannot_be_planned_is_said_in_the_form(client_: redis.Redis, operator: Client) -> None:
    """A page of its own was a dead end: what was filled in was lost."""
    client_.xack(KEY, GROUP, *pending(client_))
    answer = operator.post(form_of("claim", **CLAIM), {"new": "somebody"})
    page = text(answer)
    assert answer.status_code == 409
    assert "No pending entries match" in page
    assert 'value="somebody"' in page


def test_nobody_silent_is_chosen_to_get_entries(client_: redis.Redis, operator: Client) -> None:
    url = form_of("claim", **CLAIM, consumer=to_path(WORKER))
    page = text(operator.get(url))
    assert re.search(r": read 0(\.\d)? s ago", page.split("<option")[1]), "it was made a moment ago"
    assert "No consumer has read recently" not in page
    with patch("streams_admin.actions.pending.claim_form.QUIET_MS", 0):
        page = text(operator.get(url))
        assert "No consumer has read recently" in page
        assert ("", "choose a consumer") in Page(page).chosen
        link = Page(page).target("Release instead")
        assert "do/release/" in link
        assert "All pending entries with" in text(operator.get(link))
        assert operator.post(url, {"to": ""}).status_code == 400


def test_a_large_one_is_followed_and_steered(redis_client: redis.Redis, server: Server, operator: Client) -> None:
    fill(redis_client, 1100)
    group(redis_client, read=1100)
    page = operator.post(plan_url(operator, form_of("ack", **CLAIM)))["Location"]
    assert f'data-operation="{Operation.objects.get().pk}"' in text(operator.get(page))
    assert operator.get(page + "pause/").status_code == 405
    assert operator.post(page + "pause/")["Location"] == page
    start.work_once()
    assert "Paused" in text(operator.get(page))
    operator.post(page + "cancel/")
    finish()
    assert "Cancelled" in text(operator.get(page))
    assert redis_client.xpending(KEY, GROUP)["pending"] == 600
    assert operator.post(page + "explode/").status_code == 404


# Who may ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slug", ["claim", "ack", "trim"])
def test_others_are_denied_and_that_is_written_down(
    client_: redis.Redis, viewer: Client, stranger: Client, anonymous: Client, slug: str
) -> None:
    url = form_of(slug, **CLAIM)
    for someone in (viewer, stranger):
        for answer in (someone.get(url), someone.post(url, {"to": to_path(HELPER), "keep": "1"})):
            assert answer.status_code == 403
    assert anonymous.get(url)["Location"].startswith(reverse("login"))
    assert anonymous.post(url)["Location"].startswith(reverse("login"))
    denied = AuditEntry.objects.filter(outcome="denied", action=slug)
    assert {line.who for line in denied} >= {"vera"}
    assert "anonymous" not in {line.who for line in denied}
    assert not Plan.objects.exists()


def test_an_operator_does_not_trim(client_: redis.Redis, operator: Client) -> None:
    assert operator.get(form_of("trim")).status_code == 403
    assert AuditEntry.objects.get().who == "olga"


def test_pages_that_tell_what_others_did_are_for_those_who_may_see_it(
    client_: redis.Redis, operator: Client, admin: Client, viewer: Client, stranger: Client, anonymous: Client
) -> None:
    mine = operator.post(plan_url(operator, form_of("ack", **CLAIM)))["Location"]
    for page in (reverse("operations"), reverse("audit"), mine):
        assert "Acknowledge 7 entries" in text(operator.get(page))
        assert admin.get(page).status_code == 200
        assert {c.get(page).status_code for c in (viewer, stranger)} == {403}
        assert anonymous.get(page).status_code == 302
    assert {c.post(mine + "cancel/").status_code for c in (viewer, stranger)} == {403}


def test_a_read_only_server_refuses(client_: redis.Redis, redis_url: str, admin: Client) -> None:
    servers.configure([ServerConfig("default", redis_url, read_only=True)])
    answer = admin.get(form_of("claim", **CLAIM))
    assert answer.status_code == 409
    assert "read-only" in text(answer)


# Bad addresses ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/s/nowhere/x/do/ack/?group=g&all=1", 404),
        ("/s/default/{key}/do/explode/", 400),
        ("/s/default/{key}/do/ack/", 400),
        ("/s/default/{key}/do/ack/?group=%2F&all=1", 400),
        ("/s/default/{key}/do/claim/?group=nobody&all=1", 404),
        ("/s/default/not-there/do/claim/?group=g&all=1", 404),
        ("/s/default/text/do/claim/?group=g&all=1", 409),
        ("/s/default/{key}/do/claim/?group={group}&all=1&min_idle_ms=x", 400),
        ("/s/default/{key}/do/claim/?group={group}&id=x", 400),
        ("/operations/4cba9a4f-eab6-4c1c-aa56-6bf854c2d063/", 404),
        ("/operations/x/", 404),
        ("/audit/?page=x&who=%00", 200),
    ],
)
def test_a_bad_address_is_a_clear_answer(client_: redis.Redis, admin: Client, path: str, status: int) -> None:
    client_.set(b"text", b"x")
    url = path.format(key=to_path(KEY), group=to_path(GROUP))
    answers = [admin.get(url)] if "/do/ack/" not in path else [admin.post(url)]
    assert [answer.status_code for answer in answers] == [status]
    for answer in answers:
        text(answer)
    assert not Plan.objects.exists()


# Hostile names and values -------------------------------------------------------------------------------------------


def test_hostile_names_go_the_whole_way(server: Server, redis_client: redis.Redis, admin: Client) -> None:
    """A stream, a group, consumers, a field and a value that are markup, no UTF-8, and line breaks."""
    redis_client.xadd(HOSTILE, {HOSTILE: HOSTILE}, id="1-0")
    redis_client.xgroup_create(HOSTILE, HOSTILE, "0")
    redis_client.xreadgroup(HOSTILE, WORKER, {HOSTILE: ">"})
    redis_client.execute_command("XGROUP", "CREATECONSUMER", HOSTILE, HOSTILE, HOSTILE)
    url = form_of("claim", key=HOSTILE, group=to_path(HOSTILE), all="1")
    assert to_path(HOSTILE) in text(admin.get(url))
    where = plan_url(admin, url, to=to_path(HOSTILE))
    page = text(admin.get(where))
    assert "&lt;script&gt;" in page
    assert "XCLAIM" in page
    result = admin.post(where, {"reason": HOSTILE.decode("latin-1")})["Location"]
    assert "&lt;script&gt;" in text(admin.get(result))
    assert redis_client.xpending_range(HOSTILE, HOSTILE, "-", "+", 9)[0]["consumer"] == HOSTILE
    for lists in (reverse("operations"), reverse("audit")):
        assert "&lt;script&gt;" in text(admin.get(lists))


def test_a_new_consumer_may_have_any_name_that_can_be_typed(client_: redis.Redis, operator: Client) -> None:
    name = "<b>über & unter</b>"
    operator.post(plan_url(operator, form_of("claim", **CLAIM), new=name))
    assert {who for who, _, _ in pending(client_).values()} == {name.encode()}


def test_the_sample_shows_payloads_by_policy(client_: redis.Redis, operator: Client, configure: Configure) -> None:
    where = plan_url(operator, form_of("ack", group=to_path(GROUP), id="7-0"))
    assert "&lt;i&gt;4111" in text(operator.get(where))
    configure(mask_rules=(MaskRule("*", ("*",)),))
    page = text(operator.get(where))
    assert "••••••" in page
    assert "4111" not in page


def test_no_payload_is_kept_with_a_plan_or_in_the_log(client_: redis.Redis, operator: Client) -> None:
    client_.xadd(KEY, {"card": "4111-1111"}, id="8-0")
    client_.xreadgroup(GROUP, WORKER, {KEY: ">"})
    operator.post(plan_url(operator, form_of("ack", group=to_path(GROUP), id="8-0")))
    for kept in (*Plan.objects.values(), *Operation.objects.values(), *AuditEntry.objects.values()):
        assert "4111-1111" not in str(kept)


# The log ------------------------------------------------------------------------------------------------------------


def test_the_log_is_filtered_and_turned_page_by_page(
    client_: redis.Redis, operator: Client, admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams_admin.views.audit.PER_PAGE", 2)
    odd = signed_in(person("a&outcome=denied b", "operator"))
    for number, someone in enumerate((operator, odd, odd, odd), 1):
        someone.post(plan_url(someone, form_of("ack", group=to_path(GROUP), id=f"{number}-0")))
    first = text(admin.get(reverse("audit"), {"who": "a&outcome=denied b"}))
    older = unescape(re.findall(r'rel="next" href="([^"]+)"', first)[0])
    assert first.count("Acknowledge 1 entry") == 2
    assert text(admin.get(reverse("audit") + older)).count("Acknowledge 1 entry") == 1
    assert "No matching records" in text(admin.get(reverse("audit"), {"action": "trim"}))


def test_why_and_how_many_stand_apart(client_: redis.Redis, admin: Client) -> None:
    line = Line("default", to_path(KEY), "ack", "Acknowledge", outcome="unknown", detail="It did not answer.")
    log.write(ADMIN, replace(line, counts={"done": 1500}))
    assert "It did not answer. 1,500 done" in text(admin.get(reverse("audit")))


def test_the_list_has_what_runs_first(client_: redis.Redis, operator: Client) -> None:
    for number in (1, 2):
        operator.post(plan_url(operator, form_of("ack", group=to_path(GROUP), id=f"{number}-0")))
    waiting = Operation.objects.order_by("created").first()
    assert waiting
    Operation.objects.filter(pk=waiting.pk).update(state="queued")
    page = text(operator.get(reverse("operations")))
    assert "1 running" in page
    assert "Operations: 1 running" in dict(Page(text(operator.get(reverse("attention")))).targets)
    links = re.findall(r"/operations/([0-9a-f-]{36})/", " ".join(link for _, link in Page(page).targets))
    assert links[0] == str(waiting.pk)
    assert len(links) == 2


def test_times_of_day_name_their_zone_once(client_: redis.Redis, admin: Client, settings: Any) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    page = admin.post(plan_url(admin, form_of("ack", group=to_path(GROUP), id="1-0")))["Location"]
    for address in (reverse("audit"), reverse("operations")):
        assert text(admin.get(address)).count("Europe/Berlin") == 1
    assert re.fullmatch(r"[0-9: -]+ CES?T", Page(text(admin.get(page))).fact("at").text)


def test_how_many_run_is_told_to_who_may_know_of_them(client_: redis.Redis, operator: Client, viewer: Client) -> None:
    operator.post(plan_url(operator, form_of("ack", group=to_path(GROUP), id="1-0")))
    Operation.objects.update(state="running")
    other = person("olav", None)
    AccessGrant.objects.create(user=other, role="operator", server="default", keys=["elsewhere:*"])
    home = reverse("attention")
    for someone, told in ((operator, True), (viewer, False), (signed_in(other), False)):
        assert ("1 running" in text(someone.get(home))) == told
    Operation.objects.update(state="done")
    assert "Operations" in dict(Page(text(operator.get(home))).targets)


def test_an_operation_on_a_server_that_is_configured_no_more_says_so(client_: redis.Redis, admin: Client) -> None:
    page = admin.post(plan_url(admin, form_of("ack", **CLAIM)))["Location"]
    servers.configure([])
    answer = admin.get(page)
    assert answer.status_code == 404
    assert "default" in text(answer)
