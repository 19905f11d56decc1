"""How a client makes an answer of a specialist's models: data that the router hands on."""

from dataclasses import dataclass, field
from enum import StrEnum


class Pattern(StrEnum):
    """How several models make one answer."""

    FAILOVER = "failover"
    CASCADE = "cascade"
    PARALLEL = "parallel"


class Pick(StrEnum):
    """How the best of several answers is picked."""

    FIRST = "first"
    CONFIDENCE = "confidence"
    JUDGE = "judge"


class GuardAction(StrEnum):
    """What to do with something that must not leave."""

    OFF = "off"
    FLAG = "flag"
    REDACT = "redact"
    BLOCK = "block"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parallel:
    """Several models at once.

    Attributes:
        width: models at once, 2 or 3.
        pick: how the best answer is picked.
        grace_ms: how long to wait for the others once one has answered; 0 until all have.
    """

    width: int = 2
    pick: Pick = Pick.FIRST
    grace_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """A model that scores answers.

    Attributes:
        model: its name in fleet.yaml.
        min_score: least score of an answer that passes, in [0, 1].
        instructions: what a good answer is; empty for correct and complete.
    """

    model: str
    min_score: float = 0.5
    instructions: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """What an answer must pass.

    Attributes:
        json_schema: JSON Schema document that it must fit; empty: it need not be JSON.
        regex: RE2 expression that must match somewhere in it; empty for none.
        min_confidence: least geometric mean of its tokens' probabilities, in [0, 1]; 0 for none.
        judge: who scores it; None for nobody.
    """

    json_schema: str = ""
    regex: str = ""
    min_confidence: float = 0.0
    judge: Judge | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """What must not leave: secrets, personal data, passages of the system prompt."""

    secrets: GuardAction = GuardAction.OFF
    personal_data: GuardAction = GuardAction.OFF
    prompt_leak: GuardAction = GuardAction.OFF


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How a specialist's models make one answer.

    Attributes:
        pattern: how several of them do.
        max_calls: calls of models for one query at most, judges and retries included.
        idempotent: whether a call that may have begun may be made again.
        speculative: whether a client may begin while the router decides; the default route only.
        parallel: for Pattern.PARALLEL.
        checks: what an answer must pass.
        guard: what must not leave.
    """

    pattern: Pattern = Pattern.FAILOVER
    max_calls: int = 6
    idempotent: bool = True
    speculative: bool = False
    parallel: Parallel = field(default_factory=Parallel)
    checks: Checks = field(default_factory=Checks)
    guard: Guard = field(default_factory=Guard)


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """When a client stops calling a model that fails.

    Attributes:
        failures: in a row, after which it stops.
        open_ms: how long it stops before it tries once.
    """

    failures: int = 5
    open_ms: int = 30_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadow:
    """Something that runs beside the live answer, so that both can be compared.

    Attributes:
        name: its name in fleet.yaml.
        share: of the queries that it runs on, in [0, 1].
        routes: the routes that it runs beside; empty for all.
        models: whom it calls; empty for the specialist's own.
        prompt: its system prompt; empty for the specialist's own.
        router: HOST:PORT of a router that decides for it; empty: the live decision stands.
    """

    name: str
    share: float
    routes: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    prompt: str = ""
    router: str = ""
