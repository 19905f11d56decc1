"""A thousand queries, a fifth of the calls failing, one model dead."""

from collections import Counter
from pathlib import Path

from tests.e2e.storm import AT_ONCE, storm, stormy_world
from tests.llm_server import LlmServer
from waypost_client import AsyncAdminClient
from waypost_client.dispatch import Dispatcher

COUNT = 1_000
GRACE_S = 0.1
"""How much longer than its deadline a query may take, beside what the machine itself is late."""

CLEAR_ERRORS = {"NoAnswerError", "AnswerTooLateError", "RejectedError", "BrokenStreamError"}


async def test_every_query_ends_in_an_answer_or_in_one_clear_error(
    tmp_path: Path, llm: LlmServer
) -> None:
    async with (
        stormy_world(tmp_path, llm) as server,
        AsyncAdminClient(server.admin_address, timeout_s=20) as router,
        Dispatcher(server.address) as dispatcher,
    ):
        came = await storm(dispatcher, COUNT)
        decided = sum(len(end.contracts) for end in came.ends)
        await llm.until(lambda: dispatcher.counts.reports_sent >= decided, within_s=30)
        status = await router.status()
        counts = dispatcher.counts
    kinds = Counter(end.kind for end in came.ends)
    assert sum(kinds.values()) == COUNT
    assert set(kinds) <= {"Answer", *CLEAR_ERRORS}
    assert kinds["Answer"] > 0.9 * COUNT, kinds
    assert max(end.calls for end in came.ends) <= 6

    # Those that were under way when the fifth failed, and not one more for a minute.
    assert len(llm.calls_of("dead")) <= 5 + AT_ONCE

    latest = max(end.overrun_s for end in came.ends)
    assert latest <= GRACE_S + came.lag_s

    ids = [contract.decision_id for end in came.ends for contract in end.contracts]
    assert len(ids) == len(set(ids)) == decided
    assert (counts.reports_sent, counts.reports_dropped) == (decided, 0)
    heard = sum(
        each.accepted + each.rejected + each.failed + each.not_called
        for each in status.route_outcomes
    )
    assert heard == decided
    assert status.decision_count == decided
