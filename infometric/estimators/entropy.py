"""Entropies of discrete variables, one per column."""

from __future__ import annotations

from numbers import Real
from typing import Any

from infometric.estimators.discrete import DISCRETE, DiscreteEstimator
from infometric.functional import entropy as functional
from infometric.validation import OneOf, Span


class Entropy(DiscreteEstimator):
    """Shannon entropy of a discrete variable, or of each column of a table.

    Parameters
    ----------
    bias : {"miller_madow", "plug_in"}
        Correction of the plug-in value.
    bins : int, list of float or Encoder, optional
        Cells of a continuous variable: the value is then the entropy of the binned variable.
    units : {"nats", "bits", "bans"}
        Units of the result.
    uncertainty : str or Uncertainty
        "auto" is the noncentral chi-square interval.

    Examples
    --------
    >>> from infometric import Entropy
    >>> Entropy(bias="plug_in", units="bits").fit(["a", "b"] * 50).estimate().value
    1.0
    """

    _constraints = DISCRETE | {"bias": (OneOf(("miller_madow", "plug_in")),)}

    def __init__(
        self,
        *,
        bias: functional.Bias = "miller_madow",
        bins: Any = None,
        units: str = "nats",
        uncertainty: Any = "auto",
    ) -> None:
        self.bias = bias
        self.bins = bins
        self.units = units
        self.uncertainty = uncertainty

    def _functional(self) -> functional.ShannonEntropy:
        return functional.ShannonEntropy(self.bias)


class RenyiEntropy(DiscreteEstimator):
    """Rényi entropy of a discrete variable, or of each column of a table.

    Parameters
    ----------
    order : float
        Order, not negative; 1 is Shannon's entropy.
    bins, units, uncertainty
        As in `Entropy`.

    Examples
    --------
    >>> from infometric import RenyiEntropy
    >>> round(RenyiEntropy(order=2, units="bits").fit(["a", "b", "c", "d"] * 9).estimate().value, 6)
    2.0
    """

    _constraints = DISCRETE | {"order": (Span(Real, 0),)}

    def __init__(
        self,
        order: float = 2.0,
        *,
        bins: Any = None,
        units: str = "nats",
        uncertainty: Any = "auto",
    ) -> None:
        self.order = order
        self.bins = bins
        self.units = units
        self.uncertainty = uncertainty

    def _functional(self) -> functional.RenyiEntropy:
        return functional.RenyiEntropy(float(self.order))


class TsallisEntropy(DiscreteEstimator):
    """Tsallis entropy of a discrete variable, or of each column; dimensionless.

    Parameters
    ----------
    q : float
        Order, not negative; 1 is Shannon's entropy in nats.
    bins, uncertainty
        As in `Entropy`.

    Examples
    --------
    >>> from infometric import TsallisEntropy
    >>> TsallisEntropy(q=2).fit(["a", "b"] * 9).estimate().value
    0.5
    """

    _constraints = {k: v for k, v in DISCRETE.items() if k != "units"} | {"q": (Span(Real, 0),)}
    units = "nats"

    def __init__(self, q: float = 2.0, *, bins: Any = None, uncertainty: Any = "auto") -> None:
        self.q = q
        self.bins = bins
        self.uncertainty = uncertainty

    def _functional(self) -> functional.TsallisEntropy:
        return functional.TsallisEntropy(float(self.q))
