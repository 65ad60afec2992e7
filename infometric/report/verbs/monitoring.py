"""A model under watch: ``infometric monitor``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from infometric.exceptions import InvalidParameterError, Shown, SourceError, and_list
from infometric.report import terminal
from infometric.report.commands import (
    after,
    app,
    before,
    bins_of,
    codes_of,
    listed,
    number,
    opened,
    working,
)
from infometric.report.options import (
    Binning,
    Bins,
    Categorical,
    Choice,
    Columns,
    Constant,
    Empty,
    EmptyCells,
    Exclude,
    How,
    Html,
    Json,
    Level,
    Policy,
    Quiet,
    Special,
)
from infometric.timeline import Timeline

TITLE = "Stability over time"


class Fail(StrEnum):
    """What of the last period makes the command exit with 1."""

    NEVER = "never"
    ALARM = "alarm"
    SHIFTED = "shifted"
    UNSTABLE = "unstable"


class Baseline(StrEnum):
    """What a period is compared with."""

    REFERENCE = "reference"
    PREVIOUS = "previous"
    POOLED = "pooled"


class Over(StrEnum):
    """Adjustment over the columns of a period."""

    HOLM = "holm"
    BENJAMINI_HOCHBERG = "bh"


class Looks(StrEnum):
    """Adjustment over time."""

    SPENDING = "spending"
    NONE = "none"


@app.command()
def monitor(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            help="REFERENCE and CURRENT, CSV or Parquet; with --from-records CURRENT or nothing.",
            metavar="[REFERENCE] [CURRENT]",
        ),
    ] = None,
    by: Annotated[str | None, typer.Option(help="Column of CURRENT that says the period.")] = None,
    period: Annotated[
        str | None, typer.Option(help="Name of the one period that CURRENT holds.")
    ] = None,
    score: Annotated[str | None, typer.Option(help="Column that is the model's score.")] = None,
    scorecard: Annotated[
        Path | None, typer.Option(help="JSON of a scorecard: its bins, and points for the CSI.")
    ] = None,
    records: Annotated[
        Path | None, typer.Option(help="File of audit records: begun, or gone on with.")
    ] = None,
    from_records: Annotated[
        Path | None, typer.Option(help="Take bins, policy and history from these records.")
    ] = None,
    columns: Columns = "",
    exclude: Exclude = "",
    bins: Bins = "10",
    binning: How = Binning.QUANTILE,
    categorical: Categorical = "",
    special: Special = "",
    cluster: Annotated[
        str | None, typer.Option(help="Column that says which records belong together.")
    ] = None,
    weight: Annotated[str | None, typer.Option(help="Column of record weights.")] = None,
    baseline: Annotated[
        Baseline, typer.Option(help="What a period is compared with.")
    ] = Baseline.REFERENCE,
    limits: Annotated[str, typer.Option(help="The two limits of the verdict.")] = "0.1,0.25",
    alpha: Annotated[float, typer.Option(help="Chance of any false alarm.")] = 0.05,
    multiplicity: Annotated[Over, typer.Option(help="Adjustment over columns.")] = Over.HOLM,
    sequential: Annotated[Looks, typer.Option(help="Adjustment over time.")] = Looks.SPENDING,
    fail_on: Annotated[
        Fail, typer.Option(help="Exit with 1 if a column of the last period has this.")
    ] = Fail.NEVER,
    level: Level = 0.95,
    html: Html = None,
    json: Json = None,
    constant: Constant = Policy.REFUSE,
    empty: EmptyCells = Empty.HALF,
    quiet: Quiet = False,
) -> None:
    """Stability of a score and its characteristics, period after period, with audit records."""
    from infometric.credit import StabilityMonitor

    paths = list(files or [])
    _check_files(paths, from_records, records, by, period)
    thresholds = _limits(limits)
    before(html, json, level, *paths, *(p for p in (records, from_records) if p is not None))
    current = paths[-1] if len(paths) == 2 or (from_records and paths) else None
    with working("counting", quiet=quiet):
        if from_records is not None:
            watch = StabilityMonitor.from_records(from_records)
        else:
            old = opened(paths[0], categorical, [])
            gone = listed(exclude) + ([by] if by is not None and by in old.names else [])
            watch = StabilityMonitor(
                score=score, columns=listed(columns) or None,
                exclude=gone,
                binning=binning.value, categorical=listed(categorical), special=codes_of(special),
                cluster=cluster, baseline=baseline.value, thresholds=thresholds, alpha=alpha,
                level=level, multiplicity=multiplicity.value, sequential=sequential.value,
                constant=constant.value, empty=empty.value, records=records,
                **_cells(bins, scorecard),
            ).fit(old, sample_weight=weight)  # fmt: skip
        if current is not None:
            watch.update(opened(current, categorical, []), period, by=by, sample_weight=weight)
    timeline = watch.timeline()
    sources = {role: str(path.name) for role, path in zip(("reference", "current"), paths,
                                                          strict=False)}  # fmt: skip
    if from_records is not None:
        sources = {"records": from_records.name} | ({"current": current.name} if current else {})
    _tell(timeline, sources, html, json, quiet)
    _fail(timeline, fail_on)


def _check_files(
    paths: list[Path], from_records: Path | None, records: Path | None, by: str | None,
    period: str | None,
) -> None:  # fmt: skip
    """Refuse what does not say which file is what, and which period is meant."""
    most = 1 if from_records is not None else 2
    if len(paths) > most or not (paths or from_records):
        raise InvalidParameterError(
            "Give a reference and a current file, or records and at most a current file.",
            got=Shown(", ".join(map(str, paths)) or "no file"),
            hint="infometric monitor reference.csv current.csv --by month --records audit.jsonl",
        )
    if from_records is not None and records is not None:
        raise InvalidParameterError(
            "--from-records goes on with the records it reads, and --records would begin others.",
            got=str(records),
            hint=f"--from-records {from_records} alone",
        )
    if from_records is not None and not from_records.is_file():
        raise SourceError(
            f"{from_records} cannot be read: there is no such file.",
            hint=f"infometric monitor reference.csv --records {from_records} begins the records",
        )
    new = len(paths) == most
    if new and (by is None) == (period is None):
        raise InvalidParameterError(
            "A period has a name, or a column says it.",
            got={"by": by, "period": period},
            hint="--by month, or --period 2026-01",
        )
    if not new and records is None and from_records is None:
        raise InvalidParameterError(
            "A reference alone begins records, and there is no file for them.",
            got=Shown(", ".join(map(str, paths))),
            hint="--records audit.jsonl",
        )


def _limits(text: str) -> tuple[float, float]:
    found = [number(part) for part in listed(text)]
    if len(found) != 2 or any(isinstance(v, str) for v in found):
        raise InvalidParameterError(
            "--limits takes two numbers, separated by a comma.", got=text, hint="--limits 0.1,0.25"
        )
    return float(found[0]), float(found[1])


def _cells(bins: str, scorecard: Path | None) -> dict[str, Any]:
    """Bins, and the points of a scorecard where there is one."""
    if scorecard is None:
        return {"bins": bins_of(bins)}
    from infometric.credit.scorecard import Scorecard

    card = Scorecard.from_json(scorecard)
    return {"bins": card.encoders_, "points": card.points_}


def _tell(
    timeline: Timeline, sources: dict[str, str], html: Path | None, json: Path | None, quiet: bool
) -> None:
    """Print the course and the last period, and write the report."""
    if not len(timeline):
        if not quiet:
            terminal.out.print("records begun; no period yet", markup=False)
        return
    report = timeline.report(TITLE, **sources)
    after(TITLE, list(report.sections), sources, html, json, None, Choice.VALUE, quiet)
    if not quiet:
        terminal.out.print(timeline.summary(), markup=False, soft_wrap=True)


def _fail(timeline: Timeline, what: Fail) -> None:
    """Exit with 1 where a column of the last period has what was named."""
    if what is Fail.NEVER or not len(timeline):
        return
    table = timeline[timeline.latest]
    tests: dict[Fail, Any] = {
        Fail.ALARM: lambda d: d.get("alarm"),
        Fail.SHIFTED: lambda d: d.get("verdict") == "shifted",
        Fail.UNSTABLE: lambda d: d.get("verdict") != "stable",
    }
    found = [name for name, r in table.items() if tests[what](r.diagnostics)]
    if found:
        text = f"{what.value} in {timeline.latest}: {and_list(found, limit=20)}"
        terminal.err.print(text, style="red", markup=False)
        raise typer.Exit(1)
