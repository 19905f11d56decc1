"""semantic-router on given vectors; runs in an environment of its own, with nothing of Waypost.

    python -I peer_semantic_router.py FOLDER OUT

FOLDER holds vectors.npz (`vectors`, shape (n, dimension)), texts.json (n texts) and jobs.json; OUT
gets what the library said of them. Both releases are called as their documentation shows: 1.x
`IndexedRouter(...)(text)`, 0.x `SemanticRouter(..., auto_sync="local")(text)`, without thresholds,
so that they always answer.
"""

import json
import logging
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from semantic_router import Route  # type: ignore[import-not-found]  # not in Waypost's environment
from semantic_router.encoders import DenseEncoder  # type: ignore[import-not-found]
from semantic_router.index import LocalIndex  # type: ignore[import-not-found]

VERSION = version("semantic-router")
IS_FIRST = VERSION.startswith("0.")

AGGREGATIONS = ("mean", "max", "sum")
TOP_KS = (1, 3, 5, 10, 20)
DEFAULT = ("mean", 5)
GRID = [(aggregation, top_k) for aggregation in AGGREGATIONS for top_k in TOP_KS]

CHECKED = 500
"""Queries on which the grid's shortcut is compared with the library, setting by setting."""

Setting = tuple[str, int]
Hits = tuple[list[str], list[float]]
"""Routes and cosines of the exemplars found, farthest first, as the library gives them."""


class TableEncoder(DenseEncoder):  # type: ignore[misc]  # its base has no types here
    """Looks vectors up."""

    table: dict[str, Any]

    def __call__(self, docs: list[Any]) -> list[Any]:
        """The vector of each text; KeyError for an unknown one."""
        return [self.table[text] for text in docs]


def build(encoder: TableEncoder, exemplars: Sequence[list[str]], setting: Setting) -> Any:  # noqa: ANN401
    """A router over pairs of text and label."""
    aggregation, top_k = setting
    utterances: dict[str, list[str]] = {}
    for text, label in exemplars:
        utterances.setdefault(label, []).append(text)
    routes = [Route(name=name, utterances=texts) for name, texts in utterances.items()]
    dimension = len(next(iter(encoder.table.values())))
    options = {"encoder": encoder, "routes": routes, "top_k": top_k, "aggregation": aggregation}
    index = LocalIndex(dimensions=dimension)
    if IS_FIRST:
        from semantic_router.routers import SemanticRouter  # type: ignore[import-not-found]

        return SemanticRouter(**options, index=index, auto_sync="local")
    from semantic_router import IndexedRouter

    return IndexedRouter(**options, index=index)


def ask(router: Any, texts: Sequence[str]) -> tuple[list[str], list[float]]:  # noqa: ANN401
    """The best route of each text and its score."""
    choices = [router(text) for text in texts]
    scores = [choice.similarity_score if IS_FIRST else choice.confidence for choice in choices]
    return [str(choice.name) for choice in choices], [float(score) for score in scores]


def find(router: Any, encoder: TableEncoder, texts: Sequence[str]) -> list[Hits]:  # noqa: ANN401
    """What the library's own index finds for each text, as many as the widest setting wants."""
    found = []
    for text in texts:
        scores, names = router.index.query(vector=np.array(encoder.table[text]), top_k=max(TOP_KS))
        found.append(([str(name) for name in names], [float(score) for score in scores]))
    return found


def aggregate(hits: Hits, setting: Setting, order: Sequence[str]) -> tuple[str, float]:
    """The shortcut: a setting's answer from the hits of the widest one.

    Args:
        hits: what the index found.
        setting: aggregation and top_k.
        order: routes in the order in which the library prefers them when scores are equal.
    """
    aggregation, top_k = setting
    by_route: dict[str, list[float]] = {} if IS_FIRST else {name: [] for name in order}
    for name, score in list(zip(*hits, strict=True))[-top_k:]:
        by_route.setdefault(name, []).append(score)
    functions: dict[str, Callable[[list[float]], float]] = {
        "mean": lambda scores: float(np.mean(scores)),
        "max": max,
        "sum": sum,
    }
    totals = {
        name: functions[aggregation](scores) if scores else 0.0 for name, scores in by_route.items()
    }
    best = max(totals, key=totals.__getitem__)
    return best, totals[best]


def check(encoder: TableEncoder, job: dict[str, Any]) -> int:
    """Answers of the shortcut that differ from the library's, over all settings."""
    say(f"{job['name']}: comparing the grid's shortcut with the library")
    texts = [text for text, _ in job["validation"][:CHECKED]]
    router = build(encoder, job["selection"], DEFAULT)
    hits = find(router, encoder, texts)
    order = [route.name for route in router.routes]
    differing = 0
    for setting in GRID:
        names, scores = ask(build(encoder, job["selection"], setting), texts)
        for name, score, found in zip(names, scores, hits, strict=True):
            shortcut, total = aggregate(found, setting, order)
            differing += name != shortcut or abs(score - total) > 1e-6
    return differing


def grid(
    encoder: TableEncoder, job: dict[str, Any], *, exact: bool
) -> dict[Setting, tuple[list[str], list[float]]]:
    """Every setting's answers on validation; `exact` says that the shortcut may be trusted."""
    texts = [text for text, _ in job["validation"]]
    say(f"{job['name']}: choosing a setting on {len(texts)} validation queries")
    if not exact:
        return {setting: ask(build(encoder, job["selection"], setting), texts) for setting in GRID}
    router = build(encoder, job["selection"], DEFAULT)
    hits = find(router, encoder, texts)
    order = [route.name for route in router.routes]
    answers = {}
    for setting in GRID:
        pairs = [aggregate(found, setting, order) for found in hits]
        answers[setting] = ([name for name, _ in pairs], [score for _, score in pairs])
    return answers


def calibrate(
    raw: npt.NDArray[np.float64], right: npt.NDArray[np.bool_], scores: Sequence[float]
) -> list[float] | None:
    """The library's Platt scaling, fitted on validation; None for 0.x, which has none."""
    if IS_FIRST:
        return None
    from semantic_router.calibration import Calibrator  # type: ignore[import-not-found]

    confidences: list[float] = Calibrator.fit(raw, right, "platt")(np.array(scores)).tolist()
    return confidences


def run(encoder: TableEncoder, job: dict[str, Any], *, exact: bool) -> dict[str, Any]:
    """Chooses a setting on validation, then answers the queries at it and at the default."""
    labels = np.array([label for _, label in job["validation"]])
    answers = grid(encoder, job, exact=exact)
    right = {setting: np.array(names) == labels for setting, (names, _) in answers.items()}
    best = max(GRID, key=lambda setting: float(right[setting].mean()))
    result: dict[str, Any] = {
        "validation_accuracy": {f"{a}-{k}": float(right[a, k].mean()) for a, k in GRID}
    }
    for kind, setting in (("default", DEFAULT), ("best", best)):
        say(f"{job['name']}: {kind} ({setting[0]}, {setting[1]}), {len(job['queries'])} queries")
        names, scores = ask(build(encoder, job["exemplars"], setting), job["queries"])
        raw = np.array(answers[setting][1])
        result[kind] = {
            "aggregation": setting[0],
            "top_k": setting[1],
            "predictions": names,
            "scores": scores,
            "confidences": calibrate(raw, right[setting], scores),
        }
    return result


def say(message: str) -> None:
    """Progress."""
    sys.stderr.write(f"  semantic-router {VERSION}: {message}\n")
    sys.stderr.flush()


def main(folder: Path, out: Path) -> None:
    """All jobs, one after the other."""
    # 0.x warns at each build that an index in memory keeps no configuration.
    logging.getLogger("semantic_router").setLevel(logging.ERROR)
    texts = json.loads((folder / "texts.json").read_text("utf-8"))
    with np.load(folder / "vectors.npz", allow_pickle=False) as arrays:
        vectors = arrays["vectors"]
    encoder = TableEncoder(name="table", table=dict(zip(texts, vectors, strict=True)))
    jobs = json.loads((folder / "jobs.json").read_text("utf-8"))
    differing = {job["name"]: check(encoder, job) for job in jobs if job["check"]}
    exact = not any(differing.values())
    results = {job["name"]: run(encoder, job, exact=exact) for job in jobs}
    report = {"version": VERSION, "shortcut_differs": differing, "jobs": results}
    out.write_text(json.dumps(report), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
