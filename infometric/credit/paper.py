r"""The published standard error and interval of the information value, as published.

.. math:: \mathrm{Var}(IV) = \sum_j (P^g_j - P^b_j)^2 (1/g_j + 1/b_j), \quad
   IV \pm z\,SE, \quad Z = IV/SE \sim N(0, 1).

The shares are taken as constants, so the standard error is about half the truth, and the normal
law does not hold where there is nothing to find. `method="paper"` reproduces the figures; the
calibration page says how far they cover. Use the default for decisions.

References
----------
Sudjianto, A., Burakov, D. (2025). An information-theoretic framework for credit risk modeling.
arXiv:2509.09855, equations 15 to 22.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.special import ndtr

from infometric.exceptions import UnsupportedError
from infometric.functional.divergence import Jeffreys
from infometric.state.counts import Counts
from infometric.typing import RNG, Array
from infometric.uncertainty.base import Inference, normal_interval


@dataclass(frozen=True)
class PaperIndependentShares:
    """Sudjianto and Burakov's (2025) interval: shares as constants, normal limit."""

    name: ClassVar[str] = "paper"
    needs: ClassVar[frozenset[str]] = frozenset({"influence"})

    def __call__(
        self, functional: Any, state: Counts, theta: Array, *, level: float, rng: RNG = None
    ) -> Inference:
        """Standard error, interval and p-value as published."""
        if not isinstance(functional, Jeffreys):
            raise UnsupportedError(
                "The published formula is for IV and PSI alone.",
                got=functional.name,
                hint="uncertainty='auto'",
            )
        s = functional.prepare(state)
        gap = s.p[..., 0, :] - s.p[..., 1, :]
        records = s.p * s.n_eff[..., None]
        inverse = np.divide(1.0, records, out=np.zeros(records.shape), where=records > 0)
        se = np.sqrt((gap**2 * inverse.sum(-2)).sum(-1))
        low, high = normal_interval(theta, se, level)
        with np.errstate(divide="ignore", invalid="ignore"):
            pvalue = np.where(se > 0, 2 * ndtr(-np.abs(theta) / se), 1.0)
        return Inference(self.name, se, low, high, pvalue)
