r"""Pairs in which Y is a function of X and noise.

References
----------
Kraskov, A., Stögbauer, H., Grassberger, P. (2004). Estimating mutual information. Phys. Rev. E 69,
066138. doi:10.1103/PhysRevE.69.066138
Reshef, D. N. et al. (2011). Detecting novel associations in large data sets. Science 334,
1518-1524. doi:10.1126/science.1205438
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from infometric.amortised.families.base import (
    Pairs,
    correlation,
    normal,
    signs,
    uniform,
    wholes,
)
from infometric.amortised.families.quadrature import noise_information, ring_table, volatility_table
from infometric.typing import Array

POINTS = 1 << 14  # of a tabulated curve: the fastest moves by a third of the least noise
TURNS = (0.5, 0.75, 1.0, 1.5, 2.0, 3.0)  # of the slow sines
FAST = (5, 6, 8, 10, 12, 16)


@dataclass(frozen=True)
class AdditiveNoise(Pairs):
    r"""Y = X + e U with X, U uniform: :math:`I = e/2-\log e` for e up to 1, else :math:`1/(2e)`."""

    name: ClassVar[str] = "additive_noise"
    group: ClassVar[str] = "curve"
    cap: ClassVar[float] = 4.0

    def pairs(self, mi: Tensor, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Pairs by the inverse of the closed form, Newton's method where e is below 1."""
        mi = mi.clamp(min=1e-9)
        narrow = torch.exp(-mi)
        for _ in range(8):
            narrow = narrow - (narrow / 2 - narrow.log() - mi) / (0.5 - 1 / narrow)
            narrow = narrow.clamp(1e-3, 1.0)
        width = torch.where(mi < 0.5, 1 / (2 * mi), narrow)[:, None, :]
        x, noise = (uniform(rng, len(mi), n, mi.shape[1]) - 0.5 for _ in range(2))
        return x, (x + width * noise) * signs(rng, len(mi), 1, mi.shape[1]), mi


@dataclass(frozen=True)
class Volatility(Pairs):
    """Y = exp(aX) Z with X, Z normal: no correlation, X sets the scale of Y."""

    name: ClassVar[str] = "volatility"
    group: ClassVar[str] = "curve"

    def pairs(self, mi: Tensor, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Pairs with a from the table; the scale is bounded, which changes no rank of log|Y|."""
        a, known = volatility_table().nearest(mi)
        x, z = (normal(rng, len(mi), n, mi.shape[1]) for _ in range(2))
        log_size = a[:, None, :] * x + z.abs().clamp(min=1e-300).log()
        return x, torch.sign(z) * torch.exp(log_size / (1 + a[:, None, :])), known


@dataclass(frozen=True)
class Product(Pairs):
    r"""Y = X W with log-normal sizes: signs and sizes tell of each other apart.

    :math:`I = \tfrac12\log(1+\sigma_x^2/\sigma_w^2) + \log 2 - H(p)`, p the probability that
    W is negative.
    """

    name: ClassVar[str] = "product"
    group: ClassVar[str] = "parity"
    cap: ClassVar[float] = 3.0

    def pairs(self, mi: Tensor, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """A share of the information is in the signs, the rest in the sizes."""
        size = (len(mi), n, mi.shape[1])
        from_signs = (uniform(rng, *mi.shape) * mi).clamp(max=0.65)
        p = flip(from_signs)
        rho = correlation(mi - from_signs)[:, None, :]
        log_x, noise = normal(rng, *size), normal(rng, *size)
        log_y = rho * log_x + (1 - rho**2).sqrt() * noise
        sign = signs(rng, *size)
        x, y = sign * torch.exp(log_x / 2), torch.exp(log_y / 2)
        y = y * sign * signs(rng, *size, minus=p[:, None, :])
        return x, y, mi - from_signs + sign_information(p)


def sign_information(p: Tensor) -> Tensor:
    """Information of a fair sign and itself, flipped with probability p: log 2 - H(p), nats."""
    return math.log(2) + torch.xlogy(p, p) + torch.xlogy(1 - p, 1 - p)


def flip(mi: Tensor) -> Tensor:
    """Probability of a flip, up to 1/2, that leaves this information, by bisection."""
    low, high = torch.zeros_like(mi), torch.full_like(mi, 0.5)
    for _ in range(40):
        middle = (low + high) / 2
        above = sign_information(middle) > mi
        low, high = torch.where(above, middle, low), torch.where(above, high, middle)
    return torch.where(mi > 0, (low + high) / 2, 0.5)


def curves() -> Array:
    """Values of the curves at midpoints of (0, 1), shape (curves, points), within -1 and 1."""
    u = (np.arange(POINTS) + 0.5) / POINTS
    z = 2 * u - 1
    sines, waves = ([np.sin(2 * np.pi * f * u) for f in turns] for turns in (TURNS, FAST))
    stairs = [np.floor(k * u) / (k - 1) * 2 - 1 for k in (2, 3, 5)]
    bends = [2 * z**2 - 1, 2 * np.abs(z) - 1, 4 * z**3 - 3 * z]
    return np.array([*sines, *stairs, *bends, *waves])


@cache
def curve_tables() -> tuple[Array, Array, Array]:
    """Curves, standard deviations of the noise, and information of each curve at each of them."""
    values, sigma = curves(), np.geomspace(40.0, 0.02, 120)
    weight = np.full(POINTS, 1 / POINTS)
    mi = [[noise_information(curve, weight, s) for s in sigma] for curve in values]
    return values, sigma, np.array(mi)


@dataclass(frozen=True)
class Curve(Pairs):
    """Y = f(X) and normal noise, f a sine, parabola, tent, cubic or stairs; X is uniform.

    The sines have half a turn to sixteen, a third of the curves more than three.
    The curves are tabulated: f is constant on intervals far narrower than the noise.
    """

    name: ClassVar[str] = "curve"
    group: ClassVar[str] = "curve"

    def pairs(self, mi: Tensor, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Each pair has a curve of its own."""
        values, sigma, table = (torch.as_tensor(v, device=mi.device) for v in curve_tables())
        which = wholes(rng, *mi.shape, low=0, high=len(values) - 1)
        near = (table[which] - mi[..., None]).abs().argmin(-1)
        u = uniform(rng, len(mi), n, mi.shape[1])
        signal = values[which[:, None, :], (u * POINTS).long().clamp(max=POINTS - 1)]
        y = signal + sigma[near][:, None, :] * normal(rng, *u.shape)
        return u - 0.5, y * signs(rng, len(mi), 1, mi.shape[1]), table[which, near]


@dataclass(frozen=True)
class Ring(Pairs):
    """Coordinates of a point of the unit circle, both with normal noise."""

    name: ClassVar[str] = "ring"
    group: ClassVar[str] = "curve"

    def pairs(self, mi: Tensor, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Pairs with sigma from the table."""
        sigma, known = ring_table().nearest(mi)
        t = 2 * math.pi * uniform(rng, len(mi), n, mi.shape[1])
        x, y = (v + sigma[:, None, :] * normal(rng, *t.shape) for v in (t.cos(), t.sin()))
        return x, y, known
