"""Synchronous advantage actor-critic (Mnih et al. 2016, arXiv 1602.01783)."""

from __future__ import annotations

from stable_baselines3 import A2C

from rlpretrain.transfer.agent import TradingAgent

__all__ = ["A2cAgent"]


class A2cAgent(TradingAgent, A2C):
    """An agent that takes one optimiser step on each short rollout."""
