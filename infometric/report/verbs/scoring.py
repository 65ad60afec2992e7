"""A scorecard from a file: ``infometric scorecard``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from infometric.exceptions import DataError, InvalidParameterError, Shown
from infometric.files import check_writable, write_text
from infometric.report import terminal
from infometric.report.commands import (
    SEED,
    after,
    app,
    before,
    codes_of,
    listed,
    number,
    opened,
    working,
    written,
)
from infometric.report.document import Section
from infometric.report.options import (
    Categorical,
    Choice,
    Columns,
    Constant,
    Event,
    Exclude,
    Html,
    Level,
    Policy,
    Quiet,
    Special,
    Target,
)
from infometric.sources.sql import literal

HOLDOUT = 0.3  # share of the rows that are kept to measure on


@app.command()
def scorecard(
    file: Annotated[Path, typer.Argument(help="CSV or Parquet file.")],
    target: Target,
    event: Event = None,
    columns: Columns = "",
    exclude: Exclude = "",
    max_bins: Annotated[int, typer.Option(min=2, help="Greatest number of bins.")] = 8,
    categorical: Categorical = "",
    special: Special = "",
    select: Annotated[
        bool, typer.Option("--select", help="Leave out, one by one, what says nothing more.")
    ] = False,
    pdo: Annotated[float, typer.Option(help="Points that double the odds.")] = 20,
    base_score: Annotated[float, typer.Option(help="Score at the base odds.")] = 600,
    base_odds: Annotated[float, typer.Option(help="Odds of good to bad at that score.")] = 50,
    test: Annotated[
        Path | None,
        typer.Option(help="File to measure on; then all rows of FILE are learned from."),
    ] = None,
    holdout: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="Share of FILE to measure on, and not to learn from; 0.3 without --test.",
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the draw of those rows; 0.")] = None,
    json: Annotated[Path | None, typer.Option(help="Write the scorecard as JSON.")] = None,
    sql: Annotated[Path | None, typer.Option(help="Write it as one SQL query.")] = None,
    source: Annotated[
        str, typer.Option(help="What stands after FROM in the query; FILE by default.")
    ] = "",
    python: Annotated[Path | None, typer.Option(help="Write it as a Python function.")] = None,
    html: Html = None,
    level: Level = 0.95,
    constant: Constant = Policy.REFUSE,
    quiet: Quiet = False,
) -> None:
    """Scorecard of a target with two classes: bins, logistic regression, points."""
    from infometric.credit import OptimalBinning, Scorecard

    inputs = [file] if test is None else [file, test]
    _apart(inputs, html=html, json=json, sql=sql, python=python)
    before(html, json, level, *inputs)
    for path in (sql, python):
        check_writable(path)
    chosen = listed(columns)
    table = opened(file, categorical, [*chosen, target] if chosen else chosen, exclude)
    binning = OptimalBinning(
        max_bins=max_bins,
        special=codes_of(special),
        categorical=listed(categorical),
        constant=constant.value,
    )
    card = Scorecard(
        binning=binning,
        event=number(event),
        select="backward" if select else None,
        pdo=pdo,
        base_score=base_score,
        base_odds=base_odds,
    )
    if test is not None and not (holdout is None and seed is None):
        raise InvalidParameterError(
            "--holdout and --seed draw rows of FILE to measure on; with --test it is another file.",
            got=Shown(f"--test {test.name}"),
            hint="leave --holdout and --seed out",
        )
    share, drawn = HOLDOUT if holdout is None else holdout, SEED if seed is None else seed
    with working(f"scorecard of {len(table.names) - 1} columns", quiet=quiet):
        learned: Any = table
        kept: Any = test
        if test is None:
            learned, kept = divided(table, target, share, drawn)
        card.fit(learned, target)
        measured = card.evaluate(kept, target, level=level)
    sources = {"data": file.name, "target": target, "scorecard": card.hash_}
    told = (
        f"On {test.name}; the scorecard was learned from all {learned.n_rows} rows of {file.name}."
        if test is not None
        else f"On {kept.n_rows} rows of {file.name}, drawn by chance (--holdout {share:g} --seed "
        f"{drawn}); the scorecard was learned from the other {learned.n_rows}."
    )
    after("Scorecard", _sections(card, measured, told, level), sources, html, None, None,
          Choice.VALUE, quiet)  # fmt: skip
    if not quiet:
        for name, why in card.dropped_.items():
            terminal.err.print(f"left out: {name}, {why}", markup=False, soft_wrap=True)
    query = card.to_sql(source or literal(str(file)))
    for path, write in (
        (json, card.to_json),
        (sql, lambda p: write_text(p, query + "\n")),
        (python, lambda p: write_text(p, card.to_python())),
    ):
        if path is not None:
            written(path, write)


def _apart(inputs: list[Path], **outputs: Path | None) -> None:
    """Refuse two outputs in one file, and an output over an input."""
    given = {name: path.resolve() for name, path in outputs.items() if path is not None}
    if len(set(given.values())) < len(given) or set(given.values()) & {p.resolve() for p in inputs}:
        raise InvalidParameterError(
            "Every output needs a file of its own, beside the data.",
            got=Shown(", ".join(f"--{n} {p.name}" for n, p in given.items())),
            hint="--json card.json --sql card.sql",
        )


def divided(table: Any, target: str, share: float, seed: int) -> tuple[Any, Any]:
    """Rows of a table to learn from and to measure on, the same share of each class in both.

    Raises
    ------
    DataError
        Where a class is too small.
    """
    import numpy as np
    from sklearn.model_selection import train_test_split

    from infometric.sources.rows import RowsTable, whole_columns

    table.require([target])
    columns = whole_columns(table, table.names)
    classes = columns[target].as_levels().values
    try:
        parts = train_test_split(
            np.arange(len(classes)), test_size=share, random_state=seed, stratify=classes
        )
    except ValueError as error:
        raise DataError(
            f"The rows cannot be divided: {error}",
            got=Shown(f"--holdout {share:g}"),
            hint="--test another_file.csv, and all rows are learned from",
        ) from error
    learned, kept = (RowsTable(table, columns, np.sort(rows)) for rows in parts)
    return learned, kept


def _sections(card: Any, measured: Any, where: str, level: float) -> list[Section]:
    """What a reader asks of a scorecard, in order."""
    scale = f"{card.pdo:g} points double the odds; {card.base_score:g} at {card.base_odds:g} to 1."
    return [
        Section("Performance", measured, where),
        Section(
            "Coefficients",
            card.estimate(level=level),
            f"Of the log odds of {card.good_} to {card.event_}, given the bins.",
        ),
        Section("Points", card.results(), f"{scale} High is {card.good_}."),
    ]
