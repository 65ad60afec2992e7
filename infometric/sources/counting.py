"""Learning encoders from a table, and counting a table with them: one body for every source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from infometric.exceptions import DataError, InvalidParameterError
from infometric.state.counts import Counts
from infometric.state.encoders import (
    BinSpec,
    Column,
    Encoder,
    IntervalEncoder,
    encoder_from_dict,
    learn_encoder,
)
from infometric.typing import Array
from infometric.validation import Table, check_weights, class_rows

Bins = int | Sequence[float] | Encoder | Mapping[str, Any]


def learn_encoders(
    table: Table, names: Sequence[str], bins: Bins, spec: BinSpec
) -> dict[str, Encoder]:
    """Encoder of each named column.

    Parameters
    ----------
    table : Table
        The reference.
    names : sequence of str
        Columns.
    bins : int, sequence of float, Encoder or mapping
        Number of cells, inner edges, a fitted encoder, or one of these per column.
    spec : BinSpec
        How cells are learned where `bins` is a number.

    Raises
    ------
    DataError
        Where a column is constant, all missing or infinite.
    """
    given = {name: _given(bins, name, spec) for name in names}
    learned = {c.name: c for c in table.sample([n for n in names if not _is_encoder(given[n])])}
    return {
        name: given[name] if _is_encoder(given[name]) else learn_encoder(learned[name], given[name])
        for name in names
    }


def _is_encoder(value: Any) -> bool:
    return isinstance(value, Encoder)


def _given(bins: Any, name: str, spec: BinSpec) -> Any:
    """Encoder where `bins` fixes one for the column, else the spec to learn it by."""
    if isinstance(bins, Mapping):
        if "kind" in bins:
            return encoder_from_dict(bins)
        return _given(bins[name], name, spec) if name in bins else spec
    if isinstance(bins, Encoder):
        return bins
    if isinstance(bins, int | np.integer):
        return replace(spec, bins=int(bins))
    try:
        edges = tuple(float(e) for e in bins)
    except (TypeError, ValueError) as error:
        raise InvalidParameterError(
            "bins must be a number of cells, a list of inner edges, or a fitted encoder.",
            got=bins,
            hint="bins=10",
        ) from error
    return IntervalEncoder(edges, special=spec.special, learned={"binning": "given"})


def without_weight(names: Sequence[str], sample_weight: Any) -> list[str]:
    """Names of the characteristics: all but the column of weights, where a name was given."""
    return [n for n in names if not (isinstance(sample_weight, str) and n == sample_weight)]


def count_table(
    table: Table,
    encoders: Mapping[str, Encoder],
    *,
    target: Any = None,
    classes: tuple[Any, ...] | None = None,
    sample_weight: Any = None,
) -> dict[str, Counts]:
    """Counts of each column in one pass over the table.

    Parameters
    ----------
    table : Table
        Data.
    encoders : mapping of str to Encoder
        Cells of each column.
    target : str or Column, optional
        Column whose `classes` make the groups; one group by default.
    classes : tuple, optional
        The groups, in order.
    sample_weight : str or array-like, optional
        Positive record weights.
    """
    extra = [c for c in (target, sample_weight) if isinstance(c, str)]
    wanted = list(dict.fromkeys([*encoders, *extra]))
    table.require(wanted)
    totals = _by_query(table, encoders, target, classes, sample_weight)
    if totals is None:
        totals = _by_batches(table, wanted, encoders, target, classes, sample_weight)
    return {name: _counts(encoders[name], *totals[name], classes) for name in encoders}


Totals = dict[str, tuple[Array, Array | None]]


def _by_query(
    table: Table, encoders: Mapping[str, Encoder], target: Any, classes: Any, weight: Any
) -> Totals | None:
    """Tables out of the source's own engine; None where it has none, or cannot see the arrays."""
    outside = not all(v is None or isinstance(v, str) for v in (target, weight))
    if outside or not encoders or not hasattr(table, "tabulate"):
        return None
    found: Totals | None = table.tabulate(encoders, target, classes, weight)
    return found


def _by_batches(
    table: Table,
    wanted: Sequence[str],
    encoders: Mapping[str, Encoder],
    target: Any,
    classes: tuple[Any, ...] | None,
    sample_weight: Any,
) -> Totals:
    """Tables from batches of columns."""
    totals: Totals = {}
    start = 0
    for batch in table.batches(wanted):
        rows, weights, size = _side(table, batch, target, classes, sample_weight, start)
        for name, encoder in encoders.items():
            part = encoder.count(batch[name], rows, weights)
            totals[name] = _plus(totals[name], part) if name in totals else part
        start += size
    return totals


def _side(
    table: Table,
    batch: Mapping[str, Column],
    target: Any,
    classes: tuple[Any, ...] | None,
    weight: Any,
    start: int,
) -> tuple[list[Array] | None, Array | None, int]:
    """Group rows and weights of one batch, and its number of rows."""
    size = batch_rows(batch, table)
    rows = None
    if target is not None and classes is not None:
        column = batch[target] if isinstance(target, str) else target
        if not isinstance(target, str) and size != len(column.values):
            column = column.rows(np.arange(start, start + size))
        rows = class_rows(column, classes)
    if isinstance(weight, str):
        column = batch[weight]
        values = np.where(column.missing, np.nan, column.values) if column.missing is not None else (
            column.values)  # fmt: skip
        return rows, check_weights(values, size), size
    part = None if weight is None else np.asarray(weight)[start : start + size]
    return rows, check_weights(part, size), size


def batch_rows(batch: Mapping[str, Column], table: Table) -> int:
    """Rows of one batch, without reading a column where the batch knows."""
    known = getattr(batch, "n_rows", None)
    if known is not None:
        return int(known)
    return len(next(iter(batch.values())).values) if isinstance(batch, dict) else table.n_rows


def _plus(
    a: tuple[Array, Array | None], b: tuple[Array, Array | None]
) -> tuple[Array, Array | None]:
    squares = None if a[1] is None or b[1] is None else a[1] + b[1]
    return a[0] + b[0], squares


def _counts(
    encoder: Encoder, table: Array, squares: Array | None, classes: tuple[Any, ...] | None
) -> Counts:
    empty = np.flatnonzero(table.sum(-1) == 0)
    if empty.size:
        who = "the sample" if classes is None else f"class {classes[empty[0]]!r}"
        raise DataError(f"There is no row in {who}.", hint="check the filter that made the table")
    groups = None if classes is None else tuple(map(str, classes))
    return Counts(table, table.shape[-1:], squares, encoder.key, encoder.labels, groups)
