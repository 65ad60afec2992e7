r"""Jointly normal blocks.

With canonical correlations :math:`\rho_i`, and with covariances C,

.. math:: I = -\tfrac12\sum_i\log(1-\rho_i^2)
            = \tfrac12(\log|C_x| + \log|C_y| - \log|C|) .

References
----------
Gelfand, I. M., Yaglom, A. M. (1959). Calculation of the amount of information about a random
function contained in another such function. Am. Math. Soc. Transl. 12, 199-246.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from infometric.amortised.families.base import (
    PAIR_MOST,
    Draw,
    Family,
    Pairs,
    correlation,
    exact,
    log_det,
    log_uniform,
    mix,
    normal,
    rotate,
    signs,
    split,
    targets,
    uniform,
    weights,
    whole,
)


def normal_pairs(mi: Tensor, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Standard normal columns in pairs of this information, shape (batch, n, k) each."""
    batch, k = mi.shape
    x, noise = normal(rng, batch, n, k), normal(rng, batch, n, k)
    rho = (correlation(mi) * signs(rng, batch, k))[:, None, :]
    return x, rho * x + torch.exp(-mi)[:, None, :] * noise


def spectrum(
    batch: int, n: int, dx: int, dy: int, rng: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Canonical coordinates of normal blocks, (batch, n, dx) and (batch, n, dy), and truths."""
    k, widest = min(dx, dy), max(dx, dy)
    parts = split(targets(batch, dx, dy, rng), k, rng)
    x, y = normal_pairs(torch.nn.functional.pad(parts, (0, widest - k)), n, rng)
    return x[:, :, :dx], y[:, :, :dy], parts.sum(1)


@dataclass(frozen=True)
class GaussianWishart(Family):
    """Any canonical correlations, any correlations within the blocks."""

    name: ClassVar[str] = "gaussian_wishart"
    group: ClassVar[str] = "gaussian"

    def _draw(self, batch: int, n: int, dx: int, dy: int, rng: torch.Generator) -> Draw:
        x, y, mi = spectrum(batch, n, dx, dy, rng)
        return exact(mix(x, rng, 0.9), mix(y, rng, 0.9), mi)


@dataclass(frozen=True)
class GaussianSparse(Pairs):
    """A few correlated pairs of columns, the others of which are independent."""

    name: ClassVar[str] = "gaussian_sparse"
    group: ClassVar[str] = "gaussian"
    cap: ClassVar[float] = PAIR_MOST
    share: ClassVar[float] = 0.0

    def pairs(self, mi: Tensor, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Normal pairs, some of which lose their information."""
        mi = mi * (uniform(rng, *mi.shape) < uniform(rng, len(mi), 1, low=0.2))
        x, y = normal_pairs(mi, n, rng)
        return x, y, mi


@dataclass(frozen=True)
class GaussianEquicorrelated(Family):
    """One correlation within X, one within Y, one between: the means carry the information."""

    name: ClassVar[str] = "gaussian_equicorrelated"
    group: ClassVar[str] = "gaussian"

    def _draw(self, batch: int, n: int, dx: int, dy: int, rng: torch.Generator) -> Draw:
        mi = targets(batch, 2, 2, rng)
        u, v = normal_pairs(mi[:, None], n, rng)
        return exact(self._block(u, dx, rng), self._block(v, dy, rng), mi)

    @staticmethod
    def _block(mean: Tensor, d: int, rng: torch.Generator) -> Tensor:
        batch, n, _ = mean.shape
        within = uniform(rng, batch, 1, 1, high=0.95)
        noise = normal(rng, batch, n, d)
        noise = noise - noise.mean(2, keepdim=True)
        return (1 - within).sqrt() * noise + ((1 + (d - 1) * within) / d).sqrt() * mean


@dataclass(frozen=True)
class GaussianIndicators(Family):
    """Columns of X tell of one factor and those of Y of another, each with noise of its own."""

    name: ClassVar[str] = "gaussian_indicators"
    group: ClassVar[str] = "gaussian"

    def _draw(self, batch: int, n: int, dx: int, dy: int, rng: torch.Generator) -> Draw:
        a, b = (self._loadings(batch, d, rng) for d in (dx, dy))
        # a factor's squared correlation with what its columns say of it
        known = [(v * v).sum(1) / (1 + (v * v).sum(1)) for v in (a, b)]
        told = known[0] * known[1]
        wanted = correlation(targets(batch, 2, 2, rng)) ** 2
        square = (wanted / told).clamp(max=0.999)
        u, v = normal_pairs(-0.5 * torch.log1p(-square)[:, None], n, rng)
        x = u * a[:, None, :] + normal(rng, batch, n, dx)
        y = v * b[:, None, :] + normal(rng, batch, n, dy)
        return exact(x, y, -0.5 * torch.log1p(-square * told))

    @staticmethod
    def _loadings(batch: int, d: int, rng: torch.Generator) -> Tensor:
        level = log_uniform(rng, batch, 1, low=0.2, high=5.0)
        return level * log_uniform(rng, batch, d, low=0.5, high=2.0)


@dataclass(frozen=True)
class GaussianFactor(Family):
    """A few shared factors loaded on all columns, each of which has noise of its own."""

    name: ClassVar[str] = "gaussian_factor"
    group: ClassVar[str] = "gaussian"

    def _draw(self, batch: int, n: int, dx: int, dy: int, rng: torch.Generator) -> Draw:
        r = whole(rng, 1, 4)
        strength = weights(rng, batch, r, low=0.5)[:, :, None].sqrt()
        a, b = strength * normal(rng, batch, r, dx), strength * normal(rng, batch, r, dy)
        ga, gb = a @ a.mT, b @ b.mT
        level, mi = self._level(ga, gb, targets(batch, dx, dy, rng))
        f = normal(rng, batch, n, r) * level[:, None, None]
        return exact(f @ a + normal(rng, batch, n, dx), f @ b + normal(rng, batch, n, dy), mi)

    @staticmethod
    def _level(ga: Tensor, gb: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
        """Scale of the factors whose information is next to that wanted, among 40."""
        level = torch.logspace(-2, 2.5, 40, device=ga.device, dtype=ga.dtype)
        power = level[:, None, None, None] ** 2
        eye = torch.eye(ga.shape[-1], device=ga.device, dtype=ga.dtype)
        one, other = log_det(eye + power * ga), log_det(eye + power * gb)
        mi = 0.5 * (one + other - log_det(eye + power * (ga + gb)))
        mi = torch.cat([torch.zeros_like(mi[:1]), mi])
        level = torch.cat([torch.zeros_like(level[:1]), level])
        chosen = (mi - wanted).abs().argmin(0)
        return level[chosen], mi.gather(0, chosen[None])[0]


@dataclass(frozen=True)
class GaussianAutoregressive(Family):
    r"""Past and future windows of a stationary series: damped oscillations and noise.

    The autocovariance is :math:`\sum_j a_j\phi_j^{|h|}\cos(\omega_j h)` and noise at h = 0.
    """

    name: ClassVar[str] = "gaussian_autoregressive"
    group: ClassVar[str] = "gaussian"

    def _draw(self, batch: int, n: int, dx: int, dy: int, rng: torch.Generator) -> Draw:
        d, gap = dx + dy, whole(rng, 0, 2)
        time = torch.arange(d, device=rng.device, dtype=torch.float64)
        time = time + gap * (time >= dx)
        lag = (time[:, None] - time).abs()
        damping = 1 - log_uniform(rng, batch, 3, 1, 1, low=0.003, high=0.9)
        frequency = uniform(rng, batch, 3, 1, 1, high=3.0)
        part = damping**lag * torch.cos(frequency * lag)
        noise = log_uniform(rng, batch, 1, 1, low=0.005, high=30)
        eye = torch.eye(d, device=rng.device, dtype=torch.float64)
        cov = (weights(rng, batch, 3, low=0.3)[:, :, None, None] * part).sum(1) + noise * eye
        mi = 0.5 * (log_det(cov[:, :dx, :dx]) + log_det(cov[:, dx:, dx:]) - log_det(cov))
        rows = normal(rng, batch, n, d) @ torch.linalg.cholesky(cov).mT
        return exact(rows[:, :, :dx], rows[:, :, dx:], mi)


@dataclass(frozen=True)
class GaussianRotated(Family):
    """Canonical pairs seen through rotations alone: within the blocks all is white."""

    name: ClassVar[str] = "gaussian_rotated"
    group: ClassVar[str] = "gaussian"

    def _draw(self, batch: int, n: int, dx: int, dy: int, rng: torch.Generator) -> Draw:
        x, y, mi = spectrum(batch, n, dx, dy, rng)
        return exact(rotate(x, rng), rotate(y, rng), mi)


@dataclass(frozen=True)
class GaussianPrincipal(Family):
    """Blocks whose spectrum falls, the information in their leading principal components."""

    name: ClassVar[str] = "gaussian_principal"
    group: ClassVar[str] = "gaussian"

    def _draw(self, batch: int, n: int, dx: int, dy: int, rng: torch.Generator) -> Draw:
        k, widest = min(dx, dy), max(dx, dy)
        mi = split(targets(batch, dx, dy, rng), k, rng).sort(1, descending=True).values
        x, y = normal_pairs(torch.nn.functional.pad(mi, (0, widest - k)), n, rng)
        x, y = (self._falling(v, rng) for v in (x[:, :, :dx], y[:, :, :dy]))
        return exact(rotate(x, rng), rotate(y, rng), mi.sum(1))

    @staticmethod
    def _falling(rows: Tensor, rng: torch.Generator) -> Tensor:
        """Columns of scales 1, 2^-a, 3^-a, ..."""
        batch, _, d = rows.shape
        place = torch.arange(1, d + 1, device=rng.device, dtype=torch.float64)
        return rows * place ** -uniform(rng, batch, 1, 1, low=0.2, high=2.0)
