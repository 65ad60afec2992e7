r"""Reading: what one forward pass tells of a sample, and the functional that reports it.

Quantiles :math:`q_p` are learned for nine levels p. Others lie on the lines between them, with the
normal quantiles of p along one axis and :math:`T(m) = \operatorname{asinh}(2m)` along the other, so
that a normal law is met exactly where it is one; beyond the outermost the last line goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from scipy.special import ndtri
from scipy.stats import rankdata

from infometric.amortised.arrangement import arrangement, scores_of
from infometric.amortised.calibration import ANCHOR, holding, kinds, moved, of_kind
from infometric.amortised.evaluation import classical
from infometric.amortised.network import LEVELS, MIDDLE, quantiles, released, squeezed
from infometric.amortised.probe import refuse
from infometric.amortised.redundancy import SPARE, most_information, needed
from infometric.amortised.table import PARTS, Table
from infometric.amortised.weights import Weights, shipped
from infometric.exceptions import DataError, InvalidParameterError, UnsupportedError
from infometric.functional.base import Interval
from infometric.functional.portrait import names, portrait
from infometric.functional.sample import SampleFunctional, entered_twice
from infometric.state.arrays import like, to_numpy
from infometric.state.sample import Sample
from infometric.typing import Array

FEWEST, MOST = 10, 10_000  # rows that the network was trained on
WIDEST = 32  # columns of a variable, as trained
MOST_PARTS = 10  # of a sample with more rows
QUERIES = 2048  # rows whose neighbours are looked for: more than in training, and less noise
TOGETHER = 20_000  # rows whose portraits are made at a time: it bounds the memory
LEAST_LEVEL, MOST_LEVEL = 0.5, 0.99
TAIL = 0.01  # least and greatest quantile, on either side
ONE_SIGMA = 0.682689492137086
SAME_LEVEL = 1e-9  # apart: as (1 - .95) / 2 is from .025
CLASSICAL = ("ksg", "rank_gaussian", "blend")
ANCHOR_NAME = "rank-Gaussian and KSG with 3 neighbours, blended by rows per column"
EXACT = 1e-6  # of what a linear function adds up in a row, what rounding leaves
NEARLY_ALL = 0.99  # of the rows, whose greatest would hide the others
OFTEN = 8  # rows alike beyond which they are a value that comes often, and not entered twice
ROOM = 0.5  # nats below log n from which a value of single columns may be any higher one
TIED = 0.05  # share of tied values below which a column counts as continuous
CONSTANT = "a variable has one value, so there is nothing to share, and no interval"
COPIES = (
    "many rows are exact copies of others: if they were entered twice, the value is too high; "
    "np.unique(rows, axis=0)"
)
SAME = (
    "a column of one variable orders the rows exactly as one of the other: of continuous variables "
    "the information is infinite, and any value is that of the ranks of so many rows"
)
LINEAR = (
    "a column of one variable is a linear function of the other's columns: of continuous variables "
    "the information is infinite, and any value is that of so many rows"
)
NEARLY = (
    "columns of {name} are nearly functions of the others, and no sample of training was like "
    "that: fewer columns, or those of sklearn.decomposition.PCA"
)
CEILING = (
    "the value is near log n, more than which {n} rows of one column each cannot tell: the "
    "information may be far higher"
)
_SEED = 20260101  # of the division into parts: the same each time

Pair = tuple[Array, Array]


class Reading(NamedTuple):
    """What the network tells of one sample, in nats.

    Attributes
    ----------
    quantiles : ndarray of shape (n_levels,)
        Calibrated quantiles of the levels `LEVELS`.
    classical : dict of str to float
        Classical estimates of the same rows; "blend" is the anchor.
    ties : float
        Share of values that have an equal in their column, the larger of both variables.
    constant : int
        Columns with one value, which were left out.
    redundant : int
        Columns that were left out because they are copies of others of their variable, up to
        monotone maps, or linear functions of them in normal scores.
    most : float
        Bound of all quantiles: the entropy of a discrete variable, or the most that was trained on;
        infinity out of support.
    parts : int
        Parts that a sample of more than `MOST` rows was divided into; one of others.
    outside : tuple of str
        Why the sample is unlike those of training; empty where it is not.
    doubts, hesitations : tuple of str
        Why there is no interval, and why the interval may not hold.
    """

    quantiles: Array
    classical: dict[str, float]
    ties: float
    constant: int
    parts: int
    outside: tuple[str, ...]
    doubts: tuple[str, ...] = ()
    hesitations: tuple[str, ...] = ()
    redundant: int = 0
    most: float = np.inf

    def at(self, levels: Any) -> Array:
        """Quantiles of any levels within [.01, .99] and a little beyond."""
        found = np.minimum(interpolated(self.quantiles, levels), self.most)
        # quantiles that meet the bound are equal but for their last digits
        middle, over = self.quantiles[MIDDLE], np.asarray(levels, dtype=float) >= 0.5
        return np.where(over, np.maximum(found, middle), np.minimum(found, middle))


def interpolated(learned: Array, levels: Any) -> Array:
    """Quantiles between those that were learned.

    Examples
    --------
    >>> learned = released(1.0 + ndtri(np.array(LEVELS)) / 10)
    >>> off = squeezed(interpolated(learned, [0.8]))[0] - 1.0 - ndtri(0.8) / 10
    >>> bool(abs(off) < 1e-12)
    True
    """
    p, known = ndtri(np.asarray(levels, dtype=float)), ndtri(np.array(LEVELS))
    t = squeezed(np.asarray(learned, dtype=float))
    found = np.interp(p, known, t)
    for side, inner in ((0, 1), (-1, -2)):
        slope = (t[side] - t[inner]) / (known[side] - known[inner])
        beyond = p < known[0] if side == 0 else p > known[-1]
        found = np.where(beyond, t[side] + slope * (p - known[side]), found)
    same = np.abs(np.asarray(levels, dtype=float)[..., None] - np.array(LEVELS)) < SAME_LEVEL
    # of learned quantiles that are equal, those between are not apart in the last digits
    around = np.concatenate([[-np.inf], np.asarray(learned), [np.inf]])
    place = np.searchsorted(LEVELS, levels, side="right")
    between = np.clip(released(found), around[place], around[place + 1])
    return np.where(same.any(-1), np.asarray(learned)[same.argmax(-1)], between)


# --- the network on rows -----------------------------------------------------------------------


class Reader:
    """Network and calibration at work on rows; keeps what it said of each sample.

    Parameters
    ----------
    weights : Weights
        Network and calibration.
    """

    def __init__(self, weights: Weights) -> None:
        width = len(weights.network["mean"])
        if width != len(names()):
            refuse(
                {"inputs": width, "portrait": len(names())},
                "MIST.train(..., start=None).save(folder), with this version",
            )
        self.weights = weights
        self._kept: WeakKeyDictionary[Sample, Reading] = WeakKeyDictionary()

    def __deepcopy__(self, memo: Any) -> Reader:
        """Itself: what it keeps belongs to the samples."""
        return self

    def __reduce__(self) -> Any:
        """The weights alone."""
        return Reader, (self.weights,)

    def of(self, s: Sample) -> Reading:
        """Reading of a sample of two variables."""
        if s not in self._kept:
            self.all([s])
        return self._kept[s]

    def all(self, samples: Sequence[Sample]) -> list[Reading]:
        """Readings of many samples; those of one shape go through the network together."""
        new = [s for s in samples if s not in self._kept]
        for s, found in zip(new, self._read([s.variables for s in new]), strict=True):
            self._kept[s] = found
        return [self._kept[s] for s in samples]

    def _read(self, pairs: Sequence[Sequence[Array]]) -> list[Reading]:
        kept = [reduced(x, y) for x, y in pairs]
        parts: list[Pair] = []
        spans = []
        near: list[tuple[str, ...]] = []
        for rest in kept:
            found = [] if rest.empty else parts_of(rest.x, rest.y)
            spans.append(slice(len(parts), len(parts) + len(found)))
            parts += found
            near += [rest.near] * len(found)
        features = _portraits(parts)
        learned, told = self._judged(features, near)
        return [
            self._told(rest, learned[span], features[span], told[span])
            for rest, span in zip(kept, spans, strict=True)
        ]

    def _judged(
        self, features: Array, near: Sequence[tuple[str, ...]]
    ) -> tuple[Array, list[tuple[str, ...]]]:
        """Calibrated quantiles of portraits, and why any is unlike those of training."""
        if not len(features):
            return np.empty((0, len(LEVELS))), []
        learned = np.asarray(quantiles(self.weights.network, features))
        told = [a + b for a, b in zip(near, outside(self.weights, features), strict=True)]
        found = widened(self.weights, learned, features)
        far = np.array([bool(texts) for texts in told])
        if far.any():
            found[far] = holding(found[far], classical_of(features[far])[ANCHOR])
        return found, told

    def _told(
        self,
        rest: Reduced,
        learned: Array,
        features: Array,
        told: Sequence[tuple[str, ...]],
    ) -> Reading:
        if not len(learned):
            nothing = np.zeros(len(LEVELS))
            estimates = dict.fromkeys(CLASSICAL, 0.0)
            lost = rest.constant, 1, (), (CONSTANT,), (), rest.redundant
            return Reading(nothing, estimates, 1.0, *lost)
        means = dict(zip(names(), features.mean(0).tolist(), strict=True))
        estimates = {k: float(v.mean()) for k, v in classical_of(features).items()}
        reasons = tuple(dict.fromkeys(text for texts in told for text in texts))
        ties = max(means["ties:x"], means["ties:y"])
        most = most_information(rest.x, rest.y)
        found = np.minimum(learned.mean(0).astype(float), most)
        doubts = _hesitations(rest.x, rest.y, ties) + _at_ceiling(rest, found[MIDDLE], most)
        if not reasons:  # no law of training had more, and nothing was learned beyond
            most = min(most, max(self.weights.most, float(found[MIDDLE])))
            found = np.minimum(found, most)
        return Reading(
            found,
            estimates,
            ties,
            rest.constant,
            len(learned),
            reasons,
            hesitations=reasons + doubts,
            redundant=rest.redundant,
            most=most,
        )


def widened(weights: Weights, learned: Array, features: Array) -> Array:
    """Learned quantiles of portraits with the margins of the calibration: they do not cross."""
    margins = weights.calibration.get("margins", np.zeros(len(LEVELS)))
    slack = float(weights.calibration["slack"]) if "slack" in weights.calibration else None
    t = squeezed(np.asarray(learned, dtype=float))
    return np.asarray(released(moved(t, margins, kinds(features), slack)))


def median_of(weights: Weights, features: Any) -> Any:
    """Calibrated medians of portraits, nats; of tensors, with their gradient.

    Calibration on families leaves the median where it is; that on a user's own laws moves it.
    """
    median = quantiles(weights.network, features)[..., MIDDLE]
    margins = weights.calibration.get("margins", np.zeros(len(LEVELS)))
    if not margins[..., MIDDLE].any():
        return median
    moves = of_kind(margins, kinds(to_numpy(features)))[..., MIDDLE]
    return released(squeezed(median) + like(moves, median))


def outside(weights: Weights, features: Array) -> list[tuple[str, ...]]:
    """Why portraits are unlike those of training: Mahalanobis distance of the features."""
    c = weights.calibration
    if "limit" not in c:
        return [()] * len(features)
    away = (squeezed(features) - c["centre"]) @ c["whitening"]
    distance = np.sqrt((away**2).sum(-1))
    limit = float(c["limit"])
    return [
        (f"the sample is unlike all of training: distance {d:.1f}, of those {limit:.1f} at most",)
        if d > limit
        else ()
        for d in distance
    ]


def classical_of(features: Array) -> dict[str, Array]:
    """Classical estimates of portraits, in nats; see `infometric.amortised.evaluation`."""
    of = dict(zip(names(), features.T.astype(float), strict=True))
    shape = {
        key: np.rint(np.exp(of[name]))
        for key, name in (("n", "log n"), ("dx", "log columns:x"), ("dy", "log columns:y"))
    }
    nothing = np.zeros(len(features))
    parts = np.full((len(features), PARTS), -1)
    table = Table(features, nothing, nothing, nothing, **shape, parts=parts, families=("",))
    found = classical(table)
    return {name: found[name] for name in CLASSICAL}


class Reduced(NamedTuple):
    """Both variables without their constant and redundant columns, and how many these were."""

    x: Array
    y: Array
    constant: int
    redundant: int
    near: tuple[str, ...]

    @property
    def empty(self) -> bool:
        """Whether a variable has no column left."""
        return not (self.x.shape[1] and self.y.shape[1])


def reduced(x: Array, y: Array) -> Reduced:
    """The columns of both variables that are read; see `infometric.amortised.redundancy`."""
    kept, near = needed(scores_of(x), scores_of(y))
    a, b = (v[:, k] for v, k in zip((x, y), kept, strict=True))
    constant = sum(int((v == v[0]).all(axis=0).sum()) for v in (x, y))
    lost = x.shape[1] + y.shape[1] - a.shape[1] - b.shape[1]
    texts = tuple(NEARLY.format(name=n) for n, small in zip("xy", near, strict=True) if small)
    return Reduced(a, b, constant, lost - constant, texts)


def _hesitations(x: Array, y: Array, ties: float) -> tuple[str, ...]:
    """What the rows themselves give to doubt."""
    found = []
    rows = np.hstack([x, y])
    if entered_twice(rows) and entered_twice(_rare(rows)):
        found.append(COPIES)
    if ties < TIED and _same_order(x, y):
        found.append(SAME)
    elif ties < TIED and (_determined(x, y) or _determined(y, x)):
        found.append(LINEAR)
    return tuple(found)


def _rare(rows: Array) -> Array:
    """Rows but those that come often, as where all columns are zero together."""
    _, which, counts = np.unique(rows, axis=0, return_inverse=True, return_counts=True)
    found: Array = rows[counts[which.reshape(-1)] <= OFTEN]
    return found


def _determined(x: Array, y: Array) -> bool:
    """Whether a column of y is a linear function of those of x, of which there are few.

    Row by row, as a few rows far out would make all others look alike.
    """
    n, d = x.shape
    if n < 2 * d + SPARE:
        return False
    x, y = _centred(x), _centred(y)
    x = np.hstack([x, np.ones((n, 1))])
    slopes = np.linalg.lstsq(x, y, rcond=None)[0]
    size = np.abs(y) + np.abs(x) @ np.abs(slopes)
    met = np.abs(y - x @ slopes) <= EXACT * size
    return bool((met.mean(axis=0) >= NEARLY_ALL).any())


def _centred(v: Array) -> Array:
    """Columns around their medians, of length one; sizes near the ends of the range too."""
    v = v / np.abs(v).max(axis=0)
    v = v - np.median(v, axis=0)
    found: Array = v / np.sqrt((v**2).sum(axis=0))
    return found


def _at_ceiling(rest: Reduced, value: float, most: float) -> tuple[str, ...]:
    """Of single columns nearly all of a sample's ranks look alike from log n nats on."""
    n, single = len(rest.x), rest.x.shape[1] == rest.y.shape[1] == 1
    if not single or np.isfinite(most) or value < np.log(min(n, MOST)) - ROOM:
        return ()
    return (CEILING.format(n=n),)


def _same_order(x: Array, y: Array) -> bool:
    """Whether a column of each orders the rows alike, forwards or backwards."""
    n, ranks = len(x), [rankdata(v, axis=0) for v in (x, y)]
    seen = {r.tobytes() for r in ranks[0].T}
    return any(r.tobytes() in seen for c in ranks[1].T for r in (c, n + 1 - c))


def parts_of(x: Array, y: Array) -> list[Pair]:
    """Normal scores of both variables, arranged; of many rows those of random disjoint parts.

    The division is of the arranged rows, with a seed of its own: the same whatever their order.
    Of more than ten parts ten are read.
    """
    whole = _arranged(scores_of(x), scores_of(y))
    n = len(x)
    if n <= MOST:
        return [whole]
    count = -(-n // MOST)
    order = np.random.default_rng(_SEED).permutation(n)
    chosen = np.array_split(order, count)[:MOST_PARTS]
    return [_arranged(*(scores_of(v[np.sort(rows)]) for v in whole)) for rows in chosen]


def _arranged(x: Array, y: Array) -> Pair:
    return arrangement(x, y).of(x, y)


def _portraits(pairs: Sequence[Pair]) -> Array:
    """Portraits in order; pairs of one shape go together, so many rows at a time."""
    out = np.empty((len(pairs), len(names())), dtype=np.float32)
    shapes: dict[tuple[int, ...], list[int]] = {}
    for at, (x, y) in enumerate(pairs):
        shapes.setdefault((*x.shape, y.shape[1]), []).append(at)
    for shape, every in shapes.items():
        step = max(1, TOGETHER // shape[0])
        for places in (every[i : i + step] for i in range(0, len(every), step)):
            x, y = (np.stack([pairs[p][side] for p in places]) for side in (0, 1))
            out[places] = portrait(x.astype(np.float32), y.astype(np.float32), queries=QUERIES)
    return out


# --- the functional ----------------------------------------------------------------------------


@dataclass(frozen=True)
class AmortisedInformation(SampleFunctional):
    """Mutual information as a trained network reads it from a sample: the median.

    Parameters
    ----------
    reader : Reader, optional
        Network at work; that of the package by default.
    """

    slug: ClassVar[str] = "mist"
    name: ClassVar[str] = "mutual_information"
    bounds: ClassVar[tuple[float, float]] = (0.0, np.inf)
    variables: ClassVar[int] = 2
    least: ClassVar[bool] = True
    instead: ClassVar[str] = "uncertainty='learned', the interval that the network gives"
    reader: Reader | None = None

    @cached_property
    def _reader(self) -> Reader:
        return self.reader or Reader(shipped())

    def reading(self, s: Sample) -> Reading:
        """What the network tells of a sample."""
        return self._reader.of(s)

    def check(self, s: Sample) -> None:
        """Error where a sample is smaller or wider than any of training."""
        n = int(s.n.min())
        if n < FEWEST:
            raise DataError(
                f"The network was trained on {FEWEST} rows and more; n_samples={n}.",
                got={"rows": n},
                hint="more rows; of a table of counts mutual_information(x, y)",
            )
        for name, v in zip("xy", s.variables, strict=True):
            d = v.shape[1]
            if d > WIDEST and (v != v[0]).any(axis=0).sum() > WIDEST:
                raise DataError(
                    f"{name} has {d} columns; the network was trained on {WIDEST} at most.",
                    got={"columns": d},
                    hint=f"sklearn.decomposition.PCA({min(n, WIDEST)}).fit_transform({name}), or a "
                    f"choice of {WIDEST} columns",
                )

    def value(self, s: Sample) -> Array:
        """Median in nats."""
        self.check(s)
        return np.asarray(self.reading(s).quantiles[MIDDLE])

    def variance(self, s: Sample) -> Array:
        """None is known of single rows.

        Raises
        ------
        UnsupportedError
            Always.
        """
        raise UnsupportedError(
            "A network's value is no mean over rows, so that rows do not tell its error.",
            got="delta",
            hint="uncertainty='learned', or 'subsampling'",
        )

    def favoured(self, s: Any) -> str:
        """The interval that was learned."""
        return "learned"

    def interval(self, kind: str, s: Any, level: float) -> Interval | None:
        """Learned interval; its standard error is half of the width of that of 68 %."""
        if kind != "learned":
            return None
        if not LEAST_LEVEL <= level <= MOST_LEVEL:
            raise InvalidParameterError(
                f"Intervals were learned for levels from {LEAST_LEVEL:g} to {MOST_LEVEL:g}.",
                got=level,
                hint=f"level={min(max(level, LEAST_LEVEL), MOST_LEVEL):g}",
            )
        tails = np.array([(1 - level) / 2, (1 + level) / 2])
        sigma = np.array([(1 - ONE_SIGMA) / 2, (1 + ONE_SIGMA) / 2])
        low, high, below, above = self.reading(s).at(np.concatenate([tails, sigma]))
        return Interval(np.asarray((above - below) / 2), np.asarray(low), np.asarray(high))

    def doubts(self, s: Sample) -> tuple[str, ...]:
        """Why there is no interval."""
        return self.reading(s).doubts

    def hesitations(self, s: Sample) -> tuple[str, ...]:
        """Why the interval may not hold."""
        return self.reading(s).hesitations

    def least_rows(self, s: Sample) -> int:
        """Rows of a part on which the value says something."""
        return FEWEST

    def facts(self, s: Sample) -> dict[str, Any]:
        """What else the network tells, in nats."""
        found = self.reading(s)
        return {
            "estimator": self.slug,
            "out_of_support": bool(found.outside),
            "out_of_support_reasons": list(found.outside),
            "anchor": found.classical[ANCHOR],
            "anchor_name": ANCHOR_NAME,
            "classical": found.classical,
            "quantiles": {f"{p:g}": float(q) for p, q in zip(LEVELS, found.quantiles, strict=True)},
            "ties": found.ties,
            "constant_columns": found.constant,
            "redundant_columns": found.redundant,
            "parts": found.parts,
        }
