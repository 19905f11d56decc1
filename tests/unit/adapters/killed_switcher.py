"""Switches by a process that is killed, and what is kept after each kill.

python -m tests.unit.adapters.killed_switcher URL ROUNDS

Each round a process switches something off and on until it is killed. Then a line is printed: how
many switches were answered in all, how many acts are kept, the revision, and whether every act
begins where the one before ended and the last one ends where things are.
"""

import itertools
import os
import random
import signal
import sys
import time
from itertools import pairwise

from waypost_server.adapters.database import open_database
from waypost_server.adapters.sql_state import SqlState
from waypost_server.core.switches import Kind, Target

TARGET = Target(Kind.ROUTE, "poetry")


def switch_endlessly(url: str, said: int) -> None:
    state = SqlState(open_database(url))
    is_on = TARGET not in state.switches().off
    for n in itertools.count():
        state.switch(TARGET, enabled=is_on == (n % 2 == 1), who="", note="")
        os.write(said, b"!")


def killed_after(seconds: float, url: str) -> int:
    """How many switches were answered."""
    reader, writer = os.pipe()
    switcher = os.fork()
    if switcher == 0:
        switch_endlessly(url, writer)
    os.close(writer)
    with open(reader, "rb") as said:
        first = said.read(1)
        time.sleep(seconds)
        os.kill(switcher, signal.SIGKILL)
        os.waitpid(switcher, 0)
        return len(first + said.read())


def main(url: str, rounds: int) -> None:
    moments = random.Random(0)  # noqa: S311  (no secret)
    answered = 0
    for _ in range(rounds):
        answered += killed_after(moments.uniform(0, 0.03), url)
        state = SqlState(open_database(url))
        acts, switches = [one.act for one in state.audited()], state.switches()
        state.close()
        whole = [acts[0].before == "on", acts[-1].after == ("off" if switches.off else "on")]
        whole += [one.after == other.before for one, other in pairwise(acts)]
        sys.stdout.write(f"{answered} {len(acts)} {switches.revision} {all(whole):d}\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
