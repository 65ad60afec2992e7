"""The command line without a process of its own: what it prints, and its exit code.

A process imports every library anew, which takes seconds; those of the tests that are about the
process itself start one.
"""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
import warnings
from pathlib import Path

from infometric.report.cli import main

PROGRAM = Path(sys.executable).with_name("infometric")
SILENT = (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)


def process(folder, *arguments, **options):
    """The installed program, run in a folder as a user runs it."""
    return subprocess.run(
        [PROGRAM, *map(str, arguments)], cwd=folder, capture_output=True, text=True, **options
    )


def run(folder, *arguments):
    """The same within this process."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with (
        contextlib.chdir(folder),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        warnings_of_a_process(),
    ):
        code = main([*map(str, arguments)])
    told, errors = (stream.buffer.getvalue().decode() for stream in (out, err))
    return subprocess.CompletedProcess(arguments, code, told, errors)


@contextlib.contextmanager
def warnings_of_a_process():
    """Warnings on standard error, those that Python shows where nobody has said otherwise."""
    with warnings.catch_warnings():
        warnings.resetwarnings()
        for kind in SILENT:
            warnings.simplefilter("ignore", kind)
        warnings.showwarning = _show
        yield


def _show(message, category, filename, lineno, file=None, line=None):
    sys.stderr.write(warnings.formatwarning(message, category, filename, lineno, line))
