"""What a strategy returns, and the normal interval several of them share."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy.special import ndtri

from infometric.functional.base import Caution
from infometric.typing import Array

NAN: Any = np.float64("nan")


@dataclass(frozen=True)
class Inference:
    """Standard error, interval and p-value of a value; NaN where a strategy gives none."""

    method: str
    se: Array = NAN
    low: Array = NAN
    high: Array = NAN
    pvalue: Array = NAN
    replicates: Array | None = None
    diagnostics: dict[str, Any] = field(default_factory=dict)
    cautions: tuple[Caution, ...] = ()


def normal_interval(theta: Array, se: Array, level: float) -> tuple[Array, Array]:
    """Two-sided interval ``theta -+ z se``."""
    z = ndtri(0.5 + level / 2)
    return theta - z * se, theta + z * se


def trusted(found: Inference, doubts: tuple[str, ...]) -> Inference:
    """Inference that says whether it can be relied on; without interval where it cannot."""
    told = found.diagnostics | {"reliable": not doubts}
    if not doubts:
        return replace(found, diagnostics=told)
    cautions = (*found.cautions, Caution("ReliabilityWarning", "; ".join(doubts)))
    told["reasons"] = list(doubts)
    return replace(found, low=NAN, high=NAN, diagnostics=told, cautions=cautions)
