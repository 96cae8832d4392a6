"""Nightly pre-training of trading agents on a library of rule-based strategies."""
