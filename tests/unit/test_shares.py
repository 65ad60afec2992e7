"""Probabilities instead of counts: a value, and nothing that needs a sample size."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy as scipy_entropy

import infometric as im
from infometric.exceptions import UnsupportedError
from infometric.functional.divergence import SquaredTotalVariation

P, Q = np.array([0.2, 0.3, 0.5]), np.array([0.5, 0.25, 0.25])
ONE, TWO = im.Counts.from_counts(P), im.Counts.from_counts([P, Q])


def test_values_are_those_of_the_probabilities():
    assert im.entropy(ONE).value == pytest.approx(scipy_entropy(P), rel=1e-12)
    assert im.hill_number(ONE, 2).value == pytest.approx(1 / (P**2).sum(), rel=1e-12)
    assert im.kl_divergence(TWO).value == pytest.approx(scipy_entropy(P, Q), rel=1e-12)
    assert im.jensen_shannon_distance(TWO).value == pytest.approx(jensenshannon(P, Q), rel=1e-12)
    joint = im.Counts.from_counts(np.outer(P, Q), joint=True)
    assert im.mutual_information(joint).value == pytest.approx(0, abs=1e-12)


def test_there_is_neither_interval_nor_test(recwarn):
    for r in (im.entropy(ONE), im.kl_divergence(TWO), im.renyi_entropy(ONE, math.inf)):
        assert math.isnan(r.se)
        assert math.isnan(r.ci.low)
        assert math.isnan(r.pvalue)
        assert r.method == "exact"
        assert im.Result.from_json(r.to_json()).to_dict() == r.to_dict()
    assert not recwarn.list


def test_no_half_record_is_added_to_probabilities():
    assert im.kl_divergence(im.Counts.from_counts([[0.2, 0.8], [1.0, 0.0]])).value == math.inf


@pytest.mark.parametrize("bias", ["miller_madow", "nsb", "chao_shen"])
def test_a_correction_for_the_sample_size_is_refused(bias):
    with pytest.raises(UnsupportedError, match="no sample size"):
        im.entropy(ONE, bias=bias)
    with pytest.raises(UnsupportedError, match="no sample size"):
        im.kl_divergence(TWO, bias="second_order")


def test_fractional_counts_that_do_not_sum_to_one_are_counts():
    assert not im.Counts.from_counts([2.5, 7.5, 4.0]).shares
    assert not im.Counts.from_counts([1, 0]).shares
    assert im.entropy(im.Counts.from_counts([25.5, 70.5, 40.0])).se > 0


def test_two_names_of_one_variable_share_all_they_have(rng):
    x = rng.integers(0, 3, 60)
    for measure in (im.normalized_mutual_information, im.adjusted_mutual_information):
        r = measure(x, x)
        assert r.value == pytest.approx(1, abs=1e-12)
        assert r.ci.low == pytest.approx(1, abs=1e-9)
        assert r.ci.high == pytest.approx(1, abs=1e-9)


def test_the_default_is_no_advice_against_itself():
    x = np.repeat([0, 1], 50)
    for measure in (im.normalized_mutual_information, im.adjusted_mutual_information):
        r = measure(x, x)
        assert r.ci.low == r.ci.high
        assert not any("no width" in text for text in r.warnings)


@pytest.mark.filterwarnings("ignore::infometric.exceptions.DegenerateWarning")
def test_one_value_is_no_evidence_of_nothing():
    x, y = np.zeros(50, int), np.arange(50) % 2
    table = np.column_stack([x, y])
    for r in (im.mutual_information(x, y), im.normalized_mutual_information(x, y),
              im.total_correlation(table), im.dual_total_correlation(table),
              im.interaction_information(np.column_stack([x, x, y])), im.kl_divergence(x, x),
              im.jensen_shannon_distance(x, x),
              im.mutual_information_matrix(table).between("x0", "x1")):  # fmt: skip
        assert r.value == 0
        assert math.isnan(r.ci.low)
        assert any("interval" in text for text in r.warnings)


def test_entropies_of_high_order_have_the_interval_of_the_largest_share():
    x = ["a", "b", "c", "c"] * 20
    least, high = im.renyi_entropy(x, math.inf), im.renyi_entropy(x, 1e9)
    assert high.method == least.method == "simultaneous"
    assert high.ci.low == pytest.approx(least.ci.low)
    assert high.ci.high == pytest.approx(least.ci.high)


def test_a_distance_whose_square_is_below_zero_has_no_interval():
    counts = im.Counts.from_counts([[20, 20, 20], [10, 9, 11]])
    r = im.hellinger_distance(counts, method="jackknife")
    assert math.isnan(r.ci.low)
    assert math.isnan(r.ci.high)
    assert im.hellinger_distance(counts).ci.low == 0


@pytest.mark.parametrize(
    ("cells", "shift", "n"), [(20, 0.5, 5000), (10, 0.5, 1000), (5, 0.5, 5000)]
)
def test_total_variation_of_one_pair_among_cells_that_agree(cells, shift, n):
    """Cells that agree add noise to the value, which the interval must take off."""
    generator = np.random.default_rng(5)
    p = np.full(cells, 1 / cells)
    q = p + shift / cells * np.eye(cells)[0] - shift / cells * np.eye(cells)[1]
    table = np.stack([generator.multinomial(n, p, 500), generator.multinomial(n, q, 500)], axis=1)
    s, f = im.Counts(table), SquaredTotalVariation()
    found = im.NoncentralChi2()(f, s, f.value(s), level=0.95)
    truth = (shift / cells) ** 2
    assert np.mean((found.low <= truth) & (truth <= found.high)) > 0.94


@pytest.mark.filterwarnings("ignore")
def test_no_interval_where_the_data_cannot_know():
    assert math.isnan(im.entropy(im.Counts.from_counts([50])).ci.high)
    x = [0, 1] * 100
    with pytest.warns(im.exceptions.DegenerateWarning, match="say nothing"):
        r = im.conditional_mutual_information(x, x, list(range(200)), estimator="counts")
    assert math.isnan(r.ci.high)


def test_the_jackknife_keeps_its_digits():
    s = im.Counts.from_counts([10**15, 10**15, 1])
    assert im.entropy(s, bias="jackknife").value == pytest.approx(math.log(2), rel=1e-9)
