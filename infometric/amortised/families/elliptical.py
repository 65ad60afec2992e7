r"""Blocks with a shared random scale: rows are :math:`\sqrt{s}` times a jointly normal row.

The information is that of the normal row and what the scale adds, which depends on the numbers of
columns only. With :math:`H(d)` the entropy of a spherical row of d columns,

.. math:: I = I_{\text{normal}} + H(d_x) + H(d_y) - H(d_x+d_y) .

For Student's t, up to terms linear in d, which cancel,
:math:`H(d)=\log\Gamma(\nu/2)-\log\Gamma(\tfrac{\nu+d}2)+\tfrac{\nu+d}2
(\psi(\tfrac{\nu+d}2)-\psi(\tfrac\nu2))`; for scales of finitely many values it is an integral over
the chi-square law of the squared length of a row, by the trapezoidal rule in its logarithm.

References
----------
Arellano-Valle, R. B., Contreras-Reyes, J. E., Genton, M. G. (2013). Shannon entropy and mutual
information for multivariate skew-elliptical distributions. Scand. J. Stat. 40, 42-62.
doi:10.1111/j.1467-9469.2011.00774.x
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import numpy as np
import torch
from scipy.special import gammaincinv
from torch import Tensor

from infometric.amortised.families.base import (
    Draw,
    Family,
    Pairs,
    exact,
    gamma,
    log_uniform,
    mix,
    uniform,
    weights,
)
from infometric.amortised.families.gaussian import normal_pairs, spectrum
from infometric.typing import Array

STEPS = 11  # of a graded scale
NODES = 200


def student_excess(nu: Tensor, dx: int, dy: int) -> Tensor:
    """What the scale adds to the information of Student's t with nu degrees of freedom, nats.

    Examples
    --------
    >>> student_excess(torch.tensor([3.0], dtype=torch.float64), 5, 5).round(decimals=9).tolist()
    [0.298543623]
    """

    def entropy(d: int) -> Tensor:
        half, most = nu / 2, (nu + d) / 2
        gain = most * (torch.digamma(most) - torch.digamma(half))
        return torch.lgamma(half) - torch.lgamma(most) + gain

    return entropy(dx) + entropy(dy) - entropy(dx + dy)


@cache
def chi_square_nodes(d: int) -> tuple[Array, Array]:
    """Nodes and weights of expectations under the chi-square law of d degrees of freedom."""
    low, high = np.log(gammaincinv(d / 2, np.array([1e-9, 1 - 1e-13])))
    x = np.linspace(low, high, NODES)
    mass = np.exp(x * d / 2 - np.exp(x))
    return 2 * np.exp(x), mass / mass.sum()


def scale_excess(weight: Tensor, scale: Tensor, dx: int, dy: int) -> Tensor:
    """What a scale of finitely many values adds to the information, nats.

    Parameters
    ----------
    weight, scale : Tensor of shape (batch, k)
        Probabilities, and variances that the normal row is multiplied by.
    dx, dy : int
        Numbers of columns.

    Returns
    -------
    Tensor of shape (batch,)
    """

    def entropy(d: int) -> Tensor:
        q, mass = (torch.as_tensor(v, device=weight.device) for v in chi_square_nodes(d))
        exponent = -0.5 * (scale[:, :, None] / scale[:, None, :])[..., None] * q
        base = weight.log() - 0.5 * d * scale.log()
        density = torch.logsumexp(base[:, None, :, None] + exponent, 2)
        return -(weight * (density * mass).sum(2)).sum(1)

    return entropy(dx) + entropy(dy) - entropy(dx + dy)


def degrees(rng: torch.Generator, *shape: int) -> Tensor:
    """Degrees of freedom, from heavy tails to nearly normal ones."""
    return log_uniform(rng, *shape, low=1.0, high=30.0)


def student_scale(nu: Tensor, n: int, rng: torch.Generator) -> Tensor:
    """Scales of rows, shape (batch, n, ...) for nu of shape (batch, ...)."""
    shape = (nu / 2)[:, None].expand(len(nu), n, *nu.shape[1:])
    return (shape / gamma(rng, shape.contiguous())).sqrt()


@dataclass(frozen=True)
class Student(Family):
    """Multivariate t, with correlations from none to strong: X and Y share their scale."""

    name: ClassVar[str] = "student"
    group: ClassVar[str] = "elliptical"

    def _draw(self, batch: int, n: int, dx: int, dy: int, rng: torch.Generator) -> Draw:
        x, y, mi = spectrum(batch, n, dx, dy, rng)
        nu = degrees(rng, batch)
        scale = student_scale(nu, n, rng)[:, :, None]
        mi = mi + student_excess(nu, dx, dy)
        return exact(mix(scale * x, rng, 0.7), mix(scale * y, rng, 0.7), mi)


@dataclass(frozen=True)
class StudentPairs(Pairs):
    """Independent pairs, each a bivariate t with a scale of its own."""

    name: ClassVar[str] = "student_pairs"
    group: ClassVar[str] = "elliptical"
    cap: ClassVar[float] = 5.0

    def pairs(self, mi: Tensor, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Normal pairs times the root of an inverse gamma variable."""
        nu = degrees(rng, *mi.shape)
        excess = student_excess(nu, 1, 1)
        rest = (mi - excess).clamp(min=0)
        x, y = normal_pairs(rest, n, rng)
        scale = student_scale(nu, n, rng)
        return scale * x, scale * y, rest + excess


@dataclass(frozen=True)
class ScaleMixture(Family):
    """Scale of two or three values: calm and stormy rows."""

    name: ClassVar[str] = "scale_mixture"
    group: ClassVar[str] = "elliptical"

    def _draw(self, batch: int, n: int, dx: int, dy: int, rng: torch.Generator) -> Draw:
        x, y, mi = spectrum(batch, n, dx, dy, rng)
        weight = weights(rng, batch, 3, low=1.0)
        weight = (weight + 0.01) / 1.03
        scale = log_uniform(rng, batch, 3, low=0.03, high=30.0)
        two = uniform(rng, batch) < 0.5
        scale[:, 2] = torch.where(two, scale[:, 1], scale[:, 2])
        of = torch.searchsorted(weight.cumsum(1), uniform(rng, batch, n)).clamp(max=2)
        root = scale.gather(1, of).sqrt()[:, :, None]
        mi = mi + scale_excess(weight, scale, dx, dy)
        return exact(mix(root * x, rng, 0.7), mix(root * y, rng, 0.7), mi)


@dataclass(frozen=True)
class GradedScale(Family):
    """Scale of eleven values at even steps of its logarithm: nearly log-normal, or of any weights.

    With uneven weights one value or a few have nearly all of the rows.
    """

    name: ClassVar[str] = "graded_scale"
    group: ClassVar[str] = "elliptical"

    def _draw(self, batch: int, n: int, dx: int, dy: int, rng: torch.Generator) -> Draw:
        x, y, mi = spectrum(batch, n, dx, dy, rng)
        weight, scale = self._scales(batch, rng)
        of = torch.searchsorted(weight.cumsum(1), uniform(rng, batch, n)).clamp(max=STEPS - 1)
        root = scale.gather(1, of).sqrt()[:, :, None]
        mi = mi + scale_excess(weight, scale, dx, dy)
        return exact(mix(root * x, rng, 0.7), mix(root * y, rng, 0.7), mi)

    @staticmethod
    def _scales(batch: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Weights and variances, (batch, STEPS)."""
        z = torch.linspace(-2.5, 2.5, STEPS, device=rng.device, dtype=torch.float64)
        uneven = (weights(rng, batch, STEPS, low=0.02, high=5.0) + 0.002) / (1 + 0.002 * STEPS)
        bell = torch.softmax(-0.5 * z**2, dim=0)
        weight = torch.where(uniform(rng, batch, 1) < 0.5, bell, uneven)
        return weight, torch.exp(2 * log_uniform(rng, batch, 1, low=0.1, high=1.0) * z)
