r"""Variational bounds on mutual information: pure functions of a critic's scores.

Scores are a square array, :math:`f_{ij} = f(x_i, y_j)`, of numpy or torch. Its diagonal holds the
pairs drawn together, :math:`E_p`; the B (B - 1) other entries are pairs drawn apart, :math:`E_q`.
With the partition :math:`Z = E_q e^f`,

.. math::

    \text{DV} &= E_p f - \log Z \\
    \text{NWJ} &= 1 + E_p f - Z \\
    \text{InfoNCE} &= E_p \Big[f_{ii} - \log \tfrac1B \sum_j e^{f_{ij}}\Big] \\
    \text{CLUB} &= E_p \log q(y|x) - E_q \log q(y|x) .

The best critic is the log density ratio :math:`\log p(y|x) / p(y)`, up to what each bound does not
see (``optimum``). Every bound has its ``value``, a ``loss`` whose gradient trains the critic, and
``influence``: a number per row whose mean is the value, and whose standard deviation over the root
of B is its standard error when the critic has not seen the rows. That error is one of the bound;
how far the bound lies from the information it cannot tell.

Whatever can overflow is kept as a logarithm, so that scores of ten thousand are no trouble. No
branch hangs on a value: the losses compile, and nothing waits for the device.

References
----------
Poole, B., Ozair, S., van den Oord, A., Alemi, A. A., Tucker, G. (2019). On variational bounds of
mutual information. arXiv:1905.06922
McAllester, D., Stratos, K. (2020). Formal limitations on the measurement of mutual information.
arXiv:1811.04251
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from infometric.exceptions import DataError, InvalidParameterError
from infometric.state.arrays import (
    detached,
    floating,
    is_tensor,
    logsumexp,
    namespace,
    on_diagonal,
)

Direction = Literal["lower", "upper", "neither"]
Needs = Literal["scores", "baseline", "densities"]
STEEP = 40.0  # log partition above which a loss grows linearly: its gradient can still be squared


# --- what bounds are made of ----------------------------------------------------------------------


def square(scores: Any) -> Any:
    """Scores as they came, if they are a square of two rows or more."""
    f = floating(scores)
    if f.ndim != 2 or f.shape[0] != f.shape[1]:
        raise DataError(
            "Scores must be a square array: row i is x_i, column j is y_j.",
            got=tuple(f.shape),
            hint="scores = critic(x, y)  # of as many rows of x as of y: shape (B, B)",
        )
    if f.shape[0] < 2:
        raise DataError(
            "One pair has nothing to be compared with: a bound needs two rows or more.",
            got=tuple(f.shape),
            hint="drop the last batch if one row is left in it",
        )
    return f


def per_column(baseline: Any, scores: Any, of: str) -> Any:
    """A baseline of one value per column."""
    if baseline is None or tuple(np.shape(baseline)) != (scores.shape[0],):
        raise DataError(
            f"This bound needs a baseline of shape (B,): {of}.",
            got=None if baseline is None else tuple(np.shape(baseline)),
            hint="bound.value(scores, baseline=values)  # a value per row of y",
        )
    return floating(baseline)


def joint(scores: Any) -> Any:
    """Scores of the pairs drawn together."""
    return namespace(scores).diagonal(scores)


def apart(scores: Any) -> Any:
    """Scores with nothing, minus infinity, in place of the pairs drawn together."""
    return namespace(scores).where(on_diagonal(scores), -math.inf, scores)


def log_partition(scores: Any) -> Any:
    """Log Z: log of the mean exponential over the pairs drawn apart.

    Examples
    --------
    >>> log_partition(np.array([[9.0, 0.5], [0.5, 9.0]])).round(12)
    np.float64(0.5)
    """
    b = scores.shape[0]
    return logsumexp(apart(scores), (0, 1)) - math.log(b * (b - 1))


def shares(scores: Any) -> Any:
    """What each row and its column have of the partition, (a_i + b_i) / Z; the mean is two."""
    xp, off, b = namespace(scores), apart(scores), scores.shape[0]
    rows, columns = logsumexp(off, 1), logsumexp(off, 0)
    mean = logsumexp(rows, 0) - math.log(b)
    return xp.exp(rows - mean) + xp.exp(columns - mean)


def softplus(x: Any) -> Any:
    """log(1 + e^x), exact in both libraries."""
    xp = namespace(x)
    return xp.logaddexp(x, xp.zeros_like(x))


def exponential_of_log(x: Any) -> Any:
    """Exponential that overflows in silence."""
    if is_tensor(x):
        return x.exp()
    with np.errstate(over="ignore", under="ignore"):
        return np.exp(x)


def steep(log_z: Any) -> Any:
    """Exponential that goes on as its tangent where it is so large that only its sign matters."""
    xp = namespace(log_z)
    capped = xp.clip(log_z, None, STEEP)
    return xp.exp(capped) * (1 + log_z - capped)


def discrimination_loss(scores: Any) -> Any:
    """Loss of telling pairs drawn together from those drawn apart; its best critic is log p/q."""
    b = scores.shape[0]
    xp = namespace(scores)
    others = xp.where(on_diagonal(scores), 0.0, softplus(scores)).sum() / (b * (b - 1))
    return softplus(-joint(scores)).mean() + others


def leave_one_out_logsumexp(scores: Any) -> Any:
    """Entry (k, j): log of the sum of e^f over column j but for row k.

    The largest of a column is left out by a sum of its own, the others by subtraction, which
    loses no digits as at least half of the sum stays.
    """
    xp, b = namespace(scores), scores.shape[0]
    rows = xp.arange(b, device=scores.device) if is_tensor(scores) else np.arange(b)
    top = rows[:, None] == xp.argmax(scores, 0)[None, :]
    rest = xp.where(top, -math.inf, scores)
    total = logsumexp(scores, 0)[None, :]
    without = total + xp.log1p(-xp.exp(rest - total))
    return xp.where(top, logsumexp(rest, 0)[None, :], without)


def halves(b: int) -> tuple[slice, slice]:
    """Even and odd rows, as many of each: alike where rows are sorted."""
    most = 2 * (b // 2)
    return slice(0, most, 2), slice(1, most, 2)


def centred(influence: Any, value: Any) -> Any:
    """Influence moved so that its mean is the value."""
    return influence - influence.mean() + value


# --- the bounds -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bound:
    """A bound on mutual information, from the scores of a critic.

    Attributes
    ----------
    name : str
        Key in `BOUNDS`.
    direction : "lower", "upper" or "neither"
        Side of the information on which the value lies, on average over samples of any size or,
        where the class says so, of infinite size.
    needs : "scores", "baseline" or "densities"
        Scores alone; scores and a baseline per column; or log q(y_j | x_i) in place of scores.
    optimum : str
        The best critic.
    exponential : bool
        Whether the loss grows as the exponential of a score: its large gradients hold the
        partition down, and a critic whose gradients are clipped does not learn to.
    """

    name: ClassVar[str]
    direction: ClassVar[Direction]
    needs: ClassVar[Needs] = "scores"
    optimum: ClassVar[str] = "log ratio"
    exponential: ClassVar[bool] = False

    def value(self, scores: Any, baseline: Any = None) -> Any:
        """The bound on all rows: what is reported.

        Parameters
        ----------
        scores : array of shape (B, B)
            Row i is x_i, column j is y_j; of numpy or torch, nats.
        baseline : array of shape (B,), optional
            What the class asks for, by column.

        Returns
        -------
        array of shape ()
            In nats, of the library and the precision of the scores.

        Raises
        ------
        DataError
            If the scores are not square, have one row, or the baseline has another shape.
        """
        raise NotImplementedError

    def loss(self, scores: Any, baseline: Any = None, memory: Any = None) -> Any:
        """What training makes small; minus the value where the class says nothing else."""
        return -self.value(scores, baseline)

    def influence(self, scores: Any, baseline: Any = None) -> Any:
        """A number per row: the mean is the value, sd / sqrt(B) its standard error, shape (B,)."""
        raise NotImplementedError

    def ceiling(self, n: int) -> float | None:
        """Largest value that n rows can give, in nats; None where there is none."""
        return None

    def fresh_memory(self, scores: Any) -> Any:
        """What `loss` keeps from batch to batch; None for all bounds but MINE."""
        return None


@dataclass(frozen=True)
class DonskerVaradhan(Bound):
    r"""Donsker and Varadhan's bound, :math:`E_p f - \log Z`.

    Direction: lower for infinitely many rows; of B rows biased upwards, as the log of a mean
    is biased downwards. No ceiling; but the error is that of Z, whose variance grows as
    :math:`e^I / n`, and no lower bound that holds with high confidence for every law exceeds
    the order of log n (McAllester & Stratos 2020, arXiv:1811.04251).

    Parameters
    ----------
    momentum : float, optional
        Weight of the newest batch in the moving average of Z that takes the place of the batch's
        own in the gradient, given a memory. Without it, the gradient is the one of the value.

    References
    ----------
    Donsker, M. D., Varadhan, S. R. S. (1983). doi:10.1002/cpa.3160360204
    Belghazi, M. I. et al. (2018). Mutual information neural estimation. arXiv:1801.04062

    Examples
    --------
    >>> DonskerVaradhan().value(np.array([[2.0, 0.5], [0.5, 2.0]])).round(12)
    np.float64(1.5)
    """

    name: ClassVar[str] = "dv"
    direction: ClassVar[Direction] = "lower"
    optimum: ClassVar[str] = "log ratio + c"
    momentum: float | None = None

    def __post_init__(self) -> None:
        if self.momentum is not None and not 0 < self.momentum <= 1:
            raise InvalidParameterError(
                "momentum must be above 0 and at most 1.", got=self.momentum, hint="momentum=0.01"
            )

    def value(self, scores: Any, baseline: Any = None) -> Any:
        """Mean score together, less the log partition."""
        f = square(scores)
        return joint(f).mean() - log_partition(f)

    def influence(self, scores: Any, baseline: Any = None) -> Any:
        """f_ii - (a_i + b_i) / Z, moved to the value."""
        f = square(scores)
        return joint(f) - shares(f) + 2 - log_partition(f)

    def fresh_memory(self, scores: Any) -> Any:
        """A memory of no batch yet, NaN, where there is a momentum."""
        if self.momentum is None:
            return None
        f = detached(floating(scores))
        return namespace(f).full_like(f[0, 0], math.nan)

    def loss(self, scores: Any, baseline: Any = None, memory: Any = None) -> Any:
        r"""Minus the value; with a memory its gradient is MINE's.

        :math:`E_p \nabla f - E_q [e^f \nabla f] / \bar Z` with the moving average
        :math:`\bar Z`, whose log is in the memory, updated in place.

        Parameters
        ----------
        scores : array of shape (B, B)
            As in `value`.
        baseline : None
            Not used.
        memory : array of shape () or (1,), optional
            From `fresh_memory`; NaN stands for no batch seen.
        """
        if memory is None or self.momentum is None:
            return -self.value(scores)
        f = square(scores)
        log_z = log_partition(f)
        now = detached(log_z)
        remember(memory, now, self.momentum)
        # now - memory is at most -log(momentum): it cannot overflow
        ratio = namespace(f).exp(log_z - memory.reshape(()))
        return now + (ratio - detached(ratio)) - joint(f).mean()


def remember(memory: Any, log_z: Any, momentum: float) -> None:
    """Log of the moving average of Z, in place and without a branch on its value."""
    xp = namespace(log_z)
    older = xp.where(xp.isnan(memory), log_z, memory)
    kept = math.log1p(-momentum) if momentum < 1 else -math.inf
    memory[...] = xp.logaddexp(older + kept, log_z + math.log(momentum))


@dataclass(frozen=True)
class Mine(DonskerVaradhan):
    r"""Mutual information neural estimation: Donsker and Varadhan's bound, another gradient.

    The gradient of :math:`\log Z` on a small batch is biased, for the batch's Z divides it; a
    moving average of Z over batches takes its place. What is reported is :math:`E_p f - \log Z`
    of all rows, never the moving average. Direction, ceiling and variance as `DonskerVaradhan`.

    References
    ----------
    Belghazi, M. I. et al. (2018). Mutual information neural estimation. arXiv:1801.04062
    """

    name: ClassVar[str] = "mine"
    momentum: float | None = 0.01


@dataclass(frozen=True)
class DebiasedDonskerVaradhan(DonskerVaradhan):
    r"""Donsker and Varadhan's bound less the bias that it has to second order.

    :math:`E \log \hat Z \approx \log Z - \mathrm{Var}(\hat Z) / 2 Z^2`, so that

    .. math:: E_p f - \log Z - \frac{\widehat{\mathrm{Var}}(\hat Z)}{2 Z^2} ,

    the variance from the sums of rows and columns. Direction: neither. No ceiling. The bias that is
    left is that of a relative variance far above one, which no batch shows: with the exact critic
    of a Gaussian of 20 columns, in batches of 64 rows, bias (variance) over 1,000 batches is

    =========== ============ ============
    information bound        debiased
    =========== ============ ============
    2           .02 (.07)    .01 (.07)
    4           .05 (.18)    -.01 (.21)
    6           .22 (.45)    .08 (.57)
    8           .60 (1.0)    .35 (1.3)
    10          1.24 (2.0)   .85 (2.4)
    =========== ============ ============
    """

    name: ClassVar[str] = "dv_debiased"
    direction: ClassVar[Direction] = "neither"

    def value(self, scores: Any, baseline: Any = None) -> Any:
        """The bound, less half the squared relative error of the partition."""
        f = square(scores)
        return joint(f).mean() - log_partition(f) - excess(f)

    def influence(self, scores: Any, baseline: Any = None) -> Any:
        """That of the bound: the correction is of smaller order."""
        return DonskerVaradhan.influence(self, scores) - excess(square(scores))

    def loss(self, scores: Any, baseline: Any = None, memory: Any = None) -> Any:
        """Minus Donsker and Varadhan's bound: the critic is not trained on the correction."""
        return DonskerVaradhan().loss(scores)


def excess(f: Any) -> Any:
    """Half the squared relative standard error of the partition."""
    b = f.shape[0]
    return ((shares(f) - 2) ** 2).sum() / (2 * b * (b - 1))


@dataclass(frozen=True)
class NWJ(Bound):
    r"""Nguyen, Wainwright and Jordan's bound, :math:`1 + E_p f - Z`.

    Written for the critic whose optimum is the log ratio itself (the authors' own is greater by
    one). Direction: lower, and unbiased for the bound at any number of rows. No ceiling; the
    variance with the best critic is at least about :math:`(e^I - 1) / n`. Where :math:`\log Z`
    exceeds 40 the loss goes on along its tangent, so that gradients stay finite; the value is
    exact, and minus infinity where it overflows.

    References
    ----------
    Nguyen, X., Wainwright, M. J., Jordan, M. I. (2010). Estimating divergence functionals and the
    likelihood ratio by convex risk minimization. IEEE Trans. Inf. Theory 56, 5847-5861.
    doi:10.1109/TIT.2010.2068870

    Examples
    --------
    >>> NWJ().value(np.array([[2.0, 0.0], [0.0, 2.0]])).round(12)
    np.float64(2.0)
    """

    name: ClassVar[str] = "nwj"
    direction: ClassVar[Direction] = "lower"
    exponential: ClassVar[bool] = True

    def value(self, scores: Any, baseline: Any = None) -> Any:
        """One and the mean score together, less the partition."""
        f = square(scores)
        return 1 + joint(f).mean() - exponential_of_log(log_partition(f))

    def influence(self, scores: Any, baseline: Any = None) -> Any:
        """f_ii - (a_i + b_i), moved to the value."""
        f = square(scores)
        return 1 + joint(f) - (shares(f) - 1) * exponential_of_log(log_partition(f))

    def loss(self, scores: Any, baseline: Any = None, memory: Any = None) -> Any:
        """Minus the value; linear where the partition is beyond e^40."""
        f = square(scores)
        return steep(log_partition(f)) - joint(f).mean() - 1


@dataclass(frozen=True)
class TUBA(Bound):
    r"""Unnormalised Barber and Agakov bound, with a learned baseline.

    .. math:: 1 + E_p [f - \log a(y)] - E_q [e^f / a(y)]

    `baseline` is :math:`\log a(y_j)`, shape (B,); zeros give `NWJ`. Direction: lower, for any a.
    No ceiling; the variance is that of `NWJ`, less what a(y) takes away. The best critic is the log
    ratio + c(y), where a(y) is :math:`e^{c(y)}`.

    References
    ----------
    Barber, D., Agakov, F. (2003). The IM algorithm: a variational approach to information
    maximization. NIPS 16.
    Poole, B. et al. (2019). On variational bounds of mutual information. arXiv:1905.06922
    """

    name: ClassVar[str] = "tuba"
    direction: ClassVar[Direction] = "lower"
    exponential: ClassVar[bool] = True
    needs: ClassVar[Needs] = "baseline"
    optimum: ClassVar[str] = "log ratio + log a(y)"

    def _against(self, scores: Any, baseline: Any) -> Any:
        f = square(scores)
        return f - per_column(baseline, f, "log a(y_j); zeros give NWJ")[None, :]

    def value(self, scores: Any, baseline: Any = None) -> Any:
        """NWJ's bound of f - log a(y)."""
        return NWJ().value(self._against(scores, baseline))

    def influence(self, scores: Any, baseline: Any = None) -> Any:
        """NWJ's, of f - log a(y): the baseline is taken as given."""
        return NWJ().influence(self._against(scores, baseline))

    def loss(self, scores: Any, baseline: Any = None, memory: Any = None) -> Any:
        """NWJ's, of f - log a(y): gradients reach the baseline."""
        return NWJ().loss(self._against(scores, baseline))


@dataclass(frozen=True)
class JensenShannon(NWJ):
    r"""Critic trained on the Jensen-Shannon divergence, read through `NWJ`.

    Training maximises :math:`-E_p \log(1 + e^{-f}) - E_q \log(1 + e^f)`, whose optimum is the log
    ratio, with small and bounded gradients; but that is no mutual information, so the value is
    :math:`1 + E_p f - Z`. Direction: lower. Ceiling and variance as `NWJ`.

    References
    ----------
    Nowozin, S., Cseke, B., Tomioka, R. (2016). f-GAN: training generative neural samplers using
    variational divergence minimization. arXiv:1606.00709
    """

    name: ClassVar[str] = "js"
    exponential: ClassVar[bool] = False

    def loss(self, scores: Any, baseline: Any = None, memory: Any = None) -> Any:
        """Mean softplus(-f) together and softplus(f) apart."""
        return discrimination_loss(square(scores))


@dataclass(frozen=True)
class InfoNCE(Bound):
    r"""Noise-contrastive bound, the mean of its two readings.

    .. math:: E_p \Big[f_{ii} - \log \tfrac1B \sum_j e^{f_{ij}}\Big]

    by rows (which y belongs to this x) and by columns, averaged. Direction: lower. Ceiling:
    :math:`\log B`, of small variance and so a large bias wherever the information is near or above
    it. A score of minus infinity leaves its pair out.

    References
    ----------
    van den Oord, A., Li, Y., Vinyals, O. (2018). Representation learning with contrastive
    predictive coding. arXiv:1807.03748

    Examples
    --------
    >>> InfoNCE().value(1000 * np.eye(8)).round(12), InfoNCE().ceiling(8)
    (np.float64(2.07944154168), 2.0794415416798357)
    """

    name: ClassVar[str] = "infonce"
    direction: ClassVar[Direction] = "lower"
    optimum: ClassVar[str] = "log ratio + c"

    def value(self, scores: Any, baseline: Any = None) -> Any:
        """Mean log share of the pair drawn together in its row and its column, and log B."""
        f = square(scores)
        sums = (logsumexp(f, 1).mean() + logsumexp(f, 0).mean()) / 2
        return joint(f).mean() - sums + math.log(f.shape[0])

    def influence(self, scores: Any, baseline: Any = None) -> Any:
        """Row term less the shares that the row takes of all others, and the same by columns."""
        f = square(scores)
        xp, rows, columns = namespace(f), logsumexp(f, 1), logsumexp(f, 0)
        terms = joint(f) - (rows + columns) / 2 + math.log(f.shape[0])
        taken = xp.exp(f - rows[:, None]).sum(0) + xp.exp(f - columns[None, :]).sum(1)
        return terms - taken / 2 + 1

    def contributions(self, scores: Any) -> Any:
        """Log ratio of each pair, normalised over its row and its column, shape (B,)."""
        f = square(scores)
        sums = (logsumexp(f, 1) + logsumexp(f, 0)) / 2
        return joint(f) - sums + math.log(f.shape[0])

    def ceiling(self, n: int) -> float | None:
        """Log n."""
        return math.log(n)


@dataclass(frozen=True)
class DebiasedInfoNCE(InfoNCE):
    r"""Noise-contrastive bound with what few rows take from it given back.

    With the shares :math:`w_{ij} = e^{f_{ij}} / \sum_k e^{f_{ik}}` of a row, the pair drawn
    together stands among its own negatives, which lowers the term by :math:`(E_q r^2 - 1) / B` for
    the density ratio r, and the log of a mean raises it by half of that. Rows and columns are given

    .. math:: \frac{1}{2B} \Big(B \sum_j w_{ij}^2 - 1\Big),

    whose mean is that half; what is left falls as 1/B and is taken away by twice the value of all
    rows less the mean value of the even and of the odd ones. With the exact critic of 3 nats in
    5 + 5 columns, of 333 rows, the bias is -.13 without, -.05 with the first and -.01 with both.
    Direction: neither. The correction is of use while it is small; far below log B.
    """

    name: ClassVar[str] = "infonce_debiased"
    direction: ClassVar[Direction] = "neither"

    def value(self, scores: Any, baseline: Any = None) -> Any:
        """The bound, and what is given back."""
        return InfoNCE.value(self, scores) + self.correction(scores)

    def influence(self, scores: Any, baseline: Any = None) -> Any:
        """Twice that of the bound of all rows, less that among the even or the odd ones."""
        f = square(scores)
        xp, whole, b = namespace(f), InfoNCE.influence(self, f), f.shape[0]
        if b < 4:
            return centred(whole, self.value(f))
        even, odd = halves(b)
        parts = [InfoNCE.influence(self, f[at, at]) for at in (even, odd)]
        pairs = xp.stack(parts, 1).reshape(-1)  # in the order of the rows
        return centred(2 * whole - xp.concatenate([pairs, whole[2 * (b // 2) :]]), self.value(f))

    def loss(self, scores: Any, baseline: Any = None, memory: Any = None) -> Any:
        """Minus the bound: the critic is not trained on the correction."""
        return -InfoNCE.value(self, scores)

    def correction(self, scores: Any) -> Any:
        """What is given back, nats; of fewer than four rows the first part alone."""
        f = square(scores)
        whole = self._first(f)
        if f.shape[0] < 4:
            return whole
        parts = [f[at, at] for at in halves(f.shape[0])]
        fewer = sum(InfoNCE.value(self, part) + self._first(part) for part in parts) / 2
        return InfoNCE.value(self, f) + 2 * whole - fewer

    def ceiling(self, n: int) -> float | None:
        """Value where every pair takes all of its row and its column; above log n."""

        def greatest(b: int) -> float:
            return math.log(b) + (1 - 1 / b) / 2

        return greatest(n) if n < 4 else 2 * greatest(n) - greatest(n // 2)

    @staticmethod
    def _first(f: Any) -> Any:
        """Half the mean squared relative deviation of the partners over B."""
        squares = (
            logsumexp(2 * f, axis) - 2 * logsumexp(f, axis) for axis in (1, 0)
        )  # logs of the sums of squared shares
        xp, b = namespace(f), f.shape[0]
        return sum((xp.exp(s).mean() - 1 / b) / 4 for s in squares)


@dataclass(frozen=True)
class SMILE(Bound):
    r"""Donsker and Varadhan's form with scores clipped in the partition.

    .. math:: E_p f - \log E_q e^{\mathrm{clip}(f, -\tau, \tau)}

    The first term is never clipped, else it would cap the value; nor is the gradient, which is that
    of the Jensen-Shannon loss on f itself. Direction: neither. Clipped above, the partition is too
    small and the value too large by :math:`\log Z - \log Z_\tau`; clipped below, where scores apart
    are under :math:`-\tau`, it is the other way round. No ceiling. Variance of the
    partition at most about :math:`e^{2\tau} / n`.

    Parameters
    ----------
    tau : float, default 5
        Scores beyond it are clipped, nats.

    References
    ----------
    Song, J., Ermon, S. (2020). Understanding the limitations of variational mutual information
    estimators. arXiv:1910.06222
    """

    name: ClassVar[str] = "smile"
    direction: ClassVar[Direction] = "neither"
    tau: float = 5.0

    def __post_init__(self) -> None:
        if not self.tau > 0:
            raise InvalidParameterError("tau must be above 0.", got=self.tau, hint="tau=5.0")

    def _clipped(self, f: Any) -> Any:
        return namespace(f).clip(f, -self.tau, self.tau)

    def value(self, scores: Any, baseline: Any = None) -> Any:
        """Mean score together, less the log partition of clipped scores."""
        f = square(scores)
        return joint(f).mean() - log_partition(self._clipped(f))

    def influence(self, scores: Any, baseline: Any = None) -> Any:
        """f_ii - (a_i + b_i) / Z with clipped scores in a, b and Z, moved to the value."""
        f = square(scores)
        clipped = self._clipped(f)
        return joint(f) - shares(clipped) + 2 - log_partition(clipped)

    def loss(self, scores: Any, baseline: Any = None, memory: Any = None) -> Any:
        """The Jensen-Shannon loss of scores that are not clipped."""
        return discrimination_loss(square(scores))


@dataclass(frozen=True)
class Interpolated(Bound):
    r"""Between `TUBA` (alpha = 0) and `InfoNCE` (alpha = 1), by a baseline that is mixed.

    With K = B - 1 rows x and their mean :math:`m(y) = \frac1K \sum_i e^{f(x_i, y)}`,

    .. math::

        1 + E_p \log \frac{e^f}{\alpha m(y) + (1 - \alpha) a(y)}
        - E_q \frac{e^f}{\alpha m(y) + (1 - \alpha) a(y)} .

    Both terms have K rows in m, for the first is averaged over the one other row that is left
    out: with B rows there and B - 1 here it would be no bound. `baseline` is :math:`\log a(y_j)`.
    Direction: lower. Ceiling: :math:`1 + \log(K / \alpha)`, and :math:`\log K` at alpha = 1 (the
    authors give :math:`\log(K / \alpha)`; the last term vanishes when no pair drawn apart has any
    score, and the one remains).
    Variance between those of the two ends.

    Parameters
    ----------
    alpha : float, default 0.5
        Weight of the rows' own mean in the baseline, 0 to 1.

    References
    ----------
    Poole, B. et al. (2019). On variational bounds of mutual information. arXiv:1905.06922
    """

    name: ClassVar[str] = "interpolated"
    direction: ClassVar[Direction] = "lower"
    needs: ClassVar[Needs] = "baseline"
    optimum: ClassVar[str] = "log ratio + log a(y)"
    alpha: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.alpha <= 1:
            raise InvalidParameterError(
                "alpha must be between 0 and 1.", got=self.alpha, hint="alpha=0.5"
            )

    def _mixed(self, log_m: Any, log_a: Any) -> Any:
        """Log of alpha m + (1 - alpha) a."""
        if self.alpha == 0:
            return log_a + 0 * log_m
        if self.alpha == 1:
            return log_m
        xp = namespace(log_m)
        return xp.logaddexp(log_m + math.log(self.alpha), log_a + math.log1p(-self.alpha))

    def _terms(self, scores: Any, baseline: Any) -> tuple[Any, Any, Any, Any]:
        """Scores, log a, and per column the log baseline of the two terms."""
        f = square(scores)
        xp, b = namespace(f), f.shape[0]
        log_a = per_column(baseline, f, "log a(y_j); zeros for none")
        mixed = self._mixed(leave_one_out_logsumexp(f) - math.log(b - 1), log_a[None, :])
        together = xp.where(on_diagonal(f), 0.0, mixed).sum(0) / (b - 1)
        return f, log_a, together, joint(mixed)

    def value(self, scores: Any, baseline: Any = None) -> Any:
        """One and the mean log ratio to the baseline, less the mean ratio of pairs drawn apart."""
        f, _, together, mixed = self._terms(scores, baseline)
        log_ratio = logsumexp(apart(f), 0) - math.log(f.shape[0] - 1) - mixed
        return 1 + (joint(f) - together).mean() - exponential_of_log(log_ratio).mean()

    def loss(self, scores: Any, baseline: Any = None, memory: Any = None) -> Any:
        """Minus the value; ratios beyond e^40 grow linearly."""
        f, _, together, mixed = self._terms(scores, baseline)
        log_ratio = logsumexp(apart(f), 0) - math.log(f.shape[0] - 1) - mixed
        return steep(log_ratio).mean() - (joint(f) - together).mean() - 1

    def influence(self, scores: Any, baseline: Any = None) -> Any:
        """Derivative by the weight of a row: its own terms, and its part in others' baselines."""
        f, log_a, together, mixed = self._terms(scores, baseline)
        b = f.shape[0]
        ratio = exponential_of_log(apart(f) - mixed[None, :])
        mean = ratio.sum(0) / (b - 1)
        full = self._mixed(logsumexp(f, 0) - math.log(b), log_a)
        taken = self.alpha * exponential_of_log(f - full[None, :]).sum(1) / b
        given = (ratio * (1 - self.alpha * mean)[None, :]).sum(1) / (b - 1)
        own = joint(f) - together - mean
        return centred(own - taken - given, self.value(f, baseline))

    def ceiling(self, n: int) -> float | None:
        """1 + log((n - 1) / alpha), or log(n - 1) at alpha = 1."""
        if self.alpha == 0 or n < 2:
            return None
        return math.log((n - 1) / self.alpha) + (1 if self.alpha < 1 else 0)


# --- of log densities L[i, j] = log q(y_j | x_i) --------------------------------------------------


@dataclass(frozen=True)
class _Likelihood(Bound):
    """A bound of log densities: training fits q by its likelihood."""

    needs: ClassVar[Needs] = "densities"
    optimum: ClassVar[str] = "log p(y|x)"

    def loss(self, scores: Any, baseline: Any = None, memory: Any = None) -> Any:
        """Negative mean log likelihood of y given x."""
        return -joint(square(scores)).mean()


@dataclass(frozen=True)
class CLUB(_Likelihood):
    r"""Contrastive log-ratio upper bound, :math:`E_p \log q(y|x) - E_q \log q(y|x)`.

    Scores are :math:`\log q(y_j|x_i)`. Direction: upper if q is exact, when it exceeds the
    information by the reverse divergence :math:`D(p(x) p(y) \| p(x, y))`, often many nats; with a
    poor q, nothing is known, and it may be negative. No ceiling. The variance is that of
    log densities, which are not bounded.

    References
    ----------
    Cheng, P. et al. (2020). CLUB: a contrastive log-ratio upper bound of mutual information.
    arXiv:2006.12013

    Examples
    --------
    >>> CLUB().value(np.array([[-1.0, -3.0], [-3.0, -1.0]]))
    np.float64(2.0)
    """

    name: ClassVar[str] = "club"
    direction: ClassVar[Direction] = "upper"

    def value(self, scores: Any, baseline: Any = None) -> Any:
        """Mean log density of pairs drawn together, less that of pairs drawn apart."""
        f = square(scores)
        xp, b = namespace(f), f.shape[0]
        return joint(f).mean() - xp.where(on_diagonal(f), 0.0, f).sum() / (b * (b - 1))

    def influence(self, scores: Any, baseline: Any = None) -> Any:
        """L_ii less the means of its row and column, moved to the value."""
        f = square(scores)
        others = namespace(f).where(on_diagonal(f), 0.0, f)
        means = (others.sum(0) + others.sum(1)) / (f.shape[0] - 1)
        return joint(f) - means + means.mean() / 2


@dataclass(frozen=True)
class LeaveOneOut(_Likelihood):
    r"""Leave-one-out upper bound.

    .. math:: E_p \Big[\log q(y_i|x_i) - \log \tfrac{1}{B-1} \sum_{j \ne i} q(y_i|x_j)\Big]

    Scores are :math:`\log q(y_j|x_i)`. Direction: upper if q is exact. No ceiling. The sum is
    dominated by few rows when the information is large; the excess over it then falls as log B
    grows.

    References
    ----------
    Poole, B. et al. (2019). On variational bounds of mutual information. arXiv:1905.06922
    """

    name: ClassVar[str] = "l1out"
    direction: ClassVar[Direction] = "upper"

    def value(self, scores: Any, baseline: Any = None) -> Any:
        """Mean log density together, less the log mean density given other rows."""
        f = square(scores)
        return (joint(f) - logsumexp(apart(f), 0)).mean() + math.log(f.shape[0] - 1)

    def influence(self, scores: Any, baseline: Any = None) -> Any:
        """Term of the row, less the shares it has in the terms of others, moved to the value."""
        f = square(scores)
        off = apart(f)
        sums = logsumexp(off, 0)
        shared = namespace(f).exp(off - sums[None, :]).sum(1)
        return joint(f) - sums + math.log(f.shape[0] - 1) - shared + 1


@dataclass(frozen=True)
class DifferenceOfEntropies(Bound):
    r"""Difference of two fitted entropies, :math:`-E \log q(y) + E \log q(y|x)`.

    Scores are :math:`\log q(y_j|x_i)`, of which the diagonal is read; `baseline` is
    :math:`\log q(y_j)`. Direction: neither, for the errors of the two fits subtract. No ceiling.
    The variance is that of a mean of n terms, without a partition: small at any information.

    References
    ----------
    McAllester, D., Stratos, K. (2020). Formal limitations on the measurement of mutual
    information. arXiv:1811.04251
    """

    name: ClassVar[str] = "doe"
    direction: ClassVar[Direction] = "neither"
    needs: ClassVar[Needs] = "densities"
    optimum: ClassVar[str] = "log p(y|x), with baseline log p(y)"

    def value(self, scores: Any, baseline: Any = None) -> Any:
        """Mean log density given x, less that without."""
        return self.influence(scores, baseline).mean()

    def influence(self, scores: Any, baseline: Any = None) -> Any:
        """Log q(y_i|x_i) - log q(y_i)."""
        f = square(scores)
        return joint(f) - per_column(baseline, f, "log q(y_j)")

    def loss(self, scores: Any, baseline: Any = None, memory: Any = None) -> Any:
        """Negative log likelihoods of both fits."""
        f = square(scores)
        return -joint(f).mean() - per_column(baseline, f, "log q(y_j)").mean()


BOUNDS: dict[str, Bound] = {
    bound.name: bound
    for bound in (
        DonskerVaradhan(),
        Mine(),
        DebiasedDonskerVaradhan(),
        NWJ(),
        TUBA(),
        JensenShannon(),
        InfoNCE(),
        DebiasedInfoNCE(),
        SMILE(),
        Interpolated(),
        CLUB(),
        LeaveOneOut(),
        DifferenceOfEntropies(),
    )
}


# --- as a loss ------------------------------------------------------------------------------------


def nt_xent(z1: Any, z2: Any, temperature: float = 0.5) -> Any:
    r"""Normalised temperature-scaled cross entropy, the contrastive loss of two views.

    The loss of `InfoNCE` on cosines over a temperature, of all 2N rows of both views: the pair of
    a row is its other view, and its own cosine is left out. It equals
    :math:`\log 2N` less the value of that bound.

    Parameters
    ----------
    z1, z2 : array of shape (N, d)
        Row i of both comes from one object.
    temperature : float, default 0.5
        Above 0; cosines are divided by it.

    Returns
    -------
    array of shape ()
        In nats; at least 0.

    Raises
    ------
    DataError
        If the two differ in shape, or have no rows.
    InvalidParameterError
        If the temperature is not above 0.

    References
    ----------
    Chen, T., Kornblith, S., Norouzi, M., Hinton, G. (2020). A simple framework for contrastive
    learning of visual representations. arXiv:2002.05709

    Examples
    --------
    >>> bool(nt_xent(np.eye(4), np.eye(4), temperature=0.1) < 0.001)
    True
    """
    if not temperature > 0:
        raise InvalidParameterError(
            "temperature must be above 0.", got=temperature, hint="temperature=0.5"
        )
    a, b = floating(z1), floating(z2)
    if a.ndim != 2 or tuple(a.shape) != tuple(b.shape) or not a.shape[0]:
        raise DataError(
            "The two views must be arrays of one shape (N, d).",
            got=(tuple(a.shape), tuple(b.shape)),
            hint="nt_xent(encoder(view_1), encoder(view_2))",
        )
    xp = namespace(a)
    first, second = (unit(xp.concatenate(pair, 0)) for pair in ((a, b), (b, a)))
    # column j is the other view of row j: the pairs lie on the diagonal, and a row meets itself
    # half a turn away
    n = a.shape[0]
    scores = first @ second.T / temperature
    itself = xp.roll(on_diagonal(scores), n, 0)
    return InfoNCE().loss(xp.where(itself, -math.inf, scores)) + math.log(2 * n)


def unit(z: Any) -> Any:
    """Rows of length one; rows of zeros stay so."""
    xp = namespace(z)
    length = xp.sqrt(xp.clip((z * z).sum(1), xp.finfo(z.dtype).tiny, None))
    return z / length[:, None]
