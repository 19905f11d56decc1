"""What teaches the guard: public attacks and ordinary queries, and texts written for Waypost."""

import random
from collections.abc import Callable, Iterable, Sequence
from importlib.resources import files

from waypost_server.core.clues import FlagKind
from waypost_server.lab.guard_attack_grammar import attacks
from waypost_server.lab.guard_fit import Lesson
from waypost_server.lab.guard_grammar import harmless

Reader = Callable[[str], Sequence[dict[str, str]]]
"""Reads a file of a data set, named without its ending: rows with text, label and maybe subtype."""

ATTACKS = {
    "cyberseceval": (
        "guard/cyberseceval_prompt_injection/test",
        "guard/cyberseceval_prompt_injection/test_multilingual",
    ),
    "deepset": ("guard/deepset_injections/test",),
    "sysprompt": ("guard/sysprompt_extraction/test",),
}
"""Public attacks by source; a translation is of the source that it was translated from."""

ORDINARY = ("clinc150/val", "banking77/dialoglue_val", "hwu64/val")
"""Traffic without attacks that does not teach."""

_TRANSLATED, _WRITTEN, _MADE, _EXEMPLARS, _OTHER_TASKS = 0.3, 3.0, 0.5, 2.0, 0.3
"""Weights: a thousand translations say four times what the originals say; texts written for the
purpose are few."""

_TALKS = frozenset(("virtualization", "hypothetical_scenario", "persuasion"))
"""Kinds of attack that talk a model out of its rules, of CyberSecEval's."""

MOST_OTHER, LONGEST_OTHER = 1_500, 400


def lessons(read: Reader, exemplars: Iterable[str], *, without: Iterable[str] = ()) -> list[Lesson]:
    """All lessons, but for the public attacks of some sources.

    Args:
        read: reads a file of the data.
        exemplars: of the routes that the guard will stand before: what is ordinary there.
        without: sources of `ATTACKS` to leave out.
    """
    out = set(without)
    personas = {row["text"] for row in read("guard/awesome_chatgpt_prompts/test")}
    found = [
        lesson
        for source, names in ATTACKS.items()
        if source not in out
        for name in names
        for lesson in _attacks(read(name), source, name)
        if lesson.text not in personas  # which the set's authors call attacks, and we do not
    ]
    for name, kind in (
        ("injections", FlagKind.PROMPT_INJECTION),
        ("jailbreaks", FlagKind.JAILBREAK),
    ):
        found += [Lesson(text, "written", kind, weight=_WRITTEN) for text in written(name)]
    for name in ("clinc150", "banking77", "hwu64"):
        rows = read(f"{name}/fewshot_train_10")
        found += [Lesson(row["text"], name, None) for row in rows]
    for name in ("mitre_frr", "awesome_chatgpt_prompts"):
        rows = [row for row in read(f"guard/{name}/test") if row["label"] == "benign"]
        found += [Lesson(row["text"], name, None, is_hard=True) for row in rows]
    found += [Lesson(text, "written", None, is_hard=True) for text in written("benign")]
    found += [
        Lesson(text, "exemplars", None, weight=_EXEMPLARS, is_hard=True) for text in exemplars
    ]
    found += [
        Lesson(text, "attack_grammar", kind, weight=_MADE)
        for text, kind in attacks(english=1_500, each_other=40, seed=0)
    ]
    made = harmless(english=1_500, each_other=40, seed=0)
    found += [Lesson(text, "grammar", None) for text in made]
    return found + _other_tasks(read)


def written(name: str) -> list[str]:
    """The lines of a file of texts written for Waypost."""
    content = files("waypost_server.lab").joinpath("guard_texts", f"{name}.txt").read_text("utf-8")
    return [line for line in content.splitlines() if line and not line.startswith("# ")]


def _attacks(rows: Sequence[dict[str, str]], source: str, name: str) -> Iterable[Lesson]:
    weight = _TRANSLATED if name.endswith("multilingual") else 1.0
    for row in rows:
        talks = row["subtype"] in _TALKS
        kind = FlagKind.JAILBREAK if talks else FlagKind.PROMPT_INJECTION
        yield Lesson(row["text"], source, kind, kind_known=source != "deepset", weight=weight)


def _other_tasks(read: Reader) -> list[Lesson]:
    """Questions and exercises that people give language models."""
    found = []
    for name, count in (("ulab-llmrouter", MOST_OTHER), ("routellm", MOST_OTHER // 2)):
        rows = read(f"llm_outcomes/{name}/outcomes")
        texts = sorted({row["prompt"] for row in rows if len(row["prompt"]) <= LONGEST_OTHER})
        chosen = random.Random(0).sample(texts, min(count, len(texts)))  # noqa: S311  (no secret)
        found += [Lesson(text, name, None, weight=_OTHER_TASKS) for text in chosen]
    return found
