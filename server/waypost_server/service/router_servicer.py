"""RouterService."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc

from waypost import CONTRACT_VERSION
from waypost.v1 import contract_pb2, router_pb2, router_pb2_grpc
from waypost_server.core.errors import InvalidQueryError, WaypostError
from waypost_server.core.query import MAX_BATCH
from waypost_server.service.contract_schema import contract_schema
from waypost_server.service.convert import (
    ContractWriter,
    StageFacts,
    query_of,
)
from waypost_server.service.specialists import specialist_response
from waypost_server.service.status import status_of
from waypost_server.service.streams import answers
from waypost_server.service.workers import Workers

BATCH_SHARE = 8
"""Queries of one batch that wait or run at a time: a batch must not crowd out lone queries."""

STREAM_SHARE = 32
"""Queries of one stream that wait, run or are answered and not yet sent."""

Context = grpc.aio.ServicerContext[Any, Any]


class RouterServicer(router_pb2_grpc.RouterServiceServicer):
    """Answers callers. RPCs that are not here answer UNIMPLEMENTED, as the base class does."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        engine = workers.engine
        self._router = engine.router
        self._index_version = engine.index_version
        self._writer = ContractWriter(
            engine.router.catalog,
            index_version=engine.index_version,
            stages={
                stage: StageFacts(router.calibration, encoder.fingerprint)
                for stage, (encoder, router) in engine.stages.items()
            },
        )
        self._turn = asyncio.Lock()
        self._schema = contract_schema(tuple(engine.router.catalog.routes))

    async def RouteQuery(  # noqa: N802  (gRPC names methods)
        self, request: router_pb2.RouteQueryRequest, context: Context
    ) -> router_pb2.RouteQueryResponse:
        """Decides about one query."""
        self._workers.check_open()
        return router_pb2.RouteQueryResponse(contract=await self._contract(request))

    async def RouteQueries(  # noqa: N802
        self, request: router_pb2.RouteQueriesRequest, context: Context
    ) -> router_pb2.RouteQueriesResponse:
        """Decides about several; a bad one fails alone."""
        self._workers.check_open()
        if not 1 <= len(request.queries) <= MAX_BATCH:
            raise InvalidQueryError(
                f"queries has {len(request.queries)} items; send 1 to {MAX_BATCH}"
            )
        share = asyncio.Semaphore(BATCH_SHARE)

        async def result(query: router_pb2.RouteQueryRequest) -> router_pb2.RouteResult:
            async with share:
                return await self._result(query)

        results = await asyncio.gather(*map(result, request.queries))
        return router_pb2.RouteQueriesResponse(results=results)

    async def StreamQueries(  # noqa: N802
        self,
        request_iterator: AsyncIterator[router_pb2.StreamQueriesRequest],
        context: Context,
    ) -> AsyncIterator[router_pb2.StreamQueriesResponse]:
        """Decides about a stream of queries; a bad one fails alone."""
        self._workers.check_open()
        async for response in answers(request_iterator, self._answer, at_once=STREAM_SHARE):
            yield response

    async def ListRoutes(  # noqa: N802
        self, request: router_pb2.ListRoutesRequest, context: Context
    ) -> router_pb2.ListRoutesResponse:
        """Lists the loaded routes."""
        catalog, exemplars = self._router.catalog, self._router.exemplars
        return router_pb2.ListRoutesResponse(
            routes=[
                router_pb2.RouteInfo(
                    name=name,
                    description=route.description,
                    threshold=self._router.threshold_of(name),
                    threshold_auto=route.threshold is None,
                    exemplar_count=exemplars.counts.get(name, 0),
                    negative_count=exemplars.negative_counts.get(name, 0),
                    enabled=True,
                    fallback_route=catalog.fallback_of(route),
                )
                for name, route in catalog.routes.items()
            ],
            default_route=catalog.taxonomy.default_route,
            index_version=self._index_version,
        )

    async def GetSpecialist(  # noqa: N802
        self, request: router_pb2.GetSpecialistRequest, context: Context
    ) -> router_pb2.GetSpecialistResponse:
        """Returns a route's prompt, unless the caller has it, and models."""
        return specialist_response(request, self._router.catalog)

    async def GetContractSchema(  # noqa: N802
        self, request: router_pb2.GetContractSchemaRequest, context: Context
    ) -> router_pb2.GetContractSchemaResponse:
        """Returns the contract's JSON Schema for the loaded routes."""
        return router_pb2.GetContractSchemaResponse(
            json_schema=self._schema, contract_version=CONTRACT_VERSION
        )

    async def _answer(
        self, request: router_pb2.StreamQueriesRequest
    ) -> router_pb2.StreamQueriesResponse:
        query = request.query
        try:
            # A stream may outlive a server's wish to stop: what comes later is for another one.
            self._workers.check_open()
            if not query.request_id:
                raise InvalidQueryError("request_id is empty; its answer could not be told apart")
        except WaypostError as error:
            result = _failed(error)
        else:
            result = await self._result(query)
        return router_pb2.StreamQueriesResponse(request_id=query.request_id, result=result)

    async def _contract(
        self, request: router_pb2.RouteQueryRequest
    ) -> contract_pb2.HandoffContract:
        return self._writer.write(await self._workers.route(query_of(request)))

    async def _result(self, request: router_pb2.RouteQueryRequest) -> router_pb2.RouteResult:
        try:
            async with self._turn:
                await asyncio.sleep(0)  # lets lone queries in between what is decided at once
            return router_pb2.RouteResult(contract=await self._contract(request))
        except Exception as error:  # noqa: BLE001  (one bad item fails alone; status_of logs it)
            return _failed(error)


def _failed(error: Exception) -> router_pb2.RouteResult:
    code, message = status_of(error)
    return router_pb2.RouteResult(error=router_pb2.RouteError(code=code.value[0], message=message))
