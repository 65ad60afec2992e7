"""Entropies of continuous variables; several columns are one vector variable."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

from infometric.estimators.continuous import CONTINUOUS, ContinuousEstimator, choices, chosen
from infometric.functional import differential as functional
from infometric.functional.gaussian import GaussianCopulaEntropy
from infometric.functional.sample import SampleFunctional
from infometric.validation import Constraint, Span

ENTROPIES: dict[str, type[SampleFunctional]] = {
    "auto": functional.KozachenkoLeonenko,
    "knn": functional.KozachenkoLeonenko,
    "weighted": functional.BerrettSamworthYuan,
    "vasicek": functional.Vasicek,
    "van_es": functional.VanEs,
    "ebrahimi": functional.Ebrahimi,
    "correa": functional.Correa,
    "gaussian": functional.GaussianEntropy,
    "gaussian_copula": GaussianCopulaEntropy,
}
_POSITIVE = Span(Real, 0, closed="neither")


class DifferentialEntropy(ContinuousEstimator):
    """Shannon entropy of a continuous variable of one or more dimensions.

    Parameters
    ----------
    estimator : str or functional
        "auto" and "knn" are Kozachenko and Leonenko's; "weighted" is Berrett, Samworth and Yuan's;
        "vasicek", "van_es", "ebrahimi" and "correa" use the spacings of one dimension; "gaussian"
        is right of a normal law alone. Or an object of `infometric.functional.differential`.
    n_neighbors : int, optional
        Number of neighbours; the estimator's own by default.
    units : {"nats", "bits", "bans"}
        Units of the result.
    uncertainty : str or Uncertainty
        "auto" compares random parts of the rows.

    Notes
    -----
    It depends on the scale: ``H(a X + b) = H(X) + log |a|``; it may be negative.

    Examples
    --------
    >>> import numpy as np
    >>> from infometric import DifferentialEntropy
    >>> x = np.random.default_rng(0).normal(size=2000)
    >>> round(DifferentialEntropy().fit(x).score(x), 2)  # log(2 pi e) / 2 = 1.42
    1.44
    """

    _registry = ENTROPIES
    _constraints: ClassVar[dict[str, tuple[Constraint, ...]]] = CONTINUOUS | {
        "estimator": choices(ENTROPIES, counts=False)
    }

    def __init__(
        self,
        *,
        estimator: Any = "auto",
        n_neighbors: int | None = None,
        units: str = "nats",
        uncertainty: Any = "auto",
    ) -> None:
        self.estimator = estimator
        self.n_neighbors = n_neighbors
        self.units = units
        self.uncertainty = uncertainty

    def _functional(self) -> SampleFunctional:
        return chosen(self.estimator, self.n_neighbors, self._registry)


class DifferentialRenyiEntropy(ContinuousEstimator):
    """Rényi entropy of a continuous variable, from neighbours (Leonenko, Pronzato and Savani).

    Parameters
    ----------
    order : float
        Positive order, below ``n_neighbors + 1``; 1 is Shannon's entropy.
    n_neighbors : int, optional
        Number of neighbours; five by default.
    units, uncertainty
        As in `DifferentialEntropy`.

    Examples
    --------
    >>> import numpy as np
    >>> from infometric import DifferentialRenyiEntropy
    >>> x = np.random.default_rng(0).normal(size=4000)
    >>> round(DifferentialRenyiEntropy(order=2).fit(x).score(x), 2)  # log(4 pi) / 2 = 1.27
    1.28
    """

    _constraints: ClassVar[dict[str, tuple[Constraint, ...]]] = CONTINUOUS | {"order": (_POSITIVE,)}

    def __init__(
        self,
        order: float = 2.0,
        *,
        n_neighbors: int | None = None,
        units: str = "nats",
        uncertainty: Any = "auto",
    ) -> None:
        self.order = order
        self.n_neighbors = n_neighbors
        self.units = units
        self.uncertainty = uncertainty

    def _functional(self) -> SampleFunctional:
        registry = {"auto": functional.LeonenkoPronzatoSavani}
        return chosen("auto", self.n_neighbors, registry, order=float(self.order))


class DifferentialTsallisEntropy(ContinuousEstimator):
    """Tsallis entropy of a continuous variable, from neighbours; dimensionless.

    Parameters
    ----------
    q : float
        Positive order, below ``n_neighbors + 1``; 1 is Shannon's entropy in nats.
    n_neighbors : int, optional
        Number of neighbours; five by default.
    uncertainty : str or Uncertainty
        As in `DifferentialEntropy`.

    Examples
    --------
    >>> import numpy as np
    >>> from infometric import DifferentialTsallisEntropy
    >>> x = np.random.default_rng(0).uniform(size=4000)
    >>> abs(DifferentialTsallisEntropy(q=2).fit(x).score(x)) < 0.05
    True
    """

    units = "nats"
    _constraints: ClassVar[dict[str, tuple[Constraint, ...]]] = {
        k: v for k, v in CONTINUOUS.items() if k != "units"
    } | {"q": (_POSITIVE,)}

    def __init__(
        self, q: float = 2.0, *, n_neighbors: int | None = None, uncertainty: Any = "auto"
    ) -> None:
        self.q = q
        self.n_neighbors = n_neighbors
        self.uncertainty = uncertainty

    def _functional(self) -> SampleFunctional:
        registry = {"auto": functional.TsallisNeighbors}
        return chosen("auto", self.n_neighbors, registry, order=float(self.q))
