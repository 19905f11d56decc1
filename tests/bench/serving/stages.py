"""What the server's own answers say of where a decision's time went."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from tests.bench.serving.figures import Leg
from waypost.v1 import contract_pb2, router_pb2


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """Medians in ms, of calls one at a time; NaN where a stage decided nothing.

    Attributes:
        first_share: share of the queries that the static encoder decided.
        first: what the caller waited for a decision of the static encoder.
        second: what the caller waited for a decision of the transformer.
        encode: of the latter, until there was an encoding, the static encoder's try included.
        own: of the latter, search and scoring.
        around: of the latter, what was spent neither waiting, encoding nor deciding: messages,
            threads, gRPC.
    """

    first_share: float
    first: float
    second: float
    encode: float
    own: float
    around: float

    def as_dict(self) -> dict[str, float | None]:
        """For JSON, which has no NaN."""
        return {name: value if value == value else None for name, value in asdict(self).items()}


def inside(legs: Sequence[Leg]) -> Inside:
    """Reads the answers of legs that kept them."""
    rows = [
        (seconds, router_pb2.RouteQueryResponse.FromString(response).contract)
        for leg in legs
        for seconds, response in zip(leg.seconds, leg.responses, strict=True)
    ]
    first = [s for s, c in rows if c.stage == contract_pb2.DECISION_STAGE_STATIC_ENCODER]
    second = [(s, c.timings) for s, c in rows if c.stage == contract_pb2.DECISION_STAGE_ENCODER]
    if len(first) + len(second) != len(rows):
        raise ValueError("an answer names neither stage")
    return Inside(
        first_share=len(first) / len(rows),
        first=_median([1e3 * seconds for seconds in first]),
        second=_median([1e3 * seconds for seconds, _ in second]),
        encode=_median([times.encode_us / 1e3 for _, times in second]),
        own=_median([(times.search_us + times.decide_us) / 1e3 for _, times in second]),
        around=_median(
            [
                1e3 * seconds - (times.encode_us + times.search_us + times.decide_us) / 1e3
                for seconds, times in second
            ]
        ),
    )


def _median(values: Sequence[float]) -> float:
    return float(np.median(values)) if values else float("nan")
