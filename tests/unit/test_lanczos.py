"""Spectra known by products with vectors: closed forms, dense matrices, brackets, derivatives."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from infometric.exceptions import DataError, InvalidParameterError
from infometric.state.blocks import Blocks, DiffusionBlocks, GramBlocks
from infometric.state.kernels import Kernel
from infometric.state.lanczos import (
    Forms,
    LanczosEntropy,
    Measure,
    Process,
    influence,
    trace_entropy,
)

GAUSS = Kernel(sigma=2.0)


def blobs(n=600, d=16, seed=0):
    rng = np.random.default_rng(seed)
    return 3 * rng.normal(size=(8, d))[rng.integers(0, 8, n)] + rng.normal(size=(n, d))


def diffusion(gram, alpha=0.0, weights=None):
    w = np.ones(len(gram)) if weights is None else weights
    sums = gram @ w
    walk = gram / np.outer(sums, sums) ** alpha
    root = np.sqrt(w / (walk @ w))
    return walk * np.outer(root, root)


def entropy(matrix, t=1.0, order=1.0):
    p = np.linalg.eigvalsh(matrix).clip(0) ** t
    p = p[p > 0] / p.sum()
    return -p @ np.log(p) if order == 1 else np.log((p**order).sum()) / (1 - order)


def test_points_far_apart_have_the_logarithm_of_their_number():
    found = trace_entropy(DiffusionBlocks(np.arange(90.0)[:, None] * 99, GAUSS), rng=0)
    assert found.value == pytest.approx(np.log(90), abs=1e-12)
    assert found.interval() == pytest.approx((np.log(90), np.log(90)), abs=1e-9)
    assert found.converged
    assert found.certified


@pytest.mark.parametrize("t", [0.5, 1, 2])
@pytest.mark.parametrize("order", [1, 2, 3])
def test_places_with_many_rows_each_have_the_logarithm_of_the_places(t, order):
    rows = np.repeat([[0.0], [99.0], [999.0]], 50, axis=0)
    for operator in (DiffusionBlocks(rows, GAUSS), GramBlocks(rows, GAUSS)):
        assert trace_entropy(operator, t, order, rng=0).value == pytest.approx(np.log(3), abs=1e-6)


def test_rows_that_are_all_alike_have_none():
    found = trace_entropy(DiffusionBlocks(np.ones((70, 4)), GAUSS), rng=0)
    assert found.value == pytest.approx(0, abs=1e-9)
    assert found.converged


def test_three_rows_are_enough():
    rows = np.array([[0.0], [1.0], [4.0]])
    found = trace_entropy(DiffusionBlocks(rows, GAUSS), rng=0)
    assert found.value == pytest.approx(entropy(diffusion(GAUSS.gram(rows))), abs=1e-9)


# --- operators --------------------------------------------------------------------------------


@pytest.mark.parametrize("held", [0, 1e9])
@pytest.mark.parametrize("alpha", [0, 0.5, 1])
@pytest.mark.parametrize("kind", ["float64", "float32", "torch"])
def test_diffusion_operator_is_that_of_the_dense_matrix(kind, alpha, held):
    x, v = blobs(211), np.random.default_rng(1).normal(size=(211, 5))
    dense = diffusion(Kernel(sigma=4.0).gram(x.copy()), alpha)
    rows, vectors = x, v
    if kind == "torch":
        torch = pytest.importorskip("torch")
        rows, vectors = torch.from_numpy(x), torch.from_numpy(v)
    elif kind == "float32":
        rows, vectors = x.astype(np.float32), v.astype(np.float32)
    operator = DiffusionBlocks(rows, Kernel(sigma=4.0), alpha, block=32, held=held)
    near = 1e-5 if kind == "float32" else 1e-12
    found = operator.matmat(vectors)
    assert str(found.dtype).endswith("32" if kind == "float32" else "64")
    np.testing.assert_allclose(np.asarray(found), dense @ v, atol=near)
    np.testing.assert_allclose(operator.diagonal(), dense.diagonal(), atol=near)
    np.testing.assert_allclose(operator.squares(), (dense**2).sum(1), atol=near)


@pytest.mark.parametrize("held", [0, 1e9])
@pytest.mark.parametrize(
    "kernel",
    [
        GAUSS,
        Kernel("cosine"),
        Kernel("linear"),
        Kernel("callable", function=lambda x, y: np.exp(-abs(x[:, None, 0] - y[None, :, 0]))),
    ],
    ids=lambda k: k.kind,
)
def test_gram_operator_has_trace_one(kernel, held):
    x, v = blobs(150), np.random.default_rng(1).normal(size=(150, 5))
    operator = GramBlocks(x, kernel, block=40, held=held)
    dense = kernel.gram(x.copy())
    dense = dense / np.trace(dense)
    np.testing.assert_allclose(operator.matmat(v), dense @ v, atol=1e-12)
    np.testing.assert_allclose(operator.squares(), (dense**2).sum(1), atol=1e-12)
    assert operator.diagonal().sum() == pytest.approx(1)


def test_single_precision_tells_near_rows_apart_far_from_the_centre():
    x = np.r_[np.full((40, 3), 1e3), np.full((40, 3), -1e3)] + blobs(80, 3) * 0.1
    x = x.astype(np.float32)
    exact = Kernel(sigma=1.0).gram(x.astype(np.float64))
    for held in (0, 1e9):
        found = Blocks(x, Kernel(sigma=1.0), held=held).similar(np.eye(80, dtype=np.float32))
        np.testing.assert_allclose(found, exact, atol=1e-6)


def test_no_matrix_is_made_where_none_is_held():
    x = blobs(6000, 4).astype(np.float32)
    tracemalloc.start()
    try:
        operator = DiffusionBlocks(x, GAUSS, block=128, held=0)
        operator.matmat(np.ones((6000, 4), np.float32))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 5e6  # the matrix has 144e6 bytes


def test_what_an_operator_refuses():
    with pytest.raises(DataError, match="all rows at once"):
        DiffusionBlocks(blobs(50), Kernel("adaptive"), held=0)
    with pytest.raises(DataError, match="trace"):
        GramBlocks(np.zeros((9, 2)), Kernel("linear"))
    with pytest.raises(DataError, match="sum above zero"):
        DiffusionBlocks(np.array([[1.0], [-1.0], [2.0], [-2.0]]), Kernel("linear"))
    with pytest.raises(InvalidParameterError, match="block"):
        GramBlocks(blobs(9), GAUSS, block=0)


@pytest.mark.parametrize("kind", ["adaptive", "knn"])
def test_kernels_of_neighbours_are_held_and_nothing_is_proven_where_eigenvalues_are_negative(kind):
    x = blobs(300)
    found = trace_entropy(DiffusionBlocks(x, Kernel(kind)), tolerance=0.02, rng=0)
    dense = diffusion(Kernel(kind).gram(x))
    low, high = found.interval(0.999)
    assert low <= entropy(dense) <= high
    assert found.certified == (np.linalg.eigvalsh(dense).min() > -1e-9)
    assert found.certified == (kind == "adaptive")  # of these rows


# --- the entropy --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [np.float64, np.float32])
@pytest.mark.parametrize("sigma", [2.0, 5.0, 10.0])
@pytest.mark.parametrize(("t", "order"), [(1, 1), (2, 1), (0.5, 1), (1.3, 1), (1, 3), (1, 0.5)])
def test_interval_covers_the_value_of_all_eigenvalues(t, order, sigma, kind):
    x = blobs()
    exact = entropy(diffusion(Kernel(sigma=sigma).gram(x.copy())), t, order)
    found = trace_entropy(
        DiffusionBlocks(x.astype(kind), Kernel(sigma=sigma)), t, order, tolerance=0.01, rng=3
    )
    low, high = found.interval(0.999)
    assert low <= exact <= high
    if kind is np.float64:
        assert found.converged
        assert abs(found.value - exact) < 0.01
    assert found.low <= found.value <= found.high


def test_published_value_and_moments():
    r = np.random.default_rng(1)  # of the same rows the reference implementation gives these
    y, means = r.integers(0, 4, 600), r.normal(size=(4, 16)) * 3
    x = means[y] + r.normal(size=(600, 16))
    operator = DiffusionBlocks(x, Kernel(sigma=5.0))
    assert operator.diagonal().sum() == pytest.approx(6.969919185456, abs=1e-10)
    assert operator.squares().sum() == pytest.approx(3.633843707818, abs=1e-10)
    found = trace_entropy(operator, rng=0)
    low, high = found.interval(0.999)
    assert low <= 5.4855740012 * np.log(2) <= high
    assert high - low < 0.008
    twice = trace_entropy(operator, order=2)
    assert twice.value / np.log(2) == pytest.approx(3.740787486606, abs=1e-10)
    assert twice.interval() == (twice.value, twice.value)


@pytest.mark.parametrize(("t", "order"), [(1, 1), (2, 1), (0.5, 1), (1, 3), (1, 0.5), (3.5, 1)])
def test_quadratures_bracket_each_form_at_any_number_of_steps(t, order):
    x = blobs(200)
    for sigma in (2.0, 10.0):
        operator = DiffusionBlocks(x, Kernel(sigma=sigma))
        values, vectors = np.linalg.eigh(operator.matmat(np.eye(200)))
        measure = Measure(t, order)
        starts = np.random.default_rng(0).choice([-1.0, 1.0], (12, 200))
        exact = measure.functions(values.clip(0)) @ (starts @ vectors).T ** 2
        process = Process(operator, starts.copy())
        for steps in range(1, 25):
            process.advance()
            forms = Forms.of(process, measure)
            if measure.proven(steps):
                room = 1e-10 * np.abs(exact)
                assert np.all(forms.low <= exact + room)
                assert np.all(exact <= forms.high + room)
        assert measure.proven(steps)


def test_derivatives_keep_one_sign_where_it_is_said_they_do():
    mpmath = pytest.importorskip("mpmath")
    nodes = [1e-9, 1e-4, 0.01, 0.3, 0.9, 0.999]
    for t in (0.5, 0.9, 1, 1.3, 1.5, 2, 2.75, 3):
        for steps in (1, 2, 3, 5, 8):
            fine = True
            for order in (2 * steps, 2 * steps + 1):
                # x^t log x is the derivative of x^t by t, and so are its derivatives by x
                with mpmath.workdps(40):

                    def power(s, x, order=order):
                        return mpmath.ff(s, order) * mpmath.mpf(x) ** (s - order)

                    signs = [mpmath.diff(lambda s, x=x: power(s, x), t) for x in nodes]
                fine &= all(s > 0 for s in signs) or all(s < 0 for s in signs)
            assert Measure(t, 1).proven(steps) <= fine
    assert Measure(1, 1).proven(2)
    assert not Measure(1.1, 1).proven(20)


def test_what_theory_does_not_prove_is_certified_by_more_steps():
    found = trace_entropy(DiffusionBlocks(blobs(), Kernel(sigma=5.0)), 1.1, rng=0)
    assert not found.certified
    assert found.high > found.low
    assert trace_entropy(DiffusionBlocks(blobs(), Kernel(sigma=5.0)), 1.5, rng=0).certified


def test_rounding_widens_the_bracket():
    rows = np.random.default_rng(0).normal(size=(500, 3))
    exact = entropy(diffusion(Kernel(sigma=50.0).gram(rows.copy())))
    operator = DiffusionBlocks(rows.astype(np.float32), Kernel(sigma=50.0))
    low, high = trace_entropy(operator, rng=0).interval()
    assert low <= exact <= high
    assert high - low < 1e-3
    assert not trace_entropy(operator, 0.5, rng=0).converged  # roots make much of noise


def test_same_seed_same_value_in_either_library():
    torch = pytest.importorskip("torch")
    x = blobs(300)
    first, again, other = (
        trace_entropy(DiffusionBlocks(x, Kernel(sigma=5.0)), rng=seed) for seed in (1, 1, 2)
    )
    assert first.value == again.value != other.value
    tensor = trace_entropy(DiffusionBlocks(torch.from_numpy(x), Kernel(sigma=5.0)), rng=1)
    assert tensor.value == pytest.approx(first.value, abs=1e-9)
    assert tensor.se == pytest.approx(first.se, rel=1e-6)


def test_budget_is_kept_and_said():
    operator = DiffusionBlocks(blobs(), Kernel(sigma=5.0))
    short = trace_entropy(operator, tolerance=1e-5, most_probes=40, most_steps=8, rng=0)
    assert (short.probes, short.steps, short.converged) == (40, 8, False)
    small = trace_entropy(operator, memory=1e6, most_probes=40, rng=0)
    assert small.interval()[0] <= entropy(operator.matmat(np.eye(600))) <= small.interval()[1]


def test_progress_is_told():
    seen = []
    operator = DiffusionBlocks(blobs(200), Kernel(sigma=5.0))
    found = trace_entropy(operator, rng=0, progress=lambda done, total: seen.append((done, total)))
    assert seen == sorted(seen, key=lambda pair: pair[0])
    assert all(done <= total for done, total in seen)
    assert seen[-1] == (found.products, found.products)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"t": 0}, "t must be"),
        ({"t": float("nan")}, "t must be"),
        ({"order": 0}, "above zero and finite"),
        ({"order": float("inf")}, "above zero and finite"),
        ({"tolerance": 0}, "tolerance"),
        ({"most_probes": 3}, "probes"),
        ({"most_steps": 1}, "steps"),
    ],
)
def test_what_is_refused(options, says):
    with pytest.raises(InvalidParameterError, match=says):
        trace_entropy(DiffusionBlocks(blobs(50), GAUSS), **options)


def test_interval_is_the_bracket_and_the_noise():
    found = LanczosEntropy(1.0, 0.1, 0.9, 1.2, 9, 24, 30, True, True, 2.0, 1.0, 1.0, 99)
    low, high = found.interval()
    assert 0.9 - low == pytest.approx(high - 1.2)
    assert 0.9 - low == pytest.approx(0.1 * 2.0796, rel=1e-3)  # Student's quantile, 21 degrees


# --- influence ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("t", "order"), [(1, 1), (2, 1), (1, 3)])
@pytest.mark.parametrize("form", [0, 0.5, 1, "gram"])
def test_influence_is_the_derivative_by_weights(form, t, order):
    x = np.random.default_rng(0).normal(size=(100, 3))
    gram = Kernel(sigma=1.0).gram(x.copy())

    def value(weights):
        if form == "gram":
            return entropy(np.sqrt(np.outer(weights, weights)) * gram, t, order)
        return entropy(diffusion(gram, form, weights), t, order)

    step = 1e-5 * np.eye(100)
    exact = np.array([value(1 + h) - value(1 - h) for h in step]) / 2e-5 * 100
    kernel = Kernel(sigma=1.0)
    operator = GramBlocks(x, kernel) if form == "gram" else DiffusionBlocks(x, kernel, form)
    estimate = trace_entropy(operator, t, order, diagonal=True, tolerance=1e-3, rng=0)
    found, noise = influence(operator, estimate)
    error = np.mean((found - exact) ** 2)
    assert error < 1e-3 * exact.var()
    assert noise == pytest.approx(error, rel=0.75)
    assert found.mean() == pytest.approx(0, abs=1e-3)


def test_influence_needs_the_diagonal():
    operator = DiffusionBlocks(blobs(100), GAUSS)
    with pytest.raises(InvalidParameterError, match="diagonal"):
        influence(operator, trace_entropy(operator, rng=0))


@pytest.mark.statistical
@pytest.mark.parametrize(("t", "sigma"), [(1, 2.0), (1, 5.0), (1, 10.0), (2, 5.0), (0.5, 2.0)])
def test_interval_covers_over_many_seeds(t, sigma):
    covered = []
    for seed in range(10):
        operator = DiffusionBlocks(blobs(500, seed=seed), Kernel(sigma=sigma))
        exact = entropy(operator.matmat(np.eye(500)), t)
        for again in range(20):
            low, high = trace_entropy(operator, t, rng=1000 * again + seed).interval()
            covered.append(low <= exact <= high)
    assert np.mean(covered) > 0.92  # 0.95 less a standard error of 200 and some
    assert high - low < 0.006
