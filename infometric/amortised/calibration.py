r"""Calibration: margins of the intervals, and the support, from families that were left out.

A member's intervals of a family that it never saw are too narrow by as much as families differ, and
more so at one end. On the scale T of the network, the scores of a task are how far the truth lies
beyond either end of an interval, in widths of the interval with some slack,

.. math:: s_- = \frac{q_p - T(I)}{q_{1-p} - q_p + .2},\qquad
          s_+ = \frac{T(I) - q_{1-p}}{q_{1-p} - q_p + .2},

negative inside. The quantile of the scores of an end over all families but one, each of the same
weight, times the same width is the margin of this end: it shrinks where the network is sure.
Samples of one kind have margins of their own: with ties, or whose rows are long in X where they are
in Y (a scale in common), or of neither, and by the columns of the narrower side. As the unit is the
family, of which K have samples of a kind, the interval's level is
:math:`(1 - 2p)(K + 1) / K`, so much more for the family to come (Lee, Barber and Willett 2023), but
half of what the level leaves out is left out: of few families it would be nothing, and the margin
that of the oddest task. Of what intervals of 90 % and more would leave out, eight in a hundred are
not left out either, for the sake of the families that are worst. Each end may be missed in half of
the rest. What is reported of a family uses the margins of the others alone.

References
----------
Romano, Y., Patterson, E., Candès, E. (2019). Conformalized quantile regression. Advances in Neural
Information Processing Systems 32. arXiv:1905.03222
Lee, Y., Barber, R. F., Willett, R. (2023). Distribution-free inference with hierarchical data.
arXiv:2306.06342
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from infometric.amortised.evaluation import classical
from infometric.amortised.network import LEVELS, MIDDLE, released, squeezed
from infometric.amortised.table import Table
from infometric.functional.portrait import names
from infometric.typing import Array

ANCHOR = "blend"  # classical estimate that an interval out of support holds too
FAR = 0.99  # share of the tasks that is within the support
RIDGE = 1e-2  # of the variances of the features, below which a direction is noise
SLACK = 0.2  # on the scale T, so that no margin is nothing
FEW_TIES = 0.05  # share of tied values from which a sample has the margins of ties
WIDER = (2, 5)  # columns of the narrower side from which a sample has margins of its own
ALIKE = 0.5  # correlation of the logarithms of norms from which X and Y have a scale in common
LEFT = 0.5  # share of what a level leaves out that is left out whatever the allowance
WORST = 0.92  # of what intervals of 90 % and more leave out, so much: for the family that is worst
KINDS = 3 * (len(WIDER) + 1)  # plain, of one scale, and with ties
_TIES = ("ties:x", "ties:y")
_COLUMNS = ("log columns:x", "log columns:y")
_NORMS = "log norms, correlation"


@dataclass(frozen=True)
class Judged:
    """Tasks, and what is said of them by who never saw their family.

    Parameters
    ----------
    table : Table
        Tasks.
    quantiles : array of shape (tasks, levels)
        By members that never saw the family, nats; see `infometric.amortised.evaluation.left_out`.
    hidden : array of shape (families, families), bool, optional
        Families that are left out with each, itself among them; itself alone by default.
    """

    table: Table
    quantiles: Array
    hidden: Array | None = None

    def calibration(self, chosen: Array | slice = slice(None)) -> dict[str, Array]:
        """Calibration by the chosen tasks, by all of them by default: arrays by name."""
        scores, kind, z = self._known
        centre, whitening, limit = support(z[chosen])
        return {
            "margins": margins_of(scores[chosen], self.table.family[chosen], kind[chosen]),
            "slack": np.asarray(SLACK),
            "centre": centre,
            "whitening": whitening,
            "limit": np.asarray(limit),
        }

    def of_others(self, asked: Table, quantiles: Array) -> tuple[Array, Array]:
        """Other tasks, each after calibration by the families that are not left out with its own.

        Parameters
        ----------
        asked : Table
            Tasks of some of the families.
        quantiles : array of shape (tasks, levels)
            By members that never saw the family, nats.

        Returns
        -------
        (array of shape (tasks, levels), array of shape (tasks,))
            Quantiles, nats, and which tasks are out of support.
        """
        out, flagged = quantiles.astype(float), np.zeros(len(asked), bool)
        known = self.table.families
        hidden = np.eye(len(known), dtype=bool) if self.hidden is None else self.hidden
        for place, name in enumerate(asked.families):
            mine = asked.family == place
            # nor what other families made of it
            others = self.table.seen_by(~hidden[known.index(name), None])[0]
            if others.any() and mine.any():
                found = self.calibration(others)
                out[mine], flagged[mine] = _applied(found, asked.rows(mine), quantiles[mine])
        return out, flagged

    @cached_property
    def _known(self) -> tuple[Array, Array, Array]:
        t, truth = (squeezed(v.astype(float)) for v in (self.quantiles, self.table.truth))
        z = squeezed(self.table.features.astype(float))
        return scores_of(t, truth), kinds(self.table.features), z


def _applied(found: dict[str, Array], table: Table, quantiles: Array) -> tuple[Array, Array]:
    t, z = (squeezed(v.astype(float)) for v in (quantiles, table.features))
    flagged = _distance(z, found["centre"], found["whitening"]) > found["limit"]
    out = released(moved(t, found["margins"], kinds(table.features), SLACK))
    out[flagged] = holding(out[flagged], classical(table)[ANCHOR][flagged])
    return out, flagged


def scores_of(t: Array, truth: Array) -> Array:
    """How far each truth lies beyond both ends of each central interval, (tasks, 2, intervals)."""
    low, high = t[:, :MIDDLE], t[:, :MIDDLE:-1]
    width = high - low + SLACK
    low = np.where(low > 0, low, -np.inf)  # from zero on nothing is left out below
    return np.stack([(low - truth[:, None]) / width, (truth[:, None] - high) / width], axis=1)


def margins_of(scores: Array, family: Array, kind: Array) -> Array:
    """Margins of the levels for each kind of sample, shape (KINDS, levels).

    Each family weighs one. A kind that no family has gets the margins of all.
    """
    nominal = np.array(LEVELS)[:MIDDLE:-1] - np.array(LEVELS)[:MIDDLE]
    nominal = np.where(nominal > 0.85, 1 - WORST * (1 - nominal), nominal)
    out = np.zeros((KINDS, len(LEVELS)))
    for k in range(KINDS):
        own = kind == k if (kind == k).any() else np.ones(len(kind), bool)
        count = len(np.unique(family[own]))
        wanted = np.minimum(nominal * (count + 1) / count, 1 - LEFT * (1 - nominal))
        wanted = 1 - (1 - wanted) / 2
        low, high = (_by_family(scores[own, end], family[own], wanted) for end in (0, 1))
        out[k, :MIDDLE], out[k, :MIDDLE:-1] = -low, high
    return out


def _by_family(scores: Array, family: Array, wanted: Array) -> Array:
    weight = 1.0 / np.bincount(family)[family]
    out = np.empty(len(wanted))
    for i, level in enumerate(wanted):
        order = np.argsort(scores[:, i])
        share = np.cumsum(weight[order])
        at = np.searchsorted(share, level * share[-1])
        out[i] = scores[order[min(at, len(order) - 1)], i]
    return out


def kinds(features: Array) -> Array:
    """Kind of each sample: plain, one scale or ties, each by the columns of the narrower side."""
    of = {name: features[:, names().index(name)] for name in (*_TIES, *_COLUMNS, _NORMS)}
    ties = np.any([of[name] > FEW_TIES for name in _TIES], axis=0)
    state = np.where(ties, 2, of[_NORMS] > ALIKE)
    columns = np.rint(np.exp(np.min([of[name] for name in _COLUMNS], axis=0)))
    found: Array = (len(WIDER) + 1) * state + np.searchsorted(WIDER, columns, side="right")
    return found


def moved(t: Array, margins: Array, kind: Array, slack: float | None = None) -> Array:
    """Quantiles with their margins, (tasks, levels), on the scale T, in order.

    Margins are those of all kinds, or of each, (KINDS, levels); in widths of the intervals and this
    slack, or, of none, on the scale itself.
    """
    margins = of_kind(margins, kind)
    if slack is not None:
        margins = margins * (np.abs(t - t[:, ::-1]) + slack)
    found = t + margins
    found[:, :MIDDLE] = np.where(t[:, :MIDDLE] > 0, found[:, :MIDDLE], 0.0)
    found[:, MIDDLE:] = np.maximum.accumulate(found[:, MIDDLE:], 1)
    found[:, MIDDLE::-1] = np.minimum.accumulate(found[:, MIDDLE::-1], 1)
    return found


def of_kind(margins: Array, kind: Array) -> Array:
    """Margins of samples, (tasks, levels)."""
    margins = np.atleast_2d(margins)
    found: Array = margins[kind if len(margins) > 1 else np.zeros_like(kind)]
    return found


def holding(quantiles: Array, anchors: Array) -> Array:
    """Quantiles, nats, whose intervals hold a classical estimate too; the median stays.

    Of samples out of support the median was nearer to the truth than the classical estimates for
    most families left out, not for all; how far off it may be is not known.

    Examples
    --------
    >>> found = holding(np.linspace(0.5, 2.5, 9)[None], np.array([2.0]))[0]
    >>> bool(found[4] == 1.5 and found[0] == 0.5 and found[5] > 2.0)
    True
    """
    t, a = squeezed(quantiles), squeezed(anchors)[:, None]
    apart = a - t[:, MIDDLE, None]
    t[:, :MIDDLE] += np.minimum(apart, 0.0)
    t[:, MIDDLE + 1 :] += np.maximum(apart, 0.0)
    found: Array = released(t)
    found[:, MIDDLE] = quantiles[:, MIDDLE]
    kept = np.where(np.arange(len(LEVELS)) < MIDDLE, apart >= 0, apart <= 0)
    return np.where(kept, quantiles, found)


def support(z: Array) -> tuple[Array, Array, float]:
    """Centre, directions and limit of what is called known."""
    centre = z.mean(0)
    values, vectors = np.linalg.eigh(np.cov(z.T))
    whitening = vectors / np.sqrt(np.maximum(values, 0.0) + RIDGE * values.mean())
    return centre, whitening, float(np.quantile(_distance(z, centre, whitening), FAR))


def _distance(z: Array, centre: Array, whitening: Array) -> Array:
    return np.sqrt((((z - centre) @ whitening) ** 2).sum(-1))
