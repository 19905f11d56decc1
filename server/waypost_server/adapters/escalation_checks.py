"""What must hold of taxonomy.yaml's escalation across files; yields problems and their cure."""

from collections.abc import Iterator

from waypost_server.adapters.route_source import FolderSource

PROVIDER = "openai"
"""The protocol that the server speaks."""


def check_escalation(source: FolderSource) -> Iterator[str]:
    """Whether there is a model to ask."""
    section = source.taxonomy.escalation
    problem = section and problem_with(section.model, source)
    if section and problem:
        yield source.taxonomy_file.problem(
            ["escalation", "model"], f"escalation.model is {section.model!r}, {problem}"
        )


def problem_with(name: str, source: FolderSource) -> str:
    """Why the server cannot ask a model, and what to do; "" where it can."""
    if not source.fleet_known:
        return ""
    model, fleet = source.fleet.models.get(name), source.fleet_file.path.name
    may = sorted(
        each
        for each, other in source.fleet.models.items()
        if other.enabled and other.provider == PROVIDER
    )
    cure = f"name one of {', '.join(may)}" if may else f"add an enabled one to {fleet}"
    if model is None:
        return f"which {fleet} does not have; {cure}"
    if not model.enabled:
        return f"which {fleet} disables; enable it there, or {cure}"
    if model.provider != PROVIDER:
        return (
            f"whose provider is {model.provider}, but the server speaks the protocol of "
            f"{PROVIDER} alone; {cure}"
        )
    return ""
