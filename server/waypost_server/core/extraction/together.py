"""What a route's extractors look for, looked for together: words once, expressions in one pass."""

from collections.abc import Callable, Collection, Mapping, Sequence

from waypost_server.core.extraction.phrases import Candidate, Phrases
from waypost_server.core.extraction.text import Text
from waypost_server.core.ports import PatternSet

MakePatternSet = Callable[[Sequence[str]], PatternSet]
"""Raises ValueError where the expressions are too large together."""


class Together:
    """Collects the tables and expressions of a route's extractors, then looks for all at once.

    Args:
        pattern_set: makes the set of expressions; None to look for each alone.
    """

    def __init__(self, pattern_set: MakePatternSet | None = None) -> None:
        self._make_set = pattern_set
        self._tables: list[Phrases] = []
        self._patterns: list[str] = []
        self._rows: dict[str, tuple[tuple[Phrases, Candidate], ...]] = {}
        self._set: PatternSet | None = None

    def add_table(self, table: Phrases) -> Phrases:
        """The same table, whose words are looked up with those of the others."""
        self._tables.append(table)
        return table

    def add_pattern(self, regex: str) -> int:
        """The expression's position among those of the route."""
        self._patterns.append(regex)
        return len(self._patterns) - 1

    def close(self) -> "Together":
        """Itself, after the last table and expression."""
        rows: dict[str, list[tuple[Phrases, Candidate]]] = {}
        for table in self._tables:
            for word, phrases in table.first_words.items():
                rows.setdefault(word, []).append((table, phrases))
        self._rows = {word: tuple(found) for word, found in rows.items()}
        # One expression alone is found as fast without a set.
        if self._make_set and len(self._patterns) > 1:
            try:
                self._set = self._make_set(self._patterns)
            except ValueError:  # too large together, which each alone may be
                self._set = None
        return self

    def candidates(self, text: Text) -> Mapping[object, Sequence[tuple[int, Candidate]]]:
        """By table, the places where its phrases may begin, in order, and these."""
        rows, folded = self._rows, text.folded
        found: dict[object, list[tuple[int, Candidate]]] = {table: [] for table in self._tables}
        for place, word in enumerate(folded):
            if word in rows:
                for table, phrases in rows[word]:
                    found[table].append((place, phrases))
        touched = set()
        for place, stem in text.stems:
            for table, phrases in rows.get(stem, ()):
                if folded[place] not in table.first_words:
                    found[table].append((place, phrases))
                    touched.add(table)
        for table in touched:
            found[table].sort(key=lambda one: one[0])
        return found

    def matching(self, text: Text) -> Collection[int] | None:
        """Positions of the expressions that match; None where that is not known."""
        return self._set.matching(text.text) if self._set else None
