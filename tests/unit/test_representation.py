"""Ranks, matrix information, discriminant rank and alignment against numpy and identities."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.spatial.distance import cdist

import infometric as im
from infometric.exceptions import (
    DataError,
    InfometricError,
    InfometricWarning,
    InvalidParameterError,
    MergeError,
    UnsupportedError,
)
from infometric.functional import representation, spectra
from infometric.state.kernels import Kernel
from infometric.state.spectrum import Spectrum

pytestmark = pytest.mark.filterwarnings("ignore::infometric.exceptions.InfometricWarning")

_r = np.random.default_rng(1)
Y = _r.integers(0, 4, 600)
_M = _r.normal(size=(4, 16)) * 3
X = _M[Y] + _r.normal(size=(600, 16))
SMALL, LABELS = X[:80], Y[:80]
OTHER = SMALL[:, :6] @ _r.normal(size=(6, 5)) + 2 * _r.normal(size=(80, 5))
RANKS = [im.RankMe, im.ParticipationRatio, im.StableRank, im.AlphaReQ]
PAIRED = [
    im.MatrixJointEntropy,
    im.MatrixConditionalEntropy,
    im.MatrixMutualInformation,
    im.LiDAR,
    im.KernelAlignment,
]


def value(estimator, *data):
    return estimator.fit(*data).estimate(uncertainty="none").value


def name(case):
    return case.__name__ if isinstance(case, type) else ""


def matrix_entropy(*grams, order=1.0):
    """Entropy in nats of the product of some Gram matrices, by numpy."""
    found = np.linalg.eigvalsh(np.prod(grams, axis=0))
    p = found[found > 1e-13] / found[found > 1e-13].sum()
    if order == 1:
        return float(-(p * np.log(p)).sum())
    return float(-np.log(p.max()) if math.isinf(order) else np.log((p**order).sum()) / (1 - order))


def gaussian(x, s):
    return np.exp(-cdist(x, x, "sqeuclidean") / (2 * s * s))


# --- ranks -------------------------------------------------------------------------------------


def test_published_ranks():
    assert value(im.RankMe(), X) == pytest.approx(11.354303641824, abs=1e-10)
    found = value(im.MatrixEntropy(kernel="cosine", units="bits"), X)
    assert found == pytest.approx(2.546390536724, abs=1e-10)
    found = value(im.MatrixEntropy(2, kernel="cosine", units="bits"), X)
    assert found == pytest.approx(2.110972999936, abs=1e-10)


@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("x", [SMALL, SMALL[:9], SMALL[:, :1], 50 + SMALL])
def test_ranks_against_numpy(x, centred):
    rows = x - x.mean(0) if centred else x
    s = np.linalg.svd(rows, compute_uv=False)
    p = s / s.sum()
    p = p[p > 1e-12]
    lam = s**2
    assert value(im.RankMe(centred=centred), x) == pytest.approx(np.exp(-(p * np.log(p)).sum()))
    ratio = lam.sum() ** 2 / (lam**2).sum()
    assert value(im.ParticipationRatio(centred=centred), x) == pytest.approx(ratio)
    assert value(im.StableRank(centred=centred), x) == pytest.approx(lam.sum() / lam[0])


def test_participation_ratio_is_that_of_the_covariance():
    lam = np.linalg.eigvalsh(np.cov(SMALL.T))
    want = lam.sum() ** 2 / (lam**2).sum()
    assert value(im.ParticipationRatio(), SMALL) == pytest.approx(want)


def test_decay_against_numpy():
    lam = np.linalg.eigvalsh(np.cov(SMALL.T))[::-1]
    i = np.arange(1, 17)
    want = -np.polyfit(np.log(i), np.log(lam), 1, w=i**-0.5)[0]
    assert value(im.AlphaReQ(), SMALL) == pytest.approx(want)
    part = slice(2, 9)
    want = -np.polyfit(np.log(i[part]), np.log(lam[part]), 1, w=i[part] ** -0.5)[0]
    assert value(im.AlphaReQ(ranks=(3, 9)), SMALL) == pytest.approx(want)
    raw = np.linalg.svd(SMALL, compute_uv=False) ** 2
    want = -np.polyfit(np.log(i), np.log(raw), 1, w=i**-0.5)[0]
    assert value(im.AlphaReQ(centred=False), SMALL) == pytest.approx(want)


def test_decay_of_a_known_power(rng):
    turn = np.linalg.qr(rng.normal(size=(40, 40)))[0]
    rows = np.linalg.qr(rng.normal(size=(90, 40)))[0] * np.arange(1, 41.0) ** -0.75 @ turn
    assert value(im.AlphaReQ(centred=False), rows) == pytest.approx(1.5, abs=1e-9)


@pytest.mark.parametrize("make", RANKS, ids=name)
def test_ranks_are_free_of_scale_rotation_and_order(make, rng):
    turn = np.linalg.qr(rng.normal(size=(16, 16)))[0]
    want = value(make(), SMALL)
    assert value(make(), 1e3 * SMALL) == pytest.approx(want, rel=1e-9)
    assert value(make(), 1e-3 * SMALL[rng.permutation(80)] @ turn) == pytest.approx(want, rel=1e-9)


@pytest.mark.parametrize("make", RANKS[:3], ids=name)
def test_ranks_of_constant_rows(make):
    e = make(centred=True).fit(np.full((20, 4), 0.1))
    with pytest.warns(InfometricWarning, match="alike"):
        assert e.estimate(uncertainty="none").value == pytest.approx(1.0)


def test_rank_of_columns_that_copy_each_other():
    one = np.arange(30.0)[:, None] * np.ones((1, 6))
    for make in RANKS[:3]:
        assert value(make(centred=True), one) == pytest.approx(1.0, abs=1e-6)


def test_diagnostics_of_ranks():
    r = im.RankMe().fit(SMALL).estimate(rng=0)
    assert r.diagnostics["share_of_full_rank"] == pytest.approx(r.value / 16)
    assert r.diagnostics["share_of_log_n"] == pytest.approx(math.log(r.value) / math.log(80))
    assert r.ci.low < r.value < r.ci.high
    assert r.ci.low >= 1
    assert r.units == "dimensionless"


@pytest.mark.parametrize("make", [*RANKS, im.VendiScore], ids=name)
def test_ranks_of_tensors(make):
    torch = pytest.importorskip("torch")
    want = make().fit(SMALL).estimate(rng=0)
    found = make().fit(torch.tensor(SMALL)).estimate(rng=0)
    assert found.value == pytest.approx(want.value, rel=1e-9)
    assert found.se == pytest.approx(want.se, rel=1e-6)
    single = value(make(), torch.tensor(SMALL).float())
    assert single == pytest.approx(want.value, rel=1e-5)


def test_centred_kernels():
    rows = SMALL - SMALL.mean(0)
    np.testing.assert_allclose(Kernel("linear", centred=True).gram(SMALL), rows @ rows.T, atol=1e-9)
    h = np.eye(80) - 1 / 80
    want = h @ gaussian(SMALL, 3.0) @ h
    kernel = Kernel(sigma=3.0, centred=True)
    np.testing.assert_allclose(kernel.gram(SMALL), want, atol=1e-12)
    assert kernel.key != Kernel(sigma=3.0).key
    with pytest.raises(DataError, match="two rows alone"):
        kernel.between(SMALL, SMALL)


# --- Vendi scores ------------------------------------------------------------------------------


@pytest.mark.parametrize(("q", "cosine", "wide"), [
    (0.5, 8.815503663732047, 169.4740977781627),
    (1.0, 5.841709175941, 42.79260431791269),
    (2.0, 4.319825392964398, 12.837533071649293),
    (math.inf, 2.838379041611947, 6.4476903352838315),
])  # fmt: skip
def test_vendi_scores_of_the_published_package(q, cosine, wide):
    """vendi-score 0.0.3: score_dual and score_K, whose ``score_X`` ignores the order."""
    assert value(im.VendiScore(q), X) == pytest.approx(cosine, rel=1e-9)
    primal = X / np.linalg.norm(X, axis=1)[:, None]
    known = value(im.VendiScore(q, kernel="precomputed"), primal @ primal.T)
    # a root of the rounding of zeros is not small
    assert known == pytest.approx(cosine, rel=1e-9 if q >= 1 else 1e-6)
    e = im.VendiScore(q, kernel="gaussian", sigma=5.0)
    assert value(e, X) == pytest.approx(wide, rel=1e-9)


def test_vendi_score_of_order_zero_is_the_rank(rng):
    assert value(im.VendiScore(0), X) == pytest.approx(16)
    assert value(im.VendiScore(0), np.repeat(np.eye(5), 7, axis=0)) == pytest.approx(5)
    low = rng.normal(size=(60, 3)) @ rng.normal(size=(3, 40))
    assert value(im.VendiScore(0), low) == pytest.approx(3)
    assert value(im.VendiScore(0, kernel="linear"), low @ np.diag(np.full(40, 1e-3))) == (
        pytest.approx(3)
    )


def test_vendi_scores_of_functions():
    def jaccard(x, y):
        both = (np.minimum(x[:, None], y)).sum(-1)
        return both / np.maximum(x[:, None], y).sum(-1)

    bits = (np.random.default_rng(0).random((40, 12)) < 0.4).astype(float)
    bits[:, 0] = 1
    want = np.exp(matrix_entropy(jaccard(bits, bits)))
    assert value(im.VendiScore(kernel=jaccard), bits) == pytest.approx(want)
    r = im.VendiScore(kernel=jaccard).fit(bits).estimate(rng=0)
    assert r.ci.low < r.value < r.ci.high


# --- matrix-based entropies of two variables -----------------------------------------------------


@pytest.mark.parametrize("order", [0.5, 1.0, 2.0, 3.0])
@pytest.mark.parametrize("classes", [True, False])
def test_matrix_entropies_against_numpy(order, classes):
    a = gaussian(SMALL, 4.0)
    b = (LABELS[:, None] == LABELS) * 1.0 if classes else gaussian(OTHER, 3.0)
    y = LABELS if classes else OTHER
    joint, one, other = (matrix_entropy(*g, order=order) for g in ((a, b), (a,), (b,)))
    options = {"sigma": 4.0, "sigma_y": 3.0}
    slack = 1e-9 if order >= 1 else 1e-4
    assert value(im.MatrixJointEntropy(order, **options), SMALL, y) == pytest.approx(
        joint, abs=slack
    )
    assert value(im.MatrixConditionalEntropy(order, **options), SMALL, y) == pytest.approx(
        joint - other, abs=slack
    )
    found = value(im.MatrixMutualInformation(order, **options), SMALL, y)
    assert found == pytest.approx(one + other - joint, abs=slack)


def test_identities_of_matrix_information():
    a, b = SMALL, OTHER
    both = value(im.MatrixJointEntropy(), a, b)
    h, g = value(im.MatrixEntropy(), a), value(im.MatrixEntropy(), b)
    i = value(im.MatrixMutualInformation(), a, b)
    assert both == pytest.approx(g + value(im.MatrixConditionalEntropy(), a, b), abs=1e-12)
    assert i == pytest.approx(h - value(im.MatrixConditionalEntropy(), a, b), abs=1e-12)
    assert i == pytest.approx(value(im.MatrixMutualInformation(), b, a), abs=1e-12)
    assert max(h, g) <= both + 1e-12
    assert both <= h + g + 1e-12
    # together with itself: the kernel squared, that is a narrower one
    twice = value(im.MatrixJointEntropy(sigma=4.0, sigma_y=4.0), a, a)
    assert twice == pytest.approx(value(im.MatrixEntropy(sigma=4.0 / math.sqrt(2)), a), abs=1e-10)
    classes = value(im.MatrixJointEntropy(), np.eye(4)[LABELS] * 1e3, LABELS)
    p = np.bincount(LABELS) / 80
    assert classes == pytest.approx(-(p * np.log(p)).sum(), abs=1e-9)  # H(A, A) = H(A)


def test_order_two_without_eigenvalues():
    a, b = gaussian(SMALL, 4.0), gaussian(OTHER, 3.0)
    want = -np.log(((a * b) ** 2).sum() / 80**2)
    e = im.MatrixJointEntropy(2, sigma=4.0, sigma_y=3.0)
    assert value(e, SMALL, OTHER) == pytest.approx(want, abs=1e-10)


def test_independent_variables_add_up_as_rows_come(rng):
    rest = []
    for n in (60, 600):
        x, y = rng.normal(size=(n, 1)), rng.integers(0, 3, n).astype(str)
        rest.append(value(im.MatrixMutualInformation(), x, y))
    assert 0 < rest[1] < rest[0] / 4
    assert rest[1] < 0.02


def test_permutation_test_of_matrix_information():
    e = im.MatrixMutualInformation().fit(SMALL, LABELS)
    r = e.test(method=im.Permutation(49), rng=0)
    assert r.pvalue == pytest.approx(1 / 50)
    assert 0 < r.diagnostics["null_mean"] < r.value
    mixed = np.random.default_rng(4).permutation(LABELS)
    r = im.MatrixMutualInformation().fit(SMALL, mixed).test(method=im.Permutation(49), rng=0)
    assert r.pvalue > 0.05
    with pytest.raises(UnsupportedError, match="nothing there"):
        im.MatrixJointEntropy().fit(SMALL, LABELS).test()


def test_second_kernel():
    own = value(im.MatrixJointEntropy(kernel="cosine", kernel_y="gaussian", sigma_y=3.0),
                SMALL, OTHER)  # fmt: skip
    unit = SMALL / np.linalg.norm(SMALL, axis=1)[:, None]
    assert own == pytest.approx(matrix_entropy(unit @ unit.T, gaussian(OTHER, 3.0)), abs=1e-9)
    known = value(im.MatrixJointEntropy(kernel="precomputed"), gaussian(SMALL, 4.0),
                  gaussian(OTHER, 3.0))  # fmt: skip
    assert known == pytest.approx(
        value(im.MatrixJointEntropy(sigma=4.0, sigma_y=3.0), SMALL, OTHER), abs=1e-10
    )
    lone = value(im.MatrixJointEntropy(kernel="precomputed", sigma_y=3.0), gaussian(SMALL, 4.0),
                 OTHER[:, 0])  # fmt: skip
    assert lone == pytest.approx(
        matrix_entropy(gaussian(SMALL, 4.0), gaussian(OTHER[:, :1], 3.0)), abs=1e-9
    )


# --- linear discriminant analysis ---------------------------------------------------------------


def discriminant_rank(x, y, delta, absolute=False):
    mean, n = x.mean(0), len(x)
    between, within = np.zeros((2, x.shape[1], x.shape[1]))
    for c in np.unique(y):
        rows = x[y == c]
        between += len(rows) / n * np.outer(rows.mean(0) - mean, rows.mean(0) - mean)
        within += (rows - rows.mean(0)).T @ (rows - rows.mean(0)) / n
    ridge = delta if absolute else delta * np.trace(within) / len(within)
    lam, v = np.linalg.eigh(within + ridge * np.eye(len(within)))
    root = v / np.sqrt(lam) @ v.T
    found = np.linalg.eigvalsh(root @ between @ root)
    p = found[found > 1e-12 * found.max()]
    p = p / p.sum()
    return float(np.exp(-(p * np.log(p)).sum()))


@pytest.mark.parametrize(("delta", "absolute"), [(1e-4, False), (0.3, False), (1e-4, True)])
def test_discriminant_rank_against_numpy(delta, absolute):
    found = value(im.LiDAR(delta=delta, absolute=absolute), SMALL, LABELS)
    assert found == pytest.approx(discriminant_rank(SMALL, LABELS, delta, absolute), rel=1e-8)
    assert 1 <= found <= 3


def test_discriminant_rank_is_free_of_scale_unless_the_ridge_is_not():
    want = value(im.LiDAR(), SMALL, LABELS)
    assert value(im.LiDAR(), 1e-3 * SMALL, LABELS) == pytest.approx(want, rel=1e-9)
    fixed = [value(im.LiDAR(absolute=True), c * SMALL, LABELS) for c in (1e-3, 1.0)]
    assert abs(fixed[0] - fixed[1]) > 1e-3


def test_discriminant_rank_of_known_spaces(rng):
    views = np.repeat(np.arange(50), 6)
    apart = rng.normal(size=(50, 4))[views] + 0.05 * rng.normal(size=(300, 4))
    flat = apart * [1, 1, 1e-9, 1e-9] + 0.05 * rng.normal(size=(300, 4))
    r = im.LiDAR().fit(apart, views).estimate(rng=0)
    assert 3.6 < r.value <= 4
    assert r.diagnostics["left_out"] == "classes"
    assert len(r.replicates) == 20
    assert 1.8 < value(im.LiDAR(), flat, views) < 2.3
    one = np.arange(3.0)[np.arange(60) % 3][:, None]
    assert value(im.LiDAR(), one, np.arange(60) % 3) == pytest.approx(1)  # one column


def test_views_of_a_sample_are_left_out_together(rng):
    views = np.repeat(np.arange(60), 4)
    x = rng.normal(size=(60, 6))[views] + 0.5 * rng.normal(size=(240, 6))
    f = representation.DiscriminantEntropy()
    s = Spectrum.of(x, views, kinds=("continuous", "discrete"),
                    kernels=[Kernel("linear"), Kernel("delta")])  # fmt: skip
    groups = f.dealt(s, 20, rng)
    assert all(len(set(groups[views == v])) == 1 for v in range(60))
    assert np.bincount(groups).tolist() == [12] * 20
    want = [np.log(discriminant_rank(x[groups != g], views[groups != g], 1e-4)) for g in range(20)]
    np.testing.assert_allclose(f.without(s, groups), want, rtol=1e-8)
    many = im.infer(f, s, im.Jackknife(n_groups=100), rng=0)
    assert len(many.replicates) == 60


def test_within_classes_nothing_varies():
    assert value(im.LiDAR(), np.eye(4)[LABELS], LABELS) == pytest.approx(
        discriminant_rank(np.eye(4)[LABELS], LABELS, 1.0, absolute=True), rel=1e-8
    )


# --- alignment ------------------------------------------------------------------------------------


def unbiased(k, q):
    """Dependence of Song et al. (2012), by their formula and nothing else."""
    n = len(k)
    k, q = k - np.diag(np.diag(k)), q - np.diag(np.diag(q))
    one = np.ones(n)
    return (
        np.trace(k @ q)
        + one @ k @ one * (one @ q @ one) / ((n - 1) * (n - 2))
        - 2 / (n - 2) * (one @ k @ q @ one)
    ) / (n * (n - 3))


def biased(k, q):
    h = np.eye(len(k)) - 1 / len(k)
    return np.trace(k @ h @ q @ h) / (len(k) - 1) ** 2


def alignment(k, q, of=unbiased):
    return of(k, q) / math.sqrt(of(k, k) * of(q, q))


@pytest.mark.parametrize(("debiased", "of"), [(True, unbiased), (False, biased)])
def test_alignment_against_numpy(debiased, of, rng):
    wide = rng.normal(size=(80, 300)) + 0.3 * SMALL[:, :1]
    classes = (LABELS[:, None] == LABELS) * 1.0
    for x, y, kx, ky in (
        (SMALL, OTHER, SMALL @ SMALL.T, OTHER @ OTHER.T),
        (SMALL, wide, SMALL @ SMALL.T, wide @ wide.T),
        (SMALL, LABELS, SMALL @ SMALL.T, classes),
        (SMALL, OTHER[:, 0], SMALL @ SMALL.T, np.outer(OTHER[:, 0], OTHER[:, 0])),
    ):
        found = value(im.KernelAlignment(debiased=debiased), x, y)
        assert found == pytest.approx(alignment(kx, ky, of), abs=1e-10)
    e = im.KernelAlignment(kernel="gaussian", sigma=4.0, sigma_y=3.0, debiased=debiased)
    want = alignment(gaussian(SMALL, 4.0), gaussian(OTHER, 3.0), of)
    assert value(e, SMALL, OTHER) == pytest.approx(want, abs=1e-10)
    known = im.KernelAlignment(kernel="precomputed", debiased=debiased)
    found = value(known, gaussian(SMALL, 4.0), gaussian(OTHER, 3.0))
    assert found == pytest.approx(want, abs=1e-10)


def test_blocks_of_rows_are_the_whole(monkeypatch):
    want = value(im.KernelAlignment(kernel="gaussian"), SMALL, OTHER)
    monkeypatch.setattr(representation, "BLOCK", 7)
    monkeypatch.setattr(representation, "LONG_BLOCK", 9)
    monkeypatch.setattr(spectra, "HELD", 10)
    assert value(im.KernelAlignment(kernel="gaussian"), SMALL, OTHER) == pytest.approx(want)
    linear = alignment(SMALL @ SMALL.T, OTHER @ OTHER.T)
    assert value(im.KernelAlignment(), SMALL, OTHER) == pytest.approx(linear, abs=1e-12)


def test_identities_of_alignment(rng):
    turn = np.linalg.qr(rng.normal(size=(16, 16)))[0]
    for kernel in ("linear", "gaussian"):
        e = im.KernelAlignment(kernel=kernel)
        assert value(e, SMALL, SMALL) == pytest.approx(1, abs=1e-12)
        assert value(e, SMALL, 5 * SMALL @ turn + 100) == pytest.approx(1, abs=1e-9)
        both = value(e, SMALL, OTHER)
        assert both == pytest.approx(value(e, OTHER, SMALL), abs=1e-12)
        assert both == pytest.approx(value(e, 1e3 * SMALL @ turn, OTHER - 9), abs=1e-9)
        assert -1 <= both <= 1


def test_debiased_alignment_is_zero_in_the_mean(rng):
    """Where there are ten times more columns than rows the biased one is near one."""
    pairs = [rng.normal(size=(2, 30, 300)) for _ in range(150)]
    plain = [value(im.KernelAlignment(debiased=False), *p) for p in pairs]
    fair = np.array([value(im.KernelAlignment(), *p) for p in pairs])
    assert np.mean(plain) > 0.85
    assert abs(fair.mean()) < 3 * fair.std(ddof=1) / math.sqrt(150)


def test_permutation_test_of_alignment(rng):
    for kernel in ("linear", "gaussian"):
        e = im.KernelAlignment(kernel=kernel).fit(SMALL, OTHER)
        r = e.test(method=im.Permutation(99), rng=0)
        assert r.pvalue == pytest.approx(0.01)
        assert abs(r.diagnostics["null_mean"]) < 5 * r.diagnostics["null_sd"]
        alone = im.KernelAlignment(kernel=kernel).fit(SMALL, rng.normal(size=(80, 5)))
        assert alone.test(method=im.Permutation(99), rng=0).pvalue > 0.02


def test_reordered_rows_are_those_of_a_new_fit(rng):
    order = rng.permutation(80)
    for kernel in ("linear", "gaussian"):
        s = im.KernelAlignment(kernel=kernel).fit(SMALL, OTHER).state_
        f = representation.KernelAlignment()
        fresh = s.with_groups([(SMALL[order], OTHER)])
        assert float(f.reordered(s, order)) == pytest.approx(float(f.statistic(fresh)), rel=1e-9)


def test_alignment_of_tensors():
    torch = pytest.importorskip("torch")
    for kernel in ("linear", "gaussian"):
        want = im.KernelAlignment(kernel=kernel).fit(SMALL, OTHER).estimate(rng=0)
        for pair in ((torch.tensor(SMALL), torch.tensor(OTHER)), (torch.tensor(SMALL), OTHER)):
            found = im.KernelAlignment(kernel=kernel).fit(*pair).estimate(rng=0)
            assert found.value == pytest.approx(want.value, abs=1e-9)
            assert found.se == pytest.approx(want.se, rel=1e-6)
        single = value(im.KernelAlignment(kernel=kernel), torch.tensor(SMALL).float(), OTHER)
        assert single == pytest.approx(want.value, abs=1e-5)
    for e in (im.KernelAlignment(), im.LiDAR(), im.MatrixMutualInformation()):
        assert value(e, torch.tensor(SMALL), LABELS) == pytest.approx(value(e, SMALL, LABELS))


def test_interval_of_alignment_is_inside_of_what_is_possible():
    r = im.KernelAlignment().fit(SMALL, SMALL + 1e-3 * OTHER[:, :1]).estimate(rng=0)
    assert r.ci.low <= r.value <= r.ci.high <= 1
    assert r.diagnostics["biased_value"] == pytest.approx(r.value, abs=1e-3)
    same = im.KernelAlignment().fit(SMALL, SMALL).estimate(rng=0)
    assert same.se == pytest.approx(0, abs=1e-9)


# --- what all of them do -----------------------------------------------------------------------


@pytest.mark.parametrize("make", [*RANKS, *PAIRED], ids=name)
def test_intervals_merging_and_bad_rows(make):
    y = LABELS if make in PAIRED else None
    e = make().fit(SMALL, y)
    r, again = (e.estimate(rng=1) for _ in range(2))
    assert r.to_dict() == again.to_dict()
    assert r.ci.low <= r.value <= r.ci.high
    assert im.Result.from_json(r.to_json()).to_dict() == r.to_dict()
    half = None if y is None else y[40:]
    parts = make().fit(SMALL[:40], None if y is None else y[:40]).partial_fit(SMALL[40:], half)
    if make in RANKS or make in (im.LiDAR, im.KernelAlignment):  # no bandwidth
        assert parts.estimate(uncertainty="none").value == pytest.approx(r.value, rel=1e-8)
    with pytest.raises(MergeError):
        e.merge(make().fit(SMALL[:, :3], y))
    spoilt = SMALL.copy()
    spoilt[3, 5] = np.nan
    for bad in (spoilt, SMALL[:2], SMALL[:0], SMALL.reshape(80, 4, 4)):
        with pytest.raises(InfometricError) as caught:
            make().fit(bad, y)
        assert caught.value.hint


@pytest.mark.parametrize("make", PAIRED, ids=name)
def test_bad_pairs(make):
    for y in (None, LABELS[:70], LABELS[:0], LABELS + 1j, SMALL.reshape(80, 4, 4)):
        with pytest.raises(InfometricError) as caught:
            make().fit(SMALL, y)
        assert caught.value.hint, caught.value


@pytest.mark.parametrize(("make", "x", "y", "match"), [
    (im.LiDAR, SMALL, np.zeros(80, int), "two classes"),
    (im.LiDAR, SMALL, np.arange(80), "class of its own"),
    (im.MatrixMutualInformation, SMALL, np.arange(80).astype(str), "class of its own"),
    (im.KernelAlignment, SMALL[:3], OTHER[:3], "at least 4"),
    (im.KernelAlignment, np.ones((80, 3)), OTHER, "X are alike"),
    (im.KernelAlignment, SMALL, np.full((80, 2), 0.1), "y are alike"),
    (im.KernelAlignment, SMALL, np.full(80, "a"), "y are alike"),
    (im.AlphaReQ, np.ones((80, 3)), None, "two ranks"),
    (im.AlphaReQ, SMALL[:, 0], None, "two ranks"),
])  # fmt: skip
def test_data_that_a_measure_is_not_of(make, x, y, match):
    with pytest.raises(DataError, match=match) as caught:
        make().fit(x, y)
    assert "Got" in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize("estimator", [
    im.AlphaReQ(ranks=(5, 2)), im.AlphaReQ(ranks=(0, 9)), im.AlphaReQ(ranks=7),
    im.AlphaReQ(ranks=(1, 2.5)), im.AlphaReQ(ranks=(1, 2, 3)), im.RankMe(centred="yes"),
    im.LiDAR(delta=0), im.LiDAR(delta="x"), im.KernelAlignment(kernel="rbf"),
    im.KernelAlignment(kernel_y="knn"), im.KernelAlignment(debiased=None),
    im.MatrixJointEntropy(-1), im.MatrixMutualInformation(kernel="linear"),
    im.MatrixConditionalEntropy(target="label"), im.VendiScore(-1), im.VendiScore("inf"),
], ids=str)  # fmt: skip
def test_bad_parameters(estimator):
    with pytest.raises(InvalidParameterError) as caught:
        estimator.fit(SMALL, LABELS)
    assert "Got" in str(caught.value)
    assert caught.value.hint, caught.value


def test_four_rows_are_enough_for_a_value_and_not_for_an_interval():
    r = im.KernelAlignment().fit(SMALL[:4], OTHER[:4]).estimate(rng=0)
    assert math.isfinite(r.value)
    assert math.isnan(r.ci.low)
    assert not r.diagnostics["reliable"]


def test_names_of_classes_mean_nothing():
    named = np.array(["d", "a", "c", "b"])[LABELS]
    for make in PAIRED:
        assert value(make(), SMALL, named) == pytest.approx(value(make(), SMALL, LABELS), abs=1e-10)
