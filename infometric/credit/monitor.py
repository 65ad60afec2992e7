r"""A model under watch: the stability of its score and characteristics, period after period.

Many looks at many columns see shifts where there are none. Within a period the p-values of the m
columns are adjusted (Holm: the chance of any false alarm; Benjamini-Hochberg: the share of false
ones). Over time the level is spent: period t is tested at

.. math:: \alpha_t = \frac{\alpha}{t (t + 1)}, \qquad \sum_{t=1}^\infty \alpha_t = \alpha,

so that the chance of any false alarm in any column and any period is at most alpha, whenever one
stops looking. The reported p-value is :math:`t (t + 1)` times the adjusted one. Neither adjustment
asks that columns or periods be independent. Both lead to small levels, so the p-values are those of
`FarTail`, which hold there.

References
----------
Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scand. J. Statist. 6,
65-70.
Benjamini, Y., Hochberg, Y. (1995). Controlling the false discovery rate. J. R. Statist. Soc. B 57,
289-300. doi:10.1111/j.2517-6161.1995.tb02031.x
Foster, D. P., Stine, R. A. (2008). Alpha-investing. J. R. Statist. Soc. B 70, 429-444.
doi:10.1111/j.1467-9868.2007.00643.x
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from infometric._version import __version__
from infometric.credit.audit import AuditLog, as_log, hash_of
from infometric.credit.cells import EmptyPolicy
from infometric.credit.characteristic import POINTS, Points, points_of, shifted
from infometric.credit.periods import (
    in_order,
    joint_labels,
    later,
    over,
    same_counts,
    trimmed,
    without_thin,
)  # fmt: skip
from infometric.credit.replay import check_note, difference, of_line
from infometric.credit.slices import slicing_column
from infometric.credit.stability import PSI, THRESHOLDS
from infometric.exceptions import DataError, InvalidParameterError, UnsupportedError, and_list
from infometric.inference import check_level
from infometric.result import Result, ResultTable, jsonable
from infometric.sources.counting import Bins, Split, count_unseen
from infometric.state.clusters import ClusteredCounts, state_from_dict
from infometric.state.counts import Counts
from infometric.state.encoders import Binning, CategoryEncoder, encoder_from_dict
from infometric.timeline import Timeline
from infometric.uncertainty.far_tail import FarTail
from infometric.validation import PROBABILITY, Constraint, Having, OneOf, check_parameters

Baseline = Literal["reference", "previous", "pooled"]
_SHARED = (
    "bins", "binning", "special", "categorical", "columns", "exclude", "out_of_range", "constant",
    "empty", "thresholds", "cluster",
)  # fmt: skip
_POLICY = (
    "score", "baseline", "thresholds", "alpha", "level", "multiplicity", "sequential", "empty",
    "cluster",
)  # fmt: skip


_VERSIONS = ("results.meta.infometric", "shifts.meta.infometric")  # may differ from today's


class StabilityMonitor(BaseEstimator):
    """Stability of a score and its characteristics against a reference, period after period.

    `fit` learns the bins of the reference; `update` adds one period or, with `by=`, all those that
    a table holds and that are not recorded yet. Periods go forward in time, and what was recorded
    stays as it was.

    Parameters
    ----------
    score : str, optional
        Column that is the model's score; it leads tables and report.
    bins, binning, special, categorical, columns, exclude, out_of_range, constant, empty
        As in `PSI`.
    points : mapping of str to array-like or mapping, optional
        Points of the characteristics by cell, as in `CSI`; those of a scorecard.
    cluster : str, optional
        Column that says which records belong together, as in `PSI`: the same customers in
        reference and period are then compared with themselves.
    baseline : {"reference", "previous", "pooled"}
        What a period is compared with: the reference, the period before it, or the reference and
        all periods before it together.
    thresholds : tuple of two float
        Limits of the verdict, in nats.
    alpha : float
        Chance of any false alarm, over all columns and, where `sequential` is "spending", over all
        time.
    level : float
        Nominal coverage of each interval.
    multiplicity : {"holm", "bh"}
        Adjustment over the columns of a period.
    sequential : {"spending", "none"}
        Whether the level is spent over time. With "none", every period has a chance `alpha` of a
        false alarm, and a false alarm comes sooner or later.
    records : str, path-like or AuditLog, optional
        File of the audit records. Where it holds records of the same reference and policy, `fit`
        takes them up and goes on.

    Attributes
    ----------
    encoders_ : dict of str to Encoder
        Cells of each column, frozen.
    state_ : dict of str to Counts
        Counts of the reference.
    results_ : dict of str to ResultTable
        Stability of each column, by period.
    shifts_ : dict of str to ResultTable
        CSI of each characteristic with points, by period.

    Notes
    -----
    A column gives an alarm where a shift is seen (adjusted p-value no more than `alpha`) and the
    equivalence verdict does not say "stable": with many records, shifts of no consequence are seen
    too. The intervals and verdicts are those of each column alone. Values, errors and upper bounds
    are those of `PSI`; p-values are those of tests that hold far out in the tail. A cell in which
    less than one record is expected is joined with its neighbour, so that a single missing record
    does not take interval and verdict away; such categories are joined in one. What is expected is
    seen from both samples together, so that the tail of rare categories, of which some are new in
    every month, is no shift. Counts are recorded as they are.

    Examples
    --------
    >>> import numpy as np
    >>> from infometric import StabilityMonitor
    >>> rng = np.random.default_rng(0)
    >>> monitor = StabilityMonitor(score="x0").fit(rng.normal(size=(5000, 3)))
    >>> for month, drift in (("2026-01", 0.0), ("2026-02", 0.6)):
    ...     _ = monitor.update(rng.normal(drift, 1, size=(3000, 3)), period=month)
    >>> print(monitor.timeline().summary())
    2026-01  3 stable; no alarm
    2026-02  3 shifted; alarm: x0, x1, x2
    """

    head_: str | None
    _constraints: Mapping[str, tuple[Constraint, ...]] = {
        name: constraint for name, constraint in PSI._constraints.items() if name in _SHARED
    } | {
        "score": (OneOf((None,)), Having(str, "the name of a column")),
        "points": (OneOf((None,)), *POINTS),
        "baseline": (OneOf(("reference", "previous", "pooled")),),
        "alpha": (PROBABILITY,),
        "multiplicity": (OneOf(("holm", "bh")),),
        "sequential": (OneOf(("spending", "none")),),
        "records": (OneOf((None,)), Having(str | os.PathLike | AuditLog, "a path or an AuditLog")),
    }

    def __init__(
        self,
        *,
        score: str | None = None,
        bins: Bins = 10,
        binning: Binning = "quantile",
        special: Sequence[float] = (),
        categorical: Sequence[str] | bool = (),
        columns: Sequence[str] | None = None,
        exclude: Sequence[str] = (),
        out_of_range: str = "open",
        constant: str = "raise",
        empty: EmptyPolicy = "half",
        points: Points | None = None,
        cluster: str | None = None,
        baseline: Baseline = "reference",
        thresholds: tuple[float, float] = THRESHOLDS,
        alpha: float = 0.05,
        level: float = 0.95,
        multiplicity: Literal["holm", "bh"] = "holm",
        sequential: Literal["spending", "none"] = "spending",
        records: str | os.PathLike[str] | AuditLog | None = None,
    ) -> None:
        self.score = score
        self.bins = bins
        self.binning = binning
        self.special = special
        self.categorical = categorical
        self.columns = columns
        self.exclude = exclude
        self.out_of_range = out_of_range
        self.constant = constant
        self.empty = empty
        self.points = points
        self.cluster = cluster
        self.baseline = baseline
        self.thresholds = thresholds
        self.alpha = alpha
        self.level = level
        self.multiplicity = multiplicity
        self.sequential = sequential
        self.records = records

    # -- the interface ----------------------------------------------------------------------------

    def fit(self, reference: Any, y: Any = None, *, sample_weight: Any = None) -> Self:
        """Learn bins and counts of the reference; begin the records, or take them up.

        Parameters
        ----------
        reference : array-like, frame or path
            The sample that periods are compared with, at first.
        y : ignored
            Here for the convention.
        sample_weight : array-like or str, optional
            Positive record weights, or the name of their column.

        Returns
        -------
        Self
            The monitor. A failed call leaves it, and the records, as they were.

        Raises
        ------
        DataError
            Where the records were begun with another reference or another policy.
        """
        check_parameters(type(self).__name__, self.get_params(deep=False), self._constraints)
        check_level(self.level)
        self._check_names()
        psi = PSI(**{name: getattr(self, name) for name in _SHARED})
        if self.score is not None and self.columns is not None and self.score not in self.columns:
            psi.set_params(columns=[self.score, *self.columns])
        psi.fit(reference, sample_weight=sample_weight)
        if self.score is not None and self.score not in psi.encoders_:
            psi._open(reference).require([self.score])
        started = self._started(psi)
        log = None if self.records is None else as_log(self.records)
        if log is not None and log.exists():
            started |= self._taken_up(log, started)
        elif log is not None:
            started["head_"] = hash_of(log.append("reference", self._opening(started)))
        self._become(started)
        return self

    def update(
        self,
        current: Any,
        period: str | None = None,
        *,
        by: str | None = None,
        sample_weight: Any = None,
    ) -> Self:
        """Look at one more period, or at all new ones that a table holds.

        Parameters
        ----------
        current : array-like, frame or path
            Data with the columns of the reference.
        period : str, optional
            Name of the period, later than the last: "2026-01", say. Its numbers say its place in
            time, the year first.
        by : str, optional
            Column of `current` whose values are the periods, and which is not watched: where the
            reference holds it too, `exclude` names it. Periods that are recorded must have the
            counts they had, and are passed over.
        sample_weight : array-like or str, optional
            Positive record weights, or the name of their column.

        Returns
        -------
        Self
            The monitor. Where a period is refused, it and those after it leave no trace.

        Raises
        ------
        DataError
            Where a period is recorded with other counts, is earlier than the last, or has a name
            that does not say whether it is.
        """
        check_is_fitted(self, "state_")
        if (period is None) == (by is None):
            raise InvalidParameterError(
                "A period has a name, or a column says it.",
                got={"period": period, "by": by},
                hint="update(frame, period='2026-01'), or update(frame, by='month')",
            )
        self._check_period(period, by)
        for name, counts in self._counted(current, period, by, sample_weight).items():
            self._admit(name, counts)
        return self

    def _check_period(self, period: Any, by: str | None) -> None:
        """Refuse a name that is no text, and periods that are the values of what is watched."""
        if by is None and not isinstance(period, str):
            raise InvalidParameterError(
                "The name of a period is a text.", got=period, hint=f"period={str(period)!r}"
            )
        if by in self.encoders_:
            raise InvalidParameterError(
                f"{by!r} is watched: each of its values would be a shift in itself.",
                got={"by": by},
                hint=f"StabilityMonitor(exclude=[{by!r}]).fit(reference), where it is the period",
            )

    def _check_names(self) -> None:
        """Refuse a column that is named twice, or for two things."""
        names = list(self.columns or ())
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise InvalidParameterError(
                "A column is watched once.",
                got={"columns": names},
                hint=f"columns={list(dict.fromkeys(names))}",
            )
        if self.cluster is not None and self.cluster in [self.score, *names]:
            raise InvalidParameterError(
                f"{self.cluster!r} says which records belong together, and so is not watched.",
                got={"cluster": self.cluster, "score": self.score, "columns": self.columns},
                hint="cluster='client', the column that names whom a record is of",
            )

    def timeline(self) -> Timeline:
        """All periods so far."""
        check_is_fitted(self, "state_")
        encoders = {name: encoder.to_dict() for name, encoder in self.encoders_.items()}
        meta = self._meta(self.policy_) | {"encoders": encoders}
        return Timeline(self.results_, shifts=self.shifts_, score=self.score, meta=meta)

    def report(self, title: str = "Stability over time", **sources: str) -> Any:
        """Report of all periods, of which `to_html` and `to_json` write a file."""
        return self.timeline().report(title, **sources)

    @classmethod
    def from_records(cls, path: str | os.PathLike[str] | AuditLog) -> Self:
        """The monitor that its records describe; every number is worked out anew and compared.

        Parameters
        ----------
        path : str, path-like or AuditLog
            File of audit records.

        Returns
        -------
        StabilityMonitor
            As it was after the last record. With clusters it can report, but no period can be
            added before `fit` has seen the reference again: records name nobody.

        Raises
        ------
        DataError
            Where a line was tampered with, or its counts do not give its results; the message
            names the line.
        """
        log = as_log(path)
        (lines, head), path = log.read(), log.path
        kinds = [line["kind"] for line in lines]
        if not lines or kinds[0] != "reference" or "reference" in kinds[1:]:
            raise DataError(
                f"{path} does not hold the records of one monitor.",
                got=kinds[:3],
                hint="StabilityMonitor(records=path).fit(reference) begins them",
            )
        with of_line(1, path):
            monitor = cls._opened(lines[0], log)
        for number, line in enumerate(lines[1:], start=2):
            if line["kind"] == "period":
                with of_line(number, path):
                    monitor._replay(line, number, path)
            else:
                check_note(line, number, path)
        monitor.head_ = head
        return monitor

    # -- a period ---------------------------------------------------------------------------------

    def _counted(
        self, current: Any, period: str | None, by: str | None, weight: Any
    ) -> dict[str, dict[str, Counts]]:
        """Counts of each column in each period of the data, in order."""
        psi, split = self.psi_, Split(weight=weight, cluster=self.cluster)
        table, names = psi._named_alike(current)
        encoders = dict(zip(names, self.encoders_.values(), strict=True))
        order: tuple[Any, ...] = (period,)
        if by is not None:
            _, order = slicing_column(table, by)
            split = replace(split, target=by, classes=order)
        reference = dict(zip(names, self.state_.values(), strict=True))
        found = count_unseen(table, encoders, reference, split)
        columns = dict(zip(self.encoders_, found.values(), strict=True))
        slices = {
            str(value): {
                name: trimmed(s.group(g), self.encoders_[name]) for name, s in columns.items()
            }
            for g, value in enumerate(order)
        }
        return {name: slices[name] for name in in_order(slices)}

    def _admit(self, period: str, counts: dict[str, Counts]) -> None:
        """Record a new period; pass over one that is recorded with the same counts."""
        if period in self.results_:
            self._require_same(period, counts)
            self.states_[period] = counts
            return
        self._check_later(period)
        pairs = self._paired(counts)
        found, shifts = self._assess(period, pairs)
        if self.records is not None:
            entry = self._entry(period, counts, pairs, found, shifts)
            self.head_ = hash_of(as_log(self.records).append("period", entry, after=self.head_))
        self._keep(period, counts, found, shifts)

    def _check_later(self, period: str, where: str = "") -> None:
        """Refuse a period that is not after the last."""
        last = next(reversed(self.results_), None)
        if last is not None and not later(period, last):
            raise DataError(
                f"{where}Periods go forward: {period!r} is not after {last!r}, the last one "
                "recorded.",
                got=period,
                hint="a monitor with records of its own for another history: "
                "StabilityMonitor(records='other.jsonl')",
            )

    def _keep(
        self, period: str, counts: dict[str, Counts], found: ResultTable, shifts: ResultTable
    ) -> None:
        self.states_[period] = counts
        self.results_[period] = found
        if len(shifts):
            self.shifts_[period] = shifts

    def _require_same(self, period: str, counts: dict[str, Counts]) -> None:
        before = self.states_[period]
        unlike = [n for n, s in counts.items() if not same_counts(s, before[n])]
        if unlike:
            raise DataError(
                f"The period {period!r} is recorded with other counts.",
                got={"columns": and_list(unlike)},
                hint="records stay as they are; look at a corrected period under another name, "
                f"period='{period} corrected' after the last",
            )

    def _paired(self, counts: dict[str, Counts]) -> dict[str, Counts]:
        """Each column of the period beside its baseline, over the cells of both."""
        pairs = {}
        for name, current in counts.items():
            parts = [*self._baseline(name), current]
            labels = joint_labels(parts, self.encoders_[name])
            *before, now = (over(part, labels) for part in parts)
            base = before[0]
            for more in before[1:]:
                base = base + more
            if isinstance(base, ClusteredCounts) and base.members is None:
                raise UnsupportedError(
                    "The records hold no names, so nobody can say which clusters this period "
                    "shares with what it is compared with.",
                    got={"cluster": self.cluster},
                    hint="StabilityMonitor(..., records=path).fit(reference) takes the records up; "
                    "of other baselines, update it with the earlier periods once more",
                )
            pairs[name] = Counts.stack([base, now], ("reference", "current"))
        return pairs

    def _baseline(self, name: str) -> list[Counts]:
        reference, earlier = self.state_[name], [s[name] for s in self.states_.values()]
        if self.baseline == "reference" or not earlier:
            return [reference]
        return earlier[-1:] if self.baseline == "previous" else [reference, *earlier]

    def _assess(self, period: str, pairs: dict[str, Counts]) -> tuple[ResultTable, ResultTable]:
        """Stability of each column with its place among all looks, and the shifts of points."""
        psi = self.psi_
        thick = {
            name: without_thin(pair, ordered=not isinstance(self.encoders_[name], CategoryEncoder))
            for name, pair in pairs.items()
        }
        found = psi._infer(psi._treated(thick), FarTail(), self.level, None)
        if isinstance(found, Result):
            found = psi._tabulate({next(iter(pairs)): found})
        look = len(self.results_) + 1
        factor = looks(look) if self.sequential == "spending" else 1
        adjusted = found.adjusted[f"pvalue_{self.multiplicity}"]
        results = {
            name: self._placed(name, r, pairs[name], period, p, factor)
            for (name, r), p in zip(found.items(), adjusted, strict=True)
        }
        columns = dict(found.adjusted) | {
            "pvalue_sequential": [
                _nan(r.diagnostics["pvalue_sequential"]) for r in results.values()
            ]
        }
        meta = self._meta(self.policy_ | {"period": period, "look": look})
        table = ResultTable(results, adjusted=columns, meta=meta)
        moved = {
            name: shifted(name, pairs[name], self.points_, self.encoders_, "auto", self.level)
            for name in self.points_
            if name in pairs
        }
        return table, ResultTable(moved, meta=meta).adjust() if moved else ResultTable({})

    def _placed(
        self, name: str, r: Result, pair: Counts, period: str, adjusted: float, factor: int
    ) -> Result:
        p = min(1.0, factor * adjusted) if adjusted == adjusted else math.nan
        seen = bool(p <= self.alpha)
        facts = {
            "period": period,
            "baseline": self.baseline,
            "pvalue_sequential": p,
            "alpha_spent": self.alpha / factor,
            "shift_seen": seen,
            "alarm": seen and r.diagnostics["verdict"] != "stable",
        }
        return replace(r, diagnostics=r.diagnostics | jsonable(facts | self._oddities(name, pair)))

    def _oddities(self, name: str, pair: Counts) -> dict[str, Any]:
        """Shares that are missing in both samples, and of categories that the bins do not know."""
        labels = pair.cells or ()
        known = set(self.encoders_[name].labels)
        new = [k for k, label in enumerate(labels) if label not in known]
        return {
            "missing_share": pair.p[:, -1],
            "unseen_share": float(pair.p[1, new].sum()),
            "unseen": [labels[k] for k in sorted(new, key=lambda k: -pair.p[1, k])[:5]],
        }

    # -- records ----------------------------------------------------------------------------------

    def _started(self, psi: PSI) -> dict[str, Any]:
        """Learned attributes of a monitor that has seen no period."""
        encoders, points = psi.encoders_, self.points or {}
        names = sorted(encoders, key=lambda name: name != self.score)
        unknown = [name for name in points if name not in encoders]
        if unknown:
            raise DataError(
                "There are points for columns that are not watched.",
                got=and_list(unknown),
                hint=f"the columns are {and_list(names)}",
            )
        psi.encoders_ = {name: encoders[name] for name in names}
        psi.state_ = {name: psi.state_[name] for name in names}
        return {
            "psi_": psi,
            "encoders_": psi.encoders_,
            "state_": psi.state_,
            "points_": {n: points_of(n, x, encoders[n]) for n, x in points.items()},
            "policy_": jsonable({name: getattr(self, name) for name in _POLICY}),
            "results_": {},
            "shifts_": {},
            "states_": {},
            "head_": None,
        }

    def _become(self, learned: dict[str, Any]) -> None:
        for name, value in learned.items():
            setattr(self, name, value)

    def _meta(self, parameters: dict[str, Any]) -> dict[str, Any]:
        return {
            "infometric": __version__,
            "estimator": type(self).__name__,
            "parameters": parameters,
            "bins": {name: encoder.key for name, encoder in self.encoders_.items()},
        }

    def _opening(self, learned: dict[str, Any]) -> dict[str, Any]:
        """The first record: all that later ones are compared with."""
        psi = learned["psi_"]
        return {
            "policy": learned["policy_"],
            "encoders": {name: e.to_dict() for name, e in learned["encoders_"].items()},
            "counts": {name: s.to_dict() for name, s in learned["state_"].items()},
            "points": {name: x.tolist() for name, x in learned["points_"].items()},
            "categorical": self.categorical
            if isinstance(self.categorical, bool)
            else list(self.categorical),
            "single": psi.single_,
            "named": list(psi.feature_names_in_),
        }

    def _entry(
        self,
        period: str,
        counts: dict[str, Counts],
        pairs: dict[str, Counts],
        found: ResultTable,
        shifts: ResultTable,
    ) -> dict[str, Any]:
        """The record of a period; of clusters, counts beside the baseline, as pairs."""
        kept = counts if self.cluster is None else pairs
        return {
            "period": period,
            "pairs" if self.cluster else "counts": {n: s.to_dict() for n, s in kept.items()},
            **self._judged(found, shifts),
        }

    def _judged(self, found: ResultTable, shifts: ResultTable) -> dict[str, Any]:
        """What the counts of a period give: all of its record that can be worked out anew."""
        return {
            "bins": {name: encoder.key for name, encoder in self.encoders_.items()},
            "results": found.to_dict(),
            "shifts": shifts.to_dict(),
            "alarms": [name for name, r in found.items() if r.diagnostics["alarm"]],
        }

    @classmethod
    def _opened(cls, line: dict[str, Any], log: AuditLog) -> Self:
        """A fitted monitor from the first record."""
        encoders = {name: encoder_from_dict(e) for name, e in line["encoders"].items()}
        policy = line["policy"] | {"thresholds": tuple(line["policy"]["thresholds"])}
        monitor = cls(
            **policy,
            bins=encoders,
            categorical=line["categorical"],
            points=line["points"] or None,
            records=log,
        )
        psi = PSI(**{name: getattr(monitor, name) for name in _SHARED})
        psi.encoders_ = encoders
        psi.state_ = {name: state_from_dict(s) for name, s in line["counts"].items()}
        psi.single_ = line["single"]
        psi.feature_names_in_ = np.array(line["named"], dtype=object)
        psi.n_features_in_ = len(line["named"])
        monitor._become(monitor._started(psi))
        return monitor

    def _replay(self, line: dict[str, Any], number: int, path: Any) -> None:
        """Work a recorded period out anew, and keep what was recorded where it is the same."""
        period = line["period"]
        if self.cluster is None:
            counts = {name: state_from_dict(s) for name, s in line["counts"].items()}
            pairs = self._paired(counts)
        else:
            pairs = {name: state_from_dict(s) for name, s in line["pairs"].items()}
            counts = {n: trimmed(s.group(1), self.encoders_[n]) for n, s in pairs.items()}
        self._check_later(period, f"Line {number} of {path}: ")
        found, shifts = self._assess(period, pairs)
        stored = ResultTable.from_dict(line["results"])
        moved = ResultTable.from_dict(line["shifts"])
        mine = self._judged(found, shifts)
        where = difference(mine, {part: line[part] for part in mine}, beside=_VERSIONS)
        if where is not None:
            raise DataError(
                f"Line {number} of {path}: the counts of {period!r} do not give the results "
                "that stand beside them.",
                got=where,
                hint="take the file from the last backup whose head you know",
            )
        self._keep(period, counts, stored, moved)

    def _taken_up(self, log: AuditLog, started: dict[str, Any]) -> dict[str, Any]:
        """History of records that were begun with this reference and this policy."""
        old = type(self).from_records(log)
        unlike = [k for k, v in started["policy_"].items() if old.policy_[k] != v]
        names = [*old.encoders_, *started["encoders_"]]
        columns = [
            name
            for name in dict.fromkeys(names)
            if name not in old.state_
            or name not in started["state_"]
            or not same_counts(old.state_[name], started["state_"][name])
        ]
        points = {n: x.tolist() for n, x in started["points_"].items()}
        if points != {n: x.tolist() for n, x in old.points_.items()}:
            unlike.append("points")
        if unlike or columns:
            raise DataError(
                f"{log.path} was begun with another {'policy' if unlike else 'reference'}.",
                got={"parameters": unlike, "columns": and_list(columns)},
                hint="records='another.jsonl' begins anew, StabilityMonitor.from_records(path) "
                "goes on as it was",
            )
        return {name: getattr(old, name) for name in ("results_", "shifts_", "states_", "head_")}


def looks(t: int) -> int:
    """What a p-value of period t is multiplied by: the inverse of ``alpha_t / alpha``.

    Examples
    --------
    >>> round(sum(1 / looks(t) for t in range(1, 10_000)), 3)
    1.0
    """
    return t * (t + 1)


def _nan(value: float | None) -> float:
    return math.nan if value is None else value
