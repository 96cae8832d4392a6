"""Which conditions of which strategies are nearest to turning, and at what close they turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from rlpretrain.errors import DataError, RlpretrainError
from rlpretrain.library.answers import read_tree
from rlpretrain.market import PricePanel
from rlpretrain.market.configured import configured_market
from rlpretrain.runs.cache import Cache, DamagedError
from rlpretrain.settings import PretrainingConfig
from rlpretrain.symphony import Evaluator, Symphony, parse_symphony
from rlpretrain.symphony.nodes import Filter
from rlpretrain.symphony.turning import Turn, next_turn
from rlpretrain.tonight.strategies import VotingStrategy

__all__ = ["FragileRule", "TurningPoints", "nearest_rules"]


@dataclass(frozen=True)
class FragileRule:
    """A condition or a choice that is near to turning, and the strategies of which it is the nearest."""

    rule: str
    strategies: tuple[str, ...]
    """Their names."""
    holds: tuple[str, ...]
    """Assets that they hold now."""
    margin: float
    """Distance in standard deviations of the daily change of what it compares, the smallest of the strategies'."""
    turn: Turn | None = None
    """The next close at which it turns; None where that is not known."""
    why_not: str = ""
    """Why that is not known."""

    @property
    def outcome(self) -> str:
        """When it turns, or why that is not known, in words."""
        return self.why_not if self.turn is None else str(self.turn)

    def as_json(self) -> dict[str, Any]:
        """Return the rule as JSON values."""
        return asdict(self) | {"turn": None if self.turn is None else self.turn.as_json()}


class TurningPoints:
    """Finds the next close at which a rule turns, from the trees and prices that a run was made with.

    Parameters
    ----------
    config
        The run's settings.
    digest
        Digest of the market that the library was listed on.
    cache
        Where the trees are.
    """

    def __init__(self, config: PretrainingConfig, digest: str, cache: Cache) -> None:
        self._config, self._digest, self._cache = config, digest, cache
        self._trees: dict[str, Symphony | str] = {}
        self._found: dict[str, tuple[str, Turn | str]] = {}

    @cached_property
    def _evaluator(self) -> Evaluator:
        panel: PricePanel = configured_market(self._config)
        if panel.digest != self._digest:
            raise DataError(f"the prices of {self._config.market} have changed since the run")
        return Evaluator(panel, missing_tickers=self._config.missing_tickers)

    def asked_next(self, strategy: VotingStrategy) -> bool:
        """Return whether a strategy decides at its next close, and not only at its next weekly or later rebalancing."""
        tree = self._tree(strategy)
        return isinstance(tree, str) or tree.rebalance in ("daily", "none")

    def find(self, strategy: VotingStrategy) -> tuple[str, Turn | str]:
        """Return a strategy's nearest rule in words, and the next close at which it turns or why that is not known.

        The words of a filter's choice name both assets, since other filters may have the same words otherwise.
        """
        if strategy.symphony_id not in self._found:
            try:
                self._found[strategy.symphony_id] = self._find(strategy)
            except RlpretrainError as error:
                self._found[strategy.symphony_id] = strategy.nearest_rule, str(error)
        return self._found[strategy.symphony_id]

    def _tree(self, strategy: VotingStrategy) -> Symphony | str:
        """Return the tree that decides, or why it is not there."""
        if strategy.symphony_id not in self._trees:
            self._trees[strategy.symphony_id] = self._read(strategy)
        return self._trees[strategy.symphony_id]

    def _read(self, strategy: VotingStrategy) -> Symphony | str:
        if strategy.tree is None:
            return "the run did not record its tree"
        try:
            return parse_symphony(read_tree(self._cache, strategy.tree), symphony_id=strategy.symphony_id)
        except DamagedError:
            return "its tree is no longer cached: no run has used it for a while"
        except RlpretrainError as error:
            return str(error)

    def _find(self, strategy: VotingStrategy) -> tuple[str, Turn | str]:
        symphony, rule = self._tree(strategy), strategy.nearest_rule
        if isinstance(symphony, str):
            return rule, symphony
        decisions = self._evaluator.decisions(symphony, strategy.day)
        decision = next((one for one in decisions if str(one.rule) == rule), None)
        if decision is None:
            return rule, "its tree does not decide by this rule at the last close"
        if isinstance(decision.rule.node, Filter):
            rule = f"{rule}: {decision.left} before {decision.right}"
        table = self._evaluator.table(symphony)
        last = int(np.searchsorted(table.dates, np.datetime64(strategy.day, "D")))
        turn = next_turn(table, last, decision)
        return rule, turn or "no close of one asset within 33 % below or 49 % above the last one turns it"


def nearest_rules(
    strategies: Sequence[VotingStrategy], points: TurningPoints, most: int
) -> list[FragileRule]:
    """Return the rules that are nearest to turning at the next close, the nearest first.

    Strategies that rebalance weekly or less often are left out: what they decided by is asked again only then.

    Parameters
    ----------
    strategies
        Those that vote.
    points
        Finds where the rules turn.
    most
        Number of rules.
    """
    ranked = sorted(
        ((one.margin, one) for one in strategies if one.margin is not None and one.nearest_rule),
        key=lambda pair: (pair[0], pair[1].symphony_id),
    )
    members: dict[str, list[VotingStrategy]] = {}
    nearest: dict[str, tuple[float, Turn | str]] = {}
    for margin, strategy in ranked:
        if len(members) == most and strategy.nearest_rule not in members:
            continue
        if not points.asked_next(strategy):
            continue
        if strategy.nearest_rule in members:
            members[strategy.nearest_rule].append(strategy)
            continue
        rule, turn = points.find(strategy)
        nearest.setdefault(rule, (margin, turn))
        members.setdefault(rule, []).append(strategy)
    return [
        FragileRule(
            rule=rule,
            strategies=tuple(one.name for one in members[rule]),
            holds=tuple(sorted({asset for one in members[rule] for asset in one.holds})),
            margin=margin,
            turn=turn if isinstance(turn, Turn) else None,
            why_not=turn if isinstance(turn, str) else "",
        )
        for rule, (margin, turn) in nearest.items()
    ]
