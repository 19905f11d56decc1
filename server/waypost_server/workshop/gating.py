"""Checking a bundle before it goes live."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from waypost_server.adapters.bundle_format import StoredBundle
from waypost_server.adapters.gate_file import read_gate
from waypost_server.adapters.labelled_file import read_labelled
from waypost_server.core.errors import EncoderError, EvaluationError, WaypostError
from waypost_server.core.labelled import LabelledQuery
from waypost_server.core.ports import Encoder, Encodings
from waypost_server.lab.evaluation import evaluate
from waypost_server.lab.figures import FIGURES
from waypost_server.lab.gate import check_gate
from waypost_server.lab.going_live import astray, losses
from waypost_server.lab.judged import Judged, judge
from waypost_server.lab.per_route import ROUTE_FIGURES
from waypost_server.service.direct import Direct
from waypost_server.service.embedding_cache import EmbeddingCache
from waypost_server.service.smoke import check_decides
from waypost_server.settings import Settings
from waypost_server.wiring.loading import engine_of, offline_engine
from waypost_server.workshop.queries import known, subject_of

EVAL_FOLDER = "eval"
GATE_FILE = "gate.yaml"

CHUNK = 32
"""Queries encoded between two reports of progress."""


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """What the gate says of a bundle.

    Attributes:
        problems: why it must not go live, a sentence each.
        notes: what was not counted, and why, a sentence each.
    """

    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


PASSED = GateVerdict()
"""Of a bundle that the gate is not asked about, too."""


class Gate:
    """What a new bundle is held against: routes folder, encoders and live bundle."""

    def __init__(
        self,
        settings: Settings,
        *,
        encoder: Encoder,
        static: Callable[[], Encoder] | None,
        live: StoredBundle | None,
        progress: Callable[[int, int], None],
    ) -> None:
        """Reads nothing yet.

        Args:
            settings: all of them.
            encoder: the one that is configured.
            static: gives the static one; None for one stage.
            live: the bundle that is live; None if there is none that can be used.
            progress: called with how many queries are encoded and how many there are.
        """
        self._settings = settings
        self._encoder = encoder
        self._static = cache(static) if static else None
        self._live = live
        self._progress = progress
        self._problems: list[str] = []
        self._notes: list[str] = []

    def check(self, stored: StoredBundle, regression: Sequence[LabelledQuery]) -> GateVerdict:
        """Holds a bundle, as loaded from disk, against all of it.

        Args:
            stored: the bundle.
            regression: queries that must go to their routes.
        """
        try:
            # Before anything is encoded: that takes a while, and it may not decide at all.
            engine = engine_of(self._settings, stored, self._encoder, self._static)
            check_decides(engine)
            labelled = self._labelled(stored)
            queries = [*regression, *labelled]
            encodings = self._encode(queries)
            engine.cache = known(queries, encodings)
            first, rest = np.split(encodings, [len(regression)])
            self._problems += astray(judge(regression, first, Direct(engine)))
            judged = judge(labelled, rest, Direct(engine))
            self._compare(stored, judged, rest, engine.cache)
            self._tell_gone(stored)
        except EvaluationError as error:
            return GateVerdict(error.problems)
        except WaypostError as error:
            return GateVerdict((str(error),))
        self._hold_against_bars(stored, judged)
        return GateVerdict(tuple(self._problems), tuple(self._notes))

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

    def _compare(
        self,
        stored: StoredBundle,
        after: Sequence[Judged],
        encodings: Encodings,
        cache: EmbeddingCache,
    ) -> None:
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
        first, static = live.first, self._static
        if first and static and first.encoder_fingerprint != static().fingerprint:
            live = replace(live, first=None)
        engine = offline_engine(self._settings, live, self._encoder, static, cache)
        before = judge([after[row].query for row in rows], encodings[rows], Direct(engine))
        lost = losses(before, [after[row] for row in rows])
        self._problems += lost
        if lost and live.is_tuned and not stored.is_tuned:
            self._notes.append(
                f"bundle {live.version}, which is live, was tuned on labelled queries, this one "
                f"is not yet: `waypost tune FILE --version {stored.version}` tunes it, and makes "
                "it live if that is a gain, or with --anyway, and it passes then"
            )

    def _tell_gone(self, stored: StoredBundle) -> None:
        """It may be meant; it may also be another folder, whose labelled queries know no better."""
        live = self._live
        gone = sorted({*live.catalog.routes} - {*stored.catalog.routes}) if live else []
        if live and gone:
            self._notes.append(
                f"of the routes of bundle {live.version}, which is live, these are gone: "
                f"{', '.join(gone)}"
            )

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
