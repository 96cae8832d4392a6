"""Proximal policy optimisation (Schulman et al. 2017, arXiv 1707.06347)."""

from __future__ import annotations

from rlpretrain.transfer.agent import TradingAgent
from rlpretrain.transfer.lean_ppo import LeanPPO

__all__ = ["PpoAgent"]


class PpoAgent(TradingAgent, LeanPPO):
    """An agent that takes several clipped optimiser steps on each rollout."""
