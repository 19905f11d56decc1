"""Several models at once: the best answer is picked, the others are cancelled."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from waypost_client import Model, Pattern, Pick
from waypost_client.dispatch._asking import Done, EscalatedError, OneModel, ask_in_turn, in_order
from waypost_client.dispatch._calls import ModelCaller
from waypost_client.dispatch._case import Case
from waypost_client.dispatch._failures import ModelError
from waypost_client.dispatch._ledger import Ledger
from waypost_client.dispatch._output._acceptance import judge_model, judging
from waypost_client.dispatch._output._judging import pick_of, pick_request
from waypost_client.dispatch._output._showing import Sink

WIDTH = 2
"""Models at once, unless the policy says otherwise."""


@dataclass(slots=True)
class _Race:
    """Answers that passed, in order of arrival; what went wrong with the others; who rejected."""

    done: list[Done] = field(default_factory=list)
    errors: list[tuple[str, ModelError]] = field(default_factory=list)
    rejections: list[EscalatedError] = field(default_factory=list)


async def ask_by_policy(
    one: OneModel,
    caller: ModelCaller,
    case: Case,
    ledger: Ledger,
    sink: Sink | None,
    *,
    before: Sequence[tuple[str, ModelError]] = (),
) -> Done:
    """The specialist's answer, its models asked as its policy says; arguments as of both ways."""
    models, policy = in_order(case), case.ref.policy
    if policy.pattern is Pattern.PARALLEL and not policy.not_idempotent and not before:
        return await ask_at_once(one, caller, case, models, ledger, sink)
    return await ask_in_turn(one, case, models[len(before) :], ledger, sink, before=before)


async def ask_at_once(
    one: OneModel,
    caller: ModelCaller,
    case: Case,
    models: Sequence[Model],
    ledger: Ledger,
    sink: Sink | None,
) -> Done:
    """The best answer of the first few models; of the others in turn, if none of those passes.

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
    policy = case.ref.policy
    # Its judge needs a call too.
    width = min(policy.parallel.width or WIDTH, ledger.calls_left - policy.picks_by_judge)
    racers, others = models[: max(1, width)], models[max(1, width) :]
    race = await _race(one, case, racers, ledger, others=len(others))
    if not race.done:
        return await ask_in_turn(one, case, others, ledger, sink, before=race.errors)
    best = await _pick(caller, case, race.done, ledger)
    if sink is not None:
        await sink(best.accepted.text)
    return best


async def _race(
    one: OneModel, case: Case, racers: Sequence[Model], ledger: Ledger, *, others: int
) -> _Race:
    policy = case.ref.policy.parallel
    takes_first = policy.pick in (Pick.FIRST, Pick.UNSPECIFIED)
    race = _Race()
    # Whoever hangs must leave time for the others, and for an answer that is there to get out.
    sharers = 1 + others + (not takes_first)
    running = {
        asyncio.create_task(
            one.ask(case, model, ledger, None, models_left=sharers), name=model.name
        )
        for model in racers
    }
    until: float | None = None
    try:
        while running:
            patience = None if until is None else max(0.0, until - ledger.clock())
            ended, running = await asyncio.wait(
                running, timeout=patience, return_when=asyncio.FIRST_COMPLETED
            )
            # Of those that ended together, the order is that of the models.
            for task in sorted(ended, key=lambda task: _place(task, racers)):
                _take(task, race)
            if race.rejections:
                raise race.rejections[0]
            if not ended or (race.done and takes_first):
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
    """Takes what became of a task."""
    try:
        race.done.append(task.result())
    except EscalatedError as error:
        race.rejections.append(error)
    except ModelError as error:
        race.errors.append((task.get_name(), error))


async def _pick(caller: ModelCaller, case: Case, done: Sequence[Done], ledger: Ledger) -> Done:
    """The best of the answers that passed."""
    policy = case.ref.policy
    if len(done) == 1:
        return done[0]
    if policy.parallel.pick is Pick.JUDGE:
        return await _judged(caller, case, done, ledger)
    if policy.parallel.pick is Pick.CONFIDENCE:
        return max(done, key=lambda each: each.confidence or 0.0)
    return done[0]


async def _judged(caller: ModelCaller, case: Case, done: Sequence[Done], ledger: Ledger) -> Done:
    """The judge's favourite; the first answer, when the judge has none or fails."""
    judge = case.ref.policy.checks.judge
    model = judge_model(case, judge) if judge else None
    if judge is None or model is None:
        return done[0]
    texts = [each.accepted.text for each in done]
    request = pick_request(judge, model, case.query, texts)
    try:
        made = await caller.call(request, ledger, judging(case, ledger))
    except ModelError:
        return done[0]
    ledger.attempts.append(made.attempt)
    picked = pick_of(made.reply.text, case.query, texts)
    return done[0] if picked is None else done[picked]
