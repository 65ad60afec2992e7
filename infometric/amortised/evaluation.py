r"""How far off the estimates are on families that were left out, beside classical estimators.

The rivals are read from the portrait: KSG with three neighbours among the normal scores; the
information of a normal law of the ranks, corrected for its bias, and shrunk only where there are
fewer rows than columns (of the choices tried the one with the least error); their blend, with the
weight :math:`1/(1+e^{4-r})` of the latter at :math:`r = n/(d_x+d_y+2)`; and the blend whose weight
is the best one in each bin of n, in hindsight.

References
----------
Kraskov, A., Stögbauer, H., Grassberger, P. (2004). Estimating mutual information. Physical Review E
69, 066138. doi:10.1103/PhysRevE.69.066138
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.special import expit

from infometric.amortised.network import LEVELS, MIDDLE, heads, quantiles_of, released
from infometric.amortised.table import Table
from infometric.functional.portrait import names
from infometric.typing import Array

BINS = ((10, 100), (100, 300), (300, 500), (500, 10_001))
NOMINAL = (0.5, 0.8, 0.9, 0.95)
RIVALS = ("ksg", "rank_gaussian", "blend", "best_blend")
TOGETHER = 20_000  # tasks whose quantiles are computed at a time

Row = dict[str, Any]


def classical(table: Table) -> dict[str, Array]:
    """Estimates of the rivals, nats, not below zero."""
    of = {name: table.features[:, i].astype(float) for i, name in enumerate(names())}
    ksg = of["scores, 3, information"].clip(0)
    columns = table.dx + table.dy
    normal = of["normal, corrected"].clip(0)
    share = expit(table.n / (columns + 2) - 4)
    return {
        "ksg": ksg,
        "rank_gaussian": normal,
        "blend": share * normal + (1 - share) * ksg,
        "best_blend": _best_blend(table, ksg, normal),
    }


def _best_blend(table: Table, one: Array, other: Array) -> Array:
    """Blend of the least squared error in each bin of n, every family of one weight."""
    out = one.copy()
    for low, high in BINS:
        here = np.flatnonzero((table.n >= low) & (table.n < high))
        if not len(here):
            continue
        family = table.family[here]
        weight = 1.0 / np.bincount(family)[family]
        apart = other[here] - one[here]
        wanted = (weight * apart * (table.truth[here] - one[here])).sum()
        share = np.clip(wanted / max((weight * apart**2).sum(), 1e-12), 0, 1)
        out[here] += share * apart
    return out


def left_out(network: Mapping[str, Array], table: Table, seen: Array) -> Array:
    """Quantiles of every task by the members that never saw its family, (tasks, levels), nats.

    Parameters
    ----------
    network : mapping of str to array
        Weights of all members.
    table : Table
        Tasks.
    seen : array of shape (members, families), bool
        Which families a member was fitted to.

    Examples
    --------
    >>> import numpy as np
    >>> from infometric.amortised.fitting import Settings, assignment, initial
    >>> settings = Settings(members=3, hidden=(4, 4), left_out=1)
    >>> table = Table.of(np.ones((5, len(names()))), np.ones(5), 0.0, "toy", n=50, dx=1, dy=1)
    >>> found = left_out(initial(table, settings), table, assignment(1, settings))
    >>> found.shape, bool((np.diff(found) >= 0).all())
    ((5, 9), True)
    """
    out = np.empty((len(table), len(LEVELS)), np.float32)
    for start in range(0, len(table), TOGETHER):
        part = slice(start, start + TOGETHER)
        t = quantiles_of(heads(network, table.features[part]), table.features[part])
        judges = ~seen[:, table.family[part]]
        out[part] = released((t * judges[..., None]).sum(0) / judges.sum(0)[:, None])
    return out


def scores(table: Table, quantiles: Array, flagged: Array | None = None) -> list[Row]:
    """Squared error and coverage of every family and bin of n.

    Returns
    -------
    list of dict
        ``family``, ``rows`` (from, below), ``tasks``, ``mse`` of ours and of the rivals (nats
        squared), ``coverage`` at every nominal level, ``flagged`` (share out of support), and
        coverage of those ``unflagged``.
    """
    flagged = np.zeros(len(table), bool) if flagged is None else flagged
    estimates = {"mist": quantiles[:, MIDDLE], **classical(table)}
    square = {name: (value - table.truth) ** 2 for name, value in estimates.items()}
    inside = {level: _covered(table.truth, quantiles, level) for level in NOMINAL}
    out = []
    for place, family in enumerate(table.families):
        for low, high in BINS:
            rows = np.flatnonzero((table.family == place) & (table.n >= low) & (table.n < high))
            if not len(rows):
                continue
            out.append(
                {
                    "family": family,
                    "rows": [low, high],
                    "tasks": len(rows),
                    "mse": {name: float(v[rows].mean()) for name, v in square.items()},
                    "coverage": _shares(inside, rows),
                    "flagged": float(flagged[rows].mean()),
                    "unflagged": _shares(inside, rows[~flagged[rows]]),
                }
            )
    return out


def _shares(inside: dict[float, Array], rows: Array) -> dict[str, float]:
    return {f"{k:g}": float(v[rows].mean()) for k, v in inside.items()} if len(rows) else {}


def _covered(truth: Array, quantiles: Array, level: float) -> Array:
    low = LEVELS.index(round((1 - level) / 2, 6))
    return (quantiles[:, low] <= truth) & (truth <= quantiles[:, len(LEVELS) - 1 - low])


def by_rows(found: list[Row]) -> list[Row]:
    """Means over families, each of one weight, in every bin of n."""
    out = []
    for low, high in BINS:
        here = [row for row in found if row["rows"] == [low, high]]
        if not here:
            continue
        out.append(
            {
                "rows": [low, high],
                "families": len(here),
                "tasks": sum(row["tasks"] for row in here),
                **{key: _mean([row[key] for row in here]) for key in ("mse", "coverage")},
                "flagged": float(np.mean([row["flagged"] for row in here])),
            }
        )
    return out


def _mean(rows: list[dict[str, float]]) -> dict[str, float]:
    return {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}


def worse(bins: list[Row]) -> list[str]:
    """Bins of n in which a rival is better, in words: what ends a run.

    Examples
    --------
    >>> rivals = {"ksg": 0.5, "rank_gaussian": 0.3, "blend": 0.4, "best_blend": 0.3}
    >>> bins = [{"rows": [10, 100], "mse": {"mist": 0.2, **rivals}},
    ...         {"rows": [100, 300], "mse": {"mist": 0.35, **rivals}}]
    >>> worse(bins)
    ['n 100-299: 0.35, and 0.3 of rank gaussian']
    """
    out = []
    for row in bins:
        best = min(RIVALS, key=lambda name: row["mse"][name])
        if not row["mse"]["mist"] <= row["mse"][best]:  # an error that is no number loses too
            low, high = row["rows"]
            out.append(
                f"n {low}-{high - 1}: {row['mse']['mist']:.3g}, and {row['mse'][best]:.3g} of "
                f"{best.replace('_', ' ')}"
            )
    return out
