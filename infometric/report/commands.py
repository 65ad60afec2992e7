"""The commands, on typer. Each is a door to one function of the facade."""

from __future__ import annotations

import contextlib
import csv
import importlib
import io
import math
import sys
import traceback
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from infometric._version import __version__
from infometric.exceptions import InfometricError, InvalidParameterError, Shown, and_list
from infometric.files import check_writable
from infometric.report import terminal, verbs
from infometric.report.document import Report, Section
from infometric.report.options import (
    DEPENDENCES,
    DIVERGENCE_NAMES,
    DIVERGENCES,
    ENTROPIES,
    ENTROPY_NAMES,
    IN_NATS,
    NEIGHBORLY,
    ORDERED,
    Between,
    Binning,
    Bins,
    Block,
    Categorical,
    Choice,
    Columns,
    Compare,
    Constant,
    Empty,
    EmptyCells,
    Engine,
    Estimator,
    Event,
    Exclude,
    Frozen,
    How,
    Html,
    Json,
    Level,
    Limit,
    MaybeUnits,
    Method,
    Neighbors,
    PaperMethod,
    Policy,
    Quiet,
    Shared,
    Special,
    Target,
    Uncertain,
    Units,
    spoken,
)
from infometric.result import Result, ResultTable

app = typer.Typer(
    name="infometric",
    help="Estimates of information with intervals that hold: drift, predictive power, entropy.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


SEED = 0  # a report made again is the same


def run(arguments: list[str]) -> int:
    """Run the command line; returns the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name that the terminal cannot show
            stream.reconfigure(errors="backslashreplace")
    for name in verbs.MODULES:
        importlib.import_module(f"infometric.report.verbs.{name}")
    try:
        app(arguments, prog_name="infometric")
    except InfometricError as error:
        terminal.err.print(
            f"error: {spoken(str(error))}", style="red", markup=False, soft_wrap=True
        )
        return 2
    except BrokenPipeError:
        return 2
    except Exception:  # a defect of ours: say all, and keep 1 for --fail-above
        terminal.err.print(traceback.format_exc(), markup=False, soft_wrap=True)
        return 2
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    return 0


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"infometric {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", "-V", callback=_version, is_eager=True, help="Version.")
    ] = False,
) -> None:
    pass


@app.command()
def psi(
    reference: Annotated[Path, typer.Argument(help="CSV or Parquet file of the reference.")],
    current: Annotated[Path, typer.Argument(help="CSV or Parquet file of the current sample.")],
    columns: Columns = "",
    exclude: Exclude = "",
    bins: Bins = "10",
    binning: How = Binning.QUANTILE,
    categorical: Categorical = "",
    special: Special = "",
    by: Annotated[str | None, typer.Option(help="Column of CURRENT that makes slices.")] = None,
    bins_from: Frozen = None,
    level: Level = 0.95,
    method: PaperMethod = "auto",
    html: Html = None,
    json: Json = None,
    fail_above: Limit = None,
    fail_on: Compare = Choice.VALUE,
    constant: Constant = Policy.REFUSE,
    empty: EmptyCells = Empty.HALF,
    quiet: Quiet = False,
) -> None:
    """Population stability index of each column of CURRENT against REFERENCE."""
    from infometric.functions import psi as estimate

    before(html, json, level, reference, current, limit=fail_above)
    chosen = listed(columns)
    old = opened(reference, categorical, chosen, exclude)
    new = opened(current, categorical, [*chosen, by] if chosen and by else chosen)
    names = [n for n in old.names if n != by]
    options = binned(bins, binning, special, constant, empty, bins_from, names)
    with working(f"PSI of {len(names)} columns", quiet=quiet):
        found = estimate(old, new, by=by, level=level, method=method, rng=SEED, **options)
    note = f"Drift of {current.name} against {reference.name}."
    section = Section("Population stability", tabled("psi", found), note)
    sources = {"reference": reference.name, "current": current.name}
    after("Population stability", [section], sources, html, json, fail_above, fail_on, quiet)


@app.command()
def iv(
    file: Annotated[Path, typer.Argument(help="CSV or Parquet file.")],
    target: Target,
    event: Event = None,
    columns: Columns = "",
    exclude: Exclude = "",
    bins: Bins = "10",
    binning: How = Binning.QUANTILE,
    categorical: Categorical = "",
    special: Special = "",
    by: Annotated[str | None, typer.Option(help="Column that makes slices.")] = None,
    bins_from: Frozen = None,
    level: Level = 0.95,
    method: PaperMethod = "auto",
    html: Html = None,
    json: Json = None,
    fail_above: Limit = None,
    fail_on: Compare = Choice.VALUE,
    constant: Constant = Policy.REFUSE,
    empty: EmptyCells = Empty.HALF,
    quiet: Quiet = False,
) -> None:
    """Information value of each column of FILE about a target with two classes."""
    from infometric.functions import information_value as estimate

    before(html, json, level, file, limit=fail_above)
    chosen = listed(columns)
    beside = [target] if by is None else [target, by]
    table = opened(file, categorical, [*chosen, *beside] if chosen else chosen, exclude)
    names = [n for n in table.names if n not in beside]
    options = binned(bins, binning, special, constant, empty, bins_from, names)
    with working(f"IV of {len(names)} columns", quiet=quiet):
        found = estimate(
            table,
            target,
            by=by,
            event=number(event),
            level=level,
            method=method,
            rng=SEED,
            **options,
        )
    every = tabled("information_value", found)
    ordered = every if by else every.sort()
    note = f"What each characteristic of {file.name} says about {target}."
    section = Section("Information value", ordered, note)
    sources = {"data": file.name, "target": target}
    after("Information value", [section], sources, html, json, fail_above, fail_on, quiet)


@app.command()
def woe(
    file: Annotated[Path, typer.Argument(help="CSV or Parquet file.")],
    target: Target,
    event: Event = None,
    columns: Columns = "",
    exclude: Exclude = "",
    bins: Bins = "10",
    binning: How = Binning.QUANTILE,
    categorical: Categorical = "",
    special: Special = "",
    bins_from: Frozen = None,
    level: Level = 0.95,
    html: Html = None,
    json: Json = None,
    constant: Constant = Policy.REFUSE,
    quiet: Quiet = False,
) -> None:
    """Weight of evidence of each bin: log share of non-events over log share of events."""
    from infometric.functions import weight_of_evidence as estimate

    before(html, json, level, file)
    chosen = listed(columns)
    table = opened(file, categorical, [*chosen, target] if chosen else chosen, exclude)
    names = [n for n in table.names if n != target]
    options = binned(bins, binning, special, constant, Empty.HALF, bins_from, names)
    with working(f"WoE of {len(names)} columns", quiet=quiet):
        found = estimate(table, target, event=number(event), level=level, **options)
    section = Section("Weight of evidence", found, f"Evidence of {file.name} about {target}.")
    sources = {"data": file.name, "target": target}
    after("Weight of evidence", [section], sources, html, json, None, Choice.VALUE, quiet)


@app.command()
def entropy(
    file: Annotated[Path, typer.Argument(help="CSV or Parquet file.")],
    columns: Columns = "",
    exclude: Exclude = "",
    measure: Annotated[Uncertain, typer.Option(help="Which entropy.")] = Uncertain.SHANNON,
    order: Annotated[
        float | None, typer.Option(min=0, help="Order of the others, 2 by default; inf too.")
    ] = None,
    bins: Annotated[str, typer.Option(help="Bins of continuous columns.")] = "",
    categorical: Categorical = "",
    bias: Annotated[
        str, typer.Option(help="Estimator: auto, plug_in, miller_madow, chao_shen, nsb ...")
    ] = "auto",
    alphabet_size: Annotated[
        int | None, typer.Option(min=1, help="Number of possible symbols, seen or not.")
    ] = None,
    units: MaybeUnits = None,
    level: Level = 0.95,
    method: Method = "auto",
    html: Html = None,
    json: Json = None,
    quiet: Quiet = False,
) -> None:
    """Entropy of each column: Shannon's, Rényi's, Tsallis', or the Hill number."""
    from infometric import functions

    before(html, json, level, file)
    shannon, in_nats = measure is Uncertain.SHANNON, measure in (Uncertain.SHANNON, Uncertain.RENYI)
    if shannon:
        without(measure, order=order)
    else:
        without(measure, alphabet_size=alphabet_size)
    if not in_nats:
        without(measure, units=units)
    order = 2.0 if order is None else order
    table = opened(file, categorical, listed(columns), exclude)
    options: dict[str, Any] = {
        "bins": bins_of(bins) if bins else None, "level": level, "method": method,
        "rng": SEED,
    }  # fmt: skip
    if in_nats:
        options["units"] = units or "nats"
    if shannon:
        options |= {"bias": bias, "alphabet_size": alphabet_size}
    else:
        options["bias"] = "plug_in" if bias == "auto" else bias
    estimate = getattr(functions, ENTROPIES[measure])
    with working(f"entropy of {len(table.names)} columns", quiet=quiet):
        found = estimate(table, **options) if shannon else estimate(table, order, **options)
    note = f"Estimator: {bias}." if shannon else f"Order {order:g}, {options['bias']}."
    title = ENTROPY_NAMES[measure]
    section = Section(title, tabled(ENTROPIES[measure], found), note.replace("_", " "))
    sources = {"data": file.name}
    after(title, [section], sources, html, json, None, Choice.VALUE, quiet)


@app.command()
def divergence(
    sample: Annotated[Path, typer.Argument(help="CSV or Parquet file of the sample.")],
    reference: Annotated[Path, typer.Argument(help="CSV or Parquet file of the reference.")],
    columns: Columns = "",
    exclude: Exclude = "",
    measure: Annotated[Between, typer.Option(help="Which divergence.")] = Between.JENSEN_SHANNON,
    order: Annotated[
        float | None, typer.Option(help="Order of Rényi's, Tsallis' and alpha's, 2 by default.")
    ] = None,
    bins: Annotated[str, typer.Option(help="Bins of continuous columns.")] = "",
    categorical: Categorical = "",
    bias: Annotated[
        str, typer.Option(help="plug_in, second_order or, of kl, zhang_grabchak.")
    ] = "plug_in",
    estimator: Estimator = "auto",
    neighbors: Neighbors = None,
    units: MaybeUnits = None,
    level: Level = 0.95,
    method: Method = "auto",
    block: Block = None,
    html: Html = None,
    json: Json = None,
    fail_above: Limit = None,
    fail_on: Compare = Choice.VALUE,
    quiet: Quiet = False,
) -> None:
    """Divergence of SAMPLE from REFERENCE: of each discrete column, or of continuous together."""
    from infometric import functions

    before(html, json, level, sample, reference, limit=fail_above)
    if measure not in ORDERED:
        without(measure, order=order)
    if measure not in IN_NATS:
        without(measure, units=units)
    p = opened(sample, categorical, listed(columns), exclude)
    q = opened(reference, categorical, p.names if columns or exclude else [])
    options: dict[str, Any] = {
        "bins": bins_of(bins) if bins else None, "bias": bias, "level": level,
        "method": in_blocks(method, block), "rng": SEED,
    }  # fmt: skip
    if measure in NEIGHBORLY:
        options |= {"estimator": estimator, "n_neighbors": neighbors}
    else:
        without(measure, estimator=None if estimator == "auto" else estimator, neighbors=neighbors)
    if measure in IN_NATS:
        options["units"] = units or "nats"
    if measure in ORDERED:
        options["order"] = 2.0 if order is None else order
    name = DIVERGENCES[measure]
    with working(f"divergence of {len(p.names)} columns", quiet=quiet):
        found = getattr(functions, name)(p, q, **options)
    title = DIVERGENCE_NAMES[measure]
    note = f"{sample.name} against {reference.name}."
    section = Section(title, tabled(name, found), note)
    sources = {"sample": sample.name, "reference": reference.name}
    after(title, [section], sources, html, json, fail_above, fail_on, quiet)


@app.command()
def mi(
    file: Annotated[Path, typer.Argument(help="CSV or Parquet file.")],
    x: Annotated[str, typer.Option("--x", help="First column.")],
    y: Annotated[str, typer.Option("--y", help="Second column.")],
    given: Annotated[str, typer.Option(help="Columns that are given: a,b.")] = "",
    measure: Annotated[
        Shared, typer.Option(help="Plain, over an entropy, or less chance.")
    ] = Shared.PLAIN,
    bins: Annotated[str, typer.Option(help="Bins of continuous columns.")] = "",
    categorical: Categorical = "",
    bias: Annotated[
        str | None,
        typer.Option(help="plug_in (default), second_order, or an estimator of entropy."),
    ] = None,
    estimator: Estimator = "auto",
    neighbors: Neighbors = None,
    units: MaybeUnits = None,
    level: Level = 0.95,
    method: Method = "auto",
    block: Block = None,
    html: Html = None,
    json: Json = None,
    quiet: Quiet = False,
) -> None:
    """Mutual information of two columns, given others or not."""
    from infometric import functions

    before(html, json, level, file)
    conditions = listed(given)
    if conditions and measure is not Shared.PLAIN:
        raise InvalidParameterError(
            "--given goes with the plain measure alone.",
            got=measure.value,
            hint="leave --measure or --given out",
        )
    if measure is Shared.ADJUSTED:
        without(measure, bias=bias)
    if measure is not Shared.PLAIN:
        named = None if estimator == "auto" else estimator
        without(measure, units=units, estimator=named, neighbors=neighbors)
    table = opened(file, categorical, list(dict.fromkeys([x, y, *conditions])))
    options: dict[str, Any] = {
        "bins": bins_of(bins) if bins else None, "level": level, "method": in_blocks(method, block),
        "rng": SEED,
    }  # fmt: skip
    if measure is Shared.PLAIN:
        options |= {"units": units or "nats", "estimator": estimator, "n_neighbors": neighbors}
    if measure is not Shared.ADJUSTED:
        options["bias"] = bias or "plug_in"
    name = "conditional_mutual_information" if conditions else DEPENDENCES[measure]
    variables = [table.column(x), table.column(y)]
    if conditions:
        variables.append(table.select(conditions))
    with working("mutual information", quiet=quiet):
        found = getattr(functions, name)(*variables, **options)
    line = f"{x} and {y}" + (f" given {', '.join(conditions)}" if conditions else "")
    title = name.replace("_", " ").capitalize()
    sources = {"data": file.name}
    section = Section(title, ResultTable({line: found}))
    after(title, [section], sources, html, json, None, Choice.VALUE, quiet)


@app.command()
def together(
    file: Annotated[Path, typer.Argument(help="CSV or Parquet file.")],
    columns: Annotated[str, typer.Option("--columns", help="The variables: a,b,c.")],
    bins: Annotated[str, typer.Option(help="Bins of continuous columns.")] = "",
    categorical: Categorical = "",
    bias: Annotated[
        str, typer.Option(help="plug_in, second_order, or an estimator of entropy.")
    ] = "plug_in",
    units: Units = "nats",
    level: Level = 0.95,
    method: Method = "auto",
    html: Html = None,
    json: Json = None,
    quiet: Quiet = False,
) -> None:
    """What columns share: total and dual total correlation, and interaction information."""
    from infometric import functions

    before(html, json, level, file)
    table = opened(file, categorical, listed(columns))
    edges = bins_of(bins) if bins else None
    names = ["total_correlation", "dual_total_correlation"]
    if len(table.names) == 3:
        names.append("interaction_information")
    with working(f"{len(table.names)} columns together", quiet=quiet):
        found = {
            name.replace("_", " "): getattr(functions, name)(
                table, bins=edges, bias=bias, units=units, level=level, method=method, rng=SEED
            )
            for name in names
        }
    note = f"Of {', '.join(table.names)}."
    sources = {"data": file.name}
    section = Section("Columns together", ResultTable(found), note)
    after("Columns together", [section], sources, html, json, None, Choice.VALUE, quiet)


@app.command("transfer-entropy")
def transfer_entropy(
    file: Annotated[Path, typer.Argument(help="CSV or Parquet file, rows in order of time.")],
    source: Annotated[str, typer.Option(help="Column that may lead.")],
    target: Annotated[str, typer.Option(help="Column that may follow.")],
    lag: Annotated[int, typer.Option(min=1, help="Steps from source to target.")] = 1,
    source_history: Annotated[int, typer.Option(min=1, help="Past values of the source.")] = 1,
    target_history: Annotated[int, typer.Option(min=1, help="Past values of the target.")] = 1,
    bins: Annotated[str, typer.Option(help="Bins of continuous columns.")] = "",
    categorical: Categorical = "",
    bias: Annotated[
        str, typer.Option(help="plug_in, second_order, or an estimator of entropy.")
    ] = "plug_in",
    estimator: Estimator = "auto",
    neighbors: Neighbors = None,
    units: Units = "nats",
    level: Level = 0.95,
    method: Method = "auto",
    block: Block = None,
    html: Html = None,
    json: Json = None,
    quiet: Quiet = False,
) -> None:
    """Transfer entropy between two series, in both directions."""
    from infometric import functions

    before(html, json, level, file)
    table = opened(file, categorical, [source, target])
    edges = bins_of(bins) if bins else None
    options: dict[str, Any] = {
        "lag": lag, "source_history": source_history, "target_history": target_history,
        "bins": edges, "bias": bias, "units": units, "level": level,
        "method": in_blocks(method, block), "rng": SEED,
        "estimator": estimator, "n_neighbors": neighbors,
    }  # fmt: skip
    with working("transfer entropy", quiet=quiet):
        found = {
            f"{a} to {b}": functions.transfer_entropy(table.column(a), table.column(b), **options)
            for a, b in ((source, target), (target, source))
        }
    sources = {"data": file.name}
    section = Section("Transfer entropy", ResultTable(found))
    after("Transfer entropy", [section], sources, html, json, None, Choice.VALUE, quiet)


@app.command("differential-entropy")
def differential_entropy(
    file: Annotated[Path, typer.Argument(help="CSV or Parquet file.")],
    columns: Columns = "",
    exclude: Exclude = "",
    together: Annotated[
        bool, typer.Option("--together", help="One entropy of all columns as a vector.")
    ] = False,
    estimator: Annotated[
        str, typer.Option(help="auto, knn, weighted, vasicek, van_es, ebrahimi, correa, gaussian.")
    ] = "auto",
    neighbors: Neighbors = None,
    units: Units = "nats",
    level: Level = 0.95,
    method: Method = "auto",
    block: Block = None,
    html: Html = None,
    json: Json = None,
    quiet: Quiet = False,
) -> None:
    """Entropy of continuous columns, of each or of all together."""
    from infometric import functions

    before(html, json, level, file)
    table = opened(file, "", listed(columns), exclude)
    options: dict[str, Any] = {
        "estimator": estimator, "n_neighbors": neighbors, "units": units, "level": level,
        "method": in_blocks(method, block), "rng": SEED,
    }  # fmt: skip
    parts = (
        {", ".join(table.names): table} if together else {n: table.column(n) for n in table.names}
    )
    with working(f"entropy of {len(table.names)} columns", quiet=quiet):
        found = {n: functions.differential_entropy(part, **options) for n, part in parts.items()}
    section = Section("Differential entropy", ResultTable(found), f"Estimator: {estimator}.")
    sources = {"data": file.name}
    after("Differential entropy", [section], sources, html, json, None, Choice.VALUE, quiet)


@app.command("score-features")
def score_features(
    file: Annotated[Path, typer.Argument(help="CSV or Parquet file.")],
    target: Annotated[str, typer.Option("--target", "-t", help="Column to know more about.")],
    columns: Columns = "",
    exclude: Exclude = "",
    bins: Annotated[str, typer.Option(help="Bins of continuous columns.")] = "",
    categorical: Categorical = "",
    estimator: Estimator = "auto",
    neighbors: Neighbors = None,
    units: Units = "nats",
    level: Level = 0.95,
    method: Method = "auto",
    block: Block = None,
    html: Html = None,
    json: Json = None,
    quiet: Quiet = False,
) -> None:
    """Mutual information of each column with a target, the strongest first."""
    from infometric import functions

    before(html, json, level, file)
    wanted = listed(columns)
    table = opened(
        file, categorical, list(dict.fromkeys([*wanted, target])) if wanted else [], exclude
    )
    with working(f"information of {len(table.names) - 1} columns", quiet=quiet):
        found = functions.score_features(
            table, target, bins=bins_of(bins) if bins else None, estimator=estimator,
            n_neighbors=neighbors, units=units, level=level,
            method=in_blocks(method, block), rng=SEED,
        )  # fmt: skip
    title = f"Information about {target}"
    note = "p-values are adjusted for the number of columns (Holm, Benjamini-Hochberg)."
    after(
        title,
        [Section(title, found, note)],
        {"data": file.name},
        html,
        json,
        None,
        Choice.VALUE,
        quiet,
    )


@app.command("mi-matrix")
def mi_matrix(
    file: Annotated[Path, typer.Argument(help="CSV or Parquet file.")],
    columns: Columns = "",
    exclude: Exclude = "",
    bins: Annotated[str, typer.Option(help="Bins of continuous columns.")] = "",
    categorical: Categorical = "",
    units: Units = "nats",
    level: Level = 0.95,
    top: Annotated[int, typer.Option(min=1, help="Pairs to print, the strongest first.")] = 20,
    engine: Annotated[Engine, typer.Option(help="How pairs are counted.")] = Engine.AUTO,
    html: Html = None,
    json: Json = None,
    quiet: Quiet = False,
) -> None:
    """Mutual information of every pair of columns."""
    from infometric.functions import mutual_information_matrix as estimate

    before(html, json, level, file)
    table = opened(file, categorical, listed(columns), exclude)
    edges = bins_of(bins) if bins else None
    with working(f"pairs of {len(table.names)} columns", quiet=quiet):
        found = estimate(table, bins=edges, units=units, level=level, engine=engine.value)
    note = (
        f"The strongest of {len(found):,} pairs, by the value less its bias; p-values are adjusted "
        "for all of them."
    )
    section = Section("Mutual information of pairs", found.top(top), note, found)
    sources = {"data": file.name}
    after("Mutual information of pairs", [section], sources, html, json, None, Choice.VALUE, quiet)
    if not quiet:
        for text in found.warnings:
            terminal.err.print(f"note: {text}", style="yellow", markup=False, soft_wrap=True)


@app.command()
def demo(
    folder: Annotated[
        Path, typer.Option("--out", help="Folder of report.html and report.json.")
    ] = Path(),
    quiet: Quiet = False,
) -> None:
    """The main job on bundled real data: credit applicants, and card clients over six months."""
    from infometric.report.demo import demo_report

    html, json = folder / "report.html", folder / "report.json"
    before(html, json, 0.95)
    with working("reading and counting", quiet=quiet):
        report = demo_report()
    after(
        report.title, list(report.sections), dict(report.sources), html, json, None,
        Choice.VALUE, quiet,
    )  # fmt: skip


# --- what the commands share ----------------------------------------------------------------


def before(
    html: Path | None, json: Path | None, level: float, *inputs: Path, limit: float | None = None
) -> None:
    """Refuse, before the work, what would fail after it, or write over what is read."""
    from infometric.inference import check_level

    check_level(level)
    if limit is not None and not limit >= 0:
        raise InvalidParameterError(
            "--fail-above needs a number that is not negative.", got=limit, hint="--fail-above 0.25"
        )
    outputs = [path.resolve() for path in (html, json) if path is not None]
    taken = [path.resolve() for path in inputs]
    if len(set(outputs)) < len(outputs) or set(outputs) & set(taken):
        raise InvalidParameterError(
            "Every report needs a file of its own, beside the data.",
            got=Shown(", ".join(str(p) for p in (html, json) if p is not None)),
            hint="--html report.html --json report.json",
        )
    for path in (html, json):
        check_writable(path)


def after(
    title: str,
    sections: list[Section],
    sources: dict[str, str],
    html: Path | None,
    json: Path | None,
    limit: float | None,
    compare: Choice,
    quiet: bool,
) -> None:
    """Print, write the files, and compare with the limit; exits with 1 where it is exceeded."""
    report = Report(title, tuple(sections), sources)
    if not quiet:
        for section in sections:
            terminal.show(section.name, section.table)
    for path, write in ((html, report.to_html), (json, report.to_json)):
        if path is not None:
            written(path, write)
    above = [n for s in sections for n in exceeding(s.table, limit, compare)]
    for name in above:
        terminal.err.print(f"above {limit:g}: {name}", style="red", markup=False)
    if above:
        raise typer.Exit(1)


def without(measure: StrEnum, **given: Any) -> None:
    """Error for an option that the measure knows nothing of."""
    for name, value in given.items():
        if value is not None:
            option = f"--{name.replace('_', '-')}"
            raise InvalidParameterError(
                f"{option} has no part in the measure {measure.value!r}.",
                got=value,
                hint=f"leave {option} out, or choose another --measure",
            )


@contextlib.contextmanager
def working(text: str, *, quiet: bool) -> Iterator[None]:
    """A bar in the terminal that follows the counting."""
    from infometric.sources.progress import listening

    with terminal.working(text, quiet=quiet) as advance, listening(advance):
        yield


def written(path: Path, write: Callable[[Path], Path]) -> None:
    """Write one file and say where it is."""
    terminal.out.print(f"wrote {write(path).resolve()}", markup=False, soft_wrap=True)


def exceeding(table: ResultTable, limit: float | None, compare: Choice) -> list[str]:
    """Names of the results above the limit."""
    if limit is None:
        return []
    pick: dict[Choice, Callable[[Result], float]] = {
        Choice.VALUE: lambda r: r.value,
        Choice.UPPER: lambda r: r.ci.high,
        Choice.LOWER: lambda r: r.ci.low,
    }
    unknown = [name for name, r in table.items() if math.isnan(pick[compare](r))]
    if unknown:
        raise InvalidParameterError(
            f"--fail-above compares the {compare.value}, and these lines have none that is known.",
            got=and_list(unknown),
            hint="leave --method at auto, --exclude them, or --fail-on value",
        )
    return [name for name, r in table.items() if pick[compare](r) > limit]


def tabled(measure: str, found: Result | ResultTable) -> ResultTable:
    """A table, also of one result."""
    return found if isinstance(found, ResultTable) else ResultTable({measure: found})


def opened(path: Path, categorical: str, columns: list[str], exclude: str = "") -> Any:
    """Table of a file, with some of its columns."""
    from infometric.sources import open_table

    table = open_table(path, categorical=listed(categorical))
    table.require(listed(categorical))
    gone = listed(exclude)
    table.require(gone)
    if not columns and not gone:
        return table
    return table.select([n for n in columns or table.names if n not in gone])


def binned(
    bins: str,
    binning: Binning,
    special: str,
    constant: Policy,
    empty: Empty,
    bins_from: Path | None,
    names: list[str],
) -> dict[str, Any]:
    """Options of the binned estimators."""
    options = {
        "binning": binning.value,
        "special": codes_of(special),
        "constant": constant.value,
        "empty": empty.value,
    }
    if bins_from is not None and bins != "10":
        raise InvalidParameterError(
            "--bins-from brings the bins, and --bins would make others.",
            got=bins,
            hint=f"--bins-from {bins_from} alone",
        )
    if bins_from is None:
        return options | {"bins": bins_of(bins)}
    frozen = Report.from_json(bins_from).encoders(names)
    return options | {"bins": {name: frozen[name] for name in names}}


def codes_of(special: str) -> list[Any]:
    """Special codes as numbers.

    Raises
    ------
    InvalidParameterError
        Where one is no number.
    """
    codes = [number(code) for code in listed(special)]
    if any(isinstance(code, str) for code in codes):
        raise InvalidParameterError(
            "--special takes numbers, separated by commas.", got=special, hint="--special=-1,999"
        )
    return codes


def in_blocks(method: str, block: int | None) -> Any:
    """The method asked for, with the blocks asked for.

    Raises
    ------
    InvalidParameterError
        Where the method knows nothing of blocks.
    """
    if block is None:
        return method
    if method not in ("auto", "subsampling"):
        raise InvalidParameterError(
            "--block belongs to the method 'subsampling'.", got=method, hint="leave --method out"
        )
    from infometric.uncertainty import Subsampling

    return Subsampling(block=block)


def bins_of(text: str) -> int | list[float]:
    """A number of bins, or a list of edges."""
    parts = [number(part) for part in listed(text)]
    if not parts or any(isinstance(part, str) for part in parts):
        raise InvalidParameterError(
            "--bins takes a number of bins, or inner edges separated by commas.",
            got=text,
            hint="--bins 10",
        )
    if len(parts) == 1 and isinstance(parts[0], int):
        return parts[0]
    return [float(part) for part in parts]


def listed(text: str) -> list[str]:
    """Parts of a text between commas; quotes keep a comma, as in CSV."""
    parts = next(csv.reader([text], skipinitialspace=True), [])
    return [part.strip() for part in parts if part.strip()]


def number(text: str | None) -> Any:
    """Number that a text says, or the text."""
    if text is None:
        return None
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
