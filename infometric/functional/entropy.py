r"""Entropies of one sample.

.. math::
   H = -\sum_k p_k \log p_k, \quad
   T_q = \frac{1 - \sum_k p_k^q}{q - 1}, \quad
   R_a = \frac{\log \sum_k p_k^a}{1 - a}.

Tsallis' entropy is written as :math:`-\sum_k p_k L_k\, E((q-1) L_k)` with :math:`L = \log p` and
:math:`E(x) = (e^x - 1)/x`, which is exact through :math:`q = 1`.

References
----------
Shannon, C. E. (1948). A mathematical theory of communication. Bell System Technical Journal 27,
379-423. doi:10.1002/j.1538-7305.1948.tb01338.x
Miller, G. A. (1955). Note on the bias of information estimates. In: Information Theory in
Psychology. Rényi, A. (1961). On measures of entropy and information. Proc. Fourth Berkeley Symp. 1.
Tsallis, C. (1988). Possible generalization of Boltzmann-Gibbs statistics. J. Stat. Phys. 52,
479-487. doi:10.1007/BF01016429
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from scipy.special import entr, exprel

from infometric.functional.base import Additive, Caution, safe_log
from infometric.state.counts import Counts
from infometric.typing import Array, Units

Bias = Literal["plug_in", "miller_madow"]


@dataclass(frozen=True)
class ShannonEntropy(Additive):
    """Shannon entropy, plain or with the Miller-Madow correction ``(K1 - 1) / (2 N)``."""

    name: ClassVar[str] = "entropy"
    bias_correction: Bias = "plug_in"

    def terms(self, p: Array) -> Array:
        """Summand ``-p log p``."""
        return entr(p[..., 0, :])

    def correction(self, n: Array, observed: Array) -> Array:
        """Miller-Madow term, where it was asked for."""
        if self.bias_correction == "plug_in":
            return np.asarray(0.0)
        return ((observed - 1) / (2 * n))[..., 0]

    def influence(self, s: Counts) -> Array:
        """Derivative ``-log p``."""
        return -safe_log(s.p)

    def cautions(self, s: Counts) -> tuple[Caution, ...]:
        """Say where the sample is too small for its cells, and where there is one cell."""
        cells, n = float(s.observed.max()), float(s.n_eff.min())
        if cells < 2:
            return (
                Caution("DegenerateWarning", "only one cell is occupied: no interval is known"),
            )
        if n >= 5 * cells:
            return ()
        text = (
            f"{n:.6g} records in {cells:g} cells, fewer than five a cell: the value is too low by "
            "more than its interval shows; take more data or fewer cells"
        )
        return (Caution("SparseCellWarning", text),)

    def bias(self, s: Counts) -> Array:
        """Leading bias of the plug-in value; zero to that order once corrected."""
        left = 0.0 if self.bias_correction == "miller_madow" else -1.0
        return left * ((s.observed - 1) / (2 * s.n_eff))[..., 0]


@dataclass(frozen=True)
class TsallisEntropy(Additive):
    """Tsallis entropy of order q >= 0; Shannon's at q = 1."""

    name: ClassVar[str] = "tsallis_entropy"
    units: ClassVar[Units] = "dimensionless"
    q: float = 2.0

    def terms(self, p: Array) -> Array:
        """Summand ``(p - p^q) / (q - 1)``, zero for an empty cell."""
        return _deformed_entr(p[..., 0, :], self.q)

    def influence(self, s: Counts) -> Array:
        """Derivative ``(1 - q p^(q-1)) / (q - 1)``."""
        log_p = safe_log(s.p)
        return -self.q * log_p * exprel((self.q - 1) * log_p)


@dataclass(frozen=True)
class RenyiEntropy(Additive):
    """Rényi entropy of order a >= 0; Shannon's at a = 1, log of the observed support at 0."""

    name: ClassVar[str] = "renyi_entropy"
    order: float = 2.0

    def terms(self, p: Array) -> Array:
        """Summand of Tsallis' entropy of the same order."""
        return _deformed_entr(p[..., 0, :], self.order)

    def finish(self, total: Array) -> Array:
        """Rényi's entropy from Tsallis'."""
        return total * log1p_ratio((1 - self.order) * total)

    def influence(self, s: Counts) -> Array:
        """Tsallis' derivative by the chain rule."""
        tsallis = TsallisEntropy(self.order)
        scale = 1 + (1 - self.order) * tsallis.value(s)
        return tsallis.influence(s) / scale[..., None, None]


def _deformed_entr(p: Array, q: float) -> Array:
    log_p = safe_log(p)
    return np.where(p > 0, -p * log_p * exprel((q - 1) * log_p), 0.0)


def log1p_ratio(x: Array) -> Array:
    """``log(1 + x) / x``, one at zero."""
    x = np.asarray(x, dtype=float)
    return np.where(x == 0, 1.0, np.log1p(x) / np.where(x == 0, 1.0, x))
