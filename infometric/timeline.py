"""Timeline: tables of results by period, as a monitored model leaves them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Self

from infometric.exceptions import ColumnError, DataError
from infometric.result import Result, ResultTable, jsonable, parse_json

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from infometric.report.document import Report

SCHEMA_VERSION = 1


class Timeline(Mapping[str, ResultTable]):
    """Stability by period: a table of results for each, in order of time.

    Parameters
    ----------
    tables : mapping of str to ResultTable
        Population stability of each column, by period.
    shifts : mapping of str to ResultTable, optional
        Points that the population gained through each characteristic, by period.
    score : str, optional
        Column that is the score; the others are characteristics.
    meta : mapping, optional
        JSON-ready facts: policy, versions, sources.

    Examples
    --------
    >>> import numpy as np, infometric as im
    >>> rng = np.random.default_rng(0)
    >>> monitor = im.StabilityMonitor().fit(rng.normal(size=(2000, 2)))
    >>> monitor = monitor.update(rng.normal(size=(500, 2)), period="2026-01")
    >>> timeline = monitor.timeline()
    >>> list(timeline), list(timeline["2026-01"]), timeline.alarms()
    (['2026-01'], ['x0', 'x1'], [])
    """

    def __init__(
        self,
        tables: Mapping[str, ResultTable],
        *,
        shifts: Mapping[str, ResultTable] | None = None,
        score: str | None = None,
        meta: Mapping[str, Any] | None = None,
    ) -> None:
        self._tables = dict(tables)
        self.shifts = dict(shifts or {})
        self.score = score
        self.meta = dict(meta or {})

    def __getitem__(self, period: str) -> ResultTable:
        try:
            return self._tables[period]
        except KeyError:
            raise ColumnError.missing(period, self._tables, where="the periods") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)

    def __contains__(self, period: object) -> bool:
        return period in self._tables

    def __repr__(self) -> str:
        return f"Timeline({len(self)} periods of {len(self.names)} columns)"

    @property
    def names(self) -> list[str]:
        """Columns, the score first."""
        found = list(dict.fromkeys(name for table in self._tables.values() for name in table))
        return sorted(found, key=lambda name: name != self.score)

    @property
    def latest(self) -> str:
        """The last period.

        Raises
        ------
        DataError
            Where there is none yet.
        """
        if not self._tables:
            raise DataError(
                "No period has been looked at yet.", hint="monitor.update(frame, period='2026-01')"
            )
        return next(reversed(self._tables))

    def of(self, name: str) -> ResultTable:
        """Results of one column by period.

        Raises
        ------
        ColumnError
            Where there is no such column, naming the nearest that exists.
        """
        if name not in self.names:
            raise ColumnError.missing(name, self.names, where="the timeline")
        found = {p: table[name] for p, table in self._tables.items()}
        adjusted = {"pvalue_sequential": [_sequential(r) for r in found.values()]}
        return ResultTable(found, adjusted=adjusted, meta=self.meta)

    def alarms(self) -> list[tuple[str, str]]:
        """Pairs of period and column where a shift was seen that is not shown to be small."""
        return [
            (period, name)
            for period, table in self._tables.items()
            for name, r in table.items()
            if r.diagnostics.get("alarm")
        ]

    def rows(self) -> list[dict[str, Any]]:
        """One dictionary per period and column."""
        return [
            {
                "period": period,
                **row,
                "pvalue_sequential": _sequential(r),
                **{key: r.diagnostics.get(key) for key in ("verdict", "shift_seen", "alarm")},
                "missing_share": r.diagnostics.get("missing_share"),
                "unseen_share": r.diagnostics.get("unseen_share"),
                "points": self._points(period, row["name"]),
            }
            for period, table in self._tables.items()
            for row, r in zip(table.rows(), table.values(), strict=True)
        ]

    def _points(self, period: str, name: str) -> float | None:
        shifts = self.shifts.get(period)
        return None if shifts is None or name not in shifts else shifts[name].value

    def to_frame(self) -> pd.DataFrame:
        """Pandas frame with one row per period and column."""
        import pandas as pd

        return pd.DataFrame(self.rows())

    def summary(self) -> str:
        """One line per period: how many columns have each verdict, and the alarms."""
        return "\n".join(self._line(period) for period in self)

    def _line(self, period: str) -> str:
        table = self[period]
        verdicts = [str(r.diagnostics.get("verdict")) for r in table.values()]
        counts = ", ".join(f"{verdicts.count(v)} {v}" for v in dict.fromkeys(verdicts))
        alarms = [name for name, r in table.items() if r.diagnostics.get("alarm")]
        return f"{period}  {counts}; " + (f"alarm: {', '.join(alarms)}" if alarms else "no alarm")

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready dictionary, read back by `from_dict`."""
        return {
            "schema_version": SCHEMA_VERSION,
            "kind": "infometric-timeline",
            "score": self.score,
            "tables": {p: table.to_dict() for p, table in self._tables.items()},
            "shifts": {p: table.to_dict() for p, table in self.shifts.items()},
            "meta": jsonable(self.meta),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Inverse of `to_dict`.

        Raises
        ------
        DataError
            Where it is no timeline of this schema version.
        """
        version, kind = data.get("schema_version"), data.get("kind")
        if version != SCHEMA_VERSION or kind != "infometric-timeline":
            raise DataError(
                f"This is not a timeline of schema version {SCHEMA_VERSION}.",
                got={"kind": kind, "schema_version": version},
                hint="write it again with this version: timeline.to_json()",
            )
        tables, shifts = (
            {p: ResultTable.from_dict(table) for p, table in data[part].items()}
            for part in ("tables", "shifts")
        )
        return cls(tables, shifts=shifts, score=data["score"], meta=data["meta"])

    def to_json(self) -> str:
        """JSON text, read back by `from_json`."""
        return json.dumps(self.to_dict(), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Inverse of `to_json`."""
        return cls.from_dict(parse_json(text))

    def plot(self, name: str | None = None, ax: Axes | None = None) -> Axes:
        """Draw one column over time (the score by default); needs the extra ``plot``."""
        from infometric.report.plots import course

        return course(self, name or self.names[0], ax)

    def report(self, title: str = "Stability over time", **sources: str) -> Report:
        """Report of all periods: `to_html` and `to_json` write it.

        Parameters
        ----------
        title : str
            Title of the page.
        **sources : str
            What was compared: role to file name.
        """
        from infometric.report.course import timeline_report

        return timeline_report(self, title, sources)


def _sequential(r: Result) -> float:
    value = r.diagnostics.get("pvalue_sequential")
    return float("nan") if value is None else float(value)
