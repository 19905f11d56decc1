import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from waypost_server.core.errors import SettingsError
from waypost_server.service.address import admin_address_of, held


@contextmanager
def listening(where: tuple[str, int], *, shared: bool) -> Iterator[socket.socket]:
    """A server as gRPC opens one, with `grpc.so_reuseport` or without."""
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, shared)
        server.bind(where)
        server.listen()
        yield server


def of(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host, int(port)


@pytest.mark.parametrize(
    ("address", "said", "found"),
    [
        ("0.0.0.0:50051", "", "127.0.0.1:50052"),
        ("[::]:0", "", "127.0.0.1:0"),
        ("localhost:65535", "", "127.0.0.1:0"),
        ("127.0.0.1:50051", "[::1]:4711", "[::1]:4711"),
    ],
)
def test_operators_are_answered_on_loopback_next_to_callers_unless_told_otherwise(
    address: str, said: str, found: str
) -> None:
    assert admin_address_of(address, said) == found


def test_port_0_becomes_a_port_that_those_who_share_may_listen_on() -> None:
    with held("127.0.0.1:0") as address, ExitStack() as servers:
        for _ in range(2):
            servers.enter_context(listening(of(address), shared=True))
        with socket.create_connection(of(address), timeout=5):
            pass


def test_nobody_reaches_a_held_port_on_which_nobody_listens() -> None:
    with held("127.0.0.1:0") as address, pytest.raises(ConnectionRefusedError):
        socket.create_connection(of(address), timeout=5)


@pytest.mark.parametrize("in_use", [False, True])
def test_a_held_port_is_refused_to_all_others(in_use: bool) -> None:
    with held("127.0.0.1:0") as address, ExitStack() as servers:
        if in_use:
            servers.enter_context(listening(of(address), shared=True))
        with pytest.raises(OSError, match="in use"), listening(of(address), shared=False):
            pass
        with pytest.raises(SettingsError), held(address):
            pass


@pytest.mark.parametrize("shared", [False, True])
def test_a_port_that_is_listened_on_is_not_held(shared: bool) -> None:
    with listening(("127.0.0.1", 0), shared=shared) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(SettingsError) as refused, held(address):
            pass
    assert str(refused.value) == (
        f"WAYPOST_ADDRESS is '{address}': cannot listen there; is the port taken? "
        "Name another with --address or WAYPOST_ADDRESS"
    )


def test_of_many_who_want_a_port_at_once_one_holds_it() -> None:
    with held("127.0.0.1:0") as address:
        pass
    barrier = threading.Barrier(8)
    for _ in range(25):
        outcomes: list[bool] = []

        def want(outcomes: list[bool] = outcomes) -> None:
            barrier.wait(10)
            with ExitStack() as stack:
                try:
                    stack.enter_context(held(address))
                    outcomes.append(True)
                except SettingsError:
                    outcomes.append(False)
                barrier.wait(10)

        threads = [threading.Thread(target=want) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(outcomes) == 8
        assert sum(outcomes) == 1


@pytest.mark.parametrize("shared", [False, True])
def test_connections_that_linger_after_a_server_hinder_nobody(shared: bool) -> None:
    with listening(("127.0.0.1", 0), shared=shared) as server:
        where = server.getsockname()
        with socket.create_connection(where, timeout=5):
            server.accept()[0].close()  # who closes first keeps the port in TIME_WAIT
    with socket.socket() as strict, pytest.raises(OSError, match="in use"):
        strict.bind(where)
    with (
        held(f"{where[0]}:{where[1]}") as address,
        listening(of(address), shared=True),
        pytest.raises(SettingsError),
        held(address),
    ):
        pass


@pytest.mark.parametrize("host", ["localhost", "0.0.0.0", "[::1]", "[::]"])  # noqa: S104
def test_a_host_may_have_several_addresses_of_either_kind(host: str) -> None:
    if host.startswith("[") and not _has_ipv6():
        pytest.skip("this machine has no IPv6")
    with held(f"{host}:0") as address:
        name, port = of(address)
        assert (name, port > 0) == (host, True)
        with pytest.raises(SettingsError), held(address):
            pass


@pytest.mark.parametrize("address", ["203.0.113.1:0", "203.0.113.1:50051", "a..b:0"])
def test_a_host_that_is_not_this_machine_is_refused(address: str) -> None:
    with pytest.raises(SettingsError, match="cannot listen there"), held(address):
        pass


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True
