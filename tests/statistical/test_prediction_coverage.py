"""Coverage of calibration, rates, Brier score and coefficients of a scorecard, by simulation."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy.special import expit, logit

import infometric as im
from infometric.credit.logistic import fit_logistic
from infometric.functional.proportion import EventRate

pytestmark = pytest.mark.statistical


def near(covered, draws, nominal=0.95):
    error = 3 * np.sqrt(nominal * (1 - nominal) / draws)
    return abs(np.mean(covered) - nominal) < error + 0.008


@pytest.mark.parametrize(("intercept", "slope"), [(0.0, 1.0), (0.4, 0.8)])
@pytest.mark.parametrize("n", [300, 3000])
def test_intercept_and_slope_cover_and_their_tests_keep_their_size(n, intercept, slope):
    rng = np.random.default_rng(4)
    draws, inside, rejected = 800, [], []
    for _ in range(draws):
        p = rng.beta(2, 8, n).clip(0.005, 0.995)
        y = rng.random(n) < expit(intercept + slope * logit(p))
        found = im.calibration(y, p)
        a, b = found["intercept"].ci, found["slope"].ci
        inside.append([a.low < intercept < a.high, b.low < slope < b.high])
        rejected.append([found[k].pvalue < 0.05 for k in ("in_the_large", "slope", "brier_score")])
    assert all(near(column, draws) for column in np.transpose(inside))
    if slope == 1.0:
        assert all(near(~column, draws) for column in np.transpose(rejected).astype(bool))


def test_brier_score_covers():
    rng = np.random.default_rng(5)
    truth = np.mean((big := rng.beta(2, 8, 2_000_000)) * (1 - big))
    draws, inside = 800, []
    for _ in range(draws):
        p = rng.beta(2, 8, 800)
        ci = im.brier_score(rng.random(800) < p, p).ci
        inside.append(ci.low < truth < ci.high)
    assert near(inside, draws)


@pytest.mark.parametrize("rate", [0.005, 0.02, 0.1, 0.4])
@pytest.mark.parametrize("n", [40, 400, 4000])
def test_intervals_of_a_rate_cover_on_average_over_near_rates(n, rate):
    rng = np.random.default_rng(6)
    truth = rate * np.exp(rng.uniform(-0.3, 0.3, 20_000))
    events = rng.binomial(n, truth)
    s = im.Counts(np.stack([n - events, events], axis=-1)[:, None])
    cover = {}
    for kind in ("wilson", "posterior", "clopper_pearson"):
        found = EventRate().interval(kind, s, 0.95)
        cover[kind] = np.mean((found.low <= truth) & (truth <= found.high))
    assert 0.925 < cover["wilson"] < 0.99
    assert 0.925 < cover["posterior"] < 0.999
    assert cover["clopper_pearson"] > 0.949


def test_coefficients_cover_given_the_bins():
    """Bins and their evidence are fixed; the scorecard learns the weights anew."""
    rng = np.random.default_rng(7)
    beta = np.array([0.9, 0.6])
    woe = [np.array([-0.8, 0.0, 0.7]), np.array([-0.5, 0.6])]
    draws, inside = 600, []
    for _ in range(draws):
        codes = [rng.integers(0, len(w), 1500) for w in woe]
        odds = 1.5 + sum(b * w[c] for b, w, c in zip(beta, woe, codes, strict=True))
        good = rng.random(1500) < expit(odds)
        x = np.column_stack([w[c] for w, c in zip(woe, codes, strict=True)])
        fit = fit_logistic(x, good.astype(int), ["a", "b"]).results(0.95)
        inside.append([fit[k].ci.low < b < fit[k].ci.high for k, b in zip("ab", beta, strict=True)])
    assert all(near(column, draws) for column in np.transpose(inside))


def test_honest_columns_are_seldom_called_leaky():
    """Strong and weak characteristics of portfolios with few defaults."""
    rng = np.random.default_rng(8)
    called = 0
    for _ in range(150):
        n = int(rng.integers(500, 8000))
        x = rng.normal(size=(n, 4))
        odds = -2.5 - rng.uniform(0, 2) + x @ np.array([1.5, 0.7, 0.2, 0.0])
        y = rng.random(n) < expit(odds)
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            im.OptimalBinning().fit(x, y)
        called += any(issubclass(w.category, im.exceptions.LeakageWarning) for w in seen)
    assert called <= 3
