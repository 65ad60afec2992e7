"""Scores of features: of any kind of column, in any selector."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_wine
from sklearn.feature_selection import SelectFdr, SelectKBest
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

import infometric as im
from infometric.exceptions import ColumnError, DataError, InfometricWarning, InvalidParameterError


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InfometricWarning)
        yield


def mixed(n=400):
    rng = np.random.default_rng(8)
    x = rng.normal(size=n)
    return pd.DataFrame({
        "noise": rng.normal(size=n),
        "number": x + 0.5 * rng.normal(size=n),
        "text": np.where(x > 0, "high", "low"),
        "whole": np.digitize(x, [-1, 0, 1]),
        "target": x,
    })  # fmt: skip


def test_columns_of_every_kind_beside_a_number():
    found = im.score_features(mixed(), "target", rng=0)
    assert set(list(found)[:3]) == {"number", "text", "whole"}
    assert {n: r.diagnostics["estimator"] for n, r in found.items()} == {
        "noise": "ksg1", "number": "ksg1", "text": "ross", "whole": "ross",
    }  # fmt: skip
    adjusted = dict(zip(found, found.adjusted["pvalue_bh"], strict=True))
    assert adjusted["noise"] > 0.05 > max(adjusted[n] for n in ("number", "text", "whole"))


def test_columns_of_every_kind_beside_a_class():
    frame = mixed()
    found = im.score_features(frame.drop(columns="target"), frame["target"] > 0, rng=0)
    assert found["text"].method.startswith(("delta", "ncx2"))  # two classes: a table
    assert found["text"].value == pytest.approx(np.log(2), abs=0.02)
    assert found["number"].diagnostics["estimator"] == "ross"


def test_a_score_is_the_mutual_information_of_the_pair():
    frame = mixed()
    found = im.score_features(frame, "target", method="none")
    for name in ("noise", "number", "text", "whole"):
        pair = im.mutual_information(frame[name], frame["target"], method="none")
        assert found[name].value == pair.value


def test_values_are_read_in_the_order_of_the_columns():
    frame = mixed()
    found = im.score_features(frame, "target", method="none")
    names = [n for n in frame if n != "target"]
    np.testing.assert_array_equal(np.asarray(found), [found[n].value for n in names])
    values, pvalues = im.score_features(frame, "target", rng=0).scores()
    assert len(values) == len(pvalues) == 4
    assert pvalues[0] > 0.05 > pvalues[1]


def test_selectors_of_scikit_learn():
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    chosen = SelectKBest(im.score_features, k=3).fit(X, y)
    best = list(im.score_features(X, y, method="none"))[:3]
    assert set(chosen.get_feature_names_out()) == set(best)
    by_rate = SelectFdr(lambda X, y: im.score_features(X, y, rng=0).scores(), alpha=0.05)
    kept = by_rate.fit(X.iloc[:, [0, 2, 8]], y).get_feature_names_out()
    assert "bmi" in kept
    model = make_pipeline(
        SelectKBest(lambda X, y: im.score_features(X, y, method="none"), k=4), LinearRegression()
    )
    assert cross_val_score(model, X, y).mean() > 0.35


def test_classes_of_wine():
    X, y = load_wine(return_X_y=True)
    found = im.score_features(X, y, method="none")
    assert all(0 < r.value < np.log(3) + 0.05 for r in found.values())
    assert next(iter(found)) == "x6"  # flavanoids


def test_bad_input():
    frame = mixed()
    with pytest.raises(ColumnError, match="targe"):
        im.score_features(frame, "targe")
    with pytest.raises(DataError, match="x1"):
        im.score_features(np.column_stack([frame.noise, np.full(400, np.nan)]), frame.target)
    with pytest.raises(InvalidParameterError, match="estimator"):
        im.score_features(frame, "target", estimator="best")
    with pytest.raises(DataError):
        im.score_features(frame, frame.target[:10])
