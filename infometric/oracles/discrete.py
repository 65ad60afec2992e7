"""Discrete distributions that know their own truth: one sample, two samples, joint tables.

References
----------
Cover, T. M., Thomas, J. A. (2006). Elements of information theory. Wiley. doi:10.1002/047174882X
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from infometric.exceptions import InvalidParameterError
from infometric.oracles.base import KnownTruth, Truth
from infometric.state.counts import Counts
from infometric.typing import RNG, Array


@dataclass(frozen=True, eq=False)
class Oracle(KnownTruth):
    """Base of the discrete oracles: shares of independent samples, and measures by name.

    Parameters
    ----------
    name : str
        What the distribution is.
    shares : ndarray of shape (n_groups, n_cells)
        Probabilities of the cells of each sample.
    """

    name: str
    shares: Array
    family = "discrete"

    def __post_init__(self) -> None:
        shares = np.atleast_2d(np.asarray(self.shares, dtype=float))
        if not (np.isfinite(shares).all() and (shares >= 0).all() and (shares.sum(-1) > 0).all()):
            raise InvalidParameterError(
                "Shares must be finite, not negative, and not all zero.",
                got=self.shares,
                hint="Categorical([0.2, 0.3, 0.5])",
            )
        object.__setattr__(self, "shares", shares / shares.sum(-1, keepdims=True))

    @property
    def n_groups(self) -> int:
        """Number of independent samples."""
        return int(self.shares.shape[0])

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the cells of one sample."""
        return (int(self.shares.shape[1]),)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kind of each variable, or sample."""
        return ("discrete",) * self.n_groups

    @property
    def _subject(self) -> Array:
        """What the measures are sums over."""
        return self.shares

    def draw(self, n: Any, *, size: int | tuple[int, ...] = (), rng: RNG = None) -> Counts:
        """Counts of random samples, batched.

        Parameters
        ----------
        n : int or sequence of int
            Size of each sample.
        size : int or tuple of int
            Leading axes: the number of repetitions.
        rng : int, Generator or None
            Source of randomness.

        Examples
        --------
        >>> from infometric.oracles import Categorical
        >>> Categorical.even(4).draw(100, size=3, rng=0).table.shape
        (3, 1, 4)
        """
        generator = np.random.default_rng(rng)
        sizes = np.broadcast_to(np.asarray(n), (self.n_groups,))
        groups = [
            generator.multinomial(int(k), p, size=size or None)
            for k, p in zip(sizes, self.shares, strict=True)
        ]
        return Counts(np.stack(groups, axis=-2), self.shape)

    def _codes(self, n: Any, rng: RNG) -> list[Array]:
        """Cells of the records of each sample."""
        generator = np.random.default_rng(rng)
        sizes = np.broadcast_to(np.asarray(n), (self.n_groups,))
        cells = np.arange(self.shares.shape[1])
        return [
            generator.choice(cells, int(k), p=p)
            for k, p in zip(sizes, self.shares, strict=True)
        ]  # fmt: skip


# --- one sample -------------------------------------------------------------------------------


def _log_sum(shares: Array, power: float) -> float:
    return math.log(math.fsum(p**power for p in shares[0].tolist() if p > 0))


def shannon(shares: Array) -> float:
    """Shannon entropy of the first row, in nats."""
    return -math.fsum(p * math.log(p) for p in shares[0].tolist() if p > 0)


def renyi(shares: Array, order: float = 2.0) -> float:
    """Rényi entropy of the first row, in nats; at infinity minus the log of the largest share."""
    if order == math.inf:
        return -math.log(max(shares[0].tolist()))
    return shannon(shares) if order == 1 else _log_sum(shares, order) / (1 - order)


def tsallis(shares: Array, q: float = 2.0) -> float:
    """Tsallis entropy of the first row; zero at infinity."""
    if q == math.inf:
        return 0.0
    return shannon(shares) if q == 1 else math.expm1(_log_sum(shares, q)) / (1 - q)


def hill(shares: Array, q: float = 2.0) -> float:
    """Hill number of the first row: at q = 0 the number of cells with a share."""
    return math.exp(renyi(shares, q))


class Categorical(Oracle):
    """One sample of a discrete variable.

    Examples
    --------
    >>> from infometric.oracles import Categorical
    >>> round(Categorical([0.5, 0.25, 0.25]).truth("entropy") / math.log(2), 12)
    1.5
    """

    measures: ClassVar[dict[str, Truth]] = {
        "entropy": shannon, "renyi_entropy": renyi, "tsallis_entropy": tsallis,
        "hill_number": hill,
    }  # fmt: skip

    def __init__(self, p: Any, name: str = "categorical") -> None:
        super().__init__(name, p)

    def sample(self, n: int, *, rng: RNG = None) -> Array:
        """Random records, cells as integers, shape (n,)."""
        return self._codes(n, rng)[0]

    @classmethod
    def even(cls, cells: int) -> Self:
        """Equal shares: the entropy is log(cells)."""
        return cls(np.ones(cells), f"{cells} equal cells")

    @classmethod
    def geometric(cls, cells: int, ratio: float = 0.5) -> Self:
        """Shares that fall by `ratio` from cell to cell."""
        return cls(ratio ** np.arange(cells), f"{cells} cells, each {ratio:g} of the last")

    @classmethod
    def zipf(cls, cells: int, exponent: float = 1.0) -> Self:
        """Shares proportional to rank to the minus `exponent`."""
        ranks = np.arange(1, cells + 1)
        return cls(ranks ** -float(exponent), f"Zipf({exponent:g}) on {cells} cells")

    @classmethod
    def poisson(cls, rate: float) -> Self:
        """Counts of a Poisson law, cut where less than 1e-16 is left."""
        most = int(rate + 12 * math.sqrt(rate) + 25)
        logs = [k * math.log(rate) - rate - math.lgamma(k + 1) for k in range(most)]
        return cls(np.exp(logs), f"Poisson({rate:g})")


# --- two samples ------------------------------------------------------------------------------


def _pairs(shares: Array) -> list[tuple[float, float]]:
    p, r = shares.tolist()
    return [(a, b) for a, b in zip(p, r, strict=True) if a > 0 or b > 0]


def kullback_leibler(shares: Array) -> float:
    """KL(p || r) in nats; infinite where r lacks a cell of p."""
    terms = [a * math.log(a / b) if b > 0 else math.inf for a, b in _pairs(shares) if a > 0]
    return math.fsum(terms)


def jeffreys(shares: Array) -> float:
    """KL in both directions, in nats."""
    return kullback_leibler(shares) + kullback_leibler(shares[::-1])


def jensen_shannon(shares: Array, weight: float = 0.5) -> float:
    """Jensen-Shannon divergence in nats: entropy of the mixture less the mean entropy."""
    mix = weight * shares[:1] + (1 - weight) * shares[1:]
    return shannon(mix) - weight * shannon(shares[:1]) - (1 - weight) * shannon(shares[1:])


def renyi_divergence(shares: Array, order: float = 2.0) -> float:
    """Rényi divergence in nats."""
    if order == 1:
        return kullback_leibler(shares)
    return math.log(_power_sum(shares, order)) / (order - 1)


def tsallis_divergence(shares: Array, order: float = 2.0) -> float:
    """Tsallis divergence."""
    if order == 1:
        return kullback_leibler(shares)
    return (_power_sum(shares, order) - 1) / (order - 1)


def alpha_divergence(shares: Array, order: float = 0.5) -> float:
    """Amari's alpha divergence."""
    if order == 0:
        return kullback_leibler(shares[::-1])
    if order < 0:
        return alpha_divergence(shares[::-1], 1 - order)
    return tsallis_divergence(shares, order) / order


def squared_hellinger(shares: Array) -> float:
    """One less the sum of the roots of p r."""
    return math.fsum((math.sqrt(a) - math.sqrt(b)) ** 2 for a, b in _pairs(shares)) / 2


def total_variation(shares: Array) -> float:
    """Greatest difference in the probability of any set of cells."""
    return math.fsum(a - b for a, b in _pairs(shares) if a > b)


def _power_sum(shares: Array, order: float) -> float:
    return math.fsum(
        a**order * b ** (1 - order) if b > 0 else (math.inf if order > 1 else 0.0)
        for a, b in _pairs(shares)
        if a > 0
    )


class TwoSample(Oracle):
    """Two independent samples with shares p and r on the same cells.

    Examples
    --------
    >>> from infometric.oracles import TwoSample
    >>> oracle = TwoSample.tilted(10, 0.1)
    >>> round(oracle.truth("jeffreys_divergence"), 12)
    0.1
    """

    measures: ClassVar[dict[str, Truth]] = {
        "kl_divergence": kullback_leibler,
        "jeffreys_divergence": jeffreys,
        "jensen_shannon_divergence": jensen_shannon,
        "renyi_divergence": renyi_divergence,
        "tsallis_divergence": tsallis_divergence,
        "alpha_divergence": alpha_divergence,
        "squared_hellinger": squared_hellinger,
        "hellinger_distance": lambda shares: math.sqrt(squared_hellinger(shares)),
        "total_variation": total_variation,
        "squared_total_variation": lambda shares: total_variation(shares) ** 2,
        "jensen_shannon_distance": lambda shares, weight=0.5: math.sqrt(
            max(jensen_shannon(shares, weight), 0.0)
        ),
    }

    def __init__(self, p: Any, r: Any, name: str = "two samples") -> None:
        super().__init__(name, np.stack([p, r]))

    def sample(self, n: Any, *, rng: RNG = None) -> tuple[Array, Array]:
        """Random records of both samples, cells as integers."""
        first, second = self._codes(n, rng)
        return first, second

    @classmethod
    def tilted(
        cls,
        base: int | Sequence[float] | Array,
        truth: float,
        *,
        direction: Any = None,
        measure: str = "jeffreys_divergence",
        **parameters: float,
    ) -> Self:
        """Shares p and ``r ~ p exp(c direction)`` with c such that the measure has a given value.

        Parameters
        ----------
        base : int or array-like
            Shares p, or a number of equal cells.
        truth : float
            Wanted value of the measure, in nats.
        direction : array-like, optional
            Tilt of each cell; from -1 to 1 along the cells by default.
        measure : str
            Name of the divergence.
        **parameters : float
            Order or weight of the measure.
        """
        p = np.ones(base) if isinstance(base, int | np.integer) else np.asarray(base, float)
        p = p / p.sum()
        z = np.linspace(-1, 1, len(p)) if direction is None else np.asarray(direction, float)

        def r(c: float) -> Array:
            log_r = np.log(p) + c * z
            shares: Array = np.exp(log_r - log_r.max())
            return shares / shares.sum()

        name = f"{len(p)} cells, {measure} {truth:g}"
        value = cls.measures[measure]
        return cls(p, r(_solve(lambda c: value(np.stack([p, r(c)]), **parameters), truth)), name)

    def swapped(self) -> TwoSample:
        """The same with the samples exchanged."""
        return TwoSample(self.shares[1], self.shares[0], self.name)


# --- several variables ------------------------------------------------------------------------

Cell = tuple[int, ...]


def _cells(table: Array) -> list[tuple[Cell, float]]:
    return [(cell, float(p)) for cell, p in np.ndenumerate(table) if p > 0]


def _margin(table: Array, kept: Sequence[int]) -> dict[Cell, float]:
    """Probability of each value of some of the variables."""
    sums: dict[Cell, list[float]] = {}
    for cell, p in _cells(table):
        sums.setdefault(tuple(cell[a] for a in kept), []).append(p)
    return {value: math.fsum(parts) for value, parts in sums.items()}


def _entropy_of(table: Array, kept: Sequence[int]) -> float:
    return -math.fsum(p * math.log(p) for p in _margin(table, kept).values())


def mutual_information(table: Array) -> float:
    """Sum of p(x, y) log p(x, y) / (p(x) p(y))."""
    x, y = _margin(table, (0,)), _margin(table, (1,))
    return math.fsum(p * math.log(p / (x[i,] * y[j,])) for (i, j), p in _cells(table))


def normalized_mutual_information(table: Array, normalization: str = "arithmetic") -> float:
    """Mutual information over a mean of the entropies, or the joint entropy."""
    h = [_entropy_of(table, (a,)) for a in (0, 1)]
    norms = {
        "arithmetic": sum(h) / 2, "geometric": math.sqrt(h[0] * h[1]),
        "min": min(h), "max": max(h), "joint": _entropy_of(table, (0, 1)),
    }  # fmt: skip
    return mutual_information(table) / norms[normalization]


def conditional_mutual_information(table: Array) -> float:
    """Sum of p(x, y, z) log p(x, y, z) p(z) / (p(x, z) p(y, z))."""
    z, xz, yz = (_margin(table, kept) for kept in ((2,), (0, 2), (1, 2)))
    return math.fsum(
        p * math.log(p * z[k,] / (xz[i, k] * yz[j, k])) for (i, j, k), p in _cells(table)
    )


def total_correlation(table: Array) -> float:
    """Sum of p log p / (product of the margins)."""
    margins = [_margin(table, (a,)) for a in range(table.ndim)]
    return math.fsum(
        p * math.log(p / math.prod(m[i,] for m, i in zip(margins, cell, strict=True)))
        for cell, p in _cells(table)
    )


def dual_total_correlation(table: Array) -> float:
    """Joint entropy less the mean of -log p(one variable | all others), over the variables."""
    every = range(table.ndim)
    joint = _entropy_of(table, every)
    alone = (joint - _entropy_of(table, [b for b in every if b != a]) for a in every)
    return joint - math.fsum(alone)


def interaction_information(table: Array) -> float:
    """I(X; Y) - I(X; Y | Z), and the like of the last variable for any other number of them."""
    if table.ndim == 2:
        return mutual_information(table)
    slices = np.moveaxis(table, -1, 0)
    return interaction_information(table.sum(-1)) - math.fsum(
        part.sum() * interaction_information(part / part.sum()) for part in slices if part.any()
    )


class JointTable(Oracle):
    """One sample of two or more discrete variables.

    Conditional mutual information is that of the first two given the third.

    Examples
    --------
    >>> from infometric.oracles import JointTable
    >>> channel = JointTable.binary_symmetric_channel(0.11)
    >>> round(channel.truth("mutual_information") / math.log(2), 4)
    0.5001
    >>> JointTable.exclusive_or().truth("interaction_information") / math.log(2)
    -1.0
    """

    measures: ClassVar[dict[str, Truth]] = {
        "mutual_information": mutual_information,
        "normalized_mutual_information": normalized_mutual_information,
        "conditional_mutual_information": conditional_mutual_information,
        "total_correlation": total_correlation,
        "dual_total_correlation": dual_total_correlation,
        "interaction_information": interaction_information,
    }
    _of: ClassVar[dict[str, int]] = {  # measures of so many variables alone
        "mutual_information": 2, "normalized_mutual_information": 2,
        "conditional_mutual_information": 3,
    }  # fmt: skip

    def __init__(self, p: Any, name: str = "joint table") -> None:
        table = np.asarray(p, dtype=float)
        object.__setattr__(self, "_shape", table.shape)
        super().__init__(name, table.reshape(1, -1))

    @property
    def shape(self) -> tuple[int, ...]:
        """Numbers of cells of the variables."""
        found: tuple[int, ...] = self.__dict__["_shape"]
        return found

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kind of each variable."""
        return ("discrete",) * len(self.shape)

    @property
    def table(self) -> Array:
        """Probabilities, one axis a variable."""
        return self.shares.reshape(self.shape)

    @property
    def _subject(self) -> Array:
        return self.table

    @property
    def defined(self) -> tuple[str, ...]:
        """Names of the measures that so many variables have."""
        ndim = len(self.shape)
        return tuple(name for name in self.measures if self._of.get(name, ndim) == ndim)

    def sample(self, n: int, *, rng: RNG = None) -> tuple[Array, ...]:
        """Random records, one array of cells as integers for each variable."""
        return tuple(np.unravel_index(self._codes(n, rng)[0], self.shape))

    @classmethod
    def binary_symmetric_channel(cls, error: float) -> Self:
        """A fair bit that arrives turned over with a given probability."""
        p = np.array([[1 - error, error], [error, 1 - error]]) / 2
        return cls(p, f"binary symmetric channel({error:g})")

    @classmethod
    def independent(cls, *margins: Any) -> Self:
        """Variables that know nothing of each other."""
        axes = [np.asarray(margin, dtype=float) for margin in margins]
        return cls(math.prod(np.ix_(*axes)), f"{len(axes)} independent variables")

    @classmethod
    def exclusive_or(cls, error: float = 0.0) -> Self:
        """Two fair bits, and whether they differ, wrong with a given probability."""
        x, y, z = np.indices((2, 2, 2))
        return cls(np.where((x ^ y) == z, 1 - error, error) / 4, f"exclusive or({error:g})")

    @classmethod
    def chain(cls, error: float) -> Self:
        """A fair bit z and two copies x and y of it, each wrong with a given probability."""
        x, y, z = np.indices((2, 2, 2))
        copies = [np.where(bit == z, 1 - error, error) for bit in (x, y)]
        return cls(copies[0] * copies[1] / 2, f"two copies of a bit({error:g})")

    @classmethod
    def tilted(cls, shape: tuple[int, int], truth: float, *, skew: float = 1.0) -> Self:
        """Dependence along the diagonal with a given mutual information.

        Parameters
        ----------
        shape : tuple of two int
            Numbers of cells.
        truth : float
            Mutual information in nats.
        skew : float
            Ratio of neighbouring cells of the margins before the tilt.
        """
        a, b = (float(skew) ** np.arange(k) for k in shape)
        slope = np.outer(np.linspace(-1, 1, shape[0]), np.linspace(-1, 1, shape[1]))

        def joint(c: float) -> Array:
            given_x = b * np.exp(c * slope)
            shares: Array = (a / a.sum())[:, None] * given_x / given_x.sum(1, keepdims=True)
            return shares

        c = _solve(lambda c: cls(joint(c)).truth("mutual_information"), truth)
        return cls(joint(c), f"{shape[0]} x {shape[1]}, information {truth:g}")


def _solve(value: Callable[[float], float], truth: float, most: float = 60.0) -> float:
    """Tilt at which a measure has a given value.

    Raises
    ------
    InvalidParameterError
        Where no tilt reaches it.
    """
    from scipy.optimize import brentq

    if truth == 0:
        return 0.0
    while most > 1 and not math.isfinite(value(most)):
        most /= 2
    if not 0 < truth < value(most):
        raise InvalidParameterError(
            f"No tilt of these shares reaches this value; the greatest is {value(most):.4g}.",
            got=truth,
            hint="a smaller truth, or a direction that tilts more cells",
        )
    return float(brentq(lambda c: value(c) - truth, 0.0, most, xtol=1e-14))


def catalogue() -> dict[str, Oracle]:
    """A few oracles of each kind, by name; the conformance checks run on them.

    Examples
    --------
    >>> from infometric.oracles import catalogue
    >>> len(catalogue())
    14
    """
    found: list[Oracle] = [
        Categorical.even(8),
        Categorical.geometric(10, 0.6),
        Categorical.zipf(30),
        Categorical.poisson(4.0),
        TwoSample.tilted(10, 0.0),
        TwoSample.tilted(10, 0.1),
        TwoSample.tilted(0.7 ** np.arange(6), 0.3),
        TwoSample([0.5, 0.3, 0.2], [0.2, 0.3, 0.5], "three cells exchanged"),
        JointTable.binary_symmetric_channel(0.11),
        JointTable.independent([0.2, 0.3, 0.5], [0.6, 0.4]),
        JointTable.tilted((3, 4), 0.1),
        JointTable.tilted((5, 5), 0.3, skew=0.75),
        JointTable.exclusive_or(0.2),
        JointTable.chain(0.2),
    ]
    return {oracle.name: oracle for oracle in found}
