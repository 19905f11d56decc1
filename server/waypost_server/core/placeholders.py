"""What stands where a secret would be: documentation, templates and masked keys are full of it."""

import re

_VARIABLE = re.compile(
    r"""(?x)
      \$\{.* | \$\(.* | \$[A-Z_][A-Z0-9_]*      # of a shell
    | %[A-Z_][A-Z0-9_]*% | %\([A-Za-z_]\w*\)s   # of Windows, of Python
    | \{\{.* | \{[A-Za-z_][\w.]*\}?             # of templates
    """
)
_SPOKEN = re.compile(
    r"(?i)(?:your|insert|enter|replace|put|add|change)[_-](?:[a-z]+[_-])*[a-z]*"
    r"(?:key|token|secret|password|passwd|credentials?|here|me|id)(?:[_-]?[0-9]{1,2})?"
)
_OF_DOCUMENTATION = re.compile(r"[A-Z0-9]{4,}EXAMPLE|[A-Za-z0-9+/]{20,}EXAMPLEKEY")
"""As AWS ends the keys in its pages."""

_PART = re.compile(r"[^-_.]+")
_MASKED = re.compile(r"[xX]{6,}|[*\u2022]{4,}|0{16,}")
_LONGEST_TYPE = 5
"""Of what says which key it is, as `ant` or `api03`; what is left of a masked key is as short."""


def is_placeholder(value: str) -> bool:
    """Whether a value that looks like a secret only stands for one."""
    return bool(
        _VARIABLE.fullmatch(value)
        or _SPOKEN.fullmatch(value)
        or _OF_DOCUMENTATION.fullmatch(value)
        or _is_masked(value)
    )


def _is_masked(value: str) -> bool:
    """Of a key's parts some are one letter again and again, and no other could be secret."""
    rests = [_MASKED.sub("", part) for part in _PART.findall(value)]
    return _MASKED.search(value) is not None and all(len(rest) <= _LONGEST_TYPE for rest in rests)
