"""Pictures of learning curves; needs the extra ``plot`` (matplotlib)."""

from __future__ import annotations

from typing import Any

from infometric.curves import LearningCurves
from infometric.exceptions import DataError, MissingExtraError
from infometric.report.training import COLOURS


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
        ax.plot(epochs, [r["train"] for r in mine], color=colour, lw=0.7, alpha=0.5)
        ax.plot(epochs, [r["validation"] for r in mine], color=colour, label=f"fold {k + 1}")
        if k < len(curves.best):
            at = curves.best[k]
            kept = next((r["validation"] for r in mine if r["epoch"] == at), None)
            if kept is not None:
                ax.plot([at], [kept], "o", color=colour, ms=5)
    ax.set(xlabel="epoch", ylabel="bound (nats)", title="validation (thick) and training (thin)")
    ax.legend(frameon=False)
    return ax
