"""Divergences of a sample from a reference: ``fit(reference).estimate(sample)``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from numbers import Real
from typing import Any, ClassVar

import numpy as np

from infometric.base import States
from infometric.estimators.continuous import (
    ANY_NUMBER,
    choices,
    chosen,
    from_neighbors,
    raw_columns,
    refuse_unused,
    refuse_weights,
    sample_of,
)
from infometric.estimators.discrete import (
    DISCRETE,
    WHOLE,
    DiscreteEstimator,
    counted,
    require_columns,
)
from infometric.exceptions import DataError
from infometric.functional import divergence as functional
from infometric.functional import neighbor_divergence as neighbors
from infometric.functional.sample import SampleFunctional
from infometric.sources.counting import beside, with_unseen
from infometric.state.counts import Counts
from infometric.state.encoders import Column
from infometric.state.sample import Sample
from infometric.validation import PROBABILITY, OneOf, Span

MOST_ORDER = 100.0  # beyond it the value is one cell's

_ZEROS = {"zeros": (OneOf(("half", "keep")),)}
_SECOND = {"bias": (OneOf(("plug_in", "second_order")),)}
_KL_BIAS = {"bias": (OneOf(("plug_in", "second_order", "zhang_grabchak")),)}
_ANY_ORDER = {"order": (Span(Real, -MOST_ORDER, MOST_ORDER),)}
_ORDER = {"order": (Span(Real, 0, MOST_ORDER, closed="right"),)}
Registry = Mapping[str, type[SampleFunctional]]
KULLBACK: Registry = {
    "auto": neighbors.WeightedKullbackLeibler,
    "weighted": neighbors.WeightedKullbackLeibler,
    "knn": neighbors.WangKulkarniVerdu,
    "adaptive": neighbors.AdaptiveKullbackLeibler,
}


def _neighbors(kind: type[SampleFunctional]) -> Registry:
    return {"auto": kind, "knn": kind}


def _chooses(registry: Registry) -> dict[str, Any]:
    return {"estimator": choices(registry), "n_neighbors": ANY_NUMBER}


class _FromReference(DiscreteEstimator):
    """A sample (p) against the reference (q) that `fit` saw."""

    _constraints = DISCRETE | _ZEROS
    _registry: ClassVar[Registry] = {}
    estimator: Any = "counts"
    n_neighbors: int | None = None

    def _counted(self) -> Any:
        """Functional of counts."""
        raise NotImplementedError

    def _functional(self) -> Any:
        if not self._sampled:
            return self._counted()
        given = {"order": float(self.order)} if hasattr(self, "order") else {}
        return chosen(self.estimator, self.n_neighbors, self._registry, **given)

    @property
    def _sampled(self) -> bool:
        """Whether `fit` kept the rows."""
        return isinstance(getattr(self, "state_", {}).get(WHOLE), Sample)

    def _learn(self, X: Any, y: Any, sample_weight: Any) -> dict[str, Any]:
        if isinstance(X, Counts):
            return super()._learn(X, y, sample_weight)
        columns = raw_columns(X)
        if not from_neighbors(self.estimator, self.bins, [columns]):
            refuse_unused(self, ("n_neighbors",), "the columns have cells, and are counted")
            return super()._learn(X, y, sample_weight)
        refuse_weights(self, sample_weight)
        why = "the columns are continuous, and neighbours are found"
        refuse_unused(self, ("bias", "zeros", "weight"), why)
        return {
            "encoders_": None,
            "state_": {WHOLE: sample_of([columns], ("continuous",))},
            "single_": True,
            "n_features_in_": len(columns),
            "feature_names_in_": np.array(list(columns), dtype=object),
        }

    def _count(self, X: Any, y: Any, sample_weight: Any) -> States:
        if not self._sampled:
            return super()._count(X, y, sample_weight)
        refuse_weights(self, sample_weight)
        if isinstance(X, Counts):
            raise DataError(
                f"This {type(self).__name__} keeps rows of its reference, and Counts have none.",
                got=X.shape,
                hint="pass the sample itself",
            )
        return {WHOLE: sample_of([self._vector(X)], ("continuous",))}

    def _vector(self, X: Any) -> dict[str, Column]:
        """Columns of new data with the names of `fit`, in their order."""
        columns = raw_columns(self._like_fit(X))
        names = self.feature_names_in_.tolist()
        if len(columns) == len(names) == 1:
            return dict(zip(names, columns.values(), strict=True))
        require_columns(names, columns)
        return {name: columns[name] for name in names}

    def estimate(self, X: Any = None, y: Any = None, **options: Any) -> Any:
        """Divergence of X from the reference.

        Parameters
        ----------
        X : array-like, frame, path or Counts
            The sample, with the reference's columns.
        y : None
            Ignored.
        **options
            level, uncertainty, rng, sample_weight, as in `Estimator.estimate`.

        Raises
        ------
        DataError
            Where X is missing: a reference alone diverges from nothing.
        """
        if X is None and hasattr(self, "state_"):
            raise DataError(
                f"{type(self).__name__} compares two samples, and fit has seen the reference "
                "alone.",
                hint=f"{type(self).__name__}().fit(reference).estimate(sample)",
            )
        return super().estimate(X, y, **options)

    def _count_new(self, X: Any, y: Any, sample_weight: Any) -> States:
        """Counts of the sample, with a cell for each category the reference has not seen."""
        if isinstance(X, Counts) and self.encoders_ is not None:
            raise DataError(
                f"This {type(self).__name__} was fitted on a sample, and Counts have no columns.",
                got=X.shape,
                hint=f"{type(self).__name__}().fit(reference_counts).estimate(counts)",
            )
        if self.encoders_ is None:
            return self._count(X, y, sample_weight)
        columns = self._columns_like_fit(X)
        wider = {
            name: with_unseen(encoder, columns[name], self.state_[name])
            for name, encoder in self.encoders_.items()
        }
        found = counted(wider, columns, sample_weight)
        return {name: replace(s, key=self.encoders_[name].key) for name, s in found.items()}

    def _compared(self, state: States) -> States:
        if self._sampled:
            mine, theirs = state[WHOLE], self.state_[WHOLE]
            pair = mine.with_groups([*mine.groups, *theirs.groups])
            self._functional().check(pair)
            return {WHOLE: pair}
        known = self.encoders_ is not None  # which of the sample's cells are those of the reference
        return {
            name: Counts.stack(
                [sample, beside(self.state_[name], sample) if known else self.state_[name]],
                ("sample", "reference"),
            )
            for name, sample in state.items()
        }


class KLDivergence(_FromReference):
    """Kullback-Leibler divergence of a sample from a reference.

    Parameters
    ----------
    zeros : {"half", "keep"}
        What becomes of a cell that one sample left empty: 0.5 is added to every cell, or the
        value is infinite where the theory says so.
    bias : {"plug_in", "second_order", "zhang_grabchak"}
        Whether the second-order bias is taken off the value, or Zhang and Grabchak's estimator
        stands for it, finite whatever is empty. The interval allows for the bias in any case.
    bins : int, list of float or Encoder, optional
        Cells of a continuous variable.
    estimator : str or functional
        "auto" counts where all columns have cells, one result a column; where one is continuous
        and there are no bins it finds neighbours, and the rows are one vector variable. By name:
        "counts", "weighted" (neighbours with weights that cancel bias), "knn", "adaptive".
    n_neighbors : int, optional
        Number of neighbours; the estimator's own by default.
    units : {"nats", "bits", "bans"}
        Units of the result.
    uncertainty : str or Uncertainty
        "auto" is the noncentral chi-square interval of counts, subsampling of neighbours.

    Examples
    --------
    >>> from infometric import KLDivergence
    >>> kl = KLDivergence().fit(["a", "b", "b"] * 40)
    >>> round(kl.estimate(["a", "b"] * 50).value, 4)
    0.0589
    """

    _registry = KULLBACK
    _constraints = DISCRETE | _ZEROS | _KL_BIAS | _chooses(_registry)

    def __init__(
        self,
        *,
        zeros: functional.Zeros = "half",
        bias: Any = "plug_in",
        bins: Any = None,
        estimator: Any = "auto",
        n_neighbors: int | None = None,
        units: str = "nats",
        uncertainty: Any = "auto",
    ) -> None:
        self.estimator = estimator
        self.n_neighbors = n_neighbors
        self.zeros = zeros
        self.bias = bias
        self.bins = bins
        self.units = units
        self.uncertainty = uncertainty

    def _counted(self) -> functional.Divergence:
        return functional.KullbackLeibler(self.zeros, bias_correction=self.bias)


class JeffreysDivergence(KLDivergence):
    """Jeffreys divergence, KL in both directions: PSI and IV are this number.

    Parameters and use are those of `KLDivergence`; `bias` is "plug_in" or "second_order".
    """

    _registry = _neighbors(neighbors.NeighborJeffreys)
    _constraints = DISCRETE | _ZEROS | _SECOND | _chooses(_registry)

    def _counted(self) -> functional.Divergence:
        return functional.Jeffreys(self.zeros, bias_correction=self.bias)


class JensenShannonDivergence(_FromReference):
    """Jensen-Shannon divergence, at most log 2.

    Parameters
    ----------
    weight : float
        Weight of the sample in the mixture.
    bias : {"plug_in", "second_order"}
        Whether the second-order bias is taken off the value; the interval allows for it anyway.
    bins, estimator, n_neighbors, units, uncertainty
        As in `KLDivergence`; "knn" is the only estimator by neighbours, with equal weights.
    """

    _registry = _neighbors(neighbors.NeighborJensenShannon)
    _constraints = DISCRETE | _SECOND | {"weight": (PROBABILITY,)} | _chooses(_registry)

    def __init__(
        self,
        *,
        weight: float = 0.5,
        bias: Any = "plug_in",
        bins: Any = None,
        estimator: Any = "auto",
        n_neighbors: int | None = None,
        units: str = "nats",
        uncertainty: Any = "auto",
    ) -> None:
        self.estimator = estimator
        self.n_neighbors = n_neighbors
        self.weight = weight
        self.bias = bias
        self.bins = bins
        self.units = units
        self.uncertainty = uncertainty

    def _counted(self) -> functional.Divergence:
        return functional.JensenShannon(weight=float(self.weight), bias_correction=self.bias)


class RenyiDivergence(_FromReference):
    """Rényi divergence of a sample from a reference.

    Parameters
    ----------
    order : float
        Order, positive; 1 is the Kullback-Leibler divergence.
    bias : {"plug_in", "second_order"}
        Whether the second-order bias is taken off the value; the interval allows for it anyway.
    zeros, bins, estimator, n_neighbors, units, uncertainty
        As in `KLDivergence`; "knn" is the only estimator by neighbours.
    """

    _registry = _neighbors(neighbors.PoczosSchneider)
    _constraints = DISCRETE | _ZEROS | _SECOND | _ORDER | _chooses(_registry)

    def __init__(
        self,
        order: float = 2.0,
        *,
        zeros: functional.Zeros = "half",
        bias: Any = "plug_in",
        bins: Any = None,
        estimator: Any = "auto",
        n_neighbors: int | None = None,
        units: str = "nats",
        uncertainty: Any = "auto",
    ) -> None:
        self.estimator = estimator
        self.n_neighbors = n_neighbors
        self.order = order
        self.zeros = zeros
        self.bias = bias
        self.bins = bins
        self.units = units
        self.uncertainty = uncertainty

    def _counted(self) -> functional.Divergence:
        return functional.RenyiDivergence(self.zeros, float(self.order), bias_correction=self.bias)


class TsallisDivergence(RenyiDivergence):
    """Tsallis divergence of a sample from a reference; dimensionless.

    Parameters and use are those of `RenyiDivergence`; `units` has no effect.
    """

    _registry = _neighbors(neighbors.TsallisNeighborDivergence)

    def _counted(self) -> functional.Divergence:
        return functional.TsallisDivergence(
            self.zeros, float(self.order), bias_correction=self.bias
        )


class AlphaDivergence(RenyiDivergence):
    """Amari's alpha divergence ``(sum p^a q^(1-a) - 1) / (a (a - 1))``; dimensionless.

    Parameters
    ----------
    order : float
        Any number; 1 is KL, 0 is KL the other way, 1/2 four times the squared Hellinger distance.
    zeros, bias, bins, uncertainty
        As in `RenyiDivergence`.

    Examples
    --------
    >>> from infometric import AlphaDivergence
    >>> alpha = AlphaDivergence(order=1).fit(["a", "b", "b"] * 40)
    >>> round(alpha.estimate(["a", "b"] * 50).value, 4)
    0.0589
    """

    _registry = _neighbors(neighbors.AlphaNeighborDivergence)
    _constraints = DISCRETE | _ZEROS | _SECOND | _ANY_ORDER | _chooses(_registry)

    def _counted(self) -> functional.Divergence:
        return functional.AlphaDivergence(self.zeros, float(self.order), bias_correction=self.bias)


class _Distance(_FromReference):
    """A distance: the root of a divergence, dimensionless."""

    _constraints = {k: v for k, v in DISCRETE.items() if k != "units"} | _SECOND
    units = "nats"

    def __init__(
        self, *, bias: Any = "plug_in", bins: Any = None, uncertainty: Any = "auto"
    ) -> None:
        self.bias = bias
        self.bins = bins
        self.uncertainty = uncertainty


class HellingerDistance(_Distance):
    """Hellinger distance of a sample from a reference, from 0 to 1.

    Parameters
    ----------
    bias : {"plug_in", "second_order"}
        Whether the second-order bias is taken off the square; the interval allows for it anyway.
    bins : int, list of float or Encoder, optional
        Cells of a continuous variable.
    uncertainty : str or Uncertainty
        "auto" is the noncentral chi-square interval of the square.

    Examples
    --------
    >>> from infometric import HellingerDistance
    >>> distance = HellingerDistance().fit(["a", "b", "b"] * 40)
    >>> round(distance.estimate(["a", "b"] * 50).value, 4)
    0.12
    """

    def _counted(self) -> functional.HellingerDistance:
        return functional.HellingerDistance(self.bias)


class TotalVariation(_Distance):
    """Total variation distance ``sum |p - q| / 2`` of a sample from a reference.

    Parameters are those of `HellingerDistance`.

    Examples
    --------
    >>> from infometric import TotalVariation
    >>> distance = TotalVariation().fit(["a", "b", "b"] * 40)
    >>> round(distance.estimate(["a", "b"] * 50).value, 4)
    0.1667
    """

    def _counted(self) -> functional.TotalVariation:
        return functional.TotalVariation(self.bias)


class JensenShannonDistance(_Distance):
    """Root of the Jensen-Shannon divergence in nats, a metric where the weights are equal.

    Parameters
    ----------
    weight : float
        Weight of the sample in the mixture.
    bias, bins, uncertainty
        As in `HellingerDistance`.

    Examples
    --------
    >>> from infometric import JensenShannonDistance
    >>> distance = JensenShannonDistance().fit(["a", "b", "b"] * 40)
    >>> round(distance.estimate(["a", "b"] * 50).value, 4)
    0.1198
    """

    _constraints = _Distance._constraints | {"weight": (PROBABILITY,)}

    def __init__(
        self,
        *,
        weight: float = 0.5,
        bias: Any = "plug_in",
        bins: Any = None,
        uncertainty: Any = "auto",
    ) -> None:
        self.weight = weight
        super().__init__(bias=bias, bins=bins, uncertainty=uncertainty)

    def _counted(self) -> functional.JensenShannonDistance:
        return functional.JensenShannonDistance(float(self.weight), self.bias)
