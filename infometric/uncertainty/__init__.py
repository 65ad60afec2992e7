"""Strategies: frozen objects that turn a functional and a state into an interval or a p-value."""

from infometric.uncertainty.analytic import Chi2Null, Delta, NoncentralChi2
from infometric.uncertainty.base import Inference
from infometric.uncertainty.resampling import Bootstrap, Jackknife, Permutation
from infometric.uncertainty.special import (
    ClopperPearson,
    DeLong,
    FisherZ,
    GoodTuring,
    KolmogorovBand,
    Learned,
    NoInterval,
    Posterior,
    ScoreInterval,
    Simultaneous,
    StudentInterval,
    Wilson,
)
from infometric.uncertainty.subsampling import Partitions, Subsampling

__all__ = [
    "Bootstrap",
    "Chi2Null",
    "ClopperPearson",
    "DeLong",
    "Delta",
    "FisherZ",
    "GoodTuring",
    "Inference",
    "Jackknife",
    "KolmogorovBand",
    "Learned",
    "NoInterval",
    "NoncentralChi2",
    "Partitions",
    "Permutation",
    "Posterior",
    "ScoreInterval",
    "StudentInterval",
    "Simultaneous",
    "Subsampling",
    "Wilson",
]
