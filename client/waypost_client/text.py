"""Contracts, routes and errors for a person to read."""

import json

from waypost_client._errors import UnavailableError, WaypostError
from waypost_client._types import Action, Calibration, Contract, PlanStep, Reason, RouteList


def contract_text(contract: Contract) -> str:
    """A contract on a few lines."""
    uncalibrated = contract.calibration in (Calibration.NONE, Calibration.UNSPECIFIED)
    calibrated = " (not calibrated)" if uncalibrated else ""
    timings = contract.timings
    best = contract.candidates[0].route if contract.candidates else contract.route
    of_best = "" if best == contract.route else f" of {best}"
    lines = [
        f"{contract.route}: {contract.outcome}, {contract.action}; "
        f"confidence{of_best} {contract.confidence:.2f}{calibrated}",
        f"  why        {contract.rationale}",
        f"  reasons    {', '.join(contract.reasons)}",
        f"  models     {_models_text(contract)}",
        f"  fallback   {contract.fallback_route or 'none'}",
        f"  took       {timings.total_us / 1000:.1f} ms: encode {timings.encode_us / 1000:.1f}, "
        f"search {timings.search_us / 1000:.2f}, decide {timings.decide_us / 1000:.2f}, "
        f"queue {timings.queue_us / 1000:.2f}",
    ]
    lines[4:4] = [
        f"  left out   {model.name}: {model.why}" for model in contract.specialist.excluded_models
    ]
    lines[3:3] = _params_lines(contract)
    if contract.clarifying_question:
        lines.insert(2, f"  ask        {contract.clarifying_question}")
    lines.extend(map(_step_text, contract.plan))
    for flag in contract.flags:
        where = f"characters {flag.start} to {flag.end}" if flag.end else "the whole text"
        lines.append(f"  flag       {flag.kind}, {flag.severity}: {flag.detector}, {where}")
    for candidate in contract.candidates:
        lines.append(
            f"  candidate  {candidate.route}: confidence {candidate.confidence:.2f}, "
            f"similarity {candidate.similarity:.2f}, needs {candidate.threshold:.2f}"
        )
        lines.extend(
            f"               {exemplar.similarity:.2f}  {exemplar.text}"
            for exemplar in candidate.nearest_exemplars
        )
    return "\n".join(lines)


def _models_text(contract: Contract) -> str:
    """The models' names, or why there are none and what to do."""
    if contract.specialist.models:
        return ", ".join(model.name for model in contract.specialist.models)
    if Reason.NO_ELIGIBLE_MODEL in contract.reasons:
        return "none that may be called"
    if contract.action is Action.REFUSE:
        return "none named"
    return (
        f"none named: {contract.route}/route.yaml has no `specialist: {{models: [NAME]}}`\n"
        "             with a NAME of fleet.yaml; the dispatcher asks the fallback route instead"
    )


def _step_text(step: PlanStep) -> str:
    after = f", after {', '.join(map(str, step.depends_on))}" if step.depends_on else ""
    text = " ".join(step.text.split())
    return f"  step {step.step}     {step.route}{after}: {text} (confidence {step.confidence:.2f})"


def _params_lines(contract: Contract) -> list[str]:
    params = ", ".join(
        f"{name}={json.dumps(value, ensure_ascii=False)}"
        for name, value in sorted(contract.extracted_params.items())
    )
    lines = [f"  params     {params}"] if params else []
    if contract.missing_params:
        lines.append(f"  missing    {', '.join(contract.missing_params)}")
    return lines


def routes_text(loaded: RouteList) -> str:
    """The loaded routes as a table."""
    width = max(len(route.name) for route in loaded.routes)
    lines = [f"{'route':<{width}}  exemplars  threshold  description"]
    for route in loaded.routes:
        default = " (default)" if route.name == loaded.default_route else ""
        off = "" if route.enabled else " (switched off)"
        auto = "auto" if route.threshold_auto else "hand"
        lines.append(
            f"{route.name:<{width}}  {route.exemplar_count:>9}  {route.threshold:.2f} {auto}  "
            f"{route.description}{default}{off}"
        )
    return "\n".join([*lines, f"index {loaded.index_version}"])


def error_text(error: WaypostError, address: str, option: str = "--address") -> str:
    """What went wrong with a call of the server at `address`, and what to do."""
    if isinstance(error, UnavailableError):
        return (
            f"no server answers at {address}; start one with `waypost serve`, or name another "
            f"with {option} HOST:PORT ({error.details})"
        )
    return f"{address}: {error}"
