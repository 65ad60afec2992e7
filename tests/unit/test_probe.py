"""TrainingProbe on real torch models: what it measures, what it leaves alone, what it survives."""

from __future__ import annotations

import json
import random
import warnings

import numpy as np
import pytest
import torch
from torch import nn

import infometric as im
from infometric.exceptions import (
    ColumnError,
    DataError,
    InfometricError,
    InvalidParameterError,
    OutputError,
    ReliabilityWarning,
    SourceError,
    UnsupportedError,
)
from infometric.probe import fewer_columns, stratified

N = 60


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    y = np.arange(N) % 3
    return (rng.normal(size=(N, 5)) + 4 * np.eye(5)[y]).astype(np.float32), y


def network(**changes):
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(5, 8), nn.ReLU(inplace=True), nn.Dropout(0.5), nn.BatchNorm1d(8), nn.Linear(8, 3)
    )


def quick(model, layers, X, y=None, **options):
    return im.TrainingProbe(model, layers, X, y, **{"uncertainty": "none", **options})


def entropy_by_hand(rows):
    """Diffusion spectral entropy with the median bandwidth, by scipy alone."""
    from scipy.spatial.distance import cdist, pdist

    rows = np.asarray(rows, float)
    g = np.exp(-(cdist(rows, rows) ** 2) / (2 * np.median(pdist(rows)) ** 2))
    d = g.sum(1)
    p = np.linalg.eigvalsh(g / np.sqrt(np.outer(d, d))).clip(1e-300)
    p /= p.sum()
    return -(p * np.log(p)).sum()


# --- what it measures -----------------------------------------------------------------------------


def test_values_are_those_of_the_layers_in_evaluation_mode(data):
    X, y = data
    model = network().train()
    probe = quick(model, ["0", "3", "4"], X, y, batch_size=7)
    probe.measure()
    model.eval()
    rows = torch.from_numpy(X)
    with torch.no_grad():
        wanted = {"0": model[0](rows), "3": model[:4](rows), "4": model(rows)}
    for layer, out in wanted.items():
        found = probe.history[0, layer, "dse"]
        assert found.value == pytest.approx(entropy_by_hand(out), abs=2e-5)
        s = np.linalg.svd(out.double().numpy(), compute_uv=False)
        p = s / s.sum()
        rank = np.exp(-(p[p > 1e-6] * np.log(p[p > 1e-6])).sum())
        assert probe.history[0, layer, "effective_rank"].value == pytest.approx(rank, abs=1e-4)
        told = im.diffusion_spectral_mi(out.numpy(), y, method="none").value
        assert probe.history[0, layer, "dsmi"].value == pytest.approx(told, abs=1e-5)


def test_a_layer_followed_by_one_that_works_in_place_is_seen_before_it(data):
    X, _ = data
    model = network()
    probe = quick(model, "0", X, measures={"raw": im.MatrixEntropy(kernel="linear")})
    probe.measure()
    out = model[0](torch.from_numpy(X)).detach()
    assert (out < 0).any()
    wanted = im.MatrixEntropy(kernel="linear", uncertainty="none").fit(out.numpy()).estimate()
    assert probe.history[0, "0", "raw"].value == pytest.approx(wanted.value, abs=1e-5)


def test_intervals_and_tests_come_on_request(data):
    X, y = data
    probe = im.TrainingProbe(network(), "4", X, y, level=0.9, test=True, units="bits", rng=3)
    probe.measure(7)
    told = probe.history[7, "4", "dsmi"]
    assert told.ci.low < told.value < told.ci.high
    assert (told.level, told.units, told.n, told.pvalue) == (0.9, "bits", (N,), 0.005)
    entropy = probe.history[7, "4", "dse"]
    assert entropy.se > 0
    assert np.isnan(entropy.pvalue)
    rows = network()(torch.from_numpy(X))  # the same weights, but dropout
    assert rows.shape == (N, 3)


def test_the_same_seed_gives_the_same_bits_and_the_same_sample(data):
    X, y = data
    histories = []
    for _ in range(2):
        probe = im.TrainingProbe(network(), ["0"], X, y, max_rows=30, rng=5)
        probe.measure()
        probe.measure(1)  # the model has not moved
        histories.append(probe.history)
    assert histories[0].to_json() == histories[1].to_json()
    first, second = (histories[0][step, "0", "dse"] for step in (0, 1))
    assert (first.value, first.ci) == (second.value, second.ci)


def test_samples_keep_the_shares_of_classes():
    y = np.repeat([0, 1, 2], [600, 300, 100])
    rows = stratified(1000, 100, y, np.random.default_rng(0))
    assert np.bincount(y[rows]).tolist() == [60, 30, 10]
    assert len(set(rows)) == 100
    assert stratified(5, 9, None, np.random.default_rng(0)).tolist() == [0, 1, 2, 3, 4]
    probe = im.TrainingProbe(y=y, max_rows=50)
    assert np.bincount(y[probe.rows]).tolist() == [30, 15, 5]


def test_information_about_the_input_and_a_continuous_target(data):
    X, _ = data
    model, noise = network(), np.random.default_rng(1).normal(size=N)
    probe = quick(model, ["0"], X, noise, measures=["dsmi", "dsmi_input"])
    probe.measure()
    out = model[0](torch.from_numpy(X)).detach().numpy()
    found = [probe.history[0, "0", m].value for m in ("dsmi", "dsmi_input")]
    for value, y in zip(found, (noise, X), strict=True):
        wanted = im.diffusion_spectral_mi(out, y, target="representation", method="none").value
        assert value == pytest.approx(wanted, abs=1e-5)
    assert found[1] > 5 * abs(found[0])


def test_classes_stay_classes_whatever_their_names(data):
    X, _ = data
    y = np.arange(N) // 3  # twenty classes of three rows
    values = []
    for labels in (y, y.astype(str), [f"name {i}" for i in y]):
        probe = quick(network(), "0", X, labels, measures=["dsmi"])
        probe.measure()
        values.append(probe.history[0, "0", "dsmi"])
    out = network()[0](torch.from_numpy(X)).detach().numpy()
    wanted = im.diffusion_spectral_mi(out, y, target="classes", method="none").value
    assert values[1].diagnostics["classes"] == 20
    # classes are summed in the order of their codes, which go by the names
    assert values[1].value == pytest.approx(values[2].value, rel=1e-12)
    assert values[1].value == pytest.approx(wanted, abs=1e-5)


def test_estimators_of_ones_own(data):
    X, y = data
    mine = {"vendi": im.VendiScore(), "dse_wide": im.DiffusionSpectralEntropy(sigma=100.0)}
    fixed = {"a": im.VendiScore(uncertainty="none"), "b": im.VendiScore()}
    other = im.TrainingProbe(network(), "4", X, measures=fixed)
    other.measure()
    assert [r.method for r in other.history.values()] == ["none", "jackknife"]
    probe = quick(network(), "4", X, y, measures=mine)
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        probe.measure()
    assert probe.history.measures == ["vendi", "dse_wide"]
    assert 1 <= probe.history[0, "4", "vendi"].value <= 3
    assert not hasattr(mine["vendi"], "state_")


def test_a_measure_of_ones_own_sees_the_columns_as_they_are():
    def city(a, b):
        return np.exp(-np.abs(a[:, None] - b).sum(2) / 40)

    X = np.random.default_rng(0).normal(size=(10, 3)).astype(np.float32)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 30))  # wider than there are rows
    entropy = im.MatrixEntropy(kernel=city, uncertainty="none")
    probe = im.TrainingProbe(model, "0", X, measures={"dse": entropy})
    probe.measure()
    wanted = entropy.fit(model[0](torch.from_numpy(X)).detach().numpy()).estimate()
    assert probe.history[0, "0", "dse"].value == pytest.approx(wanted.value, abs=1e-6)


def test_fewer_columns_keep_all_distances():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(6, 40))
    z = fewer_columns(x)
    assert z.shape == (6, 6)
    np.testing.assert_allclose(z @ z.T, x @ x.T, atol=1e-12)
    far = (1000 + rng.normal(size=(6, 200))).astype(np.float32)  # in several blocks
    from scipy.spatial.distance import pdist

    np.testing.assert_allclose(pdist(fewer_columns(far)), pdist(far.astype(float)), rtol=1e-10)


# --- shapes ---------------------------------------------------------------------------------------


class Odd(nn.Module):
    """Outputs of many shapes."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.rnn = nn.GRU(6, 5, batch_first=True)
        self.twice = nn.Identity()
        self.idle = nn.Identity()
        self.text = Text()
        self.first = nn.Flatten(0)
        self.short = nn.Identity()
        self.complex = nn.Identity()

    def forward(self, x):
        out = self.conv(x)
        self.rnn(x[:, 0])
        self.twice(x)
        self.twice(2 * x[:, 0, :2, 0])
        self.text(x)
        self.first(x)
        self.short(out.to(torch.bfloat16))
        self.complex(torch.complex(x[:, 0, 0], x[:, 0, 1]))
        return out


class Text(nn.Module):
    def forward(self, x):
        return "no tensor"


def test_shapes_of_outputs():
    images = np.random.default_rng(0).normal(size=(12, 1, 6, 6)).astype(np.float32)
    torch.manual_seed(0)
    model = Odd()
    names = ["conv", "rnn", "twice", "idle", "text", "first", "short", "complex"]

    def recorder(pool, names=names):
        probe = quick(model, names, images, measures=["effective_rank"], pool=pool)
        with warnings.catch_warnings(record=True):
            warnings.simplefilter("always")
            probe.measure()
        return {layer: probe.history[0, layer, "effective_rank"] for layer in names}

    seen = recorder("flatten")
    out = model.conv(torch.from_numpy(images)).detach()

    def rank(rows):
        s = np.linalg.svd(np.asarray(rows, float), compute_uv=False)
        p = s / s.sum()
        return np.exp(-(p * np.log(np.maximum(p, 1e-300))).sum())

    assert seen["conv"].value == pytest.approx(rank(out.reshape(12, -1)), rel=1e-4)
    assert seen["short"].value == pytest.approx(seen["conv"].value, rel=1e-2)
    assert seen["twice"].value == pytest.approx(rank(images[:, 0, :2, 0]), rel=1e-4)
    for layer, reason in (
        ("idle", "not called"),
        ("text", "no tensor"),
        ("first", "not one row for each"),
        ("complex", "complex"),
    ):
        assert reason in seen[layer].diagnostics["reason"]
        assert np.isnan(seen[layer].value)
    mean = recorder("mean")
    assert mean["conv"].value == pytest.approx(rank(out.mean((2, 3))), rel=1e-4)
    states = model.rnn(torch.from_numpy(images[:, 0]))[0].detach()
    assert mean["rnn"].value == pytest.approx(rank(states.mean(1)), rel=1e-4)
    own = recorder(lambda out: out.flatten(1)[:, :2], ["conv"])
    assert own["conv"].value == pytest.approx(rank(out.flatten(1)[:, :2]), rel=1e-4)


def test_inputs_of_several_parts():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Embedding(9, 4)
            self.mix = nn.Linear(6, 3)

        def forward(self, tokens, *, numbers=None, more=None):
            return self.mix(torch.cat([self.embed(tokens), numbers], 1))

    rng = np.random.default_rng(0)
    tokens, numbers = rng.integers(0, 9, 20), rng.normal(size=(20, 2))  # double, the model single
    model = Two()
    named = quick(model, "mix", {"tokens": tokens, "numbers": torch.from_numpy(numbers)})
    named.measure()
    called = quick(
        model, "mix", (tokens, numbers), call=lambda m, batch: m(batch[0], numbers=batch[1])
    )
    called.measure()
    assert named.history[0, "mix", "dse"].value == called.history[0, "mix", "dse"].value
    with pytest.raises(DataError, match="one entry for each example"):
        quick(model, "mix", {"tokens": tokens, "numbers": numbers[:5]})


def test_axes_of_the_mean():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv1d(4, 6, 3))
    series = torch.randn(20, 4, 9)
    out = model(series).detach()
    for pool, rows in ((2, out.mean(2)), (-1, out.mean(2)), ("mean", out.mean(1))):
        probe = quick(model, "0", series, measures=["dse"], pool=pool)
        probe.measure()
        wanted = entropy_by_hand(rows)
        assert probe.history[0, "0", "dse"].value == pytest.approx(wanted, abs=1e-4)
    images = torch.randn(20, 5, 5, 3)  # channels last
    probe = quick(nn.Sequential(nn.Identity()), "0", images, measures=["dse"], pool=(1, 2))
    probe.measure()
    wanted = entropy_by_hand(images.mean((1, 2)))
    assert probe.history[0, "0", "dse"].value == pytest.approx(wanted, abs=1e-4)
    assert probe.history.meta["parameters"]["pool"] == [1, 2]
    with pytest.raises(InvalidParameterError, match=r"pool fails.*out of range.*\n.*all layers"):
        quick(model, "0", series, pool=3)


class TokensFirst(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(3, 4)

    def forward(self, x):
        return self.rnn(x.transpose(0, 1))[0].mean(0)


@pytest.mark.parametrize("tokens", [3, 12])  # as many as examples in the trial, or in a batch
def test_tokens_first_are_no_examples(tokens):
    X = torch.randn(12, tokens, 3, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    model = TokensFirst()
    with pytest.raises(DataError, match=r"length.*whatever their number.*\n.*batch_first=True"):
        quick(model, "rnn", X, pool="mean")
    probe = quick(model, "rnn", X, pool=0, measures=["dse"])
    probe.measure()
    wanted = entropy_by_hand(model(X).detach())
    assert probe.history[0, "rnn", "dse"].value == pytest.approx(wanted, abs=1e-4)


# --- what it leaves alone -------------------------------------------------------------------------


def test_training_is_the_same_with_and_without(data):
    X, y = data
    x, target = torch.from_numpy(X), torch.from_numpy(y)

    def train(probed):
        model = network().train()
        model[3].eval()  # a frozen part stays frozen
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        probe = quick(model, ["0", "4"], X, y, every=2) if probed else None
        for _ in range(5):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), target).backward()
            if probe is not None:
                probe.measure(100)
                modes = [m.training for m in model]
                assert modes == [True, True, True, False, True]
                probe.step()
            optimizer.step()
        assert torch.is_grad_enabled()
        return model, probe

    (plain, _), (probed, probe) = train(False), train(True)
    for name, value in plain.state_dict().items():
        assert torch.equal(value, probed.state_dict()[name]), name
    assert probe.history.steps == [2, 4, 100]
    assert all(not m._forward_hooks for m in probed.modules())


def test_hooks_live_for_one_pass_of_the_probe(data):
    X, _ = data
    model, calls = network(), []

    def call(model, batch):
        calls.append([len(m._forward_hooks) for m in model])
        assert not model.training
        assert not torch.is_grad_enabled()
        return model(batch)

    probe = quick(model, ["0", "4"], X, call=call)
    assert calls == [[1, 0, 0, 0, 1]] * 2  # the trial
    calls.clear()
    assert not any(m._forward_hooks for m in model)
    probe.measure()
    assert calls == [[1, 0, 0, 0, 1]]
    assert not any(m._forward_hooks for m in model)


def test_an_exception_of_the_model_leaves_it_as_it_was(data):
    X, _ = data
    model = network().train()

    def call(model, batch):
        torch.rand(3)
        raise RuntimeError("out of memory")

    probe = quick(model, "0", X, call=call, rehearse=False)
    state = torch.get_rng_state()
    with pytest.raises(RuntimeError, match="out of memory"):
        probe.measure()
    assert torch.equal(torch.get_rng_state(), state)
    assert all(m.training for m in model)
    assert not model[0]._forward_hooks
    assert torch.is_grad_enabled()
    assert len(probe.history) == 0


def test_the_examples_are_copies(data):
    X, _ = data
    mine = X.copy()
    probe = quick(network(), "0", mine)
    probe.measure(0)
    mine[:] = 0
    probe.measure(1)
    first, second = (probe.history[step, "0", "dse"].value for step in (0, 1))
    assert first == second


class Counter(nn.Module):
    """Counts its calls in buffers, in place and anew, and draws from all random numbers."""

    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.zeros(1))
        self.register_buffer("mean", torch.full((5,), float("nan")))
        self.register_buffer("store", torch.zeros(0))

    def forward(self, x):
        self.calls += 1
        self.mean = x.mean(0)
        self.store = torch.zeros(len(x))
        return x + np.random.rand() * 0 + random.random() * 0 + torch.rand(1) * 0  # noqa: NPY002


def test_buffers_and_random_numbers_are_as_they_were(data):
    X, _ = data
    model = nn.Sequential(Counter(), nn.Linear(5, 4))
    calls = model[0].calls
    states = [np.random.get_state()[1].tolist(), random.getstate()]  # noqa: NPY002
    state = torch.get_rng_state()
    quick(model, "1", X, batch_size=20).measure()
    assert model[0].calls is calls
    assert calls.item() == 0
    assert torch.isnan(model[0].mean).all()
    assert len(model[0].store) == 20  # a store of another length is the model's own
    assert [np.random.get_state()[1].tolist(), random.getstate()] == states  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), state)
    # and a backward pass under way goes on
    model = network().train()
    probe = quick(model, "4", X)
    loss = model(torch.from_numpy(X)).sum()
    probe.measure()
    loss.backward()
    assert model[0].weight.grad is not None


# --- what it survives -----------------------------------------------------------------------------


class Padded(nn.Module):
    """An encoder with a mask of padding."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(9, 8)
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)

    def forward(self, ids, mask):
        return self.encoder(self.embed(ids), src_key_padding_mask=mask).mean(1)


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_padding_of_an_encoder():
    rng = np.random.default_rng(0)
    ids = rng.integers(0, 9, (30, 7))
    mask = np.arange(7) >= rng.integers(2, 6, (30, 1))  # no example is whole
    torch.manual_seed(0)
    model = Padded()
    names = ["encoder", "encoder.layers.0", "encoder.layers.1.linear1"]
    fast = torch.backends.mha.get_fastpath_enabled()
    found = {}
    for pool in ("mean", "flatten"):
        probe = quick(model, names, (ids, mask), pool=pool, measures=["dse"], batch_size=8)
        probe.measure()
        found[pool] = [probe.history[0, name, "dse"].value for name in names]
        assert np.isfinite(found[pool]).all()
    assert torch.backends.mha.get_fastpath_enabled() == fast
    seen = []
    model.encoder.register_forward_hook(lambda *args: seen.append(args[2]))
    model.eval()(torch.tensor(ids), torch.tensor(mask))  # with gradients: the slow path
    wanted = entropy_by_hand(seen[0].detach().mean(1))
    assert found["mean"][0] == pytest.approx(wanted, abs=1e-4)


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_nested_outputs_are_padded():
    class Nests(nn.Module):
        def forward(self, x):
            return torch.nested.nested_tensor([row[: 3 + i % 2] for i, row in enumerate(x)])

    X = np.random.default_rng(0).normal(size=(11, 5)).astype(np.float32)
    probe = quick(nn.Sequential(Nests()), "0", X, measures=["dse"])
    probe.measure()
    X[:, 4] = 0
    X[::2, 3] = 0
    assert probe.history[0, "0", "dse"].value == pytest.approx(entropy_by_hand(X), abs=1e-5)


class Failing(nn.Module):
    """Outputs that go wrong on demand."""

    def __init__(self):
        super().__init__()
        self.odd = nn.Identity()
        self.plain = nn.Linear(5, 4)
        self.how = ""

    def forward(self, x):
        out = x[:, : 1 + int(x[0, 0].item() % 4)] if self.how == "width" else x
        self.odd(out.to_sparse_csr() if self.how == "sparse" else out)
        return self.plain(x)


def test_outputs_and_pools_that_fail_end_nothing(data):
    _, y = data
    X = np.random.default_rng(0).normal(size=(N, 5)).astype(np.float32)
    X[:, 0] = np.arange(N) // 10
    model, broken = Failing(), []

    def pool(out):
        if broken and out.shape[1] == 5:
            raise ZeroDivisionError("by design")
        return out

    probe = quick(model, ["odd", "plain"], X, y, measures=["dse"], batch_size=10, pool=pool)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        for step, how in enumerate(("width", "sparse", "pool")):
            model.how = how
            broken[:] = ["now"] * (how == "pool")
            probe.measure(step)
    told = [str(w.message) for w in heard if issubclass(w.category, ReliabilityWarning)]
    reasons = [probe.history[step, "odd", "dse"].diagnostics["reason"] for step in range(3)]
    assert reasons[0].startswith("1 columns in one batch and 2 in another")
    assert reasons[2] == "its output cannot be pooled: ZeroDivisionError: by design"
    assert len(told) == len(set(reasons)) == 3  # each kind of trouble warns
    assert all(np.isfinite(probe.history[step, "plain", "dse"].value) for step in range(3))
    free = im.TrainingProbe(y=y, pool=lambda out: out[:, 9], uncertainty="none")
    with pytest.warns(ReliabilityWarning, match="pool fails: IndexError"):
        free.record(0, "a", X)


def test_a_file_that_cannot_be_written_any_more_ends_nothing(data, tmp_path):
    X, _ = data
    folder = tmp_path / "run"
    folder.mkdir()
    probe = quick(network(), "0", X, every=1, save=folder / "h.json", measures=["dse"])
    probe.step()
    (folder / "h.json").unlink()
    folder.rmdir()
    with pytest.warns(ReliabilityWarning, match=r"cannot be written.*kept in probe\.history"):
        probe.step()
    assert probe.history.steps == [1, 2]


def test_no_value_is_warned_of_after_another_trouble(data):
    X, y = data
    model = network()
    probe = quick(model, "4", X, y, every=1, measures=["dse"])
    with torch.no_grad():
        model[4].weight.zero_()
    with pytest.warns(ReliabilityWarning, match="all rows are alike"):
        probe.step()
    with torch.no_grad():
        model[4].weight.fill_(float("nan"))
    with pytest.warns(ReliabilityWarning, match="no value at step 2"):
        probe.step()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        probe.step()


def test_a_hook_that_measures_does_not_go_round(data):
    X, _ = data
    model = network()
    probe = quick(model, "4", X, every=1, measures=["dse"])

    def hook(*args):
        probe.step()

    model[0].register_forward_hook(hook)
    model(torch.from_numpy(X))
    model(torch.from_numpy(X))
    assert probe.history.steps == [1, 2]


def test_nan_is_a_record_with_its_reason_and_one_warning(data):
    X, y = data
    model = network()
    probe = quick(model, ["0", "4"], X, y, every=1)
    with torch.no_grad():
        model[4].weight[0, 0] = float("nan")
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        assert probe.step()
        assert probe.step()
    told = [w for w in heard if issubclass(w.category, ReliabilityWarning)]
    assert len(told) == 3  # one a measure, not one a step
    assert "4, dse: no value at step 1: 60 of 60 rows hold NaN or infinity" in str(told[0].message)
    assert np.isfinite(probe.history[2, "0", "dsmi"].value)
    lost = probe.history[2, "4", "dse"]
    assert np.isnan(lost.value)
    assert lost.diagnostics["reason"] == "60 of 60 rows hold NaN or infinity"
    assert "nothing measured (2 of 2 steps without a value)" in probe.history.summary()
    again = im.TrainingHistory.from_json(probe.history.to_json())
    assert np.isnan(again[2, "4", "dse"].value)
    probe.history.plot()


def test_a_dead_layer_has_no_entropy(data):
    X, y = data
    model = network()
    with torch.no_grad():
        model[4].weight.zero_()
    probe = im.TrainingProbe(model, "4", X, y)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        probe.measure()
    assert probe.history[0, "4", "dse"].value == pytest.approx(0, abs=1e-9)
    assert probe.history[0, "4", "dsmi"].value == pytest.approx(0, abs=1e-9)
    assert probe.history[0, "4", "effective_rank"].value == pytest.approx(1, abs=1e-3)
    assert any("4, dse: all rows are alike" in str(w.message) for w in heard)


def test_a_measure_that_fails_ends_nothing(data):
    X, _ = data

    class Broken(im.MatrixEntropy):
        def fit(self, X, y=None, *, sample_weight=None):
            raise ZeroDivisionError("by design")

    probe = quick(network(), "0", X, measures={"broken": Broken(), "vendi": im.VendiScore()})
    with pytest.warns(ReliabilityWarning, match="ZeroDivisionError: by design"):
        probe.measure()
    assert probe.history[0, "0", "vendi"].value > 1


def test_wrapped_shared_lazy_and_replaced_layers(data):
    X, _ = data
    model = network()
    spread = nn.DataParallel(model)
    probe = quick(spread, ["module.0", "4"], X)
    probe.measure()
    assert probe.history.layers == ["module.0", "4"]

    compiled = torch.compile(model, backend="eager")
    probe = quick(compiled, ["_orig_mod.0", "4"], X)
    probe.measure()
    assert np.isfinite(probe.history[0, "_orig_mod.0", "dse"].value)

    shared = nn.Linear(5, 5)
    twice = nn.Sequential(shared, nn.Tanh(), shared)
    probe = quick(twice, ["0", "2"], X)
    probe.measure()
    assert probe.history[0, "0", "dse"].value == probe.history[0, "2", "dse"].value

    lazy = nn.Sequential(nn.LazyLinear(4))
    probe = quick(lazy, "0", X)
    with pytest.raises(UnsupportedError, match=r"model\(first_batch\)"):
        probe.measure()
    lazy(torch.from_numpy(X))
    probe.measure()

    model[4] = nn.Linear(8, 2)
    probe = quick(model, "4", X)
    probe.measure(0)
    del model[4]
    with pytest.warns(ReliabilityWarning, match="no layer of this name any more"):
        probe.measure(1)


# --- without torch --------------------------------------------------------------------------------


def test_activations_from_elsewhere(data):
    X, y = data
    probe = im.TrainingProbe(y=y, max_rows=30, uncertainty="none")
    probe.record(0, "a", X)
    probe.record(0, "b", X[probe.rows])
    probe.record(0, "c", torch.from_numpy(X).reshape(N, 5, 1))
    values = {layer: probe.history[0, layer, "dse"].value for layer in "abc"}
    assert values["a"] == values["b"] == values["c"]
    with pytest.raises(DataError, match="a row for each example"):
        probe.record(0, "d", X[:7])
    with pytest.raises(DataError, match="one row for each example"):
        probe.record(0, "d", 3.0)
    with pytest.raises(InvalidParameterError, match="whole number"):
        probe.record("first", "d", X)
    assert probe.step() is False
    with pytest.raises(UnsupportedError, match="no model"):
        probe.measure()
    free = im.TrainingProbe(uncertainty="none")
    free.record(3, "x", X.tolist())
    assert free.history.measures == ["dse", "effective_rank"]


# --- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"layers": ["3", "44"]}, InvalidParameterError, "no layer '44'.*\n.*'4'"),
        ({"layers": []}, InvalidParameterError, "names of the layers"),
        ({"layers": [None]}, InvalidParameterError, "no layer None"),
        ({"model": object()}, InvalidParameterError, "torch.nn.Module"),
        ({"X": None}, DataError, "examples to show"),
        ({"X": np.zeros((2, 5)), "y": None}, DataError, "at least 3"),
        ({"X": np.zeros((9, 5))}, DataError, "same examples"),
        ({"X": [["a"]] * N}, DataError, "must hold numbers"),
        ({"X": [[1.0], [1.0, 2.0]] * 30}, DataError, "must hold numbers"),
        ({"X": np.float64(3)}, DataError, "one entry for each example"),
        ({"y": np.full(N, np.nan)}, DataError, "missing values"),
        ({"measures": ["dze"]}, InvalidParameterError, "'dse', 'dsmi'"),
        ({"measures": {"a": "dse"}}, InvalidParameterError, "no estimator"),
        ({"measures": ["dsmi"], "y": None}, DataError, "there is none"),
        ({"measures": []}, InvalidParameterError, "'dse', 'dsmi'"),
        ({"measures": 3}, InvalidParameterError, "'dse', 'dsmi'"),
        ({"layers": None}, InvalidParameterError, "names of the layers"),
        ({"y": [f"name {i}" for i in range(N)]}, DataError, "a class of its own"),
        ({"uncertainty": "bootstrap"}, UnsupportedError, "bootstrap"),
        ({"uncertainty": "permutation"}, UnsupportedError, "permute"),
        ({"every": 0}, InvalidParameterError, "every"),
        ({"max_rows": 2}, InvalidParameterError, "max_rows"),
        ({"pool": "max"}, InvalidParameterError, "pool"),
        ({"batch_size": 0}, InvalidParameterError, "batch_size"),
        ({"sigma": 0}, InvalidParameterError, "sigma"),
        ({"level": 95}, InvalidParameterError, "level"),
        ({"uncertainty": "guess"}, InvalidParameterError, "uncertainty"),
        ({"rng": -1}, InvalidParameterError, "rng"),
        ({"save": 5}, InvalidParameterError, "the path of a file"),
        ({"layers": 3}, InvalidParameterError, "names as in"),
        ({"measures": {}}, InvalidParameterError, "'dse', 'dsmi'"),
        ({"y": "label"}, DataError, "a probe has no table.*\n.*frame\\['label'\\]"),
        ({"max_rows": 3}, DataError, "max_rows=3 leaves 3 of 60 rows"),
        ({"call": 3}, InvalidParameterError, "call"),
        ({"rehearse": 1}, InvalidParameterError, "rehearse"),
        ({"pool": ()}, InvalidParameterError, "different axes"),
        ({"pool": (1, 1)}, InvalidParameterError, "different axes"),
        ({"pool": lambda out: out.nothing}, InvalidParameterError, "pool fails on the output"),
        ({"call": lambda model, batch: model()}, DataError, "TypeError.*\n.*rehearse=False"),
        ({"X": np.zeros((N, 4))}, DataError, "forward pass fails on 3 examples"),
        ({"X": [np.zeros((N, 5)), np.zeros(N)]}, DataError, "as a tuple"),
        ({"X": {"input": np.zeros((N, 5)), "flag": True}}, DataError, "'flag'.*\n.*call=lambda"),
        ({"model": network().to("meta")}, UnsupportedError, "meta device"),
        ({"save": "/no/such/folder/a.json"}, OutputError, "mkdir"),
    ],
)
def test_refusals(data, change, error, text):
    X, y = data
    given = {"model": network(), "layers": ["0"], "X": X, "y": y, **change}
    with pytest.raises(error, match=text) as caught:
        im.TrainingProbe(
            given.pop("model"), given.pop("layers"), given.pop("X"), given.pop("y"), **given
        )
    assert isinstance(caught.value, InfometricError)
    assert caught.value.hint


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_scripted_and_traced_modules_have_no_hooks(data):
    X, _ = data
    for closed in (torch.jit.script(network()), torch.jit.trace(network(), torch.zeros(2, 5))):
        with pytest.raises(UnsupportedError, match="call no hooks"):
            quick(closed, "0", X)


def test_the_trial_builds_no_lazy_layer(data):
    X, _ = data
    model = nn.Sequential(nn.LazyLinear(4))
    quick(model, "0", X)
    assert nn.parameter.is_lazy(model[0].weight)


def test_records_that_are_no_numbers(data):
    probe = quick(None, (), None, data[1])
    for what in ("abc", None, [[1.0], [1.0, 2.0]], {"a": 1}):
        with pytest.raises(DataError, match="must hold numbers") as caught:
            probe.record(1, "l", what)
        assert caught.value.hint


# --- the history ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def history(data):
    X, y = data
    model = network()
    with im.TrainingProbe(model, ["0", "4"], X, y, max_rows=30, every=10) as probe:
        probe.measure()
        for _ in range(20):
            probe.step()
    assert probe.step() is False
    with pytest.raises(UnsupportedError):
        probe.measure()
    return probe.history


def test_history_as_frame_and_file(history, tmp_path):
    frame = history.to_frame()
    assert len(frame) == len(history) == 3 * 2 * 3
    assert set(frame["step"]) == {0, 10, 20}
    known = frame[frame["measure"] == "dsmi"]
    assert (known["ci_low"] < known["value"]).all()
    path = tmp_path / "history.json"
    history.to_json(path)
    assert [p.name for p in tmp_path.iterdir()] == ["history.json"]
    for again in (im.TrainingHistory.from_json(path), im.TrainingHistory.from_json(str(path))):
        assert again.to_json() == history.to_json()
        assert again.to_frame().equals(frame)
    assert json.loads(path.read_text())["schema_version"] == 1
    assert list(history.of("4", "dse")) == ["0", "10", "20"]
    assert history.summary().count("\n") == 5


def test_history_is_saved_while_training_goes_on(data, tmp_path):
    X, _ = data
    path = tmp_path / "h.json"
    probe = quick(network(), "0", X, every=1, save=path)
    for step in (1, 2):
        probe.step()
        assert im.TrainingHistory.from_json(path).steps[-1] == step


def test_history_refuses_what_is_none(history, tmp_path):
    for key, text in (
        ((0, "5", "dse"), "no layer '5' in this history.*\n.*one of '0', '4'"),
        ((0, "4", "dsee"), "no measure 'dsee'.*\n.*'dse', the nearest"),
        ((11, "4", "dse"), "no step 11 in this history.*\n.*step 10, the nearest.* 0, 10, 20"),
        (("10", "4", "dse"), "no step '10'.*\n.*a whole number"),
        ("dse", "step, layer and measure"),
    ):
        with pytest.raises(ColumnError, match=text):
            history[key]
    with pytest.raises(ColumnError):
        history.of("0", "nothing")
    with pytest.raises(DataError, match="schema version"):
        im.TrainingHistory.from_json('{"schema_version": 9}')
    for source in (None, 3, {}):
        with pytest.raises(DataError, match="JSON text, or from the path"):
            im.TrainingHistory.from_json(source)
    short = im.TrainingHistory({k: r for k, r in history.items() if k != (10, "4", "dse")})
    with pytest.raises(ColumnError, match="no 'dse' of layer '4' at step 10"):
        short[10, "4", "dse"]
    broken = history.to_dict()
    del broken["records"][0]["layer"]
    with pytest.raises(DataError, match="in pieces"):
        im.TrainingHistory.from_dict(broken)
    with pytest.raises(SourceError):
        im.TrainingHistory.from_json(tmp_path / "absent.json")


def test_picture(history):
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    axes = history.plot()
    assert [len(ax.lines) for ax in axes] == [2, 2, 2]
    table = history.of("4", "dse")
    np.testing.assert_allclose(axes[0].lines[1].get_ydata(), [r.value for r in table.values()])
    band = axes[0].collections[1].get_paths()[0].vertices
    ends = [end for r in table.values() for end in r.ci]
    np.testing.assert_allclose([band[:, 1].min(), band[:, 1].max()], [min(ends), max(ends)])
    assert len(history.plot("dse", layers="4")) == 1
    with pytest.raises(ColumnError, match="no layer '9'"):
        history.plot(layers=["9"])
    with pytest.raises(DataError, match="one axes for each"):
        history.plot(axes=plt.subplots()[1])
    with pytest.raises(DataError, match="Nothing has been measured"):
        im.TrainingHistory().plot()
    plt.close("all")


def test_picture_of_what_is_missing(data):
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    X, y = data
    probe = im.TrainingProbe(y=y, measures=["dse"], max_rows=30)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for step, rows in enumerate((X, X * np.nan, X, X * np.nan)):
            probe.record(10 * step, "a", rows)
            probe.record(10 * step, "none", X * np.nan)
    (ax,) = probe.history.plot(layers="a")
    bars = [c for c in ax.collections if isinstance(c, matplotlib.collections.LineCollection)]
    ends = [segment[:, 1].tolist() for segment in bars[0].get_segments()]
    assert ends == [list(probe.history[step, "a", "dse"].ci) for step in (0, 20)]
    crosses = ax.collections[-1].get_offsets()
    assert crosses[:, 0].tolist() == [10, 30]
    assert ax.get_xlim()[1] > 30
    assert not ax.texts
    (ax,) = probe.history.plot(layers="none")
    assert [t.get_text() for t in ax.texts] == ["no value"]
    single = im.TrainingHistory({(500, "a", "dse"): probe.history[0, "a", "dse"]})
    (ax,) = single.plot()
    assert ax.get_xticks().tolist() == [500]
    assert ax.get_xlim() == (499, 501)
    plt.close("all")
