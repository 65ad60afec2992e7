r"""Similarities of rows: Gaussian and other kernels, their bandwidth, and Gram matrices.

The Gaussian kernel is :math:`G_{ij} = \exp(-|x_i - x_j|^2 / 2\sigma^2)`. Its bandwidth is by
default the median distance of two rows that differ: with it nothing changes where all rows are
multiplied by a number, and a row that is entered twice counts as one place.

The adaptive kernel has a bandwidth for each row, its distance to the k-th neighbour,
:math:`G_{ij} = \exp(-|x_i - x_j|^2 / 2\sigma_i\sigma_j)` (Zelnik-Manor and Perona 2004); the graph
of neighbours joins rows of which either is among the k nearest of the other.

References
----------
Zelnik-Manor, L., Perona, P. (2004). Self-tuning spectral clustering. NeurIPS 17.
Garreau, D., Jitkrittum, W., Kanagawa, M. (2017). Large sample analysis of the median heuristic.
arXiv:1707.07269
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from infometric.exceptions import DataError
from infometric.state.arrays import digits, exponential, like, namespace, to_numpy, traced
from infometric.typing import Array

LOOKED_AT = 2000  # rows whose distances tell the bandwidth
BLOCK = 512  # rows whose distances are found at once
COPIES = 64.0  # squared distances below so many roundings of the squared rows are zero
PRODUCTS = frozenset({"cosine", "linear"})  # kinds that are products of columns
_SEED = 20260401  # the rows looked at are the same each time


@dataclass(frozen=True, eq=False)
class Kernel:
    """Similarity of two rows.

    Parameters
    ----------
    kind : {"gaussian", "adaptive", "knn", "cosine", "linear", "delta", "precomputed", "callable"}
        Which similarity; "delta" is of classes.
    sigma : float
        Bandwidth of the Gaussian kernel.
    n_neighbors : int
        Neighbours of the adaptive kernel and of the graph.
    learned : bool
        Whether the bandwidth is the median distance of these very rows, and is to be learned anew
        of others.
    function : callable, optional
        ``function(x, y)`` of two arrays of rows, shape (len(x), len(y)).
    matrix : array of shape (n, n), optional
        Similarities that are known already; rows are then their numbers.
    centred : bool
        Whether similarities are those of rows less their mean, in the space of the kernel.

    Examples
    --------
    >>> import numpy as np
    >>> Kernel(sigma=2.0).between(np.zeros((1, 3)), np.full((1, 3), 2.0)).round(4)  # exp(-12 / 8)
    array([[0.2231]])
    """

    kind: str = "gaussian"
    sigma: float = 1.0
    n_neighbors: int = 10
    learned: bool = False
    function: Callable[[Any, Any], Any] | None = None
    matrix: Any = None
    centred: bool = False
    local: ClassVar[frozenset[str]] = frozenset({"adaptive", "knn"})  # depend on all rows together

    @property
    def key(self) -> str:
        """Fingerprint; a bandwidth that is learned anew is part of it, for it was learned."""
        told = {
            "gaussian": f"{self.sigma!r}",
            "adaptive": str(self.n_neighbors),
            "knn": str(self.n_neighbors),
            "callable": getattr(self.function, "__qualname__", "function"),
            "precomputed": f"{id(self.matrix):x}",
        }.get(self.kind, "")
        found = f"{self.kind}:{told}" if told else self.kind
        return f"{found}:centred" if self.centred else found

    @property
    def scale_free(self) -> bool:
        """Whether similarities of all rows need no more than the two rows and numbers."""
        return self.kind not in self.local and not self.centred

    def between(self, x: Any, y: Any) -> Any:
        """Similarities of two arrays of rows, shape (len(x), len(y)); not of a local kernel."""
        if self.centred:
            self._refuse_pairs()
        if self.kind == "gaussian":
            found = squared_distances(x, y)
            found = _times(found, self.sigma)
            return exponential(found)
        if self.kind == "cosine":
            return unit_rows(x) @ unit_rows(y).T
        if self.kind == "linear":
            return x @ y.T
        if self.kind == "delta":
            return alike(x, y)
        if self.kind == "precomputed":
            at, other = (np.asarray(to_numpy(v))[:, 0].astype(np.int64) for v in (x, y))
            return self.matrix[at][:, other]
        return self._called(x, y)

    def _called(self, x: Any, y: Any) -> Any:
        if self.function is None:
            self._refuse_pairs()
        found = like(self.function(x, y), x)  # type: ignore[misc]
        if tuple(found.shape) != (len(x), len(y)):
            raise DataError(
                "A kernel is a function of two arrays of rows, and gives a similarity of each pair "
                f"of them: {len(x)} by {len(y)} here.",
                got={"shape": tuple(found.shape)},
                hint="kernel=lambda x, y: x @ y.T",
            )
        if x is y:
            refuse_one_sided(found)
        return found

    def _refuse_pairs(self) -> None:
        raise DataError(
            f"Kernel {self.key!r} has no similarity of two rows alone.",
            got=self.kind,
            hint="kernel.gram(rows)",
        )

    def gram(self, x: Any) -> Any:
        """Similarities of all pairs of rows, shape (n, n); the caller may overwrite them."""
        if self.centred:
            return self._less_mean(x)
        if self.kind == "adaptive":
            return self._adaptive(x)
        if self.kind == "knn":
            return self._graph(x)
        if self.kind == "gaussian" and isinstance(x, np.ndarray) and x.dtype == np.float32:
            return self._single(x)
        return self.between(x, x)

    def _single(self, x: Any) -> Any:
        """Gaussian similarities in single precision, of distances in double.

        Rows near each other and far from all others would lose their distance.
        """
        rows = x.astype(np.float64)
        rows -= rows.mean(axis=0)
        found = np.empty((len(x), len(x)), dtype=np.float32)
        for start in range(0, len(x), BLOCK):
            part = slice(start, start + BLOCK)
            found[part] = self.between(rows[part], rows)
        np.fill_diagonal(found, 1)
        return found

    def features(self, x: Any) -> Any:
        """Rows whose products are the similarities; None where there are none of that kind."""
        if self.kind not in PRODUCTS:
            return None
        found = unit_rows(x) if self.kind == "cosine" else x
        return less_mean(found) if self.centred else found

    def _less_mean(self, x: Any) -> Any:
        found = self.features(x)
        if found is not None:
            return found @ found.T
        found = replace(self, centred=False).gram(x)
        mean = found.mean(0)
        return found - mean[:, None] - mean + mean.mean()

    def _adaptive(self, x: Any) -> Any:
        xp = namespace(x)
        squared = squared_distances(x, x)
        radius = self._squared_radius(squared)
        width = xp.sqrt(radius)
        return exponential(squared * (-0.5) / (width[:, None] * width))

    def _graph(self, x: Any) -> Any:
        squared = squared_distances(x, x)
        near = squared <= self._squared_radius(squared)[:, None]
        joined = near | near.T
        return joined.astype(x.dtype) if isinstance(joined, np.ndarray) else joined.to(x.dtype)

    def _squared_radius(self, squared: Any) -> Any:
        """Squared distance of each row to its k-th neighbour, itself not among them.

        Of a row with so many copies the k-th row at another place, or the farthest there is.
        """
        k = min(self.n_neighbors, len(squared) - 1)
        if not isinstance(squared, np.ndarray):
            found = squared.kthvalue(k + 1, dim=1).values
            if bool((found > COPIES * digits(squared) * squared.max()).all()):
                return found
            return like(self._squared_radius(to_numpy(squared)), squared)
        found = np.partition(squared, k, axis=1)[:, k]
        least = COPIES * digits(squared) * float(squared.max())
        for i in np.flatnonzero(found <= least):
            apart = np.sort(squared[i][squared[i] > least])
            found[i] = apart[min(k, len(apart)) - 1] if len(apart) else 1.0
        return found

    def relearned(self, x: Any, drawn: Array | None = None) -> Kernel:
        """The kernel with its bandwidth learned of these rows, where it is learned.

        Of many rows those with the least numbers in `drawn` are looked at.
        """
        return replace(self, sigma=median_distance(x, drawn)) if self.learned else self


def less_mean(x: Any) -> Any:
    """Rows less their mean; of rows that are all alike exactly zero."""
    x = x - x[:1]
    return x - x.mean(0)


def refuse_one_sided(similarities: Any) -> None:
    """Error where a row is not as like another as the other is to it.

    Raises
    ------
    DataError
        With the greatest difference.
    """
    apart, most = (float(abs(v).max()) for v in (similarities - similarities.T, similarities))
    if not apart <= 1e-4 * most:
        raise DataError(
            "A kernel gives the same similarity whichever row comes first.",
            got={"greatest difference": apart},
            hint="kernel=lambda x, y: (f(x, y) + f(y, x).T) / 2",
        )


def alike(x: Any, y: Any) -> Any:
    """One where rows of classes are the same, else zero."""
    same = x[:, :1] == y[:, :1].T
    return same.astype(x.dtype) if isinstance(same, np.ndarray) else same.to(x.dtype)


def _times(squared: Any, sigma: float) -> Any:
    """Exponent of the Gaussian kernel; in two steps, for a squared bandwidth may be no number."""
    if traced(squared):
        return squared * (-0.5 / sigma) / sigma
    squared *= -0.5 / sigma
    squared /= sigma
    return squared


def squared_distances(x: Any, y: Any) -> Any:
    """Squared Euclidean distances of all pairs, shape (len(x), len(y)), none below zero.

    By products of matrices, of rows less their common centre: an origin far away would eat the
    digits. The distance of a row to itself is zero.
    """
    xp = namespace(x)
    centre = x.mean(axis=0) if isinstance(x, np.ndarray) else x.mean(0)
    same = x is y
    x = x - centre
    y = x if same else y - centre
    mine, other = (x * x).sum(1), (y * y).sum(1)
    if traced(x) or traced(y):
        return xp.clip(mine[:, None] + other - 2 * (x @ y.T), 0, None)
    found = x @ y.T
    found *= -2
    found += mine[:, None]
    found += other
    found = xp.clip(found, 0, None, out=found)
    if same:
        xp.fill_diagonal(found, 0) if isinstance(found, np.ndarray) else found.fill_diagonal_(0)
    return found


def unit_rows(x: Any) -> Any:
    """Rows of length one; a row of zeros stays."""
    length = namespace(x).sqrt((x * x).sum(1))[:, None]
    return x / namespace(x).where(length > 0, length, length + 1)


def median_distance(x: Any, drawn: Array | None = None) -> float:
    """Median distance of two rows that differ, of at most `LOOKED_AT` rows; one if none differ.

    Examples
    --------
    >>> import numpy as np
    >>> median_distance(np.array([[0.0], [0.0], [3.0], [4.0]]))
    3.0
    """
    _, squared = distances_looked_at(x, drawn)
    squared = squared[np.triu_indices(len(squared), 1)]
    apart = squared[squared > 0]
    return float(np.sqrt(np.median(apart))) if len(apart) else 1.0


def lots(n: int) -> Array:
    """Random numbers of so many rows, the same each time: the least tell which are looked at."""
    return np.random.default_rng(_SEED).random(n)


def distances_looked_at(x: Any, drawn: Array | None = None) -> tuple[Array, Array]:
    """Numbers of the rows that tell the bandwidth, and their squared distances; zero of copies."""
    rows = to_numpy(x)
    at: Array = np.arange(len(rows))
    if len(rows) > LOOKED_AT:
        drawn = lots(len(rows)) if drawn is None else drawn
        at = np.sort(np.argpartition(drawn, LOOKED_AT)[:LOOKED_AT])
    rows = rows[at].astype(np.float64)
    rows -= rows.mean(axis=0)
    least = COPIES * digits(to_numpy(x)) * float((rows * rows).sum(1).max(initial=0.0))
    squared = squared_distances(rows, rows)
    squared[squared <= least] = 0.0
    return at, squared
