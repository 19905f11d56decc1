"""The record of a shadow run: one line of JSON, without a word of query, prompt or answer."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, TypeGuard

BEGINNING = '{"time"'
"""How every line begins."""


class ShadowOutcome(StrEnum):
    """How a query ended on one side."""

    ANSWERED = "answered"
    BEST_EFFORT = "best_effort"
    """Its answer did not pass all checks."""
    FALLBACK = "fallback"
    """The specialist of the decision's fallback route answered."""
    CLARIFY = "clarify"
    REFUSED = "refused"
    """The router refused it."""
    REJECTED = "rejected"
    """Every specialist that was asked said that it is not its own."""
    FAILED = "failed"
    CANCELLED = "cancelled"
    """The caller went away, or the dispatcher was closed: it says nothing of anybody."""
    LEFT_OUT = "left_out"
    """The candidate may not run on this query; `errors` says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowSide:
    """How a query ended, live or for the candidate.

    Attributes:
        route: whose specialist answered; without an answer, the last that was decided for.
        outcome: how it ended.
        model: the model that answered; empty for none.
        latency_s: from the query's arrival to the end, in seconds.
        errors: what went wrong on the way, each kind once, in order.
        input_tokens: of all calls; None when no provider said.
        output_tokens: of all calls; None when no provider said.
        cost_usd: of all calls, as far as it is known.
        calls: of models.
        characters: of the answer, in code points.
        findings: how often the output guard found what, by kind.
    """

    route: str
    outcome: ShadowOutcome
    model: str = ""
    latency_s: float = 0.0
    errors: tuple[str, ...] = ()
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float = 0.0
    calls: int = 0
    characters: int = 0
    findings: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowTexts:
    """What was asked and answered, for people who judge by hand; None for no answer."""

    query: str
    live: str | None
    shadow: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowRun:
    """One candidate beside one live query.

    Attributes:
        time: when the live decision was known, in ISO 8601, UTC.
        decision_id: the live decision.
        candidate: the candidate's name.
        route: the live decision's route.
        live: how the live query ended.
        shadow: how it ended for the candidate.
        same_text: whether both gave the very same answer.
        not_callable: models that the candidate names and that may not be called now.
        texts: None unless they were asked for.
    """

    time: str
    decision_id: str
    candidate: str
    route: str
    live: ShadowSide
    shadow: ShadowSide
    same_text: bool
    not_callable: tuple[str, ...] = ()
    texts: ShadowTexts | None = None

    @property
    def same_route(self) -> bool:
        """Whether both went to the same route."""
        return self.live.route == self.shadow.route


class NoRecordError(ValueError):
    """A line of JSON is no record of a shadow run; the text says why."""


def line_of(run: ShadowRun) -> bytes:
    """The record as a line of ASCII, its end included."""
    document = asdict(run)
    texts, same_text = document.pop("texts"), document.pop("same_text")
    document |= {"same_route": run.same_route, "same_text": same_text}
    if texts:
        document["texts"] = texts
    return json.dumps(document).encode() + b"\n"


def run_of(document: object) -> ShadowRun:
    """The record in a parsed line; raises NoRecordError when it is none."""
    try:
        return _run(_mapping(document))
    except KeyError as error:
        raise NoRecordError(f"it has no {error}") from None


def _run(document: Mapping[str, Any]) -> ShadowRun:
    texts = document.get("texts")
    return ShadowRun(
        time=_text(document["time"]),
        decision_id=_text(document["decision_id"]),
        candidate=_text(document["candidate"]),
        route=_text(document["route"]),
        live=_side(_mapping(document["live"])),
        shadow=_side(_mapping(document["shadow"])),
        same_text=document["same_text"] is True,
        not_callable=_texts(document.get("not_callable", [])),
        texts=ShadowTexts(**{name: texts[name] for name in ("query", "live", "shadow")})
        if texts
        else None,
    )


def _side(document: Mapping[str, Any]) -> ShadowSide:
    return ShadowSide(
        route=_text(document["route"]),
        outcome=_outcome(document["outcome"]),
        model=_text(document["model"]),
        latency_s=_number(document["latency_s"]),
        errors=_texts(document["errors"]),
        input_tokens=_count(document["input_tokens"]),
        output_tokens=_count(document["output_tokens"]),
        cost_usd=_number(document["cost_usd"]),
        calls=_count(document["calls"]) or 0,
        characters=_count(document["characters"]) or 0,
        findings={
            _text(kind): _count(count) or 0
            for kind, count in _mapping(document["findings"]).items()
        },
    )


def _mapping(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise NoRecordError("it is no JSON object, or has none where one belongs")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise NoRecordError(f"it has {_shown(value)} where a text belongs")
    return value


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise NoRecordError(f"it has {_shown(value)} where a list belongs")
    return tuple(_text(each) for each in value)


def _outcome(value: object) -> ShadowOutcome:
    try:
        return ShadowOutcome(_text(value))
    except ValueError:
        raise NoRecordError(f"it has an unknown outcome, {_shown(value)}") from None


def _number(value: object) -> float:
    number = float(value) if _is_number(value) and abs(value) < 1e300 else math.nan
    if not math.isfinite(number):
        raise NoRecordError(f"it has {_shown(value)} where a number belongs")
    return number


def _count(value: object) -> int | None:
    return None if value is None else int(_number(value))


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shown(value: object) -> str:
    """At most a few words of it: it may be anything."""
    return repr(value)[:40]
