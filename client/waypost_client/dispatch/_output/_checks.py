"""What an answer must pass before it is given to the user."""

from dataclasses import dataclass
from functools import lru_cache

from waypost_client import Judge, OutputChecks
from waypost_client.dispatch._output._regex import Regex, RegexError, text_regex
from waypost_client.dispatch._output._schema import JsonSchema, SchemaError
from waypost_client.dispatch._output._text import unfenced, well_formed

_POLICIES = 256
"""Compiled policies that are kept: more than the routes of a large table."""


class PolicyError(ValueError):
    """A policy cannot be carried out as it stands; the sentence names the part of it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Checks:
    """The checks of one policy, compiled.

    An answer that fails a hard check is not what was asked for and is never given to the user. One
    that fails nothing but soft checks is poor, and may be given when there is no better one.

    Attributes:
        schema: what the answer's JSON must fit; hard.
        regex: what must match somewhere in the answer; hard.
        min_confidence: least confidence, in (0, 1]; 0 for any; soft.
        judge: whom to ask for a score; soft; it is the caller who asks.
    """

    schema: JsonSchema | None
    regex: Regex[str] | None
    min_confidence: float
    judge: Judge | None

    @property
    def has_hard(self) -> bool:
        """Whether an answer may fail so that it is never given to the user."""
        return self.schema is not None or self.regex is not None

    @property
    def has_soft(self) -> bool:
        """Whether an answer may fail and still be given when there is no better one."""
        return self.min_confidence > 0 or self.judge is not None

    @property
    def needs_whole(self) -> bool:
        """Whether an answer can only be shown when all of it is there."""
        return self.has_hard or self.has_soft

    def clean(self, text: str) -> str:
        """The answer as the user gets it: bare JSON where JSON is asked for, else unchanged."""
        return text if self.schema is None else unfenced(text)

    def problem(self, text: str, confidence: float | None) -> str | None:
        """Why an answer does not do, in a sentence without its text; None when it does.

        Args:
            text: the whole answer, cleaned or not.
            confidence: geometric mean of its tokens' probabilities, in (0, 1]; None for unknown.
        """
        return self.hard_problem(text) or self.soft_problem(confidence)

    def hard_problem(self, text: str) -> str | None:
        """As `problem`, of the hard checks."""
        text = self.clean(text)
        if self.schema is not None and (found := self.schema.problem(text)) is not None:
            return found
        if self.regex is not None and self.regex.search(well_formed(text)) is None:
            return "The answer does not match the regular expression."
        return None

    def soft_problem(self, confidence: float | None) -> str | None:
        """As `problem`, of the least confidence; the judge is for the caller to ask."""
        if self.min_confidence <= 0:
            return None
        if confidence is None:
            return "The model gives no token probabilities, so the least confidence is not reached."
        # Written so that not-a-number does not pass.
        if not confidence >= self.min_confidence:
            return f"The confidence of {confidence:.3f} is below {self.min_confidence:g}."
        return None


@lru_cache(maxsize=_POLICIES)
def compile_checks(checks: OutputChecks) -> Checks:
    """The checks of a policy, ready to use; the same object for the same policy.

    Raises:
        PolicyError: a schema, an expression or a number in it is invalid.
    """
    if not 0 <= checks.min_confidence <= 1:
        raise PolicyError(f"checks.min_confidence: {checks.min_confidence:g} is not in [0, 1].")
    try:
        schema = JsonSchema(checks.json_schema) if checks.json_schema else None
    except SchemaError as error:
        raise PolicyError(f"checks.json_schema: {error}.") from None
    try:
        regex = text_regex(checks.regex) if checks.regex else None
    except RegexError as error:
        raise PolicyError(f"checks.regex: RE2 does not know it: {error}.") from None
    return Checks(
        schema=schema, regex=regex, min_confidence=checks.min_confidence, judge=checks.judge
    )
