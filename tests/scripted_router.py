"""A router of the tests: a real gRPC server that decides what a test has written down.

    async with scripted_router({"code": specialist(models=[...])}) as router:
        async with Dispatcher(router.address) as dispatcher:
            ...

A query goes to the route that it begins with ("code: why ..."), else to the first; one that is in
`plans` becomes a plan.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

import grpc
from google.protobuf.struct_pb2 import Struct

from waypost.v1 import contract_pb2, router_pb2, router_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass
class Specialist:
    """What a route's specialist is, and where queries go when it fails."""

    ref: contract_pb2.SpecialistRef
    prompt: str = ""
    fallback: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    clarifying_question: str = ""
    refuses: bool = False


def specialist(
    models: Sequence[contract_pb2.Model] = (),
    *,
    prompt: str = "You answer.",
    fallback: str = "",
    params: Mapping[str, Any] | None = None,
    clarifying_question: str = "",
    refuses: bool = False,
    **ref: Any,  # noqa: ANN401  (fields of SpecialistRef)
) -> Specialist:
    """A specialist; further arguments are fields of its SpecialistRef."""
    return Specialist(
        ref=contract_pb2.SpecialistRef(
            prompt_sha256=hashlib.sha256(prompt.encode()).hexdigest() if prompt else "",
            models=models,
            **ref,
        ),
        prompt=prompt,
        fallback=fallback,
        params=params or {},
        clarifying_question=clarifying_question,
        refuses=refuses,
    )


def model(name: str, **fields: Any) -> contract_pb2.Model:  # noqa: ANN401  (fields of Model)
    """A model of the fleet; by default its name is also its provider's name of it."""
    return contract_pb2.Model(name=name, **{"provider": "openai", "model_id": name, **fields})


class Step(NamedTuple):
    """A step of a plan: its route, its part of the query, and numbers of those it waits for."""

    route: str
    text: str
    depends_on: Sequence[int] = ()
    params: Mapping[str, Any] = MappingProxyType({})


@dataclass
class ScriptedRouter(router_pb2_grpc.RouterServiceServicer):
    """Decides as written; remembers what it was asked and told."""

    specialists: dict[str, Specialist]
    default_route: str = ""
    delay_s: float = 0.0
    reroute_to: Sequence[str] = ()
    plans: Mapping[str, Sequence[Step]] = field(default_factory=dict)
    refuses_reports: int = 0
    index_version: str = "000000000001"
    shadow_prompts: Mapping[str, str] = field(default_factory=dict)
    address: str = ""
    asked: list[router_pb2.RouteQueryRequest] = field(default_factory=list)
    rerouted: list[router_pb2.RerouteQueryRequest] = field(default_factory=list)
    fetched: list[router_pb2.GetSpecialistRequest] = field(default_factory=list)
    reports: list[router_pb2.ReportOutcomeRequest] = field(default_factory=list)
    decided: list[contract_pb2.HandoffContract] = field(default_factory=list)
    decided_at: list[float] = field(default_factory=list)

    async def RouteQuery(  # noqa: N802
        self, request: router_pb2.RouteQueryRequest, context: Context
    ) -> router_pb2.RouteQueryResponse:
        await asyncio.sleep(self.delay_s)
        self.asked.append(request)
        named = request.text.partition(":")[0]
        route = named if named in self.specialists else next(iter(self.specialists))
        steps = self.plans.get(request.text, ())
        contract = self._contract(steps[0].route if steps else route)
        for number, step in enumerate(steps, start=1):
            params = Struct()
            params.update(step.params)
            contract.action = contract_pb2.ACTION_RUN_PLAN
            contract.plan.add(
                step=number,
                route=step.route,
                text=step.text,
                depends_on=step.depends_on,
                specialist=self.specialists[step.route].ref,
                extracted_params=params,
            )
        return router_pb2.RouteQueryResponse(contract=contract)

    async def RerouteQuery(  # noqa: N802
        self, request: router_pb2.RerouteQueryRequest, context: Context
    ) -> router_pb2.RerouteQueryResponse:
        self.rerouted.append(request)
        order = [*self.reroute_to, *self.specialists]
        route = next((r for r in order if r not in request.rejected_routes), order[0])
        return router_pb2.RerouteQueryResponse(contract=self._contract(route))

    async def GetSpecialist(  # noqa: N802
        self, request: router_pb2.GetSpecialistRequest, context: Context
    ) -> router_pb2.GetSpecialistResponse:
        self.fetched.append(request)
        found = self.specialists.get(request.route)
        if found is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such route")
        prompt = self.shadow_prompts.get(request.shadow, found.prompt)
        if request.known_prompt_sha256 == found.ref.prompt_sha256:
            prompt = ""
        return router_pb2.GetSpecialistResponse(
            route=request.route, prompt=prompt, specialist=found.ref
        )

    async def ListRoutes(  # noqa: N802
        self, request: router_pb2.ListRoutesRequest, context: Context
    ) -> router_pb2.ListRoutesResponse:
        return router_pb2.ListRoutesResponse(
            routes=[router_pb2.RouteInfo(name=name) for name in self.specialists],
            default_route=self.default_route or next(iter(self.specialists)),
            index_version=self.index_version,
        )

    async def ReportOutcome(  # noqa: N802
        self, request: router_pb2.ReportOutcomeRequest, context: Context
    ) -> router_pb2.ReportOutcomeResponse:
        if self.refuses_reports:
            self.refuses_reports -= 1
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "later")
        self.reports.append(request)
        return router_pb2.ReportOutcomeResponse()

    def _contract(self, route: str) -> contract_pb2.HandoffContract:
        found = self.specialists[route]
        action = contract_pb2.ACTION_INVOKE
        if found.clarifying_question:
            action = contract_pb2.ACTION_CLARIFY
        if found.refuses:
            action = contract_pb2.ACTION_REFUSE
        params = Struct()
        params.update(found.params)
        contract = contract_pb2.HandoffContract(
            decision_id=f"decision-{len(self.decided)}",
            outcome=contract_pb2.OUTCOME_MATCHED,
            action=action,
            route=route,
            fallback_route=found.fallback,
            specialist=found.ref,
            extracted_params=params,
            clarifying_question=found.clarifying_question,
            index_version=self.index_version,
        )
        self.decided.append(contract)
        self.decided_at.append(asyncio.get_running_loop().time())
        return contract


@asynccontextmanager
async def scripted_router(
    specialists: dict[str, Specialist],
    **script: Any,  # noqa: ANN401  (fields of ScriptedRouter)
) -> AsyncIterator[ScriptedRouter]:
    """A router at work on a port of its own."""
    router = ScriptedRouter(specialists, **script)  # type: ignore[abstract]
    server = grpc.aio.server()
    router_pb2_grpc.add_RouterServiceServicer_to_server(router, server)
    router.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    try:
        yield router
    finally:
        await server.stop(None)
