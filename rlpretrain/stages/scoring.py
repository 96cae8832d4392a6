"""Score the latest bars with the champion: what it would hold, asset by asset, as known at each close."""

from __future__ import annotations

import csv
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import torch

from rlpretrain.artifacts import StageRecorder, atomic_path, write_json
from rlpretrain.environments import Book, EpisodeData
from rlpretrain.errors import DataError, StageError
from rlpretrain.features import STATE_DIM
from rlpretrain.patterns.decisions.pattern_set import ACTIONS
from rlpretrain.registry import ModelVersion, Registry
from rlpretrain.stages import mining
from rlpretrain.stages.challenge import as_trained, open_champion
from rlpretrain.stages.context import StageContext
from rlpretrain.stages.learned import SCORE, SCORES_CSV, SCORES_JSON
from rlpretrain.transfer import TradingPolicy

__all__ = ["Score", "follow", "run"]

_SETTINGS = ("market", "fill", "cost_bps", "crypto_cost_bps", "validation_envs", "seed")


@dataclass(frozen=True)
class Score:
    """What the champion decides on an asset at one close."""

    symbol: str
    date: str
    """Day of the close; nothing later is known."""
    hold: float
    buy: float
    sell: float
    """Probabilities of the actions."""
    action: str
    """The likeliest, which the agent takes."""
    held: bool
    """Whether it holds the asset at this close."""
    position: int
    """1 long, 0 flat: what it holds once this close's decision is filled."""
    days_held: int
    unrealised_return: float
    """Of the open position at this close, fraction, before costs; 0 when flat."""


def run(context: StageContext) -> Path:
    """Score with the champion of today, on this run's prices and votes; return the manifest's path.

    Raises
    ------
    StageError
        There is no champion, or the market has changed since the run mined it.
    """
    registry = Registry(context.config.output_dir)
    champion = registry.champion()
    if champion is None:
        raise StageError(
            f"{registry.folder} has no champion", hint="see `rlpretrain models list` for what is there"
        )
    context.run_stage(
        SCORE,
        lambda recorder: _score(context, registry, champion, recorder),
        needs=[mining.STAGE],
        settings=_SETTINGS,
        inputs={"champion": f"{champion.version} {champion.agent_sha256}"},
    )
    return context.run / f"{SCORE}.json"


def _score(
    context: StageContext, registry: Registry, champion: ModelVersion, recorder: StageRecorder
) -> None:
    policy = open_champion(registry, champion)
    trained = context.run.require(mining.STAGE).details["training_assets"]
    scores: list[Score] = []
    left_out: dict[str, str] = {}
    for symbol in sorted({*trained, *context.config.validation_envs}):
        try:
            data = as_trained(context, champion, symbol)
        except DataError as error:
            left_out[symbol] = str(error)
            continue
        start = int(np.searchsorted(data.dates, np.datetime64(champion.unseen_from)))
        scores.append(follow(policy, data, min(start, len(data) - 1))[-1])
    if not scores:
        raise DataError(f"no asset can be scored: {left_out}")
    rows = [asdict(score) for score in scores]
    with (
        atomic_path(recorder.output(SCORES_CSV)) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.DictWriter(file, [field.name for field in fields(Score)])
        writer.writeheader()
        writer.writerows(rows)
    write_json(
        recorder.output(SCORES_JSON),
        {
            "champion": {
                "version": champion.version,
                "run_id": champion.run_id,
                "sha256": champion.agent_sha256,
            },
            "run_id": context.run.run_id,
            "as_of": max(score.date for score in scores),
            "scores": rows,
            "left_out": left_out,
        },
    )
    recorder.counts |= {"assets": len(scores), "long": sum(score.position for score in scores)}
    recorder.details |= {"champion": champion.version, "as_of": max(score.date for score in scores)}
    context.progress(
        f"version {champion.version} scored {len(scores)} assets up to {recorder.details['as_of']}"
    )


def follow(policy: TradingPolicy, data: EpisodeData, start: int) -> list[Score]:
    """Follow a policy from a flat start at row `start` to the last close; return its decision at each close.

    A close's decision depends on this close and earlier ones alone.
    """
    book = Book(1)
    scores = []
    state = np.empty((1, STATE_DIM), dtype=np.float32)
    width = data.states.shape[1]
    for row in range(start, len(data)):
        state[0, :width], state[0, width:] = data.states[row], book.features()[0]
        with torch.no_grad():
            chances = policy.action_log_probabilities(torch.as_tensor(state)).exp().numpy()
        action = chances.argmax(axis=1)
        scores.append(_score_of(data, row, book, chances[0].tolist(), ACTIONS[int(action[0])]))
        following = slice(row + 1, row + 2)
        if row + 1 < len(data):
            book.step(action, data.before[following], data.after[following], data.cost)
    return scores


def _score_of(data: EpisodeData, row: int, book: Book, chances: list[float], action: str) -> Score:
    held = bool(book.long[0])
    hold, buy, sell = (round(chance, 6) for chance in chances)
    return Score(
        symbol=data.symbol,
        date=str(data.dates[row]),
        hold=hold,
        buy=buy,
        sell=sell,
        action=action,
        held=held,
        position=int(action == "buy" or (held and action == "hold")),
        days_held=int(book.bars_held[0]),
        unrealised_return=float(book.since_entry[0] - 1.0) if held else 0.0,
    )
