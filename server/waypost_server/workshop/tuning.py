"""Tuning a bundle."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from waypost_server.adapters.bundle_format import REGRESSION, StoredBundle
from waypost_server.adapters.bundle_store import BundleStore
from waypost_server.adapters.held_out_file import read_held_out
from waypost_server.core.bundle import by_hand
from waypost_server.core.labelled import LabelledQuery
from waypost_server.core.ports import Encoder
from waypost_server.core.scoring import Scoring, fit_scoring
from waypost_server.lab.judged import encode_queries
from waypost_server.lab.tuning import Trial, try_tuning
from waypost_server.service.direct import Direct
from waypost_server.settings import Settings
from waypost_server.wiring.loading import load_encoder, offline_engine, static_loader
from waypost_server.workshop.entry import Entry
from waypost_server.workshop.gating import PASSED, Gate, GateVerdict
from waypost_server.workshop.queries import known, read_queries, subject_of


@dataclass(frozen=True, slots=True)
class Tuned:
    """What became of a tuning.

    Attributes:
        trial: what it changes, and whether that is a gain.
        stored: the new bundle; None where none was wanted, or it is no gain.
        verdict: what the gate says of it.
    """

    trial: Trial
    stored: StoredBundle | None = None
    verdict: GateVerdict = PASSED

    @property
    def is_live(self) -> bool:
        """Whether the new bundle is live."""
        return self.stored is not None and not self.verdict.problems


def tune_index(
    settings: Settings,
    files: Sequence[Path],
    *,
    version: str | None = None,
    write: bool,
    anyway: bool = False,
    gated: bool = True,
    progress: Callable[[int, int], None],
) -> Tuned:
    """Tunes a bundle on labelled queries; a gain that passes the gate goes live.

    One that does not pass stays in the folder as a version.

    Args:
        settings: all of them.
        files: labelled files, and folders of them.
        version: which bundle; None for the live one.
        write: whether a gain may go live.
        anyway: whether anything may.
        gated: whether it must pass the gate.
        progress: called with how many queries are encoded and how many there are.

    Raises:
        EvaluationError: the files have problems, or hold too few queries.
        BundleError: the bundle cannot be used, or another one is live by now.
        EncoderError: an encoder cannot be used.
    """
    store = BundleStore(settings.index)
    live = store.load()
    stored = store.load(version) if version else live
    queries = read_queries(stored, files)
    encoder = load_encoder(settings.encoder, stored)
    encodings = encode_queries(queries, encoder, threads=settings.workers, progress=progress)
    cache = known(queries, encodings)
    served = Direct(offline_engine(settings, stored, encoder, static_loader(settings), cache))
    untuned = served.router.with_scoring(_untuned(stored, settings.encoder))
    trial = try_tuning(
        served.with_router(untuned),
        queries,
        encodings,
        subject_of(stored, queries),
        taught=stored.known(),
    )
    if not write or not (anyway or trial.finding == "gain"):
        return Tuned(trial)
    entry = Entry.of(settings, by="waypost tune")
    tuned = store.write_scoring(stored, trial.new)
    entry.written(tuned.version)
    verdict = _verdict(settings, tuned, live, encoder, progress) if gated else PASSED
    if verdict.problems:
        entry.refused(tuned.version, verdict)
    else:
        entry.live(tuned.version, instead_of=live.version)
    return Tuned(trial, tuned, verdict)


def _verdict(
    settings: Settings,
    tuned: StoredBundle,
    live: StoredBundle,
    encoder: Encoder,
    progress: Callable[[int, int], None],
) -> GateVerdict:
    """The gate's, with the regression queries that the bundle was built with."""
    regression = [
        LabelledQuery(text=text, label=route, source=f"{tuned.files.folder / REGRESSION}:{line}")
        for line, (route, text) in enumerate(tuned.regression(), start=1)
    ]
    static = static_loader(settings)
    gate = Gate(settings, encoder=encoder, static=static, live=live, progress=progress)
    return gate.check(tuned, regression)


def _untuned(stored: StoredBundle, encoder: Path) -> Scoring:
    """What exemplars alone give: a bundle may have been tuned on the very same queries before."""
    if not stored.is_tuned:
        return stored.scoring
    outside = stored.outside()
    return fit_scoring(
        stored.encodings(),
        outside,
        stored.exemplars,
        dimension=stored.manifest.dimension,
        by_hand=by_hand(stored.catalog),
        negatives=stored.negatives(),
        held_out=read_held_out(encoder, stored.exemplars, knows_outside=bool(len(outside))),
    )[0]
