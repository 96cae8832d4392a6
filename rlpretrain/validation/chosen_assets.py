"""The assets that a claim is tested on: those that are named, and those on which the library votes most."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rlpretrain.errors import DataError
from rlpretrain.market.tickers import normal_ticker

__all__ = ["MOST_ASSETS", "choose_assets", "named_assets", "normal_choice", "number_of_assets"]

MOST_ASSETS = 100
"""Maximum number of most voted assets; each is a validation of its own."""

_MOST_VOTED = re.compile(r"most_voted:([0-9]{1,4})")


def normal_choice(text: str) -> str:
    """Return a ticker, or ``most_voted:N``, as this program spells it.

    Raises
    ------
    ValueError
        The text is neither.
    """
    choice = text.strip().lower()
    if choice.startswith("most_voted"):
        found = _MOST_VOTED.fullmatch(choice)
        if found is None or not 1 <= int(found[1]) <= MOST_ASSETS:
            raise ValueError(f"{text!r} is not most_voted:N with a whole number N from 1 to {MOST_ASSETS}")
        return f"most_voted:{int(found[1])}"
    ticker = normal_ticker(text)
    if ticker is None:
        raise ValueError(f"{text!r} is neither a ticker nor most_voted:N")
    return ticker


def named_assets(choices: Sequence[str]) -> list[str]:
    """Return the tickers among the choices, in their order."""
    return [choice for choice in choices if not _MOST_VOTED.fullmatch(choice)]


def number_of_assets(choices: Sequence[str]) -> int:
    """Return the number of assets that the choices stand for, at most."""
    return len(named_assets(choices)) + _most_voted(choices)


def choose_assets(choices: Sequence[str], ranked: Sequence[str]) -> list[str]:
    """Return the assets that the choices stand for, each once: those that are named, then the most voted.

    Parameters
    ----------
    choices
        Tickers, and at most one ``most_voted:N``.
    ranked
        Assets by the votes on them, the most voted first. Where they are fewer than N, all of them are taken.

    Raises
    ------
    DataError
        No asset is named, and none has votes.
    """
    assets = list(dict.fromkeys([*named_assets(choices), *ranked[: _most_voted(choices)]]))
    if not assets:
        raise DataError(
            f"validation_envs={','.join(choices)}: no asset that could be validated has votes before the "
            "validation window",
            hint="name an asset, use more strategies, or set a later validation_start",
        )
    return assets


def _most_voted(choices: Sequence[str]) -> int:
    return sum(int(found[1]) for choice in choices if (found := _MOST_VOTED.fullmatch(choice)))
