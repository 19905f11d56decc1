"""Words that stand for values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost_server.core.extraction.phrases import Phrases
from waypost_server.core.extraction.text import Text

SYNONYMS = {
    "python": ("python", "py"),
    "c": ("C", "c program"),
    "cpp": ("c++",),
    "csharp": ("c#",),
    "go": ("golang", "Go"),
    "node": ("node", "node.js"),
    "net": (".net",),
    "spring boot": ("spring boot",),
    "spring": ("spring",),
    "db": ("database", "two phase commit"),
}


def values(text: str, *, typos: bool = False, ignore: tuple[str, ...] = ()) -> list[object]:
    phrases = Phrases(SYNONYMS, ignore=ignore, typos=typos)
    return [found.value for found in phrases.find(Text(text))]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a PYTHON script", ["python"]),
        ("happy pythonista, copy", []),  # a word is a whole word
        ("my_python and python_x", []),
        ("python3 and py2.7", ["python"]),  # digits may follow three letters or more
        ("databases", ["db"]),
        ("c++17 and C# and C", ["cpp", "csharp", "c"]),
        ("option c, c and d", []),  # what is written with a capital needs it
        ("I go home, or write Go", ["go"]),
        ("Node.js or node", ["node", "node"]),
        ("node. js", ["node"]),
        ("on .NET", ["net"]),
        ("no net", []),
        ("spring  boot in spring", ["spring boot", "spring"]),  # the longest
        ("two\nphase commits", ["db"]),
        ("spring bo", ["spring"]),
        ("", []),
    ],
)
def test_a_phrase_is_found_as_whole_words(text: str, found: list[str]) -> None:
    assert values(text) == found


def test_what_is_ignored_hides_what_it_holds() -> None:
    assert values("Go ahead with python", ignore=("go ahead",)) == ["python"]
    assert values("a C major chord in C", ignore=("c major",)) == ["c"]


@pytest.mark.parametrize("wrong", ["pyhton", "pythhon", "pythn", "pyton", "golagn", "databse"])
def test_a_letter_may_be_left_out_doubled_or_moved(wrong: str) -> None:
    assert len(values(wrong, typos=True)) == 1
    assert values(wrong) == []


@pytest.mark.parametrize("other", ["pytho", "bython", "nde", "spirng bot", "gollang1x"])
def test_other_words_are_no_misspellings(other: str) -> None:
    assert values(other, typos=True) in ([], ["spring"])


def test_a_misspelling_of_two_words_is_of_neither() -> None:
    two = Phrases({"a": ("casting",), "b": ("catsing",)}, typos=True)
    assert [found.value for found in two.find(Text("casting catsing"))] == ["a", "b"]
    assert not list(Phrases({"a": ("abcdef",), "b": ("abdcef",)}, typos=True).find(Text("abdef")))


def test_a_value_says_which_words_stand_for_it() -> None:
    text = Text("with Node.js, and c++")
    found = [text.words[hit.first : hit.last] for hit in Phrases(SYNONYMS).find(text)]
    assert found == [["Node", ".", "js"], ["c", "+", "+"]]


WORDS = st.sampled_from(["a", "b", "ab", "c", "+", ".", "B", "a1"])


@given(
    phrases=st.lists(st.lists(WORDS, min_size=1, max_size=3), min_size=1, max_size=5),
    words=st.lists(WORDS, max_size=12),
)
def test_it_finds_what_a_plain_search_finds(phrases: list[list[str]], words: list[str]) -> None:
    """An oracle for phrases in lower case: at each place the longest, word by word."""
    lower = [[word.lower() for word in phrase] for phrase in phrases]
    table = Phrases({" ".join(phrase): (" ".join(phrase),) for phrase in lower})
    folded = [word.lower() for word in words]
    expected, place = [], 0
    while place < len(folded):
        fit = [p for p in lower if folded[place : place + len(p)] == p]
        if fit:
            longest = max(fit, key=len)
            expected.append(" ".join(longest))
            place += len(longest)
        else:
            place += 1
    assert [found.value for found in table.find(Text(" ".join(words)))] == expected
