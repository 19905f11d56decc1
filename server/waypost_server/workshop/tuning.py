"""Tuning a bundle."""

from collections.abc import Callable, Sequence
from pathlib import Path

from waypost_server.adapters.bundle_format import StoredBundle
from waypost_server.adapters.bundle_store import BundleStore
from waypost_server.adapters.held_out_file import read_held_out
from waypost_server.core.bundle import by_hand
from waypost_server.core.calibration import CalibrationMethod
from waypost_server.core.scoring import Scoring, fit_scoring
from waypost_server.lab.judged import encode_queries
from waypost_server.lab.tuning import Trial, try_tuning
from waypost_server.settings import Settings
from waypost_server.wiring.loading import load_encoder, router_of
from waypost_server.workshop.queries import read_queries, subject_of


def tune_index(
    settings: Settings,
    files: Sequence[Path],
    *,
    write: bool,
    anyway: bool = False,
    progress: Callable[[int, int], None],
) -> tuple[Trial, StoredBundle | None]:
    """Tunes the live bundle on labelled queries and makes the result live if it is a gain.

    Args:
        settings: all of them.
        files: labelled files, and folders of them.
        write: whether a gain may go live.
        anyway: whether anything may.
        progress: called with how many queries are encoded and how many there are.

    Returns:
        The trial, and the new bundle if one is live.

    Raises:
        EvaluationError: the files have problems, or hold too few queries.
        BundleError: the bundle cannot be used.
        EncoderError: the encoder cannot be used.
    """
    store = BundleStore(settings.index)
    stored = store.load()
    queries = read_queries(stored, files)
    encoder = load_encoder(settings.encoder, stored)
    encodings = encode_queries(queries, encoder, threads=settings.workers, progress=progress)
    router = router_of(stored).with_scoring(_untuned(stored, settings.encoder))
    trial = try_tuning(
        router, queries, encodings, subject_of(stored, queries), taught=stored.known()
    )
    if not write or not (anyway or trial.finding == "gain"):
        return trial, None
    tuned = store.write_scoring(stored, trial.new)
    store.activate(tuned.version, instead_of=stored.version)
    return trial, tuned


def _untuned(stored: StoredBundle, encoder: Path) -> Scoring:
    """What exemplars alone give: a bundle may have been tuned on the very same queries before."""
    if stored.scoring.calibration.method is not CalibrationMethod.HELD_OUT:
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
