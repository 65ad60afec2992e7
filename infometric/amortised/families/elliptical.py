r"""Blocks with a shared random scale: rows are :math:`\sqrt{s}` times a jointly normal row.

The information is that of the normal row and what the scale adds, which depends on the numbers of
columns only. With :math:`H(d)` the entropy of a spherical row of d columns,

.. math:: I = I_{\text{normal}} + H(d_x) + H(d_y) - H(d_x+d_y) .

For Student's t, up to terms linear in d, which cancel,
:math:`H(d)=\log\Gamma(\nu/2)-\log\Gamma(\tfrac{\nu+d}2)+\tfrac{\nu+d}2
(\psi(\tfrac{\nu+d}2)-\psi(\tfrac\nu2))`; for scales of finitely many values it is an integral over
the chi-square law of the squared length of a row, by the trapezoidal rule in its logarithm. For
rows within an ellipsoid, of density :math:`(1-q)^m` of the squared norm q in D columns, with
:math:`a=m+\tfrac{D-d}2`,
:math:`H(d)=\log\Gamma(a+1)-\log\Gamma(a+1+\tfrac d2)-a(\psi(a+1)-\psi(a+1+\tfrac d2))`. For
Kotz's law, of density :math:`q^m e^{-q/2}`, it is a double integral.

References
----------
Nadarajah, S. (2003). The Kotz-type distribution with applications. Statistics 37, 341-358.
doi:10.1080/0233188031000078060
Johnson, M. E. (1987). Multivariate statistical simulation. Wiley, chapter 6.
doi:10.1002/9781118150740
Arellano-Valle, R. B., Contreras-Reyes, J. E., Genton, M. G. (2013). Shannon entropy and mutual
information for multivariate skew-elliptical distributions. Scand. J. Stat. 40, 42-62.
doi:10.1111/j.1467-9469.2011.00774.x
"""

from __future__ import annotations

import math
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
    correlation,
    exact,
    gamma,
    log_uniform,
    mix,
    normal,
    signs,
    split,
    targets,
    uniform,
    weights,
)
from infometric.amortised.families.gaussian import normal_pairs, spectrum
from infometric.typing import Array

STEPS = 11  # of a graded scale
STEPS_OF_PAIRS = 7  # where every pair has a scale of its own
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


def bounded_excess(shape: Tensor, dx: int, dy: int) -> Tensor:
    """What the norm adds to the information where the density is (1 - norm^2)^shape, nats."""
    both = dx + dy

    def entropy(d: int) -> Tensor:
        own, half = shape + (both - d) / 2 + 1, d / 2
        gain = (own - 1) * (torch.digamma(own) - torch.digamma(own + half))
        return torch.lgamma(own) - torch.lgamma(own + half) - gain

    return entropy(dx) + entropy(dy) - entropy(both)


def _log_nodes(shape: float, beyond: float, device: torch.device) -> Tensor:
    """Logarithms of squared norms of `2 shape` columns, and of as many more that a power adds."""
    low = float(np.log(2 * gammaincinv(shape, 1e-9)))
    high = float(np.log(2 * gammaincinv(shape + beyond, 1 - 1e-13)))
    return torch.linspace(low, high, NODES, device=device, dtype=torch.float64)


def shell_excess(power: Tensor, dx: int, dy: int) -> Tensor:
    """What the norm adds to the information where the density is q^power e^(-q/2), nats.

    The density of d of the D columns is an integral over the squared norm w of the others, its
    entropy one over that of these d, both by the trapezoidal rule in the logarithm. Powers of pi
    cancel, and are left out.
    """
    both, most = dx + dy, float(power.max())
    whole = power + both / 2
    scale = math.lgamma(both / 2) - whole * math.log(2) - torch.lgamma(whole)

    def entropy(d: int) -> Tensor:
        half = (both - d) / 2
        s, w = (_log_nodes(part, most, power.device) for part in (d / 2, half))
        total = s.exp()[:, None] + w.exp()
        inner = power[:, None, None] * total.log() - total / 2 + half * w
        log_f = torch.logsumexp(inner, 2) + (w[1] - w[0]).log() - math.lgamma(half)
        log_f = log_f + scale[:, None]
        mass = torch.softmax(0.5 * d * s + log_f, dim=1)
        return -(mass * log_f).sum(1)

    square = torch.digamma(whole) + math.log(2)  # mean of log q
    return entropy(dx) + entropy(dy) + scale + power * square - whole


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


def few_scales(count: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Weights and variances of two or three scales, (count, 3)."""
    weight = weights(rng, count, 3, low=1.0)
    weight = (weight + 0.01) / 1.03
    scale = log_uniform(rng, count, 3, low=0.03, high=30.0)
    two = uniform(rng, count) < 0.5
    scale[:, 2] = torch.where(two, scale[:, 1], scale[:, 2])
    return weight, scale


def of_rows(weight: Tensor, scale: Tensor, n: int, rng: torch.Generator) -> Tensor:
    """What n rows are multiplied by, (count, n)."""
    drawn = uniform(rng, len(weight), n)
    of = torch.searchsorted(weight.cumsum(1), drawn).clamp(max=weight.shape[1] - 1)
    return scale.gather(1, of).sqrt()


@dataclass(frozen=True)
class ScaleMixture(Family):
    """Scale of two or three values: calm and stormy rows."""

    name: ClassVar[str] = "scale_mixture"
    group: ClassVar[str] = "elliptical"

    def _draw(self, batch: int, n: int, dx: int, dy: int, rng: torch.Generator) -> Draw:
        x, y, mi = spectrum(batch, n, dx, dy, rng)
        weight, scale = few_scales(batch, rng)
        root = of_rows(weight, scale, n, rng)[:, :, None]
        mi = mi + scale_excess(weight, scale, dx, dy)
        return exact(mix(root * x, rng, 0.7), mix(root * y, rng, 0.7), mi)


@dataclass(frozen=True)
class ScalePairs(Pairs):
    """Independent pairs, each calm and stormy at times of its own."""

    name: ClassVar[str] = "scale_pairs"
    group: ClassVar[str] = "elliptical"
    cap: ClassVar[float] = 5.0

    def pairs(self, mi: Tensor, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Normal pairs times a scale of two or three values."""
        weight, scale = self._scales(mi.numel(), rng)
        excess = scale_excess(weight, scale, 1, 1).reshape(mi.shape)
        rest = (mi - excess).clamp(min=0)
        x, y = normal_pairs(rest, n, rng)
        root = of_rows(weight, scale, n, rng).reshape(*mi.shape, n).mT
        return root * x, root * y, rest + excess

    @staticmethod
    def _scales(count: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Weights and variances, a row for each pair."""
        return few_scales(count, rng)


def graded_scales(count: int, steps: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Weights and variances at even steps of their logarithm, (count, steps)."""
    z = torch.linspace(-2.5, 2.5, steps, device=rng.device, dtype=torch.float64)
    uneven = (weights(rng, count, steps, low=0.02, high=5.0) + 0.002) / (1 + 0.002 * steps)
    bell = torch.softmax(-0.5 * z**2, dim=0)
    weight = torch.where(uniform(rng, count, 1) < 0.5, bell, uneven)
    return weight, torch.exp(2 * log_uniform(rng, count, 1, low=0.1, high=1.0) * z)


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
        root = of_rows(weight, scale, n, rng)[:, :, None]
        mi = mi + scale_excess(weight, scale, dx, dy)
        return exact(mix(root * x, rng, 0.7), mix(root * y, rng, 0.7), mi)

    @staticmethod
    def _scales(batch: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Weights and variances, (batch, STEPS)."""
        return graded_scales(batch, STEPS, rng)


@dataclass(frozen=True)
class GradedPairs(ScalePairs):
    """Independent pairs, each with a scale of its own that is nearly log-normal, or uneven."""

    name: ClassVar[str] = "graded_pairs"

    @staticmethod
    def _scales(count: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        return graded_scales(count, STEPS_OF_PAIRS, rng)


def linked(rows: Tensor, dx: int, mi: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Blocks of rows of a spherical law, whose first columns are correlated in pairs."""
    k = mi.shape[1]
    x, rest = rows[:, :, :dx], rows[:, :, dx:]
    rho = (correlation(mi) * signs(rng, *mi.shape))[:, None, :]
    y = rho * x[:, :, :k] + torch.exp(-mi)[:, None, :] * rest[:, :, :k]
    return x, torch.cat([y, rest[:, :, k:]], dim=2)


@dataclass(frozen=True)
class BoundedElliptical(Family):
    """Rows within an ellipsoid (Pearson's type II), dense outside or nearly normal: no tails.

    Laws nearer to the surface, in several columns, have information that ranks hardly show.
    """

    name: ClassVar[str] = "bounded_elliptical"
    group: ClassVar[str] = "elliptical"

    def _draw(self, batch: int, n: int, dx: int, dy: int, rng: torch.Generator) -> Draw:
        wanted = targets(batch, dx, dy, rng)
        shape = self._shapes(batch, rng) * (dx + dy) / 2
        excess = bounded_excess(shape, dx, dy)
        mi = split((wanted - excess).clamp(min=0), min(dx, dy), rng)
        rows = normal(rng, batch, n, dx + dy)
        left = gamma(rng, (shape + 1)[:, None].expand(batch, n).contiguous())
        rows = rows / ((rows * rows).sum(2) + 2 * left).sqrt()[:, :, None]
        x, y = linked(rows, dx, mi, rng)
        return exact(mix(x, rng, 0.7), mix(y, rng, 0.7), mi.sum(1) + excess)

    @staticmethod
    def _shapes(batch: int, rng: torch.Generator) -> Tensor:
        """Powers of the density, for each two columns."""
        return log_uniform(rng, batch, low=0.5, high=10.0)


@dataclass(frozen=True)
class Shell(Family):
    """Rows whose norms are alike (Kotz's law): nearly normal, or in a thick shell."""

    name: ClassVar[str] = "shell"
    group: ClassVar[str] = "elliptical"

    def _draw(self, batch: int, n: int, dx: int, dy: int, rng: torch.Generator) -> Draw:
        wanted = targets(batch, dx, dy, rng)
        power = self._powers(batch, rng) * (dx + dy) / 2
        excess = shell_excess(power, dx, dy)
        mi = split((wanted - excess).clamp(min=0), min(dx, dy), rng)
        rows = normal(rng, batch, n, dx + dy)
        square = 2 * gamma(rng, (power + (dx + dy) / 2)[:, None].expand(batch, n).contiguous())
        rows = rows * (square / (rows * rows).sum(2)).sqrt()[:, :, None]
        x, y = linked(rows, dx, mi, rng)
        return exact(mix(x, rng, 0.7), mix(y, rng, 0.7), mi.sum(1) + excess)

    @staticmethod
    def _powers(batch: int, rng: torch.Generator) -> Tensor:
        """Powers of the squared norm in the density, for each two columns."""
        return log_uniform(rng, batch, low=0.1, high=2.0)
