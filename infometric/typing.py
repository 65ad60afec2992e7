"""The protocols of the library: State, Functional, Uncertainty.

``State x Functional x Uncertainty -> Result`` is the whole architecture: a state is what is kept
of the data, a functional is mathematics on a state, a strategy says how far off the value may be.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
RNG = int | np.random.Generator | None
Units = Literal["information", "dimensionless"]


@runtime_checkable
class State(Protocol):
    """What is kept of the data: a commutative monoid under ``+``."""

    capabilities: ClassVar[frozenset[str]]

    @property
    def key(self) -> str:
        """Fingerprint of the encoder; unlike keys do not merge."""
        ...

    @property
    def n(self) -> Array:
        """Sample size or total weight."""
        ...

    def __add__(self, other: Any) -> Any:
        """State of the joined data."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready representation."""
        ...


@runtime_checkable
class Functional(Protocol):
    """Pure mathematics on a state, in nats, batched over leading axes."""

    @property
    def name(self) -> str:
        """Identifier of the measure."""
        ...

    @property
    def units(self) -> Units:
        """Whether values scale with the logarithm's base."""
        ...

    @property
    def bounds(self) -> tuple[float, float]:
        """Range of the estimand."""
        ...

    def value(self, s: Any) -> Array:
        """Plug-in value."""
        ...

    def influence(self, s: Any) -> Array:
        """Derivative of the value with respect to the shares, up to a constant per group."""
        ...

    def null(self, s: Any) -> Any:
        """Law of the value under "nothing there", or None."""
        ...


@runtime_checkable
class Uncertainty(Protocol):
    """A frozen strategy that turns a functional and a state into an interval or a p-value."""

    needs: ClassVar[frozenset[str]]

    @property
    def name(self) -> str:
        """Identifier of the strategy."""
        ...

    def __call__(self, functional: Any, state: Any, theta: Array, *, level: float, rng: RNG) -> Any:
        """Standard error, interval and p-value."""
        ...
