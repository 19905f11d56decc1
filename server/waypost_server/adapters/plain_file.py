"""Files that may come from a stranger: only plain ones are read, and only so much of them.

To open a named pipe waits for whoever writes into it, a device may have no end, and neither says so
by its size.
"""

import errno
import io
import os
import stat
from pathlib import Path


def open_plain(path: Path) -> io.BufferedReader:
    """Opens a file to be read; raises OSError also when it is a pipe, a device or a folder."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "it is no plain file", str(path))
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_plain(path: Path, *, most: int = -1) -> bytes:
    """What a file holds; raises OSError as `open_plain`, or if it holds more than `most` bytes."""
    with open_plain(path) as file:
        content = file.read() if most < 0 else file.read(most + 1)
    if 0 <= most < len(content):
        raise OSError(errno.EFBIG, f"it is larger than {most:,} bytes", str(path))
    return content
