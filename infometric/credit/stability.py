r"""Population stability: whether the distribution of a characteristic has moved.

.. math:: PSI = \sum_k (q_k - p_k) \log(q_k / p_k), \quad
   PSI / s_0 \sim \chi^2_{K-1} \text{ without drift}, \quad s_0 = 1/N + 1/M.

The verdict is an equivalence test: "stable" is claimed only if the one-sided upper bound lies
below the threshold. The customary 0.1 and 0.25 are shown beside interval and p-value, never alone.

References
----------
Yurdakul, B., Naranjo, J. (2020). Statistical properties of the population stability index.
Journal of Risk Model Validation 14(4). doi:10.21314/JRMV.2020.227
Lewis, E. M. (1994). An introduction to credit scoring. Fair, Isaac and Co.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from scipy.optimize import brentq
from scipy.special import chdtri, chndtr

from infometric.base import States
from infometric.credit.cells import COMPARED, BinnedEstimator, EmptyPolicy, seen_columns, with_cells
from infometric.credit.slices import Slices, stability_by
from infometric.functional.divergence import Jeffreys
from infometric.result import Result, ResultTable
from infometric.sources.counting import Bins, Split, beside, count_table, count_unseen, fit_columns
from infometric.state.counts import Counts
from infometric.state.encoders import Binning
from infometric.uncertainty import NoncentralChi2
from infometric.validation import (
    PROBABILITY,
    Constraint,
    Having,
    Increasing,
    OneOf,
    Span,
    Table,
    check_parameters,
)

THRESHOLDS = (0.1, 0.25)


CLUSTER: tuple[Constraint, ...] = (
    OneOf((None,)),
    Having(str, "the name of the column that says which records belong together"),
)


class ComparedWithReference(BinnedEstimator):
    """Estimator that compares each column of new data with those of the reference of its fit.

    A subclass may define `cluster`, the column that says which records belong together.
    """

    _needs_data = "PSI compares two samples, and fit has seen the reference alone."
    cluster: str | None = None

    def _split(self, weight: Any) -> Split:
        return Split(weight=weight, cluster=self.cluster)

    def _learn(self, X: Any, y: Any, sample_weight: Any) -> dict[str, Any]:
        table = self._open(X)
        split = self._split(sample_weight)
        names = self._characteristics(table, split.names)
        encoders, state = fit_columns(table, names, self.bins, self._spec(), split)
        return {
            "encoders_": encoders,
            "state_": state,
            "single_": table.one_dimensional,
            **seen_columns(table, split.names),
        }

    def _count(self, X: Any, y: Any, sample_weight: Any) -> States:
        table, names = self._named_alike(X)
        encoders = dict(zip(names, self.encoders_.values(), strict=True))
        found = count_table(table, encoders, self._split(sample_weight))
        return dict(zip(self.encoders_, found.values(), strict=True))

    def _count_new(self, X: Any, y: Any, sample_weight: Any) -> States:
        table, names = self._named_alike(X)
        encoders = dict(zip(names, self.encoders_.values(), strict=True))
        reference = dict(zip(names, self.state_.values(), strict=True))
        found = count_unseen(table, encoders, reference, self._split(sample_weight))
        return dict(zip(self.encoders_, found.values(), strict=True))

    def _named_alike(self, X: Any) -> tuple[Table, list[str]]:
        """Table of new data, and its names for the columns of `fit`."""
        table = self._reopen(X)
        one = self.single_ and len(table.names) == 1
        return table, list(table.names) if one else list(self.encoders_)

    def _sliced(self, X: Any, y: Any, by: str, sample_weight: Any) -> Slices:
        return stability_by(self, X, by, self._split(sample_weight))

    def _compared(self, state: States) -> States:
        pairs = {
            name: Counts.stack(
                [beside(self.state_[name], current), current], ("reference", "current")
            )
            for name, current in state.items()  # type: ignore[union-attr]
        }
        return self._treated(pairs)

    def _tabulate(self, results: dict[str, Result]) -> ResultTable:
        return super()._tabulate(results).adjust()

    def merge(self, other: Self) -> Self:
        """Join the reference another fit saw."""
        return super().merge(other)


class PSI(ComparedWithReference):
    """Population stability index of each column, against a reference.

    Parameters
    ----------
    bins : int, list of float, Encoder or mapping, default 10
        Number of quantile bins of the reference, inner edges, a fitted encoder, or one per column.
    binning : {"quantile", "uniform"}
        How a number of bins becomes edges.
    special : list of float
        Codes with a cell of their own.
    categorical : list of str or bool
        Columns whose numbers are categories; True for all.
    columns : list of str, optional
        Columns to estimate; all by default.
    exclude : list of str
        Columns to leave out.
    out_of_range : {"open", "cell"}
        Whether values beyond the reference's range get cells of their own.
    constant : {"raise", "keep"}
        What becomes of a column with one value in the reference.
    empty : {"half", "raise", "merge", "drop"}
        What becomes of a cell that one sample left empty.
    thresholds : tuple of two float
        Limits of the verdict, in nats.
    units : {"nats", "bits", "bans"}
        Units of the result; the thresholds, and the bounds of the verdict, stay in nats.
    uncertainty : str or Uncertainty
        "auto" is the noncentral chi-square interval; "paper" the published formula.
    cluster : str, optional
        Column that says which records belong together: those of one customer, say. Errors and
        tests then count customers; a customer in both samples is compared with himself.

    Attributes
    ----------
    encoders_ : dict of str to Encoder
        Cells of each column, frozen.
    state_ : dict of str to Counts
        Counts of the reference.

    Examples
    --------
    >>> import numpy as np
    >>> from infometric import PSI
    >>> rng = np.random.default_rng(0)
    >>> stability = PSI().fit(rng.normal(size=2000))
    >>> stability.estimate(rng.normal(0.2, 1.0, size=2000)).diagnostics["verdict"]
    'stable'
    """

    _constraints = COMPARED | {"thresholds": (Increasing(2),), "cluster": CLUSTER}

    def __init__(
        self,
        *,
        bins: Bins = 10,
        binning: Binning = "quantile",
        special: Sequence[float] = (),
        categorical: Sequence[str] | bool = (),
        columns: Sequence[str] | None = None,
        exclude: Sequence[str] = (),
        out_of_range: str = "open",
        constant: str = "raise",
        empty: EmptyPolicy = "half",
        thresholds: tuple[float, float] = THRESHOLDS,
        units: str = "nats",
        uncertainty: Any = "auto",
        cluster: str | None = None,
    ) -> None:
        self.bins = bins
        self.binning = binning
        self.special = special
        self.categorical = categorical
        self.columns = columns
        self.exclude = exclude
        self.out_of_range = out_of_range
        self.constant = constant
        self.empty = empty
        self.thresholds = thresholds
        self.units = units
        self.uncertainty = uncertainty
        self.cluster = cluster

    def _measure(self) -> str:
        return "psi"

    def _finish(self, name: str, result: Result, state: Counts) -> Result:
        result = with_cells(result, state, ("reference", "current"))
        low, high = self.thresholds
        found = stability_verdict(state, (float(low), float(high)))
        return replace(result, diagnostics=result.diagnostics | found)


def stability_verdict(
    s: Counts, thresholds: tuple[float, float] = THRESHOLDS, alpha: float = 0.05
) -> dict[str, Any]:
    """Equivalence test of PSI against two limits, in words.

    Parameters
    ----------
    s : Counts
        Reference and current.
    thresholds : tuple of two float
        Limits in nats.
    alpha : float
        Size of each one-sided test.

    Returns
    -------
    dict
        ``verdict`` ("stable", "at most moderate", "shifted", "undecided"), the one-sided bounds,
        the limits, all in nats, and ``rule_of_thumb``: where the value alone would fall.
    """
    jeffreys = Jeffreys()
    value = jeffreys.value(s)
    found = NoncentralChi2()(jeffreys, s, value, level=1 - 2 * alpha)
    below, above = float(found.low), float(found.high)
    low, high = thresholds
    if above <= low:
        verdict = "stable"
    elif below > high:
        verdict = "shifted"
    elif above <= high:
        verdict = "at most moderate"
    else:
        verdict = "undecided"
    rule = "small" if value < low else ("moderate" if value < high else "large")
    return {
        "verdict": verdict,
        "rule_of_thumb": rule,
        "thresholds": [low, high],
        "upper_bound": above,
        "lower_bound": below,
        "bound_level": 1 - alpha,
        "bound_units": "nats",
    }


_POWER = {
    "psi": (Span(Real, 0, None, closed="neither"),),
    "n_reference": (Span(Real, 1),),
    "n_current": (Span(Real, 1),),
    "bins": (Span(Integral, 2),),
    "alpha": (PROBABILITY,),
    "power": (PROBABILITY,),
    "ratio": (Span(Real, 0, None, closed="neither"),),
}


def psi_power(
    psi: float, n_reference: float, n_current: float, *, bins: int = 10, alpha: float = 0.05
) -> float:
    """Probability that the test of no drift rejects, where the true PSI is `psi` nats.

    Parameters
    ----------
    psi : float
        True PSI in nats.
    n_reference, n_current : float
        Sample sizes.
    bins : int
        Number of occupied cells.
    alpha : float
        Size of the test.

    Examples
    --------
    >>> round(psi_power(0.1, 312, 312), 2)
    0.8
    """
    values = {"psi": psi, "n_reference": n_reference, "n_current": n_current, "bins": bins}
    given = values | {"alpha": alpha}
    check_parameters("psi_power", given, {k: _POWER[k] for k in given})
    scale = 1 / n_reference + 1 / n_current
    return float(1 - chndtr(chdtri(bins - 1, alpha), bins - 1, psi / scale))


def psi_sample_size(
    psi: float, *, bins: int = 10, power: float = 0.8, alpha: float = 0.05, ratio: float = 1.0
) -> int:
    """Smallest reference sample at which the test of no drift reaches a power.

    Parameters
    ----------
    psi : float
        True PSI in nats that must be found.
    bins : int
        Number of occupied cells.
    power : float
        Wanted power.
    alpha : float
        Size of the test.
    ratio : float
        Current sample size over reference sample size.

    Returns
    -------
    int
        Size of the reference; the current sample is `ratio` times as large.

    Examples
    --------
    >>> psi_sample_size(0.1), psi_sample_size(0.25, bins=20)
    (313, 165)
    """
    given = {"psi": psi, "bins": bins, "power": power, "alpha": alpha, "ratio": ratio}
    check_parameters("psi_sample_size", given, {k: _POWER[k] for k in given})
    critical = chdtri(bins - 1, alpha)

    def short(noncentrality: float) -> float:
        return float(1 - chndtr(critical, bins - 1, noncentrality)) - power

    if short(0.0) >= 0:
        return 1
    noncentrality = brentq(short, 0.0, 1e6)
    return int(np.ceil(noncentrality * (1 + 1 / ratio) / psi))
