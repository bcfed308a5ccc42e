"""What is followed at a time is bounded, for everybody and for each."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.live.admission import subscription_quota
from dashboard.live.admission.subscription_quota import EACH, STREAMS, QuotaExceeded, SubscriptionQuota
from dashboard.live.topics import Topic, entries, fleet, group, operation

VERA, OLGA, ANNA = ("user", "vera"), ("user", "olga"), ("token", "anna")


def stream(n: int, server: str = "default") -> Topic:
    return entries(server, b"%d" % n)


def test_one_takes_no_more_than_a_part_and_all_no_more_than_the_whole() -> None:
    quota = SubscriptionQuota()
    for n in range(EACH):
        quota.acquire(stream(n), VERA)
    with pytest.raises(QuotaExceeded, match=f"You already follow {EACH} streams"):
        quota.acquire(stream(EACH), VERA)
    for n in range(EACH, STREAMS):
        quota.acquire(stream(n), OLGA)
    with pytest.raises(QuotaExceeded, match=f"{STREAMS} streams of this server"):
        quota.acquire(stream(STREAMS), ANNA)
    quota.acquire(stream(7), ANNA)
    quota.acquire(group("default", b"7", b"g"), VERA)
    quota.acquire(stream(STREAMS, "other"), ANNA)
    for topic in (fleet(), operation(7)):
        quota.acquire(topic, VERA)


def test_quota_that_is_released_is_there_again() -> None:
    quota = SubscriptionQuota()
    for _ in range(3):
        for n in range(EACH):
            quota.acquire(stream(n), VERA)
            quota.acquire(stream(n), VERA)
        for n in range(EACH):
            quota.release(stream(n), VERA)
            with pytest.raises(QuotaExceeded):
                quota.acquire(stream(EACH), VERA)
        for n in range(EACH):
            quota.release(stream(n), VERA)
            quota.release(stream(n), VERA)


Step = tuple[bool, int, tuple[str, str]]


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 6), st.sampled_from([VERA, OLGA, ANNA])), max_size=60))
def test_it_counts_what_is_followed(steps: list[Step]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subscription_quota, "STREAMS", 4)
        patch.setattr(subscription_quota, "EACH", 2)
        quota, taken = SubscriptionQuota(), []
        for come, n, who in steps:
            if not come:
                quota.release(stream(n), who)
                if (n, who) in taken:
                    taken.remove((n, who))
                continue
            may = len({*(m for m, _ in taken), n}) <= 4 and len({m for m, w in taken if w == who} | {n}) <= 2
            try:
                quota.acquire(stream(n), who)
                taken.append((n, who))
                assert may
            except QuotaExceeded:
                assert not may
