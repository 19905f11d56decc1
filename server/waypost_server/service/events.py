"""What happens to queries, for whoever keeps or counts it."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from waypost_server.core.calibration import CalibrationMethod
from waypost_server.core.report import OutcomeReport
from waypost_server.service.caller import Caller
from waypost_server.service.routed import Routed


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A decision that goes to its caller now.

    Attributes:
        routed: the decision.
        index_version: the bundle that decided.
        encoder_fingerprint: of the stage that decided.
        models: names of the models that the contract offers, in order.
        excluded: names of those that it leaves out, each with why.
        caller: who asked.
        rejected_decision: the decision that this one takes the place of; empty for a first one.
        rejection_reason: why that one's specialist rejected the query; empty for not said.
        calibration: what its confidence was fitted on.
        written: to be told whether it is in the decision log, on disk; None where nobody asks.
    """

    routed: Routed
    index_version: str
    encoder_fingerprint: str
    models: tuple[str, ...]
    excluded: tuple[tuple[str, str], ...] = ()
    caller: Caller
    rejected_decision: str = ""
    rejection_reason: str = ""
    calibration: CalibrationMethod = CalibrationMethod.NONE
    written: asyncio.Future[bool] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """A checked report.

    Attributes:
        report: what the client says.
        caller: who says it.
        known: whether this process had heard of the decision's outcome before.
        written: as for Decided.
    """

    report: OutcomeReport
    caller: Caller
    known: bool
    written: asyncio.Future[bool] | None = None


class Observer(Protocol):
    """Hears of everything, on the event loop: it must be quick, and must not raise."""

    def decided(self, event: Decided) -> None:
        """Hears of a decision."""

    def reported(self, event: Reported) -> None:
        """Hears of a report."""


class Observers:
    """Several of them, told in their order."""

    def __init__(self, observers: Iterable[Observer] = ()) -> None:
        self._observers = tuple(observers)

    def decided(self, event: Decided) -> None:
        """Tells all of a decision."""
        for observer in self._observers:
            observer.decided(event)

    def reported(self, event: Reported) -> None:
        """Tells all of a report."""
        for observer in self._observers:
            observer.reported(event)
