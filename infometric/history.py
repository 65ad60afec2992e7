"""TrainingHistory: what a probe saw of each layer, step by step."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any, Self

from infometric.exceptions import ColumnError, DataError, and_list
from infometric.files import read_json, write_text
from infometric.result import Result, ResultTable, jsonable, parse_json

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

SCHEMA_VERSION = 1
KIND = "infometric-training-history"
Key = tuple[int, str, str]


class TrainingHistory(Mapping[Key, Result]):
    """Results by step, layer and measure, in the order in which they were taken.

    Parameters
    ----------
    results : mapping of (int, str, str) to Result, optional
        Result of each step, layer and measure.
    meta : mapping, optional
        JSON-ready facts: parameters of the probe, versions.

    Examples
    --------
    >>> import infometric as im
    >>> import numpy as np
    >>> probe = im.TrainingProbe(measures=["effective_rank"], uncertainty="none")
    >>> for step in (0, 10):
    ...     probe.record(step, "fc1", np.eye(8) * (1 + step))
    >>> round(probe.history[10, "fc1", "effective_rank"].value, 6)
    8.0
    >>> probe.history.steps, probe.history.layers
    ([0, 10], ['fc1'])
    """

    def __init__(
        self,
        results: Mapping[Key, Result] | None = None,
        *,
        meta: Mapping[str, Any] | None = None,
    ) -> None:
        self._results = dict(results or {})
        self.meta = dict(meta or {})

    def __getitem__(self, key: Key) -> Result:
        try:
            return self._results[key]
        except (KeyError, TypeError):
            raise self._missing(key) from None

    def __iter__(self) -> Iterator[Key]:
        return iter(self._results)

    def __len__(self) -> int:
        return len(self._results)

    def __contains__(self, key: object) -> bool:
        return key in self._results

    def __repr__(self) -> str:
        return (
            f"TrainingHistory({len(self.steps)} steps, {len(self.layers)} layers, "
            f"{len(self.measures)} measures)"
        )

    def _missing(self, key: Any) -> ColumnError:
        if not isinstance(key, tuple) or len(key) != 3:
            return ColumnError(
                "A record is named by step, layer and measure.",
                got=key,
                hint="history[100, 'fc1', 'dse'], or history.of('fc1', 'dse')",
            )
        step, layer, measure = key
        for name, known, noun in (
            (layer, self.layers, "layer"),
            (measure, self.measures, "measure"),
        ):
            if name not in known:
                return absent(noun, name, known)
        if step not in self.steps:
            return absent("step", step, self.steps)
        return ColumnError(
            f"There is no {measure!r} of layer {layer!r} at step {step}.",
            hint=f"history.of({layer!r}, {measure!r}), or history.to_frame()",
        )

    def add(self, step: int, layer: str, measure: str, result: Result) -> None:
        """Keep a result; one of the same step, layer and measure is replaced."""
        self._results[int(step), str(layer), str(measure)] = result

    @property
    def steps(self) -> list[int]:
        """Steps that were measured, ascending."""
        return sorted({key[0] for key in self})

    @property
    def layers(self) -> list[str]:
        """Layers, in the order in which they were first seen."""
        return list(dict.fromkeys(key[1] for key in self))

    @property
    def measures(self) -> list[str]:
        """Measures, in the order in which they were first seen."""
        return list(dict.fromkeys(key[2] for key in self))

    def of(self, layer: str, measure: str) -> ResultTable:
        """Results of one layer and measure by step.

        Raises
        ------
        ColumnError
            Where there is no such layer or measure, naming the nearest that exists.
        """
        found = {s: self[s, layer, measure] for s in self.steps if (s, layer, measure) in self}
        if not found:
            raise self._missing((next(iter(self.steps), 0), layer, measure))
        return ResultTable({str(step): r for step, r in found.items()}, meta=self.meta)

    def rows(self) -> list[dict[str, Any]]:
        """One dictionary per step, layer and measure."""
        return [
            {
                "step": step,
                "layer": layer,
                "measure": measure,
                **r.row(),
                "units": r.units,
                "reason": r.diagnostics.get("reason"),
            }
            for (step, layer, measure), r in self.items()
        ]

    def to_frame(self) -> pd.DataFrame:
        """Pandas frame with one row per step, layer and measure."""
        import pandas as pd

        columns = ["step", "layer", "measure", "value", "se", "ci_low", "ci_high", "level"]
        columns += ["pvalue", "n", "method", "units", "reason"]
        return pd.DataFrame(self.rows(), columns=columns)

    def summary(self) -> str:
        """One line per layer and measure: the first value and the last, and what failed."""
        pairs = list(dict.fromkeys(key[1:] for key in self))
        width = max((len(f"{layer}  {measure}") for layer, measure in pairs), default=0)
        return "\n".join(
            f"{f'{layer}  {measure}':<{width}}  {self._course(layer, measure)}"
            for layer, measure in pairs
        )

    def _course(self, layer: str, measure: str) -> str:
        table = self.of(layer, measure)
        known = [(step, r) for step, r in table.items() if r.value == r.value]
        ends = [known[0], known[-1]] if len(known) > 1 else known
        text = " -> ".join(f"step {step}: {_short(r)}" for step, r in ends) or "nothing measured"
        lost = len(table) - len(known)
        return text + (f" ({lost} of {len(table)} steps without a value)" if lost else "")

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready dictionary, read back by `from_dict`."""
        records = [
            {"step": step, "layer": layer, "measure": measure, "result": r.to_dict()}
            for (step, layer, measure), r in self.items()
        ]
        return {
            "schema_version": SCHEMA_VERSION,
            "kind": KIND,
            "records": records,
            "meta": jsonable(self.meta),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Inverse of `to_dict`.

        Raises
        ------
        DataError
            Where it is no history of this schema version.
        """
        version, kind = data.get("schema_version"), data.get("kind")
        if version != SCHEMA_VERSION or kind != KIND:
            raise DataError(
                f"This is not a training history of schema version {SCHEMA_VERSION}.",
                got={"kind": kind, "schema_version": version},
                hint="write it again with this version: probe.history.to_json()",
            )
        try:
            found = {
                (int(r["step"]), r["layer"], r["measure"]): Result.from_dict(r["result"])
                for r in data["records"]
            }
            return cls(found, meta=data["meta"])
        except (KeyError, TypeError, AttributeError) as error:
            raise DataError(
                "This training history is in pieces.",
                got=repr(error),
                hint="write it again: probe.history.to_json()",
            ) from error

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """JSON text, read back by `from_json`; written to a file too where a path is given.

        Raises
        ------
        OutputError
            Where the file cannot be written; what stood there is unchanged.
        """
        text = json.dumps(self.to_dict(), allow_nan=False)
        if path is not None:
            write_text(path, text)
        return text

    @classmethod
    def from_json(cls, source: str | os.PathLike[str]) -> Self:
        """Inverse of `to_json`: of its text, or of the path of its file.

        Raises
        ------
        DataError
            Where it is neither, or no training history.
        SourceError
            Where the file cannot be read.
        """
        if not isinstance(source, str | os.PathLike):
            raise DataError(
                "A training history is read from its JSON text, or from the path of its file.",
                got=source,
                hint="im.TrainingHistory.from_json('history.json')",
            )
        if isinstance(source, str) and source.lstrip().startswith("{"):
            return cls.from_dict(parse_json(source))
        return cls.from_dict(read_json(source, "probe.history.to_json('history.json')"))

    def plot(
        self,
        measures: str | Iterable[str] | None = None,
        *,
        layers: str | Iterable[str] | None = None,
        axes: Any = None,
    ) -> np.ndarray[Any, Any]:
        """Draw the measures over the steps, a panel each, a line for each layer with its interval.

        Parameters
        ----------
        measures, layers : str or iterable of str, optional
            Which of them; all by default.
        axes : sequence of matplotlib.axes.Axes, optional
            One for each measure; a new figure by default.

        Returns
        -------
        ndarray of matplotlib.axes.Axes
            The panels; needs the extra ``plot``.
        """
        from infometric.report.training import panels

        shown = _chosen(measures, self.measures, "measure")
        drawn = _chosen(layers, self.layers, "layer")
        return panels(self, shown, drawn, axes)  # type: ignore[no-any-return]


def _short(r: Result) -> str:
    interval = "" if r.ci.low != r.ci.low else f" [{r.ci.low:.4g}, {r.ci.high:.4g}]"
    unit = "" if r.units == "dimensionless" else f" {r.units}"
    return f"{r.value:.4g}{interval}{unit}"


def _chosen(names: str | Iterable[str] | None, known: list[str], noun: str) -> list[str]:
    if names is None:
        return known
    found = [names] if isinstance(names, str) or not isinstance(names, Iterable) else list(names)
    for name in found:
        if name not in known:
            raise absent(noun, name, known)
    return found


def absent(noun: str, name: Any, known: Sequence[Any]) -> ColumnError:
    """Error for a step, layer or measure that was not measured, with what there is.

    Examples
    --------
    >>> print(absent("step", 11, [0, 10, 20]))
    There is no step 11 in this history.
      Try: step 10, the nearest; there are 0, 10, 20
    """
    if noun == "step" and isinstance(name, Integral):
        near = sorted(known, key=lambda step: abs(step - int(name)))[:1]
    else:
        near = difflib.get_close_matches(str(name), list(map(str, known)), n=1, cutoff=0.4)
    there = and_list(known, limit=6)
    if noun == "step" and not isinstance(name, Integral):
        hint = f"a whole number; there are {there}"
    elif near:
        hint = f"{noun} {near[0]!r}, the nearest; there are {there}"
    else:
        hint = f"one of {there}" if known else "probe.measure(), for nothing has been measured yet"
    return ColumnError(f"There is no {noun} {name!r} in this history.", hint=hint)
