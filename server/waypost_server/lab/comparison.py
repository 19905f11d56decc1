"""Two bundles on the same queries: what changed, and whether it is more than chance."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from waypost_server.lab.evaluation import Evaluation
from waypost_server.lab.gain import Gain, mcnemar
from waypost_server.lab.judged import Judged
from waypost_server.lab.paired import SHARES, sent_right, shares

Finding = Literal["gain", "loss", "noise", "same"]

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
        shares: what changes of where queries go, by the names of `paired.SHARES`.
    """

    before: Evaluation
    after: Evaluation
    became_right: tuple[Change, ...]
    became_wrong: tuple[Change, ...]
    p_value: float
    shares: Mapping[str, Gain]

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
    def finding(self) -> Finding:
        """What the change amounts to in what queries are taken for."""
        better, worse = len(self.became_right), len(self.became_wrong)
        if better == worse == 0:
            return "same"
        if self.p_value >= SIGNIFICANT:
            return "noise"
        return "gain" if better > worse else "loss"

    @property
    def sent(self) -> Finding:
        """What it amounts to in where they go, which bars decide, too; no gain mends a loss."""
        pairs = zip(self.before.judged, self.after.judged, strict=True)
        if all(sent_right(old) == sent_right(new) for old, new in pairs):
            return "same"
        if any(share.high < 0 for share in self.shares.values()):
            return "loss"
        return "gain" if any(share.low > 0 for share in self.shares.values()) else "noise"

    @property
    def worst(self) -> Finding:
        """Of both findings the one to be told first."""
        found = (self.finding, self.sent)
        return next(one for one in ("loss", "gain", "noise", "same") if one in found)

    @property
    def verdict(self) -> str:
        """Both findings, a sentence each."""
        return f"{self._taken} {self._sent}"

    @property
    def _taken(self) -> str:
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

    @property
    def _sent(self) -> str:
        if self.sent == "same":
            return "Where they go: no difference."
        found = {"gain": "a gain", "loss": "a loss", "noise": "no difference"}[self.sent]
        figures = "; ".join(
            f"{SHARES[name][0]} {share.before:.3f} -> {share.after:.3f}"
            for name, share in self.shares.items()
        )
        return f"Where they go: {found} beyond noise ({figures})."


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
        shares=shares(before.judged, after.judged),
    )
