"""What shows by its own marks what it is."""

from collections.abc import Callable, Iterator

import pytest

from waypost_server.core.extraction.marks import (
    find_emails,
    find_file_count,
    find_quoted,
    find_urls,
    find_versions,
)
from waypost_server.core.extraction.phrases import Phrases
from waypost_server.core.extraction.text import Found, Text

Finds = Callable[[Text], Iterator[Found]]
NAMES = Phrases({"python": ("python",), "node.js": ("node", "node.js")})


def values(find: Finds, text: str) -> list[object]:
    return [found.value for found in find(Text(text))]


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        ("see https://a.example/x?y=1#z, please", ["https://a.example/x?y=1#z"]),
        ("(http://a.example/b_(c)).", ["http://a.example/b_(c)"]),
        ("<HTTPS://A.example> or ftp://b.example", ["HTTPS://A.example"]),
        ("[x](https://a.example)!", ["https://a.example"]),
        ("http:// and https", []),
    ],
)
def test_a_url_ends_before_the_punctuation_after_it(text: str, urls: list[str]) -> None:
    assert values(find_urls, text) == urls


def test_a_url_may_have_to_hold_a_text() -> None:
    text = Text("https://a.example/docs https://a.example/pull/3 https://a.example/x/pull/4")
    found = [one.value for one in find_urls(text, containing=["/pull/"])]
    assert found == ["https://a.example/pull/3", "https://a.example/x/pull/4"]


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("mail bob.b+x@mail.example.org.", ["bob.b+x@mail.example.org"]),
        ("'jörg@bücher.example', @home, a@b", ["jörg@bücher.example"]),
        ("...x@y.zz", ["x@y.zz"]),
    ],
)
def test_an_address_has_a_mailbox_and_a_domain(text: str, addresses: list[str]) -> None:
    assert values(find_emails, text) == addresses


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ('called "Foo Bar" and `x-y`', ["Foo Bar", "x-y"]),
        ("don't say 'never', it's wrong", ["never"]),
        ("„nein“ “yes” «oui»", ["yes", "oui"]),
        ('5" and 6" and ""', []),
        ('"two\nlines"', []),
    ],
)
def test_a_quotation_stands_in_marks_on_one_line(text: str, quoted: list[str]) -> None:
    assert values(find_quoted, text) == quoted


@pytest.mark.parametrize(
    ("text", "versions"),
    [
        ("python 3.12", ["3.12"]),
        ("Node 20 or node v18?", ["20", "v18"]),
        ("in 1.29.3-rc.1, 2.x.", ["1.29.3-rc.1"]),
        ("v1.29 and v2", ["v1.29", "v2"]),
        ("python 2 minutes, python 404, 1.5 seconds, 2.5 GB, 99.9%", []),
        ("10.0.0.1 and 12.03.2026 and 1.2.3.4.5 and $3.50", []),
        ("3 pythons", []),
    ],
)
def test_a_version_has_a_dot_or_a_v_or_stands_after_a_name(text: str, versions: list[str]) -> None:
    found = [one.value for one in find_versions(Text(text), NAMES)]
    assert list(dict.fromkeys(found)) == versions


def test_without_names_a_bare_number_is_no_version() -> None:
    assert not list(find_versions(Text("python 3"), None))


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("47 files changed", [47]),
        ("these three small files", [3]),
        ("one file", [1]),
        ("see src/a.py, b.py and a.py", [2]),
        ("main.go:12", []),
        ("node.js and next.js", []),
        ("files", []),
        ("console.log(x) and list.go()", []),
        ("1.5 files or v2 files", []),
    ],
)
def test_files_are_said_or_else_named(text: str, count: list[int]) -> None:
    assert values(find_file_count, text) == count
