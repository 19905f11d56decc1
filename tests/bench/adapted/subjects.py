"""The data sets as routes folders, which is what `waypost encoder adapt` reads."""

import re
from dataclasses import replace
from pathlib import Path

from tests.bench.accuracy.datasets import Labelled, Task, read_tasks

SHOTS = "10"


def subjects(root: Path) -> list[Task]:
    """The three sets at 10 exemplars a route, their labels made fit for folders' names."""
    return [
        replace(task, exemplars=_renamed(task.exemplars), test=_renamed(task.test))
        for task in read_tasks(root)
        if task.shots == SHOTS and task.data != "banking77_oos"
    ]


def write_routes(folder: Path, exemplars: Labelled) -> None:
    """Writes a folder a route."""
    by_route: dict[str, list[str]] = {}
    for text, label in zip(exemplars.texts, exemplars.labels, strict=True):
        by_route.setdefault(label, []).append(" ".join(text.split()))
    for label, texts in by_route.items():
        (folder / label).mkdir(parents=True, exist_ok=True)
        (folder / label / "exemplars.txt").write_text("\n".join(texts), encoding="utf-8")


def _renamed(labelled: Labelled) -> Labelled:
    return Labelled(labelled.texts, tuple(folder_name(label) for label in labelled.labels))


def folder_name(label: str) -> str:
    """A label as a route's name may be: lower case, letters, digits and underscores."""
    return re.sub(r"[^a-z0-9]+", "_", label.lower()).strip("_")
