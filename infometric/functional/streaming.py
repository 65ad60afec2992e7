r"""Softmax over a vocabulary, seen a part at a time: nothing as long as the vocabulary is kept.

Of logits :math:`z_v` with :math:`p_v = e^{z_v} / \sum_w e^{z_w}`, per row (one token's place):

.. math::

    \log p_y, \qquad \mu = \sum_v p_v \log p_v = -H, \qquad
    \sigma^2 = \sum_v p_v (\log p_v)^2 - \mu^2 .

A part of the vocabulary is kept as five numbers per row (`SoftmaxMoments`): its largest logit
:math:`m`, :math:`s = \sum e^{z - m}`, and mean and centred sum of squares of :math:`z - m` under
the weights :math:`e^{z - m}`. Two parts are joined by ``+``: both are brought to the larger maximum
(Milakov and Gimelshein), means and squares are merged without cancellation (Chan and others), so
that the variance cannot turn negative. Then

.. math:: \log p_y = (z_y - m) - \log s, \qquad \mu = \text{mean} - \log s, \qquad
    \sigma^2 = \text{squares} / s .

Memory is rows x chunk, whatever the vocabulary. Numbers of half precision are widened before any
sum. One body serves numpy and torch; gradients flow.

References
----------
Milakov, M., Gimelshein, N. (2018). Online normalizer calculation for softmax. arXiv:1805.02867
Chan, T. F., Golub, G. H., LeVeque, R. J. (1983). Algorithms for computing the sample variance.
The American Statistician 37, 242-247. doi:10.1080/00031305.1983.10483115
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from infometric.exceptions import DataError, InvalidParameterError
from infometric.state.arrays import exponential, floating, is_tensor, namespace, traced

CHUNK = 4096
FLOOR = -1e30  # stands for a maximum of minus infinity, so that no difference is undefined
FAR = -1e18  # a distance whose exponential is zero and whose square is still a number
Transform = Callable[[Any], Any]


# --- the accumulator ------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class SoftmaxMoments:
    """What is kept of the logits of a part of the vocabulary, one number per row.

    Parameters
    ----------
    top : array of shape (n,)
        Largest logit.
    total : array of shape (n,)
        Sum of the exponentials of logits less `top`.
    mean : array of shape (n,)
        Mean of logits less `top`, weighted by these exponentials.
    squares : array of shape (n,)
        Sum of squared deviations from it, weighted by them.
    picked : array of shape (n,)
        Logit of the target; minus infinity where it is in another part.

    Examples
    --------
    >>> z = np.log([[0.5, 0.25, 0.125, 0.125]])
    >>> whole = SoftmaxMoments.of(z[:, :1], [2]) + SoftmaxMoments.of(z[:, 1:], [2], start=1)
    >>> whole.entropy.round(6), whole.var.round(6), np.exp(whole.logprob).round(6)
    (array([1.213008]), array([0.330311]), array([0.125]))
    """

    top: Any
    total: Any
    mean: Any
    squares: Any
    picked: Any

    @classmethod
    def of(cls, logits: Any, targets: Any = None, start: int = 0) -> SoftmaxMoments:
        """State of one part.

        Parameters
        ----------
        logits : array of shape (n, c)
            Logits of the words ``start`` to ``start + c - 1``; minus infinity is allowed.
        targets : array of int, shape (n,), optional
            Word of each row, numbered in the whole vocabulary.
        start : int
            Number of the first word of this part.
        """
        z = wide(logits)
        xp = namespace(z)
        top = xp.clip(xp.amax(z, -1), FLOOR, None)
        apart = _at_least(z - top[:, None], FAR)
        weight = xp.exp(apart)
        total = weight.sum(-1)
        # the largest counts one, so that one is the least total of a part that is not empty
        mean = (weight * apart).sum(-1) / xp.clip(total, 1.0, None)
        centred = apart - mean[:, None]
        squares = (weight * centred * centred).sum(-1)
        return cls(top, total, mean, squares, _picked(z, targets, start))

    def __add__(self, other: SoftmaxMoments) -> SoftmaxMoments:
        """State of both parts of the vocabulary."""
        if not isinstance(other, SoftmaxMoments):
            return NotImplemented
        xp = namespace(self.top)
        top = xp.maximum(self.top, other.top)
        a, b = self._below(top), other._below(top)
        total = a.total + b.total
        share = b.total / xp.clip(total, 1.0, None)
        gap = b.mean - a.mean
        return SoftmaxMoments(
            top,
            total,
            a.mean + gap * share,
            a.squares + b.squares + gap * gap * a.total * share,
            xp.maximum(self.picked, other.picked),
        )

    def _below(self, top: Any) -> SoftmaxMoments:
        """The same, with respect to a larger maximum."""
        shift = namespace(top).clip(self.top - top, FAR, None)
        weight = exponential(shift + 0)
        return SoftmaxMoments(
            top, self.total * weight, self.mean + shift, self.squares * weight, self.picked
        )

    @property
    def lognormaliser(self) -> Any:
        """Log of the sum of the exponentials, less the largest logit."""
        return namespace(self.total).log(self.total)

    @property
    def logprob(self) -> Any:
        """Log-probability of the targets."""
        return (self.picked - self.top) - self.lognormaliser

    @property
    def mu(self) -> Any:
        """Mean log-probability, the negative entropy."""
        return self.mean - self.lognormaliser

    @property
    def entropy(self) -> Any:
        """Entropy of the distribution."""
        return self.lognormaliser - self.mean

    @property
    def var(self) -> Any:
        """Variance of the log-probability."""
        return self.squares / self.total


def _picked(z: Any, targets: Any, start: int) -> Any:
    """Logit of each row's target; minus infinity where it is not in this part."""
    xp = namespace(z)
    if targets is None:
        return xp.full_like(z[:, 0], -np.inf)
    at = _integers(targets, z) - start
    inside = (at >= 0) & (at < z.shape[-1])
    rows = xp.arange(len(at), device=z.device)
    return xp.where(inside, z[rows, xp.clip(at, 0, z.shape[-1] - 1)], -np.inf)


def _integers(targets: Any, z: Any) -> Any:
    """Targets as indices of the library and the device of an array."""
    if is_tensor(z):
        return namespace(z).as_tensor(targets, device=z.device).long()
    return np.asarray(targets, dtype=np.intp)


def _at_least(x: Any, least: float) -> Any:
    """The greater of each value and a number, in place unless gradients are asked for."""
    xp = namespace(x)
    return xp.clip(x, least, None) if traced(x) else xp.clip(x, least, None, out=x)


def wide(x: Any) -> Any:
    """The same values in single precision at least, in which sums are taken.

    Examples
    --------
    >>> wide(np.ones(2, np.float16)).dtype, wide([1, 2]).dtype
    (dtype('float32'), dtype('float64'))
    """
    found = floating(x)
    if is_tensor(found):
        return found.float() if found.element_size() < 4 else found
    return found.astype(np.float32) if found.itemsize < 4 else found


# --- parts of a vocabulary ------------------------------------------------------------------------


@dataclass(frozen=True)
class Readout:
    r"""What a model does to its logits last: :math:`c \tanh(a z / c)`, or :math:`a z` without c.

    Parameters
    ----------
    scale : float
        a, by which logits are multiplied.
    cap : float, optional
        c, which they then do not exceed.

    Examples
    --------
    >>> Readout(scale=2.0, cap=30.0)(np.array([0.0, 1.0, 1e4])).round(3)
    array([ 0.   ,  1.997, 30.   ])
    """

    scale: float = 1.0
    cap: float | None = None

    def __call__(self, logits: Any) -> Any:
        """Logits as the model gives them."""
        scaled = logits if self.scale == 1.0 else logits * self.scale
        if self.cap is None:
            return scaled
        return self.cap * namespace(logits).tanh(scaled / self.cap)


def logit_chunks(
    hidden: Any,
    weight: Any,
    bias: Any = None,
    *,
    transform: Transform | None = None,
    chunk: int = CHUNK,
) -> Iterator[tuple[int, Any]]:
    """Logits of parts of the vocabulary, each with the number of its first word.

    Parameters
    ----------
    hidden : array of shape (n, d)
        Last hidden state of each row.
    weight : array of shape (V, d)
        Output embedding of each word.
    bias : array of shape (V,), optional
        Bias of each word.
    transform : callable, optional
        What is done to the logits last, element by element, such as a `Readout`.
    chunk : int
        Words of one part.

    Examples
    --------
    >>> parts = logit_chunks(np.ones((2, 3)), np.ones((5, 3)), chunk=4)
    >>> [(start, z.shape) for start, z in parts]
    [(0, (2, 4)), (4, (2, 1))]
    """
    _check_chunk(chunk)
    h = wide(hidden)
    if h.ndim != 2 or weight.ndim != 2 or h.shape[1] != weight.shape[1] or not len(weight):
        raise DataError(
            "Hidden states of shape (n, d) need output weights of shape (V, d).",
            got={"hidden": tuple(h.shape), "weight": tuple(weight.shape)},
            hint="hidden.reshape(-1, d), and model.get_output_embeddings().weight",
        )
    for start in range(0, len(weight), chunk):
        z = h @ wide(weight[start : start + chunk]).T
        if bias is not None:
            z = z + wide(bias[start : start + chunk])
        yield start, z if transform is None else transform(z)


def softmax_moments(chunks: Iterable[tuple[int, Any]], targets: Any = None) -> SoftmaxMoments:
    """State of a whole vocabulary whose parts come one after another.

    Parameters
    ----------
    chunks : iterable of (int, array of shape (n, c))
        Number of the first word of a part, and its logits.
    targets : array of int, shape (n,), optional
        Word of each row.

    Examples
    --------
    >>> parts = [(0, np.zeros((1, 3))), (3, np.zeros((1, 5)))]
    >>> np.exp(softmax_moments(parts, [4]).logprob)
    array([0.125])
    """
    found: SoftmaxMoments | None = None
    for start, logits in chunks:
        part = SoftmaxMoments.of(logits, targets, start)
        found = part if found is None else found + part
    if found is None:
        raise DataError("There are no logits.", got=0, hint="one part of the vocabulary or more")
    return found


def streamed_statistics(
    hidden: Any,
    weight: Any,
    targets: Any = None,
    *,
    bias: Any = None,
    transform: Transform | None = None,
    chunk: int = CHUNK,
) -> SoftmaxMoments:
    """Log-probability, entropy and variance from hidden states, without an array (n, V).

    Parameters
    ----------
    hidden, weight, bias, transform, chunk
        As of `logit_chunks`.
    targets : array of int, shape (n,), optional
        Word of each row, whose log-probability is asked for.

    Returns
    -------
    SoftmaxMoments
        With ``logprob``, ``mu``, ``entropy`` and ``var``, nats, shape (n,).

    Raises
    ------
    DataError
        Where shapes do not fit, or a target is not in the vocabulary.
    InvalidParameterError
        Where `chunk` is no positive whole number.

    Examples
    --------
    >>> weight = np.log([[0.5], [0.25], [0.25]])
    >>> found = streamed_statistics(np.ones((1, 1)), weight, [0], chunk=2)
    >>> np.exp(found.logprob), found.entropy.round(6)
    (array([0.5]), array([1.039721]))
    """
    _check_targets(targets, len(hidden), len(weight))
    chunks = logit_chunks(hidden, weight, bias, transform=transform, chunk=chunk)
    return softmax_moments(chunks, targets)


def token_statistics(logits: Any, targets: Any = None, *, chunk: int = CHUNK) -> SoftmaxMoments:
    """The same of logits that are there already.

    Parameters
    ----------
    logits : array of shape (n, V)
        Logits of each row.
    targets : array of int, shape (n,), optional
        Word of each row.
    chunk : int
        Words of one part: what is made besides the logits is n x chunk.

    Returns
    -------
    SoftmaxMoments
        As of `streamed_statistics`.

    Examples
    --------
    >>> found = token_statistics(np.array([[0.0, 0.0, -np.inf, 0.0]]), [1])
    >>> float(found.entropy[0] / np.log(3)), float(found.var[0])
    (1.0, 0.0)
    """
    _check_chunk(chunk)
    if np.ndim(logits) != 2 or not logits.shape[1]:
        raise DataError(
            "Logits have one row per token and one column per word.",
            got=tuple(np.shape(logits)),
            hint="logits.reshape(-1, logits.shape[-1])",
        )
    _check_targets(targets, *logits.shape)
    parts = ((s, logits[:, s : s + chunk]) for s in range(0, logits.shape[1], chunk))
    return softmax_moments(parts, targets)


def _check_chunk(chunk: Any) -> None:
    if isinstance(chunk, bool) or not isinstance(chunk, int | np.integer) or chunk < 1:
        raise InvalidParameterError(
            "chunk must be a positive whole number of words.", got=chunk, hint=f"chunk={CHUNK}"
        )


def _check_targets(targets: Any, n: int, size: int) -> None:
    if targets is None:
        return
    at = targets if is_tensor(targets) else np.asarray(targets)
    if tuple(at.shape) != (n,):
        raise DataError(
            f"Each of the {n} rows needs one target.",
            got=tuple(at.shape),
            hint="targets of shape (n,), the ids of the tokens that come next",
        )
    if n and not 0 <= int(at.min()) <= int(at.max()) < size:
        raise DataError(
            f"Targets are numbers of words between 0 and {size - 1}.",
            got=sorted({int(at.min()), int(at.max())}),
            hint="the tokenizer of this model; -100 of padding is to be left out first",
        )
