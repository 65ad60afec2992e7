"""Plots of results; needs the extra ``plot`` (matplotlib)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from infometric.comparison import EncodingComparison
from infometric.exceptions import DataError, MissingExtraError
from infometric.pairwise import PairwiseResult
from infometric.pareto import VERDICTS, FairnessFrontier
from infometric.result import Result, ResultTable
from infometric.timeline import Timeline

INK, SOFT, ACCENT, OTHER = "#1c2733", "#8a97a5", "#1f6f9f", "#d9822b"
PAPER = "#eef4f8"
_NAME = 28  # letters of a name beside a map
_ESTIMATE = {"value": "", "corrected": " less bias", "se": ", standard error"}


def forest(table: ResultTable, ax: Any = None) -> Any:
    """Values with their intervals, one line per result, the first on top.

    Parameters
    ----------
    table : ResultTable
        Results.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on; new ones by default.

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = _axes(ax, (6.4, 0.9 + 0.34 * len(table)))
    names, results = list(table), list(table.values())
    y = np.arange(len(names))[::-1]
    low = [r.ci.low for r in results]
    high = [r.ci.high for r in results]
    ends = [v for r in results for v in (r.value, *r.ci) if np.isfinite(v)]
    most = max(ends, default=1.0)
    high = [1.05 * most if v == np.inf else v for v in high]  # no bound: to the edge of the axes
    ax.hlines(y, low, high, color=ACCENT, lw=2.2, zorder=2)
    ax.plot([r.value for r in results], y, "o", color=INK, ms=5, zorder=3)
    limits = results[0].diagnostics.get("thresholds", []) if results else []
    for limit in limits:
        ax.axvline(limit, color=SOFT, lw=0.9, ls="--", zorder=1)
    ax.set_yticks(y, names)
    ax.set_ylim(-0.7, len(names) - 0.3)
    unit = results[0].units if results else ""
    measure = results[0].measure.replace("_", " ") if results else ""
    level = f", {100 * results[0].level:g} % interval" if results else ""
    ax.set_xlabel(f"{measure} ({unit}{level})")
    _quiet(ax, "x")
    return ax


def cells(result: Result, ax: Any = None) -> Any:
    """Shares of both groups per cell, as paired bars.

    Parameters
    ----------
    result : Result
        Result of PSI or information value, whose diagnostics hold the cells.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on; new ones by default.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    DataError
        Where the result has no cells.
    """
    rows = result.diagnostics.get("cells")
    if not rows:
        raise DataError(
            f"This {result.measure} carries no cells.",
            got=sorted(result.diagnostics),
            hint="draw a result of psi() or information_value()",
        )
    ax = _axes(ax, (1.6 + 0.62 * len(rows), 3.4))
    x = np.arange(len(rows))
    for shift, key, colour, name in zip(
        (-0.2, 0.2), ("share_a", "share_b"), (SOFT, ACCENT), result.diagnostics["groups"],
        strict=True,
    ):  # fmt: skip
        ax.bar(x + shift, [row[key] for row in rows], 0.38, color=colour, label=name)
    ax.set_xticks(x, [row["cell"] for row in rows], rotation=35, ha="right")
    ax.set_ylabel("share")
    ax.legend(frameon=False)
    _quiet(ax, "y")
    return ax


def heatmap(found: PairwiseResult, ax: Any = None, what: str = "corrected") -> Any:
    """All pairs of columns as a map of colours; the diagonal is left out.

    Colours go with the square root of the value, which for weak dependence goes with correlation.

    Parameters
    ----------
    found : PairwiseResult
        Estimates of all pairs.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on; new ones by default.
    what : str
        Which estimate: "value", "corrected", "ci_low" and so on.

    Returns
    -------
    matplotlib.axes.Axes
    """
    size = len(found.names)
    side = min(2.6 + 0.3 * size, 14.0)
    ax = _axes(ax, (side + 0.8, side))
    from matplotlib.colors import LinearSegmentedColormap, PowerNorm

    values = np.array(getattr(found, what))
    np.fill_diagonal(values, np.nan)
    known = values[np.isfinite(values)]
    most = float(known.max()) if known.size else 0.0
    colours = LinearSegmentedColormap.from_list("infometric", [PAPER, ACCENT, INK])
    image = ax.imshow(
        np.maximum(values, 0.0),
        cmap=colours.with_extremes(bad=(SOFT, 0.35)),
        norm=PowerNorm(0.5, 0.0, most if most > 0 else 1.0),
        interpolation="nearest",
    )
    labels = [name if len(name) <= _NAME else f"{name[: _NAME - 1]}…" for name in found.names]
    font = float(np.clip(330 / size, 3.5, 9))
    ax.set_xticks(range(size), labels, rotation=90, fontsize=font)
    ax.set_yticks(range(size), labels, fontsize=font)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    unit = "" if what.startswith("pvalue") else f" ({found.units})"
    bar = ax.figure.colorbar(image, ax=ax, shrink=0.7, pad=0.02)
    named = _ESTIMATE.get(what, f", {what.replace('_', ' ')}")
    bar.set_label(found.measure.replace("_", " ") + named + unit)
    bar.outline.set_visible(False)
    return ax


def course(timeline: Timeline, name: str, ax: Any = None) -> Any:
    """Values of one column over time with intervals, limits and alarms.

    Parameters
    ----------
    timeline : Timeline
        All periods.
    name : str
        Column.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on; new ones by default.

    Returns
    -------
    matplotlib.axes.Axes
    """
    table = timeline.of(name)
    periods, results = list(table), list(table.values())
    ax = _axes(ax, (float(np.clip(1.6 + 0.5 * len(periods), 5.0, 9.0)), 3.4))
    x = np.arange(len(periods))
    low, high, value = (
        np.array([getattr(r.ci, end) for r in results]) if end != "value"
        else np.array([r.value for r in results])
        for end in ("low", "high", "value")
    )  # fmt: skip
    most = float(np.max(np.where(np.isfinite(high), high, value), initial=0.0))
    ax.fill_between(x, low, np.where(np.isposinf(high), 1.2 * most, high), color=ACCENT, alpha=0.18)
    ax.plot(x, value, "-o", color=ACCENT, mfc=INK, mec=INK, ms=4.5, lw=1.6)
    limits = results[0].diagnostics.get("thresholds", [])
    for limit in limits:
        if limit <= 1.6 * most or limit == min(limits):
            ax.axhline(limit, color=SOFT, lw=0.9, ls="--", zorder=1)
    alarmed = [i for i, r in enumerate(results) if r.diagnostics.get("alarm")]
    if alarmed:
        ax.plot(alarmed, value[alarmed], "^", color=OTHER, ms=9, label="alarm", zorder=4)
        ax.legend(frameon=False)
    step = int(np.ceil(len(periods) / 9))
    ax.set_xticks(x[::step], periods[::step])
    ax.set_ylim(bottom=0)
    ax.set_ylabel(f"{results[0].measure.replace('_', ' ')} of {name} ({results[0].units})")
    _quiet(ax, "y")
    return ax


def roc(found: EncodingComparison, ax: Any = None) -> Any:
    """Receiver operating characteristics of several models on one test sample.

    Parameters
    ----------
    found : EncodingComparison
        Models with their curves.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on; new ones by default.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    DataError
        Where the comparison holds no curves.
    """
    if not found.curves:
        raise DataError(
            "This comparison holds no curves.",
            got=found.models,
            hint="draw a result of compare_encodings()",
        )
    sample = found.samples[-1]
    areas = {m: found.measures[f"{m} / {sample} / auc"].value for m in found.curves}
    return roc_curves(found.curves, areas, ax, "events")


def roc_curves(
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    areas: Mapping[str, float],
    ax: Any = None,
    events: str = "members",
) -> Any:
    """Receiver operating characteristics by name.

    Parameters
    ----------
    curves : mapping of str to pair of sequences
        False and true positive rates.
    areas : mapping of str to float
        Area under each.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on; new ones by default.
    events : str
        What the axes call those to be found.

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = _axes(ax, (5.0, 4.6))
    styles = [(c, s) for s in ("-", "--", ":") for c in (ACCENT, OTHER, INK, SOFT)]
    if len(curves) <= 3:  # told apart without colour too
        styles = list(zip((ACCENT, OTHER, INK), ("-", "--", ":"), strict=True))
    for (name, (false, true)), (colour, style) in zip(curves.items(), styles, strict=False):
        text = f"{name.replace('_', ' ')}, {areas[name]:.3f}"
        ax.plot(false, true, style, color=colour, lw=1.6, label=text)
    ax.plot([0, 1], [0, 1], color=SOFT, lw=0.8)
    ax.set_xlabel(f"share of non-{events} at or above")
    ax.set_ylabel(f"share of {events} at or above")
    ax.set_aspect("equal")
    ax.legend(frameon=False, loc="lower right", title="area under the curve")
    _quiet(ax, "y")
    return ax


def frontier(found: FairnessFrontier, comparison: str, ax: Any = None) -> Any:
    """Performance over protected information, with the intervals of both.

    Parameters
    ----------
    found : FairnessFrontier
        Points of a frontier.
    comparison : str
        Which protected comparison.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on; new ones by default.

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = _axes(ax, (6.4, 4.2))
    performance = [point.performance for point in found]
    protected = [point.protected[comparison] for point in found]
    x, y = np.array([r.value for r in protected]), np.array([r.value for r in performance])
    ax.errorbar(
        x, y, _ends(performance), _ends(protected), fmt="none", ecolor=ACCENT, elinewidth=1.4
    )
    ax.plot(x, y, color=ACCENT, lw=1.2)
    for verdict, marker in zip(VERDICTS, "oDX", strict=True):
        here = np.array([r.diagnostics["verdict"] == verdict for r in protected])
        if here.any():
            ax.plot(x[here], y[here], marker, color=INK, ms=6, ls="none", label=verdict)
    ax.plot(
        [point.in_sample["protected"][comparison] for point in found],
        [point.in_sample["performance"] for point in found],
        "o--", color=SOFT, mfc="none", ms=5, lw=0.8, label="where the bins were chosen",
    )  # fmt: skip
    level = 100 * performance[0].level
    ax.set_xlabel(f"protected information (nats, {level:g} % interval)")
    ax.set_ylabel("information about the target (nats)")
    ax.set_title(comparison, fontsize="medium")
    ax.legend(frameon=False, loc="lower right")
    _quiet(ax, "y")
    return ax


def _ends(results: Sequence[Result]) -> Any:
    """Distances from values to the ends of their intervals; none where an end is not known."""
    ends = np.array([[r.value - r.ci.low, r.ci.high - r.value] for r in results]).T
    return np.where(np.isfinite(ends), np.maximum(ends, 0.0), 0.0)


def _axes(ax: Any, size: tuple[float, float]) -> Any:
    if ax is not None:
        return ax
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise MissingExtraError.of("matplotlib", "plot") from error
    return plt.subplots(figsize=size, layout="constrained")[1]


def _quiet(ax: Any, axis: str) -> None:
    ax.grid(axis=axis, color=SOFT, alpha=0.25, lw=0.6)
    ax.set_axisbelow(True)
    for side in ("top", "right", "left" if axis == "x" else "bottom"):
        ax.spines[side].set_visible(False)
    ax.tick_params(length=0)
