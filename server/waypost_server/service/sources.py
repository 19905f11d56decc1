"""Where figures come from that are looked at now and then."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from waypost_server.service.process import resident_bytes


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
        refused: queries refused so far.
        degraded: whether only the cheap stages decide now.
        left_out: names of the models that contracts leave out now.
        switched_off: kind ("route" or "model") and name of each switch that is off now.
        log_written: records on disk so far.
        log_dropped: records lost so far.
        log_waiting: records that wait now.
        bundle: the live one; None before there is one.
        bundle_refused: whether the newest bundle was refused.
        certificate_expires_at: seconds since 1970; 0 for no certificate.
        resident_bytes: memory now.
    """

    queue_depth: Callable[[], int] = int
    running: Callable[[], int] = int
    concurrency_limit: Callable[[], int] = int
    refused: Callable[[], int] = int
    degraded: Callable[[], bool] = bool
    left_out: Callable[[], Collection[str]] = tuple
    switched_off: Callable[[], Collection[tuple[str, str]]] = tuple
    log_written: Callable[[], int] = int
    log_dropped: Callable[[], int] = int
    log_waiting: Callable[[], int] = int
    bundle: Callable[[], BundleFacts | None] = lambda: None
    bundle_refused: Callable[[], bool] = bool
    certificate_expires_at: Callable[[], float] = float
    resident_bytes: Callable[[], int] = resident_bytes
