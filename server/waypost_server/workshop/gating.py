"""Checking a bundle before it goes live."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from waypost_server.adapters.bundle_format import StoredBundle
from waypost_server.adapters.gate_file import read_gate
from waypost_server.adapters.labelled_file import read_labelled
from waypost_server.core.errors import EncoderError, EvaluationError, WaypostError
from waypost_server.core.first_stage import FirstStage
from waypost_server.core.labelled import LabelledQuery
from waypost_server.core.ports import Encoder, Encodings
from waypost_server.core.router import Router
from waypost_server.lab.evaluation import evaluate
from waypost_server.lab.figures import FIGURES
from waypost_server.lab.gate import check_gate
from waypost_server.lab.going_live import astray, losses
from waypost_server.lab.judged import Judged, judge
from waypost_server.lab.per_route import ROUTE_FIGURES
from waypost_server.service.engine import Engine
from waypost_server.service.smoke import check_decides
from waypost_server.settings import Settings
from waypost_server.wiring.loading import engine_of, router_of
from waypost_server.workshop.queries import subject_of

EVAL_FOLDER = "eval"
GATE_FILE = "gate.yaml"

CHUNK = 32
"""Queries encoded between two reports of progress."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate says of a bundle.

    Attributes:
        problems: why it must not go live, a sentence each.
        notes: what was not counted, and why, a sentence each.
    """

    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Gate:
    """What a new bundle is held against: routes folder, encoders and live bundle."""

    def __init__(
        self,
        settings: Settings,
        *,
        encoder: Encoder,
        static: Encoder | None,
        live: StoredBundle | None,
        progress: Callable[[int, int], None],
    ) -> None:
        """Reads nothing yet.

        Args:
            settings: all of them.
            encoder: the one that is configured.
            static: that of the first stage; None for one stage.
            live: the bundle that is live; None if there is none that can be used.
            progress: called with how many queries are encoded and how many there are.
        """
        self._settings = settings
        self._encoder = encoder
        self._static = static
        self._live = live
        self._progress = progress
        self._problems: list[str] = []
        self._notes: list[str] = []

    def check(self, stored: StoredBundle, regression: Sequence[LabelledQuery]) -> Verdict:
        """Holds a bundle, as loaded from disk, against all of it.

        Args:
            stored: the bundle.
            regression: queries that must go to their routes.
        """
        try:
            engine = self._engine(stored)
            check_decides(engine)
            labelled = self._labelled(stored)
            encodings = self._encode([*regression, *labelled])
        except EvaluationError as error:
            return Verdict(error.problems)
        except WaypostError as error:
            return Verdict((str(error),))
        first, rest = np.split(encodings, [len(regression)])
        self._problems += astray(judge(regression, first, engine.router, engine.first))
        judged = judge(labelled, rest, engine.router, engine.first)
        self._compare(judged, rest)
        self._hold_against_bars(stored, judged)
        return Verdict(tuple(self._problems), tuple(self._notes))

    def _engine(self, stored: StoredBundle) -> Engine:
        return engine_of(self._settings, stored, self._encoder, self._static_encoder)

    @property
    def _static_encoder(self) -> Callable[[], Encoder] | None:
        static = self._static
        return None if static is None else lambda: static

    def _labelled(self, stored: StoredBundle) -> tuple[LabelledQuery, ...]:
        """The labelled queries beside the routes, but for those whose route is gone."""
        folder = self._settings.routes / EVAL_FOLDER
        if not any(folder.glob("*.jsonl")):
            return ()
        found = read_labelled(
            [folder], routes=None, max_text_bytes=stored.catalog.taxonomy.max_query_bytes
        )
        known = {query for query in found if query.label in stored.catalog.routes}
        gone = Counter(query.label for query in found if query.in_scope and query not in known)
        for label, count in gone.items():
            self._notes.append(
                f"{folder}: {count} {'query has' if count == 1 else 'queries have'} the label "
                f"{label[:80]!r}, which is no route: not counted; mend or remove them"
            )
        return tuple(query for query in found if query in known or not query.in_scope)

    def _encode(self, queries: Sequence[LabelledQuery]) -> Encodings:
        parts = [np.empty((0, self._encoder.width), dtype=np.float32)]
        self._progress(0, len(queries))
        for start in range(0, len(queries), CHUNK):
            chunk = queries[start : start + CHUNK]
            parts.append(self._encoder.encode([query.text for query in chunk]))
            if not np.isfinite(parts[-1]).all():
                raise EncoderError(
                    f"{chunk[0].source}: encoder {self._encoder.name!r} makes no finite encoding "
                    f"of it or of one of the next {CHUNK}; export the encoder again"
                )
            self._progress(start + len(chunk), len(queries))
        return np.concatenate(parts)

    def _compare(self, after: Sequence[Judged], encodings: Encodings) -> None:
        live = self._live
        if live is None or not after:
            return
        if live.manifest.encoder_fingerprint != self._encoder.fingerprint:
            self._notes.append(
                f"bundle {live.version}, which is live, was built with another encoder: "
                "not compared"
            )
            return
        # Of a route that is new there is nothing to lose.
        rows = [
            row
            for row, judged in enumerate(after)
            if judged.query.label in live.catalog.routes or not judged.query.in_scope
        ]
        before = judge(
            [after[row].query for row in rows],
            encodings[rows],
            router_of(live),
            self._first_stage_of(live),
        )
        self._problems += losses(before, [after[row] for row in rows])

    def _first_stage_of(self, live: StoredBundle) -> FirstStage | None:
        first, static = live.first, self._static
        if first is None or static is None or first.encoder_fingerprint != static.fingerprint:
            return None
        router = Router(live.catalog, live.exemplars, first.index, first.scoring)
        return FirstStage(static, router, first.gate)

    def _hold_against_bars(self, stored: StoredBundle, judged: Sequence[Judged]) -> None:
        path: Path = self._settings.routes / GATE_FILE
        if not path.exists():
            return
        if not judged:
            self._problems.append(
                f"{path}:1: there is no labelled query in {self._settings.routes / EVAL_FOLDER} "
                "to hold against it; write some, or remove the file"
            )
            return
        try:
            bars = read_gate(
                path,
                figures={name: figure.high_is_better for name, figure in FIGURES.items()},
                route_figures=dict.fromkeys(ROUTE_FIGURES, True),
                routes=tuple(stored.catalog.routes),
            )
        except EvaluationError as error:
            self._problems += error.problems
            return
        queries = [row.query for row in judged]
        results = check_gate(evaluate(judged, subject_of(stored, queries)), bars)
        self._problems += [
            f"{path}: {result.sentence}; add exemplars, or lower the bar"
            for result in results
            if not result.passed
        ]
