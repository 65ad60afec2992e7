r"""Entropy estimators additive in the counts of a known number of symbols, in nats.

.. math::
   \hat H = \sum_{i=1}^{K} a_{n_i}, \qquad n_1 + \dots + n_K = N.

They differ in :math:`a_j`: :func:`bub` chooses it so that a bound on the squared error is least,
:func:`wu_yang` from the polynomial nearest to :math:`-x \log x`. For counts beyond a few, where
the plug-in value is good, both use it with a first-order correction of its bias.

References
----------
Paninski, L. (2003). Estimation of entropy and mutual information. Neural Computation 15,
1191-1253. doi:10.1162/089976603321780272
Wu, Y. and Yang, P. (2016). Minimax rates of entropy estimation on large alphabets via best
polynomial approximation. IEEE Trans. Inf. Theory 62, 3702-3720. doi:10.1109/TIT.2016.2548468
"""

from __future__ import annotations

import math
from decimal import Decimal, localcontext
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.linalg import block_diag, lstsq, solve
from scipy.special import entr, gammaln, xlog1py, xlogy

from infometric.exceptions import InvalidParameterError
from infometric.typing import Array

FREE = 11  # coefficients that BUB chooses; with more its bound falls by 1 % at most
REACH = 100  # expected count up to which BUB's bound is computed on a grid of shares
SWEEPS = 100  # reweightings; the bound is then within 1 % of the least
DEGREE, SPAN = 1.6, 3.5  # of Wu and Yang's polynomial, in units of log K
MOST_SYMBOLS = 10**12
DIGITS = 60  # of the sums of falling factorials, which lose sixteen at the most symbols


def bub(counts: Array, n: int, k: int) -> Array:
    r"""Entropy by Paninski's best upper bound.

    Parameters
    ----------
    counts : array of int, shape (..., cells)
        Records of each symbol, ``cells <= k``; symbols not listed have none.
    n : int
        Records in all, the same for each sample of the batch.
    k : int
        Symbols there are, seen or not; at least two.

    Returns
    -------
    array, shape (...)
        Entropy in nats. It is linear in the coefficients and not cut to ``[0, log k]``.

    Raises
    ------
    InvalidParameterError
        If ``n < 1``, ``k < 2`` or more than ``k`` cells are given.

    Notes
    -----
    The first coefficients minimise the bound of :func:`bub_bound`; the others are those of Miller
    and Madow, :math:`a_j = -\frac{j}{N} \log \frac{j}{N} + \frac{1 - j/N}{2N}`. A symbol without
    records counts too, with :math:`a_0`.

    References
    ----------
    Paninski, L. (2003). Estimation of entropy and mutual information. Neural Computation 15,
    1191-1253. doi:10.1162/089976603321780272

    Examples
    --------
    A hundred records of a hundred equally likely symbols, 63 of them seen: log 100 is 4.61.

    >>> import numpy as np
    >>> from infometric.functional.polynomial import bub
    >>> counts = np.array([1] * 37 + [2] * 18 + [3] * 6 + [4, 5])
    >>> round(float(bub(counts, n=100, k=100)), 2)
    4.65
    """
    counts = _checked(counts, n, k)
    unlisted = (k - counts.shape[-1]) * _bub(n, k).free[0]
    return bub_terms(counts, n, k).sum(-1) + unlisted


def bub_terms(counts: Array, n: int, k: int) -> Array:
    """BUB's coefficient ``a_j`` of each count, in the shape of ``counts``.

    Examples
    --------
    >>> import numpy as np
    >>> bub_terms(np.array([0, 1, 50]), n=100, k=100).round(3)
    array([0.001, 0.061, 0.349])
    """
    counts = np.asarray(counts)
    free = _bub(n, k).free
    chosen = free[np.minimum(counts, len(free) - 1).astype(np.intp)]
    return np.where(counts < len(free), chosen, _miller_madow(counts, n))


def bub_coefficients(n: int, k: int) -> Array:
    """All coefficients ``a_0 ... a_n`` of BUB; `bub_terms` computes only those it needs."""
    return bub_terms(np.arange(n + 1), n, k)


def bub_bound(n: int, k: int) -> float:
    r"""Bound on the root mean squared error of :func:`bub`, in nats.

    Returns
    -------
    float
        Square root of the sum of the squared bias' bound and the variance's.

    Notes
    -----
    With :math:`J` binomial,

    .. math::
       |\mathrm{bias}| &\le 2 \max_p \min(K, 1/p)\, |E\, a_{J(N, p)} + p \log p|, \\
       \mathrm{Var} &\le \tfrac{5}{4} N \max_p \min(1, \sqrt{K p})\,
       E\, (a_{J(N-1, p) + 1} - a_{J(N-1, p)} - c)^2 ,

    as :math:`\sum_i \max(p_i, 1/K) \le 2` and :math:`\sum_i \max(p_i, \sqrt{p_i/K}) \le 5/4`. The
    second is the inequality of Efron, Stein and Steele when one record is left out, with a free
    constant c because :math:`\sum_i n_i = N`. Paninski goes on to the maximum over counts, which
    is larger: from ten records a symbol it costs bias for a variance that is not there. The
    maxima are taken on a grid, between whose points the bound may be 3 % higher.

    Examples
    --------
    >>> round(bub_bound(n=1000, k=1000), 2)
    0.16
    """
    return float(np.sqrt(_bub(n, k).bound))


def wu_yang(counts: Array, n: int, k: int) -> Array:
    r"""Entropy by Wu and Yang's polynomial, which attains the minimax rate.

    Parameters
    ----------
    counts : array of int, shape (..., cells)
        Records of each symbol, ``cells <= k``; symbols not listed have none.
    n : int
        Records in all, the same for each sample of the batch.
    k : int
        Symbols there are, seen or not; from two to ``10**12``.

    Returns
    -------
    array, shape (...)
        Entropy in nats, cut to ``[0, log k]``.

    Raises
    ------
    InvalidParameterError
        If ``n < 1``, ``k`` is outside its range or more than ``k`` cells are given.

    Notes
    -----
    With :math:`a` the coefficients of the polynomial of degree :math:`L = \lfloor 1.6 \log K
    \rfloor` nearest to :math:`-x \log x` on [0, 1], :math:`M = 3.5 \log K`, and :math:`(n)_m` the
    falling factorial, a count up to :math:`1.6 \log K` contributes

    .. math::
       \frac{1}{N} \Big[ M \sum_{m=1}^{L} a_m \frac{(n)_m}{M^m} + n \log \frac{N}{M} \Big]

    and a larger one :math:`-\frac{n}{N} \log \frac{n}{N} + \frac{1}{2N}`. The sum over m, which
    grows to 200 at :math:`K = 10^{12}`, is exact to :math:`10^{-10}`.
    The polynomial is made for many symbols: with two or three it is a line, and single records
    then lower the value.

    References
    ----------
    Wu, Y. and Yang, P. (2016). Minimax rates of entropy estimation on large alphabets via best
    polynomial approximation. IEEE Trans. Inf. Theory 62, 3702-3720.
    doi:10.1109/TIT.2016.2548468

    Examples
    --------
    >>> import numpy as np
    >>> from infometric.functional.polynomial import wu_yang
    >>> counts = np.array([1] * 37 + [2] * 18 + [3] * 6 + [4, 5])
    >>> round(float(wu_yang(counts, n=100, k=100)), 2)
    4.58
    """
    counts = _checked(counts, n, k)
    return np.clip(wu_yang_terms(counts, n, k).sum(-1), 0.0, math.log(k))


def wu_yang_terms(counts: Array, n: int, k: int) -> Array:
    """Contribution of each count to Wu and Yang's entropy, in the shape of ``counts``.

    Examples
    --------
    >>> import numpy as np
    >>> wu_yang_terms(np.array([0, 1, 50]), n=100, k=100).round(3)
    array([0.   , 0.058, 0.352])
    """
    counts = np.asarray(counts)
    span, low = SPAN * math.log(k), _wu_yang_sums(k)
    small = counts < len(low)
    sums = low[np.where(small, counts, 0).astype(np.intp)]
    fitted = (span * sums + counts * np.log(n / span)) / n
    return np.where(small, fitted, entr(counts / n) + 1 / (2 * n))


def _checked(counts: Array, n: int, k: int) -> Array:
    """Counts as an array, once they fit the sample and the alphabet."""
    counts = np.asarray(counts)
    if n < 1:
        raise InvalidParameterError("The sample size n must be at least 1.", got=n)
    if k < 2:
        raise InvalidParameterError("The number of symbols k must be at least 2.", got=k)
    if counts.shape[-1] > k:
        raise InvalidParameterError(
            f"There are {counts.shape[-1]} cells and only k symbols.",
            got=k,
            hint=f"k={counts.shape[-1]}",
        )
    return counts


def _miller_madow(counts: Array, n: int) -> Array:
    """Coefficients of Miller and Madow's estimator; those of the unseen are zero."""
    share = counts / n
    return np.where(counts > 0, entr(share) + (1 - share) / (2 * n), 0.0)


class _Bub(NamedTuple):
    """First coefficients, and the bound on the mean squared error that they attain."""

    free: Array
    bound: float


class _Problem(NamedTuple):
    """BUB's bound as a function of x, the changes to Miller and Madow's coefficients and then c.

    It is ``max (r + R x)^2 + max Q (d + D x)^2``, bias and variance; a row of r, R and Q is a
    share p, a row of d and D a step from one count to the next.
    """

    r: Array
    R: Array
    d: Array
    D: Array
    Q: Array

    def parts(self, x: Array) -> tuple[Array, Array]:
        """Bias squared and variance at each share."""
        return (self.r + self.R @ x) ** 2, self.Q @ (self.d + self.D @ x) ** 2


@lru_cache(maxsize=128)
def _bub(n: int, k: int) -> _Bub:
    """Best of Miller and Madow's coefficients and those with the first ones free."""
    candidates = [_least_bound(n, k, free) for free in (0, min(FREE, n + 1))]
    best = min(candidates, key=lambda candidate: candidate.bound)
    best.free.setflags(write=False)  # the cache hands out this very array
    return best


def _least_bound(n: int, k: int, free: int) -> _Bub:
    """Minimise the bound by Lawson's algorithm: least squares, reweighted by their residuals."""
    problem = _problem(n, k, free)
    w, v = (np.full(len(rows), 1 / len(rows)) for rows in (problem.R, problem.Q))
    best, least = np.zeros(free + 1), np.inf
    for _ in range(SWEEPS):
        root_w, root_u = np.sqrt(w), np.sqrt(v @ problem.Q)
        rows = np.vstack([root_w[:, None] * problem.R, root_u[:, None] * problem.D])
        target = -np.concatenate([root_w * problem.r, root_u * problem.d])
        x = lstsq(rows, target, check_finite=False, lapack_driver="gelsy")[0]
        bias, variance = problem.parts(x)
        if bias.max() + variance.max() < least:
            best, least = x, float(bias.max() + variance.max())
        w, v = _reweighted(w, bias), _reweighted(v, variance)
    # at least one coefficient, so that a_0 can be read off
    start = _miller_madow(np.arange(max(free, 1)), n)
    start[:free] += best[:free]
    return _Bub(start, least)


def _reweighted(weights: Array, squares: Array) -> Array:
    """Weights times the residuals, with sum one; as they were where the fit is exact."""
    raised = weights * np.sqrt(squares)
    return raised / raised.sum() if raised.any() else weights


def _problem(n: int, k: int, free: int) -> _Problem:
    """BUB's bound on a grid of expected counts up to `REACH`.

    Beyond, the bias of Miller and Madow's coefficients falls as ``1 / (12 N t)`` with the expected
    count t, and the step at the expected count stands for those around it.
    """
    t = _expected_counts(n, k)
    top = int(t[-1] + 12 * np.sqrt(t[-1]) + 30)  # no share of the grid reaches larger counts
    a = _miller_madow(np.arange(min(n, top) + 1), n)
    law, law_less_one = _binomial(n, t / n, len(a)), _binomial(n - 1, t / n, len(a) - 1)
    tail = np.rint(np.geomspace(REACH, max(REACH, n - 1), 20 if n > REACH else 0))
    d = np.append(np.diff(a), _miller_madow(tail + 1, n) - _miller_madow(tail, n))
    steps = np.vstack([np.diff(np.eye(len(a), free), axis=0), np.zeros((len(tail), free))])
    weight = 2 * n / np.maximum(t, n / k)
    damping = 1.25 * np.minimum(1, np.sqrt(k * np.append(t, tail) / n))
    return _Problem(
        r=weight * (law @ a - entr(t / n)),
        R=np.column_stack([weight[:, None] * law[:, :free], np.zeros(len(t))]),
        d=np.sqrt(n) * d,
        D=np.column_stack([np.sqrt(n) * steps, -np.ones(len(d))]),
        Q=damping[:, None] * block_diag(law_less_one, np.eye(len(tail))),
    )


def _expected_counts(n: int, k: int) -> Array:
    """Grid of ``N p``: even in its root, where a binomial's width is the same, and near 1 / K."""
    most = min(n, REACH)
    even = np.minimum(np.linspace(0, np.sqrt(most), 100) ** 2, most)
    rare = np.geomspace(n / k / 10, 1, 30) if k > n else np.array([])
    inner = np.append(rare, n / k)
    return np.unique(np.concatenate([even, inner[inner < most]]))


def _binomial(n: int, p: Array, size: int) -> Array:
    """Probabilities of the counts below ``size``, each at most n: (len(p), size).

    Falling factorials as sums of logarithms of ratios keep their digits at any n.
    """
    j, p = np.arange(size), p[:, None]
    ratios = np.log1p(-j[:-1] / n) if n else j[:-1]
    log_c = np.append(0.0, np.cumsum(ratios)) - gammaln(j + 1)
    return np.exp(log_c + xlogy(j, n * p) + xlog1py(n - j, -p))


@lru_cache(maxsize=128)
def _wu_yang_sums(k: int) -> Array:
    """Sums ``sum_m a_m (n)_m / M^m`` for n = 0 ... L.

    Powers of x turn into falling factorials by a linear map that takes ``x q(x)`` to ``n / M``
    times what it makes of q at n - 1. Applied to the recurrence of Chebyshev's polynomials it
    needs no coefficients of powers; the recurrence amplifies rounding, hence the decimals.
    """
    if not 2 <= k <= MOST_SYMBOLS:
        raise InvalidParameterError(
            f"Wu and Yang's polynomial is known for 2 to {MOST_SYMBOLS} symbols.",
            got=k,
            hint="bub(counts, n, k), which has no such limit",
        )
    degree = int(DEGREE * math.log(k))
    series, _ = _nearest_polynomial(degree)
    with localcontext(prec=DIGITS):
        share = np.array([Decimal(n) for n in range(degree + 1)]) / Decimal(SPAN * math.log(k))
        before, now = np.full(degree + 1, Decimal(1)), 2 * share - 1
        images = [before, now]
        for _ in range(degree - 1):
            times_x = share * np.concatenate([[Decimal(0)], now[:-1]])
            before, now = now, 4 * times_x - 2 * now - before
            images.append(now)
        total = np.sum(
            [Decimal(c) * image for c, image in zip(series, images, strict=True)], axis=0
        )
        # without the polynomial's constant: unseen symbols add nothing
        total = (total - total[0]).astype(float)
    total.setflags(write=False)
    return total


@lru_cache(maxsize=64)
def _nearest_polynomial(degree: int) -> tuple[Array, Array]:
    """Polynomial nearest to ``-x log x`` on [0, 1]: its Chebyshev series in 2 x - 1.

    Returns the series, and the ``degree + 2`` points where the error is largest, with alternating
    signs. Remez' exchange, in the angle of ``x = sin^2(angle / 2)``: there the points are nearly
    even. Both ends belong to them, as no derivative from the second on changes its sign.
    """
    signs = (-1.0) ** np.arange(degree + 2)
    angle = np.linspace(0, np.pi, degree + 2)
    for _ in range(30):
        x = np.sin(angle / 2) ** 2
        basis = np.polynomial.chebyshev.chebvander(-np.cos(angle), degree)
        solution = solve(np.column_stack([basis, signs]), entr(x))
        series, levelled = solution[:-1], abs(solution[-1])
        signed = signs * np.sign(solution[-1])
        angle = _peaks(series, angle, signed)
        worst = np.abs(_deviation(series, angle)).max()
        if worst - levelled < 1e-15:
            break
    return series, np.sin(angle / 2) ** 2


def _deviation(series: Array, angle: Array) -> Array:
    """Error of the polynomial at an angle."""
    return entr(np.sin(angle / 2) ** 2) - np.polynomial.chebyshev.chebval(-np.cos(angle), series)


def _peaks(series: Array, angle: Array, signs: Array) -> Array:
    """Largest error of the given sign between the neighbours of each point."""
    low, high = np.append(0.0, angle[:-1]), np.append(angle[1:], np.pi)
    peak = angle
    for _ in range(9):  # each narrows eightfold; a peak's height needs half its place's digits
        tried = np.linspace(low, high, 17)
        at = (signs * _deviation(series, tried)).argmax(0)
        columns = np.arange(len(angle))
        low, peak = tried[np.maximum(at - 1, 0), columns], tried[at, columns]
        high = tried[np.minimum(at + 1, 16), columns]
    return peak
