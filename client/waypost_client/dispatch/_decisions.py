"""The router's decisions about one query: each is reported once, however the query ends."""

from waypost_client import Contract, SpecialistOutcome
from waypost_client.dispatch._ledger import Ledger
from waypost_client.dispatch._reports import Report, Reporter


class Decisions:
    """The decisions so far, the last of them open until it is settled."""

    def __init__(self, reporter: Reporter, ledger: Ledger) -> None:
        self._reporter = reporter
        self._ledger = ledger
        self._contracts: list[Contract] = []
        self._open: Contract | None = None
        self._reported_attempts = 0

    @property
    def all(self) -> tuple[Contract, ...]:
        """All decisions, in order."""
        return tuple(self._contracts)

    def add(self, contract: Contract) -> None:
        """Takes the router's next decision; the one before must be settled."""
        self._contracts.append(contract)
        self._open = contract

    def settle(self, outcome: SpecialistOutcome, *, answered_by: str = "", note: str = "") -> None:
        """Reports the open decision, if there is one, with the calls since the last report."""
        contract, self._open = self._open, None
        if contract is None:
            return
        attempts = [
            attempt
            for attempt in self._ledger.attempts[self._reported_attempts :]
            if attempt.was_made
        ]
        self._reported_attempts = len(self._ledger.attempts)
        self._reporter.put(
            Report(
                contract=contract,
                outcome=outcome,
                attempts=[attempt.for_report() for attempt in attempts],
                answered_by=answered_by,
                note=note,
            )
        )
