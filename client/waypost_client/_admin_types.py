"""What calls of AdminService return: frozen and typed. `admin.proto` explains each field."""

from dataclasses import dataclass
from datetime import datetime

from waypost_client._names import Named


class BuildPhase(Named):
    """What a build is doing."""

    UNSPECIFIED = "UNSPECIFIED"
    READING = "READING"
    ENCODING = "ENCODING"
    FITTING = "FITTING"
    CHECKING = "CHECKING"
    LIVE = "LIVE"
    REFUSED = "REFUSED"


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildProgress:
    """How far a build is; `problems` says, a sentence each, why a bundle was refused.

    Attributes:
        phase: what it is doing.
        done: steps of this phase done.
        total: steps of this phase in all; 0 for unknown.
        index_version: the new bundle, once it has a version; empty before.
        problems: what was wrong.
    """

    phase: BuildPhase
    done: int
    total: int
    index_version: str
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexVersion:
    """A bundle that can be activated."""

    version: str
    live: bool
    built_at: datetime
    route_count: int
    exemplar_count: int
    encoder_fingerprint: str
    routes_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Switched:
    """What became of a wish to switch something.

    Attributes:
        previously_enabled: what it was before.
        pending_processes: how many have not yet said that they heed it.
    """

    previously_enabled: bool
    pending_processes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """A route or a model, the other one empty, that was switched off: by whom, why and when."""

    route: str
    model: str
    who: str
    note: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionLogStatus:
    """How a process's decision log is doing, in records; `problem` is empty when it is well."""

    written: int
    dropped: int
    waiting: int
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelStatus:
    """What clients reported about a model; contracts leave it out while a breaker is open."""

    name: str
    succeeded: int
    failed: int
    left_out: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteOutcomes:
    """What clients reported about a route: how many of its queries ended how."""

    route: str
    accepted: int
    rejected: int
    failed: int
    not_called: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What a server's process is and holds."""

    state: str
    server_version: str
    contract_version: str
    process_id: str
    started_at: datetime
    index_version: str
    refused_bundle: str
    encoder_name: str
    encoder_fingerprint: str
    route_count: int
    exemplar_count: int
    decision_count: int
    queue_depth: int
    concurrency_limit: int
    refused_count: int
    degraded: bool
    resident_bytes: int
    decision_log: DecisionLogStatus | None = None
    switches: tuple[Switch, ...] = ()
    models: tuple[ModelStatus, ...] = ()
    route_outcomes: tuple[RouteOutcomes, ...] = ()
