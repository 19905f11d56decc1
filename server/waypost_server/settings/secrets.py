"""Keys that other programs gave: read when they are used, and kept nowhere."""

import os


def key_in(variable: str) -> str:
    """What an environment variable holds; "" where it is unset."""
    return os.environ.get(variable, "").strip()
