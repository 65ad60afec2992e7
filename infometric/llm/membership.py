"""Membership scores as estimators: `fit` on non-members, `estimate` texts.

`fit` learns what has to be calibrated, the cap of DC-PDD and the scores of texts that are known to
be no members. `estimate` gives each text its score, an interval over its tokens and a conformal
p-value. The formulas are in `functional.membership`.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from scipy.special import stdtrit
from sklearn.utils.validation import check_is_fitted

from infometric.base import Estimator, table_meta
from infometric.exceptions import DataError, ReliabilityWarning, UnsupportedError
from infometric.functional import membership as f
from infometric.inference import check_level
from infometric.llm.columns import named, require_alike
from infometric.llm.conformal import Calibration
from infometric.llm.reading import token_parts, token_scores
from infometric.llm.table import Columns, MembershipTable
from infometric.llm.tokens import TokenScores
from infometric.result import Result
from infometric.typing import RNG, Array
from infometric.uncertainty import NoInterval
from infometric.uncertainty.blocks import TokenBlocks
from infometric.validation import Constraint, Having, OneOf

UNCERTAINTY: tuple[Constraint, ...] = (
    OneOf(("auto", TokenBlocks.name, NoInterval.name)),
    Having(TokenBlocks | NoInterval, "TokenBlocks(block=8)"),
)
_OUTSIDE = 0.05  # share of the texts outside the calibration's lengths, above which it is told


class MembershipScore(Estimator):
    """Base of the membership scores; a new one defines `_score`, and `_nuisance` where it learns.

    Data are `TokenScores`, the path of a Parquet file of them (read in parts, so that memory does
    not grow with the file) or of an ``.npz`` file, a frame with columns of lists, or lists of
    log-probabilities.
    """

    def __init__(self, *, uncertainty: Any = "auto") -> None:
        self.uncertainty = uncertainty

    _constraints: ClassVar[dict[str, tuple[Constraint, ...]]] = {"uncertainty": UNCERTAINTY}

    # -- what a score defines ----------------------------------------------------------------------

    def _score(self, learned: Mapping[str, Any]) -> f.MembershipFunctional:
        """Functional, given what was learned."""
        raise NotImplementedError

    def _nuisance(self, tokens: TokenScores) -> dict[str, Any]:
        """Learn what has to be known before a score is computed."""
        return {}

    def _functional(self) -> Any:
        """The score as it was fitted: parameters that are set later wait for the next fit."""
        return self.functional_

    def _require(self, tokens: TokenScores) -> None:
        """Error where token scores are not of the kind that was calibrated."""
        known = getattr(self, "origin_", None)
        if known is not None:
            require_alike(_Origin(**known), tokens, "Token scores and calibration")

    # -- the interface -----------------------------------------------------------------------------

    def _learn(self, X: Any, y: Any, sample_weight: Any) -> dict[str, Any]:
        _refuse_weights(sample_weight)
        tokens, learned = self._prepared(token_scores(X), y)
        learned |= {"origin_": _origin(tokens), "n_features_in_": 1}
        learned["functional_"] = functional = self._score(learned)
        strategy = self._strategy(None)
        learned["block_"] = strategy.block if isinstance(strategy, TokenBlocks) else 8
        state = self._calibrated(functional, tokens, learned)
        return learned | {"state_": state}

    def _prepared(self, tokens: TokenScores, y: Any) -> tuple[TokenScores, dict[str, Any]]:
        """Texts that calibrate, and what was learned."""
        chosen = non_members(tokens, y)
        return chosen, self._nuisance(chosen)

    def _count(self, X: Any, y: Any, sample_weight: Any) -> Calibration:
        _refuse_weights(sample_weight)
        tokens = non_members(token_scores(X), y)
        self._require(tokens)
        return self._calibrated(self._functional(), tokens, vars(self))

    def _calibrated(
        self, functional: f.MembershipFunctional, tokens: TokenScores, learned: Mapping[str, Any]
    ) -> Calibration:
        """Scores of non-members as a state.

        Raises
        ------
        DataError
            Where none of the texts has a score.
        """
        scores = functional.value(tokens)
        known = ~np.isnan(scores)
        if not known.any():
            raise DataError(
                f"None of the {len(tokens)} calibration texts has a score: they are empty, or what "
                "the score divides by is zero.",
                got={"tokens": tokens.n_tokens},
                hint="texts with tokens, or another score: LossScore()",
            )
        variances, _ = functional.spread(tokens, learned["block_"])
        sizes = tokens.logprob.sizes
        missing = int((~known).sum())
        ties = functional.ties(tokens)
        origin = [f"{k} {v}" for k, v in learned["origin_"].items() if v]
        key = ", ".join([functional.key, *origin])
        names = tuple(tokens.labels[i] for i in np.flatnonzero(known))
        return Calibration(
            scores[known], variances[known], sizes[known], missing, key,
            None if ties is None else ties[known], names,
        )  # fmt: skip

    def _strategy(self, uncertainty: Any) -> Any:
        """Strategy of a name; by blocks of tokens by default.

        Raises
        ------
        UnsupportedError
            Where another one is asked for.
        """
        chosen = self.uncertainty if uncertainty is None else uncertainty
        if isinstance(chosen, TokenBlocks | NoInterval):
            return chosen
        if chosen in ("auto", TokenBlocks.name):
            return TokenBlocks()
        if chosen == NoInterval.name:
            return NoInterval()
        raise UnsupportedError(
            "The error of a score is known by blocks of its tokens alone.",
            got=chosen,
            hint="uncertainty='auto', TokenBlocks(block=8) or 'none'",
        )

    def estimate(
        self,
        X: Any = None,
        y: Any = None,
        *,
        level: float = 0.95,
        uncertainty: Any = None,
        rng: RNG = None,
        sample_weight: Any = None,
    ) -> MembershipTable:
        """Score, interval over tokens and conformal p-value of each text.

        Parameters
        ----------
        X : TokenScores, path, frame or sequence of sequences of float, optional
            Texts; those of `fit` by default, each compared with the others.
        y : None
            Labels are for `llm.evaluate`.
        level : float
            Nominal coverage of the intervals.
        uncertainty : str or TokenBlocks, optional
            "auto", ``TokenBlocks(block=...)``, or "none".
        rng : None
            Not used: nothing here is random.
        sample_weight : None
            Not supported.

        Returns
        -------
        MembershipTable
            One result per text.
        """
        check_is_fitted(self, "state_")
        self._check()
        check_level(level)
        _refuse_weights(sample_weight)
        if y is not None:
            raise UnsupportedError(
                "An estimate knows nothing of labels.",
                got=type(y).__name__,
                hint="estimate(X).evaluate(y)",
            )
        if X is None:
            return self._of_fit(level, self._strategy(uncertainty))
        _refuse_number(X)
        strategy, functional = self._strategy(uncertainty), self._functional()
        names: list[tuple[str, ...] | None] = []
        parts: list[Columns] = []
        lengths = []
        for tokens in token_parts(X):
            self._require(tokens)
            parts.append(_columns(functional, tokens, strategy, level, self.state_))
            lengths.append(tokens.logprob.sizes)
            names.append(tokens.names)
        columns = _joined(parts)
        told = self._doubts(np.concatenate(lengths) if lengths else np.empty(0, np.int64))
        texts = _all_names(names, len(columns.value))
        return self._tabled(texts, columns, _method(strategy), level, told)

    def _of_fit(self, level: float, strategy: Any) -> MembershipTable:
        """Results of the calibration texts themselves, each compared with the others."""
        state, scores = self.state_, self.state_.scores
        se = reach = np.full(len(scores), np.nan)
        if isinstance(strategy, TokenBlocks):
            if strategy.block != self.block_:
                raise UnsupportedError(
                    f"The texts of fit are known by blocks of {self.block_} tokens.",
                    got=strategy,
                    hint=f"{type(self).__name__}(uncertainty=TokenBlocks({strategy.block})).fit(...)",
                )
            se = np.sqrt(np.where(state.variances > 0, state.variances, np.nan))
            blocks = np.maximum(state.tokens / strategy.block, 2.0)
            reach = stdtrit(blocks - 1, 0.5 + level / 2) * se
        columns = Columns(
            scores, se, scores - reach, scores + reach, state.pvalues(scores, state.ties, own=True),
            state.tokens.astype(np.int64),
        )  # fmt: skip
        names = state.names or tuple(map(str, range(len(scores))))
        return self._tabled(names, columns, _method(strategy), level, ())

    def _tabled(
        self, names: tuple[str, ...], columns: Columns, method: str, level: float,
        told: Sequence[str],
    ) -> MembershipTable:  # fmt: skip
        meta = table_meta(self) | {"calibration_texts": len(self.state_.scores)}
        meta |= {"cap": self.cap_} if getattr(self, "cap_", None) is not None else {}
        meta |= {k: v for k, v in self.origin_.items() if v}
        meta["noise_share"] = self.state_.noise_share
        if told:
            meta["warnings"] = list(told)
        return MembershipTable(
            names, columns, measure=self._functional().name, method=method, level=level,
            calibration=self.state_, meta=meta,
        )  # fmt: skip

    def _doubts(self, sizes: Array) -> tuple[str, ...]:
        """Say where texts are shorter or longer than any that was calibrated with."""
        known = self.state_.tokens
        if not len(sizes) or known is None or not len(known):
            return ()
        low, high = known.min(), known.max()
        share = float(((sizes < low) | (sizes > high)).mean())
        if share <= _OUTSIDE:
            return ()
        text = (
            f"{100 * share:.0f} % of the texts have fewer or more tokens than any calibration text "
            f"({low:.0f} to {high:.0f}): scores depend on length, and p-values hold for texts like "
            "those of the calibration alone"
        )
        warnings.warn(text, ReliabilityWarning, stacklevel=3)
        return (text,)

    def score_samples(self, X: Any) -> Array:
        """Scores alone, of any number of texts.

        Parameters
        ----------
        X : TokenScores, path, frame or sequence
            Texts.

        Returns
        -------
        ndarray of shape (n_texts,)
        """
        check_is_fitted(self, "state_")
        functional = self._functional()
        found = []
        for tokens in token_parts(X):
            self._require(tokens)
            found.append(functional.value(tokens))
        return np.concatenate(found) if found else np.empty(0)

    def test(
        self, X: Any = None, y: Any = None, *, method: str = "auto", rng: RNG = None
    ) -> Result:
        """Whether a corpus scores higher than the calibration: `llm.dataset_test`."""
        from infometric.llm.audit import dataset_test

        check_is_fitted(self, "state_")
        if X is None:
            raise DataError(
                "A test compares a corpus with the calibration, and none is given.",
                hint="test(suspect), or evaluate(scores, labels)",
            )
        if method not in ("auto", "welch"):
            raise UnsupportedError(
                "A corpus is tested by Welch's t.", got=method, hint="method='auto'"
            )
        found = dataset_test(
            self.score_samples(X), self.state_.scores, rng=0 if rng is None else rng
        )
        return replace(found, measure=f"{self._functional().name}_difference")

    def score(self, X: Any, y: Any = None) -> float:
        """Area under the curve where labels are given, else the mean score; for searches."""
        scores = self.score_samples(X)
        if y is None:
            return float(np.nanmean(scores))
        from infometric.llm.evaluation import evaluate

        found = evaluate(scores, y)
        return float(next(iter(found.auc.values())).value)


def _method(strategy: Any) -> str:
    """How intervals and p-values were made."""
    return "+".join(part for part in (strategy.name, "conformal") if part != NoInterval.name)


def _refuse_number(X: Any) -> None:
    """Refuse a level that was passed as data."""
    if isinstance(X, Real):
        raise DataError(
            "The first argument is new data, and a number was passed.",
            got=X,
            hint=f"ci(level={X})",
        )


class _Origin:
    """What token scores were made by."""

    def __init__(self, **parts: str) -> None:
        vars(self).update(parts)


def _origin(tokens: TokenScores) -> dict[str, str]:
    return {name: getattr(tokens, name) for name in ("tokenizer", "model", "context")}


def non_members(tokens: TokenScores, y: Any) -> TokenScores:
    """Texts that labels call non-members; all where there are no labels.

    Raises
    ------
    DataError
        Where there is none.
    """
    chosen = tokens if y is None else tokens[~membership_labels(y, len(tokens))]
    if not len(chosen):
        raise DataError(
            "The calibration needs texts that are no members, and there is none.",
            got=0,
            hint="fit(non_members), texts like those to be scored that were written after the "
            "model was trained",
        )
    return chosen


def membership_labels(y: Any, n: int) -> Array:
    """Labels as booleans, true for members.

    Raises
    ------
    DataError
        Where they are not 0 and 1, or not one per text.
    """
    try:
        found = np.asarray(y)
    except ValueError:
        found = np.empty(0)
    if found.shape != (n,):
        raise DataError(
            f"There are {n} texts, and the labels have another shape.",
            got=found.shape,
            hint="one label per text: 1 for a member, 0 for a non-member",
        )
    if found.dtype.kind not in "biuf" or not np.isin(found, (0, 1)).all():
        odd = found[~np.isin(found, (0, 1))] if found.dtype.kind in "biuf" else found
        raise DataError(
            "Labels are 1 for members and 0 for non-members.",
            got=odd[:3].tolist(),
            hint="labels = (column == 'member').astype(int)",
        )
    return found.astype(bool)


def _refuse_weights(sample_weight: Any) -> None:
    if sample_weight is not None:
        raise UnsupportedError(
            "Conformal p-values compare texts that count alike; weights have no place.",
            got=type(sample_weight).__name__,
            hint="fit(non_members)",
        )


def _columns(
    functional: f.MembershipFunctional,
    tokens: TokenScores,
    strategy: Any,
    level: float,
    calibration: Calibration | None,
) -> Columns:
    """Scores of some texts with their errors and p-values."""
    value = functional.value(tokens)
    found = strategy(functional, tokens, value, level=level)
    nan = np.full(len(value), np.nan)
    se, low, high = (np.broadcast_to(v, value.shape) for v in (found.se, found.low, found.high))
    pvalue = nan if calibration is None else calibration.pvalues(value, functional.ties(tokens))
    return Columns(value, se, low, high, pvalue, functional.sizes(tokens))


def _joined(parts: Sequence[Columns]) -> Columns:
    names = ("value", "se", "low", "high", "pvalue", "n")
    if not parts:
        return Columns(*(np.empty(0) for _ in names))
    return Columns(*(np.concatenate([getattr(p, name) for p in parts]) for name in names))


def uncalibrated(
    score: MembershipScore, X: Any, level: float, uncertainty: Any = None
) -> MembershipTable:
    """Scores and intervals without a calibration: no p-values, no decision."""
    score._check()
    check_level(level)
    strategy = score._strategy(uncertainty)
    functional: f.MembershipFunctional | None = None
    parts: list[Columns] = []
    names: list[tuple[str, ...] | None] = []
    for tokens in token_parts(X):
        if functional is None:
            functional = score._score(score._nuisance(tokens))
        parts.append(_columns(functional, tokens, strategy, level, None))
        names.append(tokens.names)
    columns = _joined(parts)
    return MembershipTable(
        _all_names(names, len(columns.value)), columns,
        measure="" if functional is None else functional.name, method=strategy.name, level=level,
        meta=table_meta(score),
    )  # fmt: skip


def _all_names(parts: Sequence[tuple[str, ...] | None], n: int) -> tuple[str, ...]:
    """Names of texts that came in parts; their numbers where a part has none."""
    known = [part for part in parts if part is not None]
    if len(known) < len(parts) or not known:
        return tuple(map(str, range(n)))
    joined = tuple(name for part in known for name in part)
    return named(joined, n)
