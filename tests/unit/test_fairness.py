"""Fair binning against enumeration and the plain programme; group measures against statsmodels."""

from __future__ import annotations

import itertools
import json
import re
import warnings
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp, minimize_scalar
from scipy.stats import binom
from sklearn.metrics import roc_auc_score

import infometric as im
from infometric.credit.candidates import Candidates, candidates
from infometric.credit.frontier import chance, excess, within
from infometric.credit.programme import Programme
from infometric.exceptions import (
    DataError,
    DegenerateWarning,
    InvalidParameterError,
    ReliabilityWarning,
    SparseCellWarning,
)
from infometric.files import SEAL, sealed
from infometric.functional.divergence import Jeffreys
from infometric.functional.margins import SummedJeffreys
from infometric.functional.parity import (
    ProportionDifference,
    ProportionRatio,
    StandardizedMeanDifference,
)
from infometric.functional.ranking import Gini


def drawn(rng, features, cells, n=4000):
    """Counts of both pairs of groups over the cells of each feature."""
    groups, target = (rng.random(n) < 0.3).astype(int), np.zeros(n, int)
    latent = rng.normal(size=(n, features)) + 0.5 * groups[:, None] * rng.random(features)
    target = (rng.random(n) < 1 / (1 + np.exp(1.5 - latent @ rng.normal(size=features)))).astype(
        int
    )
    codes = [np.searchsorted(np.quantile(x, np.arange(1, cells) / cells), x) for x in latent.T]

    def tables(side):
        return [
            im.Counts.from_counts([np.bincount(c[side == v], minlength=cells) for v in (0, 1)])
            for c in codes
        ]

    return tables(target), tables(groups)


def every_plan(found: Candidates, max_bins=None, trend=None):
    """All partitions of every feature, and all ways of dropping some: by enumeration."""
    by_feature = []
    for j, k in enumerate(found.sizes):
        paths = [None]
        for inner in itertools.chain.from_iterable(
            itertools.combinations(range(1, k), m) for m in range(k)
        ):
            cuts = (0, *inner, int(k))
            s, e = cuts[:-1], cuts[1:]
            rates = found.rate[j, s, e]
            fine = found.allowed[j, s, e].all() and (max_bins is None or len(s) <= max_bins)
            step = np.diff(rates)
            ordered = {
                None: True, "ascending": (step >= 0).all(), "descending": (step <= 0).all(),
                "auto": (step >= 0).all() or (step <= 0).all(),
            }[trend]  # fmt: skip
            if fine and ordered:
                paths.append(cuts)
        by_feature.append(paths)
    return itertools.product(*by_feature)


def best_of_all(found, budget, z=0.0, **rules):
    best = 0.0
    for plan in every_plan(found, **rules):
        gain, cost, spread = found.totals(plan)
        if (cost + z * np.sqrt(spread) <= budget * (1 + 1e-12)).all():
            best = max(best, gain)
    return best


def plain_programme(found: Candidates, budget: float, max_bins: int) -> float:
    """Exact cover with dropped features, budget and bins, as it is written, for the solver."""
    arcs = np.argwhere(found.allowed)
    features = len(found.sizes)
    gain = found.gain[tuple(arcs.T)]
    rows, low, high = [], [], []
    for j in range(features):
        for b in range(found.sizes[j]):
            row = np.zeros(len(arcs) + features)
            row[: len(arcs)] = (arcs[:, 0] == j) & (arcs[:, 1] <= b) & (b < arcs[:, 2])
            row[len(arcs) + j] = 1
            rows.append(row), low.append(1), high.append(1)
        row = np.zeros(len(arcs) + features)
        row[: len(arcs)] = arcs[:, 0] == j
        row[len(arcs) + j] = max_bins
        rows.append(row), low.append(-np.inf), high.append(max_bins)
    cost = np.r_[found.cost[0][tuple(arcs.T)], np.zeros(features)]
    rows.append(cost), low.append(-np.inf), high.append(budget)
    c = -np.r_[gain, np.zeros(features)]
    solved = milp(
        c, integrality=np.ones(len(c)), bounds=Bounds(0, 1),
        constraints=LinearConstraint(np.array(rows), low, high), options={"mip_rel_gap": 0.0},
    )  # fmt: skip
    return -solved.fun


@pytest.mark.parametrize(
    ("trend", "max_bins"),
    [(None, None), (None, 3), ("ascending", None), ("descending", 3), ("auto", 3)],
)
def test_programme_finds_what_enumeration_finds(rng, trend, max_bins):
    for cells in (5, 4):
        target, groups = drawn(rng, 3, cells)
        found = candidates(target, [groups], [cells] * 3, min_share=0.1)
        programme = Programme(found, max_bins=max_bins, monotonic=trend, gap=0.0)
        most = programme_free(programme)
        for share in (0.05, 0.3, 0.7):
            budget = np.array([share * most])
            best = best_of_all(found, budget, max_bins=max_bins, trend=trend)
            plan = within(programme, budget)
            assert plan.gain == pytest.approx(best, abs=1e-8)
            assert plan.bound >= best - 1e-8
            assert found.totals(plan.cuts)[0] == pytest.approx(plan.gain, abs=1e-12)
            held = best_of_all(found, budget, 1.645, max_bins=max_bins, trend=trend)
            sure = chance(programme, budget, 1.645)
            assert sure.gain == pytest.approx(held, abs=1e-8)
            assert excess(found, sure, budget, 1.645) <= 1e-9


def programme_free(programme):
    """Protected divergence of the plan without a budget."""
    free = within(programme, np.full(programme.found.n_limits, 1e6))
    return programme.found.totals(free.cuts)[1].max()


def test_two_protected_attributes_have_a_budget_each(rng):
    for _ in range(2):
        target, groups = drawn(rng, 2, 5)
        _, others = drawn(rng, 2, 5)
        found = candidates(target, [groups, others], [5, 5], min_share=0.1)
        programme = Programme(found, gap=0.0)
        most = programme_free(programme)
        for budget in (np.array([0.3, 0.05]) * most, np.array([0.05, 0.8]) * most):
            assert within(programme, budget).gain == pytest.approx(
                best_of_all(found, budget), abs=1e-8
            )
            sure = chance(programme, budget, np.array([1.645, 1.0]))
            best = best_of_all(found, budget, np.array([1.645, 1.0]))
            assert sure.gain == pytest.approx(best, abs=1e-8)


def test_reductions_lose_nothing_against_the_programme_as_it_is_written(rng):
    target, groups = drawn(rng, 4, 10, n=20_000)
    found = candidates(target, [groups], [10] * 4)
    programme = Programme(found, max_bins=4, gap=0.0)
    most = programme_free(programme)
    for share in (0.02, 0.1, 0.25, 0.6):
        plan = within(programme, np.array([share * most]))
        assert plan.gain == pytest.approx(plain_programme(found, share * most, 4), rel=1e-6)
        assert plan.gap <= 1e-8


def test_terms_of_a_bin_are_those_of_the_divergence(rng):
    target, groups = drawn(rng, 1, 4)
    found = candidates(target, [groups], [4], min_share=0.0, min_count=1)
    cuts = (0, 1, 3, 4)
    gain, cost, spread = found.totals([cuts])
    merged = groups[0].merge_cells(np.array([0, 1, 1, 2]))
    assert gain == pytest.approx(
        float(Jeffreys().value(target[0].merge_cells(np.array([0, 1, 1, 2]))))
    )
    assert cost[0] == pytest.approx(float(Jeffreys().value(merged)))
    p, q = merged.p
    a, c = np.log(p / q) + 1 - q / p, -np.log(p / q) + 1 - p / q
    assert spread[0] == pytest.approx(
        (p * a * a).sum() / merged.n[0] + (q * c * c).sum() / merged.n[1]
    )
    variance = float(merged.variance(Jeffreys().influence(merged)))
    assert variance <= spread[0] <= 1.2 * variance


def test_cells_that_stay_count_with_their_feature_alone(rng):
    target, groups = drawn(rng, 2, 6)
    found = candidates(target, [groups], [5, 6], min_share=0.0, min_count=1)
    assert found.fixed[0, 0] > 0
    assert found.fixed[0, 1] == 0
    whole = found.totals([tuple(range(6)), None])
    assert whole[0] == pytest.approx(float(Jeffreys().value(target[0])))
    assert whole[1][0] == pytest.approx(float(Jeffreys().value(groups[0])))
    programme = Programme(found, gap=0.0)
    budget = np.array([0.5 * programme_free(programme)])
    assert within(programme, budget).gain == pytest.approx(best_of_all(found, budget), abs=1e-8)


# --- the frontier of data ---


def people(n=3000, seed=0):
    """Characteristics with gaps and categories, two protected attributes, and a target."""
    rng = np.random.default_rng(seed)
    sex, age = rng.integers(1, 3, n), rng.integers(18, 80, n)
    income = rng.normal(size=n) + 0.7 * (sex == 2)
    debt = rng.normal(size=n) + 0.02 * age
    job = np.array(list("abcd"))[np.clip((income + rng.normal(size=n)).astype(int) % 4, 0, 3)]
    bad = rng.random(n) < 1 / (1 + np.exp(1.2 + income - debt))
    income = np.where(rng.random(n) < 0.05, np.nan, income)
    return pd.DataFrame(
        {"income": income, "debt": debt, "job": job, "SEX": sex, "AGE": age, "bad": bad.astype(int)}
    )


@pytest.fixture(scope="module")
def frame():
    return people()


@pytest.fixture(scope="module")
def frontier(frame):
    return im.fair_frontier(frame, "bad", "SEX", exclude=["AGE"], pre_bins=10, rng=0)


def test_frontier_rises_within_its_budgets(frontier):
    assert len(frontier) == 9
    assert frontier.features == ("income", "debt", "job")
    gains = [p.in_sample["performance"] for p in frontier]
    assert gains == sorted(gains)
    for point in frontier:
        (name,) = frontier.comparisons
        assert point.in_sample["protected"][name] <= point.budget[name] * (1 + 1e-9)
        assert set(point.encoders) | set(point.dropped) == set(frontier.features)
        assert point.protected[name].diagnostics["limit"] == point.budget[name]
    assert frontier[0].dropped
    assert not frontier[-1].dropped


def test_held_out_figures_are_those_of_the_bins_on_records_that_did_not_choose(frame, frontier):
    point = frontier[8]
    held = np.zeros(len(frame), bool)
    held[np.random.default_rng(0).permutation(len(frame))[: round(0.3 * len(frame))]] = True
    features = frame[list(point.encoders)]
    for rows, result, which in (
        (held, point.performance.value, "bad"),
        (held, point.protected[frontier.comparisons[0]].value, "SEX"),
        (~held, point.in_sample["performance"], "bad"),
        (~held, point.in_sample["protected"][frontier.comparisons[0]], "SEX"),
    ):
        iv = im.InformationValue(bins=point.encoders)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = iv.fit(features[rows], frame.loc[rows, which]).estimate()
        assert sum(r.value for r in found.values()) == pytest.approx(result, rel=1e-9)


def test_bins_of_a_point_serve_other_estimators_and_know_what_chose_them(frame, frontier):
    encoders = frontier.encoders(5)
    woe = im.WeightOfEvidence(bins=encoders, columns=list(encoders)).fit(frame, "bad")
    assert {n: e.key for n, e in woe.encoders_.items()} == {n: e.key for n, e in encoders.items()}
    assert woe.transform(frame).shape == (len(frame), len(encoders))
    assert all(e.to_dict()["learned"]["binning"] == "fair_frontier" for e in encoders.values())
    assert all("chosen_on" in e.learned for e in encoders.values())


def test_frontier_goes_through_json_and_shows_itself(frontier, frame):
    again = im.FairnessFrontier.from_json(frontier.to_json())
    assert again.to_dict() == frontier.to_dict()
    assert [p.hash for p in again] == [p.hash for p in frontier]
    table = frontier.to_frame()
    assert list(table["point"]) == list(range(9))
    assert set(table["verdict"]) <= {"within budget", "undecided", "above budget"}
    assert frontier.summary().count("\n") == 8
    assert set(frontier.tables()) == {"performance", *frontier.comparisons}
    axes = frontier.plot()
    drawn = max(axes.lines, key=lambda line: len(line.get_xdata()))
    assert len(drawn.get_xdata()) == 9
    data = frontier.to_dict()
    data["points"][0]["hash"] = "0" * 16
    with pytest.raises(DataError, match="checksum"):
        im.FairnessFrontier.from_dict(data)
    with pytest.raises(DataError, match="fingerprint"):
        im.FairnessFrontier.from_dict(sealed(opened(data)))
    del data["points"]
    with pytest.raises(DataError, match="checksum"):
        im.FairnessFrontier.from_dict(data)
    with pytest.raises(DataError, match="schema"):
        im.FairnessFrontier.from_dict(sealed(opened(data)))


def opened(data):
    """A copy of the content of a file, without its seal."""
    return json.loads(json.dumps({k: v for k, v in data.items() if k != SEAL}))


def at(data, path, value):
    """Put a value where a path of keys leads, or take away what is there."""
    for key in path[:-1]:
        data = data[key]
    if value is None:
        del data[path[-1]]
    else:
        data[path[-1]] = value


SEX = "SEX: 1 against 2"
VERDICT = ("points", 0, "protected", SEX, "diagnostics", "verdict")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("points", 0, "performance", "value"), "x"),
        (("points", 0, "performance", "value"), [1]),
        (("points", 0, "performance", "ci"), None),
        (("points", 0, "encoders"), {}),
        (("points", 0, "in_sample", "protected"), None),
        (("points", 0, "in_sample", "performance"), None),
        (("points", 0, "solver", "gap"), None),
        (("points", 0, "dropped"), 3),
        (("points", 0, "budget"), "x"),
        (("points", 0), "x"),
        (VERDICT, "fair"),
        (VERDICT, None),
        ((*VERDICT[:-1], "upper_bound"), None),
        (("points",), []),
        (("points",), {"a": 1}),
        (("comparisons",), ["x"]),
        (("features",), ["x"]),
        (("parameters",), [1]),
        (("hash",), "0" * 16),
        (("version",), None),
    ],
)
def test_frontier_that_was_forged_is_refused(frontier, path, value):
    assert frontier.comparisons == (SEX,)
    data = frontier.to_dict()
    forged = opened(data)
    at(forged, path, value)
    with pytest.raises(DataError, match="checksum"):
        im.FairnessFrontier.from_json(json.dumps(forged | {SEAL: data[SEAL]}))
    with pytest.raises(DataError):  # sealed anew, its parts do not fit together
        im.FairnessFrontier.from_json(json.dumps(sealed(forged)))


def test_verdict_and_budget_of_a_file_cannot_be_edited(frontier):
    for path, value in (
        (VERDICT, "within budget"),
        (("points", 0, "budget", SEX), 99.0),
        (("parameters", "holdout"), 0.9),
        (("points", 0, "protected", SEX, "value"), 0.0),
    ):
        data = json.loads(frontier.to_json())
        at(data, path, value)
        with pytest.raises(DataError, match="checksum"):
            im.FairnessFrontier.from_dict(data)


def test_files_frames_and_arrays_give_the_same_frontier(frame, frontier, tmp_path):
    path = tmp_path / "people.parquet"
    frame.to_parquet(path)
    of_file = im.fair_frontier(path, "bad", "SEX", exclude=["AGE"], pre_bins=10, rng=0)
    beside = im.fair_frontier(
        frame.drop(columns=["bad", "SEX", "AGE"]), frame["bad"], frame["SEX"], pre_bins=10, rng=0
    )
    for other in (of_file, beside):
        assert [p.hash for p in other] == [p.hash for p in frontier]
        assert [p.performance.value for p in other] == pytest.approx(
            [p.performance.value for p in frontier]
        )


def test_chance_constraint_keeps_a_distance_from_the_budget(frame, frontier):
    budgets = [p.budget[frontier.comparisons[0]] for p in frontier][2:5]
    sure = im.fair_frontier(
        frame, "bad", "SEX", exclude=["AGE"], pre_bins=10, budgets=budgets, chance=0.95, rng=0
    )
    for plain, point in zip(frontier.points[2:5], sure, strict=True):
        assert point.in_sample["performance"] <= plain.in_sample["performance"] + 1e-9
        name = frontier.comparisons[0]
        assert point.in_sample["protected"][name] < 0.95 * point.budget[name]


@pytest.mark.parametrize(
    ("given", "says", "hint"),
    [
        ({"budgets": 0.02}, "a list of nats", "budgets=[0.02]"),
        ({"budgets": np.array(0.1)}, "a list of nats", "budgets=[0.1]"),
        ({"budgets": True}, "a list of nats", "budgets=[0.02, 0.05, 0.1]"),
        ({"budgets": [np.inf]}, "positive number of nats", "budgets=[0.02, 0.05, 0.1]"),
        ({"budgets": [0.1], "chance": 1}, "'chance'", "chance=0.95"),
        ({"protected": {"AGE": [60, 25]}}, "strictly increasing", "{'AGE': [25, 60]}"),
        ({"protected": {"AGE": [30, 30]}}, "strictly increasing", "{'AGE': [30]}"),
        ({"protected": {"AGE": [np.nan]}}, "strictly increasing", "{'AGE': [25, 60]}"),
        ({"protected": {"AGE": [200]}}, "in one group", "a cut inside that range"),
        ({"protected": {"gaps": [30]}}, "1 missing", "frame.dropna(subset=['gaps'])"),
        ({"columns": ["debt", "SEX"]}, "one of the characteristics", "columns=['debt']"),
        ({"protected": "bad"}, "target cannot be the protected", "protected="),
        ({"protected": ["SEX", "bad"]}, "target cannot be the protected", "protected="),
    ],
)
def test_slips_of_the_hand_get_the_next_line(frame, given, says, hint):
    ages = frame["AGE"].astype(float)
    table = frame.assign(gaps=ages.mask(ages.index == 3))
    with pytest.raises((InvalidParameterError, DataError), match=re.escape(says)) as raised:
        im.fair_frontier(table, "bad", **({"protected": "SEX", "columns": ["debt"]} | given))
    assert hint in str(raised.value)


def test_hint_of_a_cut_cuts(frame):
    with pytest.raises(InvalidParameterError) as raised:
        im.fair_frontier(frame, "bad", {"AGE": [200]}, columns=["debt"])
    cut = float(re.search(r"\[([0-9.]+)\]}", raised.value.hint)[1])
    (point,) = im.fair_frontier(frame, "bad", {"AGE": [cut]}, columns=["debt"], budgets=[1.0])
    assert len(point.protected) == 1


def test_frontier_of_a_table_that_is_counted_elsewhere(frame):
    ibis = pytest.importorskip("ibis")
    with pytest.raises(DataError, match="rows without order") as raised:
        im.fair_frontier(ibis.memtable(frame), "bad", "SEX")
    assert "X.to_pandas()" in raised.value.hint


def test_budgets_come_in_order_and_once(frame):
    given = {"columns": ["debt", "income"], "pre_bins": 8, "rng": 0}
    found = im.fair_frontier(frame, "bad", "SEX", budgets=[0.5, 0.05, 0.5], **given)
    (name,) = found.comparisons
    assert [p.budget[name] for p in found] == [0.05, 0.5]
    assert found.parameters["budgets"] == [{name: 0.05}, {name: 0.5}]
    again = im.fair_frontier(frame, "bad", "SEX", budgets=[0.05, 0.5], **given)
    assert found.hash == again.hash


@pytest.mark.parametrize("confidence", [None, 0.95])
def test_budget_beyond_all_numbers_is_no_budget(frame, confidence):
    given = {"columns": ["debt", "income"], "pre_bins": 8, "rng": 0, "chance": confidence}
    found = im.fair_frontier(frame, "bad", "SEX", budgets=[100.0, 1e155], **given)
    assert found[0].hash == found[1].hash
    assert found[1].encoders


def test_budget_that_keeps_nothing_is_said(frame):
    with pytest.warns(DegenerateWarning, match="no feature is kept within the budget"):
        (point,) = im.fair_frontier(frame, "bad", "SEX", columns=["income"], budgets=[1e-9])
    assert point.encoders == {}
    assert point.performance.value == 0
    for r in (point.performance, *point.protected.values()):
        assert "no feature is kept" in r.warnings[0]


def test_two_attributes_one_of_them_cut_into_groups(frame):
    found = im.fair_frontier(
        frame, "bad", {"SEX": None, "AGE": [30, 60]}, pre_bins=8, gap=1e-3,
        budgets=[{"SEX": 0.02, "AGE": 0.2}, 0.5], rng=0,
    )  # fmt: skip
    assert len(found.comparisons) == 3
    assert sum(c.startswith("AGE: ") for c in found.comparisons) == 2
    assert found[0].budget[found.comparisons[0]] == 0.02
    for point in found:
        for name, cost in point.in_sample["protected"].items():
            assert cost <= point.budget[name] * (1 + 1e-9)
    assert len(found.to_frame()) == 6
    with pytest.raises(InvalidParameterError, match="AGE"):
        im.fair_frontier(frame, "bad", {"SEX": None, "AGE": [30]}, budgets=[{"SEX": 0.1}])


def test_budget_of_each_feature(frame, frontier):
    each = im.fair_frontier(
        frame, "bad", "SEX", exclude=["AGE"], pre_bins=10, budgets=[0.01], per_feature=True, rng=0
    )[0]
    (found,) = each.protected.values()
    (worst,) = found.diagnostics["features"]
    assert worst in each.encoders
    assert found.diagnostics["verdict"] in ("within budget", "undecided")
    assert max(each.in_sample["protected"].values()) <= 0.01
    for name, encoder in each.encoders.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            own = im.InformationValue(bins={name: encoder}, columns=[name]).fit(frame, "SEX")
        assert float(own.estimate()) < 0.02  # the budget, and chance
    assert "income" not in each.encoders or len(each.encoders["income"].edges) < 9


def test_protected_group_of_five_people(frame):
    few = frame.copy()
    few["SEX"] = np.where(np.arange(len(few)) < 5, 3, few["SEX"])
    with pytest.raises(DataError, match=r"Group '3' of the protected attribute 'SEX'") as raised:
        im.fair_frontier(few, "bad", "SEX")
    assert sum(raised.value.got.values()) == 5
    assert "adverse_impact" in raised.value.hint
    with pytest.warns(SparseCellWarning, match="5 records"):
        found = im.adverse_impact(few["bad"], few["SEX"])
    ratio = found["adverse_impact_ratio @ SEX: 3 against 2"]
    assert ratio.diagnostics["verdict"] == "undecided"
    assert ratio.ci.high - ratio.ci.low > 0.8


# --- decisions and scores ---


def test_published_interval_of_a_difference():
    """Newcombe (1998), Statist. Med. 17, 873-890, table II: 56 of 70 and 48 of 80."""
    found = im.infer(ProportionDifference(), im.Counts.from_counts([[32, 48], [14, 56]]))
    assert found.value == pytest.approx(0.2)
    assert found.ci == pytest.approx((0.0528, 0.3382), abs=5e-5)


@pytest.mark.parametrize("counts", [(60, 100, 45, 100), (6, 14, 200, 400), (30, 36, 40, 60)])
def test_ends_of_the_intervals_are_where_the_constrained_likelihood_says(counts):
    x1, n1, x0, n0 = counts
    s = im.Counts.from_counts([[n0 - x0, x0], [n1 - x1, x1]])

    def statistic(second, slope, most, gap):
        def loss(p0):
            p1 = second(p0)
            return -(binom.logpmf(x1, n1, p1) + binom.logpmf(x0, n0, p0))

        p0 = minimize_scalar(loss, bounds=most, method="bounded", options={"xatol": 1e-12}).x
        p1, n = second(p0), n1 + n0
        return gap / np.sqrt((p1 * (1 - p1) / n1 + slope**2 * p0 * (1 - p0) / n0) * n / (n - 1))

    for end, sign in zip(im.infer(ProportionDifference(), s).ci, (1, -1), strict=True):
        low, high = max(0, -end), min(1, 1 - end)
        z = statistic(lambda p, d=end: p + d, 1.0, (low, high), x1 / n1 - x0 / n0 - end)
        assert z == pytest.approx(sign * 1.959964, abs=1e-4)
    for end, sign in zip(im.infer(ProportionRatio(), s).ci, (1, -1), strict=True):
        gap = x1 / n1 - end * x0 / n0
        z = statistic(lambda p, r=end: min(r * p, 1.0), end, (0, min(1, 1 / end)), gap)
        assert z == pytest.approx(sign * 1.959964, abs=1e-4)


def test_interval_of_the_ratio_is_that_of_statsmodels():
    from statsmodels.stats.proportion import confint_proportions_2indep

    for x1, n1, x0, n0 in ((60, 100, 45, 100), (30, 50, 200, 400)):
        s = im.Counts.from_counts([[n0 - x0, x0], [n1 - x1, x1]])
        wanted = confint_proportions_2indep(x1, n1, x0, n0, method="score", compare="ratio")
        assert im.infer(ProportionRatio(), s).ci == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("counts", [(0, 5, 30, 90), (5, 5, 30, 90), (0, 5, 0, 90), (5, 5, 90, 90)])
def test_proportions_of_none_and_all_have_intervals(counts):
    x1, n1, x0, n0 = counts
    s = im.Counts.from_counts([[n0 - x0, x0], [n1 - x1, x1]])
    ratio, difference = im.infer(ProportionRatio(), s), im.infer(ProportionDifference(), s)
    assert 0 <= ratio.ci.low <= ratio.ci.high
    assert (ratio.ci.low == 0) == (x1 == 0)
    assert (ratio.ci.high == np.inf) == (x0 == 0)
    assert -1 <= difference.ci.low < difference.ci.high <= 1
    assert difference.ci.low <= difference.value <= difference.ci.high
    assert 0 <= difference.pvalue <= 1


def test_coverage_of_the_ratio_and_of_its_claim_by_enumeration():
    for n1 in (5, 12):
        n0, rate = 120, 0.6
        a, b = np.meshgrid(np.arange(n1 + 1), np.arange(n0 + 1))
        tables = np.stack(
            [np.stack([n0 - b.ravel(), b.ravel()], -1), np.stack([n1 - a.ravel(), a.ravel()], -1)],
            axis=1,
        )
        for ratio in (0.8, 1.0):
            weight = binom.pmf(a, n1, rate * ratio).ravel() * binom.pmf(b, n0, rate).ravel()
            found = ProportionRatio().interval("score", im.Counts(tables), 0.95)
            inside = (found.low <= ratio) & (ratio <= found.high)
            assert (weight * inside).sum() > 0.93
            claimed = ProportionRatio(continuity=True).interval("score", im.Counts(tables), 0.9)
            assert (weight * (claimed.low >= ratio)).sum() <= 0.05


def test_measures_of_decisions_by_their_definitions(frame):
    approved = (frame["debt"] < 1.0).astype(int)
    found = im.adverse_impact(
        approved, frame["SEX"], y=frame["bad"], score=frame["debt"], reference=1
    )
    one, two = (frame["SEX"] == v for v in (1, 2))
    good = frame["bad"] == 0
    label = " @ SEX: 2 against 1"
    rates = approved[two].mean(), approved[one].mean()
    assert found["adverse_impact_ratio" + label].value == pytest.approx(rates[0] / rates[1])
    assert found["statistical_parity_difference" + label].value == pytest.approx(
        rates[0] - rates[1]
    )
    assert found["equal_opportunity_difference" + label].value == pytest.approx(
        approved[two & good].mean() - approved[one & good].mean()
    )
    yes = approved == 1
    assert found["predictive_parity_difference" + label].value == pytest.approx(
        good[two & yes].mean() - good[one & yes].mean()
    )
    debt = frame["debt"]
    pooled = np.sqrt(
        ((one.sum() - 1) * debt[one].var() + (two.sum() - 1) * debt[two].var()) / (len(frame) - 2)
    )
    assert found["standardized_mean_difference" + label].value == pytest.approx(
        (debt[two].mean() - debt[one].mean()) / pooled
    )
    assert found["auc_between_groups" + label].value == pytest.approx(
        roc_auc_score(frame["SEX"] == 2, debt)
    )
    assert len(found.adjusted["pvalue_holm"]) == 6
    again = im.ResultTable.from_json(found.to_json())
    assert again.to_dict() == found.to_dict()


def test_weights_of_one_change_nothing_and_doubled_records_are_not_more_evidence(frame):
    table = frame.assign(approved=(frame["debt"] < 1).astype(int), w=1.0, v=2.0)
    plain = im.adverse_impact("approved", "SEX", y="bad", score="debt", data=table)
    for name in ("w", "v"):
        weighted = im.adverse_impact(
            "approved", "SEX", y="bad", score="debt", data=table, sample_weight=name
        )
        for line, r in plain.items():
            assert weighted[line].value == pytest.approx(r.value)
            assert weighted[line].ci == pytest.approx(r.ci, rel=1e-6)
    rng = np.random.default_rng(1)
    uneven = im.adverse_impact(
        "approved", "SEX", data=table, sample_weight=rng.exponential(size=len(table)) + 0.01
    )
    line = "adverse_impact_ratio @ SEX: 2 against 1"
    line = line if line in uneven else "adverse_impact_ratio @ SEX: 1 against 2"
    assert uneven[line].se > 1.2 * plain[line].se


def test_columns_by_name_and_more_than_two_groups(frame):
    table = frame.assign(approved=np.where(frame["debt"] < 1, "yes", "no"))
    found = im.adverse_impact("approved", {"AGE": [30, 60], "SEX": None}, data=table)
    assert found.meta["favourable"] == "yes"
    assert len(found) == 6
    turned = im.adverse_impact("approved", "SEX", data=table, favourable="no")
    name = next(iter(turned))
    first = im.adverse_impact("approved", "SEX", data=table)[name].diagnostics["proportions"]
    assert turned[name].diagnostics["proportions"] == pytest.approx([1 - p for p in first])


def test_favourable_decision_in_words_is_the_one_that_says_so():
    group = ["a"] * 100 + ["b"] * 100
    numbers = [1] * 60 + [0] * 40 + [1] * 30 + [0] * 70
    name = "adverse_impact_ratio @ group: b against a"
    for good, bad in [("approved", "declined"), ("Hired", "rejected"), ("accept", "refer")]:
        texts = [good if d else bad for d in numbers]
        found = im.adverse_impact(texts, group)
        assert found.meta["favourable"] == good
        assert found[name].value == pytest.approx(0.5)
    for good, bad in [("paid", "refused"), ("approved", "yes"), ("A", "B")]:
        texts = [good if d else bad for d in numbers]
        with pytest.raises(DataError, match="not plain") as raised:
            im.adverse_impact(texts, group)
        assert f"favourable={good!r}" in str(raised.value)
        said = im.adverse_impact(texts, group, favourable=good)
        assert said[name].value == pytest.approx(0.5)
    with pytest.raises(InvalidParameterError, match="one of the decisions 0 and 1") as raised:
        im.adverse_impact(numbers, group, favourable="yes")
    assert "event" not in str(raised.value)
    outcome = ["default" if i % 3 else "paid" for i in range(200)]
    coded = [int(o == "default") for o in outcome]
    by_text = im.adverse_impact(numbers, group, y=outcome)
    by_code = im.adverse_impact(numbers, group, y=coded)
    assert {k: r.value for k, r in by_text.items()} == {k: r.value for k, r in by_code.items()}


@pytest.mark.filterwarnings("ignore::infometric.exceptions.SparseCellWarning")
@pytest.mark.parametrize(
    ("favourable", "size", "verdict"),
    [((90, 88), 100, "four fifths kept"), ((12, 11), 20, "undecided"),
     ((600, 400), 1000, "four fifths broken"), ((600, 485), 1000, "undecided")],
)  # fmt: skip
def test_four_fifths_are_claimed_with_evidence_only(favourable, size, verdict):
    decision = np.concatenate([np.repeat([1, 0], [k, size - k]) for k in favourable])
    found = im.adverse_impact(decision, np.repeat(["a", "b"], size), reference="a")
    told = next(iter(found.values())).diagnostics
    assert told["verdict"] == verdict
    assert told["thresholds"] == [0.8]
    assert (told["lower_bound"] >= 0.8) == (verdict == "four fifths kept")


def test_group_without_good_outcomes_is_left_out():
    decision, group = [1, 0] * 50, ["a"] * 94 + ["b"] * 6
    outcome = [0, 1, 1, 0] * 23 + [0, 1] + [1] * 6
    with pytest.warns(SparseCellWarning):
        found = im.adverse_impact(decision, group, y=outcome)
    assert found.meta["left_out"] == ["equal_opportunity_difference @ group: b against a"]


def samples_of_scores(rng, n_group, shift, draws):
    """Counts of 200 normal scores beside a few that are shifted, and their values."""
    for _ in range(draws):
        scores = np.r_[rng.normal(size=200), rng.normal(size=n_group) + shift]
        values, cells = np.unique(scores, return_inverse=True)
        table = np.zeros((2, len(values)), int)
        table[np.repeat([0, 1], [200, n_group]), cells] = 1
        yield values, im.Counts(table)


@pytest.mark.parametrize("n_group", [2, 5])
@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_intervals_of_scores_hold_for_two_people(n_group, shift):
    rng, draws = np.random.default_rng([n_group, int(shift)]), 300
    area = NormalDist().cdf(shift / np.sqrt(2))
    found = []
    for values, s in samples_of_scores(rng, n_group, shift, draws):
        mean = StandardizedMeanDifference(values).interval("student", s, 0.95)
        rank = Gini().interval("delong", s, 0.95)
        found.append([mean.low <= shift <= mean.high, rank.low <= 2 * area - 1 <= rank.high])
    slack = 3 * np.sqrt(0.05 * 0.95 / draws)
    assert (np.mean(found, 0) > 0.95 - slack).all()


def test_difference_of_means_of_large_groups_is_that_of_the_delta_method(frame):
    values, cells = np.unique(frame["debt"].to_numpy(), return_inverse=True)
    side = (frame["SEX"] == 2).to_numpy()
    s = im.Counts(np.stack([np.bincount(cells[side == g], minlength=len(values)) for g in (0, 1)]))
    student = im.infer(StandardizedMeanDifference(values), s)
    assert student.method == "student"
    delta = im.infer(StandardizedMeanDifference(values), s, "delta")
    assert student.ci == pytest.approx(delta.ci, rel=0.01, abs=1e-3)
    apart = im.infer(StandardizedMeanDifference(values), s, level=1 - student.pvalue)
    assert min(abs(apart.ci.low), abs(apart.ci.high)) == pytest.approx(0, abs=1e-9)


@pytest.mark.filterwarnings("ignore::infometric.exceptions.SparseCellWarning")
@pytest.mark.parametrize("few", [[1.5], [1.5, 1.5]])
def test_group_without_spread_has_no_interval_of_its_mean(few):
    score = np.r_[np.random.default_rng(0).normal(size=200), few]
    group = np.repeat(["a", "b"], [200, len(few)])
    with pytest.warns(ReliabilityWarning, match="one record, or one value"):
        found = im.adverse_impact((score > 0).astype(int), group, score=score)
    r = found["standardized_mean_difference @ group: b against a"]
    assert np.isfinite(r.value)
    assert np.isnan([r.ci.low, r.ci.high, r.pvalue]).all()
    assert r.diagnostics["reliable"] is False


def test_fairness_iv_claims_by_its_upper_bound(frame):
    found = im.FairnessIV(limit=0.05).fit(frame[["income", "debt"]], frame["SEX"]).estimate()
    assert found["income"].diagnostics["verdict"] == "unfair"
    assert found["debt"].diagnostics["verdict"] == "fair"
    iv = im.InformationValue().fit(frame[["income", "debt"]], frame["SEX"]).estimate()
    assert found["debt"].value == iv["debt"].value
    assert found["debt"].ci == iv["debt"].ci
    # the claim is that of an interval of 90 %
    ninety = im.InformationValue().fit(frame[["debt"]], frame["SEX"]).estimate(level=0.9)
    assert found["debt"].diagnostics["upper_bound"] == pytest.approx(ninety["debt"].ci.high)
    few = im.FairnessIV(limit=0.05).fit(frame[["debt"]][:80], frame["SEX"][:80]).estimate()
    assert few["debt"].diagnostics["verdict"] == "undecided"


@pytest.mark.filterwarnings("ignore::infometric.exceptions.InfometricWarning")
@pytest.mark.parametrize("bins", [10, im.OptimalBinning(max_bins=3)])
def test_fairness_iv_of_five_people_is_undecided(bins):
    x, group = np.random.default_rng(0).normal(size=400), np.where(np.arange(400) < 5, "b", "a")
    for uncertainty in ("auto", "none"):
        r = im.FairnessIV(bins=bins, uncertainty=uncertainty).fit(x, group).estimate()
        assert np.isnan(r.ci.high)
        assert r.diagnostics["verdict"] == "undecided"
        assert "undecided" in r.to_json()


def test_bounds_are_in_nats_and_say_so():
    x, group = np.random.default_rng(0).normal(size=4000), np.arange(4000) % 2
    nats = im.FairnessIV().fit(x, group).estimate()
    bits = im.FairnessIV(units="bits").fit(x, group).estimate()
    assert bits.value == pytest.approx(nats.value / np.log(2))
    stable = im.PSI(units="bits").fit(x[:2000]).estimate(x[2000:])
    for r in (bits, nats, stable):
        assert r.diagnostics["bound_units"] == "nats"
    for bound in ("upper_bound", "lower_bound", "limit", "verdict"):
        assert bits.diagnostics[bound] == nats.diagnostics[bound]


@pytest.mark.filterwarnings("ignore::infometric.exceptions.SparseCellWarning")
def test_correction_for_continuity_is_named():
    many = im.Counts.from_counts([[40, 60], [5, 45]])
    few = im.Counts.from_counts([[40, 60], [4, 46]])
    for functional in (ProportionRatio(), ProportionDifference()):
        assert im.infer(functional, many).method == "score"
        assert im.infer(functional, few).method == "score+continuity"


# --- sums over features ---


def test_sum_over_independent_margins_has_the_sum_of_variances(rng):
    onto = np.array([[0, 0, 1, 1], [0, 1, 0, 1]])
    p, q = np.array([0.3, 0.7]), np.array([0.4, 0.6])
    table = np.stack([1000 * np.outer(p, p).ravel(), 1000 * np.outer(q, q).ravel()])
    s = im.Counts(table)
    functional = SummedJeffreys(onto)
    parts = [s.merge_cells(row) for row in onto]
    assert float(functional.value(s)) == pytest.approx(
        sum(float(Jeffreys().value(m)) for m in parts)
    )
    assert float(functional.variance(s)) == pytest.approx(
        sum(float(m.variance(Jeffreys().influence(m))) for m in parts)
    )
    assert functional.null(s).df == pytest.approx(2, abs=0.05)


def test_the_same_feature_twice_has_four_times_the_variance():
    s = im.Counts.from_counts([[300, 500, 200], [200, 500, 300]])
    once = SummedJeffreys(np.array([[0, 1, 2]]))
    twice = SummedJeffreys(np.array([[0, 1, 2], [0, 1, 2]]))
    assert float(twice.variance(s)) == pytest.approx(4 * float(once.variance(s)))
    one, two = im.infer(Jeffreys(), s), im.infer(twice, s)
    assert two.value == pytest.approx(2 * one.value)
    assert two.ci == pytest.approx([2 * end for end in one.ci], rel=1e-3)
    assert two.pvalue == pytest.approx(one.pvalue, rel=1e-9)


# --- the command line ---


def test_commands(frame, tmp_path, capsys):
    from infometric.report.cli import main

    path = tmp_path / "people.csv"
    frame.assign(approved=(frame["debt"] < 1).astype(int)).to_csv(path, index=False)
    save, html = tmp_path / "frontier.json", tmp_path / "report.html"
    line = [
        "frontier",
        str(path),
        "-t",
        "bad",
        "--protected",
        "SEX",
        "--columns",
        "income,debt",
        "--budgets",
        "0.02,0.2",
        "--pre-bins",
        "8",
        "--save",
        str(save),
        "--html",
        str(html),
    ]
    assert main(line) == 0
    found = im.FairnessFrontier.from_json(save.read_text())
    assert found.features == ("income", "debt")
    assert "budget 0.02" in html.read_text()
    line = [
        "impact",
        str(path),
        "--decision",
        "approved",
        "--protected",
        "SEX,AGE=30:60",
        "--outcome",
        "bad",
        "--score",
        "debt",
        "--json",
        str(tmp_path / "impact.json"),
    ]
    assert main(line) == 0
    shown = capsys.readouterr().out
    assert "four fifths" in shown or "undecided" in shown
    for wrong, says in (
        (["--protected", "SEKS"], "SEX"),
        (["--protected", "AGE=x"], "AGE=25:60"),
        (["--protected", "SEX", "--budgets", "much"], "--budgets 0.02"),
    ):
        assert main(["frontier", str(path), "-t", "bad", *wrong]) == 2
        assert says in capsys.readouterr().err
