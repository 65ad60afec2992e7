r"""Calibration: margins of the quantiles, and the support, from families that were left out.

A member's quantiles of a family that it never saw are too narrow by as much as families differ. On
the scale T of the network, the margin of level p is the p-quantile of the residuals
:math:`T(I) - T(q_p)` of such predictions, every family of one weight (conformal prediction, with
families as the unit). What is reported of a family uses the margins of the others alone.

References
----------
Romano, Y., Patterson, E., Candès, E. (2019). Conformalized quantile regression. Advances in Neural
Information Processing Systems 32. arXiv:1905.03222
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from infometric.amortised.network import LEVELS, released, squeezed
from infometric.amortised.table import Table
from infometric.typing import Array

FAR = 0.999  # share of the tasks that is within the support
RIDGE = 1e-2  # of the variances of the features, below which a direction is noise


def calibrated(
    network: Mapping[str, Array], table: Table, quantiles: Array
) -> tuple[dict[str, Array], Array, Array]:
    """Calibration of all families, and what that of the others says of each.

    Parameters
    ----------
    network : mapping of str to array
        Weights of all members.
    table : Table
        Tasks.
    quantiles : array of shape (tasks, levels)
        By members that never saw the family, nats; see `infometric.amortised.evaluation.left_out`.

    Returns
    -------
    (dict of str to array, array of shape (tasks, levels), array of shape (tasks,))
        Arrays that go with the weights; quantiles after calibration by the other families, nats;
        and which tasks are out of the support of the others.
    """
    t = squeezed(quantiles.astype(float))
    residuals = squeezed(table.truth.astype(float))[:, None] - t
    z = squeezed(table.features.astype(float))
    out, flagged = t.copy(), np.zeros(len(table), bool)
    for place in range(len(table.families)):
        mine = table.family == place
        if mine.all() or not mine.any():
            continue
        margins = _margins(residuals[~mine], table.family[~mine])
        out[mine] = np.maximum.accumulate(t[mine] + margins, -1)
        centre, whitening, limit = support(z[~mine])
        flagged[mine] = _distance(z[mine], centre, whitening) > limit
    centre, whitening, limit = support(z)
    arrays = {
        "margins": _margins(residuals, table.family),
        "centre": centre,
        "whitening": whitening,
        "limit": np.asarray(limit),
    }
    return arrays, released(out), flagged


def _margins(residuals: Array, family: Array) -> Array:
    """Quantile of every level of its residuals, each family of one weight."""
    weight = 1.0 / np.bincount(family)[family]
    out = np.empty(len(LEVELS))
    for i, level in enumerate(LEVELS):
        order = np.argsort(residuals[:, i])
        share = np.cumsum(weight[order])
        out[i] = residuals[order[np.searchsorted(share, level * share[-1])], i]
    return out


def support(z: Array) -> tuple[Array, Array, float]:
    """Centre, directions and limit of what is called known."""
    centre = z.mean(0)
    values, vectors = np.linalg.eigh(np.cov(z.T))
    whitening = vectors / np.sqrt(np.maximum(values, 0.0) + RIDGE * values.mean())
    return centre, whitening, float(np.quantile(_distance(z, centre, whitening), FAR))


def _distance(z: Array, centre: Array, whitening: Array) -> Array:
    return np.sqrt((((z - centre) @ whitening) ** 2).sum(-1))
