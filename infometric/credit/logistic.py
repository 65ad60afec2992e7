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
    design = np.column_stack([np.ones(len(x)), x])
    weighted = weights is not None and not np.allclose(weights, weights[0])
    totals = tuple(float(v) for v in np.bincount(y, weights, 2))
    w = weights / weights.mean() if weights is not None and weighted else None
    if ridge > 0:
        found = _penalised(design, y, w, ridge, offset)
        method = "ridge, robust" if weighted else "ridge"
    else:
        refuse_dependent(x, names)
        start = newton(design, y, w, 0.0, offset)
        if quick and start is not None and not separated(np.sqrt(np.diag(start[1])), design):
            found = start
        else:
            found = _unpenalised(design, y, names, w, offset, start)
        method = "wald, robust" if weighted else "wald"
    n = totals if weighted else tuple(int(v) for v in np.bincount(y, minlength=2))
    return LogisticFit(tuple(names), found[0], found[1], n, method)


def refuse_dependent(x: Array, names: Sequence[str]) -> None:
    """Error where columns are linearly dependent, naming those that take part.

    Raises
    ------
    DataError
        With the line that leaves one of them out.
    """
    if x.shape[1] < 2:
        return
    values, vectors = np.linalg.eigh(np.corrcoef(x, rowvar=False))
    if values[0] > _DEPENDENT:
        return
    involved = [names[k] for k in np.flatnonzero(np.abs(vectors[:, 0]) > _SHARE).tolist()]
    raise DataError(
        f"{len(involved)} characteristics are linearly dependent: their coefficients are not "
        "determined.",
        got=and_list(involved),
        hint=f"exclude=[{involved[-1]!r}] to leave one out, or ridge=1.0",
    )


def inflation(x: Array) -> Array:
    """Variance inflation factor of each column: one where it is uncorrelated with the others."""
    if x.shape[1] < 2:
        return np.ones(x.shape[1])
    return np.diag(np.linalg.pinv(np.corrcoef(x, rowvar=False)))


def _unpenalised(
    design: Array,
    y: Array,
    names: Sequence[str],
    weights: Array | None,
    offset: Array | None,
    start: tuple[Array, Array] | None,
) -> tuple[Array, Array]:
    """Maximum likelihood by statsmodels, checked for separation.

    Its steps are costly: they begin where Newton's method ended.
    """
    from statsmodels.genmod.families import Binomial
    from statsmodels.genmod.generalized_linear_model import GLM

    model = GLM(y.astype(float), design, family=Binomial(), offset=offset, var_weights=weights)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what they say of separation is said below, as an error
        fitted = model.fit(
            start_params=None if start is None else start[0],
            cov_type="nonrobust" if weights is None else "HC0",
        )
    se = np.asarray(fitted.bse)
    loose = separated(se, design)
    if loose or not fitted.converged or not np.isfinite(se).all():
        blamed = loose or list(range(len(names)))
        raise DataError(
            "The characteristics separate the classes: no finite coefficients are the most likely.",
            got=and_list([names[k] for k in blamed]),
            hint="look for leakage of the target, exclude=[...] to leave it out, or ridge=1.0",
        )
    return np.asarray(fitted.params), np.asarray(fitted.cov_params())


def separated(se: Array, design: Array) -> list[int]:
    """Columns whose coefficient has no bound, by its standard error in deviations of the column."""
    spread = se[1:] * design[:, 1:].std(axis=0)
    return np.flatnonzero(~(spread < _LOOSE)).tolist()


def _penalised(
    design: Array, y: Array, weights: Array | None, ridge: float, offset: Array | None
) -> tuple[Array, Array]:
    """Newton's method on the penalised likelihood."""
    found = newton(design, y, weights, ridge, offset)
    if found is None:
        raise DataError(
            "The penalty is too small for these data: Newton's method does not settle.",
            got=ridge,
            hint="ridge=1.0",
        )
    return found


def newton(
    design: Array, y: Array, weights: Array | None, ridge: float, offset: Array | None
) -> tuple[Array, Array] | None:
    """Coefficients and their covariance; None where the steps do not settle.

    Examples
    --------
    >>> x, y = np.array([0.0, 1.0] * 50), np.array([0, 1, 1, 1, 0, 0, 0, 1, 1, 1] * 10)
    >>> beta, _ = newton(np.column_stack([np.ones(100), x]), y, None, 0.0, None)
    >>> beta.round(3).tolist()
    [-0.405, 1.792]
    """
    w = np.ones(len(y)) if weights is None else weights
    known = 0.0 if offset is None else offset
    spread = design.std(axis=0)
    penalty = ridge * np.where(spread > 0, spread, 1.0) ** 2
    penalty[0] = 0.0
    beta = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        p = expit(design @ beta + known)
        curve = (design * (w * p * (1 - p))[:, None]).T @ design + np.diag(penalty)
        try:
            step = np.linalg.solve(curve, design.T @ (w * (y - p)) - penalty * beta)
        except np.linalg.LinAlgError:
            return None
        beta = beta + step
        if not np.isfinite(beta).all():
            return None
        if np.abs(step).max() < _SETTLED:
            break
    else:
        return None
    p = expit(design @ beta + known)
    bread = np.linalg.inv((design * (w * p * (1 - p))[:, None]).T @ design + np.diag(penalty))
    square = w * p * (1 - p) if weights is None else (w * (y - p)) ** 2
    return beta, bread @ ((design * square[:, None]).T @ design) @ bread
