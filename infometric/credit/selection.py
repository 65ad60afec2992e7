"""Selection effects: bins that were chosen with the target, and what may be said with them.

Bins chosen on the rows they are evaluated on reject up to 95 of 100 characteristics that say
nothing. Three ways keep that apart: every fold counted with bins of the other folds
(``"cross_fit"``), bins of one half and counts of the other (``"split"``), or the value alone
(``"in_sample"``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.special import chdtr
from sklearn.base import clone

from infometric.credit.leakage import leaks_of
from infometric.credit.slices import crossed_split, slicing_column
from infometric.exceptions import DataError, UnsupportedError
from infometric.functional.base import Caution
from infometric.functional.information import PearsonChiSquare
from infometric.inference import announce, generator_of
from infometric.result import ConfidenceInterval, Result
from infometric.sources.counting import Split, fit_columns
from infometric.state.counts import Counts
from infometric.state.encoders import Column, Encoder
from infometric.state.folds import Folds
from infometric.typing import RNG, Array
from infometric.validation import Table, class_rows

SELECTIONS = ("cross_fit", "split", "in_sample")
TOO_ALIKE = 1e-6  # chance that other rows agree as well
OPTIMISTIC = (
    "in-sample: the bins were chosen with this target on these rows, so the value is optimistic "
    "and neither interval nor p-value is known; bins=OptimalBinning() unfitted is cross-fitted, "
    "and estimate(X_new, y_new) is honest"
)


def records_of(s: Counts) -> Array:
    """Counts in effective records, shape (n_groups, n_cells): a weight of two is no second row."""
    return s.table if s.squares is None else s.table * (s.n_eff / s.n)[:, None]


def in_sample(encoder: Encoder, s: Any) -> bool:
    """Whether the cells were chosen with the target on the rows that are counted here.

    The counts they were chosen on are known. Counts that are nearer to them than those of other
    rows could be by chance are of the same rows, also where some are lost, weighed or turned round.
    """
    chosen = getattr(encoder, "learned", {}).get("chosen_on")
    if chosen is None or not isinstance(s, Counts):
        return False
    old, new = np.asarray(chosen, dtype=float), records_of(s)
    if old.shape != new.shape:
        return False
    return any(_too_alike(old, part) for part in (new, new[::-1]))


def _too_alike(old: Array, new: Array) -> bool:
    """Whether two tables agree better, class by class, than independent samples do."""
    distance, df = 0.0, 0
    for pair in np.stack([old, new], axis=1):
        s = Counts(pair, (pair.shape[-1],))
        distance += float(PearsonChiSquare().value(s))
        df += max(int(s.occupied.sum()) - 1, 0)
    return df > 0 and float(chdtr(df, distance)) < TOO_ALIKE


def chosen_columns(encoders: Mapping[str, Encoder], state: Any) -> list[str]:
    """Columns whose cells were chosen on the rows that the state counts."""
    return [name for name, s in state.items() if name in encoders and in_sample(encoders[name], s)]


def without_inference(result: Result, column: str | None) -> Result:
    """The value alone, labelled as optimistic."""
    texts = announce((Caution("ReliabilityWarning", OPTIMISTIC),), column)
    nan = math.nan
    told = {"selection": "in_sample", "reliable": False, "reasons": [OPTIMISTIC]}
    return replace(
        result,
        se=nan,
        ci=ConfidenceInterval(nan, nan),
        pvalue=nan,
        method="in-sample",
        replicates=None,
        diagnostics=result.diagnostics | told,
        warnings=(*result.warnings, *texts),
    )


def refuse_test(names: list[str]) -> None:
    """Error for a test of bins on the rows that they were chosen on."""
    if names:
        raise UnsupportedError(
            f"The bins of {', '.join(map(repr, names[:3]))} were chosen with this target on these "
            "rows: such a p-value rejects up to 95 of 100 characteristics that say nothing.",
            hint="InformationValue(bins=OptimalBinning()).fit(X, y).test(), which is cross-fitted, "
            "or test(X_new, y_new)",
        )


def is_binning(bins: Any) -> bool:
    """Whether these are bins still to be chosen with the target."""
    return hasattr(bins, "coarsened") and not hasattr(bins, "encoders_")


def selected(
    table: Table,
    names: list[str],
    target: Any,
    classes: tuple[Any, ...],
    weight: Any,
    binning: Any,
    *,
    selection: str,
    folds: int | str,
    rng: RNG,
) -> dict[str, Any]:
    """Bins of each column, the state that speaks of them, and their counts over all rows.

    One pass counts fine cells by class and fold; bins are chosen from sums of these tables.

    Parameters
    ----------
    table : Table
        The data.
    names : list of str
        Characteristics.
    target : str or Column
        Target, or the name of its column.
    classes : tuple of two
        Non-event and event.
    weight : str or array-like, optional
        Record weights.
    binning : SupervisedBinning
        How bins are chosen.
    selection : {"cross_fit", "split", "in_sample"}
        What keeps the choice and the evaluation apart.
    folds : int or str
        Number of folds of ``"cross_fit"`` (``"split"`` has two), or the column that names them.
    rng : int, Generator or None
        Source of the assignment of rows to folds.

    Returns
    -------
    dict
        ``encoders_``: bins of all rows (of the first half where that chose them); ``state_``: what
        an estimate is made from; ``binned_``: all rows over these bins; ``leaks_``: columns with a
        large fine cell of one class.
    """
    binning = clone(binning)
    binning._check()
    if getattr(binning, "joint", False):
        raise UnsupportedError(
            "Cuts of all columns jointly come from rows, and folds are made of counts.",
            hint="StumpBinning(joint=False); or fit it on one part of the rows, and "
            "InformationValue(bins=fitted) on the other",
        )
    binning._check_trends(names)
    split, parts = _fold_split(table, target, classes, weight, selection, folds, rng)
    fine, counts = fit_columns(table, names, binning.prebins, binning._spec(), split)
    encoders: dict[str, Encoder] = {}
    state: dict[str, Any] = {}
    whole: dict[str, Counts] = {}
    leaks: dict[str, str] = {}
    labels = (str(classes[0]), str(classes[1]))
    for name in names:
        each = [_pair(counts[name], f, labels) for f in range(parts)]
        total = _joined(each)
        leaks |= leaks_of(fine, {name: total})
        if selection == "split":
            coarse = binning.coarsened(name, fine[name], each[0])
            state[name] = Folds((coarse.counts(each[1]),))
            encoders[name] = marked(coarse.encoder, coarse.counts(each[0]))
        else:
            coarse = binning.coarsened(name, fine[name], total)
            encoders[name] = marked(coarse.encoder, coarse.counts(total))
            state[name] = (
                _crossed(binning, name, fine[name], each, total)
                if selection == "cross_fit"
                else coarse.counts(total)
            )
        whole[name] = coarse.counts(total)
    return {"encoders_": encoders, "state_": state, "binned_": whole, "leaks_": leaks}


def _fold_split(
    table: Table,
    target: Any,
    classes: tuple[Any, ...],
    weight: Any,
    selection: str,
    folds: int | str,
    rng: RNG,
) -> tuple[Split, int]:
    """Groups ``2 * fold + class`` of the rows, and the number of folds."""
    if isinstance(folds, str):
        _, order = slicing_column(table, folds)
        if len(order) < 2 or (selection == "split" and len(order) != 2):
            raise DataError(
                f"The column of folds {folds!r} has {len(order)} distinct value(s).",
                got=list(order)[:5],
                hint="folds=5, or a column with two values for a split and more for cross-fitting",
            )
        return crossed_split(table, target, classes, folds, order, weight), len(order)
    if selection == "in_sample":
        return Split(target, classes, weight), 1
    table.require_order("folds")
    parts = folds if selection == "cross_fit" else 2
    column = table.column(target) if isinstance(target, str) else target
    codes = _fold_codes(column, classes, parts, generator_of(rng))
    groups = tuple(range(2 * parts))
    return Split(Column("fold", codes, None, groups), groups, weight), parts


def marked(encoder: Any, s: Counts) -> Any:
    """The encoder with the counts that its cells were chosen on."""
    chosen = np.round(records_of(s), 6).tolist()
    return replace(encoder, learned=dict(encoder.learned) | {"chosen_on": chosen})


def _crossed(binning: Any, name: str, fine: Encoder, each: list[Counts], total: Counts) -> Folds:
    """Each fold over the bins that the others chose."""
    out = []
    for part in each:
        others = replace(
            total,
            table=total.table - part.table,
            squares=None if total.squares is None else total.squares - part.second,
        )
        out.append(binning.coarsened(name, fine, others).counts(part))
    return Folds(tuple(out))


def _fold_codes(
    column: Column, classes: tuple[Any, ...], parts: int, rng: np.random.Generator
) -> Array:
    """Code 2 * fold + class of each row; both classes spread evenly over the folds."""
    codes = np.zeros(len(column.values), dtype=np.int64)
    rows = class_rows(column, classes)
    for k, own in enumerate(rows):
        if len(own) < parts:
            raise DataError(
                f"Bins and counts from {parts} parts need as many rows of each class.",
                got={str(c): len(r) for c, r in zip(classes, rows, strict=True)},
                hint="folds=2, or bins chosen without the target: bins=10",
            )
        codes[own] = 2 * (rng.permutation(len(own)) % parts) + k
    return codes


def _pair(s: Counts, f: int, labels: tuple[str, str]) -> Counts:
    """Both classes of one fold."""
    rows = [2 * f, 2 * f + 1]
    squares = None if s.squares is None else s.squares[rows]
    return Counts(s.table[rows], s.shape, squares, s.key, s.cells, labels)


def _joined(parts: list[Counts]) -> Counts:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total
