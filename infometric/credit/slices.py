"""Results by slices of time (or of anything): one pass over the data, groups are slices."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from infometric.exceptions import DataError, and_list
from infometric.sources.counting import Split, beside, count_table, count_unseen
from infometric.state.counts import Counts
from infometric.state.encoders import Column
from infometric.validation import Table, class_rows

SEPARATOR = " @ "
MOST_SLICES = 1000
Slices = tuple[dict[str, Counts], tuple[Any, ...]]  # pairs of groups by name, slices in order


def slice_name(column: str, value: Any) -> str:
    """Name of the result of one column in one slice."""
    return f"{column}{SEPARATOR}{value}"


def sliced_column(name: str, columns: Iterable[str]) -> str:
    """Column of the result of a slice: the longest of those that its name begins with."""
    return max((c for c in columns if name.startswith(c + SEPARATOR)), key=len)


def slicing_column(table: Table, by: str) -> tuple[Column, tuple[Any, ...]]:
    """Column whose values make the slices, and these values in order.

    Raises
    ------
    DataError
        Where it has missing values, or too many distinct ones to look at.
    """
    table.require([by])
    slices, counts = table.census(by)
    gone = int(counts[slices.values < 0].sum())
    if gone:
        raise DataError(
            f"The slicing column {by!r} has {gone} missing value(s).",
            got=None,
            hint=f"drop those rows first: frame[frame[{by!r}].notna()]",
        )
    order = tuple(sorted(slices.levels or (), key=lambda v: (isinstance(v, str), v)))
    if len(order) > MOST_SLICES:
        raise DataError(
            f"The slicing column {by!r} has {len(order)} distinct values, more than {MOST_SLICES}.",
            got=and_list(order, limit=3),
            hint=f"make periods of it: frame['month'] = frame[{by!r}].dt.strftime('%Y-%m')"
            if slices.dates
            else "group its values into fewer slices",
        )
    return slices, order


def stability_by(estimator: Any, X: Any, by: str, split: Split) -> Slices:
    """Each slice beside the reference of the fit, named ``column @ slice``."""
    table = estimator._open(X)
    _, order = slicing_column(table, by)
    sliced = replace(split, target=by, classes=order)
    found = count_unseen(table, estimator.encoders_, estimator.state_, sliced)
    pairs = {
        slice_name(name, value): Counts.stack(
            [beside(estimator.state_[name], s), s.group(g)], ("reference", str(value))
        )
        for g, value in enumerate(order)
        for name, s in found.items()
    }
    return pairs, order


def evidence_by(estimator: Any, X: Any, y: Any, by: str, weight: Any) -> Slices:
    """The two classes within each slice, with the bins of the fit, named ``column @ slice``.

    Raises
    ------
    DataError
        Where a slice has only one class of the target.
    """
    table, target = estimator._split(X, y)
    _, order = slicing_column(table, by)
    split = crossed_split(table, target, estimator.classes_, by, order, weight)
    found = count_table(table, estimator.encoders_, split)
    pairs = {
        slice_name(name, value): Counts.stack(
            [s.group(2 * i), s.group(2 * i + 1)], tuple(map(str, estimator.classes_))
        )
        for i, value in enumerate(order)
        for name, s in found.items()
    }
    return pairs, order


def crossed_split(
    table: Table,
    target: Any,
    classes: tuple[Any, ...],
    by: str,
    order: tuple[Any, ...],
    weight: Any,
) -> Split:
    """Groups ``2 * slice + class`` of the rows, crossed by the engine of the table where it can.

    Raises
    ------
    DataError
        Where a slice has only one class of the target.
    """
    if table.crosses and isinstance(target, str):
        return Split((by, target), tuple((value, c) for value in order for c in classes), weight)
    slices = table.column(by).as_levels()
    column = table.column(target) if isinstance(target, str) else target
    event = np.zeros(len(column.values), dtype=np.int64)
    event[class_rows(column, classes)[1]] = 1
    place = {value: i for i, value in enumerate(order)}
    onto = np.array([place[v] for v in slices.levels or ()], dtype=np.int64)
    groups = 2 * onto[slices.values] + event
    for i, value in enumerate(order):
        here = np.bincount(groups[groups // 2 == i] - 2 * i, minlength=2)
        if here.min() == 0:
            raise DataError(
                f"The slice {value!r} of {by!r} has one class of the target only.",
                got=dict(zip(map(str, classes), here.tolist(), strict=True)),
                hint="make the slices longer, or leave this one out",
            )
    names = tuple(range(2 * len(order)))
    return Split(Column(by, groups, None, names), names, weight)
