"""What a page says that was measured, in figures or in words, and whether that is so."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from tests.bench.cited.sources import Source, place_of, to_decimal


@dataclass(frozen=True)
class Figures:
    """Numbers in a text.

    Attributes:
        text: as it stands on the page, with `{}` for each number.
        sources: where the numbers come from, in order.
    """

    text: str
    sources: tuple[Source, ...]

    def mistakes(self, page: str) -> list[str]:
        """What is not as its source has it."""
        cited = [to_decimal(number) for number in place_of(self.text, page).groups()]
        pairs = zip(cited, (source() for source in self.sources), strict=True)
        return [
            f"{self.text!r}: {number} is {found}"
            for number, found in pairs
            if not agree(number, found)
        ]


@dataclass(frozen=True)
class Words:
    """A figure in words.

    Attributes:
        text: as it stands on the page.
        source: where the figure comes from.
        low: from which on the words are true.
        high: up to which they are.
    """

    text: str
    source: Source
    low: str
    high: str

    def mistakes(self, page: str) -> list[str]:
        """What its source does not bear out."""
        place_of(self.text, page)
        found = self.source()
        if Decimal(self.low) <= found <= Decimal(self.high):
            return []
        return [f"{self.text!r} means {self.low} to {self.high}, and it is {found}"]


Claim = Figures | Words


def agree(cited: Decimal, source: Decimal) -> bool:
    """Whether one is the other, or the other rounded to fewer decimals."""
    decimals, known = (_decimals(each) for each in (cited, source))
    if known <= decimals:
        return cited == source
    return abs(cited - source) <= Decimal(5).scaleb(-decimals - 1)


def mistakes_of(page: str, claims: Iterable[Claim]) -> list[str]:
    """What of all claims is not so, or cannot be looked up."""
    found = []
    for claim in claims:
        try:
            found += claim.mistakes(page)
        except LookupError as error:
            found.append(f"{claim.text!r}: {error}")
    return found


def rewritten(page: str, claims: Iterable[Claim]) -> str:
    """A page with each number that is not as its source has it put right."""
    for claim in claims:
        if isinstance(claim, Figures):
            page = _put_right(page, claim)
    return page


def _put_right(page: str, claim: Figures) -> str:
    place = place_of(claim.text, page)
    for group, source in reversed(list(enumerate(claim.sources, 1))):
        cited, found = to_decimal(place[group]), source()
        if not agree(cited, found) and found >= 0:  # a sign would make another sentence of it
            fewer = Decimal(1).scaleb(-min(_decimals(cited), _decimals(found)))
            number = f"{found.quantize(fewer, ROUND_HALF_UP):,}"
            page = page[: place.start(group)] + number + page[place.end(group) :]
    return page


def _decimals(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
