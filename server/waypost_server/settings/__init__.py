"""Every setting of the server; the only package that reads the environment.

A group of them is a file. Each has a description, which the docs and `waypost config` show, and
says whether a running server takes up another value of it.
"""

from waypost_server.settings.model import Settings
from waypost_server.settings.sources import PREFIX, Origin
from waypost_server.settings.table import settings_table

__all__ = ["PREFIX", "Origin", "Settings", "settings_table"]
