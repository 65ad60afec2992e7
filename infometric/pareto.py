"""The frontier of performance and fairness as a result: points, JSON, table, picture."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from infometric._version import __version__
from infometric.exceptions import DataError, InfometricError, InvalidParameterError, Shown
from infometric.files import sealed, unsealed
from infometric.result import Result, ResultTable, jsonable, parse_json
from infometric.state.encoders import Encoder, encoder_from_dict

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

SCHEMA_VERSION = 1
KIND = "infometric-fairness-frontier"
VERDICTS = ("within budget", "undecided", "above budget")  # the best first
_AGAIN = "write it again with this version: frontier.to_json()"


@dataclass(frozen=True, eq=False)
class FairnessPoint:
    """The best bins within one budget, and what they are worth on data that did not choose them.

    Parameters
    ----------
    budget : dict of str to float
        Budget of each comparison, in nats.
    performance : Result
        Information value about the target, summed over the features that are kept, on the part
        held out.
    protected : dict of str to Result
        The same about each protected comparison; the diagnostics hold the verdict on the budget.
    encoders : dict of str to Encoder
        Bins of the features that are kept.
    dropped : tuple of str
        Features that are not.
    in_sample : dict
        The same quantities where the bins were chosen, which the budgets bind.
    solver : dict
        Number of binaries, of those that were left to the solver, and the relative gap that is
        proved.
    """

    budget: dict[str, float]
    performance: Result
    protected: dict[str, Result]
    encoders: dict[str, Encoder]
    dropped: tuple[str, ...]
    in_sample: dict[str, Any]
    solver: dict[str, Any]

    @property
    def hash(self) -> str:
        """Fingerprint of the bins, 16 hexadecimal digits."""
        text = json.dumps({name: e.key for name, e in sorted(self.encoders.items())})
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def verdict(self) -> str:
        """The worst verdict of its comparisons."""
        found = {r.diagnostics["verdict"] for r in self.protected.values()}
        return next(v for v in reversed(VERDICTS) if v in found)

    @property
    def complete(self) -> bool:
        """Whether everything that is shown of it is there."""
        told = [r.diagnostics for r in self.protected.values()]
        judged = all(d.get("verdict") in VERDICTS and "upper_bound" in d for d in told)
        return judged and "performance" in self.in_sample and "gap" in self.solver

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready dictionary."""
        return {
            "budget": jsonable(self.budget),
            "performance": self.performance.to_dict(),
            "protected": {name: r.to_dict() for name, r in self.protected.items()},
            "encoders": {name: jsonable(e.to_dict()) for name, e in self.encoders.items()},
            "dropped": list(self.dropped),
            "in_sample": jsonable(self.in_sample),
            "solver": jsonable(self.solver),
            "hash": self.hash,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Inverse of `to_dict`."""
        point = cls(
            dict(data["budget"]),
            Result.from_dict(data["performance"]),
            {name: Result.from_dict(r) for name, r in data["protected"].items()},
            {name: encoder_from_dict(e) for name, e in data["encoders"].items()},
            tuple(data["dropped"]),
            dict(data["in_sample"]),
            dict(data["solver"]),
        )
        if point.hash != data["hash"]:
            raise DataError(
                "The bins of a point do not match their fingerprint.",
                got={"stored": data["hash"], "computed": point.hash},
                hint="take the frontier from an unedited file",
            )
        return point


def _bound(r: Result) -> float:
    """Upper bound of a protected value, also as JSON writes what is not finite."""
    bound = r.diagnostics["upper_bound"]
    return math.nan if bound is None else float(bound)


@dataclass(frozen=True, eq=False)
class FairnessFrontier:
    """What performance costs in fairness: the best bins within each of several budgets.

    Made by `fair_frontier`.

    Parameters
    ----------
    points : tuple of FairnessPoint
        In order of their budgets.
    features : tuple of str
        Characteristics that were offered.
    comparisons : tuple of str
        What is protected: ``SEX: 2 against 1``.
    parameters : dict
        How it was made.
    version : str
        Version of the library that made it.
    """

    points: tuple[FairnessPoint, ...]
    features: tuple[str, ...]
    comparisons: tuple[str, ...]
    parameters: dict[str, Any] = field(default_factory=dict)
    version: str = __version__

    def __len__(self) -> int:
        return len(self.points)

    def __iter__(self) -> Iterator[FairnessPoint]:
        return iter(self.points)

    def __getitem__(self, i: int) -> FairnessPoint:
        try:
            return self.points[i]
        except (IndexError, TypeError) as error:
            raise InvalidParameterError(
                f"The frontier has points 0 to {len(self.points) - 1}.",
                got=i,
                hint="frontier.to_frame() shows them",
            ) from error

    @property
    def hash(self) -> str:
        """Fingerprint of the bins of all points, 16 hexadecimal digits."""
        text = "".join(point.hash for point in self.points)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def encoders(self, i: int) -> dict[str, Encoder]:
        """Bins of one point, ready for ``bins=`` of other estimators.

        Parameters
        ----------
        i : int
            Position of the point.

        Returns
        -------
        dict of str to Encoder
            One per feature that is kept; the names of the others are in ``points[i].dropped``.
        """
        return dict(self[i].encoders)

    def to_frame(self) -> pd.DataFrame:
        """Pandas frame with one row per point and comparison."""
        import pandas as pd

        rows = [
            {
                "point": i,
                "comparison": name,
                "budget": point.budget[name],
                "performance": point.performance.value,
                "performance_low": point.performance.ci.low,
                "performance_high": point.performance.ci.high,
                "protected": r.value,
                "protected_low": r.ci.low,
                "protected_high": r.ci.high,
                "upper_bound": _bound(r),
                "verdict": r.diagnostics["verdict"],
                "in_sample_performance": point.in_sample["performance"],
                "in_sample_protected": point.in_sample["protected"][name],
                "features": len(point.encoders),
                "gap": point.solver["gap"],
            }
            for i, point in enumerate(self.points)
            for name, r in point.protected.items()
        ]
        return pd.DataFrame(rows)

    def tables(self) -> dict[str, ResultTable]:
        """Performance, and each protected comparison, as tables of results with one line a point.

        The lines are named by their budgets.
        """
        found: dict[str, dict[str, Result]] = {"performance": {}}
        for i, point in enumerate(self.points):
            budgets = sorted(set(point.budget.values()))
            name = f"{i}: budget " + ", ".join(f"{b:.4g}" for b in budgets)
            found["performance"][name] = point.performance
            for comparison, r in point.protected.items():
                found.setdefault(comparison, {})[name] = r
        return {name: ResultTable(results) for name, results in found.items()}

    def summary(self) -> str:
        """One line per point."""
        lines = []
        for point in self.points:
            for name, r in point.protected.items():
                lines.append(
                    f"{name}: budget {point.budget[name]:.4g}: performance "
                    f"{point.performance.value:.4g} [{point.performance.ci.low:.4g}, "
                    f"{point.performance.ci.high:.4g}], protected {r.value:.4g}, "
                    f"95 % sure of {_bound(r):.4g} at most: {r.diagnostics['verdict']}"
                )
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.summary()

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready dictionary, read back by `from_dict`."""
        content = {
            "schema_version": SCHEMA_VERSION,
            "kind": KIND,
            "version": self.version,
            "features": list(self.features),
            "comparisons": list(self.comparisons),
            "parameters": jsonable(self.parameters),
            "hash": self.hash,
            "points": [point.to_dict() for point in self.points],
        }
        return sealed(content)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Inverse of `to_dict`.

        Raises
        ------
        DataError
            Where it is no frontier of this schema version, or was edited.
        """
        version = data.get("schema_version")
        if data.get("kind") != KIND or version != SCHEMA_VERSION:
            raise DataError(
                f"This is no fairness frontier of schema version {SCHEMA_VERSION}.",
                got={"kind": data.get("kind"), "schema_version": version},
                hint=_AGAIN,
            )
        content = unsealed(data, "take the frontier from an unedited file")
        try:
            points = tuple(map(FairnessPoint.from_dict, content["points"]))
            names = tuple(content["features"]), tuple(content["comparisons"])
            made = cls(points, *names, dict(content["parameters"]), str(content["version"]))
            wrong = made._contradiction(content["hash"])
        except InfometricError:
            raise
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise DataError(
                "This frontier does not follow its schema: a part is not there or of another kind.",
                got=Shown(f"{type(error).__name__}: {error}"),
                hint=_AGAIN,
            ) from error
        if wrong:
            raise DataError(f"This frontier contradicts itself: {wrong}.", hint=_AGAIN)
        return made

    def _contradiction(self, stored: Any) -> str:
        """What does not fit together in a frontier that was read; nothing where all does."""
        if not self.points or not self.features or not self.comparisons:
            return "it has no points, no features or no comparisons"
        if self.hash != stored:
            return "its bins do not match their fingerprint"
        names, features = set(self.comparisons), set(self.features)
        for i, point in enumerate(self.points):
            sides = (point.budget, point.protected, point.in_sample["protected"])
            if any(set(side) != names for side in sides):
                return f"point {i} has other comparisons"
            if set(point.encoders) | set(point.dropped) != features:
                return f"point {i} has other features"
            if not point.complete:
                return f"point {i} lacks a verdict, a bound or a gap"
        return ""

    def to_json(self) -> str:
        """JSON text, read back by `from_json`."""
        return json.dumps(self.to_dict(), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Inverse of `to_json`."""
        return cls.from_dict(parse_json(text))

    def plot(self, ax: Axes | None = None, *, comparison: str | None = None) -> Axes:
        """Draw performance over protected divergence, with the intervals of both.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Axes to draw on; new ones by default.
        comparison : str, optional
            Which protected comparison; the first by default.

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        InvalidParameterError
            Where there is no such comparison.
        """
        name = self.comparisons[0] if comparison is None else comparison
        if name not in self.comparisons:
            raise InvalidParameterError(
                "There is no such comparison in this frontier.",
                got=comparison,
                hint=f"comparison={self.comparisons[0]!r}",
            )
        from infometric.report.plots import frontier

        return frontier(self, name, ax)
