"""The client for threads."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import cycle
from types import TracebackType
from typing import Self, TypeVar

import grpc
from google.protobuf.message import Message

from waypost.v1 import router_pb2, router_pb2_grpc
from waypost_client._channel import DEFAULT_TIMEOUT_S, options_of, sync_channel, with_token
from waypost_client._convert import (
    contract_of,
    report_of,
    reported_of,
    request_of,
    requests_of,
    results_of,
    routes_of,
    specialist_of,
)
from waypost_client._errors import WaypostError, error_of
from waypost_client._report import Feedback, ModelAttempt, Reported, SpecialistOutcome
from waypost_client._specialist import Specialist
from waypost_client._tls import Tls, check_token
from waypost_client._tracing import trace_metadata
from waypost_client._types import Contract, Conversation, RouteList

Response = TypeVar("Response")


class Client:
    """Talks to a router; thread-safe. Use it as a context manager or call `close`.

    Every method raises WaypostError, or one of its subclasses, when the call fails.
    """

    def __init__(
        self,
        address: str,
        *,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        connections: int = 1,
        tls: Tls | None = None,
        token: str = "",
        insecure: bool = False,
    ) -> None:
        """Connects at the first call.

        Args:
            address: HOST:PORT, or any name that gRPC resolves; all its addresses share the load.
            timeout_s: how long a call may take, retries included, unless it says otherwise.
            connections: how many are used in turn. A connection leads to one process, so that a
                server of several processes needs several times as many to share the load well.
            tls: how to make sure whom it talks to; None for no TLS.
            token: shows who it is.
            insecure: whether to send the token without TLS to other machines too.

        Raises:
            ValueError: there is to be no connection at all, or the token would travel in the clear.
            OSError: a file of `tls` cannot be read.
        """
        check_token(address, token, tls=tls, insecure=insecure)
        self._timeout_s = timeout_s
        self._channels = [
            sync_channel(address, tls, options) for options in options_of(connections)
        ]
        stubbed = [with_token(each, token) for each in self._channels]
        self._routers = cycle([router_pb2_grpc.RouterServiceStub(each) for each in stubbed])

    @property
    def router(self) -> router_pb2_grpc.RouterServiceStub:
        """The raw stub, each time of the next connection."""
        return next(self._routers)

    def route(
        self,
        text: str,
        *,
        request_id: str = "",
        conversation: Conversation | None = None,
        tenant: str = "",
        metadata: Mapping[str, str] | None = None,
        allowed_routes: Iterable[str] = (),
        input_tokens: int = 0,
        max_candidates: int = 0,
        explain: bool = False,
        wait_for_log: bool = False,
        timeout_s: float | None = None,
    ) -> Contract:
        """Asks where a query goes.

        Args:
            text: the query.
            request_id: your own id, for the logs.
            conversation: what came before.
            tenant: on whose behalf.
            metadata: facts that rules may use.
            allowed_routes: routes that may be chosen; empty for all.
            input_tokens: tokens that the specialist will receive; 0 to let the router estimate.
            max_candidates: candidates to return; 0 for the default of 3.
            explain: whether to name each candidate's nearest exemplars.
            wait_for_log: whether to answer only once the decision is in the log, on disk.
            timeout_s: how long the call may take.
        """
        request = request_of(
            text,
            request_id=request_id,
            conversation=conversation,
            tenant=tenant,
            metadata=metadata,
            allowed_routes=allowed_routes,
            input_tokens=input_tokens,
            max_candidates=max_candidates,
            explain=explain,
            wait_for_log=wait_for_log,
        )
        return contract_of(self._call(self.router.RouteQuery, request, timeout_s).contract)

    def route_many(
        self, texts: Sequence[str], *, timeout_s: float | None = None
    ) -> list[Contract | WaypostError]:
        """Asks about 1 to 256 queries at once; a bad one has its error in its place."""
        requests, errors = requests_of(texts)
        if errors and not requests:
            return [error for error in errors if error]
        request = router_pb2.RouteQueriesRequest(queries=requests)
        response = self._call(self.router.RouteQueries, request, timeout_s)
        return results_of(response, errors)

    def reroute(
        self,
        text: str,
        *,
        decision_id: str,
        rejected_routes: Sequence[str],
        rejection_reason: str = "",
        request_id: str = "",
        conversation: Conversation | None = None,
        tenant: str = "",
        metadata: Mapping[str, str] | None = None,
        allowed_routes: Iterable[str] = (),
        input_tokens: int = 0,
        max_candidates: int = 0,
        explain: bool = False,
        wait_for_log: bool = False,
        timeout_s: float | None = None,
    ) -> Contract:
        """Asks where else a query goes; all that `route` was told is told again.

        Args:
            text: the query.
            decision_id: the decision that was rejected.
            rejected_routes: routes whose specialists rejected the query so far, in order.
            rejection_reason: why the last one did, for the log.
            request_id: as for `route`.
            conversation: as for `route`.
            tenant: as for `route`.
            metadata: as for `route`.
            allowed_routes: as for `route`.
            input_tokens: as for `route`.
            max_candidates: as for `route`.
            explain: as for `route`.
            wait_for_log: as for `route`.
            timeout_s: how long the call may take.
        """
        query = request_of(
            text,
            request_id=request_id,
            conversation=conversation,
            tenant=tenant,
            metadata=metadata,
            allowed_routes=allowed_routes,
            input_tokens=input_tokens,
            max_candidates=max_candidates,
            explain=explain,
            wait_for_log=wait_for_log,
        )
        request = router_pb2.RerouteQueryRequest(
            query=query,
            decision_id=decision_id,
            rejected_routes=rejected_routes,
            rejection_reason=rejection_reason,
        )
        response = self._call(self.router.RerouteQuery, request, timeout_s)
        return contract_of(response.contract)

    def report(
        self,
        decision_id: str,
        outcome: SpecialistOutcome,
        attempts: Sequence[ModelAttempt] = (),
        *,
        route: str = "",
        answered_by: str = "",
        feedback: Feedback = Feedback.UNSPECIFIED,
        correct_route: str = "",
        note: str = "",
        timeout_s: float | None = None,
    ) -> Reported:
        """Tells the router what became of a decision.

        Args:
            decision_id: the decision.
            outcome: what the specialist did.
            attempts: every call of a model, in order.
            route: the decision's route.
            answered_by: the route whose specialist answered in the end, when it was another.
            feedback: what the user thought.
            correct_route: the route that would have been right, when somebody knows.
            note: for the log; at most 1,024 bytes.
            timeout_s: how long the call may take.
        """
        request = report_of(
            decision_id,
            outcome,
            attempts,
            route=route,
            answered_by=answered_by,
            feedback=feedback,
            correct_route=correct_route,
            note=note,
        )
        return reported_of(self._call(self.router.ReportOutcome, request, timeout_s))

    def routes(self, *, timeout_s: float | None = None) -> RouteList:
        """Lists the loaded routes."""
        request = router_pb2.ListRoutesRequest()
        return routes_of(self._call(self.router.ListRoutes, request, timeout_s))

    def specialist(
        self,
        route: str,
        *,
        known_prompt_sha256: str = "",
        shadow: str = "",
        timeout_s: float | None = None,
    ) -> Specialist:
        """Fetches a route's prompt and models; not the prompt, if its hash is the known one.

        With `shadow`, the prompt is that of the specialist's shadow candidate of this name.
        """
        request = router_pb2.GetSpecialistRequest(
            route=route, known_prompt_sha256=known_prompt_sha256, shadow=shadow
        )
        response = self._call(self.router.GetSpecialist, request, timeout_s)
        return specialist_of(response, known_prompt_sha256=known_prompt_sha256)

    def contract_schema(self, *, timeout_s: float | None = None) -> str:
        """The contract's JSON Schema, with `route` an enum of the loaded routes."""
        request = router_pb2.GetContractSchemaRequest()
        return self._call(self.router.GetContractSchema, request, timeout_s).json_schema

    def close(self) -> None:
        """Ends the connections."""
        for channel in self._channels:
            channel.close()

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
        self,
        method: Callable[..., Response],
        request: Message,
        timeout_s: float | None,
    ) -> Response:
        try:
            return method(
                request,
                timeout=self._timeout_s if timeout_s is None else timeout_s,
                metadata=trace_metadata(),
            )
        except grpc.RpcError as error:
            raise error_of(error.code(), error.details(), error.trailing_metadata()) from None
