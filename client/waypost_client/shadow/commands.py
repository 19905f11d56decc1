"""`waypost shadow`; needs click, which comes with the server extra."""

import json
from pathlib import Path

import click

from waypost_client.commands import CallFailed, json_option
from waypost_client.shadow._reading import Lines, NoShadowLogError, read_runs
from waypost_client.shadow._report import report_json, report_of
from waypost_client.shadow._text import report_text

# \b keeps click from filling the lines of a block.
_REPORT_HELP = """Say how candidates did beside the live answers, from the dispatcher's logs.

A candidate is an entry of `shadows` in fleet.yaml: it answers a share of the queries a second
time, and nobody sees its answers. Say what differs, at least one of models, prompt and router:

\b
  shadows:
    cheaper-review:
      share: 0.1                 # of the queries, 0 to 1
      routes: [code_review]      # absent: all routes
      models: [small-local]      # asked in turn; absent: the specialist's
    monolith:
      share: 0.05
      prompt: monolith.md        # one prompt for all routes
    next-routes:
      share: 0.02
      router: 127.0.0.1:50052    # a second server with other routes

Build the index and let the server take it up; no dispatcher needs to start again. Candidates
run where a dispatcher has a file to record them in: Dispatcher(address,
shadow_log=Path("shadow.jsonl")). The file has no word of a query or an answer, unless
shadow_texts=True.

Both columns of the table are of the same queries. The difference is the candidate's less the
live figure, and the last column says "better" or "worse" where its 95% interval leaves out
zero, "no difference shown" where it does not, and "too few" below 30 queries. Of twenty rows
without any difference one will show one by luck.

\b
  answered   a specialist of the decided route answered, all checks passed
  fell back  the specialist of the fallback route answered in its place
  rejected   a specialist said that the query is not its own, whoever answered then
  failed     there was no answer
  latency    from the query to the whole answer, where both have one; the difference is the
             median of the queries' own
  cost       of all calls, those that failed too, as far as prices are known

A live query that is rejected is routed again; a candidate's goes to the fallback route, unless
it has a router of its own. Not compared are runs that were cancelled on either side, and those
left out: none of the candidate's models may be called now (not_callable), its calls have
effects (not_idempotent), the live decision calls nobody (no_specialist).

Intervals: Wilson's of a share, Newcombe's of a difference of shares, the bootstrap's else.

Example: waypost shadow report shadow.jsonl
"""


@click.group()
def shadow() -> None:
    """Compare candidates that ran beside the live answers."""


@shadow.command(help=_REPORT_HELP)
@click.argument(
    "files",
    nargs=-1,
    required=True,
    metavar="FILE...",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@json_option
def report(files: tuple[Path, ...], as_json: bool) -> None:
    """Prints the comparison."""
    lines = Lines()
    try:
        found = report_of(read_runs(files, lines))
    except NoShadowLogError as error:
        raise CallFailed(str(error)) from None
    except OSError as error:
        raise CallFailed(f"{error.filename}: {error.strerror}") from None
    if as_json:
        click.echo(json.dumps(report_json(found, lines), indent=2))
    else:
        click.echo(report_text(found, lines))
