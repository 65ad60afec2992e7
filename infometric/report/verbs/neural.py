"""Mutual information by networks: ``infometric neural`` trains, ``infometric mist`` reads."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from infometric.exceptions import DataError, InvalidParameterError, Shown
from infometric.report import terminal
from infometric.report.commands import SEED, after, app, before, listed, opened, working, written
from infometric.report.document import Section
from infometric.report.options import Choice, Exclude, Html, Json, Level, Quiet, Units
from infometric.report.verbs.pictures import before_drawing, drawn_to
from infometric.report.verbs.rows import (
    called,
    headless,
    in_options,
    inputs,
    refuse_gaps,
    refuse_headless,
    require_readable,
)
from infometric.sources.arrays import is_array_file, open_array

SPELT = 3  # columns up to which a variable is called by their names
INTERRUPTED = 130  # exit code of a command that Ctrl-C ended


@dataclass(frozen=True)
class _Words:
    """What is said of values that cannot be read, and whether text is classes."""

    unread: str
    classes: bool


CRITIC = _Words("which a critic cannot read", classes=True)
RANKS = _Words("which have no rank", classes=False)
MORE_EPOCHS = "trainings that were cut off may need more passes"


Rows = Annotated[
    Path,
    typer.Argument(help="Rows: CSV or Parquet, or .npy or .npz (of several arrays file.npz:name)."),
]
First = Annotated[
    list[str] | None,
    typer.Option("--x", help="Columns of the first variable: a,b; else all others."),
]
Second = Annotated[
    list[str],
    typer.Option("--y", help="Columns of the second variable: u,v; or a .npy or .npz file."),
]


@app.command()
def neural(
    file: Rows,
    y: Second,
    x: First = None,
    exclude: Exclude = "",
    quick: Annotated[
        bool,
        typer.Option("--quick", help="A bound with a test: one critic a fold, and no checks."),
    ] = False,
    max_epochs: Annotated[
        int, typer.Option(min=1, help="Passes over the rows for each critic, at most.")
    ] = 300,
    units: Units = "nats",
    level: Level = 0.95,
    random_state: Annotated[int, typer.Option(min=0, help="Seed.")] = SEED,
    html: Html = None,
    json: Json = None,
    plot: Annotated[
        Path | None,
        typer.Option(help="Picture of the extrapolation or, with --quick, of the training: .png."),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Mutual information of variables of many columns, and whether it can be relied on."""
    from infometric.neural.estimator import NeuralMI, require_torch
    from infometric.neural.reliable import ReliableMI

    require_torch()
    ys, xs = _each(y), _each(x or [])
    before(html, json, level, *inputs(file, *ys))
    before_drawing(plot, [p for p in (html, json) if p is not None], inputs(file, *ys))
    read = _read(file, ys, xs, exclude)
    kind = NeuralMI if quick else ReliableMI
    made = kind(max_epochs=max_epochs, units=units, random_state=random_state)
    with working("training critics", quiet=quiet):
        fitted = made.fit(read.X, read.y)
        found = fitted.estimate(level=level)
    drawn = fitted.history_ if quick else fitted.extrapolation_
    checks = [] if quick else [asdict(c) for c in drawn.checks]
    if checks:
        found = replace(found, diagnostics=found.diagnostics | {"checks": checks})
    critics = len(fitted.models_ if quick else drawn)
    told = [f"{read.sizes} of {file.name}; {_counted(critics, 'critic')}", *read.doubts]
    cut = _interrupted(fitted, quick, critics, read.rows)
    if cut:
        told.append(cut)
    if any(c["name"] == "training" and not c["passed"] for c in checks) and not cut:
        told.append(f"{MORE_EPOCHS}: --max-epochs {4 * max_epochs}")
    if quick:
        told.append("a bound: without --quick it is extrapolated, and checks say what it is worth")
    section = Section("Neural mutual information", in_options({read.label: found}), _note(told))
    after(section.name, [section], {"data": file.name}, html, json, None, Choice.VALUE, quiet)
    if plot is not None:
        written(plot, lambda path: drawn_to(drawn, path, {} if quick else {"units": units}))
    if not quiet:
        terminal.checks(checks)
        for text in told:
            terminal.err.print(f"note: {text}", style="yellow", markup=False, soft_wrap=True)
    if cut:
        raise typer.Exit(INTERRUPTED)


LEFT_OUT = {
    "constant_columns": "one value alone",
    "redundant_columns": "copies or linear functions of others of their side",
}


@app.command()
def mist(
    file: Rows,
    y: Second,
    x: First = None,
    exclude: Exclude = "",
    weights: Annotated[
        Path | None, typer.Option(help="Folder of weights of your own; else those of the package.")
    ] = None,
    units: Units = "nats",
    level: Level = 0.95,
    html: Html = None,
    json: Json = None,
    quiet: Quiet = False,
) -> None:
    """Mutual information by a network trained once: one pass, no training, 32 columns at most."""
    from infometric.amortised.estimator import MIST
    from infometric.result import NATS_PER

    ys, xs = _each(y), _each(x or [])
    before(html, json, level, *inputs(file, *ys))
    read = _read(file, ys, xs, exclude, RANKS)
    with working("reading rows", quiet=quiet):
        found = MIST(weights=weights, units=units).fit(read.X, read.y).estimate(level=level)
    told = [f"{read.sizes} of {file.name}", *read.doubts]
    for key, why in LEFT_OUT.items():
        if found.diagnostics[key]:
            told.append(f"{_counted(found.diagnostics[key], 'column')} left out: {why}")
    if found.diagnostics["out_of_support"]:
        told.append("unlike all samples of training: the interval is widened to hold the anchor")
    anchor = round(found.diagnostics["anchor"] / NATS_PER[units], 9)
    told.append(f"the anchor, a classical estimate, is {anchor:.4g} {units}")
    section = Section(
        "Mutual information in one pass", in_options({read.label: found}), _note(told)
    )
    after(section.name, [section], {"data": file.name}, html, json, None, Choice.VALUE, quiet)
    if not quiet:
        for text in told:
            terminal.err.print(f"note: {text}", style="yellow", markup=False, soft_wrap=True)


def _interrupted(fitted: Any, quick: bool, critics: int, rows: int) -> str:
    """How far a training came that was stopped by Ctrl-C; empty where none was."""
    ended = fitted.history_.ended if quick else [t.ended for t in fitted.extrapolation_]
    if "interrupted" not in ended:
        return ""
    planned = _planned(fitted, quick, rows)
    scored = int(fitted.state_.n)
    return (
        f"interrupted: {critics} of {_counted(planned, 'critic')}, "
        f"{scored:,} of {_counted(rows, 'row')} scored"
    )


def _planned(fitted: Any, quick: bool, rows: int) -> int:
    """Critics of a fit that nobody stops."""
    from infometric.neural.estimator import LEAST_PART
    from infometric.neural.reliable import CHUNKS

    if quick:
        return min(int(fitted.folds), max(2, rows // LEAST_PART))
    return int(fitted.folds) * sum(CHUNKS.get(g, 1) for g in fitted.gammas)


def _counted(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def _note(told: Sequence[str]) -> str:
    """Sentences of one paragraph."""
    return " ".join(f"{text[0].upper()}{text[1:]}." for text in told)


# --- what is read -----------------------------------------------------------------------------


@dataclass
class _Read:
    """Both variables, what they are called, their sizes, and what is doubtful."""

    X: Any
    y: Any
    label: str
    rows: int
    columns: tuple[int, int]
    doubts: list[str] = field(default_factory=list)

    @property
    def sizes(self) -> str:
        """Rows and columns, in words."""
        first, second = self.columns
        return f"{_counted(self.rows, 'row')} of {first:,} + {second:,} columns"


def _each(options: Sequence[str]) -> list[str]:
    """Names that an option was given for, one by one or between commas."""
    parts = [[text] if is_array_file(text) else listed(text) for text in options]
    return list(dict.fromkeys(name for part in parts for name in part))


def _read(file: Path, y: list[str], x: list[str], exclude: str, words: _Words = CRITIC) -> _Read:
    """Rows of both variables."""
    require_readable(file)
    array = _array_of(y)
    if not is_array_file(file):
        return _of_table(file, y, x, exclude, array, words)
    if x or exclude or array is None:
        raise InvalidParameterError(
            "An array has no named columns.",
            got=Shown(", ".join(x) or exclude or ", ".join(y)),
            hint="--y other.npy, or a CSV or Parquet file",
        )
    rows = _opened_rows(file)
    label = f"{called(str(file))} and {called(y[0])}"
    return _Read(rows, array, label, len(rows), (_width(rows), _width(array)))


def _of_table(
    file: Path, y: list[str], x: list[str], exclude: str, array: Any, words: _Words
) -> _Read:
    """Columns of a table, and others or an array beside them."""
    refuse_headless(file)
    names = [] if array is not None else y
    table = opened(file, "", [*x, *names] if x else [], exclude)
    table.require([*x, *names])
    chosen = x or [n for n in table.names if n not in names]
    if not chosen or set(chosen) & set(names):
        raise InvalidParameterError(
            "The two variables need columns of their own.",
            got=Shown(f"--x {','.join(chosen) or 'nothing'} --y {','.join(y)}"),
            hint=f"--x and --y of different columns of {file.name}",
        )
    table.require_rows()
    for name in [*chosen, *names]:
        _refuse_unknown(table.column(name), words)
    other = table.select(names) if array is None else array
    width = len(names) if array is None else _width(array)
    label = f"{_named(chosen)} and {_named(names) if array is None else called(y[0])}"
    sizes = len(chosen), width
    return _Read(
        table.select(chosen), other, label, table.n_rows, sizes, headless(file, table.names)
    )


def _array_of(y: list[str]) -> Any:
    """Array that --y names; None where it names columns."""
    files = [name for name in y if is_array_file(name)]
    if not y or (files and len(y) > 1):
        raise InvalidParameterError(
            "--y takes columns of FILE, or one array.",
            got=Shown(", ".join(y) or "nothing"),
            hint=f"--y {files[0]}" if files else "--y name",
        )
    return _opened_rows(files[0]) if files else None


def _opened_rows(file: Path | str) -> Any:
    """Array of a file, where it has rows."""
    found = open_array(file)
    if found.ndim == 0:
        raise DataError(
            f"{file} holds one number, and no rows.",
            got={"shape": found.shape},
            hint="an array of shape (n, d): np.save(path, x)",
        )
    return found


def _refuse_unknown(column: Any, words: _Words) -> None:
    """Error where a value is missing or infinite; the estimator's own speaks of frames."""
    from infometric.estimators.continuous import Advice, numbers

    if column.dates:
        raise DataError(
            f"Column {column.name!r} holds dates, {words.unread}.",
            got=next(iter(column.levels or ()), None),
            hint=f"--exclude {shlex.quote(column.name)}, or write a number in their place",
        )
    if not column.numeric and words.classes:
        refuse_gaps(column, "column")
        return
    rest = "leave these rows out of the file, or --exclude {name!r}"
    numbers(column, Advice(words.unread, rest, "--exclude {name!r}; infometric mi counts classes"))


def _width(rows: Any) -> int:
    return int(rows[:1].size)


def _named(names: list[str]) -> str:
    """Names of a few columns, or their number."""
    return ", ".join(names) if len(names) <= SPELT else f"{len(names)} columns"
