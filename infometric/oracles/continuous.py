r"""Continuous and mixed distributions that know their own truth, in nats.

With :math:`g(\alpha)=\log\int f^\alpha`, the entropies of a density are

.. math:: h = -\int f\log f,\quad h_\alpha = \frac{g(\alpha)}{1-\alpha},\quad
          T_q = \frac{e^{g(q)}-1}{1-q}

and with :math:`g(\alpha)=\log\int p^\alpha r^{1-\alpha}` the divergences of two are likewise
functions of g; each distribution here has g in closed form. Mutual information is invariant under
injective maps of each variable, so that one pair stands for many (`Transformed`).

References
----------
Cover, T. M., Thomas, J. A. (2006). Elements of information theory. Wiley. doi:10.1002/047174882X
Darbellay, G. A., Vajda, I. (2000). Entropy expressions for multivariate continuous distributions.
IEEE Trans. Inf. Theory 46, 709-712. doi:10.1109/18.825848
Gil, M., Alajaji, F., Linder, T. (2013). Rényi divergence measures for commonly used univariate
continuous distributions. Inf. Sci. 249, 124-131. doi:10.1016/j.ins.2013.06.018
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np

from infometric.exceptions import InvalidParameterError, and_list
from infometric.oracles.base import KnownTruth, Truth
from infometric.typing import RNG, Array

Generator = np.random.Generator
LOG_2PI = math.log(2 * math.pi)


# --- what is asked of parameters --------------------------------------------------------------


def _within(value: Any, name: str, hint: str, low: float = 0.0, high: float = math.inf) -> None:
    """Refuse what is not a number, or not strictly between the bounds."""
    try:
        fine = low < float(value) < high
    except (TypeError, ValueError):
        fine = False
    if not fine:
        span = f"above {low:g}" if high == math.inf else f"between {low:g} and {high:g}"
        span = "finite" if low == -math.inf else span
        raise InvalidParameterError(f"The {name} must be {span}.", got=value, hint=hint)


def _whole(value: Any, name: str, hint: str, least: int = 1) -> None:
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise InvalidParameterError(
            f"The {name} must be a whole number, {least} or more.", got=value, hint=hint
        )


def _covariance(matrix: Any, hint: str) -> Array:
    """Square, symmetric and positive definite, or refused."""
    try:
        found = np.atleast_2d(np.asarray(matrix, dtype=float))
        fine = found.ndim == 2 and bool(np.allclose(found, found.T, rtol=1e-10, atol=0))
        np.linalg.cholesky(found)
    except (TypeError, ValueError, np.linalg.LinAlgError):
        fine = False
    if not fine:
        raise InvalidParameterError(
            "The covariance must be square, symmetric and positive definite.",
            got=matrix,
            hint=hint,
        )
    return found


def _mean(mean: Any, d: int, hint: str) -> Array:
    try:
        found = np.broadcast_to(np.asarray(mean, dtype=float), (d,))
        fine = bool(np.isfinite(found).all())
    except (TypeError, ValueError):
        fine = False
    if not fine:
        raise InvalidParameterError(
            f"The mean must be finite, one number for each of {d} columns.", got=mean, hint=hint
        )
    return found


def _correlations(d: int, pairs: dict[tuple[int, int], float]) -> Array:
    """Matrix with ones on the diagonal and the given correlations."""
    matrix = np.eye(d)
    for (i, j), rho in pairs.items():
        matrix[i, j] = matrix[j, i] = rho
    return matrix


def _log_det(matrix: Array) -> float:
    return float(np.linalg.slogdet(matrix)[1]) if len(matrix) else 0.0


def _expm1(x: float) -> float:
    return math.expm1(x) if x < 709 else math.inf


def _log_gamma(x: float) -> float:
    """Logarithm of the gamma integral of x^(a-1) e^-x, which diverges where a is not positive."""
    return math.lgamma(x) if x > 0 else math.inf


def _digamma(x: float) -> float:
    from scipy.special import digamma

    return float(digamma(x))


def _split(table: Array, dims: Sequence[int]) -> tuple[Array, ...]:
    """Blocks of columns of a table, a single column as a flat array."""
    parts = np.split(table, np.cumsum(dims)[:-1], axis=1)
    return tuple(part[:, 0] if part.shape[1] == 1 else part for part in parts)


def _normals(generator: Generator, n: int, cov: Array) -> Array:
    return generator.standard_normal((n, len(cov))) @ np.linalg.cholesky(cov).T


# --- what continuous oracles share ------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Continuous(KnownTruth):
    """Base of the continuous oracles: raw samples by seed, and a name from the parameters.

    Parameters
    ----------
    name : str, optional
        What the distribution is; made from the parameters by default.

    Examples
    --------
    >>> from infometric.oracles import GaussianPair
    >>> oracle = GaussianPair.correlated(0.6)
    >>> oracle.name, round(oracle.truth("mutual_information"), 10)
    ('normal pair, rho=0.6', 0.2231435513)
    >>> x, y = oracle.sample(100, rng=0)
    >>> x.shape
    (100,)
    """

    name: str = field(default="", kw_only=True)

    def __post_init__(self) -> None:
        self._check()
        if not self.name:
            self._keep(name=self._label())

    def _keep(self, **values: Any) -> None:
        """Store values in spite of the frozen class."""
        for key, value in values.items():
            object.__setattr__(self, key, value)

    def _check(self) -> None:
        """Refuse impossible parameters."""

    def _label(self) -> str:
        """Name made from the parameters."""
        return type(self).__name__

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kind of each variable, or sample: "continuous", "discrete" or "mixed"."""
        return ("continuous",) * len(self.dims)

    @property
    def dims(self) -> tuple[int, ...]:
        """Number of columns of each variable, or sample."""
        return (1,)

    def sample(self, n: Any, *, rng: RNG = None) -> Any:
        """Random records.

        Parameters
        ----------
        n : int or pair of int
            Number of records, or of steps of a series; of each sample where there are two.
        rng : int, Generator or None
            Source of randomness.

        Returns
        -------
        ndarray or tuple of ndarray
            One array for each variable or sample, of shape (n,) where it has one column and
            (n, d) where it has more; a single array where there is one.

        Raises
        ------
        InvalidParameterError
            Where n is not a whole number, 1 or more.
        """
        return self._sample(self._size(n), np.random.default_rng(rng))

    def _size(self, n: Any) -> Any:
        _whole(n, "sample size", "oracle.sample(1000, rng=0)")
        return int(n)

    def _sample(self, n: Any, generator: Generator) -> Any:
        raise NotImplementedError


# --- one variable -----------------------------------------------------------------------------


def _order(order: Any, name: str = "order") -> None:
    _within(order, name, f"{name}=2")


def _renyi(law: Law, order: float = 2.0) -> float:
    _order(order)
    return law._entropy() if order == 1 else law._log_power(order) / (1 - order)


def _tsallis(law: Law, q: float = 2.0) -> float:
    _order(q, "q")
    return law._entropy() if q == 1 else _expm1(law._log_power(q)) / (1 - q)


class Law(Continuous):
    """Base of the laws of one variable: differential entropies of Shannon, Rényi and Tsallis.

    Rényi's is infinite where the integral of the power of the density diverges.

    Examples
    --------
    >>> from infometric.oracles import Exponential
    >>> law = Exponential(2.0)
    >>> law.defined
    ('differential_entropy', 'differential_renyi_entropy', 'differential_tsallis_entropy')
    >>> law.truth("differential_tsallis_entropy", q=2)
    0.0
    """

    family = "entropy"
    measures: ClassVar[dict[str, Truth]] = {
        "differential_entropy": lambda law: law._entropy(),
        "differential_renyi_entropy": _renyi,
        "differential_tsallis_entropy": _tsallis,
    }

    def _entropy(self) -> float:
        raise NotImplementedError

    def _log_power(self, order: float) -> float:
        """Logarithm of the integral of the density to this power."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class Uniform(Law):
    """Uniform law on (0, width): every entropy of Rényi is log(width).

    Parameters
    ----------
    width : float
        Width of the interval.
    name : str, optional
        What it is called.

    Examples
    --------
    >>> from infometric.oracles import Uniform
    >>> Uniform(1.0).truth("differential_entropy")
    0.0
    """

    width: float = 1.0

    def _check(self) -> None:
        _within(self.width, "width", "Uniform(2.0)")

    def _label(self) -> str:
        return f"uniform on (0, {self.width:g})"

    def _entropy(self) -> float:
        return math.log(self.width)

    def _log_power(self, order: float) -> float:
        return (1 - order) * math.log(self.width)

    def _sample(self, n: int, generator: Generator) -> Array:
        return generator.uniform(0, self.width, n)


@dataclass(frozen=True, eq=False)
class Normal(Law):
    """Normal law in any number of dimensions.

    Parameters
    ----------
    cov : float or ndarray of shape (d, d)
        Variance, or covariance.
    mean : float or ndarray of shape (d,)
        Mean.
    name : str, optional
        What it is called.

    Examples
    --------
    >>> from infometric.oracles import Normal
    >>> round(Normal().truth("differential_entropy"), 6)
    1.418939
    >>> Normal([[2, 1], [1, 2]]).sample(5, rng=0).shape
    (5, 2)
    """

    cov: Any = 1.0
    mean: Any = 0.0

    def _check(self) -> None:
        cov = _covariance(self.cov, "Normal([[1, 0.5], [0.5, 1]])")
        self._keep(
            cov=cov, mean=_mean(self.mean, len(cov), "Normal([[1, 0], [0, 1]], mean=[0, 1])")
        )

    def _label(self) -> str:
        d = len(self.cov)
        return f"normal, variance {self.cov[0, 0]:g}" if d == 1 else f"normal in {d} dimensions"

    @property
    def dims(self) -> tuple[int, ...]:
        """Number of columns."""
        return (len(self.cov),)

    def _entropy(self) -> float:
        return (len(self.cov) * (LOG_2PI + 1) + _log_det(self.cov)) / 2

    def _log_power(self, order: float) -> float:
        d = len(self.cov)
        scale = (d * LOG_2PI + _log_det(self.cov)) / 2
        return (1 - order) * scale - d / 2 * math.log(order)

    def _sample(self, n: int, generator: Generator) -> Array:
        return _split(self.mean + _normals(generator, n, self.cov), self.dims)[0]


@dataclass(frozen=True, eq=False)
class Exponential(Law):
    """Exponential law: the entropy is 1 - log(rate).

    Parameters
    ----------
    rate : float
        One over the mean.
    name : str, optional
        What it is called.

    Examples
    --------
    >>> from infometric.oracles import Exponential
    >>> Exponential(1.0).truth("differential_entropy")
    1.0
    """

    rate: float = 1.0

    def _check(self) -> None:
        _within(self.rate, "rate", "Exponential(2.0)")

    def _label(self) -> str:
        return f"exponential, rate {self.rate:g}"

    def _entropy(self) -> float:
        return 1 - math.log(self.rate)

    def _log_power(self, order: float) -> float:
        return (order - 1) * math.log(self.rate) - math.log(order)

    def _sample(self, n: int, generator: Generator) -> Array:
        return generator.exponential(1 / self.rate, n)


@dataclass(frozen=True, eq=False)
class Laplace(Law):
    """Laplace law: the entropy is 1 + log(2 scale).

    Parameters
    ----------
    scale : float
        Mean distance from the centre, zero.
    name : str, optional
        What it is called.

    Examples
    --------
    >>> from infometric.oracles import Laplace
    >>> Laplace(0.5).truth("differential_entropy")
    1.0
    """

    scale: float = 1.0

    def _check(self) -> None:
        _within(self.scale, "scale", "Laplace(2.0)")

    def _label(self) -> str:
        return f"Laplace, scale {self.scale:g}"

    def _entropy(self) -> float:
        return 1 + math.log(2 * self.scale)

    def _log_power(self, order: float) -> float:
        return (1 - order) * math.log(2 * self.scale) - math.log(order)

    def _sample(self, n: int, generator: Generator) -> Array:
        return generator.laplace(0, self.scale, n)


@dataclass(frozen=True, eq=False)
class Cauchy(Law):
    """Cauchy law: the entropy is log(4 pi scale).

    Parameters
    ----------
    scale : float
        Half the interquartile range.
    name : str, optional
        What it is called.

    Examples
    --------
    >>> from infometric.oracles import Cauchy
    >>> round(Cauchy().truth("differential_entropy"), 10)
    2.531024247
    """

    scale: float = 1.0

    def _check(self) -> None:
        _within(self.scale, "scale", "Cauchy(2.0)")

    def _label(self) -> str:
        return f"Cauchy, scale {self.scale:g}"

    def _entropy(self) -> float:
        return math.log(4 * math.pi * self.scale)

    def _log_power(self, order: float) -> float:
        return _t_log_power(order, 1.0, 1) + (1 - order) * math.log(self.scale)

    def _sample(self, n: int, generator: Generator) -> Array:
        return self.scale * generator.standard_cauchy(n)


@dataclass(frozen=True, eq=False)
class Gamma(Law):
    """Gamma law: the entropy is k + log(scale) + log Γ(k) + (1 - k) ψ(k).

    Parameters
    ----------
    shape : float
        Shape k.
    scale : float
        Scale; the mean is shape times scale.
    name : str, optional
        What it is called.

    Examples
    --------
    >>> from infometric.oracles import Gamma
    >>> round(Gamma(2.5, 1.7).truth("differential_entropy"), 10)
    2.2605761606
    """

    shape: float = 2.0
    scale: float = 1.0

    def _check(self) -> None:
        _within(self.shape, "shape", "Gamma(2.5, 1.7)")
        _within(self.scale, "scale", "Gamma(2.5, 1.7)")

    def _label(self) -> str:
        return f"gamma({self.shape:g}, {self.scale:g})"

    def _entropy(self) -> float:
        k = self.shape
        return k + math.log(self.scale) + math.lgamma(k) + (1 - k) * _digamma(k)

    def _log_power(self, order: float) -> float:
        a = order * (self.shape - 1) + 1
        norm = (1 - order) * math.log(self.scale) - order * math.lgamma(self.shape)
        return _log_gamma(a) - a * math.log(order) + norm

    def _sample(self, n: int, generator: Generator) -> Array:
        return generator.gamma(self.shape, self.scale, n)


def _log_beta(a: Iterable[float]) -> float:
    """Logarithm of the multivariate beta integral, which diverges unless all are positive."""
    a = list(a)
    return math.fsum(map(math.lgamma, a)) - math.lgamma(sum(a)) if min(a) > 0 else math.inf


@dataclass(frozen=True, eq=False)
class Dirichlet(Law):
    """Dirichlet law: shares that add up to one, all but the last.

    The density, and so the entropy, is that of all shares but the last, which the others
    determine; a sample leaves it out.

    Parameters
    ----------
    concentration : array-like of shape (d + 1,)
        Positive weights.
    name : str, optional
        What it is called.

    Examples
    --------
    >>> from infometric.oracles import Dirichlet
    >>> law = Dirichlet([1, 2, 3])
    >>> round(law.truth("differential_entropy"), 10)
    -1.2443445622
    >>> law.sample(100, rng=0).shape
    (100, 2)
    """

    concentration: Any = (1.0, 1.0, 1.0)

    def _check(self) -> None:
        hint = "Dirichlet([1, 2, 3])"
        weights = np.atleast_1d(self.concentration)
        if weights.ndim != 1 or len(weights) < 2:
            raise InvalidParameterError(
                "The concentration must be two or more weights.",
                got=self.concentration,
                hint=hint,
            )
        for weight in weights.tolist():
            _within(weight, "concentration", hint)
        self._keep(concentration=tuple(map(float, weights)))

    def _label(self) -> str:
        return f"Dirichlet({', '.join(f'{a:g}' for a in self.concentration)})"

    @property
    def dims(self) -> tuple[int, ...]:
        """Number of columns: one less than there are shares."""
        return (len(self.concentration) - 1,)

    def _entropy(self) -> float:
        a = self.concentration
        inner = math.fsum((b - 1) * _digamma(b) for b in a)
        return _log_beta(a) + (sum(a) - len(a)) * _digamma(sum(a)) - inner

    def _log_power(self, order: float) -> float:
        a = self.concentration
        return _log_beta(order * (b - 1) + 1 for b in a) - order * _log_beta(a)

    def _sample(self, n: int, generator: Generator) -> Array:
        return _split(generator.dirichlet(self.concentration, n)[:, :-1], self.dims)[0]


class Beta(Dirichlet):
    """Beta law: the first of two shares.

    Parameters
    ----------
    a, b : float
        Shapes at zero and at one.
    name : str, optional
        What it is called.

    Examples
    --------
    >>> from infometric.oracles import Beta
    >>> round(Beta(2, 3).truth("differential_entropy"), 10)
    -0.2349066498
    """

    def __init__(self, a: float = 1.0, b: float = 1.0, *, name: str = "") -> None:
        for shape in (a, b):
            _within(shape, "shape", "Beta(2, 3)")
        super().__init__((a, b), name=name)

    def _label(self) -> str:
        return "beta({:g}, {:g})".format(*self.concentration)


def _t_entropy(df: float, d: int) -> float:
    """Entropy of the t law in d dimensions with unit dispersion."""
    far = (df + d) / 2
    inner = far * (_digamma(far) - _digamma(df / 2))
    return math.lgamma(df / 2) - math.lgamma(far) + d / 2 * math.log(df * math.pi) + inner


def _t_log_power(order: float, df: float, d: int) -> float:
    far = order * (df + d) / 2
    norm = math.lgamma((df + d) / 2) - math.lgamma(df / 2)
    scale = d / 2 * (1 - order) * math.log(df * math.pi)
    tail = _log_gamma(far - d / 2)  # diverges where the power is heavier than integrable
    return scale + order * norm + tail - math.lgamma(far)


def _t_sample(generator: Generator, n: int, df: float, dispersion: Array) -> Array:
    wide = np.sqrt(df / generator.chisquare(df, n))
    return _normals(generator, n, dispersion) * wide[:, None]


@dataclass(frozen=True, eq=False)
class StudentT(Law):
    """Student's t law in any number of dimensions.

    Parameters
    ----------
    df : float
        Degrees of freedom; 1 is the Cauchy law.
    dispersion : float or ndarray of shape (d, d)
        Matrix of the quadratic form in the density; the covariance is df / (df - 2) times it.
    name : str, optional
        What it is called.

    References
    ----------
    Darbellay, G. A., Vajda, I. (2000). doi:10.1109/18.825848

    Examples
    --------
    >>> import numpy as np
    >>> from infometric.oracles import StudentT
    >>> round(StudentT(4, np.eye(3)).truth("differential_entropy"), 10)
    4.9768658375
    """

    df: float = 5.0
    dispersion: Any = 1.0

    def _check(self) -> None:
        hint = "StudentT(4, [[1, 0.5], [0.5, 1]])"
        _within(self.df, "number of degrees of freedom", hint)
        self._keep(dispersion=_covariance(self.dispersion, hint))

    def _label(self) -> str:
        d = len(self.dispersion)
        return f"Student t, df={self.df:g}" + (f", in {d} dimensions" if d > 1 else "")

    @property
    def dims(self) -> tuple[int, ...]:
        """Number of columns."""
        return (len(self.dispersion),)

    def _entropy(self) -> float:
        return _t_entropy(self.df, len(self.dispersion)) + _log_det(self.dispersion) / 2

    def _log_power(self, order: float) -> float:
        scale = (1 - order) / 2 * _log_det(self.dispersion)
        return _t_log_power(order, self.df, len(self.dispersion)) + scale

    def _sample(self, n: int, generator: Generator) -> Array:
        return _split(_t_sample(generator, n, self.df, self.dispersion), self.dims)[0]


@dataclass(frozen=True, eq=False)
class LogNormal(Law):
    """Law of a variable whose logarithm is normal.

    Parameters
    ----------
    mean, sigma : float
        Mean and standard deviation of the logarithm.
    name : str, optional
        What it is called.

    Examples
    --------
    >>> from infometric.oracles import LogNormal
    >>> round(LogNormal(0, 0.5).truth("differential_entropy"), 10)
    0.7257913526
    """

    mean: float = 0.0
    sigma: float = 1.0

    def _check(self) -> None:
        _within(self.mean, "mean", "LogNormal(0, 0.5)", -math.inf)
        _within(self.sigma, "sigma", "LogNormal(0, 0.5)")

    def _label(self) -> str:
        return f"lognormal({self.mean:g}, {self.sigma:g})"

    def _entropy(self) -> float:
        return (LOG_2PI + 1) / 2 + math.log(self.sigma) + self.mean

    def _log_power(self, order: float) -> float:
        scale = (1 - order) * (LOG_2PI / 2 + math.log(self.sigma) + self.mean)
        return scale - math.log(order) / 2 + ((1 - order) * self.sigma) ** 2 / (2 * order)

    def _sample(self, n: int, generator: Generator) -> Array:
        return generator.lognormal(self.mean, self.sigma, n)


@dataclass(frozen=True, eq=False)
class Weibull(Law):
    """Weibull law: a power of an exponential variable.

    Parameters
    ----------
    shape : float
        Shape; the variable is an exponential one to the power 1 / shape.
    scale : float
        Scale.
    name : str, optional
        What it is called.

    Examples
    --------
    >>> from infometric.oracles import Weibull
    >>> round(Weibull(2).truth("differential_entropy"), 10)
    0.5954606519
    """

    shape: float = 1.0
    scale: float = 1.0

    def _check(self) -> None:
        _within(self.shape, "shape", "Weibull(2.0)")
        _within(self.scale, "scale", "Weibull(2.0, scale=3.0)")

    def _label(self) -> str:
        return f"Weibull({self.shape:g}, {self.scale:g})"

    def _entropy(self) -> float:
        return np.euler_gamma * (1 - 1 / self.shape) + math.log(self.scale / self.shape) + 1

    def _log_power(self, order: float) -> float:
        a = (order - 1) * (1 - 1 / self.shape) + 1
        return (order - 1) * math.log(self.shape / self.scale) + _log_gamma(a) - a * math.log(order)

    def _sample(self, n: int, generator: Generator) -> Array:
        return self.scale * generator.weibull(self.shape, n)


# --- two variables ----------------------------------------------------------------------------


class Pair(Continuous):
    """Base of the pairs of variables: mutual information.

    Examples
    --------
    >>> from infometric.oracles import ZeroInflatedPoisson
    >>> oracle = ZeroInflatedPoisson(0.15)
    >>> oracle.family, oracle.kinds
    ('information', ('continuous', 'discrete'))
    """

    family = "information"
    measures: ClassVar[dict[str, Truth]] = {"mutual_information": lambda pair: pair._information()}

    @property
    def dims(self) -> tuple[int, ...]:
        """Numbers of columns of x and y."""
        return (1, 1)

    def _information(self) -> float:
        raise NotImplementedError


def _gaussian_information(cov: Array, dx: int) -> float:
    """Half of log |Sx| + log |Sy| - log |S|."""
    return max(0.0, _log_det(cov[:dx, :dx]) + _log_det(cov[dx:, dx:]) - _log_det(cov)) / 2


def _blocks(owner: Any, cov: Array, hint: str) -> None:
    """Check that x has some columns of the covariance and y the others."""
    _whole(owner.dx, "number of columns of x", hint)
    if owner.dx >= len(cov):
        raise InvalidParameterError(
            f"The {len(cov)} columns must hold those of x and one or more of y.",
            got=owner.dx,
            hint=hint,
        )


@dataclass(frozen=True, eq=False)
class GaussianPair(Pair):
    """Jointly normal x and y of any dimensions and covariance, with mean zero.

    Parameters
    ----------
    cov : ndarray of shape (dx + dy, dx + dy)
        Covariance of the columns of x, then of y.
    dx : int
        Number of columns of x.
    name : str, optional
        What it is called.

    Examples
    --------
    >>> from infometric.oracles import GaussianPair
    >>> round(GaussianPair.correlated(0.9).truth("mutual_information"), 10)
    0.8303656034
    >>> x, y = GaussianPair.independent_pairs(0.6, pairs=5).sample(10, rng=0)
    >>> x.shape, y.shape
    ((10, 5), (10, 5))
    """

    cov: Any
    dx: int = 1

    def _check(self) -> None:
        hint = "GaussianPair([[1, 0.6], [0.6, 1]])"
        self._keep(cov=_covariance(self.cov, hint))
        _blocks(self, self.cov, hint)

    def _label(self) -> str:
        return "normal blocks of {} and {}".format(*self.dims)

    @property
    def dims(self) -> tuple[int, ...]:
        """Numbers of columns of x and y."""
        return (self.dx, len(self.cov) - self.dx)

    def _information(self) -> float:
        return _gaussian_information(self.cov, self.dx)

    def _sample(self, n: int, generator: Generator) -> tuple[Array, ...]:
        return _split(_normals(generator, n, self.cov), self.dims)

    @classmethod
    def correlated(cls, rho: float) -> Self:
        """Two columns with this correlation: the information is -log(1 - rho²) / 2."""
        return cls.independent_pairs(rho, pairs=1)

    @classmethod
    def independent_pairs(cls, rho: float, pairs: int = 5) -> Self:
        """Columns of x and y with this correlation, one to one, and none between pairs."""
        hint = "GaussianPair.independent_pairs(0.6, pairs=5)"
        _within(rho, "correlation", hint, -1, 1)
        _whole(pairs, "number of pairs", hint)
        cov = _correlations(2 * pairs, {(i, i + pairs): rho for i in range(pairs)})
        name = "normal pair" if pairs == 1 else f"{pairs} independent normal pairs"
        return cls(cov, pairs, name=f"{name}, rho={rho:g}")


@dataclass(frozen=True, eq=False)
class StudentPair(Pair):
    """Jointly t distributed x and y: dependent even where they are uncorrelated.

    The information is that of a normal pair with the same dispersion, and an excess that depends
    on the degrees of freedom and the dimensions alone.

    Parameters
    ----------
    df : float
        Degrees of freedom.
    dispersion : ndarray of shape (dx + dy, dx + dy)
        Dispersion of the columns of x, then of y.
    dx : int
        Number of columns of x.
    name : str, optional
        What it is called.

    References
    ----------
    Darbellay, G. A., Vajda, I. (2000). doi:10.1109/18.825848

    Examples
    --------
    >>> import numpy as np
    >>> from infometric.oracles import StudentPair
    >>> round(StudentPair(4, np.eye(2)).truth("mutual_information"), 10)
    0.0256429673
    """

    df: float
    dispersion: Any
    dx: int = 1

    def _check(self) -> None:
        hint = "StudentPair(4, [[1, 0.5], [0.5, 1]])"
        _within(self.df, "number of degrees of freedom", hint)
        self._keep(dispersion=_covariance(self.dispersion, hint))
        _blocks(self, self.dispersion, hint)

    def _label(self) -> str:
        dx, dy = self.dims
        if dx + dy > 2:
            return f"Student blocks of {dx} and {dy}, df={self.df:g}"
        spread = math.sqrt(self.dispersion[0, 0] * self.dispersion[1, 1])
        return f"Student pair, df={self.df:g}, rho={self.dispersion[0, 1] / spread:g}"

    @property
    def dims(self) -> tuple[int, ...]:
        """Numbers of columns of x and y."""
        return (self.dx, len(self.dispersion) - self.dx)

    def _information(self) -> float:
        dx, dy = self.dims
        alone = _t_entropy(self.df, dx) + _t_entropy(self.df, dy)
        excess = alone - _t_entropy(self.df, dx + dy)
        return _gaussian_information(self.dispersion, dx) + excess

    def _sample(self, n: int, generator: Generator) -> tuple[Array, ...]:
        return _split(_t_sample(generator, n, self.df, self.dispersion), self.dims)


@dataclass(frozen=True, eq=False)
class AdditiveUniformNoise(Pair):
    """Uniform x on (0, 1), and y = x + uniform noise on (-noise, noise).

    Parameters
    ----------
    noise : float
        Half the width of the noise.
    name : str, optional
        What it is called.

    References
    ----------
    Czyż, P. et al. (2023). Beyond normal. arXiv:2306.11078

    Examples
    --------
    >>> from infometric.oracles import AdditiveUniformNoise
    >>> AdditiveUniformNoise(1.0).truth("mutual_information")
    0.25
    """

    noise: float = 0.2

    def _check(self) -> None:
        _within(self.noise, "noise", "AdditiveUniformNoise(0.2)")

    def _label(self) -> str:
        return f"uniform noise of {self.noise:g}"

    def _information(self) -> float:
        e = self.noise
        return e - math.log(2 * e) if e <= 0.5 else 1 / (4 * e)

    def _sample(self, n: int, generator: Generator) -> tuple[Array, ...]:
        x = generator.uniform(0, 1, n)
        return x, x + generator.uniform(-self.noise, self.noise, n)


@dataclass(frozen=True, eq=False)
class GammaExponential(Pair):
    """Gamma distributed x, and y exponential with rate x: information ψ(shape + 1) - log(shape).

    Parameters
    ----------
    shape : float
        Shape of x.
    name : str, optional
        What it is called.

    References
    ----------
    Darbellay, G. A., Vajda, I. (2000). doi:10.1109/18.825848

    Examples
    --------
    >>> from infometric.oracles import GammaExponential
    >>> round(GammaExponential(3).truth("mutual_information"), 10)
    0.1575053798
    """

    shape: float = 3.0

    def _check(self) -> None:
        _within(self.shape, "shape", "GammaExponential(3.0)")

    def _label(self) -> str:
        return f"gamma-exponential, shape {self.shape:g}"

    def _information(self) -> float:
        return _digamma(self.shape + 1) - math.log(self.shape)

    def _sample(self, n: int, generator: Generator) -> tuple[Array, ...]:
        x = generator.gamma(self.shape, 1, n)
        return x, generator.exponential(1, n) / x


@dataclass(frozen=True, eq=False)
class OverlappingUniforms(Pair):
    """Discrete x, uniform on 0, ..., m - 1, and y uniform on (x, x + 2).

    The information is log m - (m - 1) log(2) / m.

    Parameters
    ----------
    m : int
        Number of values of x.
    name : str, optional
        What it is called.

    References
    ----------
    Gao, W., Kannan, S., Oh, S., Viswanath, P. (2017). Estimating mutual information for
    discrete-continuous mixtures. NeurIPS 30. arXiv:1709.06212

    Examples
    --------
    >>> from infometric.oracles import OverlappingUniforms
    >>> round(OverlappingUniforms(5).truth("mutual_information"), 10)
    1.054920168
    """

    m: int = 5

    def _check(self) -> None:
        _whole(self.m, "number of values", "OverlappingUniforms(5)")

    def _label(self) -> str:
        return f"{self.m} overlapping uniforms"

    @property
    def kinds(self) -> tuple[str, ...]:
        """A discrete x and a continuous y."""
        return ("discrete", "continuous")

    def _information(self) -> float:
        return math.log(self.m) - (self.m - 1) * math.log(2) / self.m

    def _sample(self, n: int, generator: Generator) -> tuple[Array, ...]:
        x = generator.integers(self.m, size=n)
        return x, x + generator.uniform(0, 2, n)


@dataclass(frozen=True, eq=False)
class ZeroInflatedPoisson(Pair):
    r"""Exponential x, and y zero with a given probability, else Poisson with rate x.

    With :math:`g = p + (1 - p) e^{-x}` the chance of a zero,

    .. math:: I = H(Y) + E\,[g\log g] + \sum_{y\ge1}\frac{1-p}{2^{y+1}}
              \left[\log(1-p)-\frac{y+1}2+y(\psi(y+1)-\log2)-\log y!\right]

    where :math:`P(Y=y)=(1-p)2^{-y-1}`, and p more at zero. The form
    :math:`(1-p)(2\log2-\gamma-\sum_k 2^{-k}\log k)` that is often quoted is the information with
    the source of the zeros known: an upper bound, exact at p = 0 only.

    Parameters
    ----------
    p : float
        Probability of a zero that has nothing to do with x.
    name : str, optional
        What it is called.

    References
    ----------
    Gao, W., Kannan, S., Oh, S., Viswanath, P. (2017). Estimating mutual information for
    discrete-continuous mixtures. NeurIPS 30. arXiv:1709.06212 (the distribution)

    Examples
    --------
    >>> from infometric.oracles import ZeroInflatedPoisson
    >>> round(ZeroInflatedPoisson(0.15).truth("mutual_information"), 10)
    0.2297759585
    """

    p: float = 0.15

    def _check(self) -> None:
        if self.p != 0:
            _within(self.p, "probability of a zero", "ZeroInflatedPoisson(0.15)", 0, 1)

    def _label(self) -> str:
        return f"zero-inflated Poisson of exponential, p={self.p:g}"

    @property
    def kinds(self) -> tuple[str, ...]:
        """A continuous x and a discrete y."""
        return ("continuous", "discrete")

    def _information(self) -> float:
        p, rest = self.p, 1 - self.p
        zero = p + rest / 2
        # the integral of g log g over e^-x, which is uniform on (0, 1)
        inner = (-0.25 + p * p / 4 - (p * p / 2 * math.log(p) if p > 0 else 0)) / rest
        terms = [inner - zero * math.log(zero)]
        for y in range(1, 80):
            share = rest * 2.0 ** -(y + 1)
            log_share = math.log(rest) - (y + 1) * math.log(2)
            rate = y * (_digamma(y + 1) - math.log(2)) - (y + 1) / 2 - math.lgamma(y + 1)
            terms.append(share * (math.log(rest) + rate - log_share))
        return math.fsum(terms)

    def _sample(self, n: int, generator: Generator) -> tuple[Array, ...]:
        x = generator.exponential(1, n)
        return x, np.where(generator.random(n) < self.p, 0, generator.poisson(x))


@dataclass(frozen=True, eq=False)
class LabelledNormals(Pair):
    """Normal x, shifted where the label y is 1.

    The information is the Jensen-Shannon divergence of the two normals, by quadrature.

    Parameters
    ----------
    shift : float
        Distance of the means, in standard deviations.
    weight : float
        Probability of the label 1.
    name : str, optional
        What it is called.

    References
    ----------
    Ross, B. C. (2014). Mutual information between discrete and continuous data sets. PLoS ONE 9,
    e87357. doi:10.1371/journal.pone.0087357

    Examples
    --------
    >>> from infometric.oracles import LabelledNormals
    >>> round(LabelledNormals(1.0).truth("mutual_information"), 10)
    0.1114214822
    """

    shift: float = 1.0
    weight: float = 0.5

    def _check(self) -> None:
        _within(self.shift, "shift", "LabelledNormals(1.0)", -math.inf)
        _within(self.weight, "weight", "LabelledNormals(1.0, weight=0.3)", 0, 1)

    def _label(self) -> str:
        odds = "" if self.weight == 0.5 else f", weight {self.weight:g}"
        return f"label of a normal, shift {self.shift:g}{odds}"

    @property
    def kinds(self) -> tuple[str, ...]:
        """A continuous x and a discrete y."""
        return ("continuous", "discrete")

    def _information(self) -> float:
        return _jensen_shannon(TwoNormals(mean_p=self.shift), self.weight)

    def _sample(self, n: int, generator: Generator) -> tuple[Array, ...]:
        y = (generator.random(n) < self.weight).astype(int)
        return generator.standard_normal(n) + self.shift * y, y


@dataclass(frozen=True, eq=False)
class MixedPair(Pair):
    """A normal pair for some records, two signs that often agree for the others.

    Each variable is mixed: it has a density and two atoms, at -1 and 1. Which part a record is of
    can be told from either variable, so that the information is the entropy of the part and the
    mean of the information in the parts.

    Parameters
    ----------
    rho : float
        Correlation of the normal pair.
    error : float
        Probability that the signs differ.
    weight : float
        Probability of a normal record.
    name : str, optional
        What it is called.

    References
    ----------
    Gao, W., Kannan, S., Oh, S., Viswanath, P. (2017). Estimating mutual information for
    discrete-continuous mixtures. NeurIPS 30. arXiv:1709.06212

    Examples
    --------
    >>> from infometric.oracles import MixedPair
    >>> oracle = MixedPair(rho=0.0, error=0.5)  # only the part is common
    >>> oracle.kinds, round(oracle.truth("mutual_information") / math.log(2), 12)
    (('mixed', 'mixed'), 1.0)
    """

    rho: float = 0.9
    error: float = 0.2
    weight: float = 0.5

    def _check(self) -> None:
        hint = "MixedPair(rho=0.9, error=0.2, weight=0.5)"
        _within(self.rho, "correlation", hint, -1, 1)
        _within(self.error, "probability of an error", hint, 0, 1)
        _within(self.weight, "weight", hint, 0, 1)

    def _label(self) -> str:
        return f"normal pair or signs, rho={self.rho:g}, error {self.error:g}"

    @property
    def kinds(self) -> tuple[str, ...]:
        """Both have a density and atoms."""
        return ("mixed", "mixed")

    def _information(self) -> float:
        w = self.weight
        signs = math.log(2) - _binary_entropy(self.error)
        return _binary_entropy(w) - w * math.log1p(-(self.rho**2)) / 2 + (1 - w) * signs

    def _sample(self, n: int, generator: Generator) -> tuple[Array, ...]:
        normal = _normals(generator, n, _correlations(2, {(0, 1): self.rho}))
        x = generator.choice([-1.0, 1.0], n)
        y = np.where(generator.random(n) < self.error, -x, x)
        return _split(
            np.where(generator.random(n)[:, None] < self.weight, normal, np.stack([x, y], 1)),
            (1, 1),
        )


def _binary_entropy(p: float) -> float:
    return -p * math.log(p) - (1 - p) * math.log1p(-p)


# --- more variables ---------------------------------------------------------------------------


def _conditional_information(cov: Array, x: list[int], y: list[int], z: list[int]) -> float:
    """Of normal variables: half of log |Sxz| + log |Syz| - log |Sz| - log |Sxyz|."""
    xz, yz, z_only, all_three = (
        _log_det(cov[np.ix_(kept, kept)]) for kept in (x + z, y + z, z, x + y + z)
    )
    return max(0.0, xz + yz - z_only - all_three) / 2  # not below zero by rounding


@dataclass(frozen=True, eq=False)
class GaussianTriple(Continuous):
    """Jointly normal x, y and z with mean zero: information of x and y given z.

    Parameters
    ----------
    cov : ndarray of shape (dx + dy + dz, dx + dy + dz)
        Covariance of the columns of x, then y, then z.
    dx, dy : int
        Numbers of columns of x and y.
    name : str, optional
        What it is called.

    Examples
    --------
    >>> from infometric.oracles import GaussianTriple
    >>> oracle = GaussianTriple.correlated(xy=0.5, xz=0.3, yz=0.4)
    >>> round(oracle.truth("conditional_mutual_information"), 10)
    0.1046858672
    """

    cov: Any
    dx: int = 1
    dy: int = 1

    family = "conditional"
    measures: ClassVar[dict[str, Truth]] = {
        "conditional_mutual_information": lambda triple: triple._information()
    }

    def _check(self) -> None:
        hint = "GaussianTriple.correlated(xy=0.5, xz=0.3, yz=0.4)"
        self._keep(cov=_covariance(self.cov, hint))
        _whole(self.dx, "number of columns of x", hint)
        _whole(self.dy, "number of columns of y", hint)
        if self.dx + self.dy >= len(self.cov):
            raise InvalidParameterError(
                f"The {len(self.cov)} columns must hold those of x and y and one or more of z.",
                got=(self.dx, self.dy),
                hint=hint,
            )

    def _label(self) -> str:
        return "normal blocks of {}, {} and {}".format(*self.dims)

    @property
    def dims(self) -> tuple[int, ...]:
        """Numbers of columns of x, y and z."""
        return (self.dx, self.dy, len(self.cov) - self.dx - self.dy)

    def _information(self) -> float:
        every = list(range(len(self.cov)))
        near, far = self.dx, self.dx + self.dy
        return _conditional_information(self.cov, every[:near], every[near:far], every[far:])

    def _sample(self, n: int, generator: Generator) -> tuple[Array, ...]:
        return _split(_normals(generator, n, self.cov), self.dims)

    @classmethod
    def correlated(cls, xy: float, xz: float, yz: float) -> Self:
        """One column each, with these correlations."""
        cov = _correlations(3, {(0, 1): xy, (0, 2): xz, (1, 2): yz})
        return cls(cov, name=f"normal triple, rho={xy:g}, {xz:g}, {yz:g}")

    @classmethod
    def chain(cls, xz: float = 0.7, yz: float = 0.7) -> Self:
        """A chain x - z - y: nothing is left of the dependence of x and y given z."""
        cov = _correlations(3, {(0, 1): xz * yz, (0, 2): xz, (1, 2): yz})
        return cls(cov, name=f"normal chain, rho={xz:g}, {yz:g}")


@dataclass(frozen=True, eq=False)
class GaussianVariables(Continuous):
    """Jointly normal variables of one column each: total correlation -log(det R) / 2.

    Parameters
    ----------
    cov : ndarray of shape (d, d)
        Covariance; R is its correlation matrix.
    name : str, optional
        What it is called.

    Examples
    --------
    >>> from infometric.oracles import GaussianVariables
    >>> oracle = GaussianVariables.equicorrelated(3, 0.5)
    >>> round(oracle.truth("total_correlation"), 10)
    0.3465735903
    >>> len(oracle.sample(10, rng=0))
    3
    """

    cov: Any

    family = "total"
    measures: ClassVar[dict[str, Truth]] = {
        "total_correlation": lambda oracle: oracle._information()
    }

    def _check(self) -> None:
        self._keep(cov=_covariance(self.cov, "GaussianVariables.equicorrelated(3, 0.5)"))

    def _label(self) -> str:
        return f"{len(self.cov)} normal variables"

    def _information(self) -> float:
        alone = math.fsum(map(math.log, self.cov.diagonal().tolist()))
        return max(0.0, alone - _log_det(self.cov)) / 2

    @property
    def dims(self) -> tuple[int, ...]:
        """One column each."""
        return (1,) * len(self.cov)

    def _sample(self, n: int, generator: Generator) -> tuple[Array, ...]:
        return _split(_normals(generator, n, self.cov), self.dims)

    @classmethod
    def equicorrelated(cls, d: int, rho: float) -> Self:
        """Variables with one correlation between any two of them."""
        hint = "GaussianVariables.equicorrelated(3, 0.5)"
        _whole(d, "number of variables", hint, 2)
        _within(rho, "correlation", hint, -1 / (d - 1), 1)
        cov = np.full((d, d), float(rho)) + (1 - rho) * np.eye(d)
        return cls(cov, name=f"{d} equicorrelated normals, rho={rho:g}")


def _transfer(
    process: Autoregression, source_history: int = 1, target_history: int = 1, lag: int = 1
) -> float:
    """Information of target now and source past given target past, of the stationary law."""
    for name, value in (
        ("source_history", source_history), ("target_history", target_history), ("lag", lag),
    ):  # fmt: skip
        _whole(value, name, f"{name}=1")
    source, target = process._columns()
    steps = [0, *range(lag, lag + source_history), *range(1, target_history + 1)]
    names = [target] + [source] * source_history + [target] * target_history
    cov = process._lagged([(v, step) for vs, step in zip(names, steps, strict=True) for v in vs])
    ends = np.cumsum([0, len(target), source_history * len(source), target_history * len(target)])
    y, x, z = (list(range(a, b)) for a, b in pairwise(ends))
    return _conditional_information(cov, x, y, z)


@dataclass(frozen=True, eq=False)
class Autoregression(Continuous):
    r"""Stationary vector autoregression of a source and a target: transfer entropy.

    The process is :math:`s_t = A s_{t-1} + e_t`; its stationary covariance S solves the Lyapunov
    equation :math:`S = A S A^T + Q`, and :math:`Cov(s_t, s_{t-h}) = A^h S`. Measured is the
    transfer from the source, the first `dx` variables, to the target, the others; `swapped` has
    the transfer back.

    Parameters
    ----------
    coefficients : ndarray of shape (d, d)
        Matrix A, with all eigenvalues inside the unit circle.
    noise : ndarray of shape (d, d), optional
        Covariance Q of the shocks; the identity by default.
    dx : int
        Number of variables of the source.
    name : str, optional
        What it is called.

    References
    ----------
    Barnett, L., Barrett, A. B., Seth, A. K. (2009). Granger causality and transfer entropy are
    equivalent for Gaussian variables. Phys. Rev. Lett. 103, 238701.
    doi:10.1103/PhysRevLett.103.238701

    Examples
    --------
    >>> from infometric.oracles import Autoregression
    >>> oracle = Autoregression([[0.5, 0.0], [0.4, 0.6]])
    >>> round(oracle.truth("transfer_entropy"), 10)
    0.0922801637
    >>> abs(round(oracle.swapped().truth("transfer_entropy"), 10))
    0.0
    """

    coefficients: Any
    noise: Any = None
    dx: int = 1

    family = "transfer"
    measures: ClassVar[dict[str, Truth]] = {"transfer_entropy": _transfer}

    def _check(self) -> None:
        from scipy.linalg import solve_discrete_lyapunov

        hint = "Autoregression([[0.5, 0.0], [0.4, 0.6]])"
        try:
            a = np.asarray(self.coefficients, dtype=float)
            stable = bool(np.abs(np.linalg.eigvals(a)).max(initial=0) < 1)
        except (TypeError, ValueError, np.linalg.LinAlgError):
            stable = False
        if not stable:
            raise InvalidParameterError(
                "The coefficients must be a square matrix, eigenvalues inside the unit circle.",
                got=self.coefficients,
                hint=hint,
            )
        q = _covariance(np.eye(len(a)) if self.noise is None else self.noise, hint)
        if q.shape != a.shape:
            raise InvalidParameterError(
                f"The noise must have {len(a)} rows, as the coefficients.", got=q, hint=hint
            )
        self._keep(coefficients=a, noise=q, _stationary=solve_discrete_lyapunov(a, q))
        _blocks(self, a, hint)

    def _label(self) -> str:
        return f"autoregression of {len(self.coefficients)} variables"

    @property
    def dims(self) -> tuple[int, ...]:
        """Numbers of variables of source and target."""
        return (self.dx, len(self.coefficients) - self.dx)

    @property
    def covariance(self) -> Array:
        """Stationary covariance of source and target."""
        found: Array = self.__dict__["_stationary"]
        return found

    def _columns(self) -> tuple[list[int], list[int]]:
        every = list(range(len(self.coefficients)))
        return every[: self.dx], every[self.dx :]

    def _lagged(self, columns: list[tuple[int, int]]) -> Array:
        """Covariance of variables so many steps back."""
        power = np.linalg.matrix_power
        now = self.covariance
        furthest = max(step for _, step in columns)
        ahead = [power(self.coefficients, h) @ now for h in range(furthest + 1)]
        return np.array(
            [
                [ahead[t - s][i, j] if t >= s else ahead[s - t][j, i] for j, t in columns]
                for i, s in columns
            ]
        )

    def _sample(self, n: int, generator: Generator) -> tuple[Array, ...]:
        state = _normals(generator, 1, self.covariance)[0]
        series = _normals(generator, n, self.noise)
        series[0] = state
        for t in range(1, n):
            series[t] += self.coefficients @ series[t - 1]
        return _split(series, self.dims)

    def swapped(self) -> Autoregression:
        """The same with source and target exchanged."""
        source, target = self._columns()
        order = np.ix_(target + source, target + source)
        return Autoregression(
            self.coefficients[order], self.noise[order], len(target), name=f"{self.name}, back"
        )


# --- two samples ------------------------------------------------------------------------------


def _renyi_divergence(pair: TwoLaws, order: float = 2.0) -> float:
    _order(order)
    return pair._kl() if order == 1 else pair._log_power(order) / (order - 1)


def _tsallis_divergence(pair: TwoLaws, order: float = 2.0) -> float:
    _order(order)
    return pair._kl() if order == 1 else _expm1(pair._log_power(order)) / (order - 1)


def _alpha_divergence(pair: TwoLaws, order: float = 0.5) -> float:
    """Amari's: (integral - 1) / (order (order - 1)), and its limits at 0 and 1."""
    _within(order, "order", "order=0.5", -math.inf)
    if order in (0, 1):
        return pair._kl() if order == 1 else pair.swapped()._kl()
    return _expm1(pair._log_power(order)) / (order * (order - 1))


def _jensen_shannon(pair: TwoLaws, weight: float = 0.5) -> float:
    """Mean divergence from the mixture of `weight` of p and the rest of r, by quadrature."""
    from scipy.integrate import quad

    _within(weight, "weight", "weight=0.5", 0, 1)
    log_density_p, log_density_r, points = pair._densities()
    log_w, log_v = math.log(weight), math.log1p(-weight)

    def inner(x: float) -> float:
        p, r = log_density_p(x), log_density_r(x)
        mixture = float(np.logaddexp(log_w + p, log_v + r))
        parts = ((weight, p), (1 - weight, r))
        return math.fsum(w * math.exp(a) * (a - mixture) for w, a in parts if a > -700)

    ends = sorted(set(points))
    parts = (quad(inner, a, b, epsabs=1e-13, epsrel=1e-11, limit=200)[0] for a, b in pairwise(ends))
    return max(0.0, math.fsum(parts))  # not below zero by rounding


class TwoLaws(Continuous):
    """Base of the two-sample oracles: divergences of the law p from the law r.

    Infinite where the integral that defines the divergence diverges.

    Examples
    --------
    >>> from infometric.oracles import TwoNormals
    >>> oracle = TwoNormals(0, 1, 1, 4)
    >>> oracle.truth("jeffreys_divergence")
    1.75
    >>> p, r = oracle.sample((100, 50), rng=0)
    >>> p.shape, r.shape
    ((100,), (50,))
    """

    family = "divergence"
    measures: ClassVar[dict[str, Truth]] = {
        "kl_divergence": lambda pair: pair._kl(),
        "jeffreys_divergence": lambda pair: pair._kl() + pair.swapped()._kl(),
        "jensen_shannon_divergence": _jensen_shannon,
        "renyi_divergence": _renyi_divergence,
        "tsallis_divergence": _tsallis_divergence,
        "alpha_divergence": _alpha_divergence,
    }

    @property
    def dims(self) -> tuple[int, ...]:
        """Numbers of columns of the two samples."""
        return (1, 1)

    def swapped(self) -> TwoLaws:
        """The same with the samples exchanged."""
        raise NotImplementedError

    def _size(self, n: Any) -> tuple[int, int]:
        pair = tuple(n) if isinstance(n, tuple | list | np.ndarray) else (n, n)
        if len(pair) != 2:
            raise InvalidParameterError(
                "The sample size must be one number or two.",
                got=n,
                hint="oracle.sample((1000, 500), rng=0)",
            )
        return super()._size(pair[0]), super()._size(pair[1])

    def _kl(self) -> float:
        raise NotImplementedError

    def _log_power(self, order: float) -> float:
        """Logarithm of the integral of p to this power and r to the rest of one."""
        raise NotImplementedError

    def _densities(self) -> tuple[Callable[[float], float], Callable[[float], float], list[float]]:
        """Logarithms of both densities, and points to cut the line at."""
        raise NotImplementedError


STEPS = (-38, -12, -6, -3, -1, 0, 1, 3, 6, 12, 38)  # of a scale, where quadrature is cut


@dataclass(frozen=True, eq=False)
class TwoNormals(TwoLaws):
    """Two normal samples of any dimension, means and covariances.

    The Jensen-Shannon divergence is known in one dimension, or with equal covariances.

    Parameters
    ----------
    mean_p : float or ndarray of shape (d,)
        Mean of the first law.
    cov_p : float or ndarray of shape (d, d)
        Variance or covariance of the first law.
    mean_r, cov_r
        Those of the second law.
    name : str, optional
        What it is called.

    References
    ----------
    Gil, M., Alajaji, F., Linder, T. (2013). doi:10.1016/j.ins.2013.06.018

    Examples
    --------
    >>> from infometric.oracles import TwoNormals
    >>> round(TwoNormals(0, 1, 1, 4).truth("kl_divergence"), 10)
    0.4431471806
    """

    mean_p: Any = 0.0
    cov_p: Any = 1.0
    mean_r: Any = 0.0
    cov_r: Any = 1.0

    def _check(self) -> None:
        hint = "TwoNormals(0, 1, 1, 4)"
        p, r = _covariance(self.cov_p, hint), _covariance(self.cov_r, hint)
        if p.shape != r.shape:
            raise InvalidParameterError(
                "Both covariances must have the same size.", got=(p.shape, r.shape), hint=hint
            )
        means = (_mean(mean, len(p), hint) for mean in (self.mean_p, self.mean_r))
        self._keep(cov_p=p, cov_r=r, **dict(zip(("mean_p", "mean_r"), means, strict=True)))

    def _label(self) -> str:
        if len(self.cov_p) > 1:
            return f"two normals in {len(self.cov_p)} dimensions"
        values = (self.mean_p[0], self.cov_p[0, 0], self.mean_r[0], self.cov_r[0, 0])
        return "normals ({:g}, {:g}) and ({:g}, {:g})".format(*values)

    @property
    def dims(self) -> tuple[int, ...]:
        """Numbers of columns of the two samples."""
        return (len(self.cov_p),) * 2

    @property
    def defined(self) -> tuple[str, ...]:
        """Names of the measures whose truth it knows."""
        one = len(self.cov_p) == 1 or np.array_equal(self.cov_p, self.cov_r)
        return tuple(m for m in self.measures if one or m != "jensen_shannon_divergence")

    def swapped(self) -> TwoNormals:
        """The same with the samples exchanged."""
        return TwoNormals(self.mean_r, self.cov_r, self.mean_p, self.cov_p, name=self.name)

    def _kl(self) -> float:
        apart = self.mean_r - self.mean_p
        spread = float(np.trace(np.linalg.solve(self.cov_r, self.cov_p)))
        far = float(apart @ np.linalg.solve(self.cov_r, apart))
        scale = _log_det(self.cov_r) - _log_det(self.cov_p)
        return (spread + far - len(apart) + scale) / 2

    def _log_power(self, order: float) -> float:
        p, r = np.linalg.inv(self.cov_p), np.linalg.inv(self.cov_r)
        both = order * p + (1 - order) * r
        if np.linalg.eigvalsh(both).min() <= 0:
            return math.inf
        apart = self.mean_r - self.mean_p
        scale = order * _log_det(self.cov_p) + (1 - order) * _log_det(self.cov_r)
        far = float(apart @ r @ np.linalg.solve(both, p @ apart))
        return -(_log_det(both) + scale + order * (1 - order) * far) / 2

    def _densities(self) -> tuple[Callable[[float], float], Callable[[float], float], list[float]]:
        # along the line through both means, in standard deviations of p
        apart = self.mean_r - self.mean_p
        far = math.sqrt(float(apart @ np.linalg.solve(self.cov_p, apart)))
        ratio = math.sqrt(self.cov_r[0, 0] / self.cov_p[0, 0])

        def log_density(mean: float, scale: float) -> Callable[[float], float]:
            return lambda x: -(((x - mean) / scale) ** 2 + LOG_2PI) / 2 - math.log(scale)

        points = [m + s * step for m, s in ((0.0, 1.0), (far, ratio)) for step in STEPS]
        return log_density(0.0, 1.0), log_density(far, ratio), points

    def _sample(self, n: tuple[int, int], generator: Generator) -> tuple[Array, ...]:
        return (
            _split(self.mean_p + _normals(generator, n[0], self.cov_p), self.dims[:1])[0],
            _split(self.mean_r + _normals(generator, n[1], self.cov_r), self.dims[1:])[0],
        )


@dataclass(frozen=True, eq=False)
class TwoGammas(TwoLaws):
    """Two gamma samples; exponential ones among them.

    Parameters
    ----------
    shape_p, scale_p : float
        Shape and scale of the first law.
    shape_r, scale_r : float
        Those of the second law.
    name : str, optional
        What it is called.

    References
    ----------
    Gil, M., Alajaji, F., Linder, T. (2013). doi:10.1016/j.ins.2013.06.018

    Examples
    --------
    >>> from infometric.oracles import TwoGammas
    >>> round(TwoGammas(2, 1, 3, 0.5).truth("kl_divergence"), 10)
    0.1909213038
    >>> round(TwoGammas.exponentials(1.5, 0.7).truth("kl_divergence"), 10)
    0.2288067187
    """

    shape_p: float = 1.0
    scale_p: float = 1.0
    shape_r: float = 1.0
    scale_r: float = 1.0

    def _check(self) -> None:
        for name in ("shape_p", "scale_p", "shape_r", "scale_r"):
            _within(getattr(self, name), name, "TwoGammas(2, 1, 3, 0.5)")

    def _label(self) -> str:
        values = (self.shape_p, self.scale_p, self.shape_r, self.scale_r)
        return "gammas ({:g}, {:g}) and ({:g}, {:g})".format(*values)

    @classmethod
    def exponentials(cls, rate_p: float, rate_r: float) -> Self:
        """Two exponential samples of these rates."""
        for name, rate in (("rate_p", rate_p), ("rate_r", rate_r)):
            _within(rate, name, "TwoGammas.exponentials(1.5, 0.7)")
        name = f"exponentials {rate_p:g} and {rate_r:g}"
        return cls(1.0, 1 / rate_p, 1.0, 1 / rate_r, name=name)

    def swapped(self) -> TwoGammas:
        """The same with the samples exchanged."""
        return TwoGammas(self.shape_r, self.scale_r, self.shape_p, self.scale_p, name=self.name)

    def _kl(self) -> float:
        k, m = self.shape_p, self.shape_r
        ratio = self.scale_p / self.scale_r
        shapes = (k - m) * _digamma(k) - math.lgamma(k) + math.lgamma(m)
        return shapes - m * math.log(ratio) + k * (ratio - 1)

    def _log_power(self, order: float) -> float:
        shape = order * self.shape_p + (1 - order) * self.shape_r
        rate = order / self.scale_p + (1 - order) / self.scale_r
        if shape <= 0 or rate <= 0:
            return math.inf
        p = math.lgamma(self.shape_p) + self.shape_p * math.log(self.scale_p)
        r = math.lgamma(self.shape_r) + self.shape_r * math.log(self.scale_r)
        return math.lgamma(shape) - shape * math.log(rate) - order * p - (1 - order) * r

    def _densities(self) -> tuple[Callable[[float], float], Callable[[float], float], list[float]]:
        def log_density(k: float, scale: float) -> Callable[[float], float]:
            norm = math.lgamma(k) + k * math.log(scale)
            return lambda x: (k - 1) * math.log(x) - x / scale - norm if x > 0 else -math.inf

        laws = ((self.shape_p, self.scale_p), (self.shape_r, self.scale_r))
        cuts = [k * s + math.sqrt(k) * s * step for k, s in laws for step in STEPS]
        far = max(k * s for k, s in laws) + 60 * max(s + math.sqrt(k) * s for k, s in laws)
        points = [0.0, far, *(cut for cut in cuts if 0 < cut < far)]
        return log_density(*laws[0]), log_density(*laws[1]), points

    def _sample(self, n: tuple[int, int], generator: Generator) -> tuple[Array, ...]:
        p = generator.gamma(self.shape_p, self.scale_p, n[0])
        return p, generator.gamma(self.shape_r, self.scale_r, n[1])


@dataclass(frozen=True, eq=False)
class TwoLaplaces(TwoLaws):
    """Two Laplace samples.

    Parameters
    ----------
    mean_p, scale_p : float
        Centre and scale of the first law.
    mean_r, scale_r : float
        Those of the second law.
    name : str, optional
        What it is called.

    References
    ----------
    Gil, M., Alajaji, F., Linder, T. (2013). doi:10.1016/j.ins.2013.06.018

    Examples
    --------
    >>> from infometric.oracles import TwoLaplaces
    >>> round(TwoLaplaces(0, 1, 1, 2).truth("kl_divergence"), 10)
    0.3770869011
    """

    mean_p: float = 0.0
    scale_p: float = 1.0
    mean_r: float = 0.0
    scale_r: float = 1.0

    def _check(self) -> None:
        hint = "TwoLaplaces(0, 1, 1, 2)"
        for name in ("mean_p", "mean_r"):
            _within(getattr(self, name), name, hint, -math.inf)
        for name in ("scale_p", "scale_r"):
            _within(getattr(self, name), name, hint)

    def _label(self) -> str:
        values = (self.mean_p, self.scale_p, self.mean_r, self.scale_r)
        return "Laplaces ({:g}, {:g}) and ({:g}, {:g})".format(*values)

    def swapped(self) -> TwoLaplaces:
        """The same with the samples exchanged."""
        return TwoLaplaces(self.mean_r, self.scale_r, self.mean_p, self.scale_p, name=self.name)

    def _kl(self) -> float:
        apart, p, r = abs(self.mean_r - self.mean_p), self.scale_p, self.scale_r
        return math.log(r / p) + (p * math.exp(-apart / p) + apart) / r - 1

    def _log_power(self, order: float) -> float:
        u, v = order / self.scale_p, (1 - order) / self.scale_r
        if u + v <= 0:
            return math.inf
        apart = abs(self.mean_r - self.mean_p)
        at_p, at_r = math.exp(-v * apart), math.exp(-u * apart)
        between = (at_p - at_r) / (u - v) if u != v else apart * at_p
        scale = order * math.log(2 * self.scale_p) + (1 - order) * math.log(2 * self.scale_r)
        return math.log((at_p + at_r) / (u + v) + between) - scale

    def _densities(self) -> tuple[Callable[[float], float], Callable[[float], float], list[float]]:
        def log_density(mean: float, scale: float) -> Callable[[float], float]:
            return lambda x: -abs(x - mean) / scale - math.log(2 * scale)

        laws = ((self.mean_p, self.scale_p), (self.mean_r, self.scale_r))
        points = [m + s * step for m, s in laws for step in STEPS]
        return log_density(*laws[0]), log_density(*laws[1]), points

    def _sample(self, n: tuple[int, int], generator: Generator) -> tuple[Array, ...]:
        p = generator.laplace(self.mean_p, self.scale_p, n[0])
        return p, generator.laplace(self.mean_r, self.scale_r, n[1])


# --- the same information in other clothes ----------------------------------------------------

Map = Callable[[Array], Array]


def _uniform(x: Array) -> Array:
    from scipy.special import ndtr

    return np.asarray(ndtr(x))


MAPS: dict[str, Map] = {
    "identity": lambda x: x,
    "exp": np.exp,
    "cube": lambda x: x**3,
    "asinh": np.arcsinh,
    "half_cube": lambda x: x * np.sqrt(np.abs(x)),
    "normal_cdf": _uniform,
}


@dataclass(frozen=True, eq=False)
class Transformed(Continuous):
    """An oracle whose variables went through strictly monotone maps: the truth stays.

    Mutual information, conditional and total too, transfer entropy and divergences are invariant
    under injective maps of each variable; entropies of densities are not, and are refused.

    Parameters
    ----------
    oracle : Continuous
        The oracle whose records are mapped.
    maps : str, callable or sequence of them
        A map for all variables, or one for each: "identity", "exp", "cube", "asinh", "half_cube"
        (x times the root of |x|), "normal_cdf", or a strictly monotone function of an array. Of
        two samples both go through the same map.
    name : str, optional
        What it is called.

    References
    ----------
    Kraskov, A., Stögbauer, H., Grassberger, P. (2004). Estimating mutual information. Phys. Rev.
    E 69, 066138. doi:10.1103/PhysRevE.69.066138 (the invariance)
    Czyż, P. et al. (2023). Beyond normal. arXiv:2306.11078 (half-cube and asinh maps)

    Examples
    --------
    >>> from infometric.oracles import GaussianPair, Transformed
    >>> oracle = Transformed(GaussianPair.correlated(0.6), ("exp", "cube"))
    >>> oracle.name, round(oracle.truth("mutual_information"), 10)
    ('normal pair, rho=0.6, exp and cube', 0.2231435513)
    """

    oracle: Any
    maps: Any

    def _check(self) -> None:
        hint = 'Transformed(GaussianPair.correlated(0.6), ("exp", "cube"))'
        if not isinstance(self.oracle, Continuous) or self.oracle.family == "entropy":
            raise InvalidParameterError(
                "Only truths of dependence and divergence are the same after a map.",
                got=getattr(self.oracle, "name", self.oracle),
                hint=hint,
            )
        k = len(self.oracle.dims)
        several = isinstance(self.maps, tuple | list)
        maps = tuple(self.maps) if several else (self.maps,) * k
        if len(maps) != k or not all(
            m in MAPS if isinstance(m, str) else callable(m) for m in maps
        ):
            raise InvalidParameterError(
                f"The maps must be functions, or among {and_list(list(MAPS), limit=9)!r}, {k} of "
                "them or one for all.",
                got=self.maps,
                hint=hint,
            )
        if self.oracle.family == "divergence" and len(set(maps)) > 1:
            raise InvalidParameterError(
                "Both samples must go through the same map.", got=self.maps, hint="maps='exp'"
            )
        self._keep(maps=maps, family=self.oracle.family, measures=self.oracle.measures)

    def _label(self) -> str:
        names = [m if isinstance(m, str) else getattr(m, "__name__", "map") for m in self.maps]
        shown = names[:1] if len(set(names)) == 1 else names
        listed = " and ".join(filter(None, (", ".join(shown[:-1]), shown[-1])))
        return f"{self.oracle.name}, {listed}"

    @property
    def defined(self) -> tuple[str, ...]:
        """Names of the measures whose truth it knows."""
        found: tuple[str, ...] = self.oracle.defined
        return found

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kind of each variable, or sample: "continuous", "discrete" or "mixed"."""
        found: tuple[str, ...] = self.oracle.kinds
        return found

    @property
    def dims(self) -> tuple[int, ...]:
        """Number of columns of each variable, or sample."""
        found: tuple[int, ...] = self.oracle.dims
        return found

    @property
    def _subject(self) -> Any:
        return self.oracle._subject

    def _size(self, n: Any) -> Any:
        return self.oracle._size(n)

    def _sample(self, n: Any, generator: Generator) -> tuple[Array, ...]:
        plain = self.oracle._sample(n, generator)
        return tuple(
            (MAPS[m] if isinstance(m, str) else m)(x) for m, x in zip(self.maps, plain, strict=True)
        )


def continuous_catalogue() -> dict[str, Continuous]:
    """Continuous and mixed oracles of each family, by name.

    Examples
    --------
    >>> from infometric.oracles import continuous_catalogue
    >>> found = continuous_catalogue()
    >>> len(found)
    50
    >>> found["normal pair, rho=0.6"].family
    'information'
    """
    pair, eye = GaussianPair.correlated, np.eye
    drive = Autoregression([[0.5, 0.0], [0.4, 0.6]], name="autoregression, source drives target")
    spread = np.array([[1.0, 0.5, 0.2], [0.5, 2.0, -0.3], [0.2, -0.3, 0.5]])
    found: list[Continuous] = [
        Uniform(),
        Normal(name="standard normal"),
        Normal(spread, [1.0, 0.0, -1.0]),
        Exponential(2.0),
        Laplace(),
        Cauchy(),
        Gamma(2.5, 1.7),
        Beta(2, 3),
        Dirichlet([1, 2, 3]),
        StudentT(5.0),
        StudentT(4.0, eye(3)),
        LogNormal(0.0, 0.5),
        Weibull(2.0),
        pair(0.0),
        pair(0.6),
        pair(0.9),
        GaussianPair(_correlations(3, {(0, 1): 0.5, (0, 2): 0.6, (1, 2): 0.4}), 2),
        GaussianPair.independent_pairs(0.6, 2),
        GaussianPair.independent_pairs(0.6, 5),
        StudentPair(1.0, eye(2)),
        StudentPair(4.0, eye(2)),
        StudentPair(4.0, _correlations(2, {(0, 1): 0.6})),
        StudentPair(4.0, eye(4), 2),
        StudentPair(10.0, eye(6), 3),
        AdditiveUniformNoise(0.2),
        AdditiveUniformNoise(1.0),
        GammaExponential(3.0),
        OverlappingUniforms(5),
        ZeroInflatedPoisson(0.0),
        ZeroInflatedPoisson(0.15),
        LabelledNormals(1.0),
        LabelledNormals(2.0),
        MixedPair(),
        Transformed(pair(0.6), ("exp", "cube")),
        Transformed(pair(0.6), "half_cube"),
        Transformed(pair(0.9), "normal_cdf"),
        Transformed(StudentPair(1.0, eye(2)), "asinh"),
        GaussianTriple.correlated(0.5, 0.3, 0.4),
        GaussianTriple.chain(0.7, 0.7),
        Transformed(GaussianTriple.correlated(0.5, 0.3, 0.4), ("exp", "cube", "asinh")),
        GaussianVariables.equicorrelated(3, 0.5),
        GaussianVariables.equicorrelated(5, 0.3),
        drive,
        drive.swapped(),
        TwoNormals(0, 1, 0, 1),
        TwoNormals(0, 1, 1, 4),
        TwoNormals(0.5, spread, 0, 1.5 * eye(3), name="two normals in 3 dimensions"),
        TwoGammas.exponentials(1.5, 0.7),
        TwoGammas(3, 0.5, 2, 1),
        TwoLaplaces(0, 1, 1, 2),
    ]
    return {oracle.name: oracle for oracle in found}
