"""Fairness: intervals of sums over dependent features hold, claims err as rarely as they say."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy.special import ndtr, ndtri
from scipy.stats import binom

import infometric as im
from infometric.credit.protected import claim
from infometric.exceptions import InfometricWarning
from infometric.functional.divergence import Jeffreys
from infometric.functional.margins import SummedJeffreys
from infometric.functional.parity import (
    ProportionDifference,
    ProportionRatio,
    StandardizedMeanDifference,
)
from infometric.functional.ranking import Gini
from infometric.state.encoders import Column

pytestmark = pytest.mark.statistical
DRAWS = 500
SLACK = 3 * np.sqrt(0.05 * 0.95 / DRAWS)  # three standard errors of the simulation


def drawn(rng, shift, rho, sizes, edges, features):
    """Counts of profiles of equally correlated normal features, the second group shifted."""
    root = np.linalg.cholesky(rho * np.ones((features, features)) + (1 - rho) * np.eye(features))
    side = np.repeat([0, 1], sizes)
    x = rng.normal(size=(sum(sizes), features)) @ root.T + shift * side[:, None]
    profile, place = np.unique(np.searchsorted(edges, x, "right"), axis=0, return_inverse=True)
    table = [np.bincount(place.ravel()[side == g], minlength=len(profile)) for g in (0, 1)]
    return SummedJeffreys(np.ascontiguousarray(profile.T)), im.Counts(np.stack(table))


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.8])
@pytest.mark.parametrize("shift", [0.0, 0.1, 0.3])
def test_interval_of_a_sum_over_features_holds(shift, rho):
    edges = np.array([-0.84, -0.25, 0.25, 0.84])
    ends = np.r_[-np.inf, edges, np.inf]
    p, q = np.diff(ndtr(ends)), np.diff(ndtr(ends - shift))
    truth = 5 * float(((p - q) * np.log(p / q)).sum())
    rng = np.random.default_rng([7, int(10 * rho), int(10 * shift)])
    held, claimed, rejected = 0, 0, 0
    for _ in range(DRAWS):
        functional, s = drawn(rng, shift, rho, (1500, 600), edges, 5)
        r = im.infer(functional, s)
        held += r.ci.low <= truth <= r.ci.high
        claimed += claim(functional, s, truth, ("within", "above"))["verdict"] == "within"
        rejected += r.pvalue < 0.05
    assert held / DRAWS > 0.95 - SLACK
    assert claimed / DRAWS < 0.05 + SLACK
    if shift == 0:
        assert rejected / DRAWS < 0.05 + SLACK


def population(n, rng):
    group = (rng.random(n) < 0.3).astype(int)
    x = rng.normal(size=(n, 4)) + 0.7 * rng.normal(size=(n, 1))
    x = x + group[:, None] * np.array([0.6, 0.5, 0.3, 0.1])
    bad = rng.random(n) < 1 / (1 + np.exp(2 - x @ np.array([0.5, 0.4, 0.4, 0.3])))
    return x, bad.astype(int), group


@pytest.mark.parametrize("confidence", [None, 0.95])
def test_upper_bound_of_a_frontier_is_above_what_its_bins_hold(confidence):
    rng, samples = np.random.default_rng(11), 150
    many, _, groups = population(300_000, rng)
    below = 0
    for i in range(samples):
        x, y, group = population(4000, rng)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", InfometricWarning)
            (point,) = im.fair_frontier(
                x, y, group, budgets=[0.08], chance=confidence, pre_bins=10, max_bins=4, rng=i
            )
        truth = 0.0
        for name, encoder in point.encoders.items():
            cells = encoder.encode(Column(name, many[:, int(name[1:])]))
            table = [np.bincount(cells[groups == g], minlength=encoder.n_cells) for g in (0, 1)]
            truth += float(Jeffreys().value(im.Counts(np.stack(table))))
        (r,) = point.protected.values()
        below += r.diagnostics["upper_bound"] < truth
    assert below / samples < 0.05 + 3 * np.sqrt(0.05 * 0.95 / samples)


@pytest.mark.parametrize("n_group", [5, 10, 20, 50])
def test_score_intervals_cover_for_small_groups(n_group):
    """By enumeration of every outcome, so without a simulation's error."""
    n_reference = 400
    a, b = np.meshgrid(np.arange(n_group + 1), np.arange(n_reference + 1))
    tables = np.stack(
        [
            np.stack([n_reference - b.ravel(), b.ravel()], -1),
            np.stack([n_group - a.ravel(), a.ravel()], -1),
        ],
        axis=1,
    )
    s = im.Counts(tables)
    found = {
        ratio: ratio.interval("score", s, level)
        for ratio, level in ((ProportionRatio(), 0.95), (ProportionDifference(), 0.95))
    }
    strict = ProportionRatio(continuity=True).interval("score", s, 0.9)
    for rate in np.arange(0.1, 0.95, 0.1):
        for ratio in (0.5, 0.8, 1.0):
            weight = binom.pmf(a, n_group, rate * ratio) * binom.pmf(b, n_reference, rate)
            for functional, interval in found.items():
                truth = ratio if isinstance(functional, ProportionRatio) else rate * (ratio - 1)
                inside = (interval.low <= truth + 1e-9) & (truth - 1e-9 <= interval.high)
                assert (weight.ravel() * inside).sum() > 0.92, (rate, ratio, functional.name)
            assert (weight.ravel() * (strict.low >= ratio)).sum() <= 0.05
            assert (weight.ravel() * (strict.high <= ratio)).sum() <= 0.05


@pytest.mark.parametrize("n_group", [2, 5, 10, 20, 50])
@pytest.mark.parametrize("shift", [0.0, 1.0])
@pytest.mark.parametrize("law", ["normal", "exponential", "wide"])
def test_intervals_of_scores_cover_for_small_groups(law, shift, n_group):
    rng, draws = np.random.default_rng([n_group, int(shift), len(law)]), 1000
    spread = 4 if law == "wide" else 1
    difference = shift / np.sqrt((200 + spread * n_group) / (200 + n_group))
    area = ndtr(shift / np.sqrt(1 + spread))
    if law == "exponential":
        area = 1 - np.exp(-shift) / 2
    held = np.zeros(2)
    for _ in range(draws):
        draw = rng.exponential if law == "exponential" else rng.normal
        scores = np.r_[draw(size=200), shift + np.sqrt(spread) * draw(size=n_group)]
        values, cells = np.unique(scores, return_inverse=True)
        table = np.zeros((2, len(values)), int)
        table[np.repeat([0, 1], [200, n_group]), cells] = 1
        s = im.Counts(table)
        mean = StandardizedMeanDifference(values).interval("student", s, 0.95)
        rank = Gini().interval("delong", s, 0.95)
        held += mean.low <= difference <= mean.high, rank.low <= 2 * area - 1 <= rank.high
    assert (held / draws > 0.95 - 3 * np.sqrt(0.05 * 0.95 / draws)).all(), held / draws


@pytest.mark.parametrize(("cells", "n_group"), [(4, 5), (4, 10), (10, 20), (10, 50)])
@pytest.mark.parametrize("shift", [0.3, 1.0])
def test_claims_about_small_groups_seldom_err(cells, n_group, shift):
    edges = ndtri(np.arange(1, cells) / cells)
    ends = np.r_[-np.inf, edges, np.inf]
    p, q = np.diff(ndtr(ends)), np.diff(ndtr(ends - shift))
    truth = float(((p - q) * np.log(p / q)).sum())
    rng, draws = np.random.default_rng([cells, n_group, int(10 * shift)]), 1000
    said = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InfometricWarning)
        for _ in range(draws):
            s = im.Counts(np.stack([rng.multinomial(200, p), rng.multinomial(n_group, q)]))
            said.append(claim(Jeffreys(), s, truth, ("fair", "unfair"))["verdict"])
    slack = 3 * np.sqrt(0.05 * 0.95 / draws)
    assert said.count("fair") / draws < 0.05 + slack
    assert said.count("unfair") / draws < 0.08 + slack
