"""The gate of an evaluation: a YAML file of figures and what they must reach.

accuracy: 0.85                       # at least
ece: {max: 0.05}                     # at most; for figures that are better when they are low
per_route:
  code_review: {recall: 0.8}
"""

import difflib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from waypost_server.adapters.text_file import FileProblems
from waypost_server.adapters.yaml_file import YamlFile, read_yaml
from waypost_server.core.errors import EvaluationError
from waypost_server.core.gate import Bar

PER_ROUTE = "per_route"


def read_gate(
    path: Path,
    *,
    figures: Mapping[str, bool],
    route_figures: Mapping[str, bool],
    routes: Collection[str],
) -> tuple[Bar, ...]:
    """Reads a gate file.

    Args:
        path: the file.
        figures: names of the figures, and whether each is better when it is high.
        route_figures: likewise of the figures of a single route.
        routes: names of the routes.

    Raises:
        EvaluationError: names every problem of the file.
    """
    problems: list[str] = []
    try:
        file = read_yaml(path)
    except FileProblems as error:
        raise EvaluationError(error.problems) from None
    section = dict(file.value)
    per_route = section.pop(PER_ROUTE, {})
    bars = list(_bars(file, problems, section, (), (*figures, PER_ROUTE), figures))
    if not isinstance(per_route, dict):
        problems.append(
            file.problem([PER_ROUTE], f"write {PER_ROUTE}: {{a_route: {{recall: 0.8}}}}")
        )
        per_route = {}
    for route, wanted in per_route.items():
        location = (PER_ROUTE, route)
        if route not in routes:
            problems.append(file.problem(location, _unknown(route, routes, "route")))
        elif not isinstance(wanted, dict):
            problems.append(file.problem(location, f"write {route}: {{recall: 0.8}}"))
        else:
            bars += _bars(file, problems, wanted, location, tuple(route_figures), route_figures)
    if not bars and not problems:
        problems.append(f"{path}:1: the gate has no figure in it; write one, like accuracy: 0.85")
    if problems:
        raise EvaluationError(problems)
    return tuple(bars)


def _bars(
    file: YamlFile,
    problems: list[str],
    section: Mapping[str, Any],
    location: tuple[str, ...],
    keys: Collection[str],
    figures: Mapping[str, bool],
) -> Iterator[Bar]:
    for name, wanted in section.items():
        if name not in figures:
            problems.append(file.problem((*location, name), _unknown(name, keys, "figure")))
            continue
        limits = {"min": wanted} if _is_number(wanted) and figures[name] else wanted
        wrong = _limits_problem(name, limits, high_is_better=figures[name])
        if wrong:
            problems.append(file.problem((*location, name), wrong))
            continue
        route = location[-1] if location else ""
        yield Bar(figure=name, route=route, at_least=limits.get("min"), at_most=limits.get("max"))


def _limits_problem(name: str, limits: object, *, high_is_better: bool) -> str | None:
    example = f"{name}: 0.8, or {name}: {{min: 0.8}}" if high_is_better else f"{name}: {{max: 0.1}}"
    if not isinstance(limits, dict) or not limits:
        return f"write {example}"
    for key, value in limits.items():
        if key not in ("min", "max"):
            return f"{name}.{key} is an unknown key; it may be min or max: write {example}"
        if not _is_number(value) or not 0 <= value <= 1:
            return f"{name}.{key} is {str(value)[:80]!r}; write a number between 0 and 1"
    return None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _unknown(name: str, known: Collection[str], kind: str) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]!r}? The" if close else "the"
    return f"{name!r} is no {kind}; {hint} {kind}s are {', '.join(list(known)[:40])}"
