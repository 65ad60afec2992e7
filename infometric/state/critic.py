r"""CriticScores: what a trained critic says of rows that it has not seen.

Per-row influence values of a bound, as in `Scores`, and the permutation moments of the mean score
of the pairs: with double-centred scores :math:`d_{ij}` of a block of b rows, the sum
:math:`\sum_i f_{i \pi(i)}` over random pairings :math:`\pi` has

.. math:: E = \tfrac1b \sum_{ij} f_{ij}, \qquad V = \tfrac{1}{b - 1} \sum_{ij} d_{ij}^2 ,

exactly; moments of blocks add. They tell, at no cost, whether the critic knows anything.

References
----------
Hoeffding, W. (1951). A combinatorial central limit theorem. Ann. Math. Statist. 22, 558-566.
doi:10.1214/aoms/1177729545
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from infometric.exceptions import DataError
from infometric.state.scores import Scores
from infometric.typing import Array


@dataclass(frozen=True, eq=False)
class CriticScores(Scores):
    """Moments of influence values, and of the scores under random pairing.

    Parameters
    ----------
    n, mean, m2, n_eff, key
        As in `Scores`.
    together : float
        Sum of the scores of the pairs drawn together.
    expected, spread : float
        Mean and variance of that sum under random pairings.
    block : int
        Rows of the smallest block scored at once; ceilings depend on it.

    Examples
    --------
    >>> scores = np.diag([2.0, 2.0, 2.0])  # a random pairing meets one of its own on average
    >>> s = CriticScores.of([(scores, np.full(3, 1.5))])
    >>> float(s.expected), round(float(s.spread), 3), round(float(s.z), 3), s.block
    (2.0, 4.0, 2.0, 3)
    """

    together: float = 0.0
    expected: float = 0.0
    spread: float = 0.0
    block: int = 0

    @classmethod
    def of(cls, blocks: Iterable[tuple[Array, Array]], *, key: str = "") -> Self:
        """State of blocks of held-out rows: square scores, and influence values of the rows.

        Influence values that are not finite, as where a partition overflows, are kept: their mean
        says so, and has no error.

        Raises
        ------
        DataError
            Where there is no block, a score is not finite, or a block has one row.
        """
        parts = [cls._block(scores, influence, key) for scores, influence in blocks]
        if not parts:
            raise DataError("There are no rows to score.", got=0, hint="estimate(x_test, y_test)")
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return total

    @classmethod
    def _block(cls, scores: Array, influence: Array, key: str) -> Self:
        f = np.asarray(scores, dtype=float)
        b = len(f)
        if f.shape != (b, b) or b < 2:
            raise DataError(
                "Scores are of every row with every other, two or more.",
                got={"shape": f.shape},
                hint="more rows",
            )
        if not np.isfinite(f).all():
            raise DataError(
                "The critic's scores are not finite on rows that it has not seen.",
                got=f[~np.isfinite(f)][:3].tolist(),
                hint="scaling='standard', a smaller learning_rate, or a critic that stays finite",
            )
        apart = f - f.mean(0) - f.mean(1)[:, None] + f.mean()
        with np.errstate(invalid="ignore", over="ignore"):
            psi = np.asarray(influence, dtype=float)
            mean = psi.mean()
            m2 = ((psi - mean) ** 2).sum()
        return cls(
            np.asarray(float(b)),
            np.asarray(mean),
            np.asarray(m2 if np.isfinite(m2) else np.nan),
            None,
            key,
            together=float(np.trace(f)),
            expected=float(f.sum() / b),
            spread=float((apart**2).sum() / (b - 1)),
            block=b,
        )

    @property
    def z(self) -> float:
        """How many standard deviations the scores lie above those of random pairings."""
        apart = self.together - self.expected
        return apart / np.sqrt(self.spread) if self.spread > 0 else 0.0

    def __add__(self, other: Scores) -> Self:
        """State of the rows of both."""
        with np.errstate(invalid="ignore", over="ignore"):
            joined = super().__add__(other)
        if not isinstance(other, CriticScores):
            return NotImplemented
        return replace(
            self,
            n=joined.n,
            mean=joined.mean,
            m2=joined.m2,
            n_eff=joined.n_eff,
            together=self.together + other.together,
            expected=self.expected + other.expected,
            spread=self.spread + other.spread,
            block=min(self.block, other.block),
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready representation, read back by `from_dict`."""
        more = {name: getattr(self, name) for name in ("together", "expected", "spread", "block")}
        return super().to_dict() | more

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Inverse of `to_dict`."""
        plain = Scores.from_dict(data)
        more = {name: data[name] for name in ("together", "expected", "spread", "block")}
        return cls(plain.n, plain.mean, plain.m2, plain.n_eff, plain.key, **more)
