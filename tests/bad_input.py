"""The table of bad input: what is typed, and what the error must say. Tests and a page run it."""

from __future__ import annotations

import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import infometric as im
from infometric.exceptions import (
    ColumnError,
    DataError,
    InvalidParameterError,
    MergeError,
    OutputError,
    SourceError,
    UnsupportedError,
)


@dataclass(frozen=True)
class Case:
    """Bad input: the lines typed, the error, what it shows, and the next line it gives."""

    title: str
    code: str
    error: type[Exception]
    says: str
    hint: str


CASES = (
    # data
    Case("An empty frame", "im.psi(pd.DataFrame(), frame)", DataError, "0 sample(s)", "filter"),
    Case(
        "A frame without rows", "im.psi(frame, frame[frame.age > 200])",
        DataError, "0 sample(s)", "filter",
    ),
    Case(
        "One class in the target", "im.information_value(frame[frame.bad == 1], 'bad')",
        DataError, "Got [1]", "both classes",
    ),
    Case(
        "A target with three classes", "im.information_value(frame, 'grade')",
        DataError, "Got ['a', 'b', 'c']", "y = (y == 'bad')",
    ),
    Case(
        "A target with missing values", "im.information_value(frame, 'gaps')",
        DataError, "1 missing", ".notna()",
    ),
    Case(
        "A target of another length", "im.information_value(frame, [0, 1, 1])",
        DataError, "'y': 3", "pair the rows",
    ),
    Case(
        "No target", "im.InformationValue().fit(frame)", DataError, "y is None", "fit(X, y)",
    ),
    Case(
        "A column that is missing everywhere", "im.psi(frame.assign(age=np.nan), frame)",
        DataError, "'age' is missing", "constant='keep'",
    ),
    Case(
        "A constant column", "im.psi(frame.assign(age=40), frame)",
        DataError, "every value is 40", "constant='keep'",
    ),
    Case(
        "Infinite values", "im.psi(frame.assign(income=np.inf), frame)",
        DataError, "40 infinite", "special=[float('inf')",
    ),
    Case(
        "Mismatched columns", "im.psi(frame, frame.rename(columns={'income': 'incme'}))",
        ColumnError, "'income'", "'incme'",
    ),
    Case(
        "A target that is not there", "im.information_value(frame, 'badd')",
        ColumnError, "'badd'", "'bad'",
    ),
    Case(
        "An array with another number of columns",
        "im.PSI().fit(frame[['age', 'income']].to_numpy()).estimate(np.ones((5, 3)))",
        DataError, "3 features", "2 column(s)",
    ),
    Case(
        "Text where numbers were",
        "im.PSI().fit(frame[['age']]).estimate(frame[['age']].astype(str))",
        DataError, "holds categories", "categorical=['age']",
    ),
    Case("Dates", "im.psi(frame.assign(age=pd.Timestamp('2026-01-31')), frame)",
         DataError, "2026", "convert it"),
    Case("Columns of one name", "im.psi(frame[['age', 'age']], frame)",
         DataError, "Got ['age']", "rename"),
    Case("Complex numbers", "im.psi(np.array([1j, 2, 3]), np.ones(3))",
         DataError, "complex128", "real and imaginary"),
    Case("Three axes", "im.psi(np.ones((2, 2, 2)), np.ones(3))",
         DataError, "(2, 2, 2)", "reshape"),
    Case("A lone number", "im.entropy(3)", DataError, "Got 3", "pass an array"),
    Case("Continuous numbers without bins", "im.entropy(frame['income'])",
         UnsupportedError, "continuous", "bins=10"),
    Case("Samples of unequal length", "im.mutual_information([0, 1, 1], [0, 1])",
         DataError, "'x': 3, 'y': 2", "pair the rows"),
    Case("A drift without a current sample", "im.PSI().fit(frame).estimate()",
         DataError, "reference alone", "estimate(current)"),
    # counts and weights
    Case("Negative counts", "im.Counts.from_counts([3, -1])",
         DataError, "Got [-1]", "counts[~(counts >= 0)]"),
    Case("A group without records", "im.Counts.from_counts([[3, 1], [0, 0]])",
         DataError, "'empty groups': [1]", "leave the empty rows"),
    Case("Negative weights", "im.PSI().fit(frame, sample_weight=-np.ones(40))",
         DataError, "-1.0", "keep = w > 0"),
    Case("Weights of zero", "im.PSI().fit(frame, sample_weight=np.zeros(40))",
         DataError, "0.0", "keep = w > 0"),
    Case("Weights of another length", "im.PSI().fit(frame, sample_weight=np.ones(41))",
         DataError, "(41,)", "sample_weight=frame['weight']"),
    Case(
        "Merging counts of different encoders",
        "im.PSI(bins=5).fit(frame).state_['age'] + im.PSI(bins=4).fit(frame).state_['age']",
        MergeError, "different encoders", "bins=fitted.encoders_",
    ),
    Case(
        "Merging fits with different bins", "im.PSI(bins=5).fit(frame).merge(im.PSI().fit(frame))",
        MergeError, "different encoders", "bins=fitted.encoders_",
    ),
    # parameters
    Case("bins=1", "im.psi(frame, frame, bins=1)", InvalidParameterError, "Got 1.", "bins=10"),
    Case("Edges out of order", "im.psi(frame.age, frame.age, bins=[40, 30])",
         InvalidParameterError, "[40.0, 30.0]", "sorted(set(edges))"),
    Case("level=95", "im.psi(frame, frame, level=95)",
         InvalidParameterError, "Got 95", "level=0.95"),
    Case("Unknown units", "im.entropy(frame.grade, units='bit')",
         InvalidParameterError, "'bit'", "units='nats'"),
    Case("An unknown method", "im.psi(frame, frame, method='wald')",
         InvalidParameterError, "'wald'", "uncertainty='auto'"),
    Case("Three groups to a divergence",
         "im.infer(im.PSI()._functional(), im.Counts.from_counts([[1, 2], [3, 4], [5, 6]]))",
         UnsupportedError, "'groups': 3", "[reference, current]"),
    Case("The published formula on an entropy",
         "im.entropy(frame.grade, method=im.PaperIndependentShares())",
         UnsupportedError, "'entropy'", "uncertainty='auto'"),
    Case("A bootstrap of weighted records",
         "im.entropy(frame.grade, sample_weight=np.full(40, 0.3), method='bootstrap')",
         UnsupportedError, "unweighted", "uncertainty='delta'"),
    # files
    Case("A file that is not a table", "im.psi('notes.pdf', 'loans.csv')",
         SourceError, "'.pdf'", "name it .csv"),
    Case("A file that is not there", "im.psi('loan.csv', 'loans.csv')",
         SourceError, "loan.csv", "loans.csv"),
    Case("An empty file", "im.psi('empty.csv', 'loans.csv')",
         SourceError, "0 bytes", "write the file again"),
    Case("A truncated Parquet file", "im.psi('truncated.parquet', 'loans.csv')",
         SourceError, "truncated.parquet", "frame.to_parquet(path)"),
    Case("Text that is called Parquet", "im.psi('notes.parquet', 'loans.csv')",
         SourceError, "notes.parquet", "frame.to_parquet(path)"),
    Case(
        "A folder that is not there",
        "from infometric.report.document import Report\n"
        "Report('Drift', ()).to_html('absent/report.html')",
        OutputError, "absent/report.html cannot be written", "mkdir -p",
    ),
    Case(
        "A report that is no report",
        "from infometric.report.document import Report\nReport.from_json('notes.txt')",
        SourceError, "notes.txt", "--json report.json",
    ),
)  # fmt: skip


def frame() -> pd.DataFrame:
    """Forty loans."""
    rng = np.random.default_rng(0)
    return pd.DataFrame({
        "age": rng.integers(20, 70, 40),
        "income": rng.lognormal(8, 0.5, 40).round(2),
        "grade": np.resize(["a", "b", "c"], 40),
        "bad": np.resize([0, 1], 40),
        "gaps": [None, *np.resize([0.0, 1.0], 39)],
    })  # fmt: skip


def write_files(folder: Path) -> None:
    """Real files, good and bad."""
    loans = frame()
    loans.to_csv(folder / "loans.csv", index=False)
    loans.to_parquet(folder / "loans.parquet")
    whole = (folder / "loans.parquet").read_bytes()
    (folder / "truncated.parquet").write_bytes(whole[: len(whole) // 2])
    (folder / "notes.txt").write_text("call the bank\n")
    (folder / "notes.pdf").write_text("call the bank\n")
    (folder / "notes.parquet").write_text("call the bank\n")
    (folder / "empty.csv").touch()


def run(case: Case, folder: Path) -> Exception | None:
    """What the case raises; file names are read in `folder`."""
    import contextlib

    names: dict[str, Any] = {"im": im, "np": np, "pd": pd, "frame": frame()}
    with contextlib.chdir(folder), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            exec(case.code, names)
        except Exception as error:
            return error
    return None


def gallery_markdown() -> str:
    """A page with every case and what it says, by running it."""
    parts = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_files(folder)
        for case in CASES:
            error = run(case, folder)
            text = f"{type(error).__name__}: {error}".replace(f"{folder}/", "")
            parts.append(
                f"## {case.title}\n\n```python\n{case.code}\n```\n\n```text\n{text}\n```\n"
            )
    return "\n".join(parts)
