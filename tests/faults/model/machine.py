"""The model as hypothesis plays it: one operation, its runners, and everybody else, in any order."""

from __future__ import annotations

from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.faults.model.checks import check
from tests.faults.model.house import House, Place
from tests.faults.model.verbs import VERBS, Verb
from tests.faults.model.wire import Fate

DISTURBANCES = {"group", "stream", "server"}
STEPS = 25
RUNNERS = 3
"""That are at work at the same moment, at most."""
AT = st.integers(0, 11)
"""Which runner, entry or copy: the one at that place among those that there are."""
SKEWS = st.sampled_from([0.0, 0.0, -3600.0, 10.0, 3600.0])
"""Seconds by which a runner's clock is ahead of the database's."""


class Model(RuleBasedStateMachine):
    """`place` is set before a run."""

    place: ClassVar[Place]
    runs: ClassVar[int] = 0
    verbs: ClassVar[tuple[Verb, ...]] = VERBS

    @initialize(
        data=st.data(),
        duty=st.sampled_from([25, 100]),
        scripts=st.sampled_from([True, True, False]),
        kills=st.sampled_from([True, True, False]),
    )
    def begins(self, data: st.DataObject, duty: int, scripts: bool, kills: bool) -> None:
        verb = data.draw(st.sampled_from(self.verbs), label="verb")
        type(self).runs += 1
        self.house = House(verb, self.place, duty=duty, scripts=scripts, kills=kills)

    # Runners -----------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.house.at_work)
    @rule(at=AT, steps=st.integers(1, 12), paused=st.booleans())
    def a_runner_goes_on(self, at: int, steps: int, paused: bool) -> None:
        actor = self.house.at_work[at % len(self.house.at_work)]
        for _ in range(steps):
            if not actor.over:
                self.house.move(actor, paused=paused)

    @precondition(lambda self: self.house.at_work)
    @rule(at=AT, fate=st.sampled_from(["pass", "cut", "lose", "hold"]), writes=st.integers(1, 3))
    def a_runner_writes(self, at: int, fate: Fate, writes: int) -> None:
        """Up to a write, which goes its way."""
        actor = self.house.at_work[at % len(self.house.at_work)]
        for left in range(writes, 0, -1):
            if self.house.to_write(actor):
                self.house.move(actor, "pass" if left > 1 else fate)

    @precondition(lambda self: self.house.at_work)
    @rule(at=AT, before=st.booleans())
    def a_runner_is_killed(self, at: int, before: bool) -> None:
        """Where it stands, or right before its next write."""
        actor = self.house.at_work[at % len(self.house.at_work)]
        if not before or self.house.to_write(actor):
            self.house.kill(actor)

    @precondition(lambda self: self.house.at_work)
    @rule(at=AT, statement=st.integers(1, 6))
    def a_runner_dies_in_a_transaction(self, at: int, statement: int) -> None:
        """Of our database, when it gets to one."""
        self.house.kill_in_a_transaction(self.house.at_work[at % len(self.house.at_work)], statement)

    @precondition(lambda self: self.house.can_be_taken and len(self.house.at_work) < RUNNERS)
    @rule(skew=SKEWS)
    def another_takes_over(self, skew: float) -> None:
        self.house.spawn(skew)

    @precondition(lambda self: self.house.can_be_taken and len(self.house.at_work) < RUNNERS)
    @rule(skew=SKEWS)
    def another_looks_for_work(self, skew: float) -> None:
        self.house.look_for_work(skew)

    @precondition(lambda self: self.house.place.wire.held and self.house.may_deliver)
    @rule()
    def a_late_write_arrives(self) -> None:
        self.house.deliver()

    # Everybody else ----------------------------------------------------------------------------------------------

    @rule(at=AT)
    def a_worker_acknowledges(self, at: int) -> None:
        self.house.worker_acknowledges(at)

    @rule(at=AT)
    def a_worker_claims(self, at: int) -> None:
        self.house.worker_claims(at)

    @rule(at=AT)
    def a_worker_finishes_a_copy(self, at: int) -> None:
        self.house.worker_finishes_copy(at)

    @rule()
    def a_producer_adds(self) -> None:
        self.house.producer_adds()

    @rule(at=AT)
    def a_producer_deletes(self, at: int) -> None:
        self.house.producer_deletes(at)

    # The operator ------------------------------------------------------------------------------------------------

    @rule(what=st.sampled_from(["pause", "resume", "cancel"]))
    def the_operator_requests(self, what: str) -> None:
        self.house.request(what)

    @rule(what=st.sampled_from(["disable_user", "make_read_only"]))
    def it_is_forbidden(self, what: str) -> None:
        getattr(self.house, what)()

    # Servers -----------------------------------------------------------------------------------------------------

    @precondition(lambda self: not self.house.disturbed & DISTURBANCES)
    @rule(
        what=st.sampled_from(["destroyed", "again", "moved", "strings", "string", "away"]),
        position=st.sampled_from(["0", "5-0", "11-0", "$"]),
    )
    def something_is_lost(self, what: str, position: str) -> None:
        house = self.house
        if what == "strings":
            house.targets_are_strings()
        elif what == "string":
            house.stream_is_a_string()
        elif what == "moved":
            house.group_is_moved(position)
        elif what == "away":
            house.server_is_away()
        else:
            house.group_is_destroyed(again=what == "again")

    @precondition(lambda self: not self.house.disturbed & DISTURBANCES)
    @rule()
    def another_server_answers(self) -> None:
        self.house.server_is_another()

    @precondition(lambda self: not self.house.disturbed & DISTURBANCES and self.house.may_recreate)
    @rule()
    def the_stream_is_recreated(self) -> None:
        self.house.stream_is_another()

    @precondition(lambda self: "server" in self.house.disturbed)
    @rule()
    def the_server_is_back(self) -> None:
        self.house.server_is_back()

    def teardown(self) -> None:
        if hasattr(self, "house"):
            try:
                self.house.settle()
                check(self.house)
            finally:
                self.house.end()
