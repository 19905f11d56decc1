import socket

import pytest

from waypost_server.core.errors import SettingsError
from waypost_server.service.exposure import check_exposure, is_local

HERE = ["127.0.0.1:50051", "127.8.9.1:0", "[::1]:50051", "localhost:1", "unix:/run/waypost.sock"]
BEYOND = [
    "0.0.0.0:50051",
    "[::]:50051",
    "10.0.0.1:1",
    "203.0.113.1:1",
    "[fe80::1]:1",
    "[::ffff:10.0.0.1]:1",
    "[2001:db8::1]:1",
    "no-such-host.invalid:1",
    ":50051",
]


@pytest.mark.parametrize("address", HERE)
def test_on_this_machine_nothing_is_asked_for(address: str) -> None:
    assert is_local(address)
    check_exposure(address, "WAYPOST_ADDRESS", has_tls=False, has_tokens=False)


@pytest.mark.parametrize("address", BEYOND)
def test_beyond_it_tls_and_tokens_are(address: str) -> None:
    assert not is_local(address)
    check_exposure(address, "WAYPOST_ADDRESS", has_tls=True, has_tokens=True)
    for has_tls, has_tokens in ((False, True), (True, False), (False, False)):
        with pytest.raises(SettingsError) as refused:
            check_exposure(address, "WAYPOST_ADDRESS", has_tls=has_tls, has_tokens=has_tokens)
        said = str(refused.value)
        assert said.startswith(f"WAYPOST_ADDRESS is {address!r}, which other machines can reach:")
        assert ("WAYPOST_TLS_CERT" in said) is not has_tls
        assert ("WAYPOST_TOKENS" in said) is not has_tokens
        assert "WAYPOST_INSECURE=true" in said


def test_a_name_is_as_local_as_what_it_means(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine's own name may mean both its loopback and its network's address."""
    found: list[tuple[object, ...]] = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    found[:] = [(2, 1, 6, "", ("127.0.1.1", 0)), (10, 1, 6, "", ("::1", 0, 0, 0))]
    assert is_local("myself:1")
    found.append((2, 1, 6, "", ("192.0.2.7", 0)))
    assert not is_local("myself:1")
