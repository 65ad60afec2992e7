r"""Intervals of values of neighbours: random parts of the rows against each other.

Rows drawn with replacement are copies, and a copy is a neighbour at distance zero: the bootstrap is
wrong here. Parts of a random division are independent samples instead. With M parts of N / M rows,

.. math:: \mathrm{se}^2 = \frac{1}{M} \cdot \frac{1}{M - 1} \sum_{m=1}^M (\hat\theta_m - \bar\theta)^2 ,

averaged over many divisions, is the variance at N / M rows without bias, whatever the local
dependence of the terms, over M. (Subsets of half the rows around their own mean are not: the noise
of the neighbours is counted twice.)

References
----------
Politis, D. N., Romano, J. P. (1994). Large sample confidence regions based on subsamples under
minimal assumptions. Ann. Statist. 22(4), 2031-2050. doi:10.1214/aos/1176325770
Holmes, C. M., Nemenman, I. (2019). Estimation of mutual information for real-valued data with error
bars and controlled bias. Phys. Rev. E 100, 022404. doi:10.1103/PhysRevE.100.022404
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from scipy.special import stdtr, stdtrit

from infometric.exceptions import DataError, InvalidParameterError
from infometric.state.sample import Sample
from infometric.typing import RNG, Array
from infometric.uncertainty.base import Inference, normal_interval, trusted

DIFFERENCES = 100  # degrees of freedom of the standard error
MOST_PARTS = 8
PART = 2000  # rows of a part, where there are enough


@dataclass(frozen=True)
class Subsampling:
    """Standard error from random divisions of the rows into parts.

    Parameters
    ----------
    parts : int, optional
        Number of parts of a division; two, and more of a large sample, by default.
    n_splits : int, optional
        Number of divisions; so many that a hundred differences are seen, by default.
    block : int
        Number of rows in a row that stay together: of a series so many that what lies farther
        apart is nearly independent.
    """

    name: ClassVar[str] = "subsampling"
    needs: ClassVar[frozenset[str]] = frozenset({"subsample"})
    parts: int | None = None
    n_splits: int | None = None
    block: int = 1

    def __post_init__(self) -> None:
        for name, least in (("parts", 2), ("n_splits", 1), ("block", 1)):
            value = getattr(self, name)
            optional = value is None and name != "block"
            whole = isinstance(value, Integral) and not isinstance(value, bool)
            if not optional and not (whole and value >= least):
                raise InvalidParameterError(
                    f"{name} must be an integer of {least} or more.",
                    got=value,
                    hint=f"Subsampling({name}={max(least, 2)})",
                )

    def __call__(
        self, functional: Any, state: Sample, theta: Array, *, level: float, rng: RNG = None
    ) -> Inference:
        """Standard error, interval and p-value, and whether they can be relied on."""
        n = int(state.n.min())
        parts = self.parts or min(MOST_PARTS, max(2, n // PART))
        splits = self.n_splits or math.ceil(DIFFERENCES / (parts - 1))
        if n // self.block < 2 * parts:
            raise DataError(
                f"{n} rows in blocks of {self.block} are too few for {parts} parts.",
                got={"rows": state.n.tolist(), "block": self.block},
                hint="a shorter block, or fewer parts: Subsampling(parts=2)",
            )
        generator = np.random.default_rng(rng)
        values = np.array(
            [[float(functional.value(part)) for part in state.split(parts, generator, self.block)]
             for _ in range(splits)]
        )  # fmt: skip
        se = math.sqrt(values.var(axis=1, ddof=1).mean() / parts)
        drift = float(theta) - float(values.mean())
        freedom = splits * (parts - 1)
        allowed = math.hypot(se, float(functional.allowance(state, float(theta))))
        reach = float(stdtrit(freedom, 0.5 + level / 2)) * allowed
        found = Inference(
            self.name,
            np.asarray(se),
            np.asarray(theta - reach),
            np.asarray(theta + reach),
            self._pvalue(functional, float(theta), se, freedom),
            replicates=values.ravel(),
            diagnostics={"parts": parts, "splits": splits, "block": self.block, "drift": drift},
        )
        return trusted(found, functional.doubts(state, float(theta), se, drift, parts))

    @staticmethod
    def _pvalue(functional: Any, theta: float, se: float, freedom: int) -> Array:
        """Of a value no larger than zero, where zero is "nothing there"."""
        if not functional.least or se == 0:
            return np.asarray(np.nan)
        return np.asarray(stdtr(freedom, -theta / se))


@dataclass(frozen=True)
class Partitions:
    """Standard error by Holmes and Nemenman: variances at several sizes of disjoint parts.

    Parameters
    ----------
    most : int
        Greatest number of parts.
    """

    name: ClassVar[str] = "partitions"
    needs: ClassVar[frozenset[str]] = frozenset({"subsample"})
    most: int = 10

    def __call__(
        self, functional: Any, state: Sample, theta: Array, *, level: float, rng: RNG = None
    ) -> Inference:
        """Standard error and normal interval."""
        generator = np.random.default_rng(rng)
        total, freedom = 0.0, 0
        for parts in range(2, self.most + 1):
            if int(state.n.min()) // parts < 20:
                break
            values = [float(functional.value(p)) for p in state.split(parts, generator)]
            total += float(np.var(values, ddof=1)) / parts * (parts - 1)
            freedom += parts - 1
        if not freedom:
            raise DataError(
                "Partitions need forty rows or more.",
                got={"rows": state.n.tolist()},
                hint="uncertainty='subsampling'",
            )
        se = np.asarray(math.sqrt(total / freedom))
        low, high = normal_interval(theta, se, level)
        return Inference(self.name, se, low, high, diagnostics={"degrees_of_freedom": freedom})
