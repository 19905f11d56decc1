import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost_server.adapters.token_file import changing, read_token_file, token_list, tokens_in
from waypost_server.core.errors import SettingsError
from waypost_server.core.tokens import MOST_TOKENS, Role, Token

SHA = "ab" * 32
END = datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)


@given(
    tenant=st.none() | st.text(min_size=1, max_size=128),
    rate=st.none() | st.floats(1e-6, 1e9),
    has_end=st.booleans(),
)
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, tenant: str | None, rate: float | None, has_end: bool
) -> None:
    path = tmp_path_factory.mktemp("tokens") / "a folder" / "tokens.toml"
    tokens = [
        Token(
            name="a-b.c_1",
            role=Role.CALLER,
            tenant=tenant,
            sha256=bytes.fromhex(SHA),
            not_after=END if has_end else None,
            rate=rate,
        ),
        Token(name="ops", role=Role.ADMIN, sha256=b"x" * 32),
    ]
    with changing(path) as known:
        known.extend(tokens)
    assert token_list(read_token_file(path), path) == tokens
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff", "it is no TOML: "),
        (b"token = 1", "write a table [[token]] for each token, and nothing else"),
        (b"[tokens]", "write a table [[token]] for each token, and nothing else"),
        (b"[[token]]\n", "token 1, name: Field required"),
        (f"[[token]]\nname='a b'\nrole='caller'\nsha256='{SHA}'".encode(), "token 1, name: "),
        (f"[[token]]\nname='a'\nrole='root'\nsha256='{SHA}'".encode(), "token 1, role: "),
        (b"[[token]]\nname='a'\nrole='caller'\nsha256='ABC'", "token 1, sha256: "),
        (f"[[token]]\nname='a'\nrole='caller'\nsha256='{SHA}'\nx=1".encode(), "token 1, x: Extra"),
        (
            f"[[token]]\nname='a'\nrole='caller'\nsha256='{SHA}'\nrate=0".encode(),
            "token 1, rate: ",
        ),
        (
            f"[[token]]\nname='a'\nrole='caller'\nsha256='{SHA}'\nnot_after=2027-01-01".encode(),
            "token 1, not_after: ",
        ),
        (
            f"[[token]]\nname='a'\nrole='admin'\ntenant='t'\nsha256='{SHA}'".encode(),
            "token 1, tenant: an admin speaks for no tenant",
        ),
        (
            f"[[token]]\nname='a'\nrole='admin'\nsha256='{SHA}'\n".encode() * 2,
            "two tokens are called 'a'; revoke one",
        ),
        (b"[[token]]\n" * (MOST_TOKENS + 1), "it has 1,001 tokens; the limit is 1,000"),
    ],
)
def test_what_is_wrong_is_named_without_a_hash(content: bytes, said: str) -> None:
    path = Path("tokens.toml")
    with pytest.raises(SettingsError) as refused:
        tokens_in(content, path)
    assert str(refused.value).startswith(f"{path}: {said}")
    assert SHA not in str(refused.value)


def test_a_file_that_is_not_there_is_named_with_its_setting(tmp_path: Path) -> None:
    path = tmp_path / "none.toml"
    with pytest.raises(SettingsError, match=r"^WAYPOST_TOKENS is '.*none.toml': No such file"):
        read_token_file(path)


def test_a_failed_change_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "tokens.toml"
    with changing(path) as known:
        known.append(Token(name="a", role=Role.CALLER, sha256=b"x" * 32))
    before = path.read_bytes()
    path.chmod(0o640)
    with pytest.raises(SettingsError, match="two tokens are called 'a'"), changing(path) as known:
        known.append(known[0])
    with pytest.raises(ZeroDivisionError), changing(path) as known:
        known[1 // 0 :] = []
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["tokens.toml"]
    with changing(path) as known:
        known.clear()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_of_many_writers_at_once_none_loses_anothers_token(tmp_path: Path) -> None:
    path = tmp_path / "tokens.toml"
    code = (
        "import sys; from waypost_server.__main__ import main\n"
        "from click.testing import CliRunner\n"
        "from waypost_server.commands.token import token\n"
        "for i in range(8):\n"
        "    name = f'{sys.argv[1]}-{i}'\n"
        "    args = ['new', name, '--role', 'caller', '--tokens', sys.argv[2]]\n"
        "    assert CliRunner().invoke(token, args).exit_code == 0\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, str(n), str(path)]) for n in range(3)]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    names = {token.name for token in token_list(read_token_file(path), path)}
    assert names == {f"{n}-{i}" for n in range(3) for i in range(8)}
