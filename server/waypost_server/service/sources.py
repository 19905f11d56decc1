"""Where figures come from that are looked at now and then."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from waypost_server.core.budgets import Standing
from waypost_server.core.model_rules import Cause
from waypost_server.service.process import resident_bytes
from waypost_server.service.refusals import Cause as Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleFacts:
    """The live bundle.

    Attributes:
        version: its name.
        encoder_fingerprint: what it was built with.
        route_count: its routes.
        exemplar_count: its exemplars.
        built_at: seconds since 1970; 0 for unknown.
    """

    version: str
    encoder_fingerprint: str
    route_count: int
    exemplar_count: int
    built_at: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where the figures come from; each is asked on the event loop, must be quick and not raise.

    Attributes:
        queue_depth: queries that wait now.
        running: queries that encoders have now.
        concurrency_limit: queries that may wait or run now.
        refused: queries refused so far, by cause.
        degraded: whether only the cheap stages decide now.
        left_out: names of the models that contracts leave out now.
        switched_off: kind ("route" or "model") and name of each switch that is off now.
        log_written: records on disk so far.
        log_dropped: records lost so far.
        log_waiting: records that wait now.
        log_bytes: what the log takes on disk; 0 for unknown.
        database_lost: whether what processes share cannot be reached.
        bundle: the live one; None before there is one.
        bundle_refused: whether the newest bundle was refused.
        certificate_expires_at: seconds since 1970; 0 for no certificate.
        resident_bytes: memory now.
        models_left_out: how often models were left out so far, by cause.
        budgets: how each tenant's budget stands.
        budgets_alone: whether they are counted without the other processes.
    """

    queue_depth: Callable[[], int] = int
    running: Callable[[], int] = int
    concurrency_limit: Callable[[], int] = int
    refused: Callable[[], Mapping[Refused, int]] = dict
    degraded: Callable[[], bool] = bool
    left_out: Callable[[], Collection[str]] = tuple
    switched_off: Callable[[], Collection[tuple[str, str]]] = tuple
    log_written: Callable[[], int] = int
    log_dropped: Callable[[], int] = int
    log_waiting: Callable[[], int] = int
    log_bytes: Callable[[], int] = int
    database_lost: Callable[[], bool] = bool
    bundle: Callable[[], BundleFacts | None] = lambda: None
    bundle_refused: Callable[[], bool] = bool
    certificate_expires_at: Callable[[], float] = float
    resident_bytes: Callable[[], int] = resident_bytes
    models_left_out: Callable[[], Mapping[Cause, int]] = dict
    budgets: Callable[[], Mapping[str, Standing]] = dict
    budgets_alone: Callable[[], bool] = bool
