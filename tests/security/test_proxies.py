"""Behind the documented proxy: on any port people can sign in, below a path they come back to where they were."""

from __future__ import annotations

import re
from http.client import HTTPConnection, HTTPResponse

import pytest
from django.test import Client
from pytest_django import Settings

from tests.serving import ROOT, Serve, get, wait_until_it_answers

NAME = "streams.example.com"
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text()
PROXY = {"ALLOWED_HOSTS": NAME, "BEHIND_PROXY": "true"}


def documented(public: str) -> dict[str, str]:
    """What the documented nginx block makes of a request to `https://public`."""
    values = {"$http_host": public, "$host": public.partition(":")[0], "$scheme": "https", "$remote_addr": "192.0.2.1"}
    block = dict(re.findall(r"proxy_set_header ([\w-]+) ([^;]+);", CONFIGURATION))
    return {name: values[value] for name, value in block.items() if value in values}


def ask(port: int, method: str, body: str = "", **headers: str) -> HTTPResponse:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, "/sign-in/", body, headers)
    return connection.getresponse()


@pytest.mark.parametrize("public", [NAME, f"{NAME}:8443"])
def test_a_form_is_taken_behind_the_documented_block(serve: Serve, port: int, public: str) -> None:
    wait_until_it_answers(serve(**PROXY), port)
    passed_on = documented(public)
    assert passed_on.keys() == {"Host", "X-Forwarded-Proto", "X-Real-IP"}
    form = ask(port, "GET", **passed_on)
    cookie = (form.headers["Set-Cookie"] or "").partition(";")[0]
    token = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', form.read().decode())[0]
    sent = {**passed_on, "Cookie": cookie, "Origin": f"https://{public}"}
    sent["Content-Type"] = "application/x-www-form-urlencoded"
    answer = ask(port, "POST", f"csrfmiddlewaretoken={token}&username=a&password=b", **sent)
    assert (form.status, answer.status) == (200, 200)
    assert "correct username and password" in answer.read().decode()


@pytest.fixture
def posted(settings: Settings, db: None) -> Client:
    settings.ALLOWED_HOSTS = [NAME]
    return Client(enforce_csrf_checks=True, headers={"host": NAME})


@pytest.mark.parametrize(
    ("origin", "setting"),
    [(f"http://{NAME}:8443", "<code>Host</code>"), (f"https://{NAME}", "<code>BEHIND_PROXY=true</code>")],
)
def test_a_foreign_origin_is_named_with_the_setting(posted: Client, origin: str, setting: str) -> None:
    answer = posted.post("/sign-in/", headers={"origin": origin})
    assert answer.status_code == 403
    assert all(part in answer.text for part in (origin, f"http://{NAME}<", setting, "CSRF_TRUSTED_ORIGINS"))
    assert "current session" not in answer.text


def test_a_foreign_origin_is_only_text(posted: Client) -> None:
    answer = posted.post("/sign-in/", headers={"origin": "https://<i>" + "x" * 1000})
    assert "https://&lt;i&gt;xxx" in answer.text
    assert "<i>" not in answer.text
    assert "x" * 200 not in answer.text


def test_what_another_site_sends_says_where_it_came_from(posted: Client) -> None:
    sent = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
    answer = posted.post("/sign-in/", headers=sent)
    assert (answer.status_code, answer["Content-Type"]) == (403, "text/plain")
    assert answer.text == "This request came from another site (https://evil.example) and was blocked.\n"


def test_an_old_form_is_still_called_old(posted: Client) -> None:
    answer = posted.post("/sign-in/", headers={"origin": f"http://{NAME}"})
    assert (answer.status_code, "current session" in answer.text) == (403, True)
    assert "CSRF_TRUSTED_ORIGINS" not in answer.text


def test_a_trusted_origin_is_not_the_reason(posted: Client, settings: Settings) -> None:
    settings.CSRF_TRUSTED_ORIGINS = ["https://ops.example"]
    assert "current session" in posted.post("/sign-in/", headers={"origin": "https://ops.example"}).text


@pytest.mark.parametrize(
    ("trusted", "origin"),
    [
        (["https://ops.example"], "https://ops.example"),
        (["https://*.ops.example"], "https://portal.ops.example"),
    ],
)
def test_a_cross_site_post_from_a_trusted_origin_gets_to_the_csrf_check(
    posted: Client, settings: Settings, trusted: list[str], origin: str
) -> None:
    settings.CSRF_TRUSTED_ORIGINS = trusted
    headers = {"origin": origin, "sec-fetch-site": "cross-site"}
    assert "current session" in posted.post("/sign-in/", headers=headers).text
    for other in ("https://evil.example", "http://ops.example", "https://ops.example.evil.example", "null"):
        refused = posted.post("/sign-in/", headers={**headers, "origin": other})
        assert (refused.status_code, "came from another site" in refused.text) == (403, True)


def test_an_unknown_host_is_named_with_the_setting(posted: Client) -> None:
    answer = posted.get("/", headers={"host": "wrong.example<b>"})
    assert answer.status_code == 400
    assert "wrong.example&lt;b&gt;" in answer.text
    assert "ALLOWED_HOSTS" in answer.text


def test_below_a_path_sign_in_leads_back_whether_the_proxy_strips_it_or_not(serve: Serve, port: int) -> None:
    wait_until_it_answers(serve(FORCE_SCRIPT_NAME="/streams"), port)
    for path in ("/s/default/?page=2", "/streams/s/default/?page=2"):
        answer = get(port, path)
        wanted = "/streams/sign-in/?next=/streams/s/default/%3Fpage%3D2"
        assert (path, answer.status, answer.headers["Location"]) == (path, 302, wanted)
    assert [get(port, path).status for path in ("/sign-in/", "/streams/sign-in/", "/healthz")] == [200, 200, 200]
    assert get(port, "/streamsx/").headers["Location"] is None


def test_below_a_path_probes_are_not_redirected(serve: Serve, port: int) -> None:
    wait_until_it_answers(serve(FORCE_SCRIPT_NAME="/streams", **PROXY), port)
    paths = ("/healthz", "/streams/readyz", "/sign-in/")
    assert [get(port, path, NAME).status for path in paths] == [200, 200, 301]
