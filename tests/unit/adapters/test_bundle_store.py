import dataclasses
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from tests.fakes import HashEncoder
from tests.folders import folder_content
from tests.unit.adapters.bundles import TEXTS, small_bundle
from waypost_server.adapters.bundle_format import INNER, SERVED, serialise
from waypost_server.adapters.bundle_store import CURRENT, PREVIOUS, BundleStore
from waypost_server.adapters.files import sha256_hex
from waypost_server.adapters.held_folder import hold_while
from waypost_server.adapters.reuse import Reusable
from waypost_server.core.building import BuiltVersion
from waypost_server.core.bundle import Bundle
from waypost_server.core.errors import BuildRunningError, BundleError
from waypost_server.core.ports import Encodings
from waypost_server.service.watch import Mark
from waypost_server.supervisor.named import named_in

OTHER_TEXTS = {"billing": ["refund me"], "support": ["it will not start"]}


def test_what_is_saved_is_live_in_this_process_and_the_next(tmp_path: Path) -> None:
    saved = BundleStore(tmp_path / "deep/index").save(small_bundle())
    store = BundleStore(tmp_path / "deep/index")
    assert store.live_version() == saved.version == serialise(small_bundle())[0]
    assert [*store.load().exemplars.texts] == [*saved.exemplars.texts]


def test_two_builds_of_the_same_routes_are_the_same_folder_byte_for_byte(tmp_path: Path) -> None:
    for name in ("a", "b"):
        BundleStore(tmp_path / name).save(small_bundle())
    assert folder_content(tmp_path / "a") == folder_content(tmp_path / "b")


def test_a_build_that_changes_nothing_writes_no_file_of_the_version_again(tmp_path: Path) -> None:
    folder = tmp_path / BundleStore(tmp_path).save(small_bundle()).version
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    BundleStore(tmp_path).save(small_bundle())
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_an_earlier_version_stays_and_can_be_live_again(tmp_path: Path) -> None:
    store = BundleStore(tmp_path)
    first, second = store.save(small_bundle()), store.save(small_bundle(OTHER_TEXTS))
    assert store.load().version == second.version
    store.save(small_bundle())
    assert store.load().version == first.version


def test_a_folder_without_a_live_bundle_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(BundleError) as error:
        BundleStore(tmp_path).load()
    assert str(error.value) == (
        f"{tmp_path}: no bundle is live here; run `waypost build --index {tmp_path}`"
    )


def test_versions_without_a_live_one_are_no_live_bundle(tmp_path: Path) -> None:
    BundleStore(tmp_path).save(small_bundle())
    (tmp_path / CURRENT).unlink()
    with pytest.raises(BundleError, match="no bundle is live here; run `waypost build"):
        BundleStore(tmp_path).load()


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"\xff23456789ab\n", b"../../elsewhere\n", b"0123\x0056789ab\n", b"0123456789AB"],
)
def test_a_damaged_name_of_the_live_version_is_refused_and_mended_by_a_build(
    tmp_path: Path, content: bytes
) -> None:
    store = BundleStore(tmp_path)
    saved = store.save(small_bundle())
    (tmp_path / CURRENT).write_bytes(content)
    with pytest.raises(BundleError, match=r"CURRENT: it names no version, but .*; build again"):
        store.load()
    assert _known(store, small_bundle().encoder_fingerprint) == {}
    store.save(small_bundle())
    assert store.load().version == saved.version


def test_a_live_version_that_is_gone_is_named(tmp_path: Path) -> None:
    (tmp_path / CURRENT).write_text("0123456789ab\n")
    with pytest.raises(BundleError) as error:
        BundleStore(tmp_path).load()
    assert str(error.value) == (
        f"{tmp_path}/0123456789ab/manifest.json: No such file or directory; build again"
    )


def test_a_place_where_nothing_can_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BundleError) as error:
        BundleStore(tmp_path / "file/index").save(small_bundle())
    assert str(error.value) == f"{tmp_path}/file/index: cannot be written: Not a directory"


@pytest.mark.parametrize("name", SERVED)
def test_a_damaged_version_is_written_anew_by_a_build(tmp_path: Path, name: str) -> None:
    store = BundleStore(tmp_path)
    store.save(small_bundle())
    sound = folder_content(tmp_path)
    damaged = tmp_path / serialise(small_bundle())[0] / name
    damaged.write_bytes(damaged.read_bytes()[:-1])
    store.save(small_bundle())
    assert folder_content(tmp_path) == sound


def test_what_a_killed_build_left_behind_is_cleaned_by_the_next(tmp_path: Path) -> None:
    leftover = tmp_path / ".building-0123456789ab"
    leftover.mkdir()
    (leftover / "exemplars.faiss").write_bytes(b"half")
    BundleStore(tmp_path).save(small_bundle())
    assert not leftover.exists()


def test_only_changed_exemplars_are_encoded_again(tmp_path: Path) -> None:
    store, encoder = BundleStore(tmp_path), HashEncoder()
    store.save(small_bundle(encoder=encoder))
    encoder.encoded.clear()
    texts = {"billing": TEXTS["billing"][1:], "support": ["brand new", *TEXTS["billing"][:1]]}
    bundle = small_bundle(texts, encoder=encoder, known=_known(store, encoder.fingerprint))
    assert encoder.encoded == ["brand new"]
    np.testing.assert_array_equal(bundle.encodings, small_bundle(texts).encodings)


@pytest.mark.parametrize("name", ["exemplars.faiss", INNER])
def test_encodings_of_another_encoder_or_of_a_damaged_bundle_are_not_reused(
    tmp_path: Path, name: str
) -> None:
    store = BundleStore(tmp_path)
    saved = store.save(small_bundle())
    assert _known(store, HashEncoder(name="other").fingerprint) == {}
    (tmp_path / saved.version / name).write_bytes(b"damaged")
    assert _known(store, HashEncoder().fingerprint) == {}


def test_builds_at_once_leave_one_of_them_live_and_all_of_them_whole(tmp_path: Path) -> None:
    bundles = [small_bundle({"billing": [f"text {i % 4}"]}) for i in range(12)]
    with ThreadPoolExecutor(6) as threads:
        saved = list(threads.map(lambda bundle: BundleStore(tmp_path).save(bundle), bundles))
    versions = {serialise(bundle)[0] for bundle in bundles}
    assert {stored.version for stored in saved} == versions
    assert BundleStore(tmp_path).load().version in versions
    assert {path.name for path in tmp_path.iterdir()} == versions | {CURRENT, PREVIOUS, ".lock"}


def test_a_build_killed_at_any_moment_leaves_the_previous_bundle_live_or_the_next(
    tmp_path: Path, repo: Path
) -> None:
    rounds = 50
    killed = subprocess.run(
        [sys.executable, "-m", "tests.unit.adapters.killed_builder", str(tmp_path), str(rounds)],
        cwd=repo,
        capture_output=True,
        text=True,
        check=False,
    )
    assert killed.stderr == ""
    pairs = [line.split() for line in killed.stdout.splitlines()]
    assert len(pairs) == rounds
    assert all(int(live) - int(said) in {0, 1} for said, live in pairs), pairs
    BundleStore(tmp_path).save(small_bundle())
    assert {path.name for path in tmp_path.glob(".*")} == {".lock"}


def test_any_version_can_be_loaded_and_an_unknown_one_names_those_there(tmp_path: Path) -> None:
    store = BundleStore(tmp_path / "index")
    assert store.versions() == ()
    first, second = store.save(small_bundle()), store.save(small_bundle(OTHER_TEXTS))
    assert store.versions() == tuple(sorted([first.version, second.version]))
    assert [*store.load(first.version).exemplars.texts] == [*first.exemplars.texts]
    assert store.live_version() == second.version
    known = ", ".join(store.versions())
    with pytest.raises(BundleError, match=f"has no version 'abc'; its versions are {known}"):
        store.load("abc")


def test_another_scoring_is_saved_only_in_place_of_the_live_bundle(tmp_path: Path) -> None:
    store = BundleStore(tmp_path)
    first = store.save(small_bundle())
    heavier = dataclasses.replace(first.scoring, similarity_weight=8.0)
    second = store.write_scoring(first, heavier)
    assert store.live_version() == first.version
    assert store.activate(second.version, instead_of=first.version) == first.version
    assert store.load().version == second.version != first.version
    assert store.load().scoring.similarity_weight == 8.0
    np.testing.assert_array_equal(store.load().encodings(), first.encodings())
    with pytest.raises(BundleError, match=rf"{first.version} is not live any more.*tune again"):
        store.activate(first.version, instead_of=first.version)
    assert store.load().version == second.version


def test_a_bundle_of_an_older_format_is_built_anew(tmp_path: Path) -> None:
    store = BundleStore(tmp_path)
    saved = store.save(small_bundle())
    folder = tmp_path / saved.version
    calibration = json.loads((folder / "calibration.json").read_text())
    del calibration["similarity_weight"]
    content = json.dumps(calibration).encode()
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["calibration.json"] = sha256_hex(content)
    changed = json.dumps(manifest).encode()
    old = folder.rename(tmp_path / sha256_hex(changed)[:12])
    (old / "calibration.json").write_bytes(content)
    (old / "manifest.json").write_bytes(changed)
    (tmp_path / CURRENT).write_text(old.name)
    with pytest.raises(BundleError, match=r"similarity_weight: Field required; build again"):
        store.load()
    assert _known(store, saved.manifest.encoder_fingerprint) == {}
    assert store.save(small_bundle()).version == saved.version


def numbered(number: int) -> Bundle:
    return small_bundle({"billing": [f"text {number}"]})


def aged(folder: Path, *versions: str) -> None:
    """Makes them look built in this order, a second apart."""
    for second, version in enumerate(versions):
        os.utime(folder / version, (second, second))


def test_what_is_written_is_not_live_until_it_is_activated(tmp_path: Path) -> None:
    store = BundleStore(tmp_path)
    first = store.write(numbered(1)).version
    assert store.live_version() is None
    assert store.activate(first) is None
    second = store.write(numbered(2)).version
    assert store.live_version() == first
    assert store.activate(second) == first
    assert store.live_version() == second
    assert (tmp_path / PREVIOUS).read_text() == f"{first}\n"


@pytest.mark.parametrize("name", SERVED)
def test_a_truncated_version_is_never_made_live(tmp_path: Path, name: str) -> None:
    store = BundleStore(tmp_path)
    first, second = store.save(numbered(1)).version, store.write(numbered(2)).version
    path = tmp_path / second / name
    path.write_bytes(path.read_bytes()[:-1])
    stamp = store.named_at()
    with pytest.raises(BundleError, match=rf"{name}: its SHA-256 is"):
        store.activate(second)
    assert (store.live_version(), store.named_at()) == (first, stamp)


def test_versions_are_listed_newest_first_as_their_manifests_say(tmp_path: Path) -> None:
    store = BundleStore(tmp_path)
    assert store.listed() == ()
    first, second, third = (store.write(numbered(i)) for i in range(3))
    store.activate(second.version)
    aged(tmp_path, first.version, second.version, third.version)
    (tmp_path / third.version / "manifest.json").write_bytes(b"{}")
    damaged, *sound = store.listed()
    assert (damaged.version, damaged.built_at) == (third.version, 2.0)
    assert "its SHA-256 is" in damaged.problem
    assert sound == [
        BuiltVersion(
            version=stored.version,
            is_live=stored is second,
            built_at=built_at,
            route_count=2,
            exemplar_count=1,
            encoder_name="hash",
            encoder_fingerprint=HashEncoder().fingerprint,
            routes_sha256="5" * 64,
        )
        for stored, built_at in ((second, 1.0), (first, 0.0))
    ]


def test_the_newest_versions_stay_and_the_live_one_and_the_one_before_it(tmp_path: Path) -> None:
    store = BundleStore(tmp_path)
    versions = [store.write(numbered(i)).version for i in range(8)]
    aged(tmp_path, *versions)
    store.activate(versions[1])
    store.activate(versions[0])
    aside = tmp_path / ".removing-0123456789ab"
    aside.mkdir()  # as a prune leaves it that was killed
    assert set(store.prune(3)) == set(versions[2:5])
    assert set(store.versions()) == {*versions[:2], *versions[5:]}
    assert not aside.exists()
    assert store.prune(3) == ()
    assert store.load().version == versions[0]


def test_a_version_that_somebody_serves_stays_until_nobody_does(tmp_path: Path) -> None:
    store = BundleStore(tmp_path)
    versions = [store.save(numbered(i)).version for i in range(4)]
    aged(tmp_path, *versions)

    class Engine:
        """Whoever holds it."""

    first, second = Engine(), Engine()
    for engine in (first, second):
        hold_while(engine, tmp_path / versions[0])
    assert store.prune(1) == (versions[1],)
    del first
    assert store.prune(1) == ()
    del second, engine
    assert store.prune(1) == (versions[0],)
    assert set(store.versions()) == set(versions[2:])


def test_one_build_of_a_server_runs_at_a_time(tmp_path: Path) -> None:
    with BundleStore(tmp_path).building():
        with pytest.raises(BuildRunningError), BundleStore(tmp_path).building():
            pass
        BundleStore(tmp_path).save(small_bundle())  # which others may
    with BundleStore(tmp_path).building():
        pass


@pytest.mark.parametrize("content", [None, b"0123456789ab\n", b"../../etc\n", b"\xff\n"])
def test_the_supervisor_reads_what_the_store_reads(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / CURRENT).write_bytes(content)
    store = BundleStore(tmp_path)
    try:
        wanted = Mark(store.live_version() or "", store.named_at())
    except BundleError as error:
        with pytest.raises(BundleError, match=re.escape(str(error))):
            named_in(tmp_path)
    else:
        assert named_in(tmp_path) == wanted


def _known(store: BundleStore, fingerprint: str) -> Mapping[str, Encodings]:
    return Reusable(store.usable()).encodings(fingerprint)
