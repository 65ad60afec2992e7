"""Entropies of continuous variables: formulas from all distances, scipy's numbers, known truths."""

from __future__ import annotations

import contextlib
import math
import warnings

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.special import digamma, gammaln, ndtri

import infometric as im
from infometric import Sample, oracles
from infometric.exceptions import (
    DataError,
    InfometricError,
    InfometricWarning,
    InvalidParameterError,
)
from infometric.functional.differential import (
    BerrettSamworthYuan,
    Correa,
    Ebrahimi,
    GaussianEntropy,
    KozachenkoLeonenko,
    LeonenkoPronzatoSavani,
    TsallisNeighbors,
    VanEs,
    Vasicek,
    log_ball,
    neighbor_weights,
)
from infometric.functional.gaussian import GaussianCopulaEntropy

pytestmark = pytest.mark.filterwarnings("ignore::infometric.exceptions.InfometricWarning")
SPACINGS = {"vasicek": Vasicek, "van_es": VanEs, "ebrahimi": Ebrahimi, "correa": Correa}
HALF_LOG = 0.5 * math.log(2 * math.pi * math.e)


def value(functional, x):
    return float(functional.value(Sample.of(x)))


def drawn(n, d=1, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + 3


# --- formulas, from all distances ---------------------------------------------------------------


def ordered(x, norm):
    """Distances to the neighbours of each row, nearest first, and the log of the scale."""
    width = x.std(axis=0)
    z = (x - x.mean(axis=0)) / width
    away = np.abs(z[:, None] - z[None])
    table = away.max(2) if norm == "max" else np.sqrt((away**2).sum(2))
    np.fill_diagonal(table, np.inf)
    return np.sort(table, axis=1), np.log(width).sum()


def ball(d, norm):
    return 2.0**d if norm == "max" else math.pi ** (d / 2) / math.gamma(1 + d / 2)


def kozachenko_leonenko(x, k, norm):
    (far, factor), (n, d) = ordered(x, norm), x.shape
    body = digamma(n) - digamma(k) + math.log(ball(d, norm)) + d * np.log(far[:, k - 1]).mean()
    return body + factor


def berrett_samworth_yuan(x, k, norm):
    """Value and the variance of the paper."""
    (far, factor), (n, d) = ordered(x, norm), x.shape
    j = np.arange(1, k + 1)
    w = weights(k, d)
    terms = d * np.log(far[:, :k]) + math.log(ball(d, norm) * (n - 1)) - digamma(j) + factor
    value = (terms @ w).mean()
    return value, max(0.0, (terms**2 @ w).mean() - value**2) / n


def weights(k, d):
    """Least norm among those that sum to one and cancel d // 4 orders, at multiples of k / d."""
    w, orders = np.zeros(k), d // 4
    if not orders:
        w[-1] = 1
        return w
    places = np.unique([max(1, (i * k) // d) for i in range(1, d + 1)])
    lines = [np.exp(gammaln(places + 2 * o / d) - gammaln(places)) for o in range(orders + 1)]
    system, target = np.array(lines), np.eye(orders + 1)[0]
    size = system.max(axis=1)
    w[places - 1] = np.linalg.pinv(system / size[:, None]) @ target
    return w


def integral(x, q, k, norm):
    """Leonenko, Pronzato and Savani: the integral of the density to the power q."""
    (far, factor), (n, d) = ordered(x, norm), x.shape
    c = (math.gamma(k) / math.gamma(k + 1 - q)) ** (1 / (1 - q))
    zeta = (n - 1) * c * ball(d, norm) * (far[:, k - 1] * math.exp(factor / d)) ** d
    return (zeta ** (1 - q)).mean()


@pytest.mark.parametrize("norm", ["max", "euclidean"])
@pytest.mark.parametrize("k", [1, 3, 10])
@pytest.mark.parametrize("d", [1, 2, 5])
def test_kozachenko_leonenko(norm, k, d):
    x = drawn(200, d, seed=k)
    expected = kozachenko_leonenko(x, k, norm)
    assert value(KozachenkoLeonenko(k, norm), x) == pytest.approx(expected, abs=1e-9)
    assert log_ball(d, norm) == pytest.approx(math.log(ball(d, norm)), abs=1e-12)


@pytest.mark.parametrize("norm", ["max", "euclidean"])
@pytest.mark.parametrize("d", [1, 3, 4, 5, 8, 9])
def test_berrett_samworth_yuan(norm, d):
    x, k = drawn(150, d, seed=d), 20
    functional, s = BerrettSamworthYuan(k, norm), Sample.of(drawn(150, d, seed=d))
    expected, variance = berrett_samworth_yuan(x, k, norm)
    assert value(functional, x) == pytest.approx(expected, abs=1e-9)
    assert float(functional.asymptotic_variance(s)) == pytest.approx(variance, rel=1e-6, abs=1e-12)
    if d < 4:
        assert expected == pytest.approx(
            kozachenko_leonenko(x, k, norm) + math.log(149) - digamma(150), abs=1e-9
        )


@pytest.mark.parametrize("d", range(1, 10))
@pytest.mark.parametrize("k", [10, 20, 35])
def test_weights(d, k):
    w, j = np.array(neighbor_weights(k, d, d // 4)), np.arange(1, k + 1)
    assert w.sum() == pytest.approx(1, abs=1e-9)
    for order in range(1, d // 4 + 1):
        powers = np.exp(gammaln(j + 2 * order / d) - gammaln(j))
        assert powers @ w == pytest.approx(0, abs=1e-9 * np.abs(powers * w).sum())
    assert set(np.flatnonzero(w) + 1) <= {max(1, (i * k) // d) for i in range(1, d + 1)} | {k}
    assert w == pytest.approx(weights(k, d), abs=1e-8 * np.abs(w).max())


def test_too_few_neighbours_for_the_weights():
    x = drawn(100, 8)
    found = im.differential_entropy(x, estimator="weighted", n_neighbors=1, method="none").value
    assert found == pytest.approx(
        kozachenko_leonenko(x, 1, "euclidean") + math.log(99) - digamma(100), abs=1e-9
    )


@pytest.mark.parametrize("d", [8, 12, 16, 24, 30])
def test_weights_of_many_dimensions_are_no_noise(d):
    """Weights that cancel many orders are huge: the value stays sensible, or is refused."""
    x = np.random.default_rng(d).normal(size=(1000, d))
    try:
        found = im.differential_entropy(x, estimator="weighted", method="none").value
    except InfometricError:
        return
    assert found == pytest.approx(d * HALF_LOG, rel=0.1)


@pytest.mark.parametrize("norm", ["max", "euclidean"])
@pytest.mark.parametrize("q", [0.5, 1.5, 2.0, 3.7])
@pytest.mark.parametrize("d", [1, 3])
def test_orders(norm, q, d):
    x, k = drawn(200, d, seed=3), 5
    expected = integral(x, q, k, norm)
    renyi = LeonenkoPronzatoSavani(k, norm, order=q)
    assert value(renyi, x) == pytest.approx(math.log(expected) / (1 - q), abs=1e-9)
    tsallis = value(TsallisNeighbors(k, norm, order=q), x)
    assert tsallis == pytest.approx((1 - expected) / (q - 1), rel=1e-9)
    terms = renyi.local(Sample.of(x))
    assert terms.mean() == pytest.approx(value(renyi, x), abs=1e-12)


def test_order_one_is_shannon():
    x = drawn(300, 2)
    plain = value(KozachenkoLeonenko(5), x)
    assert value(LeonenkoPronzatoSavani(5, order=1), x) == plain
    assert value(TsallisNeighbors(5, order=1), x) == plain
    # (the two differ by digamma against log at the sample size)
    near = value(LeonenkoPronzatoSavani(5, order=1 + 1e-7), x)
    assert near == pytest.approx(plain + math.log(299) - digamma(300), abs=1e-5)


def test_an_order_must_lie_below_the_neighbours():
    x = drawn(100)
    for order in (6, 6.5, 100, 1e300, math.inf):
        with pytest.raises(InfometricError) as caught:
            im.differential_renyi_entropy(x, order)
        assert caught.value.hint
        with pytest.raises(InfometricError):
            im.differential_tsallis_entropy(x, order)
    assert math.isfinite(im.differential_renyi_entropy(x, 5.99, method="none").value)
    assert math.isfinite(im.differential_renyi_entropy(x, 6, n_neighbors=6, method="none").value)
    for order in (0, -1, math.nan, "2", True):
        with pytest.raises(InvalidParameterError):
            im.differential_renyi_entropy(x, order)


@pytest.mark.parametrize("name", SPACINGS)
@pytest.mark.parametrize("n", [7, 20, 101, 400])
def test_spacings_are_those_of_scipy(name, n):
    x = np.random.default_rng(n).gamma(2, size=n)
    method = name.replace("_", " ")
    theirs = scipy.stats.differential_entropy(x, method=method)
    assert value(SPACINGS[name](), x) == pytest.approx(theirs, abs=1e-10)
    assert im.differential_entropy(x, estimator=name, method="none").value == value(
        SPACINGS[name](), x
    )
    for m in (1, 3):
        theirs = scipy.stats.differential_entropy(x, window_length=m, method=method)
        assert value(SPACINGS[name](m), x) == pytest.approx(theirs, abs=1e-10)


@pytest.mark.parametrize("window", [0, -1, 50, 200, 2.5, "3", True])
def test_windows_that_are_none(window):
    with pytest.raises(InfometricError) as caught:
        im.infer(Vasicek(window), Sample.of(drawn(100)), "none")
    assert caught.value.hint


@pytest.mark.parametrize("d", [1, 2, 6])
def test_gaussian(d):
    x = drawn(60, d, seed=d)
    centred = x - x.mean(axis=0)
    log_det = np.linalg.slogdet(centred.T @ centred)[1]
    bias = sum(digamma((60 - i) / 2) for i in range(1, d + 1))
    expected = 0.5 * (d * math.log(math.pi * math.e) + log_det - bias)
    assert value(GaussianEntropy(), x) == pytest.approx(expected, abs=1e-9)


def test_gaussian_has_no_bias():
    found = [value(GaussianEntropy(), np.random.default_rng(s).normal(size=(10, 3)))
             for s in range(400)]  # fmt: skip
    assert abs(np.mean(found) - 3 * HALF_LOG) < 4 * np.std(found) / 20


def test_gaussian_variance_is_that_of_the_log_determinant():
    found = [GaussianEntropy().variance(Sample.of(drawn(400, 2, seed=s))) for s in range(20)]
    assert np.mean(found) == pytest.approx(2 / (2 * 400), rel=0.15)


# --- scale and shift ----------------------------------------------------------------------------

ONE = (
    KozachenkoLeonenko(),
    KozachenkoLeonenko(norm="euclidean"),
    BerrettSamworthYuan(),
    LeonenkoPronzatoSavani(),
    Vasicek(),
    VanEs(),
    Ebrahimi(),
    Correa(),
    GaussianEntropy(),
)


@pytest.mark.parametrize("functional", ONE, ids=lambda f: f.slug)
@pytest.mark.parametrize("factor", [1e10, 1e-10, -2.5, 1e300, 1e-300])
def test_scale_adds_its_logarithm(functional, factor):
    x = drawn(200, seed=5)
    shift = 0.0 if abs(math.log10(abs(factor))) > 20 else 3 * factor
    expected = value(functional, x) + math.log(abs(factor))
    assert value(functional, factor * x + shift) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("functional", ONE[:4], ids=lambda f: f.slug)
def test_scale_of_each_column_adds(functional):
    x = drawn(200, 3, seed=6)
    factors = np.array([1e10, -1e-10, 7.0])
    expected = value(functional, x) + np.log(np.abs(factors)).sum()
    assert value(functional, x * factors) == pytest.approx(expected, abs=1e-9)
    order = np.random.default_rng(0).permutation(200)
    assert value(functional, x[order]) == pytest.approx(value(functional, x), abs=1e-10)
    assert value(functional, x[:, [2, 0, 1]]) == pytest.approx(value(functional, x), abs=1e-10)


def test_tsallis_at_any_scale():
    x = drawn(200, seed=5)
    one = value(TsallisNeighbors(order=2.0), x)
    for factor in (1e10, 1e-3):
        assert 1 - value(TsallisNeighbors(order=2.0), factor * x) == pytest.approx(
            (1 - one) / factor, rel=1e-8
        )


def test_the_ends_of_the_numbers():
    x = np.random.default_rng(0).normal(size=300)
    one = im.differential_entropy(x, method="none").value
    for factor in (5e307, 1e307, 1e-305):
        found = im.differential_entropy(x * factor, method="none").value
        assert found == pytest.approx(one + math.log(factor), abs=1e-6)
    far = im.differential_entropy(x + 1e6, method="none").value
    assert far == pytest.approx(one, abs=1e-4)


# --- copies -------------------------------------------------------------------------------------


@pytest.mark.parametrize("estimator", ["knn", "weighted", *SPACINGS])
def test_atoms_have_no_density(estimator):
    """Of a column with many values; one of few values is rounded, and spread out again."""
    x = np.random.default_rng(0).normal(size=300)
    with pytest.raises(DataError, match="atom has no density") as caught:
        im.differential_entropy(np.where(np.arange(300) < 60, 0.5, x), estimator=estimator)
    assert "jitter" in caught.value.hint
    found = im.differential_entropy(np.round(x, 1), estimator=estimator, method="none")
    assert found.value == pytest.approx(HALF_LOG, abs=0.3)


@pytest.mark.parametrize("kind", [KozachenkoLeonenko, BerrettSamworthYuan, *SPACINGS.values()],
                         ids=lambda k: k.slug)  # fmt: skip
def test_copies_can_be_refused(kind):
    atoms = np.round(np.random.default_rng(0).normal(size=300))
    with pytest.raises(DataError, match="atom has no density") as caught:
        kind(ties="raise").value(Sample.of(atoms))
    assert caught.value.hint


@pytest.mark.parametrize("estimator", ["knn", "weighted"])
@pytest.mark.parametrize("d", [1, 2, 3])
def test_rows_that_were_entered_twice_are_not_believed(estimator, d):
    """Every row twice: the k-th neighbour is no copy, and yet the value would be far too low."""
    x = np.random.default_rng(0).normal(size=(500, d))
    found = d * HALF_LOG
    with contextlib.suppress(InfometricError, InfometricWarning), warnings.catch_warnings():
        warnings.simplefilter("error")
        twice = np.concatenate([x, x])
        found = im.differential_entropy(twice, estimator=estimator, method="none").value
    assert found == pytest.approx(d * HALF_LOG, abs=0.2)


@pytest.mark.parametrize("kind", [KozachenkoLeonenko, *SPACINGS.values()], ids=lambda k: k.slug)
def test_jitter_takes_rounded_numbers_for_what_they_were(kind):
    x = np.random.default_rng(1).normal(size=1500)
    for unit in (1.0, 1e-12, 1e12):
        rounded = np.round(x, 1) * unit
        functional = kind(ties="jitter")
        found = value(functional, rounded)
        assert found == pytest.approx(HALF_LOG + math.log(unit), abs=0.12)
        assert found == value(functional, rounded)


@pytest.mark.parametrize("estimator", ["knn", "weighted", "gaussian", *SPACINGS])
def test_a_constant_has_no_density(estimator):
    with pytest.raises(DataError, match="constant column") as caught:
        im.differential_entropy(np.full(50, 0.25), estimator=estimator)
    assert caught.value.hint


def test_a_constant_column_has_no_density():
    x = np.column_stack([drawn(50)[:, 0], np.full(50, 2.0)])
    with pytest.raises(DataError, match="constant column") as caught:
        im.differential_entropy(x)
    assert caught.value.got == {"column": 1, "value": 2.0}


def test_dependent_columns_have_no_covariance_to_invert():
    x = drawn(50)
    with pytest.raises(DataError, match="linearly dependent"):
        im.differential_entropy(np.hstack([x, 2 * x]), estimator="gaussian")


# --- known truths -------------------------------------------------------------------------------


def near_truth(found, truth, bias=0.0):
    error = 4 * np.std(found, ddof=1) / math.sqrt(len(found))
    assert abs(np.mean(found) - truth) < error + bias


LAWS = [name for name in oracles.list("entropy") if oracles.get(name).dims[0] <= 3]


@pytest.mark.parametrize("name", LAWS)
def test_neighbours_of_known_laws(name):
    oracle = oracles.get(name)
    truth = oracle.truth("differential_entropy")
    samples = [oracle.sample(2000, rng=s) for s in range(10)]
    bias = 0.03 if oracle.dims[0] == 3 else 0.01  # tails in three dimensions
    near_truth([value(KozachenkoLeonenko(), x) for x in samples], truth, bias)
    near_truth([value(KozachenkoLeonenko(norm="euclidean"), x) for x in samples], truth, bias)


@pytest.mark.parametrize(("estimator", "bias"), [("ebrahimi", 0.03), ("correa", 0.03),
                                                 ("van_es", 0.08), ("vasicek", 0.04)])  # fmt: skip
def test_spacings_of_a_normal_law(estimator, bias):
    found = [value(SPACINGS[estimator](), np.random.default_rng(s).normal(size=2000))
             for s in range(10)]  # fmt: skip
    near_truth(found, HALF_LOG, bias)


def test_five_dimensions():
    oracle = oracles.Normal(np.eye(5))
    truth = oracle.truth("differential_entropy")
    assert truth == pytest.approx(5 * HALF_LOG)
    found = [value(BerrettSamworthYuan(), oracle.sample(1500, rng=s)) for s in range(6)]
    near_truth(found, truth, bias=0.1)


@pytest.mark.parametrize(("q", "truth"), [(2.0, 1.2655121235), (0.5, 1.6120857138)])
def test_orders_of_a_normal_law(q, truth):
    oracle = oracles.get("standard normal")
    assert oracle.truth("differential_renyi_entropy", order=q) == pytest.approx(truth, abs=1e-9)
    samples = [oracle.sample(3000, rng=s) for s in range(10)]
    near_truth([value(LeonenkoPronzatoSavani(order=q), x) for x in samples], truth, bias=0.025)
    tsallis = oracle.truth("differential_tsallis_entropy", q=q)
    found = [value(TsallisNeighbors(order=q), x) for x in samples]
    near_truth(found, tsallis, bias=0.025 * math.exp((1 - q) * truth))


# --- intervals ----------------------------------------------------------------------------------


def test_delta_and_subsampling_agree_roughly():
    x = np.random.default_rng(0).normal(size=800)
    local = im.differential_entropy(x, estimator="gaussian", method="delta")
    parts = im.differential_entropy(x, estimator="gaussian", rng=0)
    assert parts.se == pytest.approx(local.se, rel=0.35)
    z = ndtri(0.975) * local.se
    assert tuple(local.ci) == pytest.approx((local.value - z, local.value + z), abs=1e-12)


def test_what_has_a_value_has_an_interval():
    """A share of copies just below that of an atom is above it in some part of the rows."""
    x = np.random.default_rng(0).normal(size=1000)
    x[:45] = 0.5
    found = im.differential_entropy(x, method=im.Subsampling(n_splits=6), rng=0)
    assert found.value == im.differential_entropy(x, method="none").value
    assert found.se > 0


def test_intervals_of_spacings_come_from_parts_alone():
    x = np.random.default_rng(0).normal(size=300)
    assert math.isnan(im.differential_entropy(x, estimator="vasicek", method="delta").se)
    found = im.differential_entropy(x, estimator="ebrahimi", rng=0)
    assert found.method == "subsampling"
    assert found.se > 0


def test_an_entropy_may_be_negative_and_is_not_tested():
    found = im.differential_entropy(np.random.default_rng(0).normal(size=200) / 100, rng=0)
    assert found.value < found.ci.high < 0
    assert math.isnan(found.pvalue)


def test_one_row_far_out_keeps_the_value_finite():
    x = np.append(np.random.default_rng(0).normal(size=60), 1e200)
    for order in (0.5, 2.0, 3.0):
        found = im.differential_renyi_entropy(np.column_stack([x, x[::-1]]), order, method="none")
        assert math.isfinite(found.value)


# --- properties ---------------------------------------------------------------------------------

DISTINCT = st.lists(st.integers(-(10**6), 10**6), min_size=12, max_size=40, unique=True)


@settings(max_examples=60, deadline=None)
@given(DISTINCT, st.integers(1, 5), st.integers(-40, 40), st.integers(-99, 99))
def test_property_affine(numbers, k, power, shift):
    x = np.array(numbers, float)
    found = value(KozachenkoLeonenko(k), (x + shift) * 2.0**power)
    assert found == pytest.approx(value(KozachenkoLeonenko(k), x) + power * math.log(2), abs=1e-8)


@settings(max_examples=60, deadline=None)
@given(DISTINCT, st.integers(1, 5))
def test_property_formula(numbers, k):
    x = np.array(numbers, float)[:, None]
    expected = kozachenko_leonenko(x, k, "max")
    assert value(KozachenkoLeonenko(k), x) == pytest.approx(expected, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(hnp.arrays(np.float64, st.tuples(st.integers(1, 25), st.integers(1, 3)),
                  elements=st.floats(allow_subnormal=True, width=32)))  # fmt: skip
def test_property_a_number_or_an_error_with_advice(x):
    """Whatever the table: a value, or an error of this library that says what to do."""
    for functional in (KozachenkoLeonenko(), LeonenkoPronzatoSavani(), Ebrahimi()):
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            try:
                found = im.infer(functional, Sample.of(x), "none").value
            except InfometricError as error:
                found = 0.0 if error.hint else math.nan
        assert not math.isnan(found)


def test_entropy_by_a_gaussian_copula():
    """Columns of any law, dependent as in a normal one: exact up to noise, and by hand in one."""
    cov = np.array([[1.0, 0.6, 0.3], [0.6, 1.0, 0.5], [0.3, 0.5, 1.0]])
    truth = 0.5 * math.log(np.linalg.det(cov)) + 3 * HALF_LOG + 0.5  # exp adds the mean
    found = []
    for seed in range(10):
        z = np.random.default_rng(seed).multivariate_normal([0, 0.5, 0], cov, size=1000)
        x = np.column_stack([z[:, 0], np.exp(z[:, 1]), z[:, 2]])
        found.append(value(GaussianCopulaEntropy(), x))
    assert np.mean(found) == pytest.approx(truth, abs=4 * np.std(found) / math.sqrt(10))
    one = np.random.default_rng(0).gamma(2.0, size=300)
    assert value(GaussianCopulaEntropy(), one) == value(KozachenkoLeonenko(), one)
