"""Generated sections of pages that are otherwise written by hand."""

from collections.abc import Iterable, Sequence


def splice(document: str, section: str, text: str) -> str:
    """`document` with `text` between a section's markers; raises ValueError when it lacks them."""
    begin, end = markers(section)
    before, begun, rest = document.partition(begin)
    _, ended, after = rest.partition(end)
    if not begun or not ended:
        raise ValueError(f"there is no {begin} ... {end}; put the two lines back")
    return f"{before}{begin}\n\n{text}\n\n{end}{after}"


def markers(section: str) -> tuple[str, str]:
    """The lines between which a section stands."""
    return f"<!-- {section}:begin -->", f"<!-- {section}:end -->"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
