"""Was a text in the training data: ``infometric membership`` and ``infometric token-frequency``."""

from __future__ import annotations

import warnings
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from infometric.exceptions import DataError, InvalidParameterError, LeakageWarning, SourceError
from infometric.files import check_writable, write_text
from infometric.report import terminal
from infometric.report.commands import SEED, after, app, before, working, written
from infometric.report.document import Section
from infometric.report.options import Choice, Html, Json, Level, Quiet
from infometric.report.verbs.pictures import before_drawing, drawn_to
from infometric.result import Result, ResultTable

TITLE = "Membership in the training data"
LEAST_AUDITED = 10  # texts of a side that it needs
MOST_AUDITED = 2_000  # texts of a side that the blind check reads
WARNING = (
    "A small p-value says that a text is unlike the calibration non-members; it proves membership "
    "only where the two differ in nothing else. The blind check asks that."
)


class Kind(StrEnum):
    """Membership scores."""

    DC_PDD = "dc_pdd"
    LOSS = "loss"
    ZLIB = "zlib"
    LOWERCASE = "lowercase"
    REFERENCE = "reference"
    NEIGHBOR = "neighbor"
    MIN_K = "min_k"
    MIN_K_PLUS_PLUS = "min_k_plus_plus"
    RECALL = "recall"
    CON_RECALL = "con_recall"
    SURP = "surp"
    PMI = "pmi"


class Counted(StrEnum):
    """What a frequency counts."""

    TOKEN = "token"
    DOCUMENT = "document"


@app.command()
def membership(
    scores: Annotated[
        Path,
        typer.Argument(help="Token scores of the texts in question: .parquet, or .npz of save()."),
    ],
    calibrate: Annotated[
        Path,
        typer.Option("--calibrate", help="Token scores of texts that are no members."),
    ],
    reference: Annotated[
        Path | None,
        typer.Option(
            "--reference", help="Token frequencies (dc_pdd, pmi): .npz of token-frequency."
        ),
    ] = None,
    method: Annotated[Kind, typer.Option(help="Score.")] = Kind.DC_PDD,
    cap: Annotated[
        str, typer.Option(help="Cap of dc_pdd: adaptive, none, or a number such as 0.01.")
    ] = "adaptive",
    k: Annotated[
        float | None, typer.Option("--k", help="Share of the tokens of min_k; 0.2 by default.")
    ] = None,
    fpr: Annotated[float, typer.Option(help="Share of non-members that may be flagged.")] = 0.01,
    alpha: Annotated[float, typer.Option(help="Size of the test of the whole corpus.")] = 0.01,
    label: Annotated[
        str,
        typer.Option(help="Column of SCORES with 1 for members, 0 for others, where it is known."),
    ] = "",
    top: Annotated[int, typer.Option(min=1, help="Texts to show, highest scores first.")] = 20,
    level: Level = 0.95,
    csv: Annotated[Path | None, typer.Option("--csv", help="Write every text as CSV.")] = None,
    html: Html = None,
    json: Json = None,
    plot: Annotated[
        Path | None, typer.Option(help="Picture of the curves, with --label: .png, .svg or .pdf.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Membership scores with conformal p-values, a verdict on the corpus, and the blind check."""
    from infometric.llm.scores import named_score

    inputs = [scores, calibrate, *([reference] if reference else [])]
    before(html, json, level, *inputs)
    _before(csv, plot, [p for p in (html, json) if p], inputs, label)
    options = _options(method, cap, k, reference)
    with working("scoring texts", quiet=quiet):
        fitted = named_score(method.value, reference, **options).fit(calibrate)
        table = fitted.estimate(scores, level=level).adjust(["fdr_bh"])
        decision = table.decision(fpr, level=level)
    sections = [
        Section(
            "Highest scores",
            table.sort("pvalue", descending=False).head(top),
            _note(table, decision, top),
        ),
    ]
    whole = _whole(fitted, table, alpha, level)
    if isinstance(whole, ResultTable):
        sections.append(Section("The corpus as a whole", whole, WARNING))
    labels = _labels(scores, label, len(table)) if label else None
    with working("asking without the model", quiet=quiet):
        blind = _blind(scores, calibrate, level)
    if blind is not None:
        sections.append(Section("Without the model", ResultTable({"blind check": blind}), BLIND))
    if labels is not None:
        evaluated = table.evaluate(labels, level=level)
        found = ResultTable({**evaluated.auc, **evaluated.tpr})
        sections.append(Section("Against the truth", found, f"Labels of column {label}."))
        if plot is not None:
            written(plot, lambda path: drawn_to(evaluated, path, {}))
    sources = {"texts": scores.name, "calibration": calibrate.name}
    after(TITLE, sections, sources, html, json, None, Choice.VALUE, quiet)
    if csv is not None:
        written(csv, lambda path: write_text(path, _rows(table, decision)))
    if not quiet:
        told = [decision.statement, table.noise, *table.meta.get("warnings", ())]
        told += [] if blind is not None else [NO_BLIND]
        told += [whole] if isinstance(whole, str) else []
        for text in filter(None, told):
            terminal.err.print(f"note: {text}", style="yellow", markup=False, soft_wrap=True)


BLIND = (
    "Texts and calibration told apart by their tokens alone, out of fold: above one half, scores "
    "may see the split and not membership."
)
NO_BLIND = "no blind check: it needs the ids of ten texts or more on either side"


@app.command("token-frequency")
def token_frequency(
    corpus: Annotated[
        Path, typer.Argument(help="Parquet file with a list of token numbers per document.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write: freq.npz.")],
    column: Annotated[str, typer.Option(help="Column of the lists.")] = "ids",
    vocabulary_size: Annotated[
        int | None, typer.Option(min=1, help="Size of the vocabulary, as the model pads it.")
    ] = None,
    tokenizer: Annotated[
        str, typer.Option(help="Fingerprint of the tokenizer; of the file where it has one.")
    ] = "",
    count: Annotated[
        Counted, typer.Option(help="Every occurrence, or one per document.")
    ] = Counted.TOKEN,
    smoothing: Annotated[float, typer.Option(help="Added to every count.")] = 1.0,
    quiet: Quiet = False,
) -> None:
    """Count the tokens of a reference corpus, for the scores that compare with frequencies."""
    from infometric.llm.frequency import TokenFrequency
    from infometric.llm.reading import TokenFile

    before(None, None, 0.95)
    if output.suffix.lower() != ".npz":
        raise InvalidParameterError(
            "Frequencies are written as .npz.", got=str(output), hint="--output freq.npz"
        )
    check_writable(output)
    file = TokenFile(corpus)
    known = file.fact("tokenizer") if "tokenizer" in file.types else ""
    if vocabulary_size is None and "vocabulary_size" in file.types:
        vocabulary_size = file.fact("vocabulary_size")
    if not len(file):
        raise DataError(
            f"{corpus} holds no document.", got=0, hint="a file with a row per document"
        )
    with working("counting tokens", quiet=quiet):
        found = TokenFrequency.from_parquet(
            corpus, column, tokenizer=tokenizer or known or "", count=count.value,
            smoothing=smoothing, vocabulary_size=vocabulary_size,
        )  # fmt: skip
    found = replace(found, source=corpus.name)
    written(output, found.save)
    if not quiet:
        terminal.err.print(f"note: {found!r}", style="yellow", markup=False, soft_wrap=True)


# --- what is asked ------------------------------------------------------------------------------


def _before(
    csv: Path | None, plot: Path | None, others: list[Path], inputs: list[Path], label: str
) -> None:
    """Refuse, before the work, outputs that are inputs, one another, or of no use."""
    outputs = [p.resolve() for p in (csv, plot, *others) if p is not None]
    if len(set(outputs)) < len(outputs) or set(outputs) & {p.resolve() for p in inputs}:
        raise InvalidParameterError(
            "Every output needs a file of its own, beside the data.",
            got=[str(p) for p in outputs],
            hint="--csv texts.csv --html report.html",
        )
    if inputs[0].resolve() == inputs[1].resolve():
        raise InvalidParameterError(
            "Texts that are in question cannot calibrate themselves.",
            got=str(inputs[0]),
            hint="--calibrate nonmembers.parquet, texts that are no members",
        )
    if plot is not None and not label:
        raise InvalidParameterError(
            "Without the truth there is no curve to draw.",
            got=str(plot),
            hint="--label member --plot roc.png, or leave --plot out",
        )
    check_writable(csv)
    before_drawing(plot, [], inputs)


def _options(method: Kind, cap: str, k: float | None, reference: Path | None) -> dict[str, Any]:
    """Parameters of the score.

    Raises
    ------
    InvalidParameterError
        Where one is missing, or belongs to another score.
    """
    if reference is None and method in (Kind.DC_PDD, Kind.PMI):
        raise InvalidParameterError(
            f"{method.value} compares with the frequency of each token in a reference corpus.",
            got=None,
            hint="infometric token-frequency corpus.parquet --output freq.npz, then "
            "--reference freq.npz; or --method min_k, which needs none",
        )
    counted = method in (Kind.DC_PDD, Kind.PMI)
    lowest = method in (Kind.MIN_K, Kind.MIN_K_PLUS_PLUS)
    for option, value, fits in (("--reference", reference, counted), ("--k", k, lowest)):
        if value is not None and not fits:
            raise InvalidParameterError(
                f"{option} has no part in {method.value}.",
                got=str(value),
                hint=f"leave {option} out",
            )
    if method is Kind.DC_PDD:
        return {"cap": _cap(cap)}
    if cap != "adaptive":
        raise InvalidParameterError(
            f"--cap belongs to dc_pdd, not to {method.value}.", got=cap, hint="leave --cap out"
        )
    return {} if k is None else {"k": k}


def _cap(text: str) -> Any:
    if text in ("adaptive", "none"):
        return None if text == "none" else text
    try:
        return float(text)
    except ValueError as error:
        raise InvalidParameterError(
            "--cap is 'adaptive', 'none' or a number.", got=text, hint="--cap adaptive"
        ) from error


def _labels(path: Path, column: str, n: int) -> Any:
    """Labels of a column of the file."""
    from infometric.llm.membership import membership_labels
    from infometric.llm.reading import TokenFile

    if path.suffix.lower() == ".npz":
        raise SourceError(
            "An .npz file of token scores holds no labels.", got=str(path),
            hint="a Parquet file with a column of labels, and --label its name",
        )  # fmt: skip
    file = TokenFile(path)
    file.require(column)
    values = file.plain(column, None)
    return membership_labels([np.nan if v is None else v for v in values], n)


# --- what is told -------------------------------------------------------------------------------


def _note(table: Any, decision: Any, top: int) -> str:
    shown = f" The {top:,} highest of {len(table):,} are shown." if len(table) > top else ""
    return f"{decision.statement} {table.noise}{shown}"


def _whole(fitted: Any, table: Any, alpha: float, level: float) -> ResultTable | str:
    """Test of the mean score against that of the calibration, or why there is none."""
    from infometric.llm.audit import dataset_test

    try:
        found = dataset_test(table.values_array, fitted.state_.scores, alpha=alpha, level=level)
    except DataError as error:  # one text, infinite scores: the texts themselves have an answer
        return f"no test of the corpus as a whole: {error.what}"
    found = replace(found, measure=f"{table.facts['measure']}_difference")
    return ResultTable({"mean score": found})


def _blind(scores: Path, calibrate: Path, level: float) -> Result | None:
    """The check without the model, on some thousand texts; None where there are no ids."""
    from infometric.llm.audit import audit_split
    from infometric.llm.reading import some_ids

    sides = [some_ids(path, MOST_AUDITED) for path in (scores, calibrate)]
    if any(side is None or len(side) < LEAST_AUDITED for side in sides):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LeakageWarning)  # it is a note of the report
        return audit_split(*sides, level=level, rng=SEED)


def _rows(table: Any, decision: Any) -> str:
    """Every text as a line of CSV."""
    frame = table.to_frame()
    frame["flagged"] = decision.flagged
    text: str = frame.to_csv()
    return text
