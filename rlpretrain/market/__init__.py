"""Prices: the panel, where it comes from, calendars, indicators and regimes."""
