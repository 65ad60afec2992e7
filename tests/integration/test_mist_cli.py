"""``infometric mist`` on arrays and tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import infometric as im
from infometric.report.cli import main
from infometric.report.document import Report


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    where = tmp_path_factory.mktemp("mist")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 2))
    y = 0.8 * x + 0.6 * rng.normal(size=(120, 2))
    np.save(where / "x.npy", x)
    np.save(where / "y.npy", y)
    frame = pd.DataFrame(np.column_stack([x, y]), columns=["a", "b", "c", "d"])
    frame.to_csv(where / "table.csv", index=False)
    words = frame.assign(kind=np.where(x[:, 0] > 0, "high", "low"))
    words.to_csv(where / "words.csv", index=False)
    words.assign(a=frame["a"].where(frame.index != 3)).to_csv(where / "gaps.csv", index=False)
    frame[:6].to_csv(where / "few.csv", index=False)
    im.MIST().save(where / "weights")
    return where


def asked(folder, capsys, *arguments):
    code = main(["mist", *(a.format(folder) for a in arguments)])
    return code, *capsys.readouterr()


def test_a_table_gives_what_python_gives(folder, capsys):
    path = folder / "r.json"
    code, out, err = asked(
        folder, capsys, "{}/table.csv", "--y", "c,d", "--units", "bits", "--json", str(path)
    )
    assert code == 0
    (section,) = Report.from_json(path).sections
    ((name, result),) = section.table.items()
    frame = pd.read_csv(folder / "table.csv")
    expected = im.mist(frame, ["c", "d"], units="bits")
    assert name == "a, b and c, d"
    assert (result.value, result.ci) == (expected.value, expected.ci)
    assert f"{expected.value:.4f}" in out
    assert "120 rows of 2 + 2 columns" in err
    assert "classical estimate" in err


def test_arrays_and_weights_of_ones_own(folder, capsys):
    found = []
    for options in ([], ["--weights", "{}/weights", "-q"]):
        path = folder / f"r{len(options)}.json"
        rows = ["{}/x.npy", "--y", "{}/y.npy", "--json", str(path), *options]
        code, out, err = asked(folder, capsys, *rows)
        assert code == 0
        assert (err == "") == bool(options)
        assert out.startswith("wrote ") == bool(options)
        (section,) = Report.from_json(path).sections
        found += section.table.values()
    assert found[0].to_dict() == found[1].to_dict()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["{}/words.csv", "--y", "c"], "--exclude 'kind'"),
        (["{}/gaps.csv", "--y", "c", "--exclude", "kind"], "which have no rank"),
        (["{}/few.csv", "--y", "c"], "n_samples=6"),
        (["{}/table.csv", "--y", "e"], "no column 'e'"),
        (["{}/table.csv", "--y", "c", "--level", "0.3"], "0.5 to 0.99"),
        (["{}/table.csv", "--y", "c", "--weights", "{}/nowhere"], "no such folder"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(folder, capsys, arguments, says):
    code, out, err = asked(folder, capsys, *arguments)
    assert code == 2
    assert says in err
    assert err.count("error: ") == 1
    assert out == ""


def test_columns_that_are_left_out_are_said(folder, capsys):
    frame = pd.read_csv(folder / "table.csv").assign(same=7, twin=lambda f: 2 * f["a"])
    frame.to_csv(folder / "more.csv", index=False)
    code, _, err = asked(folder, capsys, "{}/more.csv", "--y", "c,d")
    assert code == 0
    assert "1 column left out: one value alone" in err
    assert "1 column left out: copies or linear functions of others of their side" in err
