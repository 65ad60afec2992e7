r"""Resampling on cells: jackknife, bootstrap, permutation.

All replicates are one batched evaluation of the functional. The bootstrap interval is `basic`,
:math:`(2\hat\theta - q_{1-\alpha/2},\ 2\hat\theta - q_{\alpha/2})`: the percentile interval of a
divergence carries its bias twice and covers far below its level. Permutation p-values are
:math:`(1 + \#\{\theta^* \ge \hat\theta\}) / (1 + R)`.

References
----------
Davison, A. C., Hinkley, D. V. (1997). Bootstrap methods and their application. Cambridge.
doi:10.1017/CBO9780511802843
Patefield, W. M. (1981). Algorithm AS 159: an efficient method of generating random R x C tables.
Appl. Statist. 30, 91-97. doi:10.2307/2346669
Phipson, B., Smyth, G. K. (2010). Permutation p-values should never be zero. Stat. Appl. Genet.
Mol. Biol. 9(1). doi:10.2202/1544-6115.1585
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from scipy.special import stdtrit

from infometric.exceptions import InvalidParameterError, UnsupportedError
from infometric.state.counts import Counts
from infometric.state.sample import Sample
from infometric.state.scores import Scores
from infometric.state.search import nearest
from infometric.state.spectrum import Spectrum
from infometric.typing import RNG, Array
from infometric.uncertainty.base import (
    GROUPS,
    MEAN_AT_N,
    Inference,
    normal_interval,
    one_thread,
    trusted,
    without_groups,
)
from infometric.uncertainty.subsampling import serial

_BATCH = 4_000_000  # cells evaluated at once
FEWEST_GROUPS = 3
TABLES = 9999  # random tables of a permutation test
ORDERS = 199  # random orders of a sample: each is searched for neighbours anew
IN_ORDER = (
    "rows next to each other are alike, as in a series, and random orders are not: the p-value is "
    "too small; thin the series, x[::10], until neighbouring moments are unlike"
)
ALIKE_GROUPS = (
    "the value is the same whichever group of rows is left out, as where rows are few or all "
    "apart: there is no error to tell"
)
NEAR = 5  # rows nearest in z among which x changes places


@dataclass(frozen=True)
class Jackknife:
    """Leave one record out, exactly: records of a cell are alike, so K evaluations stand for N.

    Groups are independent, so their jackknife variances add. Of a `Spectrum` random groups of rows
    are left out in turn: the interval is of the mean of the value over samples of as many rows, by
    the same procedure, a bandwidth that is learned of the rows included.

    Parameters
    ----------
    n_groups : int
        Groups of rows of a `Spectrum`.
    """

    name: ClassVar[str] = "jackknife"
    needs: ClassVar[frozenset[str]] = frozenset({"leave_out"})
    n_groups: int = GROUPS

    def __post_init__(self) -> None:
        if not isinstance(self.n_groups, Integral) or self.n_groups < FEWEST_GROUPS:
            raise InvalidParameterError(
                f"n_groups must be an integer of {FEWEST_GROUPS} or more.",
                got=self.n_groups,
                hint=f"Jackknife(n_groups={GROUPS})",
            )

    def __call__(
        self, functional: Any, state: Any, theta: Array, *, level: float, rng: RNG = None
    ) -> Inference:
        """Standard error, normal interval around the bias-corrected value, and the bias."""
        if isinstance(state, Spectrum):
            return self._of_spectrum(functional, state, theta, level, np.random.default_rng(rng))
        if isinstance(state, Scores):
            variance, bias = state.m2 / (state.n * (state.n - 1)), np.asarray(0.0)
        else:
            with np.errstate(invalid="ignore"):  # NaN where a value is infinite
                variance, bias = self._of_counts(functional, state, theta)
        se = np.sqrt(variance)
        with np.errstate(invalid="ignore"):
            low, high = normal_interval(theta - bias, se, level)
        return Inference(self.name, se, low, high, diagnostics={"jackknife_bias": bias})

    def _of_spectrum(
        self,
        functional: Any,
        state: Spectrum,
        theta: Array,
        level: float,
        rng: np.random.Generator,
    ) -> Inference:
        """Groups of rows left out in turn, and Student's interval; no bias is taken off."""
        count = min(self.n_groups, state.size)
        scatter = without_groups(functional, state, float(theta), count, rng)
        variance, freedom, values, halves = scatter
        count = len(values)  # a measure of whole classes may have fewer to leave out
        sampling = math.sqrt(variance)
        noise, unsure = functional.numerical(state)
        se = float(np.hypot(sampling, noise))
        reach = float(stdtrit(freedom, 0.5 + level / 2)) * se + unsure
        told = {
            "n_groups": count,
            "degrees_of_freedom": freedom,
            "interval_of": MEAN_AT_N.format(state.size),
        }
        told |= {"numerical_se": noise, "bracket": unsure} if noise or unsure else {}
        found = Inference(
            self.name,
            np.asarray(se),
            np.asarray(theta - reach),
            np.asarray(np.minimum(theta + reach, max(functional.most(state), float(theta)))),
            replicates=values,
            diagnostics=told | functional.trend(float(theta), halves),
        )
        doubts = functional.doubts(state) or (
            (ALIKE_GROUPS,) if sampling <= rounding(values) else ()
        )
        return trusted(found, doubts, functional.hesitations(state, values))

    @staticmethod
    def _of_counts(functional: Any, state: Counts, theta: Array) -> tuple[Array, Array]:
        refuse_weights(state, "The jackknife", "uncertainty='delta'")
        values = functional.leave_one_out(state)
        n = state.n[..., None]
        share = np.where(state.table > 0, state.table, 0) / n
        values = np.where(state.table > 0, values, 0.0)
        mean = (share * values).sum(-1, keepdims=True)
        variance = ((n - 1) * share * (values - mean) ** 2).sum((-2, -1))
        bias = ((n - 1) * (mean - np.asarray(theta)[..., None, None])).sum((-2, -1))
        return variance, bias


@dataclass(frozen=True)
class Bootstrap:
    """Multinomial bootstrap on cells with the `basic` interval.

    Parameters
    ----------
    n_resamples : int
        Number of replicates.
    """

    name: ClassVar[str] = "bootstrap"
    needs: ClassVar[frozenset[str]] = frozenset({"resample"})
    n_resamples: int = 1999

    def __post_init__(self) -> None:
        check_resamples(self.n_resamples)

    def __call__(
        self, functional: Any, state: Counts, theta: Array, *, level: float, rng: RNG = None
    ) -> Inference:
        """Standard error and basic interval."""
        refuse_weights(state, "The multinomial bootstrap", "uncertainty='delta'")
        generator = np.random.default_rng(rng)

        def draw(size: int) -> Array:
            groups = [
                generator.multinomial(int(n), p, size=size)
                for n, p in zip(state.n, state.p, strict=True)
            ]
            return np.stack(groups, axis=-2)

        values = evaluate(functional, state, draw, self.n_resamples)
        tail = (1 - level) / 2
        lower, upper = np.quantile(values, [tail, 1 - tail])
        return Inference(
            self.name,
            values.std(ddof=1),
            2 * theta - upper,
            2 * theta - lower,
            replicates=values,
            diagnostics={"bootstrap_bias": values.mean() - theta},
        )


@dataclass(frozen=True)
class Permutation:
    """Permutation test with fixed margins: groups (or variables) exchange their labels.

    Parameters
    ----------
    n_resamples : int, optional
        Number of random tables, 9,999 by default; of random orders of the rows of a `Sample`, 199.
    """

    name: ClassVar[str] = "permutation"
    needs: ClassVar[frozenset[str]] = frozenset({"permute"})
    n_resamples: int | None = None

    def __post_init__(self) -> None:
        if self.n_resamples is not None:
            check_resamples(self.n_resamples)

    def __call__(
        self, functional: Any, state: Any, theta: Array, *, level: float = 0.95, rng: RNG = None
    ) -> Inference:
        """p-value; no interval, since the replicates live under the null."""
        if isinstance(state, Sample):
            return self._of_sample(functional, state, theta, np.random.default_rng(rng))
        return self._of_counts(functional, state, theta, rng)

    def _of_sample(
        self, functional: Any, state: Sample, theta: Array, rng: np.random.Generator
    ) -> Inference:
        if not functional.least:
            raise UnsupportedError(
                f"{functional.name} has no hypothesis of nothing there to permute under.",
                hint=f"method={(own := functional.favoured(state))!r}, or uncertainty={own!r} of a "
                "class",
            )
        size = self.n_resamples or ORDERS
        if isinstance(state, Spectrum):
            return self._of_spectrum(functional, state, theta, size, rng)
        orders = exchanged(state, functional.exchange, rng)
        values = np.array([float(functional.value(next(orders))) for _ in range(size)])
        extreme = (values >= float(theta) - 1e-12 * max(1.0, abs(float(theta)))).sum()
        found = Inference(
            self.name,
            pvalue=np.asarray((1 + extreme) / (1 + size)),
            replicates=values,
            diagnostics={"null_test": self.name},
        )
        return trusted(found, (), (IN_ORDER,)) if serial(state) else found

    def _of_spectrum(
        self, functional: Any, state: Spectrum, theta: Array, size: int, rng: np.random.Generator
    ) -> Inference:
        """p-value of that part of the value which random orders change; kernels stay."""
        own = float(functional.statistic(state))
        orders = (rng.permutation(state.size) for _ in range(size))
        with one_thread(state.size):
            values = np.array([float(functional.reordered(state, order)) for order in orders])
        extreme = (values >= own - 1e-12 * max(1.0, abs(own))).sum()
        values = values - own + float(theta)
        return Inference(
            self.name,
            pvalue=np.asarray((1 + extreme) / (1 + size)),
            replicates=values,
            diagnostics={
                "null_test": self.name,
                "null_mean": float(values.mean()),
                "null_sd": float(values.std(ddof=1)),
            },
        )

    def _of_counts(self, functional: Any, state: Counts, theta: Array, rng: RNG) -> Inference:
        size = self.n_resamples or TABLES
        if not state.weighted:
            refuse_fractions(state)
        refuse_weights(state, "A permutation test", "test(method='chi2')")
        if state.n_groups < 2 and len(state.shape) < 2:
            raise UnsupportedError(
                "A permutation test needs two groups or a joint table.",
                got={"groups": state.n_groups, "shape": state.shape},
                hint="Counts.from_counts([sample, other])",
            )
        if functional.exchange not in EXCHANGES:
            raise UnsupportedError(
                f"{functional.name} has no records to exchange under its hypothesis.",
                got=functional.name,
                hint="uncertainty='delta'",
            )
        exchange = EXCHANGES[functional.exchange](state, np.random.default_rng(rng))

        def draw(size: int) -> Array:
            return exchange(size).reshape(size, *state.table.shape)

        values = evaluate(functional, state, draw, size)
        centre = values.mean() if functional.signed else 0.0
        far, distance = (
            (np.abs(values - centre), abs(float(theta) - centre))
            if functional.signed
            else (values, float(theta))
        )
        # ties up to rounding count as at least as extreme
        extreme = (far >= distance - 1e-12 * max(1.0, abs(distance))).sum()
        return Inference(
            self.name,
            pvalue=np.asarray((1 + extreme) / (1 + size)),
            replicates=values,
            diagnostics={"null_test": self.name},
        )


Exchange = Callable[[int], Array]


def random_tables(rows: Array, columns: Array, rng: np.random.Generator) -> Exchange:
    """Random tables with given margins, as a function of their number.

    Empty rows and columns are left out of the drawing, and what one row or column determines is
    not drawn: of these scipy 1.17 makes negative counts.
    """
    from scipy.stats import random_table

    full, wide = np.flatnonzero(rows), np.flatnonzero(columns)
    certain = min(len(full), len(wide)) < 2
    law = None if certain else random_table(rows[full], columns[wide])

    def draw(size: int) -> Array:
        out = np.zeros((size, len(rows), len(columns)), dtype=np.int64)
        if law is None:
            out[:] = np.minimum.outer(rows, columns)
        else:
            out[:, full[:, None], wide] = law.rvs(size=size, random_state=rng)
        return out

    return draw


def _rows_against_the_rest(s: Counts, rng: np.random.Generator) -> Exchange:
    """Groups, or the first variable, against everything else; both margins stay."""
    table = s.table if len(s.shape) == 1 else s.table.reshape(s.shape[0], -1)
    return random_tables(table.sum(-1), table.sum(-2), rng)


def _within_slices(s: Counts, rng: np.random.Generator) -> Exchange:
    """The first two variables within each value of the last."""
    slices = np.moveaxis(s.joint, -1, 0)
    laws = [(z, random_tables(t.sum(1), t.sum(0), rng)) for z, t in enumerate(slices) if t.any()]

    def draw(size: int) -> Array:
        out = np.zeros((size, *s.shape), dtype=np.int64)
        for z, law in laws:
            out[..., z] = law(size)
        return out

    return draw


def _all_variables(s: Counts, rng: np.random.Generator) -> Exchange:
    """Each variable against those before it; every margin of one variable stays."""
    ndim, joint = len(s.shape), s.joint
    margins = [joint.sum(tuple(b for b in range(ndim) if b != a)) for a in range(ndim)]

    def one() -> Array:
        table = margins[0]
        for margin in margins[1:]:
            table = random_tables(table, margin, rng)(1).ravel()
        return table

    return lambda size: np.stack([one() for _ in range(size)])


EXCHANGES: dict[str, Callable[[Counts, np.random.Generator], Exchange]] = {
    "rows": _rows_against_the_rest,
    "within": _within_slices,
    "all": _all_variables,
}


def rounding(values: Array) -> float:
    """Scatter that is no scatter."""
    return 1e-13 * max(1.0, float(np.abs(values).max(initial=0.0)))


def exchanged(s: Sample, how: str, rng: np.random.Generator) -> Iterator[Sample]:
    """Random samples under the hypothesis of nothing there.

    Two groups exchange rows; of two or more variables each but the last is put in random order;
    the first of three with a condition changes places with rows that are near in the condition
    (Runge 2018, arXiv:1709.01447).
    """
    if s.n_groups == 2:
        yield from _pooled(s, rng)
    if how == "within":
        yield from _nearby(s, rng)
    while True:
        rows = [v[rng.permutation(len(v))] for v in s.variables[:-1]]
        yield s.with_groups([(*rows, s.variables[-1])])


def _pooled(s: Sample, rng: np.random.Generator) -> Iterator[Sample]:
    n, together = int(s.n[0]), np.concatenate([g[0] for g in s.groups])
    while True:
        together = together[rng.permutation(len(together))]
        yield s.with_groups([(together[:n],), (together[n:],)])


def _nearby(s: Sample, rng: np.random.Generator) -> Iterator[Sample]:
    """Each row gets the x of one of the nearest in z, no x twice where that can be."""
    x, y, z = s.variables
    n = len(x)
    width = np.where((w := z.std(axis=0)) > 0, w, 1.0)
    near = nearest(None, z / width, min(NEAR, n - 1), indices=True)[1]
    while True:
        near = rng.permuted(near, axis=1)
        taken, source = np.zeros(n, dtype=bool), np.empty(n, dtype=np.int64)
        for i in rng.permutation(n).tolist():
            source[i] = next((j for j in near[i].tolist() if not taken[j]), near[i, 0])
            taken[source[i]] = True
        yield s.with_groups([(x[source], y, z)])


def check_resamples(number: Any) -> None:
    """Error unless the number of replicates is an integer above one."""
    if not isinstance(number, Integral) or isinstance(number, bool) or number < 2:
        raise InvalidParameterError(
            "n_resamples must be an integer of two or more.", got=number, hint="n_resamples=1999"
        )


def evaluate(functional: Any, state: Counts, draw: Any, size: int) -> Array:
    """Values of `size` random tables, drawn and evaluated in batches that fit the cache."""
    step = max(1, _BATCH // max(1, state.table.size))
    parts = [min(step, size - start) for start in range(0, size, step)]
    return np.concatenate(
        [np.asarray(functional.value(state.with_table(np.asarray(draw(part), float))))
         for part in parts]
    )  # fmt: skip


def refuse_fractions(state: Counts) -> None:
    """Error where counts are not whole: a fraction of a record cannot change places."""
    if state.table.dtype.kind not in "iub":
        raise UnsupportedError(
            "A permutation test exchanges records, and these counts are not whole.",
            got=state.table[state.table % 1 != 0][:5].tolist(),
            hint="round the counts, or test(method='chi2')",
        )


def refuse_weights(state: Counts, who: str, instead: str) -> None:
    """Error where records carry weights: their multiplicity is not a count."""
    if state.weighted or state.table.dtype.kind == "f":
        raise UnsupportedError(
            f"{who} needs whole, unweighted counts.",
            got={"weighted": state.weighted, "dtype": str(state.table.dtype)},
            hint=instead,
        )
