"""Score the latest bars with the champion: what it would hold, asset by asset, with what is known at each close."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict, fields

import numpy as np
import torch

from rlpretrain.environments import Book, EpisodeData
from rlpretrain.errors import DataError, StageError
from rlpretrain.features import STATE_DIM
from rlpretrain.patterns.decisions.pattern_set import ACTIONS
from rlpretrain.registry import ModelVersion, Registry
from rlpretrain.runs.files import atomic_path, write_json
from rlpretrain.stages.implementation.challenge import as_trained, open_champion
from rlpretrain.stages.mine import MINE
from rlpretrain.stages.score import SCORES_CSV, SCORES_JSON, Score, Scored, ScoreSettings
from rlpretrain.stages.validated_assets import assets_of
from rlpretrain.stages.work import Work
from rlpretrain.transfer import TradingPolicy

__all__ = ["follow", "latest_scores", "score"]


def latest_scores(
    work: Work[ScoreSettings], version: ModelVersion, symbols: Sequence[str]
) -> tuple[list[Score], dict[str, str]]:
    """Return a version's decision at the last close of each asset, and the reason for each asset without one."""
    policy = open_champion(Registry(work.output_dir), version)
    scores: list[Score] = []
    left_out: dict[str, str] = {}
    for symbol in symbols:
        try:
            data = as_trained(work, version, symbol)
        except DataError as error:
            left_out[symbol] = str(error)
            continue
        start = int(np.searchsorted(data.dates, np.datetime64(version.unseen_from)))
        scores.append(follow(policy, data, min(start, len(data) - 1))[-1])
    return scores, left_out


def score(work: Work[ScoreSettings]) -> Scored:
    """Score with the present champion, on this run's prices and votes.

    Raises
    ------
    StageError
        There is no champion, or the market has changed since the run listed the library.
    """
    registry = Registry(work.output_dir)
    champion = registry.champion()
    if champion is None:
        raise StageError(
            f"{registry.folder} has no champion", hint="`rlpretrain models list` shows all agents"
        )
    symbols = sorted({*work.result(MINE).training_assets, *assets_of(work)})
    scores, left_out = latest_scores(work, champion, symbols)
    if not scores:
        raise DataError(f"no asset can be scored: {left_out}")
    as_of = max(score.date for score in scores)
    rows = [asdict(score) for score in scores]
    with (
        atomic_path(work.write(SCORES_CSV)) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.DictWriter(file, [field.name for field in fields(Score)])
        writer.writeheader()
        writer.writerows(rows)
    write_json(
        work.write(SCORES_JSON),
        {
            "champion": {
                "version": champion.version,
                "run_id": champion.run_id,
                "sha256": champion.agent_sha256,
            },
            "run_id": work.run_id,
            "as_of": as_of,
            "scores": rows,
            "left_out": left_out,
        },
    )
    work.progress(f"version {champion.version} scored {len(scores)} assets up to {as_of}")
    return Scored(
        assets=len(scores),
        long=sum(score.position for score in scores),
        champion=champion.version,
        as_of=dt.date.fromisoformat(as_of),
    )


def follow(policy: TradingPolicy, data: EpisodeData, start: int) -> list[Score]:
    """Follow a policy from a flat start at row `start` to the last close; return its decision at each close.

    The decision at a close depends only on that close and earlier ones.
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
