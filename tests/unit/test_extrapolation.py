"""Lines to infinitely many rows: exact lines, loops, statsmodels, and the exact critic."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from infometric.extrapolation import Check, Extrapolation, Training
from infometric.functional.bounds import InfoNCE
from infometric.functional.extrapolation import (
    BOUND,
    Extrapolated,
    conditional_products,
    departure,
    joint_lines,
    mean_z,
    pairwise_z,
    seen_value,
)
from infometric.neural.reliable import BENT, REASONS, check, curved, examined
from infometric.state.critic import CriticScores

GAMMAS = (1.0, 2.0, 4.0)


def gaussian(n, d, rho, rng):
    x = rng.normal(size=(n, d))
    return x, rho * x + np.sqrt(1 - rho**2) * rng.normal(size=(n, d))


def exact(x, y, rho):
    """Log density ratio of every pair of rows of jointly normal variables."""
    v = 1 - rho**2
    square = ((y[None] - rho * x[:, None]) ** 2).sum(-1)
    return -0.5 * square / v - 0.5 * x.shape[1] * np.log(v) + 0.5 * (y**2).sum(-1)[None]


# --- the lines --------------------------------------------------------------------------------


def test_exact_lines_are_found_exactly():
    g = np.array([1.0, 2.0, 3.0, 7.0])
    found = joint_lines(g, 1.3 - 0.11 * g, 1.3 + 0.07 * g)
    assert found == pytest.approx((1.3, 0.11, 0.07), abs=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
def test_lines_are_weighted_least_squares(rng, weighted):
    g = np.array(GAMMAS)
    t, r = rng.normal(size=(2, 3))
    w = rng.uniform(0.1, 2.0, 3) if weighted else 1 / g
    design = np.array([[1, -a, 0] for a in g] + [[1, 0, a] for a in g])
    wanted = sm.WLS(np.r_[t, r], design, weights=np.r_[w, w]).fit()
    found = joint_lines(g, t, r, w if weighted else None)
    assert found == pytest.approx(tuple(wanted.params), abs=1e-10)
    gram = design.T @ (np.r_[w, w][:, None] * design)  # the same by hand
    by_hand = np.linalg.solve(gram, design.T @ (np.r_[w, w] * np.r_[t, r]))
    assert found == pytest.approx(tuple(by_hand), abs=1e-10)


numbers = st.lists(st.floats(-5, 5), min_size=3, max_size=3)


@given(numbers, numbers, st.floats(-10, 10), st.floats(0.1, 10))
def test_lines_move_and_stretch_with_the_values(held, train, shift, scale):
    t, r = np.array(held), np.array(train)
    before = joint_lines(GAMMAS, t, r)
    after = joint_lines(GAMMAS, shift + scale * t, shift + scale * r)
    assert after.intercept == pytest.approx(shift + scale * before.intercept, abs=1e-8)
    assert after.held_slope == pytest.approx(scale * before.held_slope, abs=1e-8)
    assert after.train_slope == pytest.approx(scale * before.train_slope, abs=1e-8)


def test_lines_cancel_the_bias_of_a_model_that_is_fitted():
    """Log likelihoods within and without the sample: the law that the lines are built on."""
    rng, k, n, draws = np.random.default_rng(0), 5, 200, 3000
    mean = []
    for g in GAMMAS:
        seen, new = rng.normal(size=(draws, int(n / g), k)), rng.normal(size=(draws, 50, k))
        at = seen.mean(axis=1, keepdims=True)
        # less the log likelihood of the same rows at the true mean, so that the truth is zero
        mean.append([-0.5 * ((v - at) ** 2 - v**2).sum(-1).mean() for v in (new, seen)])
    found = joint_lines(GAMMAS, *np.array(mean).T)
    assert mean[0][0] < -0.8 * k / (2 * n)
    assert abs(found.intercept) < 0.1 * k / (2 * n)
    assert found.held_slope == pytest.approx(k / (2 * n), rel=0.1)
    assert found.train_slope == pytest.approx(k / (2 * n), rel=0.1)


# --- values on rows that were trained on --------------------------------------------------------


def to_second_order(within, across):
    total, n = 0.0, across.shape[1] + 1
    for own, others in zip(within, across, strict=True):
        e = [np.exp(own), *(np.exp(f) for f in others)]
        shares = [v / sum(e) for v in e]
        total += own - np.log(sum(e) / n) + (n * sum(s * s for s in shares) - 1) / (2 * n)
    return total / len(within)


def test_seen_value_is_that_of_a_loop(rng):
    within, across = 3 * rng.normal(size=7), 3 * rng.normal(size=(7, 5))
    halves = (to_second_order(within, across[:, at]) for at in (slice(0, 4, 2), slice(1, 4, 2)))
    expected = 2 * to_second_order(within, across) - sum(halves) / 2
    assert seen_value(within, across) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_seen_value_of_few_partners_has_the_first_correction_alone(rng, k):
    within, across = rng.normal(size=7), rng.normal(size=(7, k))
    assert seen_value(within, across) == pytest.approx(to_second_order(within, across), abs=1e-12)


def greatest(n):
    """Value of second order where the pair takes all of n."""
    return np.log(n) + (n - 1) / (2 * n)


def test_seen_value_does_not_overflow():
    within, across = np.full(3, 1e5), np.zeros((3, 4))
    assert seen_value(within, across) == pytest.approx(2 * greatest(5) - greatest(3))


@pytest.mark.parametrize("m", [3, 50, 400])
def test_ceiling_of_a_seen_value_is_that_of_the_partners(m):
    """However many rows there are, the greatest value is that of k partners."""
    k = 30
    found = seen_value(np.full(m, 80.0), np.zeros((m, k)))
    assert found == pytest.approx(2 * greatest(k + 1) - greatest(k // 2 + 1), abs=1e-9)


@pytest.mark.parametrize("m", [10, 80])
def test_seen_value_of_the_exact_critic_is_the_information_to_second_order(m):
    rng, rho, k = np.random.default_rng(1), 0.9, 20
    truth = -0.5 * np.log(1 - rho**2)
    values, plain = [], []
    for _ in range(24_000 // m):
        x, y = gaussian(m, 1, rho, rng)
        partners = rng.normal(size=(k, 1))
        f, g = exact(x, y, rho), exact(x, partners, rho)
        values.append(seen_value(f.diagonal(), g))
        both = np.column_stack([f.diagonal(), g])
        plain.append((f.diagonal() - np.log(np.exp(both).mean(axis=1))).mean())
    se = np.std(values) / np.sqrt(len(values))
    assert np.mean(plain) < truth - 4 * se
    assert abs(np.mean(values) - truth) < abs(np.mean(plain) - truth) / 3 + 2 * se


# --- do the moments hold? -----------------------------------------------------------------------


def test_products_of_a_loop(rng):
    u, v, f = rng.normal(size=(6, 2)), rng.normal(size=(6, 2)), rng.normal(size=(6, 6))
    found = conditional_products(u, v, f)
    shares = np.exp(f) / np.exp(f).sum(axis=1, keepdims=True)
    told = [sum(shares[i, j] * v[j, 0] for j in range(6)) for i in range(6)]
    lent = [sum(shares[i, k] * u[i, 0] * (v[k, 0] - told[i]) for i in range(6)) for k in range(6)]
    for k in range(6):
        own = u[k, 0] * (v[k, 0] - told[k])
        assert found[k, 0, 0] == pytest.approx(own - lent[k] + sum(lent) / 6)
    mean = np.mean([u[k, 0] * (v[k, 0] - told[k]) for k in range(6)])
    assert found[:, 0, 0].mean() == pytest.approx(mean)


def scores_of_moments(critic, draws, n=200, d=3, rho=0.7):
    rng = np.random.default_rng(2)
    found = []
    for _ in range(draws):
        x, y = gaussian(n, d, rho, rng)
        found.append(mean_z(conditional_products(x, y, critic(x, y))))
    return np.array(found)


def test_moments_of_the_exact_critic_are_right():
    """Partners are shared, so that the scores spread no more than standard normal ones."""
    z = scores_of_moments(lambda x, y: exact(x, y, 0.7), 200)
    assert np.abs(z.mean(axis=0)).max() < 4.5 / np.sqrt(200)
    assert z.std(axis=0).max() < 1.25
    assert z.std(axis=0).min() > 0.4
    rms = np.sqrt((z**2).mean(axis=(1, 2)))
    limit = check("spread of moments", 0.0).limit
    assert (rms <= limit).mean() > 0.93
    assert (np.abs(z).max(axis=(1, 2)) <= check("moments", 0.0).limit).mean() > 0.97


@pytest.mark.parametrize(
    "wrong",
    [
        lambda x, y: 0 * exact(x, y, 0.7),
        lambda x, y: exact(x, y, 0.7) / 2,
        lambda x, y: exact(x[:, :1], y[:, :1], 0.7),
        lambda x, y: exact(x, -y, 0.7),
    ],
    ids=["says nothing", "half of it", "misses two columns", "the other sign"],
)
def test_moments_of_a_wrong_critic_are_wrong(wrong):
    z = scores_of_moments(wrong, 20, n=400)
    worst = np.abs(z).max(axis=(1, 2))
    assert (worst > check("moments", 0.0).limit).mean() > 0.9


def test_moments_of_nothing_are_no_evidence():
    assert (mean_z(np.zeros((5, 2, 2))) == 0).all()


def normal(*sets):
    """Normal scores of the ranks of every column."""
    found = [stats.norm.ppf(stats.rankdata(v, axis=0) / (len(v) + 1)) for v in sets]
    return np.hstack(found)


@pytest.mark.parametrize("d", [1, 3, 6])
@pytest.mark.parametrize("n", [100, 1000])
@pytest.mark.parametrize("rho", [0.0, 0.6])
def test_normal_variables_do_not_depart_from_a_normal_law(d, n, rho):
    rng = np.random.default_rng(3)
    found = [departure(normal(*gaussian(n, d, rho, rng))) for _ in range(12 if d > 1 else 60)]
    assert np.mean(np.array(found) <= 1) >= 0.9


def test_scores_of_two_columns_are_those_of_least_squares(rng):
    x = rng.normal(size=(80, 2))
    found = pairwise_z(x).reshape(2, 3, 2)
    for i, j in ((0, 1), (1, 0)):
        rest = sm.OLS(x[:, j], sm.add_constant(x[:, i])).fit().resid
        z = (x[:, i] - x[:, i].mean()) / x[:, i].std()
        for k, f in enumerate((z**2, np.sin(2 * z), np.cos(2 * z))):
            for m, g in enumerate((rest, (rest / rest.std()) ** 2)):
                assert found[i, k, m] == pytest.approx(np.sqrt(80) * np.corrcoef(f, g)[0, 1])


def test_scores_of_normal_pairs_are_standard_normal():
    """Those of sines are smaller, as a sine is mostly a line."""
    rng = np.random.default_rng(8)
    z = np.array([pairwise_z(np.hstack(gaussian(300, 1, 0.6, rng))) for _ in range(400)])
    assert np.abs(z.mean(axis=0)).max() < 0.2
    assert z.std(axis=0).max() < 1.15
    assert z.std(axis=0).min() > 0.4


def test_student_parabola_and_spiral_depart():
    rng, n = np.random.default_rng(4), 500
    x, y = gaussian(n, 3, 0.6, rng)
    heavy = np.sqrt(3 / rng.chisquare(3, size=(n, 1)))
    t = rng.uniform(1, 3, size=(n, 1)) * 2 * np.pi
    u = rng.normal(size=(n, 1))
    noise = rng.normal(size=(n, 1))
    laws = {
        "student": (x * heavy, y * heavy),
        "parabola": (u, u**2 + 0.5 * noise),
        "spiral": (t, np.hstack([t * np.cos(t), t * np.sin(t)]) + 0.3 * noise),
        "scale": (u, (0.2 + u**2) * noise),
    }
    for name, law in laws.items():
        assert departure(normal(*law)) > 1.2, name
    assert departure(normal(x), normal(u, u**2 + noise)) > 1.2  # any of several sets


def test_constant_and_equal_columns_depart_from_nothing(rng):
    x = rng.normal(size=(200, 1))
    assert departure(np.hstack([x, x])) == pytest.approx(0.0, abs=1e-6)
    assert departure(np.hstack([x, 0 * x])) < 1
    assert departure(x) == 0.0


# --- curvature ------------------------------------------------------------------------------------


def trainings(values, folds=3, gammas=(1, 2, 4)):
    """Trainings whose held-out values are given, shape (folds, gammas)."""
    v = np.broadcast_to(values, (folds, len(gammas)))
    return tuple(
        Training(k, g, 0, 400 // g, float(v[k, i]), float(v[k, i]))
        for k in range(folds)
        for i, g in enumerate(gammas)
    )


def test_curvature_is_the_f_test_of_statsmodels(rng):
    for _ in range(5):
        made = trainings(rng.normal(size=(3, 3)))
        fold = np.array([t.fold for t in made])
        g = np.array([t.gamma for t in made], dtype=float)
        value = np.array([t.held for t in made])
        levels = (fold[:, None] == np.arange(3)).astype(float)
        line = sm.OLS(value, np.column_stack([levels, g])).fit()
        curve = sm.OLS(value, np.column_stack([levels, g, g**2])).fit()
        assert curved(made) == pytest.approx(curve.compare_f_test(line)[1], abs=1e-9)


def test_chunks_of_one_gamma_are_one_value(rng):
    values = rng.normal(size=(3, 3))
    whole = trainings(values)
    split = []
    for t in whole:
        apart = 0.3 if t.gamma == 2 else 0.0
        split += [Training(t.fold, t.gamma, c, t.rows, t.held + s, t.train)
                  for c, s in enumerate((apart, -apart))]  # fmt: skip
    assert curved(tuple(split)) == pytest.approx(curved(whole), abs=1e-9)


def test_p_values_of_lines_with_noise_are_uniform():
    rng = np.random.default_rng(5)
    g = np.array([1.0, 2.0, 4.0])
    found = [
        curved(trainings(rng.normal(size=(3, 1)) - 0.1 * g + 0.05 * rng.normal(size=(3, 3))))
        for _ in range(800)
    ]
    assert stats.kstest(found, "uniform").pvalue > 0.01
    bent = [
        curved(trainings(-0.1 * g + 0.05 * g**2 + 0.02 * rng.normal(size=(3, 3))))
        for _ in range(50)
    ]
    assert np.mean(np.array(bent) < BENT) > 0.9


def test_a_flat_trend_is_not_curved():
    """No trend is no bias: a ratio of coefficients would have no bound there."""
    rng = np.random.default_rng(6)
    flat = [curved(trainings(1.0 + 1e-3 * rng.normal(size=(3, 3)))) for _ in range(400)]
    assert np.mean(np.array(flat) < BENT) == pytest.approx(BENT, abs=0.035)
    assert curved(trainings(np.ones((3, 3)))) >= BENT  # not a bit of noise


@pytest.mark.parametrize("gammas", [(1, 2), (1,)])
def test_too_few_values_show_no_curvature(gammas):
    assert curved(trainings(np.arange(len(gammas)) ** 3.0, 1, gammas)) == 1.0


# --- the record ---------------------------------------------------------------------------------


@pytest.fixture
def record():
    made = (
        Training(0, 1, 0, 400, 0.9, 1.05, 7),
        Training(0, 2, 0, 200, 0.7, 1.0, 5),
        Training(0, 2, 1, 200, 0.9, 1.2, 5),
        Training(1, 1, 0, 400, 0.9, 1.05, 7, "epochs"),
        Training(1, 2, 0, 200, 0.6, 1.1, 5),
    )
    checks = (check("gap", 0.1), check("moments", 99.0))
    return Extrapolation(made, (1, 2), checks, 4, {4: 0.8, 16: 0.7})


def test_every_fold_weighs_the_same(record):
    assert record.mean(2) == pytest.approx((0.8 + 0.6) / 2)
    assert record.mean(2, "train") == pytest.approx(1.1)
    assert record.gap == pytest.approx(0.15)
    wanted = joint_lines((1, 2), (0.9, 0.7), (1.05, 1.1))
    assert record.lines == pytest.approx(wanted)
    assert record.correction == pytest.approx(wanted.intercept - 0.9)


def test_a_record_is_a_sequence_with_a_verdict(record):
    assert len(record) == 5
    assert [t.rows for t in record] == [400, 200, 200, 400, 200]
    assert record[0].epochs == 7
    assert record.gammas == (1, 2)
    assert not record.reliable
    assert [c.name for c in record.failed] == ["moments"]
    text = record.summary()
    assert "not reliable" in text
    limit = check("moments", 0).limit
    assert f"FAIL  moments: 99 (at most {limit:.3g}). {REASONS['moments']}" in text
    assert "pass  gap" in text
    assert repr(record) == text


def test_one_level_has_no_line():
    single = Extrapolation(trainings(np.full((3, 1), 0.7), 3, (1,)), (1,))
    assert single.lines == (pytest.approx(0.7), 0.0, 0.0)
    assert single.correction == 0.0


def test_a_record_survives_json(record):
    text = json.dumps(record.to_dict(), allow_nan=False)
    again = Extrapolation.from_dict(json.loads(text))
    assert again == record
    assert again.lines == record.lines
    assert isinstance(again.checks[0], Check)


def test_frame_has_a_row_for_each_training(record):
    frame = record.to_frame()
    assert list(frame.gamma) == [1, 2, 2, 1, 2]
    assert frame.ended.tolist().count("epochs") == 1
    assert frame.groupby("gamma").held.mean()[1] == pytest.approx(0.9)


# --- the functional -------------------------------------------------------------------------------


def test_value_and_variance_hold_rows_and_extrapolation(rng):
    x, y = gaussian(60, 2, 0.6, rng)
    f = exact(x, y, 0.6)
    state = CriticScores.of([(f, BOUND.influence(f))])
    found = Extrapolated(BOUND, correction=0.05, extra=0.1)
    rows = float(state.variance(np.ones(())))
    assert float(found.value(state)) == pytest.approx(float(BOUND.value(f)) + 0.05)
    assert float(found.variance(state)) == pytest.approx(rows + 0.01)
    facts = found.facts(state)
    assert facts["se_of_rows"] == pytest.approx(np.sqrt(rows))
    assert facts["se_of_extrapolation"] == 0.1
    assert facts["interval_of"] == "the mutual information"


def test_fewest_rows_are_left_out_where_the_trend_bends(rng):
    class Judged:
        def __init__(self, training, blocks):
            self.training, self.blocks, self.products = training, blocks, None
            self.fitted = SimpleNamespace(course=None)

    x, y = gaussian(60, 2, 0.6, rng)
    f = exact(x, y, 0.6)
    blocks = [(f, InfoNCE().influence(f))]
    state = CriticScores.of(blocks)
    g = np.array([1.0, 2.0, 4.0])
    noise = 0.001 * rng.normal(size=(3, 3))
    for values, used in ((-0.02 * g, (1, 2, 4)), (-0.02 * g**2, (1, 2))):
        made = [Judged(t, blocks) for t in trainings(0.5 + values + noise)]
        found = examined(made, state, (), {4: 0.5}, 0.5)
        assert found.used == used
        assert found.gammas == (1, 2, 4)
        assert found.embedding_dim == 4
