"""Bad input: a clear error, the value seen, the next line; nothing half-written."""

from __future__ import annotations

import functools
import json
import os
import resource
import subprocess
import sys
import tempfile

import command_line
import numpy as np
import pytest
from bad_input import CASES, CORNERS, frame, gallery_markdown, run, write_files

import infometric as im
from infometric.exceptions import InfometricError, MergeError, OutputError
from infometric.report.document import Report


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("bad")
    write_files(path)
    return path


def contents(folder):
    """Bytes of every file, so that one left behind, or altered, shows."""
    return {p.name: p.read_bytes() if p.is_file() else None for p in folder.rglob("*")}


@pytest.mark.parametrize("case", [*CASES, *CORNERS], ids=lambda c: c.title)
def test_case(case, folder):
    before = contents(folder)
    error = run(case, folder)
    assert type(error) is case.error, repr(error)
    what, _, hint = str(error).partition("\n  Try: ")
    if not issubclass(case.error, InfometricError):  # scikit-learn's own text: one line
        hint = what
    assert case.says in what
    assert case.hint in hint
    assert contents(folder) == before


def test_the_gallery_is_the_same_each_time():
    page = gallery_markdown()
    assert page == gallery_markdown()
    assert [line[3:] for line in page.splitlines() if line.startswith("## ")] == [
        case.title for case in CASES
    ]
    ours = [case for case in CASES if issubclass(case.error, InfometricError)]
    assert page.count("\n  Try: ") == len(ours)
    assert tempfile.gettempdir() not in page


# --- files ------------------------------------------------------------------------------------


def small_files():
    """Let no file grow beyond a hundred bytes: the nearest thing to a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))


@pytest.fixture(params=["to_html", "to_json"])
def written(request, tmp_path):
    """An old report, what a folder then holds, and the name of the method that wrote it."""
    path = tmp_path / "old.report"
    getattr(Report("First", ()), request.param)(path)
    return path, contents(tmp_path), request.param


def test_a_full_disk_leaves_the_old_report(written):
    path, before, method = written
    script = (
        "import sys, infometric.report.html\n"
        "from infometric.report.document import Report\n"
        "getattr(Report('Second' * 100, ()), sys.argv[1])(sys.argv[2])\n"
    )
    done = subprocess.run(
        [sys.executable, "-B", "-c", script, method, path],
        capture_output=True, text=True, preexec_fn=small_files,
    )  # fmt: skip
    assert done.returncode == 1
    assert f"OutputError: {path} cannot be written: File too large" in done.stderr
    assert contents(path.parent) == before


def test_a_folder_without_permission_keeps_the_old_report(written):
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    path, before, method = written
    path.parent.chmod(0o555)
    try:
        with pytest.raises(OutputError, match="Permission denied"):
            getattr(Report("Second", ()), method)(path)
    finally:
        path.parent.chmod(0o755)
    assert contents(path.parent) == before


@pytest.mark.parametrize(
    ("target", "says"),
    [(".", "is a folder"), ("absent/r", "No such file"), ("old.report/r", "Not a directory")],
)
def test_a_path_that_cannot_be_a_file(written, target, says):
    path, before, method = written
    with pytest.raises(OutputError, match=says):
        getattr(Report("Second", ()), method)(path.parent / target)
    assert contents(path.parent) == before


# --- estimators -------------------------------------------------------------------------------

GOOD = frame()
X, Y = GOOD[["age", "income"]], GOOD["bad"]
ESTIMATORS = (im.PSI, im.InformationValue, im.WeightOfEvidence, im.Entropy, im.MutualInformation)
WITH_TARGET = (im.InformationValue, im.WeightOfEvidence)
WITH_Y = (*WITH_TARGET, im.MutualInformation)
# the first column is good and the second is not: a call that works column by column gets half-way
HALF_BAD = X.assign(income=[*X["income"][:-1], np.inf])

BAD_CALLS = {  # name: (who refuses it, methods, arguments)
    "no rows": (ESTIMATORS, ("fit", "partial_fit"), (X[:0], Y[:0])),
    "infinite": (ESTIMATORS, ("fit", "partial_fit"), (HALF_BAD, Y)),
    "weights below zero": (ESTIMATORS, ("fit", "partial_fit"), (X, Y, -np.ones(40))),
    "weights missing": (ESTIMATORS, ("fit", "partial_fit"), (X, Y, np.full(40, np.nan))),
    "weights too few": (ESTIMATORS, ("fit", "partial_fit"), (X, Y, np.ones(39))),
    "no y": (WITH_Y, ("fit", "partial_fit"), (X, None)),
    "y too short": (WITH_Y, ("fit", "partial_fit"), (X, Y[:30])),
    "one class": (WITH_TARGET, ("fit", "partial_fit"), (X, [0] * 40)),
    "three classes": (WITH_TARGET, ("fit", "partial_fit"), (X, GOOD["grade"])),
    "target missing": (WITH_TARGET, ("fit", "partial_fit"), (X, GOOD["gaps"])),
    "text in a column": (ESTIMATORS, ("partial_fit",), (X.assign(income="low"), Y)),
    "another column": (ESTIMATORS, ("partial_fit",), (X.rename(columns={"income": "wage"}), Y)),
    "a file cut short": (ESTIMATORS, ("fit", "partial_fit"), ("truncated.parquet", "bad")),
}


def learned(estimator):
    """All that was learned, as text."""
    found = {name: value for name, value in vars(estimator).items() if name.endswith("_")}

    def plain(value):
        return value.to_dict() if hasattr(value, "to_dict") else value.tolist()

    return json.dumps(found, default=plain)


def fitted(kind, bins=4):
    return kind(bins=bins).fit(X, Y)


@pytest.mark.parametrize(
    ("kind", "method", "name"),
    [
        pytest.param(kind, method, name, id=f"{kind.__name__}-{method}-{name}")
        for name, (kinds, methods, _) in BAD_CALLS.items()
        for kind in kinds
        for method in methods
    ],
)
def test_a_failed_call_leaves_the_estimator_as_it_was(kind, method, name, folder, monkeypatch):
    monkeypatch.chdir(folder)
    x, y, *weights = BAD_CALLS[name][2]
    estimator = fitted(kind)
    before = learned(estimator)
    assert '"table"' in before
    with pytest.raises(InfometricError):
        getattr(estimator, method)(x, y, sample_weight=weights[0] if weights else None)
    assert learned(estimator) == before


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_a_parameter_out_of_bounds_leaves_the_estimator_as_it_was(kind):
    estimator = fitted(kind)
    before = learned(estimator)
    estimator.set_params(bins=1)
    for method in ("fit", "partial_fit"):
        with pytest.raises(InfometricError, match="Got 1"):
            getattr(estimator, method)(X, Y)
    assert learned(estimator) == before


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_a_failed_merge_leaves_both_as_they_were(kind):
    mine = fitted(kind, bins={"age": 4, "income": 4})
    for theirs in (
        fitted(kind, bins={"age": 4, "income": 5}),  # the first column would merge
        kind(bins=4).fit(X[["age"]], Y),
        im.KLDivergence(bins=4).fit(X),
    ):
        before = learned(mine), learned(theirs)
        with pytest.raises(MergeError):
            mine.merge(theirs)
        assert (learned(mine), learned(theirs)) == before


@pytest.mark.parametrize(
    "other",
    [
        im.Counts.from_counts([[3, 1], [2, 2]], key="b"),
        im.Counts.from_counts([[3, 1, 1], [2, 2, 1]], key="a"),
        im.Counts.from_counts([3, 1], key="a"),
        im.Counts.from_counts([[3, 1], [2, 2]], key="a", groups=("old", "new")),
        im.Counts.from_counts([[3, 1], [2, 2]], key="a", cells=("low", "high")),
    ],
    ids=["key", "shape", "number of groups", "groups", "cells"],
)
def test_a_failed_sum_of_counts_leaves_both_as_they_were(other):
    counts = im.Counts.from_counts([[5, 6], [7, 8]], key="a")
    before = json.dumps([counts.to_dict(), other.to_dict()])
    for a, b in ((counts, other), (other, counts)):
        with pytest.raises(MergeError):
            a + b
    assert json.dumps([counts.to_dict(), other.to_dict()]) == before


# --- the command line -------------------------------------------------------------------------

PSI = ["psi", "loans.csv", "loans.csv"]
COMMANDS = [
    (["psi", "absent.csv", "loans.csv"], "absent.csv"),
    (["psi", "loan.csv", "loans.csv"], "Try: use loans.csv"),
    (["psi", "truncated.parquet", "loans.csv"], "truncated.parquet"),
    (["psi", "loans.csv", "header.csv"], "0 sample(s)"),
    (["psi", "loans.csv", "words.csv"], "'old'"),
    ([*PSI, "--level", "95"], "Try: --level 0.95"),
    ([*PSI, "--bins", "1"], "Try: --bins 10"),
    ([*PSI, "--bins", "40,30"], "Try: --bins 30,40"),
    ([*PSI, "--special", "x"], "Try: --special"),
    ([*PSI, "--method", "wald"], "'wald'"),
    ([*PSI, "--columns", "agee"], "'age'"),
    ([*PSI, "--by", "grad"], "'grade'"),
    ([*PSI, "--html", "absent/r.html"], "Try: mkdir -p absent"),
    ([*PSI, "--html", "reports"], "reports is a folder"),
    ([*PSI, "--bins-from", "notes.txt"], "notes.txt"),
    ([*PSI, "--bins-from", "pieces.json"], "--json report.json"),
    (["iv", "loans.csv", "--target", "badd"], "'bad'"),
    (["iv", "loans.csv", "--target", "grade"], "3 classes"),
    (["iv", "loans.csv", "--target", "bad", "--columns", "bad"], "'bad'"),
    (["mi", "loans.csv", "--x", "age", "--y", "grad"], "'grade'"),
    (["entropy", "loans.csv", "--columns", "grade", "--units", "bit"], "Try: --units nats"),
]


def refused(done):
    """Whether a command ended as an error does: 2, one line of it and its hint."""
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    return done.returncode == 2 and len(errors) == 1 and "Traceback" not in done.stderr


@pytest.mark.parametrize(("arguments", "says"), COMMANDS, ids=[" ".join(c) for c, _ in COMMANDS])
def test_the_command_line_says_so_and_ends_with_2(arguments, says, folder):
    before = contents(folder)
    done = command_line.run(folder, *arguments)
    assert refused(done), done.stderr
    assert done.stderr.startswith("error: ")
    assert says in done.stderr
    assert done.stdout == ""
    assert contents(folder) == before


def test_a_process_ends_as_the_call_does(folder):
    arguments, says = COMMANDS[-1]
    done, called = (call(folder, *arguments) for call in (command_line.process, command_line.run))
    assert refused(done), done.stderr
    assert says in done.stderr
    assert (called.stdout, called.stderr) == (done.stdout, done.stderr)


@pytest.mark.parametrize("wrong", [["--bins", "1"], ["--columns", "agee"]], ids=" ".join)
def test_a_failed_command_leaves_the_old_reports(wrong, tmp_path):
    write_files(tmp_path)
    reports = ["--html", "report.html", "--json", "report.json"]
    assert command_line.run(tmp_path, *PSI, *reports).returncode == 0
    before = contents(tmp_path)
    assert {"report.html", "report.json"} < set(before)
    assert refused(command_line.process(tmp_path, *PSI, *reports, *wrong))
    assert contents(tmp_path) == before


def test_a_command_on_a_full_disk_leaves_the_old_report(tmp_path):
    write_files(tmp_path)
    (tmp_path / "report.html").write_text("old")
    before = contents(tmp_path)
    quiet = functools.partial(command_line.process, tmp_path, *PSI, "--html", "report.html", "-q")
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    done = quiet(preexec_fn=small_files, env=environment)
    assert refused(done), done.stderr
    assert "report.html cannot be written: File too large" in done.stderr
    assert contents(tmp_path) == before
