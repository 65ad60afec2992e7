r"""Characteristic stability: how many points of a score the population gained or lost, and where.

.. math:: CSI = \sum_k (q_k - p_k)\, x_k

with p and q the shares of reference and current sample in the cells of a characteristic and x the
points a scorecard gives them. The indices of all characteristics of a scorecard add up to the
shift of the mean score.

References
----------
Siddiqi, N. (2017). Intelligent credit scoring, second edition. Wiley. doi:10.1002/9781119282396
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from infometric.credit.cells import BINNED
from infometric.credit.slices import sliced_column
from infometric.credit.stability import CLUSTER, ComparedWithReference
from infometric.exceptions import ColumnError, DataError, and_list
from infometric.functional.shift import ShareShift
from infometric.inference import generator_of, infer
from infometric.result import Result, jsonable
from infometric.sources.counting import Bins
from infometric.state.counts import Counts
from infometric.state.encoders import Binning, Encoder
from infometric.typing import RNG, Array
from infometric.validation import Having, Table

Points = Mapping[str, Any]
POINTS = (Having(Mapping, "a mapping of column to points per cell"),)


class CSI(ComparedWithReference):
    """Characteristic stability index of each column, in points of a score.

    Parameters
    ----------
    points : mapping of str to array-like or mapping
        Points of each characteristic: one number per cell in the order of the encoder's labels, or
        a mapping of label to points.
    bins : int, list of float, Encoder or mapping, default 10
        Cells that the points belong to: the encoders of the scorecard.
    binning, special, categorical, exclude, out_of_range, constant, uncertainty
        As in `PSI`.
    columns : list of str, optional
        Columns to estimate; those with points by default.
    cluster : str, optional
        Column that says which records belong together, as in `PSI`.

    Attributes
    ----------
    encoders_ : dict of str to Encoder
        Cells of each column, frozen.
    state_ : dict of str to Counts
        Counts of the reference.

    Examples
    --------
    >>> import numpy as np
    >>> from infometric import CSI
    >>> x = np.array([[0.0], [0.0], [1.0], [1.0]] * 50)
    >>> shift = CSI(points={"x0": [12, 40, 0]}, bins=[0.5]).fit(x)
    >>> print(shift.estimate(np.vstack([x, x[2:4]]))["x0"])
    csi = 0.1386, 95% CI [-2.598, 2.876], p = 0.921, n = 200 + 202
    """

    _needs_data = "CSI compares two samples, and fit has seen the reference alone."
    _constraints = {k: v for k, v in BINNED.items() if k != "units"} | {
        "points": POINTS,
        "cluster": CLUSTER,
    }

    def __init__(
        self,
        *,
        points: Points,
        bins: Bins = 10,
        binning: Binning = "quantile",
        special: Sequence[float] = (),
        categorical: Sequence[str] | bool = (),
        columns: Sequence[str] | None = None,
        exclude: Sequence[str] = (),
        out_of_range: str = "open",
        constant: str = "raise",
        uncertainty: Any = "auto",
        cluster: str | None = None,
    ) -> None:
        self.points = points
        self.bins = bins
        self.binning = binning
        self.special = special
        self.categorical = categorical
        self.columns = columns
        self.exclude = exclude
        self.out_of_range = out_of_range
        self.constant = constant
        self.uncertainty = uncertainty
        self.cluster = cluster

    def _measure(self) -> str:
        return "csi"

    def _functional(self) -> Any:
        return ShareShift(np.zeros(0))

    def _characteristics(self, table: Table, beside: Sequence[Any]) -> list[str]:
        table.require(list(self.points))
        if not self.points:
            raise DataError(
                "There are points for no column.", got={}, hint="points={'age': [12, 40, 0]}"
            )
        names = super()._characteristics(table, beside)
        if self.columns is None:
            return [n for n in names if n in self.points]
        for name in names:
            if name not in self.points:
                raise ColumnError.missing(name, self.points, where="the points")
        return names

    def _learn(self, X: Any, y: Any, sample_weight: Any) -> dict[str, Any]:
        learned = super()._learn(X, y, sample_weight)
        for name, encoder in learned["encoders_"].items():
            points_of(name, self.points[name], encoder)
        return learned

    def _treated(self, state: dict[str, Counts]) -> dict[str, Counts]:
        return state

    def _infer(self, state: Any, strategy: Any, level: float, rng: RNG) -> Any:
        generator = generator_of(rng)
        found = {}
        for name, s in state.items():
            column = name if name in self.encoders_ else sliced_column(name, self.encoders_)
            found[name] = shifted(
                column, s, self.points, self.encoders_, strategy, level, generator
            )
        if getattr(self, "single_", False) and len(found) == 1:
            return next(iter(found.values()))
        return self._tabulate(found)


def shifted(
    name: str,
    s: Counts,
    points: Points,
    encoders: Mapping[str, Encoder],
    strategy: Any = "auto",
    level: float = 0.95,
    rng: RNG = None,
) -> Result:
    """CSI of one characteristic from the counts of two samples, with its contributions by cell."""
    encoder = encoders[name]
    s = folded(s, encoder)
    functional = ShareShift(points_of(name, points[name], encoder, s.occupied))
    result = infer(functional, s, strategy, level=level, rng=rng, column=name)
    rows = [
        {
            "cell": encoder.labels[k],
            "count_a": s.table[0, k],
            "count_b": s.table[1, k],
            "share_a": s.p[0, k],
            "share_b": s.p[1, k],
            "points": functional.points[k],
            "contribution": functional.terms(s)[k],
        }
        for k in np.flatnonzero(s.occupied)
    ]
    extra = {"groups": ["reference", "current"], "cells": jsonable(rows)}
    return replace(result, diagnostics=result.diagnostics | extra)


def folded(s: Counts, encoder: Encoder) -> Counts:
    """Counts over the encoder's own cells: categories it has not seen are "other" to a score."""
    more = s.n_cells - encoder.n_cells
    if more <= 0:
        return s
    last = encoder.n_cells - 2  # "other"
    onto = np.concatenate([np.arange(last), np.full(more, last), [last, last + 1]])
    return s.merge_cells(onto, encoder.labels)


def points_of(name: str, given: Any, encoder: Encoder, occupied: Array | None = None) -> Array:
    """Points of each cell of one characteristic.

    Parameters
    ----------
    name : str
        Characteristic, for messages.
    given : array-like or mapping
        Numbers in the order of the encoder's labels, or by label.
    encoder : Encoder
        Its cells.
    occupied : ndarray of bool, optional
        Cells that hold a record, and so must have points.

    Raises
    ------
    DataError
        Where points do not fit the cells, are no numbers, or are not there for a cell with records.
    """
    labels = encoder.labels
    if isinstance(given, Mapping):
        unknown = [label for label in map(str, given) if label not in labels]
        if unknown:
            raise DataError(
                f"There are points of {name!r} for cells that it does not have.",
                got=and_list(unknown),
                hint=f"its cells: {and_list(labels)}; bins=scorecard.encoders_ brings those of it",
            )
        by_label = {str(label): value for label, value in given.items()}
        given = [by_label.get(label, np.nan) for label in labels]
    try:
        points = np.asarray(given, dtype=float)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"Points of {name!r} must be numbers.", got=given, hint="{'x': [12, 40, 0]}"
        ) from error
    if points.shape != (len(labels),):
        raise DataError(
            f"There must be points for each cell of {name!r}.",
            got={"points": points.shape, "cells": len(labels)},
            hint="bins=scorecard.encoders_, or a mapping of label to points",
        )
    lost = ~np.isfinite(points)
    if occupied is not None and (lost & occupied).any():
        raise DataError(
            f"Cells of {name!r} hold records and have no points.",
            got=and_list([labels[k] for k in np.flatnonzero(lost & occupied)]),
            hint="give points to every cell, 'other' and 'missing' among them",
        )
    return np.where(lost, 0.0, points)
