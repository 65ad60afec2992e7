r"""Extrapolation of held-out and training values to infinitely many rows, and what it is worth.

A critic trained on m rows is worth less than the information on rows that it has not seen, and
more on those that it has seen. To first order in 1/m both lines meet at the information,

.. math:: T(\gamma) = I - b \gamma, \qquad R(\gamma) = I + a \gamma,
   \qquad \gamma = m_1 / m,

as the log likelihood does within and without the sample (Akaike 1973). They are fitted together,
with one intercept. Their distance at :math:`\gamma = 1` is the scale of what the fit cannot know;
the share of it that enters the interval was calibrated by simulation, as was what the interval
allows for where the two values and the intercept disagree (`infometric.neural.reliable`).

References
----------
Akaike, H. (1973). Information theory and an extension of the maximum likelihood principle.
doi:10.1007/978-1-4612-1694-0_15
Abdelaleem, E., Martini, K. M., Nemenman, I. (2025). Accurate estimation of mutual information in
high dimensional data. arXiv:2506.00330
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

import numpy as np

from infometric.functional.base import Caution
from infometric.functional.bounds import DebiasedInfoNCE
from infometric.functional.learned import LearnedBound
from infometric.state.critic import CriticScores
from infometric.state.scores import Scores
from infometric.typing import Array


class Lines(NamedTuple):
    """Two lines that meet at gamma = 0."""

    intercept: float
    held_slope: float
    train_slope: float


def joint_lines(gamma: Any, held: Any, train: Any, weights: Any = None) -> Lines:
    """Least squares of both lines with one intercept.

    Parameters
    ----------
    gamma, held, train : array-like of shape (n_levels,)
        How many times fewer rows, and values on rows not seen and seen.
    weights : array-like, optional
        Of the levels; ``1 / gamma`` by default, as values of fewer rows are less sure.

    Examples
    --------
    >>> joint_lines([1, 2, 4], [0.9, 0.8, 0.6], [1.05, 1.1, 1.2]).intercept.__round__(12)
    1.0
    """
    g, t, r = (np.asarray(v, dtype=float) for v in (gamma, held, train))
    w = np.sqrt(np.tile(1 / g if weights is None else np.asarray(weights, dtype=float), 2))
    one, none = np.ones_like(g), np.zeros_like(g)
    design = np.vstack([np.column_stack([one, -g, none]), np.column_stack([one, none, g])])
    found = np.linalg.lstsq(design * w[:, None], np.concatenate([t, r]) * w, rcond=None)[0]
    return Lines(*(float(v) for v in found))


def seen_value(within: Array, across: Array) -> float:
    """Debiased noise-contrastive value of pairs against partners from elsewhere, one reading.

    Parameters
    ----------
    within : ndarray of shape (m,)
        Scores of the pairs.
    across : ndarray of shape (m, k)
        Scores of each x against k partners that are not its own.

    Notes
    -----
    The number of partners is that of the held-out rows whatever m is, so that the ceiling
    log(k + 1) does not change with it.
    """
    half = across.shape[1] // 2
    whole = _to_second_order(within, across)
    if half < 2:
        return whole
    parts = (across[:, : 2 * half : 2], across[:, 1 : 2 * half : 2])
    return 2 * whole - sum(_to_second_order(within, part) for part in parts) / 2


def _to_second_order(within: Array, across: Array) -> float:
    """Value with the first part of the correction of `DebiasedInfoNCE`."""
    f = np.column_stack([within, across])
    top = f.max(axis=1, keepdims=True)
    shares = np.exp(f - top)
    total = shares.sum(axis=1)
    n = f.shape[1]
    value = within - top[:, 0] - np.log(total / n)
    squares = ((shares / total[:, None]) ** 2).sum(axis=1)
    return float(value.mean() + ((n * squares - 1) / (2 * n)).mean())


@dataclass(frozen=True)
class Extrapolated(LearnedBound):
    """Held-out value, moved to where the lines meet, with the error of having moved it.

    Parameters
    ----------
    bound, flags
        As in `LearnedBound`.
    correction : float
        What is added to the held-out value, nats.
    extra : float
        Standard deviation of what the correction cannot know, nats.
    known : dict
        Facts of the protocol: checks, verdict, slopes.
    """

    beyond_rows: ClassVar[bool] = True
    correction: float = 0.0
    extra: float = 0.0
    known: dict[str, Any] = field(default_factory=dict)

    def value(self, s: Scores) -> Array:
        """Mean influence value, and the correction."""
        return np.asarray(s.mean + self.correction)

    def variance(self, s: CriticScores) -> Array:
        """Variance over rows, and that of the correction."""
        return np.asarray(s.variance(np.ones(())) + self.extra**2)

    def cautions(self, s: CriticScores) -> tuple[Caution, ...]:
        """Flags of the data and of the checks."""
        return self.flags

    def facts(self, s: CriticScores) -> dict[str, Any]:
        """What the protocol found, beside the facts of the bound."""
        told = {
            "interval_of": "the mutual information",
            "held_out": float(s.mean),
            "se_of_rows": float(np.sqrt(s.variance(np.ones(())))),
            "se_of_extrapolation": self.extra,
        }
        return super().facts(s) | self.known | told


BOUND = DebiasedInfoNCE()


# --- do the moments hold? -------------------------------------------------------------------------

FIRST = 3  # canonical coordinates of which products are looked at


def features(u: Array) -> Array:
    """Functions of canonical coordinates whose moments are compared: powers, waves, the length."""
    k = u[:, :FIRST]
    return np.column_stack([k, k**2, np.sin(2 * k), (u**2).sum(axis=1)])


def conditional_products(u: Array, v: Array, scores: Array) -> Array:
    r"""Influence values of moments that are zero where the critic's law of y given x is right.

    With the shares :math:`w_{ij}` of the row softmax of the scores, :math:`a(u_i) [g(v_i) -
    \sum_j w_{ij} g(v_j)]` has no mean, whatever the features. As partners are shared, row k counts
    with

    .. math:: a_k (g_k - (w g)_k) - \sum_i w_{ik} a_i (g_k - (w g)_i) ,

    whose deviation is that of the mean; shape (n, n_u, n_v).
    """
    top = scores.max(axis=1, keepdims=True)
    shares = np.exp(scores - top)
    shares /= shares.sum(axis=1, keepdims=True)
    a, g = features(u), features(v)
    told = shares @ g
    own = a[:, :, None] * (g - told)[:, None, :]
    of_all = (a[:, :, None] * told[:, None, :]).reshape(len(a), -1)
    lent = (shares.T @ a)[:, :, None] * g[:, None, :] - (shares.T @ of_all).reshape(own.shape)
    return own - (lent - lent.mean(axis=0))


def mean_z(products: Array) -> Array:
    """Standard scores of the means of products, shape (n_u, n_v)."""
    deviation = products.std(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.sqrt(len(products)) * products.mean(axis=0) / deviation
    return np.where(deviation > 1e-12, z, 0.0)


FLAT = 1e-6  # deviation of a column in standard units below which it does not vary
MOST_Z = 4.2  # of normal laws of 1 to 200 columns: at most 4.0 in 60 samples


def pairwise_z(columns: Array) -> Array:
    """Standard scores of what no two columns of a normal law share, once the line is taken away.

    Correlations of square, sine and cosine of one column with the rest of another and its square,
    for every ordered pair.
    """
    a = (columns - columns.mean(axis=0)) / np.maximum(columns.std(axis=0), 1e-12)
    n, d = a.shape
    lines = a.T @ a / n
    found = []
    for i in range(d):
        f = _standard(np.column_stack([a[:, i] ** 2, np.sin(2 * a[:, i]), np.cos(2 * a[:, i])]))
        others = np.delete(np.arange(d), i)
        rest = _standard(a[:, others] - a[:, i : i + 1] * lines[i, others])
        found.append(np.sqrt(n) * f.T @ np.hstack([rest, _standard(rest**2)]) / n)
    return np.concatenate([z.ravel() for z in found])


def _standard(values: Array) -> Array:
    """In standard units; zero where columns do not vary but for rounding."""
    deviation = values.std(axis=0)
    varies = deviation > FLAT
    return np.where(varies, (values - values.mean(axis=0)) / np.where(varies, deviation, 1.0), 0.0)


def departure(*sets: Array) -> float:
    """How far sets of columns are from a normal law; above one, lines do not tell all.

    The larger of the greatest standard score of `pairwise_z` over 4.2, and of the mean square over
    what normal laws do not exceed.
    """
    found = 0.0
    for columns in sets:
        z = pairwise_z(columns)
        if len(z):
            square = (z**2).mean() / max(1.5, 1 + 7 / np.sqrt(len(z)))  # few vary more
            found = max(found, np.abs(z).max() / MOST_Z, square)
    return float(found)
