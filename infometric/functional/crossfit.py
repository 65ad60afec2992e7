r"""A measure of two samples over folds, each with cells that the other folds chose.

With :math:`w_f` the share of the records that fold f holds, :math:`b_f` the second-order bias,

.. math:: \hat J = \sum_f w_f (J_f - b_f), \quad
   \mathrm{Var}(\hat J) = \sum_f w_f^2 \mathrm{Var}(J_f),

With nothing there :math:`\sum_f w_f J_f` has the mean of a scaled chi-square with
:math:`\sum_f (K_f - 1)` degrees of freedom, and more than its variance: a fold that chose the bins
of others was counted with bins that these chose. The test allows for it (`SHARED`).

References
----------
Chernozhukov, V., Chetverikov, D., Demirer, M., Duflo, E., Hansen, C., Newey, W., Robins, J. (2018).
Double/debiased machine learning for treatment and structural parameters. Econom. J. 21, C1-C68.
doi:10.1111/ectj.12097
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from infometric.functional.base import Caution, Functional, Null
from infometric.state.folds import Folds
from infometric.typing import Array, Units

# Variance of Pearson's X^2 over folds in units of the chi-square's, where nothing is there: 1.15 to
# 1.25 in simulations of bins chosen in 2 to 20 folds, ordered or not, 4 to 20 of them.
SHARED = 1.2


@dataclass(frozen=True)
class CrossFitted(Functional):
    """A functional of two samples as its mean over `Folds`, less its bias.

    Examples
    --------
    >>> from infometric import Counts, infer
    >>> from infometric.functional.divergence import Jeffreys
    >>> from infometric.state.folds import Folds
    >>> parts = (Counts.from_counts([[90, 40], [30, 50]]), Counts.from_counts([[80, 50], [20, 60]]))
    >>> round(infer(Jeffreys(), Folds(parts)).value, 4)  # a divergence of folds is cross-fitted
    0.4702
    """

    inner: Any
    shared: float = 1.0  # variance under the null law, in units of independent folds'

    @property
    def name(self) -> str:  # type: ignore[override]
        """That of the measure."""
        return str(self.inner.name)

    @property
    def units(self) -> Units:  # type: ignore[override]
        """Those of the measure."""
        return self.inner.units

    @property
    def bounds(self) -> tuple[float, float]:  # type: ignore[override]
        """Those of the measure."""
        return self.inner.bounds

    @property
    def groups(self) -> int:  # type: ignore[override]
        """Those of the measure."""
        return int(self.inner.groups)

    @property
    def substitute(self) -> CrossFitted:
        """Pearson's X^2 over the same folds, for the test: folds are small."""
        from infometric.functional.information import PearsonChiSquare  # which knows divergences

        return CrossFitted(getattr(self.inner, "substitute", PearsonChiSquare()), SHARED)

    def _mean(self, s: Folds, what: Any, power: int = 1) -> Array:
        """Sum over folds of what each has, times a power of its share."""
        return np.asarray(
            sum(w**power * what(part) for w, part in zip(s.share, s.parts, strict=True))
        )

    def value(self, s: Folds) -> Array:
        """Mean of the plug-in values of the folds."""
        return self._mean(s, self.inner.value)

    def variance(self, s: Folds) -> Array:
        """Sum of the variances of the folds, each times its squared share."""
        return self._mean(s, lambda part: self.inner.variance(self.inner.prepare(part)), 2)

    def null(self, s: Folds) -> Null:
        """Chi-square with the degrees of freedom of all folds, scaled to its mean."""
        laws = [self.inner.null(self.inner.prepare(part)) for part in s.parts]
        df = np.asarray(sum(law.df for law in laws))
        mean = sum(w * law.scale * law.df for w, law in zip(s.share, laws, strict=True))
        shared = self.shared if len(s.parts) > 1 else 1.0
        scale = np.divide(mean, df, out=np.array(laws[0].scale, dtype=float), where=df > 0)
        return Null(scale * shared, df / shared)

    def null_holds(self, s: Folds) -> Array:
        """Never: the second-order bias of small folds adds up, and Pearson's X^2 has none."""
        return np.asarray(False)

    def interval_holds(self, s: Folds) -> Array:
        """Whether it holds in every fold."""
        return np.all([self.inner.interval_holds(part) for part in s.parts], axis=0)

    def unbounded(self, s: Folds) -> Array:
        """Whether a fold has no upper bound."""
        return np.any([self.inner.unbounded(part) for part in s.parts], axis=0)

    def slack(self, s: Folds) -> Array:
        """Mean over the folds."""
        return self._mean(s, self.inner.slack)

    def bias(self, s: Folds) -> Array:
        """Mean over the folds."""
        return self._mean(s, self.inner.bias)

    def corrected(self, s: Folds, theta: Array) -> Array:
        """Value less its bias: small folds have much of it."""
        return np.where(np.isfinite(theta), theta - self.bias(s), theta)

    def facts(self, s: Folds) -> dict[str, Any]:
        """Value and occupied cells of each fold."""
        return {
            "folds": [float(self.inner.value(part)) for part in s.parts],
            "cells_occupied": [int(part.occupied.sum()) for part in s.parts],
        }

    def cautions(self, s: Folds) -> tuple[Caution, ...]:
        """The first of each category, with the number of folds that have one."""
        found = [self.inner.cautions(part) for part in s.parts]
        first: dict[str, str] = {}
        for cautions in found:
            for caution in cautions:
                first.setdefault(caution.category, caution.text)
        many = {
            kind: sum(any(c.category == kind for c in cautions) for cautions in found)
            for kind in first
        }
        return tuple(
            Caution(kind, f"in {many[kind]} of {len(s.parts)} folds: {text}")
            for kind, text in first.items()
        )
