"""Validators that users supply: the last word on whether an answer goes out."""

import inspect
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass
from typing import Protocol

from waypost_client import Contract


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An answer that is about to go out.

    Attributes:
        text: the answer.
        query: what was asked.
        contract: what was decided about the query.
    """

    text: str
    query: str
    contract: Contract


class Validator(Protocol):
    """Looks at a draft, as a plain or an async callable; a plain one must not take long."""

    def __call__(self, draft: Draft) -> str | Awaitable[str | None] | None:
        """Why the draft must not go out, in a sentence; None when it may.

        The sentence goes into attempts and reports: it should not repeat the draft.
        """


async def run_validators(validators: Iterable[Validator], draft: Draft) -> str | None:
    """The first refusal, in the order of the validators; None when all let the draft go.

    A validator that raises, or gives something else than a sentence or None, refuses.
    """
    for validator in validators:
        refusal = await _refusal(validator, draft)
        if refusal is not None:
            return refusal
    return None


async def _refusal(validator: Validator, draft: Draft) -> str | None:
    name = getattr(validator, "__name__", type(validator).__name__)
    try:
        said = validator(draft)
        result: object = await said if inspect.isawaitable(said) else said
    except Exception as error:  # noqa: BLE001 - whatever it raises, the draft was not let go
        return f"The validator {name} failed with {type(error).__name__}."
    if result is None:
        return None
    if not isinstance(result, str):
        return f"The validator {name} gave {type(result).__name__}, not a sentence or None."
    return result or f"The validator {name} refused the answer."
