"""Where the log goes, and how a line looks.

A record may carry `extra={"fields": {...}}`, which a line of text shows as key=value, and JSON as
keys of its object.
"""

import json
import logging
import sys
import textwrap
from collections.abc import Mapping
from datetime import UTC, datetime

_ESCAPES: dict[int, str] = {
    code: repr(chr(code))[1:-1] for code in (*range(0x20), 0x7F, 0x85, 0x2028, 0x2029)
}
"""Whatever ends a line somewhere, or moves a cursor: no value may write a line of its own."""


def log_to_stderr(
    level: str, *, tell_processes_apart: bool = False, log_format: str = "text"
) -> None:
    """Sets up logging.

    Args:
        level: the lowest that is logged.
        tell_processes_apart: whether a line of text names its process, because several write.
        log_format: "text" or "json".
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        JsonLines() if log_format == "json" else TextLines(name_process=tell_processes_apart)
    )
    logging.basicConfig(level=level.upper(), handlers=[handler])


def set_log_level(level: str) -> None:
    """Logs from another level on."""
    logging.getLogger().setLevel(level.upper())


class TextLines(logging.Formatter):
    """A line in words; a traceback follows it, indented, so that it can be told from lines."""

    def __init__(self, *, name_process: bool = False) -> None:
        process = " %(process)d" if name_process else ""
        super().__init__(f"%(asctime)s{process} %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  (logging's name)
        """The line itself."""
        fields = "".join(f" {name}={value}" for name, value in _fields(record).items())
        return (super().formatMessage(record) + fields).translate(_ESCAPES)

    def formatException(self, ei: object) -> str:  # noqa: N802
        """The traceback."""
        return textwrap.indent(super().formatException(ei), "  ")  # type: ignore[arg-type]


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, process, and what is known beside."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        content: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "process": record.process,
            **_trace(),
            **_fields(record),
        }
        if record.exc_info:
            content["exception"] = self.formatException(record.exc_info)
        return json.dumps(content, default=str)


def _fields(record: logging.LogRecord) -> Mapping[str, object]:
    fields = getattr(record, "fields", None)
    return fields if isinstance(fields, Mapping) else {}


def _trace() -> dict[str, object]:
    """The trace that the record belongs to, where there are traces."""
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:  # the supervisor has none and needs none
        return {}
    context = trace.get_current_span().get_span_context()
    return {"trace_id": f"{context.trace_id:032x}"} if context.is_valid else {}
