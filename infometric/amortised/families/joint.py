r"""Dependence that no pair of columns shows, and frailty that all columns share.

Where Y is a fair sign, the product of signs of several columns of X flipped with probability p,
:math:`I=\log 2-H(p)`; where it is the fractional part of the sum of uniform columns and of uniform
noise of width e, :math:`I=-\log e`. Columns :math:`E_i/V` with exponential :math:`E_i` and a shared
gamma variable V of shape a are a multivariate Lomax law, with

.. math:: h(d) = \log\Gamma(a) - \log\Gamma(a+d) + (a+d)(\psi(a+d)-\psi(a)),\qquad
          I = h(d_x) + h(d_y) - h(d_x+d_y) .

References
----------
Darbellay, G. A., Vajda, I. (2000). Entropy expressions for multivariate continuous distributions.
IEEE Trans. Inf. Theory 46, 709-712. doi:10.1109/18.825848
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import numpy as np
import torch
from scipy.special import digamma
from torch import Tensor

from infometric.amortised.families.base import (
    WIDEST,
    Draw,
    Family,
    Pairs,
    Table,
    chosen,
    exact,
    exponential,
    few,
    gamma,
    log_uniform,
    mix,
    normal,
    signs,
    split,
    targets,
    uniform,
    whole,
    wholes,
)
from infometric.amortised.families.noisy import flip, sign_information


@dataclass(frozen=True)
class Synergy(Family):
    """Base: each of some columns of Y depends on two or three columns of X, or X on Y, jointly."""

    group: ClassVar[str] = "parity"
    cap: ClassVar[float] = 0.65
    most: ClassVar[int] = 3  # columns that tell of one

    def accepts(self, dx: int, dy: int) -> bool:
        """Two columns or more on one side."""
        return super().accepts(dx, dy) and max(dx, dy) >= 2

    def _draw(self, batch: int, n: int, dx: int, dy: int, rng: torch.Generator) -> Draw:
        if dx < dy:
            turned = self._draw(batch, n, dy, dx, rng)
            return turned._replace(x=turned.y, y=turned.x)
        m = whole(rng, 2, min(self.most, dx))
        k = min(dx // m, dy)
        parts = split(targets(batch, dx, dy, rng), k, rng, self.cap)
        x, y, mi = self._joint(m, parts, n, rng)
        x = torch.cat([x, self._noise(batch, n, dx - m * k, rng)], dim=2)
        y = torch.cat([y, self._noise(batch, n, dy - k, rng)], dim=2)
        return exact(mix(x, rng, 0.4), mix(y, rng, 0.4), mi.sum(1))

    def _joint(
        self, m: int, mi: Tensor, n: int, rng: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Columns (batch, n, mk) and (batch, n, k), and information (batch, k)."""
        raise NotImplementedError

    @staticmethod
    def _noise(batch: int, n: int, d: int, rng: torch.Generator) -> Tensor:
        return normal(rng, batch, n, d)


@dataclass(frozen=True)
class Parity(Synergy):
    """The sign of a column of Y is the product of signs of columns of X, now and then flipped."""

    name: ClassVar[str] = "parity"

    def _joint(
        self, m: int, mi: Tensor, n: int, rng: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        batch, k = mi.shape
        p = flip(mi)
        x = normal(rng, batch, n, m * k)
        sign = torch.sign(x).reshape(batch, n, k, m).prod(3)
        sign = sign * signs(rng, batch, n, k, minus=p[:, None, :])
        return x, sign * normal(rng, batch, n, k).abs(), sign_information(p)


@dataclass(frozen=True)
class OfUniform(Synergy):
    """Base: the columns of X are uniform, and so are those that tell nothing."""

    @staticmethod
    def _noise(batch: int, n: int, d: int, rng: torch.Generator) -> Tensor:
        return uniform(rng, batch, n, d) - 0.5


@dataclass(frozen=True)
class ModularSum(OfUniform):
    """A column of Y is the fractional part of a sum of uniform columns of X and noise."""

    name: ClassVar[str] = "modular_sum"
    cap: ClassVar[float] = 3.0

    def _joint(
        self, m: int, mi: Tensor, n: int, rng: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        batch, k = mi.shape
        x = uniform(rng, batch, n, m * k)
        noise = torch.exp(-mi)[:, None, :] * uniform(rng, batch, n, k)
        total = x.reshape(batch, n, k, m).sum(3) + noise
        return x - 0.5, total - torch.floor(total) - 0.5, mi


SPARE = 64  # rows that show where the values of a column lie
FEW = 6  # informative columns among others, at most


@dataclass(frozen=True)
class SharedFrailty(Family):
    """Every column divided by one gamma variable: dependence within the blocks and between."""

    name: ClassVar[str] = "shared_frailty"
    group: ClassVar[str] = "archimedean"

    def _draw(self, batch: int, n: int, dx: int, dy: int, rng: torch.Generator) -> Draw:
        a = log_uniform(rng, batch, low=0.08, high=30.0)
        v = gamma(rng, a[:, None, None].expand(batch, n, 1).contiguous())
        # the logarithm keeps the order, and light tails
        columns = torch.log(exponential(rng, batch, n, dx + dy)) - torch.log(v)
        columns = columns * signs(rng, batch, 1, dx + dy)
        mi = frailty_information(a, dx, dy)
        return exact(mix(columns[..., :dx], rng, 0.5), mix(columns[..., dx:], rng, 0.5), mi)


def frailty_information(a: Tensor, dx: int, dy: int) -> Tensor:
    """Information between blocks of columns with a shared gamma frailty of shape a, nats.

    Examples
    --------
    With one column each this is Clayton's copula of theta = 1 / a.

    >>> found = frailty_information(torch.tensor([0.5], dtype=torch.float64), 1, 1)
    >>> bool(abs(float(found) - (np.log(3) - 2 / 3)) < 1e-12)
    True
    """

    def entropy(d: int) -> Tensor:
        total = a + d
        gain = total * (torch.digamma(total) - torch.digamma(a))
        return torch.lgamma(a) - torch.lgamma(total) + gain

    return entropy(dx) + entropy(dy) - entropy(dx + dy)


@cache
def gamma_exponential_table() -> Table:
    r"""Information of a gamma variable X and Y exponential of rate X: :math:`\psi(a+1)-\log a`."""
    shape = np.geomspace(0.01, 2000, 400)
    return Table.of(shape, digamma(shape + 1) - np.log(shape))


@dataclass(frozen=True)
class GammaExponential(Pairs):
    """X gamma, Y exponential with rate X: many values of X near zero where the shape is small."""

    name: ClassVar[str] = "gamma_exponential"
    group: ClassVar[str] = "curve"

    def pairs(self, mi: Tensor, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Logarithms of the two variables, which keep the order."""
        shape, known = gamma_exponential_table().nearest(mi)
        log_x = torch.log(
            gamma(rng, shape[:, None, :].expand(len(mi), n, mi.shape[1]).contiguous())
        )
        log_y = torch.log(exponential(rng, *log_x.shape)) - log_x
        return log_x / (1 + 1 / shape[:, None, :]), log_y / (1 + 1 / shape[:, None, :]), known


@dataclass(frozen=True)
class Stacked(Family):
    """Two families side by side and columns of noise; the columns mixed, or left.

    Parameters
    ----------
    parts : tuple of Family
        Families to choose from.
    """

    parts: tuple[Family, ...]
    name: ClassVar[str] = "stacked"
    group: ClassVar[str] = "combined"

    def accepts(self, dx: int, dy: int) -> bool:
        """Two columns or more on both sides."""
        return min(dx, dy) >= 2 and max(dx, dy) <= WIDEST

    def _draw(self, batch: int, n: int, dx: int, dy: int, rng: torch.Generator) -> Draw:
        ax, ay = whole(rng, 1, dx - 1), whole(rng, 1, dy - 1)
        bx, by = whole(rng, 1, dx - ax), whole(rng, 1, dy - ay)
        first, second = chosen(self.parts, ax, ay, rng), chosen(self.parts, bx, by, rng)
        one = first.draw(batch, n, ax, ay, rng)
        two = second.draw(batch, n, bx, by, rng)
        x = torch.cat([one.x, two.x, normal(rng, batch, n, dx - ax - bx)], dim=2)
        y = torch.cat([one.y, two.y, normal(rng, batch, n, dy - ay - by)], dim=2)
        se = torch.hypot(one.se, two.se)
        names = (first.name, second.name)
        return Draw(mix(x, rng, 0.4), mix(y, rng, 0.4), one.mi + two.mi, se, names)


@dataclass(frozen=True)
class Independent(Family):
    """X of one family and Y of another: no information, whatever the shape of each block.

    Parameters
    ----------
    parts : tuple of Family
        Families to choose from.
    """

    parts: tuple[Family, ...]
    name: ClassVar[str] = "independent"
    group: ClassVar[str] = "combined"

    def _draw(self, batch: int, n: int, dx: int, dy: int, rng: torch.Generator) -> Draw:
        first, second = (chosen(self.parts, dx, dy, rng) for _ in range(2))
        x = first.draw(batch, n, dx, dy, rng).x
        y = second.draw(batch, n, dx, dy, rng).y
        none = torch.zeros(batch, dtype=x.dtype, device=x.device)
        return Draw(x, y, none, none, (first.name, second.name))


@dataclass(frozen=True)
class Widened(Family):
    """Base: a family of fewer columns, and further columns that add no information.

    Parameters
    ----------
    parts : tuple of Family
        Families to choose from.
    """

    parts: tuple[Family, ...]
    group: ClassVar[str] = "combined"

    def accepts(self, dx: int, dy: int) -> bool:
        """Two columns or more on one side."""
        return super().accepts(dx, dy) and max(dx, dy) >= 2

    def _draw(self, batch: int, n: int, dx: int, dy: int, rng: torch.Generator) -> Draw:
        ax, ay = self._inner(dx, dy, rng)
        part = chosen(self.parts, ax, ay, rng)
        drawn = part.draw(batch, n + SPARE, ax, ay, rng)
        x, y = (
            mix(self._wide(standard(rows), d, rng)[:, :n], rng, 0.3)
            for rows, d in ((drawn.x, dx), (drawn.y, dy))
        )
        return Draw(x, y, drawn.mi, drawn.se, (part.name, *drawn.parts))

    @staticmethod
    def _inner(dx: int, dy: int, rng: torch.Generator) -> tuple[int, int]:
        """Columns of the family within; there are fewer on one side at least."""
        raise NotImplementedError

    @staticmethod
    def _wide(rows: Tensor, d: int, rng: torch.Generator) -> Tensor:
        """Rows with further columns, d in all."""
        raise NotImplementedError


def standard(rows: Tensor) -> Tensor:
    """Columns moved and scaled by what the last rows show, which are not used otherwise.

    As these rows are no part of the task, its rows stay independent.
    """
    spare = rows[:, -SPARE:].sort(dim=1).values
    middle = spare[:, SPARE // 2, None]
    spread = 0.5 * (spare[:, 5 * SPARE // 6, None] - spare[:, SPARE // 6, None])
    spread = torch.where(spread > 0, spread, spare[:, -1:] - spare[:, :1])
    return (rows - middle) / torch.where(spread > 0, spread, 1.0)


@dataclass(frozen=True)
class Redundant(Widened):
    """Further columns are functions of those of the same block, with little noise of their own."""

    name: ClassVar[str] = "redundant"

    @staticmethod
    def _inner(dx: int, dy: int, rng: torch.Generator) -> tuple[int, int]:
        side = whole(rng, 0, 2)  # X alone, Y alone, or both
        ax = int(few(rng, high=dx - 1)) if dx > 1 and (side != 1 or dy == 1) else dx
        ay = int(few(rng, high=dy - 1)) if dy > 1 and (side != 0 or dx == 1) else dy
        return ax, ay

    @staticmethod
    def _wide(rows: Tensor, d: int, rng: torch.Generator) -> Tensor:
        batch, n, a = rows.shape
        if a == d:
            return rows
        one, other = (
            rows.gather(2, wholes(rng, batch, 1, d - a, low=0, high=a - 1).expand(-1, n, -1))
            for _ in range(2)
        )
        bounded = one.clamp(-100.0, 100.0)  # a function need not be one to one
        ways = torch.stack(
            [
                one,
                one + normal(rng, batch, 1, d - a) * other,
                bounded**2,
                torch.exp(bounded.clamp(max=6.0)),
                torch.where(one < 0, -1.0, 1.0).to(one.dtype),  # last, as it may have ties
            ]
        )
        which = wholes(rng, batch, 1, d - a, low=0, high=len(ways) - 1)
        made = ways.gather(0, which[None].expand(1, -1, n, -1))[0]
        level = log_uniform(rng, batch, 1, d - a, low=1e-3, high=0.5)
        both = made[:, -SPARE:].amin(1, keepdim=True) < made[:, -SPARE:].amax(1, keepdim=True)
        ties = both & (which == len(ways) - 1) & (uniform(rng, batch, 1, d - a) < 0.3)
        noise = torch.where(ties, 0.0, level) * normal(rng, *made.shape)
        return torch.cat([rows, standard(made) + noise], dim=2)


@dataclass(frozen=True)
class Overcomplete(Redundant):
    """Further columns are weighted sums of all columns of the block, bent or not, with noise."""

    name: ClassVar[str] = "overcomplete"

    @staticmethod
    def _wide(rows: Tensor, d: int, rng: torch.Generator) -> Tensor:
        batch, n, a = rows.shape
        if a == d:
            return rows
        sums = standard(rows @ normal(rng, batch, a, d - a))
        ways = torch.stack([sums, sums.abs(), torch.asinh(3 * sums), torch.sin(2 * sums)])
        which = wholes(rng, batch, 1, d - a, low=0, high=len(ways) - 1)
        made = ways.gather(0, which[None].expand(1, -1, n, -1))[0]
        level = log_uniform(rng, batch, 1, d - a, low=1e-3, high=0.5)
        return torch.cat([rows, standard(made) + level * normal(rng, *made.shape)], dim=2)


@dataclass(frozen=True)
class Sparse(Widened):
    """A few columns of another family among columns that tell nothing.

    These are normal, on their own or with factors in common, uniform, or heavy of tail.
    """

    name: ClassVar[str] = "sparse"

    @staticmethod
    def _inner(dx: int, dy: int, rng: torch.Generator) -> tuple[int, int]:
        ax, ay = (int(few(rng, high=min(d, FEW))) for d in (dx, dy))
        if (ax, ay) == (dx, dy):
            return (1, ay) if dx > 1 else (ax, 1)
        return ax, ay

    @staticmethod
    def _wide(rows: Tensor, d: int, rng: torch.Generator) -> Tensor:
        batch, n, a = rows.shape
        plain = normal(rng, batch, n, d - a)
        factor = normal(rng, batch, n, 2) @ normal(rng, batch, 2, d - a)
        tail = gamma(rng, torch.ones_like(plain[..., :1])).sqrt()
        flat = 3.4 * (uniform(rng, *plain.shape) - 0.5)
        strength = log_uniform(rng, batch, 1, 1, low=0.1, high=10.0)
        kind = wholes(rng, batch, 1, 1, low=0, high=3)
        other = torch.where(kind == 0, plain, (plain + strength * factor) / (1 + strength))
        other = torch.where(kind == 2, flat, torch.where(kind == 3, plain / tail, other))
        return torch.cat([rows, other], dim=2)
