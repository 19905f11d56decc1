"""`waypost` as a user runs it, in another process or, where that would take long, in this one."""

import os
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

from waypost_server.commands import group
from waypost_server.core.errors import WaypostError


def waypost(*arguments: str | Path, **settings: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs `waypost`; `settings` are its WAYPOST_* variables, the only ones that it sees."""
    environment = {name: value for name, value in os.environ.items() if "WAYPOST" not in name}
    environment |= {f"WAYPOST_{name.upper()}": str(value) for name, value in settings.items()}
    return subprocess.run(
        [sys.executable, "-m", "waypost_server", *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def waypost_here(
    *arguments: str | Path, **settings: str | Path
) -> subprocess.CompletedProcess[str]:
    """The same in this process, which has loaded already what it takes."""
    environment: dict[str, str | None] = {name: None for name in os.environ if "WAYPOST" in name}
    environment |= {f"WAYPOST_{name.upper()}": str(value) for name, value in settings.items()}
    ended = CliRunner().invoke(group.waypost, [*map(str, arguments)], env=environment)
    code, words = ended.exit_code, ended.stderr
    if isinstance(ended.exception, WaypostError):
        words += f"waypost: {ended.exception}\n"
    elif ended.exception and not isinstance(ended.exception, SystemExit):
        raise ended.exception
    return subprocess.CompletedProcess(arguments, code, ended.stdout, words)
