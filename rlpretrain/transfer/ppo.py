"""Proximal policy optimisation (Schulman et al. 2017, arXiv 1707.06347)."""

from __future__ import annotations

from stable_baselines3 import PPO

from rlpretrain.transfer.agent import TradingAgent

__all__ = ["PpoAgent"]


class PpoAgent(TradingAgent, PPO):
    """An agent that takes several clipped optimiser steps on each rollout."""
