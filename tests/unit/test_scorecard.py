"""Scorecards against statsmodels, DuckDB and plain Python; probabilities against peers."""

from __future__ import annotations

import json
import math
import warnings

import duckdb
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss
from sklearn.model_selection import cross_val_score
from sklearn.utils.estimator_checks import check_estimator
from statsmodels.stats.proportion import proportion_confint

import infometric as im
from infometric.credit.logistic import fit_logistic, moments_of, newton, start_without
from infometric.datasets import load_credit_card, load_german_credit
from infometric.exceptions import (
    ColumnError,
    DataError,
    DegenerateWarning,
    InvalidParameterError,
    LeakageWarning,
    SignWarning,
    SourceError,
    UnseenWarning,
    UnsupportedError,
)
from infometric.files import sealed, unsealed
from infometric.functional.proportion import event_count_tails
from infometric.testing import EXPECTED_FAILURES

GERMAN = ["status_of_existing_checking_account", "duration_in_month", "credit_history", "purpose",
          "credit_amount", "savings_account_and_bonds", "creditability"]  # fmt: skip
BIG = 2**53
SPECIAL = -999.0


@pytest.fixture(scope="module")
def german():
    return load_german_credit()[GERMAN]


@pytest.fixture(scope="module")
def card(german):
    return im.Scorecard(event="bad").fit(german, "creditability")


def messy(n=6000, seed=3):
    """Missing values, a special code, truth values, large integers, single precision."""
    rng = np.random.default_rng(seed)
    risk = rng.normal(size=n)
    amount = np.exp(7 + 0.6 * risk + 0.5 * rng.normal(size=n)).round(1)
    amount[rng.random(n) < 0.08] = SPECIAL
    amount[rng.random(n) < 0.05] = np.nan
    grade = np.array(["a", "b", "c", "d'e"], object)[np.clip((risk + 2).astype(int), 0, 3)]
    grade[rng.random(n) < 0.04] = None
    frame = pd.DataFrame(
        {
            "amount": amount,
            "grade": grade,
            "owner": rng.random(n) < 1 / (1 + np.exp(risk)),
            "serial": BIG + 1 + rng.integers(0, 6, n) + (risk > 0.5).astype(np.int64),
            "ratio": (risk + rng.normal(size=n)).astype(np.float32),
            "months": np.clip(24 - 6 * risk + rng.normal(0, 8, n), 1, None).astype(np.int64),
        }
    )
    return frame, (rng.random(n) < 1 / (1 + np.exp(2 - risk))).astype(int)


def messy_card(**options):
    frame, y = messy()
    options.setdefault("binning", im.OptimalBinning(special=[SPECIAL], rare=1))
    return im.Scorecard(**options).fit(frame, y)


def strangers():
    """New rows, some of them of values that the fit has never seen."""
    frame, _ = messy(seed=4)
    frame.loc[::50, "grade"] = "never seen"
    frame.loc[1::50, "months"] = 10**9
    frame.loc[2::50, "serial"] = 2**62 + 1
    frame.loc[3::50, "amount"] = -1e300
    return frame


# --- the model ----------------------------------------------------------------------------------


def test_coefficients_and_errors_are_those_of_statsmodels(german, card):
    woe = im.OptimalBinning(event="bad").fit(german, "creditability")
    x = woe.transform(german)
    fit = sm.Logit((german["creditability"] == "good").astype(int), sm.add_constant(x)).fit(disp=0)
    found = card.coefficients_
    assert list(found.index) == ["intercept", *GERMAN[:-1]]
    np.testing.assert_allclose(found["coefficient"], fit.params, rtol=1e-6)
    np.testing.assert_allclose(found["se"], fit.bse, rtol=1e-6)
    np.testing.assert_allclose(found["z"], fit.tvalues, rtol=1e-6)
    np.testing.assert_allclose(found["pvalue"], fit.pvalues, rtol=1e-4)
    np.testing.assert_allclose(found[["ci_low", "ci_high"]], fit.conf_int(), rtol=1e-6)
    theirs = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(x, german["creditability"])
    mine = card.predict_proba(german)
    np.testing.assert_allclose(mine, theirs.predict_proba(x), rtol=1e-4)
    assert card.classes_.tolist() == ["bad", "good"]
    assert (card.predict(german) == theirs.predict(x)).all()


def test_variance_inflation_is_that_of_the_regression_on_the_others(german, card):
    x = im.OptimalBinning(event="bad").fit(german, "creditability").transform(german)
    r2 = sm.OLS(x[:, 1], sm.add_constant(np.delete(x, 1, axis=1))).fit().rsquared
    assert card.coefficients_["vif"].iloc[2] == pytest.approx(1 / (1 - r2))


@pytest.mark.parametrize(("pdo", "base_score", "base_odds"), [(20, 600, 50), (50, 500, 1)])
def test_points_are_on_the_scale_asked_for(german, pdo, base_score, base_odds):
    scale = {"pdo": pdo, "base_score": base_score, "base_odds": base_odds}
    exact = im.Scorecard(event="bad", rounding=None, **scale).fit(german, "creditability")
    odds = exact.predict_proba(german)[:, 1] / exact.predict_proba(german)[:, 0]
    wanted = base_score + pdo * np.log2(odds / base_odds)
    np.testing.assert_allclose(exact.scores(german), wanted, rtol=1e-10)
    whole = im.Scorecard(event="bad", **scale).fit(german, "creditability").scores(german)
    assert whole.dtype == np.int64
    assert np.abs(whole - wanted).max() <= len(GERMAN) / 2


def test_scores_are_sums_of_the_points_of_the_table(german, card):
    points = card.points(german)
    assert (points.sum(axis=1) == card.scores(german)).all()
    assert points.index.equals(german.index)
    table = card.table().set_index(["characteristic", "bin"])
    for name in card.characteristics_:
        rows = table.loc[name]
        assert rows["count"].sum() == len(german)
        assert rows["events"].sum() == (german["creditability"] == "bad").sum()
        used = points[name].value_counts()
        assert used.to_dict() == rows[rows["count"] > 0].groupby("points")["count"].sum().to_dict()
        woe = np.log(rows["nonevents"] / 700 / (rows["events"] / 300))
        known = rows["count"] > 0
        np.testing.assert_allclose(rows["woe"][known], woe[known], rtol=1e-9)
    unknown = table[table["count"] == 0]
    assert unknown["woe"].isna().all()


def test_a_low_class_can_be_the_event(german):
    y = (german["creditability"] == "good").astype(int)
    x = german.drop(columns="creditability")
    card = im.Scorecard(event=0).fit(x, y)
    assert card.classes_.tolist() == [0, 1]
    assert np.corrcoef(card.scores(x), card.decision_function(x))[0, 1] > 0.99
    assert im.auc(y, card.scores(x)).value > 0.75
    turned = im.Scorecard().fit(x, y)  # the greater class is the bad one
    assert np.corrcoef(turned.scores(x), turned.decision_function(x))[0, 1] < -0.99


def test_weights_count_as_records_and_errors_allow_for_them(german):
    rng = np.random.default_rng(0)
    w = rng.integers(1, 4, len(german))
    binning = im.WeightOfEvidence(bins=4)
    columns = ["duration_in_month", "credit_amount"]
    y = german["creditability"]
    weighted = im.Scorecard(binning=binning, event="bad").fit(german[columns], y, sample_weight=w)
    many = german.loc[german.index.repeat(w)]
    frozen = im.WeightOfEvidence(bins=weighted.encoders_)
    copied = im.Scorecard(binning=frozen, event="bad").fit(many[columns], many["creditability"])
    np.testing.assert_allclose(
        weighted.coefficients_["coefficient"], copied.coefficients_["coefficient"], rtol=1e-6
    )
    x = np.column_stack(
        [np.ones(len(y)), *(weighted.woe_[c][weighted.encoders_[c].encode(column(german, c))]
                            for c in columns)]
    )  # fmt: skip
    p = 1 / (1 + np.exp(-x @ weighted.fit_.coefficients))
    good = (y == "good").to_numpy()
    bread = np.linalg.inv((x * (w * p * (1 - p))[:, None]).T @ x)
    meat = (x * ((w * (good - p)) ** 2)[:, None]).T @ x
    np.testing.assert_allclose(
        weighted.coefficients_["se"], np.sqrt(np.diag(bread @ meat @ bread)), rtol=1e-5
    )


def column(frame, name):
    from infometric.validation import FrameTable

    return FrameTable(frame).column(name)


def test_characteristics_are_left_out_for_a_reason_that_is_said():
    rng = np.random.default_rng(1)
    risk = rng.normal(size=4000)
    frame = pd.DataFrame(
        {
            "a": risk + 0.3 * rng.normal(size=4000),
            "copy": risk + 0.31 * rng.normal(size=4000),
            "noise": rng.normal(size=4000),
        }
    )
    y = rng.random(4000) < 1 / (1 + np.exp(2 - 1.5 * risk))
    binning = im.WeightOfEvidence(bins=5)
    card = im.Scorecard(binning=binning, select="backward").fit(frame, y)
    assert card.dropped_["noise"]
    assert "noise" not in card.characteristics_
    assert im.Scorecard(binning=binning, min_iv=0.1).fit(frame, y).dropped_.keys() == {"noise"}
    assert im.Scorecard(binning=binning, select=["a"]).fit(frame, y).characteristics_ == ["a"]


def test_a_coefficient_against_its_evidence_is_announced():
    rng = np.random.default_rng(2)
    shared, own = rng.normal(size=(2, 8000))
    frame = pd.DataFrame({"net": shared + own, "gross": shared + 0.9 * own - 0.3 * shared})
    frame["part"] = frame["net"] - 0.5 * frame["gross"] + 0.02 * rng.normal(size=8000)
    y = rng.random(8000) < 1 / (1 + np.exp(2 + frame["net"] - 1.4 * frame["gross"]))
    binning = im.WeightOfEvidence(bins=12)
    with pytest.warns(SignWarning, match="opposite"):
        card = im.Scorecard(binning=binning).fit(frame, y)
    wrong = card.coefficients_.query("coefficient < 0").index.drop("intercept", errors="ignore")
    assert len(wrong)
    with warnings.catch_warnings():
        warnings.simplefilter("error", SignWarning)
        clean = im.Scorecard(binning=binning, select="backward").fit(frame, y)
    assert (clean.coefficients_["coefficient"].iloc[1:] > 0).all()


def test_columns_that_say_the_same_are_refused_by_name(german):
    twice = german.assign(again=german["duration_in_month"] * 2)
    with pytest.raises(DataError, match="'duration_in_month', 'again'") as error:
        im.Scorecard(event="bad").fit(twice, "creditability")
    assert "exclude=['again']" in str(error.value)
    card = im.Scorecard(event="bad", ridge=1.0).fit(twice, "creditability")
    pair = card.coefficients_["coefficient"]
    assert pair["again"] == pytest.approx(pair["duration_in_month"])


def test_columns_that_separate_the_classes_are_refused(german):
    told = german.assign(collections=np.where(german["creditability"] == "bad", 3, 0))
    binning = im.WeightOfEvidence(bins=5)
    with pytest.raises(DataError, match="separate the classes") as error:
        im.Scorecard(binning=binning, event="bad", leakage="ignore").fit(told, "creditability")
    assert "ridge=1.0" in str(error.value)
    card = im.Scorecard(binning=binning, event="bad", leakage="ignore", ridge=1.0)
    assert card.fit(told, "creditability").predict_proba(told)[:, 1].min() > 0


def test_ridge_is_that_of_scikit_learn_on_standard_columns(german):
    binning = im.WeightOfEvidence(bins=5)
    card = im.Scorecard(binning=binning, event="bad", ridge=2.0).fit(german, "creditability")
    x = im.WeightOfEvidence(bins=5, event="bad").fit(german, "creditability").transform(german)
    scaled = x / x.std(axis=0)
    theirs = LogisticRegression(C=1 / 2.0, tol=1e-12, max_iter=5000, solver="newton-cholesky")
    theirs.fit(scaled, german["creditability"])
    mine = card.fit_.coefficients[1:] * x.std(axis=0)
    np.testing.assert_allclose(mine, theirs.coef_[0], rtol=1e-5)


# --- leakage --------------------------------------------------------------------------------------


@pytest.mark.parametrize("binning", [None, im.WeightOfEvidence(bins=10), im.StumpBinning()])
@pytest.mark.parametrize("kind", ["number", "category"])
def test_a_bin_with_one_class_is_announced_or_refused(german, binning, kind):
    """Half of the bad customers have been sent to collection, and nobody else."""
    rng = np.random.default_rng(0)
    sent = (german["creditability"] == "bad") & (rng.random(len(german)) < 0.5)
    values = rng.normal(size=len(german)) + 10 * sent
    leaky = german.assign(later=values if kind == "number" else np.where(sent, "yes", "no"))
    card = im.Scorecard(binning=binning, event="bad", ridge=1.0)
    with pytest.warns(LeakageWarning, match=r"later.*all events"):
        card.fit(leaky, "creditability")
    strict = im.Scorecard(binning=binning, event="bad", leakage="raise")
    with pytest.raises(DataError, match="later") as error:
        strict.fit(leaky, "creditability")
    assert "exclude=['later']" in str(error.value)
    assert not hasattr(strict, "fit_")


def test_honest_characteristics_and_small_bins_are_no_leak(german):
    honest = german.assign(rare=np.where(np.arange(len(german)) < 5, "x", "y"))
    honest.loc[:4, "creditability"] = "bad"
    with warnings.catch_warnings():
        warnings.simplefilter("error", LeakageWarning)
        card = im.Scorecard(binning=im.WeightOfEvidence(), event="bad")
        card.fit(honest, "creditability")
        im.Scorecard().fit(load_credit_card().drop(columns="ID"), "default.payment.next.month")
    assert card.dropped_["rare"] == "one bin"  # five records have no coefficient of their own


# --- SQL and Python -------------------------------------------------------------------------------


@pytest.mark.parametrize("rounding", ["integer", None])
@pytest.mark.parametrize("unseen", ["neutral", "worst"])
def test_sql_gives_the_same_scores_to_the_last_bit(rounding, unseen):
    card = messy_card(rounding=rounding, unseen=unseen)
    assert card.sql_types_["serial"] == "BIGINT"
    new = strangers().assign(row=range(6000))
    with pytest.warns(UnseenWarning, match="never seen"):
        wanted = card.scores(new)
    query = card.to_sql("new", keep=["row"], points=True)
    found = duckdb.sql(query).df().sort_values("row")
    assert (found["score"].to_numpy() == wanted).all()
    assert found["score"].dtype.kind == wanted.dtype.kind
    with pytest.warns(UnseenWarning):
        points = card.points(new)
    for name in card.characteristics_:
        assert (found[f"{name}_points"].to_numpy() == points[name].to_numpy()).all()


def test_sql_scores_what_parquet_holds(tmp_path, german, card):
    german.to_parquet(tmp_path / "g.parquet")
    found = duckdb.sql(card.to_sql(f"read_parquet('{tmp_path}/g.parquet')")).df()["score"]
    assert found.tolist() == card.scores(german).tolist()
    assert card.scores(str(tmp_path / "g.parquet")).tolist() == found.tolist()


@pytest.mark.parametrize("rounding", ["integer", None])
def test_python_gives_the_same_scores_to_the_last_bit(rounding):
    card = messy_card(rounding=rounding)
    source = card.to_python()
    assert "import" not in source
    names: dict = {}
    exec(source, names)
    new = strangers()
    with pytest.warns(UnseenWarning):
        wanted = card.scores(new)
    assert [names["score"](row) for row in new.to_dict("records")] == wanted.tolist()
    row = new.iloc[7].to_dict()
    single = {k: np.float32(v) if k == "ratio" else v for k, v in row.items()}
    assert names["score"](single) == card.scores(new.iloc[7:8])[0]
    gone = row | {"amount": None, "grade": float("nan"), "owner": None, "ratio": pd.NA}
    blank = new.iloc[7:8].assign(amount=np.nan, grade=None, owner=None, ratio=np.nan)
    with pytest.warns(UnseenWarning, match="missing"):
        assert names["score"](gone) == card.scores(blank)[0]


def test_infinite_values_have_no_score_anywhere():
    card = messy_card()
    new = messy(seed=9)[0].head(40)
    new.loc[5, "amount"] = np.inf
    with pytest.raises(DataError, match="infinite"):
        card.scores(new)
    assert duckdb.sql(card.to_sql("new")).df()["score"].isna().tolist() == [
        i == 5 for i in range(40)
    ]
    names: dict = {}
    exec(card.to_python(), names)
    with pytest.raises(ValueError, match="infinite"):
        names["score"](new.iloc[5].to_dict())


def test_an_infinite_code_that_is_named_has_points():
    frame, y = messy()
    frame.loc[frame["amount"] == SPECIAL, "amount"] = np.inf
    card = im.Scorecard(binning=im.OptimalBinning(special=[np.inf])).fit(frame, y)
    names: dict = {}
    exec(card.to_python(), names)
    found = duckdb.sql(card.to_sql("frame")).df()["score"]
    assert found.tolist() == card.scores(frame).tolist()
    assert [names["score"](r) for r in frame.head(500).to_dict("records")] == found[:500].tolist()


def test_python_and_frames_refuse_the_same_kinds(german, card):
    names: dict = {}
    exec(card.to_python(), names)
    row = german.iloc[0].to_dict()
    with pytest.raises(TypeError, match="purpose must be text"):
        names["score"](row | {"purpose": 3})
    with pytest.raises(DataError, match="'purpose' holds numbers"):
        card.scores(german.head(1).assign(purpose=3))
    with pytest.raises(TypeError, match="must be a number"):
        names["score"](row | {"duration_in_month": "long"})
    with pytest.raises(KeyError):
        names["score"]({k: v for k, v in row.items() if k != "purpose"})


def test_other_dialects_and_columns_that_are_none_are_refused(card):
    with pytest.raises(UnsupportedError, match="duckdb"):
        card.to_sql("t", dialect="oracle")
    with pytest.raises(ColumnError, match="'purpose'"):
        card.to_sql("t", types={"purpos": "VARCHAR"})


def test_the_card_data_score_alike_in_sql():
    cards = load_credit_card().drop(columns="ID").head(6000)
    columns = ["LIMIT_BAL", "AGE", "PAY_0", "PAY_2", "BILL_AMT1", "PAY_AMT1"]
    card = im.Scorecard(select=columns).fit(cards, "default.payment.next.month")
    assert duckdb.sql(card.to_sql("cards")).df()["score"].tolist() == card.scores(cards).tolist()


# --- unseen values --------------------------------------------------------------------------------


def test_unseen_values_get_the_points_asked_for(german):
    new = german.head(4).assign(purpose=["yacht", "car (new)", "yacht", "boat"])
    found = {}
    for policy in ("neutral", "worst"):
        card = im.Scorecard(event="bad", unseen=policy).fit(german, "creditability")
        with pytest.warns(UnseenWarning, match=r"purpose: 3 .*'yacht' \(2x\), 'boat' \(1x\)"):
            found[policy] = card.points(new)["purpose"]
    neutral = card.factor_and_offset()
    share = (neutral[1] + neutral[0] * card.intercept_) / len(card.characteristics_)
    assert found["neutral"][0] == round(share)
    assert found["worst"][0] == card.table().query("characteristic == 'purpose'")["points"].min()
    strict = im.Scorecard(event="bad", unseen="raise").fit(german, "creditability")
    with pytest.raises(DataError, match="yacht"):
        strict.scores(new)
    assert duckdb.sql(strict.to_sql("new")).df()["score"].isna().sum() == 3
    names: dict = {}
    exec(strict.to_python(), names)
    with pytest.raises(ValueError, match="yacht"):
        names["score"](new.iloc[0].to_dict())
    assert im.Scorecard.from_dict(json.loads(json.dumps(strict.to_dict()))).hash_ == strict.hash_


# --- reasons --------------------------------------------------------------------------------------


def test_reasons_are_the_largest_losses(german, card):
    points, n = card.points(german), 3
    table = card.table()
    best = table[table["count"] > 0].groupby("characteristic")["points"].max()
    lost = best[points.columns].to_numpy() - points
    reasons = card.reasons(german, n)
    for i in range(0, len(german), 97):
        order = sorted(points.columns, key=lambda c: -lost.loc[i, c])
        wanted = [c if lost.loc[i, c] > 0 else None for c in order[:n]]
        assert reasons.loc[i].tolist() == wanted
    neutral = card.reasons(german, n, reference="neutral")
    assert neutral.isna().sum().sum() > reasons.isna().sum().sum()


def test_a_missing_value_is_a_reason_of_its_own():
    card = messy_card()
    frame, _ = messy()
    gone = frame[frame["amount"].isna()].head(50)
    found = card.reasons(gone, 6)
    assert (found == "amount (missing)").any(axis=None)
    assert not (found == "amount").any(axis=None)
    texts = {"amount (missing)": "No amount was given", "ratio": "Too much debt for the income"}
    told = card.reasons(gone, 6, texts=texts)
    assert (told == "No amount was given").any(axis=None)
    with pytest.raises(InvalidParameterError, match="'reference'"):
        card.reasons(gone, reference="mean")


# --- files ----------------------------------------------------------------------------------------


def test_json_keeps_the_scorecard(tmp_path):
    card = messy_card(pdo=30)
    frame, _ = messy()
    path = card.to_json(tmp_path / "card.json")
    again = im.Scorecard.from_json(path)
    assert again.to_dict() == card.to_dict()
    assert (again.scores(frame) == card.scores(frame)).all()
    np.testing.assert_array_equal(again.predict_proba(frame), card.predict_proba(frame))
    assert again.to_sql("t") == card.to_sql("t")
    assert again.to_python() == card.to_python()
    pd.testing.assert_frame_equal(again.coefficients_, card.coefficients_)
    pd.testing.assert_frame_equal(again.table(), card.table())
    assert again.pdo == 30


def test_files_that_are_none_are_refused(tmp_path, card):
    with pytest.raises(SourceError, match="absent"):
        im.Scorecard.from_json(tmp_path / "absent.json")
    data = card.to_dict()
    bare = unsealed(data, "")
    with pytest.raises(DataError, match="schema version 1"):
        im.Scorecard.from_dict(data | {"schema_version": 9})
    with pytest.raises(DataError, match="does not follow its schema"):
        im.Scorecard.from_dict(sealed({k: v for k, v in bare.items() if k != "covariance"}))
    with pytest.raises(DataError, match="does not match its checksum"):
        im.Scorecard.from_dict(bare)
    changed = json.loads(json.dumps(data))
    changed["characteristics"]["purpose"]["points"][0] += 1
    with pytest.raises(DataError, match="does not match its checksum"):
        im.Scorecard.from_dict(changed)


# --- an estimator like any other ------------------------------------------------------------------


def test_scikit_learn_accepts_it():
    refused = {
        "check_classifiers_one_label_sample_weights": "a weight of zero is refused",
        "check_classifiers_classes": "of two texts nobody can tell which is the event",
    }
    card = im.Scorecard(binning=im.WeightOfEvidence(bins=5, constant="keep"), ridge=1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check_estimator(card, expected_failed_checks=EXPECTED_FAILURES | refused, on_skip=None)


def test_it_is_searched_over_like_any_classifier(german):
    x, y = german.drop(columns="creditability"), german["creditability"] == "bad"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = cross_val_score(im.Scorecard(), x, y, cv=3, scoring="roc_auc")
    assert (found > 0.68).all()


def test_nothing_is_scored_before_the_fit(german):
    for method in ("scores", "predict", "predict_proba", "points", "reasons"):
        with pytest.raises(NotFittedError):
            getattr(im.Scorecard(), method)(german)


@pytest.mark.parametrize(
    "wrong", [{"pdo": 0}, {"rounding": "tens"}, {"select": "forward"}, {"leakage": "stop"}]
)
def test_a_failed_fit_leaves_the_scorecard_as_it_was(german, wrong):
    card = im.Scorecard(event="bad").fit(german, "creditability")
    before = card.to_dict()
    card.set_params(**wrong)
    with pytest.raises(InvalidParameterError, match=next(iter(wrong))):
        card.fit(german, "creditability")
    card.set_params(**{k: im.Scorecard().get_params()[k] for k in wrong})
    with pytest.raises(DataError):
        card.fit(german.assign(creditability="bad"), "creditability")
    assert card.to_dict() == before


def test_columns_with_one_bin_are_named_and_left_out(german):
    idle = german.assign(flat=np.random.default_rng(0).normal(size=len(german)))
    binning = im.OptimalBinning(max_pvalue=0.001)
    with pytest.warns(DegenerateWarning, match="'flat': one bin"):
        card = im.Scorecard(binning=binning, event="bad").fit(idle, "creditability")
    assert card.dropped_["flat"] == "one bin"
    with pytest.raises(DataError, match="No characteristic"):
        im.Scorecard(binning=binning, event="bad").fit(idle[["flat"]], idle["creditability"])


# --- probabilities --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def predictions():
    rng = np.random.default_rng(8)
    p = rng.beta(2, 7, 4000)
    return (rng.random(4000) < p).astype(int), np.clip(p**1.3, 1e-4, 0.99)


def test_calibration_is_coxs_regression(predictions):
    y, p = predictions
    odds = np.log(p / (1 - p))
    found = im.calibration(y, p)
    both = sm.Logit(y, sm.add_constant(odds)).fit(disp=0)
    assert [found["intercept"].value, found["slope"].value] == pytest.approx(both.params, rel=1e-6)
    assert [found["intercept"].se, found["slope"].se] == pytest.approx(both.bse, rel=1e-6)
    large = sm.GLM(y, np.ones(len(y)), sm.families.Binomial(), offset=odds).fit()
    assert found["in_the_large"].value == pytest.approx(large.params[0])
    assert found["in_the_large"].pvalue == pytest.approx(large.pvalues[0], rel=1e-4)
    test = both.t_test("x1 = 1")
    assert found["slope"].pvalue == pytest.approx(float(test.pvalue), rel=1e-4)
    fair = im.calibration(y, np.clip(p ** (1 / 1.3), 1e-6, 1 - 1e-6))
    assert fair["slope"].ci.low < 1 < fair["slope"].ci.high
    assert fair["brier_score"].pvalue > 0.01 > found["brier_score"].pvalue


def test_brier_score_is_that_of_scikit_learn(predictions):
    y, p = predictions
    found = im.brier_score(y, p)
    assert found.value == pytest.approx(brier_score_loss(y, p), rel=1e-12)
    assert found.se == pytest.approx(((y - p) ** 2).std() / math.sqrt(len(y)), rel=1e-3)
    w = np.random.default_rng(0).integers(1, 4, len(y))
    weighted = im.brier_score(y, p, sample_weight=w)
    assert weighted.value == pytest.approx(brier_score_loss(y, p, sample_weight=w), rel=1e-12)


@pytest.mark.parametrize(
    ("interval", "theirs"), [("wilson", "wilson"), ("jeffreys", "jeffreys"), ("exact", "beta")]
)
def test_rates_by_band_have_the_intervals_of_statsmodels(predictions, interval, theirs):
    y, p = predictions
    bands = im.calibration_bands(y, p, bands=5, interval=interval)
    assert sum(r.n[0] for r in bands.values()) == len(y)
    assert len(bands) == 5
    for r in bands.values():
        n, events = r.n[0], r.diagnostics["events"]
        assert r.value == pytest.approx(events / n)
        assert r.ci == pytest.approx(proportion_confint(events, n, 0.05, theirs), abs=1e-9)
    expected = [r.diagnostics["expected"] for r in bands.values()]
    assert expected == sorted(expected)
    assert np.average(expected, weights=[r.n[0] for r in bands.values()]) == pytest.approx(p.mean())


def test_rates_of_nobody_and_everybody_have_intervals():
    for kind in ("wilson", "jeffreys", "exact"):
        p, y = np.repeat([0.1, 0.9], 30), np.repeat([0, 1], 30)
        low, high = im.calibration_bands(y, p, bands=[0.5], interval=kind).values()
        assert (low.ci.low, high.ci.high) == (0.0, 1.0)
        assert 0 < low.ci.high < 0.2
        assert high.ci.low == pytest.approx(1 - low.ci.high)


@pytest.mark.parametrize(
    ("p", "says"),
    [([0.1, 1.2, 0.3, 0.2], "outside zero and one"), ([0.1, np.nan, 0.3, 0.2], "1 missing"),
     ([0.1, 1.0, 0.3, 0.2], "no log odds"), ([0.1, 0.2], "same number of rows")],
)  # fmt: skip
def test_predictions_that_are_no_probabilities_are_refused(p, says):
    with pytest.raises(DataError, match=says):
        im.calibration([0, 1, 0, 1], p)


def test_numbers_that_are_categories_score_alike_everywhere():
    rng = np.random.default_rng(12)
    code = rng.choice([1.0, 2.0, 3.5, np.nan], 3000)
    frame = pd.DataFrame({"code": code, "zip": rng.choice([10, 20, BIG + 1], 3000)})
    y = rng.random(3000) < np.where(code == 2, 0.4, 0.15) + 0.1 * (frame["zip"] == 20)
    binning = im.WeightOfEvidence(categorical=["code", "zip"])
    card = im.Scorecard(binning=binning, rounding=None).fit(frame, y)
    assert card.sql_types_ == {"code": "DOUBLE", "zip": "BIGINT"}
    new = pd.concat([frame.head(300), pd.DataFrame({"code": [9.0], "zip": [BIG + 3]})])
    with pytest.warns(UnseenWarning, match=r"'9' \(1x\)"):
        wanted = card.scores(new).tolist()
    assert duckdb.sql(card.to_sql("new")).df()["score"].tolist() == wanted
    names: dict = {}
    exec(card.to_python(), names)
    assert [names["score"](row) for row in new.to_dict("records")] == wanted
    with pytest.raises(DataError, match=r"1 missing value\(s\) stand where a probability"):
        im.brier_score([0, 1, 0], [0.1, np.nan, 0.3])


# --- which class is the event ---------------------------------------------------------------------


def test_of_two_texts_the_one_that_names_the_event_is_it(german, card):
    """'good' stands behind 'bad' in the order of texts, and is not the event."""
    assert im.Scorecard().fit(german, "creditability").to_dict()["event"] == "bad"
    assert (im.Scorecard().fit(german, "creditability").scores(german) == card.scores(german)).all()
    answers = german["creditability"].map({"good": "no", "bad": "Yes"})
    assert im.Scorecard().fit(german.drop(columns="creditability"), answers).event_ == "Yes"
    y, p = german["creditability"], -card.scores(german)
    for measure in (im.auc, im.gini, im.ks_statistic):
        assert measure(y, p).value == measure(y == "bad", p).value


@pytest.mark.parametrize("words", [("paid", "unpaid"), ("b", "a"), ("yes", "default")])
def test_two_texts_that_do_not_say_it_are_refused(german, words):
    x, y = german.drop(columns="creditability"), german["creditability"].map(
        dict(zip(("good", "bad"), words, strict=True))
    )  # fmt: skip
    frame = x.assign(y=y)
    calls = (
        lambda **o: im.Scorecard(**o).fit(x, y),
        lambda **o: im.Scorecard(**o).fit(frame, "y"),
        lambda **o: im.auc(y, x["credit_amount"], **o),
        lambda **o: im.gini(y, x["credit_amount"], **o),
        lambda **o: im.ks_statistic(y, x["credit_amount"], **o),
        lambda **o: im.compare_encodings(frame, "y", rounds=5, rng=0, **o),
    )
    for call in calls:
        with pytest.raises(DataError, match="upside down") as error:
            call()
        assert f"event={words[1]!r}" in str(error.value)
        call(event=words[1])
    said = im.Scorecard(binning=im.OptimalBinning(event=words[1])).fit(x, y)
    assert said.event_ == words[1]


# --- names and integers in SQL --------------------------------------------------------------------


def test_names_that_sql_takes_for_one_are_refused(german, card):
    twins = german[["duration_in_month", "purpose", "creditability"]].assign(
        Purpose=german["purpose"]
    )
    both = im.Scorecard(select=["purpose", "duration_in_month"]).fit(twins, "creditability")
    with pytest.raises(DataError, match=r"blind to case.*'purpose', 'Purpose'"):
        both.to_sql("t")
    with pytest.raises(DataError, match="'purpose', 'PURPOSE'"):
        card.to_sql("t", keep=["PURPOSE"])
    for clash in ({"keep": ["Score"]}, {"keep": ["x", "x"]}, {"score": "id", "keep": ["ID"]},
                  {"keep": ["purpose_points"], "points": True}):  # fmt: skip
        with pytest.raises(DataError, match="one name"):
            card.to_sql("t", **clash)
    assert '"purpose"' in card.to_sql("t", keep=["purpose"], score="points_in_all")


@pytest.mark.parametrize(
    ("options", "says"),
    [({"source": None}, "'source'"), ({"source": " "}, "'source'"), ({"source": 5}, "'source'"),
     ({"keep": "ID"}, r"keep=\['ID'\]"), ({"keep": [1]}, "'keep'"), ({"score": ""}, "'score'")],
)  # fmt: skip
def test_names_of_a_query_are_texts(card, options, says):
    with pytest.raises(InvalidParameterError, match=says):
        card.to_sql(**{"source": "t"} | options)


@pytest.mark.parametrize("start", [BIG, 10**17, -BIG - 400])
def test_integers_that_no_float_holds_score_alike(start):
    """Edges that a float holds beside integers that it does not."""
    rng = np.random.default_rng(0)
    steps = rng.integers(0, 1000, 5000)
    frame = pd.DataFrame({"a": start + steps * 16 + rng.integers(0, 16, 5000)})
    y = rng.random(5000) < np.where(steps > 500, 0.4, 0.1)
    edges = [start + 16 * k for k in (0, 25, 400, 800)]
    assert any(float(e) == e for e in edges)
    binning = im.WeightOfEvidence(bins=edges, constant="keep")
    card = im.Scorecard(binning=binning, rounding=None).fit(frame, y)
    near = [e + k for e in edges for k in (-2, -1, 0, 1)]
    new = pd.concat([frame, pd.DataFrame({"a": near})], ignore_index=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnseenWarning)
        wanted = card.scores(new)
    assert duckdb.sql(card.to_sql("new")).df()["score"].tolist() == wanted.tolist()


# --- an edited file -------------------------------------------------------------------------------


EDITS = {
    "intercept": lambda d: d["coefficients"].__setitem__(0, 0.0),
    "coefficient": lambda d: d["coefficients"].__setitem__(1, 9.0),
    "covariance": lambda d: d["covariance"][0].__setitem__(0, 1.0),
    "event": lambda d: d.update(event="good"),
    "classes": lambda d: d.update(classes=["good", "bad"]),
    "pdo": lambda d: d["parameters"].update(pdo=40),
    "unseen": lambda d: d["parameters"].update(unseen="worst"),
    "binning": lambda d: d["parameters"].update(binning={"class": "StumpBinning"}),
    "woe": lambda d: d["characteristics"]["purpose"]["woe"].__setitem__(0, 3.0),
    "points": lambda d: d["characteristics"]["purpose"]["points"].__setitem__(0, 99),
    "counts": lambda d: d["characteristics"]["purpose"]["counts"]["table"][0].__setitem__(0, 1),
    "type": lambda d: d["characteristics"]["purpose"].update(sql_type="BIGINT"),
    "dropped": lambda d: d["dropped"].update(nothing="at all"),
    "order": lambda d: d["order"].reverse(),
    "n": lambda d: d.update(n=[1, 1]),
}


@pytest.mark.parametrize("what", EDITS)
def test_an_edit_of_anything_is_refused(card, what):
    data = json.loads(json.dumps(card.to_dict()))
    assert im.Scorecard.from_dict(data).hash_ == card.hash_
    EDITS[what](data)
    with pytest.raises(DataError, match="does not match its checksum"):
        im.Scorecard.from_dict(data)


@pytest.mark.parametrize("data", [None, [], "x", 3, {}])
def test_what_is_no_scorecard_is_refused(data):
    with pytest.raises(DataError, match="not a scorecard") as error:
        im.Scorecard.from_dict(data)
    assert "card.to_json" in str(error.value)


def test_a_file_sorted_by_keys_is_the_same_scorecard(german, card):
    data = json.loads(json.dumps(card.to_dict(), sort_keys=True))
    again = im.Scorecard.from_dict(data)
    assert again.characteristics_ == card.characteristics_
    assert (again.predict_proba(german) == card.predict_proba(german)).all()


# --- the bins it is given -------------------------------------------------------------------------


def test_the_bins_of_a_fitted_binning_stay(german):
    first = im.OptimalBinning(max_bins=3, event="bad").fit(german[:500], "creditability")
    before = {n: e.key for n, e in first.encoders_.items()}
    for frozen in (first, first.encoders_):
        card = im.Scorecard(binning=frozen).fit(german, "creditability")
        assert {n: e.key for n, e in card.encoders_.items()} == before
        assert all(s.n_eff.sum() == len(german) for s in card.state_.values())
        fresh = im.Scorecard(binning=im.WeightOfEvidence(bins=first.encoders_))
        fresh.fit(german, "creditability")
        assert (fresh.scores(german) == card.scores(german)).all()
    assert {n: e.key for n, e in first.encoders_.items()} == before
    kept = clone(im.Scorecard(binning=first.encoders_)).fit(german, "creditability")
    assert {n: e.key for n, e in kept.encoders_.items()} == before
    some = im.Scorecard(binning=first, select=["purpose"]).fit(german, "creditability")
    assert some.characteristics_ == ["purpose"]
    with pytest.raises(ColumnError, match="fitted binning"):
        im.Scorecard(binning=first, select=["age"]).fit(german, "creditability")
    with pytest.raises(InvalidParameterError, match="encoder"):
        im.Scorecard(binning={"purpose": 5}).fit(german, "creditability")


def test_leaks_that_a_fitted_binning_saw_are_not_forgotten(german):
    sent = (german["creditability"] == "bad") & (np.arange(len(german)) % 2 == 0)
    leaky = german.assign(later=np.random.default_rng(0).normal(size=len(german)) + 10 * sent)
    with pytest.warns(LeakageWarning):
        first = im.OptimalBinning(event="bad").fit(leaky, "creditability")
    with pytest.raises(DataError, match="later"):
        im.Scorecard(binning=first, leakage="raise").fit(leaky, "creditability")


class Homemade(im.WeightOfEvidence):
    """A binning that the library does not know."""


@pytest.mark.parametrize(
    "binning",
    [
        None,
        im.OptimalBinning(max_bins=3, special=[-1], prebins=30),
        im.StumpBinning(rounds=20),
        im.WeightOfEvidence(bins={"duration_in_month": [12, 24], "credit_amount": 4}),
        "frozen",
    ],
)
def test_a_restored_scorecard_is_fitted_with_its_own_binning(german, binning):
    german = german[["duration_in_month", "credit_amount", "creditability"]]
    if binning == "frozen":
        binning = im.OptimalBinning(event="bad").fit(german[:500], "creditability")
    card = im.Scorecard(binning=binning, event="bad").fit(german[:900], "creditability")
    again = im.Scorecard.from_dict(json.loads(json.dumps(card.to_dict())))
    assert again.to_dict() == card.to_dict()
    other = im.Scorecard(binning=binning, event="bad").fit(german, "creditability")
    assert again.fit(german, "creditability").to_dict() == other.to_dict()


def test_a_binning_that_a_file_cannot_restore_is_asked_for(german):
    card = im.Scorecard(binning=Homemade(bins=4)).fit(german, "creditability")
    again = im.Scorecard.from_dict(json.loads(json.dumps(card.to_dict())))
    assert (again.scores(german) == card.scores(german)).all()
    with pytest.raises(UnsupportedError, match="Homemade"):
        again.fit(german, "creditability")
    assert again.to_dict() == card.to_dict()
    refitted = again.set_params(binning=Homemade(bins=4)).fit(german, "creditability")
    assert refitted.to_dict() == card.to_dict()


# --- small things ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong", [{"pdo": np.inf}, {"base_odds": np.inf}, {"base_score": -np.inf}, {"ridge": np.inf},
              {"pdo": 1e300}, {"base_odds": np.nan}, {"min_iv": np.inf}],
)  # fmt: skip
def test_a_scale_is_finite(german, wrong):
    with pytest.raises(InvalidParameterError, match=next(iter(wrong))) as error:
        im.Scorecard(**wrong).fit(german, "creditability")
    assert "inf]" not in error.value.what


def test_the_largest_scale_has_whole_points(german):
    scale = {"pdo": 1e9, "base_score": 1e9, "base_odds": 1e9}
    card = im.Scorecard(**scale).fit(german, "creditability")
    assert card.scores(german).dtype == np.int64
    assert np.abs(card.scores(german)).max() < 2**53


def test_no_applicants_have_no_scores(german, card):
    nobody = german.iloc[:0]
    assert card.scores(nobody).tolist() == []
    assert card.scores(nobody).dtype == np.int64
    assert card.predict(nobody).tolist() == []
    assert card.predict_proba(nobody).shape == (0, 2)
    assert list(card.points(nobody).columns) == card.characteristics_
    assert card.reasons(nobody, n=2).shape == (0, 2)


def test_one_record_and_wrong_arguments_are_told_the_next_line(german, card):
    for method in (card.scores, card.points, card.predict_proba, card.reasons):
        with pytest.raises(DataError, match="One record") as error:
            method(german.iloc[0])
        assert "X.iloc[[0]]" in str(error.value)
    with pytest.raises(InvalidParameterError, match="'texts'"):
        card.reasons(german, texts=["x"])
    with pytest.raises(InvalidParameterError) as error:
        im.Scorecard(select="purpose").fit(german, "creditability")
    assert "select=['purpose']" in str(error.value)
    with pytest.raises(DataError, match="at least 100 nats") as error:
        im.Scorecard(min_iv=100).fit(german, "creditability")
    assert "min_iv=0.02" in str(error.value)


def test_two_records_have_no_interval_and_none_is_claimed():
    with pytest.warns(UserWarning, match="do not overlap") as seen:
        found = im.auc([0, 1], [0.1, 0.2])
    assert math.isnan(found.ci.low)
    assert "Newcombe" not in str(seen[0].message)
    assert "no interval" in str(seen[0].message)
    with pytest.warns(UserWarning, match="Newcombe"):
        assert not math.isnan(im.auc([0, 0, 1, 1], [0.1, 0.2, 0.3, 0.4]).ci.low)


# --- regression in parts of rows ------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
def test_newton_in_parts_of_rows_is_statsmodels(weighted):
    rng = np.random.default_rng(4)
    x = rng.normal(size=(20_000, 4)) @ np.triu(np.ones((4, 4)))
    y = (rng.random(20_000) < 1 / (1 + np.exp(1 - x @ [0.5, 0.0, -0.3, 0.1]))).astype(int)
    w = rng.uniform(0.5, 2, 20_000) if weighted else None
    beta, covariance = newton(x, y, w)
    model = sm.GLM(y, sm.add_constant(x), sm.families.Binomial(), var_weights=w)
    theirs = model.fit(cov_type="HC0" if weighted else "nonrobust")
    np.testing.assert_allclose(beta, theirs.params, rtol=1e-6)
    np.testing.assert_allclose(np.sqrt(np.diag(covariance)), theirs.bse, rtol=1e-6)
    found = moments_of(x)
    np.testing.assert_allclose(found.correlation, np.corrcoef(x, rowvar=False), atol=1e-12)
    np.testing.assert_allclose(found.spread, x.std(axis=0), rtol=1e-12)
    rest = moments_of(np.delete(x, 1, axis=1))
    np.testing.assert_allclose(found.without(1).correlation, rest.correlation, atol=1e-12)


def test_a_step_of_a_selection_begins_near_its_end():
    rng = np.random.default_rng(5)
    x = rng.normal(size=(9000, 5)) @ np.triu(np.ones((5, 5)))
    y = (rng.random(9000) < 1 / (1 + np.exp(2 - x @ [0.5, 0.4, 0.3, 0.02, 0.0]))).astype(int)
    names = list("abcde")
    fit = fit_logistic(x, y, names, quick=True)
    start = start_without(fit, 3)
    rest = fit_logistic(np.delete(x, 3, axis=1), y, list("abce")).coefficients
    unmoved = np.abs(np.delete(fit.coefficients, 4) - rest).max()
    assert np.abs(start - rest).max() < unmoved / 20


# --- calibration at the edges ---------------------------------------------------------------------


def test_bands_of_small_probabilities_keep_every_record(rng):
    p = rng.uniform(1e-6, 4e-4, 20_000)
    y = rng.random(20_000) < p
    bands = im.calibration_bands(y, p, event=True)
    assert len(bands) == 10
    assert sum(r.n[0] for r in bands.values()) == 20_000
    edges = np.linspace(0.00001, 0.0004, 3000)
    assert len(im.calibration_bands(rng.random(3000) < 0.5, edges, bands=5)) == 5


def test_the_test_of_few_events_is_exact(rng):
    from scipy.stats import binom

    one = im.calibration_bands([0] * 19 + [1], [0.001] * 20, bands=[0.5])
    assert next(iter(one.values())).pvalue == pytest.approx(2 * binom.sf(0, 20, 0.001))
    p = rng.beta(0.6, 40, 200)
    draws = (rng.random((200_000, 200)) < p).sum(1)
    for k in (0, 2, 6):
        upto, least = event_count_tails(p, k)
        assert upto == pytest.approx((draws <= k).mean(), abs=0.005)
        assert least == pytest.approx((draws >= k).mean(), abs=0.005)
        assert event_count_tails(1 - p, 200 - k) == pytest.approx((least, upto))


def test_alike_predictions_have_no_slope():
    with pytest.warns(im.exceptions.DegenerateWarning, match="all predictions are alike"):
        found = im.calibration([0, 1] * 50, [0.5] * 100)
    assert np.isnan(found["slope"].value)
    assert np.isnan(found["intercept"].pvalue)
    assert found["in_the_large"].value == pytest.approx(0, abs=1e-9)


def test_encodings_pair_rows_by_their_labels(rng):
    X = pd.DataFrame({"x": rng.normal(size=400)})
    y = pd.Series((rng.random(400) < 1 / (1 + np.exp(-2 * X["x"]))).astype(int))
    with pytest.raises(DataError, match="not in one order"):
        im.compare_encodings(X, y.sample(frac=1, random_state=1), rng=0)
