"""One operation on a real server, its runners, and all that may happen to them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from unittest.mock import patch

import redis
from django.contrib.auth.models import User
from django.db.models.functions import Now
from django.test import Client

from dashboard.streams import links
from dashboard.streams.links import ServerConfig, deadlines
from streams_admin import writes
from streams_admin.actions.entries import base as entries
from streams_admin.actions.entries import replay
from streams_admin.actions.pending.dead_letter import DeadLetter
from streams_admin.models import AuditEntry, Operation, Plan
from streams_admin.operations import loop, pacing, pieces, rights, start, state
from tests.faults.model.actors import Actor, staged
from tests.faults.model.ledger import COPY, DLQ, GROUP, KEY, SPARE, THIEF, WORKER, Ledger, look, raw
from tests.faults.model.verbs import ENTRIES, PENDING, Verb
from tests.faults.model.wire import Fate, Wire
from tests.streams_admin.acting import ADMIN, planned
from tests.streams_admin.dying import orphan

Picked = TypeVar("Picked")
IDLE_MS = 600_000
BATCH, STEP = 4, 2
NO_SCRIPTS, NO_KILL = ("-@scripting",), ("-client", "+client|setname", "+client|id")
USERS: dict[str, tuple[str, ...]] = {
    "root": (),
    "no-scripts": NO_SCRIPTS,
    "no-kill": NO_KILL,
    "no-scripts-no-kill": NO_SCRIPTS + NO_KILL,
}
"""Of the server: what each may not do."""
ENDS_WITHIN = 2_000
"""Stops that a runner makes at most."""


@contextmanager
def small() -> Iterator[None]:
    """Batches of four entries and steps of two: twelve entries are as many batches as ten thousand are."""
    changes: list[tuple[Any, str, Any]] = [
        *((module, "BATCH", BATCH) for module in (loop, pieces, start, pacing, entries)),
        *((module, "GENTLE", 3) for module in (loop, pieces)),
        (pacing, "FIRST", 3),
        (pacing, "LEAST", 1),
        (pacing, "PIECE", 1e9),
        (state, "LONGEST_REST", 0.0),
        (pieces, "LOOK_AFTER", (0.0, 0.0)),
        (pieces, "BACKOFF", (0.0, 0.0)),
        (rights, "ASK_EVERY", 0.0),
        (deadlines, "COOLDOWN", 0.0),
        (writes.copies, "SCRIPTED_AT_ONCE", STEP),
        (DeadLetter, "at_once", STEP),
        (replay, "STEP", STEP),
    ]
    with staged():
        patches = [patch.object(*change) for change in changes]
        for each in patches:
            each.start()
        try:
            yield
        finally:
            for each in patches:
                each.stop()


def seed(client: redis.Redis, verb: Verb, *, mark: str = "") -> None:
    """Twelve entries; WORKER was given ten of them, ten minutes ago. `mark`: of what they carry."""
    for number in range(1, ENTRIES + 1):
        client.xadd(KEY, {"n": f"{mark}{number}"}, id=f"{number}-0")
    client.xgroup_create(KEY, GROUP, "0")
    client.xreadgroup(GROUP, WORKER, {KEY: ">"}, count=PENDING)
    client.xgroup_createconsumer(KEY, GROUP, SPARE)
    ids = [f"{number}-0" for number in range(1, PENDING + 1)]
    raw(client, "XCLAIM", KEY, GROUP, WORKER, 0, *ids, "IDLE", IDLE_MS, "RETRYCOUNT", 1)
    if verb.acknowledged:
        client.xack(KEY, GROUP, *ids[: verb.acknowledged])
    if verb.gone:
        client.xdel(KEY, *ids[: verb.gone])


@dataclass(frozen=True)
class Place:
    """`truth`: a plain client of the server; `wire`: the way of the product to it. `other`: another server.

    `admin`: the browser of somebody who may see everything.
    """

    truth: redis.Redis
    other: redis.Redis
    other_url: str
    wire: Wire
    admin: Client


class House:
    """One operation on a stream of its own, from its plan on."""

    def __init__(self, verb: Verb, place: Place, *, duty: int = 25, scripts: bool = True, kills: bool = True) -> None:
        self.verb, self.place, self.truth, self.wire = verb, place, place.truth, place.wire
        self.actors: list[Actor] = []
        self.story: list[str] = []
        self.disturbed: set[str] = set()
        self.touched: set[str] = set()
        self.forbidden, self.scripts, self.kills = False, scripts, kills
        self.ledger = Ledger(place.truth, place.other)
        self._clear()
        user = place.wire.url.replace("//", f"//{_user(scripts, kills)}:secret@")
        links.configure([ServerConfig("default", place.wire.url, admin_url=user)])
        self.plan: Plan = planned(verb.slug, verb.params, key=KEY)
        self.begin(duty)

    def _clear(self) -> None:
        for model in (Operation, AuditEntry, Plan):
            model.objects.all()._raw_delete("default")
        User.objects.filter(username=ADMIN.principal.name).update(is_active=True)
        for client in (self.truth, self.place.other):
            client.flushall()
            seed(client, self.verb)
            for user, rules in USERS.items():
                raw(client, "ACL", "SETUSER", user, "reset", "on", ">secret", "~*", "&*", "+@all", *rules)

    # Runners -----------------------------------------------------------------------------------------------------

    def begin(self, duty: int) -> None:
        def work() -> None:
            start.begin(ADMIN, self.plan, confirm=self.plan.preview["confirm"], duty=duty)

        self._enter(Actor("site", self.wire, work))

    def spawn(self, skew: float = 0.0) -> None:
        """A runner of another process: the one before was not seen for a while. `skew`: of its clock."""
        orphan()
        self.disturbed |= {"lost"} if self.at_work else set()
        self._another(skew)

    def look_for_work(self, skew: float) -> None:
        """As `spawn`, of a runner that is still seen: whatever the time is elsewhere, nobody takes what it runs."""
        before = self.operation
        Operation.objects.filter(state="running").update(heartbeat_at=Now())
        self._another(skew)
        if before and before.state == "running":
            now = Operation.objects.get(pk=before.pk)
            assert now.lease == before.lease, f"taken from who lives: {self.story}"

    def _another(self, skew: float) -> None:
        def work() -> None:
            while start.work_once(0.0):
                pass

        name = f"runner-{len(self.actors)}"
        self._enter(Actor(name, self.wire, work, forbidden=self.forbidden, skew=skew))

    def _enter(self, actor: Actor) -> None:
        self.actors.append(actor)
        self.move(actor)

    def move(self, actor: Actor, fate: Fate = "pass", *, paused: bool = False) -> None:
        where = actor.at
        self.disturbed |= {"lost"} if fate != "pass" else set()
        self.story.append(f"{actor.name} {fate} {where}{' after a pause' if paused else ''}")
        done = self.ledger.total
        with self._watched() if where and where.kind == "write" else nullcontext():
            actor.move(fate, paused=paused)
        assert not actor.forbidden or self.ledger.total == done, f"it was forbidden before: {self.story}"

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """What is done to the servers within goes into the ledger."""
        needed = self._needed() if self.verb.safe and self.scripts else set()
        with self.ledger.watched():
            yield
        assert not needed - set(look(self.truth).source), f"a group still needed it: {self.story}"

    def _needed(self) -> set[bytes]:
        """Entries that the group has pending, or has not read."""
        now = look(self.truth)
        unread = {id_ for id_ in now.source if GROUP in now.groups and _parsed(id_) > _parsed(now.groups[GROUP])}
        return unread | (set(now.pending) & set(now.source))

    def kill(self, actor: Actor) -> None:
        self.story.append(f"{actor.name} is killed at {actor.at}")
        self.disturbed.add("lost")
        actor.kill()

    def kill_in_a_transaction(self, actor: Actor, statement: int) -> None:
        """Of our database: at its n-th statement within one, if it gets that far."""
        self.story.append(f"{actor.name} dies at statement {statement} of its transactions")
        self.disturbed.add("lost")
        actor.dies_in = statement
        self.to_end(actor)

    def to_write(self, actor: Actor) -> bool:
        """Up to its next write; False when it ends before."""
        for _ in range(ENDS_WITHIN):
            if actor.over:
                return False
            if actor.at and actor.at.kind == "write":
                return True
            self.move(actor)
        raise AssertionError(f"{actor.name} does not end")

    def to_end(self, actor: Actor) -> None:
        for _ in range(ENDS_WITHIN):
            if actor.over:
                return
            self.move(actor)
        raise AssertionError(f"{actor.name} does not end: {self.story[-20:]}")

    @property
    def at_work(self) -> list[Actor]:
        return [actor for actor in self.actors if not actor.over]

    def deliver(self) -> None:
        """What was held arrives."""
        held = self.wire.held.pop(0)
        with self._watched():
            arrived = held.deliver()
        self.story.append("a late write arrives" if arrived else "a late write finds its connection closed")

    @property
    def may_recreate(self) -> bool:
        """While nobody works: who has just looked may do the batch that he has read. So may what he has sent, where
        nobody can end its connection."""
        return not self.at_work and (self.kills or not self.wire.held)

    @property
    def may_deliver(self) -> bool:
        """Of a stream that is another one only what is left when the operation is over: nobody has looked before."""
        return "stream" not in self.disturbed or self.operation is None or self.operation.over

    @property
    def can_be_taken(self) -> bool:
        operation = self.operation
        return operation is not None and operation.state in Operation.GOING

    # Everybody else ----------------------------------------------------------------------------------------------

    def worker_acknowledges(self, at: int) -> None:
        """A pending entry, whoever holds it."""
        if id_ := _pick(sorted(look(self.truth).pending), at):
            self._touch(id_, "acknowledged by a worker")
            self.truth.xack(KEY, GROUP, id_)

    def worker_claims(self, at: int) -> None:
        if id_ := _pick(sorted(look(self.truth).pending), at):
            self._touch(id_, "claimed by a worker")
            self.truth.xclaim(KEY, GROUP, THIEF, 0, [id_])

    def worker_finishes_copy(self, at: int) -> None:
        """As workers do that keep their stream short: XACK and XDEL."""
        if copy := _pick(sorted(look(self.truth).copies), at):
            self.disturbed.add("copies")
            self.story.append(f"a worker has processed the copy {copy} and deletes it")
            self.truth.xdel(*copy)

    def producer_adds(self) -> None:
        """To the stream and to the targets."""
        self.story.append("a producer adds entries")
        for key in (KEY, COPY, DLQ):
            if self.truth.type(key) != b"string":
                self.truth.xadd(key, {"n": "new"})

    def producer_deletes(self, at: int) -> None:
        """By its first entry one can tell that a stream is another one of the same IDs."""
        kept = 1 if "stream" in self.disturbed else 0
        if id_ := _pick(sorted(look(self.truth).source)[kept:], at):
            self._touch(id_, "deleted by its producer")
            self.truth.xdel(KEY, id_)

    # The operator ------------------------------------------------------------------------------------------------

    def request(self, what: str) -> None:
        """To "pause", "resume" or "cancel"."""
        self.story.append(f"the operator: {what}")
        if self.operation:
            self.forbidden |= what == "cancel"
            start.request_state(self.operation, what)

    def disable_user(self) -> None:
        self.story.append("the user is disabled")
        self.forbidden = True
        User.objects.filter(username=ADMIN.principal.name).update(is_active=False)

    def make_read_only(self) -> None:
        self.story.append("the server is configured as read-only")
        self.forbidden = True
        links.configure([replace(links.get("default").config, read_only=True)])

    # Servers -----------------------------------------------------------------------------------------------------

    def group_is_destroyed(self, *, again: bool) -> None:
        """`again`: and created anew at once, where it was."""
        at = look(self.truth).groups.get(GROUP)
        if at is not None:
            self._disturb("group", f"the group is destroyed{' and created again' if again else ''}")
            self.truth.xgroup_destroy(KEY, GROUP)
            if again:
                self.truth.xgroup_create(KEY, GROUP, at)

    def group_is_moved(self, position: str) -> None:
        """And its worker reads on from there."""
        if GROUP in look(self.truth).groups:
            self._disturb("group", f"the group is moved to {position}, and its worker reads")
            self.truth.xgroup_setid(KEY, GROUP, position)
            self.truth.xreadgroup(GROUP, WORKER, {KEY: ">"}, count=ENTRIES)

    def targets_are_strings(self) -> None:
        self._disturb("copies", "the targets are strings now")
        for key in (COPY, DLQ):
            self.truth.set(key, "text")

    def stream_is_a_string(self) -> None:
        self._disturb("stream", "the stream is a string now")
        self.truth.delete(KEY)
        self.truth.set(KEY, "text")

    def stream_is_another(self) -> None:
        """FLUSHALL, and other entries with the same IDs."""
        self._disturb("stream", "the server is emptied and filled anew")
        self.truth.flushall()
        seed(self.truth, self.verb, mark="other-")

    def server_is_another(self) -> None:
        self._disturb("server", "another server answers")
        self.wire.switch(self.place.other_url)

    def server_is_away(self) -> None:
        self._disturb("server", "the server is away")
        self.wire.switch(None)

    def server_is_back(self) -> None:
        if self.wire.elsewhere:
            self.story.append("the server is back")
            self.wire.switch(self.wire.first)

    def _disturb(self, what: str, how: str) -> None:
        self.disturbed.add(what)
        self.touched |= set(self.verb.about)
        self.story.append(how)

    def _touch(self, id_: bytes, how: str) -> None:
        self.touched.add(id_.split(b"-")[0].decode())
        self.story.append(f"{id_.decode()} is {how}")

    # The end -----------------------------------------------------------------------------------------------------

    @property
    def operation(self) -> Operation | None:
        return Operation.objects.filter(plan=self.plan).first()

    def settle(self, *, back: bool = True) -> None:
        """Everybody goes on until the operation is over, and what was held arrives. `back`: a server comes back."""
        if back:
            self.server_is_back()
        for actor in self.at_work:
            self.to_end(actor)
        for _ in range(20):
            operation = self.operation
            if operation is None or operation.over:
                break
            if operation.state == "paused":
                start.request_state(operation, "resume")
            self.spawn()
            self.to_end(self.actors[-1])
        else:
            raise AssertionError(f"it does not end: {self.story}")
        while self.wire.held:
            self.deliver()

    def end(self) -> None:
        """Leave nobody behind."""
        for actor in self.at_work:
            actor.kill()
        links.get("default").close()
        self.wire.reset()


def _user(scripts: bool, kills: bool) -> str:
    denied = [*([] if scripts else ["no-scripts"]), *([] if kills else ["no-kill"])]
    return "-".join(denied) or "root"


def _parsed(id_: bytes) -> tuple[int, ...]:
    return tuple(map(int, id_.split(b"-")))


def _pick(found: Sequence[Picked], at: int) -> Picked | None:
    return found[at % len(found)] if found else None
