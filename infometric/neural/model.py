r"""What is trained: scaling of the rows, a Gaussian anchor, a critic and what else a bound needs.

The anchor is the log density ratio of normal variables with the canonical correlations
:math:`\rho_i` of the training rows, in canonical coordinates u, v:

.. math:: f_0(x, y) = \sum_i -\tfrac12 \log(1 - \rho_i^2)
   - \frac{\rho_i^2 (u_i^2 + v_i^2) - 2 \rho_i u_i v_i}{2 (1 - \rho_i^2)} .

Training starts there, with a critic that says nothing, so that the network learns only what the
linear dependence leaves; on few rows this is most of the accuracy.

References
----------
Hotelling, H. (1936). Relations between two sets of variates. Biometrika 28, 321-377.
doi:10.1093/biomet/28.3-4.321
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import ndtri

from infometric.exceptions import MissingExtraError
from infometric.functional.bounds import InfoNCE
from infometric.functional.canonical import canonical
from infometric.neural.critics import mlp
from infometric.typing import Array

try:
    import torch
    from torch import nn
except ImportError as error:
    raise MissingExtraError.of("torch", "neural") from error

KNOTS = 1000  # places at which the distribution of a column is kept
WIDEST = 1000  # columns up to which correlations of all with all are computed
STEPS = (1, 2, 3, 5, 8, 12, 20, 35, 60, 100)  # principal components that the anchor may use
SURE = 0.5  # standard errors by which a later anchor must be better
SHARED = (1, 2, 3, 5, 8, 12)  # factors that the anchor may use
MOST = 0.9999  # canonical correlation at which the ratio is still finite in single precision


class Plain(nn.Module):
    """Rows as they are, in single precision."""

    def forward(self, rows: Any) -> Any:
        """The rows."""
        return rows.to(torch.float32) if rows.dtype == torch.float64 else rows


class Standard(nn.Module):
    """Columns less their mean, over their standard deviation."""

    mean: Any
    deviation: Any

    def __init__(self, mean: Any, deviation: Any) -> None:
        super().__init__()
        self.register_buffer("mean", torch.as_tensor(mean, dtype=torch.float64))
        self.register_buffer("deviation", torch.as_tensor(deviation, dtype=torch.float64))

    @classmethod
    def of(cls, rows: Array) -> Standard:
        """Learned from rows; a constant column has a deviation of one."""
        flat = rows.reshape(len(rows), -1)
        varies = (flat != flat[0]).any(axis=0)  # rounding gives constants a deviation too
        return cls(
            np.where(varies, flat.mean(axis=0), flat[0]),
            np.where(varies, flat.std(axis=0), 1.0),
        )

    def forward(self, rows: Any) -> Any:
        """Scaled rows, of the shape of the rows."""
        flat = (rows.flatten(1).double() - self.mean) / self.deviation
        return flat.float().reshape(rows.shape)


class NormalScores(nn.Module):
    """Columns as normal scores of their ranks among the training rows, linear in between.

    Mutual information does not change under it, and no heavy tail reaches the critic.
    """

    knots: Any
    scores: Any

    def __init__(self, knots: Any, scores: Any) -> None:
        super().__init__()
        self.register_buffer("knots", torch.as_tensor(knots, dtype=torch.float64))
        self.register_buffer("scores", torch.as_tensor(scores, dtype=torch.float64))

    @classmethod
    def of(cls, rows: Array) -> NormalScores:
        """Learned from rows of shape (n, d); equal values have the score of their middle rank."""
        columns = [knots_of(column) for column in np.asarray(rows, dtype=float).T]
        longest = max(2, *(len(k) for k, _ in columns))
        return cls(*(np.stack([_padded(c[i], longest) for c in columns]) for i in (0, 1)))

    def forward(self, rows: Any) -> Any:
        """Scores of rows, shape (n, d); beyond the training rows, the last score."""
        v = rows.double().T.contiguous()
        above = torch.searchsorted(self.knots, v).clamp(1, self.knots.shape[1] - 1)
        low, high = self.knots.gather(1, above - 1), self.knots.gather(1, above)
        share = ((v - low) / (high - low).clamp_min(1e-300)).clamp(0, 1)
        found = torch.lerp(self.scores.gather(1, above - 1), self.scores.gather(1, above), share)
        return found.T.float()


def knots_of(column: Array) -> tuple[Array, Array]:
    """Distinct values of a column, at most so many, and the normal scores of their ranks."""
    n = len(column)
    values, counts = np.unique(column, return_counts=True)
    middle = np.cumsum(counts) - (counts + 1) / 2 + 0.5  # average rank, less a half
    if len(values) > KNOTS:
        kept = np.linspace(0, len(values) - 1, KNOTS).round().astype(int)
        values, middle = values[kept], middle[kept]
    return values, ndtri(middle / n)


def scores_of(rows: Array) -> Array:
    """Normal scores of rows among themselves, in double precision."""
    return NormalScores.of(rows)(torch.as_tensor(rows)).double().numpy()


def _padded(values: Array, length: int) -> Array:
    return np.concatenate([values, np.full(length - len(values), values[-1])])


SCALINGS = ("normal", "standard", "none")


def scaling_of(kind: str, rows: Any) -> nn.Module:
    """Layer that scales rows, learned from the training rows."""
    if kind == "none":
        return Plain()
    flat = np.asarray(rows, dtype=float)
    return Standard.of(flat) if kind == "standard" else NormalScores.of(flat)


class GaussianAnchor(nn.Module):
    """Log ratio of normal variables in canonical coordinates; its weights are trained on.

    Parameters
    ----------
    to_u, to_v : array of shape (dx, k), (dy, k)
        Directions of the canonical coordinates.
    mean_x, mean_y : array of shape (dx,), (dy,)
        Means.
    rho : array of shape (k,)
        Canonical correlations.
    """

    def __init__(self, to_u: Any, to_v: Any, mean_x: Any, mean_y: Any, rho: Any) -> None:
        super().__init__()
        given = {"to_u": to_u, "to_v": to_v, "mean_x": mean_x, "mean_y": mean_y}
        for name, value in given.items():
            self.register_buffer(name, torch.as_tensor(np.asarray(value), dtype=torch.float32))
        r = torch.as_tensor(np.asarray(rho), dtype=torch.float32)
        rest = 1 - r**2
        self.cross = nn.Parameter(r / rest)
        self.square_x = nn.Parameter(-0.5 * r**2 / rest)
        self.square_y = nn.Parameter(-0.5 * r**2 / rest)
        self.constant = nn.Parameter(-0.5 * rest.log().sum())

    def forward(self, x: Any, y: Any) -> Any:
        """Scores of every pair, shape (n_x, n_y)."""
        u, v = (x - self.mean_x) @ self.to_u, (y - self.mean_y) @ self.to_v
        own = u**2 @ self.square_x, v**2 @ self.square_y
        return self.constant + (u * self.cross) @ v.T + own[0][:, None] + own[1]


def anchor_of(x: Array, y: Array, x_val: Any, y_val: Any) -> GaussianAnchor | None:
    """The anchor that tells most about the validation rows; None where none tells anything.

    It is built on as many principal components, or factors, of each variable as serve best.
    """
    if max(x.shape[1], y.shape[1]) > WIDEST:
        return None
    most = min(max(x.shape[1], y.shape[1]), max(1, len(x) // 4))
    sizes = [k for k in STEPS if k < most] + ([most] if most <= STEPS[-1] else [])
    bound, chosen = InfoNCE(), None
    best = torch.zeros(len(x_val), dtype=torch.float64)
    wide = max(x.shape[1], y.shape[1])
    shared = [k for k in SHARED if 2 * k <= wide]
    for c in canonical(x, y, sizes, shared):
        anchor = GaussianAnchor(*c[:4], np.minimum(c.rho, MOST)).to(x_val.device)
        with torch.no_grad():
            found = bound.contributions(anchor(x_val, y_val)).double().cpu()
        gain = found - best
        if float(gain.mean()) > SURE * float(gain.std()) / math.sqrt(len(gain)):
            best, chosen = found, anchor
    return chosen


class Model(nn.Module):
    """A scaling for each variable, a critic, and perhaps an anchor and a baseline.

    Called with rows as they come, it is a critic in its own right, through which gradients flow.
    """

    scale_x: Any
    scale_y: Any
    critic: Any
    anchor: Any
    baseline: Any

    def __init__(
        self,
        scale_x: nn.Module,
        scale_y: nn.Module,
        critic: nn.Module,
        anchor: nn.Module | None = None,
        baseline: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.scale_x, self.scale_y = scale_x, scale_y
        self.critic, self.anchor, self.baseline = critic, anchor, baseline

    def score(self, x: Any, y: Any) -> tuple[Any, Any]:
        """Scores and baseline (None where there is none) of rows that are scaled already."""
        return self.terms(x, y)[:2]

    def terms(self, x: Any, y: Any) -> tuple[Any, Any, Any]:
        """Scores, baseline and what the critic's pass adds to the loss, of scaled rows."""
        priced = getattr(self.critic, "priced", None)
        scores, price = priced(x, y) if callable(priced) else (self.critic(x, y), 0.0)
        if self.anchor is not None:
            scores = scores + self.anchor(x.flatten(1), y.flatten(1))
        if self.baseline is not None:
            return scores, self.baseline(y.flatten(1))[:, 0], price
        own = getattr(self.critic, "baseline", None)
        return scores, own(y) if callable(own) else None, price

    def raw(self, x: Any, y: Any) -> tuple[Any, Any]:
        """Scores and baseline of rows as they come."""
        return self.score(self.scale_x(x), self.scale_y(y))

    def forward(self, x: Any, y: Any) -> Any:
        """Scores of every pair of rows as they come, shape (n_x, n_y)."""
        return self.raw(x, y)[0]


class Ensemble(nn.Module):
    """Mean of the scores of several models: a critic as any other."""

    def __init__(self, models: Sequence[Model]) -> None:
        super().__init__()
        self.models = nn.ModuleList(models)

    def score(self, x: Any, y: Any) -> tuple[Any, Any]:
        """Mean scores and mean baseline of rows as they come."""
        models: Any = self.models
        parts = [m.raw(x, y) for m in models]
        scores = torch.stack([s for s, _ in parts]).mean(0)
        baselines = [b for _, b in parts if b is not None]
        return scores, torch.stack(baselines).mean(0) if baselines else None

    def forward(self, x: Any, y: Any) -> Any:
        """Mean scores, shape (n_x, n_y)."""
        return self.score(x, y)[0]


def baseline_net(dy: int) -> nn.Module:
    """Log of the baseline a(y) of TUBA, a small network that starts at zero."""
    net: Any = mlp(dy, (32,), 1)
    with torch.no_grad():
        net[-1].weight.zero_()
        net[-1].bias.zero_()
    return net
