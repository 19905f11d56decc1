"""Takes the figures that pages cite over from the benchmarks; names what no longer holds."""

import sys

from tests.bench.cited.claims import mistakes_of, rewritten
from tests.bench.cited.pages import CLAIMS
from tests.bench.cited.sources import ROOT


def main() -> int:
    """Writes the pages; 1 where somebody has to look."""
    left = []
    for name, claims in CLAIMS.items():
        path = ROOT / name
        page = path.read_text("utf-8")
        if (new := rewritten(page, claims)) != page:
            path.write_text(new, "utf-8")
            sys.stdout.write(f"{name}: written\n")
        left += [f"{name}: {one}\n" for one in mistakes_of(new, claims)]
    sys.stdout.writelines(left)
    return min(1, len(left))


if __name__ == "__main__":
    sys.exit(main())
