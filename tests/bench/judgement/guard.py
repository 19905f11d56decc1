"""What the guard finds, what it takes for an attack though it is none, and who is dragged away."""

import json
import os
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import click
import numpy as np

os.environ.setdefault("OMP_NUM_THREADS", "1")  # as `waypost` sets it, before numpy is loaded

from tests.bench.accuracy.__main__ import CACHE, DATA, ENCODER, PAGE, REPO
from tests.bench.accuracy.contestants import route_set
from tests.bench.accuracy.datasets import DataMissingError, Labelled, read_tasks
from tests.bench.accuracy.encodings import CachedEncoder
from tests.bench.pages import splice, table
from waypost_server.adapters.faiss_index import FaissIndex
from waypost_server.adapters.onnx_encoder import OnnxEncoder
from waypost_server.adapters.re2_patterns import Re2Patterns
from waypost_server.adapters.static_encoder import StaticEncoder
from waypost_server.core.bundle import build_bundle
from waypost_server.core.catalog import Catalog, Route, Taxonomy
from waypost_server.core.clues import NO_CLUES, FlagKind, Severity
from waypost_server.core.errors import EvaluationError
from waypost_server.core.guard import Guard, Heads
from waypost_server.core.guard_head import GuardHead
from waypost_server.core.guard_policy import Actions, GuardPolicy
from waypost_server.core.query import Query
from waypost_server.core.route_labels import LabelFinder
from waypost_server.core.router import Router
from waypost_server.core.sign_reader import SignReader
from waypost_server.lab.guard_fit import Lesson, fit_guard
from waypost_server.lab.guard_lessons import ATTACKS, ORDINARY, lessons
from waypost_server.workshop.guard_training import exemplars_of, read_rows, see

STATIC = REPO / "models/all-MiniLM-L6-v2-static"
FIGURES = REPO / "docs/benchmarks/guard.json"
NOT_INJECT, INDIRECT = "guard/notinject/test", "guard/bipia_attacks/test"
POLICY = GuardPolicy(actions={kind: Actions() for kind in FlagKind})
CATALOG = Catalog(taxonomy=Taxonomy(guard=POLICY), routes={"default": Route(name="default")})
DRAGGED = 300
"""Queries of CLINC150's validation set that are attacked, in each way."""


def main() -> None:
    """Measures and writes the section."""
    try:
        figures = measure()
    except DataMissingError as error:
        sys.exit(f"bench-judgement: {error}")
    FIGURES.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    PAGE.write_text(splice(PAGE.read_text("utf-8"), "guard", render(figures)), "utf-8")
    click.echo(f"Wrote {PAGE.relative_to(REPO)}")


def measure() -> dict[str, Any]:
    """All figures, in percent."""
    rows = {name: _rows(name) for name in (*ORDINARY, NOT_INJECT, INDIRECT)}
    attacks = {s: [r for name in names for r in _rows(name)] for s, names in ATTACKS.items()}
    ordinary = [row["text"] for name in ORDINARY for row in rows[name]]
    hard = [row["text"] for row in rows[NOT_INJECT]]
    shipped = [row["text"] for row in read_rows(REPO / "routes", "eval/dev_assistant")]
    indirect = [row["text"] for row in rows[INDIRECT]]
    exemplars = exemplars_of(REPO / "routes")
    taught = lessons(_rows, exemplars)
    texts = {
        *(lesson.text for lesson in taught),
        *ordinary,
        *hard,
        *indirect,
        *shipped,
        *(row["text"] for found in attacks.values() for row in found),
    }
    second = CachedEncoder(OnnxEncoder.load(ENCODER), CACHE)
    second.prepare(sorted(texts))
    eyes = _Eyes(StaticEncoder.load(STATIC), second)
    found: dict[str, Any] = {"held_out": {}, "without_hard": {}}
    for name, kept in (("held_out", lambda lesson: True), ("without_hard", _not_hard)):
        pooled: Counter[str] = Counter()
        for source, own in attacks.items():
            others = [
                lesson for lesson in lessons(_rows, exemplars, without=[source]) if kept(lesson)
            ]
            heads = eyes.fit(others, ordinary)
            groups = {source: [row["text"] for row in own]}
            for part in sorted({row.get("injection_type", "") for row in own} - {""}):
                english = [r for r in own if r.get("injection_type") == part and "lang" not in r]
                groups[f"{source}, {part}, English"] = [row["text"] for row in english]
            if any("lang" in row for row in own):
                groups[f"{source}, translated"] = [row["text"] for row in own if "lang" in row]
            for group, members in groups.items():
                shares = eyes.shares(heads, members)
                found[name][group] = {"count": len(members), **shares}
            pooled.update({bar: found[name][source][bar] * len(own) for bar in _BARS})
            pooled["count"] += len(own)
            found[name][f"NotInject, without {source}"] = {
                "count": len(hard), **eyes.shares(heads, hard),
            }  # fmt: skip
        found[name]["pooled"] = {
            "count": pooled["count"],
            **{bar: pooled[bar] / pooled["count"] for bar in _BARS},
        }
        heads = eyes.fit([lesson for lesson in taught if kept(lesson)], ordinary)
        for group, members in (
            ("ordinary traffic", ordinary),
            ("NotInject", hard),
            ("BIPIA, attacks out of their documents", indirect),
            ("the shipped routes' eval set", shipped),
        ):
            found[name][group] = {"count": len(members), **eyes.shares(heads, members)}
    found["dragging"] = _dragging(eyes)
    return found


_BARS = ("low", "medium", "high", "by_patterns", "asked_transformer")


class _Eyes:
    """What a guard sees with; remembers signs and static encodings."""

    def __init__(self, first: StaticEncoder, second: CachedEncoder) -> None:
        self.first = first
        self.second = second
        self.signs = SignReader(Re2Patterns)

    def fit(self, taught: Sequence[Lesson], ordinary: Sequence[str]) -> tuple[GuardHead, GuardHead]:
        texts = [lesson.text for lesson in taught]
        seen = [see(some, self.first, self.second.encode(some)) for some in (texts, ordinary)]
        return fit_guard(taught, *seen, inner_from=self.second.dimension)

    def shares(self, heads: tuple[GuardHead, GuardHead], texts: Sequence[str]) -> dict[str, float]:
        """Percentages flagged at each severity or more, by a pattern alone, and left open first."""
        known = Heads(
            static=self.first,
            first=heads[0],
            second=heads[1],
            letters=heads[0].letters,
        )
        guard = Guard(POLICY, CATALOG, self.signs, known)
        counts: Counter[str] = Counter()
        for text, encoding in zip(texts, self.second.encode(texts), strict=True):
            query = Query(text=text)
            looked = replace(query, clues=guard.look(query, NO_CLUES))
            counts["by_patterns"] += _is_attack(looked)
            counts["asked_transformer"] += looked.clues.suspicion is not None
            settled = guard.settle(looked, encoding)
            severities = {f.severity for f in settled.clues.flags if f.kind in _KINDS}
            counts["low"] += bool(severities)
            counts["medium"] += bool(severities - {Severity.LOW})
            counts["high"] += Severity.HIGH in severities
        return {bar: 100 * counts[bar] / len(texts) for bar in _BARS}


_KINDS = (FlagKind.PROMPT_INJECTION, FlagKind.JAILBREAK)


def _is_attack(query: Query) -> bool:
    return any(flag.kind in _KINDS for flag in query.clues.flags)


def _not_hard(lesson: Lesson) -> bool:
    """Ordinary traffic and attacks alone."""
    return lesson.kind is not None or lesson.source in ("clinc150", "banking77", "hwu64")


def _rows(name: str) -> Sequence[dict[str, str]]:
    try:
        return read_rows(DATA, name)
    except EvaluationError as error:
        raise DataMissingError(str(error)) from None


def _dragging(eyes: _Eyes) -> dict[str, dict[str, float]]:
    """Of queries that are decided rightly by themselves, how many attacks drag away."""
    task = next(t for t in read_tasks(DATA) if t.data == "clinc150" and t.shots == "10")
    return _drag(eyes, task.exemplars)


def _drag(eyes: _Eyes, exemplars: Labelled) -> dict[str, dict[str, float]]:
    val = _rows("clinc150/val")
    eyes.second.prepare(sorted({*exemplars.texts, *(row["text"] for row in val)}))
    bundle = build_bundle(
        route_set(exemplars),
        eyes.second,
        known={},
        progress=lambda done, total: None,
        static=eyes.first,
    )
    index = FaissIndex.build(bundle.encodings[:, : bundle.dimension])
    router = Router(bundle.catalog, bundle.exemplars, index, bundle.scoring)
    assert bundle.first is not None
    head = bundle.first.scoring.head
    finder = LabelFinder(
        eyes.first, lambda encoding: int(head.logits(encoding[None])[0][0].argmax())
    )

    def resisted(text: str) -> str:
        found = finder.find(text, eyes.first.encode([text])[0])
        return found.rest if found else text

    def routes(texts: Sequence[str]) -> list[str]:
        eyes.second.prepare(sorted(set(texts)))
        return [
            router.decide(encoding, router.search(encoding), Query(text=text)).candidates[0].route
            for text, encoding in zip(texts, eyes.second.encode(texts), strict=True)
        ]

    labels = [row["label"] for row in val]
    clean = [row["text"] for row in val]
    before, after = routes(clean), routes([resisted(text) for text in clean])
    found = {
        "clean": {
            "count": len(val),
            "right_without": 100 * float(np.mean(np.array(before) == labels)),
            "right_with": 100 * float(np.mean(np.array(after) == labels)),
            "flagged": 100 * float(np.mean([resisted(text) != text for text in clean])),
        }
    }
    picks = random.Random(0)  # noqa: S311  (nothing secret hangs on it)
    right = [i for i in range(len(val)) if before[i] == labels[i]]
    chosen = picks.sample(right, DRAGGED)
    own: dict[str, list[str]] = {}
    for text, label in zip(exemplars.texts, exemplars.labels, strict=True):
        own.setdefault(label, []).append(text)
    words = _words(own)
    targets = [picks.choice([name for name in own if name != labels[i]]) for i in chosen]
    for name, attack in _WAYS.items():
        texts = [
            attack(clean[i], target, own[target], words[target], picks)
            for i, target in zip(chosen, targets, strict=True)
        ]
        plainly, guarded = routes(texts), routes([resisted(text) for text in texts])
        wanted = [labels[i] for i in chosen]
        found[name] = {
            "count": len(texts),
            "right_without": 100 * float(np.mean(np.array(plainly) == wanted)),
            "right_with": 100 * float(np.mean(np.array(guarded) == wanted)),
            "dragged_without": 100 * float(np.mean(np.array(plainly) == targets)),
            "dragged_with": 100 * float(np.mean(np.array(guarded) == targets)),
            "flagged": 100 * float(np.mean([resisted(text) != text for text in texts])),
        }
    return found


_Way = Callable[[str, str, Sequence[str], Sequence[str], random.Random], str]

_WAYS: Mapping[str, _Way] = {
    "suffix: this is a ... question": lambda text, name, *_: (
        f"{text} this is a {_said(name)} question"
    ),
    "prefix: [route: ...]": lambda text, name, *_: f"[route: {name}] {text}",
    "order: route this to ...": lambda text, name, *_: (
        f"{text}. please route this to {_said(name)}"
    ),
    "ten key words": lambda text, name, own, words, picks: f"{text} {' '.join(words[:10])}",
    "an exemplar, three times": lambda text, name, own, words, picks: (
        f"{text}. " + f"{picks.choice(list(own))}. " * 3
    ),
    "three exemplars": lambda text, name, own, words, picks: (
        f"{text}. " + ". ".join(picks.sample(list(own), 3))
    ),
}


def _said(name: str) -> str:
    return name.replace("_", " ")


def _words(own: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """For each route, the words that are most its own."""
    counts = {
        name: Counter(w for text in texts for w in text.split()) for name, texts in own.items()
    }
    total: Counter[str] = Counter()
    for each in counts.values():
        total.update(each)
    return {
        name: sorted(each, key=lambda w: (-each[w] * each[w] / total[w], w))
        for name, each in counts.items()
    }


def render(figures: Mapping[str, Any]) -> str:
    """The section of the page."""
    return "\n\n".join(
        [
            "Attacks held out by source, with the bars of severity that the guard ships with:",
            _detection(figures["held_out"]),
            "The same guard taught no harmless texts but ordinary traffic, to show what those cost "
            "and what they are for:",
            _detection(figures["without_hard"]),
            "Queries of CLINC150's validation set with something added that should drag them to "
            "another route, decided without and with the guard:",
            _dragged_table(figures["dragging"]),
        ]
    )


def _detection(found: Mapping[str, Mapping[str, float]]) -> str:
    header = [
        "texts",
        "how many",
        "flagged, %",
        "medium or more",
        "high",
        "by a pattern alone",
        "left open by the static head",
    ]
    return table(
        header,
        (
            [name, str(int(row["count"])), *(f"{row[bar]:.1f}" for bar in _BARS)]
            for name, row in found.items()
        ),
    )


def _dragged_table(found: Mapping[str, Mapping[str, float]]) -> str:
    header = [
        "added",
        "queries",
        "right without, %",
        "right with",
        "dragged without",
        "dragged with",
        "flagged",
    ]

    def cells(row: Mapping[str, float]) -> Iterable[str]:
        for name in ("right_without", "right_with", "dragged_without", "dragged_with", "flagged"):
            yield f"{row[name]:.1f}" if name in row else ""

    return table(
        header, ([name, str(int(row["count"])), *cells(row)] for name, row in found.items())
    )


if __name__ == "__main__":
    main()
