"""The body of `POST /plans`: one shape for each action in the description of the API, and a loose one that is read.

Parameters are parsed by the gate alone, which writes down who tried what; here they are only described, by the models
that the gate parses them with.
"""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Annotated, Any, Literal

from ninja import Body
from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    GetJsonSchemaHandler,
    TypeAdapter,
    WithJsonSchema,
    create_model,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from streams_admin.actions.base import AnyAction
from streams_admin.actions.registry import ALL
from streams_admin.params.base import Params
from streams_admin.params.kinds import NAME


class PlanRequest(BaseModel):
    """What to plan. Names are values: a string, or {"base64": "..."}."""

    model_config = ConfigDict(extra="forbid")

    server: str = Field(max_length=64, description="the server's name in the configuration")
    stream: Annotated[Any, WithJsonSchema({**NAME, "description": "the key of the stream"})]
    action: str = Field(max_length=32, description="the action")
    params: dict[str, Any] = Field({}, description="the parameters of the action")


def _variant(action: AnyAction) -> type[PlanRequest]:
    """A request for that action, as it is described."""
    model: type[Params] = action.model
    slug: Any = Literal[action.slug]
    needed = model.one_of or any(each.is_required() for each in model.model_fields.values())
    optional: dict[str, Any] = {} if needed else {"default_factory": dict}
    return create_model(
        f"{''.join(word.capitalize() for word in action.slug.split('_'))}PlanRequest",
        __base__=PlanRequest,
        __doc__=model.__doc__,
        action=(slug, Field(description="the action")),
        params=(model, Field(**optional, description="the parameters of the action")),
    )


_VARIANTS: Any = reduce(or_, map(_variant, ALL.values()))


class _OneForEachAction:
    """In the description of the API, a PlanRequest is one of the variants, told apart by `action`."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(TypeAdapter(Annotated[_VARIANTS, Discriminator("action")]).core_schema)


PlanBody = Body[Annotated[PlanRequest, _OneForEachAction()]]
