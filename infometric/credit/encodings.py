"""Encodings compared: dummies of bins, their weight of evidence, and boosted stumps."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from numbers import Integral, Real
from typing import Any

import numpy as np
from scipy.special import expit
from sklearn.base import clone

from infometric.comparison import SEPARATOR, EncodingComparison
from infometric.credit.binning import OptimalBinning
from infometric.credit.design import Design, read_design, says_nothing
from infometric.credit.discrimination import auc_difference
from infometric.credit.leakage import leak_text
from infometric.credit.logistic import fit_logistic
from infometric.credit.performance import measured, roc_points
from infometric.credit.target import event_of
from infometric.exceptions import DataError
from infometric.inference import check_level, generator_of
from infometric.result import Result, ResultTable
from infometric.sources import open_table
from infometric.state.counts import Counts
from infometric.state.encoders import Encoder, IntervalEncoder
from infometric.typing import RNG, Array
from infometric.validation import Constraint, Having, OneOf, Span, check_paired, check_parameters

ONE_HOT, WOE, STUMPS = "one_hot", "woe", "boosted_stumps"
_PARAMETERS: dict[str, tuple[Constraint, ...]] = {
    "binning": (OneOf((None,)), Having("fit", "a binning with fit, encoders_ and state_")),
    "rounds": (Span(Integral, 1),),
    "learning_rate": (Span(Real, 0, 10, closed="right"),),
    "test_size": (Span(Real, 0, 1, closed="neither"),),
    "C": (Span(Real, 0, None, closed="right"),),
    "ridge": (Span(Real, 0),),
}


def compare_encodings(
    X: Any,
    y: Any,
    X_test: Any = None,
    y_test: Any = None,
    *,
    binning: Any = None,
    rounds: int = 50,
    learning_rate: float = 0.3,
    test_size: float = 0.3,
    C: float = 1.0,
    ridge: float = 0.0,
    event: Any = None,
    level: float = 0.95,
    rng: RNG = None,
) -> EncodingComparison:
    """Three models of a binary target, fitted and measured on the same records.

    "one_hot" is scikit-learn's logistic regression on a dummy for each bin, "woe" the regression of
    a scorecard on the weight of evidence of the same bins, and "boosted_stumps"
    `HistGradientBoostingClassifier` with two leaves on the values themselves, with the sign that
    the bins have where their rates are in order. Categories stand as their evidence there; special
    codes stand as missing.

    Parameters
    ----------
    X : array-like or frame
        Characteristics to learn from; a path goes with `X_test`.
    y : array-like of shape (n_rows,) or str
        Target with two classes, or the name of its column.
    X_test, y_test : array-like, frame or path, optional
        Records to measure on; a part of X by default.
    binning : estimator, optional
        Unfitted binning; `OptimalBinning()` by default.
    rounds : int
        Number of boosted stumps.
    learning_rate : float
        Their shrinkage.
    test_size : float
        Share of X that is kept for the test, the same of both classes.
    C : float
        Inverse penalty of the dummies, as scikit-learn has it.
    ridge : float
        Penalty of the regression on evidence; none by default.
    event : optional
        Class of the target that counts as the event. By default the greater number, or of two
        texts the one that names it ("bad", "default", "yes"); other texts need it.
    level : float
        Nominal coverage of the intervals.
    rng : int, Generator or None
        Source of the split and of the boosting.

    Returns
    -------
    EncodingComparison
        AUC, Gini, KS, Brier score, calibration intercept and slope of each model on both samples,
        and differences of areas on the test. Those of the training sample are optimistic.

    Raises
    ------
    DataError
        Where there is no target, or a class has too few records to divide.

    References
    ----------
    Sudjianto, A., Burakov, D. (2025). arXiv:2509.09855, Table 1.

    Examples
    --------
    >>> import infometric as im
    >>> from infometric.datasets import make_credit_applicants
    >>> found = im.compare_encodings(make_credit_applicants(4000, rng=0), "default", rng=0)
    >>> found.to_frame()["auc"].round(2).unstack()
    sample          test  train
    model
    boosted_stumps  0.87   0.86
    one_hot         0.86   0.86
    woe             0.86   0.85
    """
    given = {"binning": binning, "rounds": rounds, "learning_rate": learning_rate,
             "test_size": test_size, "C": C, "ridge": ridge}  # fmt: skip
    check_parameters("compare_encodings", given, _PARAMETERS)
    check_level(level)
    generator = generator_of(rng)
    seed = int(generator.integers(2**31))
    if X_test is None:
        X, X_test, y, y_test = divided(X, y, test_size, seed)
    elif y_test is None:
        y_test = y if isinstance(y, str) else _refuse_no_target()
    fitted = OptimalBinning() if binning is None else clone(binning)
    event = event_of(X, y, getattr(fitted, "event", None) if event is None else event)
    if event is not None:
        fitted.set_params(event=event)
    fitted.fit(X, y)
    samples = {
        name: read_design(x, target, None, fitted.encoders_, fitted.classes_[1], fitted)
        for name, x, target in (("train", X, y), ("test", X_test, y_test))
    }
    scores = {
        ONE_HOT: _one_hot(samples, fitted.encoders_, C),
        WOE: _woe(samples, fitted, ridge),
        STUMPS: _stumps(samples, (X, X_test), fitted, rounds, learning_rate, seed),
    }
    measures: dict[str, Result] = {}
    for model, found in scores.items():
        for sample, p in found.items():
            for name, result in measured(samples[sample].event, p, level=level).items():
                measures[SEPARATOR.join((model, sample, name))] = result
    happened = samples["test"].event
    pairs = {
        f"{a} - {b}": auc_difference(happened, scores[a]["test"], scores[b]["test"], level=level)
        for a, b in combinations(scores, 2)
    }
    curves = {model: roc_points(happened, found["test"]) for model, found in scores.items()}
    return EncodingComparison(ResultTable(measures), ResultTable(pairs).adjust(), curves=curves)


def divided(X: Any, y: Any, test_size: float, seed: int) -> tuple[Any, Any, Any, Any]:
    """Training and test part of both, the same share of each class in both.

    Raises
    ------
    DataError
        Where X cannot be divided by rows, or a class is too small.
    """
    from sklearn.model_selection import train_test_split

    if isinstance(X, str) or hasattr(X, "__fspath__"):
        raise DataError(
            "A file is not divided into training and test.",
            got=str(X),
            hint="compare_encodings('train.parquet', 'bad', 'test.parquet'), or pandas.read_csv",
        )
    table = open_table(X)
    if not table.ordered:
        raise DataError(
            f"The rows of {table.where} have no order to divide them by.",
            hint="pass X_test and y_test, or a frame in memory: frame.toPandas()",
        )
    if hasattr(X, "to_pandas") and not hasattr(X, "lazy"):  # arrow
        X = X.to_pandas()
    if isinstance(y, str):
        table.require([y])
        X, y = X[[n for n in X.columns if str(n) != y]], X[y]
    elif y is not None:
        check_paired(X, y)
    try:
        X, X_test, y, y_test = train_test_split(
            X, y, test_size=test_size, random_state=seed, stratify=y
        )
    except (ValueError, TypeError) as error:
        raise DataError(
            f"The records cannot be divided: {error}",
            got={"test_size": test_size},
            hint="pass X_test and y_test",
        ) from error
    return X, X_test, y, y_test


def _refuse_no_target() -> Any:
    raise DataError("The test records have no target.", hint="pass y_test")


Scores = dict[str, Array]
Samples = Mapping[str, Design]


def _one_hot(samples: Samples, encoders: Mapping[str, Encoder], C: float) -> Scores:
    """Logistic regression on a dummy for each bin."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import OneHotEncoder

    cells = [np.arange(encoder.n_cells) for encoder in encoders.values()]
    dummies = OneHotEncoder(categories=cells)
    tables = {
        name: dummies.fit_transform(np.column_stack([d.codes[n] for n in encoders]))
        for name, d in samples.items()
    }
    model = LogisticRegression(C=C, max_iter=1000)
    model.fit(tables["train"], samples["train"].event)
    return {name: model.predict_proba(x)[:, 1] for name, x in tables.items()}


def _woe(samples: Samples, fitted: Any, ridge: float) -> Scores:
    """Logistic regression on the weight of evidence, of columns with any."""
    names = [n for n, woe in fitted.woe_.items() if not says_nothing(fitted.state_[n], woe)]
    leaks = getattr(fitted, "leaks_", {})
    if not names and leaks:
        raise DataError(
            f"Cells with one class leave no bin to learn from: {leak_text(leaks)}.",
            got=list(leaks),
            hint=f"X.drop(columns={list(leaks)}), if it was filled in after the outcome",
        )
    if not names:
        raise DataError(
            "No characteristic has two bins with both classes in each that tell them apart.",
            got=list(fitted.woe_),
            hint="bins without rules: binning=WeightOfEvidence()",
        )
    tables = {
        name: np.column_stack([fitted.woe_[n][d.codes[n]] for n in names])
        for name, d in samples.items()
    }
    fit = fit_logistic(tables["train"], samples["train"].event, names, ridge=ridge)
    alpha, betas = fit.coefficients[0], fit.coefficients[1:]
    return {name: expit(alpha + x @ betas) for name, x in tables.items()}


def _stumps(
    samples: Samples, sources: tuple[Any, Any], fitted: Any, rounds: int, rate: float, seed: int
) -> Scores:
    """Boosted stumps on the values, each with the sign that its bins have."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    tables = {
        name: _values(X, design, fitted)
        for (name, design), X in zip(samples.items(), sources, strict=True)
    }
    signs = [direction(fitted.encoders_[n], fitted.state_[n]) for n in fitted.encoders_]
    model = HistGradientBoostingClassifier(
        max_leaf_nodes=2,
        max_iter=rounds,
        learning_rate=rate,
        monotonic_cst=signs,
        early_stopping=False,
        random_state=seed,
    ).fit(tables["train"], samples["train"].event)
    return {name: model.predict_proba(x)[:, 1] for name, x in tables.items()}


def _values(X: Any, design: Design, fitted: Any) -> Array:
    """Numbers as they are, special codes and missing ones as NaN; evidence of categories."""
    table = open_table(X, categorical=getattr(fitted, "categorical", ()))
    columns = []
    for name, encoder in fitted.encoders_.items():
        if not isinstance(encoder, IntervalEncoder):
            columns.append(fitted.woe_[name][design.codes[name]])
            continue
        magnitude = design.codes[name] <= len(encoder.edges)
        columns.append(np.where(magnitude, table.column(name).values.astype(float), np.nan))
    return np.column_stack(columns)


def direction(encoder: Encoder, s: Counts) -> int:
    """Sign of the event rate over the intervals of a column, zero where they are not in order.

    Evidence, which stands for categories, is high where events are few.

    Examples
    --------
    >>> direction(IntervalEncoder((0.0,)), Counts.from_counts([[30, 10, 0], [5, 20, 0]]))
    1
    """
    if not isinstance(encoder, IntervalEncoder):
        return -1
    good, bad = s.table[:, : len(encoder.edges) + 1]
    here = good + bad > 0
    steps = np.diff(bad[here] / (good + bad)[here])
    if not steps.size or ((steps > 0).any() and (steps < 0).any()):
        return 0
    return int(np.sign(steps.sum()))
