"""Extrapolation: values of critics by the rows they were trained on, the checks, the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from infometric.functional.extrapolation import Lines, joint_lines
from infometric.result import NATS_PER, check_units

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

COLUMNS = ("fold", "gamma", "chunk", "rows", "held", "train", "epochs", "ended")


@dataclass(frozen=True)
class Training:
    """One critic of the protocol.

    Parameters
    ----------
    fold : int
        Rows it is judged on.
    gamma : int
        How many times fewer rows it was trained on than the first critic of the fold.
    chunk : int
        Which part of the rows.
    rows : int
        Rows it had, those that ended its training included.
    held, train : float
        Value on the rows of the fold, and on those it was trained on, nats.
    epochs : int
        Epoch whose weights were kept.
    ended : str
        Why its training ended: "patience", "epochs", "diverged" or "interrupted".
    """

    fold: int
    gamma: int
    chunk: int
    rows: int
    held: float
    train: float
    epochs: int = 0
    ended: str = "patience"


@dataclass(frozen=True)
class Check:
    """One condition of the verdict.

    Parameters
    ----------
    name : str
        What was looked at.
    passed : bool
        Whether it holds.
    value, limit : float
        What was found, and the most that passes.
    reason : str
        What it means, in one sentence.
    """

    name: str
    passed: bool
    value: float
    limit: float
    reason: str


@dataclass(frozen=True)
class Extrapolation(Sequence[Training]):
    """Trainings on fewer and fewer rows, the lines through them, and the checks.

    Parameters
    ----------
    trainings : tuple of Training
        Every critic.
    used : tuple of int
        Values of gamma that the lines go through.
    checks : tuple of Check
        Conditions of the verdict.
    embedding_dim : int
        Numbers per code that were chosen.
    dimensions : dict of int to float
        Validation value of each that was tried, nats.

    Examples
    --------
    >>> levels = [(1, 0.9, 1.05), (2, 0.8, 1.1), (4, 0.6, 1.2)]
    >>> e = Extrapolation(tuple(Training(0, g, 0, 400 // g, t, r) for g, t, r in levels), (1, 2, 4))
    >>> round(e.lines.intercept, 9), e.reliable
    (1.0, True)
    """

    trainings: tuple[Training, ...]
    used: tuple[int, ...]
    checks: tuple[Check, ...] = ()
    embedding_dim: int = 0
    dimensions: Mapping[int, float] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.trainings)

    def __getitem__(self, index: Any) -> Any:
        return self.trainings[index]

    @property
    def gammas(self) -> tuple[int, ...]:
        """Values of gamma, ascending."""
        return tuple(sorted({t.gamma for t in self.trainings}))

    def mean(self, gamma: int, kind: str = "held") -> float:
        """Mean value of the critics of one gamma, each fold weighing the same."""
        folds: dict[int, list[float]] = {}
        for t in self.trainings:
            if t.gamma == gamma:
                folds.setdefault(t.fold, []).append(getattr(t, kind))
        return float(np.mean([np.mean(values) for values in folds.values()]))

    @property
    def lines(self) -> Lines:
        """The lines through the values that are used."""
        return self.fitted(self.used)

    def fitted(self, gammas: Sequence[int]) -> Lines:
        """Lines through some of the values."""
        if len(gammas) < 2:  # one level has no line
            return Lines(self.mean(gammas[0]), 0.0, 0.0)
        held, train = ([self.mean(g, kind) for g in gammas] for kind in ("held", "train"))
        return joint_lines(gammas, held, train)

    @property
    def correction(self) -> float:
        """What is added to the held-out value of all rows, nats."""
        return self.lines.intercept - self.mean(min(self.gammas))

    @property
    def gap(self) -> float:
        """Distance of training and held-out values of all rows, nats."""
        first = min(self.gammas)
        return self.mean(first, "train") - self.mean(first)

    @property
    def se_of_folds(self) -> float:
        """Standard error of the held-out value by the spread of the folds, nats; a check."""
        held = [t.held for t in self.trainings if t.gamma == min(self.gammas)]
        return float(np.std(held, ddof=1) / np.sqrt(len(held))) if len(held) > 1 else float("nan")

    @property
    def reliable(self) -> bool:
        """Whether every check holds."""
        return all(c.passed for c in self.checks)

    @property
    def failed(self) -> tuple[Check, ...]:
        """Checks that do not hold."""
        return tuple(c for c in self.checks if not c.passed)

    def summary(self, units: str = "nats") -> str:
        """Verdict and checks, a line for each; the value in units, the checks in nats."""
        check_units(units)
        value = self.lines.intercept / NATS_PER[units]
        verdict = "reliable" if self.reliable else "not reliable"
        lines = [f"{value:.4g} {units} from {len(self)} trainings: {verdict}"]
        for c in self.checks:
            mark = "pass" if c.passed else "FAIL"
            lines.append(f"  {mark}  {c.name}: {c.value:.3g} (at most {c.limit:.4g}). {c.reason}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return self.summary()

    def to_frame(self) -> pd.DataFrame:
        """A row for each training; needs pandas."""
        import pandas as pd

        return pd.DataFrame([asdict(t) for t in self.trainings], columns=list(COLUMNS))

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready representation, read back by `from_dict`."""
        return {
            "trainings": [asdict(t) for t in self.trainings],
            "used": list(self.used),
            "checks": [asdict(c) for c in self.checks],
            "embedding_dim": self.embedding_dim,
            "dimensions": [[k, v] for k, v in self.dimensions.items()],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Extrapolation:
        """Inverse of `to_dict`."""
        return cls(
            tuple(Training(**t) for t in data["trainings"]),
            tuple(data["used"]),
            tuple(Check(**c) for c in data["checks"]),
            data["embedding_dim"],
            {int(k): float(v) for k, v in data["dimensions"]},
        )

    def plot(self, ax: Axes | None = None, *, units: str = "nats") -> Axes:
        """Draw values against 1/N with the lines to infinity; needs the extra ``plot``."""
        from infometric.report.curves import extrapolation

        return extrapolation(self, ax, units)
