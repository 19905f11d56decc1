"""Errors are a tree, a table and this test, on both sides of the wire."""

from collections.abc import Iterator

import grpc
import pytest

from waypost_client import WaypostError as ClientError
from waypost_client import dispatch
from waypost_client._errors import ERROR_OF, error_of, error_of_number
from waypost_client.dispatch import DispatchError
from waypost_server.core import errors
from waypost_server.service.status import STATUS_OF, status_of

NEVER_REACH_A_CALLER = {
    errors.RoutesError,  # building
    errors.EncoderError,  # building and starting
    errors.BundleError,  # building and starting
    errors.SettingsError,  # starting
    errors.EvaluationError,  # evaluating
    errors.LaterError,  # its kinds do
    errors.DecisionLogError,  # writing and reading the log
    errors.RefusedRecordError,  # likewise
    errors.ModelError,  # escalating: the decision then stays as it was
    errors.ModelTimeoutError,  # likewise
    errors.ModelUnreachableError,  # likewise
    errors.ModelRefusedError,  # likewise
    errors.MalformedAnswerError,  # likewise
    errors.ReviewError,  # reviewing
}


def tree(root: type[Exception]) -> Iterator[type[Exception]]:
    for child in root.__subclasses__():
        yield child
        yield from tree(child)


def test_every_error_of_the_server_has_a_status_or_never_reaches_a_caller() -> None:
    assert set(tree(errors.WaypostError)) == {*STATUS_OF, *NEVER_REACH_A_CALLER}
    assert not NEVER_REACH_A_CALLER & STATUS_OF.keys()


def test_every_error_of_the_client_has_one_status_and_every_status_one_error() -> None:
    of_calls = {error for error in tree(ClientError) if not issubclass(error, DispatchError)}
    assert sorted(ERROR_OF.values(), key=repr) == sorted(of_calls, key=repr)


def test_every_error_of_the_dispatcher_is_public_and_can_be_told_apart_by_its_status() -> None:
    kinds = [kind for kind in tree(DispatchError) if issubclass(kind, DispatchError)]
    assert {kind.__name__ for kind in kinds} <= {*dispatch.__all__}
    assert len({kind.status for kind in kinds}) == len(kinds)
    for kind in kinds:
        error = kind("nobody answered")
        assert (error.code, error.details) == (kind.status, "nobody answered")
        assert (error.contracts, error.attempts) == ((), ())


@pytest.mark.parametrize("status", [*STATUS_OF.values(), grpc.StatusCode.INTERNAL])
def test_every_status_that_the_server_sends_has_an_error_in_the_client(
    status: grpc.StatusCode,
) -> None:
    assert issubclass(ERROR_OF[status], ClientError)
    assert ERROR_OF[status] is not ClientError


@pytest.mark.parametrize("kind", STATUS_OF)
def test_an_errors_own_words_reach_the_client(kind: type[errors.WaypostError]) -> None:
    code, message = status_of(kind("the limit is 3"))
    received = error_of(code, message)
    assert isinstance(received, ERROR_OF[STATUS_OF[kind]])
    assert (received.code, received.details) == (code, "the limit is 3")
    assert str(received) == f"{code.name}: the limit is 3"


@pytest.mark.parametrize("status", list(grpc.StatusCode))
def test_a_status_means_the_same_by_number_and_by_name(status: grpc.StatusCode) -> None:
    by_name, by_number = error_of(status, "why"), error_of_number(status.value[0], "why")
    assert (type(by_number), str(by_number)) == (type(by_name), str(by_name))


def test_a_number_that_is_no_status_is_unknown() -> None:
    assert error_of_number(99, "why").code is grpc.StatusCode.UNKNOWN
