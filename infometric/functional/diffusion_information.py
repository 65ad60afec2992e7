r"""Diffusion spectral information: what is left of an entropy once a class or a number is known.

With classes :math:`c` of shares :math:`p_c` the conditional entropy is :math:`\sum_c p_c H(A|c)`. A
class has fewer rows than the whole, and entropies grow with them; so what is shared compares with
random classes of the same sizes, :math:`\pi` a random order of the labels:

.. math:: I(A; C) = \mathrm{E}_\pi H(A | C_\pi) - H(A | C), \qquad
   I(A; B) = \mathrm{E}_\pi H(A, B_\pi) - H(A, B)

of a second representation B, whose joint entropy is that of the products of similarities. Either is
zero in the mean where the two are independent.

References
----------
Liao, D. et al. (2023). Assessing neural network representations during training using
noise-resilient diffusion spectral entropy. arXiv:2312.04823
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np

from infometric.functional.spectra import (
    FEW,
    FLAT,
    SEED,
    ConditionalMatrixEntropy,
    DiffusionSpectralEntropy,
    Form,
    SpectralSum,
    class_numbers,
    entropy_of_both,
    entropy_of_matrix,
    refuse_lone_classes,
    rows_by_class,
    whole_gram,
)
from infometric.state.spectrum import Spectrum
from infometric.typing import Array

ONE_CLASS = "there is one class, so that nothing is compared"


@dataclass(frozen=True)
class ConditionalDiffusionEntropy(SpectralSum):
    """Mean diffusion spectral entropy within classes, weighted by their rows.

    Parameters
    ----------
    order, power, form, alpha
        As of `SpectralSum`.

    Notes
    -----
    The first variable is continuous, the second holds classes. A class of one row has entropy zero.
    Given a second representation it is the entropy of both together less that of the second.
    """

    name: ClassVar[str] = "conditional_diffusion_spectral_entropy"
    variables: ClassVar[int] = 2
    form: Form = "diffusion"

    def check(self, s: Spectrum) -> None:
        """Error where the second variable holds classes, and hardly one has two rows.

        Raises
        ------
        DataError
            With the number of classes.
        """
        if self.of_classes(s):
            refuse_lone_classes(s)

    def resolved(self, s: Spectrum) -> SpectralSum:
        """The measure of a class, or of a representation."""
        if self.of_classes(s):
            return self
        return ConditionalMatrixEntropy(self.order, self.power, self.form, self.alpha)

    def value(self, s: Spectrum) -> Array:
        """Mean of the entropies of the classes, in nats."""
        return np.asarray(self.own(s)[0])

    def within(self, s: Spectrum, codes: Array) -> float:
        """Weighted mean over any division of the rows into classes."""
        found = [self.of_rows(s, rows).value for rows in rows_by_class(codes)]
        return float(rows_of(codes) @ found)

    def own(self, s: Spectrum) -> tuple[float, float, float]:
        """Mean within the classes as they are, the noise of probes in it, and half the brackets."""

        def find() -> tuple[float, float, float]:
            codes = class_numbers(s)
            found = np.array([self.of_rows(s, rows) for rows in rows_by_class(codes)])
            shares = rows_of(codes)
            noise = math.sqrt(float(((shares * found[:, 1]) ** 2).sum()))
            return float(shares @ found[:, 0]), noise, float(shares @ found[:, 2])

        return s.kept(("within", self.order, self.power, self.form, self.alpha), find)

    def of_rows(self, s: Spectrum, rows: Array) -> Known:
        """Entropy of some rows of the first variable, with its kernel as it is."""
        if len(rows) < 2:
            return Known(0.0)
        gram = whole_gram(s, 0) if s.exact or len(rows) <= FEW else None
        if gram is not None:
            return Known(entropy_of_matrix(gram[rows][:, rows], self))
        part = part_of(s, rows)
        if self.alone.is_exact(part, (0,)):
            return Known(self.alone.entropy_of(part, (0,)))
        found = self.alone.bracketed(part, (0,))
        return Known(found.value, found.se, (found.high - found.low) / 2)

    @property
    def alone(self) -> DiffusionSpectralEntropy:
        """The entropy of one class."""
        return DiffusionSpectralEntropy(self.order, self.power, self.form, self.alpha)

    def looked_at(self, s: Spectrum) -> list[tuple[int, ...]]:
        """The first variable."""
        return [(0,)]

    def enough_rows(self, s: Spectrum) -> int:
        """So many that classes have some each."""
        classes = int(class_numbers(s).max()) + 1 if self.of_classes(s) else 0
        return max(super().enough_rows(s), 20 * classes)

    def needless(self, s: Spectrum) -> bool:
        """Classes that are one place each are what is looked for."""
        return self.alone.entropy_of(s.of_variables([0]), (0,)) > FLAT * math.log(s.size)

    def doubts(self, s: Spectrum) -> tuple[str, ...]:
        """A single class is compared with nothing."""
        lone = self.of_classes(s) and int(class_numbers(s).max()) == 0
        return (*super().doubts(s), *((ONE_CLASS,) if lone else ()))

    @staticmethod
    def of_classes(s: Spectrum) -> bool:
        """Whether one of the variables holds classes."""
        return "discrete" in s.kinds

    def brackets(self, s: Spectrum) -> dict[str, Any]:
        """None that is told one by one."""
        return {}

    def numerical(self, s: Spectrum) -> tuple[float, float]:
        """Noise of the probes of all classes, and half the width of their brackets."""
        return self.own(s)[1:]

    def of_solver(self, s: Spectrum) -> dict[str, Any]:
        """How the entropies of the classes were found."""
        bracketed = self.of_classes(s) and max(self.own(s)[1:]) > 0
        return {"solver": "lanczos"} if bracketed else super().of_solver(s)

    def influence_within(self, s: Spectrum, codes: Array) -> tuple[Array, Array, float]:
        """Influence of each row on the entropy of its class, that entropy, and the noise."""
        values, own, noise = np.zeros(s.size), np.zeros(s.size), 0.0
        for rows in rows_by_class(codes):
            if len(rows) < 2:
                continue
            part = part_of(s, rows)
            own[rows] = self.of_rows(s, rows).value
            values[rows], added = self.alone.influence_of(part, (0,))
            noise += added * len(rows) / s.size
        return values, own, noise

    def sensitivity(self, s: Spectrum) -> tuple[Array, float]:
        """Influence of each row on the mean entropy of the classes."""
        values, own, noise = self.influence_within(s, class_numbers(s))
        return values + own - own.mean() + self.of_bandwidths(s), noise

    def shares(self, s: Spectrum) -> dict[str, float]:
        """Mean entropy of the classes as a share of the most that their rows can have."""
        codes = class_numbers(s)
        sizes = np.unique(codes, return_counts=True)[1]
        most = float((sizes * np.log(sizes)).sum() / sizes.sum())
        return {"x|y": self.own(s)[0] / most if most > 0 else 0.0}

    def facts(self, s: Spectrum) -> dict[str, Any]:
        """As of every sum, and the classes."""
        sizes = np.unique(class_numbers(s), return_counts=True)[1]
        lone = int((sizes == 1).sum())
        told = {"classes": len(sizes), "least_class": int(sizes.min())}
        return super().facts(s) | told | ({"classes_of_one_row": lone} if lone else {})

    def trend(self, theta: float, halves: Array) -> dict[str, Any]:
        """Nothing: classes shrink with the sample."""
        return {}


@dataclass(frozen=True)
class DiffusionInformation(ConditionalDiffusionEntropy):
    """Diffusion spectral mutual information, less what chance alone would show.

    Of a class: the mean entropy within random classes of the same sizes, less that within the
    classes. Of a second representation or a number, the mean entropy of both together in random
    order, less that in their own. Either is zero in the mean where the two are independent.

    Parameters
    ----------
    order, power, form, alpha
        As of `SpectralSum`.
    n_orders : int
        Random orders whose mean is taken.
    parity : bool
        Draw subsets as the published package does, whose numbers it then gives.

    Notes
    -----
    The second form is symmetric: with each order its inverse is taken. The orders are the same for
    as many rows; in another order of the rows they are others, by which the value differs as
    `numerical_se` says.
    """

    name: ClassVar[str] = "diffusion_spectral_mutual_information"
    least: ClassVar[bool] = True
    bounds: ClassVar[tuple[float, float]] = (-np.inf, np.inf)
    n_orders: int = 10
    parity: bool = False

    def resolved(self, s: Spectrum) -> SpectralSum:
        """Itself, of either."""
        return self

    def value(self, s: Spectrum) -> Array:
        """Information in nats."""
        chance = s.kept(("chance", self), lambda: self._chance(s))
        return np.asarray(float(np.mean(chance)) + float(self.statistic(s)))

    def statistic(self, s: Spectrum) -> Array:
        """Less the entropy in the order of the rows: all that a random order changes."""
        if self.of_classes(s):
            return np.asarray(-self.own(s)[0])
        return np.asarray(-self.entropy_of(s, (0, 1)))

    def joint(self, s: Spectrum, order: Array) -> float:
        """Entropy of both variables together, the first in some order."""
        return entropy_of_both(s, order, self)

    def _chance(self, s: Spectrum) -> Array:
        """Entropies in random orders."""
        if self.parity and self.of_classes(s):
            return np.array([self._as_published(s)])
        return np.array([self.under(s, order) for order in self.orders(s)])

    def orders(self, s: Spectrum) -> Array:
        """The same random orders each time, shape (n_orders, n_rows).

        Of two representations every other is the inverse of the one before: to put the second in
        one order is to put the first in the other.
        """
        rng = np.random.default_rng(SEED)
        found: list[Array] = []
        for i in range(self.n_orders):
            turned = i % 2 and not self.of_classes(s)
            found.append(np.argsort(found[-1]) if turned else rng.permutation(s.size))
        return np.array(found)

    def reordered(self, s: Spectrum, order: Array) -> Array:
        """The statistic in a random order."""
        return np.asarray(-self.under(s, order))

    def under(self, s: Spectrum, order: Array) -> float:
        """Entropy that a random order has in place of `statistic`."""
        if self.of_classes(s):
            return self.within(s, class_numbers(s)[order])
        return self.joint(s, order)

    def _as_published(self, s: Spectrum) -> float:
        """Mean of five subsets for each class, from the same state of Python's generator."""
        total, n = 0.0, s.size
        for rows in rows_by_class(class_numbers(s)):
            draw = random.Random(0)
            drawn = [draw.sample(range(n), k=len(rows)) for _ in range(PUBLISHED_REPETITIONS)]
            total += len(rows) * float(np.mean([self.of_rows(s, np.array(d)).value for d in drawn]))
        return total / n

    def without(self, s: Spectrum, groups: Array) -> Array:
        """Values with each group left out, in the same random orders of the rows that stay."""
        chance, own = [], []
        orders = self.orders(s)[: None if self.of_classes(s) else JOINT_ORDERS]
        for g in np.unique(groups):
            kept = np.flatnonzero(groups != g)
            part = s.take(kept).relearned()
            place = np.full(s.size, -1)
            place[kept] = np.arange(len(kept))
            # what a row meets in a random order it meets again, unless that was left out
            same = (completed(place[order][kept]) for order in orders)
            chance.append([self.under(part, order) for order in same])
            own.append(float(self.statistic(part)))
        found = np.array(chance)
        return less_scattered(found.mean(axis=1) + np.array(own), noise_of_means(found))

    def numerical(self, s: Spectrum) -> tuple[float, float]:
        """Error of the mean over few random orders."""
        chance = s.kept(("chance", self), lambda: self._chance(s))
        noise = float(chance.std(ddof=1)) / math.sqrt(len(chance)) if len(chance) > 1 else 0.0
        own, unsure = self.own(s)[1:] if self.of_classes(s) else SpectralSum.numerical(self, s)
        return math.hypot(noise, own), unsure

    def brackets(self, s: Spectrum) -> dict[str, Any]:
        """Of both variables together, where they are no classes."""
        if self.of_classes(s) or s.exact:
            return {}
        return {"xy": self.bracketed(s, (0, 1))}

    def sensitivity(self, s: Spectrum) -> tuple[Array, float]:
        """Influence of each row on what chance shows, less that on the entropy in its order."""
        orders = self.orders(s)[:FEW_ORDERS]
        found = self._of_classes(s, orders) if self.of_classes(s) else self._of_pairs(s, orders)
        return found[0] + self.of_bandwidths(s), found[1]

    def _of_classes(self, s: Spectrum, orders: Array) -> tuple[Array, float]:
        codes = class_numbers(s)
        values, own, noise = self.influence_within(s, codes)
        by_chance, sizes = np.zeros(s.size), np.zeros((len(orders), codes.max() + 1))
        for k, order in enumerate(orders):
            drawn = codes[order]
            changed, entropy, added = self.influence_within(s, drawn)
            by_chance += changed / len(orders)
            noise += added / len(orders) ** 2
            sizes[k, drawn] = entropy
        shared = sizes.mean(axis=0)[codes] - own
        return by_chance - values + shared - shared.mean(), noise

    def _of_pairs(self, s: Spectrum, orders: Array) -> tuple[Array, float]:
        own, noise = self.influence_of(s, (0, 1))
        values = -own
        for order in orders:
            rows = (s.variables[0][order], *s.variables[1:])
            changed, added = self.influence_of(s.with_groups([rows]), (0, 1))
            back = np.empty(s.size)
            back[order] = changed  # where the row of the first variable went
            values += (changed + back) / len(orders)
            noise += 2 * added / len(orders) ** 2
        return values, noise

    def looked_at(self, s: Spectrum) -> list[tuple[int, ...]]:
        """The representation, or each variable: tails of both together are thin in any sample."""
        return [(0,)] if self.of_classes(s) else [(0,), (1,)]

    def shares(self, s: Spectrum) -> dict[str, float]:
        """As within classes, or of both variables together."""
        if self.of_classes(s):
            return super().shares(s)
        return {"xy": -float(self.statistic(s)) / math.log(s.size)}

    def facts(self, s: Spectrum) -> dict[str, Any]:
        """As within classes, and the random orders."""
        found = super().facts(s) if self.of_classes(s) else SpectralSum.facts(self, s)
        return found | {"n_orders": PUBLISHED_REPETITIONS if self.parity else self.n_orders}


FEW_ORDERS = 4  # random orders whose influence is taken
LEAST_KEPT = 0.25  # share of the scatter of the jackknife that is never put down to random orders
JOINT_ORDERS = 6  # random orders where groups are left out: each is a spectrum of all rows
PUBLISHED_REPETITIONS = 5


def noise_of_means(table: Array) -> float:
    """Variance of the mean of a line that is neither of its line nor of a column.

    Lines are groups left out, columns random orders: an order that a group has disturbed is another
    order, and what that changes is no scatter of samples.
    """
    lines, columns = table.shape
    if columns < 2:
        return 0.0
    left = table - table.mean(axis=1, keepdims=True) - table.mean(axis=0) + table.mean()
    return float((left**2).sum() / ((lines - 1) * (columns - 1)) / columns)


def less_scattered(values: Array, noise: float) -> Array:
    """Values drawn to their mean until their variance is less by that of their noise.

    A part is kept: that of both is known no better.
    """
    centre, scatter = values.mean(), values.var(ddof=1)
    share = max(1 - noise / scatter, LEAST_KEPT) if scatter > 0 else 1.0
    return centre + (values - centre) * math.sqrt(share)  # type: ignore[no-any-return]


class Known(NamedTuple):
    """An entropy, the noise of the probes in it, and half the width of its bracket."""

    value: float
    se: float = 0.0
    half: float = 0.0


def rows_of(codes: Array) -> Array:
    """Share of the rows in each class."""
    return np.array([len(rows) for rows in rows_by_class(codes)]) / len(codes)


def part_of(s: Spectrum, rows: Array) -> Spectrum:
    """Some rows of the first variable alone.

    Where the whole has too many rows for all of its eigenvalues, those of large classes are not
    found either.
    """
    part = s.take(rows).of_variables([0])
    return replace(part, solver="exact" if s.exact or len(rows) <= FEW else "lanczos")


def completed(order: Array) -> Array:
    """A permutation from one with gaps (-1): what is missing takes the gaps in turn."""
    missing = np.setdiff1d(np.arange(len(order)), order)
    out = order.copy()
    out[order < 0] = missing
    return out
