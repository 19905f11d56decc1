"""Libraries that wheels bring along beside their own code, which no metadata tells of."""

import re
from collections.abc import Collection
from importlib.metadata import PackageNotFoundError, files

LICENCES = {
    "libgfortran": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "libgomp": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "libopenblaso": "BSD-3-Clause",
    "libquadmath": "LGPL-2.1-or-later",
    "libscipy_openblas64_": "BSD-3-Clause",
}
"""By name. GCC's exception lets programs of any licence use its run-time libraries; libquadmath is
linked dynamically and can be exchanged, which is what LGPL asks for."""

_LIBRARY = re.compile(r"\.libs/(lib[A-Za-z0-9_]+?)-[^/]*\.so[.0-9]*$")


def bundled(packages: Collection[str]) -> set[str]:
    """Names of the libraries that the installed wheels of these packages bring along."""
    found: set[str] = set()
    for name in packages:
        try:
            paths = [path.as_posix() for path in files(name) or ()]
        except PackageNotFoundError:
            continue
        found |= {match[1] for path in paths if (match := _LIBRARY.search(path))}
    return found
