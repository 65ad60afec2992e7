r"""Rows of a hidden class: mixtures of normal laws.

With the class L, in which X and Y have the information :math:`I_L`,

.. math:: I(X; Y) = E\,I_L + H(L) - H(L|X) - H(L|Y) + H(L|X,Y) .

The conditional entropies are means, over rows drawn for the purpose, of entropies of the classes'
posterior probabilities, which are bounded: two thousand rows leave an error of about .01 nats, and
the draw carries its standard error.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from infometric.amortised.families.base import (
    Draw,
    Family,
    correlation,
    log_uniform,
    mix,
    normal,
    signs,
    uniform,
    weights,
    whole,
)

ROWS = 2048  # rows that the entropies are means of


@dataclass(frozen=True)
class Classes:
    """Parameters of a batch of mixtures: `weight` (batch, k), the others (batch, k, r)."""

    weight: Tensor
    mean_x: Tensor
    mean_y: Tensor
    scale_x: Tensor
    scale_y: Tensor
    rho: Tensor

    def sample(self, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Rows, shape (batch, n, r) each."""
        batch, k, r = self.rho.shape
        u = uniform(rng, batch, n)
        of = torch.searchsorted(self.weight.cumsum(1), u).clamp(max=k - 1)
        of = of[:, :, None].expand(batch, n, r)
        parts = (self.mean_x, self.mean_y, self.scale_x, self.scale_y, self.rho)
        mean_x, mean_y, scale_x, scale_y, rho = (part.gather(1, of) for part in parts)
        x, noise = normal(rng, batch, n, r), normal(rng, batch, n, r)
        y = rho * x + (1 - rho**2).sqrt() * noise
        return mean_x + scale_x * x, mean_y + scale_y * y

    def information(self, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Mutual information and its standard error, shape (batch,)."""
        x, y = self.sample(ROWS, rng)
        vx, vy = self.scale_x**2, self.scale_y**2
        rest = 1 - self.rho**2
        cross = self.rho / (self.scale_x * self.scale_y)
        log_x = self._log_density(x, -0.5 / vx, self.mean_x / vx, vx, self.mean_x**2 / vx)
        log_y = self._log_density(y, -0.5 / vy, self.mean_y / vy, vy, self.mean_y**2 / vy)
        rows = torch.cat([x, y], dim=2)
        square = torch.cat([-0.5 / (vx * rest), -0.5 / (vy * rest)], dim=2)
        linear = torch.cat(
            [
                (self.mean_x / vx - cross * self.mean_y) / rest,
                (self.mean_y / vy - cross * self.mean_x) / rest,
            ],
            dim=2,
        )
        mean = self.mean_x**2 / vx + self.mean_y**2 / vy - 2 * cross * self.mean_x * self.mean_y
        log_xy = self._log_density(rows, square, linear, vx * vy * rest, mean / rest)
        log_xy = log_xy + (x * y) @ (cross / rest).mT
        terms = self._unsure(log_xy) - self._unsure(log_x) - self._unsure(log_y)
        within = (-0.5 * torch.log1p(-(self.rho**2))).sum(2)
        known = (self.weight * within).sum(1) - torch.xlogy(self.weight, self.weight).sum(1)
        return (known + terms.mean(1)).clamp(min=0), terms.std(1) / math.sqrt(ROWS)

    @staticmethod
    def _log_density(
        rows: Tensor, square: Tensor, linear: Tensor, variance: Tensor, mean: Tensor
    ) -> Tensor:
        """Log densities of each class, shape (batch, n, k), as products of matrices."""
        constant = -0.5 * (variance.log() + mean).sum(2)
        return rows**2 @ square.mT + rows @ linear.mT + constant[:, None]

    def _unsure(self, log_density: Tensor) -> Tensor:
        """Entropies of the class given each row, from log densities (batch, n, k)."""
        p = torch.softmax(log_density + self.weight[:, None].log(), dim=2)
        return torch.special.entr(p).sum(2)


@dataclass(frozen=True)
class Mixture(Family):
    """Classes with means, scales and correlations of their own."""

    name: ClassVar[str] = "mixture"
    group: ClassVar[str] = "cluster"
    most_classes: ClassVar[int] = 5
    correlated: ClassVar[bool] = True

    def _draw(self, batch: int, n: int, dx: int, dy: int, rng: torch.Generator) -> Draw:
        r = whole(rng, 1, min(3, dx, dy))
        law = self._classes(batch, whole(rng, 2, self.most_classes), r, rng)
        mi, se = law.information(rng)
        x, y = law.sample(n, rng)
        x = torch.cat([x, normal(rng, batch, n, dx - r)], dim=2)
        y = torch.cat([y, normal(rng, batch, n, dy - r)], dim=2)
        return Draw(mix(x, rng), mix(y, rng), mi, se)

    def _classes(self, batch: int, k: int, r: int, rng: torch.Generator) -> Classes:
        spread = log_uniform(rng, batch, 1, 1, low=0.4, high=8.0)
        rho = correlation(log_uniform(rng, batch, k, r, low=0.01, high=2.5)) * signs(
            rng, batch, k, r
        )
        rho = rho * (uniform(rng, batch, 1, 1) < 0.7)
        varied = uniform(rng, batch, 1, 1, high=0.7)
        scale_x, scale_y = (torch.exp(varied * normal(rng, batch, k, r)) for _ in range(2))
        weight = (weights(rng, batch, k, low=1.0) + 0.02) / (1 + 0.02 * k)
        mean_x, mean_y = (spread * normal(rng, batch, k, r) for _ in range(2))
        if not self.correlated:
            rho, scale_x, scale_y = torch.zeros_like(rho), scale_x**0, scale_y**0
        return Classes(weight, mean_x, mean_y, scale_x, scale_y, rho)


@dataclass(frozen=True)
class Clusters(Mixture):
    """Round clusters: given the class X and Y are independent, and I is at most log k."""

    name: ClassVar[str] = "clusters"
    most_classes: ClassVar[int] = 10
    correlated: ClassVar[bool] = False
