"""PSI, IV and WoE against published numbers, an independent formula, and the peers' defects."""

from __future__ import annotations

import contextlib
import math
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from scipy.special import chndtrinc
from scipy.stats import chi2, chi2_contingency, random_table

import infometric as im
from infometric.datasets import load_german_credit

# Yurdakul and Naranjo (2020): counts by rating grade, base and current
GRADES = [[253, 302, 204, 134, 72, 26, 8], [177, 262, 285, 158, 88, 25, 6]]
# what the published tables say about the German credit data (good against bad)
GERMAN = {
    "status_of_existing_checking_account": (0.666012, 0.114461, 0.063965, (0.451596, 0.898609)),
    "credit_history": (0.293234, 0.076494, 0.039386, (0.149574, 0.445540)),
    "purpose": (0.169195, 0.057210, 0.030052, (0.044279, 0.255109)),
    "job": (0.008763, 0.012929, 0.006393, (0.0, 0.036926)),
    "foreign_worker": (0.043877, 0.030427, 0.018055, (0.004493, 0.123777)),
}


def written_out(goods, bads):
    """IV, SE, chi-square p and interval, written out from the formulas in a few lines."""
    g, b = np.asarray(goods, float), np.asarray(bads, float)
    n, m = g.sum(), b.sum()
    p, q = g / n, b / m
    w = np.log(p / q)
    value = ((p - q) * w).sum()
    a, c = w + 1 - q / p, -w + 1 - p / q
    var = ((p * a * a).sum() - (p * a).sum() ** 2) / n + (
        (q * c * c).sum() - (q * c).sum() ** 2
    ) / m
    s, k = var / (4 * value), len(g) - 1

    def bound(pr):
        return 0.0 if chi2.cdf(value / s, k) <= pr else s * chndtrinc(value / s, k, pr)

    return value, math.sqrt(var), chi2.sf(value / (1 / n + 1 / m), k), bound(0.975), bound(0.025)


@pytest.fixture(scope="module")
def german():
    return load_german_credit()


@pytest.fixture(scope="module")
def german_iv(german):
    return im.information_value(german, "creditability", event="bad")


def categorical(german):
    return [c for c in german if not pd.api.types.is_numeric_dtype(german[c])
            and c != "creditability"]  # fmt: skip


def counts_of(german, column):
    table = pd.crosstab(german[column], german["creditability"])
    return table["good"].to_numpy(), table["bad"].to_numpy()


def test_all_thirteen_categorical_features_of_the_german_credit_data(german, german_iv):
    columns = categorical(german)
    assert len(columns) == 13
    for column in columns:
        value, se, *_ = written_out(*counts_of(german, column))
        assert german_iv[column].value == pytest.approx(value, abs=5e-7), column
        assert german_iv[column].se == pytest.approx(se, abs=5e-7), column


@pytest.mark.parametrize("column", GERMAN)
def test_published_numbers_of_the_german_credit_data(german, german_iv, column):
    value, se, paper_se, ci = GERMAN[column]
    r = german_iv[column]
    assert (round(r.value, 6), round(r.se, 6)) == (value, se)
    assert r.ci == pytest.approx(ci, abs=2e-6)
    paper = im.information_value(german[[column]], german["creditability"], method="paper")[column]
    assert round(paper.value, 6) == value
    assert round(paper.se, 6) == paper_se
    assert paper.ci == pytest.approx(
        (value - 1.959964 * paper_se, value + 1.959964 * paper_se), abs=3e-6
    )


def test_pvalue_is_chi2_where_the_law_holds_and_pearson_where_it_does_not(german, german_iv):
    job = german_iv["job"]
    assert job.diagnostics["null_test"] == "chi2"
    assert job.pvalue == pytest.approx(written_out(*counts_of(german, "job"))[2], rel=1e-6)
    purpose = german_iv["purpose"]  # one class has fewer than three records in a cell
    assert purpose.diagnostics["null_test"] == "pearson"
    table = np.stack(counts_of(german, "purpose"))
    statistic = chi2_contingency(table, correction=False).statistic
    shuffled = random_table(table.sum(1), table.sum(0)).rvs(400_000, random_state=0)
    expected = np.outer(table.sum(1), table.sum(0)) / table.sum()
    larger = (((shuffled - expected) ** 2 / expected).sum((1, 2)) >= statistic - 1e-9).mean()
    assert purpose.pvalue == pytest.approx(larger, abs=4 * np.sqrt(larger / 400_000))


def test_yurdakul_and_naranjo():
    r = im.infer(im.PSI()._functional(), im.Counts.from_counts(GRADES))
    assert round(r.value, 6) == 0.067693
    assert r.se == pytest.approx(0.0232962, abs=5e-8)
    assert r.pvalue == pytest.approx(7.20256e-06, rel=1e-5)
    assert r.ci == pytest.approx((0.0216181, 0.109437), abs=5e-7)
    assert r.diagnostics["bias"] == pytest.approx(0.0122074, abs=5e-8)
    paper = im.infer(
        im.PSI()._functional(), im.Counts.from_counts(GRADES), im.PaperIndependentShares()
    )
    assert paper.se == pytest.approx(0.0117345, abs=5e-8)


def test_islp_default_student():
    x = np.repeat(["no", "yes", "no", "yes"], [6850, 2817, 206, 127])
    y = np.repeat([0, 0, 1, 1], [6850, 2817, 206, 127])
    r = im.information_value(x, y)
    assert r.value == pytest.approx(0.0364308, abs=5e-8)
    assert r.se == pytest.approx(0.021286, abs=5e-7)
    assert r.pvalue == pytest.approx(0.000615841, rel=1e-5)
    assert r.ci == pytest.approx((0.00665508, 0.0900947), abs=5e-7)


def test_an_empty_cell_is_said_and_bounded():
    g, b = np.array([1933, 1999, 2000, 1989, 1746]), np.array([67, 1, 0, 11, 254])
    x = np.repeat(np.arange(5), g + b)
    y = np.concatenate([np.repeat([0, 1], [i, j]) for i, j in zip(g, b, strict=True)])
    with pytest.warns(im.exceptions.SparseCellWarning, match=r"0\.5 was added"):
        r = im.information_value(x, y, categorical=True)
    assert math.isfinite(r.value)
    assert r.ci.low < r.value < r.ci.high
    p, q = g / g.sum(), b / b.sum()
    half = np.log((g + 0.5) / (g.sum() + 2.5) / ((b + 0.5) / (b.sum() + 2.5)))
    assert r.value == pytest.approx(((p - q) * half).sum())


@pytest.mark.parametrize(("policy", "cells"), [("merge", 4), ("drop", 4), ("half", 5)])
def test_policies_for_empty_cells(policy, cells):
    x, y = np.repeat([0, 1, 2, 3, 4], [50, 60, 40, 30, 20]), np.tile([0, 1], 100)
    y[x == 4] = 0
    with pytest.warns() if policy == "half" else contextlib.nullcontext():
        r = im.information_value(x, y, categorical=True, empty=policy)
    assert r.diagnostics["cells_occupied"] == cells
    assert math.isfinite(r.value)


def test_empty_cells_can_be_refused():
    x, y = np.repeat([0, 1, 2], 40), np.tile([0, 1], 60)
    y[x == 2] = 0
    with pytest.raises(im.exceptions.DataError, match="one group left empty"):
        im.information_value(x, y, categorical=True, empty="raise")


# --- weight of evidence -----------------------------------------------------------------------


def test_woe_its_errors_and_its_covariance(german):
    column = "job"
    goods, bads = counts_of(german, column)
    woe = im.WeightOfEvidence(event="bad").fit(german[[column]], german["creditability"])
    wanted = np.log(goods / goods.sum()) - np.log(bads / bads.sum())
    n, m = goods.sum(), bads.sum()
    cells = len(goods)
    np.testing.assert_allclose(woe.woe_[column][:cells], wanted, rtol=1e-12)
    var = 1 / goods - 1 / n + 1 / bads - 1 / m
    np.testing.assert_allclose(woe.se_[column][:cells] ** 2, var, rtol=1e-12)
    off = woe.covariance(column)[:cells, :cells][~np.eye(cells, dtype=bool)]
    np.testing.assert_allclose(off, -(1 / n + 1 / m), rtol=1e-12)
    results = woe.estimate()
    assert [r.value for r in results.values()] == pytest.approx(wanted.tolist())


def test_woe_is_a_transformer_that_keeps_frames(german):
    columns = ["job", "credit_amount"]
    woe = im.WeightOfEvidence(event="bad").set_output(transform="pandas")
    out = woe.fit(german[columns], german["creditability"]).transform(german[columns])
    assert list(out.columns) == columns
    assert out.index.equals(german.index)
    goods, bads = counts_of(german, "job")
    levels = sorted(german["job"].unique())
    by_level = dict(zip(levels, np.log(goods / 700) - np.log(bads / 300), strict=True))
    np.testing.assert_allclose(out["job"], german["job"].map(by_level), rtol=1e-12)


def test_unseen_and_missing_values_have_cells_of_their_own():
    x = pd.DataFrame({"a": ["x", "y", None, "x", "y", None] * 20})
    y = np.tile([0, 1, 1, 1, 0, 1], 20)
    woe = im.WeightOfEvidence().fit(x, y)
    labels = woe.encoders_["a"].labels
    assert labels == ("x", "y", "other", "missing")
    out = woe.transform(pd.DataFrame({"a": ["x", "never seen", None]}))[:, 0]
    assert out[1] == 0.0  # no record, no evidence
    assert out[2] == woe.woe_["a"][labels.index("missing")] != 0


def test_out_of_time_estimates_keep_the_bins(rng):
    x, y = rng.normal(size=3000), rng.integers(0, 2, 3000)
    iv = im.InformationValue(bins=5).fit(x, y)
    later = iv.estimate(x + 1.0, y)
    again = im.InformationValue(bins=iv.encoders_["x"]).fit(x + 1.0, y).estimate()
    assert later.value == pytest.approx(again.value)
    assert later.diagnostics["key"] == iv.encoders_["x"].key


# --- stability --------------------------------------------------------------------------------


def test_contributions_sum_to_psi(rng):
    r = im.psi(rng.normal(size=5000), rng.normal(0.3, 1, 4000))
    assert sum(c["contribution"] for c in r.diagnostics["cells"]) == pytest.approx(r.value)
    assert sum(c["count_a"] for c in r.diagnostics["cells"]) == 5000


@pytest.mark.filterwarnings("ignore::infometric.exceptions.SparseCellWarning")
@pytest.mark.parametrize(
    ("shift", "n", "verdict", "rule"),
    [
        (0.0, 5000, "stable", "small"),
        (1.0, 5000, "shifted", "large"),
        (0.3, 60, "undecided", "moderate"),
        (0.4, 5000, "at most moderate", "moderate"),
    ],
)
def test_verdict_is_an_equivalence_test(shift, n, verdict, rule):
    rng = np.random.default_rng(3)
    found = im.psi(rng.normal(size=n), rng.normal(shift, 1, n))
    d = found.diagnostics
    assert (d["verdict"], d["rule_of_thumb"]) == (verdict, rule)
    assert (d["verdict"] == "stable") == (d["upper_bound"] <= 0.1)
    assert d["bound_level"] == pytest.approx(0.95)


@pytest.mark.parametrize(
    ("psi", "bins", "n"),
    [(0.02, 10, 1565), (0.05, 10, 626), (0.10, 10, 313), (0.25, 10, 126),
     (0.02, 20, 2056), (0.05, 20, 823), (0.10, 20, 412), (0.25, 20, 165)],
)  # fmt: skip
def test_sample_sizes(psi, bins, n):
    assert im.psi_sample_size(psi, bins=bins) == n
    assert im.psi_power(psi, n, n, bins=bins) >= 0.8
    assert im.psi_power(psi, n - 1, n - 1, bins=bins) < 0.8


def test_a_small_sample_exceeds_the_customary_limit_by_chance():
    """P(PSI > 0.1 | no drift, 200 a side): the limit alone is no evidence."""
    scale = 2 / 200
    assert chi2.sf(0.1 / scale, 9) == pytest.approx(0.35, abs=0.005)
    assert chi2.sf(0.1 / scale, 19) == pytest.approx(0.957, abs=0.01)


def test_multiplicity_over_features(german_iv):
    from statsmodels.stats.multitest import multipletests

    p = [r.pvalue for r in german_iv.values()]
    for name, method in (("pvalue_holm", "holm"), ("pvalue_bh", "fdr_bh")):
        np.testing.assert_allclose(german_iv.adjusted[name], multipletests(p, method=method)[1])


def test_slices_equal_one_by_one(rng):
    reference = pd.DataFrame({"a": rng.normal(size=2000)})
    current = pd.DataFrame(
        {"a": rng.normal(0.2, 1, 900), "month": np.repeat(["m2", "m1", "m3"], 300)}
    )
    fitted = im.PSI().fit(reference)
    sliced = fitted.estimate(current, by="month")
    assert list(sliced) == ["a @ m1", "a @ m2", "a @ m3"]
    for month in ("m1", "m2", "m3"):
        alone = fitted.estimate(current[current["month"] == month])["a"]
        assert sliced[f"a @ {month}"].value == alone.value
        assert sliced[f"a @ {month}"].ci == alone.ci


def test_information_value_by_slices_equals_one_by_one(rng):
    frame = pd.DataFrame({"a": rng.normal(size=900), "month": np.repeat(["m2", "m1", "m3"], 300)})
    frame["bad"] = (rng.random(900) < 0.3 + 0.1 * (frame["a"] > 0)).astype(int)
    fitted = im.InformationValue(bins=4).fit(frame[["a"]], frame["bad"])
    sliced = im.information_value(frame, "bad", by="month", bins=4)
    assert list(sliced) == ["a @ m1", "a @ m2", "a @ m3"]
    for month in ("m1", "m2", "m3"):
        part = frame[frame["month"] == month]
        alone = fitted.estimate(part[["a"]], part["bad"])["a"]
        assert sliced[f"a @ {month}"].value == alone.value
        assert sliced[f"a @ {month}"].ci == alone.ci
    frame.loc[frame["month"] == "m3", "bad"] = 0
    with pytest.raises(im.exceptions.DataError, match="'m3' of 'month' has one class"):
        im.information_value(frame, "bad", by="month", bins=4)


def test_weights_count_as_so_many_effective_records(rng):
    x, z = rng.normal(size=3000), rng.normal(size=3000)
    w = rng.lognormal(size=3000)
    r = im.PSI().fit(x).estimate(z, sample_weight=w)
    assert r.diagnostics["n_eff"][1] == pytest.approx(w.sum() ** 2 / (w * w).sum())
    assert r.se > 0


def test_copying_records_is_not_evidence_when_it_is_said_by_weights(rng):
    """Weights are not frequencies: doubling all of them changes neither value nor interval."""
    x, z = rng.normal(size=500), rng.normal(0.5, 1, 500)
    w = rng.uniform(1, 2, 500)
    fitted = im.PSI(bins=4).fit(x)
    once, twice = (fitted.estimate(z, sample_weight=k * w) for k in (1.0, 2.0))
    assert twice.value == pytest.approx(once.value)
    assert twice.ci == pytest.approx(once.ci)


# --- defects of other tools, as regression tests ----------------------------------------------


def test_one_outlier_does_not_hide_a_shift(rng):
    """Equal-width bins over both samples joined let one outlier take PSI from 1 to nearly 0."""
    x, z = rng.normal(size=5000), rng.normal(1, 1, 5000)
    with_outlier = np.append(z, 1e9)
    clean = im.psi(x, z).value
    assert clean > 0.8
    assert im.psi(x, with_outlier).value == pytest.approx(clean, rel=0.01)


@pytest.mark.parametrize("lost", ["new category", None])
def test_unmatched_values_are_not_skipped(lost):
    """Half the rows in a new category, or missing, must not give PSI = 0."""
    reference = pd.DataFrame({"a": ["x", "y"] * 500})
    current = pd.DataFrame({"a": ["x", "y", lost, lost] * 250})
    with pytest.warns(im.exceptions.SparseCellWarning):
        found = im.psi(reference, current)["a"]
    assert found.value > 1
    assert found.pvalue < 1e-10


def test_empty_bin_gives_a_finite_value_without_a_hidden_constant():
    with pytest.warns(im.exceptions.SparseCellWarning):
        small = im.psi(np.repeat([0, 1, 2], 100), np.repeat([0, 1], 150), categorical=True)
    with pytest.warns(im.exceptions.SparseCellWarning):
        large = im.psi(np.repeat([0, 1, 2], 10_000), np.repeat([0, 1], 15_000), categorical=True)
    assert math.isfinite(small.value)
    assert large.value > small.value  # the half record weighs less: no constant sets the value


@pytest.mark.filterwarnings("ignore::infometric.exceptions.BiasWarning")
def test_the_number_of_bins_is_heeded(rng):
    x, z = rng.normal(size=2000), rng.normal(size=2000)
    for bins in (5, 10, 20):
        assert im.psi(x, z, bins=bins).diagnostics["cells_occupied"] == bins


def test_missing_targets_are_not_events(rng):
    y = np.array([0.0, 1.0, np.nan] * 50)
    with pytest.raises(im.exceptions.DataError, match="50 missing"):
        im.information_value(rng.normal(size=150), y)


def test_special_codes_have_cells_not_zero_evidence(rng):
    x, y = rng.normal(size=2000), rng.integers(0, 2, 2000)
    x[y == 1] = np.where(rng.random((y == 1).sum()) < 0.3, -999.0, x[y == 1])
    x[(y == 0) & (rng.random(2000) < 0.05)] = -999.0
    woe = im.WeightOfEvidence(special=[-999]).fit(x, y)
    assert woe.encoders_["x"].labels[-2] == "special -999"
    assert woe.woe_["x"][-2] < -1


def test_decimals_and_huge_integers_are_numbers(rng):
    whole = rng.integers(0, 50, 1000)
    plain = im.psi(whole[:500], whole[500:])
    decimals = pd.Series([Decimal(int(v)) for v in whole], dtype=object)
    assert im.psi(decimals[:500], decimals[500:]).value == plain.value
    huge = 2**60 + whole * 4096
    assert im.psi(huge[:500], huge[500:]).value == plain.value
    near = 2**60 + whole  # many fall on one double, yet integers stay apart
    wanted = im.psi(whole[:500], whole[500:])
    found = im.psi(near[:500], near[500:])
    assert found.value == wanted.value
    assert found.diagnostics["cells"][0]["count_a"] == wanted.diagnostics["cells"][0]["count_a"]


def test_the_cells_of_pandas_cut_are_categories(rng):
    x, y = rng.normal(size=500), rng.integers(0, 2, 500)
    cut = pd.cut(x, [-9, -1, 0, 1, 9], right=False)
    wanted = im.information_value(x, y, bins=[-1, 0, 1]).value
    assert im.information_value(cut, y).value == pytest.approx(wanted)
    assert im.information_value(pd.Series(cut), y).value == pytest.approx(wanted)


@pytest.mark.filterwarnings("ignore::infometric.exceptions.BiasWarning")
def test_many_categories_need_no_answer_from_a_terminal(rng):
    x = rng.integers(0, 60, 6000).astype(str)
    assert im.information_value(x, rng.integers(0, 2, 6000)).diagnostics["cells_occupied"] == 60


def test_the_interval_is_not_clipped_to_the_estimate_and_bias_is_reported(german_iv):
    for r in german_iv.values():
        assert 0 <= r.ci.low < r.ci.high
        assert r.diagnostics["bias"] > 0


def test_iv_does_not_depend_on_which_class_is_the_event(german):
    good = im.information_value(german[["job"]], german["creditability"], event="good")["job"]
    bad = im.information_value(german[["job"]], german["creditability"], event="bad")["job"]
    assert (good.value, good.se, *good.ci) == pytest.approx((bad.value, bad.se, *bad.ci))


def test_a_column_may_be_called_kind():
    """An encoder as a dictionary has a key "kind"; so may a mapping of column to bins."""
    frame = pd.DataFrame({"kind": ["a", "b", "c", "a"] * 20, "x": [1.0, 2.0, 3.0, 4.0] * 20})
    first = im.PSI(bins=2).fit(frame)
    again = im.psi(frame, frame[:40], bins=first.encoders_)
    wanted = first.estimate(frame[:40])
    assert {n: r.to_dict() for n, r in again.items()} == {n: r.to_dict() for n, r in wanted.items()}


def test_adjusted_p_values_are_those_of_statsmodels():
    from statsmodels.stats.multitest import multipletests

    from infometric.uncertainty.multiplicity import METHODS

    rng = np.random.default_rng(0)
    for m in (1, 2, 7, 40):
        pvalues = rng.random(m) ** 3
        pvalues[: m // 3] = pvalues[0]  # ties
        for method, adjust in METHODS.items():
            assert adjust(pvalues).tolist() == multipletests(pvalues, method=method)[1].tolist()


@pytest.mark.parametrize("kind", ["polars", "arrow"])
def test_decimals_with_gaps_are_numbers(kind, rng):
    import decimal

    import polars as pl

    values = [None if t < 0.05 else decimal.Decimal(int(t * 1000)) / 100 for t in rng.random(600)]
    frame = pl.DataFrame(
        {"v": pl.Series(values, dtype=pl.Decimal(10, 2)), "y": rng.integers(0, 2, 600)}
    )
    plain = frame.with_columns(pl.col("v").cast(pl.Float64))
    given = frame.to_arrow() if kind == "arrow" else frame
    found = im.information_value(given, "y", bins=4)["v"]
    assert found.value == im.information_value(plain, "y", bins=4)["v"].value


def test_a_column_named_twice_is_refused(rng):
    frame = pd.DataFrame({"a": rng.normal(size=100)})
    with pytest.raises(im.exceptions.DataError, match="named twice"):
        im.PSI(columns=["a", "a"]).fit(frame)
