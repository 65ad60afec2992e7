"""Oracles: published numbers, truths by quadrature, samples by their moments, refusals."""

from __future__ import annotations

import math
import subprocess
import sys
from itertools import chain, pairwise

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import dblquad, quad
from scipy.special import gamma as gamma_function

from infometric import oracles
from infometric.exceptions import InvalidParameterError
from infometric.oracles import (
    AdditiveUniformNoise,
    Autoregression,
    Beta,
    Cauchy,
    Dirichlet,
    Exponential,
    Gamma,
    GammaExponential,
    GaussianPair,
    GaussianTriple,
    GaussianVariables,
    LabelledNormals,
    Laplace,
    LogNormal,
    MixedPair,
    Normal,
    OverlappingUniforms,
    StudentPair,
    StudentT,
    Transformed,
    TwoGammas,
    TwoLaplaces,
    TwoNormals,
    Uniform,
    Weibull,
    ZeroInflatedPoisson,
    continuous_catalogue,
)

H, RENYI, TSALLIS = (
    "differential_entropy",
    "differential_renyi_entropy",
    "differential_tsallis_entropy",
)
MI, CMI, TE = "mutual_information", "conditional_mutual_information", "transfer_entropy"
KL, JS = "kl_divergence", "jensen_shannon_divergence"
DRIVEN = Autoregression([[0.5, 0.0], [0.4, 0.6]])
SPREAD = np.array([[2.0, 0.5, 0.3], [0.5, 1.0, -0.2], [0.3, -0.2, 0.7]])

REFERENCE = [
    (Uniform(3.0), H, math.log(3)),
    (Normal(SPREAD), H, 1.5 * math.log(2 * math.pi * math.e) + math.log(np.linalg.det(SPREAD)) / 2),
    (Exponential(1.7), H, 1 - math.log(1.7)),
    (Laplace(1.7), H, 1 + math.log(3.4)),
    (Cauchy(), H, 2.5310242470),
    (Gamma(2.5, 1.7), H, 2.2605761606),
    (Beta(2, 3), H, -0.2349066498),
    (Dirichlet([1, 2, 3]), H, -1.2443445622),
    (StudentT(4, np.eye(3)), H, 4.9768658375),
    (LogNormal(0, 0.5), H, 0.7257913526),
    (Weibull(2), H, 0.5954606519),
    (StudentPair(4, np.eye(2)), MI, 0.0256429673),
    (StudentPair(4, np.eye(4), 2), MI, 0.0721317748),
    (StudentPair(10, np.eye(6), 3), MI, 0.0302182011),
    (GaussianPair.correlated(0.6), MI, 0.2231435513),
    (GaussianPair.correlated(-0.9), MI, 0.8303656034),
    (GaussianPair.independent_pairs(0.6), MI, 1.1157177566),
    (AdditiveUniformNoise(0.2), MI, 1.1162907319),
    (AdditiveUniformNoise(1.0), MI, 0.25),
    (GammaExponential(3), MI, 0.1575053798),
    (OverlappingUniforms(5), MI, 1.0549201680),
    (ZeroInflatedPoisson(0.0), MI, 0.3012447733),
    (ZeroInflatedPoisson(0.15), MI, 0.2297759585),
    (ZeroInflatedPoisson(0.5), MI, 0.1163839410),
    (LabelledNormals(1.0), MI, 0.1114214822),
    (LabelledNormals(2.0), MI, 0.3368308203),
    (GaussianTriple.correlated(0.5, 0.3, 0.4), CMI, 0.1046858672),
    (GaussianTriple.chain(0.7, 0.5), CMI, 0.0),
    (DRIVEN, TE, 0.0922801637),
    (DRIVEN.swapped(), TE, 0.0),
    (GaussianVariables.equicorrelated(3, 0.5), "total_correlation", 0.3465735903),
    (TwoNormals(0, 1, 1, 4), KL, 0.4431471806),
    (TwoNormals(0, 1, 1, 4), "jeffreys_divergence", 1.75),
    (TwoGammas.exponentials(1.5, 0.7), KL, 0.2288067187),
    (TwoGammas(2, 1, 3, 0.5), KL, 0.1909213038),
    (TwoLaplaces(0, 1, 1, 2), KL, 0.3770869011),
    (TwoNormals(0, 1, 1, 1), JS, 0.1114214822),
    (TwoNormals(0, 1, 2, 1), JS, 0.3368308203),
]


@pytest.mark.parametrize(("oracle", "measure", "value"), REFERENCE)
def test_reference_numbers(oracle, measure, value):
    assert oracle.truth(measure) == pytest.approx(value, abs=1e-10)


@pytest.mark.parametrize(("order", "value"), [(2, 1.2655121235), (0.5, 1.6120857138)])
def test_reference_renyi_entropies_of_the_normal(order, value):
    assert Normal().truth(RENYI, order=order) == pytest.approx(value, abs=1e-10)


@pytest.mark.parametrize(("order", "value"), [(0.5, 0.3231435513), (2, 0.5561964294)])
def test_reference_renyi_divergences_of_normals(order, value):
    found = TwoNormals(0, 1, 1, 4).truth("renyi_divergence", order=order)
    assert found == pytest.approx(value, abs=1e-10)


# --- one variable -----------------------------------------------------------------------------

LAWS = [
    (Uniform(2.5), stats.uniform(0, 2.5)),
    (Normal(4.0, 1.0), stats.norm(1, 2)),
    (Exponential(2.0), stats.expon(scale=0.5)),
    (Laplace(0.7), stats.laplace(scale=0.7)),
    (Cauchy(1.3), stats.cauchy(scale=1.3)),
    (Gamma(2.5, 1.7), stats.gamma(2.5, scale=1.7)),
    (Beta(2, 3), stats.beta(2, 3)),
    (StudentT(5.0, 4.0), stats.t(5, scale=2)),
    (LogNormal(0.3, 0.5), stats.lognorm(0.5, scale=math.exp(0.3))),
    (Weibull(1.5, 2.0), stats.weibull_min(1.5, scale=2)),
]


@pytest.mark.parametrize(("law", "peer"), LAWS, ids=lambda o: getattr(o, "name", ""))
def test_entropies_of_laws_by_scipy_and_quadrature(law, peer):
    assert law.truth(H) == pytest.approx(float(peer.entropy()), abs=1e-8)
    cuts = [peer.support()[0], *peer.ppf([1e-6, 0.01, 0.3, 0.7, 0.99, 1 - 1e-6]), peer.support()[1]]
    heavy = isinstance(law, Cauchy)  # quadrature of so slow a tail is no check
    for order in (2.0, 3.5) if heavy else (0.8, 2.0, 3.5):
        power = math.fsum(
            quad(lambda x, a=order: peer.pdf(x) ** a, low, high, epsabs=1e-12, limit=200)[0]
            for low, high in pairwise(cuts)
        )
        found = law.truth(RENYI, order=order)
        assert found == pytest.approx(math.log(power) / (1 - order), abs=1e-6)
        found = law.truth(TSALLIS, q=order)
        assert found == pytest.approx((power - 1) / (1 - order), abs=1e-6)


@pytest.mark.parametrize(("law", "peer"), LAWS, ids=lambda o: getattr(o, "name", ""))
def test_samples_of_laws_are_of_their_law(law, peer):
    assert stats.kstest(law.sample(4000, rng=1), peer.cdf).pvalue > 0.001


@pytest.mark.parametrize(
    "law",
    [o for o in continuous_catalogue().values() if o.family == "entropy"],
    ids=lambda o: o.name,
)
def test_orders_near_one_lead_to_shannon(law):
    for measure, parameter in ((RENYI, "order"), (TSALLIS, "q")):
        assert law.truth(measure, **{parameter: 1}) == law.truth(H)
        near = [law.truth(measure, **{parameter: order}) for order in (1 - 1e-5, 1 + 1e-5)]
        assert np.mean(near) == pytest.approx(law.truth(H), abs=1e-8)
        assert near[0] >= near[1]


def test_multivariate_laws_by_scipy():
    mean = [1.0, 0.0, -1.0]
    peer = stats.multivariate_normal(mean, SPREAD)
    assert Normal(SPREAD, mean).truth(H) == pytest.approx(peer.entropy(), abs=1e-12)
    peer = stats.multivariate_t(np.zeros(3), SPREAD, df=4)
    assert StudentT(4, SPREAD).truth(H) == pytest.approx(peer.entropy(), abs=1e-10)
    peer = stats.dirichlet([1.5, 2, 3])
    assert Dirichlet([1.5, 2, 3]).truth(H) == pytest.approx(peer.entropy(), abs=1e-12)


def test_multivariate_powers_by_mean_over_samples():
    """The integral of the density to the power 1.5 is the mean of its root."""
    t, mean = stats.multivariate_t(np.zeros(3), SPREAD, df=4), np.ones(3)
    for law, density in (
        (Normal(SPREAD, mean), stats.multivariate_normal(mean, SPREAD).pdf),
        (StudentT(4, SPREAD), t.pdf),
        (Dirichlet([1.5, 2, 3]), lambda x: stats.dirichlet([1.5, 2, 3]).pdf(x.T)),
    ):
        root = np.sqrt(density(law.sample(40_000, rng=2)))
        power = 1 - law.truth(TSALLIS, q=1.5) / 2
        assert abs(root.mean() - power) < 4 * root.std() / 200


def test_multivariate_samples_have_their_moments():
    x = Normal(SPREAD, [1, 2, 3]).sample(50_000, rng=3)
    assert x.mean(0) == pytest.approx([1, 2, 3], abs=0.03)
    assert np.cov(x.T) == pytest.approx(SPREAD, abs=0.05)
    x = StudentT(8, SPREAD).sample(50_000, rng=4)
    assert np.cov(x.T) == pytest.approx(SPREAD * 8 / 6, abs=0.1)
    x = Dirichlet([1, 2, 3]).sample(50_000, rng=5)
    assert x.mean(0) == pytest.approx([1 / 6, 2 / 6], abs=0.005)


def test_scale_adds_its_logarithm():
    for factor in (1e-10, 1e10):
        for plain, scaled in (
            (Normal(SPREAD), Normal(SPREAD * factor**2)),
            (StudentT(3, SPREAD), StudentT(3, SPREAD * factor**2)),
        ):
            for order in (0.9, 1, 3):
                shift = scaled.truth(RENYI, order=order) - plain.truth(RENYI, order=order)
                assert shift == pytest.approx(3 * math.log(factor), abs=1e-9)


def test_powers_that_diverge_give_infinite_entropies():
    assert Cauchy().truth(RENYI, order=0.5) == math.inf  # tail too heavy
    assert Cauchy().truth(TSALLIS, q=0.5) == math.inf
    assert Gamma(0.4).truth(RENYI, order=2) == -math.inf  # peak too high
    assert Weibull(0.4).truth(RENYI, order=2) == -math.inf
    assert Beta(0.4, 1).truth(RENYI, order=2) == -math.inf


# --- dependence -------------------------------------------------------------------------------


def h_term(p):
    return -p * math.log(p) if p > 0 else 0.0


def mixture_information(weights, densities, points):
    """Information of a label and a variable whose density it chooses."""

    def inner(x):
        each = [d(x) for d in densities]
        mixture = math.fsum(w * e for w, e in zip(weights, each, strict=True))
        return math.fsum(
            w * e * math.log(e / mixture) for w, e in zip(weights, each, strict=True) if e > 0
        )

    return math.fsum(quad(inner, a, b, epsabs=1e-12)[0] for a, b in pairwise(points))


@pytest.mark.parametrize("rho", [0.0, 0.6])
def test_student_information_by_quadrature(rho):
    joint = stats.multivariate_t([0, 0], [[1, rho], [rho, 1]], df=4)
    x, y = StudentPair(4, [[1, rho], [rho, 1]]).sample(200_000, rng=6)
    local = joint.logpdf(np.stack([x, y], 1)) - stats.t(4).logpdf(x) - stats.t(4).logpdf(y)
    truth = StudentPair(4, [[1, rho], [rho, 1]]).truth(MI)
    assert abs(local.mean() - truth) < 4 * local.std() / math.sqrt(len(x))
    assert truth == pytest.approx(0.0256429673 - math.log(1 - rho**2) / 2, abs=1e-10)


def test_gamma_exponential_information_by_quadrature():
    theta = 3.0

    def inner(y, x):
        joint = x**theta * math.exp(-x - x * y) / gamma_function(theta)
        margin = theta * (1 + y) ** -(theta + 1)
        return joint * math.log(x * math.exp(-x * y) / margin)

    found = dblquad(inner, 1e-12, 60, 0, lambda x: 40 / x, epsabs=1e-8)[0]
    assert GammaExponential(theta).truth(MI) == pytest.approx(found, abs=1e-6)


@pytest.mark.parametrize("noise", [0.05, 0.2, 0.5, 0.8, 3.0])
def test_additive_noise_information_by_quadrature(noise):
    def density(y):
        return max(0.0, min(1.0, y + noise) - max(0.0, y - noise)) / (2 * noise)

    ends = sorted({-noise, noise, 1 - noise, 1 + noise})
    entropy = math.fsum(quad(lambda y: h_term(density(y)), a, b)[0] for a, b in pairwise(ends))
    found = entropy - math.log(2 * noise)
    assert AdditiveUniformNoise(noise).truth(MI) == pytest.approx(found, abs=1e-9)


@pytest.mark.parametrize("m", [1, 2, 7])
def test_overlapping_uniforms_by_quadrature(m):
    densities = [lambda y, k=k: 0.5 * (k <= y < k + 2) for k in range(m)]
    found = mixture_information([1 / m] * m, densities, list(range(m + 2)))
    assert OverlappingUniforms(m).truth(MI) == pytest.approx(found, abs=1e-10)


@pytest.mark.parametrize("p", [0.0, 0.15, 0.5, 0.95])
def test_zero_inflated_poisson_by_quadrature(p):
    def chance(y, x):
        return p * (y == 0) + (1 - p) * stats.poisson.pmf(y, x)

    counts = np.arange(100)
    margin = p * (counts == 0) + (1 - p) * 0.5 ** (counts + 1)

    def inner(x):
        given = chance(counts, x)
        kept = given > 0
        return math.exp(-x) * float(np.sum(given[kept] * np.log(given[kept] / margin[kept])))

    found = quad(inner, 0, 3, epsabs=1e-12)[0] + quad(inner, 3, 38, epsabs=1e-12)[0]
    oracle = ZeroInflatedPoisson(p)
    assert oracle.truth(MI) == pytest.approx(found, abs=1e-9)
    k = np.arange(1, 60)
    often_quoted = (1 - p) * (2 * math.log(2) - np.euler_gamma - np.sum(np.log(k) * 0.5**k))
    if p == 0:
        assert oracle.truth(MI) == pytest.approx(often_quoted, abs=1e-12)
    else:
        assert oracle.truth(MI) < often_quoted


@pytest.mark.parametrize(("shift", "weight"), [(0.5, 0.5), (2.0, 0.1), (-3.0, 0.7)])
def test_labelled_normals_by_quadrature(shift, weight):
    densities = [stats.norm(0, 1).pdf, stats.norm(shift, 1).pdf]
    found = mixture_information([1 - weight, weight], densities, [-12, -3, 0, 3, 12])
    assert LabelledNormals(shift, weight).truth(MI) == pytest.approx(found, abs=1e-10)


def test_mixed_pair_from_its_local_information():
    oracle = MixedPair(rho=0.8, error=0.3, weight=0.4)
    x, y = oracle.sample(100_000, rng=7)
    signs = np.abs(x) == 1
    assert signs.mean() == pytest.approx(0.6, abs=0.01)
    assert (x != y)[signs].mean() == pytest.approx(0.3, abs=0.01)
    joint = stats.multivariate_normal([0, 0], [[1, 0.8], [0.8, 1]])
    normal = joint.logpdf(np.stack([x, y], 1)) - stats.norm.logpdf(x) - stats.norm.logpdf(y)
    agree = np.log(np.where(x == y, 0.7, 0.3) / 2 / 0.25)
    local = np.where(signs, agree - math.log(0.6), normal - math.log(0.4))
    assert abs(local.mean() - oracle.truth(MI)) < 4 * local.std() / math.sqrt(len(x))


def test_blocks_of_normals_from_entropies():
    pair, triple = GaussianPair(SPREAD, 2), GaussianTriple(SPREAD)

    def h(*kept):
        return Normal(SPREAD[np.ix_(kept, kept)]).truth(H)

    assert pair.truth(MI) == pytest.approx(h(0, 1) + h(2) - h(0, 1, 2), abs=1e-12)
    wanted = h(0, 2) + h(1, 2) - h(2) - h(0, 1, 2)
    assert triple.truth(CMI) == pytest.approx(wanted, abs=1e-12)
    wanted = h(0) + h(1) + h(2) - h(0, 1, 2)
    total = GaussianVariables(SPREAD).truth("total_correlation")
    assert total == pytest.approx(wanted, abs=1e-12)
    order = [0, 2, 1]  # chain rule: I(xz; y) = I(z; y) + I(x; y | z)
    both = GaussianPair(SPREAD[np.ix_(order, order)], 2).truth(MI)
    alone = GaussianPair(SPREAD[np.ix_([2, 1], [2, 1])]).truth(MI)
    assert both == pytest.approx(alone + triple.truth(CMI), abs=1e-12)


def test_samples_of_dependent_variables_have_their_moments():
    x, y = GaussianPair(SPREAD, 2).sample(50_000, rng=8)
    assert np.cov(np.column_stack([x, y]).T) == pytest.approx(SPREAD, abs=0.05)
    x, y, z = GaussianTriple(SPREAD).sample(50_000, rng=8)
    assert np.cov([x, y, z]) == pytest.approx(SPREAD, abs=0.05)
    x, y = AdditiveUniformNoise(0.2).sample(4000, rng=9)
    assert stats.kstest((y - x + 0.2) / 0.4, "uniform").pvalue > 0.001
    x, y = GammaExponential(3).sample(4000, rng=10)
    assert stats.kstest(x * y, "expon").pvalue > 0.001
    assert stats.kstest(x, stats.gamma(3).cdf).pvalue > 0.001
    x, y = OverlappingUniforms(5).sample(4000, rng=11)
    assert stats.chisquare(np.bincount(x)).pvalue > 0.001
    assert stats.kstest((y - x) / 2, "uniform").pvalue > 0.001
    x, y = ZeroInflatedPoisson(0.15).sample(50_000, rng=12)
    assert (y == 0).mean() == pytest.approx(0.15 + 0.85 / 2, abs=0.01)
    assert (y == 1).mean() == pytest.approx(0.85 / 4, abs=0.01)
    assert np.mean(x * y) == pytest.approx(0.85 * 2, abs=0.08)
    x, y = LabelledNormals(2.0, 0.3).sample(50_000, rng=13)
    assert y.mean() == pytest.approx(0.3, abs=0.01)
    assert (x - 2 * y).std() == pytest.approx(1, abs=0.02)


# --- transfer entropy -------------------------------------------------------------------------


def regression_transfer(source, target, source_history, target_history, lag):
    """Half the log ratio of the residual variances of two regressions."""
    start = max(lag + source_history - 1, target_history)
    now = target[start:]
    own = [target[start - k : len(target) - k] for k in range(1, target_history + 1)]
    far = range(lag, lag + source_history)
    others = [source[start - k : len(source) - k] for k in far]

    def variance(columns):
        a = np.column_stack([np.ones(len(now)), *columns])
        return np.var(now - a @ np.linalg.lstsq(a, now, rcond=None)[0])

    return math.log(variance(own) / variance(own + others)) / 2


@pytest.mark.parametrize(
    ("sources", "targets", "lag"), [(1, 1, 1), (2, 1, 1), (1, 3, 1), (1, 1, 2)]
)
def test_transfer_entropy_by_regression_on_a_long_series(sources, targets, lag):
    oracle = Autoregression([[0.5, 0.2], [0.4, 0.6]], [[1.0, 0.3], [0.3, 2.0]])
    source, target = oracle.sample(100_000, rng=14)
    parameters = {"source_history": sources, "target_history": targets, "lag": lag}
    for process, x, y in ((oracle, source, target), (oracle.swapped(), target, source)):
        found = regression_transfer(x, y, sources, targets, lag)
        assert process.truth(TE, **parameters) == pytest.approx(found, abs=0.004)


def test_transfer_entropy_from_the_stationary_covariance_by_hand():
    a, s = DRIVEN.coefficients, DRIVEN.covariance
    assert s == pytest.approx(a @ s @ a.T + np.eye(2), abs=1e-12)
    # given both pasts the shock alone is left; given its own the target keeps part of the source
    left = s[1, 1] - (a @ s)[1, 1] ** 2 / s[1, 1]
    assert DRIVEN.truth(TE) == pytest.approx(math.log(left) / 2, abs=1e-12)


def test_transfer_of_several_variables():
    a = np.array([[0.5, 0, 0], [0, 0.3, 0], [0.4, 0.2, 0.6]])
    oracle = Autoregression(a, dx=2)
    assert oracle.dims == (2, 1)
    source, target = oracle.sample(100, rng=0)
    assert (source.shape, target.shape) == ((100, 2), (100,))
    assert oracle.truth(TE) > Autoregression(a[np.ix_([0, 2], [0, 2])]).truth(TE)
    back = oracle.swapped()
    assert back.dims == (1, 2)
    assert back.truth(TE) == pytest.approx(0, abs=1e-12)
    assert back.swapped().truth(TE) == pytest.approx(oracle.truth(TE), abs=1e-12)


# --- two samples ------------------------------------------------------------------------------

TWO = [
    (TwoNormals(0, 1, 1, 4), stats.norm(0, 1), stats.norm(1, 2)),
    (TwoNormals(3, 4, -1, 2), stats.norm(3, 2), stats.norm(-1, math.sqrt(2))),
    (TwoGammas.exponentials(1.5, 0.7), stats.expon(scale=1 / 1.5), stats.expon(scale=1 / 0.7)),
    (TwoGammas(2, 1, 3, 0.5), stats.gamma(2), stats.gamma(3, scale=0.5)),
    (TwoGammas(0.7, 1, 1.1, 2), stats.gamma(0.7), stats.gamma(1.1, scale=2)),
    (TwoLaplaces(0, 1, 1, 2), stats.laplace(0, 1), stats.laplace(1, 2)),
    (TwoLaplaces(2, 1.5, -1, 1.5), stats.laplace(2, 1.5), stats.laplace(-1, 1.5)),
]


def integral(function, p, r):
    cuts = {p.support()[0], p.support()[1], p.mean(), r.mean()}
    cuts |= {float(law.ppf(q)) for law in (p, r) for q in (1e-12, 1e-6, 0.01, 0.3, 0.7, 0.99)}
    cuts |= {float(law.isf(q)) for law in (p, r) for q in (1e-6, 1e-12)}
    ends = sorted(cuts)
    return math.fsum(quad(function, a, b, epsabs=1e-13, limit=200)[0] for a, b in pairwise(ends))


@pytest.mark.parametrize(("pair", "p", "r"), TWO, ids=lambda o: getattr(o, "name", ""))
def test_divergences_by_quadrature(pair, p, r):
    def kl(p, r):
        def inner(x):
            density = p.pdf(x)
            return density * (p.logpdf(x) - r.logpdf(x)) if density > 1e-100 else 0.0

        return integral(inner, p, r)

    def js(weight):
        def inner(x):
            a, b = weight * p.pdf(x), (1 - weight) * r.pdf(x)
            h = h_term(a + b) - h_term(a) - h_term(b)
            return h - a * math.log(weight) - b * math.log(1 - weight)

        return integral(inner, p, r)

    assert pair.truth(KL) == pytest.approx(kl(p, r), abs=1e-8)
    assert pair.truth("jeffreys_divergence") == pytest.approx(kl(p, r) + kl(r, p), abs=1e-8)
    assert pair.truth(JS) == pytest.approx(js(0.5), abs=1e-8)
    assert pair.truth(JS, weight=0.2) == pytest.approx(js(0.2), abs=1e-8)
    for order in (0.3, 0.5, 1.2):
        power = integral(lambda x, a=order: math.exp(a * p.logpdf(x) + (1 - a) * r.logpdf(x)), p, r)
        wanted = {
            "renyi_divergence": math.log(power) / (order - 1),
            "tsallis_divergence": (power - 1) / (order - 1),
            "alpha_divergence": (power - 1) / (order * (order - 1)),
        }
        for measure, value in wanted.items():
            assert pair.truth(measure, order=order) == pytest.approx(value, abs=1e-7), measure


@pytest.mark.parametrize(("pair", "p", "r"), TWO, ids=lambda o: getattr(o, "name", ""))
def test_two_samples_are_of_their_laws(pair, p, r):
    first, second = pair.sample((3000, 2000), rng=15)
    assert (len(first), len(second)) == (3000, 2000)
    assert stats.kstest(first, p.cdf).pvalue > 0.001
    assert stats.kstest(second, r.cdf).pvalue > 0.001


def test_divergences_of_normals_in_several_dimensions():
    oracle = TwoNormals([0, 0, 0], np.eye(3), [1, 0, -1], SPREAD)
    assert JS not in oracle.defined
    p, r = (
        stats.multivariate_normal(m, c) for m, c in (([0] * 3, np.eye(3)), ([1, 0, -1], SPREAD))
    )
    x, y = oracle.sample((200_000, 1000), rng=16)
    ratio = r.logpdf(x) - p.logpdf(x)
    bound = 4 / math.sqrt(len(x))
    assert abs(oracle.truth(KL) + ratio.mean()) < bound * ratio.std()
    root = np.exp(ratio / 2)
    power = math.exp(-oracle.truth("renyi_divergence", order=0.5) / 2)
    assert abs(power - root.mean()) < bound * root.std()
    assert np.cov(y.T) == pytest.approx(SPREAD, abs=0.3)
    # equal covariances: the distance of Mahalanobis is all there is
    shift = np.array([1.0, 0.5, -0.5])
    far = math.sqrt(shift @ np.linalg.solve(SPREAD, shift))
    same, flat = TwoNormals(0, SPREAD, shift, SPREAD), TwoNormals(0, 1, far, 1)
    for measure in flat.defined:
        assert same.truth(measure) == pytest.approx(flat.truth(measure), abs=1e-10)


@pytest.mark.parametrize("pair", [pair for pair, *_ in TWO], ids=lambda o: o.name)
def test_laws_of_divergences(pair):
    back = pair.swapped()
    assert pair.truth("jeffreys_divergence") == pytest.approx(pair.truth(KL) + back.truth(KL))
    assert pair.truth(JS, weight=0.3) == pytest.approx(back.truth(JS, weight=0.7), abs=1e-10)
    mirrored = back.truth("alpha_divergence", order=0.7)
    assert pair.truth("alpha_divergence", order=0.3) == pytest.approx(mirrored)
    for name in ("renyi_divergence", "tsallis_divergence", "alpha_divergence"):
        near = [pair.truth(name, order=1 + e) for e in (-1e-5, 1e-5)]
        assert np.mean(near) == pytest.approx(pair.truth(name, order=1), abs=1e-8)
        assert pair.truth(name, order=1) == pair.truth(KL)
    assert pair.truth("alpha_divergence", order=0) == back.truth(KL)
    assert pair.truth("alpha_divergence", order=-0.1) == pytest.approx(
        back.truth("alpha_divergence", order=1.1)
    )
    assert 0 < pair.truth(JS) < math.log(2)


def test_divergences_that_diverge_are_infinite():
    for pair in (TwoNormals(0, 4, 0, 1), TwoLaplaces(0, 2, 0, 1), TwoGammas.exponentials(0.5, 1.0)):
        assert pair.truth("renyi_divergence", order=3) == math.inf
        assert pair.truth("tsallis_divergence", order=3) == math.inf
        assert math.isfinite(pair.truth(KL))
    far = TwoNormals(0, 1, 60, 1)
    assert far.truth(JS) == pytest.approx(math.log(2), abs=1e-12)
    assert TwoNormals(0, 1, 0, 1e8).truth(JS) == pytest.approx(math.log(2), abs=1e-2)


# --- maps -------------------------------------------------------------------------------------


def test_maps_keep_the_truth_and_change_the_records():
    pair = GaussianPair.correlated(0.6)
    mapped = Transformed(pair, ("exp", "half_cube"))
    assert mapped.truth(MI) == pair.truth(MI)
    (x, y), (u, v) = pair.sample(100, rng=0), mapped.sample(100, rng=0)
    assert u == pytest.approx(np.exp(x))
    assert v == pytest.approx(np.sign(y) * np.abs(y) ** 1.5)
    assert (mapped.family, mapped.kinds, mapped.dims) == (pair.family, pair.kinds, pair.dims)


@pytest.mark.parametrize("name", list(oracles.continuous.MAPS))
def test_maps_are_strictly_increasing(name):
    assert (np.diff(oracles.continuous.MAPS[name](np.linspace(-5, 5, 201))) > 0).all()


def test_any_monotone_function_is_a_map():
    oracle = Transformed(GammaExponential(3), np.log)
    x, y = oracle.sample(1000, rng=0)
    assert x.min() < 0 > y.min()
    assert oracle.name == "gamma-exponential, shape 3, log"
    two = Transformed(TwoGammas(2, 1, 3, 0.5), "cube")
    assert two.truth(KL) == pytest.approx(0.1909213038, abs=1e-10)
    assert [len(s) for s in two.sample((5, 7), rng=0)] == [5, 7]
    assert Transformed(DRIVEN, "asinh").truth(TE, target_history=2) > 0


# --- the catalogue ----------------------------------------------------------------------------

CATALOGUE = continuous_catalogue()


@pytest.mark.parametrize("oracle", CATALOGUE.values(), ids=lambda o: o.name)
def test_everything_in_the_catalogue_samples_and_knows_its_truths(oracle):
    drawn = oracle.sample(50, rng=1)
    arrays = drawn if isinstance(drawn, tuple) else (drawn,)
    assert isinstance(drawn, tuple) == (oracle.family != "entropy")
    assert len(arrays) == len(oracle.kinds) == len(oracle.dims)
    assert set(oracle.kinds) <= {"continuous", "discrete", "mixed"}
    for x, kind, d in zip(arrays, oracle.kinds, oracle.dims, strict=True):
        assert x.shape == ((50,) if d == 1 else (50, d))
        assert np.isfinite(x).all()
        if kind == "discrete":
            assert x.dtype.kind == "i"
        if kind == "continuous":
            assert len(np.unique(x)) == x.size
    again, other = oracle.sample(50, rng=1), oracle.sample(50, rng=2)
    again, other = (o if isinstance(o, tuple) else (o,) for o in (again, other))
    assert all(np.array_equal(a, b) for a, b in zip(arrays, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(arrays, other, strict=True))
    generator = np.random.default_rng(1)
    first = oracle.sample(50, rng=generator)
    first = first if isinstance(first, tuple) else (first,)
    assert all(np.array_equal(a, b) for a, b in zip(arrays, first, strict=True))
    assert oracle.defined
    for measure in oracle.defined:
        assert math.isfinite(oracle.truth(measure)), measure
        if not measure.startswith("differential"):
            assert oracle.truth(measure) >= -1e-12, measure


def test_the_catalogue_is_found_by_name_and_family():
    names = oracles.list()
    assert len(names) == len(set(names)) >= 44
    assert len(CATALOGUE) >= 30
    families = ("discrete", "entropy", "information", "conditional", "total", "transfer")
    parts = [oracles.list(family) for family in (*families, "divergence")]
    assert all(parts)
    assert sorted(chain(*parts)) == sorted(names)
    assert set(oracles.list("discrete")) == set(oracles.catalogue())
    for name in names:
        assert oracles.get(name).name == name
    assert isinstance(oracles.get("normal pair, rho=0.6"), GaussianPair)


def test_discrete_oracles_share_the_interface():
    for oracle in oracles.catalogue().values():
        drawn = oracle.sample(20, rng=0)
        arrays = drawn if isinstance(drawn, tuple) else (drawn,)
        assert oracle.kinds == ("discrete",) * len(arrays)
        assert oracle.dims == (1,) * len(arrays)


def test_importing_loads_no_statistics_library():
    script = (
        "from infometric import oracles; import sys; "
        "print('scipy.stats' in sys.modules, 'scipy.integrate' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "False"]


# --- refusals ---------------------------------------------------------------------------------


def test_names_that_do_not_exist():
    with pytest.raises(InvalidParameterError, match=r"Try: oracles.get\('normal pair, rho=0.6'\)"):
        oracles.get("normal pair rho=.6")
    with pytest.raises(InvalidParameterError, match=r"oracles.list\(\)"):
        oracles.get("§§§§")
    with pytest.raises(InvalidParameterError, match="'entropy', 'information'"):
        oracles.list("informations")
    with pytest.raises(InvalidParameterError, match=r"normal pair, rho=0.6 has no truth.*Got 'kl_"):
        GaussianPair.correlated(0.6).truth(KL)
    with pytest.raises(InvalidParameterError, match=r"no such parameter. Got 'order'"):
        GaussianPair.correlated(0.6).truth(MI, order=2)
    with pytest.raises(InvalidParameterError, match=r"no such parameter. Got 'q'.*\n.*'order'"):
        Normal().truth(RENYI, q=2)
    with pytest.raises(InvalidParameterError, match="no such parameter"):
        oracles.Categorical.even(3).truth("entropy", order=2)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Uniform(0),
        lambda: Uniform("wide"),
        lambda: Exponential(-1),
        lambda: Laplace(math.nan),
        lambda: Cauchy(math.inf),
        lambda: Gamma(0, 1),
        lambda: Gamma(1, None),
        lambda: Beta(2, 0),
        lambda: Dirichlet([1]),
        lambda: Dirichlet([[1, 2]]),
        lambda: Dirichlet([1, -2, 3]),
        lambda: Normal(-1),
        lambda: Normal([[1, 2], [2, 1]]),
        lambda: Normal([[1, 0.5], [0.4, 1]]),
        lambda: Normal([1, 2]),
        lambda: Normal(np.ones((2, 2, 2))),
        lambda: Normal(np.eye(2), [1, 2, 3]),
        lambda: Normal(1.0, math.nan),
        lambda: StudentT(0),
        lambda: StudentT(4, [[math.nan]]),
        lambda: LogNormal(math.inf, 1),
        lambda: LogNormal(0, 0),
        lambda: Weibull(0),
        lambda: GaussianPair.correlated(1.0),
        lambda: GaussianPair.independent_pairs(0.5, 0),
        lambda: GaussianPair(np.eye(2), 2),
        lambda: GaussianPair(np.eye(2), 0),
        lambda: GaussianPair(np.eye(2), True),
        lambda: StudentPair(-1, np.eye(2)),
        lambda: StudentPair(3, np.eye(2), 2),
        lambda: AdditiveUniformNoise(0),
        lambda: GammaExponential(0),
        lambda: OverlappingUniforms(0),
        lambda: OverlappingUniforms(2.5),
        lambda: ZeroInflatedPoisson(1),
        lambda: ZeroInflatedPoisson(-0.1),
        lambda: LabelledNormals(math.inf),
        lambda: LabelledNormals(1, 0),
        lambda: MixedPair(rho=1),
        lambda: MixedPair(error=0),
        lambda: MixedPair(weight=1),
        lambda: GaussianTriple(np.eye(2)),
        lambda: GaussianTriple(np.eye(3), 1, 0),
        lambda: GaussianTriple.correlated(0.9, 0.9, -0.9),
        lambda: GaussianVariables.equicorrelated(1, 0.5),
        lambda: GaussianVariables.equicorrelated(3, -0.5),
        lambda: Autoregression([[1.0, 0], [0, 0.5]]),
        lambda: Autoregression([0.5, 0.5]),
        lambda: Autoregression([["a", "b"], ["c", "d"]]),
        lambda: Autoregression(np.eye(2) / 2, np.eye(3)),
        lambda: Autoregression(np.eye(2) / 2, dx=2),
        lambda: DRIVEN.truth(TE, lag=0),
        lambda: DRIVEN.truth(TE, source_history=1.5),
        lambda: TwoNormals(0, 1, 0, np.eye(2)),
        lambda: TwoNormals(0, 1, 0, 0),
        lambda: TwoGammas(1, 1, 1, 0),
        lambda: TwoGammas.exponentials(0, 1),
        lambda: TwoLaplaces(math.nan, 1, 0, 1),
        lambda: TwoLaplaces(0, 1, 0, -1),
        lambda: TwoNormals().sample((1, 2, 3)),
        lambda: TwoNormals().sample((1, 0)),
        lambda: TwoNormals().truth("renyi_divergence", order=0),
        lambda: TwoNormals().truth(JS, weight=1),
        lambda: Normal().truth(RENYI, order=math.inf),
        lambda: Normal().truth(TSALLIS, q=-1),
        lambda: Normal().sample(0),
        lambda: Normal().sample(1e3),
        lambda: Transformed(Normal(), "exp"),
        lambda: Transformed(oracles.JointTable.chain(0.2), "exp"),
        lambda: Transformed(GaussianPair.correlated(0.5), "log"),
        lambda: Transformed(GaussianPair.correlated(0.5), 3),
        lambda: Transformed(GaussianPair.correlated(0.5), ("exp",) * 3),
        lambda: Transformed(TwoNormals(), ("exp", "cube")),
    ],
)
def test_impossible_parameters_are_refused_with_a_line_to_type(make):
    with pytest.raises(InvalidParameterError, match=r"Got .*\n  Try: "):
        make()
