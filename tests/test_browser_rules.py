"""What every answer tells a browser, and what no request can talk us into: headers, cookies, hosts, redirects."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import redis
from channels.testing import HttpCommunicator
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from dashboard import checks
from dashboard.accounts.sign_in import one_time_link
from dashboard.asgi import application
from dashboard.http.body_limit import BODY_BYTES
from dashboard.http.middleware import CSP
from dashboard.logs import LONGEST
from dashboard.streams.links import Server
from tests.conftest import Configure
from tests.html_page import Page
from tests.people import person, signed_in

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parent.parent
PASSWORD = "correct horse battery"
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
EVIL = "evil.example"
Ask = Callable[[Client], Any]


def broken(client: Client) -> HttpResponse:
    """A page that fails: our own error page."""
    client.raise_request_exception = False
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dashboard.views.attention.visible_servers", lambda _: 1 / 0)
        patch.setattr("dashboard.http.context_processors.visible_servers", lambda _: ())
        return client.get("/")


def broken_api(client: Client) -> HttpResponse:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dashboard.api.servers.visible_servers", lambda _: 1 / 0)
        return client.get("/api/v1/servers")


ANSWERS: dict[str, tuple[int, Ask]] = {
    "page": (200, lambda c: c.get("/")),
    "streams": (200, lambda c: c.get("/s/default/")),
    "sign-in": (200, lambda c: Client().get("/sign-in/")),
    "used link": (410, lambda c: Client().get("/sign-in/nothing/")),
    "to the sign-in": (302, lambda c: Client().get("/")),
    "bad query": (400, lambda c: c.get("/?kind=what")),
    "foreign host": (400, lambda c: c.get("/", headers={"host": EVIL})),
    "no role": (403, lambda c: signed_in(person("sam", None)).get("/")),
    "from another site": (403, lambda c: c.post("/sign-out/", headers={"sec-fetch-site": "cross-site"})),
    "no token": (403, lambda c: Client(enforce_csrf_checks=True).post("/sign-in/")),
    "no page": (404, lambda c: c.get("/nothing/")),
    "no stream": (404, lambda c: c.get("/s/default/nothing/")),
    "no such method": (405, lambda c: c.post("/")),
    "our error": (500, broken),
    "api": (200, lambda c: c.get("/api/v1/servers")),
    "docs of the api": (200, lambda c: c.get("/api/v1/docs")),
    "api not signed in": (401, lambda c: Client().get("/api/v1/servers")),
    "api nothing": (404, lambda c: c.get("/api/v1/nothing")),
    "api no such method": (405, lambda c: c.delete("/api/v1/servers")),
    "api our error": (500, broken_api),
    "static": (200, lambda c: c.get("/static/css/base.css")),
    "static svg": (200, lambda c: c.get("/static/mark.svg")),
    "static script": (200, lambda c: c.get("/static/js/main.js")),
    "no static": (404, lambda c: c.get("/static/nothing.js")),
    "probe": (200, lambda c: Client().get("/healthz")),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_every_kind_of_answer_has_the_headers(name: str, server: Server, viewer: Client) -> None:
    status, ask = ANSWERS[name]
    answer = ask(viewer)
    assert answer.status_code == status
    assert {header: answer.get(header) for header in HEADERS} == HEADERS


PAGES = ANSWERS.keys() - {"to the sign-in", "from another site", "no such method", "probe"}


@pytest.mark.parametrize("name", [n for n in ANSWERS if n in PAGES and not n.startswith(("api", "static"))])
def test_no_page_has_anything_inline(name: str, server: Server, viewer: Client) -> None:
    assert Page(ANSWERS[name][1](viewer).content.decode()).faults == []


@pytest.mark.parametrize("name", ["page", "no page", "our error", "api", "to the sign-in"])
def test_what_is_for_one_person_is_kept_by_no_cache(name: str, server: Server, viewer: Client) -> None:
    assert "no-store" in ANSWERS[name][1](viewer)["Cache-Control"]


def test_the_policy_allows_nothing_inline_and_nothing_from_elsewhere() -> None:
    rules = dict(rule.strip().split(" ", 1) for rule in CSP.split(";"))
    assert rules["default-src"] == rules["base-uri"] == rules["frame-ancestors"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == rules["form-action"] == "'self'"
    assert "unsafe" not in CSP


# what is too large ---------------------------------------------------------------------------------------------------


async def send(body: bytes, *headers: tuple[bytes, bytes]) -> dict[str, Any]:
    head = [(b"host", b"127.0.0.1"), (b"content-type", b"application/x-www-form-urlencoded"), *headers]
    communicator = HttpCommunicator(application, "POST", "/sign-in/", body, head)
    answer: dict[str, Any] = await communicator.get_response(timeout=5)
    return answer


@pytest.mark.django_db(transaction=True)
async def test_a_huge_body_is_refused_before_anybody_reads_it() -> None:
    announced = str(BODY_BYTES + 1).encode()
    answer = await send(b"", (b"content-length", announced))
    assert answer["status"] == 413
    found = {name.decode().title(): value.decode() for name, value in answer["headers"]}
    assert found["Content-Security-Policy"] == CSP
    assert found["X-Content-Type-Options"] == "nosniff"


FORM, JSON = "application/x-www-form-urlencoded", "application/json"


@pytest.mark.parametrize(
    ("address", "kind"), [("/sign-in/", FORM), ("/api/v1/plans", JSON), ("/s/default/orders/do/trim/", FORM)]
)
def test_a_form_or_an_order_that_is_too_large_is_refused(
    address: str, kind: str, server: Server, redis_client: redis.Redis, admin: Client
) -> None:
    redis_client.xadd("orders", {"n": 1})
    browser = admin if kind == JSON or "/do/" in address else Client()
    answer = browser.post(address, b"a=" + b"x" * 300_000, content_type=kind)
    assert answer.status_code == 413


def test_too_many_fields_are_refused() -> None:
    assert Client().post("/sign-in/", {f"f{n}": "x" for n in range(1200)}).status_code == 400


# hosts ---------------------------------------------------------------------------------------------------------------


HOSTS = [EVIL, "127.0.0.1.evil.example", "127.0.0.1@evil.example", "", "a b", "[::1", "x" * 5000]


@pytest.mark.parametrize("host", HOSTS)
def test_a_foreign_host_is_refused_in_one_short_line_of_the_log(host: str, log: io.StringIO) -> None:
    answer = Client().get("/sign-in/", headers={"host": host})
    assert answer.status_code == 400
    lines = log.getvalue().splitlines()
    assert [line.split()[1:3] for line in lines if "Traceback" in line or "ERROR" in line] == []
    assert len(lines) <= 2
    assert all(len(line) < LONGEST + 100 for line in lines)


@pytest.fixture
def log() -> Any:
    """What stands in the log of the site, as it is written."""
    (handler,) = [h for h in logging.getLogger().handlers if type(h) is logging.StreamHandler]
    written = io.StringIO()
    before = handler.setStream(written)
    yield written
    handler.setStream(before)


def test_an_error_of_ours_is_logged_with_its_traceback(server: Server, viewer: Client, log: io.StringIO) -> None:
    broken(viewer)
    assert "ZeroDivisionError" in log.getvalue()


@pytest.mark.parametrize("header", ["x-forwarded-host", "x-host", "forwarded", "x-original-url"])
def test_no_other_header_names_the_host(header: str) -> None:
    answer = Client().get("/", headers={header: EVIL})
    assert answer["Location"] == "/sign-in/?next=/"
    assert EVIL not in Client().get("/sign-in/", headers={header: EVIL}).content.decode()


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
@pytest.mark.parametrize("host", ["10.2.3.4:8000", EVIL, ""])
def test_probes_answer_under_any_host(path: str, host: str) -> None:
    assert Client().get(path, headers={"host": host}).status_code == 200


# signing in ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def paula(settings: Any) -> User:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    user = person("paula", "viewer")
    user.set_password(PASSWORD)
    user.save()
    return user


CREDENTIALS = {"username": "paula", "password": PASSWORD}
ELSEWHERE = [
    "//evil.example", "https://evil.example/", "http:evil.example", "/\\evil.example", "\\\\evil.example",
    "javascript:alert(1)", "data:text/html,x", " //evil.example", "///evil.example", "https:///evil.example",
    "http://127.0.0.1@evil.example/", "\t//evil.example", "/%09/evil.example\r\nSet-Cookie: a=b",
]  # fmt: skip


@pytest.mark.parametrize("next_", ELSEWHERE)
def test_signing_in_leads_nowhere_else(next_: str, paula: User) -> None:
    for answer in (
        Client().post("/sign-in/", {**CREDENTIALS, "next": next_}),
        Client().post("/sign-in/?" + urlencode({"next": next_}), CREDENTIALS),
        signed_in(paula).get("/sign-in/", {"next": next_}),
    ):
        assert answer.status_code == 302
        assert answer["Location"] == "/" or answer["Location"].startswith("/%09/")
        assert "a=b" not in str(answer.cookies)


def test_signing_in_leads_back_to_where_one_wanted(paula: User) -> None:
    wanted = "/s/default/a~2Fb/?tab=groups"
    sign_in = Client().get(wanted)["Location"]
    assert Client().post(sign_in, {**CREDENTIALS, "next": wanted})["Location"] == wanted


def planted() -> tuple[Client, str]:
    """A browser with a session that somebody else knows."""
    browser = Client()
    session = browser.session
    session["planted"] = "by somebody else"
    session.save()
    return browser, str(session.session_key)


@pytest.mark.parametrize("way", ["password", "link"])
def test_signing_in_begins_a_session_that_nobody_knows(way: str, paula: User) -> None:
    browser, known = planted()
    if way == "password":
        browser.post("/sign-in/", CREDENTIALS)
    else:
        browser.post(one_time_link(paula))
    assert browser.get("/sign-in/").status_code == 302, "signed in"
    assert browser.session.session_key != known
    spy = Client()
    spy.cookies["sessionid"] = known
    assert spy.get("/sign-in/").status_code == 200, "not signed in"


def test_signing_out_ends_the_session(paula: User) -> None:
    browser = signed_in(paula)
    known = browser.session.session_key
    browser.post("/sign-out/")
    spy = Client()
    spy.cookies["sessionid"] = known
    assert spy.get("/")["Location"].startswith("/sign-in/")


def test_cookies_are_for_us_alone(paula: User) -> None:
    browser = Client()
    browser.get("/sign-in/")
    browser.post("/sign-in/", CREDENTIALS)
    for name in ("sessionid", "csrftoken"):
        cookie = browser.cookies[name]
        assert (cookie["httponly"], cookie["samesite"], cookie["domain"], cookie["path"]) == (True, "Lax", "", "/")


# HTTPS ---------------------------------------------------------------------------------------------------------------

_VISIT = """
import json, django
django.setup()
from django.core.management import call_command
from django.test import Client
call_command("migrate", verbosity=0)
from django.contrib.auth.models import User
from dashboard.accounts.sign_in import one_time_link
link = one_time_link(User.objects.create(username="paula"))
browser = Client(headers={"host": "streams.example.com", "x-forwarded-proto": "https"})
browser.get("/sign-in/")
answer = browser.post(link)
plain, probe = (Client(headers={"host": host}).get(path) for host, path in
                (("streams.example.com", "/sign-in/?next=/"), ("10.0.0.1", "/healthz")))
print(json.dumps({
    "status": answer.status_code,
    "cookies": {name: [c["secure"], c["httponly"], c["samesite"], c["path"], c["domain"]]
                for name, c in browser.cookies.items()},
    "hsts": answer.get("Strict-Transport-Security"),
    "plain": [plain.status_code, plain.get("Location"), plain.get("Content-Security-Policy")],
    "probe": probe.status_code,
}))
"""


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A visit to the site with the settings of a real installation, behind a proxy with TLS."""
    environment = {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "dashboard.settings",
        "ALLOWED_HOSTS": "streams.example.com",
        "BEHIND_PROXY": "true",
        "DATA_DIR": str(tmp_path_factory.mktemp("production")),
        "LOG_LEVEL": "ERROR",
    }
    visit = [sys.executable, "-c", _VISIT]
    ended = subprocess.run(visit, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def test_cookies_travel_by_https_alone(production: Any) -> None:
    assert production["status"] == 302
    flags = [True, True, "Lax", "/", ""]
    assert production["cookies"] == {"__Host-csrftoken": flags, "__Host-sessionid": flags}


def test_browsers_are_told_to_stay_with_https(production: Any) -> None:
    assert "max-age=31536000" in production["hsts"]


def test_plain_requests_are_redirected_and_probes_are_not(production: Any) -> None:
    assert production["plain"] == [301, "https://streams.example.com/sign-in/?next=/", CSP]
    assert production["probe"] == 200


@pytest.mark.parametrize(
    ("https", "proxy", "found"), [(True, False, ["streamgauge.W003"]), (True, True, []), (False, False, [])]
)
def test_redirects_for_ever_are_warned_about(https: bool, proxy: bool, found: list[str], configure: Configure) -> None:
    configure(https=https, behind_proxy=proxy)
    assert [message.id for message in checks.https_comes_from_a_proxy(None)] == found


def test_pages_are_found_by_their_names() -> None:
    """What these tests ask for by address is what the site map says."""
    assert (reverse("login"), reverse("logout"), reverse("attention")) == ("/sign-in/", "/sign-out/", "/")
