"""MembershipTable: one result per text, kept as columns: a million texts are a few arrays."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from infometric.exceptions import DataError, UnsupportedError
from infometric.inference import check_level
from infometric.llm.conformal import Calibration, Decision, noise_share
from infometric.result import (
    DIMENSIONLESS,
    ConfidenceInterval,
    Result,
    ResultTable,
    adjusted_columns,
)
from infometric.typing import Array

if TYPE_CHECKING:
    import pandas as pd

INTERVAL_OF = "the score over other tokens of such a text; it says nothing of membership"
_SHOWN = 20


@dataclass(frozen=True, eq=False)
class Columns:
    """What is known of each text, as arrays of one length."""

    value: Array
    se: Array
    low: Array
    high: Array
    pvalue: Array
    n: Array


class _Rows(Mapping[str, Result]):
    """Results that are made when they are asked for."""

    def __init__(self, names: tuple[str, ...], columns: Columns, facts: Mapping[str, Any]) -> None:
        self.names, self.columns, self.facts = names, columns, facts

    @cached_property
    def _place(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.names)}

    def __getitem__(self, name: str) -> Result:
        i, c, facts = self._place[name], self.columns, self.facts
        value = float(c.value[i])
        told: dict[str, Any] = {"interval_of": INTERVAL_OF, "n_of": "tokens"}
        if math.isfinite(facts["noise_share"]):
            told["noise_share"] = facts["noise_share"]
        return Result(
            measure=facts["measure"],
            value=value,
            se=float(c.se[i]),
            ci=ConfidenceInterval(float(c.low[i]), float(c.high[i])),
            level=facts["level"],
            units=DIMENSIONLESS,
            n=(int(c.n[i]),),
            method=facts["method"],
            pvalue=float(c.pvalue[i]),
            diagnostics=told,
            warnings=("the score is not defined for this text",) if math.isnan(value) else (),
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def __contains__(self, name: object) -> bool:
        return name in self._place


class MembershipTable(ResultTable):
    """Scores of texts, with the error of their tokens and conformal p-values.

    Made by `MembershipScore.estimate` and `membership_scores`. A `ResultTable` whose results are
    made when they are asked for.

    Parameters
    ----------
    names : tuple of str
        Names of the texts.
    columns : Columns
        Values, standard errors, bounds, p-values and numbers of tokens.
    measure, method : str
        Name of the score, and how interval and p-value were made.
    level : float
        Nominal coverage of the intervals.
    calibration : Calibration, optional
        Scores of non-members; without it there are no p-values and no decision.
    adjusted, meta
        As of `ResultTable`.
    """

    def __init__(
        self,
        names: tuple[str, ...],
        columns: Columns,
        *,
        measure: str,
        method: str,
        level: float,
        calibration: Calibration | None = None,
        adjusted: Mapping[str, Sequence[float]] | None = None,
        meta: Mapping[str, Any] | None = None,
    ) -> None:
        self.columns, self.calibration = columns, calibration
        self.facts: dict[str, Any] = {"measure": measure, "method": method, "level": level}
        self.facts["noise_share"] = (
            noise_share(columns.value, columns.se**2)
            if calibration is None
            else calibration.noise_share
        )
        super().__init__({}, adjusted=adjusted, meta=meta)
        self._results: Any = _Rows(names, columns, self.facts)

    # -- the same as of a table of results, on whole columns --------------------------------------

    @property
    def values_array(self) -> Array:
        """Score of each text; NaN where it is not defined."""
        return self.columns.value

    @property
    def pvalues(self) -> Array:
        """Conformal p-value of each text."""
        return self.columns.pvalue

    @property
    def noise_share(self) -> float:
        """Share of the variance between texts that the tokens within a text explain.

        Of the calibration where there is one. At one half, the order of two texts is as much chance
        as it is difference.
        """
        return float(self.facts["noise_share"])

    def __float__(self) -> float:
        return float(np.nansum(self.columns.value))

    def scores(self) -> tuple[Array, Array]:
        """Values and p-values."""
        return self.columns.value, self.columns.pvalue

    @property
    def ci(self) -> dict[str, ConfidenceInterval]:
        """Interval of each score."""
        bounds = zip(self, self.columns.low.tolist(), self.columns.high.tolist(), strict=True)
        return {name: ConfidenceInterval(low, high) for name, low, high in bounds}

    @property
    def warnings(self) -> tuple[str, ...]:
        """Which texts have no score, and what else must be known."""
        gone = np.flatnonzero(np.isnan(self.columns.value))
        names = self._results.names
        told = tuple(self.meta.get("warnings", ()))
        return told + tuple(f"{names[i]}: the score is not defined for this text" for i in gone)

    @property
    def shown_pvalues(self) -> tuple[str, tuple[float, ...]]:
        """Heading and p-values to print: conformal ones, adjusted where they are."""
        if "pvalue_bh" in self.adjusted:
            return "p (BH)", self.adjusted["pvalue_bh"]
        return "p (conformal)", tuple(self.columns.pvalue.tolist())

    def adjust(self, methods: Sequence[str] = ("holm", "fdr_bh")) -> MembershipTable:
        """Add p-values adjusted for the number of texts, as of `ResultTable.adjust`.

        Those of Benjamini and Hochberg hold the false discovery rate for conformal p-values of one
        calibration too (Bates et al. 2023).
        """
        found = adjusted_columns(self.columns.pvalue, methods)
        return self._like(slice(None), self.adjusted | found)

    def sort(self, by: str = "value", *, descending: bool = True) -> MembershipTable:
        """The same results ordered by a column of `to_frame`."""
        frame = self.to_frame().reset_index(drop=True)
        if by not in frame.columns:
            return super().sort(by)  # type: ignore[return-value]  # which raises
        order = frame[by].sort_values(ascending=not descending, kind="stable").index
        return self._like(np.asarray(order), self.adjusted)

    def head(self, n: int) -> MembershipTable:
        """The first n texts."""
        return self._like(slice(0, n), self.adjusted)

    def _like(self, at: Any, adjusted: Mapping[str, Sequence[float]]) -> MembershipTable:
        names = self._results.names
        kept = names[at] if isinstance(at, slice) else tuple(names[i] for i in at)
        columns = Columns(**{k: v[at] for k, v in vars(self.columns).items()})
        return MembershipTable(
            kept, columns,
            measure=self.facts["measure"], method=self.facts["method"], level=self.facts["level"],
            calibration=self.calibration, meta=self.meta,
            adjusted={k: np.asarray(v)[at].tolist() for k, v in adjusted.items()},
        )  # fmt: skip

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ResultTable:  # type: ignore[override]
        """The results as a plain table: scores of the calibration are no part of the JSON."""
        return ResultTable.from_dict(data)

    def to_frame(self) -> pd.DataFrame:
        """Pandas frame with one row per text, indexed by name."""
        import pandas as pd

        c = self.columns
        data = {
            "value": c.value, "se": c.se, "ci_low": c.low, "ci_high": c.high,
            "level": self.facts["level"], "pvalue": c.pvalue, "n": c.n,
            "method": self.facts["method"],
        }  # fmt: skip
        index = pd.Index(self._results.names, name="name")
        return pd.DataFrame(data | {k: list(v) for k, v in self.adjusted.items()}, index=index)

    def summary(self) -> str:
        """One line per text, of the first twenty, and what the scores are worth."""
        few = {name: self[name] for name in self._results.names[:_SHOWN]}
        text = ResultTable(few).summary()
        more = len(self) - len(few)
        text += f"\n... and {more:,} more" if more else ""
        return f"{text}\n{self.noise}" if self.noise else text

    @property
    def noise(self) -> str:
        """One sentence on how much of a score is token noise; empty where unknown."""
        share = self.noise_share
        if not math.isfinite(share):
            return ""
        return (
            f"Token noise is {100 * min(share, 1.0):.0f} % of the variance of the score between "
            "texts; intervals are of that noise, and say nothing of membership."
        )

    def __repr__(self) -> str:
        shown = self.head(_SHOWN).to_frame().to_string()
        more = f"\n... and {len(self) - _SHOWN:,} more" if len(self) > _SHOWN else ""
        return f"MembershipTable({len(self)} texts)\n{shown}{more}\n{self.noise}".rstrip()

    def _repr_html_(self) -> str:
        few = ResultTable({name: self[name] for name in self._results.names[:_SHOWN]})
        return few._repr_html_() + f"<p>{self.noise}</p>"

    # -- what only membership has ------------------------------------------------------------------

    def decision(self, fpr: float = 0.01, *, level: float = 0.95) -> Decision:
        """Texts flagged at a false positive rate, with what that guarantees.

        Parameters
        ----------
        fpr : float
            Most non-members that may be flagged, as a share.
        level : float
            Coverage of the range that is given for the share that this calibration flags.

        Raises
        ------
        UnsupportedError
            Where the scores were made without a calibration.
        InvalidParameterError
            Where the calibration is too small for such a rate.
        """
        check_level(level)
        if self.calibration is None:
            raise UnsupportedError(
                "Without scores of non-members there is no threshold.",
                hint="DCPDD(reference).fit(non_members).estimate(texts).decision(fpr=0.01)",
            )
        k = self.calibration.rank(fpr)
        threshold = self.calibration.threshold(k)
        return Decision(
            # by p-values, which know the order of equal scores
            flagged=self.columns.pvalue <= k / (len(self.calibration.scores) + 1) * (1 + 1e-12),
            names=self._results.names,
            fpr=float(fpr),
            threshold=threshold,
            k=k,
            n_calibration=len(self.calibration.scores),
            realised=self.calibration.realised(k, level),
            level=level,
            missing=int(np.isnan(self.columns.value).sum()),
            ties=self.calibration.ties is not None,
        )

    def evaluate(self, labels: Any, **options: Any) -> Any:
        """How well the scores tell members from others, where that is known: `llm.evaluate`."""
        from infometric.llm.evaluation import evaluate

        return evaluate({self.facts["measure"]: self.columns.value}, labels, **options)

    def __getitem__(self, name: str) -> Result:
        if isinstance(name, int | np.integer):
            raise DataError("Texts are looked up by name.", got=name, hint=f"table[{str(name)!r}]")
        return super().__getitem__(name)
