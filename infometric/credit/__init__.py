"""Credit risk: population stability, information value, weight of evidence."""

from infometric.credit.audit import AuditLog
from infometric.credit.binning import OptimalBinning, StumpBinning
from infometric.credit.characteristic import CSI
from infometric.credit.discrimination import auc, auc_difference, gini, ks_statistic
from infometric.credit.disparity import FairnessIV, adverse_impact
from infometric.credit.encodings import compare_encodings
from infometric.credit.evidence import InformationValue, WeightOfEvidence
from infometric.credit.fairness import fair_frontier
from infometric.credit.monitor import StabilityMonitor
from infometric.credit.paper import PaperIndependentShares
from infometric.credit.predictions import brier_score, calibration, calibration_bands
from infometric.credit.scorecard import Scorecard
from infometric.credit.stability import PSI, psi_power, psi_sample_size

__all__ = [
    "FairnessIV",
    "adverse_impact",
    "fair_frontier",
    "CSI",
    "PSI",
    "AuditLog",
    "InformationValue",
    "OptimalBinning",
    "PaperIndependentShares",
    "Scorecard",
    "StabilityMonitor",
    "StumpBinning",
    "WeightOfEvidence",
    "auc",
    "auc_difference",
    "brier_score",
    "calibration",
    "calibration_bands",
    "compare_encodings",
    "gini",
    "ks_statistic",
    "psi_power",
    "psi_sample_size",
]
