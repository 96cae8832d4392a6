"""How the service spells keys of its answers."""

__all__ = ["CASH", "DATE_KEY"]

CASH = "$USD"
"""Key of money that is not invested."""

DATE_KEY = "cumulative_return_date"
"""Key of the days of the daily values over MCP."""
