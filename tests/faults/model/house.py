"""One operation on a real server, its runners, all that may happen to them, and what must be true at the end."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from unittest.mock import patch

import redis
from django.contrib.auth.models import User
from django.test import Client

from dashboard.streams import links
from dashboard.streams.links import ServerConfig, deadlines
from streams_admin import writes
from streams_admin.actions.entries import base as entries
from streams_admin.actions.entries import replay
from streams_admin.actions.pending.dead_letter import DeadLetter
from streams_admin.models import AuditEntry, Operation, Plan
from streams_admin.operations import loop, pacing, pieces, results, rights, start, state
from streams_admin.operations.outcomes import outcome_of
from tests.faults.model.actors import Actor, staged
from tests.faults.model.ledger import COPY, DLQ, GROUP, KEY, SPARE, THIEF, WORKER, Ledger, look, raw
from tests.faults.model.verbs import ENTRIES, PENDING, Verb
from tests.faults.model.wire import Fate, Wire
from tests.streams_admin.acting import ADMIN, planned
from tests.streams_admin.dying import orphan

Picked = TypeVar("Picked")
IDLE_MS = 600_000
BATCH, STEP = 4, 2
HIDDEN_BY_WORKERS = {"group_destroy"}
"""A group of that name may be a new one; what it has pending tells, until its workers have acknowledged of that."""
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

    def __init__(self, verb: Verb, place: Place, *, duty: int = 25, scripts: bool = True) -> None:
        self.verb, self.place, self.truth, self.wire = verb, place, place.truth, place.wire
        self.actors: list[Actor] = []
        self.story: list[str] = []
        self.disturbed: set[str] = set()
        self.touched: set[str] = set()
        self.forbidden = False
        self.ledger = Ledger(place.truth, place.other)
        self._clear()
        url = place.wire.url if scripts else place.wire.url.replace("//", "//plain:secret@")
        links.configure([ServerConfig("default", place.wire.url, admin_url=url)])
        self.plan: Plan = planned(verb.slug, verb.params, key=KEY)
        self.begin(duty)

    def _clear(self) -> None:
        for model in (Operation, AuditEntry, Plan):
            model.objects.all()._raw_delete("default")
        User.objects.filter(username=ADMIN.principal.name).update(is_active=True)
        for client in (self.truth, self.place.other):
            client.flushall()
            seed(client, self.verb)
            raw(client, "ACL", "SETUSER", "plain", "on", ">secret", "~*", "&*", "+@all", "-@scripting")

    # Runners -----------------------------------------------------------------------------------------------------

    def begin(self, duty: int) -> None:
        def work() -> None:
            start.begin(ADMIN, self.plan, confirm=self.plan.preview["confirm"], duty=duty)

        self._enter(Actor("site", self.wire, work))

    def spawn(self) -> None:
        """A runner of another process: the one before was not seen for a while."""
        orphan()
        self.disturbed |= {"lost"} if self.at_work else set()

        def work() -> None:
            while start.work_once(0.0):
                pass

        self._enter(Actor(f"runner-{len(self.actors)}", self.wire, work, forbidden=self.forbidden))

    def _enter(self, actor: Actor) -> None:
        self.actors.append(actor)
        self.move(actor)

    def move(self, actor: Actor, fate: Fate = "pass", *, paused: bool = False) -> None:
        where = actor.at
        self.disturbed |= {"lost"} if fate != "pass" else set()
        self.story.append(f"{actor.name} {fate} {where}{' after a pause' if paused else ''}")
        done = self.ledger.total
        with self.ledger.watched() if where and where.kind == "write" else nullcontext():
            actor.move(fate, paused=paused)
        assert not actor.forbidden or self.ledger.total == done, f"it was forbidden before: {self.story}"

    def kill(self, actor: Actor) -> None:
        self.story.append(f"{actor.name} is killed at {actor.at}")
        self.disturbed.add("lost")
        actor.kill()

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
        with self.ledger.watched():
            arrived = held.deliver()
        self.story.append("a late write arrives" if arrived else "a late write finds its connection closed")

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
        if id_ := _pick(sorted(look(self.truth).source), at):
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

    def group_is_set_back(self) -> None:
        """And its worker reads on from there."""
        if GROUP in look(self.truth).groups:
            self._disturb("group", "the group is set back, and its worker reads")
            self.truth.xgroup_setid(KEY, GROUP, "0")
            self.truth.xreadgroup(GROUP, WORKER, {KEY: ">"}, count=ENTRIES)

    def targets_are_strings(self) -> None:
        self._disturb("copies", "the targets are strings now")
        for key in (COPY, DLQ):
            self.truth.set(key, "text")

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

    def check(self) -> None:
        """What is there, and what is said of it, are the same."""
        assert [a.error for a in self.actors if a.error and not self._refused(a)] == [], self.story
        operation = self.operation
        if operation is None:
            assert not self.ledger.done[0], self.story
            return
        said = self._said(operation)
        try:
            self._check_each(said) if self.verb.named else self._check_counts(operation)
            self._check_said(operation, said)
            assert not self.ledger.done[1], "another server was changed"
        except AssertionError as error:
            error.add_note("\n".join([*self.story, f"{operation.state} {operation.results} {operation.error}"]))
            error.add_note(f"{said}\n{dict(self.ledger.done[0])}")
            raise

    def _refused(self, actor: Actor) -> bool:
        """Who begins may be refused: nothing was done."""
        return actor.name == "site" and self.operation is None

    def _said(self, operation: Operation) -> dict[str, str]:
        """The number of each entry and its result."""
        return {str(id_).split("-")[0]: result for id_, result in operation.entries}

    def _check_each(self, said: dict[str, str]) -> None:
        for number in self.verb.about:
            count, result = self.ledger.count(self.verb.effect, number), said.get(number, "")
            count -= self.ledger.count("uncopied", number)
            assert count <= 1, f"{number} was done twice"
            if not self.verb.mine and number in self.touched and "lost" in self.disturbed and result != "failed":
                continue  # the result says how it was found
            if result == "done":
                assert count == 1, f"{number} was not done, and counts as done"
            elif result == "unknown":
                assert self._may_be_unknown(), f"{number} could be known: done {count} times"
            else:
                assert count == 0, f"{number} was done, and counts as {result or 'not looked at'}"
            for also in self.verb.also:
                assert self.ledger.count(also, number) == count, f"{number} was {also} apart from its copy"
        strange = {e for e in self.ledger.done[0] if e[0] == self.verb.effect and e[1] not in self.verb.about}
        assert not strange, f"what was not planned was done: {strange}"

    def _check_counts(self, operation: Operation) -> None:
        """Of an action whose results name no entries."""
        done, said = self.ledger.of(self.verb.effect), Counter(operation.results)
        assert set(done.values()) <= {1}, f"done twice: {done}"
        assert set(done) <= set(self.verb.about), f"what was not planned was done: {done}"
        if said["unknown"]:
            assert self._may_be_unknown(), "it could be known"
        elif self.verb.mine or not (self.touched and "lost" in self.disturbed):
            assert done.total() == said["done"], f"{done.total()} were done"

    def _may_be_unknown(self) -> bool:
        """Whether nobody could know: where what would tell is gone, or where others do the same."""
        if {"copies", "stream", "group", "server"} & self.disturbed:
            return True
        if self.verb.slug in HIDDEN_BY_WORKERS:
            return bool(self.touched)
        return self.verb.slug == "trim" and "entries-added" not in self.truth.xinfo_stream(KEY)

    def _check_said(self, operation: Operation, said: dict[str, str]) -> None:
        if self.verb.named:
            assert Counter(said.values()) == Counter(operation.results), "the counts are not those of the entries"
        assert operation.done == sum(operation.results.values())
        first, *_, last = AuditEntry.objects.order_by("pk")
        assert (first.outcome, last.outcome, last.counts) == ("started", outcome_of(operation).word, operation.results)
        *lines, end = map(json.loads, b"".join(results.read(operation)).splitlines())
        assert end["named"] == len(lines)
        assert {line["id"]: line["result"] for line in lines}.items() <= dict(operation.entries).items()
        by_api = self.place.admin.get(f"/api/v1/operations/{operation.pk}").json()
        word = outcome_of(operation).word
        assert (by_api["state"], by_api["outcome"], by_api["done"]) == (operation.state, word, operation.done)
        assert Counter(by_api["results"]) == Counter(operation.results), "the API counts otherwise"
        page = self.place.admin.get(f"/operations/{operation.pk}/").content.decode()
        assert outcome_of(operation).text in page, "the page says something else"


def _pick(found: Sequence[Picked], at: int) -> Picked | None:
    return found[at % len(found)] if found else None
