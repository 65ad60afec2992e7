"""Tables of Spark and of any warehouse that Ibis knows: counted where they lie.

One query counts up to fifty columns in one pass: each row gives one record (column, cell, value)
per column, and the engine groups these. Numbers arrive as cells, by the cases of
`sql.interval_cases`; texts, dates and truth values arrive as they are and are mapped to cells here,
so that no text is ever written into a query. What comes back is one row per group, column and cell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, reduce
from typing import Any

import numpy as np

from infometric.exceptions import MissingExtraError, SourceError, UnsupportedError
from infometric.sources import sql
from infometric.sources.engine import EngineTable, Rows, Tables
from infometric.state.encoders import SAMPLE_SIZE, Column, Encoder, IntervalEncoder, plain
from infometric.validation import LazyColumns, date_text, refuse_twice

COLUMNS_AT_ONCE = 50  # columns of one query: code that Spark generates has a limit
COLLECTED = 50_000_000  # values up to which a whole table is fetched, where a method needs its rows
SEED = 2654435761
_SUMS = ("n", "total", "square", "least", "odd")
Target = str | tuple[str, ...] | None


class WarehouseTable(EngineTable):
    """What the tables of Spark and of Ibis share.

    Edges of a table of more than 100,000 rows are learned from a sample, which the engine draws
    with a fixed seed: it is repeated as long as the engine keeps the rows in their order and
    partitions. Ranges come from the whole column. Counts never come from a sample.
    """

    crosses = True
    ordered = False

    # -- what an engine defines ------------------------------------------------------------

    def _count_rows(self) -> int:
        raise NotImplementedError

    def _fetch(self, names: Sequence[str], share: float | None = None) -> Mapping[str, Any]:
        """Values of some columns, as arrow arrays; a share of the rows, drawn with `SEED`."""
        raise NotImplementedError

    def _extremes(self, name: str, special: Sequence[float]) -> tuple[Any, Any]:
        """Least and greatest number of a column that is neither special nor NaN."""
        raise NotImplementedError

    def _records(
        self, encoders: Mapping[str, Any], cells: Sequence[str], target: Target, weight: Any
    ) -> Rows:
        """Rows (column, group..., cell, value, n, sums) of columns of numbers and of texts."""
        raise NotImplementedError

    def _values(self, name: str, target: Target, weight: Any) -> Rows:
        """Rows (group..., value, n, sums) of one column of numbers that are categories."""
        raise NotImplementedError

    # -- the table -------------------------------------------------------------------------

    @cached_property
    def n_rows(self) -> int:  # type: ignore[override]
        """Number of rows."""
        return self._count_rows()

    def column(self, name: str) -> Column:
        """One whole column of a table that is small enough to be fetched as a whole.

        Raises
        ------
        UnsupportedError
            Where it is not.
        """
        self.kind(name)
        if name not in self._rows:
            size = self.n_rows * len(self.names)
            if size > COLLECTED:
                raise UnsupportedError(
                    f"{self.where} has {size:.3g} values, too many to fetch; this method needs "
                    "rows, and only counts come out of a warehouse of that size.",
                    got={"rows": self.n_rows, "columns": len(self.names)},
                    hint="InformationValue, PSI and other methods with bins count in the "
                    "warehouse; pass names of columns, not arrays",
                )
            usable = [n for n in self.names if sql.kind_of(self._types[n]) is not None]
            self._rows.update(self._fetch(usable))  # at once: rows of one query stay together
        return self._converted(name, self._rows[name])

    @cached_property
    def _rows(self) -> dict[str, Any]:
        return {}

    @cached_property
    def _samples(self) -> dict[str, Any]:
        return {}

    @cached_property
    def _counted(self) -> dict[str, list[tuple[Any, int]]]:
        return {}

    def batches(self, names: Sequence[str]) -> Iterator[LazyColumns]:
        """All rows of the named columns, where the table is small."""
        self.require(names)
        yield LazyColumns(self.column, names, self.n_rows)

    def expect(self, names: Sequence[str]) -> None:
        """Sample the numbers among some columns, and count the values of the others, at once."""
        known = [n for n in names if sql.kind_of(self._types[n]) is not None]
        numbers = [n for n in known if self.kind(n) == "number" and n not in self._samples]
        texts = [n for n in known if not self._numeric(n) and n not in self._counted]
        share = None if self.n_rows <= SAMPLE_SIZE else SAMPLE_SIZE / self.n_rows
        for some in _portions(numbers):
            self._samples.update(self._fetch(some, share))
        for some in _portions(texts):
            found: dict[str, list[tuple[Any, int]]] = {name: [] for name in some}
            for which, _, value, n in self._records(dict.fromkeys(some), [], None, None):
                found[some[which]].append((self._read(some[which], value), n))
            self._counted.update(found)

    def _sampled(self, name: str) -> Column:
        self.expect([name])
        return self._converted(name, self._samples[name])

    def ranged(self, name: str, special: Sequence[float] = ()) -> Column:
        """A sample of a column with the extremes of all its rows."""
        if self.kind(name) != "number":
            return self.census(name)[0]
        column = self._sampled(name)
        if self.n_rows <= SAMPLE_SIZE:
            return column
        ends = [v for v in self._extremes(name, special) if v is not None]
        values = np.append(column.values, np.array(ends, column.values.dtype))
        gone = column.missing
        return Column(name, values, None if gone is None else np.append(gone, [False] * len(ends)))

    def _converted(self, name: str, values: Any) -> Column:
        """Column of an arrow array."""
        from infometric.sources.parquet import arrow_column

        column = arrow_column(name, values)
        return column.as_levels() if self._chosen(name) else column

    def tabulate(
        self,
        encoders: Mapping[str, Encoder],
        target: Any,
        classes: tuple[Any, ...] | None,
        weight: str | None,
    ) -> Tables:
        """Tables (n_groups, n_cells) of each column and of squared weights."""
        self._require_kinds(encoders, weight)
        cells = [n for n, e in encoders.items() if self._numeric(n) and is_interval(e)]
        texts = [n for n in encoders if not self._numeric(n)]
        found: Tables = {}
        together = [*cells, *texts]
        for names in _portions(together):
            some = {n: encoders[n] for n in names}
            rows = self._records(some, cells, target, weight)
            found |= self._tables(some, cells, rows, target, classes, weighted=weight is not None)
        for name in encoders:
            if name not in found:
                rows = self._values(name, target, weight)
                rows = [(self._group(row, target), *row[_width(target) :]) for row in rows]
                found |= self._by_value(
                    name, encoders[name], rows, _said(target), classes, weighted=weight is not None
                )
        return {name: found[name] for name in encoders}

    def _tables(
        self,
        encoders: Mapping[str, Encoder],
        cells: Sequence[str],
        rows: Rows,
        target: Target,
        classes: tuple[Any, ...] | None,
        *,
        weighted: bool,
    ) -> Tables:
        names, width = list(encoders), _width(target)
        apart: dict[str, Rows] = {name: [] for name in names}
        for which, *rest in rows:
            group = self._group(rest, target)
            cell, value, *sums = rest[width:]
            name = names[which]
            apart[name].append((group, cell if name in cells else self._read(name, value), *sums))
        found: Tables = {}
        for name, own in apart.items():
            encoder, said = encoders[name], _said(target)
            if name in cells:
                counted = [(0, *row) for row in own]
                found |= sql.tables(counted, {name: encoder}, said, classes, weighted=weighted)
            else:
                found |= self._by_value(name, encoder, own, said, classes, weighted=weighted)
        return found

    def _group(self, row: Sequence[Any], target: Target) -> Any:
        """Group of a row that begins with the values of the target's columns."""
        if target is None:
            return 0
        if isinstance(target, str):
            return self._dated(target, row[0])
        return tuple(plain(self._dated(n, v)) for n, v in zip(target, row, strict=False))

    def _dated(self, name: str, value: Any) -> Any:
        dated = sql.kind_of(self._types[name]) == "date" and value is not None
        return date_text(value) if dated else value

    def _read(self, name: str, value: Any) -> Any:
        """Value of a column that went through the query as a text."""
        if value is not None and sql.kind_of(self._types[name]) == "boolean":
            return str(value).lower() in ("true", "1", "t")
        return self._dated(name, value)

    def _value_counts(self, name: str) -> list[tuple[Any, int]]:
        if not self._numeric(name):
            self.expect([name])
            return self._counted[name]
        return [(value, n) for value, n, *_ in self._values(name, None, None)]


def is_interval(encoder: Encoder) -> bool:
    """Whether cells of numbers can be found by comparing."""
    return isinstance(encoder, IntervalEncoder)


def _portions(names: Sequence[str]) -> Iterator[Sequence[str]]:
    """Names, as many at a time as one query takes."""
    for start in range(0, len(names), COLUMNS_AT_ONCE):
        yield names[start : start + COLUMNS_AT_ONCE]


def _width(target: Target) -> int:
    return 0 if target is None else len(target) if isinstance(target, tuple) else 1


def _said(target: Target) -> str | None:
    """Name of the target for messages."""
    return " and ".join(target) if isinstance(target, tuple) else target


# --- Spark ------------------------------------------------------------------------------------

_SPARK = {
    "tinyint": "TINYINT", "smallint": "SMALLINT", "int": "INTEGER", "bigint": "BIGINT",
    "float": "FLOAT", "double": "DOUBLE", "boolean": "BOOLEAN", "string": "VARCHAR",
    "date": "DATE", "timestamp": "TIMESTAMP", "timestamp_ntz": "TIMESTAMP",
}  # fmt: skip


class SparkTable(WarehouseTable):
    """A frame of Spark as a table.

    Parameters
    ----------
    frame : pyspark.sql.DataFrame
        Frame, classic or of Spark Connect.
    categorical : sequence of str or True
        Columns whose numbers are categories; True for all.
    """

    where = "the Spark frame"

    def __init__(self, frame: Any, *, categorical: Sequence[str] | bool = ()) -> None:
        self._frame = frame
        self._categorical = categorical
        refuse_twice(list(frame.columns))
        self._refuse_twins(list(frame.columns))
        self._types = {name: _from_spark(kind) for name, kind in frame.dtypes}
        self.names = tuple(self._types)

    def _refuse_twins(self, names: Sequence[str]) -> None:
        """Error for names that differ in case alone, where Spark takes them for one."""
        session = self._frame.sparkSession
        twins = [n for n in names if sum(n.lower() == other.lower() for other in names) > 1]
        if twins and session.conf.get("spark.sql.caseSensitive") != "true":
            raise SourceError(
                "The Spark frame has columns whose names differ in case alone, and Spark takes "
                "them for one.",
                got=twins,
                hint="session.conf.set('spark.sql.caseSensitive', 'true'), or rename one of them",
            )

    def _run(self, ask: Callable[[], Any]) -> Any:
        try:
            return ask()
        except Exception as error:
            if not type(error).__module__.startswith(("pyspark", "py4j")):
                raise
            raise SourceError(
                f"Spark cannot read the frame: {str(error).splitlines()[0]}",
                hint="frame.show() runs the same plan",
            ) from error

    def _count_rows(self) -> int:
        return int(self._run(self._frame.count))

    def _fetch(self, names: Sequence[str], share: float | None = None) -> Mapping[str, Any]:
        frame = self._frame.selectExpr(*(f"{self._plain(n)} AS {_ticked(n)}" for n in names))
        if share is not None:
            frame = frame.sample(withReplacement=False, fraction=share, seed=SEED)
        if not hasattr(frame, "toArrow"):
            raise UnsupportedError(
                "Rows come out of Spark as arrow tables, since version 4.",
                got=type(frame).__module__,
                hint="pip install 'pyspark>=4'",
            )
        try:
            import pyarrow  # noqa: F401
        except ImportError as error:
            raise MissingExtraError.of("pyarrow", "spark") from error
        found = self._run(frame.toArrow)
        return {name: found.column(i).combine_chunks() for i, name in enumerate(names)}

    def _plain(self, name: str) -> str:
        """Expression of a column that arrow gives to numpy alike; a time stays local."""
        column, declared = _ticked(name), self._types[name]
        if sql.kind_of(declared) == "date":
            return f"CAST({column} AS TIMESTAMP_NTZ)"
        return f"CAST({column} AS DOUBLE)" if sql.wide(declared) else column

    def _extremes(self, name: str, special: Sequence[float]) -> tuple[Any, Any]:
        x = self._plain(name)
        left = [f"NOT isnan({x})"] + [f"{x} <> {sql.literal(float(v))}" for v in special]
        kept = self._frame.where(" AND ".join(left)) if left else self._frame
        row = self._run(kept.selectExpr(f"min({x})", f"max({x})").collect)[0]
        return row[0], row[1]

    def _records(
        self, encoders: Mapping[str, Any], cells: Sequence[str], target: Target, weight: Any
    ) -> Rows:
        made = []
        for i, (name, encoder) in enumerate(encoders.items()):
            cell, value = "CAST(NULL AS INT)", f"CAST({_ticked(name)} AS STRING)"
            if name in cells:
                cell, value = self._cell(name, encoder), "CAST(NULL AS STRING)"
            made.append(f"named_struct('which', {i}, 'cell', {cell}, 'value', {value})")
        inner = [f"explode(array({', '.join(made)})) AS r", *self._beside(target, weight)]
        keys = [*_keys(target), "r.cell", "r.value"]
        return self._grouped(self._frame.selectExpr(*inner), ["r.which", *keys], weight)

    def _values(self, name: str, target: Target, weight: Any) -> Rows:
        dated = sql.kind_of(self._types[name]) == "date"
        value = f"CAST({_ticked(name)} AS STRING)" if dated else self._plain(name)
        frame = self._frame.selectExpr(f"{value} AS value", *self._beside(target, weight))
        return self._grouped(frame, [*_keys(target), "value"], weight)

    def _grouped(self, frame: Any, keys: Sequence[str], weight: Any) -> Rows:
        from pyspark.sql import functions as f

        sums = [f.count(f.lit(1)).alias("n")]
        if weight is not None:
            odd = "count(*) FILTER (WHERE w IS NULL OR isnan(w) OR abs(w) = double('Infinity'))"
            asked = ("sum(w)", "sum(w * w)", "min(w)", odd)
            sums += [f.expr(e).alias(a) for e, a in zip(asked, _SUMS[1:], strict=True)]
        found = self._run(frame.groupBy(*keys).agg(*sums).collect)
        return [tuple(row) for row in found]

    def _cell(self, name: str, encoder: Any) -> str:
        return sql.interval_expression(encoder, _ticked(name), self._types[name], sql.SPARK)

    def _beside(self, target: Target, weight: Any) -> list[str]:
        """Columns of groups and weights."""
        names = () if target is None else (target,) if isinstance(target, str) else target
        made = []
        for i, name in enumerate(names):
            dated = sql.kind_of(self._types[name]) == "date"
            made.append(
                f"{f'CAST({_ticked(name)} AS STRING)' if dated else self._plain(name)} AS g{i}"
            )
        if weight is not None:
            made.append(f"CAST({_ticked(weight)} AS DOUBLE) AS w")
        return made


def _from_spark(kind: str) -> str:
    return kind.upper() if kind.startswith("decimal") else _SPARK.get(kind, kind)


def _ticked(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _keys(target: Target) -> list[str]:
    return [f"g{i}" for i in range(_width(target))]


# --- Ibis -------------------------------------------------------------------------------------

_IBIS = {
    "Int8": "TINYINT", "Int16": "SMALLINT", "Int32": "INTEGER", "Int64": "BIGINT",
    "UInt8": "UTINYINT", "UInt16": "USMALLINT", "UInt32": "UINTEGER", "UInt64": "UBIGINT",
    "Float32": "FLOAT", "Float64": "DOUBLE", "Boolean": "BOOLEAN", "String": "VARCHAR",
    "UUID": "VARCHAR", "Date": "DATE", "Timestamp": "TIMESTAMP", "Decimal": "DECIMAL",
}  # fmt: skip


class IbisTable(WarehouseTable):
    """A table expression of Ibis, of any of its backends, as a table.

    Parameters
    ----------
    table : ibis.Table
        Table, or a query that makes one.
    categorical : sequence of str or True
        Columns whose numbers are categories; True for all.
    """

    where = "the warehouse table"

    def __init__(self, table: Any, *, categorical: Sequence[str] | bool = ()) -> None:
        self._table = table
        self._categorical = categorical
        schema = table.schema()
        self._types = {
            str(name): _IBIS.get(type(kind).__name__, str(kind)) for name, kind in schema.items()
        }
        self.names = tuple(self._types)

    def _run(self, expression: Any) -> Any:
        """Arrow table of an expression."""
        import ibis

        try:
            return expression.to_pyarrow()
        except ibis.common.exceptions.IbisError as error:
            raise self._unread(error) from error
        except Exception as error:
            if type(error).__module__.split(".")[0] in ("builtins", "pyarrow", "infometric"):
                raise
            raise self._unread(error) from error

    def _unread(self, error: Exception) -> SourceError:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        return SourceError(
            f"The warehouse cannot answer: {first}", hint="table.execute() runs the same query"
        )

    def _count_rows(self) -> int:
        return int(self._run(self._table.count()).as_py())

    def _plain(self, name: str) -> Any:
        column = self._table[name]
        return column.cast("float64") if sql.wide(self._types[name]) else column

    def _fetch(self, names: Sequence[str], share: float | None = None) -> Mapping[str, Any]:
        table = self._table if share is None else self._drawn(share)
        made = {}
        for name in names:
            x = table[name]
            dated = sql.kind_of(self._types[name]) == "date"
            made[name] = x.cast("timestamp") if dated else x
            if sql.wide(self._types[name]):
                made[name] = x.cast("float64")
        found = self._run(table.select(**made))
        return {name: found.column(i).combine_chunks() for i, name in enumerate(names)}

    def _drawn(self, share: float) -> Any:
        """A share of the rows; not the same ones each time where the backend takes no seed."""
        import ibis

        drawn = self._table.sample(share, method="row", seed=SEED % 2**31)
        try:
            ibis.get_backend(drawn).compile(drawn)
        except ibis.common.exceptions.UnsupportedOperationError:
            return self._table.sample(share, method="row")
        return drawn

    def _extremes(self, name: str, special: Sequence[float]) -> tuple[Any, Any]:
        x = self._plain(name)
        kept = [x.cast("float64") != float(v) for v in special]
        if self._types[name] not in sql.INTEGERS:
            kept.append(~self._nan(x.cast("float64")))
        table = self._table.filter(kept) if kept else self._table
        found = self._run(table.aggregate(low=x.min(), high=x.max())).to_pylist()[0]
        return found["low"], found["high"]

    def _records(
        self, encoders: Mapping[str, Any], cells: Sequence[str], target: Target, weight: Any
    ) -> Rows:
        import ibis

        made = []
        for i, (name, encoder) in enumerate(encoders.items()):
            cell = self._cell(name, encoder) if name in cells else ibis.null("int64")
            value = ibis.null("string") if name in cells else self._text(name)
            made.append({"which": ibis.literal(i, "int64"), "cell": cell, "value": value})
        beside = self._beside(target, weight)
        if self._unnests and len(made) > 1:
            array = ibis.array([ibis.struct(m) for m in made])
            table = self._table.select(r=array.unnest(), **beside)
            table = table.mutate(**{k: table.r[k] for k in ("which", "cell", "value")}).drop("r")
        else:
            parts = [self._table.select(**m, **beside) for m in made]
            table = reduce(lambda a, b: a.union(b), parts)
        return self._grouped(table, ["which", *_keys(target), "cell", "value"], weight)

    @cached_property
    def _unnests(self) -> bool:
        """Whether the backend makes several rows of one."""
        import ibis
        from ibis.expr import operations

        backend = ibis.get_backend(self._table)
        known = (operations.Unnest, operations.StructColumn, operations.Array)
        return backend.name != "polars" and all(map(backend.has_operation, known))

    def _values(self, name: str, target: Target, weight: Any) -> Rows:
        dated = sql.kind_of(self._types[name]) == "date"
        value = self._text(name) if dated else self._plain(name)
        table = self._table.select(value=value, **self._beside(target, weight))
        return self._grouped(table, [*_keys(target), "value"], weight)

    def _grouped(self, table: Any, keys: Sequence[str], weight: Any) -> Rows:
        sums = {"n": table.count()}
        if weight is not None:
            w = table.w
            odd = (w.isnull() | w.isnan() | w.isinf()).ifelse(1, 0).sum()
            sums |= dict(zip(_SUMS[1:], (w.sum(), (w * w).sum(), w.min(), odd), strict=True))
        found = self._run(table.group_by(list(keys)).aggregate(**sums))
        columns = [found.column(name).to_pylist() for name in (*keys, *sums)]
        return list(zip(*columns, strict=True))

    def _text(self, name: str) -> Any:
        return self._table[name].cast("string")

    def _cell(self, name: str, encoder: Any) -> Any:
        import ibis

        column, declared = self._table[name], self._types[name]
        whole = _limits(declared)
        x = column if whole else column.cast("float64")
        always = ibis.literal(True)
        gone = column.isnull() if whole else column.isnull() | self._nan(x)
        tests: dict[str, Callable[[Any], Any]] = {
            "missing": lambda _: gone,
            "infinite": lambda _: x.isinf(),
            "=": lambda bound: x.cast("float64") == bound,
            "<": lambda bound: always if whole and bound > whole[1] else x < bound,
            ">": lambda bound: always if whole and bound < whole[0] else x > bound,
        }
        spelled = sql.interval_cases(encoder, whole, single=declared in sql.SINGLE)
        cases = [(tests[test](bound), cell) for test, bound, cell in spelled]
        return ibis.cases(*cases, else_=len(encoder.edges)).cast("int64")

    def _nan(self, x: Any) -> Any:
        """Whether a floating-point number is NaN."""
        import ibis

        if ibis.get_backend(self._table).name != "duckdb":
            return x.isnan()

        @ibis.udf.scalar.builtin(signature=(("float64",), "boolean"))
        def isfinite(x: float) -> bool: ...  # type: ignore[empty-body]

        return ~(isfinite(x) | x.isinf())  # as `sql.DUCKDB`

    def _beside(self, target: Target, weight: Any) -> dict[str, Any]:
        """Columns of groups and weights."""
        names = () if target is None else (target,) if isinstance(target, str) else target
        made = {}
        for i, name in enumerate(names):
            dated = sql.kind_of(self._types[name]) == "date"
            made[f"g{i}"] = self._text(name) if dated else self._plain(name)
        return made if weight is None else made | {"w": self._table[weight].cast("float64")}


def _limits(declared: str) -> tuple[int, int] | None:
    """Range of a type of integers; None for other numbers."""
    if declared not in sql.INTEGERS:
        return None
    return (0, 2**64 - 1) if declared == "UBIGINT" else sql.SPARK.whole
