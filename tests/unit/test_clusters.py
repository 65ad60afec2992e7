"""Counts of clusters: statsmodels' sandwich, formulas written out, and the laws of a state."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

import infometric as im
from infometric.datasets import load_credit_card_months
from infometric.exceptions import DataError, MergeError, UnsupportedError
from infometric.functional.divergence import Jeffreys
from infometric.functional.shift import ShareShift
from infometric.state.clusters import ClusteredCounts, state_from_dict
from infometric.testing import check_state

J = Jeffreys()
POINTS = np.array([10.0, -4.0, 25.0, 7.0])


def records(seed=0, n=400, clusters=90, weighted=True, mixed=True):
    """Rows of two groups; clusters lean to a cell of their own, and some are in both groups."""
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, clusters, n)
    group = rng.integers(0, 2, n) if mixed else ids % 2
    own = rng.integers(0, 4, clusters)
    cell = np.where(rng.random(n) < 0.6, own[ids], rng.integers(0, 4, n))
    return ids, group, cell, rng.lognormal(0, 0.7, n) if weighted else None


def counted(ids, group, cell, w, rows=slice(None)):
    w = None if w is None else w[rows]
    codes = group[rows] * 4 + cell[rows]
    return ClusteredCounts.from_records(ids[rows], codes, 4, n_groups=2, weights=w)


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_error_of_a_shift_of_points_is_the_sandwich_of_a_regression(weighted, mixed):
    """Points on a dummy of the group: its coefficient is the shift, its error cluster-robust."""
    ids, group, cell, w = records(weighted=weighted, mixed=mixed)
    s = counted(ids, group, cell, w)
    fit = sm.WLS(POINTS[cell], sm.add_constant(group), np.ones(len(ids)) if w is None else w).fit(
        cov_type="cluster", cov_kwds={"groups": ids, "use_correction": False}
    )
    found = im.infer(ShareShift(POINTS), s)
    assert found.value == pytest.approx(fit.params[1], rel=1e-10)
    assert found.se == pytest.approx(fit.bse[1], rel=1e-10)
    assert found.pvalue == pytest.approx(fit.pvalues[1], rel=1e-8)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_variance_of_psi_sums_a_cluster_before_it_squares(weighted):
    """Record by record: psi_i = w_i (a - mean a) / sum w, summed over each cluster, squared."""
    ids, group, cell, w = records(1, weighted=weighted)
    s = counted(ids, group, cell, w)
    w = np.ones(len(ids)) if w is None else w
    p, q = (np.bincount(cell[group == g], w[group == g], 4) / w[group == g].sum() for g in (0, 1))
    log = np.log(p / q)
    psi = np.empty(len(ids))
    for g, a in enumerate((log + 1 - q / p, -log + 1 - p / q)):
        here = group == g
        mean = np.average(a[cell[here]], weights=w[here])
        psi[here] = w[here] * (a[cell[here]] - mean) / w[here].sum()
    assert im.infer(J, s).se == pytest.approx(np.sqrt((np.bincount(ids, psi) ** 2).sum()))


def test_without_clusters_it_is_the_multinomial_variance():
    ids, group, cell, _ = records(2)
    alone = ClusteredCounts.from_records(np.arange(len(ids)), group * 4 + cell, 4, n_groups=2)
    plain = im.Counts.from_counts(alone.table)
    assert alone.clusters == tuple(plain.n)
    assert im.infer(J, alone).se == pytest.approx(im.infer(J, plain).se, rel=1e-12)
    assert alone.n_eff == pytest.approx(plain.n_eff)


def test_the_law_of_no_difference_is_that_of_rao_and_scott():
    """Mean and variance of a mixture of chi-squares, from the covariance written out."""
    ids, group, cell, w = records(3)
    s = counted(ids, group, cell, w)
    z = np.zeros((90, 2, 4))
    np.add.at(z, (ids, group, cell), w)
    total = z.sum((0, 2))
    p = z.sum(0) / total[:, None]
    gap = ((z - z.sum(2, keepdims=True) * p) / total[:, None]) @ np.eye(4)
    gap = gap[:, 0] - gap[:, 1]
    n = s.n_eff
    pooled = (p * n[:, None]).sum(0) / n.sum()
    design = (gap.T @ gap) / pooled[:, None]
    law = J.null(s)
    assert law.scale * law.df == pytest.approx(np.trace(design))
    assert 2 * law.scale**2 * law.df == pytest.approx(2 * np.trace(design @ design))
    assert J.bias(s) == pytest.approx(np.trace(design))


def test_parts_that_share_clusters_join_to_the_whole():
    ids, group, cell, w = records(4, weighted=False)
    whole = counted(ids, group, cell, w)
    parts = counted(ids, group, cell, w, slice(0, 150)) + counted(
        ids, group, cell, w, slice(150, None)
    )
    assert parts.to_dict() == whole.to_dict()
    order = np.random.default_rng(0).permutation(len(ids))
    assert counted(ids, group, cell, w, order).to_dict() == whole.to_dict()


def test_the_same_clients_in_two_samples_are_compared_as_pairs():
    ids, group, cell, w = records(5)
    whole = counted(ids, group, cell, w)
    one, two = (
        ClusteredCounts.from_records(
            ids[group == g], cell[group == g], 4, weights=w[group == g]
        )
        for g in (0, 1)
    )  # fmt: skip
    stacked = im.Counts.stack([one, two])
    assert np.allclose(stacked.moments, whole.moments)
    assert stacked.shared == whole.shared > 0
    assert whole.group(1).to_dict()["table"] == two.to_dict()["table"]
    assert np.allclose(whole.group(1).moments, two.moments)


def test_other_cells_keep_the_moments_of_the_records():
    ids, group, cell, w = records(6)
    s = counted(ids, group, cell, w)
    onto = np.array([1, 0, 1, 2])
    again = ClusteredCounts.from_records(ids, group * 3 + onto[cell], 3, n_groups=2, weights=w)
    assert np.allclose(s.merge_cells(onto).moments, again.moments)
    keep = np.array([True, False, True, True])
    here = keep[cell]
    place = np.cumsum(keep) - 1
    left = ClusteredCounts.from_records(
        ids[here], (group * 3 + place[cell])[here], 3, n_groups=2, weights=w[here]
    )
    chosen = s.select_cells(keep)
    assert np.allclose(chosen.moments, left.moments)
    assert np.allclose((chosen + chosen).moments, (left + left).moments)


def test_laws_of_a_state_and_its_json():
    rng = np.random.default_rng(7)
    parts = [
        ClusteredCounts.from_records(rng.integers(0, 20, 60), rng.integers(0, 4, 60), 4)
        for _ in range(3)
    ]
    check_state(*parts)
    read = state_from_dict(json.loads(json.dumps(parts[0].to_dict())))
    assert "members" not in read.to_dict()
    assert read.members is None
    assert np.array_equal(read.moments, parts[0].moments)
    weighted = counted(*records(7))
    again = ClusteredCounts.from_dict(json.loads(json.dumps(weighted.to_dict())))
    assert np.allclose(again.moments, weighted.moments, rtol=1e-15)
    with pytest.raises(DataError, match="that fit them"):
        ClusteredCounts.from_dict(weighted.to_dict() | {"moments": [1.0, 2.0]})
    with pytest.raises(DataError, match="that fit them"):
        ClusteredCounts.from_dict(im.Counts.from_counts([1, 2]).to_dict())
    with pytest.raises(MergeError, match="not known whether"):
        im.Counts.stack([read, parts[1]])
    with pytest.raises(MergeError, match="counts without"):
        parts[0] + im.Counts.from_counts([1, 2, 3, 4])
    assert state_from_dict(im.Counts.from_counts([1, 2]).to_dict()).table.tolist() == [[1, 2]]


def test_what_clusters_do_not_support_is_refused_with_advice():
    s = counted(*records(8))
    for method in ("bootstrap", "jackknife", "permutation"):
        with pytest.raises(UnsupportedError, match="not exchangeable"):
            im.infer(J, s, method)
    with pytest.raises(DataError, match="a moment for every pair"):
        ClusteredCounts.from_records([1], [0], 3000)


def test_psi_of_the_same_clients_in_two_months():
    months = load_credit_card_months()
    months["client"] = np.tile(np.arange(30_000), 6)
    april, may = (
        months[months["month"] == m].drop(columns="month") for m in ("2005-04", "2005-05")
    )
    paired = im.psi(april, may, cluster="client", exclude=["PAY"])
    apart = im.psi(april.drop(columns="client"), may.drop(columns="client"), exclude=["PAY"])
    assert list(paired) == ["BILL_AMT", "PAY_AMT"]
    for name, r in paired.items():
        assert r.value == apart[name].value
        assert r.se < 0.95 * apart[name].se  # bills of a client hardly change in a month
        assert r.diagnostics["clusters_in_both"] == 30_000
    shuffled = may.sample(frac=1, random_state=0)
    assert im.psi(april, shuffled, cluster="client", exclude=["PAY"]).to_json() == paired.to_json()
    later = months[months["month"] == "2005-05"]
    sliced = im.psi(april, later, by="month", cluster="client", exclude=["PAY"])
    assert sliced["PAY_AMT @ 2005-05"].value == paired["PAY_AMT"].value
    assert sliced["PAY_AMT @ 2005-05"].se == pytest.approx(paired["PAY_AMT"].se)


def test_clusters_of_files_are_those_of_frames(tmp_path):
    rng = np.random.default_rng(9)
    frame = pd.DataFrame(
        {"who": rng.integers(0, 200, 800).astype(str), "x": rng.normal(size=800),
         "kind": rng.choice(list("abc"), 800), "w": rng.lognormal(size=800)}
    )  # fmt: skip
    first, second = frame[:500], frame[500:]
    first.to_csv(tmp_path / "a.csv", index=False)
    second.to_parquet(tmp_path / "b.parquet")
    second.astype({"who": int}).to_csv(tmp_path / "c.csv", index=False)
    options = {"cluster": "who", "sample_weight": "w", "categorical": ["who"]}
    of_frames = im.psi(first.astype({"who": int}), second.astype({"who": int}), **options)
    of_files = im.psi(tmp_path / "a.csv", tmp_path / "c.csv", **options)
    assert [r.se for r in of_files.values()] == pytest.approx([r.se for r in of_frames.values()])
    with pytest.raises(MergeError, match=r"astype\(str\)"):
        im.psi(first.astype({"who": int}), tmp_path / "b.parquet", cluster="who")


def test_missing_clusters_are_refused():
    frame = pd.DataFrame({"who": [1.0, np.nan, 2.0, 3.0], "x": [1.0, 2.0, 3.0, 4.0]})
    with pytest.raises(DataError, match="1 missing value"):
        im.psi(frame, frame, cluster="who", bins=2)


def test_few_clusters_are_said():
    rng = np.random.default_rng(10)
    frame = pd.DataFrame({"who": np.arange(600) % 12, "x": rng.normal(size=600)})
    with pytest.warns(im.exceptions.ReliabilityWarning, match="12 clusters"):
        found = im.psi(frame, frame.assign(who=frame.who + 12), cluster="who", bins=4)
    assert not found["x"].diagnostics["reliable"]
