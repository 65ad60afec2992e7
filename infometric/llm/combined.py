"""CombinedScore: several membership scores weighed by what tells known members from non-members."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from sklearn.base import clone

from infometric.exceptions import DataError
from infometric.functional import membership as f
from infometric.llm.membership import MembershipScore, membership_labels
from infometric.llm.scores import NEEDS, named_score
from infometric.llm.tokens import TokenScores
from infometric.typing import RNG, Array
from infometric.validation import Constraint, Having, OneOf

LEAST = 10  # members, and non-members, in the half that the weights are learned from


class CombinedScore(MembershipScore):
    """Weighted sum of scores, the weights learned from texts whose membership is known.

    One half of the labelled texts, drawn at random, gives the weights (logistic regression on the
    standardised scores); the non-members of the other half are the calibration, so that p-values
    hold although the weights were fitted.

    Parameters
    ----------
    scores : sequence of str or MembershipScore, optional
        Names as of `membership_scores`, or estimators; by default every score whose columns the
        texts have.
    reference : TokenFrequency, counts or path, optional
        For the scores that compare with token frequencies.
    random_state : int, Generator or None
        Draws the halves.
    uncertainty : str or TokenBlocks
        As of `LossScore`.

    Attributes
    ----------
    weights_ : dict of str to float
        Weight of each standardised score.
    learned_from_ : ndarray of int
        Places of the texts that gave the weights; an evaluation on them would flatter.

    References
    ----------
    Maini, P. et al. (2024). LLM dataset inference: did you train on my dataset? NeurIPS.
    arXiv:2406.06443

    Examples
    --------
    >>> import infometric as im
    >>> rng = np.random.default_rng(0)
    >>> y = np.arange(80) % 2
    >>> tokens = im.TokenScores.from_lists(logprob=-rng.exponential(2 - y[:, None], (80, 30)))
    >>> score = im.CombinedScore(["loss", "min_k"], random_state=0).fit(tokens, y)
    >>> list(score.weights_)
    ['loss', 'min_k']
    """

    _constraints: ClassVar[dict[str, tuple[Constraint, ...]]] = MembershipScore._constraints | {
        "scores": (Having(list | tuple, "a list of scores"), OneOf((None,)))
    }

    _expected_failures: ClassVar[dict[str, str]] = {
        "check_merge": "fit keeps half of the non-members to learn weights from, partial_fit none"
    }

    def __init__(
        self,
        scores: Any = None,
        *,
        reference: Any = None,
        random_state: RNG = None,
        uncertainty: Any = "auto",
    ) -> None:
        super().__init__(uncertainty=uncertainty)
        self.scores = scores
        self.reference = reference
        self.random_state = random_state

    def _nuisance(self, tokens: TokenScores) -> dict[str, Any]:
        raise DataError(
            "A combination is learned from texts whose membership is known.",
            hint="CombinedScore().fit(texts, labels), then membership_scores(texts, method=score)",
        )

    def _prepared(self, tokens: TokenScores, y: Any) -> tuple[TokenScores, dict[str, Any]]:
        if y is None:
            raise DataError(
                "A combination is learned from texts whose membership is known.",
                hint="fit(texts, labels), 1 for a member; or MinK().fit(non_members), which "
                "needs no members",
            )
        members = membership_labels(y, len(tokens))
        mine, others = halves(members, np.random.default_rng(self.random_state))
        known, labels = tokens[mine], members[mine]
        fitted = {name: s.fit(known, labels) for name, s in self._chosen(tokens).items()}
        learned = learn_weights(fitted, known, labels)
        return tokens[others[~members[others]]], learned | {
            "parts_": fitted,
            "learned_from_": mine,
        }

    def _chosen(self, tokens: TokenScores) -> dict[str, MembershipScore]:
        """Estimators by name."""
        if self.scores is None:
            return available_scores(tokens, self.reference)
        made = [named_score(s, self.reference) for s in self.scores]
        names = [s if isinstance(s, str) else type(s).__name__ for s in self.scores]
        if not made:
            raise DataError("There is no score to combine.", got=[], hint="scores=['loss']")
        names = [n if names.count(n) == 1 else f"{n} {i}" for i, n in enumerate(names)]
        return dict(zip(names, map(clone, made), strict=True))

    def _score(self, learned: Mapping[str, Any]) -> f.MembershipFunctional:
        parts = tuple(s._functional() for s in learned["parts_"].values())
        return f.Weighted(parts, learned["slopes_"], learned["constant_"])


def halves(members: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Two halves of the texts, each with half of the members.

    Raises
    ------
    DataError
        Where one of them would be too small to learn from.
    """
    mine = np.zeros(len(members), bool)
    for kind in (False, True):
        at = rng.permutation(np.flatnonzero(members == kind))
        if len(at) // 2 < LEAST:
            raise DataError(
                f"Weights are learned from {LEAST} members and {LEAST} non-members at least, and "
                "as many are kept to calibrate.",
                got={"members": int(members.sum()), "non_members": int((~members).sum())},
                hint=f"{2 * LEAST} labelled texts of each kind, or a score without weights: MinK()",
            )
        mine[at[: len(at) // 2]] = True
    return np.flatnonzero(mine), np.flatnonzero(~mine)


def learn_weights(
    scores: Mapping[str, MembershipScore], tokens: TokenScores, members: Array
) -> dict[str, Any]:
    """Weights of standardised scores by logistic regression, and the same of the scores as such."""
    from sklearn.linear_model import LogisticRegression

    table = np.stack([s.score_samples(tokens) for s in scores.values()], axis=1)
    known = np.isfinite(table).all(1)
    mean = table[known].mean(0) if known.any() else np.zeros(len(scores))
    spread = table[known].std(0) if known.any() else np.zeros(len(scores))
    flat = [name for name, s in zip(scores, spread, strict=True) if not s > 0]
    if flat or len(np.unique(members[known])) < 2:
        raise DataError(
            f"The score {flat[0]!r} is the same for every text." if flat
            else "Too few of the labelled texts have all of the scores.",
            got={"texts": len(table), "with_all_scores": int(known.sum())},
            hint="scores=[...] without it",
        )  # fmt: skip
    model = LogisticRegression().fit((table[known] - mean) / spread, members[known])
    weights = model.coef_[0]
    return {
        "weights_": dict(zip(scores, weights.tolist(), strict=True)),
        "slopes_": weights / spread,
        "constant_": float(model.intercept_[0] - (weights * mean / spread).sum()),
    }


def available_scores(tokens: TokenScores, reference: Any = None) -> dict[str, MembershipScore]:
    """Every score whose columns the texts have, by name.

    Examples
    --------
    >>> import infometric as im
    >>> tokens = im.TokenScores.from_lists(logprob=[[-1.0, -2.0]], mu=[[-1.5, -1.0]])
    >>> list(available_scores(tokens))
    ['loss', 'min_k', 'surp']
    """
    held = {"logprob", *tokens.columns, *tokens.numbers}
    held |= {"ids"} if tokens.ids is not None else set()
    return {
        name: named_score(name, reference)
        for name, needed in NEEDS.items()
        if set(needed) <= held and not (reference is None and "ids" in needed)
    }
