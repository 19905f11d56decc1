"""`waypost completion`."""

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what completes `waypost` in a shell.

    Example: waypost completion bash >> ~/.bashrc
    """
    found = get_completion_class(shell)
    if found is None:  # pragma: no cover  (click knows the three)
        raise click.UsageError(f"click completes nothing in {shell}")
    root = context.find_root().command
    click.echo(found(root, {}, "waypost", "_WAYPOST_COMPLETE").source())
