r"""Calibration: scores of texts that are no members, and what they say of a new score.

With n scores of non-members, the conformal p-value of a score s is

.. math:: p = (1 + \#\{i : s_i \ge s\}) / (n + 1),

which for a non-member that is exchangeable with them is at most u with probability at most u,
whatever the score and its law. Equal scores are ordered by a second one where there is one: a cap
that many texts reach would else make the rule too cautious to flag anything. A threshold at the
k-th largest of them flags a share of non-members that follows Beta(k, n + 1 - k) over calibrations.

References
----------
Vovk, V., Gammerman, A., Shafer, G. (2005). Algorithmic learning in a random world. Springer.
doi:10.1007/b106715
Bates, S., Candès, E., Lei, L., Romano, Y., Sesia, M. (2023). Testing for outliers with conformal
p-values. Ann. Statist. 51, 149-178. doi:10.1214/22-AOS2244
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
from scipy.special import betaincinv

from infometric.exceptions import DataError, InvalidParameterError, MergeError
from infometric.llm.columns import named
from infometric.result import jsonable
from infometric.typing import Array


@dataclass(frozen=True, eq=False)
class Calibration:
    """Scores of non-members: a state, joined by ``+``.

    Parameters
    ----------
    scores : ndarray of shape (n_texts,)
        Scores that are defined.
    variances : ndarray of shape (n_texts,)
        Variance of each by blocks of its tokens; NaN where unknown.
    tokens : ndarray of shape (n_texts,)
        Number of tokens of each text.
    missing : int
        Texts without a score.
    key : str
        What made the scores: method, cap, tokenizer, model.
    ties : ndarray of shape (n_texts,), optional
        What orders texts with equal scores.
    names : tuple of str, optional
        Names of the texts.

    Examples
    --------
    >>> null = Calibration(np.array([1.0, 2.0, 3.0, 4.0]))
    >>> null.pvalues(np.array([0.0, 3.0, 9.0])).tolist()
    [1.0, 0.6, 0.2]
    """

    scores: Array
    variances: Array | None = None
    tokens: Array | None = None
    missing: int = 0
    key: str = ""
    ties: Array | None = None
    names: tuple[str, ...] | None = None
    capabilities: ClassVar[frozenset[str]] = frozenset()

    @property
    def n(self) -> Array:
        """Number of scores."""
        return np.asarray(len(self.scores))

    @cached_property
    def _sorted(self) -> Array:
        return np.sort(self.scores)

    def pvalues(self, scores: Array, ties: Array | None = None, *, own: bool = False) -> Array:
        """Conformal p-value of each score; NaN where there is none.

        Parameters
        ----------
        scores : ndarray
            New scores.
        ties : ndarray, optional
            What orders them among equal ones.
        own : bool
            Whether they are those of the calibration itself: each is compared with the others.
        """
        n, known = len(self.scores), self._sorted
        if ties is not None and self.ties is not None and (known[1:] == known[:-1]).any():
            mine, scores = in_order(self.scores, self.ties, scores, ties)
            known = np.sort(mine)
        at_least = n - np.searchsorted(known, scores, side="left")
        found = at_least / n if own else (1 + at_least) / (n + 1)
        return np.where(np.isnan(scores), np.nan, found)

    def rank(self, fpr: float) -> int:
        """k: a score is flagged where it is above the k-th largest of the calibration.

        Raises
        ------
        InvalidParameterError
            Where so few calibration texts can never give so small a p-value.
        """
        n = len(self.scores)
        inside = isinstance(fpr, float | int) and not isinstance(fpr, bool) and 0 < fpr < 1
        if not inside:
            raise InvalidParameterError(
                "fpr must be a share of non-members between 0 and 1.", got=fpr, hint="fpr=0.01"
            )
        k = math.floor(fpr * (n + 1) * (1 + 1e-12))
        if k < 1:
            raise InvalidParameterError(
                f"{n} calibration texts cannot show a false positive rate of {fpr:g}: the smallest "
                f"conformal p-value is {1 / (n + 1):.3g}.",
                got=fpr,
                hint=f"fpr={_at_least(1 / (n + 1)):g}, or {math.ceil(1 / fpr) - 1:,} calibration "
                "texts or more",
            )
        return min(k, n)

    def threshold(self, k: int) -> float:
        """The k-th largest score."""
        return float(self._sorted[-k])

    def realised(self, k: int, level: float) -> tuple[float, float]:
        """Range of the share of non-members above the k-th largest, over calibrations."""
        n, tail = len(self.scores), (1 - level) / 2
        low, high = (float(betaincinv(k, n + 1 - k, q)) for q in (tail, 1 - tail))
        return low, high

    @property
    def noise_share(self) -> float:
        """Share of the variance over calibration texts that the tokens of a text explain."""
        return noise_share(self.scores, self.variances)

    def __add__(self, other: Calibration) -> Calibration:
        if not isinstance(other, Calibration):
            return NotImplemented
        if self.key != other.key:
            raise MergeError(
                "Scores that were made differently cannot be joined.",
                got=(self.key, other.key),
                hint="score both parts with one fitted estimator",
            )

        def both(a: Array | None, b: Array | None) -> Array | None:
            return None if a is None or b is None else np.concatenate([a, b])

        return Calibration(
            np.concatenate([self.scores, other.scores]),
            both(self.variances, other.variances),
            both(self.tokens, other.tokens),
            self.missing + other.missing,
            self.key,
            both(self.ties, other.ties),
            None
            if self.names is None or other.names is None
            else named(self.names + other.names, len(self.scores) + len(other.scores)),
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready representation, read back by `from_dict`."""
        told = {"schema_version": 1, "state": "membership_calibration"}
        names = ("scores", "variances", "tokens", "missing", "key", "ties", "names")
        return told | {name: jsonable(getattr(self, name)) for name in names}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Inverse of `to_dict`."""
        if data.get("state") != "membership_calibration" or data.get("schema_version") != 1:
            raise DataError(
                "This is no calibration of schema version 1.",
                got={k: data.get(k) for k in ("state", "schema_version")},
                hint="write it again: calibration.to_dict()",
            )

        def array(name: str) -> Array | None:
            values = data[name]
            return None if values is None else np.array(values, dtype=float)

        scores = np.array(data["scores"], dtype=float)
        kept = (array("variances"), array("tokens"), data["missing"], data["key"], array("ties"))
        return cls(scores, *kept, None if data["names"] is None else tuple(data["names"]))


def in_order(
    first: Array, first_ties: Array, second: Array, second_ties: Array
) -> tuple[Array, Array]:
    """Ranks of two sets of scores by score and, among equal ones, by what orders ties.

    Examples
    --------
    >>> one = np.array([1.0, 1.0])
    >>> [r.tolist() for r in in_order(one, np.array([3.0, 5.0]), one, np.array([4.0, 5.0]))]
    [[0.0, 2.0], [1.0, 2.0]]
    """
    pairs = np.stack([np.append(first, second), np.append(first_ties, second_ties)], axis=1)
    _, ranks = np.unique(pairs, axis=0, return_inverse=True)
    ranks = np.where(np.isnan(pairs[:, 0]), np.nan, ranks.reshape(-1).astype(float))
    return ranks[: len(first)], ranks[len(first) :]


def noise_share(scores: Array, variances: Array | None) -> float:
    """Mean variance within texts over the variance between their scores; NaN where unknown."""
    if variances is None:
        return math.nan
    known = np.isfinite(scores) & np.isfinite(variances)
    if known.sum() < 2:
        return math.nan
    total = float(scores[known].var(ddof=1))
    return float(variances[known].mean()) / total if total > 0 else math.nan


def _at_least(share: float) -> float:
    """The share rounded up to two digits."""
    digits = 1 - math.floor(math.log10(share))
    return math.ceil(share * 10**digits) / 10**digits


@dataclass(frozen=True, eq=False)
class Decision:
    """Which texts are flagged as members, and what that is worth.

    Parameters
    ----------
    flagged : ndarray of bool, shape (n_texts,)
        Texts whose score is above the threshold.
    names : tuple of str
        Names of all texts.
    fpr : float
        False positive rate asked for.
    threshold : float
        Score of the calibration text above which a text is flagged.
    k, n_calibration : int
        The threshold is the k-th largest of so many calibration scores.
    realised : tuple of float
        Range of the share of non-members flagged by a threshold from such a calibration.
    level : float
        Nominal coverage of that range.
    missing : int
        Texts without a score, which are not flagged.
    ties : bool
        Whether equal scores were ordered by the mean log-probability.
    """

    flagged: Array
    names: tuple[str, ...]
    fpr: float
    threshold: float
    k: int
    n_calibration: int
    realised: tuple[float, float]
    level: float = 0.95
    missing: int = 0
    ties: bool = False

    @property
    def _order(self) -> str:
        return "; equal scores by their mean log-probability" if self.ties else ""

    @property
    def flagged_names(self) -> list[str]:
        """Names of the flagged texts."""
        return [self.names[i] for i in np.flatnonzero(self.flagged)]

    @property
    def statement(self) -> str:
        """What the decision guarantees, and what it does not."""
        n, (low, high) = self.n_calibration, self.realised
        share = self.k / (n + 1)
        expected = (len(self.flagged) - self.missing) * share
        text = (
            f"{int(self.flagged.sum())} of {len(self.flagged)} texts rank above the "
            f"{_ordinal(self.k)} largest of {n:,} calibration non-members (a score of "
            f"{self.threshold:.6g}{self._order}). A non-member that is exchangeable with them is "
            f"flagged with probability {share:.4g} at most (asked: {self.fpr:g}), over draws of "
            "the calibration too; with this one calibration the share of non-members flagged lies "
            f"between {low:.4g} and {high:.4g} ({100 * self.level:g} %). If no text were a "
            f"member, {expected:.3g} would be flagged in the mean."
        )
        if self.missing:
            text += f" {self.missing} text(s) have no score and are not flagged."
        return text

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready dictionary."""
        names = ("fpr", "threshold", "k", "n_calibration", "realised", "level", "missing")
        told = {name: jsonable(getattr(self, name)) for name in names}
        return told | {"flagged": self.flagged_names, "statement": self.statement}

    def __str__(self) -> str:
        return self.statement


def _ordinal(k: int) -> str:
    """Number of a place: 1st, 2nd, 3rd, 11th.

    Examples
    --------
    >>> _ordinal(1), _ordinal(12), _ordinal(22)
    ('1st', '12th', '22nd')
    """
    teen = 10 <= k % 100 <= 20
    return f"{k}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(k % 10, 'th')}"
