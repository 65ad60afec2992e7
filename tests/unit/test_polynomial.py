"""Entropy estimators additive in the counts: closed forms, bounds, errors by simulation."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import scipy.stats
from scipy.special import entr

from infometric.exceptions import InvalidParameterError
from infometric.functional import polynomial
from infometric.functional.polynomial import (
    bub,
    bub_bound,
    bub_coefficients,
    bub_terms,
    wu_yang,
    wu_yang_terms,
)

SIZES = [(30, 100), (100, 100), (1000, 100), (100, 1000), (1000, 1000)]


def miller_madow(counts, n):
    return entr(counts / n).sum(-1) + ((counts > 0).sum(-1) - 1) / (2 * n)


def miller_madow_coefficients(n):
    j = np.arange(n + 1)
    return np.where(j > 0, entr(j / n) + (1 - j / n) / (2 * n), 0.0)


def shares(k):
    i = np.arange(k)
    shapes = {
        "uniform": np.ones(k),
        "zipf": 1 / (i + 1),
        "geometric": 0.9**i,
        "wide geometric": (1 - 5 / k) ** i,
        "half uniform": 1.0 * (i < k // 2),
    }
    return {name: weight / weight.sum() for name, weight in shapes.items()}


def rmse(estimate, truth):
    return float(np.sqrt(np.mean((estimate - truth) ** 2)))


def bound(a, n, k):
    """Bound of the coefficients on a fine grid over all shares, found apart from the module."""
    p = np.unique(np.concatenate([np.linspace(0, 1, 700) ** 4, np.geomspace(0.01 / k, 1, 700)]))
    law = scipy.stats.binom.pmf(np.arange(n + 1), n, p[:, None])
    error = law @ a - entr(p)
    bias = 2 * (np.abs(error) / np.maximum(p, 1 / k)).max()
    less_one = scipy.stats.binom.pmf(np.arange(n), n - 1, p[:, None])
    mean, square = less_one @ np.diff(a), less_one @ np.diff(a) ** 2
    c = np.linspace(np.diff(a).min(), np.diff(a).max(), 1001)[:, None]
    damping = 1.25 * np.minimum(1, np.sqrt(k * p))
    variance = n * (damping * (square - 2 * c * mean + c**2)).max(1).min()
    return np.sqrt(bias**2 + variance)


def test_counts_beyond_the_first_follow_miller_and_madow():
    a = bub_coefficients(200, 50)
    assert a.shape == (201,)
    np.testing.assert_allclose(a[11:], miller_madow_coefficients(200)[11:], rtol=1e-14)


def test_bub_is_the_sum_of_its_coefficients_over_all_symbols():
    counts = np.array([40, 7, 2, 1])
    a = bub_coefficients(50, 9)
    assert bub(counts, 50, 9) == pytest.approx(a[counts].sum() + 5 * a[0], rel=1e-13)
    full = np.concatenate([counts, np.zeros(5, int)])
    assert bub(full, 50, 9) == pytest.approx(float(bub(counts, 50, 9)), rel=1e-13)


@pytest.mark.parametrize(("n", "k"), [*SIZES, (2, 2), (5, 1000), (150, 3)])
def test_bound_of_bub_is_not_above_that_of_miller_and_madow(n, k):
    mine = bound(bub_coefficients(n, k), n, k)
    assert mine <= bound(miller_madow_coefficients(n), n, k)
    assert mine == pytest.approx(bub_bound(n, k), rel=0.03)


@pytest.mark.parametrize(("n", "k"), [(100, 100), (1000, 1000), (10**6, 10**6)])
def test_bound_is_near_the_least(n, k, monkeypatch):
    known = bub_bound(n, k)
    monkeypatch.setattr(polynomial, "SWEEPS", 1000)
    longer = np.sqrt(polynomial._least_bound(n, k, polynomial.FREE).bound)
    assert longer <= known <= 1.01 * longer


@pytest.mark.parametrize(("n", "k"), [(1, 2), (1, 10**6), (2, 2), (10**6, 10), (10**9, 10**12)])
def test_extreme_sizes_give_finite_coefficients(n, k):
    assert np.isfinite(bub_terms(np.array([0, 1, n]), n, k)).all()
    assert np.isfinite(bub_bound(n, k))


def test_worst_error_of_bub_is_not_above_that_of_miller_and_madow():
    rng = np.random.default_rng(7)
    for n, k in SIZES:
        mine, theirs = [], []
        for p in shares(k).values():
            counts = rng.multinomial(n, p, size=100)
            mine.append(rmse(bub(counts, n, k), entr(p).sum()))
            theirs.append(rmse(miller_madow(counts, n), entr(p).sum()))
        assert max(mine) < 1.01 * max(theirs), (n, k)  # at ten records a symbol a tie
        assert max(mine) < bub_bound(n, k)


@pytest.mark.parametrize("degree", [1, 2, 7, 11, 25, 45])
def test_error_of_the_nearest_polynomial_alternates(degree):
    series, x = polynomial._nearest_polynomial(degree)
    assert len(x) == degree + 2
    error = entr(x) - np.polynomial.chebyshev.chebval(2 * x - 1, series)
    np.testing.assert_allclose(np.abs(error), np.abs(error[0]), atol=2e-15)
    assert (np.sign(error[1:]) == -np.sign(error[:-1])).all()
    dense = np.linspace(0, 1, 20001) ** 2
    deviation = entr(dense) - np.polynomial.chebyshev.chebval(2 * dense - 1, series)
    assert np.abs(deviation).max() <= np.abs(error[0]) + 2e-15


def test_nearest_line_in_closed_form():
    # x log x is convex with equal ends: the line is level, halfway up to 1 / e
    series, x = polynomial._nearest_polynomial(1)
    np.testing.assert_allclose(series, [0.5 / np.e, 0], atol=1e-15)
    np.testing.assert_allclose(x, [0, 1 / np.e, 1], atol=1e-7)


@pytest.mark.parametrize("k", [10, 1000, 10**12])
def test_sums_of_falling_factorials_match_powers_in_exact_fractions(k):
    span, degree = Fraction(3.5 * np.log(k)), int(1.6 * np.log(k))
    series, _ = polynomial._nearest_polynomial(degree)
    powers = [[Fraction(1)], [Fraction(-1), Fraction(2)]]  # of Chebyshev's polynomials in 2 x - 1
    for _ in range(degree - 1):
        up = [Fraction(0), *(4 * c for c in powers[-1])]
        old = powers[-2] + [Fraction(0)] * 2
        now = powers[-1] + [Fraction(0)]
        powers.append([u - 2 * c - o for u, c, o in zip(up, now, old, strict=True)])
    a = [sum(Fraction(c) * row[m] for c, row in zip(series, powers, strict=True) if m < len(row))
         for m in range(degree + 1)]  # fmt: skip
    for count in range(degree + 1):
        exact, falling = Fraction(0), Fraction(1)
        for m in range(1, degree + 1):
            falling *= Fraction(count - m + 1) / span
            exact += a[m] * falling
        assert polynomial._wu_yang_sums(k)[count] == pytest.approx(float(exact), rel=1e-13)


@pytest.mark.skipif(np.finfo(np.longdouble).eps > 1e-18, reason="needs a wider floating type")
def test_series_holds_its_digits_where_the_sums_amplify_them_most():
    series, x = polynomial._nearest_polynomial(44)
    x = x.astype(np.longdouble)
    basis = np.polynomial.chebyshev.chebvander(2 * x - 1, 44)
    system = np.column_stack([basis, (-1.0) ** np.arange(46)]).astype(np.longdouble)
    target = -x * np.log(np.where(x > 0, x, 1))
    wide = np.zeros(46, np.longdouble)
    for _ in range(5):
        wide += np.linalg.solve(system.astype(float), (target - system @ wide).astype(float))
    np.testing.assert_allclose(series, wide[:-1].astype(float), atol=2e-16, rtol=0)


def test_wu_yang_terms_of_unseen_and_of_frequent_symbols():
    terms = wu_yang_terms(np.array([0, 12, 700]), 1000, 1000)
    p = np.array([0.012, 0.7])  # 1.6 log 1000 is 11.05
    np.testing.assert_allclose(terms, [0, *(entr(p) + 1 / 2000)], rtol=1e-14)


@pytest.mark.parametrize(("n", "k", "bias"), [(1000, 1000, -0.03), (200, 1000, -0.40)])
def test_bias_of_wu_yang_at_uniform_shares(n, k, bias):
    counts = np.random.default_rng(3).multinomial(n, np.full(k, 1 / k), size=200)
    assert np.mean(wu_yang(counts, n, k)) - np.log(k) == pytest.approx(bias, abs=0.03)


def test_wu_yang_is_cut_to_its_range():
    assert wu_yang_terms(np.array([1, 1]), 2, 2).sum() < 0
    assert wu_yang(np.array([1, 1]), 2, 2) == 0
    assert wu_yang_terms(np.ones(1000, int), 1000, 1000).sum() > np.log(1000)
    assert wu_yang(np.ones(1000, int), 1000, 1000) == np.log(1000)


@pytest.mark.parametrize("estimator", [bub, wu_yang])
def test_batch_is_a_loop_and_order_and_empty_cells_do_not_matter(estimator):
    rng = np.random.default_rng(1)
    counts = rng.multinomial(60, rng.dirichlet(np.ones(12)), size=(3, 4))
    values = estimator(counts, 60, 20)
    assert values.shape == (3, 4)
    looped = [[float(estimator(row, 60, 20)) for row in block] for block in counts]
    np.testing.assert_allclose(values, looped, rtol=1e-13)
    shuffled = counts[..., rng.permutation(12)]
    np.testing.assert_allclose(estimator(shuffled, 60, 20), values, rtol=1e-13)
    padded = np.concatenate([counts, np.zeros((3, 4, 5), int)], -1)
    np.testing.assert_allclose(estimator(padded, 60, 20), values, rtol=1e-13)


def test_cached_coefficients_cannot_be_written_to():
    for array in (polynomial._bub(40, 8).free, polynomial._wu_yang_sums(8)):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1.0


@pytest.mark.parametrize("estimator", [bub, wu_yang])
@pytest.mark.parametrize(("n", "k"), [(0, 5), (4, 1), (4, 2)])
def test_sizes_out_of_range_are_refused(estimator, n, k):
    with pytest.raises(InvalidParameterError):
        estimator(np.array([2, 1, 1]), n, k)


def test_too_many_symbols_for_the_polynomial_name_the_other_estimator():
    with pytest.raises(InvalidParameterError, match="bub"):
        wu_yang(np.array([3, 1]), 4, 10**12 + 1)
