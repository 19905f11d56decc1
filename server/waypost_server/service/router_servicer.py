"""RouterService."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

import grpc

from waypost import CONTRACT_VERSION
from waypost.v1 import contract_pb2, router_pb2, router_pb2_grpc
from waypost_server.core.budgets import Budgets
from waypost_server.core.errors import (
    InvalidQueryError,
    OverloadedError,
    RateLimitedError,
)
from waypost_server.core.latencies import Latencies
from waypost_server.core.query import MAX_BATCH, Query
from waypost_server.core.rejections import check_reroute
from waypost_server.core.report import check_report
from waypost_server.core.switches import Off
from waypost_server.service.caller import current_caller
from waypost_server.service.choosing import Choosing
from waypost_server.service.convert import query_of
from waypost_server.service.events import Decided, Reported
from waypost_server.service.journal import is_written
from waypost_server.service.parts import Parts
from waypost_server.service.reports import report_of
from waypost_server.service.specialists import specialist_response
from waypost_server.service.status import status_of
from waypost_server.service.streams import answers
from waypost_server.service.tenancy import Tenancy
from waypost_server.service.version import Served

BATCH_SHARE = 8
"""Queries of one batch that wait or run at a time: a batch must not crowd out lone queries."""

STREAM_SHARE = 32
"""Queries of one stream that wait, run or are answered and not yet sent."""

Context = grpc.aio.ServicerContext[Any, Any]


class RouterServicer(router_pb2_grpc.RouterServiceServicer):
    """Answers callers."""

    def __init__(self, parts: Parts, tenancy: Tenancy) -> None:
        self._live = parts.live
        self._workers = parts.workers
        self._outcomes = parts.outcomes
        self._shared = parts.shared
        self._observers = parts.observers
        self._choosing = parts.choosing or Choosing(Budgets(time.time), Latencies(time.monotonic))
        self._escalating = parts.escalating
        self._completing = parts.completing
        self._refusals = parts.refusals
        self._failures = parts.failures
        self._keeps_log = parts.journal is not None
        self._tenancy = tenancy
        self._turn = asyncio.Lock()

    async def RouteQuery(  # noqa: N802  (gRPC names methods)
        self, request: router_pb2.RouteQueryRequest, context: Context
    ) -> router_pb2.RouteQueryResponse:
        """Decides about one query."""
        with self._failures.of(request.request_id, request.tenant, context):
            self._workers.check_open()
            served = self._live.served
            contract = await self._contract(served, self._query(request, served), context)
            return router_pb2.RouteQueryResponse(contract=contract)

    async def RouteQueries(  # noqa: N802
        self, request: router_pb2.RouteQueriesRequest, context: Context
    ) -> router_pb2.RouteQueriesResponse:
        """Decides about several; a bad one fails alone."""
        first = next(iter(request.queries), router_pb2.RouteQueryRequest())
        with self._failures.of(first.request_id, first.tenant, context):  # once for all of them
            self._workers.check_open()
            if not 1 <= len(request.queries) <= MAX_BATCH:
                raise InvalidQueryError(
                    f"queries has {len(request.queries)} items; send 1 to {MAX_BATCH}"
                )
        share, served = asyncio.Semaphore(BATCH_SHARE), self._live.served

        async def result(query: router_pb2.RouteQueryRequest) -> router_pb2.RouteResult:
            async def decide() -> contract_pb2.HandoffContract:
                async with share:
                    return await self._in_turn(served, query, context)

            return await self._result(query, context, decide)

        results = await asyncio.gather(*map(result, request.queries))
        return router_pb2.RouteQueriesResponse(results=results)

    async def StreamQueries(  # noqa: N802
        self,
        request_iterator: AsyncIterator[router_pb2.StreamQueriesRequest],
        context: Context,
    ) -> AsyncIterator[router_pb2.StreamQueriesResponse]:
        """Decides about a stream of queries; a bad one fails alone."""
        self._workers.check_open()

        async def answer(
            request: router_pb2.StreamQueriesRequest,
        ) -> router_pb2.StreamQueriesResponse:
            return await self._answer(request, context)

        async for response in answers(
            request_iterator, answer, at_once=STREAM_SHARE, until=self._workers.draining
        ):
            yield response
        self._workers.check_open()  # whoever would go on asking is told to ask elsewhere

    async def RerouteQuery(  # noqa: N802
        self, request: router_pb2.RerouteQueryRequest, context: Context
    ) -> router_pb2.RerouteQueryResponse:
        """Decides again without the routes that rejected the query."""
        with self._failures.of(request.query.request_id, request.query.tenant, context):
            self._workers.check_open()
            served = self._live.served
            query = self._query(request.query, served, request.rejected_routes)
            check_reroute(
                decision_id=request.decision_id,
                rejected=request.rejected_routes,
                reason=request.rejection_reason,
            )
            contract = await self._contract(
                served,
                query,
                context,
                rejected_decision=request.decision_id,
                rejection_reason=request.rejection_reason,
            )
            return router_pb2.RerouteQueryResponse(contract=contract)

    async def ReportOutcome(  # noqa: N802
        self, request: router_pb2.ReportOutcomeRequest, context: Context
    ) -> router_pb2.ReportOutcomeResponse:
        """Hears what became of a decision."""
        self._workers.check_open()
        report = report_of(request)
        check_report(report, loaded=self._live.known_routes)
        self._tenancy.admit_report()
        known = self._outcomes.hear(report, fleet=self._live.served.engine.router.catalog.models)
        if not known:
            self._choosing.heard(report, self._live.served.engine.router.catalog)
        written = self._asks_for_log()
        self._observers.reported(
            Reported(report=report, caller=current_caller(), known=known, written=written)
        )
        return router_pb2.ReportOutcomeResponse(
            durable=await is_written(written, context.time_remaining()), already_known=known
        )

    async def ListRoutes(  # noqa: N802
        self, request: router_pb2.ListRoutesRequest, context: Context
    ) -> router_pb2.ListRoutesResponse:
        """Lists the loaded routes."""
        served = self._live.served
        engine, off = served.engine, self._off(served).routes
        router, catalog, exemplars = engine.router, engine.router.catalog, engine.router.exemplars
        return router_pb2.ListRoutesResponse(
            routes=[
                router_pb2.RouteInfo(
                    name=name,
                    description=route.description,
                    threshold=router.threshold_of(name),
                    threshold_auto=route.threshold is None,
                    exemplar_count=exemplars.counts.get(name, 0),
                    negative_count=exemplars.negative_counts.get(name, 0),
                    enabled=name not in off,
                    fallback_route=catalog.fallback_of(route, without=off),
                )
                for name, route in catalog.routes.items()
            ],
            default_route=catalog.taxonomy.default_route,
            index_version=engine.index_version,
        )

    async def GetSpecialist(  # noqa: N802
        self, request: router_pb2.GetSpecialistRequest, context: Context
    ) -> router_pb2.GetSpecialistResponse:
        """Returns a route's prompt, unless the caller has it, and models."""
        served = self._live.served
        catalog = served.engine.router.catalog
        route, off, left_out = catalog.route(request.route), self._off(served), self._left_out()
        choice = self._choosing.for_callers(
            served.writer.choice, route, off, left_out, tenant=current_caller().tenant
        )
        ref = served.writer.specialist(route.name, choice, left_out, off)
        return specialist_response(request, catalog, ref)

    async def GetContractSchema(  # noqa: N802
        self, request: router_pb2.GetContractSchemaRequest, context: Context
    ) -> router_pb2.GetContractSchemaResponse:
        """Returns the contract's JSON Schema for the loaded routes."""
        return router_pb2.GetContractSchemaResponse(
            json_schema=self._live.served.schema, contract_version=CONTRACT_VERSION
        )

    async def _answer(
        self, request: router_pb2.StreamQueriesRequest, context: Context
    ) -> router_pb2.StreamQueriesResponse:
        query = request.query

        async def decide() -> contract_pb2.HandoffContract:
            # A stream may outlive a server's wish to stop: what comes later is for another one.
            self._workers.check_open()
            if not query.request_id:
                raise InvalidQueryError("request_id is empty; its answer could not be told apart")
            # It may outlive its version, too, so that each of its queries takes the live one.
            return await self._in_turn(self._live.served, query, context)

        result = await self._result(query, context, decide)
        return router_pb2.StreamQueriesResponse(request_id=query.request_id, result=result)

    async def _contract(
        self,
        served: Served,
        query: Query,
        context: Context,
        *,
        rejected_decision: str = "",
        rejection_reason: str = "",
    ) -> contract_pb2.HandoffContract:
        try:
            routed = await self._workers.route(
                served.engine,
                query,
                tenant=query.tenant,
                remaining_seconds=context.time_remaining(),
            )
        except OverloadedError as error:
            self._refusals.add(error, query.tenant)
            raise
        if self._escalating:
            left = context.time_remaining()
            routed = await self._escalating.escalated(served.engine, routed, left)
        if self._completing:
            left = context.time_remaining()
            routed = await self._completing.completed(served.engine, routed, left)
        left_out = self._left_out()
        routed, chosen = self._choosing.choose(served.writer.choice, routed, left_out)
        contract = served.writer.write(routed, left_out, chosen)
        written = self._asks_for_log() if query.wait_for_log else None
        self._observers.decided(
            Decided(
                routed=routed,
                index_version=contract.index_version,
                encoder_fingerprint=contract.encoder_fingerprint,
                models=tuple(model.name for model in contract.specialist.models),
                excluded=tuple((e.name, e.why) for e in contract.specialist.excluded_models),
                caller=current_caller(),
                rejected_decision=rejected_decision,
                rejection_reason=rejection_reason,
                calibration=served.writer.facts(routed.stage).calibration,
                written=written,
            )
        )
        contract.durable = await is_written(written, context.time_remaining())
        return contract

    def _asks_for_log(self) -> asyncio.Future[bool] | None:
        """For an event whose record is waited for; None where no log is kept."""
        return asyncio.get_running_loop().create_future() if self._keeps_log else None

    def _query(
        self,
        request: router_pb2.RouteQueryRequest,
        served: Served,
        rejected_routes: Sequence[str] = (),
    ) -> Query:
        """The query, let in on its tenant's account, and with what is switched off now."""
        query = query_of(request, rejected_routes, off=self._off(served))
        served.engine.router.check(query)  # first: what is refused costs its tenant nothing
        try:
            return self._tenancy.admit(query)
        except RateLimitedError as error:
            self._refusals.add(error, current_caller().tenant or query.tenant)
            raise

    def _off(self, served: Served) -> Off:
        return self._shared.off(served.engine.router.catalog)

    def _left_out(self) -> Mapping[str, str]:
        return self._outcomes.breakers.left_out()

    async def _in_turn(
        self, served: Served, request: router_pb2.RouteQueryRequest, context: Context
    ) -> contract_pb2.HandoffContract:
        async with self._turn:
            await asyncio.sleep(0)  # lets lone queries in between what is decided at once
        return await self._contract(served, self._query(request, served), context)

    async def _result(
        self,
        request: router_pb2.RouteQueryRequest,
        context: Context,
        decide: Callable[[], Awaitable[contract_pb2.HandoffContract]],
    ) -> router_pb2.RouteResult:
        """One item's, waiting and all."""
        try:
            with self._failures.of(request.request_id, request.tenant, context):
                return router_pb2.RouteResult(contract=await decide())
        except Exception as error:  # noqa: BLE001  (one bad item fails alone; status_of logs it)
            return _failed(error)


def _failed(error: Exception) -> router_pb2.RouteResult:
    code, message = status_of(error)
    return router_pb2.RouteResult(error=router_pb2.RouteError(code=code.value[0], message=message))
