"""One table from every source gives the same integers."""

from __future__ import annotations

import resource
import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import infometric as im
from infometric.sources import open_table
from infometric.sources.tables import FileTable, connect

N = 150_000  # more than the sample that edges are learned from


def make(shift: float, seed: int, n: int = N) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x = rng.normal(shift, 1, n)
    return pd.DataFrame({
        "plain": x,
        "narrow": x.astype(np.float32),
        "tied": np.round(x, 1),
        "whole": rng.poisson(3, n),
        "gaps": np.where(rng.random(n) < 0.1, np.nan, x),
        "text": rng.choice(["b", "a", "häß", "with, comma", "quo'te"], n),
        "flag": rng.random(n) < 0.4 + 0.1 * shift,
        "target": rng.integers(0, 2, n),
        "weight": rng.uniform(0.5, 2, n),
    })  # fmt: skip


@pytest.fixture(scope="module")
def frames():
    return make(0.0, 1), make(0.2, 2)


@pytest.fixture(scope="module")
def files(frames, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables")
    for name, frame in zip(("ref", "cur"), frames, strict=True):
        frame.to_parquet(folder / f"{name}.parquet", row_group_size=40_000)
        frame.to_csv(folder / f"{name}.csv", index=False)
    return folder


def sources(files, frames, kind):
    if kind == "pandas":
        return frames
    if kind == "polars":
        return tuple(pl.from_pandas(f) for f in frames)
    if kind == "pyarrow":
        return tuple(pa.Table.from_pandas(f) for f in frames)
    if kind == "parquet":
        return files / "ref.parquet", files / "cur.parquet"
    if kind == "sql":
        return tuple(FileTable(files / f"{n}.parquet") for n in ("ref", "cur"))
    return files / "ref.csv", files / "cur.csv"


def tables(found):
    return {name: [(c["cell"], c["count_a"], c["count_b"]) for c in r.diagnostics["cells"]]
            for name, r in found.items()}  # fmt: skip


DOUBLES = ["plain", "tied", "whole", "gaps", "text", "flag", "target", "weight"]


@pytest.fixture(scope="module")
def wanted(frames):
    return im.psi(frames[0], frames[1])


@pytest.mark.parametrize("kind", ["polars", "pyarrow", "parquet", "sql", "csv"])
def test_counts_of_psi_are_identical(files, frames, wanted, kind):
    reference, current = sources(files, frames, kind)
    found = im.psi(reference, current)
    columns = DOUBLES if kind == "csv" else [*DOUBLES, "narrow"]  # CSV has no single precision
    mine, theirs = tables(wanted), tables(found)
    for column in columns:
        assert theirs[column] == mine[column], column
        assert found[column].value == wanted[column].value


@pytest.mark.parametrize("kind", ["polars", "pyarrow", "parquet", "sql", "csv"])
def test_counts_of_information_value_are_identical(files, frames, kind):
    reference, _ = sources(files, frames, kind)
    mine = tables(im.information_value(frames[0], "target"))
    theirs = tables(im.information_value(reference, "target"))
    for column in ("plain", "tied", "whole", "gaps", "text", "flag"):
        assert theirs[column] == mine[column], column


@pytest.mark.parametrize("kind", ["parquet", "sql", "csv"])
def test_weights_by_column_name(files, frames, kind):
    reference, current = sources(files, frames, kind)
    mine = (
        im.PSI().fit(frames[0], sample_weight="weight").estimate(frames[1], sample_weight="weight")
    )
    theirs = (
        im.PSI().fit(reference, sample_weight="weight").estimate(current, sample_weight="weight")
    )
    for column in ("plain", "text"):
        assert theirs[column].value == pytest.approx(mine[column].value, rel=1e-9)
        assert theirs[column].se == pytest.approx(mine[column].se, rel=1e-9)


def test_counts_equal_a_plain_group_by(frames):
    """An oracle that shares no code with the library: pandas' cut and value_counts."""
    fitted = im.PSI().fit(frames[0][["plain"]])
    edges = [-np.inf, *fitted.encoders_["plain"].edges, np.inf]
    cut = pd.cut(frames[1]["plain"], edges, right=False)
    found = fitted.estimate(frames[1][["plain"]])["plain"].diagnostics["cells"]
    assert [c["count_b"] for c in found] == cut.value_counts(sort=False).tolist()


def test_reading_in_batches_equals_reading_at_once(frames, files, monkeypatch):
    from infometric.sources import counting
    from infometric.sources import parquet as module

    whole = tables(im.psi(files / "ref.parquet", files / "cur.parquet"))
    monkeypatch.setattr(counting, "HELD_ROWS", 1000)
    monkeypatch.setattr(module, "HELD_ROWS", 1000)
    monkeypatch.setattr(module, "_ROWS", 7001)
    assert tables(im.psi(files / "ref.parquet", files / "cur.parquet")) == whole


def test_many_files_by_a_pattern(frames, files, tmp_path):
    half = N // 2
    frames[1].iloc[:half].to_parquet(tmp_path / "part-1.parquet")
    frames[1].iloc[half:].to_parquet(tmp_path / "part-2.parquet")
    fitted = im.PSI().fit(files / "ref.parquet")
    assert tables(fitted.estimate(tmp_path / "part-*.parquet")) == tables(
        fitted.estimate(files / "cur.parquet")
    )


def test_frozen_bins_count_the_same_after_json(frames):
    import json

    from infometric.state.encoders import encoder_from_dict

    first = im.PSI().fit(frames[0])
    frozen = {n: encoder_from_dict(json.loads(json.dumps(e.to_dict())))
              for n, e in first.encoders_.items()}  # fmt: skip
    again = im.PSI(bins=frozen).fit(frames[0])
    assert tables(again.estimate(frames[1])) == tables(first.estimate(frames[1]))


def test_precomputed_counts():
    table = [[120, 80], [90, 110]]
    found = im.jeffreys_divergence(im.Counts.from_counts(table[0]), im.Counts.from_counts(table[1]))
    assert found.value == im.infer(im.PSI()._functional(), im.Counts.from_counts(table)).value
    joint = im.Counts.from_counts(table, joint=True)
    assert im.mutual_information(joint).value > 0


def test_nothing_is_written_beside_the_files(files):
    before = sorted(p.name for p in files.iterdir())
    im.psi(files / "ref.csv", files / "cur.csv")
    assert sorted(p.name for p in files.iterdir()) == before


def test_a_large_file_is_counted_in_little_memory(tmp_path):
    """Memory does not grow with the file: four times the rows, about the same peak."""
    script = (
        "import sys, resource, infometric as im\n"
        "im.PSI().fit(sys.argv[1])\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)\n"
    )
    peaks = []
    for rows in (5_000_000, 20_000_000):
        path = tmp_path / f"{rows}.parquet"
        with pq.ParquetWriter(path, pa.schema([("a", pa.float32())])) as writer:
            for k in range(rows // 1_000_000):
                x = np.random.default_rng(k).normal(size=1_000_000).astype(np.float32)
                writer.write_table(pa.table({"a": x}))
        done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True,
                              check=True)  # fmt: skip
        peaks.append(int(done.stdout))
    assert peaks[1] < peaks[0] + 60  # the column alone would be 80 MB, in double 160
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > 0


def test_an_open_table_can_be_narrowed(files):
    table = open_table(files / "ref.parquet").select(["plain", "text"])
    assert list(im.psi(table, files / "cur.parquet")) == ["plain", "text"]


def test_the_engine_draws_nothing_on_the_standard_output():
    (shown,) = connect("1GB").execute("SELECT current_setting('enable_progress_bar')").fetchone()
    assert shown is False


def test_nan_that_the_statistics_of_parquet_leave_out(tmp_path):
    """pyarrow writes the least and the greatest number, and the engine believes in no other."""
    x = np.where(np.arange(1000) % 4 == 0, np.nan, np.arange(1000.0))
    pq.write_table(pa.table({"x": x, "f": x.astype(np.float32)}), tmp_path / "nan.parquet")
    table = FileTable(tmp_path / "nan.parquet")
    wanted = im.PSI(bins=[500.0]).fit(pa.table({"x": x, "f": x.astype(np.float32)})).state_
    found = im.PSI(bins=[500.0]).fit(table).state_
    for name in ("x", "f"):
        assert found[name].table.tolist() == wanted[name].table.tolist()
        assert found[name].table[0, -1] == 250


# --- columns whose type a CSV file does not say -------------------------------------------------


@pytest.fixture(scope="module")
def typed(tmp_path_factory):
    """Words that some readers take for truth values, dates, and integers beyond 2^53."""
    rng = np.random.default_rng(7)
    n = 3000
    frame = pd.DataFrame({
        "answer": rng.choice(["yes", "no"], n),
        "letter": rng.choice(["t", "f"], n),
        "truth": rng.choice([True, False], n),
        "sometimes": rng.choice(["True", "False", None], n),
        "big": 2**53 + rng.integers(0, 3, n),
        "day": rng.choice(pd.to_datetime(["2026-01-31", "2026-02-28"]), n),
        "hour": rng.choice(pd.to_datetime(["2026-01-31 08:30:00.25", "2026-01-31 00:00:00.00"]), n),
    })  # fmt: skip
    folder = tmp_path_factory.mktemp("typed")
    frame.to_csv(folder / "t.csv", index=False)
    frame.to_parquet(folder / "t.parquet")
    return frame, folder


CHARACTERISTICS = ["answer", "letter", "truth", "big"]


def read(typed, kind):
    frame, folder = typed
    return {
        "pandas": frame, "polars": pl.from_pandas(frame), "pyarrow": pa.Table.from_pandas(frame),
        "csv": folder / "t.csv", "parquet": folder / "t.parquet",
        "sql": FileTable(folder / "t.parquet"),
    }[kind]  # fmt: skip


@pytest.mark.parametrize("reference", ["pandas", "csv", "sql"])
@pytest.mark.parametrize("current", ["pandas", "polars", "pyarrow", "csv", "parquet", "sql"])
def test_words_truth_values_and_big_integers_are_alike(typed, reference, current):
    found = im.psi(read(typed, reference), read(typed, current), columns=CHARACTERISTICS)
    for name, r in found.items():
        assert r.value == 0, name
        assert len(r.diagnostics["cells"]) == (3 if name == "big" else 2)


@pytest.mark.parametrize("kind", ["polars", "pyarrow", "csv", "parquet", "sql"])
@pytest.mark.parametrize("by", ["day", "hour"])
def test_slices_by_dates_are_alike(typed, kind, by):
    frame, _ = typed
    wanted = im.psi(frame, frame, by=by, columns=["answer"])
    found = im.psi(frame, read(typed, kind), by=by, columns=["answer"])
    assert tables(found) == tables(wanted)
    last = {"day": "answer @ 2026-02-28", "hour": "answer @ 2026-01-31 08:30:00.25"}[by]
    assert list(found)[1] == last


def test_text_that_is_true_or_false_in_a_frame_is_no_truth_value_of_a_file(typed):
    frame, folder = typed
    with pytest.raises(im.exceptions.DataError, match="holds truth values"):
        im.psi(frame[["sometimes"]], folder / "t.csv", columns=["sometimes"])


def test_a_file_of_one_column_may_hold_every_delimiter(tmp_path):
    (tmp_path / "one.csv").write_text("name\n" + "a, b; c\nd|e\n" * 50)
    table = open_table(tmp_path / "one.csv")
    assert table.names == ("name",)
    assert sorted(table.column("name").levels) == ["a, b; c", "d|e"]


def test_weights_of_both_samples_by_name_or_as_a_pair(frames):
    reference, current = (f[["plain", "text", "weight"]][:5000] for f in frames)
    by_name = im.psi(reference, current, sample_weight="weight")
    pair = (reference["weight"], current["weight"])
    assert list(by_name) == ["plain", "text"]
    for name in by_name:
        one = im.psi(reference[name], current[name], sample_weight=pair)
        assert by_name[name].value == one.value
        assert by_name[name].n == one.n


def test_names_are_read_as_csv_says(tmp_path):
    """A line break in quotes, and names that elsewhere mean a missing value."""
    lines = [f"{i % 7},{i % 3},{i % 2}" for i in range(300)]
    (tmp_path / "odd.csv").write_text("\n".join(['"two\nlines",NA,nan', *lines]))
    table = open_table(tmp_path / "odd.csv")
    assert table.names == ("two\nlines", "NA", "nan")
    assert table.n_rows == 300


def test_a_glob_of_csv_files_has_one_header(tmp_path):
    (tmp_path / "a1.csv").write_text("x,y\n1,2\n3,4\n")
    (tmp_path / "a2.csv").write_text("y,x\n2,1\n")
    with pytest.raises(im.exceptions.SourceError, match="other columns"):
        open_table(tmp_path / "a*.csv")
    (tmp_path / "a2.csv").write_text("x,y\n5,6\n")
    assert open_table(tmp_path / "a*.csv").n_rows == 3


def test_an_uneven_line_is_named(tmp_path):
    (tmp_path / "uneven.csv").write_text("x,y\n" + "1,2\n" * 50 + "7\n" + "1,2,3\n" * 2)
    with pytest.raises(
        im.exceptions.SourceError, match=r"line 52 has 1 field\(s\), the header 2: '7'"
    ):
        open_table(tmp_path / "uneven.csv")


@pytest.mark.parametrize("weight", [None, "weight"])
def test_many_categories_of_a_file_are_counted_by_value(tmp_path, weight):
    rng = np.random.default_rng(11)
    frame = pd.DataFrame({
        "name": rng.choice([*(f"c{i}" for i in range(500)), None], 20_000),
        "number": rng.integers(0, 400, 20_000),
        "y": rng.integers(0, 2, 20_000),
        "weight": rng.uniform(0.5, 2, 20_000),
    })  # fmt: skip
    frame.to_csv(tmp_path / "many.csv", index=False)
    estimator = im.InformationValue(categorical=["number"], exclude=[] if weight else ["weight"])
    wanted = estimator.fit(frame, "y", sample_weight=weight).state_
    found = estimator.fit(tmp_path / "many.csv", "y", sample_weight=weight).state_
    for name in ("name", "number"):
        np.testing.assert_allclose(found[name].table, wanted[name].table, rtol=1e-12)
        assert found[name].cells == wanted[name].cells


def test_local_dates_of_a_zone_make_the_slices(tmp_path):
    rng = np.random.default_rng(12)
    day = pd.Series(rng.choice(pd.to_datetime(["2026-01-01", "2026-02-01"]), 500))
    frame = pd.DataFrame({"x": rng.normal(size=500), "day": day.dt.tz_localize("Europe/Berlin")})
    frame.to_parquet(tmp_path / "zone.parquet")
    for data in (frame, pl.from_pandas(frame), tmp_path / "zone.parquet"):
        found = im.psi(frame[["x"]], data, by="day")
        assert list(found) == ["x @ 2026-01-01", "x @ 2026-02-01"]
