import asyncio

import pytest

from waypost.v1 import contract_pb2
from waypost_client._convert import contract_of
from waypost_client.dispatch._output._validators import Draft, Validator, run_validators

DRAFT = Draft(
    text="An answer.", query="A query?", contract=contract_of(contract_pb2.HandoffContract())
)


def lets_go(draft: Draft) -> str | None:
    return None if draft.text == "An answer." and draft.query == "A query?" else "Not the draft."


async def refuses(draft: Draft) -> str | None:
    await asyncio.sleep(0)
    return "No legal advice."


def breaks(draft: Draft) -> str | None:
    raise RuntimeError(draft.text)


async def breaks_later(draft: Draft) -> str | None:
    raise KeyError(draft.query)


def says_nothing(draft: Draft) -> str | None:
    return ""


class Judge:
    def __call__(self, draft: Draft) -> str | None:
        return False  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("validators", "refusal"),
    [
        ([], None),
        ([lets_go], None),
        ([lets_go, refuses, breaks], "No legal advice."),
        ([breaks], "The validator breaks failed with RuntimeError."),
        ([breaks_later, refuses], "The validator breaks_later failed with KeyError."),
        ([says_nothing], "The validator says_nothing refused the answer."),
        ([Judge()], "The validator Judge gave bool, not a sentence or None."),
    ],
)
async def test_the_first_refusal_counts(validators: list[Validator], refusal: str | None) -> None:
    assert await run_validators(validators, DRAFT) == refusal


async def test_a_cancelled_validator_is_no_refusal() -> None:
    async def waits(draft: Draft) -> str | None:
        await asyncio.Event().wait()
        return None

    running = asyncio.create_task(run_validators([waits], DRAFT))
    await asyncio.sleep(0)
    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running
