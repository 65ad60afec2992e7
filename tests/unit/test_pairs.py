"""Pair tables: every engine counts what a loop over rows counts."""

from __future__ import annotations

import builtins
import sys
import tracemalloc

import numpy as np
import pytest

from infometric.exceptions import DataError, InvalidParameterError, MissingExtraError
from infometric.state import pairs
from infometric.state.pairs import pair_tables

ENGINES = ("numpy", "numba")
RAGGED = (2, 1, 8, 3, 20, 2, 5, 13, 12, 1, 64, 7, 65, 19, 2)


@pytest.fixture(params=ENGINES)
def engine(request):
    if request.param == "numba":
        pytest.importorskip("numba")
    return request.param


def columns(sizes, n, seed=0, dtype=np.uint8):
    """Random codes; every third column leaves its last level and another one empty."""
    rng = np.random.default_rng(seed)
    codes = [rng.integers(0, size, n) for size in sizes]
    for k in range(0, len(sizes), 3):
        if sizes[k] > 2:
            codes[k][(codes[k] == sizes[k] - 1) | (codes[k] == 1)] = 0
    return [column.astype(dtype) for column in codes]


def oracle(x, y, a, b):
    """Joint table by a loop over rows."""
    table = np.zeros((a, b), dtype=np.int64)
    np.add.at(table, (x.astype(int), y.astype(int)), 1)
    return table


def as_dict(blocks):
    """Table of each pair, after a check that no pair comes twice."""
    found = {}
    for i, j, tables in blocks:
        assert tables.dtype == np.int64
        assert tables.shape[0] == len(i) == len(j)
        for p, q, table in zip(i.tolist(), j.tolist(), tables, strict=True):
            assert (p, q) not in found
            found[p, q] = table.copy()
    return found


def check(codes, sizes, **options):
    found = as_dict(pair_tables(codes, sizes, **options))
    m = len(sizes)
    assert set(found) == {(i, j) for j in range(m) for i in range(j)}
    for (i, j), table in found.items():
        expected = oracle(codes[i], codes[j], sizes[i], sizes[j])
        np.testing.assert_array_equal(table, expected, err_msg=f"{i}, {j}")


def test_two_by_three(engine):
    x, y = np.array([0, 0, 1, 1]), np.array([0, 1, 2, 2])
    ((i, j, tables),) = pair_tables([x, y], [2, 3], engine=engine)
    assert (i.tolist(), j.tolist()) == ([0], [1])
    assert tables.tolist() == [[[1, 1, 0], [0, 0, 2]]]


@pytest.mark.parametrize("n", [0, 1, 63, 64, 65, 1000, 4032, 16_385, 33_001])
def test_ragged_sizes_against_a_loop(engine, n):
    check(columns(RAGGED, n), RAGGED, engine=engine)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int64])
def test_any_integers_and_strides(engine, dtype):
    table = np.column_stack(columns((2, 5, 30, 8), 777, dtype=dtype))
    check([table[:, k] for k in range(4)], (2, 5, 30, 8), engine=engine)


def test_booleans_are_codes(engine):
    rng = np.random.default_rng(1)
    check([rng.random(100) < 0.5 for _ in range(3)], (2, 2, 2), engine=engine)


@pytest.mark.parametrize("size", [33, 1000, 65_536])
def test_histograms_of_wide_columns(engine, size):
    sizes = (size, 4, 40, 2)
    check(columns(sizes, 40_001, dtype=np.int32), sizes, engine=engine)


def test_one_block_for_each_shape(engine):
    sizes = (3, 4) * 6
    blocks = list(pair_tables(columns(sizes, 500), sizes, engine=engine))
    assert sorted(tables.shape[1:] for _, _, tables in blocks) == [(3, 3), (3, 4), (4, 3), (4, 4)]


def test_tiles_and_batches_give_the_same(engine, monkeypatch):
    monkeypatch.setattr(pairs, "TILE_PLANES", 16)
    monkeypatch.setattr(pairs, "HISTOGRAM_CELLS", 1000)
    monkeypatch.setattr(pairs, "HISTOGRAM_ROWS", 100)
    check(columns(RAGGED, 1234), RAGGED, engine=engine)


def test_odd_groups_of_planes(engine, monkeypatch):
    monkeypatch.setattr(pairs._Products, "group", 6)
    sizes = (2, 8, 4, 6, 3) * 2
    check(columns(sizes, 5000), sizes, engine=engine)


def test_full_cells_of_a_block_stay_exact(engine):
    n = 3 * 16_384 + 5
    codes = [np.full(n, k // 3, np.uint8) for k in range(6)]
    found = as_dict(pair_tables(codes, (3,) * 6, engine=engine))
    assert found[0, 1][0, 0] == n
    assert found[1, 3][0, 1] == n
    assert found[4, 5][1, 1] == n


def test_equal_codes_in_a_row_in_a_histogram(engine):
    codes = [np.full(70_003, 29, np.uint8)] * 2
    ((_, _, tables),) = pair_tables(codes, (30, 30), engine=engine)
    assert tables[0, 29, 29] == tables.sum() == 70_003


@pytest.mark.parametrize("m", [0, 1])
def test_fewer_than_two_columns_have_no_pairs(engine, m):
    assert list(pair_tables([np.zeros(5, np.uint8)] * m, [2] * m, engine=engine)) == []


def test_progress_runs_from_nothing_to_all_pairs(engine):
    calls = []
    sizes = (2, 3, 50, 8, 40)
    for _ in pair_tables(
        columns(sizes, 100_000), sizes, engine=engine, progress=lambda *call: calls.append(call)
    ):
        pass
    done = [d for d, _ in calls]
    assert {total for _, total in calls} == {10}
    assert done == sorted(done)
    assert len(done) > 3
    assert done[-1] == 10


def test_memory_does_not_grow_with_rows(engine):
    def peak(n):
        codes = columns((2, 8, 40, 30), n)
        tracemalloc.start()
        list(pair_tables(codes, (2, 8, 40, 30), engine=engine))
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    peak(100)
    assert peak(800_000) < 1.2 * peak(100_000)


@pytest.mark.parametrize(
    ("codes", "sizes"),
    [
        ([np.array([0, 1]), np.array([0])], [2, 2]),
        ([np.array([0, 1])], [2, 2]),
        ([np.array([0, 2])], [2]),
        ([np.array([-1, 0])], [2]),
        ([np.array([0.0, 1.0])], [2]),
        ([np.array([], dtype=int)], [0]),
    ],
)
def test_codes_that_do_not_fit_are_refused_before_counting(codes, sizes):
    with pytest.raises(DataError):
        pair_tables(codes, sizes)


def test_unknown_engine():
    with pytest.raises(InvalidParameterError, match="'auto', 'numba' or 'numpy'"):
        pair_tables([], [], engine="fortran")


@pytest.fixture
def without_numba(monkeypatch):
    """An installation without numba."""
    plain = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name == "numba" or (name == "infometric.state" and "_pairs_numba" in args[2]):
            raise ImportError(name)
        return plain(name, *args, **kwargs)

    monkeypatch.delitem(sys.modules, "infometric.state._pairs_numba", raising=False)
    monkeypatch.setattr(builtins, "__import__", refuse)
    monkeypatch.setattr(pairs, "WORTH_COMPILING", 0)


@pytest.mark.usefixtures("without_numba")
def test_without_numba_auto_uses_numpy_and_numba_names_the_extra():
    codes = columns((2, 3), 100)
    check(codes, (2, 3))
    with pytest.raises(MissingExtraError, match=r"infometric\[fast\]"):
        pair_tables(codes, (2, 3), engine="numba")


def test_auto_starts_numba_only_for_much_work(monkeypatch):
    pytest.importorskip("numba")
    from infometric.state import _pairs_numba

    small = pairs._Columns.of(columns((2, 3), 100), (2, 3))
    assert pairs._find_engine("auto", small).planes is _pairs_numba.Words
    monkeypatch.delitem(sys.modules, "infometric.state._pairs_numba")
    assert pairs._find_engine("auto", small).planes is pairs._Products


def test_no_place_for_a_cache_compiles_without_one(monkeypatch):
    numba = pytest.importorskip("numba")
    from infometric.state import _pairs_numba

    plain = numba.njit

    def refuse(*args, cache=False, **kwargs):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return plain(*args, **kwargs)

    monkeypatch.setattr(numba, "njit", refuse)

    @_pairs_numba.compiled("void(int64[::1])")
    def double(x):
        x[0] *= 2

    x = np.array([21])
    double(x)
    assert x[0] == 42
