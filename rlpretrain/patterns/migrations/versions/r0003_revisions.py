"""Add collections, revisions (a night writes only what changed), models, archives and states in named columns."""

# Statements below are built from this file's own names, never from data.
# ruff: noqa: S608

import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_CURRENT = 2**31 - 1
_STATE = """
return_1 return_2 return_3 return_5 return_10 return_20 return_60 return_120 return_250 gap body
close_location range average_10 average_20 average_50 average_200 average_20_50 average_50_200 rsi_2
rsi_14 adx_14 directional_14 macd_histogram cci_20 williams_14 bollinger_20 bandwidth money_flow_14
aroon_25 above_high_20 above_low_20 position_55 position_250 drawdown_250 volatility_5_20
volatility_20_250 volatility range_volatility skewness_60 autocorrelation_60 streak volume_20
volume_5_60 market_return_5 market_return_20 market_average_200 market_volatility market_drawdown
bond_return_20 fear_return_10 regime_bull regime_bear regime_sideways regime_volatile votes_share
votes_relative votes_weighted votes_change_1 votes_change_5 in_position unrealised_return days_held
exposure
""".split()  # noqa: SIM905
"""Names of the 64 numbers of a state, in its order."""
_KEYS = {
    "patterns": ("collection_id", "date", "asset_id", "in_position", "since"),
    "trades": ("collection_id", "strategy_id", "asset_id", "decided", "since"),
}
_PATTERN = (
    *("action", "hold", "buy", "sell", "supporters", "dissenters", "category"),
    *("momentum", "mean_reversion", "breakout", "trend_following", "regime", "confidence"),
    *("strategy_weight", "reward", "value", "settled", "state"),
)
_TRADE = (
    *("entered", "exited", "entry_price", "exit_price", "cost", "net_return", "mae", "mfe", "holding_days"),
)


def upgrade() -> None:
    """Create the tables; existing rows become revisions of their collections."""
    for table in ("patterns", "trades"):
        op.rename_table(table, f"old_{table}")
        if op.get_bind().dialect.name == "postgresql":
            op.execute(f"ALTER INDEX pk_{table} RENAME TO old_pk_{table}")
    _make_small_tables()
    _make_trades()
    _make_patterns()
    _move_rows()
    for table in ("patterns", "trades"):
        op.drop_table(f"old_{table}")
        op.create_index(
            f"ix_{table}_until",
            table,
            ["collection_id", "until"],
            postgresql_where=sa.text(f"until < {_CURRENT}"),
            sqlite_where=sa.text(f"until < {_CURRENT}"),
        )
    make_view(_STATE)


def _make_small_tables() -> None:
    op.add_column(
        "runs",
        sa.Column(
            "used",
            sa.DateTime(timezone=True),
            nullable=False,
            server_default="1970-01-01 00:00:00",
            comment="last time it asked",
        ),
    )
    op.create_table(
        "assets",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("symbol", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_assets"),
        sa.UniqueConstraint("symbol", name="uq_assets_symbol"),
    )
    op.create_table(
        "collections",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("settings", sa.Text, nullable=False, comment="JSON of what is behind the digest"),
        sa.PrimaryKeyConstraint("id", name="pk_collections"),
        sa.UniqueConstraint("digest", name="uq_collections_digest"),
    )
    op.create_table(
        "contents",
        sa.Column("extraction_id", sa.Integer, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("collection_id", sa.Integer, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("rows", sa.Integer, nullable=False),
        sa.Column("digest", sa.Text, nullable=False, comment="SHA-256 of the rows; empty when unknown"),
        sa.Column(
            "archived", sa.Boolean, nullable=False, comment="whether some of its rows are in an archive"
        ),
        sa.PrimaryKeyConstraint("extraction_id", "kind", name="pk_contents"),
        sa.ForeignKeyConstraint(["extraction_id"], ["extractions.id"], name="fk_contents_extraction_id"),
        sa.ForeignKeyConstraint(["collection_id"], ["collections.id"], name="fk_contents_collection_id"),
        sa.CheckConstraint("kind IN ('patterns', 'trades')", name="kind"),
        sa.CheckConstraint("revision > 0", name="revision"),
    )
    op.create_index("ix_contents_revision", "contents", ["collection_id", "kind", "revision"])
    op.create_table(
        "models",
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("file", sa.Text, nullable=False, comment="relative to the folder of all runs"),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("state_version", sa.Text, nullable=False),
        sa.Column("promoted", sa.Boolean, comment="NULL for a policy, which is not up for promotion"),
        sa.PrimaryKeyConstraint("run_id", "role", name="pk_models"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.run_id"], name="fk_models_run_id"),
        sa.CheckConstraint("role IN ('policy', 'agent')", name="role"),
    )
    op.create_table(
        "archives",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("collection_id", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("rows", sa.Integer, nullable=False),
        sa.Column("first_revision", sa.Integer, nullable=False),
        sa.Column("last_revision", sa.Integer, nullable=False),
        sa.Column("digest", sa.Text, nullable=False, comment="SHA-256 of the rows"),
        sa.PrimaryKeyConstraint("name", name="pk_archives"),
        sa.ForeignKeyConstraint(["collection_id"], ["collections.id"], name="fk_archives_collection_id"),
        sa.CheckConstraint("state IN ('writing', 'stored', 'leaving')", name="state"),
    )
    op.create_index("ix_archives_collection_id", "archives", ["collection_id"])


def _make_trades() -> None:
    op.create_table(
        "trades",
        sa.Column("collection_id", sa.Integer, nullable=False),
        sa.Column("strategy_id", sa.Integer, nullable=False),
        sa.Column("asset_id", sa.Integer, nullable=False),
        sa.Column("decided", sa.Date, nullable=False),
        sa.Column("since", sa.Integer, nullable=False),
        sa.Column("until", sa.Integer, nullable=False),
        sa.Column("entered", sa.Date, nullable=False),
        sa.Column("exited", sa.Date, nullable=False),
        *(sa.Column(name, sa.Double, nullable=False) for name in _TRADE[2:-1]),
        sa.Column("holding_days", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint(*_KEYS["trades"], name="pk_trades"),
        sa.ForeignKeyConstraint(["strategy_id"], ["strategies.id"], name="fk_trades_strategy_id"),
        sa.CheckConstraint("since < until", name="revisions"),
        sa.CheckConstraint("decided < entered AND entered < exited AND holding_days > 0", name="time_order"),
        sa.CheckConstraint("mae <= 0 AND mfe >= 0", name="excursions"),
    )


def _make_patterns() -> None:
    small, whole, real = sa.SmallInteger, sa.Integer, sa.REAL
    op.create_table(
        "patterns",
        sa.Column("collection_id", whole, nullable=False),
        sa.Column("date", sa.Date, nullable=False),
        sa.Column("asset_id", whole, nullable=False),
        sa.Column("in_position", sa.Boolean, nullable=False),
        sa.Column("since", whole, nullable=False, comment="revision from which the row counts"),
        sa.Column("until", whole, nullable=False, comment="revision from which it does not"),
        sa.Column("action", small, nullable=False, comment="0 hold, 1 buy, 2 sell"),
        *(sa.Column(name, real, nullable=False) for name in ("hold", "buy", "sell")),
        sa.Column("supporters", whole, nullable=False),
        sa.Column("dissenters", whole, nullable=False),
        sa.Column(
            "category",
            small,
            nullable=False,
            comment="position of the score's column among the next four",
        ),
        *(sa.Column(name, real, nullable=False) for name in _PATTERN[7:11]),
        sa.Column("regime", small, nullable=False, comment="0 bull, 1 bear, 2 sideways, 3 volatile"),
        *(sa.Column(name, real, nullable=False) for name in _PATTERN[12:16]),
        sa.Column("settled", sa.Date, nullable=False),
        sa.Column("state", sa.LargeBinary, nullable=False, comment="64 little-endian float32"),
        sa.PrimaryKeyConstraint(*_KEYS["patterns"], name="pk_patterns"),
        sa.CheckConstraint("since < until", name="revisions"),
        sa.CheckConstraint("action BETWEEN 0 AND 2", name="action"),
        sa.CheckConstraint("category BETWEEN 0 AND 3", name="category"),
        sa.CheckConstraint("regime BETWEEN 0 AND 3", name="regime"),
        sa.CheckConstraint("confidence BETWEEN 0 AND 1", name="confidence"),
        sa.CheckConstraint("strategy_weight > 0", name="strategy_weight"),
        sa.CheckConstraint("date < settled", name="time_order"),
        sa.CheckConstraint("length(state) = 256", name="state"),
    )


def _move_rows() -> None:
    connection = op.get_bind()
    for table in ("patterns", "trades"):
        op.execute(
            f"INSERT INTO assets (symbol) SELECT DISTINCT asset FROM old_{table} "
            "WHERE asset NOT IN (SELECT symbol FROM assets) ORDER BY asset"
        )
    members: dict[str, list[int]] = defaultdict(list)
    found = connection.execute(sa.text("SELECT id, inputs FROM extractions ORDER BY id")).all()
    for extraction, inputs in found:
        varying = ("library", "agreement", "market")
        settings = {name: value for name, value in json.loads(inputs).items() if name not in varying}
        members[json.dumps(settings, sort_keys=True)].append(extraction)
    for described, extractions in members.items():
        connection.execute(
            sa.text("INSERT INTO collections (digest, settings) VALUES (:digest, :settings)"),
            {"digest": hashlib.sha256(described.encode()).hexdigest(), "settings": described},
        )
        for number, extraction in enumerate(extractions, start=1):
            _move_extraction(described, extraction, number, last=number == len(extractions))


def _move_extraction(settings: str, extraction: int, number: int, *, last: bool) -> None:
    names = {
        "patterns": (("date", "asset", "in_position"), _PATTERN),
        "trades": (("strategy_id", "asset", "decided"), _TRADE),
    }
    values = {
        "settings": settings,
        "extraction": extraction,
        "since": number,
        "until": _CURRENT if last else number + 1,
    }
    collection = "(SELECT id FROM collections WHERE settings = :settings)"
    for table, (key, rest) in names.items():
        listed = ", ".join(
            ("collection_id", *("asset_id" if n == "asset" else n for n in key), "since", "until", *rest)
        )
        taken = ", ".join("assets.id" if name == "asset" else f"old.{name}" for name in key)
        columns = ", ".join(f"old.{name}" for name in rest)
        op.get_bind().execute(
            sa.text(
                f"INSERT INTO {table} ({listed}) SELECT {collection}, {taken}, :since, :until, {columns} "
                f"FROM old_{table} AS old JOIN assets ON assets.symbol = old.asset "
                "WHERE old.extraction_id = :extraction"
            ),
            values,
        )
        op.get_bind().execute(
            sa.text(
                "INSERT INTO contents (extraction_id, kind, collection_id, revision, rows, digest, archived) "
                f"SELECT :extraction, '{table}', {collection}, :since, count(*), '', :no "
                f"FROM old_{table} WHERE extraction_id = :extraction"
            ).bindparams(sa.bindparam("no", False, sa.Boolean)),
            {name: value for name, value in values.items() if name != "until"},
        )


def make_view(state: Sequence[str], rows: str = "true") -> None:
    """Create a view with names for a pattern's asset, action, category, regime and the numbers of its state.

    Parameters
    ----------
    state
        Names of the numbers, in their order.
    rows
        Condition, in SQL, of the patterns that it shows.
    """
    if op.get_bind().dialect.name == "postgresql":
        op.execute(_POSTGRES_NUMBER)
        numbers = [f"state_number(state, {4 * i}) AS {name}" for i, name in enumerate(state)]
    else:
        numbers = [f"{_sqlite_number(8 * i)} AS {name}" for i, name in enumerate(state)]
    columns = [
        "collection_id", "symbol AS asset", "date",
        "CASE WHEN patterns.in_position THEN 'long' ELSE 'flat' END AS position",
        "since", "until", _named("action", "hold", "buy", "sell"), "hold", "buy", "sell", "supporters", "dissenters",
        _named("category", "momentum", "mean_reversion", "breakout", "trend_following"), *_PATTERN[7:11],
        _named("regime", "bull", "bear", "sideways", "volatile"), *_PATTERN[12:17], *numbers,
    ]  # fmt: skip
    op.execute(
        f"CREATE VIEW patterns_named AS SELECT {', '.join(columns)} "
        f"FROM patterns JOIN assets ON assets.id = patterns.asset_id WHERE {rows}"
    )


def _named(column: str, *names: str) -> str:
    cases = " ".join(f"WHEN {i} THEN '{name}'" for i, name in enumerate(names))
    return f"CASE {column} {cases} END AS {column}"


# Neither database can read a float from bytes, so sign, exponent and fraction are combined, exactly.
_POSTGRES_NUMBER = """
CREATE OR REPLACE FUNCTION state_number(state bytea, start integer) RETURNS real
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT CASE
        WHEN exponent = 255 THEN 'NaN'::real
        WHEN exponent = 0 THEN (sign * fraction * 2.0::float8 ^ (-149))::real
        ELSE (sign * (8388608 + fraction) * 2.0::float8 ^ (exponent - 150))::real
    END
    FROM (
        SELECT
            CASE WHEN high > 127 THEN -1 ELSE 1 END AS sign,
            ((high & 127) << 1) | (get_byte(state, start + 2) >> 7) AS exponent,
            ((get_byte(state, start + 2) & 127) << 16) | (get_byte(state, start + 1) << 8)
                | get_byte(state, start) AS fraction
        FROM (SELECT get_byte(state, start + 3) AS high) AS first
    ) AS parts
$$
"""


def _sqlite_number(start: int) -> str:
    """Return the expression of the float whose hexadecimal digits begin at `start`; NULL when it is not finite."""

    def byte(i: int) -> str:
        high, low = (f"instr('123456789ABCDEF', substr(hex(state), {start + 2 * i + k}, 1))" for k in (1, 2))
        return f"({high} * 16 + {low})"

    sign = f"CASE WHEN {byte(3)} > 127 THEN -1.0 ELSE 1.0 END"
    exponent = f"(({byte(3)} & 127) * 2 + ({byte(2)} >> 7))"
    fraction = f"((({byte(2)} & 127) << 16) + ({byte(1)} << 8) + {byte(0)})"
    # A power of two in steps that fit into 62 bits, because not every build has the function.
    down = "".join(f" / (1 << max(0, min(50, {step} - {exponent})))" for step in (150, 100, 50))
    up = "".join(f" * (1 << max(0, min(50, {exponent} - {step})))" for step in (150, 200, 250))
    return (
        f"CASE WHEN {exponent} = 255 THEN NULL "
        f"WHEN {exponent} = 0 THEN {sign} * {fraction} / (1 << 50) / (1 << 50) / (1 << 49) "
        f"ELSE {sign} * (8388608 + {fraction}){down}{up} END"
    )


def downgrade() -> None:
    """Raise an error: revisions do not fit into the earlier tables."""
    raise NotImplementedError("the store cannot go back before revision 0003; restore a backup")
