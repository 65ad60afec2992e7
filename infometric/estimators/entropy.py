"""Entropies of one discrete variable."""

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
from infometric.functional import entropy as functional
from infometric.state.counts import Counts
from infometric.state.encoders import Encoder
from infometric.validation import OneOf, Span


class _OneSample(DiscreteEstimator):
    """One variable, one sample."""

    def _state_of_counts(self, X: Counts, y: Any) -> Counts:
        if X.n_groups != 1 or y is not None:
            raise DataError(
                f"{type(self).__name__} is defined on one sample.",
                got={"groups": X.n_groups},
                hint="Counts.from_counts([12, 7, 3])",
            )
        return X

    def _encoders(self, X: Any, y: Any) -> dict[str, Encoder]:
        return {"x": encoder_of([self._column(X, "x")], self.bins)}

    def _encoded(self, encoders: dict[str, Encoder], X: Any, y: Any, sample_weight: Any) -> Counts:
        return count_sample(encoders["x"], self._column(X, "x"), sample_weight)


class Entropy(_OneSample):
    """Shannon entropy of a discrete variable.

    Parameters
    ----------
    bias : {"miller_madow", "plug_in"}
        Correction of the plug-in value.
    bins : int, list of float or Encoder, optional
        Cells of a continuous variable: the value is then the entropy of the binned variable.
    units : {"nats", "bits", "bans"}
        Units of the result.
    uncertainty : str or Uncertainty
        "auto" is the delta method.

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


class RenyiEntropy(_OneSample):
    """Rényi entropy of a discrete variable.

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


class TsallisEntropy(_OneSample):
    """Tsallis entropy of a discrete variable; dimensionless.

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
