"""Canonical coordinates of two sets of variables (Hotelling 1936), after principal components.

References
----------
Hotelling, H. (1936). Relations between two sets of variates. Biometrika 28, 321-377.
doi:10.1093/biomet/28.3-4.321
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from infometric.typing import Array

FLAT = 1e-6  # share of the largest deviation below which a direction has none


class Canonical(NamedTuple):
    """Directions and means of two variables, and the correlations along the directions."""

    to_u: Array
    to_v: Array
    mean_x: Array
    mean_y: Array
    rho: Array

    def of(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Canonical coordinates of rows, shapes (n, k)."""
        return (x - self.mean_x) @ self.to_u, (y - self.mean_y) @ self.to_v


def principal(rows: Array) -> tuple[Array, Array]:
    """Principal directions that whiten, the strongest first, shape (d, k); and the mean.

    Examples
    --------
    >>> directions, mean = principal(np.array([[0.0, 1.0], [0.0, 3.0]]))
    >>> abs(directions).round(9).tolist(), mean.tolist()
    ([[0.0], [1.0]], [0.0, 2.0])
    """
    mean = rows.mean(axis=0)
    _, s, vt = np.linalg.svd(rows - mean, full_matrices=False)
    kept = s > FLAT * max(s[0], 1e-300)
    return (vt[kept] / s[kept][:, None]).T * np.sqrt(len(rows)), mean


def canonical(x: Array, y: Array, sizes: list[int]) -> Iterator[Canonical]:
    """Canonical coordinates after so many principal components of each, for each size.

    Sizes beyond the number of components stand for all of them; constant variables give nothing.
    """
    (wx, mx), (wy, my) = (principal(np.asarray(v, dtype=float)) for v in (x, y))
    if not wx.shape[1] or not wy.shape[1]:
        return
    cross = ((x - mx) @ wx).T @ ((y - my) @ wy) / len(x)
    for k in sizes:
        left, rho, right = np.linalg.svd(cross[:k, :k], full_matrices=False)
        yield Canonical(wx[:, :k] @ left, wy[:, :k] @ right.T, mx, my, np.minimum(rho, 1.0))
