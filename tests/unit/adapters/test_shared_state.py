"""The same tests on every adapter of SharedState."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from waypost_server.adapters.database import open_database
from waypost_server.adapters.memory_state import MemoryState
from waypost_server.adapters.sql_state import SqlState
from waypost_server.core.shared_state import (
    NEVER,
    Act,
    Hint,
    Process,
    Revisions,
    SharedState,
    Switched,
)
from waypost_server.core.switches import Kind, Switches, Target

POETRY, PROSE = Target(Kind.ROUTE, "poetry"), Target(Kind.ROUTE, "prose")
SMALL = Target(Kind.MODEL, "small")
ONE, TWO = (Process(process_id=f"box-{n}", host="box", pid=n) for n in (1, 2))
LONG = 20.0
"""Seconds that no wait of these tests takes unless something is broken."""

Join = Callable[[], SharedState]


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def join(request: pytest.FixtureRequest) -> Iterator[Join]:
    """Gives each caller a share in one state, as a process of its own has it."""
    if request.param == "memory":
        memory = MemoryState()
        yield lambda: MemoryState(beside=memory)
        return
    if request.param == "sqlite":
        url = f"sqlite:///{request.getfixturevalue('tmp_path')}/waypost.db"
    else:
        url = request.getfixturevalue("postgres").new_database()
    joined = []

    def one() -> SharedState:
        joined.append(SqlState(open_database(url)))
        return joined[-1]

    yield one
    for state in joined:
        state.close()


@pytest.fixture
def state(join: Join) -> SharedState:
    return join()


def off(state: SharedState, target: Target, *, who: str = "ada", note: str = "") -> Switched:
    return state.switch(target, enabled=False, who=who, note=note)


def on(state: SharedState, target: Target) -> Switched:
    return state.switch(target, enabled=True, who="bob", note="mended")


def test_nothing_is_shared_at_first(state: SharedState) -> None:
    assert state.switches() == Switches()
    assert state.revisions() == Revisions()
    assert (state.hints().open, state.audited(), state.peers()) == ({}, [], [])


def test_a_switch_is_seen_by_others_with_who_why_and_when(join: Join) -> None:
    here, there = join(), join()
    before = time.time()
    assert off(here, POETRY, note="it drifts — é") == Switched(was_on=True, revision=1)
    seen = there.switches()
    assert (seen.revision, [*seen.off]) == (1, [POETRY])
    assert (seen.off[POETRY].who, seen.off[POETRY].note) == ("ada", "it drifts — é")
    assert before - 1 <= seen.off[POETRY].at <= time.time() + 1
    assert here.switches() == seen
    assert there.revisions() == Revisions(switches=1)


def test_a_route_and_a_model_of_one_name_are_two(state: SharedState) -> None:
    off(state, POETRY)
    off(state, Target(Kind.MODEL, "poetry"))
    on(state, POETRY)
    assert [*state.switches().off] == [Target(Kind.MODEL, "poetry")]


def test_what_is_switched_twice_stays_as_it_was_and_both_acts_are_kept(state: SharedState) -> None:
    off(state, POETRY, who="ada", note="first")
    once = state.switches()
    assert off(state, POETRY, who="bob", note="second") == Switched(was_on=False, revision=1)
    assert state.switches() == once
    assert on(state, POETRY) == Switched(was_on=False, revision=2)
    assert on(state, POETRY) == Switched(was_on=True, revision=2)
    assert state.switches() == Switches(2, {})
    assert [(a.act.who, a.act.note, a.act.before, a.act.after) for a in state.audited()] == [
        ("ada", "first", "on", "off"),
        ("bob", "second", "off", "off"),
        ("bob", "mended", "off", "on"),
        ("bob", "mended", "on", "on"),
    ]


def test_acts_of_all_kinds_are_kept_in_their_order(state: SharedState) -> None:
    act = Act(who="", act="activate", target="0123", note="rollback", before="4567", after="0123")
    off(state, SMALL)
    state.audit(act)
    first, second = state.audited()
    assert (first.act.act, first.act.target) == ("switch model", "small")
    assert second.act == act
    assert first.at <= second.at
    assert state.audited(since=second.at + 0.001) == []
    assert state.audited(since=second.at - 0.0001)[-1] == second


WISHES = st.lists(st.tuples(st.sampled_from([POETRY, PROSE, SMALL]), st.booleans()), max_size=12)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wishes=WISHES)
def test_after_any_wishes_it_says_what_a_set_would_and_the_audit_leads_there(
    state: SharedState, wishes: list[tuple[Target, bool]]
) -> None:
    start, acts = state.switches(), len(state.audited())
    expected, revision = set(start.off), start.revision
    for target, enabled in wishes:
        was_on = target not in expected
        revision += was_on is not enabled
        (expected.discard if enabled else expected.add)(target)
        assert state.switch(target, enabled=enabled, who="", note="") == Switched(was_on, revision)
    assert set(state.switches().off) == expected
    replayed = set(start.off)
    for audited in state.audited()[acts:]:
        target = Target(Kind(audited.act.act.removeprefix("switch ")), audited.act.target)
        assert audited.act.before == ("on" if target not in replayed else "off")
        (replayed.discard if audited.act.after == "on" else replayed.add)(target)
    assert replayed == expected


def test_many_at_once_lose_nothing(join: Join) -> None:
    states = [join() for _ in range(4)]
    targets = [Target(Kind.ROUTE, f"r{n}") for n in range(24)]

    def act(n: int) -> int:
        return off(states[n % 4], targets[n]).revision

    with ThreadPoolExecutor(4) as pool:
        revisions = sorted(pool.map(act, range(24)))
    assert revisions == list(range(1, 25))
    for state in states:
        assert set(state.switches().off) == set(targets)
        assert len(state.audited()) == 24


def test_a_word_on_a_breaker_holds_for_its_time_unless_another_follows(join: Join) -> None:
    here, there = join(), join()
    assert (
        not there.hints().open
    )  # the first look connects, which may take longer than a hint lasts
    here.hint("small", Hint(left_seconds=30, ago_seconds=4))
    here.hint("large", Hint(left_seconds=1, ago_seconds=0))
    found = there.hints()
    assert found.revision == 2
    assert set(found.open) == {"small", "large"}
    assert found.open["small"].left_seconds == pytest.approx(30, abs=2)
    assert found.open["small"].ago_seconds == pytest.approx(4, abs=2)
    time.sleep(1.05)
    assert set(there.hints().open) == {"small"}
    there.hint("small", Hint(left_seconds=60, ago_seconds=0))
    assert here.hints().open["small"].left_seconds > 50
    there.hint("small", None)
    assert here.hints().open == {}
    assert here.revisions() == Revisions(breakers=4)


def test_processes_say_that_they_live_and_what_they_heed_until_they_leave(join: Join) -> None:
    here, there = join(), join()
    here.beat(ONE, NEVER)
    there.beat(TWO, 7)
    before = {peer.process: peer for peer in here.peers()}
    assert {process: peer.revision for process, peer in before.items()} == {ONE: NEVER, TWO: 7}
    assert all(0 <= peer.silent_seconds < 5 for peer in before.values())
    time.sleep(0.02)
    here.beat(ONE, 3)
    after = {peer.process: peer for peer in there.peers()}
    assert after[ONE].revision == 3
    assert after[ONE].beat > before[ONE].beat
    assert after[TWO].beat == before[TWO].beat
    here.leave(ONE)
    here.leave(ONE)
    assert [peer.process for peer in there.peers()] == [TWO]


@pytest.mark.parametrize("change", ["switch", "hint"])
def test_a_wait_ends_when_another_changes_something(join: Join, change: str) -> None:
    here, there = join(), join()
    known = here.revisions()
    found: list[Revisions] = []
    thread = threading.Thread(target=lambda: found.append(here.wait(LONG, known)))
    began = time.monotonic()
    thread.start()
    time.sleep(0.2)
    assert not found
    if change == "switch":
        off(there, POETRY)
    else:
        there.hint("small", None)
    thread.join(LONG)
    assert found == [there.revisions()]
    assert found != [known]
    assert time.monotonic() - began < LONG / 2


def test_a_wait_ends_at_once_where_something_has_changed_already(state: SharedState) -> None:
    known = state.revisions()
    off(state, POETRY)
    assert state.wait(LONG, known) == Revisions(switches=1)


def test_a_wait_ends_when_it_is_woken_be_it_before_it_begins(state: SharedState) -> None:
    known = state.revisions()
    state.wake()
    assert state.wait(LONG, known) == known
    threading.Timer(0.1, state.wake).start()
    assert state.wait(LONG, known) == known


def test_a_wait_ends_when_time_is_up(state: SharedState) -> None:
    began = time.monotonic()
    known = state.revisions()
    assert state.wait(0.2, known) == known
    assert time.monotonic() - began >= 0.2
