"""What the learning stages leave in the run's folder, by name.

Free of torch: the report reads these files where only the trainer's image can learn.
"""

from __future__ import annotations

from rlpretrain.distinct_names import distinct_name
from rlpretrain.stages.context import StageContext
from rlpretrain.validation.asset_result import AssetValidation

__all__ = [
    "AGENT",
    "BEST",
    "PLACEBO",
    "PRETRAIN",
    "PRETRAINED",
    "SCORE",
    "SCORES_CSV",
    "SCORES_JSON",
    "TRANSFER",
    "champion_file",
    "evidence_file",
    "manifest_name",
    "read_evidence",
    "validation_stage",
]

PRETRAIN, TRANSFER = "pretrain", "transfer"
"""Names of the stages."""
PRETRAINED, BEST, PLACEBO = "pretrained_model.pt", "best_model.pt", "placebo_model.pt"
AGENT = "transferred_rl_agent.pt"
SCORE = "score"
"""The stage that scores the latest bars with the champion, and what it leaves."""
SCORES_CSV, SCORES_JSON = "champion_scores.csv", "champion_scores.json"


def validation_stage(symbol: str) -> str:
    """Name the validation of one asset."""
    return f"validate/{distinct_name(symbol)}"


def manifest_name(stage: str, symbol: str = "") -> str:
    """Name the manifest that a learning stage writes; `symbol` is validation's asset."""
    return validation_stage(symbol) if symbol else stage


def evidence_file(symbol: str) -> str:
    """Name the file of an asset's evidence, relative to the run's folder."""
    return f"{validation_stage(symbol)}_evidence.json"


def champion_file(symbol: str) -> str:
    """Name the file that compares agent and champion on an asset."""
    return f"{validation_stage(symbol)}_champion.json"


def read_evidence(context: StageContext, symbol: str) -> AssetValidation:
    """Read what validation found on an asset."""
    context.run.require(validation_stage(symbol))
    return AssetValidation.model_validate_json(
        (context.run / evidence_file(symbol)).read_text(encoding="utf-8")
    )
