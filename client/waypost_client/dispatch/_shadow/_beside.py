"""One live query and the candidates beside it: each is recorded once both have ended."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from waypost_client import Contract
from waypost_client.dispatch._ledger import Ledger
from waypost_client.dispatch._shadow._side import Result, side_of, text_of
from waypost_client.shadow import ShadowRun, ShadowSide, ShadowTexts, line_of

_End = tuple[ShadowSide, str | None]
"""How one side ended, and its answer."""


class Beside:
    """Waits for both ends."""

    def __init__(
        self,
        query: str,
        contract: Contract,
        ledger: Ledger,
        write: Callable[[bytes], None],
        *,
        texts: bool,
    ) -> None:
        """Begins with the live decision.

        Args:
            query: the user's words.
            contract: the live decision.
            ledger: the live query's account.
            write: takes the line of each run.
            texts: whether the record has query and answers.
        """
        self._query = query
        self._contract = contract
        self._ledger = ledger
        self._write = write
        self._texts = texts
        self._time = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._live: _End | None = None
        self._ended: list[tuple[str, _End, tuple[str, ...]]] = []

    def live_ended(self, result: Result, contracts: Sequence[Contract]) -> None:
        """Takes the end of the live query: its answer or error, and the decisions to it."""
        self._live = side_of(result, contracts, self._ledger), text_of(result)
        self._write_all(self._live)

    def candidate_ended(
        self, name: str, side: ShadowSide, text: str | None, not_callable: Sequence[str]
    ) -> None:
        """Takes the end of a candidate."""
        self._ended.append((name, (side, text), tuple(not_callable)))
        if self._live:
            self._write_all(self._live)

    def _write_all(self, live: _End) -> None:
        while self._ended:
            name, (side, text), not_callable = self._ended.pop(0)
            texts = ShadowTexts(query=self._query, live=live[1], shadow=text)
            run = ShadowRun(
                time=self._time,
                decision_id=self._contract.decision_id,
                candidate=name,
                route=self._contract.route,
                live=live[0],
                shadow=side,
                same_text=text is not None and text == live[1],
                not_callable=not_callable,
                texts=texts if self._texts else None,
            )
            self._write(line_of(run))
