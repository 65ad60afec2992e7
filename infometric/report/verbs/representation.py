"""What a representation holds: ``infometric spectrum``."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from infometric.exceptions import DataError, InvalidParameterError, and_list
from infometric.report import terminal
from infometric.report.commands import SEED, after, app, before, listed, opened, working
from infometric.report.document import Section
from infometric.report.options import (
    Choice,
    Columns,
    Exclude,
    Html,
    Json,
    Level,
    Quiet,
)
from infometric.report.verbs.rows import (
    called,
    headless,
    in_options,
    inputs,
    refuse_gaps,
    refuse_headless,
    require_readable,
)
from infometric.result import Result
from infometric.sources.arrays import is_array_file, open_array
from infometric.state.encoders import Column
from infometric.typing import Array


class Similarity(StrEnum):
    """Kernel of the diffusion."""

    GAUSSIAN = "gaussian"
    ADAPTIVE = "adaptive"
    KNN = "knn"


class Solver(StrEnum):
    """How the spectrum is found."""

    AUTO = "auto"
    EXACT = "exact"
    LANCZOS = "lanczos"


class Kind(StrEnum):
    """What the target holds."""

    AUTO = "auto"
    CLASSES = "classes"
    REPRESENTATION = "representation"


@app.command()
def spectrum(
    file: Annotated[
        Path,
        typer.Argument(
            help="Rows of a representation: .npy, .npz (of several arrays file.npz:name), CSV or "
            "Parquet."
        ),
    ],
    target: Annotated[
        str,
        typer.Option(
            "--target", "-t", help="Labels or numbers: a column of FILE, or a .npy or .npz file."
        ),
    ] = "",
    target_kind: Annotated[
        Kind, typer.Option(help="Whether the target holds classes or numbers.")
    ] = Kind.AUTO,
    columns: Columns = "",
    exclude: Exclude = "",
    sigma: Annotated[str, typer.Option(help="Bandwidth: median, or a number.")] = "median",
    t: Annotated[float, typer.Option("--t", help="Diffusion time.")] = 1.0,
    alpha: Annotated[float, typer.Option(help="Density power, 0 to 1.")] = 0.0,
    kernel: Annotated[Similarity, typer.Option(help="Similarity of rows.")] = Similarity.GAUSSIAN,
    solver: Annotated[Solver, typer.Option(help="How the spectrum is found.")] = Solver.AUTO,
    rows: Annotated[
        int | None, typer.Option(min=3, help="Look at so many rows, drawn at random.")
    ] = None,
    units: Annotated[str, typer.Option(help="nats, bits or bans.")] = "bits",
    level: Level = 0.95,
    method: Annotated[str, typer.Option(help="auto, jackknife, delta or none.")] = "auto",
    html: Html = None,
    json: Json = None,
    quiet: Quiet = False,
) -> None:
    """Diffusion spectral entropy of the rows of FILE, and what they tell of a target."""
    from infometric.estimators import DiffusionSpectralEntropy, DiffusionSpectralMI, RankMe

    before(html, json, level, *inputs(file, target))
    _check(file, target, target_kind)
    read = _read(file, target, columns, exclude).drawn(rows)
    options: dict[str, Any] = {
        "sigma": _bandwidth(sigma), "t": t, "alpha": alpha, "kernel": kernel.value,
        "solver": solver.value, "units": units, "uncertainty": method,
    }  # fmt: skip
    found: dict[str, Result] = {}
    with working("spectrum", quiet=quiet):
        entropy = DiffusionSpectralEntropy(**options).fit(read.X)
        found["diffusion spectral entropy"] = entropy.estimate(level=level, rng=SEED)
        told = [f"{entropy.state_.size} rows of {entropy.n_features_in_} columns of {file.name}"]
        rank = RankMe(uncertainty=method).fit(read.X).estimate(level=level, rng=SEED)
        if read.y is not None:
            shared = DiffusionSpectralMI(**options, target=target_kind.value).fit(read.X, read.y)
            tested = shared.test(rng=SEED)
            label = called(target)
            found[f"information on {label}"] = replace(
                shared.estimate(level=level, rng=SEED), pvalue=tested.pvalue
            )
            told.append(_taken(label, shared))
            read.doubts.extend(_repeated(label, shared, read.names))
    doubts = read.doubts
    note = "; ".join(told) + "." + "".join(f" {doubt}." for doubt in doubts)
    sections = [
        Section("Spectral information", in_options(found), note),
        Section("Directions in use", in_options({"effective rank": rank}), "No unit: a number."),
    ]
    after("Representation", sections, {"data": file.name}, html, json, None, Choice.VALUE, quiet)
    if not quiet:
        for text in ("; ".join(told), *doubts):
            terminal.err.print(f"note: {text}", style="yellow", markup=False, soft_wrap=True)


# --- what is read -----------------------------------------------------------------------------


def _check(file: Path, target: str, kind: Kind) -> None:
    """Error for a file of no kind that is read, or for a kind of no target."""
    require_readable(file)
    if kind is not Kind.AUTO and not target:
        raise InvalidParameterError(
            "--target-kind says what a target holds, and there is none.",
            got=kind.value,
            hint=f"--target labels.npy --target-kind {kind.value}",
        )


@dataclass
class _Read:
    """Rows and target that were read, the names of the columns of a table, and what is doubtful."""

    X: Any
    y: Any
    names: tuple[str, ...] = ()
    doubts: list[str] = field(default_factory=list)

    def drawn(self, rows: int | None) -> _Read:
        """Some of the rows; all where the target has others, which is refused later."""
        n, y = len(self.X), self.y
        if rows is not None and rows > n:
            self.doubts.append(f"--rows {rows:,} is more than there are: all {n:,} are used")
        n_labels = n if y is None else len(getattr(y, "values", y))
        if rows is None or rows >= n or n_labels != n:
            return self
        at = np.sort(np.random.default_rng(SEED).choice(n, rows, replace=False))
        y = y.rows(at) if isinstance(y, Column) else None if y is None else y[at]
        return replace(self, X=self.X[at], y=y)


def _read(file: Path, target: str, columns: str, exclude: str) -> _Read:
    """Rows and target of the files."""
    from infometric.estimators.continuous import Advice, numbers

    y: Any = open_array(target) if is_array_file(target) else None
    if is_array_file(file):
        if columns or exclude or (target and y is None):
            raise InvalidParameterError(
                "An array has no named columns.",
                got=columns or exclude or target,
                hint="--target labels.npy, or a CSV or Parquet file",
            )
        return _Read(open_array(file), y)
    table, own = _table(file, "" if y is not None else target, listed(columns), exclude)
    advice = Advice(
        "which are no places",
        "leave these rows out of the file, or --exclude {name!r}",
        "--exclude {name!r}" + ("" if target else ", or --target {name!r} where it is the label"),
    )
    X = np.column_stack([numbers(table.column(name), advice) for name in table.names])
    every = table.names if own is None else (*table.names, own.name)
    return _Read(X, own if y is None else y, table.names, headless(file, every))


def _table(file: Path, target: str, chosen: list[str], exclude: str) -> tuple[Any, Column | None]:
    """Table of the columns to use, and the target that is one of its own."""
    refuse_headless(file)
    wanted = list(dict.fromkeys([*chosen, *([target] if target else [])])) if chosen else []
    table = opened(file, "", wanted, exclude)
    y = None
    if target:
        table.require([target])
        y, table = table.column(target), table.without(target)
        refuse_gaps(y)
    if not table.names:
        raise DataError(
            f"There is no column of {file.name} left to be the representation.",
            got={"target": target, "exclude": exclude},
            hint="a file with its columns, or fewer to --exclude",
        )
    table.require_rows()
    return table, y


# --- what is told -----------------------------------------------------------------------------


def _taken(label: str, shared: Any) -> str:
    """How the target was taken."""
    y = shared.state_.variables[1]
    if shared.kind_ == "classes":
        return f"{label} taken as {len(np.unique(y))} classes"
    width = y.shape[1]
    text = f"{label} taken as numbers of {width} column{'s' if width > 1 else ''}"
    if _like_labels(y):
        text += ", which look like labels: --target-kind classes takes them for classes"
    return text


def _like_labels(y: Array) -> bool:
    """Whether numbers may be labels: one-hot, or whole with two rows of each or more."""
    if y.shape[1] > 1:
        return bool(((y == 0) | (y == 1)).all() and (y.sum(1) == 1).all())
    return bool((y == np.rint(y)).all()) and 2 * len(np.unique(y)) <= len(y)


def _repeated(label: str, shared: Any, names: Sequence[str]) -> list[str]:
    """Say which columns of a representation hold the target itself, or a code of it."""
    x, y = shared.state_.variables[:2]
    same = _codes(x, y[:, 0]) if shared.kind_ == "classes" else _lines(x, y)
    columns = [names[i] if names else f"x{i}" for i in np.flatnonzero(same).tolist()]
    if not columns:
        return []
    shown = and_list(columns[:5]) + (f" and {len(columns) - 5} more" if columns[5:] else "")
    hint = f": --exclude {shlex.quote(','.join(columns))}" if names else ""
    verb = "hold" if columns[1:] else "holds"
    return [f"{shown} {verb} the target {label} itself, or a code of it{hint}"]


def _codes(x: Array, y: Array) -> Array:
    """Whether a column has one value in each class, and more than one in all."""
    labels, codes = np.unique(y, return_inverse=True)
    if 2 * len(labels) > len(y):  # classes of one row have one value in any column
        return np.zeros(x.shape[1], bool)
    one = np.ptp(x, axis=0) > 0
    for code in range(len(labels)):
        one &= np.ptp(x[codes.reshape(-1) == code], axis=0) == 0
    return np.asarray(one)


def _lines(x: Array, y: Array) -> Array:
    """Whether a column is a straight line of a target of one column."""
    found = np.zeros(x.shape[1], bool)
    if y.shape[1] > 1 or not np.ptp(y):
        return found
    y = _unit(y[:, 0])
    for i in np.flatnonzero(np.ptp(x, axis=0)):  # one by one: a copy of all may be large
        found[i] = abs(_unit(x[:, i]) @ y) > 1 - 1e-10
    return found


def _unit(x: Array) -> Array:
    """Deviations from the mean, of length one."""
    x = x.astype(np.float64) / np.abs(x).max()
    x = x - x.mean()
    return np.asarray(x / np.linalg.norm(x))


def _bandwidth(text: str) -> Any:
    """The word, or a number."""
    if text == "median":
        return text
    try:
        return float(text)
    except ValueError as error:
        raise InvalidParameterError(
            "--sigma is 'median' or a number.", got=text, hint="--sigma median"
        ) from error
