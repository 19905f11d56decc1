"""Specialists as contracts name them now: without the models that must not be called."""

from collections.abc import Collection, Mapping

from waypost.v1 import contract_pb2
from waypost_server.core.breakers import NOTHING
from waypost_server.core.model_choice import Choice
from waypost_server.core.model_rules import WISHES, LeftOut
from waypost_server.core.switches import NONE

SWITCHED_OFF = "switched off by an operator"

KEPT = 256
"""Specialists as choices made them; those that name amounts are of one query each."""


_Key = tuple[str, tuple[str, ...], tuple[LeftOut, ...], bool]


class Pools:
    """The specialists of one version; what is left out is worked out once a change."""

    def __init__(self, specialists: Mapping[str, contract_pb2.SpecialistRef]) -> None:
        """Takes the specialists by route, with every model that fleet.yaml does not switch off."""
        self._whole = specialists
        self._left_out: Mapping[str, str] = NOTHING
        self._off: Collection[str] = NONE
        self._made: dict[str, contract_pb2.SpecialistRef] = {}
        self._chosen: dict[_Key, contract_pb2.SpecialistRef] = {}

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

    def chosen(self, route: str, choice: Choice) -> contract_pb2.SpecialistRef:
        """The specialist of `route` with the models of a choice; not to be changed."""
        key = route, choice.models, choice.left_out, choice.is_restricted
        found = self._chosen.get(key)
        if found is None:
            if len(self._chosen) >= KEPT:
                self._chosen.clear()
            found = self._chosen[key] = _as_chosen(self._whole[route], choice)
        return found


def _as_chosen(whole: contract_pb2.SpecialistRef, choice: Choice) -> contract_pb2.SpecialistRef:
    models = {model.name: model for model in (*whole.models, *whole.helper_models)}
    barred = {each.name for each in choice.left_out if each.cause not in WISHES}
    rest = contract_pb2.SpecialistRef()
    rest.CopyFrom(whole)
    del rest.models[:], rest.helper_models[:], rest.shadows[:]
    rest.models.extend(models[name] for name in choice.models)
    # Another router may send a query where this one's policy does not let it go.
    rest.shadows.extend(
        each for each in whole.shadows if not (choice.is_restricted and each.router_address)
    )
    helping = {model.name for model in whole.helper_models}
    helping |= {whole.policy.checks.judge.model, *(n for s in whole.shadows for n in s.models)}
    rest.helper_models.extend(
        model
        for name, model in models.items()
        if name in helping and name not in barred and name not in choice.models
    )
    for each in choice.left_out:
        rest.excluded_models.add(name=each.name, why=each.why)
    return rest


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
