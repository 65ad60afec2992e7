"""The matrix of mutual information is what the pairwise function says of every pair."""

from __future__ import annotations

import io
import json
import warnings
from itertools import combinations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from rich.console import Console
from statsmodels.stats.multitest import multipletests

import infometric as im
from infometric.datasets import load_german_credit
from infometric.exceptions import (
    BiasWarning,
    ColumnError,
    DataError,
    DegenerateWarning,
    InvalidParameterError,
    SparseCellWarning,
    UnsupportedError,
)
from infometric.pairwise import PairwiseResult, benjamini_hochberg
from infometric.report import terminal
from infometric.sources.progress import listening
from infometric.state import codes
from infometric.state.codes import integer_codes, number_codes
from infometric.state.encoders import Column

ESTIMATES = ("value", "se", "ci_low", "ci_high", "pvalue")
matrix = im.mutual_information_matrix
quiet = pytest.mark.filterwarnings("ignore::infometric.exceptions.InfometricWarning")


def german():
    """Categories, numbers with few and with many values, and missing values of both kinds."""
    frame = load_german_credit()
    frame["housing"] = frame["housing"].where(frame.index % 7 > 0)
    frame["age_in_years"] = frame["age_in_years"].where(frame.index % 11 > 0)
    frame["copy"] = frame["job"].str.upper()
    frame["coarse"] = frame["job"].str[:2]
    frame["one"] = "x"
    return frame


def same(a, b):
    assert a.names == b.names
    for name in (*ESTIMATES, "pvalue_bh", "corrected"):
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=1e-12, atol=1e-13)
    assert a.pairs["method"].tolist() == b.pairs["method"].tolist()
    assert a.pairs["caution"].tolist() == b.pairs["caution"].tolist()


@quiet
def test_the_entropy_of_even_bits():
    x = np.arange(64)
    found = matrix(np.column_stack([x % 2, x // 2 % 2, x % 4]), units="bits")
    np.testing.assert_allclose(found.value, [[1, 0, 1], [0, 1, 1], [1, 1, 2]], atol=1e-12)


@quiet
@pytest.mark.parametrize("bins", [None, 4])
def test_every_pair_is_what_the_function_of_two_says(bins):
    frame = german()
    found = matrix(frame, bins=bins, level=0.9, units="bits")
    for x, y in combinations(frame.columns, 2):
        wanted = im.mutual_information(
            frame[x], frame[y], bins=bins, estimator="counts", level=0.9, units="bits"
        )
        pair = found.between(x, y)
        for name in ("value", "se", "pvalue"):
            np.testing.assert_allclose(
                getattr(pair, name), getattr(wanted, name), rtol=1e-12, atol=1e-13
            )
        np.testing.assert_allclose(pair.ci, wanted.ci, rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(
            pair.diagnostics["bias"], wanted.diagnostics["bias"], rtol=1e-9, atol=1e-12
        )
        assert (pair.method, pair.n, pair.units) == (wanted.method, wanted.n, wanted.units)
    for k, name in enumerate(frame.columns):
        wanted = im.entropy(frame[name], bias="plug_in", bins=bins, units="bits")
        np.testing.assert_allclose(found.value[k, k], wanted.value, rtol=1e-12, atol=1e-13)


@quiet
def test_functions_of_each_other_take_walds_interval():
    found = matrix(german()[["job", "copy", "coarse", "telephone"]])
    assert found.between("job", "copy").method.startswith("delta")
    assert found.between("job", "telephone").method.startswith("ncx2")
    np.testing.assert_allclose(found.between("job", "copy").value, found.entropy[0])


@quiet
def test_all_sources_agree(tmp_path):
    frame = german()[["housing", "job", "age_in_years", "installment_rate_in_percentage_of"
                      "_disposable_income", "one", "creditability"]]  # fmt: skip
    wanted = matrix(frame)
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    categories = frame.astype({c: "category" for c in ("housing", "job", "one")})
    for data in (
        categories,
        frame.astype({"housing": object, "job": object}),
        pl.from_pandas(frame),
        pa.Table.from_pandas(frame),
        tmp_path / "t.csv",
        tmp_path / "t.parquet",
    ):
        same(matrix(data), wanted)


@quiet
@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int64, np.float32, np.float64, object])
@pytest.mark.parametrize("order", ["C", "F"])
def test_all_types_of_numbers_agree(dtype, order):
    rng = np.random.default_rng(0)
    values = rng.integers(0, [2, 3, 5, 100], (3000, 4))
    values[:, 2] *= values[:, 0]
    wanted = matrix(pd.DataFrame(values.astype(str), columns=[f"x{i}" for i in range(4)]))
    same(matrix(np.asarray(values, dtype=dtype, order=order)), wanted)


@quiet
def test_truth_values_and_masked_arrays():
    rng = np.random.default_rng(1)
    values = rng.integers(0, 2, (500, 3))
    same(matrix(values.astype(bool)), matrix(values))
    gone = rng.random((500, 3)) < 0.1
    masked = np.ma.masked_array(values, gone)
    same(matrix(masked), matrix(np.where(gone, np.nan, values)))


@quiet
def test_engines_agree():
    pytest.importorskip("numba")
    rng = np.random.default_rng(2)
    values = rng.integers(0, rng.integers(1, 40, 30), (2000, 30))
    same(matrix(values, engine="numba"), matrix(values, engine="numpy"))


@quiet
def test_wide_ranges_and_extreme_integers():
    rng = np.random.default_rng(3)
    x = rng.integers(0, 4, 1000)
    columns = [
        x,
        x + 2**40,
        np.array([-(2**63), -1, 0, 2**63 - 1])[x],
        np.array([0, 300, 70_000, 900_000])[x],
        np.array([0, 255, 256, 1])[x],
    ]
    found = matrix(np.column_stack(columns))
    np.testing.assert_allclose(found.value, found.entropy[0], rtol=1e-12)
    huge = np.array([0, 2**63, 2**64 - 1, 7], dtype=np.uint64)[x]
    np.testing.assert_allclose(matrix(np.column_stack([huge, huge])).value, found.entropy[0])
    narrow = np.array([-128, 127], dtype=np.int8)[x % 2]
    assert number_codes(Column("x", narrow))[1] == 2


def test_blocks_of_rows_are_no_seam(monkeypatch):
    rng = np.random.default_rng(4)
    values = rng.integers(-100, 100, (1000, 3))
    wanted = integer_codes(values)
    monkeypatch.setattr(codes, "BLOCK", 64)
    for a, b in zip(integer_codes(values), wanted, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(wanted[0], (values - values.min(0)).T)


def test_columns_with_one_value_are_told_once():
    values = np.column_stack([np.arange(400) % 2, np.zeros(400, int), np.full(400, 5)])
    with pytest.warns(DegenerateWarning) as told:
        found = matrix(values)
    assert len(told) == 1
    assert "'x1', 'x2'" in str(told[0].message)
    assert told[0].filename == __file__
    off = ~np.eye(3, dtype=bool)
    assert (found.value[off] == 0).all()
    assert (found.pvalue[off] == 1).all()
    assert found.entropy.tolist()[1:] == [0, 0]


def test_missing_everywhere_is_one_value():
    frame = pd.DataFrame({"a": [0, 1] * 50, "b": [np.nan] * 100, "c": [None] * 100})
    with pytest.warns(DegenerateWarning, match="'b', 'c'"):
        assert matrix(frame).value[0, 1:].tolist() == [0, 0]


def test_thin_pairs_are_told_once():
    rng = np.random.default_rng(5)
    values = rng.integers(0, [2, 2, 60, 60, 60], (300, 5))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found = matrix(values)
    thin = np.isnan(found.pairs["ci_low"])
    assert 0 < thin.sum() < 10
    texts = [str(w.message) for w in told if w.category is SparseCellWarning]
    assert len(told) == len({str(w.message) for w in told}) <= 3
    assert any(t.startswith(f"{thin.sum()} of 10 pairs: too few records") for t in texts)
    assert found.warnings == tuple(str(w.message) for w in told)
    frame = found.to_frame()
    assert (frame["caution"][thin].str.contains("no interval")).all()
    assert frame["ci_low"].isna().sum() == thin.sum()


def test_values_beyond_their_interval_are_told_once():
    rng = np.random.default_rng(6)
    with pytest.warns(BiasWarning, match="pairs: the value lies outside"):
        found = matrix(rng.integers(0, 15, (1500, 4)))
    outside = [r for r in found.top(6).values() if r.value > r.ci.high]
    assert outside
    assert all("outside its interval" in r.warnings[-1] for r in outside)


@quiet
def test_adjusted_pvalues():
    found = matrix(load_german_credit(), bins=5)
    wanted = multipletests(found.pairs["pvalue"], method="fdr_bh")[1]
    np.testing.assert_allclose(found.pairs["pvalue_bh"], wanted, rtol=1e-12)
    np.testing.assert_array_equal(benjamini_hochberg(np.ones(3)), np.ones(3))


@quiet
def test_views():
    frame = load_german_credit()
    found = matrix(frame, bins=5)
    size = frame.shape[1]
    for name in (*ESTIMATES, "pvalue_bh", "corrected"):
        square = getattr(found, name)
        assert square.shape == (size, size)
        np.testing.assert_array_equal(square, square.T)
    table = found.to_frame()
    assert len(table) == len(found) == size * (size - 1) // 2
    assert list(table.columns)[:8] == ["x", "y", *ESTIMATES, "pvalue_bh"]
    row = table.iloc[37]
    assert found.matrix("ci_high").loc[row["y"], row["x"]] == row["ci_high"]
    assert found.between(row["y"], row["x"]).value == row["value"]
    top = found.top(3)
    assert next(iter(top)) == "credit_history and number_of_existing_credits_at_this_bank"
    best = np.argmax(found.pairs["corrected"])
    assert top.adjusted["pvalue_bh"][0] == found.pairs["pvalue_bh"][best]
    by_value = [r.value for r in found.top(10, by="value").values()]
    assert by_value == sorted(by_value, reverse=True)
    least = next(iter(found.top(1, by="pvalue").values()))
    assert least.pvalue == found.pairs["pvalue"].min()
    assert len(found.top(10**6)) == len(found)
    assert "210 pairs of 21 columns" in found.summary()
    assert str(found) in repr(found)
    assert "<table>" in found._repr_html_()


@quiet
def test_units_and_corrections():
    frame = load_german_credit()[["housing", "job", "property"]]
    nats, bits = matrix(frame), matrix(frame, units="bits")
    same(nats.to("bits"), bits)
    same(bits.to("nats"), nats)
    assert bits.to("bits").units == "bits"
    bias = (nats.value - nats.corrected) * 2 * len(frame)
    np.testing.assert_allclose(bias, [[-2, 6, 6], [6, -3, 9], [6, 9, -3]], rtol=1e-9)
    np.testing.assert_allclose(bits.value * np.log(2), nats.value)


@quiet
def test_json_round_trip():
    found = matrix(german(), bins=5, units="bans", level=0.8)
    again = PairwiseResult.from_json(found.to_json())
    assert again.to_dict() == found.to_dict()
    same(again, found)
    assert again.warnings == found.warnings
    data = json.loads(found.to_json())
    assert data["schema_version"] == 1
    with pytest.raises(DataError, match="schema version"):
        PairwiseResult.from_dict(data | {"schema_version": 0})
    with pytest.raises(DataError, match="lost"):
        PairwiseResult.from_dict({"schema_version": 1})


@quiet
def test_chosen_columns_and_progress():
    frame = load_german_credit()
    some = ["job", "housing", "property"]
    found = matrix(frame, columns=some)
    assert found.names == tuple(some)
    same(matrix(frame[some].to_numpy()).to("nats"), matrix(frame[some].to_numpy()))
    same(matrix(frame, columns=[*some, "age_in_years"], exclude=["age_in_years"]), found)
    seen = []
    matrix(frame, columns=some, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (3, 3)
    heard = []
    with listening(lambda done, total: heard.append((done, total))):
        matrix(frame, columns=some)
    assert heard[-1] == (3, 3)


@quiet
def test_a_bar_that_was_asked_for(monkeypatch):
    screen = io.StringIO()
    monkeypatch.setattr(terminal, "err", Console(file=screen, force_terminal=True, width=100))
    frame = load_german_credit()[["job", "housing", "property"]]
    silent = matrix(frame, progress=False)
    assert not screen.getvalue()
    same(matrix(frame, progress=True), silent)
    assert "counting pairs" in screen.getvalue()
    assert "100%" in screen.getvalue()


def test_bins_of_some_columns(rng):
    frame = pd.DataFrame({"a": rng.normal(size=300), "b": rng.integers(0, 3, 300),
                          "c": rng.integers(0, 2, 300)})  # fmt: skip
    scored = im.score_features(frame, "c", bins={"a": 4})
    alone = im.mutual_information(frame["a"], frame["c"], bins={"a": 4})
    assert scored["a"].value == pytest.approx(alone.value, rel=1e-12)
    assert matrix(frame, bins={"a": 4}).between("a", "c").value == pytest.approx(alone.value)
    for call in (matrix, lambda f, bins: im.score_features(f, "c", bins=bins)):
        with pytest.raises(ColumnError, match="'zz'"):
            call(frame, bins={"zz": 4})


def test_errors():
    frame = load_german_credit()
    with pytest.raises(DataError, match="two columns or more"):
        matrix(frame[["job"]])
    with pytest.raises(DataError, match="nothing to estimate from"):
        matrix(frame.head(0))
    with pytest.raises(UnsupportedError, match="bins=10"):
        matrix(np.random.default_rng(0).normal(size=(50, 2)))
    with pytest.raises(DataError, match="unique"):
        matrix(pd.DataFrame([[1, 2], [3, 4]], columns=["a", "a"]))
    with pytest.raises(ColumnError, match="'job'"):
        matrix(frame, columns=["jop", "housing"])
    with pytest.raises(InvalidParameterError, match="units"):
        matrix(frame, units="bit")
    with pytest.raises(InvalidParameterError, match="level"):
        matrix(frame, level=95)
    with pytest.raises(InvalidParameterError, match="engine"):
        matrix(frame, engine="cuda")
    with pytest.raises(DataError, match="infinite"):
        matrix(np.array([[0.0, np.inf], [1.0, 2.5]]), bins=2)
    days = frame[["job"]].assign(day=pd.Timestamp("2026-01-31"), night=pd.Timestamp("2026-02-01"))
    with pytest.raises(DataError, match="2 of 3 columns") as refused:
        matrix(days)
    assert "exclude=['day', 'night']" in str(refused.value)
    n = 4000
    ids = pd.DataFrame({"id": np.arange(n), "other": np.arange(n)[::-1], "x": np.arange(n) % 2})
    with pytest.raises(DataError, match="together have too many cells") as refused:
        matrix(ids)
    assert "4000 x 4000" in str(refused.value)


@quiet
def test_errors_of_views():
    found = matrix(load_german_credit()[["job", "housing", "property"]])
    with pytest.raises(ColumnError, match="'housing'"):
        found.between("job", "hosing")
    with pytest.raises(InvalidParameterError, match="entropy"):
        found.between("job", "job")
    for call in (
        found.matrix,
        lambda what: found.plot(what=what),
        lambda what: found.top(3, by=what),
    ):
        with pytest.raises(InvalidParameterError, match="pvalue_bh"):
            call("entropy")


@quiet
def test_the_map_of_colours():
    pytest.importorskip("matplotlib").use("Agg")
    found = matrix(load_german_credit(), bins=5)
    ax = found.plot()
    drawn = ax.images[0].get_array()
    assert np.ma.getmaskarray(drawn).diagonal().all()
    wanted = np.maximum(found.corrected, 0)[0, 1:]
    np.testing.assert_allclose(drawn[0, 1:], wanted)
    assert ax.get_yticklabels()[1].get_text() == "duration_in_month"
    assert "(nats)" in ax.figure.axes[1].get_ylabel()
    constant = np.column_stack([np.zeros(9, int), np.ones(9, int)])
    assert matrix(constant).plot().images


@quiet
def test_scores_of_features():
    frame = load_german_credit()
    found = im.score_features(frame, "creditability", bins=5, units="bits", level=0.9)
    assert next(iter(found)) == "status_of_existing_checking_account"
    values = [r.value for r in found.values()]
    assert values == sorted(values, reverse=True)
    assert len(found) == 20
    y = frame.pop("creditability")
    wanted = im.mutual_information(frame["purpose"], y, bins=5, units="bits", level=0.9)
    assert found["purpose"].ci == wanted.ci
    assert set(found.adjusted) == {"pvalue_holm", "pvalue_bh"}
    again = im.score_features(frame, y, bins=5, units="bits", level=0.9)
    assert again.to_frame().equals(found.to_frame())
    assert im.ResultTable.from_json(found.to_json()).to_frame().equals(found.to_frame())
    with pytest.raises(DataError, match="same number of rows"):
        im.score_features(frame, y[:10], bins=5)
    with pytest.raises(ColumnError, match="creditability"):
        im.score_features(frame, "creditability", bins=5)
    with pytest.raises(DataError, match="target is one column"):
        im.score_features(frame, frame[["job", "housing"]], bins=5)


def test_scores_name_the_column_in_a_warning():
    frame = pd.DataFrame({"same": [1] * 100, "x": [0, 1] * 50})
    with pytest.warns(DegenerateWarning, match="same"):
        found = im.score_features(frame, [0, 0, 1, 1] * 25)
    assert found["same"].pvalue == 1
