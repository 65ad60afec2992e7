"""Spectral entropies against numpy alone, the published package's numbers, and its defects."""

from __future__ import annotations

import itertools
import json
import math
import random
import warnings

import numpy as np
import pytest
from scipy.spatial.distance import cdist, pdist

import infometric as im
from infometric.exceptions import (
    DataError,
    InfometricError,
    InfometricWarning,
    InvalidParameterError,
    MergeError,
    ReliabilityWarning,
    UnsupportedError,
)
from infometric.functional import diffusion_information, published, representation, spectra
from infometric.functional.sensitivity import slopes
from infometric.state import spectrum
from infometric.state.kernels import Kernel, median_distance
from infometric.state.spectrum import Spectrum
from infometric.testing import check_state, check_strategies

pytestmark = pytest.mark.filterwarnings("ignore::infometric.exceptions.InfometricWarning")

BITS = 1e-9
U = np.random.default_rng(0).uniform(0, 1, (1000, 256))
_r = np.random.default_rng(1)
Y = _r.integers(0, 4, 600)
_M = _r.normal(size=(4, 16)) * 3
X = _M[Y] + _r.normal(size=(600, 16))
Z = _r.normal(size=(600, 3))
B = np.random.default_rng(2).normal(size=(500, 8))
P = np.random.default_rng(3).permutation(Y)
_C = np.random.default_rng(0).normal(size=(5, 32)) * 3
_w = np.random.default_rng(1)
W = _C[_w.integers(0, 5, 400)] + _w.normal(size=(400, 32))
SMALL, LABELS = X[:90], Y[:90]


def walk_spectrum(x, s, alpha=0.0):
    """Eigenvalues of the walk, by scipy's distances and numpy's solver."""
    similar = np.exp(-cdist(x, x, "sqeuclidean") / (2 * s * s))
    power = similar.sum(1) ** alpha
    similar = similar / np.outer(power, power)
    degree = similar.sum(1)
    return np.linalg.eigvalsh(similar / np.sqrt(np.outer(degree, degree))).clip(0)


def shannon(found, t=1.0):
    p = found[found > 0] ** t
    p = p / p.sum()
    return float(-(p * np.log2(p)).sum())


def oracle_dse(x, s, t=1.0, alpha=0.0):
    return shannon(walk_spectrum(x, s, alpha), t)


def value(estimator, *data):
    return estimator.fit(*data).estimate(uncertainty="none").value


def dse(x, **options):
    return value(im.DiffusionSpectralEntropy(units="bits", **options), x)


def dsmi(x, y, **options):
    return value(im.DiffusionSpectralMI(units="bits", **options), x, y)


# --- oracles -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("x", "options", "bits"), [
    (U, {"parity": True}, 2.3048759923),
    (X, {"parity": True}, 2.9928209660),
    (X, {"sigma": 1.0}, 9.2279336208),
    (X, {"sigma": 1.0, "t": 2}, 9.2255970884),
    (X, {"sigma": 2.0, "parity": True}, 8.9075061922),
    (X, {"sigma": 2.0, "t": 2}, 8.0507291973),
    (X, {"sigma": 5.0, "parity": True}, 5.4855740012),
    (X, {"sigma": 5.0, "t": 2}, 2.2765203816),
    (B, {"sigma": 1.0}, 8.4537642782),
    (B, {"sigma": 1.0, "t": 2}, 7.6748811779),
    (B, {"sigma": 1.0, "t": 5}, 5.8575259545),
    (W, {}, 1.998973431247978),
    (X, {"sigma": 5.0, "order": 2}, 3.740787486606),
])  # fmt: skip
def test_published_entropies(x, options, bits):
    assert abs(dse(x, **options) - bits) < BITS


@pytest.mark.parametrize(("y", "options", "bits"), [
    (Y, {}, 1.6637003408),
    (Y, {"sigma": 2.0}, 0.1976244709),
    (Y, {"sigma": 5.0}, 1.5111488319),
    (Y, {"sigma": 5.0, "t": 2}, 2.0813339582),
    (P, {"sigma": 5.0}, 0.0221446681),
    (X[:, 0], {"sigma": 5.0}, 0.7143654244),
], ids=["classes", "narrow", "middle", "t2", "shuffled", "number"])  # fmt: skip
def test_published_information(y, options, bits):
    assert abs(dsmi(X, y, parity=True, **options) - bits) < BITS


@pytest.mark.parametrize(("found", "bits"), [
    (lambda: published.walk_entry_entropy(B, 1.0), 14.467583864),
    (lambda: published.binned_entropy(B), 7.371068360),
    (lambda: published.adjacency_entropy(B, 1.0), 8.628105177),
    (lambda: published.neighbor_adjacency_entropy(B), 8.533499495),
    (lambda: published.adjacency_entropy(B, 1.0, anisotropic=True), 8.4537642782),
], ids=["entries", "bins", "gaussian", "knn", "anisotropic"])  # fmt: skip
def test_published_variants(found, bits):
    assert abs(found() / math.log(2) - bits) < BITS


def test_traces_of_the_operator():
    s = Spectrum.of(X, kernels=[Kernel(sigma=5.0)])
    found = spectra.diffusion_operator(s.gram(0))
    assert np.trace(found) == pytest.approx(6.969919185456, abs=1e-9)
    assert (found**2).sum() == pytest.approx(3.633843707818, abs=1e-9)
    trace, norm = np.trace(found), np.linalg.norm(found)
    # the entropy of order two needs no eigenvalues
    assert dse(X, sigma=5.0, order=2) == pytest.approx(
        2 * math.log2(trace) - 2 * math.log2(norm), abs=1e-9
    )


@pytest.mark.parametrize("t", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
def test_entropy_against_numpy(alpha, t):
    want = oracle_dse(SMALL, 4.0, t, alpha)
    # below one a power makes much of rounding, which the library leaves out
    slack = 1e-4 if t < 1 else 1e-10
    assert dse(SMALL, sigma=4.0, alpha=alpha, t=t) == pytest.approx(want, abs=slack)


@pytest.mark.parametrize("order", [0.3, 0.999999, 1.000001, 2.0, 3.5, math.inf])
def test_orders_against_numpy(order):
    p = walk_spectrum(SMALL, 2.0)
    p = p / p.sum()
    want = -math.log2(p.max()) if math.isinf(order) else math.log2((p**order).sum()) / (1 - order)
    assert dse(SMALL, sigma=2.0, order=order) == pytest.approx(want, abs=1e-6)


def test_orders_fall_and_meet_shannons():
    found = [dse(SMALL, order=q) for q in (0.0, 0.5, 1.0, 2.0, math.inf)]
    assert found == sorted(found, reverse=True)
    assert dse(SMALL, order=1 + 1e-8) == pytest.approx(dse(SMALL), abs=1e-6)


def test_median_bandwidth_against_scipy():
    assert median_distance(SMALL) == pytest.approx(np.median(pdist(SMALL)), rel=1e-12)
    assert median_distance(np.repeat(SMALL[:30], 3, axis=0)) == pytest.approx(
        np.median(pdist(SMALL[:30])), rel=1e-12
    )


def test_adaptive_kernel_against_numpy():
    apart = cdist(SMALL, SMALL)
    width = np.sort(apart, axis=1)[:, 7]  # itself is the first
    similar = np.exp(-(apart**2) / (2 * np.outer(width, width)))
    root = np.sqrt(similar.sum(1))
    want = shannon(np.linalg.eigvalsh(similar / np.outer(root, root)).clip(0))
    assert dse(SMALL, kernel="adaptive", n_neighbors=7) == pytest.approx(want, abs=1e-9)


def test_graph_of_neighbours_is_symmetric():
    apart = cdist(SMALL, SMALL)
    near = apart <= np.sort(apart, axis=1)[:, [5]]
    graph = (near | near.T).astype(float)
    found = Kernel("knn", n_neighbors=5).gram(SMALL)
    np.testing.assert_array_equal(found, graph)


def test_conditional_entropy_of_classes():
    s = Spectrum.of(
        SMALL, LABELS.astype(float), kinds=("continuous", "discrete"),
        kernels=[Kernel(sigma=3.0), Kernel("delta")],
    )  # fmt: skip
    want = sum((c == LABELS).mean() * oracle_dse(SMALL[c == LABELS], 3.0) for c in range(4))
    r = im.infer(diffusion_information.ConditionalDiffusionEntropy(), s, "none", units="bits")
    assert r.value == pytest.approx(want, abs=1e-10)


# --- exactness --------------------------------------------------------------------------------


def test_copied_rows_change_nothing():
    assert abs(dse(np.repeat(X, 2, axis=0), sigma=5.0, solver="exact") - 5.48557400121) < BITS
    assert dse(np.repeat(SMALL, 3, axis=0)) == pytest.approx(dse(SMALL), abs=1e-10)


def test_order_of_rows_and_rotations_change_nothing(rng):
    turn = np.linalg.qr(rng.normal(size=(16, 16)))[0]
    want = dse(SMALL)
    assert dse(SMALL[rng.permutation(90)]) == pytest.approx(want, abs=1e-10)
    assert dse(SMALL @ turn) == pytest.approx(want, abs=1e-10)
    assert dse(SMALL + 7.0) == pytest.approx(want, abs=1e-10)


@pytest.mark.parametrize("c", [1e-3, 0.1, 7.3, 1e3])
def test_scale_changes_nothing(c):
    """The fixed bandwidth of the published package gives .24 to 8.64 bits of the same rows."""
    assert abs(dse(c * W) - 1.998973431247978) < 1e-10
    assert dsmi(c * SMALL, LABELS) == pytest.approx(dsmi(SMALL, LABELS), abs=1e-10)
    if c in (0.1, 1e3):
        assert dse(c * W, parity=True) == pytest.approx({0.1: 0.2355, 1e3: math.log2(400)}[c],
                                                        abs=1e-4)  # fmt: skip


def test_far_origin_keeps_the_digits():
    assert dse(SMALL + 1e6) == pytest.approx(dse(SMALL), abs=1e-6)


def test_constant_rows_have_no_entropy():
    r = im.DiffusionSpectralEntropy().fit(np.full((30, 3), 0.1))
    with pytest.warns(InfometricWarning):
        assert abs(r.estimate(uncertainty="none").value) < 1e-10


@pytest.mark.parametrize("n", [8, 100])
def test_far_points_are_counted_and_said_to_be(n):
    far = 1e3 * np.arange(n, dtype=float)[:, None]
    e = im.DiffusionSpectralEntropy(sigma=1.0, units="bits").fit(far)
    with pytest.warns(ReliabilityWarning, match="counts the rows"):
        r = e.estimate(uncertainty="none")
    assert r.value == pytest.approx(math.log2(n), abs=1e-10)
    assert r.diagnostics["saturated"]


def test_wide_kernel_is_said_to_see_nothing():
    e = im.DiffusionSpectralEntropy(sigma=1e4).fit(SMALL)
    with pytest.warns(ReliabilityWarning, match="all rows are alike"):
        r = e.estimate(uncertainty="none")
    assert r.diagnostics["flat"]
    assert not r.diagnostics["saturated"]


def in_memory(x):
    """The same rows, stored in other ways."""
    apart = np.empty((len(x), 2 * x.shape[1]))
    apart[:, ::2] = x
    yield from (x.copy(order="F"), x[::-1].copy()[::-1], apart[:, ::2], x.tolist())
    for offset in (0, 8, 16, 24, 32, 40, 4):  # bytes from where a line of the cache begins
        room = np.empty(x.nbytes + 128, np.uint8)
        start = -room.ctypes.data % 64 + offset
        moved = room[start : start + x.nbytes].view(x.dtype).reshape(x.shape)
        moved[...] = x
        yield moved


@pytest.mark.parametrize("more", [{}, {"parity": True}, {"order": 2, "alpha": 0.5}], ids=str)
def test_names_and_order_of_classes_change_no_digit(more):
    """Sums over classes go by the order in which they come, and not by what they are called."""
    want = dsmi(SMALL, LABELS, **more)
    for names in itertools.permutations("abcd"):
        assert dsmi(SMALL, np.array(names)[LABELS], **more) == want
    assert dsmi(SMALL, 3 - LABELS, **more) == want
    assert dsmi(SMALL, np.eye(4)[LABELS], target="classes", **more) == want


def test_order_in_memory_changes_no_digit():
    assert {dsmi(rows, LABELS) for rows in in_memory(SMALL)} == {dsmi(SMALL, LABELS)}
    assert {dse(rows, alpha=0.5) for rows in in_memory(SMALL)} == {dse(SMALL, alpha=0.5)}


@pytest.mark.parametrize("parity", [True, False])
def test_classes_of_one_row(parity):
    lone = LABELS.astype(str)
    lone[0] = "alone"
    e = im.DiffusionSpectralMI(parity=parity).fit(SMALL, lone)
    r = e.estimate(uncertainty="none")
    assert math.isfinite(r.value)
    assert r.diagnostics["classes_of_one_row"] == 1


RANKS = np.argsort(np.random.default_rng(5).random((2, 90)), axis=1).astype(float)[:, :, None]


@pytest.mark.parametrize(("a", "b"), [
    (SMALL[:, :5], SMALL[:, 5:]),
    (RANKS[0], RANKS[1]),  # the same numbers in another order
    (np.sign(SMALL[:, :3]), np.sign(SMALL[:, 3:6])),
    (SMALL[:, :1], np.abs(SMALL[:, :1])),
])  # fmt: skip
@pytest.mark.parametrize("more", [{}, {"order": 2, "alpha": 0.5}, {"n_orders": 4}])
def test_information_is_symmetric(a, b, more):
    more = more | {"target": "representation"}
    assert dsmi(a, b, **more) == pytest.approx(dsmi(b, a, **more), rel=1e-11, abs=1e-12)


@pytest.mark.parametrize("order", [1 - 1e-16, 0.9999999999999999, 1 + 1e-12, 1 - 1e-7, 1.0001])
def test_orders_near_one_are_near_one(order):
    for make in (im.DiffusionSpectralEntropy, im.MatrixEntropy):
        one, near = (make(order=o, uncertainty="none").fit(X).estimate().value for o in (1, order))
        assert near == pytest.approx(one, abs=2 * abs(order - 1) + 1e-12)


def test_high_orders_are_finite():
    s = im.DiffusionSpectralEntropy(sigma=1.0).fit(X).state_
    p = np.asarray(spectra.eigenvalues_of(s, (0,), "diffusion"))
    p = p / p.sum()
    for order in (200.0, 5000.0):
        found = float(spectra.DiffusionSpectralEntropy(order).value(s))
        least = -np.log(p.max())
        assert least <= found <= order / (order - 1) * least


@pytest.mark.parametrize("order", [0.93, 0.999, 1.0, 1.07, 2.0, 300.0])
def test_slopes_are_derivatives(order):
    values = np.array([0.5, 0.3, 0.15, 0.05])
    found, step = slopes(values, order, 1.0), 1e-6
    for i in range(4):
        ends = [values.copy() for _ in range(2)]
        ends[0][i] *= 1 + step
        ends[1][i] *= 1 - step
        numeric = np.subtract(*(float(spectra.spectral_entropy(v, order)) for v in ends))
        assert found[i] == pytest.approx(numeric / (2 * step), rel=1e-5, abs=1e-8)


def test_copies_have_a_bandwidth_of_their_own():
    places = np.eye(6)[np.arange(120) % 6]
    found = [
        im.DiffusionSpectralEntropy(kernel="adaptive", uncertainty="none", units="bits")
        .fit(c * places).estimate().value
        for c in (0.1, 1, 10)
    ]  # fmt: skip
    assert found == pytest.approx([found[0]] * 3, rel=1e-9)
    assert found[0] <= math.log2(6)


def test_classes_of_many_rows_say_how_they_were_found(monkeypatch):
    monkeypatch.setattr(diffusion_information, "FEW", 150)  # of which many have more
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 400)
    x = rng.normal(size=(400, 4)) + y[:, None]
    exact, near = (
        im.DiffusionConditionalEntropy(sigma=1.0, solver=solver, uncertainty="none")
        .fit(x, np.where(np.arange(400) < 300, 0, y)).estimate()
        for solver in ("exact", "lanczos")
    )  # fmt: skip
    assert exact.diagnostics["solver"] == "exact"
    assert near.diagnostics["solver"] == "lanczos"
    assert near.value == pytest.approx(exact.value, abs=0.005)
    assert near.value != exact.value


def test_influence_alone_is_not_relied_on():
    few = im.DiffusionSpectralEntropy(uncertainty="delta").fit(X[:200]).estimate()
    assert not few.diagnostics["reliable"]
    assert "jackknife" in few.diagnostics["reasons"][0]


def test_intervals_end_where_values_do():
    apart = im.DiffusionSpectralEntropy(sigma=2.0).fit(X[:100]).estimate(rng=0)
    assert apart.ci.high <= math.log(100)
    assert im.RankMe().fit(X[:40, :3]).estimate(rng=0).ci.high <= 3


@pytest.mark.parametrize(("solver", "bits"), [("auto", 32), ("exact", 64)])
def test_exact_keeps_the_precision(monkeypatch, solver, bits):
    monkeypatch.setattr(spectrum, "DOUBLE", 50)
    s = im.DiffusionSpectralEntropy(sigma=5.0, solver=solver).fit(X).state_
    found = np.asarray(spectra.eigenvalues_of(s, (0,), "diffusion"))
    assert found.dtype == f"float{bits}"
    value = float(spectra.DiffusionSpectralEntropy().value(s)) / math.log(2)
    assert value == pytest.approx(5.4855740012, abs=BITS if bits == 64 else 1e-5)


def test_columns_are_told_by_their_names():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(SMALL[:, :3], columns=["a", "b", "c"])
    whole = im.DiffusionSpectralEntropy(sigma=3.0, uncertainty="none").fit(frame)
    parts = im.DiffusionSpectralEntropy(sigma=3.0, uncertainty="none").fit(frame[:40])
    parts.partial_fit(frame.loc[40:, ["c", "a", "b"]])
    assert parts.estimate().value == pytest.approx(whole.estimate().value, rel=1e-12)


def test_unlike_bandwidths_do_not_merge():
    one, other = (im.DiffusionSpectralEntropy().fit(X[i::2]) for i in (0, 1))
    with pytest.raises(MergeError, match="bandwidths differ") as error:
        one.merge(other)
    assert "sigma=" in error.value.hint


def test_one_rule_for_what_classes_are_whatever_holds_them():
    pd, torch = pytest.importorskip("pandas"), pytest.importorskip("torch")
    hot, alone = np.eye(4)[LABELS], LABELS[:, None]
    made = im.DiffusionSpectralMI(uncertainty="none")
    for given in (hot, hot.tolist(), pd.DataFrame(hot), torch.tensor(hot), hot > 0):
        assert made.fit(SMALL, given).kind_ == "representation"
    for given in (LABELS, LABELS.tolist(), pd.Series(LABELS), torch.tensor(LABELS), alone):
        assert made.fit(SMALL, given).kind_ == "classes"
    told = im.DiffusionSpectralMI(target="classes", uncertainty="none").fit(SMALL, hot)
    assert told.estimate().value == made.fit(SMALL, LABELS).estimate().value


def test_classes_that_tell_nothing():
    with pytest.raises(DataError, match="class"):
        im.DiffusionSpectralMI(target="classes").fit(SMALL, np.arange(90))
    assert dsmi(np.ones((40, 2)), np.repeat(["a", "b"], 20)) == pytest.approx(0, abs=1e-10)


# --- defects of the published packages ------------------------------------------------------


@pytest.mark.parametrize(("x", "s", "shipped", "half", "whole"), [
    (X, 2.0, 8.9075, 8.8314, 8.7505),
    (X, 5.0, 5.4856, 5.5185, 5.5505),
    (B, 1.0, 8.4538, 8.4013, 8.3449),
])  # fmt: skip
def test_density_power_is_that_of_its_name(x, s, shipped, half, whole):
    """What ships as one half has the spectrum of zero."""
    for alpha, bits in ((0, shipped), (0.5, half), (1, whole)):
        assert dse(x, sigma=s, alpha=alpha) == pytest.approx(bits, abs=1e-4)


@pytest.mark.parametrize(("s", "n", "bits"), [(2.0, 100, 6.643), (2.0, 400, 8.638)])
def test_narrow_bandwidth_is_flagged_as_counting_rows(s, n, bits):
    e = im.DiffusionSpectralEntropy(sigma=s, units="bits").fit(W[:n] * 1.0)
    with pytest.warns(ReliabilityWarning):
        r = e.estimate(uncertainty="none")
    assert r.value == pytest.approx(math.log2(n), abs=0.02)
    assert bits == pytest.approx(math.log2(n), abs=0.02)


def test_null_is_known():
    """Shuffled labels have .02 bits as published; the same are zero in the mean here."""
    e = im.DiffusionSpectralMI(sigma=5.0).fit(X[:200], Y[:200])
    r = e.test(method=im.Permutation(39), rng=0)
    assert r.pvalue == pytest.approx(1 / 40)
    assert abs(r.diagnostics["null_mean"]) < 2 * r.diagnostics["null_sd"]
    assert r.value > 50 * r.diagnostics["null_sd"]
    shuffled = im.DiffusionSpectralMI(sigma=5.0).fit(X[:200], P[:200])
    assert shuffled.test(method=im.Permutation(39), rng=0).pvalue > 0.05


def test_neither_generators_nor_filters_of_the_user_are_touched():
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    before = random.getstate(), np.random.get_state()[1].copy(), list(warnings.filters)  # noqa: NPY002
    dsmi(SMALL, LABELS, parity=True)
    im.DiffusionSpectralEntropy().fit(SMALL).estimate(rng=0)
    assert random.getstate() == before[0]
    assert (np.random.get_state()[1] == before[1]).all()  # noqa: NPY002
    assert list(warnings.filters) == before[2]


def test_data_are_not_overwritten():
    x, matrix = SMALL.copy(), np.exp(-cdist(SMALL, SMALL))
    held = matrix.copy()
    im.DiffusionSpectralEntropy().fit(x).estimate(rng=0)
    im.DiffusionSpectralEntropy(kernel="precomputed").fit(matrix).estimate(rng=0)
    dsmi(x, LABELS)
    np.testing.assert_array_equal(x, SMALL)
    np.testing.assert_array_equal(matrix, held)


def test_data_of_the_same_place_are_not_taken_from_a_cache():
    x = SMALL.copy()
    e = im.DiffusionSpectralEntropy().fit(x)
    first = e.estimate(uncertainty="none").value
    x[:] = 0.5 * x + np.arange(90)[:, None]
    assert e.fit(x).estimate(uncertainty="none").value != pytest.approx(first, abs=1e-6)


# --- numpy and torch -------------------------------------------------------------------------


def test_torch_gives_the_same_numbers():
    torch = pytest.importorskip("torch")
    x, y = torch.tensor(SMALL), torch.tensor(LABELS)
    assert dse(x) == pytest.approx(dse(SMALL), abs=1e-10)
    assert dse(x.float()) == pytest.approx(dse(SMALL), abs=1e-5)
    assert dse(SMALL.astype(np.float32)) == pytest.approx(dse(SMALL), abs=1e-5)
    for other in (y, LABELS, LABELS.tolist()):
        assert dsmi(x, other) == pytest.approx(dsmi(SMALL, LABELS), abs=1e-10)
    both = dsmi(x[:, :5], SMALL[:, 5:])  # a tensor beside an array
    assert both == pytest.approx(dsmi(SMALL[:, :5], SMALL[:, 5:]), abs=1e-10)
    for kernel in ("adaptive", "knn"):
        assert dse(x, kernel=kernel) == pytest.approx(dse(SMALL, kernel=kernel), abs=1e-9)


def test_interval_of_a_tensor_is_that_of_the_array():
    torch = pytest.importorskip("torch")
    for x in (torch.tensor(SMALL), torch.tensor(SMALL, requires_grad=True)):
        a, b = (im.diffusion_spectral_entropy(v, rng=0) for v in (x, SMALL))
        assert a.value == pytest.approx(b.value, abs=1e-10)
        assert a.se == pytest.approx(b.se, rel=1e-8)
    half = im.diffusion_spectral_entropy(torch.tensor(SMALL).half(), method="none")
    assert half.value == pytest.approx(b.value, abs=1e-2)


@pytest.mark.parametrize(
    ("t", "alpha", "order"), [(1.0, 0.0, 1.0), (2.0, 0.5, 1.0), (1.0, 1.0, 2.0)]
)
def test_gradients_against_differences(t, alpha, order):
    torch = pytest.importorskip("torch")
    rows = SMALL[:12, :3]

    def entropy(x):
        operator = spectra.diffusion_operator(Kernel(sigma=2.0).gram(x), alpha)
        return spectra.spectral_entropy(torch.linalg.eigvalsh(operator), order, t)

    x = torch.tensor(rows, requires_grad=True)
    (found,) = torch.autograd.grad(entropy(x), x)
    step, want = 1e-5, np.empty(rows.shape)
    for i, j in np.ndindex(*rows.shape):
        e = np.zeros(rows.shape)
        e[i, j] = step
        up, down = (float(entropy(torch.tensor(rows + sign * e))) for sign in (1, -1))
        want[i, j] = (up - down) / (2 * step)
    np.testing.assert_allclose(found.numpy(), want, atol=1e-7)


# --- the state ----------------------------------------------------------------------------------


def test_parts_join_to_the_whole():
    kernels = [Kernel(sigma=3.0)]
    parts = [Spectrum.of(SMALL[i::3], kernels=kernels) for i in range(3)]
    whole = parts[0] + parts[1] + parts[2]
    found = im.infer(spectra.DiffusionSpectralEntropy(), whole, "none", units="bits")
    assert found.value == pytest.approx(oracle_dse(SMALL, 3.0), abs=1e-10)
    e = im.DiffusionSpectralEntropy(sigma=3.0, units="bits").fit(SMALL[:40])
    e.partial_fit(SMALL[40:])
    assert e.estimate(uncertainty="none").value == pytest.approx(oracle_dse(SMALL, 3.0), abs=1e-10)
    with pytest.raises(MergeError, match="cannot be joined"):
        parts[0] + Spectrum.of(SMALL, kernels=[Kernel(sigma=4.0)])


def test_learned_bandwidth_stays_where_more_rows_come():
    e = im.DiffusionSpectralEntropy().fit(SMALL[:50])
    sigma = e.state_.kernels[0].sigma
    assert e.estimate(SMALL[50:], uncertainty="none").diagnostics["sigma"] == sigma
    e.partial_fit(SMALL[50:])
    assert e.state_.kernels[0].sigma == sigma
    assert e.state_.size == 90


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_json_keeps_the_state(dtype):
    s = Spectrum.of(
        SMALL.astype(dtype), LABELS, kinds=("continuous", "discrete"),
        kernels=[Kernel(sigma=3.0, learned=True, centred=True), Kernel("delta")], solver="exact",
    )  # fmt: skip
    again = Spectrum.from_dict(json.loads(json.dumps(s.to_dict())))
    assert again.to_dict() == s.to_dict()
    assert again.kernels[0].centred
    assert again.kernels[0].learned
    assert again.variables[0].dtype == dtype
    np.testing.assert_array_equal(again.variables[0], s.variables[0])


def test_functions_and_matrices_are_not_written():
    s = Spectrum.of(SMALL, kernels=[Kernel("callable", function=lambda x, y: x @ y.T)])
    with pytest.raises(DataError, match="cannot be written") as e:
        s.to_dict()
    assert e.value.hint


@pytest.mark.parametrize("strategy", ["subsampling", "bootstrap", "ncx2", "chi2", "partitions"])
def test_strategies_that_do_not_hold_are_refused_with_advice(strategy):
    e = im.DiffusionSpectralEntropy().fit(SMALL)
    with pytest.raises(UnsupportedError) as caught:
        e.estimate(uncertainty=strategy)
    assert "jackknife" in caught.value.hint or "auto" in caught.value.hint


def test_entropies_have_nothing_to_permute_under():
    with pytest.raises(UnsupportedError, match="nothing there"):
        im.DiffusionSpectralEntropy().fit(SMALL).test()


def test_jackknife_leaves_out_every_row_once():
    e = im.DiffusionSpectralEntropy(sigma=3.0).fit(SMALL)
    r = e.estimate(uncertainty=im.Jackknife(n_groups=90), rng=0)
    left = np.array([oracle_dse(np.delete(SMALL, i, axis=0), 3.0) for i in range(90)])
    left *= math.log(2)
    plain = math.sqrt(89 / 90 * ((left - left.mean()) ** 2).sum())
    assert plain / math.sqrt(2) <= r.se <= plain * (1 + 1e-9)  # less what is counted twice
    np.testing.assert_allclose(sorted(r.replicates), sorted(left), atol=1e-10)


def test_same_seed_same_bits():
    e = im.DiffusionSpectralMI().fit(SMALL, LABELS)
    assert e.estimate(rng=3).to_dict() == e.estimate(rng=3).to_dict()


ONE = Spectrum.of(SMALL, kernels=[Kernel(sigma=4.0)])
CLASSED = Spectrum.of(
    SMALL, LABELS, kinds=("continuous", "discrete"), kernels=[Kernel(sigma=4.0), Kernel("delta")]
)
PAIR = Spectrum.of(SMALL[:, :5], SMALL[:, 5:], kernels=[Kernel(sigma=4.0)] * 2)
LINEAR = Spectrum.of(SMALL, kernels=[Kernel("linear")])
CASES = [
    (spectra.MatrixEntropy(), ONE),
    (spectra.DiffusionSpectralEntropy(), ONE),
    (spectra.EffectiveNumber(), ONE),
    (spectra.ConditionalMatrixEntropy(), PAIR),
    (spectra.MatrixInformation(), CLASSED),
    (diffusion_information.ConditionalDiffusionEntropy(), CLASSED),
    (diffusion_information.DiffusionInformation(), CLASSED),
    (diffusion_information.DiffusionInformation(n_orders=3), PAIR),
    (representation.EigenvalueDecay(), LINEAR),
    (representation.DiscriminantEntropy(), CLASSED),
    (representation.DiscriminantRank(), CLASSED),
    (representation.KernelAlignment(), PAIR),
]


def concrete(kind):
    for sub in kind.__subclasses__():
        yield sub
        yield from concrete(sub)


def test_every_functional_of_spectra_is_checked():
    kinds = {*concrete(spectra.SpectralFunctional), *concrete(spectra.EffectiveNumber)}
    public = {k.__name__ for k in kinds if k.__module__.startswith("infometric.functional")}
    checked = {type(f).__name__ for f, _ in CASES} | {"SpectralSum"}
    assert public - checked == set()


@pytest.mark.parametrize(("functional", "s"), CASES, ids=lambda c: getattr(c, "name", ""))
def test_strategies_of_spectra(functional, s):
    found = check_strategies(functional, s)
    assert {"none", "jackknife"} <= set(found)
    assert set(found) <= {"none", "jackknife", "permutation", "delta"}
    assert ("permutation" in found) is functional.least
    assert len({r.value for r in found.values()}) == 1  # the strategy leaves the estimate alone
    r = found["jackknife"]
    assert r.se > 0
    assert r.ci.low < r.value < r.ci.high


def test_spectra_obey_the_laws_of_a_state(rng):
    for kernel in (Kernel(sigma=2.0), Kernel("linear", centred=True), Kernel("adaptive")):
        parts = (Spectrum.of(rng.normal(size=(k, 3)), kernels=[kernel]) for k in (5, 9, 40))
        check_state(*parts)


def test_ten_lines_make_a_measure():
    class SpectralGap(spectra.SpectralFunctional):
        name, units, variables = "spectral_gap", "dimensionless", 1

        def value(self, s):
            found = spectra.eigenvalues_of(s, (0,), "diffusion")
            return np.asarray(found[-1] - found[-2])

    r = im.infer(SpectralGap(), ONE, rng=0)
    found = walk_spectrum(SMALL, 4.0)
    assert r.value == pytest.approx(found[-1] - found[-2], abs=1e-10)
    assert r.ci.low < r.value < r.ci.high
    assert im.Result.from_json(r.to_json()).to_dict() == r.to_dict()
    with pytest.raises(UnsupportedError, match="1 variable") as caught:
        im.infer(SpectralGap(), PAIR)
    assert caught.value.hint
    with pytest.raises(UnsupportedError, match="spectrum"):
        im.infer(SpectralGap(), im.Sample.of(SMALL))


# --- kernels that are given --------------------------------------------------------------------


def test_known_similarities():
    similar = np.exp(-cdist(SMALL, SMALL, "sqeuclidean") / 18)
    want = oracle_dse(SMALL, 3.0)
    assert dse(similar, kernel="precomputed") == pytest.approx(want, abs=1e-10)
    called = dse(SMALL, kernel=lambda x, y: np.exp(-cdist(x, y, "sqeuclidean") / 18))
    assert called == pytest.approx(want, abs=1e-10)
    e = im.DiffusionSpectralEntropy(kernel="precomputed", units="bits").fit(similar)
    other = e.estimate(similar[:50, :50], uncertainty="none").value
    assert other == pytest.approx(oracle_dse(SMALL[:50], 3.0), abs=1e-10)
    a, b = (
        im.DiffusionSpectralEntropy(kernel=k, sigma=3.0).fit(x).estimate(rng=1).se
        for k, x in (("precomputed", similar), ("gaussian", SMALL))
    )
    assert a == pytest.approx(b, rel=1e-9)
    assert dsmi(similar, LABELS, kernel="precomputed") == pytest.approx(
        dsmi(SMALL, LABELS, sigma=3.0), abs=1e-10
    )


@pytest.mark.parametrize(("kernel", "x", "match"), [
    ("precomputed", SMALL, "symmetric"),
    ("precomputed", np.triu(np.ones((5, 5))), "symmetric"),
    ("precomputed", -np.eye(4), "walk"),
    ("precomputed", np.zeros((4, 4)), "walk"),
    (lambda x, y: np.ones(len(x)), SMALL, "each pair"),
    (lambda x, y: x @ y.T - 1e3, SMALL, "walk"),
], ids=["rows", "triangle", "negative", "zero", "vector", "negative function"])  # fmt: skip
def test_kernels_that_are_none(kernel, x, match):
    with pytest.raises(DataError, match=match) as caught:
        dse(x, kernel=kernel)
    assert caught.value.hint


# --- bad input -----------------------------------------------------------------------------------

NAN = np.where(np.arange(90)[:, None] == 7, np.nan, SMALL)
BAD = {
    "two rows": (SMALL[:2], None),
    "one row": (SMALL[:1], None),
    "no rows": (SMALL[:0], None),
    "no columns": (SMALL[:, :0], None),
    "nan": (NAN, None),
    "infinite": (np.where(np.isnan(NAN), np.inf, NAN), None),
    "complex": (SMALL + 1j, None),
    "object": (np.array([[object()], [object()], [object()]]), None),
    "text": (np.array([["a"], ["b"], ["c"]]), None),
    "cube": (SMALL.reshape(90, 4, 4), None),
    "masked": (np.ma.masked_greater(SMALL, 5), None),
    "number": (3.0, None),
    "none": (None, None),
    "no such file": ("nowhere.parquet", None),
}
BAD_PAIRS = {
    "y none": (SMALL, None),
    "lengths": (SMALL, LABELS[:80]),
    "a class a row": (SMALL, np.arange(90).astype(str)),
    "cube y": (SMALL, SMALL.reshape(90, 4, 4)),
    "nan y": (SMALL, NAN[:, 0]),
    "complex y": (SMALL, LABELS + 1j),
    "empty y": (SMALL, LABELS[:0]),
    "no such column": (SMALL, "label"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_rows(name):
    x, _ = BAD[name]
    with pytest.raises(InfometricError) as caught:
        dse(x)
    assert caught.value.hint, caught.value


@pytest.mark.parametrize("name", BAD_PAIRS)
def test_bad_pairs(name):
    with pytest.raises(InfometricError) as caught:
        dsmi(*BAD_PAIRS[name])
    assert caught.value.hint, caught.value


def test_bad_tensors():
    torch = pytest.importorskip("torch")
    x = torch.tensor(SMALL)
    for bad in (
        x[:0],
        x + 1j,
        x.to_sparse(),
        x.to_sparse_csr(),
        torch.zeros(9, 2, 2),
        torch.tensor(1.0),
        x * np.nan,
    ):
        with pytest.raises(DataError) as caught:
            dse(bad)
        assert caught.value.hint


@pytest.mark.parametrize("options", [
    {"sigma": 0}, {"sigma": -1}, {"sigma": "x"}, {"sigma": math.nan}, {"sigma": math.inf},
    {"sigma": True}, {"sigma": None}, {"t": 0}, {"t": -1}, {"alpha": 2}, {"alpha": -0.1},
    {"order": -1}, {"order": "one"}, {"kernel": "cosine"}, {"kernel": "rbf"}, {"n_neighbors": 0},
    {"n_neighbors": 2.5}, {"solver": "fast"}, {"units": "bytes"}, {"parity": "yes"},
    {"uncertainty": "magic"},
], ids=str)  # fmt: skip
def test_bad_parameters(options):
    with pytest.raises(InvalidParameterError) as caught:
        im.DiffusionSpectralEntropy(**options).fit(SMALL)
    assert "Got" in str(caught.value)
    assert caught.value.hint


def test_one_class_tells_nothing():
    assert dsmi(SMALL, np.full(90, "a")) == pytest.approx(0, abs=1e-10)


def test_more_neighbours_than_rows():
    assert math.isfinite(dse(SMALL[:8], kernel="adaptive", n_neighbors=50))
    assert math.isfinite(dse(SMALL[:8], kernel="knn", n_neighbors=50))


def test_shapes_and_types_of_numbers():
    want = dse(SMALL)
    assert dse(np.asfortranarray(SMALL)) == pytest.approx(want, abs=1e-10)
    assert dse(np.repeat(SMALL, 2, axis=1)[:, ::2]) == pytest.approx(want, abs=1e-10)
    assert dse(SMALL[::-1]) == pytest.approx(want, abs=1e-10)
    assert dse(SMALL.tolist()) == pytest.approx(want, abs=1e-10)
    whole = np.rint(SMALL * 3).astype(np.int8)
    assert dse(whole) == pytest.approx(dse(whole.astype(float)), abs=1e-10)
    assert dse(SMALL[:, 0] > 0) == pytest.approx(dse((SMALL[:, 0] > 0).astype(float)), abs=1e-10)
    assert dse(SMALL[:, 0]) == pytest.approx(dse(SMALL[:, :1]), abs=1e-10)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_and_files(library, tmp_path):
    frame = pytest.importorskip(library)
    columns = {f"c{i}": SMALL[:, i] for i in range(16)} | {"label": np.array(list("abcd"))[LABELS]}
    table = frame.DataFrame(columns)
    want = dsmi(SMALL, LABELS)
    assert dsmi(table, "label") == pytest.approx(want, abs=1e-10)
    file = tmp_path / "rows.parquet"
    table.to_parquet(file) if library == "pandas" else table.write_parquet(file)
    assert dsmi(str(file), "label") == pytest.approx(want, abs=1e-10)
    with pytest.raises(DataError, match="label"):
        dse(table)  # text is no coordinate


def test_failed_fit_leaves_no_traces():
    e = im.DiffusionSpectralEntropy().fit(SMALL)
    before = e.estimate(uncertainty="none").value
    with pytest.raises(DataError):
        e.fit(NAN)
    assert e.estimate(uncertainty="none").value == before
    with pytest.raises(DataError, match="features"):
        e.estimate(SMALL[:, :3])
