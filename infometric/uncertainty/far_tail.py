"""p-values of two samples that hold far out in the tail, where many tests are adjusted.

A test of twenty columns in the tenth month is made at a level of some 1e-5. There the laws of
large samples part: in simulations of 5,000 + 500 records in ten even cells, the chi-square test of
J rejects 1.5 times as often as a level of 1e-4 says, and with a cell of .05 % Pearson's X^2 more
than 3 times. The likelihood-ratio test is right there (1.0 times), and a little above its level at
5 %, where Pearson's is right. The larger of their two p-values keeps its level at both ends.

References
----------
Wilks, S. S. (1938). The large-sample distribution of the likelihood ratio. Ann. Math. Statist. 9,
60-62. doi:10.1214/aoms/1177732360
Hoeffding, W. (1965). Asymptotically optimal tests for multinomial distributions. Ann. Math.
Statist. 36, 369-401. doi:10.1214/aoms/1177700150
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from infometric.functional.divergence import JensenShannon, contrast_law
from infometric.functional.information import PearsonChiSquare
from infometric.typing import RNG, Array
from infometric.uncertainty.analytic import NoncentralChi2, chi2_sf
from infometric.uncertainty.base import Inference


@dataclass(frozen=True)
class FarTail:
    """Noncentral chi-square interval, with the larger p-value of Pearson and likelihood ratio.

    Examples
    --------
    >>> from infometric import Counts, infer
    >>> from infometric.functional.divergence import Jeffreys
    >>> s = Counts.from_counts([[500, 400, 100], [60, 25, 15]])
    >>> infer(Jeffreys(), s, FarTail()).pvalue == max(far_pvalues(s)).item()
    True
    """

    name: ClassVar[str] = "far_tail"
    needs: ClassVar[frozenset[str]] = frozenset({"influence"})

    def __call__(
        self, functional: Any, state: Any, theta: Array, *, level: float, rng: RNG = None
    ) -> Inference:
        """Standard error, interval and p-value; the lower bound is zero where p does not reject."""
        found = NoncentralChi2()(functional, state, theta, level=level, rng=rng)
        pvalue = np.maximum(*far_pvalues(state))
        low = np.where(pvalue > (1 - level) / 2, 0.0, found.low)
        return replace(
            found,
            method="ncx2+far_tail",
            low=np.where(np.isnan(found.low), np.nan, low),
            pvalue=pvalue,
            diagnostics=found.diagnostics | {"null_test": "pearson and likelihood ratio"},
        )


def far_pvalues(s: Any) -> tuple[Array, Array]:
    """p-values of Pearson's X^2 and of the likelihood ratio, of two samples.

    The likelihood ratio is a Jensen-Shannon divergence weighted by the sizes.
    """
    pearson = PearsonChiSquare()
    law = pearson.null(s)
    first = chi2_sf(pearson.value(s) / law.scale, law.df)
    n = s.n_eff
    share = n[..., 0] / n.sum(-1)
    weight: Any = share[..., None]  # one of each table of a batch
    value = np.asarray(JensenShannon(weight=weight).value(s))
    null = contrast_law(s)
    scale = share * (1 - share) / 2 * null.scale
    return first, chi2_sf(np.maximum(value, 0.0) / scale, null.df)
