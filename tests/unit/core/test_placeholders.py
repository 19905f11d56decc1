"""What only stands for a secret is none; what looks like that and is one, stays one."""

import pytest

from waypost_server.core.placeholders import is_placeholder
from waypost_server.core.redaction import found_in


@pytest.mark.parametrize(
    "value",
    [
        "sk-xxxxxxxx",
        "sk-ant-api03-" + "x" * 40,
        "sk-" + "x" * 20 + "1234",
        "ghp_" + "x" * 36,
        "ghp_" + "0" * 36,
        "AKIAIOSFODNN7EXAMPLE",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "YOUR_API_KEY",
        "your-secret-key-1",
        "change_me",
        "INSERT_TOKEN_HERE",
        "${DB_PASSWORD}",
        "$DB_PASSWORD1",
        "$(pass show db1)",
        "%DB_PASS1%",
        "%(password1)s",
        "{password1}",
        "{{secrets.db1}}",
        "********1",
    ],
)
def test_a_placeholder_is_no_secret(value: str) -> None:
    assert is_placeholder(value)
    for text in (f"api_key={value}", f"Authorization: Bearer {value}", f"password: '{value}'"):
        assert found_in(text) == []


@pytest.mark.parametrize(
    "value",
    [
        "AKIAIOSFODNN7EXAMPLA",
        "AKIAEXAMPLEODNN7IOSF",
        "sk-" + "a1B2" * 6,
        "ghp_" + "x" * 6 + "a1B2" * 8,
        "sk-xxxxxxxx-a1B2c3D4e5F6",
        "hunter2xx",
        "example123!",
        "yourpassword1",
        "$ecret1",
        "pa{x}12",
        "xXxslayer99xXx",
    ],
)
def test_a_secret_is_none(value: str) -> None:
    assert not is_placeholder(value)
    assert found_in(f"password: {value} ") != []
