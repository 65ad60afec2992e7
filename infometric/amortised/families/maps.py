r"""Blocks behind an injective map of their own, which changes no information.

A spiral turns each plane of a block by an angle that grows with the norm of the row; the norm is
kept, so that the map can be undone. A coupling layer moves and scales half of the columns by
functions of the other half:

.. math:: (a, b) \mapsto (a,\; b\,e^{s(a)} + t(a)) .

Without the factor it is a shear, without what is added a stretch. A bending or warping layer
mixes the columns and sends each through a strictly increasing function.

References
----------
Dinh, L., Krueger, D., Bengio, Y. (2014). NICE: Non-linear independent components estimation.
arXiv:1410.8516
Dinh, L., Sohl-Dickstein, J., Bengio, S. (2017). Density estimation using Real NVP.
arXiv:1605.08803
Czyż, P., Grabowski, F., Vogt, J. E., Beerenwinkel, N., Marx, A. (2023). Beyond normal: on the
evaluation of mutual information estimators. arXiv:2306.11078
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from infometric.amortised.families.base import (
    PAIR_MOST,
    Draw,
    Family,
    chosen,
    exact,
    few,
    log_uniform,
    mix,
    mixing,
    normal,
    orthogonal,
    rotate,
    split,
    targets,
    uniform,
    whole,
    wholes,
)
from infometric.amortised.families.gaussian import GaussianRotated, normal_pairs, spectrum

HIDDEN = 8  # width of the functions s and t
LATENT = 4  # informative coordinates of an embedding, at most


def turned(a: Tensor, b: Tensor, angle: Tensor) -> tuple[Tensor, Tensor]:
    """Coordinates in planes, turned by angles."""
    return a * angle.cos() - b * angle.sin(), a * angle.sin() + b * angle.cos()


def spiral(rows: Tensor, rng: torch.Generator) -> Tensor:
    """Rows whose planes are turned by angles in proportion to the norm."""
    batch, _, d = rows.shape
    if d == 1:
        return rows
    z = rows @ orthogonal(batch, d, rng)
    speed = log_uniform(rng, batch, 1, d // 2, low=0.3, high=6.0)
    angle = speed * z.norm(dim=2, keepdim=True) / math.sqrt(d)
    a, b = z[..., 0 : 2 * (d // 2) : 2], z[..., 1::2]
    return torch.cat([*turned(a, b, angle), z[..., 2 * (d // 2) :]], dim=2)


def swirl(rows: Tensor, rng: torch.Generator, fastest: float = 4.0) -> Tensor:
    """Rows whose planes are each turned by an angle that depends on the norm in that plane."""
    batch, _, d = rows.shape
    if d == 1:
        return rows
    z = rows @ orthogonal(batch, d, rng)
    a, b = z[..., 0 : 2 * (d // 2) : 2], z[..., 1::2]
    r = torch.hypot(a, b)
    angles = torch.stack([torch.log(r.clamp(min=1e-9)), 3 * torch.exp(-0.5 * r**2), r])
    which = wholes(rng, batch, 1, d // 2, low=0, high=len(angles) - 1)
    angle = angles.gather(0, which[None].expand(1, -1, rows.shape[1], -1))[0]
    angle = angle * log_uniform(rng, batch, 1, d // 2, low=0.3, high=fastest)
    return torch.cat([*turned(a, b, angle), z[..., 2 * (d // 2) :]], dim=2)


def couple(rows: Tensor, rng: torch.Generator) -> Tensor:
    """One coupling layer: the latter half of the columns moves with the former."""
    batch, _, d = rows.shape
    half = d // 2
    a, b = rows[..., :half], rows[..., half:]
    strength = uniform(rng, batch, 1, 1, low=0.1, high=1.2)
    hidden = torch.tanh(
        a @ normal(rng, batch, half, HIDDEN) * (1.5 / math.sqrt(half))
        + normal(rng, batch, 1, HIDDEN)
    )
    to = normal(rng, 2, batch, HIDDEN, d - half) * (2 / math.sqrt(HIDDEN))
    return torch.cat(
        [b * torch.exp(strength * torch.tanh(hidden @ to[0])) + strength * hidden @ to[1], a], 2
    )


def flow(rows: Tensor, rng: torch.Generator, layers: int = 3) -> Tensor:
    """Rows through coupling layers with rotations between them; a single column stays."""
    if rows.shape[2] == 1:
        return rows
    for _ in range(layers):
        rows = couple(rotate(rows, rng), rng)
    return rows


def sheared(rows: Tensor, rng: torch.Generator) -> Tensor:
    """Rows mixed, then half of the columns moved by functions of the other half, twice."""
    d = rows.shape[2]
    if d == 1:
        return rows
    for _ in range(2):
        rows = shear(mix(rows, rng, 1.0), rng)
    return rows


def shear(rows: Tensor, rng: torch.Generator) -> Tensor:
    """One shearing layer, which keeps volumes: the latter half moves with waves of the former."""
    batch, _, d = rows.shape
    half = d // 2
    a, b = rows[..., :half], rows[..., half:]
    slope = normal(rng, batch, half, HIDDEN) * (1.0 / math.sqrt(half))
    hidden = torch.sin(torch.asinh(a) @ slope * 2 + normal(rng, batch, 1, HIDDEN))
    strength = log_uniform(rng, batch, 1, 1, low=0.1, high=2.0)
    to = normal(rng, batch, HIDDEN, d - half) / math.sqrt(HIDDEN)
    return torch.cat([b + strength * hidden @ to, a], dim=2)


def stretched(rows: Tensor, rng: torch.Generator) -> Tensor:
    """Rows turned, then half of the columns scaled by functions of the other half, twice."""
    if rows.shape[2] == 1:
        return rows
    for _ in range(2):
        rows = stretch(rotate(rows, rng), rng)
    return rows


def stretch(rows: Tensor, rng: torch.Generator) -> Tensor:
    """One stretching layer: the former half scales the latter, no column by more than 4.5."""
    batch, _, d = rows.shape
    half = d // 2
    a, b = rows[..., :half], rows[..., half:]
    slope = normal(rng, batch, half, HIDDEN) * (1.5 / math.sqrt(half))
    hidden = torch.tanh(a @ slope + normal(rng, batch, 1, HIDDEN))
    strength = uniform(rng, batch, 1, 1, low=0.3, high=1.5)
    to = normal(rng, batch, HIDDEN, d - half) * (2 / math.sqrt(HIDDEN))
    return torch.cat([b * torch.exp(strength * torch.tanh(hidden @ to)), a], dim=2)


def bent(rows: Tensor, rng: torch.Generator) -> Tensor:
    """Rows through one bending layer or two, their columns then mixed in half of the tasks."""
    for _ in range(whole(rng, 1, 2)):
        rows = bend(rows, rng)
    return mix(rows, rng, 0.5)


def bend(rows: Tensor, rng: torch.Generator) -> Tensor:
    """One bending layer: columns mixed, then each a cubic, a hyperbolic arcsine or a soft kink."""
    batch, _, d = rows.shape
    turn = mixing(batch, d, rng, 1.0)
    t = rows @ (turn / turn.norm(dim=1, keepdim=True))  # near unit scale, so that layers stack up
    t = t - normal(rng, batch, 1, d)
    a = log_uniform(rng, batch, 1, d, low=0.3, high=3.0)
    cubic = (t + a * t**3) / (1 + 4 * a)
    slow = torch.asinh(a * t)
    kink = 0.1 * t + torch.nn.functional.softplus(2 * a * t) / (2 * a)
    which = wholes(rng, batch, 1, d, low=0, high=2)
    return torch.where(which == 0, cubic, torch.where(which == 1, slow, kink))


def warped(rows: Tensor, rng: torch.Generator) -> Tensor:
    """Rows whose columns are mixed and warped; mixed once more in half of the tasks."""
    return mix(warp(rows, rng), rng, 0.5)


def warp(rows: Tensor, rng: torch.Generator) -> Tensor:
    """One warping layer: columns mixed, then each a power, a line with ripples, or flat far out."""
    batch, _, d = rows.shape
    turn = mixing(batch, d, rng, 1.0)
    t = rows @ (turn / turn.norm(dim=1, keepdim=True)) - normal(rng, batch, 1, d)
    a = log_uniform(rng, batch, 1, d, low=0.4, high=2.5)
    power = torch.sign(t) * t.abs() ** a
    ripple = t + 0.9 * torch.sin(2 * a * t) / (2 * a)
    flat = t / (1 + a * t.abs())
    which = wholes(rng, batch, 1, d, low=0, high=2)
    return torch.where(which == 0, power, torch.where(which == 1, ripple, flat))


@dataclass(frozen=True)
class Mapped(Family):
    """Base: blocks of several columns, as a map of a single one changes nothing that ranks show."""

    group: ClassVar[str] = "map"

    def accepts(self, dx: int, dy: int) -> bool:
        """Two columns or more on one side."""
        return super().accepts(dx, dy) and max(dx, dy) >= 2


@dataclass(frozen=True)
class Spiral(Mapped):
    """Normal blocks wound into spirals."""

    name: ClassVar[str] = "spiral"

    def _draw(self, batch: int, n: int, dx: int, dy: int, rng: torch.Generator) -> Draw:
        x, y, mi = spectrum(batch, n, dx, dy, rng)
        return exact(spiral(x, rng), spiral(y, rng), mi)


@dataclass(frozen=True)
class Swirl(Mapped):
    """Normal blocks whose planes swirl each on its own, in the middle, far out, or evenly."""

    name: ClassVar[str] = "swirl"

    def _draw(self, batch: int, n: int, dx: int, dy: int, rng: torch.Generator) -> Draw:
        x, y, mi = spectrum(batch, n, dx, dy, rng)
        return exact(mix(swirl(x, rng), rng), mix(swirl(y, rng), rng), mi)


@dataclass(frozen=True)
class Twisted(Mapped):
    """Normal blocks that swirl slowly twice, in planes of their own each time."""

    name: ClassVar[str] = "twisted"

    def _draw(self, batch: int, n: int, dx: int, dy: int, rng: torch.Generator) -> Draw:
        x, y, mi = spectrum(batch, n, dx, dy, rng)
        x, y = (swirl(swirl(v, rng, 1.5), rng, 1.5) for v in (x, y))
        return exact(mix(x, rng), mix(y, rng), mi)


@dataclass(frozen=True)
class GaussianFlow(Mapped):
    """Normal blocks through random flows."""

    name: ClassVar[str] = "gaussian_flow"

    def _draw(self, batch: int, n: int, dx: int, dy: int, rng: torch.Generator) -> Draw:
        drawn = GaussianRotated().draw(batch, n, dx, dy, rng)
        layers = whole(rng, 1, 3)
        return exact(flow(drawn.x, rng, layers), flow(drawn.y, rng, layers), drawn.mi)


@dataclass(frozen=True)
class CopulaFlow(Mapped):
    """Blocks of other families, of heavy tails or uncommon copulas, through random flows.

    Parameters
    ----------
    parts : tuple of Family
        Families to choose from.
    """

    parts: tuple[Family, ...]
    name: ClassVar[str] = "copula_flow"

    def _draw(self, batch: int, n: int, dx: int, dy: int, rng: torch.Generator) -> Draw:
        part = chosen(self.parts, dx, dy, rng)
        drawn = part.draw(batch, n, dx, dy, rng)
        x, y = self._through(drawn.x, rng), self._through(drawn.y, rng)
        return Draw(x, y, drawn.mi, drawn.se, (part.name,))

    @staticmethod
    def _through(rows: Tensor, rng: torch.Generator) -> Tensor:
        """Rows through a map that can be undone."""
        return flow(rows, rng, 2)


@dataclass(frozen=True)
class NoisyFlow(CopulaFlow):
    """Blocks of curves, circles and other noisy pairs through random flows."""

    name: ClassVar[str] = "noisy_flow"


@dataclass(frozen=True)
class ScaleFlow(CopulaFlow):
    """Blocks whose scale varies, all together or pair by pair, through random flows."""

    name: ClassVar[str] = "scale_flow"


@dataclass(frozen=True)
class WaveFlow(CopulaFlow):
    """Blocks of waves, rings, volatile pairs, bounded or smooth noise, through random flows."""

    name: ClassVar[str] = "wave_flow"


@dataclass(frozen=True)
class StretchedWaves(CopulaFlow):
    """Blocks of waves, curves, circles and the like behind stretches.

    They are left out with what they are made of, not with other maps.
    """

    name: ClassVar[str] = "stretched_waves"
    group: ClassVar[str] = "curve"

    @staticmethod
    def _through(rows: Tensor, rng: torch.Generator) -> Tensor:
        return stretched(rows, rng)


@dataclass(frozen=True)
class SwirledWaves(CopulaFlow):
    """Blocks of waves, curves, circles and the like in swirls, left out as those in stretches."""

    name: ClassVar[str] = "swirled_waves"
    group: ClassVar[str] = "curve"

    @staticmethod
    def _through(rows: Tensor, rng: torch.Generator) -> Tensor:
        return mix(swirl(rows, rng, 2.0), rng, 0.5)


@dataclass(frozen=True)
class BentCopula(CopulaFlow):
    """Blocks of other families behind bending layers."""

    name: ClassVar[str] = "bent_copula"

    @staticmethod
    def _through(rows: Tensor, rng: torch.Generator) -> Tensor:
        return bent(rows, rng)


@dataclass(frozen=True)
class WarpedCopula(CopulaFlow):
    """Blocks of other families behind a warping layer."""

    name: ClassVar[str] = "warped_copula"

    @staticmethod
    def _through(rows: Tensor, rng: torch.Generator) -> Tensor:
        return warped(rows, rng)


@dataclass(frozen=True)
class ShearedCopula(CopulaFlow):
    """Blocks of other families behind shears."""

    name: ClassVar[str] = "sheared_copula"

    @staticmethod
    def _through(rows: Tensor, rng: torch.Generator) -> Tensor:
        return sheared(rows, rng)


@dataclass(frozen=True)
class Embedding(Mapped):
    """A few informative coordinates on a curved surface in many columns, with little noise.

    The noise fills the other directions: the map from coordinates and noise to columns can be
    undone, and noise of one block is independent of all else.
    """

    name: ClassVar[str] = "embedding"

    def _draw(self, batch: int, n: int, dx: int, dy: int, rng: torch.Generator) -> Draw:
        r = int(few(rng, high=min(LATENT, dx, dy)))
        mi = split(targets(batch, dx, dy, rng), r, rng, PAIR_MOST)
        x, y = normal_pairs(mi, n, rng)
        return exact(self._embedded(x, dx, rng), self._embedded(y, dy, rng), mi.sum(1))

    def _embedded(self, rows: Tensor, d: int, rng: torch.Generator) -> Tensor:
        batch, n, r = rows.shape
        level = log_uniform(rng, batch, 1, 1, low=0.02, high=1.0)
        noise = level * normal(rng, batch, n, d - r)
        return self._shaped(torch.cat([rows, noise], dim=2), rng)

    @staticmethod
    def _shaped(rows: Tensor, rng: torch.Generator) -> Tensor:
        """Coordinates and noise through a map that can be undone."""
        return flow(rows, rng, 2)


@dataclass(frozen=True)
class Surface(Embedding):
    """A few informative coordinates behind bending layers: many columns bent along with each."""

    name: ClassVar[str] = "surface"

    @staticmethod
    def _shaped(rows: Tensor, rng: torch.Generator) -> Tensor:
        return bent(rows, rng)
