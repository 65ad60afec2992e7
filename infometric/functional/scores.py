"""Functionals of `Scores`: the mean of per-row values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from infometric.functional.base import Functional
from infometric.state.scores import Scores
from infometric.typing import Array


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
