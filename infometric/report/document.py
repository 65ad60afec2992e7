"""Report: results with their context, as JSON and as one HTML page."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from infometric._version import __version__
from infometric.exceptions import ColumnError, DataError
from infometric.files import read_json, write_text
from infometric.pairwise import PairwiseResult
from infometric.result import ResultTable, jsonable
from infometric.state.encoders import Encoder, encoder_from_dict
from infometric.timeline import Timeline

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Section:
    """A table of results with a heading.

    Parameters
    ----------
    name : str
        Heading.
    table : ResultTable
        Results.
    note : str
        What the table answers, one or two sentences.
    matrix : PairwiseResult, optional
        All pairs of columns, of which the table shows some.
    timeline : Timeline, optional
        All periods, of which the table shows one.
    """

    name: str
    table: ResultTable
    note: str = ""
    matrix: PairwiseResult | None = None
    timeline: Timeline | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready dictionary."""
        out = {"name": self.name, "note": self.note, "table": self.table.to_dict()}
        out |= {} if self.matrix is None else {"matrix": self.matrix.to_dict()}
        return out if self.timeline is None else out | {"timeline": self.timeline.to_dict()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Inverse of `to_dict`."""
        matrix = PairwiseResult.from_dict(data["matrix"]) if "matrix" in data else None
        timeline = Timeline.from_dict(data["timeline"]) if "timeline" in data else None
        table = ResultTable.from_dict(data["table"])
        return cls(data["name"], table, data["note"], matrix, timeline)


@dataclass(frozen=True)
class Report:
    """A titled sequence of sections.

    Parameters
    ----------
    title : str
        Title.
    sections : tuple of Section
        Tables in order.
    sources : mapping of str to str
        What was compared: role to file name.
    created : str
        Time stamp, ISO 8601 in UTC.
    version : str
        Version of the library that made the results.

    Examples
    --------
    >>> import infometric as im
    >>> from infometric.report.document import Report, Section
    >>> table = im.ResultTable({"x": im.psi([1, 2, 3, 4] * 50, [1, 2, 2, 4] * 50, bins=[2])})
    >>> report = Report("Drift", (Section("All", table),), created="2026-01-31T00:00:00+00:00")
    >>> Report.from_dict(report.to_dict()).to_dict() == report.to_dict()
    True
    """

    title: str
    sections: tuple[Section, ...]
    sources: Mapping[str, str] = field(default_factory=dict)
    created: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    version: str = __version__

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready dictionary."""
        return {
            "schema_version": SCHEMA_VERSION,
            "kind": "infometric-report",
            "title": self.title,
            "created": self.created,
            "version": self.version,
            "sources": jsonable(self.sources),
            "sections": [s.to_dict() for s in self.sections],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Inverse of `to_dict`.

        Raises
        ------
        DataError
            Where it is no report of this schema version.
        """
        version = data.get("schema_version")
        if data.get("kind") != "infometric-report" or version != SCHEMA_VERSION:
            raise DataError(
                f"This is not a report of schema version {SCHEMA_VERSION}.",
                got={"kind": data.get("kind"), "schema_version": version},
                hint="write it again: infometric psi REFERENCE CURRENT --json report.json",
            )
        try:
            sections = tuple(map(Section.from_dict, data["sections"]))
            return cls(data["title"], sections, data["sources"], data["created"], data["version"])
        except (KeyError, TypeError, AttributeError) as error:
            raise DataError(
                "This report does not follow its schema: a part is not there or of another kind.",
                got=error,
                hint="write it again: infometric psi REFERENCE CURRENT --json report.json",
            ) from error

    def to_json(self, path: str | os.PathLike[str]) -> Path:
        """Write the JSON twin."""
        text = json.dumps(self.to_dict(), allow_nan=False, ensure_ascii=False, indent=1)
        return write_text(path, text)

    @classmethod
    def from_json(cls, path: str | os.PathLike[str]) -> Self:
        """Read a JSON twin.

        Raises
        ------
        SourceError
            Where the file is absent or is not JSON.
        DataError
            Where it is JSON, but no report.
        """
        return cls.from_dict(read_json(path, "infometric psi REFERENCE CURRENT --json report.json"))

    def to_html(self, path: str | os.PathLike[str]) -> Path:
        """Write the page: one file, no external address, no raw rows."""
        from infometric.report.html import page

        return write_text(path, page(self))

    def encoders(self, names: Sequence[str] | None = None) -> dict[str, Encoder]:
        """Frozen bins of the report's columns.

        Parameters
        ----------
        names : sequence of str, optional
            Columns that must be there.

        Raises
        ------
        ColumnError
            Where the report has no bins for a name.
        """
        found: dict[str, Encoder] = {}
        for section in self.sections:
            for name, data in section.table.meta.get("encoders", {}).items():
                found.setdefault(name, encoder_from_dict(data))
        for name in names or ():
            if name not in found:
                raise ColumnError.missing(name, found, where="the bins of the report")
        return found
