"""Training of the amortised estimator: the stream, its shards, and a whole run."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from infometric.amortised import fitting  # noqa: E402
from infometric.amortised.__main__ import FAILED, INTERRUPTED, LOST, main  # noqa: E402
from infometric.amortised.calibration import KINDS  # noqa: E402
from infometric.amortised.card import rendered  # noqa: E402
from infometric.amortised.checkpoint import Checkpoint  # noqa: E402
from infometric.amortised.config import Config  # noqa: E402
from infometric.amortised.evaluation import BINS, by_rows, classical, scores, worse  # noqa: E402
from infometric.amortised.families.base import Draw, Family  # noqa: E402
from infometric.amortised.families.gaussian import GaussianSparse, GaussianWishart  # noqa: E402
from infometric.amortised.network import LEVELS  # noqa: E402
from infometric.amortised.shards import Shards, _of_worker  # noqa: E402
from infometric.amortised.stream import Stream  # noqa: E402
from infometric.amortised.table import Table  # noqa: E402
from infometric.amortised.training import Log  # noqa: E402
from infometric.amortised.weights import Weights  # noqa: E402
from infometric.exceptions import (  # noqa: E402
    DataError,
    InvalidParameterError,
    MergeError,
    OutputError,
    SourceError,
    UnsupportedError,
)
from infometric.functional.portrait import names  # noqa: E402

FAMILIES = {"wishart": GaussianWishart(), "sparse": GaussianSparse()}
SMALL = {"bands": ((10, 40, 0.8), (40, 90, 0.2)), "columns": (1, 3), "tasks": 60}
ROOT = Path(__file__).parents[2]
CONFIG = """
seed = 5
families = ["gaussian_wishart", "gaussian_sparse", "student"]
[stream]
bands = [[10, 60, 1.0]]
columns = [1, 2]
tasks = 120
[fit]
members = 3
hidden = [8, 8]
batch = 64
left_out = 1
[pilot]
tasks = 240
steps = 40
[full]
tasks = 480
steps = 60
[relatives]
steps = 60
[examination]
tasks = 50
below = 1.0
"""


def stream(**changes):
    return Stream(**({"families": FAMILIES, "seed": 7} | SMALL | changes))


def same(a, b):
    arrays = ("features", "truth", "se", "family", "n", "dx", "dy", "parts")
    equal = all(getattr(a, k).tobytes() == getattr(b, k).tobytes() for k in arrays)
    return equal and a.families == b.families


@dataclass(frozen=True)
class Odd(Family):
    """A family with a fault that a test asks for."""

    name: ClassVar[str] = "odd"
    group: ClassVar[str] = "odd"
    fault: str = "none"
    widest: int = 32
    after: Path | None = None  # a draw fails once this file is there

    def accepts(self, dx, dy):
        return max(dx, dy) <= self.widest

    def _draw(self, batch, n, dx, dy, rng):
        x = torch.randn(batch, n, dx, generator=rng, dtype=torch.float64)
        y = torch.randn(batch, n, dy, generator=rng, dtype=torch.float64)
        mi = torch.zeros(batch)
        if self.after is not None and self.after.exists():
            raise DataError("This family has ended.")
        if self.fault == "rows":
            x[0, 0, 0] = torch.nan
        if self.fault == "truth":
            mi[0] = torch.inf
        if self.fault == "sign":
            mi[0] = -0.1
        return Draw(x, y, mi, mi * 0)


@dataclass(frozen=True)
class Shapes(Stream):
    """Stream whose portraits cost nothing: for the law of the shapes."""

    def _portrait(self, x, y):
        return np.zeros((len(x), 1), np.float32)


@dataclass(frozen=True)
class Empty(Family):
    """Rows that take no memory."""

    name: ClassVar[str] = "empty"
    group: ClassVar[str] = "empty"

    def _draw(self, batch, n, dx, dy, rng):
        nothing = torch.zeros(batch)
        return Draw(*(nothing[:, None, None].expand(batch, n, d) for d in (dx, dy)), nothing,
                    nothing)  # fmt: skip


# --- table ----------------------------------------------------------------------------------------


def test_a_table_survives_its_file_bit_by_bit(tmp_path):
    table = stream().shard(0)
    assert len(table) == 60
    again = Table.load(table.save(tmp_path / "t.npz"))
    assert same(again, table)
    assert again.key == table.key == stream().key
    assert [p.name for p in tmp_path.iterdir()] == ["t.npz"]


def test_tables_add_up_and_unlike_ones_do_not():
    a, b = stream().shard(0), stream().shard(1)
    both = a + b
    assert len(both) == 120
    assert same(both.rows(np.arange(60, 120)), b)
    with pytest.raises(MergeError, match="keys"):
        a + stream(seed=8).shard(0)
    with pytest.raises(MergeError, match="families"):
        a + replace(b, families=("wishart", "another"))


def test_arrays_that_do_not_fit_are_refused():
    table = stream().shard(0)
    with pytest.raises(DataError, match="one entry a task"):
        replace(table, truth=table.truth[1:])
    with pytest.raises(DataError, match="places"):
        replace(table, family=table.family + 2)


@pytest.mark.parametrize("harm", ["cut", "text", "absent", "another"])
def test_a_file_that_is_no_table_is_named(tmp_path, harm):
    path = stream().shard(0).save(tmp_path / "t.npz")
    content = path.read_bytes()
    if harm == "absent":
        path.unlink()
    elif harm == "another":
        np.savez(path, features=np.ones(3))
    else:
        path.write_bytes(content[: len(content) // 2] if harm == "cut" else b"not a table")
    with pytest.raises(SourceError, match="cannot be read as a table"):
        Table.load(path)


# --- stream ---------------------------------------------------------------------------------------


def test_a_shard_is_a_function_of_seed_and_number_alone():
    first = stream().shard(3)
    torch.manual_seed(99)
    np.random.seed(99)  # noqa: NPY002
    assert same(stream().shard(3), first)
    assert not np.array_equal(stream().shard(4).truth, first.truth)
    assert not np.array_equal(stream(seed=8).shard(3).truth, first.truth)


def test_a_family_draws_the_same_whatever_stands_beside_it():
    both, alone = (
        stream().shard(0),
        stream(families={"sparse": GaussianSparse()}, tasks=30).shard(0),
    )
    assert both.rows(both.family == 1).features.tobytes() == alone.features.tobytes()


def test_every_family_is_drawn_equally_often():
    families = {f"odd {i}": Odd() for i in range(7)}
    s = stream(families=families, tasks=10)
    counts = sum(np.array([s.quota(i, place) for place in range(7)]) for i in range(7))
    assert counts.tolist() == [10] * 7
    drawn = np.bincount(s.shard(2).family, minlength=7)
    assert drawn.tolist() == [s.quota(2, place) for place in range(7)]
    assert drawn.sum() == 10


def test_single_tasks_follow_the_law_of_shapes_whatever_the_batches():
    bands = ((10, 99, 0.6), (100, 999, 0.4))
    families = {f"f{i}": Empty() for i in range(20)}
    # few tasks of a family in a shard: a first batch that is cut or favoured would show
    s = Shapes(families, 1, bands=bands, tasks=400)
    drawn = [s.shard(i) for i in range(40)]
    n = np.concatenate([t.n for t in drawn])
    assert len(n) == 16_000
    groups = len(drawn) * len(families)
    for low, high, want in ((10, 99, 0.6), (10, 32, 0.6 * np.log(33 / 10) / np.log(10)),
                            (317, 999, 0.4 * np.log(1000 / 317) / np.log(10))):  # fmt: skip
        inside = ((n >= low) & (n <= high)).reshape(groups, -1).mean(1)
        error = inside.std() / np.sqrt(groups)
        assert abs(inside.mean() - want) < 3.5 * error, (low, high, inside.mean(), want)
        assert error < 0.02
    dx, dy = (np.concatenate([getattr(t, k) for t in drawn]) for k in ("dx", "dy"))
    assert dx.min() == dy.min() == 1
    assert dx.max() == dy.max() == 32
    assert 0.5 < (dx == dy).mean() < 0.7


def test_shapes_that_a_family_does_not_have_are_drawn_again():
    table = stream(families={"odd": Odd(widest=2)}, columns=(1, 8)).shard(0)
    assert max(table.dx.max(), table.dy.max()) == 2
    with pytest.raises(UnsupportedError, match="'odd' accepts none") as caught:
        stream(families={"odd": Odd(widest=0)}).shard(0)
    assert "columns=" in caught.value.hint


@pytest.mark.parametrize("fault", ["truth", "sign"])
def test_a_family_that_draws_nonsense_is_named(fault):
    with pytest.raises(DataError, match="'odd' draws numbers") as caught:
        stream(families={"odd": Odd(fault=fault)}).shard(2)
    assert "shard 2" in caught.value.got
    assert "shard(2)" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("families", {}),
        ("seed", -1),
        ("bands", ((5, 40, 1.0),)),
        ("bands", ((10, 40, 0.5),)),
        ("bands", ((40, 10, 1.0),)),
        ("columns", (3, 1)),
        ("tasks", 1),
        ("batch_tasks", (0, 3)),
    ],
)
def test_parameters_outside_their_constraint_are_refused(name, value):
    with pytest.raises(InvalidParameterError, match=f"{name!r} parameter of Stream"):
        stream(**{name: value})


def test_the_key_knows_what_tasks_depend_on():
    keys = {
        stream(**change).key
        for change in (
            {},
            {"seed": 8},
            {"tasks": 61},
            {"columns": (1, 4)},
            {"tensors": True},
            {"families": {"odd": Odd()}},
            {"families": {"odd": Odd(widest=3)}},
        )
    }
    assert len(keys) == 7
    assert stream().key in keys


def test_portraits_of_tensors_are_those_of_arrays_as_far_as_single_precision_goes():
    a, b = stream().shard(0), stream(tensors=True).shard(0)
    assert np.array_equal(a.truth, b.truth)
    assert np.array_equal(a.n, b.n)
    apart = np.abs(a.features - b.features) / (1 + np.abs(a.features))
    assert np.quantile(apart, 0.999) < 1e-2
    assert np.median(apart) < 1e-6


# --- shards ---------------------------------------------------------------------------------------


def test_drawing_tells_how_far_it_is(tmp_path):
    shards, seen, lines = Shards(stream(), tmp_path), [], []
    shards.draw(3, tell=lambda **k: lines.append(k), progress=lambda *a: seen.append(a))
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert [line["shard"] for line in lines] == [0, 1, 2]
    assert all(line["tasks"] == 60 and line["tasks_per_second"] > 0 for line in lines)
    assert all(same(shards.read(i), stream().shard(i)) for i in range(3))


def test_a_run_that_failed_goes_on_with_what_is_missing(tmp_path):
    end = tmp_path / "end"
    shards = Shards(stream(families={"odd": Odd(after=end)}), tmp_path / "shards")

    def tell(**line):
        if line["shard"] == 1:
            end.touch()

    with pytest.raises(DataError, match="has ended"):
        shards.draw(4, tell=tell)
    assert shards.missing(4) == [2, 3]
    before = shards.path(0).stat().st_mtime_ns
    end.unlink()
    drawn = []
    shards.draw(4, tell=lambda **line: drawn.append(line["shard"]))
    assert drawn == [2, 3]
    assert shards.path(0).stat().st_mtime_ns == before
    assert len(shards.table(4)) == 240


def test_an_error_of_a_worker_arrives_whole(tmp_path):
    shards = Shards(stream(families={"odd": Odd(fault="truth")}), tmp_path)
    with pytest.raises(DataError, match="'odd' draws numbers") as caught:
        shards.draw(2)
    sent = pickle.loads(pickle.dumps(caught.value))
    assert (str(sent), sent.hint) == (str(caught.value), caught.value.hint)
    assert sent.hint.endswith(".shard(0)")
    assert not shards.path(0).exists()


def test_a_worker_whose_code_is_another_draws_nothing(tmp_path):
    drawn = stream()
    vars(drawn)["key"] = "of yesterday"
    with pytest.raises(DataError, match="changed while the run went on"):
        _of_worker((drawn, 0, tmp_path / "shard.npz"))
    assert list(tmp_path.iterdir()) == []


def test_a_broken_shard_is_drawn_again_and_told(tmp_path):
    shards = Shards(stream(), tmp_path)
    shards.draw(2)
    whole = shards.path(1).read_bytes()
    shards.path(1).write_bytes(whole[:500])
    told = []
    shards.draw(2, tell=lambda **line: told.append((line["event"], line["shard"])))
    assert told == [("drawn again", 1), ("shard", 1)]
    assert shards.path(1).read_bytes() == whole


def test_a_folder_of_another_stream_is_refused(tmp_path):
    Shards(stream(), tmp_path).draw(1)
    with pytest.raises(DataError, match=r"other are: seed, tasks") as caught:
        Shards(stream(seed=8, tasks=70), tmp_path)
    assert "--folder" in caught.value.hint
    stream(seed=8).shard(0).save(tmp_path / "shard-00001.npz")
    assert Shards(stream(), tmp_path).missing(2) == [1]


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="cannot be written"):
        Shards(stream(), tmp_path / "file")


# --- configuration --------------------------------------------------------------------------------


def written(tmp_path, text=CONFIG):
    path = tmp_path / "mist.toml"
    path.write_text(text)
    return path


def test_the_configuration_of_the_package_is_sound():
    config = Config.read(ROOT / "benchmarks" / "mist.toml")
    assert config.shards("full") > config.shards("pilot") > 0
    assert sum(share for _, _, share in config.stream().bands) == pytest.approx(1)
    assert config.settings("full").steps > config.settings("pilot").steps
    assert config.stream("cuda").batch_tasks[1] > config.stream().batch_tasks[1]


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("steps = 40", "step = 40", "'step' in [pilot]"),
        ("columns =", "colums =", "'colums' in [stream]"),
        ("seed = 5", "sed = 5", "'sed' in the configuration"),
        ("student", "studnt", "'studnt' in families"),
        ("tasks = 240", "", "[pilot] needs"),
        ("seed = 5", "", "needs a seed"),
        ("members = 3", 'members = "three"', "'members' in [fit]"),
        ("tasks = 120", "tasks = 1.5", "'tasks' in [stream]"),
        ("[fit]", "fit = 3\n[other]", "'other' in the configuration"),
    ],
)
def test_what_a_configuration_gets_wrong_is_named(tmp_path, old, new, named):
    with pytest.raises(InvalidParameterError) as caught:
        Config.read(written(tmp_path, CONFIG.replace(old, new, 1)))
    assert named in str(caught.value)
    assert caught.value.hint


def test_a_slip_of_the_pen_is_answered_with_the_word(tmp_path):
    with pytest.raises(InvalidParameterError) as caught:
        Config.read(written(tmp_path, CONFIG.replace("hidden", "hiden")))
    assert caught.value.hint == "hidden"


@pytest.mark.parametrize("text", ["seed = = 3", None])
def test_a_file_that_is_no_toml_is_named(tmp_path, text):
    path = tmp_path / "absent.toml" if text is None else written(tmp_path, text)
    with pytest.raises(SourceError, match="cannot be read as TOML"):
        Config.read(path)


# --- fit and checkpoint ---------------------------------------------------------------------------


class Ended(Exception):
    """In place of a power cut."""


def test_a_fit_that_was_ended_gives_the_weights_of_one_that_was_not(tmp_path):
    table = stream().shard(0)
    settings = fitting.Settings(members=2, hidden=(8, 8), steps=30, batch=32, left_out=1)
    whole = fitting.fit(table, settings)
    kept = Checkpoint(tmp_path / "fit.safetensors", "key", every=10)

    def told(step, loss):
        if step == 25:
            raise Ended

    with pytest.raises(Ended):
        fitting.fit(table, settings, progress=told, resume=kept)
    steps = []
    again = fitting.fit(table, settings, progress=lambda step, _: steps.append(step), resume=kept)
    assert steps == list(range(20, 30))
    assert all(whole[name].tobytes() == again[name].tobytes() for name in whole)
    kept.forget()
    assert not kept.path.exists()


def test_a_broken_checkpoint_starts_anew(tmp_path):
    table = stream().shard(0)
    settings = fitting.Settings(members=2, hidden=(8, 8), steps=3, batch=32, left_out=1)
    kept = Checkpoint(tmp_path / "fit.safetensors", "key", every=2)
    whole = fitting.fit(table, settings, resume=kept)
    kept.path.write_bytes(kept.path.read_bytes()[:100])
    steps = []
    again = fitting.fit(table, settings, progress=lambda step, _: steps.append(step), resume=kept)
    assert steps == [0, 1, 2]
    assert all(np.array_equal(whole[name], again[name]) for name in whole)


# --- evaluation -----------------------------------------------------------------------------------


def exam():
    table = Table.joined([stream(families=FAMILIES | {"odd": Odd()}).shard(i) for i in range(3)])
    spread = np.linspace(-0.1, 0.1, len(LEVELS))
    return table, table.truth[:, None] + spread[None]


def test_errors_and_coverage_of_a_known_answer():
    table, quantiles = exam()
    moved = np.where(table.family == 1, 0.06, 0.0)[:, None]
    found = scores(table, quantiles + moved, table.family == 2)
    for row in found:
        place = table.families.index(row["family"])
        assert row["mse"]["mist"] == pytest.approx(0.0036 if place == 1 else 0.0, abs=1e-6)
        # 80 % is from -.05 to .05, and 90 % from -.075 to .075
        near = float(place != 1)
        assert row["coverage"] == {"0.5": near, "0.8": near, "0.9": 1.0, "0.95": 1.0}
        assert row["flagged"] == (place == 2)
    bins = by_rows(found)
    assert bins[0]["families"] == 3
    assert bins[0]["coverage"]["0.5"] == pytest.approx(2 / 3)
    assert sum(row["tasks"] for row in found) == len(table)
    assert worse(bins) == []
    lost = worse(by_rows(scores(table, quantiles + 3.0)))
    assert len(lost) == len(bins) == 1
    assert "n 10-99" in lost[0]
    assert len(worse(by_rows(scores(table, quantiles * np.nan)))) == 1


def test_no_blend_of_one_weight_beats_the_best_blend():
    table, _ = exam()
    weight = 1.0 / np.bincount(table.family)[table.family]
    found = classical(table)
    error = {k: (weight * (v - table.truth) ** 2).sum() for k, v in found.items()}
    for share in np.linspace(0, 1, 21):
        blend = share * found["ksg"] + (1 - share) * found["rank_gaussian"]
        assert error["best_blend"] <= (weight * (blend - table.truth) ** 2).sum() + 1e-9
    assert table.n.max() < BINS[0][1]


# --- a whole run ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A whole run of the command, in one process."""
    home = tmp_path_factory.mktemp("run")
    path = written(home)
    # so few steps of so small a network lose to the normal law of the ranks
    code = main([str(path), "--folder", str(home / "kept"), "--workers", "0", "--stage", "full",
                 "--docs", str(home / "docs"), "--device", "cpu", "--keep-worse"])  # fmt: skip
    return home, code


def digest(folder):
    return hashlib.sha256((folder / "mist.npz").read_bytes()).hexdigest()


def test_a_run_leaves_weights_a_card_and_a_log(done):
    home, code = done
    assert code == 0
    made = Weights.load(home / "kept" / "weights")
    assert made.network["w0"].shape == (3, len(names()), 8)
    assert made.calibration["margins"].shape == (KINDS, len(LEVELS))
    facts = made.card
    assert facts["data"]["tasks"] == 480
    assert set(facts["data"]["families"]) == {"gaussian_wishart", "gaussian_sparse", "student"}
    assert facts["sha256"] == digest(home / "kept" / "weights")
    assert facts["config"]["seed"] == 5
    assert facts["run"]["versions"]["torch"] == torch.__version__
    row = facts["metrics"]["families"][0]
    assert set(row["mse"]) == {"mist", "ksg", "rank_gaussian", "blend", "best_blend"}
    (together,) = facts["metrics"]["relatives"]  # without any normal law, or without Student's
    assert together["mse"]["ksg"] == pytest.approx(facts["metrics"]["rows"][0]["mse"]["ksg"])
    assert together["mse"]["mist"] != facts["metrics"]["rows"][0]["mse"]["mist"]
    asked = facts["metrics"]["examination"]
    assert {r["family"] for r in asked} == {
        r["family"] for r in facts["metrics"]["families"] if r["coverage"]["0.9"] < 1.0
    }
    assert {r["tasks"] for r in asked} == {80}  # fifty in whole shards
    assert {tuple(r["rows"]) for r in asked} == {(10, 100)}
    lines = [json.loads(x) for x in (home / "kept" / "log.jsonl").read_text().splitlines()]
    spent = [line["seconds"] for line in lines if line.get("event") == "shard"]
    assert len(spent) == 4
    assert facts["run"]["drawing_cpu_seconds"] == round(sum(spent))
    steps = {line["step"]: line["loss"] for line in lines if line.get("event") == "step"}
    assert list(steps) == [0, 59]
    assert np.isfinite(list(steps.values())).all()


def test_the_table_of_the_docs_is_that_of_the_card(done):
    home, _ = done
    page = (home / "docs" / "mist-card.inc").read_text()
    facts = Weights.load(home / "kept" / "weights").card
    assert page == rendered(facts)
    assert facts["sha256"][:16] in page
    lines = [line for line in page.splitlines() if line.startswith("| student")]
    assert len(lines) == 2  # asked again, and at first
    assert (
        len({line.count("|") for line in page.splitlines() if "MIST" in line or "student" in line})
        == 2
    )


def test_time_of_drawing_is_told_only_where_every_shard_has_a_line(tmp_path):
    log = Log(tmp_path / "log.jsonl")
    for shard, seconds in ((0, 1.5), (2, 4.0), (0, 2.5)):  # the first was drawn again
        log.write("shards", event="shard", shard=shard, seconds=seconds)
    assert log.drawing(1) == 2.5
    assert log.drawing(3) is None
    log.write("shards", event="shard", shard=1, seconds=3.0)
    assert log.drawing(3) == 9.5


def test_a_run_goes_on_from_what_is_there_and_ends_at_the_same_bits(done, tmp_path, capsys):
    home, _ = done
    args = [str(home / "mist.toml"), "--folder", str(home / "kept"), "--workers", "0"]
    args = [*args, "--stage", "full", "--keep-worse"]
    assert main([*args, "--output", str(tmp_path / "again")]) == 0
    assert digest(tmp_path / "again") == digest(home / "kept" / "weights")
    lines = [json.loads(x) for x in (home / "kept" / "log.jsonl").read_text().splitlines()]
    second = lines[[i for i, line in enumerate(lines) if line["stage"] == "start"][1] :]
    assert not any(line.get("event") == "shard" for line in second)
    assert any(line.get("event") == "fit known" for line in second)
    assert "weights:" in capsys.readouterr().err


def test_a_pilot_that_loses_ends_the_run_without_weights(done, tmp_path, capsys):
    home, _ = done
    bad = CONFIG.replace("members = 3", "members = 3\nlearning_rate = 3.0")
    path = written(tmp_path, bad.replace("steps = 40", "steps = 5"))
    code = main([str(path), "--folder", str(home / "kept"), "--workers", "0",
                 "--output", str(tmp_path / "none")])  # fmt: skip
    said = capsys.readouterr().err
    assert code == LOST
    assert "worse than a classical estimator" in said
    assert "n 10-99" in said
    assert not (tmp_path / "none" / "mist.npz").exists()


def test_a_full_fit_that_loses_writes_nothing_until_it_is_asked_to(done, tmp_path, capsys):
    home, _ = done
    output, docs = tmp_path / "weights", tmp_path / "docs"
    output.mkdir()
    (output / "mist.npz").write_text("older weights")
    args = [str(home / "mist.toml"), "--folder", str(home / "kept"), "--workers", "0",
            "--stage", "full", "--output", str(output), "--docs", str(docs)]  # fmt: skip
    assert main(args) == LOST
    said = capsys.readouterr().err
    assert "worse than a classical estimator" in said
    assert "n 10-99" in said
    assert f"nothing is written to {output}" in said
    assert "Try:" in said
    assert "--stage full --keep-worse" in said
    assert "Traceback" not in said
    assert [file.name for file in output.iterdir()] == ["mist.npz"]
    assert (output / "mist.npz").read_text() == "older weights"
    assert list(docs.iterdir()) == []

    assert main([*args, "--keep-worse"]) == 0
    assert "kept as asked" in capsys.readouterr().err
    facts = Weights.load(output).card
    (lost,) = facts["metrics"]["worse"]
    assert lost.startswith("n 10-99: ")
    (warned,) = [x for x in (docs / "mist-card.inc").read_text().splitlines() if "Worse than" in x]
    assert warned.endswith(f"kept in spite of it: {lost}.")
    lines = [json.loads(x) for x in (home / "kept" / "log.jsonl").read_text().splitlines()]
    starts = [i for i, line in enumerate(lines) if line["stage"] == "start"]
    refused, kept = lines[starts[-2] : starts[-1]], lines[starts[-1] :]
    assert (refused[0]["keep_worse"], kept[0]["keep_worse"]) == (False, True)
    assert [line["bins"] for line in refused + kept if line.get("event") == "worse"] == [[lost]] * 2
    assert [line.get("event") for line in refused].count("worse kept") == 0
    assert [lost in line["text"] for line in kept if line.get("event") == "worse kept"] == [True]
    assert not any(line.get("event") == "step" for line in kept)  # no other fit


def test_a_pilot_that_wins_lets_the_run_go_on(tmp_path, capsys):
    text = CONFIG.replace("tasks = 240", "tasks = 1200").replace("tasks = 480", "tasks = 1320")
    text = text.replace("steps = 40", "steps = 300").replace("hidden = [8, 8]", "hidden = [16, 16]")
    text = text.replace("steps = 60", "steps = 300", 1).replace("steps = 60", "steps = 10")
    path = written(tmp_path, text)
    assert main([str(path), "--folder", str(tmp_path / "kept"), "--workers", "0"]) == 0
    said = capsys.readouterr().err
    for stage in ("pilot", "full"):
        assert f"{stage}: better than every classical estimator in every bin of n" in said
    card = Weights.load(tmp_path / "kept" / "weights").card
    assert card["metrics"]["worse"] == []
    assert "Worse than" not in rendered(card)
    assert (tmp_path / "kept" / "weights" / "mist.json").exists()
    assert len(list((tmp_path / "kept").glob("shard-*"))) == 11


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["absent.toml"], "cannot be read"),
        (["mist.toml", "--workers", "-1"], "--workers"),
        (["mist.toml", "--device", "tpu"], "no such device"),
        (["mist.toml", "--folder", "mist.toml"], "cannot be written"),
    ],
)
def test_errors_of_the_command_are_one_sentence_and_a_line_to_type(
    tmp_path, monkeypatch, capsys, arguments, word
):
    written(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == FAILED
    said = capsys.readouterr().err
    assert word in said
    assert "Try:" in said
    assert "Traceback" not in said


def test_two_workers_draw_the_same_bits_and_ctrl_c_keeps_what_is_done(tmp_path):
    path = written(tmp_path, CONFIG.replace("tasks = 480", "tasks = 240000"))
    folder = tmp_path / "kept"
    command = [sys.executable, "-m", "infometric.amortised", str(path), "--stage", "full",
               "--folder", str(folder), "--workers", "2"]  # fmt: skip
    env = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    # a session of its own: the signal goes to the command and its workers, as from a terminal
    with subprocess.Popen(
        command, cwd=ROOT, env=env, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as running:
        limit = time.monotonic() + 300
        while not (folder / "shard-00001.npz").exists() and time.monotonic() < limit:
            time.sleep(0.05)
        os.killpg(running.pid, signal.SIGINT)
        said = running.communicate(timeout=300)[1]
    assert running.returncode == INTERRUPTED, said
    assert "the same command goes on from here" in said
    assert "Traceback" not in said
    files = sorted(folder.glob("*shard-*"))
    assert len(files) >= 2
    shards = Shards(Config.read(path).stream(), folder)
    done = [i for i in range(len(files) + 2) if shards.path(i).exists()]
    assert len(done) == len(files)
    assert all(same(shards.read(i), shards.stream.shard(i)) for i in done[:3])
