"""Bad input: a clear error, the value seen, the next line; nothing half-written."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from bad_input import CASES, frame, gallery_markdown, run, write_files

import infometric as im
from infometric.exceptions import InfometricError, OutputError
from infometric.report.document import Report


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("bad")
    write_files(path)
    return path


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.title)
def test_case(case, folder):
    before = sorted(p.name for p in folder.iterdir())
    error = run(case, folder)
    assert type(error) is case.error, repr(error)
    assert isinstance(error, InfometricError)
    what, _, hint = str(error).partition("\n  Try: ")
    assert case.says in what
    assert case.hint in hint
    assert sorted(p.name for p in folder.iterdir()) == before


def test_the_gallery_is_the_same_each_time():
    page = gallery_markdown()
    assert page == gallery_markdown()
    assert page.count("## ") == len(CASES)
    assert page.count("  Try: ") == len(CASES)
    assert "/tmp" not in page


def test_an_unwritable_path_leaves_the_old_report(tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    Report("First", ()).to_html(path)
    before = path.read_bytes()

    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OutputError, match="No space left"):
        Report("Second", ()).to_html(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


def test_a_real_limit_on_file_size_leaves_the_old_report(tmp_path):
    path = tmp_path / "report.json"
    Report("First", ()).to_json(path)
    before = path.read_bytes()
    script = (
        "import resource, signal, sys\n"
        "from infometric.report.document import Report\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "Report('Second' * 1000, ()).to_json(sys.argv[1])\n"
    )
    done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True)
    assert done.returncode != 0
    assert "OutputError" in done.stderr
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["report.json"]


def test_a_folder_is_no_report(tmp_path):
    with pytest.raises(OutputError, match="is a folder"):
        Report("First", ()).to_html(tmp_path)


FITTED = [
    (im.PSI(), "age"), (im.InformationValue(), "age"), (im.WeightOfEvidence(), "age"),
    (im.Entropy(), "age"), (im.MutualInformation(), "age"),
]  # fmt: skip


@pytest.mark.parametrize("estimator", [e for e, _ in FITTED], ids=lambda e: type(e).__name__)
@pytest.mark.parametrize("call", ["fit", "partial_fit"])
def test_a_failed_call_leaves_the_estimator_as_it_was(estimator, call):
    good = frame()
    fitted = estimator.fit(good[["age"]], good["bad"])

    def seen():
        states = fitted.state_ if isinstance(fitted.state_, dict) else {"": fitted.state_}
        return json.dumps({k: s.to_dict() for k, s in states.items()})

    before, names = seen(), sorted(vars(fitted))
    for X, y in (
        (good[["age"]][:0], good["bad"][:0]),
        (good[["age"]].assign(age=np.inf), good["bad"]),
    ):
        with pytest.raises(InfometricError):
            getattr(fitted, call)(X, y, sample_weight=-np.ones(len(X)))
        assert seen() == before
        assert sorted(vars(fitted)) == names


def test_a_failed_merge_leaves_both_as_they_were():
    good = frame()[["age"]]
    a, b = im.PSI(bins=4).fit(good), im.PSI(bins=5).fit(good)
    before = [s["age"].to_dict() for s in (a.state_, b.state_)]
    with pytest.raises(im.exceptions.MergeError):
        a.merge(b)
    assert [s["age"].to_dict() for s in (a.state_, b.state_)] == before


COMMANDS = [
    (["psi", "absent.csv", "loans.csv"], "absent.csv"),
    (["psi", "truncated.parquet", "loans.csv"], "truncated.parquet"),
    (["psi", "loans.csv", "loans.csv", "--level", "95"], "--level 0.95"),
    (["psi", "loans.csv", "loans.csv", "--bins", "1"], "--bins 10"),
    (["psi", "loans.csv", "loans.csv", "--html", "absent/r.html"], "mkdir -p"),
    (["iv", "loans.csv", "--target", "badd"], "'bad'"),
    (["iv", "loans.csv", "--target", "grade"], "3 classes"),
    (["mi", "loans.csv", "--x", "age", "--y", "grad"], "'grade'"),
    (["psi", "loans.csv", "loans.csv", "--bins-from", "notes.txt"], "notes.txt"),
]


@pytest.mark.parametrize(("arguments", "says"), COMMANDS, ids=lambda v: " ".join(v)[:60])
def test_the_command_line_says_so_and_ends_with_2(arguments, says, folder):
    program = Path(sys.executable).with_name("infometric")
    before = sorted(p.name for p in folder.iterdir())
    done = subprocess.run([program, *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    assert sorted(p.name for p in folder.iterdir()) == before
