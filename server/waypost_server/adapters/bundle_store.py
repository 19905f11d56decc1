"""Bundles on disk: a folder a version, written aside and renamed; `CURRENT` names the live one."""

import fcntl
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from waypost_server.adapters import bundle_format
from waypost_server.adapters.bundle_format import VERSION_DIGITS, StoredBundle
from waypost_server.adapters.files import replace_durably, sync_folder, write_durably
from waypost_server.core.bundle import Bundle
from waypost_server.core.errors import BundleError
from waypost_server.core.scoring import Scoring

CURRENT = "CURRENT"
VERSION = rf"[0-9a-f]{{{VERSION_DIGITS}}}"


class BundleStore:
    """The versions in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def live_version(self) -> str | None:
        """The live version; None when nothing has been built yet; raises BundleError."""
        path = self._folder / CURRENT
        try:
            version = path.read_bytes().decode("ascii", errors="replace").strip()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise BundleError(f"{path}: cannot be read: {error.strerror}") from None
        if not re.fullmatch(VERSION, version):
            raise BundleError(f"{path}: it names no version, but {version[:40]!r}; build again")
        return version

    def named_at(self) -> int:
        """When the live version was named, in nanoseconds since 1970; 0 when none is."""
        try:
            return (self._folder / CURRENT).stat().st_mtime_ns
        except OSError:
            return 0

    def versions(self) -> tuple[str, ...]:
        """The versions in the folder, sorted by name; whether they are intact, loading tells."""
        folders = self._folder.iterdir() if self._folder.is_dir() else ()
        return tuple(sorted(path.name for path in folders if re.fullmatch(VERSION, path.name)))

    def load(self, version: str | None = None) -> StoredBundle:
        """Loads and verifies a version, by default the live one; raises BundleError."""
        if version is not None and version not in self.versions():
            known = ", ".join(self.versions()) or "none"
            raise BundleError(
                f"{self._folder}: it has no version {version[:40]!r}; its versions are {known}"
            )
        version = version or self.live_version()
        if version is None:
            raise BundleError(
                f"{self._folder}: no bundle is live here; "
                f"run `waypost build --index {self._folder}`"
            )
        return bundle_format.load(self._folder / version)

    def usable(self) -> StoredBundle | None:
        """The live version; None when there is none, or none that can be used."""
        try:
            return self.load()
        except BundleError:
            return None

    def save(self, bundle: Bundle) -> StoredBundle:
        """Writes `bundle` as a version, makes it live and returns it as loaded from disk.

        Equal bundles are equal byte for byte and so have one version. The last step is atomic:
        until then the previous version stays live. Raises BundleError when it cannot be written.
        """
        version, files = bundle_format.serialise(bundle)
        return self._save(version, files)

    def save_scoring(self, stored: StoredBundle, scoring: Scoring) -> StoredBundle:
        """Likewise, of the live bundle with another scoring.

        Raises BundleError, too, when another bundle went live since it was loaded.
        """
        version, files = bundle_format.with_scoring(stored, scoring)
        return self._save(version, files, instead_of=stored.version)

    def adopt(self, aside: Path) -> None:
        """Takes over a version's folder that was written elsewhere on this disk, and makes it live.

        It must be intact and on disk. Raises BundleError when it cannot be taken over.
        """
        try:
            with self._locked():
                shutil.rmtree(
                    self._folder / aside.name, ignore_errors=True
                )  # damaged, if it is there
                aside.rename(self._folder / aside.name)
                sync_folder(self._folder)
                replace_durably(self._folder / CURRENT, f"{aside.name}\n".encode())
        except OSError as error:
            raise BundleError(f"{self._folder}: cannot be written: {error.strerror}") from error

    def name_live(self, version: str) -> None:
        """Makes a version of the folder live, which must be intact; raises BundleError."""
        try:
            with self._locked():
                replace_durably(self._folder / CURRENT, f"{version}\n".encode())
        except OSError as error:
            raise BundleError(f"{self._folder}: cannot be written: {error.strerror}") from error

    def _save(
        self, version: str, files: Mapping[str, bytes], *, instead_of: str | None = None
    ) -> StoredBundle:
        try:
            with self._locked():
                if instead_of and self.live_version() != instead_of:
                    raise BundleError(
                        f"{self._folder}: {instead_of} is not live any more: another bundle was "
                        "built meanwhile, and stays live; tune again"
                    )
                folder = self._folder / version
                if not _is_intact(folder):
                    self._write(folder, files)
                stored = bundle_format.load(folder)
                replace_durably(self._folder / CURRENT, f"{version}\n".encode())
        except OSError as error:
            raise BundleError(f"{self._folder}: cannot be written: {error.strerror}") from error
        return stored

    def _write(self, folder: Path, files: Mapping[str, bytes]) -> None:
        for leftover in self._folder.glob(".building-*"):  # of a build that was killed
            shutil.rmtree(leftover)
        aside = folder.with_name(f".building-{folder.name}")
        aside.mkdir()
        for name, content in files.items():
            write_durably(aside / name, content)
        sync_folder(aside)
        shutil.rmtree(folder, ignore_errors=True)  # it is there only if it is damaged
        aside.rename(folder)
        sync_folder(self._folder)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One builder at a time; the lock goes with the process."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _is_intact(folder: Path) -> bool:
    try:
        bundle_format.load(folder)
    except BundleError:
        return False
    return True
