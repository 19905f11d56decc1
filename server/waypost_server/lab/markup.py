"""HTML and SVG as text; whatever comes from outside is escaped here."""

import html
from collections.abc import Iterable, Mapping, Sequence


def text(value: object) -> str:
    """The value as content of an element."""
    return html.escape(str(value))


def tag(name: str, attributes: Mapping[str, object], *content: str) -> str:
    """An element; values of attributes are escaped, `content` is markup already."""
    pairs = "".join(f' {key}="{html.escape(_short(value))}"' for key, value in attributes.items())
    return f"<{name}{pairs}>{''.join(content)}</{name}>"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, style: str = "") -> str:
    """A table in a frame that scrolls; cells of `rows` are markup already."""
    top = tag("tr", {}, *(tag("th", {}, text(name)) for name in head))
    body = (tag("tr", {}, *(tag("td", {}, cell) for cell in row)) for row in rows)
    inner = tag("thead", {}, top) + tag("tbody", {}, *body)
    return tag("div", {"class": "scroll"}, tag("table", {"class": style}, inner))


def _short(value: object) -> str:
    """Coordinates with a tenth of a pixel: ten thousand of them are most of a page."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
