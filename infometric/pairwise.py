"""PairwiseResult: an estimate of dependence for every pair of the columns of a table."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from numbers import Integral
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from infometric.exceptions import ColumnError, DataError, InvalidParameterError
from infometric.result import (
    NATS_PER,
    SCHEMA_VERSION,
    ConfidenceInterval,
    Result,
    ResultTable,
    check_units,
    format_size,
    jsonable,
    parse_json,
)
from infometric.typing import Array

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

# what a pair can lack, by the code in `PairwiseResult.caution`
CAUTIONS = (
    "",
    "a column has one value: there is nothing to share, and no interval is known",
    "too few records for the cells: no interval is given",
    "one column is a function of the other in this sample: the value is the entropy of one, and "
    "the interval holds if that is so in truth",
    "few records are expected in some cells: the interval may be off",
)
CONSTANT, THIN, FUNCTION, SPARSE = 1, 2, 3, 4
OUTSIDE = (
    "the value lies outside its interval, which allows for a bias that the value still holds; "
    "read the interval"
)
_SHOWN = 20  # pairs of a summary table
_NUMBERS = ("value", "se", "ci_low", "ci_high", "pvalue", "pvalue_bh", "corrected", "null_df")
_INFORMATION = ("value", "se", "ci_low", "ci_high", "corrected")


@dataclass(frozen=True, eq=False)
class PairwiseResult:
    """Mutual information of all pairs of columns, with intervals and p-values.

    Each estimate is there as a symmetric array of shape (n_columns, n_columns): `value`, `se`,
    `ci_low`, `ci_high`, `pvalue`, `pvalue_bh`, `corrected`. On the diagonal `value` and
    `corrected` hold the entropy of the column; the others are NaN there.

    Parameters
    ----------
    measure : str
        Name of the measure.
    names : tuple of str
        Columns.
    entropy : ndarray of shape (n_columns,)
        Plug-in entropy of each column, in `units`.
    levels : ndarray of shape (n_columns,)
        Number of distinct values of each column; missing values are one.
    pairs : mapping of str to ndarray of shape (n_pairs,)
        Estimates, methods and cautions in the order of ``numpy.triu_indices(n_columns, 1)``.
    n : int
        Number of rows.
    units : str
        "nats", "bits" or "bans".
    level : float
        Nominal coverage of the intervals.
    warnings : tuple of str
        What a reader must know.

    Examples
    --------
    >>> import numpy as np
    >>> import infometric as im
    >>> x = np.arange(1000)
    >>> found = im.mutual_information_matrix(np.column_stack([x % 2, x % 4, x % 3]), units="bits")
    >>> found.value.round(3)
    array([[1.   , 1.   , 0.   ],
           [1.   , 2.   , 0.   ],
           [0.   , 0.   , 1.585]])
    >>> print(found.between("x0", "x2").summary())
    mutual_information = 4.332e-06 bits, 95% CI [0, 0.003818], p = 0.997, n = 1000
    """

    measure: str
    names: tuple[str, ...]
    entropy: Array
    levels: Array
    pairs: Mapping[str, Array]
    n: int
    units: str
    level: float
    warnings: tuple[str, ...] = ()

    # -- arrays -----------------------------------------------------------------------------

    @cached_property
    def value(self) -> Array:
        """Plug-in estimates, and entropies on the diagonal."""
        return self._square("value", self.entropy)

    @cached_property
    def corrected(self) -> Array:
        """Estimates less the leading term of their bias; they may be negative."""
        bias = (self.levels - 1) / (2 * self.n) / NATS_PER[self.units]
        return self._square("corrected", self.entropy + bias)

    @cached_property
    def se(self) -> Array:
        """Standard errors."""
        return self._square("se")

    @cached_property
    def ci_low(self) -> Array:
        """Lower bounds; NaN where no interval is known to hold."""
        return self._square("ci_low")

    @cached_property
    def ci_high(self) -> Array:
        """Upper bounds; NaN where no interval is known to hold."""
        return self._square("ci_high")

    @cached_property
    def pvalue(self) -> Array:
        """p-values of independence, each for itself."""
        return self._square("pvalue")

    @cached_property
    def pvalue_bh(self) -> Array:
        """p-values adjusted for the number of pairs (Benjamini and Hochberg)."""
        return self._square("pvalue_bh")

    def _square(self, what: str, diagonal: Any = np.nan) -> Array:
        size = len(self.names)
        out = np.empty((size, size))
        above = np.triu_indices(size, 1)
        out[above] = out.T[above] = self.pairs[what]
        np.fill_diagonal(out, diagonal)
        return out

    @property
    def method(self) -> str:
        """How the estimates were made; pairs may differ."""
        return ", ".join(np.unique(self.pairs["method"]).tolist())

    def __len__(self) -> int:
        """Number of pairs."""
        return len(self.pairs["value"])

    # -- views ------------------------------------------------------------------------------

    def to(self, units: str) -> PairwiseResult:
        """The same result in other units.

        Raises
        ------
        InvalidParameterError
            Where `units` is unknown.
        """
        check_units(units)
        factor = NATS_PER[self.units] / NATS_PER[units]
        pairs = {k: v * factor if k in _INFORMATION else v for k, v in self.pairs.items()}
        return replace(self, entropy=self.entropy * factor, pairs=pairs, units=units)

    def to_frame(self) -> pd.DataFrame:
        """Pandas frame with one row a pair, in the order of the columns of the table."""
        import pandas as pd

        i, j = np.triu_indices(len(self.names), 1)
        names = np.array(self.names, dtype=object)
        columns: dict[str, Any] = {"x": names[i], "y": names[j]}
        columns |= {k: v for k, v in self.pairs.items() if k not in ("caution", "null_df")}
        columns["n"] = self.n
        columns["caution"] = np.array(CAUTIONS, dtype=object)[self.pairs["caution"]]
        return pd.DataFrame(columns)

    def matrix(self, what: str = "value") -> pd.DataFrame:
        """Square pandas frame of one of the arrays, with the names of the columns.

        Raises
        ------
        InvalidParameterError
            Where there is no such array.
        """
        import pandas as pd

        square = getattr(self, self._checked(what))
        return pd.DataFrame(square, index=list(self.names), columns=list(self.names))

    def top(self, k: int = _SHOWN, by: str = "corrected") -> ResultTable:
        """The `k` strongest pairs as a table of results.

        By the value less its bias: the bare value puts columns with many levels first, related or
        not. Of p-values the least come first. Adjusted p-values are those among all pairs.

        Raises
        ------
        InvalidParameterError
            Where there is no such estimate to order by.
        """
        if not isinstance(k, Integral) or isinstance(k, bool) or k < 1:
            raise InvalidParameterError(
                "The number of pairs must be a whole number of one or more.", got=k, hint="top(10)"
            )
        keys = self.pairs[self._checked(by)]
        keys = np.where(np.isnan(keys), np.inf, keys if "pvalue" in by else -keys)
        chosen = np.argsort(keys, kind="stable")[:k]
        i, j = np.triu_indices(len(self.names), 1)
        results = {
            f"{self.names[i[at]]} and {self.names[j[at]]}": self._result(int(at)) for at in chosen
        }
        return ResultTable(
            results, adjusted={"pvalue_bh": self.pairs["pvalue_bh"][chosen].tolist()}
        )

    def between(self, x: str, y: str) -> Result:
        """Result of one pair of columns.

        Raises
        ------
        ColumnError
            Where there is no such column, naming the nearest that exists.
        InvalidParameterError
            Where both are the same column.
        """
        for name in (x, y):
            if name not in self.names:
                raise ColumnError.missing(name, self.names, where="these results")
        i, j = sorted(map(self.names.index, (x, y)))
        if i == j:
            raise InvalidParameterError(
                "A pair has two columns; of one with itself there is the entropy.",
                got=(x, y),
                hint="result.entropy",
            )
        return self._result(i * (2 * len(self.names) - i - 1) // 2 + j - i - 1)

    def _result(self, at: int) -> Result:
        """Result of the pair of one position."""
        pair = {name: float(self.pairs[name][at]) for name in _NUMBERS}
        low, high = pair["ci_low"], pair["ci_high"]
        caution = CAUTIONS[self.pairs["caution"][at]]
        outside = OUTSIDE if pair["value"] > high or pair["value"] < low else ""
        bias = (pair["value"] - pair["corrected"]) * NATS_PER[self.units]
        return Result(
            self.measure,
            pair["value"],
            pair["se"],
            ConfidenceInterval(low, high),
            self.level,
            self.units,
            (self.n,),
            str(self.pairs["method"][at]),
            pair["pvalue"],
            diagnostics={"bias": bias, "null_df": pair["null_df"]},
            warnings=tuple(text for text in (caution, outside) if text),
        )

    def _checked(self, what: str) -> str:
        known = _NUMBERS[:-1]
        if what not in known:
            raise InvalidParameterError(
                f"There is no estimate of that name; there are {', '.join(known)}.",
                got=what,
                hint="'value'",
            )
        return what

    def summary(self) -> str:
        """A line about all pairs, and one for each of the strongest."""
        found = int((self.pairs["pvalue_bh"] <= 0.05).sum())
        head = (
            f"{self.measure} of {len(self):,} pairs of {len(self.names)} columns in {self.units}, "
            f"n = {format_size(self.n)}; {found:,} with p <= 0.05 (Benjamini-Hochberg)"
        )
        return "\n".join([head, *self.top(5).summary().splitlines()])

    def plot(self, ax: Axes | None = None, what: str = "corrected") -> Axes:
        """Draw all pairs as a map of colours; needs the extra ``plot``."""
        from infometric.report.plots import heatmap

        return heatmap(self, ax, self._checked(what))

    # -- JSON -------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready dictionary, read back by `from_dict`."""
        out: dict[str, Any] = {"schema_version": SCHEMA_VERSION}
        return out | {f.name: jsonable(getattr(self, f.name)) for f in fields(self)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Inverse of `to_dict`.

        Raises
        ------
        DataError
            Where it is no such result, or of another schema version.
        """
        lost = {f.name for f in fields(cls)} - set(data)
        if data.get("schema_version") != SCHEMA_VERSION or lost:
            raise DataError(
                f"This is not a result for pairs of schema version {SCHEMA_VERSION}.",
                got={"schema_version": data.get("schema_version"), "lost": sorted(lost)},
                hint="write it again with this version: result.to_json()",
            )
        values = {f.name: data[f.name] for f in fields(cls)}
        pairs = {k: np.array(v, dtype=float) for k, v in data["pairs"].items() if k in _NUMBERS}
        pairs["method"] = np.array(data["pairs"]["method"], dtype=str)
        pairs["caution"] = np.array(data["pairs"]["caution"], dtype=np.int8)
        values |= {k: tuple(data[k]) for k in ("names", "warnings")}
        values |= {"entropy": np.array(data["entropy"], dtype=float)}
        return cls(**(values | {"levels": np.array(data["levels"]), "pairs": pairs}))

    def to_json(self) -> str:
        """JSON text, read back by `from_json`."""
        return json.dumps(self.to_dict(), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Inverse of `to_json`."""
        return cls.from_dict(parse_json(text))

    def __repr__(self) -> str:
        return f"PairwiseResult({self.summary()})"

    def __str__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        head, *_ = self.summary().splitlines()
        return f"<p>{html.escape(head)}</p>{self.top()._repr_html_()}"


def benjamini_hochberg(pvalues: Array) -> Array:
    """p-values adjusted so that their rejections hold the false discovery rate.

    References
    ----------
    Benjamini, Y., Hochberg, Y. (1995). Controlling the false discovery rate. J. R. Statist. Soc.
    B 57, 289-300. doi:10.1111/j.2517-6161.1995.tb02031.x

    Examples
    --------
    >>> benjamini_hochberg(np.array([0.01, 0.04, 0.03, 0.5])).round(4).tolist()
    [0.04, 0.0533, 0.0533, 0.5]
    """
    order = np.argsort(pvalues)[::-1]
    ranks = np.arange(len(pvalues), 0, -1)
    out = np.empty(len(pvalues))
    out[order] = np.minimum.accumulate(np.minimum(pvalues[order] * len(pvalues) / ranks, 1.0))
    return out
