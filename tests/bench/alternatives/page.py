"""The figures as Markdown."""

from collections.abc import Iterable, Mapping
from statistics import fmean

from tests.bench.accuracy.report import MISSING, TITLES
from tests.bench.alternatives.contest import ALTERNATIVES, Column, Found
from tests.bench.pages import table
from waypost_server.lab.comparison import SIGNIFICANT

Key = tuple[str, str]
"""Data set, exemplars a route."""

Columns = Mapping[Key, Column]
Finds = Mapping[str, Mapping[Key, Found]]
"""By alternative, and by column where it could be tried."""


def render(columns: Columns, setting: str) -> str:
    """Both tables, below `setting`: with what it was measured, in one sentence."""
    finds = {
        name: {key: column.found[name] for key, column in columns.items() if name in column.found}
        for name in ALTERNATIVES
        if any(name in column.found for column in columns.values())
    }
    return "\n\n".join([setting, _accuracies(columns, finds), _settings(columns, finds)])


def _accuracies(columns: Columns, finds: Finds) -> str:
    ours = [f"**{100 * column.waypost:.1f}**" for column in columns.values()]
    rows = [
        [
            name,
            *(_accuracy(found.get(key)) for key in columns),
            _points(found[key].accuracy - columns[key].waypost for key in found),
            _beyond_noise(columns, found),
        ]
        for name, found in finds.items()
    ]
    header = ["", *_titles(columns), "mean less Waypost's", "beyond noise"]
    return table(header, [*rows, ["Waypost", *ours, "", ""]])


def _settings(columns: Columns, finds: Finds) -> str:
    rows = [
        [
            name,
            *(found[key].setting if key in found else MISSING for key in columns),
            *_one_for_all(columns, found),
        ]
        for name, found in finds.items()
        if any(one.setting for one in found.values())
    ]
    header = ["", *_titles(columns), "one for all", "its mean less Waypost's"]
    return "The settings that did best:\n\n" + table(header, rows)


def _one_for_all(columns: Columns, found: Mapping[Key, Found]) -> tuple[str, str]:
    """The setting that is best on the mean of all columns, and what it comes to."""
    settings = next(iter(found.values())).tried
    best = max(settings, key=lambda setting: sum(one.tried[setting] for one in found.values()))
    return best, _points(one.tried[best] - columns[key].waypost for key, one in found.items())


def _accuracy(found: Found | None) -> str:
    if found is None:
        return MISSING
    p_value = "< 0.001" if found.p_value < 0.001 else f"{found.p_value:.3f}"
    return f"{100 * found.accuracy:.1f} ({p_value})"


def _points(differences: Iterable[float]) -> str:
    rounded = round(100 * fmean(differences), 1) + 0.0  # no minus before a zero
    return f"{rounded:+.1f}"


def _beyond_noise(columns: Columns, found: Mapping[Key, Found]) -> str:
    beyond = [
        one.accuracy > columns[key].waypost
        for key, one in found.items()
        if one.p_value < SIGNIFICANT
    ]
    return f"worse in {beyond.count(False)}, better in {beyond.count(True)} of {len(found)}"


def _titles(columns: Columns) -> list[str]:
    return [f"{TITLES[data]}, {shots}" for data, shots in columns]
