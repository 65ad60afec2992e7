"""Entropy estimators: published numbers, formulas by another way, limits, laws, refusals."""

from __future__ import annotations

import itertools
import math
import time
import tracemalloc
import warnings
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.integrate import quad
from scipy.special import digamma, gammaln, polygamma
from scipy.stats import binom

import infometric as im
from infometric.exceptions import (
    BiasWarning,
    DataError,
    DegenerateWarning,
    InvalidParameterError,
    SparseCellWarning,
    UnsupportedError,
)
from infometric.functional.base import Functional
from infometric.functional.bayes import Ansb, Dirichlet, Nsb
from infometric.functional.entropy import HillNumber, RenyiEntropy, TsallisEntropy
from infometric.functional.shannon import BIAS, ESTIMATORS, PLAIN, ShannonEntropy
from infometric.functional.unseen import (
    ChaoWangJost,
    Fingerprint,
    Grassberger,
    JackknifedEntropy,
    Schuermann,
    Zhang,
    _unseen_tail,
)
from infometric.state.counts import coverage
from infometric.testing import numerical_influence
from infometric.uncertainty import GoodTuring, Jackknife, Posterior, Simultaneous

silent = pytest.mark.filterwarnings("ignore::infometric.exceptions.InfometricWarning")
R = (4, 2, 3, 0, 2, 4, 0, 0, 2, 1, 1)  # help page of the R package entropy
NDD = (4, 12, 4, 5, 3, 1, 5, 1, 2, 2, 2, 2, 11, 3, 4, 12, 12, 1, 2)  # first page of ndd
SAMPLES = hnp.arrays(
    np.int64, st.integers(2, 12), elements=st.integers(0, 40)
).filter(lambda a: a.sum() >= 3 and (a > 0).sum() >= 2 and a.max() >= 2)  # fmt: skip


def fingerprint(counts):
    return Fingerprint.of(im.Counts.from_counts(counts))


def shannon(counts, bias="plug_in", size=None):
    return float(ShannonEntropy(bias, size).value(im.Counts.from_counts(counts)))


def entropy_of(shares):
    return -math.fsum(p * math.log(p) for p in shares if p > 0)


# --- published and measured numbers -----------------------------------------------------------

VALUES = {
    "plug_in": (1.9683824087, 2.6354442646), "miller_madow": (2.1525929350, 2.7377169919),
    "grassberger_1988": (2.0997248195, 2.7172024872),
    "grassberger": (2.1446263860, 2.7338534052), "schuermann": (2.1736169248, 2.7466829217),
    "zhang": (2.1705466747, 2.7446829851), "chao_shen": (2.2011371013, 2.7616640476),
    "chao_wang_jost": (2.1971160390, 2.7528112710),
    "horvitz_thompson": (2.2579254394, 2.8094943728), "jackknife": (2.2312743142, 2.7658774509),
    "bonachela": (2.1313342077, 2.9528293694), "ansb": (3.4211938536, 4.6118994885),
}  # fmt: skip


@pytest.mark.parametrize("name", VALUES)
def test_values_of_two_known_samples(name):
    assert shannon(R, name) == pytest.approx(VALUES[name][0], abs=2e-10)
    assert shannon(NDD, name) == pytest.approx(VALUES[name][1], abs=2e-10)


@pytest.mark.parametrize(
    ("prior", "smoothed", "mean"),
    [("jeffreys", 2.1794803827, 2.0026662987), ("laplace", 2.2578755187, 2.1060982420),
     ("perks", 2.0368878081, 1.8513015890), ("minimax", 2.1540911899, 1.9722550698)],
)  # fmt: skip
def test_dirichlet_priors_in_both_readings(prior, smoothed, mean):
    assert float(Dirichlet(prior, smoothed=True)(fingerprint(R), 11)) == pytest.approx(smoothed)
    assert float(Dirichlet(prior)(fingerprint(R), 11)) == pytest.approx(mean)
    assert shannon(R, prior) == pytest.approx(mean)


def test_shrinkage_and_its_intensity():
    assert shannon(R, "james_stein") == pytest.approx(2.3796028953, abs=2e-10)
    p = np.array(R) / 19
    intensity = (1 - (p**2).sum()) / (18 * ((1 / 11 - p) ** 2).sum())
    assert intensity == pytest.approx(0.7663934426, abs=1e-10)
    assert shannon(R, "james_stein") == pytest.approx(
        entropy_of(intensity / 11 + (1 - intensity) * p)
    )


NSB = [
    (R, 11, 2.1877744631, 0.1408925377), (R, 8, 2.0028435481, 0.0693295056),
    (NDD, 19, 2.7250603283, 0.0705017668), (NDD, 100, 2.8060969161, 0.1194769092),
    (NDD, 1000, 2.8125373392, 0.1240782124), (NDD, 10**6, 2.8131779479, 0.1245316025),
    (NDD, 10**9, 2.8131785820, 0.1245320508),
]  # fmt: skip


@pytest.mark.parametrize(("counts", "size", "mean", "sd"), NSB)
def test_nsb_of_two_known_samples(counts, size, mean, sd):
    found = Nsb().moments(fingerprint(counts), size)
    assert (float(found.mean), float(found.sd)) == pytest.approx((mean, sd), abs=2e-10)
    assert float(found.most) == pytest.approx(np.log(size))


def test_nsb_of_an_unknown_alphabet_is_the_limit():
    found, limit = (Nsb().moments(fingerprint(NDD), k) for k in (None, 10**15))
    assert float(found.mean) == pytest.approx(float(limit.mean), abs=1e-6)
    assert float(found.sd) == pytest.approx(float(limit.sd), abs=1e-6)
    assert np.isinf(found.most)


def test_nsb_as_published():
    known, unknown = (Nsb().moments(fingerprint(NDD), k) for k in (100, None))
    assert float(known.mean) == pytest.approx(2.8060922529931225, abs=1e-4)
    assert float(known.sd) == pytest.approx(0.11945501149743358, abs=1e-4)
    assert float(unknown.mean) == pytest.approx(2.8130746789479046, abs=2e-4)


def test_nsb_of_hardly_a_coincidence_is_its_limit():
    counts = [1] * 60 + [2]
    found, limit = (
        Nsb().moments(fingerprint(counts), None),
        Ansb().moments(fingerprint(counts), None),
    )
    assert (float(found.mean), float(found.sd)) == (float(limit.mean), float(limit.sd))


# --- formulas by another way ------------------------------------------------------------------


def posterior_moments(counts, k, beta):
    """E[H] and E[H^2] under a Dirichlet prior, cell by cell."""
    a = np.concatenate([counts, np.zeros(k - len(counts))]) + beta
    total = a.sum()
    mean = digamma(total + 1) - (a / total * digamma(a + 1)).sum()
    shift = digamma(a + 1) - digamma(total + 2)
    pairs = np.outer(a, a) * (np.outer(shift, shift) - polygamma(1, total + 2))
    np.fill_diagonal(pairs, 0.0)
    up = digamma(a + 2) - digamma(total + 2)
    own = a * (a + 1) * (up**2 + polygamma(1, a + 2) - polygamma(1, total + 2))
    return mean, (pairs.sum() + own.sum()) / (total * (total + 1))


@pytest.mark.parametrize(
    ("counts", "k"), [(R, 11), ((7, 3, 1, 1), 20), ((25, 14, 9, 2), 5)], ids=str
)
def test_nsb_against_adaptive_quadrature(counts, k):
    """In xi from 0 to log K, split where the weight is, instead of a grid in log beta."""
    n = np.array(counts, float)
    shift = 0.0

    def slope(beta):
        if beta < 1e3:
            return k * polygamma(1, k * beta + 1) - polygamma(1, beta + 1)
        powers = ((1, 2, 2), (2, -6, 3), (4, 30, 5))  # of the expansion of psi_1
        return sum((1 - k**-p) / (c * beta**q) for p, c, q in powers)

    def integrand(u, power):
        beta = np.exp(u) / k
        rising = sum(np.log1p(np.arange(x) / beta).sum() for x in n)
        log_evidence = rising - np.log1p(np.arange(n.sum()) / (k * beta)).sum()
        moment = (1.0, *posterior_moments(n, k, beta))[power]
        return np.exp(log_evidence + shift) * slope(beta) * beta * moment

    shift = -np.log(max(integrand(u, 0) for u in np.linspace(-5, 8, 60)))
    ends = (-25, -5, 0, 3, 6, 10, 16, 24, 34)
    parts = [
        sum(quad(integrand, a, b, (j,), epsabs=1e-13, epsrel=1e-12, limit=200)[0]
            for a, b in itertools.pairwise(ends))
        for j in range(3)
    ]  # fmt: skip
    mean, square = parts[1] / parts[0], parts[2] / parts[0]
    found = Nsb().moments(fingerprint(counts), k)
    assert float(found.mean) == pytest.approx(mean, abs=1e-9)
    assert float(found.sd) == pytest.approx(np.sqrt(square - mean**2), abs=1e-8)


def test_moments_of_a_dirichlet_posterior_against_draws(rng):
    p = rng.dirichlet(np.array(R) + 0.5, size=200_000)
    h = -(p * np.log(p)).sum(-1)
    found = Dirichlet("jeffreys").moments(fingerprint(R), 11)
    assert float(found.mean) == pytest.approx(h.mean(), abs=5 * h.std() / np.sqrt(len(h)))
    assert float(found.sd) == pytest.approx(h.std(), rel=0.01)


def published_tail(n, f1, f2):
    """The series of Chao, Wang and Jost in fractions, the logarithm apart."""
    a = (
        Fraction(2 * f2, (n - 1) * f1 + 2 * f2) if f2 else Fraction(2, (n - 1) * (f1 - 1) + 2)
    )  # fmt: skip
    if a == 1:
        return 0.0
    series = sum((1 - a) ** r / r for r in range(1, n))
    log = Fraction(sum(Fraction(1, r) * (1 - a) ** r for r in range(n, n + 1)))
    assert log >= 0
    # -log a = sum over all r: what is left of the bracket is the series from N on
    rest = quad(lambda t: t ** (n - 1) / (1 - t), 0, float(1 - a), epsabs=0, epsrel=1e-13)[0]
    assert float(series) + rest == pytest.approx(-math.log(a), rel=1e-12)
    return float(1 - a) ** (1 - n) * rest


@pytest.mark.parametrize(("n", "f1", "f2"), [(19, 2, 3), (88, 3, 5), (10, 10, 0), (40, 1, 0),
                                             (60, 30, 1), (7, 3, 2), (300, 4, 1)])  # fmt: skip
def test_tail_of_chao_wang_jost_against_the_published_series(n, f1, f2):
    a = 2 * f2 / ((n - 1) * f1 + 2 * f2) if f2 else 2 / ((n - 1) * (f1 - 1) + 2)
    found = float(_unseen_tail(np.asarray(float(n)), np.asarray(a)))
    assert found == pytest.approx(published_tail(n, f1, f2), rel=1e-10, abs=1e-15)


def test_chao_wang_jost_against_the_published_double_sum():
    """First part over falling ratios, second part in exact fractions, on both samples."""
    for counts in (R, NDD):
        n, f1, f2 = sum(counts), counts.count(1), counts.count(2)
        seen = sum(
            Fraction(x, n) * sum(Fraction(1, k) for k in range(x, n)) for x in counts if x
        )  # fmt: skip
        wanted = float(seen) + f1 / n * published_tail(n, f1, f2)
        assert shannon(counts, "chao_wang_jost") == pytest.approx(wanted, abs=1e-12)


def test_chao_wang_jost_of_a_million_records_is_finite():
    ones, twos = 400_000, 100_000
    counts = np.concatenate([np.ones(ones, int), np.full(twos, 2), [400_000]])
    value = shannon(counts, "chao_wang_jost")
    assert counts.sum() == 10**6
    assert shannon(counts, "zhang") < value < np.log(1e7)


def test_chao_wang_jost_without_singletons_is_zhang():
    assert shannon([7, 4, 3, 2], "chao_wang_jost") == shannon([7, 4, 3, 2], "zhang")


def test_zhang_against_the_published_product_sum():
    for counts in (R, NDD):
        n, wanted = sum(counts), Fraction(0)
        for x in counts:
            for v in range(1, n - x + 1 if x else 0):
                product = Fraction(1)
                for j in range(v):
                    product *= 1 - Fraction(x - 1, n - 1 - j)
                wanted += Fraction(x, n) * product / v
        assert shannon(counts, "zhang") == pytest.approx(float(wanted), abs=1e-12)


def test_grassbergers_function_of_the_counts():
    """A sample of r records alike and one alone shows G(r), G(1) and no other."""

    def g(r):
        return np.log(r) - float(Grassberger()(fingerprint([r]), None))

    assert g(1) == pytest.approx(-np.euler_gamma - np.log(2))
    assert g(2) == pytest.approx(2 - np.euler_gamma - np.log(2))
    for m in range(1, 30):
        assert g(2 * m + 1) == pytest.approx(g(2 * m), abs=1e-12)
        assert g(2 * m + 2) == pytest.approx(g(2 * m) + 2 / (2 * m + 1), abs=1e-12)


@given(SAMPLES)
def test_schuermann_joins_grassberger_and_zhang(counts):
    fp = fingerprint(counts)
    shift = digamma(fp.n) - np.log(fp.n)
    half, one = (float(Schuermann(xi)(fp, None)) for xi in (0.5, 1.0))
    assert half == pytest.approx(float(Grassberger()(fp, None) + shift), abs=1e-11)
    assert one == pytest.approx(float(Zhang()(fp, None)), abs=1e-11)


@pytest.mark.parametrize("r", [1, 2, 5, 40])
@pytest.mark.parametrize("xi", [0.5, 0.6065, 0.9])
def test_integral_of_schuermann(r, xi):
    integral = quad(lambda t: t ** (r - 1) / (1 + t), 0, 1 / xi - 1, epsabs=0, epsrel=1e-12)[0]
    wanted = digamma(r) - digamma(r) - (-1) ** r * integral
    assert float(Schuermann(xi)(fingerprint([r]), None)) == pytest.approx(wanted, rel=1e-10)


@given(SAMPLES)
def test_jackknife_against_leaving_each_record_out(counts):
    n = counts.sum()
    without = 0.0
    for i, x in enumerate(counts):
        if x:
            fewer = counts.copy()
            fewer[i] -= 1
            without += x / n * entropy_of(fewer / (n - 1))
    wanted = n * entropy_of(counts / n) - (n - 1) * without
    assert float(JackknifedEntropy()(fingerprint(counts), None)) == pytest.approx(wanted, abs=1e-9)


def test_horvitz_thompson_and_chao_shen_by_their_formulas():
    n, p = 19, np.array([x for x in R if x]) / 19
    for name, q in (("horvitz_thompson", p), ("chao_shen", p * (1 - 2 / n))):
        wanted = -(q * np.log(q) / (1 - (1 - q) ** n)).sum()
        assert shannon(R, name) == pytest.approx(wanted)
    lone = np.ones(6, int)  # all alone: coverage as if one were not
    q = np.full(6, 1 / 6 / 6)
    wanted = -(q * np.log(q) / (1 - (1 - q) ** 6)).sum()
    assert shannon(lone, "chao_shen") == pytest.approx(wanted)


# --- defects seen elsewhere -------------------------------------------------------------------


def test_unseen_symbols_of_a_known_alphabet_count():
    """Dropping them gives 2.8148 for NSB, and 1.94121 where 2.17948 is meant for Jeffreys."""
    assert shannon(NDD, "nsb", 100) == pytest.approx(2.80610, abs=1e-5)
    assert float(Dirichlet(smoothed=True)(fingerprint(R), 11)) == pytest.approx(2.17948, abs=1e-5)
    seen = [x for x in R if x]
    for name in ("nsb", "jeffreys", "laplace", "minimax", "james_stein", "bub"):
        assert shannon(seen, name, 11) == pytest.approx(shannon(R, name, 11)), name
        assert shannon(seen, name, 11) > shannon(seen, name, 8), name


@pytest.mark.parametrize("name", [b for b in BIAS if b != "auto"])
def test_a_billion_records_cost_milliseconds_and_no_memory(name):
    s = im.Counts.from_counts([10**9 - 10**6 - 3, 10**6, 2, 1])
    ShannonEntropy(name, 10).value(s)  # coefficients and imports once
    tracemalloc.start()
    start = time.perf_counter()
    value = float(ShannonEntropy(name, 10).value(s))
    seconds = time.perf_counter() - start
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert np.isfinite(value)
    assert seconds < 0.2
    assert peak < 20e6


# --- limits and orders ------------------------------------------------------------------------


@pytest.mark.parametrize("family", [RenyiEntropy, TsallisEntropy])
@given(counts=SAMPLES)
def test_orders_meet_shannon_at_one(family, counts):
    s, h = im.Counts.from_counts(counts), shannon(counts)
    for q in (1.0, 1 - 1e-9, 1 + 1e-9):
        assert float(family(q).value(s)) == pytest.approx(h, abs=1e-7)
    assert float(family(1.0).value(s)) == pytest.approx(h, abs=1e-12)


@given(SAMPLES)
def test_orders_zero_and_infinity(counts):
    s, seen = im.Counts.from_counts(counts), int((counts > 0).sum())
    most = counts.max() / counts.sum()
    assert float(RenyiEntropy(0.0).value(s)) == pytest.approx(np.log(seen))
    assert float(TsallisEntropy(0.0).value(s)) == pytest.approx(seen - 1)
    assert float(HillNumber(0.0).value(s)) == pytest.approx(seen)
    assert float(RenyiEntropy(np.inf).value(s)) == pytest.approx(-np.log(most))
    assert float(TsallisEntropy(np.inf).value(s)) == 0
    assert float(HillNumber(np.inf).value(s)) == pytest.approx(1 / most)
    for q in (300.0, 5000.0):  # powers underflow; q / (q - 1) times the min-entropy, or less
        large = float(RenyiEntropy(q).value(s))
        assert -np.log(most) - 1e-12 <= large <= -np.log(most) * q / (q - 1) + 1e-12


@given(SAMPLES, st.floats(0, 20))
def test_hill_number_is_the_exponential_of_renyi(counts, q):
    s = im.Counts.from_counts(counts)
    assert float(HillNumber(q).value(s)) == pytest.approx(np.exp(float(RenyiEntropy(q).value(s))))


@given(SAMPLES, st.lists(st.floats(0, 30), min_size=2, max_size=6))
def test_entropies_fall_with_their_order(counts, orders):
    s = im.Counts.from_counts(counts)
    values = [float(RenyiEntropy(q).value(s)) for q in sorted(orders)]
    assert (np.diff(values) <= 1e-9).all()


@pytest.mark.parametrize("q", [0.3, 1.0, 2.0, 7.5])
@pytest.mark.parametrize("family", [RenyiEntropy, TsallisEntropy, HillNumber])
def test_influence_is_the_derivative(family, q):
    s = im.Counts.from_counts([40, 25, 9, 3, 1])
    found = s.centre(family(q).influence(s))
    np.testing.assert_allclose(found, numerical_influence(family(q), s), rtol=1e-5, atol=1e-6)


def test_influence_of_the_min_entropy():
    s = im.Counts.from_counts([40, 25, 9])
    f = RenyiEntropy(np.inf)
    np.testing.assert_allclose(s.centre(f.influence(s)), numerical_influence(f, s), atol=1e-6)


@pytest.mark.parametrize("q", [2, 3])
def test_unbiased_orders_are_unbiased(q):
    """Every sample of six records of three symbols, each with its probability."""
    n, p = 6, np.array([0.5, 0.3, 0.2])
    tables = np.array([t for t in itertools.product(range(n + 1), repeat=3) if sum(t) == n])
    weight = np.exp(gammaln(n + 1) - gammaln(tables + 1).sum(-1) + (tables * np.log(p)).sum(-1))
    assert weight.sum() == pytest.approx(1)
    s = im.Counts(tables[:, None, :])
    found = TsallisEntropy(float(q), bias_correction="unbiased").value(s)
    truth = (1 - (p**q).sum()) / (q - 1)
    assert (weight * found).sum() == pytest.approx(truth, abs=1e-14)
    plain = TsallisEntropy(float(q)).value(s)
    assert (weight * plain).sum() < truth - 0.01
    with np.errstate(divide="ignore"):
        hill = HillNumber(float(q), bias_correction="unbiased").value(s)
        power = 1 - (q - 1) * found
        np.testing.assert_allclose(hill, power ** (1 / (1 - q)), rtol=1e-12)


# --- the rule of "auto" -----------------------------------------------------------------------

WELL = [300, 200, 120, 60, 40]  # ten records a cell and nobody alone
HALF = [30, 20, 10, 5, 2, 1, 1, 1]  # seen .957
LITTLE = [3, 2] + [1] * 20  # seen .2


def chosen(counts, size=None):
    return ShannonEntropy("auto", size).resolved(im.Counts.from_counts(counts)).bias_correction


def test_auto_by_what_was_seen():
    assert chosen(WELL) == "miller_madow"
    assert chosen(WELL, 100) == "miller_madow"
    assert chosen(HALF) == chosen(HALF, 100) == "chao_wang_jost"
    assert chosen(LITTLE) == "chao_wang_jost"
    assert chosen(LITTLE, 100) == "nsb"
    assert chosen([0.5, 2.5, 7.0]) == "miller_madow"  # fractions have no singletons


def test_auto_at_its_limits():
    assert chosen([10, 10]) == "miller_madow"
    assert chosen([9, 10]) == "chao_wang_jost"  # 19 records of two cells
    assert chosen([99, 1]) == "miller_madow"  # one in a hundred alone
    assert chosen([98, 1]) == "chao_wang_jost"
    assert chosen([2, 1, 1], 9) == "chao_wang_jost"  # half seen
    assert chosen([2, 1, 1, 1], 9) == "nsb"


@silent
@pytest.mark.parametrize(
    ("counts", "size", "bias", "method"),
    [(WELL, None, "miller_madow", "ncx2"), (HALF, None, "chao_wang_jost", "good_turing"),
     (LITTLE, None, "chao_wang_jost", "good_turing"), (LITTLE, 100, "nsb", "posterior")],
)  # fmt: skip
def test_results_say_what_auto_chose(counts, size, bias, method):
    s = im.Counts.from_counts(counts)
    result = im.Entropy(alphabet_size=size).fit(s).estimate()
    assert result.diagnostics["bias_correction"] == bias
    assert result.diagnostics["coverage"] == pytest.approx(float(coverage(s)))
    assert result.value <= math.log(len(counts)) or method != "ncx2"
    assert result.diagnostics.get("alphabet_size") == size
    assert result.method == method
    assert result.value == shannon(counts, bias, size)


def test_nothing_is_claimed_where_little_was_seen():
    with pytest.warns(SparseCellWarning, match="no interval is known to hold"):
        result = im.Entropy().fit(im.Counts.from_counts(LITTLE)).estimate()
    assert np.isnan(result.ci.low)
    assert np.isnan(result.ci.high)


def test_default_of_a_well_sampled_table_is_as_before():
    s = im.Counts.from_counts(WELL)
    plain = im.infer(ShannonEntropy("miller_madow"), s, "ncx2")
    assert im.Entropy().fit(s).estimate().ci == plain.ci


def test_objects_serve_as_names_do():
    x = np.repeat(np.arange(8), [4, 2, 3, 2, 4, 2, 1, 1])
    with pytest.warns(SparseCellWarning):
        found = im.Entropy(bias=Schuermann(0.6065306597126334)).fit(x).estimate()
    assert found.value == pytest.approx(VALUES["schuermann"][0])
    assert found.diagnostics["bias_correction"] == "schuermann"


# --- cautions ---------------------------------------------------------------------------------


def test_ansb_beyond_its_regime_says_so():
    with pytest.warns(BiasWarning, match="far too high"):
        result = im.infer(ShannonEntropy("ansb", 5), im.Counts.from_counts(WELL))
    assert np.isnan(result.ci.low)


def test_a_prior_that_outweighs_the_counts_says_so():
    rng = np.random.default_rng(0)
    counts = np.bincount(rng.geometric(0.3, 1000) - 1, minlength=60)
    with pytest.warns(BiasWarning, match="Dirichlet"):
        im.Entropy(bias="jeffreys").fit(im.Counts.from_counts(counts)).estimate()


def test_credible_intervals_of_what_was_not_all_seen_say_so():
    counts = np.random.default_rng(0).multinomial(10_000, zipf(1000))
    with pytest.warns(SparseCellWarning, match="credible intervals"):
        im.Entropy(bias="nsb", alphabet_size=1000).fit(im.Counts.from_counts(counts)).estimate()


@pytest.mark.filterwarnings("ignore::infometric.exceptions.SparseCellWarning")
def test_symbols_seen_taken_for_all_there_are_say_so():
    with pytest.warns(BiasWarning, match="alphabet_size"):
        im.Entropy(bias="james_stein").fit(list("aaaabbcccdde")).estimate()


def zipf(cells):
    p = 1 / np.arange(1, cells + 1)
    return p / p.sum()


# --- refusals ---------------------------------------------------------------------------------

FEW = ["a", "b", "a", "c"]
REFUSED = {
    "Shannon's correction of Tsallis": (
        lambda: im.TsallisEntropy(bias="nsb").fit(FEW), UnsupportedError, "'nsb'"),
    "Shannon's correction of Rényi": (
        lambda: im.RenyiEntropy(bias="chao_wang_jost").fit(FEW), UnsupportedError,
        "'chao_wang_jost'"),
    "Shannon's correction of Hill": (
        lambda: im.HillNumber(bias="miller_madow").fit(FEW), UnsupportedError, "'miller_madow'"),
    "unbiased at a broken order": (
        lambda: im.RenyiEntropy(1.5, bias="unbiased").fit(FEW).estimate(), UnsupportedError,
        "Got 1.5"),
    "unbiased at infinity": (
        lambda: im.RenyiEntropy(np.inf, bias="unbiased").fit(FEW).estimate(), UnsupportedError,
        "Got inf"),
    "fewer records than the order": (
        lambda: im.TsallisEntropy(5, bias="unbiased").fit(FEW).estimate(), UnsupportedError,
        "'records': 4"),
    "negative counts": (lambda: im.Counts.from_counts([3, -1]), DataError, "-1"),
    "no record": (lambda: im.Counts.from_counts([0, 0]), DataError, "empty groups"),
    "a count that is no number": (lambda: im.Counts.from_counts([3, np.nan]), DataError, "nan"),
    "fractions": (
        lambda: im.Entropy(bias="nsb").fit(im.Counts.from_counts([0.5, 3])).estimate(),
        UnsupportedError, "0.5"),
    "unequal weights": (
        lambda: im.Entropy(bias="nsb").fit(FEW, sample_weight=[1, 2, 3, 4]).estimate(),
        UnsupportedError, "unweighted"),
    "fewer symbols than seen": (
        lambda: im.Entropy(alphabet_size=2).fit(FEW).estimate(), InvalidParameterError, "Got 2"),
    "fewer symbols than seen, by a posterior": (
        lambda: Nsb().moments(fingerprint([3, 2, 1]), 2), InvalidParameterError, "Got 2"),
    "no coincidence": (
        lambda: im.Entropy(bias="ansb").fit(["a", "b", "c"]).estimate(), UnsupportedError,
        "'records': 3"),
    "a word for an order": (
        lambda: im.RenyiEntropy(order="x").fit(FEW), InvalidParameterError, "'x'"),
    "a negative order": (
        lambda: im.HillNumber(q=-1).fit(FEW), InvalidParameterError, "Got -1"),
    "xi too small": (lambda: Schuermann(0.4), InvalidParameterError, "0.4"),
    "xi too large": (lambda: Schuermann(1.5), InvalidParameterError, "1.5"),
    "unknown prior": (lambda: Dirichlet("flat"), InvalidParameterError, "'flat'"),
    "prior of zero": (lambda: Dirichlet(0.0), InvalidParameterError, "0.0"),
    "no prior": (lambda: Dirichlet(None), InvalidParameterError, "None"),
    "unknown estimator": (
        lambda: im.Entropy(bias="chao").fit(FEW), InvalidParameterError, "'chao'"),
    "alphabet beyond numbers": (
        lambda: im.Entropy(alphabet_size=10**400).fit(FEW), InvalidParameterError, "1000"),
    "alphabet of no size": (
        lambda: im.Entropy(alphabet_size=2.5).fit(FEW), InvalidParameterError, "2.5"),
    "posterior of what has none": (
        lambda: im.Entropy(bias="zhang", uncertainty="posterior").fit(FEW).estimate(),
        UnsupportedError, "posterior"),
    "singletons of another entropy": (
        lambda: im.RenyiEntropy(uncertainty="good_turing").fit(FEW).estimate(), UnsupportedError,
        "good_turing"),
    "exact bounds without a large cell": (
        lambda: im.Entropy(uncertainty="clopper_pearson").fit(FEW).estimate(), UnsupportedError,
        "'outside of the largest': "),
    "simultaneous at a finite order": (
        lambda: im.RenyiEntropy(uncertainty="simultaneous").fit(FEW).estimate(),
        UnsupportedError, "simultaneous"),
    "estimator that needs the alphabet": (
        lambda: ESTIMATORS["bub"](fingerprint([3, 2, 1]), None), UnsupportedError, "bub"),
}  # fmt: skip


@silent
@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_hold_is_refused_with_advice(case):
    call, error, seen = REFUSED[case]
    with pytest.raises(error) as caught:
        call()
    assert seen in str(caught.value)
    assert caught.value.hint


# --- one cell that holds nearly everything ----------------------------------------------------


def binary(name, e):
    """Truth of two cells with shares 1 - e and e."""
    squares = (1 - e) ** 2 + e**2
    return {"entropy": entropy_of([e, 1 - e]), "hill": math.exp(entropy_of([e, 1 - e])),
            "renyi": -math.log(squares), "tsallis": 1 - squares,
            "root": 2 * math.log(math.sqrt(e) + math.sqrt(1 - e))}[name]  # fmt: skip


@silent
@pytest.mark.parametrize("n", [30, 50, 100, 300])
@pytest.mark.parametrize(
    ("name", "measure"),
    [("entropy", ShannonEntropy("auto")), ("hill", HillNumber(1.0)), ("renyi", RenyiEntropy(2.0)),
     ("tsallis", TsallisEntropy(2.0)), ("root", RenyiEntropy(0.5))],
)  # fmt: skip
def test_nearly_constant_variables_are_covered(name, measure, n):
    """By enumeration of all samples of two cells: no simulation, no chance."""
    shares = np.array([0.0005, 0.001, 0.003, 0.01, 0.02, 0.03, 0.05, 0.08])
    found = [im.infer(measure, im.Counts.from_counts([n - m, m])).ci for m in range(n // 2)]
    low, high = np.array([(ci.low, ci.high) for ci in found]).T
    for e in shares:
        chance = binom.pmf(np.arange(n // 2), n, e)
        truth = binary(name, e)
        assert np.isfinite(low[chance > 1e-6]).all()
        assert chance[(low <= truth) & (truth <= high)].sum() > 0.93


def test_one_occupied_cell_leaves_what_its_records_leave():
    rest = 1 - 0.025 ** (1 / 100)  # no record of a hundred has fallen elsewhere
    with pytest.warns(DegenerateWarning, match="what 100 records leave possible"):
        known = im.entropy(["a"] * 100, alphabet_size=5)
    assert known.value == known.ci.low == 0
    assert known.ci.high == pytest.approx(entropy_of([1 - rest, *[rest / 4] * 4]), rel=1e-9)
    with pytest.warns(DegenerateWarning, match="no interval is known but for"):
        unknown = im.entropy(["a"] * 100)
    assert math.isnan(unknown.ci.low)
    with pytest.warns(DegenerateWarning, match="what 100 records leave possible"):
        squares = im.renyi_entropy(["a"] * 100, 2)  # however the rest is spread
    assert squares.ci == pytest.approx((0, -2 * math.log(1 - rest)), rel=1e-9)
    with pytest.warns(DegenerateWarning, match="what the prior expects"):
        assert im.entropy(["a"] * 100, bias="nsb").ci.high > 0
    assert str(im.renyi_entropy(im.Counts.from_counts([7, 0]), 3).value) == "0.0"


def test_lone_records_beside_a_large_cell_stand_for_many():
    few, paired = ["a"] * 97 + ["b", "c", "d"], ["a"] * 98 + ["b", "b"]
    wide, narrow = im.entropy(few).ci, im.entropy(paired).ci
    assert wide.high > narrow.high + 0.2
    assert im.entropy(few, alphabet_size=4).ci.high < wide.high
    spread = entropy_of([0.96, *[0.04 / 50] * 50])  # fifty cells of which three were seen
    assert wide.low < spread < wide.high


@pytest.mark.parametrize("x", [list("ab") * 50 + ["c"], list("aab") * 40, ["a"] * 100 + ["b"] * 5])
def test_below_order_one_the_unseen_may_be_all(x):
    with pytest.warns(SparseCellWarning, match="below order one"):
        assert math.isnan(im.renyi_entropy(x, 0.5).ci.low)
    seen = np.unique(x, return_counts=True)[1]
    assert im.renyi_entropy(im.Counts.from_counts(seen), 0.5).ci.low > 0
    with pytest.warns(SparseCellWarning, match="a number of cells has no interval"):
        assert math.isnan(im.hill_number(x, 0).ci.low)


@pytest.mark.parametrize("counts", [[30, 9], [12, 1], [20, 4], [25, 7], [8, 0]])
@silent
def test_a_higher_level_loses_no_interval(counts):
    s = im.Counts.from_counts(counts)
    for measure in (ShannonEntropy("auto"), RenyiEntropy(2.0)):
        ends = [im.infer(measure, s, level=level).ci for level in (0.8, 0.95, 0.995, 0.9999)]
        assert all(a.low >= b.low and a.high <= b.high for a, b in itertools.pairwise(ends))
        assert np.isfinite(ends).all()


# --- what nobody has seen -----------------------------------------------------------------------


def reached(measure, shares, n, draws=300, seed=0):
    """Share of the intervals of columns that hold the truth."""
    rng, p = np.random.default_rng(seed), np.asarray(shares)
    order = getattr(measure, "order", 1.0)
    truth = entropy_of(p) if order == 1 else math.log((p**order).sum()) / (1 - order)
    hits = 0
    for x in rng.multinomial(n, p, draws):
        low, high = im.infer(measure, im.Counts(x[None, x > 0], key="column")).ci
        hits += low - 1e-12 <= truth <= high + 1e-12
    return hits / draws


@silent
@pytest.mark.parametrize("n", [30, 100, 300, 1000])
@pytest.mark.parametrize(
    "shares", [(0.498, 0.498, 0.004), (0.33, 0.33, 0.33, 0.01), (0.4985, 0.4985, 0.002, 0.001)]
)
def test_even_cells_beside_one_that_was_missed(shares, n):
    for measure in (ShannonEntropy("auto"), RenyiEntropy(1.0), RenyiEntropy(2.0)):
        assert reached(measure, shares, n) > 0.92


@silent
@pytest.mark.parametrize("shares", [[0.5, 0.5], [0.55, 0.45], [0.1] * 10, [0.01] * 100])
@pytest.mark.parametrize("order", [3.0, 5.0, 10.0, 19.0])
def test_high_orders_where_cells_vie(shares, order):
    assert reached(RenyiEntropy(order), shares, 100) > 0.91


def test_the_unseen_has_no_room_in_a_known_alphabet():
    coin = list("ab") * 50
    free, bound = im.entropy(coin).ci, im.entropy(coin, alphabet_size=2).ci
    missed = 1 - 0.025 ** (1 / 100)
    assert bound.high == pytest.approx(math.log(2))
    assert free.low == bound.low
    expected = entropy_of([missed, (1 - missed) / 2, (1 - missed) / 2])
    assert free.high == pytest.approx(expected, rel=0.02)  # of a Poisson count
    assert im.entropy(im.Counts.from_counts([50, 50, 0])).ci.high == free.high
    assert im.entropy(im.Counts.from_counts([50, 50])).ci.high == bound.high
    assert im.renyi_entropy(im.Counts.from_counts([5, 6, 7]), math.inf).ci.high <= math.log(3)


def test_lone_records_without_pairs_are_told():
    heavy = [cell for cell in "abcdefghij" for _ in range(9)]
    with pytest.warns(SparseCellWarning, match="hardly any two share a rare one"):
        im.entropy(heavy + [f"rare {k}" for k in range(10)])


# --- the edges of the range -------------------------------------------------------------------


@pytest.mark.parametrize("records", [list("ab") * 25, list("aabb") * 3, list("abcd") * 50])
def test_even_records_stay_below_the_ceiling(records):
    with warnings.catch_warnings():
        warnings.simplefilter("error", BiasWarning)
        warnings.simplefilter("ignore", SparseCellWarning)
        r = im.entropy(records)
    assert r.value == pytest.approx(math.log(len(set(records))), abs=1e-12)
    assert r.ci.low < r.value <= r.ci.high + 1e-12


@silent
@pytest.mark.parametrize("bias", [b for b in BIAS if b not in ("ansb", "wu_yang")])
def test_no_value_is_above_the_logarithm_of_a_known_alphabet(bias):
    s = im.Counts.from_counts(np.ones(30, int) + (np.arange(30) < 2))
    f = ShannonEntropy(bias, 30.0)
    assert f.value(s) <= math.log(30) + 1e-12
    assert np.nanmax(f.leave_one_out(s)) <= math.log(30) + 1e-12


@silent
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_sizes_and_orders_beyond_all_measure():
    s = im.Counts.from_counts([3, 4, 50, 0])
    for bias in ("auto", "nsb", "bub", "james_stein"):
        assert 0 < im.entropy(s, bias=bias, alphabet_size=10**60).value < 60 * math.log(10)
    most = im.renyi_entropy(s, math.inf)
    for order in (1e3, 1e11, 1e13, 1e308):
        r = im.renyi_entropy(s, order)
        assert r.value == pytest.approx(most.value, rel=2e-3)
        assert r.se == pytest.approx(most.se, rel=2e-3)
        assert im.tsallis_entropy(s, order).value == pytest.approx(0, abs=2e-3)


def test_an_entropy_near_zero_keeps_its_digits():
    p = [5e-12 / (1 + 6e-12), 1e-12 / (1 + 6e-12)]
    exact = -math.fsum(x * math.log(x) for x in p) - (1 - sum(p)) * math.log1p(-sum(p))
    assert shannon([10**12, 5, 1]) == pytest.approx(exact, rel=1e-13)
    assert im.entropy(["a"] * 10, alphabet_size=1, method="clopper_pearson").ci == (0, 0)


def test_strategies_that_see_no_variation_say_so():
    even = im.Counts.from_counts([9, 9])
    with pytest.warns(DegenerateWarning, match="jackknife sees no variation"):
        r = im.entropy(even, method="jackknife", bias="plug_in")
    assert r.ci.low == r.ci.high
    alike = im.Counts.from_counts([[30, 31, 29], [30, 29, 31]])
    for measure in (im.kl_divergence, im.hellinger_distance, im.total_variation):
        for method in ("delta", "bootstrap"):
            assert measure(alike, method=method, rng=0).ci.low == 0
        with pytest.warns(BiasWarning, match="jackknife lies outside"):
            assert math.isnan(measure(alike, method="jackknife").ci.low)
    with pytest.warns(SparseCellWarning):
        assert im.entropy(list("ab") * 3).ci.low < 0.6  # even counts vary by the second order


# --- laws -------------------------------------------------------------------------------------


@silent
@pytest.mark.parametrize("bias", ["chao_wang_jost", "nsb"])
def test_parts_joined_are_the_whole(bias, rng):
    x = rng.choice(60, 400, p=zipf(60)).astype(str)

    def fitted(part):
        return im.Entropy(bias=bias, bins=whole.encoders_, alphabet_size=60).fit(part)

    whole = im.Entropy(bias=bias, alphabet_size=60).fit(x)
    joined = fitted(x[:150]).merge(fitted(x[150:]))
    assert joined.estimate().to_dict() == whole.estimate().to_dict()
    piecewise = fitted(x[:150]).partial_fit(x[150:])
    assert piecewise.estimate().value == whole.estimate().value


@silent
@settings(max_examples=25, deadline=None)
@given(counts=SAMPLES, seed=st.integers(0, 99))
def test_relabelling_and_empty_cells_change_nothing(counts, seed):
    shuffled = np.random.default_rng(seed).permutation(np.append(counts, [0, 0]))
    size = len(counts) + 5
    for bias in BIAS:
        a, b = (
            im.infer(ShannonEntropy(bias, size), im.Counts.from_counts(c))
            for c in (counts, shuffled)
        )
        wanted = (b.value, b.se, *b.ci)
        assert (a.value, a.se, *a.ci) == pytest.approx(wanted, abs=1e-9, nan_ok=True), bias


@settings(max_examples=25, deadline=None)
@given(hnp.arrays(np.int64, (3, 6), elements=st.integers(1, 9)))
def test_batches_are_loops(tables):
    tables[:, 0] += 1  # a coincidence, without which ANSB is not defined
    s = im.Counts(tables[:, None, :])
    for bias in BIAS:
        f = ShannonEntropy(bias, 9)
        looped = [float(f.value(im.Counts.from_counts(t))) for t in tables]
        np.testing.assert_allclose(f.value(s), looped, rtol=1e-10, err_msg=bias)


@pytest.mark.parametrize("bias", BIAS)
def test_leaving_one_out_of_one_table_and_of_many(bias):
    tables = np.array([[9, 4, 2, 1, 1, 0], [5, 5, 3, 2, 2, 1]])
    f = ShannonEntropy(bias, 8)
    batch = f.leave_one_out(im.Counts(tables[:, None, :]))
    for table, many in zip(tables, batch, strict=True):
        s = im.Counts.from_counts(table)
        np.testing.assert_allclose(f.leave_one_out(s), many, rtol=1e-9)
        if bias != "auto":  # that one is decided by the whole sample
            slow = Functional.leave_one_out(f, s)
            np.testing.assert_allclose(f.leave_one_out(s), slow, rtol=1e-9)


@silent
@settings(max_examples=25, deadline=None)
@given(counts=SAMPLES)
def test_intervals_nest_and_stay_below_the_ceiling(counts):
    s, size = im.Counts.from_counts(counts), len(counts) + 3
    for bias, strategy in (
        ("auto", "auto"), ("chao_wang_jost", GoodTuring()), ("nsb", Posterior()),
        ("laplace", Posterior()),
    ):  # fmt: skip
        low, high = [], []
        for level in (0.5, 0.8, 0.95, 0.99):
            ci = im.infer(ShannonEntropy(bias, size), s, strategy, level=level).ci
            low.append(ci.low)
            high.append(ci.high)
        if np.isnan(low).any():
            assert float(coverage(s)) < 0.5 or counts.sum() < 5 * (counts > 0).sum()
            continue
        assert (np.diff(low) <= 1e-12).all()
        assert (np.diff(high) >= -1e-12).all()
        assert low[-1] >= 0
        assert high[-1] <= np.log(size) + 1e-9


def test_no_interval_reaches_below_zero():
    for counts in ([2, 8], [99, 1]):
        s = im.Counts.from_counts(counts)
        assert im.infer(ShannonEntropy(), s, "ncx2", level=0.99).ci.low >= 0


@given(counts=SAMPLES)
def test_interval_of_the_min_entropy_nests_and_holds_the_value(counts):
    s, f = im.Counts.from_counts(counts), RenyiEntropy(np.inf)
    value, before = float(f.value(s)), (np.inf, -np.inf)
    for level in (0.5, 0.9, 0.99):
        ci = Simultaneous()(f, s, f.value(s), level=level)
        assert ci.low <= min(value, before[0]) + 1e-12
        assert ci.high >= max(value, before[1]) - 1e-12
        before = (float(ci.low), float(ci.high))


@given(SAMPLES)
def test_estimators_of_the_unseen_are_not_below_the_plug_in(counts):
    h = shannon(counts)
    for bias in ("miller_madow", "zhang", "chao_wang_jost", "horvitz_thompson", "jackknife"):
        assert shannon(counts, bias) >= h - 1e-10, bias


@silent
@pytest.mark.parametrize("bias", BIAS)
def test_one_symbol_that_is_the_alphabet_has_no_entropy(bias):
    found = shannon([7], bias, 1)
    plain = bias in (*PLAIN, "auto", "zhang", "chao_shen", "chao_wang_jost", "horvitz_thompson",
                     "jackknife")  # fmt: skip
    if plain or (bias in ESTIMATORS and ESTIMATORS[bias].alphabet) or bias == "nsb":
        assert found == pytest.approx(0.0, abs=1e-12)


def test_jackknife_of_an_unbiased_sum_of_powers():
    """A U-statistic has no bias for the jackknife to find."""
    s, f = im.Counts.from_counts([12, 7, 4, 2, 1]), TsallisEntropy(2.0, bias_correction="unbiased")
    found = Jackknife()(f, s, f.value(s), level=0.95)
    assert float(found.diagnostics["jackknife_bias"]) == pytest.approx(0.0, abs=1e-12)


def test_completed_entropy_is_not_below_zhang_nor_far_from_the_truth(rng):
    p = zipf(200)
    tables = rng.multinomial(400, p, size=200)
    values = ChaoWangJost()(Fingerprint.of(im.Counts(tables[:, None, :])), None)
    assert abs(values.mean() - entropy_of(p)) < 0.1
