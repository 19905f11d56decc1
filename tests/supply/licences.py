"""The licences of packages, as SPDX expressions."""

import re
from email.message import Message
from importlib.metadata import PackageNotFoundError, distribution
from typing import cast

SPELLINGS = {
    "apache": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "3-clause bsd license": "BSD-3-Clause",
    "bsd 2-clause license": "BSD-2-Clause",
    "bsd 3-clause license": "BSD-3-Clause",
    "mit license": "MIT",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
}
"""What packages call a licence, and its SPDX identifier."""

BY_HAND = {
    "colorama": "BSD-3-Clause",
    "google-re2": "BSD-3-Clause",
    "httpx2-jsfetch": "BSD-3-Clause",
    "uvloop": "MIT OR Apache-2.0",
}
"""Of packages that are installed on other systems alone, or whose metadata is vague. Read in the
licence files of the wheels of colorama 0.4.6, google-re2 1.1.20251105, httpx2-jsfetch 1.0 and
uvloop 0.23.0, whose hashes are those of the lock. google-re2 has Abseil (Apache-2.0) linked into
it, and uvloop libuv (MIT), of which their licence files say nothing."""

ALLOWED = {
    *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "MIT-0"),
    *("MPL-2.0", "PSF-2.0", "Zlib"),
}
"""None asks for the source of what is merely used beside it; MPL-2.0 asks for that of its own files
where they are changed."""

LESSER = dict[str, str]()
"""Packages under LGPL, and why each may be there; there is none."""

_SIMPLE = re.compile(r"[A-Za-z0-9.+-]+")


def licence_of(name: str) -> str:
    """A package's licence as an SPDX expression; empty where it is not known."""
    if name in BY_HAND:
        return BY_HAND[name]
    try:
        about = cast(Message, distribution(name).metadata)  # its type hides that a field may lack
    except PackageNotFoundError:
        return ""
    if expression := about["License-Expression"]:
        return str(expression)
    classifiers = about.get_all("Classifier") or []
    said = [str(about["License"] or ""), *(line.rpartition(" :: ")[2] for line in classifiers)]
    for one in said:
        if is_known(one):
            return one
        if one.lower() in SPELLINGS:
            return SPELLINGS[one.lower()]
    return ""


def identifiers(expression: str) -> set[str]:
    """The licences that an expression names."""
    return set(_SIMPLE.findall(expression)) - {"AND", "OR", "WITH"}


def is_known(expression: str) -> bool:
    """Whether all licences of an expression are allowed ones."""
    return bool(identifiers(expression)) and identifiers(expression) <= ALLOWED
