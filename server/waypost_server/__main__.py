"""`waypost`, also as `python -m waypost_server`."""

import sys


def main() -> None:
    """Runs the command line, or says which extra it needs."""
    try:
        from waypost_server.commands.group import run
    except ModuleNotFoundError as error:
        sys.exit(
            f"waypost: the command line needs {error.name}, which a client-only install leaves out;"
            " run: pip install 'waypost[server]'"
        )
    run()


if __name__ == "__main__":
    main()
