r"""Pairs with a given copula: Archimedean ones, and random densities on a grid.

An Archimedean copula of generator :math:`\psi` is the law of
:math:`(\psi(E_1/V), \psi(E_2/V))`, E exponential, V with Laplace transform :math:`\psi`. With
:math:`t=\psi^{-1}(u)+\psi^{-1}(v)` of density :math:`t\psi''(t)` and
:math:`s=\psi^{-1}(u)/t` uniform and independent of it,

.. math:: I = \int_0^\infty t\,\psi''(t)\int_0^1 \log\frac{\psi''(t)}{\psi'(st)\,\psi'((1-s)t)}
          \,ds\,dt .

On a grid the density is constant in each cell and I is that of the table of cells.

References
----------
Marshall, A. W., Olkin, I. (1988). Families of multivariate distributions. J. Am. Stat. Assoc. 83,
834-841. doi:10.1080/01621459.1988.10478671
Joe, H. (1997). Multivariate models and dependence concepts. Chapman and Hall, family BB8.
Genest, C., Rivest, L.-P. (1993). Statistical inference procedures for bivariate Archimedean
copulas. J. Am. Stat. Assoc. 88, 1034-1043. doi:10.1080/01621459.1993.10476372
Hofert, M. (2011). Efficiently sampling nested Archimedean copulas. Comput. Stat. Data Anal. 55,
57-70. doi:10.1016/j.csda.2010.04.025
Sinkhorn, R. (1964). A relationship between arbitrary positive matrices and doubly stochastic
matrices. Ann. Math. Stat. 35, 876-879. doi:10.1214/aoms/1177703591
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
    Draw,
    Pairs,
    Table,
    exact,
    exponential,
    gamma,
    log_uniform,
    normal,
    rotate,
    signs,
    uniform,
    whole,
)
from infometric.typing import Array

STRENGTHS = 110  # parameters of a table


# --- Archimedean ------------------------------------------------------------------------------


def archimedean_information(first: Array, second: Array, log_t: Array) -> float:
    r"""Integral of the module's formula.

    Parameters
    ----------
    first : ndarray of shape (t, s)
        :math:`\log(-\psi'(st)) + \log(-\psi'((1-s)t))` at the nodes of `unit_nodes`.
    second : ndarray of shape (t,)
        :math:`\log\psi''(t)`.
    log_t : ndarray of shape (t,)
        Logarithms of t, equally spaced.
    """
    inner = second - first @ unit_nodes()[2]
    mass = np.exp(2 * log_t + second)
    return float(mass @ inner / mass.sum())


@cache
def unit_nodes() -> tuple[Array, Array, Array]:
    """Logarithms of s and of 1 - s, and weights of a mean over s in (0, 1); the ends are dense."""
    x = np.linspace(-3.2, 3.2, 81)
    inner = np.pi / 2 * np.sinh(x)
    log_s, log_rest = -np.logaddexp(0, -2 * inner), -np.logaddexp(0, 2 * inner)
    mass = np.cosh(x) / np.cosh(inner) ** 2
    return log_s, log_rest, mass / mass.sum()


@dataclass(frozen=True)
class Archimedean(Pairs):
    """Base of the Archimedean copulas, each column reversed or not."""

    group: ClassVar[str] = "archimedean"
    cap: ClassVar[float] = 2.0

    @staticmethod
    def strengths() -> Array:
        """Parameters, of independence first."""
        raise NotImplementedError

    def log_t(self, theta: float) -> Array:
        """Equally spaced logarithms of t that hold all its mass."""
        return np.linspace(-25.0, 8.0, 800)

    def slopes(self, theta: float, log_t: Array) -> tuple[Array, Array]:
        """Logarithms of minus the first derivative of the generator, and of its second."""
        raise NotImplementedError

    def table(self) -> Table:
        """Information of each parameter."""
        return _table(self)

    def generator(self, theta: Tensor, v: Tensor, e: Tensor) -> Tensor:
        """The generator at e / v."""
        raise NotImplementedError

    def frailty(self, theta: Tensor, n: int, rng: torch.Generator) -> Tensor:
        """Variable V of each pair of each row, shape (batch, n, k)."""
        raise NotImplementedError

    def pairs(self, mi: Tensor, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Pairs by their common frailty."""
        theta, known = self.table().nearest(mi)
        theta = theta[:, None, :]
        shape = (len(mi), n, mi.shape[1])
        v = self.frailty(theta, n, rng)
        x, y = (self.generator(theta, v, exponential(rng, *shape)) for _ in range(2))
        x = (x - 0.5) * signs(rng, len(mi), 1, mi.shape[1])
        return x, (y - 0.5) * signs(rng, len(mi), 1, mi.shape[1]), known


@cache
def _table(family: Archimedean) -> Table:
    log_s, log_rest, _ = unit_nodes()
    found = [0.0]
    for theta in family.strengths()[1:]:
        log_t = family.log_t(theta)
        parts = [family.slopes(theta, log_t[:, None] + part)[0] for part in (log_s, log_rest)]
        second = family.slopes(theta, log_t)[1]
        found.append(archimedean_information(parts[0] + parts[1], second, log_t))
    return Table.of(family.strengths(), np.array(found))


@dataclass(frozen=True)
class Clayton(Archimedean):
    r"""Dependence in one corner; :math:`I=\log(1+\theta)-\theta/(1+\theta)`."""

    name: ClassVar[str] = "clayton"

    @staticmethod
    def strengths() -> Array:
        """Theta above zero; the least stands for independence."""
        return np.geomspace(1e-3, 25, STRENGTHS)

    def table(self) -> Table:
        """Information by the closed form."""
        theta = self.strengths()
        return Table.of(theta, np.log1p(theta) - theta / (1 + theta))

    def generator(self, theta: Tensor, v: Tensor, e: Tensor) -> Tensor:
        """(1 + t)^(-1/theta)."""
        return torch.exp(-torch.log1p(e / v) / theta)

    def frailty(self, theta: Tensor, n: int, rng: torch.Generator) -> Tensor:
        """Gamma of shape 1/theta."""
        shape = (1 / theta).expand(len(theta), n, theta.shape[2])
        return gamma(rng, shape.contiguous())


@dataclass(frozen=True)
class Gumbel(Archimedean):
    """Extremes of one side go together."""

    name: ClassVar[str] = "gumbel"

    @staticmethod
    def strengths() -> Array:
        """Theta from 1 upward."""
        return 1 + np.r_[0.0, np.geomspace(0.01, 9, STRENGTHS)]

    def log_t(self, theta: float) -> Array:
        """Range of t = r^theta for r from e^-25 to e^4."""
        return theta * np.linspace(-25.0, 4.0, 800)

    def slopes(self, theta: float, log_t: Array) -> tuple[Array, Array]:
        """Of exp(-t^(1/theta))."""
        b = 1 / theta
        power = np.exp(b * log_t)
        first = math.log(b) + (b - 1) * log_t - power
        return first, first - log_t + np.log(b * power + 1 - b)

    def generator(self, theta: Tensor, v: Tensor, e: Tensor) -> Tensor:
        """exp(-t^(1/theta))."""
        return torch.exp(-((e / v) ** (1 / theta)))

    def frailty(self, theta: Tensor, n: int, rng: torch.Generator) -> Tensor:
        """Positive stable of index 1/theta, by Kanter's formula."""
        b = 1 / theta
        shape = (len(theta), n, theta.shape[2])
        angle, e = math.pi * uniform(rng, *shape), exponential(rng, *shape)
        ratio = torch.sin((1 - b) * angle) / e
        power = torch.where(b < 1, (1 - b) / b, 0.0)
        spread = torch.where(b < 1, ratio, 1.0) ** power
        return (torch.sin(b * angle) / torch.sin(angle) ** theta * spread).clamp(1e-290, 1e290)


@dataclass(frozen=True)
class Frank(Archimedean):
    """Symmetric, without dependence in the tails."""

    name: ClassVar[str] = "frank"

    @staticmethod
    def strengths() -> Array:
        """Theta above zero; the least stands for independence."""
        return np.r_[1e-3, np.geomspace(0.05, 60, STRENGTHS)]

    def slopes(self, theta: float, log_t: Array) -> tuple[Array, Array]:
        """Of -log(1 - (1 - e^-theta) e^-t) / theta."""
        q, t = -math.expm1(-theta), np.exp(log_t)
        rest = np.log(np.exp(-theta - t) - np.expm1(-t))
        first = math.log(q / theta) - t - rest
        return first, first - rest

    def generator(self, theta: Tensor, v: Tensor, e: Tensor) -> Tensor:
        """-log(1 - (1 - e^-theta) e^-t) / theta."""
        t = e / v
        return -torch.log(torch.exp(-theta - t) - torch.expm1(-t)) / theta

    def frailty(self, theta: Tensor, n: int, rng: torch.Generator) -> Tensor:
        """Logarithmic law of parameter 1 - e^-theta, by Kemp's method."""
        shape = (len(theta), n, theta.shape[2])
        u, w = uniform(rng, *shape), uniform(rng, *shape)
        rare = torch.log1p(-torch.exp(-theta * w))
        return 1 + torch.floor(u.log() / rare)


@dataclass(frozen=True)
class Joe(Archimedean):
    """Strong dependence in one corner, little elsewhere."""

    name: ClassVar[str] = "joe"

    @staticmethod
    def strengths() -> Array:
        """Theta from 1 upward."""
        return 1 + np.r_[0.0, np.geomspace(0.01, 15, STRENGTHS)]

    def log_t(self, theta: float) -> Array:
        """Range of t: the lower end widens with theta."""
        return np.linspace(-25.0 * theta, 5.0, 900)

    def slopes(self, theta: float, log_t: Array) -> tuple[Array, Array]:
        """Of 1 - (1 - e^-t)^(1/theta)."""
        b, t = 1 / theta, np.exp(log_t)
        log_w = np.where(log_t < -30, log_t, np.log(-np.expm1(-t)))
        first = math.log(b) - t + (b - 1) * log_w
        return first, first - log_w + np.log(-np.expm1(-t) + (1 - b) * np.exp(-t))

    def generator(self, theta: Tensor, v: Tensor, e: Tensor) -> Tensor:
        """1 - (1 - e^-t)^(1/theta)."""
        return -torch.expm1(torch.log(-torch.expm1(-e / v)) / theta)

    def frailty(self, theta: Tensor, n: int, rng: torch.Generator) -> Tensor:
        """Sibuya law of parameter 1/theta, by its quantile function."""
        b = 1 / theta
        rest = uniform(rng, len(theta), n, theta.shape[2])  # 1 - u
        log_g = torch.lgamma((1 - b).clamp(min=1e-12))
        tail = torch.exp(-(rest.log() + log_g) * theta).clamp(1.0, 1e300)
        low = torch.floor(tail)
        beta = torch.lgamma(low) + log_g - torch.lgamma(low + 1 - b)
        over = torch.exp(-low.log() - beta) < rest
        drawn = torch.where(over, low, torch.ceil(tail))
        return torch.where((1 - rest <= b) | (b >= 1), 1.0, drawn)


@dataclass(frozen=True)
class JoeFrank(Archimedean):
    """Between Joe's copula and Frank's (BB8): dependence in one corner that ends before its tip.

    Parameters
    ----------
    delta : float
        Above 0 and below 1: Joe's copula at 1, where the tail begins to depend.
    """

    delta: float = 0.6
    name: ClassVar[str] = "joe_frank"

    @staticmethod
    def strengths() -> Array:
        """Theta from 1 upward."""
        return 1 + np.r_[0.0, np.geomspace(0.02, 60, STRENGTHS)]

    def log_t(self, theta: float) -> Array:
        """Range of t: the lower end falls with what theta leaves of the tail."""
        return np.linspace(-25.0 + theta * math.log1p(-self.delta), 8.0, 1200)

    def slopes(self, theta: float, log_t: Array) -> tuple[Array, Array]:
        """Of (1 - (1 - eta e^-t)^(1/theta)) / delta, eta = 1 - (1 - delta)^theta."""
        b, t, left = 1 / theta, np.exp(log_t), theta * math.log1p(-self.delta)
        log_w = math.log(-math.expm1(left)) - t
        log_rest = np.log(np.exp(left - t) - np.expm1(-t))
        first = math.log(b / self.delta) + log_w + (b - 1) * log_rest
        return first, first - log_rest + np.log1p(-b * np.exp(log_w))

    def generator(self, theta: Tensor, v: Tensor, e: Tensor) -> Tensor:
        """(1 - (1 - eta e^-t)^(1/theta)) / delta."""
        t, left = e / v, theta * math.log1p(-self.delta)
        log_rest = torch.log(torch.exp(left - t) - torch.expm1(-t))
        return -torch.expm1(log_rest / theta) / self.delta

    def frailty(self, theta: Tensor, n: int, rng: torch.Generator) -> Tensor:
        """Sibuya law whose weights fall by the factor eta from one number to the next.

        Numbers of Joe's law are kept with probability eta^(v - 1), drawn anew until all are.
        """
        log_eta = torch.log1p(-torch.exp(theta * math.log1p(-self.delta)))
        v = Joe().frailty(theta, n, rng)
        lost = uniform(rng, *v.shape).log() > (v - 1) * log_eta
        while bool(lost.any()):
            again = Joe().frailty(theta, n, rng)
            kept = uniform(rng, *v.shape).log() <= (again - 1) * log_eta
            v, lost = torch.where(lost & kept, again, v), lost & ~kept
        return v


# --- grids ------------------------------------------------------------------------------------


def sinkhorn(log_density: Tensor, rounds: int = 15) -> Tensor:
    """Tables with (nearly) uniform margins that sum to one, shape (..., k, k)."""
    p = torch.exp(log_density - log_density.amax((-1, -2), keepdim=True)) + 1e-4
    for _ in range(rounds):
        p = p / p.sum(-2, keepdim=True)
        p = p / p.sum(-1, keepdim=True)
    return p / p.shape[-1]


def table_information(p: Tensor) -> Tensor:
    """Mutual information of joint tables, shape (..., k, l), nats."""
    terms = (torch.xlogy(q, q).flatten(start).sum(-1) for q, start in _with_margins(p))
    joint, first, second = terms
    return joint - first - second


def _with_margins(p: Tensor) -> list[tuple[Tensor, int]]:
    return [(p, -2), (p.sum(-1), -1), (p.sum(-2), -1)]


def diluted(p: Tensor, mi: Tensor, rng: torch.Generator, share: float = 0.7) -> Tensor:
    """Tables mixed with the product of their margins, to come near information `mi`.

    In a share of the tasks only, so that strong and sharp tables remain; wherever `mi` is 0 the
    product alone is left.
    """
    full = table_information(p).clamp(min=1e-12)
    part = (mi / full).clamp(max=1.0) ** 0.6
    part = torch.where(uniform(rng, len(mi), 1) < share, part, (mi > 0).to(part.dtype))
    part = part[:, :, None, None]
    product = p.sum(3, keepdim=True) * p.sum(2, keepdim=True)
    return part * p + (1 - part) * product


def draw_cells(p: Tensor, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Rows and columns of n cells of each table, shape (batch, n, pairs) each.

    Parameters
    ----------
    p : Tensor of shape (batch, pairs, k, l)
        Joint tables.
    """
    batch, pairs, _, columns = p.shape
    total = p.flatten(2).cumsum(2)
    u = uniform(rng, batch, pairs, n) * total[:, :, -1:]
    cell = torch.searchsorted(total, u).clamp(max=total.shape[2] - 1).mT
    return cell // columns, cell % columns


@dataclass(frozen=True)
class GridCopula(Pairs):
    """Random smooth copulas: waves of low frequency, or a ridge along a curve."""

    name: ClassVar[str] = "grid_copula"
    group: ClassVar[str] = "grid"
    share: ClassVar[float] = 0.0

    def pairs(self, mi: Tensor, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Pairs uniform in the cells of a table; where `mi` is 0 they are independent."""
        k = whole(rng, 8, 24)
        p = diluted(sinkhorn(self._surface(mi, k, rng)), mi, rng)
        i, j = draw_cells(p, n, rng)
        x, y = ((cell + uniform(rng, *cell.shape)) / k for cell in (i, j))
        return x - 0.5, y - 0.5, table_information(p)

    @staticmethod
    def _surface(mi: Tensor, k: int, rng: torch.Generator) -> Tensor:
        shape = (*mi.shape, 1, 1)
        grid = (torch.arange(k, device=mi.device, dtype=torch.float64) + 0.5) / k
        u, v = grid[:, None], grid
        waves = torch.zeros(*mi.shape, k, k, device=mi.device, dtype=torch.float64)
        for _ in range(3):
            fu, fv = (torch.floor(uniform(rng, *shape, high=3.0)) for _ in range(2))
            phase = 2 * math.pi * uniform(rng, *shape)
            waves = waves + normal(rng, *shape) * torch.cos(2 * math.pi * (fu * u + fv * v) + phase)
        waves = waves * log_uniform(rng, *shape, low=0.1, high=6.0)
        bend = torch.sin(2 * math.pi * uniform(rng, *shape, low=0.3, high=1.5) * u + 6.3 * phase)
        ridge = -0.5 * ((v - 0.5 - 0.45 * bend) / log_uniform(rng, *shape, low=0.05, high=0.6)) ** 2
        return torch.where(uniform(rng, *shape) < 0.6, waves, ridge)


@dataclass(frozen=True)
class GridRotated(GridCopula):
    """The same pairs with normal margins, the columns of each block then rotated."""

    name: ClassVar[str] = "grid_rotated"

    def _draw(self, batch: int, n: int, dx: int, dy: int, rng: torch.Generator) -> Draw:
        drawn = super()._draw(batch, n, dx, dy, rng)
        x, y = (torch.special.ndtri(v + 0.5) for v in drawn[:2])
        return exact(rotate(x, rng), rotate(y, rng), drawn.mi)
