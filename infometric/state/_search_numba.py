"""Compiled kernels of :mod:`infometric.state.search`; imported on use, as numba is optional.

Four ways of search, by the number of columns:

- strips for two columns: equal numbers of rows by the first, each strip sorted by the second;
- a balanced tree for a few: boxes over leaves of a few points, which fill vector registers;
- all pairs for many, in float32, which leaves to float64 the few that its rounding confuses;
- a sorted line with a table of buckets for counts in one column.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numba
import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils, types
from numba.extending import intrinsic

from infometric.typing import Array

LEAF = 32  # points of a leaf, eight registers of float64
SAMPLED = 256  # rows of a node that show which of its sides is the widest
WAYS = 8  # children of a node: eight boxes, two registers a side
STRIP = 1.0  # width of a strip in sides of the square that holds the k neighbours
TOGETHER = 8  # queries that pass through the same stretch of points
STRETCH = 1024  # points in a stretch, which stays in the first cache
RUN = 128  # points whose nearness is decided at once
CANDIDATES = 256
COARSE = 1e-3  # rounding in units of the spread from which on float32 confuses too many
TIED = 0.05  # share of equal values in a column that makes strips too thin


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile at the first call, from the cache on disk where there is a place for one."""
    try:
        return numba.njit(nogil=True, cache=True)(function)
    except (RuntimeError, OSError):
        return numba.njit(nogil=True)(function)


def neighborhoods(
    blocks: Sequence[Array],
    k: int,
    spaces: Sequence[tuple[int, ...]],
    rectangle: bool,
    closed: bool,
    jobs: int,
) -> tuple[Array, Array]:
    """Radius and counts, as :func:`infometric.state.search.neighborhoods` says."""
    plane = all(block.shape[1] == 1 for block in blocks) and len(blocks) == 2
    if plane and all(len(space) == 1 for space in spaces):
        strips = Strips.of(blocks[0][:, 0], blocks[1][:, 0], k)
        if strips is not None:
            return strips.neighborhoods(k, spaces, rectangle, closed, jobs)
    joint = blocks[0] if len(blocks) == 1 else np.concatenate(blocks, axis=1)
    counts = np.empty((len(joint), len(spaces)), dtype=np.int64)
    if _all_pairs_pay(*joint.shape):
        return Pairs(blocks, joint).neighborhoods(k, spaces, rectangle, closed, jobs)
    if rectangle:
        distances, rows = nearest(joint, joint, k, False, True, True, jobs)
        radius = distances[:, -1].copy()
        for s, (b,) in enumerate(spaces):
            width = np.empty(len(joint))
            _widths(blocks[b], rows, width)
            counts[:, s] = count(blocks[b], blocks[b], width, False, True, jobs)
        return radius, counts
    tree = Tree(joint)
    radius = tree.nearest(tree, k, False, False, jobs)[0][:, -1].copy()
    limit = radius if closed else np.nextafter(radius, 0.0)
    for s, space in enumerate(spaces):
        if len(space) == len(blocks) and len(set(space)) == len(blocks):
            counts[:, s] = tree.count(tree, limit, False, jobs) - 1
            continue
        table = blocks[space[0]]
        if len(space) > 1:
            table = np.concatenate([blocks[b] for b in space], axis=1)
        counts[:, s] = count(table, table, limit, False, True, jobs)
    return radius, counts


def nearest(
    queries: Array, points: Array, k: int, euclidean: bool, indices: bool, itself: bool, jobs: int
) -> tuple[Array, Array]:
    """Distances and rows, as :func:`infometric.state.search.nearest` says."""
    tree = Tree(points)
    of = tree if itself else Tree(queries, boxes=False)
    return tree.nearest(of, k, euclidean, indices, jobs)


def nearest_both(
    rows: Array, others: Array, k: int, euclidean: bool, jobs: int
) -> tuple[Array, Array]:
    """Distances, as :func:`infometric.state.search.nearest_both` says."""
    tree = Tree(rows)
    own, _ = tree.nearest(tree, k, euclidean, False, jobs)
    away, _ = Tree(others).nearest(tree, k, euclidean, False, jobs)
    return own, away


def count(
    queries: Array, points: Array, limit: Array, euclidean: bool, itself: bool, jobs: int
) -> Array:
    """Points not farther than a limit."""
    if points.shape[1] == 1:
        order = np.argsort(queries[:, 0])
        line = Line(queries[order, 0] if itself else np.sort(points[:, 0]))
        found = np.empty(len(queries), dtype=np.int64)
        _in_parts(jobs, len(queries), _count_line, *line, order, queries[:, 0], limit, found)
    else:
        tree = Tree(points)
        of = tree if itself else Tree(queries, boxes=False)
        found = tree.count(of, limit, euclidean, jobs)
    return found - (limit >= 0) if itself else found


def _in_parts(jobs: int, rows: int, kernel: Callable[..., None], *arguments: Any) -> None:
    """Run a kernel over ranges of rows, in threads where there is more than one."""
    if jobs == 1:
        kernel(0, rows, *arguments)
        return
    parts = 4 * jobs
    ends = [rows * p // parts for p in range(parts + 1)]
    with ThreadPoolExecutor(jobs) as pool:
        for task in [pool.submit(kernel, a, b, *arguments) for a, b in pairwise(ends)]:
            task.result()


@compiled
def _widths(block: Array, rows: Array, width: Array) -> None:  # pragma: no cover - compiled
    """Largest distance in a block to the neighbours in `rows`."""
    for i in range(rows.shape[0]):
        widest = 0.0
        for j in rows[i]:
            for c in range(block.shape[1]):
                widest = max(widest, abs(block[j, c] - block[i, c]))
        width[i] = widest


def _all_pairs_pay(n: int, d: int) -> bool:
    """Whether a tree would open most of its leaves."""
    return n <= 1000 * (d - 2) ** 2


# --- a sorted line ---------------------------------------------------------------------------


def Line(s: Array) -> tuple[Array, Array, float, float]:
    """Sorted values, first rank of each bucket, start and buckets per unit."""
    buckets = len(s)
    with np.errstate(over="ignore"):
        width = float(s[-1] - s[0])
    scale = buckets / width if width > 0 and np.isfinite(buckets / width) else 0.0
    ranks = np.empty(buckets + 2, dtype=np.int32)
    _fill_buckets(s, float(s[0]), scale, ranks)
    return s, ranks, float(s[0]), scale


@compiled
def _fill_buckets(
    s: Array, start: float, scale: float, ranks: Array
) -> None:  # pragma: no cover - compiled
    """First rank in each bucket."""
    buckets = ranks.shape[0] - 1
    b = 0
    for i in range(s.shape[0]):
        bucket = min(int((s[i] - start) * scale), buckets - 1)
        while b <= bucket:
            ranks[b] = i
            b += 1
    while b <= buckets:
        ranks[b] = s.shape[0]
        b += 1


@compiled
def _guess(
    s: Array, ranks: Array, start: float, scale: float, value: float
) -> int:  # pragma: no cover - compiled
    """About the rank of a value."""
    place = (value - start) * scale
    if not place > 0.0:
        return 0
    if place >= ranks.shape[0] - 1:
        return s.shape[0]
    bucket = int(place)
    first = ranks[bucket]
    return first + int((place - bucket) * (ranks[bucket + 1] - first))


@compiled
def _first_within(s: Array, x: float, limit: float, p: int) -> int:  # pragma: no cover - compiled
    """First rank not below x by more than the limit, by exact comparison from a guess."""
    n = s.shape[0]
    step = 1
    if p < n and x - s[p] <= limit:
        high = p
        low = p - 1
        while low >= 0 and x - s[low] <= limit:
            high = low
            low -= step
            step *= 2
        low = max(low, -1)
    else:
        low = p
        high = p + 1
        while high < n and not x - s[high] <= limit:
            low = high
            high += step
            step *= 2
        high = min(high, n)
    while high - low > 1:
        middle = (low + high) >> 1
        if x - s[middle] <= limit:
            high = middle
        else:
            low = middle
    return min(high, n)


@compiled
def _first_beyond(s: Array, x: float, limit: float, p: int) -> int:  # pragma: no cover - compiled
    """First rank above x by more than the limit, by exact comparison from a guess."""
    n = s.shape[0]
    step = 1
    if p < n and not s[p] - x <= limit:
        high = p
        low = p - 1
        while low >= 0 and not s[low] - x <= limit:
            high = low
            low -= step
            step *= 2
        low = max(low, -1)
    else:
        low = p
        high = p + 1
        while high < n and s[high] - x <= limit:
            low = high
            high += step
            step *= 2
        high = min(high, n)
    while high - low > 1:
        middle = (low + high) >> 1
        if s[middle] - x <= limit:
            low = middle
        else:
            high = middle
    return min(high, n)


@compiled
def _within(
    s: Array, ranks: Array, start: float, scale: float, x: float, limit: float
) -> int:  # pragma: no cover - compiled
    """Values of a line not farther from x than the limit."""
    if not limit >= 0.0:
        return 0
    first = _first_within(s, x, limit, _guess(s, ranks, start, scale, x - limit))
    return _first_beyond(s, x, limit, _guess(s, ranks, start, scale, x + limit)) - first


@compiled
def _count_line(
    begin: int,
    end: int,
    s: Array,
    ranks: Array,
    start: float,
    scale: float,
    order: Array,
    x: Array,
    limit: Array,
    found: Array,
) -> None:  # pragma: no cover - compiled
    for p in range(begin, end):
        i = order[p]
        found[i] = _within(s, ranks, start, scale, x[i], limit[i])


# --- strips ----------------------------------------------------------------------------------


def _tied(s: Array) -> int:
    """How many of sorted values equal the one before."""
    return int(np.count_nonzero(s[1:] == s[:-1]))


class Strips:
    """Rows of two columns in strips of equal size by the first, sorted by the second in each."""

    def __init__(self, xs: Array, ys: Array, x: Array, y: Array, row: Array, size: int) -> None:
        self.xs, self.ys = xs, ys
        self.x, self.y, self.row = x, y, row
        self.size = size

    @classmethod
    def of(cls, x: Array, y: Array, k: int) -> Strips | None:
        """Strips for so many neighbours; None where ties make them useless."""
        n = len(x)
        order = np.argsort(x)
        xs, ys = x[order], np.sort(y)
        most = TIED * n
        if _tied(xs) > most or _tied(ys) > most:
            return None
        size = min(n, int(STRIP * np.sqrt(n * (k + 1.0))) + 1)
        strips = -(-n // size)
        padded = np.full((strips, size), np.inf)
        padded.ravel()[:n] = y[order]
        within = np.argsort(padded, axis=1)
        within += np.arange(0, strips * size, size)[:, None]
        place = within.ravel()[:n]
        return cls(xs, ys, xs[place], padded.ravel()[place], order[place].astype(np.int32), size)

    def neighborhoods(
        self,
        k: int,
        spaces: Sequence[tuple[int, ...]],
        rectangle: bool,
        closed: bool,
        jobs: int,
    ) -> tuple[Array, Array]:
        """Radius and counts of the rows in their own order."""
        n = len(self.x)
        near = np.empty(n)
        width = np.empty((2, n if rectangle else 0))
        strips = -(-n // self.size)
        _in_parts(
            jobs,
            strips,
            _strip_nearest,
            self.xs,
            self.x,
            self.y,
            self.row,
            self.size,
            k,
            near,
            width,
        )
        radius = np.empty(n)
        radius[self.row] = near
        # the number below a positive one is one less in its bits
        limit = near if closed else (np.maximum(near.view(np.int64), 1) - 1).view(np.float64)
        counts = np.empty((n, len(spaces)), dtype=np.int64)
        for b, (values, ordered) in enumerate([(self.x, self.xs), (self.y, self.ys)]):
            columns = [s for s, space in enumerate(spaces) if space == (b,)]
            if not columns:
                continue
            line = Line(ordered)
            found = counts[:, columns[0]]
            within = width[b] if rectangle else limit
            _in_parts(jobs, n, _count_strips, *line, self.row, values, within, found)
            counts[:, columns[1:]] = found[:, None]
        return radius, counts


@compiled
def _count_strips(
    begin: int,
    end: int,
    s: Array,
    ranks: Array,
    start: float,
    scale: float,
    row: Array,
    x: Array,
    limit: Array,
    found: Array,
) -> None:  # pragma: no cover - compiled
    for p in range(begin, end):
        found[row[p]] = _within(s, ranks, start, scale, x[p], limit[p]) - 1


@compiled
def _advance(y: Array, p: int, stop: int, value: float) -> int:  # pragma: no cover - compiled
    """First place from p on that is not below a value; mostly near."""
    if p >= stop or y[p] >= value:
        return p
    step = 1
    high = p + 1
    while high < stop and y[high] < value:
        p = high
        high += step
        step *= 2
    high = min(high, stop)
    while high - p > 1:
        middle = (p + high) >> 1
        if y[middle] < value:
            p = middle
        else:
            high = middle
    return high


@compiled
def _scan(
    p: int,
    stop: int,
    step: int,
    x: float,
    y: float,
    xs: Array,
    ys: Array,
    row: Array,
    ties: bool,
    best: Array,
    who: Array,
    reach: float,
) -> float:  # pragma: no cover - compiled
    """Take the rows of a strip in one direction, as long as they can be neighbours."""
    last = best.shape[0] - 1
    while p != stop:
        d = abs(ys[p] - y)
        if d >= reach:
            break
        e = abs(xs[p] - x)
        d = d if d > e else e
        if d < reach and not (ties and d == best[last] and row[p] > row[who[last]]):
            q = last
            while q > 0 and (
                best[q - 1] > d or (ties and best[q - 1] == d and row[who[q - 1]] > row[p])
            ):
                best[q] = best[q - 1]
                who[q] = who[q - 1]
                q -= 1
            best[q] = d
            who[q] = p
            reach = best[last]
            if ties and reach > 0.0:
                reach = np.nextafter(reach, np.inf)
        p += step
    return reach


@compiled
def _strip_nearest(
    begin: int,
    end: int,
    order: Array,
    x: Array,
    y: Array,
    row: Array,
    size: int,
    k: int,
    near: Array,
    width: Array,
) -> None:  # pragma: no cover - compiled
    """Distance to the k-th neighbour of the rows of strips [begin, end), and widths."""
    n = x.shape[0]
    strips = (n + size - 1) // size
    ties = width.shape[1] > 0
    best = np.empty(k)
    who = np.empty(k, dtype=np.int64)
    cursor = np.empty(strips, dtype=np.int64)
    for strip in range(begin, end):
        start, stop = strip * size, min(n, strip * size + size)
        for t in range(strips):
            cursor[t] = t * size
        for p in range(start, stop):
            u, v = x[p], y[p]
            best[:] = np.inf
            who[:] = p
            reach = np.inf
            reach = _scan(p + 1, stop, 1, u, v, x, y, row, ties, best, who, reach)
            reach = _scan(p - 1, start - 1, -1, u, v, x, y, row, ties, best, who, reach)
            for side in (1, -1):
                t = strip + side
                while 0 <= t < strips:
                    low, high = t * size, min(n, t * size + size)
                    if (order[low] - u if side > 0 else u - order[high - 1]) >= reach:
                        break
                    c = _advance(y, cursor[t], high, v)
                    cursor[t] = c
                    reach = _scan(c, high, 1, u, v, x, y, row, ties, best, who, reach)
                    reach = _scan(c - 1, low - 1, -1, u, v, x, y, row, ties, best, who, reach)
                    t += side
            near[p] = best[k - 1]
            if ties:
                width[0, p] = width[1, p] = 0.0
                for q in who:
                    width[0, p] = max(width[0, p], abs(x[q] - u))
                    width[1, p] = max(width[1, p], abs(y[q] - v))


# --- a balanced tree -------------------------------------------------------------------------


class Tree:
    """Implicit balanced tree: node p of level l holds the rows [n p / 2^l, n (p + 1) / 2^l)."""

    def __init__(self, points: Array, boxes: bool = True) -> None:
        n, d = points.shape
        self.levels = 0
        while (n >> self.levels) > LEAF or (-(-n // (1 << self.levels))) > LEAF:
            self.levels += 1
        nodes = 2 ** (self.levels + 1) - 1
        self.n = n
        self.order: Array = np.arange(n, dtype=np.int32)
        self.boxes = np.empty((nodes, 2, d))
        self.ordered = points.copy()
        _build(self.ordered, self.order, self.levels, self.boxes)
        if boxes:
            self.leaves = np.full((2**self.levels, d, LEAF), np.inf)
            _fill_leaves(self.ordered, self.levels, self.leaves)
            depth = (self.levels + 2) // 3
            inner = (8 ** max(depth - 1, 0) - 1) // 7 + (2**self.levels + 7) // 8
            self.ways = np.empty((inner, 2, d, WAYS))
            _fill_ways(self.boxes, self.levels, self.ways)

    def nearest(
        self, of: Tree, k: int, euclidean: bool, ties: bool, jobs: int
    ) -> tuple[Array, Array]:
        """The k nearest points of each row of a tree; in this one, other than itself."""
        queries = of.ordered  # what lies side by side is looked up side by side
        distances = np.empty((len(queries), k))
        rows = np.empty((len(queries) if ties else 0, k), dtype=np.int64)
        _in_parts(
            jobs,
            len(queries),
            _tree_nearest,
            self.order,
            self.levels,
            self.ways,
            self.leaves,
            queries,
            euclidean,
            of is self,
            distances,
            rows,
        )
        return of.restored(distances), of.restored(rows) if ties else rows

    def count(self, of: Tree, limit: Array, euclidean: bool, jobs: int) -> Array:
        """Points not farther than a limit from rows of a tree."""
        found = np.empty(len(of.ordered), dtype=np.int64)
        _in_parts(
            jobs,
            len(of.ordered),
            _tree_count,
            self.n,
            self.levels,
            self.boxes,
            self.leaves,
            of.ordered,
            limit[of.order],
            euclidean,
            found,
        )
        return of.restored(found)

    def restored(self, found: Array) -> Array:
        """What was found for the rows of the tree, in the order of the table."""
        restored = np.empty_like(found)
        restored[self.order] = found
        return restored


@compiled
def _swap(points: Array, order: Array, i: int, j: int) -> None:  # pragma: no cover - compiled
    for c in range(points.shape[1]):
        points[i, c], points[j, c] = points[j, c], points[i, c]
    order[i], order[j] = order[j], order[i]


@compiled
def _select(
    points: Array, order: Array, start: int, stop: int, middle: int, c: int
) -> None:  # pragma: no cover - compiled
    """Move rows so that none before the middle is above it in a column, and none after below."""
    low, high = start, stop - 1
    while low < high:
        a, b, e = points[low, c], points[(low + high) >> 1, c], points[high, c]
        pivot = max(min(a, b), min(max(a, b), e))
        i, j = low, high
        while i <= j:
            while points[i, c] < pivot:
                i += 1
            while points[j, c] > pivot:
                j -= 1
            if i <= j:
                _swap(points, order, i, j)
                i += 1
                j -= 1
        if middle <= j:
            high = j
        elif middle >= i:
            low = i
        else:
            return


@compiled
def _bound(
    points: Array, start: int, stop: int, step: int, box: Array
) -> None:  # pragma: no cover - compiled
    """Smallest box of rows [start, stop), or of some of them."""
    for c in range(points.shape[1]):
        box[0, c] = box[1, c] = points[start, c]
    for i in range(start + step, stop, step):
        for c in range(points.shape[1]):
            v = points[i, c]
            if v < box[0, c]:
                box[0, c] = v
            if v > box[1, c]:
                box[1, c] = v


@compiled
def _build(
    points: Array, order: Array, levels: int, boxes: Array
) -> None:  # pragma: no cover - compiled
    """Halve the rows by the widest side of their box, level by level."""
    n, d = points.shape
    for level in range(levels):
        for p in range(1 << level):
            start, stop = (n * p) >> level, (n * (p + 1)) >> level
            box = boxes[(1 << level) - 1 + p]
            _bound(points, start, stop, max(1, (stop - start) // SAMPLED), box)
            side = 0
            for c in range(1, d):
                if box[1, c] - box[0, c] > box[1, side] - box[0, side]:
                    side = c
            middle = (n * (2 * p + 1)) >> (level + 1)
            _select(points, order, start, stop, middle, side)
    for p in range(1 << levels):
        start, stop = (n * p) >> levels, (n * (p + 1)) >> levels
        _bound(points, start, stop, 1, boxes[(1 << levels) - 1 + p])
    for node in range((1 << levels) - 2, -1, -1):
        left, right = boxes[2 * node + 1], boxes[2 * node + 2]
        for c in range(d):
            boxes[node, 0, c] = min(left[0, c], right[0, c])
            boxes[node, 1, c] = max(left[1, c], right[1, c])


@compiled
def _fill_leaves(points: Array, levels: int, leaves: Array) -> None:  # pragma: no cover - compiled
    n = points.shape[0]
    for p in range(leaves.shape[0]):
        start, stop = (n * p) >> levels, (n * (p + 1)) >> levels
        for i in range(start, stop):
            for c in range(points.shape[1]):
                leaves[p, c, i - start] = points[i, c]


@compiled
def _box_distance(box: Array, x: Array, euclidean: bool) -> float:  # pragma: no cover - compiled
    """Distance to the nearest place of a box, squared in the Euclidean norm."""
    total = 0.0
    if euclidean:
        for c in range(x.shape[0]):
            t, u = box[0, c] - x[c], x[c] - box[1, c]
            t = t if t > u else u
            t = t if t > 0.0 else 0.0
            total += t * t
    else:
        for c in range(x.shape[0]):
            t, u = box[0, c] - x[c], x[c] - box[1, c]
            t = t if t > u else u
            total = t if t > total else total
    return total


@compiled
def _box_reach(box: Array, x: Array, euclidean: bool) -> float:  # pragma: no cover - compiled
    """Distance to the farthest place of a box, squared in the Euclidean norm."""
    total = 0.0
    for c in range(x.shape[0]):
        t, u = x[c] - box[0, c], box[1, c] - x[c]
        t = t if t > u else u
        if euclidean:
            total += t * t
        else:
            total = t if t > total else total
    return total


@compiled
def _leaf_distances(
    leaf: Array, x: Array, euclidean: bool, far: Array
) -> None:  # pragma: no cover - compiled
    """Distances to the points of a leaf, squared in the Euclidean norm."""
    for i in range(LEAF):
        far[i] = 0.0
    for c in range(x.shape[0]):
        v = x[c]
        if euclidean:
            for i in range(LEAF):
                t = leaf[c, i] - v
                far[i] += t * t
        else:
            for i in range(LEAF):
                t = abs(leaf[c, i] - v)
                far[i] = t if t > far[i] else far[i]


def _lanes(euclidean: bool, box: bool, width: int) -> Callable[..., Any]:
    """Distances of a query to as many boxes or points as a group has, side by side.

    The function of (groups, group, query, into, limit, closed) gives the bits of those nearer
    than the limit, or also at it. The columns are added in their order, as everywhere.
    """

    @intrinsic
    def lanes(
        context: Any, groups: Any, group: Any, query: Any, into: Any, limit: Any, closed: Any
    ) -> Any:
        number = types.int64
        signature = number(groups, number, query, into, types.float64, types.boolean)

        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            tables = [
                context.make_array(signature.args[a])(context, builder, arguments[a])
                for a in (0, 2, 3)
            ]
            size, real = ir.IntType(64), ir.DoubleType()
            vector = ir.VectorType(real, width)
            words = ir.VectorType(size, width)
            unsigned = ir.Constant(words, [2**63 - 1] * width)  # all bits but the sign
            zero = ir.Constant(vector, [0.0] * width)
            columns = builder.extract_value(tables[1].shape, 0)
            rows = builder.mul(arguments[1], columns)
            if box:
                rows = builder.add(rows, rows)
            first = builder.bitcast(tables[0].data, vector.as_pointer())

            def spread(value: Any) -> Any:
                one = builder.insert_element(
                    ir.Constant(vector, ir.Undefined), value, ir.Constant(ir.IntType(32), 0)
                )
                lane = ir.Constant(ir.VectorType(ir.IntType(32), width), [0] * width)
                return builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), lane)

            def row(place: Any) -> Any:
                return builder.load(builder.gep(first, [place]), align=8)

            def larger(one: Any, other: Any) -> Any:
                return builder.select(builder.fcmp_ordered(">", one, other), one, other)

            total = cgutils.alloca_once_value(builder, zero)
            with cgutils.for_range(builder, columns, intp=size) as loop:
                x = spread(builder.load(builder.gep(tables[1].data, [loop.index])))
                place = builder.add(rows, loop.index)
                away = builder.fsub(row(place), x)
                if box:
                    away = larger(away, builder.fsub(x, row(builder.add(place, columns))))
                elif not euclidean:
                    bare = builder.and_(builder.bitcast(away, words), unsigned)
                    away = builder.bitcast(bare, vector)
                so_far = builder.load(total)
                if euclidean:
                    away = larger(away, zero) if box else away
                    so_far = builder.fadd(so_far, builder.fmul(away, away))
                else:
                    so_far = larger(away, so_far)
                builder.store(so_far, total)
            far = builder.load(total)
            builder.store(far, builder.bitcast(tables[2].data, vector.as_pointer()), align=8)
            most = spread(arguments[4])
            near = builder.select(
                arguments[5],
                builder.fcmp_ordered("<=", far, most),
                builder.fcmp_ordered("<", far, most),
            )
            return builder.zext(builder.bitcast(near, ir.IntType(width)), size)

        return signature, code

    return lanes


@intrinsic
def _lowest(context: Any, bits: Any) -> Any:
    """Number of the lowest bit that is set."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), code


_boxes_max = _lanes(False, True, WAYS)
_boxes_euclidean = _lanes(True, True, WAYS)
_points_max = _lanes(False, False, LEAF)
_points_euclidean = _lanes(True, False, LEAF)


@compiled
def _fill_ways(boxes: Array, levels: int, ways: Array) -> None:  # pragma: no cover - compiled
    """Boxes of the children of each node side by side."""
    first = 0
    depth = (levels + 2) // 3
    for h in range(depth):
        level = levels - 3 * (depth - 1 - h)
        children = 1 << level
        for p in range(children):
            box = boxes[children - 1 + p]
            node, lane = first + (p >> 3), p & 7
            for c in range(boxes.shape[2]):
                ways[node, 0, c, lane] = box[0, c]
                ways[node, 1, c, lane] = box[1, c]
        first = 8 * first + 1


@intrinsic
def _take(context: Any, best: Any, fours: Any, distance: Any) -> Any:
    """Put a distance in its place among the smallest, of which the largest comes first.

    They fill `fours` times four places; negative infinities follow.
    """

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vector, word = ir.VectorType(ir.DoubleType(), 4), ir.IntType(32)
        table = context.make_array(signature.args[0])(context, builder, arguments[0])
        first = builder.bitcast(table.data, vector.as_pointer())
        blank = ir.Constant(vector, ir.Undefined)
        one = builder.insert_element(blank, arguments[2], ir.Constant(word, 0))
        new = builder.shuffle_vector(one, blank, ir.Constant(ir.VectorType(word, 4), [0] * 4))
        here = cgutils.alloca_once_value(builder, builder.load(first, align=8))
        with cgutils.for_range(builder, arguments[1], intp=ir.IntType(64)) as loop:
            place = builder.gep(first, [loop.index])
            following = builder.load(builder.gep(place, [ir.Constant(word, 1)]), align=8)
            old = builder.load(here)
            shift = ir.Constant(ir.VectorType(word, 4), [1, 2, 3, 4])
            below = builder.shuffle_vector(old, following, shift)
            below = builder.select(builder.fcmp_ordered(">", below, new), below, new)
            below = builder.select(builder.fcmp_ordered("<", below, old), below, old)
            builder.store(below, place, align=8)
            builder.store(following, here)
        return context.get_dummy_value()

    return types.void(best, types.int64, types.float64), code


@compiled
def _take_row(best: Array, who: Array, k: int, d: float, j: int) -> None:  # pragma: no cover
    """Put a neighbour in its place by distance and then by row, the last of them first."""
    if d > best[0] or (d == best[0] and j > who[0]):
        return
    q = 0
    while q < k - 1 and (best[q + 1] > d or (best[q + 1] == d and who[q + 1] > j)):
        best[q] = best[q + 1]
        who[q] = who[q + 1]
        q += 1
    best[q] = d
    who[q] = j


@compiled
def _tree_nearest(  # noqa: C901
    begin: int,
    end: int,
    number: Array,
    levels: int,
    ways: Array,
    leaves: Array,
    queries: Array,
    euclidean: bool,
    itself: bool,
    distances: Array,
    rows: Array,
) -> None:  # pragma: no cover - compiled
    """The k nearest points of queries [begin, end); of points, in the order of their tree."""
    n = number.shape[0]
    k = distances.shape[1]
    ties = rows.shape[0] > 0
    first_leaf = 0
    for _ in range((levels + 2) // 3):
        first_leaf = 8 * first_leaf + 1
    children = (1 << (1 << (levels - 3 * ((levels + 2) // 3 - 1)))) - 1
    stack = np.empty(WAYS * (levels // 3 + 2), dtype=np.int64)
    gaps = np.empty(WAYS * (levels // 3 + 2))
    best = np.full(k // 4 * 4 + 8, -np.inf)
    who = np.empty(k, dtype=np.int64)
    far = np.empty(LEAF)
    gap = np.empty(WAYS)
    x = np.empty(queries.shape[1])
    for i in range(begin, end):
        for c in range(x.shape[0]):
            x[c] = queries[i, c]
        own = i if itself else -1
        best[:k] = np.inf
        who[:] = n
        stack[0] = 0
        gaps[0] = 0.0
        height = 1
        while height:
            height -= 1
            node = stack[height]
            if gaps[height] > best[0] or (gaps[height] == best[0] and not ties):
                continue
            if first_leaf == 0:
                near, gap[0] = 1, 0.0
            elif euclidean:
                near = _boxes_euclidean(ways, node, x, gap, best[0], ties)
            else:
                near = _boxes_max(ways, node, x, gap, best[0], ties)
            if node == 0:
                near &= children
            child = 8 * node + 1
            if child < first_leaf:
                bottom = height
                while near:
                    lane = _lowest(near)
                    near &= near - 1
                    q = height
                    while q > bottom and gaps[q - 1] < gap[lane]:
                        gaps[q] = gaps[q - 1]
                        stack[q] = stack[q - 1]
                        q -= 1
                    gaps[q] = gap[lane]
                    stack[q] = child + lane
                    height += 1
                continue
            # leaves are opened at once: to sort them by their gaps costs more than it spares
            first = 0
            if best[0] == np.inf:
                for lane in range(WAYS):
                    if near >> lane & 1 and gap[lane] < gap[first]:
                        first = lane
            while near:
                lane = first if near >> first & 1 else _lowest(near)
                near &= ~(1 << lane)
                if gap[lane] > best[0] or (gap[lane] == best[0] and not ties):
                    continue
                p = child - first_leaf + lane if levels else 0
                start, stop = (n * p) >> levels, (n * (p + 1)) >> levels
                if euclidean:
                    points = _points_euclidean(leaves, p, x, far, best[0], ties)
                else:
                    points = _points_max(leaves, p, x, far, best[0], ties)
                points &= (1 << (stop - start)) - 1
                while points:
                    place = _lowest(points)
                    points &= points - 1
                    if start + place == own:
                        continue
                    if ties:
                        _take_row(best, who, k, far[place], number[start + place])
                    else:
                        _take(best, (k + 3) // 4, far[place])
        for q in range(k):
            d = best[k - 1 - q]
            distances[i, q] = np.sqrt(d) if euclidean else d
            if ties:
                rows[i, q] = who[k - 1 - q]


@compiled
def _tree_count(
    begin: int,
    end: int,
    n: int,
    levels: int,
    boxes: Array,
    leaves: Array,
    queries: Array,
    limits: Array,
    euclidean: bool,
    found: Array,
) -> None:  # pragma: no cover - compiled
    """Points not farther than a limit from queries [begin, end)."""
    first_leaf = (1 << levels) - 1
    stack = np.empty(levels + 2, dtype=np.int64)
    tiers = np.empty(levels + 2, dtype=np.int64)
    far = np.empty(LEAF)
    for i in range(begin, end):
        x = queries[i]
        limit = limits[i]
        # roots are compared where squares are too near to tell
        sure, unsure = limit, limit
        if euclidean:
            sure, unsure = limit * limit * (1 - 1e-14), limit * limit * (1 + 1e-14)
        total = 0
        height = 0
        if limit >= 0.0:
            stack[0] = 0
            tiers[0] = 0
            height = 1
        while height:
            height -= 1
            node, level = stack[height], tiers[height]
            if _box_distance(boxes[node], x, euclidean) > unsure:
                continue
            p = node + 1 - (1 << level)
            start, stop = (n * p) >> level, (n * (p + 1)) >> level
            if _box_reach(boxes[node], x, euclidean) <= sure:
                total += stop - start
                continue
            if node < first_leaf:
                stack[height] = 2 * node + 1
                stack[height + 1] = 2 * node + 2
                tiers[height] = tiers[height + 1] = level + 1
                height += 2
                continue
            _leaf_distances(leaves[p], x, euclidean, far)
            for lane in range(stop - start):
                d = far[lane]
                if d <= sure or (d <= unsure and np.sqrt(d) <= limit):
                    total += 1
        found[i] = total


# --- all pairs -------------------------------------------------------------------------------


class Pairs:
    """All pairs of rows: float32 for all, float64 where rounding could decide.

    Columns are centred and scaled by a power of two. A difference of float32 is then off by no
    more than a few units in the last place of the largest value.
    """

    def __init__(self, blocks: Sequence[Array], joint: Array) -> None:
        self.joint = joint
        self.starts = np.cumsum([0, *(block.shape[1] for block in blocks)])
        low, high = joint.min(0), joint.max(0)
        centre = low / 2 + high / 2
        reach = np.maximum(high - centre, centre - low)
        size = np.abs(joint).max()
        self.scale = 2.0 ** -np.frexp(reach.max())[1] if reach.max() > 0 else 1.0
        # two roundings of values, one of the difference, one of limits; and those of float64
        error = reach * self.scale * 2.0**-21 + size * self.scale * 2.0**-50 + 2.0**-140
        spread = ((joint - centre) * self.scale).std(0)
        self.error = np.maximum.reduceat(error, self.starts[:-1])
        if not np.all(self.error[:, None] <= COARSE * spread) or not np.isfinite(self.scale):
            self.scale = 1.0
            self.error = np.zeros(len(blocks))
            self.columns = joint.T.copy()
        else:
            self.columns = ((joint - centre) * self.scale).T.astype(np.float32, order="C")

    def neighborhoods(
        self,
        k: int,
        spaces: Sequence[tuple[int, ...]],
        rectangle: bool,
        closed: bool,
        jobs: int,
    ) -> tuple[Array, Array]:
        """Radius and counts."""
        n = len(self.joint)
        radius = np.empty(n)
        counts = np.empty((n, len(spaces)), dtype=np.int64)
        members = np.array([b for space in spaces for b in space], dtype=np.int64)
        ends = np.cumsum([0, *(len(space) for space in spaces)])
        _in_parts(
            jobs,
            n,
            _all_pairs,
            self.joint,
            self.columns,
            self.starts,
            self.error,
            self.scale,
            members,
            ends,
            k,
            rectangle,
            closed,
            radius,
            counts,
        )
        return radius, counts


@compiled
def _block_distances(
    columns: Array, low: int, high: int, first: int, query: Array, row: Array
) -> None:  # pragma: no cover - compiled
    """Maximum norm of differences over columns [low, high) to a stretch of points."""
    stop = first + row.shape[0]
    row[:] = 0.0
    last = high - 1
    for c in range(low, high, 5):  # a column too many costs less than a pass of its own
        c1, c2, c3, c4 = min(c + 1, last), min(c + 2, last), min(c + 3, last), min(c + 4, last)
        p0, p1, p2 = columns[c][first:stop], columns[c1][first:stop], columns[c2][first:stop]
        p3, p4 = columns[c3][first:stop], columns[c4][first:stop]
        v0, v1, v2, v3, v4 = query[c], query[c1], query[c2], query[c3], query[c4]
        for j in range(row.shape[0]):
            a, b = abs(p0[j] - v0), abs(p1[j] - v1)
            d, e = abs(p2[j] - v2), abs(p3[j] - v3)
            f = abs(p4[j] - v4)
            a = a if a > b else b
            d = d if d > e else e
            f = f if f > row[j] else row[j]
            a = a if a > d else d
            row[j] = a if a > f else f


@compiled
def _raise_to(row: Array, other: Array) -> None:  # pragma: no cover - compiled
    for j in range(row.shape[0]):
        row[j] = row[j] if row[j] > other[j] else other[j]


@compiled
def _how_many(row: Array, limit: float) -> int:  # pragma: no cover - compiled
    most = row.dtype.type(limit)
    total = np.int32(0)
    for j in range(row.shape[0]):
        total = np.int32(total + np.int32(row[j] <= most))  # sums of 64 bits fill more registers
    return int(total)


@compiled
def _how_many_twice(
    row: Array, low: float, high: float
) -> tuple[int, int]:  # pragma: no cover - compiled
    least, most = row.dtype.type(low), row.dtype.type(high)
    sure, maybe = np.int32(0), np.int32(0)
    for j in range(row.shape[0]):
        sure = np.int32(sure + np.int32(row[j] <= least))
        maybe = np.int32(maybe + np.int32(row[j] <= most))
    return int(sure), int(maybe)


@compiled
def _larger(row: Array, other: Array, into: Array) -> None:  # pragma: no cover - compiled
    for j in range(row.shape[0]):
        into[j] = row[j] if row[j] > other[j] else other[j]


@compiled
def _exact(joint: Array, i: int, j: int, low: int, high: int) -> float:  # pragma: no cover
    """Distance of two rows in some columns."""
    d = 0.0
    for c in range(low, high):
        d = max(d, abs(joint[j, c] - joint[i, c]))
    return d


@compiled
def _insert(best: Array, who: Array, d: float, j: int) -> None:  # pragma: no cover - compiled
    """Take a neighbour, by distance and then by row."""
    q = best.shape[0] - 1
    if d > best[q] or (d == best[q] and j > who[q]):
        return
    while q > 0 and (best[q - 1] > d or (best[q - 1] == d and who[q - 1] > j)):
        best[q] = best[q - 1]
        who[q] = who[q - 1]
        q -= 1
    best[q] = d
    who[q] = j


@compiled
def _gather(  # noqa: C901
    row: Array,
    first: int,
    own: int,
    slack: float,
    rough: Array,
    candidates: Array,
    values: Array,
    count: int,
) -> int:  # pragma: no cover - compiled
    """Add the rows of a stretch that may be neighbours; -1 where they are too many to keep."""
    last = rough.shape[0] - 1
    for begin in range(0, row.shape[0], RUN):
        part = row[begin : begin + RUN]
        left = _how_many(part, rough[last] + slack)
        if left == 0:
            continue
        start = part.dtype.type(rough[last] + slack)
        for j in range(part.shape[0]):
            d = part[j]
            who = first + begin + j
            if left == 0:
                break
            if not d <= start:
                continue
            left -= 1
            if who == own or not d <= rough[last] + slack:
                continue
            if d < rough[last]:
                q = last
                while q > 0 and rough[q - 1] > d:
                    rough[q] = rough[q - 1]
                    q -= 1
                rough[q] = d
            if count == candidates.shape[0]:
                kept = 0
                for c in range(count):
                    if values[c] <= rough[last] + slack:
                        candidates[kept], values[kept] = candidates[c], values[c]
                        kept += 1
                count = kept
                if 2 * count > candidates.shape[0]:
                    return -1
            candidates[count], values[count] = who, d
            count += 1
    return count


@compiled
def _count_row(
    row: Array,
    joint: Array,
    i: int,
    starts: Array,
    members: Array,
    limit: float,
    low: float,
    high: float,
) -> int:  # pragma: no cover - compiled
    """Rows not farther than a limit; those between low and high are compared exactly."""
    low_, high_ = row.dtype.type(low), row.dtype.type(high)
    total = 0
    for begin in range(0, row.shape[0], RUN):
        part = row[begin : begin + RUN]
        sure, maybe = _how_many_twice(part, low, high)
        total += sure
        if sure == maybe:
            continue
        left = maybe - sure
        for j in range(part.shape[0]):
            if low_ < part[j] <= high_:
                d = 0.0
                for b in members:
                    d = max(d, _exact(joint, i, begin + j, starts[b], starts[b + 1]))
                total += d <= limit
                left -= 1
                if left == 0:
                    break
    return total


@compiled
def _all_pairs(  # noqa: C901
    begin: int,
    end: int,
    joint: Array,
    columns: Array,
    starts: Array,
    error: Array,
    scale: float,
    members: Array,
    ends: Array,
    k: int,
    rectangle: bool,
    closed: bool,
    radius: Array,
    counts: Array,
) -> None:  # pragma: no cover - compiled
    """Radius and counts of rows [begin, end)."""
    n, d = joint.shape
    blocks = starts.shape[0] - 1
    rows = np.empty((TOGETHER, blocks, n), dtype=columns.dtype)
    stretch = np.empty(STRETCH, dtype=columns.dtype)
    whole = np.empty(n, dtype=columns.dtype)
    rough = np.empty((TOGETHER, k))
    candidates = np.empty((TOGETHER, CANDIDATES + 4 * k), dtype=np.int64)
    values = np.empty((TOGETHER, CANDIDATES + 4 * k))
    count = np.empty(TOGETHER, dtype=np.int64)
    query = np.empty((TOGETHER, d), dtype=columns.dtype)
    best = np.empty(k)
    who = np.empty(k, dtype=np.int64)
    slack = 2 * error.max()
    for group in range(begin, end, TOGETHER):
        size = min(TOGETHER, end - group)
        rough[:] = np.inf
        count[:] = 0
        for q in range(size):
            query[q] = columns[:, group + q]
        for first in range(0, n, STRETCH):
            stop = min(n, first + STRETCH)
            for q in range(size):
                near = rows[q, 0, first:stop]
                for b in range(blocks):
                    row = rows[q, b, first:stop]
                    _block_distances(columns, starts[b], starts[b + 1], first, query[q], row)
                    if b == 0:
                        near = row
                    elif b == 1:
                        near = stretch[: stop - first]
                        _larger(row, rows[q, 0, first:stop], near)
                    else:
                        _raise_to(near, row)
                if count[q] >= 0:
                    count[q] = _gather(
                        near, first, group + q, slack, rough[q], candidates[q], values[q], count[q]
                    )
        for q in range(size):
            i = group + q
            best[:] = np.inf
            who[:] = n
            if count[q] >= 0:
                for c in range(count[q]):
                    if values[q, c] <= rough[q, k - 1] + slack:
                        j = candidates[q, c]
                        _insert(best, who, _exact(joint, i, j, 0, d), j)
            else:
                for j in range(n):
                    if j != i:
                        _insert(best, who, _exact(joint, i, j, 0, d), j)
            radius[i] = best[k - 1]
            limit = radius[i]
            if not closed and not rectangle and limit > 0.0:
                limit = np.nextafter(limit, 0.0)
            for s in range(ends.shape[0] - 1):
                some = members[ends[s] : ends[s + 1]]
                row = rows[q, some[0]]
                slip = error[some[0]]
                if some.shape[0] > 1:
                    whole[:] = row
                    row = whole
                    for b in some[1:]:
                        _raise_to(row, rows[q, b])
                        slip = max(slip, error[b])
                if rectangle:
                    limit = 0.0
                    for j in who:
                        reach = _exact(joint, i, j, starts[some[0]], starts[some[0] + 1])
                        limit = max(limit, reach)
                low, high = limit * scale - slip, limit * scale + slip
                if slip == 0.0:
                    low = high = limit
                counts[i, s] = _count_row(row, joint, i, starts, some, limit, low, high) - 1
