"""What a strategy returns, and the normal interval several of them share."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy.special import ndtri

from infometric.functional.base import Caution
from infometric.typing import Array

NAN: Any = np.float64("nan")
MEAN_AT_N = "the mean of the value over samples of {} rows"  # what an interval of a spectrum is of


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


def trusted(
    found: Inference, doubts: tuple[str, ...], hesitations: tuple[str, ...] = ()
) -> Inference:
    """Inference that says whether it can be relied on.

    Doubts take the interval away; hesitations leave it, with a warning.
    """
    reasons = doubts or hesitations  # where nothing is given, its finer points are noise
    told = found.diagnostics | {"reliable": not reasons}
    if not reasons:
        return replace(found, diagnostics=told)
    told["reasons"] = list(reasons)
    cautions = (*found.cautions, *(Caution("ReliabilityWarning", text) for text in reasons))
    low, high = (NAN, NAN) if doubts else (found.low, found.high)
    return replace(found, low=low, high=high, diagnostics=told, cautions=cautions)
