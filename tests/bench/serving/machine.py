"""What the machine is, and what processes use of it."""

import os
import platform
import re
from contextlib import suppress
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """A process and all that it started, and they."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            children.setdefault(int(_stat(int(path.name))[1]), []).append(int(path.name))
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


def cpu_seconds(*pids: int) -> float:
    """CPU that processes have used, their threads' with it."""
    fields = map(_stat, pids)
    return sum(int(field[11]) + int(field[12]) for field in fields) / TICKS


def resident_mb(pid: int) -> float:
    """Memory that a process holds, in MB, with what it touched of mapped files."""
    return _status_mb(pid, "VmRSS")


def private_mb(pid: int) -> float:
    """The same without mapped files, which are the system's to drop, or to share."""
    return _status_mb(pid, "RssAnon")


def _stat(pid: int) -> list[str]:
    """The fields of a process from its state on."""
    return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()


def _status_mb(pid: int, name: str) -> float:
    found = re.search(rf"{name}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text("ascii"))
    return int(found[1]) * 1024 / 1e6 if found else 0.0


def machine() -> str:
    """Processor, cores and Python."""
    found = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text("utf-8"))
    processor = found[1] if found else platform.machine()
    cores = len(os.sched_getaffinity(0))
    return f"{processor}, {cores} cores, Python {platform.python_version()}"
