"""Queries at a fixed rate, whatever becomes of them."""

import select
import time
from collections.abc import Sequence
from dataclasses import dataclass

from tests.bench.overload.wire import Connection

UNANSWERED = 98
"""In place of a status: no answer came."""

LAST_SECONDS = 5.0
"""How long the last answers are waited for."""

LEAD_SECONDS = 0.05
"""From the last connection to the first query."""

LONGEST_WAIT_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Call:
    """What became of a query.

    Attributes:
        due: when it was to be sent, in seconds since the first.
        seconds: from then to the answer.
        status: of gRPC, or BROKEN, or UNANSWERED.
        late: how long after it was due it was sent, in seconds.
    """

    due: float
    seconds: float
    status: int
    late: float


def offer(
    address: str,
    method: str,
    messages: Sequence[bytes],
    *,
    per_second: float,
    connections: int = 8,
    timeout_ms: int = 5_000,
    last_seconds: float = LAST_SECONDS,
) -> list[Call]:
    """Asks each query when it is due, the connections in turn.

    Times count from when a query was due, not from when it was sent: whoever is held up would else
    leave out the very queries that waited.
    """
    flood = _Flood(address, method, messages, per_second, connections, timeout_ms)
    try:
        return flood.run(last_seconds)
    finally:
        flood.close()


class _Flood:
    def __init__(
        self,
        address: str,
        method: str,
        messages: Sequence[bytes],
        per_second: float,
        connections: int,
        timeout_ms: int,
    ) -> None:
        self._messages = messages
        self._per_second = per_second
        self._opened = [
            Connection(address, method, timeout_ms=timeout_ms) for _ in range(connections)
        ]
        self._of = {connection.socket.fileno(): connection for connection in self._opened}
        self._poll = select.epoll()
        for number in self._of:
            self._poll.register(number, select.EPOLLIN)
        count = len(messages)
        self._asked = 0
        self._remaining = count
        self._sent, self._done = [0.0] * count, [0.0] * count
        self._status = [UNANSWERED] * count
        self._began = 0.0

    def run(self, last_seconds: float) -> list[Call]:
        self._began = time.perf_counter() + LEAD_SECONDS
        last = self._began + len(self._messages) / self._per_second + last_seconds
        while self._remaining and time.perf_counter() < last:
            self._ask()
            self._hear()
        ends = time.perf_counter()
        return [self._call(number, ends) for number in range(len(self._messages))]

    def close(self) -> None:
        self._poll.close()
        for connection in self._opened:
            connection.close()

    def _ask(self) -> None:
        """Sends all that are due."""
        now = time.perf_counter()
        due = min(len(self._messages), int((now - self._began) * self._per_second) + 1)
        for number in range(self._asked, due if now >= self._began else 0):
            self._sent[number] = now
            self._opened[number % len(self._opened)].ask(number, self._messages[number])
            self._asked += 1
        for connection in self._opened:
            if connection.wants_to_send:
                connection.send()

    def _hear(self) -> None:
        """Takes answers until the next query is due."""
        next_due = self._began + self._asked / self._per_second
        wait = LONGEST_WAIT_SECONDS
        if self._asked < len(self._messages):
            wait = min(wait, max(0.0, next_due - time.perf_counter()))
        for number, _ in self._poll.poll(wait):
            ended = self._of[number].receive()
            now = time.perf_counter()
            for which, code in ended:
                self._done[which], self._status[which] = now, code
            self._remaining -= len(ended)
            if self._of[number].is_closed:
                self._poll.unregister(number)

    def _call(self, number: int, ends: float) -> Call:
        due = number / self._per_second
        since = self._began + due
        return Call(
            due=due,
            seconds=(self._done[number] or ends) - since,
            status=self._status[number],
            late=self._sent[number] - since,
        )
