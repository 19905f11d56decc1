"""Files that are looked at again and again, whatever somebody writes into them."""

import hashlib
import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from waypost_server.adapters.token_file import read_token_file, tokens_in
from waypost_server.core.errors import SettingsError
from waypost_server.core.tokens import Tokens
from waypost_server.service.kept import Kept


def entry(name: str) -> str:
    sha = hashlib.sha256(name.encode()).hexdigest()
    return f"[[token]]\nname = '{name}'\nrole = 'caller'\nsha256 = '{sha}'\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "tokens.toml"
    file.write_text(entry("first"))
    return file


@pytest.fixture
def kept(path: Path) -> Kept[bytes, Tokens]:
    return Kept(
        lambda: read_token_file(path), lambda content: tokens_in(content, path), name="tokens"
    )


def make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def mend(path: Path) -> None:
    if path.is_dir():
        path.rmdir()
    path.write_text(entry("second"))


def write(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


BROKEN = {
    "nested lists": write(b"token = " + b"[" * 100_000),
    "nested tables": write(b"token = " + b"{a=" * 100_000),
    "nested in an entry": write((entry("x") + "rate = " + "[" * 400 + "]" * 400).encode()),
    "a number beyond all bounds": write((entry("x") + "rate = " + "9" * 5_000).encode()),
    "a large number": write((entry("x") + "rate = 1e400").encode()),
    "not UTF-8": write(b"\xff\xfe\x00"),
    "a null": write(b"\0"),
    "half an entry": write(entry("x").encode()[:-20]),
    "a folder": make_folder,
    "nothing": Path.unlink,
}


@pytest.mark.parametrize("breaks", BROKEN.values(), ids=BROKEN.keys())
async def test_whatever_is_wrong_the_old_tokens_stay_and_the_log_says_why_once(
    kept: Kept[bytes, Tokens],
    path: Path,
    breaks: Callable[[Path], object],
    caplog: pytest.LogCaptureFixture,
) -> None:
    before = kept.content
    breaks(path)
    for _ in range(2):
        await kept.look()
        assert kept.content is before
    [said] = caplog.messages
    assert said.startswith("the tokens stay as they are: ")
    assert str(path) in said  # known kinds of wrong are told by who reads the file
    mend(path)
    await kept.look()
    assert kept.content is not before


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(content=st.binary(max_size=200) | st.text("[]{}='\"\n#.tokenrate19-:TZ", max_size=200))
def test_whatever_a_file_says_it_is_refused_as_settings_are(content: bytes | str) -> None:
    data = content.encode() if isinstance(content, str) else content
    with suppress(SettingsError):  # and nothing else
        tokens_in(data, Path("tokens.toml"))


async def test_what_nobody_thought_of_changes_nothing_and_shows_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    said = ["first"]

    def check(content: str) -> str:
        if content == "hostile":
            raise MemoryError("a secret")
        return content

    taken: list[str] = []
    kept = Kept(lambda: said[0], check, name="words", taken_up=taken.append)
    caplog.set_level(logging.INFO)
    for word in ("hostile", "hostile", "second"):
        said[0] = word
        await kept.look()
    assert (kept.content, taken) == ("second", ["second"])
    assert caplog.messages == [
        "the words stay as they are: they cannot be read, because of a MemoryError",
        "the words are taken up",
    ]
