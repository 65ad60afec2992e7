"""Divergences between two samples of one discrete variable."""

from __future__ import annotations

from numbers import Real
from typing import Any

from infometric.estimators.discrete import (
    DISCRETE,
    DiscreteEstimator,
    count_sample,
    encoder_of,
)
from infometric.exceptions import DataError
from infometric.functional import divergence as functional
from infometric.state.counts import Counts
from infometric.state.encoders import Encoder
from infometric.validation import PROBABILITY, OneOf, Span

_ZEROS = {"zeros": (OneOf(("half", "keep")),)}
_ORDER = {"order": (Span(Real, 0, None, closed="neither"),)}


class _TwoSamples(DiscreteEstimator):
    """Two samples of one variable: ``fit(p, q)``."""

    _constraints = DISCRETE | _ZEROS

    def _state_of_counts(self, X: Counts, y: Any) -> Counts:
        state = super()._state_of_counts(X, y)
        if state.n_groups != 2:
            raise DataError(
                f"{type(self).__name__} compares two samples.",
                got={"groups": state.n_groups},
                hint="Counts.from_counts([sample, other])",
            )
        return state

    def _encoders(self, X: Any, y: Any) -> dict[str, Encoder]:
        if y is None:
            raise DataError(
                f"{type(self).__name__} compares two samples; requires y to be passed, but the "
                "target y is None.",
                hint="fit(sample, other)",
            )
        return {"x": encoder_of([self._column(X, "x"), self._column(y, "y")], self.bins)}

    def _encoded(self, encoders: dict[str, Encoder], X: Any, y: Any, sample_weight: Any) -> Counts:
        weights = (None, None) if sample_weight is None else sample_weight
        parts = [
            count_sample(encoders["x"], self._column(data, name), w)
            for data, name, w in zip((X, y), ("x", "y"), weights, strict=True)
        ]
        return Counts.stack(parts)


class KLDivergence(_TwoSamples):
    """Kullback-Leibler divergence of the first sample from the second.

    Parameters
    ----------
    zeros : {"half", "keep"}
        What becomes of a cell that one sample left empty: 0.5 is added to every cell, or the
        value is infinite where the theory says so.
    bins : int, list of float or Encoder, optional
        Cells of a continuous variable.
    units : {"nats", "bits", "bans"}
        Units of the result.
    uncertainty : str or Uncertainty
        "auto" is the noncentral chi-square interval.

    Notes
    -----
    ``fit(p, q, sample_weight=(w_p, w_q))`` takes the weights of both samples.

    Examples
    --------
    >>> from infometric import KLDivergence
    >>> round(KLDivergence().fit(["a", "b"] * 50, ["a", "b", "b"] * 40).estimate().value, 4)
    0.0589
    """

    def __init__(
        self,
        *,
        zeros: functional.Zeros = "half",
        bins: Any = None,
        units: str = "nats",
        uncertainty: Any = "auto",
    ) -> None:
        self.zeros = zeros
        self.bins = bins
        self.units = units
        self.uncertainty = uncertainty

    def _functional(self) -> functional.Divergence:
        return functional.KullbackLeibler(self.zeros)


class JeffreysDivergence(KLDivergence):
    """Jeffreys divergence, KL in both directions: PSI and IV are this number.

    Parameters and use are those of `KLDivergence`.
    """

    def _functional(self) -> functional.Divergence:
        return functional.Jeffreys(self.zeros)


class JensenShannonDivergence(_TwoSamples):
    """Jensen-Shannon divergence, at most log 2.

    Parameters
    ----------
    weight : float
        Weight of the first sample in the mixture.
    bins, units, uncertainty
        As in `KLDivergence`.
    """

    _constraints = DISCRETE | {"weight": (PROBABILITY,)}

    def __init__(
        self,
        *,
        weight: float = 0.5,
        bins: Any = None,
        units: str = "nats",
        uncertainty: Any = "auto",
    ) -> None:
        self.weight = weight
        self.bins = bins
        self.units = units
        self.uncertainty = uncertainty

    def _functional(self) -> functional.Divergence:
        return functional.JensenShannon(weight=float(self.weight))


class RenyiDivergence(_TwoSamples):
    """Rényi divergence of the first sample from the second.

    Parameters
    ----------
    order : float
        Order, positive; 1 is the Kullback-Leibler divergence.
    zeros, bins, units, uncertainty
        As in `KLDivergence`.
    """

    _constraints = DISCRETE | _ZEROS | _ORDER

    def __init__(
        self,
        order: float = 2.0,
        *,
        zeros: functional.Zeros = "half",
        bins: Any = None,
        units: str = "nats",
        uncertainty: Any = "auto",
    ) -> None:
        self.order = order
        self.zeros = zeros
        self.bins = bins
        self.units = units
        self.uncertainty = uncertainty

    def _functional(self) -> functional.Divergence:
        return functional.RenyiDivergence(self.zeros, float(self.order))


class TsallisDivergence(RenyiDivergence):
    """Tsallis divergence of the first sample from the second; dimensionless.

    Parameters and use are those of `RenyiDivergence`; `units` has no effect.
    """

    def _functional(self) -> functional.Divergence:
        return functional.TsallisDivergence(self.zeros, float(self.order))
