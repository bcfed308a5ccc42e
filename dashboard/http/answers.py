"""How the description of the API tells of problems: which a route can answer, and what each means."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, Field

MEDIA_TYPE = "application/problem+json"
ALWAYS = (400, 401, 403, 422, 500)
"""What every route can answer: wrong or unknown parameters, nobody signed in, nothing may be seen, our own fault."""
MEANINGS = {
    400: "a parameter or the body cannot be used; `detail` names it, what was found and what is allowed",
    401: "no session, or a token that does not exist, was revoked or has expired",
    403: "the role does not allow it, or a browser sent no CSRF token",
    404: "there is nothing of that name",
    409: "not possible as things stand: no stream, or something changed",
    410: "the plan has expired",
    413: "the body is larger than 1 MiB",
    422: "a query parameter that does not exist here",
    429: "too many attempts or plans; wait, or run what is planned",
    500: "an error on our side, which was logged",
    503: "the Redis server does not answer, or refuses the command",
}


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str = Field(description="always `about:blank`: the status says the kind")
    title: str = Field(description="the kind in a few words")
    status: int = Field(description="the HTTP status")
    detail: str = Field(description="one sentence that may be shown to people")


def can_answer(*statuses: int) -> dict[str, Any]:
    """The `openapi_extra` of a route that can answer with these problems too."""
    return {"responses": described(statuses)}


def described(statuses: Iterable[int]) -> dict[int, Any]:
    """The `responses` of these statuses."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": MEANINGS[status], "content": content} for status in statuses}
