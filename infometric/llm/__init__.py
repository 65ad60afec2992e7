"""Language models: what the probabilities of their tokens tell.

Names are resolved on first use, so that torch and transformers load where they are needed alone.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_WHERE = {
    "infometric.llm.tokens": "TokenScores",
    "infometric.llm.frequency": "TokenFrequency",
    "infometric.llm.membership": "MembershipScore",
    "infometric.llm.scores": (
        "DCPDD LossScore ZlibScore LowercaseScore ReferenceScore NeighborScore MinK ReCaLL "
        "ConReCall SURP PMIScore"
    ),
    "infometric.llm.combined": "CombinedScore available_scores",
    "infometric.llm.table": "MembershipTable",
    "infometric.llm.conformal": "Calibration Decision",
    "infometric.detection": "MembershipEvaluation",
    "infometric.llm.evaluation": "evaluate",
    "infometric.llm.audit": "dataset_test audit_split",
    "infometric.llm.models": "score_texts tokenizer_fingerprint",
    "infometric.llm.servers": "from_prompt_logprobs",
}
_HOME = {name: module for module, names in _WHERE.items() for name in names.split()}

__all__ = list(_HOME)

if TYPE_CHECKING:
    from infometric.detection import MembershipEvaluation
    from infometric.llm.audit import audit_split, dataset_test
    from infometric.llm.combined import CombinedScore, available_scores
    from infometric.llm.conformal import Calibration, Decision
    from infometric.llm.evaluation import evaluate
    from infometric.llm.frequency import TokenFrequency
    from infometric.llm.membership import MembershipScore
    from infometric.llm.models import score_texts, tokenizer_fingerprint
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
    from infometric.llm.servers import from_prompt_logprobs
    from infometric.llm.table import MembershipTable
    from infometric.llm.tokens import TokenScores


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'infometric.llm' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
