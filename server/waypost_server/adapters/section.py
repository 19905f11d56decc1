"""Sections of YAML files: what all have in common, and what is said of a wrong one."""

import difflib
from collections.abc import Sequence
from typing import Annotated, Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError
from pydantic_core import ErrorDetails

from waypost_server.adapters.text_file import FileProblems
from waypost_server.adapters.yaml_file import YamlFile

Fraction = Annotated[float, Field(ge=0, le=1)]
Uint32 = Annotated[int, Field(ge=0, lt=2**32)]  # as in the contract
Seconds = Annotated[float, Field(ge=0, le=4_000_000)]  # in milliseconds they fit a Uint32


class Section(BaseModel):
    """A mapping whose keys are known."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


S = TypeVar("S", bound=BaseModel)


def validate(schema: type[S], file: YamlFile) -> S:
    """The file's content; raises FileProblems naming every wrong value."""
    return validate_part(schema, file, file.value, ())


def validate_part(
    schema: type[S], file: YamlFile, value: object, location: Sequence[int | str]
) -> S:
    """What stands at a place of a file; raises FileProblems naming every wrong value."""
    try:
        return schema.model_validate(value)
    except ValidationError as error:
        raise FileProblems(
            file.problem((*location, *e["loc"]), _explain(schema, e)) for e in error.errors()
        ) from None


def fits_float(value: JsonValue) -> bool:
    """Whether all numbers do: the contract's Struct knows no others."""
    if isinstance(value, dict):
        return all(map(fits_float, value.values()))
    if isinstance(value, list):
        return all(map(fits_float, value))
    return not isinstance(value, int) or abs(value) < 10**300


def _explain(schema: type[BaseModel], error: ErrorDetails) -> str:
    """What is wrong with a value, and how to mend it."""
    *parents, key = error["loc"] or ("",)
    name = ".".join(map(str, error["loc"]))
    if error["type"] == "extra_forbidden":
        known = _keys(schema, parents)
        close = difflib.get_close_matches(str(key), known, n=1)
        hint = f"did you mean {close[0]!r}? It may be" if close else "it may be"
        return f"{name} is an unknown key; {hint} one of {', '.join(known)}"
    if error["type"] == "missing":
        return f"{name} is missing; add it"
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    given = error["input"]
    shown = repr(given) if isinstance(given, str | int | float) else f"a {type(given).__name__}"
    if error["type"] == "invalid-json-value":
        return f"{name} is {shown[:80]}, which JSON does not have; put the value in quotes"
    return f"{name} is {shown[:80]}: {error['msg'][:1].lower()}{error['msg'][1:]}"


def _keys(schema: type[BaseModel], location: Sequence[int | str]) -> list[str]:
    """Keys that may stand in the section at `location`."""
    section: Any = schema
    for part in location:
        if get_origin(section) is dict:  # names of entries
            section = get_args(section)[1]
        elif isinstance(part, int):  # positions in a tuple
            section = get_args(section)[0]
        else:
            fields = _section_of(section).model_fields.items()
            section = next(
                field.annotation for name, field in fields if part in (name, field.alias)
            )
    known = _section_of(section).model_fields
    return sorted(field.alias or name for name, field in known.items())


def _section_of(annotation: Any) -> type[BaseModel]:  # noqa: ANN401  (a type or a union of types)
    """The section that an annotation names, alone or beside None."""
    kinds = (annotation, *get_args(annotation))
    return next(kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel))
