import os
from pathlib import Path

import pytest

from tests.folders import folder_content
from tests.unit.adapters.bundles import small_bundle
from waypost_server.adapters.bundle_marks import SUFFIX, BundleMarks, Mark
from waypost_server.adapters.bundle_store import BundleStore
from waypost_server.core.bundle import Bundle


def numbered(number: int) -> Bundle:
    return small_bundle({"billing": [f"text {number}"]})


@pytest.mark.parametrize("problems", [(), ("one problem",), ("a — €", "two")])
def test_a_mark_is_read_as_it_was_put(tmp_path: Path, problems: tuple[str, ...]) -> None:
    BundleMarks(tmp_path).put("0123456789ab", Mark(problems))
    assert BundleMarks(tmp_path).of("0123456789ab") == Mark(problems)
    assert BundleMarks(tmp_path).of("ba9876543210") is None


def test_a_problem_of_several_lines_is_one(tmp_path: Path) -> None:
    BundleMarks(tmp_path).put("0123456789ab", Mark(("2 problems:\n  one\n  two",)))
    assert BundleMarks(tmp_path).of("0123456789ab") == Mark(("2 problems: one two",))


@pytest.mark.parametrize("content", [b"", b"refused\n", b"tried\nand more\n", b"\xff", b"passed\n"])
def test_a_mark_that_is_damaged_says_that_it_was_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / f"0123456789ab{SUFFIX}"
    path.write_bytes(content)
    assert BundleMarks(tmp_path).of("0123456789ab") == Mark(
        (f"{path}: it is damaged; build again",)
    )
    path.unlink()
    path.mkdir()
    mark = BundleMarks(tmp_path).of("0123456789ab")
    assert mark is not None
    assert mark.refused[0].startswith(f"{path}: cannot be read: ")


def test_a_mark_changes_nothing_of_the_bundle_and_goes_when_it_is_live(tmp_path: Path) -> None:
    store = BundleStore(tmp_path)
    version = store.write(numbered(1)).version
    before = folder_content(tmp_path / version)
    store.note_refused(version, ["it is worse"])
    assert folder_content(tmp_path / version) == before
    assert store.load(version).version == version
    assert [(each.is_aside, each.refused) for each in store.listed()] == [(True, ("it is worse",))]
    store.activate(version)
    assert [(each.is_aside, each.refused) for each in store.listed()] == [(False, ())]
    assert not list(tmp_path.glob(f"*{SUFFIX}"))


def test_what_is_live_has_no_mark_though_whoever_made_it_live_was_killed(tmp_path: Path) -> None:
    store = BundleStore(tmp_path)
    version = store.save(numbered(1)).version
    store.note_refused(version, ["it is worse"])
    assert not list(tmp_path.glob(f"*{SUFFIX}"))
    BundleMarks(tmp_path).put(version, Mark(("it is worse",)))  # as a kill leaves it
    assert store.refusal(version) == ()
    assert not store.listed()[0].is_aside


def test_what_is_aside_is_counted_by_itself_and_marks_go_with_their_versions(
    tmp_path: Path,
) -> None:
    store = BundleStore(tmp_path)
    good = [store.save(numbered(number)).version for number in range(4)]
    aside = [store.write(numbered(number)).version for number in range(10, 15)]
    for version in aside:
        store.note_tried(version)
    store.note_refused(aside[3], ["it is worse"])
    for second, version in enumerate([*good, *aside]):
        os.utime(tmp_path / version, (second, second))
    BundleMarks(tmp_path).put("0" * 12, Mark())  # of a version that is gone
    leftover = tmp_path / f".{good[0]}{SUFFIX}.new"  # as a killed writer leaves it
    leftover.touch()
    gone = store.prune(2, spare=[aside[0]])
    assert {*gone} == {*good[:2], *aside[1:3]}
    assert {path.stem for path in tmp_path.glob(f"*{SUFFIX}")} == {aside[0], *aside[3:]}
    assert not leftover.exists()


def test_what_the_gate_refused_and_lets_pass_later_is_tried(tmp_path: Path) -> None:
    store = BundleStore(tmp_path)
    refused, good = store.write(numbered(1)).version, store.write(numbered(2)).version
    store.note_refused(refused, ["it is worse"])
    for version in (refused, good):
        store.note_passed(version)
        assert store.refusal(version) == ()
    assert {each.version: each.is_aside for each in store.listed()} == {refused: True, good: False}
