"""The membership scores, thin shells around the functionals of `functional.membership`."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import clone

from infometric.exceptions import DataError, InvalidParameterError, and_list
from infometric.functional import membership as f
from infometric.llm.frequency import as_frequency
from infometric.llm.membership import MembershipScore, uncalibrated
from infometric.llm.table import MembershipTable
from infometric.llm.tokens import TokenScores
from infometric.state.ragged import Ragged, first_occurrences, lowest
from infometric.typing import Array
from infometric.validation import Constraint, OneOf, Span

SATURATED = 0.005  # share of the calibration texts whose every term may reach an adaptive cap
PAPER_CAP = 0.01  # of the authors of DC-PDD, for models of billions of parameters
SHARE = Span(Real, 0, 1, closed="right")


class LossScore(MembershipScore):
    """Mean log-probability of a text, the negative loss of the model on it.

    Parameters
    ----------
    uncertainty : str or TokenBlocks
        "auto" is ``TokenBlocks(block=8)``; "none" gives no intervals.

    References
    ----------
    Yeom, S. et al. (2018). doi:10.1109/CSF.2018.00027

    Examples
    --------
    >>> import infometric as im
    >>> known = [[-2.0, -3.5, -1.0], [-4.0, -1.5, -2.5], [-3.0, -3.0, -5.0]]
    >>> found = im.LossScore().fit(known).estimate([[-0.1, -0.4, -0.2], [-3.0, -2.0, -4.0]])
    >>> found.pvalues.tolist()
    [0.25, 0.75]
    """

    def _score(self, learned: Mapping[str, Any]) -> f.MembershipFunctional:
        return f.Loss()


class ZlibScore(MembershipScore):
    """Mean log-probability over the length of the text compressed by zlib.

    It needs `zlib`, which `TokenScores` keep where they are made with ``text=``.

    Parameters
    ----------
    uncertainty : str or TokenBlocks
        As of `LossScore`.

    References
    ----------
    Carlini, N. et al. (2021). arXiv:2012.07805

    Examples
    --------
    >>> import infometric as im
    >>> tokens = im.TokenScores.from_lists(logprob=[[-2.0], [-2.0]], text=["abcabcabc", "abcd"])
    >>> im.ZlibScore().fit(tokens).score_samples(tokens).round(4).tolist()
    [-0.1538, -0.1667]
    """

    def _score(self, learned: Mapping[str, Any]) -> f.MembershipFunctional:
        return f.Zlib()


class LowercaseScore(MembershipScore):
    """Mean log-probability of the text in lower case over that of the text as it stands.

    It needs the column `lower`: the model asked again for the text in lower case.

    Parameters
    ----------
    uncertainty : str or TokenBlocks
        As of `LossScore`.

    References
    ----------
    Carlini, N. et al. (2021). arXiv:2012.07805

    Examples
    --------
    >>> import infometric as im
    >>> tokens = im.TokenScores.from_lists(logprob=[[-1.0, -3.0]], lower=[[-2.0, -4.0, -6.0]])
    >>> im.LowercaseScore().fit(tokens).score_samples(tokens).tolist()
    [2.0]
    """

    def _score(self, learned: Mapping[str, Any]) -> f.MembershipFunctional:
        return f.Lowercase()


class ReferenceScore(MembershipScore):
    """Mean log-probability less that of a second model that has not seen the text.

    It needs the column `reference`: log-probabilities of the same text by the second model.

    Parameters
    ----------
    ratio : bool
        Whether to take the negated quotient of the two losses instead of the difference.
    uncertainty : str or TokenBlocks
        As of `LossScore`.

    References
    ----------
    Carlini, N. et al. (2021). arXiv:2012.07805

    Examples
    --------
    >>> import infometric as im
    >>> tokens = im.TokenScores.from_lists(logprob=[[-1.0, -3.0]], reference=[[-2.0, -4.0]])
    >>> im.ReferenceScore().fit(tokens).score_samples(tokens).tolist()
    [1.0]
    """

    _constraints: ClassVar[dict[str, tuple[Constraint, ...]]] = MembershipScore._constraints | {
        "ratio": (OneOf((True, False)),)
    }

    def __init__(self, *, ratio: bool = False, uncertainty: Any = "auto") -> None:
        super().__init__(uncertainty=uncertainty)
        self.ratio = ratio

    def _score(self, learned: Mapping[str, Any]) -> f.MembershipFunctional:
        return f.Reference(bool(self.ratio))


class NeighborScore(MembershipScore):
    """Mean log-probability less the average over perturbed copies of the text.

    It needs the column `neighbors`: of each copy the mean log-probability, or all of them.

    Parameters
    ----------
    uncertainty : str or TokenBlocks
        As of `LossScore`.

    References
    ----------
    Mattern, J. et al. (2023). doi:10.18653/v1/2023.findings-acl.719

    Examples
    --------
    >>> import infometric as im
    >>> tokens = im.TokenScores.from_lists(logprob=[[-1.0, -3.0]], neighbors=[[-3.0, -5.0]])
    >>> im.NeighborScore().fit(tokens).score_samples(tokens).tolist()
    [2.0]
    """

    def _score(self, learned: Mapping[str, Any]) -> f.MembershipFunctional:
        return f.Neighbor()


class MinK(MembershipScore):
    """Mean of the lowest share of the log-probabilities of a text: Min-K%, or Min-K%++.

    Parameters
    ----------
    k : float
        Share of the tokens, of which there is at least one.
    normalise : bool
        Whether log-probabilities are standardised by mean and variance over the vocabulary
        (Min-K%++), which needs `mu` and `var`.
    uncertainty : str or TokenBlocks
        As of `LossScore`.

    References
    ----------
    Shi, W. et al. (2024). arXiv:2310.16789. Zhang, J. et al. (2025). arXiv:2404.02936

    Examples
    --------
    >>> import infometric as im
    >>> tokens = im.TokenScores.from_lists(logprob=[[-1.0, -3.0, -2.0, -9.0]])
    >>> im.MinK(k=0.5).fit(tokens).score_samples(tokens).tolist()
    [-6.0]
    """

    _constraints: ClassVar[dict[str, tuple[Constraint, ...]]] = MembershipScore._constraints | {
        "k": (SHARE,),
        "normalise": (OneOf((True, False)),),
    }

    def __init__(
        self, k: float = 0.2, *, normalise: bool = False, uncertainty: Any = "auto"
    ) -> None:
        super().__init__(uncertainty=uncertainty)
        self.k = k
        self.normalise = normalise

    def _score(self, learned: Mapping[str, Any]) -> f.MembershipFunctional:
        return f.MinKPlusPlus(self.k) if self.normalise else f.MinK(self.k)


class ReCaLL(MembershipScore):
    """Mean log-probability after a text that is no member, over that without it.

    It needs the column `nonmember_prefix`: log-probabilities of the same tokens after such a text.

    Parameters
    ----------
    uncertainty : str or TokenBlocks
        As of `LossScore`.

    References
    ----------
    Xie, R. et al. (2024). arXiv:2406.15968

    Examples
    --------
    >>> import infometric as im
    >>> tokens = im.TokenScores.from_lists(logprob=[[-1.0, -3.0]], nonmember_prefix=[[-2.0, -4.0]])
    >>> im.ReCaLL().fit(tokens).score_samples(tokens).tolist()
    [1.5]
    """

    def _score(self, learned: Mapping[str, Any]) -> f.MembershipFunctional:
        return f.ReCaLL()


class ConReCall(MembershipScore):
    """ReCaLL less gamma times the same after a member text.

    It needs the columns `nonmember_prefix` and `member_prefix`.

    Parameters
    ----------
    gamma : float
        Weight of the member prefix.
    uncertainty : str or TokenBlocks
        As of `LossScore`.

    References
    ----------
    Wang, C. et al. (2025). arXiv:2409.03363

    Examples
    --------
    >>> import infometric as im
    >>> tokens = im.TokenScores.from_lists(
    ...     logprob=[[-1.0, -3.0]], nonmember_prefix=[[-2.0, -4.0]], member_prefix=[[-1.0, -1.0]]
    ... )
    >>> im.ConReCall(gamma=0.5).fit(tokens).score_samples(tokens).tolist()
    [1.25]
    """

    _constraints: ClassVar[dict[str, tuple[Constraint, ...]]] = MembershipScore._constraints | {
        "gamma": (Span(Real, 0),)
    }

    def __init__(self, gamma: float = 0.5, *, uncertainty: Any = "auto") -> None:
        super().__init__(uncertainty=uncertainty)
        self.gamma = gamma

    def _score(self, learned: Mapping[str, Any]) -> f.MembershipFunctional:
        return f.ConReCall(self.gamma)


class SURP(MembershipScore):
    """Mean log-probability of the surprising tokens: improbable where the model was sure.

    It needs `mu`, of which the entropy of a prediction is the negative.

    Parameters
    ----------
    quantile : float
        Tokens at or below this quantile of their text's log-probabilities count.
    max_entropy : float
        Most entropy of a prediction that counts as sure, nats.
    uncertainty : str or TokenBlocks
        As of `LossScore`.

    References
    ----------
    Zhang, A., Wu, C. (2024). arXiv:2407.21248

    Examples
    --------
    >>> import infometric as im
    >>> tokens = im.TokenScores.from_lists(
    ...     logprob=[[-1.0, -3.0, -6.0, -0.5]], mu=[[-1.0, -1.0, -4.0, -1.0]]
    ... )
    >>> im.SURP(quantile=0.5).fit(tokens).score_samples(tokens).tolist()
    [-3.0]
    """

    _constraints: ClassVar[dict[str, tuple[Constraint, ...]]] = MembershipScore._constraints | {
        "quantile": (SHARE,),
        "max_entropy": (Span(Real, 0),),
    }

    def __init__(
        self, quantile: float = 0.4, max_entropy: float = 2.0, *, uncertainty: Any = "auto"
    ) -> None:
        super().__init__(uncertainty=uncertainty)
        self.quantile = quantile
        self.max_entropy = max_entropy

    def _score(self, learned: Mapping[str, Any]) -> f.MembershipFunctional:
        return f.SURP(self.quantile, self.max_entropy)


class PMIScore(MembershipScore):
    """Mean of log-probability less log-frequency, over the first occurrence of each token.

    Parameters
    ----------
    reference : TokenFrequency, counts or path
        How often each token occurs in a reference corpus.
    first : bool
        Whether a token counts once in a text.
    uncertainty : str or TokenBlocks
        As of `LossScore`.

    Examples
    --------
    >>> import infometric as im
    >>> tokens = im.TokenScores.from_lists(ids=[[0, 1, 0]], logprob=[[-1.0, -3.0, -2.0]])
    >>> im.PMIScore([1, 1]).fit(tokens).score_samples(tokens).round(3).tolist()
    [-1.307]
    """

    _constraints: ClassVar[dict[str, tuple[Constraint, ...]]] = MembershipScore._constraints | {
        "first": (OneOf((True, False)),)
    }

    def __init__(
        self, reference: Any = None, *, first: bool = True, uncertainty: Any = "auto"
    ) -> None:
        super().__init__(uncertainty=uncertainty)
        self.reference = reference
        self.first = first

    def _nuisance(self, tokens: TokenScores) -> dict[str, Any]:
        frequency = as_frequency(self.reference)
        frequency.require_tokens_of(tokens)
        return {"frequency_": frequency}

    def _require(self, tokens: TokenScores) -> None:
        super()._require(tokens)
        self.frequency_.require_tokens_of(tokens)

    def _score(self, learned: Mapping[str, Any]) -> f.MembershipFunctional:
        return f.PMI(learned["frequency_"].log_q, bool(self.first))


class DCPDD(PMIScore):
    r"""Divergence-based calibration: cross-entropy of model and token frequencies, capped.

    .. math:: \frac1m \sum_{i\ \text{first}} \min(-p_i \log q(x_i),\ a)

    over the m tokens that occur for the first time in their text, with :math:`p_i` the model's
    probability and q the frequency in a reference corpus. The cap a does nearly all of the work,
    and the published one is not universal: "adaptive" is between two quantiles of the terms of the
    calibration non-members (see `cap_quantile`), learned without a label of the texts to be judged.

    Parameters
    ----------
    reference : TokenFrequency, counts or path
        How often each token occurs in a reference corpus, of the same tokenizer.
    cap : float, "adaptive" or None
        Most that one token adds; the paper's is 0.01.
    cap_quantile : float
        Quantile of the calibration terms that the adaptive cap is; up to twice that where more than
        one calibration text in 200 would have all of its terms above the cap, and so one score.
    first : bool
        Whether a token counts once in a text.
    uncertainty : str or TokenBlocks
        As of `LossScore`.

    Attributes
    ----------
    cap_ : float or None
        Cap in use.
    frequency_ : TokenFrequency
        Frequencies in use.

    References
    ----------
    Zhang, W. et al. (2024). Pretraining data detection for large language models: a
    divergence-based calibration method. EMNLP. arXiv:2409.14781

    Examples
    --------
    >>> import infometric as im
    >>> tokens = im.TokenScores.from_lists(
    ...     ids=[[2, 0, 2, 5, 1]], logprob=[np.log([0.5, 0.1, 0.25, 0.9, 0.001])]
    ... )
    >>> score = im.DCPDD([10, 5, 0, 3, 1, 1], cap=0.01).fit(tokens)
    >>> score.score_samples(tokens).round(7).tolist()
    [0.0078666]
    """

    _constraints: ClassVar[dict[str, tuple[Constraint, ...]]] = PMIScore._constraints | {
        "cap": (Span(Real, 0, closed="neither"), OneOf(("adaptive", None))),
        "cap_quantile": (SHARE,),
    }

    def __init__(
        self,
        reference: Any = None,
        *,
        cap: Any = "adaptive",
        cap_quantile: float = 0.1,
        first: bool = True,
        uncertainty: Any = "auto",
    ) -> None:
        super().__init__(reference, first=first, uncertainty=uncertainty)
        self.cap = cap
        self.cap_quantile = cap_quantile

    def _nuisance(self, tokens: TokenScores) -> dict[str, Any]:
        learned = super()._nuisance(tokens)
        cap = None if self.cap is None else self.cap
        if cap == "adaptive":
            cap = adaptive_cap(learned["frequency_"].log_q, tokens, self.cap_quantile, self.first)
        return learned | {"cap_": None if cap is None else float(cap)}

    def _score(self, learned: Mapping[str, Any]) -> f.MembershipFunctional:
        return f.DCPDD(learned["frequency_"].log_q, bool(self.first), learned["cap_"])


def adaptive_cap(log_q: Array, tokens: TokenScores, quantile: float, first: bool) -> float:
    """Cap that tells most texts apart, learned from non-members alone.

    A quantile of the terms that their tokens add; raised, to twice that quantile at most, until no
    more than one text in 200 has all of its terms above it. Texts that do have one score, and a
    decision with fewer false positives than there are of them would be left with nothing to go by.

    Raises
    ------
    DataError
        Where it is zero: the model gives these tokens no probability at all.
    """
    functional = f.DCPDD(log_q, first)
    functional.require(tokens)
    terms = Ragged(functional.terms(tokens), tokens.offsets)
    if first and tokens.ids is not None:
        terms = terms.kept(first_occurrences(tokens.ids, tokens.offsets))
    cap = 0.0
    if len(terms.values):
        low, high = np.quantile(terms.values, [quantile, min(2 * quantile, 1.0)])
        least = lowest(terms, 0.0).mean  # of each text
        reached = np.quantile(least[~np.isnan(least)], 1 - SATURATED)
        cap = float(np.clip(reached, low, high))
    if not cap > 0:
        raise DataError(
            "The quantile of what calibration tokens add is zero, which is no cap.",
            got={"quantile": quantile, "tokens": len(terms.values)},
            hint="cap=0.01, or a higher cap_quantile",
        )
    return cap


NAMED: dict[str, type[MembershipScore]] = {
    "dc_pdd": DCPDD,
    "loss": LossScore,
    "zlib": ZlibScore,
    "lowercase": LowercaseScore,
    "reference": ReferenceScore,
    "neighbor": NeighborScore,
    "min_k": MinK,
    "min_k_plus_plus": MinK,
    "recall": ReCaLL,
    "con_recall": ConReCall,
    "surp": SURP,
    "pmi": PMIScore,
}


# what each score is made of
NEEDS: dict[str, tuple[str, ...]] = {
    kind.name: kind.needs
    for kind in (
        f.DCPDD, f.Loss, f.Zlib, f.Lowercase, f.Reference, f.Neighbor, f.MinK, f.MinKPlusPlus,
        f.ReCaLL, f.ConReCall, f.SURP, f.PMI,
    )
}  # fmt: skip


def named_score(name: Any, reference: Any = None, **options: Any) -> MembershipScore:
    """Estimator of a name, with its parameters.

    Raises
    ------
    InvalidParameterError
        Where there is no such score.
    """
    if isinstance(name, MembershipScore):
        if options:
            own = ", ".join(f"{k}={v!r}" for k, v in options.items())
            raise InvalidParameterError(
                "An estimator has its parameters.",
                got=options,
                hint=f"{type(name).__name__}({own})",
            )
        return name
    if not isinstance(name, str) or name not in NAMED:
        near = difflib.get_close_matches(str(name), NAMED, n=1, cutoff=0.4)
        raise InvalidParameterError(
            f"method must be one of {', '.join(map(repr, NAMED))}, or a membership score.",
            got=name,
            hint=f"method={(near or ['dc_pdd'])[0]!r}",
        )
    kind = NAMED[name]
    twice = "normalise" in options and kind is MinK  # the name says which of the two it is
    strange = ["normalise"] if twice else sorted(set(options) - set(kind._get_param_names()))
    if strange:
        raise InvalidParameterError(
            f"{name} has no parameter {strange[0]!r}.",
            got=options,
            hint=f"one of {and_list(kind._get_param_names())}",
        )
    if issubclass(kind, PMIScore):
        options["reference"] = reference
    if name == "min_k_plus_plus":
        options["normalise"] = True
    return kind(**options)


def scored_texts(
    method: Any,
    tokens: Any,
    reference: Any,
    calibration: Any,
    level: float,
    uncertainty: Any,
    options: Mapping[str, Any],
) -> MembershipTable:
    """Scores of a named method, with a calibration or without one; see `membership_scores`."""
    if reference is not None and not (isinstance(method, str) and "ids" in NEEDS.get(method, ())):
        raise InvalidParameterError(
            "Only 'dc_pdd' and 'pmi' compare with token frequencies.",
            got=method,
            hint="leave reference out; an estimator has its own: DCPDD(reference)",
        )
    score = named_score(method, reference, **options)
    if isinstance(method, str):
        score.set_params(uncertainty=uncertainty)
    own = None if uncertainty == "auto" else uncertainty
    if calibration is not None:
        return clone(score).fit(calibration).estimate(tokens, level=level, uncertainty=own)
    if hasattr(score, "state_"):
        return score.estimate(tokens, level=level, uncertainty=own)
    if isinstance(score, DCPDD) and score.cap == "adaptive":
        if "cap" in options or not isinstance(method, str):
            raise InvalidParameterError(
                "An adaptive cap is learned from texts that are no members.",
                got="adaptive",
                hint=f"calibration=non_members, or cap={PAPER_CAP}, the published one",
            )
        score.set_params(cap=PAPER_CAP)
    return uncalibrated(score, tokens, level, own)
