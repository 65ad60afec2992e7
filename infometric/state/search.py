r"""Search: nearest neighbours and counts of neighbours, exact to the last bit.

Estimators by nearest neighbours compare the distance of one point with the distance of another,
:math:`|x_j - x_i| < \epsilon_i` where :math:`\epsilon_i` is itself some :math:`|x_l - x_i|`. The
neighbour on the boundary must never be counted, so both sides come from the same subtraction:
:math:`x_j < x_i + \epsilon_i` would count it or not as rounding has it, which is a bias. Sums are
used to get near an end, comparisons of differences to find it.

With numba, two columns are searched in strips, a few by a balanced tree and many by running
through all pairs; with numpy alone, by the trees of scipy. In the maximum norm both give the same
numbers.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from numbers import Integral
from types import ModuleType
from typing import Any, Literal, NamedTuple, overload

import numpy as np
from scipy.spatial import cKDTree

from infometric.exceptions import DataError, InvalidParameterError, MissingExtraError
from infometric.typing import Array

Engine = Literal["auto", "numba", "numpy"]
Norm = Literal["max", "euclidean"]

WORTH_COMPILING = 20000  # rows; fewer are done before numba has started, if it has not yet
WORTH_THREADS = 20000  # rows; fewer are done before threads have started
WIDE = 8  # columns from which on trees open most of their leaves
WIDE_ROWS = 50000  # more rows are better left to a tree
TABLE = 2**16  # distances that are computed at once and stay in the second cache
CHUNK = 2**16  # rows of temporary arrays
LEAF = 10  # points of a leaf of scipy's tree; of two columns faster than its sixteen
NEAR = 1e-14  # relative; squared distances closer than this are compared by their roots


class Neighborhoods(NamedTuple):
    """Distance of every row to its k-th neighbour, and how many lie nearer in subspaces."""

    radius: Array
    counts: Array


def neighborhoods(
    blocks: Sequence[Array],
    k: int,
    subspaces: Sequence[Sequence[int]],
    *,
    rectangle: bool = False,
    closed: bool = False,
    engine: Engine = "auto",
    n_jobs: int = 1,
) -> Neighborhoods:
    """Distances to the k-th neighbour in the joint space, and neighbours within in subspaces.

    Parameters
    ----------
    blocks : sequence of ndarray of shape (n, d_b)
        The variables. The distance of two rows is the largest difference in any column.
    k : int
        Which neighbour gives the radius, ``1 <= k <= n - 1``; a row is not its own neighbour,
        its duplicates are.
    subspaces : sequence of sequence of int
        Each some blocks, in which neighbours are counted.
    rectangle : bool, default False
        Count rows of a block not farther than the farthest of the k neighbours is in that block.
        Subspaces are then single blocks. Of neighbours at the same distance those that come
        first are taken.
    closed : bool, default False
        Count rows at the radius itself, too. Without, rows with radius 0 count the rows equal
        to them.
    engine : {'auto', 'numba', 'numpy'}
        ``'auto'`` takes numba where it is installed and the work is worth its start. All give
        the same numbers.
    n_jobs : int, default 1
        Threads for large tables; -1 for one a core.

    Returns
    -------
    Neighborhoods
        ``radius`` of shape (n,) and ``counts`` (int64) of shape (n, len(subspaces)).

    Raises
    ------
    DataError
        Where the blocks differ in rows or there are too few for k.
    InvalidParameterError
        Where k is not a positive integer or a subspace names no block.
    MissingExtraError
        Where numba was asked for and is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> x, y = np.array([[0.0], [1.0], [3.0], [7.0]]), np.array([[0.0], [2.0], [1.0], [1.0]])
    >>> radius, counts = neighborhoods([x, y], 1, [(0,), (1,)])
    >>> radius
    array([2., 2., 2., 4.])
    >>> counts.tolist()
    [[1, 2], [1, 2], [0, 3], [0, 3]]
    """
    blocks = [_table(block, f"Block {b}") for b, block in enumerate(blocks)]
    if len({len(block) for block in blocks}) != 1:
        raise DataError(
            "All blocks must have the same number of rows.", got=[len(block) for block in blocks]
        )
    n = len(blocks[0])
    k = _checked_k(k, n, n - 1)
    spaces = [tuple(int(b) for b in subspace) for subspace in subspaces]
    for space in spaces:
        named = bool(space) and all(0 <= b < len(blocks) for b in space)
        if not named or (rectangle and len(space) > 1):
            raise InvalidParameterError(
                f"A subspace must name {'one' if rectangle else 'some'} of {len(blocks)} blocks.",
                got=space,
            )
    jobs = _jobs(n_jobs, n)
    kernels = _find_engine(engine, n)
    if kernels is not None:
        found: tuple[Array, Array] = kernels.neighborhoods(
            blocks, k, spaces, rectangle, closed, jobs
        )
        return Neighborhoods(*found)
    return _neighborhoods(blocks, k, spaces, rectangle, closed, jobs)


@overload
def nearest(
    queries: Array | None,
    points: Array,
    k: int,
    *,
    norm: Norm = ...,
    indices: Literal[False] = ...,
    engine: Engine = ...,
    n_jobs: int = ...,
) -> Array: ...
@overload
def nearest(
    queries: Array | None,
    points: Array,
    k: int,
    *,
    norm: Norm = ...,
    indices: Literal[True],
    engine: Engine = ...,
    n_jobs: int = ...,
) -> tuple[Array, Array]: ...
def nearest(
    queries: Array | None,
    points: Array,
    k: int,
    *,
    norm: Norm = "max",
    indices: bool = False,
    engine: Engine = "auto",
    n_jobs: int = 1,
) -> Array | tuple[Array, Array]:
    """Distances from each query to its k nearest points.

    Parameters
    ----------
    queries : ndarray of shape (m, d) or None
        ``None`` or the points themselves: neighbours of each point other than itself.
    points : ndarray of shape (n, d)
        Where neighbours are searched.
    k : int
        Number of neighbours.
    norm : {'max', 'euclidean'}
        The distance.
    indices : bool, default False
        Give the rows of the neighbours, too. Of points at the same distance those that come
        first are taken.
    engine : {'auto', 'numba', 'numpy'}
        ``'auto'`` takes numba where it is installed and the work is worth its start. All give
        the same distances in the maximum norm.
    n_jobs : int, default 1
        Threads for large tables; -1 for one a core.

    Returns
    -------
    distances : ndarray of shape (m, k)
        Ascending.
    indices : ndarray of shape (m, k)
        Only where asked for, int64.

    Raises
    ------
    DataError
        Where there are fewer than k points or the columns differ in number.
    MissingExtraError
        Where numba was asked for and is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> nearest(None, np.array([[0.0], [1.0], [3.0]]), 1).tolist()
    [[1.0], [1.0], [2.0]]
    >>> nearest(np.array([[2.5]]), np.array([[0.0], [1.0], [3.0]]), 2, indices=True)
    (array([[0.5, 1.5]]), array([[2, 1]]))
    """
    itself = queries is None or queries is points
    points = _table(points, "points")
    queries = points if itself else _table(queries, "queries")
    _check_pair(queries, points, norm)
    k = _checked_k(k, len(points), len(points) - itself)
    jobs = _jobs(n_jobs, len(queries))
    kernels = _find_engine(engine, max(len(queries), len(points)))
    search = _nearest if kernels is None else kernels.nearest
    found: tuple[Array, Array] = search(
        queries, points, k, norm == "euclidean", indices, itself, jobs
    )
    return found if indices else found[0]


def nearest_both(
    rows: Array,
    others: Array,
    k: int,
    *,
    norm: Norm = "max",
    engine: Engine = "auto",
    n_jobs: int = 1,
) -> tuple[Array, Array]:
    """Distances from each row to its k nearest in its own table, and in another.

    As `nearest` of either, with one tree less: rows that are near each other in their own are
    looked up together in both.

    Parameters
    ----------
    rows : ndarray of shape (n, d)
        The queries. A row is not its own neighbour.
    others : ndarray of shape (m, d)
        The other table.
    k : int
        Number of neighbours.
    norm, engine, n_jobs
        As in `nearest`.

    Returns
    -------
    own, away : ndarray of shape (n, k)
        Ascending.

    Raises
    ------
    DataError
        Where there are fewer than k neighbours or the columns differ in number.
    MissingExtraError
        Where numba was asked for and is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> own, away = nearest_both(np.array([[0.0], [1.0], [3.0]]), np.array([[2.5]]), 1)
    >>> own.ravel().tolist(), away.ravel().tolist()
    ([1.0, 1.0, 2.0], [2.5, 1.5, 0.5])
    """
    rows, others = _table(rows, "rows"), _table(others, "others")
    _check_pair(rows, others, norm)
    for points, most in ((rows, len(rows) - 1), (others, len(others))):
        k = _checked_k(k, len(points), most)
    jobs = _jobs(n_jobs, len(rows))
    kernels = _find_engine(engine, max(len(rows), len(others)))
    search = _nearest_both if kernels is None else kernels.nearest_both
    found: tuple[Array, Array] = search(rows, others, k, norm == "euclidean", jobs)
    return found


def count_within(
    queries: Array | None,
    points: Array,
    radius: Array,
    *,
    norm: Norm = "max",
    closed: bool = False,
    engine: Engine = "auto",
    n_jobs: int = 1,
) -> Array:
    """Count the points nearer to each query than its radius.

    Parameters
    ----------
    queries : ndarray of shape (m, d) or None
        ``None`` or the points themselves: a point does not count itself.
    points : ndarray of shape (n, d)
        The points to count.
    radius : ndarray of shape (m,)
        One for each query.
    norm : {'max', 'euclidean'}
        The distance.
    closed : bool, default False
        Count points at the radius itself, too.
    engine : {'auto', 'numba', 'numpy'}
        ``'auto'`` takes numba where it is installed and the work is worth its start. All give
        the same counts in the maximum norm.
    n_jobs : int, default 1
        Threads for large tables; -1 for one a core.

    Returns
    -------
    ndarray of shape (m,)
        Counts (int64).

    Raises
    ------
    DataError
        Where there is not one radius for each query or the columns differ in number.
    MissingExtraError
        Where numba was asked for and is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> points = np.array([[0.0], [1.0], [3.0]])
    >>> count_within(None, points, np.array([1.0, 2.0, 2.5]))
    array([0, 1, 1])
    >>> count_within(None, points, np.array([1.0, 2.0, 2.5]), closed=True)
    array([1, 2, 1])
    """
    itself = queries is None or queries is points
    points = _table(points, "points")
    queries = points if itself else _table(queries, "queries")
    _check_pair(queries, points, norm)
    radius = np.asarray(radius, dtype=np.float64)
    if radius.shape != (len(queries),):
        raise DataError(f"Every one of {len(queries)} queries needs one radius.", got=radius.shape)
    limit = radius if closed else np.nextafter(radius, -np.inf)
    jobs = _jobs(n_jobs, len(queries))
    kernels = _find_engine(engine, max(len(queries), len(points)))
    count = _count if kernels is None else kernels.count
    found: Array = count(queries, points, limit, norm == "euclidean", itself, jobs)
    return found


def _table(values: Array | None, name: str) -> Array:
    """Rows and columns of float64, contiguous."""
    table = np.ascontiguousarray(values, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] == 0:
        raise DataError(f"{name} must have rows and columns.", got=table.shape)
    return table


def _check_pair(queries: Array, points: Array, norm: str) -> None:
    """Refuse norms that are not known, and tables that differ in columns."""
    if norm not in ("max", "euclidean"):
        raise InvalidParameterError(
            "norm must be 'max' or 'euclidean'.", got=norm, hint="norm='max'"
        )
    if queries.shape[1] != points.shape[1]:
        raise DataError(
            "queries and points must have the same columns.",
            got=(queries.shape[1], points.shape[1]),
        )


def _checked_k(k: int, n: int, most: int) -> int:
    """The number of neighbours as an int, where there are as many."""
    if not isinstance(k, Integral) or isinstance(k, bool) or k < 1:
        raise InvalidParameterError("k must be a positive integer.", got=k, hint="k=3")
    if k > most:
        raise DataError(
            f"{n} rows have no neighbour number {k}.",
            got={"n": n, "k": int(k)},
            hint=f"k={most}" if most > 0 else "more rows than one",
        )
    return int(k)


def _jobs(n_jobs: int, rows: int) -> int:
    """Threads to start for so many rows."""
    if not isinstance(n_jobs, Integral) or n_jobs == 0:
        raise InvalidParameterError(
            "n_jobs must be an integer other than 0.", got=n_jobs, hint="n_jobs=-1"
        )
    if rows < WORTH_THREADS:
        return 1
    return int(n_jobs) if n_jobs > 0 else os.cpu_count() or 1


def _find_engine(engine: str, rows: int) -> ModuleType | None:
    """Kernels of numba where they are asked for or worth it, otherwise None."""
    if engine not in ("auto", "numba", "numpy"):
        raise InvalidParameterError(
            "engine must be 'auto', 'numba' or 'numpy'.", got=engine, hint="engine='auto'"
        )
    if engine == "numpy" or (engine == "auto" and not _worth_starting(rows)):
        return None
    try:
        from infometric.state import _search_numba
    except ImportError as error:
        if engine == "auto":
            return None
        raise MissingExtraError.of("numba", "fast") from error
    return _search_numba


def _worth_starting(rows: int) -> bool:
    """Whether numba has started, or has so much to do that its start of two seconds is worth it."""
    return "infometric.state._search_numba" in sys.modules or rows >= WORTH_COMPILING


def _neighborhoods(
    blocks: Sequence[Array],
    k: int,
    spaces: Sequence[tuple[int, ...]],
    rectangle: bool,
    closed: bool,
    jobs: int,
) -> Neighborhoods:
    """Neighborhoods with scipy alone."""
    joint = blocks[0] if len(blocks) == 1 else np.concatenate(blocks, axis=1)
    n = len(joint)
    counts = np.empty((n, len(spaces)), dtype=np.int64)
    if joint.shape[1] >= WIDE and n <= WIDE_ROWS:
        return _all_pairs(blocks, k, spaces, rectangle, closed)
    if rectangle:
        distances, rows = _nearest(joint, joint, k, False, True, True, jobs)
        radius = distances[:, -1].copy()
        for s, (b,) in enumerate(spaces):
            counts[:, s] = _count(blocks[b], blocks[b], _widths(blocks[b], rows), False, True, jobs)
        return Neighborhoods(radius, counts)
    tree = cKDTree(joint, leafsize=LEAF)
    order = tree.indices
    radius = np.empty(n)
    for start in range(0, n, CHUNK):
        some = order[start : start + CHUNK]
        # the row itself is at distance 0, so the next after k is the k-th other
        radius[some] = tree.query(joint[some], [k + 1], p=np.inf, workers=jobs)[0][:, 0]
    del tree, order
    limit = radius if closed else np.nextafter(radius, 0.0)
    for s, space in enumerate(spaces):
        table = _columns(blocks, space)
        counts[:, s] = _count(table, table, limit, False, True, jobs)
    return Neighborhoods(radius, counts)


def _all_pairs(
    blocks: Sequence[Array],
    k: int,
    spaces: Sequence[tuple[int, ...]],
    rectangle: bool,
    closed: bool,
) -> Neighborhoods:
    """Neighborhoods from all distances, some rows at a time."""
    n = len(blocks[0])
    columns = [np.ascontiguousarray(block.T) for block in blocks]
    radius, counts = np.empty(n), np.empty((n, len(spaces)), dtype=np.int64)
    step = max(1, TABLE // n)
    scratch = np.empty((step, n))
    tables = np.empty((len(blocks), step, n))
    for start in range(0, n, step):
        own = np.arange(start, min(n, start + step))
        some = [
            _block_table(column, own, table[: len(own)], scratch[: len(own)])
            for column, table in zip(columns, tables, strict=True)
        ]
        joint = some[0].copy() if len(some) == 1 else np.maximum(some[0], some[1])
        for table in some[2:]:
            np.maximum(joint, table, out=joint)
        joint[own - start, own] = np.inf
        far = radius[own] = np.partition(joint, k - 1, axis=1)[:, k - 1]
        limit = far if closed else np.nextafter(far, 0.0)
        neighbours = _first_neighbours(joint, far, k) if rectangle else None
        for s, space in enumerate(spaces):
            table = some[space[0]]
            for b in space[1:]:
                table = np.maximum(table, some[b])
            if neighbours is not None:
                limit = np.where(neighbours, table, 0.0).max(1)
            counts[own, s] = np.count_nonzero(table <= limit[:, None], axis=1) - 1
    return Neighborhoods(radius, counts)


def _block_table(columns: Array, own: Array, table: Array, scratch: Array) -> Array:
    """Distances of some rows to all in a block, in place."""
    for c, column in enumerate(columns):
        into = scratch if c else table
        np.subtract(column[own, None], column, out=into)
        np.abs(into, out=into)
        if c:
            np.maximum(table, scratch, out=table)
    return table


def _first_neighbours(joint: Array, far: Array, k: int) -> Array:
    """Which are the k nearest; of those at the same distance, the first."""
    near = joint <= far[:, None]
    for i in np.flatnonzero(np.count_nonzero(near, axis=1) > k):
        tied = np.flatnonzero(joint[i] == far[i])
        near[i, tied[k - np.count_nonzero(joint[i] < far[i]) :]] = False
    return near


def _columns(blocks: Sequence[Array], space: Sequence[int]) -> Array:
    """The columns of a subspace."""
    if len(space) == 1:
        return blocks[space[0]]
    return np.concatenate([blocks[b] for b in space], axis=1)


def _widths(block: Array, rows: Array) -> Array:
    """Largest distance in a block to the neighbours in `rows`."""
    width = np.empty(len(block))
    for start in range(0, len(block), CHUNK):
        some = slice(start, start + CHUNK)
        width[some] = np.abs(block[rows[some]] - block[some, None, :]).max((1, 2))
    return width


def _nearest(
    queries: Array, points: Array, k: int, euclidean: bool, indices: bool, itself: bool, jobs: int
) -> tuple[Array, Array]:
    """Nearest points with scipy alone; no rows unless asked for."""
    tree = cKDTree(points)
    order = tree.indices if itself else cKDTree(queries).indices if len(queries) else np.arange(0)
    return _looked_up(tree, order, queries, k, euclidean, indices, itself, jobs)


def _nearest_both(
    rows: Array, others: Array, k: int, euclidean: bool, jobs: int
) -> tuple[Array, Array]:
    """Distances in both tables with scipy alone."""
    tree = cKDTree(rows)
    own, _ = _looked_up(tree, tree.indices, rows, k, euclidean, False, True, jobs)
    away, _ = _looked_up(cKDTree(others), tree.indices, rows, k, euclidean, False, False, jobs)
    return own, away


def _looked_up(
    tree: cKDTree,
    order: Array,
    queries: Array,
    k: int,
    euclidean: bool,
    indices: bool,
    itself: bool,
    jobs: int,
) -> tuple[Array, Array]:
    """Nearest points of a tree, for queries in an order."""
    m = len(queries)
    distances = np.empty((m, k))
    rows = np.empty((m if indices else 0, k), dtype=np.int64)
    exact = indices or euclidean
    # one more shows whether others are as far as the last
    wanted = list(range(1, min(k + itself + exact, tree.n) + 1))
    norm = 2.0 if euclidean else np.inf
    for start in range(0, m, CHUNK):
        some = order[start : start + CHUNK]
        far, near = tree.query(queries[some], wanted, p=norm, workers=jobs)
        if not exact:
            distances[some] = far[:, int(itself) :]
            continue
        far, near = _ranked(
            tree, queries[some], near, k + itself, euclidean, some if itself else None, indices
        )
        distances[some] = np.sqrt(far[:, int(itself) :]) if euclidean else far[:, int(itself) :]
        if indices:
            rows[some] = near[:, int(itself) :]
    return distances, rows


def _ranked(
    tree: cKDTree,
    queries: Array,
    near: Array,
    k: int,
    euclidean: bool,
    own: Array | None,
    indices: bool,
) -> tuple[Array, Array]:
    """The k nearest by distance, then by row; the query itself, if it is one, before all."""
    points = tree.data
    far = np.stack([_distances(queries, points[column], euclidean) for column in near.T], axis=1)
    far, rows = _sorted(far, near, own)
    if far.shape[1] > k and indices:
        last = far[:, k - 1]
        for i in np.flatnonzero(far[:, k] <= last * (1 + NEAR * euclidean)):
            reach = np.sqrt(last[i]) * (1 + NEAR) if euclidean else last[i]
            ball = tree.query_ball_point(queries[i], reach, p=2.0 if euclidean else np.inf)
            all_rows = np.asarray(ball, dtype=np.int64)[None]
            all_far = _distances(queries[i], points[all_rows[0]], euclidean)[None]
            all_far, all_rows = _sorted(all_far, all_rows, None if own is None else own[i : i + 1])
            far[i, :k], rows[i, :k] = all_far[0, :k], all_rows[0, :k]
    return far[:, :k], rows[:, :k]


def _sorted(far: Array, rows: Array, own: Array | None) -> tuple[Array, Array]:
    """Neighbours by distance, then by row, the own row first."""
    key = far if own is None else np.where(rows == own[:, None], -1.0, far)
    order = np.lexsort((rows, key), axis=1)
    return np.take_along_axis(far, order, 1), np.take_along_axis(rows, order, 1)


def _distances(x: Array, y: Array, euclidean: bool) -> Array:
    """Distances, squared in the Euclidean norm: sums of the columns in their order."""
    difference = np.abs(x - y)
    if not euclidean:
        return difference.max(-1)
    total = difference[..., 0] ** 2
    for c in range(1, difference.shape[-1]):
        total = total + difference[..., c] ** 2
    return total


def _count(
    queries: Array, points: Array, limit: Array, euclidean: bool, itself: bool, jobs: int
) -> Array:
    """Points not farther than a limit, with scipy alone."""
    if points.shape[1] == 1:
        found = _count_line(queries[:, 0], points[:, 0], limit, itself)
    elif euclidean:
        found = _count_round(queries, points, limit, jobs)
    else:
        tree = cKDTree(points)
        found = _ball_counts(tree, queries, limit, np.inf, jobs)
    return found - (limit >= 0) if itself else found


def _ball_counts(tree: cKDTree, queries: Array, limit: Array, norm: float, jobs: int) -> Array:
    """Points of a tree not farther than a limit; none where it is negative."""
    found = np.zeros(len(queries), dtype=np.int64)
    ask = np.flatnonzero(limit >= 0)
    if len(ask):
        found[ask] = tree.query_ball_point(
            queries[ask], limit[ask], p=norm, return_length=True, return_sorted=False, workers=jobs
        )
    return found


def _count_round(queries: Array, points: Array, limit: Array, jobs: int) -> Array:
    """Counts in balls: the tree compares squares, whose rounding the limit does not share."""
    tree = cKDTree(points)
    found = _ball_counts(tree, queries, limit * (1 - NEAR), 2.0, jobs)
    upper = _ball_counts(tree, queries, limit * (1 + NEAR), 2.0, jobs)
    for i in np.flatnonzero(found != upper):
        ball = tree.query_ball_point(queries[i], limit[i] * (1 + NEAR))
        found[i] = np.count_nonzero(np.sqrt(_distances(queries[i], points[ball], True)) <= limit[i])
    return found


def _count_line(x: Array, points: Array, limit: Array, itself: bool) -> Array:
    """Points on a line not farther than a limit."""
    order = np.argsort(x)
    x, limit = x[order], limit[order]
    s = x if itself else np.sort(points)
    middle = np.arange(len(s)) if itself else np.searchsorted(s, x)
    first = _first(
        lambda at, p: x[at] - s[p] <= limit[at],
        np.searchsorted(s, x - limit),
        np.zeros_like(middle),
        middle,
    )
    last = _first(
        lambda at, p: s[p] - x[at] > limit[at],
        np.searchsorted(s, x + limit, side="right"),
        middle,
        np.full_like(middle, len(s)),
    )
    found = np.empty(len(x), dtype=np.int64)
    found[order] = last - first
    return found


def _first(holds: Callable[[Any, Array], Array], guess: Array, low: Array, high: Array) -> Array:
    """First position in [low, high) from which on `holds` is true, else high; from a guess."""
    at = np.minimum(np.maximum(guess, low), high)
    top = max(int(high.max(initial=0)) - 1, 0)
    open_: Any = slice(None)
    for _ in range(3):  # rounding misses by one or two, seldom by more
        p = at[open_]
        back = (p > low[open_]) & holds(open_, np.maximum(p - 1, 0))
        ahead = (p < high[open_]) & ~back & ~holds(open_, np.minimum(p, top))
        wrong = np.flatnonzero(back | ahead)
        if not len(wrong):
            return at
        open_ = wrong if isinstance(open_, slice) else open_[wrong]
        at[open_] += ahead[wrong].astype(at.dtype) - back[wrong]
    a, b = low[open_], high[open_]
    while (going := a < b).any():
        middle = (a + b) // 2
        true = going.copy()
        true[going] = holds(open_[going], middle[going])
        b = np.where(true, middle, b)
        a = np.where(going & ~true, middle + 1, a)
    at[open_] = a
    return at
