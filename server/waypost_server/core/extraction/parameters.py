"""The parameters of a decided route: found, cast, checked; and which required ones are missing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from waypost_server.core.catalog import Catalog, Route
from waypost_server.core.decision import Decision
from waypost_server.core.extraction.finders import Finder, Today, finder_of
from waypost_server.core.extraction.specs import Words
from waypost_server.core.extraction.text import Text
from waypost_server.core.extraction.together import MakePatternSet, Together
from waypost_server.core.extraction.values import CompileRegex, Schema, cast, fits
from waypost_server.core.outcome import Outcome, Reason
from waypost_server.core.ports import Encoder
from waypost_server.core.query import Query

MAX_ITEMS = 32
"""Items of a list, when its schema does not say `maxItems`."""


@dataclass(frozen=True, slots=True)
class Extracted:
    """What was found.

    Attributes:
        params: values by name, in the order of the schema; what JSON knows.
        missing: names of required parameters without a value, in the order of the schema.
    """

    params: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    missing: tuple[str, ...] = ()


NOTHING = Extracted()


@dataclass(frozen=True, slots=True)
class _Parameter:
    name: str
    schema: Schema
    finders: Sequence[Finder]


class Parameters:
    """Finds the parameters of routes; a stage after the decision, immutable and thread-safe.

    Args:
        catalog: the routes.
        compile_regex: of a linear-time engine.
        today: the day on which a query comes.
        pattern_set: looks for a route's regular expressions together; None to look for each.
        static: the static encoder, for words by meaning.
    """

    def __init__(
        self,
        catalog: Catalog,
        *,
        compile_regex: CompileRegex,
        today: Today,
        pattern_set: MakePatternSet | None = None,
        static: Encoder | None = None,
    ) -> None:
        self._compile = compile_regex
        self._routes: dict[str, tuple[Together, Sequence[_Parameter]]] = {}
        for route in catalog.routes.values():
            if takes_params(route):
                together = Together(pattern_set)
                found = tuple(_parameters(route, compile_regex, today, together, static))
                self._routes[route.name] = together.close(), found

    def of(self, route: Route, text: str) -> Extracted:
        """What a text says of the route's parameters."""
        known = self._routes.get(route.name)
        if not known:
            return NOTHING
        together, parameters = known
        read = Text(text, together)
        params: dict[str, object] = {}
        for parameter in parameters:
            value = self._value(parameter, read)
            if value is None:
                value = parameter.schema.get("default")
            if value is not None:
                params[parameter.name] = value
        return Extracted(params, _missing(route, params))

    def __call__(self, query: Query, decision: Decision) -> Decision:
        """The decision with its parameters, and with those of each step of its plan."""
        if decision.outcome is Outcome.BLOCKED:
            return decision
        if decision.plan:
            steps = (
                replace(step, params=self.of(step.route, step.text).params)
                for step in decision.plan
            )
            decision = replace(decision, plan=tuple(steps))
        if decision.route.name not in self._routes:
            return decision
        return with_params(decision, self.of(decision.route, query.text))

    def wanted(self, route: Route, found: Extracted) -> Mapping[str, Any] | None:
        """What a model is to be asked for: a JSON Schema of the missing parameters alone.

        Every property is required and may be null, which says that the text does not say it: that
        is what endpoints that hold a model to a schema can all do.

        Args:
            route: the decided route.
            found: what its extractors found.

        Returns:
            The schema; None where nothing is missing or the route asks no model.
        """
        if not route.params_model or not found.missing:
            return None
        properties = _properties(route)
        return {
            "type": "object",
            "properties": {
                name: {"anyOf": [_told(properties[name]), {"type": "null"}]}
                for name in found.missing
            },
            "required": list(found.missing),
            "additionalProperties": False,
        }

    def completed(self, route: Route, found: Extracted, answer: object) -> Extracted:
        """What was found, and what a model's answer adds to it.

        Args:
            route: the decided route.
            found: what its extractors found; no answer changes it.
            answer: the answer as JSON was read. What was not asked for, or does not fit its
                schema, is left out, whatever it is.
        """
        if not isinstance(answer, Mapping):
            return found
        properties = _properties(route)
        added = {
            name: answer[name]
            for name in found.missing
            if answer.get(name) is not None and self._fits(answer[name], properties[name])
        }
        known = {**found.params, **added}
        params = {name: known[name] for name in properties if name in known}
        return Extracted(params, _missing(route, params))

    def _value(self, parameter: _Parameter, text: Text) -> object | None:
        """The first value that fits; of a list, the values of the first extractor with one."""
        schema = parameter.schema
        if schema.get("type") != "array":
            return next(self._values(parameter, schema, text), None)
        most = min(schema.get("maxItems", MAX_ITEMS), MAX_ITEMS)
        items = list(dict.fromkeys(self._values(parameter, schema.get("items", {}), text)))[:most]
        return items if items and self._fits(items, schema) else None

    def _values(self, parameter: _Parameter, schema: Schema, text: Text) -> Iterator[Any]:
        for find in parameter.finders:
            any_fits = False
            for found in find(text):
                value = cast(found.value, schema)
                if value is not None and self._fits(value, schema):
                    any_fits = True
                    yield value
            if any_fits:
                return

    def _fits(self, value: object, schema: Schema) -> bool:
        return fits(value, schema, self._compile)


def wants_meanings(catalog: Catalog) -> bool:
    """Whether any parameter is extracted by the meaning of words."""
    return any(
        isinstance(spec, Words) and spec.by_meaning > 0
        for route in catalog.routes.values()
        for found in route.extract.values()
        for spec in found
    )


def takes_params(route: Route) -> bool:
    """Whether anything is to be extracted for the route."""
    return bool(route.extract) or bool(route.params_model)


def with_params(decision: Decision, extracted: Extracted) -> Decision:
    """The decision with these parameters, and the reason that goes with missing ones."""
    reasons: tuple[Reason, ...] = tuple(
        reason for reason in decision.reasons if reason is not Reason.MISSING_PARAMS
    )
    if extracted.missing:
        reasons = (*reasons, Reason.MISSING_PARAMS)
    return replace(
        decision, params=extracted.params, missing_params=extracted.missing, reasons=reasons
    )


def _parameters(
    route: Route,
    compile_regex: CompileRegex,
    today: Today,
    together: Together,
    static: Encoder | None,
) -> Iterator[_Parameter]:
    for name, schema in _properties(route).items():
        of_one = schema.get("items", {}) if schema.get("type") == "array" else schema
        yield _Parameter(
            name,
            schema,
            [
                finder_of(
                    spec,
                    of_one,
                    compile_regex=compile_regex,
                    today=today,
                    together=together,
                    static=static,
                )
                for spec in route.extract.get(name, ())
            ],
        )


def _properties(route: Route) -> Mapping[str, Schema]:
    properties: Mapping[str, Schema] = (route.params_schema or {}).get("properties", {})
    return properties


def _missing(route: Route, params: Mapping[str, Any]) -> tuple[str, ...]:
    required = (route.params_schema or {}).get("required", ())
    return tuple(name for name in _properties(route) if name in required and name not in params)


def _told(schema: Schema) -> dict[str, Any]:
    """What a model needs to know of a parameter: no default, which it would repeat."""
    return {key: value for key, value in schema.items() if key not in ("default", "examples")}
