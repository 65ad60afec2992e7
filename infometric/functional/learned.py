"""Functionals of what a trained critic says of rows that it has not seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from infometric.functional.base import Caution
from infometric.functional.bounds import Bound, InfoNCE
from infometric.functional.scores import Mean
from infometric.state.critic import CriticScores
from infometric.typing import Units

NEAR = 0.85  # share of a ceiling above which a value says little but that
SIDE = {
    "lower": "a lower bound, of which the critic decides how near it comes",
    "upper": "an upper bound where the conditional density is right",
    "neither": "no bound: it may lie on either side of the information",
}


@dataclass(frozen=True)
class LearnedBound(Mean):
    """A variational bound with a trained critic: the mean of its influence values.

    Parameters
    ----------
    bound : Bound
        What the values are of.
    flags : tuple of Caution
        What the data or the training give to know.
    """

    name: ClassVar[str] = "mutual_information"
    units: ClassVar[Units] = "information"
    bound: Bound = field(default_factory=InfoNCE)
    flags: tuple[Caution, ...] = ()

    def cautions(self, s: CriticScores) -> tuple[Caution, ...]:
        """Flags of the training, and whether the value overflows or is at the ceiling."""
        if not np.isfinite(s.mean) or not np.isfinite(s.m2):
            text = (
                f"The partition of {self.bound.name} overflows on held-out rows: it has no value "
                "and no error there. bound='infonce' cannot overflow."
            )
            return (*self.flags, Caution("ReliabilityWarning", text))
        ceiling = self.bound.ceiling(s.block)
        if ceiling is None:
            ceiling = float(np.log(s.block))
            least = f"a bound of {s.block} rows is unsure beyond log {s.block} = {ceiling:.2f} nats"
        else:
            least = f"{self.bound.name} of {s.block} rows cannot exceed {ceiling:.2f} nats"
        if float(s.mean) > NEAR * ceiling and self.bound.direction != "upper":
            text = f"The value is near its ceiling: {least}. The information may be far greater."
            return (*self.flags, Caution("ReliabilityWarning", text))
        return self.flags

    def facts(self, s: CriticScores) -> dict[str, Any]:
        """The bound, its direction and its ceiling."""
        unknown = {} if self.cautions(s) else {"reliable": None}  # how near a bound lies
        return unknown | {
            "bound": self.bound.name,
            "direction": self.bound.direction,
            "direction_means": SIDE[self.bound.direction],
            "ceiling": self.bound.ceiling(s.block),
            "rows_scored_together": s.block,
            "interval_of": "the bound with these critics, not the information itself",
            "units_of_diagnostics": "nats",
        }
