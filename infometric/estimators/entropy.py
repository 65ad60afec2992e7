"""Entropies of discrete variables, one per column."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

from infometric.estimators.discrete import DISCRETE, DiscreteEstimator
from infometric.exceptions import UnsupportedError
from infometric.functional import entropy as functional
from infometric.functional.shannon import BIAS, ShannonEntropy
from infometric.validation import Constraint, Having, OneOf, Span

MOST_SYMBOLS = 10**60  # its powers are still numbers
_ORDER = Span(Real, 0, closed="both")
_ORDERED_BIAS = OneOf(("plug_in", "unbiased"))
_DIMENSIONLESS: dict[str, tuple[Constraint, ...]] = {
    **{k: v for k, v in DISCRETE.items() if k != "units"},
    "q": (_ORDER,),
    "bias": (_ORDERED_BIAS,),
}


class Entropy(DiscreteEstimator):
    """Shannon entropy of a discrete variable, or of each column of a table.

    Parameters
    ----------
    bias : str or Unseen
        Estimator: "auto" is Miller-Madow where the sample has seen everything ten times over, else
        Chao-Wang-Jost, else NSB (see the guide). By name: "plug_in", "miller_madow",
        "grassberger_1988", "grassberger", "schuermann", "zhang", "chao_shen", "chao_wang_jost",
        "horvitz_thompson", "jackknife", "bonachela", "james_stein", "bub", "wu_yang"; Bayesian:
        "nsb", "ansb", "jeffreys", "laplace", "perks", "minimax". Or an object such as
        ``Schuermann(xi=0.7)`` or ``Dirichlet(0.1)`` of `infometric.functional.shannon`.
    alphabet_size : int, optional
        Number of possible symbols, seen or not. Without it the estimators that need it take the
        cells of `Counts` that no encoder made for all there are, and so does the upper bound where
        these seem all seen; of a sample the estimators take those that were seen, and the bound
        allows for more. "nsb" lets it grow instead, and "auto" takes it as not known.
    bins : int, list of float or Encoder, optional
        Cells of a continuous variable: the value is then the entropy of the binned variable.
    units : {"nats", "bits", "bans"}
        Units of the result.
    uncertainty : str or Uncertainty
        "auto" is the posterior's credible interval of a Bayesian estimator; of the others the
        noncentral chi-square interval in a well-sampled table, else the one from singletons.

    Examples
    --------
    >>> from infometric import Entropy
    >>> Entropy(bias="plug_in", units="bits").fit(["a", "b"] * 50).estimate().value
    1.0
    """

    _constraints = DISCRETE | {
        "bias": (OneOf(BIAS), Having("alphabet", "an estimator of `infometric.functional`")),
        "alphabet_size": (OneOf((None,)), Span(Integral, 1, MOST_SYMBOLS)),
    }

    def __init__(
        self,
        *,
        bias: Any = "auto",
        alphabet_size: int | None = None,
        bins: Any = None,
        units: str = "nats",
        uncertainty: Any = "auto",
    ) -> None:
        self.bias = bias
        self.alphabet_size = alphabet_size
        self.bins = bins
        self.units = units
        self.uncertainty = uncertainty

    def _functional(self) -> ShannonEntropy:
        size = self.alphabet_size
        return ShannonEntropy(self.bias, None if size is None else float(size))


class _Ordered(DiscreteEstimator):
    """Entropies that have an order: no correction but the unbiased sum of powers."""

    bias: Any

    def _check(self) -> None:
        if isinstance(self.bias, str) and self.bias in BIAS and self.bias != "plug_in":
            raise UnsupportedError(
                f"bias={self.bias!r} is derived for Shannon's entropy, and {type(self).__name__} "
                "is another function of the shares.",
                hint="bias='unbiased' for a whole order of two or more, or bias='plug_in'",
            )
        super()._check()


class RenyiEntropy(_Ordered):
    """Rényi entropy of a discrete variable, or of each column of a table.

    Parameters
    ----------
    order : float
        Order, not negative; 1 is Shannon's entropy, infinity the min-entropy.
    bias : {"plug_in", "unbiased"}
        Whether the sum of powers is estimated without bias, for whole orders of two or more.
    bins, units, uncertainty
        As in `Entropy`.

    Examples
    --------
    >>> from infometric import RenyiEntropy
    >>> round(RenyiEntropy(order=2, units="bits").fit(["a", "b", "c", "d"] * 9).estimate().value, 6)
    2.0
    """

    _constraints = DISCRETE | {"order": (_ORDER,), "bias": (_ORDERED_BIAS,)}

    def __init__(
        self,
        order: float = 2.0,
        *,
        bias: Any = "plug_in",
        bins: Any = None,
        units: str = "nats",
        uncertainty: Any = "auto",
    ) -> None:
        self.order = order
        self.bias = bias
        self.bins = bins
        self.units = units
        self.uncertainty = uncertainty

    def _functional(self) -> functional.RenyiEntropy:
        return functional.RenyiEntropy(float(self.order), bias_correction=self.bias)


class TsallisEntropy(_Ordered):
    """Tsallis entropy of a discrete variable, or of each column; dimensionless.

    Parameters
    ----------
    q : float
        Order, not negative; 1 is Shannon's entropy in nats.
    bias : {"plug_in", "unbiased"}
        Whether the sum of powers is estimated without bias, for whole orders of two or more.
    bins, uncertainty
        As in `Entropy`.

    Examples
    --------
    >>> from infometric import TsallisEntropy
    >>> TsallisEntropy(q=2).fit(["a", "b"] * 9).estimate().value
    0.5
    """

    _constraints = _DIMENSIONLESS
    units = "nats"

    def __init__(
        self,
        q: float = 2.0,
        *,
        bias: Any = "plug_in",
        bins: Any = None,
        uncertainty: Any = "auto",
    ) -> None:
        self.q = q
        self.bias = bias
        self.bins = bins
        self.uncertainty = uncertainty

    def _functional(self) -> functional.TsallisEntropy:
        return functional.TsallisEntropy(float(self.q), bias_correction=self.bias)


class HillNumber(TsallisEntropy):
    """Hill number: the cells with equal shares that would have the same entropy of order q.

    The number of observed cells at q = 0, the exponential of Shannon's entropy at 1, one over the
    sum of squares at 2, one over the largest share at infinity.

    Parameters
    ----------
    q : float
        Order, not negative.
    bias, bins, uncertainty
        As in `TsallisEntropy`.

    Examples
    --------
    >>> from infometric import HillNumber
    >>> round(HillNumber(q=1).fit(["a", "b", "c"] * 9).estimate().value, 6)
    3.0
    """

    def _functional(self) -> functional.HillNumber:  # type: ignore[override]
        return functional.HillNumber(float(self.q), bias_correction=self.bias)
