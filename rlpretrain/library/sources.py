"""The source of a strategy: its tree, the service's backtest, and its versions."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from rlpretrain.composer import DailyValues, SymphonySummary
from rlpretrain.library.answers import Answers
from rlpretrain.library.history import PastVersion, Remark
from rlpretrain.patterns import Reject
from rlpretrain.symphony import Costs, Symphony, parse_symphony

__all__ = ["BacktestTerms", "Source", "VersionSource"]


@dataclass(frozen=True)
class BacktestTerms:
    """Costs and capital of the service's backtests and of the replays compared with them."""

    costs: Costs
    capital: float
    """Dollars."""

    def arguments(self) -> dict[str, Any]:
        """Return them as a call for a backtest takes them."""
        return {
            "capital": self.capital,
            "slippage_percent": self.costs.slippage,
            "spread_markup": self.costs.spread_markup,
            "apply_reg_fee": self.costs.regulatory_fee,
            "apply_taf_fee": self.costs.taf_fee,
        }


@dataclass(frozen=True)
class VersionSource:
    """A version of a symphony, and the service's backtest of its tree."""

    version: PastVersion
    backtest: str | None = None
    """Object in the cache."""
    remark: Remark | None = None
    """Why there is no backtest: "not replayed" if the market lacks prices for the tree, "unforeseen" after an
    exception, else "not compared"; None if the tree is unknown, which is a remark of the history."""

    def identity(self) -> list[Any]:
        """Return everything that a replay of it depends on, as JSON."""
        version = self.version
        return [
            version.version_id,
            version.first_close.isoformat(),
            version.created_at.isoformat(),
            version.content_hash,
            self.backtest,
            self.remark and asdict(self.remark),
        ]

    def pins(self) -> dict[str, str | None]:
        """Return the digests that were used, for the manifest."""
        return {"tree": self.version.tree, "content": self.version.content_hash, "backtest": self.backtest}


@dataclass(frozen=True)
class Source:
    """A symphony's tree and backtest, or the reason why it has none."""

    row: SymphonySummary
    tree: str | None = None
    """Object in the cache."""
    content_hash: str | None = None
    name: str = ""
    backtest: str | None = None
    """Object in the cache."""
    reject: Reject | None = None
    symphony: Symphony | None = field(default=None, repr=False)
    """The parsed tree, if it had to be parsed."""
    versions: tuple[VersionSource, ...] = ()
    """By their first close; none where the history is unknown, or where today's tree votes on all days."""
    history_remarks: tuple[Remark, ...] = field(default=(), repr=False)
    """What is missing or mended in the history, apart from the remarks of `versions`."""

    def identity(self) -> list[Any]:
        """Return everything that a replay of it depends on, as JSON."""
        edit = None if self.row.last_edit is None else self.row.last_edit.isoformat()
        reject = None if self.reject is None else asdict(self.reject)
        history = [version.identity() for version in self.versions]
        remarks = [asdict(remark) for remark in self.history_remarks]
        return [
            self.row.symphony_id,
            edit,
            self.content_hash,
            self.name,
            self.backtest,
            reject,
            history,
            remarks,
        ]

    def parse(self, answers: Answers) -> Symphony:
        """Parse the tree.

        Raises
        ------
        DamagedError
            It is no longer in the cache.
        """
        if self.symphony is not None:
            return self.symphony
        assert self.tree is not None  # noqa: S101 - a source that is not rejected has one
        return parse_symphony(answers.load_tree(self.tree), symphony_id=self.row.symphony_id)

    def daily_values(self, answers: Answers) -> DailyValues:
        """Read the backtest.

        Raises
        ------
        DamagedError
            It is no longer in the cache.
        """
        assert self.backtest is not None  # noqa: S101 - a source that is not rejected has one
        return answers.load_backtest(self.backtest)

    def pins(self) -> dict[str, Any]:
        """Return the digests that were used, for the manifest."""
        return {
            "tree": self.tree,
            "content": self.content_hash,
            "backtest": self.backtest,
            "versions": {source.version.version_id: source.pins() for source in self.versions},
        }
