import grpc
import pytest

from waypost_client import OverloadedError, UnavailableError
from waypost_client._errors import error_of

REFUSED = grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize(
    ("trailers", "seconds"),
    [
        ((("retry-after-ms", "1250"), ("other", "7")), 1.25),
        ((("grpc-retry-pushback-ms", "1250"),), None),
        ((("retry-after-ms", "soon"),), None),
        ((("retry-after-ms", b"12"),), 0.012),
        ((), None),
        (None, None),
    ],
)
def test_who_is_refused_knows_when_to_come_again(
    trailers: tuple[tuple[str, str | bytes], ...] | None, seconds: float | None
) -> None:
    error = error_of(REFUSED, "full", trailers)
    assert isinstance(error, OverloadedError)
    assert error.retry_after_s == seconds


def test_what_grpc_drops_in_the_server_is_overload_too() -> None:
    error = error_of(grpc.StatusCode.CANCELLED, None)
    assert isinstance(error, OverloadedError)
    assert (error.code, error.retry_after_s) == (grpc.StatusCode.CANCELLED, None)


def test_other_errors_take_no_hint() -> None:
    error = error_of(grpc.StatusCode.UNAVAILABLE, "gone", (("retry-after-ms", "1"),))
    assert isinstance(error, UnavailableError)
