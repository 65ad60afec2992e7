"""Evidence: areas with DeLong's interval, members at few false positives, corpora, blind check."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score, roc_curve

import infometric as im
from infometric.detection import MembershipEvaluation
from infometric.exceptions import (
    DataError,
    InvalidParameterError,
    LeakageWarning,
    UnsupportedError,
)
from infometric.llm.audit import detectable, welch
from infometric.llm.evaluation import curve

LABELS = [1, 1, 1, 1, 1, 0, 0, 0, 0]
FIRST, SECOND = [3, 1, 4, 2, 2, 0, 1, 2, 0.5], [2, 2, 3, 0, 1, 1, 0, 0.5, 3]


# --- areas ----------------------------------------------------------------------------------------


def test_oracle_of_delong():
    found = im.llm.evaluate({"a": FIRST, "b": SECOND}, LABELS, fpr=0.25)
    a, b, gap = found.auc["a"], found.auc["b"], found.differences["a - b"]
    assert (a.value, b.value, gap.value) == pytest.approx((0.875, 0.625, 0.25))
    assert a.se == pytest.approx(0.1168153814, abs=1e-9)
    assert b.se == pytest.approx(0.2224391303, abs=1e-9)
    assert gap.se == pytest.approx(0.2789489201, abs=1e-9)


def test_areas_and_curves_are_those_of_scikit_learn(rng):
    y = rng.integers(0, 2, 400)
    s = np.round(rng.normal(size=400) + y, 1)  # with ties
    found = im.llm.evaluate(s, y)
    assert found.auc["score"].value == pytest.approx(roc_auc_score(y, s))
    false, true, _ = roc_curve(y, s, drop_intermediate=False)
    np.testing.assert_allclose(found.curves["score"], (false, true))


def test_an_area_stays_inside_zero_and_one_with_a_bound_that_is_no_point():
    """A peer's interval exceeds one; an interval of no width at the end says too much."""
    found = im.llm.evaluate(np.arange(20.0), np.repeat([0, 1], 10))
    auc = found.auc["score"]
    assert auc.value == 1
    assert 0.6 < auc.ci.low < 1
    assert auc.ci.high == 1


def test_equal_scores_differ_by_nothing_for_certain():
    found = im.llm.evaluate({"a": FIRST, "b": FIRST, "c": np.multiply(FIRST, 2)}, LABELS)
    for gap in found.differences.values():
        assert (gap.value, gap.pvalue) == (0, 1)


def test_texts_without_a_score_are_counted_and_left_out(rng):
    y = np.repeat([1, 0], 50)
    s = rng.normal(size=100) + y
    with_gaps = np.where(np.arange(100) % 10 == 0, np.nan, s)
    found = im.llm.evaluate({"all": s, "some": with_gaps}, y)
    assert found.missing == {"some": 10}
    keep = ~np.isnan(with_gaps)
    assert found.auc["some"].value == pytest.approx(roc_auc_score(y[keep], s[keep]))
    gap = found.differences["all - some"]
    assert gap.value == 0  # on the texts that have both
    assert sum(gap.n) == 90


def test_infinite_scores_have_a_rank():
    found = im.llm.evaluate([-np.inf, -1, 0, 1], [0, 0, 1, 1])
    assert found.auc["score"].value == 1


# --- at few false positives -----------------------------------------------------------------------


def test_members_above_the_threshold_of_the_non_members():
    others = np.arange(100.0)
    members = np.r_[np.full(30, 200.0), np.full(70, 50.5)]
    found = im.llm.evaluate(np.r_[members, others], np.repeat([1, 0], 100), fpr=[0.05, 0.5])
    first = found.tpr["score at 0.05"]
    assert first.diagnostics["threshold"] == 94  # the sixth largest
    assert first.diagnostics["fpr_seen"] == 0.05
    assert first.value == 0.3
    wanted = stats.binomtest(30, 100).proportion_ci(0.95, "exact")
    assert first.ci == pytest.approx((wanted.low, wanted.high))
    assert found.tpr["score at 0.5"].value == 1.0


@pytest.mark.parametrize(
    ("n", "fpr", "low", "high"),
    [(100, 0.05, 0.022, 0.113), (1000, 0.05, 0.038, 0.065), (5000, 0.001, 0.0004, 0.0023)],
)
def test_realised_rate_of_a_threshold_from_so_many_non_members(n, fpr, low, high):
    s = np.r_[np.arange(float(n)), n + 1.0]
    found = im.llm.evaluate(s, np.r_[np.zeros(n), 1].astype(int), fpr=fpr)
    told = found.tpr[f"score at {fpr:g}"].diagnostics
    assert told["fpr_low"] == pytest.approx(low, abs=6e-4)
    assert told["fpr_high"] == pytest.approx(high, abs=6e-4)


def test_a_rate_below_what_the_non_members_can_show():
    with pytest.raises(InvalidParameterError, match="4 non-members cannot show") as caught:
        im.llm.evaluate(FIRST, LABELS, fpr=0.01)
    assert "fpr=0.25, or 100 non-members" in str(caught.value)
    assert list(im.llm.evaluate(FIRST, LABELS).tpr) == []  # by default those that can be shown


def test_evaluation_is_kept_and_drawn(rng, tmp_path):
    y = np.repeat([1, 0], 60)
    found = im.llm.evaluate({"a": rng.normal(size=120) + y, "b": rng.normal(size=120)}, y)
    again = MembershipEvaluation.from_json(found.to_json())
    assert again.to_json() == found.to_json()
    assert json.loads(found.to_json())["n_members"] == 60
    assert "auc = " in str(found)
    assert found._repr_html_().count("<table") == 3
    pytest.importorskip("matplotlib")
    ax = found.plot()
    assert len(ax.lines) == 3
    assert ax.get_xlabel() == "share of non-members at or above"
    with pytest.raises(DataError, match="no evaluation"):
        MembershipEvaluation.from_json("{}")


def test_curves_of_many_texts_are_thinned_and_end_in_the_corners(rng):
    y = rng.integers(0, 2, 50_000)
    false, true = curve(y, rng.normal(size=50_000))
    assert len(false) <= 512
    assert (false[0], true[0], false[-1], true[-1]) == (0, 0, 1, 1)


def test_frames_and_tables_are_evaluated(rng):
    pd = pytest.importorskip("pandas")
    y = np.repeat([1, 0], 30)
    lp = -rng.exponential(2 - y[:, None], (60, 20))
    table = im.LossScore().fit(lp[30:]).estimate(lp)
    frame = pd.DataFrame({"loss": table.values_array, "noise": rng.normal(size=60)})
    a = im.llm.evaluate(frame, y)
    b = im.llm.evaluate(table, y)
    c = table.evaluate(y)
    d = im.llm.evaluate({"loss": table}, y)
    assert a.auc["loss"].value == b.auc["loss"].value == c.auc["loss"].value == d.auc["loss"].value


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: im.llm.evaluate([1, 2], [1, 1]), "members and non-members"),
        (lambda: im.llm.evaluate([1, 2, 3], [1, 0]), "another shape"),
        (lambda: im.llm.evaluate([1, 2], [1, 2]), "1 for members and 0"),
        (lambda: im.llm.evaluate([1, 2], ["m", "n"]), "1 for members and 0"),
        (lambda: im.llm.evaluate([[1, 2], [3, 4]], [1, 0]), "one number per text"),
        (lambda: im.llm.evaluate({}, [1, 0]), "no score"),
        (lambda: im.llm.evaluate({"a": [1, 2], "b": [1, 2, 3]}, [1, 0]), "'b' and the labels"),
        (lambda: im.llm.evaluate([np.nan, 2], [1, 0]), "known of one kind"),
        (lambda: im.llm.evaluate(["a", "b"], [1, 0]), "hold numbers"),
        (lambda: im.llm.evaluate([1, 2], [1, 0], fpr=2), "between 0 and 1"),
    ],
)  # fmt: skip
def test_bad_evaluations_are_refused(call, text):
    with pytest.raises((DataError, InvalidParameterError), match=text) as caught:
        call()
    assert caught.value.hint


def test_scores_at_minus_infinity_are_one_tie(rng):
    s = np.r_[np.full(20, -np.inf), rng.normal(size=20)]
    y = np.tile([0, 1], 20)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        false, true = im.llm.evaluate(s, y).curves["score"]
    assert np.trapezoid(true, false) == pytest.approx(im.llm.evaluate(s, y).auc["score"].value)


def test_names_that_are_one(rng):
    pa = pytest.importorskip("pyarrow")
    with pytest.raises(DataError, match="one name"):
        im.llm.evaluate({1: FIRST, "1": SECOND}, LABELS)
    with pytest.raises(DataError, match="another shape"):
        im.llm.evaluate(FIRST, [[1], [0, 1]])
    table = pa.table({"a": FIRST, "b": SECOND})
    assert im.llm.evaluate(table, LABELS).auc["a"].value == 0.875


# --- a corpus -------------------------------------------------------------------------------------


def test_welch_is_scipys(rng):
    a, b = rng.normal(0.4, 1, 140), rng.normal(0, 2, 170)
    found = im.llm.dataset_test(a, b)
    wanted = stats.ttest_ind(a, b, equal_var=False, alternative="greater")
    assert found.pvalue == pytest.approx(wanted.pvalue, rel=1e-9)
    both = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    assert found.ci == pytest.approx((both.low, both.high), rel=1e-9)
    assert found.n == (140, 170)


@pytest.mark.parametrize(("n", "m"), [(4, 40), (40, 4), (12, 12)])
def test_few_texts_have_the_p_value_of_a_permutation(rng, n, m):
    """Welch's rejects noise several times too often where few capped scores stand against many."""
    a, b = np.minimum(rng.exponential(1, n), 1.2), np.minimum(rng.exponential(1, m), 1.2)
    wanted = stats.permutation_test(
        (a, b), lambda x, y: x.mean() - y.mean(), alternative="greater", n_resamples=20_000,
        rng=np.random.default_rng(0),
    ).pvalue  # fmt: skip
    exact = stats.ttest_ind(a, b, equal_var=False, alternative="greater").pvalue
    found = im.llm.dataset_test(a, b)
    assert found.pvalue == pytest.approx(max(wanted, exact), abs=0.02)
    assert found.pvalue == im.llm.dataset_test(a, b).pvalue  # the same each time


def test_few_texts_at_a_cap_are_no_evidence():
    others = np.r_[np.linspace(0, 1, 60), np.ones(40)]
    assert im.llm.dataset_test(np.array([1.0, 1.0, 1.0 - 1e-9]), others).pvalue > 0.05


def test_infinite_scores_are_not_left_out_in_silence(rng):
    others, suspect = rng.normal(-3, 1, 200), rng.normal(-3, 1, 200)
    suspect[np.argsort(suspect)[:60]] = -np.inf
    with pytest.raises(DataError, match=r"60 score\(s\) of the suspect corpus are infinite"):
        im.llm.dataset_test(suspect, others)
    suspect[np.isinf(suspect)] = np.nan
    assert (
        "60 text(s) of the suspect have no score" in im.llm.dataset_test(suspect, others).warnings
    )


def test_corpora_of_two_scores_are_not_compared(rng):
    t = im.TokenScores.from_lists(logprob=-rng.exponential(2, (60, 20)))
    loss, low = (s.fit(t).estimate(t) for s in (im.LossScore(), im.MinK()))
    with pytest.raises(DataError, match="not scored by one fitted score"):
        im.llm.dataset_test(loss, low)
    with pytest.raises(DataError, match="not scored by one fitted score"):
        im.llm.dataset_test(loss, low.values_array)


def test_an_estimator_is_not_fitted_anew_behind_the_users_back(rng):
    t = im.TokenScores.from_lists(logprob=-rng.exponential(2, (60, 20)))
    score = im.MinK().fit(t[:20])
    im.llm.dataset_test(t[:30], t[30:], method=score)
    im.membership_scores(t, method=score, calibration=t)
    assert len(score.state_.scores) == 20


def test_power_is_that_of_statsmodels(rng):
    from statsmodels.stats.power import TTestIndPower

    a, b = rng.normal(size=80), rng.normal(size=80)
    a, b = ((x - x.mean()) / x.std(ddof=1) for x in (a, b))
    told = welch(a, b, 0.01, 0.95, "score", rng).diagnostics
    for effect, power in told["power"].items():
        wanted = TTestIndPower().power(float(effect), 80, 0.01, alternative="larger")
        assert power == pytest.approx(wanted, abs=1e-6)
    wanted = TTestIndPower().solve_power(None, 80, 0.01, 0.8, alternative="larger")
    assert told["detectable"] == pytest.approx(wanted, rel=1e-4)
    assert detectable(1e7, 0.025) == pytest.approx(1.959964 + 0.841621, abs=1e-4)


def test_a_verdict_for_a_corpus(rng):
    others, suspect = (-rng.exponential(s, (300, 30)) for s in (2.0, 1.8))
    score = im.LossScore().fit(others)
    found = score.test(suspect)
    assert found.diagnostics["verdict"] == "scores higher"
    assert found.pvalue < 1e-6
    assert score.test(others[:150]).diagnostics["verdict"] == "not shown to score higher"
    tables = im.llm.dataset_test(score.estimate(suspect), score.estimate(others))
    assert tables.pvalue == pytest.approx(found.pvalue)
    assert tables.measure == "loss_difference"


def test_token_scores_by_one_method_or_several(rng):
    def corpus(scale):
        ids = rng.integers(0, 90, (120, 25))
        return im.TokenScores.from_lists(ids=ids, logprob=-rng.exponential(scale, (120, 25)))

    suspect, others = corpus(1.5), corpus(2.0)
    q = im.TokenFrequency.uniform(90)
    for method in (
        "min_k",
        "dc_pdd",
        ["loss", "min_k"],
        im.CombinedScore(["loss"], random_state=0),
    ):
        found = im.llm.dataset_test(suspect, others, method=method, token_reference=q, rng=0)
        assert found.pvalue < 0.01
    assert found.n == (60, 60)  # the half that gave no weights
    with pytest.raises(UnsupportedError, match="by a method"):
        im.llm.dataset_test(suspect, others)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: im.llm.dataset_test([1.0], [1.0, 2.0]), "suspect corpus has 1"),
        (lambda: im.llm.dataset_test([1.0, np.nan], [1.0, 2.0]), "suspect corpus has 1"),
        (lambda: im.llm.dataset_test([1.0, 1.0], [2.0, 2.0]), "Neither corpus varies"),
        (lambda: im.llm.dataset_test([[1.0]], [1.0, 2.0]), "one number per text"),
        (lambda: im.llm.dataset_test([1.0, 2.0], [1.0, 2.0], alpha=1), "size of a test"),
    ],
)  # fmt: skip
def test_bad_corpora_are_refused(call, text):
    with pytest.raises((DataError, InvalidParameterError), match=text) as caught:
        call()
    assert caught.value.hint


# --- without the model ----------------------------------------------------------------------------


def sentences(rng, words, n=150):
    return [" ".join(rng.choice(words, 25)) for _ in range(n)]


def test_sets_with_their_own_words_are_told_apart(rng):
    common = [f"w{i}" for i in range(60)]
    a, b = sentences(rng, [*common, "2023"]), sentences(rng, [*common, "2024"])
    with pytest.warns(LeakageWarning, match="told apart"):
        found = im.llm.audit_split(a, b)
    assert found.value > 0.65
    assert found.diagnostics["verdict"] == "told apart"
    assert found.warnings


def test_sets_of_other_lengths_are_told_apart(rng):
    words = [f"w{i}" for i in range(60)]
    a, b = (
        [" ".join(rng.choice(words, rng.integers(*span))) for _ in range(100)]
        for span in ((10, 20), (16, 30))
    )
    with pytest.warns(LeakageWarning):
        found = im.llm.audit_split(a, b)
    assert found.value > 0.8


def test_a_random_split_is_not(rng):
    texts = sentences(rng, [f"w{i}" for i in range(80)], 600)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = im.llm.audit_split(texts[:300], texts[300:])
    assert found.diagnostics["verdict"] == "not told apart"
    assert found.ci.low < 0.5


def test_few_texts_are_undecided_not_cleared(rng):
    words = [f"w{i}" for i in range(40)]
    for seed in range(30):
        draw = np.random.default_rng(seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = im.llm.audit_split(sentences(draw, words, 15), sentences(draw, words, 15))
        if found.value > 0.55 and found.ci.low <= 0.5:
            assert found.diagnostics["verdict"] == "undecided"
            assert found.warnings
            return
    raise AssertionError("no draw of thirty gave an area above 0.55 by chance")


def test_tokens_are_words_too(rng):
    ids = rng.integers(0, 50, (200, 30))
    ids[:100] += rng.integers(0, 3, (100, 30)) * 20
    tokens = im.TokenScores.from_lists(ids=ids, logprob=np.full(ids.shape, -1.0))
    with pytest.warns(LeakageWarning):
        found = im.llm.audit_split(tokens[:100], tokens[100:])
    with pytest.warns(LeakageWarning):
        assert im.llm.audit_split(ids[:100], ids[100:]).value == found.value


def test_sets_that_are_apart_for_certain(rng):
    same = im.TokenScores.from_lists(logprob=[[-1.0, -2.0]] * 30, ids=[[1, 2]] * 30)
    others = im.TokenScores.from_lists(
        logprob=-rng.random((30, 8)), ids=rng.integers(3, 40, (30, 8))
    )
    with pytest.warns(LeakageWarning, match="told apart"):
        assert im.llm.audit_split(same, others).value == 1


def test_a_set_against_itself_is_not_told_apart(rng):
    texts_ = sentences(rng, [f"w{i}" for i in range(40)], 60)
    found = im.llm.audit_split(texts_, texts_)
    assert found.value < 0.5
    assert found.pvalue > 0.5  # of one side, as the verdict is


def test_texts_without_a_common_word():
    a, b = ([f"{kind}{i}" for i in range(20)] for kind in "ab")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert 0 <= im.llm.audit_split(a, b).value <= 1


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: im.llm.audit_split("one text", ["a"] * 20), "many texts"),
        (lambda: im.llm.audit_split(["a"] * 20, [3] * 20), "no text and no list"),
        (lambda: im.llm.audit_split(["a"] * 3, ["b"] * 20), "too few for 5 folds"),
        (lambda: im.llm.audit_split(["a"] * 20, ["b"] * 20, folds=1), "folds must be"),
    ],
)  # fmt: skip
def test_bad_sets_are_refused(call, text):
    with pytest.raises((DataError, InvalidParameterError), match=text) as caught:
        call()
    assert caught.value.hint
