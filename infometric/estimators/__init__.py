"""Estimators: thin shells around a functional and a way to count."""

from infometric.estimators.dependence import MutualInformation
from infometric.estimators.divergence import (
    JeffreysDivergence,
    JensenShannonDivergence,
    KLDivergence,
    RenyiDivergence,
    TsallisDivergence,
)
from infometric.estimators.entropy import Entropy, HillNumber, RenyiEntropy, TsallisEntropy

__all__ = [
    "Entropy",
    "HillNumber",
    "JeffreysDivergence",
    "JensenShannonDivergence",
    "KLDivergence",
    "MutualInformation",
    "RenyiDivergence",
    "RenyiEntropy",
    "TsallisDivergence",
    "TsallisEntropy",
]
