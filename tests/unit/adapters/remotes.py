"""A folder elsewhere that does as it is told; fsspec has no types, so its class is Any."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fsspec.implementations.memory import MemoryFileSystem

from waypost_server.adapters.remote_bundles import RemoteBundles
from waypost_server.adapters.remote_folder import RemoteFolder

PLACE = "/fleet"
MOST = 2**24


class Faulty(MemoryFileSystem):  # type: ignore[misc]
    """A store in memory of its own, some of whose files cannot be read as they should."""

    cachable = False

    def __init__(self) -> None:
        super().__init__()
        self.store: dict[str, Any] = {}
        self.pseudo_dirs = [""]
        self.read: list[str] = []
        self.written: list[str] = []
        self.fault: Callable[[str, bytes], bytes] = lambda name, content: content

    def open(self, path: str, mode: str = "rb", **options: Any) -> Any:  # noqa: ANN401
        if mode != "rb":
            return super().open(path, mode, **options)
        name = path.removeprefix(f"{PLACE}/")
        self.read.append(name)
        if path not in self.store:
            raise FileNotFoundError(path)
        return io.BytesIO(self.fault(name, self.store[path].getvalue()))

    def put_file(self, lpath: str, rpath: str, **options: Any) -> None:  # noqa: ANN401
        self.written.append(rpath.removeprefix(f"{PLACE}/"))
        self.pipe_file(rpath, Path(lpath).read_bytes())

    def pipe_file(self, path: str, value: bytes, **options: Any) -> None:  # noqa: ANN401
        super().pipe_file(path, value, **options)

    def content(self, name: str) -> bytes:
        content: bytes = self.store[f"{PLACE}/{name}"].getvalue()
        return content

    def bundles(self, *, most_bytes: int = MOST) -> RemoteBundles:
        return RemoteBundles(RemoteFolder(self, PLACE, url="test://fleet"), most_bytes=most_bytes)
