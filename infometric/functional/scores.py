"""Functionals of `Scores`: the mean of per-row values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from infometric.functional.base import Functional
from infometric.state.scores import Scores
from infometric.typing import Array, Units


@dataclass(frozen=True)
class Mean(Functional):
    """Mean of per-row scores."""

    name: ClassVar[str] = "mean_score"
    bounds: ClassVar[tuple[float, float]] = (-np.inf, np.inf)
    groups: ClassVar[int] = 0

    def value(self, s: Scores) -> Array:
        """The mean."""
        return np.asarray(s.mean)

    def influence(self, s: Scores) -> Array:
        """One."""
        return np.ones(np.shape(s.mean))

    def leave_one_out(self, s: Scores) -> Array:  # type: ignore[override]
        """Not needed: the jackknife of a mean is closed (see `Jackknife`)."""
        return np.asarray(s.mean)


@dataclass(frozen=True)
class BrierScore(Mean):
    """Mean squared error of predicted probabilities: scores are the squared errors of the rows.

    References
    ----------
    Brier, G. W. (1950). doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2

    Examples
    --------
    >>> from infometric import Scores, infer
    >>> infer(BrierScore(), Scores.from_values([0.01, 0.04, 0.25, 0.16])).units
    'dimensionless'
    """

    name: ClassVar[str] = "brier_score"
    units: ClassVar[Units] = "dimensionless"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
