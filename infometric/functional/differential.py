r"""Entropy of continuous variables.

Kozachenko and Leonenko: with :math:`\epsilon_i` the distance of row i to its k-th neighbour,
:math:`V_d` the volume of the unit ball and N rows in d dimensions,

.. math:: H = \psi(N) - \psi(k) + \log V_d + \frac{d}{N} \sum_i \log \epsilon_i .

Berrett, Samworth and Yuan: a weighted mean over k, with weights such that the bias of order
:math:`(k/N)^{2l/d}` cancels. Leonenko, Pronzato and Savani: with
:math:`\zeta_i = (N - 1) C_k V_d \epsilon_i^d` the mean of :math:`\zeta^{1-q}` is the integral of
:math:`f^q`, whence the entropies of Rényi and Tsallis.

References
----------
Kozachenko, L. F., Leonenko, N. N. (1987). Sample estimate of the entropy of a random vector.
Probl. Inf. Transm. 23(2), 95-101.
Berrett, T. B., Samworth, R. J., Yuan, M. (2019). Efficient multivariate entropy estimation via
k-nearest neighbour distances. Ann. Statist. 47(1), 288-318. doi:10.1214/18-AOS1688
Leonenko, N., Pronzato, L., Savani, V. (2008). A class of Rényi information estimators for
multidimensional densities. Ann. Statist. 36(5), 2153-2182. doi:10.1214/07-AOS539
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, ClassVar, Literal

import numpy as np
from scipy.linalg import lstsq
from scipy.special import digamma, gammaln

from infometric.exceptions import DataError, InvalidParameterError, UnsupportedError
from infometric.functional.sample import (
    SampleFunctional,
    Ties,
    has_atoms,
    has_ties,
    in_pairs,
    jittered,
    require_rows,
    spread,
    standardized,
    tied_share,
)
from infometric.state.sample import Sample
from infometric.state.search import nearest
from infometric.typing import Array

Norm = Literal["max", "euclidean"]


HIDDEN = 0.4  # standard errors
MANY_DIMENSIONS = (
    "in three dimensions and more, entropies of neighbours are too low by about a standard error "
    "at any sample size (normal law, three dimensions, 1,000 rows), and the interval falls short"
)
FEW = 20  # rows of a value, on average, above which a column looks discrete
DISCRETE = (
    "so few values come so often that the column looks discrete: entropy(x) is what has a meaning "
    "then; of rounded numbers the value is that of the density spread over their cells"
)
PAIRED = (
    "values come in pairs, as if rows were entered twice: if they were, np.unique(x) first; if the "
    "numbers were rounded before they were transformed, no harm is done"
)
SPACED = (
    "entropies of spacings are biased by their window, and the interval allows for what shows in "
    "parts alone; estimator='knn' is nearly free of it"
)


def log_ball(d: int, norm: Norm) -> float:
    """Log volume of the ball of radius one in d dimensions."""
    if norm == "max":
        return d * math.log(2.0)
    return 0.5 * d * math.log(math.pi) - float(gammaln(1 + d / 2))


UNSEEN_BIAS = (
    "the bias is not looked at, and the interval is short: it held 92 times in 100 of normal rows "
    "in one dimension, 90 in two; method='subsampling' allows for both"
)


@dataclass(frozen=True)
class DifferentialEntropy(SampleFunctional):
    """Base of the entropies of one continuous variable of one or more dimensions."""

    name: ClassVar[str] = "differential_entropy"
    bounds: ClassVar[tuple[float, float]] = (-np.inf, np.inf)

    def _rows(self, s: Sample, ties: Ties) -> tuple[Array, float]:
        """Standardised rows, and the log of the factor that their volume shrank by."""
        x = s.variables[0]
        width = spread(x)
        if constant := np.flatnonzero(x.min(axis=0) == x.max(axis=0)).tolist():
            raise DataError(
                "A constant column has no density: its differential entropy is minus infinity.",
                got={"column": constant[0], "value": float(x[0, constant[0]])},
                hint="leave the column out, or entropy(x) for a discrete variable",
            )
        if ties != "raise":
            x = jittered(x, ties)
            width = spread(x)
        return standardized(x), float(np.log(width).sum())

    def facts(self, s: Sample) -> dict[str, Any]:
        """Name of the estimator."""
        return {"estimator": self.slug}

    def allowance(self, s: Sample, theta: float, se: float) -> float:
        """A bias of normal laws in two dimensions that hardly falls with n."""
        return HIDDEN * se if s.dims[0] == 2 else 0.0

    def hesitations(self, s: Sample) -> tuple[str, ...]:
        """In more dimensions that bias nears a standard error, and parts do not show it."""
        if s.dims[0] > 2:
            return (MANY_DIMENSIONS,)
        x = s.variables[0][:, 0]
        if s.dims[0] > 1 or not has_ties(x):
            return ()
        if FEW * len(np.unique(x)) < len(x):
            return (DISCRETE,)
        return (PAIRED,) if in_pairs(x) else ()

    def decided(self, s: Sample) -> SampleFunctional:
        """With ties decided on all rows: parts of them must not decide otherwise."""
        if getattr(self, "ties", "") != "auto" or has_atoms(s):
            return self
        return replace(self, ties="jitter")  # type: ignore[call-arg]


@dataclass(frozen=True)
class _Neighbors(DifferentialEntropy):
    of_terms: ClassVar[tuple[str, ...]] = (UNSEEN_BIAS,)
    n_neighbors: int = 3
    norm: Norm = "max"
    ties: Ties = "auto"
    n_jobs: int = 1

    def check(self, s: Sample) -> None:
        """Error where a row has no k-th neighbour."""
        require_rows(s, self.n_neighbors + 2, f"n_neighbors={self.n_neighbors}")

    def variance(self, s: Sample) -> Array:
        """Variance of the mean of the terms, in the dimensions where its interval is of use.

        Raises
        ------
        UnsupportedError
            In three dimensions and more.
        """
        if s.dims[0] > 2:
            raise UnsupportedError(
                "The interval from single terms is far too short in three dimensions and more: it "
                "held 0 to 73 times in 100 (uniform and normal laws, 1,000 rows).",
                got={"dimensions": s.dims[0]},
                hint="method='subsampling', or uncertainty='subsampling' of a class",
            )
        return self._variance(s)

    def _variance(self, s: Sample) -> Array:
        return super().variance(s)

    def _distances(self, s: Sample) -> tuple[Array, float]:
        """Distances to the neighbours, (n_rows, k), and the log factor of the scale."""
        self.check(s)
        rows, factor = self._rows(s, self.ties)
        found = nearest(rows, rows, self.n_neighbors, norm=self.norm, n_jobs=self.n_jobs)
        return found, factor

    def facts(self, s: Sample) -> dict[str, Any]:
        """Neighbours, norm, and the share of tied rows where there is any."""
        tied = tied_share(s.variables[0])
        said = {
            "estimator": self.slug,
            "n_neighbors": self.n_neighbors,
            "norm": self.norm,
            "ties": self.ties,
        }
        return said | ({"tied_rows": tied} if tied else {})


def refuse_copies(radius: Array, what: str, asked: Any = None) -> None:
    """Error where a distance is zero: an atom has no density.

    Raises
    ------
    DataError
        With the number of rows, and what to do.
    """
    copies = int((radius == 0).sum())
    if copies:
        kind = type(asked or KozachenkoLeonenko())
        raise DataError(
            f"{copies} row(s) are copies of their neighbours, and an atom has no density: {what}.",
            got={"rows with distance zero": copies, "rows": radius.size},
            hint="x = np.unique(x, axis=0) where rows were entered twice; bins=10 and the discrete "
            "measure where values are atoms; "
            f"estimator={kind.__module__}.{kind.__name__}(ties='jitter') where they were rounded",
        )


@dataclass(frozen=True)
class KozachenkoLeonenko(_Neighbors):
    """Entropy from the distance to the k-th neighbour.

    Parameters
    ----------
    n_neighbors : int
        Number of neighbours k.
    norm : {"max", "euclidean"}
        Norm of the distances.
    ties : {"auto", "jitter", "raise"}
        What equal values are: rounded numbers, spread over their cells, but for the atoms of a
        column with many values that come once, which are an error; rounded numbers all; or an error
        where a distance is zero.
    n_jobs : int
        Number of threads.

    Examples
    --------
    >>> import numpy as np
    >>> from infometric import Sample
    >>> x = np.random.default_rng(0).normal(size=4000)
    >>> round(float(KozachenkoLeonenko().value(Sample.of(x))), 2)  # log(2 pi e) / 2 = 1.42
    1.43
    """

    slug: ClassVar[str] = "kozachenko_leonenko"

    def local(self, s: Sample) -> Array:
        """Terms of the rows."""
        found, factor = self._distances(s)
        radius, d = found[:, -1], s.dims[0]
        refuse_copies(radius, "the entropy would be minus infinity")
        constant = digamma(len(radius)) - digamma(self.n_neighbors) + log_ball(d, self.norm)
        return constant + factor + d * np.log(radius)


@lru_cache(maxsize=256)
def neighbor_weights(k: int, d: int, orders: int, every: bool = False) -> tuple[float, ...]:
    r"""Weights of the neighbours 1..k: the shortest vector that sums to one and cancels bias.

    :math:`\sum_j w_j \Gamma(j + 2l/d) / \Gamma(j) = 0` for l = 1..orders. Unless `every` neighbour
    has a weight, it is on multiples of k / d alone.

    Examples
    --------
    >>> neighbor_weights(3, 1, 0)
    (0.0, 0.0, 1.0)
    """
    w = np.zeros(k)
    if orders == 0:
        w[-1] = 1.0
        return tuple(w.tolist())
    steps = k if every else max(d, orders + 2)
    places = sorted({max(1, (i * k) // steps) for i in range(1, steps + 1)})
    if len(places) <= orders:
        raise InvalidParameterError(
            f"So few neighbours cannot cancel the bias in {d} dimensions.",
            got=k,
            hint=f"n_neighbors={max(2 * d, 10)}",
        )
    j = np.array(places, dtype=float)
    lines = [np.ones(len(j))]
    lines += [np.exp(gammaln(j + 2 * m / d) - gammaln(j)) for m in range(1, orders + 1)]
    system = np.array([line / np.abs(line).max() for line in lines])
    target = np.zeros(orders + 1)
    target[0] = 1.0
    w[np.array(places) - 1] = lstsq(system, target)[0]
    return tuple(w.tolist())


WEIGHED_DIMENSIONS = 24  # 1,000 normal rows: within 8 % in 24 dimensions, 10 % too low in 30
MOST_WEIGHT = 35.0  # sum of the sizes of the weights: more would be noise


def tame_weights(k: int, d: int) -> tuple[float, ...]:
    """Weights that cancel as many of the d / 4 leading orders of the bias as noise allows."""
    for orders in range(d // 4, 0, -1):
        weights = neighbor_weights(k, d, orders) if k > orders + 1 else ()
        if weights and sum(map(abs, weights)) <= MOST_WEIGHT:
            return weights
    return neighbor_weights(k, d, 0)


@dataclass(frozen=True)
class BerrettSamworthYuan(_Neighbors):
    """Weighted entropy: distances to several neighbours, so that the bias cancels.

    In fewer than four dimensions all weight is on the k-th neighbour.

    Parameters
    ----------
    n_neighbors : int
        Number of neighbours k.
    norm, ties, n_jobs
        As in `KozachenkoLeonenko`.
    """

    slug: ClassVar[str] = "berrett_samworth_yuan"
    n_neighbors: int = 20
    norm: Norm = "euclidean"

    def check(self, s: Sample) -> None:
        """Error where there are too few rows, or too many dimensions for weights to help."""
        super().check(s)
        if s.dims[0] > WEIGHED_DIMENSIONS:
            raise DataError(
                f"Weights help in {WEIGHED_DIMENSIONS} dimensions at most: more orders of the bias "
                "than they can cancel without drowning in noise are left.",
                got={"dimensions": s.dims[0]},
                hint="estimator='gaussian_copula', or fewer columns",
            )

    def local(self, s: Sample) -> Array:
        """Weighted terms of the rows."""
        weights, terms = self._terms(s)
        return terms @ weights

    def _variance(self, s: Sample) -> Array:
        return self.asymptotic_variance(s)

    def asymptotic_variance(self, s: Sample) -> Array:
        """The paper's: weighted second moment less the square of the value."""
        weights, terms = self._terms(s)
        mean = float((terms @ weights).mean())
        second = float(((terms - mean) ** 2 @ weights).mean())  # about the mean: no digits are lost
        return np.asarray(max(0.0, second) / len(terms))

    def _terms(self, s: Sample) -> tuple[Array, Array]:
        found, factor = self._distances(s)
        n, k = found.shape
        d = s.dims[0]
        weights = np.array(tame_weights(k, d))
        used = np.flatnonzero(weights)
        radius = found[:, used]
        refuse_copies(radius, "the entropy would be minus infinity")
        j = used + 1.0
        terms = d * np.log(radius) + log_ball(d, self.norm) + math.log(n - 1) - digamma(j) + factor
        return weights[used], terms


@dataclass(frozen=True)
class LeonenkoPronzatoSavani(_Neighbors):
    """Rényi entropy of any order from the distance to the k-th neighbour.

    Parameters
    ----------
    order : float
        Positive order, below k + 1; at one it is Shannon's.
    n_neighbors, norm, ties, n_jobs
        As in `KozachenkoLeonenko`.
    """

    slug: ClassVar[str] = "leonenko_pronzato_savani"
    name: ClassVar[str] = "differential_renyi_entropy"
    order: float = 2.0
    n_neighbors: int = 5

    def local(self, s: Sample) -> Array:
        """Influence of each row around the value."""
        if self.order == 1:
            return KozachenkoLeonenko(self.n_neighbors, self.norm, self.ties, self.n_jobs).local(s)
        powers, shift = self._powers(s)
        mean = powers.mean()
        entropy = np.log(mean) / (1 - self.order) + shift
        return entropy + (powers / mean - 1) / (1 - self.order)

    def _powers(self, s: Sample) -> tuple[Array, float]:
        """``zeta^(1-q)`` up to a factor, and the entropy that the factor stands for."""
        q, k = self.order, self.n_neighbors
        if not q < k + 1:
            raise InvalidParameterError(
                f"The order must lie below n_neighbors + 1 = {k + 1}.",
                got=q,
                hint=f"n_neighbors={int(q) + 2}",
            )
        found, factor = self._distances(s)
        radius, d = found[:, -1], s.dims[0]
        refuse_copies(radius, "the entropy would be minus infinity")
        log_c = (gammaln(k) - gammaln(k + 1 - q)) / (1 - q)
        logs = math.log(len(radius) - 1) + log_c + log_ball(d, self.norm) + d * np.log(radius)
        centre = float(logs.mean())
        return np.exp((1 - q) * (logs - centre)), centre + factor


@dataclass(frozen=True)
class TsallisNeighbors(LeonenkoPronzatoSavani):
    """Tsallis entropy of any order from the distance to the k-th neighbour; dimensionless.

    Parameters
    ----------
    order : float
        Positive order, below k + 1; at one it is Shannon's.
    n_neighbors, norm, ties, n_jobs
        As in `KozachenkoLeonenko`.
    """

    name: ClassVar[str] = "differential_tsallis_entropy"
    units: ClassVar[Literal["information", "dimensionless"]] = "dimensionless"

    def local(self, s: Sample) -> Array:
        """Influence of each row around the value."""
        if self.order == 1:
            return super().local(s)
        powers, shift = self._powers(s)
        q = self.order
        return (1 - powers * math.exp((1 - q) * shift)) / (q - 1)


# --- one dimension: spacings ------------------------------------------------------------------


@dataclass(frozen=True)
class Spacings(DifferentialEntropy):
    """Base of the entropies of one dimension from spacings of the ordered sample.

    Parameters
    ----------
    window : int, optional
        Number m of steps from a value to either side; the root of the sample size by default.
    ties : {"auto", "jitter", "raise"}
        What equal values are: rounded numbers, spread over their cells, but for the atoms of a
        column with many values that come once, which are an error; rounded numbers all; or an error
        where a distance is zero.
    """

    window: int | None = None
    ties: Ties = "auto"

    def check(self, s: Sample) -> None:
        """Error where there is more than one dimension, or no room for the window."""
        if s.dims[0] != 1:
            raise DataError(
                "Spacings belong to one dimension.",
                got={"dimensions": s.dims[0]},
                hint="estimator='knn' for vectors",
            )
        require_rows(s, 3, "an entropy of spacings")
        n, m = int(s.n[0]), self._window(int(s.n[0]))
        if not 1 <= m < n / 2:
            raise InvalidParameterError(
                "The window must be a whole number of at least one and below half the sample.",
                got={"window": m, "rows": n},
                hint="window=None",
            )

    def _window(self, n: int) -> int:
        return math.floor(math.sqrt(n) + 0.5) if self.window is None else self.window

    def facts(self, s: Sample) -> dict[str, Any]:
        """Window and treatment of ties."""
        return {"estimator": self.slug, "window": self._window(int(s.n[0])), "ties": self.ties}

    def local(self, s: Sample) -> Array:
        """Terms in the order of the sorted sample."""
        self.check(s)
        rows, factor = self._rows(s, self.ties)
        x = np.sort(rows[:, 0])
        terms = self.terms(x, self._window(len(x)))
        if not np.isfinite(terms).all():
            refuse_copies(np.where(np.isfinite(terms), 1.0, 0.0), "the entropy would be infinite")
        return terms + factor

    def terms(self, x: Array, m: int) -> Array:
        """Terms of a sorted sample with window m."""
        raise NotImplementedError

    def hesitations(self, s: Sample) -> tuple[str, ...]:
        """The window is a bias of its own."""
        return (SPACED,)

    def variance(self, s: Sample) -> Array:
        """NaN: neighbouring terms share their spacings."""
        return np.asarray(np.nan)


def _wide(x: Array, m: int) -> Array:
    """Steps from m values before to m after, edges clamped."""
    padded = np.pad(x, m, mode="edge")
    return padded[2 * m :] - padded[: -2 * m]


@dataclass(frozen=True)
class Vasicek(Spacings):
    """The mean log of spacings; biased low.

    Vasicek, O. (1976). doi:10.1111/j.2517-6161.1976.tb01566.x

    Parameters
    ----------
    window, ties
        As in `Spacings`.
    """

    slug: ClassVar[str] = "vasicek"

    def terms(self, x: Array, m: int) -> Array:
        """Log of N / (2m) times the spacing."""
        with np.errstate(divide="ignore"):
            return np.log(len(x) / (2 * m) * _wide(x, m))


@dataclass(frozen=True)
class Ebrahimi(Spacings):
    """The mean log of spacings with the edges corrected.

    Ebrahimi, N., Pflughoeft, K., Soofi, E. S. (1994). doi:10.1016/0167-7152(94)90046-9

    Parameters
    ----------
    window, ties
        As in `Spacings`.
    """

    slug: ClassVar[str] = "ebrahimi"

    def terms(self, x: Array, m: int) -> Array:
        """As Vasicek's, with fewer steps counted at the edges."""
        n = len(x)
        i = np.arange(1, n + 1)
        c = np.full(n, 2.0)
        c[:m] = 1 + (i[:m] - 1) / m
        c[n - m :] = 1 + (n - i[n - m :]) / m
        with np.errstate(divide="ignore"):
            return np.log(n / (c * m) * _wide(x, m))


@dataclass(frozen=True)
class VanEs(Spacings):
    """Spacings to one side, with a closed correction of the bias.

    van Es, B. (1992). Estimating functionals related to a density by a class of statistics based
    on spacings. Scand. J. Statist. 19(1), 61-72.

    Parameters
    ----------
    window, ties
        As in `Spacings`.
    """

    slug: ClassVar[str] = "van_es"

    def terms(self, x: Array, m: int) -> Array:
        """Logs of spacings to one side, and the correction."""
        n = len(x)
        with np.errstate(divide="ignore"):
            logs = np.log((n + 1) / m * (x[m:] - x[:-m]))
        return logs + (1 / np.arange(m, n + 1)).sum() + math.log(m) - math.log(n + 1)


@dataclass(frozen=True)
class Correa(Spacings):
    """Slopes of local regressions of the distribution function.

    Correa, J. C. (1995). doi:10.1080/03610929508831626

    Parameters
    ----------
    window, ties
        As in `Spacings`.
    """

    slug: ClassVar[str] = "correa"

    def terms(self, x: Array, m: int) -> Array:
        """Log of the slope of the distribution function around each value."""
        n = len(x)
        padded = np.pad(x, m, mode="edge")
        steps = np.arange(-m, m + 1)
        # one window at a time in j, not in i: memory stays linear
        mean = sum(padded[m + j : m + j + n] for j in steps) / (2 * m + 1)
        over, under = np.zeros(n), np.zeros(n)
        for j in steps:
            away = padded[m + j : m + j + n] - mean
            over += away * j
            under += away**2
        with np.errstate(divide="ignore", invalid="ignore"):
            return -np.log(over / (n * under))


# --- normal laws ------------------------------------------------------------------------------


@dataclass(frozen=True)
class GaussianEntropy(DifferentialEntropy):
    r"""Entropy of a normal law with the sample's covariance, without bias if the law is normal.

    Notes
    -----
    :math:`H = \frac{d}{2} \log(\\pi e) + \frac12 \log |A| - \frac12 \sum_i \psi((N - i)/2)`
    with A the sum of squares and products (Ahmed and Gokhale 1989, doi:10.1109/18.30996).
    """

    slug: ClassVar[str] = "gaussian"

    def favoured(self, s: Any) -> str:
        """The terms are independent: no neighbours are among them."""
        return "delta"

    def check(self, s: Sample) -> None:
        """Error where the covariance has no inverse."""
        require_rows(s, s.dims[0] + 2, f"a covariance of {s.dims[0]} dimensions")

    def local(self, s: Sample) -> Array:
        """Influence of each row around the value."""
        self.check(s)
        rows, factor = self._rows(s, "raise")
        n, d = rows.shape
        centred = rows - rows.mean(axis=0)
        sign, log_det = np.linalg.slogdet(centred.T @ centred)
        if sign <= 0 or not np.isfinite(log_det):
            raise DataError(
                "The columns are linearly dependent: their covariance has no inverse.",
                got={"dimensions": d, "rank": int(np.linalg.matrix_rank(centred))},
                hint="leave out the columns that others determine",
            )
        i = np.arange(1, d + 1)
        value = 0.5 * (d * math.log(math.pi * math.e) + log_det - digamma((n - i) / 2).sum())
        scores = np.linalg.solve(centred.T @ centred / n, centred.T).T
        return value + factor + 0.5 * ((scores * centred).sum(axis=1) - d)


def copula_term(n: int, d: int) -> float:
    """Expectation of half the log determinant of a correlation matrix of normal rows, but for d."""
    return 0.5 * float(digamma((n - np.arange(1, d + 1)) / 2).sum())
