"""Specialists as protobuf: in a contract, and for GetSpecialist with the prompt."""

import hashlib

from google.protobuf.struct_pb2 import Struct

from waypost.v1 import contract_pb2, router_pb2
from waypost_server.core.catalog import Catalog, Model, Route, Specialist
from waypost_server.core.policy import Shadow
from waypost_server.service.policy import breaker_message, policy_message


def specialist_ref(route: Route, catalog: Catalog) -> contract_pb2.SpecialistRef:
    """Whom to call for `route`: the enabled ones of its models, in its order."""
    specialist = route.specialist
    models = [catalog.models[name] for name in specialist.models]
    shadows = catalog.shadows_of(route)
    return contract_pb2.SpecialistRef(
        prompt_sha256=prompt_sha256(specialist.prompt),
        models=[_model(model) for model in models if model.enabled],
        sampling=contract_pb2.Sampling(
            temperature=specialist.temperature,
            top_p=specialist.top_p,
            max_output_tokens=specialist.max_output_tokens,
            stop=specialist.stop,
            seed=specialist.seed,
        ),
        timeouts=contract_pb2.Timeouts(
            total_ms=specialist.timeout_ms,
            first_token_ms=specialist.first_token_timeout_ms,
            connect_ms=specialist.connect_timeout_ms,
            call_ms=specialist.call_timeout_ms,
        ),
        excluded_models=[
            contract_pb2.ExcludedModel(name=model.name, why="switched off in fleet.yaml")
            for model in models
            if not model.enabled
        ],
        policy=policy_message(specialist.policy),
        shadows=[_shadow(shadow) for shadow in shadows],
        helper_models=[
            _model(catalog.models[name])
            for name in _helpers(specialist, shadows)
            if catalog.models[name].enabled
        ],
    )


def specialist_response(
    request: router_pb2.GetSpecialistRequest, catalog: Catalog, ref: contract_pb2.SpecialistRef
) -> router_pb2.GetSpecialistResponse:
    """The specialist that a request asks for, or one of its shadows, without a prompt it holds.

    Args:
        request: the request.
        catalog: the routes.
        ref: what a contract would say of the route's specialist now; in the response its hash is
            that of the prompt asked for.

    Raises:
        UnknownRouteError: there is no such route.
        UnknownShadowError: nothing of that name runs beside it.
    """
    route = catalog.route(request.route)
    prompt = route.specialist.prompt
    if request.shadow:
        prompt = catalog.shadow_of(route, request.shadow).prompt or prompt
    hashed = prompt_sha256(prompt)
    response = router_pb2.GetSpecialistResponse(
        route=route.name,
        prompt="" if request.known_prompt_sha256 == hashed else prompt,
        specialist=ref,
    )
    response.specialist.prompt_sha256 = hashed
    if route.params_schema is not None:
        schema = Struct()
        schema.update(route.params_schema)
        response.params_schema.CopyFrom(schema)
    return response


def prompt_sha256(prompt: str) -> str:
    """Hex hash of a prompt; empty for none."""
    return hashlib.sha256(prompt.encode()).hexdigest() if prompt else ""


def _shadow(shadow: Shadow) -> contract_pb2.ShadowCandidate:
    return contract_pb2.ShadowCandidate(
        name=shadow.name,
        share=shadow.share,
        models=shadow.models,
        prompt_sha256=prompt_sha256(shadow.prompt),
        router_address=shadow.router,
    )


def _helpers(specialist: Specialist, shadows: tuple[Shadow, ...]) -> list[str]:
    """Models that judge or run in the shadow, by name, and are none of the specialist's."""
    judge = specialist.policy.checks.judge
    named = {name for shadow in shadows for name in shadow.models}
    return sorted((named | {judge.model} if judge else named) - {*specialist.models})


def _model(model: Model) -> contract_pb2.Model:
    return contract_pb2.Model(
        name=model.name,
        provider=model.provider,
        model_id=model.model_id,
        base_url=model.base_url,
        api_key_env=model.api_key_env,
        context_window_tokens=model.context_window_tokens,
        usd_per_mtok_in=model.usd_per_mtok_in,
        usd_per_mtok_out=model.usd_per_mtok_out,
        tags=model.tags,
        features=model.features,
        retries=model.retries,
        breaker=breaker_message(model.breaker),
        warm_up_after_ms=model.warm_up_after_ms,
    )
