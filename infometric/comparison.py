"""Comparison: how well rival models of the same records do, and how far they are apart."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from infometric.exceptions import DataError
from infometric.result import ResultTable, jsonable, parse_json

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

SCHEMA_VERSION = 1
SEPARATOR = " / "
Curves = Mapping[str, tuple[tuple[float, ...], tuple[float, ...]]]


class EncodingComparison:
    """Measures of several models of a binary target on the same records.

    Parameters
    ----------
    measures : ResultTable
        One result per model, sample and measure, named ``"woe / test / auc"``.
    differences : ResultTable
        Differences of areas under the curve of each two models, on the test sample.
    curves : mapping of str to pair of tuples, optional
        False and true positive rates of each model on the test sample.

    Examples
    --------
    >>> import numpy as np, infometric as im
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(3000, 2)); y = rng.random(3000) < 1 / (1 + np.exp(2 - x[:, 0]))
    >>> found = im.compare_encodings(x, y, rng=0)
    >>> list(found.models), list(found.samples)
    (['one_hot', 'woe', 'boosted_stumps'], ['train', 'test'])
    """

    def __init__(
        self, measures: ResultTable, differences: ResultTable, *, curves: Curves | None = None
    ) -> None:
        self.measures = measures
        self.differences = differences
        self.curves = dict(curves or {})

    @property
    def models(self) -> list[str]:
        """Names of the models, in order."""
        return list(dict.fromkeys(name.split(SEPARATOR)[0] for name in self.measures))

    @property
    def samples(self) -> list[str]:
        """Names of the samples, in order."""
        return list(dict.fromkeys(name.split(SEPARATOR)[1] for name in self.measures))

    def to_frame(self) -> pd.DataFrame:
        """One row per model and sample, one column per measure, intervals beside the area.

        Returns
        -------
        pandas.DataFrame
            Indexed by model and sample.
        """
        import pandas as pd

        rows: dict[tuple[str, str], dict[str, float]] = {}
        for name, result in self.measures.items():
            model, sample, measure = name.split(SEPARATOR)
            row = rows.setdefault((model, sample), {})
            row[measure] = result.value
            if measure == "auc":
                row |= {"auc_ci_low": result.ci.low, "auc_ci_high": result.ci.high}
        index = pd.MultiIndex.from_tuples(rows, names=["model", "sample"])
        return pd.DataFrame(list(rows.values()), index=index)

    def summary(self) -> str:
        """Areas on the test sample, then the differences."""
        last = self.samples[-1]
        areas = {m: self.measures[SEPARATOR.join((m, last, "auc"))] for m in self.models}
        return f"{ResultTable(areas).summary()}\n{self.differences.summary()}"

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the receiver operating characteristics; needs the extra ``plot``."""
        from infometric.report.plots import roc

        return roc(self, ax)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready dictionary, read back by `from_dict`."""
        return {
            "schema_version": SCHEMA_VERSION,
            "kind": "infometric-comparison",
            "measures": self.measures.to_dict(),
            "differences": self.differences.to_dict(),
            "curves": jsonable(self.curves),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Inverse of `to_dict`.

        Raises
        ------
        DataError
            Where it is no comparison of this schema version.
        """
        version = data.get("schema_version")
        if data.get("kind") != "infometric-comparison" or version != SCHEMA_VERSION:
            raise DataError(
                f"This is not a comparison of schema version {SCHEMA_VERSION}.",
                got={"kind": data.get("kind"), "schema_version": version},
                hint="write it again with this version: comparison.to_json()",
            )
        measures, differences = (
            ResultTable.from_dict(data[name]) for name in ("measures", "differences")
        )
        curves = {n: (tuple(x), tuple(y)) for n, (x, y) in data["curves"].items()}
        return cls(measures, differences, curves=curves)

    def to_json(self) -> str:
        """JSON text, read back by `from_json`."""
        return json.dumps(self.to_dict(), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Inverse of `to_json`."""
        return cls.from_dict(parse_json(text))

    def __repr__(self) -> str:
        return f"EncodingComparison of {len(self.models)} models\n{self.summary()}"

    def _repr_html_(self) -> str:
        return self.measures._repr_html_() + self.differences._repr_html_()
