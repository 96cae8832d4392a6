"""How the service spells what its answers hold."""

__all__ = ["CASH", "DATE_KEY"]

CASH = "$USD"
"""Money that is not invested."""

DATE_KEY = "cumulative_return_date"
"""The days of the daily values that MCP gives."""
