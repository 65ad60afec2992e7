"""p-values of two samples that hold far out in the tail, where many tests are adjusted.

A test of twenty columns in the tenth month is made at a level of some 1e-5. There the laws of
large samples part: in simulations of 5,000 + 500 records in ten even cells, the chi-square test of
J rejects 1.5 times as often as a level of 1e-4 says, and with a cell of .05 % Pearson's X^2 more
than 3 times. The likelihood-ratio test is right there (1.0 times), and a little above its level at
5 %, where Pearson's is right. The larger of their two p-values keeps its level at both ends. With
many thin cells the likelihood ratio is too large altogether: five of a hundred become thirty with
150 cells of which one to five records are expected. It is there divided by its mean, as Williams
(1976) does, but by the exact one, and Pearson's is held by it in the tail.

With clusters the law is a mixture of chi-squares of one degree of freedom, whose far tail belongs
to its largest weights: one chi-square with its mean and variance rejects 2.2 times as often as a
level of .001 says (400 + 200 clusters of five). There the tail is that of the mixture itself, by
its saddlepoint: 1.2 times.

References
----------
Wilks, S. S. (1938). The large-sample distribution of the likelihood ratio. Ann. Math. Statist. 9,
60-62. doi:10.1214/aoms/1177732360
Hoeffding, W. (1965). Asymptotically optimal tests for multinomial distributions. Ann. Math.
Statist. 36, 369-401. doi:10.1214/aoms/1177700150
Williams, D. A. (1976). Improved likelihood ratio tests for complete contingency tables. Biometrika
63, 33-37. doi:10.1093/biomet/63.1.33
Kuonen, D. (1999). Saddlepoint approximations for distributions of quadratic forms in normal
variables. Biometrika 86, 929-935. doi:10.1093/biomet/86.4.929
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from scipy.special import gammaln, ndtr, xlog1py, xlogy

from infometric.functional.base import Null
from infometric.functional.divergence import JensenShannon, contrast_law
from infometric.functional.information import PearsonChiSquare
from infometric.typing import RNG, Array
from infometric.uncertainty.analytic import NoncentralChi2, chi2_sf
from infometric.uncertainty.base import Inference

_FEW = 20.0  # expected records from which the series serves
_REACH = 120  # counts looked at below it: the next is twenty deviations away


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
    n = s.n_eff
    share = n[..., 0] / n.sum(-1)
    weight: Any = share[..., None]  # one of each table of a batch
    pearson = PearsonChiSquare()
    value = np.asarray(JensenShannon(weight=weight).value(s))
    ratio = np.maximum(value, 0.0) / (share * (1 - share) / 2)
    if not s.independent:
        weights, law = contrast_weights(s), contrast_law(s)
        plain = pearson.value(s) * (1 / n).sum(-1)
        return mixture_sf(plain, weights, law), mixture_sf(ratio, weights, law)
    law, null = contrast_law(s), pearson.null(s)
    if not s.unequal:
        ratio = ratio / inflation(s)
    return chi2_sf(pearson.value(s) / null.scale, null.df), chi2_sf(ratio / law.scale, law.df)


def inflation(s: Any) -> Array:
    """Mean of the likelihood ratio over its degrees of freedom, of two samples that are alike.

    One where five records or more are expected in every cell, and never less.

    Parameters
    ----------
    s : Counts
        Two groups, of records of one weight.

    Examples
    --------
    >>> from infometric import Counts
    >>> float(inflation(Counts.from_counts([[50, 60, 70], [8, 6, 9]])))
    1.0
    >>> round(float(inflation(Counts.from_counts([[50, 60, 70, 4], [20, 30, 10, 1]]))), 3)
    1.078
    """
    total = s.table.sum(-2)
    share = np.broadcast_to((s.n.min(-1) / s.n.sum(-1))[..., None], total.shape)
    df = s.occupied.sum(-1) - 1
    expected = np.where(total > 0, total * share, np.inf)
    thin = (expected.min(-1) < 5) & (df > 0)
    mean = np.where(total > 0, 1.0, 0.0)
    here = thin[..., None] & (total > 0)
    mean[here] = deviance_mean(total[here], share[here])
    found = np.where(thin, (mean.sum(-1) - 1) / np.maximum(df, 1), 1.0)
    return np.maximum(found, 1.0)


def deviance_mean(n: Array, share: Array) -> Array:
    """Mean of ``2 [x log(x / n p) + (n - x) log((n - x) / n (1 - p))]`` of a binomial x.

    Exact where fewer than twenty are expected, elsewhere to the first order in 1 / n.

    Parameters
    ----------
    n : ndarray of shape (k,)
        Trials, one at least.
    share : ndarray of shape (k,)
        Chance p, a half at most.
    """
    found = 1 + (1 / share + 1 / (1 - share) - 1) / (6 * n)
    small = n * share < _FEW
    pairs, back = np.unique(n[small] + 1j * share[small], return_inverse=True)
    size, p, x = pairs.real[:, None], pairs.imag[:, None], np.arange(_REACH)
    rest = np.maximum(size - x, 0)
    here = x <= size
    log = gammaln(size + 1) - gammaln(x + 1) - gammaln(rest + 1) + xlogy(x, p) + xlog1py(rest, -p)
    weight = np.where(here, np.exp(np.where(here, log, 0.0)), 0.0)
    term = xlogy(x, x / (size * p)) + xlogy(rest, rest / (size * (1 - p)))
    found[small] = 2 * (weight * term).sum(-1)[back]
    return found


def contrast_weights(s: Any) -> Array:
    """Weights of the chi-squares in the law of two samples with clusters, shape (..., n_cells)."""
    n = s.n_eff
    pooled = (s.p * n[..., None]).sum(-2) / n.sum(-1)[..., None]
    root = np.sqrt(np.divide(1.0, pooled, out=np.zeros(pooled.shape), where=pooled > 0))
    return np.linalg.eigvalsh(root[..., :, None] * s.contrast_covariance() * root[..., None, :])


def mixture_sf(q: Array, weights: Array, near: Null) -> Array:
    """Upper tail of ``sum_k weights_k chi2(1)`` by Kuonen's saddlepoint.

    Its error far out is some 2 % with four even weights, 10 % with one, always to the larger side.

    Parameters
    ----------
    q : ndarray of shape (...)
        Values.
    weights : ndarray of shape (..., n_cells)
        Weights; those of rounding errors, zero or below, have no part.
    near : Null
        Chi-square that serves around the mean, where the saddlepoint is none.

    Examples
    --------
    Imhof's (1961) example, whose exact tails are .9458 and .1240:

    >>> weights = np.array([0.6, 0.3, 0.1])
    >>> near = Null(np.asarray(0.46), np.asarray(2.17))
    >>> [round(float(mixture_sf(np.asarray(q), weights, near)), 3) for q in (0.1, 2.0)]
    [0.945, 0.122]
    """
    q, most = np.asarray(q, dtype=float), weights.max(-1)
    some = (q > 0) & (most > 0)
    lam = np.maximum(weights, 1e-12 * np.where(most > 0, most, 1.0)[..., None])
    low = -lam.shape[-1] / (2 * np.where(some, q, 1.0))
    high = 1 / (2 * lam.max(-1)) * (1 - 1e-12)
    for _ in range(80):  # of halving: the slope of the cumulants rises with t
        t = (low + high) / 2
        below = (lam / (1 - 2 * t[..., None] * lam)).sum(-1) < q
        low, high = np.where(below, t, low), np.where(below, high, t)
    rest = 1 - 2 * t[..., None] * lam
    w = np.sign(t) * np.sqrt(np.maximum(2 * t * q + np.log(rest).sum(-1), 0.0))
    v = t * np.sqrt(2 * ((lam / rest) ** 2).sum(-1))
    with np.errstate(divide="ignore", invalid="ignore"):
        far = ndtr(-(w + np.log(v / w) / w))
    close = (np.abs(w) < 0.05) | ~np.isfinite(far)
    found = np.where(close, chi2_sf(q / near.scale, near.df), far)
    return np.where(some, found, 1.0)
