"""A specialist's models, one after the other: failover, and with checks a cascade."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from waypost_client import AttemptRole, Model, Pattern
from waypost_client.dispatch._call import Aim
from waypost_client.dispatch._calls import Made, ModelCaller
from waypost_client.dispatch._case import Case
from waypost_client.dispatch._failures import FailureKind, ModelError
from waypost_client.dispatch._ledger import Ledger
from waypost_client.dispatch._output._acceptance import Acceptance, Accepted, SoftFailureError
from waypost_client.dispatch._output._showing import LiveShow, Sink
from waypost_client.dispatch._providers._provider import Finish

NO_MODEL = "the contract names no model that may be called"


@dataclass(frozen=True, slots=True)
class Done:
    """A specialist's answer.

    Attributes:
        accepted: the answer as it may go out.
        model: who gave it.
        passed: whether it passed all checks.
        confidence: how sure the model was of its tokens, in (0, 1]; None for unknown.
        cut_short: whether it ran into its limit of tokens.
    """

    accepted: Accepted
    model: str
    passed: bool = True
    confidence: float | None = None
    cut_short: bool = False


class NobodyAnsweredError(Exception):
    """No model of a specialist gave an answer that may go out; its text says why, of each.

    Attributes:
        lines: the same, a line for each.
        all_blocked: whether each answered, and the guard let none of the answers pass.
        is_final: whether a step with effects may have been made, so that nobody may make it again.
    """

    def __init__(
        self,
        route: str,
        errors: Sequence[tuple[str, ModelError]],
        why: str = "",
        *,
        is_final: bool = False,
    ) -> None:
        """`why` says what else there is to say."""
        said = [f"{model}: {in_words(error)}" for model, error in errors]
        said = ([*said, why] if why else said) or [NO_MODEL]
        super().__init__(f"{route}: {'; '.join(said)}")
        self.lines = tuple(f"{route}: {each}" for each in said)
        self.all_blocked = bool(errors) and all(
            error.kind is FailureKind.BLOCKED_BY_GUARD for _, error in errors
        )
        self.is_final = is_final


class EscalatedError(Exception):
    """The specialist says that the query is not its own; its text says why."""


class BrokenError(Exception):
    """A stream ended early, and its beginning has been shown; its text says why.

    Attributes:
        route: whose specialist was at work.
        error: what went wrong.
    """

    def __init__(self, route: str, model: str, error: ModelError) -> None:
        super().__init__(f"{model}: {in_words(error)}")
        self.route = route
        self.error = error


class OneModel:
    """Asks one model and looks at its answer."""

    def __init__(self, caller: ModelCaller, acceptance: Acceptance) -> None:
        self._caller = caller
        self._acceptance = acceptance

    async def ready_for(self, case: Case) -> None:
        """Takes in the policy; raises PolicyError when it cannot be carried out."""
        await self._acceptance.ready_for(case)

    def streams(self, case: Case) -> bool:
        """Whether its answer may be shown piece by piece."""
        return not self._acceptance.needs_whole(case)

    async def ask(
        self,
        case: Case,
        model: Model,
        ledger: Ledger,
        sink: Sink | None,
        *,
        models_left: int = 1,
        role: AttemptRole = AttemptRole.ANSWER,
    ) -> Done:
        """The model's answer, shown if there is a sink.

        Args:
            case: the query and the specialist.
            model: the model.
            ledger: takes a line for each call.
            sink: takes what the user sees; None for nobody.
            models_left: this model and those that could still answer instead, which share the time.
            role: what the ledger says the call is for.

        Raises:
            EscalatedError: the specialist rejects the query.
            BrokenError: it failed after its beginning had been shown.
            SoftFailureError, ModelError: it failed before.
        """
        show = LiveShow(sink, case) if sink is not None and self.streams(case) else None
        try:
            made = await self._caller.call(
                case.request(model), ledger, _aim(case, ledger, models_left, role), show
            )
            accepted = await self._settled(made, case, ledger, show)
        except ModelError as error:
            if show and show.has_shown:
                raise BrokenError(case.route, model.name, error) from None
            if error.kind is FailureKind.ESCALATED:
                raise EscalatedError(str(error)) from None
            raise
        if sink is not None and show is None:
            await sink(accepted.text)
        return Done(
            accepted,
            model.name,
            confidence=made.reply.confidence,
            cut_short=made.reply.finish is Finish.LENGTH,
        )

    async def _settled(
        self, made: Made, case: Case, ledger: Ledger, show: LiveShow | None
    ) -> Accepted:
        line = len(ledger.attempts)
        ledger.attempts.append(made.attempt)
        try:
            if show:
                return await show.finish(made.reply)
            return await self._acceptance.look_at(made.reply, case, ledger)
        except ModelError as error:
            ledger.attempts[line] = replace(made.attempt, error=error.kind, why=str(error))
            raise


async def ask_in_turn(
    one: OneModel,
    case: Case,
    models: Sequence[Model],
    ledger: Ledger,
    sink: Sink | None,
    *,
    before: Sequence[tuple[str, ModelError]] = (),
) -> Done:
    """The first answer that passes, of models that are asked one after the other.

    Args:
        one: asks.
        case: the query and the specialist.
        models: in order.
        ledger: takes a line for each call.
        sink: takes what the user sees; None for nobody.
        before: models of the same specialist that failed already.

    Raises:
        EscalatedError: the specialist rejects the query.
        BrokenError: a model failed after its beginning had been shown.
        NobodyAnsweredError: each failed.
    """
    errors = list(before)
    for i, model in enumerate(models):
        if ledger.calls_left <= 0 or ledger.time_left_s <= 0 or _may_have_begun(case, errors):
            break
        try:
            return await one.ask(case, model, ledger, sink, models_left=len(models) - i)
        except ModelError as error:
            errors.append((model.name, error))
    for model_name, failure in reversed(errors):
        if isinstance(failure, SoftFailureError):
            if sink is not None:
                await sink(failure.accepted.text)
            return Done(failure.accepted, model_name, passed=False)
    asked = {name for name, _ in errors}
    left = ", ".join(model.name for model in models if model.name not in asked)
    why = "" if errors or left else no_model(case)
    if left and ledger.calls_left <= 0:
        why = f"not asked, because {ledger.max_calls} calls were made, as many as may be: {left}"
    raise NobodyAnsweredError(case.route, errors, why, is_final=_may_have_begun(case, errors))


def no_model(case: Case) -> str:
    """Why a contract names no model that may be called."""
    whys = [f"{each.name}: {each.why}" for each in case.ref.excluded_models]
    return f"{NO_MODEL} ({'; '.join(whys)})" if whys else NO_MODEL


def in_words(error: ModelError) -> str:
    """What went wrong, its kind first."""
    text = str(error)
    return text if text.startswith(error.kind) else f"{error.kind} ({text})"


def in_order(case: Case) -> list[Model]:
    """The specialist's models in the order in which its policy asks them."""
    models = list(case.ref.models)
    if case.ref.policy.pattern is Pattern.CASCADE:
        models.sort(key=price)  # stable: equals stay as the route lists them
    return models


def price(model: Model) -> float:
    """US dollars per million tokens, three parts input and one output, as answers roughly are."""
    return 0.75 * model.usd_per_mtok_in + 0.25 * model.usd_per_mtok_out


def _may_have_begun(case: Case, errors: Sequence[tuple[str, ModelError]]) -> bool:
    """Whether a step with effects may have been made, so that nobody else may make it."""
    return case.ref.policy.not_idempotent and any(e.consequence.began for _, e in errors)


def _aim(case: Case, ledger: Ledger, models_left: int, role: AttemptRole) -> Aim:
    ref = case.ref
    first_token_ms = ref.timeouts.first_token_ms
    return Aim(
        route=case.route,
        role=role,
        limit_s=case.limit_s(ledger, 1 if ref.policy.not_idempotent else models_left),
        first_token_s=first_token_ms / 1000 if first_token_ms else None,
        others=models_left > 1,
        idempotent=not ref.policy.not_idempotent,
    )
