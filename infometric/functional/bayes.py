r"""Posterior of the Shannon entropy: Dirichlet priors, and their mixture by Nemenman and others.

With a symmetric Dirichlet prior of concentration :math:`\beta` on :math:`K` symbols,
:math:`\tilde n_i = n_i + \beta`, :math:`A = N + K \beta` (Wolpert and Wolf)

.. math:: E[H] = \psi(A + 1) - \sum_i \frac{\tilde n_i}{A} \psi(\tilde n_i + 1).

Such a prior knows the entropy beforehand to within a hair. NSB mixes them with weight
:math:`d\xi/d\beta`, :math:`\xi(\beta) = \psi(K\beta + 1) - \psi(\beta + 1)`, which makes the prior
of the entropy nearly flat.

References
----------
Wolpert, D. H., Wolf, D. R. (1995). Estimating functions of probability distributions from a finite
set of samples. Phys. Rev. E 52, 6841-6854. doi:10.1103/PhysRevE.52.6841
Nemenman, I., Shafee, F., Bialek, W. (2002). Entropy and inference, revisited. NIPS 14.
arXiv:physics/0108025
Archer, E., Park, I. M., Pillow, J. W. (2014). Bayesian entropy estimation for countable discrete
distributions. J. Mach. Learn. Res. 15, 2833-2868.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from numbers import Real
from typing import ClassVar, NamedTuple

import numpy as np
from scipy.special import digamma, entr, gammaln, polygamma

from infometric.exceptions import InvalidParameterError, UnsupportedError
from infometric.functional.unseen import Fingerprint, Unseen, known_size
from infometric.typing import Array

_SHARP = 45.0  # log weight below the peak at which a node adds nothing
_NODES = 201
_LARGEST = 1e15  # alphabet at which an unknown one counts as unbounded


class Moments(NamedTuple):
    """Mean and standard deviation of a posterior, and the greatest entropy it allows."""

    mean: Array
    sd: Array
    most: Array


class Posterior(Unseen):
    """Base of the Bayesian estimators: the value is the posterior mean."""

    def moments(self, fp: Fingerprint, k: float | None) -> Moments:
        """Posterior mean, standard deviation and upper end, in nats."""
        raise NotImplementedError

    def __call__(self, fp: Fingerprint, k: float | None) -> Array:
        """Entropy in nats."""
        return self.moments(fp, k).mean


PRIORS: dict[str, Callable[[Array, float], Array]] = {
    "jeffreys": lambda n, k: np.full(np.shape(n), 0.5),
    "laplace": lambda n, k: np.full(np.shape(n), 1.0),
    "perks": lambda n, k: np.full(np.shape(n), 1 / k),
    "minimax": lambda n, k: np.sqrt(n) / k,
}


@dataclass(frozen=True)
class Dirichlet(Posterior):
    """Posterior under a symmetric Dirichlet prior.

    Parameters
    ----------
    prior : {"jeffreys", "laplace", "perks", "minimax"} or float
        Concentration: 1/2, 1, 1/K, sqrt(N)/K, or a positive number.
    smoothed : bool
        Whether the value is the entropy of the posterior mean shares, as R's ``entropy`` has it,
        instead of the posterior mean of the entropy.
    """

    alphabet: ClassVar[bool] = True
    prior: str | float = "jeffreys"
    smoothed: bool = False

    def __post_init__(self) -> None:
        prior = self.prior
        number = isinstance(prior, Real) and not isinstance(prior, bool)
        if not (prior in PRIORS if isinstance(prior, str) else number and 0 < prior < 1e9):
            raise InvalidParameterError(
                f"prior must be one of {', '.join(map(repr, PRIORS))}, or a positive number.",
                got=self.prior,
                hint="Dirichlet('jeffreys')",
            )

    @property
    def name(self) -> str:  # type: ignore[override]
        """Name of the prior."""
        named = self.prior if isinstance(self.prior, str) else f"dirichlet({self.prior:g})"
        return f"{named}_smoothed" if self.smoothed else named

    def _concentration(self, fp: Fingerprint, k: float) -> Array:
        if isinstance(self.prior, str):
            return PRIORS[self.prior](fp.n, k)
        return np.full(fp.n.shape, float(self.prior))

    def moments(self, fp: Fingerprint, k: float | None) -> Moments:
        """Posterior mean and standard deviation, in nats."""
        k = known_size(k, self.name)
        mean, variance = _given(fp, k, self._concentration(fp, k)[..., None])
        return Moments(mean, np.sqrt(variance), np.full(mean.shape, np.log(k)))

    def __call__(self, fp: Fingerprint, k: float | None) -> Array:
        """Entropy in nats."""
        if not self.smoothed:
            return super().__call__(fp, k)
        k = known_size(k, self.name)
        beta = self._concentration(fp, k)
        r, f = _with_unseen(fp, k)
        shares = (r + beta[..., None]) / (fp.n + k * beta)[..., None]
        return (f * entr(shares)).sum(-1)


class Ansb(Posterior):
    r"""Nemenman's limit of NSB for an alphabet without bound, from the coincidences alone.

    ``gamma - log 2 + 2 log N - psi(N - K1)`` with standard deviation ``sqrt(psi_1(N - K1))``; for
    N far below the number of symbols.

    References
    ----------
    Nemenman, I. (2011). Coincidences and estimation of entropies of random variables with large
    cardinalities. Entropy 13, 2013-2023. doi:10.3390/e13122013
    """

    name = "ansb"

    def moments(self, fp: Fingerprint, k: float | None) -> Moments:
        """Posterior mean and standard deviation, in nats."""
        twice = coincidences(fp)
        mean = np.euler_gamma - np.log(2) + 2 * np.log(fp.n) - digamma(twice)
        most = np.inf if k is None else np.log(k)
        return Moments(mean, np.sqrt(polygamma(1, twice)), np.full(mean.shape, most))


class Nsb(Posterior):
    """Nemenman, Shafee and Bialek's estimator.

    Where the alphabet is not known it grows until the value stands still; with hardly a
    coincidence it does not, and `Ansb`, its limit, takes over.
    """

    name = "nsb"

    def moments(self, fp: Fingerprint, k: float | None) -> Moments:
        """Posterior mean and standard deviation, in nats."""
        shape = fp.r.shape[:-1]
        rows = [_plain(fp, index) for index in np.ndindex(*shape)]
        found = np.array([_nsb(r, f, k) for r, f in rows]).reshape(*shape, 3)
        return Moments(found[..., 0], found[..., 1], found[..., 2])


def coincidences(fp: Fingerprint) -> Array:
    """Records less symbols seen; an error where there is none.

    Raises
    ------
    UnsupportedError
        Where every record is a symbol of its own.
    """
    found = fp.n - fp.observed
    if not (found > 0).all():
        raise UnsupportedError(
            "NSB and ANSB read the entropy from coincidences, and no symbol was seen twice.",
            got={"records": fp.n.tolist(), "symbols": fp.observed.tolist()},
            hint="take more data; nothing is known of the entropy but a lower bound",
        )
    return found


def _plain(fp: Fingerprint, index: tuple[int, ...]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Distinct counts of one row, and how many symbols have each; sorted, hashable."""
    r, f = fp.r[index], np.broadcast_to(fp.f, fp.r.shape)[index]
    seen = (r > 0) & (f > 0)
    counts, where = np.unique(r[seen], return_inverse=True)
    times = np.bincount(where, weights=f[seen], minlength=len(counts))
    return tuple(counts.tolist()), tuple(times.tolist())


@lru_cache(maxsize=256)
def _nsb(r: tuple[float, ...], f: tuple[float, ...], k: float | None) -> tuple[float, float, float]:
    """Mean, standard deviation and upper end for one fingerprint."""
    fp = Fingerprint(np.array(r), np.array(f))
    if k is not None:
        return (*_mixture(fp, float(k)), float(np.log(k)))
    if float(fp.observed) > 0.9 * float(fp.n):
        found = Ansb().moments(fp, None)
        return float(found.mean), float(found.sd), float(found.most)
    size = 10 * float(fp.observed)
    value, sd = _mixture(fp, size)
    while size < _LARGEST:
        size *= 10
        before, (value, sd) = value, _mixture(fp, size)
        if abs(value - before) < 1e-6:
            break
    return value, sd, np.inf


def _mixture(fp: Fingerprint, k: float) -> tuple[float, float]:
    """Mean and standard deviation over the concentrations, on a grid of ``log(k beta)``."""
    if k < 2:
        return 0.0, 0.0
    coarse = np.arange(-30.0, 60.25, 0.25)
    weight = _log_weight(fp, k, coarse)
    kept = np.flatnonzero(weight > weight.max() - _SHARP)
    low, high = coarse[max(kept[0] - 1, 0)], coarse[min(kept[-1] + 1, len(coarse) - 1)]
    u = np.linspace(low, high, _NODES)
    weight = _log_weight(fp, k, u)
    w = np.exp(weight - weight.max())
    w /= w.sum()  # the ends weigh nothing: the trapezoid is the plain sum
    mean, variance = _given(fp, k, np.exp(u)[:, None] / k)
    centre = float((w * mean).sum())
    return centre, float(np.sqrt((w * (variance + (mean - centre) ** 2)).sum()))


def _log_weight(fp: Fingerprint, k: float, u: Array) -> Array:
    """Log of the evidence of each ``beta = exp(u) / k`` times ``d xi / d u``, up to a constant."""
    kappa = np.exp(u)
    beta = kappa / k
    seen = (fp.f * log_rising(beta[:, None], fp.r)).sum(-1)
    return seen - log_rising(kappa, fp.n) + np.log(beta * _slope(beta, k))


def log_rising(x: Array, n: Array) -> Array:
    """Log of ``x (x + 1) ... (x + n - 1) / x^n``, exact also where x is far above n."""
    x, n = np.broadcast_arrays(np.asarray(x, float), np.asarray(n, float))
    large = x > 1e4
    small = np.where(large, 1.0, x)
    plain = gammaln(small + n) - gammaln(small) - n * np.log(small)
    big = np.where(large, x, 1e5)
    ratio = np.log1p(n / big)
    # Stirling's series of both, subtracted term by term
    series = (1 / (big + n) - 1 / big) / 12 - (1 / (big + n) ** 3 - 1 / big**3) / 360
    return np.where(large, (big + n - 0.5) * ratio - n + series, plain)


def _slope(beta: Array, k: float) -> Array:
    """``d xi / d beta = k psi_1(k beta + 1) - psi_1(beta + 1)``, by its series for large beta."""
    large = beta > 1e3
    b = np.where(large, 1.0, beta)
    exact = k * polygamma(1, k * b + 1) - polygamma(1, b + 1)
    c = np.where(large, beta, 1e3)
    series = (1 - 1 / k) / (2 * c**2) - (1 - 1 / k**2) / (6 * c**3) + (1 - 1 / k**4) / (30 * c**5)
    return np.where(large, series, exact)


def _with_unseen(fp: Fingerprint, k: float) -> tuple[Array, Array]:
    """Counts and multiplicities with the symbols that were not seen.

    Raises
    ------
    InvalidParameterError
        Where more symbols were seen than there are said to be.
    """
    observed = np.asarray(fp.observed)
    if (observed > k).any():
        raise InvalidParameterError(
            "alphabet_size must be at least the number of symbols seen.",
            got=k,
            hint=f"alphabet_size={int(observed.max())} or more",
        )
    f = np.where(fp.r > 0, fp.f, 0.0)
    rest = (k - observed)[..., None]
    zero = np.zeros((*fp.r.shape[:-1], 1))
    times = [np.broadcast_to(rest, zero.shape), np.broadcast_to(f, fp.r.shape)]
    return np.concatenate([zero, fp.r], -1), np.concatenate(times, -1)


def _given(fp: Fingerprint, k: float, beta: Array) -> tuple[Array, Array]:
    """Mean and variance of the entropy given the concentration, shape of ``beta[..., 0]``."""
    r, f = _with_unseen(fp, k)
    a = r + beta
    total = fp.n[..., None] + k * beta
    mean = (f * a / total * (digamma(total + 1) - digamma(a + 1))).sum(-1)
    # E[H^2] less E[H]^2
    shift = digamma(a + 1) - digamma(total + 2)
    inner = (f * a * shift).sum(-1)
    squares = (f * a**2 * shift**2).sum(-1)
    top = total[..., 0]
    trigamma = polygamma(1, top + 2)
    cross = inner**2 - squares - trigamma * (top**2 - (f * a**2).sum(-1))
    next_up = digamma(a + 2) - digamma(total + 2)
    own = (f * a * (a + 1) * (next_up**2 + polygamma(1, a + 2) - trigamma[..., None])).sum(-1)
    second = (cross + own) / (top * (top + 1))
    return mean, np.maximum(second - mean**2, 0.0)
