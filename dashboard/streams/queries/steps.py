"""How much the next command of a read may fetch, judged by what really came.

Redis tells what an entry weighs only by sending it, and whoever writes small entries first and last and huge ones
between them makes any guess wrong. So entries are fetched in steps: a few at first, more as they turn out to be light.
"""

from __future__ import annotations

FIRST = 4
STEP = 16
"""Entries that a read fetches at first, and at most with one command: what it may exceed its budget by."""
PAGE_BYTES = 4 * 2**20
"""What the entries that one page looks at may weigh."""

LOOK_SECONDS = 1.0
"""What looking through the entries of one page may take. It goes on from there when that is asked."""


def step(read: int, weight: int, left: int) -> int:
    """How many of the `left` entries come next, after `read` ones that weighed `weight`; 0 when the budget is spent."""
    if not read:
        return min(FIRST, left)
    room = (PAGE_BYTES - weight) * read // weight if weight else STEP
    return max(0, min(2 * read, STEP, room, left))


def takes_long(seconds: float) -> str:
    """Why a page ends that has been looked through for so long; "" when there is time left."""
    return "The page ends early: the filter takes long here." if seconds >= LOOK_SECONDS else ""


def ended(read: int, weight: int) -> str:
    """Why a page ends before its list and its limit do."""
    if step(read, weight, STEP):
        return "The page ends early: the server is slow."
    return f"The page ends early: {_weighs(weight)}."


def _weighs(weight: int) -> str:
    return f"it is already {weight / 1e6:.1f} MB"


def without_weight(why: str, weight: int) -> str:
    """`why` of `ended`, for who may not know what the entries weigh."""
    return why.replace(_weighs(weight), "its entries are large")
