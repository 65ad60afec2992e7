"""AUC, Gini and Kolmogorov-Smirnov against published numbers, brute force and other libraries."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp, mannwhitneyu
from sklearn.metrics import roc_auc_score, roc_curve

import infometric as im
from infometric.credit.discrimination import ranked_counts
from infometric.exceptions import (
    DataError,
    DegenerateWarning,
    SparseCellWarning,
    UnsupportedError,
)
from infometric.functional.ranking import AreaDifference, AreaUnderCurve, Gini, KolmogorovSmirnov

# DeLong, DeLong and Clarke-Pearson (1988): albumin, total protein, K-G score, benefit of surgery
OVARIAN = np.fromstring(
    """
    3.0 5.8 10 0 3.2 6.3 5 1 3.9 6.8 3 1 2.8 4.8 6 0 3.2 5.8 3 1 0.9 4.0 5 0 2.5 5.7 8 0 1.6 5.6 5 1
    3.8 5.7 5 1 3.7 6.7 6 1 3.2 5.4 4 1 3.8 6.6 6 1 4.1 6.6 5 1 3.6 5.7 5 1 4.3 7.0 4 1 3.6 6.7 4 0
    2.3 4.4 6 1 4.2 7.6 4 0 4.0 6.6 6 0 3.5 5.8 6 1 3.8 6.8 7 1 3.0 4.7 8 0 4.5 7.4 5 1 3.7 7.4 5 1
    3.1 6.6 6 1 4.1 8.2 6 1 4.3 7.0 5 1 4.3 6.5 4 1 3.2 5.1 5 1 2.6 4.7 6 1 3.3 6.8 6 0 1.7 4.0 7 0
    3.7 6.1 5 1 3.3 6.3 7 1 4.2 7.7 6 1 3.5 6.2 5 1 2.9 5.7 9 0 2.1 4.8 7 1 2.8 6.2 8 0 4.0 7.0 7 1
    3.3 5.7 6 1 3.7 6.9 5 1 3.6 6.6 5 1
    """,
    sep=" ",
).reshape(-1, 4)
ALBUMIN, PROTEIN, KG, SURGERY = *OVARIAN[:, :2].T, 10 - OVARIAN[:, 2], OVARIAN[:, 3]
# area, standard error and Wald's interval that a statistical package publishes for these data
PUBLISHED = {
    "albumin": (ALBUMIN, 0.7366, 0.0927, (0.5549, 0.9182)),
    "K-G score": (KG, 0.7258, 0.1028, (0.5243, 0.9273)),
    "protein": (PROTEIN, 0.6478, 0.1000, (0.4518, 0.8439)),
}
DIFFERENCES = {  # from the K-G score
    "albumin": (ALBUMIN, 0.0108, 0.0953, (-0.1761, 0.1976), 0.9102),
    "protein": (PROTEIN, -0.0780, 0.1046, (-0.2830, 0.1271), 0.4561),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_areas(name):
    score, area, se, ci = PUBLISHED[name]
    found = im.auc(SURGERY, score, method="delta")
    assert (round(found.value, 4), round(found.se, 4)) == (area, se)
    assert found.ci == pytest.approx(ci, abs=6e-5)


@pytest.mark.parametrize("name", DIFFERENCES)
def test_published_differences(name):
    score, gap, se, ci, pvalue = DIFFERENCES[name]
    found = im.auc_difference(SURGERY, score, KG)
    assert (round(found.value, 4), round(found.se, 4)) == (gap, se)
    assert found.ci == pytest.approx(ci, abs=6e-5)
    assert found.pvalue == pytest.approx(pvalue, abs=6e-5)


def brute_force(y, a, b=None):
    """Area (or difference of areas) and variance from all pairs, by the definition."""
    kernels = [
        (s[y == 1][:, None] > s[y == 0]) + 0.5 * (s[y == 1][:, None] == s[y == 0])
        for s in ([a] if b is None else [a, b])
    ]
    psi = kernels[0] if b is None else kernels[0] - kernels[1]
    rows, columns = psi.mean(1), psi.mean(0)
    return psi.mean(), rows.var(ddof=1) / len(rows) + columns.var(ddof=1) / len(columns)


@pytest.fixture(params=[None, 1, 0], ids=["continuous", "tenths", "heavily tied"])
def scored(request, rng):
    y = (rng.random(300) < 0.3).astype(int)
    a = rng.normal(size=300) + y
    b = a + rng.normal(size=300)
    return (y, a, b) if request.param is None else (y, a.round(request.param), b.round(1))


def test_areas_are_means_over_all_pairs(scored):
    y, a, b = scored
    area, variance = brute_force(y, a)
    found = im.auc(y, a)
    assert found.value == pytest.approx(area, rel=1e-12)
    assert found.value == pytest.approx(roc_auc_score(y, a), rel=1e-12)
    assert found.se**2 == pytest.approx(variance, rel=1e-10)
    gap, variance = brute_force(y, a, b)
    found = im.auc_difference(y, a, b)
    assert found.value == pytest.approx(gap, rel=1e-10)
    assert found.se**2 == pytest.approx(variance, rel=1e-10)


def test_gini_is_twice_the_area_less_one(scored):
    y, a, _ = scored
    area, coefficient = im.auc(y, a), im.gini(y, a)
    assert coefficient.value == pytest.approx(2 * area.value - 1)
    assert coefficient.se == pytest.approx(2 * area.se)
    assert coefficient.ci == pytest.approx([2 * end - 1 for end in area.ci])
    assert coefficient.pvalue == area.pvalue


def test_the_tests_are_those_of_mann_whitney_and_kolmogorov(scored):
    y, a, _ = scored
    bad, good = a[y == 1], a[y == 0]
    u = mannwhitneyu(bad, good, method="asymptotic")
    assert im.auc(y, a).pvalue == pytest.approx(u.pvalue, rel=1e-9)
    ks = im.ks_statistic(y, a)
    theirs = ks_2samp(bad, good)
    assert ks.value == pytest.approx(theirs.statistic, rel=1e-12)
    fpr, tpr, _ = roc_curve(y, a)
    assert ks.value == pytest.approx(np.abs(tpr - fpr).max(), rel=1e-12)
    far = ks_2samp(bad, good, method="asymp").pvalue  # another approximation of the same law
    assert math.log(ks.pvalue) == pytest.approx(math.log(far), rel=0.05)


def test_ks_standard_error_is_that_of_two_shares_at_the_maximiser(scored):
    y, a, _ = scored
    found = im.ks_statistic(y, a)
    cut = np.unique(a)[found.diagnostics["maximiser"]]
    shares = [np.mean(a[y == k] <= cut) for k in (0, 1)]
    assert found.value == pytest.approx(abs(shares[0] - shares[1]))
    variance = sum(p * (1 - p) / (y == k).sum() for k, p in enumerate(shares))
    assert found.se == pytest.approx(math.sqrt(variance))


@pytest.mark.parametrize("shift", [0.0, 0.4, 0.8])
def test_ks_interval_and_test_say_the_same(shift, rng):
    """The lower bound is above zero exactly where the one-term Kolmogorov bound rejects."""
    for _ in range(30):
        y = np.repeat([0, 1], [120, 80])
        found = im.ks_statistic(y, rng.normal(size=200) + shift * y)
        bound = 2 * math.exp(-2 * found.value**2 / (1 / 120 + 1 / 80))
        assert (found.ci.low > 0) == (bound < 0.05)
        assert found.pvalue <= bound * (1 + 1e-9)


def test_a_weight_of_two_is_a_record_twice(rng):
    y, a = rng.integers(0, 2, 80), rng.normal(size=80).round(1)
    w = rng.integers(1, 4, 80)
    for measure in (im.auc, im.gini, im.ks_statistic):
        weighted = measure(y, a, sample_weight=w)
        assert weighted.value == pytest.approx(measure(y.repeat(w), a.repeat(w)).value)
        assert weighted.se > measure(y.repeat(w), a.repeat(w)).se  # of 80 records, not more
    equal = im.auc(y, a, sample_weight=np.full(80, 7.0))
    assert equal.ci == pytest.approx(im.auc(y, a).ci)
    assert equal.pvalue == pytest.approx(im.auc(y, a).pvalue)


@pytest.mark.parametrize("functional", [Gini(), AreaUnderCurve(), KolmogorovSmirnov()])
def test_cells_without_records_and_a_scale_of_their_own_change_nothing(functional, rng):
    s = ranked_counts(rng.integers(0, 2, 60), rng.integers(0, 9, 60))
    wide = im.Counts(np.insert(s.table, [0, 3, 9], 0, axis=1))
    assert im.infer(functional, wide).ci == pytest.approx(im.infer(functional, s).ci)
    turned = im.Counts(s.table[:, ::-1])
    expected = {"gini": -1, "auc": -1, "ks_statistic": 1}[functional.name]
    centre = 0.5 if functional.name == "auc" else 0.0
    gap = float(functional.value(s)) - centre
    assert float(functional.value(turned)) - centre == pytest.approx(expected * gap)


def test_groups_apart_have_an_interval_of_some_width():
    with pytest.warns(SparseCellWarning, match="do not overlap"):
        found = im.auc([0] * 30 + [1] * 20, range(50))
    assert (found.value, found.ci.high) == (1.0, 1.0)
    assert found.ci.low == pytest.approx(0.9159, abs=1e-4)
    m, n, z, t = 30, 20, 1.959964, found.ci.low  # Newcombe's equation, written out
    star = (m + n) / 2 - 1
    spread = t * (1 - t) * (1 + star * (1 - t) / (2 - t) + star * t / (1 + t)) / (m * n)
    assert (1 - t) ** 2 == pytest.approx(z**2 * spread, rel=1e-6)


def test_scores_that_are_all_alike_rank_nothing():
    with pytest.warns(DegenerateWarning, match="rank nothing"):
        found = im.auc([0, 1] * 20, [3] * 40)
    assert (found.value, found.pvalue) == (0.5, 1.0)
    assert math.isnan(found.ci.low)


def test_of_few_records_interval_and_test_say_the_same(rng):
    sides = set()
    for _ in range(60):
        y = np.repeat([0, 1], [30, 6])
        found = im.auc(y, rng.normal(size=36) + 0.9 * y)
        if found.value == 1:
            continue
        assert found.diagnostics["null_test"] == "delong"
        outside = not found.ci.low <= 0.5 <= found.ci.high
        assert outside == (found.pvalue < 0.05)
        sides.add(outside)
    assert sides == {True, False}
    with pytest.warns(SparseCellWarning):
        alone = im.auc([0] * 30 + [1], range(31))
    assert (alone.pvalue, math.isnan(alone.ci.low)) == (1.0, True)


def test_tables_files_and_events(tmp_path, rng):
    frame = pd.DataFrame({"bad": rng.choice(["no", "yes"], 200), "a": rng.normal(size=200)})
    frame["b"] = frame["a"].round() + (frame["bad"] == "yes")
    table = im.auc("bad", frame)
    assert list(table) == ["a", "b"]
    frame.to_csv(tmp_path / "scores.csv", index=False)
    assert im.auc("bad", str(tmp_path / "scores.csv")).to_json() == table.to_json()
    turned = im.auc(frame["bad"], frame["b"], event="no")
    assert turned.value == pytest.approx(1 - table["b"].value)
    infinite = frame["a"].where(frame["a"] > -1, -np.inf)
    assert im.auc(frame["bad"], infinite).value == pytest.approx(
        roc_auc_score(frame["bad"] == "yes", infinite.clip(-9))
    )


def test_a_pair_that_theory_does_not_support_is_refused():
    s = ranked_counts([0, 1, 0, 1, 1], [1, 2, 3, 4, 5])
    with pytest.raises(UnsupportedError, match="no records to exchange"):
        im.infer(AreaDifference(np.arange(5), np.arange(5)), s, "permutation")
    with pytest.raises(UnsupportedError, match="area under the curve"):
        im.infer(KolmogorovSmirnov(), s, "delong")


@pytest.mark.parametrize(
    ("score", "says"),
    [([0.1, np.nan, 0.3, 0.2], "1 missing"), (["a", "b", "c", "d"], "holds text"),
     ([0.1, 0.2], "same number of rows")],
)  # fmt: skip
def test_scores_without_a_rank_are_refused(score, says):
    with pytest.raises(DataError, match=says):
        im.auc([0, 1, 0, 1], score)
