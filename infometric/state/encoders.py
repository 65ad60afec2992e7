"""Encoders: frozen, versioned, hashed maps from the values of a column to cells.

Intervals are closed on the left: the cell of x is the number of edges that are <= x. Missing
values, special codes, values out of range and unseen categories have cells of their own. Edges
are values of the reference itself (order statistics), so every engine that compares numbers gives
the same integer counts.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property, lru_cache
from itertools import pairwise
from numbers import Real
from typing import Any, ClassVar, Literal

import numpy as np

from infometric.exceptions import DataError, InvalidParameterError, and_list
from infometric.state.lookup import Lookup, convertible
from infometric.typing import Array

Binning = Literal["quantile", "uniform"]
MISSING = "missing"
OTHER = "other"
_CHUNK = 1 << 15  # values per pass: a chunk of float64 stays in the second-level cache
_FEW_LEVELS = 50  # text with more distinct values that are nearly all numbers is no category
_COMMA = re.compile(r"[-+]?[\d.]*\d,[\d.,]*\d")
_CLOSE = 1 << 16  # range of integers up to which counting beats sorting
_FEW_EDGES = 16  # up to here comparing with every edge beats looking cells up
SAMPLE_SIZE = 100_000
_SHOWN = 3  # categories that the name of a group spells out


@dataclass(frozen=True, eq=False)
class Column:
    """One column of a table at the boundary to mathematics.

    Parameters
    ----------
    name : str
        Name, for messages.
    values : ndarray of shape (n_rows,)
        Numbers; or codes into `levels`, negative where missing.
    missing : ndarray of bool, optional
        True where a number is missing; NaN is missing too.
    levels : tuple, optional
        Distinct values of a categorical column; None for numbers.
    dates : bool
        Whether the levels are dates as ISO 8601 texts: they divide a table into slices, and are
        no characteristic.
    """

    name: str
    values: Array
    missing: Array | None = None
    levels: tuple[Any, ...] | None = None
    dates: bool = False

    @property
    def numeric(self) -> bool:
        """Whether the values are numbers."""
        return self.levels is None

    def known(self) -> Array:
        """Numbers that are not missing."""
        x = self.values if self.missing is None else self.values[~self.missing]
        return x[x == x] if x.dtype.kind == "f" else x

    def rows(self, index: Array) -> Column:
        """Some of the rows."""
        missing = None if self.missing is None else self.missing[index]
        return Column(self.name, self.values[index], missing, self.levels, self.dates)

    def as_levels(self) -> Column:
        """The same column with its distinct numbers as categories."""
        if not self.numeric:
            return self
        gone = np.zeros(len(self.values), bool) if self.missing is None else self.missing.copy()
        if self.values.dtype.kind == "f":
            gone |= np.isnan(self.values)
        if gone.any():
            levels, codes = distinct(self.values[~gone])
            out = np.full(len(self.values), -1, dtype=np.int64)
            out[~gone] = codes
        else:
            levels, out = distinct(self.values)
        return Column(self.name, out, None, tuple(plain(v) for v in levels.tolist()))


def distinct(values: Array) -> tuple[Array, Array]:
    """Distinct numbers in order, and the position of each value among them.

    Integers that lie close together are counted instead of sorted.

    Examples
    --------
    >>> levels, codes = distinct(np.array([7, -1, 7]))
    >>> levels.tolist(), codes.tolist()
    ([-1, 7], [1, 0, 1])
    """
    if values.dtype.kind in "iu" and values.size:
        low, high = int(values.min()), int(values.max())
        if high - low < _CLOSE and high < 2**62:
            shifted = (values.astype(np.int64) - low) if low else values.astype(np.int64)
            seen = np.bincount(shifted, minlength=high - low + 1) > 0
            levels = (np.flatnonzero(seen) + low).astype(values.dtype)
            return levels, shifted if seen.all() else (np.cumsum(seen) - 1)[shifted]
    levels, codes = np.unique(values, return_inverse=True)
    return levels, codes


def concatenate(name: str, parts: Sequence[Column]) -> Column:
    """Parts of one variable, one after the other; kinds that differ are joined as categories."""
    if len(parts) == 1:
        return parts[0]
    if len({c.numeric for c in parts}) > 1:
        parts = [c.as_levels() for c in parts]
    if all(c.numeric for c in parts):
        values = np.concatenate([c.values for c in parts])
        if all(c.missing is None for c in parts):
            return Column(name, values)
        gone = [np.zeros(len(c.values), bool) if c.missing is None else c.missing for c in parts]
        return Column(name, values, np.concatenate(gone))
    levels = tuple(dict.fromkeys(v for c in parts for v in c.levels or ()))
    position = {v: i for i, v in enumerate(levels)}
    codes = [
        np.array([*(position[v] for v in c.levels or ()), -1], dtype=np.int64)[c.values]
        for c in parts
    ]
    return Column(name, np.concatenate(codes), None, levels, parts[0].dates)


def refuse_unlike(first: Column, second: Column) -> None:
    """Error where one sample holds text alone and the other none: no cell could be shared."""
    kinds = [
        {isinstance(v, str) for v in c.levels} if c.levels is not None else {False}
        for c in (first, second)
    ]
    if kinds in ([{True}, {False}], [{False}, {True}]):
        text = 0 if kinds[0] == {True} else 1
        words = ("text", "numbers or truth values") if text == 0 else ("numbers", "text")
        raise DataError(
            f"Column {second.name!r} holds {words[0]} in the first sample and {words[1]} in the "
            "second: no cell is shared.",
            got=[and_list((c.levels or c.values.tolist())[:3], limit=3) for c in (first, second)],
            hint="one kind for both, as by x.astype(str)",
        )


class Encoder:
    """Base of the encoders: labels, fingerprint, and counting through codes."""

    kind: ClassVar[str] = ""
    version: ClassVar[int] = 1

    @property
    def labels(self) -> tuple[str, ...]:
        """Name of each cell."""
        raise NotImplementedError

    @property
    def n_cells(self) -> int:
        """Number of cells."""
        return len(self.labels)

    def spec(self) -> dict[str, Any]:
        """What defines the cells, JSON-ready."""
        raise NotImplementedError

    def encode(self, column: Column) -> Array:
        """Cell of each row, shape (n_rows,)."""
        raise NotImplementedError

    def _coded(self, column: Column) -> Array:
        """As `encode`, in any type of integers."""
        return self.encode(column)

    @cached_property
    def key(self) -> str:
        """Fingerprint of the cells: equal keys mean equal cells."""
        text = json.dumps({"kind": self.kind, "version": self.version} | self.spec())
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready representation with how the cells were learned, for `encoder_from_dict`."""
        learned = {"learned": dict(getattr(self, "learned", {}))}
        return {
            "kind": self.kind,
            "version": self.version,
            **self.spec(),
            "key": self.key,
        } | learned

    def count(
        self, column: Column, groups: Sequence[Array] | None = None, weights: Array | None = None
    ) -> tuple[Array, Array | None]:
        """Table (n_groups, n_cells) and, with weights, the table of their squares.

        Parameters
        ----------
        column : Column
            Values to count.
        groups : sequence of ndarray of int, optional
            Row numbers of each group; one group of all rows by default.
        weights : ndarray of shape (n_rows,), optional
            Record weights.
        """
        codes = self._coded(column)
        if weights is None:
            return self._counted(codes, groups), None
        parts = [codes] if groups is None else [codes[rows] for rows in groups]
        shares = [weights] if groups is None else [weights[rows] for rows in groups]
        pairs = list(zip(parts, shares, strict=True))
        table = [np.bincount(c, weights=w, minlength=self.n_cells) for c, w in pairs]
        squares = [np.bincount(c, weights=w * w, minlength=self.n_cells) for c, w in pairs]
        return np.stack(table), np.stack(squares)

    def _counted(self, codes: Array, groups: Sequence[Array] | None) -> Array:
        """Records of each cell and group; of groups that share out the rows one is the rest."""
        if groups is None:
            return np.bincount(codes, minlength=self.n_cells)[None]
        shared = sum(map(len, groups)) == len(codes)
        rest = int(np.argmax([len(rows) for rows in groups])) if shared else -1
        table = np.stack(
            [
                np.bincount(codes if k == rest else codes[rows], minlength=self.n_cells)
                for k, rows in enumerate(groups)
            ]
        )
        if shared:
            table[rest] -= table.sum(0) - table[rest]
        return table


@dataclass(frozen=True, eq=False)
class IntervalEncoder(Encoder):
    """Cells of numbers: intervals, below and above the range, special codes, missing.

    Parameters
    ----------
    edges : tuple of float
        Inner edges, strictly increasing; cell i holds ``edges[i-1] <= x < edges[i]``. Integers
        that no float can hold stay integers.
    lower, upper : float, optional
        Range; values below `lower` or above `upper` get cells of their own. Open by default.
    special : tuple of float
        Codes that are not magnitudes (-1, 999): a cell each.
    learned : dict
        How the edges were found; no part of the fingerprint.

    Examples
    --------
    >>> from infometric.state.encoders import Column, IntervalEncoder
    >>> encoder = IntervalEncoder((0.0, 10.0), special=(-1.0,))
    >>> encoder.labels
    ('(-inf, 0)', '[0, 10)', '[10, inf)', 'special -1', 'missing')
    >>> encoder.encode(Column("x", np.array([-5.0, 0.0, 10.0, -1.0, np.nan]))).tolist()
    [0, 1, 2, 3, 4]
    """

    kind: ClassVar[str] = "interval"
    edges: tuple[float, ...]
    lower: float | None = None
    upper: float | None = None
    special: tuple[float, ...] = ()
    learned: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        real = [e for e in self.edges if isinstance(e, Real) and math.isfinite(e)]
        if len(real) < len(self.edges) or any(a >= b for a, b in pairwise(real)):
            good = sorted(set(real)) or [0.0]
            raise InvalidParameterError(
                "Bin edges must be finite numbers, strictly increasing.",
                got=list(self.edges),
                hint=f"bins=[{', '.join(map(format_number, good))}]",
            )

    def spec(self) -> dict[str, Any]:
        """Edges, range and special codes."""
        return {
            "edges": list(self.edges),
            "lower": self.lower,
            "upper": self.upper,
            "special": list(self.special),
        }

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Intervals, then below and above, special codes, missing."""
        ends = ["-inf" if self.lower is None else format_number(self.lower)]
        ends += [format_number(e) for e in self.edges]
        ends += ["inf" if self.upper is None else format_number(self.upper)]
        left = ["(" if self.lower is None else "["] + ["["] * len(self.edges)
        right = [")"] * len(self.edges) + [")" if self.upper is None else "]"]
        intervals = [
            f"{a}{low}, {high}{b}"
            for a, low, high, b in zip(left, ends[:-1], ends[1:], right, strict=True)
        ]
        below = [] if self.lower is None else [f"below {ends[0]}"]
        above = [] if self.upper is None else [f"above {ends[-1]}"]
        special = [f"special {format_number(v)}" for v in self.special]
        return (*intervals, *below, *above, *special, MISSING)

    def encode(self, column: Column) -> Array:
        """Cell of each row, shape (n_rows,)."""
        return self._coded(column).astype(np.int64, copy=False)

    def _coded(self, column: Column) -> Array:
        x = self._numbers(column)
        codes = self._interval(x)
        cell = len(self.edges) + 1
        if self.lower is not None:
            codes[x < thresholds([self.lower], x.dtype)[0]] = cell
            cell += 1
        if self.upper is not None:
            codes[x > greatest(self.upper, x.dtype)] = cell
            cell += 1
        infinite = np.isinf(x) if x.dtype.kind == "f" else np.zeros(len(x), bool)
        for value in self.special:
            hit = x == value
            codes[hit] = cell
            infinite &= ~hit
            cell += 1
        gone = np.isnan(x) if x.dtype.kind == "f" else np.zeros(len(x), bool)
        if column.missing is not None:
            gone = gone | column.missing
            infinite &= ~gone
        refuse_infinite(column.name, int(infinite.sum()), x[infinite])
        codes[gone] = cell
        return codes

    @cached_property
    def _lookup(self) -> Lookup | None:
        held = all(isinstance(e, float) for e in self.edges)
        return Lookup.of(np.array(self.edges)) if held and len(self.edges) > _FEW_EDGES else None

    def _interval(self, x: Array) -> Array:
        if self._lookup is not None and convertible(x):
            return self._lookup.cells(x)
        if len(self.edges) > _FEW_EDGES:
            return np.searchsorted(np.asarray(thresholds(self.edges, x.dtype)), x, side="right")
        codes, edges = np.zeros(len(x), dtype=np.int64), thresholds(self.edges, x.dtype)
        for start in range(0, len(x), _CHUNK):
            part, out = x[start : start + _CHUNK], codes[start : start + _CHUNK]
            for edge in edges:
                out += part >= edge
        return codes

    def count(
        self, column: Column, groups: Sequence[Array] | None = None, weights: Array | None = None
    ) -> tuple[Array, Array | None]:
        """Table (n_groups, n_cells): without weights, by counting against each edge."""
        plain_cells = not self.special and self.lower is None and self.upper is None
        if weights is not None or len(self.edges) > _FEW_EDGES or not plain_cells:
            return super().count(column, groups, weights)
        whole = self._tally(column)
        if groups is None:
            return whole[None], None
        parts = [self._tally(column.rows(rows)) for rows in groups[1:]]
        first = whole - sum(parts) if self._covers(column, groups) else None
        first = self._tally(column.rows(groups[0])) if first is None else first
        return np.stack([first, *parts]), None

    @staticmethod
    def _covers(column: Column, groups: Sequence[Array]) -> bool:
        """Whether the groups share out all rows, so that one is the rest of the whole."""
        return sum(map(len, groups)) == len(column.values)

    def _tally(self, column: Column) -> Array:
        """Counts of the cells of one group."""
        x = self._numbers(column)
        n = len(x)
        if column.missing is not None:
            x = x[~column.missing]
        below = np.zeros(len(self.edges), dtype=np.int64)
        known, finite, floating = 0, 0, x.dtype.kind == "f"
        edges = thresholds(self.edges, x.dtype)
        for start in range(0, len(x), _CHUNK):
            part = x[start : start + _CHUNK]
            if floating:
                ok = int(np.count_nonzero(np.isfinite(part)))
                finite += ok
                known += ok if ok == len(part) else int(np.count_nonzero(part == part))
            for i, edge in enumerate(edges):
                below[i] += np.count_nonzero(part < edge)
        if not floating:
            known = finite = len(x)
        refuse_infinite(column.name, known - finite, x)
        return np.diff(np.concatenate([[0], below, [known, n]]))

    def _numbers(self, column: Column) -> Array:
        if not column.numeric:
            refuse_text(column.name, column.levels or ())
        return column.values


@dataclass(frozen=True, eq=False)
class CategoryEncoder(Encoder):
    """Cells of categories: one each, then those not seen when it was learned, then missing.

    Examples
    --------
    >>> CategoryEncoder(("a", "b")).labels
    ('a', 'b', 'other', 'missing')
    """

    kind: ClassVar[str] = "category"
    categories: tuple[Any, ...]
    learned: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(set(self.categories)) != len(self.categories):
            raise InvalidParameterError(
                "Categories must be distinct.",
                got=list(self.categories),
                hint="CategoryEncoder(tuple(sorted(set(categories))))",
            )

    def spec(self) -> dict[str, Any]:
        """The categories."""
        return {"categories": list(self.categories)}

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Categories, other, missing."""
        return (*(str(c) for c in self.categories), OTHER, MISSING)

    @cached_property
    def position(self) -> Mapping[Any, int]:
        """Cell of each category."""
        return {c: i for i, c in enumerate(self.categories)}

    @property
    def n_known(self) -> int:
        """Number of cells of categories: those not seen follow, then missing."""
        return len(self.categories)

    @property
    def textual(self) -> bool:
        """Whether all categories are text."""
        return bool(self.categories) and all(isinstance(c, str) for c in self.categories)

    def extended(self, levels: Sequence[Any]) -> CategoryEncoder:
        """The same encoder with a cell for each level it does not know, before "other"."""
        new = [level for level in levels if level not in self.position]
        if not new:
            return self
        ordered = sorted(new, key=lambda v: (isinstance(v, str), v))
        return self._with(ordered)

    def _with(self, new: Sequence[Any]) -> CategoryEncoder:
        return CategoryEncoder((*self.categories, *new), self.learned)

    def _map(self, name: str, levels: Sequence[Any]) -> Array:
        """Cell of each level of a column, the missing one (code -1) last."""
        self.require_kind(name, levels)
        other = self.n_known
        cells = [self.position.get(level, other) for level in levels]
        return np.array([*cells, other + 1], dtype=np.int64)

    def require_kind(self, name: str, seen: Sequence[Any]) -> None:
        """Error where text meets categories that are numbers or truth values, or the reverse."""
        mixed = len({isinstance(c, str) for c in self.categories}) > 1
        if not seen or not self.categories or mixed or self.textual == isinstance(seen[0], str):
            return
        raise DataError(
            f"Column {name!r} holds {_kind(seen)} where the encoder knows {_kind(self.categories)} "
            f"alone: {and_list(self.categories, limit=3)}.",
            got=and_list(seen, limit=3),
            hint=f"frame[{name!r}].astype(str), as the reference was"
            if self.textual
            else f"frame[{name!r}].map({{{str(seen[0])!r}: {self.categories[0]!r}, ...}}), as the "
            "reference was",
        )

    def encode(self, column: Column) -> Array:
        """Cell of each row, shape (n_rows,)."""
        column = column.as_levels()
        return self._map(column.name, column.levels or ())[column.values]

    def count(
        self, column: Column, groups: Sequence[Array] | None = None, weights: Array | None = None
    ) -> tuple[Array, Array | None]:
        """Table (n_groups, n_cells): levels are counted first and mapped afterwards."""
        if weights is not None:
            return super().count(column, groups, weights)
        column = column.as_levels()
        cells = self._map(column.name, column.levels or ())
        parts = [column.values] if groups is None else [column.values[rows] for rows in groups]
        table = np.zeros((len(parts), self.n_cells), dtype=np.int64)
        for row, codes in zip(table, parts, strict=True):
            seen = np.bincount(codes + 1, minlength=len(cells))
            np.add.at(row, cells, np.append(seen[1:], seen[0]))
        return table, None


@dataclass(frozen=True, eq=False)
class GroupEncoder(CategoryEncoder):
    """Cells of groups of categories, then those not seen when it was learned, then missing.

    Parameters
    ----------
    categories : tuple
        All known categories.
    learned : dict
        How the groups were found; no part of the fingerprint.
    onto : tuple of int
        Cell of each category, from zero on without a gap.

    Examples
    --------
    >>> from infometric.state.encoders import GroupEncoder
    >>> GroupEncoder(("a", "b", "c"), onto=(0, 1, 0)).labels
    ('a + c', 'b', 'other', 'missing')
    """

    kind: ClassVar[str] = "group"
    onto: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.onto) != len(self.categories) or set(self.onto) != set(range(self.n_known)):
            raise InvalidParameterError(
                "Every category needs a cell, numbered from zero on without a gap.",
                got=list(self.onto),
                hint="GroupEncoder(('a', 'b', 'c'), onto=(0, 0, 1))",
            )

    def spec(self) -> dict[str, Any]:
        """The categories and their cells."""
        return {"categories": list(self.categories), "onto": list(self.onto)}

    @property
    def n_known(self) -> int:
        """Number of groups."""
        return max(self.onto, default=-1) + 1

    @cached_property
    def groups(self) -> tuple[tuple[Any, ...], ...]:
        """Categories of each cell."""
        parts: list[list[Any]] = [[] for _ in range(self.n_known)]
        for category, cell in zip(self.categories, self.onto, strict=True):
            parts[cell].append(category)
        return tuple(map(tuple, parts))

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Groups, other, missing."""
        return (*map(group_label, self.groups), OTHER, MISSING)

    @cached_property
    def position(self) -> Mapping[Any, int]:
        """Cell of each category."""
        return dict(zip(self.categories, self.onto, strict=True))

    def _with(self, new: Sequence[Any]) -> GroupEncoder:
        cells = range(self.n_known, self.n_known + len(new))
        return GroupEncoder((*self.categories, *new), self.learned, (*self.onto, *cells))


def group_label(categories: Sequence[Any]) -> str:
    """Name of a group of categories.

    Examples
    --------
    >>> group_label(["a", "b", "c", "d", "e"])
    'a + b + c + 2 more'
    """
    shown = [str(c) for c in categories[:_SHOWN]]
    more = len(categories) - len(shown)
    if more == 1:
        return " + ".join(map(str, categories))
    return " + ".join([*shown, f"{more} more"] if more else shown)


ENCODERS: dict[str, Any] = {
    encoder.kind: encoder for encoder in (IntervalEncoder, CategoryEncoder, GroupEncoder)
}


def encoder_from_dict(data: Mapping[str, Any]) -> Encoder:
    """Inverse of ``to_dict``; checks version and fingerprint.

    Raises
    ------
    DataError
        Where kind, version or fingerprint do not fit this library.
    """
    kind = ENCODERS.get(str(data.get("kind")))
    if kind is None or data.get("version") != kind.version:
        raise DataError(
            "This is not an encoder of a known kind and version.",
            got={k: data.get(k) for k in ("kind", "version")},
            hint=f"kinds there are: {sorted(ENCODERS)}, version 1",
        )
    names = [f.name for f in fields(kind) if f.name in data]
    values: dict[str, Any] = {
        n: tuple(data[n]) if isinstance(data[n], list) else data[n] for n in names
    }
    if "special" in values:  # JSON has infinity as text
        values["special"] = tuple(float(v) if isinstance(v, str) else v for v in values["special"])
    encoder: Encoder = kind(**values)
    if data.get("key", encoder.key) != encoder.key:
        raise DataError(
            "The encoder's content does not match its fingerprint.",
            got={"stored": data["key"], "computed": encoder.key},
            hint="take the bins from an unedited report",
        )
    return encoder


@dataclass(frozen=True)
class BinSpec:
    """How encoders are learned.

    Parameters
    ----------
    bins : int
        Number of intervals of a numeric column.
    binning : {"quantile", "uniform"}
        Cells of equal count, or of equal width, on the reference.
    special : tuple of float
        Codes with a cell of their own.
    out_of_range : {"open", "cell"}
        Whether the outer intervals are open, or values beyond the reference's range get cells.
    constant : {"raise", "keep"}
        What becomes of a column with one value.
    categorical : tuple of str or bool
        Columns that are known to be categories, so that dates and texts that look like spoilt
        numbers are taken as they are.
    """

    bins: int = 10
    binning: Binning = "quantile"
    special: tuple[float, ...] = ()
    out_of_range: Literal["open", "cell"] = "open"
    constant: Literal["raise", "keep"] = "raise"
    categorical: tuple[str, ...] | bool = ()

    def takes_categories(self, name: str) -> bool:
        """Whether the column was said to hold categories."""
        some = () if isinstance(self.categorical, bool) else self.categorical
        return self.categorical is True or name in some

    @property
    def needs_range(self) -> bool:
        """Whether the extremes of the whole column matter, so that a sample will not do."""
        return self.binning == "uniform" or self.out_of_range == "cell"


def learn_encoder(column: Column, spec: BinSpec) -> Encoder:
    """Encoder of a column, learned from (a sample of) its values.

    Raises
    ------
    DataError
        Where the column is all missing or constant and `spec` does not keep it, or where it
        holds infinite values.
    """
    if not column.numeric:
        return _learn_categories(column, spec)
    x = column.known()
    x = x[~np.isin(x, spec.special)] if spec.special else x
    if x.dtype.kind == "f":
        refuse_infinite(column.name, int(np.isinf(x).sum()), x)
    if x.size == 0:
        _refuse_flat(column, spec, "missing or special everywhere")
        return IntervalEncoder((), special=spec.special, learned={"rows": 0})
    low, high = plain(x.min()), plain(x.max())
    if low == high:
        _refuse_flat(column, spec, f"constant: every value is {format_number(low)}")
        alone = (low, *(plain(v) for v in spec.special))
        return CategoryEncoder(alone, {"rows": int(x.size)})
    if spec.binning == "quantile":
        edges = quantile_edges(x, spec.bins)
    else:
        edges = uniform_edges(low, high, spec.bins)
    learned = {"rows": int(x.size), "binning": spec.binning, "bins": spec.bins}
    if spec.out_of_range == "open":
        return IntervalEncoder(edges, special=spec.special, learned=learned)
    return IntervalEncoder(edges, exact(low), exact(high), spec.special, learned)


def _learn_categories(column: Column, spec: BinSpec) -> Encoder:
    levels = tuple(column.levels or ())
    if not spec.takes_categories(column.name):
        if column.dates:
            refuse_dates(column.name, levels)
        refuse_spoilt_numbers(column)
    if not levels:
        _refuse_flat(column, spec, "missing everywhere")
    if len(levels) == 1 and not (column.values < 0).any():
        _refuse_flat(column, spec, f"constant: every value is {levels[0]!r}")
    ordered = sorted(levels, key=lambda v: (isinstance(v, str), v))
    return CategoryEncoder(tuple(ordered), {"rows": len(column.values)})


def _refuse_flat(column: Column, spec: BinSpec, what: str) -> None:
    if spec.constant == "raise":
        raise DataError(
            f"Column {column.name!r} is {what}, so nothing can be compared.",
            hint=f"exclude=[{column.name!r}] to leave it out, or constant='keep' for one cell",
        )


def quantile_edges(x: Array, bins: int) -> tuple[float, ...]:
    """Inner edges that are order statistics: about ``len(x) / bins`` values between two.

    A value that repeats more often than that fills a cell of its own; a column with no more than
    `bins` distinct values gets one cell for each.

    Examples
    --------
    >>> quantile_edges(np.arange(8), 4)
    (2.0, 4.0, 6.0)
    """
    n = len(x)
    ranks = np.minimum((np.arange(1, bins) * n + bins - 1) // bins, n - 1)
    starts = np.partition(x, ranks)[ranks]
    edges = np.unique(starts[starts > x.min()])
    if len(edges) < bins - 1:  # ties: there may be few distinct values
        distinct = np.unique(x)
        if len(distinct) <= bins or not len(edges):
            edges = distinct[1:] if len(distinct) <= bins else distinct[1:2]
    return tuple(map(exact, edges.tolist()))


def uniform_edges(low: float, high: float, bins: int) -> tuple[float, ...]:
    """Inner edges of `bins` intervals of equal width between `low` and `high`."""
    edges = np.unique(np.linspace(low, high, bins + 1)[1:-1])
    return tuple(float(e) for e in edges if low < e <= high)


def exact(value: float) -> float:
    """Float of a number, or the integer itself where no float is equal to it (beyond 2^53).

    Examples
    --------
    >>> exact(2**53), exact(2**53 + 1)
    (9007199254740992.0, 9007199254740993)
    """
    return value if float(value) != value else float(value)


def sample_rows(n: int, size: int = SAMPLE_SIZE) -> Array | None:
    """Row numbers of a sample that any source can repeat; None where all rows are taken.

    Rows i with frac(i * golden ratio) below size / n: spread evenly, blind to any period of the
    data, and a function of the row number alone.
    """
    return None if n <= size else hashed_rows(0, n, n, size)


@lru_cache(maxsize=128)
def hashed_rows(start: int, length: int, n: int, size: int = SAMPLE_SIZE) -> Array:
    """Sampled rows among ``start ... start + length``, counted from `start`, of n in all."""
    rows = np.arange(start, start + length, dtype=np.uint64)
    hashed = (rows * np.uint64(2654435761)) & np.uint64(0xFFFFFFFF)
    chosen = np.flatnonzero(hashed < np.uint64(size * 2**32 // n))
    chosen.flags.writeable = False  # shared by all columns
    return chosen


def thresholds(edges: Sequence[float], dtype: Any) -> list[Any]:
    """Edges in the type of the data such that ``x >= edge`` is decided exactly.

    The least float32, or the least integer, that is not below the edge.
    """
    if dtype.kind in "iu":
        return [math.ceil(e) for e in edges]
    if dtype.itemsize >= 8:
        return [np.float64(e) for e in edges]
    with np.errstate(over="ignore"):  # an edge beyond single precision is infinite there
        rounded = np.asarray(edges, dtype=dtype)
    up = np.nextafter(rounded, dtype.type(np.inf))
    return list(np.where(rounded.astype(float) < np.asarray(edges), up, rounded))


def greatest(bound: float, dtype: Any) -> Any:
    """Bound in the type of the data such that ``x > bound`` is decided exactly.

    Examples
    --------
    >>> greatest(2.5, np.dtype("int8"))
    2
    """
    return -thresholds([-bound], dtype)[0]


def refuse_dates(name: str, seen: Sequence[Any], instead: str = "") -> None:
    """Error for a column of dates where a characteristic is expected."""
    raise DataError(
        f"Column {name!r} holds dates, which are no characteristic.",
        got=next(iter(seen), None),
        hint=instead
        or f"exclude=[{name!r}] to leave it out, by={name!r} to slice by it, or convert it to a "
        "number",
    )


def refuse_text(name: str, levels: Sequence[Any]) -> None:
    """Error for a column of text where an encoder expects numbers, showing what is no number."""
    odd = [v for v in levels if not _reads_as_number(v)]
    some = f"; {len(odd)} of its {len(levels)} distinct values are no number" if odd else ""
    raise DataError(
        f"Column {name!r} holds {_kind(levels)} where the encoder expects numbers{some}.",
        got=and_list(odd or list(levels)),
        hint=f"pandas.to_numeric(frame[{name!r}], errors='coerce') makes them missing, "
        f"categorical=[{name!r}] from the reference on makes all of them categories"
        if odd
        else f"frame[{name!r}].astype(float), as the reference was",
    )


def refuse_spoilt_numbers(column: Column) -> None:
    """Error for text that is many numbers but for a few values: one bad cell of a CSV file."""
    levels = sorted(v for v in column.levels or () if isinstance(v, str))
    if len(levels) <= _FEW_LEVELS:
        return
    odd = [v for v in levels if not _reads_as_number(v)]
    commas = [v for v in odd if _COMMA.fullmatch(v.strip())]
    if not odd or len(odd) - len(commas) > len(levels) // 10:
        return
    name = column.name
    what = f"Column {name!r} was read as text: of its {len(levels)} distinct values "
    if commas:
        thousands = ".str.replace('.', '')" if any("." in v for v in commas) else ""
        raise DataError(
            what + f"{len(commas)} are numbers with a comma.",
            got=and_list(commas, limit=3),
            hint=f"frame[{name!r}]{thousands}.str.replace(',', '.').astype(float), or "
            f"categorical=[{name!r}] if they are categories",
        )
    raise DataError(
        what + f"all but {len(odd)} are numbers.",
        got=and_list(odd, limit=3),
        hint=f"pandas.to_numeric(frame[{name!r}], errors='coerce'), or categorical=[{name!r}] if "
        "they are categories",
    )


def _kind(levels: Sequence[Any]) -> str:
    """What levels are, in words."""
    if any(isinstance(v, str) for v in levels):
        return "text"
    return "truth values" if all(isinstance(v, bool) for v in levels) else "numbers"


def _reads_as_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def refuse_infinite(name: str, count: int, values: Any = ()) -> None:
    """Error where a column holds infinite values; `values` are looked through for one to show."""
    if count:
        infinite = np.asarray(values)[np.isinf(values)]
        raise DataError(
            f"Column {name!r} holds {count} infinite value(s), which belong to no bin.",
            got=float(infinite[0]) if infinite.size else float("inf"),
            hint="replace them with NaN (the missing cell), or name them: "
            "special=[float('inf'), float('-inf')]",
        )


def plain(value: Any) -> Any:
    """Python scalar of a numpy one; whole floats as integers, so that labels read well."""
    value = value.item() if isinstance(value, np.generic) else value
    return int(value) if isinstance(value, float) and value.is_integer() else value


def format_number(value: float) -> str:
    """Shortest text that reads back as the same number.

    Examples
    --------
    >>> format_number(3.0), format_number(0.1), format_number(1e20)
    ('3', '0.1', '1e+20')
    """
    if isinstance(value, int):
        return str(value)
    value = float(value)
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
