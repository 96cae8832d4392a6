"""``rlpretrain act``: what an agent would do at the last close, one decision a line, and why."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rlpretrain.commands.chosen_run import mined_folder
from rlpretrain.commands.models import chosen_version
from rlpretrain.commands.settings import add_command, read_settings
from rlpretrain.errors import DataError
from rlpretrain.registry import ModelVersion, Registry

if TYPE_CHECKING:
    from rlpretrain.stages.score import Score
    from rlpretrain.tonight.fragility import FragileRule
    from rlpretrain.tonight.votes import AssetVote

__all__ = ["add_act"]

_ACT = """Decide at the last close of a run with an agent: hold, buy or sell, with the probability of each, one asset a
line. The agent is the champion unless --model or --run names another one; prices and votes are those of the newest run
that has mined its patterns, or of --run. Behind each decision stand the votes on the asset and the conditions of the
strategies that are the nearest to turning, with the next close at which they turn. Nothing is written, and no order is
placed."""
_RULES = 3


def add_act(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``act``."""
    act = add_command(commands, "act", "what an agent would do at the last close, and why", _ACT, _act)
    agent = act.add_mutually_exclusive_group()
    agent.add_argument(
        "--model", metavar="MODEL", help="number of a version, name of its run, or 'champion', the default"
    )
    agent.add_argument("--run", metavar="NAME", help="the agent, prices and votes of this run")
    act.add_argument(
        "--asset",
        action="append",
        metavar="SYMBOL",
        help="an asset; may be given again (default: those that the run validates)",
    )


def _act(options: argparse.Namespace) -> dict[str, Any]:
    from rlpretrain.stages import SCORE, open_run, work_of
    from rlpretrain.stages.score import latest_scores
    from rlpretrain.stages.validated_assets import assets_of
    from rlpretrain.tonight.last_close import LastClose

    config = read_settings(options)
    registry = Registry(config.output_dir)
    folder = mined_folder(config, options.run)
    version = _version(registry, options, folder.name)
    run = open_run(folder, lambda _: None)
    work = work_of(run, SCORE)
    symbols = list(dict.fromkeys(options.asset or assets_of(work)))
    scores, left_out = latest_scores(work, version, symbols)
    if not scores:
        reasons = "; ".join(f"{symbol}: {reason}" for symbol, reason in left_out.items())
        raise DataError(f"version {version.version} decides on no asset: {reasons}")
    close = LastClose(run)
    votes = {vote.asset: vote for vote in close.votes}
    decided = [(score, votes.get(score.symbol), close.rules(_RULES, score.symbol)) for score in scores]
    if options.json:
        return {
            "status": "done",
            "version": version.version,
            "run_id": run.folder.run_id,
            "decisions": [_as_json(*one) for one in decided],
            "left_out": left_out,
        }
    lines = [_line(*one) for one in decided]
    return {"status": "done", "lines": [*lines, *(f"{k:9} no decision: {v}" for k, v in left_out.items())]}


def _version(registry: Registry, options: argparse.Namespace, folder: str) -> ModelVersion:
    if options.run is not None:
        version = registry.version_of_run(folder)
        if version is None:
            raise DataError(
                f"run {options.run!r} has registered no agent",
                hint="`rlpretrain report` registers it, after validation",
            )
        return version
    if options.model is None and registry.champion() is None:
        raise DataError(
            f"{registry.folder} has no champion: no agent has shown an effect, or none was promoted",
            hint="`rlpretrain act --model 1` asks another one, and `rlpretrain models list` shows all",
        )
    return chosen_version(registry, options.model or "champion")


def _as_json(score: Score, vote: AssetVote | None, rules: list[FragileRule]) -> dict[str, Any]:
    votes = None if vote is None else asdict(vote)
    return {**asdict(score), "votes": votes, "nearest": [rule.as_json() for rule in rules]}


def _line(score: Score, vote: AssetVote | None, rules: list[FragileRule]) -> str:
    chances = f"hold {score.hold:.0%}, buy {score.buy:.0%}, sell {score.sell:.0%}"
    then = "long" if score.position else "flat"
    if vote is None:
        why = "no strategy can hold it now; votes on related assets alone"
    else:
        why = (
            f"votes {vote.for_it:,} for, {vote.against:,} against ({100 * vote.change:+.1f} points, "
            f"{vote.relative:+.1f} sd of its year)"
        )
    if rules:
        why += f"; nearest: {rules[0].rule}, {rules[0].outcome}"
    return f"{score.symbol:9} {score.action:4} {score.date}  {chances}; then {then}; {why}"
