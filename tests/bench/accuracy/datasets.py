"""The public data sets as tasks: what a router is given, and what it is then asked."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

FOLDERS = ("banking77", "hwu64", "clinc150", "banking77_oos")

SHOTS = {"5": "fewshot_train_5", "10": "fewshot_train_10", "all": "train"}
"""Exemplars a route, and the file that has them."""


class DataMissingError(Exception):
    """The data sets are not there."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """Texts, and for each the label that belongs to it."""

    texts: tuple[str, ...]
    labels: tuple[str, ...]

    def only(self, labels: frozenset[str]) -> "Labelled":
        """The rows with one of these labels."""
        kept = [row for row in zip(self.texts, self.labels, strict=True) if row[1] in labels]
        return Labelled(tuple(text for text, _ in kept), tuple(label for _, label in kept))


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One measurement.

    Attributes:
        data: name of the data set.
        shots: exemplars a route, a key of `SHOTS`.
        exemplars: what a router is built from.
        selection: what it is built from while a setting is chosen; shares no text with validation.
        validation: what a setting is chosen on; Waypost has none to choose.
        test: queries that belong to a route.
        strangers: queries that belong to none, by name.
    """

    data: str
    shots: str
    exemplars: Labelled
    selection: Labelled
    validation: Labelled
    test: Labelled
    strangers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its name in files and messages."""
        return f"{self.data}-{self.shots}"

    @property
    def queries(self) -> tuple[str, ...]:
        """Every query, those that belong to a route first."""
        return (*self.test.texts, *(text for texts in self.strangers.values() for text in texts))

    @property
    def all_texts(self) -> tuple[str, ...]:
        """Every text, some of them more than once."""
        parts = (self.exemplars, self.selection, self.validation)
        return (*self.queries, *(text for part in parts for text in part.texts))


def read_tasks(root: Path) -> list[Task]:
    """The tasks from the folder of the data sets; raises DataMissingError."""
    missing = [name for name in FOLDERS if not (root / name / "test.jsonl").is_file()]
    if missing:
        raise DataMissingError(
            f"{root} has no {', '.join(missing)}: put the data sets there "
            "(its README.md says where each comes from), then run this again"
        )
    return [
        *(_banking(root / "banking77", shots) for shots in SHOTS),
        *(_hwu(root / "hwu64", shots) for shots in SHOTS),
        *(_clinc(root / "clinc150", shots) for shots in SHOTS),
        _banking_oos(root, "10"),
    ]


def _read(path: Path) -> Labelled:
    with path.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return Labelled(tuple(row["text"] for row in rows), tuple(row["label"] for row in rows))


def _banking(folder: Path, shots: str) -> Task:
    # BANKING77 has no validation split. DialoGLUE's is cut out of train, so a setting for all of
    # train is chosen with what DialoGLUE left of it.
    exemplars = _read(folder / f"{SHOTS[shots]}.jsonl")
    selection = _read(folder / "dialoglue_train.jsonl") if shots == "all" else exemplars
    return Task(
        data="banking77",
        shots=shots,
        exemplars=exemplars,
        selection=selection,
        validation=_read(folder / "dialoglue_val.jsonl"),
        test=_read(folder / "test.jsonl"),
    )


def _hwu(folder: Path, shots: str) -> Task:
    exemplars = _read(folder / f"{SHOTS[shots]}.jsonl")
    return Task(
        data="hwu64",
        shots=shots,
        exemplars=exemplars,
        selection=exemplars,
        validation=_read(folder / "val.jsonl"),
        test=_read(folder / "test.jsonl"),
    )


def _clinc(folder: Path, shots: str) -> Task:
    exemplars = _read(folder / f"{SHOTS[shots]}.jsonl")
    return Task(
        data="clinc150",
        shots=shots,
        exemplars=exemplars,
        selection=exemplars,
        validation=_read(folder / "val.jsonl"),
        test=_read(folder / "test.jsonl"),
        strangers={"out of scope": _read(folder / "oos_test.jsonl").texts},
    )


def _banking_oos(root: Path, shots: str) -> Task:
    """BANKING77 with 27 of its intents held out: strangers that speak of the same things."""
    folder = root / "banking77_oos"
    test = _read(folder / "test.jsonl")
    inside = frozenset(test.labels)
    exemplars = _read(root / "banking77" / f"{SHOTS[shots]}.jsonl").only(inside)
    return Task(
        data="banking77_oos",
        shots=shots,
        exemplars=exemplars,
        selection=exemplars,
        validation=_read(root / "banking77" / "dialoglue_val.jsonl").only(inside),
        test=test,
        strangers={
            "near": _read(folder / "id_oos_test.jsonl").texts,
            "far": _read(folder / "ood_oos_test.jsonl").texts,
        },
    )
