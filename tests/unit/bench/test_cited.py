"""How a cited figure is compared with its source, and taken over from it."""

from decimal import Decimal

import pytest

from tests.bench.cited.claims import Figures, Words, agree, mistakes_of, rewritten
from tests.bench.cited.sources import Source, cell, said
from tests.bench.cited.unvouched import unvouched


def is_(value: str) -> Source:
    return lambda: Decimal(value)


@pytest.mark.parametrize(
    ("cited", "source", "same"),
    [
        ("58", "57.8", True),
        ("57", "57.8", False),
        ("25", "24.5", True),
        ("3", "3.03", True),
        ("0.9", "0.94", True),
        ("0.9", "0.96", False),
        ("1.0", "1", True),
        ("86.1", "86.1", True),
        ("86.1", "86.2", False),
        ("20000", "20001", False),
    ],
)
def test_a_figure_may_have_fewer_decimals_than_its_source(
    cited: str, source: str, same: bool
) -> None:
    assert agree(Decimal(cited), Decimal(source)) is same


def test_what_is_not_so_is_named_and_put_right_and_the_rest_stays() -> None:
    page = "Of 10 it finds 57.8%, and\nof strangers 1,024; half of 3 are right."
    right = Figures("finds {}%, and of strangers {};", (is_("57.84"), is_("1024")))
    assert right.mistakes(page) == []
    assert rewritten(page, [right]) == page
    wrong = Figures("finds {}%, and of strangers {};", (is_("61.25"), is_("12345")))
    assert len(wrong.mistakes(page)) == 2
    new = rewritten(page, [wrong])
    assert new == "Of 10 it finds 61.3%, and\nof strangers 12,345; half of 3 are right."
    assert wrong.mistakes(new) == []


def test_what_cannot_be_put_right_is_left_and_named() -> None:
    page = "It takes 40 ms more, or 50 less."
    fallen = Figures("takes {} ms more, or {} less", (is_("-3"), is_("45")))
    new = rewritten(page, [fallen])
    assert new == "It takes 40 ms more, or 45 less."
    [sign, missing] = mistakes_of(new, [fallen, Figures("{} of them", (is_("1"),))])
    assert sign.endswith(": 40 is -3")
    assert "stands there 0 times" in missing


def test_words_hold_within_their_bounds_and_must_stand_there() -> None:
    page = "half of them"
    assert Words("half of them", is_("48"), "45", "55").mistakes(page) == []
    assert Words("half of them", is_("56"), "45", "55").mistakes(page)
    for missing in (Words("a third", is_("33"), "30", "36"), Figures("{} of them", (is_("1"),))):
        with pytest.raises(LookupError, match="stands there 0 times"):
            missing.mistakes(page)
    with pytest.raises(LookupError, match="stands there 2 times"):
        Figures("{} of", (is_("1"),)).mistakes("1 of 2 of")


def test_a_cell_is_found_by_its_section_its_row_and_its_column() -> None:
    ece = cell("Confidence", ("CLINC150", "10"), "ECE, Waypost", number=1)
    low = cell("Confidence", ("CLINC150", "10"), "ECE, Waypost")
    assert 0 < ece() < low() < Decimal("0.1")
    for missing in (
        cell("Confidence", ("CLINC150",), "ECE, Waypost"),
        cell("Confidence", ("CLINC150", "10"), "ECE"),
        cell("No such section", ("CLINC150", "10"), "ECE, Waypost"),
        said("README.md", "no such {} words"),
    ):
        with pytest.raises(LookupError):
            missing()


def test_a_number_that_nothing_vouches_for_is_named() -> None:
    page = """It takes 4.2 ms with `-O3` and int8, see [it](a.md#2).

| lost | why |
|---|---|
| a | 7 times slower (measured once) |
| b | 8 times slower |

| lost (measured once) | |
|---|---|
| c | 9 |

At most 10 are kept, 11 of 12 (measured
once).
"""
    found = unvouched(page, [Figures("takes {} ms", (is_("4.2"),))], ())
    assert found == ["| b | 8 times slower |"]
    assert len(unvouched(page, [], ("8 times",))) == 1
