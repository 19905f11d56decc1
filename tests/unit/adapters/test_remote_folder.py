from pathlib import Path

import pytest

from tests.folders import folder_content
from tests.unit.adapters.bundles import small_bundle
from waypost_server.adapters.bundle_store import BundleStore
from waypost_server.adapters.remote_bundles import RemoteBundles
from waypost_server.adapters.remote_folder import RemoteFolder
from waypost_server.core.errors import BundleError


def test_a_shared_volume_is_an_index_folder(tmp_path: Path) -> None:
    stored = BundleStore(tmp_path / "builder").save(small_bundle())
    shared = RemoteBundles(RemoteFolder.at(f"file://{tmp_path}/shared"), most_bytes=2**24)
    shared.push(tmp_path / "builder")
    assert BundleStore(tmp_path / "shared").load().version == stored.version
    assert shared.follow(tmp_path / "here") == stored.version
    assert folder_content(tmp_path / "here" / stored.version) == folder_content(stored.folder)


def test_a_file_is_the_old_one_or_the_new(tmp_path: Path) -> None:
    folder = RemoteFolder.at(f"file://{tmp_path}")
    for content in (b"one", b"two"):
        folder.replace("a/CURRENT", content)
        assert folder.read("a/CURRENT", most=3) == content
    assert folder_content(tmp_path) == {"a/CURRENT": b"two"}


def test_a_file_that_is_not_there_has_no_content_and_no_size(tmp_path: Path) -> None:
    folder = RemoteFolder.at(f"file://{tmp_path}/none")
    assert (folder.read("x", most=9), folder.size("x")) == (None, None)


def test_what_is_no_plain_file_has_no_size(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "file")
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "folder").mkdir()
    folder = RemoteFolder.at(f"file://{tmp_path}")
    assert folder.size("file") == 1
    for name in ("link", "folder"):
        with pytest.raises(BundleError, match="it is no plain file"):
            folder.size(name)


def test_a_scheme_that_nothing_speaks_is_told_without_the_login() -> None:
    with pytest.raises(BundleError) as error:
        RemoteFolder.at("nonsense://user:secret@host/path?token=secret")
    assert str(error.value) == "nonsense://host/path: Protocol not known: nonsense"


def test_a_file_larger_than_wanted_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"1234")
    folder = RemoteFolder.at(f"file://{tmp_path}")
    assert folder.read("x", most=4) == b"1234"
    with pytest.raises(BundleError, match="it is larger than 3 bytes"):
        folder.read("x", most=3)
