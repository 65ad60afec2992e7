"""Tables, notes and progress in the terminal (rich)."""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
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
from rich.text import Text

from infometric.report.options import spoken
from infometric.result import DIMENSIONLESS, Result, ResultTable, format_pvalue, format_size

_PLAIN: Any = {"highlight": False, "emoji": False}
_NOTES = 12
_NAME = 16  # width at which names fold
_WHOLE, _NUMBERS = (1, 2, 3), 4  # columns that never fold; columns of numbers after the name
out = Console(**_PLAIN)
err = Console(stderr=True, **_PLAIN)
_STYLE = {
    "stable": "green",
    "at most moderate": "yellow",
    "shifted": "red",
    "undecided": "dim",
}


def show(title: str, table: ResultTable) -> None:
    """Print results as a table: value, interval, p, sizes and, for PSI, the verdict.

    In a narrow terminal names and words fold; where even that does not fit, each result is a name
    and the lines below it: a number is never cut.
    """
    heads, rows = cells(table)
    console = out if out.is_terminal else Console(width=160, **_PLAIN, file=out.file)
    widths = column_widths(heads, rows, console.width)
    if widths is None:
        cards(title, heads, rows)
    else:
        console.print(grid(title, heads, rows, widths))
    for text in notes(table):
        err.print(f"note: {spoken(text)}", style="yellow", markup=False, soft_wrap=True)
    out.print()


def checks(found: Sequence[Mapping[str, Any]]) -> None:
    """Print the conditions of a verdict, those that fail with what they mean."""
    if not found:
        return
    failed = [c for c in found if not c["passed"]]
    verdict, style = f"reliable: all of {len(found)} checks hold", "bold green"
    if failed:
        verdict, style = f"not reliable: {len(failed)} of {len(found)} checks fail", "bold red"
    out.print(verdict, style=style, markup=False)
    name = max(len(c["name"]) for c in found)
    for c in found:
        mark = "pass" if c["passed"] else "FAIL"
        text = f"  {mark}  {c['name']:{name}}  {c['value']:>8.3g}  at most {c['limit']:.4g}"
        out.print(text, style=None if c["passed"] else "red", markup=False, soft_wrap=True)
    for c in failed:
        out.print(f"{c['name']}: {c['reason']}.", markup=False, soft_wrap=not out.is_terminal)
    out.print()


def notes(table: ResultTable) -> list[str]:
    """Warnings, those with one text together, and no more than a screen can hold."""
    by_text: dict[str, list[str]] = {}
    for name, r in table.items():
        for text in r.warnings:
            by_text.setdefault(text, []).append(name)
    lines = [
        f"{', '.join(names) if len(names) <= 3 else f'{len(names)} lines'}: {text}"
        for text, names in by_text.items()
    ]
    if len(lines) > _NOTES:
        lines[_NOTES:] = [f"and {len(lines) - _NOTES} more; --json report.json holds all"]
    return lines


def cells(table: ResultTable) -> tuple[list[str], list[list[str]]]:
    """Headings and texts of a table, the name first."""
    results = list(table.values())
    first = results[0] if results else None
    heading, pvalues = table.shown_pvalues
    verdicts = any("verdict" in r.diagnostics for r in results)
    thumbs = any("rule_of_thumb" in r.diagnostics for r in results)
    told = ("verdict", "rule_of_thumb") if thumbs else ("verdict",)
    heads = [
        "",
        first.units if first and first.units != DIMENSIONLESS else "value",
        f"{100 * first.level:g} % interval" if first else "interval",
        heading,
        str(first.diagnostics.get("n_of", "n")) if first else "n",
    ]
    rows = []
    for i, (name, r) in enumerate(table.items()):
        row = [name, digits(r.value, r), interval(r), p_text(pvalues[i]), sizes(r)]
        if verdicts:
            row += [str(r.diagnostics.get(k, "")) for k in told]
        rows.append(row)
    return heads + ([k.replace("_", " ") for k in told] if verdicts else []), rows


def column_widths(heads: list[str], rows: list[list[str]], room: int) -> list[int] | None:
    """Width of each column; None where the numbers and the longest words do not fit."""
    wanted, least = [], []
    for i, column in enumerate(zip(heads, *rows, strict=True)):
        longest = max(map(len, column))
        parts = (part for text in column for part in text.replace(" + ", "_+ ").split())
        words = max(map(len, parts), default=0)
        wanted.append(longest)
        least.append(min(longest, _NAME) if i == 0 else longest if i in _WHOLE else words)
    spare = room - 2 * (len(heads) - 1) - sum(least)
    if spare < 0:
        return None
    for i in [*range(1, len(wanted)), 0]:  # names last: they have most to take
        more = min(spare, wanted[i] - least[i])
        least[i], spare = least[i] + more, spare - more
    return least


def grid(title: str, heads: list[str], rows: list[list[str]], widths: list[int]) -> Table:
    """One line a result."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for i, (head, width) in enumerate(zip(heads, widths, strict=True)):
        words = i == 0 or i > _NUMBERS
        table.add_column(
            head, justify="left" if words else "right", width=width, overflow="fold",
            style="dim" if head == "rule of thumb" else None,
        )  # fmt: skip
    for row in rows:
        table.add_row(*(Text(text, style=_STYLE.get(text, "")) for text in row))
    return table


def cards(title: str, heads: list[str], rows: list[list[str]]) -> None:
    """A few short lines a result."""
    out.print(title, style="bold", markup=False)
    for name, *texts in rows:
        out.print(name, markup=False, soft_wrap=True)
        for head, text in zip(heads[1:], texts, strict=True):
            out.print(f"  {head}: {text}", markup=False, soft_wrap=True, style=_STYLE.get(text))


def digits(value: float, r: Result | None = None) -> str:
    """Four decimals, or two significant digits where that shows nothing.

    Four significant digits of a result that counts something of its own.
    """
    if math.isnan(value):
        return "-"
    if r is not None and "n_of" in r.diagnostics:
        return f"{value:.4g}"
    return f"{value:.1e}" if value and abs(value) < 1e-4 else f"{value:.4f}"


def interval(r: Result) -> str:
    """Bounds in brackets."""
    if math.isnan(r.ci.low):
        return "-"
    return f"[{digits(r.ci.low, r)}, {digits(r.ci.high, r)}]"


def p_text(pvalue: float) -> str:
    """p-value, no smaller than 1e-16."""
    return "-" if math.isnan(pvalue) else format_pvalue(pvalue).removeprefix("= ")


def sizes(r: Result) -> str:
    """Sample sizes."""
    return " + ".join(format_size(n) for n in r.n)


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
        with bar(text) as advance:
            yield advance


@contextlib.contextmanager
def bar(text: str) -> Iterator[Callable[[int, int], None]]:
    """A bar with the time; gives the function of (done, total) that moves it."""
    columns: Any = (
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(),
        TimeElapsedColumn(),
    )  # fmt: skip
    with Progress(*columns, console=err, transient=True) as progress:
        task = progress.add_task(text, total=None)

        def advance(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        yield advance
