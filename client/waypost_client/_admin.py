"""The operator's client for threads."""

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self, TypeVar

import grpc
from google.protobuf.message import Message

from waypost.v1 import admin_pb2, admin_pb2_grpc
from waypost_client._admin_convert import progress_of, status_of, switched_of, versions_of
from waypost_client._admin_types import BuildProgress, IndexVersion, Status, Switched
from waypost_client._channel import ADMIN_OPTIONS, DEFAULT_TIMEOUT_S, sync_channel, with_token
from waypost_client._errors import error_of
from waypost_client._tls import Tls, check_token

Response = TypeVar("Response")


class AdminClient:
    """Talks to a server's AdminService; thread-safe. A context manager, or call `close`.

    Every method raises WaypostError, or one of its subclasses, when the call fails.
    """

    def __init__(
        self,
        address: str,
        *,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        tls: Tls | None = None,
        token: str = "",
        insecure: bool = False,
    ) -> None:
        """Connects at the first call.

        Args:
            address: HOST:PORT of the server's admin port.
            timeout_s: how long a call may take unless it says otherwise; builds may take longer.
            tls: how to make sure whom it talks to; None for no TLS.
            token: shows who it is.
            insecure: whether to send the token without TLS to other machines too.

        Raises:
            ValueError: the token would travel in the clear.
            OSError: a file of `tls` cannot be read.
        """
        check_token(address, token, tls=tls, insecure=insecure)
        self._timeout_s = timeout_s
        self._channel = sync_channel(address, tls, ADMIN_OPTIONS)
        self.stub = admin_pb2_grpc.AdminServiceStub(with_token(self._channel, token))

    def status(self, *, timeout_s: float | None = None) -> Status:
        """What the process that answers is and holds."""
        return status_of(self._call(self.stub.GetStatus, admin_pb2.GetStatusRequest(), timeout_s))

    def build(
        self, *, dry_run: bool = False, timeout_s: float | None = None
    ) -> Iterator[BuildProgress]:
        """Builds a bundle from the server's routes and, if it passes, makes it live.

        Args:
            dry_run: whether to leave the live bundle as it is.
            timeout_s: how long it may take; None for as long as it takes.

        Yields:
            How far it is; at last BuildPhase.LIVE or BuildPhase.REFUSED.
        """
        request = admin_pb2.BuildIndexRequest(dry_run=dry_run)
        try:
            for message in self.stub.BuildIndex(request, timeout=timeout_s):
                yield progress_of(message)
        except grpc.RpcError as error:
            raise error_of(error.code(), error.details()) from None

    def index_versions(self, *, timeout_s: float | None = None) -> tuple[IndexVersion, ...]:
        """The bundles that can be activated, newest first."""
        request = admin_pb2.ListIndexVersionsRequest()
        return versions_of(self._call(self.stub.ListIndexVersions, request, timeout_s))

    def activate(self, version: str, *, timeout_s: float | None = None) -> str:
        """Makes a bundle live; returns the version that was live before."""
        request = admin_pb2.ActivateIndexVersionRequest(version=version)
        return self._call(self.stub.ActivateIndexVersion, request, timeout_s).previous_version

    def set_route_enabled(
        self, route: str, enabled: bool, *, note: str = "", timeout_s: float | None = None
    ) -> Switched:
        """Switches a route on or off; `note`, at most 1,024 bytes, says why."""
        request = admin_pb2.SetRouteEnabledRequest(route=route, enabled=enabled, note=note)
        return switched_of(self._call(self.stub.SetRouteEnabled, request, timeout_s))

    def set_model_enabled(
        self, model: str, enabled: bool, *, note: str = "", timeout_s: float | None = None
    ) -> Switched:
        """Switches a model on or off; `note`, at most 1,024 bytes, says why."""
        request = admin_pb2.SetModelEnabledRequest(model=model, enabled=enabled, note=note)
        return switched_of(self._call(self.stub.SetModelEnabled, request, timeout_s))

    def close(self) -> None:
        """Ends the connection."""
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _call(
        self, method: Callable[..., Response], request: Message, timeout_s: float | None
    ) -> Response:
        try:
            return method(request, timeout=self._timeout_s if timeout_s is None else timeout_s)
        except grpc.RpcError as error:
            raise error_of(error.code(), error.details()) from None
