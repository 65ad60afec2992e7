"""Supervised bins: rules kept, frozen and hashed, honest about having seen the target."""

from __future__ import annotations

import json
import math
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import infometric as im
from infometric.datasets import load_credit_card, load_german_credit
from infometric.exceptions import (
    ColumnError,
    DataError,
    InvalidParameterError,
    LeakageWarning,
    MergeError,
    ReliabilityWarning,
    SourceError,
    SparseCellWarning,
    UnsupportedError,
)
from infometric.functional.divergence import Jeffreys
from infometric.functional.information import PearsonChiSquare
from infometric.state.encoders import GroupEncoder
from infometric.state.folds import Folds

TARGET = "default.payment.next.month"


@pytest.fixture(scope="module")
def applicants():
    return load_german_credit()


@pytest.fixture(scope="module")
def cards():
    return load_credit_card().drop(columns="ID")


@pytest.fixture
def sample(rng):
    n = 4000
    frame = pd.DataFrame(
        {
            "signal": rng.normal(size=n),
            "noise": rng.normal(size=n),
            "grade": rng.choice(list("abcdefgh"), n),
            "gaps": np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n)),
            "coded": np.where(rng.random(n) < 0.1, -999.0, rng.normal(size=n)),
        }
    )
    odds = frame["signal"] + frame["grade"].isin(["a", "b"]) + 0.8 * frame["gaps"].isna()
    y = (rng.random(n) < 1 / (1 + np.exp(2 - odds))).astype(int)
    return frame, y


BINNINGS = [im.OptimalBinning(special=[-999]), im.StumpBinning(special=[-999]),
            im.StumpBinning(special=[-999], joint=True)]  # fmt: skip


@pytest.mark.parametrize(
    "binning", BINNINGS, ids=lambda b: f"{type(b).__name__}-{b.get_params().get('joint')}"
)
def test_every_binning_keeps_its_rules(binning, sample):
    X, y = sample
    fitted = clone(binning).fit(X, y)
    assert set(fitted.encoders_) == set(X)
    for name in ("signal", "coded"):
        table = fitted.table(name)
        ordered = table[~table["bin"].str.contains("special|missing")]
        assert ordered["count"].min() >= fitted.min_bin_size * len(y)
        assert (ordered[["events", "nonevents"]] > 0).all().all()
        steps = np.diff(ordered["event_rate"])
        assert (steps > 0).all() or (steps < 0).all()
    assert (np.diff(fitted.table("signal")["event_rate"]) > 0).all()
    assert fitted.table("coded")["bin"].str.contains("special -999").sum() == 1
    assert fitted.table("gaps")["bin"].iloc[-1] == "missing"
    assert isinstance(fitted.encoders_["grade"], GroupEncoder)
    assert fitted.table("gaps")["count"].sum() == len(y)


def test_the_binning_table_is_the_textbook_s(sample):
    X, y = sample
    table = im.OptimalBinning(max_bins=4).fit(X[["signal"]], y).table("signal")
    g, b = table["nonevents"].to_numpy(), table["events"].to_numpy()
    woe = np.log(g / g.sum() / (b / b.sum()))
    assert table["woe"].to_numpy() == pytest.approx(woe)
    assert table["se"].to_numpy() == pytest.approx(
        np.sqrt(1 / g - 1 / g.sum() + 1 / b - 1 / b.sum())
    )
    assert table["iv"].to_numpy() == pytest.approx((g / g.sum() - b / b.sum()) * woe)
    assert table["event_rate"].to_numpy() == pytest.approx(b / (g + b))


def test_table_of_new_data_has_the_bins_of_fit(sample):
    X, y = sample
    fitted = im.OptimalBinning().fit(X[:2000], y[:2000])
    later = fitted.table("signal", X[2000:], y[2000:])
    assert later["bin"].tolist() == fitted.table("signal")["bin"].tolist()
    assert later["count"].sum() == 2000


def test_transforms_agree_with_each_other(sample):
    X, y = sample
    fitted = im.OptimalBinning().fit(X, y)
    index, label, woe, rate = (
        fitted.transform(X, kind) for kind in ("index", "label", "woe", "event_rate")
    )
    for j, name in enumerate(fitted.encoders_):
        encoder = fitted.encoders_[name]
        assert [encoder.labels[k] for k in index[:50, j]] == label[:50, j].tolist()
        assert fitted.woe_[name][index[:, j]] == pytest.approx(woe[:, j])
        assert y[index[:, j] == 0].mean() == pytest.approx(rate[index[:, j] == 0, j][0])
    with pytest.raises(InvalidParameterError, match="event_rate"):
        fitted.transform(X, "odds")


def test_a_binning_stands_in_a_pipeline(sample):
    X, y = sample
    model = make_pipeline(im.OptimalBinning(), LogisticRegression()).fit(X, y)
    assert model.score(X, y) > 0.7


@pytest.mark.parametrize("kind", [im.OptimalBinning, im.StumpBinning])
def test_json_keeps_the_bins(kind, sample, tmp_path):
    X, y = sample
    fitted = kind(special=[-999], monotonic={"signal": "ascending"}).fit(X, y)
    back = kind.from_json(fitted.to_json(tmp_path / "bins.json"))
    assert back.hash_ == fitted.hash_
    assert back.get_params()["special"] == (-999,)
    assert (back.transform(X) == fitted.transform(X)).all()
    assert back.to_dict() == fitted.to_dict()


def test_edited_or_alien_bins_are_refused(sample, tmp_path):
    X, y = sample
    fitted = im.OptimalBinning().fit(X, y)
    data = fitted.to_dict()
    data["columns"]["signal"]["encoder"]["edges"][0] += 1e-9
    with pytest.raises(DataError, match="checksum"):
        im.OptimalBinning.from_dict(data)
    data = fitted.to_dict()
    data["columns"]["signal"]["counts"]["table"][1][0] += 1
    with pytest.raises(DataError, match="checksum"):
        im.OptimalBinning.from_dict(data)
    for junk in (None, [], "x", {"kind": "infometric-binning"}):
        with pytest.raises(DataError, match="schema version"):
            im.OptimalBinning.from_dict(junk)
    with pytest.raises(DataError, match="another kind"):
        im.StumpBinning.from_dict(fitted.to_dict())
    with pytest.raises(DataError, match="schema version"):
        im.OptimalBinning.from_dict({})
    missing = fitted.to_dict()
    del missing["columns"]["signal"]
    with pytest.raises(DataError, match="checksum"):
        im.OptimalBinning.from_dict(missing)
    with pytest.raises(SourceError, match=r"absent\.json"):
        im.OptimalBinning.from_json(tmp_path / "absent.json")


def test_the_hash_is_that_of_the_bins_alone(sample):
    X, y = sample
    one, two = im.OptimalBinning().fit(X, y), im.OptimalBinning(units="bits").fit(X, y)
    assert one.hash_ == two.hash_
    assert one.hash_ != im.OptimalBinning(max_bins=3).fit(X, y).hash_


# --- where data come from ----------------------------------------------------------------------


def test_bins_are_the_same_from_every_source(sample, tmp_path):
    import polars as pl

    X, y = sample
    frame = X.assign(y=y)
    frame.to_parquet(tmp_path / "a.parquet")
    frame.to_csv(tmp_path / "a.csv", index=False)
    expected = im.OptimalBinning().fit(frame, "y")
    for data in (pl.from_pandas(frame), tmp_path / "a.parquet", tmp_path / "a.csv"):
        found = im.OptimalBinning().fit(data, "y")
        assert found.hash_ == expected.hash_
        assert (found.state_["grade"].table == expected.state_["grade"].table).all()


def test_groups_are_counted_by_sql_as_in_memory(sample, tmp_path):
    from infometric.sources.tables import FileTable

    X, y = sample
    frame = X.assign(y=y)
    fitted = im.OptimalBinning().fit(frame, "y")
    frame.loc[:9, "grade"] = "unseen"
    frame.loc[10:19, "grade"] = None
    frame.to_parquet(tmp_path / "a.parquet")
    inside = fitted._count(frame, "y", None)
    by_sql = fitted._count(FileTable(tmp_path / "a.parquet"), "y", None)
    for name in inside:
        assert (inside[name].table == by_sql[name].table).all()
    assert inside["grade"].table[:, -2].sum() == 10


def test_counts_alone_choose_the_same_bins(sample):
    X, y = sample
    fine = im.WeightOfEvidence(bins=50).fit(X[["signal", "grade"]], y)
    alone = im.OptimalBinning().fit_counts(fine.state_, fine.encoders_, fine.classes_)
    rows = im.OptimalBinning().fit(X[["signal", "grade"]], y)
    assert alone.hash_ == rows.hash_
    with pytest.raises(DataError, match="'signal'"):
        im.OptimalBinning().fit_counts(rows.state_, fine.encoders_, (0, 1))


def test_weights_of_two_are_rows_twice(sample):
    X, y = sample
    w = np.where(np.arange(len(y)) % 3, 1.0, 2.0)
    edges = np.linspace(-2, 2, 41).tolist()
    twice = np.repeat(np.arange(len(y)), w.astype(int))
    options = {"prebins": edges, "max_bins": 5}
    weighted = im.OptimalBinning(**options).fit(X[["signal"]], y, sample_weight=w)
    rows = im.OptimalBinning(**options).fit(X[["signal"]].iloc[twice], y[twice])
    assert weighted.encoders_["signal"].edges == rows.encoders_["signal"].edges


# --- categories --------------------------------------------------------------------------------


def test_rare_categories_are_one_before_the_target_is_looked_at(rng):
    x = np.array([f"c{k}" for k in range(100)] * 3 + ["big"] * 400 + ["other big"] * 400)
    y = (rng.random(len(x)) < 0.3).astype(int)
    groups = im.OptimalBinning().fit(pd.DataFrame({"x": x}), y).encoders_["x"].groups
    home = [g for g in groups if "c0" in g]
    assert len(home) == 1
    assert {f"c{k}" for k in range(100)} <= set(home[0])


def test_a_hundred_thousand_categories(rng):
    x = rng.integers(0, 100_000, 200_000).astype(str)
    y = (rng.random(200_000) < 0.3).astype(int)
    fitted = im.OptimalBinning(categorical=["x"], rare=0).fit(pd.DataFrame({"x": x}), y)
    assert fitted.encoders_["x"].n_known <= 8


def test_unseen_categories_say_so_and_are_never_a_silent_zero(sample):
    X, y = sample
    fitted = im.OptimalBinning().fit(X, y)
    new = X.head(5).assign(grade="zebra")
    with pytest.warns(SparseCellWarning, match=r"grade: 5 value.*'other'.*'zebra'"):
        codes = fitted.transform(new, "index")
    assert (codes[:, 2] == fitted.encoders_["grade"].n_known).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted.transform(X.head(5))


def test_a_column_that_knows_the_target_is_named_where_bins_would_hide_it(sample):
    X, y = sample
    leaky = X[["signal"]].assign(later=np.where(y == 1, 3.0, 1.0), code=np.where(y == 1, "c", "d"))
    with pytest.warns(LeakageWarning, match=r"later: one class only in '\(-inf, 3\)'"):
        binning = im.OptimalBinning().fit(leaky, y)
    assert set(binning.leaks_) == {"later", "code"}
    assert binning.encoders_["later"].n_cells == 2  # both classes in every bin: one bin
    with pytest.warns(LeakageWarning, match="code: one class only in 'd'"):
        found = im.information_value(leaky, y, bins=im.OptimalBinning())
    assert any("one class" in w for w in found["code"].warnings)
    assert not any("one class" in w for w in found["signal"].warnings)
    assert im.OptimalBinning.from_dict(binning.to_dict()).leaks_ == binning.leaks_


# --- selection effects -------------------------------------------------------------------------


def test_supervised_bins_are_cross_fitted_by_default(sample):
    X, y = sample
    estimator = im.InformationValue(bins=im.OptimalBinning()).fit(X, y)
    assert all(isinstance(s, Folds) and len(s.parts) == 5 for s in estimator.state_.values())
    found = estimator.estimate()
    assert found["signal"].pvalue < 1e-6
    assert found["signal"].diagnostics["selection"] == "cross_fit"
    optimistic = im.InformationValue(bins=im.OptimalBinning(), selection="in_sample")
    with pytest.warns(ReliabilityWarning, match="optimistic"):
        naive = optimistic.fit(X, y).estimate()
    for name in X:
        assert found[name].ci.low <= max(found[name].value, 0) <= found[name].ci.high
        assert naive[name].value > 0


def test_noise_has_no_information_once_cross_fitted(rng):
    X, y = rng.normal(size=(8000, 40)), rng.random(8000) < 0.2
    binning = im.OptimalBinning(monotonic=None, max_bins=12, min_bin_size=0.02)
    found = im.InformationValue(bins=binning).fit(X, y).estimate()
    chosen = clone(binning).fit(X, y)
    naive = [im.infer(Jeffreys(), s) for s in chosen.state_.values()]
    assert sum(r.pvalue < 0.05 for r in naive) > 35  # of 40
    assert sum(r.pvalue < 0.05 for r in found.values()) < 8
    assert abs(np.mean([r.value for r in found.values()])) < 0.004
    assert np.mean([r.value for r in naive]) > 0.015


def test_every_row_is_in_one_fold(sample):
    X, y = sample
    state = im.InformationValue(bins=im.OptimalBinning(), folds=7).fit(X, y).state_["signal"]
    assert state.n.tolist() == [(y == 0).sum(), (y == 1).sum()]
    events = [part.n[1] for part in state.parts]
    assert max(events) - min(events) <= 1


def test_folds_named_by_a_column_keep_customers_together(sample, tmp_path):
    X, y = sample
    customer = np.arange(len(y)) // 4
    frame = X[["signal", "grade"]].assign(bad=y, part=customer % 3)
    named = im.InformationValue(bins=im.OptimalBinning(), folds="part").fit(frame, "bad")
    assert set(named.state_) == {"signal", "grade"}
    state = named.state_["signal"]
    expected = [[((y == k) & (customer % 3 == f)).sum() for k in (0, 1)] for f in range(3)]
    assert [part.n.tolist() for part in state.parts] == expected
    frame.to_parquet(tmp_path / "a.parquet")
    file = im.InformationValue(bins=im.OptimalBinning(), folds="part")
    assert file.fit(tmp_path / "a.parquet", "bad").state_["grade"].key == named.state_["grade"].key
    half = im.InformationValue(bins=im.OptimalBinning(), folds="half", selection="split")
    result = half.fit(frame.assign(half=customer % 2), "bad").estimate()["signal"]
    assert sum(result.n) == (customer % 2 == 1).sum()
    with pytest.raises(DataError, match="3 distinct"):
        im.InformationValue(bins=im.OptimalBinning(), folds="part", selection="split").fit(
            frame, "bad"
        )
    with pytest.raises(ColumnError, match="'pert'"):
        im.InformationValue(bins=im.OptimalBinning(), folds="pert").fit(frame, "bad")


def test_an_honest_split_counts_the_half_that_chose_nothing(sample):
    X, y = sample
    found = im.InformationValue(bins=im.OptimalBinning(), selection="split").fit(X, y).estimate()
    assert sum(found["signal"].n) == pytest.approx(len(y) / 2, abs=1)
    assert found["signal"].pvalue < 1e-6


def test_in_sample_bins_have_neither_interval_nor_test(sample):
    X, y = sample
    chosen = im.OptimalBinning().fit(X, y)
    frozen = im.InformationValue(bins=chosen.encoders_).fit(X, y)
    with pytest.warns(ReliabilityWarning, match="optimistic"):
        result = frozen.estimate()["signal"]
    assert math.isnan(result.pvalue)
    assert math.isnan(result.ci.low)
    assert result.diagnostics["selection"] == "in_sample"
    with pytest.raises(UnsupportedError, match="rejects up to 95 of 100"):
        frozen.test()
    assert im.InformationValue(bins=chosen).fit(X, y).encoders_ == chosen.encoders_


def test_frozen_bins_on_other_rows_are_tested_as_any(sample):
    X, y = sample
    chosen = im.OptimalBinning().fit(X[:2000], y[:2000])
    fresh = im.InformationValue(bins=chosen.encoders_).fit(X[2000:], y[2000:])
    assert fresh.estimate()["signal"].pvalue < 1e-6
    assert fresh.test()["noise"].pvalue > 1e-4
    later = im.InformationValue(bins=im.OptimalBinning()).fit(X[:2000], y[:2000])
    assert later.estimate(X[2000:], y[2000:])["signal"].pvalue < 1e-6


def test_slices_of_the_rows_that_chose_the_bins_are_refused(sample):
    X, y = sample
    frame = X[["signal"]].assign(month=np.repeat(["1", "2"], 2000), bad=y)
    with pytest.raises(UnsupportedError, match="each would look more telling"):
        im.information_value(frame, "bad", bins=im.OptimalBinning(), by="month")
    first, later = frame[:2000].drop(columns="month"), frame[2000:]
    fitted = im.InformationValue(bins=im.OptimalBinning()).fit(first, "bad")
    assert fitted.estimate(later, "bad", by="month")["signal @ 2"].pvalue < 1e-6


def test_evidence_of_in_sample_bins_has_no_pvalue(sample):
    X, y = sample
    fitted = im.OptimalBinning().fit(X[["signal"]], y)
    with pytest.warns(ReliabilityWarning, match="outer bins"):
        found = fitted.estimate()
    assert all(math.isnan(r.pvalue) for r in found.values())
    fresh = im.OptimalBinning().fit(X[["signal"]][:2000], y[:2000])
    later = fresh.estimate(X[["signal"]][2000:], y[2000:])
    assert next(iter(later.values())).pvalue < 0.05


def test_folds_take_no_further_rows(sample):
    X, y = sample
    estimator = im.InformationValue(bins=im.OptimalBinning()).fit(X, y)
    with pytest.raises(UnsupportedError, match="no further rows"):
        estimator.partial_fit(X, y)


def test_more_folds_than_rows_of_a_class(sample):
    X, _ = sample
    y = np.zeros(len(X), int)
    y[:3] = 1
    with pytest.raises(DataError, match=r"'1': 3"):
        im.InformationValue(bins=im.OptimalBinning()).fit(X, y)


def test_folds_are_the_same_each_time_and_follow_the_seed(sample):
    X, y = sample

    def value(seed):
        estimator = im.InformationValue(bins=im.OptimalBinning(), random_state=seed)
        return estimator.fit(X[["signal"]], y).estimate()["signal"].value

    assert value(1) == value(1)
    assert value(1) != value(2)


def test_one_characteristic_alone(sample):
    X, y = sample
    result = im.information_value(X["signal"], y, bins=im.OptimalBinning())
    assert result.measure == "information_value"
    assert result.diagnostics["cells"]


def test_the_same_rows_are_known_however_they_come(sample, tmp_path):
    X, y = sample
    X = X[["noise", "grade"]]
    fitted = im.OptimalBinning(min_bin_size=0.02).fit(X, y)
    read = im.OptimalBinning.from_json(fitted.to_json(tmp_path / "bins.json"))
    some = np.arange(len(y)) % 50 > 0  # one row in fifty is lost
    text = np.where(y == 1, "a bad one", "the good")  # the other class is the event
    for bins in (fitted, read):
        for rows, target, weight in (
            (X, y, None),
            (X, y, np.full(len(y), 2.0)),
            (X[some], y[some], None),
            (X, text, None),
        ):
            estimator = im.InformationValue(bins=bins.encoders_)
            found = estimator.fit(rows, target, sample_weight=weight).estimate()
            assert all(math.isnan(r.pvalue) for r in found.values())


def test_other_rows_are_not_taken_for_the_same(rng):
    for n in (400, 4000):
        for _ in range(20):
            X, y = rng.normal(size=(2 * n, 5)), rng.random(2 * n) < 0.3
            bins = im.OptimalBinning().fit(X[:n], y[:n]).encoders_
            found = im.InformationValue(bins=bins).fit(X[n:], y[n:]).estimate()
            alone = [r for r in found.values() if len(r.diagnostics["cells"]) > 1]
            assert not any(math.isnan(r.pvalue) for r in alone)


# --- real data ---------------------------------------------------------------------------------


def test_the_optimum_beats_every_number_of_quantile_bins(cards):
    y = cards[TARGET]
    for name in ("LIMIT_BAL", "PAY_AMT1", "BILL_AMT1", "AGE"):
        best = im.OptimalBinning(monotonic=None, prebins=50).fit(cards[[name]], y)
        optimum = sum(best.table(name)["iv"])
        for bins in (2, 4, 8):
            edges = im.WeightOfEvidence(bins=50).fit(cards[[name]], y).encoders_[name].edges
            some = edges[:: max(1, len(edges) // bins)][: bins - 1]
            plain = im.information_value(cards[name], y, bins=list(some))
            assert optimum >= plain.value - 1e-12


def test_a_rule_does_not_vanish_in_a_typo(sample):
    X, y = sample
    with pytest.raises(ColumnError, match="'signal'"):
        im.OptimalBinning(monotonic={"signall": "ascending"}).fit(X, y)
    wrong = im.OptimalBinning(monotonic={"signall": "ascending"})
    with pytest.raises(ColumnError, match="'signal'"):
        im.InformationValue(bins=wrong).fit(X, y)
    with pytest.raises(InvalidParameterError, match="have no order"):
        im.OptimalBinning(monotonic={"grade": "ascending"}).fit(X, y)


def test_bad_parameters_name_themselves(sample):
    X, y = sample
    for options, word in (
        ({"max_bins": 0}, "max_bins"),
        ({"monotonic": "up"}, "monotonic"),
        ({"monotonic": {"signal": "up"}}, "ascending"),
        ({"max_pvalue": 2.0}, "max_pvalue"),
        ({"min_bin_size": -1}, "min_bin_size"),
        ({"min_bin_size": math.inf}, "min_bin_size"),
        ({"min_bin_size": 3000}, "No two bins of at least 3000"),
        ({"special": [1, 1]}, "[Ss]pecial"),
        ({"special": [math.nan]}, "[Ss]pecial"),
    ):
        with pytest.raises(InvalidParameterError, match=word):
            im.OptimalBinning(**options).fit(X, y)
    with pytest.raises(ColumnError, match="signal"):
        im.OptimalBinning().fit(X, y).table("signa")


# --- folds --------------------------------------------------------------------------------------


@pytest.fixture
def folds(rng):
    tables = [rng.integers(20, 90, size=(2, k)) for k in (3, 5, 4)]
    return Folds(tuple(im.Counts.from_counts(t) for t in tables))


def test_a_divergence_of_folds_is_the_mean_of_theirs_less_the_bias(folds):
    found = im.infer(Jeffreys(), folds)
    parts = [im.infer(Jeffreys(), part) for part in folds.parts]
    share = np.array([part.n.sum() for part in folds.parts]) / folds.n.sum()
    less = [r.value - r.diagnostics["bias"] for r in parts]
    assert found.value == pytest.approx(np.dot(share, less))
    assert found.se == pytest.approx(math.sqrt(np.dot(share**2, [r.se**2 for r in parts])))
    assert found.n == tuple(folds.n.tolist())
    assert im.infer(Jeffreys(), folds, "delta").value == found.value
    one = Folds(folds.parts[:1])
    alone = im.infer(Jeffreys(), one)
    assert alone.pvalue == pytest.approx(im.infer(PearsonChiSquare(), folds.parts[0]).pvalue)


def test_folds_join_part_by_part_and_survive_json(folds):
    assert (folds + folds).n.tolist() == (2 * folds.n).tolist()
    back = Folds.from_dict(json.loads(json.dumps(folds.to_dict())))
    assert back.key == folds.key
    assert all((a.table == b.table).all() for a, b in zip(back.parts, folds.parts, strict=True))
    with pytest.raises(MergeError, match="numbers of folds"):
        folds + Folds(folds.parts[:2])
    with pytest.raises(DataError, match="schema version"):
        Folds.from_dict({"state": "counts"})
    with pytest.raises(DataError, match="same groups"):
        Folds((folds.parts[0], im.Counts.from_counts([3, 4])))
    with pytest.raises(UnsupportedError, match="one table of each fold"):
        im.infer(Jeffreys(), folds, "bootstrap")


def test_numbers_and_texts_that_read_alike_are_one_category(rng):
    x = pd.Series([1, "1", 2, "a"] * 100, dtype=object)
    y = (rng.random(400) < 0.3).astype(int)
    cells = im.information_value(x, y).diagnostics["cells"]
    assert {c["cell"]: c["count_a"] + c["count_b"] for c in cells} == {"1": 200, "2": 100, "a": 100}


def test_the_event_is_the_class_that_names_it(applicants):
    named = im.WeightOfEvidence().fit(applicants, "creditability")
    said = im.WeightOfEvidence(event="bad").fit(applicants, "creditability")
    assert named.classes_ == said.classes_ == ("good", "bad")
    assert (named.woe_["housing"] == said.woe_["housing"]).all()
    turned = im.WeightOfEvidence(event="good").fit(applicants, "creditability")
    assert (turned.woe_["housing"] == -said.woe_["housing"]).all()
    texts = applicants["creditability"].map({"good": "left", "bad": "right"})
    assert im.OptimalBinning().fit(applicants[["housing"]], texts).classes_ == ("left", "right")


def test_infinity_as_a_special_code_survives_json(rng, tmp_path):
    x = np.r_[rng.normal(size=500), [np.inf] * 40]
    y = np.resize([0, 1, 1, 0, 1], 540)
    fitted = im.OptimalBinning(special=[np.inf]).fit(x, y)
    back = im.OptimalBinning.from_json(fitted.to_json(tmp_path / "bins.json"))
    assert back.hash_ == fitted.hash_
    assert (back.transform(x) == fitted.transform(x)).all()
