"""The guard: looks at every query before anything else does.

Patterns are sure of what they know. For the rest the static encoder's head looks at everything;
where it is not sure that the query is harmless, what it found stays open as a suspicion, and the
transformer's head settles it: no rule, cache or first stage decides about such a query before.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from waypost_server.core.catalog import Catalog
from waypost_server.core.clues import Clues, Flag, FlagKind, Severity, Suspicion
from waypost_server.core.decision import Decision
from waypost_server.core.guard_actions import act, failed, worst_of
from waypost_server.core.guard_head import Bars, GuardHead, kind_of
from waypost_server.core.guard_letters import LetterHead
from waypost_server.core.guard_policy import GuardPolicy, KindActions
from waypost_server.core.guard_routes import keep_from_route, note_for_route
from waypost_server.core.guard_signs import WEIGHTS
from waypost_server.core.personal import personal_flags
from waypost_server.core.ports import Encoder, Encodings
from waypost_server.core.query import Query
from waypost_server.core.route_labels import LabelFinder
from waypost_server.core.sign_reader import SignReader, weight_of

ATTACKS = frozenset((FlagKind.PROMPT_INJECTION, FlagKind.JAILBREAK))

WINDOW, MOST_WINDOWS = 1_000, 16
"""Characters that are looked at together, and how often: of a longer text what stands first would
hide the rest, since an encoder reads 256 tokens."""

SENTENCE, MOST_SENTENCES = 12, 24
"""Characters from which on a sentence is looked at by itself, and how many are: an attack is often
one among harmless ones."""

_ENDS = re.compile(r"(?<=[.!?;\n。！？])\s*")  # noqa: RUF001  (as they are written there)

BY_SIGNS = Bars(low=WEIGHTS[Severity.MEDIUM], medium=2 * WEIGHTS[Severity.MEDIUM], high=math.inf)
"""Where there is no head: signs that ordinary people write too are worth a note, several a look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heads:
    """What looks besides patterns.

    Attributes:
        static: the static encoder; None where there is none.
        first: its head; None without one.
        second: the transformer's head; None without one.
        letters: the head over runs of letters, whose logit the others' bars take for granted; None
            without them.
    """

    static: Encoder | None = None
    first: GuardHead | None = None
    second: GuardHead | None = None
    letters: LetterHead | None = None


class Guard:
    """Finds attacks, personal data and secrets; does what the policy says. Thread-safe."""

    def __init__(
        self,
        policy: GuardPolicy,
        catalog: Catalog,
        signs: SignReader,
        heads: Heads,
        *,
        labels: LabelFinder | None = None,
        on_error: Callable[[Exception], None] = lambda error: None,
    ) -> None:
        """Takes all that it looks with.

        Args:
            policy: what to do.
            catalog: of the bundle.
            signs: reads the patterns.
            heads: what looks besides patterns.
            labels: finds what drags a query to another route; None where nothing can tell.
            on_error: told what the guard fails of; it must not show the error's text, in which the
                query may stand.
        """
        self._policy = policy
        self._catalog = catalog
        self._signs = signs
        self._heads = heads
        self._labels = labels
        self._on_error = on_error

    def look(self, query: Query, clues: Clues) -> Clues:
        """Adds what is found before the transformer encodes the query."""
        try:
            return self._look(query, clues)
        except Exception as error:  # noqa: BLE001  (what then, the policy says)
            return self._failed(clues, error)

    def settle(self, query: Query, encoding: Encodings | None) -> Query:
        """Settles a suspicion by the query's encoding, or without one by what is known."""
        clues, suspicion = query.clues, query.clues.suspicion
        if suspicion is None:
            return query
        try:
            flags = self._settled(suspicion, encoding)
            actions = self._policy.of_tenant(query.tenant)
            settled = self._acted(replace(clues, suspicion=None), flags, actions)
        except Exception as error:  # noqa: BLE001  (as above)
            settled = self._failed(clues, error)
        return replace(query, clues=settled)

    def note(self, query: Query, decision: Decision) -> Query:
        """Adds what the routes that may get a query say of what was found in it."""
        return note_for_route(query, decision, self._catalog)

    def complete(self, query: Query, decision: Decision) -> Decision:
        """Keeps from a route what it must not have."""
        return keep_from_route(query, decision, self._catalog)

    def _look(self, query: Query, clues: Clues) -> Clues:
        text, actions = query.text, self._policy.of_tenant(query.tenant)
        flags = list(personal_flags(text, actions.keys()))
        seen = windows(text)
        static = None if self._heads.static is None else self._heads.static.encode(seen)
        if not ATTACKS.isdisjoint(actions):
            signs = self._signs.read(text)
            sure = [flag for flag in signs if flag.severity is Severity.HIGH]
            flags += sure
            suspicion = None if sure else self._suspicion(seen, static, signs)
            if suspicion and self._heads.second is None:
                flags += self._settled(suspicion, None)
            elif suspicion:
                clues = replace(clues, suspicion=suspicion)
        if static is not None:
            clues = replace(clues, static=static[0])
            flags, clues = self._undragged(text, static[0], actions, flags, clues)
        return self._acted(clues, flags, actions)

    def _undragged(
        self,
        text: str,
        static: Encodings,
        actions: KindActions,
        flags: list[Flag],
        clues: Clues,
    ) -> tuple[list[Flag], Clues]:
        if self._labels is None or FlagKind.ROUTE_MANIPULATION not in actions:
            return flags, clues
        labelled = self._labels.find(text, static)
        if labelled is None:
            return flags, clues
        flags = [*flags, *map(_dragged, labelled.spans)]
        suspicion = clues.suspicion and replace(clues.suspicion, is_cut=True)
        return flags, replace(
            clues, relevant_text=labelled.rest, static=labelled.static, suspicion=suspicion
        )

    def _acted(self, clues: Clues, flags: Sequence[Flag], actions: KindActions) -> Clues:
        clues = act(clues, flags, actions, self._policy, self._catalog)
        return replace(clues, suspicion=None) if clues.verdict else clues

    def _suspicion(
        self, seen: Sequence[str], static: Encodings | None, signs: Sequence[Flag]
    ) -> Suspicion | None:
        """What must be settled: None where the static head is sure of the query's innocence."""
        weight, letters = weight_of(signs), self._heads.letters
        if letters is not None:
            weight += max(map(letters.logit, seen))
        jailbreak = sum(1.0 if flag.kind is FlagKind.JAILBREAK else -1.0 for flag in signs)
        first = self._heads.first
        if first is None or static is None:
            return Suspicion(None, jailbreak, weight)
        attack, jailbreak = max(map(first.logits, static))
        return None if attack + weight < first.unsure else Suspicion(attack, jailbreak, weight)

    def _settled(self, suspicion: Suspicion, encoding: Encodings | None) -> list[Flag]:
        """What a suspicion comes to, once all is known that will be."""
        flags = self._weighed(suspicion, encoding)
        if suspicion.is_cut and encoding is not None:  # of what was cut off, the first head knows
            flags += self._weighed(suspicion, None)
        worst = worst_of(flags)
        return [worst] if worst else []

    def _weighed(self, suspicion: Suspicion, encoding: Encodings | None) -> list[Flag]:
        known = [] if suspicion.static is None else [(suspicion.static, suspicion.jailbreak)]
        bars = self._heads.first.bars if self._heads.first and known else BY_SIGNS
        if encoding is not None and self._heads.second is not None:
            second = self._heads.second
            bars = second.bars if known else second.alone or second.bars
            known.append(second.logits(encoding))
        attack, jailbreak = (
            (sum(logits) / len(known) for logits in zip(*known, strict=True))
            if known
            else (0.0, suspicion.jailbreak)
        )
        severity = bars.severity(attack + suspicion.signs)
        if severity is None:
            return []
        detector = "classifier" if known else "signs"
        return [Flag(kind=kind_of(jailbreak), severity=severity, detector=detector)]

    def _failed(self, clues: Clues, error: Exception) -> Clues:
        self._on_error(error)
        return failed(clues, self._policy, self._catalog)


def windows(text: str) -> list[str]:
    """What is looked at before the transformer: the whole, and its sentences or longer parts."""
    if len(text) <= WINDOW:
        sentences = [part for part in _ENDS.split(text) if len(part) >= SENTENCE]
        return [text, *sentences[:MOST_SENTENCES]] if len(sentences) > 1 else [text]
    step = max(WINDOW, -(-len(text) // MOST_WINDOWS))
    return [text, *(text[start : start + step] for start in range(step, len(text), step))]


def _dragged(span: tuple[int, int]) -> Flag:
    start, end = span
    return Flag(
        kind=FlagKind.ROUTE_MANIPULATION,
        start=start,
        end=end,
        severity=Severity.MEDIUM,
        detector="label",
    )
