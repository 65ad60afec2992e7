"""Pictures of learning curves; needs the extra ``plot`` (matplotlib)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from infometric.curves import LearningCurves
from infometric.exceptions import DataError, MissingExtraError
from infometric.extrapolation import Extrapolation
from infometric.report.training import COLOURS
from infometric.result import NATS_PER, check_units


def learning(curves: LearningCurves, ax: Any = None) -> Any:
    """Validation values of each fold over the epochs, training values thin behind them.

    Raises
    ------
    DataError
        Where no epoch was trained.
    MissingExtraError
        Where matplotlib is not installed.
    """
    if not len(curves):
        raise DataError("No epoch was trained.", got=0, hint="NeuralMI().fit(x, y)")
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise MissingExtraError.of("matplotlib", "plot") from error
    if ax is None:
        _, ax = plt.subplots(layout="constrained")
    folds = sorted({int(r["fold"]) for r in curves})
    for k in folds:
        mine = [r for r in curves if int(r["fold"]) == k]
        epochs = [r["epoch"] for r in mine]
        colour = COLOURS[k % len(COLOURS)]
        ax.plot(epochs, [r["train"] for r in mine], color=colour, lw=0.9, alpha=0.7)
        ax.plot(epochs, [r["validation"] for r in mine], color=colour, label=f"fold {k + 1}")
        if k < len(curves.best):
            at = curves.best[k]
            kept = next((r["validation"] for r in mine if r["epoch"] == at), None)
            if kept is not None:
                ax.plot([at], [kept], "o", color=colour, ms=5)
    title = "thick: validation, thin: training, dot: weights kept"
    ax.set(xlabel="epoch", ylabel="bound (nats)", title=title)
    _keep_in_sight(ax, [r[side] for r in curves for side in ("train", "validation")])
    ax.legend(frameon=False)
    return ax


def _keep_in_sight(ax: Any, values: list[float]) -> None:
    """Cut off the depths that a training which diverges falls to."""
    finite = [v for v in values if math.isfinite(v)]
    top = max(finite, default=0.0)
    least = -1.0 - abs(top)
    if min(finite, default=0.0) < least:
        ax.set_ylim(least, top + 0.05 * (top - least))


def extrapolation(found: Extrapolation, ax: Any = None, units: str = "nats") -> Any:
    """Values on held-out and training rows against 1/N, and the lines to infinitely many rows.

    Raises
    ------
    InvalidParameterError
        Where the units are none of information.
    MissingExtraError
        Where matplotlib is not installed.
    """
    check_units(units)
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise MissingExtraError.of("matplotlib", "plot") from error
    if ax is None:
        _, ax = plt.subplots(layout="constrained")
    one = NATS_PER[units]
    rows = {g: np.mean([t.rows for t in found if t.gamma == g]) for g in found.gammas}
    first = rows[min(rows)]
    lines = found.lines
    top = max(found.gammas) / first
    for kind, slope, colour in (
        ("held", -lines.held_slope, COLOURS[0]),
        ("train", lines.train_slope, COLOURS[1]),
    ):
        name = "held-out rows" if kind == "held" else "rows trained on"
        ax.plot([1 / t.rows for t in found], [getattr(t, kind) / one for t in found], "o", ms=4,
                color=colour, alpha=0.45)  # fmt: skip
        for g in found.gammas:  # hollow where the lines leave it out
            filled = colour if g in found.used else "none"
            told = name if g == found.used[0] else None
            ax.plot([1 / rows[g]], [found.mean(g, kind) / one], "D", ms=7, color=colour, mfc=filled,
                    label=told)  # fmt: skip
        ends = [lines.intercept / one, (lines.intercept + slope * top * first) / one]
        ax.plot([0, top], ends, color=colour)
    ax.plot([0], [lines.intercept / one], "*", ms=14, color=COLOURS[2], zorder=5, clip_on=False,
            label=f"infinitely many: {lines.intercept / one:.3g}")  # fmt: skip
    verdict = (
        "reliable" if found.reliable else "not reliable: " + ", ".join(c.name for c in found.failed)
    )
    ax.set(xlabel="1 / rows a critic had", ylabel=f"mutual information ({units})", title=verdict)
    levels = list(rows.values())
    ax.set_xticks([0, *(1 / m for m in levels)], ["0", *(f"1/{m:.0f}" for m in levels)])
    ax.set_xlim(left=0)
    ax.legend(frameon=False)
    return ax
