"""Variational bounds against loops, closed forms, whole laws summed up, and the exact critic."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import logsumexp as scipy_logsumexp
from scipy.stats import multivariate_normal

from infometric.exceptions import DataError, InvalidParameterError
from infometric.functional import bounds
from infometric.functional.bounds import (
    BOUNDS,
    CLUB,
    NWJ,
    SMILE,
    TUBA,
    DonskerVaradhan,
    InfoNCE,
    Interpolated,
    LeaveOneOut,
    Mine,
    nt_xent,
)
from infometric.state.arrays import logsumexp

torch = pytest.importorskip("torch")

NAMES = sorted(BOUNDS)
SCORES = np.random.default_rng(0).normal(size=(17, 17)) * 2
BASELINE = np.random.default_rng(1).normal(size=17)


def sums(scores, baseline):
    """Every value, pair by pair."""
    b = len(scores)
    pairs = [(i, j) for i in range(b) for j in range(b) if i != j]
    together = sum(scores[i, i] for i in range(b)) / b
    z = sum(math.exp(scores[p]) for p in pairs) / len(pairs)
    clipped = sum(math.exp(min(max(scores[p], -5), 5)) for p in pairs) / len(pairs)
    rows = sum(math.log(sum(math.exp(s) for s in row) / b) for row in scores) / b
    columns = sum(math.log(sum(math.exp(s) for s in row) / b) for row in scores.T) / b
    without = [
        math.log(sum(math.exp(scores[i, j]) for i in range(b) if i != j) / (b - 1))
        for j in range(b)
    ]
    nwj = 1 + together - z
    return {
        "dv": together - math.log(z),
        "mine": together - math.log(z),
        "nwj": nwj,
        "js": nwj,
        "tuba": 1
        + together
        - sum(baseline) / b
        - sum(math.exp(scores[p] - baseline[p[1]]) for p in pairs) / len(pairs),
        "infonce": together - (rows + columns) / 2,
        "smile": together - math.log(clipped),
        "club": together - sum(scores[p] for p in pairs) / len(pairs),
        "l1out": together - sum(without) / b,
        "doe": together - sum(baseline) / b,
    }


@pytest.mark.parametrize("name", sorted(sums(SCORES, BASELINE)))
def test_values_are_the_formulas(name):
    assert BOUNDS[name].value(SCORES, BASELINE) == pytest.approx(
        sums(SCORES, BASELINE)[name], abs=1e-11
    )


@pytest.mark.parametrize("axis", [0, 1, (0, 1)])
def test_logs_of_sums_are_scipy_s(axis):
    for scores in (SCORES, 1e4 * SCORES, np.where(np.eye(17) > 0, -np.inf, SCORES)):
        found = [logsumexp(scores, axis), logsumexp(torch.tensor(scores), axis).numpy()]
        np.testing.assert_allclose(found, [scipy_logsumexp(scores, axis=axis)] * 2, rtol=1e-13)
    assert np.all(logsumexp(np.full((3, 3), -np.inf), axis) == -np.inf)


def mixed_by_hand(scores, baseline, alpha):
    """The interpolated bound: a whole batch of K rows of x behind every term."""
    b = len(scores)
    found = 1.0
    for j in range(b):
        for left_out in set(range(b)) - {j}:
            rows = [i for i in range(b) if i != left_out]
            m = sum(math.exp(scores[i, j]) for i in rows) / (b - 1)
            mixed = alpha * m + (1 - alpha) * math.exp(baseline[j])
            found += (scores[j, j] - math.log(mixed)) / (b * (b - 1))
        m = sum(math.exp(scores[i, j]) for i in range(b) if i != j) / (b - 1)
        mixed = alpha * m + (1 - alpha) * math.exp(baseline[j])
        found -= m / mixed / b
    return found


@pytest.mark.parametrize("alpha", [0.0, 0.01, 0.5, 1.0])
def test_the_interpolated_bound_is_its_formula(alpha):
    expected = mixed_by_hand(SCORES, BASELINE, alpha)
    assert Interpolated(alpha).value(SCORES, BASELINE) == pytest.approx(expected, abs=1e-11)


def test_the_ends_of_the_interpolation():
    assert Interpolated(0.0).value(SCORES, BASELINE) == pytest.approx(
        TUBA().value(SCORES, BASELINE), abs=1e-12
    )
    steep = 1e4 * np.eye(9)
    assert Interpolated(1.0).value(steep, np.zeros(9)) == pytest.approx(math.log(8))
    assert TUBA().value(SCORES, np.zeros(17)) == NWJ().value(SCORES)


# --- the exact critic of a Gaussian ---------------------------------------------------------------


def gaussian(rng, information, n=64, d=20):
    """log p(y_j|x_i)/p(y_j), log p(y_j|x_i), log p(y_j) and the rows."""
    rho = np.sqrt(1 - np.exp(-2 * information / d))
    v = 1 - rho**2
    x = rng.standard_normal((n, d))
    y = rho * x + np.sqrt(v) * rng.standard_normal((n, d))
    squares = (y**2).sum(1)[None] + rho**2 * (x**2).sum(1)[:, None] - 2 * rho * x @ y.T
    given_x = -0.5 * squares / v - 0.5 * d * np.log(2 * np.pi * v)
    alone = -0.5 * (y**2).sum(1) - 0.5 * d * np.log(2 * np.pi)
    return given_x - alone[None], given_x, alone, x, y


def asked(name, ratio, given_x, alone):
    """Arguments of a bound with exact densities."""
    return {
        "scores": (ratio,),
        "baseline": (ratio, np.zeros(len(ratio))),
        "densities": (given_x, alone),
    }[BOUNDS[name].needs]


def test_a_separable_critic_of_rank_d_plus_two_is_exact():
    d, information = 4, 1.5
    ratio, given_x, alone, x, y = gaussian(np.random.default_rng(0), information, 30, d)
    rho = np.sqrt(1 - np.exp(-2 * information / d))
    v = 1 - rho**2
    one = np.ones((30, 1))
    halves = [-0.5 * rho**2 / v * (z**2).sum(1, keepdims=True) for z in (x, y)]
    g = np.hstack([rho / v * x, halves[0] - 0.5 * d * np.log(v), one])
    h = np.hstack([y, one, halves[1]])
    assert g.shape[1] == d + 2
    both = np.block([[np.eye(d), rho * np.eye(d)], [rho * np.eye(d), np.eye(d)]])
    law, margin = multivariate_normal(np.zeros(2 * d), both), multivariate_normal(np.zeros(d))
    pairs = np.stack([np.hstack([np.broadcast_to(r, y.shape), y]) for r in x])
    by_scipy = law.logpdf(pairs) - margin.logpdf(x)[:, None] - margin.logpdf(y)[None]
    np.testing.assert_allclose(ratio, by_scipy, atol=1e-9)
    np.testing.assert_allclose(g @ h.T, by_scipy, atol=1e-9)
    for name in NAMES:
        if BOUNDS[name].needs != "densities":
            values = [BOUNDS[name].value(f, np.zeros(30)) for f in (g @ h.T, by_scipy)]
            assert values[0] == pytest.approx(values[1], abs=1e-8)
    np.testing.assert_allclose(given_x - alone[None], by_scipy, atol=1e-9)


# bias and variance of 1,000 batches of 64 rows, 20 columns; two digits
REFERENCE = {
    2: {"infonce": (-0.18, 0.04), "dv": (0.02, 0.07), "nwj": (0.01, 0.07), "smile": (0.04, 0.06)},
    6: {"infonce": (-2.26, 0.02), "dv": (0.26, 0.45), "nwj": (0.07, 0.97), "smile": (0.73, 0.20)},
    10: {"infonce": (-5.88, 0.00), "dv": (1.37, 1.8), "smile": (2.08, 0.49)},
}
UPPER = {2: {"l1out": 0.17}, 6: {"l1out": 1.9}, 10: {"l1out": 6.3}}


@pytest.mark.parametrize("information", sorted(REFERENCE))
def test_bias_and_variance_with_the_exact_critic(information):
    rng, reps = np.random.default_rng(3), 400
    names = [*REFERENCE[information], "l1out", "club", "doe"]
    drawn = [gaussian(rng, information)[:3] for _ in range(reps)]
    found = {k: np.array([BOUNDS[k].value(*asked(k, *d)) for d in drawn]) for k in names}
    for name, (bias, variance) in REFERENCE[information].items():
        spread = found[name].var()
        error = math.sqrt(spread / reps + spread / 1000)
        assert abs(found[name].mean() - information - bias) < 4 * error + 0.005, name
        # e^f has heavy tails, and so has the variance of a variance
        assert abs(spread - variance) < 0.5 * variance + 0.006, name
    rounded = 0.05 if information > 2 else 0.005
    error = found["l1out"].std() * math.sqrt(1 / reps + 1 / 1000)
    excess = found["l1out"].mean() - information - UPPER[information]["l1out"]
    assert abs(excess) < 4 * error + rounded
    # log densities are quadratic: the excess of CLUB is d rho^2 / (1 - rho^2) - I
    rho2 = 1 - math.exp(-information / 10)
    error = found["club"].std() / math.sqrt(reps)
    assert abs(found["club"].mean() - 20 * rho2 / (1 - rho2)) < 4 * error
    assert abs(found["doe"].mean() - information) < 4 * found["doe"].std() / math.sqrt(reps)


def test_the_debiased_bound_has_less_bias():
    rng = np.random.default_rng(4)
    for information in (4, 6):
        drawn = [gaussian(rng, information)[0] for _ in range(1000)]
        plain, mended = (
            np.array([BOUNDS[k].value(f) for f in drawn]) for k in ("dv", "dv_debiased")
        )
        # the mean score has no bias: what is left is the partition's alone
        truth = np.mean([f.diagonal().mean() for f in drawn])
        assert abs(mended.mean() - truth) < 0.5 * (plain.mean() - truth)
        assert np.all(mended < plain)


# --- the sides of the information: whole laws of two values, every batch summed up ----------------


def expected_value(bound, law, scores, baseline=(0.0, 0.0), rows=3):
    """Mean over every batch that a law of pairs of two values can give."""
    cells = [(x, y) for x in (0, 1) for y in (0, 1)]
    found = 0.0
    for batch in itertools.product(cells, repeat=rows):
        weight = math.prod(law[c] for c in batch)
        x, y = (np.array([c[k] for c in batch]) for k in (0, 1))
        found += weight * bound.value(scores[np.ix_(x, y)], np.asarray(baseline)[y])
    return found


def information_of(law):
    apart = law.sum(1, keepdims=True) * law.sum(0, keepdims=True)
    return float((law * np.log(law / apart)).sum())


LAWS = arrays(float, (2, 2), elements=st.floats(0.02, 1)).map(lambda p: p / p.sum())
CRITICS = arrays(float, (2, 2), elements=st.floats(-4, 4))


@settings(max_examples=40, deadline=None)
@given(LAWS, CRITICS, arrays(float, 2, elements=st.floats(-3, 3)))
def test_no_critic_lifts_a_lower_bound_above_the_information(law, scores, baseline):
    truth = information_of(law) + 1e-9
    for bound in (NWJ(), TUBA(), InfoNCE(), Interpolated(0.3), Interpolated(0.9)):
        assert expected_value(bound, law, scores, baseline) <= truth, bound


@settings(max_examples=40, deadline=None)
@given(LAWS)
def test_upper_bounds_with_the_exact_density_are_above_the_information(law):
    exact = np.log(law / law.sum(1, keepdims=True))
    truth = information_of(law) - 1e-9
    for bound in (CLUB(), LeaveOneOut()):
        assert expected_value(bound, law, exact) >= truth, bound


@settings(max_examples=20, deadline=None)
@given(LAWS)
def test_the_unbiased_bound_with_the_exact_critic_is_the_information(law):
    exact = np.log(law / law.sum(1, keepdims=True) / law.sum(0, keepdims=True))
    truth = information_of(law)
    assert expected_value(NWJ(), law, exact) == pytest.approx(truth, abs=1e-9)


# --- influence ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("rows", [2, 3, 17])
def test_the_mean_influence_is_the_value(name, rows):
    scores, baseline = SCORES[:rows, :rows], BASELINE[:rows]
    found = BOUNDS[name].influence(scores, baseline)
    assert found.shape == (rows,)
    assert found.mean() == pytest.approx(BOUNDS[name].value(scores, baseline), abs=1e-12)


def weighted(name, f, w):
    """Bounds of rows with weights, written for one row's weight to be moved."""
    pairs = np.outer(w, w)
    off = pairs * ~np.eye(len(w), dtype=bool)
    together = w @ f.diagonal()
    if name == "infonce":
        rows, columns = np.log(np.exp(f) @ (w / w.sum())), np.log((w / w.sum()) @ np.exp(f))
        return together - (w @ rows + w @ columns) / 2
    if name == "l1out":
        share = np.where(np.eye(len(w), dtype=bool), 0, w[:, None])
        return together - w @ np.log((share * np.exp(f)).sum(0) / share.sum(0))
    if name == "club":
        return together - (off * f).sum() / off.sum()
    z = (off * np.exp(f if name != "smile" else f.clip(-5, 5))).sum() / off.sum()
    return 1 + together - z if name == "nwj" else together - np.log(z)


@pytest.mark.parametrize("name", ["dv", "nwj", "infonce", "smile", "club", "l1out"])
def test_influence_is_the_derivative_by_the_weight_of_a_row(name):
    b, step = len(SCORES), 1e-6
    w = np.full(b, 1 / b)
    slopes = [
        (
            weighted(name, SCORES, w + step * (np.eye(b)[k] - w))
            - weighted(name, SCORES, w - step * (np.eye(b)[k] - w))
        )
        / (2 * step)
        for k in range(b)
    ]
    found = BOUNDS[name].influence(SCORES) - BOUNDS[name].value(SCORES)
    np.testing.assert_allclose(found, slopes, atol=1e-6)


@pytest.mark.parametrize("alpha", [0.2, 0.5, 1.0])
def test_the_influence_of_the_interpolated_bound_is_the_jackknife_s(alpha):
    """Of one order in 1/n: what lies between them falls as rows are more."""
    bound, gaps = Interpolated(alpha), {}
    for n in (50, 150):
        ratio, zeros = gaussian(np.random.default_rng(5), 1.5, n, 5)[0], np.zeros(n)
        keep = [np.delete(np.arange(n), k) for k in range(n)]
        left = np.array([bound.value(ratio[np.ix_(k, k)], zeros[1:]) for k in keep])
        pseudo = n * bound.value(ratio, zeros) - (n - 1) * left
        found = bound.influence(ratio, zeros)
        assert np.corrcoef(found, pseudo)[0, 1] > 0.99
        gaps[n] = abs(found.std() / pseudo.std() - 1)
    assert gaps[150] < 0.6 * gaps[50] < 0.1


def cover(names, information, n, runs, rng):
    """How often the interval of 95 % holds the bound's own mean."""
    held = {k: np.empty((runs, 2)) for k in names}
    for run in range(runs):
        drawn = gaussian(rng, information, n, 5)[:3]
        for k in names:
            psi = BOUNDS[k].influence(*asked(k, *drawn))
            held[k][run] = psi.mean(), psi.std(ddof=1) / math.sqrt(n)
    return {k: np.mean(abs(v[:, 0] - v[:, 0].mean()) < 1.96 * v[:, 1]) for k, v in held.items()}


def test_intervals_cover_the_bound():
    for name, share in cover(NAMES, 1.5, 100, 300, np.random.default_rng(6)).items():
        assert 0.915 < share < 0.985, name


@pytest.mark.statistical
@pytest.mark.parametrize("information", [1.5, 3.0])
def test_intervals_cover_the_bound_of_many_rows(information):
    names = ["dv", "nwj", "infonce", "smile", "interpolated", "l1out", "doe"]
    for name, share in cover(names, information, 500, 1000, np.random.default_rng(7)).items():
        assert 0.93 <= share <= 0.97, name


# --- two libraries, gradients ---------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_numpy_and_torch_agree(name):
    bound, tensors = BOUNDS[name], (torch.tensor(SCORES), torch.tensor(BASELINE))
    for method in ("value", "loss", "influence"):
        ours = getattr(bound, method)(SCORES, BASELINE)
        theirs = getattr(bound, method)(*tensors)
        assert theirs.dtype == torch.float64
        np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-10)
    assert bound.value(*(t.float() for t in tensors)).dtype == torch.float32
    assert np.asarray(bound.value(SCORES.astype("f"), BASELINE.astype("f"))).dtype == np.float32


@pytest.mark.parametrize("name", NAMES)
def test_the_gradient_of_the_loss_is_its_slope(name):
    scores = torch.tensor(SCORES[:6, :6], requires_grad=True)
    baseline = torch.tensor(BASELINE[:6], requires_grad=True)
    assert torch.autograd.gradcheck(BOUNDS[name].loss, (scores, baseline))
    assert torch.autograd.gradcheck(BOUNDS[name].value, (scores, baseline))


EXTREME = {
    "wild": 1e4 * np.random.default_rng(8).standard_normal((6, 6)),
    "high": np.full((6, 6), 1e4),
    "low": np.full((6, 6), -1e4),
    "solved": 1e4 * (2 * np.eye(6) - 1),
    "reversed": 1e4 * (1 - 2 * np.eye(6)),
    "two": 1e4 * np.array([[-1.0, 1.0], [1.0, -1.0]]),
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("case", sorted(EXTREME))
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gradients_of_extreme_scores_are_finite(name, case, dtype):
    scores = torch.tensor(EXTREME[case], dtype=dtype, requires_grad=True)
    baseline = torch.zeros(len(scores), dtype=dtype, requires_grad=True)
    bound = BOUNDS[name]
    loss = bound.loss(scores, baseline, bound.fresh_memory(scores))
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(scores.grad).all()
    assert torch.isfinite((scores.grad**2).sum())  # what clipping of gradients needs
    assert not torch.isnan(bound.value(scores, baseline))


def test_a_value_that_overflows_is_minus_infinity_in_silence():
    with np.errstate(divide="raise", over="raise", invalid="raise"):
        assert NWJ().value(EXTREME["high"]) == -math.inf
        assert DonskerVaradhan().value(EXTREME["high"]) == 0
        assert InfoNCE().value(EXTREME["solved"]) == pytest.approx(math.log(6))


# --- MINE -----------------------------------------------------------------------------------------


def test_the_memory_is_the_log_of_the_moving_average():
    rng, bound = np.random.default_rng(9), Mine(momentum=0.1)
    batches = rng.normal(size=(20, 5, 5))
    memory, tensor = (
        bound.fresh_memory(batches[0]),
        bound.fresh_memory(torch.tensor(batches[0])),
    )
    assert memory.shape == tensor.shape == ()
    assert np.isnan(memory)
    average = None
    for f in batches:
        z = np.exp(f)[~np.eye(5, dtype=bool)].mean()
        average = z if average is None else 0.9 * average + 0.1 * z
        loss = bound.loss(f, memory=memory)
        same = bound.loss(torch.tensor(f), memory=tensor)
        assert loss == pytest.approx(-bound.value(f), abs=1e-12)
        assert float(same) == pytest.approx(loss, abs=1e-12)
        assert float(memory) == pytest.approx(math.log(average), abs=1e-12)
        assert float(tensor) == pytest.approx(math.log(average), abs=1e-12)


def test_only_mine_remembers():
    assert [k for k in NAMES if BOUNDS[k].fresh_memory(SCORES) is not None] == ["mine"]
    assert DonskerVaradhan(momentum=0.01).fresh_memory(SCORES) is not None
    one = torch.full((1,), math.nan, dtype=torch.float64)
    Mine().loss(torch.tensor(SCORES), memory=one)
    assert float(one) == pytest.approx(bounds.log_partition(SCORES), abs=1e-12)


def test_a_memory_makes_the_gradient_unbiased():
    """Critic t x y of two normals: log Z = -log(1 - t^2) / 2, by hand."""
    t, rho, rows, batches, warm = 0.4, 0.8, 3, 4000, 300
    truth = rho - t / (1 - t**2)
    rng, bound = np.random.default_rng(10), Mine(momentum=0.01)
    x = rng.standard_normal((batches, rows))
    y = rho * x + math.sqrt(1 - rho**2) * rng.standard_normal((batches, rows))
    products = torch.tensor(x[:, :, None] * y[:, None, :])
    # together they go back once: the gradient of each batch by its own t
    each = torch.full((batches,), t, dtype=torch.float64, requires_grad=True)
    memory = bound.fresh_memory(products[0])
    plain, mended = (
        -torch.autograd.grad(
            sum(bound.loss(s * p, memory=kept) for s, p in zip(each, products, strict=True)), each
        )[0][warm:].numpy()
        for kept in (None, memory)
    )
    error = [g.std() / math.sqrt(len(g)) for g in (plain, mended)]
    assert abs(mended.mean() - truth) < 3 * error[1]
    assert abs(plain.mean() - truth) > 5 * error[0]


@pytest.mark.parametrize("name", NAMES)
def test_losses_compile_as_one_graph(name):
    bound, scores = BOUNDS[name], torch.tensor(SCORES, requires_grad=True)
    baseline = torch.tensor(BASELINE)
    memories = [bound.fresh_memory(scores) for _ in range(2)]
    torch._dynamo.reset()
    compiled = torch.compile(bound.loss, fullgraph=True, backend="eager")
    losses = list(zip((compiled, bound.loss), memories, strict=True))
    for _ in range(2):
        found = [float(loss(scores, baseline, memory).detach()) for loss, memory in losses]
        assert found[0] == pytest.approx(found[1], abs=1e-12)
    if memories[0] is not None:
        assert not any(m.requires_grad for m in memories)
        assert float(memories[0]) == pytest.approx(float(memories[1]), abs=1e-12)


# --- laws -----------------------------------------------------------------------------------------

SQUARES = st.integers(2, 7).flatmap(lambda b: arrays(float, (b, b), elements=st.floats(-30, 30)))


@given(SQUARES, st.floats(-100, 100))
def test_a_constant_is_not_seen(scores, constant):
    for bound in (DonskerVaradhan(), InfoNCE(), SMILE(tau=1e3), CLUB(), LeaveOneOut()):
        assert bound.value(scores + constant) == pytest.approx(bound.value(scores), abs=1e-9)
        np.testing.assert_allclose(
            bound.influence(scores + constant), bound.influence(scores), atol=1e-8
        )


@given(SQUARES, st.randoms())
def test_the_order_of_rows_is_not_seen(scores, random):
    order = list(range(len(scores)))
    random.shuffle(order)
    baseline = scores[0] / 7
    for name, bound in BOUNDS.items():
        if name == "infonce_debiased":
            continue  # it compares the even rows with the odd ones
        moved = scores[np.ix_(order, order)], baseline[order]
        assert bound.value(*moved) == pytest.approx(bound.value(scores, baseline), rel=1e-9)
        np.testing.assert_allclose(
            bound.influence(*moved), bound.influence(scores, baseline)[order], rtol=1e-7, atol=1e-7
        )


@given(SQUARES, st.floats(0.01, 1))
def test_ceilings_hold_for_any_scores(scores, alpha):
    b = len(scores)
    assert InfoNCE().value(scores) <= math.log(b) + 1e-12
    for bound in (Interpolated(alpha), Interpolated(1.0)):
        assert bound.value(scores, scores[0] / 7) <= bound.ceiling(b) + 1e-9


@given(SQUARES)
def test_relations_between_bounds(scores):
    b = len(scores)
    assert NWJ().value(scores) <= DonskerVaradhan().value(scores) + 1e-9
    assert CLUB().value(np.full((b, b), scores[0, 0])) == pytest.approx(0, abs=1e-12)
    assert SMILE(tau=1e3).value(scores) == pytest.approx(DonskerVaradhan().value(scores))
    assert LeaveOneOut().value(scores) <= CLUB().value(scores) + 1e-9  # Jensen


def test_ceilings():
    assert InfoNCE().ceiling(64) == math.log(64)
    assert Interpolated(1.0).ceiling(65) == math.log(64)
    # reached as nothing is left apart, whatever the baseline's size
    near = Interpolated(0.5).value(1e4 * np.eye(65) - 500, np.full(65, -100.0))
    assert near == pytest.approx(Interpolated(0.5).ceiling(65))
    assert Interpolated(0.0).ceiling(64) is None
    assert {k for k in NAMES if BOUNDS[k].ceiling(64) is not None} == {
        *("infonce", "infonce_debiased", "interpolated")
    }


# --- what others got wrong ------------------------------------------------------------------------


def test_smile_clips_the_partition_alone():
    """A clip of the joint term, or in training, caps the value at two tau."""
    scores = np.full((8, 8), -30.0) + 80 * np.eye(8)
    assert SMILE(tau=5).value(scores) == pytest.approx(55)
    weak = torch.tensor(10 - 20 * np.eye(8), requires_grad=True)  # all beyond tau, all wrong
    SMILE(tau=5).loss(weak).backward()
    assert bool((weak.grad.diagonal() < -0.1).all())
    assert bool((weak.grad[~torch.eye(8, dtype=torch.bool)] > 0.01).all())


def test_mine_reports_the_whole_partition():
    memory = np.array(50.0)  # an average far from the batch's
    before = Mine().value(SCORES)
    Mine().loss(SCORES, memory=memory)
    assert Mine().value(SCORES) == before == DonskerVaradhan().value(SCORES)


def test_the_discrimination_loss_is_least_at_the_log_ratio():
    law = np.array([[0.4, 0.1], [0.2, 0.3]])
    apart = np.outer(law.sum(1), law.sum(0))
    exact = torch.tensor(np.log(law / apart), requires_grad=True)
    whole = [(x, y) for x in (0, 1) for y in (0, 1)]
    loss = 0.0
    for batch in itertools.product(whole, repeat=2):
        weight = math.prod(law[c] for c in batch)
        x, y = ([c[k] for c in batch] for k in (0, 1))
        loss = loss + weight * BOUNDS["js"].loss(exact[x][:, y])
    loss.backward()
    np.testing.assert_allclose(exact.grad.numpy(), 0, atol=1e-12)


# --- as a loss of representations -----------------------------------------------------------------


def by_views(z1, z2, temperature):
    """Two views, object by object."""
    z = [row / math.sqrt(row @ row) for row in np.concatenate([z1, z2])]
    n, found = len(z1), 0.0
    for i in range(2 * n):
        near = math.exp(z[i] @ z[(i + n) % (2 * n)] / temperature)
        others = sum(math.exp(z[i] @ z[k] / temperature) for k in range(2 * n) if k != i)
        found -= math.log(near / others) / (2 * n)
    return found


@pytest.mark.parametrize("temperature", [0.1, 0.5, 2.0])
@pytest.mark.parametrize("rows", [1, 2, 9])
def test_nt_xent_is_the_loss_of_two_views(rows, temperature):
    rng = np.random.default_rng(11)
    z1, z2 = rng.normal(size=(2, rows, 4))
    expected = by_views(z1, z2, temperature)
    assert nt_xent(z1, z2, temperature) == pytest.approx(expected, abs=1e-12)
    both = torch.tensor(z1), torch.tensor(z2)
    assert float(nt_xent(*both, temperature)) == pytest.approx(expected, abs=1e-12)


def test_nt_xent_is_info_nce_of_cosines():
    """Rows of one view against the rest of both, themselves masked: the row term alone."""
    rng = np.random.default_rng(12)
    z = rng.normal(size=(10, 3))
    cosines = z @ z.T / np.outer(*[np.linalg.norm(z, axis=1)] * 2) / 0.5
    np.fill_diagonal(cosines, -np.inf)
    partner = np.roll(np.arange(10), 5)
    bound = InfoNCE().value(cosines[:, partner])
    assert nt_xent(z[:5], z[5:], 0.5) == pytest.approx(math.log(10) - bound, abs=1e-12)


def test_nt_xent_has_gradients_even_at_a_row_of_zeros():
    z1 = torch.zeros(4, 3, dtype=torch.float64, requires_grad=True)
    z2 = torch.tensor(np.random.default_rng(13).normal(size=(4, 3)), requires_grad=True)
    nt_xent(z1, z2).backward()
    assert torch.isfinite(z1.grad).all()
    assert torch.isfinite(z2.grad).all()
    z3 = torch.tensor(np.random.default_rng(14).normal(size=(4, 3)), requires_grad=True)
    assert torch.autograd.gradcheck(nt_xent, (z2, z3))


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("method", ["value", "loss", "influence"])
@pytest.mark.parametrize("shape", [(3, 4), (1, 1), (0, 0), (3,), (2, 2, 2), ()])
def test_scores_that_are_no_square_are_refused(name, method, shape):
    for scores in (np.zeros(shape), torch.zeros(shape)):
        with pytest.raises(DataError, match=r"square|two rows") as caught:
            getattr(BOUNDS[name], method)(scores, np.zeros(shape[-1:]))
        assert caught.value.hint


@pytest.mark.parametrize("name", ["tuba", "interpolated", "doe"])
@pytest.mark.parametrize("baseline", [None, np.zeros(3), np.zeros((17, 17)), 0.0])
def test_a_baseline_of_another_shape_is_refused(name, baseline):
    for method in ("value", "loss", "influence"):
        with pytest.raises(DataError, match=r"baseline of shape \(B,\)"):
            getattr(BOUNDS[name], method)(SCORES, baseline)


def test_parameters_out_of_range_are_refused():
    for wrong in (0.0, -1.0, math.nan):
        with pytest.raises(InvalidParameterError, match="tau"):
            SMILE(tau=wrong)
        with pytest.raises(InvalidParameterError, match="temperature"):
            nt_xent(SCORES, SCORES, wrong)
        with pytest.raises(InvalidParameterError, match="momentum"):
            Mine(momentum=wrong)
    for wrong in (-0.1, 1.1, math.nan):
        with pytest.raises(InvalidParameterError, match="alpha"):
            Interpolated(alpha=wrong)
    for shapes in (((3, 2), (4, 2)), ((3,), (3,)), ((0, 2), (0, 2))):
        with pytest.raises(DataError, match="one shape"):
            nt_xent(*(np.zeros(s) for s in shapes))


def test_integers_and_lists_are_scores():
    assert CLUB().value([[3, 1], [1, 3]]) == 2
    assert float(CLUB().value(torch.tensor([[3, 1], [1, 3]]))) == 2


@pytest.mark.parametrize("name", NAMES)
def test_every_bound_says_what_it_is(name):
    bound = BOUNDS[name]
    assert bound.name == name
    assert bound.direction in ("lower", "upper", "neither")
    text = " ".join((type(bound).__doc__ or "").split()).lower()
    assert "direction" in text
    assert "direction: " + bound.direction in text or "as `donskervaradhan`" in text


# --- the debiased contrastive bound ------------------------------------------------------------


def gaussian_scores(rng, b, d, nats):
    rho = np.sqrt(-np.expm1(-2 * nats / d))
    x = rng.standard_normal((b, d))
    y = rho * x + np.sqrt(1 - rho**2) * rng.standard_normal((b, d))
    apart = ((y[None] - rho * x[:, None]) ** 2).sum(-1) / (1 - rho**2)
    return -0.5 * apart - 0.5 * d * np.log(1 - rho**2) + 0.5 * (y**2).sum(-1)[None]


def test_what_few_rows_take_from_infonce_is_given_back():
    """Against the mean exact log ratio of the same rows, so that little noise is left."""
    rng = np.random.default_rng(3)
    scores = [gaussian_scores(rng, 166, 5, 2.8) for _ in range(60)]
    exact = np.array([np.trace(f) / len(f) for f in scores])
    plain, mended = (
        np.array([float(BOUNDS[name].value(f)) for f in scores]) - exact
        for name in ("infonce", "infonce_debiased")
    )
    se = mended.std(ddof=1) / np.sqrt(len(mended))
    assert plain.mean() < -0.12
    assert abs(mended.mean()) < 0.03 + 3 * se


def test_debiased_infonce_reaches_its_ceiling_and_never_more():
    rng, bound = np.random.default_rng(4), BOUNDS["infonce_debiased"]
    for n in (3, 4, 9, 40):
        assert float(bound.value(500 * np.eye(n))) == pytest.approx(bound.ceiling(n))
        assert float(bound.value(9 * rng.normal(size=(n, n)) + 30 * np.eye(n))) < bound.ceiling(n)
    assert float(bound.value(np.zeros((8, 8)))) == pytest.approx(0.0, abs=1e-12)
