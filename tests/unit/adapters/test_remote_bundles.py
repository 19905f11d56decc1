import fcntl
import json
import logging
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.folders import folder_content
from tests.unit.adapters.bundles import small_bundle
from tests.unit.adapters.remotes import MOST, PLACE, Faulty
from waypost_server.adapters.bundle_files import MANIFEST
from waypost_server.adapters.bundle_format import StoredBundle
from waypost_server.adapters.bundle_store import CURRENT, BundleStore
from waypost_server.adapters.files import sha256_hex
from waypost_server.adapters.remote_bundles import ASIDE, RemoteBundles
from waypost_server.adapters.remote_folder import RemoteFolder
from waypost_server.core.errors import BundleError

OTHER_TEXTS = {"billing": ["refund me"], "support": ["it will not start"]}
DAMAGED = "exemplars.faiss"


@pytest.fixture
def elsewhere() -> Faulty:
    return Faulty()


@pytest.fixture
def one(tmp_path: Path) -> StoredBundle:
    """A bundle, live where it was built."""
    return BundleStore(tmp_path / "builder").save(small_bundle())


@pytest.fixture
def here(tmp_path: Path) -> Path:
    return tmp_path / "deep/index"


def another(index: Path) -> str:
    return BundleStore(index).save(small_bundle(OTHER_TEXTS)).version


def refused(elsewhere: Faulty, here: Path, **options: int) -> str:
    """Why the fetch of what is live elsewhere fails; here all is as before."""
    before = folder_content(here)
    with pytest.raises(BundleError) as error:
        elsewhere.bundles(**options).follow(here)
    after = folder_content(here)
    assert {name: after[name] for name in before} == before
    assert (BundleStore(here).live_version() or "") == before.get(CURRENT, b"").decode().strip()
    return str(error.value)


def test_what_one_pushes_another_has_live_byte_for_byte(
    elsewhere: Faulty, one: StoredBundle, here: Path
) -> None:
    assert elsewhere.bundles().push(one.folder.parent) == one.version
    assert elsewhere.bundles().follow(here) == one.version
    assert BundleStore(here).load().version == one.version
    assert folder_content(here / one.version) == folder_content(one.folder)
    assert not (here / ASIDE).exists()


def test_what_is_live_there_is_named_last_and_a_manifest_after_the_files_that_it_names(
    elsewhere: Faulty, one: StoredBundle
) -> None:
    elsewhere.bundles().push(one.folder.parent)
    assert elsewhere.written[-1] == f"{one.version}/{MANIFEST}"
    assert [*elsewhere.store][-1] == f"{PLACE}/{CURRENT}"


def test_a_push_that_is_repeated_copies_what_is_missing_or_cut_off_and_all_of_it_if_told(
    elsewhere: Faulty, one: StoredBundle
) -> None:
    index = one.folder.parent
    elsewhere.bundles().push(index)
    elsewhere.written.clear()
    elsewhere.bundles().push(index)
    assert elsewhere.written == []
    elsewhere.pipe_file(f"{PLACE}/{one.version}/{DAMAGED}", b"cut")
    elsewhere.bundles().push(index)
    assert elsewhere.written == [f"{one.version}/{DAMAGED}"]
    elsewhere.bundles().push(index, again=True)
    assert len(elsewhere.written) == 1 + len(one.files.names) + 1


def test_a_named_version_is_pushed_and_pulled(
    elsewhere: Faulty, one: StoredBundle, here: Path
) -> None:
    index = one.folder.parent
    two = another(index)
    elsewhere.bundles().push(index)
    elsewhere.bundles().push(index, one.version)
    assert elsewhere.bundles().live_version() == one.version
    assert elsewhere.bundles().pull(here, two) == two
    assert BundleStore(here).live_version() == two


def test_nothing_is_pushed_of_a_damaged_bundle(elsewhere: Faulty, one: StoredBundle) -> None:
    (one.folder / DAMAGED).write_bytes(b"")
    with pytest.raises(BundleError, match=r"exemplars\.faiss: its SHA-256 is"):
        elsewhere.bundles().push(one.folder.parent)
    assert elsewhere.store == {}


def test_what_is_here_already_is_not_fetched_again(
    elsewhere: Faulty, one: StoredBundle, here: Path
) -> None:
    elsewhere.bundles().push(one.folder.parent)
    elsewhere.bundles().follow(here)
    elsewhere.read.clear()
    assert elsewhere.bundles().follow(here) is None
    assert elsewhere.read == [CURRENT]


def test_a_version_made_live_by_hand_stays_until_another_is_live_elsewhere(
    elsewhere: Faulty, one: StoredBundle, here: Path
) -> None:
    builder = one.folder.parent
    elsewhere.bundles().push(builder)
    elsewhere.bundles().follow(here)
    by_hand = BundleStore(here).save(small_bundle({"billing": ["x"], "support": ["y"]})).version
    assert elsewhere.bundles().follow(here) is None
    assert BundleStore(here).live_version() == by_hand
    two = another(builder)
    elsewhere.bundles().push(builder)
    assert elsewhere.bundles().follow(here) == two
    elsewhere.bundles().push(builder, one.version)
    assert elsewhere.bundles().follow(here) == one.version  # from disk
    assert BundleStore(here).live_version() == one.version


def test_where_nothing_is_live_there_is_nothing_to_follow_and_a_pull_says_so(
    elsewhere: Faulty, here: Path
) -> None:
    assert elsewhere.bundles().follow(here) is None
    with pytest.raises(BundleError) as error:
        elsewhere.bundles().pull(here)
    assert str(error.value) == ("test://fleet: no bundle is live there; run `waypost index push`")


def test_that_nothing_is_live_there_is_told_once_and_that_something_is_again(
    elsewhere: Faulty, one: StoredBundle, here: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    bundles = elsewhere.bundles()
    for _ in range(3):
        bundles.follow(here)
    bundles.push(one.folder.parent)
    for _ in range(3):
        bundles.follow(here)
    elsewhere.rm(f"{PLACE}/{CURRENT}")
    bundles.follow(here)
    nothing = (
        "test://fleet: no bundle is live there, so there is nothing to follow: run `waypost index "
        "push`, or mend WAYPOST_BUNDLES_URL"
    )
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", nothing),
        ("INFO", f"test://fleet: bundle {one.version} is live there now"),
        ("WARNING", nothing),
    ]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (lambda name, content: content[:-1], r"exemplars\.faiss: its SHA-256 is [0-9a-f]{64}, but"),
        (lambda name, content: content + b"x", r"exemplars\.faiss: its SHA-256 is"),
        (lambda name, content: b"", r"exemplars\.faiss: its SHA-256 is"),
    ],
)
def test_a_file_that_is_not_what_its_manifest_says_never_goes_live(
    elsewhere: Faulty,
    one: StoredBundle,
    here: Path,
    fault: Callable[[str, bytes], bytes],
    said: str,
) -> None:
    another(here)
    elsewhere.bundles().push(one.folder.parent)
    elsewhere.fault = lambda name, content: (
        fault(name, content) if name.endswith(DAMAGED) else content
    )
    assert re.search(said, refused(elsewhere, here))
    elsewhere.fault = lambda name, content: content
    assert elsewhere.bundles().follow(here) == one.version  # and it recovers


def test_an_interrupted_fetch_goes_on_where_it_ended(
    elsewhere: Faulty, one: StoredBundle, here: Path
) -> None:
    another(here)
    elsewhere.bundles().push(one.folder.parent)
    names = [*one.manifest.files]
    gone = names[len(names) // 2]

    def reset(name: str, content: bytes) -> bytes:
        if name.endswith(f"/{gone}"):
            raise ConnectionResetError("connection reset by peer")
        return content

    elsewhere.fault = reset
    said = refused(elsewhere, here)
    assert said == f"test://fleet/{one.version}/{gone}: connection reset by peer"
    elsewhere.fault = lambda name, content: content
    elsewhere.read.clear()
    assert elsewhere.bundles().follow(here) == one.version
    rest = [f"{one.version}/{name}" for name in names[names.index(gone) :]]
    assert elsewhere.read == [CURRENT, f"{one.version}/{MANIFEST}", *rest]
    assert folder_content(here / one.version) == folder_content(one.folder)


def test_what_is_fetched_is_no_larger_than_allowed(
    elsewhere: Faulty, one: StoredBundle, here: Path
) -> None:
    elsewhere.bundles().push(one.folder.parent)
    size = sum((one.folder / name).stat().st_size for name in one.manifest.files)
    assert re.search(
        r": it is larger than \d+ bytes", refused(elsewhere, here, most_bytes=size - 1)
    )
    elsewhere.fault = lambda name, content: content * 50 if name.endswith(DAMAGED) else content
    assert "it is larger than" in refused(elsewhere, here.with_name("other"), most_bytes=size)
    elsewhere.fault = lambda name, content: content
    assert elsewhere.bundles(most_bytes=size).follow(here) == one.version


@pytest.mark.parametrize(
    "name",
    [
        "../../escaped.json",
        "/tmp/escaped.json",  # noqa: S108
        "..",
        "a/b.json",
        "a\\b.json",
        ".hidden.json",
        "CURRENT",
        "run.sh",
        "",
        "x.json\n",
        "x.json\0",
    ],
)
def test_a_manifest_names_files_beside_it_and_nothing_else(
    elsewhere: Faulty, one: StoredBundle, here: Path, name: str
) -> None:
    manifest = json.loads((one.folder / MANIFEST).read_bytes())
    manifest["files"][name] = sha256_hex(b"{}")
    said = refused_forgery(elsewhere, here, json.dumps(manifest).encode())
    assert "it names files that no bundle has" in said
    assert [path for path in here.rglob("*") if path.is_file() and ".lock" not in path.name] == []


def refused_forgery(elsewhere: Faulty, here: Path, manifest: bytes) -> str:
    version = sha256_hex(manifest)[:12]
    elsewhere.pipe_file(f"{PLACE}/{CURRENT}", f"{version}\n".encode())
    elsewhere.pipe_file(f"{PLACE}/{version}/{MANIFEST}", manifest)
    return refused(elsewhere, here)


@pytest.mark.parametrize("manifest", [b"", b"{", b"[]", b'{"files": {}}'])
def test_what_is_no_manifest_is_refused(elsewhere: Faulty, here: Path, manifest: bytes) -> None:
    assert f"/{MANIFEST}: " in refused_forgery(elsewhere, here, manifest)


def test_a_manifest_that_is_not_its_versions_own_or_not_there_is_refused(
    elsewhere: Faulty, one: StoredBundle, here: Path
) -> None:
    elsewhere.bundles().push(one.folder.parent)
    path = f"{PLACE}/{one.version}/{MANIFEST}"
    elsewhere.pipe_file(path, elsewhere.content(f"{one.version}/{MANIFEST}") + b" ")
    assert "but the version is" in refused(elsewhere, here)
    elsewhere.rm(path)
    assert "it is not there; run `waypost index push`" in refused(elsewhere, here)


@pytest.mark.parametrize("content", [b"", b"../../etc\n", b"\xff" * 12, b"0123456789AB", b"x" * 99])
def test_a_name_that_is_no_version_is_refused(
    elsewhere: Faulty, here: Path, content: bytes
) -> None:
    another(here)
    elsewhere.pipe_file(f"{PLACE}/{CURRENT}", content)
    assert "CURRENT: it " in refused(elsewhere, here)
    with pytest.raises(BundleError, match="is no version"):
        elsewhere.bundles().pull(here, "../elsewhere")


def test_a_link_in_the_way_of_a_fetch_is_not_followed(
    elsewhere: Faulty, one: StoredBundle, here: Path, tmp_path: Path
) -> None:
    elsewhere.bundles().push(one.folder.parent)
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    aside = here / ASIDE / one.version
    aside.mkdir(parents=True)
    (aside / DAMAGED).symlink_to(victim)
    (aside / MANIFEST).symlink_to(victim)
    assert elsewhere.bundles().follow(here) == one.version
    assert victim.read_bytes() == b"precious"
    assert not any(path.is_symlink() for path in (here / one.version).iterdir())


def test_one_process_fetches_at_a_time(elsewhere: Faulty, one: StoredBundle, here: Path) -> None:
    elsewhere.bundles().push(one.folder.parent)
    here.mkdir(parents=True)
    with (here / f"{ASIDE}.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert elsewhere.bundles().follow(here) is None
        with pytest.raises(BundleError, match="another process is fetching"):
            elsewhere.bundles().pull(here)
    assert elsewhere.bundles().follow(here) == one.version


def test_a_bundle_that_cannot_be_served_here_does_not_go_live(
    elsewhere: Faulty, one: StoredBundle, here: Path
) -> None:
    fits = False

    def check(stored: StoredBundle) -> None:
        if not fits:
            raise BundleError(f"{stored.version} was built with another encoder")

    elsewhere.bundles().push(one.folder.parent)
    bundles = RemoteBundles(
        RemoteFolder(elsewhere, PLACE, url="test://fleet"), most_bytes=MOST, check=check
    )
    with pytest.raises(BundleError, match="built with another encoder"):
        bundles.follow(here)
    assert BundleStore(here).live_version() is None
    assert BundleStore(here).versions() == ()  # it stays aside
    assert (here / ASIDE / one.version / MANIFEST).exists()
    assert bundles.refused == f"{one.version} was built with another encoder"
    elsewhere.read.clear()
    fits = True
    assert bundles.follow(here) == one.version
    assert bundles.refused == ""
    assert elsewhere.read == [CURRENT, f"{one.version}/{MANIFEST}"]  # the rest had come


def test_a_damaged_copy_here_is_replaced(elsewhere: Faulty, one: StoredBundle, here: Path) -> None:
    elsewhere.bundles().push(one.folder.parent)
    elsewhere.bundles().follow(here)
    (here / one.version / DAMAGED).write_bytes(b"rotten")
    assert elsewhere.bundles().pull(here) == one.version
    assert BundleStore(here).load().version == one.version


def test_a_fetch_that_takes_too_long_is_given_up(
    elsewhere: Faulty, one: StoredBundle, here: Path
) -> None:
    elsewhere.bundles().push(one.folder.parent)
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += 1000
        return now

    remote = RemoteFolder(elsewhere, PLACE, url="test://fleet", clock=clock)
    with pytest.raises(BundleError, match="it comes too slowly"):
        RemoteBundles(remote, most_bytes=MOST, clock=clock).follow(here)
    assert BundleStore(here).live_version() is None
