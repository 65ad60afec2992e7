"""Correlations of the scores and of their polynomials: what normal laws would tell."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.special import betaincinv, digamma

from infometric.functional.portrait.arrays import (
    Features,
    largest,
    of_float,
    order_of,
    scaled,
    solve_lower,
    spread_of,
    standard,
)
from infometric.functional.portrait.tables import CLEAR, matched
from infometric.state.arrays import double, is_tensor, like, namespace, traced

SHRINKAGE = (0.02, 0.3)  # fixed degrees, beside the one that the data choose
LEADING = 3  # canonical coordinates
COMPONENTS = 3  # leading principal components of a block
CHANCE = 0.05
BEYOND = 0.98  # 95 % point of the law of the largest correlation of chance (Tracy and Widom)
GAP = 1e-6  # of squared canonical correlations, whose directions cannot be told apart
UNKNOWN = 1e-9  # squared canonical correlation whose directions are those of rounding


def correlation(z: Any) -> tuple[Any, Any]:
    """Correlations of the columns in double precision, and the shrinkage that the data choose."""
    z = double(z)
    n, d = z.shape[-2:]
    z = scaled(z, (z * z).mean(-2), 1e-12)
    zt = z.swapaxes(-1, -2)
    r = zt @ z / n
    square = z * z
    spread = (square.swapaxes(-1, -2) @ square / n - r * r) / (n - 1)
    off = 1.0 - like(np.eye(d), z)
    total = (r * r * off).sum((-1, -2))
    share = (spread * off).sum((-1, -2)) / (total + 1e-9)
    return r, share.clip(0.0, 1.0)


def shrunk(r: Any, share: Any) -> Any:
    """Correlations drawn to those of independent columns by a share, of each task or of all."""
    eye = like(np.eye(r.shape[-1]), r)
    share = share[..., None, None] if hasattr(share, "shape") else share
    return (1.0 - share) * r + (share + 1e-5) * eye


def _log_det(factor: Any) -> Any:
    xp = namespace(factor)
    return 2.0 * xp.log(xp.diagonal(factor, 0, -2, -1)).sum(-1)


def factors_of(r: Any, dx: int) -> tuple[Any, Any, Any]:
    """Cholesky factors of the correlations of x, of y, and of both."""
    cholesky = namespace(r).linalg.cholesky
    return cholesky(r[..., :dx, :dx]), cholesky(r[..., dx:, dx:]), cholesky(r)


def normal_information(factors: tuple[Any, Any, Any]) -> Any:
    """Information of a normal law with these factors."""
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
    half = solve_lower(factors[0], cross.swapaxes(-1, -2)).swapaxes(-1, -2)
    white = solve_lower(factors[1], half)
    values, left = _eigh(white @ white.swapaxes(-1, -2))
    u = xp.flip(left, (-1,))[..., :lead]
    v = white.swapaxes(-1, -2) @ u
    v = scaled(v, (v * v).sum(-2), 1e-9)
    return xp.flip(values, (-1,)).clip(0.0, 0.99999), u, v


def _turned(factor: Any, x: Any, directions: Any) -> Any:
    """Whitened rows along directions."""
    return solve_lower(factor, x) @ of_float(directions, x)


def _pointwise(x: Any, y: Any, factors: tuple[Any, Any, Any]) -> tuple[Any, Any, Any, Any]:
    """Pointwise information of a normal law, the whitened rows, and the norms of both together."""
    xp = namespace(x)
    wx, wy = solve_lower(factors[0], x), solve_lower(factors[1], y)
    both = solve_lower(factors[2], xp.concatenate([x, y], -1))
    norm = (both * both).sum(-1)
    local = (wx * wx).sum(-1) + (wy * wy).sum(-1) - norm
    return normal_information(factors)[..., None] + 0.5 * local, wx, wy, norm


def _ordered(z: Any, norm: Any) -> Any:
    """Rows in an order that the data give: by norm, and opposite rows by the lean of all."""
    z, norm = (v.detach() if is_tensor(v) else v for v in (z, norm))
    lean = (z * norm[..., None]).mean(-2)[..., None]  # turns its sign with its column
    return order_of(norm + (z @ lean)[..., 0])


def of_correlations(x: Any, y: Any, out: Features) -> dict[str, Any]:
    """Features of the correlations; returns the coordinates that neighbours are looked for in."""
    xp = namespace(x)
    n, dx, dy = x.shape[-2], x.shape[-1], y.shape[-1]
    z = xp.concatenate([x, y], -1)
    r, share = correlation(z)
    out["shrinkage"] = share
    chosen = factors_of(shrunk(r, share), dx)
    out["normal"] = normal_information(chosen)
    for fixed in SHRINKAGE:
        out[f"normal, shrunk {fixed}"] = normal_information(factors_of(shrunk(r, fixed), dx))
    bias = _wishart_bias(n, dx, dy)
    plain = shrunk(r, 0.0)
    whole = chosen if bias is None else factors_of(plain, dx)  # too few rows for their columns
    out["normal, corrected"] = normal_information(whole) - (bias or 0.0)
    cross = r[..., :dx, dx:]
    within = {"x": r[..., :dx, :dx], "y": r[..., dx:, dx:]}
    square = cross * cross
    out["squared correlation"] = square.mean((-1, -2))
    out["squared correlation, largest"] = largest(largest(square))
    out["squared correlations beyond chance"] = square.sum((-1, -2)) - dx * dy / (n - 1)
    pairs = -0.5 * xp.log(1.0 - square.clip(0.0, 0.99999))
    matched(pairs, 0.5 * CLEAR**2 / n, out, "pairs")
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
    found = spiked(_canonical(whole, cross, 1)[0][..., :kept], n, dx, dy)
    out["spikes, information"], out["spikes, number"] = found
    _principal(plain, n, dx, out)
    strong = canonical[..., :kept]
    out["canonical, sum"] = strong.sum(-1)
    out["canonical, effective"] = strong.sum(-1) ** 2 / ((strong * strong).sum(-1) + 1e-9)
    out["canonical, evenly"] = -0.5 * kept * xp.log(1.0 - strong.mean(-1))
    local, wx, wy, norm = _pointwise(x, y, chosen)
    out["pointwise, spread"] = spread_of(local)
    out["normal, left out"] = _left_out(z, r, share, dx)
    leading = wx @ of_float(u, x), wy @ of_float(v, x)
    _along(*leading, out)
    return {
        "scores": (x, y),
        "white": (wx, wy),
        "canonical": leading,
        "local": local,
        "norm": norm,
        "order": _ordered(z, norm),
    }


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
        w = solve_lower(factor, z[..., part])
        h = (w * w).sum(-1)
        left = (1.0 - c * h).clip(1e-3)
        total = total + sign * (_log_det(factor)[..., None] + xp.log(left) + h / left)
    return total.mean(-1)


def _largest_of_chance(rows: int, dx: int, dy: int) -> float:
    """Limit of the largest squared canonical correlation of independent columns, at 5 %."""
    if min(dx, dy) == 1:  # a squared multiple correlation: its law is known
        d = max(dx, dy)
        return float(betaincinv(d / 2, (rows - d) / 2, 1 - CHANCE))
    angles = [2 * math.asin(math.sqrt((d - 0.5) / (rows - 1))) for d in (dx, dy)]
    both = sum(angles)
    spread = 16 / (rows - 1) ** 2 / (math.sin(both) ** 2 * math.prod(map(math.sin, angles)))
    limit = 2 * math.log(math.tan(both / 2)) + BEYOND * spread ** (1 / 3)
    return 1 / (1 + math.exp(-limit))


def spiked(squares: Any, n: int, dx: int, dy: int) -> tuple[Any, Any]:
    r"""Information of the canonical correlations that are beyond chance, and their number.

    Those of chance end where Johnstone (2008) says. Beyond, a squared correlation r of the law is
    seen among many columns as :math:`(r(1-a)+a)(r(1-b)+b)/r` with a, b columns per row (Bao et
    al. 2019): solved for r. Of fewer rows than columns nothing can be said: zeros.

    Parameters
    ----------
    squares : array of shape (..., k)
        Squared canonical correlations of n rows of dx and dy columns, descending.
    """
    xp = namespace(squares)
    rows = n - 1
    if rows <= dx + dy + 1:
        return squares[..., 0] * 0.0, squares[..., 0] * 0.0
    a, b = dx / rows, dy / rows
    edge = (math.sqrt(a * (1 - b)) + math.sqrt(b * (1 - a))) ** 2
    clear = squares > max(_largest_of_chance(rows, dx, dy), edge)
    middle = xp.where(clear, squares, 1.0) - a * (1 - b) - b * (1 - a)
    part = (1 - a) * (1 - b)
    true = (middle + xp.sqrt(middle * middle - 4 * part * a * b)) / (2 * part)
    each = xp.where(clear, -0.5 * xp.log(1.0 - true.clip(0.0, 0.99999)), 0.0)
    return each.sum(-1), of_float(clear, squares).sum(-1)


def _principal(r: Any, n: int, dx: int, out: Features) -> None:
    """Normal information of the leading principal components, which few rows show too."""
    xp = namespace(r)
    parts = []
    for block in (r[..., :dx, :dx], r[..., dx:, dx:]):
        values, vectors = (xp.flip(v, (-1,)) for v in _eigh(block))
        parts.append(vectors[..., :COMPONENTS] / xp.sqrt(values[..., None, :COMPONENTS]))
    seen = parts[0].swapaxes(-1, -2) @ r[..., :dx, dx:] @ parts[1]
    for kept in (1, COMPONENTS):
        m = seen[..., :kept, :kept]
        left = like(np.eye(m.shape[-2]), r) - m @ m.swapaxes(-1, -2)
        bias = _wishart_bias(n, *m.shape[-2:]) or 0.0
        out[f"principal, {kept}"] = -0.5 * _log_det(xp.linalg.cholesky(left)) - bias


# --- polynomials ---------------------------------------------------------------------------------


def of_polynomials(x: Any, y: Any, out: Features) -> tuple[Any, Any]:
    """Hermite polynomials up to the third of every column; returns their leading coordinates."""
    xp = namespace(x)
    n, dx, dy = x.shape[-2], x.shape[-1], y.shape[-1]

    def expanded(z: Any) -> Any:
        found = xp.concatenate([z, z * z - 1.0, z * z * z - 3.0 * z], -1)
        return standard(found - found.mean(-2)[..., None, :])

    ex, ey = expanded(x), expanded(y)
    r, share = correlation(xp.concatenate([ex, ey], -1))
    factors = factors_of(shrunk(r, (share + 0.01).clip(0.0, 1.0)), 3 * dx)
    out["polynomials, shrinkage"] = share
    out["polynomials"] = normal_information(factors)
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
    out["polynomials, largest"] = largest(largest(pairs))
    out["polynomials, columns:x"] = largest(pairs).sum(-1)
    out["polynomials, columns:y"] = largest(pairs, -2).sum(-1)
    out["squares"] = square[..., dx : 2 * dx, dy : 2 * dy].sum((-1, -2))
    _tails(cross.reshape(*cross.shape[:-2], 3, dx, 3, dy), out)
    return _turned(factors[0], ex, u), _turned(factors[1], ey, v)


def _tails(r: Any, out: Features) -> None:
    """Correlations of the second and third polynomials of pairs, less those of a normal law.

    Below zero where tails go together less than those of a normal law, above where more.
    """
    first = r[..., 0, :, 0, :]
    for name, value in (
        ("tails, second", r[..., 1, :, 1, :] - first**2),
        ("tails, third", first * r[..., 2, :, 2, :] - first**4),
        ("tails, apart:x", first * r[..., 2, :, 0, :]),
        ("tails, apart:y", first * r[..., 0, :, 2, :]),
    ):
        out[name] = value.sum((-1, -2))
        if ":" not in name:
            out[f"{name}, of the largest"] = _at_largest(value, first)


def _at_largest(values: Any, weight: Any) -> Any:
    """Value of the pair whose squared weight is the largest."""
    square = weight * weight
    top = largest(largest(square))[..., None, None]
    share = of_float(square >= top, values)
    return (share * values).sum((-1, -2)) / share.sum((-1, -2))


def _along(u: Any, v: Any, out: Features) -> None:
    """The same of the leading canonical coordinates, each with its partner."""
    found = [_powers(w) for w in (u, v)]
    first, second, third = ((a * b).mean(-2) for a, b in zip(*found, strict=True))
    out["canonical, tails, second"] = (second - first**2).sum(-1)
    out["canonical, tails, third"] = (first * third - first**4).sum(-1)


def _powers(w: Any) -> tuple[Any, Any, Any]:
    w = standard(w - w.mean(-2)[..., None, :])
    return w, standard(w * w - 1.0), standard(w**3 - 3.0 * w - (w**3).mean(-2)[..., None, :])


def information_of_rows(z: Any, living: Any, dx: int) -> Any:
    """Normal information of the rows that live, by a shrunk covariance, times their share."""
    z, living = double(z), double(living)
    n, d = z.shape[-2:]
    count = living.sum(-1)[..., None].clip(1.0)
    centred = (z - ((living[..., None] * z).sum(-2) / count)[..., None, :]) * living[..., None]
    z = scaled(centred, (centred * centred).sum(-2) / count, 1e-6)
    r = z.swapaxes(-1, -2) @ z / count[..., None]
    share = d / (count[..., 0] + d)
    eye = like(np.eye(d), r)
    r = r * (1.0 - eye) + eye  # a column with one value alone is none
    return normal_information(factors_of(shrunk(r, share), dx)) * count[..., 0] / n
