"""LearningCurves: what critics were worth, epoch by epoch."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

COLUMNS = ("fold", "epoch", "train", "validation")


class LearningCurves(Sequence[Mapping[str, float]]):
    """Values of a bound on training and validation rows, by fold and epoch.

    Parameters
    ----------
    records : sequence of mapping
        With fold, epoch, train and validation; nats.
    best : sequence of int
        Epoch whose weights were kept, of each fold.
    ended : sequence of str
        Why each training ended: "patience", "epochs", "diverged" or "interrupted".

    Examples
    --------
    >>> curves = LearningCurves(
    ...     [{"fold": 0, "epoch": 0, "train": 0.0, "validation": 0.0},
    ...      {"fold": 0, "epoch": 1, "train": 0.4, "validation": 0.3}], best=[1], ended=["epochs"])
    >>> len(curves), curves.best, curves[1]["validation"]
    (2, (1,), 0.3)
    """

    def __init__(
        self,
        records: Sequence[Mapping[str, float]],
        *,
        best: Sequence[int] = (),
        ended: Sequence[str] = (),
    ) -> None:
        self._records = [{name: float(r[name]) for name in COLUMNS} for r in records]
        self.best = tuple(int(b) for b in best)
        self.ended = tuple(ended)

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, index: Any) -> Any:
        return self._records[index]

    def __iter__(self) -> Iterator[Mapping[str, float]]:
        return iter(self._records)

    def __repr__(self) -> str:
        return f"LearningCurves({len(self.best)} folds, {len(self)} epochs, ended {self.ended})"

    def to_frame(self) -> pd.DataFrame:
        """A row for each fold and epoch; needs pandas."""
        import pandas as pd

        frame = pd.DataFrame(self._records, columns=list(COLUMNS))
        return frame.astype({"fold": int, "epoch": int})

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready representation, read back by `from_dict`."""
        rows = [[_plain(r[c]) for c in COLUMNS] for r in self._records]
        told = {"best": list(self.best), "ended": list(self.ended)}
        return {"columns": list(COLUMNS), "rows": rows} | told

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> LearningCurves:
        """Inverse of `to_dict`."""
        rows = [
            {
                c: math.nan if v is None else float(v)
                for c, v in zip(data["columns"], row, strict=True)
            }
            for row in data["rows"]
        ]
        return cls(rows, best=data["best"], ended=data["ended"])

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw training and validation values of each fold; needs the extra ``plot``."""
        from infometric.report.curves import learning

        return learning(self, ax)


def _plain(value: float) -> float | str | None:
    """A number as JSON has it: NaN as None, infinity as a text."""
    if math.isnan(value):
        return None
    return value if math.isfinite(value) else str(value)
