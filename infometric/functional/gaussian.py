r"""Mutual information under a Gaussian copula.

Normal scores of each column, and the information of normal variables with their correlations:

.. math:: I = \tfrac12 \log \frac{|S_x| |S_y|}{|S_{xy}|} - b, \qquad
   2 b = \sum_{i \le d_x} \psi\left(\tfrac{N - i}{2}\right)
   + \sum_{i \le d_y} \psi\left(\tfrac{N - i}{2}\right)
   - \sum_{i \le d_x + d_y} \psi\left(\tfrac{N - i}{2}\right).

Of one variable each it converges to a lower bound of the truth whatever the copula.

References
----------
Ince, R. A. A., et al. (2017). A statistical framework for neuroimaging data analysis based on
mutual information estimated via a Gaussian copula. Hum. Brain Mapp. 38, 1541-1573.
doi:10.1002/hbm.23471
Fisher, R. A. (1921). On the "probable error" of a coefficient of correlation. Metron 1, 3-32.
Bartlett, M. S. (1938). Further aspects of the theory of multiple regression. Proc. Camb. Phil. Soc.
34, 33-40. doi:10.1017/S0305004100019897
Mardia, K. V. (1970). Measures of multivariate skewness and kurtosis with applications. Biometrika
57, 519-530. doi:10.1093/biomet/57.3.519
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.special import chdtrc, ndtri

from infometric.exceptions import DataError
from infometric.functional.base import Interval
from infometric.functional.differential import KozachenkoLeonenko, copula_term
from infometric.functional.sample import SampleFunctional, Scale, blocks_of, require_rows
from infometric.state.sample import Sample
from infometric.typing import Array

# Mardia's standardised kurtosis of normal scores of normal rows is -0.75 with a standard deviation
# of .4 to .8, as their margins are fixed: simulated for 2 to 10 dimensions and 50 to 1000 rows
SCORES_MARDIA, MOST_MARDIA = -0.75, 1.6
ASSUMED = (
    "the interval holds if the dependence is that of a normal law, which data can contradict but "
    "not prove"
)


@dataclass(frozen=True)
class GaussianCopula(SampleFunctional):
    """Mutual information of normal variables with the rank correlations of the sample.

    Parameters
    ----------
    scale : {"rank", "standard"}
        Normal scores of the ranks, or the numbers themselves where they are normal already.

    Examples
    --------
    >>> import numpy as np
    >>> from infometric import Sample
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=2000)
    >>> s = Sample.of(np.exp(x), (0.6 * x + 0.8 * rng.normal(size=2000)) ** 3)
    >>> round(float(GaussianCopula().value(s)), 2)
    0.22
    """

    slug: ClassVar[str] = "gaussian_copula"
    name: ClassVar[str] = "mutual_information"
    bounds: ClassVar[tuple[float, float]] = (0.0, np.inf)
    variables: ClassVar[int] = 2
    least: ClassVar[bool] = True
    scale: Scale = "rank"

    def check(self, s: Sample) -> None:
        """Error where the correlation matrix has no inverse, or a variable is a class."""
        if "discrete" in s.kinds:
            raise DataError(
                "A class has no normal scores.",
                got={"kinds": s.kinds},
                hint="estimator='auto' for a class and numbers",
            )
        require_rows(s, max(5, sum(s.dims) + 3), f"a copula of {sum(s.dims)} dimensions")

    def favoured(self, s: Any) -> str:
        """Fisher's z."""
        return "fisher_z"

    def canonical_correlations(self, s: Sample) -> Array:
        """Canonical correlations of x and y, shape (min(d_x, d_y),).

        Raises
        ------
        DataError
            Where the columns of a variable are linearly dependent.
        """
        self.check(s)
        x, y = (v - v.mean(axis=0) for v in blocks_of(s, self.scale, "mixed"))
        bases = []
        for v in (x, y):
            u, width, _ = np.linalg.svd(v, full_matrices=False)
            if width[-1] <= 1e-10 * max(width[0], 1e-300):
                raise DataError(
                    "A column is constant, or the columns of a variable are linearly dependent.",
                    got={"dimensions": v.shape[1], "rank": int((width > 1e-10 * width[0]).sum())},
                    hint="leave out columns that are constant or that others determine",
                )
            bases.append(u)
        r = np.linalg.svd(bases[0].T @ bases[1], compute_uv=False)
        return np.minimum(r, 1.0)

    def value(self, s: Sample) -> Array:
        """Information in nats, less the bias."""
        r = self.canonical_correlations(s)
        with np.errstate(divide="ignore"):
            return np.asarray(-0.5 * np.log1p(-(r**2)).sum() - self._expected(s))

    def _expected(self, s: Sample) -> Array:
        """Expectation of the information of independent normal rows."""
        n, (dx, dy) = int(s.n[0]), s.dims
        return np.asarray(copula_term(n, dx) + copula_term(n, dy) - copula_term(n, dx + dy))

    def variance(self, s: Sample) -> Array:
        """Sum of the squared canonical correlations over the sample size."""
        r = self.canonical_correlations(s)
        return np.asarray((r**2).sum() / s.n[0])

    def interval(self, kind: str, s: Sample, level: float) -> Interval | None:
        """Fisher's z interval of one dimension a side; Wald's around the value for more."""
        if kind != "fisher_z":
            return None
        r, n = self.canonical_correlations(s), int(s.n[0])
        z = ndtri(0.5 + level / 2)
        normal = self.normal(s)
        se = float(np.sqrt((r**2).sum() / n))
        if len(r) == 1 and s.dims == (1, 1):
            middle, half = math.atanh(min(float(r[0]), 1 - 1e-16)), z / math.sqrt(n - 3)
            ends = np.tanh([max(0.0, middle - half), middle + half])
            low, high = -0.5 * np.log1p(-(ends**2))
            high = high if normal else np.inf  # whatever the copula, no less is shared
        else:
            theta = float(self.value(s))
            low, high = max(0.0, theta - z * se), theta + z * se
            low, high = (low, high) if normal else (np.nan, np.nan)
        return Interval(np.asarray(se), np.asarray(low), np.asarray(high))

    def normal(self, s: Sample) -> bool:
        """Whether the kurtosis of the joint law of the scores is that of normal rows."""
        return abs(mardia(s) - SCORES_MARDIA) <= MOST_MARDIA

    def hesitations(self, s: Sample) -> tuple[str, ...]:
        """What the interval rests on."""
        if self.normal(s):
            return (ASSUMED,)
        bound = "what is given is a lower bound" if s.dims == (1, 1) else "no interval is given"
        return (
            "the joint law of the normal scores is not normal (Mardia's kurtosis is "
            f"{mardia(s):.1f} standard deviations off): the dependence is of another kind; {bound}",
        )

    def pvalue(self, s: Sample) -> Array:
        """Bartlett's test of no correlation."""
        r, n, (dx, dy) = self.canonical_correlations(s), int(s.n[0]), s.dims
        with np.errstate(divide="ignore"):
            statistic = -(n - 1 - (dx + dy + 1) / 2) * np.log1p(-(r**2)).sum()
        return np.asarray(chdtrc(float(dx * dy), max(float(statistic), 0.0)))

    def facts(self, s: Sample) -> dict[str, Any]:
        """Canonical correlations, and how far from normal the joint law of the scores is."""
        return {
            "estimator": self.slug,
            "canonical_correlations": self.canonical_correlations(s),
            "mardia_z": mardia(s),
        }


@dataclass(frozen=True)
class GaussianCopulaEntropy(KozachenkoLeonenko):
    """Entropy of a vector: that of each column by neighbours, less what a Gaussian copula shares.

    The entropy of one column is nearly free of bias; the dependence is that of the normal scores.

    Parameters
    ----------
    n_neighbors, norm, ties, n_jobs
        As in `KozachenkoLeonenko`.

    Examples
    --------
    >>> import numpy as np
    >>> from infometric import Sample
    >>> x = np.random.default_rng(0).normal(size=(2000, 3))
    >>> round(float(GaussianCopulaEntropy().value(Sample.of(x))), 1)  # 3 log(2 pi e) / 2 = 4.26
    4.2
    """

    slug: ClassVar[str] = "gaussian_copula"

    def local(self, s: Sample) -> Array:
        """Sum of the columns' terms, less the shared information."""
        columns = (s.with_groups([(x[:, None],)]) for x in s.variables[0].T)
        terms = np.sum([super(GaussianCopulaEntropy, self).local(c) for c in columns], axis=0)
        return terms - self._shared(s)

    def _shared(self, s: Sample) -> float:
        """Total correlation of normal variables with these rank correlations, less its bias."""
        (v,) = blocks_of(s, "rank", "jitter")
        n, d = v.shape
        correlations = np.corrcoef(v, rowvar=False).reshape(d, d)
        expected = d * copula_term(n, 1) - copula_term(n, d)
        return float(-0.5 * np.linalg.slogdet(correlations)[1]) - expected

    def hesitations(self, s: Sample) -> tuple[str, ...]:
        """What the interval rests on."""
        return (ASSUMED,) if s.dims[0] > 1 else super().hesitations(s)


def mardia(s: Sample) -> float:
    """Standardised kurtosis of the joint law of normal scores; near zero under a Gaussian copula.

    Centred and scaled by its moments under normal rows (Mardia 1970).
    """
    v = np.hstack(blocks_of(s, "rank", "mixed"))
    v = v - v.mean(axis=0)
    n, d = v.shape
    q = np.linalg.svd(v, full_matrices=False)[0]
    squares = n * (q**2).sum(axis=1)
    kurtosis = float((squares**2).mean())
    expected = d * (d + 2) * (n - 1) / (n + 1)
    return (kurtosis - expected) / math.sqrt(8 * d * (d + 2) / n)
