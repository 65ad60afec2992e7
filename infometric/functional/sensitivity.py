r"""Influence of each row on an entropy of a spectrum: its derivative by the row's weight.

Let rows have weights :math:`w_i` with sum one. The entropy changes by
:math:`\operatorname{Tr} f(S)\, dS`, where :math:`f` is its derivative by an eigenvalue; since no
common factor of the eigenvalues matters, :math:`\operatorname{Tr} S f(S) = 0`. With
:math:`a_k = [S f(S)]_{kk}` and the random walk :math:`P`, the influence of a row at even weights is

.. math:: \phi = n\, (a - P^\top a),

and :math:`\phi = n\, a` for a Gram matrix. A density power changes weights by the logarithm of the
density: :math:`\phi_j - \alpha \sum_k \phi_k G_{kj} / g_k`. A bandwidth that is the median distance
has an influence of its own, that of a median of pairs (Serfling 1980), times the slope of the
entropy by it.

References
----------
Kato, T. (1995). Perturbation theory for linear operators. Springer. doi:10.1007/978-3-642-66282-9
Efron, B. (1982). The jackknife, the bootstrap and other resampling plans. SIAM.
doi:10.1137/1.9781611970319
Serfling, R. J. (1980). Approximation theorems of mathematical statistics. Wiley.
doi:10.1002/9780470316481
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg import eigh, svd

from infometric.state.arrays import digits, is_tensor, namespace, to_numpy
from infometric.state.kernels import distances_looked_at
from infometric.typing import Array

NEAR_ONE = 0.1  # distance of an order from one within which its formula is another
MIDDLE = (
    0.05  # to either side of one half: quantiles whose distance tells the density at the median
)


def slopes(eigenvalues: Array, order: float, power: float) -> Array:
    r"""Eigenvalues times the derivative of their entropy, :math:`\lambda f(\lambda)`.

    Examples
    --------
    >>> slopes(np.array([0.75, 0.25]), 2.0, 1.0).round(3)  # as p moves to the greater: less
    array([-0.3,  0.3])
    """
    tiny = np.finfo(float).tiny
    most = max(float(eigenvalues.max(initial=0.0)), tiny)
    weights = np.maximum(eigenvalues / most, tiny) ** power
    p = weights / weights.sum()
    if order == 1:
        entropy = -(p * np.log(np.maximum(p, tiny))).sum()
        return -power * p * (np.log(np.maximum(p, tiny)) + entropy)
    if abs(order - 1) < NEAR_ONE:
        more = np.expm1((order - 1) * np.log(np.maximum(p, tiny)))
        mean = (p * more).sum()
        return np.asarray(power * order * p * (more - mean) / (1 + mean) / (1 - order))
    raised = (p / p.max()) ** order
    return np.asarray(power * order / (1 - order) * (raised / raised.sum() - p))


def influence_of_matrix(
    similarities: Any, order: float, power: float, *, walk: bool, alpha: float
) -> Array:
    """Influence of each row on the entropy of a matrix of similarities, shape (n,).

    Parameters
    ----------
    similarities : array of shape (n, n)
        Symmetric; of numpy or torch.
    order, power : float
        Of the entropy.
    walk : bool
        Whether the operator is the random walk, not the Gram matrix.
    alpha : float
        Density power of the walk.
    """
    n = len(similarities)
    if not walk:
        return n * spectral_diagonal(similarities, order, power)
    degrees = similarities.sum(0)
    matrix = similarities
    if alpha:
        factor = degrees**-alpha
        matrix = similarities * factor[:, None] * factor
    q = matrix.sum(0)
    root = q**-0.5
    a = spectral_diagonal(matrix * root[:, None] * root, order, power)
    found = n * (a - to_numpy((matrix / q[:, None]).T) @ a)
    if alpha:
        found = found - alpha * to_numpy(similarities / degrees[:, None]).T @ found
    return np.asarray(found)


def spectral_diagonal(matrix: Any, order: float, power: float) -> Array:
    """Diagonal of ``S f(S)``, from all eigenvectors."""
    if is_tensor(matrix):
        values, vectors = (to_numpy(v) for v in namespace(matrix).linalg.eigh(matrix))
    else:
        values, vectors = eigh(matrix, check_finite=False)
    floor = len(values) * digits(values) * float(values.max(initial=0.0))
    told = slopes(np.where(values > floor, values, 0.0).astype(float), order, power)
    return np.asarray((vectors * vectors) @ told)


def influence_of_features(features: Any, order: float, power: float) -> Array:
    """Influence of each row where similarities are products of rows, from their left vectors."""
    x = to_numpy(features)
    left, singular, _ = svd(x, full_matrices=False, check_finite=False)
    return np.asarray(len(x) * ((left * left) @ slopes(singular.astype(float) ** 2, order, power)))


def influence_of_median(x: Any, drawn: Array | None = None) -> Array:
    """Influence of each row on the logarithm of the median distance, shape (n,).

    Rows that were not looked at have none, and those that were stand for them all.
    """
    at, squared = distances_looked_at(x, drawn)
    m, found = len(at), np.zeros(len(x))
    apart = np.sqrt(squared[np.triu_indices(m, 1)])
    apart = apart[apart > 0]
    if len(apart) < 3:
        return found
    low, middle, high = np.quantile(apart, [0.5 - MIDDLE, 0.5, 0.5 + MIDDLE])
    if not high > low:
        return found
    density = 2 * MIDDLE / (high - low)
    off = ~np.eye(m, dtype=bool) & (squared > 0)
    within = ((squared <= middle**2) & off).sum(1) / np.maximum(off.sum(1), 1)
    found[at] = 2 * (0.5 - within) / (density * middle) * len(x) / m
    return found
