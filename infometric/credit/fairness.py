r"""How fair can a scorecard be: the best bins within a budget of protected information.

The information value of a binned feature about the target and about a protected attribute are one
quantity, the Jeffreys divergence between two groups. Bins are chosen to keep as much of the first
as a budget on the second allows; see `frontier` for the programme. Bins that were chosen on records
flatter both, so every figure that is reported is of records held out: the sum over features of the
same records, with an interval that knows of their dependence, and a verdict that claims a budget
only where a one-sided 95 % bound is within it.

References
----------
Sudjianto, A., Burakov, D. (2025). An information-theoretic framework for credit risk modeling.
arXiv:2509.09855
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from numbers import Integral, Real
from typing import Any

import numpy as np
from scipy.special import ndtri

from infometric.base import BINS
from infometric.credit.binning import ordered_cells
from infometric.credit.candidates import Candidates, Cuts, Plan, candidates
from infometric.credit.evidence import InformationValue
from infometric.credit.frontier import chance, excess, within
from infometric.credit.programme import GAP, Programme
from infometric.credit.protected import Attribute, attributes, claim, refuse_few
from infometric.credit.selection import marked
from infometric.exceptions import DataError, InfometricWarning, InvalidParameterError, and_list
from infometric.functional.base import Caution
from infometric.functional.margins import SummedJeffreys
from infometric.inference import announce, check_level, generator_of, infer
from infometric.pareto import FairnessFrontier, FairnessPoint
from infometric.result import ConfidenceInterval, Result
from infometric.sources.counting import Split, count_table, learn_encoders, target_classes
from infometric.state.counts import Counts
from infometric.state.encoders import (
    CategoryEncoder,
    Column,
    Encoder,
    GroupEncoder,
    IntervalEncoder,
)
from infometric.typing import RNG, Array
from infometric.validation import (
    PROBABILITY,
    Having,
    OneOf,
    Span,
    Table,
    check_parameters,
    class_rows,
)

MOST_CELLS = 60  # pre-bins of a feature: a path is kept as the bits of a number
N_BUDGETS = 9
LEAST_BUDGET = 1e-6  # nats, where nothing that is offered tells the groups apart
NOTHING = (
    "no feature is kept within the budget: both figures are zero by definition, and the bins are "
    "of no use"
)
MOST_BUDGET = 1e6  # nats, more than any bins hold: the same as no budget

_PARAMETERS = {
    "budgets": (OneOf((None,)), Having(list | tuple | np.ndarray, "a list of budgets in nats")),
    "pre_bins": (Span(Integral, 2, MOST_CELLS), *BINS[1:]),
    "max_bins": (OneOf((None,)), Span(Integral, 2)),
    "min_share": (Span(Real, 0, 0.5),),
    "min_count": (Span(Real, 1),),
    "monotonic": (OneOf((None, "ascending", "descending", "auto")),),
    "chance": (OneOf((None,)), Span(Real, 0.5, 1, closed="left")),
    "per_feature": (OneOf((True, False)),),
    "gap": (Span(Real, 0, 1, closed="left"),),
    "holdout": (PROBABILITY,),
}


def fair_frontier(
    X: Any,
    y: Any,
    protected: Any,
    *,
    budgets: Sequence[Any] | None = None,
    pre_bins: Any = 20,
    max_bins: int | None = 6,
    min_share: float = 0.05,
    min_count: float = 5,
    monotonic: str | None = None,
    chance: float | None = None,
    per_feature: bool = False,
    gap: float = GAP,
    holdout: float = 0.3,
    level: float = 0.95,
    event: Any = None,
    columns: Sequence[str] | None = None,
    exclude: Sequence[str] = (),
    categorical: Sequence[str] | bool = (),
    special: Sequence[float] = (),
    rng: RNG = 0,
) -> FairnessFrontier:
    """Bins with the greatest information value within budgets of protected information.

    Parameters
    ----------
    X : array-like, frame or path
        Characteristics; protected attributes and target may be columns of it.
    y : array-like or str
        Target with two classes, or the name of its column.
    protected : str, list of str, mapping or array-like
        Columns of the protected attributes; ``{"SEX": None, "AGE": [25, 60]}`` cuts a number into
        groups. Of more than two groups each is compared with the largest.
    budgets : list of float or of mapping, optional
        Largest protected information values, in nats: one number for all comparisons, or one per
        attribute; in any order, each once. Nine, up to what the best bins without a budget have, by
        default.
    pre_bins : int, list of float, Encoder or mapping
        Fine cells that bins are made of, found without the target.
    max_bins : int or None
        Most bins of a feature.
    min_share : float
        Smallest share of the records in a bin.
    min_count : float
        Smallest number of non-events, of events, and of each protected group in a bin.
    monotonic : {None, "ascending", "descending", "auto"}
        Order of the event rates over the bins of a numeric feature and over groups of categories.
    chance : float, optional
        Confidence with which the protected information value must be within its budget: 0.95 adds
        1.645 standard errors to it.
    per_feature : bool
        Whether the budget is of each feature instead of their sum; the protected figures are then
        those of the feature with the greatest upper bound.
    gap : float
        Relative distance from the proved bound at which the search for bins ends. With a budget of
        several comparisons and a `chance`, 0.01 is ten times as fast as 0.0001.
    holdout : float
        Share of the records that choose no bins, and on which everything is reported.
    level : float
        Nominal coverage of the intervals.
    event : optional
        Class of the target that counts as the event; the greater one by default.
    columns, exclude, categorical, special
        As in `InformationValue`.
    rng : int, Generator or None, default 0
        Source of randomness of the division: the same one each time by default, a new one with
        None.

    Returns
    -------
    FairnessFrontier
        One point per budget, the smallest first. A `DegenerateWarning` says under which budget no
        feature is kept.

    Raises
    ------
    DataError
        Where a protected value is missing, a group has too few records for any bin, or the data
        have no rows to divide (Spark, Ibis).
    InvalidParameterError
        Where a budget is not positive, or a protected attribute is the target or one of `columns`.

    Notes
    -----
    The standard error of the chance constraint is that of the features as if they were independent,
    times the ratio by which their dependence raises it for the bins without the constraint.

    References
    ----------
    Sudjianto, A., Burakov, D. (2025). arXiv:2509.09855

    Examples
    --------
    >>> import numpy as np
    >>> from infometric import fair_frontier
    >>> rng = np.random.default_rng(0)
    >>> group = rng.integers(0, 2, 4000)
    >>> X = rng.normal(size=(4000, 2)) + np.column_stack([group, 0 * group])
    >>> y = rng.random(4000) < 1 / (1 + np.exp(1 - X.sum(1)))
    >>> found = fair_frontier(X, y, group, budgets=[0.05, 2.0], pre_bins=10, rng=0)
    >>> found[0].dropped, found[1].dropped
    (('x0',), ())
    """
    given = {
        "budgets": budgets, "pre_bins": pre_bins, "max_bins": max_bins, "min_share": min_share,
        "min_count": min_count, "monotonic": monotonic, "chance": chance,
        "per_feature": per_feature, "gap": gap, "holdout": holdout,
    }  # fmt: skip
    _refuse_one_number(budgets)
    check_parameters("fair_frontier", given, _PARAMETERS)
    check_level(level)
    estimator = InformationValue(
        bins=pre_bins, special=special, categorical=categorical, columns=columns, exclude=exclude,
        event=event,
    )  # fmt: skip
    check_parameters("fair_frontier", estimator.get_params(deep=False), estimator._constraints)
    data = _Data.read(estimator, X, y, protected, holdout, min_count, rng)
    offer = _Offer(data, min_share, min_count)
    rules = {"max_bins": max_bins, "monotonic": monotonic, "gap": gap}
    z = 0.0 if chance is None else float(ndtri(chance))
    search = _EachFeature(offer, rules, z) if per_feature else _AllFeatures(offer, rules, z)
    limits = _budgets(budgets, data, search)
    points = [
        offer.judged(search.plan(np.minimum(limit, MOST_BUDGET)), limit, level, each=per_feature)
        for limit in limits
    ]
    announce(tuple(Caution("DegenerateWarning", text) for p in points for text in _empty(p)))
    meta = given | {
        "level": level,
        "rng": rng if isinstance(rng, int) else None,
        "budgets": [data.named(limit) for limit in limits],
    }
    meta |= {"classes": [str(c) for c in data.classes], "binaries": offer.found.n_binaries}
    meta |= {"pre_bins": {name: e.n_cells for name, e in data.encoders.items()}}
    meta |= {"records": {"chosen on": int((~data.held).sum()), "held out": int(data.held.sum())}}
    return FairnessFrontier(tuple(points), tuple(data.encoders), data.comparisons, meta)


@dataclass(frozen=True, eq=False)
class _Data:
    """Records in two parts, by class and group, and their fine cells."""

    table: Table
    encoders: dict[str, Encoder]
    classes: tuple[Any, Any]
    event: Array
    held: Array
    attributes: list[Attribute]

    @classmethod
    def read(
        cls,
        estimator: InformationValue,
        X: Any,
        y: Any,
        protected: Any,
        holdout: float,
        least: float,
        rng: RNG,
    ) -> _Data:
        """Divide the records, and find the fine cells."""
        table, target = estimator._split(X, y)
        _refuse_counted(X, table)
        groups = attributes(X, table, protected)
        _refuse_overlap(Split(target).names, groups, estimator.columns)
        beside = [*Split(target).names, *(a.name for a in groups)]
        names = estimator._characteristics(table, beside)
        classes = target_classes(table, target, estimator.event)
        column = table.column(target) if isinstance(target, str) else target
        event = np.zeros(table.n_rows, dtype=np.int64)
        event[class_rows(column, classes)[1]] = 1
        held = np.zeros(table.n_rows, bool)
        size = round(holdout * table.n_rows)
        held[generator_of(rng).permutation(table.n_rows)[:size]] = True
        parts = {"chosen on": ~held, "held out": held}
        for attribute in groups:
            refuse_few(attribute, parts, least)
        _refuse_one_class(classes, event, parts)
        encoders = learn_encoders(table, names, estimator.bins, estimator._spec())
        return cls(table, encoders, classes, event, held, groups)

    @cached_property
    def pairs(self) -> list[tuple[Attribute, int]]:
        """Attribute and group of each comparison."""
        return [(a, g) for a in self.attributes for g in a.others]

    @property
    def comparisons(self) -> tuple[str, ...]:
        """Names of the comparisons."""
        return tuple(a.label(g) for a, g in self.pairs)

    def named(self, limit: Array) -> dict[str, float]:
        """Budget by comparison."""
        return dict(zip(self.comparisons, limit.tolist(), strict=True))

    def counts(self, codes: Array, n_groups: int) -> dict[str, Counts]:
        """Fine cells of every feature by a code of the records where bins are chosen."""
        code = np.where(self.held, n_groups, codes)  # one pass reads both parts
        names = tuple(range(n_groups + 1))
        split = Split(Column("group", code, None, names), names)
        found = count_table(self.table, self.encoders, split)
        return {
            name: replace(s, table=s.table[:n_groups], groups=None) for name, s in found.items()
        }


def _refuse_one_number(budgets: Any) -> None:
    """Error where one budget is given without a list."""
    alone = budgets.ndim == 0 if isinstance(budgets, np.ndarray) else isinstance(budgets, Real)
    if alone:
        raise InvalidParameterError(
            "Budgets are a list of nats.",
            got=budgets,
            hint=f"budgets=[{budgets}]" if _positive(budgets) else "budgets=[0.02, 0.05, 0.1]",
        )


def _positive(value: Any) -> bool:
    """Whether it is a number of nats that may be a budget."""
    number = value.item() if isinstance(value, np.ndarray) else value
    return isinstance(number, Real) and not isinstance(number, bool) and 0 < float(number) < np.inf


def _refuse_counted(X: Any, table: Table) -> None:
    """Error where the table is counted elsewhere, so that there are no rows to divide."""
    if table.ordered:
        return
    call = "X.toPandas()" if hasattr(X, "toPandas") else "X.to_pandas()"
    raise DataError(
        f"fair_frontier divides the rows into two parts, and {table.where} has rows without order.",
        got=type(X).__name__,
        hint=f"fair_frontier({call}, ...), or the path of a Parquet file of it",
    )


def _refuse_overlap(names: Sequence[str], groups: Sequence[Attribute], columns: Any) -> None:
    """Error where a protected attribute is the target, or was asked for as a characteristic."""
    for attribute in groups:
        if attribute.name in names:
            raise InvalidParameterError(
                "The target cannot be the protected attribute.",
                got=attribute.name,
                hint="protected='SEX', another column",
            )
        if columns is not None and attribute.name in columns:
            rest = [c for c in columns if c not in {a.name for a in groups}]
            raise InvalidParameterError(
                "A protected attribute cannot be one of the characteristics that are binned.",
                got=attribute.name,
                hint=f"columns={rest}",
            )


def _refuse_one_class(classes: tuple[Any, Any], event: Array, parts: Mapping[str, Array]) -> None:
    for part, rows in parts.items():
        here = np.bincount(event[rows], minlength=2)
        if here.min() == 0:
            raise DataError(
                f"The part {part!r} has one class of the target only.",
                got=dict(zip(map(str, classes), here.tolist(), strict=True)),
                hint="take more records, or another rng",
            )


@dataclass(frozen=True, eq=False)
class _Ordered:
    """Fine cells of a feature in the order in which they may be merged, then those that stay."""

    encoder: Encoder
    cells: list[Array]
    stay: Array

    @classmethod
    def of(cls, name: str, encoder: Encoder, classes: Counts) -> _Ordered:
        """Intervals as they lie; categories by event rate, unseen ones with "other"."""
        if isinstance(encoder, IntervalEncoder):
            size = len(encoder.edges) + 1
            cells = [np.array([k]) for k in range(size)]
        elif isinstance(encoder, CategoryEncoder):
            size = encoder.n_known
            goods, bads = classes.table[:, :size]
            cells = ordered_cells(goods, bads, 0.0, MOST_CELLS)
        else:
            raise DataError(
                f"Column {name!r} has cells that cannot be merged.",
                got=type(encoder).__name__,
                hint="pre_bins=20",
            )
        if len(cells) > MOST_CELLS:
            raise InvalidParameterError(
                f"Column {name!r} has more fine cells than can be merged.",
                got=len(cells),
                hint=f"pre_bins={{{name!r}: {MOST_CELLS}}}",
            )
        named = np.concatenate(cells) if cells else np.zeros(0, int)
        stay = np.setdiff1d(np.arange(encoder.n_cells), named)
        return cls(encoder, cells, stay)

    def arranged(self, s: Counts) -> Counts:
        """Counts of the cells that may be merged, then of those that stay."""
        parts = [s.table[:, cell].sum(1) for cell in self.cells]
        table = np.column_stack([*parts, s.table[:, self.stay]])
        return Counts(table)

    def merged(self, cuts: tuple[int, ...], learned: dict[str, Any]) -> tuple[Encoder, Array]:
        """Encoder of the bins of a plan, and the bin of each fine cell."""
        group = np.searchsorted(np.array(cuts[1:-1], int), np.arange(len(self.cells)), "right")
        encoder = self.encoder
        onto = np.zeros(encoder.n_cells, np.int64)
        for cell, bin_ in zip(self.cells, group, strict=True):
            onto[cell] = bin_
        bins = len(cuts) - 1
        if isinstance(encoder, IntervalEncoder):
            edges = tuple(encoder.edges[c - 1] for c in cuts[1:-1])
            onto[self.stay] = bins + np.arange(len(self.stay))
            return replace(encoder, edges=edges, learned=learned), onto
        if not isinstance(encoder, CategoryEncoder):  # refused before
            return encoder, onto
        onto[self.stay] = bins  # categories without records here are not known
        onto[-1] = bins + 1
        known = [c for c in encoder.position if onto[encoder.position[c]] < bins]
        members = tuple(int(onto[encoder.position[c]]) for c in known)
        return GroupEncoder(tuple(known), learned, members), onto


class _Offer:
    """What may be chosen from the data, and the judgement of what was."""

    def __init__(self, data: _Data, min_share: float, min_count: float) -> None:
        self.data = data
        self.classes = data.counts(data.event, 2)
        self.ordered = {
            name: _Ordered.of(name, encoder, self.classes[name])
            for name, encoder in data.encoders.items()
        }
        target = [o.arranged(self.classes[n]) for n, o in self.ordered.items()]
        protected = []
        for attribute in data.attributes:
            found = data.counts(attribute.codes, len(attribute.groups))
            for g in attribute.others:
                rows = [attribute.reference, g]
                protected.append(
                    [
                        o.arranged(replace(found[n], table=found[n].table[rows]))
                        for n, o in self.ordered.items()
                    ]
                )
        sizes = [len(o.cells) for o in self.ordered.values()]
        self.found: Candidates = candidates(
            target, protected, sizes, min_share=min_share, min_count=min_count
        )

    @cached_property
    def codes(self) -> Array:
        """Fine cell of each record, shape (n_features, n_rows)."""
        data = self.data
        return np.stack(
            [e.encode(data.table.column(n)).astype(np.int32) for n, e in data.encoders.items()]
        )

    def profiles(
        self, cuts: Sequence[Cuts], rows: Array, side: Array
    ) -> tuple[SummedJeffreys, Counts] | None:
        """Functional and counts of the bins of a plan, for two groups of some records.

        None where the plan drops everything.
        """
        names = list(self.ordered)
        kept = [j for j, c in enumerate(cuts) if c is not None]
        if not kept:
            return None
        profile = np.zeros(int(rows.sum()), np.int64)
        columns = []
        for j in kept:
            onto = self.ordered[names[j]].merged(cuts[j] or (), {})[1]
            cell = onto[self.codes[j, rows]]
            columns.append(cell)
            profile = np.unique(profile * (int(cell.max()) + 1) + cell, return_inverse=True)[1]
        size = int(profile.max()) + 1
        first = np.zeros(size, np.int64)
        first[profile] = np.arange(len(profile))
        table = np.stack([np.bincount(profile[side == g], minlength=size) for g in (0, 1)])
        onto = np.stack([column[first] for column in columns])
        return SummedJeffreys(onto), Counts(table)

    def sides(self, rows: Array) -> list[tuple[Array, Array]]:
        """Records and their side of the target, then of each comparison."""
        out = [(rows, self.data.event[rows])]
        for attribute, g in self.data.pairs:
            here = rows & np.isin(attribute.codes, [attribute.reference, g])
            out.append((here, (attribute.codes[here] == g).astype(int)))
        return out

    def judged(self, plan: Plan, limit: Array, level: float, *, each: bool) -> FairnessPoint:
        """One point of the frontier, on the records that were held out.

        With `each` the budget is of every feature alone, and the protected figures are those of the
        feature with the greatest upper bound: all are within it if that one is.
        """
        plans = self._alone(plan) if each else [plan]
        named = self.data.named(limit)
        (rows, side), *compared = self.sides(self.data.held)
        with warnings.catch_warnings():  # every result keeps its own; a point has several
            warnings.simplefilter("ignore", InfometricWarning)
            performance = self._result(plan, rows, side, level)
            protected = {}
            for (name, budget), (rows, side) in zip(named.items(), compared, strict=True):
                found = [self._result(p, rows, side, level, budget) for p in plans]
                protected[name] = max(found, key=_upper)
        cost = np.max([self.found.totals(p.cuts)[1] for p in plans], axis=0)
        encoders = self._encoders(plan, named)
        return FairnessPoint(
            named,
            performance,
            protected,
            encoders,
            tuple(n for n in self.ordered if n not in encoders),
            {
                "performance": self.found.totals(plan.cuts)[0],
                "protected": self.data.named(cost),
            },
            {"binaries": self.found.n_binaries, "left": plan.left, "gap": plan.gap},
        )

    @staticmethod
    def _alone(plan: Plan) -> list[Plan]:
        """The plan of each feature that is kept, without the others."""
        size = len(plan.cuts)
        kept = [j for j, c in enumerate(plan.cuts) if c is not None]
        each = [
            replace(plan, cuts=tuple(plan.cuts[k] if k == j else None for k in range(size)))
            for j in kept
        ]
        return each or [plan]

    def _result(
        self, plan: Plan, rows: Array, side: Array, level: float, budget: float | None = None
    ) -> Result:
        """Sum over features with its interval, and the verdict on a budget where there is one."""
        measure = "information_value" if budget is None else "protected_information_value"
        words = ("within budget", "above budget")
        found = self.profiles(plan.cuts, rows, side)
        if found is None:
            sizes = tuple(np.bincount(side, minlength=2).tolist())
            none = ConfidenceInterval(0.0, 0.0)
            told = {} if budget is None else _nothing_kept(budget)
            return Result(
                measure, 0.0, 0.0, none, level, "nats", sizes, "no feature is kept", 1.0,
                diagnostics=told, warnings=(NOTHING,),
            )  # fmt: skip
        functional, s = found
        result = infer(functional, s, level=level, measure=measure)
        names = [n for n, c in zip(self.ordered, plan.cuts, strict=True) if c is not None]
        told = {"features": names}
        if budget is not None:
            told |= claim(functional, s, budget, words)
        return replace(result, diagnostics=result.diagnostics | told)

    def _encoders(self, plan: Plan, budget: Mapping[str, float]) -> dict[str, Encoder]:
        """Frozen bins of the features that are kept, marked with the counts they were chosen on."""
        out = {}
        for (name, ordered), cuts in zip(self.ordered.items(), plan.cuts, strict=True):
            if cuts is not None:
                learned = {"binning": "fair_frontier", "budget": dict(budget)}
                encoder, onto = ordered.merged(cuts, learned)
                out[name] = marked(encoder, self.classes[name].merge_cells(onto))
        return out


def _upper(r: Result) -> float:
    """Upper bound of a protected value; infinite where none is known."""
    bound = r.diagnostics["upper_bound"]
    return np.inf if np.isnan(bound) else float(bound)


def _empty(point: FairnessPoint) -> tuple[str, ...]:
    """What to say of a point that keeps nothing."""
    if point.encoders:
        return ()
    budgets = ", ".join(f"{b:.4g} nats for {name}" for name, b in point.budget.items())
    return (f"{NOTHING} ({budgets})",)


def _nothing_kept(budget: float) -> dict[str, Any]:
    return {
        "verdict": "within budget",
        "rule_of_thumb": "within",
        "limit": float(budget),
        "upper_bound": 0.0,
        "lower_bound": 0.0,
        "bound_level": 0.95,
        "bound_units": "nats",
    }


class _AllFeatures:
    """Plans whose budgets are of the sum over features."""

    def __init__(self, offer: _Offer, rules: dict[str, Any], z: float) -> None:
        self.offer, self.z = offer, z
        self.programme = Programme(offer.found, **rules)
        self.plans: list[Plan] = []

    def plan(self, limit: Array) -> Plan:
        """Best plan within budgets."""
        plain = within(self.programme, limit, self._floor(limit, np.zeros(len(limit))))
        if not self.z:
            self.plans.append(plain)
            return plain
        z = self.z * self._dependence(plain)
        found = chance(self.programme, limit, z, self._floor(limit, z))
        self.plans.append(found)
        return found

    def _floor(self, limit: Array, z: Array) -> Plan | None:
        """The best of the plans so far that keeps the budgets."""
        fine = [p for p in self.plans if (excess(self.offer.found, p, limit, z) <= 0).all()]
        return max(fine, key=lambda p: p.gain, default=None)

    def _dependence(self, plan: Plan) -> Array:
        """Standard error of each sum over that of independent features, one at least."""
        _, _, spread = self.offer.found.totals(plan.cuts)
        out = np.ones(len(spread))
        for a, (rows, side) in enumerate(self.offer.sides(~self.offer.data.held)[1:]):
            found = self.offer.profiles(plan.cuts, rows, side)
            if found is not None and spread[a] > 0:
                functional, s = found
                out[a] = max(1.0, float(np.sqrt(functional.variance(s) / spread[a])))
        return out

    def free(self) -> Array:
        """Protected information values of the best plan without a budget."""
        plan = within(self.programme, np.full(self.offer.found.n_limits, 1e6))
        return self.offer.found.totals(plan.cuts)[1]


class _EachFeature:
    """Plans whose budgets are of every feature alone: a programme each."""

    def __init__(self, offer: _Offer, rules: dict[str, Any], z: float) -> None:
        self.offer, self.z = offer, z
        features = range(len(offer.found.sizes))
        self.programmes = [Programme(offer.found.only(j), **rules) for j in features]

    def plan(self, limit: Array) -> Plan:
        """Best plan within budgets."""
        z = np.full(len(limit), self.z)
        found = [chance(p, limit, z) if self.z else within(p, limit) for p in self.programmes]
        return self._joined(found)

    def free(self) -> Array:
        """Greatest protected information values of a feature without a budget."""
        limit = np.full(self.offer.found.n_limits, 1e6)
        found = [(p, within(p, limit)) for p in self.programmes]
        return np.max([p.found.totals(plan.cuts)[1] for p, plan in found], axis=0)

    @staticmethod
    def _joined(plans: Sequence[Plan]) -> Plan:
        return Plan(
            tuple(p.cuts[0] for p in plans),
            sum(p.gain for p in plans),
            sum(p.bound for p in plans),
            sum(p.solved for p in plans),
            max(p.left for p in plans),
        )


def _budgets(budgets: Sequence[Any] | None, data: _Data, search: Any) -> list[Array]:
    """Budget of each comparison, for each point."""
    if budgets is None:
        most = np.maximum(search.free(), LEAST_BUDGET)
        return [most * (i / N_BUDGETS) ** 2 for i in range(1, N_BUDGETS + 1)]
    if len(budgets) == 0:
        raise InvalidParameterError(
            "There must be a budget.", got=list(budgets), hint="budgets=[0.02, 0.05, 0.1]"
        )
    limits = {tuple(_limit(budget, data).tolist()) for budget in budgets}
    return [np.array(limit) for limit in sorted(limits)]


def _limit(budget: Any, data: _Data) -> Array:
    """Budget of each comparison, from a number or from a mapping of attributes."""
    names = [a.name for a, _ in data.pairs]
    given = budget if isinstance(budget, Mapping) else dict.fromkeys(names, budget)
    lost = [name for name in dict.fromkeys(names) if name not in given]
    if lost:
        raise InvalidParameterError(
            f"A budget is missing for {and_list(lost)}.",
            got=dict(given),
            hint=f"budgets=[{dict.fromkeys(names, 0.05)}]",
        )
    values = [given[name] for name in names]
    if not all(map(_positive, values)):
        raise InvalidParameterError(
            "A budget is a positive number of nats.", got=budget, hint="budgets=[0.02, 0.05, 0.1]"
        )
    return np.array(values, float)
