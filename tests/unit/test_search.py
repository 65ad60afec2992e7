"""Nearest-neighbour search: every engine gives what all distances in a table give."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infometric.exceptions import DataError, InvalidParameterError, MissingExtraError
from infometric.state import search
from infometric.state.search import count_within, nearest, nearest_both, neighborhoods

ENGINES = ("numpy", "numba")


def needs(engine):
    if engine == "numba":
        pytest.importorskip("numba")


@pytest.fixture(params=ENGINES)
def engine(request):
    needs(request.param)
    return request.param


def distances(x, y, norm="max"):
    """All distances; squared in the Euclidean norm, columns added in their order."""
    difference = np.abs(x[:, None] - y[None])
    if norm == "max":
        return difference.max(2)
    total = difference[:, :, 0] ** 2
    for c in range(1, x.shape[1]):
        total = total + difference[:, :, c] ** 2
    return total


def ranked(table, k, itself):
    """The k smallest of each row of a table of distances, ties by index."""
    table = table.copy()
    if itself:
        np.fill_diagonal(table, np.inf)
    rows = np.argsort(table, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(table, rows, 1), rows


def oracle(blocks, k, spaces, rectangle=False, closed=False):
    tables = [distances(block, block) for block in blocks]
    near, rows = ranked(np.max(tables, axis=0), k, True)
    radius = near[:, -1]
    counts = np.empty((len(radius), len(spaces)), dtype=np.int64)
    for s, space in enumerate(spaces):
        table = np.max([tables[b] for b in space], axis=0)
        if rectangle:
            inside = table <= np.take_along_axis(table, rows, 1).max(1)[:, None]
        elif closed:
            inside = table <= radius[:, None]
        else:
            inside = np.where(radius[:, None] > 0, table < radius[:, None], table == 0)
        counts[:, s] = inside.sum(1) - 1
    return radius, counts


def check(blocks, k, spaces, engine, n_jobs=1, **options):
    radius, counts = neighborhoods(blocks, k, spaces, engine=engine, n_jobs=n_jobs, **options)
    expected = oracle(blocks, k, spaces, **options)
    assert counts.dtype == np.int64
    np.testing.assert_array_equal(radius, expected[0])
    np.testing.assert_array_equal(counts, expected[1])


def make(kind, n, dims, seed=0):
    """Blocks of data of some kind."""
    rng = np.random.default_rng(seed)
    common = rng.standard_normal((n, 1))
    make_one = {
        "normal": lambda d: 0.7 * common + rng.standard_normal((n, d)),
        "lattice": lambda d: rng.integers(0, 6, (n, d)).astype(float),
        "tenths": lambda d: rng.integers(0, 40, (n, d)) * 0.1,
        "equal": lambda d: np.full((n, d), 0.3),
        "large": lambda d: 1e10 * rng.standard_normal((n, d)),
        "small": lambda d: 1e-10 * rng.standard_normal((n, d)),
        "offset": lambda d: 1e6 + rng.standard_normal((n, d)).round(3),
        "cauchy": lambda d: rng.standard_cauchy((n, d)),
        "close": lambda d: common + 1e-4 * rng.standard_normal((n, d)),
        "line": lambda d: np.repeat(common, d, axis=1),
        "zeros": lambda d: np.where(rng.random((n, d)) < 0.5, 0.0, rng.random((n, d))),
        "lost": lambda d: np.where(rng.random((n, d)) < 0.5, 1e-20 * rng.random((n, d)), 1.0),
        "clusters": lambda d: np.round(common) * 100 + 1e-3 * rng.standard_normal((n, d)),
    }[kind]
    return [make_one(d) for d in dims]


KINDS = [
    "normal",
    "lattice",
    "tenths",
    "equal",
    "large",
    "small",
    "offset",
    "cauchy",
    "close",
    "line",
    "zeros",
    "lost",
    "clusters",
]
SHAPES = ((1, 1), (1,), (1, 1, 1), (2, 3), (4, 6))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dims", SHAPES, ids=str)
def test_neighborhoods(kind, dims, engine):
    blocks = make(kind, 101, dims)
    singles = [(b,) for b in range(len(dims))]
    for k in (1, 4):
        check(blocks, k, singles, engine)
        check(blocks, k, [*singles, tuple(range(len(dims))), (0, len(dims) - 1)], engine)
        check(blocks, k, singles[::-1], engine, closed=True)
        check(blocks, k, singles, engine, rectangle=True)


@pytest.mark.parametrize("dims", [(1, 1), (2, 1), (5, 7)], ids=str)
@pytest.mark.parametrize("n", [2, 3, 9, 40])
def test_all_others_are_neighbours(n, dims, engine):
    for kind in ("normal", "lattice"):
        blocks = make(kind, n, dims, seed=n)
        for options in ({}, {"closed": True}, {"rectangle": True}):
            check(blocks, n - 1, [(0,), (1,)], engine, **options)


def test_conditional_information_of_three_variables(engine):
    for kind in ("normal", "lattice", "close"):
        check(make(kind, 200, (1, 1, 1)), 3, [(0, 2), (1, 2), (2,)], engine)
        check(make(kind, 200, (2, 3, 4)), 3, [(0, 2), (1, 2), (2,)], engine)


@pytest.mark.parametrize("kind", ["normal", "cauchy", "clusters", "close", "offset"])
def test_many_strips(kind, engine):
    for options in ({}, {"rectangle": True}):
        check(make(kind, 600, (1, 1)), 3, [(0,), (1,)], engine, **options)


@pytest.mark.parametrize("dims", [(2, 1), (4, 4)], ids=str)
def test_more_rows_than_one_stretch(dims, engine):
    check(make("normal", 1100, dims), 3, [(0,), (1,)], engine)


@pytest.mark.parametrize("kind", ["normal", "offset", "large", "small"])
@pytest.mark.parametrize("dims", [(1, 1), (3, 2), (5, 5)], ids=str)
def test_the_neighbour_on_the_boundary_is_never_counted(kind, dims, engine):
    # it attains the radius in some block, so one count lacks it: k - 1 others are within in all
    k = 3
    blocks = make(kind, 400, dims, seed=5)
    radius, counts = neighborhoods(blocks, k, [(0,), (1,), (0, 1)], engine=engine)
    expected = oracle(blocks, k, [(0,), (1,), (0, 1)])
    np.testing.assert_array_equal(counts, expected[1])
    assert (counts[:, 2] <= k - 1).all()
    own = count_within(None, blocks[0], radius, engine=engine)
    np.testing.assert_array_equal(own[radius > 0], counts[radius > 0, 0])


@pytest.mark.parametrize("norm", ["max", "euclidean"])
@pytest.mark.parametrize("kind", KINDS)
def test_nearest_and_counts_between_samples(kind, norm, engine):
    for dims in ((1,), (2,), (5,)):
        points, queries = make(kind, 80, dims)[0], make(kind, 50, dims, seed=1)[0]
        for asked in (None, queries):
            itself = asked is None
            table = distances(points if itself else asked, points, norm)
            near, rows = ranked(table, 4, itself)
            if norm == "euclidean":
                table, near = np.sqrt(table), np.sqrt(near)
            found, indices = nearest(asked, points, 4, norm=norm, indices=True, engine=engine)
            np.testing.assert_array_equal(found, near)
            np.testing.assert_array_equal(indices, rows)
            found = nearest(asked, points, 4, norm=norm, engine=engine)
            np.testing.assert_array_equal(found, near)
            radius = near[:, -1].copy()
            radius[::3] *= 1.5
            for closed in (False, True):
                within = table <= radius[:, None] if closed else table < radius[:, None]
                if itself:
                    np.fill_diagonal(within, False)
                found = count_within(asked, points, radius, norm=norm, closed=closed, engine=engine)
                np.testing.assert_array_equal(found, within.sum(1))


@pytest.mark.parametrize("norm", ["max", "euclidean"])
@pytest.mark.parametrize("kind", ["normal", "lattice", "cauchy", "equal"])
@pytest.mark.parametrize("d", [1, 2, 5])
def test_nearest_of_two_tables_at_once(kind, norm, d, engine):
    rows, others = make(kind, 90, (d,))[0], make(kind, 70, (d,), seed=1)[0]
    own, away = nearest_both(rows, others, 4, norm=norm, engine=engine)
    np.testing.assert_array_equal(own, nearest(None, rows, 4, norm=norm, engine=engine))
    np.testing.assert_array_equal(away, nearest(rows, others, 4, norm=norm, engine=engine))


def test_nearest_of_two_tables_needs_enough_rows_in_both(engine):
    few, many = np.zeros((3, 2)), np.zeros((9, 2))
    for pair in ((few, many), (many, few)):
        with pytest.raises(DataError, match="3 rows have no neighbour number 4"):
            nearest_both(*pair, 4, engine=engine)
    with pytest.raises(DataError, match="same columns"):
        nearest_both(many, np.zeros((9, 3)), 1, engine=engine)


@pytest.mark.parametrize("kind", ["normal", "lattice", "cauchy"])
@pytest.mark.parametrize("d", [3, 5])
def test_deep_trees(kind, d):
    pytest.importorskip("numba")
    rows, others = make(kind, 5000, (d,))[0], make(kind, 4100, (d,), seed=1)[0]
    for norm, exact in (("max", 0.0), ("euclidean", 1e-12)):
        found = nearest_both(rows, others, 5, norm=norm, engine="numba")
        expected = nearest_both(rows, others, 5, norm=norm, engine="numpy")
        np.testing.assert_allclose(found, expected, rtol=exact)
        ours = nearest(rows, others, 5, norm=norm, indices=True, engine="numba")[1]
        np.testing.assert_array_equal(
            ours, nearest(rows, others, 5, norm=norm, indices=True, engine="numpy")[1]
        )


def test_points_themselves_are_the_same_as_none(engine):
    points = make("normal", 50, (2,))[0]
    expected = nearest(None, points, 2, engine=engine)
    np.testing.assert_array_equal(nearest(points, points, 2, engine=engine), expected)
    with_itself = nearest(points.copy(), points, 3, engine=engine)
    np.testing.assert_array_equal(with_itself[:, 1:], expected)
    assert (with_itself[:, 0] == 0).all()
    count = count_within(points, points, expected[:, 1], engine=engine)
    assert (count == 1).all()


@settings(max_examples=40, deadline=None)
@given(st.data())
@pytest.mark.parametrize("engine", ENGINES)
def test_lattices(engine, data):
    needs(engine)
    n = data.draw(st.integers(2, 40))
    dims = data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=3))
    step = data.draw(st.sampled_from([1.0, 0.1, 1e-10, 1e10]))
    levels = data.draw(st.integers(1, 9))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    blocks = [rng.integers(0, levels, (n, d)) * step for d in dims]
    k = data.draw(st.integers(1, n - 1))
    rectangle, closed = data.draw(st.sampled_from([(False, False), (False, True), (True, False)]))
    spaces = [(b,) for b in range(len(dims))]
    if not rectangle:
        spaces.append(tuple(range(len(dims))))
    check(blocks, k, spaces, engine, rectangle=rectangle, closed=closed)


@pytest.mark.parametrize("dims", [(1, 1), (2, 1), (4, 5)], ids=str)
def test_threads_change_nothing(dims, engine, monkeypatch):
    monkeypatch.setattr(search, "WORTH_THREADS", 0)
    blocks = make("normal", 500, dims)
    check(blocks, 3, [(0,), (1,)], engine, n_jobs=2)
    points = np.concatenate(blocks, axis=1)
    for jobs in (2, -1):
        expected = nearest(None, points, 3, engine=engine)
        found = nearest(None, points, 3, engine=engine, n_jobs=jobs)
        np.testing.assert_array_equal(found, expected)
        within = count_within(None, points, expected[:, 2], engine=engine, n_jobs=jobs)
        assert (within == 2).all()


@pytest.mark.parametrize("dims", [(1, 1), (2, 1), (4, 5)], ids=str)
def test_extreme_values(dims, engine):
    # the two largest differences pass beyond float32, the smallest below it
    for scale in (1e-300, 1e-50, 1e50, 1e300):
        blocks = [scale * block for block in make("normal", 120, dims)]
        check(blocks, 3, [(0,), (1,)], engine)
    blocks = make("normal", 120, dims)
    blocks[1] *= 1e12
    check(blocks, 3, [(0,), (1,)], engine)
    blocks[0][:3] *= 1e15
    check(blocks, 3, [(0,), (1,)], engine)


def test_inputs_that_are_not_contiguous_stay_as_they_are(engine):
    table = np.asfortranarray(make("normal", 80, (4,))[0])
    before = table.copy()
    check([table[:, :1], table[:, ::3]], 2, [(0,), (1,)], engine)
    single = table[:, :1].astype(np.float32)
    found = neighborhoods([single, table[:, 1:2]], 2, [(0,), (1,)], engine=engine)
    expected = oracle([single.astype(float), table[:, 1:2]], 2, [(0,), (1,)])
    np.testing.assert_array_equal(found.counts, expected[1])
    np.testing.assert_array_equal(table, before)


def test_arguments_that_make_no_sense():
    x, y = make("normal", 5, (1, 1))
    with pytest.raises(DataError, match="5 rows have no neighbour number 5") as caught:
        neighborhoods([x, y], 5, [(0,)])
    assert "k=4" in str(caught.value)
    with pytest.raises(DataError, match="same number of rows"):
        neighborhoods([x, y[:4]], 1, [(0,)])
    with pytest.raises(DataError, match="rows and columns"):
        neighborhoods([x[:, 0], y], 1, [(0,)])
    for k in (0, 1.5, True):
        with pytest.raises(InvalidParameterError, match="positive integer"):
            neighborhoods([x, y], k, [(0,)])
    for space in ((), (2,), (-1,)):
        with pytest.raises(InvalidParameterError, match="subspace"):
            neighborhoods([x, y], 1, [space])
    with pytest.raises(InvalidParameterError, match="one of 2 blocks"):
        neighborhoods([x, y], 1, [(0, 1)], rectangle=True)
    with pytest.raises(InvalidParameterError, match="n_jobs"):
        nearest(None, x, 1, n_jobs=0)
    with pytest.raises(InvalidParameterError, match="engine"):
        nearest(None, x, 1, engine="scipy")
    with pytest.raises(InvalidParameterError, match="norm"):
        nearest(None, x, 1, norm="manhattan")
    with pytest.raises(DataError, match="same columns"):
        nearest(np.ones((2, 2)), x, 1)
    with pytest.raises(DataError, match="one radius"):
        count_within(None, x, np.ones(4))
    assert nearest(y, x, 5).shape == (5, 5)  # other points: all of them may be neighbours


def test_without_numba(monkeypatch):
    monkeypatch.setitem(sys.modules, "infometric.state._search_numba", None)
    monkeypatch.delattr("infometric.state._search_numba", raising=False)
    x, y = make("normal", 60, (1, 1))
    check([x, y], 3, [(0,), (1,)], "auto")
    with pytest.raises(MissingExtraError, match="numba"):
        neighborhoods([x, y], 3, [(0,)], engine="numba")


def test_small_work_does_not_wait_for_a_compiler(monkeypatch, tmp_path):
    monkeypatch.delitem(sys.modules, "infometric.state._search_numba", raising=False)
    monkeypatch.setattr(search, "__file__", str(tmp_path / "search.py"))
    nearest(None, np.arange(10.0)[:, None], 1)
    assert "infometric.state._search_numba" not in sys.modules
