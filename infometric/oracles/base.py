"""What every oracle is: a name, its measures, and their true values."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ClassVar

from infometric.exceptions import InvalidParameterError, and_list

Truth = Callable[..., float]


class KnownTruth:
    """Base of all oracles: measures by name, each with its true value.

    Attributes
    ----------
    name : str
        What the distribution is.
    family : str
        "discrete", "entropy", "information", "conditional", "total", "transfer" or "divergence".
    measures : dict of str to callable
        The truth of each measure, as a function of the oracle and of parameters of the measure.

    Examples
    --------
    >>> from infometric import oracles
    >>> oracle = oracles.get("normal pair, rho=0.6")
    >>> oracle.defined, oracle.kinds, oracle.dims
    (('mutual_information',), ('continuous', 'continuous'), (1, 1))
    """

    name: str
    family: str
    measures: ClassVar[dict[str, Truth]] = {}

    @property
    def defined(self) -> tuple[str, ...]:
        """Names of the measures whose truth it knows."""
        return tuple(self.measures)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kind of each variable, or sample: "continuous", "discrete" or "mixed"."""
        return ("discrete",)

    @property
    def dims(self) -> tuple[int, ...]:
        """Number of columns of each variable."""
        return (1,) * len(self.kinds)

    @property
    def _subject(self) -> Any:
        """What the measures are functions of."""
        return self

    def truth(self, measure: str, **parameters: Any) -> float:
        """True value of a measure, in nats where it has units.

        Parameters
        ----------
        measure : str
            Name of the functional.
        **parameters
            Order, weight, histories or normalisation, where the measure has one.

        Raises
        ------
        InvalidParameterError
            Where the measure is not defined on this distribution, or has no such parameter.
        """
        if measure not in self.defined:
            raise InvalidParameterError(
                f"{self.name} has no truth of this measure.",
                got=measure,
                hint=f"one of {and_list(sorted(self.defined), limit=9)}",
            )
        value = self.measures[measure]
        known = list(inspect.signature(value).parameters)[1:]
        if unknown := sorted(set(parameters) - set(known)):
            raise InvalidParameterError(
                f"The truth of {measure} has no such parameter.",
                got=and_list(unknown),
                hint=f"one of {and_list(known)}" if known else f"oracle.truth({measure!r})",
            )
        return float(value(self._subject, **parameters)) + 0.0  # no negative zero
