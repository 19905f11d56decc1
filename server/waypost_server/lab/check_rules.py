"""Rules that never decide, that get in each other's way, and that are mostly wrong."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from waypost_server.core.rule_checks import Check, check_of, facts_of
from waypost_server.core.rule_logic import implies, is_impossible
from waypost_server.core.rules import Rule, Rules
from waypost_server.lab.finding import Finding, Kind, Sentence, Severity

SHOWN = 3
"""Sentences that are shown of a finding."""

COMPARED = 1_000
"""Rules up to which each is compared with each; beyond, that takes minutes."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the rules make of texts whose route is known.

    Attributes:
        texts: the texts, each with its route; "oos" for none.
        fired: for each text the names of the rules that fired, the one that decides first first.
        where: file and line of rules, by name; may be empty.
    """

    texts: Sequence[Sentence]
    fired: Sequence[Sequence[str]]
    where: Mapping[str, str]


def check_rules(rules: Rules, evidence: Evidence, *, least_right: float) -> Iterator[Finding]:
    """All findings about rules.

    Args:
        rules: the rules.
        evidence: what they make of texts.
        least_right: share of right decisions below which a rule is mostly wrong.
    """
    told = _Told(rules, evidence)
    impossible = {name for name, check in told.checks.items() if is_impossible(check)}
    for name in told.checks:
        if name in impossible:
            yield told.finding(
                Kind.RULE_NEVER_FIRES,
                Severity.WARNING,
                [name],
                f"rule {name} never fires: its condition contradicts itself.",
                "Mend its condition, or remove the rule.",
            )
    if len(told.checks) <= COMPARED:
        yield from _shadowed(told)
    yield from _contradicting(told)
    yield from _wrong(told, least_right)
    yield from _idle(told, known=impossible)


class _Told:
    """Rules by precedence, and what shows them."""

    def __init__(self, rules: Rules, evidence: Evidence) -> None:
        self.evidence = evidence
        self.rules = {rule.name: rule for rule in rules.by_precedence()}
        self.checks: Mapping[str, Check] = {
            name: check_of(rule.when, rules) for name, rule in self.rules.items()
        }

    def finding(
        self,
        kind: Kind,
        severity: Severity,
        names: Sequence[str],
        problem: str,
        cure: str,
        rows: Sequence[int] = (),
        figures: Mapping[str, float] | None = None,
    ) -> Finding:
        where = [self.evidence.where[name] for name in names if name in self.evidence.where]
        routes = dict.fromkeys(route for name in names for route in _routes_of(self.rules[name]))
        return Finding(
            kind=kind,
            severity=severity,
            routes=tuple(routes),
            problem=f"{', '.join(where)}: {problem}" if where else _upper(problem),
            sentences=tuple(self.evidence.texts[row] for row in rows[:SHOWN]),
            figures=figures or {},
            cure=cure,
        )

    def deciding(self, fired: Sequence[str]) -> list[Rule]:
        """Of the rules that fired, those that would decide, in their order."""
        rules = [self.rules[name] for name in fired]
        forbidden = {route for rule in rules for route in rule.forbid}
        return [rule for rule in rules if rule.route and rule.route not in forbidden]


def _routes_of(rule: Rule) -> tuple[str, ...]:
    return (*([rule.route] if rule.route else ()), *rule.boost, *rule.forbid)


def _upper(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _shadowed(told: _Told) -> Iterator[Finding]:
    """Rules that name a route and never decide, since others always do before."""
    rules = list(told.rules.values())
    for place, rule in enumerate(rules):
        if not rule.route:
            continue
        check = told.checks[rule.name]
        for other in (*rules[:place], *(one for one in rules[place:] if rule.route in one.forbid)):
            in_the_way = other.route or rule.route in other.forbid
            if in_the_way and implies(check, told.checks[other.name]):
                does = f"sends it to {other.route}" if other.route else f"forbids {rule.route}"
                same = other.route == rule.route
                yield told.finding(
                    Kind.RULE_SHADOWED,
                    Severity.HINT if same else Severity.WARNING,
                    [rule.name, other.name],
                    f"rule {rule.name} never decides: wherever it fires, rule {other.name} "
                    f"fires too, comes first and {does}.",
                    f"Remove {rule.name}."
                    if same
                    else f"Give {rule.name} a higher priority, put it first, or narrow the "
                    f"condition of {other.name}.",
                )
                break


def _contradicting(told: _Told) -> Iterator[Finding]:
    """Rules of one priority that send the same texts to different routes."""
    both: dict[tuple[str, str], list[int]] = {}
    for row, fired in enumerate(told.evidence.fired):
        for first, second in combinations(told.deciding(fired), 2):
            if first.priority == second.priority and first.route != second.route:
                both.setdefault((first.name, second.name), []).append(row)
    for (one, other), rows in sorted(both.items(), key=lambda item: -len(item[1])):
        first, second = told.rules[one], told.rules[other]
        yield told.finding(
            Kind.RULES_CONTRADICT,
            Severity.WARNING,
            [one, other],
            f"rules {one} and {other} have the same priority and send {len(rows)} of the known "
            f"texts to {first.route} and {second.route}; their order in the file decides.",
            "Give the one that is right the higher priority, or narrow the other's condition.",
            rows,
            {"texts": len(rows)},
        )


def _wrong(told: _Told, least_right: float) -> Iterator[Finding]:
    """Rules whose decisions are more often wrong than a match may be."""
    decided: Counter[str] = Counter()
    wrong: dict[str, list[int]] = {}
    for row, fired in enumerate(told.evidence.fired):
        for rule in told.deciding(fired)[:1]:
            decided[rule.name] += 1
            if told.evidence.texts[row].route != rule.route:
                wrong.setdefault(rule.name, []).append(row)
    for name, rows in sorted(wrong.items(), key=lambda item: -len(item[1])):
        right = 1 - len(rows) / decided[name]
        if right < least_right:
            yield told.finding(
                Kind.RULE_WRONG,
                Severity.WARNING,
                [name],
                f"rule {name} sends {decided[name]} of the known texts to "
                f"{told.rules[name].route}, and {len(rows)} of them belong elsewhere.",
                "Narrow its condition, or let it boost the route and leave the decision to the "
                "encoder.",
                rows,
                {"texts": decided[name], "right": right},
            )


def _idle(told: _Told, known: set[str]) -> Iterator[Finding]:
    """Rules about texts alone that no known text meets."""
    seen = {name for fired in told.evidence.fired for name in fired}
    for name, check in told.checks.items():
        about_texts = all(fact.kind in ("word", "regex") for fact in facts_of(check))
        if about_texts and name not in seen | known and told.evidence.texts:
            yield told.finding(
                Kind.RULE_NEVER_FIRES,
                Severity.HINT,
                [name],
                f"rule {name} fires on none of the {len(told.evidence.texts)} known texts.",
                "Add a query that it is for to regression.txt of its route, so that this is "
                "known to work, or remove the rule.",
            )
