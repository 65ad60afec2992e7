"""NeuralMI: closed forms, files, interruption, divergence, what it reads, and what it leaves be."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import infometric as im
from infometric.exceptions import (
    ColumnError,
    DataError,
    DegenerateWarning,
    InfometricError,
    InvalidParameterError,
    MissingExtraError,
    OutputError,
    ReliabilityWarning,
    SourceError,
    UnsupportedError,
)
from infometric.functional.bounds import BOUNDS, SMILE
from infometric.neural import training
from infometric.neural.critics import CRITICS
from infometric.neural.data import distinct_pairs, flags_of
from infometric.neural.training import Plan, Trainer

QUICK = {"folds": 2, "max_epochs": 3, "hidden": (8,), "embedding_dim": 4, "random_state": 0}
RHO = 0.8
TRUTH = -np.log(1 - RHO**2)  # two independent pairs of normal variables


def pair(n, d=2, seed=0, rho=RHO):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d))
    return x, rho * x + np.sqrt(1 - rho**2) * rng.normal(size=(n, d))


@pytest.fixture(scope="module")
def xy():
    return pair(150)


@pytest.fixture(scope="module")
def fitted(xy):
    return im.NeuralMI(**QUICK).fit(*xy)


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ReliabilityWarning)
        yield


class Product(nn.Module):
    """A critic of the user's: a weighted inner product, and what is done to it."""

    def __init__(self, done=lambda critic, f: f, width=2):
        super().__init__()
        self.w = nn.Parameter(torch.full((width,), 0.5))
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))
        self.done = done

    def forward(self, x, y):
        if self.training and len(x) > 3:
            self.steps += 1
        return self.done(self, (x * self.w) @ y.T)


# --- the number -------------------------------------------------------------------------------


def test_closed_form():
    x, y = pair(800)
    found = im.NeuralMI(folds=2, max_epochs=10, random_state=0).fit(x, y)
    inside = found.estimate()
    assert inside.n == (800.0,)
    assert abs(inside.value - TRUTH) < 3 * inside.se + 0.03
    outside = found.estimate(*pair(2000, seed=1))
    assert abs(outside.value - TRUTH) < 3 * outside.se + 0.03
    assert outside.to("bits").value == pytest.approx(outside.value / np.log(2))
    assert inside.pvalue < 1e-10


def test_pointwise_values_are_the_log_ratio_of_normal_variables():
    x, y = pair(800)
    new = pair(1000, seed=3)
    found = im.NeuralMI(folds=2, max_epochs=10, random_state=0).fit(x, y).pointwise(*new)
    v = 1 - RHO**2
    a, b = new
    exact = (-0.5 * ((b - RHO * a) ** 2 / v - b**2) - 0.5 * np.log(v)).sum(axis=1)
    assert found.shape == (1000,)
    assert np.corrcoef(found, exact)[0, 1] > 0.97
    bits = im.NeuralMI(folds=2, max_epochs=10, random_state=0, units="bits").fit(x, y)
    assert np.allclose(bits.pointwise(*new), found / np.log(2))


def test_nothing_there_is_no_information(xy):
    x, _ = xy
    r = im.NeuralMI(**QUICK).fit(x, pair(150, seed=9)[1]).estimate()
    assert r.value < 2 * r.se + 0.02
    assert r.pvalue > 0.001


def test_every_row_is_scored_by_a_critic_that_has_not_seen_it(xy):
    x, y = xy
    seen = []

    class Spy(im.NeuralMI):
        def _blocks(self, model, a, b, rows, device):
            seen.append(set(rows.tolist()))
            return super()._blocks(model, a, b, rows, device)

    Spy(**QUICK | {"folds": 3}).fit(x, y)
    assert [len(s) for s in seen] == [50, 50, 50]
    assert set.union(*seen) == set(range(150))
    blocks = []
    seen.clear()
    Spy(**QUICK | {"folds": 3, "split": "blocks"}).fit(x, y)
    blocks = [sorted(s) for s in seen]
    assert blocks == [list(range(50)), list(range(50, 100)), list(range(100, 150))]


def test_one_fold_says_that_its_rows_ended_the_training(xy):
    found = im.NeuralMI(**QUICK | {"folds": 1}).fit(*xy)
    with pytest.warns(ReliabilityWarning, match="ended the training"):
        assert found.estimate().n[0] < 150


@pytest.mark.parametrize("bound", sorted(BOUNDS))
def test_every_bound_trains(bound, xy):
    found = im.NeuralMI(**QUICK | {"bound": bound}).fit(*xy)
    r = found.estimate()
    assert np.isfinite([r.value, r.se]).all()
    assert r.diagnostics["bound"] == bound
    assert r.diagnostics["direction"] == BOUNDS[bound].direction
    assert np.isfinite(found.estimate(*xy).value)


# --- files ------------------------------------------------------------------------------------

SAVED = {
    "plain": {},
    "nothing scaled": {"scaling": "none", "anchor": None},
    "standard units": {"scaling": "standard", "hidden": [8, 8]},
    "baseline": {"bound": "tuba", "critic": "bilinear"},
    "densities": {"bound": "club"},
    "concatenated": {"critic": "concat"},
    "hybrid": {"critic": "hybrid"},
    "variational": {"critic": "variational"},
    "a bound's own": {"bound": SMILE(tau=2.0), "uncertainty": im.Jackknife()},
    "strategy by name": {"uncertainty": "delta", "units": "bits"},
    "generator": {"random_state": np.random.default_rng(3), "progress": lambda done, total: None},
}


@pytest.mark.parametrize("name", SAVED)
def test_saved_and_loaded_is_the_same_to_the_last_bit(name, xy, tmp_path):
    given = SAVED[name]
    before = im.NeuralMI(**QUICK | given).fit(*xy)
    folder = before.save(tmp_path / "model")
    assert sorted(p.suffix for p in folder.iterdir()) == [".json", ".safetensors"]
    state = torch.random.get_rng_state()
    after = im.NeuralMI.load(folder)
    assert torch.equal(torch.random.get_rng_state(), state)
    new = pair(60, seed=5)
    assert after.estimate().to_dict() == before.estimate().to_dict()
    assert after.estimate(*new).to_dict() == before.estimate(*new).to_dict()
    if BOUNDS.get(given.get("bound", "infonce"), SMILE()).needs != "densities":
        assert np.array_equal(after.pointwise(*new), before.pointwise(*new))
    assert after.history_.to_dict() == before.history_.to_dict()
    left = {"progress", "random_state"} if name == "generator" else set()
    mine, theirs = after.get_params(), before.get_params()
    assert {k: v for k, v in mine.items() if k not in left} == {
        k: v for k, v in theirs.items() if k not in left
    }
    assert not any(m.training for m in after.models_)


def test_a_critic_and_encoders_of_the_users_are_given_again(xy, tmp_path):
    x, y = xy
    before = im.NeuralMI(critic=Product(), **QUICK).fit(x, y)
    folder = before.save(tmp_path / "own")
    after = im.NeuralMI.load(folder, critic=Product())
    assert after.estimate(x, y) == before.estimate(x, y)
    assert [int(m.critic.steps) for m in after.models_] == [
        int(m.critic.steps) for m in before.models_
    ]
    with pytest.raises(InvalidParameterError, match="critic of yours") as caught:
        im.NeuralMI.load(folder)
    assert "critic=Product(...)" in caught.value.hint
    with pytest.raises(DataError, match="another architecture"):
        im.NeuralMI.load(folder, critic=lambda dx, dy: CRITICS["bilinear"](dx, dy))
    images = x.reshape(-1, 1, 2)
    body = lambda: nn.Sequential(nn.Flatten(), nn.Linear(2, 3))  # noqa: E731
    before = im.NeuralMI(encoder_x=body, **QUICK).fit(images, y)
    folder = before.save(tmp_path / "encoder")
    after = im.NeuralMI.load(folder, encoder_x=body())  # a module where a function was
    assert after.estimate(images, y) == before.estimate(images, y)
    with pytest.raises(InvalidParameterError, match="saved with critic='separable'"):
        im.NeuralMI.load(folder, encoder_x=body, critic=Product())


def test_classes_and_names_are_saved(tmp_path):
    x, y = pair(120)
    frame = pd.DataFrame(x, columns=["a", "b"]).assign(grade=["u", "v", "w"] * 40, t=y[:, 0])
    before = im.NeuralMI(**QUICK).fit(frame, "t")
    after = im.NeuralMI.load(before.save(tmp_path / "m"))
    mixed = frame[frame.grade != "w"][["t", "grade", "b", "a"]]
    assert after.estimate(mixed, "t") == before.estimate(mixed, "t")
    assert list(after.feature_names_in_) == ["a", "b", "grade"]


def contents(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def test_saving_again_replaces_and_leaves_nothing_behind(fitted, xy, tmp_path):
    folder = fitted.save(tmp_path / "m")
    first = contents(folder)
    assert contents(fitted.save(folder)) == first
    other = im.NeuralMI(**QUICK | {"random_state": 1}).fit(*xy)
    other.save(folder)
    assert len(contents(folder)) == 2
    assert im.NeuralMI.load(folder).estimate() == other.estimate()


def test_a_failed_save_leaves_what_was_there(fitted, xy, tmp_path, monkeypatch):
    folder = fitted.save(tmp_path / "m")
    before = contents(folder)
    other = im.NeuralMI(**QUICK | {"random_state": 1}).fit(*xy)
    real = os.replace
    for fails in (1, 2):  # the weights, then the JSON
        calls = []

        def replace(a, b, fails=fails, calls=calls):
            calls.append(b)
            if len(calls) == fails:
                raise OSError(28, "No space left on device")
            real(a, b)

        monkeypatch.setattr(os, "replace", replace)
        with pytest.raises(OutputError, match="No space left"):
            other.save(folder)
        assert contents(folder) == before
        calls.clear()
        with pytest.raises(OutputError):
            other.save(tmp_path / "new")
        assert not (tmp_path / "new").exists()
        monkeypatch.setattr(os, "replace", real)
    with pytest.raises(OutputError) as caught:
        fitted.save(tmp_path / "no" / "such")
    assert "mkdir -p" in caught.value.hint
    (tmp_path / "file").touch()
    with pytest.raises(OutputError):
        fitted.save(tmp_path / "file")


def test_files_that_are_missing_or_changed(fitted, tmp_path, monkeypatch):
    with pytest.raises(SourceError, match="No such file"):
        im.NeuralMI.load(tmp_path / "nowhere")

    def copy(name):
        return fitted.save(tmp_path / name)

    folder = copy("weights")
    weights = next(folder.glob("*.safetensors"))
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(bytes(data))
    with pytest.raises(DataError, match="weights do not match their checksum"):
        im.NeuralMI.load(folder)
    weights.unlink()
    with pytest.raises(SourceError, match="weights"):
        im.NeuralMI.load(folder)
    about = copy("json") / "neural_mi.json"
    told = json.loads(about.read_text())
    about.write_text(json.dumps(told | {"flags": [["ReliabilityWarning", "never"]]}))
    with pytest.raises(DataError, match="does not match its checksum"):
        im.NeuralMI.load(about.parent)
    about.write_text(json.dumps(told | {"schema_version": 99}))
    with pytest.raises(DataError, match="schema version 1"):
        im.NeuralMI.load(about.parent)
    about.write_text(json.dumps(told)[:-40])
    with pytest.raises(SourceError, match="JSON"):
        im.NeuralMI.load(about.parent)
    about.write_text("[]")
    with pytest.raises(DataError, match="not a trained estimator"):
        im.NeuralMI.load(about.parent)
    monkeypatch.setitem(sys.modules, "safetensors.torch", None)
    with pytest.raises(MissingExtraError, match="'neural'"):
        copy("none")
    assert not (tmp_path / "none").exists()


def test_no_pickle_is_ever_written(fitted, tmp_path):
    folder = fitted.save(tmp_path / "m")
    weights = next(folder.glob("*.safetensors")).read_bytes()
    size = int.from_bytes(weights[:8], "little")
    header = json.loads(weights[8 : 8 + size])  # the format: a length, JSON, and raw numbers
    assert {v["dtype"] for v in header.values()} == {"F32", "F64"}
    assert 8 + size + max(v["data_offsets"][1] for v in header.values()) == len(weights)


# --- interruption and divergence --------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "critics", "rows"), [(1, 1, 75), (2, 1, 75), (3, 1, 75), (4, 2, 150), (6, 2, 150)]
)
def test_ctrl_c_at_any_epoch_leaves_a_usable_state(at, critics, rows, xy, tmp_path):
    told = []

    def stop(done, total):
        told.append(done)
        if done == at:
            raise KeyboardInterrupt

    estimator = im.NeuralMI(**QUICK, progress=stop)
    with pytest.warns(ReliabilityWarning, match="interrupted") as caught:
        estimator.fit(*xy)
    assert len([w for w in caught if "interrupted" in str(w.message)]) == 1
    assert told[-1] == at
    assert len(estimator.models_) == critics
    with pytest.warns(ReliabilityWarning, match="interrupted"):
        r = estimator.estimate()
    assert r.n == (float(rows),)
    assert np.isfinite([r.value, r.se]).all()
    assert not r.diagnostics["reliable"]
    assert np.isfinite(estimator.estimate(*xy).value)
    assert im.NeuralMI.load(estimator.save(tmp_path / "m")).estimate() == r


def test_ctrl_c_before_the_first_epoch_leaves_the_anchor(xy, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "_epoch", stop)
    estimator = im.NeuralMI(**QUICK).fit(*xy)
    assert estimator.history_.ended == ("interrupted",)
    r = estimator.estimate()
    assert r.value == pytest.approx(TRUTH, abs=4 * r.se)  # the law is normal


def test_ctrl_c_before_anything_is_there_is_an_interruption(fitted, xy, monkeypatch):
    import infometric.neural.fitting as fitting

    def stop(*_):
        raise KeyboardInterrupt

    before = fitted.estimate()
    monkeypatch.setattr(fitting, "_build", stop)
    with pytest.raises(KeyboardInterrupt):
        fitted.fit(*xy)
    assert fitted.estimate() == before


SIGINT = """
import sys, warnings
import numpy as np, infometric as im
rng = np.random.default_rng(0)
x = rng.normal(size=(300, 2))
y = x + rng.normal(size=(300, 2))
def say(done, total):
    print("epoch", done, flush=True)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    m = im.NeuralMI(folds=2, max_epochs=100_000, patience=None, progress=say).fit(x, y)
print("warnings", sum("interrupted" in str(w.message) for w in caught))
print("value", m.estimate().value, m.history_.ended, len(m.models_), flush=True)
"""


def test_a_real_signal():
    child = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", SIGINT], stdout=subprocess.PIPE, text=True
    )
    watchdog = threading.Timer(240, child.kill)  # far beyond what a busy machine needs
    watchdog.start()
    try:
        for line in child.stdout:
            if line.startswith("epoch 3"):
                break
        time.sleep(0.05)  # anywhere within an epoch
        child.send_signal(signal.SIGINT)
        rest = [line for line in child.stdout if not line.startswith("epoch")]
        assert child.wait() == 0
    finally:
        watchdog.cancel()
        child.kill()
    assert rest[0] == "warnings 1\n"
    value = float(rest[1].split()[1])
    assert -0.1 < value < 1.5  # log 2 = 0.69; how much is learned depends on the machine
    assert "('interrupted',) 1" in rest[1]


@pytest.mark.parametrize("patience", [30, None])
@pytest.mark.parametrize("anchor", ["gaussian", None])
def test_a_training_that_diverges_stops_and_keeps_the_last_good_weights(patience, anchor, xy):
    estimator = im.NeuralMI(
        **QUICK | {"max_epochs": 50}, learning_rate=1e3, patience=patience, anchor=anchor
    ).fit(*xy)
    assert estimator.history_.ended == ("diverged", "diverged")
    assert len(estimator.history_) < 100
    with pytest.warns(ReliabilityWarning, match="diverged in fold") as caught:
        r = estimator.estimate()
    assert "learning_rate=" in str(caught[0].message)
    assert np.isfinite([r.value, r.se]).all()
    for model in estimator.models_:
        assert all(torch.isfinite(p).all() for p in model.parameters())


def test_a_critic_that_turns_to_nan_after_some_steps(xy):
    def fails(critic, f):
        return f * float("nan") if int(critic.steps) > 4 else f

    critic = Product(fails)
    estimator = im.NeuralMI(**QUICK | {"max_epochs": 50}, batch_size=16, critic=critic).fit(*xy)
    assert estimator.history_.ended == ("diverged", "diverged")
    assert np.isfinite(estimator.estimate().value)


def test_a_critic_that_was_never_finite_says_so(xy):
    with pytest.raises(DataError, match="not finite") as caught:
        im.NeuralMI(**QUICK, critic=Product(lambda c, f: f * float("nan"))).fit(*xy)
    assert caught.value.hint


def test_a_partition_that_overflows_has_no_interval_and_says_what_to_do(xy):
    loud = Product(lambda c, f: 1e4 * f)
    estimator = im.NeuralMI(**QUICK | {"bound": "nwj"}, critic=loud).fit(*xy)
    with pytest.warns(ReliabilityWarning, match="overflows.*bound='infonce'"):
        r = estimator.estimate()
    assert np.isnan([r.se, *r.ci]).all()
    assert not r.diagnostics["reliable"]
    assert im.Result.from_json(r.to_json()).to_dict() == r.to_dict()
    assert np.isfinite(im.NeuralMI(**QUICK, critic=loud).fit(*xy).estimate().value)


# --- what a user's modules do wrong -----------------------------------------------------------


def raises(critic, f):
    raise KeyError("gate")


WRONG = {
    "shape": (Product(lambda c, f: f[0]), "score for every pair"),
    "square only": (Product(lambda c, f: f.diagonal()), "score for every pair"),
    "tuple": (Product(lambda c, f: (f, f)), "score for every pair"),
    "an array": (Product(lambda c, f: f.detach().numpy()), "score for every pair"),
    "whole numbers": (Product(lambda c, f: f.long()), "No gradient"),
    "detached": (Product(lambda c, f: f.detach()), "No gradient"),
    "an error": (Product(raises), "KeyError: 'gate'"),
    "another width": (Product(width=7), "cannot score 3 rows"),
    "no module": (lambda dx, dy: print, "a torch module, or a function"),
    "a function of nothing": (lambda: Product(), "called with 2 number"),
    "a class of other sizes": (Product, "cannot score|called with|must be"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_critic_that_is_wrong(name, xy):
    critic, says = WRONG[name]
    with pytest.raises(InvalidParameterError, match=says) as caught:
        im.NeuralMI(**QUICK, critic=critic).fit(*xy)
    assert caught.value.hint


def test_an_encoder_that_is_wrong(xy):
    for encoder, says in (
        (nn.Flatten(0), "one row of numbers"),
        (nn.Linear(7, 3), "cannot read rows of this shape"),
        (lambda rows: rows, "called with no argument"),
        (lambda: 3, "must be a torch module"),
        ("cnn", "must be one of None or a torch module"),
    ):
        with pytest.raises(InvalidParameterError, match=says):
            im.NeuralMI(**QUICK, encoder_x=encoder).fit(*xy)
    with pytest.raises(UnsupportedError, match="own encoders"):
        im.NeuralMI(**QUICK, encoder_y=nn.Linear(2, 2), critic=Product()).fit(*xy)


def test_weights_that_are_frozen(xy):
    with pytest.raises(UnsupportedError, match="no weights to train"):
        im.NeuralMI(**QUICK, critic=Product().requires_grad_(False)).fit(*xy)


# --- what it reads ----------------------------------------------------------------------------


def test_the_same_rows_in_every_form(xy, fitted, tmp_path):
    x, y = xy
    frame = pd.DataFrame(np.column_stack([x, y]), columns=["a", "b", "c", "d"])
    frame.to_parquet(tmp_path / "rows.parquet")
    np.save(tmp_path / "x.npy", x)
    forms = {
        "tensors with gradients": (torch.tensor(x, requires_grad=True), torch.tensor(y)),
        "lists": (x.tolist(), y.tolist()),
        "objects": (x.astype(object), y),
        "nothing masked": (np.ma.masked_array(x, mask=False), y),
        "a frame and names": (frame, ["c", "d"]),
        "a Parquet file and names": (tmp_path / "rows.parquet", ["c", "d"]),
        "a file of an array": (tmp_path / "x.npy", y),
        "columns first": (np.asfortranarray(x), y[:]),
        "read only": (np.frombuffer(x.tobytes()).reshape(x.shape), y),
    }
    value = fitted.estimate().value
    for name, (a, b) in forms.items():
        assert im.NeuralMI(**QUICK).fit(a, b).estimate().value == value, name


@pytest.mark.parametrize("kind", [np.float32, np.float16, np.int64, np.int8, bool, np.uint8])
def test_numbers_of_every_kind(kind, xy):
    x, y = xy
    rows = x > 0 if kind is bool else (np.abs(x) * 10).astype(kind)
    found = im.NeuralMI(**QUICK).fit(rows, y).estimate()
    assert np.isfinite(found.value)


def test_tensors_of_half_precision(xy):
    x, y = xy
    for kind in (torch.bfloat16, torch.float16):
        found = im.NeuralMI(**QUICK).fit(torch.tensor(x).to(kind), y).estimate()
        assert found.value == pytest.approx(
            im.NeuralMI(**QUICK).fit(x, y).estimate().value, abs=0.1
        )
    with pytest.raises(DataError, match="Sparse") as caught:
        im.NeuralMI(**QUICK).fit(torch.tensor(x).to_sparse(), y)
    assert "to_dense" in caught.value.hint


def test_new_rows_are_read_as_those_of_fit():
    x, y = pair(150)
    frame = pd.DataFrame(x, columns=["a", "b"]).assign(grade=["u", "v", "w"] * 50, t=y[:, 0])
    m = im.NeuralMI(**QUICK).fit(frame, "t")
    assert m.n_features_in_ == 3
    assert m.shape_x_ == (5,)
    same = m.estimate(frame, "t")
    assert m.estimate(frame[["grade", "t", "b", "a"]], "t") == same
    assert m.estimate(frame[["grade", "b", "a"]], frame[["t"]]) == same
    # one class fewer: the columns of the others stay where they are
    fewer = frame[frame.grade != "u"]
    coded = np.column_stack([x, *(frame.grade == g for g in "uvw")]).astype(float)
    with torch.no_grad():
        whole = m.critic_(torch.tensor(coded), torch.tensor(y[:, :1])).numpy()
    kept = np.flatnonzero(frame.grade != "u")
    block = whole[np.ix_(kept, kept)]
    expected = BOUNDS["infonce"].value(block.astype(float))
    assert m.estimate(fewer, "t").value == pytest.approx(float(expected), abs=1e-5)
    with pytest.raises(DataError, match="not there in fit") as caught:
        m.estimate(frame.assign(grade="z"), "t")
    assert "isin(['u', 'v', 'w'" in caught.value.hint
    with pytest.raises(ColumnError, match="'b'"):
        m.estimate(frame.rename(columns={"b": "bb"}), "t")
    with pytest.raises(DataError, match="X has 2 features, but NeuralMI is expecting 3"):
        m.estimate(frame.drop(columns="grade"), "t")


def test_a_column_that_is_not_there():
    x, y = pair(60)
    frame = pd.DataFrame(x, columns=["a", "b"]).assign(target=y[:, 0])
    with pytest.raises(ColumnError) as caught:
        im.NeuralMI(**QUICK).fit(frame, "targt")
    assert "'target'" in caught.value.hint
    with pytest.raises(DataError, match="no column left"):
        im.NeuralMI(**QUICK).fit(frame[["a"]], "a")


def test_a_near_name():
    with pytest.raises(InvalidParameterError) as caught:
        im.NeuralMI(bound="infonc").fit(*pair(60))
    assert caught.value.hint == "bound='infonce'"
    with pytest.raises(InvalidParameterError) as caught:
        im.NeuralMI(critic="seperable").fit(*pair(60))
    assert caught.value.hint == "critic='separable'"


@pytest.mark.parametrize("n", [10, 11, 14, 20])
def test_few_rows(n):
    x, y = pair(n)
    for folds in (1, 5):
        r = im.NeuralMI(**QUICK | {"folds": folds}).fit(x, y).estimate()
        assert np.isfinite([r.value, r.se]).all()
        assert r.n[0] <= n
    with pytest.raises(DataError, match="it needs 10"):
        im.NeuralMI(**QUICK).fit(x[:9], y[:9])


def test_more_columns_than_rows():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 200))
    y = x[:, :1] + 0.5 * rng.normal(size=(60, 1))
    for scaling in ("normal", "standard", "none"):
        r = im.NeuralMI(**QUICK, scaling=scaling).fit(x, y).estimate()
        assert np.isfinite([r.value, r.se]).all()
        assert r.value < np.log(30)


def test_rows_that_degenerate(xy):
    x, y = xy
    one = np.ones((150, 1))
    with pytest.warns(DegenerateWarning, match="X is constant"):
        r = im.NeuralMI(**QUICK).fit(one, y).estimate()
    assert abs(r.value) < 0.1
    with pytest.warns(ReliabilityWarning, match="information is infinite"):
        r = im.NeuralMI(**QUICK).fit(x, x).estimate()
    assert r.value <= np.log(75)
    plain = im.NeuralMI(**QUICK).fit(x, y).estimate().value
    wide = im.NeuralMI(**QUICK).fit(np.column_stack([x, x, one]), y).estimate()
    assert wide.value == pytest.approx(plain, abs=0.1)  # copies of columns say nothing new
    twice = np.repeat(x, 2, axis=0), np.repeat(y, 2, axis=0)
    with pytest.warns(ReliabilityWarning, match="150 of 300 pairs are copies"):
        im.NeuralMI(**QUICK).fit(*twice).estimate()


def test_flags():
    x, y = pair(100)
    assert flags_of(x, y) == ()
    labels = (y[:, :1] > 0).astype(float)
    assert flags_of(x, labels) == ()  # classes of one variable are no copies of pairs
    assert "copies" in flags_of(labels, labels[::-1])[0].text
    assert distinct_pairs(np.array([[0.0], [-0.0]]), np.ones((2, 1))) == 1


# --- what it leaves as it was -----------------------------------------------------------------


def test_the_same_seed_gives_the_same_bits(xy, fitted):
    again = im.NeuralMI(**QUICK).fit(*xy)
    assert again.estimate() == fitted.estimate()
    assert again.state_.key == fitted.state_.key
    other = im.NeuralMI(**QUICK | {"random_state": 1}).fit(*xy)
    assert other.state_.key != fitted.state_.key
    twice = [
        im.NeuralMI(**QUICK | {"random_state": np.random.default_rng(5)}).fit(*xy) for _ in range(2)
    ]
    assert twice[0].state_.key == twice[1].state_.key


def test_the_world_is_left_as_it_was(xy):
    x, y = (v.copy() for v in xy)
    x.setflags(write=False)
    body = nn.Sequential(nn.Linear(2, 4), nn.Dropout(0.5), nn.BatchNorm1d(4))
    body.train()
    body[1].eval()  # a mode of its own
    before = {k: v.clone() for k, v in body.state_dict().items()}
    modes = [m.training for m in body.modules()]
    state, numpy_state = torch.random.get_rng_state(), np.random.get_state()  # noqa: NPY002
    threads, grad = torch.get_num_threads(), torch.is_grad_enabled()
    default = torch.get_default_dtype()
    for encoder in (body, lambda: body):
        im.NeuralMI(**QUICK, encoder_x=encoder).fit(x, y).estimate(x, y)
    assert all(torch.equal(v, before[k]) for k, v in body.state_dict().items())
    assert [m.training for m in body.modules()] == modes
    assert all(p.grad is None for p in body.parameters())
    assert torch.equal(torch.random.get_rng_state(), state)
    assert np.array_equal(np.random.get_state()[1], numpy_state[1])  # noqa: NPY002
    assert (torch.get_num_threads(), torch.is_grad_enabled()) == (threads, grad)
    assert torch.get_default_dtype() == default
    assert np.array_equal(x, xy[0])
    assert np.array_equal(y, xy[1])


def test_a_failed_fit_changes_nothing(xy):
    x, y = xy
    m = im.NeuralMI(**QUICK).fit(x, y)
    before = m.estimate()
    for bad in ((x[:5], y[:5]), (x, y[:20]), (x * np.nan, y)):
        with pytest.raises(InfometricError):
            m.fit(*bad)
        assert m.estimate() == before


def test_rows_added_are_scored_by_the_critics_that_are_there(xy):
    m = im.NeuralMI(**QUICK).fit(*xy)
    new = pair(80, seed=4)
    alone = m.estimate(*new)
    first = m.estimate()
    m.partial_fit(*new)
    both = m.estimate()
    assert both.n == (230.0,)
    assert both.value == pytest.approx((150 * first.value + 80 * alone.value) / 230)


# --- the loop ---------------------------------------------------------------------------------

WAITS = ("item", "tolist", "numpy", "cpu", "nonzero", "__bool__", "__float__", "__int__")


def waits_of_an_epoch(critic, bound, batches, monkeypatch, compiled=False):
    """Times that an epoch reads a number from the device."""
    torch.manual_seed(0)
    plan = Plan(batch_size=16, compile=compiled)
    trainer, first = (
        Trainer(CRITICS[critic](3, 3, hidden=(8,)), BOUNDS[bound], plan) for _ in range(2)
    )
    if compiled:  # tracing, which is over before the epoch, reads what it likes
        first.model.train()
        first.step(torch.randn(16, 3), torch.randn(16, 3))
    rows = torch.randn(16 * batches, 3), torch.randn(16 * batches, 3)
    count = [0]
    with monkeypatch.context() as patch:
        for name in WAITS:
            real = getattr(torch.Tensor, name)

            def counted(self, *args, real=real, **options):
                count[0] += 1
                return real(self, *args, **options)

            patch.setattr(torch.Tensor, name, counted)
        training._epoch(trainer, *rows, torch.Generator())
    assert trainer.steps == batches
    return count[0]


@pytest.mark.parametrize("bound", ["infonce", "mine", "smile", "js", "nwj", "dv_debiased"])
@pytest.mark.parametrize("critic", ["separable", "concat", "variational"])
def test_an_epoch_never_waits_for_the_device(critic, bound, monkeypatch):
    few, many = (waits_of_an_epoch(critic, bound, k, monkeypatch) for k in (2, 12))
    assert few == many == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("critic", "bound"), [("separable", "mine"), ("variational", "infonce"), ("concat", "smile")]
)
def test_an_epoch_of_compiled_steps_never_waits_for_the_device(critic, bound, monkeypatch):
    step = torch.compile(training._step_of, fullgraph=True, dynamic=False, backend="aot_eager")
    monkeypatch.setattr(training, "whole_step", lambda: step)
    few, many = (waits_of_an_epoch(critic, bound, k, monkeypatch, True) for k in (2, 12))
    assert few == many == 0


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
def test_compiled_training_gives_the_same_numbers(xy):
    plain = im.NeuralMI(**QUICK, compile=False).fit(*xy).estimate()
    compiled = im.NeuralMI(**QUICK, compile=True).fit(*xy).estimate()
    assert compiled.value == pytest.approx(plain.value, abs=1e-4)
    assert compiled.se == pytest.approx(plain.se, abs=1e-4)


# --- the course -------------------------------------------------------------------------------


def test_history(fitted):
    h = fitted.history_
    frame = h.to_frame()
    assert list(frame.columns) == ["fold", "epoch", "train", "validation"]
    assert frame.groupby("fold").epoch.apply(list).tolist() == [[0, 1, 2, 3]] * 2
    assert frame.validation.notna().all()
    assert frame.train.isna().tolist() == [True, False, False, False] * 2
    again = im.LearningCurves.from_dict(json.loads(json.dumps(h.to_dict(), allow_nan=False)))
    assert again.to_dict() == h.to_dict()
    assert "2 folds" in repr(h)
    ax = h.plot()
    assert len(ax.get_legend().get_texts()) == 2
    assert h.plot(ax) is ax


def test_a_course_that_fell_to_minus_infinity_is_drawn_and_saved():
    rows = [
        {"fold": 0, "epoch": 0, "train": np.nan, "validation": 0.5},
        {"fold": 0, "epoch": 1, "train": -1e30, "validation": -np.inf},
    ]
    curves = im.LearningCurves(rows, best=[0], ended=["diverged"])
    text = json.dumps(curves.to_dict(), allow_nan=False)
    assert im.LearningCurves.from_dict(json.loads(text))[1]["validation"] == -np.inf
    assert curves.plot().get_ylim() == pytest.approx((-1.5, 0.6))
    with pytest.raises(DataError, match="No epoch"):
        im.LearningCurves([]).plot()
