"""Estimators: thin shells around a functional and a way to count."""

from infometric.estimators.dependence import MutualInformation
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

__all__ = [
    "Entropy",
    "HillNumber",
    "AlphaDivergence",
    "HellingerDistance",
    "JensenShannonDistance",
    "TotalVariation",
    "JeffreysDivergence",
    "JensenShannonDivergence",
    "KLDivergence",
    "MutualInformation",
    "RenyiDivergence",
    "RenyiEntropy",
    "TsallisDivergence",
    "TsallisEntropy",
]
