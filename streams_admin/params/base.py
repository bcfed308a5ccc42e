"""What the parameters of all verbs share: how they are read, and how they are kept. Both happen once, at the edges."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, ValidationError, ValidationInfo, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from streams_admin.errors import BadParameters
from streams_admin.params.sentences import sentence_of

Raw = Mapping[str, object]
"""Parameters as they come in, unchecked."""


class Spelling(Enum):
    """How names are spelt. Bytes are taken as they are in any of them."""

    PATHS = auto()
    """As path names: pages, the database."""
    VALUES = auto()
    """As values of the API: a string, or {"base64"}."""
    AUDIT = auto()
    """As path names, and of payloads only what they weigh."""


class Params(BaseModel):
    """The parameters of a verb, checked: a value from here on.

    One that is null, or empty on a page, was not given; a switch is true or false, and never null.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    one_of: ClassVar[tuple[str, ...]] = ()
    """Parameters of which exactly one is given, as the description of the API says it."""

    @model_validator(mode="before")
    @classmethod
    def _given(cls, raw: Any, info: ValidationInfo) -> Any:
        if not isinstance(raw, Mapping):
            return raw
        empty = (None,) if spelling_of(info.context) is Spelling.VALUES else (None, "")
        return {name: value for name, value in raw.items() if value not in empty or not cls._may_lack(name)}

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """With what `_given` lets pass, and `one_of`."""
        found = handler(core)
        shape = handler.resolve_ref_schema(found)
        for name, field in cls.model_fields.items():
            if not field.is_required() and cls._may_lack(name):
                shape["properties"][field.alias or name] = _or_null(shape["properties"][field.alias or name])
        if cls.one_of:
            given = [{"required": [name], "properties": {name: {"not": {"type": "null"}}}} for name in cls.one_of]
            shape["allOf"] = [{"oneOf": given}]
        return found

    @classmethod
    def _may_lack(cls, name: str) -> bool:
        return name in cls.model_fields and cls.model_fields[name].annotation is not bool


def _or_null(shape: JsonSchemaValue) -> JsonSchemaValue:
    """The same with null beside it."""
    null: JsonSchemaValue = {"type": "null"}
    if null in shape.get("anyOf", ()):
        return shape
    if "anyOf" in shape:
        return {**shape, "anyOf": [*shape["anyOf"], null]}
    beside: JsonSchemaValue = {name: shape[name] for name in ("default", "description", "title") if name in shape}
    return {**beside, "anyOf": [{name: each for name, each in shape.items() if name not in beside}, null]}


Model = TypeVar("Model", bound=Params)


def spelling_of(context: object) -> Spelling:
    return context if isinstance(context, Spelling) else Spelling.PATHS


def parse(model: type[Model], raw: Raw, spelling: Spelling = Spelling.PATHS, *, slug: str = "") -> Model:
    """Raises BadParameters with one sentence that names the parameter, what was found and what is allowed.

    `slug`: of the action, as that sentence names it.
    """
    try:
        return model.model_validate(raw, context=spelling)
    except ValidationError as error:
        raise BadParameters(sentence_of(model, error, slug)) from error


def serialise(params: Params, spelling: Spelling = Spelling.PATHS) -> dict[str, Any]:
    """As `parse` reads them, for the database (PATHS) or an answer (VALUES); AUDIT is for the log alone."""
    return params.model_dump(mode="json", exclude_none=True, by_alias=True, context=spelling)
