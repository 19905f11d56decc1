"""Several models at once: the best answer is picked, the others are cancelled."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from waypost_client import AttemptRole, Model, Pick
from waypost_client.dispatch._asking import Done, OneModel, ask_in_turn
from waypost_client.dispatch._calls import Aim, ModelCaller
from waypost_client.dispatch._case import Case
from waypost_client.dispatch._failures import ModelError
from waypost_client.dispatch._ledger import Ledger
from waypost_client.dispatch._output._acceptance import SoftFailureError, judge_model
from waypost_client.dispatch._output._judging import pick_of, pick_request
from waypost_client.dispatch._output._showing import Sink

WIDTH = 2
"""Models at once, unless the policy says otherwise."""


@dataclass(slots=True)
class _Race:
    """Answers so far, in order of arrival, and what went wrong with the others."""

    done: list[Done]
    errors: list[tuple[str, ModelError]]


async def ask_at_once(
    one: OneModel,
    caller: ModelCaller,
    case: Case,
    models: Sequence[Model],
    ledger: Ledger,
    sink: Sink | None,
) -> Done:
    """The best answer of the first few models; of the others in turn, if all of those fail.

    Args:
        one: asks one model.
        caller: asks the judge.
        case: the query and the specialist.
        models: in order.
        ledger: takes a line for each call.
        sink: takes what the user sees; None for nobody.

    Raises:
        EscalatedError: a specialist rejects the query.
        NobodyAnsweredError: each failed.
    """
    width = case.ref.policy.parallel.width or WIDTH
    # Its judge needs a call too.
    width = max(1, min(width, ledger.calls_left - (case.ref.policy.parallel.pick is Pick.JUDGE)))
    race = await _race(one, case, models[:width], ledger)
    if not race.done:
        return await ask_in_turn(one, case, models[width:], ledger, sink, before=race.errors)
    best = await _pick(caller, case, race.done, ledger)
    if sink is not None:
        await sink(best.accepted.text)
    return best


async def _race(one: OneModel, case: Case, models: Sequence[Model], ledger: Ledger) -> _Race:
    policy = case.ref.policy.parallel
    race = _Race([], [])
    running = {
        asyncio.create_task(one.ask(case, model, ledger, None), name=model.name) for model in models
    }
    until: float | None = None
    try:
        while running:
            patience = None if until is None else max(0.0, until - ledger.clock())
            ended, running = await asyncio.wait(
                running, timeout=patience, return_when=asyncio.FIRST_COMPLETED
            )
            # Of those that ended together, the order is that of the models.
            for task in sorted(ended, key=lambda task: _place(task, models)):
                _take(task, race)
            if not ended or (race.done and policy.pick in (Pick.FIRST, Pick.UNSPECIFIED)):
                break
            if race.done and until is None and policy.grace_ms:
                until = ledger.clock() + policy.grace_ms / 1000
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    return race


def _place(task: asyncio.Task[Done], models: Sequence[Model]) -> int:
    return [model.name for model in models].index(task.get_name())


def _take(task: asyncio.Task[Done], race: _Race) -> None:
    """Takes an ended task's answer; raises EscalatedError when it says so."""
    try:
        race.done.append(task.result())
    except SoftFailureError as error:
        race.done.append(Done(error.accepted, task.get_name(), passed=False))
    except ModelError as error:
        race.errors.append((task.get_name(), error))


async def _pick(caller: ModelCaller, case: Case, done: Sequence[Done], ledger: Ledger) -> Done:
    """The best of the answers: of those that passed, if there are any."""
    passed = [each for each in done if each.passed] or list(done)
    policy = case.ref.policy
    if len(passed) == 1:
        return passed[0]
    if policy.parallel.pick is Pick.JUDGE:
        return await _judged(caller, case, passed, ledger)
    if policy.parallel.pick is Pick.CONFIDENCE:
        return max(passed, key=lambda each: each.confidence or 0.0)
    return passed[0]


async def _judged(caller: ModelCaller, case: Case, done: Sequence[Done], ledger: Ledger) -> Done:
    """The judge's favourite; the first answer, when the judge has none or fails."""
    judge = case.ref.policy.checks.judge
    model = judge_model(case, judge) if judge else None
    if judge is None or model is None:
        return done[0]
    texts = [each.accepted.text for each in done]
    request = pick_request(judge, model, case.query, texts)
    aim = Aim(route=case.route, role=AttemptRole.JUDGE, limit_s=ledger.time_left_s)
    try:
        made = await caller.call(request, ledger, aim)
    except ModelError:
        return done[0]
    ledger.attempts.append(made.attempt)
    picked = pick_of(made.reply.text, case.query, texts)
    return done[0] if picked is None else done[picked]
