"""Divergences: closed forms and limits, inequalities, bias taken off, cells that are empty."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.spatial.distance import jensenshannon

import infometric as im
from infometric.exceptions import (
    DataError,
    DegenerateWarning,
    InvalidParameterError,
    MergeError,
    SparseCellWarning,
    UnsupportedError,
)
from infometric.functional.divergence import (
    AlphaDivergence,
    HellingerDistance,
    Jeffreys,
    JensenShannon,
    JensenShannonDistance,
    KullbackLeibler,
    RenyiDivergence,
    SquaredHellinger,
    SquaredTotalVariation,
    TotalVariation,
    TsallisDivergence,
)
from infometric.oracles import Categorical, TwoSample
from infometric.uncertainty import Permutation

pytestmark = pytest.mark.filterwarnings("ignore::infometric.exceptions.InfometricWarning")
PAIRS = hnp.arrays(np.int64, st.tuples(st.just(2), st.integers(2, 9)), elements=st.integers(1, 400))
SPARSE = hnp.arrays(np.int64, st.tuples(st.just(2), st.integers(2, 9)), elements=st.integers(0, 9))
SPARSE = SPARSE.filter(lambda t: (t.sum(1) > 0).all())


def counts(table):
    return im.Counts.from_counts(table)


def value(functional, table):
    return float(functional.value(counts(table)))


def test_a_kept_zero_is_called_infinite_only_where_it_is():
    apart = im.Counts.from_counts([[30, 20, 10], [30, 30, 0]])
    with pytest.warns(SparseCellWarning, match="the value is infinite"):
        assert im.kl_divergence(apart, zeros="keep").value == math.inf
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert math.isfinite(im.alpha_divergence(apart, order=0.5, zeros="keep").value)
    assert not any("infinite" in str(w.message) for w in caught)


def test_orders_below_one_of_cells_that_are_empty_for_good():
    p, q = shares = np.array([[0.5, 0.4, 0.1, 0.0], [0.0, 0.4, 0.5, 0.1]])
    s = im.Counts.from_counts((shares * 1000).astype(int))
    overlap = np.sqrt(p * q).sum()
    found = im.renyi_divergence(s, order=0.5, zeros="keep").value
    assert found == pytest.approx(-2 * math.log(overlap))
    alpha = im.alpha_divergence(s, order=0.5, zeros="keep").value
    assert alpha == pytest.approx(4 * im.hellinger_distance(s).value ** 2)
    apart = im.Counts.from_counts([[9, 0], [0, 9]])
    assert im.renyi_divergence(apart, order=0.5, zeros="keep").value == math.inf
    with pytest.warns(SparseCellWarning, match="empty for good"):
        im.renyi_divergence(s, order=0.5)
    rng, hits = np.random.default_rng(0), 0
    for _ in range(200):
        drawn = im.Counts(np.stack([rng.multinomial(1000, p), rng.multinomial(1000, q)]))
        low, high = im.renyi_divergence(drawn, order=0.5, zeros="keep").ci
        hits += low <= -2 * math.log(overlap) <= high
    assert hits > 180


@pytest.mark.parametrize("order", [-1, 0, 1, 2])
def test_a_correction_leaves_an_infinite_value_infinite(order):
    s = im.Counts.from_counts([[10, 5, 0, 3], [8, 0, 10, 5]])
    for bias in ("plug_in", "second_order"):
        assert im.alpha_divergence(s, order=order, bias=bias, zeros="keep").value == math.inf


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_values_beyond_numbers_have_no_interval():
    s = im.Counts.from_counts([[90_000, 10], [10, 90_000]])
    for order in (60, 100):
        r = im.alpha_divergence(s, order=order)
        assert math.isnan(r.ci.low)
        assert r.value > 1e200
    for order in (60, 100):
        with pytest.warns(DegenerateWarning, match="beyond the range of numbers"):
            im.alpha_divergence(s, order=order)
    few = im.Counts.from_counts([[30, 5], [30, 2]])
    with pytest.warns(DegenerateWarning, match="values of the bootstrap are infinite"):
        r = im.kl_divergence(few, method="bootstrap", zeros="keep", rng=0)
    assert np.isnan(r.ci).all()


@pytest.mark.parametrize("n", [20, 100, 400])
@pytest.mark.parametrize(
    ("p", "q"),
    [((0.999, 0.001), (0.001, 0.999)), ((0.9, 0.1), (0.1, 0.9)), ((0.5, 0.5), (0.52, 0.48)),
     ((0.95, 0.05), (0.94, 0.06)), ((0.5, 0.3, 0.2), (0.5, 0.3, 0.2))],
)  # fmt: skip
def test_total_variation_at_both_ends(p, q, n):
    rng, truth = np.random.default_rng(1), np.abs(np.subtract(p, q)).sum() / 2
    ends = [
        im.total_variation(im.Counts(np.stack([rng.multinomial(n, p), rng.multinomial(n, q)]))).ci
        for _ in range(200)
    ]
    low, high = np.array(ends).T
    given = np.isfinite(low)
    assert (high - low)[given].min() > 0
    assert np.mean((low <= truth + 1e-12) & (truth - 1e-12 <= high), where=given) > 0.91


def test_samples_with_nothing_in_common():
    r = im.total_variation(list("ab") * 15, list("cd") * 15)
    assert r.value == r.ci.high == 1
    assert 0.7 < r.ci.low < 0.9
    assert not r.warnings


@pytest.mark.parametrize("method", ["delta", "jackknife", "bootstrap"])
def test_one_cell_has_no_interval_by_any_strategy(method):
    r = im.kl_divergence(im.Counts.from_counts([[9, 0], [8, 0]]), method=method, rng=0)
    assert math.isnan(r.ci.low)
    assert len(r.warnings) == 1


@pytest.mark.filterwarnings("error::infometric.exceptions.InfometricWarning")
def test_a_test_says_nothing_of_intervals():
    s = im.Counts.from_counts([[40, 30, 30], [20, 60, 40]])
    for method in ("chi2", "permutation"):
        for measure in (im.kl_divergence, im.total_variation, im.jensen_shannon_divergence):
            assert im.Result.from_json(measure(s, method=method, rng=0).to_json()).pvalue < 0.05
    joint = im.Counts.from_counts([[40, 30], [20, 60]], joint=True)
    assert im.MutualInformation().fit(joint).test().pvalue < 0.05
    assert im.MutualInformation().fit(joint).test(method="permutation", rng=0).pvalue < 0.05


def test_kinds_mixed_in_both_samples_are_categories():
    p, q = ["1", 2] * 20, ["1", 2, 2] * 20
    counts = im.Counts.from_counts([[20, 20], [20, 40]])
    assert im.kl_divergence(p, q).value == pytest.approx(im.kl_divergence(counts).value)


# --- closed forms and limits ------------------------------------------------------------------


def test_kullback_leibler_of_two_poisson_laws():
    """The sum over cells is 3 log(3 / 5) + 5 - 3."""
    p, q = (scipy.stats.poisson(rate).pmf(np.arange(80)) for rate in (3, 5))
    found = value(KullbackLeibler("keep"), np.stack([p, q]))
    assert found == pytest.approx(3 * math.log(3 / 5) + 2, abs=1e-10)
    assert found == pytest.approx(0.4675231287, abs=1e-10)


def test_samples_that_share_no_cell():
    apart = [[30, 20, 0, 0], [0, 0, 10, 90]]
    assert value(JensenShannon(), apart) == pytest.approx(math.log(2), abs=1e-12)
    assert value(JensenShannonDistance(), apart) == pytest.approx(math.sqrt(math.log(2)))
    assert value(SquaredHellinger(), apart) == pytest.approx(1, abs=1e-12)
    assert value(HellingerDistance(), apart) == pytest.approx(1, abs=1e-12)
    assert value(TotalVariation(), apart) == pytest.approx(1, abs=1e-12)
    assert value(KullbackLeibler("keep"), apart) == math.inf
    assert value(AlphaDivergence("keep", 0.5), apart) == pytest.approx(4, abs=1e-12)


ALL = [
    KullbackLeibler(), Jeffreys(), JensenShannon(), RenyiDivergence(), TsallisDivergence(),
    *(AlphaDivergence(order=a) for a in (-1, 0, 0.3, 0.5, 1, 2)),
    SquaredHellinger(), HellingerDistance(), SquaredTotalVariation(), TotalVariation(),
    JensenShannonDistance(),
]  # fmt: skip


@pytest.mark.parametrize("functional", ALL, ids=lambda f: f.name)
def test_of_a_sample_from_itself(functional):
    same = [[30, 20, 7], [60, 40, 14]]
    assert value(functional, same) == pytest.approx(0, abs=1e-7)
    found = im.infer(functional, counts(same))
    assert found.ci.low == 0
    assert found.pvalue == pytest.approx(1, abs=1e-6)


@given(PAIRS)
def test_alpha_is_the_family_of_the_others(table):
    kl, back = value(KullbackLeibler(), table), value(KullbackLeibler(), table[::-1])
    assert value(AlphaDivergence(order=1.0), table) == pytest.approx(kl, abs=1e-12)
    assert value(AlphaDivergence(order=0.0), table) == pytest.approx(back, abs=1e-12)
    for near in (1e-9, -1e-9):
        assert value(AlphaDivergence(order=1 + near), table) == pytest.approx(kl, abs=1e-6)
        assert value(AlphaDivergence(order=near), table) == pytest.approx(back, abs=1e-6)
    half = value(AlphaDivergence(order=0.5), table)
    assert half == pytest.approx(4 * value(SquaredHellinger(), table), abs=1e-12)
    two = value(TsallisDivergence(order=2.0), table)
    assert value(AlphaDivergence(order=2.0), table) == pytest.approx(two / 2, abs=1e-12)


@given(PAIRS, st.floats(-3, 4))
def test_alpha_turns_with_the_samples(table, order):
    there = value(AlphaDivergence(order=order), table)
    back = value(AlphaDivergence(order=1 - order), table[::-1])
    assert there == pytest.approx(back, rel=1e-9, abs=1e-12)


@settings(max_examples=50)
@given(SPARSE, st.sampled_from([-1.0, -0.5, 0.0, 0.25, 0.5, 1.0, 1.5]))
def test_alpha_and_the_bounded_ones_against_plain_sums(table, order):
    oracle = TwoSample(*table)
    found = value(AlphaDivergence("keep", order), table)
    assert found == pytest.approx(oracle.truth("alpha_divergence", order=order), abs=1e-9)
    for functional in (SquaredHellinger(), HellingerDistance(), TotalVariation(),
                       SquaredTotalVariation(), JensenShannon(weight=0.3),
                       JensenShannonDistance(0.3)):  # fmt: skip
        weight = {"weight": 0.3} if hasattr(functional, "weight") else {}
        truth = oracle.truth(functional.name, **weight)
        assert value(functional, table) == pytest.approx(truth, abs=1e-7), functional.name


@given(SPARSE)
def test_total_variation_is_the_greatest_difference_of_any_event(table):
    p, r = table / table.sum(1, keepdims=True)
    k = table.shape[1]
    events = (np.arange(2**k)[:, None] >> np.arange(k)) & 1
    assert value(TotalVariation(), table) == pytest.approx(
        (events @ (p - r)).max(), abs=1e-12
    )  # fmt: skip


@given(SPARSE)
def test_jensen_shannon_distance_against_scipy(table):
    found = value(JensenShannonDistance(), table)
    assert found == pytest.approx(jensenshannon(table[0], table[1]), abs=1e-7)
    assert found == pytest.approx(math.sqrt(max(value(JensenShannon(), table), 0)), abs=1e-12)


@given(PAIRS)
def test_inequalities(table):
    """Pinsker; Le Cam: H^2 <= TV <= H sqrt(2 - H^2); H^2 <= KL / 2."""
    kl, tv = value(KullbackLeibler(), table), value(TotalVariation(), table)
    h2, js = value(SquaredHellinger(), table), value(JensenShannon(), table)
    assert tv**2 <= kl / 2 + 1e-12
    assert h2 - 1e-12 <= tv <= math.sqrt(h2 * (2 - h2)) + 1e-9
    assert h2 <= kl / 2 + 1e-12
    assert js <= math.log(2) * tv + 1e-12
    assert h2 <= js / math.log(2) + 1e-12


@given(hnp.arrays(np.int64, st.tuples(st.just(3), st.integers(2, 7)), elements=st.integers(1, 90)))
def test_distances_obey_the_triangle_inequality(three):
    for distance in (HellingerDistance(), TotalVariation(), JensenShannonDistance()):
        ab, bc, ac = (value(distance, three[list(pair)]) for pair in ((0, 1), (1, 2), (0, 2)))
        assert ac <= ab + bc + 1e-9


# --- distances are roots ----------------------------------------------------------------------

ROOTS = [HellingerDistance(), TotalVariation(), JensenShannonDistance()]
TABLE = counts([[30, 50, 20, 9], [45, 30, 25, 9]])


@pytest.mark.parametrize("root", ROOTS, ids=lambda f: f.name)
@pytest.mark.parametrize("method", ["ncx2", "bootstrap", Permutation(199), "jackknife"])
def test_a_distance_has_the_inference_of_its_square(root, method):
    found, square = im.infer(root, TABLE, method, rng=0), im.infer(root.inner, TABLE, method, rng=0)
    assert found.value == pytest.approx(math.sqrt(square.value))
    assert found.pvalue == pytest.approx(square.pvalue, nan_ok=True)
    roots = [math.sqrt(max(end, 0)) if end == end else end for end in square.ci]
    assert [*found.ci] == pytest.approx(roots, nan_ok=True)
    assert found.se == pytest.approx(square.se / (2 * found.value), nan_ok=True)


def test_total_variation_is_linear_away_from_zero():
    """Its own standard error is that of a difference of shares."""
    a, b = 600, 400
    found = im.total_variation(counts([[a, b], [300, 700]]))
    assert found.value == pytest.approx(0.3)
    assert found.se == pytest.approx(math.sqrt(0.6 * 0.4 / 1000 + 0.3 * 0.7 / 1000))
    assert [*found.ci] == pytest.approx([0.3 - 1.96 * found.se, 0.3 + 1.96 * found.se], abs=2e-3)


@pytest.mark.parametrize("k", [2, 3, 8])
def test_null_of_total_variation_has_the_mean_of_its_square(k):
    """Against a simulation where nothing differs."""
    p = 1 / np.arange(1, k + 1)
    s = TwoSample(p, p).draw([800, 500], size=6000, rng=k)
    f = SquaredTotalVariation()
    null = f.null(s)
    values = f.value(s)
    mean = float((null.scale * null.df).mean())
    assert mean == pytest.approx(values.mean(), rel=0.05)


# --- bias -------------------------------------------------------------------------------------

NEAR = TwoSample([0.35, 0.3, 0.2, 0.15], [0.25, 0.25, 0.25, 0.25])
SECOND = [
    (KullbackLeibler(), "kl_divergence", {}), (Jeffreys(), "jeffreys_divergence", {}),
    (JensenShannon(), "jensen_shannon_divergence", {}),
    (RenyiDivergence(), "renyi_divergence", {"order": 2.0}),
    (TsallisDivergence(order=0.5), "tsallis_divergence", {"order": 0.5}),
    (AlphaDivergence(order=-0.5), "alpha_divergence", {"order": -0.5}),
    (SquaredHellinger(), "squared_hellinger", {}),
]  # fmt: skip


@pytest.mark.parametrize(("functional", "name", "options"), SECOND, ids=lambda c: str(c)[:20])
def test_second_order_bias_is_that_of_a_simulation(functional, name, options):
    """Reported at the truth it is the mean error of the plug-in, to second order."""
    n, m = 400, 300
    s = NEAR.draw([n, m], size=20_000, rng=3)
    error = functional.value(s) - NEAR.truth(name, **options)
    exact = counts(np.stack([n * NEAR.shares[0], m * NEAR.shares[1]]))
    bias = float(functional.bias(exact))
    mc = error.std() / math.sqrt(len(error))
    assert abs(error.mean() - bias) < 4 * mc + 0.05 * abs(bias)


def every_sample(p, n):
    """All samples of n records of two cells, and their probabilities."""
    k = np.arange(n + 1)
    return np.stack([k, n - k], axis=1), scipy.stats.binom(n, p).pmf(k)


@pytest.mark.parametrize("functional", [SquaredHellinger(), JensenShannon()], ids=lambda f: f.name)
def test_second_order_bias_against_every_sample(functional):
    """The exact expectation over all pairs of samples of 40 records."""
    p, r = 0.4, 0.5
    (a, wa), (b, wb) = every_sample(p, 40), every_sample(r, 40)
    first, second = (np.broadcast_to(t, (41, 41, 2)) for t in (a[:, None], b[None]))
    s = im.Counts(np.stack([first, second], axis=-2))
    expected = float(wa @ functional.value(s) @ wb)
    truth = value(functional, [[p, 1 - p], [r, 1 - r]])
    corrected = functional.value(s) - functional.bias(s)
    assert expected - truth > 0.001
    assert abs(float(wa @ corrected @ wb) - truth) < 0.06 * (expected - truth)


def published_series(n, m):
    """Zhang and Grabchak's estimator as their sums of products, over cells and lags."""
    total_n, total_m = sum(n), sum(m)
    parts = []
    for x, y in zip(n, m, strict=True):
        if not x:
            continue
        product = 1.0
        for v in range(1, total_m - y + 1):
            product *= 1 - y / (total_m - v + 1)
            parts.append(x / total_n * product / v)
        product = 1.0
        for v in range(1, total_n - x + 1):
            product *= 1 - (x - 1) / (total_n - v)
            parts.append(-x / total_n * product / v)
    return math.fsum(parts)


@pytest.mark.parametrize(
    ("n", "m"),
    [((3, 1, 2), (2, 2, 5)), ((5, 0, 1), (0, 3, 4)), ((1, 1, 1, 1), (4, 0, 0, 2)), ((7,), (3,))],
)
def test_zhang_grabchak_is_its_published_series(n, m):
    found = im.kl_divergence(counts([n, m]), bias="zhang_grabchak")
    assert found.value == pytest.approx(published_series(n, m), abs=1e-12)
    assert math.isfinite(found.value)


def test_zhang_grabchak_is_nearly_without_bias_in_small_samples():
    """At 40 records a side: .001, where the plug-in that has no empty cell is .067 too high."""
    oracle = TwoSample([0.4, 0.3, 0.2, 0.1], [0.2, 0.3, 0.3, 0.2])
    s = oracle.draw(40, size=20_000, rng=5)
    truth = oracle.truth("kl_divergence")
    kl = KullbackLeibler(bias_correction="zhang_grabchak")
    plain = kl.value(s)
    corrected = kl.corrected(s, plain)
    mc = corrected.std() / math.sqrt(len(corrected))
    assert np.isfinite(corrected).all()
    assert abs(corrected.mean() - truth) < 4 * mc + 0.002
    assert plain.mean() - truth > 0.05
    second = KullbackLeibler(bias_correction="second_order").corrected(s, plain)
    assert abs(second.mean() - truth) < 0.3 * (plain.mean() - truth)


@pytest.mark.parametrize("bias", ["second_order", "zhang_grabchak"])
def test_a_corrected_value_keeps_the_interval_of_the_plug_in(bias):
    plain, found = im.kl_divergence(TABLE), im.kl_divergence(TABLE, bias=bias)
    assert found.ci == plain.ci
    assert found.pvalue == plain.pvalue
    assert found.value < plain.value
    assert found.diagnostics["plug_in"] == pytest.approx(plain.value)
    assert found.diagnostics["bias"] == pytest.approx(plain.value - found.value)
    assert found.diagnostics["bias_correction"] == bias


@pytest.mark.parametrize(
    "function",
    [im.hellinger_distance, im.total_variation, im.jensen_shannon_distance],
    ids=lambda f: f.__name__,
)
def test_a_distance_whose_square_falls_below_zero_is_zero(function):
    near = counts([[50, 30, 20, 40], [51, 29, 20, 40]])
    assert function(near, bias="second_order").value == 0
    far = counts([[90, 30, 20, 10], [20, 29, 90, 40]])
    assert 0 < function(far, bias="second_order").value < function(far).value


# --- supports that differ ---------------------------------------------------------------------

HOLES = im.Counts.from_counts([[0, 40, 30, 30], [25, 0, 45, 30]], cells=["low", "mid", "up", "top"])


def test_an_infinite_value_names_the_cells():
    with pytest.warns(SparseCellWarning, match="infinite") as caught:
        found = im.kl_divergence(HOLES, zeros="keep")
    assert found.value == math.inf
    assert found.diagnostics["empty_cells"] == [["low"], ["mid"]]
    text = " ".join(str(w.message) for w in caught)
    assert "'low' in the first" in text
    assert "'mid' in the second" in text
    assert all(map(math.isnan, found.ci)) or found.ci.high == math.inf
    assert 0 < found.pvalue < 1e-6  # the test needs no value
    assert im.Result.from_json(found.to_json()).value == math.inf


def test_half_a_record_makes_it_finite():
    with pytest.warns(SparseCellWarning, match=r"0\.5 was added"):
        found = im.kl_divergence(HOLES)
    p, r = np.array([0.5, 40.5, 30.5, 30.5]) / 102, np.array([25.5, 0.5, 45.5, 30.5]) / 102
    assert found.value == pytest.approx(scipy.stats.entropy(p, r), abs=1e-12)
    assert found.ci.high == math.inf  # 40 records face an empty cell


def test_zhang_grabchak_needs_no_half():
    kept = im.kl_divergence(HOLES, zeros="keep", bias="zhang_grabchak")
    half = im.kl_divergence(HOLES, bias="zhang_grabchak")
    assert math.isfinite(kept.value)
    assert kept.value == pytest.approx(half.value)


@pytest.mark.parametrize("order", [-1.0, 0.0, 0.5, 1.0, 2.0])
def test_alpha_is_infinite_on_the_side_it_opens_to(order):
    first_empty = counts([[0, 40, 60], [30, 40, 30]])
    found = float(AlphaDivergence("keep", order).value(first_empty))
    turned = float(AlphaDivergence("keep", order).value(counts(first_empty.table[::-1])))
    assert math.isinf(found) == (order <= 0)
    assert math.isinf(turned) == (order >= 1)


@settings(max_examples=60)
@given(SPARSE, st.sampled_from([0.3, 0.5, 0.8, 1.0, 1.2, 2.0]))
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_kept_zeros_give_what_the_theory_says(table, order):
    """Finite where it is, infinite where not, a standard error wherever the value is finite."""
    oracle = TwoSample(*table)
    for family in (RenyiDivergence, TsallisDivergence):
        found = im.infer(family("keep", order), counts(table))
        truth = math.inf
        if order < 1 or not ((table[0] > 0) & (table[1] == 0)).any():
            disjoint = not (table.prod(0) > 0).any()
            truth = (
                math.inf
                if disjoint and family is RenyiDivergence
                else oracle.truth(found.measure, order=order)
            )
        assert found.value == pytest.approx(truth, abs=1e-9)
        assert math.isfinite(found.se) == math.isfinite(truth)


@pytest.mark.parametrize("functional", [JensenShannon(), *ROOTS], ids=lambda f: f.name)
def test_bounded_measures_take_empty_cells_as_they_are(functional):
    found = im.infer(functional, HOLES)
    assert found.diagnostics["empty_cells"] == [["low"], ["mid"]]
    assert 0 < found.ci.low < found.value < found.ci.high <= functional.bounds[1]
    assert not any("0.5" in text for text in found.warnings)


def test_cells_of_samples_have_names():
    found = im.kl_divergence(["a", "b", "b"] * 20, ["b", "c"] * 30)
    assert found.diagnostics["empty_cells"] == [["c"], ["a"]]


# --- what is refused --------------------------------------------------------------------------


def test_counts_of_other_cells_are_not_compared():
    three, two = counts([3, 1, 2]), counts([2, 4])
    for p, q in ((three, two), (two, three)):
        with pytest.raises(MergeError, match="different shapes"):
            im.kl_divergence(p, q)


def test_counts_against_a_fit_of_samples():
    with pytest.raises(DataError, match="Counts have no columns"):
        im.KLDivergence().fit(["a", "b"] * 20).estimate(counts([3, 4]))


def test_zhang_grabchak_needs_records():
    weights = np.linspace(1, 2, 30), np.ones(40)
    with pytest.raises(UnsupportedError, match="Try: bias='second_order'"):
        im.kl_divergence([0, 1, 1] * 10, [0, 1] * 20, sample_weight=weights, bias="zhang_grabchak")


@pytest.mark.parametrize("order", ["x", math.nan, math.inf, 101, True])
def test_orders_that_are_none(order):
    with pytest.raises(InvalidParameterError, match="Try: order=2"):
        im.alpha_divergence(TABLE, order=order)


def test_a_hill_number_of_the_oracle_is_the_exponential_of_renyi():
    law = Categorical.zipf(20)
    assert law.truth("hill_number", q=0) == pytest.approx(20)
    assert law.truth("hill_number", q=1) == pytest.approx(math.exp(law.truth("entropy")))
    assert law.truth("hill_number", q=math.inf) == pytest.approx(1 / law.shares.max())
    assert law.truth("tsallis_entropy", q=0) == pytest.approx(19)
    assert law.truth("tsallis_entropy", q=math.inf) == 0
