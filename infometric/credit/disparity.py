"""How decisions and scores differ between protected groups: measures, intervals, claims.

The four-fifths rule of the Uniform Guidelines compares rates of favourable decisions. A ratio of
0.8 or more is claimed here only where its one-sided 95 % lower bound is at least 0.8; with few
records the answer is "undecided".

References
----------
Equal Employment Opportunity Commission (1978). Uniform guidelines on employee selection procedures.
29 CFR 1607.4(D).
Hardt, M., Price, E., Srebro, N. (2016). Equality of opportunity in supervised learning. NIPS 29.
arXiv:1610.02413
Chouldechova, A. (2017). Fair prediction with disparate impact. Big Data 5, 153-163.
doi:10.1089/big.2016.0047
"""

from __future__ import annotations

from dataclasses import replace
from numbers import Real
from typing import Any

import numpy as np

from infometric.credit.discrimination import ranks_of
from infometric.credit.evidence import InformationValue
from infometric.credit.protected import ALPHA, Attribute, attributes, claim
from infometric.credit.slices import slice_name
from infometric.credit.target import plain_event, plain_favourable
from infometric.exceptions import DataError, InvalidParameterError
from infometric.functional.parity import (
    ProportionDifference,
    ProportionRatio,
    StandardizedMeanDifference,
)
from infometric.functional.ranking import AreaUnderCurve
from infometric.inference import check_level, infer
from infometric.result import Result, ResultTable
from infometric.sources import open_table
from infometric.state.counts import Counts
from infometric.state.encoders import Column, plain
from infometric.typing import RNG, Array
from infometric.validation import (
    FrameTable,
    Span,
    binary_classes,
    check_lengths,
    check_paired,
    check_weights,
    class_rows,
)

FOUR_FIFTHS = 0.8


def adverse_impact(
    decision: Any,
    group: Any,
    *,
    y: Any = None,
    score: Any = None,
    data: Any = None,
    reference: Any = None,
    favourable: Any = None,
    event: Any = None,
    level: float = 0.95,
    sample_weight: Any = None,
) -> ResultTable:
    """How the decisions on each protected group differ from those on a reference.

    Parameters
    ----------
    decision : array-like of shape (n_rows,) or str
        Decision with two values, or the name of its column in `data`.
    group : array-like, frame, str, list of str or mapping
        Protected attributes, or the names of their columns; ``{"AGE": [25, 60]}`` cuts a number.
    y : array-like or str, optional
        Outcome with two classes: adds the differences of the favourable rate among those without
        the event (equal opportunity), and of the rate without the event among those decided
        favourably (predictive parity).
    score : array-like or str, optional
        Score behind the decision: adds the standardised difference of its means, and the area under
        the curve with which it tells the groups apart.
    data : frame or path, optional
        Table whose columns are named.
    reference : optional
        Group that the others are compared with; the largest by default.
    favourable : optional
        The favourable decision; by default the greater of two numbers (1 of 0 and 1, True), and of
        two texts the one that plainly says it ("approved", "accepted", "yes", "granted", "hired").
        Two texts of which neither does, or both, are refused.
    event : optional
        The bad outcome; the greater one by default, of two texts the one that plainly names it.
    level : float
        Nominal coverage of the intervals.
    sample_weight : array-like or str, optional
        Positive record weights, or the name of their column in `data`.

    Returns
    -------
    ResultTable
        One line per measure and comparison, p-values adjusted for their number (Holm,
        Benjamini-Hochberg). The ratio's diagnostics hold the verdict on the four-fifths rule.

    Raises
    ------
    DataError
        Where a value is missing, there are not two groups and two decisions, or which of two texts
        is favourable is not plain.
    InvalidParameterError
        Where `favourable` is none of the decisions.

    Notes
    -----
    Ratio and differences have Miettinen and Nurminen's score intervals, which hold for a group of
    five. Where a cell has fewer than five records they are corrected for continuity, and `method`
    is "score+continuity" in place of "score". A comparison that has no record to be made of is left
    out, and named in ``meta``. The difference of the means of scores has Student's interval, none
    where a group has one record or one value.

    References
    ----------
    Miettinen, O., Nurminen, M. (1985). Comparative analysis of two rates. Statist. Med. 4, 213-226.
    doi:10.1002/sim.4780040211

    Examples
    --------
    >>> import infometric as im
    >>> found = im.adverse_impact([1, 1, 0, 1, 0, 0, 1, 0] * 500, ["a", "a", "a", "a", "b"] * 800)
    >>> name, ratio = next(iter(found.items()))
    >>> name, ratio.diagnostics["verdict"]
    ('adverse_impact_ratio @ group: b against a', 'four fifths kept')
    """
    check_level(level)
    columns = _Columns(data, decision)
    good, classes = columns.decisions(decision, favourable)
    groups = columns.groups(group, reference)
    outcome = None if y is None else columns.sides(y, "y", event)[0]
    scores = None if score is None else ranks_of(columns.pick(score, "score"))
    weights = columns.weights(sample_weight)
    results: dict[str, Result] = {}
    left_out: list[str] = []
    for attribute in groups:
        for g in attribute.others:
            found = _compared(_Pairs(attribute, g, level, weights), good, outcome, scores)
            label = attribute.label(g)
            results |= {slice_name(m, label): r for m, r in found.items() if r is not None}
            left_out += [slice_name(m, label) for m, r in found.items() if r is None]
    sizes = {a.name: dict(zip(a.groups, a.sizes.tolist(), strict=True)) for a in groups}
    meta = {"favourable": str(classes[1]), "groups": sizes, "left_out": left_out}
    return ResultTable(results, meta=meta).adjust()


class _Columns:
    """Columns by name of one table, or arrays beside each other."""

    def __init__(self, data: Any, decision: Any) -> None:
        self.named = data is not None
        self.given = data if self.named else decision
        self.table = open_table(data) if self.named else FrameTable(decision, name="decision")
        self.table.require_rows()

    def pick(self, value: Any, name: str) -> Column:
        """One column."""
        if self.named and isinstance(value, str):
            self.table.require([value])
            return self.table.column(value)
        beside = FrameTable(value, name=name)
        if len(beside.names) != 1:
            raise DataError(
                f"The {name} must be one column.",
                got={"columns": len(beside.names)},
                hint=f"{name}[:, 0], or {name}['name'], to choose one",
            )
        check_lengths(**{"decision": range(self.table.n_rows), name: range(beside.n_rows)})
        check_paired(self.given, value)
        return beside.column(beside.names[0])

    def sides(self, value: Any, name: str, second: Any) -> tuple[Array, tuple[Any, Any]]:
        """One where the column has the second of its two classes, zero elsewhere."""
        column = self.pick(value, name)
        return _sides(column, binary_classes(column, plain_event(column, second)))

    def decisions(self, value: Any, favourable: Any) -> tuple[Array, tuple[Any, Any]]:
        """One where the decision is the favourable one, zero elsewhere."""
        column = self.pick(value, "decision")
        chosen = plain_favourable(column, favourable)
        low, high = binary_classes(column)
        if chosen is not None and plain(chosen) not in (low, high):
            raise InvalidParameterError(
                f"favourable must be one of the decisions {low!r} and {high!r}.",
                got=favourable,
                hint=f"favourable={high!r}, or favourable={low!r}",
            )
        return _sides(column, binary_classes(column, chosen))

    def weights(self, value: Any) -> Array | None:
        """Record weights."""
        if self.named and isinstance(value, str):
            value = self.pick(value, "sample_weight").values
        return check_weights(value, self.table.n_rows)

    def groups(self, group: Any, reference: Any) -> list[Attribute]:
        """Protected attributes."""
        return attributes(
            self.given, self.table, group, name="group", inside=self.named, reference=reference
        )


def _sides(column: Column, classes: tuple[Any, Any]) -> tuple[Array, tuple[Any, Any]]:
    """One where the column has the second of two classes, zero elsewhere; and the classes."""
    out = np.zeros(len(column.values), np.int64)
    out[class_rows(column, classes)[1]] = 1
    return out, classes


class _Pairs:
    """Measures of one group against its reference, from the rows of both."""

    def __init__(
        self, attribute: Attribute, group: int, level: float, weights: Array | None
    ) -> None:
        self.first = attribute.codes == attribute.reference
        self.second = attribute.codes == group
        self.names = (attribute.groups[attribute.reference], attribute.groups[group])
        self.level, self.weights = level, weights

    def counts(self, codes: Array, size: int, rows: Array | None = None) -> Counts | None:
        """Cells of both groups, among some rows; None where one has none."""
        sides = [s if rows is None else s & rows for s in (self.first, self.second)]
        w = np.ones(len(codes)) if self.weights is None else self.weights
        table, squares = (
            np.stack([np.bincount(codes[side], v[side], minlength=size) for side in sides])
            for v in (w, w**2)
        )
        if not table.sum(1).all():
            return None
        if self.weights is None:
            return Counts(table.astype(np.int64), groups=self.names)
        return Counts(table, squares=squares, groups=self.names)

    def infer(self, functional: Any, s: Counts | None, measure: str | None = None) -> Result | None:
        """Result, or None where there are no records."""
        if s is None:
            return None
        found = infer(functional, s, level=self.level, measure=measure)
        return replace(found, diagnostics=found.diagnostics | {"groups": list(self.names)})

    def ratio(self, s: Counts | None) -> Result | None:
        """Adverse impact ratio with the verdict on the four-fifths rule."""
        found = self.infer(ProportionRatio(), s)
        if found is None or s is None:
            return found
        return replace(found, diagnostics=found.diagnostics | four_fifths(s))


def _compared(
    pair: _Pairs, good: Array, outcome: Array | None, scores: tuple[Array, Array] | None
) -> dict[str, Result | None]:
    """Every measure of one comparison."""
    decided = pair.counts(good, 2)
    found = {
        "adverse_impact_ratio": pair.ratio(decided),
        "statistical_parity_difference": pair.infer(ProportionDifference(), decided),
    }
    if outcome is not None:
        for name, codes, rows in (
            ("equal_opportunity_difference", good, outcome == 0),
            ("predictive_parity_difference", 1 - outcome, good == 1),
        ):
            found[name] = pair.infer(ProportionDifference(), pair.counts(codes, 2, rows), name)
    if scores is not None:
        values, codes = scores
        s = pair.counts(codes, len(values))
        found["standardized_mean_difference"] = pair.infer(StandardizedMeanDifference(values), s)
        found["auc_between_groups"] = pair.infer(AreaUnderCurve(), s, "auc_between_groups")
    return found


def four_fifths(s: Counts, limit: float = FOUR_FIFTHS) -> dict[str, Any]:
    """Verdict on the four-fifths rule, as a claim that needs evidence.

    Its bounds are corrected for continuity: they err in 5 % of samples at most, also with five
    records.

    Parameters
    ----------
    s : Counts
        Reference and group over the cells (unfavourable, favourable).
    limit : float
        Least ratio that the rule accepts.

    Returns
    -------
    dict
        ``verdict`` ("four fifths kept", "four fifths broken", "undecided"), the one-sided bounds,
        the limit, and ``rule_of_thumb``: where the value alone would fall.

    Examples
    --------
    >>> from infometric import Counts
    >>> four_fifths(Counts.from_counts([[40, 60], [3, 4]]))["verdict"]
    'undecided'
    """
    ratio = ProportionRatio(continuity=True)
    found = ratio.interval("score", s, 1 - 2 * ALPHA)
    low, high = (float(found.low), float(found.high)) if found else (np.nan, np.nan)
    kept, broken = "four fifths kept", "four fifths broken"
    return {
        "verdict": kept if low >= limit else broken if high < limit else "undecided",
        "rule_of_thumb": "kept" if ratio.value(s) >= limit else "broken",
        "thresholds": [limit],
        "lower_bound": low,
        "upper_bound": high,
        "bound_level": 1 - ALPHA,
    }


class FairnessIV(InformationValue):
    """Information value of each column about a protected attribute, with a claim of fairness.

    "Fair" is claimed only where the one-sided 95 % upper bound is within `limit`, "unfair" where
    the lower bound is above it; else the records leave it undecided, also where they are too few
    for any bound. Bounds and limit are in nats (``bound_units``), whatever the units of the value.

    Parameters
    ----------
    limit : float
        Largest information value about the attribute that is accepted, in nats.
    bins, binning, special, categorical, columns, exclude, out_of_range, constant, empty, event, \
    selection, folds, random_state, units, uncertainty
        As in `InformationValue`; the target is the protected attribute, with two groups.

    Examples
    --------
    >>> import numpy as np
    >>> from infometric import FairnessIV
    >>> rng = np.random.default_rng(0)
    >>> group = rng.integers(0, 2, 4000)
    >>> found = FairnessIV(limit=0.05).fit(rng.normal(size=4000), group).estimate()
    >>> found.diagnostics["verdict"]
    'fair'
    """

    _constraints = InformationValue._constraints | {
        "limit": (Span(Real, 0, None, closed="neither"),)
    }

    def __init__(
        self,
        *,
        limit: float = 0.05,
        bins: Any = 10,
        binning: Any = "quantile",
        special: Any = (),
        categorical: Any = (),
        columns: Any = None,
        exclude: Any = (),
        out_of_range: str = "open",
        constant: str = "raise",
        empty: Any = "half",
        event: Any = None,
        selection: str = "cross_fit",
        folds: int | str = 5,
        random_state: RNG = 0,
        units: str = "nats",
        uncertainty: Any = "auto",
    ) -> None:
        super().__init__(
            bins=bins,
            binning=binning,
            special=special,
            categorical=categorical,
            columns=columns,
            exclude=exclude,
            out_of_range=out_of_range,
            constant=constant,
            empty=empty,
            event=event,
            selection=selection,
            folds=folds,
            random_state=random_state,
            units=units,
            uncertainty=uncertainty,
        )
        self.limit = limit

    def _measure(self) -> str:
        return "fairness_iv"

    def _finish(self, name: str, result: Result, state: Any) -> Result:
        result = super()._finish(name, result, state)
        told = claim(self._functional(), state, float(self.limit), ("fair", "unfair"))
        return replace(result, diagnostics=result.diagnostics | told | {"thresholds": [self.limit]})
