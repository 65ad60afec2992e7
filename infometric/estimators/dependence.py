"""Dependence of variables: of two, of two given a third, of many, of series.

Discrete ones are counted, and of continuous ones neighbours are found: see
`infometric.estimators.continuous` for which is which.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from infometric.estimators.continuous import (
    ANY_NUMBER,
    choices,
    chosen,
    continuous,
    from_neighbors,
    kinds_of,
    n_columns,
    raw_columns,
    refuse_unused,
    refuse_weights,
    sample_of,
)
from infometric.estimators.discrete import (
    DISCRETE,
    DiscreteEstimator,
    encoder_of,
    is_one,
    require_bins,
    require_columns,
)
from infometric.exceptions import DataError, MergeError
from infometric.functional import information as functional
from infometric.functional import neighbor_information as neighbors
from infometric.functional.automatic import AutoInformation
from infometric.functional.gaussian import GaussianCopula
from infometric.functional.sample import SampleFunctional
from infometric.functional.shannon import BIAS
from infometric.state.counts import Counts
from infometric.state.encoders import Column, Encoder
from infometric.state.sample import Kind, Sample
from infometric.typing import RNG, Array
from infometric.uncertainty import Subsampling
from infometric.validation import (
    Constraint,
    OneOf,
    Span,
    as_cells,
    check_lengths,
    check_paired,
    check_weights,
)

MOST_CELLS = 10_000_000
# ANSB is a limit for samples nearly without coincidence, which no margin of a table is
MARGIN_BIAS = ("plug_in", "second_order", *(n for n in BIAS if n not in ("plug_in", "ansb")))
NUMBERS = {2: "two", 3: "three"}
NOTHING = "nothing given"  # column of a condition that is none
INFORMATION: dict[str, type[SampleFunctional]] = {
    "auto": AutoInformation,
    "ksg1": neighbors.KSG1,
    "ksg2": neighbors.KSG2,
    "mixed": neighbors.MixedKSG,
    "ross": neighbors.Ross,
    "lnc": neighbors.LNC,
    "gaussian_copula": GaussianCopula,
}
CONDITIONAL: dict[str, type[SampleFunctional]] = {
    "auto": neighbors.FrenzelPompe,
    "frenzel_pompe": neighbors.FrenzelPompe,
    "mesner_shalizi": neighbors.MesnerShalizi,
}
TOTAL: dict[str, type[SampleFunctional]] = {
    "auto": neighbors.TotalCorrelation,
    "ksg1": neighbors.TotalCorrelation,
    "ksg2": neighbors.TotalCorrelation2,
}
_ADJUSTED: dict[str, tuple[Constraint, ...]] = {
    **{k: v for k, v in DISCRETE.items() if k != "units"},
    "normalization": (OneOf(("arithmetic", "min", "max", "geometric", "joint")),),
}
_NORMALIZED = _ADJUSTED | {"bias": (OneOf(MARGIN_BIAS),)}


class Dependence(DiscreteEstimator):
    """Base of the measures of one joint table.

    A subclass says which vector variables its data are (`_variables`); each is one axis.
    """

    _least_variables = 2
    _most_variables: int | None = None
    _registry: ClassVar[Mapping[str, type[SampleFunctional]]] = {}
    estimator: Any = "counts"
    n_neighbors: int | None = None
    kinds_: tuple[Kind, ...]

    def _variables(self, X: Any, y: Any) -> list[Variable]:
        raise NotImplementedError

    def _counted(self) -> functional.Information:
        """Functional of a joint table."""
        raise NotImplementedError

    def _functional(self) -> Any:
        if not isinstance(getattr(self, "state_", None), Sample):
            return self._counted()
        return chosen(self.estimator, self.n_neighbors, self._registry)

    def _checked(self, counts: Counts) -> Counts:
        found, most = len(counts.shape), self._most_variables
        if counts.n_groups != 1 or found < self._least_variables or (most and found > most):
            wanted = NUMBERS.get(most or 0, "two or more")
            raise DataError(
                f"{type(self).__name__} of counts needs one joint table of {wanted} variables.",
                got={"groups": counts.n_groups, "shape": counts.shape},
                hint="Counts.from_counts(table, joint=True)",
            )
        return counts

    def _encoders(self, variables: Sequence[Variable]) -> list[dict[str, Encoder]]:
        return [
            {name: encoder_of([column], self.bins) for name, column in variable.items()}
            for variable in variables
        ]

    def _learn(self, X: Any, y: Any, sample_weight: Any) -> dict[str, Any]:
        if isinstance(X, Counts):
            self._nothing_beside(**self._others(y), sample_weight=sample_weight, bins=self.bins)
            return {"encoders_": None, "state_": self._checked(X)}
        variables = self._variables(X, y)
        names = self._feature_names(variables)
        if from_neighbors(self.estimator, self.bins, variables, n_columns(variables)):
            return self._learn_sample(variables, names, sample_weight)
        refuse_unused(self, ("n_neighbors",), "the variables have cells, and are counted")
        require_bins(self.bins, [c.name for v in variables for c in v.values()])
        variables = with_cells(variables, self.bins)
        encoders = self._encoders(variables)
        return {
            "encoders_": encoders,
            "state_": joint_counts(encoders, variables, self._weights(sample_weight, X)),
            "n_features_in_": len(names),
            "feature_names_in_": np.array(names, dtype=object),
        }

    def _learn_sample(
        self, variables: Sequence[Variable], names: list[str], sample_weight: Any
    ) -> dict[str, Any]:
        refuse_weights(self, sample_weight)
        refuse_unused(self, ("bias",), "the variables are continuous, and neighbours are found")
        kinds = kinds_of(variables)
        state = sample_of(variables, kinds)
        chosen(self.estimator, self.n_neighbors, self._registry).decided(state).check(state)
        return {
            "encoders_": [dict.fromkeys(v) for v in variables],
            "kinds_": kinds,
            "state_": state,
            "n_features_in_": len(names),
            "feature_names_in_": np.array(names, dtype=object),
        }

    def _require_kinds(self, variables: Sequence[Variable]) -> None:
        """Error where numbers are to be taken for classes: whole numbers may pass for either."""
        for variable, kind in zip(variables, self.kinds_, strict=True):
            if kind == "discrete" and any(continuous(c) for c in variable.values()):
                raise DataError(
                    "fit saw classes where the data hold continuous numbers.",
                    got={"columns": list(variable)},
                    hint="the columns seen in fit, in the same order: estimate(x, y)",
                )

    def _others(self, y: Any) -> dict[str, Any]:
        """The variables beside X, by name."""
        return {"y": y.y, "z": y.z} if isinstance(y, Paired) else {"y": y}

    def _weights(self, sample_weight: Any, X: Any) -> Any:
        """Weights of the records of the joint table."""
        return sample_weight

    def _data(self, X: Any, y: Any) -> tuple[Any, ...]:
        """What each variable came from."""
        return X, y

    def _feature_names(self, variables: Sequence[Variable]) -> list[str]:
        """Columns of X."""
        return list(variables[0])

    def _count(self, X: Any, y: Any, sample_weight: Any) -> Any:
        if isinstance(X, Counts):
            self._nothing_beside(**self._others(y), sample_weight=sample_weight)
            return self._checked(X)
        if self.encoders_ is None:
            raise DataError(
                f"This {type(self).__name__} was fitted on counts, which have no encoder.",
                hint="pass Counts again, or fit on samples",
            )
        variables = self._like_fitted(X, y)
        if isinstance(self.state_, Sample):
            refuse_weights(self, sample_weight)
            self._require_kinds(variables)
            return sample_of(variables, self.kinds_)
        weights = self._weights(sample_weight, X)
        return joint_counts(self.encoders_, with_cells(variables, self.bins), weights)

    def _like_fitted(self, X: Any, y: Any) -> list[Variable]:
        """The variables with the columns of `fit`, in their order."""
        out = []
        found = self._variables(self._like_fit(X), y)
        for encoders, columns, data in zip(self.encoders_, found, self._data(X, y), strict=True):
            if len(encoders) == len(columns) and is_one(data):
                columns = dict(zip(encoders, columns.values(), strict=True))
            require_columns(encoders, columns)
            out.append({name: columns[name] for name in encoders})
        return out


class MutualInformation(Dependence):
    """Mutual information of two variables of any kind; several columns are one vector variable.

    Parameters
    ----------
    estimator : str or functional
        "auto" counts where both variables have cells or bins are given; of continuous ones it finds
        neighbours (see `infometric.functional.automatic`). By name: "counts", "ksg1", "ksg2",
        "ross" (a class and numbers), "mixed", "lnc", "gaussian_copula"; or an object such as
        ``KSG1(n_neighbors=5, scale="standard")`` of `infometric.functional.neighbor_information`.
    n_neighbors : int, optional
        Number of neighbours; the estimator's own by default.
    bias : str
        "plug_in"; "second_order" takes ``(k - 1)(l - 1) / (2 n)`` off; or the name of an estimator
        of entropy (see `Entropy`) for the three tables. The interval allows for the bias anyway.
    bins : int, list of float or Encoder, optional
        Cells of continuous variables: the value is then that of the binned variables.
    units : {"nats", "bits", "bans"}
        Units of the result.
    uncertainty : str or Uncertainty
        "auto" is the noncentral chi-square interval.

    Examples
    --------
    >>> from infometric import MutualInformation
    >>> x = ["a", "b"] * 50
    >>> round(MutualInformation(units="bits").fit(x, x).estimate().value, 6)
    1.0
    """

    _most_variables = 2
    _registry = INFORMATION
    _constraints = DISCRETE | {
        "bias": (OneOf(MARGIN_BIAS),),
        "estimator": choices(INFORMATION),
        "n_neighbors": ANY_NUMBER,
    }

    def __init__(
        self,
        *,
        estimator: Any = "auto",
        n_neighbors: int | None = None,
        bias: str = "plug_in",
        bins: Any = None,
        units: str = "nats",
        uncertainty: Any = "auto",
    ) -> None:
        self.estimator = estimator
        self.n_neighbors = n_neighbors
        self.bias = bias
        self.bins = bins
        self.units = units
        self.uncertainty = uncertainty

    def _counted(self) -> functional.Information:
        return functional.MutualInformation(bias_correction=self.bias)

    def _variables(self, X: Any, y: Any) -> list[Variable]:
        if y is None:
            raise DataError(
                f"{type(self).__name__} is of two variables; requires y to be passed, but the "
                "target y is None.",
                hint="fit(x, y)",
            )
        check_paired(X, y)
        return [raw_columns(X), raw_columns(y, "y")]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


class NormalizedMutualInformation(MutualInformation):
    """Mutual information over an entropy of the two variables, from 0 to 1.

    Parameters
    ----------
    normalization : {"arithmetic", "min", "max", "geometric", "joint"}
        Mean, minimum or maximum of the two entropies, or the joint entropy.
    bias, bins, uncertainty
        As in `MutualInformation`.

    Examples
    --------
    >>> from infometric import NormalizedMutualInformation
    >>> x, y = ["a", "b", "c", "c"] * 50, [0, 0, 1, 1] * 50
    >>> round(NormalizedMutualInformation(normalization="min").fit(x, y).estimate().value, 6)
    1.0
    """

    _constraints = _NORMALIZED
    units = "nats"

    def __init__(
        self,
        *,
        normalization: functional.Normalization = "arithmetic",
        bias: str = "plug_in",
        bins: Any = None,
        uncertainty: Any = "auto",
    ) -> None:
        self.normalization = normalization
        self.bias = bias
        self.bins = bins
        self.uncertainty = uncertainty

    def _counted(self) -> functional.Information:
        return functional.NormalizedMutualInformation(self.normalization, bias_correction=self.bias)


class AdjustedMutualInformation(NormalizedMutualInformation):
    """Normalised mutual information less what chance gives with these margins.

    Near zero where variables are independent, however many levels they have. The interval is that
    of the normalised mutual information in the population, to which this value converges.

    Parameters
    ----------
    normalization : {"arithmetic", "min", "max", "geometric", "joint"}
        As in `NormalizedMutualInformation`.
    bins, uncertainty
        As in `MutualInformation`.

    Examples
    --------
    >>> from infometric import AdjustedMutualInformation
    >>> x, y = [0, 0, 1, 1, 2, 2] * 20, [0, 1, 1, 0, 0, 1] * 20
    >>> round(AdjustedMutualInformation().fit(x, y).estimate().value, 4)
    -0.0096
    """

    _constraints = _ADJUSTED

    def __init__(
        self,
        *,
        normalization: functional.Normalization = "arithmetic",
        bins: Any = None,
        uncertainty: Any = "auto",
    ) -> None:
        self.normalization = normalization
        self.bins = bins
        self.uncertainty = uncertainty

    def _counted(self) -> functional.Information:
        return functional.AdjustedMutualInformation(self.normalization)


class ConditionalMutualInformation(MutualInformation):
    """Mutual information of two variables given a third; each may be of several columns.

    ``fit(x, y, z)``; without z nothing is given, and the value is the mutual information.

    Parameters
    ----------
    estimator : str or functional
        "auto" and "frenzel_pompe" (of any variables; unlike classes are far apart), "counts",
        or "mesner_shalizi", which is biased upwards in samples of hundreds.
    n_neighbors, bias, bins, units, uncertainty
        As in `MutualInformation`.

    Examples
    --------
    >>> from infometric import ConditionalMutualInformation
    >>> x, y, z = [0, 0, 1, 1] * 50, [0, 1, 0, 1] * 50, [0, 1, 1, 0] * 50
    >>> cmi = ConditionalMutualInformation(units="bits").fit(x, y, z)
    >>> round(cmi.estimate().value, 6)
    1.0
    """

    _least_variables = _most_variables = 3
    _registry = CONDITIONAL
    _constraints = MutualInformation._constraints | {"estimator": choices(CONDITIONAL)}

    def _counted(self) -> functional.Information:
        return functional.ConditionalMutualInformation(bias_correction=self.bias)

    def fit(self, X: Any, y: Any = None, z: Any = None, *, sample_weight: Any = None) -> Self:
        """Count the joint table of X, y and z.

        Parameters
        ----------
        X, y, z : array-like, frame or path
            Three variables with the same number of rows; z is the one that is given.
        sample_weight : array-like of shape (n_rows,), optional
            Positive record weights.
        """
        return super().fit(X, Paired.of(y, z), sample_weight=sample_weight)

    def partial_fit(
        self, X: Any, y: Any = None, z: Any = None, *, sample_weight: Any = None
    ) -> Self:
        """Add records to what `fit` saw."""
        if not hasattr(self, "state_"):
            return self.fit(X, y, z, sample_weight=sample_weight)
        return super().partial_fit(X, Paired.of(y, z), sample_weight=sample_weight)

    def estimate(self, X: Any = None, y: Any = None, z: Any = None, **options: Any) -> Any:
        """Value on what `fit` saw, or on new data; options as in `Estimator.estimate`."""
        return super().estimate(X, Paired.of(y, z), **options)

    def ci(self, X: Any = None, y: Any = None, z: Any = None, **options: Any) -> Any:
        """Interval alone; options as in `Estimator.ci`."""
        return super().ci(X, Paired.of(y, z), **options)

    def test(self, X: Any = None, y: Any = None, z: Any = None, **options: Any) -> Any:
        """Test of conditional independence; options as in `Estimator.test`."""
        return super().test(X, Paired.of(y, z), **options)

    def score(self, X: Any, y: Any = None, z: Any = None) -> float:
        """The value."""
        return super().score(X, Paired.of(y, z))

    def _measure(self) -> str | None:
        """Of nothing given the value is the mutual information, and is called so."""
        plain = self.encoders_ is not None and NOTHING in self.encoders_[2]
        return "mutual_information" if plain else None

    def _like_fitted(self, X: Any, y: Any) -> list[Variable]:
        fitted, given = NOTHING not in self.encoders_[2], isinstance(y, Paired) and y.z is not None
        if fitted != given:
            raise DataError(
                f"z is {'given' if given else 'None'}, and fit saw {'one' if fitted else 'none'}.",
                hint="the same call as fit: (x, y, z), or (x, y) where nothing is given",
            )
        return super()._like_fitted(X, y)

    def _variables(self, X: Any, y: Any) -> list[Variable]:
        pair = y if isinstance(y, Paired) else Paired(y, None)
        first, second = super()._variables(X, pair.y)
        if pair.z is None:
            n = len(next(iter(first.values())).values)
            return [first, second, {NOTHING: Column(NOTHING, np.zeros(n, int), None, ("",))}]
        check_paired(X, pair.z)
        return [first, second, raw_columns(pair.z, "z")]

    def _data(self, X: Any, y: Any) -> tuple[Any, ...]:
        pair = y if isinstance(y, Paired) else Paired(y, None)
        return X, pair.y, pair.y if pair.z is None else pair.z


class _Columns(Dependence):
    """Measures of all columns of a table together, each column a variable."""

    _constraints = DISCRETE | {"bias": (OneOf(MARGIN_BIAS),)}

    def __init__(
        self,
        *,
        bias: str = "plug_in",
        bins: Any = None,
        units: str = "nats",
        uncertainty: Any = "auto",
    ) -> None:
        self.bias = bias
        self.bins = bins
        self.units = units
        self.uncertainty = uncertainty

    def _variables(self, X: Any, y: Any) -> list[Variable]:
        columns, most = raw_columns(X), self._most_variables
        if len(columns) < self._least_variables or (most and len(columns) > most):
            wanted = NUMBERS.get(most or 0, "two or more")
            raise DataError(
                f"{type(self).__name__} is of {wanted} variables, one a column; "
                f"n_features={len(columns)}.",
                got=list(columns),
                hint="a table with those columns: frame[['a', 'b', 'c']]",
            )
        return [{name: column} for name, column in columns.items()]

    def _like_fitted(self, X: Any, y: Any) -> list[Variable]:
        """The columns of `fit` by name, whatever their order."""
        found = self._variables(self._like_fit(X), y)
        columns = {name: c for variable in found for name, c in variable.items()}
        names = [name for encoders in self.encoders_ for name in encoders]
        require_columns(names, columns)
        return [{name: columns[name]} for name in names]

    def _feature_names(self, variables: Sequence[Variable]) -> list[str]:
        return [name for variable in variables for name in variable]


class TotalCorrelation(_Columns):
    """Sum of the columns' entropies less their joint entropy: zero where all are independent.

    Parameters
    ----------
    estimator : str or functional
        "auto", "counts", "ksg1" or "ksg2".
    n_neighbors, bias, bins, units, uncertainty
        As in `MutualInformation`.

    Examples
    --------
    >>> import numpy as np
    >>> from infometric import TotalCorrelation
    >>> same = np.repeat(np.array([[0, 1]]).T, 3, axis=1)
    >>> round(TotalCorrelation(units="bits").fit(np.tile(same, (50, 1))).estimate().value, 6)
    2.0
    """

    _registry = TOTAL
    _constraints = MutualInformation._constraints | {"estimator": choices(TOTAL)}

    def __init__(
        self,
        *,
        estimator: Any = "auto",
        n_neighbors: int | None = None,
        bias: str = "plug_in",
        bins: Any = None,
        units: str = "nats",
        uncertainty: Any = "auto",
    ) -> None:
        self.estimator = estimator
        self.n_neighbors = n_neighbors
        super().__init__(bias=bias, bins=bins, units=units, uncertainty=uncertainty)

    def _counted(self) -> functional.Information:
        return functional.TotalCorrelation(bias_correction=self.bias)


class DualTotalCorrelation(_Columns):
    """Joint entropy less each column's entropy given all others.

    Parameters
    ----------
    bias, bins, units, uncertainty
        As in `MutualInformation`.

    Examples
    --------
    >>> import numpy as np
    >>> from infometric import DualTotalCorrelation
    >>> same = np.repeat(np.array([[0, 1]]).T, 3, axis=1)
    >>> round(DualTotalCorrelation(units="bits").fit(np.tile(same, (50, 1))).estimate().value, 6)
    1.0
    """

    def _counted(self) -> functional.Information:
        return functional.DualTotalCorrelation(bias_correction=self.bias)


class InteractionInformation(_Columns):
    """``I(X; Y) - I(X; Y | Z)`` of three columns: positive redundancy, negative synergy.

    Of more columns it is the co-information, the alternating sum of the entropies of all sets.

    Parameters
    ----------
    bias, bins, units, uncertainty
        As in `MutualInformation`; "auto" is Wald's interval.

    Examples
    --------
    >>> import numpy as np
    >>> from infometric import InteractionInformation
    >>> xor = np.array([[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]])
    >>> round(InteractionInformation(units="bits").fit(np.tile(xor, (50, 1))).estimate().value, 6)
    -1.0
    """

    def _counted(self) -> functional.Information:
        return functional.InteractionInformation(bias_correction=self.bias)


class TransferEntropy(MutualInformation):
    r"""Transfer entropy from one series to another: ``I(y_t; x_past | y_past)``.

    Parameters
    ----------
    source_history : int
        Number of past values of the source.
    target_history : int
        Number of past values of the target.
    lag : int
        Steps from the latest past value of the source to the present of the target.
    estimator, n_neighbors
        As in `ConditionalMutualInformation`.
    bias, bins, units, uncertainty
        As in `MutualInformation`.

    Notes
    -----
    Of discrete series, under "no transfer" :math:`2 n \hat T` follows the chi-square law of a
    likelihood ratio where the target is a Markov chain of order `target_history`. A permutation
    exchanges the present values of the target among moments with the same or a like past of it.

    References
    ----------
    Schreiber, T. (2000). Measuring information transfer. Phys. Rev. Lett. 85, 461-464.
    doi:10.1103/PhysRevLett.85.461
    Barnett, L., Bossomaier, T. (2012). Transfer entropy as a log-likelihood ratio. Phys. Rev. Lett.
    109, 138105. doi:10.1103/PhysRevLett.109.138105

    Examples
    --------
    >>> import numpy as np
    >>> from infometric import TransferEntropy
    >>> x = np.random.default_rng(0).integers(0, 2, 2000)
    >>> y = np.roll(x, 1)
    >>> round(TransferEntropy(units="bits").fit(x, y).estimate().value, 2)
    1.0
    """

    _least_variables = _most_variables = 3
    _registry = CONDITIONAL
    _constraints = MutualInformation._constraints | {
        "estimator": choices(CONDITIONAL),
        "source_history": (Span(Integral, 1),),
        "target_history": (Span(Integral, 1),),
        "lag": (Span(Integral, 1),),
    }

    def __init__(
        self,
        *,
        source_history: int = 1,
        target_history: int = 1,
        lag: int = 1,
        estimator: Any = "auto",
        n_neighbors: int | None = None,
        bias: str = "plug_in",
        bins: Any = None,
        units: str = "nats",
        uncertainty: Any = "auto",
    ) -> None:
        self.source_history = source_history
        self.target_history = target_history
        self.lag = lag
        super().__init__(
            estimator=estimator,
            n_neighbors=n_neighbors,
            bias=bias,
            bins=bins,
            units=units,
            uncertainty=uncertainty,
        )

    def _counted(self) -> functional.Information:
        return functional.ConditionalMutualInformation(bias_correction=self.bias)

    def _measure(self) -> str:
        return "transfer_entropy"

    def _infer(self, state: Any, strategy: Any, level: float, rng: RNG) -> Any:
        """Moments of a series are not independent: blocks of them stay together."""
        named = isinstance(strategy, str) and strategy in ("auto", Subsampling.name)
        if named and isinstance(state, Sample):
            strategy = Subsampling(block=max(2, round(int(state.n[0]) ** (1 / 3))))
        return super()._infer(state, strategy, level, rng)

    def merge(self, other: Self) -> Self:
        """Join another segment of the same series, or another pair like it.

        Raises
        ------
        MergeError
            Where lag, histories or learned cells differ.
        """
        names = ("lag", "source_history", "target_history")
        mine, theirs = ({n: getattr(e, n, None) for n in names} for e in (self, other))
        if isinstance(other, TransferEntropy) and mine != theirs:
            raise MergeError(
                "The two look at different moments of the past.",
                got=(mine, theirs),
                hint="fit both with the same lag and histories",
            )
        return super().merge(other)

    @property
    def _start(self) -> int:
        """First moment that has all of its past."""
        return int(max(self.lag + self.source_history - 1, self.target_history))

    def _weights(self, sample_weight: Any, X: Any) -> Any:
        if sample_weight is None:
            return None
        n = len(next(iter(raw_columns(X).values())).values)
        weights = check_weights(sample_weight, n)
        return None if weights is None else weights[self._start :]

    def _variables(self, X: Any, y: Any) -> list[Variable]:
        source, target = super()._variables(X, y)
        first, second = (next(iter(v.values())).values for v in (source, target))
        n, start = check_lengths(x=first, y=second), self._start
        if n <= start:
            raise DataError(
                f"A past of {start} steps needs a longer series; n_samples={n}.",
                got={"steps": n},
                hint="smaller lag and histories, or a longer series",
            )
        back = range(1, self.target_history + 1)
        far = range(self.lag, self.lag + self.source_history)
        return [
            lagged(target, [0], start),
            lagged(source, far, start),
            lagged(target, back, start),
        ]

    def _feature_names(self, variables: Sequence[Variable]) -> list[str]:
        return list(dict.fromkeys(map(unlagged, variables[1])))

    def _encoders(self, variables: Sequence[Variable]) -> list[dict[str, Encoder]]:
        """One encoder for all lags of a column: present and past of the target share theirs."""
        shared = {0: (0, 2), 1: (1,), 2: (0, 2)}
        found = []
        for position, variable in enumerate(variables):
            alike = [item for i in shared[position] for item in variables[i].items()]
            found.append(
                {
                    name: encoder_of([c for n, c in alike if unlagged(n) == unlagged(name)],
                                     self.bins)
                    for name in variable
                }
            )  # fmt: skip
        return found

    def _data(self, X: Any, y: Any) -> tuple[Any, ...]:
        return y, X, y


Variable = dict[str, Column]


def with_cells(variables: Sequence[Variable], bins: Any) -> list[Variable]:
    """Variables whose numbers are categories, or will be binned."""
    return [{name: as_cells(c, bins) for name, c in v.items()} for v in variables]


class Paired(NamedTuple):
    """The second variable and the one that is given, passed on as one."""

    y: Any
    z: Any

    @classmethod
    def of(cls, y: Any, z: Any) -> Paired | None:
        """Both; None where there is no data."""
        if isinstance(y, Paired):
            return y
        return None if y is None and z is None else cls(y, z)


def lagged(variable: Variable, lags: Iterable[int], start: int) -> Variable:
    """The columns of a variable some steps back, from a moment with all of the past."""
    out = {}
    for name, column in variable.items():
        n = len(column.values)
        for lag in lags:
            out[f"{name}[t-{lag}]"] = column.rows(np.arange(start - lag, n - lag))
    return out


def unlagged(name: str) -> str:
    """Name of the column that a lagged one came from."""
    return name.rsplit("[t-", 1)[0]


def joint_counts(
    encoders: Sequence[Mapping[str, Encoder]],
    variables: Sequence[Mapping[str, Column]],
    sample_weight: Any,
) -> Counts:
    """Joint table of some variables; several columns are one vector variable."""
    names = "xyz" if len(variables) <= 3 else [f"variable {i}" for i in range(len(variables))]
    firsts = {n: next(iter(v.values())).values for n, v in zip(names, variables, strict=False)}
    weights = check_weights(sample_weight, check_lengths(**firsts))
    coded = [vector_codes(e, v) for e, v in zip(encoders, variables, strict=True)]
    sizes = tuple(size for _, size in coded)
    if math.prod(sizes) > MOST_CELLS:
        raise DataError(
            f"The {NUMBERS.get(len(sizes), len(sizes))} variables together have too many cells "
            "for one table.",
            got=" x ".join(map(str, sizes)),
            hint="bins=10 for numbers; group rare categories of text",
        )
    codes: Array = np.zeros(1, dtype=np.int64)
    for code, size in coded:
        codes = codes * size + code
    table = np.bincount(codes, weights=weights, minlength=math.prod(sizes))[None]
    squares = None
    if weights is not None:
        squares = np.bincount(codes, weights=weights**2, minlength=math.prod(sizes))[None]
    key = "-".join(e.key for side in encoders for e in side.values())
    return Counts(table, sizes, squares, key)


def vector_codes(
    encoders: Mapping[str, Encoder], columns: Mapping[str, Column]
) -> tuple[Array, int]:
    """Cell of each row of a vector variable, and the number of cells.

    Raises
    ------
    DataError
        Where there are more cells than a table can hold.
    """
    size = math.prod(e.n_cells for e in encoders.values())
    if size > MOST_CELLS:
        raise DataError(
            f"{len(encoders)} columns together have too many cells for one table.",
            got=size,
            hint="bins=3, or fewer columns",
        )
    codes: Array = np.zeros(1, dtype=np.int64)
    for (_, encoder), column in zip(encoders.items(), columns.values(), strict=True):
        codes = codes * encoder.n_cells + encoder.encode(column)
    return codes, size
