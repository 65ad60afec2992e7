"""Tables, notes and progress in the terminal (rich)."""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from infometric.result import DIMENSIONLESS, Result, ResultTable, format_pvalue

out = Console(highlight=False, soft_wrap=False)
err = Console(stderr=True, highlight=False)
_STYLE = {
    "stable": "green",
    "at most moderate": "yellow",
    "shifted": "red",
    "undecided": "dim",
}


def show(title: str, table: ResultTable, *, units: bool = True) -> None:
    """Print results as a table: value, interval, p, sizes and, for PSI, the verdict."""
    results = list(table.values())
    verdicts = any("verdict" in r.diagnostics for r in results)
    grid = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    grid.add_column("", overflow="fold")
    unit = results[0].units if results and results[0].units != DIMENSIONLESS else ""
    grid.add_column(unit or "value", justify="right", no_wrap=True)
    level = f"{100 * results[0].level:g} % interval" if results else "interval"
    grid.add_column(level, justify="right", no_wrap=True)
    adjusted = table.adjusted.get("pvalue_holm")
    grid.add_column("p (Holm)" if adjusted else "p", justify="right", no_wrap=True)
    grid.add_column("n", justify="right", no_wrap=True)
    if verdicts:
        grid.add_column("verdict", no_wrap=True)
        grid.add_column("rule of thumb", style="dim", no_wrap=True)
    for i, (name, r) in enumerate(table.items()):
        pvalue = adjusted[i] if adjusted else r.pvalue
        row = [name, digits(r.value), interval(r), p_text(pvalue), sizes(r)]
        if verdicts:
            verdict = str(r.diagnostics.get("verdict", ""))
            row += [f"[{_STYLE.get(verdict, 'none')}]{verdict}[/]",
                    str(r.diagnostics.get("rule_of_thumb", ""))]  # fmt: skip
        grid.add_row(*(escape(text) if j == 0 else text for j, text in enumerate(row)))
    wide = out if out.is_terminal else Console(width=160, file=out.file, highlight=False)
    wide.print(grid)
    for text in table.warnings:
        err.print(f"note: {text}", style="yellow", markup=False)
    out.print()


def escape(text: str) -> str:
    """Text without markup."""
    from rich.markup import escape as quoted

    return quoted(text)


def digits(value: float) -> str:
    """Four decimals, or two significant digits where that shows nothing."""
    if math.isnan(value):
        return "-"
    return f"{value:.1e}" if value and abs(value) < 1e-4 else f"{value:.4f}"


def interval(r: Result) -> str:
    """Bounds in brackets."""
    if math.isnan(r.ci.low):
        return "-"
    return escape(f"[{digits(r.ci.low)}, {digits(r.ci.high)}]")


def p_text(pvalue: float) -> str:
    """p-value, no smaller than 1e-16."""
    return "-" if math.isnan(pvalue) else format_pvalue(pvalue).removeprefix("= ")


def sizes(r: Result) -> str:
    """Sample sizes."""
    return " + ".join(f"{n:,.6g}" for n in r.n)


@contextlib.contextmanager
def working(text: str, *, quiet: bool = False) -> Iterator[Callable[[int, int], None] | None]:
    """A bar with the time while work goes on; only on a terminal.

    Gives a function of (done, total) that moves the bar, or None where there is none.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the notes below the table say the same
        if quiet or not err.is_terminal:
            yield None
            return
        columns: Any = (
            SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(),
            TimeElapsedColumn(),
        )  # fmt: skip
        with Progress(*columns, console=err, transient=True) as progress:
            task = progress.add_task(text, total=None)

            def advance(done: int, total: int) -> None:
                progress.update(task, completed=done, total=total)

            yield advance
