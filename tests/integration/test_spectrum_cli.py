"""``infometric spectrum`` on real arrays and tables."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits

import infometric as im
from infometric.report.cli import main


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    where = tmp_path_factory.mktemp("spectrum")
    X, y = load_digits(return_X_y=True)
    np.save(where / "x.npy", X[:120].astype(np.float32))
    np.save(where / "y.npy", y[:120])
    np.savez(where / "two.npz", a=X[:5], b=X[:5])
    np.save(where / "cube.npy", np.zeros((5, 3, 2)))
    frame = pd.DataFrame(X[:120]).add_prefix("p").assign(digit=[f"d{v}" for v in y[:120]])
    frame.to_parquet(where / "digits.parquet")
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
        (["cube.npy"], "one row for each example"),
        (["absent.npy"], "There is no file"),
        (["x.npy", "--sigma", "wide"], "--sigma median"),
        (["x.npy", "--method", "bootstrap"], "--method jackknife"),
    ],
)
def test_refusals_say_what_to_type(folder, capsys, arguments, says):
    name, *rest = arguments
    assert main(["spectrum", f"{folder}/{name}", *rest]) == 2
    assert says in " ".join(capsys.readouterr().err.split())
