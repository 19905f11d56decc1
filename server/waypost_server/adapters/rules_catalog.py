"""rules.yaml, read and found sound, as core's types."""

from collections.abc import Mapping
from pathlib import Path

from waypost_server.adapters.rules_schema import (
    ConditionSection,
    KeywordsSection,
    RuleSection,
    RulesFile,
)
from waypost_server.adapters.section import validate
from waypost_server.adapters.text_file import FileProblems
from waypost_server.adapters.yaml_file import read_yaml
from waypost_server.core.rules import Condition, Rule, Rules

RULES_FILE = "rules.yaml"


def rules_of(file: RulesFile) -> Rules:
    """All rules of the file."""
    return Rules(rules=tuple(map(_rule, file.rules)), task_type=file.task_type)


def _rule(section: RuleSection) -> Rule:
    return Rule(
        name=section.name,
        priority=section.priority,
        when=_condition(section.when),
        route=section.route,
        boost=section.boost,
        forbid=section.forbid,
    )


def _condition(section: ConditionSection) -> Condition:
    keywords = section.keywords or KeywordsSection.model_construct()
    return Condition(
        any_keyword=keywords.any,
        all_keywords=keywords.all,
        no_keyword=keywords.none,
        regex=section.regex,
        min_characters=section.characters.min,
        max_characters=section.characters.max,
        min_tokens=section.tokens.min,
        max_tokens=section.tokens.max,
        metadata=section.metadata,
        tenants=section.tenant,
        task_types=section.task_type,
        all_of=tuple(map(_condition, section.all)),
        any_of=tuple(map(_condition, section.any)),
        not_of=_condition(section.not_) if section.not_ else None,
    )


def rule_lines(folder: Path) -> Mapping[str, str]:
    """File and line of each rule of a routes folder, by name; none where the file is wrong.

    A bundle does not say where a rule stands: a comment more or less makes no other bundle.
    """
    path = folder / RULES_FILE
    if not path.is_file():
        return {}
    try:
        file = read_yaml(path)
        rules = validate(RulesFile, file).rules
    except FileProblems:
        return {}
    return {rule.name: f"{path}:{file.line_of(['rules', i])}" for i, rule in enumerate(rules)}
