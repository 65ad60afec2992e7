"""Measures of dependence: closed forms, identities, scikit-learn's numbers, series, tests."""

from __future__ import annotations

import itertools
import math
import tracemalloc
from collections import Counter

import numpy as np
import pytest
import scipy.stats
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics.cluster import expected_mutual_information as expected_of_sklearn

import infometric as im
from infometric.exceptions import (
    DataError,
    DegenerateWarning,
    InvalidParameterError,
    MergeError,
    SparseCellWarning,
    UnsupportedError,
)
from infometric.functional import information
from infometric.functional.information import (
    AdjustedMutualInformation,
    ConditionalMutualInformation,
    DualTotalCorrelation,
    InteractionInformation,
    MutualInformation,
    NormalizedMutualInformation,
    TotalCorrelation,
    conditional_moments,
    expected_mutual_information,
    independence_moments,
)
from infometric.functional.shannon import ShannonEntropy
from infometric.oracles import JointTable
from infometric.state.counts import Counts
from infometric.uncertainty import Chi2Null, Permutation
from infometric.uncertainty.resampling import EXCHANGES, random_tables

pytestmark = pytest.mark.filterwarnings("ignore::infometric.exceptions.InfometricWarning")
LOG2 = math.log(2)
TABLES = hnp.arrays(np.int64, st.tuples(*[st.integers(1, 4)] * 2), elements=st.integers(0, 60))
TABLES = TABLES.filter(lambda t: t.sum() > 0)
CUBES = hnp.arrays(np.int64, st.tuples(*[st.integers(1, 4)] * 3), elements=st.integers(0, 40))
CUBES = CUBES.filter(lambda t: t.sum() > 0)
AVERAGES = ("arithmetic", "min", "max", "geometric")


def joint(table):
    return im.Counts.from_counts(table, joint=True)


def value(functional, table):
    return float(functional.value(joint(table)))


def entropy(table):
    return float(ShannonEntropy().value(im.Counts.from_counts(np.ravel(table))))


def records(table):
    """A column for each variable, a row for each record."""
    cells = np.argwhere(np.ones(np.shape(table), bool))
    return np.repeat(cells, np.ravel(table), axis=0)


# --- closed forms -----------------------------------------------------------------------------

BITS = np.indices((2, 2, 2))
XOR = 25 * ((BITS[0] ^ BITS[1]) == BITS[2])
COPIES = 50 * ((BITS[0] == BITS[1]) & (BITS[1] == BITS[2]))


@pytest.mark.parametrize(
    ("table", "cmi", "tc", "dtc", "ii"),
    [(XOR, LOG2, LOG2, 2 * LOG2, -LOG2), (COPIES, 0.0, 2 * LOG2, LOG2, LOG2)],
    ids=["exclusive or", "copies"],
)
def test_three_bits(table, cmi, tc, dtc, ii):
    assert value(ConditionalMutualInformation(), table) == pytest.approx(cmi, abs=1e-12)
    assert value(TotalCorrelation(), table) == pytest.approx(tc, abs=1e-12)
    assert value(DualTotalCorrelation(), table) == pytest.approx(dtc, abs=1e-12)
    assert value(InteractionInformation(), table) == pytest.approx(ii, abs=1e-12)


def test_a_pair_of_the_exclusive_or_shares_nothing():
    for axis in range(3):
        assert value(MutualInformation(), XOR.sum(axis)) == pytest.approx(0, abs=1e-12)


def test_binary_symmetric_channel():
    table = np.array([[89, 11], [11, 89]])
    assert value(MutualInformation(), table) == pytest.approx(0.3466318436, abs=1e-10)


def test_markov_chain_through_the_given_variable():
    """x - z - y: what x and y share they have from z."""
    copies = [[[729, 81], [81, 9]], [[9, 81], [81, 729]]]  # z first
    table = np.moveaxis(np.array(copies), 0, -1)
    assert value(ConditionalMutualInformation(), table) == pytest.approx(0, abs=1e-12)
    assert value(MutualInformation(), table.sum(-1)) > 0.2


def test_nothing_given_is_mutual_information():
    x, y = records([[30, 10, 5], [10, 30, 8]]).T
    given_nothing = im.ConditionalMutualInformation().fit(x, y).estimate()
    assert given_nothing.measure == "mutual_information"
    with pytest.raises(DataError, match="z is None"):
        im.conditional_mutual_information(x, y)
    plain = im.mutual_information(x, y)
    assert given_nothing.value == pytest.approx(plain.value, abs=1e-12)
    assert given_nothing.pvalue == pytest.approx(plain.pvalue, rel=1e-9)


# --- permutations -----------------------------------------------------------------------------


@given(st.lists(st.integers(0, 6), min_size=2, max_size=4),
       st.lists(st.integers(0, 6), min_size=2, max_size=4), st.integers(0, 9))  # fmt: skip
def test_random_tables_have_their_margins_and_no_negative_count(rows, columns, seed):
    rows, columns = np.array(rows), np.array(columns)
    rows[0], columns[0] = 0, 0
    gap = rows.sum() - columns.sum()
    (rows if gap < 0 else columns)[-1] += abs(gap)
    if not rows.sum():
        return
    drawn = random_tables(rows, columns, np.random.default_rng(seed))(50)
    assert drawn.min() >= 0
    assert (drawn.sum(2) == rows).all()
    assert (drawn.sum(1) == columns).all()


def test_random_tables_follow_the_hypergeometric_law():
    rows, columns = np.array([0, 7, 5]), np.array([4, 0, 8])
    drawn = random_tables(rows, columns, np.random.default_rng(0))(40_000)
    times = np.bincount(drawn[:, 1, 0], minlength=5)
    law = scipy.stats.hypergeom(12, 7, 4).pmf(np.arange(5))
    assert scipy.stats.chisquare(times, 40_000 * law).pvalue > 1e-3


def test_a_permutation_within_slices_with_an_empty_level():
    s = im.Counts.from_counts([[[13, 0], [1, 0]], [[7, 4], [1, 24]]], joint=True)
    found = im.infer(information.ConditionalMutualInformation(), s, Permutation(199), rng=0)
    assert np.isfinite(found.replicates).all()
    assert min(found.replicates) > -1e-12


# --- identities -------------------------------------------------------------------------------


@given(CUBES)
def test_identities_of_three_variables(table):
    h = {kept: entropy(table.sum(tuple({0, 1, 2} - set(kept)))) for kept in
         itertools.chain(*(itertools.combinations(range(3), k) for k in (1, 2, 3)))}  # fmt: skip
    cmi = value(ConditionalMutualInformation(), table)
    assert cmi == pytest.approx(h[0, 2] + h[1, 2] - h[0, 1, 2] - h[2,], abs=1e-10)
    assert cmi >= -1e-12
    tc, dtc = value(TotalCorrelation(), table), value(DualTotalCorrelation(), table)
    assert tc == pytest.approx(h[0,] + h[1,] + h[2,] - h[0, 1, 2], abs=1e-10)
    alone = 3 * h[0, 1, 2] - h[0, 1] - h[0, 2] - h[1, 2]
    assert dtc == pytest.approx(h[0, 1, 2] - alone, abs=1e-10)
    assert min(tc, dtc) >= -1e-12
    mi = value(MutualInformation(), table.sum(2))
    ii = value(InteractionInformation(), table)
    assert ii == pytest.approx(mi - cmi, abs=1e-10)
    assert ii == pytest.approx(value(InteractionInformation(), table.T), abs=1e-10)
    assert ii == pytest.approx(tc - dtc, abs=1e-10)  # of three variables


@given(CUBES)
def test_chain_rule(table):
    """I(X; Y, Z) = I(X; Z) + I(X; Y | Z)."""
    both = value(MutualInformation(), table.reshape(len(table), -1))
    first = value(MutualInformation(), table.sum(1))
    assert both == pytest.approx(
        first + value(ConditionalMutualInformation(), table), abs=1e-10
    )  # fmt: skip


@given(TABLES)
def test_of_two_variables_all_are_mutual_information(table):
    mi = value(MutualInformation(), table)
    assert mi == pytest.approx(entropy(table.sum(0)) + entropy(table.sum(1)) - entropy(table))
    for functional in (TotalCorrelation(), DualTotalCorrelation(), InteractionInformation()):
        assert value(functional, table) == pytest.approx(mi, abs=1e-12)


@given(TABLES, st.data())
def test_processing_adds_no_information(table, data):
    """Neither a function of y nor a noisy channel behind it knows more of x than y does."""
    mi = value(MutualInformation(), table)
    onto = data.draw(hnp.arrays(np.int64, table.shape[1], elements=st.integers(0, 2)))
    merged = np.zeros((len(table), 3), int)
    np.add.at(merged.T, onto, table.T)
    assert value(MutualInformation(), merged) <= mi + 1e-10
    channel = data.draw(
        hnp.arrays(float, (table.shape[1], 3), elements=st.floats(0.01, 1))
    )  # fmt: skip
    noisy = table @ (channel / channel.sum(1, keepdims=True))
    assert value(MutualInformation(), noisy) <= mi + 1e-10


@given(TABLES)
def test_mutual_information_is_between_zero_and_either_entropy(table):
    """Not above an entropy, not below zero, and zero where a variable has one value."""
    mi = value(MutualInformation(), table)
    assert -1e-12 <= mi <= min(entropy(table.sum(0)), entropy(table.sum(1))) + 1e-12
    p = table / table.sum()
    product = np.outer(p.sum(1), p.sum(0))
    plain = math.fsum(a * math.log(a / b) for a, b in zip(p.flat, product.flat, strict=True) if a)
    assert mi == pytest.approx(plain, abs=1e-12)
    constant = np.vstack([table.sum(0), np.zeros_like(table.sum(0))])
    assert value(MutualInformation(), constant) == pytest.approx(0, abs=1e-12)


def test_plug_in_of_a_dependent_table_is_positive():
    """A near copy of five levels; estimators that add corrections elsewhere go below zero here."""
    table = np.full((5, 5), 1) + 9 * np.eye(5, dtype=int)
    found = im.mutual_information(joint(table))
    assert found.value == pytest.approx(0.615084, abs=1e-6)
    for bias in ("miller_madow", "grassberger", "chao_shen", "jackknife", "second_order"):
        other = im.mutual_information(joint(table), bias=bias)
        assert 0.2 < other.value < 0.6
        assert other.diagnostics["plug_in"] == pytest.approx(found.value)
        assert other.diagnostics["bias"] == pytest.approx(found.value - other.value)
        assert other.ci == found.ci


def test_a_constant_feature_shares_nothing_and_says_so():
    with pytest.warns(DegenerateWarning, match="nothing to share"):
        found = im.mutual_information([1] * 60, [0, 1, 2] * 20)
    assert (found.value, found.pvalue) == (0, 1)
    for average in (*AVERAGES, "joint"):
        assert im.normalized_mutual_information(
            [1] * 60, [0, 1, 2] * 20, normalization=average
        ).value == 0  # fmt: skip
    assert im.conditional_mutual_information([1] * 60, [0, 1] * 30, [0, 1, 2] * 20).value == 0


def test_second_order_bias_is_the_excess_of_the_plug_in():
    """Over many tables without dependence the corrected values have mean zero."""
    for oracle, functional in (
        (JointTable.independent([0.2, 0.3, 0.5], [0.6, 0.4]), MutualInformation()),
        (JointTable.chain(0.2), ConditionalMutualInformation()),
        (JointTable.independent([0.5, 0.5], [0.3, 0.7], [0.2, 0.8]), TotalCorrelation()),
        (JointTable.independent([0.5, 0.5], [0.3, 0.7], [0.2, 0.8]), DualTotalCorrelation()),
        (JointTable.independent([0.5, 0.5], [0.3, 0.7], [0.4, 0.6]), InteractionInformation()),
    ):
        s = oracle.draw(400, size=4000, rng=2)
        left = functional.value(s) - functional.bias(s)
        mc = left.std() / math.sqrt(len(left))
        assert abs(left.mean()) < 4 * mc + 0.06 * abs(functional.bias(s).mean()), functional.name


# --- scikit-learn's numbers -------------------------------------------------------------------

LABELLED = [
    ([0, 0, 1, 1, 2, 2] * 7, [0, 1, 1, 0, 0, 1] * 7),
    tuple(np.random.default_rng(1).integers(0, (9, 4), (300, 2)).T),
    tuple(np.random.default_rng(2).integers(0, (60, 50), (200, 2)).T),
    (np.arange(1000) % 7, np.arange(1000) % 14),
    ([0] * 20, [0, 1] * 10),
]


@pytest.mark.parametrize("average", AVERAGES)
@pytest.mark.parametrize("sample", LABELLED, ids=range(5))
def test_normalised_and_adjusted_against_sklearn(sample, average):
    x, y = sample
    found = im.normalized_mutual_information(x, y, normalization=average)
    wanted = sklearn.metrics.normalized_mutual_info_score(x, y, average_method=average)
    assert found.value == pytest.approx(wanted, abs=1e-10)
    found = im.adjusted_mutual_information(x, y, normalization=average)
    if len(set(x)) > 1:  # of constants scikit-learn divides zero by a rounding error
        wanted = sklearn.metrics.adjusted_mutual_info_score(x, y, average_method=average)
        assert found.value == pytest.approx(wanted, abs=1e-10)
    else:
        assert found.value == 0


@given(TABLES)
@settings(max_examples=40)
def test_expected_mutual_information_against_sklearn(table):
    found = expected_mutual_information(table.sum(1), table.sum(0))
    table = table[table.any(1)][:, table.any(0)]
    wanted = expected_of_sklearn(table, int(table.sum()))
    assert float(found) == pytest.approx(wanted, abs=1e-10)


@pytest.mark.parametrize("scale", [1, 10**6, 10**12])
def test_expected_mutual_information_of_any_number_of_records(scale):
    """Far from one record a cell twice the mean times N is the degrees of freedom."""
    rows, columns = np.array([300, 500, 200]) * scale, np.array([600, 400]) * scale
    n = int(rows.sum())
    found = float(expected_mutual_information(rows, columns))
    assert 2 * n * found == pytest.approx(2, rel=0.005 / min(scale, 1000))


def test_ways_to_the_expected_mutual_information_agree(monkeypatch):
    rows = np.array([3_000_000, 1_000_000, 4_000])
    columns = np.array([2_000_000, 1_994_000, 10_000])
    series = float(expected_mutual_information(rows, columns))
    monkeypatch.setattr(information, "SERIES_FROM", np.inf)
    tabulated = float(expected_mutual_information(rows, columns))
    monkeypatch.setattr(information, "MOST_TABULATED", 0)
    ratios = float(expected_mutual_information(rows, columns))
    assert series == pytest.approx(ratios, rel=2e-8)
    assert tabulated == pytest.approx(ratios, rel=2e-8)


def test_adjusted_information_of_nearly_constant_variables():
    """With 60 digits: .4680522 of a hundred million million records."""
    s = im.Counts.from_counts([[10**14, 1], [1, 1]], joint=True)
    assert im.adjusted_mutual_information(s).value == pytest.approx(0.46805, abs=2e-4)


def test_a_function_in_few_records_has_no_interval():
    assert math.isnan(im.mutual_information([0, 1], [0, 1]).ci.low)


def test_adjusted_information_of_huge_counts():
    s = im.Counts.from_counts([[10**15, 10], [10, 10**15]], joint=True)
    tracemalloc.start()
    assert im.adjusted_mutual_information(s).value == pytest.approx(1, abs=1e-9)
    assert tracemalloc.get_traced_memory()[1] < 1e9
    tracemalloc.stop()


def test_expected_mutual_information_of_many_records():
    rng = np.random.default_rng(0)
    table = rng.multinomial(200_000, rng.dirichlet(np.ones(30))).reshape(5, 6)
    found = float(expected_mutual_information(table.sum(1), table.sum(0)))
    assert found == pytest.approx(expected_of_sklearn(table, 200_000), rel=1e-8)
    assert found == pytest.approx(20 / (2 * 200_000), rel=1e-3)  # its leading term


def test_expected_mutual_information_is_the_mean_over_permutations():
    s = joint([[5, 1, 0], [2, 4, 3]])
    draw = EXCHANGES["rows"](s, np.random.default_rng(0))(20_000)
    values = MutualInformation().value(s.with_table(draw.reshape(-1, 1, 6)))
    expected = float(expected_mutual_information(s.joint.sum(-1), s.joint.sum(-2)))
    assert values.mean() == pytest.approx(expected, abs=4 * values.std() / math.sqrt(20_000))


def test_adjusted_is_near_zero_where_normalised_is_not():
    x, y = np.random.default_rng(3).integers(0, 40, (2, 200))
    assert im.normalized_mutual_information(x, y).value > 0.5
    assert abs(im.adjusted_mutual_information(x, y).value) < 0.05


# --- transfer entropy -------------------------------------------------------------------------


def transfer_by_loop(x, y, lag=1, source_history=1, target_history=1):
    """I(y_t; x_past | y_past) from dictionaries of tuples."""
    start = max(lag + source_history - 1, target_history)
    seen = [
        (y[t], tuple(x[t - lag - k] for k in range(source_history)),
         tuple(y[t - 1 - k] for k in range(target_history)))
        for t in range(start, len(y))
    ]  # fmt: skip
    n = len(seen)
    full, with_x = Counter(seen), Counter((b, c) for _, b, c in seen)
    with_y, past = Counter((a, c) for a, _, c in seen), Counter(c for _, _, c in seen)
    return math.fsum(
        k / n * math.log(k * past[c] / (with_x[b, c] * with_y[a, c]))
        for (a, b, c), k in full.items()
    )


PASTS = [(1, 1, 1), (2, 1, 1), (1, 2, 1), (1, 1, 3), (3, 2, 2), (2, 3, 1)]


@pytest.mark.parametrize(("lag", "source_history", "target_history"), PASTS)
def test_transfer_entropy_against_a_loop(lag, source_history, target_history, rng):
    past = {"lag": lag, "source_history": source_history, "target_history": target_history}
    x, y = rng.integers(0, 3, 400), rng.integers(0, 2, 400)
    y[3:] ^= x[:-3] > 1
    found = im.transfer_entropy(x, y, **past)
    assert found.value == pytest.approx(transfer_by_loop(x.tolist(), y.tolist(), **past), abs=1e-10)
    assert found.measure == "transfer_entropy"
    assert found.n == (400 - max(lag + source_history - 1, target_history),)


FLIP = 0.3  # of the source
NEXT = np.array([[0.9, 0.4], [0.6, 0.2]])  # P(y' = 0 | y, x)


def chain_of_two():
    """Transfer entropies x to y and y to x of the chain, from its stationary law."""
    step = np.zeros((2, 2, 2, 2))  # x, y, x', y'
    for x, y, a, b in np.ndindex(step.shape):
        to_y = NEXT[y, x] if b == 0 else 1 - NEXT[y, x]
        step[x, y, a, b] = (FLIP if a != x else 1 - FLIP) * to_y
    values, vectors = np.linalg.eig(step.reshape(4, 4).T)
    still = np.real(vectors[:, np.argmin(np.abs(values - 1))])
    law = (still / still.sum()).reshape(2, 2)[..., None, None] * step
    forward = JointTable(np.moveaxis(law.sum(2), (2, 0, 1), (0, 1, 2)))  # y', x, y
    backward = JointTable(np.moveaxis(law.sum(3), (2, 1, 0), (0, 1, 2)))  # x', y, x
    return tuple(o.truth("conditional_mutual_information") for o in (forward, backward))


def simulated_chain(n, seed):
    u = np.random.default_rng(seed).random((n, 2))
    x, y = np.zeros(n, int), np.zeros(n, int)
    for t in range(1, n):
        x[t] = x[t - 1] ^ int(u[t, 0] < FLIP)
        y[t] = int(u[t, 1] >= NEXT[y[t - 1], x[t - 1]])
    return x, y


def test_transfer_entropy_of_a_coupled_chain():
    forward, backward = chain_of_two()
    assert forward > 0.05
    assert backward == pytest.approx(0, abs=1e-12)
    x, y = simulated_chain(40_000, 1)
    there, back = im.transfer_entropy(x, y), im.transfer_entropy(y, x)
    assert abs(there.value - forward) < 4 * there.se
    assert there.ci.low <= forward <= there.ci.high
    assert there.pvalue < 1e-12 < back.pvalue
    assert back.ci.low == 0


def test_transfer_entropy_keeps_its_size_where_the_target_remembers():
    """A long-lived target and source that know nothing of each other."""
    rng = np.random.default_rng(4)
    series = (rng.random((2, 400, 300)) < 0.15).cumsum(-1) % 2
    pvalues = [im.transfer_entropy(x, y).pvalue for x, y in zip(*series, strict=True)]
    assert 0.02 <= np.mean(np.array(pvalues) < 0.05) <= 0.085


def test_segments_of_a_series_add_without_a_bridge():
    x, y = simulated_chain(600, 2)
    cut = im.TransferEntropy(source_history=2)
    parts = [(x[:250], y[:250]), (x[250:], y[250:])]
    whole = im.TransferEntropy(source_history=2).fit(*parts[0]).partial_fit(*parts[1])
    first, second = (im.TransferEntropy(source_history=2).fit(*part) for part in parts)
    assert first.merge(second).state_.to_dict() == whole.state_.to_dict()
    assert whole.estimate().n == (600 - 2 * 2,)  # each segment loses its first two moments
    assert cut.fit(x, y).estimate().n == (598,)


def test_segments_with_another_past_do_not_merge():
    x, y = simulated_chain(300, 2)
    mine = im.TransferEntropy(lag=1).fit(x, y)
    for other in ({"lag": 2}, {"source_history": 2}, {"target_history": 2}):
        with pytest.raises(MergeError, match="moments of the past"):
            mine.merge(im.TransferEntropy(**other).fit(x, y))


def test_bins_of_a_series_are_those_of_all_its_moments(rng):
    x = rng.normal(size=500)
    y = np.concatenate([[0.0], x[:-1]]) + rng.normal(size=500) / 4
    found = im.TransferEntropy(bins=3).fit(x, y)
    present, source, past = ([*e.values()] for e in found.encoders_)
    assert present[0].key == past[0].key != source[0].key
    assert found.estimate().value > 0.5


def test_weights_of_a_series_are_those_of_the_present():
    x, y = simulated_chain(300, 3)
    w = np.r_[np.full(100, 1.0), np.full(200, 2.0)]
    heavy = im.transfer_entropy(x, y, sample_weight=w)
    wanted = Counts(
        im.TransferEntropy().fit(x[:100], y[:100]).state_.table
        + 2 * im.TransferEntropy().fit(x[99:], y[99:]).state_.table, (4, 4, 4),
    )  # fmt: skip
    assert heavy.value == pytest.approx(
        float(ConditionalMutualInformation().value(wanted)), abs=1e-12
    )  # fmt: skip


# --- samples, weights, merging, new data ------------------------------------------------------

BY_COLUMNS = [im.TotalCorrelation, im.DualTotalCorrelation, im.InteractionInformation]
CUBE = np.array([[[30, 10, 5], [10, 30, 8]], [[9, 3, 40], [12, 7, 6]]])


def fitted(kind, rows, **options):
    arguments = (rows,) if kind in BY_COLUMNS else rows.T
    return kind().fit(*arguments, **options)


@pytest.mark.parametrize("kind", [im.ConditionalMutualInformation, *BY_COLUMNS])
def test_samples_and_counts_agree(kind):
    a, b = fitted(kind, records(CUBE)).estimate(), kind().fit(joint(CUBE)).estimate()
    assert (a.value, a.se, *a.ci, a.pvalue) == pytest.approx((b.value, b.se, *b.ci, b.pvalue))


@pytest.mark.parametrize("kind", [im.ConditionalMutualInformation, *BY_COLUMNS])
def test_parts_join_and_new_data_are_counted_alike(kind):
    rows = np.random.default_rng(0).permutation(records(CUBE))
    first, second = fitted(kind, rows[:80]), fitted(kind, rows[80:])
    new = rows[80:]
    on_new = first.estimate(*((new,) if kind in BY_COLUMNS else new.T))
    assert on_new.value == pytest.approx(second.estimate().value, abs=1e-12)
    assert first.merge(second).estimate().value == pytest.approx(
        fitted(kind, rows).estimate().value, abs=1e-12
    )  # fmt: skip


@pytest.mark.parametrize("kind", [im.ConditionalMutualInformation, *BY_COLUMNS])
def test_weights_stand_for_records_in_the_value_alone(kind, rng):
    rows = records(CUBE)
    w = rng.integers(1, 4, len(rows))
    weighted = fitted(kind, rows, sample_weight=w).estimate()
    repeated = fitted(kind, np.repeat(rows, w, axis=0)).estimate()
    assert weighted.value == pytest.approx(repeated.value, abs=1e-12)
    assert weighted.se > repeated.se
    even = fitted(kind, rows, sample_weight=np.full(len(rows), 2.0)).estimate()
    plain = fitted(kind, rows).estimate()
    assert (even.value, even.se) == pytest.approx((plain.value, plain.se))


def test_a_frame_gives_columns_by_name():
    import pandas as pd

    frame = pd.DataFrame(records(CUBE), columns=["a", "b", "c"]).astype({"a": str})
    model = im.TotalCorrelation().fit(frame)
    assert model.estimate(frame[["c", "a", "b"]]).value == pytest.approx(model.estimate().value)


def test_what_is_given_must_be_given_again():
    x, y, z = records(CUBE).T
    model = im.ConditionalMutualInformation().fit(x, y, z)
    assert model.ci(x, y, z) == model.ci()
    assert model.test(x, y, z).pvalue == model.test().pvalue
    assert model.score(x, y, z) == pytest.approx(model.estimate().value)
    with pytest.raises(DataError, match="z is None, and fit saw one"):
        model.estimate(x, y)
    with pytest.raises(DataError, match="z is given, and fit saw none"):
        im.ConditionalMutualInformation().fit(x, y).estimate(x, y, z)


# --- tests of "nothing there" -----------------------------------------------------------------


@pytest.mark.parametrize("n", [2, 3, 4, 5, 6])
def test_moments_of_a_few_records_by_enumeration(n, rng):
    for _ in range(10):
        x, y = rng.integers(0, 3, (2, n))
        values = []
        for order in set(itertools.permutations(range(n))):
            table = np.zeros((3, 3))
            np.add.at(table, (x, y[list(order)]), 1)
            expected = np.outer(table.sum(1), table.sum(0)) / n
            gap = np.divide((table - expected) ** 2, expected, where=expected > 0,
                            out=np.zeros((3, 3)))  # fmt: skip
            values.append(gap.sum())
        mean, variance = conditional_moments(table)
        assert float(mean) == pytest.approx(np.mean(values), abs=1e-9)
        assert float(variance) == pytest.approx(np.var(values), abs=1e-9)


@pytest.mark.parametrize("n", [2, 3, 4])
def test_moments_of_three_variables_by_enumeration(n, rng):
    for _ in range(4):
        labels = rng.integers(0, 2, (3, n))
        sizes = [np.bincount(x, minlength=2) for x in labels]
        expected = np.einsum("i,j,k->ijk", *sizes) / n**2
        values = []
        for second, third in itertools.product(itertools.permutations(range(n)), repeat=2):
            table = np.zeros((2, 2, 2))
            np.add.at(table, (labels[0], labels[1][list(second)], labels[2][list(third)]), 1)
            gap = np.divide((table - expected) ** 2, expected, where=expected > 0,
                            out=np.zeros(expected.shape))  # fmt: skip
            values.append(gap.sum())
        mean, variance = independence_moments(sizes)
        assert float(mean) == pytest.approx(np.mean(values), abs=1e-9)
        assert float(variance) == pytest.approx(np.var(values), abs=1e-9)


@given(TABLES)
def test_moments_of_two_variables_are_those_of_haldane_and_dawson(table):
    found = independence_moments([table.sum(1), table.sum(0)])
    if table.sum() > 3:
        wanted = [float(v) for v in conditional_moments(table)]
        assert [float(v) for v in found] == pytest.approx(wanted, rel=1e-6, abs=1e-9)


def test_moments_of_very_many_records_are_the_textbook_s():
    for n in (10**6, 10**9, 10**12):
        mean, variance = independence_moments([np.array([n // 2, n // 2])] * 3)
        assert float(mean) == pytest.approx(4, rel=1e-3)
        assert float(variance) == pytest.approx(8, rel=1e-3)


@pytest.mark.parametrize(
    ("levels", "variables", "ratio", "n"), [(8, 3, 0.6, 60), (20, 3, 0.9, 150), (3, 5, 0.4, 150)]
)
@pytest.mark.parametrize("functional", [TotalCorrelation(), DualTotalCorrelation()])
def test_total_correlation_keeps_its_size_in_thin_tables(functional, levels, variables, ratio, n):
    """With the textbook's law of X^2 a fifth to a third of these were rejected."""
    s = JointTable.independent(*[ratio ** np.arange(levels)] * variables).draw(n, size=2000, rng=1)
    pvalue = Chi2Null()(functional, s, functional.value(s)).pvalue
    assert 0.02 <= np.mean(pvalue < 0.05) <= 0.075


@pytest.mark.parametrize(
    ("shape", "n"), [((2, 2, 50), 200), ((3, 3, 100), 200), ((2, 2, 400), 400)]
)
def test_conditional_test_keeps_its_size_in_slices_of_a_few_records(shape, n):
    """Slices of two and three records have their share of X^2, and so of its moments."""
    rng = np.random.default_rng(5)
    px, py = (rng.dirichlet(np.full(k, 4.0), shape[2]) for k in shape[:2])
    p = np.einsum("zx,zy,z->xyz", px, py, rng.dirichlet(np.full(shape[2], 2.0)))
    s = JointTable(p).draw(n, size=2000, rng=rng)
    found = Chi2Null()(ConditionalMutualInformation(), s, ConditionalMutualInformation().value(s))
    assert 0.03 <= np.mean(found.pvalue < 0.05) <= 0.07


def test_interaction_of_a_thin_table_has_a_value_alone():
    """Most of the value is bias then, and Wald's test would reject whatever is there."""
    rows = np.random.default_rng(6).integers(0, 4, (100, 4))
    with pytest.warns(SparseCellWarning, match="no interval is known to hold"):
        found = im.interaction_information(rows)
    assert math.isfinite(found.value)
    assert math.isnan(found.pvalue)
    assert all(map(math.isnan, found.ci))
    assert 0 < im.interaction_information(rows, method=Permutation(99), rng=1).pvalue <= 1


# --- permutations -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("exchange", "stays"),
    [("rows", [(0,), (1, 2)]), ("within", [(0, 2), (1, 2)]), ("all", [(0,), (1,), (2,)])],
)
def test_margins_that_a_permutation_leaves(exchange, stays):
    table = np.random.default_rng(7).integers(0, 6, (3, 2, 4))
    table[1] = 0  # a level without records
    s = joint(table)
    drawn = EXCHANGES[exchange](s, np.random.default_rng(8))(300).reshape(300, *table.shape)
    assert (drawn >= 0).all()
    assert len(np.unique(drawn.reshape(300, -1), axis=0)) > 50
    for kept in stays:
        lost = tuple({0, 1, 2} - set(kept))
        assert (drawn.sum(tuple(a + 1 for a in lost)) == table.sum(lost)).all()
    wanted = {"rows": MutualInformation(), "within": ConditionalMutualInformation()}.get(exchange)
    flat = s if exchange != "rows" else joint(table.reshape(3, 8))
    expected = (wanted or TotalCorrelation()).expected(flat).reshape(table.shape)
    error = 5 * drawn.std(0) / math.sqrt(300) + 1e-9
    assert (np.abs(drawn.mean(0) - expected) < error).all()


NULLS = [
    (MutualInformation(), JointTable.independent([0.3, 0.7], [0.2, 0.3, 0.5])),
    (AdjustedMutualInformation(), JointTable.independent([0.3, 0.7], [0.2, 0.3, 0.5])),
    (ConditionalMutualInformation(), JointTable.chain(0.3)),
    (TotalCorrelation(), JointTable.independent([0.3, 0.7], [0.5, 0.5], [0.4, 0.6])),
    (InteractionInformation(), JointTable.independent([0.3, 0.7], [0.5, 0.5], [0.4, 0.6])),
]


@pytest.mark.parametrize(("functional", "oracle"), NULLS, ids=lambda c: getattr(c, "name", ""))
def test_permutation_pvalues_are_uniform_where_nothing_is_there(functional, oracle):
    tables = oracle.draw(60, size=120, rng=9).table
    pvalues = np.array([
        im.infer(functional, Counts(t, oracle.shape), Permutation(99), rng=k).pvalue
        for k, t in enumerate(tables)
    ])  # fmt: skip
    assert pvalues.min() >= 0.01
    assert np.mean(pvalues <= 0.05) <= 0.11
    assert scipy.stats.kstest(pvalues, "uniform").pvalue > 1e-3


@pytest.mark.parametrize("table", [[[50, 0], [0, 50]], XOR, COPIES], ids=["copy", "xor", "copies"])
def test_a_permutation_pvalue_is_never_zero(table):
    s = joint(table)
    functional = MutualInformation() if len(s.shape) == 2 else TotalCorrelation()
    assert im.infer(functional, s, Permutation(199), rng=0).pvalue == 1 / 200


def test_permutation_needs_whole_counts():
    s = joint([[1.5, 2.0], [3.0, 4.0]])
    with pytest.raises(UnsupportedError, match="not whole") as error:
        im.mutual_information(s, method="permutation")
    assert "[1.5]" in str(error.value)
    x, y = [0, 1, 1, 0] * 9, [0, 1, 0, 1] * 9
    with pytest.raises(UnsupportedError, match="unweighted"):
        im.mutual_information(x, y, method="permutation", sample_weight=np.linspace(1, 2, 36))


def test_false_discoveries_over_many_pairs(rng):
    noise = rng.integers(0, 3, (400, 30))
    y = noise[:, 0] * (rng.random(400) < 0.5)
    table = im.ResultTable({f"f{k}": im.mutual_information(noise[:, k], y) for k in range(30)})
    pvalues = [r.pvalue for r in table.values()]
    adjusted = table.adjust()
    wanted = scipy.stats.false_discovery_control(pvalues)
    assert adjusted.adjusted["pvalue_bh"] == pytest.approx(wanted.tolist())
    assert sum(p < 0.05 for p in adjusted.adjusted["pvalue_bh"]) == 1
    assert (np.array(adjusted.adjusted["pvalue_holm"]) >= wanted - 1e-12).all()


# --- what is refused --------------------------------------------------------------------------

PAIR, TRIPLE = joint([[3, 1], [2, 4]]), joint(CUBE)
GROUPS = im.Counts.from_counts([[3, 1], [2, 4]])
BITS_OF_TEN = np.arange(10) % 2
REFUSED = [
    (lambda: im.mutual_information(TRIPLE), "one joint table of two variables"),
    (lambda: im.conditional_mutual_information(PAIR), "one joint table of three variables"),
    (lambda: im.transfer_entropy(PAIR), "one joint table of three variables"),
    (lambda: im.normalized_mutual_information(GROUPS), "one joint table of two variables"),
    (lambda: im.total_correlation(GROUPS), "one joint table of two or more variables"),
    (lambda: im.dual_total_correlation(im.Counts.from_counts([3, 4])), "two or more variables"),
    (lambda: im.total_correlation(BITS_OF_TEN), "n_features=1"),
    (lambda: im.interaction_information(BITS_OF_TEN[:, None]), "n_features=1"),
    (lambda: im.adjusted_mutual_information(BITS_OF_TEN), "y is None"),
    (lambda: im.conditional_mutual_information(BITS_OF_TEN), "y is None"),
    (lambda: im.transfer_entropy(BITS_OF_TEN), "y is None"),
    (
        lambda: im.conditional_mutual_information(BITS_OF_TEN, BITS_OF_TEN, BITS_OF_TEN[:9]),
        "'x': 10, 'y': 10, 'z': 9",
    ),
    (lambda: im.transfer_entropy(BITS_OF_TEN, BITS_OF_TEN[:9]), "'x': 10, 'y': 9"),
    (lambda: im.transfer_entropy(BITS_OF_TEN, BITS_OF_TEN, lag=10), "past of 10 steps"),
    (lambda: im.transfer_entropy(BITS_OF_TEN, BITS_OF_TEN, target_history=12), "past of 12 steps"),
    (lambda: im.transfer_entropy(BITS_OF_TEN, BITS_OF_TEN, source_history=40), "past of 40 steps"),
]


@pytest.mark.parametrize(("call", "says"), REFUSED, ids=[says for _, says in REFUSED])
def test_shapes_that_do_not_fit(call, says):
    with pytest.raises(DataError, match="Try: ") as error:
        call()
    assert says in str(error.value)


def test_adjusting_for_chance_needs_records():
    s = joint([[1.5, 2.0], [3.0, 9.0]])
    with pytest.raises(UnsupportedError, match="whole, unweighted counts"):
        im.adjusted_mutual_information(s)
    assert 0 < im.normalized_mutual_information(s).value < 1


@pytest.mark.parametrize("name", ["lag", "source_history", "target_history"])
@pytest.mark.parametrize("wrong", [0, -1, 1.5, True, "1"])
def test_pasts_that_are_none(name, wrong):
    with pytest.raises(InvalidParameterError, match=f"Try: {name}=1"):
        im.transfer_entropy(BITS_OF_TEN, BITS_OF_TEN, **{name: wrong})


def test_normalised_information_has_the_interval_of_its_own_law():
    """The norm is estimated too: the interval is not that of I over a constant."""
    s = joint([[300, 100], [100, 500]])
    for average in (*AVERAGES, "joint"):
        found = im.infer(NormalizedMutualInformation(average), s)
        assert found.ci.low < found.value < found.ci.high
        resampled = im.infer(NormalizedMutualInformation(average), s, im.Bootstrap(4000), rng=0)
        assert found.se == pytest.approx(resampled.se, rel=0.06)
