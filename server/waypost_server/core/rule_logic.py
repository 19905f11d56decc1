"""What follows from conditions alone, whatever the query; sound, though it does not see all."""

from waypost_server.core.rule_checks import Check, Fact


def implies(narrow: Check, wide: Check) -> bool:
    """Whether `wide` surely holds wherever `narrow` does."""
    return (
        wide.every <= narrow.every
        and all(_has_one_of(narrow, group) for group in wide.some)
        and all(_lacks(narrow, fact) for fact in wide.none)
        and wide.characters.both(narrow.characters) == narrow.characters
        and wide.tokens.both(narrow.tokens) == narrow.tokens
        and all(_has_alternative(narrow, checks) for checks in wide.alternatives)
        and all(_refuses(narrow, check) for check in wide.refused)
    )


def is_impossible(check: Check) -> bool:
    """Whether it surely never holds."""
    return (
        check.characters.is_empty
        or check.tokens.is_empty
        or not check.none.isdisjoint(check.every)
        or any(group <= check.none for group in check.some)
        or _two_values(check)
        or any(all(map(is_impossible, checks)) for checks in check.alternatives)
        or any(implies(check, refused) for refused in check.refused)
    )


def _has_one_of(check: Check, group: frozenset[Fact]) -> bool:
    return not group.isdisjoint(check.every) or any(own <= group for own in check.some)


def _lacks(check: Check, fact: Fact) -> bool:
    return fact in check.none or _excluded(check, fact)


def _excluded(check: Check, fact: Fact) -> bool:
    """Whether a key that has one value only surely has another one."""
    if fact.kind not in ("metadata", "tenant"):
        return False
    return any(
        all(_excludes(own, fact) for own in group)
        for group in (*check.some, *(frozenset((own,)) for own in check.every))
    )


def _excludes(one: Fact, other: Fact) -> bool:
    """Whether two facts cannot both be so: a key has one value, a query one tenant."""
    if one.kind != other.kind or one == other:
        return False
    return one.kind == "tenant" or (one.kind == "metadata" and one.what == other.what)


def _two_values(check: Check) -> bool:
    groups = [*check.some, *(frozenset((fact,)) for fact in check.every)]
    return any(all(_excluded(check, fact) for fact in group) for group in groups)


def _has_alternative(narrow: Check, checks: frozenset[Check]) -> bool:
    if any(implies(narrow, check) for check in checks):
        return True
    return any(
        all(any(implies(own, check) for check in checks) for own in group)
        for group in narrow.alternatives
    )


def _refuses(narrow: Check, refused: Check) -> bool:
    """Whether `refused` cannot hold where `narrow` does."""
    if any(implies(refused, own) for own in narrow.refused):
        return True
    together = Check(
        every=narrow.every | refused.every,
        some=narrow.some | refused.some,
        none=narrow.none | refused.none,
        characters=narrow.characters.both(refused.characters),
        tokens=narrow.tokens.both(refused.tokens),
    )
    return is_impossible(together)
