"""Variants of the published package of diffusion spectral entropy, for parity with it alone.

They reproduce numbers that were published with it, and nothing here is recommended: the entropies
of a graph of neighbours take absolute values of complex eigenvalues, that of bins has one bin for
nearly every row where there are many columns. `DiffusionSpectralEntropy` of this package, with a
kernel of choice, is what to measure with. Values are in nats; divided by ``log(2)`` they are the
package's, version 1.1.

References
----------
Liao, D. et al. (2023). Assessing neural network representations during training using
noise-resilient diffusion spectral entropy. arXiv:2312.04823
"""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np

from infometric.exceptions import InvalidParameterError
from infometric.functional.spectra import diffusion_operator
from infometric.state.arrays import to_numpy
from infometric.state.kernels import Kernel
from infometric.state.spectrum import as_points, symmetric_eigenvalues
from infometric.typing import Array

EPSILON = float(np.finfo(float).eps)  # added to each share


def walk_entry_entropy(x: Any, sigma: float = 10.0) -> float:
    """Entropy of the entries of the matrix of a random walk on the rows, all as one distribution.

    Parameters
    ----------
    x : array-like of shape (n_rows, n_dimensions)
        Rows.
    sigma : float
        Bandwidth of the Gaussian kernel, in the units of x.

    Returns
    -------
    float
        Entropy in nats.

    Raises
    ------
    InvalidParameterError
        Where the bandwidth is no positive number.

    Examples
    --------
    >>> far = np.array([[0.0], [1e3], [2e3], [3e3]])  # each row walks to itself
    >>> round(walk_entry_entropy(far) / float(np.log(2)), 9)
    2.0
    """
    walk = diffusion_operator(_similarities(x, sigma))
    walk = walk / walk.sum(1)[:, None]
    return _entropy(walk.ravel() / walk.sum())


def binned_entropy(x: Any, bins: int = 2) -> float:
    """Shannon entropy of rows in cells, so many even bins between the extremes of each column.

    Parameters
    ----------
    x : array-like of shape (n_rows, n_dimensions)
        Rows.
    bins : int
        Bins of a column; the greatest value has one more, as in the package.

    Returns
    -------
    float
        Entropy in nats.

    Raises
    ------
    InvalidParameterError
        Where the number of bins is no positive integer.

    Examples
    --------
    >>> round(binned_entropy([0.0, 0.2, 0.8, 0.9, 0.3, 0.6]) / float(np.log(2)), 9)
    1.0
    """
    if not isinstance(bins, Integral) or isinstance(bins, bool) or bins < 1:
        raise InvalidParameterError("bins must be an integer above zero.", got=bins, hint="bins=2")
    rows = to_numpy(as_points(x)).astype(float)
    width = np.ptp(rows, axis=0)
    share = (rows - rows.min(axis=0)) / np.where(width > 0, width, 1.0)
    cells = np.digitize(share, np.linspace(0, 1, int(bins) + 1)[:-1])
    counts = np.unique(cells, axis=0, return_counts=True)[1]
    return _entropy(counts / counts.sum())


def adjacency_entropy(x: Any, sigma: float = 10.0, *, anisotropic: bool = False) -> float:
    """Entropy of the absolute eigenvalues of Gaussian similarities, which no walk divides.

    Parameters
    ----------
    x : array-like of shape (n_rows, n_dimensions)
        Rows.
    sigma : float
        Bandwidth of the Gaussian kernel, in the units of x.
    anisotropic : bool
        Whether similarities are divided by roots of degrees; it is then the diffusion's.

    Returns
    -------
    float
        Entropy in nats.

    Raises
    ------
    InvalidParameterError
        Where the bandwidth is no positive number.

    Examples
    --------
    >>> round(adjacency_entropy(np.array([[0.0], [1e3], [2e3], [3e3]])) / float(np.log(2)), 9)
    2.0
    """
    matrix = _similarities(x, sigma)
    matrix = diffusion_operator(matrix) if anisotropic else matrix
    found = np.abs(symmetric_eigenvalues(matrix))
    return _entropy(found / found.sum())


def neighbor_adjacency_entropy(x: Any, n_neighbors: int = 10) -> float:
    """Entropy of the absolute eigenvalues of a graph in which a neighbour need not be one back.

    The graph is not symmetric, and eigenvalues are complex: ``kernel="knn"`` of
    `DiffusionSpectralEntropy` joins rows of which either is near the other.

    Parameters
    ----------
    x : array-like of shape (n_rows, n_dimensions)
        Rows.
    n_neighbors : int
        Neighbours, the row itself among them.

    Returns
    -------
    float
        Entropy in nats.

    Raises
    ------
    InvalidParameterError
        Where the number is no integer from one to the number of rows.

    Examples
    --------
    >>> round(neighbor_adjacency_entropy(np.arange(4.0), 1) / float(np.log(2)), 9)  # all alone
    2.0
    """
    rows = to_numpy(as_points(x)).astype(float)
    whole = isinstance(n_neighbors, Integral) and not isinstance(n_neighbors, bool)
    if not whole or not 1 <= n_neighbors <= len(rows):
        raise InvalidParameterError(
            f"n_neighbors must be an integer from one to the number of rows, {len(rows)}.",
            got=n_neighbors,
            hint="n_neighbors=10",
        )
    # differences and not products: a tie that rounding breaks is another graph
    apart = np.array([np.sqrt(((rows - row) ** 2).sum(1)) for row in rows])
    near = np.partition(apart, n_neighbors - 1, axis=1)[:, n_neighbors - 1]
    found = np.abs(np.linalg.eigvals((apart <= near[:, None]).astype(float)))
    return _entropy(found / found.sum())


def _similarities(x: Any, sigma: float) -> Array:
    if not isinstance(sigma, Real) or isinstance(sigma, bool) or not 0 < sigma < np.inf:
        raise InvalidParameterError(
            "sigma must be a number above zero.", got=sigma, hint="sigma=10.0"
        )
    rows = to_numpy(as_points(x)).astype(float)
    return Kernel(sigma=float(sigma)).gram(rows)  # type: ignore[no-any-return]


def _entropy(share: Array) -> float:
    share = share + EPSILON
    return float(-(share * np.log(share)).sum())
