"""What rules cost a query: `python -m tests.bench.judgement.rules`."""

import json
import random
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.bench.pages import splice, table
from waypost_server.adapters.re2_patterns import Re2Patterns
from waypost_server.core.clues import NO_CLUES
from waypost_server.core.query import Query
from waypost_server.core.rule_stage import END, RuleStage
from waypost_server.core.rules import Condition, Rule, Rules

REPO = Path(__file__).parents[3]
RAW = REPO / "docs/benchmarks/rules.json"
PAGE = REPO / "docs/benchmarks.md"
QUERIES = REPO / "routes/eval/dev_assistant.jsonl"
COUNTS = (10, 100, 1_000)
ROUNDS = 5
ADVERSE = r"[ab]*a[ab]{900}c"
"""As large as one may be, and RE2 makes a new state of it with almost every new character."""


def main() -> None:
    """Measures, and writes the section and the raw figures."""
    texts = [json.loads(line)["text"] for line in QUERIES.read_text("utf-8").splitlines()]
    words = sorted({word for text in texts for word in text.lower().split() if word.isalpha()})
    found = {
        "queries": len(texts),
        "characters": statistics.median(map(len, texts)),
        "rules": [_measured(count, texts, words) for count in COUNTS],
        "adverse_ms": _adverse(),
    }
    RAW.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    PAGE.write_text(splice(PAGE.read_text("utf-8"), "rules", render(found)), "utf-8")


def rules(count: int, words: Sequence[str]) -> Rules:
    """Rules of all kinds; of ten, four name words that occur in the queries."""
    rng = random.Random(count)  # noqa: S311
    kinds: list[Callable[[int], Condition]] = [
        *[lambda i: Condition(any_keyword=tuple(rng.sample(words, 3)))] * 2,
        lambda i: Condition(any_keyword=(" ".join(rng.sample(words, 2)),)),
        lambda i: Condition(
            all_keywords=tuple(rng.sample(words, 2)), no_keyword=(rng.choice(words),)
        ),
        *[lambda i: Condition(regex=(rf"(?i)\b{rng.choice(words)}[ -]?{i}\b",))] * 2,
        lambda i: Condition(metadata={"plan": (f"p{i}",)}),
        lambda i: Condition(tenants=(f"t{i}", f"u{i}")),
        lambda i: Condition(task_types=(f"type{i}",)),
        lambda i: Condition(
            min_tokens=i, not_of=Condition(tenants=("trial",)), any_keyword=(f"word{i}",)
        ),
    ]
    return Rules(
        rules=tuple(
            Rule(name=f"r{i}", when=kinds[i % len(kinds)](i), boost={"x": 0.1})
            for i in range(count)
        )
    )


def _measured(count: int, texts: Sequence[str], words: Sequence[str]) -> dict[str, float]:
    made = rules(count, words)
    began = time.perf_counter()
    stage = RuleStage(made, Re2Patterns)
    loaded = time.perf_counter() - began
    queries = [Query(text=text, tenant="t7", metadata={"task_type": "type8"}) for text in texts]
    took = sorted(statistics.median(_times(stage, query)) for query in queries)
    long = Query(text=(" ".join(texts) * 2)[: 2 * END])
    fired = sum(len(stage.fired(query)) for query in queries)
    return {
        "count": count,
        "fired": fired / len(queries),
        "p50_us": took[len(took) // 2],
        "p99_us": took[len(took) * 99 // 100],
        "long_us": statistics.median(_times(stage, long)),
        "load_ms": loaded * 1e3,
    }


def _times(stage: RuleStage, query: Query) -> list[float]:
    """Microseconds of each round."""
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter_ns()
        stage(query, NO_CLUES)
        times.append((time.perf_counter_ns() - began) / 1e3)
    return times


def _adverse() -> float:
    """Milliseconds for the longest text that is read, new each time, and one expression."""
    made = Rules(rules=(Rule(name="x", when=Condition(regex=(ADVERSE,)), forbid=("x",)),))
    stage = RuleStage(made, Re2Patterns)
    rng = random.Random(1)  # noqa: S311
    times = []
    for _ in range(ROUNDS):
        query = Query(text="".join(rng.choices("ab", k=2 * END)))
        began = time.perf_counter()
        stage(query, NO_CLUES)
        times.append((time.perf_counter() - began) * 1e3)
    return statistics.median(times)


def render(found: dict[str, object]) -> str:
    """The section."""
    measured: list[dict[str, float]] = found["rules"]  # type: ignore[assignment]
    rows = [
        [
            f"{row['count']:,}",
            f"{row['fired']:.1f}",
            f"{row['p50_us']:.0f}",
            f"{row['p99_us']:.0f}",
            f"{row['long_us']:.0f}",
            f"{row['load_ms']:.0f}",
        ]
        for row in measured
    ]
    header = [
        "rules",
        "fire per query",
        "p50, microseconds",
        "p99",
        f"a text of {2 * END:,} characters or more",
        "load, ms",
    ]
    return "\n\n".join(
        [
            f"The {found['queries']} queries of the shipped evaluation set, "
            f"{found['characters']:.0f} characters in the median, with a tenant and a task type:",
            table(header, rows),
            f"The largest expression that is let in and a text made to be slow for it (`{ADVERSE}` "
            f"on {2 * END:,} letters a and b by lot) take {found['adverse_ms']:.0f} ms, once.",
        ]
    )


if __name__ == "__main__":
    main()
