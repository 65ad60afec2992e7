"""Credit risk: population stability, information value, weight of evidence."""

from infometric.credit.evidence import InformationValue, WeightOfEvidence
from infometric.credit.paper import PaperIndependentShares
from infometric.credit.stability import PSI, psi_power, psi_sample_size

__all__ = [
    "PSI",
    "InformationValue",
    "PaperIndependentShares",
    "WeightOfEvidence",
    "psi_power",
    "psi_sample_size",
]
