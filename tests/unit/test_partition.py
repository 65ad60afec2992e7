"""Optimal partitions beside full enumeration, stumps beside scikit-learn's boosting of the rows."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import rel_entr
from scipy.stats import norm
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.isotonic import IsotonicRegression

from infometric.exceptions import InvalidParameterError
from infometric.functional.partition import (
    Rules,
    monotone_bound,
    optimal_partition,
    stump_cuts,
)

TRENDS = (None, "ascending", "descending", "peak", "valley", "auto")


def merged(g, b, starts):
    return np.add.reduceat(g, starts), np.add.reduceat(b, starts)


def divergence(g, b, totals):
    p, q = g / totals[0], b / totals[1]
    return (rel_entr(p, q) + rel_entr(q, p)).sum()


def in_order(rates, trend):
    steps = np.diff(rates)
    if trend == "auto":
        return (steps >= 0).all() or (steps <= 0).all()
    if trend in ("peak", "valley"):
        signs = np.sign(steps)[np.sign(steps) != 0] * (1 if trend == "peak" else -1)
        return (np.diff(signs) <= 0).all()
    return trend is None or (steps * (1 if trend == "ascending" else -1) >= 0).all()


def keeps(g, b, rules, trend):
    n = g + b
    if min(g.min(), b.min()) == 0 or n.min() < rules.min_records:
        return False
    if b.min() < rules.min_events or g.min() < rules.min_nonevents:
        return False
    if rules.max_pvalue is not None:
        pooled = (b[1:] + b[:-1]) / (n[1:] + n[:-1])
        z = np.diff(b / n) / np.sqrt(pooled * (1 - pooled) * (1 / n[1:] + 1 / n[:-1]))
        if (2 * norm.sf(np.abs(z)) > rules.max_pvalue).any():
            return False
    return in_order(b / n, trend)


def enumerated(g, b, rules, trend, totals):
    """Best value of all partitions that keep the rules; None where there is none."""
    found = []
    for bins in range(1, rules.max_bins + 1):
        for cuts in itertools.combinations(range(1, len(g)), bins - 1):
            parts = merged(g, b, (0, *cuts))
            if keeps(*parts, rules, trend):
                found.append(divergence(*parts, totals))
    return max(found, default=None)


@pytest.mark.parametrize("trend", TRENDS)
@pytest.mark.parametrize("max_pvalue", [None, 0.3, 0.05])
def test_the_optimum_is_that_of_full_enumeration(trend, max_pvalue, rng):
    none = 0
    for case in range(25):
        size = int(rng.integers(2, 9))
        rate = rng.uniform(0.05, 0.5, size)
        n = rng.integers(5, 60, size)
        b = rng.binomial(n, np.sort(rate) if case % 2 else rate)
        g = n - b
        totals = (float(g.sum() + rng.integers(0, 30)), float(b.sum() + 1))
        rules = Rules(
            int(rng.integers(1, 6)), float(rng.choice([0, 20, 60])),
            float(rng.choice([0, 3])), float(rng.choice([0, 4])), max_pvalue,
        )  # fmt: skip
        best = enumerated(g, b, rules, trend, totals)
        found = optimal_partition(g, b, rules, trend, totals=totals)
        if best is None:
            none += 1
            assert found.starts == (0,)
            continue
        assert found.value == pytest.approx(best, abs=1e-12)
        parts = merged(g, b, found.starts)
        assert divergence(*parts, totals) == pytest.approx(best, abs=1e-12)
        assert keeps(*parts, rules, trend)
        assert len(found.starts) <= rules.max_bins
    assert none < 15  # most problems have a solution, or the test says little


def test_equal_rates_are_joined_and_the_fewest_intervals_chosen():
    found = optimal_partition(np.array([80, 80, 40]), np.array([20, 20, 60]), Rules(3), "ascending")
    assert found.starts == (0, 2)


def test_weights_scale_out():
    g, b = np.array([90, 80, 85, 60, 50]), np.array([10, 20, 15, 40, 50])
    plain = optimal_partition(g, b, Rules(3), "auto")
    scaled = optimal_partition(g * 0.37, b * 0.37, Rules(3), "auto")
    assert plain.starts == scaled.starts
    assert plain.value == pytest.approx(scaled.value)


def test_nothing_keeps_the_rules():
    found = optimal_partition(np.array([5, 5]), np.array([0, 0]), Rules(2), totals=(10.0, 3.0))
    assert found.starts == (0,)
    assert found.value == 0


def test_an_unknown_trend_is_refused():
    with pytest.raises(InvalidParameterError, match="'ascending'"):
        optimal_partition(np.array([1, 2]), np.array([2, 1]), Rules(2), "up")


@given(
    st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), min_size=1, max_size=9),
)
@settings(max_examples=60, deadline=None)
def test_the_bound_is_reached_without_sizes_and_never_passed(cells):
    g, b = np.array(cells).T
    bound = monotone_bound(g, b)
    assert optimal_partition(g, b, Rules(len(g)), "auto").value == pytest.approx(bound, abs=1e-12)
    assert optimal_partition(g, b, Rules(2, 10.0), "auto").value <= bound + 1e-12


def test_the_bound_is_that_of_isotonic_regression(rng):
    n = rng.integers(20, 60, 40)
    b = np.clip(rng.binomial(n, np.linspace(0.1, 0.6, 40)), 1, n - 1)
    rate = IsotonicRegression().fit_transform(np.arange(40), b / n, sample_weight=n)
    starts = np.flatnonzero(np.diff(rate, prepend=-1) > 1e-12)
    parts = merged(n - b, b, starts)
    best = divergence(*parts, ((n - b).sum(), b.sum()))
    assert monotone_bound(n - b, b) == pytest.approx(best)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("direction", [0, 1])
def test_stumps_cut_where_boosting_of_the_rows_does(seed, direction):
    rng = np.random.default_rng(seed)
    x = np.sort(rng.integers(0, 60, 3000)).astype(float)
    effect = (0.05 * x, np.sin(x / 9), np.where(x > 30, 1.0, 0.0))[seed % 3]
    y = rng.random(3000) < 1 / (1 + np.exp(1.5 - effect))
    model = HistGradientBoostingClassifier(
        max_leaf_nodes=2, learning_rate=0.3, max_iter=25, early_stopping=False,
        monotonic_cst=[direction],
    ).fit(x[:, None], y)  # fmt: skip
    nodes = [p[0].nodes for p in model._predictors]
    theirs = sorted({float(t["num_threshold"][0]) for t in nodes if len(t) > 1})
    levels = np.unique(x)
    b = np.bincount(x.astype(int), weights=y)[levels.astype(int)]
    g = np.bincount(x.astype(int))[levels.astype(int)] - b
    cuts = stump_cuts(g, b, rounds=25, learning_rate=0.3, direction=direction)
    ours = [(levels[c - 1] + levels[c]) / 2 for c in cuts]
    assert ours == theirs


def test_stumps_of_one_class_or_one_cell_are_none():
    assert stump_cuts(np.array([5, 5]), np.array([0, 0]), rounds=5, learning_rate=0.3) == ()
    assert stump_cuts(np.array([5]), np.array([5]), rounds=5, learning_rate=0.3) == ()
