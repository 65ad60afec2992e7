r"""Columns with ties: discrete, and mixed of a discrete and a continuous part.

Where (A, B) are indicators that X and Y determine, and X and Y are independent but where both are
1, :math:`I(X; Y) = I(A; B) + P(A=B=1)\,I(X; Y | A=B=1)`.

References
----------
Gao, W., Kannan, S., Oh, S., Viswanath, P. (2017). Estimating mutual information for
discrete-continuous mixtures. NeurIPS 30. arXiv:1709.06212
Ross, B. C. (2014). Mutual information between discrete and continuous data sets. PLoS ONE 9,
e87357. doi:10.1371/journal.pone.0087357
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from scipy.special import ndtri
from torch import Tensor

from infometric.amortised.families.base import (
    Draw,
    Pairs,
    Table,
    gamma,
    log_uniform,
    normal,
    uniform,
    weights,
    whole,
    wholes,
)
from infometric.amortised.families.copulas import diluted, draw_cells, table_information
from infometric.amortised.families.gaussian import normal_pairs
from infometric.amortised.families.quadrature import level_table, rounded_table

ROUNDINGS = (2, 3, 5, 10)
SPARE = 16  # rows that show where the values of a column lie


class Tied(Pairs):
    """Base of the families with ties: columns are not mixed, which would take the ties away."""

    group: ClassVar[str] = "discrete"
    share: ClassVar[float] = 0.0


@dataclass(frozen=True)
class DiscreteTable(Tied):
    """Two discrete columns: a random table, or a channel that errs."""

    name: ClassVar[str] = "discrete_table"

    def pairs(self, mi: Tensor, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Levels of a joint table; where `mi` is 0 it is the product of its margins."""
        k = whole(rng, 2, 10)
        columns = k if whole(rng, 0, 1) else whole(rng, 2, 10)
        p = self._random(mi, k, columns, rng)
        if columns == k:
            p = torch.where(uniform(rng, *mi.shape, 1, 1) < 0.5, self._channel(mi, k, rng), p)
        p = diluted(p, mi, rng)
        x, y = draw_cells(p, n, rng)
        return x.to(p.dtype), y.to(p.dtype), table_information(p)

    @staticmethod
    def _random(mi: Tensor, k: int, columns: int, rng: torch.Generator) -> Tensor:
        size = log_uniform(rng, *mi.shape, 1, 1, low=0.1, high=4.0)
        logits = size * normal(rng, *mi.shape, k, columns)
        return torch.softmax(logits.flatten(2), dim=2).reshape(logits.shape)

    @staticmethod
    def _channel(mi: Tensor, k: int, rng: torch.Generator) -> Tensor:
        batch, pairs = mi.shape
        sent = weights(rng, batch * pairs, k, low=1.0).reshape(batch, pairs, k, 1)
        sent = (sent + 0.02) / (1 + 0.02 * k)
        error = log_uniform(rng, batch, pairs, 1, 1, low=0.02, high=1.0)
        order = uniform(rng, batch, pairs, k).argsort(2)
        order = torch.where(uniform(rng, batch, pairs, 1) < 0.5, order, order.sort(2).values)
        right = torch.nn.functional.one_hot(order, k)
        return sent * ((1 - error) * right + error / k)


@dataclass(frozen=True)
class LatentClasses(Tied):
    """Two discrete columns that each report a hidden class, and are independent given it."""

    name: ClassVar[str] = "latent_classes"

    def pairs(self, mi: Tensor, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Two to eight classes; two to twelve levels a side, in no order."""
        classes, *levels = whole(rng, 2, 8), whole(rng, 2, 12), whole(rng, 2, 12)
        share = weights(rng, mi.numel(), classes, low=1.0).reshape(*mi.shape, classes)
        told = (self._reports(mi, classes, k, rng) for k in levels)
        p = diluted(torch.einsum("bpk,bpki,bpkj->bpij", share, *told), mi, rng)
        x, y = draw_cells(p, n, rng)
        return x.to(p.dtype), y.to(p.dtype), table_information(p)

    @staticmethod
    def _reports(mi: Tensor, classes: int, levels: int, rng: torch.Generator) -> Tensor:
        """Probability of each level given the class, (batch, pairs, classes, levels)."""
        sharpness = log_uniform(rng, *mi.shape, 1, 1, low=0.1, high=3.0)
        drawn = gamma(rng, sharpness.expand(*mi.shape, classes, levels).contiguous()) + 1e-3
        return drawn / drawn.sum(3, keepdim=True)


@dataclass(frozen=True)
class Label(Tied):
    """A label and a normal variable whose mean it shifts; means in any order of the labels."""

    name: ClassVar[str] = "label"

    def pairs(self, mi: Tensor, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Equally likely labels; X is the label or Y is."""
        k = whole(rng, 2, 8)
        step, known = level_table(k).nearest(mi)
        shape = (len(mi), n, mi.shape[1])
        label = wholes(rng, *shape, low=0, high=k - 1)
        order = uniform(rng, len(mi), mi.shape[1], k).argsort(2)
        order = torch.where(uniform(rng, len(mi), 1, 1) < 0.5, order, order.sort(2).values)
        place = order.mT.gather(1, label)
        shifted = step[:, None, :] * place + normal(rng, *shape)
        x, y = label.to(shifted.dtype), shifted
        return (x, y, known) if whole(rng, 0, 1) else (y, x, known)


@dataclass(frozen=True)
class OverlappingIntervals(Tied):
    r"""X uniform on m integers, Y uniform on [X, X + 2]: :math:`I=\log m-(m-1)\log 2/m`."""

    name: ClassVar[str] = "overlapping_intervals"
    cap: ClassVar[float] = 4.0

    def pairs(self, mi: Tensor, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Pairs with m from the table; of m = 1, X tells nothing and is drawn apart."""
        integers = np.arange(1.0, 129.0)
        table = Table.of(integers, np.log(integers) - (1 - 1 / integers) * math.log(2))
        m, known = table.nearest(mi)
        shape = (len(mi), n, mi.shape[1])
        x = torch.floor(uniform(rng, *shape) * m[:, None, :])
        y = x + 2 * uniform(rng, *shape)
        apart = torch.floor(uniform(rng, *shape) * 5)
        return torch.where(m[:, None, :] > 1, x, apart), y, known


def zeros(mi: Tensor, rng: torch.Generator) -> Tensor:
    """Tables of being at zero or not, (batch, k, 2, 2); where `mi` is 0 they are products."""
    q = weights(rng, mi.numel(), 4, low=0.5, high=5).reshape(*mi.shape, 2, 2)
    q = (q + 0.02) / 1.08
    product = q.sum(3, keepdim=True) * q.sum(2, keepdim=True)
    kept = uniform(rng, *mi.shape, 1, 1) < 0.6
    return torch.where(kept & (mi > 0)[:, :, None, None], q, product)


@dataclass(frozen=True)
class ZeroInflated(Tied):
    """Normal pairs, one or both of which are often exactly zero."""

    name: ClassVar[str] = "zero_inflated"
    cap: ClassVar[float] = 4.0

    def pairs(self, mi: Tensor, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Zeros by a random table; where `mi` is 0 they are independent."""
        p = zeros(mi, rng)
        from_zeros, alive = table_information(p), p[:, :, 1, 1]
        inner = ((mi - from_zeros) / alive).clamp(0, self.cap)
        x, y = normal_pairs(inner, n, rng)
        a, b = draw_cells(p, n, rng)
        other = normal(rng, *x.shape)  # alone, X is independent of all else
        x = torch.where((a > 0) & (b > 0), x, other)
        return x * (a > 0), y * (b > 0), from_zeros + alive * inner


@dataclass(frozen=True)
class Spiked(Tied):
    """Pairs of another family, one or both of which are often exactly at one value, the spike.

    The spike lies below the other values or among them.

    Parameters
    ----------
    parts : tuple of Pairs
        Families to choose from.
    """

    parts: tuple[Pairs, ...]
    name: ClassVar[str] = "spiked"

    def pairs(self, mi: Tensor, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Spikes by a random table; where `mi` is 0 they are independent."""
        part = self.parts[whole(rng, 0, len(self.parts) - 1)]
        p = zeros(mi, rng)
        from_spikes, alive = table_information(p), p[:, :, 1, 1]
        inner = ((mi - from_spikes) / alive).clamp(0, part.cap)
        # alone, X keeps its law but is independent of all else: that of other rows
        rows, rows_y, known = part.pairs(inner, 2 * n + SPARE, rng)
        a, b = draw_cells(p, n, rng)
        x = torch.where((a > 0) & (b > 0), rows[:, :n], rows[:, n : 2 * n])
        x = torch.where(a > 0, x, self._spike(rows[:, 2 * n :], rng))
        y = torch.where(b > 0, rows_y[:, :n], self._spike(rows_y[:, 2 * n :], rng))
        return x, y, from_spikes + alive * known

    def _draw(self, batch: int, n: int, dx: int, dy: int, rng: torch.Generator) -> Draw:
        part = self.parts[whole(rng, 0, len(self.parts) - 1)]
        drawn = super(Spiked, Spiked((part,)))._draw(batch, n, dx, dy, rng)
        return drawn._replace(parts=(part.name,))

    @staticmethod
    def _spike(spare: Tensor, rng: torch.Generator) -> Tensor:
        """Place of the spike: among the values of rows not used otherwise, or below them."""
        low, high = spare.amin(1, keepdim=True), spare.amax(1, keepdim=True)
        below = uniform(rng, *low.shape) < 0.5
        return torch.where(below, low - 0.2 * (high - low), spare[:, :1])


@dataclass(frozen=True)
class Rounded(Tied):
    """Normal pairs rounded to equally likely levels, both variables or one."""

    name: ClassVar[str] = "rounded"

    def pairs(self, mi: Tensor, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Pairs with rho from the table."""
        levels, both = ROUNDINGS[whole(rng, 0, len(ROUNDINGS) - 1)], bool(whole(rng, 0, 1))
        rho, known = rounded_table(levels, both).nearest(mi)
        x, y = normal_pairs(-0.5 * torch.log1p(-(rho**2)), n, rng)
        edges = torch.as_tensor(ndtri(np.arange(1, levels) / levels), device=mi.device)
        x, other = (torch.bucketize(v, edges).to(v.dtype) for v in (x, y))
        y = other if both else y
        return (x, y, known) if whole(rng, 0, 1) else (y, x, known)
