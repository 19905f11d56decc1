"""How a specialist's models make one answer: data of the contract. `contract.proto` explains it."""

from dataclasses import dataclass, field

from waypost_client._names import Named


class Pattern(Named):
    """How several models make one answer; unspecified is failover."""

    UNSPECIFIED = "UNSPECIFIED"
    FAILOVER = "FAILOVER"
    CASCADE = "CASCADE"
    PARALLEL = "PARALLEL"


class Pick(Named):
    """How the best of several answers is picked; unspecified is the first."""

    UNSPECIFIED = "UNSPECIFIED"
    FIRST = "FIRST"
    CONFIDENCE = "CONFIDENCE"
    JUDGE = "JUDGE"


class GuardAction(Named):
    """What to do with something that must not leave; unspecified is off."""

    UNSPECIFIED = "UNSPECIFIED"
    OFF = "OFF"
    FLAG = "FLAG"
    REDACT = "REDACT"
    BLOCK = "BLOCK"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParallelPolicy:
    """How several models answer at once; 0 is the default of two, and to wait for all of them."""

    width: int = 0
    pick: Pick = Pick.UNSPECIFIED
    grace_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """A model that scores answers, named as in the fleet; `min_score` is in [0, 1]."""

    model: str
    min_score: float
    instructions: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputChecks:
    """What an answer must pass; empty, 0 and None are not checked.

    Attributes:
        json_schema: a JSON Schema document that it must fit.
        regex: an RE2 expression that must match somewhere in it.
        min_confidence: least geometric mean of its tokens' probabilities, in (0, 1].
        judge: a model that scores it.
    """

    json_schema: str = ""
    regex: str = ""
    min_confidence: float = 0.0
    judge: Judge | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputGuard:
    """What to do with what must not leave."""

    secrets: GuardAction = GuardAction.UNSPECIFIED
    personal_data: GuardAction = GuardAction.UNSPECIFIED
    prompt_leak: GuardAction = GuardAction.UNSPECIFIED


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchPolicy:
    """How a client turns a specialist's models into an answer.

    Attributes:
        pattern: how several models make one answer.
        max_calls: calls of models for one query at most; 0 is the client's default.
        not_idempotent: whether a call that may have begun is never made again.
        speculative: whether a client may begin while the router decides.
        parallel: for Pattern.PARALLEL.
        checks: what an answer must pass.
        guard: what must not leave.
    """

    pattern: Pattern = Pattern.UNSPECIFIED
    max_calls: int = 0
    not_idempotent: bool = False
    speculative: bool = False
    parallel: ParallelPolicy = field(default_factory=ParallelPolicy)
    checks: OutputChecks = field(default_factory=OutputChecks)
    guard: OutputGuard = field(default_factory=OutputGuard)

    @property
    def picks_by_judge(self) -> bool:
        """Whether the judge compares answers, instead of scoring each."""
        return self.pattern is Pattern.PARALLEL and self.parallel.pick is Pick.JUDGE


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowCandidate:
    """What runs beside the live answer on a share of the queries, in [0, 1]."""

    name: str
    share: float
    models: tuple[str, ...] = ()
    prompt_sha256: str = ""
    router_address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """When to stop calling a model that fails; 0 is the client's default."""

    failures: int = 0
    open_ms: int = 0
