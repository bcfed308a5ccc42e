"""Workers and people on the same entries, in every order hypothesis can think of.

No action changes an entry whose state differs from what its plan showed, but for one thing that `retried` allows; and
no entry is lost: what was added is in the stream, in the dead-letter stream, or was deleted by a worker or by a plan
that was run.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from dashboard.streams.links import Server
from dashboard.streams.names import to_path
from streams_admin.errors import ActionError
from streams_admin.models import Operation, Plan
from streams_admin.operations import start
from tests.streams_admin.acting import ADMIN, planned

EXAMPLES = int(os.environ.get("RACING_EXAMPLES", "150"))
STEPS = 100
KEY, DLQ, GROUP = b"racing", b"racing:dlq", b"g"
WORKERS = (b"ann", b"bob", b"cy")
TARGET = b"target"

State = dict[bytes, tuple[bytes, int]]
"""Pending entries: ID, and (consumer, deliveries)."""


@dataclass
class Drawn:
    """A plan, and the pending list as it was when the plan was made."""

    plan: Plan
    shown: State


class Racing(RuleBasedStateMachine):
    """`client` is set before a run."""

    client: redis.Redis
    steps = 0

    def __init__(self) -> None:
        super().__init__()
        self.client.delete(KEY, DLQ)
        self.client.xgroup_create(KEY, GROUP, "0", mkstream=True)
        for worker in (*WORKERS, TARGET):
            self.client.xgroup_createconsumer(KEY, GROUP, worker)
        self.added: set[bytes] = set()
        self.deleted: set[bytes] = set()
        self.drawn: list[Drawn] = []

    # what the workers do ------------------------------------------------------------------------------------------

    @rule(count=st.integers(1, 4))
    def somebody_adds(self, count: int) -> None:
        self.added |= {self.client.xadd(KEY, {"n": n}) for n in range(count)}

    @rule(worker=st.sampled_from(WORKERS), count=st.integers(1, 4))
    def a_worker_reads(self, worker: bytes, count: int) -> None:
        self.client.xreadgroup(GROUP, worker, {KEY: ">"}, count=count)

    @rule(data=st.data())
    def a_worker_finishes(self, data: st.DataObject) -> None:
        for id_ in self._some(data):
            self.client.xack(KEY, GROUP, id_)

    @rule(data=st.data(), worker=st.sampled_from(WORKERS))
    def a_worker_takes_over(self, data: st.DataObject, worker: bytes) -> None:
        for id_ in self._some(data):
            self.client.xclaim(KEY, GROUP, worker, 0, [id_])

    @rule(data=st.data())
    def a_worker_deletes(self, data: st.DataObject) -> None:
        for id_ in self._some(data):
            self.deleted |= {id_} if self.client.xdel(KEY, id_) else set()

    # what people do -----------------------------------------------------------------------------------------------

    @precondition(lambda self: self.pending())
    @rule(data=st.data(), slug=st.sampled_from(("ack", "claim", "release", "dead_letter", "ghosts")))
    def somebody_plans(self, data: st.DataObject, slug: str) -> None:
        params: dict[str, Any] = {"group": to_path(GROUP), **self._which(data, slug)}
        if slug == "claim":
            params["to"] = to_path(TARGET)
        if slug == "dead_letter":
            params["delete"] = data.draw(st.booleans())
        if slug in ("ack", "dead_letter") and data.draw(st.booleans()):
            params["retried"] = True
        try:
            plan = planned(slug, params, key=KEY)
        except ActionError:
            return
        self.drawn.append(Drawn(plan, self.pending()))

    @precondition(lambda self: self.drawn)
    @rule(data=st.data())
    def somebody_runs(self, data: st.DataObject) -> None:
        drawn = self.drawn.pop(data.draw(st.integers(0, len(self.drawn) - 1)))
        before, moved, lengths = self.pending(), self.copies(), self.lives()
        try:
            operation = start.begin(ADMIN, drawn.plan, confirm=drawn.plan.preview["confirm"])
        except ActionError:
            assert (self.pending(), self.copies(), self.lives()) == (before, moved, lengths)
            return
        self._judge(drawn, operation, before)
        self.deleted |= lengths - self.lives() if drawn.plan.action == "dead_letter" else set()

    # what must hold -----------------------------------------------------------------------------------------------

    def _judge(self, drawn: Drawn, operation: Operation, before: State) -> None:
        assert operation.state == "done", operation.error
        after = self.pending()
        results = {id_.encode(): result for id_, result in operation.entries}
        for id_ in before.keys() | after.keys():
            if before.get(id_) != after.get(id_):
                assert results.get(id_) in ("done", "body_gone"), (drawn.plan.action, id_, results.get(id_))
                assert self._may_change(drawn, id_, before), "changed an entry that was not as the plan showed it"
        for id_, result in results.items():
            if result == "done":
                self._was_done(drawn, id_, after)

    def _may_change(self, drawn: Drawn, id_: bytes, before: State) -> bool:
        """`retried` allows one thing: that it was delivered again since, to whomever."""
        now, shown = before.get(id_), drawn.shown.get(id_)
        if now and shown and drawn.plan.params.get("retried"):
            return now[1] >= shown[1]
        return now == shown

    def _was_done(self, drawn: Drawn, id_: bytes, after: State) -> None:
        action = drawn.plan.action
        if action in ("ack", "dead_letter", "ghosts"):
            assert id_ not in after
        elif action == "claim":
            assert after[id_][0] == TARGET
        if action == "dead_letter":
            assert id_ in self.copies()

    @invariant()
    def nothing_is_lost(self) -> None:
        Racing.steps += 1
        lost = self.added - self.lives() - self.deleted
        assert not lost

    @invariant()
    def nothing_is_there_twice(self) -> None:
        copies = [fields[b"origin_id"] for _, fields in self.client.xrange(DLQ)]
        assert len(copies) == len(set(copies))

    # looking ------------------------------------------------------------------------------------------------------

    def pending(self) -> State:
        rows = self.client.xpending_range(KEY, GROUP, "-", "+", 1000)
        return {r["message_id"]: (r["consumer"], r["times_delivered"]) for r in rows}

    def lives(self) -> set[bytes]:
        return {id_ for id_, _ in self.client.xrange(KEY)}

    def copies(self) -> set[bytes]:
        return {fields[b"origin_id"] for _, fields in self.client.xrange(DLQ)}

    def _some(self, data: st.DataObject) -> list[bytes]:
        held = sorted(self.pending())
        return data.draw(st.lists(st.sampled_from(held), max_size=2, unique=True)) if held else []

    def _which(self, data: st.DataObject, slug: str) -> dict[str, Any]:
        if slug != "ghosts" and data.draw(st.booleans()):
            held = [id_.decode() for id_ in sorted(self.pending())]
            return {"ids": data.draw(st.lists(st.sampled_from(held), min_size=1, max_size=5, unique=True))}
        consumer = data.draw(st.sampled_from((None, *WORKERS)))
        return {"filter": {"consumer": to_path(consumer)} if consumer else {}}


@pytest.mark.usefixtures("db")
def test_no_order_of_events_changes_or_loses_what_it_should_not(server: Server, redis_client: redis.Redis) -> None:
    """EXAMPLES times STEPS: 10,000 steps here, more by RACING_EXAMPLES."""
    Racing.client = redis_client
    run_state_machine_as_test(
        Racing,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
            derandomize=not os.environ.get("RACING_EXAMPLES"),
        ),
    )
    assert Racing.steps >= min(10_000, EXAMPLES * STEPS // 2)
