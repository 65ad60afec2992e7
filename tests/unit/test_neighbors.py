"""Information by nearest neighbours: formulas from all distances, invariances, ties, known truths.

Every formula is written here anew with a table of all distances, straight from its paper.
"""

from __future__ import annotations

import contextlib
import math
import warnings

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.special import digamma, ndtri
from sklearn.feature_selection import mutual_info_classif, mutual_info_regression

import infometric as im
from infometric import Sample, oracles
from infometric.exceptions import (
    DataError,
    InfometricError,
    InfometricWarning,
    InvalidParameterError,
)
from infometric.functional.automatic import AutoInformation
from infometric.functional.gaussian import GaussianCopula
from infometric.functional.neighbor_information import (
    KSG1,
    KSG2,
    LNC,
    FrenzelPompe,
    MesnerShalizi,
    MixedKSG,
    Ross,
    TotalCorrelation,
    TotalCorrelation2,
    log_alpha,
)
from infometric.functional.sample import jittered, normal_scores, standardized

pytestmark = pytest.mark.filterwarnings("ignore::infometric.exceptions.InfometricWarning")
SCALES = ("none", "standard", "rank")


def value(functional, *variables, kinds=None):
    return float(functional.value(Sample.of(*variables, kinds=kinds)))


def labelled(functional, label, x):
    return value(functional, label, x, kinds=("discrete", "continuous"))


def normals(n, *, rho=0.6, dx=1, dy=1, seed=0):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n, dx)), rng.normal(size=(n, dy))
    d = min(dx, dy)
    y[:, :d] = rho * x[:, :d] + math.sqrt(1 - rho**2) * y[:, :d]
    return x, y


# --- formulas, from all distances ---------------------------------------------------------------


def distances(x):
    """Maximum norm; no row is its own neighbour."""
    x = np.reshape(x, (len(x), -1))
    table = np.abs(x[:, None] - x[None]).max(2)
    np.fill_diagonal(table, np.inf)
    return table


def kth(table, k):
    return np.sort(table, axis=1)[:, k - 1]


def joint(*tables):
    return np.max(tables, axis=0)


def below(table, radius):
    return (table < radius[:, None]).sum(1)


def up_to(table, radius):
    return (table <= radius[:, None]).sum(1)


def ksg1(k, *blocks):
    tables, n = [distances(b) for b in blocks], len(blocks[0])
    radius = kth(joint(*tables), k)
    counts = sum(digamma(below(t, radius) + 1).mean() for t in tables)
    return digamma(k) + (len(blocks) - 1) * digamma(n) - counts


def ksg2(k, *blocks):
    tables, n = [distances(b) for b in blocks], len(blocks[0])
    near = np.argsort(joint(*tables), axis=1, kind="stable")[:, :k]
    counts = 0.0
    for t in tables:
        half = np.take_along_axis(t, near, 1).max(1)
        counts += digamma(up_to(t, half)).mean()
    return digamma(k) + (len(blocks) - 1) * (digamma(n) - 1 / k) - counts


def mixed(k, x, y):
    """Gao et al. (2017), where k too leaves out what lies at the radius; with the row itself."""
    tx, ty = distances(x), distances(y)
    both, n = joint(tx, ty), len(x)
    radius, total = kth(both, k), 0.0
    for i in range(n):
        if radius[i] > 0:
            near, nx, ny = ((t[i] < radius[i]).sum() + 1 for t in (both, tx, ty))
        else:
            near, nx, ny = ((t[i] == 0).sum() + 1 for t in (both, tx, ty))
        total += digamma(near) + digamma(n) - digamma(nx) - digamma(ny)
    return total / n


def ross(k, label, x):
    names, sizes = np.unique(label, return_counts=True)
    size = dict(zip(names.tolist(), sizes.tolist(), strict=True))
    kept = np.array([size[c] > 1 for c in label.tolist()])
    label, table = label[kept], distances(x[kept])
    terms = []
    for i, c in enumerate(label.tolist()):
        own = np.sort(table[i][label == c])
        k_i = min(k, size[c] - 1)
        m = (table[i] < own[k_i - 1]).sum() + 1
        terms.append(digamma(k_i) - digamma(size[c]) - digamma(m))
    return digamma(len(label)) + np.mean(terms)


def frenzel_pompe(k, x, y, z):
    tx, ty, tz = map(distances, (x, y, z))
    radius = kth(joint(tx, ty, tz), k)
    xz, yz, alone = (digamma(below(t, radius) + 1) for t in (joint(tx, tz), joint(ty, tz), tz))
    return digamma(k) - (xz + yz - alone).mean()


def mesner_shalizi(k, x, y, z):
    tx, ty, tz = map(distances, (x, y, z))
    all_three = joint(tx, ty, tz)
    radius = kth(all_three, k)
    near, xz, yz, alone = (
        digamma(up_to(t, radius)) for t in (all_three, joint(tx, tz), joint(ty, tz), tz)
    )
    return (near - xz - yz + alone).mean()


def scores(x):
    x = np.reshape(x, (len(x), -1))
    rank = scipy.stats.rankdata(x, axis=0)
    scores = ndtri(np.minimum(rank, len(x) + 1 - rank) / (len(x) + 1))
    return np.where(2 * rank > len(x) + 1, -scores, scores)


def on(scale, x):
    """Columns on a scale, not by the library."""
    x = np.reshape(np.asarray(x, float), (len(x), -1))
    if scale == "none":
        return x
    return scores(x) if scale == "rank" else (x - x.mean(0)) / x.std(0)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("k", [1, 3, 10])
@pytest.mark.parametrize(("dx", "dy"), [(1, 1), (2, 1), (2, 3)])
def test_ksg(scale, k, dx, dy):
    x, y = normals(180, dx=dx, dy=dy, seed=dx + dy)
    x, y = x * 3 + 5, np.exp(y)
    blocks = on(scale, x), on(scale, y)
    assert value(KSG1(k, scale), x, y) == pytest.approx(ksg1(k, *blocks), abs=1e-12)
    assert value(KSG2(k, scale), x, y) == pytest.approx(ksg2(k, *blocks), abs=1e-12)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("columns", [2, 3, 5])
def test_total_correlation(scale, columns):
    rng = np.random.default_rng(columns)
    x = rng.normal(size=(150, columns)) + rng.normal(size=(150, 1))
    blocks = [on(scale, c) for c in x.T]
    found = value(TotalCorrelation(4, scale), *x.T), value(TotalCorrelation2(4, scale), *x.T)
    assert found == pytest.approx((ksg1(4, *blocks), ksg2(4, *blocks)), abs=1e-12)
    if columns == 2:
        assert found[0] == value(KSG1(4, scale), *x.T)


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize("name", ["zero-inflated Poisson of exponential, p=0.15",
                                  "5 overlapping uniforms",
                                  "normal pair or signs, rho=0.9, error 0.2"])  # fmt: skip
def test_mixed_ksg_with_ties(k, name):
    x, y = (np.asarray(v, float) for v in oracles.get(name).sample(250, rng=k))
    assert value(MixedKSG(k, "none"), x, y) == pytest.approx(mixed(k, x, y), abs=1e-12)
    assert value(KSG1(k, "none", "mixed"), x, y) == pytest.approx(mixed(k, x, y), abs=1e-12)
    ranks = on("rank", x), on("rank", y)
    assert value(KSG1(k, "rank", "mixed"), x, y) == pytest.approx(mixed(k, *ranks), abs=1e-12)


def test_mixed_ksg_without_ties_is_ksg1():
    x, y = normals(200)
    assert value(MixedKSG(3, "standard"), x, y) == value(KSG1(3, "standard"), x, y)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("k", [1, 3, 30])
def test_ross(scale, k):
    rng = np.random.default_rng(k)
    label = rng.choice(6, p=[0.5, 0.3, 0.12, 0.06, 0.015, 0.005], size=200)
    label = np.append(label, [7, 8, 8])  # a class of one row, and a class of two
    x = rng.normal(size=203) + label
    kept = on(scale, x)
    expected = ross(k, label, kept)
    assert labelled(Ross(k, scale), label, x) == pytest.approx(expected, abs=1e-12)
    swapped = Sample.of(x, label, kinds=("continuous", "discrete"))
    assert float(Ross(k, scale).value(swapped)) == pytest.approx(expected, abs=1e-12)
    assert Ross(k, scale).facts(swapped)["rows_left_out"] == (np.bincount(label) == 1).sum()


def test_ross_of_a_vector():
    rng = np.random.default_rng(3)
    label = rng.integers(0, 3, 150)
    x = rng.normal(size=(150, 3)) + label[:, None]
    assert labelled(Ross(4, "none"), label, x) == pytest.approx(ross(4, label, x), abs=1e-12)


def test_ross_of_numbers_with_atoms_knows_them():
    """Of two discrete variables every neighbour is a copy: the plug-in up to digamma for log."""
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, 4000)
    x = np.where(rng.random(4000) < 0.8, label, 1 - label).astype(float)
    truth = math.log(2) + 0.8 * math.log(0.8) + 0.2 * math.log(0.2)
    assert labelled(Ross(ties="mixed"), label, x) == pytest.approx(truth, abs=0.02)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("k", [1, 3, 8])
@pytest.mark.parametrize("dz", [1, 3])
def test_conditional(scale, k, dz):
    rng = np.random.default_rng(k)
    z = rng.normal(size=(160, dz))
    x, y = z[:, 0] + rng.normal(size=160), np.exp(z[:, 0] + rng.normal(size=160))
    three = on(scale, x), on(scale, y), on(scale, z)
    expected = frenzel_pompe(k, *three), mesner_shalizi(k, *three)
    found = value(FrenzelPompe(k, scale), x, y, z), value(MesnerShalizi(k, scale), x, y, z)
    assert found == pytest.approx(expected, abs=1e-12)


def test_mesner_shalizi_with_ties_and_its_clip():
    rng = np.random.default_rng(1)
    z = rng.integers(0, 4, 300).astype(float)
    x = (rng.random(300) < 0.2 + 0.2 * z).astype(float)
    y = z + rng.integers(0, 3, 300)
    expected = mesner_shalizi(3, x, y, z)
    found = MesnerShalizi(3, "none", "mixed")
    assert value(found, x, y, z) == pytest.approx(expected, abs=1e-12)
    samples = [rng.normal(size=(3, 60)) for _ in range(30)]
    raw = [value(MesnerShalizi(), *three) for three in samples]
    assert min(raw) < 0 < max(raw)
    clipped = [value(MesnerShalizi(clip=True), *three) for three in samples]
    assert clipped == [max(0.0, v) for v in raw]


def test_local_terms_average_to_the_value():
    x, y = normals(200)
    s = Sample.of(x, y)
    for functional in (KSG1(), KSG2(), MixedKSG(), LNC()):
        terms = functional.local(s)
        assert terms.shape == (200,)
        assert terms.mean() == pytest.approx(float(functional.value(s)), abs=1e-14)
        assert float(functional.variance(s)) == pytest.approx(terms.var(ddof=1) / 200)


@pytest.mark.parametrize("rho", [0.0, 0.999])
def test_local_non_uniformity(rho):
    """Gao, Ver Steeg and Galstyan (2015), with the principal axes of each neighbourhood."""
    x, y = normals(300, rho=rho)
    x, y = on("standard", x), on("standard", y)
    rows, k = np.hstack([x, y]), 12
    near = np.argsort(joint(distances(x), distances(y)), axis=1, kind="stable")[:, :k]
    added = []
    for i, mine in enumerate(near):
        around = rows[mine] - rows[i]
        axes = np.linalg.eigh(around.T @ around)[1]
        straight = np.log(np.abs(around).max(0)).sum()
        turned = np.log(np.abs(around @ axes).max(0)).sum()
        added.append(straight - turned if turned - straight < log_alpha(k, 2) else 0.0)
    expected = ksg1(k, x, y) + np.mean(added)
    assert value(LNC(k, "standard"), x, y) == pytest.approx(expected, abs=1e-9)


def test_local_non_uniformity_helps_where_it_should():
    x, y = normals(1000, rho=0.9999, seed=1)
    truth = -0.5 * math.log(1 - 0.9999**2)
    plain, corrected = value(KSG1(12, "standard"), x, y), value(LNC(), x, y)
    assert plain < truth - 0.3
    assert abs(corrected - truth) < abs(plain - truth) / 2
    x, y = normals(2000, rho=0.0)
    assert value(LNC(), x, y) == pytest.approx(0, abs=0.03)


def test_the_local_correction_needs_more_neighbours_than_columns():
    x, y = normals(100, dx=2, dy=2)
    with pytest.raises(InvalidParameterError, match="more neighbours") as caught:
        LNC(4).value(Sample.of(x, y))
    assert caught.value.hint
    assert math.isfinite(value(LNC(5), x, y))


# --- a Gaussian copula --------------------------------------------------------------------------


def copula(x, y):
    """Ince et al. (2017): covariances of normal scores, less the bias of log determinants."""
    gx, gy = scores(x), scores(y)
    n, dx, dy = len(gx), gx.shape[1], gy.shape[1]

    def half_log(g):
        return 0.5 * np.linalg.slogdet(np.atleast_2d(np.cov(g.T)))[1]

    def bias(d):
        return 0.5 * sum(digamma((n - i) / 2) for i in range(1, d + 1))

    plug_in = half_log(gx) + half_log(gy) - half_log(np.hstack([gx, gy]))
    return plug_in - (bias(dx) + bias(dy) - bias(dx + dy))


@pytest.mark.parametrize(("dx", "dy"), [(1, 1), (1, 3), (3, 2)])
@pytest.mark.parametrize("n", [20, 300])
def test_gaussian_copula(dx, dy, n):
    x, y = normals(n, dx=dx, dy=dy)
    found = value(GaussianCopula(), np.exp(x), y**3)
    assert found == pytest.approx(copula(x, y), abs=1e-9)


def test_the_bias_of_a_gaussian_copula_is_taken_off():
    rng = np.random.default_rng(0)
    found = np.array([value(GaussianCopula(), *rng.normal(size=(2, 50))) for _ in range(400)])
    assert abs(found.mean()) < 4 * found.std() / 20
    plug_in = -0.5 * math.log(1 - 1 / 49)  # about what it is without
    assert plug_in > 4 * found.std() / 20


def test_fisher_z():
    x, y = normals(200, rho=0.5)
    found = im.mutual_information(x[:, 0], y[:, 0], estimator="gaussian_copula")
    assert found.method == "fisher_z"
    r = np.corrcoef(scores(x).T, scores(y).T)[0, 1]
    ends = np.tanh(math.atanh(r) + np.array([-1, 1]) * ndtri(0.975) / math.sqrt(197))
    assert tuple(found.ci) == pytest.approx(tuple(-0.5 * np.log(1 - ends**2)), abs=1e-9)
    assert found.diagnostics["canonical_correlations"] == pytest.approx([abs(r)])
    assert found.pvalue < 1e-6
    rng = np.random.default_rng(1)
    straddles = [im.mutual_information(*rng.normal(size=(2, 60)), estimator="gaussian_copula")
                 for _ in range(8)]  # fmt: skip
    assert min(r.ci.low for r in straddles) == 0.0


def test_bartlett_holds_its_level():
    rng = np.random.default_rng(0)
    small = [
        im.mutual_information(
            rng.normal(size=(60, 2)), rng.normal(size=(60, 2)), estimator="gaussian_copula"
        ).pvalue
        < 0.05
        for _ in range(200)
    ]
    assert 0.015 < np.mean(small) < 0.1


def test_linearly_dependent_columns_have_no_copula():
    x, y = normals(100)
    for bad in (np.hstack([x, x]), np.full(100, 0.5)):
        with pytest.raises(DataError, match=r"linearly dependent|no normal scores") as caught:
            im.mutual_information(bad, y, estimator="gaussian_copula")
        assert caught.value.hint


# --- scikit-learn as an outside oracle ----------------------------------------------------------


@pytest.mark.parametrize("rho", [0.0, 0.6, 0.95])
def test_scikit_learn_of_two_numbers(rho):
    x, y = normals(600, rho=rho, seed=4)
    theirs = mutual_info_regression(x, y[:, 0], n_neighbors=3, random_state=0)[0]
    assert max(0.0, value(KSG1(3, "standard"), x, y)) == pytest.approx(theirs, abs=1e-3)


@pytest.mark.parametrize("k", [3, 7])
def test_scikit_learn_of_a_class_and_a_number(k):
    rng = np.random.default_rng(5)
    label = rng.integers(0, 3, 600)
    x = rng.normal(size=600) + label
    theirs = mutual_info_classif(x[:, None], label, n_neighbors=k, random_state=0)[0]
    assert labelled(Ross(k, "standard"), label, x) == pytest.approx(theirs, abs=1e-3)


# --- invariances --------------------------------------------------------------------------------

PAIRED = (KSG1(), KSG2(), MixedKSG(), LNC(), GaussianCopula(), AutoInformation())
AFFINE = ((1e10, 0.0), (1e-10, 0.0), (1.0, 100.0), (1e200, 0.0), (1e-200, 0.0))


def with_scale(functional, scale):
    return type(functional)(**{**vars(functional), "scale": scale})


@pytest.mark.parametrize("functional", PAIRED, ids=lambda f: f.slug)
@pytest.mark.parametrize(("factor", "shift"), AFFINE)
def test_scale_and_shift_of_a_column(functional, factor, shift):
    x, y = normals(250, dx=2, seed=7)
    moved = x * np.array([factor, 1.0]) + np.array([shift, 0.0])
    for scale, tolerance in (("rank", 0.0), ("standard", 1e-9)):
        f = with_scale(functional, scale)
        exact = value(f, x, y)
        assert value(f, moved, y) == pytest.approx(exact, abs=tolerance, rel=0)
        assert value(f, y, moved) == pytest.approx(value(f, y, x), abs=tolerance, rel=0)


@pytest.mark.parametrize("name", ["frenzel_pompe", "mesner_shalizi"])
@pytest.mark.parametrize(("factor", "shift"), AFFINE)
def test_scale_and_shift_under_a_condition(name, factor, shift):
    rng = np.random.default_rng(8)
    x, y, z = rng.normal(size=(3, 200)) + rng.normal(size=200)
    kind = {"frenzel_pompe": FrenzelPompe, "mesner_shalizi": MesnerShalizi}[name]
    for scale, tolerance in (("rank", 0.0), ("standard", 1e-9)):
        f = kind(3, scale)
        exact = value(f, x, y, z)
        for position in range(3):
            three = [v * factor + shift if i == position else v for i, v in enumerate((x, y, z))]
            assert value(f, *three) == pytest.approx(exact, abs=tolerance, rel=0)


@pytest.mark.parametrize("functional", [*PAIRED, FrenzelPompe(), MesnerShalizi()],
                         ids=lambda f: f.slug)  # fmt: skip
@pytest.mark.parametrize("scale", ["rank", "standard"])
def test_a_mirror_image_tells_the_same(functional, scale):
    """Scores of opposite ranks are opposite numbers, to the last bit."""
    x, y = normals(250, seed=7)
    more = (np.random.default_rng(1).normal(size=250),) * (functional.variables - 2)
    f = with_scale(functional, scale)
    for mirrored in ((-x, y), (x, -3 * y), (-x, -y)):
        assert value(f, *mirrored, *more) == pytest.approx(value(f, x, y, *more), abs=1e-12)


@pytest.mark.parametrize("functional", PAIRED, ids=lambda f: f.slug)
@pytest.mark.parametrize("change", [np.exp, lambda v: v**3, np.arctan],
                         ids=["exp", "cube", "arctan"])  # fmt: skip
def test_ranks_know_of_no_increasing_map(functional, change):
    x, y = normals(250, dx=2, seed=9)
    f = with_scale(functional, "rank")
    assert value(f, change(x), y) == value(f, x, y)
    assert value(f, x, change(y)) == value(f, x, y)


@pytest.mark.parametrize("functional", PAIRED, ids=lambda f: f.slug)
def test_order_of_rows_and_of_variables(functional):
    x, y = normals(250, dx=2, dy=1, seed=10)
    order = np.random.default_rng(0).permutation(250)
    exact = value(functional, x, y)
    # scores share one grid: of neighbours at the same distance the first rows are taken
    near = {"abs": 1e-3 if isinstance(functional, KSG2) else 1e-12}
    assert value(functional, x[order], y[order]) == pytest.approx(exact, **near)
    assert value(functional, y, x) == pytest.approx(exact, **near)
    assert value(functional, x[:, ::-1], y) == pytest.approx(exact, **near)


def test_names_of_classes_mean_nothing():
    rng = np.random.default_rng(0)
    label, x = rng.integers(0, 3, 200), rng.normal(size=200)
    renamed = np.array([8.0, -3.0, 0.5])[label]
    assert labelled(Ross(), label, x) == labelled(Ross(), renamed, x)
    found = [im.mutual_information(np.array(names)[label], x, method="none").value
             for names in (["a", "b", "c"], ["z", "b", "a"])]  # fmt: skip
    assert found[0] == found[1]


def test_the_chain_rule_holds_roughly():
    rng = np.random.default_rng(0)
    z = rng.normal(size=4000)
    x, y = z + rng.normal(size=4000), z + rng.normal(size=4000)
    whole = value(KSG1(), x, np.column_stack([y, z]))
    parts = value(KSG1(), x, z) + value(FrenzelPompe(), x, y, z)
    assert whole == pytest.approx(parts, abs=0.05)


# --- rounding and scale -------------------------------------------------------------------------


def test_no_neighbour_on_the_boundary_is_counted():
    """Boundaries of ``x + radius`` round; those of differences do not."""
    for seed in range(3):
        x, y = normals(1000, rho=0.6, seed=seed)
        z = on("none", x) + 1e3, on("none", y) - 1e3  # the sums lose digits
        assert value(KSG1(3, "none"), *z) == pytest.approx(ksg1(3, *z), abs=1e-12)
    found = [value(KSG1(3, "standard"), *normals(1000, seed=s)) for s in range(20)]
    assert np.mean(found) == pytest.approx(0.2231, abs=4 * np.std(found) / math.sqrt(20))


@pytest.mark.parametrize("factor", [1.0, 1e6, 1e-6, 1e-12])
@pytest.mark.parametrize(("rho", "truth"), [(0.6, 0.2231435513), (0.9, 0.8303656034)])
def test_units_of_a_column_mean_nothing(factor, rho, truth):
    x, y = normals(2000, rho=rho, seed=11)
    for estimator in ("auto", "ksg1", "ksg2", "mixed", "lnc", "gaussian_copula"):
        found = im.mutual_information(x, y * factor, estimator=estimator, method="none").value
        assert found == pytest.approx(truth, abs=0.08), estimator


def test_large_numbers_are_no_categories():
    """Beyond 2^53 every float is whole; a unit of measurement must not decide the estimator."""
    x, y = normals(500, seed=3)
    plain = im.mutual_information(x, y, method="none")
    for factor in (1e15, 1e17, 1e20, 1e300):
        scaled = im.mutual_information(x * factor, y * factor, method="none")
        assert scaled.diagnostics.get("estimator") == "ksg1"
        assert scaled.value == plain.value


@pytest.mark.parametrize("ties", ["auto", "mixed", "jitter"])
@pytest.mark.parametrize("kind", [KSG1, MixedKSG, FrenzelPompe, Ross], ids=lambda k: k.slug)
def test_copies_are_copies_at_any_scale(kind, ties):
    functional = kind(ties=ties)
    rng = np.random.default_rng(12)
    x = np.where(rng.random(300) < 0.3, 0.5, rng.normal(size=300))
    y = np.where(rng.random(300) < 0.3, -1.5, x + rng.normal(size=300))
    z = rng.normal(size=300)
    label = rng.integers(0, 2, 300)

    def found(factor):
        if functional.slug == "ross":
            return labelled(functional, label, x * factor)
        more = (z * factor,) if functional.slug == "frenzel_pompe" else ()
        return value(functional, x * factor, y * factor, *more)

    for factor in (2.0**-40, 2.0**40, 1e-12, 1e12):
        assert found(factor) == pytest.approx(found(1.0), abs=1e-12)


# --- ties ---------------------------------------------------------------------------------------


def test_ties_can_be_refused():
    x, y = normals(100)
    assert math.isfinite(value(KSG1(ties="raise"), x, y))
    x[1] = x[0]
    for functional in (KSG1(ties="raise"), KSG2(ties="raise"), MixedKSG(ties="raise")):
        with pytest.raises(DataError, match="exactly alike") as caught:
            functional.value(Sample.of(x, y))
        assert "ties='mixed'" in caught.value.hint


def test_jitter_stays_in_the_cell_of_a_value_and_is_always_the_same():
    units = np.array([1e-9, 1e9])
    x = np.round(np.random.default_rng(0).normal(size=(500, 2)), 1) * units
    first, second = jittered(x), jittered(x)
    assert np.array_equal(first, second)
    for before, after in zip(x.T, first.T, strict=True):
        levels = np.unique(before)
        nearest = levels[np.abs(after[:, None] - levels).argmin(1)]
        assert (nearest == before).mean() > 0.99  # a cell ends half-way to the next value
        assert len(np.unique(after)) == 500
    assert np.array_equal(jittered(x * 2.0**-20), first * 2.0**-20)
    kept = np.random.default_rng(0).normal(size=(50, 1))
    assert np.array_equal(jittered(kept), kept)  # nothing tied, nothing moved
    assert np.array_equal(jittered(np.ones((9, 1))), np.ones((9, 1)))


def test_two_variables_do_not_share_their_jitter():
    coarse = np.random.default_rng(0).integers(0, 4, size=(2, 2000)).astype(float)
    for ties in ("jitter", "auto"):
        assert value(KSG1(ties=ties), *coarse) == pytest.approx(0, abs=0.08)
    same = np.repeat([0.5, 1.5, 2.5, 3.5], 500)
    found = value(KSG1(ties="jitter"), same, same)
    assert found == pytest.approx(math.log(4), abs=0.1)  # what four cells can tell, and no more


def test_rounded_numbers_tell_what_they_told():
    x, y = normals(2000, seed=2)
    x, y = np.round(x, 1), np.round(y, 1)
    for ties in ("jitter", "auto"):
        found = value(KSG1(ties=ties), x, y)
        assert found == pytest.approx(0.2231, abs=0.06)
        assert found == value(KSG1(ties=ties), x, y)
        assert found == pytest.approx(value(KSG1(ties=ties), x * 1e-12, y), abs=1e-9)


@pytest.mark.parametrize("step", [0.05, 0.1, 0.2])
@pytest.mark.parametrize(("rho", "truth"), [(0.0, 0.0), (0.6, 0.2231)])
def test_a_grid_does_not_make_information(step, rho, truth):
    """Many rows lie at the very distance of the k-th neighbour there."""
    x, y = (np.round(v / step) for v in normals(1000, rho=rho, seed=3))
    for functional in (KSG1(), KSG1(scale="standard"), LNC()):
        assert value(functional, x, y) == pytest.approx(truth, abs=0.12)


def test_rows_that_were_entered_twice_are_not_believed():
    """The nearest neighbour of each row is its copy: a value far too high, and no word of it."""
    x, y = normals(500, seed=1)
    twice, found = (np.concatenate([x, x]), np.concatenate([y, y])), 0.2231
    with contextlib.suppress(InfometricError, InfometricWarning), warnings.catch_warnings():
        warnings.simplefilter("error", InfometricWarning)
        found = im.mutual_information(*twice, method="none").value
    assert found == pytest.approx(0.2231, abs=0.15)


def test_atoms_among_many_values_are_kept():
    """A value of a third of the rows is an atom; a few equal ones are rounded numbers."""
    rng = np.random.default_rng(0)
    x = np.where(rng.random(600) < 0.3, 0.5, rng.normal(size=600))
    y = np.where(rng.random(600) < 0.5, x, rng.normal(size=600))
    assert value(KSG1(ties="auto"), x, rng.normal(size=600)) == pytest.approx(0, abs=0.1)
    assert value(KSG1(ties="auto"), x, y) == value(KSG1(ties="mixed"), x, y)


def test_ties_that_are_no_choice_are_refused():
    s = Sample.of(*normals(50))
    for wrong in ({"ties": "jiter"}, {"scale": "ranks"}):
        with pytest.raises(InvalidParameterError):
            im.infer(KSG1(**wrong), s, "none")


def test_the_share_of_ties_is_reported():
    x, y = normals(200)
    x[:50] = 0.25
    found = im.mutual_information(x, y, method="none").diagnostics
    assert found["tied_x"] == 0.25
    assert "tied_y" not in found


def test_the_rectangle_of_a_class_or_a_constant_is_not_believed():
    """The second estimator has no form for atoms: a value near the truth, or a refusal."""
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, 2000)
    x = rng.normal(size=2000) + label
    for second, truth in ((np.where(label, "b", "a"), 0.1114214822), (np.full(2000, 1.5), 0.0)):
        found = truth
        with contextlib.suppress(InfometricError):
            found = im.mutual_information(x, second, estimator="ksg2", method="none").value
        assert found == pytest.approx(truth, abs=0.06)


def test_a_constant_tells_nothing():
    x = np.random.default_rng(0).normal(size=200)
    for estimator in ("auto", "ksg1", "mixed"):
        found = im.mutual_information(x, np.full(200, 2.5), estimator=estimator, method="none")
        assert found.value == pytest.approx(0, abs=1e-12)


# --- defects that other libraries had -----------------------------------------------------------


@pytest.mark.parametrize(("rho", "truth"), [(0.0, 0.0), (0.6, 0.2231435513), (0.9, 0.8303656034)])
@pytest.mark.parametrize("functional", [KSG1(), KSG2(), KSG1(scale="standard"),
                                        KSG2(scale="standard"), KSG2(3, "none")])  # fmt: skip
def test_normal_pairs_are_near_the_truth(functional, rho, truth):
    """A cube where the rectangle belongs gave -.35, -.11 and .48."""
    found = [value(functional, *normals(1500, rho=rho, seed=s)) for s in range(6)]
    assert np.mean(found) == pytest.approx(truth, abs=0.025)


@pytest.mark.parametrize("name", ["5 overlapping uniforms",
                                  "zero-inflated Poisson of exponential, p=0.15"])  # fmt: skip
def test_mixed_pairs_are_near_the_truth(name):
    oracle = oracles.get(name)
    found = [value(MixedKSG(), *oracle.sample(1500, rng=s)) for s in range(6)]
    assert np.mean(found) == pytest.approx(oracle.truth("mutual_information"), abs=0.03)


# --- known truths -------------------------------------------------------------------------------


def near_truth(found, truth, bias=0.0):
    """Mean over seeds within four standard errors of the truth, or of a small known bias."""
    error = 4 * np.std(found, ddof=1) / math.sqrt(len(found))
    assert abs(np.mean(found) - truth) < error + bias


PLANE = (
    "normal pair, rho=0", "normal pair, rho=0.6", "Student pair, df=4, rho=0",
    "Student pair, df=4, rho=0.6", "uniform noise of 1", "gamma-exponential, shape 3",
    "normal pair, rho=0.6, exp and cube", "normal pair, rho=0.6, half_cube",
)  # fmt: skip


@pytest.mark.parametrize("name", PLANE)
@pytest.mark.parametrize("estimator", ["ksg1", "ksg2"])
def test_two_numbers_of_known_information(name, estimator):
    oracle = oracles.get(name)
    functional = {"ksg1": KSG1, "ksg2": KSG2}[estimator](5)
    found = [value(functional, *oracle.sample(2000, rng=s)) for s in range(10)]
    near_truth(found, oracle.truth("mutual_information"), bias=0.006)


@pytest.mark.parametrize("rho", [0, 0.6, 0.9])
def test_the_copula_of_normal_pairs(rho):
    oracle = oracles.get(f"normal pair, rho={rho}")
    found = [value(GaussianCopula(), *oracle.sample(2000, rng=s)) for s in range(10)]
    near_truth(found, oracle.truth("mutual_information"), bias=0.004)


@pytest.mark.parametrize("shift", [1, 2])
def test_labels_of_normals(shift):
    oracle = oracles.get(f"label of a normal, shift {shift}")
    truth = {1: 0.1114214822, 2: 0.3368308203}[shift]
    assert oracle.truth("mutual_information") == pytest.approx(truth, abs=1e-9)
    found = []
    for s in range(10):
        x, label = oracle.sample(2000, rng=s)
        found.append(labelled(Ross(5), label, x))
    near_truth(found, truth, bias=0.003)


@pytest.mark.parametrize("name", ["normal triple, rho=0.5, 0.3, 0.4", "normal chain, rho=0.7, 0.7"])
def test_conditional_information_of_normals(name):
    oracle = oracles.get(name)
    samples = [oracle.sample(2000, rng=s) for s in range(8)]
    truth = oracle.truth("conditional_mutual_information")
    near_truth([value(FrenzelPompe(5), *s) for s in samples], truth, bias=0.02)


def test_total_correlation_of_normals():
    oracle = oracles.get("3 equicorrelated normals, rho=0.5")
    truth = oracle.truth("total_correlation")
    assert truth == pytest.approx(0.3465735903, abs=1e-9)
    samples = [np.column_stack(oracle.sample(2000, rng=s)) for s in range(8)]
    near_truth([value(TotalCorrelation(5), *s.T) for s in samples], truth, bias=0.02)
    near_truth([value(TotalCorrelation2(5), *s.T) for s in samples], truth, bias=0.02)


def test_transfer_between_autoregressions():
    for name in ("source drives target", "source drives target, back"):
        name = f"autoregression, {name}"
        oracle = oracles.get(name)
        samples = [oracle.sample(2000, rng=s) for s in range(6)]
        found = [im.transfer_entropy(*s, n_neighbors=5, method="none").value for s in samples]
        near_truth(found, oracle.truth("transfer_entropy"), bias=0.015)


# --- properties ---------------------------------------------------------------------------------

NUMBERS = st.floats(-1e6, 1e6, allow_nan=False).map(lambda v: v + 0.0)
TABLES = st.integers(8, 30).flatmap(
    lambda n: hnp.arrays(np.float64, (n, 2), elements=st.one_of(NUMBERS, st.sampled_from([0.0, 1])))
)


@settings(max_examples=60, deadline=None)
@given(TABLES, st.integers(1, 4), st.sampled_from(SCALES))
def test_property_symmetry(table, k, scale):
    x, y = table.T
    functional = KSG1(k, scale, "mixed")
    assert value(functional, x, y) == pytest.approx(value(functional, y, x), abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(TABLES, st.integers(1, 4), st.sampled_from(SCALES), st.randoms(use_true_random=False))
def test_property_order_of_rows(table, k, scale, random):
    order = list(range(len(table)))
    random.shuffle(order)
    x, y = table.T
    if scale == "standard":  # the origin moves with the first row, and ties of distances with it
        x, y = scipy.stats.rankdata(x), scipy.stats.rankdata(y)
        scale = "none"
    functional = KSG1(k, scale, "mixed")
    assert value(functional, x[order], y[order]) == pytest.approx(
        value(functional, x, y), abs=1e-12
    )


@settings(max_examples=60, deadline=None)
@given(TABLES, st.integers(1, 4))
def test_property_ranks_are_enough(table, k):
    x, y = table.T
    ranks = scipy.stats.rankdata(x), scipy.stats.rankdata(y) ** 3 - 7
    for ties in ("mixed", "jitter", "auto"):
        assert value(KSG1(k, "rank", ties), x, y) == value(KSG1(k, "rank", ties), *ranks)


@settings(max_examples=60, deadline=None)
@given(TABLES, st.integers(1, 4))
def test_property_atoms_and_numbers(table, k):
    x, y = table.T
    found = value(KSG1(k, "none", "mixed"), x, y)
    assert found == pytest.approx(mixed(k, x, y), abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(TABLES)
def test_property_scores_are_ranks_by_scipy(table):
    assert np.allclose(normal_scores(table), scores(table), rtol=0, atol=1e-14)
    wide = table[:, np.ptp(table, axis=0) > 0]
    if wide.size:
        standard = standardized(wide)
        assert np.allclose(standard.std(axis=0), 1, rtol=1e-9)


def test_no_warning_of_numpy_escapes():
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        for x, y in (normals(60), (np.zeros(60), normals(60)[1]), (normals(60)[0], np.zeros(60))):
            for functional in (KSG1(), MixedKSG(), LNC()):
                functional.value(Sample.of(x, y))
        KSG2().value(Sample.of(*normals(60)))
