"""Every key of a file's schema, as a reference for people lists them."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from waypost_server.core.clues import FlagKind

KINDS = {kind.lower() for kind in FlagKind}
UNBOUNDED = 2**31
"""Bounds from here on are those of a wire type, and no reader wants to know them."""
BOUNDS = {"ge": max, "gt": max, "le": min, "lt": min, "min_length": max, "max_length": min}


@dataclass(frozen=True)
class Key:
    """A key, and what its schema says of it."""

    name: str
    default: str
    words: frozenset[str]
    """Values of its enum, and bounds of its range, as a page writes them."""


def keys_of(
    schema: type[BaseModel], prefix: str = "", above: tuple[type, ...] = ()
) -> Iterator[Key]:
    """Keys by dotted path: NAME for an entry's name, `[]` for a position, KIND for the guard's."""
    for plain, field in schema.model_fields.items():
        is_kind = prefix == "guard." and plain in KINDS
        name = f"{prefix}{'KIND' if is_kind else field.alias or plain}"
        yield Key(name, default_of(field), frozenset(words_of(field)))
        if name == "guard.tenants":
            continue  # kinds and actions again
        for step, section in sections_in(field.annotation):
            if section not in (*above, schema):
                yield from keys_of(section, f"{name}{step}.", (*above, schema))


def default_of(field: FieldInfo) -> str:
    """The default as a page writes it."""
    if field.is_required():
        return "*required*"
    value = field.get_default(call_default_factory=True)
    if value is None or isinstance(value, BaseModel):
        return "none" if value is None else "all defaults"
    return "empty" if value == "" else f"`{plainly(value)}`"


def plainly(value: object) -> str:
    """A plain value, a list of such or an empty mapping, as YAML has it."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(plainly, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def words_of(field: FieldInfo) -> Iterator[str]:
    """What a row must say of the values that a key may have."""
    for value in values_in(field.annotation):
        yield f"`{value}`"
    parts = list(metadata_of(field))
    for bound, tightest in BOUNDS.items():
        limits = [limit for part in parts if (limit := getattr(part, bound, None)) is not None]
        if limits and abs(tightest(limits)) < UNBOUNDED:
            yield f"{tightest(limits):,.12g}"


def metadata_of(field: FieldInfo) -> Iterator[Any]:
    """The constraints of a field and of its annotation's parts; of a mapping's values none."""
    yield from field.metadata
    pending = [field.annotation]
    while pending:
        annotation = pending.pop()
        if get_origin(annotation) is not dict:
            pending += [part for part in get_args(annotation) if not isinstance(part, str)]
        for part in getattr(annotation, "__metadata__", ()):
            yield from getattr(part, "metadata", (part,))


def values_in(annotation: Any) -> Iterator[str]:  # noqa: ANN401  (a type, or a form of typing)
    """The members of enums and literals in an annotation; none of a section's."""
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        yield from (str(member.value) for member in annotation)
    elif get_origin(annotation) is Literal:
        yield from get_args(annotation)
    else:
        for part in get_args(annotation):
            yield from values_in(part)


def sections_in(annotation: Any) -> Iterator[tuple[str, type[BaseModel]]]:  # noqa: ANN401
    """Sections in an annotation, and how a path leads to each."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield "", annotation
        return
    step = {dict: ".NAME", tuple: "[]"}.get(get_origin(annotation), "")
    for part in get_args(annotation):
        for more, section in sections_in(part):
            yield step + more, section
