"""What must be true of every single row: one pass over the table counts the rows that break each rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, and_, case, func, not_, or_, select
from sqlalchemy.sql.elements import ColumnElement

from rlpretrain.patterns.decisions.pattern_set import BUY, SELL
from rlpretrain.patterns.quality.findings import Expected, Finding
from rlpretrain.patterns.store import schema
from rlpretrain.symphony.evidence import CATEGORIES

__all__ = ["RowRule", "broken", "pattern_rules", "trade_rules"]

_LARGEST = 100.0
"""Gain within one holding period, as a fraction, beyond which prices must be wrong: a hundredfold."""
_ROUNDING = 1e-3
_MINIMUM_ELECTORATE = 3
_EXAMPLES = 3
_STATE_BYTES = 256


@dataclass(frozen=True)
class RowRule:
    """A rule, and the condition of the rows that break it."""

    check: str
    message: str
    breaks: ColumnElement[bool]


def pattern_rules(expected: Expected) -> list[RowRule]:
    """Return the rules of a pattern."""
    row = schema.patterns.c
    labels = (row.hold, row.buy, row.sell)
    scores = tuple(row[name] for name in CATEGORIES)
    best = case(*((row.category == i, score) for i, score in enumerate(scores)), else_=-1.0)
    rules = [
        RowRule("confidence", "not between 0 and 1", _outside(row.confidence, 0, 1)),
        RowRule(
            "reward", f"not a number within {_LARGEST:.0f} of 0", _outside(row.reward, -_LARGEST, _LARGEST)
        ),
        RowRule("value", f"not between -1 and {_LARGEST:.0f}", _outside(row.value, -1, _LARGEST)),
        RowRule("strategy_weight", "not a positive number", _outside(row.strategy_weight, 1e-30, 1e30)),
        RowRule(
            "label",
            "not probabilities that sum to 1",
            or_(*(_outside(p, 0, 1) for p in labels), _not_one(*labels)),
        ),
        RowRule("action", "neither 0 hold, 1 buy nor 2 sell", _outside(row.action, 0, 2)),
        RowRule(
            "position",
            "a buy while in position, or a sell while flat",
            or_(and_(row.action == BUY, row.in_position), and_(row.action == SELL, not_(row.in_position))),
        ),
        RowRule(
            "category",
            "unknown, not the one with the greatest score, or scores that do not sum to 1",
            or_(
                _outside(row.category, 0, len(CATEGORIES) - 1),
                *(score > best for score in scores),
                _not_one(*scores),
            ),
        ),
        RowRule("regime", "unknown", _outside(row.regime, 0, 3)),
        RowRule(
            "voters",
            f"fewer than {_MINIMUM_ELECTORATE} strategies behind a decision",
            or_(
                row.supporters < 0,
                row.dissenters < 0,
                # Either may be near the largest integer, so they are not added as integers.
                1.0 * row.supporters + 1.0 * row.dissenters < _MINIMUM_ELECTORATE,
            ),
        ),
        RowRule("state_width", "states that are not 64 numbers", func.length(row.state) != _STATE_BYTES),
        RowRule("asset", "an asset that is not in the store", ~_known(row.asset_id, schema.assets)),
        RowRule("time_order", "settled before it was decided", row.settled <= row.date),
        RowRule(
            "days",
            f"outside the days with prices, {expected.first_day} to {expected.last_day}",
            or_(row.date < expected.first_day, row.settled > expected.last_day),
        ),
    ]
    if expected.as_of is not None:
        rules.append(
            RowRule(
                "future", f"decided after the service's last day, {expected.as_of}", row.date > expected.as_of
            )
        )
    return rules


def trade_rules(expected: Expected) -> list[RowRule]:
    """Return the rules of a trade."""
    row = schema.trades.c
    return [
        RowRule(
            "trade_order",
            "not decided, then entered, then exited",
            or_(row.entered <= row.decided, row.exited <= row.entered, row.holding_days < 1),
        ),
        RowRule(
            "trade_prices",
            "a price that is not positive",
            or_(_outside(row.entry_price, 1e-30, 1e30), _outside(row.exit_price, 1e-30, 1e30)),
        ),
        RowRule(
            "trade_return",
            "a return or cost that its prices do not allow",
            or_(
                row.net_return.is_(None),
                row.net_return < -1,
                # At most what the prices gained, and no side costs more than was traded; written without a division.
                not_((row.net_return + 1) * row.entry_price <= row.exit_price * (1 + _ROUNDING)),
                not_(row.cost * row.entry_price <= row.entry_price + row.exit_price),
                row.cost.is_(None),
                row.cost < 0,
            ),
        ),
        RowRule(
            "trade_excursions",
            "an adverse excursion above zero, or a favourable one below",
            or_(_outside(row.mae, -1, 0), _outside(row.mfe, 0, 1e30)),
        ),
        RowRule(
            "trade_days",
            f"outside the days with prices, {expected.first_day} to {expected.last_day}",
            or_(row.decided < expected.first_day, row.exited > expected.last_day),
        ),
        RowRule(
            "trade_strategy",
            "a strategy or an asset that is not in the store",
            or_(~_known(row.strategy_id, schema.strategies), ~_known(row.asset_id, schema.assets)),
        ),
    ]


def broken(
    connection: Connection, table: Table, rules: list[RowRule], conditions: list[ColumnElement[bool]]
) -> tuple[int, list[Finding]]:
    """Count the rows that meet `conditions`, and return findings for those that break rules."""
    counted = [func.coalesce(func.sum(case((rule.breaks, 1), else_=0)), 0) for rule in rules]
    rows, *counts = connection.execute(
        select(func.count(), *counted).select_from(table).where(*conditions)
    ).one()
    findings = [
        Finding(
            rule.check,
            failed=True,
            rows=int(count),
            message=rule.message,
            examples=_examples(connection, table, [*conditions, rule.breaks]),
        )
        for rule, count in zip(rules, counts, strict=True)
        if count
    ]
    return int(rows), findings


def _examples(connection: Connection, table: Table, conditions: list[ColumnElement[bool]]) -> tuple[str, ...]:
    """Return the keys of some rows."""
    assets = schema.assets
    if table is schema.patterns:
        when, last = table.c.date, table.c.in_position
    else:
        when, last = table.c.decided, table.c.strategy_id
    query = (
        select(assets.c.symbol, table.c.asset_id, when, last)
        .select_from(table.outerjoin(assets, assets.c.id == table.c.asset_id))
        .where(*conditions)
        .limit(_EXAMPLES)
    )
    return tuple(_named(table, *found) for found in connection.execute(query))


def _named(table: Table, symbol: str | None, asset: int, day: Any, last: Any) -> str:
    name = symbol or f"asset {asset}"
    if table is schema.patterns:
        return f"{name} {day} {'long' if last else 'flat'}"
    return f"{name} {day} of strategy {last}"


def _outside(value: Any, low: float, high: float) -> ColumnElement[bool]:
    """Return the condition of values outside a range; a value that is not a number is outside every range."""
    # SQLite stores NaN as NULL; Postgres treats it as greater than every number.
    return or_(value.is_(None), not_(value.between(low, high)))


def _not_one(*parts: Any) -> ColumnElement[bool]:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return _outside(total, 1 - _ROUNDING, 1 + _ROUNDING)


def _known(number: Any, table: Table) -> ColumnElement[bool]:
    known: ColumnElement[bool] = number.in_(select(table.c.id))
    return known
