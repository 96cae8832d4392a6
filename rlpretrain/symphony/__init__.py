"""Symphonies: parse, evaluate to daily weights, backtest."""
