"""Names, values and requests that nobody wishes for: shown safely, told exactly, refused in a sentence."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import pytest
import redis
from django.http import HttpResponse
from django.test import Client
from django.urls import resolve, reverse
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from dashboard.http.converters import PATH_MOST
from dashboard.streams.ids import StreamId
from dashboard.streams.links import Server
from dashboard.streams.names import from_path, to_path
from tests.conftest import Configure
from tests.html_page import Page

pytestmark = pytest.mark.django_db

NAMES = {
    "empty": b"",
    "binary": b"\xff\x00\xfe\x80~",
    "half a character": b"\xed\xa0\x80 \xc3",
    "html": b"<script>alert(1)</script><img src=x onerror=alert(1)>",
    "attribute": b"\"' onmouseover='alert(1)' x=\"",
    "entity": b"&lt;b&gt; &amp;amp; &#60;",
    "template": b"{{ 7|add:7 }}{% csrf_token %}",
    "control": b"a\r\nb\tc\x1b[31mred\x07\x7f\x00",
    "bidi": "abc\u202efdp.exe\u2066\u200b\ufeff\u2028".encode(),
    "c1": "\x9b31m\x85\xad".encode(),
    "up": b"../../etc/passwd",
    "dot": b".",
    "dots": b"..",
    "tilde": b"~",
    "escaped": b"%2F%00~2F",
    "url": b"a/b?c=d&e#f;g\\h",
    "scheme": b"javascript:alert(1)",
    "formula": b"=cmd|'/c calc'!A0",
    "spaces": b"  leading and trailing  ",
    "long": b"x" * PATH_MOST,  # longer ones have no address: tests/security/test_huge_names.py
}
FORMS = ("tree", "raw", "hex")
ID = StreamId(1_700_000_000_000, 7)


@pytest.fixture
def world(server: Server, redis_client: redis.Redis) -> redis.Redis:
    """Each name is a stream, its group, its consumer, twice a field, and its value."""
    for name in NAMES.values():
        redis_client.execute_command("XADD", name, str(ID), name, name, name, b"again", b"json", as_json(name))
        redis_client.xgroup_create(name, name, id="0")
        redis_client.execute_command("XREADGROUP", "GROUP", name, name, "STREAMS", name, ">")
    return redis_client


def as_json(name: bytes) -> bytes:
    text = name.decode("utf-8", "replace")
    return json.dumps({text: [text, {text: None}]}, ensure_ascii=False).encode()


def fields(name: bytes) -> list[tuple[bytes, bytes]]:
    return [(name, name), (name, b"again"), (b"json", as_json(name))]


def page(client: Client, address: str, **query: Any) -> Page:
    answer = client.get(address, query)
    assert answer.status_code == 200, (address[:200], answer.status_code)
    found = Page(answer.content.decode())
    assert found.faults == [], address[:200]
    assert set(found.tags) & {"img", "b2"} == set()
    return found


def path(name: str, *args: Any) -> str:
    return reverse(name, args=["default", *args])


# shown safely --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_every_page_about_it_is_safe(name: bytes, world: redis.Redis, operator: Client) -> None:
    for query in ({}, {"tab": "groups"}, {"tab": "retention"}, *({"open": str(ID), "as": form} for form in FORMS)):
        page(operator, path("stream", name), **query)
    page(operator, path("stream", name), column=to_path(name))
    page(operator, path("tail"), streams=to_path(name), column=to_path(name))
    page(operator, path("tail"), streams=[to_path(name), "other"])
    for form in FORMS:
        page(operator, path("entry", name, ID), **{"as": form})
    page(operator, path("group", name, name))
    page(operator, path("group", name, name), consumer=to_path(name))
    page(operator, path("do", name, "claim"), group=to_path(name), all="1")


@pytest.mark.parametrize("address", ["/", "/s/default/", "/s/default/?flat=1&limit=200", "/s/default/?sort=name"])
def test_lists_of_them_are_safe(address: str, world: redis.Redis, operator: Client, configure: Configure) -> None:
    configure(poison_deliveries=1)
    found = operator.get(address)
    assert found.status_code == 200
    assert Page(found.content.decode()).faults == []


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_what_is_done_with_it_is_told_safely(name: bytes, world: redis.Redis, admin: Client) -> None:
    """From the form to the audit log, with a reason that is as hostile."""
    if name == NAMES["long"]:
        name = b"y" * 512
        world.execute_command("XADD", name, str(ID), b"f", b"v")
        world.xgroup_create(name, name, id="0")
        world.execute_command("XREADGROUP", "GROUP", name, name, "STREAMS", name, ">")
    reason = name.decode("utf-8", "replace").replace("\x00", "")
    form = path("do", name, "claim") + "?" + urlencode({"group": to_path(name), "all": "1"})
    planned = admin.post(form, {"to": to_path(name)})
    assert planned.status_code == 302, Page(planned.content.decode()).text
    page(admin, planned["Location"])
    done = admin.post(planned["Location"], {"reason": reason})
    for address in (done["Location"], reverse("operations"), reverse("audit")):
        page(admin, address)
    assert world.xpending(name, name)["consumers"] == [{"name": name, "pending": 1}]


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_what_is_typed_is_shown_safely(name: bytes, world: redis.Redis, operator: Client) -> None:
    typed = name.decode("utf-8", "replace")[:190]
    page(operator, reverse("search"), q=typed)
    page(operator, path("streams"), search=typed)
    page(operator, reverse("audit"), who=typed, action=typed)
    for address, query in ((path("stream", name), {"where": typed}), (path("streams"), {"sort": typed})):
        answer = operator.get(address, query)
        assert answer.status_code in (200, 400)
        assert Page(answer.content.decode()).faults == []


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_what_is_not_there_is_named_safely(
    name: bytes, server: Server, redis_client: redis.Redis, viewer: Client
) -> None:
    for address in (path("stream", name), path("group", name, name), path("entry", name, ID)):
        answer = viewer.get(address)
        assert answer.status_code == 404
        assert Page(answer.content.decode()).faults == []


def test_a_stream_of_another_type_is_named_safely(world: redis.Redis, viewer: Client) -> None:
    world.set(NAMES["html"], "text")
    answer = viewer.get(path("stream", NAMES["html"]))
    assert answer.status_code == 409
    assert Page(answer.content.decode()).faults == []


# told exactly --------------------------------------------------------------------------------------------------------


def linked(found: Page, name: str, parameter: str) -> set[bytes]:
    """The names in the links of a page to pages of that kind, as their views get them."""
    paths = (urlsplit(link).path for link in found.links if link.startswith("/s/"))
    matches = [resolve(path) for path in paths]
    return {match.kwargs[parameter] for match in matches if match.url_name == name}


def test_every_stream_is_linked_from_the_list(world: redis.Redis, viewer: Client) -> None:
    answer = viewer.get(path("streams"), {"flat": "1", "limit": "200"})
    found = Page(answer.content.decode())
    assert linked(found, "stream", "stream") == set(NAMES.values())


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_links_lead_on_to_the_same_name(name: bytes, world: redis.Redis, viewer: Client) -> None:
    """Stream to group to consumer and entry, by following what stands on the pages."""
    stream = page(viewer, path("stream", name), tab="groups")
    assert linked(stream, "group", "group") == {name}
    group = page(viewer, path("group", name, name))
    assert linked(group, "stream", "stream") == {name}
    assert linked(group, "entry", "entry") == {ID}
    (consumer,) = {link for link in group.links if link.startswith("?consumer=")}
    answer = viewer.get(path("group", name, name) + consumer)
    assert linked(Page(answer.content.decode()), "entry", "stream") == {name}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_the_api_tells_it_exactly(name: bytes, world: redis.Redis, viewer: Client) -> None:
    stream, group = viewer.get(api("stream", name)).json(), viewer.get(api("group", name, name)).json()
    for item in (stream, group):
        assert (raw(item["name"]), from_path(item["path"])) == (name, name)
    (consumer,) = viewer.get(api("consumers", name, name)).json()["items"]
    assert (raw(consumer["name"]), from_path(consumer["path"])) == (name, name)
    (pending,) = viewer.get(api("pending", name, name), {"consumer": consumer["path"]}).json()["items"]
    assert raw(pending["consumer"]) == name
    (entry,) = viewer.get(api("entries", name)).json()["items"]
    for found in (entry, viewer.get(api("entry", name, ID)).json()):
        if name != NAMES["long"]:  # which is cut, and says so
            assert [(raw(field), raw(value)) for field, value in found["fields"]] == fields(name)


def api(name: str, *args: Any) -> str:
    keys = ("server", "stream", "entry" if name == "entry" else "group")
    return reverse(f"api:{name}", kwargs=dict(zip(keys, ("default", *args), strict=False)))


def raw(value: str | Mapping[str, str]) -> bytes:
    """A value of the API as the bytes it stands for."""
    return value.encode() if isinstance(value, str) else base64.b64decode(value["base64"])


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_field_is_downloaded_as_it_is(name: bytes, world: redis.Redis, viewer: Client) -> None:
    for position, (_, value) in enumerate(fields(name)):
        answer = viewer.get(path("field", name, ID, position))
        assert answer.content == value
        assert answer["Content-Type"] == "application/octet-stream"
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Content-Disposition"] == f'attachment; filename="{ID}-{position}.bin"'


# nonsense ------------------------------------------------------------------------------------------------------------

QUIET = hypothesis_settings(deadline=None, max_examples=35, suppress_health_check=[HealthCheck.function_scoped_fixture])
NONSENSE = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        ["-1", "9" * 30, "1e9", "NaN", "0-0", "99999999999999999999-1", "$", "+", "~", "~zz", "~2f", "1=1"]
    ),
    st.sampled_from(["\x00", "\ud800", "a/../b", "%00", "-5h", "25:61", "yesterday 99:99", "--", "true", "[]", "{}"]),
)
PARAMETERS = [
    "search", "sort", "health", "limit", "start", "end", "open", "flat", "server", "kind", "severity", "q", "tab",
    "at", "where", "as", "column", "consumer", "min_idle", "min_deliveries", "after", "cursor", "order", "group",
    "id", "all", "min_idle_ms", "page", "who", "action", "outcome", "next", "stream", "via", "operation",
]  # fmt: skip
KEY = NAMES["html"]


def addresses() -> list[str]:
    stream, ends = to_path(KEY), ("", "/entries", f"/entries/{ID}", "/groups")
    group = f"/groups/{stream}"
    ends += (group, f"{group}/consumers", f"{group}/pending")
    return [
        *("/", "/search/", "/s/default/", f"/s/default/{stream}/", f"/s/default/{stream}/e/{ID}/", "/sign-in/"),
        *(f"/s/default/{stream}/g/{stream}/", f"/s/default/{stream}/do/claim/", f"/s/default/{stream}/do/trim/"),
        *("/operations/", "/audit/", "/api/v1/servers", "/api/v1/findings", "/api/v1/audit"),
        *("/api/v1/servers/default/streams", *(f"/api/v1/servers/default/streams/{stream}{end}" for end in ends)),
    ]


def sensible(answer: HttpResponse) -> None:
    """No error of ours, and what is said about it is said safely."""
    assert answer.status_code < 500
    if answer["Content-Type"].startswith("text/html") and answer.content:
        assert Page(answer.content.decode()).faults == []


def query_string(pairs: list[tuple[str, str]]) -> str:
    return "&".join(f"{name}={quote(value, safe='', errors='surrogatepass')}" for name, value in pairs)


@QUIET
@given(
    address=st.sampled_from(addresses()),
    pairs=st.lists(st.tuples(st.sampled_from(PARAMETERS), NONSENSE), min_size=1, max_size=4),
)
def test_a_query_of_nonsense_is_no_error_of_ours(
    address: str, pairs: list[tuple[str, str]], world: redis.Redis, admin: Client
) -> None:
    sensible(admin.get(f"{address}?{query_string(pairs)}"))


@QUIET
@given(parts=st.lists(NONSENSE, min_size=1, max_size=4), prefix=st.sampled_from(["/s/", "/api/v1/", "/plans/", "/"]))
def test_a_path_of_nonsense_is_no_error_of_ours(
    parts: list[str], prefix: str, world: redis.Redis, admin: Client
) -> None:
    answer = admin.get(prefix + "/".join(quote(part, safe="~", errors="surrogatepass") for part in parts) + "/")
    sensible(answer)
    assert answer.status_code in (200, 301, 302, 400, 404)


@QUIET
@given(
    order=st.dictionaries(
        st.sampled_from(["server", "stream", "action", "params", "more"]),
        st.one_of(
            NONSENSE.filter(lambda text: text.isprintable()),
            st.sampled_from(["default", KEY.decode(), "claim", "trim", "ack", None, 1, [], {"base64": "?"}]),
            st.dictionaries(st.sampled_from(["group", "ids", "filter", "to", "maxlen"]), st.text(max_size=5)),
        ),
    )
)
def test_a_plan_of_nonsense_is_no_error_of_ours(order: dict[str, Any], world: redis.Redis, admin: Client) -> None:
    answer = admin.post("/api/v1/plans", json.dumps(order), content_type="application/json")
    assert 400 <= answer.status_code < 500, answer.content


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b'{"a":' * 50_000, b"null", b"NaN", b'"\\ud800"'])
@pytest.mark.parametrize("address", ["/api/v1/plans", "/api/v1/plans/x/run"])
def test_a_body_that_is_no_order_is_no_error_of_ours(address: str, body: bytes, server: Server, admin: Client) -> None:
    answer = admin.post(address, body, content_type="application/json")
    assert (400 <= answer.status_code < 500, answer["Content-Type"]) == (True, "application/problem+json")


@pytest.mark.parametrize(
    "form",
    [
        {"to": "\x00", "min_idle": "\ud800".encode("utf-8", "surrogatepass").decode("latin-1")},
        {"new": "x" * 10_000},
        {"to": ["a", "b"], "bump": "maybe"},
        {"maxlen": "1e400", "minid": "-", "older_than": "never"},
    ],
)
@pytest.mark.parametrize("action", ["claim", "ack", "trim"])
def test_a_form_of_nonsense_is_no_error_of_ours(
    action: str, form: dict[str, Any], world: redis.Redis, admin: Client
) -> None:
    before = world.dump(KEY)
    sensible(admin.post(path("do", KEY, action) + f"?group={to_path(KEY)}&all=1", form))
    assert world.dump(KEY) == before


@pytest.mark.parametrize("token", ["x", "_", "0" * 32, "0" * 32 + "_" + "0" * 32, "a" * 5000])
def test_a_plan_that_was_never_made_is_not_there(token: str, server: Server, admin: Client) -> None:
    for answer in (admin.get(f"/plans/{token}/"), admin.post(f"/plans/{token}/")):
        assert answer.status_code == 404
        sensible(answer)


@pytest.fixture(autouse=True)
def no_traceback(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    assert [record.getMessage() for record in caplog.records if record.exc_info and record.levelname == "ERROR"] == []
