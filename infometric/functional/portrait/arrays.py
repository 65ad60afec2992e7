"""What numpy and torch spell differently in portraits, and what both need."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import digamma

from infometric.state.arrays import is_tensor, namespace, traced

FLAT = 1e-9  # variance below which a derivative would be that of rounding
NOTHING = 1e-6  # variance of a function of scores below which it is constant up to rounding

Features = dict[str, Any]


def digamma_of(x: Any) -> Any:
    """Digamma function."""
    return namespace(x).digamma(x) if is_tensor(x) else digamma(x)


def order_of(x: Any) -> Any:
    """Places of the ascending values along the last axis."""
    return namespace(x).argsort(x, dim=-1) if is_tensor(x) else np.argsort(x, axis=-1)


def ascending(x: Any) -> Any:
    """Values in order along the last axis."""
    return namespace(x).sort(x, dim=-1).values if is_tensor(x) else np.sort(x, axis=-1)


def descending(x: Any) -> Any:
    """The same from the largest on."""
    return -ascending(-x)


def rows_of(x: Any, index: Any) -> Any:
    """Rows of each task: x (batch, n, d) at index (batch, q)."""
    xp = namespace(x)
    if is_tensor(x):
        return xp.gather(x, 1, index[..., None].expand(-1, -1, x.shape[-1]))
    return np.take_along_axis(x, index[..., None], axis=1)


def solve_lower(factor: Any, x: Any) -> Any:
    """Rows of x in coordinates in which the matrix of a factor is the identity."""
    xp = namespace(x)
    turned = of_float(x, factor).swapaxes(-1, -2)
    if is_tensor(x):
        found = xp.linalg.solve_triangular(factor, turned, upper=False)
    else:
        found = np.linalg.solve(factor, turned)
    return of_float(found.swapaxes(-1, -2), x)


def contiguous(x: Any) -> Any:
    """The same values in one run of memory."""
    return x.contiguous() if is_tensor(x) else np.ascontiguousarray(x)


def largest(x: Any, axis: int = -1) -> Any:
    """Largest value along an axis."""
    return namespace(x).amax(x, axis)


def of_float(x: Any, other: Any) -> Any:
    """Values in the precision of another array."""
    return x.to(other.dtype) if is_tensor(x) else x.astype(other.dtype)


def root(x: Any) -> Any:
    """Square root, with no derivative at zero."""
    xp = namespace(x)
    if not traced(x):
        return xp.sqrt(x)
    return xp.where(x > 0, xp.sqrt(xp.where(x > 0, x, 1.0)), 0.0)


def scaled(x: Any, square: Any, least: float) -> Any:
    """Columns over the root of a square, which has lost its axis of rows; flat ones are fixed."""
    xp = namespace(x)
    square = square[..., None, :]
    if traced(x):
        flat = square.detach() < FLAT
        x, square = (xp.where(flat, v.detach(), v) for v in (x, square))
    return x / (root(square) + least)


def standard(centred: Any) -> Any:
    """Columns of mean zero with mean square one; zeros where there is nothing but rounding."""
    square = (centred * centred).mean(-2)
    alive = (square > NOTHING)[..., None, :]
    return scaled(namespace(centred).where(alive, centred, centred * 0.0), square, 1e-12)


def spread_of(x: Any) -> Any:
    """Standard deviation along the last axis."""
    xp = namespace(x)
    centred = x - x.mean(-1)[..., None]
    return xp.sqrt((centred * centred).mean(-1) + 1e-12)
