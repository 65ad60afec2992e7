"""MembershipEvaluation: how well scores tell members from non-members."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from infometric.exceptions import DataError
from infometric.result import ResultTable, jsonable, parse_json

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SCHEMA_VERSION = 1
TABLES = ("auc", "differences", "tpr")
Curves = Mapping[str, tuple[tuple[float, ...], tuple[float, ...]]]


@dataclass(frozen=True, eq=False)
class MembershipEvaluation:
    """What `llm.evaluate` found.

    Parameters
    ----------
    auc : ResultTable
        Area under the curve of each score.
    differences : ResultTable
        Differences of the areas of each two scores on the same texts, named ``"a - b"``.
    tpr : ResultTable
        Share of members found at each false positive rate, named ``"a at 0.01"``; diagnostics hold
        the threshold and the range of the false positive rate that it realises.
    curves : mapping of str to pair of tuples
        False and true positive rates.
    n_members, n_non_members : int
        Texts of each kind.
    missing : mapping of str to int
        Texts without a score, which are left out.
    """

    auc: ResultTable
    differences: ResultTable
    tpr: ResultTable
    curves: Curves = field(repr=False)
    n_members: int
    n_non_members: int
    missing: Mapping[str, int]

    def summary(self) -> str:
        """One line per area, difference and rate."""
        tables = [getattr(self, name) for name in TABLES]
        return "\n".join(table.summary() for table in tables if len(table))

    def __str__(self) -> str:
        return self.summary()

    def __repr__(self) -> str:
        return (
            f"MembershipEvaluation({', '.join(self.auc)}: {self.n_members} members, "
            f"{self.n_non_members} non-members)\n{self.summary()}"
        )

    def _repr_html_(self) -> str:
        tables = [getattr(self, name) for name in TABLES]
        return "".join(table._repr_html_() for table in tables if len(table))

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready dictionary."""
        tables = {n: getattr(self, n).to_dict() for n in TABLES}
        told = {n: jsonable(getattr(self, n)) for n in ("n_members", "n_non_members", "missing")}
        curves = {k: [list(axis) for axis in pair] for k, pair in self.curves.items()}
        return {"schema_version": SCHEMA_VERSION, **tables, **told, "curves": curves}

    def to_json(self) -> str:
        """JSON text."""
        return json.dumps(self.to_dict(), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Inverse of `to_json`.

        Raises
        ------
        DataError
            Where it is no evaluation of this schema version.
        """
        data = parse_json(text)
        if data.get("schema_version") != SCHEMA_VERSION or "curves" not in data:
            raise DataError(
                f"This is no evaluation of schema version {SCHEMA_VERSION}.",
                got=list(data)[:6],
                hint="write it again: evaluation.to_json()",
            )
        auc, differences, tpr = (ResultTable.from_dict(data[name]) for name in TABLES)
        curves = {k: (tuple(a), tuple(b)) for k, (a, b) in data["curves"].items()}
        sizes = (data[name] for name in ("n_members", "n_non_members", "missing"))
        return cls(auc, differences, tpr, curves, *sizes)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Receiver operating characteristics; needs the extra ``plot``."""
        from infometric.report.plots import roc_curves

        return roc_curves(self.curves, {k: r.value for k, r in self.auc.items()}, ax)
