"""The confusion matrix as a heat map."""

import numpy as np

from waypost_server.lab.markup import tag, text
from waypost_server.lab.per_route import Confusion

NAMED, COUNTED = 40, 24
"""Labels up to which the chart can hold their names, and numbers in its cells."""

LONGEST = 24
"""Characters of a name that are shown."""


def confusion_chart(confusion: Confusion) -> str:
    """Rows by label, columns by what queries were taken for; labels without queries left out."""
    counts = confusion.counts
    seen = np.flatnonzero(counts.sum(axis=0) + counts.sum(axis=1))
    labels = [confusion.labels[i] for i in seen]
    counts = counts[np.ix_(seen, seen)]
    size = len(labels)
    cell = 52 if size <= 8 else 34 if size <= COUNTED else 22 if size <= NAMED else 6
    longest = max(map(len, map(_name, labels)))
    margin = 8 + 7 * longest if size <= NAMED else 4
    # Names of columns are slanted, so the last one leans over the edge.
    top, lean = (margin * 0.8, margin * 0.6) if size <= NAMED else (4, 0)
    side = size * cell
    parts = [tag("rect", {"x": margin, "y": top, "width": side, "height": side, "class": "field"})]
    totals = counts.sum(axis=1)
    for i, j in zip(*np.nonzero(counts), strict=True):
        x, y, count = margin + int(j) * cell, top + int(i) * cell, int(counts[i, j])
        share = count / totals[i]
        tip = f"{count} of {totals[i]} ({share:.0%}) of {labels[i]}\ntaken for {labels[j]}"
        place = {"x": x, "y": y, "width": cell, "height": cell}
        style = ("cell right" if i == j else "cell wrong") + ("" if size <= NAMED else " tiny")
        shade = {"fill-opacity": float(0.12 + 0.88 * share**0.6)}
        parts.append(tag("rect", {**place, "class": style, **shade, "data-tip": tip}))
        if size <= COUNTED:
            strong = "count strong" if share > 0.4 else "count"
            middle = {"x": x + cell / 2, "y": y + cell / 2 + 4, "text-anchor": "middle"}
            parts.append(tag("text", {**middle, "class": strong}, str(count)))
    if size <= NAMED:
        for i, label in enumerate(labels):
            middle_y, middle_x = top + (i + 0.5) * cell + 4, margin + (i + 0.5) * cell
            at_left = {"x": margin - 6, "y": middle_y, "text-anchor": "end"}
            above = {"transform": f"translate({middle_x:.0f} {top - 6:.0f}) rotate(-40)"}
            parts += [
                tag("text", at_left, text(_name(label))),
                tag("text", above, text(_name(label))),
            ]
    width, height = margin + side + lean + 2, top + side + 2
    box = {"viewBox": f"0 0 {width:.0f} {height:.0f}", "width": f"{width:.0f}"}
    return tag("svg", {**box, "role": "img", "aria-label": "Confusion matrix"}, *parts)


def _name(label: str) -> str:
    return label if len(label) <= LONGEST else f"{label[: LONGEST - 1]}…"
