"""Estimators: thin shells around a functional and a way to count."""

from infometric.estimators.dependence import (
    AdjustedMutualInformation,
    ConditionalMutualInformation,
    DualTotalCorrelation,
    InteractionInformation,
    MutualInformation,
    NormalizedMutualInformation,
    TotalCorrelation,
    TransferEntropy,
)
from infometric.estimators.differential import (
    DifferentialEntropy,
    DifferentialRenyiEntropy,
    DifferentialTsallisEntropy,
)
from infometric.estimators.divergence import (
    AlphaDivergence,
    HellingerDistance,
    JeffreysDivergence,
    JensenShannonDistance,
    JensenShannonDivergence,
    KLDivergence,
    RenyiDivergence,
    TotalVariation,
    TsallisDivergence,
)
from infometric.estimators.entropy import Entropy, HillNumber, RenyiEntropy, TsallisEntropy
from infometric.estimators.spectral import (
    DiffusionSpectralEntropy,
    DiffusionSpectralMI,
    MatrixEntropy,
    VendiScore,
)

__all__ = [
    "DiffusionSpectralEntropy",
    "DiffusionSpectralMI",
    "MatrixEntropy",
    "VendiScore",
    "DifferentialEntropy",
    "DifferentialRenyiEntropy",
    "DifferentialTsallisEntropy",
    "Entropy",
    "HillNumber",
    "AlphaDivergence",
    "HellingerDistance",
    "JensenShannonDistance",
    "TotalVariation",
    "JeffreysDivergence",
    "JensenShannonDivergence",
    "KLDivergence",
    "AdjustedMutualInformation",
    "ConditionalMutualInformation",
    "DualTotalCorrelation",
    "InteractionInformation",
    "MutualInformation",
    "NormalizedMutualInformation",
    "TotalCorrelation",
    "TransferEntropy",
    "RenyiDivergence",
    "RenyiEntropy",
    "TsallisDivergence",
    "TsallisEntropy",
]
