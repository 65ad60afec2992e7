"""Encodings compared: the shape of the published table, and models that others can fit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

import infometric as im
from infometric.credit.encodings import direction
from infometric.datasets import (
    APPLICANT_STEPS,
    applicant_log_odds,
    load_german_credit,
    make_credit_applicants,
)
from infometric.exceptions import ColumnError, DataError, InvalidParameterError

STEPS = list(APPLICANT_STEPS)


@pytest.fixture(scope="module")
def applicants():
    return make_credit_applicants(20_000, rng=1).drop(columns="group")


@pytest.fixture(scope="module")
def compared(applicants):
    """Learned from 20,000 as published, measured on enough to see the order."""
    test = make_credit_applicants(60_000, rng=2).drop(columns="group")
    binning = im.StumpBinning(rounds=50)
    return im.compare_encodings(
        applicants, "default", test, "default", binning=binning, rounds=100, rng=0
    )


def test_applicants_are_those_of_the_recipe():
    frame = make_credit_applicants(40_000, rng=0)
    assert list(frame) == [*STEPS, "group", "default"]
    assert frame["group"].mean() == pytest.approx(0.3, abs=0.01)
    assert frame["default"].mean() == pytest.approx(0.15, abs=0.01)
    pd.testing.assert_frame_equal(frame, make_credit_applicants(40_000, rng=0))
    odds = applicant_log_odds(frame)
    steps = frame[STEPS].to_numpy() > [above for _, above in APPLICANT_STEPS.values()]
    fit = LogisticRegression(C=np.inf).fit(steps, frame["default"])
    sizes = [size for size, _ in APPLICANT_STEPS.values()]
    np.testing.assert_allclose(fit.coef_[0], sizes, atol=0.25)
    assert abs(frame["default"].mean() - (1 / (1 + np.exp(-odds))).mean()) < 0.006
    rates = frame.groupby("group")["default"].mean()
    assert rates[1] > rates[0] + 0.03


def test_the_shape_of_the_published_table(compared):
    """Dummies and boosted stumps alike, evidence behind both; training flatters all."""
    areas = compared.to_frame()["auc"].unstack()
    for sample in ("train", "test"):
        assert areas.loc["one_hot", sample] > areas.loc["woe", sample] + 0.003
        assert areas.loc["boosted_stumps", sample] > areas.loc["woe", sample] + 0.003
    gaps = compared.differences
    assert gaps["one_hot - woe"].ci.low > 0
    assert gaps["woe - boosted_stumps"].ci.high < 0
    assert abs(gaps["one_hot - boosted_stumps"].value) < 0.006
    assert (areas["train"] >= areas["test"] - 0.005).all()


def test_models_are_those_that_scikit_learn_fits(applicants):
    train, test = applicants[:12_000], applicants[12_000:]
    found = im.compare_encodings(train, "default", test, "default", rounds=20)
    binning = im.OptimalBinning().fit(train, "default")
    index = {
        name: np.column_stack([binning.encoders_[c].encode(column(part, c)) for c in STEPS])
        for name, part in (("train", train), ("test", test))
    }
    cells = [binning.encoders_[c].n_cells for c in STEPS]
    dummies = {
        name: np.hstack([np.eye(k)[codes[:, j]] for j, k in enumerate(cells)])
        for name, codes in index.items()
    }
    one_hot = LogisticRegression(max_iter=1000).fit(dummies["train"], train["default"])
    woe = LogisticRegression(C=np.inf, max_iter=1000)
    woe.fit(binning.transform(train), train["default"])
    signs = [direction(binning.encoders_[c], binning.state_[c]) for c in STEPS]
    assert signs == [-1, -1, 1, 1, 1, 1, -1]
    stumps = HistGradientBoostingClassifier(
        max_leaf_nodes=2, max_iter=20, learning_rate=0.3, monotonic_cst=signs, early_stopping=False
    ).fit(train[STEPS].to_numpy(float), train["default"])
    scores = {
        "one_hot": one_hot.predict_proba(dummies["test"]),
        "woe": woe.predict_proba(binning.transform(test)),
        "boosted_stumps": stumps.predict_proba(test[STEPS].to_numpy(float)),
    }
    for model, p in scores.items():
        area = found.measures[f"{model} / test / auc"]
        assert area.value == pytest.approx(roc_auc_score(test["default"], p[:, 1]), abs=1e-4)
        alone = im.auc(test["default"], p[:, 1])
        assert area.ci == pytest.approx(alone.ci, abs=2e-4)
    gap = im.auc_difference(test["default"], scores["one_hot"][:, 1], scores["woe"][:, 1])
    assert found.differences["one_hot - woe"].value == pytest.approx(gap.value, abs=2e-4)


def column(frame, name):
    from infometric.validation import FrameTable

    return FrameTable(frame).column(name)


def test_missing_special_and_categories_are_taken_as_they_are():
    german = load_german_credit()[["purpose", "duration_in_month", "housing", "creditability"]]
    german["duration_in_month"] = german["duration_in_month"].astype(float)
    german.loc[::9, "duration_in_month"] = np.nan
    german.loc[1::9, "duration_in_month"] = -1
    found = im.compare_encodings(
        german, "creditability", event="bad", binning=im.OptimalBinning(special=[-1]), rng=0
    )
    frame = found.to_frame()
    assert frame.shape == (6, 8)
    assert frame.notna().all(axis=None)
    assert (frame["auc"] > 0.55).all()
    assert np.allclose(frame["gini"], 2 * frame["auc"] - 1)
    again = im.compare_encodings(
        german, "creditability", event="bad", binning=im.OptimalBinning(special=[-1]), rng=0
    )
    assert again.to_json() == found.to_json()


def test_a_comparison_survives_json_and_is_drawn(compared):
    again = im.EncodingComparison.from_json(compared.to_json())
    assert again.to_json() == compared.to_json()
    ax = again.plot()
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert [n.split(",")[0] for n in names] == ["one hot", "woe", "boosted stumps"]
    line = ax.get_lines()[0]
    area = np.trapezoid(line.get_ydata(), line.get_xdata())
    assert area == pytest.approx(compared.measures["one_hot / test / auc"].value, abs=2e-3)
    with pytest.raises(DataError, match="not a comparison"):
        im.EncodingComparison.from_json("{}")
    with pytest.raises(DataError, match="no curves"):
        im.EncodingComparison(compared.measures, compared.differences).plot()


def test_a_scorecard_is_measured_on_new_records(applicants):
    train, test = applicants[:12_000], applicants[12_000:]
    card = im.Scorecard().fit(train, "default")
    found = card.evaluate(test, "default")
    assert found["auc"].value == pytest.approx(
        roc_auc_score(test["default"], -card.scores(test)), rel=1e-12
    )
    assert found["gini"].value == pytest.approx(2 * found["auc"].value - 1)
    assert card.score(test, "default") == found["auc"].value
    p = card.predict_proba(test)[:, 1]
    assert found["brier_score"].value == pytest.approx(im.brier_score(test["default"], p).value)
    assert found["calibration_slope"].ci.low < 1.1
    turned = im.Scorecard(event=0).fit(train, "default").evaluate(test, "default")
    assert turned["auc"].value == pytest.approx(found["auc"].value, abs=0.003)
    assert turned["brier_score"].value == pytest.approx(found["brier_score"].value, abs=1e-3)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "says"),
    [
        (("train.csv", "default"), {}, DataError, "A file is not divided"),
        ((None, "defautl"), {}, ColumnError, "'default'"),
        ((None, "default"), {"rounds": 0}, InvalidParameterError, "'rounds'"),
        ((None, "default"), {"test_size": 1.5}, InvalidParameterError, "'test_size'"),
        ((None, [0, 1, 1]), {}, DataError, "cannot be divided"),
    ],
)
def test_what_cannot_be_compared_is_refused(applicants, arguments, options, error, says):
    X, y = arguments
    with pytest.raises(error, match=says):
        im.compare_encodings(applicants[:500] if X is None else X, y, **options)


def test_a_number_of_applicants_that_is_none_is_refused():
    with pytest.raises(InvalidParameterError, match="positive integer"):
        make_credit_applicants(0)


def test_a_column_that_knows_the_target_is_named(rng):
    y = np.resize([0, 1], 2000)
    X = pd.DataFrame({"x": y + 0.1 * rng.random(2000)})
    with pytest.raises(DataError, match="one class leave no bin"):
        im.compare_encodings(X, y, rng=0)
