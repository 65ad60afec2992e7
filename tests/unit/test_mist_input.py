"""MIST: bad input is refused in words of what was passed, and weights say when they are none."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute  # a hint names it
import pytest

import infometric as im
from infometric.amortised.weights import ARRAYS, CARD, SHIPPED, Weights, card_text, shipped
from infometric.exceptions import (
    ColumnError,
    DataError,
    InvalidParameterError,
    MergeError,
    SourceError,
    UnsupportedError,
)


def pair(n=40, dx=2, dy=1, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, dx))
    return x, x[:, :1] + rng.normal(size=(n, dy))


def other_weights():
    network = dict(shipped().network)
    return Weights(network | {"b2": network["b2"] + 1}, shipped().calibration)


# --- training ------------------------------------------------------------------------------------


def law(batch, n, dx, dy, rng):
    import torch

    x, y = (torch.rand(batch, n, d, generator=rng) for d in (dx, dy))
    return x, y, torch.zeros(batch)


def spoilt(change):
    def generator(*shape):
        return change(*law(*shape))

    return generator


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda x, y, mi: (x * float("nan"), y, mi),
            "'waves' draws x that is not finite, in .* row",
        ),
        (lambda x, y, mi: (x, y / 0, mi), "'waves' draws y that is not finite"),
        (lambda x, y, mi: (x * 0, y, mi), "'waves' draws x that is constant"),
        (lambda x, y, mi: (x, y * 0 + 1, mi), "'waves' draws y that is constant"),
        (lambda x, y, mi: (x, y, mi[:, None]), r"as \(batch,\), one number a task"),
        (lambda x, y, mi: (x, y, mi[:1]), r"as \(batch,\), one number a task"),
        (lambda x, y, mi: (x, y, "a"), "tensors, or arrays of numbers"),
        (lambda x, y, mi: None, "returns x, y and their mutual information"),
        (lambda x, y, mi: (x, y, float("nan")), "'waves'.*not finite"),
    ],
)
def test_what_a_generator_draws_is_looked_at(change, says):
    pytest.importorskip("torch")
    with pytest.raises(DataError, match=says) as error:
        im.MIST.train({"waves": spoilt(change)}, tasks=500, steps=1)
    assert error.value.hint


def test_rows_of_other_families_are_looked_at_too():
    torch = pytest.importorskip("torch")
    from infometric.amortised.families.base import Draw

    class Hole:
        name = "hole"

        def accepts(self, dx, dy):
            return True

        def draw(self, batch, n, dx, dy, rng):
            x, y, mi = law(batch, n, dx, dy, rng)
            x[0, 0, 0] = torch.inf
            return Draw(x, y, mi, mi)

    with pytest.raises(DataError, match="'hole' draws x that is not finite"):
        im.MIST.train(Hole(), tasks=500, steps=1)


@pytest.mark.filterwarnings("ignore")
def test_one_number_is_the_truth_of_a_whole_batch():
    pytest.importorskip("torch")
    generator = spoilt(lambda x, y, mi: (x, y, 0.0))
    options = {"tasks": 500, "steps": 2, "rows": (10, 20), "columns": (1, 1)}
    one, each = (im.MIST.train(g, **options) for g in (generator, law))
    assert one.weights.same(each.weights)


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("rows", 20, InvalidParameterError),
        ("rows", (20, "a"), InvalidParameterError),
        ("rows", (20.5, 30), InvalidParameterError),
        ("columns", 2, InvalidParameterError),
        ("columns", (3, 1), InvalidParameterError),
        ("tasks", "a", InvalidParameterError),
        ("tasks", True, InvalidParameterError),
        ("steps", None, InvalidParameterError),
        ("random_state", None, InvalidParameterError),
        ("random_state", -1, InvalidParameterError),
        ("start", 3, InvalidParameterError),
        ("units", "x", InvalidParameterError),
        ("device", "gpu", InvalidParameterError),
        ("device", None, InvalidParameterError),
    ],
)
def test_parameters_of_training_are_refused_by_name_before_anything_is_drawn(name, value, error):
    pytest.importorskip("torch")
    drawn = []
    with pytest.raises(error, match=f"'{name}' parameter of MIST.train") as caught:
        im.MIST.train(lambda *shape: drawn.append(shape), **{name: value})
    assert caught.value.hint
    assert not drawn


def test_a_device_that_is_not_here_is_refused():
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(UnsupportedError, match="'device' parameter of MIST"):
        im.MIST.train(law, device="cuda")


def test_two_generators_of_one_name_are_refused():
    torch = pytest.importorskip("torch")
    assert torch
    from infometric.amortised.families import FAMILIES

    with pytest.raises(InvalidParameterError, match="one name"):
        im.MIST.train([FAMILIES["student"], FAMILIES["student"]])


# --- merging, cards, weights ----------------------------------------------------------------------


def test_fits_with_other_weights_or_units_do_not_merge():
    x, y = pair()
    mine = im.MIST().fit(x, y)
    with pytest.raises(MergeError, match="other weights"):
        mine.merge(im.MIST(weights=other_weights()).fit(x, y))
    with pytest.raises(MergeError, match="other units"):
        mine.merge(im.MIST(units="bits").fit(x, y))
    assert len(mine.state_.variables[0]) == 40
    assert mine.merge(im.MIST(weights=SHIPPED).fit(*pair(seed=1))).estimate().n == (80,)


def test_a_card_that_is_changed_changes_nothing():
    card = im.MIST().card
    card["config"]["seed"] = -1
    card["metrics"].clear()
    assert im.MIST().card["config"]["seed"] >= 0
    assert im.MIST().card["metrics"]


def test_weights_are_shown_in_a_line():
    digest = shipped().card["sha256"][:16]
    assert repr(shipped()).startswith(f"Weights(sha256='{digest}', numbers=")
    assert len(repr(im.MIST(weights=shipped()))) < 100
    assert repr(Weights({"w0": np.zeros((2, 3))})) == "Weights(numbers=6)"


def saved(folder, content):
    """Folder of weights whose npz is other bytes, with a card that says so."""
    shipped().save(folder)
    card = {k: v for k, v in json.loads((folder / CARD).read_text()).items() if k != "checksum"}
    card["sha256"] = hashlib.sha256(content).hexdigest()
    (folder / ARRAYS).write_bytes(content)
    (folder / CARD).write_text(card_text(card))
    return folder


def packed(tmp_path, change):
    with np.load(SHIPPED / ARRAYS) as found:
        arrays = dict(found)
    change(arrays)
    np.savez(tmp_path / "made.npz", **arrays)
    return (tmp_path / "made.npz").read_bytes()


def test_folders_that_are_none_are_said(tmp_path, monkeypatch):
    with pytest.raises(SourceError, match="no such folder"):
        im.MIST(weights=tmp_path / "absent").fit(*pair())
    folder = shipped().save(tmp_path / "w")
    for given in (folder / ARRAYS, folder / CARD):
        with pytest.raises(SourceError, match="weights are the folder") as error:
            im.MIST.load(given)
        assert str(folder) in error.value.hint
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert Weights.load("~/w").same(shipped())
    assert shipped().save("~/again") == tmp_path / "again"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"a text\n", "holds no arrays"),
        (b"", "holds no arrays"),
        (b"PK\x03\x04 and no more", "holds no arrays"),
    ],
)
def test_files_that_hold_no_arrays_are_refused(tmp_path, content, says):
    with pytest.raises(DataError, match=says) as error:
        im.MIST.load(saved(tmp_path / "w", content))
    assert "pickle" not in str(error.value)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda a: a.pop("network/b1"), "lack arrays of their network"),
        (lambda a: a.pop("network/mean"), "lack arrays"),
        (lambda a: a.update({"network/b1": np.zeros(3)}), "do not fit together"),
        (lambda a: a.update({"network/w2": a["network/w2"][..., :5]}), "do not fit together"),
        (lambda a: a.update({"calibration/margins": np.zeros((2, 9))}), "nor of each kind"),
        (lambda a: a.update({"calibration/margins": np.zeros((9, 8))}), "nor of each kind"),
        (lambda a: a.update({"network/b1": a["network/b1"] * np.nan}), "NaN or infinity"),
        (lambda a: a.update({"calibration/limit": np.array(np.nan)}), "NaN or infinity"),
        (lambda a: a.update({"network/b1": np.array(["a"])}), "holds no numbers"),
        (lambda a: a.update({"network/b1": np.array([{}])}), "holds no arrays"),
        (lambda a: a.update(other=np.zeros(3)), "something else"),
    ],
)
def test_arrays_that_are_no_network_are_refused(tmp_path, change, says):
    folder = saved(tmp_path / "w", packed(tmp_path, change))
    with pytest.raises(DataError, match=says) as error:
        im.MIST(weights=folder).fit(*pair())
    assert error.value.hint
    assert "pickle" not in str(error.value)


def test_a_card_that_was_changed_is_refused(tmp_path):
    folder = shipped().save(tmp_path / "w")
    card = json.loads((folder / CARD).read_text())
    card["config"]["seed"] += 1
    (folder / CARD).write_text(json.dumps(card))
    with pytest.raises(DataError, match="does not match its checksum"):
        im.MIST.load(folder)


def test_the_shipped_card_is_of_the_shipped_arrays():
    card = json.loads((SHIPPED / CARD).read_text())
    assert card["sha256"] == hashlib.sha256((SHIPPED / ARRAYS).read_bytes()).hexdigest()
    facts = {k: v for k, v in card.items() if k != "checksum"}
    assert json.loads(card_text(facts))["checksum"] == card["checksum"]


# --- pairs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("pairs", [None, 3, "ab", pd.DataFrame(pair()[0])])
def test_pairs_that_are_none_are_refused(pairs):
    with pytest.raises(DataError, match="Pairs are a list") as error:
        im.MIST().estimate_pairs(pairs)
    assert error.value.hint


def test_names_of_pairs_that_read_alike_are_refused():
    x, y = pair()
    with pytest.raises(DataError, match="one name") as error:
        im.MIST().estimate_pairs({1: (x, y), "1": (y, x)})
    assert error.value.got == ["1"]
    with pytest.raises(DataError, match="Pair 0: two variables"):
        im.MIST().estimate_pairs(["ab"])


# --- columns -------------------------------------------------------------------------------------


@pytest.mark.parametrize("y", ["sepal.length", ["sepal.length"], "flowers.csv", ["flowers.csv"]])
def test_a_column_of_a_frame_is_no_path(y, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "flowers.csv").write_text("a\n1\n")
    x, target = pair()
    frame = pd.DataFrame(x, columns=["a", "b"])
    frame[y if isinstance(y, str) else y[0]] = target
    assert im.mist(frame, y).value == im.mist(x, target).value
    fitted = im.MIST().fit(frame, y)
    assert fitted.estimate(frame, y).value == fitted.estimate().value


def test_a_column_that_is_not_there_is_no_path_either():
    frame = pd.DataFrame(pair()[0], columns=["sepal.length", "b"])
    with pytest.raises(ColumnError, match=r"sepal\.lenght") as error:
        im.mist(frame, "sepal.lenght")
    assert "sepal.length" in error.value.hint


def test_columns_with_numbers_for_names():
    x, _ = pair(dx=4)
    frame = pd.DataFrame(x)
    assert im.mist(frame, 2).value == im.mist(x[:, [0, 1, 3]], x[:, 2]).value
    assert im.mist(frame, [2, 0]).value == im.mist(x[:, [1, 3]], x[:, [2, 0]]).value
    with pytest.raises(ColumnError, match="no column '7'"):
        im.mist(frame, 7)
    few = pd.DataFrame(pair(10, 2)[0])
    values = [0, 1] * 5
    assert im.mist(few, values).value == im.mist(few, np.array(values)).value


@pytest.mark.parametrize("kind", ["int64", "uint64", "list", "Series"])
def test_integers_beyond_double_precision_are_ranked_or_refused(kind):
    y = pair(50)[1]
    wide = np.arange(50, dtype=np.uint64) * np.uint64(2**56) + np.uint64(3)
    close = np.arange(50, dtype=np.uint64) + np.uint64(2**60 if kind == "int64" else 2**63)
    wide, close = (v.astype("int64") if kind == "int64" else v for v in (wide // 4, close))
    as_kind = {"list": lambda v: v.tolist(), "Series": pd.Series}.get(kind, lambda v: v)
    assert im.mist(as_kind(wide), y).value == im.mist(np.arange(50), y).value
    with pytest.raises(DataError, match="integers beyond") as error:
        im.mist(as_kind(close), y)
    assert "np.unique" in error.value.hint
    codes = np.unique(close, return_inverse=True)[1]
    assert im.mist(codes, y).value == im.mist(np.arange(50), y).value


@pytest.mark.parametrize("make", [list, np.array, pd.Series], ids=["list", "array", "Series"])
def test_whole_numbers_as_objects_are_told_apart_or_refused(make):
    y = pair(50)[1]

    def held(values):
        return values if make is list else make(values, dtype=object)

    far = [2**56 * k for k in range(50)]
    assert im.mist(held(far), y).value == im.mist(np.arange(50), y).value
    mixed = [2**60 + k for k in range(49)] + [0.5]  # as a list these are floats
    for values in (
        [2**60 + k for k in range(50)],
        [2**64 + k for k in range(50)],
        [10**400 + k for k in range(50)],
        *([] if make is list else [mixed]),
    ):
        with pytest.raises(DataError, match="integers") as error:
            im.mist(held(values), y)
        assert "np.unique" in error.value.hint


def test_a_relation_of_duckdb_is_read():
    duckdb = pytest.importorskip("duckdb")
    x, y = pair(dx=1)
    frame = pd.DataFrame({"x": x[:, 0], "y": y[:, 0]})
    assert im.mist(duckdb.from_df(frame), "y").value == im.mist(frame, "y").value


def test_lists_in_a_column_are_refused():
    frame = pl.DataFrame({"a": [[1, 2]] * 40, "b": pair()[1][:, 0]})
    with pytest.raises(DataError, match="neither numbers nor text"):
        im.mist(frame, "b")


@pytest.mark.parametrize("estimator", [im.MIST(), im.MutualInformation(), im.InformationValue()])
def test_new_data_are_both_or_none(estimator):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=60), rng.integers(2, size=60)
    fitted = estimator.fit(x, y)
    for call in (
        lambda: fitted.estimate(y=y),
        lambda: fitted.ci(y=y),
        lambda: fitted.test(y=y),
        lambda: im.MIST().fit(x, y).quantile(0.5, y=y),
    ):
        with pytest.raises(DataError, match="y is of new data"):
            call()
    with pytest.raises(DataError, match="sample_weight is of new data"):
        fitted.estimate(sample_weight=np.ones(60))
    with pytest.raises(DataError, match="a number was passed") as error:
        fitted.ci(0.9)
    assert error.value.hint == "ci(level=0.9)"


def test_tensors_without_numbers_are_refused():
    torch = pytest.importorskip("torch")
    x = torch.randn(40, 1, generator=torch.Generator().manual_seed(0))
    for bad in (x.to_sparse(), x.to("meta")):
        for both in ((bad, x), (x, bad)):
            with pytest.raises(DataError, match=r"without numbers of its own|on two devices"):
                im.MIST().value(*both)


def test_constant_columns_of_tensors_do_not_count_as_too_many():
    torch = pytest.importorskip("torch")
    x, y = (torch.as_tensor(v) for v in pair(50, 3))
    wide = torch.hstack([x, torch.ones(50, 30)])
    assert float(im.MIST().value(wide, y)) == float(im.MIST().value(x, y))
    with pytest.raises(DataError, match="33 columns"):
        im.MIST().value(torch.stack([wide, wide.cumsum(0) ** 2 + wide]), torch.stack([y, y]))


# --- hints ---------------------------------------------------------------------------------------


def test_constant_columns_do_not_count_as_too_many():
    x, y = pair(50, 3)
    wide = np.hstack([x, np.ones((50, 32))])
    found = im.mist(wide, y)
    assert found.value == im.mist(x, y).value
    assert found.diagnostics["constant_columns"] == 32


@pytest.mark.parametrize("n", [20, 50])
def test_the_hint_for_too_many_columns_can_be_typed(n):
    x = np.random.default_rng(0).normal(size=(n, 40))
    with pytest.raises(DataError, match="x has 40 columns") as error:
        im.mist(x, x[:, 0])
    assert f"PCA({min(n, 32)})" in error.value.hint
    with pytest.raises(DataError, match="40 columns") as error:
        im.mist(pd.DataFrame(x), x[:, 0])
    assert "x[:" not in error.value.hint


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_the_hint_for_missing_values_is_of_what_was_passed(bad):
    x, y = pair()
    x[3, 1] = bad
    for given, wanted in (
        ((x, y), "keep = np.isfinite(x).all(axis=1)"),
        ((x[:, 1], y), "keep = np.isfinite(x);"),
        ((y, x), "keep = np.isfinite(y).all(axis=1)"),
        ((pd.DataFrame(x, columns=["a", "b}"]), y), "keep = np.isfinite(frame['b}'])"),
    ):
        with pytest.raises(DataError, match="NaN or infinity") as error:
            im.mist(*given)
        assert error.value.hint.startswith(wanted)
    keep = np.isfinite(x).all(axis=1)
    assert im.mist(x[keep], y[keep]).n == (39,)


def holed(x):
    return [None, *x[1:]]


@pytest.mark.parametrize(
    "make",
    [
        holed,
        lambda x: [np.nan, *x[1:]],
        lambda x: np.array(holed(x), dtype=object),
        lambda x: np.ma.masked_array(x, mask=np.arange(len(x)) == 2),
        lambda x: pd.array([None, *range(1, len(x))], dtype="Int64"),
        lambda x: pd.Series(x).where(x != x[0]),
        lambda x: pl.DataFrame({"x": holed(x)}),
        lambda x: pl.DataFrame({"x": [np.nan, *x[1:]]}),
        lambda x: pa.table({"x": holed(x)}),
        lambda x: pd.DataFrame({"x": holed(x)}, dtype=object),
        lambda x: pd.DataFrame({"x": pd.array([None, *range(1, len(x))], dtype="Int64")}),
    ],
)
def test_the_hint_for_missing_values_can_be_typed(make):
    x, y = pair()
    given = make(x[:, 0])
    framed = hasattr(given, "columns")
    if framed:  # y as a column of it
        name, more = type(given).__module__.partition(".")[0], y[:, 0]
        given = (
            given.with_columns(pl.Series("y", more)) if name == "polars"
            else given.append_column("y", pa.array(more)) if name == "pyarrow"
            else given.assign(y=more)
        )  # fmt: skip
    with pytest.raises(DataError, match="NaN or infinity") as error:
        im.mist(given, "y") if framed else im.mist(given, y[:, 0])
    *first, last = error.value.hint.split("; ")
    there = {"np": np, "pl": pl, "pyarrow": pa, "frame": given, "x": given, "y": y[:, 0]}
    exec("; ".join(first), there)
    kept = eval(last, there)
    found = im.mist(kept, "y") if framed else im.mist(*kept)
    assert found.n == (39,)


def test_the_hint_for_numbers_as_text_turns_them_into_numbers():
    x, y = pair()
    texts = x[:, 0].astype(str)
    with pytest.raises(DataError, match="holds text") as error:
        im.mist(texts, y)
    assert error.value.hint == "x.astype(float)"
    with pytest.raises(DataError, match="holds text") as error:
        im.mist(pd.DataFrame({"a": texts}), y)
    assert error.value.hint == "frame['a'].astype(float)"
    with pytest.raises(DataError, match="holds text") as error:
        im.mist(np.array(["a", "b"] * 20), y)
    assert "takes it as a class" in error.value.hint


def test_an_array_on_its_side_is_to_be_turned():
    x, y = pair()
    with pytest.raises(DataError, match="one row of 40 values") as error:
        im.mist(x[:, :1].T, y.T)
    assert error.value.hint.startswith("x.T")


def test_a_bad_strategy_is_told_those_of_mist():
    x, y = pair()
    fitted = im.MIST().fit(x, y)
    for call in (
        lambda: im.mist(x, y, method="foo"),
        lambda: fitted.ci(method="foo"),
        lambda: im.MIST(uncertainty="foo").fit(x, y),
    ):
        with pytest.raises(InvalidParameterError, match="'learned', 'subsampling'") as error:
            call()
        assert "ncx2" not in str(error.value)
