"""Fair binning against enumeration and the plain programme; group measures against statsmodels."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

import infometric as im
from infometric.credit.candidates import Candidates, candidates
from infometric.credit.frontier import chance, excess, within
from infometric.credit.programme import Programme
from infometric.functional.divergence import Jeffreys


def drawn(rng, features, cells, n=4000):
    """Counts of both pairs of groups over the cells of each feature."""
    groups, target = (rng.random(n) < 0.3).astype(int), np.zeros(n, int)
    latent = rng.normal(size=(n, features)) + 0.5 * groups[:, None] * rng.random(features)
    target = (rng.random(n) < 1 / (1 + np.exp(1.5 - latent @ rng.normal(size=features)))).astype(
        int
    )
    codes = [np.searchsorted(np.quantile(x, np.arange(1, cells) / cells), x) for x in latent.T]

    def tables(side):
        return [
            im.Counts.from_counts([np.bincount(c[side == v], minlength=cells) for v in (0, 1)])
            for c in codes
        ]

    return tables(target), tables(groups)


def every_plan(found: Candidates, max_bins=None, trend=None):
    """All partitions of every feature, and all ways of dropping some: by enumeration."""
    by_feature = []
    for j, k in enumerate(found.sizes):
        paths = [None]
        for inner in itertools.chain.from_iterable(
            itertools.combinations(range(1, k), m) for m in range(k)
        ):
            cuts = (0, *inner, int(k))
            s, e = cuts[:-1], cuts[1:]
            rates = found.rate[j, s, e]
            fine = found.allowed[j, s, e].all() and (max_bins is None or len(s) <= max_bins)
            step = np.diff(rates)
            ordered = {
                None: True, "ascending": (step >= 0).all(), "descending": (step <= 0).all(),
                "auto": (step >= 0).all() or (step <= 0).all(),
            }[trend]  # fmt: skip
            if fine and ordered:
                paths.append(cuts)
        by_feature.append(paths)
    return itertools.product(*by_feature)


def best_of_all(found, budget, z=0.0, **rules):
    best = 0.0
    for plan in every_plan(found, **rules):
        gain, cost, spread = found.totals(plan)
        if (cost + z * np.sqrt(spread) <= budget * (1 + 1e-12)).all():
            best = max(best, gain)
    return best


def plain_programme(found: Candidates, budget: float, max_bins: int) -> float:
    """Exact cover with dropped features, budget and bins, as it is written, for the solver."""
    arcs = np.argwhere(found.allowed)
    features = len(found.sizes)
    gain = found.gain[tuple(arcs.T)]
    rows, low, high = [], [], []
    for j in range(features):
        for b in range(found.sizes[j]):
            row = np.zeros(len(arcs) + features)
            row[: len(arcs)] = (arcs[:, 0] == j) & (arcs[:, 1] <= b) & (b < arcs[:, 2])
            row[len(arcs) + j] = 1
            rows.append(row), low.append(1), high.append(1)
        row = np.zeros(len(arcs) + features)
        row[: len(arcs)] = arcs[:, 0] == j
        row[len(arcs) + j] = max_bins
        rows.append(row), low.append(-np.inf), high.append(max_bins)
    cost = np.r_[found.cost[0][tuple(arcs.T)], np.zeros(features)]
    rows.append(cost), low.append(-np.inf), high.append(budget)
    c = -np.r_[gain, np.zeros(features)]
    solved = milp(
        c, integrality=np.ones(len(c)), bounds=Bounds(0, 1),
        constraints=LinearConstraint(np.array(rows), low, high), options={"mip_rel_gap": 0.0},
    )  # fmt: skip
    return -solved.fun


@pytest.mark.parametrize("trend", [None, "ascending", "descending", "auto"])
@pytest.mark.parametrize("max_bins", [None, 3])
def test_programme_finds_what_enumeration_finds(rng, trend, max_bins):
    for _ in range(2):
        target, groups = drawn(rng, 3, 5)
        found = candidates(target, [groups], [5] * 3, min_share=0.1)
        programme = Programme(found, max_bins=max_bins, monotonic=trend, gap=0.0)
        most = programme_free(programme)
        for share in (0.05, 0.3, 0.7):
            budget = np.array([share * most])
            best = best_of_all(found, budget, max_bins=max_bins, trend=trend)
            plan = within(programme, budget)
            assert plan.gain == pytest.approx(best, abs=1e-8)
            assert plan.bound >= best - 1e-8
            assert found.totals(plan.cuts)[0] == pytest.approx(plan.gain, abs=1e-12)
            held = best_of_all(found, budget, 1.645, max_bins=max_bins, trend=trend)
            sure = chance(programme, budget, 1.645)
            assert sure.gain == pytest.approx(held, abs=1e-8)
            assert excess(found, sure, budget, 1.645) <= 1e-9


def programme_free(programme):
    """Protected divergence of the plan without a budget."""
    free = within(programme, np.full(programme.found.n_limits, 1e6))
    return programme.found.totals(free.cuts)[1].max()


def test_two_protected_attributes_have_a_budget_each(rng):
    for _ in range(2):
        target, groups = drawn(rng, 2, 5)
        _, others = drawn(rng, 2, 5)
        found = candidates(target, [groups, others], [5, 5], min_share=0.1)
        programme = Programme(found, gap=0.0)
        most = programme_free(programme)
        for budget in (np.array([0.3, 0.05]) * most, np.array([0.05, 0.8]) * most):
            assert within(programme, budget).gain == pytest.approx(
                best_of_all(found, budget), abs=1e-8
            )
            sure = chance(programme, budget, np.array([1.645, 1.0]))
            best = best_of_all(found, budget, np.array([1.645, 1.0]))
            assert sure.gain == pytest.approx(best, abs=1e-8)


def test_reductions_lose_nothing_against_the_programme_as_it_is_written(rng):
    target, groups = drawn(rng, 4, 10, n=20_000)
    found = candidates(target, [groups], [10] * 4)
    programme = Programme(found, max_bins=4, gap=0.0)
    most = programme_free(programme)
    for share in (0.02, 0.1, 0.25, 0.6):
        plan = within(programme, np.array([share * most]))
        assert plan.gain == pytest.approx(plain_programme(found, share * most, 4), rel=1e-6)
        assert plan.gap <= 1e-8


def test_terms_of_a_bin_are_those_of_the_divergence(rng):
    target, groups = drawn(rng, 1, 4)
    found = candidates(target, [groups], [4], min_share=0.0, min_count=1)
    cuts = (0, 1, 3, 4)
    gain, cost, spread = found.totals([cuts])
    merged = groups[0].merge_cells(np.array([0, 1, 1, 2]))
    assert gain == pytest.approx(
        float(Jeffreys().value(target[0].merge_cells(np.array([0, 1, 1, 2]))))
    )
    assert cost[0] == pytest.approx(float(Jeffreys().value(merged)))
    p, q = merged.p
    a, c = np.log(p / q) + 1 - q / p, -np.log(p / q) + 1 - p / q
    assert spread[0] == pytest.approx(
        (p * a * a).sum() / merged.n[0] + (q * c * c).sum() / merged.n[1]
    )
    variance = float(merged.variance(Jeffreys().influence(merged)))
    assert variance <= spread[0] <= 1.2 * variance


def test_cells_that_stay_count_with_their_feature_alone(rng):
    target, groups = drawn(rng, 2, 6)
    found = candidates(target, [groups], [5, 6], min_share=0.0, min_count=1)
    assert found.fixed[0, 0] > 0
    assert found.fixed[0, 1] == 0
    whole = found.totals([tuple(range(6)), None])
    assert whole[0] == pytest.approx(float(Jeffreys().value(target[0])))
    assert whole[1][0] == pytest.approx(float(Jeffreys().value(groups[0])))
    programme = Programme(found, gap=0.0)
    budget = np.array([0.5 * programme_free(programme)])
    assert within(programme, budget).gain == pytest.approx(best_of_all(found, budget), abs=1e-8)
