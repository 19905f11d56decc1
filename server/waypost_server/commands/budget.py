"""`waypost budget`."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from waypost_server.core.shared_budgets import Line


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array for a program.")
def budget(as_json: bool) -> None:
    """Show what tenants have spent in this period, and what is left, in US dollars.

    Reserved is what decisions set apart whose answers were not reported yet. Reads the database of
    WAYPOST_DATABASE; a server need not run, and one that runs tells its last seconds late.
    """
    from waypost_server.settings import Settings
    from waypost_server.wiring.budgeting import database_budgets

    state = database_budgets(Settings.load())
    try:
        lines = state.lines()
    finally:
        state.close()
    if as_json:
        click.echo(json.dumps([_fields(line) for line in lines], indent=2))
    else:
        click.echo(budgets_text(lines))


def budgets_text(lines: Sequence["Line"]) -> str:
    """The budgets as a table."""
    if not lines:
        return "no tenant's budget was used yet"
    width = max(len("tenant"), *(len(line.tenant) for line in lines))
    head = f"{'tenant':<{width}}  {'budget':>10}  {'spent':>10}  {'reserved':>10}  {'left':>10}"
    rows = [
        f"{line.tenant:<{width}}  {line.limit:>10.2f}  {line.spent:>10.4f}  "
        f"{line.reserved:>10.4f}  {_left(line):>10.4f}  since {_since(line)}"
        for line in lines
    ]
    return "\n".join([f"{head}  in US dollars", *rows])


def _fields(line: "Line") -> dict[str, object]:
    return {**asdict(line), "period": _since(line), "left": _left(line)}


def _left(line: "Line") -> float:
    return max(0.0, line.limit - line.spent - line.reserved)


def _since(line: "Line") -> str:
    return datetime.fromtimestamp(line.period, UTC).isoformat()
