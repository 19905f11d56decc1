"""Guards with heads that are made for a test."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from waypost_server.adapters.re2_patterns import Re2Patterns
from waypost_server.core.catalog import Catalog, Route, Taxonomy
from waypost_server.core.clues import FlagKind, Severity
from waypost_server.core.guard import Guard, Heads
from waypost_server.core.guard_head import Bars, GuardHead
from waypost_server.core.guard_policy import Actions, GuardPolicy
from waypost_server.core.ports import Encodings
from waypost_server.core.route_labels import LabelFinder
from waypost_server.core.sign_reader import SignReader
from waypost_server.core.softmax import LinearMap

FLAG_ALL = {kind: Actions() for kind in FlagKind}
REFUSE_HIGH = {kind: Actions(refuse=Severity.HIGH) for kind in FlagKind}
BARS = Bars(low=1.0, medium=2.0, high=3.0)


class ScriptedEncoder:
    """Gives each text the logits that a test says, as an encoding of two numbers."""

    name, fingerprint, dimension, width = "scripted", "0" * 64, 2, 2

    def __init__(self, logits: Mapping[str, float], *, jailbreak: float = -1.0) -> None:
        self._logits = logits
        self._jailbreak = jailbreak
        self.encoded: list[str] = []

    def encode(self, texts: Sequence[str]) -> Encodings:
        self.encoded += texts
        rows = [(self._logits.get(text, -5.0), self._jailbreak) for text in texts]
        return np.array(rows, dtype=np.float32)


def head(*, unsure: float = 0.0, bars: Bars = BARS) -> GuardHead:
    """Reads the logits from a scripted encoding."""
    return GuardHead(LinearMap(np.eye(2, dtype=np.float32), np.zeros(2, np.float32)), bars, unsure)


def catalog_with(policy: GuardPolicy, **routes: Route) -> Catalog:
    """Routes `default`, `a` and those of the test."""
    known = {name: Route(name=name) for name in ("a", "default")} | routes
    return Catalog(taxonomy=Taxonomy(guard=policy), routes=known)


def guard(
    policy: GuardPolicy,
    heads: Heads | None = None,
    *,
    catalog: Catalog | None = None,
    labels: LabelFinder | None = None,
    on_error: Callable[[Exception], None] = lambda error: None,
) -> Guard:
    """A guard with the real patterns; by default without heads."""
    return Guard(
        policy,
        catalog or catalog_with(policy),
        SignReader(Re2Patterns),
        heads or Heads(),
        labels=labels,
        on_error=on_error,
    )
