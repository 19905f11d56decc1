"""Two bundles on the same queries: what changed, and whether it is more than chance."""

from dataclasses import dataclass
from typing import Literal

from waypost_server.lab.evaluation import Evaluation
from waypost_server.lab.gain import mcnemar
from waypost_server.lab.judged import Judged

SIGNIFICANT = 0.05
"""Below this chance of as lopsided a change between equals, it counts as beyond noise."""


@dataclass(frozen=True, slots=True)
class Change:
    """A query before and after."""

    before: Judged
    after: Judged


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What a new bundle does otherwise than an old one; right is as `Judged.is_right`.

    Attributes:
        before: the evaluation of the old bundle.
        after: that of the new one.
        became_right: queries that only the new one gets right, in file order.
        became_wrong: queries that only the old one gets right, in file order.
        p_value: chance of as lopsided a change if both were equally good.
    """

    before: Evaluation
    after: Evaluation
    became_right: tuple[Change, ...]
    became_wrong: tuple[Change, ...]
    p_value: float

    @property
    def recalls(self) -> tuple[tuple[str, float | None, float], ...]:
        """Each label's recall before and after, the greatest loss first."""
        old = {figures.route: figures.recall for figures in self.before.per_route}
        recalls = [
            (figures.route, old.get(figures.route), figures.recall)
            for figures in self.after.per_route
            if figures.recall is not None
        ]
        return tuple(sorted(recalls, key=lambda row: row[2] - (row[1] or 0.0)))

    @property
    def finding(self) -> Literal["gain", "loss", "noise", "same"]:
        """What the change amounts to."""
        better, worse = len(self.became_right), len(self.became_wrong)
        if better == worse == 0:
            return "same"
        if self.p_value >= SIGNIFICANT:
            return "noise"
        return "gain" if better > worse else "loss"

    @property
    def verdict(self) -> str:
        """The finding as a sentence."""
        counts = (
            f"{len(self.became_right)} queries became right and {len(self.became_wrong)} wrong "
            f"(McNemar's exact test: p = {self.p_value:.3g})"
        )
        return {
            "gain": f"A gain beyond noise: {counts}.",
            "loss": f"A loss beyond noise: {counts}.",
            "noise": f"No difference beyond noise: {counts}.",
            "same": "No difference: the same queries are right.",
        }[self.finding]


def compare(before: Evaluation, after: Evaluation) -> Comparison:
    """Compares two evaluations of the same queries in the same order."""
    changes = [Change(*pair) for pair in zip(before.judged, after.judged, strict=True)]
    better = tuple(c for c in changes if c.after.is_right and not c.before.is_right)
    worse = tuple(c for c in changes if c.before.is_right and not c.after.is_right)
    return Comparison(
        before=before,
        after=after,
        became_right=better,
        became_wrong=worse,
        p_value=mcnemar(len(better), len(worse)),
    )
