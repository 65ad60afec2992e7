r"""Canonical coordinates of two sets of variables, within a few directions of each.

Canonical correlations of many columns need more rows than there are: the columns are first
projected. Principal components are the directions of most variance. Where columns see a few shared
factors, each with noise of its own, :math:`C = L L^T + \Psi`, the factors' conditional means
:math:`(I + L^T \Psi^{-1} L)^{-1} L^T \Psi^{-1} x` hold all that the columns tell of them, and
principal components do not.

References
----------
Hotelling, H. (1936). Relations between two sets of variates. Biometrika 28, 321-377.
doi:10.1093/biomet/28.3-4.321
Jöreskog, K. G. (1967). Some contributions to maximum likelihood factor analysis. Psychometrika 32,
443-482. doi:10.1007/BF02289658
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from scipy.linalg import eigh

from infometric.typing import Array

FLAT = 1e-6  # share of the largest deviation below which a direction has none
LEAST_NOISE = 0.005  # share of a column's variance that is at least its own
ROUNDS, STILL = 15, 1e-3  # iterations of the noise, and the change that ends them


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


def loadings(correlation: Array, k: int) -> tuple[Array, Array]:
    """Loadings of k factors and variances of the noise, by iterated principal factors.

    Parameters
    ----------
    correlation : ndarray of shape (d, d)
        Correlations of the columns.
    k : int
        Factors, fewer than d.

    Returns
    -------
    (ndarray of shape (d, k), ndarray of shape (d,))

    Examples
    --------
    >>> truth = np.array([0.9, 0.8, 0.7, 0.6])
    >>> c = np.outer(truth, truth)
    >>> np.fill_diagonal(c, 1.0)
    >>> found, noise = loadings(c, 1)
    >>> abs(found[:, 0]).round(2).tolist()
    [0.9, 0.8, 0.7, 0.6]
    """
    d = len(correlation)
    noise = np.full(d, 0.5)
    found = np.zeros((d, k))
    for _ in range(ROUNDS):
        root = np.sqrt(noise)
        values, vectors = eigh(correlation / np.outer(root, root), subset_by_index=(d - k, d - 1))
        found = root[:, None] * vectors * np.sqrt(np.maximum(values - 1, 0))
        new = np.clip(correlation.diagonal() - (found**2).sum(axis=1), LEAST_NOISE, None)
        change, noise = float(np.abs(new - noise).max()), new
        if change < STILL:
            break
    return found, noise


def factors(rows: Array, k: int) -> Array:
    """Directions of the conditional means of k factors, whitened, shape (d, k or fewer)."""
    deviation = rows.std(axis=0)
    deviation = np.where(deviation > 0, deviation, 1.0)
    z = (rows - rows.mean(axis=0)) / deviation
    found, noise = loadings(z.T @ z / len(z), k)
    weights = found / noise[:, None]
    to = weights @ np.linalg.inv(np.eye(k) + found.T @ weights)
    values, vectors = np.linalg.eigh(to.T @ (z.T @ (z @ to)) / len(z))
    kept = values > FLAT * max(values.max(), 1e-300)
    return (to @ (vectors[:, kept] / np.sqrt(values[kept]))) / deviation[:, None]


def canonical(
    x: Array, y: Array, sizes: Iterable[int], shared: Iterable[int] = ()
) -> Iterator[Canonical]:
    """Canonical coordinates within so many principal components, or factors, of each variable.

    Parameters
    ----------
    x, y : ndarray of shape (n, dx), (n, dy)
        Rows.
    sizes : iterable of int
        Numbers of principal components; beyond those there are, all.
    shared : iterable of int
        Numbers of factors; of a variable with fewer than twice as many columns, its principal
        components stand for them.

    Yields
    ------
    Canonical
        One for each number; none of a constant variable.
    """
    x, y = (np.asarray(v, dtype=float) for v in (x, y))
    (wx, mx), (wy, my) = principal(x), principal(y)
    if not wx.shape[1] or not wy.shape[1]:
        return
    for k in sizes:
        yield _within(x - mx, y - my, wx[:, :k], wy[:, :k], mx, my)
    for k in shared:
        fx, fy = (factors(v, k) if v.shape[1] >= 2 * k else w[:, :k] for v, w in ((x, wx), (y, wy)))
        if fx.shape[1] and fy.shape[1]:
            yield _within(x - mx, y - my, fx, fy, mx, my)


def _within(x: Array, y: Array, to_x: Array, to_y: Array, mx: Array, my: Array) -> Canonical:
    """Canonical coordinates of centred rows within whitened directions."""
    cross = (x @ to_x).T @ (y @ to_y) / len(x)
    left, rho, right = np.linalg.svd(cross, full_matrices=False)
    return Canonical(to_x @ left, to_y @ right.T, mx, my, np.minimum(rho, 1.0))
