"""MIST: invariances to the last bit, bad input, many pairs, gradients, weights, training."""

from __future__ import annotations

import hashlib
import json
import pickle
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.special import ndtri

import infometric as im
from infometric.amortised import reading as readings
from infometric.amortised.arrangement import arrangement, scores_of
from infometric.amortised.calibration import holding
from infometric.amortised.network import LEVELS, MIDDLE, released, squeezed
from infometric.amortised.probe import probe, sample
from infometric.amortised.reading import (
    AmortisedInformation,
    Reader,
    interpolated,
    parts_of,
)
from infometric.amortised.weights import ARRAYS, CARD, Weights, card_text, shipped
from infometric.exceptions import (
    DataError,
    InvalidParameterError,
    ReliabilityWarning,
    SourceError,
    UnsupportedError,
)
from infometric.functional.portrait import exchange, names, normal_scores, portrait

SHAPES = [(10, 1, 1), (30, 3, 1), (101, 2, 2), (200, 4, 7), (600, 1, 3)]


def pair(n=100, dx=2, dy=2, seed=0, rho=0.8):
    """Two vectors whose first columns share information."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n, dx)), rng.normal(size=(n, dy))
    k = min(dx, dy)
    y[:, :k] = rho * x[:, :k] + np.sqrt(1 - rho**2) * y[:, :k]
    return x, y


def quiet(x, y, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return im.mist(x, y, **options)


def numbers(r):
    return r.value, r.se, r.ci, tuple(r.diagnostics["quantiles"].values())


# --- the estimate ------------------------------------------------------------------------------


def test_value_is_the_median_and_the_interval_holds_it():
    x, y = pair(400)
    fitted = im.MIST().fit(x, y)
    r = fitted.estimate()
    assert r.method == "learned"
    assert r.n == (400,)
    assert r.diagnostics["quantiles"]["0.5"] == r.value
    assert r.ci == (r.diagnostics["quantiles"]["0.025"], r.diagnostics["quantiles"]["0.975"])
    assert r.ci.low < 1.02 < r.ci.high
    low, high = fitted.quantile([0.158655254, 0.841344746])
    assert r.se == pytest.approx((high - low) / 2, rel=1e-6)
    assert fitted.ci(level=0.5) == fitted.estimate(level=0.5).ci
    assert im.mist(x, y).to_dict() == r.to_dict()
    assert fitted.score(x, y) == r.value


def test_units_and_levels():
    x, y = pair(60)
    nats, bits = im.mist(x, y), im.mist(x, y, units="bits")
    assert bits.value == pytest.approx(nats.value / np.log(2))
    fitted = im.MIST(units="bits").fit(x, y)
    assert fitted.quantile(0.5) == bits.value
    inner = None
    for level in (0.5, 0.6, 0.683, 0.8, 0.9, 0.95, 0.97, 0.99):
        ci = fitted.ci(level=level)
        if inner is not None:
            assert ci.low <= inner.low <= inner.high <= ci.high
        inner = ci
    for level in (0.3, 0.995):
        with pytest.raises(InvalidParameterError, match=r"from 0\.5 to 0\.99"):
            fitted.ci(level=level)
    for q in (0.005, 0.999, "a", [], np.nan):
        with pytest.raises(InvalidParameterError, match=r"from 0\.01 to 0\.99"):
            fitted.quantile(q)


def test_interpolation_meets_a_normal_law():
    t = 2.0 + 0.3 * ndtri(np.array(LEVELS))
    for q in (0.01, 0.03, 0.2, 0.5, 0.63, 0.96, 0.99):
        expected = released(2.0 + 0.3 * ndtri(q))
        assert float(interpolated(released(t), q)) == pytest.approx(expected, rel=1e-9)
    assert interpolated(released(t), LEVELS) == pytest.approx(released(t))


def test_new_rows_are_read_as_those_of_fit():
    x, y = pair(80)
    frame = pd.DataFrame(x, columns=["a", "b"])
    fitted = im.MIST().fit(frame, y)
    assert numbers(fitted.estimate(frame[["b", "a"]], y)) == numbers(fitted.estimate())
    with pytest.raises(DataError, match="X has 3 features, but MIST is expecting 2"):
        fitted.estimate(np.column_stack([x, x[:, 0]]), y)
    with pytest.raises(DataError, match="y has 1 features, but MIST is expecting 2"):
        fitted.estimate(x, y[:, 0])
    other = pair(50, seed=1)
    assert fitted.estimate(*other).value == im.mist(*other).value


def test_parts_add_up_to_the_whole():
    x, y = pair(90)
    whole = im.MIST().fit(x, y).estimate()
    parts = im.MIST().fit(x[:40], y[:40]).partial_fit(x[40:], y[40:])
    merged = im.MIST().fit(x[40:], y[40:]).merge(im.MIST().fit(x[:40], y[:40]))
    assert numbers(parts.estimate()) == numbers(merged.estimate()) == numbers(whole)


def test_permutation_and_subsampling_serve_too():
    x, y = pair(60)
    found = im.MIST().fit(x, y).test(method=im.Permutation(n_resamples=39), rng=0)
    assert found.pvalue == pytest.approx(1 / 40)
    assert im.mist(x, y, method="none").value == im.mist(x, y).value
    assert np.isfinite(quiet(x, y, method="subsampling", rng=0).se)
    for method in ("delta", "bootstrap", "jackknife", "ncx2"):
        with pytest.raises(UnsupportedError) as error:
            im.mist(x, y, method=method)
        assert error.value.hint
    with pytest.raises(UnsupportedError, match="belongs to MIST"):
        im.mutual_information(x, y, estimator="ksg1", method="learned")


def test_numpy_input_loads_no_torch():
    script = (
        "import sys, numpy as np, infometric as im\n"
        "z = np.random.default_rng(0).normal(size=(2, 40))\n"
        "im.mist(*z); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


# --- the weaknesses of the published estimator, each with its test --------------------------------


def test_m1_absent_weights_are_an_error_and_never_random(tmp_path, monkeypatch):
    with pytest.raises(SourceError, match="cannot be read"):
        im.MIST(weights=tmp_path).fit(*pair()).estimate()
    monkeypatch.setattr(readings, "shipped", lambda: Weights.load(tmp_path, "reinstall"))
    with pytest.raises(SourceError, match="cannot be read"):
        AmortisedInformation().value(im.Sample.of(*pair()))


def test_m2_more_columns_than_were_trained_are_refused():
    x, y = pair(100, 33, 2)
    with pytest.raises(DataError, match="x has 33 columns") as error:
        im.mist(x, y)
    assert "PCA(32)" in error.value.hint
    with pytest.raises(DataError, match="y has 33 columns"):
        im.mist(y, x)
    assert im.mist(x[:, :32], y).value > 0


def test_m3_the_boundary_of_x_and_y_counts():
    z = np.random.default_rng(0).normal(size=(200, 4))
    z[:, 3] += 2 * z[:, 2]  # the two dependent columns on one side, or on both
    together = im.mist(z[:, :2], z[:, 2:])
    apart = im.mist(z[:, :3], z[:, 3:])
    assert apart.value > together.value + 0.3


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_m4_order_of_columns_and_monotone_maps_change_no_bit(shape):
    x, y = pair(*shape)
    expected = numbers(quiet(x, y))
    rng = np.random.default_rng(1)
    columns = rng.permutation(x.shape[1]), rng.permutation(y.shape[1])
    assert numbers(quiet(x[:, columns[0]], y[:, columns[1]])) == expected
    assert numbers(quiet(np.exp(x), y**3)) == expected
    assert numbers(quiet(1e200 * x - 5e200, np.arctan(y))) == expected
    flipped = x * rng.choice([-1.0, 1.0], x.shape[1])
    assert numbers(quiet(flipped, -y)) == expected


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_m5_order_of_rows_changes_no_bit(shape):
    x, y = pair(*shape)
    order = np.random.default_rng(2).permutation(len(x))
    assert numbers(quiet(x[order], y[order])) == numbers(quiet(x, y))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_m6_exchange_of_x_and_y_changes_no_bit(shape):
    x, y = pair(*shape)
    assert numbers(quiet(y, x)) == numbers(quiet(x, y))


def test_m7_quantiles_neither_cross_nor_are_negative():
    rng = np.random.default_rng(3)
    for n, d in ((10, 1), (10, 32), (40, 2), (300, 8)):
        for rho in (0.0, 0.5, 0.99):
            found = quiet(*pair(n, d, d, int(rng.integers(99)), rho)).diagnostics["quantiles"]
            values = np.array(list(found.values()))
            assert (np.diff(values) >= 0).all()
            assert values[0] >= 0
    wild = [rng.normal(size=(50, 3)) ** 9, rng.integers(0, 2, (50, 2)) * 1.0]
    values = np.array(list(quiet(*wild).diagnostics["quantiles"].values()))
    assert (np.diff(values) >= 0).all()
    assert np.isfinite(values).all()


def test_m8_a_row_of_zeros_is_a_row():
    x, y = pair(40)
    with_zeros = [np.vstack([v, np.zeros((1, 2))]) for v in (x, y)]
    moved = [v + 7.0 for v in with_zeros]
    r = im.mist(*with_zeros)
    assert r.n == (41,)
    assert numbers(r) == numbers(im.mist(*moved))
    assert r.value != im.mist(x, y).value


def test_m9_margins_make_held_out_truths_fall_below_quantiles_as_often_as_they_say():
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    from infometric.amortised.tuning import margins_of

    table = toy_table(1500)
    network = dict(shipped().network)
    margins = margins_of(network, table)["margins"]
    t = squeezed(np.asarray(readings.quantiles(network, table.features), dtype=float)) + margins
    below = (squeezed(table.truth.astype(float))[:, None] <= t + 1e-12).mean(0)
    assert below == pytest.approx(LEVELS, abs=2 / 1500)


def test_m10_the_anchor_is_of_all_columns_and_of_the_same_rows():
    x, y = pair(200, 4, 4, rho=0.9)
    found = im.mist(x, y).diagnostics
    wide, narrow = found["classical"], im.mist(x[:, :2], y[:, :2]).diagnostics["classical"]
    assert found["anchor"] == wide["blend"]
    assert wide["ksg"] > narrow["ksg"] + 0.2
    assert wide["rank_gaussian"] == pytest.approx(4 * -0.5 * np.log(1 - 0.81), rel=0.15)
    assert min(wide["ksg"], wide["rank_gaussian"]) <= wide["blend"]


def test_m11_tasks_of_two_shards_share_nothing():
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    from infometric.amortised.families import FAMILIES
    from infometric.amortised.stream import Stream

    family = {"gaussian_wishart": FAMILIES["gaussian_wishart"]}
    stream = Stream(family, seed=0, bands=((10, 20, 1.0),), columns=(2, 2), tasks=40)
    truths = np.concatenate([stream.shard(i).truth for i in range(3)])
    positive = truths[truths > 0]
    assert len(np.unique(positive)) == len(positive)


def test_m12_only_numpy_and_scipy_read_weights():
    script = (
        "import sys\nfrom infometric.amortised.weights import shipped\nshipped()\n"
        "bad = {'torch', 'jax', 'safetensors', 'pandas'} & set(sys.modules)\nsys.exit(len(bad))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


# --- arrangement -------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [10, 11, 40])
def test_opposite_rows_are_arranged_alike(n):
    z = np.arange(n, dtype=float)
    forwards, backwards = quiet(z, z), quiet(z, -z)
    assert numbers(forwards) == numbers(backwards) == numbers(quiet(-z, z))
    assert any("orders the rows exactly" in text for text in forwards.warnings)


def _factorial(k, times):
    return np.tile((np.arange(2**k)[:, None] >> np.arange(k)) & 1, (times, 1))


def _shifts(n):
    column = np.random.default_rng(n).normal(size=n)
    return np.stack([np.roll(column, s) for s in range(n)], axis=1)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (_factorial(4, 4), _factorial(4, 4)[:, :1] ^ _factorial(4, 4)[:, 1:2]),
        (_factorial(5, 2)[:, :3], _factorial(5, 2)[:, 3:]),
        (np.eye(12), np.eye(12)),
        (np.tile([0, 1], 500)[:, None], np.repeat([0, 1], 500)[:, None]),
        (_shifts(11)[:, :5], _shifts(11)[:, 5:]),
        (np.linspace(-1, 1, 101)[:, None], np.linspace(-1, 1, 101)[:, None] ** 3),
        (np.random.default_rng(3).integers(0, 2, (12, 4)), np.tile([0, 1], 6)[:, None]),
    ],
)
def test_columns_that_sums_cannot_tell_apart_have_one_order(x, y):
    rng = np.random.default_rng(0)
    first = quiet(x, y).value
    x, y = (scores_of(v.astype(float)) for v in (x, y))
    wanted = arrangement(x, y).of(x, y)
    for turned in range(12):
        rows = rng.permutation(len(x))
        a, b = (
            (v[rows] * rng.choice([-1.0, 1.0], v.shape[1]))[:, rng.permutation(v.shape[1])]
            for v in (x, y)
        )
        a, b = (b, a) if turned % 2 else (a, b)
        found = arrangement(a, b).of(a, b)
        assert all(np.array_equal(v, w) for v, w in zip(found, wanted, strict=True))
        assert quiet(a, b).value == first


def test_of_more_symmetry_than_can_be_gone_through_any_order_serves(monkeypatch):
    monkeypatch.setattr("infometric.amortised.arrangement.WORK", 0)
    x, y = (scores_of(v.astype(float)) for v in (_factorial(4, 4), _factorial(4, 4)[:, :1]))
    found = arrangement(x, y)
    assert sorted(found.columns[0].tolist()) == [0, 1, 2, 3]
    assert sorted(found.rows.tolist()) == list(range(64))


def test_an_arrangement_is_of_tensors_too():
    torch = pytest.importorskip("torch")
    x, y = (scores_of(v) for v in pair(30, 3, 2))
    plan = arrangement(x, y)
    ours, theirs = plan.of(x, y), plan.of(torch.as_tensor(x), torch.as_tensor(y))
    for a, b in zip(ours, theirs, strict=True):
        assert np.array_equal(a, b.numpy())


# --- bad input and the edges ------------------------------------------------------------------


def test_few_rows_are_refused():
    x, y = pair(9)
    with pytest.raises(DataError, match="n_samples=9"):
        im.mist(x, y)
    assert quiet(*pair(10)).value >= 0
    fitted = im.MIST().fit(*pair(30))
    with pytest.raises(DataError, match="n_samples=9"):
        fitted.estimate(x, y)


def test_constant_columns_are_left_out():
    x, y = pair(50)
    padded = np.column_stack([x[:, 0], np.full(50, 3.0), x[:, 1]])
    r = im.mist(padded, y)
    assert r.diagnostics["constant_columns"] == 1
    plain = im.mist(x, y)
    assert (r.value, r.ci) == (plain.value, plain.ci)
    with pytest.warns(ReliabilityWarning, match="one value"):
        nothing = im.mist(np.ones(50), y)
    assert nothing.value == 0.0
    assert np.isnan(nothing.ci.low)
    assert nothing.diagnostics["reliable"] is False


def test_ties_are_said_and_copies_warned_of():
    x, y = pair(60)
    assert im.mist(x, y).diagnostics["ties"] == 0.0
    assert im.mist(x.round(), y).diagnostics["ties"] > 0.5
    with pytest.warns(ReliabilityWarning, match="exact copies"):
        twice = im.mist(np.vstack([x, x]), np.vstack([y, y]))
    assert twice.diagnostics["reliable"] is False
    assert np.isfinite(twice.ci.low)


@pytest.mark.parametrize(
    ("x", "y", "says"),
    [
        (pair()[0], None, "y is None"),
        (pair()[0], pair()[1][:50], "same number of rows"),
        (np.where(pair()[0] > 2, np.nan, pair()[0]), pair()[1], "NaN or infinity"),
        (np.where(pair()[0] > 2, np.inf, pair()[0]), pair()[1], "which have no rank"),
        (np.array(["a", "b"] * 50), pair()[1], "holds text"),
        (pair()[0] + 1j, pair()[1], "Complex"),
        (np.empty((0, 2)), np.empty((0, 2)), r"0 sample\(s\)"),
        (np.ones((100, 2, 2)), pair()[1], "Reshape your data"),
        (np.datetime64("2026-01-01") + np.arange(100), pair()[1], "2026-01-01"),
    ],
)
def test_bad_input_is_refused(x, y, says):
    with pytest.raises(DataError, match=says) as error:
        im.MIST().fit(x, y)
    assert error.value.hint


def test_weights_of_rows_are_refused():
    x, y = pair()
    with pytest.raises(UnsupportedError, match="count alike"):
        im.MIST().fit(x, y, sample_weight=np.ones(100))


@pytest.mark.parametrize("kind", ["list", "frame", "polars", "tensor", "half", "integers", "1-d"])
def test_every_kind_of_data_gives_the_same(kind, tmp_path):
    x, y = (v.astype(np.float32).astype(float) for v in pair(50))
    made = {
        "list": lambda v: v.tolist(),
        "frame": lambda v: pd.DataFrame(v, columns=["a", "b"]),
        "polars": lambda v: pl.DataFrame(v, schema=["a", "b"]),
        "tensor": lambda v: pytest.importorskip("torch").tensor(v, requires_grad=True),
        "half": lambda v: pytest.importorskip("torch").tensor(v).float(),
        "integers": lambda v: np.argsort(np.argsort(v, axis=0), axis=0),
        "1-d": lambda v: v,
    }[kind]
    if kind == "1-d":
        assert im.mist(x[:, 0], y[:, 0]).value == im.mist(x[:, :1], y[:, :1]).value
    else:
        assert numbers(im.mist(made(x), made(y))) == numbers(im.mist(x, y))


def test_columns_of_a_frame_or_a_file_are_found_by_name(tmp_path):
    x, y = pair(50)
    frame = pd.DataFrame(np.column_stack([x, y]), columns=list("abcd"))
    expected = numbers(im.mist(x, y))
    assert numbers(im.mist(frame, ["c", "d"])) == expected
    path = tmp_path / "rows.csv"
    frame.to_csv(path, index=False)
    assert numbers(im.mist(str(path), ["c", "d"])) == expected
    np.save(tmp_path / "y.npy", y)
    assert numbers(im.mist(x, str(tmp_path / "y.npy"))) == expected
    with pytest.raises(DataError, match="no column 'e'"):
        im.mist(frame, "e")


@pytest.mark.parametrize(("n", "d"), [(10, 32), (50, 32), (2000, 32), (10_000, 2)])
def test_sizes_at_the_ends(n, d):
    r = quiet(*pair(n, d, d, rho=0.5))
    truth = -0.5 * d * np.log(0.75)
    assert np.isfinite([r.value, *r.ci]).all()
    assert r.value < 3 * truth + 3


def test_of_many_rows_disjoint_parts_are_read(monkeypatch):
    monkeypatch.setattr(readings, "MOST", 100)
    x, y = pair(350)
    parts = parts_of(x, y)
    assert [len(a) for a, _ in parts] == [88, 88, 87, 87]
    r = im.mist(x, y)
    assert r.diagnostics["parts"] == 4
    order = np.random.default_rng(0).permutation(350)
    assert numbers(im.mist(y[order] ** 3, -x[order])) == numbers(r)
    whole = Reader(shipped())
    each = [whole.of(im.Sample.of(a, b)).quantiles for a, b in parts]
    assert r.value == pytest.approx(np.mean([q[MIDDLE] for q in each]), rel=1e-6)
    monkeypatch.setattr(readings, "MOST_PARTS", 2)
    assert im.mist(x, y).diagnostics["parts"] == 2


def test_outside_the_support_the_interval_holds_the_anchor_too():
    x, y = pair(80)
    plain = im.mist(x, y)
    assert plain.diagnostics["out_of_support"] is False
    near = dict(shipped().calibration) | {"limit": np.asarray(1e-9)}
    if "centre" not in near:
        width = len(names())
        near |= {"centre": np.zeros(width), "whitening": np.eye(width)}
    made = im.MIST(weights=Weights(shipped().network, near)).fit(x, y)
    with pytest.warns(ReliabilityWarning, match="unlike all of training"):
        far = made.estimate()
    assert far.diagnostics["out_of_support"] is True
    assert far.diagnostics["reliable"] is False
    assert far.value == plain.value
    assert far.ci.low <= min(plain.ci.low, far.diagnostics["anchor"])
    assert far.ci.high >= max(plain.ci.high, far.diagnostics["anchor"])
    learned = released(np.linspace(0.5, 2.0, len(LEVELS)))[None]
    assert holding(learned, learned[:, MIDDLE])[0].tolist() == learned[0].tolist()
    for anchor in (0.0, 3.0):
        low, *_, high = holding(learned, np.array([anchor]))[0]
        assert low <= anchor <= high


# --- many pairs --------------------------------------------------------------------------------


def test_pairs_together_are_as_one_by_one():
    pairs = {f"{n}, {dx}, {dy}": pair(n, dx, dy, n) for n, dx, dy in SHAPES}
    pairs |= {f"again {i}": pair(100, 2, 2, i) for i in range(12)}
    pairs["ties"] = tuple(v.round() for v in pair(100, 2, 2, 12))
    together = im.MIST().estimate_pairs(pairs, level=0.9)
    turned = im.MIST().estimate_pairs(dict(reversed(pairs.items())), level=0.9)
    for name, (x, y) in pairs.items():
        alone = numbers(im.mist(x, y, level=0.9))
        assert numbers(together[name]) == numbers(turned[name]) == alone
    numbered = im.MIST().estimate_pairs(list(pairs.values()))
    assert list(numbered) == [str(i) for i in range(len(pairs))]
    assert im.ResultTable.from_json(together.to_json()).to_json() == together.to_json()


def test_a_bad_pair_is_named():
    x, y = pair(30)
    with pytest.raises(DataError, match="no pairs"):
        im.MIST().estimate_pairs([])
    with pytest.raises(DataError, match="Pair b: The network was trained on 10"):
        im.MIST().estimate_pairs({"a": (x, y), "b": (x[:5], y[:5])})
    with pytest.raises(DataError, match="Pair 1: two variables"):
        im.MIST().estimate_pairs([(x, y), (x, y, x)])


# --- gradients ---------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_value_of_tensors_has_a_gradient(dtype):
    torch = pytest.importorskip("torch")
    x, y = (torch.tensor(v, dtype=getattr(torch, dtype)) for v in pair(60))
    weight = torch.eye(2, dtype=x.dtype, requires_grad=True)
    value = im.MIST(units="bits").value(x @ weight, y)
    assert value.dtype == x.dtype
    assert value.device == x.device
    value.backward()
    assert bool(torch.isfinite(weight.grad).all())
    assert float(weight.grad.abs().max()) > 0


@pytest.mark.parametrize("calibration", ["shipped", "none", "own laws"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_value_of_tensors_is_that_of_the_estimate(dtype, calibration):
    torch = pytest.importorskip("torch")
    weights = {
        "shipped": shipped(),
        "none": Weights(shipped().network),
        "own laws": Weights(shipped().network, {"margins": np.linspace(-0.1, 0.3, len(LEVELS))}),
    }[calibration]
    made = im.MIST(weights=weights, units="bits")
    for shape in SHAPES:
        x, y = pair(*shape)
        for u, v in ((x, y), (x.round(), y)):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                expected = made.fit(u, v).estimate().value
            u, v = (torch.tensor(z, dtype=getattr(torch, dtype)) for z in (u, v))
            assert float(made.value(u, v)) == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_the_network_itself_does_not_know_which_variable_is_x():
    rng = np.random.default_rng(0)
    z = [normal_scores(rng.normal(size=(5, 40, d))) for d in (3, 1)]
    features = portrait(*z).astype(np.float32)
    turned = features[:, list(exchange())]
    network = dict(shipped().network)
    network["mean"] = network["mean"] + rng.normal(size=len(names())).astype(np.float32) / 9
    found = [readings.quantiles(network, f) for f in (features, turned)]
    assert np.array_equal(*found)


def test_values_of_a_batch_are_those_of_its_tasks():
    torch = pytest.importorskip("torch")
    tasks = [pair(40, 2, 1, seed) for seed in range(3)]
    x, y = (torch.tensor(np.stack(v)) for v in zip(*tasks, strict=True))
    together = im.MIST().value(x, y)
    alone = [float(im.MIST().value(a, b)) for a, b in zip(x, y, strict=True)]
    assert together.tolist() == pytest.approx(alone, rel=1e-6)
    assert float(im.MIST().value(x[0, :, 0], y[0])) >= 0


def climbed(law, start=(0.3, 0.2, 0.9), steps=120):
    """|cosine| of the direction found and the true one."""
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    torch.manual_seed(0)
    x = torch.randn(200, 3)
    true = torch.tensor([0.8, 0.6, 0.0])
    y = law(x @ true) + 0.3 * torch.randn(200)
    w = torch.tensor(start, requires_grad=True)
    optimiser = torch.optim.Adam([w], lr=0.05)
    for _ in range(steps):
        optimiser.zero_grad()
        (-im.MIST().value(x @ w, y)).backward()
        assert bool(torch.isfinite(w.grad).all())
        optimiser.step()
    return float((w.detach() / w.detach().norm()) @ true)


def test_ascent_finds_the_informative_direction():
    assert abs(climbed(lambda u: u)) > 0.95


def test_tensors_that_are_none_are_refused():
    torch = pytest.importorskip("torch")
    x, y = (torch.tensor(v) for v in pair(30))
    for bad, says in (
        ((x.numpy(), y), "must be a tensor"),
        ((x.int(), y), "floating point"),
        ((x, y[:20]), "same rows"),
        ((x[:5], y[:5]), "n_samples=5"),
        ((x.repeat(1, 17), y), "34 columns"),
        ((torch.where(x > 1, torch.nan, x), y), "NaN or infinity"),
        ((torch.zeros(10_001, 1), torch.zeros(10_001, 1)), "10,000 rows"),
    ):
        with pytest.raises(DataError, match=says):
            im.MIST().value(*bad)


# --- weights -----------------------------------------------------------------------------------


def test_shipped_weights_are_small_and_match_their_card():
    found = shipped()
    assert shipped() is found
    assert found.card["bytes"] < 2_000_000
    assert im.MIST().card == dict(found.card)
    assert len(found.network["mean"]) == len(names())


def test_weights_survive_a_folder_to_the_last_bit(tmp_path):
    x, y = pair(60)
    mine = im.MIST().fit(x, y)
    again = im.MIST.load(mine.save(tmp_path / "own"))
    assert numbers(again.fit(x, y).estimate()) == numbers(mine.estimate())
    assert shipped().content() == Weights.load(tmp_path / "own").content()
    assert numbers(im.mist(x, y, weights=tmp_path / "own")) == numbers(mine.estimate())
    restored = pickle.loads(pickle.dumps(mine))
    assert numbers(restored.estimate()) == numbers(mine.estimate())
    with pytest.raises(OSError, match="cannot be written"):
        mine.save(tmp_path / "no" / "such")


def test_changed_weights_are_refused(tmp_path):
    folder = shipped().save(tmp_path / "w")
    arrays = (folder / ARRAYS).read_bytes()
    (folder / ARRAYS).write_bytes(arrays[:-1] + b"?")
    with pytest.raises(DataError, match="do not match their checksum"):
        im.MIST.load(folder)
    (folder / ARRAYS).unlink()
    with pytest.raises(SourceError, match="No such file"):
        im.MIST.load(folder)
    (folder / ARRAYS).write_bytes(arrays)
    card = json.loads((folder / CARD).read_text())
    (folder / CARD).write_text(json.dumps(card | {"schema_version": 2}))
    with pytest.raises(DataError, match="schema version 1"):
        im.MIST.load(folder)
    (folder / CARD).write_text("{")
    with pytest.raises(SourceError, match="JSON"):
        im.MIST.load(folder)


def test_weights_of_another_portrait_are_refused():
    network = dict(shipped().network) | {"mean": np.zeros(3)}
    with pytest.raises(DataError, match="read in another way"):
        im.MIST(weights=Weights(network)).fit(*pair())


def without_seal(card):
    return {k: v for k, v in card.items() if k != "checksum"}


def stored(folder, change):
    """Folder whose arrays were changed, with a card that says so."""
    with np.load(folder / ARRAYS) as found:
        arrays = dict(found)
    change(arrays)
    np.savez(folder / ARRAYS, **arrays)
    card = json.loads((folder / CARD).read_text())
    card["sha256"] = hashlib.sha256((folder / ARRAYS).read_bytes()).hexdigest()
    (folder / CARD).write_text(card_text(without_seal(card)))
    return folder


@pytest.mark.parametrize("place", [4, 7, 60, 124])
def test_weights_whose_features_meant_something_else_are_refused(tmp_path, place):
    folder = shipped().save(tmp_path / "w")

    def off(amount):
        def change(arrays):
            arrays["probe"][place] += amount * max(abs(arrays["probe"][place]), 1.0)

        return change

    assert im.MIST.load(stored(folder, off(1e-4))).card["kind"] == "infometric-mist"
    with pytest.raises(DataError, match="read in another way") as error:
        im.MIST.load(stored(folder, off(5e-3)))
    assert error.value.got["feature"] == names()[place]
    assert error.value.hint
    with pytest.raises(DataError, match="read in another way"):
        im.MIST.load(stored(folder, lambda arrays: arrays.update(probe=arrays["probe"][:-1])))
    with pytest.raises(DataError, match="read in another way"):
        im.MIST.load(stored(folder, off(np.nan)))


def test_features_that_changed_places_are_seen(tmp_path, monkeypatch):
    folder = shipped().save(tmp_path / "w")
    swapped = list(range(len(names())))
    swapped[20], swapped[21] = 21, 20
    monkeypatch.setattr("infometric.amortised.probe.probe", lambda: probe()[swapped])
    with pytest.raises(DataError, match="read in another way"):
        im.MIST.load(folder)


@pytest.mark.parametrize(
    ("constant", "other"),
    [
        ("neighbours.NEIGHBOURS", (1, 3, 8)),
        ("correlations.SHRINKAGE", (0.02, 0.2)),
        ("tables.LEVELS", (9, 7, 5, 2)),
    ],
)
def test_a_portrait_that_reads_otherwise_is_seen(tmp_path, monkeypatch, constant, other):
    folder = shipped().save(tmp_path / "w")
    monkeypatch.setattr(f"infometric.functional.portrait.{constant}", other)
    probe.cache_clear()
    try:
        with pytest.raises(DataError, match="read in another way"):
            im.MIST.load(folder)
    finally:
        probe.cache_clear()


def test_weights_without_a_probe_are_of_this_version_only(tmp_path):
    folder = stored(shipped().save(tmp_path / "w"), lambda arrays: arrays.pop("probe"))
    x, y = pair(30)
    assert quiet(x, y, weights=folder).value == quiet(x, y).value
    card = json.loads((folder / CARD).read_text())
    (folder / CARD).write_text(card_text(without_seal(card) | {"infometric": "0.0.9"}))
    with pytest.raises(DataError, match="read in another way"):
        im.MIST.load(folder)


@pytest.mark.parametrize("kind", ["float32", "torch"])
def test_the_probe_is_far_from_rounding(kind):
    x, y = (normal_scores(v[None]) for v in sample())
    if kind == "torch":
        torch = pytest.importorskip("torch")
        found = portrait(torch.tensor(x), torch.tensor(y)).numpy()[0]
    else:
        found = portrait(x.astype(kind), y.astype(kind))[0]
    assert np.isfinite(probe()).all()
    assert found == pytest.approx(probe(), rel=1e-5, abs=1e-5)


def test_weights_of_another_kind_are_refused():
    with pytest.raises(InvalidParameterError, match="weights"):
        im.MIST(weights=3).fit(*pair())


# --- training on laws of one's own ---------------------------------------------------------------


def phases(batch, n, dx, dy, rng):
    """Phases, and the same late by a random part of a width: minus its log for each pair."""
    import torch

    width = torch.exp(-3 * torch.rand(batch, 1, 1, generator=rng, dtype=torch.float64))
    x = torch.rand(batch, n, dx, generator=rng, dtype=torch.float64)
    y = torch.rand(batch, n, dy, generator=rng, dtype=torch.float64)
    k = min(dx, dy)
    y[..., :k] = (x[..., :k] + width * y[..., :k]) % 1
    return x, y, -k * torch.log(width[:, 0, 0])


def toy_table(tasks):
    from infometric.amortised.stream import Stream
    from infometric.amortised.tuning import families_of

    stream = Stream(
        families_of(phases), seed=5, bands=((20, 60, 1.0),), columns=(1, 2), tasks=tasks
    )
    return stream.shard(0)


@pytest.fixture(scope="module")
def own():
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    told = []
    made = im.MIST.train(
        phases,
        tasks=1500,
        steps=120,
        rows=(20, 60),
        columns=(1, 2),
        progress=lambda done, total: told.append((done, total)),
        units="bits",
    )
    return made, told


def test_training_beats_the_anchor_on_its_own_laws_and_covers(own):
    made, told = own
    card = made.card
    assert card["mse"] < card["anchor_mse"]
    assert card["coverage"]["0.9"] > 0.8
    assert sum(card["tasks"].values()) >= 1500
    assert told[-1][0] == told[-1][1]
    assert [d for d, _ in told] == sorted(d for d, _ in told)
    x, late = np.random.default_rng(0).random((2, 50))
    found = made.fit(x, (x + 0.2 * late) % 1).estimate()
    assert found.units == "bits"
    assert found.ci.low < -np.log2(0.2) < found.ci.high


def test_training_again_gives_the_same():
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    one, again = (
        im.MIST.train(phases, tasks=500, steps=60, rows=(20, 60), columns=(1, 2)) for _ in range(2)
    )
    for name, value in one.weights.network.items():
        assert np.array_equal(value, again.weights.network[name]), name
    assert one.card["mse"] == again.card["mse"]


def test_own_weights_are_read_again_to_the_last_bit(own, tmp_path):
    made, _ = own
    loaded = im.MIST.load(made.save(tmp_path / "own"), units="bits")
    x, y = pair(50)
    assert numbers(loaded.fit(x, y).estimate()) == numbers(made.fit(x, y).estimate())


def test_training_from_scratch_begins_with_weights_of_its_own():
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = im.MIST.train(
            {"mine": phases}, tasks=500, steps=5, rows=(20, 30), columns=(1, 1), start=None
        )
    assert made.card["start"] == "random"
    assert made.card["families"] == ["mine"]
    assert made.weights.network["w0"].shape != shipped().network["w0"].shape


@pytest.mark.parametrize(
    ("generator", "options", "error", "says"),
    [
        (3, {}, InvalidParameterError, "a family, or a function"),
        ({}, {}, InvalidParameterError, "no generator"),
        (phases, {"tasks": 10}, InvalidParameterError, "'tasks'"),
        (phases, {"rows": (5, 50)}, InvalidParameterError, "'rows'"),
        (phases, {"columns": (1, 40)}, InvalidParameterError, "'columns'"),
        (phases, {"steps": 0}, InvalidParameterError, "'steps'"),
        (lambda *a: phases(*a)[:2], {}, DataError, "returns x, y and their mutual"),
        (
            lambda *a: (phases(*a)[0][:, :5], *phases(*a)[1:]),
            {},
            DataError,
            "of shape",
        ),
        (
            lambda *a: (*phases(*a)[:2], phases(*a)[2] - 9),
            {},
            DataError,
            "negative",
        ),
    ],
)
def test_generators_that_are_none_are_refused(generator, options, error, says):
    pytest.importorskip("torch")
    with pytest.raises(error, match=says):
        im.MIST.train(generator, **options)
