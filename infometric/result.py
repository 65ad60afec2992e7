"""Result: the number with its standard error, interval, units, sample size and diagnostics.

Units exist only here; all mathematics is in nats.
"""

from __future__ import annotations

import html
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from infometric.exceptions import (
    ColumnError,
    DataError,
    InvalidParameterError,
    UnsupportedError,
)
from infometric.uncertainty.multiplicity import adjusted as adjusted_pvalues

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

SCHEMA_VERSION = 1
NATS_PER = {"nats": 1.0, "bits": math.log(2), "bans": math.log(10)}
DIMENSIONLESS = "dimensionless"
_SPOKEN = {"rank_me": "effective rank"}  # measures whose name is that of a paper


class ConfidenceInterval(NamedTuple):
    """Bounds of an interval."""

    low: float
    high: float


@dataclass(frozen=True)
class Result:
    """An estimate and what is known about it.

    Parameters
    ----------
    measure : str
        Name of the measure.
    value : float
        Estimate, in `units`.
    se : float
        Standard error; NaN where the method gives none.
    ci : ConfidenceInterval
        Interval; NaN bounds where the method gives none.
    level : float
        Nominal coverage of the interval.
    units : str
        "nats", "bits", "bans", or "dimensionless".
    n : tuple of float
        Sample size, or total weight, of each group.
    method : str
        How value, interval and p-value were made.
    pvalue : float
        p-value of "nothing there"; NaN where there is none.
    replicates : tuple of float, optional
        Resampled values, in `units`.
    diagnostics : dict
        JSON-ready facts: bias, degrees of freedom, cells, verdicts.
    warnings : tuple of str
        What a reader must know.

    Examples
    --------
    >>> import infometric as im
    >>> r = im.psi([0.1, 0.2, 0.7, 0.9] * 50, [0.2, 0.6, 0.8, 0.9] * 50, bins=[0.5])
    >>> value, ci = r
    >>> round(value, 4) == round(float(r), 4)
    True
    """

    measure: str
    value: float
    se: float
    ci: ConfidenceInterval
    level: float
    units: str
    n: tuple[float, ...]
    method: str
    pvalue: float = math.nan
    replicates: tuple[float, ...] | None = field(default=None, repr=False)
    diagnostics: dict[str, Any] = field(default_factory=dict, repr=False)
    warnings: tuple[str, ...] = ()

    def __float__(self) -> float:
        return self.value

    def __iter__(self) -> Iterator[Any]:
        """Unpack as ``value, ci = result``."""
        return iter((self.value, self.ci))

    def to(self, units: str) -> Result:
        """The same result in other units.

        Raises
        ------
        InvalidParameterError
            Where `units` is unknown.
        UnsupportedError
            Where the measure has no unit of information.
        """
        if units == self.units:
            return self
        check_units(units)
        if self.units == DIMENSIONLESS:
            raise UnsupportedError(
                f"{self.measure} has no unit of information.",
                got=units,
                hint="leave units at its default",
            )
        factor = NATS_PER[self.units] / NATS_PER[units]
        return replace(
            self,
            value=self.value * factor,
            se=self.se * factor,
            ci=ConfidenceInterval(self.ci.low * factor, self.ci.high * factor),
            units=units,
            replicates=None
            if self.replicates is None
            else tuple(v * factor for v in self.replicates),
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready dictionary; NaN and infinities become None or strings."""
        out: dict[str, Any] = {"schema_version": SCHEMA_VERSION}
        out |= {f.name: jsonable(getattr(self, f.name)) for f in fields(self)}
        out["ci"] = {"low": jsonable(self.ci.low), "high": jsonable(self.ci.high)}
        return out

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Inverse of `to_dict`.

        Raises
        ------
        DataError
            Where the schema version is not the one this library writes.
        """
        if data.get("schema_version") != SCHEMA_VERSION:
            raise DataError(
                f"This is not a result of schema version {SCHEMA_VERSION}.",
                got=data.get("schema_version"),
                hint="write it again with this version: result.to_json()",
            )
        lost = [f.name for f in fields(cls) if f.name not in data]
        if lost:
            raise DataError(
                f"This result is in pieces: {', '.join(lost)} not there.",
                got=list(data),
                hint="write it again: result.to_json()",
            )
        values = {f.name: data[f.name] for f in fields(cls)}
        for name in ("value", "se", "level", "pvalue"):
            values[name] = _number(values[name])
        low, high = (_number(data["ci"][end]) for end in ("low", "high"))
        values["ci"] = ConfidenceInterval(low, high)
        values["n"] = tuple(v if isinstance(v, int) else _number(v) for v in values["n"])
        values["warnings"] = tuple(values["warnings"])
        if values["replicates"] is not None:
            values["replicates"] = tuple(map(_number, values["replicates"]))
        return cls(**values)

    def to_json(self) -> str:
        """JSON text, read back by `from_json`."""
        return json.dumps(self.to_dict(), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Inverse of `to_json`."""
        return cls.from_dict(parse_json(text))

    def row(self) -> dict[str, Any]:
        """The columns of one line of a table."""
        return {
            "value": self.value,
            "se": self.se,
            "ci_low": self.ci.low,
            "ci_high": self.ci.high,
            "level": self.level,
            "pvalue": self.pvalue,
            "n": sum(self.n),
            "method": self.method,
        }

    def to_frame(self) -> pd.DataFrame:
        """One-row pandas frame with the columns of `row`, indexed by the measure."""
        import pandas as pd

        return pd.DataFrame([self.row()], index=pd.Index([self.measure], name="measure"))

    def summary(self) -> str:
        """One line: value, interval, p-value, sample size.

        Examples
        --------
        >>> from infometric import ConfidenceInterval, Result
        >>> Result("psi", 0.1, 0.02, ConfidenceInterval(0.06, 0.14), 0.95, "nats", (500, 400),
        ...        "ncx2", 0.003).summary()
        'psi = 0.1 nats, 95% CI [0.06, 0.14], p = 0.003, n = 500 + 400'
        """
        unit = "" if self.units == DIMENSIONLESS else f" {self.units}"
        parts = [f"{_SPOKEN.get(self.measure, self.measure)} = {_digits(self.value)}{unit}"]
        if not math.isnan(self.ci.low):
            level = f"{100 * self.level:g}%"
            parts.append(f"{level} CI [{_digits(self.ci.low)}, {_digits(self.ci.high)}]")
        if not math.isnan(self.pvalue):
            parts.append(f"p {format_pvalue(self.pvalue)}")
        parts.append("n = " + " + ".join(format_size(n, "") for n in self.n))
        return ", ".join(parts)

    def explain(self) -> str:
        """Two plain sentences: what was found, and how sure one can be of it."""
        name = _SPOKEN.get(self.measure, self.measure.replace("_", " "))
        unit = "" if self.units == DIMENSIONLESS else f" {self.units}"
        first = f"The estimated {name} is {_digits(self.value)}{unit}{self._sure()}"
        if math.isnan(self.pvalue):
            second = "No null hypothesis was tested."
        else:
            rare = "could easily" if self.pvalue > 0.05 else "would rarely"
            second = (
                f"If there were nothing to find, a value this large {rare} occur by chance "
                f"(p {format_pvalue(self.pvalue)})."
            )
        bias = self.diagnostics.get("bias")
        if bias and not (self.ci.low <= self.value <= self.ci.high or math.isnan(self.ci.low)):
            second += (
                f" The estimate lies outside its interval because it is biased by about "
                f"{_digits(bias / NATS_PER.get(self.units, 1.0))}; the interval is for the truth."
            )
        if self.value < 0:
            second += " The value is negative because estimates scatter around a small truth."
        return f"{first}. {second}"

    def _sure(self) -> str:
        """What the interval says, and of what it is, where that is not the value itself."""
        if math.isnan(self.ci.low):
            return ""
        end = "upwards" if self.ci.high == math.inf else f"to {_digits(self.ci.high)}"
        reach, target = f"from {_digits(self.ci.low)} {end}", self.diagnostics.get("interval_of")
        if target:
            return f"; the {100 * self.level:g} % interval, {reach}, is of {target}"
        return f", and values {reach} agree with the data at the {100 * self.level:g} % level"

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw value and interval; needs the extra ``plot``."""
        return ResultTable({self.measure: self}).plot(ax)

    def _repr_html_(self) -> str:
        return ResultTable({self.measure: self})._repr_html_()

    def __str__(self) -> str:
        return self.summary()


class ResultTable(Mapping[str, Result]):
    """Named results, one line each: one per column of a frame, say.

    Parameters
    ----------
    results : mapping of str to Result
        The results in order.
    adjusted : mapping of str to sequence of float, optional
        Further columns of p-values, one value per result.
    meta : mapping, optional
        JSON-ready facts about the whole table: encoders, sources, versions.
    """

    def __init__(
        self,
        results: Mapping[str, Result],
        *,
        adjusted: Mapping[str, Sequence[float]] | None = None,
        meta: Mapping[str, Any] | None = None,
    ) -> None:
        self._results = dict(results)
        self.adjusted = {k: tuple(map(float, v)) for k, v in (adjusted or {}).items()}
        self.meta = dict(meta or {})

    def __getitem__(self, name: str) -> Result:
        try:
            return self._results[name]
        except KeyError:
            raise ColumnError.missing(name, self._results, where="these results") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._results)

    def __len__(self) -> int:
        return len(self._results)

    def __contains__(self, name: object) -> bool:
        return name in self._results

    def __float__(self) -> float:
        """Sum of the values: what a search over models maximises."""
        return math.fsum(r.value for r in self._results.values())

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Values as an array, in the order of the data's columns where that is known."""
        return self.scores()[0].astype(float if dtype is None else dtype)

    def scores(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Values and p-values in the order of the data's columns: what selectors of features take.

        Examples
        --------
        >>> import infometric as im
        >>> X, y = [[0, 0], [0, 1], [1, 0], [1, 1]] * 25, [0, 0, 1, 1] * 25
        >>> values, pvalues = im.score_features(X, y, units="bits").scores()
        >>> values.round(3).tolist()
        [1.0, 0.0]
        """
        names = [name for name in self.meta.get("columns", self) if name in self._results]
        found = [self._results[name] for name in names]
        return np.array([r.value for r in found]), np.array([r.pvalue for r in found])

    @property
    def ci(self) -> dict[str, ConfidenceInterval]:
        """Interval of each result."""
        return {name: r.ci for name, r in self._results.items()}

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings of all results, each with its name."""
        return tuple(f"{name}: {w}" for name, r in self._results.items() for w in r.warnings)

    @property
    def shown_pvalues(self) -> tuple[str, tuple[float, ...]]:
        """Heading and p-values to print: adjusted ones where there are any."""
        for key, heading in (
            ("pvalue_sequential", "p (all looks)"),
            ("pvalue_holm", "p (Holm)"),
            ("pvalue_bh", "p (BH)"),
        ):
            if key in self.adjusted:
                return heading, self.adjusted[key]
        return "p", tuple(r.pvalue for r in self._results.values())

    def to(self, units: str) -> ResultTable:
        """The same results in other units."""
        converted = {name: r.to(units) for name, r in self._results.items()}
        return ResultTable(converted, adjusted=self.adjusted, meta=self.meta)

    def sort(self, by: str = "value", *, descending: bool = True) -> ResultTable:
        """The same results ordered by a column of `to_frame`.

        Raises
        ------
        ColumnError
            Where there is no such column, naming the nearest that exists.
        """
        frame = self.to_frame()
        if by not in frame.columns:
            raise ColumnError.missing(by, frame.columns, where="these results")
        order = frame[by].sort_values(ascending=not descending, kind="stable").index
        positions = [list(frame.index).index(name) for name in order]
        adjusted = {k: [v[i] for i in positions] for k, v in self.adjusted.items()}
        results = {name: self._results[name] for name in order}
        return ResultTable(results, adjusted=adjusted, meta=self.meta)

    def adjust(self, methods: Sequence[str] = ("holm", "fdr_bh")) -> ResultTable:
        """Add p-values adjusted for the number of results (names as in statsmodels).

        Results without a p-value stay without, and do not count.

        References
        ----------
        Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scand. J.
        Statist. 6, 65-70. Benjamini, Y., Hochberg, Y. (1995). Controlling the false discovery
        rate. J. R. Statist. Soc. B 57, 289-300. doi:10.1111/j.2517-6161.1995.tb02031.x
        """
        pvalues = np.array([r.pvalue for r in self._results.values()], dtype=float)
        adjusted = self.adjusted | adjusted_columns(pvalues, methods)
        return ResultTable(self._results, adjusted=adjusted, meta=self.meta)

    def rows(self) -> list[dict[str, Any]]:
        """One dictionary per result, with its name and its adjusted p-values."""
        return [
            {"name": name, **r.row(), **{k: v[i] for k, v in self.adjusted.items()}}
            for i, (name, r) in enumerate(self._results.items())
        ]

    def to_frame(self) -> pd.DataFrame:
        """Pandas frame with one row per result, indexed by name."""
        import pandas as pd

        columns = ["name", "value", "se", "ci_low", "ci_high", "level", "pvalue", "n", "method"]
        return pd.DataFrame(self.rows(), columns=[*columns, *self.adjusted]).set_index("name")

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready dictionary, read back by `from_dict`."""
        return {
            "schema_version": SCHEMA_VERSION,
            "results": {name: r.to_dict() for name, r in self._results.items()},
            "adjusted": jsonable(self.adjusted),
            "meta": jsonable(self.meta),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Inverse of `to_dict`."""
        if data.get("schema_version") != SCHEMA_VERSION or "results" not in data:
            raise DataError(
                f"This is not a table of results of schema version {SCHEMA_VERSION}.",
                got={"schema_version": data.get("schema_version"), "keys": list(data)[:6]},
                hint="write it again with this version: table.to_json()",
            )
        results = {name: Result.from_dict(r) for name, r in data["results"].items()}
        adjusted = {k: [_number(x) for x in v] for k, v in data["adjusted"].items()}
        return cls(results, adjusted=adjusted, meta=data["meta"])

    def to_json(self) -> str:
        """JSON text, read back by `from_json`."""
        return json.dumps(self.to_dict(), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Inverse of `to_json`."""
        return cls.from_dict(parse_json(text))

    def summary(self) -> str:
        """One line per result."""
        width = max((len(name) for name in self._results), default=0)
        return "\n".join(f"{name:<{width}}  {r.summary()}" for name, r in self._results.items())

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the values with their intervals; needs the extra ``plot``."""
        from infometric.report.plots import forest

        return forest(self, ax)

    def __repr__(self) -> str:
        return f"ResultTable({len(self)} results)\n{self.to_frame().to_string()}"

    def _repr_html_(self) -> str:
        columns = ["value", "se", "ci_low", "ci_high", "pvalue", *self.adjusted, "n", "method"]
        head = "".join(f"<th>{html.escape(c)}</th>" for c in ["", *columns])
        body = "".join(
            f"<tr><th>{html.escape(row['name'])}</th>"
            + "".join(f"<td>{html.escape(_cell(row[c]))}</td>" for c in columns)
            + "</tr>"
            for row in self.rows()
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def adjusted_columns(pvalues: NDArray[Any], methods: Sequence[str]) -> dict[str, tuple[float, ...]]:
    """p-values adjusted for their number, by the name of their column; unknown ones stay so."""
    known = ~np.isnan(pvalues)
    found = {}
    for method in [methods] if isinstance(methods, str) else methods:
        column = np.full(pvalues.shape, np.nan)
        if known.any():
            column[known] = adjusted_pvalues(pvalues[known], method)
        found[f"pvalue_{method.removeprefix('fdr_')}"] = tuple(column.tolist())
    return found


def check_units(units: str) -> None:
    """Error unless `units` is a unit of information."""
    if not isinstance(units, str) or units not in NATS_PER:
        raise InvalidParameterError(
            f"units must be one of {', '.join(map(repr, NATS_PER))}.",
            got=units,
            hint="units='nats'",
        )


def parse_json(text: str | bytes) -> dict[str, Any]:
    """Object of a JSON text.

    Raises
    ------
    DataError
        Where it is no JSON, or no object.
    """
    try:
        data = json.loads(text)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"This is no JSON: {error}.", got=text, hint="pass the text of result.to_json()"
        ) from error
    if not isinstance(data, dict):
        raise DataError(
            "This JSON is no result.", got=data, hint="pass the text of result.to_json()"
        )
    return data


_PLAIN = frozenset({str, int, bool, type(None)})  # most values by far: they need no look at types


def jsonable(value: Any) -> Any:
    """Value as JSON types; NaN becomes None, infinities the strings 'inf' and '-inf'.

    Examples
    --------
    >>> import numpy as np
    >>> jsonable({"a": np.array([1.0, np.nan, np.inf])})
    {'a': [1.0, None, 'inf']}
    """
    if type(value) in _PLAIN or (type(value) is float and math.isfinite(value)):
        return value
    if isinstance(value, dict):
        return {str(k): jsonable(v) for k, v in value.items()}
    if isinstance(value, np.ndarray):
        return jsonable(value.tolist())
    if isinstance(value, list | tuple | set | frozenset):
        return [jsonable(v) for v in value]
    if isinstance(value, np.generic):
        return jsonable(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else ("inf" if value > 0 else "-inf")
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return jsonable(dict(value)) if isinstance(value, Mapping) else str(value)


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


def _digits(value: float) -> str:
    return f"{value:.4g}"


def _cell(value: Any) -> str:
    return _digits(value) if isinstance(value, float) else str(value)


def format_size(n: float, separator: str = ",") -> str:
    """Sample size: all digits of a count, six of a total weight.

    Examples
    --------
    >>> format_size(1234567), format_size(1234567, ""), format_size(1234.5678)
    ('1,234,567', '1234567', '1,234.57')
    """
    whole = float(n).is_integer()
    return f"{n:{separator}.0f}" if whole else f"{n:{separator}.6g}"


def format_pvalue(pvalue: float) -> str:
    """p-value as "= 0.012" or "< 1e-16".

    Examples
    --------
    >>> format_pvalue(0.01234), format_pvalue(0.0)
    ('= 0.0123', '< 1e-16')
    """
    return "< 1e-16" if pvalue < 1e-16 else f"= {pvalue:.3g}"
