r"""Scores: the moments of per-row values, merged by Chan, Golub and LeVeque (1983).

.. math:: M_2 = \sum_i (x_i - \bar x)^2, \qquad
   M_2^{a+b} = M_2^a + M_2^b + (\bar x_b - \bar x_a)^2 \, n_a n_b / (n_a + n_b).

References
----------
Chan, T. F., Golub, G. H., LeVeque, R. J. (1983). Algorithms for computing the sample variance.
The American Statistician 37(3), 242-247. doi:10.1080/00031305.1983.10483115
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from infometric.exceptions import DataError, MergeError
from infometric.typing import Array

SCHEMA_VERSION = 1


@dataclass(frozen=True, eq=False)
class Scores:
    """Sample size, mean and second central moment of per-row values.

    Parameters
    ----------
    n : float or ndarray of shape (...)
        Number of rows, or total weight.
    mean : float or ndarray of shape (...)
        Their mean.
    m2 : float or ndarray of shape (...)
        Weighted sum of squared deviations from the mean.
    n_eff : float or ndarray of shape (...), optional
        Kish's effective sample size; `n` where no row carries a weight.
    key : str
        Fingerprint of what made the values.

    Examples
    --------
    >>> from infometric.state.scores import Scores
    >>> parts = Scores.from_values([1.0, 2.0]) + Scores.from_values([6.0])
    >>> float(parts.mean), float(parts.m2)
    (3.0, 14.0)
    """

    n: Array
    mean: Array
    m2: Array
    n_eff: Array | None = None
    key: str = ""
    capabilities: ClassVar[frozenset[str]] = frozenset({"influence", "leave_out"})

    @classmethod
    def from_values(cls, values: Any, *, weights: Any = None, key: str = "") -> Self:
        """Moments of an array of values, shape (..., n_rows).

        Raises
        ------
        DataError
            Where there is no row, or where a value is not finite.
        """
        try:
            x = np.asarray(values, dtype=float)
        except (TypeError, ValueError) as error:
            raise DataError(
                "Scores must be numbers.", got=values, hint="Scores.from_values([0.2, 0.5])"
            ) from error
        if x.ndim == 0 or x.shape[-1] == 0 or not np.isfinite(x).all():
            raise DataError(
                "Scores need at least one row and finite values.",
                got=x[~np.isfinite(x)][:5].tolist() if x.ndim and x.size else values,
                hint="Scores.from_values(x[np.isfinite(x)])",
            )
        w = np.ones(x.shape[-1]) if weights is None else np.asarray(weights, dtype=float)
        total = w.sum()
        mean = (w * x).sum(-1) / total
        m2 = (w * (x - mean[..., None]) ** 2).sum(-1)
        effective = None if weights is None else np.asarray(total**2 / (w**2).sum())
        return cls(np.asarray(total), mean, m2, effective, key)

    @property
    def n_effective(self) -> Array:
        """Effective number of rows."""
        return self.n if self.n_eff is None else self.n_eff

    def variance(self, influence: Array) -> Array:
        """Sampling variance of ``influence * mean``."""
        return influence**2 * self.m2 / (self.n * self.n_effective)

    def __add__(self, other: Scores) -> Scores:
        """Moments of the joined rows."""
        if not isinstance(other, Scores):
            return NotImplemented
        if self.key != other.key:
            raise MergeError(
                "Scores of different origin cannot be joined.",
                got=(self.key, other.key),
                hint="score both parts with one fitted estimator",
            )
        n = self.n + other.n
        step = other.mean - self.mean
        mean = self.mean + step * other.n / n
        m2 = self.m2 + other.m2 + step**2 * self.n * other.n / n
        # sum w^2 adds: n_eff = (sum w)^2 / sum w^2
        squares = self.n**2 / self.n_effective + other.n**2 / other.n_effective
        plain = self.n_eff is None and other.n_eff is None
        return Scores(n, mean, m2, None if plain else n**2 / squares, self.key)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready representation, read back by `from_dict`."""
        fields = {name: getattr(self, name) for name in ("n", "mean", "m2", "n_eff")}
        arrays = {k: None if v is None else np.asarray(v).tolist() for k, v in fields.items()}
        return {"schema_version": SCHEMA_VERSION, "state": "scores", **arrays, "key": self.key}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Inverse of `to_dict`."""
        if data.get("schema_version") != SCHEMA_VERSION or data.get("state") != "scores":
            raise DataError(
                f"This is not a scores state of schema version {SCHEMA_VERSION}.",
                got={k: data.get(k) for k in ("state", "schema_version")},
                hint="write it again with this version: scores.to_dict()",
            )
        n_eff = None if data["n_eff"] is None else np.asarray(data["n_eff"])
        n, mean, m2 = (np.asarray(data[k]) for k in ("n", "mean", "m2"))
        return cls(n, mean, m2, n_eff, data["key"])
