r"""Evidence about a binary target: weight of evidence per bin, information value per column.

With shares :math:`P_g` of the non-events ("goods") and :math:`P_b` of the events ("bads"),

.. math:: WoE_j = \log(P_{g,j} / P_{b,j}), \quad IV = \sum_j (P_{g,j} - P_{b,j})\, WoE_j,

.. math:: \mathrm{Var}(WoE_j) = 1/g_j - 1/N + 1/b_j - 1/M, \quad
   \mathrm{Cov}(WoE_i, WoE_j) = -(1/N + 1/M).

IV is the Jeffreys divergence of the two classes.

References
----------
Good, I. J. (1950). Probability and the weighing of evidence. Griffin.
Kullback, S. (1959). Information theory and statistics. Wiley.
Siddiqi, N. (2006). Credit risk scorecards. Wiley. doi:10.1002/9781119201731
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from numbers import Integral
from typing import Any, Self

import numpy as np
from scipy.special import ndtr
from sklearn.base import TransformerMixin, clone
from sklearn.utils.validation import check_is_fitted

from infometric.base import States
from infometric.credit.cells import (
    COMPARED,
    BinnedEstimator,
    EmptyPolicy,
    log_share_ratio,
    seen_columns,
    with_cells,
)
from infometric.credit.leakage import leak_caution
from infometric.credit.selection import (
    SELECTIONS,
    chosen_columns,
    in_sample,
    is_binning,
    refuse_test,
    selected,
    without_inference,
)
from infometric.credit.slices import Slices, evidence_by, slice_name
from infometric.credit.target import event_last
from infometric.credit.unseen import count_unknown, shown_counts
from infometric.exceptions import ColumnError, DataError, UnsupportedError, and_list
from infometric.functional.base import Caution
from infometric.inference import announce, check_level
from infometric.result import ConfidenceInterval, Result, ResultTable, jsonable
from infometric.sources.counting import Bins, Split, count_table, fit_columns, target_classes
from infometric.state.counts import Counts
from infometric.state.encoders import Binning, Column, Encoder
from infometric.state.folds import Folds
from infometric.typing import RNG, Array
from infometric.uncertainty.base import normal_interval
from infometric.validation import (
    FrameTable,
    Having,
    OneOf,
    Span,
    Table,
    check_lengths,
    check_paired,
)

MOST_COVARIED = 5_000  # cells: a matrix of 200 MB


class _Evidence(BinnedEstimator):
    """Counts of each column by class of a binary target."""

    _constraints = COMPARED

    def __init__(
        self,
        *,
        bins: Bins = 10,
        binning: Binning = "quantile",
        special: Sequence[float] = (),
        categorical: Sequence[str] | bool = (),
        columns: Sequence[str] | None = None,
        exclude: Sequence[str] = (),
        out_of_range: str = "open",
        constant: str = "raise",
        empty: EmptyPolicy = "half",
        event: Any = None,
        units: str = "nats",
        uncertainty: Any = "auto",
    ) -> None:
        self.bins = bins
        self.binning = binning
        self.special = special
        self.categorical = categorical
        self.columns = columns
        self.exclude = exclude
        self.out_of_range = out_of_range
        self.constant = constant
        self.empty = empty
        self.event = event
        self.units = units
        self.uncertainty = uncertainty

    def _split(self, X: Any, y: Any) -> tuple[Table, str | Column]:
        """Table, and the target as a column or its name."""
        table = self._open(X)
        if isinstance(y, str):
            table.require([y])
            return table, y
        if y is None:
            raise DataError(
                f"{type(self).__name__} requires y to be passed, but the target y is None.",
                hint="fit(X, y), or fit(frame, 'target')",
            )
        table.require_order("y")
        target = FrameTable(y, name="y")
        if len(target.names) != 1:
            raise DataError(
                "The target must be one column.",
                got={"columns": len(target.names)},
                hint="y[:, 0], or y['name'], to choose one",
            )
        check_lengths(X=range(table.n_rows), y=range(target.n_rows))
        check_paired(X, y)
        return table, target.column(target.names[0])

    def _learn(self, X: Any, y: Any, sample_weight: Any) -> dict[str, Any]:
        table, target = self._split(X, y)
        beside = [*Split(target, weight=sample_weight).names, *self._used_beside()]
        names = self._characteristics(table, beside)
        classes = target_classes(table, target, self.event)
        if self.event is None:
            classes = event_last(classes)
        return {
            "classes_": classes,
            "single_": table.one_dimensional,
            **seen_columns(table, beside),
            **self._celled(table, names, Split(target, classes, sample_weight)),
        }

    def _used_beside(self) -> list[str]:
        """Columns that are no characteristics, beside target and weight."""
        return []

    def _celled(self, table: Table, names: list[str], split: Split) -> dict[str, Any]:
        """Encoders and state of the characteristics."""
        encoders, state = fit_columns(table, names, self.bins, self._spec(), split)
        return {"encoders_": encoders, "state_": state}

    def test(self, X: Any = None, y: Any = None, *, method: str = "auto", rng: RNG = None) -> Any:
        """Test of "nothing there": a result with its p-value and no interval.

        Raises
        ------
        UnsupportedError
            Where the bins were chosen with the target on the same rows.
        """
        check_is_fitted(self, "state_")
        state = self.state_ if X is None else self._count(X, y, None)
        refuse_test(chosen_columns(self.encoders_, state))
        return super().test(X, y, method=method, rng=rng)

    def _count(self, X: Any, y: Any, sample_weight: Any) -> States:
        table, target = self._split(X, y)
        table.require_width(self.n_features_in_, type(self).__name__)
        encoders = self.encoders_
        names = [n for n in table.names if n != target]
        if self.single_ and len(names) == 1:
            (encoder,) = encoders.values()
            encoders = {names[0]: encoder}
        found = count_table(table, encoders, Split(target, self.classes_, sample_weight))
        return dict(zip(self.encoders_, found.values(), strict=True))

    def _compared(self, state: States) -> States:
        return self._treated(state)  # type: ignore[arg-type]

    def _sliced(self, X: Any, y: Any, by: str, sample_weight: Any) -> Slices:
        pairs, order = evidence_by(self, X, y, by, sample_weight)
        for name, encoder in self.encoders_.items():
            parts = [pairs[slice_name(name, value)] for value in order]
            if in_sample(
                encoder, replace(parts[0], table=np.sum([part.table for part in parts], axis=0))
            ):
                raise UnsupportedError(
                    f"The slices by {by!r} are the rows on which the bins of {name!r} were chosen: "
                    "each would look more telling than it is.",
                    hint="fit on the rows before, then estimate(X_later, y_later, by="
                    f"{by!r}); or bins chosen without the target: bins=10",
                )
        return pairs, order

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags

        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.classifier_tags = ClassifierTags(multi_class=False)
        return tags


class InformationValue(_Evidence):
    """Information value of each column about a binary target.

    Parameters
    ----------
    bins : int, list of float, Encoder, mapping or binning, default 10
        Number of quantile bins, inner edges, a fitted encoder, or one per column. An unfitted
        `OptimalBinning` or `StumpBinning` chooses bins with the target, as `selection` says.
    binning : {"quantile", "uniform"}
        How a number of bins becomes edges.
    special : list of float
        Codes with a cell of their own.
    categorical : list of str or bool
        Columns whose numbers are categories; True for all.
    columns : list of str, optional
        Columns to estimate; all but the target by default.
    exclude : list of str
        Columns to leave out.
    out_of_range : {"open", "cell"}
        Whether values beyond the range seen in fit get cells of their own.
    constant : {"raise", "keep"}
        What becomes of a column with one value.
    empty : {"half", "raise", "merge", "drop"}
        What becomes of a cell that one class left empty.
    event : optional
        Class of the target that counts as the event. By default the one of two texts that names
        it ("bad", "default", "yes"), else the greater one. It turns the sign of WoE, not IV.
    selection : {"cross_fit", "split", "in_sample"}
        What becomes of bins chosen with the target: every fold counted with bins of the others;
        bins of one half and counts of the other; or the optimistic value of the rows that chose
        them, without interval or p-value.
    folds : int or str, default 5
        Number of folds of ``"cross_fit"``, or the column that names the fold of each row: the same
        fold for all rows of a customer keeps them together, and a warehouse, whose rows have no
        order, needs one.
    random_state : int, Generator or None, default 0
        Source of the assignment of rows to folds.
    units : {"nats", "bits", "bans"}
        Units of the result.
    uncertainty : str or Uncertainty
        "auto" is the noncentral chi-square interval; "paper" the published formula.

    Attributes
    ----------
    classes_ : tuple
        Non-event and event.
    encoders_ : dict of str to Encoder
        Cells of each column, frozen.
    state_ : dict of str to Counts or Folds
        Counts of each column by class.
    binned_ : dict of str to Counts
        Where bins were chosen with the target: all rows over the bins of `encoders_`.

    Examples
    --------
    >>> import numpy as np
    >>> from infometric import InformationValue
    >>> rng = np.random.default_rng(0)
    >>> y = rng.random(4000) < 0.2
    >>> print(InformationValue().fit(rng.normal(size=4000) + y, y).estimate())
    information_value = 0.8398 nats, 95% CI [0.6881, 0.9779], p < 1e-16, n = 3167 + 833
    """

    _constraints = COMPARED | {
        "bins": (*COMPARED["bins"], Having("coarsened", "a binning")),
        "selection": (OneOf(SELECTIONS),),
        "folds": (Span(Integral, 2), Having("isidentifier", "the name of a column")),
    }

    def __init__(
        self,
        *,
        bins: Any = 10,
        binning: Binning = "quantile",
        special: Sequence[float] = (),
        categorical: Sequence[str] | bool = (),
        columns: Sequence[str] | None = None,
        exclude: Sequence[str] = (),
        out_of_range: str = "open",
        constant: str = "raise",
        empty: EmptyPolicy = "half",
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
            units=units,
            uncertainty=uncertainty,
        )
        self.selection = selection
        self.folds = folds
        self.random_state = random_state

    def _used_beside(self) -> list[str]:
        return [self.folds] if isinstance(self.folds, str) and is_binning(self.bins) else []

    def _celled(self, table: Table, names: list[str], split: Split) -> dict[str, Any]:
        if not is_binning(self.bins):
            return super()._celled(table, names, split)
        binning = clone(self.bins)
        for own in ("special", "categorical", "constant"):  # what was said here holds there
            if getattr(self, own) not in ((), "raise"):
                binning.set_params(**{own: getattr(self, own)})
        return selected(
            table,
            names,
            split.target,
            split.classes or (),
            split.weight,
            binning,
            selection=self.selection,
            folds=self.folds,
            rng=self.random_state,
        )

    def partial_fit(self, X: Any, y: Any = None, *, sample_weight: Any = None) -> Self:
        """Add data to what `fit` saw, with the bins as learned.

        Raises
        ------
        UnsupportedError
            Where the fit is cross-fitted: its folds belong to the rows that chose the bins.
        """
        if hasattr(self, "binned_"):
            raise UnsupportedError(
                "The folds of bins chosen with the target take no further rows.",
                hint="fit all rows together, or estimate(X_new, y_new) with the bins as they are",
            )
        return super().partial_fit(X, y, sample_weight=sample_weight)

    def _measure(self) -> str:
        return "information_value"

    def _finish(self, name: str, result: Result, state: Any) -> Result:
        good, bad = map(str, self.classes_)
        if isinstance(state, Folds):
            told = {"selection": self.selection, "key": self.encoders_[self._own(name)].key}
            texts: tuple[str, ...] = ()
            if self._own(name) in self.leaks_:
                texts = announce((leak_caution(self.leaks_[self._own(name)]),), name or None)
            result = replace(
                result,
                diagnostics=result.diagnostics | told,
                warnings=(*result.warnings, *texts),
            )
            return with_cells(result, self.binned_[self._own(name)], (good, bad))
        result = with_cells(result, state, (good, bad))
        encoder = self.encoders_.get(self._own(name))
        if encoder is not None and in_sample(encoder, state):
            return without_inference(result, name or None)
        return result

    def _own(self, name: str) -> str:
        """Column of a result."""
        return name or next(iter(self.encoders_))

    def _tabulate(self, results: dict[str, Result]) -> ResultTable:
        return super()._tabulate(results).adjust()


class WeightOfEvidence(TransformerMixin, _Evidence):
    """Weight of evidence of each bin, as a transformer with standard errors.

    ``transform`` replaces every value by the WoE of its cell: the missing cell and cells of
    special codes and unseen categories have the WoE of their own counts. A cell without any
    record in `fit` carries no evidence: its WoE is zero.

    Parameters
    ----------
    bins, binning, special, categorical, columns, exclude, out_of_range, constant, empty, event, \
    units, uncertainty
        As in `InformationValue`.

    Attributes
    ----------
    woe_ : dict of str to ndarray of shape (n_cells,)
        WoE of each cell in nats: log share of non-events over share of events.
    se_ : dict of str to ndarray of shape (n_cells,)
        Standard errors; NaN for cells without records.

    Examples
    --------
    >>> import numpy as np
    >>> from infometric import WeightOfEvidence
    >>> x = np.array([0, 0, 0, 1, 1, 1, 1, 0]); y = np.array([0, 0, 1, 1, 1, 0, 1, 0])
    >>> woe = WeightOfEvidence(bins=[1]).fit(x.reshape(-1, 1), y)
    >>> woe.transform([[0], [1]]).round(3).ravel().tolist()
    [1.099, -1.099]
    """

    _constraints = COMPARED | {"empty": (OneOf(("half", "raise")),)}

    @property
    def woe_(self) -> dict[str, Array]:
        """WoE of each cell."""
        check_is_fitted(self, "state_")
        return {name: log_share_ratio(s.with_half()) for name, s in self.state_.items()}

    @property
    def se_(self) -> dict[str, Array]:
        """Standard error of each WoE."""
        check_is_fitted(self, "state_")
        return {name: woe_error(s) for name, s in self.state_.items()}

    def covariance(self, name: str) -> Array:
        """Covariance of the WoE of the cells of one column, shape (n_cells, n_cells).

        Raises
        ------
        ColumnError
            Where `fit` saw no such column.
        DataError
            Where the column has too many cells for a matrix of their pairs.
        """
        check_is_fitted(self, "state_")
        if name not in self.state_:
            raise ColumnError.missing(name, self.state_, where="what fit saw")
        s = self.state_[name]
        if s.n_cells > MOST_COVARIED:
            raise DataError(
                f"Column {name!r} has too many cells for the covariance of each with each.",
                got=s.n_cells,
                hint=f"se_[{name!r}] for their standard errors",
            )
        return woe_covariance(s)

    def transform(self, X: Any) -> Array:
        """WoE of each value, shape (n_rows, n_columns)."""
        check_is_fitted(self, "state_")
        return self._mapped(X, self.woe_)

    def _mapped(self, X: Any, values: dict[str, Array]) -> Array:
        """Value of the cell of each value; says where a cell has no record in `fit`."""
        table = self._reopen(X)
        table.require_order("WoE", "transform its rows in the engine: Scorecard.to_sql()")
        names = list(table.names) if self.single_ else list(self.encoders_)
        table.require(names)
        columns = []
        for name, given in zip(self.encoders_, names, strict=True):
            column = table.column(given)
            encoder = self.encoders_[name]
            cells = encoder.encode(column)
            announce(unseen_cautions(column, cells, encoder, self.state_[name]), name)
            columns.append(values[name][cells])
        return np.column_stack(columns)

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """Names of the columns of `transform`: those of the columns it replaces."""
        check_is_fitted(self, "state_")
        return np.array(list(self.encoders_), dtype=object)

    def _infer(self, state: Any, strategy: Any, level: float, rng: RNG) -> ResultTable:
        check_level(level)
        names = (str(self.classes_[0]), str(self.classes_[1]))
        results: dict[str, Result] = {}
        for name, s in self._treated(state).items():
            prefix = "" if self.single_ else f"{name}: "
            texts = announce(woe_cautions(s), name)
            chosen = name in self.encoders_ and in_sample(self.encoders_[name], s)
            if chosen:
                texts += announce((Caution("ReliabilityWarning", CHOSEN),), name)
            for label, result in woe_results(s, level, names).items():
                result = replace(result.to(self.units), warnings=texts)
                results[prefix + label] = replace(result, pvalue=np.nan) if chosen else result
        return self._tabulate(results)


CHOSEN = (
    "in-sample: the bins were chosen with this target on these rows, so the evidence of the "
    "outer bins is optimistic and has no p-value; estimate(X_new, y_new) is honest"
)


def unseen_cautions(
    column: Column, cells: Array, encoder: Encoder, s: Counts
) -> tuple[Caution, ...]:
    """Say where values fall into cells without any record in `fit`: they carry no evidence."""
    found = count_unknown(column, cells, encoder, ~s.occupied)
    if not found:
        return ()
    labels = [encoder.labels[k] for k in np.unique(cells) if not s.occupied[k]]
    text = (
        f"{sum(found.values())} value(s) in cells without a record in fit "
        f"({and_list(labels, limit=3)}): {shown_counts(found)}; such a cell carries no evidence"
    )
    return (Caution("UnseenWarning", text),)


def woe_cautions(s: Counts) -> tuple[Caution, ...]:
    """Say where a class left a cell empty, and half a record went into every cell."""
    empty = int(((s.table == 0) & s.occupied[..., None, :]).sum())
    if not empty:
        return ()
    text = (
        f"{empty} cell(s) empty in one class: 0.5 was added to every occupied cell; the evidence "
        "of such a cell is only known to be large"
    )
    return (Caution("SparseCellWarning", text),)


def woe_covariance(s: Counts) -> Array:
    """Covariance of log(p_k / q_k) over cells: the multinomial's, by the delta method.

    Examples
    --------
    >>> from infometric import Counts
    >>> woe_covariance(Counts.from_counts([[50, 50], [20, 80]])).round(4).tolist()
    [[0.05, -0.02], [-0.02, 0.0125]]
    """
    own, shared, common = _woe_parts(s)
    out: Array = (common[..., None, None] - shared[..., :, None] - shared[..., None, :]).sum(-3)
    cells = np.arange(s.n_cells)
    out[..., cells, cells] += own.sum(-2)
    return out


def woe_error(s: Counts) -> Array:
    """Standard errors: the root of the diagonal of `woe_covariance`, without the matrix."""
    own, shared, common = _woe_parts(s)
    return np.sqrt((own - 2 * shared + common[..., None]).sum(-2))


def _woe_parts(s: Counts) -> tuple[Array, Array, Array]:
    """The three parts of the covariance of each group, with W the sum of its weights w.

    ``w2_k / w_k^2`` on the diagonal, less ``w2_k / (w_k W)`` of row and column, and
    ``sum w2 / W^2``.
    """
    s = s.with_half()
    mean_weight = np.divide(s.second, s.table, out=np.full(s.table.shape, np.nan),
                            where=s.table > 0)  # fmt: skip
    with np.errstate(divide="ignore", invalid="ignore"):
        own = mean_weight / s.table
    return own, mean_weight / s.n[..., None], s.second.sum(-1) / s.n**2


def woe_results(s: Counts, level: float, groups: tuple[str, str]) -> dict[str, Result]:
    """WoE of each occupied cell with Wald's interval and the test of no evidence."""
    woe = log_share_ratio(s.with_half())
    se = woe_error(s)
    low, high = normal_interval(woe, se, level)
    labels = s.cells or tuple(map(str, range(s.n_cells)))
    found = {}
    for k in np.flatnonzero(s.occupied):
        z = abs(woe[k]) / se[k] if se[k] > 0 else 0.0
        found[labels[k]] = Result(
            measure="weight_of_evidence",
            value=float(woe[k]),
            se=float(se[k]),
            ci=ConfidenceInterval(float(low[k]), float(high[k])),
            level=level,
            units="nats",
            n=tuple(s.table[:, k].tolist()),
            method="delta",
            pvalue=float(2 * ndtr(-z)),
            diagnostics=jsonable({"groups": groups, "cell": labels[k], "key": s.key}),
        )
    return found
