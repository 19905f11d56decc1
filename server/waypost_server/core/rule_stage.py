"""The stage that asks the rules about a query, before it is encoded."""

from collections import defaultdict
from collections.abc import Callable, Sequence

from waypost_server.core.changed import changed
from waypost_server.core.clues import Clues, Verdict
from waypost_server.core.keywords import KeywordFinder
from waypost_server.core.outcome import Action, Outcome, Reason, Stage
from waypost_server.core.ports import PatternSet
from waypost_server.core.query import Query
from waypost_server.core.rejections import MAX_REROUTES
from waypost_server.core.rule_checks import Fact, Seen, check_of, facts_of
from waypost_server.core.rules import Rule, Rules
from waypost_server.core.token_estimate import estimated_tokens

END = 4_096
"""Characters at each end of a text in which words and expressions are looked for. What says of
which kind a query is stands there, and no text makes the look at it long."""

RATIONALE = "The rule {rule} sends it to {route}."


class RuleStage:
    """Asks the rules; thread-safe."""

    def __init__(self, rules: Rules, patterns: Callable[[Sequence[str]], PatternSet]) -> None:
        """Prepares the rules, so that a query meets only those that may be about it.

        Args:
            rules: the rules.
            patterns: makes one that looks for RE2 expressions, which it takes.
        """
        self._rules = rules.by_precedence()
        self._checks = [check_of(rule.when, rules) for rule in self._rules]
        facts = sorted(set().union(*map(facts_of, self._checks)))
        self._kinds = {fact.kind for fact in facts}
        self._words = KeywordFinder(fact.what for fact in facts if fact.kind == "word")
        self._regex = [fact for fact in facts if fact.kind == "regex"]
        self._patterns = patterns([fact.what for fact in self._regex]) if self._regex else None
        self._always: list[int] = []
        self._by_fact: dict[Fact, list[int]] = defaultdict(list)
        for number, check in enumerate(self._checks):
            triggers = check.triggers()
            for fact in triggers or ():
                self._by_fact[fact].append(number)
            if triggers is None:
                self._always.append(number)

    def __call__(self, query: Query, clues: Clues) -> Clues:
        """What was found before, and what the rules say.

        A `forbid` wins over all else. Of the rules that fired and name a route, the first whose
        route may be chosen decides; where there is none, the encoder does.
        """
        fired = self.fired(changed(query, clues=clues) if clues.relevant_text else query)
        if not fired:
            return clues
        boosts = dict(clues.boosts)
        for rule in fired:
            for route, by in rule.boost.items():
                boosts[route] = boosts.get(route, 0.0) + by
        clues = changed(
            clues,
            boosts=boosts,
            boosted_by_rules=frozenset(route for rule in fired for route in rule.boost),
            forbidden=clues.forbidden.union(*(rule.forbid for rule in fired)),
        )
        verdict = _verdict(fired, changed(query, clues=clues))
        return changed(clues, verdict=verdict) if verdict else clues

    def fired(self, query: Query) -> tuple[Rule, ...]:
        """The rules that are about a query, the one that decides first first."""
        facts = self._facts(query)
        numbers = set(self._always)
        for fact in facts:
            numbers.update(self._by_fact.get(fact, ()))
        if not numbers:
            return ()
        tokens = query.input_tokens or estimated_tokens(query.text)
        seen = Seen(facts, len(query.text), tokens)
        return tuple(
            self._rules[number] for number in sorted(numbers) if self._checks[number].holds(seen)
        )

    def _facts(self, query: Query) -> set[Fact]:
        """What is so of a query, of the kinds that any rule speaks of."""
        kinds, facts, said = self._kinds, set[Fact](), query.relevant_text
        near = said if len(said) <= 2 * END else f"{said[:END]}\n{said[-END:]}"
        if "word" in kinds:
            facts.update(Fact("word", word) for word in self._words.find(near))
        if self._patterns:
            facts.update(self._regex[place] for place in self._patterns.matching(near))
        if "metadata" in kinds:
            facts.update(Fact("metadata", key, value) for key, value in query.metadata.items())
        if "tenant" in kinds:
            facts.add(Fact("tenant", query.tenant))
        return facts


def _verdict(fired: Sequence[Rule], query: Query) -> Verdict | None:
    if len(query.rejected_routes) > MAX_REROUTES:
        return None  # it goes where the limit sends it
    for rule in fired:
        if rule.route and query.choosable((rule.route,)):
            return Verdict(
                stage=Stage.RULES,
                outcome=Outcome.MATCHED,
                action=Action.INVOKE,
                reason=Reason.RULE_MATCHED,
                route=rule.route,
                rationale=RATIONALE.format(rule=rule.name, route=rule.route),
            )
    return None
