"""The stages that judge besides similarity, in the order in which a query meets them."""

from waypost_server.adapters.bundle_format import StoredBundle
from waypost_server.adapters.re2_patterns import Re2Patterns
from waypost_server.core.conversation import follow, note_unknown, stickiness_of
from waypost_server.core.hint_votes import HintStage
from waypost_server.core.judgement import After, Before, Judgement
from waypost_server.core.planner import Planner
from waypost_server.core.ports import Encoder
from waypost_server.core.rule_stage import RuleStage
from waypost_server.settings import Settings
from waypost_server.wiring.extracting import parameters_of
from waypost_server.wiring.watching import guard_of


def judgement_of(
    settings: Settings, stored: StoredBundle, encoder: Encoder, static: Encoder | None
) -> Judgement:
    """What the bundle's catalog configures; a stage that it does not mention is not there."""
    catalog = stored.catalog
    plans = catalog.taxonomy.plans
    guard = guard_of(settings, stored, encoder, static)
    parameters = parameters_of(catalog, static=static)
    before: list[Before] = []
    after: list[After] = []
    if guard:
        before.append(guard.look)
        after.append(guard.complete)
    if catalog.rules.rules:
        rules = RuleStage(catalog.rules, Re2Patterns)
        before.append(rules)
    if stickiness_of(catalog):
        before.append(follow(catalog, routes=len(stored.exemplars.routes)))
        after.append(note_unknown(catalog))
    if parameters:
        after.append(parameters)
    if any(route.marks for route in catalog.routes.values()):
        after.append(HintStage(catalog, stored.exemplars, stored.index))
    return Judgement(
        before=tuple(before),
        after=tuple(after),
        settles=guard.settle if guard else None,
        notes=guard.note if guard else None,
        planner=Planner(plans) if plans else None,
        parameters=parameters,
    )
