"""Rules that never decide, get in each other's way, or are mostly wrong."""

from collections.abc import Sequence

from waypost_server.core.rules import Condition, Rule, Rules
from waypost_server.lab.check_rules import Evidence, check_rules
from waypost_server.lab.finding import Finding, Kind, Sentence, Severity


def examined(rules: Sequence[Rule], *fired: tuple[str, str, Sequence[str]]) -> list[Finding]:
    """Findings about rules that fired so: label, text and names of rules."""
    evidence = Evidence(
        texts=[Sentence(label, text) for label, text, _ in fired],
        fired=[names for _, _, names in fired],
        where={"wide": "routes/rules.yaml:3"},
    )
    return list(check_rules(Rules(rules=tuple(rules)), evidence, least_right=0.75))


def about(*words: str) -> Condition:
    return Condition(any_keyword=words)


WIDE = Rule(name="wide", when=about("a", "b"), route="x")
NARROW = Rule(name="narrow", when=about("a"), route="y")


def test_a_rule_behind_a_wider_one_never_decides() -> None:
    [finding] = examined([WIDE, NARROW])
    assert (finding.kind, finding.severity) == (Kind.RULE_SHADOWED, Severity.WARNING)
    assert finding.routes == ("y", "x")
    assert finding.problem == (
        "routes/rules.yaml:3: rule narrow never decides: wherever it fires, rule wide fires too, "
        "comes first and sends it to x."
    )
    assert finding.cure == (
        "Give narrow a higher priority, put it first, or narrow the condition of wide."
    )


def test_a_rule_before_a_wider_one_or_above_it_is_fine() -> None:
    assert examined([NARROW, WIDE]) == []
    above = Rule(name="narrow", when=about("a"), route="y", priority=1)
    assert examined([WIDE, above]) == []


def test_a_rule_that_another_makes_superfluous_is_a_hint() -> None:
    same = Rule(name="same", when=about("a"), route="x", priority=-1)
    [finding] = examined([WIDE, same])
    assert (finding.severity, finding.cure) == (Severity.HINT, "Remove same.")


def test_a_rule_whose_route_another_forbids_never_decides_whatever_its_priority() -> None:
    forbid = Rule(name="no", when=about("a", "c"), forbid=("z", "y"), priority=-5)
    [finding] = examined([NARROW, forbid])
    assert finding.kind is Kind.RULE_SHADOWED
    assert "rule no fires too, comes first and forbids y" in finding.problem
    boost = Rule(name="no", when=about("a", "c"), boost={"y": 1.0}, priority=5)
    assert examined([NARROW, boost]) == []


def test_a_condition_that_contradicts_itself_is_found_without_a_text() -> None:
    never = Rule(name="never", when=Condition(any_keyword=("a",), no_keyword=("A",)), route="x")
    [finding] = examined([never], ("x", "a", []))
    assert (finding.kind, finding.severity) == (Kind.RULE_NEVER_FIRES, Severity.WARNING)


def test_a_rule_about_texts_that_meets_none_is_a_hint_and_one_about_callers_is_not() -> None:
    text = Rule(name="text", when=about("q"), route="x")
    caller = Rule(name="caller", when=Condition(tenants=("t",)), route="x", priority=1)
    [finding] = examined([text, caller], ("x", "a", []), ("y", "b", []))
    assert (finding.kind, finding.severity) == (Kind.RULE_NEVER_FIRES, Severity.HINT)
    assert finding.problem == "Rule text fires on none of the 2 known texts."
    assert examined([text, caller]) == []


def test_rules_of_one_priority_that_meet_on_a_text_contradict_each_other_there() -> None:
    one = Rule(name="one", when=about("a"), route="x")
    other = Rule(name="other", when=about("b"), route="y")
    both = ("x", "a b", ["one", "other"])
    [finding] = examined([one, other], both, ("y", "b", ["other"]), ("x", "a", ["one"]))
    assert (finding.kind, finding.routes) == (Kind.RULES_CONTRADICT, ("x", "y"))
    assert (finding.sentences, finding.figures) == ((Sentence("x", "a b"),), {"texts": 1})
    forbid = Rule(name="no", when=about("b"), forbid=("x",))
    with_forbid = ("y", "a b", ["one", "other", "no"])
    assert Kind.RULES_CONTRADICT not in {
        found.kind for found in examined([one, other, forbid], with_forbid)
    }


def test_a_rule_that_is_right_less_often_than_a_match_must_be_is_named_with_its_errors() -> None:
    rows = [("y", f"wrong {i}", ["wide"]) for i in range(2)]
    right = [("x", f"right {i}", ["wide"]) for i in range(5)]
    [finding] = examined([WIDE], *rows, *right)
    assert (finding.kind, finding.severity) == (Kind.RULE_WRONG, Severity.WARNING)
    assert finding.figures == {"texts": 7, "right": 1 - 2 / 7}
    assert finding.sentences == (Sentence("y", "wrong 0"), Sentence("y", "wrong 1"))
    assert examined([WIDE], *rows[:1], *right) == []
