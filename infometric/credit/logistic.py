r"""Logistic regression of a binary target, with what a reader must know before trusting it.

.. math:: \log\frac{P(\text{non-event})}{P(\text{event})} = \alpha + \sum_j \beta_j x_j.

Estimates and standard errors are those of statsmodels; with unequal weights the covariance is the
sandwich. With a ridge :math:`\lambda` the criterion is penalised by
:math:`\lambda \sum_j (s_j \beta_j)^2 / 2`, with :math:`s_j` the standard deviation of column j, and
the covariance is that of the penalised score equation.

References
----------
Cox, D. R. (1958). The regression analysis of binary sequences. J. R. Statist. Soc. B 20, 215-242.
doi:10.1111/j.2517-6161.1958.tb00292.x
Albert, A., Anderson, J. A. (1984). On the existence of maximum likelihood estimates in logistic
regression models. Biometrika 71, 1-10. doi:10.1093/biomet/71.1.1
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import expit, ndtr

from infometric.exceptions import DataError, and_list
from infometric.result import ConfidenceInterval, Result
from infometric.typing import Array
from infometric.uncertainty.base import normal_interval

INTERCEPT = "intercept"
_DEPENDENT = 1e-9  # least eigenvalue of a correlation matrix that is taken to be regular
_SHARE = 0.1  # of an eigenvector, above which a column takes part in the dependence
_LOOSE = 50.0  # standard error, in standard deviations of its column, of a separated coefficient
_STEPS, _SETTLED = 50, 1e-10
_NEARLY = 1e-6  # a last step that leaves an error of its square, enough on the way of a selection
_CHUNK = 1 << 13  # rows at a time, whose products stay in the cache


class Moments(NamedTuple):
    """Standard deviation and correlation of columns."""

    spread: Array
    correlation: Array

    def without(self, k: int) -> Moments:
        """The same of all columns but one."""
        rest = np.delete(np.delete(self.correlation, k, axis=0), k, axis=1)
        return Moments(np.delete(self.spread, k), rest)


def moments_of(x: Array) -> Moments:
    """Standard deviation and correlation of the columns of `x`, in parts of rows.

    Examples
    --------
    >>> found = moments_of(np.array([[0.0, 1.0], [2.0, 3.0]]))
    >>> found.spread.tolist(), found.correlation.tolist()
    ([1.0, 1.0], [[1.0, 1.0], [1.0, 1.0]])
    """
    mean, gram = x.mean(axis=0), np.zeros((x.shape[1], x.shape[1]))
    for start in range(0, len(x), _CHUNK):
        part = x[start : start + _CHUNK] - mean
        gram += part.T @ part
    spread = np.sqrt(np.diag(gram) / len(x))
    scale = np.where(spread > 0, spread, 1.0)
    return Moments(spread, gram / len(x) / np.outer(scale, scale))


@dataclass(frozen=True, eq=False)
class LogisticFit:
    """Coefficients of the log odds, intercept first, and their covariance.

    Parameters
    ----------
    names : tuple of str
        Names of the columns, without the intercept.
    coefficients : ndarray of shape (1 + n_columns,)
        Log odds per unit of each column.
    covariance : ndarray of shape (1 + n_columns, 1 + n_columns)
        Their covariance.
    n : tuple of float
        Records, or total weight, of both classes.
    method : str
        How the covariance was made.
    """

    names: tuple[str, ...]
    coefficients: Array
    covariance: Array
    n: tuple[float, ...]
    method: str

    @property
    def se(self) -> Array:
        """Standard errors, intercept first."""
        return np.sqrt(np.diag(self.covariance))

    def results(self, level: float, measure: str = "coefficient") -> dict[str, Result]:
        """Each coefficient with Wald's interval and test of zero."""
        value, se = self.coefficients, self.se
        low, high = normal_interval(value, se, level)
        z = value / se
        return {
            name: Result(
                measure=measure,
                value=float(value[k]),
                se=float(se[k]),
                ci=ConfidenceInterval(float(low[k]), float(high[k])),
                level=float(level),
                units="dimensionless",
                n=self.n,
                method=self.method,
                pvalue=float(2 * ndtr(-abs(z[k]))),
                diagnostics={"z": float(z[k])},
            )
            for k, name in enumerate((INTERCEPT, *self.names))
        }


def fit_logistic(
    x: Array,
    y: Array,
    names: Sequence[str],
    *,
    weights: Array | None = None,
    ridge: float = 0.0,
    offset: Array | None = None,
    quick: bool = False,
    start: Array | None = None,
    moments: Moments | None = None,
) -> LogisticFit:
    """Log odds of ``y == 1`` as a linear function of the columns of `x`.

    Parameters
    ----------
    x : ndarray of shape (n_rows, n_columns)
        Columns, without a constant.
    y : ndarray of shape (n_rows,)
        Zeros and ones.
    names : sequence of str
        Names of the columns, for messages.
    weights : ndarray of shape (n_rows,), optional
        Positive record weights.
    ridge : float
        Penalty of the squared standardised coefficients; none by default.
    offset : ndarray of shape (n_rows,), optional
        Known part of the log odds.
    quick : bool
        Whether Newton's method alone will do, as on the way of a selection.
    start : ndarray of shape (1 + n_columns,), optional
        Coefficients to begin with.
    moments : Moments, optional
        Those of the columns, where they are known.

    Raises
    ------
    DataError
        Where columns are linearly dependent, or separate the classes, and nothing penalises them.

    Examples
    --------
    >>> x, y = np.array([[0.0], [1.0]] * 50), np.array([0, 1, 1, 1, 0, 0, 0, 1, 1, 1] * 10)
    >>> fit_logistic(x, y, ["x"]).coefficients.round(3).tolist()
    [-0.405, 1.792]
    """
    weighted = weights is not None and not np.allclose(weights, weights[0])
    totals = tuple(float(v) for v in np.bincount(y, weights, 2))
    w = weights / weights.mean() if weights is not None and weighted else None
    known = moments_of(x) if moments is None else moments
    if ridge > 0:
        found = newton(x, y, w, offset, ridge * known.spread**2, start)
        if found is None:
            raise DataError(
                "The penalty is too small for these data: Newton's method does not settle.",
                got=ridge,
                hint="ridge=1.0",
            )
        method = "ridge, robust" if weighted else "ridge"
    else:
        refuse_dependent(known.correlation, names)
        first = newton(x, y, w, offset, None, start, _NEARLY if quick else _SETTLED)
        if quick and first is not None and not separated(first[1], known.spread):
            found = first
        else:
            found = _unpenalised(x, y, names, w, offset, first, known.spread)
        method = "wald, robust" if weighted else "wald"
    n = totals if weighted else tuple(int(v) for v in np.bincount(y, minlength=2))
    return LogisticFit(tuple(names), found[0], found[1], n, method)


def refuse_dependent(correlation: Array, names: Sequence[str]) -> None:
    """Error where columns are linearly dependent, naming those that take part.

    Raises
    ------
    DataError
        With the line that leaves one of them out.
    """
    if len(correlation) < 2:
        return
    values, vectors = np.linalg.eigh(correlation)
    if values[0] > _DEPENDENT:
        return
    involved = [names[k] for k in np.flatnonzero(np.abs(vectors[:, 0]) > _SHARE).tolist()]
    raise DataError(
        f"{len(involved)} characteristics are linearly dependent: their coefficients are not "
        "determined.",
        got=and_list(involved),
        hint=f"exclude=[{involved[-1]!r}] to leave one out, or ridge=1.0",
    )


def inflation(correlation: Array) -> Array:
    """Variance inflation factor of each column: one where it is uncorrelated with the others.

    Examples
    --------
    >>> inflation(np.array([[1.0, 0.6], [0.6, 1.0]])).round(4).tolist()
    [1.5625, 1.5625]
    """
    if len(correlation) < 2:
        return np.ones(len(correlation))
    return np.diag(np.linalg.pinv(correlation))


def _unpenalised(
    x: Array,
    y: Array,
    names: Sequence[str],
    weights: Array | None,
    offset: Array | None,
    start: tuple[Array, Array] | None,
    spread: Array,
) -> tuple[Array, Array]:
    """Maximum likelihood by statsmodels, checked for separation.

    Its steps are costly: they begin where Newton's method ended.
    """
    from statsmodels.genmod.families import Binomial
    from statsmodels.genmod.generalized_linear_model import GLM

    design = np.column_stack([np.ones(len(x)), x])
    model = GLM(y.astype(float), design, family=Binomial(), offset=offset, var_weights=weights)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what they say of separation is said below, as an error
        fitted = model.fit(
            start_params=None if start is None else start[0],
            cov_type="nonrobust" if weights is None else "HC0",
        )
    se = np.asarray(fitted.bse)
    loose = separated(np.asarray(fitted.cov_params()), spread)
    if loose or not fitted.converged or not np.isfinite(se).all():
        blamed = loose or list(range(len(names)))
        raise DataError(
            "The characteristics separate the classes: no finite coefficients are the most likely.",
            got=and_list([names[k] for k in blamed]),
            hint="look for leakage of the target, exclude=[...] to leave it out, or ridge=1.0",
        )
    return np.asarray(fitted.params), np.asarray(fitted.cov_params())


def separated(covariance: Array, spread: Array) -> list[int]:
    """Columns whose coefficient has no bound, by its standard error in deviations of the column."""
    with np.errstate(invalid="ignore"):
        loose = np.sqrt(np.diag(covariance))[1:] * spread
    return np.flatnonzero(~(loose < _LOOSE)).tolist()


def newton(
    x: Array,
    y: Array,
    weights: Array | None = None,
    offset: Array | None = None,
    penalty: Array | None = None,
    start: Array | None = None,
    settled: float = _SETTLED,
) -> tuple[Array, Array] | None:
    """Coefficients and their covariance; None where the steps do not settle.

    Parameters
    ----------
    x, y, weights, offset
        As of `fit_logistic`.
    penalty : ndarray of shape (n_columns,), optional
        Of half the square of each coefficient; none by default.
    start : ndarray of shape (1 + n_columns,), optional
        Coefficients to begin with; zeros by default.
    settled : float
        Greatest change of the last step.

    Examples
    --------
    >>> x, y = np.array([0.0, 1.0] * 50), np.array([0, 1, 1, 1, 0, 0, 0, 1, 1, 1] * 10)
    >>> beta, _ = newton(x[:, None], y)
    >>> beta.round(3).tolist()
    [-0.405, 1.792]
    """
    size = x.shape[1] + 1
    held = np.zeros(size) if penalty is None else np.append(0.0, penalty)
    beta = np.zeros(size) if start is None else start.astype(float)
    for _ in range(_STEPS):
        curve, slope, _ = _derivatives(x, y, weights, offset, beta)
        try:
            step = np.linalg.solve(curve + np.diag(held), slope - held * beta)
        except np.linalg.LinAlgError:
            return None
        beta = beta + step
        if not np.isfinite(beta).all():
            return None
        if np.abs(step).max() < settled:
            break
    else:
        return None
    curve, _, square = _derivatives(x, y, weights, offset, beta)
    bread = np.linalg.inv(curve + np.diag(held))
    return beta, bread @ (curve if weights is None else square) @ bread


def _derivatives(
    x: Array, y: Array, weights: Array | None, offset: Array | None, beta: Array
) -> tuple[Array, Array, Array]:
    """Negative Hessian and gradient of the log likelihood, and the squared scores of the rows."""
    size = len(beta)
    curve, slope, square = np.zeros((size, size)), np.zeros(size), np.zeros((size, size))
    for start in range(0, len(x), _CHUNK):
        rows = slice(start, start + _CHUNK)
        part = np.column_stack([np.ones(len(x[rows])), x[rows]])
        p = expit(part @ beta + (0.0 if offset is None else offset[rows]))
        gap, variance = y[rows] - p, p * (1 - p)
        if weights is not None:
            gap, variance = gap * weights[rows], variance * weights[rows]
            scaled = part * gap[:, None]
            square += scaled.T @ scaled
        scaled = part * np.sqrt(variance)[:, None]  # a matrix by itself is a tenth of the work
        curve += scaled.T @ scaled
        slope += part.T @ gap
    return curve, slope, square


def start_without(fit: LogisticFit, k: int) -> Array:
    """Coefficients to begin with where one column, of number k, is left out of a fit.

    The maximum of the likelihood's parabola on the plane where that coefficient is zero.

    Examples
    --------
    >>> fit = LogisticFit(("a", "b"), np.array([0.1, 1.0, 0.2]), np.diag([1.0, 2.0, 4.0]), (1,), "")
    >>> start_without(fit, 1).tolist()
    [0.1, 1.0]
    """
    out, c = k + 1, fit.covariance
    return np.delete(fit.coefficients - c[:, out] / c[out, out] * fit.coefficients[out], out)
