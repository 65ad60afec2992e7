r"""Scorecard: logistic regression on the weight of evidence of bins, scaled to points.

.. math:: \log\frac{P(\text{good})}{P(\text{bad})} = \alpha + \sum_j \beta_j\, WoE_j(x_j), \qquad
   \text{score} = O + F \Big(\alpha + \sum_j \beta_j\, WoE_j(x_j)\Big),

.. math:: F = \text{pdo} / \ln 2, \qquad O = \text{base score} - F \ln(\text{base odds}),

so that odds of good to bad of `base_odds` make the base score, and every `pdo` points double them.
The points of bin k of one of m characteristics are
:math:`F \beta_j WoE_{jk} + (O + F \alpha) / m`: each has an equal part of what is common to all.

References
----------
Siddiqi, N. (2006). Credit risk scorecards. Wiley. doi:10.1002/9781119201731
"""

from __future__ import annotations

import json
import math
import os
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

import numpy as np
from scipy.special import expit, ndtr
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import DataConversionWarning
from sklearn.utils.validation import check_is_fitted

from infometric._version import __version__
from infometric.credit.design import leaky_bins, read_design, refuse_record, says_nothing
from infometric.credit.discrimination import grouped_rows, ranked_counts
from infometric.credit.export import Line, python_source, sql_query
from infometric.credit.leakage import leak_text
from infometric.credit.logistic import (
    LogisticFit,
    fit_logistic,
    inflation,
    moments_of,
    start_without,
)
from infometric.credit.performance import measured
from infometric.credit.recipe import binning_of, ready_binning, recipe_of
from infometric.credit.target import event_of
from infometric.credit.unseen import count_unknown, refuse_unknown, shown_counts
from infometric.exceptions import (
    ColumnError,
    DataError,
    InfometricError,
    InvalidParameterError,
    LeakageWarning,
    and_list,
)
from infometric.files import SEAL, read_json, sealed, unsealed, write_text
from infometric.functional.base import Caution
from infometric.functional.ranking import AreaUnderCurve
from infometric.inference import announce, check_level
from infometric.result import ConfidenceInterval, Result, ResultTable, jsonable
from infometric.sources import open_table
from infometric.state.counts import Counts
from infometric.state.encoders import MISSING, Encoder, encoder_from_dict
from infometric.typing import Array
from infometric.validation import (
    PROBABILITY,
    Constraint,
    Having,
    OneOf,
    Span,
    Table,
    check_parameters,
)

if TYPE_CHECKING:
    import pandas as pd

SCHEMA_VERSION = 1
KIND = "infometric-scorecard"
_AGAIN = "write it again: card.to_json('card.json')"
POLICIES = ("warn", "raise", "ignore")
ONE_BIN = "one bin"
_REASONS: dict[str, tuple[Constraint, ...]] = {
    "n": (Span(Integral, 1),),
    "reference": (OneOf(("best", "neutral")),),
    "texts": (OneOf((None,)), Having(Mapping, "a mapping of characteristic to text")),
}
_SOME_EVIDENCE = 0.02  # nats, below which a characteristic is commonly left out
_LARGE = 1e9  # beyond it a scale is a mistake, and points would leave the integers


class Cells(NamedTuple):
    """What a scorecard keeps of one characteristic."""

    encoder: Encoder
    counts: Counts
    woe: Array


class Scorecard(ClassifierMixin, BaseEstimator):
    """Scorecard of a binary target: bins, logistic regression on their evidence, points.

    A score is high for the good class, the non-event. `coefficients_` are those of the log odds of
    good to bad, so a positive one agrees with the evidence of its own characteristic.

    Parameters
    ----------
    binning : estimator or mapping of str to Encoder, optional
        `OptimalBinning()` by default; `StumpBinning`, `WeightOfEvidence` or any estimator with
        their attributes. An unfitted one is fitted. The bins of a fitted one, or of a mapping of
        column to encoder, stay as they are, and the rows of `fit` are counted over them alone.
        scikit-learn's `clone`, and so a search, unfits an estimator:
        ``binning=fitted.encoders_`` outlives it.
    pdo : float, default 20
        Points that double the odds.
    base_score : float, default 600
        Score at the base odds.
    base_odds : float, default 50
        Odds of good to bad at the base score.
    rounding : {"integer"} or None
        Whether the points of each bin are whole numbers.
    select : {"backward"}, list of str or None
        Characteristics to use: all, those named, or those left when the ones with a wrong sign, and
        then those with a p-value above `max_pvalue`, were taken out one by one. The p-values of
        what is left are too small.
    max_pvalue : float, default 0.05
        Greatest p-value of backward selection.
    min_iv : float, default 0
        Characteristics with less information value, in nats, are left out.
    ridge : float, default 0
        Penalty of the squared standardised coefficients.
    unseen : {"neutral", "worst", "raise"}
        Points of bins that held no record in `fit`, an unseen category among them: those of no
        evidence, the least of the characteristic, or none. Each use is announced.
    leakage : {"warn", "raise", "ignore"}
        What becomes of a characteristic with a bin of one class, too large for an accident.
    event : optional
        Class of the target that counts as the event, the bad one. By default the greater number,
        or of two texts the one that names it ("bad", "default", "yes"); other texts need it.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
        Classes of the target in order.
    event_ : object
        The bad class.
    characteristics_ : list of str
        Characteristics in the model.
    dropped_ : dict of str to str
        Characteristics left out, and why.
    encoders_, state_, woe_ : dict
        Bins, counts of non-events and events, and weight of evidence of each characteristic.
    points_ : dict of str to ndarray
        Points of each bin, in the order of the encoder's labels; `CSI` takes them as they are.
    coefficients_ : pandas.DataFrame
        Coefficients with standard error, z, p-value, interval and variance inflation.
    hash_ : str
        Fingerprint of all that scores, coefficients or tables are made from.

    Examples
    --------
    >>> from infometric import Scorecard
    >>> from infometric.datasets import load_german_credit
    >>> applicants = load_german_credit()
    >>> columns = ["credit_history", "duration_in_month", "creditability"]
    >>> card = Scorecard(event="bad").fit(applicants[columns], "creditability")
    >>> card.scores(applicants[:3]).tolist()
    [566, 478, 539]
    """

    _constraints: ClassVar[dict[str, tuple[Constraint, ...]]] = {
        "binning": (
            OneOf((None,)),
            Having("fit", "a binning with fit, encoders_ and state_"),
            Having(Mapping, "a mapping of column to encoder"),
        ),
        "pdo": (Span(Real, 0, _LARGE, closed="right"),),
        "base_score": (Span(Real, -_LARGE, _LARGE),),
        "base_odds": (Span(Real, 0, _LARGE, closed="right"),),
        "rounding": (OneOf(("integer", None)),),
        "select": (OneOf(("backward", None)), Having(list | tuple, "a list of column names")),
        "max_pvalue": (PROBABILITY,),
        "min_iv": (Span(Real, 0, _LARGE),),
        "ridge": (Span(Real, 0, _LARGE),),
        "unseen": (OneOf(("neutral", "worst", "raise")),),
        "leakage": (OneOf(POLICIES),),
    }

    def __init__(
        self,
        *,
        binning: Any = None,
        pdo: float = 20,
        base_score: float = 600,
        base_odds: float = 50,
        rounding: str | None = "integer",
        select: Any = None,
        max_pvalue: float = 0.05,
        min_iv: float = 0.0,
        ridge: float = 0.0,
        unseen: str = "neutral",
        leakage: str = "warn",
        event: Any = None,
    ) -> None:
        self.binning = binning
        self.pdo = pdo
        self.base_score = base_score
        self.base_odds = base_odds
        self.rounding = rounding
        self.select = select
        self.max_pvalue = max_pvalue
        self.min_iv = min_iv
        self.ridge = ridge
        self.unseen = unseen
        self.leakage = leakage
        self.event = event

    # -- learning -------------------------------------------------------------------------------

    def fit(self, X: Any, y: Any = None, *, sample_weight: Any = None) -> Self:
        """Learn bins, coefficients and points.

        Parameters
        ----------
        X : array-like, frame or path
            Characteristics.
        y : array-like of shape (n_rows,) or str
            Target with two classes, or the name of its column in X.
        sample_weight : array-like of shape (n_rows,) or str, optional
            Positive record weights, or the name of their column.

        Returns
        -------
        Self
            The scorecard. A failed call leaves it as it was.

        Raises
        ------
        DataError
            Where characteristics are linearly dependent, separate the classes, or none is left.
        """
        self._check()
        if isinstance(y, np.ndarray) and y.ndim == 2:
            warnings.warn(
                "A column-vector y was passed when a 1d array was expected: y.ravel() is one.",
                DataConversionWarning,
            )
        binning = self._binned(X, y, sample_weight)
        leaks: dict[str, str] = {}
        if self.leakage != "ignore":  # frozen bins: what was seen of their fine cells still holds
            before = getattr(self.binning, "leaks_", {})
            leaks = {n: t for n, t in before.items() if n in binning.encoders_}
            leaks |= leaky_bins(binning)
        if leaks and self.leakage == "raise":
            raise DataError(
                f"A bin holds one class of the target only: {leak_text(leaks)}.",
                got=and_list(list(leaks)),
                hint=f"exclude={list(leaks)[:3]!r} of the binning, or leakage='warn'",
            )
        if leaks:  # said first: such a characteristic may leave no model to fit
            announce((Caution("LeakageWarning", f"bins with one class: {leak_text(leaks)}"),))
        learned = self._model(X, y, sample_weight, binning)
        announce(_cautions(learned["fit_"], learned["dropped_"]))
        for name in [a for a in vars(self) if a.endswith("_") and not a.startswith("_")]:
            delattr(self, name)
        self.__dict__.update(learned)
        return self

    def _check(self) -> None:
        """Error for a parameter that is none."""
        if isinstance(self.select, str) and self.select != "backward":
            raise InvalidParameterError(
                "The 'select' parameter of Scorecard must be 'backward', None or a list of column "
                "names.",
                got=self.select,
                hint=f"select=[{self.select!r}], or select='backward'",
            )
        check_parameters(type(self).__name__, self.get_params(deep=False), self._constraints)

    def _binned(self, X: Any, y: Any, sample_weight: Any) -> Any:
        """The fitted binning."""
        said = getattr(self.binning, "event", None) if self.event is None else self.event
        columns = list(self.select) if isinstance(self.select, list | tuple) else None
        binning = ready_binning(self.binning, columns, event_of(X, y, said))
        given = {} if sample_weight is None else {"sample_weight": sample_weight}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", LeakageWarning)  # said here, as `leakage` wants it
            return binning.fit(X, y, **given)

    def _model(self, X: Any, y: Any, sample_weight: Any, binning: Any) -> dict[str, Any]:
        """Everything `fit` learns."""
        cells = {
            name: Cells(binning.encoders_[name], s, np.asarray(binning.woe_[name]))
            for name, s in binning.state_.items()
        }
        good, bad = binning.classes_
        encoders = {n: c.encoder for n, c in cells.items()}
        design = read_design(X, y, sample_weight, encoders, bad, binning)
        dropped = self._without_evidence(cells)
        names = [n for n in cells if n not in dropped]
        x = np.column_stack([cells[n].woe[design.codes[n]] for n in names])
        fit, vif = self._selected(names, x, 1 - design.event, design.weights, dropped)
        kept = {n: cells[n] for n in fit.names}
        return {
            "classes_": np.array(sorted((good, bad), key=lambda v: (isinstance(v, str), v))),
            "event_": bad,
            "fit_": fit,
            "vif_": dict(zip(kept, vif.tolist(), strict=True)),
            "dropped_": dropped,
            "encoders_": {n: c.encoder for n, c in kept.items()},
            "state_": {n: c.counts for n, c in kept.items()},
            "woe_": {n: c.woe for n, c in kept.items()},
            "points_": self._points(kept, fit),
            "sql_types_": {n: design.types[n] for n in kept},
            "recipe_": recipe_of(self.binning),
            "version_": __version__,
            "n_features_in_": binning.n_features_in_,
            "feature_names_in_": binning.feature_names_in_,
        }

    def _without_evidence(self, cells: Mapping[str, Cells]) -> dict[str, str]:
        """Characteristics with one bin, or with less information than asked for."""
        dropped = {}
        for name, (_, s, woe) in cells.items():
            iv = float(((s.p[0] - s.p[1]) * woe).sum())
            if says_nothing(s, woe):
                dropped[name] = ONE_BIN
            elif iv < self.min_iv:
                dropped[name] = f"information value {iv:.3g} below {self.min_iv:g}"
        if len(dropped) == len(cells):
            few = any(why != ONE_BIN for why in dropped.values())
            raise DataError(
                f"No characteristic has an information value of at least {self.min_iv:g} nats."
                if few
                else "No characteristic tells the classes apart.",
                got=dropped,
                hint=f"min_iv={_SOME_EVIDENCE}"
                if few and self.min_iv > _SOME_EVIDENCE
                else "bins without rules: binning=WeightOfEvidence(), and min_iv=0",
            )
        return dropped

    def _selected(
        self, names: list[str], x: Array, y: Array, weights: Array | None, dropped: dict[str, str]
    ) -> tuple[LogisticFit, Array]:
        """Fit of the characteristics that stay, and their inflation; `dropped` says why one goes.

        Each step begins near its end, with what is known of the step before.
        """
        moments, start = moments_of(x), None

        def fitted(quick: bool) -> LogisticFit:
            return fit_logistic(x, y, names, weights=weights, ridge=self.ridge, quick=quick,
                                start=start, moments=moments)  # fmt: skip

        while self.select == "backward" and len(names) > 1:
            step = fitted(quick=True)
            start, worst = step.coefficients, _worst(step, self.max_pvalue)
            if worst is None:
                break
            k, dropped[names[worst[0]]] = worst
            start, moments = start_without(step, k), moments.without(k)
            names, x = names[:k] + names[k + 1 :], np.delete(x, k, axis=1)
        last = fitted(quick=False)
        # non-events first, as everywhere
        return replace(last, n=last.n[::-1]), inflation(moments.correlation)

    def _points(self, cells: Mapping[str, Cells], fit: LogisticFit) -> dict[str, Array]:
        """Points of every bin; NaN where there are none."""
        factor, offset = self.factor_and_offset()
        alpha, *betas = fit.coefficients.tolist()
        share = (offset + factor * alpha) / len(cells)
        found = {}
        for (name, (_, s, woe)), beta in zip(cells.items(), betas, strict=True):
            points = factor * beta * woe + share
            points = np.rint(points) if self.rounding == "integer" else points
            blank = ~s.occupied
            if self.unseen == "worst":
                points[blank] = points[~blank].min()
            if self.unseen == "raise":
                points[blank] = np.nan
            found[name] = points
        return found

    def factor_and_offset(self) -> tuple[float, float]:
        """Points per unit of log odds, and points at odds of one.

        Examples
        --------
        >>> [round(v, 4) for v in Scorecard(pdo=20, base_odds=50).factor_and_offset()]
        [28.8539, 487.1229]
        """
        factor = self.pdo / math.log(2)
        return factor, self.base_score - factor * math.log(self.base_odds)

    # -- what was learned -------------------------------------------------------------------------

    @property
    def characteristics_(self) -> list[str]:
        """Characteristics in the model."""
        check_is_fitted(self, "fit_")
        return list(self.encoders_)

    @property
    def intercept_(self) -> float:
        """Log odds of good to bad without evidence."""
        check_is_fitted(self, "fit_")
        return float(self.fit_.coefficients[0])

    @property
    def coefficients_(self) -> pd.DataFrame:
        """Coefficients of the log odds of good to bad, the intercept first."""
        frame = self.estimate().to_frame()
        z = frame["value"] / frame["se"]
        named = frame.rename(columns={"value": "coefficient"}).rename_axis("characteristic")
        named.insert(2, "z", z)
        named["vif"] = [math.nan, *self.vif_.values()]
        return named[["coefficient", "se", "z", "pvalue", "ci_low", "ci_high", "vif"]]

    def estimate(self, *, level: float = 0.95) -> ResultTable:
        """Coefficients as results: value, standard error, Wald's interval, p-value.

        They are given the bins: what the choice of bins, and of characteristics, adds to their
        uncertainty is not in them.

        Parameters
        ----------
        level : float
            Nominal coverage of the intervals.
        """
        check_is_fitted(self, "fit_")
        check_level(level)
        meta = {"infometric": __version__, "estimator": "Scorecard", "scorecard": self.hash_}
        return ResultTable(self.fit_.results(level), meta=meta)

    def table(self) -> pd.DataFrame:
        """The scorecard: one row per characteristic and bin.

        Returns
        -------
        pandas.DataFrame
            Columns characteristic, bin, count, share, nonevents, events, event_rate, woe,
            coefficient, points. A bin without records has neither rate nor evidence.
        """
        import pandas as pd

        check_is_fitted(self, "fit_")
        parts = []
        for name, beta in zip(self.encoders_, self.fit_.coefficients[1:], strict=True):
            good, bad = self.state_[name].table
            count = good + bad
            with np.errstate(invalid="ignore"):
                rate = np.where(count > 0, bad / count, np.nan)
            parts.append(
                pd.DataFrame(
                    {
                        "characteristic": name,
                        "bin": self.encoders_[name].labels,
                        "count": count,
                        "share": count / count.sum(),
                        "nonevents": good,
                        "events": bad,
                        "event_rate": rate,
                        "woe": np.where(count > 0, self.woe_[name], np.nan),
                        "coefficient": beta,
                        "points": self._whole(self.points_[name]),
                    }
                )
            )
        return pd.concat(parts, ignore_index=True)

    def results(self) -> ResultTable:
        """Points of each bin that holds records, for a report: no interval stands beside them."""
        check_is_fitted(self, "fit_")
        nan = math.nan
        found = {}
        for name, encoder in self.encoders_.items():
            s = self.state_[name]
            for k in np.flatnonzero(s.occupied).tolist():
                found[f"{name}: {encoder.labels[k]}"] = Result(
                    measure="points",
                    value=float(self.points_[name][k]),
                    se=nan,
                    ci=ConfidenceInterval(nan, nan),
                    level=0.95,
                    units="dimensionless",
                    n=tuple(s.table[:, k].tolist()),
                    method="scorecard",
                    diagnostics={"woe": float(self.woe_[name][k])},
                )
        return ResultTable(found)

    def _whole(self, points: Array) -> Array:
        """Points as integers where they are."""
        if self.rounding == "integer" and not np.isnan(points).any():
            return points.astype(np.int64)
        return points

    # -- scoring --------------------------------------------------------------------------------

    def decision_function(self, X: Any) -> Array:
        """Log odds of ``classes_[1]``, shape (n_rows,); points are rounded, these are not."""
        check_is_fitted(self, "fit_")
        odds = self._summed(X, self._log_odds())
        return odds if self.event_ != self.classes_[1] else -odds

    def predict_proba(self, X: Any) -> Array:
        """Probability of each class, shape (n_rows, 2)."""
        second = expit(self.decision_function(X))
        return np.column_stack([1 - second, second])

    def predict(self, X: Any) -> Array:
        """The likelier class of each row."""
        second = self.decision_function(X) > 0
        return self.classes_[second.astype(int)]

    def scores(self, X: Any) -> Array:
        """Score of each row: the sum of its points; high is good.

        Parameters
        ----------
        X : array-like, frame or path
            Data with the characteristics of the model; further columns are ignored.

        Returns
        -------
        ndarray of shape (n_rows,)
            Integers where points are.

        Raises
        ------
        DataError
            Where a value is infinite, or of a bin without points (``unseen="raise"``).
        """
        check_is_fitted(self, "fit_")
        return self._whole(self._summed(X, self.points_))

    def points(self, X: Any) -> pd.DataFrame:
        """Points of each row for each characteristic."""
        import pandas as pd

        codes = self._codes(X)
        found = {n: self._whole(self.points_[n][codes[n]]) for n in self.encoders_}
        index = getattr(X, "index", None)
        return pd.DataFrame(found, index=index if index is not None else None)

    def reasons(
        self, X: Any, n: int = 4, *, reference: str = "best", texts: Mapping[str, str] | None = None
    ) -> pd.DataFrame:
        """Reasons of each score: the characteristics that cost it the most points.

        Parameters
        ----------
        X : array-like, frame or path
            Data with the characteristics of the model.
        n : int, default 4
            Greatest number of reasons.
        reference : {"best", "neutral"}
            What points are lost against: the most that any bin with records gives, or the points of
            no evidence.
        texts : mapping of str to str, optional
            Text for a characteristic, or for ``"name (missing)"``: a missing value is a reason of
            its own.

        Returns
        -------
        pandas.DataFrame of shape (n_rows, n)
            Columns reason_1, reason_2 and so on, the costliest first; None where nothing more was
            lost. Of equal losses the characteristic that stands first comes first.
        """
        import pandas as pd

        check_is_fitted(self, "fit_")
        check_parameters("reasons", {"n": n, "reference": reference, "texts": texts}, _REASONS)
        codes = self._codes(X)
        lost = np.column_stack(
            [self._most(name, reference) - self.points_[name][codes[name]] for name in codes]
        )
        order = np.argsort(-lost, axis=1, kind="stable")[:, :n]
        words = np.empty(lost.shape, dtype=object)
        for j, name in enumerate(codes):
            words[:, j] = (texts or {}).get(name, name)
            gone = codes[name] == self.encoders_[name].n_cells - 1
            words[gone, j] = (texts or {}).get(f"{name} ({MISSING})", f"{name} ({MISSING})")
        chosen = np.take_along_axis(words, order, axis=1)
        chosen[np.take_along_axis(lost, order, axis=1) <= 0] = None
        names = [f"reason_{i + 1}" for i in range(chosen.shape[1])]
        return pd.DataFrame(chosen, columns=names, index=getattr(X, "index", None))

    def _most(self, name: str, reference: str) -> float:
        """Points that a characteristic could have given."""
        if reference == "best":
            return float(self.points_[name][self.state_[name].occupied].max())
        factor, offset = self.factor_and_offset()
        share = (offset + factor * self.intercept_) / len(self.encoders_)
        return float(np.rint(share)) if self.rounding == "integer" else share

    def _log_odds(self) -> dict[str, Array]:
        """Part of each bin in the log odds of good to bad; the first carries the intercept."""
        check_is_fitted(self, "fit_")
        alpha, *betas = self.fit_.coefficients.tolist()
        parts = {n: b * self.woe_[n] for n, b in zip(self.encoders_, betas, strict=True)}
        first = next(iter(parts))
        return parts | {first: parts[first] + alpha}

    def _summed(self, X: Any, parts: Mapping[str, Array]) -> Array:
        """Sum over characteristics, in their order, as SQL adds them."""
        codes = self._codes(X)
        total: Any = 0.0
        for name, values in parts.items():
            total = total + values[codes[name]]
        return np.asarray(total)

    def _codes(self, X: Any) -> dict[str, Array]:
        """Bin of each row in each characteristic; announces those of which nothing is known."""
        check_is_fitted(self, "fit_")
        refuse_record(X, self.encoders_)
        table = open_table(X)
        table.require_width(self.n_features_in_, type(self).__name__)
        names = list(self.encoders_)
        alone = table.one_dimensional and len(names) == 1
        given = dict(zip(names, table.names, strict=True)) if alone else {n: n for n in names}
        table.require(list(given.values()))
        parts: dict[str, list[Array]] = {n: [] for n in names}
        strange: dict[str, Counter[str]] = {n: Counter() for n in names}
        for batch in table.batches(list(given.values())):
            for name, encoder in self.encoders_.items():
                column = batch[given[name]]
                codes = encoder.encode(column)
                blank = ~self.state_[name].occupied
                strange[name].update(count_unknown(column, codes, encoder, blank))
                parts[name].append(codes)
        for name in names:
            self._announce(name, strange[name])
        empty = np.empty(0, dtype=np.int64)  # a batch without applicants has no scores
        return {name: np.concatenate([empty, *found]) for name, found in parts.items()}

    def _announce(self, name: str, found: Mapping[str, int]) -> None:
        """Say which values nothing is known of, and what they are given."""
        if not found:
            return
        if self.unseen == "raise":
            refuse_unknown(name, found)
        text = (
            f"{sum(found.values())} value(s) in bins without any record in fit: "
            f"{shown_counts(found)}; they have the {self.unseen} points"
        )
        announce((Caution("UnseenWarning", text),), name)

    def evaluate(
        self, X: Any, y: Any, *, level: float = 0.95, sample_weight: Any = None
    ) -> ResultTable:
        """How well the scorecard ranks new records, and how well it is calibrated on them.

        Parameters
        ----------
        X : array-like, frame or path
            Records with the characteristics of the model. Those of `fit` flatter it.
        y : array-like of shape (n_rows,) or str
            Their target, or the name of its column.
        level : float
            Nominal coverage of the intervals.
        sample_weight : array-like of shape (n_rows,) or str, optional
            Positive record weights.

        Returns
        -------
        ResultTable
            AUC, Gini and KS of the score as it is, and the Brier score, calibration intercept and
            slope of the probability of the event.
        """
        check_is_fitted(self, "fit_")
        happened, weights = self._outcome(open_table(X), X, y, sample_weight)
        bad = int(self.classes_[1] == self.event_)
        probability = self.predict_proba(X)[:, bad]
        found = measured(happened, probability, score=-self.scores(X), weights=weights, level=level)
        return ResultTable(found, meta={"scorecard": self.hash_, "infometric": __version__})

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Area under the curve of new records: what a search over scorecards maximises.

        Parameters
        ----------
        X, y, sample_weight
            As of `evaluate`.
        """
        check_is_fitted(self, "fit_")
        happened, weights = self._outcome(open_table(X), X, y, sample_weight)
        counts = ranked_counts(happened, -self.scores(X), sample_weight=weights)
        return float(AreaUnderCurve().value(counts))

    def _outcome(
        self, table: Table, X: Any, y: Any, sample_weight: Any
    ) -> tuple[Array, Array | None]:
        """Ones where the event happened, and the weights of the rows."""
        rows, weights = grouped_rows(y, table, self.event_, sample_weight, X)
        happened = np.zeros(table.n_rows, dtype=np.int64)
        happened[rows[1]] = 1
        return happened, weights

    # -- elsewhere --------------------------------------------------------------------------------

    def to_sql(
        self,
        source: str,
        *,
        dialect: str = "duckdb",
        keep: Sequence[str] = (),
        score: str = "score",
        points: bool = False,
        types: Mapping[str, str] | None = None,
    ) -> str:
        """One SELECT that gives every row of a table its score, the same to the last bit.

        Parameters
        ----------
        source : str
            What stands after FROM: a table, a view, ``read_parquet('...')``.
        dialect : str
            "duckdb".
        keep : sequence of str
            Columns to give back beside the score.
        score : str
            Name of the column of scores.
        points : bool
            Whether the points of each characteristic are given too.
        types : mapping of str to str, optional
            SQL type of columns where the source has another than `fit` saw: "BIGINT" for integers
            beyond 2^53 that were floating-point numbers in the fit, "DOUBLE" for the reverse.

        Returns
        -------
        str
            The query. An infinite value, and with ``unseen="raise"`` one of which nothing is known,
            has no score: NULL. Names in DuckDB are blind to case: that the source has no column
            "income" beside "Income" is for the caller to know.

        Raises
        ------
        UnsupportedError
            Where the dialect is another.
        DataError
            Where columns of the fit, or of the answer, differ in nothing but case.
        """
        return sql_query(
            self._lines(types or {}),
            source,
            dialect=dialect,
            keep=keep,
            score=score,
            points=points,
            beside=list(map(str, self.feature_names_in_)),
        )

    def to_python(self) -> str:
        """Text of a Python module that scores one record and imports nothing.

        Returns
        -------
        str
            Functions ``score(row)`` and ``points(row)`` of a mapping of name to value; None and NaN
            are missing, an infinite value raises ``ValueError``.
        """
        lines = self._lines({})
        classes = (self.good_, self.event_)
        return python_source(lines, classes=classes, fingerprint=self.hash_)

    def _lines(self, types: Mapping[str, str]) -> list[Line]:
        check_is_fitted(self, "fit_")
        for name in types:
            if name not in self.encoders_:
                raise ColumnError.missing(name, self.encoders_, where="the scorecard")
        whole = self.rounding == "integer"
        return [
            Line(
                name,
                encoder,
                tuple(
                    None if math.isnan(p) else int(p) if whole else p
                    for p in self.points_[name].tolist()
                ),
                types.get(name, self.sql_types_[name]),
            )
            for name, encoder in self.encoders_.items()
        ]

    @property
    def good_(self) -> Any:
        """The good class."""
        check_is_fitted(self, "fit_")
        return next(c for c in self.classes_.tolist() if c != self.event_)

    @property
    def hash_(self) -> str:
        """Fingerprint of the whole scorecard as `to_dict` gives it, 16 hexadecimal digits."""
        return str(self.to_dict()[SEAL])

    def to_dict(self) -> dict[str, Any]:
        """The scorecard, JSON-ready: bins, counts, model, points, scale, version and checksum."""
        check_is_fitted(self, "fit_")
        parameters = self.get_params(deep=False) | {"binning": self.recipe_}
        content = {
            "schema_version": SCHEMA_VERSION,
            "kind": KIND,
            "version": self.version_,
            "classes": jsonable(self.classes_),
            "event": jsonable(self.event_),
            "parameters": jsonable(parameters),
            "coefficients": self.fit_.coefficients.tolist(),
            "covariance": self.fit_.covariance.tolist(),
            "n": list(self.fit_.n),
            "method": self.fit_.method,
            "dropped": dict(self.dropped_),
            "columns": [str(n) for n in self.feature_names_in_],
            "characteristics": {
                name: {
                    "encoder": jsonable(encoder.to_dict()),
                    "counts": self.state_[name].to_dict(),
                    "woe": jsonable(self.woe_[name]),
                    "points": jsonable(self._whole(self.points_[name])),
                    "vif": jsonable(self.vif_[name]),
                    "sql_type": self.sql_types_[name],
                }
                for name, encoder in self.encoders_.items()
            },
            "order": list(self.encoders_),
        }
        return sealed(content)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Inverse of `to_dict`: a fitted scorecard that scores alike.

        Raises
        ------
        DataError
            Where it is no scorecard of this schema version, or its content was changed.
        """
        content = data if isinstance(data, Mapping) else {}
        found = {k: content.get(k) for k in ("kind", "schema_version")}
        if found != {"kind": KIND, "schema_version": SCHEMA_VERSION}:
            raise DataError(
                f"This is not a scorecard of schema version {SCHEMA_VERSION}.",
                got=found if isinstance(data, Mapping) else data,
                hint=_AGAIN,
            )
        content = unsealed(content, "take the scorecard from an unedited file")
        try:
            return cls._restored(content)
        except (KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
            if isinstance(error, InfometricError):
                raise
            raise DataError(
                "This scorecard does not follow its schema: a part is absent or of another kind.",
                got=error,
                hint=_AGAIN,
            ) from error

    @classmethod
    def _restored(cls, data: Mapping[str, Any]) -> Self:
        recipe = data["parameters"]["binning"]
        card = cls(**{**data["parameters"], "binning": binning_of(recipe)})
        columns = {name: data["characteristics"][name] for name in data["order"]}
        card.classes_ = np.array(data["classes"])
        card.event_ = data["event"]
        card.fit_ = LogisticFit(
            tuple(columns),
            np.array(data["coefficients"]),
            np.array(data["covariance"]),
            tuple(data["n"]),
            data["method"],
        )
        card.vif_ = {n: _float(c["vif"]) for n, c in columns.items()}
        card.dropped_ = dict(data["dropped"])
        card.encoders_ = {n: encoder_from_dict(c["encoder"]) for n, c in columns.items()}
        card.state_ = {n: Counts.from_dict(c["counts"]) for n, c in columns.items()}
        card.woe_ = {n: np.array(list(map(_float, c["woe"]))) for n, c in columns.items()}
        card.points_ = {n: np.array(list(map(_float, c["points"]))) for n, c in columns.items()}
        card.sql_types_ = {n: c["sql_type"] for n, c in columns.items()}
        card.recipe_ = recipe
        card.version_ = data["version"]
        card.feature_names_in_ = np.array(data["columns"], dtype=object)
        card.n_features_in_ = len(card.feature_names_in_)
        return card

    def to_json(self, path: str | os.PathLike[str]) -> Path:
        """Write the scorecard as JSON."""
        text = json.dumps(self.to_dict(), allow_nan=False, ensure_ascii=False, indent=1)
        return write_text(path, text)

    @classmethod
    def from_json(cls, path: str | os.PathLike[str]) -> Self:
        """Read a scorecard.

        Raises
        ------
        SourceError
            Where the file is absent or is not JSON.
        DataError
            Where it is JSON, but no scorecard.
        """
        return cls.from_dict(read_json(path, "card.to_json('card.json')"))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        tags.classifier_tags.multi_class = False
        return tags


def _worst(fit: LogisticFit, max_pvalue: float) -> tuple[int, str] | None:
    """Number of the column to leave out next, and why: a wrong sign first, then a large p-value."""
    z = (fit.coefficients / fit.se)[1:]
    k = int(np.argmin(z))
    if z[k] < 0:
        return k, "coefficient against its evidence"
    pvalue = float(2 * ndtr(-z[k]))
    return (k, f"p-value {pvalue:.3g}") if pvalue > max_pvalue else None


def _cautions(fit: LogisticFit, dropped: Mapping[str, str]) -> tuple[Caution, ...]:
    """Say which coefficients have the wrong sign, and which characteristics have one bin."""
    found = []
    wrong = [n for n, b in zip(fit.names, fit.coefficients[1:], strict=True) if b < 0]
    if wrong:
        text = (
            f"the coefficient of {and_list(wrong)} has the sign opposite to its own evidence, "
            "mostly because others say the same; select='backward' leaves such characteristics out"
        )
        found.append(Caution("SignWarning", text))
    flat = [name for name, why in dropped.items() if why == ONE_BIN]
    if flat:
        text = f"{and_list(flat)}: one bin only, which says nothing; left out of the scorecard"
        found.append(Caution("DegenerateWarning", text))
    return tuple(found)


def _float(value: Any) -> float:
    return math.nan if value is None else float(value)
