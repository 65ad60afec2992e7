"""Families of tasks: truths against closed forms, direct integrals, oracles and estimators."""

from __future__ import annotations

import math
from itertools import pairwise, product

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import digamma, hyperu, ndtri, xlogy
from scipy.stats import (
    chi,
    kendalltau,
    ks_2samp,
    multivariate_normal,
    multivariate_t,
    norm,
    rankdata,
)

torch = pytest.importorskip("torch")

from infometric import Sample, oracles  # noqa: E402
from infometric.amortised.families import (  # noqa: E402
    FAMILIES,
    base,
    copulas,
    elliptical,
    interactions,
    maps,
    noisy,
    sums,
    without,
)
from infometric.amortised.families.clusters import Classes  # noqa: E402
from infometric.amortised.families.counted import Absent  # noqa: E402
from infometric.amortised.families.discrete import Spiked  # noqa: E402
from infometric.amortised.families.elliptical import scale_excess, student_excess  # noqa: E402
from infometric.amortised.families.joint import (  # noqa: E402
    SPARE,
    Overcomplete,
    Redundant,
    Sparse,
    frailty_information,
    gamma_exponential_table,
    standard,
)
from infometric.amortised.families.quadrature import (  # noqa: E402
    level_table,
    ring_table,
    rounded_table,
    smoothed_entropy,
    volatility_table,
)
from infometric.amortised.table import PARTS  # noqa: E402
from infometric.exceptions import UnsupportedError  # noqa: E402
from infometric.functional.neighbor_information import KSG1, MixedKSG  # noqa: E402

NAMES = list(FAMILIES)
TIED = (
    *("discrete_table", "label", "overlapping_intervals", "zero_inflated", "rounded"),
    *("counts", "hurdle", "binary_vectors", "spiked", "absent", "latent_classes"),
)
# their parts may be discrete
SOMETIMES_TIED = (*TIED, "stacked", "independent", "redundant", "overcomplete", "sparse")
GAUSSIAN = [name for name, family in FAMILIES.items() if family.group == "gaussian"]


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def tensor(*values):
    return torch.tensor(values, dtype=torch.float64)


def drawn(name, batch, n, dx, dy, seed=0):
    return FAMILIES[name].draw(batch, n, dx, dy, seeded(seed))


def shapes(name, wanted=((1, 1), (2, 1), (1, 3), (5, 3))):
    return [s for s in wanted if FAMILIES[name].accepts(*s)]


def unit_grid(points=701, reach=3.4):
    """Nodes u, 1 - u and weights on (0, 1), dense at both ends."""
    x = np.linspace(-reach, reach, points)
    inner = np.pi / 2 * np.sinh(x)
    weight = (x[1] - x[0]) * np.pi / 2 * np.cosh(x) / (2 * np.cosh(inner) ** 2)
    return 1 / (1 + np.exp(-2 * inner)), 1 / (1 + np.exp(2 * inner)), weight


# --- what all families hold -------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_shapes_finite_and_deterministic(name):
    for dx, dy in shapes(name):
        one, two = (drawn(name, 6, 20, dx, dy, seed=3) for _ in range(2))
        other = drawn(name, 6, 20, dx, dy, seed=4)
        assert one.x.shape == (6, 20, dx)
        assert one.y.shape == (6, 20, dy)
        assert one.mi.shape == one.se.shape == (6,)
        assert all(bool(torch.isfinite(part).all()) for part in one[:4])
        assert bool((one.mi >= 0).all())
        assert all(torch.equal(a, b) for a, b in zip(one[:4], two[:4], strict=True))
        assert one.parts == two.parts
        assert not torch.equal(one.x, other.x)


@pytest.mark.parametrize("name", NAMES)
def test_tasks_stand_on_the_device_of_the_generator(name):
    """Whatever is made on the default device, which holds no numbers here, meets an error."""
    rng = seeded()
    with torch.device("meta"):
        both = FAMILIES[name].draw(3, 12, 4, 3, rng)
    assert {part.device.type for part in both[:4]} == {"cpu"}
    assert {part.dtype for part in both[:4]} == {torch.float64}


@pytest.mark.parametrize("name", NAMES)
def test_names_groups_and_widths(name):
    family = FAMILIES[name]
    assert family.name == name
    assert family.group
    assert family.accepts(32, 32)
    assert family.accepts(2, 5)
    assert not family.accepts(33, 5)
    assert not family.accepts(0, 1)
    assert drawn(name, 2, 12, 32, 3).x.shape == (2, 12, 32)


@pytest.mark.parametrize("name", [n for n in NAMES if n not in SOMETIMES_TIED])
def test_continuous_families_have_no_ties(name):
    dx, dy = shapes(name, [(1, 1), (2, 2)])[0]
    x = drawn(name, 3, 500, dx, dy).x
    assert len(torch.unique(x[0, :, 0])) == 500


@pytest.mark.parametrize("name", TIED)
def test_discrete_families_have_ties(name):
    both = drawn(name, 20, 300, 1, 1)
    values = [min(len(torch.unique(v[i])) for v in (both.x, both.y)) for i in range(20)]
    assert max(values) < 300


def test_standard_errors_are_small():
    for name in NAMES:
        dx, dy = shapes(name, [(5, 5)])[0]
        both = drawn(name, 60, 10, dx, dy)
        assert bool((both.se <= torch.clamp(0.01 * both.mi, min=0.02)).all()), name


def test_a_family_refuses_what_it_has_not():
    with pytest.raises(UnsupportedError, match="parity"):
        drawn("parity", 2, 10, 1, 1)


def test_information_reaches_far_in_high_dimension_and_zero():
    wide = drawn("gaussian_wishart", 400, 2, 32, 32)
    assert 25 < float(wide.mi.max()) <= 35
    assert 0.05 < float((wide.mi < 0.02).double().mean()) < 0.25
    assert float(wide.mi.min()) == 0.0


def test_left_out_groups_leave_the_combined_families():
    rest = without("archimedean")
    assert not {f.group for f in rest.values()} & {"archimedean"}
    for name in ("stacked", "independent", "copula_flow"):
        assert {p.group for p in FAMILIES[name].parts} & {"archimedean"}
        assert not {p.group for p in rest[name].parts} & {"archimedean"}
    assert "stacked" not in without("combined")


def within(family):
    """The families that a family is made of, to the last."""
    for part in getattr(family, "parts", ()):
        yield part
        yield from within(part)


@pytest.mark.parametrize("group", sorted({f.group for f in FAMILIES.values()}))
def test_no_family_holds_a_part_of_a_group_left_out(group):
    rest = without(group)
    assert {f.name for f in FAMILIES.values() if f.group != group} == set(rest)
    for family in rest.values():
        assert group not in {part.group for part in within(family)}


@pytest.mark.parametrize("name", [n for n, f in FAMILIES.items() if any(within(f))])
def test_tasks_name_all_that_they_are_made_of(name):
    family, seen = FAMILIES[name], set()
    for seed in range(60):
        both = drawn(name, 1, 5, 3, 3, seed)
        assert 1 <= len(both.parts) <= PARTS
        outer = {part.name for part in family.parts}
        first = next(part for part in family.parts if part.name == both.parts[0])
        nested = any(within(first))
        assert outer >= set(both.parts[:1] if nested else both.parts)
        if nested:
            assert both.parts[1] in {part.name for part in within(first)}
        seen.add(both.parts)
    assert len(seen) >= 4


# --- mechanisms -------------------------------------------------------------------------------


@pytest.mark.parametrize("d", [2, 7])
def test_orthogonal_matrices(d):
    q = base.orthogonal(4000, d, seeded())
    assert torch.allclose(q @ q.mT, torch.eye(d, dtype=q.dtype).expand_as(q), atol=1e-12)
    # Haar: entries have mean 0, variance 1 / d, and fourth moment 3 / (d (d + 2))
    assert float(q.mean(0).abs().max()) < 5 / math.sqrt(4000 * d)
    assert torch.allclose((q**2).mean(0), torch.full((d, d), 1 / d, dtype=q.dtype), atol=0.04)
    fourth = 3 / (d * (d + 2))
    assert torch.allclose((q**4).mean(0), torch.full((d, d), fourth, dtype=q.dtype), atol=0.04)


def test_mixing_is_invertible_and_leaves_some_tasks():
    m = base.mixing(500, 6, seeded())
    assert float(torch.linalg.cond(m).max()) < 1e3
    plain = (m == torch.eye(6, dtype=m.dtype)).all((1, 2)).double().mean()
    assert 0.3 < float(plain) < 0.5


def test_split_sums_to_what_is_wanted_and_keeps_the_cap():
    wanted = torch.linspace(0, 9.9, 50, dtype=torch.float64)
    parts = base.split(wanted, 5, seeded(), cap=2.0)
    assert float(parts.max()) <= 2.0
    assert float(parts.min()) >= 0.0
    assert torch.allclose(parts.sum(1), wanted, atol=0.05)


def test_few_is_mostly_small_and_reaches_far():
    drawn_numbers = base.few(seeded(), 20_000, high=12)
    share = np.bincount(drawn_numbers.long().numpy(), minlength=13) / 20_000
    expected = np.log1p(1 / np.arange(1, 13)) / math.log(13)
    assert len(share) == 13
    assert share[0] == 0
    assert np.abs(share[1:] - expected).max() < 0.015
    assert float(base.few(seeded(), high=1)) == 1


def test_a_table_gives_a_parameter_it_has_computed():
    table = base.Table.of(np.array([1.0, 2.0, 3.0]), np.array([0.9, 0.1, 0.4]))
    theta, mi = table.nearest(tensor([0.0, 0.2, 0.3, 5.0]))
    assert theta.tolist() == [[2.0, 2.0, 3.0, 1.0]]
    assert mi.tolist() == [[0.1, 0.1, 0.4, 0.9]]


def test_spiral_keeps_norms_and_flow_can_be_undone():
    x = torch.randn(3, 50, 5, generator=seeded(), dtype=torch.float64)
    assert torch.allclose(maps.spiral(x, seeded(1)).norm(dim=2), x.norm(dim=2))
    row = x[:1, :1]
    hows = (maps.spiral, maps.swirl, maps.flow, maps.bend, maps.bent, maps.sheared, maps.stretched)
    hows = (*hows, maps.warp, maps.warped)
    for how in hows:
        jacobian = [
            torch.autograd.functional.jacobian(
                lambda v, how=how: how(v.reshape(1, 1, 5), seeded(2)).flatten(), row + shift
            ).reshape(5, 5)
            for shift in torch.linspace(-2, 2, 9).double()
        ]
        signs = {float(torch.sign(torch.linalg.det(j))) for j in jacobian}
        assert len(signs) == 1
        assert 0.0 not in signs


def test_swirls_turn_planes_and_keep_their_norms():
    x = torch.randn(40, 300, 5, generator=seeded(), dtype=torch.float64)
    moved = maps.swirl(x, seeded(1))
    z = x @ base.orthogonal(40, 5, seeded(1))
    assert torch.allclose(moved.norm(dim=2), x.norm(dim=2))
    assert torch.equal(moved[..., 4], z[..., 4])
    planes = moved[..., [0, 2, 1, 3]]  # the first coordinates of both come first
    a, b = (
        torch.view_as_complex(v.reshape(40, 300, 2, 2).contiguous()) for v in (z[..., :4], planes)
    )
    assert torch.allclose(a.abs(), b.abs())
    turned = torch.angle(b / a)  # the same at the same norm: a function of it alone
    for i in range(40):
        for j in range(2):
            order = a[i, :, j].abs().argsort()
            step = (turned[i, order, j].diff() + math.pi) % (2 * math.pi) - math.pi
            assert float(step.abs().median()) < 0.15
    assert torch.equal(maps.swirl(x[..., :1], seeded(1)), x[..., :1])


def test_shears_keep_volumes_and_move_half_of_the_columns():
    x = torch.randn(2, 40, 5, generator=seeded(), dtype=torch.float64)
    moved = maps.shear(x, seeded(1))
    assert torch.equal(moved[..., 3:], x[..., :2])
    assert float((moved[..., :3] - x[..., 2:]).abs().max()) > 0.1
    jacobian = torch.autograd.functional.jacobian(
        lambda v: maps.shear(v.reshape(1, 1, 5), seeded(1)).flatten(), x[:1, :1]
    )
    assert abs(float(torch.linalg.det(jacobian.reshape(5, 5)))) == pytest.approx(1, abs=1e-9)


def test_stretches_scale_half_of_the_columns_by_functions_of_the_other_half():
    x = torch.randn(20, 40, 5, generator=seeded(), dtype=torch.float64)
    moved = maps.stretch(x, seeded(1))
    assert torch.equal(moved[..., 3:], x[..., :2])
    factor = moved[..., :3] / x[..., 2:]
    assert float(factor.min()) >= math.exp(-1.5)
    assert float(factor.max()) <= math.exp(1.5)
    assert float(factor.std(dim=1).median()) > 0.3
    other = x.clone()
    other[..., 2:] *= -2.0
    assert torch.allclose(maps.stretch(other, seeded(1))[..., :3] / other[..., 2:], factor)
    assert torch.equal(maps.stretched(x[..., :1], seeded(1)), x[..., :1])


@pytest.mark.parametrize("how", [maps.bend, maps.warp])
def test_a_single_column_keeps_its_order_or_turns_it(how):
    x = torch.randn(60, 200, 1, generator=seeded(), dtype=torch.float64).sort(dim=1).values
    step = how(100 * x, seeded(1)).diff(dim=1)[..., 0]
    assert bool(((step > 0).all(1) | (step < 0).all(1)).all())


def test_hidden_classes_leave_tables_of_no_higher_rank():
    """Beyond as many singular values as there are classes, less one, counts show chance alone."""
    beyond, within = [], []
    for seed in range(30):
        classes = base.whole(seeded(seed), 2, 8)
        x, y, _ = FAMILIES["latent_classes"].pairs(tensor([2.0]), 100_000, seeded(seed))
        count = np.zeros((12, 12))
        np.add.at(count, (x[0, :, 0].long().numpy(), y[0, :, 0].long().numpy()), 1)
        expected = np.outer(count.sum(1), count.sum(0)) / len(x[0])
        rest = np.divide(count - expected, np.sqrt(expected), where=expected > 0, out=0 * expected)
        size = np.linalg.svd(rest, compute_uv=False)
        within.append(size[0])
        beyond.append(size[classes - 1])
    assert max(beyond) < 2 * math.sqrt(12)  # of numbers of variance one
    assert min(within) > 2 * math.sqrt(12)


def test_coupling_leaves_one_half_and_moves_the_other_one_to_one():
    x = torch.randn(2, 40, 4, generator=seeded(), dtype=torch.float64)
    moved = maps.couple(x, seeded(1))
    assert torch.equal(moved[..., 2:], x[..., :2])
    x[:, 1] = x[:, 0]
    x[:, 1, 3] += 1.0
    moved = maps.couple(x, seeded(1))
    assert bool((moved[:, 1, 1] > moved[:, 0, 1]).all())
    assert torch.allclose(moved[:, 1, 0], moved[:, 0, 0])


# --- gaussian and elliptical ------------------------------------------------------------------


@pytest.mark.parametrize("name", GAUSSIAN)
@pytest.mark.parametrize(("dx", "dy"), [(1, 1), (4, 3)])
def test_gaussian_truth_is_that_of_the_covariance(name, dx, dy):
    n, batch = 20_000, 8
    both = drawn(name, batch, n, dx, dy, seed=7)
    for x, y, mi in zip(both.x.numpy(), both.y.numpy(), both.mi.tolist(), strict=True):
        ld = [np.linalg.slogdet(np.cov(v.T).reshape(v.shape[1], -1))[1] for v in (x, y)]
        joint = np.linalg.slogdet(np.cov(np.c_[x, y].T))[1]
        found = 0.5 * (sum(ld) - joint) - dx * dy / (2 * n)
        assert found == pytest.approx(mi, abs=5 * math.sqrt(min(dx, dy) / n))


@pytest.mark.parametrize(
    ("nu", "d", "excess"),
    [(1, 1, 0.224171427529236), (3, 1, 0.0424114106505698), (3, 5, 0.298543622652758)],
)
def test_student_excess(nu, d, excess):
    assert float(student_excess(tensor(nu), d, d)[0]) == pytest.approx(excess, abs=1e-12)
    oracle = oracles.StudentPair(df=nu, dispersion=np.eye(2 * d), dx=d)
    assert float(student_excess(tensor(nu), d, d)[0]) == pytest.approx(
        oracle.truth("mutual_information"), abs=1e-10
    )


def test_student_rows_have_the_density_of_the_truth():
    nu, n = 3.0, 100_000
    both = FAMILIES["student_pairs"].pairs(torch.full((1, 1), 0.5).double(), n, seeded(2))
    assert float(both[2]) >= 0.5 - 1e-9
    excess = float(student_excess(tensor(nu), 2, 1)[0])
    rows = multivariate_t(np.zeros(3), np.eye(3), df=nu, seed=1).rvs(n)
    laws = [multivariate_t(np.zeros(k), np.eye(k), df=nu) for k in (3, 2, 1)]
    pointwise = laws[0].logpdf(rows) - laws[1].logpdf(rows[:, :2]) - laws[2].logpdf(rows[:, 2])
    assert excess == pytest.approx(pointwise.mean(), abs=5 * pointwise.std() / math.sqrt(n))


def test_scale_excess_is_the_double_integral():
    weight, scale = np.array([0.3, 0.5, 0.2]), np.array([0.1, 1.0, 8.0])
    t = np.linspace(-22, 22, 2201)
    step = t[1] - t[0]
    one = sum(w * norm.pdf(t, scale=math.sqrt(s)) for w, s in zip(weight, scale, strict=True))
    two = sum(
        w * np.multiply.outer(*[norm.pdf(t, scale=math.sqrt(s))] * 2)
        for w, s in zip(weight, scale, strict=True)
    )
    ratio = np.log(np.maximum(two, 1e-300)) - np.log(np.multiply.outer(one, one))
    truth = float((two * ratio).sum() * step**2)
    found = scale_excess(tensor(weight.tolist()), tensor(scale.tolist()), 1, 1)
    assert float(found) == pytest.approx(truth, abs=2e-4)
    same = scale_excess(tensor([0.4, 0.6]), tensor([2.0, 2.0]), 3, 4)
    assert float(same) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("dx", "dy"), [(1, 2), (8, 32)])
def test_scale_excess_in_more_columns_by_simulation(dx, dy):
    weight, scale = np.array([0.5, 0.3, 0.2]), np.array([0.05, 1.0, 20.0])
    rng = np.random.default_rng(1)
    n = 200_000
    s = rng.choice(scale, n, p=weight)
    qx, qy = s * rng.chisquare(dx, n), s * rng.chisquare(dy, n)

    def log_density(q, d):
        parts = np.log(weight) - 0.5 * d * np.log(scale) - 0.5 * q[:, None] / scale
        return np.logaddexp.reduce(parts, axis=1)

    pointwise = log_density(qx + qy, dx + dy) - log_density(qx, dx) - log_density(qy, dy)
    found = scale_excess(tensor(weight.tolist()), tensor(scale.tolist()), dx, dy)
    assert float(found) == pytest.approx(pointwise.mean(), abs=5 * pointwise.std() / math.sqrt(n))


def test_graded_scales_are_bells_or_of_any_weights():
    weight, scale = elliptical.GradedScale._scales(4000, seeded())
    assert torch.allclose(weight.sum(1), torch.ones(4000).double())
    assert float(weight.min()) > 0
    bell = (weight - weight.flip(1)).abs().max(1).values < 1e-12
    assert 0.45 < float(bell.double().mean()) < 0.55
    assert float((weight.max(1).values > 0.9).double().mean()) > 0.05
    steps = scale.log().diff(dim=1)
    assert torch.allclose(steps, steps[:, :1].expand_as(steps))
    assert 0.1 <= float(steps.min()) < 0.11
    assert 0.9 < float(steps.max()) <= 1.0


@pytest.mark.parametrize("uneven", [False, True])
def test_graded_scales_have_the_truth_of_an_elliptical_law(uneven):
    """Kendall's tau of such a law is that of the correlation, and the scales add their part."""
    rng = np.random.default_rng(3)
    z = np.linspace(-2.5, 2.5, elliptical.STEPS)
    weight = rng.dirichlet(np.full(len(z), 0.5)) + 1e-3 if uneven else np.exp(-0.5 * z**2)
    weight, scale = tensor(*(weight / weight.sum())), torch.exp(1.5 * tensor(*z))

    class Known(elliptical.GradedScale):
        @staticmethod
        def _scales(batch, rng):
            return weight.expand(batch, -1), scale.expand(batch, -1)

    both = Known().draw(30, 20_000, 1, 1, seeded(1))
    mean = (weight * scale.log()).sum()
    spread = math.sqrt(float((weight * (scale.log() - mean) ** 2).sum()) + math.pi**2 / 2)
    # log x^2 of a normal number has the mean psi(1/2) + log 2
    found = torch.log(both.x[..., 0] ** 2).mean(1) - digamma(0.5) - math.log(2)
    assert float((found - mean).abs().max()) < 5 * spread / math.sqrt(20_000)
    excess = float(scale_excess(weight[None], scale[None], 1, 1))
    assert excess > 0.02
    for i in range(30):
        tau = kendalltau(both.x[i, :, 0], both.y[i, :, 0]).statistic
        truth = -math.log(math.cos(math.pi / 2 * tau)) + excess
        assert truth == pytest.approx(float(both.mi[i]), abs=0.03 + 0.03 * float(both.mi[i]))


@pytest.mark.parametrize(
    ("name", "scales"), [("scale_pairs", "few_scales"), ("graded_pairs", "graded_scales")]
)
def test_pairs_of_scales_have_the_truth_of_an_elliptical_law_each(name, scales, monkeypatch):
    weight, scale = tensor(0.6, 0.3, 0.1), tensor(1.0, 0.05, 20.0)

    def fixed(count, *_):
        return weight.expand(count, 3), scale.expand(count, 3)

    monkeypatch.setattr(elliptical, scales, fixed)
    excess = float(scale_excess(weight[None], scale[None], 1, 1))
    assert excess > 0.1
    wanted = tensor([0.0, 0.6], [1.5, 3.0])
    x, y, known = FAMILIES[name].pairs(wanted, 40_000, seeded(2))
    for i in range(2):
        for j in range(2):
            tau = kendalltau(x[i, :, j], y[i, :, j]).statistic
            truth = -math.log(math.cos(math.pi / 2 * tau)) + excess
            assert truth == pytest.approx(float(known[i, j]), abs=0.03)
        norms = np.log(np.abs(np.column_stack([x[i], y[i]])))
        r = np.corrcoef(norms.T)
        assert min(r[0, 2], r[1, 3]) > 0.2  # of one pair
        assert abs(r[0, 1]) < 0.03  # of two


@pytest.mark.parametrize("shape", [-0.6, 0.0, 3.0])
def test_bounded_excess_is_the_double_integral(shape):
    """Of one column a side: the density within the disk, and what is left of it along a line."""
    r, _, weight = unit_grid(reach=3.0)
    log_density = shape * np.log1p(-(r**2)) + math.log((shape + 1) / math.pi)
    angle = 2 * math.pi * (np.arange(400) + 0.5) / 400

    def log_margin(x):
        scale = math.lgamma(shape + 2) - math.lgamma(shape + 1.5) - 0.5 * math.log(math.pi)
        return (shape + 0.5) * np.log1p(-(x**2)) + scale

    x, y = np.multiply.outer(r, np.cos(angle)), np.multiply.outer(r, np.sin(angle))
    ratio = log_density[:, None] - log_margin(x) - log_margin(y)
    mass = (weight * r * np.exp(log_density))[:, None] * np.full(400, 2 * math.pi / 400)
    assert mass.sum() == pytest.approx(1, abs=1e-3)
    found = float(elliptical.bounded_excess(tensor(shape), 1, 1)[0])
    assert found == pytest.approx((mass * ratio).sum(), abs=2e-3)


@pytest.mark.parametrize(("dx", "dy"), [(1, 3), (6, 4)])
def test_bounded_excess_in_more_columns_by_simulation(dx, dy):
    """Margins of the density are of the same kind, with half a power more for each column lost."""
    rng = np.random.default_rng(4)
    n, shape, both = 100_000, 0.7, dx + dy
    z = rng.normal(size=(n, both))
    z /= np.sqrt((z**2).sum(1) + 2 * rng.gamma(shape + 1, size=n))[:, None]
    assert float((z**2).sum(1).max()) < 1

    def log_density(rows):
        d = rows.shape[1]
        a = shape + (both - d) / 2
        scale = math.lgamma(a + 1 + d / 2) - math.lgamma(a + 1) - d / 2 * math.log(math.pi)
        return a * np.log1p(-(rows**2).sum(1)) + scale

    pointwise = log_density(z) - log_density(z[:, :dx]) - log_density(z[:, dx:])
    found = float(elliptical.bounded_excess(tensor(shape), dx, dy)[0])
    assert found == pytest.approx(pointwise.mean(), abs=5 * pointwise.std() / math.sqrt(n))


def test_bounded_rows_have_the_truth_of_an_elliptical_law():
    """Kendall's tau of such a law is that of the correlation, and the norm adds its part."""

    class Known(elliptical.BoundedElliptical):
        @staticmethod
        def _shapes(batch, rng):
            return torch.full((batch,), 0.5).double()

    both = Known().draw(30, 20_000, 1, 1, seeded(1))
    excess = float(elliptical.bounded_excess(tensor(0.5), 1, 1)[0])
    assert excess > 0.02
    for i in range(30):
        x = both.x[i, :, 0]
        # one coordinate of the law has a density (1 - x^2)^1
        assert float(x.abs().max()) < 1
        assert float((x**2).mean()) == pytest.approx(0.2, abs=0.005)
        tau = kendalltau(x, both.y[i, :, 0]).statistic
        truth = -math.log(math.cos(math.pi / 2 * tau)) + excess
        assert truth == pytest.approx(float(both.mi[i]), abs=0.03 + 0.03 * float(both.mi[i]))


@pytest.mark.parametrize(("dx", "dy", "power"), [(1, 1, 0.7), (2, 1, 3.0), (1, 6, 2.5)])
def test_shell_excess_has_densities_of_tricomis_function(dx, dy, power):
    """Of many rows: the density of some columns is Tricomi's U of their squared norm."""
    rng = np.random.default_rng(9)
    n, both = 50_000, dx + dy
    z = rng.normal(size=(n, both))
    z *= np.sqrt(2 * rng.gamma(power + both / 2, size=n) / (z**2).sum(1))[:, None]
    scale = (
        math.lgamma(both / 2)
        - (power + both / 2) * math.log(2 * math.pi)
        + power * math.log(math.pi)
        - math.lgamma(power + both / 2)
    )

    def log_density(rows):
        s, half = (rows**2).sum(1), (both - rows.shape[1]) / 2
        if not half:
            return scale + power * np.log(s) - s / 2
        u = hyperu(half, half + power + 1, s / 2)
        return scale + half * math.log(math.pi) + (power + half) * np.log(s) - s / 2 + np.log(u)

    pointwise = log_density(z) - log_density(z[:, :dx]) - log_density(z[:, dx:])
    found = float(elliptical.shell_excess(tensor(power), dx, dy)[0])
    assert found == pytest.approx(pointwise.mean(), abs=5 * pointwise.std() / math.sqrt(n))
    assert found > 0.01


@pytest.mark.parametrize(("dx", "dy"), [(1, 1), (1, 32), (32, 32)])
def test_a_shell_without_power_is_a_normal_law(dx, dy):
    assert float(elliptical.shell_excess(tensor(0.0), dx, dy)[0]) == pytest.approx(0, abs=1e-6)
    powers = tensor(0.1, 1.0, 10.0) * (dx + dy) / 2
    found = elliptical.shell_excess(powers, dx, dy)
    assert bool((found.diff() > 0).all())
    alone = torch.cat([elliptical.shell_excess(p[None], dx, dy) for p in powers])
    assert torch.allclose(found, alone, atol=1e-6)  # nodes are of all powers together


def test_shells_have_the_truth_of_an_elliptical_law():
    class Known(elliptical.Shell):
        @staticmethod
        def _powers(batch, rng):
            return torch.full((batch,), 2.0).double()

    both = Known().draw(30, 20_000, 1, 1, seeded(1))
    excess = float(elliptical.shell_excess(tensor(2.0), 1, 1)[0])
    for i in range(30):
        x = both.x[i, :, 0]
        # half of the mean of a squared norm, 2 (power + 1)
        assert float((x**2).mean()) == pytest.approx(3.0, rel=0.05)
        tau = kendalltau(x, both.y[i, :, 0]).statistic
        truth = -math.log(math.cos(math.pi / 2 * tau)) + excess
        assert truth == pytest.approx(float(both.mi[i]), abs=0.03 + 0.03 * float(both.mi[i]))


def test_principal_components_that_lead_have_the_information():
    both = drawn("gaussian_principal", 40, 4000, 8, 6, seed=1)
    share = []
    for x, y, mi in zip(both.x.numpy(), both.y.numpy(), both.mi.tolist(), strict=True):
        if mi < 0.3:
            continue
        lead = []
        for v in (x, y):
            values, vectors = np.linalg.eigh(np.cov(v.T))
            lead.append(v @ vectors[:, ::-1][:, :3])
            assert values[-1] > 1.2 * values[0]
        r = np.corrcoef(np.hstack(lead).T)
        found = np.linalg.slogdet(r[:3, :3])[1] + np.linalg.slogdet(r[3:, 3:])[1]
        share.append(0.5 * (found - np.linalg.slogdet(r)[1]) / mi)
    assert len(share) > 15
    assert 0.6 < np.mean(share) < 1.02


# --- copulas ----------------------------------------------------------------------------------


class ClaytonByQuadrature(copulas.Archimedean):
    """Clayton's generator, so that the integral meets its closed form."""

    @staticmethod
    def slopes(theta, log_t):
        a, grown = 1 / theta, np.logaddexp(0, log_t)
        first = math.log(a) - (a + 1) * grown
        return first, first + math.log(a + 1) - grown


@pytest.mark.parametrize("theta", [0.5, 1.0, 3.0])
def test_archimedean_integral_is_claytons_closed_form(theta):
    log_s, log_rest, _ = copulas.unit_nodes()
    log_t = np.linspace(-25, 40 * theta, 3000)
    family = ClaytonByQuadrature
    first = sum(family.slopes(theta, log_t[:, None] + part)[0] for part in (log_s, log_rest))
    found = copulas.archimedean_information(first, family.slopes(theta, log_t)[1], log_t)
    assert found == pytest.approx(math.log1p(theta) - theta / (1 + theta), abs=1e-6)


def frank_density(theta, u, v, _u, _v):
    q = -math.expm1(-theta)
    root = q - np.expm1(-theta * u) * np.expm1(-theta * v)
    return theta * q * np.exp(-theta * (u + v)) / root**2


def gumbel_density(theta, u, v, _u, _v):
    a, b = -np.log(u), -np.log(v)
    s = a**theta + b**theta
    power = s ** (1 / theta)
    scale = (a * b) ** (theta - 1) / (u * v)
    return np.exp(-power) * scale * s ** (2 / theta - 2) * (1 + (theta - 1) / power)


def joe_density(theta, _u, _v, u, v):
    s = u**theta + v**theta - (u * v) ** theta
    return s ** (1 / theta - 2) * (u * v) ** (theta - 1) * (theta - 1 + s)


DELTA = FAMILIES["joe_frank"].delta


def joe_frank_parts(theta, u):
    """What a uniform number u is in the copula, and its derivative, before they are multiplied."""
    rest = 1 - DELTA * u
    return 1 - rest**theta, theta * DELTA * rest ** (theta - 1)


def joe_frank_density(theta, u, v, _u, _v):
    eta = 1 - (1 - DELTA) ** theta
    (a, da), (b, db) = (joe_frank_parts(theta, w) for w in (u, v))
    h = 1 - a * b / eta
    return da * db / (DELTA * theta * eta) * h ** (1 / theta - 2) * (1 - a * b / (theta * eta))


DENSITIES = {
    "joe_frank": joe_frank_density,
    "frank": frank_density,
    "gumbel": gumbel_density,
    "joe": joe_density,
}


@pytest.mark.parametrize("place", [30, 70])
@pytest.mark.parametrize("name", list(DENSITIES))
def test_archimedean_truth_is_the_double_integral(name, place):
    table = FAMILIES[name].table()
    theta, mi = table.theta[place], table.mi[place]
    u, rest, weight = unit_grid(reach=2.6)
    c = DENSITIES[name](theta, u[:, None], u, rest[:, None], rest)
    mass = weight[:, None] * weight
    assert (c * mass).sum() == pytest.approx(1, abs=2e-3)
    log_c = np.log(np.maximum(c, 1e-300))
    assert (c * log_c * mass).sum() == pytest.approx(mi, abs=2e-3 + 0.002 * mi)


def kendall(name, theta):
    if name == "clayton":
        return theta / (theta + 2)
    if name == "gumbel":
        return 1 - 1 / theta
    if name == "frank":
        return 1 + 4 / theta * (quad(lambda t: t / math.expm1(t), 0, theta)[0] / theta - 1)
    if name == "joe_frank":

        def ratio(u):  # the generator over its derivative
            (a, da), last = joe_frank_parts(theta, u), (1 - DELTA) ** theta
            return a / da * (math.log1p(-((1 - DELTA * u) ** theta)) - math.log1p(-last))

        return 1 + 4 * quad(ratio, 0, 1)[0]
    k = np.arange(1.0, 100_000)
    return 1 - 4 * np.sum(1 / (k * (theta * k + 2) * (theta * (k - 1) + 2)))


@pytest.mark.parametrize("name", ["clayton", "gumbel", "frank", "joe", "joe_frank"])
def test_archimedean_rows_have_kendalls_tau(name):
    wanted = tensor([0.05], [0.3], [1.0], [1.8])
    family = FAMILIES[name]
    theta = family.table().nearest(wanted)[0]
    x, y, mi = family.pairs(wanted, 6000, seeded(5))
    assert torch.allclose(mi, wanted, atol=0.06)
    for i in range(len(wanted)):
        tau = kendalltau(x[i, :, 0].numpy(), y[i, :, 0].numpy()).statistic
        assert abs(tau) == pytest.approx(kendall(name, float(theta[i])), abs=0.03)


@pytest.mark.parametrize("name", ["clayton", "gumbel", "frank", "joe", "joe_frank", "grid_copula"])
def test_copulas_have_uniform_margins(name):
    x, y, _ = FAMILIES[name].pairs(tensor([0.8, 0.1]), 5000, seeded(3))
    for v in (x, y):
        rows = np.sort(v.numpy().reshape(-1, 2) + 0.5, axis=0)
        gap = np.abs(rows - (np.arange(5000) + 0.5)[:, None] / 5000).max()
        assert gap < 0.035  # Kolmogorov's bound at a chance of 1e-5


def test_sinkhorn_and_the_published_grid():
    t = (torch.arange(24, dtype=torch.float64) + 0.5) / 24
    v, u = t, t[:, None]
    surface = -0.5 * ((v - 0.5 - 0.45 * torch.sin(2 * math.pi * u)) / 0.1) ** 2
    p = copulas.sinkhorn(surface, rounds=500)
    assert torch.allclose(p.sum(0), torch.full((24,), 1 / 24).double(), atol=1e-6)
    assert float(copulas.table_information(p)) == pytest.approx(1.027091981483874, abs=1e-4)


def test_cells_are_drawn_with_their_probabilities():
    p = torch.rand(1, 2, 3, 4, generator=seeded(), dtype=torch.float64)
    p = p / p.sum((2, 3), keepdim=True)
    i, j = copulas.draw_cells(p, 200_000, seeded(1))
    for k in range(2):
        counts = np.bincount(i[0, :, k].numpy() * 4 + j[0, :, k].numpy(), minlength=12)
        assert np.abs(counts / 200_000 - p[0, k].numpy().ravel()).max() < 0.006


def test_frailty_is_claytons_law_of_two_columns():
    a = tensor(0.3, 2.0)
    theta = 1 / a
    found = frailty_information(a, 1, 1)
    assert torch.allclose(found, torch.log1p(theta) - theta / (1 + theta))
    # by simulation of the multivariate Lomax density in 2 + 3 columns
    rng, n, shape = np.random.default_rng(0), 200_000, 2.0
    x = rng.exponential(size=(n, 5)) / rng.gamma(shape, size=(n, 1))

    def log_density(v):
        d = v.shape[1]
        return math.lgamma(shape + d) - math.lgamma(shape) - (shape + d) * np.log1p(v.sum(1))

    pointwise = log_density(x) - log_density(x[:, :2]) - log_density(x[:, 2:])
    truth = frailty_information(tensor(shape), 2, 3)
    assert float(truth) == pytest.approx(pointwise.mean(), abs=5 * pointwise.std() / math.sqrt(n))


# --- noise ------------------------------------------------------------------------------------


def test_additive_noise_is_the_oracle():
    mi = tensor([0.1, 0.3, 0.6, 1.5, 3.0])
    x, y, known = FAMILIES["additive_noise"].pairs(mi, 20_000, seeded())
    for j in range(5):
        a, b = x[0, :, j], y[0, :, j]
        width = 2 * float(torch.minimum((b - a).abs().max(), (b + a).abs().max()))
        oracle = oracles.AdditiveUniformNoise(width / 2)
        assert oracle.truth("mutual_information") == pytest.approx(float(known[0, j]), rel=2e-3)


def test_smoothed_entropy_of_two_points():
    found = smoothed_entropy(np.array([-1.5, 1.5]), np.array([0.5, 0.5]), 0.7)
    law = [norm(-1.5, 0.7), norm(1.5, 0.7)]
    t = np.linspace(-9, 9, 20_001)
    p = sum(one.pdf(t) for one in law) / 2
    assert found == pytest.approx(-np.sum(p * np.log(p)) * (t[1] - t[0]), abs=1e-5)


@pytest.mark.parametrize("place", [20, 60, 90])
def test_volatility_truth_is_a_direct_integral(place):
    table = volatility_table()
    a, mi = float(table.theta[place]), float(table.mi[place])
    x, weight = np.polynomial.hermite_e.hermegauss(180)
    weight = weight / weight.sum()
    y = np.exp(np.linspace(-16 - 9 * a, 4 + 9 * a, 20_001))
    sd = np.exp(a * x)[:, None]
    p = 2 * weight @ (norm.pdf(y / sd) / sd)
    entropy = -np.trapezoid(p * np.log(np.maximum(p, 1e-300)), y)
    given = 0.5 * math.log(2 * math.pi * math.e) - math.log(2)  # of |Z|; E log of the scale is 0
    assert mi == pytest.approx(entropy - given, abs=1e-3)


@pytest.mark.parametrize("which", range(18))
def test_curve_truths_are_direct_integrals(which):
    values, sigma, table = noisy.curve_tables()
    place = 75
    s = sigma[place]
    y = np.linspace(-1 - 9 * s, 1 + 9 * s, 501)
    p = norm.pdf((y - values[which][:, None]) / s).mean(0) / s
    entropy = -np.sum(p * np.log(p)) * (y[1] - y[0])
    noise = 0.5 * math.log(2 * math.pi * math.e) + math.log(s)
    assert table[which, place] == pytest.approx(entropy - noise, abs=1e-4)


def test_waves_are_tabulated_finer_than_the_least_noise():
    values, sigma, _ = noisy.curve_tables()
    steps = np.abs(np.diff(values[-len(noisy.FAST) :], axis=1)).max()
    assert steps < sigma.min() / 3


def test_ring_truth_is_a_double_integral():
    table = ring_table()
    place = int(np.argmin(np.abs(table.theta - 0.3)))
    s, mi = float(table.theta[place]), float(table.mi[place])
    t = np.linspace(-1 - 8 * s, 1 + 8 * s, 401)
    step = t[1] - t[0]
    angle = 2 * np.pi * (np.arange(400) + 0.5) / 400
    ex = norm.pdf((t[:, None] - np.cos(angle)) / s) / s
    ey = norm.pdf((t[:, None] - np.sin(angle)) / s) / s
    p = ex @ ey.T / 400
    ratio = np.log(np.maximum(p, 1e-300)) - np.log(np.multiply.outer(ex.mean(1), ey.mean(1)))
    assert mi == pytest.approx(float((p * ratio).sum() * step**2), abs=1e-4)


def test_gamma_exponential_is_the_oracle():
    table = gamma_exponential_table()
    for place in (50, 200, 300):
        oracle = oracles.GammaExponential(float(table.theta[place]))
        assert float(table.mi[place]) == pytest.approx(oracle.truth("mutual_information"))
    wanted = tensor([0.3])
    shape = float(table.nearest(wanted)[0])
    x, y, _ = FAMILIES["gamma_exponential"].pairs(wanted, 50_000, seeded())
    x, y = (v[0, :, 0].numpy() * (1 + 1 / shape) for v in (x, y))  # logarithms
    assert x.mean() == pytest.approx(digamma(shape), abs=0.05)
    assert (x + y).mean() == pytest.approx(-np.euler_gamma, abs=0.03)


def test_products_tell_of_each_other_by_sign_and_by_size():
    wanted = tensor([1.0, 0.2])
    x, y, mi = FAMILIES["product"].pairs(wanted, 100_000, seeded(1))
    assert torch.allclose(mi, wanted, atol=1e-9)
    for j in range(2):
        a, b = x[0, :, j].numpy(), y[0, :, j].numpy()
        p = np.mean(a * b < 0)
        signs = math.log(2) + p * math.log(p) + (1 - p) * math.log(1 - p)
        rho = np.corrcoef(np.log(np.abs(a)), np.log(np.abs(b)))[0, 1]
        assert signs - 0.5 * math.log1p(-(rho**2)) == pytest.approx(float(mi[0, j]), abs=0.02)


@pytest.mark.parametrize("law", list(sums.LAWS.values()), ids=list(sums.LAWS))
def test_laws_have_their_quantiles_and_entropies(law):
    u = (np.arange(200_000) + 0.5) / 200_000
    t = law.quantile(torch.as_tensor(u)).numpy()
    assert np.allclose(law.cdf(t), u, atol=1e-9)
    assert np.log(np.diff(t) * 200_000).mean() == pytest.approx(law.entropy, abs=1e-3)
    assert law.cdf(np.array([law.low, law.high])) == pytest.approx([0, 1], abs=1e-9)


@pytest.mark.parametrize(
    ("signal", "noise", "gain", "truth"),
    [
        ("normal", "normal", 2.0, 0.5 * math.log(5)),
        ("uniform", "uniform", 4.0, 0.125 + math.log(4)),  # e/2 - log e, e = 1 / gain
        ("uniform", "uniform", 0.5, 0.25),
        ("exponential", "exponential", 1.0, np.euler_gamma),  # the sum is gamma of shape 2
    ],
)
def test_information_of_sums_in_closed_form(signal, noise, gain, truth):
    found = sums.sum_information(sums.LAWS[signal], sums.LAWS[noise], gain)
    assert found == pytest.approx(truth, abs=2e-4)


@pytest.mark.parametrize(
    "noise", ["uniform", "triangular", "arcsine", "laplace", "exponential", "logistic"]
)
@pytest.mark.parametrize("gain", [0.3, 2.0])
def test_information_of_sums_is_a_direct_integral(noise, gain):
    law = sums.LAWS[noise]
    u = torch.as_tensor((np.arange(2000) + 0.5) / 2000)
    y = np.linspace(gain * -8 + law.low, gain * 8 + law.high, 3001)
    p = norm.pdf(y[:, None], law.quantile(u).numpy(), gain).mean(1)
    truth = -xlogy(p, p).sum() * (y[1] - y[0]) - law.entropy
    assert sums.sum_information(sums.NORMAL, law, gain) == pytest.approx(truth, abs=2e-3)


@pytest.mark.parametrize("name", ["bounded_noise", "skewed_noise", "smooth_noise"])
def test_sums_tell_nothing_where_nothing_is_wanted(name):
    x, y, mi = FAMILIES[name].pairs(tensor([0.0]), 20_000, seeded())
    assert float(mi[0, 0]) == 0.0
    assert abs(np.corrcoef(x[0, :, 0], y[0, :, 0])[0, 1]) < 0.03


def test_wrapped_noise_is_its_fourier_series():
    table = sums.wrapped_table()
    assert (table.theta[0], table.mi[0]) == (1e3, 0.0)
    t = np.linspace(0, 1, 20_001)[:-1]
    k = np.arange(1, 200)[:, None]
    for place in (20, 50, 80):
        decay = np.exp(-2 * (math.pi * k * table.theta[place]) ** 2)
        p = np.clip(1 + 2 * (decay * np.cos(2 * math.pi * k * t)).sum(0), 1e-300, None)
        assert table.mi[place] == pytest.approx(np.mean(p * np.log(p)), abs=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_circles_leave_the_noise(seed):
    x, y, mi = FAMILIES["circular"].pairs(tensor([0.3, 1.2]), 60_000, seeded(seed))
    for j in range(2):
        assert float(mi[0, j]) == pytest.approx((0.3, 1.2)[j], abs=0.05)
        turns = [t for t in range(-sums.TURNS, sums.TURNS + 1) if t]
        rest = [(y[0, :, j] - t * x[0, :, j]).numpy() % 1 for t in turns]
        p = np.array([np.histogram(r, 100, (0, 1))[0] for r in rest]) / 60_000
        found = math.log(100) + xlogy(p, p).sum(1)
        assert found.max() == pytest.approx(float(mi[0, j]), abs=0.03)
        assert np.sort(found)[-2] < 0.01


@pytest.mark.parametrize("seed", range(6))
def test_bands_about_a_torus_leave_the_noise(seed):
    n, wanted = 60_000, tensor([0.3, 1.2])
    x, y, mi = FAMILIES["torus"].pairs(wanted, n, seeded(seed))
    assert torch.allclose(mi, wanted, atol=0.05)
    for j in range(2):
        a, b = x[0, :, j].numpy(), y[0, :, j].numpy()
        assert np.histogram(b, 10, (-0.5, 0.5))[0].min() > 5600
        ways = product(range(1, 5), range(-sums.TURNS - 1, sums.TURNS + 2))
        rest = {(k, m): (k * b - m * a) % 1 for k, m in ways if m}
        p = np.array([np.histogram(r, 100, (0, 1))[0] for r in rest.values()]) / n
        found = dict(zip(rest, math.log(100) + xlogy(p, p).sum(1), strict=True))
        times, turns = max(found, key=found.get)
        assert found[times, turns] == pytest.approx(float(mi[0, j]), abs=0.03)
        unlike = [v for (k, m), v in found.items() if k * turns != m * times]
        assert max(unlike) < 0.01  # bands of one slope, and no other


def test_bands_about_a_torus_are_no_function_of_either_side():
    """Of bands whose numbers have nothing in common no whole multiple of one side tells alone."""
    found = [FAMILIES["torus"].pairs(tensor([1.5]), 4000, seeded(seed)) for seed in range(40)]
    told = np.zeros(40)
    for i, (x, y, _) in enumerate(found):
        a, b = x[0, :, 0].numpy(), y[0, :, 0].numpy()
        ways = range(1, sums.TURNS + 2)
        rest = [(s * m * u - v) % 1 for m in ways for s in (-1, 1) for u, v in ((a, b), (b, a))]
        p = np.array([np.histogram(r, 20, (0, 1))[0] for r in rest]) / 4000
        told[i] = (math.log(20) + xlogy(p, p).sum(1)).max()
    assert np.mean(told < 0.05) > 0.5


def test_leaning_waves_are_uniform_and_lean():
    turns = torch.linspace(0, 3, 30_001, dtype=torch.float64)[:-1]
    for share in (0.5, 0.7, 1.0):
        wave = sums.leaning(turns, torch.tensor(share)).numpy()
        count = np.histogram(wave, 20, (-0.5, 0.5))[0]
        assert count.min() > 1490
        rising = np.mean(np.diff(wave) > 0)
        assert rising == pytest.approx(share, abs=1e-3)
    even = sums.leaning(turns, torch.tensor(0.5))
    assert torch.allclose(even, -sums.zigzag(turns), atol=1e-9)


@pytest.mark.parametrize(
    ("name", "seed"),
    [("oscillation", seed) for seed in (0, 1, 3, 5, 7, 9)]  # both waves, each with all noises
    + [("leaning_wave", seed) for seed in range(8)],
)
def test_oscillations_leave_the_noise(name, seed):
    """Of Y without its wave the law of the noise is left, and their information adds up."""
    n, wanted = 60_000, tensor([0.3, 1.2])
    x, y, mi = FAMILIES[name].pairs(wanted, n, seeded(seed))
    assert torch.allclose(mi, wanted, atol=0.05)
    for j in range(2):
        b = y[0, :, j].numpy()
        best = (np.inf, None)
        for turns in range(1, sums.TURNS + 1):
            place = (turns * (x[0, :, j].numpy() + 0.5)) % 1.0
            cell = np.minimum((place * 400).astype(int), 399)
            mean = np.bincount(cell, b, 400) / np.bincount(cell, minlength=400)
            left = b - mean[cell]
            if left.var() < 0.999 * best[0]:  # multiples of the turns see the wave too
                spread = np.bincount(cell, left**2, 400) / np.bincount(cell, minlength=400)
                steep = spread > np.quantile(spread, 0.97)  # a jump, or nearly one, is within
                best = (left.var(), left[~steep[cell]])
        entropy = []
        for v in (b, best[1]):
            count, edges = np.histogram(v, 300)
            p = count / len(v)
            entropy.append(math.log(edges[1] - edges[0]) - xlogy(p, p).sum())
        assert entropy[0] - entropy[1] == pytest.approx(float(mi[0, j]), abs=0.04)


# --- clusters ---------------------------------------------------------------------------------


def test_mixture_truth_is_a_double_integral():
    weight = tensor([0.3, 0.5, 0.2])
    mean_x, mean_y = tensor([[-2.0], [0.5], [2.0]]), tensor([[1.0], [-1.0], [3.0]])
    scale_x, scale_y = tensor([[1.0], [0.5], [1.5]]), tensor([[0.7], [1.0], [1.2]])
    rho = tensor([[0.8], [-0.5], [0.0]])
    law = Classes(weight, mean_x, mean_y, scale_x, scale_y, rho)
    mi, se = law.information(seeded(3))
    t = np.linspace(-9, 11, 801)
    grid = np.stack(np.meshgrid(t, t, indexing="ij"), axis=-1)
    p = np.zeros((801, 801))
    for k in range(3):
        sx, sy = float(scale_x[0, k]), float(scale_y[0, k])
        c = float(rho[0, k]) * sx * sy
        mean = [float(mean_x[0, k]), float(mean_y[0, k])]
        p += float(weight[0, k]) * multivariate_normal(mean, [[sx**2, c], [c, sy**2]]).pdf(grid)
    step = t[1] - t[0]
    ratio = np.log(np.maximum(p, 1e-300)) - np.log(
        np.multiply.outer(p.sum(1) * step, p.sum(0) * step)
    )
    truth = float((p * ratio).sum() * step**2)
    assert 0 < float(se) < 0.02
    assert float(mi) == pytest.approx(truth, abs=4 * float(se))


def test_standard_error_of_a_mixture_is_the_spread_of_its_truths():
    rng = seeded(8)
    law = Classes(
        torch.full((200, 3), 1 / 3, dtype=torch.float64),
        *(tensor(*[[[-1.0], [0.5], [2.0]]] * 200) for _ in range(2)),
        *(torch.ones(200, 3, 1, dtype=torch.float64) for _ in range(2)),
        torch.full((200, 3, 1), 0.5, dtype=torch.float64),
    )
    mi, se = law.information(rng)
    assert float(mi.std() / se.mean()) == pytest.approx(1, abs=0.2)


# --- discrete and mixed -----------------------------------------------------------------------


def plug_in(x, y):
    _, a = np.unique(x, return_inverse=True)
    _, b = np.unique(y, return_inverse=True)
    p = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(p, (a, b), 1 / len(a))
    kept = p > 0
    product = np.multiply.outer(p.sum(1), p.sum(0))
    bias = (kept.sum() - p.shape[0] - p.shape[1] + 1) / (2 * len(a))
    return float((p[kept] * np.log(p[kept] / product[kept])).sum()) - bias


@pytest.mark.parametrize("name", ["discrete_table", "latent_classes"])
@pytest.mark.parametrize("seed", range(4))
def test_discrete_tables_have_the_information_of_their_counts(name, seed):
    both = drawn(name, 6, 40_000, 1, 1, seed)
    for i in range(6):
        found = plug_in(both.x[i, :, 0].numpy(), both.y[i, :, 0].numpy())
        assert found == pytest.approx(float(both.mi[i]), abs=0.02)


@pytest.mark.parametrize("levels", [2, 5])
@pytest.mark.parametrize("both", [True, False])
def test_rounded_truth_is_that_of_the_normal_cells(levels, both):
    table = rounded_table(levels, both)
    place = 80
    rho, mi = float(table.theta[place]), float(table.mi[place])
    edges = np.r_[-9.0, ndtri(np.arange(1, levels) / levels), 9.0]
    if both:
        law = multivariate_normal([0, 0], [[1, rho], [rho, 1]])
        p = [
            [law.cdf([b, d], lower_limit=[a, c]) for c, d in pairwise(edges)]
            for a, b in pairwise(edges)
        ]
        p = np.maximum(p, 0)
        truth = float(np.sum(xlogy(p, p * levels**2)))
    else:
        spread = math.sqrt(1 - rho**2)
        y = np.linspace(-8, 8, 4001)
        given = np.diff(norm.cdf((edges - rho * y[:, None]) / spread), axis=1)
        inner = given * np.log(np.maximum(given, 1e-300) * levels)
        truth = float((norm.pdf(y) @ inner).sum() * (y[1] - y[0]))
    assert mi == pytest.approx(truth, abs=2e-4)


def test_rounded_pairs_have_the_information_of_their_counts():
    seen = 0
    for seed in range(6):
        both = drawn("rounded", 4, 40_000, 1, 1, seed)
        for x, y, mi in zip(both.x.numpy(), both.y.numpy(), both.mi.tolist(), strict=True):
            if max(len(np.unique(x)), len(np.unique(y))) <= 10:
                seen += 1
                assert plug_in(x[:, 0], y[:, 0]) == pytest.approx(mi, abs=0.02)
    assert seen >= 4


def test_labels_are_the_oracle():
    table = level_table(2)
    for place in (30, 60, 90):
        oracle = oracles.LabelledNormals(float(table.theta[place]))
        truth = oracle.truth("mutual_information")
        assert float(table.mi[place]) == pytest.approx(truth, abs=1e-5)


@pytest.mark.parametrize("seed", range(4))
def test_labels_have_the_information_of_their_posterior(seed):
    family, wanted = FAMILIES["label"], tensor([0.4])
    x, y, mi = family.pairs(wanted, 40_000, seeded(seed))
    x, y = x[0, :, 0].numpy(), y[0, :, 0].numpy()
    label, value = (x, y) if len(np.unique(x)) <= 8 else (y, x)
    levels = np.unique(label)
    means = np.array([value[label == level].mean() for level in levels])
    log_p = -0.5 * (value[:, None] - means) ** 2
    own = log_p[np.arange(len(value)), np.searchsorted(levels, label)]
    found = np.mean(own - np.logaddexp.reduce(log_p, axis=1)) + math.log(len(levels))
    assert found == pytest.approx(float(mi), abs=0.02)


def test_overlapping_intervals_are_the_oracle():
    x, y, mi = FAMILIES["overlapping_intervals"].pairs(tensor([0.0, 0.9, 3.0]), 20_000, seeded())
    for j in (1, 2):
        m = len(torch.unique(x[0, :, j]))
        truth = oracles.OverlappingUniforms(m).truth("mutual_information")
        assert float(mi[0, j]) == pytest.approx(truth)
        gap = y[0, :, j] - x[0, :, j]
        assert 0 <= float(gap.min()) < float(gap.max()) <= 2
    assert float(mi[0, 0]) == 0
    assert abs(np.corrcoef(x[0, :, 0], y[0, :, 0])[0, 1]) < 0.03


@pytest.mark.parametrize("seed", range(3))
def test_zero_inflated_pairs_have_their_two_parts(seed):
    x, y, mi = FAMILIES["zero_inflated"].pairs(tensor([0.5], [0.0], [1.5]), 60_000, seeded(seed))
    for i in range(3):
        a, b = x[i, :, 0].numpy(), y[i, :, 0].numpy()
        alive = (a != 0) & (b != 0)
        rho = np.corrcoef(a[alive], b[alive])[0, 1]
        found = plug_in(a != 0, b != 0) - 0.5 * alive.mean() * math.log1p(-(rho**2))
        assert found == pytest.approx(float(mi[i]), abs=0.02)
        alone = (a != 0) & (b == 0)
        assert a[alone].std() == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("seed", range(4))
def test_counts_have_the_information_of_their_table(seed):
    x, y, mi = FAMILIES["counts"].pairs(tensor([0.0, 0.3, 0.8]), 100_000, seeded(seed))
    for j in range(3):
        a, b = (np.floor(v[0, :, j].numpy()) for v in (x, y))
        assert plug_in(a, b) == pytest.approx(float(mi[0, j]), abs=0.02)
    assert float(mi[0, 0]) == 0.0


def most_common(rows):
    values, count = np.unique(rows, axis=0, return_counts=True)
    return values[count.argmax()], count.max()


@pytest.mark.parametrize("seed", range(3))
def test_hurdles_have_their_two_parts(seed):
    n, checked = 60_000, 0
    both = drawn("hurdle", 12, n, 2, 1, seed)
    for x, y, mi in zip(both.x.numpy(), both.y.numpy(), both.mi.tolist(), strict=True):
        (no_x, many_x), (no_y, many_y) = most_common(x), most_common(y)
        if min(many_x, many_y) < 2:  # rows are never absent, or always
            continue
        a, b = (x != no_x).any(1), (y != no_y).any(1)
        ld = np.linalg.slogdet(np.cov(x[a & b].T))[1] + math.log(y[a & b].var())
        inner = 0.5 * (ld - np.linalg.slogdet(np.cov(np.c_[x, y][a & b].T))[1])
        checked += 1
        assert plug_in(a, b) + (a & b).mean() * inner == pytest.approx(mi, abs=0.02)
    assert checked >= 8


@pytest.mark.parametrize("part", ["student", "curve"])
def test_absent_rows_have_their_two_parts(part):
    n, checked = 60_000, 0
    family = Absent((FAMILIES[part],))
    both = family.draw(10, n, 1, 1, seeded(3))
    assert both.parts == (part,)
    for a, b, mi in zip(both.x.numpy(), both.y.numpy(), both.mi.tolist(), strict=True):
        (no_x, many_x), (no_y, many_y) = most_common(a), most_common(b)
        if min(many_x, many_y) < 2:  # rows are never absent, or always
            continue
        here, there = (a != no_x).any(1), (b != no_y).any(1)
        alive = np.flatnonzero(here & there)[:6000]
        inner = KSG1(4).value(Sample.of(scores(a[alive]), scores(b[alive])))
        found = plug_in(here, there) + (here & there).mean() * max(float(inner), 0)
        checked += 1
        assert found == pytest.approx(mi, abs=0.05)
        # the identity needs one law of X beside Y and alone, and of Y
        for v, mine, other in ((a, here, there), (b, there, here)):
            if min((mine & other).sum(), (mine & ~other).sum()) > 50:
                assert ks_2samp(v[mine & other, 0], v[mine & ~other, 0]).pvalue > 1e-4
    assert checked >= 6


@pytest.mark.parametrize("part", [part.name for part in FAMILIES["spiked"].parts])
def test_spiked_pairs_have_their_two_parts(part):
    n, family = 40_000, Spiked((FAMILIES[part],))
    wanted = tensor([0.6], [0.0], [1.2])
    x, y, mi = family.pairs(wanted, n, seeded(9))  # slow curves
    for i in range(3):
        a, b = x[i, :, 0].numpy(), y[i, :, 0].numpy()
        (spike_a, often_a), (spike_b, often_b) = most_common(a), most_common(b)
        assert min(often_a, often_b) > 100
        here, there = a != spike_a, b != spike_b
        both = np.flatnonzero(here & there)[:6000]
        inner = KSG1(4).value(Sample.of(scores(a[both, None]), scores(b[both, None])))
        found = plug_in(here, there) + (here & there).mean() * max(float(inner), 0)
        assert found == pytest.approx(float(mi[i]), abs=0.05)
        # the identity needs one law of X beside Y and alone, and of Y
        assert ks_2samp(a[here & there], a[here & ~there]).pvalue > 1e-4
        assert ks_2samp(b[here & there], b[there & ~here]).pvalue > 1e-4


@pytest.mark.parametrize("seed", range(4))
def test_bits_have_the_information_of_their_counts(seed):
    both = drawn("binary_vectors", 8, 60_000, 3, 2, seed)
    for x, y, mi in zip(both.x.numpy(), both.y.numpy(), both.mi.tolist(), strict=True):
        a, b = x @ [1, 2, 4], y @ [1, 2]
        assert len(np.unique(a)) <= 8
        assert plug_in(a, b) == pytest.approx(mi, abs=0.01)


# --- joint dependence -------------------------------------------------------------------------


@pytest.mark.parametrize("m", [2, 3])
def test_parity_has_the_information_of_its_signs(m):
    wanted = tensor([0.4, 0.1])
    x, y, mi = FAMILIES["parity"]._joint(m, wanted, 60_000, seeded())
    assert torch.allclose(mi, wanted, atol=1e-9)
    product = torch.sign(x[0]).reshape(-1, 2, m).prod(2).numpy()
    sign = torch.sign(y[0]).numpy()
    for j in range(2):
        assert plug_in(product[:, j], sign[:, j]) == pytest.approx(float(mi[0, j]), abs=0.01)
        assert plug_in(np.sign(x[0, :, j * m].numpy()), sign[:, j]) < 1e-3


@pytest.mark.parametrize("m", [2, 3])
def test_modular_sum_leaves_an_interval(m):
    wanted = tensor([0.4, 2.0])
    x, y, mi = FAMILIES["modular_sum"]._joint(m, wanted, 20_000, seeded())
    total = (x[0] + 0.5).reshape(-1, 2, m).sum(2)
    rest = (y[0] + 0.5 - total) % 1.0  # uniform, of width e^-I
    width = rest.max(0).values
    assert torch.allclose(-width.log(), mi[0], atol=2e-3)
    assert torch.allclose(rest.mean(0), width / 2, atol=6e-3)


@pytest.mark.parametrize("m", [2, 3])
def test_plane_waves_have_the_information_of_their_phase(m):
    wanted = tensor([0.3, 1.6])
    x, y, mi = FAMILIES["plane_wave"]._joint(m, wanted, 20_000, seeded(m))
    assert torch.allclose(mi, wanted, atol=0.05)
    for j in range(2):
        a, b = x[0, :, m * j : m * j + m].numpy(), y[0, :, j].numpy()
        left, least = [], np.inf
        for turns in product(range(1, interactions.WAVES + 1), repeat=m):
            phase = 2 * math.pi * (a @ np.array(turns))
            basis = np.stack([np.sin(phase), np.cos(phase)], axis=1)
            weight, rest, *_ = np.linalg.lstsq(basis, b, rcond=None)
            left.append(rest[0] / len(b))
            if left[-1] < least:
                least, size = left[-1], np.hypot(*weight)
        assert np.sort(left)[1] == pytest.approx(b.var(), rel=0.02)  # one wave, and no other
        s = math.sqrt(least)
        t = np.linspace(-size - 8 * s, size + 8 * s, 2001)
        signal = size * np.sin(2 * math.pi * (np.arange(2000) + 0.5) / 2000)
        p = norm.pdf((t[:, None] - signal) / s).mean(1) / s
        entropy = -xlogy(p, p).sum() * (t[1] - t[0])
        noise = 0.5 * math.log(2 * math.pi * math.e) + math.log(s)
        assert entropy - noise == pytest.approx(float(mi[0, j]), abs=0.03)


@pytest.mark.parametrize("m", [2, 3])
@pytest.mark.parametrize(
    ("name", "seed"),
    [("plane_zigzag", 0), ("plane_zigzag", 1), ("plane_zigzag", 2)]
    + [("plane_swell", seed) for seed in range(6)],
)
def test_waves_along_a_direction_leave_the_noise(name, seed, m):
    """Of Y without its wave the law of the noise is left, and their information adds up."""
    n, wanted = 60_000, tensor([0.3, 1.2])
    x, y, mi = FAMILIES[name]._joint(m, wanted, n, seeded(seed))
    assert torch.allclose(mi, wanted, atol=0.05)
    for j in range(2):
        a, b = x[0, :, m * j : m * j + m].numpy(), y[0, :, j].numpy()
        left, ways = [], list(product(range(1, interactions.WAVES + 1), repeat=m))
        for turns in ways:
            cell = (((a + 0.5) @ np.array(turns)) % 1.0 * 400).astype(int)
            mean = np.bincount(cell, b, 400) / np.bincount(cell, minlength=400)
            left.append(b - mean[cell])
        spread = np.array([v.var() for v in left])
        along = np.array(ways)[spread.argmin()]
        apart = [len({k / q for k, q in zip(way, along, strict=True)}) > 1 for way in ways]
        assert spread[apart].min() > 0.97 * b.var()  # one direction, and no other
        entropy = []
        for v in (b, left[int(spread.argmin())]):
            count, edges = np.histogram(v, 300)
            entropy.append(math.log(edges[1] - edges[0]) - xlogy(count / n, count / n).sum())
        assert entropy[0] - entropy[1] == pytest.approx(float(mi[0, j]), abs=0.04)


@pytest.mark.parametrize("m", [2, 3])
@pytest.mark.parametrize("seed", range(4))
def test_windings_leave_the_noise(m, seed):
    wanted = tensor([0.3, 1.2])
    x, y, mi = FAMILIES["winding"]._joint(m, wanted, 60_000, seeded(seed))
    assert torch.allclose(mi, wanted, atol=0.05)
    for j in range(2):
        a, b = x[0, :, m * j : m * j + m].numpy(), y[0, :, j].numpy()
        ways = product(range(1, interactions.WAVES + 1), repeat=m)
        rest = [(b - s * (a @ np.array(turns))) % 1 for turns in ways for s in (-1, 1)]
        p = np.array([np.histogram(r, 100, (0, 1))[0] for r in rest]) / 60_000
        found = np.sort(math.log(100) + xlogy(p, p).sum(1))
        assert found[-1] == pytest.approx(float(mi[0, j]), abs=0.03)
        assert found[-2] < 0.01  # one direction, and no other


@pytest.mark.parametrize("seed", range(4))
def test_bearings_leave_the_noise(seed):
    wanted = tensor([0.3, 1.2])
    x, y, mi = FAMILIES["bearing"]._joint(2, wanted, 60_000, seeded(seed))
    assert torch.allclose(mi, wanted, atol=0.05)
    for j in range(2):
        turns = torch.atan2(x[0, :, 2 * j + 1], x[0, :, 2 * j]) / (2 * math.pi)
        rest = [(y[0, :, j] - sign * turns).numpy() % 1 for sign in (-1, 1)]
        p = np.array([np.histogram(r, 100, (0, 1))[0] for r in rest]) / 60_000
        found = np.sort(math.log(100) + xlogy(p, p).sum(1))
        assert found[1] == pytest.approx(float(mi[0, j]), abs=0.03)
        assert found[0] < 0.01
        assert np.histogram(y[0, :, j].numpy(), 10, (-0.5, 0.5))[0].min() > 5600


@pytest.mark.parametrize(("m", "place"), [(2, 30), (2, 70), (2, 95), (3, 60), (3, 90)])
def test_interaction_truth_is_a_mixture_of_normals(m, place):
    """Given all columns but one, the product with noise is normal."""
    table = interactions.interaction_table(m)
    sigma, mi = float(table.theta[place]), float(table.mi[place])
    q = ndtri((np.arange(4000) + 0.5) / 4000) if m == 2 else ndtri((np.arange(120) + 0.5) / 120)
    given = q if m == 2 else np.abs(np.multiply.outer(q, q)).ravel()
    if m == 3:
        given = np.sort(given).reshape(-1, 4).mean(1)
    spread = np.sqrt(given**2 + sigma**2)
    half = np.sinh(np.linspace(0, np.arcsinh(12 * spread.max() / sigma), 1201)) * sigma
    p = norm.pdf(half[:, None] / spread) @ (1 / spread) / len(spread)
    entropy = -2 * np.trapezoid(xlogy(p, p), half)
    noise = 0.5 * math.log(2 * math.pi * math.e) + math.log(sigma)
    assert mi == pytest.approx(entropy - noise, abs=2e-3 if m == 2 else 1e-2)


@pytest.mark.parametrize(("m", "place"), [(2, 30), (2, 60), (2, 85), (3, 40), (3, 75)])
def test_bounded_interaction_truth_is_a_direct_integral(m, place):
    """Given all columns but one, the product is uniform, and its density with noise is known."""
    table = interactions.interaction_table(m, True)
    sigma, mi = float(table.theta[place]), float(table.mi[place])
    given = (np.arange(1200) + 0.5) / 1200
    if m == 3:
        given = np.sort(np.multiply.outer(given, given).ravel()).reshape(-1, 1200).mean(1)
    half = np.sinh(np.linspace(0, np.arcsinh((1 + 9 * sigma) / sigma), 801)) * sigma
    up, down = ((half[:, None] + s * given) / sigma for s in (1, -1))
    p = ((norm.cdf(up) - norm.cdf(down)) / (2 * given)).mean(1)
    entropy = -2 * np.trapezoid(xlogy(p, p), half)
    noise = 0.5 * math.log(2 * math.pi * math.e) + math.log(sigma)
    assert mi == pytest.approx(entropy - noise, abs=5e-3)


@pytest.mark.parametrize("m", [2, 3])
def test_bounded_interactions_are_products_with_their_noise(m):
    wanted = tensor([0.2, 1.5])
    x, y, mi = FAMILIES["bounded_interaction"]._joint(m, wanted, 60_000, seeded(m))
    assert torch.allclose(mi, wanted, atol=0.05)
    assert float(x.abs().max()) <= 1.0
    table = interactions.interaction_table(m, True)
    for j in range(2):
        rest = (y[0, :, j] - x[0, :, m * j : m * j + m].prod(1)).numpy()
        place = int(np.argmin(np.abs(table.mi - float(mi[0, j]))))
        assert rest.std() == pytest.approx(table.theta[place], rel=0.02)
        assert abs(np.mean(rest**4) / rest.std() ** 4 - 3) < 0.15


@pytest.mark.parametrize("m", [2, 3])
def test_boards_have_the_information_of_their_levels(m):
    family, wanted = FAMILIES["checkerboard"], tensor([0.5, 0.0])
    for seed in range(4):
        x, y, mi = family._joint(m, wanted, 60_000, seeded(seed))
        cell = np.floor((x[0].numpy() + 0.5) * 120 + 1e-12).astype(int).reshape(-1, 2, m)
        found = []
        for q in (2, 3, 4, 5):
            level = np.floor((y[0].numpy() + 0.5) * q)
            for times in (1, 2):
                summed = (cell // (120 // (q * times))).sum(2) % q
                found.append([plug_in(summed[:, j], level[:, j]) for j in range(2)])
        assert np.max(found, axis=0) == pytest.approx(mi[0].numpy(), abs=0.01)
        assert float(mi[0, 1]) == 0.0
        assert plug_in(cell[:, 0, 0] // 6, np.floor(y[0, :, 0].numpy() * 8)) < 0.01


@pytest.mark.parametrize("d", [1, 3, 20])
@pytest.mark.parametrize("place", [40, 70])
def test_norms_of_moved_vectors_are_direct_integrals(d, place):
    table = interactions.norm_table(d)
    a, mi = float(table.theta[place]), float(table.mi[place])
    t = np.linspace(-8, 8, 601)
    weight = norm.pdf(t) / norm.pdf(t).sum()
    low, high = np.log(chi(d).ppf([1e-8, 1 - 1e-12]))
    line = np.linspace(low - 7 * a, high + 7 * a, 4001)
    step = line[1] - line[0]

    def density(v):
        return np.exp(chi(d).logpdf(np.exp(np.clip(v, -40, 5))) + np.clip(v, -40, 5))

    p = density(line[:, None] - a * t) @ weight
    fine = np.linspace(low, high, 40_001)
    plain = -xlogy(density(fine), density(fine)).sum() * (fine[1] - fine[0])
    assert mi == pytest.approx(-xlogy(p, p).sum() * step - plain, abs=1e-3)


@pytest.mark.parametrize("name", ["noisy_flow", "stretched_waves", "swirled_waves"])
def test_noisy_flows_name_their_parts(name):
    parts = {drawn(name, 2, 10, 3, 2, seed).parts for seed in range(16)}
    assert {len(p) for p in parts} == {1}
    assert len(parts) >= 5
    assert all(FAMILIES[p[0]].group != "map" for p in parts)


def test_stacked_adds_and_independent_has_none():
    both = drawn("stacked", 30, 10, 6, 4)
    assert float(both.mi.max()) > 0
    none = drawn("independent", 5, 10, 3, 2)
    assert none.mi.tolist() == [0.0] * 5


@pytest.mark.parametrize("kind", [Redundant, Overcomplete, Sparse])
@pytest.mark.parametrize(("dx", "dy"), [(6, 4), (1, 5), (9, 2)])
def test_further_columns_leave_the_canonical_correlations(kind, dx, dy):
    """Of normal blocks no function and no noise correlates better than a linear form."""
    n, family = 40_000, kind((FAMILIES["gaussian_wishart"],))
    both = family.draw(8, n, dx, dy, seeded(4))
    assert both.parts == ("gaussian_wishart",)
    for x, y, mi in zip(both.x.numpy(), both.y.numpy(), both.mi.tolist(), strict=True):
        q, r = (np.linalg.qr(v - v.mean(0))[0] for v in (x, y))
        rho = np.linalg.svd(q.T @ r, compute_uv=False)
        found = -0.5 * np.log1p(-(rho**2)).sum() - dx * dy / (2 * n)
        assert found == pytest.approx(mi, abs=0.02 + 0.01 * mi)


@pytest.mark.parametrize("name", ["redundant", "overcomplete", "sparse"])
@pytest.mark.parametrize("seed", range(5))
def test_further_columns_stand_beside_those_of_the_part(name, seed):
    family, rng = FAMILIES[name], seeded(seed)
    ax, ay = family._inner(7, 5, rng)
    assert (ax, ay) < (7, 5)
    part = base.chosen(family.parts, ax, ay, rng)
    inner = part.draw(400, 50 + SPARE, ax, ay, rng)
    both = drawn(name, 400, 50, 7, 5, seed)
    assert torch.equal(both.mi, inner.mi)
    assert both.parts[0] == part.name
    for found, rows, a in ((both.x, inner.x, ax), (both.y, inner.y, ay)):
        plain = zip(found, standard(rows)[:, :50], strict=True)
        same = [torch.equal(task[:, :a], inside) for task, inside in plain]
        assert sum(same) >= 400 / 3  # of two fifths; the others are mixed


def test_redundant_columns_are_functions_with_little_noise():
    rows = torch.randn(400, 300, 2, generator=seeded(), dtype=torch.float64)
    wide = Redundant._wide(rows, 3, seeded(1))
    assert torch.equal(wide[..., :2], rows)
    new = wide[..., 2]
    copies = [
        max(abs(np.corrcoef(rows[i, :, j], new[i])[0, 1]) for j in range(2)) for i in range(400)
    ]
    assert 0.15 < np.mean(np.array(copies) > 0.99) < 0.5
    values = np.array([len(torch.unique(new[i])) for i in range(400)])
    assert 0.02 < np.mean(values == 2) < 0.12  # signs without noise
    assert set(values) == {2, 300}


def test_overcomplete_columns_are_sums_with_little_noise():
    rows = torch.randn(400, 300, 2, generator=seeded(), dtype=torch.float64)
    wide = Overcomplete._wide(rows, 3, seeded(1))
    assert torch.equal(wide[..., :2], rows)
    told = []
    for x, new in zip(rows.numpy(), wide[..., 2].numpy(), strict=True):
        design = np.column_stack([np.ones(300), x])
        left = new - design @ np.linalg.lstsq(design, new, rcond=None)[0]
        told.append(1 - left.var() / new.var())
    assert 0.15 < np.mean(np.array(told) > 0.98) < 0.5  # as they are, or a little bent
    assert 0.15 < np.mean(np.array(told) < 0.1) < 0.5  # alike on both sides
    assert len(torch.unique(wide[..., 2])) == 400 * 300


# --- an estimator that knows nothing of the families ------------------------------------------


def scores(v):
    return np.stack([ndtri((rankdata(c) - 0.5) / len(c)) for c in v.T], axis=1)


TURNING = ("circular", "oscillation", "leaning_wave")
SHARP = ("modular_sum", "winding", "torus", "plane_zigzag", "plane_swell")


@pytest.mark.statistical
@pytest.mark.parametrize("name", [n for n in NAMES if n not in SHARP])
def test_neighbours_find_the_truth(name):
    """One column a side, or two and one: KSG1, and its kin for ties.

    Folds of a thin sheet come near each other, so that neighbours need more rows behind maps and
    where an angle or a wave turns many times; sums modulo 1 are sharp all over, and have tests of
    the noise that they leave. A combined family is asked of parts that have neither.
    """
    dx, dy = shapes(name, [(1, 1), (2, 1), (2, 2)])[0]
    behind = {name for name, family in FAMILIES.items() if isinstance(family, maps.Mapped)}
    hard = {*SHARP, *TURNING, *TIED, *behind} if FAMILIES[name].group == "combined" else {*SHARP}
    rounds = ((seed, {*drawn(name, 60, 10, dx, dy, seed).parts}) for seed in range(11, 40))
    seed, parts = next((seed, parts) for seed, parts in rounds if not parts & hard)
    rows = 64_000 if {name, *parts} & {*TURNING, *behind} else 8000
    both = drawn(name, 60, rows, dx, dy, seed)
    kept = [i for i in range(60) if 0.05 < float(both.mi[i]) < 1.0][:4]
    tied = name in SOMETIMES_TIED
    kept = kept or [0, 1, 2]
    for i in kept:
        x, y = scores(both.x[i].numpy()), scores(both.y[i].numpy())
        functional = MixedKSG(5) if tied else KSG1(4)
        found = float(functional.value(Sample.of(x, y)))
        truth = float(both.mi[i])
        assert found == pytest.approx(truth, abs=0.04 + 0.08 * truth)
