"""How much a text, looked at by itself, sounds as if it went on where a conversation was.

A query like "yes, please" or "and in Java?" is near no route, or near a wrong one, but it need not
be: what it lacks of a topic of its own says that the old one stays. That takes no encoder.
"""

import re

READ = 400
"""Characters of a text that are looked at: what is longer stands on its own anyway."""

LONGEST = 20
"""Words from which on a longer text does not sound any more independent."""

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# What one says of an offer, at a goodbye or for thanks, and the small words around it.
_ASSENT = _words(
    "absolutely agreed all alright am and awesome bye confirmed cool correct day definitely do "
    "done exactly excellent fine for go good goodbye great have help i i'm indeed is it it's its "
    "just like looks lot love me much nah nice no nope not now ok okay okey perfect please really "
    "right set so sound sounds sure thank thanks that that's thats the too very will wonderful "
    "work works would yeah yep yes you your yup"
)

# What stands for something that was said before.
_REFERS = _words(
    "another else he her him his it it's its one ones other same she that that's thats their them "
    "these they they're this those"
)

# How one asks for something new.
_BEGINS = _words("book buy find get help looking need needs reserve search show wanna want")

_ASKS = _words(
    "are can could did do does had has have how is was what what's when where which who why will "
    "would"
)

_GOES_ON = _words("and or")

_SPEAKER = _words("i i'd i'm me my")

FEATURES = (
    "always",
    "words",
    "at most 3 words",
    "at most 6 words",
    "assent, share",
    "nothing but assent",
    "refers back",
    "asks for something",
    "begins with and, or",
    "a question that refers to nothing",
    "the speaker",
)
"""What `features_of` sees, in its order."""

WEIGHTS = (2.36, -2.44, 4.03, 0.39, 2.69, 3.66, 1.01, -0.60, 0.92, -1.31, -0.30)
"""Log-odds that each adds, fitted on the users' turns of SGD (Rastogi et al. 2020, train) together
with `PREVIOUS_WEIGHT` and `OTHER_WEIGHT`, by `tests/bench/judgement/conversation_fit.py`."""


def features_of(text: str) -> tuple[float, ...]:
    """What is seen of a text, as in `FEATURES`: a number of words in tens, shares, 0 or 1."""
    words = _WORD.findall(text[:READ].lower().replace("\u2019", "'"))
    if not words:
        return (1.0, *(0.0 for _ in FEATURES[1:]))
    count = len(words)
    assent = sum(map(_ASSENT.__contains__, words))
    refers = not _REFERS.isdisjoint(words)
    return (
        1.0,
        min(count, LONGEST) / 10,
        float(count <= 3),
        float(count <= 6),
        assent / count,
        float(assent == count),
        float(refers),
        float(not _BEGINS.isdisjoint(words)),
        float(words[0] in _GOES_ON),
        float(words[0] in _ASKS and not refers),
        float(not _SPEAKER.isdisjoint(words)),
    )


def followup_log_odds(text: str) -> float:
    """Log-odds that a text goes on where the conversation was, before its topic is looked at."""
    return sum(map(float.__mul__, WEIGHTS, features_of(text)))
