"""What taxonomy.yaml and route.yaml may say of conversations."""

from typing import Annotated

from pydantic import BeforeValidator

MOST = 100.0
"""At 100 times the fitted odds next to nothing leaves a route any more."""


def _stickiness(value: object) -> object:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and 0 <= value <= MOST:  # type: ignore[operator]
        return value
    raise ValueError(
        f"stickiness is {str(value)[:80]}; write a number from 0 to {MOST:g}: 0 looks at every "
        "query by itself, 1 is as fitted, 2 doubles the odds that a conversation stays on its route"
    )


Stickiness = Annotated[float, BeforeValidator(_stickiness)]
