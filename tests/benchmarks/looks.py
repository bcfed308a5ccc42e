"""Each page and each read of the API beside the bare calls it stands for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from tests.benchmarks import bare
from tests.benchmarks.place import Place
from tests.benchmarks.turns import counting, in_turn
from tests.world import GROUP, STREAM

SLOW_ROUNDS = 5
"""Of what stands for a look at all 3,000 streams: the bare side takes a good part of a second."""


@dataclass(frozen=True)
class Look:
    """`stands_for`: the bare calls. `fleet`: they go through all streams, as the sampler of the product has before."""

    name: str
    address: str
    stands_for: Callable[[], object]
    fleet: bool = False


def pages(here: Place, rounds: int) -> Iterator[dict[str, object]]:
    """Through the whole site: session, sign-in, access, view, template."""
    client, id_ = here.bare, _entry(here)
    some = list(client.scan_iter(count=1000, _type="stream"))[:50]
    one, grp = "/s/default/orders:new/", "/s/default/orders:new/g/order_processors/"
    fleet = partial(bare.fleet, client)
    looks = [
        Look("page: attention", "/", fleet, fleet=True),
        Look("page: streams", "/s/default/", fleet, fleet=True),
        Look("page: streams, 50 rows", "/s/default/?flat=1", partial(bare.weights, client, some), fleet=True),
        Look("page: search", "/search/?q=tenant", fleet, fleet=True),
        Look("page: stream", one, partial(bare.stream, client)),
        Look("page: stream, a row open", f"{one}?open={id_}&end={id_}", partial(bare.stream, client)),
        Look("page: stream, filtered", f"{one}?where=status = paid", partial(bare.stream_where, client)),
        Look("page: stream, groups", f"{one}?tab=groups", partial(bare.overview, client)),
        Look("page: stream, retention", f"{one}?tab=retention", partial(bare.overview, client)),
        Look("page: group", grp, partial(bare.group_page, client)),
        Look("page: group, filtered", f"{grp}?min_idle=1 s", partial(bare.group_filtered, client)),
        Look("page: entry", f"{one}e/{id_}/", partial(bare.entry, client, id_)),
    ]
    return (_measured(here, look, rounds) for look in looks)


def reads(here: Place, rounds: int) -> Iterator[dict[str, object]]:
    client, id_ = here.bare, _entry(here)
    every = "/api/v1/servers/default/streams"
    one, grp = f"{every}/orders:new", f"{every}/orders:new/groups/order_processors"
    fleet = partial(bare.fleet, client)
    looks = [
        Look("api: servers", "/api/v1/servers", partial(client.info, "server")),
        Look("api: findings", "/api/v1/findings", fleet, fleet=True),
        Look("api: streams", every, fleet, fleet=True),
        Look("api: stream", one, partial(bare.overview, client)),
        Look("api: groups", f"{one}/groups", partial(bare.overview, client, memory=False)),
        Look("api: group", grp, partial(bare.group, client)),
        Look("api: consumers", f"{grp}/consumers", partial(bare.group, client)),
        Look("api: pending, 100", f"{grp}/pending", partial(bare.pending, client, 100)),
        Look("api: pending, 500", f"{grp}/pending?limit=500", partial(bare.pending, client, 500)),
        Look("api: pending, filtered", f"{grp}/pending?min_idle_ms=1000", partial(bare.pending_filtered, client, 100)),
        Look("api: entries, 100", f"{one}/entries", partial(bare.entries, client, 100)),
        Look("api: entries, 500", f"{one}/entries?limit=500", partial(bare.entries, client, 500)),
        Look("api: entry", f"{one}/entries/{id_}", partial(bare.entry, client, id_)),
    ]
    return (_measured(here, look, rounds) for look in looks)


def _entry(here: Place) -> str:
    """Pending, and not the first of the stream: asked for what is before that, Redis walks through all of it."""
    second: bytes = here.bare.xpending_range(STREAM, GROUP, "-", "+", 2)[1]["message_id"]
    return second.decode()


def _measured(here: Place, look: Look, rounds: int) -> dict[str, object]:
    def ours() -> int:
        response = here.browser.get(look.address)
        assert response.status_code == 200, (look.address, response.status_code)
        return len(response.content)

    with counting() as sent:
        weight = ours()
    turns = in_turn(ours, look.stands_for, SLOW_ROUNDS if look.fleet else rounds)
    return {
        "bench": look.name,
        "ratio": turns.ratio,
        "ours_ms": turns.ours_ms,
        "bare_ms": turns.bare_ms,
        "commands": sent.commands,
        "trips": sent.trips,
        "bytes": weight,
        **({"bare": "a look at all streams"} if look.fleet else {}),
    }
