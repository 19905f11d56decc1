"""The guard from a bundle's catalog: its heads, and what it says when it fails."""

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np

from waypost_server.adapters.bundle_format import StoredBundle
from waypost_server.adapters.guard_file import HEAD_FILE, read_guard_head
from waypost_server.adapters.re2_patterns import Re2Patterns
from waypost_server.core.clues import FlagKind
from waypost_server.core.errors import EncoderError
from waypost_server.core.guard import ATTACKS, Guard, Heads
from waypost_server.core.guard_head import GuardHead
from waypost_server.core.guard_letters import LetterHead
from waypost_server.core.guard_policy import Classifier, GuardPolicy
from waypost_server.core.ports import Encoder, Encodings
from waypost_server.core.route_labels import LabelFinder
from waypost_server.core.sign_reader import SignReader
from waypost_server.settings import Settings

_log = logging.getLogger(__name__)


def guard_of(
    settings: Settings, stored: StoredBundle, encoder: Encoder, static: Encoder | None
) -> Guard | None:
    """The guard that the catalog configures; None where it configures none.

    Args:
        settings: name the encoders' folders.
        stored: the bundle.
        encoder: the transformer.
        static: the static encoder of the first stage; None where there is none.

    Raises:
        EncoderError: a head cannot be used, or is required and not there.
    """
    policy = stored.catalog.taxonomy.guard
    if policy is None:
        return None
    looks_for = set(policy.actions).union(*policy.tenants.values())
    heads = Heads(static=static)
    if policy.classifier is not Classifier.OFF and ATTACKS & looks_for:
        first = _head(settings.static_encoder, static) if static else None
        second = _head(settings.encoder, encoder)
        heads = Heads(
            static=static,
            first=first,
            second=second,
            letters=_letters(first, second, settings),
        )
        _check(policy, heads, settings)
    labels = None
    if static is not None and stored.first and FlagKind.ROUTE_MANIPULATION in looks_for:
        labels = LabelFinder(static, _best_route(stored))
    return Guard(
        policy,
        stored.catalog,
        SignReader(Re2Patterns),
        heads,
        labels=labels,
        on_error=_report,
    )


def _head(folder: Path, encoder: Encoder) -> GuardHead | None:
    return read_guard_head(folder, fingerprint=encoder.fingerprint, width=encoder.width)


def _letters(
    first: GuardHead | None, second: GuardHead | None, settings: Settings
) -> LetterHead | None:
    """What the heads were fitted with; raises EncoderError where that is not the same."""
    found = [head.letters for head in (first, second) if head is not None]
    weights = [np.empty(0) if letters is None else letters.weights for letters in found]
    if len(found) == 2 and not np.array_equal(weights[0], weights[1]):
        raise EncoderError(
            f"{settings.static_encoder / HEAD_FILE} and {settings.encoder / HEAD_FILE} were not "
            "trained together; train both again with `waypost guard train`"
        )
    return found[0] if found else None


def _check(policy: GuardPolicy, heads: Heads, settings: Settings) -> None:
    if heads.second is not None:
        return
    path = settings.encoder / HEAD_FILE
    if policy.classifier is Classifier.REQUIRED:
        raise EncoderError(
            f"{path}: not there, and the taxonomy requires the guard's classifier; train one with "
            "`waypost guard train`, or write `classifier: auto` to guard by patterns alone"
        )
    _log.warning("%s: not there; the guard looks for attacks without this encoder", path)


def _best_route(stored: StoredBundle) -> Callable[[Encodings], int]:
    first = stored.first
    assert first is not None  # noqa: S101  (as seen above)
    head = first.scoring.head

    def best(encoding: Encodings) -> int:
        return int(head.logits(encoding[None])[0][0].argmax())

    return best


def _report(error: Exception) -> None:
    """Only of which kind: the query may stand in what an error says."""
    _log.error("the guard failed: %s", type(error).__name__)
