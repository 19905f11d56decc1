"""Keywords at the boundaries of words, without regard to case and Unicode form."""

import re

import pytest

from waypost_server.core.keywords import KeywordFinder, words_of

TEXTS = [
    ("Stack trace", "a STACK\n trace, please", True),
    ("stack trace", "stacktrace", False),
    ("stack trace", "stack-trace", False),
    ("stack trace", "stack overflow trace", False),
    ("error", "terror", False),
    ("error", "an error.", True),
    ("error", "error_code", False),
    ("straße", "DIE STRASSE", True),
    ("caf\u00e9", "cafe\u0301", True),
    ("resume", "r\u00e9sum\u00e9", False),
    ("\uff21\uff30\uff29", "the api", True),
    ("c++", "is C++11 fine", True),
    ("c++", "c + d", False),
    ("c#", "c", False),
    ("node.js", "in Node.js 20", True),
    (".net", "net", False),
    ("日志", "日志", True),
]


@pytest.mark.parametrize(("keyword", "text", "there"), TEXTS)
def test_a_keyword_is_found_at_the_boundaries_of_words(
    keyword: str, text: str, *, there: bool
) -> None:
    assert KeywordFinder([keyword]).find(text) == [keyword] * there


def test_all_keywords_are_found_as_each_alone_is() -> None:
    keywords = sorted({keyword for keyword, _, _ in TEXTS})
    finder = KeywordFinder(keywords)
    for _, text, _ in TEXTS:
        alone = [keyword for keyword in keywords if KeywordFinder([keyword]).find(text)]
        assert sorted(finder.find(text)) == sorted(alone)


def test_ascii_words_are_those_of_a_regular_expression() -> None:
    text = "Why does test_a fail? (exit=3) see x.py:12"
    finder = KeywordFinder(["test_a", "exit", "py", "test", "fai"])
    expected = {word for word in ("test_a", "exit", "py", "test", "fai")
                if re.search(rf"(?i)\b{word}\b", text)}  # fmt: skip
    assert set(finder.find(text)) == expected == {"test_a", "exit", "py"}


def test_folding_twice_changes_nothing() -> None:
    for keyword, text, _ in TEXTS:
        for words in (words_of(keyword), words_of(text)):
            assert words_of(" ".join(words)) == words
