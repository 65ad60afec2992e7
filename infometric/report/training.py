"""Pictures of a training history; needs the extra ``plot`` (matplotlib)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from infometric.exceptions import DataError, MissingExtraError
from infometric.history import TrainingHistory

# layers by depth, light and dark alternating in hue so that neighbours differ; readable on white
# and on black
COLOURS = ("#1f78b4", "#d9822b", "#2f9e6b", "#a65fb5", "#c44e52", "#8a97a5")
NAMES = {
    "dse": "diffusion spectral entropy",
    "dsmi": "information about the target",
    "dsmi_input": "information about the input",
    "effective_rank": "effective rank",
}
_GRID = "#8a97a5"
_MARKED = 25  # steps up to which each has a mark


def panels(
    history: TrainingHistory, measures: Sequence[str], layers: Sequence[str], axes: Any = None
) -> Any:
    """Each measure over the steps: a line for each layer, with a band for its interval.

    Parameters
    ----------
    history : TrainingHistory
        What a probe saw.
    measures, layers : sequence of str
        Which of them are drawn.
    axes : sequence of matplotlib.axes.Axes, optional
        One for each measure; a new figure by default, in the colours of matplotlib's style.

    Returns
    -------
    ndarray of matplotlib.axes.Axes

    Raises
    ------
    DataError
        Where nothing has been measured yet, or axes and measures differ in number.
    """
    if not len(history):
        raise DataError("Nothing has been measured yet.", got=len(history), hint="probe.measure()")
    shared = axes is None
    found = _figure(len(measures)) if shared else np.atleast_1d(np.asarray(axes, dtype=object))
    if found.size != len(measures):
        raise DataError(
            "There must be one axes for each measure.",
            got={"axes": int(found.size), "measures": list(measures)},
            hint="plt.subplots(1, len(history.measures))[1]",
        )
    for ax, measure in zip(found.ravel(), measures, strict=True):
        for i, layer in enumerate(layers):
            line(history, layer, measure, ax, COLOURS[i % len(COLOURS)])
        _dress(ax, history, measure, layers)
    if shared and len(layers) > 1:
        first = found.ravel()[0]
        first.figure.legend(
            *first.get_legend_handles_labels(),
            loc="outside lower center",
            ncols=min(len(layers), 5),
            frameon=False,
            title="layer" + _intervals(history),
        )
    return found.ravel()


def line(
    history: TrainingHistory,
    layer: str,
    measure: str,
    ax: Any,
    colour: str,
    label: str | None = None,
) -> None:
    """One layer: values as a line, interrupted where there is none, and intervals as a band.

    A step without a value has a cross on the lower edge.
    """
    known = [
        (s, history[s, layer, measure]) for s in history.steps if (s, layer, measure) in history
    ]
    if not known:
        return
    steps = np.array([s for s, _ in known])
    value, low, high = np.array([(r.value, *r.ci) for _, r in known]).T
    alone = _alone(np.isfinite(value))
    if len(steps) > 1:
        ax.fill_between(steps, low, high, color=colour, alpha=0.25, lw=0)
    if alone.any():  # where no neighbour has a value a band has no width: a bar
        ax.vlines(steps[alone], low[alone], high[alone], color=colour, alpha=0.5, lw=2.5)
    often = len(steps) > _MARKED
    # a line through many steps needs no marks, but for those it does not reach
    ax.plot(
        steps,
        value,
        "-o",
        color=colour,
        ms=3.5,
        lw=1.7,
        label=label or layer,
        markevery=np.flatnonzero(alone).tolist() if often else None,
    )
    lost = steps[~np.isfinite(value)]
    if len(lost):  # on the lower edge, whatever the values are
        edge = ax.get_xaxis_transform()
        ax.scatter(
            lost, np.zeros(len(lost)), marker="x", s=22, color=colour, transform=edge,
            clip_on=False, zorder=3,
        )  # fmt: skip


def _alone(known: Any) -> Any:
    """Which values have no value beside them.

    Examples
    --------
    >>> _alone(np.array([True, False, True, True])).tolist()
    [True, False, False, False]
    """
    beside = np.zeros(len(known), dtype=bool)
    beside[1:] |= known[:-1]
    beside[:-1] |= known[1:]
    return known & ~beside


def _intervals(history: TrainingHistory) -> str:
    """Words on the bands; none where there are none."""
    levels = {r.level for r in history.values() if r.ci.low == r.ci.low}
    return f", {100 * levels.pop():g} % interval" if len(levels) == 1 else ""


def _dress(ax: Any, history: TrainingHistory, measure: str, layers: Sequence[str]) -> None:
    shown = {k: r for k, r in history.items() if k[1] in layers and k[2] == measure}
    known = [r for r in shown.values() if np.isfinite(r.value)]
    steps = sorted({step for step, _, _ in shown})
    units = known[0].units if known else ""
    ax.set_title(NAMES.get(measure, measure.replace("_", " ")), fontsize="medium")
    ax.set_xlabel("training step")
    ax.xaxis.get_major_locator().set_params(integer=True)
    if len(steps) == 1:
        ax.set_xticks(steps)
        ax.set_xlim(steps[0] - 1, steps[0] + 1)
    elif len(known) < len(shown):  # steps without a value do not widen the axis by themselves
        margin = 0.05 * (steps[-1] - steps[0])
        ax.set_xlim(steps[0] - margin, steps[-1] + margin)
    ax.set_ylabel("" if units == "dimensionless" else units)
    if not known:
        ax.text(0.5, 0.5, "no value", transform=ax.transAxes, ha="center", va="center")
        ax.set_yticks([])
    ax.grid(axis="y", color=_GRID, alpha=0.25, lw=0.6)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(length=0)


def _figure(count: int) -> Any:
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise MissingExtraError.of("matplotlib", "plot") from error
    size = (1.0 + 3.0 * count, 3.4)
    return plt.subplots(1, count, figsize=size, layout="constrained", squeeze=False)[1][0]
