"""Divergences of two continuous samples: formulas from all distances, identities, known truths."""

from __future__ import annotations

import contextlib
import itertools
import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import digamma, gammaln

import infometric as im
from infometric import Sample, oracles
from infometric.exceptions import (
    DataError,
    InfometricError,
    InfometricWarning,
    InvalidParameterError,
    ReliabilityWarning,
    SupportWarning,
    UnsupportedError,
)
from infometric.functional.neighbor_divergence import (
    AdaptiveKullbackLeibler,
    AlphaNeighborDivergence,
    NeighborJeffreys,
    NeighborJensenShannon,
    PoczosSchneider,
    TsallisNeighborDivergence,
    WangKulkarniVerdu,
    WeightedKullbackLeibler,
)
from infometric.functional.neighbor_information import Ross

pytestmark = pytest.mark.filterwarnings("ignore::infometric.exceptions.InfometricWarning")
NORMS = ("max", "euclidean")
LOG2 = math.log(2)
QUICK = im.Subsampling(n_splits=2)


def value(functional, p, q):
    return float(functional.value(Sample.of_groups([p], [q])))


def two(n, m, d=1, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)), 0.5 + 1.5 * rng.normal(size=(m, d))


@pytest.mark.parametrize(
    "functional", [WeightedKullbackLeibler(), NeighborJensenShannon(), PoczosSchneider()]
)
@pytest.mark.parametrize("rounded", [1, 2])
def test_no_order_of_columns_or_rows_where_some_are_rounded(functional, rounded):
    rng = np.random.default_rng(0)
    p, q = rng.normal(size=(200, 4)), 0.3 + rng.normal(size=(390, 4))
    p[:, :rounded], q[:, :rounded] = p[:, :rounded].round(1), q[:, :rounded].round(1)
    expected = value(functional, p, q)
    for _ in range(4):
        columns, rows, others = (rng.permutation(n) for n in (4, 200, 390))
        found = value(functional, p[rows][:, columns], q[others][:, columns])
        assert found == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("d", [1, 3])
def test_jensen_shannon_of_unlike_sizes_knows_no_order(d):
    p, q = two(100, 420, d)
    rng = np.random.default_rng(1)
    expected = value(NeighborJensenShannon(), p, q)
    assert value(NeighborJensenShannon(), p[::-1], q[::-1]) == pytest.approx(expected, abs=1e-9)
    columns = rng.permutation(d)
    shuffled = 1e6 * q[rng.permutation(420)][:, columns]
    found = value(NeighborJensenShannon(), 1e6 * p[:, columns], shuffled)
    assert found == pytest.approx(expected, abs=1e-9)


def test_the_whole_range_of_numbers():
    p, q = 1e308 * np.linspace(-1.7, 1.7, 200), 1e308 * np.linspace(-0.8, 0.7, 220)
    expected = value(WeightedKullbackLeibler(), p[:, None] / 1e300, q[:, None] / 1e300)
    found = value(WeightedKullbackLeibler(), p[:, None], q[:, None])
    assert found == pytest.approx(expected, abs=1e-9)


# --- formulas, from all distances ---------------------------------------------------------------


def distances(p, q, norm):
    away = np.abs(p[:, None] - q[None])
    return away.max(2) if norm == "max" else np.sqrt((away**2).sum(2))


def sides(p, q):
    both = np.concatenate([p, q])
    return p / both.std(0), q / both.std(0)


def tables(p, q, norm):
    """Distances from rows of p within p and to q, each row sorted; no row is its own neighbour."""
    p, q = sides(p, q)
    own = distances(p, p, norm)
    np.fill_diagonal(own, np.inf)
    return np.sort(own, 1), np.sort(distances(p, q, norm), 1)


def wang_kulkarni_verdu(p, q, k, norm):
    own, other = tables(p, q, norm)
    logs = np.log(other[:, k - 1] / own[:, k - 1])
    return p.shape[1] * logs.mean() + math.log(len(q) / (len(p) - 1))


def weighted(p, q, k, norm, orders):
    d, j = p.shape[1], np.arange(1, k + 1)
    if orders:
        lines = [np.exp(gammaln(j + 2 * o / d) - gammaln(j)) for o in range(orders + 1)]
        lines = np.array([line / line.max() for line in lines])
        w = np.linalg.pinv(lines) @ np.eye(orders + 1)[0]
        assert w.sum() == pytest.approx(1)
    else:
        w = np.eye(k)[-1]
    own, other = tables(p, q, norm)
    logs = np.log(other[:, :k] / own[:, :k]) @ w
    return d * logs.mean() + math.log(len(q) / (len(p) - 1))


def adaptive(p, q, k, norm):
    (own, other), (n, d) = tables(p, q, norm), p.shape
    total = 0.0
    for rho, nu in zip(own, other, strict=True):
        radius = max(rho[k - 1], nu[k - 1])
        mine, theirs = (rho <= radius).sum(), (nu <= radius).sum()
        total += d * math.log(nu[theirs - 1] / rho[mine - 1]) + digamma(mine) - digamma(theirs)
    return total / n + math.log(len(q) / (n - 1))


def integral(p, q, a, k, norm):
    """Poczos and Schneider: the integral of p^a q^(1-a)."""
    (own, other), (n, d) = tables(p, q, norm), p.shape
    ratio = (n - 1) * own[:, k - 1] ** d / (len(q) * other[:, k - 1] ** d)
    factor = math.gamma(k) ** 2 / (math.gamma(k - a + 1) * math.gamma(k + a - 1))
    return (ratio ** (1 - a)).mean() * factor


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("k", [1, 3, 9])
@pytest.mark.parametrize(("n", "m", "d"), [(150, 150, 1), (90, 200, 2), (200, 90, 4)])
def test_kullback_leibler(norm, k, n, m, d):
    p, q = two(n, m, d, seed=d)
    expected = wang_kulkarni_verdu(p, q, k, norm)
    assert value(WangKulkarniVerdu(k, norm), p, q) == pytest.approx(expected, abs=1e-9)
    expected = adaptive(p, q, k, norm)
    assert value(AdaptiveKullbackLeibler(k, norm), p, q) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("d", [1, 2, 5, 9])
def test_weighted_kullback_leibler(norm, d):
    p, q = two(120, 160, d, seed=d)
    for k, orders in ((10, None), (15, 1), (20, 2)):
        used = int(d > 1) if orders is None else orders
        found = value(WeightedKullbackLeibler(k, norm, orders=orders), p, q)
        assert found == pytest.approx(weighted(p, q, k, norm, used), abs=1e-9)
    both = weighted(p, q, 10, norm, int(d > 1)) + weighted(q, p, 10, norm, int(d > 1))
    assert value(NeighborJeffreys(10, norm), p, q) == pytest.approx(both, abs=1e-9)


@pytest.mark.parametrize("kind", [WeightedKullbackLeibler, NeighborJeffreys])
@pytest.mark.parametrize(
    ("n", "m", "d", "k"),
    [(60, 90, 2, 8), (20_000, 20_000, 5, 5), (20_000, 19_999, 5, 8), (20_000, 20_000, 4, 8)],
)
def test_the_number_of_neighbours_goes_by_all_rows(kind, n, m, d, k):
    s = Sample.of_groups([np.zeros((n, d))], [np.zeros((m, d))])
    assert kind().decided(s).n_neighbors == k
    assert kind().decided(s).facts(s)["n_neighbors"] == k
    assert kind(9).decided(s).n_neighbors == 9


def test_parts_of_many_rows_keep_the_number_of_neighbours():
    p, q = two(20_000, 20_000, 5)
    found = im.kl_divergence(p, q, method=im.Subsampling(n_splits=2), rng=0)
    assert found.diagnostics["n_neighbors"] == 5
    assert found.value == value(WeightedKullbackLeibler(5), p, q)
    p, q = p[:100], q[:100]
    assert value(WeightedKullbackLeibler(), p, q) == value(WeightedKullbackLeibler(8), p, q)


@pytest.mark.parametrize("kind", [WeightedKullbackLeibler, NeighborJeffreys])
def test_too_few_rows_for_the_neighbours_that_were_chosen(kind):
    s = Sample.of_groups([np.zeros((9, 2))], [np.ones((9, 2))])
    for use in (kind().check, kind().value):
        with pytest.raises(DataError, match="n_neighbors=8 needs at least 10 rows"):
            use(s)


def test_in_one_dimension_all_weight_is_on_the_last():
    p, q = two(100, 120)
    plain = value(WangKulkarniVerdu(10, "euclidean"), p, q)
    assert value(WeightedKullbackLeibler(10), p, q) == pytest.approx(plain, abs=1e-12)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("a", [0.5, 0.9, 1.7, 2.0, -1.0, 5.5])
@pytest.mark.parametrize("d", [1, 3])
def test_orders(norm, a, d):
    p, q = two(150, 110, d, seed=3)
    expected = integral(p, q, a, 5, norm)
    renyi = value(PoczosSchneider(5, norm, order=a), p, q)
    assert renyi == pytest.approx(math.log(expected) / (a - 1), abs=1e-9)
    tsallis = value(TsallisNeighborDivergence(5, norm, order=a), p, q)
    assert tsallis == pytest.approx((expected - 1) / (a - 1), rel=1e-9)
    assert tsallis == pytest.approx(math.expm1((a - 1) * renyi) / (a - 1), rel=1e-9)
    alpha = value(AlphaNeighborDivergence(5, norm, order=a), p, q)
    assert alpha == pytest.approx(tsallis / a, rel=1e-9)


def test_order_one_is_kullback_leibler():
    p, q = two(150, 110)
    plain = value(WangKulkarniVerdu(5), p, q)
    for kind in (PoczosSchneider, TsallisNeighborDivergence, AlphaNeighborDivergence):
        assert value(kind(5, order=1), p, q) == plain
        assert value(kind(5, order=1 + 1e-7), p, q) == pytest.approx(plain, abs=1e-5)


def test_order_zero_of_alpha_is_the_other_direction_or_refused():
    p, q = two(400, 300)
    expected = found = value(WangKulkarniVerdu(5), q, p)
    with contextlib.suppress(InfometricError):
        found = im.alpha_divergence(p, q, order=0, method="none").value
    assert found == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("order", [6, -4, 50])
def test_an_order_must_lie_within_the_neighbours(order):
    p, q = two(100, 100)
    with pytest.raises(InvalidParameterError, match="within n_neighbors = 5") as caught:
        im.alpha_divergence(p, q, order=order)
    assert caught.value.hint
    more = im.alpha_divergence(p, q, order=order, n_neighbors=60, method="none")
    assert math.isfinite(more.value)


@pytest.mark.parametrize("d", [1, 2])
@pytest.mark.parametrize("norm", ["max"])
def test_jensen_shannon_is_what_a_row_says_of_its_sample(d, norm):
    """With samples of one size: the information of value and label (Ross 2014)."""
    p, q = two(180, 180, d, seed=4)
    label = np.repeat([0.0, 1.0], 180)
    scaled = np.concatenate(sides(p, q))
    s = Sample.of(label, scaled, kinds=("discrete", "continuous"))
    expected = float(Ross(5, "none").value(s))
    assert value(NeighborJensenShannon(norm=norm), p, q) == pytest.approx(expected, abs=1e-12)


def test_jensen_shannon_is_symmetric():
    p, q = two(150, 260, 2)
    found = value(NeighborJensenShannon(), p, q)
    assert found == pytest.approx(value(NeighborJensenShannon(), q, p), abs=1e-12)
    assert value(NeighborJeffreys(), p, q) == pytest.approx(
        value(NeighborJeffreys(), q, p), abs=1e-12
    )


# --- scale, shift, order ------------------------------------------------------------------------

ALL = (
    WangKulkarniVerdu(),
    WeightedKullbackLeibler(),
    AdaptiveKullbackLeibler(),
    NeighborJeffreys(),
    NeighborJensenShannon(),
    PoczosSchneider(),
    TsallisNeighborDivergence(order=2.0),
    AlphaNeighborDivergence(order=-1.0),
)
NAMES = [type(f).__name__ for f in ALL]


@pytest.mark.parametrize("functional", ALL, ids=NAMES)
@pytest.mark.parametrize("factor", [1e10, 1e-10, -3.0, 1e300, 1e-300])
@pytest.mark.parametrize("shift", [0.0, 2.0])
def test_the_same_map_of_both_changes_nothing(functional, factor, shift):
    p, q = two(120, 150, 2, seed=5)
    factors = np.array([factor, 1.0])
    found = value(functional, p * factors + shift * factors, q * factors + shift * factors)
    assert found == pytest.approx(value(functional, p, q), abs=1e-9)


@pytest.mark.parametrize("functional", ALL, ids=NAMES)
def test_order_of_rows_and_columns(functional):
    p, q = two(120, 150, 3, seed=6)
    rng = np.random.default_rng(0)
    found = value(functional, rng.permutation(p), rng.permutation(q))
    assert found == pytest.approx(value(functional, p, q), abs=1e-12)
    found = value(functional, p[:, [2, 0, 1]], q[:, [2, 0, 1]])
    assert found == pytest.approx(value(functional, p, q), abs=1e-12)


# --- copies -------------------------------------------------------------------------------------

KINDS = {
    "weighted": WeightedKullbackLeibler,
    "knn": WangKulkarniVerdu,
    "adaptive": AdaptiveKullbackLeibler,
}
KULLBACK = tuple(KINDS)
THREE = (WangKulkarniVerdu, WeightedKullbackLeibler, NeighborJensenShannon)


@pytest.mark.parametrize("estimator", KULLBACK)
def test_atoms_of_the_sample_are_refused(estimator):
    rng = np.random.default_rng(0)
    for p in (np.where(np.arange(200) < 50, 0.5, rng.normal(size=200)), np.full(200, 0.5)):
        with pytest.raises(DataError, match="atom has no density") as caught:
            im.kl_divergence(p, rng.normal(size=200), estimator=estimator)
        assert "jitter" in caught.value.hint


@pytest.mark.parametrize("estimator", KULLBACK)
@pytest.mark.parametrize("reference", ["constant", "whole numbers"])
def test_atoms_of_the_reference_are_no_density_either(estimator, reference):
    """Where the reference has atoms alone, the divergence of a density from it is infinite."""
    rng = np.random.default_rng(0)
    q = np.full(200, 0.5) if reference == "constant" else rng.integers(0, 5, 200).astype(float)
    doubted(im.kl_divergence, rng.normal(size=300), q, estimator=estimator, method="none")


def doubted(function, *data, **options):
    """An error or a warning of this library."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", InfometricWarning)
        with pytest.raises((InfometricError, InfometricWarning)):
            function(*data, **options)


@pytest.mark.parametrize("function", ["kl_divergence", "jensen_shannon_divergence"])
@pytest.mark.parametrize("d", [1, 2])
def test_a_reference_that_was_entered_twice_is_not_believed(function, d):
    """Copies of rows are nearer than neighbours are: the value would be wrong in silence."""
    rng = np.random.default_rng(0)
    p, q = rng.normal(size=(600, d)), rng.normal(size=(600, d))
    found = 0.0
    with contextlib.suppress(InfometricError, InfometricWarning), warnings.catch_warnings():
        warnings.simplefilter("error", InfometricWarning)
        found = getattr(im, function)(p, np.concatenate([q, q]), method="none").value
    assert found == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("function", ["kl_divergence", "jensen_shannon_divergence"])
def test_a_sample_that_is_its_own_reference_is_not_believed(function):
    p, q = two(300, 300)
    for other in (p, np.concatenate([p[:150], q[:150]])):
        doubted(getattr(im, function), p, other, method="none")


@pytest.mark.parametrize("kind", THREE, ids=lambda k: k.slug)
def test_jitter_takes_rounded_numbers_for_what_they_were(kind):
    rng = np.random.default_rng(0)
    p, q = rng.normal(size=1500), 1 + rng.normal(size=1500)
    functional = kind(ties="jitter")
    exact = value(functional, p, q)
    for unit in (1.0, 1e-12):
        rounded = np.round(p, 1) * unit, np.round(q, 1) * unit
        assert value(functional, *rounded) == pytest.approx(exact, abs=0.12)
        assert value(functional, *rounded) == value(functional, *rounded)


def test_supports_that_differ_are_warned_of():
    rng = np.random.default_rng(0)
    p, q = rng.normal(size=500), 100 + rng.normal(size=500)
    with pytest.warns(SupportWarning, match="jensen_shannon_divergence is finite"):
        im.kl_divergence(p, q, method="none")
    with pytest.warns(SupportWarning):
        im.jeffreys_divergence(p, q, method="none")
    with warnings.catch_warnings():
        warnings.simplefilter("error", SupportWarning)
        im.kl_divergence(p, rng.normal(size=500), method="none")
        found = im.jensen_shannon_divergence(p, q, method="none")
    assert found.value == pytest.approx(LOG2, abs=0.01)


# --- known truths -------------------------------------------------------------------------------


def near_truth(found, truth, bias=0.0):
    error = 4 * np.std(found, ddof=1) / math.sqrt(len(found))
    assert abs(np.mean(found) - truth) < error + bias


PAIRS = oracles.list("divergence")
REFERENCES = {
    ("normals (0, 1) and (1, 4)", "kl_divergence"): 0.4431471806,
    ("normals (0, 1) and (1, 4)", "jeffreys_divergence"): 1.75,
    ("exponentials 1.5 and 0.7", "kl_divergence"): 0.2288067187,
    ("Laplaces (0, 1) and (1, 2)", "kl_divergence"): 0.3770869011,
}


def test_the_truths_are_those_of_the_closed_forms():
    for (name, measure), truth in REFERENCES.items():
        assert oracles.get(name).truth(measure) == pytest.approx(truth, abs=1e-9)


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_kullback_leibler_of_known_laws(name, kind):
    oracle = oracles.get(name)
    found = [value(kind(), *oracle.sample(2000, rng=s)) for s in range(8)]
    bias = 0.05 if oracle.dims[0] == 3 else 0.015
    near_truth(found, oracle.truth("kl_divergence"), bias)


def test_unequal_sizes():
    oracle = oracles.get("normals (0, 1) and (1, 4)")
    for sizes in ((600, 3000), (3000, 600)):
        found = [value(WeightedKullbackLeibler(), *oracle.sample(sizes, rng=s)) for s in range(8)]
        near_truth(found, 0.4431471806, bias=0.02)


def test_jeffreys_of_normals():
    oracle = oracles.TwoNormals(0, 1, 0.5, 1)
    found = [value(NeighborJeffreys(), *oracle.sample(2000, rng=s)) for s in range(10)]
    near_truth(found, oracle.truth("jeffreys_divergence"), bias=0.02)
    near_truth([value(NeighborJeffreys(), *oracles.get(PAIRS[0]).sample(2000, rng=s))
                for s in range(10)], 0.0, bias=0.01)  # fmt: skip


def test_jeffreys_where_one_sample_never_sees_the_tails_of_the_other():
    """The truth is 1.75; far out the narrow law has no rows, and no interval is given."""
    p, q = oracles.get("normals (0, 1) and (1, 4)").sample(1500, rng=0)
    with pytest.warns(ReliabilityWarning):
        found = im.jeffreys_divergence(p, q, rng=0)
    assert found.value < 1.75
    assert math.isnan(found.ci.low) or found.ci.high > 1.75
    assert not found.diagnostics["reliable"]


@pytest.mark.parametrize("measure", [im.kl_divergence, im.jensen_shannon_divergence])
def test_a_constant_of_both_samples_is_no_dimension(measure):
    rng = np.random.default_rng(0)
    p, q, one = rng.normal(size=400), rng.normal(0.5, size=400), np.ones(400)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InfometricWarning)
        value = measure(p, q, method="none").value
        found = measure(np.column_stack([p, one]), np.column_stack([q, one]), method="none")
    assert found.value == pytest.approx(value, abs=1e-12)


def test_numbers_near_the_largest():
    rng = np.random.default_rng(0)
    p, q = rng.normal(size=(2, 300))
    value = im.kl_divergence(p, q, method="none").value
    assert im.kl_divergence(4e307 * p, 4e307 * q, method="none").value == pytest.approx(value)
    entropy = im.differential_entropy(p, method="none").value
    found = im.differential_entropy(4e307 * p, method="none").value
    assert found == pytest.approx(entropy + math.log(4e307))


def test_unequal_samples_of_one_law_do_not_differ():
    """Neither value nor p-value may come from the sizes alone."""
    rng = np.random.default_rng(0)
    pvalues = []
    for _ in range(4):
        p, q = rng.normal(size=200), rng.normal(size=4000)
        found = im.jensen_shannon_divergence(p, q, method=QUICK, rng=0)
        assert abs(found.value) < 0.05
        pvalues.append(found.pvalue)
    assert max(pvalues) > 0.05


@pytest.mark.parametrize(("shift", "truth"), [(1.0, 0.1114214822), (2.0, 0.3368308203)])
@pytest.mark.parametrize("sizes", [(2000, 2000), (600, 3000), (3000, 600)])
def test_jensen_shannon_of_shifted_normals(shift, truth, sizes):
    oracle = oracles.TwoNormals(0, 1, shift, 1)
    assert oracle.truth("jensen_shannon_divergence") == pytest.approx(truth, abs=1e-9)
    found = [value(NeighborJensenShannon(), *oracle.sample(sizes, rng=s)) for s in range(10)]
    near_truth(found, truth, bias=0.015)


@pytest.mark.parametrize(("order", "truth"), [(0.5, 0.3231435513), (2.0, 0.5561964294)])
def test_orders_of_normals(order, truth):
    oracle = oracles.get("normals (0, 1) and (1, 4)")
    assert oracle.truth("renyi_divergence", order=order) == pytest.approx(truth, abs=1e-9)
    samples = [oracle.sample(3000, rng=s) for s in range(10)]
    near_truth([value(PoczosSchneider(order=order), *s) for s in samples], truth, bias=0.02)
    tsallis = oracle.truth("tsallis_divergence", order=order)
    found = [value(TsallisNeighborDivergence(order=order), *s) for s in samples]
    near_truth(found, tsallis, bias=0.03)


# --- the interface ------------------------------------------------------------------------------


def test_what_the_names_of_estimators_mean():
    p, q = two(200, 220, 2)
    for name, kind in {**KINDS, "auto": WeightedKullbackLeibler}.items():
        found = im.kl_divergence(p, q, estimator=name, method="none")
        assert found.value == value(kind(), p, q)
        assert found.diagnostics["estimator"] == kind.slug
        assert found.n == (200, 220)
        four = im.kl_divergence(p, q, estimator=name, n_neighbors=4, method="none")
        assert four.value == value(kind(n_neighbors=4), p, q)
    given = WangKulkarniVerdu(7, "euclidean")
    assert im.kl_divergence(p, q, estimator=given, method="none").value == value(given, p, q)


def test_functions_and_classes_agree():
    p, q = two(120, 140, 2)
    quick = {"rng": 3}
    for function, kind, more in (
        (im.kl_divergence, im.KLDivergence, {}),
        (im.jeffreys_divergence, im.JeffreysDivergence, {}),
        (im.jensen_shannon_divergence, im.JensenShannonDivergence, {}),
        (im.renyi_divergence, im.RenyiDivergence, {"order": 0.5}),
        (im.tsallis_divergence, im.TsallisDivergence, {"order": 2.0}),
        (im.alpha_divergence, im.AlphaDivergence, {"order": 0.5}),
    ):
        one = function(p, q, method=QUICK, **quick, **more)
        fitted = kind(uncertainty=QUICK, **more).fit(q)
        assert fitted.estimate(p, **quick).to_dict() == one.to_dict()
        assert fitted.score(p) == one.value
        assert tuple(fitted.ci(p, **quick)) == pytest.approx(tuple(one.ci), nan_ok=True)
        joined = kind(**more).fit(q[:100]).partial_fit(q[100:]).score(p)
        assert joined == pytest.approx(one.value, abs=1e-12)
        merged = kind(**more).fit(q[:100]).merge(kind(**more).fit(q[100:])).score(p)
        assert merged == pytest.approx(one.value, abs=1e-12)
        assert im.Result.from_json(one.to_json()).to_dict() == one.to_dict()


def test_a_class_forgets_nothing_and_is_left_alone_by_estimates():
    p, q = two(150, 150)
    fitted = im.KLDivergence().fit(q)
    before = {k: s.to_dict() for k, s in fitted.state_.items()}
    fitted.estimate(p, uncertainty="none")
    assert {k: s.to_dict() for k, s in fitted.state_.items()} == before
    with pytest.raises(DataError, match="reference"):
        fitted.estimate()


def test_samples_that_hold_whole_numbers_by_chance():
    """One of two samples is continuous, so both are."""
    rng = np.random.default_rng(0)
    p, q = np.arange(200.0), rng.normal(100, 40, size=200)
    found = im.kl_divergence(p, q, method="none")
    assert found.diagnostics["estimator"] == "weighted"
    assert found.value == pytest.approx(value(WeightedKullbackLeibler(), p, q))
    assert im.kl_divergence(q, p, method="none").diagnostics["estimator"] == "weighted"


def test_large_numbers_are_no_categories():
    p, q = two(200, 220)
    plain = im.kl_divergence(p, q, method="none").value
    for factor in (1e17, 1e20, 1e300):
        found = im.kl_divergence(p * factor, q * factor, method="none").value
        assert found == pytest.approx(plain, abs=1e-9)


def test_a_weight_is_not_ignored():
    p, q = two(300, 300)
    even = im.jensen_shannon_divergence(p, q, method="none").value
    assert im.jensen_shannon_divergence(p, q, weight=0.5, method="none").value == even
    with pytest.raises(InfometricError) as caught:
        im.jensen_shannon_divergence(p, q, weight=0.1, method="none")
    assert caught.value.hint


def test_tests():
    rng = np.random.default_rng(0)
    alike = [
        im.kl_divergence(*rng.normal(size=(2, 100)), method=im.Permutation(39), rng=s).pvalue
        for s in range(8)
    ]
    assert max(alike) > 0.3
    assert sum(p <= 0.05 for p in alike) <= 2
    apart = im.KLDivergence().fit(rng.normal(size=100)).test(1 + rng.normal(size=100), rng=0)
    assert apart.pvalue == pytest.approx(1 / 200)
    assert math.isnan(apart.ci.low)


def test_what_has_no_form_is_refused():
    p, q = two(100, 100)
    for method in ("delta", "bootstrap", "jackknife", "ncx2", "chi2", "fisher_z"):
        with pytest.raises(UnsupportedError) as caught:
            im.kl_divergence(p, q, method=method)
        assert caught.value.hint
    with pytest.raises(UnsupportedError, match="no weighted form") as caught:
        im.kl_divergence(p, q, sample_weight=(np.ones(100), np.ones(100)))
    assert caught.value.hint
    with pytest.raises(InvalidParameterError, match="no bins") as caught:
        im.kl_divergence(p, q, bins=5, estimator="knn")
    assert caught.value.hint


def test_an_estimator_of_something_else_is_refused():
    p, q = two(100, 100)
    for other in (NeighborJensenShannon(), NeighborJeffreys(), PoczosSchneider()):
        with pytest.raises(InfometricError) as caught:
            im.kl_divergence(p, q, estimator=other, method="none")
        assert caught.value.hint


@pytest.mark.parametrize("function", ["kl_divergence", "jeffreys_divergence", "renyi_divergence",
                                      "jensen_shannon_divergence"])  # fmt: skip
def test_intervals_by_level_and_seed(function):
    p, q = two(400, 300)
    call = getattr(im, function)
    results = [call(p, q, level=level, method=QUICK, rng=1) for level in (0.5, 0.9, 0.99)]
    for inner, outer in itertools.pairwise(results):
        if not math.isnan(inner.ci.low):
            assert outer.ci.low <= inner.ci.low <= inner.ci.high <= outer.ci.high
    again = call(p, q, level=0.9, method=QUICK, rng=1)
    assert again.to_dict() == results[1].to_dict()
    bits = call(p, q, level=0.9, method=QUICK, rng=1, units="bits")
    assert bits.value * LOG2 == pytest.approx(again.value, rel=1e-12)


# --- properties ---------------------------------------------------------------------------------

DISTINCT = st.lists(st.integers(-(10**5), 10**5), min_size=24, max_size=60, unique=True)


@settings(max_examples=50, deadline=None)
@given(DISTINCT, st.integers(8, 12), st.integers(1, 4), st.integers(-30, 30), st.integers(-99, 99))
def test_property_affine_and_formula(numbers, first, k, power, shift):
    x = np.array(numbers, float)[:, None]
    p, q = x[:first], x[first:]
    found = value(WangKulkarniVerdu(k), p, q)
    assert found == pytest.approx(wang_kulkarni_verdu(p, q, k, "max"), abs=1e-9)
    moved = value(WangKulkarniVerdu(k), (p + shift) * 2.0**power, (q + shift) * 2.0**power)
    assert moved == pytest.approx(found, abs=1e-9)


def test_thicker_tails_than_the_reference_are_told():
    """Rows beyond the reference decide the divergence, and none shows how: .005 for .125."""
    told = 0
    for seed in range(10):
        rng = np.random.default_rng(seed)
        p, q = rng.standard_t(5, 1000), rng.normal(size=1000)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", InfometricWarning)
            told += not im.kl_divergence(p, q, rng=0).diagnostics["reliable"]
    assert told >= 9
