"""What other engines know in a regular expression and RE2 does not, and what to write instead."""

import re
from collections.abc import Iterator

MAX_REPEATS = 1000
"""Of one counted repetition; RE2's own limit."""

_TOKEN = re.compile(
    r"""
    \\(?P<escape>.)
    # In a set all that follows here is plain text.
    | (?P<set>\[\^?\]?(?:\\.|\[:\^?[a-z]+:\]|[^\]\\])*\])
    | \(\?(?P<group>P=|<?[=!]|[(>\#])
    | \(\?(?P<flags>[A-Za-z-]+)[:)]
    | (?P<possessive>(?:[*+?]|\{\d+(?:,\d*)?\})\+)
    | \{(?P<counts>\d*(?:,\d*)?)\}
    """,
    re.VERBOSE | re.DOTALL,
)

_ESCAPES = {
    **dict.fromkeys("123456789", "a backreference; write the text out again"),
    "Z": r"\Z; write $ for the end",
    **dict.fromkeys("uUN", r"an escape that names a character; write the character itself or \x"),
}

_GROUPS = {
    **dict.fromkeys(("=", "!", "<=", "<!"), "a look-around; match the text itself"),
    "P=": "a backreference; write the text out again",
    "(": "a condition; write the alternatives out with |",
    ">": "an atomic group; write a plain one",
    "#": "a comment; write it beside the expression",
}


def lacking(pattern: str) -> str | None:
    """What RE2 lacks of an expression that it refuses, and the cure; None if nothing is known."""
    return next(_foreign(pattern), None)


def literal_repeat(pattern: str) -> str | None:
    """A repetition without its lower count, which RE2 takes for plain text, and the cure."""
    for token in _TOKEN.finditer(pattern):
        counts = token["counts"] or ""
        if counts.startswith(","):
            return f"{{{counts}}}; write {{0{counts}}}"
    return None


def _foreign(pattern: str) -> Iterator[str]:
    for token in _TOKEN.finditer(pattern):
        match token.lastgroup:
            case "escape" if what := _foreign_escape(token["escape"]):
                yield what
            case "set":
                escapes = re.findall(r"\\(.)", token["set"], re.DOTALL)
                yield from filter(None, map(_foreign_in_set, escapes))
            case "group":
                yield _GROUPS[token["group"]]
            case "flags" if set(token["flags"]) - set("ims-"):
                yield f"the flags {token['flags']}; use i, m and s alone"
            case "possessive":
                yield "a possessive repetition; write a plain one"
            case "counts" if _many(token["counts"]):
                yield f"more than {MAX_REPEATS:,} repetitions; write fewer"
            case _:
                pass


def _foreign_escape(char: str) -> str | None:
    # RE2 lets punctuation of ASCII alone be escaped to no purpose.
    return _ESCAPES.get(char) or (None if char.isascii() else f"\\{char}; write {char}")


def _foreign_in_set(char: str) -> str | None:
    return _ESCAPES["u"] if char in "b123456789" else _foreign_escape(char)


def _many(counts: str) -> bool:
    digits = len(str(MAX_REPEATS))
    return any(len(count) > digits or int(count or 0) > MAX_REPEATS for count in counts.split(","))
