"""What the operating system says of this process."""

import os
import socket
import uuid
from pathlib import Path

from waypost_server.core.shared_state import Process


def this_process() -> Process:
    """This process, by a name that no other has or had; another one with each call."""
    host, pid = socket.gethostname(), os.getpid()
    return Process(process_id=f"{host}-{pid}-{uuid.uuid4().hex[:8]}", host=host, pid=pid)


def resident_bytes() -> int:
    """Resident memory now; 0 where there is no /proc."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
