"""A mapping that mostly has one item does what a dict does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dashboard.fleet.rounds.few import Few

NAMES = st.sampled_from([b"a", b"b", b"c", b""])
STEPS = st.lists(st.tuples(st.sampled_from(["set", "pop", "get"]), NAMES, st.integers()))


@given(STEPS)
def test_it_is_a_dict(steps: list[tuple[str, bytes, int]]) -> None:
    few, known = Few[int](), dict[bytes, int]()
    for what, name, value in steps:
        if what == "set":
            few[name] = known[name] = value
        elif what == "pop":
            assert few.pop(name, None) == known.pop(name, None)
        assert few.get(name) == known.get(name)
        assert (name in few) == (name in known)
        assert list(few.items()) == list(known.items())
        assert len(few) == len(known)
