"""Carry out the rule's decision on the run's agent."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rlpretrain.errors import StageError
from rlpretrain.features import STATE_VERSION
from rlpretrain.patterns.store import Model, open_store
from rlpretrain.registry import Decision, Registry
from rlpretrain.registry.registry import RULE, ChampionChangedError
from rlpretrain.registry.settings import ApprovalSettings
from rlpretrain.runs.files import file_sha256
from rlpretrain.stages.implementation.store import store_url
from rlpretrain.stages.pretrain import PRETRAIN, PRETRAINED
from rlpretrain.stages.promote import Promoted, PromoteSettings
from rlpretrain.stages.report import REPORT
from rlpretrain.stages.transfer import AGENT, TRANSFER
from rlpretrain.stages.work import Work

__all__ = ["inputs", "note_models", "promote"]


def inputs(work: Work[PromoteSettings]) -> Mapping[str, str]:
    """Return the standing of the run's agent, and a user's answer on it."""
    registry = Registry(work.output_dir)
    version = work.result(REPORT).version
    answer = registry.approval(version)
    return {
        "approval": work.settings.approval,
        "champion": registry.champion_identity(),
        "standing": registry.standing(version),
        "answer": "" if answer is None else answer.by,
    }


def promote(work: Work[PromoteSettings]) -> Promoted:
    """Promote the run's agent if the rule, and the user where approval is required, agree; repeating changes nothing.

    Raises
    ------
    StageError
        The registry contains no decision on the agent.
    """
    registry, version = Registry(work.output_dir), work.result(REPORT).version
    decision = registry.decision(version)
    if decision is None:
        raise StageError(
            f"{registry.folder} contains no decision on version {version}",
            hint="run `rlpretrain report` again",
        )
    promoted, sentence = _carry_out(work.settings, registry, version, decision)
    if promoted:
        files = {"policy": work.read(PRETRAIN, PRETRAINED), "agent": work.read(TRANSFER, AGENT)}
        note_models(store_url(work.settings, work.folder), work.run_id, files, promoted=True)
    work.progress(sentence)
    return Promoted(promoted=promoted, version=version, previous=decision.champion, sentence=sentence)


def _carry_out(
    settings: ApprovalSettings, registry: Registry, version: int, decision: Decision
) -> tuple[bool, str]:
    standing = registry.standing(version)
    if standing == "champion":
        return True, f"Version {version} is champion."
    if standing == "former champion":
        return False, f"Version {version} was champion before; it is not promoted twice."
    if not decision.promote:
        return False, f"The champion stays: {decision.reasons[-1]}"
    by, reason = RULE, decision.reasons[-1]
    if settings.approval == "required":
        if standing == "rejected":
            return False, f"Version {version} was rejected manually."
        answer = registry.approval(version)
        if answer is None:
            return False, f"Version {version} is waiting for approval."
        by, reason = answer.by, answer.reason or reason
    try:
        registry.promote(version, by=by, reason=reason, instead_of=decision.champion)
    except ChampionChangedError as error:
        return False, f"The champion stays: {error}"
    return True, f"Version {version} is champion."


def note_models(url: str, run_id: str, files: Mapping[str, Path], *, promoted: bool) -> None:
    """Record which models were learned from the run's patterns, in the store next to them.

    Parameters
    ----------
    files
        Role of each model, ``policy`` or ``agent``, and its file.
    """
    models = [
        Model(
            role=role,
            file=str(path.relative_to(path.parents[1])),
            sha256=file_sha256(path),
            state_version=STATE_VERSION,
            promoted=promoted if role == "agent" else None,
        )
        for role, path in files.items()
    ]
    with open_store(url) as store:
        store.add_models(run_id, models)
