"""All settings as a table."""

from waypost_server.settings.model import Settings
from waypost_server.settings.sources import PREFIX


def settings_table() -> str:
    """All settings in Markdown, for the docs."""
    rows = ["| setting | default | on SIGHUP | what it does |", "|---|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = "one a core, less one" if field.default_factory else f"`{field.default}`"
        again = "taken up" if Settings.reloads(name) else ""
        rows.append(f"| `{PREFIX}{name.upper()}` | {default} | {again} | {field.description} |")
    return "\n".join(rows)
