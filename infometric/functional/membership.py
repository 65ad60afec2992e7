r"""Scores of how familiar a text is to a language model: larger is more like a text trained on.

With :math:`\ell_i` the log-probability of token :math:`x_i`, :math:`\mu_i` and :math:`\sigma_i^2`
mean and variance of the log-probability over the vocabulary there, and q the frequency of a token
in a reference corpus, the scores of n tokens are

.. math::
   \text{loss} &= \tfrac1n \sum_i \ell_i &
   \text{zlib} &= \text{loss} / |\mathrm{zlib}(x)| \\
   \text{Min-K\%} &= \text{mean of the lowest } kn \text{ of } \ell_i &
   \text{Min-K\%++} &= \text{the same of } (\ell_i - \mu_i) / \sigma_i \\
   \text{DC-PDD} &= \text{mean of } \min(-e^{\ell_i} \log q(x_i), a) &
   \text{PMI} &= \text{mean of } \ell_i - \log q(x_i)

the last two over the first occurrence of each token. Others compare with a second model, with
perturbed copies, or with the same text after a prefix. A score is a smooth function of a few means
over tokens, which is all that a subclass says: its value, its error by blocks of tokens and its
behaviour on empty and infinite input follow.

References
----------
Yeom, S. et al. (2018). Privacy risk in machine learning. IEEE CSF. doi:10.1109/CSF.2018.00027
Carlini, N. et al. (2021). Extracting training data from large language models. USENIX Security.
arXiv:2012.07805 (zlib, lower case, reference model).
Mattern, J. et al. (2023). Membership inference attacks against language models via neighbourhood
comparison. Findings of ACL. doi:10.18653/v1/2023.findings-acl.719
Shi, W. et al. (2024). Detecting pretraining data from large language models. ICLR.
arXiv:2310.16789 (Min-K%).
Zhang, J. et al. (2025). Min-K%++: improved baseline for pre-training data detection. ICLR.
arXiv:2404.02936
Zhang, W. et al. (2024). Pretraining data detection for large language models: a divergence-based
calibration method. EMNLP. arXiv:2409.14781 (DC-PDD).
Xie, R. et al. (2024). ReCaLL: membership inference via relative conditional log-likelihoods. EMNLP.
arXiv:2406.15968
Wang, C. et al. (2025). Con-ReCall: detecting pre-training data in LLMs via contrastive decoding.
COLING. arXiv:2409.03363
Zhang, A., Wu, C. (2024). Adaptive pre-training data detection for large language models via
surprising tokens. arXiv:2407.21248 (SURP).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np

from infometric.exceptions import DataError
from infometric.state.ragged import (
    Lowest,
    Ragged,
    block_variance,
    compiled_kernels,
    divided,
    first_occurrences,
    lowest,
    quantiles,
    segment_sums,
)
from infometric.typing import Array, Units

LEAST_VARIANCE = 1e-12  # of a prediction, below which it is certain and has no z-score
_NEAR = 0.2  # share of the tokens on either side of a quantile that are near it
_SINGLE_CAP = 0.05  # caps up to which single precision is exact to 1e-8
_COMPILED_FROM = 2_000_000  # tokens from which it pays to load the compiled kernels


class Tokens(Protocol):
    """What a score reads of token scores."""

    logprob: Ragged
    ids: Array | None

    @property
    def offsets(self) -> Array:
        """Where each text begins."""
        ...

    def need(self, name: str, score: str) -> Any:
        """A column, or an error that names it."""
        ...

    def chunks(self, tokens: int) -> Any:
        """Parts of about so many tokens."""
        ...

    def __len__(self) -> int: ...


# --- means over tokens --------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class MeanOf:
    """Mean over the tokens of a text, or over those that a mask keeps."""

    values: Ragged
    keep: Array | None = None
    independent: bool = False  # values that are no sequence: copies of a text

    def sizes(self) -> Array:
        """Number of values that count, of each text."""
        if self.keep is None:
            return self.values.sizes
        return segment_sums(self.keep, self.values.offsets).astype(np.int64)

    def mean(self) -> Array:
        """Mean of each text; NaN where nothing counts."""
        values = self.values.values
        if self.keep is not None:
            values = np.where(self.keep, values, values.dtype.type(0))
        return divided(segment_sums(values, self.values.offsets), self.sizes())

    def deviations(self) -> Ragged:
        """Influence of each value on the mean of its text; they add up to zero."""
        values, offsets, sizes = self.values.values, self.values.offsets, self.values.sizes
        weight = divided(sizes.astype(float), self.sizes())
        with np.errstate(invalid="ignore"):
            h = (values - np.repeat(self.mean(), sizes)) * np.repeat(weight, sizes)
        return Ragged(h if self.keep is None else np.where(self.keep, h, 0.0), offsets)


@dataclass(frozen=True, eq=False)
class LowestOf:
    """Mean of the lowest share of the values of a text, or of those that a mask keeps."""

    values: Ragged
    share: float
    keep: Array | None = None
    independent: bool = False

    @cached_property
    def _kept(self) -> Ragged:
        return self.values if self.keep is None else self.values.kept(self.keep)

    @cached_property
    def _lowest(self) -> Lowest:
        return lowest(self._kept, self.share)

    def sizes(self) -> Array:
        """Number of the lowest, of each text."""
        return self._lowest.size

    def mean(self) -> Array:
        """Mean of the lowest; NaN where a text is empty."""
        return self._lowest.mean

    def deviations(self) -> Ragged:
        """Influence of each value: what it lies below the quantile, less the mean of that."""
        found, kept = self._lowest, self._kept
        sizes, whole = kept.sizes, self.values.sizes.astype(float)
        # of a mean over all tokens of which those left out are nothing
        more = np.repeat(divided(whole, sizes), sizes)
        with np.errstate(invalid="ignore"):
            below = np.minimum(kept.values - np.repeat(found.most, sizes), 0.0)
            scale = np.repeat(divided(sizes.astype(float), found.size), sizes)
            h = (below * scale + np.repeat(found.most - found.mean, sizes)) * more
        if self.keep is None:
            return Ragged(h, self.values.offsets)
        full = np.zeros(len(self.values.values))
        full[self.keep] = h
        return Ragged(full, self.values.offsets)


@dataclass(frozen=True, eq=False)
class BelowQuantile(MeanOf):
    """Mean over kept tokens, which lie at or below the quantile of their text.

    The quantile moves with the tokens, and with it which of them are kept: a token below it pushes
    it down, at the rate at which tokens near it are kept.
    """

    quantile: Array = field(default_factory=lambda: np.empty(0))
    share: float = 0.5
    rate: Array = field(default_factory=lambda: np.empty(0))

    def deviations(self) -> Ragged:
        """Influence of each value, that on the quantile too."""
        direct, sizes = super().deviations(), self.values.sizes
        kept = divided(self.sizes().astype(float), sizes)
        with np.errstate(invalid="ignore"):
            pull = (self.quantile - self.mean()) * self.rate / kept
            below = self.values.values <= np.repeat(self.quantile, sizes)
            h = np.repeat(divided(segment_sums(below, direct.offsets), sizes), sizes) - below
            return Ragged(direct.values + np.repeat(pull, sizes) * h, direct.offsets)


Part = MeanOf | LowestOf


class Influence(NamedTuple):
    """Influence of each value of a set of tokens, or of copies that are no sequence."""

    values: Ragged
    independent: bool


# --- what a score is ----------------------------------------------------------------------------


@dataclass(frozen=True)
class MembershipFunctional:
    """A score of each text: a function of means over its tokens.

    A subclass defines `parts`, and where it is not the one mean itself, `combine` and `slopes`.
    """

    name: ClassVar[str] = ""
    units: ClassVar[Units] = "dimensionless"
    bounds: ClassVar[tuple[float, float]] = (-np.inf, np.inf)
    needs: ClassVar[tuple[str, ...]] = ("logprob",)

    def parts(self, t: Any) -> Sequence[Part]:
        """The means."""
        raise NotImplementedError

    def combine(self, t: Any, means: Sequence[Array]) -> Array:
        """Score of the means."""
        return means[0]

    def slopes(self, t: Any, means: Sequence[Array]) -> Sequence[Array]:
        """Derivative of the score by each mean."""
        return [np.ones(len(t))]

    def require(self, t: Any) -> None:
        """Error where a column is absent that the score is made of."""
        for name in self.needs:
            t.need(name, type(self).__name__)

    def value(self, t: Any) -> Array:
        """Score of each text, shape (n_texts,); NaN where it is not defined."""
        self.require(t)
        found = [self._value(part) for part in t.chunks(1 << 15)]
        return np.concatenate(found) if found else np.empty(0)

    def _value(self, t: Any) -> Array:
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.combine(t, [part.mean() for part in self.parts(t)])

    def influence(self, t: Any) -> list[Influence]:
        """Influence of each token on the score of its text, one array for each set of tokens.

        Means over the same tokens are one array: what they share cancels.
        """
        parts = list(self.parts(t))
        slopes = self.slopes(t, [part.mean() for part in parts])
        found: list[Influence] = []
        for part, slope in zip(parts, slopes, strict=True):
            own = part.deviations()
            scaled = Ragged(own.values * np.repeat(slope, own.sizes), own.offsets)
            found = joined(found, Influence(scaled, part.independent))
        return found

    def spread(self, t: Any, block: int) -> tuple[Array, Array]:
        """Variance of the score of each text by blocks of tokens, and the blocks there are.

        Sets of other tokens, such as those of perturbed copies, are taken as independent.
        """
        self.require(t)
        found = [self._spread(part, block) for part in t.chunks(1 << 18)]
        if not found:
            return np.empty(0), np.empty(0)
        return np.concatenate([v for v, _ in found]), np.concatenate([b for _, b in found])

    def _spread(self, t: Any, block: int) -> tuple[Array, Array]:
        with np.errstate(invalid="ignore", divide="ignore"):
            found = [block_variance(h, 1 if alone else block) for h, alone in self.influence(t)]
            return np.sum([v for v, _ in found], axis=0), np.min([b for _, b in found], axis=0)

    @property
    def key(self) -> str:
        """What must be equal for two scores to be the same: the name and all parameters."""
        return ", ".join([self.name, *(f"{k} {v}" for k, v in self._facts().items())])

    def _facts(self) -> dict[str, Any]:
        """Parameters that make the score, arrays by their fingerprint."""
        given = {x.name: getattr(self, x.name) for x in fields(self) if x.name != "engine"}
        return {k: fingerprint(v) if isinstance(v, np.ndarray) else v for k, v in given.items()}

    def ties(self, t: Any) -> Array | None:
        """What orders texts whose scores are equal; None where equal scores are chance."""
        return None

    def sizes(self, t: Any) -> Array:
        """Number of tokens that the score of each text rests on."""
        found = [self.parts(part)[0].sizes() for part in t.chunks(1 << 18)]
        return np.concatenate(found) if found else np.empty(0, np.int64)


def fingerprint(values: Array) -> str:
    """Eight hexadecimal digits of an array."""
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()[:8]


def joined(found: list[Influence], more: Influence) -> list[Influence]:
    """Influences with one more, added to that of the same tokens where there is one."""
    for i, (values, alone) in enumerate(found):
        same = alone == more.independent and np.array_equal(values.offsets, more.values.offsets)
        if same:
            total = Ragged(values.values + more.values.values, values.offsets)
            return [*found[:i], Influence(total, alone), *found[i + 1 :]]
    return [*found, more]


# --- one text, one model ------------------------------------------------------------------------


@dataclass(frozen=True)
class Loss(MembershipFunctional):
    """Mean log-probability, the negative loss.

    Examples
    --------
    >>> import infometric as im
    >>> Loss().value(im.TokenScores.from_lists(logprob=[[-1.0, -3.0], []])).tolist()
    [-2.0, nan]
    """

    name: ClassVar[str] = "loss"

    def parts(self, t: Any) -> Sequence[Part]:
        """Mean of the log-probabilities."""
        return [MeanOf(t.logprob)]


@dataclass(frozen=True)
class Zlib(Loss):
    """Mean log-probability over the length of the text compressed by zlib, in bytes."""

    name: ClassVar[str] = "zlib"
    needs: ClassVar[tuple[str, ...]] = ("logprob", "zlib")

    def combine(self, t: Any, means: Sequence[Array]) -> Array:
        """Quotient."""
        return means[0] * self.slopes(t, means)[0]

    def slopes(self, t: Any, means: Sequence[Array]) -> Sequence[Array]:
        """One over the length."""
        return [divided(np.ones(len(t)), t.need("zlib", "Zlib"))]


@dataclass(frozen=True)
class MinK(MembershipFunctional):
    """Mean of the lowest share of the log-probabilities; at least one token.

    Parameters
    ----------
    k : float
        Share of the tokens.

    Examples
    --------
    >>> import infometric as im
    >>> MinK(0.5).value(im.TokenScores.from_lists(logprob=[[-1.0, -5.0, -2.0, -3.0]])).tolist()
    [-4.0]
    """

    name: ClassVar[str] = "min_k"
    k: float = 0.2

    def parts(self, t: Any) -> Sequence[Part]:
        """Mean of the lowest."""
        return [LowestOf(t.logprob, self.k)]


@dataclass(frozen=True)
class MinKPlusPlus(MinK):
    """Mean of the lowest share of the standardised log-probabilities.

    A token that the model was certain of has no spread to be measured by, and is left out.
    """

    name: ClassVar[str] = "min_k_plus_plus"
    needs: ClassVar[tuple[str, ...]] = ("logprob", "mu", "var")

    def parts(self, t: Any) -> Sequence[Part]:
        """Mean of the lowest z-scores of tokens with a spread."""
        mu, var = (t.need(name, "MinKPlusPlus").values for name in ("mu", "var"))
        spread = var > LEAST_VARIANCE
        z = (t.logprob.values[spread].astype(float) - mu[spread]) / np.sqrt(
            var[spread].astype(float)
        )
        ends = np.concatenate([[0], np.cumsum(segment_sums(spread, t.offsets).astype(np.int64))])
        return [LowestOf(Ragged(z, ends), self.k)]


@dataclass(frozen=True)
class SURP(MembershipFunctional):
    """Mean log-probability of the surprising tokens: improbable where the model was sure.

    Tokens at or below the quantile of their text's log-probabilities, at places where the
    prediction has no more entropy than a limit. Where there are none, the mean of all.

    Parameters
    ----------
    quantile : float
        Of the log-probabilities of a text.
    max_entropy : float
        Entropy of the prediction, nats.
    """

    name: ClassVar[str] = "surp"
    needs: ClassVar[tuple[str, ...]] = ("logprob", "mu")
    quantile: float = 0.4
    max_entropy: float = 2.0

    def parts(self, t: Any) -> Sequence[Part]:
        """Mean of the tokens that are both; of all where none is."""
        sizes, values = t.logprob.sizes, t.logprob.values
        limit = quantiles(t.logprob, self.quantile)
        sure = -t.need("mu", "SURP").values <= self.max_entropy
        surprising = (values <= np.repeat(limit, sizes)) & sure
        none = segment_sums(surprising, t.offsets) == 0
        low, high = (
            quantiles(t.logprob, min(max(self.quantile + step, 0.0), 1.0))
            for step in (-_NEAR, _NEAR)
        )
        near = (values >= np.repeat(low, sizes)) & (values <= np.repeat(high, sizes))
        rate = divided(segment_sums(near & sure, t.offsets), segment_sums(near, t.offsets))
        keep = surprising | np.repeat(none, sizes)
        rate = np.where(none, 0.0, rate)
        return [BelowQuantile(t.logprob, keep, False, limit, self.quantile, rate)]


# --- with the frequency of tokens ---------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class PMI(MembershipFunctional):
    """Mean of log-probability less log-frequency: pointwise information of model and text.

    Parameters
    ----------
    log_q : ndarray of shape (vocabulary_size,)
        Log-frequency of each token in a reference corpus.
    first : bool
        Whether a token counts once in a text, where it occurs first.
    """

    name: ClassVar[str] = "pmi"
    needs: ClassVar[tuple[str, ...]] = ("logprob", "ids")
    log_q: Array = field(default_factory=lambda: np.zeros(1))
    first: bool = True

    def require(self, t: Any) -> None:
        """Error where a column is absent, or a token has no frequency."""
        super().require(t)
        most = int(t.ids.max()) if len(t.ids) else -1
        if most >= len(self.log_q):
            raise DataError(
                f"Token {most} has no frequency: the reference knows {len(self.log_q)} tokens.",
                got=most,
                hint="TokenFrequency(vocabulary_size=...) with the padded size of the model's "
                "output, or the tokenizer of the scores",
            )

    def parts(self, t: Any) -> Sequence[Part]:
        """Mean of the difference."""
        gain = t.logprob.values - self.log_q.take(t.ids)
        return [MeanOf(Ragged(gain, t.offsets), self._keep(t))]

    def _keep(self, t: Any) -> Array | None:
        return first_occurrences(t.ids, t.offsets) if self.first else None


@dataclass(frozen=True, eq=False)
class DCPDD(PMI):
    """Cross-entropy of the model's probabilities and token frequencies, capped for each token.

    Parameters
    ----------
    log_q, first
        As of `PMI`.
    cap : float, optional
        Most that a token can add; none by default.
    engine : {"auto", "numpy", "numba"}
        What computes; both give the same numbers to 1e-8.

    Examples
    --------
    >>> import infometric as im
    >>> t = im.TokenScores.from_lists(ids=[[0, 1, 0]], logprob=[np.log([0.5, 0.1, 0.9])])
    >>> round(float(DCPDD(np.log([0.25, 0.75])).value(t)[0]), 4)
    0.361
    """

    name: ClassVar[str] = "dc_pdd"
    cap: float | None = None
    engine: str = "auto"

    def terms(self, t: Any) -> Array:
        """What each token adds before the cap."""
        kind = np.float32 if self._single else np.float64
        alpha = np.exp(t.logprob.values.astype(kind, copy=False))
        alpha *= self.log_q.astype(kind).take(t.ids)
        return np.negative(alpha, out=alpha)

    @property
    def _single(self) -> bool:
        return self.cap is not None and self.cap <= _SINGLE_CAP

    def parts(self, t: Any) -> Sequence[Part]:
        """Mean of the capped terms."""
        alpha = self.terms(t)
        if self.cap is not None:
            np.minimum(alpha, alpha.dtype.type(self.cap), out=alpha)
        return [MeanOf(Ragged(alpha, t.offsets), self._keep(t))]

    def ties(self, t: Any) -> Array | None:
        """Mean log-probability: many texts have no token below a low cap, and so one score."""
        return None if self.cap is None else Loss().value(t)

    def value(self, t: Any) -> Array:
        """Score of each text; one pass of a compiled kernel where there is one."""
        self.require(t)
        many = len(t.logprob.values) >= _COMPILED_FROM
        kernels = compiled_kernels(self.engine) if many or self.engine == "numba" else None
        if kernels is None:
            return super().value(t)
        out = np.empty(len(t))
        ids, values = np.ascontiguousarray(t.ids), np.ascontiguousarray(t.logprob.values)
        log_q = np.ascontiguousarray(self.log_q, dtype=np.float64)
        capped_from = np.full(len(log_q), np.inf, np.float32)
        if self.cap is not None:
            with np.errstate(divide="ignore"):  # a token that is all there is has log q = 0
                capped_from = np.log(self.cap / -log_q).astype(np.float32)
        cap = 0.0 if self.cap is None else self.cap
        kernels.capped_means(ids, values, t.offsets, log_q, capped_from, cap, self.first, out)
        return out


# --- against another reading of the text --------------------------------------------------------


@dataclass(frozen=True)
class _Compared(MembershipFunctional):
    """A function of the mean log-probability and of one or two other means."""

    others: ClassVar[tuple[str, ...]] = ()

    def parts(self, t: Any) -> Sequence[Part]:
        """Mean log-probability, and that of the other readings."""
        name = type(self).__name__
        return [MeanOf(t.logprob), *(MeanOf(t.need(other, name)) for other in self.others)]


@dataclass(frozen=True)
class _Ratio(_Compared):
    """Another mean over the mean log-probability."""

    def combine(self, t: Any, means: Sequence[Array]) -> Array:
        """Quotient; NaN where the text has log-probability zero."""
        return divided_by_nonzero(means[1], means[0])

    def slopes(self, t: Any, means: Sequence[Array]) -> Sequence[Array]:
        """Of the quotient."""
        ratio = self.combine(t, means)
        return [-divided_by_nonzero(ratio, means[0]), divided_by_nonzero(1.0, means[0])]


def divided_by_nonzero(a: Any, b: Array) -> Array:
    """Quotient; NaN where the divisor is zero or infinite."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((b != 0) & np.isfinite(b), a / b, np.nan)


@dataclass(frozen=True)
class Lowercase(_Ratio):
    """Mean log-probability of the text in lower case over that of the text itself.

    Both are negative: it is large where the text as it stands is much more probable.
    """

    name: ClassVar[str] = "lowercase"
    needs: ClassVar[tuple[str, ...]] = ("logprob", "lower")
    others: ClassVar[tuple[str, ...]] = ("lower",)


@dataclass(frozen=True)
class ReCaLL(_Ratio):
    """Mean log-probability after a text that is no member, over that without it; same tokens."""

    name: ClassVar[str] = "recall"
    needs: ClassVar[tuple[str, ...]] = ("logprob", "nonmember_prefix")
    others: ClassVar[tuple[str, ...]] = ("nonmember_prefix",)


@dataclass(frozen=True)
class ConReCall(_Compared):
    """ReCaLL less gamma times the same after a member text.

    Parameters
    ----------
    gamma : float
        Weight of the member prefix.
    """

    name: ClassVar[str] = "con_recall"
    needs: ClassVar[tuple[str, ...]] = ("logprob", "nonmember_prefix", "member_prefix")
    others: ClassVar[tuple[str, ...]] = ("nonmember_prefix", "member_prefix")
    gamma: float = 0.5

    def combine(self, t: Any, means: Sequence[Array]) -> Array:
        """Quotient."""
        return divided_by_nonzero(means[1] - self.gamma * means[2], means[0])

    def slopes(self, t: Any, means: Sequence[Array]) -> Sequence[Array]:
        """Of the quotient."""
        one = divided_by_nonzero(1.0, means[0])
        return [-self.combine(t, means) * one, one, -self.gamma * one]


@dataclass(frozen=True)
class Reference(_Compared):
    """Mean log-probability less that of a second model.

    Parameters
    ----------
    ratio : bool
        Whether to take the quotient of the two losses, negated, instead of their difference.
    """

    name: ClassVar[str] = "reference"
    needs: ClassVar[tuple[str, ...]] = ("logprob", "reference")
    others: ClassVar[tuple[str, ...]] = ("reference",)
    ratio: bool = False

    def combine(self, t: Any, means: Sequence[Array]) -> Array:
        """Difference, or the quotient negated: both grow with the log-probability."""
        if self.ratio:
            return -divided_by_nonzero(means[0], means[1])
        return means[0] - means[1]

    def slopes(self, t: Any, means: Sequence[Array]) -> Sequence[Array]:
        """Of either."""
        if not self.ratio:
            return [np.ones(len(t)), -np.ones(len(t))]
        one = divided_by_nonzero(1.0, means[1])
        return [-one, means[0] * one**2]


@dataclass(frozen=True)
class Neighbor(MembershipFunctional):
    """Mean log-probability less the average of perturbed copies of the text."""

    name: ClassVar[str] = "neighbor"
    needs: ClassVar[tuple[str, ...]] = ("logprob", "neighbors")

    def parts(self, t: Any) -> Sequence[Part]:
        """Mean over tokens, and mean over copies."""
        copies = t.need("neighbors", "Neighbor")
        return [MeanOf(t.logprob), MeanOf(copies, independent=True)]

    def combine(self, t: Any, means: Sequence[Array]) -> Array:
        """Difference."""
        return means[0] - means[1]

    def slopes(self, t: Any, means: Sequence[Array]) -> Sequence[Array]:
        """Plus and minus one."""
        return [np.ones(len(t)), -np.ones(len(t))]


# --- several scores -----------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Weighted(MembershipFunctional):
    """A weighted sum of scores.

    Parameters
    ----------
    scores : tuple of MembershipFunctional
        The scores.
    weights : ndarray of shape (n_scores,)
        Weight of each.
    constant : float
        Added to the sum.
    """

    name: ClassVar[str] = "combined"
    scores: tuple[MembershipFunctional, ...] = ()
    weights: Array = field(default_factory=lambda: np.empty(0))
    constant: float = 0.0

    def _facts(self) -> dict[str, Any]:
        """Weight and key of each score."""
        pairs = zip(self.weights.tolist(), self.scores, strict=True)
        return {f"{weight:.9g}": f"({score.key})" for weight, score in pairs}

    def require(self, t: Any) -> None:
        """Error where a column is absent that one of the scores is made of."""
        for score in self.scores:
            score.require(t)

    def value(self, t: Any) -> Array:
        """Weighted sum."""
        found = np.stack([score.value(t) for score in self.scores], axis=-1)
        with np.errstate(invalid="ignore"):
            return found @ self.weights + self.constant

    def influence(self, t: Any) -> list[Influence]:
        """Weighted sum of the influences."""
        found: list[Influence] = []
        for score, weight in zip(self.scores, self.weights, strict=True):
            for values, alone in score.influence(t):
                scaled = Influence(Ragged(weight * values.values, values.offsets), alone)
                found = joined(found, scaled)
        return found

    def sizes(self, t: Any) -> Array:
        """Fewest tokens that one of the scores rests on."""
        return np.min([score.sizes(t) for score in self.scores], axis=0)
