"""``infometric spectrum`` on real arrays and tables."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits

import infometric as im
from infometric.report.cli import main
from infometric.report.options import spoken


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    where = tmp_path_factory.mktemp("spectrum")
    X, y = load_digits(return_X_y=True)
    np.save(where / "x.npy", X[:120].astype(np.float32))
    np.save(where / "y.npy", y[:120])
    np.savez(where / "two.npz", a=X[:5], b=X[:5])
    np.savez(where / "both.npz", rows=X[:120], labels=np.eye(10)[y[:120]])
    (where / "fake.npy").write_text("call the bank")
    (where / "x.pt").write_text("call the bank")
    np.save(where / "cube.npy", np.zeros((5, 3, 2)))
    frame = pd.DataFrame(X[:120]).add_prefix("p").assign(digit=[f"d{v}" for v in y[:120]])
    frame.to_parquet(where / "digits.parquet")
    few = frame[["p10", "p20", "p30", "digit"]]
    few.to_csv(where / "few.csv", index=False)
    leaky = few.assign(code=y[:120] * 2, hot=(y[:120] == 3) * 1.0, scaled=frame["p20"] / 3 + 1)
    leaky.to_csv(where / "leaky.csv", index=False)
    few.assign(digit=few["digit"].where(few.index != 3)).to_csv(where / "unknown.csv", index=False)
    few.assign(p10=few["p10"].where(few.index != 3)).to_csv(where / "gaps.csv", index=False)
    few[["digit"]].to_csv(where / "labels.csv", index=False)
    numbers = pd.DataFrame(np.random.default_rng(0).normal(size=(40, 3)))
    numbers.to_csv(where / "counted.csv", index=False)
    numbers.to_csv(where / "headless.csv", index=False, header=False)
    pd.DataFrame(X[:40, 2:8]).to_csv(where / "twice.csv", index=False, header=False)
    return where


def results(path):
    sections = json.loads(path.read_text())["sections"]
    tables = [s["results"] if "results" in s else s["table"]["results"] for s in sections]
    return {name: result for table in tables for name, result in table.items()}


def test_an_array_and_its_labels(folder, capsys):
    out = folder / "out.json"
    assert main(["spectrum", f"{folder}/x.npy", "-t", f"{folder}/y.npy", "--json", str(out)]) == 0
    shown = capsys.readouterr().out
    assert "diffusion spectral entropy" in shown
    X, y = np.load(folder / "x.npy"), np.load(folder / "y.npy")
    entropy = im.diffusion_spectral_entropy(X, units="bits", method="none").value
    shared = im.diffusion_spectral_mi(X, y, units="bits", method="none").value
    found = results(out)
    assert found["diffusion spectral entropy"]["value"] == entropy
    assert found["information on y"]["value"] == shared
    assert found["information on y"]["pvalue"] == 0.005
    assert found["effective rank"]["value"] == im.RankMe().fit(X).estimate(rng=0).value


def test_a_table_and_its_column_are_the_same_as_arrays(folder, capsys):
    out = folder / "out.json"
    given = ["spectrum", f"{folder}/digits.parquet", "--target", "digit", "--json", str(out), "-q"]
    assert main(given) == 0
    table = results(out)
    arrays = folder / "arrays.json"
    given = ["spectrum", f"{folder}/x.npy", "-t", f"{folder}/y.npy", "--json", str(arrays), "-q"]
    assert main(given) == 0
    for line, same in (("information on digit", "information on y"),):
        value, other = table[line]["value"], results(arrays)[same]["value"]
        assert value == pytest.approx(other, abs=1e-5)  # the array is single precision


def test_some_rows_some_columns_and_a_bandwidth(folder, capsys):
    given = ["spectrum", f"{folder}/digits.parquet", "--columns", "p10,p20,p30", "--rows", "50"]
    assert main([*given, "--sigma", "5", "--method", "none"]) == 0
    assert " 50" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["x.npy", "-t", "digit"], "An array has no named columns"),
        (["digits.parquet", "-t", "digits"], "use 'digit'"),
        (["digits.parquet"], "holds text"),
        (["two.npz"], "holds several arrays"),
        (["two.npz"], "two.npz:a or"),
        (["two.npz:c"], "holds no array 'c'"),
        (["fake.npy"], "fake.npy holds no array"),
        (["x.pt"], "name it .npy or .npz"),
        (["x.npy", "--target-kind", "classes"], "there is none"),
        (["x.npy", "--t", "0"], "--t 1"),
        (["x.npy", "--method", "subsampling"], "Try: --method jackknife"),
        (["x.npy", "--level", "2"], "--level 0.95"),
        (["few.csv"], "--target 'digit' where it is the label"),
        (["few.csv", "-t", "p10"], "--exclude 'digit'"),
        (["few.csv", "-t", "digit", "--target-kind", "representation"], "--target-kind classes"),
        (["unknown.csv", "-t", "digit"], "'digit' is missing in 1 row(s)"),
        (["gaps.csv", "-t", "digit"], "--exclude 'p10'"),
        (["labels.csv", "-t", "digit"], "no column of labels.csv left"),
        (["twice.csv"], "holds numbers, and no names"),
        (["cube.npy"], "one row for each example"),
        (["absent.npy"], "There is no file"),
        (["x.npy", "--sigma", "wide"], "--sigma median"),
        (["x.npy", "--method", "bootstrap"], "Try: --method jackknife"),
    ],
)
def test_refusals_say_what_to_type(folder, capsys, arguments, says):
    name, *rest = arguments
    assert main(["spectrum", f"{folder}/{name}", *rest]) == 2
    assert says in " ".join(capsys.readouterr().err.split())


def notes_of(capsys, *arguments):
    """What a run says beside its table."""
    assert main(["spectrum", *arguments, "--method", "none"]) == 0
    return " ".join(capsys.readouterr().err.split())


def test_arrays_of_one_file_and_how_the_target_is_taken(folder, capsys):
    given = (f"{folder}/both.npz:rows", "-t", f"{folder}/both.npz:labels")
    said = notes_of(capsys, *given)
    assert "120 rows of 64 columns of both.npz:rows" in said
    assert "labels taken as numbers of 10 columns" in said
    assert "--target-kind classes" in said
    said = notes_of(capsys, *given, "--target-kind", "classes", "--json", f"{folder}/hot.json")
    assert "labels taken as 10 classes" in said
    rows, labels = np.load(folder / "both.npz").values()
    shared = im.diffusion_spectral_mi(rows, labels.argmax(1), units="bits", method="none").value
    assert results(folder / "hot.json")["information on labels"]["value"] == pytest.approx(shared)


def test_columns_that_hold_the_target_are_named(folder, capsys):
    said = notes_of(capsys, f"{folder}/leaky.csv", "-t", "digit")
    assert "120 rows of 6 columns" in said
    assert "'code', 'hot' hold the target digit" in said
    assert "--exclude code,hot" in said
    given = ("-t", "scaled", "--target-kind", "representation", "--exclude", "digit")
    assert "'p20' holds the target scaled" in notes_of(capsys, f"{folder}/leaky.csv", *given)
    assert "the target" not in notes_of(capsys, f"{folder}/few.csv", "-t", "digit")


def test_a_header_of_numbers_is_doubted_unless_it_counts_the_columns(folder, capsys):
    assert "loses its first row" in notes_of(capsys, f"{folder}/headless.csv")
    assert "loses its first row" not in notes_of(capsys, f"{folder}/counted.csv")


def test_more_rows_than_there_are(folder, capsys):
    said = notes_of(capsys, f"{folder}/counted.csv", "--rows", "500")
    assert "--rows 500 is more than there are: all 40 are used" in said
    assert "more than there are" not in notes_of(capsys, f"{folder}/counted.csv", "--rows", "40")


def test_the_page_speaks_of_kernels_and_of_what_the_interval_is(folder, capsys):
    page = folder / "page.html"
    given = [f"{folder}/x.npy", "-t", f"{folder}/y.npy", "--html", str(page), "-q"]
    assert main(["spectrum", *given]) == 0
    text = page.read_text()
    fitted = im.DiffusionSpectralEntropy().fit(np.load(folder / "x.npy"))
    width = fitted.state_.kernels[0].sigma
    assert f"kernel gaussian, bandwidth {width:.4g}" in text
    assert "of the target the same class" in text
    assert "is of the mean of the value over samples of 120 rows" in text
    assert "y taken as 10 classes" in text
    assert "The estimated effective rank is" in text
    for inner in ("bins gaussian", "bins linear", "agree with the data", "rank me"):
        assert inner not in text
    assert main(["spectrum", f"{folder}/x.npy", "--sigma", "1e-6", "--html", str(page), "-q"]) == 0
    warned = page.read_text()
    assert "wider bandwidth, --sigma " in warned
    assert "sigma=" not in warned


def test_help_lists_the_kinds_of_files(capsys):
    assert main(["spectrum", "--help"]) == 0
    shown = capsys.readouterr().out
    assert ".npz" in shown
    assert "--target-kind" in shown


def test_what_is_read_is_not_written_over(folder, capsys):
    before = (folder / "both.npz").read_bytes()
    given = [f"{folder}/x.npy", "-t", f"{folder}/both.npz:labels", "--json", f"{folder}/both.npz"]
    assert main(["spectrum", *given]) == 2
    assert (folder / "both.npz").read_bytes() == before


@pytest.mark.parametrize(
    ("python", "option"),
    [
        ("t=1", "--t 1"),
        ("solver='exact'", "--solver exact"),
        ("sigma=2e+06, or t=1", "--sigma 2e+06, or --t 1"),
        ("uncertainty='delta' of an estimator, method='delta' of a function", "--method delta"),
        ("target='classes' takes it", "--target-kind classes takes it"),
        ("target='digit'", "target='digit'"),
    ],
)
def test_hints_speak_of_options(python, option):
    assert spoken(python) == option
