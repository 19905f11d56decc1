"""Specialists as contracts name them now: without the models that must not be called."""

from collections.abc import Collection, Mapping

from waypost.v1 import contract_pb2
from waypost_server.core.breakers import NOTHING
from waypost_server.core.switches import NONE

SWITCHED_OFF = "switched off by an operator"


class Pools:
    """The specialists of one version; what is left out is worked out once a change."""

    def __init__(self, specialists: Mapping[str, contract_pb2.SpecialistRef]) -> None:
        """Takes the specialists by route, with every model that fleet.yaml does not switch off."""
        self._whole = specialists
        self._left_out: Mapping[str, str] = NOTHING
        self._off: Collection[str] = NONE
        self._made: dict[str, contract_pb2.SpecialistRef] = {}

    def of(
        self, route: str, left_out: Mapping[str, str] = NOTHING, *, off: Collection[str] = NONE
    ) -> contract_pb2.SpecialistRef:
        """The specialist of `route`; not to be changed.

        Args:
            route: a loaded route.
            left_out: why each model is left out for a while that is; not where all would be.
            off: models that are switched off, and never named, be they all.

        An equal `left_out` or `off` need not be the same object, but costs less if it is.
        """
        if not left_out and not off:
            return self._whole[route]
        if left_out is not self._left_out or off is not self._off:
            self._left_out, self._off, self._made = left_out, off, {}
        if route not in self._made:
            self._made[route] = _without(_switched(self._whole[route], off), left_out)
        return self._made[route]


def _switched(
    whole: contract_pb2.SpecialistRef, off: Collection[str]
) -> contract_pb2.SpecialistRef:
    """The specialist as if fleet.yaml switched these models off."""
    if not any(model.name in off for model in (*whole.models, *whole.helper_models)):
        return whole
    rest = contract_pb2.SpecialistRef()
    rest.CopyFrom(whole)
    del rest.models[:]
    del rest.helper_models[:]
    rest.models.extend(model for model in whole.models if model.name not in off)
    rest.helper_models.extend(model for model in whole.helper_models if model.name not in off)
    for model in whole.models:
        if model.name in off:
            rest.excluded_models.add(name=model.name, why=SWITCHED_OFF)
    return rest


def _without(
    whole: contract_pb2.SpecialistRef, left_out: Mapping[str, str]
) -> contract_pb2.SpecialistRef:
    names = [model.name for model in whole.models if model.name in left_out]
    # To try one is better than to fail for certain, and clients guard themselves.
    if len(names) in (0, len(whole.models)):
        return whole
    rest = contract_pb2.SpecialistRef()
    rest.CopyFrom(whole)
    del rest.models[:]
    rest.models.extend(model for model in whole.models if model.name not in left_out)
    # Judges and shadows are named by name alone, so that clients must find them here or there.
    by_name = {whole.policy.checks.judge.model, *(n for s in whole.shadows for n in s.models)}
    rest.helper_models.extend(
        model for model in whole.models if model.name in left_out and model.name in by_name
    )
    for name in names:
        rest.excluded_models.add(name=name, why=left_out[name])
    return rest
