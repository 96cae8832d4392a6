"""The stage that transfers the policy network into an RL agent."""

from __future__ import annotations

from rlpretrain.environments.settings import EpisodeSettings, RewardSettings
from rlpretrain.pretraining.settings import DeviceSettings
from rlpretrain.stages.list import LIST
from rlpretrain.stages.mine import MINE
from rlpretrain.stages.pretrain import PRETRAIN
from rlpretrain.stages.stage import Result, Stage
from rlpretrain.stages.work import Work
from rlpretrain.transfer.settings import TransferSettings

__all__ = ["AGENT", "CURVES", "TRANSFER", "TRANSFER_HISTORY", "TransferStageSettings", "Transferred"]

AGENT = "transferred_rl_agent.pt"
TRANSFER_HISTORY = "transfer_history.json"
CURVES = "transfer_curves/events.out.tfevents.transfer"


class TransferStageSettings(TransferSettings, RewardSettings, EpisodeSettings, DeviceSettings):
    """Settings that determine how the agent is created and fine-tuned."""


class Transferred(Result):
    """Result of the transfer."""

    assets: list[str]
    """Assets that the agent trained on."""
    left_out: dict[str, str]
    """Asset -> why it could not be trained on."""
    chosen_steps: int


def _run(work: Work[TransferStageSettings]) -> Transferred:
    from rlpretrain.errors import naming_extras

    with naming_extras():
        from rlpretrain.stages.implementation.transfer import transfer

    return transfer(work)


TRANSFER = Stage(
    name="transfer",
    does="create the RL agent from the policy network, and fine-tune it",
    needs=(LIST, MINE, PRETRAIN),
    settings=TransferStageSettings,
    result=Transferred,
    run=_run,
    learns=True,
    uses_gpu=True,
)
