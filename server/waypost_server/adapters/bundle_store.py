"""Bundles on disk: a folder a version, written aside and renamed; `CURRENT` names the live one."""

import fcntl
import re
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from waypost_server.adapters import bundle_format
from waypost_server.adapters.bundle_format import VERSION_DIGITS, StoredBundle, is_intact
from waypost_server.adapters.bundle_listing import describe
from waypost_server.adapters.bundle_marks import BundleMarks, Mark
from waypost_server.adapters.files import open_lock, replace_durably, sync_folder, write_durably
from waypost_server.adapters.held_folder import unless_held
from waypost_server.adapters.plain_file import read_plain
from waypost_server.core.building import BuiltVersion
from waypost_server.core.bundle import Bundle
from waypost_server.core.errors import BuildRunningError, BundleError
from waypost_server.core.scoring import Scoring

CURRENT = "CURRENT"
PREVIOUS = "PREVIOUS"
"""The file that names the version that was live before."""

VERSION = rf"[0-9a-f]{{{VERSION_DIGITS}}}"


class BundleStore:
    """The versions in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._marks = BundleMarks(folder)

    def live_version(self) -> str | None:
        """The live version; None when nothing has been built yet; raises BundleError."""
        path = self._folder / CURRENT
        try:
            version = read_plain(path, most=64).decode("ascii", errors="replace").strip()
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

    def written_at(self, version: str) -> float:
        """When a version was written, in seconds since 1970; 0 when it is not there."""
        try:
            return (self._folder / version).stat().st_mtime
        except OSError:
            return 0.0

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
        """`write`, and `activate` at once."""
        stored = self.write(bundle)
        self.activate(stored.version)
        return stored

    def write(self, bundle: Bundle) -> StoredBundle:
        """Writes `bundle` as a version, live or not, and returns it as loaded from disk.

        Equal bundles are equal byte for byte and so have one version. Raises BundleError when it
        cannot be written.
        """
        with self._changing():
            return self._written(*bundle_format.serialise(bundle))

    def write_scoring(self, stored: StoredBundle, scoring: Scoring) -> StoredBundle:
        """Likewise, of a bundle with another scoring."""
        with self._changing():
            return self._written(*bundle_format.with_scoring(stored, scoring))

    def activate(self, version: str, *, instead_of: str | None = None) -> str | None:
        """Makes a version live once it is found sound; the step that counts is atomic.

        It has no mark from then on: whoever made it live knew what the gate had said.

        Args:
            version: one in the folder.
            instead_of: the version that must still be live; None for any.

        Returns:
            The version that was live before; None when none was, or none that is a version.

        Raises:
            BundleError: the version cannot be used, or another one is live by now.
        """
        with self._changing():
            self.load(version)
            before = self._named()
            if instead_of and before != instead_of:
                raise BundleError(
                    f"{self._folder}: {instead_of} is not live any more: another bundle was "
                    "built meanwhile, and stays live; tune again"
                )
            if before and before != version:
                replace_durably(self._folder / PREVIOUS, f"{before}\n".encode())
            replace_durably(self._folder / CURRENT, f"{version}\n".encode())
            self._marks.lift(version)
            return before

    def note_tried(self, version: str) -> None:
        """Keeps that a version has never been live, and that the gate has nothing against it."""
        self._mark(version, Mark())

    def note_refused(self, version: str, problems: Sequence[str]) -> None:
        """Keeps why the gate refused a version, a sentence each; not of the live one: it serves."""
        self._mark(version, Mark(tuple(problems)))

    def note_passed(self, version: str) -> None:
        """Forgets that the gate once refused a version."""
        if self.refusal(version):
            self._mark(version, Mark())

    def refusal(self, version: str) -> tuple[str, ...]:
        """Why the gate refused a version; empty if it did not, or if it is live."""
        mark = self._marked(version)
        return mark.refused if mark else ()

    def _mark(self, version: str, mark: Mark) -> None:
        with self._changing():
            if version != self._named():
                self._marks.put(version, mark)

    def _marked(self, version: str) -> Mark | None:
        # A live one has a mark only if whoever made it live was killed before the end.
        return None if version == self._named() else self._marks.of(version)

    def adopt(self, aside: Path) -> None:
        """Takes over a version's folder that was written elsewhere on this disk, and activates it.

        It must be intact and on disk. Raises BundleError when it cannot be taken over.
        """
        folder = self._folder / aside.name
        with self._changing():
            if is_intact(folder):
                shutil.rmtree(aside)
            else:
                shutil.rmtree(folder, ignore_errors=True)
                aside.rename(folder)
                sync_folder(self._folder)
        self.activate(aside.name)

    def listed(self) -> tuple[BuiltVersion, ...]:
        """The versions in the folder, the newest first."""
        live, versions = self._named(), self.versions()
        described = (
            describe(
                self._folder / version,
                is_live=version == live,
                mark=self._marked(version),
                versions=versions,
            )
            for version in versions
        )
        found = [each for each in described if each]
        return tuple(sorted(found, key=lambda each: (each.built_at, each.version), reverse=True))

    def prune(self, keep: int, *, spare: Collection[str] = ()) -> tuple[str, ...]:
        """Removes all but the newest `keep` versions, and returns those that went.

        Versions that are aside, refused or tried, are counted by themselves: they take no other's
        place, and go in their turn. The live one stays in any case, and the one before it, those to
        spare and those that a process of this machine serves. Raises BundleError when one cannot be
        removed.
        """
        with self._changing():
            self._clean()
            stay = {self._named(), self._previous(), *spare}
            listed = self.listed()
            old = [
                each.version
                for kind in (False, True)
                for each in [one for one in listed if one.is_aside is kind][keep:]
                if each.version not in stay
            ]
            return tuple(version for version in old if self._removed(version))

    def _removed(self, version: str) -> bool:
        folder = self._folder / version
        aside = folder.with_name(f".removing-{version}")
        with unless_held(folder) as free:
            if free:
                folder.rename(aside)  # at once: a version is whole or not there
                shutil.rmtree(aside)
                self._marks.lift(version)
        return free

    def _named(self) -> str | None:
        try:
            return self.live_version()
        except BundleError:
            return None

    def _previous(self) -> str | None:
        try:
            content = read_plain(self._folder / PREVIOUS, most=64)
        except OSError:
            return None
        return content.decode("ascii", errors="replace").strip()

    def _written(self, version: str, files: Mapping[str, bytes]) -> StoredBundle:
        folder = self._folder / version
        if not is_intact(folder):
            self._write(folder, files)
        return bundle_format.load(folder)

    def _write(self, folder: Path, files: Mapping[str, bytes]) -> None:
        self._clean()
        aside = folder.with_name(f".building-{folder.name}")
        aside.mkdir()
        for name, content in files.items():
            write_durably(aside / name, content)
        sync_folder(aside)
        shutil.rmtree(folder, ignore_errors=True)  # it is there only if it is damaged
        aside.rename(folder)
        sync_folder(self._folder)

    def _clean(self) -> None:
        """Removes what builds that were killed have left."""
        for pattern in (".building-*", ".removing-*"):
            for leftover in self._folder.glob(pattern):
                shutil.rmtree(leftover)
        self._marks.clean(self.versions())

    @contextmanager
    def building(self) -> Iterator[None]:
        """For a build that wants to be the only one; raises BuildRunningError if it is not.

        Asked by servers, whatever process of theirs is called; `waypost build` asks nobody.
        """
        with self._folder_open(".build-lock") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BuildRunningError(
                    "another build is running; wait for it, or cancel it"
                ) from None
            yield

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """One process at a time; the lock goes with it."""
        with self._folder_open(".lock") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
            except OSError as error:
                raise self._unwritable(error) from error

    @contextmanager
    def _folder_open(self, name: str) -> Iterator[IO[bytes]]:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            lock = open_lock(self._folder / name)
        except OSError as error:
            raise self._unwritable(error) from error
        with lock:
            yield lock

    def _unwritable(self, error: OSError) -> BundleError:
        return BundleError(f"{self._folder}: cannot be written: {error.strerror}")
