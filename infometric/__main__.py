"""``python -m infometric``: the command line."""

from __future__ import annotations

import sys

from infometric.report.cli import main

if __name__ == "__main__":
    sys.exit(main())
