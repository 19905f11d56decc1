"""Plain text, and where its characters came from."""

from hypothesis import given
from hypothesis import strategies as st

from waypost_server.core.plain_text import plain, undisguised


def test_ordinary_text_is_only_lower_case_and_has_no_map() -> None:
    found = plain("Hello, World!")
    assert (found.text, found.offsets) == ("hello, world!", None)
    assert undisguised(found) is None


def test_accents_and_other_scripts_stay() -> None:
    assert plain("Größe, élève, привет, 你好").text == "größe, élève, привет, 你好"


def test_numbers_and_names_with_digits_stay() -> None:
    for text in ("call 555-0100 at 10:30", "utf8 h264 x86", "a b c", "$100 at home"):
        assert undisguised(plain(text)) is None


@given(st.text(max_size=80))
def test_every_character_comes_from_somewhere_in_order(text: str) -> None:
    found = plain(text)
    for version in (found, undisguised(found)):
        if version is None or version.offsets is None:
            continue
        assert len(version.offsets) == len(version.text)
        assert list(version.offsets) == sorted(version.offsets)
        assert all(0 <= at < len(text) for at in version.offsets)


@given(st.text(alphabet="ig\u200bn\u00adore \t", min_size=1, max_size=40))
def test_a_span_of_all_is_all_that_is_seen(text: str) -> None:
    found = plain(text)
    if found.text:
        start, end = found.span(0, len(found.text))
        assert plain(text[start:end]).text.strip() == found.text.strip()


def test_characters_that_become_several_stand_where_they_stood() -> None:
    found = plain("a \ufdfa \u3000 \ufb01x")  # an Arabic phrase of 18 characters, and a ligature
    assert found.text == "a صلى الله عليه وسلم fix"
    assert found.span(2, 20) == (2, 3)
    assert found.span(21, 24) == (6, 8)


@given(st.text(max_size=40), st.text(max_size=40))
def test_it_is_what_each_character_is_by_itself(first: str, second: str) -> None:
    """Whether a character is remembered from another text makes no difference."""
    marked = f"{first}\N{CJK UNIFIED IDEOGRAPH-4E00}{second}"  # parts words, and makes it odd
    found, left, right = plain(marked), plain(f"{first}一"), plain(f"一{second}")
    assert found.text == left.text + right.text[1:]
