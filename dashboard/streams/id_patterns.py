"""How IDs and positions look, as regular expressions of JSON Schema: for descriptions of the API."""

from __future__ import annotations

from dashboard.streams.ids import TOP

U64 = f"[0-9]{{1,19}}|{TOP}"
"""Each of the two numbers of an ID. What lies between is taken too: a pattern of all of it could not be read.

None of these patterns has a group around it.
"""
ENTRY_ID = f"({U64})-({U64})"
"""What `StreamId.parse` takes."""
BOUND = f"({U64})(-({U64}))?"
"""What `StreamId.bound` takes."""

_AGO = "-[0-9]{1,6} ?(ms|s|m|min)|-[0-9]{1,5} ?h|-[0-9]{1,4} ?d|-[0-9]{1,3} ?w"
_CLOCK = "((today|yesterday) )?([01]?[0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?"
_DAY = (
    "(197[1-9]|19[89][0-9]|[2-9][0-9]{3})-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|"
    "(0[13578]|1[02])-31)|(19([79][26]|8[048])|[2-9][0-9](0[48]|[2468][048]|[13579][26]))-02-29"
)
_TIME = "([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{3})?)?(Z|[+-](0[0-9]|1[0-3]):[0-5][0-9])?"
POSITION = f"{BOUND}|{_AGO}|{_CLOCK}|({_DAY})([T ]{_TIME})?"
"""What `parse_position` takes, in the forms that are documented."""


def whole(*patterns: str, empty: bool = False) -> dict[str, str]:
    """The JSON Schema of a string that is one of these; `empty`: or "" for none."""
    return {"type": "string", "pattern": f"^({'|'.join(patterns)}){'?' if empty else ''}$"}
