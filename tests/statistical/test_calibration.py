"""The gate of coverage and size: a small part always, all of it under the marker `statistical`."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

import infometric as im
from infometric.functional import divergence, information
from infometric.functional.shannon import ShannonEntropy
from infometric.oracles import Categorical, JointTable, TwoSample
from infometric.testing import check_uncertainty, coverage
from infometric.uncertainty import Chi2Null, Delta, NoncentralChi2

JEFFREYS = divergence.Jeffreys()
BINS, SIZES, TRUTHS = (5, 10, 20), (1_000, 10_000, 100_000), (0.0, 0.005, 0.02, 0.1, 0.3, 1.0)


def sizes(design, n):
    return (n, n) if design == "PSI" else (round(0.85 * n), n - round(0.85 * n))


def size_of_test(functional, oracle, n, draws, rng=0):
    """Share of rejections at 5 % where nothing is there."""
    s = oracle.draw(n, size=draws, rng=rng)
    return float(np.mean(Chi2Null()(functional, s, functional.value(s)).pvalue < 0.05))


def assert_size(share, draws, low=0.035, high=0.065):
    """Within the gate, give or take three standard errors of the simulation."""
    slack = 3 * np.sqrt(0.05 * 0.95 / draws)
    assert low - slack <= share <= high + slack, share


@pytest.mark.parametrize(
    ("design", "bins", "n", "truth"),
    [("PSI", 10, 1_000, 0.0), ("PSI", 20, 1_000, 0.02), ("PSI", 5, 100_000, 0.1),
     ("IV", 20, 1_000, 0.0), ("IV", 10, 1_000, 0.3), ("IV", 20, 1_000, 1.0),
     ("IV", 5, 10_000, 0.005), ("IV", 10, 100_000, 0.02)],
)  # fmt: skip
def test_a_part_of_the_gate(design, bins, n, truth):
    oracle = TwoSample.tilted(bins, truth)
    check_uncertainty(NoncentralChi2(), JEFFREYS, oracle, sizes(design, n), draws=4000)
    if truth == 0:
        assert_size(size_of_test(JEFFREYS, oracle, sizes(design, n), 4000), 4000)


@pytest.mark.statistical
@pytest.mark.parametrize(("design", "bins", "n"), list(product(("PSI", "IV"), BINS, SIZES)))
def test_the_whole_gate(design, bins, n):
    for truth in TRUTHS:
        oracle = TwoSample.tilted(bins, truth)
        share = coverage(NoncentralChi2(), JEFFREYS, oracle, sizes(design, n), draws=10_000, rng=1)
        assert 0.93 <= share <= 0.985, (truth, share)
    null = TwoSample.tilted(bins, 0.0)
    assert 0.035 <= size_of_test(JEFFREYS, null, sizes(design, n), 10_000, rng=2) <= 0.065


@pytest.mark.parametrize(
    "alternative", [Delta(), im.PaperIndependentShares()], ids=lambda s: s.name
)
def test_the_check_can_fail(alternative):
    """Wald's interval and the published one do not pass the gate, so the gate is no formality."""
    with pytest.raises(AssertionError, match="covers"):
        check_uncertainty(alternative, JEFFREYS, TwoSample.tilted(20, 0.0), (850, 150))


def test_equivalence_keeps_its_size():
    """ "At most 0.1" is claimed wrongly in no more than 5 % of samples."""
    oracle, draws = TwoSample.tilted(10, 0.1), 4000
    s = oracle.draw(5_000, size=draws, rng=3)
    upper = NoncentralChi2()(JEFFREYS, s, JEFFREYS.value(s), level=0.90).high
    assert_size(float(np.mean(upper <= 0.1)), draws)


OTHERS = [
    (divergence.KullbackLeibler(), TwoSample.tilted(8, 0.1), {}),
    (divergence.JensenShannon(), TwoSample.tilted(8, 0.1), {}),
    (divergence.RenyiDivergence(order=0.5), TwoSample.tilted(8, 0.1), {"order": 0.5}),
    (divergence.RenyiDivergence(), TwoSample.tilted(8, 0.1), {"order": 2.0}),
    (divergence.TsallisDivergence(order=0.5), TwoSample.tilted(8, 0.1), {"order": 0.5}),
    (information.MutualInformation(), JointTable.tilted((4, 4), 0.05), {}),
    (information.MutualInformation(), JointTable.tilted((3, 8), 0.3, skew=0.8), {}),
]


@pytest.mark.parametrize(("functional", "oracle", "parameters"), OTHERS)
def test_other_measures_cover(functional, oracle, parameters):
    check_uncertainty(NoncentralChi2(), functional, oracle, 2_000, **parameters)


@pytest.mark.parametrize(("functional", "oracle", "_"), OTHERS)
def test_other_measures_keep_their_size(functional, oracle, _):
    null = (
        JointTable.independent(oracle.table.sum(1), oracle.table.sum(0))
        if isinstance(oracle, JointTable)
        else TwoSample(oracle.shares[0], oracle.shares[0])
    )
    assert_size(size_of_test(functional, null, 2_000, 4000), 4000)


def test_entropy_covers():
    check_uncertainty(
        Delta(), ShannonEntropy("miller_madow"), Categorical.zipf(20), 2_000, draws=4000
    )


def test_an_entropy_of_too_few_records_says_so(rng):
    with pytest.warns(im.exceptions.SparseCellWarning, match="no interval is known to hold"):
        im.entropy(rng.integers(0, 1000, 300))


def test_weights_keep_coverage_and_size(rng):
    """Lognormal weights that do not depend on the value."""
    oracle, n, draws = TwoSample.tilted(10, 0.1), 5_000, 400
    hits = []
    for _ in range(draws):
        x, z = oracle.sample(n, rng=rng)
        parts = []
        for codes in (x, z):
            w = rng.lognormal(size=n)
            table = np.bincount(codes, weights=w, minlength=10)
            squares = np.bincount(codes, weights=w * w, minlength=10)
            parts.append(im.Counts(table[None], squares=squares[None]))
        s = im.Counts.stack(parts)
        found = NoncentralChi2()(JEFFREYS, s, JEFFREYS.value(s), level=0.95)
        hits.append(found.low <= 0.1 <= found.high)
    assert 0.93 - 0.035 <= np.mean(hits) <= 0.985 + 0.015


def test_quantile_bins_of_the_reference_keep_the_size(rng):
    """Bins learned from the reference, as users have them, not given beforehand."""
    draws = 1500
    rejected = 0
    for _ in range(draws):
        fitted = im.PSI().fit(rng.normal(size=500))
        rejected += fitted.estimate(rng.normal(size=400)).pvalue < 0.05
    assert_size(rejected / draws, draws)
