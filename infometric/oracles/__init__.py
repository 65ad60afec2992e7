r"""Distributions that know their own truth, to measure estimators against.

An oracle draws random samples (`sample`; the discrete ones also whole batches of states, `draw`)
and knows the true value of every measure defined on it (`truth`). The truths are written with plain
sums, closed forms and quadrature, not with the library's functionals, so that one can be wrong
without the other.

References
----------
Czyż, P., Grabowski, F., Vogt, J. E., Beerenwinkel, N., Marx, A. (2023). Beyond normal: on the
evaluation of mutual information estimators. NeurIPS 36. arXiv:2306.11078 (the idea of a sampler
that knows its own mutual information)
"""

from __future__ import annotations

import builtins
import difflib

from infometric.exceptions import InvalidParameterError, and_list
from infometric.oracles.base import KnownTruth, Truth
from infometric.oracles.continuous import (
    AdditiveUniformNoise,
    Autoregression,
    Beta,
    Cauchy,
    Continuous,
    Dirichlet,
    Exponential,
    Gamma,
    GammaExponential,
    GaussianPair,
    GaussianTriple,
    GaussianVariables,
    LabelledNormals,
    Laplace,
    Law,
    LogNormal,
    MixedPair,
    Normal,
    OverlappingUniforms,
    Pair,
    StudentPair,
    StudentT,
    Transformed,
    TwoGammas,
    TwoLaplaces,
    TwoLaws,
    TwoNormals,
    Uniform,
    Weibull,
    ZeroInflatedPoisson,
    continuous_catalogue,
)
from infometric.oracles.discrete import (
    Categorical,
    Cell,
    JointTable,
    Oracle,
    TwoSample,
    alpha_divergence,
    catalogue,
    conditional_mutual_information,
    dual_total_correlation,
    hill,
    interaction_information,
    jeffreys,
    jensen_shannon,
    kullback_leibler,
    mutual_information,
    normalized_mutual_information,
    renyi,
    renyi_divergence,
    shannon,
    squared_hellinger,
    total_correlation,
    total_variation,
    tsallis,
    tsallis_divergence,
)

__all__ = [
    "AdditiveUniformNoise",
    "Autoregression",
    "Beta",
    "Categorical",
    "Cauchy",
    "Cell",
    "Continuous",
    "Dirichlet",
    "Exponential",
    "Gamma",
    "GammaExponential",
    "GaussianPair",
    "GaussianTriple",
    "GaussianVariables",
    "JointTable",
    "KnownTruth",
    "LabelledNormals",
    "Laplace",
    "Law",
    "LogNormal",
    "MixedPair",
    "Normal",
    "Oracle",
    "OverlappingUniforms",
    "Pair",
    "StudentPair",
    "StudentT",
    "Transformed",
    "Truth",
    "TwoGammas",
    "TwoLaplaces",
    "TwoLaws",
    "TwoNormals",
    "TwoSample",
    "Uniform",
    "Weibull",
    "ZeroInflatedPoisson",
    "alpha_divergence",
    "catalogue",
    "conditional_mutual_information",
    "continuous_catalogue",
    "dual_total_correlation",
    "get",
    "hill",
    "interaction_information",
    "jeffreys",
    "jensen_shannon",
    "kullback_leibler",
    "list",
    "mutual_information",
    "normalized_mutual_information",
    "renyi",
    "renyi_divergence",
    "shannon",
    "squared_hellinger",
    "total_correlation",
    "total_variation",
    "tsallis",
    "tsallis_divergence",
]


def _all() -> dict[str, KnownTruth]:
    return {**catalogue(), **continuous_catalogue()}


def list(family: str | None = None) -> builtins.list[str]:
    """Names of the oracles of the catalogue.

    Parameters
    ----------
    family : str, optional
        "discrete", "entropy", "information", "conditional", "total", "transfer" or "divergence";
        all by default.

    Returns
    -------
    list of str
        Names for `get`.

    Raises
    ------
    InvalidParameterError
        Where there is no such family.

    Examples
    --------
    >>> from infometric import oracles
    >>> oracles.list("total")
    ['3 equicorrelated normals, rho=0.5', '5 equicorrelated normals, rho=0.3']
    """
    found = _all()
    families = dict.fromkeys(oracle.family for oracle in found.values())
    if family is not None and family not in families:
        raise InvalidParameterError(
            "There is no such family of oracles.",
            got=family,
            hint=f"one of {and_list(tuple(families), limit=9)}",
        )
    return [name for name, oracle in found.items() if family in (None, oracle.family)]


def get(name: str) -> KnownTruth:
    """Oracle of the catalogue.

    Parameters
    ----------
    name : str
        One of the names that `list` gives.

    Returns
    -------
    KnownTruth
        The oracle.

    Raises
    ------
    InvalidParameterError
        Where there is no oracle of this name; the hint has the nearest name.

    Examples
    --------
    >>> from infometric import oracles
    >>> oracle = oracles.get("gamma-exponential, shape 3")
    >>> round(oracle.truth("mutual_information"), 10)
    0.1575053798
    """
    found = _all()
    if name not in found:
        near = difflib.get_close_matches(str(name), found, n=1, cutoff=0.4)
        raise InvalidParameterError(
            "There is no oracle of this name.",
            got=name,
            hint=f"oracles.get({near[0]!r})" if near else "oracles.list()",
        )
    return found[name]
