r"""What the families share: draws, targets, spectra, mixing of columns, tables of truths.

A family draws a batch of tasks of one shape: in each task the rows are independent and identically
distributed, and their mutual information I(X; Y) is known. It is preserved by every injective map
of X alone or Y alone, and adds over independent pairs: simple pairs of columns with known
information stand behind most families, and mixing of the columns hides them.

References
----------
Cover, T. M., Thomas, J. A. (2006). Elements of information theory. Wiley. doi:10.1002/047174882X
Stewart, G. W. (1980). The efficient generation of random orthogonal matrices. SIAM J. Numer. Anal.
17, 403-409. doi:10.1137/0717034
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from infometric.exceptions import MissingExtraError, UnsupportedError
from infometric.typing import Array

try:
    import torch
    from torch import Tensor
except ImportError as error:
    raise MissingExtraError.of("torch", "neural") from error

WIDEST = 32  # columns a side
MOST = 35.0  # nats
PAIR_MOST = 6.0  # nats of one pair of columns
LEAST = 0.02  # nats below which a task counts as near independence
EXACT_ZERO, NEAR_ZERO = 0.07, 0.15  # share of tasks, cumulative
MIXED = 0.6  # share of the tasks whose columns are mixed


class Draw(NamedTuple):
    """A batch of tasks of one shape.

    Attributes
    ----------
    x : Tensor of shape (batch, n, dx)
        Rows of X.
    y : Tensor of shape (batch, n, dy)
        Rows of Y.
    mi : Tensor of shape (batch,)
        Mutual information of each task, nats.
    se : Tensor of shape (batch,)
        Standard error of `mi`; 0 where it is exact.
    parts : tuple of str
        Other families that the tasks are made of: who was not to see these may not see the tasks.
    """

    x: Tensor
    y: Tensor
    mi: Tensor
    se: Tensor
    parts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Family:
    """Base of the families.

    Attributes
    ----------
    name : str
        Name of the family.
    group : str
        Relatives, which are left out together where generalisation is measured.
    """

    name: ClassVar[str] = ""
    group: ClassVar[str] = ""

    def accepts(self, dx: int, dy: int) -> bool:
        """Whether there are tasks of so many columns."""
        return 1 <= dx <= WIDEST and 1 <= dy <= WIDEST

    def draw(self, batch: int, n: int, dx: int, dy: int, rng: torch.Generator) -> Draw:
        """Draw tasks, each with parameters of its own.

        Parameters
        ----------
        batch, n, dx, dy : int
            Number of tasks, of rows, of columns of X and of Y.
        rng : torch.Generator
            Source of randomness; the tasks are drawn on its device.

        Returns
        -------
        Draw

        Raises
        ------
        UnsupportedError
            Where there are no tasks of so many columns.
        """
        if not self.accepts(dx, dy):
            raise UnsupportedError(
                f"The family {self.name!r} has no tasks of these numbers of columns.",
                got=(dx, dy),
                hint="family.accepts(dx, dy)",
            )
        return self._draw(batch, n, dx, dy, rng)

    def _draw(self, batch: int, n: int, dx: int, dy: int, rng: torch.Generator) -> Draw:
        raise NotImplementedError


def chosen(parts: tuple[Family, ...], dx: int, dy: int, rng: torch.Generator) -> Family:
    """One of the families that have tasks of so many columns."""
    able = [family for family in parts if family.accepts(dx, dy)]
    return able[whole(rng, 0, len(able) - 1)]


# --- randomness -------------------------------------------------------------------------------


def uniform(rng: torch.Generator, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
    """Uniform numbers, strictly between 0 and 1 by default."""
    u = torch.rand(shape, generator=rng, device=rng.device, dtype=torch.float64)
    return low + (high - low) * u.clamp(min=1e-16)


def log_uniform(rng: torch.Generator, *shape: int, low: float, high: float) -> Tensor:
    """Numbers whose logarithm is uniform."""
    return uniform(rng, *shape, low=math.log(low), high=math.log(high)).exp()


def normal(rng: torch.Generator, *shape: int) -> Tensor:
    """Standard normal numbers."""
    return torch.randn(shape, generator=rng, device=rng.device, dtype=torch.float64)


def gamma(rng: torch.Generator, shape: Tensor) -> Tensor:
    """Numbers of the gamma law of rate 1, one for each shape."""
    # that of torch.distributions takes no generator
    return torch._standard_gamma(shape, generator=rng).clamp(min=1e-300)


def exponential(rng: torch.Generator, *shape: int) -> Tensor:
    """Numbers of the exponential law of rate 1."""
    return -uniform(rng, *shape).log()


def signs(rng: torch.Generator, *shape: int, minus: float | Tensor = 0.5) -> Tensor:
    """Numbers +1 and -1; `minus` is the probability of -1."""
    return torch.where(uniform(rng, *shape) < minus, -1.0, 1.0).to(torch.float64)


def whole(rng: torch.Generator, low: int, high: int) -> int:
    """A whole number from low to high, both included."""
    return int(torch.randint(low, high + 1, (), generator=rng, device=rng.device))


def wholes(rng: torch.Generator, *shape: int, low: int, high: int) -> Tensor:
    """Whole numbers from low to high, both included."""
    return torch.randint(low, high + 1, shape, generator=rng, device=rng.device)


def few(rng: torch.Generator, *shape: int, high: int) -> Tensor:
    """Whole numbers from 1 to high, most of them small: rounded down from a log-uniform law."""
    return torch.floor(log_uniform(rng, *shape, low=1.0, high=high + 1.0)).clamp(max=high)


# --- information wanted -----------------------------------------------------------------------


def most(dx: int, dy: int) -> float:
    """Largest information drawn for so many columns, nats."""
    return min(1.2 * min(dx, dy) + 1.5, MOST)


def targets(batch: int, dx: int, dy: int, rng: torch.Generator) -> Tensor:
    """Information wanted, nats: at or near zero in 15 % of the tasks, else log-uniform.

    Examples
    --------
    >>> wanted = targets(1000, 5, 5, torch.Generator().manual_seed(0))
    >>> bool(wanted.max() <= most(5, 5)), bool(0.1 < (wanted < LEAST).double().mean() < 0.2)
    (True, True)
    """
    kind = uniform(rng, batch)
    wide = log_uniform(rng, batch, low=LEAST, high=most(dx, dy))
    near = uniform(rng, batch, high=LEAST)
    near = torch.where(kind < EXACT_ZERO, 0.0, near)
    return torch.where(kind < NEAR_ZERO, near, wide)


def weights(rng: torch.Generator, batch: int, k: int, low: float = 0.1, high: float = 30) -> Tensor:
    """Weights that sum to one, shape (batch, k): from one strong to evenly spread."""
    concentration = log_uniform(rng, batch, 1, low=low, high=high).expand(batch, k)
    drawn = gamma(rng, concentration.contiguous())
    return drawn / drawn.sum(1, keepdim=True)


def split(wanted: Tensor, k: int, rng: torch.Generator, cap: float = PAIR_MOST) -> Tensor:
    """Information of k pairs, at most `cap` each, that sums to what is wanted where it can.

    Examples
    --------
    >>> parts = split(torch.tensor([3.0, 0.0], dtype=torch.float64), 4, torch.Generator())
    >>> parts.shape, parts.sum(1).round(decimals=9).tolist()
    (torch.Size([2, 4]), [3.0, 0.0])
    """
    parts = wanted[:, None] * weights(rng, len(wanted), k)
    for _ in range(3):  # what a full pair cannot hold goes to those with room
        room = (cap - parts).clamp(min=0)
        parts = parts.clamp(max=cap)
        lost = wanted - parts.sum(1)
        parts = parts + (lost / room.sum(1).clamp(min=1e-9)).clamp(0, 1)[:, None] * room
    return parts.clamp(max=cap)


def correlation(mi: Tensor) -> Tensor:
    """Correlation of a normal pair with this information."""
    return torch.sqrt(-torch.expm1(-2 * mi))


# --- columns ----------------------------------------------------------------------------------


def orthogonal(batch: int, d: int, rng: torch.Generator) -> Tensor:
    """Random orthogonal matrices of the uniform (Haar) law, shape (batch, d, d)."""
    v = normal(rng, batch, d, d).triu()
    diagonal = torch.diagonal(v, dim1=1, dim2=2)
    sign = torch.where(diagonal < 0, -1.0, 1.0).to(v.dtype)
    v = v + torch.diag_embed(sign * v.norm(dim=2))
    v = v / v.norm(dim=2, keepdim=True)
    q = torch.diag_embed(-sign)
    for k in range(d - 1, -1, -1):  # Householder: no batched QR on an accelerator
        h = v[:, k, :]
        q = q - 2 * h[:, :, None] * (h[:, None, :] @ q)
    return q


def mixing(batch: int, d: int, rng: torch.Generator, share: float = MIXED) -> Tensor:
    """Invertible matrices, shape (batch, d, d): random ones of random condition, or the identity.

    The condition is bounded: singular values lie within a factor of about e^3 of each other.
    """
    identity = torch.eye(d, device=rng.device, dtype=torch.float64)
    if d == 1:
        return identity.expand(batch, 1, 1)
    strength = uniform(rng, batch, 1, high=1.5)
    scale = torch.exp(strength * normal(rng, batch, d).clamp(-2, 2))
    turned = orthogonal(batch, d, rng) * scale[:, None, :] @ orthogonal(batch, d, rng)
    return torch.where(uniform(rng, batch, 1, 1) < share, turned, identity)


def mix(rows: Tensor, rng: torch.Generator, share: float = MIXED) -> Tensor:
    """Rows with their columns mixed, in this share of the tasks."""
    batch, _, d = rows.shape
    return rows if d == 1 else rows @ mixing(batch, d, rng, share)


def rotate(rows: Tensor, rng: torch.Generator, share: float = 1.0) -> Tensor:
    """Rows rotated, in this share of the tasks."""
    batch, _, d = rows.shape
    if d == 1:
        return rows
    identity = torch.eye(d, device=rng.device, dtype=torch.float64)
    turned = orthogonal(batch, d, rng)
    return rows @ torch.where(uniform(rng, batch, 1, 1) < share, turned, identity)


def log_det(matrix: Tensor) -> Tensor:
    """Logarithm of the determinant of positive definite matrices."""
    return 2 * torch.linalg.cholesky(matrix).diagonal(dim1=-2, dim2=-1).log().sum(-1)


def exact(x: Tensor, y: Tensor, mi: Tensor) -> Draw:
    """Draw whose truth has no error; rounding below zero is cut off."""
    return Draw(x.contiguous(), y.contiguous(), mi.clamp(min=0.0), torch.zeros_like(mi))


# --- pairs of columns -------------------------------------------------------------------------


@dataclass(frozen=True)
class Table:
    """Parameters and the information that goes with each, ascending.

    A task takes a parameter of the table, so that its truth is a value computed, not interpolated.
    """

    theta: Array
    mi: Array

    @classmethod
    def of(cls, theta: Array, mi: Array) -> Table:
        """Table in the order of the information."""
        order = np.argsort(mi, kind="stable")
        return cls(np.asarray(theta, float)[order], np.clip(np.asarray(mi, float)[order], 0, None))

    @classmethod
    def solved(cls, information: Callable[[Array], Array], theta: Array) -> Table:
        """Table of a function of all parameters at once."""
        return cls.of(theta, information(theta))

    def nearest(self, mi: Tensor) -> tuple[Tensor, Tensor]:
        """Parameter whose information is next to that wanted, and its information."""
        known = torch.as_tensor(self.mi, device=mi.device)
        theta = torch.as_tensor(self.theta, device=mi.device)
        above = torch.searchsorted(known, mi.contiguous()).clamp(1, len(known) - 1)
        near = torch.where(mi - known[above - 1] < known[above] - mi, above - 1, above)
        return theta[near], known[near]


@dataclass(frozen=True)
class Pairs(Family):
    """Base of the families of independent pairs (x_i, y_i): the information adds.

    The wider of X and Y keeps its further columns, which then tell nothing.
    """

    cap: ClassVar[float] = 2.5  # nats of a pair
    share: ClassVar[float] = MIXED  # of the tasks whose columns are mixed

    def pairs(self, mi: Tensor, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Pairs with information near `mi`, shape (batch, k).

        Returns
        -------
        (Tensor of shape (batch, n, k), Tensor of shape (batch, n, k), Tensor of shape (batch, k))
            Columns of X, columns of Y, and the information that they have.
        """
        raise NotImplementedError

    def _draw(self, batch: int, n: int, dx: int, dy: int, rng: torch.Generator) -> Draw:
        k, widest = min(dx, dy), max(dx, dy)
        wanted = split(targets(batch, dx, dy, rng), k, rng, self.cap)
        wanted = torch.nn.functional.pad(wanted, (0, widest - k))
        x, y, mi = self.pairs(wanted, n, rng)
        x, y = mix(x[:, :, :dx], rng, self.share), mix(y[:, :, :dy], rng, self.share)
        return exact(x, y, mi[:, :k].sum(1))
