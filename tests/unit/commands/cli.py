"""`waypost` as a user runs it: another process."""

import os
import subprocess
import sys
from pathlib import Path


def waypost(*arguments: str | Path, **settings: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs `waypost`; `settings` are its WAYPOST_* variables, the only ones that it sees."""
    environment = {name: value for name, value in os.environ.items() if "WAYPOST" not in name}
    environment |= {f"WAYPOST_{name.upper()}": str(value) for name, value in settings.items()}
    return subprocess.run(
        [sys.executable, "-m", "waypost_server", *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
