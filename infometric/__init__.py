"""infometric: estimates of information with intervals that hold.

Public names are resolved on first use (PEP 562), so that importing the package loads little more
than numpy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from infometric._version import __version__

_WHERE = {
    "infometric.functions": (
        "entropy renyi_entropy tsallis_entropy hill_number kl_divergence jeffreys_divergence "
        "jensen_shannon_divergence alpha_divergence hellinger_distance total_variation "
        "jensen_shannon_distance renyi_divergence tsallis_divergence mutual_information "
        "normalized_mutual_information adjusted_mutual_information conditional_mutual_information "
        "total_correlation dual_total_correlation interaction_information transfer_entropy "
        "mutual_information_matrix score_features psi csi differential_entropy "
        "differential_renyi_entropy differential_tsallis_entropy "
        "information_value weight_of_evidence diffusion_spectral_entropy diffusion_spectral_mi "
        "neural_mutual_information mist membership_scores"
    ),
    "infometric.estimators": (
        "Entropy RenyiEntropy TsallisEntropy HillNumber KLDivergence JeffreysDivergence "
        "JensenShannonDivergence AlphaDivergence HellingerDistance TotalVariation "
        "JensenShannonDistance RenyiDivergence TsallisDivergence MutualInformation "
        "NormalizedMutualInformation AdjustedMutualInformation ConditionalMutualInformation "
        "TotalCorrelation DualTotalCorrelation InteractionInformation TransferEntropy "
        "DifferentialEntropy DifferentialRenyiEntropy DifferentialTsallisEntropy "
        "DiffusionSpectralEntropy DiffusionSpectralMI DiffusionConditionalEntropy "
        "MatrixEntropy VendiScore "
        "MatrixJointEntropy MatrixConditionalEntropy MatrixMutualInformation "
        "RankMe ParticipationRatio StableRank AlphaReQ LiDAR KernelAlignment"
    ),
    "infometric.credit": (
        "PSI CSI StabilityMonitor AuditLog InformationValue WeightOfEvidence OptimalBinning "
        "StumpBinning "
        "PaperIndependentShares psi_power psi_sample_size auc gini ks_statistic auc_difference "
        "brier_score calibration calibration_bands Scorecard "
        "compare_encodings FairnessIV adverse_impact fair_frontier"
    ),
    "infometric.state.counts": "Counts",
    "infometric.state.scores": "Scores",
    "infometric.llm.tokens": "TokenScores",
    "infometric.llm.frequency": "TokenFrequency",
    "infometric.llm.membership": "MembershipScore",
    "infometric.llm.scores": (
        "DCPDD LossScore ZlibScore LowercaseScore ReferenceScore NeighborScore MinK ReCaLL "
        "ConReCall SURP PMIScore"
    ),
    "infometric.llm.combined": "CombinedScore",
    "infometric.state.sample": "Sample",
    "infometric.state.spectrum": "Spectrum",
    "infometric.state.kernels": "Kernel",
    "infometric.state.encoders": "IntervalEncoder CategoryEncoder GroupEncoder",
    "infometric.result": "Result ResultTable ConfidenceInterval",
    "infometric.pairwise": "PairwiseResult",
    "infometric.comparison": "EncodingComparison",
    "infometric.timeline": "Timeline",
    "infometric.history": "TrainingHistory",
    "infometric.curves": "LearningCurves",
    "infometric.extrapolation": "Extrapolation",
    "infometric.neural.reliable": "ReliableMI",
    "infometric.neural.estimator": "NeuralMI",
    "infometric.amortised.estimator": "MIST",
    "infometric.neural.dimension": "EffectiveDimension effective_dimension",
    "infometric.state.critic": "CriticScores",
    "infometric.probe": "TrainingProbe",
    "infometric.pareto": "FairnessFrontier FairnessPoint",
    "infometric.inference": "infer",
    "infometric.llm.table": "MembershipTable",
    "infometric.detection": "MembershipEvaluation",
    "infometric.uncertainty.blocks": "TokenBlocks",
    "infometric.uncertainty": (
        "Delta NoncentralChi2 Chi2Null Jackknife Bootstrap Permutation Posterior GoodTuring "
        "ClopperPearson Simultaneous FisherZ DeLong KolmogorovBand Subsampling Partitions "
        "NoInterval Wilson ScoreInterval StudentInterval Learned"
    ),
    "infometric.base": "Estimator",
}
_HOME = {name: module for module, names in _WHERE.items() for name in names.split()}
_MODULES = ("datasets", "exceptions", "llm", "oracles", "testing")

__all__ = ["__version__", *_HOME, *_MODULES]

if TYPE_CHECKING:
    from infometric import datasets, exceptions, llm, oracles, testing
    from infometric.amortised.estimator import MIST
    from infometric.base import Estimator
    from infometric.comparison import EncodingComparison
    from infometric.credit import (
        CSI,
        PSI,
        AuditLog,
        FairnessIV,
        InformationValue,
        OptimalBinning,
        PaperIndependentShares,
        Scorecard,
        StabilityMonitor,
        StumpBinning,
        WeightOfEvidence,
        adverse_impact,
        auc,
        auc_difference,
        brier_score,
        calibration,
        calibration_bands,
        compare_encodings,
        fair_frontier,
        gini,
        ks_statistic,
        psi_power,
        psi_sample_size,
    )
    from infometric.curves import LearningCurves
    from infometric.detection import MembershipEvaluation
    from infometric.estimators import (
        AdjustedMutualInformation,
        AlphaDivergence,
        AlphaReQ,
        ConditionalMutualInformation,
        DifferentialEntropy,
        DifferentialRenyiEntropy,
        DifferentialTsallisEntropy,
        DiffusionConditionalEntropy,
        DiffusionSpectralEntropy,
        DiffusionSpectralMI,
        DualTotalCorrelation,
        Entropy,
        HellingerDistance,
        HillNumber,
        InteractionInformation,
        JeffreysDivergence,
        JensenShannonDistance,
        JensenShannonDivergence,
        KernelAlignment,
        KLDivergence,
        LiDAR,
        MatrixConditionalEntropy,
        MatrixEntropy,
        MatrixJointEntropy,
        MatrixMutualInformation,
        MutualInformation,
        NormalizedMutualInformation,
        ParticipationRatio,
        RankMe,
        RenyiDivergence,
        RenyiEntropy,
        StableRank,
        TotalCorrelation,
        TotalVariation,
        TransferEntropy,
        TsallisDivergence,
        TsallisEntropy,
        VendiScore,
    )
    from infometric.extrapolation import Extrapolation
    from infometric.functions import (
        adjusted_mutual_information,
        alpha_divergence,
        conditional_mutual_information,
        csi,
        differential_entropy,
        differential_renyi_entropy,
        differential_tsallis_entropy,
        diffusion_spectral_entropy,
        diffusion_spectral_mi,
        dual_total_correlation,
        entropy,
        hellinger_distance,
        hill_number,
        information_value,
        interaction_information,
        jeffreys_divergence,
        jensen_shannon_distance,
        jensen_shannon_divergence,
        kl_divergence,
        membership_scores,
        mist,
        mutual_information,
        mutual_information_matrix,
        neural_mutual_information,
        normalized_mutual_information,
        psi,
        renyi_divergence,
        renyi_entropy,
        total_correlation,
        total_variation,
        transfer_entropy,
        tsallis_divergence,
        tsallis_entropy,
        weight_of_evidence,
    )
    from infometric.history import TrainingHistory
    from infometric.inference import infer
    from infometric.llm.combined import CombinedScore
    from infometric.llm.frequency import TokenFrequency
    from infometric.llm.membership import MembershipScore
    from infometric.llm.scores import (
        DCPDD,
        SURP,
        ConReCall,
        LossScore,
        LowercaseScore,
        MinK,
        NeighborScore,
        PMIScore,
        ReCaLL,
        ReferenceScore,
        ZlibScore,
    )
    from infometric.llm.table import MembershipTable
    from infometric.llm.tokens import TokenScores
    from infometric.neural.dimension import EffectiveDimension, effective_dimension
    from infometric.neural.estimator import NeuralMI
    from infometric.neural.reliable import ReliableMI
    from infometric.pairwise import PairwiseResult
    from infometric.pareto import FairnessFrontier, FairnessPoint
    from infometric.probe import TrainingProbe
    from infometric.result import ConfidenceInterval, Result, ResultTable
    from infometric.state.counts import Counts
    from infometric.state.critic import CriticScores
    from infometric.state.encoders import CategoryEncoder, GroupEncoder, IntervalEncoder
    from infometric.state.kernels import Kernel
    from infometric.state.sample import Sample
    from infometric.state.scores import Scores
    from infometric.state.spectrum import Spectrum
    from infometric.timeline import Timeline
    from infometric.uncertainty import (
        Bootstrap,
        Chi2Null,
        ClopperPearson,
        DeLong,
        Delta,
        FisherZ,
        GoodTuring,
        Jackknife,
        KolmogorovBand,
        Learned,
        NoInterval,
        NoncentralChi2,
        Partitions,
        Permutation,
        Posterior,
        ScoreInterval,
        Simultaneous,
        StudentInterval,
        Subsampling,
        Wilson,
    )
    from infometric.uncertainty.blocks import TokenBlocks


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    if name in _MODULES:
        return importlib.import_module(f"infometric.{name}")
    raise AttributeError(f"module 'infometric' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
