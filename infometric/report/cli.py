"""The command line: ``infometric psi | iv | woe | entropy | mi | demo``.

Exit codes: 0 fine, 1 where ``--fail-above`` is exceeded, 2 on any error. ``--version`` is answered
before anything is imported.
"""

from __future__ import annotations

import sys

HELP_EXTRA = (
    "The command line needs typer and rich; they belong to the extra 'cli'.\n"
    "  Try: pip install 'infometric[cli]'"
)


def main(arguments: list[str] | None = None) -> int:
    """Entry point of the console script."""
    given = sys.argv[1:] if arguments is None else arguments
    if given in (["--version"], ["-V"]):
        from infometric._version import __version__

        sys.stdout.write(f"infometric {__version__}\n")
        return 0
    try:
        from infometric.report.commands import run
    except ImportError as error:
        if getattr(error, "name", "") not in {"typer", "rich"}:
            raise
        sys.stderr.write(HELP_EXTRA + "\n")
        return 2
    return run(given)


if __name__ == "__main__":
    sys.exit(main())
