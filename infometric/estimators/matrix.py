"""Mutual information of every pair of columns of a wide table, and of every column with one.

Each column becomes small codes once (`infometric.state.codes`), all pairs are counted together
(`infometric.state.pairs`), and values, intervals and tests run on batches of tables.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from scipy.special import entr

from infometric.base import table_meta
from infometric.estimators.continuous import COUNTS, is_class, numbers
from infometric.estimators.dependence import MOST_CELLS
from infometric.estimators.dependence import MutualInformation as Estimator
from infometric.estimators.discrete import bins_of, encoder_of, require_bins
from infometric.exceptions import DataError, InvalidParameterError, Shown, and_list
from infometric.functional.base import Caution
from infometric.functional.information import MutualInformation, is_function
from infometric.inference import announce, check_level, generator_of, infer, resolve, with_pvalue
from infometric.pairwise import (
    CAUTIONS,
    CONSTANT,
    FUNCTION,
    OUTSIDE,
    SPARSE,
    THIN,
    PairwiseResult,
    benjamini_hochberg,
)
from infometric.result import ResultTable, check_units
from infometric.sources import open_table
from infometric.sources.progress import tell
from infometric.sources.refusals import Refusals
from infometric.state.codes import compacted, integer_codes, number_codes
from infometric.state.counts import Counts
from infometric.state.encoders import CategoryEncoder, Column
from infometric.state.pairs import Engine, Progress, pair_tables
from infometric.typing import RNG, Array
from infometric.validation import Table, as_cells, check_lengths, check_paired

_FUNCTIONAL = MutualInformation()
_CATEGORY = {
    CONSTANT: "DegenerateWarning",
    THIN: "SparseCellWarning",
    FUNCTION: "DegenerateWarning",
    SPARSE: "SparseCellWarning",
}


def pairwise_information(
    frame: Any,
    *,
    bins: Any = None,
    columns: Sequence[str] | None = None,
    exclude: Sequence[str] = (),
    level: float = 0.95,
    units: str = "nats",
    engine: Engine = "auto",
    progress: Progress | None = None,
) -> PairwiseResult:
    """Mutual information of all pairs of columns; see `mutual_information_matrix`."""
    check_level(level)
    check_units(units)
    table = open_table(frame)
    for given in (columns, exclude):
        if isinstance(given, str) or not (given is None or isinstance(given, Iterable)):
            raise InvalidParameterError(
                "Columns are named by a list.", got=given, hint=f"columns=[{given!r}]"
            )
    table.require(exclude)
    require_bins(bins, table.names)
    if columns is not None or exclude:
        chosen = table.names if columns is None else columns
        table = table.select([name for name in chosen if name not in exclude])
    table.require_rows()
    if len(table.names) < 2:
        raise DataError(
            "Pairs need two columns or more.",
            got=list(table.names),
            hint="mutual_information_matrix(frame) of a table, mutual_information(x, y) of a pair",
        )
    codes, sizes = table_codes(table, bins)
    refuse_large(table.names, sizes)
    pairs, entropy = _Pairs(len(sizes)), np.zeros(len(sizes))
    for i, j, tables in pair_tables(codes, sizes, engine=engine, progress=progress or tell):
        count, a, b = tables.shape
        pairs.add(i, j, Counts(tables.reshape(count, 1, a * b), (a, b)), level)
        for k, axis in ((i, 2), (j, 1)):
            entropy[k] = entr(tables.sum(axis) / table.n_rows).sum(-1)
    found = pairs.finished()
    cautions = gathered(table.names, sizes, found)
    result = PairwiseResult(
        _FUNCTIONAL.name,
        table.names,
        entropy,
        np.array(sizes),
        found,
        table.n_rows,
        "nats",
        float(level),
        tuple(c.text for c in cautions),
    )
    announce(cautions)
    return result.to(units)


def scored_columns(
    X: Any,
    y: Any,
    *,
    bins: Any = None,
    estimator: Any = "auto",
    n_neighbors: int | None = None,
    method: Any = "auto",
    level: float = 0.95,
    units: str = "nats",
    rng: RNG = None,
) -> ResultTable:
    """Mutual information of each column with a target; see `score_features`."""
    check_paired(X, y)
    table = open_table(X)
    if isinstance(y, str):
        table.require([y])
        target, table = table.column(y), table.without(y)
    else:
        target = next(iter(_columns(open_table(y, name="y"))))
    table.require_rows()
    check_lengths(x=np.broadcast_to(0, table.n_rows), y=target.values)
    require_bins(bins, (*table.names, target.name))
    if bins is None and estimator != COUNTS and target.numeric and not is_class(target):
        numbers(target)  # what is wrong with the target is wrong with every column
    if bins is not None or is_class(target):
        target = as_cells(target, bins)  # its distinct values are looked for once
    options = {"estimator": estimator, "n_neighbors": n_neighbors, "units": units}
    results, refusals, generator = {}, Refusals(table.names), generator_of(rng)
    for name in table.names:
        with refusals.of(name):
            shell = Estimator(bins=bins_of(bins, (name, target.name)), **options)
            state = shell.fit(table.column(name), target).state_
            results[name] = infer(
                shell._functional(), state, method, level=level, units=units, rng=generator,
                column=name,
            )  # fmt: skip
    refusals.settle()
    meta = table_meta(Estimator(bins=bins, **options))  # of none fitted: it has all encoders
    meta["columns"] = list(table.names)
    return ResultTable(results, meta=meta).adjust().sort()


def _columns(table: Table) -> list[Column]:
    """The only column of a table."""
    table.require_rows()
    if len(table.names) != 1:
        raise DataError(
            "The target is one column.", got=list(table.names), hint="y=frame['target']"
        )
    return [table.column(table.names[0])]


# --- columns as codes -------------------------------------------------------------------------


def table_codes(table: Table, bins: Any) -> tuple[list[Array], list[int]]:
    """Codes of every column, and the number of cells of each that hold a record."""
    found: dict[str, tuple[Array, int]] = {}
    whole = table.integers() if bins is None else None
    if whole is not None:
        codes, sizes = integer_codes(whole)
        for name, row, size in zip(table.names, codes, sizes.tolist(), strict=True):
            if size:
                found[name] = compacted(row, size)
    refusals = Refusals(table.names)
    for name in table.names:
        if name not in found:
            with refusals.of(name):
                found[name] = column_codes(table.column(name), bins)
    refusals.settle()
    lengths = {name: len(found[name][0]) for name in table.names}
    return [found[n][0] for n in lengths], [found[n][1] for n in lengths]


def column_codes(column: Column, bins: Any) -> tuple[Array, int]:
    """Codes of one column: the cells it has in `mutual_information`, but for their order."""
    if bins is None and column.numeric:
        found = number_codes(column)
        if found is not None:
            return found
    column = as_cells(column, bins)
    encoder = encoder_of([column], bins)
    if isinstance(encoder, CategoryEncoder) and not column.numeric:
        levels = column.levels or ()
        alone = encoder.n_known == len(encoder.categories)
        if alone and set(levels) <= set(encoder.categories):  # every level is a cell: no mapping
            gone = bool(column.values.size) and int(column.values.min()) < 0
            return compacted(column.values + gone, len(levels) + gone)
    return compacted(encoder.encode(column), encoder.n_cells)


def refuse_large(names: Sequence[str], sizes: Sequence[int]) -> None:
    """Error where the table of a pair would have too many cells, naming the widest columns."""
    order = np.argsort(sizes)[::-1]
    widest = [names[k] for k in order]
    if sizes[order[0]] * sizes[order[1]] <= MOST_CELLS:
        return
    limit = MOST_CELLS // sizes[order[1]]
    wide = [names[k] for k in order if sizes[k] > limit] or widest[:1]
    shape = f"{sizes[order[0]]} x {sizes[order[1]]}"
    raise DataError(
        f"{widest[0]!r} and {widest[1]!r} together have too many cells for one table.",
        got=Shown(shape),
        hint=f"leave out {and_list(wide)}, or bins=10 where they are numbers",
    )


# --- pairs in batches -------------------------------------------------------------------------


class _Pairs:
    """Estimates of all pairs, filled in batch by batch, in nats."""

    def __init__(self, size: int) -> None:
        self.size = size
        count = size * (size - 1) // 2
        names = ("value", "se", "ci_low", "ci_high", "pvalue", "corrected", "null_df")
        self.columns: dict[str, Array] = {name: np.full(count, np.nan) for name in names}
        self.columns["method"] = np.full(count, "", dtype="U24")
        self.columns["caution"] = np.zeros(count, dtype=np.int8)

    def add(self, i: Array, j: Array, s: Counts, level: float) -> None:
        """Infer on a batch of tables: those alike in interval and in test together."""
        at = i * (2 * self.size - i - 1) // 2 + j - i - 1
        function = is_function(s)
        wald = function & _FUNCTIONAL.interval_holds(s)
        kind = 2 * wald + np.broadcast_to(_FUNCTIONAL.null_holds(s), wald.shape)
        for one in np.unique(kind):
            rows = kind == one
            part = s if rows.all() else Counts(s.table[rows], s.shape)
            self._infer(at[rows], part, function[rows], level)

    def _infer(self, at: Array, s: Counts, function: Array, level: float) -> None:
        strategy = resolve("auto", _FUNCTIONAL, s)
        theta = _FUNCTIONAL.value(s)
        found = strategy(_FUNCTIONAL, s, theta, level=level)
        found = with_pvalue(found, _FUNCTIONAL, s, theta)
        null = _FUNCTIONAL.null(s)
        filled: dict[str, Any] = {
            "value": theta,
            "se": found.se,
            "ci_low": found.low,
            "ci_high": found.high,
            "pvalue": found.pvalue,
            "corrected": theta - _FUNCTIONAL.bias(s),
            "null_df": null.df,
            "method": found.method,
            "caution": self._cautions(s, null.df, function, np.isnan(found.low)),
        }
        for name, values in filled.items():
            self.columns[name][at] = values

    @staticmethod
    def _cautions(s: Counts, df: Array, function: Array, unknown: Array) -> Array:
        """What each pair lacks, the gravest first."""
        sparse = ~_FUNCTIONAL.null_holds(s)
        return np.select(
            [df == 0, unknown, function, sparse], [CONSTANT, THIN, FUNCTION, SPARSE], 0
        )

    def finished(self) -> dict[str, Array]:
        """Estimates with p-values adjusted for their number."""
        adjusted = {"pvalue_bh": benjamini_hochberg(self.columns["pvalue"])}
        first = ("value", "se", "ci_low", "ci_high", "pvalue")
        return {k: (self.columns | adjusted)[k] for k in (*first, *adjusted)} | self.columns


def gathered(
    names: Sequence[str], sizes: Sequence[int], found: dict[str, Array]
) -> tuple[Caution, ...]:
    """One caution for all pairs that lack the same."""
    out = []
    total = len(found["value"])
    counts = np.bincount(found["caution"], minlength=len(CAUTIONS))
    constant = [name for name, size in zip(names, sizes, strict=True) if size == 1]
    if constant:
        text = f"{and_list(constant)}: one value, so there is nothing to share and no interval"
        out.append(Caution(_CATEGORY[CONSTANT], text))
    for kind in (THIN, FUNCTION, SPARSE):
        if counts[kind]:
            text = f"{counts[kind]:,} of {total:,} pairs: {CAUTIONS[kind]}"
            out.append(Caution(_CATEGORY[kind], text))
    with np.errstate(invalid="ignore"):
        outside = (found["value"] > found["ci_high"]) | (found["value"] < found["ci_low"])
    if outside.any():
        text = f"{int(outside.sum()):,} of {total:,} pairs: {OUTSIDE}"
        out.append(Caution("BiasWarning", text))
    return tuple(out)
