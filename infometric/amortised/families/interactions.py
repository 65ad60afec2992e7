r"""Several columns that only together tell of a column, and one that moves many.

.. math:: Y = \prod_j X_j + \sigma Z,\qquad I = h(Y) - h(\sigma Z)

with :math:`\log|\prod_j X_j|` of a law that is a convolution. On a board the cells of the
columns add modulo q; the sum is the level of Y, now and then replaced by any level. In
:math:`Y = e^{aT}\varepsilon` with normal T and :math:`\varepsilon` of d columns, only the norm of Y
tells of T: :math:`I = h(aT + \log\chi_d) - h(\log\chi_d)`, and
:math:`h(\log\chi_d) = \log\Gamma(d/2) + d/2 - \log 2 - (d/2)\,\psi(d/2)`. Whole multiples of
uniform columns add, modulo 1, to a uniform phase: its sine has the arcsine law.

References
----------
Cover, T. M., Thomas, J. A. (2006). Elements of information theory. Wiley. doi:10.1002/047174882X
Springer, M. D., Thompson, W. E. (1966). The distribution of products of independent random
variables. SIAM J. Appl. Math. 14, 511-526. doi:10.1137/0114046
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import numpy as np
import torch
from scipy.special import gammaincinv, gammaln, psi
from torch import Tensor

from infometric.amortised.families.base import (
    Draw,
    Family,
    Table,
    exact,
    few,
    mix,
    normal,
    rotate,
    signs,
    targets,
    uniform,
    whole,
    wholes,
)
from infometric.amortised.families.joint import OfUniform, Synergy
from infometric.amortised.families.quadrature import noise_information, smoothed_entropy
from infometric.amortised.families.sums import (
    LAWS,
    around,
    circle_noise,
    sum_table,
    zigzag,
)
from infometric.typing import Array

NEGLIGIBLE = 1e-8  # mass left out in a tail
WAVES = 3  # turns along a column, at most


def product_law(m: int, bounded: bool = False) -> tuple[Array, Array]:
    """Values and masses of the product of m numbers, standard normal or uniform on (-1, 1)."""
    t, step = np.linspace(-24.0, 0.0 if bounded else 2.2, 1 << 13, retstep=True)
    one = np.exp(t) if bounded else np.exp(t - 0.5 * np.exp(2 * t))
    one, total = one / one.sum(), np.ones(1)
    for _ in range(m):
        total = np.convolve(total, one)
    log_size = m * t[0] + step * np.arange(len(total))
    kept = np.cumsum(total[::-1])[::-1] > NEGLIGIBLE
    size, half = np.exp(log_size[kept]), 0.5 * total[kept] / total[kept].sum()
    return np.r_[-size[::-1], size], np.r_[half[::-1], half]


@cache
def interaction_table(m: int, bounded: bool = False) -> Table:
    """Information of m numbers, normal or uniform, and their product with noise, over sigma."""
    signal, weight = product_law(m, bounded)
    sigma = np.geomspace(20.0, 0.02, 100) if bounded else np.geomspace(60.0, 0.05, 100)
    return Table.of(sigma, np.array([noise_information(signal, weight, s) for s in sigma]))


@dataclass(frozen=True)
class Interaction(Synergy):
    """A column of Y is the product of columns of X with normal noise."""

    name: ClassVar[str] = "interaction"
    cap: ClassVar[float] = 2.5
    bounded: ClassVar[bool] = False

    def _joint(
        self, m: int, mi: Tensor, n: int, rng: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        batch, k = mi.shape
        sigma, known = interaction_table(m, self.bounded).nearest(mi)
        x = self._columns(batch, n, m * k, rng)
        product = x.reshape(batch, n, k, m).prod(3)
        return x, product + sigma[:, None, :] * normal(rng, batch, n, k), known

    @staticmethod
    def _columns(batch: int, n: int, d: int, rng: torch.Generator) -> Tensor:
        return normal(rng, batch, n, d)


@dataclass(frozen=True)
class BoundedInteraction(Interaction):
    """A column of Y is the product of uniform columns of X with normal noise."""

    name: ClassVar[str] = "bounded_interaction"
    bounded: ClassVar[bool] = True

    @staticmethod
    def _columns(batch: int, n: int, d: int, rng: torch.Generator) -> Tensor:
        return uniform(rng, batch, n, d, low=-1.0)

    @staticmethod
    def _noise(batch: int, n: int, d: int, rng: torch.Generator) -> Tensor:
        return uniform(rng, batch, n, d, low=-1.0)


@cache
def board_table(q: int) -> Table:
    """Information of one of q equal levels kept but with probability e replaced, over e."""
    e = np.r_[1.0, 1 - np.geomspace(1e-3, 0.5, 60), np.geomspace(0.5, 1e-3, 60)[1:]]
    right, wrong = 1 - e + e / q, e / q
    found = math.log(q) + right * np.log(right) + (q - 1) * wrong * np.log(wrong)
    return Table.of(e, np.where(e == 1, 0.0, found))


@dataclass(frozen=True)
class Checkerboard(Synergy):
    """The cells of columns of X on a board add up, modulo q, to the interval of a column of Y."""

    name: ClassVar[str] = "checkerboard"
    cap: ClassVar[float] = 1.5

    def _joint(
        self, m: int, mi: Tensor, n: int, rng: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        batch, k = mi.shape
        q, times = whole(rng, 2, 5), whole(rng, 1, 2)
        e, known = board_table(q).nearest(mi)
        x = uniform(rng, batch, n, m * k)
        level = torch.floor(x * q * times).reshape(batch, n, k, m).sum(3) % q
        other = wholes(rng, batch, n, k, low=0, high=q - 1).to(x.dtype)
        level = torch.where(uniform(rng, batch, n, k) < e[:, None, :], other, level)
        return x - 0.5, (level + uniform(rng, batch, n, k)) / q - 0.5, known


def along(batch: int, n: int, k: int, m: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Uniform columns, (batch, n, km), and sums of whole multiples of m each, (batch, n, k)."""
    x = uniform(rng, batch, n, m * k)
    turns = x * few(rng, batch, 1, m * k, high=WAVES)
    return x, turns.reshape(batch, n, k, m).sum(3)


@dataclass(frozen=True)
class PlaneWave(OfUniform):
    r"""A column of Y is a wave along a direction of several uniform columns of X, and normal noise.

    .. math:: Y = \sin(2\pi(k_1X_1+\dots+k_mX_m)+\varphi)+\sigma Z,\qquad k_j\in\{1,2,3\}
    """

    name: ClassVar[str] = "plane_wave"
    cap: ClassVar[float] = 2.0

    def _joint(
        self, m: int, mi: Tensor, n: int, rng: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        batch, k = mi.shape
        gain, known = sum_table("arcsine", "normal").nearest(mi)
        x, turns = along(batch, n, k, m, rng)
        turns = turns + uniform(rng, batch, 1, k)
        gain = gain[:, None, :]
        y = gain * torch.sin(2 * math.pi * turns) + normal(rng, batch, n, k)
        return x - 0.5, y / (1 + 0.5 * gain**2).sqrt(), known


@dataclass(frozen=True)
class PlaneZigzag(PlaneWave):
    """A column of Y is a zigzag along a direction of uniform columns of X, with noise of any law.

    The noise is normal, uniform or Laplace.
    """

    name: ClassVar[str] = "plane_zigzag"
    noises: ClassVar[tuple[str, ...]] = ("normal", "uniform", "laplace")

    def _joint(
        self, m: int, mi: Tensor, n: int, rng: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        batch, k = mi.shape
        noise = self.noises[whole(rng, 0, len(self.noises) - 1)]
        gain, known = sum_table("uniform", noise).nearest(mi)
        x, turns = along(batch, n, k, m, rng)
        turns = turns + uniform(rng, batch, 1, k)
        other = LAWS[noise].quantile(uniform(rng, batch, n, k).clamp(1e-13, 1 - 1e-13))
        return x - 0.5, gain[:, None, :] * zigzag(turns) + other, known


@dataclass(frozen=True)
class PlaneSwell(PlaneWave):
    """A column of Y is a swell along a direction of uniform columns of X, with noise of any law.

    The levels of the swell are normal, triangular, Laplace or exponential: it has sharp crests, and
    hollows as sharp or flat. The noise is normal, uniform or logistic.
    """

    name: ClassVar[str] = "plane_swell"
    signals: ClassVar[tuple[str, ...]] = ("normal", "triangular", "laplace", "exponential")
    noises: ClassVar[tuple[str, ...]] = ("normal", "uniform", "logistic")

    def _joint(
        self, m: int, mi: Tensor, n: int, rng: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        batch, k = mi.shape
        signal = self.signals[whole(rng, 0, len(self.signals) - 1)]
        noise = self.noises[whole(rng, 0, len(self.noises) - 1)]
        gain, known = sum_table(signal, noise).nearest(mi)
        x, turns = along(batch, n, k, m, rng)
        height = (zigzag(turns + uniform(rng, batch, 1, k)) + 0.5).clamp(1e-13, 1 - 1e-13)
        other = LAWS[noise].quantile(uniform(rng, batch, n, k).clamp(1e-13, 1 - 1e-13))
        y = gain[:, None, :] * LAWS[signal].quantile(height) + other
        return x - 0.5, y * signs(rng, batch, 1, k), known


@dataclass(frozen=True)
class Winding(OfUniform):
    """A column of Y is a sum of whole multiples of uniform columns of X, and noise, modulo 1."""

    name: ClassVar[str] = "winding"
    cap: ClassVar[float] = 3.0

    def _joint(
        self, m: int, mi: Tensor, n: int, rng: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        batch, k = mi.shape
        noise, known = circle_noise(mi, n, rng)
        x, turns = along(batch, n, k, m, rng)
        return x - 0.5, around(turns + noise, rng), known


@dataclass(frozen=True)
class Bearing(Synergy):
    """A column of Y is the direction of two normal columns of X, with noise around the circle."""

    name: ClassVar[str] = "bearing"
    cap: ClassVar[float] = 3.0
    most: ClassVar[int] = 2

    def _joint(
        self, m: int, mi: Tensor, n: int, rng: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        batch, k = mi.shape
        noise, known = circle_noise(mi, n, rng)
        x = normal(rng, batch, n, m * k)
        angle = torch.atan2(x[..., 1::2], x[..., ::2]) / (2 * math.pi)
        return x, around(angle + noise, rng), known


@cache
def norm_table(d: int) -> Table:
    """Information of T and e^(aT) times d standard normal columns, T normal, over a."""
    low, high = (0.5 * np.log(2 * gammaincinv(d / 2, p)) for p in (1e-9, 1 - 1e-12))
    t = np.linspace(low, high, 20_001)
    log_mass = d * t - 0.5 * np.exp(2 * t)
    weight = np.exp(log_mass - log_mass.max())
    weight = weight / weight.sum()
    plain = gammaln(d / 2) + d / 2 - math.log(2) - d / 2 * psi(d / 2)
    a = np.geomspace(0.01, 6.0, 80)
    found = [max(smoothed_entropy(t, weight, s) - plain, 0.0) for s in a]
    return Table.of(np.r_[0.0, a], np.r_[0.0, found])


@dataclass(frozen=True)
class VectorVolatility(Family):
    """One direction of X sets the scale of all columns of Y, or the other way about."""

    name: ClassVar[str] = "vector_volatility"
    group: ClassVar[str] = "curve"

    def _draw(self, batch: int, n: int, dx: int, dy: int, rng: torch.Generator) -> Draw:
        turned = bool(whole(rng, 0, 1))
        moving, moved = (dy, dx) if turned else (dx, dy)
        a, known = norm_table(moved).nearest(targets(batch, 1, 1, rng))
        t = normal(rng, batch, n, moving)
        scale = torch.exp(a[:, None, None] * t[..., :1])
        x = mix(rotate(t, rng), rng)
        y = mix(scale * normal(rng, batch, n, moved), rng)
        return exact(y, x, known) if turned else exact(x, y, known)
