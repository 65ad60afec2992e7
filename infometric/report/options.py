"""The options of the commands: their names, choices and types, and how a hint speaks of them."""

from __future__ import annotations

import ast
import csv
import io
import re
import shlex
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Choice(StrEnum):
    """What ``--fail-above`` compares."""

    VALUE = "value"
    UPPER = "upper"
    LOWER = "lower"


class Policy(StrEnum):
    """What becomes of a column with one value."""

    REFUSE = "raise"
    KEEP = "keep"


class Empty(StrEnum):
    """What becomes of a cell that one sample left empty."""

    HALF = "half"
    REFUSE = "raise"
    MERGE = "merge"
    DROP = "drop"


class Engine(StrEnum):
    """What counts the pairs of columns."""

    AUTO = "auto"
    NUMBA = "numba"
    NUMPY = "numpy"


class Binning(StrEnum):
    """How a number of bins becomes edges."""

    QUANTILE = "quantile"
    UNIFORM = "uniform"


class Uncertain(StrEnum):
    """Entropies of one column."""

    SHANNON = "shannon"
    RENYI = "renyi"
    TSALLIS = "tsallis"
    HILL = "hill"


class Between(StrEnum):
    """Divergences of two samples."""

    KL = "kl"
    JEFFREYS = "jeffreys"
    JENSEN_SHANNON = "js"
    JENSEN_SHANNON_DISTANCE = "js-distance"
    HELLINGER = "hellinger"
    TOTAL_VARIATION = "tv"
    RENYI = "renyi"
    TSALLIS = "tsallis"
    ALPHA = "alpha"


class Shared(StrEnum):
    """Forms of the mutual information of two columns."""

    PLAIN = "plain"
    NORMALIZED = "normalized"
    ADJUSTED = "adjusted"


# the function of the facade behind each
ENTROPIES = {
    Uncertain.SHANNON: "entropy",
    Uncertain.RENYI: "renyi_entropy",
    Uncertain.TSALLIS: "tsallis_entropy",
    Uncertain.HILL: "hill_number",
}
DIVERGENCES = {
    Between.KL: "kl_divergence",
    Between.JEFFREYS: "jeffreys_divergence",
    Between.JENSEN_SHANNON: "jensen_shannon_divergence",
    Between.JENSEN_SHANNON_DISTANCE: "jensen_shannon_distance",
    Between.HELLINGER: "hellinger_distance",
    Between.TOTAL_VARIATION: "total_variation",
    Between.RENYI: "renyi_divergence",
    Between.TSALLIS: "tsallis_divergence",
    Between.ALPHA: "alpha_divergence",
}
ENTROPY_NAMES = {
    Uncertain.SHANNON: "Shannon entropy",
    Uncertain.RENYI: "Rényi entropy",
    Uncertain.TSALLIS: "Tsallis entropy",
    Uncertain.HILL: "Hill number",
}
DIVERGENCE_NAMES = {
    Between.KL: "Kullback-Leibler divergence",
    Between.JEFFREYS: "Jeffreys divergence",
    Between.JENSEN_SHANNON: "Jensen-Shannon divergence",
    Between.JENSEN_SHANNON_DISTANCE: "Jensen-Shannon distance",
    Between.HELLINGER: "Hellinger distance",
    Between.TOTAL_VARIATION: "Total variation distance",
    Between.RENYI: "Rényi divergence",
    Between.TSALLIS: "Tsallis divergence",
    Between.ALPHA: "Alpha divergence",
}
IN_NATS = (Between.KL, Between.JEFFREYS, Between.JENSEN_SHANNON, Between.RENYI)
ORDERED = (Between.RENYI, Between.TSALLIS, Between.ALPHA)
NEIGHBORLY = (*IN_NATS, Between.TSALLIS, Between.ALPHA)
DEPENDENCES = {
    Shared.PLAIN: "mutual_information",
    Shared.NORMALIZED: "normalized_mutual_information",
    Shared.ADJUSTED: "adjusted_mutual_information",
}


Exclude = Annotated[str, typer.Option("--exclude", help="Columns to leave out: a,b,c.")]
Columns = Annotated[str, typer.Option("--columns", help="Columns to use: a,b,c.")]
Bins = Annotated[str, typer.Option(help="Number of bins, or inner edges: 10 or 0,1,2.5.")]
How = Annotated[Binning, typer.Option(help="Bins of equal count or of equal width.")]
Categorical = Annotated[str, typer.Option(help="Columns whose numbers are categories: a,b.")]
Special = Annotated[str, typer.Option(help="Codes with a cell of their own: -1,999.")]
Frozen = Annotated[
    Path | None, typer.Option("--bins-from", help="JSON report whose frozen bins are reused.")
]
Level = Annotated[float, typer.Option(help="Nominal coverage of the intervals.")]
Method = Annotated[
    str,
    typer.Option(
        help="auto, delta, ncx2, jackknife, bootstrap, permutation, subsampling, none ..."
    ),
]
PaperMethod = Annotated[
    str, typer.Option(help="auto, paper, delta, ncx2, jackknife, bootstrap, permutation, chi2 ...")
]
Estimator = Annotated[
    str, typer.Option(help="auto, counts, or an estimator by neighbours: ksg1, knn, weighted ...")
]
Neighbors = Annotated[
    int | None, typer.Option("--neighbors", "--n-neighbors", help="Number of neighbours.")
]
Block = Annotated[
    int | None,
    typer.Option(
        "--block",
        min=1,
        help="Rows in a row that stay together in parts: of a series, more than its memory.",
    ),
]
Html = Annotated[Path | None, typer.Option("--html", help="Write the report as one HTML page.")]
Json = Annotated[Path | None, typer.Option("--json", help="Write the report as JSON.")]
Limit = Annotated[
    float | None, typer.Option("--fail-above", help="Exit with 1 if a line exceeds this.")
]
Compare = Annotated[
    Choice, typer.Option("--fail-on", help="What is compared: value, or a bound of the interval.")
]
Constant = Annotated[Policy, typer.Option(help="Columns with one value: refuse, or keep a cell.")]
EmptyCells = Annotated[Empty, typer.Option(help="Cells that one sample left empty.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No table, no progress.")]
Units = Annotated[str, typer.Option(help="nats, bits or bans.")]
MaybeUnits = Annotated[
    str | None, typer.Option(help="nats (default), bits or bans, where the measure has units.")
]
Target = Annotated[str, typer.Option("--target", "-t", help="Column with two classes.")]
Event = Annotated[str | None, typer.Option(help="Class that counts as the event, the bad one.")]


# what a hint writes as a Python argument is an option here
_OPTION = re.compile(
    r"(?<![-\w])(level|bins|constant|empty|categorical|special|event|units|columns|exclude|by|period|method|bias|alphabet_size|order|estimator|n_neighbors|sigma|kernel"
    r"|pdo|base_score|base_odds|t|alpha|solver|uncertainty|fpr|smoothing)"
    r"=(?:(['\"]?)([\w.,+-]+)\2|(\[[^\]]*\]))"
)
_BLOCK = re.compile(r"method=Subsampling\(block=(\d+)\)")
# the same twice, where a line of Python may be of either
_TWICE = re.compile(r"uncertainty='\w+' of an estimator, (method='\w+') of a function")
_KIND = re.compile(r"target='(auto|classes|representation)'")
_CHECKS = re.compile(r"extrapolation_\.summary\(\) says what each means")
_CRITICS = re.compile(r"NeuralMI\(\)\.fit\(x, y\)(?:\.test\(\))?")
_COUNTED = re.compile(r"(?<=, or )mutual_information\(x, y\)(?=, (?:which needs|may tell))")
_NAMES = {"uncertainty": "method"}


def spoken(text: str) -> str:
    """A text whose hints are options, not arguments."""
    for form, instead in (
        (_BLOCK, r"--block \1"),
        (_TWICE, r"\1"),
        (_KIND, r"--target-kind \1"),
        (_CHECKS, "the list of checks says what each means"),
        (_CRITICS, "--quick"),
        (_COUNTED, "infometric mi of a column of each"),
    ):
        text = form.sub(instead, text)
    return _OPTION.sub(as_option, text)


def as_option(found: re.Match[str]) -> str:
    """Option of the command line for a Python argument."""
    value = found[3]
    if found[4] is not None:
        try:
            items = [str(item) for item in ast.literal_eval(found[4])]
        except (ValueError, SyntaxError):
            items = [item.strip() for item in found[4][1:-1].split(",")]
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow(items)
        value = line.getvalue()
    joint = "=" if value.startswith("-") else " "
    name = _NAMES.get(found[1], found[1]).replace("_", "-")
    return f"--{name}{joint}{shlex.quote(value)}"
