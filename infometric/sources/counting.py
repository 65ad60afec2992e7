"""Learning encoders from a table, and counting a table with them: one body for every source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from infometric.exceptions import DataError, InvalidParameterError
from infometric.sources.progress import Stage
from infometric.sources.refusals import Refusals
from infometric.state.clusters import ClusteredCounts
from infometric.state.counts import Counts
from infometric.state.encoders import (
    BinSpec,
    CategoryEncoder,
    Column,
    Encoder,
    IntervalEncoder,
    encoder_from_dict,
    exact,
    learn_encoder,
)
from infometric.typing import Array
from infometric.validation import (
    HELD_ROWS,
    LazyColumns,
    Table,
    binary_classes,
    census_of,
    check_weights,
    class_rows,
    refuse_text_weights,
)

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
    table.require(names)
    refusals = Refusals(names)
    given: dict[str, Encoder | BinSpec] = {}
    found: dict[str, Encoder] = {}
    for name in names:
        with refusals.of(name):
            given[name] = chosen_encoder(bins, name, spec)
    table.expect([name for name, how in given.items() if not isinstance(how, Encoder)])
    for name, how in given.items():
        with refusals.of(name):
            found[name] = _learned(table, name, how)
    refusals.settle()
    return found


def _learned(table: Table, name: str, given: Encoder | BinSpec) -> Encoder:
    """The encoder that was given, or one learned as the spec says."""
    if isinstance(given, Encoder):
        return given
    if given.needs_range:
        return learn_encoder(table.ranged(name, given.special), given)
    return learn_encoder(next(iter(table.sample([name]))), given)


def chosen_encoder(bins: Any, name: str, spec: BinSpec) -> Encoder | BinSpec:
    """Encoder where `bins` fixes one for the column, else the spec to learn it by."""
    bins = getattr(bins, "encoders_", bins)  # of a fitted estimator
    if isinstance(bins, Mapping):
        if isinstance(bins.get("kind"), str):  # an encoder as a dictionary, no column's name
            return encoder_from_dict(bins)
        return chosen_encoder(bins[name], name, spec) if name in bins else spec
    if isinstance(bins, Encoder):
        return bins
    if isinstance(bins, int | np.integer) and not isinstance(bins, bool):
        if bins < 2:
            raise InvalidParameterError(
                f"The number of bins of column {name!r} must be two or more.",
                got=bins,
                hint=f"bins={{{name!r}: 10}}",
            )
        return replace(spec, bins=int(bins))
    try:
        if isinstance(bins, str):
            raise TypeError("a text is no list of edges")
        edges = tuple(exact(e) if isinstance(e, int) else float(e) for e in bins)
    except (TypeError, ValueError) as error:
        raise InvalidParameterError(
            "bins must be a number of cells, a list of inner edges, or a fitted encoder.",
            got=bins,
            hint="bins=10",
        ) from error
    return IntervalEncoder(edges, special=spec.special, learned={"binning": "given"})


def target_classes(table: Table, target: str | Column, event: Any = None) -> tuple[Any, Any]:
    """(non-event, event) of a binary target: a column of the table, or one beside it.

    Raises
    ------
    DataError
        Where there is a missing value, one class, or more than two.
    """
    seen, counts = table.census(target) if isinstance(target, str) else census_of(target)
    return binary_classes(seen, event, counts)


@dataclass(frozen=True)
class Split:
    """What divides and weighs the rows of a table.

    Parameters
    ----------
    target : str, Column or tuple of str, optional
        Column whose `classes` make the groups; one group by default. Two names cross their
        columns, where the table's engine does that (`Table.crosses`).
    classes : tuple, optional
        The groups, in order.
    weight : str or array-like, optional
        Positive record weights.
    cluster : str, optional
        Column that says which records belong together (those of one customer, say).
    """

    target: Any = None
    classes: tuple[Any, ...] | None = None
    weight: Any = None
    cluster: str | None = None

    @property
    def names(self) -> list[str]:
        """Columns of the table that are needed for it."""
        targets = self.target if isinstance(self.target, tuple) else (self.target,)
        return [c for c in (*targets, self.weight, self.cluster) if isinstance(c, str)]

    def checked(self, table: Table) -> Split:
        """The same with weights as positive floats, one per row of the table."""
        if self.cluster is not None and self.cluster == self.weight:
            raise DataError(
                "One column cannot be weight and cluster at once.",
                got=self.cluster,
                hint="cluster='customer', sample_weight='weight'",
            )
        if self.weight is None or isinstance(self.weight, str):
            return self
        table.require_order("sample_weight")
        return replace(self, weight=check_weights(self.weight, table.n_rows))

    @property
    def inside(self) -> bool:
        """Whether the table itself holds all that is needed."""
        return all(v is None or isinstance(v, str | tuple) for v in (self.target, self.weight))


Totals = dict[str, tuple[Array, Array | None]]
Sides = list[tuple[list[Array] | None, Array | None]]


def fit_columns(
    table: Table, names: Sequence[str], bins: Bins, spec: BinSpec, split: Split
) -> tuple[dict[str, Encoder], dict[str, Counts]]:
    """Encoders and counts of a reference; small tables are read once, column by column."""
    split = split.checked(table)
    asked = split.cluster is not None or (table.queries and split.inside)
    if table.n_rows > HELD_ROWS or asked:
        learned = learn_encoders(table, names, bins, spec)
        return learned, count_table(table, learned, split)
    sides = _sides(table, split)
    encoders: dict[str, Encoder] = {}
    totals: Totals = {}
    stage = Stage(table.n_rows * len(names))
    refusals = Refusals(names)
    for name in names:
        with refusals.of(name):
            encoders |= learn_encoders(table, [name], bins, spec)
            totals |= _by_batches(table, {name: encoders[name]}, sides, None, stage)
    refusals.settle()
    return encoders, _finished(totals, encoders, split)


def count_table(
    table: Table, encoders: Mapping[str, Encoder], split: Split | None = None
) -> dict[str, Counts]:
    """Counts of each column in one pass over the table.

    Parameters
    ----------
    table : Table
        Data.
    encoders : mapping of str to Encoder
        Cells of each column.
    split : Split, optional
        Groups and weights of the rows.
    """
    split = (split or Split()).checked(table)
    table.require([*encoders, *split.names])
    if split.cluster is not None:
        return count_clusters(table, encoders, split)
    if table.queries and split.inside and encoders:
        totals = table.tabulate(encoders, split.target, split.classes, split.weight)
    else:
        stage = Stage(table.n_rows * len(encoders))
        totals = _by_batches(table, encoders, None, split, stage)
    return _finished(totals, encoders, split)


def count_unseen(
    table: Table,
    encoders: Mapping[str, Encoder],
    reference: Mapping[str, Counts],
    split: Split | None = None,
) -> dict[str, Counts]:
    """As `count_table`, with a cell for each category that the reference has not seen.

    A reference leaves every such cell empty because it chose the cells, not because of a shift:
    in one cell together they would look like one. A cell each keeps the two samples alike. Where
    the reference itself holds unseen categories (added after its cells were learned), they stay
    together.
    """
    found = count_table(table, encoders, split)
    wider: dict[str, Encoder] = {}
    for name, encoder in encoders.items():
        if isinstance(encoder, CategoryEncoder) and holds_other(encoder, found[name]):
            wider[name] = with_unseen(encoder, next(iter(table.sample([name]))), reference[name])
    counted = count_table(table, wider, split) if wider else {}
    return found | {name: replace(s, key=encoders[name].key) for name, s in counted.items()}


def holds_other(encoder: CategoryEncoder, s: Counts) -> bool:
    """Whether some records are of categories that the encoder does not know."""
    return bool(s.table[:, encoder.n_known].any())


def with_unseen(encoder: Encoder, column: Column, reference: Counts) -> Encoder:
    """The encoder with cells for the categories of a column that the reference has not seen."""
    if not isinstance(encoder, CategoryEncoder) or column.numeric:
        return encoder
    return encoder if holds_other(encoder, reference) else encoder.extended(column.levels or ())


def beside(reference: Counts, current: Counts) -> Counts:
    """The reference over the cells of a sample that has categories of its own, empty here."""
    more = current.n_cells - reference.n_cells
    if more <= 0:
        return reference
    onto = np.arange(reference.n_cells)
    onto[-2:] += more  # the new ones stand before "other" and "missing"
    cells = current.cells or tuple(map(str, range(current.n_cells)))
    return reference.merge_cells(onto, cells)


def count_clusters(
    table: Table, encoders: Mapping[str, Encoder], split: Split
) -> dict[str, Counts]:
    """Counts of each column that know which records belong together.

    Raises
    ------
    DataError
        Where it is not known of a record what it belongs to.
    """
    found: dict[str, Counts] = {}
    ids = _identities(table, str(split.cluster))
    rows, weights = _side(
        LazyColumns(table.column, split.names, table.n_rows), split, 0, table.n_rows
    )
    order = None if rows is None else np.concatenate(rows)
    group: Any = 0 if rows is None else np.repeat(np.arange(len(rows)), list(map(len, rows)))
    groups = None if split.classes is None else tuple(map(str, split.classes))
    if order is not None:
        ids, weights = ids[order], None if weights is None else weights[order]
    refusals = Refusals(list(encoders))
    for name, encoder in encoders.items():
        with refusals.of(name):
            cells = encoder.encode(table.column(name))
            s = ClusteredCounts.from_records(
                ids,
                group * encoder.n_cells + (cells if order is None else cells[order]),
                encoder.n_cells,
                n_groups=1 if rows is None else len(rows),
                weights=weights,
                key=encoder.key,
                cells=encoder.labels,
                groups=groups,
            )
            _refuse_empty(s.table, split.classes)
            found[name] = s
    refusals.settle()
    return found


def _identities(table: Table, name: str) -> Array:
    """Identity of the cluster of each row, as numbers or as text."""
    column = table.column(name)
    gone = column.values < 0 if column.levels is not None else column.values != column.values
    if column.levels is None and column.missing is not None:
        gone = gone | column.missing
    if gone.any():
        raise DataError(
            f"The column of clusters {name!r} has {int(gone.sum())} missing value(s): it is not "
            "known what these records belong to.",
            hint=f"drop those rows first: frame[frame[{name!r}].notna()]",
        )
    if column.levels is None:
        return column.values
    return np.array([str(v) for v in column.levels])[column.values]


def _by_batches(
    table: Table,
    encoders: Mapping[str, Encoder],
    sides: Sides | None,
    split: Split | None,
    stage: Stage,
) -> Totals:
    """Tables from batches of columns; `sides` are worked out on the way where not known."""
    totals: Totals = {}
    start = 0
    wanted = list(dict.fromkeys([*encoders, *(split.names if split else [])]))
    for i, batch in enumerate(table.batches(wanted)):
        if sides is None:
            side = _side(batch, split or Split(), start, batch.n_rows)
            start += batch.n_rows
        else:
            side = sides[i]
        refusals = Refusals(list(encoders))
        for name, encoder in encoders.items():
            with refusals.of(name):
                part = encoder.count(batch[name], *side)
                totals[name] = _plus(totals[name], part) if name in totals else part
                stage.advance(batch.n_rows)
        refusals.settle()
    return totals


def _sides(table: Table, split: Split) -> Sides:
    """Group rows and weights of each batch."""
    out: Sides = []
    start = 0
    table.require(split.names)
    for batch in table.batches(split.names or table.names[:1]):
        size = batch.n_rows
        out.append(_side(batch, split, start, size))
        start += size
    return out


def _side(
    batch: LazyColumns, split: Split, start: int, size: int
) -> tuple[list[Array] | None, Array | None]:
    """Group rows and weights of one batch."""
    rows, weights = None, None
    if split.target is not None and split.classes is not None:
        rows = class_rows(_part(batch, split.target, start, size), split.classes)
    if isinstance(split.weight, str):
        column = batch[split.weight]
        if not column.numeric:
            refuse_text_weights(split.weight, list(column.levels or ()))
        weights = column.values
        if column.missing is not None:
            weights = np.where(column.missing, np.nan, weights)
        weights = check_weights(weights, size)
    elif split.weight is not None:
        weights = split.weight[start : start + size]
    return rows, weights


def _part(batch: LazyColumns, column: Any, start: int, size: int) -> Column:
    """Rows of a column of the batch, or of one that stands beside the table."""
    if isinstance(column, str):
        return batch[column]
    whole: Column = column
    if size == len(whole.values):
        return whole
    return whole.rows(np.arange(start, start + size))


def _plus(
    a: tuple[Array, Array | None], b: tuple[Array, Array | None]
) -> tuple[Array, Array | None]:
    squares = None if a[1] is None or b[1] is None else a[1] + b[1]
    return a[0] + b[0], squares


def _finished(totals: Totals, encoders: Mapping[str, Encoder], split: Split) -> dict[str, Counts]:
    return {name: _counts(encoders[name], *totals[name], split.classes) for name in encoders}


def _counts(
    encoder: Encoder, table: Array, squares: Array | None, classes: tuple[Any, ...] | None
) -> Counts:
    _refuse_empty(table, classes)
    groups = None if classes is None else tuple(map(str, classes))
    return Counts(table, table.shape[-1:], squares, encoder.key, encoder.labels, groups)


def _refuse_empty(table: Array, classes: tuple[Any, ...] | None) -> None:
    empty = np.flatnonzero(table.sum(-1) == 0)
    if empty.size:
        who = "the sample" if classes is None else f"class {classes[empty[0]]!r}"
        raise DataError(f"There is no row in {who}.", hint="check the filter that made the table")
