r"""Shift of a mean of cell points between two samples: the characteristic stability index.

.. math:: CSI = \sum_k (q_k - p_k)\, x_k

with p the shares of the reference, q those of the current sample and x the points of the cells: how
many points of the score the population gained or lost through this characteristic. It is linear in
the shares, so its variance is exact, and it has a sign.

References
----------
Siddiqi, N. (2017). Intelligent credit scoring, second edition. Wiley. doi:10.1002/9781119282396
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from infometric.exceptions import DataError
from infometric.functional.base import Caution, Functional
from infometric.state.counts import Counts
from infometric.typing import Array, Units

MOST_SKEW = 0.5  # of the value; beyond it Wald's interval leans to one side


@dataclass(frozen=True, eq=False)
class ShareShift(Functional):
    """Mean points of the second sample less those of the first.

    Parameters
    ----------
    points : ndarray of shape (n_cells,)
        Points of each cell.

    Examples
    --------
    >>> import infometric as im
    >>> from infometric.functional.shift import ShareShift
    >>> s = im.Counts.from_counts([[50, 50], [80, 20]])
    >>> print(im.infer(ShareShift(np.array([10.0, 30.0])), s))
    csi = -6, 95% CI [-8.51, -3.49], p = 2.8e-06, n = 100 + 100
    """

    name: ClassVar[str] = "csi"
    units: ClassVar[Units] = "dimensionless"
    bounds: ClassVar[tuple[float, float]] = (-np.inf, np.inf)
    groups: ClassVar[int] = 2
    signed: ClassVar[bool] = True
    ordered: ClassVar[bool] = True  # points belong to cells
    points: Array

    def terms(self, s: Counts) -> Array:
        """Contribution of each cell, shape (..., n_cells).

        Raises
        ------
        DataError
            Where there is not one number of points for each cell.
        """
        if np.shape(self.points) != s.table.shape[-1:]:
            raise DataError(
                "There must be points for each cell.",
                got={"points": np.shape(self.points), "cells": s.n_cells},
                hint="ShareShift(points) in the order of the cells of the counts",
            )
        return (s.p[..., 1, :] - s.p[..., 0, :]) * self.points

    def value(self, s: Counts) -> Array:
        """Sum of the contributions, shape (...)."""
        return self.terms(s).sum(-1)

    def influence(self, s: Counts) -> Array:
        """Points with the sign of the sample, like ``s.p``."""
        both = np.stack([-self.points, self.points])
        return np.broadcast_to(both, s.table.shape)

    def bias(self, s: Counts) -> Array:
        """None: the value is linear in the shares."""
        return np.zeros(s.table.shape[:-2])

    def leave_one_out(self, s: Counts) -> Array:
        """Values with one record of each cell left out, in O(K)."""
        n = s.n[..., None]
        with np.errstate(divide="ignore", invalid="ignore"):
            moved = s.centre(self.influence(s)) / (n - 1)
        out = self.value(s)[..., None, None] - moved
        return np.where(s.table > 0, out, np.nan)

    def cautions(self, s: Counts) -> tuple[Caution, ...]:
        """Say where few records carry the value, and its law is not near a normal one."""
        psi = s.centre(self.influence(s))
        spread, n = s.variance(self.influence(s)), s.n_eff
        third = ((s.p * psi**3).sum(-1) / n**2).sum(-1)
        with np.errstate(divide="ignore", invalid="ignore"):
            skew = np.where(spread > 0, np.abs(third) / spread**1.5, 0.0)
        if not (skew > MOST_SKEW).any():
            return ()
        text = (
            "a few records with extreme points carry the value: its interval may fail at either "
            "end; merge cells"
        )
        return (Caution("SparseCellWarning", text),)
