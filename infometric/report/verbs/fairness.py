"""Fairness: ``infometric frontier`` and ``infometric impact``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from infometric.exceptions import InvalidParameterError
from infometric.files import check_writable, write_text
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
    Event,
    Exclude,
    Html,
    Json,
    Level,
    Quiet,
    Special,
    Target,
)
from infometric.result import ResultTable

Protected = Annotated[
    str,
    typer.Option(
        "--protected",
        help="Protected columns, numbers cut into groups by =: SEX,AGE=25:60.",
    ),
]


class Order(StrEnum):
    """Order of the event rates over bins."""

    NONE = "none"
    ASCENDING = "ascending"
    DESCENDING = "descending"
    AUTO = "auto"


@app.command()
def frontier(
    file: Annotated[Path, typer.Argument(help="CSV or Parquet file.")],
    target: Target,
    protected: Protected,
    budgets: Annotated[
        str, typer.Option(help="Largest protected information values in nats: 0.02,0.05,0.1.")
    ] = "",
    event: Event = None,
    columns: Columns = "",
    exclude: Exclude = "",
    categorical: Categorical = "",
    special: Special = "",
    pre_bins: Annotated[int, typer.Option(min=2, max=60, help="Fine cells of a column.")] = 20,
    max_bins: Annotated[int, typer.Option(min=2, help="Greatest number of bins.")] = 6,
    monotonic: Annotated[Order, typer.Option(help="Order of the event rates.")] = Order.NONE,
    chance: Annotated[
        float | None, typer.Option(help="Confidence of the chance constraint: 0.95.")
    ] = None,
    per_feature: Annotated[
        bool, typer.Option("--per-feature", help="A budget for each column, not for their sum.")
    ] = False,
    gap: Annotated[float, typer.Option(min=0, help="Relative gap that ends the search.")] = 1e-4,
    holdout: Annotated[float, typer.Option(help="Share of the records held out.")] = 0.3,
    save: Annotated[
        Path | None, typer.Option(help="Write the frontier with the bins of every point as JSON.")
    ] = None,
    level: Level = 0.95,
    html: Html = None,
    json: Json = None,
    quiet: Quiet = False,
) -> None:
    """Best bins of FILE about a target within budgets of information on protected attributes."""
    from infometric.credit import fair_frontier

    before(html, json, level, file)
    check_writable(save)
    groups = attributes_of(protected)
    chosen = listed(columns)
    beside = [n for n in (target, *groups) if n not in chosen]
    table = opened(file, categorical, [*chosen, *beside] if chosen else chosen, exclude)
    with working(f"bins of {len(table.names) - 1 - len(groups)} columns", quiet=quiet):
        found = fair_frontier(
            table,
            target,
            groups,
            budgets=budgets_of(budgets),
            pre_bins=pre_bins,
            max_bins=max_bins,
            monotonic=None if monotonic is Order.NONE else monotonic.value,
            chance=chance,
            per_feature=per_feature,
            gap=gap,
            holdout=holdout,
            level=level,
            event=number(event),
            categorical=listed(categorical),
            special=codes_of(special),
            rng=SEED,
        )
    sections = [
        Section(_title(name), _with_meta(results), _note(name, found))
        for name, results in found.tables().items()
    ]
    sources = {"data": file.name, "target": target, "protected": protected}
    after("How fair can it be", sections, sources, html, json, None, Choice.VALUE, quiet)
    if save is not None:
        written(save, lambda path: write_text(path, found.to_json()))


@app.command()
def impact(
    file: Annotated[Path, typer.Argument(help="CSV or Parquet file.")],
    decision: Annotated[str, typer.Option("--decision", help="Column with two decisions.")],
    protected: Protected,
    favourable: Annotated[str | None, typer.Option(help="The favourable decision.")] = None,
    outcome: Annotated[str | None, typer.Option(help="Column of the outcome.")] = None,
    score: Annotated[str | None, typer.Option(help="Column of the score.")] = None,
    event: Event = None,
    level: Level = 0.95,
    html: Html = None,
    json: Json = None,
    quiet: Quiet = False,
) -> None:
    """Adverse impact ratio and other differences of decisions between protected groups."""
    from infometric.credit import adverse_impact

    before(html, json, level, file)
    groups = attributes_of(protected)
    names = [n for n in (decision, outcome, score, *groups) if n is not None]
    table = opened(file, "", list(dict.fromkeys(names)))
    with working("rates of the groups", quiet=quiet):
        found = adverse_impact(
            decision,
            groups,
            y=outcome,
            score=score,
            data=table,
            favourable=number(favourable),
            event=number(event),
            level=level,
        )
    note = f"Decisions of {file.name} by group; each is compared with the largest."
    sources = {"data": file.name, "decision": decision, "protected": protected}
    sections = [
        Section(measure.replace("_", " ").capitalize(), table, note)
        for measure, table in _by_measure(found).items()
    ]
    after("Adverse impact", sections, sources, html, json, None, Choice.VALUE, quiet)


def budgets_of(text: str) -> list[float] | None:
    """Budgets in nats, or None where none is given."""
    values = [number(part) for part in listed(text)]
    if any(isinstance(v, str) for v in values):
        raise InvalidParameterError(
            "--budgets takes numbers of nats, separated by commas.",
            got=text,
            hint="--budgets 0.02,0.05,0.1",
        )
    return [float(v) for v in values] or None


def attributes_of(text: str) -> dict[str, list[float] | None]:
    """Protected columns, and the edges of those that are cut.

    Examples
    --------
    >>> attributes_of("SEX,AGE=25:60")
    {'SEX': None, 'AGE': [25.0, 60.0]}
    """
    found: dict[str, list[float] | None] = {}
    for part in listed(text):
        name, _, edges = part.partition("=")
        values: list[Any] = [number(e) for e in edges.split(":")] if edges else []
        if any(isinstance(v, str) for v in values):
            raise InvalidParameterError(
                "--protected cuts a number by a list of numbers.",
                got=part,
                hint="--protected SEX,AGE=25:60",
            )
        found[name] = [float(v) for v in values] or None
    if not found:
        raise InvalidParameterError(
            "--protected names no column.", got=text, hint="--protected SEX"
        )
    return found


def _by_measure(found: ResultTable) -> dict[str, ResultTable]:
    """A table for each measure: they have no scale in common."""
    names = list(dict.fromkeys(r.measure for r in found.values()))
    tables = {}
    for measure in names:
        here = [i for i, r in enumerate(found.values()) if r.measure == measure]
        prefix = f"{measure} @ "  # the section says it
        lines = {n.removeprefix(prefix): r for n, r in found.items() if r.measure == measure}
        adjusted = {k: [v[i] for i in here] for k, v in found.adjusted.items()}
        meta = dict(found.meta) | {"estimator": "adverse_impact"}
        tables[measure] = ResultTable(lines, adjusted=adjusted, meta=meta)
    return tables


def _title(name: str) -> str:
    return "Information about the target" if name == "performance" else f"Protected: {name}"


def _note(name: str, found: Any) -> str:
    records = found.parameters["records"]["held out"]
    if name == "performance":
        return (
            f"Information values of the columns that are kept, summed, on {records:,} records that "
            "chose no bins; a line for each budget of protected information."
        )
    return (
        "The same about the protected groups. A budget is claimed only where the one-sided 95 % "
        "upper bound is within it."
    )


def _with_meta(results: ResultTable) -> ResultTable:
    return ResultTable(dict(results), meta={"estimator": "FairnessFrontier"})
