"""Name the numbers of states by version 2 in the view of named patterns."""

from alembic import op

from rlpretrain.patterns.migrations.versions.r0003_revisions import make_view

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_STATE = """
return_1 return_2 return_3 return_5 return_10 return_20 return_60 return_120 return_250 gap body
close_location range average_10 average_20 average_50 average_200 average_50_200 rsi_2 adx_14
directional_14 macd_histogram williams_14 bollinger_20 bandwidth money_flow_14 aroon_25 above_high_20
above_low_20 position_55 position_250 drawdown_250 volatility_5_20 volatility_20_250 volatility
range_volatility skewness_60 autocorrelation_60 streak volume_20 volume_5_60 market_return_5
market_return_20 market_average_200 market_volatility market_drawdown bond_return_20 fear_return_10
regime_bull regime_bear regime_sideways regime_volatile votes_share votes_relative votes_weighted
votes_change_1 votes_change_5 votes_related votes_risk_on votes_independent votes_turning in_position
unrealised_return days_held
""".split()  # noqa: SIM905
_OTHERS = """collection_id NOT IN (SELECT id FROM collections WHERE settings LIKE '%"state_version": "1"%')"""


def upgrade() -> None:
    """Make the view anew; states of version 1, to which the names do not apply, are left out of it."""
    op.execute("DROP VIEW patterns_named")
    make_view(_STATE, _OTHERS)


def downgrade() -> None:
    """Raise an error: the store cannot tell which names belong to states written since."""
    raise NotImplementedError("the store cannot go back before revision 0006; restore a backup")
