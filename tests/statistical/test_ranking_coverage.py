"""Coverage of the intervals of AUC, Gini and KS, and size of their tests, by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr, ndtri

import infometric as im
from infometric.functional.ranking import AreaDifference, Gini, KolmogorovSmirnov
from infometric.uncertainty import DeLong, Delta, KolmogorovBand

pytestmark = pytest.mark.statistical


def normal_cells(area, cells):
    """Shares of non-events and events in cells of two normal scores with that area."""
    shift = np.sqrt(2) * ndtri(area)
    edges = np.linspace(-2.5, 2.5 + shift, cells - 1)
    return [np.diff(np.concatenate([[0], ndtr(edges - m), [1]])) for m in (0.0, shift)]


def draws(area, n, events, cells, size, rng):
    """Tables of counts, shape (size, 2, cells): continuous scores are cells of a fine grid."""
    p, q = normal_cells(area, cells)
    bad = max(round(n * events), 2)
    table = np.stack(
        [rng.multinomial(n - bad, p, size=size), rng.multinomial(bad, q, size=size)], axis=1
    )
    return im.Counts(table), im.Counts(np.stack([p, q])[None] * 10**9)


CASES = [
    (area, n, events, cells)
    for area in (0.6, 0.75, 0.9, 0.98)
    for n in (50, 200, 1000, 5000)
    for events in (0.5, 0.15)
    for cells in (5, 400)
]


@pytest.mark.parametrize(("area", "n", "events", "cells"), CASES)
def test_intervals_of_the_area_cover(area, n, events, cells):
    rng = np.random.default_rng(7)
    size = 2000 if n < 5000 else 1000
    s, whole = draws(area, n, events, cells, size, rng)
    truth = float(Gini().value(whole)[0])
    found = DeLong()(Gini(), s, Gini().value(s), level=0.95)
    covered = np.mean((found.low <= truth) & (truth <= found.high))
    error = 3 * np.sqrt(0.05 * 0.95 / size)
    least = 0.93 if n * events * (1 - area) > 2 else 0.90
    assert covered > least - error
    assert covered < 0.985 + error


@pytest.mark.parametrize(("area", "n", "events"), [(0.9, 50, 0.5), (0.98, 200, 0.15)])
def test_walds_interval_near_one_does_not_cover(area, n, events):
    """Why the default is another scale: the same variance without it."""
    rng = np.random.default_rng(7)
    s, whole = draws(area, n, events, 400, 2000, rng)
    truth = float(Gini().value(whole)[0])
    cover = {}
    for strategy in (DeLong(), Delta()):
        found = strategy(Gini(), s, Gini().value(s), level=0.95)
        cover[strategy.name] = np.mean((found.low <= truth) & (truth <= found.high))
    assert cover["delta"] < 0.91
    assert cover["delong"] > cover["delta"] + 0.03


@pytest.mark.parametrize("cells", [5, 400])
@pytest.mark.parametrize("n", [60, 1000])
def test_the_test_of_the_area_keeps_its_size(n, cells):
    s, _ = draws(0.5, n, 0.3, cells, 4000, np.random.default_rng(3))
    rejected = np.mean(Gini().pvalue(s) < 0.05)
    assert rejected == pytest.approx(0.05, abs=0.016)


@pytest.mark.parametrize("area", [0.5, 0.6, 0.75, 0.9])
@pytest.mark.parametrize(("n", "events"), [(50, 0.5), (200, 0.15), (1000, 0.15), (5000, 0.5)])
@pytest.mark.parametrize("cells", [10, 400])
def test_intervals_of_ks_cover(area, n, events, cells):
    size = 1500
    s, whole = draws(area, n, events, cells, size, np.random.default_rng(11))
    truth = float(KolmogorovSmirnov().value(whole)[0])
    found = KolmogorovBand()(KolmogorovSmirnov(), s, KolmogorovSmirnov().value(s), level=0.95)
    covered = np.mean((found.low <= truth) & (truth <= found.high))
    assert covered > 0.95 - 3 * np.sqrt(0.05 * 0.95 / size)


def test_walds_interval_of_ks_stands_too_high():
    s, whole = draws(0.75, 200, 0.15, 400, 2000, np.random.default_rng(11))
    truth = float(KolmogorovSmirnov().value(whole)[0])
    found = Delta()(KolmogorovSmirnov(), s, KolmogorovSmirnov().value(s), level=0.95)
    assert np.mean(truth < found.low) > 0.08
    assert np.mean(truth > found.high) < 0.03


@pytest.mark.parametrize("noise", [0.3, 1.5])
def test_differences_of_areas_cover_and_their_test_keeps_its_size(noise):
    """Two scores that are one hidden score with noises of their own: the areas are the same."""
    rng = np.random.default_rng(5)
    y = np.repeat([0, 1], [240, 60])
    rejected, covered = [], []
    for _ in range(1500):
        hidden = rng.normal(size=300) + y
        a, b = (hidden + noise * rng.normal(size=300) for _ in range(2))
        found = im.auc_difference(y, a, b)
        rejected.append(found.pvalue < 0.05)
        covered.append(found.ci.low <= 0 <= found.ci.high)
    assert np.mean(rejected) == pytest.approx(0.05, abs=0.02)
    assert np.mean(covered) == pytest.approx(0.95, abs=0.02)


def test_paired_variance_is_that_of_the_simulation():
    rng = np.random.default_rng(6)
    y = np.repeat([0, 1], [200, 100])
    values, variances = [], []
    for _ in range(1000):
        a = rng.normal(size=300) + y
        b = (a + rng.normal(size=300)).round(1)
        ranks = [np.unique(v, return_inverse=True)[1] for v in (a, b)]
        s = im.Counts(np.stack([(y == k).astype(int) for k in (0, 1)]))
        difference = AreaDifference(*ranks)
        values.append(float(difference.value(s)))
        variances.append(float(difference.variance(s)))
    assert np.mean(variances) / np.var(values) == pytest.approx(1, abs=0.12)
