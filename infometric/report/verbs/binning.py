"""Bins chosen with the target: ``infometric bin``."""

from __future__ import annotations

import warnings
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from infometric.exceptions import ReliabilityWarning
from infometric.files import check_writable
from infometric.report.commands import (
    after,
    app,
    before,
    codes_of,
    listed,
    number,
    opened,
    tabled,
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
    Json,
    Level,
    Policy,
    Quiet,
    Special,
    Target,
)

SHOWN = 5  # characteristics whose bins are printed


class Engine(StrEnum):
    """How bins are chosen."""

    OPTIMAL = "optimal"
    STUMPS = "stumps"


class Trend(StrEnum):
    """Order of the event rates."""

    AUTO = "auto"
    ASCENDING = "ascending"
    DESCENDING = "descending"
    PEAK = "peak"
    VALLEY = "valley"
    NONE = "none"


class Selection(StrEnum):
    """What keeps the choice of bins and their evaluation apart."""

    CROSS_FIT = "cross_fit"
    SPLIT = "split"
    IN_SAMPLE = "in_sample"


@app.command("bin")
def bin_(
    file: Annotated[Path, typer.Argument(help="CSV or Parquet file.")],
    target: Target,
    event: Event = None,
    columns: Columns = "",
    exclude: Exclude = "",
    engine: Annotated[Engine, typer.Option(help="How bins are chosen.")] = Engine.OPTIMAL,
    max_bins: Annotated[int, typer.Option(min=1, help="Greatest number of bins.")] = 8,
    monotonic: Annotated[Trend, typer.Option(help="Order of the event rates.")] = Trend.AUTO,
    min_bin_size: Annotated[
        float, typer.Option(min=0, help="Least records of a bin; below 1 their share.")
    ] = 0.05,
    max_pvalue: Annotated[
        float | None, typer.Option(help="Greatest p-value of equal neighbours.")
    ] = None,
    selection: Annotated[
        Selection, typer.Option(help="How the information value is kept honest.")
    ] = Selection.CROSS_FIT,
    categorical: Categorical = "",
    special: Special = "",
    save: Annotated[
        Path | None, typer.Option(help="Write the frozen bins, with their hash, as JSON.")
    ] = None,
    level: Level = 0.95,
    html: Html = None,
    json: Json = None,
    constant: Constant = Policy.REFUSE,
    quiet: Quiet = False,
) -> None:
    """Bins of each column of FILE with the most information on a target, frozen and hashed."""
    from infometric.functions import information_value

    before(html, json, level, file)
    check_writable(save)
    chosen = listed(columns)
    table = opened(file, categorical, [*chosen, target] if chosen else chosen, exclude)
    binning = _binning(engine, max_bins, monotonic, min_bin_size, max_pvalue)
    binning.set_params(
        special=codes_of(special), constant=constant.value, event=number(event), units="nats"
    )
    with working(f"bins of {len(table.names) - 1} columns", quiet=quiet):
        found = tabled(
            "information_value",
            information_value(
                table, target, bins=binning, event=number(event), level=level,
                selection=selection.value,
            ),
        ).sort()  # fmt: skip
        binning.fit(table, target)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ReliabilityWarning)  # the note says it once
            evidence = binning.estimate(level=level)
    note = f"What each characteristic of {file.name} says about {target}, {selection.value}."
    sections = [Section("Information value", found, note.replace("_", "-"))]
    for name in list(found)[:SHOWN]:
        sections.append(Section(f"Bins of {name}", _own(evidence, name), _account(binning, name)))
    sources = {"data": file.name, "target": target, "bins": binning.hash_}
    after("Bins", sections, sources, html, json, None, Choice.VALUE, quiet)
    if save is not None:
        written(save, binning.to_json)


def _binning(
    engine: Engine, max_bins: int, trend: Trend, min_bin_size: float, max_pvalue: float | None
) -> Any:
    from infometric.credit import OptimalBinning, StumpBinning

    kind: Any = OptimalBinning if engine is Engine.OPTIMAL else StumpBinning
    return kind(
        max_bins=max_bins,
        monotonic=None if trend is Trend.NONE else trend.value,
        min_bin_size=min_bin_size,
        max_pvalue=max_pvalue,
    )


def _own(evidence: Any, name: str) -> Any:
    """Evidence of the bins of one column."""
    from infometric.result import ResultTable

    start = f"{name}: "
    own = {
        # what the note of the section says is said once
        k.removeprefix(start): replace(
            r, warnings=tuple(w for w in r.warnings if not w.startswith("in-sample"))
        )
        for k, r in evidence.items()
        if k.startswith(start)
    }
    return ResultTable(own, meta=evidence.meta)


def _account(binning: Any, name: str) -> str:
    """How the bins of one column were found."""
    learned = binning.encoders_[name].learned
    told = f"{learned.get('trend') or 'no'} order of event rates".capitalize()
    share = learned.get("share_of_bound")
    if share is not None:
        told += f", {100 * share:.0f} % of what any such bins could keep"
    return f"{told}. Chosen on these rows, so without p-values."
