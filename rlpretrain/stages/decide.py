"""The stage in which the champion and the challengers decide at the last close."""

from __future__ import annotations

from collections.abc import Mapping

from rlpretrain.environments.settings import EpisodeSettings
from rlpretrain.stages.list import LIST
from rlpretrain.stages.mine import MINE
from rlpretrain.stages.report import REPORT
from rlpretrain.stages.stage import Result, Stage
from rlpretrain.stages.work import Work
from rlpretrain.validation.settings import ValidatedAssetSettings

__all__ = ["DECIDE", "DECISIONS", "DecideSettings", "Decided"]

DECISIONS = "decisions.json"


class DecideSettings(EpisodeSettings, ValidatedAssetSettings):
    """Settings that determine on which assets agents decide, and the states that they see."""


class Decided(Result):
    """Result of the decisions."""

    agents: int
    decisions: int
    """One for each agent and asset, without those that could not be made."""


def _run(work: Work[DecideSettings]) -> Decided:
    from rlpretrain.errors import naming_extras

    with naming_extras():
        from rlpretrain.stages.implementation.decide import decide

    return decide(work)


def _inputs(work: Work[DecideSettings]) -> Mapping[str, str]:
    from rlpretrain.registry import Registry
    from rlpretrain.registry.followed import followed

    registry = Registry(work.output_dir)
    own = registry.version_of_run(work.run_id)
    agents = [] if own is None else followed(registry, own.version)
    return {"agents": ", ".join(f"{agent.version} {agent.agent_sha256} {role}" for agent, role in agents)}


DECIDE = Stage(
    name="decide",
    does="decide at the last close with the champion and the challengers",
    needs=(LIST, MINE, REPORT),
    settings=DecideSettings,
    result=Decided,
    run=_run,
    inputs=_inputs,
    learns=True,
    reads_registry=True,
)
