"""Where the log goes, and how a line looks."""

import logging
import sys


def log_to_stderr(level: str, *, tell_processes_apart: bool = False) -> None:
    """Sets up logging.

    Args:
        level: the lowest that is logged.
        tell_processes_apart: whether a line names its process, because several write.
    """
    process = " %(process)d" if tell_processes_apart else ""
    logging.basicConfig(
        level=level.upper(),
        stream=sys.stderr,
        format=f"%(asctime)s{process} %(levelname)s %(name)s: %(message)s",
    )


def set_log_level(level: str) -> None:
    """Logs from another level on."""
    logging.getLogger().setLevel(level.upper())
