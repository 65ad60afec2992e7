"""Protected attributes: their groups, the comparisons they make, and claims about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from infometric.exceptions import DataError, InvalidParameterError, and_list
from infometric.inference import resolve
from infometric.state.encoders import Column, IntervalEncoder, plain
from infometric.typing import Array
from infometric.validation import FrameTable, Table, check_lengths, check_paired

MOST_GROUPS = 12
ALPHA = 0.05  # size of a claim


@dataclass(frozen=True, eq=False)
class Attribute:
    """Groups of one protected attribute.

    Parameters
    ----------
    name : str
        Name of its column.
    codes : ndarray of int, shape (n_rows,)
        Group of each record.
    groups : tuple of str
        Names of the groups.
    reference : int
        The group that the others are compared with.
    """

    name: str
    codes: Array
    groups: tuple[str, ...]
    reference: int

    @property
    def sizes(self) -> Array:
        """Number of records of each group."""
        return np.bincount(self.codes, minlength=len(self.groups))

    @property
    def others(self) -> list[int]:
        """Groups that are compared with the reference."""
        return [g for g in range(len(self.groups)) if g != self.reference]

    def label(self, group: int) -> str:
        """Name of a comparison: ``SEX: 2 against 1``."""
        return f"{self.name}: {self.groups[group]} against {self.groups[self.reference]}"


def attributes(
    X: Any,
    table: Table,
    protected: Any,
    *,
    name: str = "protected",
    inside: bool = True,
    reference: Any = None,
) -> list[Attribute]:
    """Groups of each protected attribute.

    Parameters
    ----------
    X : object
        What the table was opened from, whose row labels must agree with those of a separate column.
    table : Table
        The data.
    protected : str, sequence of str, mapping or array-like
        Columns of the table; a mapping gives inner edges of the groups of a number, or None; an
        array or frame stands beside the table.
    name : str
        What an array without a name is called.
    inside : bool
        Whether texts are names of columns; otherwise they are the groups themselves.
    reference : optional
        The group that the others are compared with, or a mapping of attribute to group.

    Raises
    ------
    DataError
        Where values are missing, or there are not two groups at least.
    """
    named = _named(table, protected) if inside else None
    columns = _beside(X, table, protected, name) if named is None else named
    return [
        grouped(
            column,
            edges,
            reference.get(column.name) if isinstance(reference, Mapping) else reference,
        )
        for column, edges in columns
    ]


def _named(table: Table, protected: Any) -> list[tuple[Column, Any]] | None:
    """Columns that are named, each with the edges that were given for it; None of arrays."""
    if isinstance(protected, str):
        protected = [protected]
    if isinstance(protected, list | tuple) and all(isinstance(p, str) for p in protected):
        if len(protected) == table.n_rows and not set(protected) <= set(table.names):
            return None
        protected = dict.fromkeys(protected)
    if not isinstance(protected, Mapping):
        return None
    if not protected:
        raise DataError("No protected attribute was named.", got=protected, hint="protected='SEX'")
    table.require(list(protected))
    return [(table.column(name), edges) for name, edges in protected.items()]


def _beside(X: Any, table: Table, protected: Any, name: str) -> list[tuple[Column, Any]]:
    """Columns that stand beside the table."""
    table.require_order(name)
    beside = FrameTable(protected, name=name)
    check_lengths(X=range(table.n_rows), **{name: range(beside.n_rows)})
    check_paired(X, protected)
    return [(beside.column(column), None) for column in beside.names]


def grouped(column: Column, edges: Any = None, reference: Any = None) -> Attribute:
    """Groups of one column: its values, or the intervals between edges.

    Raises
    ------
    DataError
        Where values are missing, or there is one group, or more than can be compared.
    InvalidParameterError
        Where the reference is no group.
    """
    name, given = column.name, column
    if edges is not None:
        column = _cut(column, edges)
    levels = column.as_levels()
    gone = int((levels.values < 0).sum())
    if gone:
        raise DataError(
            f"The protected attribute {name!r} has {gone} missing value(s); no group is assumed.",
            got=float("nan"),
            hint=f"drop those rows, or make them a group: frame[{name!r}].fillna('unknown')"
            if edges is None
            else f"frame.dropna(subset=[{name!r}])",
        )
    seen = np.bincount(levels.values, minlength=len(levels.levels or ()))
    kept = [v for v, n in zip(levels.levels or (), seen, strict=True) if n]
    if edges is None:
        kept.sort(key=lambda v: (isinstance(v, str), v))
    if edges is not None and len(kept) < 2:
        raise _all_in_one(given, edges)
    if not 2 <= len(kept) <= MOST_GROUPS:
        raise DataError(
            f"The protected attribute {name!r} must have 2 to {MOST_GROUPS} groups; it has "
            f"{len(kept)}.",
            got=and_list(kept, limit=4),
            hint=f"protected={{{name!r}: [25, 60]}} to cut a number into groups"
            if len(kept) > 1
            else "take a sample with both groups",
        )
    place = {v: i for i, v in enumerate(kept)}
    onto = np.array([place.get(v, -1) for v in levels.levels or ()])
    codes = onto[levels.values]
    return Attribute(name, codes, tuple(map(str, kept)), _reference(kept, codes, reference))


def _all_in_one(column: Column, edges: Any) -> InvalidParameterError:
    """Error for cuts of a number that leave all records in one group."""
    levels = column.as_levels()
    values = np.asarray(levels.levels or (), float)[np.unique(levels.values)]
    low, high = float(values.min()), float(values.max())
    middle = float(f"{(low + high) / 2:.3g}")
    if not low < middle <= high:
        middle = high
    return InvalidParameterError(
        f"The cuts leave all values of {column.name!r}, from {low:g} to {high:g}, in one group.",
        got=list(edges),
        hint=f"protected={{{column.name!r}: [{middle:g}]}}, a cut inside that range"
        if low < high
        else "take a sample with both groups",
    )


def _reference(kept: Sequence[Any], codes: Array, reference: Any) -> int:
    """Position of the reference; the largest group by default."""
    if reference is None:
        return int(np.bincount(codes).argmax())
    for i, value in enumerate(kept):
        if plain(value) == plain(reference) or str(value) == str(reference):
            return i
    raise InvalidParameterError(
        "The reference must be one of the groups.",
        got=reference,
        hint=f"reference={kept[0]!r}",
    )


def _cut(column: Column, edges: Any) -> Column:
    """Intervals between edges as groups, in order."""
    try:
        cuts = [float(e) for e in edges]
    except (TypeError, ValueError) as error:
        raise InvalidParameterError(
            f"The groups of {column.name!r} are cut by a list of numbers.",
            got=edges,
            hint=f"protected={{{column.name!r}: [25, 60]}}",
        ) from error
    right = sorted({e for e in cuts if np.isfinite(e)})
    if cuts != right:
        shown = ", ".join(f"{e:g}" for e in right) or "25, 60"
        raise InvalidParameterError(
            f"The cuts of {column.name!r} must be finite and strictly increasing.",
            got=edges,
            hint=f"protected={{{column.name!r}: [{shown}]}}",
        )
    encoder = IntervalEncoder(tuple(cuts))
    codes = encoder.encode(column)
    missing = encoder.n_cells - 1
    return Column(column.name, np.where(codes == missing, -1, codes), None, encoder.labels)


def refuse_few(attribute: Attribute, parts: Mapping[str, Array], least: float) -> None:
    """Error where a group has fewer records in a part of the data than every bin must hold."""
    for group, label in enumerate(attribute.groups):
        counts = {name: int((attribute.codes[rows] == group).sum()) for name, rows in parts.items()}
        if min(counts.values()) < least:
            raise DataError(
                f"Group {label!r} of the protected attribute {attribute.name!r} has too few "
                f"records: every bin needs {least:g} of each group.",
                got=counts,
                hint="join it with another group, take more records, or adverse_impact(decision, "
                "group), whose interval holds for five people too",
            )


def claim(functional: Any, s: Any, limit: float, words: tuple[str, str]) -> dict[str, Any]:
    """Whether a divergence is claimed to be at most a limit, by its one-sided bounds.

    Parameters
    ----------
    functional : Functional
        The divergence.
    s : State
        Counts of two groups, or of their folds.
    limit : float
        Largest value that is accepted, in nats.
    words : tuple of two str
        Verdicts where the upper bound is within the limit, and where the lower one is above it.

    Returns
    -------
    dict
        ``verdict`` (one of the words, or "undecided"), the bounds, their level and units, the
        limit, and ``rule_of_thumb``: where the value alone would fall. Where no bound is known both
        are NaN, and the verdict is "undecided".

    Examples
    --------
    >>> from infometric import Counts
    >>> from infometric.functional.divergence import Jeffreys
    >>> s = Counts.from_counts([[500, 500], [480, 520]])
    >>> claim(Jeffreys(), s, 0.05, ("fair", "unfair"))["verdict"]
    'fair'
    """
    functional = functional.resolved(s)
    strategy = resolve("auto", functional, s)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        value = np.asarray(functional.value(s))
        found = strategy(functional, s, value, level=1 - 2 * ALPHA)
    low, high = float(found.low), float(found.high)
    verdict = words[0] if high <= limit else words[1] if low > limit else "undecided"
    return {
        "verdict": verdict,
        "rule_of_thumb": "within" if value <= limit else "above",
        "limit": float(limit),
        "upper_bound": high,
        "lower_bound": low,
        "bound_level": 1 - ALPHA,
        "bound_units": "nats",
    }
