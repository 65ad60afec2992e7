r"""Counts, rows that are now and then absent, and vectors of bits.

Where (A, B) are indicators that X and Y determine, and X and Y are independent but where both are
1, :math:`I(X; Y) = I(A; B) + P(A=B=1)\,I(X; Y | A=B=1)`. A count that is Poisson given a level has
:math:`I = H(Y) - \mathrm{E}\,H(Y | X)`, two sums.

References
----------
Cover, T. M., Thomas, J. A. (2006). Elements of information theory. Wiley. doi:10.1002/047174882X
Lambert, D. (1992). Zero-inflated Poisson regression, with an application to defects in
manufacturing. Technometrics 34, 1-14. doi:10.2307/1269547
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import numpy as np
import torch
from scipy.special import gammaln, ndtri, xlogy
from torch import Tensor

from infometric.amortised.families.base import (
    Draw,
    Family,
    Table,
    chosen,
    exact,
    mix,
    signs,
    split,
    targets,
    uniform,
    weights,
    whole,
    wholes,
)
from infometric.amortised.families.copulas import diluted, draw_cells, table_information
from infometric.amortised.families.discrete import Tied
from infometric.amortised.families.gaussian import normal_pairs
from infometric.amortised.families.joint import SPARE, standard
from infometric.amortised.families.noisy import flip, sign_information
from infometric.typing import Array

LEVELS = (3, 8, 40)
LOG_RATES = (-1.0, 1.0, 3.0)


def scores(levels: int) -> Array:
    """Normal scores of equally likely levels."""
    return np.asarray(ndtri((np.arange(levels) + 0.5) / levels))


def count_information(rates: Array) -> float:
    """Information of a level and a Poisson count, for the rates of equally likely levels, nats.

    Examples
    --------
    >>> round(count_information(np.array([1e-9, 30.0])), 6)  # log(2)
    0.693147
    """
    y = np.arange(int(rates.max() + 12 * np.sqrt(rates.max()) + 25))
    p = np.exp(xlogy(y, rates[:, None]) - rates[:, None] - gammaln(y + 1))
    mean = p.mean(axis=0)
    return float(xlogy(p, p).sum(axis=1).mean() - xlogy(mean, mean).sum())


@cache
def count_table(levels: int, log_rate: float) -> Table:
    """Information of a level and a count of log-rate a + b times the score, over b."""
    b = np.r_[0.0, np.geomspace(0.01, 1.6, 80)]
    found = [count_information(np.exp(log_rate + slope * scores(levels))) for slope in b]
    return Table.of(b, np.r_[0.0, found[1:]])


@dataclass(frozen=True)
class Counts(Tied):
    """A Poisson count whose rate depends on a level, or on a continuous variable by steps."""

    name: ClassVar[str] = "counts"
    cap: ClassVar[float] = 1.8

    def pairs(self, mi: Tensor, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Pairs with b from a table; X is the count or Y is."""
        levels = LEVELS[whole(rng, 0, len(LEVELS) - 1)]
        log_rate = LOG_RATES[whole(rng, 0, len(LOG_RATES) - 1)]
        b, known = count_table(levels, log_rate).nearest(mi)
        b = (b * signs(rng, *b.shape))[:, None, :]
        level = wholes(rng, len(mi), n, mi.shape[1], low=0, high=levels - 1)
        score = torch.as_tensor(scores(levels), device=mi.device)[level]
        y = torch.poisson(torch.exp(log_rate + b * score), generator=rng)
        x = level.to(y.dtype)
        x = x + uniform(rng, *x.shape) if levels == LEVELS[-1] else x
        return (x, y, known) if whole(rng, 0, 1) else (y, x, known)


@dataclass(frozen=True)
class Hurdle(Family):
    """Normal blocks of which whole rows are absent: all columns of X, or of Y, or both.

    The absent row is one point, in the middle of the others or below them.
    """

    name: ClassVar[str] = "hurdle"
    group: ClassVar[str] = "discrete"
    cap: ClassVar[float] = 2.5

    def _draw(self, batch: int, n: int, dx: int, dy: int, rng: torch.Generator) -> Draw:
        k = min(dx, dy)
        mi = targets(batch, dx, dy, rng)
        p = self._present(mi, rng)
        from_flags, alive = table_information(p)[:, 0], p[:, 0, 1, 1]
        inner = split(((mi - from_flags) / alive).clamp(min=0), k, rng, self.cap)
        x, y = normal_pairs(torch.nn.functional.pad(inner, (0, max(dx, dy) - k)), n, rng)
        other, _ = normal_pairs(torch.zeros_like(mi)[:, None].expand(batch, x.shape[2]), n, rng)
        a, b = draw_cells(p, n, rng)
        x = torch.where((a > 0) & (b > 0), x, other)  # alone, X is independent of all else
        absent = torch.where(uniform(rng, 2, batch, 1, 1) < 0.5, 0.0, -5.0).to(x.dtype)
        x, y = torch.where(a > 0, x, absent[0]), torch.where(b > 0, y, absent[1])
        x, y = mix(x[..., :dx], rng, 0.3), mix(y[..., :dy], rng, 0.3)
        return exact(x, y, from_flags + alive * inner.sum(1))

    @staticmethod
    def _present(mi: Tensor, rng: torch.Generator) -> Tensor:
        """Tables of the two indicators, (batch, 1, 2, 2): any, or of indicators that agree."""
        q = weights(rng, len(mi), 4, low=0.5, high=5).reshape(-1, 1, 2, 2)
        q = (q + 0.02) / 1.08
        agree = uniform(rng, len(mi), 1, 1, 1) < 0.5
        q = torch.where(agree, torch.diag_embed(torch.diagonal(q, dim1=2, dim2=3)), q)
        q = q / q.sum((2, 3), keepdim=True)
        return diluted(q, mi[:, None], rng)


@dataclass(frozen=True)
class Absent(Hurdle):
    """Rows of another family, now and then absent: all columns of X, or of Y, or both.

    Parameters
    ----------
    parts : tuple of Family
        Families to choose from, without ties.
    """

    parts: tuple[Family, ...]
    name: ClassVar[str] = "absent"

    def _draw(self, batch: int, n: int, dx: int, dy: int, rng: torch.Generator) -> Draw:
        part = chosen(self.parts, dx, dy, rng)
        drawn = part.draw(batch, 2 * n + SPARE, dx, dy, rng)
        p = self._present(targets(batch, dx, dy, rng), rng)
        from_flags, alive = table_information(p)[:, 0], p[:, 0, 1, 1]
        rows, rows_y = standard(drawn.x), standard(drawn.y)
        a, b = draw_cells(p, n, rng)
        # alone, X keeps its law but is independent of all else: that of other rows
        x = torch.where((a > 0) & (b > 0), rows[:, :n], rows[:, n : 2 * n])
        absent = torch.where(uniform(rng, 2, batch, 1, 1) < 0.5, 0.0, -5.0).to(x.dtype)
        x = torch.where(a > 0, x, absent[0])
        y = torch.where(b > 0, rows_y[:, :n], absent[1])
        mi = (from_flags + alive * drawn.mi).clamp(min=0.0)
        return Draw(mix(x, rng, 0.3), mix(y, rng, 0.3), mi, alive * drawn.se, (part.name,))


@dataclass(frozen=True)
class BinaryVectors(Tied):
    """Bits through binary channels; in some tasks bits of a block are added modulo 2."""

    name: ClassVar[str] = "binary_vectors"
    cap: ClassVar[float] = 0.65

    def pairs(self, mi: Tensor, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Fair bits that are flipped now and then, or bits of a random table."""
        if whole(rng, 0, 1):
            p = flip(mi)
            x = signs(rng, len(mi), n, mi.shape[1])
            y = x * signs(rng, *x.shape, minus=p[:, None, :])
            return x, y, sign_information(p)
        q = weights(rng, mi.numel(), 4, low=0.3, high=5).reshape(*mi.shape, 2, 2)
        q = diluted((q + 0.01) / 1.04, mi, rng)
        a, b = draw_cells(q, n, rng)
        a, b = a.to(q.dtype), b.to(q.dtype)
        return 2 * a - 1, 2 * b - 1, table_information(q)

    def _draw(self, batch: int, n: int, dx: int, dy: int, rng: torch.Generator) -> Draw:
        drawn = super()._draw(batch, n, dx, dy, rng)
        x, y = (self._added(v, rng) for v in drawn[:2])
        return exact(x, y, drawn.mi)

    @staticmethod
    def _added(bits: Tensor, rng: torch.Generator) -> Tensor:
        """Each bit, or its sum modulo 2 with the one before: a map that can be undone."""
        batch, _, d = bits.shape
        one = torch.ones(batch, 1, d, dtype=bits.dtype, device=bits.device)
        kept = uniform(rng, batch, 1, d) < torch.where(uniform(rng, batch, 1, 1) < 0.5, 1.0, 0.5)
        before = torch.cat([one[..., :1].expand(-1, bits.shape[1], 1), bits[..., :-1]], dim=2)
        return torch.where(kept, bits, bits * before)
