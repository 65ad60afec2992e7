"""What functionals of `Sample` share: terms of single rows, scales, ties.

A value of neighbours is the mean of one term a row. Distances of unlike columns are compared, so
columns are brought to one scale first: `"standard"` divides by the standard deviation, `"rank"`
takes normal scores of the ranks, under which nothing changes with any increasing map of a column.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache
from itertools import groupby
from numbers import Integral, Real
from typing import Any, ClassVar, Literal

import numpy as np
from scipy.special import ndtri

from infometric.exceptions import DataError, InvalidParameterError
from infometric.functional.base import Caution, Functional
from infometric.state.sample import Rows, Sample
from infometric.typing import Array

Scale = Literal["rank", "standard", "none"]
Ties = Literal["auto", "mixed", "jitter", "raise"]
SCALES: tuple[str, ...] = ("rank", "standard", "none")
TIES: tuple[str, ...] = ("auto", "mixed", "jitter", "raise")
ATOM = 0.05  # share of the rows above which a value is an atom, and no rounded number,
TWICE = 0.1  # share of rows that are copies of others, above which they are taken for a mistake
PAIRS = 0.02  # the same of one column, where they come in pairs
MIXTURE = 0.2  # where such a share of the rows has values of their own
CHOICES: dict[str, tuple[Any, ...]] = {
    "scale": SCALES, "ties": TIES, "norm": ("max", "euclidean"), "clip": (False, True),
}  # fmt: skip
# least value and an example
COUNTED: dict[str, tuple[int, int]] = {
    "n_neighbors": (1, 3), "window": (1, 10), "orders": (0, 1), "n_jobs": (-1, 1),
}  # fmt: skip
APART = 1e9  # distance of unlike classes: farther than any two scaled numbers
LARGE = np.finfo(float).max / 4  # beyond, the cells of the outermost numbers have no end
KEPT = 20_000  # rows up to which the grid of scores is kept
_SEED = 20260101  # jitter is the same each time


SHARED = (
    "terms of rows that share neighbours are not independent, and the bias is not looked at: even "
    "on normal pairs, which have little, this interval held 88 to 93 times in 100; "
    "method='subsampling' allows for both"
)
COPIED = (
    "many rows are exact copies of others, which neighbours take for density: neither the value "
    "nor an interval means anything; np.unique(rows, axis=0) where rows were entered twice"
)


@dataclass(frozen=True)
class SampleFunctional(Functional):
    """Base of the functionals of `Sample`; a new measure defines `local`, or `value`."""

    scattered: ClassVar[bool] = True
    tested_by: ClassVar[str] = "permutation"
    slug: ClassVar[str] = ""  # name of the estimator
    instead: ClassVar[str] = "more rows, or fewer columns"  # what to use where bias dominates
    variables: ClassVar[int] = 1  # how many variables a row has; zero: any number
    least: ClassVar[bool] = False  # whether zero is "nothing there", and can be tested
    of_terms: ClassVar[tuple[str, ...]] = ()  # what an interval from single terms misses

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None or field.default is not None:
                check_option(type(self).__name__, field.name, value)

    def local(self, s: Sample) -> Array:
        """Terms of the rows, shape (n_rows,); their mean is the value."""
        raise NotImplementedError

    def value(self, s: Sample) -> Array:
        """Mean of the local terms, in nats."""
        return np.asarray(self.local(s).mean())

    def variance(self, s: Sample) -> Array:
        """Variance of the mean of the local terms, as if they were independent."""
        terms = self.local(s)
        return np.asarray(terms.var(ddof=1) / len(terms))

    def favoured(self, s: Any) -> str:
        """Halves of the rows, against each other."""
        return "subsampling"

    def decided(self, s: Sample) -> SampleFunctional:
        """The functional with every "auto" decided by the data."""
        return self

    def resolved(self, s: Any) -> SampleFunctional:
        """As `decided`: the name by which `infer` asks."""
        return self.decided(s)

    def check(self, s: Sample) -> None:
        """Error where there are too few rows for the measure."""

    def dimension(self, s: Sample) -> int:
        """Dimensions of the space in which neighbours are found: the bias falls by them."""
        return sum(d for d, kind in zip(s.dims, s.kinds, strict=True) if kind != "discrete") or 1

    def least_rows(self, s: Sample) -> int:
        """Rows of a part on which the value says something."""
        return 4 * (getattr(self, "n_neighbors", 1) + 1)

    def hidden(self, theta: float, se: float) -> float:
        """Bias that parts of the rows do not show, of known sign, in nats."""
        return 0.0

    def allowance(self, s: Sample, theta: float, se: float) -> float:
        """Bias that parts of the rows do not show, and the interval allows for, in nats."""
        return 0.0

    def doubts(self, s: Sample) -> tuple[str, ...]:
        """Why no interval is known to hold; none where one is."""
        numbers = [np.hstack(g) for g in s.groups if "discrete" not in s.kinds]
        return (COPIED,) if any(map(entered_twice, numbers)) else ()

    def hesitations(self, s: Sample) -> tuple[str, ...]:
        """Why the interval, which is given, may not hold."""
        return ()

    def cautions(self, s: Sample) -> tuple[Caution, ...]:
        """The doubts, whatever is asked for beside the value."""
        return tuple(Caution("ReliabilityWarning", text) for text in self.doubts(s))


def check_option(caller: str, name: str, value: Any) -> None:
    """Error where a parameter of a functional is none of its choices.

    Raises
    ------
    InvalidParameterError
        With the choices.
    """
    choices = CHOICES.get(name)
    if choices is not None:
        if value not in choices:
            raise InvalidParameterError(
                f"{name} of {caller} must be one of {', '.join(map(repr, choices))}.",
                got=value,
                hint=f"{name}={choices[0]!r}",
            )
    elif name in COUNTED:
        least, example = COUNTED[name]
        whole = isinstance(value, Integral) and not isinstance(value, bool)
        if not (whole and value >= least):
            raise InvalidParameterError(
                f"{name} of {caller} must be an integer of {least} or more.",
                got=value,
                hint=f"{name}={example}",
            )
    elif name == "order" and not (isinstance(value, Real) and math.isfinite(float(value))):
        raise InvalidParameterError(
            f"order of {caller} must be a finite number.", got=value, hint="order=2"
        )


def require_rows(s: Sample, least: int, what: str) -> None:
    """Error where a group has fewer rows than the measure needs.

    Raises
    ------
    DataError
        Naming the rows seen.
    """
    if int(s.n.min()) < least:
        raise DataError(
            f"{what} needs at least {least} rows in every sample; n_samples={int(s.n.min())}.",
            got={"rows": s.n.tolist()},
            hint="more rows, or a smaller n_neighbors" if "n_neighbors" in what else "more rows",
        )


# --- scales -----------------------------------------------------------------------------------


class Noise:
    """Uniform numbers for the columns of some rows, always the same.

    A row gets those of its place among the rows in order, and a column those of its place among
    the columns in order of how often their values come: neither the order of the rows nor that of
    the variables is part of a value. Columns do not share them, though they be copies.
    """

    def __init__(self, *blocks: Array) -> None:
        self.columns = [column for block in blocks for column in block.T]

    @cached_property
    def _places(self) -> tuple[list[int], Array]:
        times = [np.unique(c, return_counts=True)[1] for c in self.columns]
        keys = [(len(t), t.tobytes()) for t in times]
        places = sorted(range(len(keys)), key=keys.__getitem__)
        told: list[Array] = []
        mirrored: list[Array] = []  # rows of the same ranks in other columns
        for _, alike in groupby(places, keys.__getitem__):
            columns = [self.columns[at] for at in alike]
            if len(columns) == 1:
                told += columns
            else:
                told += [*sorted_ranks(columns).T]
                mirrored += columns
        return places, np.lexsort([*told, *mirrored][::-1])

    def of(self, at: int) -> Array:
        """Numbers of one column, counted over all blocks."""
        places, order = self._places
        drawn = np.empty(len(order))
        drawn[order] = np.random.default_rng([_SEED, places.index(at)]).random(len(order))
        return drawn


def sorted_ranks(columns: Sequence[Array]) -> Array:
    """Ranks of the values of a row, ascending in each: no order of the columns is part of them."""
    ranks = [np.unique(column, return_inverse=True)[1] for column in columns]
    return np.sort(np.column_stack(ranks), axis=1)


def arranged(x: Array) -> Array:
    """Rows in an order which neither theirs nor that of the columns is part of."""
    keys = np.column_stack([sorted_ranks(list(x.T)), x])
    return x[np.lexsort(keys.T[::-1])]


def scaled(
    x: Array, scale: Scale, ties: Ties = "mixed", noise: Noise | None = None, first: int = 0
) -> Array:
    """Columns on one scale, shape (n_rows, n_dimensions); a constant column is zero."""
    if scale != "rank" and ties in ("auto", "jitter"):
        x = jittered(x, ties, noise, first)
    if scale == "none":
        return x
    return normal_scores(x, ties, noise, first) if scale == "rank" else standardized(x)


def spread(x: Array) -> Array:
    """Standard deviation of each column, without overflow; one where a column is constant."""
    columns = np.ascontiguousarray(x.T)  # sums along rows are several times slower
    unit = 1.0
    with np.errstate(over="ignore"):
        away = columns - columns[:, :1]
    most = np.abs(away).max(axis=1)
    if not np.isfinite(most).all():
        unit = 2.0
        away = columns / unit - columns[:, :1] / unit
        most = np.abs(away).max(axis=1)
    most = np.where(most > 0, most, 1.0 / unit)
    away /= most[:, None]
    width = away.std(axis=1)
    return unit * (most * np.where(width > 0, width, 1.0))


def middle(x: Array) -> Array:
    """Median of each column: an origin in the bulk, whose digits a far one would eat."""
    half = len(x) // 2
    # one place is found several times faster than the two that numpy.median asks for
    columns = np.partition(np.ascontiguousarray(x.T), half, axis=1)
    upper = columns[:, half]
    lower = upper if len(x) % 2 else columns[:, :half].max(axis=1)
    return (lower / 2 + upper / 2)[None]


def standardized(x: Array) -> Array:
    """Columns less their median over their standard deviation, without overflow."""
    origin, width = middle(x), spread(x)
    with np.errstate(over="ignore"):
        found = (x - origin) / width
    return found if np.isfinite(found).all() else x / width - origin / width


def normal_scores(
    x: Array, ties: Ties = "mixed", noise: Noise | None = None, first: int = 0
) -> Array:
    """Quantiles of the normal law at ``rank / (n + 1)``.

    Atoms share the mean of their ranks; rounded numbers have those of their cell at random, but
    reproducibly.
    """
    noise = noise or Noise(x)
    return np.column_stack([_scores_of(c, ties, noise, first + i) for i, c in enumerate(x.T)])


def _scores_of(x: Array, ties: Ties, noise: Noise, at: int) -> Array:
    n = len(x)
    order = np.argsort(x)
    ordered = x[order]
    new = ordered[1:] != ordered[:-1]
    if new.all():
        scores = np.empty(n)
        scores[order] = _grid(n) if n <= KEPT else _grid.__wrapped__(n)
        return scores
    first = np.flatnonzero(np.concatenate([[True], new]))
    sizes = np.diff(np.append(first, n))
    rank = np.empty(n)
    rank[order] = np.repeat(first + (sizes + 1) / 2, sizes)
    rounded = rounded_values(sizes, n, ties)
    if rounded.any():
        order = np.lexsort((noise.of(at), x))
        among = np.repeat(rounded, sizes)
        rank[order[among]] = np.flatnonzero(among) + 1.0
    scores = ndtri(np.minimum(rank, n + 1 - rank) / (n + 1))
    return np.where(2 * rank > n + 1, np.negative(scores), scores)


@lru_cache(maxsize=32)
def _grid(n: int) -> Array:
    """Normal quantiles at i / (n + 1) in order, those of mirror images exactly opposite."""
    lower = ndtri(np.arange(1, n // 2 + 1) / (n + 1))
    return np.concatenate([lower, np.zeros(n % 2), np.negative(lower[::-1])])


def rounded_values(counts: Array, n: int, ties: Ties) -> Array:
    """Which distinct values are rounded numbers, to be spread over their cells.

    In a column with many values that come once, frequent values are atoms; where few come once all
    are rounded, the frequent ones too.
    """
    if ties in ("mixed", "raise"):
        return np.zeros(len(counts), dtype=bool)
    mixture = ties == "auto" and (counts == 1).sum() >= MIXTURE * n
    return (counts > 1) & (counts <= (ATOM if mixture else 1.0) * n)


def has_ties(x: Array) -> bool:
    """Whether a value of a column comes more than once: a sort is all it takes to know."""
    ordered = np.sort(x)
    return bool((ordered[1:] == ordered[:-1]).any())


def has_atoms(s: Sample) -> bool:
    """Whether a column of numbers, of all groups together, has values that are atoms."""
    numbers = [i for i, kind in enumerate(s.kinds) if kind != "discrete"]
    if not numbers:
        return False
    for x in np.concatenate([np.hstack([g[i] for i in numbers]) for g in s.groups]).T:
        if not has_ties(x):
            continue
        counts = np.unique(x, return_counts=True)[1]
        if ((counts > 1) & ~rounded_values(counts, len(x), "auto")).any():
            return True
    return False


def jittered(x: Array, ties: Ties = "jitter", noise: Noise | None = None, first: int = 0) -> Array:
    """Columns whose rounded numbers are spread evenly over their cells, reproducibly.

    The cell of a value reaches half-way to the values beside it, so that the value can be told
    from any number in it: no information is gained or lost.
    """
    noise = noise or Noise(x)
    columns = list(x.T)
    spread_out = [_spread_out(c, ties, noise, first + i) for i, c in enumerate(columns)]
    if all(new is old for new, old in zip(spread_out, columns, strict=True)):
        return x
    return np.column_stack(spread_out)


def _spread_out(x: Array, ties: Ties, noise: Noise, at: int) -> Array:
    if not has_ties(x):
        return x
    levels, codes, counts = np.unique(x, return_inverse=True, return_counts=True)
    if len(levels) == 1:
        return x
    if max(-levels[0], levels[-1]) > LARGE:
        with np.errstate(over="ignore"):
            found = _spread_out(x / 8, ties, noise, at) * 8
        return np.nan_to_num(found)  # infinities become the largest numbers
    middle = levels[1:] / 2 + levels[:-1] / 2
    low = np.append(2 * levels[0] - middle[0], middle)[codes]
    high = np.append(middle, 2 * levels[-1] - middle[-1])[codes]
    rounded = rounded_values(counts, len(x), ties)[codes]
    return np.where(rounded, low + noise.of(at) * (high - low), x)


def tied_share(x: Array) -> float:
    """Share of rows that have an exact copy."""
    if not has_ties(x[:, 0]):
        return 0.0
    _, counts = np.unique(x, axis=0, return_counts=True)
    return float(counts[counts > 1].sum() / len(x))


def entered_twice(columns: Array) -> bool:
    """Whether rows come more than once as wholes: ties of one column are ties of every other.

    Of one column nobody can tell (but see `in_pairs`); classes and rounded numbers meet in other
    combinations.
    """
    n, d = columns.shape
    if d < 2 or not has_ties(columns[:, 0]):
        return False
    rows = len(np.unique(columns, axis=0))
    if rows > (1 - TWICE) * n:
        return False
    return all(len(np.unique(column)) > 0.98 * rows for column in columns.T)


def in_pairs(x: Array) -> bool:
    """Whether values of a column come in pairs and on no grid, as if rows were entered twice."""
    levels, counts = np.unique(x, return_counts=True)
    tied = counts[(counts > 1) & (counts <= ATOM * len(x))]
    if tied.sum() <= PAIRS * len(x) or (tied == 2).mean() < 0.9:
        return False
    steps = np.diff(levels)
    ratios = steps / steps.min()
    return bool((np.abs(ratios - np.rint(ratios)) < 1e-3).mean() < 0.5)


def blocks_of(s: Sample, scale: Scale, ties: Ties) -> Rows:
    """Variables of one group, ready for a search of neighbours.

    Raises
    ------
    DataError
        Where rows are alike and `ties` is "raise".
    """
    out: list[Array] = []
    noise, first = Noise(*s.variables), 0
    for x, kind in zip(s.variables, s.kinds, strict=True):
        at, first = first, first + x.shape[1]
        if kind == "discrete":
            out.append(x * APART)
            continue
        if ties == "raise" and (share := tied_share(x)) > 0:
            raise DataError(
                "Some rows of a variable are exactly alike, and ties='raise' was asked for.",
                got={"share of tied rows": round(share, 4)},
                hint="ties='mixed' takes them as atoms, ties='jitter' as rounded numbers",
            )
        out.append(scaled(x, scale, ties, noise, at))
    return tuple(out)
