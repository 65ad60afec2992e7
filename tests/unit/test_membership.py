"""Membership scores: the oracle, what peers get wrong, defined results, errors of tokens."""

from __future__ import annotations

import subprocess
import sys
import warnings
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, StratifiedKFold

import infometric as im
from infometric.exceptions import (
    DataError,
    InvalidParameterError,
    MergeError,
    ReliabilityWarning,
    UnsupportedError,
)
from infometric.functional import membership as f
from infometric.llm.scores import NAMED, NEEDS, named_score
from infometric.testing import check_estimator

COUNTS = [10, 5, 0, 3, 1, 1]
LOG_Q = np.log(np.array([11, 6, 1, 4, 2, 2]) / 26)


@pytest.fixture
def one():
    """The text of the oracle."""
    return im.TokenScores.from_lists(
        ids=[[2, 0, 2, 5, 1]], logprob=[np.log([0.5, 0.1, 0.25, 0.9, 0.001])],
        mu=[[-1, -1.2, -1.5, -0.4, -1.7]], var=[[0.5, 0.8, 0.6, 0, 0.9]],
    )  # fmt: skip


def texts(rng, n=60, lengths=(20, 60), shift=0.0, vocabulary=200, **more):
    """Token scores with every column."""
    sizes = rng.integers(*lengths, n)
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    total = int(offsets[-1])

    def logs():
        return -rng.exponential(2.5 - shift, total).astype(np.float32)

    def apart(low, high):
        return [-rng.exponential(2.5, rng.integers(low, high)) for _ in range(n)]

    return im.TokenScores.from_flat(
        ids=rng.integers(0, vocabulary, total), logprob=logs(), offsets=offsets, mu=logs(),
        var=rng.random(total) + 0.1, reference=logs(), nonmember_prefix=logs(),
        member_prefix=logs(), lower=apart(20, 60), neighbors=apart(3, 6),
        zlib=rng.integers(50, 90, n), vocabulary_size=vocabulary, tokenizer="f00", **more,
    )  # fmt: skip


# --- the oracle -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("functional", "value"),
    [
        (f.DCPDD(LOG_Q, cap=0.01), 0.0078665843),
        (f.DCPDD(LOG_Q, cap=0.5), 0.2718716159),
        (f.DCPDD(LOG_Q), 1.0062472886),
        (f.DCPDD(LOG_Q, first=False, cap=0.01), 0.0082932674),
        (f.Loss(), -2.2790284859),
        (f.MinK(0.2), -6.9077552790),
        (f.MinK(0.1), -6.9077552790),
        (f.MinK(0.4), -4.6051701860),
        (f.MinKPlusPlus(0.2), -5.489456),
        (f.PMI(LOG_Q), -0.4648159597),
    ],
)
def test_published_formulas(one, functional, value):
    assert functional.value(one)[0] == pytest.approx(value, abs=1e-6)
    if isinstance(functional, f.DCPDD):
        assert functional.value(one)[0] == pytest.approx(value, abs=1e-8)


def test_terms_of_dc_pdd(one):
    wanted = [1.629048, 0.086020, 0.814524, 2.308454, 0.001466]
    np.testing.assert_allclose(f.DCPDD(LOG_Q).terms(one), wanted, atol=1e-6)


def test_z_scores_of_min_k_plus_plus(one):
    (part,) = f.MinKPlusPlus(1.0).parts(one)
    wanted = [0.433955, -1.232728, 0.146793, -5.489456]
    np.testing.assert_allclose(part._kept.values, wanted, atol=1e-5)


def plain_dc_pdd(ids, logprob, q, cap):
    """The usual loop, a text at a time."""
    seen, total = set(), []
    for kind, value in zip(ids, logprob, strict=True):
        if kind not in seen:
            seen.add(kind)
            total.append(min(-np.exp(np.float64(value)) * np.log(q[kind]), cap))
    return np.mean(total) if total else np.nan


@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize("cap", [0.01, 0.3, None])
def test_dc_pdd_is_the_plain_loop_to_1e_8(rng, engine, cap):
    if engine == "numba":
        pytest.importorskip("numba")
    t = texts(rng, 400, (0, 300))
    frequency = im.TokenFrequency(vocabulary_size=200).fit(t)
    found = f.DCPDD(frequency.log_q, True, cap, engine).value(t)
    wanted = [
        plain_dc_pdd(t.ids[a:b], t.logprob.values[a:b], frequency.q, cap or np.inf)
        for a, b in pairwise(t.offsets)
    ]
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-8)


def test_formulas_of_the_scores_that_compare(rng):
    t = texts(rng, 5)
    mean = {k: c.means() for k, c in t.columns.items()} | {"logprob": t.logprob.means()}
    lp = mean["logprob"]
    for functional, wanted in (
        (f.Zlib(), lp / t.numbers["zlib"]),
        (f.Lowercase(), mean["lower"] / lp),
        (f.Reference(), lp - mean["reference"]),
        (f.Reference(True), -lp / mean["reference"]),
        (f.Neighbor(), lp - mean["neighbors"]),
        (f.ReCaLL(), mean["nonmember_prefix"] / lp),
        (f.ConReCall(0.3), (mean["nonmember_prefix"] - 0.3 * mean["member_prefix"]) / lp),
    ):
        np.testing.assert_allclose(functional.value(t), wanted, rtol=1e-6)


def test_surprising_tokens():
    t = im.TokenScores.from_lists(
        logprob=[[-1.0, -3.0, -6.0, -0.5], [-1.0, -2.0]],
        mu=[[-1.0, -1.0, -4.0, -1.0], [-9.0, -9.0]],
    )
    assert f.SURP(0.5, 2.0).value(t).tolist() == [-3.0, -1.5]  # none is left of the second: loss


def test_every_score_grows_with_what_a_member_shows(rng):
    """Larger is more like a member, in all of them; one peer stores lower case negated."""
    likely = texts(rng, 200, shift=1.5)
    plain = texts(rng, 200)
    q = im.TokenFrequency.uniform(200)
    for name in NAMED:
        if name in ("recall", "con_recall", "lowercase"):
            continue  # quotients: below
        score = named_score(name, q, **({"cap": 0.01} if name == "dc_pdd" else {})).fit(plain)
        assert score.score_samples(likely).mean() > score.score_samples(plain).mean(), name
    worse = im.TokenScores.from_lists(
        logprob=[[-1.0]], lower=[[-3.0]], nonmember_prefix=[[-2.0]], member_prefix=[[-1.0]]
    )
    same = im.TokenScores.from_lists(
        logprob=[[-1.0]], lower=[[-1.0]], nonmember_prefix=[[-1.0]], member_prefix=[[-1.0]]
    )
    for functional in (f.Lowercase(), f.ReCaLL(), f.ConReCall(0.5)):
        assert functional.value(worse) > functional.value(same)


# --- what peers get wrong -------------------------------------------------------------------------


def test_dc_pdd_uses_the_smoothed_frequencies():
    """The official code smooths and then takes log(1 / count): a count of zero is infinite."""
    t = im.TokenScores.from_lists(ids=[[2]], logprob=[[-0.5]])
    score = im.DCPDD(COUNTS, cap=None).fit(t).score_samples(t)
    assert score[0] == pytest.approx(np.exp(-0.5) * np.log(26))


def test_terms_are_positive_so_that_the_cap_acts(rng):
    """Raw counts instead of frequencies make them negative, and no cap is ever reached."""
    t = texts(rng, 30)
    terms = f.DCPDD(im.TokenFrequency().fit(t).log_q).terms(t)
    assert (terms >= 0).all()
    middle = float(np.median(terms))
    (capped,) = f.DCPDD(im.TokenFrequency().fit(t).log_q, cap=middle).parts(t)
    assert 0.4 < (capped.values.values == middle).mean() < 0.6


def test_the_sign_is_not_reversed(rng):
    members, others = texts(rng, 300, shift=1.0), texts(rng, 300)
    q = im.TokenFrequency.uniform(200)
    score = im.DCPDD(q, cap=0.01).fit(others)
    found = im.llm.evaluate(
        np.r_[score.score_samples(members), score.score_samples(others)], np.repeat([1, 0], 300)
    )
    assert found.auc["score"].value > 0.6


def test_a_cap_may_not_be_a_text():
    with pytest.raises(InvalidParameterError, match="cap"):
        im.DCPDD(COUNTS, cap="0.01").fit([[-1.0]])


def test_min_k_of_a_short_text_is_its_lowest_token():
    """Peers take the mean of no tokens: NaN."""
    t = im.TokenScores.from_lists(logprob=[[-1.0, -2.0, -3.0]], mu=[[-1, -1, -1]], var=[[1, 1, 1]])
    assert f.MinK(0.05).value(t)[0] == -3
    assert f.MinKPlusPlus(0.05).value(t)[0] == -2


def test_a_certain_prediction_leaves_min_k_plus_plus():
    """Peers divide by zero: infinite, or NaN for the text."""
    t = im.TokenScores.from_lists(
        logprob=[[0.0, -2.0, -3.0], [0.0]], mu=[[0, -1, -1], [0]], var=[[0, 1, 1], [0]]
    )
    found = f.MinKPlusPlus(0.5).value(t)
    assert found[0] == -2
    assert np.isnan(found[1])


def test_a_memorised_text_is_never_dropped():
    """LLM dataset inference leaves out tokens of loss zero, the memorised ones."""
    t = im.TokenScores.from_lists(ids=[[0, 1], [0, 1]], logprob=[[0.0, 0.0], [-1.0, -1.0]])
    for functional in (f.Loss(), f.MinK(), f.DCPDD(np.log([0.4, 0.6]), cap=0.5)):
        values = functional.value(t)
        assert values[0] > values[1]
        assert np.isfinite(values).all()
    assert f.Loss().value(t)[0] == 0


def test_min_k_takes_the_low_end():
    t = im.TokenScores.from_lists(logprob=[[-9.0, -1.0, -1.0, -1.0, -1.0]])
    assert f.MinK(0.2).value(t)[0] == -9


def test_recall_averages_the_same_tokens_in_both(rng):
    """A peer has n targets in one term and n - 1 in the other."""
    with pytest.raises(DataError, match="differ in their number of tokens"):
        im.TokenScores.from_lists(logprob=[[-1.0, -2.0]], nonmember_prefix=[[-1.0]])
    t = im.TokenScores.from_lists(logprob=[[-1.0, -2.0]], nonmember_prefix=[[-1.0, -2.0]])
    assert f.ReCaLL().value(t)[0] == 1


def test_pmi_is_another_score_than_dc_pdd(one):
    assert f.PMI(LOG_Q).value(one)[0] < 0 < f.DCPDD(LOG_Q).value(one)[0]


def test_an_adaptive_cap_sees_no_label_and_no_text_to_be_judged(rng):
    others, suspect = texts(rng, 200), texts(rng, 50, shift=1.5)
    q = im.TokenFrequency.uniform(200)
    score = im.DCPDD(q).fit(others)
    before = score.cap_
    score.estimate(suspect)
    terms = f.DCPDD(q.log_q).terms(others)
    first = np.concatenate([
        np.isin(np.arange(b - a), np.unique(others.ids[a:b], return_index=True)[1])
        for a, b in pairwise(others.offsets)
    ])  # fmt: skip
    low, high = np.quantile(terms[first], [0.1, 0.2])
    assert score.cap_ == before
    assert low * (1 - 1e-6) <= score.cap_ <= high * (1 + 1e-6)


@pytest.mark.parametrize(("length", "raised"), [(8, True), (400, False)])
def test_an_adaptive_cap_is_raised_where_many_texts_would_reach_it(rng, length, raised):
    t = texts(rng, 400, (length, length + 1), vocabulary=5000)
    q = im.TokenFrequency.uniform(5000)
    terms = f.DCPDD(q.log_q).terms(t)
    low, high = np.quantile(terms, [0.1, 0.2])
    found = im.DCPDD(q, first=False).fit(t)
    assert found.cap_ == pytest.approx(high if raised else low, rel=1e-6)
    reached = found.state_.scores == found.state_.scores.max()
    assert (reached.mean() > 0.1) == raised  # of so few tokens even a fifth has many


# --- defined results ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(NAMED))
def test_an_empty_text_has_no_score_and_leaves_the_others_alone(rng, name):
    t = texts(rng, 12, (0, 30))
    t = t[np.argsort(t.logprob.sizes, kind="stable")]
    empty = im.TokenScores.from_lists(
        ids=[[]], logprob=[[]], **{k: [[]] for k in t.columns}, zlib=[8], tokenizer="f00"
    )
    both = im.TokenScores.from_lists(ids=[[]], logprob=[[]], **{k: [[]] for k in t.columns},
                                     zlib=[8], tokenizer="f00") + t  # fmt: skip
    score = named_score(name, im.TokenFrequency.uniform(200), **_options(name))
    alone = im.membership_scores(t, method=score)
    found = im.membership_scores(both, method=score)
    assert np.isnan(found.values_array[0])
    assert np.isnan(found.columns.low[0])
    np.testing.assert_array_equal(found.values_array[1:], alone.values_array)
    assert found["0"].warnings == ("the score is not defined for this text",)
    with pytest.raises(DataError, match="None of the 1 calibration texts"):
        named_score(name, im.TokenFrequency.uniform(200), **_options(name)).fit(empty)


def _options(name):
    return {"cap": 0.05} if name == "dc_pdd" else {}


@pytest.mark.parametrize("name", list(NAMED))
def test_results_do_not_depend_on_order_or_company(rng, name):
    t = texts(rng, 40)
    functional = named_score(name, im.TokenFrequency.uniform(200), **_options(name)).fit(t)
    order = rng.permutation(40)
    whole = functional.estimate(t)
    shuffled = functional.estimate(t[order])
    np.testing.assert_array_equal(whole.values_array[order], shuffled.values_array)
    np.testing.assert_allclose(whole.columns.se[order], shuffled.columns.se, rtol=1e-6)
    alone = functional.estimate(t[7])
    assert alone.values_array[0] == whole.values_array[7]
    assert alone.columns.se[0] == pytest.approx(whole.columns.se[7], rel=1e-6)


def test_minus_infinity_is_carried():
    t = im.TokenScores.from_lists(ids=[[0, 1]], logprob=[[-np.inf, -1.0]])
    assert f.Loss().value(t)[0] == -np.inf
    wanted = np.exp(-1) * np.log(2) / 2
    assert f.DCPDD(np.log([0.5, 0.5])).value(t)[0] == pytest.approx(wanted)
    found = im.membership_scores(t, method="loss")
    assert found.values_array[0] == -np.inf
    assert np.isnan(found.columns.se[0])


def test_a_quotient_by_zero_is_no_number():
    t = im.TokenScores.from_lists(logprob=[[0.0]], lower=[[-1.0]], nonmember_prefix=[[-1.0]],
                                  member_prefix=[[-1.0]], reference=[[0.0]])  # fmt: skip
    for functional in (f.Lowercase(), f.ReCaLL(), f.ConReCall(), f.Reference(True)):
        assert np.isnan(functional.value(t)[0])
    assert f.Reference().value(t)[0] == 0


@pytest.mark.parametrize("name", list(NAMED))
def test_a_column_that_is_not_there_is_named(name):
    t = im.TokenScores.from_lists(logprob=[[-1.0]])
    lacking = [c for c in NEEDS[name] if c != "logprob"]
    score = named_score(name, [1, 1])
    if lacking:
        with pytest.raises(DataError, match=f"needs {lacking[0]}, "):
            score.fit(t)
    else:
        assert score.fit(t).score_samples(t)[0] == -1


# --- errors of tokens -----------------------------------------------------------------------------


def numerical(functional, t, step=1e-4):
    """Derivative of the score by the weight of each token, by finite differences."""
    n = t.n_tokens
    base = t.logprob.values.astype(float)

    def at(weights):
        values = [(np.asarray(p.values.values, float), weights) for p in functional.parts(t)]
        return functional.combine(t, [np.array([(v * w).sum() / w.sum()]) for v, w in values])[0]

    assert len(base) == n
    whole = np.ones(n)
    return np.array([
        (at(whole + step * (np.arange(n) == i)) - at(whole - step * (np.arange(n) == i)))
        / (2 * step) * n for i in range(n)
    ])  # fmt: skip


@pytest.mark.parametrize(
    "functional",
    [f.Loss(), f.Zlib(), f.Reference(), f.Reference(True), f.ReCaLL(), f.ConReCall(0.4),
     f.PMI(np.log(np.full(200, 1 / 200)), first=False),
     f.DCPDD(np.log(np.full(200, 1 / 200)), first=False, cap=0.3)],
    ids=lambda x: f"{x.name} {getattr(x, 'ratio', '')}",
)  # fmt: skip
def test_influence_is_the_numerical_derivative(rng, functional):
    t = texts(rng, 1, (25, 26))
    (found,) = functional.influence(t)
    np.testing.assert_allclose(found.values.values, numerical(functional, t), rtol=2e-3, atol=1e-5)


@pytest.mark.parametrize(
    "functional",
    [f.Loss(), f.MinK(0.2), f.MinK(0.5), f.MinKPlusPlus(0.2), f.SURP(), f.Reference(), f.ReCaLL(),
     f.DCPDD(np.log(np.full(200, 1 / 200)), first=False, cap=0.01)],
    ids=lambda x: f"{x.name} {getattr(x, 'k', '')}",
)  # fmt: skip
def test_error_is_that_of_resampled_blocks(functional):
    """In closed form, without a resample: within a twentieth of 2,000 of them."""
    rng, n, block = np.random.default_rng(3), 320, 8
    noise = rng.normal(size=(4, n))
    for i in range(1, n):  # tokens that depend on those before
        noise[:, i] += 0.4 * noise[:, i - 1]
    columns = dict(
        zip(("logprob", "mu", "reference", "nonmember_prefix"), -np.exp(noise), strict=True)
    )
    ids, var = rng.integers(0, 200, n), rng.random(n) + 0.1
    one = im.TokenScores.from_lists(ids=[ids], var=[var], **{k: [v] for k, v in columns.items()})
    starts = rng.integers(0, n, (2000, n // block, 1))
    at = ((starts + np.arange(block)) % n).reshape(2000, n)
    again = im.TokenScores.from_lists(
        ids=ids[at], var=var[at], **{k: v[at] for k, v in columns.items()}
    )
    wanted = functional.value(again).std() / np.sqrt(1 - block / n)
    variance, blocks = functional.spread(one, block)
    assert np.sqrt(variance[0]) == pytest.approx(wanted, rel=0.06)
    assert blocks[0] == n / block


def test_copies_and_tokens_add_their_errors(rng):
    t = texts(rng, 1, (40, 41))
    copies = t.columns["neighbors"].values
    variance, blocks = f.Neighbor().spread(t, 8)
    own, _ = f.Loss().spread(t, 8)
    assert variance[0] == pytest.approx(own[0] + copies.var(ddof=1) / len(copies), rel=1e-5)
    assert blocks[0] == min(len(copies), 5)


def test_intervals_nest_and_are_of_token_noise(rng):
    t = texts(rng, 50)
    score = im.LossScore().fit(t)
    narrow, wide = score.estimate(t, level=0.5), score.estimate(t, level=0.99)
    assert (wide.columns.low < narrow.columns.low).all()
    assert (narrow.columns.high < wide.columns.high).all()
    assert "nothing of membership" in narrow["0"].explain()
    assert 0.5 < narrow.noise_share < 1.5  # texts of one law differ by their tokens alone
    assert "Token noise" in repr(narrow)


def test_noise_share_is_small_where_texts_differ(rng):
    levels = rng.exponential(3, 80)
    t = im.TokenScores.from_lists(logprob=[-level - 0.1 * rng.random(60) for level in levels])
    assert im.LossScore().fit(t).estimate(t).noise_share < 0.01


# --- the estimator --------------------------------------------------------------------------------


def test_p_values_are_ranks_among_the_calibration():
    score = im.LossScore().fit([[-1.0], [-2.0], [-3.0], [-4.0]])
    assert score.estimate([[-9.0], [-2.0], [-0.1]]).pvalues.tolist() == [1.0, 0.6, 0.2]
    assert score.estimate().pvalues.tolist() == [0.25, 0.5, 0.75, 1.0]  # among the others


def test_conformal_oracle():
    null = im.llm.Calibration(np.array([0.0, 1.0, 2.0, 0.5]))
    assert null.pvalues(np.array([3.0, 1.0, 4.0, 2.0, 2.0])).tolist() == [0.2, 0.6, 0.2, 0.4, 0.4]


@given(st.lists(st.floats(-5, 5), min_size=5, max_size=60), st.floats(0.02, 0.5))
def test_decision_is_the_conformal_p_value(scores, fpr):
    null = im.llm.Calibration(np.array(scores[::2]))
    new = np.array(scores)
    if fpr * (len(null.scores) + 1) < 1:
        with pytest.raises(InvalidParameterError, match="smallest conformal p-value"):
            null.rank(fpr)
        return
    k = null.rank(fpr)
    assert ((new > null.threshold(k)) == (null.pvalues(new) <= fpr * (1 + 1e-9))).all()


def test_texts_that_reach_the_cap_are_ordered_by_their_probability(rng):
    """A low cap gives many texts one score; ties would leave nothing to flag."""
    others, suspect = texts(rng, 400), texts(rng, 100, shift=1.5)
    score = im.DCPDD(im.TokenFrequency.uniform(200), cap=1e-7).fit(others)
    assert (score.state_.scores == score.state_.scores.max()).mean() > 0.5
    found = score.estimate(suspect)
    assert (found.pvalues <= 0.05).mean() > 0.5
    assert found.decision(0.05).flagged.mean() > 0.5
    assert "equal scores by their mean log-probability" in found.decision(0.05).statement
    new = score.estimate(texts(rng, 2000))
    assert (new.pvalues <= 0.05).mean() == pytest.approx(0.05, abs=0.03)
    alone = score.estimate()
    assert sorted(alone.pvalues) == pytest.approx(np.arange(1, 401) / 400)


@pytest.mark.parametrize(
    ("n", "fpr", "low", "high"),
    [(100, 0.05, 0.0164, 0.0992), (999, 0.05, 0.0374, 0.0645), (4999, 0.001, 0.0003, 0.0021)],
)
def test_range_of_the_realised_rate(n, fpr, low, high):
    null = im.llm.Calibration(np.arange(float(n)))
    found = null.realised(null.rank(fpr), 0.95)
    assert found == pytest.approx((low, high), abs=1.5e-3)


def test_decision_says_what_it_guarantees(rng):
    others, suspect = texts(rng, 250), texts(rng, 40, shift=2.0)
    found = im.LossScore().fit(others).estimate(suspect).decision(0.05)
    assert found.flagged.sum() > 20
    assert "12th largest of 250 calibration non-members" in found.statement
    assert found.k == 12
    assert len(found.flagged_names) == found.flagged.sum()
    with pytest.raises(UnsupportedError, match="no threshold"):
        im.membership_scores(suspect, method="loss").decision()


@pytest.mark.parametrize("name", list(NAMED))
def test_laws_of_an_estimator(name, rng):
    calibration, new = texts(rng, 60), texts(rng, 30)
    frequency = im.TokenFrequency.uniform(200)
    score = named_score(name, frequency, **_options(name)).fit(calibration)
    assert repr(clone(score)) == repr(score)
    parts = clone(score).fit(calibration[:20]).partial_fit(calibration[20:])
    other = clone(score).fit(calibration[20:])
    merged = clone(score).fit(calibration[:20]).merge(other)
    for found in (parts, merged):
        assert sorted(found.state_.scores) == sorted(score.state_.scores)
        np.testing.assert_array_equal(found.estimate(new).pvalues, score.estimate(new).pvalues)
    before = score.state_.to_dict()
    with pytest.raises(DataError, match="there is none"):
        score.fit(calibration[:0])
    assert score.state_.to_dict() == before
    table = score.estimate(new)
    again = im.ResultTable.from_json(table.to_json())
    assert again.to_json() == im.ResultTable(dict(table), meta=table.meta).to_json()
    state = im.llm.Calibration.from_dict(before)
    assert state.to_dict() == before
    assert score.score(np.array([0]) if False else new) == pytest.approx(
        np.nanmean(table.values_array)
    )


def test_laws_that_every_estimator_obeys(rng):
    """scikit-learn's own data are no log-probabilities, so that its checks do not apply."""
    rows = -rng.exponential(2, (600, 12))
    check_estimator(im.LossScore(), scikit_learn=False, data=(rows, np.arange(600) % 2))
    check_estimator(im.MinK(0.3), scikit_learn=False, data=(rows, np.arange(600) % 2))


def test_scores_with_another_cap_do_not_merge(rng):
    q = im.TokenFrequency.uniform(200)
    a, b = im.DCPDD(q).fit(texts(rng, 30)), im.DCPDD(q).fit(texts(rng, 30, shift=1.0))
    with pytest.raises(MergeError, match="made differently"):
        a.merge(b)


def test_scores_of_another_model_are_refused(rng):
    score = im.LossScore().fit(texts(rng, 20, model="a"))
    with pytest.raises(MergeError, match="different models"):
        score.estimate(texts(rng, 20, model="b"))


def test_texts_unlike_the_calibration_in_length_are_told(rng):
    score = im.MinK().fit(texts(rng, 50, (20, 30)))
    with pytest.warns(ReliabilityWarning, match="100 % of the texts have fewer or more tokens"):
        found = score.estimate(texts(rng, 20, (60, 90)))
    assert any("tokens" in w for w in found.warnings)


def test_a_search_over_k(rng):
    t = texts(rng, 80, shift=0.6) + texts(rng, 80)
    y = np.repeat([1, 0], 80)
    search = GridSearchCV(im.MinK(), {"k": [0.1, 0.5]}, cv=StratifiedKFold(4)).fit(t, y)
    assert 0.5 < search.best_score_ <= 1


def test_files_are_scored_in_parts(rng, tmp_path, monkeypatch):
    pytest.importorskip("pyarrow")
    t = texts(rng, 95)
    t.to_parquet(tmp_path / "t.parquet")
    monkeypatch.setattr("infometric.llm.reading.CHUNK", 300)  # tokens
    score = im.DCPDD(im.TokenFrequency.uniform(200)).fit(tmp_path / "t.parquet")
    np.testing.assert_array_equal(
        score.score_samples(tmp_path / "t.parquet"), score.score_samples(t)
    )
    found = score.estimate(tmp_path / "t.parquet")
    assert list(found) == list(t.labels)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda t: im.membership_scores(t, method="dcpdd"), "method must be one of"),
        (lambda t: im.membership_scores(t), "reference corpus"),
        (lambda t: im.membership_scores(t, method="loss", k=0.2), "no parameter 'k'"),
        (lambda t: im.membership_scores(t, reference=[1] * 200, cap="adaptive"), "no members"),
        (lambda t: im.MinK(k=0).fit(t), "'k' parameter"),
        (lambda t: im.MinK(k=1.5).fit(t), "'k' parameter"),
        (lambda t: im.LossScore().fit(t, sample_weight=[1]), "weights have no place"),
        (lambda t: im.LossScore().fit(t).ci(0.9), "ci\\(level=0.9\\)"),
        (lambda t: im.LossScore(uncertainty="delta").fit(t), "uncertainty"),
        (lambda t: im.LossScore().fit(t, ["a"] * len(t)), "Labels are 1 for members"),
        (lambda t: im.LossScore().fit(t, [0]), "another shape"),
        (lambda t: im.LossScore().fit(t).test(), "none is given"),
        (lambda t: im.CombinedScore().fit(t), "membership is known"),
        (lambda t: im.CombinedScore().fit(t, np.arange(len(t)) == 0), "10 members"),
        (lambda t: im.LossScore().fit(t).estimate(t)[0], "by name"),
        (lambda t: im.LossScore().fit(t).estimate(t).decision(0), "between 0 and 1"),
        (lambda t: im.TokenBlocks(block=0), "one token or more"),
    ],
)  # fmt: skip
def test_bad_calls_are_refused_with_the_next_line(call, text, rng):
    with pytest.raises(im.exceptions.InfometricError, match=text) as caught:
        call(texts(rng, 40))
    assert caught.value.hint


def test_scores_with_other_parameters_do_not_merge(rng):
    a, b = texts(rng, 30), texts(rng, 30)
    q, other = im.TokenFrequency.uniform(200), im.TokenFrequency.from_counts(np.arange(1, 201))
    pairs = [
        (im.MinK(0.9), im.MinK(0.1)),
        (im.SURP(0.4), im.SURP(0.5)),
        (im.DCPDD(q, cap=0.01), im.DCPDD(other, cap=0.01)),
        (im.DCPDD(q, cap=0.01), im.DCPDD(q, cap=0.01, first=False)),
        (im.ConReCall(0.1), im.ConReCall(0.2)),
    ]
    for first, second in pairs:
        with pytest.raises(MergeError, match="made differently"):
            first.fit(a).merge(second.fit(b))
    named_ = [texts(rng, 30, model=name) for name in ("one", "two")]
    with pytest.raises(MergeError, match="made differently"):
        im.LossScore().fit(named_[0]).merge(im.LossScore().fit(named_[1]))


def test_parameters_that_are_set_later_wait_for_the_next_fit(rng):
    t, new = texts(rng, 60), texts(rng, 60)
    score = im.MinK(0.1).fit(t)
    before = score.estimate(new).pvalues
    score.set_params(k=0.9)
    np.testing.assert_array_equal(score.estimate(new).pvalues, before)
    assert not np.array_equal(score.fit(t).estimate(new).pvalues, before)


def test_calibration_texts_keep_their_names_and_intervals(rng):
    t = im.TokenScores.from_lists(
        logprob=[-rng.random(40), [], -rng.random(40)], names=["a", "b", "c"]
    )
    score = im.LossScore(uncertainty=im.TokenBlocks(2)).fit(t)
    assert list(score.estimate()) == ["a", "c"]
    wanted = score.estimate(t).columns
    found = score.estimate().columns
    np.testing.assert_allclose(found.low, wanted.low[[0, 2]], rtol=1e-6)
    assert np.isnan(score.estimate(uncertainty="none").columns.se).all()
    with pytest.raises(UnsupportedError, match="by blocks of 2 tokens"):
        score.estimate(uncertainty=im.TokenBlocks(4))
    with pytest.raises(UnsupportedError, match="nothing of labels"):
        score.estimate(t, [1, 0, 0])


def test_a_text_without_variation_has_no_interval():
    t = im.TokenScores.from_lists(ids=[np.arange(20)], logprob=[np.full(20, -0.1)])
    found = im.membership_scores(t, reference=np.ones(20), cap=0.001)
    assert found.values_array[0] == pytest.approx(0.001)
    assert np.isnan([found.columns.se[0], found.columns.low[0]]).all()


def test_options_that_would_be_ignored_are_refused(rng):
    t = texts(rng, 20)
    score = im.MinK(0.1).fit(t)
    for options, text in (
        ({"method": score, "k": 0.9}, "has its parameters"),
        ({"method": "min_k_plus_plus", "normalise": False}, "no parameter 'normalise'"),
        ({"method": "loss", "reference": "nofile"}, "Only 'dc_pdd' and 'pmi'"),
    ):
        with pytest.raises(InvalidParameterError, match=text):
            im.membership_scores(t, **options)
    assert im.membership_scores(t, method=score, uncertainty="none")["0"].method == "conformal"


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_a_token_beyond_the_frequencies_is_refused_in_every_part(
    rng, tmp_path, monkeypatch, engine
):
    """A compiled kernel would read whatever stands in memory there."""
    if engine == "numba":
        pytest.importorskip("numba")
    pytest.importorskip("pyarrow")
    t = im.TokenScores.from_lists(ids=[[0, 1], [2, 9]], logprob=[[-1.0, -2.0]] * 2)
    t.to_parquet(tmp_path / "t.parquet")
    monkeypatch.setattr("infometric.llm.reading.CHUNK", 2)
    with pytest.raises(DataError, match="Token 9 has no frequency"):
        im.membership_scores(tmp_path / "t.parquet", reference=[1, 1, 1])
    with pytest.raises(DataError, match="Token 9 has no frequency"):
        f.DCPDD(np.log([0.2, 0.3, 0.5]), cap=0.01, engine=engine).value(t)


def test_a_combination_that_was_not_fitted(rng):
    with pytest.raises(DataError, match="membership is known"):
        im.membership_scores(texts(rng, 20), method=im.CombinedScore())


def test_a_table_survives_json_as_a_plain_one(rng):
    found = im.LossScore().fit(texts(rng, 30)).estimate(texts(rng, 10))
    again = type(found).from_json(found.to_json())
    assert again["3"].pvalue == found["3"].pvalue
    assert list(found.adjust("holm").adjusted) == ["pvalue_holm"]
    with pytest.raises(InvalidParameterError, match="method must be one of"):
        found.adjust(["foo"])
    assert found.decision(1 - 1e-13).flagged.sum() >= 9


# --- tables ---------------------------------------------------------------------------------------


def test_table_of_texts(rng):
    t = texts(rng, 30, names=[f"page {i}" for i in range(30)])
    found = im.LossScore().fit(texts(rng, 100)).estimate(t)
    frame = found.to_frame()
    assert list(frame.index) == list(found) == [f"page {i}" for i in range(30)]
    assert found["page 3"].value == frame.loc["page 3", "value"]
    assert "page 31" not in found
    ordered = found.adjust().sort()
    assert (np.diff(ordered.values_array) <= 0).all()
    assert set(ordered.adjusted) == {"pvalue_holm", "pvalue_bh"}
    plain = im.ResultTable(dict(found)).adjust().sort()
    assert [r["pvalue_bh"] for r in plain.rows()] == [r["pvalue_bh"] for r in ordered.rows()]
    assert (
        found.head(3).to_json()
        == im.ResultTable({k: found[k] for k in list(found)[:3]}, meta=found.meta).to_json()
    )
    assert "... and 10 more" in found.summary()
    assert found.ci["page 0"] == found["page 0"].ci
    with pytest.raises(im.exceptions.ColumnError, match="nearest name"):
        found.sort("valu")


def test_a_million_texts_are_columns(rng):
    """No object per text is made before it is asked for."""
    n = 20_000
    t = im.TokenScores.from_flat(logprob=-rng.random(n * 4), offsets=np.arange(n + 1) * 4)
    found = im.LossScore().fit(t[:500]).estimate(t)
    assert len(found) == n
    assert found.pvalues.shape == (n,)
    assert len(repr(found).splitlines()) < 30


def test_no_calibration_no_p_value(one):
    found = im.membership_scores(one, reference=COUNTS)
    assert found.values_array[0] == pytest.approx(0.0078665843, abs=1e-8)  # the published cap
    assert np.isnan(found.pvalues).all()
    assert found["0"].method == "block_bootstrap"


def test_fitted_estimators_are_used_as_they_are(rng):
    t = texts(rng, 40)
    score = im.MinK(0.3).fit(t)
    found = im.membership_scores(t, method=score)
    np.testing.assert_array_equal(found.pvalues, score.estimate(t).pvalues)
    again = im.membership_scores(t, method="min_k", k=0.3, calibration=t)
    np.testing.assert_array_equal(again.pvalues, found.pvalues)


# --- a combination --------------------------------------------------------------------------------


def test_weights_are_learned_and_p_values_hold(rng):
    t = texts(rng, 150, shift=0.8) + texts(rng, 150)
    y = np.repeat([1, 0], 150)
    score = im.CombinedScore(["loss", "min_k", "dc_pdd"], reference=[1] * 200, random_state=0)
    score.fit(t, y)
    assert list(score.weights_) == ["loss", "min_k", "dc_pdd"]
    assert len(score.state_.scores) == 75  # non-members of the half that gave no weights
    new = texts(rng, 400)
    assert (score.estimate(new).pvalues <= 0.1).mean() < 0.2
    members = texts(rng, 200, shift=0.8)
    assert (score.estimate(members).pvalues <= 0.1).mean() > 0.4
    functional = score._functional()
    table = np.stack([s.score_samples(new) for s in score.parts_.values()], 1)
    np.testing.assert_allclose(
        functional.value(new), table @ functional.weights + functional.constant, rtol=1e-9
    )


def test_every_score_that_there_are_columns_for_is_combined(rng):
    t = texts(rng, 60)
    assert set(im.llm.available_scores(t, [1] * 200)) == set(NAMED)
    assert set(im.llm.available_scores(t)) == set(NAMED) - {"dc_pdd", "pmi"}
    score = im.CombinedScore(random_state=0).fit(t, np.arange(60) % 2)
    assert set(score.weights_) == set(NAMED) - {"dc_pdd", "pmi"}


def test_a_constant_score_is_named(rng):
    t = im.TokenScores.from_lists(logprob=-rng.random((60, 5)), reference=np.full((60, 5), -1.0))
    same = im.TokenScores.from_lists(logprob=np.full((60, 5), -1.0))
    with pytest.raises(DataError, match="'loss' is the same for every text"):
        im.CombinedScore(["loss"]).fit(same, np.arange(60) % 2)
    assert im.CombinedScore(["reference"], random_state=1).fit(t, np.arange(60) % 2).weights_


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31))
def test_halves_are_a_draw_of_the_seed(seed):
    rng = np.random.default_rng(0)
    t, y = texts(rng, 40), np.arange(40) % 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        a, b = (im.CombinedScore(["loss"], random_state=seed).fit(t, y) for _ in range(2))
    assert a.weights_ == b.weights_


# --- a score of one's own -------------------------------------------------------------------------


class Confidence(f.MembershipFunctional):  # the ten lines: how sure the model was of its tokens
    name, needs = "confidence", ("logprob", "mu")

    def parts(self, t):
        return [f.MeanOf(t.logprob), f.MeanOf(t.need("mu", "Confidence"))]

    def combine(self, t, means):
        return means[0] - means[1]

    def slopes(self, t, means):
        return [np.ones(len(t)), -np.ones(len(t))]


class ConfidenceScore(im.MembershipScore):
    def _score(self, learned):
        return Confidence()


def test_a_score_of_ten_lines_gets_everything_else(rng):
    t, suspect = texts(rng, 120), texts(rng, 60, shift=1.5)
    check_estimator(ConfidenceScore(), scikit_learn=False, data=(t, np.arange(120) % 2))
    score = ConfidenceScore().fit(t)
    found = score.estimate(suspect)
    assert np.isfinite(found.columns.se).all()
    assert found.decision(0.05).k == 6
    (influence,) = Confidence().influence(t)
    gain = t.logprob.values - t.columns["mu"].values  # the same tokens: what they share cancels
    wanted = gain - np.repeat(t.logprob.means() - t.columns["mu"].means(), t.logprob.sizes)
    np.testing.assert_allclose(influence.values.values, wanted, atol=1e-5)
    with pytest.raises(DataError, match="Confidence needs mu"):
        score.fit(im.TokenScores.from_lists(logprob=[[-1.0]]))
    both = im.CombinedScore([im.LossScore(), ConfidenceScore()], random_state=0)
    assert list(both.fit(t + suspect, np.repeat([0, 1], [120, 60])).weights_) == [
        "LossScore", "ConfidenceScore",
    ]  # fmt: skip


@pytest.mark.slow
def test_memory_does_not_grow_with_a_file(tmp_path):
    """Three times the tokens, the same peak: parts of a file are scored and forgotten."""
    pytest.importorskip("pyarrow")
    write = """
import sys, numpy as np, infometric as im
length, path = int(sys.argv[1]), sys.argv[2]
logprob = -np.random.default_rng(0).standard_exponential(100_000 * length, dtype=np.float32)
offsets = np.arange(100_001) * length
im.TokenScores.from_flat(logprob=logprob, offsets=offsets).to_parquet(path)
"""
    read = """
import resource, sys, infometric as im
assert len(im.LossScore().fit([[-1.0]]).score_samples(sys.argv[2])) == 100_000
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
    peaks = []
    for length in (200, 600):
        for program in (write, read):  # a child's peak begins at what its parent holds
            given = [sys.executable, "-c", program, str(length), str(tmp_path / "t.parquet")]
            done = subprocess.run(given, capture_output=True, check=True)
        peaks.append(int(done.stdout))
    assert peaks[1] < 1.2 * peaks[0]
