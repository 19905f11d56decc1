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
    opened = [Connection(address, method, timeout_ms=timeout_ms) for _ in range(connections)]
    poll = select.epoll()
    of = {connection.socket.fileno(): connection for connection in opened}
    for number in of:
        poll.register(number, select.EPOLLIN)
    count, asked = len(messages), 0
    sent, done, status = [0.0] * count, [0.0] * count, [UNANSWERED] * count
    began = time.perf_counter() + 0.05
    last = began + count / per_second + last_seconds
    remaining = count
    while remaining and (now := time.perf_counter()) < last:
        due = min(count, int((now - began) * per_second) + 1) if now >= began else 0
        for number in range(asked, due):
            sent[number] = now
            opened[number % connections].ask(number, messages[number])
        asked = max(asked, due)
        for connection in opened:
            if connection.wants_to_send:
                connection.send()
        wait = max(0.0, began + asked / per_second - time.perf_counter()) if asked < count else 0.1
        for number, _ in poll.poll(min(wait, 0.1)):
            ended = of[number].receive()
            now = time.perf_counter()
            for which, code in ended:
                done[which], status[which] = now, code
            remaining -= len(ended)
            if of[number].is_closed:
                poll.unregister(number)
    poll.close()
    for connection in opened:
        connection.close()
    ends = time.perf_counter()
    return [
        Call(
            number / per_second,
            (done[number] or ends) - began - number / per_second,
            status[number],
            sent[number] - began - number / per_second,
        )
        for number in range(count)
    ]
