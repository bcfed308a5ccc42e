"""What is said of a whole was looked at whole: every group, every pending entry, or the words say which part.

On a real server, through the sampler, the pages and the API.
"""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
import redis
from django.test import Client

from dashboard.fleet import sampler
from dashboard.fleet.findings.model import Finding, Limits
from dashboard.fleet.rounds import looks
from dashboard.fleet.samplers import fleet
from dashboard.streams import links
from dashboard.streams.capabilities import Capabilities
from dashboard.streams.lag import NOT_COUNTED
from dashboard.streams.links import Server, ServerConfig
from dashboard.streams.queries import StreamQuery, sampling
from dashboard.streams.queries.second_look import BODIES
from dashboard.streams.snapshots import Figure, ServerInfo
from tests.html_page import Page
from tests.streams_admin.acting import counts_reads

pytestmark = pytest.mark.django_db

KEY, GROUP = "orders", "billing"
STREAMS = "/api/v1/servers/default/streams"


def read(client: Client, path: str) -> dict[str, Any]:
    answer = client.get(path)
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def finding(server: Server, kind: str) -> Finding:
    """The one of this kind after one more round."""
    (found,) = [f for s in fleet().sample(server).streams.values() for f in s.findings if f.kind == kind]
    return found


# groups --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def many(server: Server, redis_client: redis.Redis) -> redis.Redis:
    """61 groups; the last one holds 20 entries, the others have nothing to do."""
    for number in range(1, 21):
        redis_client.xadd(KEY, {"n": number}, id=f"{number}-0")
    for number in range(60):
        redis_client.xgroup_create(KEY, f"a{number:02}", "$")
    redis_client.xgroup_create(KEY, "z", "0")
    redis_client.xreadgroup("z", "dead", {KEY: ">"})
    redis_client.xclaim(KEY, "z", "dead", 0, [f"{n}-0" for n in range(1, 21)], idle=600_000)
    return redis_client


def test_the_last_of_many_groups_is_counted_and_judged(viewer: Client, server: Server, many: redis.Redis) -> None:
    assert finding(server, "stuck").group == b"z"
    (stream,) = read(viewer, STREAMS)["items"]
    assert (stream["groups"], stream["pending"], stream["health"]) == (61, 20, "stuck")
    assert "pending_at_least" not in stream
    assert read(viewer, f"{STREAMS}/{KEY}")["pending"] == 20


def test_every_group_can_be_reached_page_by_page(viewer: Client, server: Server, many: redis.Redis) -> None:
    names, cursor = [], ""
    for _ in range(4):
        page = read(viewer, f"{STREAMS}/{KEY}/groups?limit=25&cursor={cursor}")
        names += [group["name"] for group in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
        assert (page["complete"], page["complete_reason"]) == (False, "There is more: pass `next` as `cursor`.")
    assert (len(names), len(set(names)), names[-1]) == (61, 61, "z")
    assert (page["complete"], "complete_reason" in page) == (True, False)
    assert page["items"][-1]["pending"] == 20


def test_every_group_is_on_a_page_and_is_found(viewer: Client, server: Server, many: redis.Redis) -> None:
    first = viewer.get(f"/s/default/{KEY}/?tab=groups").content.decode()
    assert "1 to 50 of 61" in first
    assert 'id="g-z"' not in first
    assert 'id="g-z"' in viewer.get(f"/s/default/{KEY}/?tab=groups&skip=50").content.decode()
    assert f"/s/default/{KEY}/g/z/" in viewer.get("/search/?q=z").content.decode()


def test_retention_knows_what_the_last_group_needs(viewer: Client, server: Server, many: redis.Redis) -> None:
    html = viewer.get(f"/s/default/{KEY}/?tab=retention").content.decode()
    assert "its oldest pending entry" in html
    assert html.index("/g/z/") < html.index("/g/a00/")
    assert "removes nothing that these groups still need" in html


def test_retention_promises_nothing_of_groups_that_were_not_looked_at(
    viewer: Client, server: Server, many: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.views.stream.DETAIL_MAX", 50)
    html = viewer.get(f"/s/default/{KEY}/?tab=retention").content.decode()
    assert "1 group holds entries that were not looked at. A trim may take what is still needed." in html
    assert "removes nothing that these groups still need" not in html


def test_groups_beyond_the_bound_make_every_sum_a_bound(
    viewer: Client, server: Server, many: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "GROUPS_MAX", 60)
    fleet().sample(server)
    (stream,) = read(viewer, STREAMS)["items"]
    assert (stream["pending"], stream["pending_reason"]) == (None, "Only the first 60 of 61 groups were checked.")
    assert stream["health"] == "unknown"


def test_groups_that_take_turns_keep_what_was_seen_in_them(
    server: Server, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "LOOKS", 2)
    redis_client.xadd(KEY, {"n": 1}, id="1-0")
    for name in "abcde":
        redis_client.xgroup_create(KEY, name, "0")
        redis_client.xreadgroup(name, "dead", {KEY: ">"})
        redis_client.xclaim(KEY, name, "dead", 0, ["1-0"], idle=600_000)
    seen = []
    for _ in range(4):
        state = fleet().sample(server).streams[KEY.encode()]
        seen.append({f.group for f in state.findings})
    assert [len(groups) for groups in seen] == [2, 4, 5, 5]


def test_a_group_is_not_called_well_before_its_turn_has_come(
    viewer: Client, server: Server, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "LOOKS", 2)
    monkeypatch.setattr(looks, "LOOK_ON", 0.0)
    redis_client.xadd(KEY, {"n": 1}, id="1-0")
    for name in "abc":
        redis_client.xgroup_create(KEY, name, "0")
        redis_client.xreadgroup(name, "ann", {KEY: ">"})
    state = fleet().sample(server).streams[KEY.encode()]
    assert sorted(state.group_health(name) for name in (b"a", b"b", b"c")) == ["ok", "ok", "unknown"]
    assert state.health == "unknown"
    answer = read(viewer, STREAMS)
    assert (answer["items"][0]["health"], answer["complete"]) == ("unknown", False)
    assert answer["complete_reason"] == "default: 1 group not checked to the end yet."
    assert "Nothing needs attention" not in viewer.get("/").content.decode()
    assert fleet().sample(server).streams[KEY.encode()].health == "ok"
    assert fleet().sample(server).streams[KEY.encode()].health == "ok", "also while others have their turn"
    assert "Nothing needs attention" in viewer.get("/").content.decode()


def rounds_until(server: Server, wanted: set[str]) -> list[str]:
    """The health of the stream round by round, up to the first that is wanted."""
    seen: list[str] = []
    while len(seen) < 200 and not wanted & set(seen):
        seen.append(fleet().sample(server).streams[KEY.encode()].health)
    return seen


def test_a_long_list_is_not_called_well_before_its_end_was_seen(
    viewer: Client, server: Server, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looks, "LOOK_ON", 0.0)
    hold(redis_client, 2_500)
    redis_client.xclaim(KEY, GROUP, "ann", 0, ["2400-0"], retrycount=9)
    seen = rounds_until(server, {"stuck"})
    assert (set(seen[:-1]), seen[-1]) == ({"unknown"}, "stuck")
    assert len(seen) >= 3
    redis_client.xack(KEY, GROUP, "2400-0")
    assert rounds_until(server, {"ok"})[-1] == "ok"
    later = [fleet().sample(server).streams[KEY.encode()].health for _ in range(4)]
    assert set(later) == {"ok"}, "also while the next look at it goes on"


# sums ----------------------------------------------------------------------------------------------------------------


def test_an_unknown_lag_is_not_swallowed(viewer: Client, server: Server, redis_client: redis.Redis) -> None:
    for number in range(1, 11):
        redis_client.xadd(KEY, {"n": number}, id=f"{number}-0")
    redis_client.xgroup_create(KEY, "ahead", "$")
    redis_client.xgroup_create(KEY, "back", "5-0")
    fleet().sample(server)
    for stream in (read(viewer, STREAMS)["items"][0], read(viewer, f"{STREAMS}/{KEY}")):
        assert stream["lag"] is None
        assert stream["lag_reason"]
    redis_client.xgroup_create(KEY, "new", "0")
    fleet().sample(server)
    stream = read(viewer, STREAMS)["items"][0]
    assert (stream["lag"], stream["lag_at_least"]) == (10, True)
    assert "at least 10" in Page(viewer.get("/").content.decode()).fact("Undelivered").text


def test_a_server_that_was_never_read_is_unknown_and_not_empty(
    viewer: Client, server: Server, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    redis_client.xadd(KEY, {"n": 1})
    monkeypatch.setattr(fleet(), "running", True)
    home = Page(viewer.get("/").content.decode())
    for name in ("Streams", "Groups", "Pending", "Undelivered"):
        assert "unknown" in home.fact(name).said
        assert "It has not been read yet." in home.fact(name).said
    page = viewer.get("/s/default/").content.decode()
    assert "How many streams are on default is unknown" in page
    assert "0 streams" not in page
    answer = read(viewer, STREAMS)
    assert (answer["items"], answer["complete"]) == ([], False)
    assert answer["complete_reason"] == "default: It has not been read yet."


def test_rates_beside_a_server_that_was_never_read_are_lower_bounds(
    viewer: Client, redis_client: redis.Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    links.configure([ServerConfig("default", redis_url), ServerConfig("other", "redis://127.0.0.1:1")])
    monkeypatch.setattr(fleet(), "running", True)
    redis_client.xadd(KEY, {"n": 1})
    redis_client.xgroup_create(KEY, GROUP, "0")
    redis_client.xreadgroup(GROUP, "ann", {KEY: ">"})
    for _ in range(2):
        fleet().sample(links.get("default"))
        time.sleep(0.01)
    home = Page(viewer.get("/").content.decode())
    said = "≥ 0" if counts_reads(links.get("default")) else "–"  # before Redis 7.0 nobody counts
    assert [home.fact(name).text.startswith(said) for name in ("In", "Out")] == [True, True]
    links.configure([])


def test_what_the_server_refuses_is_a_reason_and_no_absence(
    viewer: Client, server: Server, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with `rename-command XINFO ""`."""
    redis_client.xadd(KEY, {"n": 1})
    build = sampling.SampleStreams.build
    monkeypatch.setattr(
        sampling.SampleStreams,
        "build",
        lambda query: [("NOSUCH", *command[1:]) if command[0] == "XINFO" else command for command in build(query)],
    )
    answer = read(viewer, STREAMS)
    assert (answer["items"], answer["complete"]) == ([], False)
    assert "Streams cannot be read (XINFO)." in answer["complete_reason"]
    page = viewer.get("/s/default/").content.decode()
    assert "No streams here yet" not in page
    assert "How many streams are on default is unknown" in page
    assert "Streams cannot be read (XINFO)." in page
    assert "Nothing needs attention" not in viewer.get("/").content.decode()


# pending lists -------------------------------------------------------------------------------------------------------


def hold(client: redis.Redis, count: int) -> None:
    with client.pipeline(transaction=False) as pipe:
        for number in range(1, count + 1):
            pipe.xadd(KEY, {"n": number}, id=f"{number}-0")
        pipe.execute()
    client.xgroup_create(KEY, GROUP, "0")
    client.xreadgroup(GROUP, "ann", {KEY: ">"}, count=count)


def test_ghosts_at_the_end_of_a_list_are_counted(server: Server, redis_client: redis.Redis) -> None:
    hold(redis_client, 40)
    redis_client.xadd(KEY, {"n": 41}, id="41-0")
    redis_client.xdel(KEY, *(f"{number}-0" for number in range(21, 41)))
    ghosts = finding(server, "ghosts")
    assert (ghosts.count, ghosts.count_least) == (20, False)
    assert ghosts.message == "20 pending entries no longer exist in the stream"


def test_a_count_of_ghosts_grows_until_it_is_complete_and_never_flaps(
    server: Server, redis_client: redis.Redis, viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looks, "LOOK_ON", 0.0)
    hold(redis_client, 500)
    redis_client.xdel(KEY, *(f"{number}-0" for number in range(2, 402)))
    counts = [finding(server, "ghosts") for _ in range(20)]
    in_doubt = 400 if counts_reads(server) else 500  # before 7.0 no server says how far deletion went
    last = in_doubt // BODIES
    assert [f.count for f in counts[:7]] == [63, 127, 191, 255, 319, 383, 400], "it grows"
    assert {f.count for f in counts[7:]} == {400}, "and never falls"
    assert [f.count_least for f in counts[: last + 2]] == [True] * last + [False, True]
    assert counts[0].message == "At least 63 pending entries no longer exist in the stream"
    (item,) = [f for f in read(viewer, "/api/v1/findings")["items"] if f["kind"] == "ghosts"]
    assert item["count"] == 400


def test_one_round_goes_on_in_a_long_list(
    server: Server, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.fleet.rounds.looks.LOOK_ON", 60)  # however slow the machine is
    hold(redis_client, 3_000)
    redis_client.xtrim(KEY, maxlen=1, approximate=False)
    for _ in range(3):
        ghosts = finding(server, "ghosts")
        assert (ghosts.count, ghosts.count_least) == (2_999, False)
    redis_client.xack(KEY, GROUP, *(f"{number}-0" for number in range(1, 2_900)))
    assert finding(server, "ghosts").count == 100


def test_poison_behind_a_long_list_is_counted(
    server: Server, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looks, "LOOK_ON", 60.0)  # however slow the machine is
    hold(redis_client, 2_500)
    redis_client.xclaim(KEY, GROUP, "ann", 0, ["2400-0", "2500-0"], retrycount=9)
    poison = finding(server, "poison")
    assert (poison.count, poison.count_least) == (2, False)


def test_entries_that_a_server_with_xnack_has_released_or_given_up(
    viewer: Client, server: Server, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis 8.8 and newer; before that nothing is with nobody."""
    monkeypatch.setattr(sampler, "limits", lambda: Limits(late_ms=20))
    hold(redis_client, 4)
    released = (KEY, GROUP, "SILENT", "IDS", 2, "1-0", "2-0")
    if not server.capabilities().has("xnack"):
        with pytest.raises(redis.ResponseError, match="unknown command"):
            redis_client.execute_command("XNACK", *released)
        return
    redis_client.execute_command("XNACK", *released)
    redis_client.execute_command("XNACK", KEY, GROUP, "FATAL", "IDS", 1, "3-0")
    redis_client.xack(KEY, GROUP, "4-0")
    assert finding(server, "poison").message == "1 entry was marked fatal by a consumer"
    time.sleep(0.05)
    assert finding(server, "released").count == 2
    items = read(viewer, f"{STREAMS}/{KEY}/groups/{GROUP}/pending")["items"]
    assert [(item["consumer"], item["idle_ms"]) for item in items] == [(None, None)] * 3
    assert [item["deliveries"] for item in items] == [0, 0, None]
    assert items[2]["deliveries_reason"] == "fatal: a consumer gave it up permanently."


# lag -----------------------------------------------------------------------------------------------------------------


def test_a_lag_that_the_server_overcounts_is_counted_where_it_is_small(
    server: Server, redis_client: redis.Redis
) -> None:
    """Redis 7.0 goes on counting what was trimmed unread."""
    can = server.capabilities()
    old = Capabilities(ServerInfo("Redis", (7, 0, 15), "", ""), frozenset())
    for number in range(1, 1001):
        redis_client.xadd(KEY, {"n": number}, id=f"{number}-0")
    redis_client.xgroup_create(KEY, GROUP, "0")
    redis_client.xreadgroup(GROUP, "ann", {KEY: ">"}, count=5, noack=True)
    redis_client.xtrim(KEY, maxlen=500, approximate=False)
    redis_client.xreadgroup(GROUP, "ann", {KEY: ">"}, count=300, noack=True)

    def lag() -> Figure:
        (group,) = server.run(StreamQuery(KEY.encode(), old)).groups
        return group.lag

    if not counts_reads(server):
        assert lag() == Figure(None, NOT_COUNTED)
        return
    most = 500 if can.lag_overcounts else 200  # 695 by its own count, of 500 that are there
    assert (lag().value, lag().approximate) == (most, True)
    redis_client.xreadgroup(GROUP, "ann", {KEY: ">"}, count=199, noack=True)
    assert lag() == Figure(1)


def test_the_age_of_an_entry_whose_id_is_no_time_is_not_made_up(
    viewer: Client, server: Server, redis_client: redis.Redis
) -> None:
    hold(redis_client, 1)
    redis_client.xclaim(KEY, GROUP, "ann", 0, ["1-0"], idle=90_000)
    fleet().sample(server)
    for where in (STREAMS, f"{STREAMS}/{KEY}/groups"):
        (item,) = read(viewer, where)["items"]
        assert item["oldest_pending_ms"] is None
        assert "is no time, so nobody knows when it was added" in item["oldest_pending_ms_reason"]
    page = viewer.get(f"/s/default/{KEY}/g/{GROUP}/").content.decode()
    assert "since its last delivery" in page


# news ----------------------------------------------------------------------------------------------------------------


def test_reads_of_a_group_that_vanished_are_on_the_page_and_in_the_api(
    viewer: Client, server: Server, redis_client: redis.Redis
) -> None:
    redis_client.xadd("runs", {"n": 1})
    redis_client.xgroup_create("runs", "workers", "0")
    fleet().sample(server)
    redis_client.delete("runs")
    redis_client.xadd("runs", {"n": 2})
    for _ in range(200):
        with pytest.raises(redis.ResponseError, match="NOGROUP"):
            redis_client.xreadgroup("workers", "ann", {"runs": ">"})
    fleet().sample(server)
    items = {item["kind"]: item for item in read(viewer, "/api/v1/findings")["items"]}
    assert set(items) == {"group_vanished", "no_group_errors"}
    assert (items["group_vanished"]["stream"], items["group_vanished"]["group"]) == ("runs", "workers")
    assert (items["no_group_errors"]["stream"], items["no_group_errors"]["stream_path"]) == (None, None)
    assert "200 commands named a group" in items["no_group_errors"]["message"]
    home = viewer.get("/").content.decode()
    assert "200 commands named a group that does not exist" in home
    assert "The group workers is gone" in home
    assert viewer.get("/s/default/runs/").status_code == 200


def test_our_own_questions_about_a_group_that_is_gone_are_no_errors_of_its_consumers(
    viewer: Client, admin: Client, server: Server, redis_client: redis.Redis
) -> None:
    redis_client.xadd("runs", {"n": 1})
    fleet().sample(server)
    for _ in range(5):
        assert viewer.get("/s/default/runs/g/workers/").status_code == 404
        assert viewer.get(f"{STREAMS}/runs/groups/workers/pending").status_code == 404
    before = redis_client.info("errorstats").get("errorstat_NOGROUP", {}).get("count", 0)
    assert before >= 10, "the server counts them"
    assert fleet().sample(server).findings == ()
    with pytest.raises(redis.ResponseError, match="NOGROUP"):
        redis_client.xreadgroup("workers", "ann", {"runs": ">"})
    (finding,) = fleet().sample(server).findings
    assert finding.message == "1 command named a group that does not exist (NOGROUP)"


def test_a_stream_that_is_gone_with_its_groups_is_on_the_page_and_in_the_api(
    viewer: Client, server: Server, redis_client: redis.Redis
) -> None:
    redis_client.xadd("runs", {"n": 1})
    redis_client.xgroup_create("runs", "workers", "0")
    fleet().sample(server)
    redis_client.delete("runs")
    fleet().sample(server)
    (item,) = read(viewer, "/api/v1/findings")["items"]
    assert (item["kind"], item["stream"], item["group"]) == ("group_vanished", "runs", "workers")
    assert item["evidence"] == {"pending": 0, "undelivered": 1, "stream_exists": False}
    home = viewer.get("/").content.decode()
    assert "The stream is gone, and its group workers with it" in home
    assert "Nothing needs attention" not in home
    assert "/s/default/runs/" not in home, "no link that leads nowhere"
    redis_client.xgroup_create("runs", "workers", "0", mkstream=True)
    fleet().sample(server)
    assert read(viewer, "/api/v1/findings")["items"] == []


def test_entries_trimmed_unread_and_an_id_ahead_are_findings(
    viewer: Client, server: Server, redis_client: redis.Redis
) -> None:
    hold(redis_client, 10)
    for number in range(11, 1001):
        redis_client.xadd(KEY, {"n": number}, id=f"{number}-0")
    redis_client.xack(KEY, GROUP, *(f"{number}-0" for number in range(1, 11)))
    redis_client.xtrim(KEY, maxlen=100, approximate=False)
    if counts_reads(server):
        assert finding(server, "position_lost").count == 890
    else:  # nobody counted them: it is not said that they are lost, nor how much has been read
        state = fleet().sample(server).streams[KEY.encode()]
        assert "position_lost" not in {f.kind for f in state.findings}
        assert (state.lag, state.out_rates) == (Figure(100), (None,))
    seconds, _ = redis_client.time()
    redis_client.xadd("ahead", {"n": 1}, id=f"{(seconds + 30 * 86_400) * 1000}-0")
    assert finding(server, "id_ahead").stream == b"ahead"
    page = viewer.get("/s/default/ahead/").content.decode()
    assert re.search(r"<b>(29 d|30 d).*? ahead</b> <small>of the server", page)
    assert "0 s ago" not in page.partition("Last entry</dt>")[2].partition("</dd>")[0]
    assert re.search(r"(29|30) d ahead", viewer.get("/s/default/").content.decode())


def test_an_entry_ahead_of_the_clock_is_nowhere_said_to_be_new(
    viewer: Client, server: Server, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not in the facts, the rows, the page of the entry, the group's, nor in the API; and nobody reading is news."""
    monkeypatch.setattr(sampler, "limits", lambda: Limits(late_ms=20))
    seconds, _ = redis_client.time()
    id_ = f"{(seconds + 30 * 86_400) * 1000}-0"
    redis_client.xadd("ahead", {"n": 1}, id=id_)
    redis_client.xgroup_create("ahead", "held", "0")
    redis_client.xreadgroup("held", "ann", {"ahead": ">"})
    redis_client.xgroup_create("ahead", "waits", "0")
    fleet().sample(server)
    for where in ("", f"e/{id_}/", "g/held/", "?tab=retention"):
        page = viewer.get(f"/s/default/ahead/{where}").content.decode()
        assert [text for text in re.findall(rf'data-at="{id_[:-2]}"[^>]*>([^<]*)<', page) if "ahead" not in text] == []
        assert re.search(r">(29|30) d ahead<", page), where
    (item,) = read(viewer, STREAMS)["items"]
    assert item["oldest_pending_ms"] is None
    assert "is ahead of the server's clock, so nobody knows when it was added" in item["oldest_pending_ms_reason"]
    time.sleep(0.05)
    found = {(f.kind, f.group) for f in fleet().sample(server).streams[b"ahead"].findings}
    assert ("no_consumer", b"waits") in found
