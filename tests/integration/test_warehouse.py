"""Counts out of Spark and of warehouses: the same integers as from numpy."""

from __future__ import annotations

import shutil
import subprocess
import sys
import warnings

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import infometric as im
from infometric.exceptions import DataError, SourceError, UnsupportedError
from infometric.sources import open_table
from infometric.sources.counting import Split, count_table
from infometric.sources.tables import FileTable
from infometric.state.encoders import CategoryEncoder, IntervalEncoder

pytestmark = pytest.mark.filterwarnings("ignore::infometric.exceptions.SparseCellWarning")
ibis = pytest.importorskip("ibis", reason="ibis is not installed: pip install 'infometric[spark]'")
N = 3000
ENGINES = [
    "polars",
    "duckdb",
    "ibis-duckdb",
    "ibis-polars",
    "spark",
    pytest.param("ibis-spark", marks=pytest.mark.slow),
]


@pytest.fixture(scope="session")
def spark():
    if shutil.which("java") is None:
        pytest.skip("Java is not installed: sh scripts/install-java.sh")
    sql = pytest.importorskip("pyspark.sql", reason="pip install 'infometric[spark]'")
    warnings.filterwarnings("ignore", category=FutureWarning, module="pyspark")
    build = sql.SparkSession.builder.master("local[1]").appName("tests")
    for key, value in {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.shuffle.partitions": "1",
        "spark.driver.memory": "1g",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.codegen.wholeStage": "false",  # interpreted plans: no compiling of small ones
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    }.items():
        build = build.config(key, value)
    session = build.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


def make(seed: int, shift: float = 0.0) -> pa.Table:
    """A column of every kind that a table can hold, with what is awkward in it."""
    rng = np.random.default_rng(seed)
    x = rng.normal(shift, 1, N)
    text = np.array(["a", "A", "a ", " a", "quo'te", 'dou"ble', "back\\slash", "häß", "", "NaN",
                     "null", "line\nbreak", "{brace}", "tick`", "?", None], object)  # fmt: skip
    gone = rng.random(N) < 0.1
    days = np.datetime64("2026-01-31") + 28 * rng.integers(0, 3, N)
    clock = np.array(
        ["2026-01-31T00:00:00", "2026-01-31T08:30:00.25", "2026-01-31T00:00:00.5"], "M8[us]"
    )
    return pa.table({
        "plain": x,
        "single": x.astype(np.float32),
        "zero": rng.choice([-0.0, 0.0, 5e-324, -1e300, 1e300, 0.1, 0.2, 0.3], N),
        "nan": np.where(gone, np.nan, x),
        "null": pa.array(x, mask=gone),
        "both": pa.array(np.where(gone, np.nan, x), mask=rng.random(N) < 0.1),
        "coded": rng.choice([-1.0, 999.0, 0.5, 1.5, 2.5], N),
        "big": 2**53 + rng.integers(0, 4, N),
        "small": pa.array(rng.integers(-3, 4, N).astype(np.int8), mask=gone),
        "money": pa.array([f"{v:.2f}" for v in 10 * x]).cast(pa.decimal128(10, 2)),
        "odd name`\"'{0}": rng.poisson(3, N),
        "text": text[rng.integers(0, len(text), N)],
        "many": np.char.add("c", rng.integers(0, 400, N).astype(str)).astype(object),
        "truth": pa.array(rng.random(N) < 0.4, mask=gone),
        "day": pa.array(days),
        "hour": pa.array(clock[rng.integers(0, 3, N)]),
        "target": rng.integers(0, 2, N),
        "weight": rng.uniform(0.5, 2, N),
    })  # fmt: skip


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    folder = tmp_path_factory.mktemp("warehouse")
    for name, table in (("ref", make(1)), ("cur", make(2, 0.3))):
        pq.write_table(table, folder / f"{name}.parquet", coerce_timestamps="us")
    return folder


@pytest.fixture(scope="module")
def frames(paths):
    """What numpy counts: arrow tables in memory."""
    return tuple(pq.read_table(paths / f"{n}.parquet") for n in ("ref", "cur"))


@pytest.fixture(scope="module")
def opened(paths, request):
    """Both tables in an engine."""

    def both(engine):
        files = [str(paths / f"{n}.parquet") for n in ("ref", "cur")]
        if engine == "polars":
            return tuple(map(pl.read_parquet, files))
        if engine == "duckdb":
            return tuple(map(FileTable, files))
        if engine == "ibis-duckdb":
            con = ibis.duckdb.connect()
        elif engine == "ibis-polars":
            con = ibis.polars.connect()
        else:
            session = request.getfixturevalue("spark")
            if engine == "spark":
                return tuple(map(session.read.parquet, files))
            con = ibis.pyspark.connect(session)
        return tuple(map(con.read_parquet, files))

    return both


def cells(found):
    return {name: [(c["cell"], c["count_a"], c["count_b"]) for c in r.diagnostics["cells"]]
            for name, r in found.items()}  # fmt: skip


BINNED = ["plain", "single", "zero", "nan", "null", "both", "coded", "big", "small", "money",
          "odd name`\"'{0}", "text", "many", "truth"]  # fmt: skip


@pytest.mark.parametrize("engine", ENGINES)
def test_integers_are_those_of_numpy(frames, opened, engine):
    options = {"columns": BINNED, "special": [-1, 999]}
    psi = im.PSI(out_of_range="cell", **options)
    wanted = cells(psi.fit(frames[0]).estimate(frames[1]))
    reference, current = opened(engine)
    found = cells(psi.fit(reference).estimate(current))
    assert list(found) == BINNED
    for name in BINNED:
        assert found[name] == wanted[name], name
    iv = im.InformationValue(**options)
    wanted = iv.fit(frames[0], "target").state_
    found = iv.fit(reference, "target").state_
    for name in BINNED:
        assert found[name].table.dtype == np.int64
        assert found[name].table.tolist() == wanted[name].table.tolist(), name


@pytest.mark.parametrize("engine", ENGINES[2:])
def test_weights(frames, opened, engine):
    woe = im.WeightOfEvidence(columns=["plain", "text", "truth", "small"])
    wanted = woe.fit(frames[0], "target", sample_weight="weight").state_
    found = woe.fit(opened(engine)[0], "target", sample_weight="weight").state_
    for name, s in found.items():
        np.testing.assert_allclose(s.table, wanted[name].table, rtol=1e-12)
        np.testing.assert_allclose(s.squares, wanted[name].squares, rtol=1e-12)


@pytest.mark.parametrize("engine", ENGINES[2:])
@pytest.mark.parametrize("by", ["day", "hour", "text", "small"])
def test_slices(frames, opened, engine, by):
    if by in ("text", "small"):  # missing values make no slice
        with pytest.raises(DataError, match="missing value"):
            im.PSI(columns=["plain"]).fit(frames[0]).estimate(opened(engine)[1], by=by)
        return
    psi = im.PSI(columns=["plain", "text"]).fit(frames[0])
    wanted = cells(psi.estimate(frames[1], by=by))
    assert cells(psi.estimate(opened(engine)[1], by=by)) == wanted
    iv = im.InformationValue(columns=["plain", "truth"]).fit(frames[0], "target")
    wanted = cells(iv.estimate(frames[1], "target", by=by))
    assert cells(iv.estimate(opened(engine)[1], "target", by=by)) == wanted


@pytest.mark.parametrize("engine", ENGINES[2:])
def test_numbers_as_categories_and_truth_as_target(frames, opened, engine):
    iv = im.InformationValue(categorical=["small", "zero", "big"], columns=["small", "zero", "big"])
    wanted = iv.fit(frames[0], "target").state_
    found = iv.fit(opened(engine)[0], "target").state_
    for name, s in found.items():
        assert (s.cells, s.table.tolist()) == (wanted[name].cells, wanted[name].table.tolist())


@pytest.mark.parametrize("engine", ["ibis-duckdb", "spark"])
def test_optimal_bins_from_the_counts_of_an_engine(frames, opened, engine):
    binning = im.OptimalBinning(columns=["plain", "text", "odd name`\"'{0}"], max_bins=4)
    wanted = binning.fit(frames[0], "target")
    wanted_bins = {n: (e.key, wanted.state_[n].table.tolist()) for n, e in wanted.encoders_.items()}
    found = binning.fit(opened(engine)[0], "target")
    for name, e in found.encoders_.items():
        assert (e.key, found.state_[name].table.tolist()) == wanted_bins[name]


@pytest.mark.parametrize("engine", ["ibis-duckdb", "spark"])
def test_folds_of_an_engine_are_named_by_a_column(frames, opened, engine):
    iv = im.InformationValue(bins=im.OptimalBinning(), columns=["plain", "text"], folds="day")
    wanted = iv.fit(frames[0], "target").estimate()
    found = iv.fit(opened(engine)[0], "target").estimate()
    for name, r in found.items():
        assert (r.value, r.se, r.pvalue) == (
            wanted[name].value,
            wanted[name].se,
            wanted[name].pvalue,
        )


@pytest.mark.parametrize("engine", ["ibis-duckdb", "spark"])
def test_a_small_table_is_fetched_where_a_method_needs_rows(frames, opened, engine):
    table = open_table(opened(engine)[0])
    assert table.n_rows == N
    for name in ("null", "text", "truth", "hour", "money"):
        mine, theirs = (t.column(name).as_levels() for t in (open_table(frames[0]), table))
        named = [
            [(c.levels or ())[k] if k >= 0 else None for k in c.values] for c in (mine, theirs)
        ]
        assert sorted(map(str, named[0])) == sorted(map(str, named[1])), name


@pytest.mark.parametrize("engine", ["ibis-duckdb", "ibis-polars", "spark"])
def test_edges_of_a_large_table_come_from_a_sample_and_its_range_from_all_rows(
    frames, opened, engine, monkeypatch
):
    from infometric.sources import warehouse

    monkeypatch.setattr(warehouse, "SAMPLE_SIZE", 500)
    columns = ["plain", "nan", "coded", "big", "money"]
    psi = im.PSI(columns=columns, out_of_range="cell", special=[-1, 999])
    wanted = psi.fit(frames[0]).encoders_
    first, again = (psi.fit(opened(engine)[0]) for _ in range(2))
    if engine != "ibis-polars":  # it takes no seed
        keys = [[e.key for e in each.encoders_.values()] for each in (first, again)]
        assert keys[0] == keys[1]
    for name, e in first.encoders_.items():
        assert (e.lower, e.upper) == (wanted[name].lower, wanted[name].upper), name
    plain = first.state_["plain"]
    assert plain.table.sum() == N  # counts never come from the sample
    assert e.learned["rows"] < N
    frozen = im.PSI(bins=first.encoders_, columns=columns).fit(frames[0]).state_
    for name, s in first.state_.items():
        assert s.table.tolist() == frozen[name].table.tolist()


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["ibis-duckdb", "ibis-polars", "spark"])
def test_what_cannot_be_counted_is_refused(frames, opened, engine, paths):
    reference, _ = opened(engine)
    y = np.zeros(N, int)
    with pytest.raises(DataError, match="no order"):
        im.InformationValue().fit(reference, y)
    with pytest.raises(DataError, match="no order"):
        im.PSI().fit(reference, sample_weight=y + 1.0)
    with pytest.raises(DataError, match="no order"):  # an array of what belongs to which row?
        im.WeightOfEvidence(columns=["plain"]).fit(frames[0], "target").transform(reference)
    with pytest.raises(DataError, match="no order"):
        im.InformationValue(bins=im.OptimalBinning(), columns=["plain"]).fit(reference, "target")
    with pytest.raises(DataError, match="holds text where the encoder expects numbers"):
        im.PSI(bins={"text": [1.0, 2.0]}, columns=["text"]).fit(reference)
    with pytest.raises(DataError, match="no numbers"):
        im.PSI(columns=["plain"]).fit(reference, sample_weight="text")
    with pytest.raises(DataError, match="holds dates"):
        im.PSI(columns=["day"]).fit(reference)
    with pytest.raises(im.exceptions.ColumnError, match="There is no column 'plian'"):
        im.PSI(columns=["plian"]).fit(reference)


@pytest.mark.parametrize("engine", ["ibis-duckdb", "spark"])
def test_infinite_values_and_bad_targets_are_named(tmp_path, engine, request):
    frame = pd.DataFrame({"x": [1.0, np.inf, 2.0, 3.0] * 5, "y": [0.0, 1.0, np.nan, 1.0] * 5})
    frame.to_parquet(tmp_path / "t.parquet")
    path = str(tmp_path / "t.parquet")
    if engine == "spark":
        data = request.getfixturevalue("spark").read.parquet(path)
    else:
        data = ibis.duckdb.connect().read_parquet(path)
    with pytest.raises(DataError, match="infinite"):
        im.PSI(bins=[1.5], columns=["x"]).fit(data)
    with pytest.raises(DataError, match="5 missing value"):
        im.InformationValue(columns=["x"]).fit(data, "y")


def test_a_large_table_is_not_fetched(monkeypatch, opened):
    from infometric.sources import warehouse

    monkeypatch.setattr(warehouse, "COLLECTED", 1000)
    with pytest.raises(UnsupportedError, match="too many to fetch"):
        open_table(opened("ibis-duckdb")[0]).column("plain")


def test_errors_of_an_engine_are_errors_of_the_source(tmp_path):
    con = ibis.duckdb.connect(tmp_path / "t.duckdb")
    con.raw_sql("CREATE TABLE t AS SELECT range AS x FROM range(100)")
    table = con.table("t")
    con.raw_sql("DROP TABLE t")
    with pytest.raises(SourceError, match="warehouse cannot answer"):
        im.PSI(bins=5).fit(table)


def test_errors_of_spark_are_errors_of_the_source(spark, tmp_path):
    pd.DataFrame({"x": np.arange(50.0)}).to_parquet(tmp_path / "t.parquet")
    frame = spark.read.parquet(str(tmp_path / "t.parquet"))
    (tmp_path / "t.parquet").unlink()
    with pytest.raises(SourceError, match="Spark cannot read the frame"):
        im.PSI(bins=5).fit(frame)


def test_warehouses_are_recognised_without_importing_them():
    script = (
        "import sys, numpy as np, infometric as im\n"
        "im.psi(np.arange(50.0), np.arange(50.0))\n"
        "print([m for m in ('ibis', 'pyspark', 'sqlglot') if m in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


# --- properties -----------------------------------------------------------------------------------

NUMBERS = st.one_of(
    st.none(),
    st.floats(allow_infinity=False),
    st.sampled_from([0.0, -0.0, 5e-324, 2.0**53, 2.0**53 + 2, 1e308, 0.1, float("nan")]),
)
SINGLES = st.one_of(
    st.none(), st.floats(width=32, allow_infinity=False), st.just(float(np.float32(0.1)))
)
EDGES = st.lists(
    st.one_of(st.floats(-1e308, 1e308), st.sampled_from([0.0, 0.1, 2.0**53])),
    min_size=1, max_size=6, unique_by=lambda v: float(v) + 0.0,
)  # fmt: skip
BOUNDS = st.lists(
    st.sampled_from([-1e300, -3.0, 0.5, 2.0**53, 2**53 + 1, 2.0**63, 1e300]),
    min_size=2, max_size=2,
)  # fmt: skip
WORDS = st.one_of(
    st.none(), st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)
)
LONGS = st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1), st.integers(2**53 - 2, 2**53 + 2))


@st.composite
def small_tables(draw):
    n = draw(st.integers(1, 30))
    column = {
        "x": pa.array(draw(st.lists(NUMBERS, min_size=n, max_size=n)), pa.float64()),
        "f": pa.array(draw(st.lists(SINGLES, min_size=n, max_size=n)), pa.float32()),
        "k": pa.array(draw(st.lists(LONGS, min_size=n, max_size=n)), pa.int64()),
        "s": pa.array(draw(st.lists(WORDS, min_size=n, max_size=n)), pa.string()),
        "g": pa.array([i % 2 for i in range(max(n, 1))], pa.int64()),
    }
    known = draw(st.lists(WORDS.filter(lambda v: v is not None), max_size=4, unique=True))
    edges = tuple(sorted({float(e) + 0.0 for e in draw(EDGES)}))
    encoders = {
        "x": IntervalEncoder(edges, special=(0.1,)),
        "f": IntervalEncoder(edges, *sorted(draw(BOUNDS)), special=(0.1,)),
        "k": IntervalEncoder(edges, *sorted(draw(BOUNDS))),
        "s": CategoryEncoder(tuple({*known, "a"})),
    }
    return pa.table(column), encoders


def counted(data, encoders, n):
    split = Split("g", (0, 1) if n > 1 else (0,))
    return {k: s.table.tolist() for k, s in count_table(open_table(data), encoders, split).items()}


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(small_tables())
def test_any_values_are_counted_alike(drawn):
    table, encoders = drawn
    wanted = counted(table, encoders, len(table))
    assert counted(pl.from_arrow(table), encoders, len(table)) == wanted
    con = duckdb.connect()
    con.register("source", table)
    warehouse = ibis.duckdb.from_connection(con).table("source")
    assert counted(warehouse, encoders, len(table)) == wanted


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(small_tables())
def test_any_values_are_counted_alike_by_spark(spark, drawn):
    table, encoders = drawn
    wanted = counted(table, encoders, len(table))
    assert counted(spark.createDataFrame(table), encoders, len(table)) == wanted


def test_spark_columns_that_differ_in_case_alone_are_refused(spark):
    frame = spark.createDataFrame(pd.DataFrame({"v": [1.0, 2.0] * 50, "y": [0, 1, 1, 0] * 25}))
    with pytest.raises(SourceError, match="differ in case alone"):
        im.information_value(frame.selectExpr("y", "v", "v + 1 AS V"), "y")


@pytest.mark.parametrize(("engine", "call"), [("ibis-duckdb", "to_pandas"), ("spark", "toPandas")])
def test_frontier_asks_for_rows(opened, engine, call):
    table = opened(engine)[0]
    with pytest.raises(DataError, match="rows without order") as raised:
        im.fair_frontier(table, "zero", "text")
    assert f"fair_frontier(X.{call}(), ...)" in raised.value.hint


def test_tokens_counted_by_spark_are_those_counted_here(spark, tmp_path):
    """A frequency out of a GROUP BY of Spark, over lists of token numbers in Parquet."""
    from pyspark.sql import functions

    rng = np.random.default_rng(3)
    ids = [rng.integers(0, 60, rng.integers(0, 40)) for _ in range(200)]
    tokens = im.TokenScores.from_lists(ids=ids, logprob=[-rng.random(len(i)) for i in ids])
    tokens.to_parquet(tmp_path / "corpus.parquet")
    frame = spark.read.parquet(str(tmp_path / "corpus.parquet"))
    counted = frame.select(functions.explode("ids").alias("id")).groupBy("id").count()
    found = im.TokenFrequency.from_counts(counted, vocabulary_size=64)
    wanted = im.TokenFrequency(vocabulary_size=64).fit(ids)
    assert found.counts.tolist() == wanted.counts.tolist()
    turned = counted.select("count", "id")  # by name, whatever the order
    assert im.TokenFrequency.from_counts(turned).counts.tolist()[:60] == wanted.counts.tolist()[:60]
