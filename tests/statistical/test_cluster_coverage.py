"""Size, coverage and equivalence with weights, clusters, both, and the same clients twice."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr, ndtri

import infometric as im
from infometric.functional.divergence import Jeffreys
from infometric.functional.shift import ShareShift
from infometric.state.clusters import ClusteredCounts
from infometric.uncertainty import Chi2Null, Delta, NoncentralChi2
from infometric.uncertainty.far_tail import far_pvalues

J, BINS = Jeffreys(), 10


def drawn(rng, draws, clusters, size, *, weights=False, paired=False, tilt=0.0, alike=0.7):
    """Batch of two samples: `size` records a cluster, normal values that correlate by `alike`."""
    tables = []
    for _ in range(draws):
        sums, first = [], None
        for g, number in enumerate(clusters):
            own = first if paired and g else rng.normal(size=number)
            first = own if first is None else first
            who = np.repeat(np.arange(number), size)
            noise = rng.normal(size=number * size)
            x = np.sqrt(alike) * own[who] + np.sqrt(1 - alike) * noise + tilt * g
            cell = np.minimum((ndtr(x) * BINS).astype(int), BINS - 1)
            w = rng.lognormal(0, 0.8, len(x)) if weights else None
            sums.append(np.bincount(who * BINS + cell, w, number * BINS).reshape(number, BINS))
        if paired:
            z = np.concatenate(sums, axis=1)
        else:
            z = np.zeros((sum(clusters), 2 * BINS))
            z[: clusters[0], :BINS], z[clusters[0] :, BINS:] = sums
        tables.append((z.sum(0).reshape(2, BINS), z.T @ z))
    table, moments = (np.array(part) for part in zip(*tables, strict=True))
    squares = np.diagonal(moments, axis1=-2, axis2=-1).reshape(table.shape)
    return ClusteredCounts(table, (BINS,), squares, moments=moments, clusters=tuple(clusters))


def truth(tilt):
    edges = ndtri(np.linspace(0, 1, BINS + 1))
    p, q = np.diff(ndtr(edges)), np.diff(ndtr(edges - tilt))
    return ((p - q) * np.log(p / q)).sum()


def rejected(s):
    return float(np.mean(Chi2Null()(J, s, J.value(s)).pvalue < 0.05))


def error(draws):
    return 3 * np.sqrt(0.05 * 0.95 / draws)


DESIGNS = {
    "alone": ((2000, 1000), 1, {}),
    "weights": ((2000, 1000), 1, {"weights": True}),
    "clusters": ((400, 200), 5, {}),
    "both": ((400, 200), 5, {"weights": True}),
    "paired": ((2000, 2000), 1, {"paired": True}),
    "nearly the same": ((2000, 2000), 1, {"paired": True, "alike": 0.99}),
    "paired, several, weights": ((300, 300), 3, {"paired": True, "weights": True}),
    "twenty": ((20, 20), 5, {}),
}


def test_a_part_of_the_size():
    clusters, size, options = DESIGNS["clusters"]
    s = drawn(np.random.default_rng(0), 1500, clusters, size, **options)
    assert 0.035 - error(1500) <= rejected(s) <= 0.065 + error(1500)
    apart = im.Counts(s.table, (BINS,))
    assert rejected(apart) > 0.15  # without clusters it would be no test at all


@pytest.mark.statistical
@pytest.mark.parametrize("design", DESIGNS)
def test_size(design):
    """A true null: rejected in 5 % of samples, whatever the records have in common."""
    clusters, size, options = DESIGNS[design]
    s = drawn(np.random.default_rng(1), 5000, clusters, size, **options)
    assert 0.04 - error(5000) <= rejected(s) <= 0.06 + error(5000)


@pytest.mark.statistical
@pytest.mark.parametrize("design", [name for name in DESIGNS if name != "twenty"])
@pytest.mark.parametrize("tilt", [0.1, 0.3])
def test_coverage(design, tilt):
    """Intervals of a PSI of .0096 and .086, and the error of the points of a score."""
    clusters, size, options = DESIGNS[design]
    draws = 2000
    s = drawn(np.random.default_rng(2), draws, clusters, size, tilt=tilt, **options)
    found = NoncentralChi2()(J, s, J.value(s), level=0.95)
    value = truth(tilt)
    covered = np.mean((found.low <= value) & (value <= found.high))
    assert 0.92 <= covered <= 0.995
    edges = ndtri(np.linspace(0, 1, BINS + 1))
    points = np.linspace(-20, 30, BINS)
    shift = ShareShift(points)
    moved = Delta()(shift, s, shift.value(s), level=0.95)
    wanted = (np.diff(ndtr(edges - tilt)) - np.diff(ndtr(edges))) @ points
    covered = np.mean((moved.low <= wanted) & (wanted <= moved.high))
    assert 0.935 <= covered <= 0.965


@pytest.mark.statistical
@pytest.mark.parametrize("design", ["clusters", "paired", "both"])
def test_a_claim_of_stability_is_as_rarely_false_as_it_says(design):
    """At a true PSI of .086, "at most .086" is claimed in about 5 % of samples."""
    clusters, size, options = DESIGNS[design]
    s = drawn(np.random.default_rng(3), 3000, clusters, size, tilt=0.3, **options)
    found = NoncentralChi2()(J, s, J.value(s), level=0.90)
    assert np.mean(found.high <= truth(0.3)) <= 0.10


@pytest.mark.statistical
@pytest.mark.parametrize("design", ["clusters", "both", "paired", "twenty"])
def test_small_levels(design):
    """The test of a monitor at levels of .05 to .001; one chi-square does not keep the last."""
    clusters, size, options = DESIGNS[design]
    draws, levels = 20_000, np.array([0.05, 0.01, 0.001])
    s = drawn(np.random.default_rng(4), draws, clusters, size, **options)
    p = np.maximum(*far_pvalues(s))
    assert ((p[:, None] <= levels).mean(0) <= levels + 3.5 * np.sqrt(levels / draws)).all()
    if design == "clusters":
        plain = Chi2Null()(J, s, J.value(s)).pvalue
        assert np.mean(plain <= 0.001) > 0.0017
