"""Bundles that a fleet shares: what one machine puts there, the others fetch.

There it looks as in an index folder: a folder a version, and `CURRENT`, which is written last.
"""

import fcntl
import hashlib
import logging
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from waypost_server.adapters import bundle_format
from waypost_server.adapters.bundle_files import MANIFEST, MAX_MANIFEST
from waypost_server.adapters.bundle_format import (
    VERSION_DIGITS,
    BundleManifest,
    StoredBundle,
    is_intact,
)
from waypost_server.adapters.bundle_store import CURRENT, VERSION, BundleStore
from waypost_server.adapters.files import (
    open_lock,
    replace_durably,
    sha256_hex,
    sync_file,
    sync_folder,
    write_durably,
)
from waypost_server.adapters.plain_file import read_plain
from waypost_server.adapters.remote_folder import RemoteFolder
from waypost_server.core.building import refusal
from waypost_server.core.errors import BundleError, WaypostError

ASIDE = ".fetching"
FOLLOWED = ".followed"

FILE_NAME = r"[a-z][a-z0-9_]{0,63}\.(faiss|json|jsonl|npy|npz)"
"""What a manifest may name: a file beside it, and nothing else."""

MAX_FILES = 64

FETCH_SECONDS = 1800.0
"""One bundle at most: 8 GB at 5 MB a second. What has come by then is kept for the next time."""

Check = Callable[[StoredBundle], None]
"""Raises BundleError or EncoderError when a bundle cannot be served here."""

_log = logging.getLogger(__name__)


def _any(stored: StoredBundle) -> None:
    """Whatever is intact will do."""


class RemoteBundles:
    """The versions in a folder elsewhere; a method that raises WaypostError changed nothing.

    What is there is believed as little as what is on disk: only files that a manifest names, only
    beside it, only as large as is allowed, and only with the hashes that it gives.

    Attributes:
        refused: why what is live there is not live here; empty if it is, or nobody knows.
    """

    def __init__(
        self,
        remote: RemoteFolder,
        *,
        most_bytes: int,
        check: Check = _any,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Reaches for nothing yet.

        Args:
            remote: where they are.
            most_bytes: of a bundle that is fetched.
            check: of a bundle that was fetched, before it is made live.
            clock: that of `remote`, in seconds.
        """
        self._remote = remote
        self._most_bytes = most_bytes
        self._check = check
        self._clock = clock
        self._is_empty = False
        self.refused = ""

    def __str__(self) -> str:
        return str(self._remote)

    def live_version(self) -> str | None:
        """The version that is live there; None when there is none."""
        content = self._remote.read(CURRENT, most=64)
        if content is None:
            return None
        version = content.decode("ascii", errors="replace").strip()
        if not re.fullmatch(VERSION, version):
            raise BundleError(f"{self._remote}/{CURRENT}: it names no version, but {version!r}")
        return version

    def push(
        self,
        index: Path,
        version: str | None = None,
        *,
        again: bool = False,
        force: bool = False,
    ) -> str:
        """Copies a version, by default the live one, and makes it live there.

        Args:
            index: the folder of bundles here.
            version: which.
            again: whether to copy files, too, that are there already in the right size.
            force: whether even one that the gate refused.

        Returns:
            The version.
        """
        store = BundleStore(index)
        stored = store.load(version)
        if not force and (problems := store.refusal(stored.version)):
            raise BundleError(
                f"{refusal(stored.version, problems)}; mend that and build again, or push it all "
                "the same with --force"
            )
        folder = stored.folder
        # The manifest comes last, so that what has one was whole.
        known = not again and self._remote.size(f"{folder.name}/{MANIFEST}") is not None
        for name in (*stored.files.names, MANIFEST):
            path = f"{folder.name}/{name}"
            if not (known and self._remote.size(path) == (folder / name).stat().st_size):
                self._remote.put(path, folder / name)
        self._remote.replace(CURRENT, f"{folder.name}\n".encode())
        return folder.name

    def follow(self, index: Path) -> str | None:
        """Fetches what is live there, and makes it live here, if it was not followed before.

        So a machine on which another version was made live by hand stays with that, until there
        another one is made live.

        Returns:
            The version if it is live here now and was not before; None if there is nothing to do,
            or another process does it.
        """
        version = self.live_version()
        self._say_if_empty(version)
        here = BundleStore(index).live_version() if index.is_dir() else None
        if version is None or (here and version == _followed(index)):
            self.refused = ""
            return None
        with _alone(index) as alone:
            if not alone or (here and version == _followed(index)):
                return None
            try:
                self._take(index, version)
            except WaypostError as error:
                self.refused = str(error)
                raise
        self.refused = ""
        return None if version == here else version

    def _say_if_empty(self, version: str | None) -> None:
        """Once when there is nothing to follow, and once when there is again."""
        if version is None and not self._is_empty:
            _log.warning(
                "%s: no bundle is live there, so there is nothing to follow: run `waypost index "
                "push`, or mend WAYPOST_BUNDLES_URL",
                self._remote,
            )
        elif version and self._is_empty:
            _log.info("%s: bundle %s is live there now", self._remote, version)
        self._is_empty = version is None

    def pull(self, index: Path, version: str | None = None) -> str:
        """Fetches a version, by default the live one, and makes it live here; returns it."""
        version = version or self.live_version()
        if version is None:
            raise BundleError(f"{self._remote}: no bundle is live there; run `waypost index push`")
        if not re.fullmatch(VERSION, version):
            raise BundleError(f"{version[:40]!r} is no version: they have {VERSION_DIGITS} digits")
        with _alone(index) as alone:
            if not alone:
                raise BundleError(f"{index}: another process is fetching a bundle; try again later")
            self._take(index, version)
        return version

    def _take(self, index: Path, version: str) -> None:
        store = BundleStore(index)
        try:
            if not is_intact(index / version):
                self._check(self._fetch(index, version))
                store.adopt(index / ASIDE / version)
            else:
                self._check(store.load(version))
                store.activate(version)
            shutil.rmtree(index / ASIDE, ignore_errors=True)
            replace_durably(index / FOLLOWED, f"{version}\n".encode())
        except OSError as error:
            raise BundleError(f"{index}: cannot be written: {error.strerror}") from error

    def _fetch(self, index: Path, version: str) -> StoredBundle:
        """Fetches a version aside; files that came whole at an earlier try are kept."""
        content = self._remote.read(f"{version}/{MANIFEST}", most=MAX_MANIFEST)
        manifest = self._manifest(version, content)
        aside = index / ASIDE / version
        for other in (index / ASIDE).glob("*"):
            if other != aside:
                shutil.rmtree(other)
        aside.mkdir(parents=True, exist_ok=True)
        until, left = self._clock() + FETCH_SECONDS, self._most_bytes
        for name, wanted in manifest.files.items():
            target = aside / name
            if not _holds(target, wanted):
                target.unlink(missing_ok=True)
                found = self._remote.fetch(f"{version}/{name}", target, most=left, until=until)
                if found != wanted:
                    target.unlink()
                    raise BundleError(
                        f"{self._remote}/{version}/{name}: its SHA-256 is {found}, but {MANIFEST} "
                        f"says {wanted}; run `waypost index push --again`"
                    )
                sync_file(target)
            left -= target.stat().st_size
        (aside / MANIFEST).unlink(missing_ok=True)
        write_durably(aside / MANIFEST, content or b"")
        sync_folder(aside)
        return bundle_format.load(aside)

    def _manifest(self, version: str, content: bytes | None) -> BundleManifest:
        where = f"{self._remote}/{version}/{MANIFEST}"
        if content is None:
            raise BundleError(f"{where}: it is not there; run `waypost index push`")
        found = sha256_hex(content)[:VERSION_DIGITS]
        if found != version:
            raise BundleError(
                f"{where}: its SHA-256 is {found}, but the version is {version}; "
                "run `waypost index push --again`"
            )
        try:
            manifest = BundleManifest.model_validate_json(content)
        except ValidationError as error:
            raise BundleError(f"{where}: {error.errors()[0]['msg']}") from None
        strange = [name for name in manifest.files if not re.fullmatch(FILE_NAME, name)]
        if strange or len(manifest.files) > MAX_FILES:
            raise BundleError(f"{where}: it names files that no bundle has: {strange[:3]}")
        return manifest


def _holds(path: Path, wanted: str) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == wanted


def _followed(index: Path) -> str:
    try:
        return read_plain(index / FOLLOWED, most=64).decode("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


@contextmanager
def _alone(index: Path) -> Iterator[bool]:
    """Whether no other process fetches; the lock goes with the process."""
    try:
        index.mkdir(parents=True, exist_ok=True)
        lock = open_lock(index / f"{ASIDE}.lock")
    except OSError as error:
        raise BundleError(f"{index}: cannot be written: {error.strerror}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True
