"""Portraits: what they do not change with, and what they agree with."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kurtosis, norm, rankdata, skew
from sklearn.decomposition import PCA

from infometric import Sample
from infometric.functional.neighbor_information import KSG1
from infometric.functional.portrait import QUERIES, exchange, names, normal_scores, portrait
from infometric.functional.portrait.neighbours import NEIGHBOURS
from infometric.oracles import StudentPair

SHAPES = [(10, 1, 1), (10, 32, 32), (40, 3, 1), (150, 2, 2), (300, 8, 5), (700, 4, 9)]


def sample(n, dx, dy, seed=0):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n, dx)), rng.normal(size=(n, dy))
    shared = min(dx, dy)
    y[:, :shared] += x[:, :shared] ** 2
    if n == 150:  # ties
        x, y[:, 0] = x.round(1), y[:, 0] > 0.5
    return x, y


def seen(x, y):
    return portrait(normal_scores(x[None]), normal_scores(y[None]))[0]


def value(x, y, name):
    return seen(x, y)[names().index(name)]


@pytest.mark.parametrize("shape", SHAPES)
class TestInvariance:
    def test_order_of_rows(self, shape):
        x, y = sample(*shape)
        order = np.random.default_rng(1).permutation(len(x))
        np.testing.assert_allclose(seen(x[order], y[order]), seen(x, y), atol=1e-9)

    def test_order_of_columns(self, shape):
        x, y = sample(*shape)
        turned = np.random.default_rng(1).permutation(y.shape[1])
        np.testing.assert_allclose(seen(x[:, ::-1], y[:, turned]), seen(x, y), atol=1e-9)

    def test_increasing_maps_change_no_bit(self, shape):
        x, y = sample(*shape)
        assert np.array_equal(seen(np.exp(x), y**3 + y), seen(x, y))

    def test_decreasing_maps(self, shape):
        x, y = sample(*shape)
        y2 = y.copy()
        y2[:, -1] = -np.arctan(y[:, -1])
        np.testing.assert_allclose(seen(-x, y2), seen(x, y), atol=1e-9)

    def test_exchange(self, shape):
        x, y = sample(*shape)
        np.testing.assert_allclose(seen(y, x)[list(exchange())], seen(x, y), atol=1e-8)

    def test_finite(self, shape):
        assert np.isfinite(seen(*sample(*shape))).all()


def test_names_are_unique_and_exchange_is_its_own_inverse():
    assert len(set(names())) == len(names())
    twice = np.array(exchange())[list(exchange())]
    assert twice.tolist() == list(range(len(names())))
    assert any(i != j for i, j in enumerate(exchange()))


def test_scores_are_those_of_average_ranks():
    x = np.array([[3.0, 1.0], [1.0, 1.0], [2.0, 5.0], [2.0, 4.0]])
    wanted = norm.ppf((rankdata(x, axis=0) - 0.5) / 4)
    np.testing.assert_allclose(normal_scores(x), wanted, rtol=1e-12)


def test_a_batch_is_its_tasks():
    tasks = [sample(60, 3, 2, seed) for seed in range(5)]
    x, y = (np.stack(v) for v in zip(*tasks, strict=True))
    together = portrait(normal_scores(x), normal_scores(y))
    np.testing.assert_allclose(together, [seen(*t) for t in tasks], atol=1e-10)


@pytest.mark.parametrize("k", NEIGHBOURS)
def test_neighbours_of_two_columns_are_those_of_kraskov(k):
    """Of one column each, norms do not differ: the library's own estimator is the oracle."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=400)
    y = np.sin(3 * x) + 0.3 * rng.normal(size=400)
    scores = normal_scores(np.stack([x, y], 1))
    oracle = KSG1(n_neighbors=k, scale="none").value(Sample.of(*scores.T))
    mine = value(x[:, None], y[:, None], f"scores, {k}, information")
    assert mine == pytest.approx(oracle, abs=1e-9)


def test_the_corrected_normal_value_has_no_bias():
    rng = np.random.default_rng(4)
    truth = -0.5 * 3 * np.log(1 - 0.6**2)
    x = rng.normal(size=(200, 60, 3))
    y = 0.6 * x + 0.8 * rng.normal(size=x.shape)
    found = portrait(normal_scores(x), normal_scores(y))
    of = {name: found[:, names().index(name)] for name in ("normal, corrected", "normal")}
    error = of["normal, corrected"].std() / np.sqrt(200)
    # normal scores of sixty rows are not quite normal: 2 % of the value
    assert abs(of["normal, corrected"].mean() - truth) < 3 * error + 0.02 * truth
    assert of["normal"].mean() < truth  # shrunk


def test_rows_asked_are_spread_over_all():
    """Above the number of rows asked for, the value stays that of all rows within its error."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=(8 * QUERIES, 1))
    y = 0.8 * x + 0.6 * rng.normal(size=x.shape)
    scores = normal_scores(np.hstack([x, y]))
    every = KSG1(n_neighbors=3, scale="none").value(Sample.of(*scores.T))
    asked = value(x, y, "scores, 3, information")
    spread = value(x, y, "scores, 3, spread")
    assert abs(asked - every) < 3 * spread / np.sqrt(QUERIES)


class TestTorch:
    torch = pytest.importorskip("torch")

    @pytest.mark.parametrize("shape", SHAPES)
    def test_one_body(self, shape):
        x, y = sample(*shape)
        mine = seen(x, y)
        x, y = (self.torch.as_tensor(v)[None] for v in (x, y))
        theirs = portrait(normal_scores(x), normal_scores(y))[0]
        np.testing.assert_allclose(theirs.numpy(), mine, atol=1e-8)

    def test_scores_of_tensors_have_the_slope_of_their_neighbours(self):
        x = self.torch.tensor([[0.0], [1.0], [3.0]], dtype=self.torch.float64, requires_grad=True)
        scores = normal_scores(x)
        (slope,) = self.torch.autograd.grad(scores.sum(), x)
        step = norm.ppf(2.5 / 3)
        np.testing.assert_allclose(slope.numpy().ravel(), [step, 2 * step / 3, step / 2])

    def test_gradients_are_finite(self):
        x, y = (self.torch.as_tensor(v)[None].requires_grad_() for v in sample(80, 3, 2))
        portrait(normal_scores(x), normal_scores(y)).sum().backward()
        for grad in (x.grad, y.grad):
            assert self.torch.isfinite(grad).all()
            assert grad.abs().sum() > 0


# --- canonical correlations and components -------------------------------------------------------


def _found(x, y, *wanted):
    found = portrait(normal_scores(x), normal_scores(y))
    return [found[:, names().index(name)] for name in wanted]


def test_spikes_have_no_bias_where_all_correlations_together_have_much():
    rng = np.random.default_rng(0)
    truth = -0.5 * np.log(1 - 0.9**2)
    x = rng.normal(size=(60, 200, 20))
    y = rng.normal(size=(60, 200, 20))
    y[..., :1] = 0.9 * x[..., :1] + np.sqrt(1 - 0.9**2) * y[..., :1]
    spikes, number, all_of_them = _found(
        x, y, "spikes, information", "spikes, number", "normal, shrunk 0.02"
    )
    error = spikes.std() / np.sqrt(60)
    assert number.mean() < 1.2
    # scores of two hundred rows are not quite normal, and one root of chance in twenty is let in
    assert abs(spikes.mean() - truth) < 3 * error + 0.03 * truth
    assert all_of_them.mean() > 1.8 * truth


@pytest.mark.parametrize(("n", "dx", "dy"), [(60, 3, 3), (200, 20, 8), (400, 1, 1), (120, 2, 30)])
def test_of_independent_columns_one_sample_in_twenty_has_a_spike(n, dx, dy):
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(400, n, dx)), rng.normal(size=(400, n, dy))
    (number,) = _found(x, y, "spikes, number")
    assert 0.015 < (number > 0).mean() < 0.085


def test_fewer_rows_than_columns_have_no_spikes():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(1, 20, 12))
    assert _found(x, x + 0.1 * rng.normal(size=x.shape), "spikes, number")[0] == 0


def test_information_of_components_is_that_of_their_coordinates():
    rng = np.random.default_rng(3)
    f = rng.normal(size=(500, 3))
    x = f @ rng.normal(size=(3, 9)) * [3] + rng.normal(size=(500, 9))
    y = f[:, :2] @ rng.normal(size=(2, 6)) * [3] + rng.normal(size=(500, 6))
    for kept in (1, 3):
        parts = []
        for v in (x, y):
            z = normal_scores(v[None])[0]
            parts.append(PCA(kept).fit_transform((z - z.mean(0)) / z.std(0)))
        r = np.corrcoef(np.hstack(parts).T)
        plain = 0.5 * (
            np.linalg.slogdet(r[:kept, :kept])[1]
            + np.linalg.slogdet(r[kept:, kept:])[1]
            - np.linalg.slogdet(r)[1]
        )
        assert abs(value(x, y, f"principal, {kept}") - plain) < 2 * kept**2 / 500


# --- norms ---------------------------------------------------------------------------------------


def test_shape_of_the_logarithms_of_norms():
    rng = np.random.default_rng(0)
    x = np.where(rng.random((300, 1)) < 0.3, 1.0, 20.0) * rng.normal(size=(300, 1))
    z = normal_scores(x[None])[0]
    logs = np.log(z[:, 0] ** 2 / (z**2).mean() + 1e-3)
    found = [value(x, z, f"log norm, {name}:x") for name in ("skewness", "kurtosis")]
    np.testing.assert_allclose(found, [skew(logs), kurtosis(logs, fisher=False)], rtol=1e-3)


def test_rows_of_like_norm_share_no_scale_and_show_what_swirls():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1000, 2))
    y = x + 0.3 * rng.normal(size=x.shape)
    angle = 3 * np.hypot(*x.T)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    swirled = np.einsum("ijn,nj->ni", turn, x)
    assert value(swirled, y, "normal") < 0.1
    assert value(swirled, y, "shells, normal:x") > 0.5
    scale = np.where(rng.random((1000, 1)) < 0.5, 1.0, 10.0)
    one, other = (scale * rng.normal(size=(1000, 3)) for _ in range(2))
    assert value(one, other, "scores, 3, information") > 0.1
    assert value(one, other, "shells, normal:x") < 0.05


def test_information_in_shells_is_that_of_their_rows():
    rng = np.random.default_rng(0)
    n = 301
    x = rng.normal(size=(n, 1))
    y = 0.8 * x + 0.6 * rng.normal(size=(n, 1))
    z = normal_scores(np.concatenate([x, y], 1)[None])[0]
    size = np.abs(z[:, 0])
    shell = np.searchsorted(np.sort(size)[[n // 3, 2 * n // 3]], size, side="right")
    total = 0.0
    for rows in (shell == 0, shell == 1, shell == 2):
        count = rows.sum()
        share = 2 / (count + 2)
        r = (1 - share) * np.corrcoef(z[rows].T)[0, 1] / (1 + 1e-5)
        total += -0.5 * np.log(1 - r**2) * count / n
    np.testing.assert_allclose(value(x, y, "shells, normal:x"), total, rtol=1e-5)


def test_of_few_scales_the_norms_tell_no_more_than_their_entropy():
    rng = np.random.default_rng(5)
    of = rng.random((2000, 1)) < 0.3
    x, y = (np.where(of, 1.0, 20.0) * rng.normal(size=(2000, 20)) for _ in range(2))
    entropy = -(0.3 * np.log(0.3) + 0.7 * np.log(0.7))
    for name in ("norms, tables", "norms left, tables:x", "norms left, tables:y"):
        # the edge of a table cuts through the larger class, but not between the two
        assert 0.8 * entropy < value(x, y, name) < 1.02 * entropy
    assert abs(value(x, y, "normal, with norms") - entropy) < 0.3 * entropy


@pytest.mark.parametrize(("df", "d"), [(3.0, 5), (3.0, 2), (8.0, 5)])
def test_norms_and_a_normal_law_make_up_the_information_of_students_law(df, d):
    truth = StudentPair(df=df, dispersion=np.eye(2 * d), dx=d).truth("mutual_information")
    rng = np.random.default_rng(0)
    z = rng.normal(size=(20, 1000, 2 * d)) * np.sqrt(df / rng.chisquare(df, size=(20, 1000, 1)))
    whole, line = _found(z[..., :d], z[..., d:], "normal, with norms", "normal, corrected")
    assert abs(whole.mean() - truth) < 0.1 * truth + 3 * whole.std() / np.sqrt(20)
    assert abs(line.mean()) < 0.1 * truth  # which alone sees nothing


def test_of_normal_laws_the_norm_tells_nothing_of_what_a_line_leaves():
    rng = np.random.default_rng(6)
    x = rng.normal(size=(50, 500, 3))
    y = 0.8 * x + 0.6 * rng.normal(size=x.shape)
    shared, *left = _found(
        x, y, "norms, tables", "norms left, tables:x", "norms left, correlation:x"
    )
    assert shared.mean() > 0.05
    for found in left:
        assert abs(found.mean()) < 3 * found.std() / np.sqrt(50) + 0.01


@pytest.mark.parametrize("columns", [1, 3])
def test_tails_of_student_go_together_and_those_of_frank_apart(columns):
    torch = pytest.importorskip("torch")
    from infometric.amortised.families import FAMILIES

    rng = np.random.default_rng(7)
    x = rng.normal(size=(3000, columns))
    y = 0.7 * x + np.sqrt(0.51) * rng.normal(size=x.shape)
    heavy = np.sqrt(2 / rng.chisquare(2, size=(3000, 1)))
    draw = FAMILIES["frank"].pairs(
        torch.full((1, columns), 0.337), 3000, torch.Generator().manual_seed(0)
    )
    frank = [v[0].numpy() for v in draw[:2]]
    for name in ("tails, second", "tails, second, of the largest", "canonical, tails, second"):
        assert value(heavy * x, heavy * y, name) > 0.1
        assert abs(value(x, y, name)) < 0.06 * columns
        assert value(*frank, name) < -0.07


# --- what pairs of columns do not show ------------------------------------------------------------


@pytest.mark.parametrize("turns", [4, 8, 16])
def test_waves_are_seen_with_their_turns(turns):
    rng = np.random.default_rng(turns)
    u = (rng.permutation(500)[:, None] + 0.5) / 500
    y = np.sin(2 * np.pi * turns * u) + 0.1 * rng.normal(size=u.shape)
    assert value(u, y, "waves, fast:x") > 1.0
    np.testing.assert_allclose(value(u, y, "waves, turns:x"), np.log(turns), atol=0.15)
    assert value(u, rng.permutation(y), "waves, fast:x") < 0.05


def test_share_that_a_wave_foretells_is_its_squared_correlation():
    # sin(2 pi 3 u) with noise of the same variance: half of y, and the score of y is monotone in it
    rng = np.random.default_rng(0)
    u = (np.arange(2000) + 0.5)[:, None] / 2000
    wave = np.sin(2 * np.pi * 3 * u)
    y = wave + rng.normal(size=u.shape) * 0.5**0.5
    score = norm.ppf((rankdata(y) - 0.5) / len(y))
    basis = np.concatenate([f(2 * np.pi * 3 * u) for f in (np.sin, np.cos)], 1)
    shade = 2 * np.pi * (rankdata(y) - 0.5) / len(y)
    told = [score, np.sin(shade), np.cos(shade), np.sin(2 * shade), np.cos(2 * shade)]
    share = sum(np.corrcoef(b, t)[0, 1] ** 2 for b in basis.T for t in told) - 10 / len(y)
    np.testing.assert_allclose(value(u, y, "waves, largest:x"), -0.5 * np.log(1 - share), rtol=1e-6)


@pytest.mark.parametrize("turns", [(3, -2), (1, 1), (2, -1, 3), (1, 1, 1)])
def test_waves_along_a_direction_are_seen_whole(turns):
    rng = np.random.default_rng(0)
    n, many = 400, len(turns)
    x = rng.normal(size=(n, 4))
    u = (rankdata(x, axis=0) - 0.5) / n
    angle = 2 * np.pi * u[:, [3, 0, 2][:many]] @ np.array(turns)
    y = np.sin(angle + 1.0)[:, None] + rng.normal(size=(n, 1)) * 0.5**0.5
    shade = 2 * np.pi * (rankdata(y) - 0.5) / n
    score = norm.ppf(shade / (2 * np.pi))
    told = [score, np.sin(shade), np.cos(shade), np.sin(2 * shade), np.cos(2 * shade)]
    basis = np.sin(angle), np.cos(angle)
    share = sum(np.corrcoef(b, t)[0, 1] ** 2 for b in basis for t in told) - 10 / n
    found = value(x, y, f"directions, {many}:x")
    np.testing.assert_allclose(found, -0.5 * np.log(1 - share), rtol=1e-6)
    np.testing.assert_allclose(value(x, y, f"directions, {many}, matched:x"), found - 10 / n)
    assert value(x, rng.permutation(y), f"directions, {many}:x") < 0.05
    assert value(y, x, f"directions, {many}:y") == pytest.approx(found)
    mirrored = x * np.array([-1, 1, -1, 1])
    assert value(mirrored, y, f"directions, {many}:x") == pytest.approx(found)


def test_of_many_columns_there_are_no_directions():
    x, y = np.random.default_rng(0).normal(size=(2, 100, 9))
    assert all(value(x, y, name) == 0 for name in names() if name.startswith("directions"))
    assert value(x[:, :5], y, "directions, 2:x") != 0 == value(x[:, :5], y, "directions, 3:x")


@pytest.mark.parametrize(
    "law",
    [
        lambda x: np.sign(x[:, 0] * x[:, 2]),
        lambda x: x[:, 0] * x[:, 1],
        lambda x: (norm.cdf(x[:, 1]) + norm.cdf(x[:, 2])) % 1.0,
    ],
)
def test_what_two_columns_know_together_is_seen(law):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(500, 3))
    y = law(x)[:, None] + 0.1 * rng.normal(size=(500, 1))
    for name in ("products, largest:x", "products, matched:x", "products, sum:x"):
        assert value(x, y, name) > 0.05 + value(x, rng.permutation(y), name), name
    assert value(y, x, "products, largest:y") == pytest.approx(value(x, y, "products, largest:x"))


def test_of_many_columns_products_are_those_of_scores():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(400, 12)), rng.normal(size=(400, 2))
    y[:, 1] += x[:, 3] * x[:, 9]
    z = norm.ppf((rankdata(x, axis=0) - 0.5) / 400)
    told = norm.ppf((rankdata(y[:, 1]) - 0.5) / 400)
    share = np.corrcoef(z[:, 3] * z[:, 9], told)[0, 1] ** 2
    np.testing.assert_allclose(
        value(x, y, "products, largest:x"), -0.5 * np.log(1 - share), rtol=1e-6
    )


def test_ties_of_one_task_change_no_bit_of_another():
    x, y = sample(150, 2, 2)
    z = np.random.default_rng(5).normal(size=(2, 150, 2))
    both = portrait(normal_scores(np.stack([x, z[0]])), normal_scores(np.stack([y, z[1]])))
    np.testing.assert_allclose(both[1], seen(z[0], z[1]), rtol=1e-12, atol=1e-12)


# --- atoms ----------------------------------------------------------------------------------------


def test_rows_that_are_absent_and_the_others_make_up_the_information():
    # indicators: I = log 2 - H(.1); where both are there, a normal pair with rho = .9
    rng = np.random.default_rng(0)
    n = 20_000
    there = rng.random(n) < 0.5
    also = np.where(rng.random(n) < 0.1, ~there, there)
    x = rng.normal(size=(n, 2))
    y = np.where((there & also)[:, None], 0.9 * x + 0.19**0.5 * rng.normal(size=x.shape), 0.0)
    y = np.where((~there & also)[:, None], rng.normal(size=x.shape), y)
    x = np.where(there[:, None], x, -9.0)
    indicators = np.log(2) + 0.1 * np.log(0.1) + 0.9 * np.log(0.9)
    others = -0.45 * np.log(0.19)  # .45 of the rows, two pairs of -log(.19) / 2 each
    y = np.where(also[:, None], y, 9.0)
    places = [names().index(f"atoms, {name}") for name in ("rows", "rows, others", "information")]
    found = portrait(normal_scores(x[None]), normal_scores(y[None]), 64)[0, places]
    np.testing.assert_allclose(found[0], indicators, atol=0.01)
    # ranks shift the scores of the rows that are there, and rho = .9 is theirs no more to a few %
    np.testing.assert_allclose(found[1], others, rtol=0.06)
    assert found[2] == pytest.approx(found[0] + found[1])


def test_atoms_of_one_column_are_those_of_its_pairs():
    rng = np.random.default_rng(1)
    n = 5000
    zero = rng.random(n) < 0.4
    x = np.column_stack([np.where(zero, 0.0, rng.normal(size=n)), rng.normal(size=n)])
    y = np.where(zero, 5.0, rng.normal(size=n))[:, None]
    entropy = -0.4 * np.log(0.4) - 0.6 * np.log(0.6)
    for name in ("largest", "sum", "matched:y"):
        np.testing.assert_allclose(value(x, y, f"atoms, tables, {name}"), entropy, atol=0.02)
    assert value(x, y, "atoms, others, largest") < 0.005
    assert value(x, y, "atoms, share:x") == pytest.approx(zero.mean() / 2)
    assert value(x[:, 1:], y, "atoms, rows") < 0.001


def test_without_ties_there_are_no_atoms():
    x, y = sample(300, 8, 5)
    assert all(value(x, y, name) == 0 for name in names() if name.startswith("atoms"))


def test_a_mirror_changes_no_atom():
    rng = np.random.default_rng(2)
    x, y = np.maximum(rng.normal(size=(2, 300, 3)), [-0.2, 0.1, 0.6])  # half of the rows or so
    y[:, 0] += x[:, 0]
    y[:, 1] = np.round(y[:, 1])
    mirrored = [v * np.array([1, -1, -1]) for v in (x, y)]
    np.testing.assert_allclose(seen(*mirrored), seen(x, y), atol=1e-7)
