"""Everything that a finished run says about the next close, in one value for pages, text and JSON."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rlpretrain.errors import DataError
from rlpretrain.registry import Registry
from rlpretrain.runs.output_folder import find_runs
from rlpretrain.stages import LIST, MINE, open_run, result_of
from rlpretrain.stages.decide import DECISIONS
from rlpretrain.stages.mine import REJECTS
from rlpretrain.tonight.fragility import FragileRule
from rlpretrain.tonight.last_close import LastClose
from rlpretrain.tonight.votes import AssetVote

__all__ = ["AgentDecision", "Outlook", "RejectedKind", "newest_mined", "outlook"]

_RULES = 12
_EXAMPLES = 3


@dataclass(frozen=True)
class AgentDecision:
    """What an agent would do with an asset at the last close."""

    version: int
    role: str
    """champion or challenger."""
    asset: str
    day: str
    action: str
    sure: float
    """Probability of the action."""
    hold: float
    buy: float
    sell: float
    long: bool
    """Whether it holds the asset afterwards."""


@dataclass(frozen=True)
class RejectedKind:
    """Symphonies that were left out for one kind of reason."""

    kind: str
    count: int
    examples: tuple[tuple[str, str], ...]
    """Id and reason of some of them."""


@dataclass(frozen=True)
class Outlook:
    """A run's outlook on the next close."""

    run_id: str
    folder: str
    market: str
    as_of: str
    """Day of the last close; nothing later is used."""
    champion: int | None
    """Version of the present champion."""
    decisions: tuple[AgentDecision, ...]
    """Those of the present champion; of the newest challenger where there is no champion, or it did not decide."""
    votes: tuple[AssetVote, ...]
    fragile: tuple[FragileRule, ...]
    listed: int
    strategies: int
    voters: int
    """Strategies that have voted at some time; near-identical ones count once."""
    voting_now: int
    """Strategies that vote at the last close, near-identical ones included."""
    rejected: tuple[RejectedKind, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the outlook as JSON values."""
        return asdict(self) | {"fragile": [rule.as_json() for rule in self.fragile]}


def newest_mined(output_dir: Path) -> Path:
    """Return the folder of the run that mined its patterns last.

    Raises
    ------
    DataError
        No run has mined patterns.
    """
    mined = [run.path for run in find_runs(output_dir) if (run.path / f"{MINE.name}.json").is_file()]
    if not mined:
        raise DataError(f"no run in {output_dir} has mined patterns", hint="`make run`, or `rlpretrain mine`")
    return max(mined, key=lambda path: ((path / f"{MINE.name}.json").stat().st_mtime, path.name))


def outlook(folder: Path) -> Outlook:
    """Read a run's outlook.

    Raises
    ------
    StageError
        The run has not mined its patterns, or another version of the program did.
    DataError
        A file of the run is damaged.
    """
    run = open_run(folder)
    close = LastClose(run)
    listed, mined = result_of(run.folder, LIST), result_of(run.folder, MINE)
    champion = Registry(folder.parent).champion()
    version = None if champion is None else champion.version
    return Outlook(
        run_id=run.folder.run_id,
        folder=str(folder),
        market=run.config.market,
        as_of=mined.last_day.isoformat(),
        champion=version,
        decisions=_decisions(folder, version),
        votes=tuple(close.votes),
        fragile=tuple(close.rules(_RULES)),
        listed=listed.listed,
        strategies=mined.strategies,
        voters=mined.voters,
        voting_now=len(close.strategies),
        rejected=_rejected(folder),
    )


def _decisions(folder: Path, champion: int | None) -> tuple[AgentDecision, ...]:
    """Return the decisions of one agent that the run has written down; none before the stage `decide`."""
    path = folder / DECISIONS
    if not path.is_file():
        return ()
    made = [_decision(facts) for facts in _read(path)["facts"] if facts["kind"] == "decision"]
    versions = {one.version for one in made}
    shown = champion if champion in versions else max(versions, default=None)
    return tuple(one for one in made if one.version == shown)


def _decision(facts: dict[str, Any]) -> AgentDecision:
    return AgentDecision(
        version=facts["version"],
        role=facts["role"],
        asset=facts["symbol"],
        day=facts["day"],
        action=facts["action"],
        sure=facts[facts["action"]],
        hold=facts["hold"],
        buy=facts["buy"],
        sell=facts["sell"],
        long=facts["position"],
    )


def _rejected(folder: Path) -> tuple[RejectedKind, ...]:
    rows = _read(folder / REJECTS)
    counts = Counter(row["stage"] for row in rows)
    return tuple(
        RejectedKind(
            kind=kind,
            count=count,
            examples=tuple(
                [(row["symphony_id"], row["reason"]) for row in rows if row["stage"] == kind][:_EXAMPLES]
            ),
        )
        for kind, count in counts.most_common()
    )


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {error}") from None
