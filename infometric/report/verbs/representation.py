"""What a representation holds: ``infometric spectrum``."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from infometric.exceptions import InvalidParameterError
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
from infometric.result import Result, ResultTable


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


@app.command()
def spectrum(
    file: Annotated[Path, typer.Argument(help="Rows of a representation: .npy, CSV or Parquet.")],
    target: Annotated[
        str,
        typer.Option("--target", "-t", help="Labels or numbers: a column of FILE, or a .npy file."),
    ] = "",
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

    before(html, json, level, file)
    X, y = _data(file, target, columns, exclude, rows)
    options: dict[str, Any] = {
        "sigma": _bandwidth(sigma), "t": t, "alpha": alpha, "kernel": kernel.value,
        "solver": solver.value, "units": units, "uncertainty": method,
    }  # fmt: skip
    found: dict[str, Result] = {}
    with working("spectrum", quiet=quiet):
        entropy = DiffusionSpectralEntropy(**options).fit(X)
        found["diffusion spectral entropy"] = entropy.estimate(level=level, rng=SEED)
        rank = RankMe(uncertainty=method).fit(X).estimate(level=level, rng=SEED)
        if y is not None:
            shared = DiffusionSpectralMI(**options).fit(X, y)
            tested = shared.test(rng=SEED)
            found[f"information on {Path(target).stem}"] = replace(
                shared.estimate(level=level, rng=SEED), pvalue=tested.pvalue
            )
    told = f"{entropy.state_.size} rows of {entropy.n_features_in_} columns of {file.name}."
    sections = [
        Section("Spectral information", ResultTable(found), told),
        Section("Directions in use", ResultTable({"effective rank": rank}), "No unit: a number."),
    ]
    after("Representation", sections, {"data": file.name}, html, json, None, Choice.VALUE, quiet)


def _data(file: Path, target: str, columns: str, exclude: str, rows: int | None) -> tuple[Any, Any]:
    """Rows and target, or some of them."""
    from infometric.sources.arrays import is_array_file, open_array

    y: Any = open_array(target) if is_array_file(target) else None
    if is_array_file(file):
        if columns or exclude or (target and y is None):
            raise InvalidParameterError(
                "An array has no named columns.",
                got=columns or exclude or target,
                hint="--target labels.npy, or a CSV or Parquet file",
            )
        X: Any = open_array(file)
    else:
        X, own = _columns_of(file, "" if y is not None else target, listed(columns), exclude)
        y = own if y is None else y
    if rows is not None and rows < len(X):
        import numpy as np

        at = np.sort(np.random.default_rng(SEED).choice(len(X), rows, replace=False))
        X, y = X[at], y.rows(at) if hasattr(y, "rows") else None if y is None else y[at]
    return X, y


def _columns_of(file: Path, target: str, chosen: list[str], exclude: str) -> tuple[Any, Any]:
    """Numbers of a table, and its target."""
    import numpy as np

    from infometric.estimators.continuous import numbers

    table = opened(file, "", list(dict.fromkeys([*chosen, *([target] if target else [])]))
                   if chosen else [], exclude)  # fmt: skip
    y = None
    if target:
        table.require([target])
        y = table.column(target)
        table = table.without(target)
    return np.column_stack([numbers(table.column(name)) for name in table.names]), y


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
