"""More cells than the records can fill: exact tests, and no interval where none is known."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import infometric as im
from infometric.credit.cells import merge_empty
from infometric.credit.evidence import woe_covariance, woe_error
from infometric.exceptions import BiasWarning, DegenerateWarning, SparseCellWarning
from infometric.functional.divergence import (
    Jeffreys,
    JensenShannon,
    KullbackLeibler,
    RenyiDivergence,
)
from infometric.functional.entropy import RenyiEntropy, TsallisEntropy
from infometric.functional.information import conditional_moments
from infometric.functional.shannon import ShannonEntropy
from infometric.oracles import TwoSample
from infometric.report.document import Report, Section
from infometric.report.html import page
from infometric.uncertainty import Chi2Null, NoncentralChi2

pytestmark = pytest.mark.filterwarnings("ignore::infometric.exceptions.InfometricWarning")
SMALL = hnp.arrays(np.int64, st.tuples(st.just(2), st.integers(1, 12)), elements=st.integers(0, 3))


def tables_with(rows, columns):
    """Every table of counts with these margins, written out."""
    if len(rows) == 1:
        yield [columns]
        return
    for first in itertools.product(*(range(min(rows[0], c) + 1) for c in columns)):
        if sum(first) == rows[0]:
            left = tuple(c - a for c, a in zip(columns, first, strict=True))
            for rest in tables_with(rows[1:], left):
                yield [first, *rest]


@pytest.mark.parametrize(
    ("rows", "columns"),
    [((4, 4), (4, 4)), ((5, 3), (2, 4, 2)), ((3, 3, 2), (4, 1, 3)), ((2, 6), (1, 1, 2, 4))],
)
def test_moments_of_pearson_by_enumeration(rows, columns):
    """Every table with the margins, each as often as shuffled labels make it."""
    expected = np.outer(rows, columns) / sum(rows)
    every = [np.array(t) for t in tables_with(rows, columns)]
    weights = np.array([1 / math.prod(math.factorial(v) for v in t.flat) for t in every])
    values = np.array([((t - expected) ** 2 / expected).sum() for t in every])
    weights /= weights.sum()
    wanted = weights @ values
    mean, variance = conditional_moments(every[0])
    assert float(mean) == pytest.approx(wanted, rel=1e-12)
    assert float(variance) == pytest.approx(weights @ (values - wanted) ** 2, rel=1e-12)


@pytest.mark.parametrize(("cells", "sizes"), [(20, (10, 10)), (500, (250, 250)), (300, (485, 15))])
@pytest.mark.parametrize("functional", [Jeffreys(), KullbackLeibler(), JensenShannon()])
def test_the_test_keeps_its_size_with_more_cells_than_records(cells, sizes, functional):
    rng = np.random.default_rng(3)
    p = 1 / np.arange(1, cells + 1)
    draws = [rng.multinomial(n, p / p.sum(), 4000) for n in sizes]
    s = im.Counts(np.stack(draws, axis=1))
    pvalue = Chi2Null()(functional, s, functional.value(s)).pvalue
    assert 0.035 <= np.mean(pvalue < 0.05) <= 0.065


@pytest.fixture(scope="module")
def ids():
    rng = np.random.default_rng(0)
    names = np.array([f"c{i}" for i in rng.integers(0, 1000, 1000)])
    return names, rng.random(1000) < 0.15


def test_no_interval_is_given_where_none_is_known(ids):
    with pytest.warns(SparseCellWarning, match="too few for 622 cells"):
        r = im.information_value(*ids)
    assert math.isnan(r.ci.low)
    assert math.isnan(r.ci.high)
    assert 0.05 < r.pvalue < 0.95  # nothing is there, and the test says so
    assert im.Result.from_json(r.to_json()).to_json() == r.to_json()


def test_no_verdict_without_an_interval_and_the_report_says_why(ids):
    with pytest.warns(SparseCellWarning):
        table = im.psi(ids[0].reshape(-1, 1), ids[0][:400].reshape(-1, 1))
    (r,) = table.values()
    assert r.diagnostics["verdict"] == "undecided"
    report = Report("Thin", (Section("PSI", table),))
    for again in (report, Report.from_dict(report.to_dict())):
        text = page(again)
        assert "too few for 622 cells" in text
        assert "% bounds" not in text


def test_mutual_information_of_thin_tables_has_no_interval(ids):
    with pytest.warns(SparseCellWarning, match="too few for"):
        r = im.mutual_information(ids[0], ids[1])
    assert math.isnan(r.ci.high)


def test_a_value_above_its_interval_is_announced():
    rng = np.random.default_rng(1)
    counts = rng.multinomial(20_000, np.full(100, 0.01), size=2)
    with pytest.warns(BiasWarning, match="above its interval"):
        r = im.jeffreys_divergence(im.Counts.from_counts(counts))
    assert r.value > r.ci.high
    assert any("above its interval" in text for text in r.warnings)


def step_by_step(table):
    """Merging as the documentation says it: the first empty cell and its smaller neighbour."""
    cells = [tuple(map(int, c)) for c in table.T if c.sum() > 0]
    while len(cells) > 1 and any(0 in c for c in cells):
        k = next(i for i, c in enumerate(cells) if 0 in c)
        near = [j for j in (k - 1, k + 1) if 0 <= j < len(cells)]
        j = min(near, key=lambda i: sum(cells[i]))
        low, high = min(j, k), max(j, k)
        joined = tuple(a + b for a, b in zip(cells[low], cells[high], strict=True))
        cells[low : high + 1] = [joined]
    return cells


@given(SMALL)
def test_merging_empty_cells_follows_the_rule(table):
    if (table.sum(1) == 0).any():
        return
    merged = merge_empty(im.Counts.from_counts(table, cells=[str(i) for i in range(len(table.T))]))
    assert [tuple(c) for c in merged.table.T.tolist()] == step_by_step(table)
    assert merged.table.sum() == table.sum()
    labels = [i for cell in merged.cells for i in cell.split(" + ")]
    assert labels == [str(i) for i in np.flatnonzero(table.sum(0))]


@given(SMALL)
def test_errors_of_woe_are_the_diagonal_of_their_covariance(table):
    if (table.sum(1) == 0).any():
        return
    s = im.Counts.from_counts(table)
    np.testing.assert_allclose(woe_error(s), np.sqrt(np.diag(woe_covariance(s))), rtol=1e-12)


def test_a_hundred_thousand_categories():
    """No matrix of cells by cells anywhere on the way."""
    rng = np.random.default_rng(2)
    names = rng.permutation(np.arange(200_000) % 100_000).reshape(-1, 1)
    y = rng.random(200_000) < 0.3
    with pytest.warns(SparseCellWarning):
        table = im.information_value(names, y, categorical=True, empty="merge")
    assert table["x0"].diagnostics["cells_occupied"] < 60_000
    woe = im.WeightOfEvidence(categorical=True).fit(names, y)
    assert woe.se_["x0"].shape == (100_002,)
    assert woe.transform(names).shape == (200_000, 1)
    with pytest.warns(SparseCellWarning):
        assert im.mutual_information(names[:, 0], y, estimator="counts").value > 0


def test_nothing_bounds_a_value_from_above_where_a_full_cell_ran_empty():
    """The bin held a third of the reference: its log ratio is only known to be large."""
    with pytest.warns(SparseCellWarning, match="nothing bounds the value"):
        table = im.psi(
            np.repeat(["a", "b", "c"], 300).reshape(-1, 1),
            np.repeat(["a", "b"], 200).reshape(-1, 1),
        )
    (r,) = table.values()
    assert r.ci.low > 0.25
    assert r.ci.high == math.inf
    assert r.diagnostics["verdict"] == "shifted"
    assert "upwards" in r.explain()
    report = Report("Open", (Section("PSI", table),))
    again = Report.from_dict(report.to_dict())
    assert page(again) == page(report)
    assert "∞" in page(report)
    assert all(np.isfinite(v) for v in table.plot().get_xlim())


def test_categories_the_reference_has_not_seen_are_no_drift():
    rng = np.random.default_rng(4)
    shares = 1 / np.arange(1, 201)
    shares /= shares.sum()
    rejected = 0
    for _ in range(200):
        a, b = (rng.choice(200, 1000, p=shares).astype(str) for _ in range(2))
        with pytest.warns(SparseCellWarning):
            rejected += im.psi(a, b).pvalue < 0.05
    assert rejected <= 20  # .05 +- 3 standard errors


def test_a_new_category_is_named_and_joins_the_others_after_it_was_added():
    fitted = im.PSI().fit(np.repeat(["a", "b"], 500).reshape(-1, 1))
    new = np.repeat(["a", "b", "c"], 300).reshape(-1, 1)
    with pytest.warns(SparseCellWarning):
        cells = fitted.estimate(new)["x0"].diagnostics["cells"]
    assert [(c["cell"], c["count_a"], c["count_b"]) for c in cells][-1] == ("c", 0, 300)
    fitted.partial_fit(new)
    cells = fitted.estimate(new)["x0"].diagnostics["cells"]
    assert [(c["cell"], c["count_a"], c["count_b"]) for c in cells][-1] == ("other", 300, 300)


def test_unseen_categories_are_alike_for_every_divergence():
    a, b = np.repeat(["a", "b"], 500), np.repeat(["a", "b", "c", "d"], 200)
    together = im.kl_divergence(b, a)
    fitted = im.KLDivergence().fit(a).estimate(b)
    assert fitted.value == pytest.approx(together.value, rel=1e-12)
    assert fitted.pvalue == pytest.approx(together.pvalue, rel=1e-9)


@pytest.mark.parametrize("c", [1e-3, 2.5, 40.0])
def test_equal_weights_are_a_unit(c):
    rng = np.random.default_rng(5)
    x, z, y = rng.normal(size=400), rng.normal(0.3, 1, 300), rng.integers(0, 2, 400)
    pairs = [
        (im.psi(x, z, sample_weight=(np.full(400, c), np.full(300, c))), im.psi(x, z)),
        (im.entropy(y, sample_weight=np.full(400, c)), im.entropy(y)),
        (im.information_value(x, y, sample_weight=np.full(400, c)), im.information_value(x, y)),
        (im.kl_divergence(x, z, bins=5, sample_weight=(np.full(400, c), np.full(300, c))),
         im.kl_divergence(x, z, bins=5)),
        (im.psi(x, z, method="paper", sample_weight=(np.full(400, c), np.full(300, c))),
         im.psi(x, z, method="paper")),
    ]  # fmt: skip
    for weighted, plain in pairs:
        mine = (weighted.value, weighted.se, *weighted.ci, weighted.pvalue)
        theirs = (plain.value, plain.se, *plain.ci, plain.pvalue)
        assert mine == pytest.approx(theirs, rel=1e-6, nan_ok=True)


def test_counts_in_the_billions_do_not_overflow():
    small = im.Counts.from_counts([[4, 5, 6], [6, 5, 4]])
    large = im.Counts.from_counts(small.table * 10**9)
    wanted, found = im.jeffreys_divergence(small), im.jeffreys_divergence(large)
    assert found.value == pytest.approx(wanted.value, rel=1e-12)
    assert found.se == pytest.approx(wanted.se / np.sqrt(1e9), rel=1e-9)
    h = im.entropy(im.Counts.from_counts([4 * 10**9, 5 * 10**9, 6 * 10**9]))
    assert h.se == pytest.approx(1.33e-6, rel=0.01)
    joint = im.mutual_information(
        im.Counts.from_counts([[4 * 10**9, 10**9], [10**9, 4 * 10**9]], joint=True)
    )
    assert joint.ci.low < joint.value < joint.ci.high


def test_a_function_of_a_variable_has_its_entropy():
    rng = np.random.default_rng(6)
    hits = 0
    for _ in range(300):
        x = rng.integers(0, 10, 2000).astype(str)
        with pytest.warns(DegenerateWarning, match="a function of the other"):
            ci = im.mutual_information(x, x).ci
        hits += ci.low <= math.log(10) <= ci.high
    assert hits >= 275
    one = np.zeros((3, 10), int)
    one[0, :4] = [149, 35, 12, 4]
    with pytest.warns(DegenerateWarning):
        r = im.mutual_information(im.Counts.from_counts(one, joint=True))
    assert np.isnan(r.ci).all()


def test_the_interval_of_an_entropy_holds_at_even_shares():
    rng = np.random.default_rng(7)
    for cells, n in ((2, 50), (2, 1000), (5, 200), (20, 1000)):
        s = im.Counts(rng.multinomial(n, np.full(cells, 1 / cells), 4000)[:, None, :])
        for f in (ShannonEntropy("miller_madow"), RenyiEntropy(2.0), TsallisEntropy(0.5)):
            found = NoncentralChi2()(f, s, f.value(s), level=0.95)
            truth = float(f.even(np.array(cells)))
            share = np.mean((found.low <= truth + 1e-12) & (truth <= found.high + 1e-12))
            assert 0.93 <= share <= 0.985, (cells, n, f.name)
    even = im.entropy(list("abcd") * 25)
    assert even.ci.low < math.log(4) <= even.ci.high + 1e-12


@pytest.mark.parametrize("order", [20.0, 300.0, 2000.0])
def test_high_orders_neither_underflow_nor_overflow(order):
    s = im.Counts.from_counts([600, 300, 100])
    r = im.infer(RenyiEntropy(order), s)
    assert r.value == pytest.approx(order * -math.log(0.6) / (order - 1), rel=1e-6)
    two = im.Counts.from_counts([[600, 300, 100], [300, 400, 300]])
    d = im.infer(RenyiDivergence(order=order), two)
    wanted = (order * math.log(0.6) - (order - 1) * math.log(0.3)) / (order - 1)
    assert d.value == pytest.approx(wanted, rel=1e-6)
    assert np.isfinite([r.se, d.se]).all()


def test_evidence_of_an_empty_cell_is_announced():
    x, y = ["a"] * 50 + ["b"] * 50 + ["c"] * 3, [0, 1] * 50 + [0] * 3
    with pytest.warns(SparseCellWarning, match="0.5 was added to every occupied cell"):
        table = im.weight_of_evidence(x, y)
    assert all(r.warnings for r in table.values())


@pytest.mark.parametrize("sizes", [(1000, 1000), (500, 500)])
def test_stable_is_not_claimed_where_sparse_cells_hide_the_shift(sizes):
    """Geometric shares, where the limit is the truth: the claim is as rare as its level says."""
    oracle = TwoSample.tilted(0.75 ** np.arange(20), 0.1, direction=np.linspace(1, -1, 20))
    s = oracle.draw(sizes, size=4000, rng=8)
    bound = NoncentralChi2()(Jeffreys(), s, Jeffreys().value(s), level=0.9).high
    assert np.mean(bound <= 0.1) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 4000)
