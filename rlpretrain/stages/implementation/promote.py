"""Carry out the rule's decision on the run's agent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from rlpretrain.errors import StageError
from rlpretrain.features import STATE_VERSION
from rlpretrain.patterns.store import Model, open_store
from rlpretrain.registry import Registry
from rlpretrain.registry.followed import waiting
from rlpretrain.registry.registry import RULE, ChampionChangedError
from rlpretrain.registry.settings import ApprovalSettings
from rlpretrain.runs.files import file_sha256
from rlpretrain.stages.implementation.store import store_url
from rlpretrain.stages.pretrain import PRETRAIN, PRETRAINED
from rlpretrain.stages.promote import Promoted, PromoteSettings
from rlpretrain.stages.report import REPORT
from rlpretrain.stages.seal import LIVE_RECORD, SEAL
from rlpretrain.stages.transfer import AGENT, TRANSFER
from rlpretrain.stages.work import Work

__all__ = ["inputs", "note_models", "promote"]


def inputs(work: Work[PromoteSettings]) -> Mapping[str, str]:
    """Return the standing of the run's agent, a user's answer on it, and the live record that it needs."""
    registry = Registry(work.output_dir)
    version = work.result(REPORT).version
    answer = registry.approval(version)
    return {
        "approval": work.settings.approval,
        "live_days": str(work.settings.live_days),
        "champion": registry.champion_identity(),
        "standing": registry.standing(version),
        "answer": "" if answer is None else answer.by,
    }


def promote(work: Work[PromoteSettings]) -> Promoted:
    """Promote an agent if the rule, its live record and the user, where these are required, agree.

    Where a live record is required, agents of earlier runs that have waited for theirs come first, the oldest first.
    Repeating changes nothing.

    Raises
    ------
    StageError
        The registry contains no decision on the run's agent.
    """
    registry, own = Registry(work.output_dir), work.result(REPORT).version
    decision = registry.decision(own)
    if decision is None:
        raise StageError(
            f"{registry.folder} contains no decision on version {own}",
            hint="run `rlpretrain report` again",
        )
    live = _live_requirement(work)
    waited = [version.version for version in waiting(registry, own)] if work.settings.live_days else []
    for number in (*(number for number in waited if number != own), own):
        outcome = _carry_out(work.settings, registry, number, live)
        work.progress(outcome.sentence)
        if outcome.promoted:
            break
    if outcome.promoted and outcome.version == own:
        files = {"policy": work.read(PRETRAIN, PRETRAINED), "agent": work.read(TRANSFER, AGENT)}
        note_models(store_url(work.settings, work.folder), work.run_id, files, promoted=True)
    return outcome


def _live_requirement(work: Work[PromoteSettings]) -> Callable[[str], str]:
    """Return a function that says why an agent's live record is not enough; its text is empty where it is."""
    needed = work.settings.live_days
    agents = {one["agent"]: one for one in work.read_json(SEAL, LIVE_RECORD)["agents"]}

    def missing(agent: str) -> str:
        found = agents.get(agent, {"days": 0, "drift": None})
        if found["days"] < needed:
            return f"its live record has {found['days']} of {needed} days"
        if needed and found["drift"] is not None and found["drift"]["finding"] == "worse":
            return f"it has done worse on {found['days']} live days than in its backtest"
        return ""

    return missing


def _carry_out(
    settings: ApprovalSettings, registry: Registry, version: int, live: Callable[[str], str]
) -> Promoted:
    decision = registry.decision(version)
    assert decision is not None  # noqa: S101 - who waits has won, and the caller has looked for the run's own
    stays = partial(Promoted, promoted=False, version=version, previous=decision.champion)
    standing = registry.standing(version)
    is_champion = f"Version {version} is champion."
    if standing == "champion":
        return Promoted(promoted=True, version=version, previous=decision.champion, sentence=is_champion)
    if standing == "former champion":
        return stays(sentence=f"Version {version} was champion before; it is not promoted twice.")
    if not decision.promote:
        return stays(sentence=f"The champion stays: {decision.reasons[-1]}")
    by, reason = RULE, decision.reasons[-1]
    if settings.approval == "required":
        if standing == "rejected":
            return stays(sentence=f"Version {version} was rejected manually.")
        answer = registry.approval(version)
        if answer is None:
            return stays(sentence=f"Version {version} is waiting for approval.")
        by, reason = answer.by, answer.reason or reason
    if missing := live(registry.version(version).agent_sha256):
        return stays(sentence=f"Version {version} is not promoted yet: {missing}.")
    try:
        registry.promote(version, by=by, reason=reason, instead_of=decision.champion)
    except ChampionChangedError as error:
        return stays(sentence=f"The champion stays: {error}")
    return Promoted(promoted=True, version=version, previous=decision.champion, sentence=is_champion)


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
