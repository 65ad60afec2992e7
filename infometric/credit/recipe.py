"""The binning of a scorecard: ready to fit, frozen where it was fitted, and kept as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sklearn.base import BaseEstimator, clone

from infometric.credit.binning import BINNINGS, OptimalBinning
from infometric.credit.evidence import WeightOfEvidence
from infometric.exceptions import ColumnError, InvalidParameterError, UnsupportedError
from infometric.result import jsonable
from infometric.state.encoders import Encoder, encoder_from_dict

_FROZEN = "encoders"
_KNOWN: dict[str, Any] = {**BINNINGS, WeightOfEvidence.__name__: WeightOfEvidence}
_PLAIN = (str, int, float, bool, list, dict)


class AbsentBinning(BaseEstimator):
    """Stands for the binning of a restored scorecard whose class this library does not know.

    Parameters
    ----------
    name : str
        The class.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def fit(self, X: Any, y: Any = None, **options: Any) -> None:
        """Refuse: a scorecard that was read scores, and is not fitted with another binning.

        Raises
        ------
        UnsupportedError
            Always.
        """
        raise UnsupportedError(
            "The binning of this scorecard is of a class that its file cannot restore.",
            got=self.name,
            hint=f"card.set_params(binning={self.name}(...)).fit(X, y)",
        )


def frozen_bins(binning: Any) -> dict[str, Encoder] | None:
    """Bins of a fitted binning, or of a mapping of column to encoder; None of an unfitted one.

    Raises
    ------
    InvalidParameterError
        Where a mapping holds anything but encoders.
    """
    found = binning if isinstance(binning, Mapping) else getattr(binning, "encoders_", None)
    if found is None:
        return None
    odd = [name for name, encoder in found.items() if not hasattr(encoder, "encode")]
    if odd or not found:
        raise InvalidParameterError(
            "A mapping as 'binning' must give an encoder to each of its columns.",
            got=found,
            hint="binning=fitted.encoders_",
        )
    return dict(found)


def ready_binning(binning: Any, columns: Sequence[str] | None, event: Any) -> Any:
    """Unfitted estimator that bins as asked; one with the very bins of a fitted binning.

    Parameters
    ----------
    binning : estimator, mapping of str to Encoder or None
        As of `Scorecard`.
    columns : sequence of str, optional
        The characteristics that are wanted alone.
    event : optional
        Class of the target that counts as the event.

    Raises
    ------
    ColumnError
        Where a wanted characteristic has no bins.
    """
    bins = frozen_bins(binning)
    if isinstance(binning, AbsentBinning):
        binning.fit(None)
    if bins is None:
        made = OptimalBinning() if binning is None else clone(binning)
    else:
        for name in columns or ():
            if name not in bins:
                raise ColumnError.missing(name, bins, where="the fitted binning")
        columns = list(bins if columns is None else columns)
        named = getattr(binning, "categorical", ())
        if not isinstance(named, bool):
            named = [name for name in named if name in columns]
        made = WeightOfEvidence(bins={n: bins[n] for n in columns}, categorical=named)
    if event is not None:
        made.set_params(event=event)
    if columns is not None:
        made.set_params(columns=list(columns))
    return made


def recipe_of(binning: Any) -> Any:
    """The binning as JSON keeps it: class and parameters, or frozen bins.

    Examples
    --------
    >>> recipe_of(OptimalBinning(max_bins=4))["parameters"]["max_bins"]
    4
    """
    bins = frozen_bins(binning)
    if bins is not None:
        return {"class": _FROZEN, "parameters": _spelled(bins)}
    if binning is None:
        return None
    if isinstance(binning, AbsentBinning):
        return {"class": binning.name, "parameters": None}
    name = type(binning).__name__
    if _KNOWN.get(name) is not type(binning):
        return {"class": name, "parameters": None}
    spelled = {k: _spelled(v) for k, v in binning.get_params(deep=False).items()}
    plain = {k: v for k, v in spelled.items() if v is None or isinstance(v, _PLAIN)}
    return {"class": name, "parameters": plain}


def binning_of(recipe: Any) -> Any:
    """Inverse of `recipe_of`.

    Examples
    --------
    >>> binning_of(recipe_of(OptimalBinning(max_bins=4))).max_bins
    4
    """
    if recipe is None:
        return None
    name, parameters = str(recipe["class"]), recipe["parameters"]
    if parameters is None:
        return AbsentBinning(name)
    read = {k: _read(v) for k, v in parameters.items()}
    return read if name == _FROZEN else _KNOWN[name](**read)


def _spelled(value: Any) -> Any:
    """A parameter in JSON types; encoders by their content, what has no JSON form as it is."""
    if isinstance(value, Encoder):
        return jsonable(value.to_dict())
    if isinstance(value, Mapping):
        return {str(k): _spelled(v) for k, v in value.items()}
    if hasattr(value, "encoders_"):
        return _spelled(value.encoders_)
    return jsonable(value) if not hasattr(value, "__dict__") else value


def _read(value: Any) -> Any:
    if isinstance(value, Mapping):
        if {"kind", "key", "version"} <= set(value):
            return encoder_from_dict(value)
        return {k: _read(v) for k, v in value.items()}
    return value
