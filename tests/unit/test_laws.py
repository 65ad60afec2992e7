"""Laws, by hypothesis: merging, relabelling, units, identities, encoders."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.special import rel_entr

import infometric as im
from infometric.functional import divergence, entropy, information
from infometric.functional.base import Functional
from infometric.functional.shannon import ShannonEntropy
from infometric.state.encoders import (
    BinSpec,
    Column,
    IntervalEncoder,
    encoder_from_dict,
    learn_encoder,
)
from infometric.testing import check_state, numerical_influence, relabelled

pytestmark = pytest.mark.filterwarnings("ignore::infometric.exceptions.InfometricWarning")
COUNT = st.integers(1, 400)
PAIRS = hnp.arrays(np.int64, st.tuples(st.just(2), st.integers(2, 9)), elements=COUNT)
TABLES = hnp.arrays(np.int64, st.tuples(st.integers(2, 5), st.integers(2, 5)), elements=COUNT)
FINITE = st.floats(-1e9, 1e9, width=64)
DIVERGENCES = [
    divergence.KullbackLeibler(), divergence.Jeffreys(), divergence.JensenShannon(),
    divergence.RenyiDivergence(), divergence.TsallisDivergence(order=0.5),
]  # fmt: skip


@given(PAIRS, PAIRS, PAIRS)
def test_counts_are_a_commutative_monoid(a, b, c):
    width = min(t.shape[1] for t in (a, b, c))
    check_state(*(im.Counts.from_counts(t[:, :width]) for t in (a, b, c)))


@given(st.lists(FINITE, min_size=1, max_size=200), st.integers(0, 200))
def test_counting_parts_and_joining_equals_counting_the_whole(values, cut):
    encoder = IntervalEncoder((-10.0, 0.0, 3.5), special=(7.0,), lower=-1e6, upper=1e6)
    x = np.array(values)

    def counts(part):
        table, _ = encoder.count(Column("x", part))
        return im.Counts(table, key=encoder.key)

    joined = counts(x[:cut]) + counts(x[cut:])
    assert joined.to_dict() == counts(x).to_dict()
    assert joined.table.sum() == len(x)  # nobody is lost


@given(hnp.arrays(np.float64, st.integers(1, 300), elements=st.floats(allow_infinity=False)))
def test_fast_counting_equals_counting_codes(x):
    encoder = IntervalEncoder((-1.0, 0.0, 0.5, 1e3))
    table, _ = encoder.count(Column("x", x))
    assert table[0].tolist() == np.bincount(encoder.encode(Column("x", x)), minlength=6).tolist()


@given(hnp.arrays(np.float32, st.integers(2, 300), elements=st.floats(-5, 5, width=32)))
def test_single_precision_is_compared_as_it_is(x):
    encoder = learn_encoder(Column("x", x), BinSpec(constant="keep"))
    narrow, _ = encoder.count(Column("x", x))
    wide, _ = encoder.count(Column("x", x.astype(np.float64)))
    assert narrow.tolist() == wide.tolist()


@given(st.lists(FINITE, min_size=2, max_size=300), st.integers(2, 12))
def test_quantile_edges_are_values_of_the_reference_and_survive_json(values, bins):
    x = np.array(values)
    encoder = learn_encoder(Column("x", x), BinSpec(bins=bins, constant="keep"))
    assert set(getattr(encoder, "edges", ())) <= set(x.tolist())
    assert hasattr(encoder, "edges") or len(set(values)) == 1
    again = encoder_from_dict(encoder.to_dict())
    assert again.key == encoder.key
    assert again.labels == encoder.labels


@pytest.mark.parametrize("functional", DIVERGENCES, ids=lambda f: f.name)
@settings(max_examples=30)
@given(table=PAIRS)
def test_influence_is_the_derivative_of_a_divergence(functional, table):
    s = im.Counts.from_counts(table)
    numerical = numerical_influence(functional, s)
    np.testing.assert_allclose(s.centre(functional.influence(s)), numerical, rtol=1e-4, atol=1e-5)


@settings(max_examples=30)
@given(TABLES)
def test_influence_is_the_derivative_of_mutual_information(table):
    s, f = im.Counts.from_counts(table, joint=True), information.MutualInformation()
    numerical = numerical_influence(f, s)
    np.testing.assert_allclose(s.centre(f.influence(s)), numerical, rtol=1e-4, atol=1e-5)


@given(PAIRS, st.integers(0, 99))
def test_relabelling_cells_changes_nothing(table, seed):
    s = im.Counts.from_counts(table)
    t = relabelled(s, np.random.default_rng(seed))
    for f in DIVERGENCES:
        a, b = im.infer(f, s), im.infer(f, t)
        assert (a.value, a.se, *a.ci) == pytest.approx(
            (b.value, b.se, *b.ci), abs=1e-10, nan_ok=True
        )


@given(PAIRS)
def test_leaving_one_out_by_formula_equals_doing_it(table):
    s = im.Counts.from_counts(table)
    for f in DIVERGENCES:
        slow = Functional.leave_one_out(f, s)
        np.testing.assert_allclose(f.leave_one_out(s), slow, rtol=1e-8, atol=1e-9)


@given(PAIRS, st.sampled_from(["bits", "bans"]))
def test_units_commute(table, units):
    s = im.Counts.from_counts(table)
    there = im.infer(divergence.Jeffreys(), s, units=units)
    here = im.infer(divergence.Jeffreys(), s).to(units)
    assert there.to_dict() == here.to_dict()
    assert there.to("nats").value == pytest.approx(im.infer(divergence.Jeffreys(), s).value)


@given(TABLES)
def test_identities_of_mutual_information(table):
    s = im.Counts.from_counts(table, joint=True)
    value = float(information.MutualInformation().value(s))
    h = ShannonEntropy()
    parts = (table.sum(1), table.sum(0), table.ravel())
    hx, hy, hxy = (float(h.value(im.Counts.from_counts(p))) for p in parts)
    assert value == pytest.approx(hx + hy - hxy, abs=1e-12)
    p = table / table.sum()
    product = np.outer(p.sum(1), p.sum(0))
    assert value == pytest.approx(rel_entr(p, product).sum(), abs=1e-12)
    flipped = im.Counts.from_counts(table.T, joint=True)
    assert float(information.MutualInformation().value(flipped)) == pytest.approx(value, abs=1e-12)


@given(PAIRS)
def test_divergences_against_scipy_and_each_other(table):
    p, r = table / table.sum(1, keepdims=True)
    s = im.Counts.from_counts(table)
    kl = float(divergence.KullbackLeibler().value(s))
    assert kl == pytest.approx(scipy.stats.entropy(p, r), abs=1e-12)
    js = float(divergence.JensenShannon().value(s))
    from scipy.spatial.distance import jensenshannon

    assert js == pytest.approx(jensenshannon(p, r) ** 2, abs=1e-9)
    for family in (divergence.RenyiDivergence, divergence.TsallisDivergence):
        assert float(family(order=1.0).value(s)) == pytest.approx(kl, abs=1e-12)
        assert float(family(order=1 + 1e-9).value(s)) == pytest.approx(kl, abs=1e-6)
    other = float(divergence.KullbackLeibler().value(im.Counts.from_counts(table[::-1])))
    assert float(divergence.Jeffreys().value(s)) == pytest.approx(kl + other, abs=1e-12)


@given(PAIRS)
def test_pearson_against_scipy(table):
    s = im.Counts.from_counts(table)
    wanted = scipy.stats.chi2_contingency(table, correction=False)
    found = im.infer(information.PearsonChiSquare("asymptotic"), s, "chi2")
    assert found.value == pytest.approx(wanted.statistic, rel=1e-9, abs=1e-9)
    assert found.pvalue == pytest.approx(wanted.pvalue, rel=1e-6, abs=1e-12)


@given(hnp.arrays(np.int64, st.integers(2, 20), elements=COUNT))
def test_entropies_against_scipy_and_their_limits(counts):
    s = im.Counts.from_counts(counts)
    p = counts / counts.sum()
    h = float(ShannonEntropy().value(s))
    assert h == pytest.approx(scipy.stats.entropy(p), abs=1e-12)
    assert float(entropy.RenyiEntropy(order=1.0).value(s)) == pytest.approx(h, abs=1e-12)
    assert float(entropy.RenyiEntropy(order=2.0).value(s)) == pytest.approx(-np.log((p**2).sum()))
    mm = float(ShannonEntropy("miller_madow").value(s))
    assert mm == pytest.approx(h + (len(counts) - 1) / (2 * counts.sum()))


def test_weights_that_are_all_one_change_nothing(rng):
    x, w = rng.normal(size=500), np.ones(500)
    a = im.PSI().fit(x).estimate(x[:200] + 0.3)
    b = im.PSI().fit(x, sample_weight=w).estimate(x[:200] + 0.3, sample_weight=w[:200])
    assert (a.value, a.se) == pytest.approx((b.value, b.se))


def test_the_same_seed_gives_the_same_bits(rng):
    s = im.Counts.from_counts(rng.integers(1, 50, (2, 6)))
    for method in ("bootstrap", "permutation"):
        first = im.infer(divergence.Jeffreys(), s, method, rng=3)
        again = im.infer(divergence.Jeffreys(), s, method, rng=3)
        other = im.infer(divergence.Jeffreys(), s, method, rng=4)
        assert first.replicates == again.replicates
        assert first.replicates != other.replicates


def test_bootstrap_and_permutation_against_the_analytic_answers(rng):
    s = im.Counts.from_counts([[300, 400, 300], [240, 380, 380]])
    f = divergence.Jeffreys()
    delta = im.infer(f, s, "delta")
    assert im.infer(f, s, "jackknife").se == pytest.approx(delta.se, rel=0.02)
    assert im.infer(f, s, im.Bootstrap(20_000), rng=1).se == pytest.approx(delta.se, rel=0.05)
    null = im.Counts.from_counts([[300, 400, 300], [290, 380, 330]])
    exact = im.infer(f, null, im.Permutation(20_000), rng=1).pvalue
    assert exact == pytest.approx(im.infer(f, null, "chi2").pvalue, abs=0.015)
