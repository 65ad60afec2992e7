"""The command line as a user runs it: real files, and real processes where these matter."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import subprocess
import sys

import pandas as pd
import pytest
from command_line import process, run

import infometric as im
from infometric import datasets, oracles
from infometric.report.document import Report, Section


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("cli")
    datasets.load_german_credit().to_csv(path / "german.csv", index=False)
    months = datasets.load_credit_card_months()
    april = months[months["month"] == "2005-04"].drop(columns="month")
    april.to_parquet(path / "april.parquet")
    months[months["month"] > "2005-07"].to_parquet(path / "later.parquet")
    months[months["month"] == "2005-09"].drop(columns="month").to_csv(
        path / "september.csv", index=False
    )
    return path


def results(path):
    return json.loads(path.read_text())["sections"][0]["table"]["results"]


def test_bin_saves_frozen_bins_that_the_library_reads(folder):
    done = run(
        folder, "bin", "german.csv", "--target", "creditability", "--event", "bad",
        "--save", "bins.json", "--json", "bin.json", "--html", "bin.html", "--max-bins", "4",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    binning = im.OptimalBinning.from_json(folder / "bins.json")
    assert max(e.n_cells for e in binning.encoders_.values()) <= 6
    report = json.loads((folder / "bin.json").read_text())
    assert report["sources"]["bins"] == binning.hash_
    frame = pd.read_csv(folder / "german.csv")
    found = im.information_value(
        frame, "creditability", event="bad", bins=im.OptimalBinning(max_bins=4)
    )
    for name, r in results(folder / "bin.json").items():
        assert r["value"] == pytest.approx(found[name].value)
        assert r["pvalue"] == pytest.approx(found[name].pvalue)
    assert "in-sample" not in done.stdout
    again = run(folder, "psi", "german.csv", "german.csv", "--bins-from", "bin.json",
                "--exclude", "creditability")  # fmt: skip
    assert again.returncode == 0, again.stderr


def test_bin_refuses_before_it_writes(folder):
    done = run(folder, "bin", "german.csv", "--target", "creditability", "--save", "absent/b.json")
    assert done.returncode == 2
    assert "absent/b.json" in done.stderr


def test_psi_prints_writes_and_agrees_with_the_library(folder):
    done = process(
        folder, "psi", "april.parquet", "september.csv", "--json", "psi.json", "--html", "psi.html"
    )
    assert done.returncode == 0, done.stderr
    found = im.psi(folder / "april.parquet", folder / "september.csv")
    written = results(folder / "psi.json")
    for name, r in found.items():
        assert written[name]["value"] == r.value
        assert f"{r.value:.4f}" in done.stdout
        assert r.diagnostics["verdict"] in done.stdout
    assert f"wrote {(folder / 'psi.json').resolve()}" in done.stdout
    assert (folder / "psi.html").read_text().startswith("<!doctype html>")
    assert "\x1b" not in done.stdout + done.stderr


def test_frozen_bins_are_used_again(folder):
    run(folder, "psi", "april.parquet", "september.csv", "--json", "first.json", "--bins", "7")
    done = run(folder, "psi", "april.parquet", "september.csv", "--json", "second.json",
               "--bins-from", "first.json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    first, second = results(folder / "first.json"), results(folder / "second.json")
    for name in first:
        assert second[name]["diagnostics"]["key"] == first[name]["diagnostics"]["key"]
        assert second[name]["value"] == first[name]["value"]


def test_slices(folder):
    done = run(folder, "psi", "april.parquet", "later.parquet", "--by", "month", "--columns", "PAY",
               "--json", "by.json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert list(results(folder / "by.json")) == ["PAY @ 2005-08", "PAY @ 2005-09"]


@pytest.mark.parametrize(
    ("options", "code", "call"),
    [((), 0, run), (("--fail-above", "0.25"), 0, process),
     (("--fail-above", "0.001"), 1, process),
     (("--fail-above", "0.25", "--fail-on", "upper"), 0, run), (("--fail-above", "nan"), 2, run),
     (("--fail-above", "0.25", "--fail-on", "upper", "--method", "chi2"), 2, process),
     (("--bins", "zero"), 2, run),
     (("--no-such-option",), 2, process)],
)  # fmt: skip
def test_exit_codes(folder, options, code, call):
    done = call(folder, "psi", "april.parquet", "september.csv", "--quiet", *options)
    assert done.returncode == code
    if code == 0:
        assert done.stdout == ""
    if code == 1:
        assert "above 0.001: PAY_AMT" in done.stderr


def test_information_value_and_weight_of_evidence(folder):
    done = run(folder, "iv", "german.csv", "--target", "creditability", "--event", "bad",
               "--json", "iv.json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    written = results(folder / "iv.json")
    assert round(written["credit_history"]["value"], 6) == 0.293234
    assert next(iter(written)) == "status_of_existing_checking_account"
    done = run(folder, "woe", "german.csv", "--target", "creditability", "--columns", "housing")
    assert done.returncode == 0, done.stderr
    assert "housing: own" in done.stdout


def test_entropy_and_mutual_information(folder):
    done = run(folder, "entropy", "german.csv", "--columns", "housing,job", "--units", "bits",
               "--json", "h.json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    german = datasets.load_german_credit()
    assert (
        results(folder / "h.json")["housing"]["value"]
        == im.entropy(german["housing"], units="bits").value
    )
    done = run(
        folder, "mi", "german.csv", "--x", "housing", "--y", "creditability", "--json", "mi.json"
    )
    assert done.returncode == 0, done.stderr
    wanted = im.mutual_information(german["housing"], german["creditability"])
    assert next(iter(results(folder / "mi.json").values()))["value"] == wanted.value


def test_the_demonstration(folder):
    done = process(folder, "demo", "--out", ".")
    assert done.returncode == 0, done.stderr
    for name in ("report.html", "report.json"):
        assert (folder / name).stat().st_size > 10_000
        assert str((folder / name).resolve()) in done.stdout
    assert "status_of_existing_checking_account" in done.stdout


def test_version_is_answered_before_anything_is_imported(tmp_path):
    code = (
        "import sys; from infometric.report.cli import main; main(['--version']); "
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    first, modules = done.stdout.split("\n")[:2]
    assert first == f"infometric {im.__version__}"
    assert not {"numpy", "typer", "rich", "duckdb"} & set(modules.split())
    assert process(tmp_path, "--version").stdout == f"infometric {im.__version__}\n"


def test_help_names_every_command(tmp_path):
    done = process(tmp_path, "--help")
    assert done.returncode == 0
    for command in ("psi", "iv", "woe", "entropy", "mi", "demo"):
        assert f" {command} " in done.stdout


# --- narrow terminals, odd names, files that would be lost ---------------------------------------


ON_TERMINALS = """
import fcntl, struct, sys, termios
from infometric.report.cli import main
for width in map(int, sys.argv[1].split(",")):
    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    if main(sys.argv[2:]):
        sys.exit(1)
    print(end="\\f", flush=True)
"""
WIDTHS = (120, 80, 60, 40)


@pytest.fixture(scope="module")
def shown(folder):
    """What terminals of so many columns show, without their colours; one process has all."""
    ours, theirs = pty.openpty()
    environment = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "NO_COLOR")}
    running = subprocess.Popen(
        [sys.executable, "-c", ON_TERMINALS, ",".join(map(str, WIDTHS)),
         "psi", "april.parquet", "september.csv"],
        cwd=folder, stdout=theirs, stderr=subprocess.DEVNULL,
        env=environment | {"TERM": "xterm-256color"},
    )  # fmt: skip
    os.close(theirs)
    parts = []
    with contextlib.suppress(OSError):  # the end of a terminal is an error on Linux
        while part := os.read(ours, 65536):
            parts.append(part)
    os.close(ours)
    assert running.wait() == 0
    text = b"".join(parts).decode()
    assert "\x1b[" in text
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text).replace("\r\n", "\n")
    return dict(zip(WIDTHS, plain.split("\f")[:-1], strict=True))


@pytest.mark.parametrize("width", WIDTHS)
def test_no_terminal_is_too_narrow_for_a_number(folder, shown, width):
    told = shown[width]
    found = im.psi(folder / "april.parquet", folder / "september.csv")
    assert "…" not in told
    for name, r in found.items():
        assert name in told
        assert f"{r.value:.4f}" in told
        assert f"[{r.ci.low:.4f}, {r.ci.high:.4f}]" in told
    assert "at most" in told
    if width >= 80:
        assert max(map(len, told.splitlines())) <= width


def test_names_are_printed_as_they_are(tmp_path):
    lines = [f"{i % 7},{i % 5},{i % 3},{i % 2}" for i in range(400)]
    header = 'rate:100:,"[bold]x[/]","a,b",y'
    (tmp_path / "odd.csv").write_text("\n".join([header, *lines]))
    done = run(tmp_path, "iv", "odd.csv", "--target", "y")
    assert done.returncode == 0, done.stderr
    for name in ("rate:100:", "[bold]x[/]", "a,b"):
        assert name in done.stdout
    done = run(tmp_path, "iv", "odd.csv", "--target", "y", "--columns", '"a,b",rate:100:')
    assert "[bold]" not in done.stdout
    assert "a,b" in done.stdout


def test_a_name_that_no_encoding_holds(tmp_path):
    """A lone surrogate, as undecodable bytes become in Python: shown and written as its escape."""
    odd = "b\udcffd"
    table = im.ResultTable({odd: im.psi([1, 2] * 50, [1, 1, 2] * 30, bins=[2])})
    report = Report("Odd", (Section("PSI", table),))
    report.to_html(tmp_path / "odd.html")
    report.to_json(tmp_path / "odd.json")
    assert "b\\udcffd" in (tmp_path / "odd.html").read_text()
    assert list(Report.from_json(tmp_path / "odd.json").sections[0].table) == [odd]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["odd.html", "odd.json"]


def test_columns_are_left_out_and_the_error_says_how(folder, tmp_path):
    months = datasets.load_credit_card_months().assign(one=1, day=pd.Timestamp("2026-01-31"))
    months.to_parquet(tmp_path / "all.parquet")
    done = run(tmp_path, "psi", "all.parquet", "all.parquet")
    assert done.returncode == 2
    assert "2 of 6 columns cannot be used" in done.stderr
    line = done.stderr.partition("Try: ")[2].strip()
    assert line == "--exclude one,day"
    done = run(tmp_path, "psi", "all.parquet", "all.parquet", *line.split())
    assert done.returncode == 0, done.stderr
    assert "PAY_AMT" in done.stdout


@pytest.mark.parametrize(
    "outputs",
    [("--html", "r", "--json", "r"), ("--html", "german.csv"), ("--json", "./german.csv")],
)
def test_a_report_does_not_overwrite_the_data_or_its_twin(folder, outputs):
    before = (folder / "german.csv").read_bytes()
    done = run(folder, "iv", "german.csv", "--target", "creditability", *outputs)
    assert done.returncode == 2
    assert "a file of its own" in done.stderr
    assert (folder / "german.csv").read_bytes() == before
    assert not (folder / "r").exists()


@pytest.mark.parametrize(
    ("verb", "measure", "option"),
    [
        (("entropy", "german.csv"), "shannon", ("--order", "3")),
        (("entropy", "german.csv"), "renyi", ("--alphabet-size", "9")),
        (("entropy", "german.csv"), "hill", ("--units", "bits")),
        (("divergence", "german.csv", "german.csv"), "kl", ("--order", "3")),
        (("divergence", "german.csv", "german.csv"), "hellinger", ("--units", "bits")),
        (("mi", "german.csv", "--x", "job", "--y", "housing"), "adjusted", ("--bias", "nsb")),
        (("mi", "german.csv", "--x", "job", "--y", "housing"), "normalized", ("--units", "bits")),
    ],
)
def test_an_option_that_a_measure_does_not_know_is_refused(folder, verb, measure, option):
    done = run(folder, *verb, "--measure", measure, *option)
    assert done.returncode == 2
    assert f"{option[0]} has no part in the measure '{measure}'" in done.stderr
    assert f"leave {option[0]} out" in done.stderr


def test_resampling_is_the_same_each_time(folder):
    line = ("entropy", "german.csv", "--columns", "job", "--method", "bootstrap", "--json")
    for call, name in ((process, "first.json"), (run, "second.json")):
        assert call(folder, *line, name).returncode == 0
    assert results(folder / "first.json") == results(folder / "second.json")


def test_the_matrix_of_mutual_information(folder):
    done = run(folder, "mi-matrix", "german.csv", "--bins", "5", "--top", "3", "--units", "bits",
               "--exclude", "purpose", "--html", "pairs.html", "--json", "pairs.json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    german = datasets.load_german_credit()
    german.drop(columns="purpose").to_csv(folder / "less.csv", index=False)
    with pytest.warns(im.exceptions.InfometricWarning):
        wanted = im.mutual_information_matrix(folder / "less.csv", bins=5, units="bits")
    for name, r in wanted.top(3).items():
        assert name in done.stdout
        assert f"{r.value:.4f}" in done.stdout
    assert "p (BH)" in done.stdout
    assert f"note: {wanted.warnings[0]}" in done.stderr
    section = Report.from_json(folder / "pairs.json").sections[0]
    assert list(section.table) == list(wanted.top(3))
    assert section.matrix.to_dict() == wanted.to_dict()
    page = (folder / "pairs.html").read_text()
    assert page.count("--share:") == len(wanted.names) * (len(wanted.names) - 1)
    assert "https://" not in page
    done = run(folder, "mi-matrix", "german.csv", "--columns", "job,housing", "--engine", "numpy",
               "--quiet")  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    done = run(folder, "mi-matrix", "german.csv", "--columns", "job")
    assert done.returncode == 2
    assert "two columns or more" in done.stderr


VERBS = {
    "entropy german.csv --columns housing,job --measure renyi --order inf": (
        "Rényi entropy", lambda g: im.renyi_entropy(g["housing"], float("inf"))),
    "entropy german.csv --columns housing,job --bias nsb --alphabet-size 9": (
        "Shannon entropy", lambda g: im.entropy(g["housing"], bias="nsb", alphabet_size=9)),
    "divergence german.csv german.csv --columns housing --measure tv": (
        "Total variation distance", lambda g: im.total_variation(g["housing"], g["housing"])),
    "mi german.csv --x property --y job --given housing --units bits": (
        "Conditional mutual information",
        lambda g: im.conditional_mutual_information(
            g["property"], g["job"], g["housing"], units="bits")),
    "mi german.csv --x property --y job --measure adjusted": (
        "Adjusted mutual information",
        lambda g: im.adjusted_mutual_information(g["property"], g["job"])),
    "together german.csv --columns property,job,housing": (
        "Columns together", lambda g: im.total_correlation(g[["property", "job", "housing"]])),
    "transfer-entropy german.csv --source job --target housing --lag 2": (
        "Transfer entropy", lambda g: im.transfer_entropy(g["job"], g["housing"], lag=2)),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("line", VERBS)
def test_each_measure_of_counts_has_a_verb(folder, line):
    title, call = VERBS[line]
    done = run(folder, *line.split(), "--json", "verb.json")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(title)
    expected = call(pd.read_csv(folder / "german.csv"))
    first = next(iter(results(folder / "verb.json").values()))
    assert first["value"] == pytest.approx(expected.value, abs=1e-12)
    assert im.Result.from_dict(first).to_dict() == expected.to_dict() | {
        "diagnostics": first["diagnostics"]
    }


def test_given_goes_with_the_plain_measure_alone(folder):
    line = "mi german.csv --x property --y job --given housing --measure adjusted"
    done = run(folder, *line.split())
    assert done.returncode == 2
    assert "--given" in done.stderr


@pytest.fixture(scope="module")
def patients(tmp_path_factory):
    from sklearn.datasets import load_diabetes

    path = tmp_path_factory.mktemp("patients")
    load_diabetes(as_frame=True, scaled=False).frame.to_parquet(path / "patients.parquet")
    return path


@pytest.mark.parametrize("line", [
    "mi patients.parquet --x bmi --y target",
    "mi patients.parquet --x bmi --y target --given bp --estimator frenzel_pompe --neighbors 5",
    "mi patients.parquet --x bmi --y target --estimator gaussian_copula --units bits",
    "differential-entropy patients.parquet --columns bmi,bp",
    "differential-entropy patients.parquet --columns bmi,bp --together --method none",
    "divergence patients.parquet patients.parquet --columns bmi --measure kl --method none",
    "transfer-entropy patients.parquet --source bmi --target bp",
    "score-features patients.parquet --target target --columns bmi,bp,sex",
])  # fmt: skip
def test_each_measure_of_continuous_columns_has_a_verb(patients, line):
    done = run(patients, *line.split(), "--json", "found.json")
    assert done.returncode == 0, done.stderr
    found = results(patients / "found.json")
    assert all(abs(r["value"]) < 20 for r in found.values())


def test_a_verb_says_what_the_function_says(patients):
    run(patients, "mi", "patients.parquet", "--x", "bmi", "--y", "target", "--json", "m.json")
    frame = pd.read_parquet(patients / "patients.parquet")
    wanted = im.mutual_information(frame.bmi, frame.target, rng=0)
    assert results(patients / "m.json")["bmi and target"]["ci"]["low"] == wanted.ci.low


def test_blocks_of_a_series(patients):
    x, y = oracles.get("autoregression, source drives target").sample(600, rng=0)
    frame = pd.DataFrame({"x": x, "y": y})
    frame.to_parquet(patients / "series.parquet")
    line = ["mi", "series.parquet", "--x", "x", "--y", "y"]
    plain = run(patients, *line, "--json", "p.json")
    assert "--block 50" in plain.stderr
    assert "Subsampling(" not in plain.stderr
    run(patients, *line, "--block", "40", "--json", "b.json")
    found = results(patients / "b.json")["x and y"]
    wanted = im.mutual_information(frame.x, frame.y, method=im.Subsampling(block=40), rng=0)
    assert found["ci"]["high"] == wanted.ci.high
    assert found["diagnostics"]["block"] == 40
    refused = run(patients, *line, "--block", "40", "--method", "delta")
    assert refused.returncode == 2
    assert "--block" in refused.stderr


def test_neighbours_are_no_option_of_counts(patients):
    done = run(patients, "mi", "patients.parquet", "--x", "bmi", "--y", "target",
               "--measure", "normalized", "--neighbors", "3")  # fmt: skip
    assert done.returncode == 2
    assert "neighbors" in done.stderr
