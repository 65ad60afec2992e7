r"""What a representation is like: its rank, the decay of its spectrum, its classes, its likeness.

Effective ranks are exponentials of entropies of the spectrum of the rows (`EffectiveNumber`). With
eigenvalues :math:`\lambda_1 \ge \lambda_2 \ge \dots` of the covariance, `EigenvalueDecay` is
:math:`\alpha` in :math:`\lambda_i \sim i^{-\alpha}`. With the covariance between and within
classes, the rank of a linear discriminant analysis is that of
:math:`\Sigma_w^{-1/2} \Sigma_b \Sigma_w^{-1/2}`.

Two representations are as alike as their similarities K and L, of which the alignment is
:math:`\mathrm{HSIC}(K, L) / \sqrt{\mathrm{HSIC}(K, K)\,\mathrm{HSIC}(L, L)}`, debiased with

.. math:: \mathrm{HSIC}(K, L) = \frac{1}{n (n - 3)} \Bigl[ \operatorname{tr} K L +
   \frac{1^\top K 1\; 1^\top L 1}{(n - 1)(n - 2)} - \frac{2}{n - 2} 1^\top K L 1 \Bigr]

of K and L without their diagonals, whose mean is zero where the two are independent.

References
----------
Agrawal, K. K. et al. (2022). alpha-ReQ: assessing representation quality in self-supervised
learning by measuring eigenspectrum decay. NeurIPS 35.
Thilak, V. et al. (2023). LiDAR: sensing linear probing performance in joint embedding SSL
architectures. arXiv:2312.04000
Song, L., Smola, A., Gretton, A., Bedo, J., Borgwardt, K. (2012). Feature selection via dependence
maximization. Journal of Machine Learning Research 13, 1393-1434.
Kornblith, S., Norouzi, M., Lee, H., Hinton, G. (2019). Similarity of neural network
representations revisited. ICML, 3519-3529. arXiv:1905.00414
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from infometric.exceptions import DataError
from infometric.functional.base import Caution
from infometric.functional.spectra import (
    ALL_ALIKE,
    DIVISIONS,
    EffectiveNumber,
    SpectralFunctional,
    all_alike,
    bandwidths,
    class_numbers,
    eigenvalues_of,
    refuse_lone_classes,
    rows_by_class,
    spectral_entropy,
    whole_gram,
)
from infometric.state.arrays import digits, double, like, namespace, to_numpy
from infometric.state.kernels import less_mean
from infometric.state.spectrum import Spectrum, as_they_come, squared_singular_values
from infometric.typing import Array, Units

BLOCK = 1024  # rows of similarities held at once
LONG_BLOCK = 1 << 16  # rows of columns turned to double precision at once
FEWEST = 4  # rows of which a debiased alignment is defined
MANY_CLASSES = 20  # classes from which on they are taken for samples, and left out whole
UNDEFINED = (
    "of some groups of rows left out no value is defined, for a variable is constant without them; "
    "more rows in which it varies"
)


# --- decay of the spectrum -------------------------------------------------------------------


@dataclass(frozen=True)
class EigenvalueDecay(SpectralFunctional):
    """Power with which the eigenvalues fall: minus the slope of their logarithms on those of ranks.

    Ranks weigh by their inverse, so that each stretch of the logarithmic axis counts the same.

    Parameters
    ----------
    ranks : tuple of two int, optional
        First and last rank of the line, from one; all with an eigenvalue above rounding by default.

    Examples
    --------
    >>> from infometric.state.kernels import Kernel
    >>> x = np.diag(np.arange(1.0, 31.0) ** -0.5)  # squares fall with the rank
    >>> s = Spectrum.of(x, kernels=[Kernel("linear")])
    >>> round(float(EigenvalueDecay().value(s)), 12)
    1.0
    """

    name: ClassVar[str] = "eigenvalue_decay"
    units: ClassVar[Units] = "dimensionless"
    variables: ClassVar[int] = 1
    ranks: tuple[int, int] | None = None

    def line(self, s: Spectrum) -> tuple[Array, Array]:
        """Ranks of the line and their eigenvalues."""
        found = to_numpy(eigenvalues_of(s, (0,)))[::-1].astype(float)
        ranks = np.arange(1, len(found) + 1)
        shape = s.variables[0].shape
        kept = found > max(shape) * digits(s.variables[0]) * found.max(initial=0.0)
        first, last = self.ranks or (1, len(found))
        kept &= (ranks >= first) & (ranks <= last)
        return ranks[kept], found[kept]

    def check(self, s: Spectrum) -> None:
        """Error where a line has fewer than two points.

        Raises
        ------
        DataError
            With the number of points.
        """
        ranks, _ = self.line(s)
        if len(ranks) < 2:
            raise DataError(
                "A line needs eigenvalues above rounding at two ranks or more; "
                f"n_features = {s.variables[0].shape[1]}.",
                got={"ranks": len(ranks), "shape": tuple(s.variables[0].shape)},
                hint="rows of two columns or more that vary, and ranks=None for all there are",
            )

    def value(self, s: Spectrum) -> Array:
        """Slope; NaN where there is no line."""
        ranks, found = self.line(s)
        if len(ranks) < 2:
            return np.asarray(np.nan)
        x, y, weight = np.log(ranks), np.log(found), 1.0 / ranks
        x = x - np.average(x, weights=weight)
        return np.asarray(-(weight * x * y).sum() / (weight * x * x).sum())

    def hesitations(self, s: Spectrum, values: Array) -> tuple[str, ...]:
        """Whether some values of the jackknife are not defined."""
        return () if np.isfinite(values).all() else (UNDEFINED,)

    def facts(self, s: Spectrum) -> dict[str, Any]:
        """Ranks of the line."""
        ranks, _ = self.line(s)
        return {
            "kernel": s.kernels[0].key,
            "ranks": [int(ranks[0]), int(ranks[-1])] if len(ranks) else [],
            "columns": int(s.variables[0].shape[1]),
        }


# --- linear discriminant analysis -----------------------------------------------------------


def discriminant_eigenvalues(
    x: Any, codes: Array, delta: float = 1e-4, absolute: bool = False
) -> Any:
    r"""Eigenvalues of :math:`\Sigma_w^{-1/2} \Sigma_b \Sigma_w^{-1/2}` that are not zero by shape.

    Parameters
    ----------
    x : array of shape (n_rows, n_dimensions)
        Rows, of numpy or torch.
    codes : ndarray of shape (n_rows,)
        Number of the class of each row, from zero.
    delta : float
        What is added to the diagonal of the covariance within classes.
    absolute : bool
        Whether `delta` is in squared units of x, and not a share of the mean variance within.

    Returns
    -------
    array of shape (min(n_classes, n_dimensions),)
        Eigenvalues, ascending.

    Examples
    --------
    >>> x = np.array([[0.0, 0.0], [0.0, 2.0], [4.0, 0.0], [4.0, 2.0]])
    >>> found = discriminant_eigenvalues(x, np.array([0, 0, 1, 1]), 0.5, absolute=True)
    >>> found.round(12)  # 4 over 0.5, and nothing
    array([0., 8.])
    """
    xp = namespace(x)
    x = less_mean(x)
    n = len(x)
    rows = rows_by_class(codes)
    means = xp.stack([x[r].mean(0) for r in rows])
    within = x - means[codes]
    share = like([len(r) / n for r in rows], x)
    between = means * xp.sqrt(share)[:, None]
    sigma = within.T @ within / n
    ridge = delta if absolute else delta * _mean_variance(sigma, x)
    sigma = sigma + ridge * like(np.eye(len(sigma)), x)
    root = xp.linalg.cholesky(sigma)
    return squared_singular_values(xp.linalg.solve(root, between.T))


def _mean_variance(sigma: Any, x: Any) -> float:
    """Mean variance within classes; of all rows where it is rounding, one where that is zero."""
    within, whole = float(sigma.diagonal().mean()), float((x * x).mean())
    return within if within > digits(x) * whole else whole or 1.0


@dataclass(frozen=True)
class DiscriminantEntropy(SpectralFunctional):
    """Entropy of the spectrum of a linear discriminant analysis of classes.

    Parameters
    ----------
    delta : float
        Ridge of the covariance within classes.
    absolute : bool
        Whether `delta` is in squared units of the rows, and not a share of the mean variance.
    """

    name: ClassVar[str] = "discriminant_entropy"
    variables: ClassVar[int] = 2
    delta: float = 1e-4
    absolute: bool = False

    def check(self, s: Spectrum) -> None:
        """Error unless there are two classes or more, some with rows beside each other.

        Raises
        ------
        DataError
            With the number of classes.
        """
        classes = int(class_numbers(s).max()) + 1 if s.kinds[-1] == "discrete" else 0
        if classes < 2:
            raise DataError(
                "A discriminant analysis needs two classes or more.",
                got={"classes": classes, "kinds": s.kinds},
                hint="labels, or the number of the sample of which each row is a view: "
                "fit(X, np.repeat(np.arange(n), views).astype(str))",
            )
        refuse_lone_classes(s)

    def value(self, s: Spectrum) -> Array:
        """Entropy in nats."""

        def find() -> Array:
            found = discriminant_eigenvalues(
                s.variables[0], class_numbers(s), self.delta, self.absolute
            )
            return np.asarray(float(spectral_entropy(found)))

        return s.kept(("discriminant", self), find)

    def of_samples(self, s: Spectrum) -> bool:
        """Whether classes are so many that they are samples, of which rows are views."""
        return int(class_numbers(s).max()) + 1 >= MANY_CLASSES

    def dealt(self, s: Spectrum, count: int, rng: np.random.Generator) -> Array:
        """Groups of rows; of whole classes where these are samples.

        Views of one sample are not independent: it is samples that were drawn.
        """
        if not self.of_samples(s):
            return super().dealt(s, count, rng)
        codes = class_numbers(s)
        classes = int(codes.max()) + 1
        return rng.permutation(np.arange(classes) % min(count, classes))[codes]  # type: ignore[no-any-return]

    def halves(self, s: Spectrum, rng: np.random.Generator) -> Array:
        """Mean of the values of two halves, of rows or of whole classes."""
        if not self.of_samples(s):
            return super().halves(s, rng)
        divisions = (self.dealt(s, 2, rng) for _ in range(DIVISIONS))
        return np.array(
            [[float(self.value(s.take(np.flatnonzero(d == i)))) for i in (0, 1)] for d in divisions]
        ).mean(axis=1)

    def cautions(self, s: Spectrum) -> tuple[Caution, ...]:
        """Say where all rows are alike."""
        return (Caution("ReliabilityWarning", ALL_ALIKE),) if all_alike(s) else ()

    def facts(self, s: Spectrum) -> dict[str, Any]:
        """Classes, and what was left out for the interval."""
        sizes = np.unique(class_numbers(s), return_counts=True)[1]
        full = min(len(sizes) - 1, int(s.variables[0].shape[1]))
        return {
            "classes": len(sizes),
            "least_class": int(sizes.min()),
            "delta": self.delta,
            "share_of_full_rank": math.exp(float(self.value(s))) / full,
            "left_out": "classes" if self.of_samples(s) else "rows",
        }


@dataclass(frozen=True)
class DiscriminantRank(EffectiveNumber):
    """Effective rank of a linear discriminant analysis (Thilak et al. 2023).

    Parameters
    ----------
    delta, absolute
        As of `DiscriminantEntropy`.

    Examples
    --------
    >>> from infometric.state.kernels import Kernel
    >>> x, y = np.repeat(np.eye(3), 4, axis=0), np.repeat([0.0, 1.0, 2.0], 4)
    >>> s = Spectrum.of(
    ...     x, y, kinds=("continuous", "discrete"), kernels=[Kernel("linear"), Kernel("delta")]
    ... )
    >>> round(float(DiscriminantRank().value(s)), 9)  # three means span a plane
    2.0
    """

    variables: ClassVar[int] = 2
    measure: str = "lidar"
    delta: float = 1e-4
    absolute: bool = False

    @property
    def inner(self) -> DiscriminantEntropy:
        """Its logarithm."""
        return DiscriminantEntropy(self.delta, self.absolute)

    def facts(self, s: Spectrum) -> dict[str, Any]:
        """As of the entropy."""
        return self.inner.facts(s)


# --- alignment of kernels -----------------------------------------------------------------------


class Moments(NamedTuple):
    """Sums over pairs of rows of two kinds of similarities, K and L.

    `product` is the sum of ``K * L``; `rows` and `diagonals` are the sums of rows, and the
    similarities of rows with themselves, of either.
    """

    product: float
    rows: tuple[Array, Array]
    diagonals: tuple[Array, Array]

    @property
    def rounding(self) -> float:
        """Dependence that rounding alone may show."""
        n = len(self.diagonals[0])
        return 1e-11 * abs(self.product) / max(n * (n - 3), 1)

    def dependence(self, debiased: bool) -> float:
        """Hilbert-Schmidt independence criterion; debiased its mean is zero under independence."""
        (k, other), (r, q) = self.diagonals, self.rows
        n = len(k)
        if n < FEWEST:
            return math.nan
        if not debiased:
            return float(self.product - 2 / n * (r @ q) + r.sum() * q.sum() / n**2) / (n - 1) ** 2
        r, q = r - k, q - other
        total = self.product - k @ other + r.sum() * q.sum() / ((n - 1) * (n - 2))
        return float(total - 2 / (n - 2) * (r @ q)) / (n * (n - 3))


@dataclass(frozen=True)
class KernelAlignment(SpectralFunctional):
    """Centred kernel alignment of two representations, of one row for each example.

    Parameters
    ----------
    debiased : bool
        Whether the mean is zero where the two are independent, however many columns they have.

    Notes
    -----
    Of linear kernels with few columns no similarities of pairs of rows are made; of others they
    pass by in blocks of rows.

    Examples
    --------
    >>> from infometric.state.kernels import Kernel
    >>> x = np.random.default_rng(0).normal(size=(50, 3))
    >>> s = Spectrum.of(x, 2 * x + 1, kernels=[Kernel("linear")] * 2)
    >>> round(float(KernelAlignment().value(s)), 12)
    1.0
    """

    name: ClassVar[str] = "kernel_alignment"
    units: ClassVar[Units] = "dimensionless"
    bounds: ClassVar[tuple[float, float]] = (-1.0, 1.0)
    variables: ClassVar[int] = 2
    least: ClassVar[bool] = True
    debiased: bool = True

    def check(self, s: Spectrum) -> None:
        """Error where there are too few rows, or a variable is constant.

        Raises
        ------
        DataError
            With the number of rows, or the variable.
        """
        if s.size < FEWEST:
            raise DataError(
                f"A debiased alignment needs at least {FEWEST} rows.",
                got={"rows": s.size},
                hint="more rows: one row is one example in both representations",
            )
        for at, name in enumerate(("X", "y")):
            own = self._moments(s, at, at)
            if not own.dependence(self.debiased) > own.rounding:
                few = "All" if all_alike(s.of_variables([at])) else "All but very few"
                raise DataError(
                    f"{few} rows of {name} are alike, and alignment with nothing is not defined.",
                    got={"variable": name, "rows": s.size},
                    hint="a layer whose outputs differ from row to row",
                )

    def value(self, s: Spectrum) -> Array:
        """Alignment; NaN where a variable is constant."""
        return np.asarray(self.alignment(s, self.debiased))

    def alignment(self, s: Spectrum, debiased: bool) -> float:
        """Alignment, debiased or not."""
        scale = self.scale(s, debiased)
        return self._moments(s, 0, 1).dependence(debiased) / scale if scale > 0 else math.nan

    def scale(self, s: Spectrum, debiased: bool) -> float:
        """Geometric mean of the dependence of each on itself; no order of rows changes it."""
        each = [self._moments(s, at, at).dependence(debiased) for at in (0, 1)]
        return math.sqrt(max(each[0], 0.0)) * math.sqrt(max(each[1], 0.0))

    def reordered(self, s: Spectrum, order: Array) -> Array:
        """The value with the first variable in another order."""
        found = moments(s, 0, 1, order).dependence(self.debiased)
        return np.asarray(found / self.scale(s, self.debiased))

    def hesitations(self, s: Spectrum, values: Array) -> tuple[str, ...]:
        """Whether some values of the jackknife are not defined."""
        return () if np.isfinite(values).all() else (UNDEFINED,)

    def facts(self, s: Spectrum) -> dict[str, Any]:
        """Kernels, and the value of the other kind."""
        other = "biased" if self.debiased else "debiased"
        return {
            "kernel": [k.kind for k in s.kernels],
            **bandwidths(s),
            "debiased": self.debiased,
            f"{other}_value": self.alignment(s, not self.debiased),
        }

    @staticmethod
    def _moments(s: Spectrum, a: int, b: int) -> Moments:
        return s.kept(("moments", a, b), lambda: moments(s, a, b))


def moments(s: Spectrum, a: int, b: int, order: Array | None = None) -> Moments:
    """Sums over pairs of rows of two variables, the first in another order where one is given."""
    x, y = columns_of(s, a), columns_of(s, b)
    n = s.size
    if x is not None and y is not None and x.shape[1] * y.shape[1] <= n * (x.shape[1] + y.shape[1]):
        return _of_columns(x if order is None else x[order], y)
    rows, diagonals = np.zeros((2, n)), np.zeros((2, n))
    product = 0.0
    for start, k, other in zip(
        range(0, n, BLOCK), blocks_of(s, a, order), blocks_of(s, b, None), strict=True
    ):
        product += float((k * other).sum())
        at, inside = np.arange(start, start + len(k)), np.arange(len(k))
        for i, block in enumerate((k, other)):
            rows[i, at] = to_numpy(block.sum(1))
            diagonals[i, at] = to_numpy(block[inside, at])
    return Moments(product, (rows[0], rows[1]), (diagonals[0], diagonals[1]))


def _of_columns(x: Any, y: Any) -> Moments:
    """Sums over pairs by products of columns: rows less their mean sum to zero."""
    cross: Any = 0.0
    diagonals = np.empty((2, len(x)))
    for start in range(0, len(x), LONG_BLOCK):
        part = slice(start, start + LONG_BLOCK)
        a, b = double(x[part]), double(y[part])
        cross = cross + a.T @ b
        for i, v in enumerate((a, b)):
            diagonals[i, part] = to_numpy(namespace(v).einsum("ij,ij->i", v, v))
    nothing = np.zeros(len(x))
    return Moments(float((cross * cross).sum()), (nothing, nothing), (diagonals[0], diagonals[1]))


def columns_of(s: Spectrum, at: int) -> Any:
    """Columns, less their means, whose products are the similarities; None where none are."""

    def make() -> Any:
        if s.kernels[at].kind == "delta":
            codes = as_they_come(to_numpy(s.variables[at])[:, 0])
            if codes.max() + 1 > BLOCK:
                return None
            shown = like(np.eye(codes.max() + 1)[codes], s.variables[at])
            return less_mean(shown)
        found = s.features(at)
        return None if found is None else less_mean(found)

    return s.kept(("columns", at), make)


def blocks_of(s: Spectrum, at: int, order: Array | None) -> Iterator[Any]:
    """Similarities of all pairs of rows of a variable, in double precision, by blocks of rows."""
    n = s.size
    order = np.arange(n) if order is None else order
    starts = range(0, n, BLOCK)
    columns = columns_of(s, at)
    if columns is not None:
        x = double(columns[order])
        yield from (x[i : i + BLOCK] @ x.T for i in starts)
        return
    gram = whole_gram(s, at)
    if gram is None and not s.kernels[at].scale_free:
        gram = s.gram(at)
    if gram is not None:
        yield from (double(gram[order[i : i + BLOCK]][:, order]) for i in starts)
        return
    x = s.points(at)[order]
    yield from (double(s.kernels[at].between(x[i : i + BLOCK], x)) for i in starts)
