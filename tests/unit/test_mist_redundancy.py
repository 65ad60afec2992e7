"""MIST on columns that say nothing beside others, on discrete variables, and gradients there."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import infometric as im
from infometric.amortised.reading import interpolated
from infometric.amortised.redundancy import distinct, most_information, needed
from infometric.amortised.weights import shipped
from infometric.exceptions import DataError
from infometric.functional.portrait import normal_scores, portrait


def quiet(x, y, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return im.mist(x, y, **options)


def numbers(r):
    d = r.diagnostics
    return r.value, r.se, r.ci, tuple(d["quantiles"].values()), d["anchor"], d["ties"]


def pair(n=120, dx=2, dy=3, seed=0):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n, dx)), rng.normal(size=(n, dy))
    y[:, 0] += x[:, 0]
    return x, y


def dummies(rng, levels, n):
    return np.eye(levels)[rng.integers(levels, size=n)]


# --- copies -----------------------------------------------------------------------------------


@pytest.mark.parametrize("tied", [False, True])
def test_copies_change_no_bit(tied):
    x, y = pair()
    x = x.round(1) if tied else x
    plain = quiet(x, y)
    more = np.column_stack([np.exp(x[:, 1]), x, -x[:, 0], x[:, ::-1] ** 3, np.ones(len(x))])
    r = quiet(more, np.column_stack([y, -(y**5)]))
    assert numbers(r) == numbers(plain)
    assert r.diagnostics["redundant_columns"] == 7
    assert r.diagnostics["constant_columns"] == 1
    assert plain.diagnostics["redundant_columns"] == 0
    assert r.diagnostics["reliable"] == plain.diagnostics["reliable"]
    order = np.random.default_rng(1).permutation(len(x))
    assert numbers(quiet(y[order], more[order][:, ::-1])) == numbers(plain)


def test_a_column_that_is_in_both_variables_is_no_copy():
    x, y = pair(60, 1, 1)
    both = quiet(np.column_stack([x, y]), y)
    assert both.diagnostics["redundant_columns"] == 0


def test_dependence_through_copies_is_kept():
    rng = np.random.default_rng(0)
    a = rng.normal(size=500)
    b = 0.8 * a + 0.6 * rng.normal(size=500)  # 0.51 nats
    r = quiet(np.column_stack([a] * 5), np.column_stack([b] * 5))
    assert r.ci.low < 0.51 < r.ci.high
    assert r.ci.low > 0.1
    assert r.diagnostics["reliable"]


def test_powers_of_independent_variables_reach_zero():
    for seed in range(5):
        a, b = np.random.default_rng(seed).normal(size=(2, 1000))
        r = quiet(*(np.column_stack([v**k for k in range(1, 6)]) for v in (a, b)))
        assert r.diagnostics["redundant_columns"] == 6
        assert r.ci.low < 0.01
        assert r.value < 0.1


# --- collinear columns ------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(10))
def test_dummies_of_independent_classes_reach_zero(seed):
    rng = np.random.default_rng(seed)
    x, y = dummies(rng, 5, 1000), dummies(rng, 4, 1000)
    r = quiet(x, y)
    assert r.diagnostics["redundant_columns"] == 2
    assert r.ci.low < 0.01
    assert r.value < 0.05
    assert r.diagnostics["anchor"] < 0.05
    order = rng.permutation(1000)
    again = quiet(-y[order, ::-1], x[order][:, rng.permutation(5)])
    assert numbers(again) == numbers(r)


def test_dummies_of_equal_classes_depend():
    rng = np.random.default_rng(0)
    classes = rng.integers(5, size=1000)
    other = np.where(rng.random(1000) < 0.7, classes, rng.integers(5, size=1000))
    r = quiet(np.eye(5)[classes], np.eye(5)[other])
    assert r.ci.low > 0.1
    assert r.ci.high < np.log(5) + 0.01


def test_which_columns_stay_depends_on_the_rows_alone():
    rng = np.random.default_rng(3)
    x, y = (normal_scores(v[None])[0] for v in (dummies(rng, 6, 300), rng.normal(size=(300, 2))))
    kept, near = needed(x, y)
    assert kept[0].sum() == 5
    assert near == (False, False)
    turned, order = rng.permutation(6), rng.permutation(300)
    again, _ = needed(-x[order][:, turned], y[order])
    assert np.array_equal(again[0], kept[0][turned])


@pytest.mark.parametrize(("n", "d"), [(10, 5), (10, 32), (33, 32), (40, 32), (200, 32)])
def test_few_rows_make_no_column_redundant(n, d):
    for seed in range(5):
        x, y = np.random.default_rng(seed).normal(size=(2, n, d))
        kept, near = needed(*(normal_scores(v[None])[0] for v in (x, y)))
        assert kept[0].all()
        assert kept[1].all()
        assert near == (False, False)


@pytest.mark.parametrize("noise", [0.1, 1e-2, 1e-3])
def test_near_copies_as_in_training_change_little(noise):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 1000, 1))
    y = 0.8 * a + 0.6 * b  # .511 nats
    x = a + noise * rng.normal(size=(1000, 5))
    one, five, none = quiet(a, y), quiet(x, y), quiet(x, b)
    for r, truth in ((five, 0.511), (none, 0.0)):
        assert not r.diagnostics["out_of_support"]
        assert r.ci.low <= truth <= r.ci.high
    assert abs(five.value - one.value) < 0.05
    assert none.value < 0.06


def test_copies_nearer_than_any_of_training_are_out_of_support():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 1000, 1))
    x, y = a + 1e-4 * rng.normal(size=(1000, 5)), b
    with pytest.warns(im.exceptions.ReliabilityWarning, match="columns of x are nearly functions"):
        r = im.mist(x, y)
    d = r.diagnostics
    assert d["out_of_support"]
    assert not d["reliable"]
    assert d["redundant_columns"] == 0
    assert r.ci.low <= d["anchor"] <= r.ci.high
    assert any("columns of y" in t for t in quiet(y, x).diagnostics["out_of_support_reasons"])
    apart = quiet(a + 0.3 * rng.normal(size=(1000, 3)), y)
    assert not apart.diagnostics["out_of_support"]


@pytest.mark.parametrize(("nats", "told"), [(2.0, False), (4.0, False), (8.0, True), (12.0, True)])
def test_single_columns_near_what_so_few_rows_can_tell_are_doubted(nats, told):
    rng = np.random.default_rng(1)
    rho = np.sqrt(-np.expm1(-2 * nats))
    x, noise = rng.normal(size=(2, 100))
    r = quiet(x, rho * x + np.exp(-nats) * noise)
    assert any("near log n" in t for t in r.diagnostics.get("reasons", ())) == told
    assert r.diagnostics["reliable"] is not told


def test_a_linear_function_of_the_other_side_is_doubted():
    x = np.random.default_rng(0).normal(size=(300, 3))
    exact, noisy = x @ [1.0, -2.0, 0.5], x[:, 0] + x[:, 1] + 1e-3 * x[:, 2]
    for pair in ((x, exact), (exact, x)):
        r = quiet(*pair)
        assert any("linear function of the other's" in t for t in r.diagnostics["reasons"])
        assert not r.diagnostics["reliable"]
    assert not any("linear" in t for t in quiet(x[:, :2], noisy).diagnostics.get("reasons", ()))


def test_values_near_the_ends_of_the_range_are_no_linear_function():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 100, 2))
    close = x + 0.3 * y
    for a, b in (
        (x * 1e160, y),
        (x * 1e200, close * 1e200),
        (x * 1e-320, y * 1e-320),
        (np.exp(200 * x.clip(-3, 3)), np.exp(200 * close.clip(-3, 3))),
    ):
        assert quiet(a, b).diagnostics["reliable"]
    for scale in (1e-300, 1e300):
        r = quiet(x * scale, (x @ [1.0, -2.0]) * scale)
        assert any("linear function of the other's" in t for t in r.diagnostics["reasons"])


def test_what_orders_the_rows_alike_does_so_in_any_order_of_them():
    rng = np.random.default_rng(0)
    x = np.arange(100.0)
    x[1] = x[0]  # one tie: y is no function of this column
    a, b = (np.c_[v, rng.normal(size=100)] for v in (x, np.arange(100.0) ** 2))
    turned = np.r_[1, 0, 2:100]
    for order in (np.arange(100), turned, rng.permutation(100)):
        assert quiet(a[order], b[order]).diagnostics["reliable"]
        for sign in (1, -1):
            r = quiet(a[order], np.c_[sign * x**3, b[:, 1]][order])
            assert any("orders the rows exactly" in t for t in r.diagnostics["reasons"])


@pytest.mark.parametrize("n", [50, 200, 1000])
def test_zeros_that_come_together_are_no_rows_entered_twice(n):
    rng = np.random.default_rng(n)
    zero = rng.random(n) < 0.5
    x, y = (np.where(zero, 0.0, rng.normal(size=n)) for _ in range(2))  # log 2
    r = quiet(x, y)
    assert r.diagnostics["reliable"]
    assert r.ci.low < np.log(2) < r.ci.high
    twice = quiet(np.tile(x, 2), np.tile(y, 2))
    assert any("exact copies" in t for t in twice.diagnostics["reasons"])


def test_no_quantile_is_above_all_of_training():
    x, y = np.random.default_rng(0).normal(size=(2, 500, 32))
    most = im.MIST().fit(x, y).quantile(0.99)
    trained = shipped().card["data"]["truth"]["most"]
    assert 30 < trained < 36
    assert quiet(x, y).ci.high <= most <= trained


def test_quantiles_between_equal_ones_are_the_same_to_the_last_digit():
    learned = np.array([0.0, 0.0, 0.0, 0.1, 0.3, 2.0, *[35.15145492553711] * 3])
    levels = np.linspace(0.01, 0.99, 197)
    found = interpolated(learned, levels)
    assert (np.diff(found) >= 0).all()
    assert (found[levels > 0.9] == learned[-1]).all()
    assert (found[levels < 0.1] == 0.0).all()


def test_distinct_takes_the_first_of_copies():
    z = normal_scores(np.random.default_rng(0).normal(size=(1, 20, 2)))[0]
    assert distinct(np.column_stack([z, -z, 0 * z])).tolist() == [True, True] + [False] * 4


# --- discrete variables -----------------------------------------------------------------------


@pytest.mark.parametrize("n", [50, 100, 1000])
def test_a_binary_variable_shares_one_bit_at_most(n):
    x = np.random.default_rng(0).normal(size=n)
    y = x > np.median(x)
    fitted = im.MIST(units="bits").fit(x, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        r = fitted.estimate(level=0.99)
    most = 1.0 + 0.5 / n / np.log(2)
    assert r.value <= r.ci.high <= most + 1e-9
    assert float(fitted.quantile(0.99)) <= most + 1e-9
    assert quiet(y, x, units="bits").ci.high == quiet(x, y, units="bits").ci.high


def test_the_bound_is_the_entropy_of_distinct_rows():
    rng = np.random.default_rng(0)
    classes = rng.choice(3, p=[0.6, 0.3, 0.1], size=5000)
    truth = -sum(p * np.log(p) for p in (0.6, 0.3, 0.1))
    x = np.eye(3)[classes]
    bound = most_information(x, rng.normal(size=(5000, 1)))
    assert truth < bound < truth + 0.05
    assert most_information(rng.normal(size=(5000, 1)), x) == bound
    assert most_information(x[rng.permutation(5000)][:, ::-1], x) == bound
    assert most_information(np.arange(50.0)[:, None] // 2, x[:50]) < np.inf
    assert most_information(*(np.arange(50.0)[:, None] // 3,) * 2) == np.inf


# --- gradients --------------------------------------------------------------------------------


def hostile():
    x, y = pair(60, 2, 2)
    one = np.ones((60, 1))
    return {
        "ties on both sides": (x.round(), y.round()),
        "ties of single columns": (x[:, :1].round(), y[:, :1].round()),
        "bool": (x[:, :1] > 0, y[:, :1] > 0),
        "halves": (x[:, :1] > np.median(x[:, 0]), y[:, :1] > np.median(y[:, 0])),
        "a constant column": (np.hstack([x, one]), y),
        "a constant": (one, y),
        "constants": (one, one),
        "copies": (np.hstack([x, x]), y),
        "itself": (x, x),
        "dummies": (np.eye(3)[np.arange(60) % 3], y),
    }


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", list(hostile()))
def test_gradients_are_finite_and_values_those_of_the_estimate(name, dtype):
    torch = pytest.importorskip("torch")
    raw = [np.asarray(v, dtype=dtype) for v in hostile()[name]]
    x, y = (torch.tensor(v, requires_grad=True) for v in raw)
    found = im.MIST().value(x, y)
    found.backward()
    assert bool(torch.isfinite(x.grad).all())
    assert bool(torch.isfinite(y.grad).all())
    # of a variable and itself the information is infinite, and the value is one of the precision
    within = {"rel": 0.1} if name == "itself" else {"abs": 2e-3}
    assert found.item() == pytest.approx(quiet(*raw).value, **within)


@pytest.mark.parametrize("name", list(hostile()))
def test_gradients_of_the_portrait_itself_are_finite(name):
    torch = pytest.importorskip("torch")
    x, y = (
        torch.tensor(np.asarray(v, dtype=float)[None], requires_grad=True) for v in hostile()[name]
    )
    portrait(normal_scores(x), normal_scores(y)).sum().backward()
    assert bool(torch.isfinite(x.grad).all())
    assert bool(torch.isfinite(y.grad).all())
    assert float(x.grad.abs().max()) < 1e6


def test_tasks_of_which_one_has_copies_are_read_one_by_one():
    torch = pytest.importorskip("torch")
    x, y = (torch.as_tensor(v) for v in pair(60, 2, 1))
    both = torch.stack([x, torch.column_stack([x[:, 0], x[:, 0].exp()])]).requires_grad_()
    found = im.MIST().value(both, torch.stack([y, y]))
    found.sum().backward()
    singles = [im.MIST().value(x, y), im.MIST().value(x[:, :1], y)]
    assert found.tolist() == pytest.approx([float(v) for v in singles], abs=1e-6)
    assert float(both.grad[1, :, 1].abs().max()) == 0.0
    assert float(both.grad[1, :, 0].abs().max()) > 0.0


def test_precisions():
    torch = pytest.importorskip("torch")
    x, y = (torch.as_tensor(v) for v in pair(60, 2, 1))
    mixed = im.MIST().value(x.float(), y)
    assert mixed.dtype == torch.float64
    assert float(mixed) == pytest.approx(float(im.MIST().value(x, y)), abs=1e-3)
    for half in (torch.float16, torch.bfloat16):
        with pytest.raises(DataError, match="half precision"):
            im.MIST().value(x, y.to(half))


@pytest.mark.parametrize("shape", [(0, 60, 2), (60, 0), (2, 60, 0)])
def test_an_empty_batch_is_refused(shape):
    torch = pytest.importorskip("torch")
    empty = torch.zeros(shape)
    with pytest.raises(DataError, match="X holds nothing"):
        im.MIST().value(empty, empty)


@pytest.mark.parametrize("shape", [(10, 3), (30, 2), (100, 3)])
@pytest.mark.parametrize("tied", [np.round, lambda v: np.maximum(v, 0.0)])
def test_the_value_of_ties_is_that_of_the_estimate_in_any_direction(shape, tied):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    x = rng.normal(size=shape)
    x, y = tied(x), tied(x + rng.normal(size=shape))
    made = im.MIST()
    found = float(made.value(torch.tensor(x), torch.tensor(y)))
    assert found == pytest.approx(quiet(x, y).value, rel=1e-5)
    turned = made.value(torch.tensor(-y[:, ::-1].copy()), torch.tensor(x**3))
    assert float(turned) == pytest.approx(found, rel=1e-5)
