"""rules.yaml: what it may say, and what is said of a wrong one."""

import re
import shutil
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from tests.folders import write_folder
from tests.unit.adapters.broken_routes import SOUND
from waypost_server.adapters.re2_patterns import Re2Patterns
from waypost_server.adapters.route_folder import read_routes
from waypost_server.core.catalog import Catalog
from waypost_server.core.errors import RoutesError
from waypost_server.core.query import Query
from waypost_server.core.rule_stage import RuleStage
from waypost_server.core.rules import Condition, Rule, Rules

EVERYTHING = """\
task_type: x-task
rules:
  - name: outage
    priority: 10
    when:
      keywords: {any: [outage, "site is down"], all: [production], none: [postmortem]}
      regex: '(?i)\\bsev-?1\\b'
      characters: {max: 2000}
      tokens: {min: 3, max: 400}
      metadata: {plan: [pro, team], region: eu}
      tenant: acme
      task_type: [incident]
      all:
        - keywords: {any: card}
      any:
        - regex: ["a", "b"]
        - tenant: ["", other]
      not:
        metadata: {channel: email}
    route: billing
  - name: lean
    when: {task_type: chat}
    boost: {billing: -1.5, general: 2}
  - name: never
    when: {tenant: trial}
    forbid: billing
"""


def read(tmp_path: Path, rules: str) -> Rules:
    return read_routes(write_folder(tmp_path, {**SOUND, "rules.yaml": rules})).catalog.rules


def test_all_that_a_rule_may_say_arrives(tmp_path: Path) -> None:
    assert read(tmp_path, EVERYTHING) == Rules(
        task_type="x-task",
        rules=(
            Rule(
                name="outage",
                priority=10,
                when=Condition(
                    any_keyword=("outage", "site is down"),
                    all_keywords=("production",),
                    no_keyword=("postmortem",),
                    regex=(r"(?i)\bsev-?1\b",),
                    max_characters=2000,
                    min_tokens=3,
                    max_tokens=400,
                    metadata={"plan": ("pro", "team"), "region": ("eu",)},
                    tenants=("acme",),
                    task_types=("incident",),
                    all_of=(Condition(any_keyword=("card",)),),
                    any_of=(Condition(regex=("a", "b")), Condition(tenants=("", "other"))),
                    not_of=Condition(metadata={"channel": ("email",)}),
                ),
                route="billing",
            ),
            Rule(
                name="lean",
                when=Condition(task_types=("chat",)),
                boost={"billing": -1.5, "general": 2.0},
            ),
            Rule(name="never", when=Condition(tenants=("trial",)), forbid=("billing",)),
        ),
    )


def test_a_bundle_gives_back_what_the_file_says_and_one_without_rules_still_loads(
    tmp_path: Path,
) -> None:
    catalog = read_routes(write_folder(tmp_path, {**SOUND, "rules.yaml": EVERYTHING})).catalog
    adapter = TypeAdapter(Catalog)
    content = adapter.dump_python(catalog, mode="json")
    assert adapter.validate_python(content) == catalog
    del content["rules"]
    assert adapter.validate_python(content).rules == Rules()


def test_without_the_file_there_are_no_rules(tmp_path: Path) -> None:
    assert read_routes(write_folder(tmp_path, SOUND)).catalog.rules == Rules()


RULE = "rules:\n- name: one\n  when: {tenant: a}\n  route: billing\n"
ONE_THING = "rule 'one' must have one of route, boost and forbid; write one of them, and another "

BROKEN = {
    "unknown key": (
        "rules:\n- name: one\n  when:\n    keyword: [x]\n  route: billing\n",
        "rules.yaml:4: rules.0.when.keyword is an unknown key; did you mean 'keywords'? It may be "
        "one of all, any, characters, keywords, metadata, not, regex, task_type, tenant, tokens",
    ),
    "unknown key far down": (
        "rules:\n- name: one\n  when:\n    any:\n    - not:\n        tenent: a\n  route: billing\n",
        "rules.yaml:6: rules.0.when.any.0.not.tenent is an unknown key; did you mean 'tenant'? It "
        "may be one of all, any, characters, keywords, metadata, not, regex, task_type, tenant, "
        "tokens",
    ),
    "no condition": (
        "rules:\n- name: one\n  route: billing\n",
        "rules.yaml:2: rules.0.when is missing; add it",
    ),
    "empty condition": (
        "rules:\n- name: one\n  route: billing\n  when: {}\n",
        "rules.yaml:4: a condition is empty; write keywords, regex, characters, tokens, metadata, "
        "tenant, task_type, all, any or not",
    ),
    "empty list": (
        "rules:\n- name: one\n  route: billing\n  when:\n    any: []\n",
        "rules.yaml:4: any is empty; write something, or remove it",
    ),
    "no keyword": (
        "rules:\n- name: one\n  route: billing\n  when:\n    keywords: {any: []}\n",
        "rules.yaml:5: keywords names none; write any, all or none with a list of words",
    ),
    "blank keyword": (
        "rules:\n- name: one\n  route: billing\n  when:\n    keywords: {any: [a, ' ']}\n",
        "rules.yaml:5: keyword ' ' is blank; write a word, or remove it",
    ),
    "keyword that is a truth to YAML": (
        "rules:\n- name: one\n  route: billing\n  when:\n    keywords: {any: [yes]}\n",
        "rules.yaml:5: True is not text to YAML; put it in quotes",
    ),
    "regex that RE2 refuses": (
        "rules:\n- name: one\n  route: billing\n  when:\n    regex: 'a(?=b)'\n",
        "rules.yaml:5: regex 'a(?=b)' has what RE2 lacks: a look-around; match the text itself",
    ),
    "bounds that nothing is between": (
        "rules:\n- name: one\n  route: billing\n  when:\n    tokens: {min: 9, max: 3}\n",
        "rules.yaml:5: min is 9 and max 3, so that nothing is between; swap them",
    ),
    "metadata without a value": (
        "rules:\n- name: one\n  route: billing\n  when:\n    metadata: {plan: []}\n",
        "rules.yaml:5: metadata 'plan' has no value; write one, or remove it",
    ),
    "no action": (
        "rules:\n- name: one\n  when: {tenant: a}\n",
        f"rules.yaml:2: {ONE_THING}rule for another",
    ),
    "two actions": (
        RULE + "  forbid: billing\n",
        f"rules.yaml:2: {ONE_THING}rule for another",
    ),
    "boost of nothing": (
        "rules:\n- name: one\n  when: {tenant: a}\n  boost: {billing: 0}\n",
        "rules.yaml:2: rule 'one': boost of 'billing' is 0; remove it",
    ),
    "boost beyond all measure": (
        "rules:\n- name: one\n  when: {tenant: a}\n  boost: {billing: 21}\n",
        "rules.yaml:4: rules.0.boost.billing is 21: input should be less than or equal to 20",
    ),
    "route that does not exist": (
        RULE.replace("billing", "biling"),
        "rules.yaml:4: rule 'one': route 'biling' does not exist; name one of billing, general",
    ),
    "default route forbidden": (
        "rules:\n- name: one\n  when: {tenant: a}\n  forbid: [billing, general]\n",
        "rules.yaml:4: rule 'one' forbids 'general', the default route, which takes whatever no "
        "other does; remove it from the list",
    ),
    "name twice": (
        RULE + "- name: one\n  when: {tenant: b}\n  route: billing\n",
        "rules.yaml:5: another rule is called 'one' (line 2); rename one of them",
    ),
    "rules that contradict": (
        RULE + "- name: two\n  when: {any: [{tenant: a}]}\n  route: general\n",
        "rules.yaml:5: rules 'two' and 'one' (line 2) contradict each other: on the same condition "
        "the one sends a query to 'general' and the other to 'billing'; give one of them another "
        "condition or priority, or remove it",
    ),
    "rule that is forbidden": (
        RULE + "- name: two\n  priority: -3\n  when: {tenant: a}\n  forbid: billing\n",
        "rules.yaml:2: rules 'one' and 'two' (line 5) contradict each other: on the same condition "
        "the one sends a query to 'billing' and the other forbids that; remove one of them, or "
        "give it another condition",
    ),
    "raised and lowered": (
        RULE.replace("route: billing", "boost: {billing: 2}")
        + "- name: two\n  when: {tenant: a}\n  boost: {general: 1, billing: -2}\n",
        "rules.yaml:5: rules 'two' and 'one' (line 2) contradict each other: on the same condition "
        "the one lowers 'billing' and the other raises it; remove one of them, or give it another "
        "condition",
    ),
    "raised and forbidden": (
        RULE.replace("route: billing", "forbid: billing")
        + "- name: two\n  when: {tenant: a}\n  boost: {billing: 2}\n",
        "rules.yaml:5: rules 'two' and 'one' (line 2) contradict each other: on the same condition "
        "the one raises 'billing' and the other forbids it; remove one of them, or give it another "
        "condition",
    ),
    "expressions too large together": (
        "rules:\n- name: one\n  route: billing\n  when:\n    regex:\n"
        + "".join(f"    - '{i}.{{100}}'\n" for i in range(200)),
        "rules.yaml:1: together the expressions are too large (161,290 instructions, 100,000 at "
        "most); make some of them shorter, "
        "or write keywords instead",
    ),
}


@pytest.mark.parametrize(("rules", "problem"), BROKEN.values(), ids=BROKEN)
def test_one_thing_wrong_is_one_problem_with_file_line_and_cure(
    tmp_path: Path, rules: str, problem: str
) -> None:
    with pytest.raises(RoutesError) as error:
        read(tmp_path, rules)
    assert [found.removeprefix(f"{tmp_path}/") for found in error.value.problems] == [problem]


def test_boosts_of_one_sign_and_forbidding_twice_do_not_contradict(tmp_path: Path) -> None:
    one = RULE.replace("route: billing", "boost: {billing: 2}")
    two = "- name: two\n  when: {tenant: a}\n  boost: {billing: 1}\n"
    assert len(read(tmp_path, one + two).rules) == 2
    one, two = (text.replace("boost: {billing: ", "forbid: [billing] #") for text in (one, two))
    assert len(read(tmp_path, one + two).rules) == 2


def test_equal_conditions_with_other_priorities_or_equal_routes_do_not_contradict(
    tmp_path: Path,
) -> None:
    other = "- name: two\n  priority: 1\n  when: {tenant: a}\n  route: general\n"
    same = "- name: three\n  when: {tenant: a}\n  route: billing\n"
    assert len(read(tmp_path, RULE + other + same).rules) == 3


def test_the_pages_example_is_a_sound_file_for_the_shipped_routes(
    tmp_path: Path, repo: Path
) -> None:
    page = (repo / "docs/rules.md").read_text("utf-8")
    [example] = re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL)
    shutil.copytree(repo / "routes", tmp_path / "routes")
    (tmp_path / "routes/rules.yaml").write_text(example, "utf-8")
    rules = read_routes(tmp_path / "routes").catalog.rules
    assert [rule.name for rule in rules.by_precedence()] == ["incident", "long_paste", "trial"]
    fired = RuleStage(rules, Re2Patterns).fired(
        Query(text="Incident #7: the site\nis DOWN", tenant="trial", input_tokens=2_000)
    )
    assert fired == rules.rules
