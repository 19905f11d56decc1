"""Numbers that carry their own check: cards and bank accounts.

The dispatcher's output guard knows them too: client and server share nothing but the contract, and
a test holds the two equal.
"""

from collections.abc import Iterator, Sequence

CARD_DIGITS = range(13, 20)
"""Digits of a card's number (ISO/IEC 7812), the shortest still issued to the longest."""

CARD_BEGINS = ("2", "3", "4", "5", "6", "9")
"""First digits of the brands: 2 is Mastercard's and Mir's, 3 American Express's, Diners' and JCB's,
4 Visa's, 5 and 6 those of Mastercard, Maestro, Discover, UnionPay and RuPay, 9 Troy's."""

LEAST_GROUP = 3
"""Digits of each group of a number but the last; lists of small numbers are no cards."""

IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22,
    "BI": 27, "BR": 29, "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27,
    "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27,
    "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HN": 28, "HR": 21, "HU": 28,
    "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28,
    "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22,
    "MK": 19, "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23,
    "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24,
    "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "SO": 23, "ST": 25, "SV": 28,
    "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20, "YE": 30,
}  # fmt: skip
"""Characters of an IBAN by country: SWIFT's IBAN registry."""


def luhn(digits: str) -> bool:
    """Whether the last digit is Luhn's check digit of the others."""
    doubled = (int(digit) * 2 for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(n - 9 if n > 9 else n for n in doubled)) % 10 == 0


def cards_in(groups: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Which groups of digits that follow each other are a card's number: the first and the last.

    A number may stand beside others, but begins and ends with a group.
    """
    first = 0
    while first < len(groups):
        last = _card_at(groups, first)
        if last is not None:
            yield first, last
        first = first + 1 if last is None else last + 1


def _card_at(groups: Sequence[str], first: int) -> int | None:
    """The last group of the longest number that begins with a group."""
    digits, found = "", None
    if not groups[first].startswith(CARD_BEGINS):
        return None
    for last in range(first, len(groups)):
        digits += groups[last]
        if len(digits) >= CARD_DIGITS.stop:
            break
        if len(digits) in CARD_DIGITS and luhn(digits):
            found = last
        if len(groups[last]) < LEAST_GROUP:
            break
    return found


def iban_length(characters: str) -> int:
    """How many of some capital letters and digits are an IBAN, from the first; 0 for none."""
    length = IBAN_LENGTHS.get(characters[:2], 0)
    number = characters[:length]
    return length if length and len(number) == length and _mod_97(number) == 1 else 0


def _mod_97(number: str) -> int:
    return int("".join(str(int(character, 36)) for character in number[4:] + number[:4])) % 97
