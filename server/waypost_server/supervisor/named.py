"""Which bundle the index folder names; all that the supervisor reads of it."""

import re
from pathlib import Path

from waypost_server.core.errors import BundleError
from waypost_server.service.watch import Mark

VERSION = re.compile(r"[0-9a-f]{12}")


def named_in(folder: Path) -> Mark:
    """The version that is named there, as `BundleStore` writes it; raises BundleError."""
    path = folder / "CURRENT"
    try:
        stamp = path.stat().st_mtime_ns
        version = path.read_bytes().decode("ascii", errors="replace").strip()
    except FileNotFoundError:
        return Mark("", 0)
    except OSError as error:
        raise BundleError(f"{path}: cannot be read: {error.strerror}") from None
    if not VERSION.fullmatch(version):
        raise BundleError(f"{path}: it names no version, but {version[:40]!r}; build again")
    return Mark(version, stamp)
