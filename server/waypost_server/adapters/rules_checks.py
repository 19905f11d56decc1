"""What must hold of the rules together; a check yields problems and their cure."""

from collections.abc import Iterator

from waypost_server.adapters.re2_patterns import Re2Patterns
from waypost_server.adapters.route_source import FolderSource
from waypost_server.adapters.rules_catalog import rules_of
from waypost_server.core.rule_checks import Check, check_of, facts_of


def check_rules(source: FolderSource) -> Iterator[str]:
    """Every problem of rules.yaml that its schema does not see."""
    if not source.rules.rules:
        return
    yield from _check_names(source)
    yield from _check_routes(source)
    rules = rules_of(source.rules)
    checks = [check_of(rule.when, rules) for rule in rules.rules]
    yield from _check_contradictions(source, checks)
    yield from _check_boosts(source, checks)
    yield from _check_patterns(source, checks)


def _check_names(source: FolderSource) -> Iterator[str]:
    seen: dict[str, int] = {}
    for i, rule in enumerate(source.rules.rules):
        if rule.name in seen:
            line = source.rules_file.line_of(["rules", seen[rule.name], "name"])
            yield source.rules_file.problem(
                ["rules", i, "name"],
                f"another rule is called {rule.name!r} (line {line}); rename one of them",
            )
        seen.setdefault(rule.name, i)


def _check_routes(source: FolderSource) -> Iterator[str]:
    default = source.taxonomy.default_route
    names = {route.name for route in source.routes} | {default}
    for i, rule in enumerate(source.rules.rules):
        named = [
            *([("route", rule.route)] if rule.route else []),
            *(("boost", route) for route in rule.boost),
            *(("forbid", route) for route in rule.forbid),
        ]
        for key, route in named:
            if route not in names and source.taxonomy_known:
                yield source.rules_file.problem(
                    ["rules", i, key],
                    f"rule {rule.name!r}: route {route!r} does not exist; "
                    f"name one of {', '.join(sorted(names))}",
                )
        if default in rule.forbid:
            yield source.rules_file.problem(
                ["rules", i, "forbid"],
                f"rule {rule.name!r} forbids {default!r}, the default route, which takes whatever "
                "no other does; remove it from the list",
            )


def _check_contradictions(source: FolderSource, checks: list[Check]) -> Iterator[str]:
    """Rules of which one undoes the other on each query that they are about."""
    first: dict[tuple[Check, int], int] = {}
    forbidding: dict[tuple[Check, str], int] = {}
    rules = source.rules.rules
    for i, (rule, check) in enumerate(zip(rules, checks, strict=True)):
        for route in rule.forbid:
            forbidding.setdefault((check, route), i)
        if not rule.route:
            continue
        other = first.setdefault((check, rule.priority), i)
        if rules[other].route != rule.route:
            yield _contradiction(
                source,
                i,
                other,
                f"the one sends a query to {rule.route!r} and the other to "
                f"{rules[other].route!r}; give one of them another condition or priority, or "
                "remove it",
            )
    for i, (rule, check) in enumerate(zip(rules, checks, strict=True)):
        forbids = forbidding.get((check, rule.route))
        if forbids is not None:
            yield _contradiction(
                source,
                i,
                forbids,
                f"the one sends a query to {rule.route!r} and the other forbids that; remove one "
                "of them, or give it another condition",
            )


def _check_boosts(source: FolderSource, checks: list[Check]) -> Iterator[str]:
    """Rules that on one condition speak both for a route and against it, or forbid it besides."""
    said: dict[tuple[Check, str], tuple[int, str]] = {}
    for i, (rule, check) in enumerate(zip(source.rules.rules, checks, strict=True)):
        words = {
            route: "raises" if logits > 0 else "lowers" for route, logits in rule.boost.items()
        }
        words |= dict.fromkeys(rule.forbid, "forbids")
        for route, word in words.items():
            other, word_of_other = said.setdefault((check, route), (i, word))
            if word != word_of_other:
                yield _contradiction(
                    source,
                    i,
                    other,
                    f"the one {word} {route!r} and the other {word_of_other} it; remove one of "
                    "them, or give it another condition",
                )


def _contradiction(source: FolderSource, i: int, other: int, text: str) -> str:
    rules, file = source.rules.rules, source.rules_file
    return file.problem(
        ["rules", i],
        f"rules {rules[i].name!r} and {rules[other].name!r} (line "
        f"{file.line_of(['rules', other])}) contradict each other: on the same condition {text}",
    )


def _check_patterns(source: FolderSource, checks: list[Check]) -> Iterator[str]:
    facts = set().union(*map(facts_of, checks))
    try:
        Re2Patterns(sorted(fact.what for fact in facts if fact.kind == "regex"))
    except ValueError as error:
        yield source.rules_file.problem(
            ["rules"], f"{error}; make some of them shorter, or write keywords instead"
        )
