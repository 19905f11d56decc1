"""A folder elsewhere, on a shared volume or in an object store, through fsspec."""

import hashlib
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

from waypost_server.core.errors import BundleError

CHUNK = 4 * 2**20

_S3_OPTIONS = {
    # A replica asks every few seconds: it had rather ask again than wait.
    "config_kwargs": {"connect_timeout": 5, "read_timeout": 20, "retries": {"max_attempts": 2}},
    "use_listings_cache": False,
}


class RemoteFolder:
    """Whole files by name; every method raises BundleError when it does not succeed."""

    def __init__(
        self,
        filesystem: Any,  # noqa: ANN401  (fsspec has no types)
        path: str,
        *,
        url: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Reaches for nothing yet.

        Args:
            filesystem: of fsspec.
            path: the folder's path there.
            url: how messages name it, without a secret.
            clock: in seconds.
        """
        self._filesystem = filesystem
        self._path = path.rstrip("/")
        self._url = url.rstrip("/")
        self._clock = clock

    @classmethod
    def at(cls, url: str) -> Self:
        """The folder at a URL of fsspec; raises BundleError when nothing here speaks its scheme."""
        shown = _without_login(url)
        try:
            from fsspec.core import url_to_fs
        except ImportError:
            raise BundleError(
                f"{shown}: this takes fsspec; install waypost with the extra `remote`"
            ) from None
        options = _S3_OPTIONS if urlsplit(url).scheme in ("s3", "s3a") else {}
        for talkative in ("aiobotocore", "botocore"):  # where they found each of their settings
            logging.getLogger(talkative).setLevel(logging.WARNING)
        with _told(shown):
            filesystem, path = url_to_fs(url, skip_instance_cache=True, **options)
        return cls(filesystem, path, url=shown)

    def __str__(self) -> str:
        return self._url

    def read(self, name: str, *, most: int) -> bytes | None:
        """What a file of at most so many bytes holds; None when there is none."""
        with _told(f"{self._url}/{name}"):
            try:
                with self._opened(name) as file:
                    content: bytes = file.read(most + 1)
            except FileNotFoundError:
                return None
        if len(content) > most:
            raise BundleError(f"{self._url}/{name}: it is larger than {most} bytes")
        return content

    def size(self, name: str) -> int | None:
        """Of a file, in bytes; None when there is none."""
        with _told(f"{self._url}/{name}"):
            try:
                about = self._filesystem.info(f"{self._path}/{name}")
            except FileNotFoundError:
                return None
        if about.get("type") != "file" or about.get("islink"):
            raise BundleError(f"{self._url}/{name}: it is no plain file")
        return int(about["size"])

    def fetch(self, name: str, target: Path, *, most: int, until: float) -> str:
        """Copies a file to a new one here, which is on disk afterwards.

        Args:
            name: the file.
            target: where it goes.
            most: bytes that it may have.
            until: when to give up, by the clock.

        Returns:
            Its SHA-256 as hex digits.
        """
        digest, left = hashlib.sha256(), most
        with _told(f"{self._url}/{name}"), self._opened(name) as source, target.open("xb") as copy:
            while chunk := source.read(min(CHUNK, left + 1)):
                left -= len(chunk)
                if left < 0:
                    raise BundleError(f"{self._url}/{name}: it is larger than {most} bytes")
                if self._clock() > until:
                    raise BundleError(f"{self._url}/{name}: it comes too slowly")
                digest.update(chunk)
                copy.write(chunk)
        return digest.hexdigest()

    def put(self, name: str, source: Path) -> None:
        """Copies a file from here."""
        with _told(f"{self._url}/{name}"):
            self._make_parent(name)
            self._filesystem.put_file(str(source), f"{self._path}/{name}")

    def replace(self, name: str, content: bytes) -> None:
        """Writes a small file: a reader sees the old content or the new."""
        with _told(f"{self._url}/{name}"):
            self._make_parent(name)
            path = f"{self._path}/{name}"
            if not self._is_local:
                self._filesystem.pipe_file(path, content)  # object stores show it when it is whole
                return
            aside = f"{path}.new"
            self._filesystem.pipe_file(aside, content)
            Path(aside).replace(path)

    def _opened(self, name: str) -> Any:  # noqa: ANN401  (a file of fsspec)
        # The default cache would read ahead by more than some files hold.
        return self._filesystem.open(f"{self._path}/{name}", "rb")

    def _make_parent(self, name: str) -> None:
        if self._is_local:  # elsewhere a folder is but a part of names
            Path(f"{self._path}/{name}").parent.mkdir(parents=True, exist_ok=True)

    @property
    def _is_local(self) -> bool:
        protocol = self._filesystem.protocol
        return "file" in ((protocol,) if isinstance(protocol, str) else protocol)


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Whatever a store's library raises becomes one error in one sentence."""
    try:
        yield
    except BundleError:
        raise
    except Exception as error:
        said = " ".join(str(error).split())[:200] or type(error).__name__
        raise BundleError(f"{what}: {said}") from error


def _without_login(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
