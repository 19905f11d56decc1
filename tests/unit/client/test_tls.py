from pathlib import Path

import pytest

from waypost_client import AdminClient, AsyncAdminClient, AsyncClient, Client, Tls
from waypost_client.dispatch import Dispatcher, SyncDispatcher

SECRET = "waypost_" + "5" * 64
BEYOND = ["203.0.113.1:1", "router.example:1", "[2001:db8::1]:1", "dns:///localhost.evil:1"]
HERE = ["127.0.0.1:1", "localhost:1", "[::1]:1", "unix:/run/waypost.sock"]


@pytest.mark.parametrize("address", BEYOND)
def test_a_token_never_travels_in_the_clear(address: str) -> None:
    for kind in (Client, AdminClient):
        with pytest.raises(ValueError, match="in the clear") as refused:
            kind(address, token=SECRET)
        assert SECRET not in str(refused.value)
        kind(address, token=SECRET, insecure=True).close()
        kind(address, token=SECRET, tls=Tls()).close()


@pytest.mark.parametrize("address", HERE)
def test_on_this_machine_it_may(address: str) -> None:
    for kind in (Client, AdminClient):
        kind(address, token=SECRET).close()


async def test_the_asynchronous_ones_and_the_dispatchers_are_as_careful() -> None:
    for kind in (AsyncClient, AsyncAdminClient, Dispatcher, SyncDispatcher):
        with pytest.raises(ValueError, match="in the clear"):
            kind(BEYOND[0], token=SECRET)
    async with AsyncClient(HERE[0]) as client:
        with pytest.raises(ValueError, match="a client has its own"):
            Dispatcher(client, token=SECRET)


@pytest.mark.parametrize("token", ["a b", "a\nb", "é", "\x7f"])
def test_what_is_no_token_is_refused_before_it_is_sent(token: str) -> None:
    with pytest.raises(ValueError, match="characters that no token has"):
        Client(HERE[0], token=token)


def test_files_that_cannot_be_read_and_half_a_pair_are_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Client(HERE[0], tls=Tls(ca=tmp_path / "none.pem"))
    with pytest.raises(ValueError, match="go together"):
        Client(HERE[0], tls=Tls(cert=tmp_path / "me.pem"))
