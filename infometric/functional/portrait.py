r"""Portrait: what a sample of two vectors shows of their dependence, as a fixed list of numbers.

Columns are replaced by normal scores, :math:`\Phi^{-1}((r - 1/2) / n)` of their average ranks, so
that nothing in a portrait changes when a column is transformed by a strictly monotone map. Every
number is a mean over rows of quantities that know neither the order of the rows, nor that of the
columns, nor their signs. Most are estimates of the mutual information, in nats, each right for
another kind of law:

- correlations: of a normal law with the same ranks, under three degrees of shrinkage, and judged on
  rows that were left out; the largest canonical correlations;
- Hermite polynomials of the scores up to the third, for dependence that is not linear;
- tables of every pair of columns; waves of one column along another; products of two columns of a
  variable, for what no pair of columns shows;
- values that a column often has, and the other rows apart from them;
- distances of neighbours (Kraskov et al. 2004) at three sizes, among the scores, the whitened
  scores, and the leading canonical coordinates of scores and of their polynomials.

References
----------
Kraskov, A., Stögbauer, H., Grassberger, P. (2004). Estimating mutual information. Physical Review E
69, 066138. doi:10.1103/PhysRevE.69.066138
Schäfer, J., Strimmer, K. (2005). A shrinkage approach to large-scale covariance matrix estimation.
Statistical Applications in Genetics and Molecular Biology 4(1), 32. doi:10.2202/1544-6115.1175
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import combinations
from typing import Any

import numpy as np
from scipy.special import digamma, erf, ndtr, ndtri

from infometric.state.arrays import digits, double, is_tensor, like, namespace, traced

NEIGHBOURS = (1, 3, 10)
REFERENCE = 3
CHUNK = 60_000  # distances held at a time: they stay in the cache
FEWEST = 64  # rows looked at together all the same
QUERIES = 512  # rows whose neighbours are looked for: evenly spread over the norms
SHRINKAGE = (0.02, 0.3)  # fixed degrees, beside the one that the data choose
LEADING = 3  # canonical coordinates
ROUNDING = 1e-7  # relative, of squared distances: no difference; or sixteen last digits
DIRECT = 2  # columns up to which distances are differences, not products
LEVELS = (9, 7, 5, 3)  # of the tables of pairs: the most that leave five rows a cell
EDGE = 1e6  # over which a score passes from one level to the next
METRICS = ("scores", "white", "canonical", "polynomial")
FLAT = 1e-9  # variance below which a derivative would be that of rounding
NOTHING = 1e-6  # variance of a function of scores below which it is constant up to rounding
COINCIDENT = 1e-14  # squared distance, likewise
GAP = 1e-6  # of squared canonical correlations, whose directions cannot be told apart
UNKNOWN = 1e-9  # squared canonical correlation whose directions are those of rounding
CLEAR = 3.0  # standard deviations above chance from which a pair of columns counts
TURNS = 16  # of the fastest wave
FAST = 4  # turns from which a wave is one that tables do not see
WIDE = 8  # columns of which there are fast waves and products of all functions
NARROW = 5  # columns of which there are products of three
LAST = 1e-5  # of scores that are one value
ATOM = 0.15  # share of the rows from which a value is one that a column often has

Features = dict[str, Any]


# --- what numpy and torch spell differently ------------------------------------------------------


def _digamma(x: Any) -> Any:
    return namespace(x).digamma(x) if is_tensor(x) else digamma(x)


def _smallest(x: Any, k: int) -> Any:
    """The k smallest along the last axis, ascending."""
    if is_tensor(x):
        return namespace(x).topk(x, k, dim=-1, largest=False, sorted=True).values
    return np.sort(np.partition(x, k - 1, axis=-1)[..., :k], axis=-1)


def _order(x: Any) -> Any:
    return namespace(x).argsort(x, dim=-1) if is_tensor(x) else np.argsort(x, axis=-1)


def _sorted(x: Any) -> Any:
    return namespace(x).sort(x, dim=-1).values if is_tensor(x) else np.sort(x, axis=-1)


def _descending(x: Any) -> Any:
    return -_sorted(-x)


def _rows(x: Any, index: Any) -> Any:
    """Rows of each task: x (batch, n, d) at index (batch, q)."""
    xp = namespace(x)
    if is_tensor(x):
        return xp.gather(x, 1, index[..., None].expand(-1, -1, x.shape[-1]))
    return np.take_along_axis(x, index[..., None], axis=1)


def _solve_lower(factor: Any, x: Any) -> Any:
    """Rows of x in coordinates in which the matrix of a factor is the identity."""
    xp = namespace(x)
    turned = _of_float(x, factor).swapaxes(-1, -2)
    if is_tensor(x):
        found = xp.linalg.solve_triangular(factor, turned, upper=False)
    else:
        found = np.linalg.solve(factor, turned)
    return _of_float(found.swapaxes(-1, -2), x)


def _contiguous(x: Any) -> Any:
    return x.contiguous() if is_tensor(x) else np.ascontiguousarray(x)


def _largest(x: Any, axis: int = -1) -> Any:
    return namespace(x).amax(x, axis)


def _of_float(x: Any, other: Any) -> Any:
    return x.to(other.dtype) if is_tensor(x) else x.astype(other.dtype)


def _root(x: Any) -> Any:
    """Square root, with no derivative at zero."""
    xp = namespace(x)
    if not traced(x):
        return xp.sqrt(x)
    return xp.where(x > 0, xp.sqrt(xp.where(x > 0, x, 1.0)), 0.0)


def _scaled(x: Any, square: Any, least: float) -> Any:
    """Columns over the root of a square, which has lost its axis of rows; flat ones are fixed."""
    xp = namespace(x)
    square = square[..., None, :]
    if traced(x):
        flat = square.detach() < FLAT
        x, square = (xp.where(flat, v.detach(), v) for v in (x, square))
    return x / (_root(square) + least)


def _standard(centred: Any) -> Any:
    """Columns of mean zero with mean square one; zeros where there is nothing but rounding."""
    square = (centred * centred).mean(-2)
    alive = (square > NOTHING)[..., None, :]
    return _scaled(namespace(centred).where(alive, centred, centred * 0.0), square, 1e-12)


# --- ranks ---------------------------------------------------------------------------------------


def normal_scores(x: Any) -> Any:
    """Normal scores of the average ranks of every column.

    Parameters
    ----------
    x : array of shape (..., n_rows, n_columns)
        Numpy or torch.

    Returns
    -------
    array of the same shape
        Of a tensor that asks for gradients, the derivative of a score is the slope of the line
        between the values so many ranks below and above, half of the root of the number of rows:
        ranks alone have none, and next neighbours would make it noise.

    Examples
    --------
    >>> normal_scores(np.array([[1.0], [10.0], [100.0]])).round(3).ravel().tolist()
    [-0.967, 0.0, 0.967]
    """
    columns = x.swapaxes(-1, -2)
    plain = columns.detach() if is_tensor(x) else columns
    ordered = _sorted(plain)
    n = x.shape[-2]
    twice = _position(ordered, plain, "left") + _position(ordered, plain, "right")  # 2 r - 1
    low = namespace(x).minimum(twice, 2 * n - twice)  # both tails by one formula: exact mirror
    if is_tensor(x):
        xp = namespace(x)
        tail = xp.special.ndtri(low.to(x.dtype) / (2 * n))
        scores = xp.where(twice <= n, tail, -tail)
        scores = _with_slope(scores, columns, ordered) if traced(x) else scores
    else:
        tail = ndtri(low / (2 * n))
        scores = np.where(twice <= n, tail, -tail).astype(x.dtype, copy=False)
    return scores.swapaxes(-1, -2)


def _position(ordered: Any, values: Any, side: str) -> Any:
    if is_tensor(values):
        return namespace(values).searchsorted(ordered.contiguous(), values.contiguous(), side=side)
    flat = [
        np.searchsorted(o, v, side=side)  # type: ignore[call-overload]
        for o, v in zip(
            ordered.reshape(-1, ordered.shape[-1]),
            values.reshape(-1, values.shape[-1]),
            strict=True,
        )
    ]
    return np.array(flat).reshape(values.shape)


def _with_slope(scores: Any, values: Any, ordered: Any) -> Any:
    """Scores whose derivative is the slope between values some ranks below and above."""
    xp = namespace(values)
    n = values.shape[-1]
    at = xp.searchsorted(ordered.contiguous(), values.detach().contiguous())
    level = _sorted(scores)
    reach = max(1, round(n**0.5 / 2))
    below, above = (at - reach).clamp(min=0), (at + reach).clamp(max=n - 1)
    rise = level.gather(-1, above) - level.gather(-1, below)
    run = ordered.gather(-1, above) - ordered.gather(-1, below)
    slope = xp.where(run > 0, rise / run.clamp(min=xp.finfo(run.dtype).tiny), 0.0)
    return scores + slope * (values - values.detach())


# --- the portrait --------------------------------------------------------------------------------


def portrait(x: Any, y: Any, queries: int = QUERIES) -> Any:
    """Numbers that tell of the dependence of x and y.

    Parameters
    ----------
    x, y : array of shape (n_tasks, n_rows, n_columns)
        Normal scores, of numpy or torch; ten rows or more.
    queries : int
        Rows whose neighbours are looked for, evenly spread over the norms, where there are more.

    Returns
    -------
    array of shape (n_tasks, n_features)
        In the order of `names`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> z = normal_scores(rng.normal(size=(1, 200, 3)))
    >>> found = portrait(z[..., :1], z[..., 1:])
    >>> found.shape[-1] == len(names()), bool(np.isfinite(found).all())
    (True, True)
    """
    found = features(x, y, queries)
    return namespace(x).stack([_of_float(value, x) for value in found.values()], -1)


@cache
def names() -> tuple[str, ...]:
    """Names of the features; ``:x`` and ``:y`` mark those of one variable."""
    z = normal_scores(np.random.default_rng(0).normal(size=(1, 16, 2)))
    return tuple(features(z[..., :1], z[..., 1:]))


@cache
def exchange() -> tuple[int, ...]:
    """Places of the features after x and y have changed places."""
    found = names()
    other = {"x": "y", "y": "x"}

    def swapped(name: str) -> str:
        stem, mark, end = name.rpartition(":")
        return stem + mark + other.get(end, end)

    return tuple(found.index(swapped(name)) for name in found)


def features(x: Any, y: Any, queries: int = QUERIES) -> Features:
    """The portrait by name; see `portrait`."""
    n, dx, dy = x.shape[-2], x.shape[-1], y.shape[-1]
    out: Features = {}
    full = x[..., 0, 0] * 0.0
    for name, value in (
        ("log n", np.log(n)),
        ("log columns:x", np.log(dx)),
        ("log columns:y", np.log(dy)),
        ("columns per row", (dx + dy) / n),
        ("log columns per row", np.log((dx + dy) / n)),
    ):
        out[name] = full + float(value)
    out["ties:x"], out["ties:y"] = _tied(x), _tied(y)
    normal = _normal(x, y, out)
    normal["polynomial"] = _polynomials(x, y, out)
    _tables(x, y, out)
    _waves_and_products(x, y, out)
    _atoms(x, y, out)
    _neighbours(x, y, normal, queries, out)
    return out


def _tied(x: Any) -> Any:
    """Share of the values that have an equal in their column, mean over columns."""
    ordered = _sorted((x.detach() if is_tensor(x) else x).swapaxes(-1, -2))
    same = _of_float(ordered[..., 1:] == ordered[..., :-1], x)
    return same.mean(-1).mean(-1)


# --- correlations --------------------------------------------------------------------------------


def _correlation(z: Any) -> tuple[Any, Any]:
    """Correlations of the columns in double precision, and the shrinkage that the data choose."""
    z = double(z)
    n, d = z.shape[-2:]
    z = _scaled(z, (z * z).mean(-2), 1e-12)
    zt = z.swapaxes(-1, -2)
    r = zt @ z / n
    square = z * z
    spread = (square.swapaxes(-1, -2) @ square / n - r * r) / (n - 1)
    off = 1.0 - like(np.eye(d), z)
    total = (r * r * off).sum((-1, -2))
    share = (spread * off).sum((-1, -2)) / (total + 1e-9)
    return r, share.clip(0.0, 1.0)


def _shrunk(r: Any, share: Any) -> Any:
    eye = like(np.eye(r.shape[-1]), r)
    share = share[..., None, None] if hasattr(share, "shape") else share
    return (1.0 - share) * r + (share + 1e-5) * eye


def _log_det(factor: Any) -> Any:
    xp = namespace(factor)
    return 2.0 * xp.log(xp.diagonal(factor, 0, -2, -1)).sum(-1)


def _factors(r: Any, dx: int) -> tuple[Any, Any, Any]:
    cholesky = namespace(r).linalg.cholesky
    return cholesky(r[..., :dx, :dx]), cholesky(r[..., dx:, dx:]), cholesky(r)


def _information(factors: tuple[Any, Any, Any]) -> Any:
    of_x, of_y, of_both = (_log_det(f) for f in factors)
    return 0.5 * (of_x + of_y - of_both)


def _wishart_bias(n: int, dx: int, dy: int) -> float | None:
    """Bias of the information of a normal law, with correlations estimated from n rows."""
    if n <= dx + dy + 2:
        return None

    def psi(d: int) -> float:
        return float(digamma((n - np.arange(1, d + 1)) / 2).sum())

    return 0.5 * (psi(dx) + psi(dy) - psi(dx + dy))


def _eigh(a: Any) -> tuple[Any, Any]:
    """Eigenvalues and vectors; vectors whose values are equal have no derivative, not an infinite.

    The derivative is that of first-order perturbation, with gaps kept from zero.
    """
    xp = namespace(a)
    if not traced(a):
        found: tuple[Any, Any] = xp.linalg.eigh(a)
        return found
    values, vectors = xp.linalg.eigh(a.detach())
    moved = vectors.swapaxes(-1, -2) @ (a - a.detach()) @ vectors  # zero, but for its derivative
    gap = values[..., None, :] - values[..., :, None]
    turn = gap / (gap * gap + GAP**2) * moved
    return values + xp.diagonal(moved, 0, -2, -1), vectors + vectors @ turn


def _canonical(factors: tuple[Any, Any, Any], cross: Any, lead: int) -> tuple[Any, Any, Any]:
    """Squared canonical correlations, descending, and the leading directions of whitened rows."""
    xp = namespace(cross)
    half = _solve_lower(factors[0], cross.swapaxes(-1, -2)).swapaxes(-1, -2)
    white = _solve_lower(factors[1], half)
    values, left = _eigh(white @ white.swapaxes(-1, -2))
    u = xp.flip(left, (-1,))[..., :lead]
    v = white.swapaxes(-1, -2) @ u
    v = _scaled(v, (v * v).sum(-2), 1e-9)
    return xp.flip(values, (-1,)).clip(0.0, 0.99999), u, v


def _turned(factor: Any, x: Any, directions: Any) -> Any:
    """Whitened rows along directions."""
    return _solve_lower(factor, x) @ _of_float(directions, x)


def _pointwise(x: Any, y: Any, factors: tuple[Any, Any, Any]) -> tuple[Any, Any, Any, Any]:
    """Pointwise information of a normal law, the whitened rows, and the norms of both together."""
    xp = namespace(x)
    wx, wy = _solve_lower(factors[0], x), _solve_lower(factors[1], y)
    both = _solve_lower(factors[2], xp.concatenate([x, y], -1))
    norm = (both * both).sum(-1)
    local = (wx * wx).sum(-1) + (wy * wy).sum(-1) - norm
    return _information(factors)[..., None] + 0.5 * local, wx, wy, norm


def _ordered(z: Any, norm: Any) -> Any:
    """Rows in an order that the data give: by norm, and opposite rows by the lean of all."""
    z, norm = (v.detach() if is_tensor(v) else v for v in (z, norm))
    lean = (z * norm[..., None]).mean(-2)[..., None]  # turns its sign with its column
    return _order(norm + (z @ lean)[..., 0])


def _normal(x: Any, y: Any, out: Features) -> dict[str, Any]:
    """Features of the correlations; returns the coordinates that neighbours are looked for in."""
    xp = namespace(x)
    n, dx, dy = x.shape[-2], x.shape[-1], y.shape[-1]
    z = xp.concatenate([x, y], -1)
    r, share = _correlation(z)
    out["shrinkage"] = share
    chosen = _factors(_shrunk(r, share), dx)
    out["normal"] = _information(chosen)
    for fixed in SHRINKAGE:
        out[f"normal, shrunk {fixed}"] = _information(_factors(_shrunk(r, fixed), dx))
    bias = _wishart_bias(n, dx, dy)
    plain = _information(_factors(_shrunk(r, 0.0), dx)) if bias is not None else out["normal"]
    out["normal, corrected"] = plain - (bias or 0.0)
    cross = r[..., :dx, dx:]
    within = {"x": r[..., :dx, :dx], "y": r[..., dx:, dx:]}
    square = cross * cross
    out["squared correlation"] = square.mean((-1, -2))
    out["squared correlation, largest"] = _largest(_largest(square))
    out["squared correlations beyond chance"] = square.sum((-1, -2)) - dx * dy / (n - 1)
    pairs = -0.5 * xp.log(1.0 - square.clip(0.0, 0.99999))
    _matched(pairs, 0.5 * CLEAR**2 / n, out, "pairs")
    for name, block in within.items():
        d = block.shape[-1]
        power = (block * block).sum((-1, -2)) / d
        out[f"correlation within:{name}"] = (power - 1.0) / max(d - 1, 1)
        out[f"effective columns:{name}"] = xp.log(d / (power + 1e-6))
    for name, factor in zip("xy", chosen, strict=False):
        out[f"total correlation:{name}"] = -0.5 * _log_det(factor)
    kept = min(dx, dy)
    canonical, u, v = _canonical(chosen, cross, min(kept, LEADING))
    for i in range(5):
        out[f"canonical {i + 1}"] = canonical[..., i] if i < kept else canonical[..., 0] * 0.0
    strong = canonical[..., :kept]
    out["canonical, sum"] = strong.sum(-1)
    out["canonical, effective"] = strong.sum(-1) ** 2 / ((strong * strong).sum(-1) + 1e-9)
    out["canonical, evenly"] = -0.5 * kept * xp.log(1.0 - strong.mean(-1))
    local, wx, wy, norm = _pointwise(x, y, chosen)
    out["pointwise, spread"] = _spread(local)
    _radial(wx, wy, out)
    out["normal, left out"] = _left_out(z, r, share, dx)
    return {
        "scores": (x, y),
        "white": (wx, wy),
        "canonical": (wx @ _of_float(u, x), wy @ _of_float(v, x)),
        "local": local,
        "order": _ordered(z, norm),
    }


def _radial(wx: Any, wy: Any, out: Features) -> None:
    """Norms of the whitened rows: heavy tails, and scales that the two share."""
    xp = namespace(wx)
    logs = {}
    for name, w in (("x", wx), ("y", wy)):
        d = w.shape[-1]
        square = (w * w).sum(-1) / d
        logs[name] = xp.log(square + 1e-3)
        out[f"log norm:{name}"] = logs[name].mean(-1)
        out[f"kurtosis:{name}"] = (square * square).mean(-1) * d / (d + 2)
    a, b = (v - v.mean(-1)[..., None] for v in logs.values())
    va, vb = (a * a).mean(-1), (b * b).mean(-1)
    out["log norm, spread:x"], out["log norm, spread:y"] = _root(va), _root(vb)
    out["log norms, correlation"] = (a * b).mean(-1) / xp.sqrt(va * vb + 1e-9)


def _left_out(z: Any, r: Any, share: Any, dx: int) -> Any:
    """Mean pointwise information of rows under a normal law fitted to all the others.

    Without row i, the shrunk matrix A loses c z_i z_i'; by Sherman and Morrison its inverse and
    its determinant follow from h_i = z_i' A^{-1} z_i alone.
    """
    xp = namespace(z)
    n = z.shape[-2]
    share = (share + 0.01).clip(0.0, 1.0)[..., None]
    c = (1.0 - share) / (n - 1)
    grown = 1.0 + 1.0 / (n - 1)
    total: Any = 0.0
    for part, sign in ((slice(dx), 0.5), (slice(dx, None), 0.5), (slice(None), -0.5)):
        block = r[..., part, part]
        eye = like(np.eye(block.shape[-1]), r)
        a = (1.0 - share[..., None]) * grown * block + share[..., None] * eye
        factor = xp.linalg.cholesky(a)
        w = _solve_lower(factor, z[..., part])
        h = (w * w).sum(-1)
        left = (1.0 - c * h).clip(1e-3)
        total = total + sign * (_log_det(factor)[..., None] + xp.log(left) + h / left)
    return total.mean(-1)


# --- polynomials and tables ----------------------------------------------------------------------


def _polynomials(x: Any, y: Any, out: Features) -> tuple[Any, Any]:
    """Hermite polynomials up to the third of every column; returns their leading coordinates."""
    xp = namespace(x)
    n, dx, dy = x.shape[-2], x.shape[-1], y.shape[-1]

    def expanded(z: Any) -> Any:
        found = xp.concatenate([z, z * z - 1.0, z * z * z - 3.0 * z], -1)
        return _standard(found - found.mean(-2)[..., None, :])

    ex, ey = expanded(x), expanded(y)
    r, share = _correlation(xp.concatenate([ex, ey], -1))
    factors = _factors(_shrunk(r, (share + 0.01).clip(0.0, 1.0)), 3 * dx)
    out["polynomials, shrinkage"] = share
    out["polynomials"] = _information(factors)
    cross = r[..., : 3 * dx, 3 * dx :]
    # not all directions of a pair of columns: the last is often nothing but rounding
    lead = min(3 * min(dx, dy) - 1, LEADING)
    canonical, u, v = _canonical(factors, cross, lead)
    known = (canonical[..., :lead] > UNKNOWN)[..., None, :]
    u, v = (xp.where(known, directions, directions * 0.0) for directions in (u, v))
    for i in range(3):
        out[f"polynomials, canonical {i + 1}"] = canonical[..., i]
    square = cross * cross - 1.0 / (n - 1)
    pairs = square.reshape(*square.shape[:-2], 3, dx, 3, dy).sum((-4, -2))
    out["polynomials, pairs"] = pairs.sum((-1, -2))
    out["polynomials, largest"] = _largest(_largest(pairs))
    out["polynomials, columns:x"] = _largest(pairs).sum(-1)
    out["polynomials, columns:y"] = _largest(pairs, -2).sum(-1)
    out["squares"] = square[..., dx : 2 * dx, dy : 2 * dy].sum((-1, -2))
    return _turned(factors[0], ex, u), _turned(factors[1], ey, v)


def _matched(pairs: Any, chance: float, out: Features, stem: str) -> None:
    """Information of pairs of columns beyond chance: of all, of the best for each column."""
    clear = (pairs - chance).clip(0.0)
    clear = clear + chance * _of_float(clear > 0, pairs)
    out[f"{stem}, sum"] = clear.sum((-1, -2))
    out[f"{stem}, largest"] = _largest(_largest(pairs))
    out[f"{stem}, matched:x"] = _largest(clear).sum(-1)
    out[f"{stem}, matched:y"] = _largest(clear, -2).sum(-1)


def _tables(x: Any, y: Any, out: Features) -> None:
    """Information of the tables of every pair of columns, less its mean under independence."""
    xp = namespace(x)
    n, dx, dy = x.shape[-2], x.shape[-1], y.shape[-1]
    levels = next((k for k in LEVELS if n >= 5 * k * k), LEVELS[-1])
    edges = like(ndtri(np.arange(1, levels) / levels), x)

    def indicators(z: Any) -> Any:
        z = z.detach() if is_tensor(z) else z
        # a score on an edge (of ties) lies half on either side, so that a mirror changes nothing
        above = ((z[..., None] - edges) * EDGE + 0.5).clip(0.0, 1.0)
        none = above[..., :1] * 0.0
        found = xp.concatenate([none + 1.0, above], -1) - xp.concatenate([above, none], -1)
        return found.reshape(*z.shape[:-1], z.shape[-1] * levels)

    hx, hy = indicators(x), indicators(y)
    joint = (hx.swapaxes(-1, -2) @ hy / n).reshape(*x.shape[:-2], dx, levels, dy, levels)

    def entropy(p: Any, axes: tuple[int, ...]) -> Any:
        return -(p * xp.log(p + 1e-12)).sum(axes)

    px, py = hx.mean(-2), hy.mean(-2)
    px = px.reshape(*px.shape[:-1], dx, levels)
    py = py.reshape(*py.shape[:-1], dy, levels)
    cells = _of_float(px > 0, px).sum(-1), _of_float(py > 0, py).sum(-1)
    bias = (cells[0][..., :, None] - 1.0) * (cells[1][..., None, :] - 1.0) / (2.0 * n)
    pairs = entropy(px, (-1,))[..., :, None] + entropy(py, (-1,))[..., None, :]
    pairs = pairs - entropy(joint, (-3, -1)) - bias
    out["tables"] = pairs.mean((-1, -2))
    _matched(pairs, CLEAR * (0.5**0.5) * (levels - 1) / n, out, "tables")


# --- waves and products --------------------------------------------------------------------------


def _turning(z: Any, turns: int) -> Any:
    """Sines and cosines of the whole turns of the ranks of columns, (..., d, 2 turns, n)."""
    xp = namespace(z)
    angle = np.pi * (xp.special.erf(z * 0.5**0.5) if is_tensor(z) else erf(z * 0.5**0.5))
    sine, cosine = xp.sin(angle), xp.cos(angle)
    s, c = sine, cosine
    waves = [s, c]
    for _ in range(turns - 1):
        s, c = s * cosine + c * sine, c * cosine - s * sine
        waves += [s, c]
    return xp.stack(waves, -2)


def _waves_and_products(x: Any, y: Any, out: Features) -> None:
    """How far waves along a column, and products of two, foretell functions of another column.

    Of each column of one variable five functions are foretold: the score, and waves of one turn and
    of two. What foretells them are waves of up to 16 turns along a column of the other variable,
    and products of the functions of two of its columns. Of many columns, waves are slower and
    products those of the scores.
    """
    xp = namespace(x)
    waves, plain = {}, {}
    for name, v in (("x", x), ("y", y)):
        z = _contiguous(v.swapaxes(-1, -2))
        waves[name] = _turning(z, TURNS if z.shape[-2] <= WIDE else FAST)
        plain[name] = xp.concatenate([z[..., None, :], waves[name][..., :4, :]], -2)
    for name, other in ("xy", "yx"):
        told = plain[other] - plain[other].mean(-1)[..., None]
        flat = _standard(told.reshape(*told.shape[:-3], -1, told.shape[-1]).swapaxes(-1, -2))
        _waves(waves[name], flat, told.shape[-3], name, out)
        few = plain[name] if plain[name].shape[-3] <= WIDE else plain[name][..., :1, :]
        _products(few, flat, told.shape[-3], name, out)


def _foretold(z: Any, told: Any, columns: int) -> Any:
    """Squared correlations of rows z with functions of columns, which are standard."""
    n = z.shape[-1]
    cross, mean = z @ told / n, z.mean(-1)
    variance = (z * z).mean(-1) - mean * mean
    found = cross * cross / variance.clip(1e-6)[..., None]
    return found.reshape(*found.shape[:-1], columns, -1).clip(0.0, 1.0)


def _in_nats(share: Any) -> Any:
    return -0.5 * namespace(share).log(1.0 - share.clip(0.0, 0.99))


def _waves(z: Any, told: Any, columns: int, name: str, out: Features) -> None:
    d, count, n = z.shape[-3], z.shape[-2] // 2, z.shape[-1]
    square = _foretold(z.reshape(*z.shape[:-3], -1, n), told, columns).sum(-1)
    square = square.reshape(*z.shape[:-3], d, count, 2, columns).sum(-2)
    chance = 10.0 / n  # ten squared correlations; two of them leave room for their spread
    found = _in_nats(square - chance)
    clear = (found - chance).clip(0.0)  # (..., d, turns, columns)
    out[f"waves, largest:{name}"] = _largest(_largest(_largest(found)))
    out[f"waves, fast:{name}"] = _largest(_largest(_largest(found[..., FAST - 1 :, :])))
    out[f"waves, matched:{name}"] = _largest(_largest(clear, -2), -2).sum(-1)
    weight = clear.sum((-3, -1)) ** 4  # the best, without its overtones
    turns = like(np.log(np.arange(1.0, count + 1)), weight)
    out[f"waves, turns:{name}"] = (weight * turns).sum(-1) / (weight.sum(-1) + 1e-9)


def _products(z: Any, told: Any, columns: int, name: str, out: Features) -> None:
    d, functions, n = z.shape[-3:]
    none = z[..., 0, 0, 0] * 0.0
    for part in ("largest", "matched", "pair", "sum", "three", "three, matched"):
        out[f"products, {part}:{name}"] = none
    if d == 1:
        return
    first, second = np.triu_indices(d, 1)
    product = z[..., first, :, None, :] * z[..., second, None, :, :]
    square = _foretold(product.reshape(*z.shape[:-3], -1, n), told, columns)
    best, clear = _best(square, n)
    out[f"products, largest:{name}"], out[f"products, matched:{name}"] = best, clear
    square = square.reshape(*z.shape[:-3], len(first), functions**2, columns, 5)
    whole = square.sum((-1, -3)) - 5 * functions**2 / n  # (..., pairs, columns)
    out[f"products, pair:{name}"] = _in_nats(_largest(_largest(whole)))
    out[f"products, sum:{name}"] = whole.sum((-1, -2))
    if 3 <= d <= NARROW:
        i, j, k = np.array([*combinations(range(d), 3)]).T
        z = z[..., :3, :]  # the score, and a wave of one turn
        pair = z[..., i, :, None, :] * z[..., j, None, :, :]
        product = pair[..., None, :] * z[..., k, None, None, :, :]
        square = _foretold(product.reshape(*z.shape[:-3], -1, n), told, columns)
        best, clear = _best(square, n)
        out[f"products, three:{name}"], out[f"products, three, matched:{name}"] = best, clear


def _best(square: Any, n: int) -> tuple[Any, Any]:
    """Largest squared correlation in nats; and of every column foretold, beyond chance, summed."""
    count = square.shape[-3] * square.shape[-1]
    best = _in_nats(_largest(_largest(square), -2))  # (..., columns)
    return _largest(best), (best - np.log(count) / n).clip(0.0).sum(-1)


# --- atoms ---------------------------------------------------------------------------------------


def _at_atoms(x: Any) -> Any:
    """Where columns have the value that they have most often, and often: 1, else 0."""
    columns = _contiguous((x.detach() if is_tensor(x) else x).swapaxes(-1, -2))
    ordered = _sorted(columns)
    equal = _position(ordered, columns, "right") - _position(ordered, columns, "left")
    most = _largest(equal)[..., None]
    often = (equal == most) & (most > max(ATOM * x.shape[-2], 1.5))
    return _of_float(often, x).swapaxes(-1, -2)


def _atoms(x: Any, y: Any, out: Features) -> None:
    """What values that come often tell, and what the rows without them tell beside.

    Where X and Y are independent but for rows without them, their information is that of the
    indicators and, weighed by its share, that of the other rows.
    """
    xp = namespace(x)
    n, dx = x.shape[-2], x.shape[-1]
    ties = out["ties:x"] + out["ties:y"]
    found: Features = {}
    if bool((ties > 0).any()):
        a, b = _at_atoms(x), _at_atoms(y)
        found["atoms, share:x"], found["atoms, share:y"] = a.mean((-1, -2)), b.mean((-1, -2))
        tables = _of_two_by_two(a.swapaxes(-1, -2) @ b / n, a.mean(-2), b.mean(-2))
        _matched(tables - 0.5 / n, CLEAR / n, found, "atoms, tables")
        x, y = _without(x, a), _without(y, b)
        _matched(_of_living(x, y, 1.0 - a, 1.0 - b), 0.5 * CLEAR**2 / n, found, "atoms, others")
        gone_x, gone_y = (_of_float(v.sum(-1) == v.shape[-1], x) for v in (a, b))
        both = (gone_x * gone_y).mean(-1)[..., None, None]
        table = _of_two_by_two(both, gone_x.mean(-1)[..., None], gone_y.mean(-1)[..., None])
        found["atoms, rows"] = table[..., 0, 0]
        living = (1.0 - gone_x) * (1.0 - gone_y)
        found["atoms, rows, share"] = living.mean(-1)
        z = xp.concatenate([x, y], -1)
        found["atoms, rows, others"] = _of_float(_normal_of_rows(z, living, dx), x)
        found["atoms, information"] = found["atoms, rows"] + found["atoms, rows, others"]
    for key in ATOMS:
        # of tasks without ties nothing, whatever other tasks there are
        out[key] = xp.where(ties > 0, _of_float(found[key], x), ties * 0.0) if found else ties * 0.0


_MATCHED = ("sum", "largest", "matched:x", "matched:y")
ATOMS = (
    *("atoms, share:x", "atoms, share:y"),
    *(f"atoms, tables, {part}" for part in _MATCHED),
    *(f"atoms, others, {part}" for part in _MATCHED),
    *("atoms, rows", "atoms, rows, share", "atoms, rows, others", "atoms, information"),
)


def _without(x: Any, atoms: Any) -> Any:
    """Scores that the values of each column have among themselves, without its atom."""
    xp = namespace(x)
    n, share = x.shape[-2], atoms.mean(-2)[..., None, :]
    place = (atoms * x).sum(-2)[..., None, :] / (share * n).clip(1.0)
    beside = x - place
    half = _of_float(beside > -LAST, x) + _of_float(beside > LAST, x)
    over = 0.5 * half * share  # half of an atom is above itself, so that a mirror changes nothing
    level = ((xp.special.ndtr(x) if is_tensor(x) else ndtr(x)) - over) / (1.0 - share).clip(1.0 / n)
    level = level.clip(0.5 / n, 1.0 - 0.5 / n)
    return xp.special.ndtri(level) if is_tensor(x) else ndtri(level)


def _of_two_by_two(both: Any, px: Any, py: Any) -> Any:
    """Information of indicators, from the share of rows with both, (..., dx, dy), and with each."""
    xp = namespace(both)
    px, py = px[..., :, None], py[..., None, :]
    total: Any = 0.0
    for joint, one, other in (
        (both, px, py),
        (px - both, px, 1.0 - py),
        (py - both, 1.0 - px, py),
        (1.0 - px - py + both, 1.0 - px, 1.0 - py),
    ):
        product = (one * other).clip(1e-9)
        total = total + joint.clip(0.0) * xp.log(joint.clip(1e-9) / product)
    return total


def _of_living(x: Any, y: Any, a: Any, b: Any) -> Any:
    """Normal information of pairs of columns in the rows where both live, times their share."""
    xp = namespace(x)
    n = x.shape[-2]
    at, xt = a.swapaxes(-1, -2), (a * x).swapaxes(-1, -2)
    share = at @ b / n
    rows = share.clip(1.0 / n)
    mx, my = xt @ b / n / rows, at @ (b * y) / n / rows
    vx = (a * x * x).swapaxes(-1, -2) @ b / n / rows - mx * mx
    vy = at @ (b * y * y) / n / rows - my * my
    cross = xt @ (b * y) / n / rows - mx * my
    square = (cross * cross / (vx.clip(1e-3) * vy.clip(1e-3))).clip(0.0, 0.9999)
    few = _of_float(share * n > 5.0, x)
    return -0.5 * few * share * xp.log(1.0 - square)


def _normal_of_rows(z: Any, living: Any, dx: int) -> Any:
    """Normal information of the rows that live, by a shrunk covariance, times their share."""
    z, living = double(z), double(living)
    n, d = z.shape[-2:]
    count = living.sum(-1)[..., None].clip(1.0)
    centred = (z - ((living[..., None] * z).sum(-2) / count)[..., None, :]) * living[..., None]
    z = _scaled(centred, (centred * centred).sum(-2) / count, 1e-6)
    r = z.swapaxes(-1, -2) @ z / count[..., None]
    share = d / (count[..., 0] + d)
    eye = like(np.eye(d), r)
    r = r * (1.0 - eye) + eye  # a column with one value alone is none
    return _information(_factors(_shrunk(r, share), dx)) * count[..., 0] / n


# --- neighbours ----------------------------------------------------------------------------------


def _distances(a: Any, b: Any) -> Any:
    """Squared distances of the rows of a (batch, q, d) to those of b (batch, n, d)."""
    xp = namespace(a)
    if a.shape[-1] <= DIRECT:
        total: Any = None
        for j in range(a.shape[-1]):
            step = _contiguous(a[..., j])[..., :, None] - _contiguous(b[..., j])[..., None, :]
            if traced(step):
                total = step * step if total is None else total + step * step
                continue
            step *= step
            total = step if total is None else xp.add(total, step, out=total)
        return total
    both = (a * a).sum(-1)[..., :, None] + (b * b).sum(-1)[..., None, :]
    least = 32 * digits(a)  # of the norms: what rounding leaves of nothing
    if is_tensor(a):
        square = both - 2.0 * (a @ b.swapaxes(-1, -2))
        return xp.where(square < least * both, square * 0.0, square)
    square = a @ b.swapaxes(-1, -2)  # the same in place: most of the time is that of memory
    square *= -2.0
    square += both
    both *= least
    np.copyto(square, 0.0, where=square < both)
    return square


def _neighbours(x: Any, y: Any, normal: dict[str, Any], queries: int, out: Features) -> None:
    n, dx, dy = x.shape[-2], x.shape[-1], y.shape[-1]
    asked = min(n, queries)
    at = np.unique(np.linspace(0, n - 1, asked).round().astype(int))
    index = normal["order"][..., at]
    tied = out["ties:x"] + out["ties:y"] > 0
    local: Any = None
    for metric in METRICS:
        if _same(metric, dx, dy):  # as the metric before, up to a rotation or a scale
            before = METRICS[METRICS.index(metric) - 1]
            out |= {
                k.replace(before, metric): v for k, v in out.items() if k.startswith(f"{before},")
            }
        else:
            a, b = normal[metric]
            local = _of_metric(metric, a, b, index, tied, out)
        if metric == "white":
            normal_law = _picked(normal["local"], index)
            out["departure from the normal law"] = _spread(local - normal_law)


def _same(metric: str, dx: int, dy: int) -> bool:
    if metric == "white":
        return dx == dy == 1
    return metric == "canonical" and dx == dy <= LEADING


def _joined(parts: Sequence[Any], x: Any, axis: int) -> Any:
    return parts[0] if len(parts) == 1 else namespace(x).concatenate(parts, axis)


def _picked(values: Any, index: Any) -> Any:
    if is_tensor(values):
        return values.gather(-1, index)
    return np.take_along_axis(values, index, -1)


def _spread(x: Any) -> Any:
    xp = namespace(x)
    centred = x - x.mean(-1)[..., None]
    return xp.sqrt((centred * centred).mean(-1) + 1e-12)


def _of_metric(metric: str, x: Any, y: Any, index: Any, tied: Any, out: Features) -> Any:
    """Local information by neighbours of the rows asked for, at every size; that of reference."""
    xp = namespace(x)
    n = x.shape[-2]
    sizes = [min(k, (n - 1) // 2) for k in NEIGHBOURS]
    reference: Any = None
    for k, found in zip(NEIGHBOURS, _looked(x, y, index, sizes, tied), strict=True):
        eps, cx, cy, top = found
        px, py = _digamma(cx), _digamma(cy)
        local = _digamma(top) + float(digamma(n)) - px - py
        log_eps = 0.5 * xp.log(eps + 1e-8)
        stem = f"{metric}, {k}"
        ordered = _sorted(local)
        m = ordered.shape[-1]
        out[f"{stem}, information"] = local.mean(-1)
        out[f"{stem}, spread"] = _spread(local)
        out[f"{stem}, low"] = ordered[..., m // 10]
        out[f"{stem}, high"] = ordered[..., m - 1 - m // 10]
        out[f"{stem}, count:x"] = px.mean(-1) - float(digamma(n))
        out[f"{stem}, count:y"] = py.mean(-1) - float(digamma(n))
        out[f"{stem}, distance"] = log_eps.mean(-1)
        out[f"{stem}, distances, spread"] = _spread(log_eps)
        if k == REFERENCE:
            reference = local
    return reference


def _looked(x: Any, y: Any, index: Any, sizes: list[int], tied: Any) -> list[tuple[Any, ...]]:
    """Of the rows asked for, a few at a time, at every size: see `_near`; (batch, asked) each."""
    batch, n, asked = x.shape[0], x.shape[1], index.shape[1]
    rows = min(asked, max(FEWEST, CHUNK // n))
    tasks = max(1, CHUNK // (rows * n))
    parts = []
    for i in range(0, batch, tasks):
        here = slice(i, i + tasks)
        found = [
            _near(x[here], y[here], index[here, j : j + rows], sizes, tied[here])
            for j in range(0, asked, rows)
        ]
        parts.append([_joined(part, x, -1) for part in zip(*found, strict=True)])
    joined = [_joined(part, x, 0) for part in zip(*parts, strict=True)]
    return [tuple(joined[i : i + 4]) for i in range(0, len(joined), 4)]


def _near(x: Any, y: Any, index: Any, sizes: list[int], tied: Any) -> list[Any]:
    """Squared distance of the neighbour, rows nearer in x and in y, neighbours; of every size."""
    xp = namespace(x)
    dx, dy = _distances(_rows(x, index), x), _distances(_rows(y, index), y)
    joint = xp.maximum(dx, dy)
    near = _smallest(joint, sizes[-1] + 1)  # a row itself is the first
    tiny = float(xp.finfo(x.dtype).tiny) ** 0.5
    rounding = max(ROUNDING, 16 * digits(x))
    out: list[Any] = []
    for size in sizes:
        eps = near[..., size]
        # among few rows many distances are equal but for their last digits
        radius = xp.maximum(eps * (1.0 - rounding), eps * 0.0 + tiny)[..., None]
        top = eps * 0.0 + float(size)
        if bool(tied.any()):
            limit = (eps * (1.0 + rounding))[..., None]
            equal = _of_float(_count(joint <= limit) - 1, x)
            # of rows that coincide, a row is one of its own neighbours: the plug-in of a table
            top = xp.where(tied[:, None], xp.where(eps > 0, equal, equal + 1.0), top)
        out += [eps, _within(dx, radius), _within(dy, radius), top]
    return out


def _count(mask: Any) -> Any:
    if is_tensor(mask):
        return mask.sum(-1, dtype=namespace(mask).int32)
    # exact, and half the time of count_nonzero along an axis
    return mask.astype(np.float32) @ np.ones(mask.shape[-1], np.float32)


def _within(distances: Any, radius: Any) -> Any:
    """Rows nearer than a radius, itself among them; with a gradient where one is asked for."""
    hard = _of_float(_count(distances < radius), distances)
    if not traced(distances):
        return hard
    xp = namespace(distances)
    clear = radius.detach() > COINCIDENT  # rows that coincide with their neighbours stay there
    width = xp.where(clear, radius, 1.0)
    soft = xp.where(clear, xp.sigmoid((width - distances) / (0.5 * width)), 0.0).sum(-1)
    return hard + soft - soft.detach()
