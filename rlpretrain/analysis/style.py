"""Colours and type of the drawings."""

from __future__ import annotations

from typing import Any

__all__ = ["BUY_COLOUR", "GREY", "GROUP_COLOURS", "INK", "PALETTE", "SELL_COLOUR", "STYLE", "plain"]

# Okabe and Ito's colours, which colour-blind readers can distinguish; darker ones replace their yellow and black.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8C6D1F", "#44336F")
GROUP_COLOURS = {"asset": "#0072B2", "market": "#009E73", "votes": "#E69F00", "position": "#CC79A7"}
"""Colour of each group of features."""
BUY_COLOUR, SELL_COLOUR, GREY, INK = "#0072B2", "#D55E00", "#8A8A8A", "#222222"
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "text.color": INK,
    "svg.hashsalt": "pattern analysis",
}


def plain(name: str) -> str:
    """Return a name with spaces in place of underscores."""
    return name.replace("_", " ")
