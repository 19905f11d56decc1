"""Whether a new bundle may take the place of the live one."""

from collections.abc import Sequence

from waypost_server.lab.bootstrap import LEVEL
from waypost_server.lab.gain import gain_of_means
from waypost_server.lab.judged import Judged


def astray(judged: Sequence[Judged]) -> list[str]:
    """A sentence for each regression query that does not go to its route."""
    return [_sentence(row) for row in judged if not row.arrived]


def _sentence(row: Judged) -> str:
    route = row.query.label
    if row.by_rule:
        return (
            f"{row.query.source}: {row.query.text[:80]!r} must go to {route}, but a rule sends it "
            f"to {row.route}; narrow the rule's condition, or remove the line"
        )
    if row.plan:
        return (
            f"{row.query.source}: {row.query.text[:80]!r} must go to {route}, but becomes a plan "
            f"of {', then '.join(row.plan)}; raise plans.min_similarity, or remove the line"
        )
    near = f", near its exemplar {row.nearest.text[:80]!r}" if row.nearest else ""
    taken = f"taken for {row.best} with confidence {row.confidence:.2f}{near}"
    return (
        f"{row.query.source}: {row.query.text[:80]!r} must go to {route}, but goes to {row.route} "
        f"({taken if row.best else 'near no route'}); add exemplars like it to {route}, "
        "or remove the line"
    )


def losses(before: Sequence[Judged], after: Sequence[Judged]) -> list[str]:
    """A sentence for each figure that is worse beyond noise.

    The figures are the share that is taken for what the label says, of queries in scope and of
    those out of scope. A loss counts when the interval of the paired difference lies below 0, and
    where few queries change, when McNemar's exact test sees it, too; by Bonferroni's correction for
    two figures one in forty builds that lose nothing is refused by luck.

    Args:
        before: what the live bundle makes of labelled queries.
        after: what the new one makes of the same, in the same order.
    """
    found = []
    for name, in_scope in (("accuracy", True), ("out-of-scope recall", False)):
        pairs = [
            pair for pair in zip(before, after, strict=True) if pair[0].query.in_scope is in_scope
        ]
        if not pairs:
            continue
        gain = gain_of_means(
            [old.is_right for old, _ in pairs],
            [new.is_right for _, new in pairs],
            level=1 - (1 - LEVEL) / 2,
        )
        if gain.high < 0:
            found.append(
                f"{name} on {len(pairs)} labelled queries falls from {gain.before:.3f} to "
                f"{gain.after:.3f}, by {-gain.high:.3f} to {-gain.low:.3f}, which is beyond noise; "
                "`waypost eval --compare` shows which queries, and exemplars like them mend it"
            )
    return found
