r"""Shannon entropy from a sample that may not have seen every symbol.

Every estimator here is a function of the fingerprint: the distinct counts :math:`r` and how many
symbols were seen that often, :math:`f_r`. With :math:`N = \sum r f_r`, :math:`p = r / N`,
:math:`K_1` symbols seen and :math:`\psi` the digamma function, most are sums
:math:`\sum p\,[F(N) - G(r)]`; the others weight :math:`-p \log p` by the chance that the symbol
was seen, shrink :math:`p`, or add what the rare counts say of the unseen.

References
----------
Grassberger, P. (1988). Finite sample corrections to entropy and dimension estimates. Phys. Lett. A
128, 369-373. doi:10.1016/0375-9601(88)90193-4
Grassberger, P. (2003). Entropy estimates from insufficient samplings. arXiv:physics/0307138
Schürmann, T. (2004). Bias analysis in entropy estimation. J. Phys. A 37, L295-L301.
doi:10.1088/0305-4470/37/27/L02
Zhang, Z. (2012). Entropy estimation in Turing's perspective. Neural Comput. 24, 1368-1389.
doi:10.1162/NECO_a_00266
Chao, A., Shen, T.-J. (2003). Nonparametric estimation of Shannon's index of diversity when there
are unseen species in sample. Environ. Ecol. Stat. 10, 429-443. doi:10.1023/A:1026096204727
Chao, A., Wang, Y. T., Jost, L. (2013). Entropy and the species accumulation curve. Methods Ecol.
Evol. 4, 1091-1100. doi:10.1111/2041-210X.12108
Horvitz, D. G., Thompson, D. J. (1952). A generalization of sampling without replacement from a
finite universe. J. Amer. Statist. Assoc. 47, 663-685. doi:10.1080/01621459.1952.10483446
Bonachela, J. A., Hinrichsen, H., Muñoz, M. A. (2008). Entropy estimates of small data sets. J.
Phys. A 41, 202001. doi:10.1088/1751-8113/41/20/202001
Zahl, S. (1977). Jackknifing an index of diversity. Ecology 58, 907-913. doi:10.2307/1936227
Hausser, J., Strimmer, K. (2009). Entropy inference and the James-Stein estimator. J. Mach. Learn.
Res. 10, 1469-1484.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Self

import numpy as np
from scipy.special import digamma, entr, hyp2f1

from infometric.exceptions import InvalidParameterError, UnsupportedError
from infometric.functional.polynomial import bub_terms, wu_yang_terms
from infometric.state.counts import Counts
from infometric.typing import Array

_BATCH = 4_000_000  # counts held at once
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(60)


class Fingerprint(NamedTuple):
    """Counts and how many symbols have each, both of shape (..., n_distinct)."""

    r: Array
    f: Array

    @classmethod
    def of(cls, s: Counts) -> Self:
        """Fingerprint of one sample: distinct counts where there is one table, cells in a batch."""
        table = s.table[..., 0, :]
        if table.ndim > 1:
            return cls(table.astype(float), np.ones(table.shape))
        r, f = np.unique(table[table > 0], return_counts=True)
        return cls(r.astype(float), f.astype(float))

    @property
    def n(self) -> Array:
        """Sample size, shape (...)."""
        return (self.r * self.f).sum(-1)

    @property
    def observed(self) -> Array:
        """Number of symbols seen, shape (...)."""
        return (self.f * (self.r > 0)).sum(-1)

    def times(self, r: float) -> Array:
        """Number of symbols seen exactly so often, shape (...)."""
        return (self.f * (self.r == r)).sum(-1)

    def sum(self, term: Callable[[Array, Array], Array]) -> Array:
        """Sum over the symbols seen of ``term(r, N)``."""
        seen = self.r > 0
        r, n = np.where(seen, self.r, 1.0), self.n[..., None]
        return (np.where(seen, term(r, n), 0.0) * self.f).sum(-1)

    def without_one(self) -> Iterator[Self]:
        """Fingerprints with one record of each distinct count left out, a batch at a time."""
        d = self.r.shape[-1]
        for rows in np.array_split(np.arange(d), max(1, d * d // _BATCH)):
            m = len(rows)
            r = np.concatenate([np.tile(self.r, (m, 1)), self.r[rows, None] - 1], axis=1)
            less = np.tile(self.f, (m, 1))
            less[np.arange(m), rows] -= 1
            yield type(self)(r, np.concatenate([less, np.ones((m, 1))], axis=1))


@dataclass(frozen=True)
class Unseen:
    """Base of the estimators; `alphabet` says whether the number of possible symbols matters.

    A call gives the entropy in nats, shape (...), from a fingerprint and the alphabet size.
    """

    name: ClassVar[str] = ""
    alphabet: ClassVar[bool] = False

    def __call__(self, fp: Fingerprint, k: float | None) -> Array:
        """Entropy in nats."""
        raise NotImplementedError

    def without_one(self, fp: Fingerprint, k: float | None) -> Array:
        """Entropies with one record of each distinct count left out, shape (n_distinct,)."""
        return np.concatenate([self(one, k) for one in fp.without_one()])


class Grassberger1988(Unseen):
    """``sum p [log N - psi(r) - (-1)^r / (r + 1)]``."""

    name = "grassberger_1988"

    def __call__(self, fp: Fingerprint, k: float | None) -> Array:
        """Entropy in nats."""
        return fp.sum(lambda r, n: r / n * (np.log(n) - digamma(r) - _sign(r) / (r + 1)))


class Grassberger(Unseen):
    """``log N - sum p G(r)``, ``G(r) = psi(r) + (-1)^r [psi((r + 1) / 2) - psi(r / 2)] / 2``."""

    name = "grassberger"

    def __call__(self, fp: Fingerprint, k: float | None) -> Array:
        """Entropy in nats."""
        return fp.sum(lambda r, n: r / n * (np.log(n) - digamma(r) - _sign(r) * _tail(r, 1.0)))


@dataclass(frozen=True)
class Schuermann(Unseen):
    """Schürmann's family: ``psi(N) - sum p [psi(r) + (-1)^r int_0^{1/xi-1} t^{r-1}/(1+t) dt]``.

    Parameters
    ----------
    xi : float
        From 1/2 (Grassberger's G) to 1 (Zhang's estimator); ``exp(-1/2)`` balances bias and
        variance.
    """

    name: ClassVar[str] = "schuermann"
    xi: float = float(np.exp(-0.5))

    def __post_init__(self) -> None:
        if not (isinstance(self.xi, int | float) and 0.5 <= self.xi <= 1):
            raise InvalidParameterError(
                "xi must be a number from 0.5 to 1.", got=self.xi, hint="Schuermann(xi=0.6065)"
            )

    def __call__(self, fp: Fingerprint, k: float | None) -> Array:
        """Entropy in nats."""
        u = 1 / self.xi - 1
        return fp.sum(lambda r, n: r / n * (digamma(n) - digamma(r) - _sign(r) * _tail(r, u)))


class Zhang(Unseen):
    """``sum p [psi(N) - psi(r)]``: Zhang's product sum in closed form."""

    name = "zhang"

    def __call__(self, fp: Fingerprint, k: float | None) -> Array:
        """Entropy in nats."""
        return fp.sum(lambda r, n: r / n * (digamma(n) - digamma(r)))


class HorvitzThompson(Unseen):
    """``sum -p log p / [1 - (1 - p)^N]``: each symbol weighted by its chance of being seen."""

    name = "horvitz_thompson"

    def __call__(self, fp: Fingerprint, k: float | None) -> Array:
        """Entropy in nats."""
        return _by_inclusion(fp, np.ones(fp.n.shape))


class ChaoShen(Unseen):
    """Horvitz-Thompson with p scaled by Good and Turing's coverage ``1 - f1 / N``."""

    name = "chao_shen"

    def __call__(self, fp: Fingerprint, k: float | None) -> Array:
        """Entropy in nats."""
        n, lone = fp.n, fp.times(1)
        lone = np.where(lone == n, np.maximum(n - 1, 0), lone)  # no coverage would be no estimate
        return _by_inclusion(fp, 1 - lone / n)


class ChaoWangJost(Unseen):
    """Zhang's estimator and what singletons and doubletons say of the unseen."""

    name = "chao_wang_jost"

    def __call__(self, fp: Fingerprint, k: float | None) -> Array:
        """Entropy in nats."""
        return Zhang()(fp, k) + self.unseen(fp.n, fp.times(1), fp.times(2))

    @staticmethod
    def unseen(n: Array, lone: Array, twice: Array) -> Array:
        """Part of the entropy that belongs to the unseen, from singletons and doubletons."""
        few = np.maximum(n - 1, 1)
        a = np.where(
            twice > 0,
            2 * twice / (few * lone + 2 * np.maximum(twice, 1)),
            2 / (few * np.maximum(lone - 1, 0) + 2),
        )
        tail = _unseen_tail(np.maximum(n, 1), a)
        return np.where((lone > 0) & (n > 1), lone / np.maximum(n, 1) * tail, 0.0)

    def without_one(self, fp: Fingerprint, k: float | None) -> Array:
        """Entropies with one record of each distinct count left out, in O(n_distinct)."""
        r, n = fp.r, fp.n - 1
        weight = np.where(r > 0, r * digamma(np.maximum(r, 1)), 0.0)
        less = np.where(r > 1, (r - 1) * digamma(np.maximum(r - 1, 1)), 0.0)
        few = np.maximum(n, 1)
        zhang = digamma(few) - ((fp.f * weight).sum(-1) - weight + less) / few
        lone = fp.times(1) - (r == 1) + (r == 2)
        twice = fp.times(2) - (r == 2) + (r == 3)
        return zhang + self.unseen(np.broadcast_to(n, r.shape), lone, twice)


class Bonachela(Unseen):
    """``sum (r + 1) [psi(N + 3) - psi(r + 2)] / (N + 2)`` over the symbols seen."""

    name = "bonachela"

    def __call__(self, fp: Fingerprint, k: float | None) -> Array:
        """Entropy in nats."""
        return fp.sum(lambda r, n: (r + 1) * (digamma(n + 3) - digamma(r + 2)) / (n + 2))


class JackknifedEntropy(Unseen):
    """The plug-in value less its jackknife bias: ``N H - (N - 1) mean(H without one record)``.

    That is ``sum p [D(N) - D(r)]`` with ``D(r) = r log r - (r - 1) log(r - 1)``.
    """

    name = "jackknife"

    def __call__(self, fp: Fingerprint, k: float | None) -> Array:
        """Entropy in nats."""
        return fp.sum(lambda r, n: r / n * (_step(n) - _step(r)))


class JamesStein(Unseen):
    """Plug-in value of shares shrunk toward even ones, by the intensity of least squared error."""

    name = "james_stein"
    alphabet = True

    def __call__(self, fp: Fingerprint, k: float | None) -> Array:
        """Entropy in nats."""
        n, even = fp.n[..., None], 1 / known_size(k, self.name)
        p = fp.r / n
        squares = (fp.f * p**2).sum(-1)
        spread = squares - even  # sum over all symbols of (1 / k - p)^2
        with np.errstate(divide="ignore", invalid="ignore"):
            intensity = np.where(spread > 0, (1 - squares) / ((n[..., 0] - 1) * spread), 1.0)
        intensity = np.clip(np.nan_to_num(intensity, nan=1.0), 0.0, 1.0)
        rest = 1 / even - fp.observed
        shrunk = intensity[..., None] * even + (1 - intensity[..., None]) * p
        seen = (fp.f * (fp.r > 0) * entr(shrunk)).sum(-1)
        return seen + rest * entr(intensity * even)


class Bub(Unseen):
    """Paninski's best upper bound estimator, linear in the counts."""

    name = "bub"
    alphabet = True

    def __call__(self, fp: Fingerprint, k: float | None) -> Array:
        """Entropy in nats."""
        return _each_size(bub_terms, fp, known_size(k, self.name))


class WuYang(Unseen):
    """Wu and Yang's estimator by best polynomial approximation."""

    name = "wu_yang"
    alphabet = True

    def __call__(self, fp: Fingerprint, k: float | None) -> Array:
        """Entropy in nats."""
        k = known_size(k, self.name)
        return np.clip(_each_size(wu_yang_terms, fp, k), 0.0, math.log(k))


def _step(r: Array) -> Array:
    """``r log r - (r - 1) log(r - 1)``, without the digits that the difference would lose."""
    return np.log(r) - (r - 1) * np.log1p(-1 / np.maximum(r, 1.5))


def _sign(r: Array) -> Array:
    """``(-1)^r``."""
    return np.where(r % 2 == 0, 1.0, -1.0)


def _tail(r: Array, u: float) -> Array:
    """``int_0^u t^(r-1) / (1 + t) dt`` for u from 0 to 1."""
    if u == 1:
        return 0.5 * (digamma((r + 1) / 2) - digamma(r / 2))
    return u**r / r * hyp2f1(1, r, r + 1, -u)


def _by_inclusion(fp: Fingerprint, coverage: Array) -> Array:
    """``sum -q log q / [1 - (1 - q)^N]`` with ``q = coverage p``."""

    def term(r: Array, n: Array) -> Array:
        q = coverage[..., None] * r / n
        with np.errstate(divide="ignore"):
            missed = n * np.log1p(-np.minimum(q, 1.0))
        return entr(q) / -np.expm1(missed)

    return fp.sum(term)


def _unseen_tail(n: Array, a: Array) -> Array:
    r"""``(1 - a)^(1 - N) [-log a - sum_{r<N} (1 - a)^r / r]`` for N records.

    The bracket cancels and the power overflows; both are avoided by
    :math:`\frac{1-a}{N} \int_0^\infty e^{-w} / (1 - (1 - a) e^{-w/N})\,dw`, integrated in
    :math:`\log(w / N + a)`, which takes out the near-pole at :math:`w = -N a`.
    """
    a, n = np.asarray(a)[..., None], n[..., None]
    low = np.log(a)
    high = np.log(a + 45 / n)
    half = (high - low) / 2
    z = low + half * (1 + _NODES)
    x = np.exp(z) - a  # w / N
    integrand = np.exp(-n * x) * np.exp(z) / (-np.expm1(np.log1p(-np.minimum(a, 1 - 1e-15)) - x))
    return ((1 - a) * half * integrand * _WEIGHTS).sum(-1)


def known_size(k: float | None, name: str) -> float:
    """Alphabet size; an error where none was given."""
    if k is None:
        raise UnsupportedError(
            f"{name} needs the number of possible symbols, seen or not.",
            hint="alphabet_size=26",
        )
    return float(k)


def _each_size(terms: Callable[..., Array], fp: Fingerprint, k: float) -> Array:
    """Sum of terms that depend on N and the alphabet, the unseen symbols' included."""
    sizes, f = np.asarray(fp.n), np.where(fp.r > 0, fp.f, 0.0)
    out = np.zeros(sizes.shape)
    if k < 2:  # one symbol
        return out
    for n in np.unique(sizes):
        mine = sizes == n
        r = np.rint(fp.r[mine]).astype(np.int64)
        unseen = (k - fp.observed[mine]) * terms(np.zeros(1, np.int64), int(n), int(k))
        out[mine] = (f[mine] * terms(np.maximum(r, 0), int(n), int(k))).sum(-1) + unseen
    return out
